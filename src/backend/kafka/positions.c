/*
 * Where a reader begins and stops in each partition; and what becomes of it when the place to be
 * read is gone: that is said, counted, and reading goes on with the oldest message.
 */
#include "backend/kafka/reader.h"

#include <stdlib.h>
#include <string.h>

enum { SEEK_SLICE_MS = 500 };

static rd_kafka_topic_partition_list_t *lookup_by(struct mq_kafka_handle *handle,
                                                  const rd_kafka_topic_partition_list_t *list,
                                                  int64_t what, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *ret = rd_kafka_topic_partition_list_copy(list);

	mq_kafka_list_fill(ret, what);
	if (mq_kafka_lookup(handle, ret, err) == 0 && mq_kafka_list_check(ret, err) == 0)
		return ret;
	rd_kafka_topic_partition_list_destroy(ret);
	return NULL;
}

static rd_kafka_topic_partition_list_t *lookup(struct mq_kafka_reader *reader,
                                               const rd_kafka_topic_partition_list_t *list,
                                               int64_t what, struct mq_err *err)
{
	return lookup_by(reader->handle, list, what, err);
}

/* The moments among some positions, one for each partition of the list; NULL with err untouched
 * when there is none. Where a position is no moment the answer says nothing. */
static rd_kafka_topic_partition_list_t *lookup_moments(struct mq_kafka_reader *reader,
                                                       const rd_kafka_topic_partition_list_t *list,
                                                       const struct mq_pos *const *positions,
                                                       struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *ret = rd_kafka_topic_partition_list_copy(list);
	bool any = false;

	for (int i = 0; i < ret->cnt; i++) {
		const struct mq_pos *pos = positions[i];
		bool moment = pos && pos->kind == MQ_POS_TIME;
		/* Below 0 the library means places by names. */
		ret->elems[i].offset = !moment           ? RD_KAFKA_OFFSET_BEGINNING
		                       : pos->number > 0 ? pos->number
		                                         : 0;
		any = any || moment;
	}
	if (any && mq_kafka_lookup(reader->handle, ret, err) == 0 &&
	    mq_kafka_list_check(ret, err) == 0)
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

void mq_kafka_part_lost(struct mq_kafka_reader *reader, const struct mq_kafka_part *part,
                        int64_t upto)
{
	if (upto > part->stop)
		upto = part->stop;
	if (upto > part->next)
		reader->base.missed += upto - part->next;
}

/* The place to be read lies before the beginning. Counts and warns; next becomes the beginning. */
static void jump_gap(struct mq_kafka_reader *reader, struct mq_kafka_part *part, int64_t begin)
{
	mq_kafka_part_lost(reader, part, begin);
	if (part->next < part->stop && part->stop <= begin)
		mq_log(
		    reader->base.conn->env, MQ_LEVEL_WARN,
		    "offsets %lld..%lld of %s[%d] are gone (retention); nothing is left there of "
		    "what was to be read",
		    (long long)part->next, (long long)(part->stop - 1), part->topic,
		    (int)part->partition);
	else if (part->next < part->stop)
		mq_log(reader->base.conn->env, MQ_LEVEL_WARN,
		       "offsets %lld..%lld of %s[%d] are gone (retention); going on at %lld",
		       (long long)part->next, (long long)(begin - 1), part->topic,
		       (int)part->partition, (long long)begin);
	part->next = begin;
}

/* The place to be read lies behind the end. */
static void jump_beyond(struct mq_kafka_reader *reader, struct mq_kafka_part *part, int64_t end,
                        int64_t begin)
{
	mq_log(reader->base.conn->env, MQ_LEVEL_WARN,
	       "offset %lld of %s[%d] does not exist: it ends at %lld (made anew, or records were "
	       "lost?); going on with the oldest, %lld",
	       (long long)part->next, part->topic, (int)part->partition, (long long)end,
	       (long long)begin);
	part->next = begin;
}

/* Notes that a part stops at a moment to come. */
static void stop_later(struct mq_kafka_reader *reader, struct mq_kafka_part *part, int64_t at_ms)
{
	part->later_ms = at_ms;
	if (!reader->to_later_ms || at_ms < reader->to_later_ms)
		reader->to_later_ms = at_ms;
}

static const struct mq_range *range_of(const struct mq_kafka_reader *reader, const char *topic,
                                       int32_t partition)
{
	for (size_t i = 0; i < reader->n_ranges; i++)
		if (reader->ranges[i].partition == partition &&
		    strcmp(reader->ranges[i].stream, topic) == 0)
			return &reader->ranges[i];
	return NULL;
}

/* Answers to everything that placing asks. */
struct answers {
	const struct mq_pos **froms, **tos; /* of each partition of the list */
	rd_kafka_topic_partition_list_t *begins, *ends, *from_moments, *to_moments;
	rd_kafka_topic_partition_list_t *log_ends; /* NULL: no group is behind an end */
};

static void release_answers(struct answers *answers)
{
	rd_kafka_topic_partition_list_t *lists[] = {answers->begins, answers->ends,
	                                            answers->from_moments, answers->to_moments,
	                                            answers->log_ends};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (lists[i])
			rd_kafka_topic_partition_list_destroy(lists[i]);
	free(answers->froms);
	free(answers->tos);
}

static int ask_places(struct mq_kafka_reader *reader, const rd_kafka_topic_partition_list_t *list,
                      const struct mq_pos *from, struct answers *answers, struct mq_err *err)
{
	answers->froms = calloc((size_t)list->cnt, sizeof *answers->froms);
	answers->tos = calloc((size_t)list->cnt, sizeof *answers->tos);
	if (!answers->froms || !answers->tos)
		return mq_fail_memory(err);
	for (int i = 0; i < list->cnt; i++) {
		const struct mq_range *range =
		    range_of(reader, list->elems[i].topic, list->elems[i].partition);
		answers->froms[i] = range ? &range->from : from;
		answers->tos[i] = range ? &range->to : &reader->to;
	}
	answers->begins = lookup(reader, list, RD_KAFKA_OFFSET_BEGINNING, err);
	if (!answers->begins || !(answers->ends = lookup(reader, list, RD_KAFKA_OFFSET_END, err)))
		return -1;
	answers->from_moments = lookup_moments(reader, list, answers->froms, err);
	if (err->code == MQ_OK)
		answers->to_moments = lookup_moments(reader, list, answers->tos, err);
	return err->code == MQ_OK ? 0 : -1;
}

/* While a transaction is open, who reads only what is committed is told its first message as the
 * end. Readers of everything may have moved the group on behind that, and are right: only behind
 * the end of the log nothing ever was. */
static int ask_log_ends(struct mq_kafka_reader *reader, const rd_kafka_topic_partition_list_t *list,
                        const rd_kafka_topic_partition_list_t *committed, struct answers *answers,
                        struct mq_err *err)
{
	struct mq_kafka_handle *handle;
	bool any = false;

	for (int i = 0; committed && i < list->cnt; i++)
		any = any || committed->elems[i].offset > answers->ends->elems[i].offset;
	if (!any)
		return 0;
	handle = mq_kafka_groups_handle((struct mq_kafka_conn *)reader->base.conn, err);
	if (handle)
		answers->log_ends = lookup_by(handle, list, RD_KAFKA_OFFSET_END, err);
	return answers->log_ends ? 0 : -1;
}

/* One part, with its answers. committed: where the group stands, or less than 0. */
static void place_part(struct mq_kafka_reader *reader, struct mq_kafka_part *part,
                       const struct answers *answers, int i, int64_t committed, bool in_group)
{
	const struct mq_pos *from = answers->froms[i], *to = answers->tos[i];
	int64_t begin = answers->begins->elems[i].offset, end = answers->ends->elems[i].offset;
	int64_t log_end = answers->log_ends ? answers->log_ends->elems[i].offset : end;
	bool later = to->kind == MQ_POS_TIME && to->number > mq_now_ms();

	part->end = end;
	part->stop = INT64_MAX;
	part->later_ms = 0;
	if (later)
		stop_later(reader, part, to->number);
	else if (to->kind != MQ_POS_UNSET)
		part->stop = place(to, begin, end,
		                   answers->to_moments ? answers->to_moments->elems[i].offset : -1);
	part->next =
	    committed >= 0
	        ? committed
	        : place(from, begin, end,
	                answers->from_moments ? answers->from_moments->elems[i].offset : -1);
	if (part->next < begin && (from->kind == MQ_POS_OFFSET || in_group))
		jump_gap(reader, part, begin);
	else if (part->next < begin)
		part->next = begin;
	else if (part->next > log_end && committed >= 0)
		jump_beyond(reader, part, log_end, begin);
	/* What comes meanwhile may be what the reader's own program writes. */
	if (reader->stop_at_end && !later && part->stop > end)
		part->stop = end;
	int64_t upto = part->stop < end ? part->stop : end;
	if (upto > part->next && reader->base.expected >= 0)
		reader->base.expected += upto - part->next;
}

int mq_kafka_parts_place(struct mq_kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                         const struct mq_pos *from,
                         const rd_kafka_topic_partition_list_t *committed, struct mq_err *err)
{
	struct answers answers = {0};
	int rc = -1;

	if (list->cnt == 0)
		return 0;
	if (ask_places(reader, list, from, &answers, err) < 0 ||
	    ask_log_ends(reader, list, committed, &answers, err) < 0)
		goto out;
	for (int i = 0; i < list->cnt; i++) {
		struct mq_kafka_part *part =
		    mq_kafka_part_add(reader, list->elems[i].topic, list->elems[i].partition, err);
		if (!part)
			goto out;
		place_part(reader, part, &answers, i, committed ? committed->elems[i].offset : -1,
		           committed != NULL);
		list->elems[i].offset = part->next;
	}
	rc = 0;
out:
	release_answers(&answers);
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
	const struct mq_env *env = reader->base.conn->env;
	int64_t until = mq_now_monotonic_ms() + env->timeout_ms;
	rd_kafka_resp_err_t kerr;

	/* In slices, so that a signal is heard: the partition's thread may be busy for long. */
	do {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
		    part->next;
		rd_kafka_error_t *error =
		    rd_kafka_seek_partitions(reader->handle->rk, list, SEEK_SLICE_MS);
		kerr = error ? rd_kafka_error_code(error) : list->elems[0].err;
		if (error)
			rd_kafka_error_destroy(error);
		rd_kafka_topic_partition_list_destroy(list);
	} while (kerr == RD_KAFKA_RESP_ERR__TIMED_OUT && mq_now_monotonic_ms() < until &&
	         mq_cancel_signal(env->cancel) == 0);
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
		jump_gap(reader, part, begin);
	} else {
		mq_kafka_part_lost(reader, part, part->end);
		jump_beyond(reader, part, end, begin);
		part->end = part->end < end ? part->end : end;
	}
	/* The library has stopped there; with nothing left to be read it stays so. */
	rc = part->next < part->stop || reader->group ? mq_kafka_part_seek(reader, part, err) : 0;
	mq_kafka_parts_count(reader);
out:
	rd_kafka_topic_partition_list_destroy(list);
	if (begins)
		rd_kafka_topic_partition_list_destroy(begins);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}

int mq_kafka_parts_close_at(struct mq_kafka_reader *reader, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list, *moments = NULL, *ends = NULL;
	const struct mq_pos **positions = NULL;
	struct mq_pos now = {.kind = MQ_POS_TIME, .number = reader->to_later_ms};
	int at = 0, rc = -1;

	list = rd_kafka_topic_partition_list_new((int)reader->n_parts);
	for (size_t i = 0; i < reader->n_parts; i++)
		if (reader->parts[i]->later_ms == now.number)
			rd_kafka_topic_partition_list_add(list, reader->parts[i]->topic,
			                                  reader->parts[i]->partition);
	positions = calloc(reader->n_parts + 1, sizeof *positions);
	if (!positions) {
		mq_fail_memory(err);
		goto out;
	}
	for (int i = 0; i < list->cnt; i++)
		positions[i] = &now;
	moments = lookup_moments(reader, list, positions, err);
	if (!moments || !(ends = lookup(reader, list, RD_KAFKA_OFFSET_END, err)))
		goto out;
	reader->to_later_ms = 0;
	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (part->later_ms == now.number) {
			int64_t offset = moments->elems[at].offset;
			part->stop = offset < 0 ? ends->elems[at].offset : offset;
			part->later_ms = 0;
			at++;
		} else if (part->later_ms) {
			stop_later(reader, part, part->later_ms);
		}
	}
	mq_kafka_parts_count(reader);
	rc = 0;
out:
	free(positions);
	rd_kafka_topic_partition_list_destroy(list);
	if (moments)
		rd_kafka_topic_partition_list_destroy(moments);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}
