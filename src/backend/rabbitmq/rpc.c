/* A method and its answer, and the channel that it runs in. */
#include "backend/rabbitmq/rabbitmq.h"

/* Waits for the answer; what else arrives goes to the wire's owner. */
static void *await(struct mq_rabbit_wire *wire, amqp_method_number_t answer, const char *what,
                   struct mq_err *err)
{
	int64_t until = mq_now_monotonic_ms() + wire->env->timeout_ms + wire->slack_ms;

	for (;;) {
		struct mq_rabbit_frame frame;
		int got = mq_rabbit_wire_next(wire, &frame, err);
		if (got < 0)
			return NULL;
		if (got > 0 && frame.type == AMQP_FRAME_METHOD && frame.method == answer) {
			void *decoded = NULL;
			wire->slack_ms = 0;
			recycle_amqp_pool(&wire->pool);
			amqp_bytes_t copy = {frame.len - 4,
			                     amqp_pool_alloc(&wire->pool, frame.len)};
			if (!copy.bytes) {
				mq_fail_memory(err);
				return NULL;
			}
			memcpy(copy.bytes, frame.data + 4, copy.len);
			if (amqp_decode_method(answer, &wire->pool, copy, &decoded) !=
			    AMQP_STATUS_OK)
				mq_fail(err, MQ_UNREACHABLE, "%s: an answer cannot be read", what);
			return decoded;
		}
		if (got > 0) {
			if (wire->on_frame && wire->on_frame(wire->ctx, &frame, err) < 0)
				return NULL;
			continue;
		}
		int64_t left = until - mq_now_monotonic_ms();
		if (left <= 0) {
			mq_fail(err, MQ_UNREACHABLE, "%s: no answer within %d s about %s",
			        wire->conn->shown, wire->env->timeout_ms / 1000, what);
			mq_rabbit_wire_lost(wire, err);
			return NULL;
		}
		if (!wire->stubborn && mq_cancel_signal(wire->env->cancel)) {
			mq_fail(err, MQ_CANCELLED, "stopped by a signal");
			return NULL;
		}
		if (mq_rabbit_wire_wait(wire, (int)left, err) < 0)
			return NULL;
	}
}

int mq_rabbit_channel_open(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	amqp_channel_open_t open = {.out_of_band = mq_rabbit_bytes("")};

	if (wire->dead)
		return mq_rabbit_wire_lost(wire, err);
	if (mq_rabbit_put_method(wire, 1, AMQP_CHANNEL_OPEN_METHOD, &open, err) < 0 ||
	    !await(wire, AMQP_CHANNEL_OPEN_OK_METHOD, wire->conn->shown, err))
		return -1;
	wire->channel_open = true;
	wire->closed_code = 0;
	return 0;
}

int mq_rabbit_channel_close(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
	                              .reply_text = mq_rabbit_bytes("done")};

	if (!wire->channel_open)
		return 0;
	wire->channel_open = false;
	if (mq_rabbit_put_method(wire, 1, AMQP_CHANNEL_CLOSE_METHOD, &close, err) < 0)
		return -1;
	return await(wire, AMQP_CHANNEL_CLOSE_OK_METHOD, wire->conn->shown, err) ? 0 : -1;
}

void *mq_rabbit_rpc(struct mq_rabbit_wire *wire, amqp_method_number_t id, void *decoded,
                    amqp_method_number_t answer, const char *what, struct mq_err *err)
{
	if (!wire->channel_open && mq_rabbit_channel_open(wire, err) < 0)
		return NULL;
	if (mq_rabbit_put_method(wire, 1, id, decoded, err) < 0)
		return NULL;
	return await(wire, answer, what, err);
}

struct mq_rabbit_wire *mq_rabbit_admin(struct mq_rabbit_conn *conn, struct mq_err *err)
{
	if (conn->admin && conn->admin->dead) {
		mq_rabbit_wire_close(conn->admin);
		conn->admin = NULL;
	}
	if (!conn->admin && mq_rabbit_wire_open(conn, &conn->admin, err) < 0)
		return NULL;
	return conn->admin;
}
