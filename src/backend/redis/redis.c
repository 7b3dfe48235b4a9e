/* The Redis Streams backend: descriptor, settings, opening. How it works is told in redis.h. */
#include "backend/redis/entry.h"
#include "backend/table.h"

#include <stdlib.h>
#include <strings.h>

static const char *const schemes[] = {"redis", "rediss", "redis+unix", NULL};

static const struct mq_setting settings[] = {
    {"db", "N", "the database (0); also redis://HOST/N/STREAM", false},
    {"payload-field", "NAME", "the field of an entry that is the payload (payload)", false},
    {"fields", "own|json",
     "json: payloads are JSON objects whose members become the entry's fields (own)", false},
    {"wait", "N", "confirmed is what N replicas have, too (0)", false},
    {"wait-timeout", "DUR", "how long to wait for those replicas (--timeout)", false},
    {"sentinel", "NAME", "the hosts are sentinels; the master that they call NAME is used", false},
    {"sentinel-user", "NAME", "user for the sentinels (none)", false},
    {"sentinel-password", "TEXT", "password for the sentinels (none)", true},
    MQ_NET_TLS_SETTINGS,
    {NULL, NULL, NULL, false},
};

static const struct mq_instead instead[] = {
    {MQ_IN_CREATE, MQ_FIELD_RETENTION, "entries stay until 'mqtk trim --max-age DUR' removes them"},
    {MQ_IN_CREATE, MQ_FIELD_MAX_LENGTH,
     "entries stay until 'mqtk trim --max-length N' removes them"},
    {MQ_IN_CREATE, MQ_FIELD_MAX_BYTES, "'mqtk trim --max-length N' keeps it small"},
    {MQ_IN_CREATE, MQ_FIELD_PARTITIONS, "make several streams"},
    {MQ_IN_CREATE, MQ_FIELD_REPLICAS,
     "the server's own replication covers every stream; -X wait=N confirms by it"},
    {MQ_IN_CREATE, MQ_FIELD_TYPE, "a stream is all that it has"},
    {MQ_IN_ALTER, MQ_FIELD_RETENTION, "'mqtk trim --max-age DUR' removes old entries now"},
    {MQ_IN_ALTER, MQ_FIELD_MAX_LENGTH, "'mqtk trim --max-length N' removes old entries now"},
    {MQ_IN_ALTER, MQ_FIELD_MAX_BYTES, "'mqtk trim --max-length N' keeps it small"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_EXPIRED,
     "nothing expires by itself; --max-age DUR says what is too old"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_MAX_BYTES, "--max-length N counts messages"},
    {0},
};

static const char *version(void)
{
	static char text[40];

	snprintf(text, sizeof text, "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	return text;
}

static void close_conn(struct mq_conn *base)
{
	struct mq_rd_conn *conn = (struct mq_rd_conn *)base;

	if (!conn)
		return;
	mq_rd_disconnect(conn);
	mq_rd_arena_release(&conn->scratch);
	mq_settings_release(&conn->settings);
	if (conn->password)
		explicit_bzero(conn->password, strlen(conn->password));
	free(conn->password);
	free(conn->user);
	free(conn->hosts);
	free(conn->socket);
	free(conn->shown);
	free(conn);
}

/* --- settings -------------------------------------------------------------------------------- */

static int check_names(const struct mq_target *target, struct mq_err *err)
{
	for (size_t i = 0; i < target->settings.n; i++) {
		const struct mq_setting_value *value = &target->settings.items[i];
		const struct mq_setting *known = settings;
		while (known->name && strcmp(known->name, value->name) != 0)
			known++;
		if (known->name)
			continue;
		mq_fail(err, MQ_USAGE, "%s: Redis has no setting %s", value->source, value->name);
		return mq_hint(err, "mqtk help redis lists them");
	}
	return 0;
}

/* A whole number, or missing where it is not set. */
static int number_of(const struct mq_rd_conn *conn, const char *name, int64_t max, int64_t *ret,
                     struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	const char *text = mq_settings_get(&conn->settings, name);

	if (text && mq_int_parse(text, 0, max, ret, &why) < 0)
		return mq_fail(err, MQ_USAGE, "%s: %s", name, why.message);
	return 0;
}

static int read_settings(struct mq_rd_conn *conn, struct mq_err *err)
{
	const struct mq_settings *all = &conn->settings;
	const char *fields = mq_settings_get(all, "fields");
	const char *wait_timeout = mq_settings_get(all, "wait-timeout");
	struct mq_err why = MQ_ERR_INIT;

	conn->payload_field = mq_settings_get(all, "payload-field");
	if (!conn->payload_field)
		conn->payload_field = "payload";
	if (strcmp(conn->payload_field, "key") == 0 ||
	    strcmp(conn->payload_field, MQ_CARRY_HEADER) == 0)
		return mq_fail(err, MQ_USAGE, "payload-field: '%s' has a meaning of its own",
		               conn->payload_field);
	if (fields && strcmp(fields, "json") != 0 && strcmp(fields, "own") != 0)
		return mq_fail(err, MQ_USAGE, "fields is own or json, not '%s'", fields);
	conn->fields_json = fields && strcmp(fields, "json") == 0;
	conn->sentinel = mq_settings_get(all, "sentinel");
	conn->sentinel_user = mq_settings_get(all, "sentinel-user");
	conn->sentinel_password = mq_settings_get(all, "sentinel-password");
	if (number_of(conn, "db", INT32_MAX, &conn->db, err) < 0 ||
	    number_of(conn, "wait", 1000, &conn->wait_replicas, err) < 0 ||
	    mq_net_tls_read(all, &conn->tls_settings, err) < 0)
		return -1;
	conn->wait_ms = conn->wait_replicas > 0 ? conn->base.env->timeout_ms : 0;
	if (wait_timeout && mq_duration_parse(wait_timeout, &conn->wait_ms, &why) < 0)
		return mq_fail(err, MQ_USAGE, "wait-timeout: %s", why.message);
	/* 0 would wait for ever. */
	if (conn->wait_replicas > 0 && conn->wait_ms <= 0)
		conn->wait_ms = 1;
	if (conn->wait_ms > INT32_MAX / 2)
		conn->wait_ms = INT32_MAX / 2;
	return 0;
}

/* --- the address ----------------------------------------------------------------------------- */

static char *copy(const char *text, struct mq_err *err)
{
	char *mine = strdup(text);

	if (!mine)
		mq_fail_memory(err);
	return mine;
}

/* The broker's address alone: what is shown without the stream. */
static char *name_broker(const struct mq_target *target, struct mq_err *err)
{
	const char *shown = target->shown;
	const char *path = strstr(shown, "://");
	const char *slash = strrchr(shown, '/');
	char *mine = copy(shown, err);

	if (mine && path && slash > path + 2)
		mine[slash - shown] = '\0';
	return mine;
}

/* redis://HOST/DB/STREAM */
static int take_path(struct mq_rd_conn *conn, const struct mq_target *target, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	int64_t db;

	if (strcasecmp(target->scheme, "redis+unix") == 0) {
		if (!target->path || !target->path[0])
			return mq_fail(err, MQ_USAGE,
			               "%s names no socket; redis+unix:///path/to/socket/STREAM is "
			               "expected",
			               target->shown);
		conn->socket = copy(target->path, err);
		return conn->socket ? 0 : -1;
	}
	conn->hosts =
	    copy(target->authority && *target->authority ? target->authority : "localhost", err);
	if (!conn->hosts)
		return -1;
	if (!target->path || !target->path[0])
		return 0;
	if (mq_int_parse(target->path, 0, INT32_MAX, &db, &why) < 0) {
		mq_fail(err, MQ_USAGE, "%s: the database '%s' is no number", target->shown,
		        target->path);
		return mq_hint(err, "redis://HOST/DB/STREAM is expected; a '/' in a stream's name "
		                    "is written %%2F");
	}
	conn->db = db;
	return 0;
}

static int open_conn(const struct mq_target *target, const struct mq_env *env,
                     struct mq_conn **ret_conn, struct mq_err *err)
{
	struct mq_rd_conn *conn = calloc(1, sizeof *conn);

	if (!conn)
		return mq_fail_memory(err);
	conn->base = (struct mq_conn){
	    .backend = &mq_backend_redis, .env = env, .caps = mq_backend_redis.caps};
	conn->tls = strcasecmp(target->scheme, "rediss") == 0;
	conn->shown = name_broker(target, err);
	if (!conn->shown || check_names(target, err) < 0 || take_path(conn, target, err) < 0)
		goto fail;
	for (size_t i = 0; i < target->settings.n; i++) {
		const struct mq_setting_value *value = &target->settings.items[i];
		if (mq_settings_add(&conn->settings, value->name, value->value, value->source,
		                    err) < 0)
			goto fail;
	}
	if (read_settings(conn, err) < 0)
		goto fail;
	if ((target->user && *target->user && !(conn->user = copy(target->user, err))) ||
	    (target->password && !(conn->password = copy(target->password, err))))
		goto fail;
	if (conn->sentinel && conn->socket) {
		mq_fail(err, MQ_USAGE,
		        "sentinel: sentinels are reached by host and port, not by a "
		        "socket");
		goto fail;
	}
	*ret_conn = &conn->base;
	return 0;
fail:
	close_conn(&conn->base);
	return -1;
}

const struct mq_backend mq_backend_redis = {
    .name = "redis",
    .title = "Redis Streams, by hiredis",
    .schemes = schemes,
    .settings = settings,
    .caps = MQ_CAP_GROUPS | MQ_CAP_ACK | MQ_CAP_CLAIM | MQ_CAP_PREFETCH | MQ_CAP_TIME_SEEK |
            MQ_CAP_REGEX | MQ_CAP_SET_TIME | MQ_CAP_IDS | MQ_CAP_RANGES,
    .trims =
        1 << MQ_TRIM_MAX_AGE | 1 << MQ_TRIM_MAX_LENGTH | 1 << MQ_TRIM_BEFORE | 1 << MQ_TRIM_ALL,
    .instead = instead,
    .version = version,
    .open = open_conn,
    .close = close_conn,
    .writer_open = mq_rd_writer_open,
    .write = mq_rd_write,
    .write_moving = mq_rd_write_moving,
    .writer_poll = mq_rd_writer_poll,
    .writer_flush = mq_rd_writer_flush,
    .writer_fd = mq_rd_writer_fd,
    .writer_close = mq_rd_writer_close,
    .reader_open = mq_rd_reader_open,
    .fetch = mq_rd_fetch,
    .release = mq_rd_release,
    .settle = mq_rd_settle,
    .hold = mq_rd_hold,
    .commit = mq_rd_commit,
    .unsettled = mq_rd_unsettled,
    .reader_fd = mq_rd_reader_fd,
    .reader_close = mq_rd_reader_close,
    .describe_broker = mq_rd_describe_broker,
    .list = mq_rd_list,
    .describe = mq_rd_describe,
    .locate = mq_rd_locate,
    .groups = mq_rd_groups,
    .group_set = mq_rd_group_set,
    .group_remove = mq_rd_group_remove,
    .pending = mq_rd_pending,
    .pending_change = mq_rd_pending_change,
    .create = mq_rd_create,
    .remove = mq_rd_remove,
    .trim = mq_rd_trim,
};
