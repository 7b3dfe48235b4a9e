/*
 * Producing: takes messages, hands them to the wire in batches, counts every confirmation.
 *
 * Each publish is mandatory, so that what no queue takes comes back (basic.return) before its ack
 * instead of vanishing. A lost connection and a closed channel are resend.c's.
 */
#include "backend/rabbitmq/writer.h"

#include <stdlib.h>

enum {
	SEND_BATCH = 64 * 1024,
	OUT_MAX = 1024 * 1024, /* bytes that wait in the wire */
	LONE_SIZE = 8 * 1024 * 1024,
};
#define LOG_MAX ((size_t)64 << 20) /* bytes that wait for confirmation, but for a single one */

/* --- reports --------------------------------------------------------------------------------- */

static const char *target(const struct mq_rabbit_writer *writer)
{
	return writer->conn->exchange ? writer->conn->exchange : writer->queue;
}

static void report_message(struct mq_rabbit_writer *writer, const struct mq_message *message,
                           const struct mq_err *why, bool maybe_stored)
{
	struct mq_delivery delivery = {.tag = message->tag,
	                               .partition = MQ_NO_PARTITION,
	                               .offset = MQ_NO_OFFSET,
	                               .err = why,
	                               .maybe_stored = maybe_stored,
	                               .message = message};

	if (writer->delivered)
		writer->delivered(writer->ctx, &delivery);
}

void mq_rabbit_report_failed(struct mq_rabbit_writer *writer, struct mq_rabbit_slot *slot,
                             const struct mq_err *why, bool maybe_stored)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_bytes stream = mq_bytes_str(target(writer));
	struct mq_rabbit_content content;
	struct mq_err err = MQ_ERR_INIT;

	mq_rabbit_memory_clear(&writer->restoring);
	if (mq_rabbit_slot_content(&writer->window, slot, &writer->restoring, &content, &err) ==
	    0) {
		const amqp_basic_publish_t *publish = content.decoded;
		struct mq_rabbit_arrival arrival = {
		    .exchange = mq_bytes_of(publish->exchange.bytes, publish->exchange.len),
		    .routing_key =
		        mq_bytes_of(publish->routing_key.bytes, publish->routing_key.len),
		    .properties = content.properties,
		    .body = content.body,
		    .size = content.size};
		mq_rabbit_decode(&writer->restoring, &arrival, &message, &err);
		if (publish->exchange.len == 0) /* messages may name their own */
			stream = arrival.routing_key;
	}
	if (err.code != MQ_OK)
		mq_log(writer->conn->base.env, MQ_LEVEL_WARN,
		       "a failed record is reported without its contents: %s", err.message);
	message.tag = slot->tag;
	message.stream = stream;
	report_message(writer, &message, why, maybe_stored);
	mq_rabbit_window_settle(&writer->window, slot);
}

static void report_confirmed(struct mq_rabbit_writer *writer, struct mq_rabbit_slot *slot)
{
	struct mq_delivery delivery = {
	    .tag = slot->tag, .partition = MQ_NO_PARTITION, .offset = MQ_NO_OFFSET};

	if (writer->delivered)
		writer->delivered(writer->ctx, &delivery);
	mq_rabbit_window_settle(&writer->window, slot);
}

/* --- answers --------------------------------------------------------------------------------- */

static void fail_nacked(struct mq_rabbit_writer *writer, struct mq_rabbit_slot *slot)
{
	struct mq_rabbit_content content;
	struct mq_err why = MQ_ERR_INIT, ignored = MQ_ERR_INIT;
	amqp_bytes_t name = mq_rabbit_bytes(target(writer));

	mq_rabbit_memory_clear(&writer->restoring);
	if (!writer->conn->exchange &&
	    mq_rabbit_slot_content(&writer->window, slot, &writer->restoring, &content, &ignored) ==
	        0)
		name = ((const amqp_basic_publish_t *)content.decoded)->routing_key;
	mq_fail(&why, MQ_PARTIAL, "%.*s: the broker did not take the message (nack)", (int)name.len,
	        (const char *)name.bytes);
	mq_hint(&why, "a queue that is full and refuses (x-overflow=reject-publish) answers so");
	mq_rabbit_report_failed(writer, slot, &why, false);
}

/* basic.ack or basic.nack. */
static void take_answer(struct mq_rabbit_writer *writer, uint64_t tag, bool multiple, bool refused)
{
	struct mq_rabbit_window *window = &writer->window;
	uint64_t last = writer->tag_base + tag - 1;
	uint64_t from = multiple || tag == 0 ? window->first : last;

	if (tag == 0 || last >= writer->sent)
		last = writer->sent - 1;
	for (uint64_t n = from; n <= last && n < writer->sent; n++) {
		struct mq_rabbit_slot *slot = mq_rabbit_slot(window, n);
		if (n < window->first || slot->settled)
			continue;
		if (refused)
			fail_nacked(writer, slot);
		else
			report_confirmed(writer, slot);
	}
	writer->denied = writer->breakdowns = 0;
	writer->progress_ms = mq_now_monotonic_ms();
}

/* How much a published message is like a returned one: 0 not, 1 body and key, 2 all. */
static int likeness(struct mq_rabbit_writer *writer, const struct mq_rabbit_slot *slot)
{
	const struct mq_rabbit_content *returned = &writer->content;
	const amqp_basic_return_t *answer = returned->decoded;
	struct mq_rabbit_content content;
	struct mq_err ignored = MQ_ERR_INIT;

	if (slot->len < returned->size)
		return 0;
	mq_rabbit_memory_clear(&writer->restoring);
	if (mq_rabbit_slot_content(&writer->window, slot, &writer->restoring, &content, &ignored) <
	    0)
		return 0;
	const amqp_basic_publish_t *publish = content.decoded;
	if (content.size != returned->size ||
	    memcmp(content.body, returned->body, content.size) != 0 ||
	    publish->routing_key.len != answer->routing_key.len ||
	    memcmp(publish->routing_key.bytes, answer->routing_key.bytes,
	           answer->routing_key.len) != 0)
		return 0;
	return mq_bytes_equal(content.header, returned->header) ? 2 : 1;
}

/* A return names no delivery tag. It comes in the order of publishing and before its ack, so it is
 * the first one without an answer, behind the last returned one, that has this content; among equal
 * ones it does not matter which. */
static void take_return(struct mq_rabbit_writer *writer)
{
	const amqp_basic_return_t *answer = writer->content.decoded;
	struct mq_rabbit_window *window = &writer->window;
	struct mq_rabbit_slot *found = NULL;
	uint64_t n = writer->returned > window->first ? writer->returned : window->first;
	struct mq_err why = MQ_ERR_INIT;

	for (; n < writer->sent; n++) {
		struct mq_rabbit_slot *slot = mq_rabbit_slot(window, n);
		int like = slot->settled ? 0 : likeness(writer, slot);
		if (like > 0 && !found) {
			found = slot;
			writer->returned = n + 1;
		}
		if (like == 2) {
			found = slot;
			writer->returned = n + 1;
			break;
		}
	}
	if (!found) {
		mq_log(writer->conn->base.env, MQ_LEVEL_WARN,
		       "the broker returned a message that was not sent: %.*s",
		       (int)answer->reply_text.len, (const char *)answer->reply_text.bytes);
		return;
	}
	if (answer->exchange.len == 0) {
		mq_fail(&why, MQ_NOT_FOUND, "no queue '%.*s' takes the message (%d %.*s)",
		        (int)answer->routing_key.len, (const char *)answer->routing_key.bytes,
		        answer->reply_code, (int)answer->reply_text.len,
		        (const char *)answer->reply_text.bytes);
	} else {
		mq_fail(&why, MQ_PARTIAL,
		        "exchange '%.*s' has no queue for the key '%.*s' (%d %.*s)",
		        (int)answer->exchange.len, (const char *)answer->exchange.bytes,
		        (int)answer->routing_key.len, (const char *)answer->routing_key.bytes,
		        answer->reply_code, (int)answer->reply_text.len,
		        (const char *)answer->reply_text.bytes);
		mq_hint(&why, "'mqtk create ADDR --bind EXCHANGE:KEY' binds a queue");
	}
	mq_rabbit_report_failed(writer, found, &why, false);
	writer->progress_ms = mq_now_monotonic_ms();
}

static int take_frame(void *ctx, const struct mq_rabbit_frame *frame, struct mq_err *err)
{
	struct mq_rabbit_writer *writer = ctx;

	if (frame->type == AMQP_FRAME_METHOD && frame->len >= 13 &&
	    (frame->method == AMQP_BASIC_ACK_METHOD || frame->method == AMQP_BASIC_NACK_METHOD)) {
		uint64_t tag = 0;
		for (size_t i = 4; i < 12; i++)
			tag = tag << 8 | (uint8_t)frame->data[i];
		take_answer(writer, tag, frame->data[12] & 1,
		            frame->method == AMQP_BASIC_NACK_METHOD);
		return 0;
	}
	if (writer->content.state == MQ_CONTENT_NONE &&
	    (frame->type != AMQP_FRAME_METHOD || frame->method != AMQP_BASIC_RETURN_METHOD))
		return 0; /* nothing that concerns us */
	int whole = mq_rabbit_content_feed(&writer->content, frame, &writer->memory.pool, err);
	if (whole > 0) {
		take_return(writer);
		mq_rabbit_memory_clear(&writer->memory);
	}
	return whole < 0 ? -1 : 0;
}

/* --- sending --------------------------------------------------------------------------------- */

int mq_rabbit_writer_feed(struct mq_rabbit_writer *writer, struct mq_err *err)
{
	struct mq_rabbit_window *window = &writer->window;
	struct mq_rabbit_wire *wire = writer->wire;

	if (!wire || !wire->channel_open || wire->blocked)
		return 0;
	while (writer->sent < window->next && mq_rabbit_wire_unsent(wire) < OUT_MAX) {
		const struct mq_rabbit_slot *slot = mq_rabbit_slot(window, writer->sent);
		/* One at a time means: the one before has its answer. So it is for those that the
		 * broker could refuse for their size, closing the channel: then no others have to
		 * be sent twice. */
		if (window->first < writer->sent &&
		    (writer->sent < writer->lone || slot->len > LONE_SIZE ||
		     mq_rabbit_slot(window, writer->sent - 1)->len > LONE_SIZE))
			break;
		if (mq_buf_append(&wire->out, mq_rabbit_slot_data(window, slot), slot->len, err) <
		    0)
			return -1;
		writer->sent++;
		if (mq_rabbit_wire_unsent(wire) >= SEND_BATCH && mq_rabbit_wire_send(wire, err) < 0)
			return -1;
	}
	return mq_rabbit_wire_send(wire, err);
}

/* Takes the answers that have arrived. */
static int serve(struct mq_rabbit_writer *writer, struct mq_err *err)
{
	struct mq_rabbit_frame frame;
	int got;

	while ((got = mq_rabbit_wire_next(writer->wire, &frame, err)) > 0)
		if (take_frame(writer, &frame, err) < 0)
			return -1;
	return got;
}

static void say_blocked(struct mq_rabbit_writer *writer)
{
	struct mq_rabbit_wire *wire = writer->wire;

	if (!wire || !wire->blocked || wire->blocked_said)
		return;
	wire->blocked_said = true;
	mq_log(writer->conn->base.env, MQ_LEVEL_WARN,
	       "%s: the broker takes no messages for now (%s); waiting", writer->conn->shown,
	       wire->blocked_why);
}

/* Nothing moved for as long as a broker is tried. */
static int check_patience(struct mq_rabbit_writer *writer, struct mq_err *err)
{
	int timeout_ms = writer->conn->base.env->timeout_ms;

	if (writer->window.open == 0 || mq_now_monotonic_ms() - writer->progress_ms <= timeout_ms)
		return 0;
	if (writer->wire && writer->wire->blocked)
		mq_fail(err, MQ_UNREACHABLE,
		        "%s: the broker has taken no messages for %d s (%s); %llu were not "
		        "confirmed",
		        writer->conn->shown, timeout_ms / 1000, writer->wire->blocked_why,
		        (unsigned long long)writer->window.open);
	else
		mq_fail(err, MQ_UNREACHABLE, "%s: no confirmation within %d s; %llu are missing",
		        writer->conn->shown, timeout_ms / 1000,
		        (unsigned long long)writer->window.open);
	err->retriable = true;
	return -1;
}

/* Everything without an answer has failed. */
static void fail_rest(struct mq_rabbit_writer *writer, const struct mq_err *why)
{
	struct mq_rabbit_window *window = &writer->window;

	for (uint64_t n = window->first; n < window->next; n++) {
		struct mq_rabbit_slot *slot = mq_rabbit_slot(window, n);
		if (!slot->settled)
			mq_rabbit_report_failed(writer, slot, why, n < writer->sent);
	}
}

/* At once, so that what the caller has to give up comes behind them, in order. */
static int break_writer(struct mq_rabbit_writer *writer, const struct mq_err *why)
{
	if (writer->broken)
		return -1;
	writer->why = *why;
	writer->broken = true;
	fail_rest(writer, why);
	return -1;
}

static int refuse_broken(const struct mq_rabbit_writer *writer, struct mq_err *err)
{
	if (err && err->code == MQ_OK)
		*err = writer->why;
	return -1;
}

/* Sends, waits for up to timeout_ms, takes answers; heals a lost connection. */
static int turn(struct mq_rabbit_writer *writer, int timeout_ms, struct mq_err *err)
{
	struct mq_err mine = MQ_ERR_INIT;

	if (writer->broken)
		return refuse_broken(writer, err);
	if (mq_rabbit_writer_feed(writer, &mine) < 0 || serve(writer, &mine) < 0 ||
	    mq_rabbit_wire_wait(writer->wire, timeout_ms, &mine) < 0 || serve(writer, &mine) < 0 ||
	    mq_rabbit_writer_feed(writer, &mine) < 0) {
		if (mq_rabbit_writer_recover(writer, &mine) < 0)
			break_writer(writer, &mine);
	}
	say_blocked(writer);
	if (!writer->broken && check_patience(writer, &mine) < 0)
		break_writer(writer, &mine);
	return writer->broken ? refuse_broken(writer, err) : 0;
}

/* --- operations ------------------------------------------------------------------------------ */

static int take_message(struct mq_rabbit_writer *writer, const struct mq_message *message)
{
	struct mq_rabbit_window *window = &writer->window;
	const char *exchange = writer->conn->exchange ? writer->conn->exchange : "";
	struct mq_bytes routing_key = message->key;
	size_t at = window->log.len;
	struct mq_err why = MQ_ERR_INIT;

	if (!exchange[0])
		routing_key = message->stream.data ? message->stream : mq_bytes_str(writer->queue);
	if (mq_rabbit_encode(&writer->encoder, message, exchange, routing_key, &window->log, &why) <
	    0) {
		report_message(writer, message, &why, false);
		return -1;
	}
	if (window->open == 0)
		writer->progress_ms = mq_now_monotonic_ms();
	mq_rabbit_window_add(window, message->tag, at);
	return 0;
}

int64_t mq_rabbit_write(struct mq_writer *base, const struct mq_message *messages, size_t n,
                        struct mq_err *err)
{
	struct mq_rabbit_writer *writer = (struct mq_rabbit_writer *)base;
	struct mq_rabbit_window *window = &writer->window;
	size_t taken = 0;

	if (writer->broken)
		return refuse_broken(writer, err);
	while (taken < n && window->next - window->first < (uint64_t)writer->conn->window &&
	       (window->next == window->first || window->log.len - window->log_head < LOG_MAX)) {
		if (take_message(writer, &messages[taken]) == 0 && writer->wire &&
		    window->next - writer->sent >= 256) {
			struct mq_err mine = MQ_ERR_INIT;
			if (mq_rabbit_writer_feed(writer, &mine) < 0) {
				taken++;
				break; /* turn finds out and heals */
			}
		}
		taken++;
	}
	/* What was taken is reported by flush or close, whatever happens here. */
	struct mq_err mine = MQ_ERR_INIT;
	turn(writer, 0, &mine);
	return (int64_t)taken;
}

int64_t mq_rabbit_writer_poll(struct mq_writer *base, int timeout_ms, struct mq_err *err)
{
	struct mq_rabbit_writer *writer = (struct mq_rabbit_writer *)base;

	if (turn(writer, timeout_ms, err) < 0)
		return -1;
	return (int64_t)writer->window.open;
}

int64_t mq_rabbit_writer_flush(struct mq_writer *base, int timeout_ms, struct mq_err *err)
{
	struct mq_rabbit_writer *writer = (struct mq_rabbit_writer *)base;
	int64_t until = mq_now_monotonic_ms() + timeout_ms;
	int result = 0;

	while (result == 0 && writer->window.open > 0) {
		int64_t left = until - mq_now_monotonic_ms();
		if (left < 0)
			break;
		if (writer->wire)
			writer->wire->stubborn = true;
		result = turn(writer, left > 0 ? (int)left : 0, err);
		if (writer->wire)
			writer->wire->stubborn = false;
		if (left == 0)
			break;
	}
	return result < 0 ? -1 : (int64_t)writer->window.open;
}

/* While bytes wait for room in the socket, waiting to read would not serve them. */
int mq_rabbit_writer_fd(struct mq_writer *base)
{
	const struct mq_rabbit_writer *writer = (const struct mq_rabbit_writer *)base;

	if (writer->broken || !writer->wire || mq_rabbit_wire_unsent(writer->wire) > 0)
		return -1;
	return mq_net_fd(writer->wire->net);
}

static void release(struct mq_rabbit_writer *writer)
{
	mq_rabbit_wire_close(writer->wire);
	mq_rabbit_window_release(&writer->window);
	mq_rabbit_encoder_release(&writer->encoder);
	mq_rabbit_memory_release(&writer->memory);
	mq_rabbit_memory_release(&writer->restoring);
	free(writer->queue);
	free(writer);
}

void mq_rabbit_writer_close(struct mq_writer *base)
{
	struct mq_rabbit_writer *writer = (struct mq_rabbit_writer *)base;
	struct mq_err why = MQ_ERR_INIT;

	mq_fail(&why, MQ_UNREACHABLE, "%s: no confirmation before the end", writer->conn->shown);
	fail_rest(writer, &why);
	release(writer);
}

int mq_rabbit_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                          struct mq_writer **ret_writer, struct mq_err *err)
{
	struct mq_rabbit_writer *writer = calloc(1, sizeof *writer);

	if (!writer)
		return mq_fail_memory(err);
	writer->base = (struct mq_writer){.conn = conn, .partitions = -1};
	writer->conn = (struct mq_rabbit_conn *)conn;
	writer->create = spec->create;
	writer->by_name = spec->by_name;
	writer->delivered = spec->delivered;
	writer->ctx = spec->ctx;
	mq_rabbit_memory_init(&writer->memory);
	mq_rabbit_memory_init(&writer->restoring);
	if (mq_rabbit_window_init(&writer->window, writer->conn->window, err) < 0)
		goto fail;
	if (spec->stream) {
		writer->queue = strdup(spec->stream);
		if (!writer->queue) {
			mq_fail_memory(err);
			goto fail;
		}
	} else if (!writer->conn->exchange) {
		mq_fail(err, MQ_USAGE, "%s names no queue to write to", writer->conn->shown);
		mq_hint(err, "add the queue's name, or -X exchange=NAME");
		goto fail;
	}
	if (mq_rabbit_writer_connect(writer, err) < 0)
		goto fail;
	writer->encoder.conn = writer->conn;
	writer->encoder.frame_max = writer->wire->frame_max;
	writer->wire->on_frame = take_frame;
	writer->wire->ctx = writer;
	*ret_writer = &writer->base;
	return 0;
fail:
	release(writer);
	return -1;
}
