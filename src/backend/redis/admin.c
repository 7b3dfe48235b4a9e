/* What is made, trimmed and removed. What is asked lives in describe.c. */
#include "backend/redis/redis.h"

enum { TEMPORARY_S = 600 }; /* a stream for a moment outlives its maker by no more than this */

int mq_rd_stream_exists(struct mq_rd_conn *conn, const char *stream, struct mq_err *err)
{
	struct mq_rd_arena arena = {0};
	const struct mq_rd_reply *reply;
	int result = -1;

	if (mq_rd_ask(conn, stream, 0, &arena, MQ_RD_WORDS("TYPE", stream), &reply, err) < 0)
		goto out;
	const char *type = mq_rd_reply_text(reply);
	if (strcmp(type, "stream") == 0) {
		result = 1;
	} else if (strcmp(type, "none") == 0) {
		result = 0;
	} else {
		mq_fail(err, MQ_USAGE, "%s: the key %s is a %s, not a stream", conn->shown, stream,
		        type);
		mq_hint(err, "mqtk ls shows the streams; another key name makes a new one");
	}
out:
	mq_rd_arena_release(&arena);
	return result;
}

/* --- making and removing --------------------------------------------------------------------- */

/* There is no command that makes an empty stream; a group does, and is removed again. */
static int make(struct mq_rd_conn *conn, const char *stream, struct mq_err *err)
{
	static const char group[] = "mqtk-create";
	struct mq_rd_arena arena = {0};
	const struct mq_rd_reply *reply;
	int result = -1;

	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &arena,
	              MQ_RD_WORDS("XGROUP", "CREATE", stream, group, "$", "MKSTREAM"), &reply,
	              err) < 0)
		goto out;
	if (reply->type == REDIS_REPLY_ERROR && !mq_rd_reply_is_error(reply, "BUSYGROUP")) {
		mq_rd_fail_reply(conn, stream, reply, err);
		goto out;
	}
	result = mq_rd_ask(conn, stream, 0, &arena, MQ_RD_WORDS("XGROUP", "DESTROY", stream, group),
	                   &reply, err);
out:
	mq_rd_arena_release(&arena);
	return result;
}

int mq_rd_create(struct mq_conn *base, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	const struct mq_rd_reply *reply;
	char seconds[24];
	int exists = mq_rd_stream_exists(conn, spec->stream, err);

	if (exists < 0)
		return -1;
	if (exists)
		return spec->if_missing ? 0
		                        : mq_fail(err, MQ_USAGE, "%s: there is already a stream %s",
		                                  conn->shown, spec->stream);
	if (make(conn, spec->stream, err) < 0)
		return -1;
	if (!spec->temporary)
		return 0;
	snprintf(seconds, sizeof seconds, "%d", TEMPORARY_S);
	mq_rd_arena_clear(&conn->scratch);
	return mq_rd_ask(conn, spec->stream, 0, &conn->scratch,
	                 MQ_RD_WORDS("EXPIRE", spec->stream, seconds), &reply, err);
}

int mq_rd_remove(struct mq_conn *base, const char *stream, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	const struct mq_rd_reply *reply;
	int exists = mq_rd_stream_exists(conn, stream, err);

	if (exists < 0)
		return -1;
	if (!exists)
		return mq_rd_fail_missing(conn, stream, err);
	mq_rd_arena_clear(&conn->scratch);
	return mq_rd_ask(conn, stream, 0, &conn->scratch, MQ_RD_WORDS("DEL", stream), &reply, err);
}

/* --- trimming -------------------------------------------------------------------------------- */

static int64_t length_of(struct mq_rd_conn *conn, const char *stream, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch, MQ_RD_WORDS("XLEN", stream), &reply, err) <
	    0)
		return -1;
	return mq_rd_reply_number(reply, 0);
}

static int trim_to_length(struct mq_rd_conn *conn, const char *stream, int64_t keep, bool dry_run,
                          int64_t *ret_removed, struct mq_err *err)
{
	const struct mq_rd_reply *reply;
	char number[24];

	if (dry_run) {
		int64_t length = length_of(conn, stream, err);
		*ret_removed = length > keep ? length - keep : 0;
		return length < 0 ? -1 : 0;
	}
	snprintf(number, sizeof number, "%lld", (long long)keep);
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch,
	              MQ_RD_WORDS("XTRIM", stream, "MAXLEN", "=", number), &reply, err) < 0)
		return -1;
	*ret_removed = mq_rd_reply_number(reply, -1);
	return 0;
}

static int trim_before(struct mq_rd_conn *conn, const char *stream, struct mq_rd_id id,
                       bool dry_run, int64_t *ret_removed, struct mq_err *err)
{
	const struct mq_rd_reply *reply;
	char text[MQ_RD_ID_TEXT];

	if (dry_run) {
		struct mq_rd_count count;
		if (mq_rd_count(conn, stream, id, NULL, NULL, &count, err) < 0)
			return -1;
		*ret_removed = count.before;
		return 0;
	}
	if (conn->version > 0 && conn->version < 60200) {
		mq_fail(err, MQ_USAGE, "%s: trimming by age or id needs Redis 6.2 or newer",
		        conn->shown);
		return mq_hint(err, "--max-length N works with older ones");
	}
	mq_rd_id_print(id, text);
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch,
	              MQ_RD_WORDS("XTRIM", stream, "MINID", "=", text), &reply, err) < 0)
		return -1;
	*ret_removed = mq_rd_reply_number(reply, -1);
	return 0;
}

/* The first id that is younger than age by the server's clock, which made the ids. */
static int id_of_age(struct mq_rd_conn *conn, const char *stream, int64_t age_ms,
                     struct mq_rd_id *ret, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch, MQ_RD_WORDS("TIME"), &reply, err) < 0)
		return -1;
	int64_t now = mq_rd_reply_number(mq_rd_reply_at(reply, 0), 0) * 1000 +
	              mq_rd_reply_number(mq_rd_reply_at(reply, 1), 0) / 1000;
	*ret = mq_rd_id_of_time(age_ms < now ? now - age_ms : 0);
	return 0;
}

static int trim_before_position(struct mq_rd_conn *conn, const struct mq_trim_spec *spec,
                                int64_t *ret_removed, struct mq_err *err)
{
	struct mq_rd_id id = MQ_RD_ID_MIN;

	switch (spec->before.kind) {
	case MQ_POS_LAST:
		return trim_to_length(conn, spec->stream, spec->before.number, spec->dry_run,
		                      ret_removed, err);
	case MQ_POS_END:
		return trim_to_length(conn, spec->stream, 0, spec->dry_run, ret_removed, err);
	case MQ_POS_TIME:
		id = mq_rd_id_of_time(spec->before.number);
		break;
	case MQ_POS_ID:
		if (!mq_rd_id_parse(spec->before.text, 0, &id))
			return mq_fail(err, MQ_USAGE,
			               "--before: '%s' is no id like 1700000000000-0",
			               spec->before.text);
		break;
	default:
		break;
	}
	return trim_before(conn, spec->stream, id, spec->dry_run, ret_removed, err);
}

int mq_rd_trim(struct mq_conn *base, const struct mq_trim_spec *spec, int64_t *ret_removed,
               struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	struct mq_rd_id id;
	int exists = mq_rd_stream_exists(conn, spec->stream, err);

	if (exists < 0)
		return -1;
	if (!exists)
		return mq_rd_fail_missing(conn, spec->stream, err);
	switch (spec->kind) {
	case MQ_TRIM_MAX_AGE:
		if (id_of_age(conn, spec->stream, spec->value, &id, err) < 0)
			return -1;
		return trim_before(conn, spec->stream, id, spec->dry_run, ret_removed, err);
	case MQ_TRIM_MAX_LENGTH:
		return trim_to_length(conn, spec->stream, spec->value, spec->dry_run, ret_removed,
		                      err);
	case MQ_TRIM_BEFORE:
		return trim_before_position(conn, spec, ret_removed, err);
	case MQ_TRIM_ALL:
		return trim_to_length(conn, spec->stream, 0, spec->dry_run, ret_removed, err);
	case MQ_TRIM_EXPIRED:
	case MQ_TRIM_MAX_BYTES:
		break;
	}
	return mq_fail(err, MQ_INTERNAL, "a kind of trimming that Redis was not said to know");
}
