/*
 * Where groups stand. A group of Redis belongs to one stream; those of the same name are shown as
 * one with a place in each stream. Everything is asked in pipelines over many streams: first what
 * XINFO says, then (closer.c) what it does not say of the groups that were found.
 *
 * Which streams those are is names.c's business.
 */
#include "backend/redis/standing.h"

#include <stdlib.h>

/* --- what XINFO says ------------------------------------------------------------------------- */

bool mq_rd_extent_read(const struct mq_rd_reply *reply, struct mq_rd_extent *ret)
{
	const struct mq_rd_reply *last = mq_rd_reply_member(reply, "last-generated-id");
	const struct mq_rd_reply *first = mq_rd_reply_member(reply, "first-entry");
	const struct mq_rd_reply *newest = mq_rd_reply_member(reply, "last-entry");

	if (!last)
		return false;
	ret->length = mq_rd_reply_number(mq_rd_reply_member(reply, "length"), 0);
	ret->added = mq_rd_reply_number(mq_rd_reply_member(reply, "entries-added"), -1);
	ret->last = mq_rd_id_in(last, MQ_RD_ID_MIN);
	ret->first = mq_rd_id_in(mq_rd_reply_at(first, 0), MQ_RD_ID_MAX);
	ret->newest = mq_rd_id_in(mq_rd_reply_at(newest, 0), newest ? MQ_RD_ID_MIN : ret->last);
	ret->deleted = mq_rd_id_in(mq_rd_reply_member(reply, "max-deleted-entry-id"), MQ_RD_ID_MIN);
	return true;
}

int64_t mq_rd_lag(struct mq_rd_id delivered, const struct mq_rd_extent *extent, int64_t told)
{
	if (extent->length == 0 || mq_rd_id_compare(delivered, extent->newest) >= 0)
		return 0;
	/* Behind a trimmed part XINFO of 7.0 counts what is gone, too. */
	if (mq_rd_id_compare(delivered, extent->first) < 0)
		return extent->length;
	/* The first entry at least is not behind it, and the newest is. */
	return told > 0 && told < extent->length ? told : -1;
}

static bool is_asked_for(const struct mq_group_query *query, const char *group)
{
	for (size_t i = 0; i < query->n_groups; i++)
		if (strcmp(query->groups[i], group) == 0)
			return true;
	return query->n_groups == 0;
}

static struct mq_group_info *group_named(struct mq_rd_look *look, const char *name,
                                         struct mq_err *err)
{
	for (size_t i = 0; i < look->list->n; i++)
		if (strcmp(look->list->items[i].name, name) == 0)
			return &look->list->items[i];
	struct mq_group_info *group = mq_group_list_add(look->list, name, err);
	if (group)
		group->member_count = 0;
	return group;
}

/* One group of XINFO GROUPS; stream is the reply of XINFO STREAM, or NULL. */
static int take_group(struct mq_rd_look *look, const char *stream, const struct mq_rd_reply *g,
                      const struct mq_rd_reply *info, struct mq_err *err)
{
	const char *name = mq_rd_reply_text(mq_rd_reply_member(g, "name"));
	const char *id = mq_rd_reply_text(mq_rd_reply_member(g, "last-delivered-id"));
	struct mq_rd_standing s = {.idle = -1};

	if (!is_asked_for(look->query, name))
		return 0;
	if (!mq_rd_id_parse(id, 0, &s.delivered))
		return mq_rd_fail_shape(look->conn, "XINFO GROUPS", err);
	if (info && !mq_rd_extent_read(info, &s.extent))
		return mq_rd_fail_shape(look->conn, "XINFO STREAM", err);
	struct mq_group_info *group = group_named(look, name, err);
	if (!group)
		return -1;
	/* Whether members of several streams are the same ones, only their names tell. */
	int64_t consumers = mq_rd_reply_number(mq_rd_reply_member(g, "consumers"), -1);
	group->member_count = group->n_places == 0 ? consumers : -1;
	struct mq_place *place = mq_group_add_place(group, stream, MQ_NO_PARTITION, err);
	struct mq_rd_standing *slot =
	    place ? mq_info_grow(&look->standings, &look->n_standings, sizeof *look->standings, err)
	          : NULL;
	if (!slot || !(place->committed_id = strdup(id)))
		return mq_fail_memory(err);
	s.group = (size_t)(group - look->list->items);
	s.place = group->n_places - 1;
	s.stream = look->answered;
	s.told = mq_rd_reply_number(mq_rd_reply_member(g, "lag"), -1);
	s.pending = mq_rd_reply_number(mq_rd_reply_member(g, "pending"), -1);
	place->pending = s.pending;
	if (info) {
		char end[MQ_RD_ID_TEXT];
		mq_rd_id_print(s.extent.last, end);
		place->added = s.extent.added;
		place->lag = mq_rd_lag(s.delivered, &s.extent, s.told);
		if (!(place->end_id = strdup(end)))
			return mq_fail_memory(err);
	}
	*slot = s;
	return 0;
}

/* What a stream refused. One that went away since it was listed is none any more. */
static void note_refusal(struct mq_rd_look *look, const char *stream,
                         const struct mq_rd_question *q)
{
	struct mq_err why = q->err;
	bool named = look->query->n_streams > 0;

	if (q->reply && strcasestr(mq_rd_reply_text(q->reply), "no such key")) {
		if (!named)
			return;
		mq_rd_fail_missing(look->conn, stream, &why);
	} else if (q->reply) {
		if (!named && mq_rd_reply_is_error(q->reply, "WRONGTYPE"))
			return;
		mq_rd_fail_reply(look->conn, stream, q->reply, &why);
	}
	if (!look->list->partial.code)
		look->list->partial = why;
}

static bool is_refused(const struct mq_rd_question *q)
{
	return !q->reply || q->reply->type == REDIS_REPLY_ERROR;
}

/* info: NULL when it was not asked for. */
static int take_stream(struct mq_rd_look *look, const char *stream,
                       const struct mq_rd_question *groups, const struct mq_rd_question *info,
                       struct mq_err *err)
{
	const struct mq_rd_question *refused = is_refused(groups)         ? groups
	                                       : info && is_refused(info) ? info
	                                                                  : NULL;

	if (refused) {
		note_refusal(look, stream, refused);
		return 0;
	}
	if (groups->reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(look->conn, "XINFO GROUPS", err);
	look->answered++;
	for (const struct mq_rd_reply *g = groups->reply->first; g; g = g->next)
		if (take_group(look, stream, g, info ? info->reply : NULL, err) < 0)
			return -1;
	return 0;
}

/* The groups are asked before the ends, so that the distance is never less than it was. */
static int ask_streams(struct mq_rd_look *look, char *const *streams, size_t n, struct mq_err *err)
{
	bool ends = look->query->want & MQ_GROUP_ENDS;
	size_t each = ends ? 2 : 1;

	look->n_questions = 0;
	for (size_t i = 0; i < n; i++) {
		mq_rd_look_add(look, streams[i], MQ_RD_WORDS("XINFO", "GROUPS", streams[i]));
		if (ends)
			mq_rd_look_add(look, streams[i],
			               MQ_RD_WORDS("XINFO", "STREAM", streams[i]));
	}
	if (mq_rd_look_ask(look, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct mq_rd_question *q = &look->questions[i * each];
		if (take_stream(look, streams[i], q, ends ? q + 1 : NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Groups that were named and not found. */
static int add_missing(struct mq_rd_look *look, struct mq_err *err)
{
	const struct mq_group_query *query = look->query;

	for (size_t i = 0; i < query->n_groups; i++) {
		size_t before = look->list->n;
		struct mq_group_info *group = group_named(look, query->groups[i], err);
		if (!group)
			return -1;
		if (look->list->n == before)
			continue;
		group->member_count = -1;
		if (look->list->partial.code) {
			group->err = look->list->partial;
			continue;
		}
		mq_fail(&group->err, MQ_NOT_FOUND, "%s: there is no group %s in %s",
		        look->conn->shown, query->groups[i],
		        query->n_streams == 1 ? query->streams[0] : "any of the streams");
		mq_hint(&group->err, "mqtk group ls shows those that there are");
	}
	return 0;
}

int mq_rd_groups(struct mq_conn *base, const struct mq_group_query *query,
                 struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_rd_look look = {
	    .conn = mq_rd_conn_of(base),
	    .query = query,
	    .list = ret_list,
	};
	char **streams = NULL;
	size_t n = 0;
	int result = -1;

	look.questions = calloc((size_t)2 * MQ_RD_CHUNK, sizeof *look.questions);
	if (!look.questions) {
		mq_fail_memory(err);
		goto out;
	}
	if (mq_rd_find_streams(look.conn, query->streams, query->n_streams, &streams, &n,
	                       &ret_list->partial, err) < 0)
		goto out;
	/* XINFO STREAM brings the payloads of the first and the last entry. */
	size_t step = query->want & MQ_GROUP_ENDS ? MQ_RD_CHUNK / 4 : MQ_RD_CHUNK;
	for (size_t i = 0; i < n; i += step)
		if (ask_streams(&look, streams + i, n - i < step ? n - i : step, err) < 0)
			goto out;
	if (n > 0 && look.answered == 0 && ret_list->partial.code) {
		mq_rd_pass(err, &ret_list->partial);
		goto out;
	}
	if (mq_rd_look_closer(&look, err) < 0 || add_missing(&look, err) < 0)
		goto out;
	mq_group_list_sort(ret_list);
	result = 0;
out:
	mq_rd_names_free(streams, n);
	mq_rd_arena_release(&look.arena);
	free(look.questions);
	free(look.standings);
	if (result < 0)
		mq_group_list_release(ret_list);
	return result;
}
