/*
 * Settling: of a group's messages by XACK, and without a group, where they are taken, by XDEL; in
 * chunks, each answer checked. Over a connection that breaks it is sent again on the next one;
 * doing it twice does no harm.
 *
 * Over the same connections a member keeps what it works on: others may take over what is idle for
 * long, and entries are idle while a program works on them. So those that are still ours, and were
 * not touched for a while, are claimed by us who have them, which is no delivery.
 */
#include "backend/redis/group.h"

#include <stdlib.h>

enum {
	CHUNK = 1000,      /* ids of one command */
	BACKLOG_MAX = 100, /* commands without an answer before settling waits */
	KEEP_MS = 1000,    /* between two times that what we work on is kept, at most */
	KEEP_LEAST_MS = 100,
};

enum kind { ACK, LOOK, KEEP };

/* A command that has no answer yet. */
struct ack {
	struct mq_rd_cursor *cursor;
	size_t n;
	enum kind kind; /* n is ACK's */
};

/* One connection per feed. */
struct ack_lane {
	struct mq_rd_link *link;
	struct ack *sent;
	size_t from, n, cap;
};

struct mq_rd_acks {
	struct ack_lane *lanes;
	struct mq_rd_arena arena;
	size_t n;
	enum mq_code refused;  /* why the server said no, or MQ_OK */
	struct mq_err passing; /* the server's own words for why it cannot do it now */
	int64_t keep_next_ms;  /* INT64_MAX: it cannot be */
};

/* --- ids ------------------------------------------------------------------------------------- */

int mq_rd_ids_add(struct mq_rd_ids *ids, struct mq_rd_id id, struct mq_err *err)
{
	if (ids->from == ids->n)
		ids->from = ids->n = 0;
	if (ids->n == ids->cap) {
		if (ids->from > ids->cap / 2) {
			memmove(ids->items, ids->items + ids->from,
			        (ids->n - ids->from) * sizeof *ids->items);
			ids->n -= ids->from;
			ids->from = 0;
		} else {
			size_t cap = ids->cap ? ids->cap * 2 : 256;
			struct mq_rd_id *items = realloc(ids->items, cap * sizeof *items);
			if (!items)
				return mq_fail_memory(err);
			ids->items = items;
			ids->cap = cap;
		}
	}
	ids->items[ids->n++] = id;
	return 0;
}

static size_t find(const struct mq_rd_ids *ids, struct mq_rd_id id)
{
	size_t i = ids->from;

	while (i < ids->n && mq_rd_id_compare(ids->items[i], id) != 0)
		i++;
	return i;
}

bool mq_rd_ids_has(const struct mq_rd_ids *ids, struct mq_rd_id id)
{
	return find(ids, id) < ids->n;
}

bool mq_rd_ids_remove(struct mq_rd_ids *ids, struct mq_rd_id id)
{
	size_t i = find(ids, id);

	if (i == ids->n)
		return false;
	/* Almost always the first. */
	memmove(ids->items + ids->from + 1, ids->items + ids->from,
	        (i - ids->from) * sizeof *ids->items);
	ids->from++;
	return true;
}

static int64_t keep_every(const struct mq_rd_reader *r)
{
	int64_t every = r->claim_ms > 0 ? r->claim_ms / 4 : KEEP_MS;

	return every > KEEP_MS ? KEEP_MS : every < KEEP_LEAST_MS ? KEEP_LEAST_MS : every;
}

/* --- sending --------------------------------------------------------------------------------- */

int mq_rd_acks_open(struct mq_rd_reader *r, struct mq_err *err)
{
	r->acks = calloc(1, sizeof *r->acks);
	if (!r->acks)
		return mq_fail_memory(err);
	r->acks->lanes = calloc(r->n_feeds, sizeof *r->acks->lanes);
	if (!r->acks->lanes)
		return mq_fail_memory(err);
	r->acks->n = r->n_feeds;
	r->acks->keep_next_ms = mq_now_monotonic_ms() + keep_every(r);
	/* Older servers cannot tell what is idle. */
	if (!r->group || r->held || (r->conn->version > 0 && r->conn->version < 60200))
		r->acks->keep_next_ms = INT64_MAX;
	for (size_t i = 0; i < r->n_feeds; i++)
		if (mq_rd_open_to(r->conn, r->feeds[i].node, &r->acks->lanes[i].link, err) < 0)
			return -1;
	return 0;
}

/* Whatever has no answer is to be sent again. */
static void lane_lost(struct mq_rd_reader *r, size_t lane)
{
	struct ack_lane *l = &r->acks->lanes[lane];

	mq_rd_link_close(l->link);
	l->link = NULL;
	l->from = l->n = 0;
	for (size_t i = 0; i < r->n_cursors; i++)
		if (r->cursors[i]->feed == lane)
			r->cursors[i]->ack_sent = 0;
}

/* A command whose answer is one of the lane's. */
static int send_words(struct ack_lane *lane, struct ack ack, size_t argc, const char **words,
                      struct mq_err *err)
{
	if (lane->from == lane->n)
		lane->from = lane->n = 0;
	if (lane->n == lane->cap) {
		size_t cap = lane->cap ? lane->cap * 2 : 64;
		struct ack *sent = realloc(lane->sent, cap * sizeof *sent);
		if (!sent)
			return mq_fail_memory(err);
		lane->sent = sent;
		lane->cap = cap;
	}
	if (mq_rd_link_append(lane->link, argc, words, NULL, err) < 0)
		return -1;
	if (lane->from == lane->n)
		lane->link->heard_ms = mq_now_monotonic_ms();
	lane->sent[lane->n++] = ack;
	return 0;
}

/* XACK or XDEL of the next n ids of the cursor that were not sent. */
static int send_chunk(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, size_t n,
                      struct mq_err *err)
{
	struct ack_lane *lane = &r->acks->lanes[cursor->feed];
	char(*ids)[MQ_RD_ID_TEXT] = malloc(n * sizeof *ids);
	const char **words = malloc((n + 3) * sizeof *words);
	int result = -1;

	if (!ids || !words) {
		mq_fail_memory(err);
		goto out;
	}
	size_t head = r->group ? 3 : 2;
	words[0] = r->group ? "XACK" : "XDEL";
	words[1] = cursor->name;
	words[2] = r->group; /* or the first id */
	for (size_t i = 0; i < n; i++) {
		mq_rd_id_print(cursor->settled.items[cursor->settled.from + cursor->ack_sent + i],
		               ids[i]);
		words[head + i] = ids[i];
	}
	if (send_words(lane, (struct ack){cursor, n, ACK}, n + head, words, err) < 0)
		goto out;
	cursor->ack_sent += n;
	result = 0;
out:
	free(ids);
	free(words);
	return result;
}

/* --- keeping --------------------------------------------------------------------------------- */

/* Which entries of ours nobody has touched for half of that time. */
static int ask_which(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, struct mq_rd_id from,
                     struct mq_err *err)
{
	char idle[24], start[MQ_RD_ID_TEXT], count[24];

	snprintf(idle, sizeof idle, "%lld", (long long)keep_every(r) / 2);
	snprintf(count, sizeof count, "%d", CHUNK);
	mq_rd_id_print(from, start);
	const char *words[] = {"XPENDING", cursor->name, r->group, "IDLE",   idle,
	                       start,      "+",          count,    r->member};
	return send_words(&r->acks->lanes[cursor->feed], (struct ack){cursor, 0, LOOK},
	                  sizeof words / sizeof words[0], words, err);
}

/* They are claimed if they are still as idle: what another member took over meanwhile is not. */
static int keep(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                const struct mq_rd_reply *pending, struct mq_err *err)
{
	const char **words = malloc((pending->n + 6) * sizeof *words);
	struct ack_lane *lane = &r->acks->lanes[cursor->feed];
	char idle[24];
	size_t n = 0;

	if (!words)
		return mq_fail_memory(err);
	snprintf(idle, sizeof idle, "%lld", (long long)keep_every(r) / 2);
	const char *const head[] = {"XCLAIM", cursor->name, r->group, r->member, idle};
	for (; n < 5; n++)
		words[n] = head[n];
	for (const struct mq_rd_reply *p = pending->first; p; p = p->next)
		words[n++] = mq_rd_reply_text(mq_rd_reply_at(p, 0));
	words[n++] = "JUSTID";
	int result = send_words(lane, (struct ack){cursor, 0, KEEP}, n, words, err);
	free(words);
	if (result < 0 || pending->n < CHUNK)
		return result;
	struct mq_rd_id last = mq_rd_id_in(mq_rd_reply_at(pending->last, 0), MQ_RD_ID_MAX);
	return ask_which(r, cursor, mq_rd_id_next(last), err);
}

/* What is not allowed, or not known to an old server, is not asked for again. */
static int take_kept(struct mq_rd_reader *r, const struct ack *ack, const struct mq_rd_reply *reply,
                     struct mq_err *err)
{
	if (reply->type == REDIS_REPLY_ERROR) {
		mq_log(
		    mq_rd_env_of(r), MQ_LEVEL_VERBOSE,
		    "%s: entries that are worked on for long are not kept from other members: %s",
		    ack->cursor->name, mq_rd_reply_text(reply));
		r->acks->keep_next_ms = INT64_MAX;
		return 0;
	}
	if (ack->kind == LOOK && reply->type == REDIS_REPLY_ARRAY && reply->n > 0)
		return keep(r, ack->cursor, reply, err);
	return 0;
}

static size_t unsent(const struct mq_rd_cursor *cursor)
{
	return cursor->settled.n - cursor->settled.from - cursor->ack_sent;
}

static int pass_on(const struct mq_err *why, struct mq_err *err)
{
	if (err && !err->code)
		*err = *why;
	return -1;
}

/* The server said no: it is not asked again, and waiting for more answers is in vain. */
static int refuse(struct mq_rd_reader *r, const struct mq_err *why, struct mq_err *err)
{
	r->acks->refused = why->code;
	return pass_on(why, err);
}

/* An answer: so many of the chunk were pending. 0, or -1 when the server refused. */
static int take_answer(struct mq_rd_reader *r, size_t lane, const struct mq_rd_reply *reply,
                       struct mq_err *err)
{
	struct ack_lane *l = &r->acks->lanes[lane];

	if (l->from == l->n)
		return mq_rd_fail_shape(r->conn, r->group ? "XACK" : "XDEL", err);
	struct ack ack = l->sent[l->from];
	struct mq_err why = MQ_ERR_INIT;
	if (reply->type == REDIS_REPLY_ERROR) {
		size_t node;
		if (mq_rd_reply_is_error(reply, "MOVED") || mq_rd_reply_is_error(reply, "ASK")) {
			if (mq_rd_redirected(r->conn, reply, &node, err) < 0)
				return -1;
			r->feeds[lane].node = node;
			lane_lost(r, lane);
			return 0;
		}
		if (mq_rd_is_passing(reply)) {
			mq_err_clear(&r->acks->passing);
			mq_rd_fail_reply(r->conn, ack.cursor->name, reply, &r->acks->passing);
			lane_lost(r, lane);
			return 0;
		}
		if (ack.kind == ACK) {
			mq_rd_fail_reply(r->conn, ack.cursor->name, reply, &why);
			return refuse(r, &why, err);
		}
	}
	if (ack.kind != ACK) {
		l->from++;
		return take_kept(r, &ack, reply, err);
	}
	if (reply->type != REDIS_REPLY_INTEGER) {
		mq_rd_fail_shape(r->conn, r->group ? "XACK" : "XDEL", &why);
		return refuse(r, &why, err);
	}
	l->from++;
	mq_err_clear(&r->acks->passing);
	ack.cursor->settled.from += ack.n;
	ack.cursor->ack_sent -= ack.n;
	if (mq_rd_reply_number(reply, 0) < (int64_t)ack.n)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_VERBOSE,
		       "%s: %lld of %zu entries were no longer there: others acknowledged or took "
		       "them",
		       ack.cursor->name, (long long)ack.n - (long long)mq_rd_reply_number(reply, 0),
		       ack.n);
	return 0;
}

/* Sends what is to be sent, from `least` ids on, and takes what was answered. -1 for a refusal; a
 * lost connection is no failure here. */
static int turn(struct mq_rd_reader *r, size_t lane, size_t least, struct mq_err *err)
{
	struct ack_lane *l = &r->acks->lanes[lane];
	struct mq_err why = MQ_ERR_INIT;
	struct mq_rd_reply *reply;
	int got = 0;

	for (size_t i = 0; i < r->n_cursors && l->link; i++) {
		struct mq_rd_cursor *cursor = r->cursors[i];
		while (cursor->feed == lane && unsent(cursor) >= least && unsent(cursor) > 0) {
			size_t n = unsent(cursor) < CHUNK ? unsent(cursor) : CHUNK;
			if (send_chunk(r, cursor, n, err) < 0)
				return -1;
		}
	}
	while (l->link && (got = mq_rd_link_next(l->link, &r->acks->arena, &reply, &why)) > 0) {
		int result = take_answer(r, lane, reply, err);
		mq_rd_arena_clear(&r->acks->arena);
		if (result < 0)
			return -1;
	}
	if (l->link && got == 0 && l->from < l->n &&
	    mq_now_monotonic_ms() - l->link->heard_ms > mq_rd_env_of(r)->timeout_ms)
		got = -1;
	if (l->link && got < 0)
		lane_lost(r, lane);
	return 0;
}

static bool is_done(const struct mq_rd_reader *r, size_t lane)
{
	for (size_t i = 0; i < r->n_cursors; i++)
		if (r->cursors[i]->feed == lane &&
		    r->cursors[i]->settled.from < r->cursors[i]->settled.n)
			return false;
	return true;
}

/* Until every id of the lane has its answer, or env->timeout_ms has passed without one. */
static int finish(struct mq_rd_reader *r, size_t lane, struct mq_err *err)
{
	struct ack_lane *l = &r->acks->lanes[lane];
	int64_t deadline = mq_now_monotonic_ms() + mq_rd_env_of(r)->timeout_ms;
	struct mq_err why = MQ_ERR_INIT;

	while (!is_done(r, lane)) {
		if (!l->link && mq_rd_open_to(r->conn, r->feeds[lane].node, &l->link, &why) < 0) {
			if (!why.retriable || mq_now_monotonic_ms() >= deadline) {
				mq_fail(err, why.code,
				        "the acknowledgements did not get through: %s",
				        why.message);
				return mq_hint(err,
				               "what was printed since the last ones will come "
				               "again");
			}
			mq_err_clear(&why);
			mq_rd_pause(r->conn, true);
			continue;
		}
		if (turn(r, lane, 1, err) < 0)
			return -1;
		if (mq_now_monotonic_ms() >= deadline && !is_done(r, lane) && r->acks->passing.code)
			return pass_on(&r->acks->passing, err);
		if (mq_now_monotonic_ms() >= deadline && !is_done(r, lane)) {
			mq_fail(err, MQ_UNREACHABLE,
			        "%s: the acknowledgements had no answer within %d ms",
			        r->conn->shown, mq_rd_env_of(r)->timeout_ms);
			return mq_hint(err, "what was printed since the last ones will come again");
		}
		if (!l->link)
			mq_rd_pause(r->conn, true);
		else if (!is_done(r, lane))
			mq_net_wait_through(l->link->net, mq_rd_link_has_output(l->link), 100);
	}
	return 0;
}

int mq_rd_acks_flush(struct mq_rd_reader *r, bool wait, struct mq_err *err)
{
	if (r->acks->refused)
		return mq_fail(err, r->acks->refused,
		               "%s: what was printed last is not acknowledged and will come again",
		               r->conn->shown);
	for (size_t i = 0; i < r->acks->n; i++) {
		struct ack_lane *l = &r->acks->lanes[i];
		struct mq_err ignored = MQ_ERR_INIT;
		if (wait || l->n - l->from > BACKLOG_MAX) {
			if (finish(r, i, err) < 0)
				return -1;
			continue;
		}
		if (!l->link && mq_rd_open_to(r->conn, r->feeds[i].node, &l->link, &ignored) < 0)
			continue; /* the next one, or the last, tries again */
		if (turn(r, i, 1, err) < 0)
			return -1;
	}
	return 0;
}

int mq_rd_acks_add(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, struct mq_rd_id id,
                   struct mq_err *err)
{
	if (mq_rd_ids_add(&cursor->settled, id, err) < 0)
		return -1;
	if (unsent(cursor) < CHUNK || !r->acks->lanes[cursor->feed].link)
		return 0;
	return turn(r, cursor->feed, CHUNK, err);
}

int mq_rd_acks_keep(struct mq_rd_reader *r, struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();
	bool due = now >= r->acks->keep_next_ms;

	if (due)
		r->acks->keep_next_ms = now + keep_every(r);
	for (size_t i = 0; i < r->n_cursors && due; i++) {
		struct mq_rd_cursor *cursor = r->cursors[i];
		if (cursor->lent_ids.from < cursor->lent_ids.n &&
		    r->acks->lanes[cursor->feed].link &&
		    ask_which(r, cursor, MQ_RD_ID_MIN, err) < 0)
			return -1;
	}
	/* The answers of the last time, and these questions on their way. */
	for (size_t i = 0; i < r->acks->n; i++)
		if (r->acks->lanes[i].from < r->acks->lanes[i].n && turn(r, i, CHUNK, err) < 0)
			return -1;
	return 0;
}

void mq_rd_acks_free(struct mq_rd_reader *r)
{
	if (!r->acks)
		return;
	for (size_t i = 0; i < r->acks->n; i++) {
		mq_rd_link_close(r->acks->lanes[i].link);
		free(r->acks->lanes[i].sent);
	}
	mq_rd_arena_release(&r->acks->arena);
	free(r->acks->lanes);
	free(r->acks);
	r->acks = NULL;
}
