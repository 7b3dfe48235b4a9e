/*
 * The local store as a backend: descriptor, connection, and the operations that open the file for
 * one question. How the store works is told in sqlite.h.
 */
#include "backend/sqlite/sqlite.h"
#include "backend/table.h"

#include <stdlib.h>

static const char *const schemes[] = {"sqlite", NULL};

static const struct mq_setting settings[] = {
    {.name = "synchronous",
     .arg = "full|normal",
     .help = "full: confirmed survives a power cut; normal: only a crash of the program (full)"},
    {0},
};

static const struct mq_instead instead[] = {
    {MQ_IN_CREATE, MQ_FIELD_TTL, "use --retention"},
    {MQ_IN_ALTER, MQ_FIELD_TTL, "use --retention"},
    {MQ_IN_CREATE, MQ_FIELD_REPLICAS, "a copy of its file is one of the store"},
    {MQ_IN_ALTER, MQ_FIELD_REPLICAS, "a copy of its file is one of the store"},
    {0},
};

/* --- connection ------------------------------------------------------------------------------ */

static void close_conn(struct mq_conn *conn)
{
	struct mq_sq_conn *c = (struct mq_sq_conn *)conn;

	if (!c)
		return;
	free(c->place.path);
	free(c->place.profile);
	free(c);
}

static int read_settings(const struct mq_target *target, struct mq_sq_conn *c, struct mq_err *err)
{
	for (size_t i = 0; i < target->settings.n; i++) {
		const struct mq_setting_value *setting = &target->settings.items[i];
		if (strcmp(setting->name, "synchronous") != 0) {
			mq_fail(err, MQ_USAGE, "%s: the local store has no setting %s",
			        setting->source, setting->name);
			return mq_hint(err, "it knows synchronous=full|normal");
		}
		c->place.normal_sync = strcmp(setting->value, "normal") == 0;
		if (!c->place.normal_sync && strcmp(setting->value, "full") != 0)
			return mq_fail(err, MQ_USAGE, "%s: synchronous is full or normal, not %s",
			               setting->source, setting->value);
	}
	return 0;
}

/* Nothing is touched yet: a reader must not make a file, a writer may. */
static int open_conn(const struct mq_target *target, const struct mq_env *env,
                     struct mq_conn **ret_conn, struct mq_err *err)
{
	if (!target->path || !target->path[0])
		return mq_fail(err, MQ_USAGE, "%s names no file; sqlite:FILE/STREAM is expected",
		               target->shown);
	struct mq_sq_conn *c = calloc(1, sizeof *c);
	if (!c)
		return mq_fail_memory(err);
	c->base = (struct mq_conn){
	    .backend = &mq_backend_sqlite, .env = env, .caps = mq_backend_sqlite.caps};
	c->place.path = strdup(target->path);
	c->place.profile = target->profile ? strdup(target->profile) : NULL;
	if (!c->place.path || (target->profile && !c->place.profile)) {
		mq_fail_memory(err);
		goto fail;
	}
	if (read_settings(target, c, err) < 0)
		goto fail;
	*ret_conn = &c->base;
	return 0;
fail:
	close_conn(&c->base);
	return -1;
}

static int open_for(struct mq_conn *conn, struct mq_sq *ret_sq, bool write, struct mq_err *err)
{
	return mq_sq_open(ret_sq, &((struct mq_sq_conn *)conn)->place, conn->env, write, err);
}

/* --- questions ------------------------------------------------------------------------------- */

static int describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info,
                           struct mq_err *err)
{
	struct mq_sq sq;
	char version[40];

	*ret_info = (struct mq_broker_info){.controller = -1, .answered_by = -1};
	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	sqlite3_snprintf(sizeof version, version, "SQLite %s", sqlite3_libversion());
	ret_info->name = strdup(sq.path);
	ret_info->version = strdup(version);
	mq_sq_close(&sq);
	if (ret_info->name && ret_info->version)
		return 0;
	mq_broker_info_release(ret_info);
	return mq_fail_memory(err);
}

static int list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
                struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = mq_sq_list(&sq, deep, ret_list, err);
	mq_sq_close(&sq);
	return result;
}

static int describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                    struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = mq_sq_describe(&sq, stream, ret_info, err);
	mq_sq_close(&sq);
	return result;
}

static int keeps(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = mq_sq_keeps(&sq, stream, ret_ms, err);
	mq_sq_close(&sq);
	return result;
}

static int locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = mq_sq_locate_many(&sq, requests, n, err);
	mq_sq_close(&sq);
	return result;
}

static int groups(struct mq_conn *conn, const struct mq_group_query *query,
                  struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = mq_sq_groups(&sq, query, ret_list, err);
	mq_sq_close(&sq);
	return result;
}

/* --- changes --------------------------------------------------------------------------------- */

static int create_inside(struct mq_sq *sq, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	int found = mq_sq_stream_find(sq, spec->stream, &stream, err);

	mq_sq_stream_release(&stream);
	if (found < 0)
		return -1;
	if (found == 0)
		return mq_sq_stream_make(sq, spec, err);
	if (spec->if_missing)
		return 0;
	return mq_fail(err, MQ_USAGE, "there is already a stream %s in %s", spec->stream, sq->path);
}

static int create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_sq sq;
	int result = -1;

	if (open_for(conn, &sq, true, err) < 0)
		return -1;
	if (mq_sq_begin(&sq, err) == 0 && create_inside(&sq, spec, err) == 0)
		result = mq_sq_commit(&sq, err);
	mq_sq_close(&sq);
	return result;
}

static int alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = sq.writable
	                 ? mq_sq_stream_alter(&sq, spec, err)
	                 : mq_sq_fail(&sq, err, SQLITE_READONLY, "cannot alter %s", spec->stream);
	mq_sq_close(&sq);
	return result;
}

static int trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
                struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = sq.writable || spec->dry_run
	                 ? mq_sq_trim(&sq, spec, ret_removed, err)
	                 : mq_sq_fail(&sq, err, SQLITE_READONLY, "cannot trim %s", spec->stream);
	mq_sq_close(&sq);
	return result;
}

static int remove_stream(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = sq.writable
	                 ? mq_sq_stream_remove(&sq, stream, err)
	                 : mq_sq_fail(&sq, err, SQLITE_READONLY, "cannot delete %s", stream);
	mq_sq_close(&sq);
	return result;
}

static int group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result =
	    sq.writable ? mq_sq_group_set(&sq, set, err)
	                : mq_sq_fail(&sq, err, SQLITE_READONLY, "cannot move group %s", set->group);
	mq_sq_close(&sq);
	return result;
}

static int group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                        struct mq_err *err)
{
	struct mq_sq sq;

	if (open_for(conn, &sq, false, err) < 0)
		return -1;
	int result = sq.writable ? mq_sq_group_remove(&sq, removal, err)
	                         : mq_sq_fail(&sq, err, SQLITE_READONLY,
	                                      "cannot delete from group %s", removal->group);
	mq_sq_close(&sq);
	return result;
}

const struct mq_backend mq_backend_sqlite = {
    .name = "sqlite",
    .title = "the local store, by SQLite",
    .schemes = schemes,
    .settings = settings,
    .caps = MQ_CAP_PARTITIONS | MQ_CAP_GROUPS | MQ_CAP_TIME_SEEK | MQ_CAP_TRANSACTIONS |
            MQ_CAP_REGEX | MQ_CAP_AUTO_CREATE | MQ_CAP_RANGES | MQ_CAP_SET_TIME | MQ_CAP_OFFSETS,
    .create_fields = MQ_FIELD_PARTITIONS | MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES |
                     MQ_FIELD_MAX_LENGTH | MQ_FIELD_CONFIG,
    .alter_fields = MQ_FIELD_PARTITIONS | MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES |
                    MQ_FIELD_MAX_LENGTH | MQ_FIELD_CONFIG,
    .trims = 1 << MQ_TRIM_EXPIRED | 1 << MQ_TRIM_MAX_AGE | 1 << MQ_TRIM_MAX_LENGTH |
             1 << MQ_TRIM_MAX_BYTES | 1 << MQ_TRIM_BEFORE | 1 << MQ_TRIM_ALL,
    .instead = instead,
    .version = sqlite3_libversion,
    .open = open_conn,
    .close = close_conn,
    .writer_open = mq_sq_writer_open,
    .write = mq_sq_write,
    .writer_poll = mq_sq_writer_poll,
    .writer_flush = mq_sq_writer_poll,
    .writer_fd = mq_sq_writer_fd,
    .writer_commit = mq_sq_writer_commit,
    .writer_abort = mq_sq_writer_abort,
    .writer_close = mq_sq_writer_close,
    .reader_open = mq_sq_reader_open,
    .fetch = mq_sq_fetch,
    .release = mq_sq_release,
    .settle = mq_sq_settle,
    .commit = mq_sq_reader_commit,
    .reader_fd = mq_sq_reader_fd,
    .reader_close = mq_sq_reader_close,
    .describe_broker = describe_broker,
    .list = list,
    .describe = describe,
    .keeps = keeps,
    .locate = locate,
    .groups = groups,
    .group_set = group_set,
    .group_remove = group_remove,
    .create = create,
    .alter = alter,
    .remove = remove_stream,
    .trim = trim,
};
