/*
 * How old the oldest unread message of each partition is: the time of the message at the committed
 * position, or of the next one that is still there.
 *
 * One client reads all partitions that lag at once, one message of each, and leaves a partition as
 * soon as that came. Groups that stand at different positions of a partition are read for one after
 * the other. What does not come in time stays unknown, as does a partition where only the marks of
 * transactions are left.
 */
#include "backend/kafka/groups.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET_PERCENT 33 /* of the time-out, at most */

/* When nothing comes for so long the library is woken, for so many partitions at once. */
#define NUDGE_MS 30
#define NUDGE_MAX 100

/* A message whose time is wanted. */
struct wish {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t ts_ms;
};

/* A partition while it is read. */
struct source {
	size_t at, end; /* its wishes; at is the one that is read for */
	rd_kafka_topic_t *rkt;
	bool running;
};

struct reading {
	struct mq_kafka_handle *handle;
	rd_kafka_queue_t *queue;
	struct wish *wishes; /* sorted */
	size_t n;
	struct source *sources; /* in the same order */
	size_t n_sources, n_running;
};

/* --- wishes --------------------------------------------------------------------------------------
 */

static int compare_partitions(const struct wish *x, const struct wish *y)
{
	int by_topic = strcmp(x->topic, y->topic);

	return by_topic ? by_topic : (x->partition > y->partition) - (x->partition < y->partition);
}

static int compare_wishes(const void *a, const void *b)
{
	const struct wish *x = a;
	const struct wish *y = b;
	int by_partition = compare_partitions(x, y);

	return by_partition ? by_partition : (x->offset > y->offset) - (x->offset < y->offset);
}

/* What is wanted for a place; false: nothing. */
static bool wish_of(const struct mq_place *place, struct wish *ret)
{
	if (place->lag <= 0 || place->committed < 0 || place->begin >= place->end)
		return false;
	*ret = (struct wish){.topic = place->stream,
	                     .partition = place->partition,
	                     .offset =
	                         place->committed > place->begin ? place->committed : place->begin,
	                     .ts_ms = MQ_NO_TIME};
	return true;
}

static int collect(const struct mq_kafka_look *look, struct reading *reading, struct mq_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < look->list->n; i++) {
		const struct mq_group_info *info = &look->list->items[i];
		for (size_t j = 0; j < info->n_places; j++) {
			struct wish wish;
			if (!wish_of(&info->places[j], &wish))
				continue;
			struct wish *place = mq_info_grow(&reading->wishes, &reading->n,
			                                  sizeof *reading->wishes, err);
			if (!place)
				return -1;
			*place = wish;
		}
	}
	if (reading->n == 0)
		return 0;
	qsort(reading->wishes, reading->n, sizeof *reading->wishes, compare_wishes);
	for (size_t i = 0; i < reading->n; i++)
		if (kept == 0 ||
		    compare_wishes(&reading->wishes[kept - 1], &reading->wishes[i]) != 0)
			reading->wishes[kept++] = reading->wishes[i];
	reading->n = kept;
	for (size_t i = 0; i < kept; i++) {
		struct wish *wish = &reading->wishes[i];
		if (i == 0 || compare_partitions(wish - 1, wish) != 0) {
			struct source *source = mq_info_grow(&reading->sources, &reading->n_sources,
			                                     sizeof *reading->sources, err);
			if (!source)
				return -1;
			source->at = i;
		}
		reading->sources[reading->n_sources - 1].end = i + 1;
	}
	return 0;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static int open_client(struct mq_kafka_look *look, struct reading *reading, struct mq_err *err)
{
	/* As little as possible is fetched; a batch that is larger still comes. */
	static const char *const extra[] = {"fetch.wait.max.ms",
	                                    "20",
	                                    "fetch.message.max.bytes",
	                                    "65536",
	                                    "queued.min.messages",
	                                    "1",
	                                    "queued.max.messages.kbytes",
	                                    "64",
	                                    "fetch.error.backoff.ms",
	                                    "50",
	                                    NULL};
	rd_kafka_conf_t *conf = mq_kafka_conf(look->conn, MQ_KAFKA_CONSUMER, extra, err);

	if (!conf)
		return -1;
	if (mq_kafka_conf_set(conf, "enable.partition.eof", "true", err) < 0 ||
	    mq_kafka_conf_set(conf, "auto.offset.reset", "error", err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	if (mq_kafka_handle_new(look->conn, conf, MQ_KAFKA_CONSUMER, NULL, &reading->handle, err) <
	    0)
		return -1;
	reading->queue = rd_kafka_queue_new(reading->handle->rk);
	mq_kafka_handle_watch(reading->handle, reading->queue);
	/* A topic is asked for when it is first named, by whom is connected then; the next time is
	 * a second later. */
	return mq_kafka_reach(reading->handle, reading->wishes[0].topic, err);
}

static void stop_source(struct reading *reading, struct source *source)
{
	if (!source->running)
		return;
	rd_kafka_consume_stop(source->rkt, reading->wishes[source->at].partition);
	source->running = false;
	reading->n_running--;
}

/* Reads for its current wish. */
static void start_source(struct reading *reading, struct source *source)
{
	const struct wish *wish = &reading->wishes[source->at];

	if (!source->rkt)
		source->rkt = rd_kafka_topic_new(reading->handle->rk, wish->topic, NULL);
	if (!source->rkt || rd_kafka_consume_start_queue(source->rkt, wish->partition, wish->offset,
	                                                 reading->queue) < 0)
		return;
	source->running = true;
	reading->n_running++;
}

static struct source *find_source(struct reading *reading, const char *topic, int32_t partition)
{
	struct wish key = {.topic = topic, .partition = partition};
	size_t low = 0, high = reading->n_sources;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct source *source = &reading->sources[middle];
		int order = compare_partitions(&reading->wishes[source->end - 1], &key);
		if (order == 0)
			return &reading->sources[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A message, the end of a partition, or an error: in each case the partition's wish is done. */
static void take(struct reading *reading, const rd_kafka_message_t *rkm)
{
	struct source *source =
	    rkm->rkt ? find_source(reading, rd_kafka_topic_name(rkm->rkt), rkm->partition) : NULL;
	rd_kafka_timestamp_type_t type;

	if (!source || !source->running)
		return;
	struct wish *wish = &reading->wishes[source->at];
	if (!rkm->err && rkm->offset < wish->offset)
		return;
	if (!rkm->err) {
		int64_t ts = rd_kafka_message_timestamp(rkm, &type);
		if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ts >= 0)
			wish->ts_ms = ts;
	}
	stop_source(reading, source);
	if (++source->at < source->end)
		start_source(reading, source);
}

/* The library's threads before version 2.2 may sleep for a second although a partition is to be
 * read: any request to its leader wakes them. */
static void nudge(struct reading *reading)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(NUDGE_MAX);

	for (size_t i = 0; i < reading->n_sources && list->cnt < NUDGE_MAX; i++) {
		const struct wish *wish = &reading->wishes[reading->sources[i].end - 1];
		if (reading->sources[i].running)
			rd_kafka_topic_partition_list_add(list, wish->topic, wish->partition);
	}
	if (list->cnt > 0)
		mq_kafka_nudge(reading->handle, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static int read_all(struct reading *reading, int64_t end, struct mq_err *err)
{
	const struct mq_cancel *cancel = reading->handle->env->cancel;

	for (size_t i = 0; i < reading->n_sources; i++)
		start_source(reading, &reading->sources[i]);
	while (reading->n_running > 0) {
		mq_kafka_handle_drain(reading->handle);
		rd_kafka_poll(reading->handle->rk, 0);
		bool any = false;
		for (rd_kafka_message_t *rkm;
		     (rkm = rd_kafka_consume_queue(reading->queue, 0)) != NULL;) {
			take(reading, rkm);
			rd_kafka_message_destroy(rkm);
			any = true;
		}
		int64_t left = end - mq_now_monotonic_ms();
		if (mq_cancel_signal(cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while reading for ages");
		if (left <= 0)
			return 0;
		if (any)
			continue;
		int wait = left < NUDGE_MS ? (int)left : NUDGE_MS;
		if (!mq_cancel_wait(cancel, reading->handle->wake[0], POLLIN, wait))
			nudge(reading);
	}
	return 0;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static void release_reading(struct reading *reading)
{
	for (size_t i = 0; i < reading->n_sources; i++) {
		struct source *source = &reading->sources[i];
		stop_source(reading, source);
		if (source->rkt)
			rd_kafka_topic_destroy(source->rkt);
	}
	free(reading->sources);
	free(reading->wishes);
	if (reading->queue) {
		rd_kafka_queue_io_event_enable(reading->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(reading->queue);
	}
	mq_kafka_handle_free(reading->handle);
}

static void fill(struct mq_kafka_look *look, const struct reading *reading)
{
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_group_info *info = &look->list->items[i];
		for (size_t j = 0; j < info->n_places; j++) {
			struct wish key;
			if (!wish_of(&info->places[j], &key))
				continue;
			const struct wish *wish = bsearch(&key, reading->wishes, reading->n,
			                                  sizeof *reading->wishes, compare_wishes);
			if (wish)
				info->places[j].unread_ts_ms = wish->ts_ms;
		}
	}
}

int mq_kafka_places_ages(struct mq_kafka_look *look, struct mq_err *err)
{
	struct reading reading = {0};
	struct mq_err mine = MQ_ERR_INIT;
	int budget = look->timeout_ms * BUDGET_PERCENT / 100;
	int left = mq_kafka_look_left(look, 100);
	int rc = collect(look, &reading, err);

	if (budget > left)
		budget = left;
	int64_t end = mq_now_monotonic_ms() + budget;
	if (rc < 0 || reading.n == 0)
		goto out;
	/* That no age is known is no reason to tell nothing else. */
	if (open_client(look, &reading, &mine) < 0 || read_all(&reading, end, &mine) < 0)
		mq_log(look->handle->env, MQ_LEVEL_VERBOSE, "ages: %s", mine.message);
	fill(look, &reading);
	if (mine.code == MQ_CANCELLED) {
		*err = mine;
		rc = -1;
	}
out:
	release_reading(&reading);
	return rc;
}
