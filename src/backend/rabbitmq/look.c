/*
 * Looking without taking: what is in the queue at open is delivered, nothing of it is acknowledged,
 * and the channel is closed, which puts all of it back in its order.
 *
 * Meanwhile the messages are hidden from others, afterwards they are marked as redelivered, and on
 * quorum queues it counts as a delivery: where that could make the broker drop messages, looking is
 * refused without --force (facts.c).
 */
#include "backend/rabbitmq/reader.h"

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

int mq_rabbit_look_prepare(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	int64_t expected = 0;

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

static int begin(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                 struct mq_err *err)
{
	return mq_rabbit_consume(reader, source, source->left, false, false, NULL, err);
}

static int accept(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                  struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	(void)reader;
	(void)message;
	(void)tag;
	(void)err;
	if (source->left == 0)
		return 0;
	source->done = --source->left == 0;
	if (source->skip == 0)
		return 1;
	source->skip--;
	return 0;
}

/* Others may have taken what was there. */
static int idle(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                struct mq_err *err)
{
	int empty = mq_rabbit_is_empty(reader, source, err);

	if (empty > 0)
		source->done = true;
	return empty < 0 ? -1 : 0;
}

const struct mq_rabbit_way mq_rabbit_look = {
    .begin = begin,
    .accept = accept,
    .idle = idle,
    .finish = mq_rabbit_give_back,
    .ends = true,
};
