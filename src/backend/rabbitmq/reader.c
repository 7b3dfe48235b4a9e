/*
 * Consuming: the connection, deliveries put together and lent. What is asked of the broker and
 * given back to it is the business of the ways of reading: see reader.h.
 */
#include "backend/rabbitmq/reader.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BATCH_BYTES = 8 * 1024 * 1024, /* of bodies in one batch, unless one is larger */
	IDLE_MS = 250, /* silence after which it is asked whether anything can come */
	RETRY_MS = 200,
};
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

static void forget_consumers(struct mq_rabbit_source *source)
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
	forget_consumers(source);
	mq_fail(
	    err, MQ_NOT_FOUND,
	    "queue '%s' was deleted, or moved, while it was read: the broker ended the consumer",
	    source->queue);
	return mq_hint(err, "run it again when the queue is back");
}

static int take_frame(void *ctx, const struct mq_rabbit_frame *frame, struct mq_err *err)
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

/* Takes what has arrived, up to max messages that wait to be lent. */
static int serve(struct mq_rabbit_reader *reader, size_t max, struct mq_err *err)
{
	struct mq_rabbit_frame frame;
	int got = 0;

	while (reader->n - reader->head < max && reader->bytes < BATCH_BYTES &&
	       (got = mq_rabbit_wire_next(reader->wire, &frame, err)) > 0)
		if (take_frame(reader, &frame, err) < 0)
			return -1;
	return got < 0 ? -1 : 0;
}

/* Memory is used again once nothing points to it: what was lent is back, and no delivery is half
 * there. The half one keeps its memory; new ones begin in the other. */
static void give_memory_back(struct mq_rabbit_reader *reader)
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
	forget_consumers(source);
	return 0;
}

int mq_rabbit_ack(struct mq_rabbit_reader *reader, uint64_t tag, bool multiple, struct mq_err *err)
{
	amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};

	return mq_rabbit_put_method(reader->wire, 1, AMQP_BASIC_ACK_METHOD, &ack, err);
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
	give_memory_back(reader);
	if (serve(reader, SIZE_MAX, err) < 0)
		return -1;
	return mq_rabbit_wire_wait(reader->wire, IDLE_MS, err) < 0 ? -1 : 0;
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

/* --- connection ------------------------------------------------------------------------------ */

static int connect_reader(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	mq_rabbit_wire_close(reader->wire);
	reader->wire = NULL;
	if (mq_rabbit_wire_open(reader->conn, &reader->wire, err) < 0)
		return -1;
	reader->wire->on_frame = take_frame;
	reader->wire->ctx = reader;
	reader->content.state = MQ_CONTENT_NONE;
	reader->delivered = 0;
	reader->tags.first = 1;
	reader->tags.n = 0;
	reader->unheard = 0;
	reader->settled = 0; /* what was settled but not acknowledged comes again */
	reader->epoch++;
	return 0;
}

static int begin_all(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	reader->idle_ms = reader->came_ms = mq_now_monotonic_ms();
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		forget_consumers(source);
		/* What it gave, all perhaps, was not acknowledged. */
		if (reader->epoch > 1 && reader->way->holds)
			source->done = false;
		if (!source->done && reader->way->begin(reader, source, err) < 0)
			return -1;
	}
	return 0;
}

/* True for what a new connection may heal. */
static bool may_heal(const struct mq_rabbit_reader *reader, const struct mq_err *err)
{
	if (!reader->way->resumes || !reader->wire)
		return false;
	if (reader->wire->dead)
		return err->retriable;
	/* "delivery acknowledgement on channel 1 timed out" */
	return !reader->wire->channel_open &&
	       reader->wire->closed_code == AMQP_PRECONDITION_FAILED &&
	       strstr(reader->wire->closed_text, "timed out");
}

/* Tries until the broker is back, or has been away for as long as one is tried. */
static int recover(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_env *env = reader->conn->base.env;
	int64_t until = mq_now_monotonic_ms() + env->timeout_ms;
	struct mq_err why = *err;

	if (!may_heal(reader, err))
		return -1;
	mq_log(env, MQ_LEVEL_WARN, "%s; connecting again, messages may come twice", why.message);
	reader->wire->dead = true;
	/* What waits was never lent: it will come again. */
	reader->n = reader->head;
	give_memory_back(reader);
	for (;;) {
		struct mq_err mine = MQ_ERR_INIT;
		if (connect_reader(reader, &mine) == 0 && begin_all(reader, &mine) == 0)
			break;
		int64_t left = until - mq_now_monotonic_ms();
		if (!mine.retriable || left <= 0 || mq_cancel_signal(env->cancel)) {
			*err = mine.retriable || mine.code == MQ_CANCELLED ? why : mine;
			return -1;
		}
		mq_cancel_wait(env->cancel, -1, 0, left < RETRY_MS ? (int)left : RETRY_MS);
	}
	mq_err_clear(err);
	return 0;
}

/* --- fetching -------------------------------------------------------------------------------- */

static bool all_done(const struct mq_rabbit_reader *reader)
{
	for (size_t i = 0; i < reader->n_sources; i++)
		if (!reader->sources[i].done)
			return false;
	return true;
}

static bool all_caught(const struct mq_rabbit_reader *reader)
{
	for (size_t i = 0; i < reader->n_sources; i++)
		if (!reader->sources[i].done && !reader->sources[i].caught)
			return false;
	return true;
}

static int ask_more(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	for (size_t i = 0; reader->way->more && i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (!source->done && reader->way->more(reader, source, err) < 0)
			return -1;
	}
	return 0;
}

static int ask_idle(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (!source->done && reader->way->idle &&
		    reader->way->idle(reader, source, err) < 0)
			return -1;
	}
	reader->idle_ms = mq_now_monotonic_ms();
	return 0;
}

static int check_open(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	if (reader->wire && !reader->wire->dead && reader->wire->channel_open)
		return 0;
	if (reader->wire && reader->wire->dead)
		mq_rabbit_wire_lost(reader->wire, err);
	return mq_fail(err, MQ_UNREACHABLE, "%s: the channel is closed", reader->conn->shown);
}

/* Whether the connection still lives, where nothing more is wanted from it. */
static int watch(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	return check_open(reader, err) < 0 || mq_rabbit_wire_wait(reader->wire, 0, err) < 0
	           ? -1
	           : serve(reader, SIZE_MAX, err);
}

/* Waits until something was put together, all is done, or the time is over. */
static int gather(struct mq_rabbit_reader *reader, size_t max, int64_t until, struct mq_err *err)
{
	for (;;) {
		if (check_open(reader, err) < 0)
			return -1;
		if (serve(reader, max, err) < 0)
			return -1;
		if (reader->head < reader->n || all_done(reader))
			return 0;
		if (ask_more(reader, err) < 0)
			return -1;
		int64_t now = mq_now_monotonic_ms();
		if (now - reader->idle_ms >= IDLE_MS) {
			if (ask_idle(reader, err) < 0)
				return -1;
			if (reader->head < reader->n || all_done(reader))
				return 0;
			now = mq_now_monotonic_ms();
		}
		int64_t idle = reader->idle_ms + IDLE_MS;
		int64_t wait = (until < idle ? until : idle) - now;
		int got = mq_rabbit_wire_wait(reader->wire, wait > 0 ? (int)wait : 0, err);
		if (got < 0)
			return -1;
		if (got == 0 && (mq_now_monotonic_ms() >= until ||
		                 mq_cancel_signal(reader->conn->base.env->cancel)))
			return 0;
	}
}

int mq_rabbit_fetch(struct mq_reader *base, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                    struct mq_err *err)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;
	int64_t until = mq_now_monotonic_ms() + timeout_ms;
	bool again = false;

	/* All done: what waits is still lent, but nothing is asked any more. */
	if (reader->later.code == MQ_OK && reader->head == reader->n) {
		if (!all_done(reader))
			gather(reader, max, until, &reader->later);
		else if (mq_rabbit_take_owes(reader))
			watch(reader, &reader->later);
	}
	if (reader->wire && reader->wire->dead && all_done(reader) && !mq_rabbit_take_owes(reader))
		mq_err_clear(&reader->later); /* nothing more was wanted from it */
	if (reader->later.code != MQ_OK && reader->head == reader->n) {
		struct mq_err mine = reader->later;
		mq_err_clear(&reader->later);
		if (recover(reader, &mine) < 0) {
			*err = mine;
			return -1;
		}
		again = true;
	}
	reader->lent = reader->n - reader->head < max ? reader->n - reader->head : max;
	*ret_batch = (struct mq_batch){
	    .messages = reader->messages + reader->head, .n = reader->lent, .again = again};
	if (reader->head + reader->lent == reader->n) {
		bool whole = reader->later.code == MQ_OK;
		ret_batch->caught_up = whole && all_caught(reader);
		ret_batch->ended = whole && reader->ends && all_done(reader);
	}
	return 0;
}

void mq_rabbit_release(struct mq_reader *base, struct mq_batch *batch)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;
	struct mq_err ignored = MQ_ERR_INIT;

	(void)batch;
	reader->head += reader->lent;
	reader->lent = 0;
	if (reader->way->released && reader->wire && !reader->wire->dead)
		reader->way->released(reader, &ignored);
	give_memory_back(reader);
}

int mq_rabbit_settle(struct mq_reader *base, const struct mq_message *messages, size_t n,
                     struct mq_err *err)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;

	return mq_rabbit_take_settle(reader, messages, n, err);
}

int mq_rabbit_commit(struct mq_reader *base, bool wait, struct mq_err *err)
{
	return mq_rabbit_take_commit((struct mq_rabbit_reader *)base, wait, err);
}

int mq_rabbit_reader_fd(struct mq_reader *base)
{
	const struct mq_rabbit_reader *reader = (const struct mq_rabbit_reader *)base;

	if (!reader->wire || reader->wire->dead || mq_rabbit_wire_unsent(reader->wire) > 0)
		return -1;
	return mq_net_fd(reader->wire->net);
}

/* --- life ------------------------------------------------------------------------------------ */

static void release(struct mq_rabbit_reader *reader)
{
	mq_rabbit_wire_close(reader->wire);
	for (size_t i = 0; i < reader->n_sources; i++) {
		free(reader->sources[i].queue);
		free(reader->sources[i].tapped);
	}
	free(reader->sources);
	free(reader->messages);
	free(reader->tags.states);
	mq_rabbit_memory_release(&reader->memory[0]);
	mq_rabbit_memory_release(&reader->memory[1]);
	free(reader);
}

void mq_rabbit_reader_close(struct mq_reader *base)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;

	if (reader->way && reader->way->finish)
		reader->way->finish(reader);
	release(reader);
}

struct mq_rabbit_source *mq_rabbit_add_source(struct mq_rabbit_reader *reader, const char *queue,
                                              struct mq_err *err)
{
	struct mq_rabbit_source *source =
	    mq_info_grow(&reader->sources, &reader->n_sources, sizeof *source, err);

	if (!source)
		return NULL;
	*source = (struct mq_rabbit_source){.left = -1,
	                                    .bear = -1,
	                                    .next = -1,
	                                    .end = -1,
	                                    .stop = -1,
	                                    .since = MQ_NO_TIME,
	                                    .until = MQ_NO_TIME};
	source->queue = strdup(queue ? queue : "");
	if (source->queue)
		return source;
	mq_fail_memory(err);
	return NULL;
}

static int prepare(struct mq_rabbit_reader *reader, const struct mq_read_spec *spec,
                   struct mq_err *err)
{
	for (size_t i = 0; i < spec->n_streams && !spec->n_ranges; i++) {
		struct mq_rabbit_source *source =
		    mq_rabbit_add_source(reader, spec->streams[i], err);
		if (!source)
			return -1;
		source->from = spec->from;
		source->to = spec->to;
	}
	for (size_t i = 0; i < spec->n_ranges; i++) {
		struct mq_rabbit_source *source =
		    mq_rabbit_add_source(reader, spec->ranges[i].stream, err);
		if (!source)
			return -1;
		source->from = spec->ranges[i].from;
		source->to = spec->ranges[i].to;
	}
	if (connect_reader(reader, err) < 0 ||
	    mq_rabbit_choose(reader, spec->ack, spec->choosy, err) < 0 ||
	    reader->way->prepare(reader, err) < 0)
		return -1;
	return begin_all(reader, err);
}

int mq_rabbit_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                          struct mq_reader **ret_reader, struct mq_err *err)
{
	struct mq_rabbit_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return mq_fail_memory(err);
	reader->base = (struct mq_reader){.conn = conn, .expected = -1};
	reader->conn = (struct mq_rabbit_conn *)conn;
	reader->from = spec->from;
	reader->to = spec->to;
	reader->ranges = spec->n_ranges > 0;
	reader->limit = spec->limit;
	reader->stop_at_end = spec->stop_at_end;
	reader->force = spec->force;
	reader->uncounted = spec->uncounted;
	reader->watch = spec->watch;
	reader->prefetch = spec->prefetch > 0 ? spec->prefetch : spec->window;
	mq_rabbit_memory_init(&reader->memory[0]);
	mq_rabbit_memory_init(&reader->memory[1]);
	if (prepare(reader, spec, err) < 0) {
		release(reader);
		return -1;
	}
	*ret_reader = &reader->base;
	return 0;
}
