/*
 * What members were given and did not acknowledge: listing it, giving it to another member,
 * acknowledging it in their place.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

enum {
	PAGE = 1000,
	IDS_EACH = 500,    /* ids in one command */
	COMMANDS_MAX = 64, /* commands in one pipeline */
};

static int fail_refused(const struct mq_rd_conn *conn, const char *stream, const char *group,
                        const struct mq_rd_reply *reply, struct mq_err *err)
{
	if (mq_rd_reply_is_error(reply, "NOGROUP"))
		return mq_rd_fail_no_group(conn, stream, group, err);
	return mq_rd_fail_reply(conn, stream, reply, err);
}

/* --- listing --------------------------------------------------------------------------------- */

/* [id, member, idle, deliveries] */
static int take_entry(struct mq_rd_conn *conn, const struct mq_pending_query *query,
                      const struct mq_rd_reply *p, struct mq_pending_list *list, struct mq_err *err)
{
	const struct mq_rd_reply *id = mq_rd_reply_at(p, 0), *member = mq_rd_reply_at(p, 1);
	int64_t idle = mq_rd_reply_number(mq_rd_reply_at(p, 2), -1);

	if (!id || !member)
		return mq_rd_fail_shape(conn, "XPENDING", err);
	if (idle < query->min_idle_ms)
		return 0;
	struct mq_pending *item = mq_info_grow(&list->items, &list->n, sizeof *item, err);
	if (!item)
		return -1;
	item->stream = strdup(query->stream);
	item->id = strdup(mq_rd_reply_text(id));
	item->member = strdup(mq_rd_reply_text(member));
	item->idle_ms = idle;
	item->deliveries = mq_rd_reply_number(mq_rd_reply_at(p, 3), -1);
	return item->stream && item->id && item->member ? 0 : mq_fail_memory(err);
}

/* One page of XPENDING, *start moved behind it. Returns how many entries it had, or -1. Servers
 * before 6.2 do not look at how idle they are; then it is done here. */
static int64_t take_page(struct mq_rd_conn *conn, const struct mq_pending_query *query,
                         struct mq_rd_id *start, size_t count, struct mq_pending_list *list,
                         struct mq_err *err)
{
	char from[MQ_RD_ID_TEXT], number[24], idle[24];
	const char *words[10] = {"XPENDING", query->stream, query->group};
	const struct mq_rd_reply *reply;
	size_t n = 3;

	mq_rd_id_print(*start, from);
	snprintf(number, sizeof number, "%zu", count);
	snprintf(idle, sizeof idle, "%lld", (long long)query->min_idle_ms);
	if (query->min_idle_ms > 0 && !(conn->version > 0 && conn->version < 60200)) {
		words[n++] = "IDLE";
		words[n++] = idle;
	}
	words[n++] = from;
	words[n++] = "+";
	words[n++] = number;
	words[n++] = query->member;
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, query->stream, MQ_RD_ERRORS, &conn->scratch, words, &reply, err) < 0)
		return -1;
	if (reply->type == REDIS_REPLY_ERROR)
		return fail_refused(conn, query->stream, query->group, reply, err);
	if (reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(conn, "XPENDING", err);
	for (const struct mq_rd_reply *p = reply->first; p; p = p->next)
		if (take_entry(conn, query, p, list, err) < 0)
			return -1;
	if (reply->last && !mq_rd_id_parse(mq_rd_reply_text(reply->last->first), 0, start))
		return mq_rd_fail_shape(conn, "XPENDING", err);
	*start = mq_rd_id_next(*start);
	return (int64_t)reply->n;
}

int mq_rd_pending(struct mq_conn *base, const struct mq_pending_query *query,
                  struct mq_pending_list *ret_list, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	struct mq_rd_id start = MQ_RD_ID_MIN;

	if (query->after) {
		if (!mq_rd_id_parse(query->after, 0, &start))
			return mq_fail(err, MQ_USAGE, "'%s' is no id like 1700000000000-0",
			               query->after);
		start = mq_rd_id_next(start);
	}
	/* The version decides how it is asked. */
	if (mq_rd_connect(conn, err) < 0)
		return -1;
	while (ret_list->n < query->max) {
		size_t left = query->max - ret_list->n;
		size_t count = left < PAGE ? left : PAGE;
		int64_t n = take_page(conn, query, &start, count, ret_list, err);
		if (n < 0) {
			mq_pending_list_release(ret_list);
			return -1;
		}
		if ((size_t)n < count)
			break;
	}
	return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

/* The words of one command for ids [from, from + n): XCLAIM … JUSTID, or XACK. A claim moves the
 * entry and is no delivery: with JUSTID it is not counted as one, and no payload comes. */
static const char **make_words(const struct mq_pending_change *change, const char *idle,
                               size_t from, size_t n, struct mq_err *err)
{
	const char **words = calloc(n + 7, sizeof *words);
	size_t at = 0;

	if (!words) {
		mq_fail_memory(err);
		return NULL;
	}
	words[at++] = change->to ? "XCLAIM" : "XACK";
	words[at++] = change->stream;
	words[at++] = change->group;
	if (change->to) {
		words[at++] = change->to;
		words[at++] = idle;
	}
	for (size_t i = 0; i < n; i++)
		words[at++] = change->ids[from + i];
	if (change->to)
		words[at++] = "JUSTID";
	return words;
}

/* A pipeline of commands for the ids from *at on. */
static int change_some(struct mq_rd_conn *conn, const struct mq_pending_change *change, size_t *at,
                       struct mq_rd_question *questions, int64_t *ret_n, struct mq_err *err)
{
	const char **words[COMMANDS_MAX];
	char idle[24];
	size_t n = 0;
	int result = -1;

	snprintf(idle, sizeof idle, "%lld",
	         (long long)(change->min_idle_ms > 0 ? change->min_idle_ms : 0));
	for (; n < COMMANDS_MAX && *at < change->n_ids; n++) {
		size_t left = change->n_ids - *at;
		size_t each = left < IDS_EACH ? left : IDS_EACH;
		words[n] = make_words(change, idle, *at, each, err);
		if (!words[n])
			goto out;
		questions[n].key = change->stream;
		questions[n].words = words[n];
		*at += each;
	}
	mq_rd_arena_clear(&conn->scratch);
	/* Asked again, an entry that was claimed already would not be idle and not be counted. */
	if (mq_rd_ask_many(conn, MQ_RD_ONCE, &conn->scratch, questions, n, err) < 0)
		goto out;
	result = 0;
	for (size_t i = 0; i < n; i++) {
		const struct mq_rd_reply *reply = questions[i].reply;
		if (!reply)
			result = mq_rd_pass(err, &questions[i].err);
		else if (reply->type == REDIS_REPLY_ERROR)
			result = fail_refused(conn, change->stream, change->group, reply, err);
		else
			*ret_n += change->to ? (int64_t)reply->n : mq_rd_reply_number(reply, 0);
	}
out:
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	return result;
}

int mq_rd_pending_change(struct mq_conn *base, const struct mq_pending_change *change,
                         int64_t *ret_n, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	struct mq_rd_question *questions = calloc(COMMANDS_MAX, sizeof *questions);
	size_t at = 0;
	int result = 0;

	if (!questions)
		return mq_fail_memory(err);
	for (size_t i = 0; i < change->n_ids && result == 0; i++) {
		struct mq_rd_id id;
		if (!mq_rd_id_parse(change->ids[i], 0, &id))
			result = mq_fail(err, MQ_USAGE, "'%s' is no id like 1700000000000-0",
			                 change->ids[i]);
	}
	while (result == 0 && at < change->n_ids)
		result = change_some(conn, change, &at, questions, ret_n, err);
	free(questions);
	return result;
}
