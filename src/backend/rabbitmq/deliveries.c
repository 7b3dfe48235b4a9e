/*
 * Deliveries are put together, and consumers begin, acknowledge and end: what the reader and the
 * ways of reading are made of. See reader.h.
 */
#include "backend/rabbitmq/reader.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH_BYTES = 8 * 1024 * 1024 }; /* of bodies in one batch, unless one is larger */
#define TAG_PREFIX "mqtk."
#define TAG_TEXT 40

/* --- deliveries ------------------------------------------------------------------------------ */

static int make_room(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	if (reader->n < reader->cap)
		return 0;
	size_t cap = reader->cap ? reader->cap * 2 : 1024;
	struct mq_message *messages = realloc(reader->messages, cap * sizeof *messages);
	if (!messages)
		return mq_fail_memory(err);
	reader->messages = messages;
	reader->cap = cap;
	return 0;
}

static struct mq_rabbit_source *source_of(struct mq_rabbit_reader *reader, amqp_bytes_t tag)
{
	const char *text = tag.bytes;
	size_t number = 0;

	for (size_t i = sizeof TAG_PREFIX - 1; i < tag.len && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (size_t)(text[i] - '0');
	return number < reader->n_sources && reader->sources[number].consumers > 0
	           ? &reader->sources[number]
	           : NULL;
}

void mq_rabbit_forget_consumers(struct mq_rabbit_source *source)
{
	source->ended += (unsigned)source->consumers;
	source->consumers = 0;
}

/* A whole delivery is there. */
static int take_delivery(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_rabbit_content *content = &reader->content;
	const amqp_basic_deliver_t *deliver = content->decoded;
	struct mq_rabbit_source *source = source_of(reader, deliver->consumer_tag);
	struct mq_rabbit_arrival arrival = {
	    .exchange = mq_bytes_of(deliver->exchange.bytes, deliver->exchange.len),
	    .routing_key = mq_bytes_of(deliver->routing_key.bytes, deliver->routing_key.len),
	    .redelivered = deliver->redelivered,
	    .properties = content->properties,
	    .body = content->body,
	    .size = content->size};

	/* What is remembered of each is found by its tag. */
	if (deliver->delivery_tag != reader->delivered + 1)
		return mq_fail(err, MQ_UNREACHABLE,
		               "the broker numbers its deliveries wrongly: %llu comes after %llu",
		               (unsigned long long)deliver->delivery_tag,
		               (unsigned long long)reader->delivered);
	reader->delivered = deliver->delivery_tag;
	reader->idle_ms = reader->came_ms = mq_now_monotonic_ms();
	if (source)
		source->returned = deliver->redelivered;
	if (reader->closing) {
		mq_rabbit_memory_clear(&reader->memory[reader->memory_content]);
		return 0;
	}
	if (make_room(reader, err) < 0)
		return -1;
	struct mq_message *message = &reader->messages[reader->n];
	if (mq_rabbit_decode(&reader->memory[reader->memory_content], &arrival, message, err) < 0)
		return -1;
	if (!source) /* its consumer was ended meanwhile */
		return 0;
	message->stream =
	    mq_bytes_str(reader->conn->exchange ? reader->conn->exchange : source->queue);
	int wanted = reader->way->accept(reader, source, message, deliver->delivery_tag, err);
	if (wanted <= 0)
		return wanted;
	message->receipt = mq_rabbit_receipt(reader, deliver->delivery_tag);
	reader->n++;
	reader->bytes += content->size;
	return 0;
}

/* The broker ended a consumer by itself: mostly because its queue is gone. */
static int take_cancel(struct mq_rabbit_reader *reader, const struct mq_rabbit_frame *frame,
                       struct mq_err *err)
{
	amqp_pool_t *pool = &reader->memory[reader->memory_now].pool;
	amqp_bytes_t arguments = {frame->len - 4, amqp_pool_alloc(pool, frame->len)};
	void *decoded = NULL;

	if (!arguments.bytes)
		return mq_fail_memory(err);
	memcpy(arguments.bytes, frame->data + 4, arguments.len);
	if (amqp_decode_method(frame->method, pool, arguments, &decoded) != AMQP_STATUS_OK)
		return 0;
	const amqp_basic_cancel_t *cancel = decoded;
	struct mq_rabbit_source *source = source_of(reader, cancel->consumer_tag);
	if (!source)
		return 0;
	mq_rabbit_forget_consumers(source);
	mq_fail(
	    err, MQ_NOT_FOUND,
	    "queue '%s' was deleted, or moved, while it was read: the broker ended the consumer",
	    source->queue);
	return mq_hint(err, "run it again when the queue is back");
}

int mq_rabbit_take_frame(void *ctx, const struct mq_rabbit_frame *frame, struct mq_err *err)
{
	struct mq_rabbit_reader *reader = ctx;

	if (reader->content.state == MQ_CONTENT_NONE) {
		if (frame->type == AMQP_FRAME_METHOD && frame->method == AMQP_BASIC_CANCEL_METHOD)
			return take_cancel(reader, frame, err);
		if (frame->type != AMQP_FRAME_METHOD || frame->method != AMQP_BASIC_DELIVER_METHOD)
			return 0;
		reader->memory_content = reader->memory_now;
	}
	int whole = mq_rabbit_content_feed(&reader->content, frame,
	                                   &reader->memory[reader->memory_content].pool, err);
	if (whole > 0)
		whole = take_delivery(reader, err);
	return whole < 0 ? -1 : 0;
}

int mq_rabbit_serve(struct mq_rabbit_reader *reader, size_t max, struct mq_err *err)
{
	struct mq_rabbit_frame frame;
	int got = 0;

	while (reader->n - reader->head < max && reader->bytes < BATCH_BYTES &&
	       (got = mq_rabbit_wire_next(reader->wire, &frame, err)) > 0)
		if (mq_rabbit_take_frame(reader, &frame, err) < 0)
			return -1;
	return got < 0 ? -1 : 0;
}

/* The half one keeps its memory; new ones begin in the other. */
void mq_rabbit_give_memory_back(struct mq_rabbit_reader *reader)
{
	if (reader->head < reader->n)
		return;
	reader->head = reader->n = 0;
	reader->bytes = 0;
	int held = reader->content.state == MQ_CONTENT_NONE ? -1 : reader->memory_content;
	for (int i = 0; i < 2; i++)
		if (i != held)
			mq_rabbit_memory_clear(&reader->memory[i]);
	if (held >= 0)
		reader->memory_now = !held;
}

/* --- consumers ------------------------------------------------------------------------------- */

/* No name is used twice: a quorum queue of 3.10 takes the next consumer of a name for the last one,
 * misses deliveries, and its channel crashes. It gives back what its consumers hold in the order of
 * their names. */
static void name_consumer(const struct mq_rabbit_reader *reader,
                          const struct mq_rabbit_source *source, int i, char ret[static TAG_TEXT])
{
	snprintf(ret, TAG_TEXT, TAG_PREFIX "%zu.%08u", (size_t)(source - reader->sources),
	         source->ended + (unsigned)i);
}

int mq_rabbit_consume(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                      int64_t prefetch, bool no_ack, bool exclusive,
                      const amqp_field_value_t *offset, struct mq_err *err)
{
	amqp_basic_qos_t qos = {.prefetch_count =
	                            (uint16_t)(prefetch < UINT16_MAX ? prefetch : UINT16_MAX)};
	amqp_table_entry_t argument = {.key = mq_rabbit_bytes("x-stream-offset")};
	char tag[TAG_TEXT];

	if (!no_ack && !mq_rabbit_rpc(reader->wire, AMQP_BASIC_QOS_METHOD, &qos,
	                              AMQP_BASIC_QOS_OK_METHOD, source->queue, err))
		return -1;
	/* The tag is known before the answer: deliveries may come with it. */
	name_consumer(reader, source, source->consumers++, tag);
	amqp_basic_consume_t consume = {.queue = mq_rabbit_bytes(source->queue),
	                                .consumer_tag = mq_rabbit_bytes(tag),
	                                .no_ack = no_ack,
	                                .exclusive = exclusive};
	if (offset) {
		argument.value = *offset;
		consume.arguments = (amqp_table_t){1, &argument};
	}
	if (mq_rabbit_rpc(reader->wire, AMQP_BASIC_CONSUME_METHOD, &consume,
	                  AMQP_BASIC_CONSUME_OK_METHOD, source->queue, err))
		return 0;
	source->consumers--;
	return -1;
}

int mq_rabbit_cancel(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                     struct mq_err *err)
{
	for (int i = 0; i < source->consumers; i++) {
		char tag[TAG_TEXT];
		name_consumer(reader, source, i, tag);
		amqp_basic_cancel_t cancel = {.consumer_tag = mq_rabbit_bytes(tag)};
		if (!mq_rabbit_rpc(reader->wire, AMQP_BASIC_CANCEL_METHOD, &cancel,
		                   AMQP_BASIC_CANCEL_OK_METHOD, source->queue, err))
			return -1;
	}
	mq_rabbit_forget_consumers(source);
	return 0;
}

int mq_rabbit_ack(struct mq_rabbit_reader *reader, uint64_t tag, bool multiple, struct mq_err *err)
{
	amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};

	return mq_rabbit_put_method(reader->wire, 1, AMQP_BASIC_ACK_METHOD, &ack, err);
}

int mq_rabbit_credit(struct mq_rabbit_reader *reader, int prefetch, struct mq_err *err)
{
	int64_t half = prefetch / 2, waiting = 0;

	for (size_t i = 0; i < reader->n_sources; i++)
		waiting += reader->sources[i].uncredited;
	if (waiting < (half > 0 ? half : 1) || reader->delivered == 0)
		return 0;
	for (size_t i = 0; i < reader->n_sources; i++)
		reader->sources[i].uncredited = 0;
	if (mq_rabbit_ack(reader, reader->delivered, true, err) < 0)
		return -1;
	return mq_rabbit_wire_send(reader->wire, err);
}

void mq_rabbit_give_back(struct mq_rabbit_reader *reader)
{
	struct mq_rabbit_wire *wire = reader->wire;
	amqp_basic_nack_t nack = {.delivery_tag = reader->delivered, .multiple = 1, .requeue = 1};
	struct mq_err ignored = MQ_ERR_INIT;

	if (!wire || wire->dead || !wire->channel_open)
		return;
	wire->stubborn = true;
	/* From 4.3 on a closed channel counts towards the delivery limit and one nack does not;
	 * before, the nack puts quorum queues out of order and the closed channel does not. */
	bool nacks =
	    wire->version_major > 4 || (wire->version_major == 4 && wire->version_minor >= 3);
	for (size_t i = 0; nacks && i < reader->n_sources; i++)
		if (mq_rabbit_cancel(reader, &reader->sources[i], &ignored) < 0)
			return;
	nack.delivery_tag = reader->delivered;
	if (nacks && reader->delivered > 0 &&
	    mq_rabbit_put_method(wire, 1, AMQP_BASIC_NACK_METHOD, &nack, &ignored) < 0)
		return;
	mq_rabbit_channel_close(wire, &ignored);
}

int mq_rabbit_drop_some(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	reader->head = reader->n;
	mq_rabbit_give_memory_back(reader);
	if (mq_rabbit_serve(reader, SIZE_MAX, err) < 0)
		return -1;
	return mq_rabbit_wire_wait(reader->wire, MQ_RABBIT_IDLE_MS, err) < 0 ? -1 : 0;
}

int mq_rabbit_is_empty(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                       struct mq_err *err)
{
	struct mq_rabbit_depth depth;
	size_t before = reader->n;

	/* What the queue had sent before it answered arrives at the latest before the second
	 * answer. */
	for (int i = 0; i < 2; i++) {
		if (mq_rabbit_depth(reader->wire, source->queue, &depth, err) < 0)
			return -1;
		reader->unheard = 0;
		if (depth.ready > 0)
			return 0;
	}
	return reader->n == before && reader->content.state == MQ_CONTENT_NONE;
}
