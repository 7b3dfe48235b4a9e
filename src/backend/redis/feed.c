/*
 * One connection of a reader: what it asks for next, and what it makes of the reply. A connection
 * that breaks is made anew within env->timeout_ms, and reading goes on where it was.
 */
#include "backend/redis/group.h"

#include <stdlib.h>

enum {
	COUNT_FIRST = 100,
	COUNT_MAX = 4000,
	REPLY_BYTES = 1 << 20, /* what a reply is aimed at */
	BLOCK_MS = 1000,       /* a slice of waiting; the connection is seen to live */
	AGAIN_MS = 100,
	LESS = 16, /* the part that is asked for when a reply was too large */
};

/* --- making ---------------------------------------------------------------------------------- */

/* Streams that one command may name share a feed. */
static unsigned kinship(const struct mq_rd_reader *r, const struct mq_rd_cursor *cursor)
{
	return r->conn->cluster ? mq_rd_slot_of(mq_bytes_of(cursor->name, cursor->name_len)) : 0;
}

int mq_rd_feeds_make(struct mq_rd_reader *r, struct mq_err *err)
{
	for (size_t i = 0; i < r->n_cursors; i++) {
		struct mq_rd_cursor *cursor = r->cursors[i];
		size_t f = 0;
		while (f < r->n_feeds && kinship(r, r->feeds[f].cursors[0]) != kinship(r, cursor))
			f++;
		if (f == r->n_feeds) {
			struct mq_rd_feed *feed =
			    mq_info_grow(&r->feeds, &r->n_feeds, sizeof *feed, err);
			if (!feed)
				return -1;
			feed->usual_count = COUNT_FIRST;
			if (mq_rd_node_of(r->conn, mq_bytes_of(cursor->name, cursor->name_len),
			                  &feed->node, err) < 0)
				return -1;
		}
		struct mq_rd_feed *feed = &r->feeds[f];
		struct mq_rd_cursor **slot =
		    mq_info_grow(&feed->cursors, &feed->n_cursors, sizeof(void *), err);
		if (!slot)
			return -1;
		*slot = cursor;
		cursor->feed = f;
	}
	return 0;
}

void mq_rd_feed_release(struct mq_rd_feed *feed)
{
	mq_rd_link_close(feed->link);
	mq_rd_arena_release(&feed->arena);
	free(feed->cursors);
	*feed = (struct mq_rd_feed){0};
}

/* --- asking ---------------------------------------------------------------------------------- */

size_t mq_rd_feed_count(const struct mq_rd_reader *r, const struct mq_rd_feed *feed)
{
	size_t count = feed->usual_count;

	if (r->prefetch > 0 && count > (size_t)r->prefetch)
		count = (size_t)r->prefetch;
	/* What a group's member is given is nobody else's: all that is here or on its way counts.
	 */
	int64_t taken = r->group ? (int64_t)r->in_hand : 0;
	for (size_t i = 0; i < r->n_feeds && r->group; i++)
		taken += (int64_t)r->feeds[i].asked;
	int64_t left = r->wanted >= 0 ? r->wanted - taken : INT64_MAX;
	if (r->bounded && (int64_t)r->most - taken < left)
		left = (int64_t)r->most - taken;
	if (left < (int64_t)count)
		count = left > 0 ? (size_t)left : 0;
	return count;
}

static bool wants(const struct mq_rd_reader *r, const struct mq_rd_cursor *cursor)
{
	return !cursor->ended && !(r->stop_at_end && cursor->live);
}

/* The next stream in turn that wants what it had when it was opened, or NULL. */
static struct mq_rd_cursor *next_to_range(const struct mq_rd_reader *r, struct mq_rd_feed *feed)
{
	for (size_t i = 0; i < feed->n_cursors; i++) {
		struct mq_rd_cursor *cursor = feed->cursors[(feed->turn + i) % feed->n_cursors];
		if (!cursor->live && wants(r, cursor)) {
			feed->turn = (feed->turn + i + 1) % feed->n_cursors;
			return cursor;
		}
	}
	return NULL;
}

/* The last id that XRANGE is asked for: what came later is XREAD's. */
static struct mq_rd_id range_end(const struct mq_rd_cursor *cursor)
{
	struct mq_rd_id end = cursor->snapshot;

	if (cursor->has_stop && mq_rd_id_compare(cursor->stop, end) <= 0)
		end = mq_rd_id_previous(cursor->stop);
	return end;
}

static int ask_range(struct mq_rd_feed *feed, struct mq_rd_cursor *cursor, struct mq_err *err)
{
	char start[MQ_RD_ID_TEXT], end[MQ_RD_ID_TEXT], count[24];

	mq_rd_id_print(cursor->next, start);
	mq_rd_id_print(range_end(cursor), end);
	snprintf(count, sizeof count, "%zu", feed->count);
	feed->request = MQ_RD_RANGE;
	feed->cursor = cursor;
	feed->blocking = false;
	feed->asked = feed->count;
	/* ASKING covers one command alone. */
	feed->looking = !feed->asking;
	if (feed->looking && mq_rd_link_append_words(
	                         feed->link, MQ_RD_WORDS("XINFO", "STREAM", cursor->name), err) < 0)
		return -1;
	return mq_rd_link_append_words(
	    feed->link, MQ_RD_WORDS("XRANGE", cursor->name, start, end, "COUNT", count), err);
}

static int ask_read(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	size_t n = 0, max = 6 + 2 * feed->n_cursors, at = 0;
	const char **words = calloc(max, sizeof *words);
	char(*ids)[MQ_RD_ID_TEXT] = calloc(feed->n_cursors, sizeof *ids);
	char count[24], block[24];
	int result = -1;

	if (!words || !ids) {
		mq_fail_memory(err);
		goto out;
	}
	snprintf(count, sizeof count, "%zu", feed->count);
	snprintf(block, sizeof block, "%d", BLOCK_MS);
	const char *const head[] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
	for (; at < 6; at++)
		words[at] = head[at];
	for (size_t i = 0; i < feed->n_cursors; i++)
		if (wants(r, feed->cursors[i]))
			words[at++] = feed->cursors[i]->name;
	for (size_t i = 0; i < feed->n_cursors; i++) {
		if (!wants(r, feed->cursors[i]))
			continue;
		mq_rd_id_print(mq_rd_id_previous(feed->cursors[i]->next), ids[n]);
		words[at++] = ids[n++];
	}
	feed->request = MQ_RD_READ;
	feed->blocking = true;
	feed->asked = feed->count * n;
	result = n ? mq_rd_link_append(feed->link, at, words, NULL, err) : 0;
	if (n == 0)
		feed->request = MQ_RD_NOTHING;
out:
	free(words);
	free(ids);
	return result;
}

/* Sends the next request, if there is anything to ask for. */
static int ask(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	feed->count = mq_rd_feed_count(r, feed);
	if (feed->count == 0)
		return 0;
	struct mq_rd_cursor *cursor = r->group ? NULL : next_to_range(r, feed);
	if (feed->asking) {
		if (mq_rd_link_append_words(feed->link, (const char *const[]){"ASKING", NULL},
		                            err) < 0)
			return -1;
		feed->skip_ok = true;
	}
	feed->link->heard_ms = mq_now_monotonic_ms();
	int result = r->group ? mq_rd_group_ask(r, feed, err)
	             : cursor ? ask_range(feed, cursor, err)
	                      : ask_read(r, feed, err);
	if (result < 0)
		return -1;
	return mq_rd_link_push(feed->link, err);
}

/* --- taking ---------------------------------------------------------------------------------- */

/* Large entries: fewer of them at once; small ones: more. */
static void adapt_count(struct mq_rd_feed *feed, size_t n)
{
	if (feed->arena.total > 2 * REPLY_BYTES && feed->usual_count > 1)
		feed->usual_count = feed->usual_count > 16 ? feed->usual_count / 4 : 1;
	else if (feed->arena.total < REPLY_BYTES / 2 && n >= feed->count &&
	         feed->usual_count < COUNT_MAX)
		feed->usual_count *= 2;
}

/* Moves the cursor behind the last of these entries. */
static int advance(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                   const struct mq_rd_reply *entries, struct mq_err *err)
{
	struct mq_rd_id last;

	if (!entries->last)
		return 0;
	if (!mq_rd_id_parse(mq_rd_reply_text(mq_rd_reply_at(entries->last, 0)), 0, &last))
		return mq_rd_fail_shape(r->conn, "XRANGE", err);
	cursor->next = mq_rd_id_next(last);
	/* Behind the largest id nothing can come, and nothing can be asked for. */
	if (!r->group && mq_rd_id_compare(last, MQ_RD_ID_MAX) == 0)
		cursor->live = cursor->ended = true;
	return 0;
}

static int take_range(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                      const struct mq_rd_reply *reply, struct mq_err *err)
{
	struct mq_rd_cursor *cursor = feed->cursor;

	if (reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(r->conn, "XRANGE", err);
	if (advance(r, cursor, reply, err) < 0)
		return -1;
	cursor->received += (int64_t)reply->n;
	if (reply->n < feed->count || mq_rd_id_compare(cursor->next, range_end(cursor)) > 0) {
		struct mq_rd_id behind = mq_rd_id_next(range_end(cursor));
		cursor->live = true;
		if (mq_rd_id_compare(cursor->next, behind) < 0)
			cursor->next = behind;
		/* Whatever comes now is younger than what there was. */
		if (cursor->has_stop && mq_rd_id_compare(cursor->next, cursor->stop) >= 0)
			cursor->ended = true;
	}
	adapt_count(feed, reply->n);
	feed->entries = reply->first;
	feed->entries_of = cursor;
	return 0;
}

static struct mq_rd_cursor *cursor_of(const struct mq_rd_feed *feed, struct mq_bytes name)
{
	for (size_t i = 0; i < feed->n_cursors; i++)
		if (mq_bytes_equal(name,
		                   mq_bytes_of(feed->cursors[i]->name, feed->cursors[i]->name_len)))
			return feed->cursors[i];
	return NULL;
}

/* Nothing came, and the moment that ends the stream is over. */
static void end_by_clock(struct mq_rd_feed *feed)
{
	for (size_t i = 0; i < feed->n_cursors; i++) {
		struct mq_rd_cursor *cursor = feed->cursors[i];
		if (cursor->stop_is_time && cursor->live &&
		    mq_now_ms() > mq_rd_id_time(cursor->stop) + BLOCK_MS)
			cursor->ended = true;
	}
}

/* [[stream, entries]…], or nil. */
int mq_rd_feed_take_streams(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                            const struct mq_rd_reply *reply, struct mq_err *err)
{
	size_t most = 0;

	for (size_t i = 0; i < feed->n_cursors; i++)
		feed->cursors[i]->given = 0;
	if (reply->type == REDIS_REPLY_NIL) {
		end_by_clock(feed);
		return 0;
	}
	if (reply->type != REDIS_REPLY_ARRAY || reply->n == 0)
		return mq_rd_fail_shape(r->conn, "XREAD", err);
	for (const struct mq_rd_reply *s = reply->first; s; s = s->next) {
		const struct mq_rd_reply *name = mq_rd_reply_at(s, 0);
		const struct mq_rd_reply *entries = mq_rd_reply_at(s, 1);
		struct mq_rd_cursor *cursor = name ? cursor_of(feed, name->text) : NULL;
		if (!cursor || !entries || entries->type != REDIS_REPLY_ARRAY)
			return mq_rd_fail_shape(r->conn, "XREAD", err);
		if (advance(r, cursor, entries, err) < 0)
			return -1;
		cursor->given = entries->n;
		most = entries->n > most ? entries->n : most;
	}
	adapt_count(feed, most);
	feed->streams = mq_rd_reply_at(reply, 0);
	return 0;
}

/* Opens the next stream's entries of the reply at hand. */
void mq_rd_feed_next_stream(struct mq_rd_feed *feed)
{
	while (!feed->entries && feed->streams) {
		feed->entries_of = cursor_of(feed, mq_rd_reply_at(feed->streams, 0)->text);
		feed->entries = mq_rd_reply_at(feed->streams, 1)->first;
		feed->streams = feed->streams->next;
	}
}

static void drop(struct mq_rd_reader *r, struct mq_rd_feed *feed)
{
	mq_rd_link_close(feed->link);
	feed->link = NULL;
	feed->request = MQ_RD_NOTHING;
	feed->asked = 0;
	feed->skip_ok = feed->looking = false;
	if (r->group)
		mq_rd_group_lost(feed);
}

static bool is_redirection(const struct mq_rd_reply *reply)
{
	return mq_rd_reply_is_error(reply, "MOVED") || mq_rd_reply_is_error(reply, "ASK");
}

/* MOVED and ASK: another node is asked the same. */
static int follow(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_rd_reply *error,
                  struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();
	size_t node;

	if (!feed->moved_ms)
		feed->moved_ms = now;
	if (now - feed->moved_ms >= mq_rd_env_of(r)->timeout_ms)
		return mq_rd_fail_reply(r->conn, feed->cursors[0]->name, error, err);
	if (mq_rd_redirected(r->conn, error, &node, err) < 0)
		return -1;
	feed->asking = mq_rd_reply_is_error(error, "ASK");
	feed->node = node;
	drop(r, feed);
	/* Two nodes that send us to each other are asked no faster than this. */
	feed->next_try_ms = now + AGAIN_MS;
	return 0;
}

/* The server cannot now: ask again soon, for as long as a connection may be away. */
static int refused(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_rd_reply *error,
                   struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();

	if (!feed->down_ms)
		feed->down_ms = now;
	if (now - feed->down_ms >= mq_rd_env_of(r)->timeout_ms)
		return mq_rd_fail_reply(r->conn, feed->cursors[0]->name, error, err);
	mq_log(mq_rd_env_of(r), MQ_LEVEL_VERBOSE, "%s: %s; asking again", r->conn->shown,
	       mq_rd_reply_text(error));
	feed->next_try_ms = now + AGAIN_MS;
	if (r->conn->sentinel || r->conn->cluster) {
		int64_t since = feed->down_ms;
		drop(r, feed);
		feed->down_ms = since;
	}
	return 0;
}

/* The stream that a request was about, or NULL when there were several. */
static const char *name_of(const struct mq_rd_feed *feed, enum mq_rd_request request)
{
	if (feed->n_cursors == 1)
		return feed->cursors[0]->name;
	return request == MQ_RD_READ || request == MQ_RD_GROUP ? NULL : feed->cursor->name;
}

static int take(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_rd_reply *reply,
                struct mq_err *err)
{
	enum mq_rd_request request = feed->request;

	if (feed->skip_ok) {
		feed->skip_ok = false;
		return 0;
	}
	if (feed->looking && !is_redirection(reply)) {
		struct mq_rd_extent extent;
		feed->looking = false;
		/* Not everybody may ask, and what the server cannot do now it refuses once more. */
		if (mq_rd_extent_read(reply, &extent))
			mq_rd_gap_look(r, feed->cursor, &extent);
		return 0;
	}
	feed->request = MQ_RD_NOTHING;
	feed->asked = 0;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (is_redirection(reply))
			return follow(r, feed, reply, err);
		if (mq_rd_is_passing(reply))
			return refused(r, feed, reply, err);
		return mq_rd_fail_reply(r->conn, name_of(feed, request), reply, err);
	}
	/* After a lost connection the own pending entries are asked for again: that alone is no
	 * progress. */
	if (request != MQ_RD_HISTORY && request != MQ_RD_CLAIM)
		feed->down_ms = feed->moved_ms = 0;
	feed->entries_from = request;
	switch (request) {
	case MQ_RD_RANGE:
		return take_range(r, feed, reply, err);
	case MQ_RD_READ:
		return mq_rd_feed_take_streams(r, feed, reply, err);
	default:
		return mq_rd_group_take(r, feed, request, reply, err);
	}
}

/* How many entries of the reply at hand are still to be handed out. */
static size_t in_hand(const struct mq_rd_feed *feed)
{
	size_t n = 0;

	for (const struct mq_rd_reply *e = feed->entries; e; e = e->next)
		n++;
	for (const struct mq_rd_reply *s = feed->streams; s; s = s->next)
		n += mq_rd_reply_at(s, 1)->n;
	return n;
}

/* --- serving --------------------------------------------------------------------------------- */

/* The connection is gone. Returns 0 while it may come back. */
static int lost(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_err *why,
                struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();

	if (why->code == MQ_CANCELLED)
		return 0;
	if (!feed->down_ms) {
		feed->down_ms = now;
		mq_log(mq_rd_env_of(r), MQ_LEVEL_VERBOSE, "%s: connection lost: %s; trying again",
		       r->conn->shown, why->message);
	}
	drop(r, feed);
	feed->next_try_ms = now + AGAIN_MS;
	if (why->retriable && now - feed->down_ms < mq_rd_env_of(r)->timeout_ms)
		return 0;
	if (err && !err->code)
		*err = *why;
	return -1;
}

/* So many large entries came that they did not fit: fewer of them will. False when it is one that
 * does not fit, or something else was wrong. */
static bool ask_for_less(struct mq_rd_reader *r, struct mq_rd_feed *feed)
{
	if (!feed->link->codec.too_large || feed->usual_count == 1)
		return false;
	feed->usual_count = feed->usual_count > LESS ? feed->usual_count / LESS : 1;
	drop(r, feed);
	mq_rd_arena_clear(&feed->arena);
	return true;
}

/* 1 when there is a connection, 0 when it has to be tried again later, -1. */
static int connect_feed(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (mq_now_monotonic_ms() < feed->next_try_ms)
		return 0;
	if (feed->link)
		return 1;
	/* Another node may have taken over. */
	if (feed->down_ms && r->conn->cluster && !feed->asking) {
		struct mq_err ignored = MQ_ERR_INIT;
		mq_rd_slots_load(r->conn, &ignored);
		mq_rd_node_of(r->conn, mq_bytes_str(feed->cursors[0]->name), &feed->node, &ignored);
	}
	if (mq_rd_open_to(r->conn, feed->node, &feed->link, &why) < 0)
		return lost(r, feed, &why, err);
	return 1;
}

int mq_rd_feed_serve(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct mq_rd_reply *reply;

	while (mq_rd_feed_is_empty(feed)) {
		int up = connect_feed(r, feed, err);
		if (up <= 0)
			return up;
		if (feed->request == MQ_RD_NOTHING && ask(r, feed, &why) < 0)
			return lost(r, feed, &why, err);
		if (feed->request == MQ_RD_NOTHING)
			return 0;
		if (!feed->link->codec.inside)
			mq_rd_arena_clear(&feed->arena);
		int got = mq_rd_link_next(feed->link, &feed->arena, &reply, &why);
		int64_t patience = mq_rd_env_of(r)->timeout_ms + (feed->blocking ? BLOCK_MS : 0);
		if (got == 0 && mq_now_monotonic_ms() - feed->link->heard_ms > patience) {
			mq_fail(&why, MQ_UNREACHABLE, "%s: no answer within %d ms", r->conn->shown,
			        mq_rd_env_of(r)->timeout_ms);
			why.retriable = true;
			got = -1;
		}
		if (got < 0 && ask_for_less(r, feed)) {
			mq_err_clear(&why);
			continue;
		}
		if (got < 0)
			return lost(r, feed, &why, err);
		if (got == 0)
			return 0;
		if (take(r, feed, reply, err) < 0)
			return -1;
		mq_rd_feed_next_stream(feed);
		r->in_hand += in_hand(feed);
	}
	/* The server works on the next one while these are printed. */
	if (feed->link && feed->request == MQ_RD_NOTHING && ask(r, feed, &why) < 0)
		return lost(r, feed, &why, err);
	return 0;
}
