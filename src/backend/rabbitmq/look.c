/*
 * Looking without taking: what is in the queue at open is delivered, nothing of it is acknowledged,
 * and the channel is closed, which puts all of it back in its order. Picking is looking, but that
 * some of it is acknowledged.
 *
 * Meanwhile the messages are hidden from others, afterwards they are marked as redelivered, and on
 * quorum queues it counts as a delivery: where that could make the broker drop messages, looking is
 * refused without --force (facts.c).
 */
#include "backend/rabbitmq/reader.h"

enum {
	REACH_FIRST = 1000, /* more messages, doubled each time */
	REACH_TIMES = 20,
	WINDOW = 2000, /* messages that are picked from at first */
};

static int check_positions(const struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_pos *from = &reader->from, *to = &reader->to;

	if (from->kind == MQ_POS_OFFSET || from->kind == MQ_POS_TIME || to->kind == MQ_POS_OFFSET ||
	    to->kind == MQ_POS_TIME) {
		mq_fail(err, MQ_USAGE, "queue '%s' has no offsets and no times to begin or end at",
		        reader->sources[0].queue);
		return mq_hint(err, "--from -N shows the last N, -c N the first N; queues of type "
		                    "stream have offsets and times");
	}
	return 0;
}

static int prepare(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	int64_t expected = 0;

	reader->ends = true;
	if (check_positions(reader, err) < 0)
		return -1;
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		struct mq_rabbit_depth depth;
		if (mq_rabbit_depth(reader->wire, source->queue, &depth, err) < 0)
			return -1;
		source->left = depth.ready;
		if (reader->from.kind == MQ_POS_END)
			source->left = 0;
		else if (reader->from.kind == MQ_POS_LAST && reader->from.number < depth.ready)
			source->skip = depth.ready - reader->from.number;
		if (reader->from.kind == MQ_POS_LAST && reader->from.number == 0)
			source->left = source->skip = 0;
		if (reader->limit >= 0 && reader->limit < source->left - source->skip)
			source->left = source->skip + reader->limit;
		source->done = source->left == 0;
		expected += source->left - source->skip;
	}
	reader->base.expected = expected;
	return 0;
}

/* A consumer gets as many messages as a prefetch can say; without one (0) a quorum queue would give
 * 2000. For more there is another one behind it: see reach_fresh. */
static int begin(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                 struct mq_err *err)
{
	source->asked = source->left < UINT16_MAX ? source->left : UINT16_MAX;
	return mq_rabbit_consume(reader, source, source->asked, false, false, NULL, err);
}

static int more(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                struct mq_err *err)
{
	return source->left > 0 && source->asked <= 0 ? begin(reader, source, err) : 0;
}

/* Each look wears its messages down: before one could be their last it is said. */
static int refuse_worn(const struct mq_rabbit_source *source, int64_t count, struct mq_err *err)
{
	mq_fail(err, MQ_USAGE,
	        "a message in quorum queue '%s' has been delivered %lld times, half of what it may "
	        "be: looking counts too, and the broker could drop it",
	        source->queue, (long long)count);
	return mq_hint(err, "--force looks all the same; 'consume --ack' takes");
}

static int accept(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                  struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	(void)reader;
	(void)tag;
	source->asked--;
	if (source->left == 0)
		return 0;
	source->done = --source->left == 0;
	if (source->bear >= 0 && message->properties &&
	    message->properties->delivery_count >= source->bear)
		return refuse_worn(source, message->properties->delivery_count, err);
	if (source->skip == 0)
		return 1;
	source->skip--;
	return 0;
}

/* Others may have taken what was there. */
static int idle(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                struct mq_err *err)
{
	int64_t asked_ms = mq_now_monotonic_ms();
	int empty = mq_rabbit_is_empty(reader, source, err);

	if (empty > 0)
		source->done = true;
	/* While the broker was at the question it gave no messages. */
	reader->came_ms += mq_now_monotonic_ms() - asked_ms;
	if (empty != 0 ||
	    mq_now_monotonic_ms() - reader->came_ms < reader->conn->base.env->timeout_ms)
		return empty < 0 ? -1 : 0;
	mq_fail(err, MQ_UNREACHABLE,
	        "queue '%s' has messages, but the broker has given none for %d s", source->queue,
	        reader->conn->base.env->timeout_ms / 1000);
	return mq_hint(err, "a queue with a single active consumer gives its messages to nobody "
	                    "else; 'mqtk info' tells who consumes");
}

/*
 * A quorum queue puts what is given back behind what was given back before, and all of that before
 * the rest. So a look at a part of what had been given back would move this part behind the other:
 * then the other is asked for as well, until a message comes that was never delivered before. The
 * consumers' tags are in order, and so is what is given back of each.
 */
static void reach_fresh(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rabbit_depth depth;
	int64_t more = REACH_FIRST;

	for (int i = 0; i < REACH_TIMES && source->returned; i++, more *= 2) {
		if (mq_rabbit_depth(reader->wire, source->queue, &depth, &ignored) < 0 ||
		    depth.ready == 0)
			return;
		more = more < depth.ready ? more : depth.ready;
		more = more < UINT16_MAX ? more : UINT16_MAX;
		uint64_t until = reader->delivered + (uint64_t)more;
		int64_t deadline = mq_now_monotonic_ms() + reader->conn->base.env->timeout_ms;
		if (mq_rabbit_consume(reader, source, more, false, false, NULL, &ignored) < 0)
			return;
		while (reader->delivered < until && mq_now_monotonic_ms() < deadline)
			if (mq_rabbit_drop_some(reader, &ignored) < 0)
				return;
	}
}

static void finish(struct mq_rabbit_reader *reader)
{
	if (!reader->wire || reader->wire->dead || !reader->wire->channel_open)
		return;
	reader->wire->stubborn = true;
	reader->closing = true;
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (source->rotates && source->consumers > 0)
			reach_fresh(reader, source);
	}
	mq_rabbit_give_back(reader);
}

const struct mq_rabbit_way mq_rabbit_look = {
    .prepare = prepare,
    .begin = begin,
    .accept = accept,
    .more = more,
    .idle = idle,
    .finish = finish,
};

/* --- picking --------------------------------------------------------------------------------- */

/* Messages that stay use up what a consumer may hold. Then it is ended, which gives nothing back,
 * and the next one may hold twice as much: a quorum queue keeps no more than 32 of them in order.
 * Only one at a time gets messages, so that what stays lies in order with each. */
static int next_window(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                       struct mq_err *err)
{
	int64_t least = reader->prefetch > 0 ? reader->prefetch : WINDOW;

	if (source->consumers > 0) {
		if (mq_rabbit_cancel(reader, source, err) < 0)
			return -1;
		reader->unheard = 0; /* it answered behind the acknowledgements */
	}
	source->window = source->window > 0 ? source->window * 2 : least;
	if (source->window > UINT16_MAX)
		source->window = UINT16_MAX;
	source->asked = source->window < source->left ? source->window : source->left;
	source->first = reader->delivered + 1;
	return mq_rabbit_consume(reader, source, source->asked, false, false, NULL, err);
}

/* Over a new connection what was not acknowledged comes again: how much that is shows at the end,
 * which is where the queue is empty, or as many as were there at first. */
static int begin_picking(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                         struct mq_err *err)
{
	if (reader->epoch == 1)
		source->there = source->left;
	source->left = source->there;
	source->window = 0;
	return next_window(reader, source, err);
}

static int more_to_pick(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                        struct mq_err *err)
{
	if (reader->settled > 0 && mq_rabbit_take_commit(reader, false, err) < 0)
		return -1;
	return source->left > 0 && source->asked <= 0 ? next_window(reader, source, err) : 0;
}

static int accept_to_pick(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                          struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	if (mq_rabbit_take_remember(reader, tag, err) < 0)
		return -1;
	return accept(reader, source, message, tag, err);
}

/* What was picked is gone before the others are put back. */
static void finish_picking(struct mq_rabbit_reader *reader)
{
	struct mq_err why = MQ_ERR_INIT;

	reader->closing = true;
	if (mq_rabbit_take_commit(reader, true, &why) < 0)
		mq_log(reader->conn->base.env, MQ_LEVEL_WARN, "%s", why.message);
	finish(reader);
}

const struct mq_rabbit_way mq_rabbit_pick = {
    .prepare = prepare,
    .begin = begin_picking,
    .accept = accept_to_pick,
    .more = more_to_pick,
    .idle = idle,
    .finish = finish_picking,
    .resumes = true,
};
