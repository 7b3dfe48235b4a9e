/*
 * The commands of a writer that have no answer yet: what an answer, or a lost connection, makes of
 * them. When they are sent is writer.c's business.
 */
#include "backend/redis/writer.h"

#include <stdlib.h>

enum { RETRY_MS = 100 };

/* --- the ring -------------------------------------------------------------------------------- */

static int grow(struct mq_rd_writer *w, struct mq_err *err)
{
	size_t cap = w->cap ? w->cap * 2 : 1024;
	struct mq_rd_slot *slots = calloc(cap, sizeof *slots);

	if (!slots)
		return mq_fail_memory(err);
	for (uint64_t i = w->head; i < w->tail; i++)
		slots[i & (cap - 1)] = *mq_rd_slot_of_number(w, i);
	free(w->slots);
	w->slots = slots;
	w->cap = cap;
	return 0;
}

int mq_rd_slot_add(struct mq_rd_writer *w, size_t argc, const char *const *argv, const size_t *lens,
                   uint64_t tag, bool is_wait, struct mq_err *err)
{
	size_t before = w->data.len;

	if (w->tail - w->head == w->cap && grow(w, err) < 0)
		return -1;
	if (mq_rd_command_append(&w->data, argc, argv, lens, err) < 0)
		return -1;
	*mq_rd_slot_of_number(w, w->tail++) = (struct mq_rd_slot){
	    .tag = tag,
	    .at = w->data_from + before,
	    .len = w->data.len - before,
	    .lane = SIZE_MAX,
	    .state = MQ_RD_QUEUED,
	    .is_wait = is_wait,
	};
	w->n_queued++;
	w->n_messages += !is_wait;
	return 0;
}

int mq_rd_slot_add_moves(struct mq_rd_writer *w, struct mq_rd_moves *moves, size_t from,
                         struct mq_err *err)
{
	if (w->tail - w->head == w->cap && grow(w, err) < 0)
		return -1;
	*mq_rd_slot_of_number(w, w->tail++) = (struct mq_rd_slot){
	    .at = w->data_from + from,
	    .len = w->data.len - from,
	    .lane = SIZE_MAX,
	    .state = MQ_RD_QUEUED,
	    .moves = moves,
	};
	w->n_queued++;
	w->n_messages += mq_rd_moves_count(moves);
	return 0;
}

static size_t *count_of(struct mq_rd_writer *w, enum mq_rd_slot_state state)
{
	switch (state) {
	case MQ_RD_QUEUED:
		return &w->n_queued;
	case MQ_RD_SENT:
		return &w->n_sent;
	case MQ_RD_STORED:
		return &w->n_stored;
	case MQ_RD_REFUSED:
		return &w->n_refused;
	case MQ_RD_DONE:
		break;
	}
	return NULL;
}

void mq_rd_slot_set(struct mq_rd_writer *w, struct mq_rd_slot *slot, enum mq_rd_slot_state state)
{
	size_t *from = count_of(w, slot->state), *to = count_of(w, state);

	if (from)
		--*from;
	if (to)
		++*to;
	if (slot->state == MQ_RD_SENT)
		w->lanes[slot->lane].in_flight--;
	if (state == MQ_RD_SENT)
		w->lanes[slot->lane].in_flight++;
	slot->state = state;
}

void mq_rd_slots_tidy(struct mq_rd_writer *w)
{
	while (w->head < w->tail && mq_rd_slot_of_number(w, w->head)->state == MQ_RD_DONE) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, w->head++);
		mq_rd_moves_free(slot->moves);
		slot->moves = NULL;
	}
	if (w->send < w->head)
		w->send = w->head;
	uint64_t first =
	    w->head < w->tail ? mq_rd_slot_of_number(w, w->head)->at : w->data_from + w->data.len;
	size_t gone = (size_t)(first - w->data_from);
	/* Moved rarely: when at least half is gone. */
	if (gone == w->data.len || gone > w->data.len - gone) {
		mq_buf_consume(&w->data, gone);
		w->data_from = first;
	}
	if (w->data.len == 0 && w->data.cap > (size_t)16 << 20)
		mq_buf_release(&w->data);
}

/* --- reports --------------------------------------------------------------------------------- */

/* The message of a command, out of its own bytes. False when there is no memory. */
static bool message_of(struct mq_rd_writer *w, const struct mq_rd_slot *slot,
                       struct mq_message *ret)
{
	const char *bytes = w->data.data + (slot->at - w->data_from);
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rd_codec codec;
	struct mq_rd_reply *command;
	bool whole = false;

	*ret = (struct mq_message)MQ_MESSAGE_INIT;
	ret->tag = slot->tag;
	mq_rd_arena_clear(&w->failing);
	mq_rd_decoder_clear(&w->decoder);
	if (mq_rd_codec_init(&codec, &ignored) < 0)
		return false;
	if (mq_rd_codec_feed(&codec, bytes, slot->len, &ignored) == 0 &&
	    mq_rd_codec_next(&codec, &w->failing, &command, &ignored) > 0) {
		/* XADD KEY [NOMKSTREAM] * NAME VALUE … */
		const struct mq_rd_reply *key = command->first->next;
		size_t words = w->nomkstream ? 4 : 3;
		const struct mq_rd_reply *field = key;
		for (size_t i = 1; i < words; i++)
			field = field->next;
		struct mq_rd_reply fields = *command;
		fields.first = (struct mq_rd_reply *)(uintptr_t)field;
		fields.n = command->n - words;
		ret->stream = key->text;
		whole = mq_rd_decode(&w->decoder, &w->failing, &fields, ret, &ignored) == 0;
	}
	mq_rd_codec_release(&codec);
	return whole;
}

void mq_rd_slot_report(struct mq_rd_writer *w, struct mq_rd_slot *slot, const struct mq_err *why,
                       bool maybe_stored)
{
	struct mq_delivery delivery = {
	    .tag = slot->tag,
	    .partition = MQ_NO_PARTITION,
	    .offset = MQ_NO_OFFSET,
	    .err = why,
	    .maybe_stored = maybe_stored,
	};
	struct mq_message message;

	mq_rd_slot_set(w, slot, MQ_RD_DONE);
	if (slot->is_wait)
		return;
	if (slot->moves) {
		mq_rd_moves_report(w, slot, why, maybe_stored);
		return;
	}
	if (why && message_of(w, slot, &message))
		delivery.message = &message;
	w->n_messages--;
	w->reports++;
	w->delivered(w->ctx, &delivery);
}

/* --- answers --------------------------------------------------------------------------------- */

/* The oldest slot that waits for an answer of this lane. */
static struct mq_rd_slot *next_of(struct mq_rd_writer *w, size_t lane)
{
	uint64_t *cursor = &w->lanes[lane].cursor;

	if (*cursor < w->head)
		*cursor = w->head;
	for (; *cursor < w->tail; ++*cursor) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, *cursor);
		if (slot->state == MQ_RD_SENT && slot->lane == lane)
			return slot;
	}
	return NULL;
}

/* Refused for the moment; failed when nothing but refusals came for too long. */
static void refuse(struct mq_rd_writer *w, struct mq_rd_slot *slot, const struct mq_err *why)
{
	int64_t now = mq_now_monotonic_ms();

	if (!w->refused_ms || now - w->refused_last_ms > MQ_RD_QUIET_MS)
		w->refused_ms = now;
	w->refused_last_ms = now;
	if (now - w->refused_ms >= w->conn->base.env->timeout_ms) {
		mq_rd_slot_report(w, slot, why, false);
		return;
	}
	if (!slot->is_wait && w->n_refused == 0)
		mq_log(w->conn->base.env, MQ_LEVEL_VERBOSE, "%s; trying again", why->message);
	mq_rd_slot_set(w, slot, MQ_RD_REFUSED);
	w->retry_ms = now + RETRY_MS;
}

/* Replicas confirmed what this lane stored before the WAIT, or did not. */
static void confirm(struct mq_rd_writer *w, size_t lane, const struct mq_rd_slot *wait,
                    int64_t replicas)
{
	struct mq_err why = MQ_ERR_INIT;

	if (replicas < w->conn->wait_replicas) {
		mq_fail(&why, MQ_UNREACHABLE,
		        "%s: stored by the master, but by %lld of %lld replicas within %lld ms",
		        w->conn->shown, (long long)replicas, (long long)w->conn->wait_replicas,
		        (long long)w->conn->wait_ms);
		mq_hint(&why, "-X wait-timeout=DUR waits longer; mqtk info shows the replicas");
	}
	for (uint64_t i = w->head; i < w->tail; i++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, i);
		if (slot == wait)
			return;
		if (slot->state == MQ_RD_STORED && slot->lane == lane)
			mq_rd_slot_report(w, slot, why.code ? &why : NULL, why.code != MQ_OK);
	}
}

static void answer_wait(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                        const struct mq_rd_reply *reply)
{
	size_t lane = slot->lane;

	mq_rd_slot_set(w, slot, MQ_RD_DONE);
	confirm(w, lane, slot, mq_rd_reply_number(reply, 0));
}

/* MOVED or ASK: sent again, to the node that it names. */
static void redirect(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                     const struct mq_rd_reply *reply)
{
	struct mq_err why = MQ_ERR_INIT;
	size_t node, lane;

	if (mq_rd_redirected(w->conn, reply, &node, &why) < 0 ||
	    mq_rd_lane_to(w, node, &lane, &why) < 0) {
		mq_rd_slot_report(w, slot, &why, false);
		return;
	}
	mq_fail(&why, MQ_UNREACHABLE, "%s: %s", w->conn->shown, mq_rd_reply_text(reply));
	refuse(w, slot, &why);
	if (slot->state != MQ_RD_REFUSED)
		return;
	slot->asking = mq_rd_reply_is_error(reply, "ASK");
	slot->lane = slot->asking ? lane : SIZE_MAX;
	w->retry_ms = 0; /* at once */
}

/* Anything but an id. */
static void answer_otherwise(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                             const struct mq_rd_reply *reply)
{
	struct mq_rd_lane *lane = &w->lanes[slot->lane];
	struct mq_err why = MQ_ERR_INIT;
	struct mq_message message;
	char name[200] = "";

	if (mq_rd_reply_is_error(reply, "MOVED") || mq_rd_reply_is_error(reply, "ASK")) {
		redirect(w, slot, reply);
	} else if (reply->type == REDIS_REPLY_NIL) {
		if (message_of(w, slot, &message))
			snprintf(name, sizeof name, "%.*s", (int)message.stream.len,
			         message.stream.data);
		mq_rd_fail_missing(w->conn, name, &why);
		mq_hint(&why, MQ_HINT_NO_TARGET);
		mq_rd_slot_report(w, slot, &why, false);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		mq_rd_fail_reply(w->conn, NULL, reply, &why);
		lane->deaf = lane->deaf || strstr(mq_rd_reply_text(reply), "Protocol error");
		/* The sentinels may name another master by now. */
		lane->outdated = lane->outdated ||
		                 (w->conn->sentinel && mq_rd_reply_is_error(reply, "READONLY"));
		if (mq_rd_is_passing(reply))
			refuse(w, slot, &why);
		else
			mq_rd_slot_report(w, slot, &why, false);
	} else {
		mq_rd_fail_shape(w->conn, "XADD", &why);
		mq_rd_slot_report(w, slot, &why, true);
	}
}

/* Of a transaction: each of its messages has its own. */
static void answer_moves(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                         const struct mq_rd_reply *reply)
{
	struct mq_rd_reply answer;
	struct mq_err why = MQ_ERR_INIT;

	if (!mq_rd_moves_answer(slot, reply, &answer))
		return;
	if (answer.type == REDIS_REPLY_ARRAY) {
		w->refused_ms = 0;
		mq_rd_moves_done(w, slot, &answer);
		mq_rd_slot_set(w, slot, MQ_RD_DONE);
	} else if (answer.type == REDIS_REPLY_NIL || mq_rd_reply_is_error(&answer, "ASK")) {
		/* ASKING reaches one command alone: the slot's move to another node is waited for.
		 */
		mq_fail(&why, MQ_UNREACHABLE, "%s: the transaction was not done: %s",
		        w->conn->shown, mq_rd_reply_text(&answer));
		refuse(w, slot, &why);
	} else {
		answer_otherwise(w, slot, &answer);
	}
}

void mq_rd_lane_answer(struct mq_rd_writer *w, size_t lane, const struct mq_rd_reply *reply)
{
	struct mq_rd_slot *slot = next_of(w, lane);

	if (!slot)
		return; /* an answer to nothing that was asked */
	if (reply->type == REDIS_REPLY_STRING)
		w->refused_ms = 0;
	if (slot->asked)
		slot->asked = false;
	else if (slot->is_wait)
		answer_wait(w, slot, reply);
	else if (slot->moves)
		answer_moves(w, slot, reply);
	else if (reply->type != REDIS_REPLY_STRING)
		answer_otherwise(w, slot, reply);
	else if (w->conn->wait_replicas > 0)
		mq_rd_slot_set(w, slot, MQ_RD_STORED);
	else
		mq_rd_slot_report(w, slot, NULL, false);
}

/* --- lanes ----------------------------------------------------------------------------------- */

int mq_rd_lane_to(struct mq_rd_writer *w, size_t node, size_t *ret_lane, struct mq_err *err)
{
	for (*ret_lane = 0; *ret_lane < w->n_lanes; ++*ret_lane)
		if (w->lanes[*ret_lane].node == node)
			return 0;
	struct mq_rd_lane *lane = mq_info_grow(&w->lanes, &w->n_lanes, sizeof *lane, err);
	if (!lane)
		return -1;
	lane->node = node;
	return 0;
}

void mq_rd_lane_lost(struct mq_rd_writer *w, size_t lane, const struct mq_err *why)
{
	struct mq_rd_link *link = w->lanes[lane].link;
	struct mq_rd_reply *reply;
	struct mq_err unknown = MQ_ERR_INIT, ignored = MQ_ERR_INIT;

	if (!link)
		return;
	/* What the server answered before it went counts. */
	mq_buf_clear(&link->out);
	link->out_at = 0;
	while (mq_rd_link_next(link, &w->arena, &reply, &ignored) > 0) {
		mq_rd_lane_answer(w, lane, reply);
		mq_rd_arena_clear(&w->arena);
	}
	mq_fail(&unknown, MQ_UNREACHABLE, "%s: no answer came: %s", w->conn->shown, why->message);
	for (uint64_t i = w->head; i < w->tail; i++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, i);
		if (slot->lane != lane)
			continue;
		/* A command that did not leave as a whole is not done. */
		bool left = slot->state == MQ_RD_STORED ||
		            (slot->state == MQ_RD_SENT && slot->sent_end <= link->written &&
		             !w->lanes[lane].deaf);
		if (left && !slot->is_wait) {
			mq_rd_slot_report(w, slot, &unknown, true);
		} else if (slot->state == MQ_RD_SENT && slot->is_wait) {
			mq_rd_slot_set(w, slot, MQ_RD_DONE);
		} else if (slot->state == MQ_RD_SENT) {
			mq_rd_slot_set(w, slot, MQ_RD_QUEUED);
			slot->lane = SIZE_MAX;
			slot->asking = slot->asked = false;
			if (i < w->send)
				w->send = i;
		}
	}
	mq_rd_link_close(link);
	struct mq_rd_lane *l = &w->lanes[lane];
	l->link = NULL;
	l->cursor = 0;
	l->unconfirmed = 0;
	l->deaf = l->outdated = false;
	if (!l->down_ms)
		l->down_ms = mq_now_monotonic_ms();
	mq_log(w->conn->base.env, MQ_LEVEL_VERBOSE, "%s: connection lost: %s", w->conn->shown,
	       why->message);
}
