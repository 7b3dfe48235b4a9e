/*
 * Reading: entries become messages, in turns over the connections; and what is known about ends.
 */
#include "backend/redis/held.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	WAKE_MS = 100, /* how often what has no connection is looked at */
	FDS_MAX = 256,
};

/* --- messages -------------------------------------------------------------------------------- */

/* Pending and claimed entries were delivered before, perhaps to a member that used them. */
static int mark_redelivered(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                            struct mq_message *message, struct mq_err *err)
{
	if (feed->entries_from == MQ_RD_GROUP || !(r->need & MQ_NEED_PROPERTIES))
		return 0;
	struct mq_properties *properties = mq_rd_arena_take(&feed->arena, sizeof *properties);
	if (!properties)
		return mq_fail_memory(err);
	*properties =
	    message->properties ? *message->properties : (struct mq_properties)MQ_PROPERTIES_INIT;
	properties->redelivered = 1;
	message->properties = properties;
	return 0;
}

static int fill(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_rd_reply *entry,
                struct mq_rd_cursor *cursor, struct mq_rd_id id, struct mq_err *err)
{
	struct mq_message *message = &r->messages[r->n_messages];
	const struct mq_rd_reply *fields = entry->first->next;

	*message = (struct mq_message)MQ_MESSAGE_INIT;
	message->stream = mq_bytes_of(cursor->name, cursor->name_len);
	message->id = entry->first->text;
	message->ts_ms = mq_rd_id_time(id);
	message->ts_type = MQ_TS_APPEND;
	message->owner = cursor;
	if (r->acks && !r->group)
		message->receipt = ++cursor->n_lent;
	if (mq_rd_decode(&r->decoder, &feed->arena, fields, message, err) < 0 ||
	    (r->group && mq_rd_ids_add(&cursor->lent_ids, id, err) < 0) ||
	    (r->group && mark_redelivered(r, feed, message, err) < 0))
		return -1;
	/* What was pending or taken over may be older than what was handed out. */
	if (mq_rd_id_compare(id, cursor->lent) > 0)
		cursor->lent = id;
	r->n_messages++;
	if (r->wanted > 0)
		r->wanted--;
	return 0;
}

/* One entry: becomes a message unless it is not wanted. */
static int use(struct mq_rd_reader *r, struct mq_rd_feed *feed, const struct mq_rd_reply *entry,
               struct mq_err *err)
{
	struct mq_rd_cursor *cursor = feed->entries_of;
	const struct mq_rd_reply *fields = mq_rd_reply_at(entry, 1);
	struct mq_rd_id id;

	/* Redis 6.2 claims entries that are deleted, as nil. */
	if (r->group && entry->type == REDIS_REPLY_NIL)
		return 0;
	if (!fields || !mq_rd_id_parse(mq_rd_reply_text(entry->first), 0, &id))
		return mq_rd_fail_shape(r->conn, "XRANGE", err);
	if (r->group &&
	    !mq_rd_group_accept(r, feed, cursor, id, fields->type == REDIS_REPLY_NIL, err))
		return 0;
	if (cursor->has_stop && mq_rd_id_compare(id, cursor->stop) >= 0) {
		cursor->ended = true;
		return 0;
	}
	return fill(r, feed, entry, cursor, id, err);
}

static int use_feed(struct mq_rd_reader *r, struct mq_rd_feed *feed, size_t max, struct mq_err *err)
{
	while (r->n_messages < max && r->wanted != 0 && feed->entries) {
		const struct mq_rd_reply *entry = feed->entries;
		feed->entries = entry->next;
		r->in_hand--;
		if (use(r, feed, entry, err) < 0)
			return -1;
		mq_rd_feed_next_stream(feed);
	}
	return 0;
}

/* --- ends ------------------------------------------------------------------------------------ */

static void look_at_ends(struct mq_rd_reader *r)
{
	bool caught_up = true, ended = r->n_cursors > 0;

	for (size_t i = 0; i < r->n_cursors; i++) {
		const struct mq_rd_cursor *cursor = r->cursors[i];
		bool out = mq_rd_feed_is_empty(&r->feeds[cursor->feed]);
		bool over = cursor->ended && out;
		ended = ended && over;
		caught_up = caught_up && (over || (cursor->live && out) ||
		                          mq_rd_id_compare(cursor->lent, cursor->snapshot) >= 0);
	}
	r->caught_up = r->caught_up || caught_up;
	r->ended = r->ended || ended;
}

/* --- fetching -------------------------------------------------------------------------------- */

static int look(struct mq_rd_reader *r, size_t max, struct mq_err *err)
{
	for (size_t i = 0; i < r->n_feeds && r->n_messages < max; i++) {
		struct mq_rd_feed *feed = &r->feeds[(r->turn + i) % r->n_feeds];
		if (mq_rd_feed_serve(r, feed, err) < 0 || use_feed(r, feed, max, err) < 0)
			return -1;
	}
	if (r->n_feeds)
		r->turn = (r->turn + 1) % r->n_feeds;
	look_at_ends(r);
	return 0;
}

static void wait_feeds(struct mq_rd_reader *r, int timeout_ms)
{
	struct pollfd fds[FDS_MAX + 1];
	nfds_t n = 0;

	for (size_t i = 0; i < r->n_feeds && n < FDS_MAX; i++) {
		struct mq_rd_link *link = r->feeds[i].link;
		if (!link || r->feeds[i].request == MQ_RD_NOTHING) {
			timeout_ms = timeout_ms < WAKE_MS ? timeout_ms : WAKE_MS;
			continue;
		}
		short events = mq_rd_link_has_output(link) ? POLLIN | POLLOUT : POLLIN;
		fds[n++] = (struct pollfd){.fd = mq_net_fd(link->net), .events = events};
	}
	if (r->n_feeds > FDS_MAX && timeout_ms > WAKE_MS)
		timeout_ms = WAKE_MS;
	fds[n++] = (struct pollfd){.fd = mq_cancel_fd(mq_rd_env_of(r)->cancel), .events = POLLIN};
	poll(fds, n, timeout_ms);
}

static int ensure_room(struct mq_rd_reader *r, size_t max, struct mq_err *err)
{
	if (max <= r->room)
		return 0;
	free(r->messages);
	r->room = 0;
	r->messages = calloc(max, sizeof *r->messages);
	if (!r->messages)
		return mq_fail_memory(err);
	r->room = max;
	return 0;
}

int mq_rd_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                struct mq_err *err)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;
	int64_t deadline = mq_now_monotonic_ms() + timeout_ms;
	bool was_caught_up = r->caught_up, was_ended = r->ended;

	if (ensure_room(r, max, err) < 0)
		return -1;
	r->most = max;
	r->n_messages = 0;
	mq_rd_decoder_clear(&r->decoder);
	if (r->held)
		return mq_rd_held_fetch(r, max, ret_batch, err);
	if (r->acks && mq_rd_acks_keep(r, err) < 0)
		return -1;
	for (;;) {
		if (look(r, max, err) < 0)
			return -1;
		if (r->n_messages > 0 || r->caught_up != was_caught_up || r->ended != was_ended)
			break;
		int64_t left = timeout_ms < 0 ? WAKE_MS : deadline - mq_now_monotonic_ms();
		if (left <= 0 || mq_cancel_signal(mq_rd_env_of(r)->cancel))
			break;
		wait_feeds(r, left < 60000 ? (int)left : 60000);
	}
	*ret_batch = (struct mq_batch){.messages = r->messages,
	                               .n = r->n_messages,
	                               .caught_up = r->caught_up,
	                               .ended = r->ended};
	return 0;
}

void mq_rd_release(struct mq_reader *reader, struct mq_batch *batch)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;

	*batch = (struct mq_batch){0};
	r->n_messages = 0;
	if (r->held)
		mq_rd_held_release(r);
}

int mq_rd_reader_fd(struct mq_reader *reader)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;

	if (r->n_feeds != 1 || !r->feeds[0].link || r->feeds[0].request == MQ_RD_NOTHING ||
	    !mq_rd_feed_is_empty(&r->feeds[0]))
		return -1;
	return mq_net_fd(r->feeds[0].link->net);
}

/* --- opening and closing --------------------------------------------------------------------- */

int mq_rd_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                      struct mq_reader **ret_reader, struct mq_err *err)
{
	if (spec->group && spec->ack && !spec->deliveries) {
		mq_fail(err, MQ_USAGE,
		        "--ack deletes entries from the stream, --group NAME settles them for the "
		        "group alone");
		return mq_hint(err, "leave out one of them");
	}
	struct mq_rd_reader *r = calloc(1, sizeof *r);
	if (!r)
		return mq_fail_memory(err);
	r->base.conn = conn;
	r->conn = mq_rd_conn_of(conn);
	r->wanted = spec->limit;
	r->need = spec->need;
	r->stop_at_end = spec->stop_at_end;
	r->prefetch = spec->prefetch;
	r->bounded = spec->window > 0 && spec->group;
	r->member_lock = -1;
	if (mq_rd_decoder_init(&r->decoder, r->conn, err) < 0 || mq_rd_connect(r->conn, err) < 0 ||
	    mq_rd_cursors_open(r, spec, err) < 0 || mq_rd_feeds_make(r, err) < 0 ||
	    (spec->deliveries && mq_rd_held_open(r, spec, err) < 0) ||
	    (spec->group && !spec->deliveries && mq_rd_group_open(r, spec, err) < 0) ||
	    (spec->ack && mq_rd_acks_open(r, err) < 0)) {
		mq_rd_reader_close(&r->base);
		return -1;
	}
	/* XTRIM MINID and exclusive ranges came with 6.2. */
	for (size_t i = 0; i < r->n_cursors; i++)
		r->cursors[i]->cuts = r->acks && !r->group && r->conn->version >= 60200;
	*ret_reader = &r->base;
	return 0;
}

void mq_rd_reader_close(struct mq_reader *reader)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;
	struct mq_err why = MQ_ERR_INIT;

	if (!r)
		return;
	if (r->acks && mq_rd_acks_flush(r, true, &why) < 0)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_WARN, "%s", why.message);
	mq_rd_held_close(r);
	mq_rd_acks_free(r);
	for (size_t i = 0; i < r->n_feeds; i++)
		mq_rd_feed_release(&r->feeds[i]);
	for (size_t i = 0; i < r->n_cursors; i++) {
		free(r->cursors[i]->name);
		free(r->cursors[i]->lent_ids.items);
		free(r->cursors[i]->settled.items);
		free(r->cursors[i]);
	}
	if (r->member_lock >= 0)
		close(r->member_lock);
	free(r->group);
	free(r->member);
	free(r->feeds);
	free(r->cursors);
	free(r->messages);
	mq_rd_decoder_release(&r->decoder);
	free(r);
}
