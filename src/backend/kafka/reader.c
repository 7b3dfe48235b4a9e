/*
 * Consuming: one queue for all partitions, read in batches, lent to the caller without copying.
 *
 * Without a group the library's simple consumer is used: it joins nothing and asks no coordinator,
 * so that looking leaves no trace on the broker. With one, see group.c. The end is a matter of
 * position: a message or the library's end-of-partition event tells how far a partition was read,
 * so that the gaps of compaction and transactions do not matter.
 */
#include "backend/kafka/reader.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 5000     /* messages lent at once, at most */
#define WITHOUT_MS 3000    /* a member that has no partition for so long has reached the end */
#define LOOK_MS 30000      /* how often new partitions and topics are looked for */
#define LOOK_MISSED_MS 500 /* the same while a topic is missed */

/* --- opening -----------------------------------------------------------------------------------
 */

static int copy_ranges(struct mq_kafka_reader *reader, const struct mq_read_spec *spec,
                       struct mq_err *err)
{
	if (spec->n_ranges == 0)
		return 0;
	reader->ranges = calloc(spec->n_ranges, sizeof *reader->ranges);
	if (!reader->ranges)
		return mq_fail_memory(err);
	for (; reader->n_ranges < spec->n_ranges; reader->n_ranges++) {
		struct mq_range *range = &reader->ranges[reader->n_ranges];
		char *stream = strdup(spec->ranges[reader->n_ranges].stream);
		if (!stream)
			return mq_fail_memory(err);
		*range = spec->ranges[reader->n_ranges];
		range->stream = stream;
	}
	return 0;
}

static int copy_spec(struct mq_kafka_reader *reader, const struct mq_read_spec *spec,
                     struct mq_err *err)
{
	reader->need = spec->need;
	reader->from = spec->from;
	reader->from_always = spec->from_always && spec->from.kind != MQ_POS_UNSET;
	reader->to = spec->to;
	reader->group = spec->group != NULL;
	reader->stop_at_end = reader->group && spec->stop_at_end;
	reader->streams = calloc(spec->n_streams, sizeof *reader->streams);
	if (!reader->streams)
		return mq_fail_memory(err);
	for (; reader->n_streams < spec->n_streams; reader->n_streams++) {
		char *copy = strdup(spec->streams[reader->n_streams]);
		if (!copy)
			return mq_fail_memory(err);
		reader->streams[reader->n_streams] = copy;
	}
	if (spec->n_partitions > 0) {
		reader->wanted = calloc(spec->n_partitions, sizeof *reader->wanted);
		if (!reader->wanted)
			return mq_fail_memory(err);
		memcpy(reader->wanted, spec->partitions,
		       spec->n_partitions * sizeof *reader->wanted);
		reader->n_wanted = spec->n_partitions;
	}
	return copy_ranges(reader, spec, err);
}

static int check_position(const struct mq_pos *pos, struct mq_err *err)
{
	return pos->kind == MQ_POS_ID
	           ? mq_fail(err, MQ_USAGE, "'%s' is no position in Kafka: use an offset or a time",
	                     pos->text)
	           : 0;
}

static int check_ranges(const struct mq_read_spec *spec, struct mq_err *err)
{
	if (spec->n_ranges > 0 && (spec->group || spec->n_partitions > 0))
		return mq_fail(err, MQ_INTERNAL, "ranges with a group or with partitions");
	for (size_t i = 0; i < spec->n_ranges; i++) {
		const struct mq_range *range = &spec->ranges[i];
		if (check_position(&range->from, err) < 0 || check_position(&range->to, err) < 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (range->partition == spec->ranges[j].partition &&
			    strcmp(range->stream, spec->ranges[j].stream) == 0)
				return mq_fail(err, MQ_USAGE, "two ranges for %s[%d]",
				               range->stream, (int)range->partition);
	}
	return 0;
}

static int check_spec(const struct mq_read_spec *spec, struct mq_err *err)
{
	if (spec->group && spec->n_partitions > 0) {
		mq_fail(err, MQ_USAGE,
		        "a member of a group cannot choose partitions: Kafka assigns them");
		return mq_hint(err, "leave out --partition, or --group");
	}
	if (spec->ack)
		return mq_fail(err, MQ_USAGE, "Kafka has no acks of single messages; use --group");
	if (!spec->group && spec->from.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "a stored position needs --group");
	if (check_position(&spec->from, err) < 0 || check_position(&spec->to, err) < 0)
		return -1;
	return check_ranges(spec, err);
}

/* Begins to read the partitions of the list, whose places are known. */
static int start(struct mq_kafka_reader *reader, const rd_kafka_topic_partition_list_t *list,
                 struct mq_err *err)
{
	for (int i = 0; i < list->cnt; i++) {
		struct mq_kafka_part *part =
		    mq_kafka_part_find(reader, list->elems[i].topic, list->elems[i].partition);
		part->active = true;
		/* What has ended before it began is not read at all. */
		if (part->next >= part->stop)
			continue;
		/* Behind the end there is nothing to ask for yet: wait there, and leave out what
		 * comes before the place. */
		int64_t offset = part->next > part->end ? part->end : part->next;
		part->rkt = rd_kafka_topic_new(reader->handle->rk, part->topic, NULL);
		if (!part->rkt || rd_kafka_consume_start_queue(part->rkt, part->partition, offset,
		                                               reader->queue) < 0)
			return mq_kafka_fail(err, rd_kafka_last_error(), "%s[%d]", part->topic,
			                     (int)part->partition);
	}
	reader->settled_down = true;
	mq_kafka_parts_count(reader);
	return 0;
}

static int open_plain(struct mq_kafka_reader *reader, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = mq_kafka_parts_list(reader, false, err);
	int rc = -1;

	if (!list)
		return -1;
	if (mq_kafka_parts_place(reader, list, &reader->from, NULL, err) < 0)
		goto out;
	reader->queue = rd_kafka_queue_new(reader->handle->rk);
	mq_kafka_handle_watch(reader->handle, reader->queue);
	rd_kafka_queue_forward(reader->handle->events, reader->queue);
	rc = start(reader, list, err);
	reader->looked_ms = mq_now_monotonic_ms();
out:
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

static size_t conf_number(const struct mq_kafka_reader *reader, const char *name)
{
	char text[32];
	size_t size = sizeof text;
	int64_t value = 0;

	if (rd_kafka_conf_get(rd_kafka_conf(reader->handle->rk), name, text, &size) ==
	    RD_KAFKA_CONF_OK)
		mq_int_parse(text, 0, INT32_MAX, &value, NULL);
	return (size_t)value;
}

int mq_kafka_reader_open(struct mq_conn *base, const struct mq_read_spec *spec,
                         struct mq_reader **ret_reader, struct mq_err *err)
{
	struct mq_kafka_conn *conn = (struct mq_kafka_conn *)base;

	if (check_spec(spec, err) < 0)
		return -1;
	struct mq_kafka_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return mq_fail_memory(err);
	reader->base.conn = base;
	if (copy_spec(reader, spec, err) < 0)
		goto fail;
	rd_kafka_conf_t *conf = mq_kafka_conf(conn, MQ_KAFKA_CONSUMER, NULL, err);
	if (!conf)
		goto fail;
	/* These carry the promises that nothing is committed unasked and no end is missed. */
	if (mq_kafka_conf_set(conf, "enable.auto.commit", "false", err) < 0 ||
	    mq_kafka_conf_set(conf, "enable.auto.offset.store", "false", err) < 0 ||
	    mq_kafka_conf_set(conf, "enable.partition.eof", "true", err) < 0 ||
	    mq_kafka_conf_set(conf, "auto.offset.reset", "error", err) < 0 ||
	    (spec->group && mq_kafka_group_conf(conf, spec, err) < 0)) {
		rd_kafka_conf_destroy(conf);
		goto fail;
	}
	reader->fills_itself =
	    rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0) == RD_KAFKA_CONF_OK;
	if (mq_kafka_handle_new(conn, conf, MQ_KAFKA_CONSUMER, reader, &reader->handle, err) < 0)
		goto fail;
	reader->limit_count = conf_number(reader, "queued.min.messages");
	reader->limit_bytes = conf_number(reader, "queued.max.messages.kbytes") * 1000;
	if ((spec->group ? mq_kafka_group_join(reader, err) : open_plain(reader, err)) < 0)
		goto fail;
	pthread_mutex_lock(&reader->handle->lock);
	reader->handle->quiet = false;
	pthread_mutex_unlock(&reader->handle->lock);
	*ret_reader = &reader->base;
	return 0;
fail:
	mq_kafka_reader_close(&reader->base);
	return -1;
}

/* --- messages ----------------------------------------------------------------------------------
 */

int mq_kafka_reserve(struct mq_kafka_reader *reader, size_t n, struct mq_err *err)
{
	if (n <= reader->cap)
		return 0;
	rd_kafka_message_t **raw = realloc(reader->raw, n * sizeof(rd_kafka_message_t *));
	if (!raw)
		return mq_fail_memory(err);
	reader->raw = raw;
	struct mq_message *messages = realloc(reader->messages, n * sizeof *messages);
	if (!messages)
		return mq_fail_memory(err);
	reader->messages = messages;
	reader->cap = n;
	return 0;
}

static struct mq_kafka_part *part_of(struct mq_kafka_reader *reader, const rd_kafka_message_t *rkm)
{
	if (rkm->rkt == reader->last_rkt && reader->last &&
	    reader->last->partition == rkm->partition)
		return reader->last;
	if (!rkm->rkt)
		return NULL;
	reader->last_rkt = rkm->rkt;
	reader->last = mq_kafka_part_find(reader, rd_kafka_topic_name(rkm->rkt), rkm->partition);
	return reader->last;
}

static void convert(const struct mq_kafka_reader *reader, const struct mq_kafka_part *part,
                    const rd_kafka_message_t *rkm, struct mq_message *message)
{
	*message = (struct mq_message){
	    .stream = {part->topic, part->topic_len},
	    .key = {rkm->key, rkm->key_len},
	    .payload = {rkm->payload, rkm->len},
	    .offset = rkm->offset,
	    .partition = rkm->partition,
	    .ts_ms = MQ_NO_TIME,
	    .broker = -1,
	};
	if (reader->need & MQ_NEED_TIME) {
		rd_kafka_timestamp_type_t type;
		int64_t ts = rd_kafka_message_timestamp(rkm, &type);
		if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ts >= 0) {
			message->ts_ms = ts;
			message->ts_type =
			    type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? MQ_TS_CREATE : MQ_TS_APPEND;
		}
	}
	if (reader->need & MQ_NEED_BROKER)
		message->broker = rd_kafka_message_broker_id(rkm);
}

/* An error or an event in the place of a message. */
static int on_event(struct mq_kafka_reader *reader, const rd_kafka_message_t *rkm,
                    struct mq_err *err)
{
	const struct mq_env *env = reader->base.conn->env;
	struct mq_kafka_part *part = part_of(reader, rkm);
	const char *words = rd_kafka_message_errstr(rkm);

	switch (rkm->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		if (part && part->active && !part->fresh && rkm->offset > part->next)
			part->next = rkm->offset;
		if (part && part->active)
			mq_kafka_part_moved(reader, part);
		return 0;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return part && part->active ? mq_kafka_part_gap(reader, part, err) : 0;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__FATAL:
		return part ? mq_kafka_fail(err, rkm->err, "%s", part->topic)
		            : mq_fail(err,
		                      mq_kafka_code(rkm->err) == MQ_DENIED ? MQ_DENIED : MQ_USAGE,
		                      "%s", words ? words : rd_kafka_err2str(rkm->err));
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
		mq_fail(err, MQ_USAGE,
		        "the members of the group share its partitions in another way: %s",
		        words ? words : rd_kafka_err2str(rkm->err));
		return mq_hint(err, "-X partition.assignment.strategy=NAME takes theirs: range, "
		                    "roundrobin or cooperative-sticky; none fits those with one of "
		                    "their own");
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		mq_log(env, MQ_LEVEL_WARN,
		       "the group gave this member's partitions away: nothing was taken for longer "
		       "than max.poll.interval.ms; joining again, some messages will come twice");
		return 0;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		if (!reader->group && !reader->missed_ms)
			reader->missed_ms = mq_now_monotonic_ms();
		else if (reader->group)
			mq_log(env, MQ_LEVEL_WARN, "%s",
			       words ? words : rd_kafka_err2str(rkm->err));
		return 0;
	default:
		mq_log(env, MQ_LEVEL_WARN, "%s%s%s", part ? part->topic : "", part ? ": " : "",
		       words && *words ? words : rd_kafka_err2str(rkm->err));
		return 0;
	}
}

int64_t mq_kafka_sort_out(struct mq_kafka_reader *reader, size_t n, struct mq_err *err)
{
	size_t kept = 0;
	int rc = 0;

	mq_kafka_headers_clear(&reader->headers);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_message_t *rkm = reader->raw[i];
		struct mq_kafka_part *part = rkm->err ? NULL : part_of(reader, rkm);
		if (rkm->err && rc == 0)
			rc = on_event(reader, rkm, err);
		/* Dropped: what lies before the place (after a seek) or behind `to`, and what a
		 * rebalance took away while it was on its way. */
		bool take = part && part->active && !part->fresh && rkm->offset >= part->next &&
		            rkm->offset < part->stop;
		if (part && part->active && !part->fresh && rkm->offset >= part->next &&
		    part->next < part->stop) {
			part->next = rkm->offset + 1;
			if (part->next >= part->end || part->next >= part->stop)
				mq_kafka_part_moved(reader, part);
		}
		if (part && part->fresh)
			part->dropped = true;
		struct mq_message *message = &reader->messages[kept];
		if (take) {
			convert(reader, part, rkm, message);
			message->owner = part;
			message->receipt = part->epoch;
			rd_kafka_headers_t *from;
			if (reader->need & (MQ_NEED_HEADERS | MQ_NEED_PROPERTIES) &&
			    rd_kafka_message_headers(rkm, &from) == RD_KAFKA_RESP_ERR_NO_ERROR &&
			    mq_kafka_headers_read(&reader->headers, from, message, err) < 0)
				rc = -1;
			reader->raw[kept++] = rkm;
		} else {
			rd_kafka_message_destroy(rkm);
		}
	}
	const struct mq_header *next = reader->headers.items;
	for (size_t i = 0; reader->headers.n > 0 && i < kept; i++) {
		reader->messages[i].headers = reader->messages[i].n_headers ? next : NULL;
		next += reader->messages[i].n_headers;
	}
	if (rc == 0)
		return (int64_t)kept;
	for (size_t i = 0; i < kept; i++)
		rd_kafka_message_destroy(reader->raw[i]);
	return -1;
}

/* --- fetching ----------------------------------------------------------------------------------
 */

/* New partitions, and topics that match now, are read from their beginning. */
static void look_for_new(struct mq_kafka_reader *reader)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pos beginning = {.kind = MQ_POS_BEGINNING};

	if (reader->group || reader->n_wanted > 0 || reader->n_ranges > 0 ||
	    reader->n_running == 0 || reader->to.kind != MQ_POS_UNSET ||
	    mq_now_monotonic_ms() - reader->looked_ms < LOOK_MS)
		return;
	rd_kafka_topic_partition_list_t *list = mq_kafka_parts_list(reader, true, &err);
	if (list && list->cnt > 0 &&
	    mq_kafka_parts_place(reader, list, &beginning, NULL, &err) == 0 &&
	    start(reader, list, &err) == 0)
		for (int i = 0; i < list->cnt; i++)
			mq_log(reader->base.conn->env, MQ_LEVEL_NOTE,
			       "%s[%d] is new: reading it too", list->elems[i].topic,
			       (int)list->elems[i].partition);
	if (err.code != MQ_OK)
		mq_log(reader->base.conn->env, MQ_LEVEL_VERBOSE, "looking for new partitions: %s",
		       err.message);
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
	reader->looked_ms = mq_now_monotonic_ms();
}

int mq_kafka_after_rebalance(struct mq_kafka_reader *reader, struct mq_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (part->active && part->dropped && mq_kafka_part_seek(reader, part, err) < 0)
			rc = -1;
		part->fresh = part->dropped = false;
	}
	mq_kafka_hold_rebalanced(reader);
	mq_kafka_parts_count(reader);
	return rc;
}

int mq_kafka_fetch(struct mq_reader *base, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                   struct mq_err *err)
{
	struct mq_kafka_reader *reader = (struct mq_kafka_reader *)base;
	const struct mq_env *env = base->conn->env;
	int64_t end = mq_now_monotonic_ms() + timeout_ms;
	bool was_caught_up = reader->caught_up;
	int64_t kept = 0;

	if (max > BATCH_MAX)
		max = BATCH_MAX;
	if (mq_kafka_reserve(reader, max, err) < 0)
		return -1;
	if (max > 0)
		mq_kafka_unhold(reader);
	for (;;) {
		mq_kafka_handle_drain(reader->handle);
		if (max == 0 && reader->group) {
			if (mq_kafka_hold(reader, err) < 0)
				return -1;
			break;
		}
		size_t rebalances = reader->rebalances;
		ssize_t n = rd_kafka_consume_batch_queue(reader->queue, 0, reader->raw, max);
		kept = n > 0 ? mq_kafka_sort_out(reader, (size_t)n, err) : 0;
		if (n > 0 && kept > 0 && !reader->fills_itself)
			mq_kafka_keep_filled(reader, reader->raw[0]);
		if (reader->group)
			mq_kafka_group_serve(reader, 0);
		if (rebalances != reader->rebalances && kept >= 0)
			mq_kafka_after_rebalance(reader, &reader->failed);
		if (kept >= 0 && reader->failed.code != MQ_OK) {
			for (int64_t i = 0; i < kept; i++)
				rd_kafka_message_destroy(reader->raw[i]);
			*err = reader->failed;
			kept = -1;
		}
		if (kept < 0)
			return -1;
		bool ended = reader->settled_down && reader->n_running == 0 && !reader->without_ms;
		if (kept > 0 || ended || (reader->caught_up && !was_caught_up))
			break;
		int64_t now = mq_now_monotonic_ms();
		if (now >= end || mq_cancel_signal(env->cancel))
			break;
		if (reader->to_later_ms && mq_now_ms() >= reader->to_later_ms) {
			if (mq_kafka_parts_close_at(reader, err) < 0)
				return -1;
			continue;
		}
		look_for_new(reader);
		mq_kafka_joining(reader);
		if (!reader->group && mq_kafka_parts_missed(reader, err) < 0)
			return -1;
		/* More members than partitions: an end as well, unless the group is only about to
		 * give it some. */
		if (reader->without_ms && now - reader->without_ms >= WITHOUT_MS)
			reader->caught_up = true;
		if (reader->caught_up && !was_caught_up)
			break;
		int64_t wait = end - now;
		if (reader->without_ms && !reader->caught_up && wait > WITHOUT_MS / 10)
			wait = WITHOUT_MS / 10;
		if (reader->missed_ms && wait > LOOK_MISSED_MS)
			wait = LOOK_MISSED_MS;
		if (reader->to_later_ms && reader->to_later_ms - mq_now_ms() < wait)
			wait = reader->to_later_ms - mq_now_ms() + 1;
		if (n <= 0)
			mq_cancel_wait(env->cancel, reader->handle->wake[0], POLLIN,
			               wait > 0 ? (int)wait : 0);
	}
	*ret_batch = (struct mq_batch){.messages = reader->messages,
	                               .n = (size_t)kept,
	                               .caught_up = reader->caught_up,
	                               .again = reader->again,
	                               .ended = reader->settled_down && reader->n_running == 0 &&
	                                        !reader->without_ms,
	                               .owner = reader};
	reader->again = false;
	return 0;
}

void mq_kafka_release(struct mq_reader *base, struct mq_batch *batch)
{
	struct mq_kafka_reader *reader = (struct mq_kafka_reader *)base;

	for (size_t i = 0; i < batch->n; i++)
		rd_kafka_message_destroy(reader->raw[i]);
	batch->n = 0;
}

int mq_kafka_reader_fd(struct mq_reader *base)
{
	return ((struct mq_kafka_reader *)base)->handle->wake[0];
}

void mq_kafka_reader_close(struct mq_reader *base)
{
	struct mq_kafka_reader *reader = (struct mq_kafka_reader *)base;

	if (!reader)
		return;
	if (reader->group && reader->queue)
		mq_kafka_group_leave(reader);
	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (part->rkt) {
			rd_kafka_consume_stop(part->rkt, part->partition);
			rd_kafka_topic_destroy(part->rkt);
		}
		free(part->topic);
		free(part);
	}
	free(reader->parts);
	if (reader->queue) {
		rd_kafka_queue_io_event_enable(reader->queue, -1, NULL, 0);
		rd_kafka_queue_forward(reader->handle->events, NULL);
		rd_kafka_queue_destroy(reader->queue);
	}
	if (reader->commits)
		rd_kafka_queue_destroy(reader->commits);
	mq_kafka_handle_free(reader->handle);
	for (size_t i = 0; i < reader->n_streams; i++)
		free(reader->streams[i]);
	free(reader->streams);
	free(reader->wanted);
	for (size_t i = 0; i < reader->n_ranges; i++)
		free((char *)(uintptr_t)reader->ranges[i].stream);
	free(reader->ranges);
	free(reader->raw);
	free(reader->messages);
	mq_kafka_headers_release(&reader->headers);
	free(reader);
}
