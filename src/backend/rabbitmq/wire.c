/*
 * One AMQP connection with one channel: bytes in and out, frames, waiting.
 *
 * What concerns the connection alone (heartbeats, blocked, closed) is dealt with here; frames of
 * the channel are handed on one by one. The handshake is in handshake.c, methods with answers in
 * rpc.c.
 */
#include "backend/rabbitmq/rabbitmq.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	READ_CHUNK = 64 * 1024,
	READ_MAX = 1024 * 1024, /* bytes that are read ahead of what was asked for */
	FRAME_OVERHEAD = 8,     /* type, channel, size; end */
	GOODBYE_MS = 2000,
};
/* A whole window of messages may wait, and one of any size behind it. */
#define OUT_LIMIT ((size_t)2 << 30)

int mq_rabbit_wire_lost(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	wire->dead = true;
	wire->channel_open = false;
	if (err && err->code == MQ_OK)
		mq_fail(err, MQ_UNREACHABLE, "%s: the connection is lost", wire->conn->shown);
	if (err && err->code == MQ_UNREACHABLE)
		err->retriable = true;
	return -1;
}

/* --- out ------------------------------------------------------------------------------------- */

int mq_rabbit_wire_send(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	while (wire->out_head < wire->out.len) {
		int64_t n = mq_rabbit_pulse_write(wire, wire->out.data + wire->out_head,
		                                  wire->out.len - wire->out_head, err);
		if (n < 0)
			return mq_rabbit_wire_lost(wire, err);
		if (n == 0)
			break;
		wire->out_head += (size_t)n;
	}
	if (wire->out_head == wire->out.len) {
		wire->out_head = 0;
		mq_buf_clear(&wire->out);
	} else if (wire->out_head > wire->out.len / 2) {
		mq_buf_consume(&wire->out, wire->out_head);
		wire->out_head = 0;
	}
	return 0;
}

static void put_number(char *to, uint64_t number, size_t len)
{
	for (size_t i = len; i-- > 0; number >>= 8)
		to[i] = (char)(number & 0xff);
}

static uint64_t get_number(const char *from, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | (uint8_t)from[i];
	return number;
}

int mq_rabbit_put_method(struct mq_rabbit_wire *wire, int channel, amqp_method_number_t id,
                         void *decoded, struct mq_err *err)
{
	/* Nearly all are short; what is not may fill a frame. */
	size_t room = 1024;

	for (;; room = wire->frame_max) {
		if (mq_buf_reserve(&wire->out, room + FRAME_OVERHEAD + 4, err) < 0)
			return -1;
		char *frame = wire->out.data + wire->out.len;
		amqp_bytes_t space = {room, frame + 11};
		int n = amqp_encode_method(id, decoded, space);
		if (n < 0 && room < wire->frame_max)
			continue;
		if (n < 0)
			return mq_fail(err, MQ_USAGE,
			               "a request with its arguments does not fit one frame of "
			               "%zu bytes",
			               wire->frame_max);
		frame[0] = AMQP_FRAME_METHOD;
		put_number(frame + 1, (uint64_t)channel, 2);
		put_number(frame + 3, (uint64_t)n + 4, 4);
		put_number(frame + 7, id, 4);
		frame[11 + n] = (char)AMQP_FRAME_END;
		wire->out.len += (size_t)n + 12;
		return 0;
	}
}

/* --- in -------------------------------------------------------------------------------------- */

/* Reads what is there. Returns the count, or -1. */
static int64_t read_some(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	int64_t total = 0;

	if (wire->in_head > 0) {
		mq_buf_consume(&wire->in, wire->in_head);
		wire->in_head = 0;
	}
	do {
		if (mq_buf_reserve(&wire->in, READ_CHUNK, err) < 0)
			return -1;
		size_t room = wire->in.cap - wire->in.len;
		int64_t n = mq_rabbit_pulse_read(wire, wire->in.data + wire->in.len, room, err);
		if (n < 0 && total == 0)
			return mq_rabbit_wire_lost(wire, err);
		if (n <= 0) /* what came before the end is looked at first */
			break;
		wire->in.len += (size_t)n;
		total += n;
	} while (wire->in.len < READ_MAX);
	if (total > 0)
		wire->heard_ms = mq_now_monotonic_ms();
	return total;
}

int mq_rabbit_wire_wait(struct mq_rabbit_wire *wire, int timeout_ms, struct mq_err *err)
{
	const struct mq_cancel *cancel = wire->stubborn ? NULL : wire->env->cancel;
	int64_t begun = mq_now_monotonic_ms();
	int64_t until = begun + timeout_ms;

	if (begun - wire->listened_ms > wire->heartbeat_ms)
		wire->attentive_ms = begun;
	for (;;) {
		if (wire->dead)
			return mq_rabbit_wire_lost(wire, err);
		if (mq_rabbit_wire_send(wire, err) < 0)
			return -1;
		int64_t n = read_some(wire, err);
		if (n != 0)
			return n < 0 ? -1 : 1;
		int64_t now = wire->listened_ms = mq_now_monotonic_ms();
		/* Silence counts from when somebody listened, in however many short waits. */
		int64_t since =
		    wire->heard_ms > wire->attentive_ms ? wire->heard_ms : wire->attentive_ms;
		if (wire->heartbeat_ms && since + 3 * (int64_t)wire->heartbeat_ms < now) {
			mq_fail(err, MQ_UNREACHABLE, "%s: the broker has been silent for %lld s",
			        wire->conn->shown, (long long)(now - since) / 1000);
			return mq_rabbit_wire_lost(wire, err);
		}
		if (now >= until || mq_cancel_signal(cancel))
			return 0;
		short events = mq_rabbit_wire_unsent(wire) ? POLLIN | POLLOUT : POLLIN;
		mq_cancel_wait(cancel, mq_net_fd(wire->net), events, (int)(until - now));
	}
}

int mq_rabbit_wire_drain(struct mq_rabbit_wire *wire, int timeout_ms, struct mq_err *err)
{
	const struct mq_cancel *cancel = wire->stubborn ? NULL : wire->env->cancel;
	int64_t until = mq_now_monotonic_ms() + timeout_ms;

	for (;;) {
		if (mq_rabbit_wire_send(wire, err) < 0)
			return -1;
		if (mq_rabbit_wire_unsent(wire) == 0)
			return 1;
		int64_t now = mq_now_monotonic_ms();
		if (now >= until || mq_cancel_signal(cancel))
			return 0;
		mq_cancel_wait(cancel, mq_net_fd(wire->net), POLLOUT, (int)(until - now));
	}
}

/* --- frames ---------------------------------------------------------------------------------- */

static void keep_close(struct mq_rabbit_wire *wire, int code, amqp_bytes_t text)
{
	wire->closed_code = code;
	snprintf(wire->closed_text, sizeof wire->closed_text, "%.*s", (int)text.len,
	         (const char *)text.bytes);
	wire->channel_open = false;
}

/* What the broker says about the connection as a whole. Returns 0 or -1. */
static int take_connection(struct mq_rabbit_wire *wire, const struct mq_rabbit_frame *frame,
                           struct mq_err *err)
{
	amqp_connection_close_ok_t closed = {0};
	amqp_pool_t pool;
	void *decoded = NULL;
	int result = 0;

	init_amqp_pool(&pool, 1024);
	amqp_bytes_t arguments = {frame->len - 4, (void *)(uintptr_t)(frame->data + 4)};
	if (amqp_decode_method(frame->method, &pool, arguments, &decoded) != AMQP_STATUS_OK)
		decoded = NULL;
	if (frame->method == AMQP_CONNECTION_CLOSE_METHOD && decoded) {
		const amqp_connection_close_t *close = decoded;
		keep_close(wire, close->reply_code, close->reply_text);
		mq_rabbit_fail(err, close->reply_code, wire->closed_text, "%s", wire->conn->shown);
		struct mq_err ignored = MQ_ERR_INIT;
		if (mq_rabbit_put_method(wire, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &closed,
		                         &ignored) == 0)
			mq_rabbit_wire_send(wire, &ignored);
		result = mq_rabbit_wire_lost(wire, err);
	} else if (frame->method == AMQP_CONNECTION_BLOCKED_METHOD && decoded) {
		const amqp_connection_blocked_t *blocked = decoded;
		wire->blocked = true;
		snprintf(wire->blocked_why, sizeof wire->blocked_why, "%.*s",
		         (int)blocked->reason.len, (const char *)blocked->reason.bytes);
	} else if (frame->method == AMQP_CONNECTION_UNBLOCKED_METHOD) {
		wire->blocked = false;
		if (wire->blocked_said)
			mq_log(wire->env, MQ_LEVEL_NOTE, "%s: the broker takes messages again",
			       wire->conn->shown);
		wire->blocked_said = false;
	}
	empty_amqp_pool(&pool);
	return result;
}

/* The broker closed the channel. Returns -1 with its words. */
static int take_channel_close(struct mq_rabbit_wire *wire, const struct mq_rabbit_frame *frame,
                              struct mq_err *err)
{
	amqp_channel_close_ok_t closed = {0};
	struct mq_err ignored = MQ_ERR_INIT;
	amqp_pool_t pool;
	void *decoded = NULL;

	init_amqp_pool(&pool, 1024);
	amqp_bytes_t arguments = {frame->len - 4, (void *)(uintptr_t)(frame->data + 4)};
	wire->channel_open = false;
	if (amqp_decode_method(frame->method, &pool, arguments, &decoded) == AMQP_STATUS_OK) {
		const amqp_channel_close_t *close = decoded;
		keep_close(wire, close->reply_code, close->reply_text);
		mq_rabbit_fail(err, close->reply_code, wire->closed_text, "%s", wire->conn->shown);
	}
	empty_amqp_pool(&pool);
	if (mq_rabbit_put_method(wire, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed, &ignored) == 0)
		mq_rabbit_wire_send(wire, &ignored);
	return mq_fail(err, MQ_UNREACHABLE, "%s: the broker closed the channel", wire->conn->shown);
}

int mq_rabbit_wire_next(struct mq_rabbit_wire *wire, struct mq_rabbit_frame *ret_frame,
                        struct mq_err *err)
{
	while (!wire->dead && wire->in.len - wire->in_head >= FRAME_OVERHEAD - 1) {
		const char *at = wire->in.data + wire->in_head;
		uint64_t size = get_number(at + 3, 4);
		unsigned channel = (unsigned)get_number(at + 1, 2);
		if (size + FRAME_OVERHEAD > wire->frame_max) {
			mq_fail(err, MQ_UNREACHABLE, "%s: what answers there does not speak AMQP",
			        wire->conn->shown);
			return mq_rabbit_wire_lost(wire, err);
		}
		if (wire->in.len - wire->in_head < size + FRAME_OVERHEAD)
			return 0;
		*ret_frame = (struct mq_rabbit_frame){
		    .type = (uint8_t)at[0], .data = at + 7, .len = (size_t)size};
		if ((uint8_t)at[7 + size] != AMQP_FRAME_END ||
		    (ret_frame->type == AMQP_FRAME_METHOD && size < 4)) {
			mq_fail(err, MQ_UNREACHABLE, "%s: the broker sent a malformed frame",
			        wire->conn->shown);
			return mq_rabbit_wire_lost(wire, err);
		}
		wire->in_head += (size_t)size + FRAME_OVERHEAD;
		if (ret_frame->type == AMQP_FRAME_METHOD)
			ret_frame->method = (amqp_method_number_t)get_number(at + 7, 4);
		if (ret_frame->type == AMQP_FRAME_HEARTBEAT)
			continue;
		if (channel == 1 && ret_frame->type == AMQP_FRAME_METHOD &&
		    ret_frame->method == AMQP_CHANNEL_CLOSE_METHOD)
			return take_channel_close(wire, ret_frame, err);
		bool handshake = channel == 0 && ret_frame->type == AMQP_FRAME_METHOD &&
		                 ret_frame->method < AMQP_CONNECTION_CLOSE_METHOD;
		bool closed = channel == 0 && ret_frame->method == AMQP_CONNECTION_CLOSE_OK_METHOD;
		if (channel == 1 || handshake || closed)
			return 1;
		if (channel == 0 && ret_frame->type == AMQP_FRAME_METHOD &&
		    take_connection(wire, ret_frame, err) < 0)
			return -1;
	}
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static void release(struct mq_rabbit_wire *wire)
{
	mq_rabbit_pulse_stop(wire);
	mq_net_close(wire->net);
	mq_buf_release(&wire->in);
	mq_buf_release(&wire->out);
	empty_amqp_pool(&wire->pool);
	free(wire);
}

int mq_rabbit_wire_open(struct mq_rabbit_conn *conn, struct mq_rabbit_wire **ret_wire,
                        struct mq_err *err)
{
	struct mq_rabbit_wire *wire = calloc(1, sizeof *wire);

	*ret_wire = NULL;
	if (!wire)
		return mq_fail_memory(err);
	wire->conn = conn;
	wire->env = conn->base.env;
	wire->frame_max = 131072; /* until it is agreed on */
	mq_buf_init(&wire->in, (size_t)INT32_MAX + READ_MAX);
	mq_buf_init(&wire->out, OUT_LIMIT);
	init_amqp_pool(&wire->pool, 4096);
	struct mq_net_spec spec = {.hosts = conn->hosts,
	                           .default_port = conn->secure ? 5671 : 5672,
	                           .tls = conn->secure ? &conn->tls : NULL,
	                           .env = wire->env};
	if (mq_net_connect(&spec, &wire->net, err) < 0)
		goto fail;
	wire->heard_ms = mq_now_monotonic_ms();
	if (mq_rabbit_handshake(wire, err) < 0 || mq_rabbit_channel_open(wire, err) < 0)
		goto fail;
	*ret_wire = wire;
	return 0;
fail:
	release(wire);
	return -1;
}

void mq_rabbit_wire_close(struct mq_rabbit_wire *wire)
{
	amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
	                                 .reply_text = mq_rabbit_bytes("goodbye")};
	struct mq_err ignored = MQ_ERR_INIT;

	if (!wire)
		return;
	wire->stubborn = true;
	wire->on_frame = NULL;
	/* A blocked connection is not read any more: it would not answer. */
	int64_t until = mq_now_monotonic_ms() + (wire->blocked ? 0 : GOODBYE_MS);
	if (wire->dead ||
	    mq_rabbit_put_method(wire, 0, AMQP_CONNECTION_CLOSE_METHOD, &close, &ignored) < 0)
		goto out;
	for (;;) {
		struct mq_rabbit_frame frame;
		int got = mq_rabbit_wire_next(wire, &frame, &ignored);
		if ((got < 0 && wire->dead) || (got > 0 && frame.type == AMQP_FRAME_METHOD &&
		                                frame.method == AMQP_CONNECTION_CLOSE_OK_METHOD))
			break;
		int64_t left = until - mq_now_monotonic_ms();
		if (got == 0 &&
		    (mq_rabbit_wire_wait(wire, left > 0 ? (int)left : 0, &ignored) < 0 ||
		     left <= 0))
			break;
	}
out:
	release(wire);
}
