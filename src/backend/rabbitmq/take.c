/*
 * Taking (--ack): messages are acknowledged after the output has them.
 *
 * Acknowledgements are sent for many at once, every half prefetch and at commit. With a limit or an
 * end no more is asked for than is wanted: what an acknowledgement would make the broker send
 * beyond that is held back until the consumer is ended.
 */
#include "backend/rabbitmq/reader.h"

#include <stdlib.h>

enum {
	PREFETCH = 1000,
	TAG_BITS = 48,
	STEPS_PER_MS = 1000, /* of looking for a delivery; brokers make some ten thousand */
};

static bool bounded(const struct mq_rabbit_source *source)
{
	return source->left >= 0;
}

static int64_t prefetch_of(const struct mq_rabbit_reader *reader,
                           const struct mq_rabbit_source *source)
{
	int64_t most = reader->prefetch > 0 ? reader->prefetch : PREFETCH;

	return bounded(source) && source->left < most ? source->left : most;
}

static int prepare(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	int64_t expected = 0;

	if ((reader->from.kind != MQ_POS_UNSET && reader->from.kind != MQ_POS_BEGINNING) ||
	    (reader->to.kind != MQ_POS_UNSET && reader->to.kind != MQ_POS_END)) {
		mq_fail(err, MQ_USAGE,
		        "--ack takes a queue's messages from its beginning; --from "
		        "and --to are for looking");
		return mq_hint(err, "-c N takes the first N");
	}
	reader->stop_at_end = reader->stop_at_end || reader->to.kind == MQ_POS_END;
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		struct mq_rabbit_depth depth;
		if (mq_rabbit_depth(reader->wire, source->queue, &depth, err) < 0)
			return -1;
		expected += depth.ready;
		source->ahead = source->there = depth.ready;
		source->caught = depth.ready == 0;
		if (reader->stop_at_end)
			source->left = depth.ready;
		/* With several queues the limit is shared: each might give it all. */
		if (reader->limit >= 0 && (source->left < 0 || reader->limit < source->left))
			source->left = reader->limit;
		source->done = source->left == 0;
	}
	reader->base.expected = expected;
	return 0;
}

static int begin(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                 struct mq_err *err)
{
	/* Over a new connection some come again that were counted before, up to all of them: the
	 * end is then where the queue is empty, or where the caller has what it wants. */
	if (reader->epoch > 1) {
		source->ahead = source->there;
		if (reader->stop_at_end)
			source->left = source->there;
		if (reader->limit >= 0 && (!reader->stop_at_end || reader->limit < source->left))
			source->left = reader->limit;
		source->done = source->left == 0;
		if (reader->stop_at_end)
			source->caught = source->done;
		if (source->done)
			return 0;
	}
	return mq_rabbit_consume(reader, source, prefetch_of(reader, source), false, false, NULL,
	                         err);
}

int mq_rabbit_take_remember(struct mq_rabbit_reader *reader, uint64_t tag, struct mq_err *err)
{
	struct mq_rabbit_tags *tags = &reader->tags;
	size_t at = (size_t)(tag - tags->first);

	if (at >= tags->cap) {
		size_t cap = (at + 1) * 2;
		uint8_t *states = realloc(tags->states, cap);
		if (!states)
			return mq_fail_memory(err);
		tags->states = states;
		tags->cap = cap;
	}
	while (tags->n <= at)
		tags->states[tags->n++] = 0;
	return 0;
}

static int accept(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                  struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	(void)message;
	if (mq_rabbit_take_remember(reader, tag, err) < 0)
		return -1;
	if (bounded(source) && source->left == 0)
		return 0;
	source->caught = source->caught || --source->ahead <= 0;
	if (!bounded(source))
		return 1;
	source->done = --source->left == 0;
	return 1;
}

static int idle(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                struct mq_err *err)
{
	if (source->caught && !reader->stop_at_end)
		return 0;
	int empty = mq_rabbit_is_empty(reader, source, err);
	if (empty > 0) {
		source->caught = true;
		source->done = reader->stop_at_end;
	}
	return empty < 0 ? -1 : 0;
}

/* Acknowledges what is settled: all up to the first gap at once, the others one by one. The broker
 * looks for each of those among all that were delivered before it: that may take it long. */
static int acknowledge(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	struct mq_rabbit_tags *tags = &reader->tags;
	int64_t before = 0, steps = 0;
	size_t whole = 0, last = 0;

	/* The broker wants the last one to be one that it waits for. */
	for (; whole < tags->n && tags->states[whole]; whole++)
		if (tags->states[whole] == 1)
			last = whole + 1;
	if (last > 0 && mq_rabbit_ack(reader, tags->first + last - 1, true, err) < 0)
		return -1;
	if (whole > 0) {
		memmove(tags->states, tags->states + whole, tags->n - whole);
		tags->n -= whole;
		tags->first += whole;
	}
	for (size_t i = 0; i < tags->n; i++) {
		before += tags->states[i] == 0;
		if (tags->states[i] != 1)
			continue;
		if (mq_rabbit_ack(reader, tags->first + i, false, err) < 0)
			return -1;
		steps += before;
		tags->states[i] = 2; /* counts as settled, and is not acknowledged again */
	}
	reader->unheard += reader->settled;
	reader->settled = 0;
	reader->wire->slack_ms += steps / STEPS_PER_MS;
	return mq_rabbit_wire_send(reader->wire, err);
}

/* True when an acknowledgement would make the broker send more than is wanted. */
static bool must_hold(const struct mq_rabbit_reader *reader)
{
	for (size_t i = 0; reader->way->holds && i < reader->n_sources; i++) {
		const struct mq_rabbit_source *source = &reader->sources[i];
		if (source->consumers && bounded(source) &&
		    source->left < prefetch_of(reader, source) + reader->settled)
			return true;
	}
	return false;
}

/* Ends the consumers that would get too much, acknowledges, and begins again for what is left. */
static int acknowledge_held(struct mq_rabbit_reader *reader, bool again, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_sources; i++)
		if (bounded(&reader->sources[i]) &&
		    mq_rabbit_cancel(reader, &reader->sources[i], err) < 0)
			return -1;
	if (acknowledge(reader, err) < 0)
		return -1;
	for (size_t i = 0; again && i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (!source->done && !source->consumers &&
		    mq_rabbit_consume(reader, source, prefetch_of(reader, source), false, false,
		                      NULL, err) < 0)
			return -1;
	}
	return 0;
}

uint64_t mq_rabbit_receipt(const struct mq_rabbit_reader *reader, uint64_t tag)
{
	return reader->epoch << TAG_BITS | (tag & (((uint64_t)1 << TAG_BITS) - 1));
}

/* The state of a delivery that was not acknowledged yet; NULL when it came over another connection
 * (it comes again) or is done with. */
static uint8_t *state_of(struct mq_rabbit_reader *reader, const struct mq_message *message,
                         uint64_t tag)
{
	struct mq_rabbit_tags *tags = &reader->tags;

	if (message->receipt != mq_rabbit_receipt(reader, tag) || tag < tags->first ||
	    tag - tags->first >= tags->n || tags->states[tag - tags->first])
		return NULL;
	return &tags->states[tag - tags->first];
}

bool mq_rabbit_take_owes(const struct mq_rabbit_reader *reader)
{
	if (reader->way != &mq_rabbit_take)
		return false;
	return reader->settled > 0 || reader->unheard > 0 ||
	       (reader->tags.n > 0 && memchr(reader->tags.states, 0, reader->tags.n));
}

/* What came over another connection comes again. */
bool mq_rabbit_owns(struct mq_reader *base, const struct mq_message *message)
{
	const struct mq_rabbit_reader *reader = (const struct mq_rabbit_reader *)base;

	return message->receipt >> TAG_BITS == reader->epoch;
}

int mq_rabbit_take_settle(struct mq_rabbit_reader *reader, const struct mq_message *messages,
                          size_t n, struct mq_err *err)
{
	int64_t half = (reader->prefetch > 0 ? reader->prefetch : PREFETCH) / 2;
	struct mq_err mine = MQ_ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		uint64_t tag = messages[i].receipt & (((uint64_t)1 << TAG_BITS) - 1);
		uint8_t *state = state_of(reader, &messages[i], tag);
		if (!state)
			continue;
		*state = 1;
		reader->settled++;
		/* Of several queues it is not known whose it was: then too little is counted. */
		if (reader->n_sources == 1 && tag >= reader->sources[0].first)
			reader->sources[0].asked++;
	}
	if (reader->settled <= half || must_hold(reader) || !reader->wire || reader->wire->dead)
		return 0;
	/* A lost connection is found out, and healed, by the next fetch. */
	if (acknowledge(reader, &mine) < 0 && !reader->wire->dead) {
		*err = mine;
		return -1;
	}
	return 0;
}

int mq_rabbit_take_commit(struct mq_rabbit_reader *reader, bool wait, struct mq_err *err)
{
	struct mq_err mine = MQ_ERR_INIT;
	amqp_basic_qos_t qos = {.prefetch_count = 1};
	int result = 0;

	if (reader->settled == 0 && !wait)
		return 0;
	bool open = reader->wire && !reader->wire->dead && reader->wire->channel_open;
	int64_t unsure = reader->settled + reader->unheard;
	if (open) {
		reader->wire->stubborn = true;
		if (must_hold(reader))
			result = acknowledge_held(reader, !wait, &mine);
		else
			result = acknowledge(reader, &mine);
		/* An answer to anything says that the acknowledgements before it were read. */
		if (result == 0 && wait && unsure > 0) {
			if (mq_rabbit_rpc(reader->wire, AMQP_BASIC_QOS_METHOD, &qos,
			                  AMQP_BASIC_QOS_OK_METHOD, reader->conn->shown, &mine))
				reader->unheard = 0;
			else
				result = -1;
		}
		reader->wire->stubborn = false;
	}
	if (wait && unsure > 0 && (!open || result < 0)) {
		if (mine.code == MQ_OK)
			mq_fail(&mine, MQ_UNREACHABLE, "%s: the connection is lost",
			        reader->conn->shown);
		mq_fail(err, mine.code,
		        "up to %lld messages were handled but not acknowledged, and may come "
		        "again: %s",
		        (long long)unsure, mine.message);
		reader->settled = reader->unheard = 0; /* said once */
		return -1;
	}
	return 0;
}

const struct mq_rabbit_way mq_rabbit_take = {
    .prepare = prepare,
    .begin = begin,
    .accept = accept,
    .idle = idle,
    .finish = mq_rabbit_give_back,
    .resumes = true,
    .holds = true,
};
