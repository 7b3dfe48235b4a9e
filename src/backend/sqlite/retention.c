/*
 * What goes from the front of a stream: what its limits no longer keep, and what trim asks for.
 *
 * The writer retains in each of its transactions, so that limits hold exactly and cost about as
 * much as the inserts did. Limits are the stream's. When they are reached the fullest partitions
 * give up their oldest messages first, so that a busy partition does not push out what a quiet one
 * holds. Age removes from the front only: a message behind a younger one stays until its turn.
 */
#include "backend/sqlite/sqlite.h"

#include <stdlib.h>

struct load {
	struct mq_sq_part part;
	int64_t count;
};

/* The largest level such that cutting every value down to it leaves no more than max together. */
static int64_t level_of(const struct load *loads, int32_t n, int64_t max, bool bytes)
{
	int64_t low = 0, high = INT64_MAX / (n + 1);

	if (max < 0)
		return INT64_MAX;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		int64_t sum = 0;
		for (int32_t i = 0; i < n; i++) {
			int64_t value = bytes ? loads[i].part.bytes : loads[i].count;
			sum += value < middle ? value : middle;
		}
		if (sum <= max)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* What is to go from a partition: all before begin. */
struct front {
	int64_t begin;
	int64_t count;
	int64_t bytes;
};

#define SIZE "coalesce(length(key), 0) + coalesce(length(payload), 0) + coalesce(length(extra), 0)"

/* Walks over what is over the limits. keep_newest: the newest message stays even when it alone is
 * over the size. */
static int walk(struct mq_sq *sq, const struct mq_sq_stream *stream, int32_t partition,
                const struct mq_sq_part *part, int64_t max_count, int64_t max_bytes, int64_t oldest,
                bool keep_newest, struct front *ret, struct mq_err *err)
{
	sqlite3_stmt *stmt = NULL;
	int got;

	*ret = (struct front){.begin = part->begin};
	if (mq_sq_stream_stmt(
	        sq, &stmt, stream->id,
	        "SELECT id, ts, " SIZE " FROM mq_%lld WHERE id>=? AND id<? ORDER BY id", err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, part->begin));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, part->end));
	while ((got = mq_sq_step(sq, stmt, err)) == 1) {
		int64_t left = part->end - ret->begin;
		bool over = left > max_count ||
		            (part->bytes - ret->bytes > max_bytes && (left > 1 || !keep_newest)) ||
		            sqlite3_column_int64(stmt, 1) < oldest;
		if (!over)
			break;
		ret->bytes += sqlite3_column_int64(stmt, 2);
		ret->count++;
		ret->begin = mq_sq_row_offset(sqlite3_column_int64(stmt, 0)) + 1;
	}
	sqlite3_finalize(stmt);
	return got < 0 ? -1 : 0;
}

/* All before a position. */
static int measure(struct mq_sq *sq, const struct mq_sq_stream *stream, int32_t partition,
                   const struct mq_sq_part *part, int64_t begin, struct front *ret,
                   struct mq_err *err)
{
	sqlite3_stmt *stmt = NULL;

	*ret = (struct front){.begin = begin < part->begin ? part->begin
	                               : begin > part->end ? part->end
	                                                   : begin};
	if (mq_sq_stream_stmt(sq, &stmt, stream->id,
	                      "SELECT count(*), total(" SIZE ") FROM mq_%lld WHERE id>=? AND id<?",
	                      err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, part->begin));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, ret->begin));
	int got = mq_sq_step(sq, stmt, err);
	if (got == 1) {
		ret->count = sqlite3_column_int64(stmt, 0);
		ret->bytes = sqlite3_column_int64(stmt, 1);
	}
	sqlite3_finalize(stmt);
	return got < 0 ? -1 : 0;
}

static int cut(struct mq_sq *sq, const struct mq_sq_stream *stream, int32_t partition,
               struct mq_sq_part *part, const struct front *front, struct mq_err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (front->begin == part->begin)
		return 0;
	if (mq_sq_stream_stmt(sq, &stmt, stream->id, "DELETE FROM mq_%lld WHERE id>=? AND id<?",
	                      err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, part->begin));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, front->begin));
	int got = mq_sq_step(sq, stmt, err);
	sqlite3_finalize(stmt);
	if (got < 0)
		return -1;
	part->begin = front->begin;
	part->bytes -= front->bytes;
	if (mq_sq_part_save(sq, stream->id, partition, part, err) < 0)
		return -1;
	return mq_sq_run(sq, err, "DELETE FROM mq_blocks WHERE stream=? AND partition=? AND end<=?",
	                 "iii", stream->id, (int64_t)partition, front->begin);
}

/* Limits of a stream, or what trim gives in their place; -1: none. */
struct limits {
	int64_t max_age, max_bytes, max_length;
	bool keep_newest;
};

static int load_all(struct mq_sq *sq, const struct mq_sq_stream *stream, struct load **ret,
                    struct mq_err *err)
{
	struct load *loads = calloc((size_t)stream->n_partitions, sizeof *loads);

	*ret = loads;
	if (!loads)
		return mq_fail_memory(err);
	for (int32_t p = 0; p < stream->n_partitions; p++) {
		int got = mq_sq_part_load(sq, stream->id, p, &loads[p].part, err);
		if (got <= 0)
			return got < 0
			           ? -1
			           : mq_fail(err, MQ_DATA, "%s: stream %s has lost partition %d",
			                     sq->path, stream->name, (int)p);
		loads[p].count = loads[p].part.end - loads[p].part.begin;
	}
	return 0;
}

/* Removes, or with dry_run only counts, what is over the limits. */
static int apply(struct mq_sq *sq, const struct mq_sq_stream *stream, const struct limits *limits,
                 bool dry_run, int64_t *ret_removed, struct mq_err *err)
{
	int32_t n = stream->n_partitions;
	struct load *loads = NULL;
	int64_t count = 0, bytes = 0, kept = 0;
	int result = -1;

	*ret_removed = 0;
	if (load_all(sq, stream, &loads, err) < 0)
		goto out;
	for (int32_t p = 0; p < n; p++) {
		count += loads[p].count;
		bytes += loads[p].part.bytes;
	}
	bool by_count = limits->max_length >= 0 && count > limits->max_length;
	bool by_bytes = limits->max_bytes >= 0 && bytes > limits->max_bytes;
	int64_t max_count = by_count ? level_of(loads, n, limits->max_length, false) : INT64_MAX;
	int64_t max_bytes = by_bytes ? level_of(loads, n, limits->max_bytes, true) : INT64_MAX;
	int64_t oldest = limits->max_age < 0 ? INT64_MIN : mq_now_ms() - limits->max_age;
	for (int32_t p = 0; by_count && p < n; p++)
		kept += loads[p].count < max_count ? loads[p].count : max_count;
	for (int32_t p = 0; p < n; p++) {
		struct front front;
		int64_t mine = max_count;
		/* What the same level for all leaves over goes to the first ones. */
		if (by_count && loads[p].count > max_count && kept < limits->max_length) {
			mine++;
			kept++;
		}
		if (loads[p].count == 0 ||
		    (loads[p].count <= mine && loads[p].part.bytes <= max_bytes &&
		     oldest == INT64_MIN))
			continue;
		if (walk(sq, stream, p, &loads[p].part, mine, max_bytes, oldest,
		         limits->keep_newest, &front, err) < 0)
			goto out;
		*ret_removed += front.count;
		if (!dry_run && cut(sq, stream, p, &loads[p].part, &front, err) < 0)
			goto out;
	}
	result = 0;
out:
	free(loads);
	return result;
}

int mq_sq_retain(struct mq_sq *sq, const struct mq_sq_stream *stream, struct mq_err *err)
{
	const struct limits limits = {.max_age = stream->retention_ms,
	                              .max_bytes = stream->max_bytes,
	                              .max_length = stream->max_length,
	                              .keep_newest = true};
	int64_t removed;

	if (stream->retention_ms < 0 && stream->max_bytes < 0 && stream->max_length < 0)
		return 0;
	return apply(sq, stream, &limits, false, &removed, err);
}

/* --- trim ------------------------------------------------------------------------------------ */

static int trim_before(struct mq_sq *sq, const struct mq_sq_stream *stream,
                       const struct mq_trim_spec *spec, int64_t *ret_removed, struct mq_err *err)
{
	const struct mq_pos end = {.kind = MQ_POS_END};
	const struct mq_pos *before = spec->kind == MQ_TRIM_ALL ? &end : &spec->before;
	struct load *loads = NULL;
	int result = -1;

	*ret_removed = 0;
	if (load_all(sq, stream, &loads, err) < 0)
		goto out;
	for (int32_t p = 0; p < stream->n_partitions; p++) {
		struct mq_sq_part *part = &loads[p].part;
		struct front front;
		int64_t begin, ts;
		if (mq_sq_locate(sq, stream->id, p, part, before, &begin, &ts, err) < 0 ||
		    measure(sq, stream, p, part, begin, &front, err) < 0)
			goto out;
		*ret_removed += front.count;
		if (!spec->dry_run && cut(sq, stream, p, part, &front, err) < 0)
			goto out;
	}
	result = 0;
out:
	free(loads);
	return result;
}

static int trim_inside(struct mq_sq *sq, const struct mq_trim_spec *spec, int64_t *ret_removed,
                       struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	struct limits limits = {-1, -1, -1, false};
	int result = -1;
	int found = mq_sq_stream_find(sq, spec->stream, &stream, err);

	if (found == 0)
		mq_sq_no_stream(sq, spec->stream, err);
	if (found <= 0)
		return -1;
	switch (spec->kind) {
	case MQ_TRIM_EXPIRED:
		limits =
		    (struct limits){stream.retention_ms, stream.max_bytes, stream.max_length, true};
		break;
	case MQ_TRIM_MAX_AGE:
		limits.max_age = spec->value;
		break;
	case MQ_TRIM_MAX_LENGTH:
		limits.max_length = spec->value;
		break;
	case MQ_TRIM_MAX_BYTES:
		limits.max_bytes = spec->value;
		break;
	case MQ_TRIM_BEFORE:
	case MQ_TRIM_ALL:
		result = trim_before(sq, &stream, spec, ret_removed, err);
		mq_sq_stream_release(&stream);
		return result;
	}
	result = apply(sq, &stream, &limits, spec->dry_run, ret_removed, err);
	mq_sq_stream_release(&stream);
	return result;
}

int mq_sq_trim(struct mq_sq *sq, const struct mq_trim_spec *spec, int64_t *ret_removed,
               struct mq_err *err)
{
	if ((spec->dry_run ? mq_sq_begin_read(sq, err) : mq_sq_begin(sq, err)) < 0)
		return -1;
	if (trim_inside(sq, spec, ret_removed, err) < 0) {
		mq_sq_rollback(sq);
		return -1;
	}
	if (mq_sq_commit(sq, err) < 0)
		return -1;
	/* The room goes back to the disk when nobody is in the way. */
	if (!spec->dry_run)
		sqlite3_exec(sq->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
	return 0;
}
