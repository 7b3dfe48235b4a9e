/*
 * Reading as a member of a group: own pending entries first, then those that others left idle
 * (--claim), then new ones. What is acknowledged, and how, lives in acks.c.
 */
#include "backend/redis/held.h"

#include <stdlib.h>

enum {
	BLOCK_MS = 1000,
	CLAIM_EVERY_MS = 1000, /* at least, between two looks for idle entries */
	LOOK_AGAIN_MS = 100,   /* where waiting at one connection would hold up the others */
};

/* --- opening --------------------------------------------------------------------------------- */

/* What XINFO GROUPS says of ours: 1, 0 when there is no such group, -1. */
static int find_group(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&r->conn->scratch);
	if (mq_rd_ask(r->conn, cursor->name, 0, &r->conn->scratch,
	              MQ_RD_WORDS("XINFO", "GROUPS", cursor->name), &reply, err) < 0)
		return -1;
	for (const struct mq_rd_reply *g = mq_rd_reply_at(reply, 0); g; g = g->next) {
		if (strcmp(mq_rd_reply_text(mq_rd_reply_member(g, "name")), r->group) != 0)
			continue;
		cursor->backlog = mq_rd_reply_number(mq_rd_reply_member(g, "lag"), -1);
		return 1;
	}
	return 0;
}

/* XGROUP CREATE or SETID at the entry before `next`. */
static int place_group(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, const char *verb,
                       struct mq_err *err)
{
	const struct mq_rd_reply *reply;
	char id[MQ_RD_ID_TEXT];

	mq_rd_id_print(mq_rd_id_previous(cursor->next), id);
	mq_rd_arena_clear(&r->conn->scratch);
	if (mq_rd_ask(r->conn, cursor->name, MQ_RD_ERRORS, &r->conn->scratch,
	              MQ_RD_WORDS("XGROUP", verb, cursor->name, r->group, id), &reply, err) < 0)
		return -1;
	/* Another member was faster. */
	if (reply->type == REDIS_REPLY_ERROR && !mq_rd_reply_is_error(reply, "BUSYGROUP"))
		return mq_rd_fail_reply(r->conn, cursor->name, reply, err);
	return 0;
}

static int open_in(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                   const struct mq_read_spec *spec, struct mq_err *err)
{
	int found = find_group(r, cursor, err);

	if (found < 0)
		return -1;
	if (!found && spec->from.kind == MQ_POS_STORED) {
		mq_fail(err, MQ_NOT_FOUND, "%s: there is no group %s in %s", r->conn->shown,
		        r->group, cursor->name);
		return mq_hint(err, "without --from stored the group is made");
	}
	if (!found && place_group(r, cursor, "CREATE", err) < 0)
		return -1;
	if (found && spec->from_always && spec->from.kind != MQ_POS_UNSET &&
	    spec->from.kind != MQ_POS_STORED) {
		cursor->backlog = -1;
		if (place_group(r, cursor, "SETID", err) < 0)
			return -1;
	}
	/* A group that was made at the beginning has the whole stream before it. */
	if (!found && find_group(r, cursor, err) < 0)
		return -1;
	return 0;
}

int mq_rd_group_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	r->group = strdup(spec->group);
	r->claim_ms = spec->claim_ms;
	if (!r->group)
		return mq_fail_memory(err);
	if (r->claim_ms > 0 && r->conn->version > 0 && r->conn->version < 60200) {
		mq_fail(err, MQ_USAGE, "%s: --claim needs Redis 6.2 or newer", r->conn->shown);
		return mq_hint(err, "redis-cli XCLAIM takes over single entries");
	}
	if (spec->member && !(r->member = strdup(spec->member)))
		return mq_fail_memory(err);
	if (!r->member &&
	    mq_rd_member_name(r->conn, r->group, &r->member, &r->member_lock, err) < 0)
		return -1;
	mq_log(mq_rd_env_of(r), MQ_LEVEL_VERBOSE, "group %s: this member is %s", r->group,
	       r->member);
	for (size_t i = 0; i < r->n_cursors; i++)
		if (open_in(r, r->cursors[i], spec, err) < 0)
			return -1;
	r->base.expected = -1;
	return mq_rd_acks_open(r, err);
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool wants(const struct mq_rd_reader *r, const struct mq_rd_cursor *cursor)
{
	return !cursor->ended && !(r->stop_at_end && cursor->live);
}

static int ask_history(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_rd_cursor *cursor,
                       struct mq_err *err)
{
	char id[MQ_RD_ID_TEXT], count[24];

	mq_rd_id_print(cursor->history, id);
	snprintf(count, sizeof count, "%zu", feed->count);
	feed->request = MQ_RD_HISTORY;
	feed->cursor = cursor;
	feed->blocking = false;
	feed->asked = feed->count;
	return mq_rd_link_append_words(feed->link,
	                               MQ_RD_WORDS("XREADGROUP", "GROUP", r->group, r->member,
	                                           "COUNT", count, "STREAMS", cursor->name, id),
	                               err);
}

static int ask_claim(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_rd_cursor *cursor,
                     struct mq_err *err)
{
	char id[MQ_RD_ID_TEXT], count[24], idle[24];

	mq_rd_id_print(cursor->claim_from, id);
	snprintf(count, sizeof count, "%zu", feed->count);
	snprintf(idle, sizeof idle, "%lld", (long long)r->claim_ms);
	feed->request = MQ_RD_CLAIM;
	feed->cursor = cursor;
	feed->blocking = false;
	feed->asked = feed->count;
	return mq_rd_link_append_words(
	    feed->link,
	    MQ_RD_WORDS("XAUTOCLAIM", cursor->name, r->group, r->member, idle, id, "COUNT", count),
	    err);
}

/* Entries of a stream that were there at open are asked for exactly, where the server can tell how
 * many they are: what is given to a member is nobody else's. */
static size_t limit_count(const struct mq_rd_reader *r, const struct mq_rd_feed *feed, size_t count)
{
	if (!r->stop_at_end)
		return count;
	for (size_t i = 0; i < feed->n_cursors; i++) {
		const struct mq_rd_cursor *cursor = feed->cursors[i];
		if (wants(r, cursor) && cursor->backlog > 0 && (int64_t)count > cursor->backlog)
			count = (size_t)cursor->backlog;
	}
	return count;
}

/* New entries of as many streams as may be given something. */
static int ask_new(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	size_t n = 0, at = 0, wanting = 0;
	const char **words = calloc(9 + 2 * feed->n_cursors, sizeof *words);
	char count[24], block[24];
	/* A limited number that one connection waits for cannot be asked for at another. */
	bool may_wait = r->wanted < 0 || r->n_feeds == 1;
	int result = -1;

	if (!words)
		return mq_fail_memory(err);
	for (size_t i = 0; i < feed->n_cursors; i++) {
		wanting += wants(r, feed->cursors[i]);
		may_wait = may_wait && (!wants(r, feed->cursors[i]) || feed->cursors[i]->live);
	}
	/* COUNT is meant per stream: all of them together get no more than is wanted. */
	size_t most = wanting;
	if (r->wanted >= 0 && feed->count < most)
		most = feed->count;
	size_t each = r->wanted >= 0 && most ? feed->count / most : feed->count;
	each = limit_count(r, feed, each ? each : 1);
	feed->request = MQ_RD_NOTHING;
	if (wanting == 0 || most == 0) {
		free(words);
		return 0;
	}
	snprintf(count, sizeof count, "%zu", each);
	snprintf(block, sizeof block, "%d", BLOCK_MS);
	const char *const head[] = {"XREADGROUP", "GROUP", r->group, r->member,
	                            "COUNT",      count,   "BLOCK",  block};
	for (size_t i = 0; i < (may_wait ? 8 : 6); i++)
		words[at++] = head[i];
	words[at++] = "STREAMS";
	for (size_t i = 0; i < feed->n_cursors; i++) {
		struct mq_rd_cursor *cursor = feed->cursors[(feed->turn + i) % feed->n_cursors];
		cursor->asked = n < most && wants(r, cursor);
		if (cursor->asked) {
			words[at++] = cursor->name;
			n++;
		}
	}
	for (size_t i = 0; i < n; i++)
		words[at++] = ">";
	feed->turn = (feed->turn + most) % feed->n_cursors;
	feed->request = MQ_RD_GROUP;
	feed->blocking = may_wait;
	feed->count = each;
	feed->asked = each * n;
	result = mq_rd_link_append(feed->link, at, words, NULL, err);
	free(words);
	return result;
}

int mq_rd_group_ask(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();

	for (size_t i = 0; i < feed->n_cursors; i++)
		if (!feed->cursors[i]->history_done && wants(r, feed->cursors[i]))
			return ask_history(r, feed, feed->cursors[i], err);
	for (size_t i = 0; i < feed->n_cursors && r->claim_ms > 0; i++)
		if (now >= feed->cursors[i]->claim_next_ms && wants(r, feed->cursors[i]))
			return ask_claim(r, feed, feed->cursors[i], err);
	return ask_new(r, feed, err);
}

/* --- taking ---------------------------------------------------------------------------------- */

static int take_history(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                        const struct mq_rd_reply *reply, struct mq_err *err)
{
	struct mq_rd_cursor *cursor = feed->cursor;
	const struct mq_rd_reply *entries = mq_rd_reply_at(mq_rd_reply_at(reply, 0), 1);

	if (!entries || entries->n == 0) {
		cursor->history_done = true;
		return 0;
	}
	if (!mq_rd_id_parse(mq_rd_reply_text(mq_rd_reply_at(entries->last, 0)), 0,
	                    &cursor->history))
		return mq_rd_fail_shape(r->conn, "XREADGROUP", err);
	feed->entries = entries->first;
	feed->entries_of = cursor;
	return 0;
}

/* [where to go on, entries, deleted ids (7.0)] */
static int take_claim(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                      const struct mq_rd_reply *reply, struct mq_err *err)
{
	struct mq_rd_cursor *cursor = feed->cursor;
	const struct mq_rd_reply *entries = mq_rd_reply_at(reply, 1);

	if (!entries || !mq_rd_id_parse(mq_rd_reply_text(reply->first), 0, &cursor->claim_from))
		return mq_rd_fail_shape(r->conn, "XAUTOCLAIM", err);
	/* 0-0: it has seen them all. */
	if (mq_rd_id_compare(cursor->claim_from, MQ_RD_ID_MIN) == 0) {
		int64_t every = r->claim_ms / 2;
		cursor->claim_next_ms =
		    mq_now_monotonic_ms() + (every > CLAIM_EVERY_MS ? every : CLAIM_EVERY_MS);
	}
	if (entries->n > 0)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_VERBOSE,
		       "group %s: took over %zu entries of %s that others left", r->group,
		       entries->n, cursor->name);
	feed->entries = entries->first;
	feed->entries_of = cursor;
	return 0;
}

static int take_new(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                    const struct mq_rd_reply *reply, struct mq_err *err)
{
	bool was_live = true;

	if (mq_rd_feed_take_streams(r, feed, reply, err) < 0)
		return -1;
	for (size_t i = 0; i < feed->n_cursors; i++)
		was_live = was_live && (!feed->cursors[i]->asked || feed->cursors[i]->live);
	if (reply->type == REDIS_REPLY_NIL && !feed->blocking && was_live)
		feed->next_try_ms = mq_now_monotonic_ms() + LOOK_AGAIN_MS;
	for (size_t i = 0; i < feed->n_cursors; i++) {
		struct mq_rd_cursor *cursor = feed->cursors[i];
		if (!cursor->asked)
			continue;
		cursor->asked = false;
		/* Nothing was there, or the end at open is passed. */
		if (cursor->given == 0 || mq_rd_id_compare(cursor->next, cursor->snapshot) > 0)
			cursor->live = true;
		if (cursor->backlog > 0) {
			cursor->backlog -= (int64_t)cursor->given;
			if (cursor->backlog <= 0) {
				cursor->live = true;
				cursor->backlog = -1;
			}
		}
		if (cursor->live && cursor->has_stop &&
		    mq_rd_id_compare(mq_rd_id_next(cursor->snapshot), cursor->stop) >= 0)
			cursor->ended = true;
	}
	return 0;
}

int mq_rd_group_take(struct mq_rd_reader *r, struct mq_rd_feed *feed, enum mq_rd_request request,
                     const struct mq_rd_reply *reply, struct mq_err *err)
{
	switch (request) {
	case MQ_RD_HISTORY:
		return take_history(r, feed, reply, err);
	case MQ_RD_CLAIM:
		return take_claim(r, feed, reply, err);
	default:
		return take_new(r, feed, reply, err);
	}
}

void mq_rd_group_lost(struct mq_rd_feed *feed)
{
	for (size_t i = 0; i < feed->n_cursors; i++) {
		feed->cursors[i]->history = MQ_RD_ID_MIN;
		feed->cursors[i]->history_done = false;
	}
}

bool mq_rd_group_accept(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                        struct mq_rd_cursor *cursor, struct mq_rd_id id, bool deleted,
                        struct mq_err *err)
{
	bool again = feed->entries_from != MQ_RD_GROUP;

	/* Handed out already, and not settled or not yet acknowledged. */
	if (again && (mq_rd_ids_has(&cursor->lent_ids, id) || mq_rd_ids_has(&cursor->settled, id)))
		return false;
	if (deleted) {
		mq_rd_acks_add(r, cursor, id, err);
		return false;
	}
	/* Behind the end at open: it stays pending for the next run of this member. */
	return !(r->stop_at_end && mq_rd_id_compare(id, cursor->snapshot) > 0);
}

/* --- settling -------------------------------------------------------------------------------- */

int mq_rd_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                 struct mq_err *err)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;

	if (r->held)
		return mq_rd_held_settle(r, messages, n, err);
	for (size_t i = 0; i < n; i++) {
		struct mq_rd_cursor *cursor = messages[i].owner;
		struct mq_rd_id id;
		/* The bytes of a reply end in NUL. */
		if (mq_rd_id_parse(messages[i].id.data, 0, &id) &&
		    (!r->group || mq_rd_ids_remove(&cursor->lent_ids, id)) &&
		    mq_rd_acks_add(r, cursor, id, err) < 0)
			return -1;
	}
	return 0;
}

int64_t mq_rd_unsettled(struct mq_reader *reader)
{
	const struct mq_rd_reader *r = (struct mq_rd_reader *)reader;
	int64_t n = 0;

	for (size_t i = 0; i < r->n_cursors; i++)
		n += (int64_t)(r->cursors[i]->settled.n - r->cursors[i]->settled.from);
	return n;
}

int mq_rd_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;

	return r->acks ? mq_rd_acks_flush(r, wait, err) : 0;
}
