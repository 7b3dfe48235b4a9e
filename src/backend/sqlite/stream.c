/*
 * Streams and their partitions: finding, making and removing them. The messages themselves are
 * written in writer.c and read in reader.c.
 */
#include "backend/sqlite/sqlite.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 255

/* --- finding --------------------------------------------------------------------------------- */

#define COLUMNS "id, name, partitions, created_ms, retention_ms, max_bytes, max_length"

static int64_t limit_of(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL
	           ? -1
	           : sqlite3_column_int64(stmt, column);
}

static int take_row(sqlite3_stmt *stmt, struct mq_sq_stream *ret, struct mq_err *err)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 1);

	*ret = (struct mq_sq_stream){
	    .id = sqlite3_column_int64(stmt, 0),
	    .name = name ? strdup(name) : NULL,
	    .n_partitions = sqlite3_column_int(stmt, 2),
	    .created_ms = sqlite3_column_int64(stmt, 3),
	    .retention_ms = limit_of(stmt, 4),
	    .max_bytes = limit_of(stmt, 5),
	    .max_length = limit_of(stmt, 6),
	};
	return ret->name ? 0 : mq_fail_memory(err);
}

int mq_sq_stream_find(struct mq_sq *sq, const char *name, struct mq_sq_stream *ret,
                      struct mq_err *err)
{
	sqlite3_stmt *stmt =
	    mq_sq_query(sq, err, "SELECT " COLUMNS " FROM mq_streams WHERE name=?", "s", name);

	if (!stmt)
		return -1;
	int got = mq_sq_step(sq, stmt, err);
	if (got == 1) {
		if (take_row(stmt, ret, err) < 0)
			got = -1;
		sqlite3_reset(stmt);
	}
	return got;
}

int mq_sq_stream_all(struct mq_sq *sq, struct mq_sq_stream **ret, size_t *ret_n, struct mq_err *err)
{
	sqlite3_stmt *stmt =
	    mq_sq_query(sq, err, "SELECT " COLUMNS " FROM mq_streams ORDER BY name", "");
	int got;

	*ret = NULL;
	*ret_n = 0;
	if (!stmt)
		return -1;
	while ((got = mq_sq_step(sq, stmt, err)) == 1) {
		struct mq_sq_stream *stream = mq_info_grow(ret, ret_n, sizeof *stream, err);
		if (!stream || take_row(stmt, stream, err) < 0) {
			sqlite3_reset(stmt);
			got = -1;
			break;
		}
	}
	if (got < 0) {
		mq_sq_streams_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return got;
}

void mq_sq_stream_release(struct mq_sq_stream *stream)
{
	if (!stream)
		return;
	free(stream->name);
	*stream = (struct mq_sq_stream){0};
}

void mq_sq_streams_free(struct mq_sq_stream *streams, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mq_sq_stream_release(&streams[i]);
	free(streams);
}

int mq_sq_no_stream(struct mq_sq *sq, const char *name, struct mq_err *err)
{
	mq_fail(err, MQ_NOT_FOUND, "there is no stream %s in %s", name, sq->path);
	return mq_hint(err, "`mqtk ls %s%s/` lists its streams; the first message to one makes it",
	               sq->profile ? "" : "sqlite:", sq->profile ? sq->profile : sq->path);
}

/* --- partitions ------------------------------------------------------------------------------ */

int mq_sq_part_load(struct mq_sq *sq, int64_t stream, int32_t partition, struct mq_sq_part *ret,
                    struct mq_err *err)
{
	int64_t v[5];
	int got = mq_sq_ints(sq, err,
	                     "SELECT begin, end, bytes, open_first, open_max FROM mq_partitions"
	                     " WHERE stream=? AND partition=?",
	                     v, 5, "ii", stream, (int64_t)partition);

	if (got == 1)
		*ret = (struct mq_sq_part){v[0], v[1], v[2], v[3], v[4]};
	return got;
}

int mq_sq_part_save(struct mq_sq *sq, int64_t stream, int32_t partition,
                    const struct mq_sq_part *part, struct mq_err *err)
{
	return mq_sq_run(
	    sq, err,
	    "UPDATE mq_partitions SET begin=?, end=?, bytes=?, open_first=?, open_max=?"
	    " WHERE stream=? AND partition=?",
	    "iiiiiii", part->begin, part->end, part->bytes, part->open_first, part->open_max,
	    stream, (int64_t)partition);
}

int mq_sq_stream_stmt(struct mq_sq *sq, sqlite3_stmt **ret, int64_t stream, const char *fmt,
                      struct mq_err *err)
{
	char sql[300];

	*ret = NULL;
	sqlite3_snprintf(sizeof sql, sql, fmt, (long long)stream);
	int rc = sqlite3_prepare_v3(sq->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	return rc == SQLITE_OK ? 0 : mq_sq_fail(sq, err, rc, "cannot use the stream");
}

/* --- making ---------------------------------------------------------------------------------- */

int mq_sq_stream_check_name(const char *name, struct mq_err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_BYTES)
		return mq_fail(err, MQ_USAGE, "a stream's name has 1 to %d bytes, this one has %zu",
		               NAME_MAX_BYTES, len);
	if (name[0] == '^')
		return mq_fail(err, MQ_USAGE,
		               "%s is a regular expression; a stream's name cannot begin with ^",
		               name);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return mq_fail(err, MQ_USAGE,
			               "a stream's name has no control characters: %s", name);
	if (!mq_utf8_valid(mq_bytes_str(name)))
		return mq_fail(err, MQ_USAGE, "a stream's name is UTF-8: %s", name);
	return 0;
}

/* The limits may also come as the names that describe shows. */
static int apply_config(const struct mq_stream_spec *spec, struct mq_sq_stream *stream,
                        struct mq_err *err)
{
	struct {
		const char *name;
		int64_t *value;
	} known[] = {{"retention_ms", &stream->retention_ms},
	             {"max_bytes", &stream->max_bytes},
	             {"max_length", &stream->max_length}};

	for (size_t i = 0; i < spec->n_config; i++) {
		const char *entry = spec->config[i];
		const char *equals = strchr(entry, '=');
		size_t k = 0;
		for (; equals && k < 3; k++)
			if (strncmp(entry, known[k].name, (size_t)(equals - entry)) == 0 &&
			    known[k].name[equals - entry] == '\0')
				break;
		if (!equals || k == 3)
			return mq_fail(err, MQ_USAGE,
			               "the local store has no --config %s; it knows retention_ms, "
			               "max_bytes and max_length",
			               entry);
		if (strcmp(equals + 1, "unlimited") == 0)
			*known[k].value = -1;
		else if (mq_int_parse(equals + 1, 0, INT64_MAX, known[k].value, err) < 0)
			return mq_hint(err, "--config %s", entry);
	}
	return 0;
}

/* A view for people with an SQL shell. Names differ from each other only by case may be taken. */
static int make_view(struct mq_sq *sq, int64_t id, const char *name, struct mq_err *err)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		char suffix[32] = "";
		if (attempt)
			sqlite3_snprintf(sizeof suffix, suffix, "_%lld", (long long)id);
		char *sql = sqlite3_mprintf(
		    "CREATE VIEW \"stream_%w%s\" AS SELECT id >> %d AS partition,"
		    " id & %lld AS offset, strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', ts / 1000.0,"
		    " 'unixepoch') AS time, ts, CAST(key AS TEXT) AS key,"
		    " CAST(payload AS TEXT) AS payload, extra FROM mq_%lld",
		    name, suffix, MQ_SQ_OFFSET_BITS, ((long long)1 << MQ_SQ_OFFSET_BITS) - 1,
		    (long long)id);
		if (!sql)
			return mq_fail_memory(err);
		int rc = sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
		sqlite3_free(sql);
		if (rc == SQLITE_OK)
			return 0;
		if (rc != SQLITE_ERROR || attempt)
			return mq_sq_fail(sq, err, rc, "cannot make stream %s", name);
	}
	return 0;
}

static int check_partitions(int64_t partitions, struct mq_err *err)
{
	if (partitions <= MQ_SQ_MAX_PARTITIONS)
		return 0;
	return mq_fail(err, MQ_USAGE, "the local store has at most %d partitions in a stream",
	               MQ_SQ_MAX_PARTITIONS);
}

static int add_partitions(struct mq_sq *sq, int64_t id, int64_t first, int64_t end,
                          struct mq_err *err)
{
	for (int64_t p = first; p < end; p++)
		if (mq_sq_run(sq, err, "INSERT INTO mq_partitions VALUES(?, ?, 0, 0, 0, 0, ?)",
		              "iii", id, p, INT64_MIN) < 0)
			return -1;
	return 0;
}

int mq_sq_stream_make(struct mq_sq *sq, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_sq_stream made = {.retention_ms = spec->retention_ms,
	                            .max_bytes = spec->max_bytes,
	                            .max_length = spec->max_length};
	int64_t partitions = spec->partitions > 0 ? spec->partitions : 1;
	char sql[200];

	if (mq_sq_stream_check_name(spec->stream, err) < 0 || apply_config(spec, &made, err) < 0 ||
	    check_partitions(partitions, err) < 0)
		return -1;
	if (mq_sq_run(
	        sq, err,
	        "INSERT INTO mq_streams(name, partitions, created_ms, retention_ms, max_bytes,"
	        " max_length) VALUES(?, ?, ?, nullif(?, -1), nullif(?, -1), nullif(?, -1))",
	        "siiiii", spec->stream, partitions, mq_now_ms(), made.retention_ms, made.max_bytes,
	        made.max_length) < 0)
		return -1;
	int64_t id = sqlite3_last_insert_rowid(sq->db);
	sqlite3_snprintf(sizeof sql, sql,
	                 "CREATE TABLE mq_%lld(id INTEGER PRIMARY KEY, ts INT, key BLOB,"
	                 " payload BLOB, extra BLOB)",
	                 (long long)id);
	int rc = sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return mq_sq_fail(sq, err, rc, "cannot make stream %s", spec->stream);
	if (add_partitions(sq, id, 0, partitions, err) < 0)
		return -1;
	return make_view(sq, id, spec->stream, err);
}

/* The views of this stream: with and without the suffix; found by the table they read. */
static int drop_view(struct mq_sq *sq, int64_t id, const char *name, struct mq_err *err)
{
	char *table = sqlite3_mprintf("%% FROM mq_%lld", (long long)id);
	char *found = NULL;
	int result = -1;

	if (!table) {
		mq_fail_memory(err);
		goto out;
	}
	sqlite3_stmt *stmt = mq_sq_query(
	    sq, err, "SELECT name FROM sqlite_master WHERE type='view' AND sql LIKE ?", "s", table);
	int got = stmt ? mq_sq_step(sq, stmt, err) : -1;
	if (got == 1) {
		found = sqlite3_mprintf("DROP VIEW \"%w\"", sqlite3_column_text(stmt, 0));
		sqlite3_reset(stmt);
		if (!found) {
			mq_fail_memory(err);
			goto out;
		}
		int rc = sqlite3_exec(sq->db, found, NULL, NULL, NULL);
		result = rc == SQLITE_OK ? 0 : mq_sq_fail(sq, err, rc, "cannot delete %s", name);
	} else {
		result = got;
	}
out:
	sqlite3_free(table);
	sqlite3_free(found);
	return result;
}

/* --- changing -------------------------------------------------------------------------------- */

/* More partitions. The view is made anew although it stays the same: a change of the schema is what
 * tells running readers to look at their streams again. */
static int grow(struct mq_sq *sq, const struct mq_sq_stream *stream, int32_t partitions,
                struct mq_err *err)
{
	if (partitions < stream->n_partitions) {
		mq_fail(err, MQ_USAGE, "stream %s has %d partitions and cannot have fewer",
		        stream->name, (int)stream->n_partitions);
		return mq_hint(err, "copy it into a new stream that is made with fewer");
	}
	if (partitions == stream->n_partitions)
		return 0;
	if (check_partitions(partitions, err) < 0 ||
	    add_partitions(sq, stream->id, stream->n_partitions, partitions, err) < 0 ||
	    drop_view(sq, stream->id, stream->name, err) < 0)
		return -1;
	return make_view(sq, stream->id, stream->name, err);
}

static int alter_inside(struct mq_sq *sq, const struct mq_stream_spec *spec,
                        struct mq_sq_stream *stream, struct mq_err *err)
{
	int found = mq_sq_stream_find(sq, spec->stream, stream, err);

	if (found == 0)
		mq_sq_no_stream(sq, spec->stream, err);
	if (found <= 0)
		return -1;
	if (spec->partitions > 0) {
		if (grow(sq, stream, spec->partitions, err) < 0)
			return -1;
		stream->n_partitions = spec->partitions;
	}
	if (spec->retention_ms >= 0)
		stream->retention_ms = spec->retention_ms;
	if (spec->max_bytes >= 0)
		stream->max_bytes = spec->max_bytes;
	if (spec->max_length >= 0)
		stream->max_length = spec->max_length;
	if (apply_config(spec, stream, err) < 0 ||
	    mq_sq_run(sq, err,
	              "UPDATE mq_streams SET partitions=?, retention_ms=nullif(?, -1),"
	              " max_bytes=nullif(?, -1), max_length=nullif(?, -1) WHERE id=?",
	              "iiiii", (int64_t)stream->n_partitions, stream->retention_ms,
	              stream->max_bytes, stream->max_length, stream->id) < 0)
		return -1;
	return mq_sq_retain(sq, stream, err);
}

int mq_sq_stream_alter(struct mq_sq *sq, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};

	if (mq_sq_begin(sq, err) < 0)
		return -1;
	int result = alter_inside(sq, spec, &stream, err);
	mq_sq_stream_release(&stream);
	if (result == 0)
		return mq_sq_commit(sq, err);
	mq_sq_rollback(sq);
	return -1;
}

/* --- removing -------------------------------------------------------------------------------- */

static int remove_rows(struct mq_sq *sq, int64_t id, struct mq_err *err)
{
	static const char *const deletes[] = {
	    "DELETE FROM mq_partitions WHERE stream=?",
	    "DELETE FROM mq_blocks WHERE stream=?",
	    "DELETE FROM mq_positions WHERE stream=?",
	    "DELETE FROM mq_subscriptions WHERE stream=?",
	    "DELETE FROM mq_leases WHERE stream=?",
	    "DELETE FROM mq_streams WHERE id=?",
	};

	for (size_t i = 0; i < sizeof deletes / sizeof deletes[0]; i++)
		if (mq_sq_run(sq, err, deletes[i], "i", id) < 0)
			return -1;
	return 0;
}

int mq_sq_stream_remove(struct mq_sq *sq, const char *name, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	char sql[60];

	if (mq_sq_begin(sq, err) < 0)
		return -1;
	int found = mq_sq_stream_find(sq, name, &stream, err);
	if (found <= 0) {
		if (found == 0)
			mq_sq_no_stream(sq, name, err);
		goto fail;
	}
	if (drop_view(sq, stream.id, name, err) < 0)
		goto fail;
	sqlite3_snprintf(sizeof sql, sql, "DROP TABLE mq_%lld", (long long)stream.id);
	int rc = sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		mq_sq_fail(sq, err, rc, "cannot delete stream %s", name);
		goto fail;
	}
	if (remove_rows(sq, stream.id, err) < 0)
		goto fail;
	mq_sq_stream_release(&stream);
	if (mq_sq_commit(sq, err) < 0)
		return -1;
	/* The room goes back to the disk when nobody is in the way; the stream is gone anyway. */
	sqlite3_exec(sq->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
	return 0;
fail:
	mq_sq_rollback(sq);
	mq_sq_stream_release(&stream);
	return -1;
}
