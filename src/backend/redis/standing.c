/*
 * Where groups stand. A group of Redis belongs to one stream; those of the same name are shown as
 * one with a place in each stream. Everything is asked in pipelines over many streams: first what
 * XINFO says, then what it does not say of the groups that were found.
 *
 * Which streams those are is names.c's business.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

enum {
	CHUNK = 256, /* streams or places in one pipeline */
	PENDING_PAGE = 1000,
	/* Entries behind a place that are looked at in any case where XINFO may be wrong, and how
	 * many such places are in one pipeline. */
	CHECK_ENTRIES = 128,
	CHECK_CHUNK = 16,
	IDLE_STEP_MS = 1000,
	IDLE_ROUNDS = 8, /* looks for an entry that has been idle for longer */
	/* How far entries are counted where XINFO cannot tell: at one place, and at all together.
	 */
	COUNT_ENTRIES = 100000,
	COUNT_ENTRIES_ALL = 1000000,
};
#define COUNT_BYTES ((size_t)64 << 20)

/* A group in one stream. */
struct standing {
	size_t group, place; /* indices: the arrays still grow */
	struct mq_rd_id delivered;
	struct mq_rd_extent extent;
	int64_t told; /* lag by XINFO */
	int64_t pending;
	int64_t idle; /* the largest that is known */
	bool seek_idle;
};

struct look {
	struct mq_rd_conn *conn;
	const struct mq_group_query *query;
	struct mq_group_list *list;
	struct mq_rd_arena arena;
	struct mq_rd_question *questions; /* 2 * CHUNK of them */
	size_t n_questions;
	struct standing *standings;
	size_t n_standings;
	int64_t budget;  /* entries that may still be counted */
	size_t answered; /* streams that told something */
};

/* --- what XINFO says ------------------------------------------------------------------------- */

static struct mq_rd_id id_of(const struct mq_rd_reply *reply, struct mq_rd_id missing)
{
	struct mq_rd_id id;

	return mq_rd_id_parse(mq_rd_reply_text(reply), 0, &id) ? id : missing;
}

bool mq_rd_extent_read(const struct mq_rd_reply *reply, struct mq_rd_extent *ret)
{
	const struct mq_rd_reply *last = mq_rd_reply_member(reply, "last-generated-id");
	const struct mq_rd_reply *first = mq_rd_reply_member(reply, "first-entry");
	const struct mq_rd_reply *newest = mq_rd_reply_member(reply, "last-entry");

	if (!last)
		return false;
	ret->length = mq_rd_reply_number(mq_rd_reply_member(reply, "length"), 0);
	ret->added = mq_rd_reply_number(mq_rd_reply_member(reply, "entries-added"), -1);
	ret->last = id_of(last, MQ_RD_ID_MIN);
	ret->first = id_of(mq_rd_reply_at(first, 0), MQ_RD_ID_MAX);
	ret->newest = id_of(mq_rd_reply_at(newest, 0), MQ_RD_ID_MIN);
	ret->deleted = id_of(mq_rd_reply_member(reply, "max-deleted-entry-id"), MQ_RD_ID_MIN);
	return true;
}

int64_t mq_rd_lag(struct mq_rd_id delivered, const struct mq_rd_extent *extent, int64_t told)
{
	if (extent->length == 0 || mq_rd_id_compare(delivered, extent->newest) >= 0)
		return 0;
	/* Behind a trimmed part XINFO of 7.0 counts what is gone, too. */
	if (mq_rd_id_compare(delivered, extent->first) < 0)
		return extent->length;
	/* The first entry at least is not behind it. */
	return told >= 0 && told < extent->length ? told : -1;
}

static bool is_asked_for(const struct mq_group_query *query, const char *group)
{
	for (size_t i = 0; i < query->n_groups; i++)
		if (strcmp(query->groups[i], group) == 0)
			return true;
	return query->n_groups == 0;
}

static struct mq_group_info *group_named(struct look *look, const char *name, struct mq_err *err)
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
static int take_group(struct look *look, const char *stream, const struct mq_rd_reply *g,
                      const struct mq_rd_reply *info, struct mq_err *err)
{
	const char *name = mq_rd_reply_text(mq_rd_reply_member(g, "name"));
	const char *id = mq_rd_reply_text(mq_rd_reply_member(g, "last-delivered-id"));
	struct standing s = {.idle = -1};

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
	struct standing *slot =
	    place ? mq_info_grow(&look->standings, &look->n_standings, sizeof *look->standings, err)
	          : NULL;
	if (!slot || !(place->committed_id = strdup(id)))
		return mq_fail_memory(err);
	s.group = (size_t)(group - look->list->items);
	s.place = group->n_places - 1;
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
static void note_refusal(struct look *look, const char *stream, const struct mq_rd_question *q)
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

static int take_stream(struct look *look, const char *stream, const struct mq_rd_question *groups,
                       const struct mq_rd_question *info, struct mq_err *err)
{
	const struct mq_rd_question *const both[] = {groups, info};

	for (size_t i = 0; i < 2; i++) {
		if (both[i] && (!both[i]->reply || both[i]->reply->type == REDIS_REPLY_ERROR)) {
			note_refusal(look, stream, both[i]);
			return 0;
		}
	}
	if (groups->reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(look->conn, "XINFO GROUPS", err);
	look->answered++;
	for (const struct mq_rd_reply *g = groups->reply->first; g; g = g->next)
		if (take_group(look, stream, g, info ? info->reply : NULL, err) < 0)
			return -1;
	return 0;
}

static struct mq_rd_question *add_question(struct look *look, const char *key,
                                           const char *const *words)
{
	struct mq_rd_question *q = &look->questions[look->n_questions++];

	mq_rd_question_set(q, key, words);
	return q;
}

static int ask(struct look *look, struct mq_err *err)
{
	mq_rd_arena_clear(&look->arena);
	return mq_rd_ask_many(look->conn, 0, &look->arena, look->questions, look->n_questions, err);
}

/* The groups are asked before the ends, so that the distance is never less than it was. */
static int ask_streams(struct look *look, char *const *streams, size_t n, struct mq_err *err)
{
	bool ends = look->query->want & MQ_GROUP_ENDS;
	size_t each = ends ? 2 : 1;

	look->n_questions = 0;
	for (size_t i = 0; i < n; i++) {
		add_question(look, streams[i], MQ_RD_WORDS("XINFO", "GROUPS", streams[i]));
		if (ends)
			add_question(look, streams[i], MQ_RD_WORDS("XINFO", "STREAM", streams[i]));
	}
	if (ask(look, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct mq_rd_question *q = &look->questions[i * each];
		if (take_stream(look, streams[i], q, ends ? q + 1 : NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* --- what it does not say -------------------------------------------------------------------- */

static struct mq_group_info *group_of(const struct look *look, const struct standing *s)
{
	return &look->list->items[s->group];
}

static struct mq_place *place_of(const struct look *look, const struct standing *s)
{
	return &group_of(look, s)->places[s->place];
}

/* Keeps why a part of the group is unknown. True when there is an answer of the expected kind. */
static bool is_told(const struct look *look, const struct standing *s,
                    const struct mq_rd_question *q)
{
	struct mq_err *err = &group_of(look, s)->err;

	if (q->reply && q->reply->type == REDIS_REPLY_ARRAY)
		return true;
	if (!err->code && !q->reply)
		*err = q->err;
	else if (!err->code && q->reply->type == REDIS_REPLY_ERROR)
		mq_rd_fail_reply(look->conn, place_of(look, s)->stream, q->reply, err);
	else if (!err->code)
		mq_rd_fail_shape(look->conn, "XINFO or XPENDING", err);
	return false;
}

static int take_members(struct look *look, const struct standing *s, const struct mq_rd_question *q,
                        struct mq_err *err)
{
	if (!is_told(look, s, q))
		return 0;
	for (const struct mq_rd_reply *c = q->reply->first; c; c = c->next) {
		struct mq_group_member *member = mq_group_add_member(
		    group_of(look, s), mq_rd_reply_text(mq_rd_reply_member(c, "name")), err);
		if (!member || !(member->stream = strdup(place_of(look, s)->stream)))
			return mq_fail_memory(err);
		member->pending = mq_rd_reply_number(mq_rd_reply_member(c, "pending"), -1);
		member->idle_ms = mq_rd_reply_number(mq_rd_reply_member(c, "idle"), -1);
	}
	return 0;
}

/* Pending entries come in the order of their ids, but one may have been delivered again: only the
 * whole list tells which waits longest, or a question for what has been idle for longer. */
static void take_idle(struct look *look, struct standing *s, const struct mq_rd_question *q)
{
	s->seek_idle = false;
	if (!is_told(look, s, q))
		return;
	int64_t before = s->idle;
	for (const struct mq_rd_reply *p = q->reply->first; p; p = p->next) {
		int64_t idle = mq_rd_reply_number(mq_rd_reply_at(p, 2), -1);
		s->idle = idle > s->idle ? idle : s->idle;
	}
	s->seek_idle = s->pending > PENDING_PAGE && s->idle > before &&
	               !(look->conn->version > 0 && look->conn->version < 60200);
	place_of(look, s)->oldest_idle_ms = s->idle;
}

/* XINFO tells no lag, or perhaps a wrong one: a group that reads on behind entries that XTRIM
 * removed counts as if it had not passed them (7.0 does). */
static bool is_doubtful(const struct look *look, const struct standing *s)
{
	int64_t lag = place_of(look, s)->lag;

	return lag < 0 || (lag > 0 && lag < CHECK_ENTRIES && s->extent.added != s->extent.length);
}

static bool wants_unread(const struct look *look, const struct standing *s)
{
	unsigned want = look->query->want;

	return (want & MQ_GROUP_AGES && place_of(look, s)->lag != 0) ||
	       (want & MQ_GROUP_ENDS && is_doubtful(look, s));
}

static void take_unread(struct look *look, const struct standing *s, const struct mq_rd_question *q)
{
	struct mq_place *place = place_of(look, s);
	bool doubtful = is_doubtful(look, s);

	if (!is_told(look, s, q))
		return;
	if (q->reply->n == 0 || (doubtful && q->reply->n < CHECK_ENTRIES))
		place->lag = (int64_t)q->reply->n;
	if (q->reply->n > 0 && look->query->want & MQ_GROUP_AGES)
		place->unread_ts_ms =
		    mq_rd_id_time(id_of(mq_rd_reply_at(q->reply->first, 0), MQ_RD_ID_MAX));
}

static bool wants_idle(const struct look *look, const struct standing *s)
{
	return look->query->want & MQ_GROUP_PLACES && s->pending > 0;
}

static void ask_idle(struct look *look, const struct standing *s, const char *stream)
{
	const char *name = group_of(look, s)->name;
	struct mq_rd_question *q = &look->questions[look->n_questions];

	snprintf(q->text[0], sizeof q->text[0], "%d", PENDING_PAGE);
	if (s->idle < 0) {
		add_question(look, stream,
		             MQ_RD_WORDS("XPENDING", stream, name, "-", "+", q->text[0]));
		return;
	}
	/* Those that were known go on being idle meanwhile. */
	snprintf(q->text[1], sizeof q->text[1], "%lld", (long long)s->idle + IDLE_STEP_MS);
	add_question(
	    look, stream,
	    MQ_RD_WORDS("XPENDING", stream, name, "IDLE", q->text[1], "-", "+", q->text[0]));
}

/* One pipeline of one kind of question for up to 2 * CHUNK standings. */
enum part { MEMBERS, IDLE, UNREAD };

static bool is_in(const struct look *look, enum part part, const struct standing *s)
{
	switch (part) {
	case MEMBERS:
		return look->query->want & MQ_GROUP_MEMBERS;
	case IDLE:
		return s->idle < 0 ? wants_idle(look, s) : s->seek_idle;
	default:
		return wants_unread(look, s);
	}
}

static void ask_part(struct look *look, enum part part, const struct standing *s)
{
	const char *stream = place_of(look, s)->stream;
	struct mq_rd_question *q = &look->questions[look->n_questions];

	switch (part) {
	case MEMBERS:
		add_question(look, stream,
		             MQ_RD_WORDS("XINFO", "CONSUMERS", stream, group_of(look, s)->name));
		break;
	case IDLE:
		ask_idle(look, s, stream);
		break;
	case UNREAD:
		mq_rd_id_print(mq_rd_id_next(s->delivered), q->text[0]);
		snprintf(q->text[1], sizeof q->text[1], "%d",
		         is_doubtful(look, s) ? CHECK_ENTRIES : 1);
		add_question(look, stream,
		             MQ_RD_WORDS("XRANGE", stream, q->text[0], "+", "COUNT", q->text[1]));
		break;
	}
}

static int take_part(struct look *look, enum part part, struct standing *s,
                     const struct mq_rd_question *q, struct mq_err *err)
{
	switch (part) {
	case MEMBERS:
		return take_members(look, s, q, err);
	case IDLE:
		take_idle(look, s, q);
		return 0;
	default:
		take_unread(look, s, q);
		return 0;
	}
}

/* Asks one kind of thing of all standings. Returns how many were asked, or -1. */
static int64_t ask_all(struct look *look, enum part part, struct mq_err *err)
{
	int64_t asked = 0;
	size_t whose[2 * CHUNK];

	for (size_t i = 0; i < look->n_standings;) {
		size_t chunk = part == UNREAD ? CHUNK / 4 : 2 * CHUNK;
		look->n_questions = 0;
		for (; i < look->n_standings && look->n_questions < chunk; i++) {
			if (!is_in(look, part, &look->standings[i]))
				continue;
			/* Several entries of each: fewer at once. */
			if (part == UNREAD && is_doubtful(look, &look->standings[i]))
				chunk = CHECK_CHUNK;
			whose[look->n_questions] = i;
			ask_part(look, part, &look->standings[i]);
		}
		if (ask(look, err) < 0)
			return -1;
		for (size_t k = 0; k < look->n_questions; k++)
			if (take_part(look, part, &look->standings[whose[k]], &look->questions[k],
			              err) < 0)
				return -1;
		asked += (int64_t)look->n_questions;
	}
	return asked;
}

/* --- counting -------------------------------------------------------------------------------- */

static int say_uncounted(struct mq_place *place, int64_t seen, struct mq_err *err)
{
	char text[200];

	if (seen > 0)
		snprintf(text, sizeof text,
		         "XINFO does not tell the lag, and more than %lld entries would have to "
		         "be counted",
		         (long long)seen);
	else
		snprintf(text, sizeof text,
		         "XINFO does not tell the lag, and at other places %d entries were counted "
		         "already: ask for fewer streams or groups",
		         COUNT_ENTRIES_ALL);
	place->error = strdup(text);
	return place->error ? 0 : mq_fail_memory(err);
}

/* The lag that XINFO does not tell: of groups made in mid-stream, behind deleted entries, of
 * servers before 7.0. */
static int count_lag(struct look *look, const struct standing *s, struct mq_err *err)
{
	struct mq_place *place = place_of(look, s);
	struct mq_rd_count_limit limit = {
	    look->budget < COUNT_ENTRIES ? look->budget : COUNT_ENTRIES, COUNT_BYTES};
	struct mq_rd_count count;
	struct mq_err why = MQ_ERR_INIT;

	if (look->budget <= 0)
		return say_uncounted(place, 0, err);
	if (mq_rd_count(look->conn, place->stream, mq_rd_id_next(s->delivered), &limit, &count,
	                &why) < 0) {
		if (why.code == MQ_CANCELLED)
			return mq_rd_pass(err, &why);
		mq_rd_pass(&group_of(look, s)->err, &why);
		return 0;
	}
	look->budget -= count.seen;
	place->lag = count.after;
	return place->lag < 0 ? say_uncounted(place, count.seen, err) : 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A member that reads several streams is one. */
static int count_members(struct mq_group_info *group, struct mq_err *err)
{
	const char **names = calloc(group->n_members ? group->n_members : 1, sizeof *names);

	if (!names)
		return mq_fail_memory(err);
	for (size_t i = 0; i < group->n_members; i++)
		names[i] = group->members[i].name;
	qsort(names, group->n_members, sizeof *names, compare_names);
	group->member_count = 0;
	for (size_t i = 0; i < group->n_members; i++)
		group->member_count += i == 0 || strcmp(names[i - 1], names[i]) != 0;
	free(names);
	return 0;
}

static int look_closer(struct look *look, struct mq_err *err)
{
	unsigned want = look->query->want;

	if (want & MQ_GROUP_MEMBERS) {
		if (ask_all(look, MEMBERS, err) < 0)
			return -1;
		for (size_t i = 0; i < look->list->n; i++)
			if (!look->list->items[i].err.code &&
			    count_members(&look->list->items[i], err) < 0)
				return -1;
	}
	for (int round = 0; want & MQ_GROUP_PLACES && round < IDLE_ROUNDS; round++) {
		int64_t asked = ask_all(look, IDLE, err);
		if (asked < 0)
			return -1;
		if (asked == 0)
			break;
	}
	if (want & MQ_GROUP_ENDS && ask_all(look, UNREAD, err) < 0)
		return -1;
	for (size_t i = 0; want & MQ_GROUP_ENDS && i < look->n_standings; i++)
		if (place_of(look, &look->standings[i])->lag < 0 &&
		    count_lag(look, &look->standings[i], err) < 0)
			return -1;
	return 0;
}

/* Groups that were named and not found. */
static int add_missing(struct look *look, struct mq_err *err)
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
	struct look look = {.conn = mq_rd_conn_of(base),
	                    .query = query,
	                    .list = ret_list,
	                    .budget = COUNT_ENTRIES_ALL};
	char **streams = NULL;
	size_t n = 0;
	int result = -1;

	look.questions = calloc((size_t)2 * CHUNK, sizeof *look.questions);
	if (!look.questions) {
		mq_fail_memory(err);
		goto out;
	}
	if (mq_rd_find_streams(look.conn, query->streams, query->n_streams, &streams, &n,
	                       &ret_list->partial, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i += CHUNK)
		if (ask_streams(&look, streams + i, n - i < CHUNK ? n - i : CHUNK, err) < 0)
			goto out;
	if (n > 0 && look.answered == 0 && ret_list->partial.code) {
		mq_rd_pass(err, &ret_list->partial);
		goto out;
	}
	if (look_closer(&look, err) < 0 || add_missing(&look, err) < 0)
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
