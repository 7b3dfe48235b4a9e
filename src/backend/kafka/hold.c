/*
 * What the library has to be told so that it fetches neither too little nor too much.
 *
 * A member whose caller takes nothing for now, as its programs have enough to do: it stays a member
 * all the same. That takes a call to the library now and then, which is also where rebalances
 * happen; but such a call hands over messages. So after a while the partitions are paused (which
 * makes the library forget what it has fetched), and what comes nevertheless is dropped and asked
 * for again.
 */
#include "backend/kafka/reader.h"

/* Before that, nothing is done at all: most callers are back at once. Far less than the shortest
 * max.poll.interval.ms. */
#define FULL_MS 1000

enum { SOME = 64 };

/* The library keeps a partition paused also when it is taken away and given back. */
static void set_paused(struct mq_kafka_reader *reader, bool paused)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		/* What has reached its end stays as it is. */
		if (!part->active || part->next >= part->stop || (!paused && !part->paused))
			continue;
		rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
		part->paused = paused;
	}
	if (list->cnt > 0 && paused)
		rd_kafka_pause_partitions(reader->handle->rk, list);
	else if (list->cnt > 0)
		rd_kafka_resume_partitions(reader->handle->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

int mq_kafka_hold(struct mq_kafka_reader *reader, struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();
	size_t rebalances = reader->rebalances;

	mq_kafka_group_serve(reader, 0);
	if (!reader->full_ms)
		reader->full_ms = now;
	if (now - reader->full_ms < FULL_MS)
		return 0;
	if (mq_kafka_reserve(reader, SOME, err) < 0)
		return -1;
	if (!reader->holding)
		set_paused(reader, true);
	reader->holding = true;
	for (size_t i = 0; i < reader->n_parts; i++)
		reader->parts[i]->fresh = reader->parts[i]->active; /* what comes is dropped */
	ssize_t n = rd_kafka_consume_batch_queue(reader->queue, 0, reader->raw, SOME);
	if (n > 0 && mq_kafka_sort_out(reader, (size_t)n, err) < 0)
		return -1;
	if (rebalances != reader->rebalances)
		set_paused(reader, true);
	mq_kafka_after_rebalance(reader, &reader->failed);
	if (reader->failed.code == MQ_OK)
		return 0;
	*err = reader->failed;
	return -1;
}

void mq_kafka_unhold(struct mq_kafka_reader *reader)
{
	reader->full_ms = 0;
	if (reader->holding)
		set_paused(reader, false);
	reader->holding = false;
}

void mq_kafka_hold_rebalanced(struct mq_kafka_reader *reader)
{
	if (!reader->holding)
		set_paused(reader, false);
}

/*
 * The library stops fetching when its queue is full, and librdkafka before 2.2 then looks again
 * only once a second: a reader that empties the queue faster would stall. Any request to a
 * partition's leader wakes the thread that fetches from there, so one is made whenever a queue
 * that was full has been emptied by half. Later versions have a property for it.
 */
void mq_kafka_keep_filled(struct mq_kafka_reader *reader, const rd_kafka_message_t *some)
{
	size_t length = rd_kafka_queue_length(reader->queue);
	size_t each = some ? some->len + some->key_len + 1 : 1;
	size_t limit = reader->limit_bytes / each;

	if (limit > reader->limit_count)
		limit = reader->limit_count;
	if (length >= limit / 4 * 3) {
		reader->was_full = true;
	} else if (reader->was_full && length <= limit / 2) {
		reader->was_full = false;
		rd_kafka_topic_partition_list_t *list =
		    rd_kafka_topic_partition_list_new((int)reader->n_parts);
		for (size_t i = 0; i < reader->n_parts; i++)
			if (reader->parts[i]->active &&
			    reader->parts[i]->next < reader->parts[i]->stop)
				rd_kafka_topic_partition_list_add(list, reader->parts[i]->topic,
				                                  reader->parts[i]->partition);
		if (list->cnt > 0)
			mq_kafka_nudge(reader->handle, list);
		rd_kafka_topic_partition_list_destroy(list);
	}
}
