/*
 * What XINFO GROUPS does not say of groups, asked of all of them in pipelines: see standing.h.
 */
#include "backend/redis/standing.h"

#include <stdlib.h>

enum {
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

/* --- members, pending and unread entries ------------------------------------------------------ */

static struct mq_group_info *group_of(const struct mq_rd_look *look, const struct mq_rd_standing *s)
{
	return &look->list->items[s->group];
}

static struct mq_place *place_of(const struct mq_rd_look *look, const struct mq_rd_standing *s)
{
	return &group_of(look, s)->places[s->place];
}

/* Keeps why a part of the group is unknown. True when there is an answer of the expected kind. */
static bool is_told(const struct mq_rd_look *look, const struct mq_rd_standing *s,
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

static int take_members(struct mq_rd_look *look, const struct mq_rd_standing *s,
                        const struct mq_rd_question *q, struct mq_err *err)
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
static void take_idle(struct mq_rd_look *look, struct mq_rd_standing *s,
                      const struct mq_rd_question *q)
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
static bool is_doubtful(const struct mq_rd_look *look, const struct mq_rd_standing *s)
{
	int64_t lag = place_of(look, s)->lag;

	return lag < 0 || (lag > 0 && lag < CHECK_ENTRIES && s->extent.added != s->extent.length);
}

static bool wants_unread(const struct mq_rd_look *look, const struct mq_rd_standing *s)
{
	unsigned want = look->query->want;

	return (want & MQ_GROUP_AGES && place_of(look, s)->lag != 0) ||
	       (want & MQ_GROUP_ENDS && is_doubtful(look, s));
}

static void take_unread(struct mq_rd_look *look, const struct mq_rd_standing *s,
                        const struct mq_rd_question *q)
{
	struct mq_place *place = place_of(look, s);
	bool doubtful = is_doubtful(look, s);

	if (!is_told(look, s, q))
		return;
	if (q->reply->n == 0 || (doubtful && q->reply->n < CHECK_ENTRIES))
		place->lag = (int64_t)q->reply->n;
	if (q->reply->n > 0 && look->query->want & MQ_GROUP_AGES)
		place->unread_ts_ms =
		    mq_rd_id_time(mq_rd_id_in(mq_rd_reply_at(q->reply->first, 0), MQ_RD_ID_MAX));
}

static bool wants_idle(const struct mq_rd_look *look, const struct mq_rd_standing *s)
{
	return look->query->want & MQ_GROUP_PLACES && s->pending > 0;
}

static void ask_idle(struct mq_rd_look *look, const struct mq_rd_standing *s, const char *stream)
{
	const char *name = group_of(look, s)->name;
	struct mq_rd_question *q = &look->questions[look->n_questions];

	snprintf(q->text[0], sizeof q->text[0], "%d", PENDING_PAGE);
	if (s->idle < 0) {
		mq_rd_look_add(look, stream,
		               MQ_RD_WORDS("XPENDING", stream, name, "-", "+", q->text[0]));
		return;
	}
	/* Those that were known go on being idle meanwhile. */
	snprintf(q->text[1], sizeof q->text[1], "%lld", (long long)s->idle + IDLE_STEP_MS);
	mq_rd_look_add(
	    look, stream,
	    MQ_RD_WORDS("XPENDING", stream, name, "IDLE", q->text[1], "-", "+", q->text[0]));
}

/* One pipeline of one kind of question for up to 2 * MQ_RD_CHUNK standings. */
enum part { MEMBERS, IDLE, UNREAD };

static bool is_in(const struct mq_rd_look *look, enum part part, const struct mq_rd_standing *s)
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

static void ask_part(struct mq_rd_look *look, enum part part, const struct mq_rd_standing *s)
{
	const char *stream = place_of(look, s)->stream;
	struct mq_rd_question *q = &look->questions[look->n_questions];

	switch (part) {
	case MEMBERS:
		mq_rd_look_add(look, stream,
		               MQ_RD_WORDS("XINFO", "CONSUMERS", stream, group_of(look, s)->name));
		break;
	case IDLE:
		ask_idle(look, s, stream);
		break;
	case UNREAD:
		mq_rd_id_print(mq_rd_id_next(s->delivered), q->text[0]);
		snprintf(q->text[1], sizeof q->text[1], "%d",
		         is_doubtful(look, s) ? CHECK_ENTRIES : 1);
		mq_rd_look_add(look, stream,
		               MQ_RD_WORDS("XRANGE", stream, q->text[0], "+", "COUNT", q->text[1]));
		break;
	}
}

static int take_part(struct mq_rd_look *look, enum part part, struct mq_rd_standing *s,
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
static int64_t ask_all(struct mq_rd_look *look, enum part part, struct mq_err *err)
{
	int64_t asked = 0;
	size_t whose[2 * MQ_RD_CHUNK] = {0};

	for (size_t i = 0; i < look->n_standings;) {
		size_t chunk = part == UNREAD ? MQ_RD_CHUNK / 4 : 2 * MQ_RD_CHUNK;
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
		if (mq_rd_look_ask(look, err) < 0)
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
static int count_lag(struct mq_rd_look *look, const struct mq_rd_standing *s,
                     struct mq_rd_mark *mark, struct mq_err *err)
{
	struct mq_place *place = place_of(look, s);
	struct mq_rd_count_limit limit = {
	    look->budget < COUNT_ENTRIES ? look->budget : COUNT_ENTRIES, COUNT_BYTES};
	struct mq_rd_count count;
	struct mq_err why = MQ_ERR_INIT;

	if (look->budget <= 0)
		return say_uncounted(place, 0, err);
	struct mq_rd_id next = mq_rd_id_next(s->delivered);
	if (mq_rd_count(look->conn, place->stream, next, mark->after < 0 ? NULL : mark, &limit,
	                &count, &why) < 0) {
		if (why.code == MQ_CANCELLED)
			return mq_rd_pass(err, &why);
		mq_rd_pass(&group_of(look, s)->err, &why);
		return 0;
	}
	look->budget -= count.seen;
	place->lag = count.after;
	if (count.after >= 0)
		*mark = (struct mq_rd_mark){next, count.after};
	return place->lag < 0 ? say_uncounted(place, count.seen, err) : 0;
}

static int compare_standings(const void *a, const void *b)
{
	const struct mq_rd_standing *x = *(const struct mq_rd_standing *const *)a;
	const struct mq_rd_standing *y = *(const struct mq_rd_standing *const *)b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return mq_rd_id_compare(x->delivered, y->delivered);
}

/* Of many groups of one stream, which is walked through once: each counts from the one before. */
static int count_lags(struct mq_rd_look *look, struct mq_err *err)
{
	const struct mq_rd_standing **unknown =
	    calloc(look->n_standings ? look->n_standings : 1, sizeof(void *));
	struct mq_rd_mark mark = {.after = -1};
	size_t n = 0;
	int result = 0;

	if (!unknown)
		return mq_fail_memory(err);
	for (size_t i = 0; i < look->n_standings; i++)
		if (place_of(look, &look->standings[i])->lag < 0)
			unknown[n++] = &look->standings[i];
	qsort(unknown, n, sizeof *unknown, compare_standings);
	for (size_t i = 0; i < n && result == 0; i++) {
		if (i > 0 && unknown[i]->stream != unknown[i - 1]->stream)
			mark.after = -1;
		result = count_lag(look, unknown[i], &mark, err);
	}
	free(unknown);
	return result;
}

/* --- all of it ------------------------------------------------------------------------------- */

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

int mq_rd_look_closer(struct mq_rd_look *look, struct mq_err *err)
{
	unsigned want = look->query->want;

	look->budget = COUNT_ENTRIES_ALL;
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
	return want & MQ_GROUP_ENDS ? count_lags(look, err) : 0;
}
