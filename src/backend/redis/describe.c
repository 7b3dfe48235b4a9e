/* What is asked about streams and their groups. */
#include "backend/redis/redis.h"

#include <stdlib.h>

/* --- one stream ------------------------------------------------------------------------------ */

static char *copy_text(const struct mq_rd_reply *reply, struct mq_err *err)
{
	char *copy = strdup(mq_rd_reply_text(reply));

	if (!copy)
		mq_fail_memory(err);
	return copy;
}

/* The time in the id of an entry [id, fields]. */
static int64_t entry_time(const struct mq_rd_reply *entry)
{
	struct mq_rd_id id;

	if (!mq_rd_id_parse(mq_rd_reply_text(mq_rd_reply_at(entry, 0)), 0, &id))
		return MQ_NO_TIME;
	return mq_rd_id_time(id);
}

/* XINFO STREAM. 1, 0 when the stream is gone, -1. */
static int fill_stream(struct mq_rd_conn *conn, const char *stream, struct mq_stream_info *info,
                       struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("XINFO", "STREAM", stream), &reply, err) < 0)
		return -1;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (strcasestr(mq_rd_reply_text(reply), "no such key"))
			return 0;
		if (mq_rd_reply_is_error(reply, "WRONGTYPE") &&
		    mq_rd_stream_exists(conn, stream, err) < 0)
			return -1;
		return mq_rd_fail_reply(conn, stream, reply, err);
	}
	if (reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(conn, "XINFO STREAM", err);
	const struct mq_rd_reply *first = mq_rd_reply_member(reply, "first-entry");
	const struct mq_rd_reply *last = mq_rd_reply_member(reply, "last-entry");
	info->messages = mq_rd_reply_number(mq_rd_reply_member(reply, "length"), -1);
	info->first_ts_ms = entry_time(first);
	info->last_ts_ms = entry_time(last);
	info->last_id = copy_text(mq_rd_reply_member(reply, "last-generated-id"), err);
	if (!info->last_id)
		return -1;
	if (first && first->type == REDIS_REPLY_ARRAY) {
		info->first_id = copy_text(first->first, err);
		if (!info->first_id)
			return -1;
	}
	return 1;
}

static int fill_bytes(struct mq_rd_conn *conn, const char *stream, struct mq_stream_info *info,
                      struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("MEMORY", "USAGE", stream), &reply, err) < 0)
		return -1;
	info->bytes = mq_rd_reply_number(reply, -1); /* not everybody may ask */
	return 0;
}

/* How long the entry that waits longest (of the first thousand) has been idle. */
static int64_t oldest_idle(struct mq_rd_conn *conn, const char *stream, const char *group,
                           struct mq_rd_arena *arena)
{
	struct mq_err ignored = MQ_ERR_INIT;
	const struct mq_rd_reply *reply;
	int64_t oldest = -1;

	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, arena,
	              MQ_RD_WORDS("XPENDING", stream, group, "-", "+", "1000"), &reply,
	              &ignored) < 0 ||
	    reply->type != REDIS_REPLY_ARRAY)
		return -1;
	for (const struct mq_rd_reply *p = reply->first; p; p = p->next) {
		int64_t idle = mq_rd_reply_number(mq_rd_reply_at(p, 2), -1);
		oldest = idle > oldest ? idle : oldest;
	}
	return oldest;
}

static int fill_consumers(struct mq_rd_conn *conn, const char *stream, const char *group,
                          struct mq_rd_arena *arena, struct mq_stream_info *info,
                          struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, arena,
	              MQ_RD_WORDS("XINFO", "CONSUMERS", stream, group), &reply, err) < 0)
		return -1;
	if (reply->type != REDIS_REPLY_ARRAY)
		return 0; /* not everybody may ask */
	for (const struct mq_rd_reply *c = reply->first; c; c = c->next) {
		struct mq_consumer_info *consumer =
		    mq_info_grow(&info->consumers, &info->n_consumers, sizeof *consumer, err);
		if (!consumer)
			return -1;
		consumer->pending = mq_rd_reply_number(mq_rd_reply_member(c, "pending"), -1);
		consumer->idle_ms = mq_rd_reply_number(mq_rd_reply_member(c, "idle"), -1);
		consumer->group = strdup(group);
		consumer->name = copy_text(mq_rd_reply_member(c, "name"), err);
		if (!consumer->group || !consumer->name)
			return mq_fail_memory(err);
	}
	return 0;
}

static int fill_group(struct mq_rd_conn *conn, const char *stream, const struct mq_rd_reply *g,
                      struct mq_rd_arena *arena, struct mq_stream_info *info, struct mq_err *err)
{
	struct mq_group_position *group =
	    mq_info_grow(&info->groups, &info->n_groups, sizeof *group, err);
	const struct mq_rd_reply *lag = mq_rd_reply_member(g, "lag");
	const struct mq_rd_reply *entries_read = mq_rd_reply_member(g, "entries-read");

	if (!group)
		return -1;
	*group = (struct mq_group_position){.partition = MQ_NO_PARTITION,
	                                    .committed = -1,
	                                    .lag = -1,
	                                    .updated_ms = MQ_NO_TIME,
	                                    .oldest_idle_ms = -1};
	group->group = copy_text(mq_rd_reply_member(g, "name"), err);
	group->committed_id = copy_text(mq_rd_reply_member(g, "last-delivered-id"), err);
	if (!group->group || !group->committed_id)
		return -1;
	group->pending = mq_rd_reply_number(mq_rd_reply_member(g, "pending"), -1);
	/* null or negative where the server cannot tell (Redis 7.0 and newer do at all). */
	if (entries_read && mq_rd_reply_number(lag, -1) >= 0)
		group->lag = lag->integer;
	else if (info->last_id && strcmp(group->committed_id, info->last_id) == 0)
		group->lag = 0;
	if (group->pending > 0)
		group->oldest_idle_ms = oldest_idle(conn, stream, group->group, arena);
	return fill_consumers(conn, stream, group->group, arena, info, err);
}

static int fill_groups(struct mq_rd_conn *conn, const char *stream, struct mq_stream_info *info,
                       struct mq_err *err)
{
	struct mq_rd_arena arena = {0};
	const struct mq_rd_reply *reply;
	int result = 0;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("XINFO", "GROUPS", stream), &reply, err) < 0)
		return -1;
	for (const struct mq_rd_reply *g = mq_rd_reply_at(reply, 0); g && result == 0; g = g->next)
		result = fill_group(conn, stream, g, &arena, info, err);
	mq_rd_arena_release(&arena);
	info->unacked = 0;
	for (size_t i = 0; i < info->n_groups; i++)
		info->unacked += info->groups[i].pending > 0 ? info->groups[i].pending : 0;
	info->consumer_count = (int64_t)info->n_consumers;
	return result;
}

static int name_stream(struct mq_stream_info *info, const char *name, struct mq_err *err)
{
	info->name = strdup(name);
	info->type = strdup("stream");
	return info->name && info->type ? 0 : mq_fail_memory(err);
}

int mq_rd_describe(struct mq_conn *base, const char *stream, struct mq_stream_info *ret_info,
                   struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);

	mq_stream_info_init(ret_info);
	int found = fill_stream(conn, stream, ret_info, err);
	if (found == 0)
		mq_rd_fail_missing(conn, stream, err);
	if (found <= 0 || name_stream(ret_info, stream, err) < 0 ||
	    fill_bytes(conn, stream, ret_info, err) < 0 ||
	    fill_groups(conn, stream, ret_info, err) < 0) {
		mq_stream_info_release(ret_info);
		return -1;
	}
	return 0;
}

int mq_rd_list(struct mq_conn *base, bool deep, struct mq_stream_list *ret_list, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	char **names = NULL;
	size_t n = 0;
	int result = -1;

	*ret_list = (struct mq_stream_list){0};
	if (mq_rd_scan_all(conn, NULL, &names, &n, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct mq_stream_info info;
		struct mq_err why = MQ_ERR_INIT;
		mq_stream_info_init(&info);
		int found = deep ? fill_stream(conn, names[i], &info, &why) : 1;
		/* Names are everybody's to see; what is behind them may not be. */
		if (found < 0 && why.code == MQ_DENIED)
			found = 1;
		else if (found < 0 && err && !err->code)
			*err = why;
		struct mq_stream_info *slot =
		    found > 0 && name_stream(&info, names[i], err) == 0
		        ? mq_info_grow(&ret_list->items, &ret_list->n, sizeof *slot, err)
		        : NULL;
		if (slot)
			*slot = info;
		else
			mq_stream_info_release(&info);
		if (!slot && found != 0)
			goto out;
	}
	result = 0;
out:
	mq_rd_names_free(names, n);
	if (result < 0)
		mq_stream_list_release(ret_list);
	return result;
}

/* --- places ---------------------------------------------------------------------------------- */

static int locate_one(struct mq_rd_conn *conn, struct mq_locate *request, struct mq_err *err)
{
	const char *stream = request->stream;
	struct mq_rd_extent extent;
	struct mq_rd_id id = MQ_RD_ID_MIN;
	const struct mq_rd_reply *reply;
	char text[MQ_RD_ID_TEXT];

	if (mq_rd_extent_ask(conn, stream, &extent, err) < 0)
		return -1;
	if (request->pos.kind == MQ_POS_TIME)
		id = mq_rd_id_of_time(request->pos.number);
	else if (request->pos.kind == MQ_POS_ID && !mq_rd_id_parse(request->pos.text, 0, &id))
		return mq_fail(err, MQ_USAGE, "'%s' is no id like 1700000000000-0",
		               request->pos.text);
	else if (request->pos.kind == MQ_POS_LAST &&
	         mq_rd_find_last(conn, stream, request->pos.number, &extent, &id, err) < 0)
		return -1;
	if (request->pos.kind == MQ_POS_END) {
		mq_rd_id_print(mq_rd_id_next(extent.last), request->id);
		return 0;
	}
	mq_rd_id_print(id, text);
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch,
	              MQ_RD_WORDS("XRANGE", stream, text, "+", "COUNT", "1"), &reply, err) < 0)
		return -1;
	const struct mq_rd_reply *entry = mq_rd_reply_at(reply, 0);
	if (entry) {
		snprintf(request->id, sizeof request->id, "%s",
		         mq_rd_reply_text(mq_rd_reply_at(entry, 0)));
		request->ts_ms = entry_time(entry);
	} else {
		mq_rd_id_print(mq_rd_id_next(extent.last), request->id);
	}
	return 0;
}

int mq_rd_locate(struct mq_conn *base, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);

	for (size_t i = 0; i < n; i++) {
		struct mq_locate *request = &requests[i];
		request->offset = MQ_NO_OFFSET;
		request->id[0] = '\0';
		request->ts_ms = MQ_NO_TIME;
		request->err = (struct mq_err)MQ_ERR_INIT;
		if (locate_one(conn, request, &request->err) < 0 &&
		    (request->err.code == MQ_CANCELLED || request->err.code == MQ_UNREACHABLE)) {
			if (err && !err->code)
				*err = request->err;
			return -1;
		}
	}
	return 0;
}
