/*
 * Removing records from the front of partitions. How many go is told by offsets: compaction and
 * transactions leave fewer records than offsets.
 */
#include "backend/kafka/kafka.h"

#include <stdlib.h>

/* Where each partition of the list begins and ends, and where it shall begin. */
struct plan {
	rd_kafka_topic_partition_list_t *begins, *ends, *targets;
};

static void release_plan(struct plan *plan)
{
	if (plan->begins)
		rd_kafka_topic_partition_list_destroy(plan->begins);
	if (plan->ends)
		rd_kafka_topic_partition_list_destroy(plan->ends);
	if (plan->targets)
		rd_kafka_topic_partition_list_destroy(plan->targets);
}

static int look_up(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list,
                   int64_t what, struct mq_err *err)
{
	mq_kafka_list_fill(list, what);
	return mq_kafka_lookup(handle, list, err) < 0 ? -1 : mq_kafka_list_check(list, err);
}

static int list_partitions(struct mq_kafka_handle *handle, const char *topic, struct plan *plan,
                           struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;

	if (mq_kafka_metadata(handle, topic, true, &metadata, err) < 0)
		return -1;
	const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
	plan->begins = rd_kafka_topic_partition_list_new(t->partition_cnt);
	for (int i = 0; i < t->partition_cnt; i++)
		rd_kafka_topic_partition_list_add(plan->begins, topic, t->partitions[i].id);
	rd_kafka_metadata_destroy(metadata);
	plan->ends = rd_kafka_topic_partition_list_copy(plan->begins);
	plan->targets = rd_kafka_topic_partition_list_copy(plan->begins);
	if (look_up(handle, plan->begins, RD_KAFKA_OFFSET_BEGINNING, err) < 0)
		return -1;
	return look_up(handle, plan->ends, RD_KAFKA_OFFSET_END, err);
}

static int before_time(struct mq_kafka_handle *handle, struct plan *plan, int64_t ts_ms,
                       struct mq_err *err)
{
	/* Below 0 the library means places by names. */
	if (look_up(handle, plan->targets, ts_ms > 0 ? ts_ms : 0, err) < 0)
		return -1;
	for (int i = 0; i < plan->targets->cnt; i++)
		if (plan->targets->elems[i].offset < 0) /* all are older */
			plan->targets->elems[i].offset = plan->ends->elems[i].offset;
	return 0;
}

/* All but the last n of each partition. */
static void before_last(struct plan *plan, int64_t n)
{
	for (int i = 0; i < plan->targets->cnt; i++)
		plan->targets->elems[i].offset = plan->ends->elems[i].offset - n;
}

static int before_position(struct mq_kafka_handle *handle, struct plan *plan,
                           const struct mq_pos *pos, struct mq_err *err)
{
	switch (pos->kind) {
	case MQ_POS_TIME:
		return before_time(handle, plan, pos->number, err);
	case MQ_POS_LAST:
		before_last(plan, pos->number);
		return 0;
	case MQ_POS_END:
		before_last(plan, 0);
		return 0;
	case MQ_POS_OFFSET:
		mq_kafka_list_fill(plan->targets, pos->number);
		return 0;
	case MQ_POS_BEGINNING:
		mq_kafka_list_fill(plan->targets, 0);
		return 0;
	case MQ_POS_UNSET:
	case MQ_POS_STORED:
	case MQ_POS_ID:
		break;
	}
	return mq_fail(err, MQ_USAGE, "a topic cannot be trimmed before such a position");
}

static int make_plan(struct mq_kafka_handle *handle, const struct mq_trim_spec *spec,
                     struct plan *plan, struct mq_err *err)
{
	if (list_partitions(handle, spec->stream, plan, err) < 0)
		return -1;
	switch (spec->kind) {
	case MQ_TRIM_MAX_AGE:
		return before_time(handle, plan, mq_now_ms() - spec->value, err);
	case MQ_TRIM_MAX_LENGTH:
		before_last(plan, spec->value);
		return 0;
	case MQ_TRIM_ALL:
		before_last(plan, 0);
		return 0;
	case MQ_TRIM_BEFORE:
		return before_position(handle, plan, &spec->before, err);
	case MQ_TRIM_EXPIRED:
	case MQ_TRIM_MAX_BYTES:
		break;
	}
	return mq_fail(err, MQ_INTERNAL, "%s: a trim that is not announced", spec->stream);
}

/* Keeps the targets within their partitions and leaves only those by which something goes; in
 * begins the same ones. Returns how many go. */
static int64_t settle_plan(struct plan *plan)
{
	int64_t total = 0;

	for (int i = plan->targets->cnt - 1; i >= 0; i--) {
		rd_kafka_topic_partition_t *target = &plan->targets->elems[i];
		int64_t begin = plan->begins->elems[i].offset;
		if (target->offset > plan->ends->elems[i].offset)
			target->offset = plan->ends->elems[i].offset;
		if (target->offset > begin) {
			total += target->offset - begin;
			continue;
		}
		rd_kafka_topic_partition_list_del_by_idx(plan->targets, i);
		rd_kafka_topic_partition_list_del_by_idx(plan->begins, i);
	}
	return total;
}

/* Adds up what went. The partitions that failed are named by the first of them. */
static int count_result(rd_kafka_event_t *event, const struct plan *plan, int64_t *ret_removed,
                        struct mq_err *err)
{
	const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	const char *words = rd_kafka_event_error_string(event);

	if (kerr || !result)
		return mq_fail(err, mq_kafka_code(kerr), "removing records: %s",
		               words && *words ? words : rd_kafka_err2str(kerr));
	const rd_kafka_topic_partition_list_t *offsets =
	    rd_kafka_DeleteRecords_result_offsets(result);
	int64_t removed = 0;
	for (int i = 0; i < offsets->cnt; i++) {
		const rd_kafka_topic_partition_t *now = &offsets->elems[i];
		const rd_kafka_topic_partition_t *begin =
		    rd_kafka_topic_partition_list_find(plan->begins, now->topic, now->partition);
		if (now->err)
			mq_kafka_fail(err, now->err, "%s[%d]", now->topic, (int)now->partition);
		else if (begin && now->offset > begin->offset)
			removed += now->offset - begin->offset;
	}
	*ret_removed = removed;
	if (err->code == MQ_OK)
		return 0;
	return removed > 0 ? mq_hint(err, "%lld records of other partitions were removed",
	                             (long long)removed)
	                   : -1;
}

static int delete_records(struct mq_kafka_handle *handle, const struct plan *plan,
                          int64_t *ret_removed, struct mq_err *err)
{
	rd_kafka_DeleteRecords_t *wanted = rd_kafka_DeleteRecords_new(plan->targets);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    mq_kafka_admin_options(handle, RD_KAFKA_ADMIN_OP_DELETERECORDS);
	int rc = -1;

	rd_kafka_DeleteRecords(handle->rk, &wanted, 1, options, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "removing records", err);
	if (event) {
		rc = count_result(event, plan, ret_removed, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_DeleteRecords_destroy(wanted);
	return rc;
}

int mq_kafka_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
                  struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	struct plan plan = {0};
	int rc = -1;

	if (handle && make_plan(handle, spec, &plan, err) == 0) {
		*ret_removed = settle_plan(&plan);
		rc = spec->dry_run || *ret_removed == 0
		         ? 0
		         : delete_records(handle, &plan, ret_removed, err);
	}
	release_plan(&plan);
	return rc;
}
