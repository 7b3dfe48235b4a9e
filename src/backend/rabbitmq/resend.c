/*
 * Producing goes on: a new connection after a lost one, and the message to blame after a channel
 * that the broker closed.
 *
 * What has no answer is sent again in order. After a lost connection the broker may have it
 * already: such messages are possible duplicates, and are counted.
 */
#include "backend/rabbitmq/writer.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RETRY_MS = 200,
	/* Rights may depend on the routing key, so a refusal is one message's; so many of them
	 * without a confirmation between are taken for everybody's. */
	DENIED_MAX = 10,
};

/* --- connecting ------------------------------------------------------------------------------ */

static int check_queue(struct mq_rabbit_writer *writer, struct mq_rabbit_wire *wire,
                       struct mq_err *err)
{
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	struct mq_rabbit_depth depth;
	struct mq_err mine = MQ_ERR_INIT;

	if ((writer->by_name && writer->wire) ||
	    mq_rabbit_depth(wire, writer->queue, &depth, &mine) == 0)
		return 0;
	if (mine.code != MQ_NOT_FOUND || !writer->create) {
		if (mine.code == MQ_NOT_FOUND) {
			mine.hint[0] = '\0';
			mq_hint(&mine, MQ_HINT_NO_TARGET);
		}
		*err = mine;
		return -1;
	}
	spec.stream = writer->queue;
	spec.type = writer->conn->queue_type;
	spec.if_missing = true;
	return mq_rabbit_declare(wire, &spec, err);
}

int mq_rabbit_writer_connect(struct mq_rabbit_writer *writer, struct mq_err *err)
{
	amqp_confirm_select_t select = {0};
	struct mq_rabbit_wire *wire = NULL;

	if (mq_rabbit_wire_open(writer->conn, &wire, err) < 0)
		return -1;
	if ((writer->conn->exchange ? mq_rabbit_exchange_check(wire, writer->conn->exchange, err)
	                            : check_queue(writer, wire, err)) < 0 ||
	    !mq_rabbit_rpc(wire, AMQP_CONFIRM_SELECT_METHOD, &select, AMQP_CONFIRM_SELECT_OK_METHOD,
	                   writer->conn->shown, err)) {
		mq_rabbit_wire_close(wire);
		return -1;
	}
	wire->on_frame = writer->wire ? writer->wire->on_frame : NULL;
	wire->ctx = writer;
	wire->stubborn = writer->wire && writer->wire->stubborn;
	mq_rabbit_wire_close(writer->wire);
	writer->wire = wire;
	return 0;
}

/* Tries until the broker is back, or has been away for as long as one is tried. */
static int connect_again(struct mq_rabbit_writer *writer, const struct mq_err *why,
                         struct mq_err *err)
{
	const struct mq_env *env = writer->conn->base.env;
	int64_t until = mq_now_monotonic_ms() + env->timeout_ms;

	for (;;) {
		struct mq_err mine = MQ_ERR_INIT;
		if (mq_rabbit_writer_connect(writer, &mine) == 0)
			return 0;
		int64_t left = until - mq_now_monotonic_ms();
		if (!mine.retriable || left <= 0 || mq_cancel_signal(env->cancel)) {
			/* What ended it is more telling than that nobody is there now. */
			*err = mine.retriable || mine.code == MQ_CANCELLED ? *why : mine;
			return -1;
		}
		mq_cancel_wait(env->cancel, -1, 0, left < RETRY_MS ? (int)left : RETRY_MS);
	}
}

/* --- blame ----------------------------------------------------------------------------------- */

/* "message size 20000000 is larger than configured max size 16777216": the first message of that
 * size is meant, because the broker takes them in order. */
static struct mq_rabbit_slot *too_large(struct mq_rabbit_writer *writer)
{
	static const char words[] = "message size ";
	const char *text = strstr(writer->wire->closed_text, words);
	struct mq_rabbit_window *window = &writer->window;

	if (!text)
		return NULL;
	unsigned long long size = strtoull(text + sizeof words - 1, NULL, 10);
	for (uint64_t n = window->first; n < writer->sent; n++) {
		struct mq_rabbit_slot *slot = mq_rabbit_slot(window, n);
		struct mq_rabbit_content content;
		struct mq_err ignored = MQ_ERR_INIT;
		if (slot->settled || slot->len < size)
			continue;
		mq_rabbit_memory_clear(&writer->restoring);
		if (mq_rabbit_slot_content(window, slot, &writer->restoring, &content, &ignored) ==
		        0 &&
		    content.size == size)
			return slot;
	}
	return NULL;
}

static void fail_one(struct mq_rabbit_writer *writer, struct mq_rabbit_slot *slot)
{
	struct mq_rabbit_wire *wire = writer->wire;
	struct mq_err why = MQ_ERR_INIT;

	mq_rabbit_fail(&why, wire->closed_code, wire->closed_text, "%s", writer->conn->shown);
	if (strstr(wire->closed_text, "message size "))
		mq_hint(&why, "the broker's max_message_size is smaller than this message");
	mq_rabbit_report_failed(writer, slot, &why, false);
}

/* The only one on its way, or NULL when there are several. */
static struct mq_rabbit_slot *only_one(struct mq_rabbit_writer *writer)
{
	struct mq_rabbit_slot *found = NULL;

	for (uint64_t n = writer->window.first; n < writer->sent; n++) {
		struct mq_rabbit_slot *slot = mq_rabbit_slot(&writer->window, n);
		if (slot->settled)
			continue;
		if (found)
			return NULL;
		found = slot;
	}
	return found;
}

/* The broker itself broke down, perhaps over a message, such as one for a malformed direct
 * reply-to. It is found by sending one at a time, and does not get a third chance. */
static void find_breaker(struct mq_rabbit_writer *writer)
{
	struct mq_rabbit_slot *slot = only_one(writer);
	struct mq_err why = MQ_ERR_INIT;

	if (!slot) {
		writer->lone = writer->sent;
		writer->breakdowns = 0;
	} else if (++writer->breakdowns > 1) {
		mq_fail(&why, MQ_DATA, "%s: the broker breaks down at this message: %s",
		        writer->conn->shown, writer->wire->closed_text);
		mq_rabbit_report_failed(writer, slot, &why, true);
		writer->breakdowns = 0;
	}
}

/* The broker closed the channel because of one message. Returns false when it is because of
 * something else, which no sending again would heal. */
static bool find_blame(struct mq_rabbit_writer *writer)
{
	struct mq_rabbit_slot *slot = too_large(writer);

	if (writer->wire->closed_code == AMQP_NOT_FOUND)
		return false;
	if (!slot)
		slot = only_one(writer);
	if (slot) {
		fail_one(writer, slot);
		if (writer->wire->closed_code == AMQP_ACCESS_REFUSED)
			return ++writer->denied < DENIED_MAX;
	} else {
		writer->lone = writer->sent; /* one at a time finds it; see below for numbers */
	}
	return true;
}

/* --- recovery -------------------------------------------------------------------------------- */

/* Everything without an answer is to be sent again, in order. Returns how many were sent before. */
static uint64_t rewind_window(struct mq_rabbit_writer *writer)
{
	struct mq_rabbit_window *window = &writer->window;
	uint64_t again = 0, lone = 0;

	for (uint64_t n = window->first; n < window->next; n++) {
		bool open = !mq_rabbit_slot(window, n)->settled;
		again += open && n < writer->sent;
		lone += open && n < writer->lone;
	}
	mq_rabbit_window_compact(window);
	writer->sent = writer->tag_base = writer->returned = window->first;
	writer->lone = lone ? window->first + lone : 0;
	writer->content.state = MQ_CONTENT_NONE;
	mq_rabbit_memory_clear(&writer->memory);
	return again;
}

int mq_rabbit_writer_recover(struct mq_rabbit_writer *writer, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = writer->wire;
	struct mq_err why = *err;
	bool refused = !wire->dead && !wire->channel_open && wire->closed_code;

	if (!wire->dead && wire->channel_open)
		return -1; /* no memory, or answers that cannot be read */
	if (wire->dead && !why.retriable)
		return -1;
	if (refused && !find_blame(writer))
		return -1;
	if (wire->dead && wire->closed_code == AMQP_INTERNAL_ERROR)
		find_breaker(writer);
	mq_err_clear(err);
	uint64_t again = rewind_window(writer);
	if (!refused)
		mq_log(writer->conn->base.env, MQ_LEVEL_WARN, "%s; connecting again", why.message);
	if (connect_again(writer, &why, err) < 0)
		return -1;
	/* The broker had refused the channel as a whole: what came before the one to blame it had
	 * taken all the same. */
	if (again > 0)
		mq_log(writer->conn->base.env, MQ_LEVEL_WARN,
		       "%s: %llu unconfirmed message%s sent again, each of which may be there "
		       "twice",
		       writer->conn->shown, (unsigned long long)again,
		       again == 1 ? " is" : "s are");
	writer->progress_ms = mq_now_monotonic_ms();
	return mq_rabbit_writer_feed(writer, err);
}
