/* Which partitions a reader reads, and that they were deleted. Where each begins and ends is in
 * positions.c. */
#include "backend/kafka/reader.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define MISSED_MS 3000 /* a topic that is unknown for so long was deleted */

/* --- the table ---------------------------------------------------------------------------------
 */

struct mq_kafka_part *mq_kafka_part_find(const struct mq_kafka_reader *reader, const char *topic,
                                         int32_t partition)
{
	for (size_t i = 0; i < reader->n_parts; i++)
		if (reader->parts[i]->partition == partition &&
		    strcmp(reader->parts[i]->topic, topic) == 0)
			return reader->parts[i];
	return NULL;
}

struct mq_kafka_part *mq_kafka_part_add(struct mq_kafka_reader *reader, const char *topic,
                                        int32_t partition, struct mq_err *err)
{
	struct mq_kafka_part *part = mq_kafka_part_find(reader, topic, partition);

	if (part)
		return part;
	part = calloc(1, sizeof *part);
	if (!part || !(part->topic = strdup(topic))) {
		free(part);
		mq_fail_memory(err);
		return NULL;
	}
	part->topic_len = strlen(topic);
	part->partition = partition;
	part->stop = INT64_MAX;
	part->settled = part->committed = -1;
	struct mq_kafka_part **place =
	    mq_info_grow(&reader->parts, &reader->n_parts, sizeof *reader->parts, err);
	if (!place) {
		free(part->topic);
		free(part);
		return NULL;
	}
	*place = part;
	return part;
}

void mq_kafka_parts_count(struct mq_kafka_reader *reader)
{
	reader->n_behind = reader->n_running = 0;
	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (!part->active)
			continue;
		part->behind = part->next < part->end && part->next < part->stop;
		reader->n_behind += part->behind;
		reader->n_running += part->next < part->stop;
	}
	bool any = reader->n_running > 0 || !reader->group;
	for (size_t i = 0; !any && i < reader->n_parts; i++)
		any = reader->parts[i]->active;
	if (any || !reader->settled_down)
		reader->without_ms = 0;
	else if (!reader->without_ms)
		reader->without_ms = mq_now_monotonic_ms();
	if (reader->settled_down && reader->n_behind == 0 && any)
		reader->caught_up = true;
}

static void pause_part(struct mq_kafka_reader *reader, struct mq_kafka_part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	part->paused = true;
	rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	rd_kafka_pause_partitions(reader->handle->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

void mq_kafka_part_moved(struct mq_kafka_reader *reader, struct mq_kafka_part *part)
{
	if (part->behind && (part->next >= part->end || part->next >= part->stop)) {
		part->behind = false;
		if (--reader->n_behind == 0 && reader->settled_down)
			reader->caught_up = true;
	}
	if (part->next >= part->stop && part->active) {
		/* Nothing behind `to` need be carried here. */
		pause_part(reader, part);
		mq_kafka_parts_count(reader);
	}
}

/* --- which
 * ---------------------------------------------------------------------------------------- */

static int no_partition(const struct rd_kafka_metadata_topic *topic, int32_t partition,
                        struct mq_err *err)
{
	mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d", topic->topic, (int)partition);
	return mq_hint(err, "it has %d, from 0", topic->partition_cnt);
}

static int add_topic(struct mq_kafka_reader *reader, const struct rd_kafka_metadata_topic *topic,
                     bool only_new, rd_kafka_topic_partition_list_t *list, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_wanted; i++) {
		bool there = false;
		for (int j = 0; j < topic->partition_cnt; j++)
			there = there || topic->partitions[j].id == reader->wanted[i];
		if (!there)
			return no_partition(topic, reader->wanted[i], err);
	}
	for (int j = 0; j < topic->partition_cnt; j++) {
		int32_t id = topic->partitions[j].id;
		bool take = reader->n_wanted == 0;
		for (size_t i = 0; i < reader->n_wanted; i++)
			take = take || reader->wanted[i] == id;
		const struct mq_kafka_part *known = mq_kafka_part_find(reader, topic->topic, id);
		if (take && !(only_new && known) &&
		    !rd_kafka_topic_partition_list_find(list, topic->topic, id))
			rd_kafka_topic_partition_list_add(list, topic->topic, id);
	}
	return 0;
}

static int add_matching(struct mq_kafka_reader *reader, const char *pattern, bool only_new,
                        rd_kafka_topic_partition_list_t *list, struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	regex_t regex;
	char text[200];
	int before = list->cnt;

	/* The library matches subscriptions with the same function and flags. */
	int rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &regex, text, sizeof text);
		return mq_fail(err, MQ_USAGE, "'%s' is no regular expression: %s", pattern, text);
	}
	rc = mq_kafka_metadata(reader->handle, NULL, false, &metadata, err);
	for (int i = 0; rc == 0 && i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
		bool internal = strncmp(topic->topic, "__", 2) == 0;
		if (topic->err || (internal && strncmp(pattern, "^__", 3) != 0) ||
		    regexec(&regex, topic->topic, 0, NULL, 0) != 0)
			continue;
		rc = add_topic(reader, topic, only_new, list, err);
	}
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	regfree(&regex);
	if (rc == 0 && list->cnt == before && !only_new) {
		mq_fail(err, MQ_NOT_FOUND, "no topic matches '%s'", pattern);
		return mq_hint(err, "'mqtk ls' lists the topics");
	}
	return rc;
}

/* The partitions of the ranges that lie in one topic. */
static int add_ranges(struct mq_kafka_reader *reader, const char *topic,
                      rd_kafka_topic_partition_list_t *list, struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	int rc = mq_kafka_metadata(reader->handle, topic, true, &metadata, err);

	for (size_t i = 0; rc == 0 && i < reader->n_ranges; i++) {
		const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
		const struct mq_range *range = &reader->ranges[i];
		bool there = false;
		if (strcmp(range->stream, topic) != 0)
			continue;
		for (int j = 0; j < t->partition_cnt; j++)
			there = there || t->partitions[j].id == range->partition;
		if (there)
			rd_kafka_topic_partition_list_add(list, topic, range->partition);
		else
			rc = no_partition(t, range->partition, err);
	}
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	return rc;
}

rd_kafka_topic_partition_list_t *mq_kafka_parts_list(struct mq_kafka_reader *reader, bool only_new,
                                                     struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < reader->n_ranges; i++) {
		bool known = false;
		for (size_t j = 0; j < i; j++)
			known = known ||
			        strcmp(reader->ranges[i].stream, reader->ranges[j].stream) == 0;
		if (!known)
			rc = add_ranges(reader, reader->ranges[i].stream, list, err);
	}
	for (size_t i = 0; reader->n_ranges == 0 && rc == 0 && i < reader->n_streams; i++) {
		const struct rd_kafka_metadata *metadata = NULL;
		if (reader->streams[i][0] == '^') {
			rc = add_matching(reader, reader->streams[i], only_new, list, err);
			continue;
		}
		rc = mq_kafka_metadata(reader->handle, reader->streams[i], true, &metadata, err);
		if (rc == 0)
			rc = add_topic(reader, &metadata->topics[0], only_new, list, err);
		if (metadata)
			rd_kafka_metadata_destroy(metadata);
	}
	if (rc == 0)
		return list;
	rd_kafka_topic_partition_list_destroy(list);
	return NULL;
}

/* --- gone -------------------------------------------------------------------------------------
 */

/* Whether the broker says that there is no such topic; no answer is no such answer. */
static bool is_missing(struct mq_kafka_reader *reader, const char *topic)
{
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_err err = MQ_ERR_INIT;
	int rc = mq_kafka_metadata(reader->handle, topic, true, &metadata, &err);

	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	return rc < 0 && err.code == MQ_NOT_FOUND;
}

static void give_up_topic(struct mq_kafka_reader *reader, const char *topic)
{
	mq_log(reader->base.conn->env, MQ_LEVEL_WARN, "%s is gone: deleted while it was read",
	       topic);
	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (!part->active || strcmp(part->topic, topic) != 0)
			continue;
		if (part->rkt)
			rd_kafka_consume_stop(part->rkt, part->partition);
		mq_kafka_part_lost(reader, part, part->end);
		part->active = false;
	}
}

int mq_kafka_parts_missed(struct mq_kafka_reader *reader, struct mq_err *err)
{
	const char *gone = NULL;
	size_t active = 0;
	int64_t now = mq_now_monotonic_ms();

	pthread_mutex_lock(&reader->handle->lock);
	bool missed = reader->handle->topic_missed;
	reader->handle->topic_missed = false;
	pthread_mutex_unlock(&reader->handle->lock);
	if (missed && !reader->missed_ms)
		reader->missed_ms = now;
	/* A broker that has just started may not know everything yet. */
	if (!reader->missed_ms || now - reader->missed_ms < MISSED_MS)
		return 0;
	reader->missed_ms = 0;
	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (part->active && is_missing(reader, part->topic)) {
			gone = part->topic;
			give_up_topic(reader, gone);
		}
	}
	if (!gone)
		return 0;
	mq_kafka_parts_count(reader);
	for (size_t i = 0; i < reader->n_parts; i++)
		active += reader->parts[i]->active;
	return active > 0 ? 0
	                  : mq_fail(err, MQ_NOT_FOUND, "%s was deleted while it was read", gone);
}
