/* Which partitions a reader reads, where each begins, and where it ends. */
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

static void pause_part(struct mq_kafka_reader *reader, const struct mq_kafka_part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

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

static int add_topic(struct mq_kafka_reader *reader, const struct rd_kafka_metadata_topic *topic,
                     bool only_new, rd_kafka_topic_partition_list_t *list, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_wanted; i++) {
		bool there = false;
		for (int j = 0; j < topic->partition_cnt; j++)
			there = there || topic->partitions[j].id == reader->wanted[i];
		if (!there) {
			mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d", topic->topic,
			        (int)reader->wanted[i]);
			return mq_hint(err, "it has %d, from 0", topic->partition_cnt);
		}
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

rd_kafka_topic_partition_list_t *mq_kafka_parts_list(struct mq_kafka_reader *reader, bool only_new,
                                                     struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < reader->n_streams; i++) {
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

/* --- where
 * ---------------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *lookup(struct mq_kafka_reader *reader,
                                               const rd_kafka_topic_partition_list_t *list,
                                               int64_t what, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *ret = rd_kafka_topic_partition_list_copy(list);

	mq_kafka_list_fill(ret, what);
	if (mq_kafka_lookup(reader->handle, ret, err) == 0 && mq_kafka_list_check(ret, err) == 0)
		return ret;
	rd_kafka_topic_partition_list_destroy(ret);
	return NULL;
}

/* A position in one partition. at is the answer for a moment, -1 when nothing is at or after it. */
static int64_t place(const struct mq_pos *pos, int64_t begin, int64_t end, int64_t at)
{
	switch (pos->kind) {
	case MQ_POS_END:
		return end;
	case MQ_POS_OFFSET:
		return pos->number;
	case MQ_POS_LAST:
		return pos->number < end - begin ? end - pos->number : begin;
	case MQ_POS_TIME:
		return at < 0 ? end : at;
	default:
		return begin;
	}
}

static void warn_gap(const struct mq_kafka_reader *reader, const struct mq_kafka_part *part,
                     int64_t wanted, int64_t begin)
{
	mq_log(reader->base.conn->env, MQ_LEVEL_WARN,
	       "offsets %lld..%lld of %s[%d] are gone (retention); going on at %lld",
	       (long long)wanted, (long long)(begin - 1), part->topic, (int)part->partition,
	       (long long)begin);
}

static void warn_beyond(const struct mq_kafka_reader *reader, const struct mq_kafka_part *part,
                        int64_t wanted, int64_t end, int64_t begin)
{
	mq_log(reader->base.conn->env, MQ_LEVEL_WARN,
	       "offset %lld of %s[%d] does not exist: it ends at %lld (made anew, or records were "
	       "lost?); going on with the oldest, %lld",
	       (long long)wanted, part->topic, (int)part->partition, (long long)end,
	       (long long)begin);
}

int mq_kafka_parts_place(struct mq_kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                         const struct mq_pos *from,
                         const rd_kafka_topic_partition_list_t *committed, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *begins = NULL, *ends = NULL, *froms = NULL, *tos = NULL;
	int rc = -1;
	bool later = reader->to.kind == MQ_POS_TIME && reader->to.number > mq_now_ms();

	if (list->cnt == 0)
		return 0;
	begins = lookup(reader, list, RD_KAFKA_OFFSET_BEGINNING, err);
	if (!begins || !(ends = lookup(reader, list, RD_KAFKA_OFFSET_END, err)))
		goto out;
	if (from->kind == MQ_POS_TIME && !(froms = lookup(reader, list, from->number, err)))
		goto out;
	if (reader->to.kind == MQ_POS_TIME && !later &&
	    !(tos = lookup(reader, list, reader->to.number, err)))
		goto out;
	for (int i = 0; i < list->cnt; i++) {
		struct mq_kafka_part *part =
		    mq_kafka_part_add(reader, list->elems[i].topic, list->elems[i].partition, err);
		if (!part)
			goto out;
		int64_t begin = begins->elems[i].offset, end = ends->elems[i].offset;
		int64_t next = place(from, begin, end, froms ? froms->elems[i].offset : -1);
		if (committed && committed->elems[i].offset >= 0)
			next = committed->elems[i].offset;
		if (next < begin) {
			if (from->kind == MQ_POS_OFFSET || committed)
				warn_gap(reader, part, next, begin);
			next = begin;
		} else if (next > end && committed && committed->elems[i].offset >= 0) {
			warn_beyond(reader, part, next, end, begin);
			next = begin;
		}
		part->next = next;
		part->end = end;
		part->stop = INT64_MAX;
		if (later)
			reader->to_later_ms = reader->to.number;
		else if (reader->to.kind != MQ_POS_UNSET)
			part->stop =
			    place(&reader->to, begin, end, tos ? tos->elems[i].offset : -1);
		int64_t upto = part->stop < end ? part->stop : end;
		if (upto > next && reader->base.expected >= 0)
			reader->base.expected += upto - next;
		list->elems[i].offset = next;
	}
	rc = 0;
out:
	if (begins)
		rd_kafka_topic_partition_list_destroy(begins);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	if (froms)
		rd_kafka_topic_partition_list_destroy(froms);
	if (tos)
		rd_kafka_topic_partition_list_destroy(tos);
	return rc;
}

/* After an error the library has stopped the partition, and a stopped one takes no seek. */
static rd_kafka_resp_err_t restart(struct mq_kafka_reader *reader, struct mq_kafka_part *part)
{
	rd_kafka_t *rk = reader->handle->rk;
	rd_kafka_resp_err_t kerr = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error = NULL;

	if (!reader->group) {
		rd_kafka_consume_stop(part->rkt, part->partition);
		return rd_kafka_consume_start_queue(part->rkt, part->partition, part->next,
		                                    reader->queue) < 0
		           ? rd_kafka_last_error()
		           : kerr;
	}
	bool cooperative = strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	for (size_t i = 0; i < reader->n_parts; i++) {
		const struct mq_kafka_part *one = reader->parts[i];
		if (one == part || (!cooperative && one->active))
			rd_kafka_topic_partition_list_add(list, one->topic, one->partition)
			    ->offset = one->next;
	}
	if (!cooperative) {
		kerr = rd_kafka_assign(rk, list);
	} else {
		error = rd_kafka_incremental_unassign(rk, list);
		if (!error)
			error = rd_kafka_incremental_assign(rk, list);
	}
	if (error) {
		kerr = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return kerr;
}

int mq_kafka_part_seek(struct mq_kafka_reader *reader, struct mq_kafka_part *part,
                       struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = part->next;
	rd_kafka_error_t *error = rd_kafka_seek_partitions(reader->handle->rk, list, 1000);
	rd_kafka_resp_err_t kerr = error ? rd_kafka_error_code(error) : list->elems[0].err;
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	if (kerr == RD_KAFKA_RESP_ERR__STATE)
		kerr = restart(reader, part);
	return kerr ? mq_kafka_fail(err, kerr, "%s[%d]: cannot go to offset %lld", part->topic,
	                            (int)part->partition, (long long)part->next)
	            : 0;
}

int mq_kafka_part_gap(struct mq_kafka_reader *reader, struct mq_kafka_part *part,
                      struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_t *begins, *ends = NULL;
	int rc = -1;

	rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	begins = lookup(reader, list, RD_KAFKA_OFFSET_BEGINNING, err);
	if (!begins || !(ends = lookup(reader, list, RD_KAFKA_OFFSET_END, err)))
		goto out;
	int64_t begin = begins->elems[0].offset, end = ends->elems[0].offset;
	if (part->next >= begin && part->next <= end) {
		/* It is there again, or always was: a replica lagged behind. Ask once more. */
	} else if (part->next < begin) {
		warn_gap(reader, part, part->next, begin);
		part->next = begin;
	} else {
		warn_beyond(reader, part, part->next, end, begin);
		part->next = begin;
		part->end = part->end < end ? part->end : end;
	}
	rc = mq_kafka_part_seek(reader, part, err);
	mq_kafka_parts_count(reader);
out:
	rd_kafka_topic_partition_list_destroy(list);
	if (begins)
		rd_kafka_topic_partition_list_destroy(begins);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}

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

int mq_kafka_parts_close_at(struct mq_kafka_reader *reader, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list, *tos = NULL, *ends = NULL;
	int rc = -1;

	list = rd_kafka_topic_partition_list_new((int)reader->n_parts);
	for (size_t i = 0; i < reader->n_parts; i++)
		rd_kafka_topic_partition_list_add(list, reader->parts[i]->topic,
		                                  reader->parts[i]->partition);
	tos = lookup(reader, list, reader->to_later_ms, err);
	if (!tos || !(ends = lookup(reader, list, RD_KAFKA_OFFSET_END, err)))
		goto out;
	for (size_t i = 0; i < reader->n_parts; i++) {
		int64_t at = tos->elems[i].offset;
		reader->parts[i]->stop = at < 0 ? ends->elems[i].offset : at;
	}
	reader->to_later_ms = 0;
	mq_kafka_parts_count(reader);
	rc = 0;
out:
	rd_kafka_topic_partition_list_destroy(list);
	if (tos)
		rd_kafka_topic_partition_list_destroy(tos);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}
