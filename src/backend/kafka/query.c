/* Questions to the cluster: metadata, positions, committed offsets. */
#include "backend/kafka/kafka.h"

#include <stdlib.h>
#include <string.h>

/* How long news of a topic may take from one node of a cluster to another. */
enum { NEWS_MS = 700 };

/* --- metadata ----------------------------------------------------------------------------------
 */

struct metadata_call {
	struct mq_kafka_call call;
	char *topic; /* NULL: all */
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t kerr;
};

static void run_metadata(struct mq_kafka_call *call)
{
	struct metadata_call *me = (struct metadata_call *)call;
	rd_kafka_topic_t *rkt = NULL;

	if (me->topic) {
		rkt = rd_kafka_topic_new(call->rk, me->topic, NULL);
		if (!rkt) {
			me->kerr = rd_kafka_last_error();
			return;
		}
	}
	me->kerr = rd_kafka_metadata(call->rk, !me->topic, rkt, &me->metadata, call->timeout_ms);
	if (rkt)
		rd_kafka_topic_destroy(rkt);
}

static void free_metadata(struct mq_kafka_call *call)
{
	struct metadata_call *me = (struct metadata_call *)call;

	if (me->metadata)
		rd_kafka_metadata_destroy(me->metadata);
	free(me->topic);
	free(me);
}

int mq_kafka_not_found(struct mq_err *err, const char *topic)
{
	mq_fail(err, MQ_NOT_FOUND, "no topic '%s'", topic);
	return mq_hint(err, "'mqtk ls' lists the topics; 'mqtk create' makes one");
}

/* Somebody is there: what failed before does not explain what may fail later. */
static void answered(struct mq_kafka_handle *handle)
{
	pthread_mutex_lock(&handle->lock);
	handle->was_up = true;
	handle->all_down_ms = 0;
	handle->why = RD_KAFKA_RESP_ERR_NO_ERROR;
	handle->why_text[0] = '\0';
	pthread_mutex_unlock(&handle->lock);
}

/* One question. *ret_nodes is the number of nodes that the answer knows. */
static int ask_metadata(struct mq_kafka_handle *handle, const char *topic, bool must_exist,
                        int timeout_ms, const struct rd_kafka_metadata **ret_metadata,
                        int *ret_nodes, struct mq_err *err)
{
	static const char doing[] = "asking for metadata";
	struct metadata_call *me = calloc(1, sizeof *me);

	if (!me || (topic && !(me->topic = strdup(topic)))) {
		free(me);
		return mq_fail_memory(err);
	}
	me->call.run = run_metadata;
	me->call.free = free_metadata;
	if (mq_kafka_call(handle, &me->call, timeout_ms, doing, err) < 0)
		return -1;

	int rc = -1;
	if (me->kerr == RD_KAFKA_RESP_ERR__TRANSPORT || me->kerr == RD_KAFKA_RESP_ERR__TIMED_OUT) {
		mq_kafka_no_answer(handle, doing, err);
		goto out;
	}
	if (me->kerr) {
		mq_kafka_fail(err, me->kerr, "%s", topic ? topic : handle->hosts);
		goto out;
	}
	answered(handle);
	*ret_nodes = me->metadata->broker_cnt;
	if (topic && must_exist) {
		const struct rd_kafka_metadata_topic *t =
		    me->metadata->topic_cnt == 1 ? &me->metadata->topics[0] : NULL;
		rd_kafka_resp_err_t kerr = t ? t->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		if (mq_kafka_code(kerr) == MQ_NOT_FOUND && kerr) {
			mq_kafka_not_found(err, topic);
			goto out;
		}
		if (kerr && kerr != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
			mq_kafka_fail(err, kerr, "%s", topic);
			goto out;
		}
	}
	*ret_metadata = me->metadata;
	me->metadata = NULL;
	rc = 0;
out:
	free_metadata(&me->call);
	return rc;
}

int mq_kafka_metadata(struct mq_kafka_handle *handle, const char *topic, bool must_exist,
                      const struct rd_kafka_metadata **ret_metadata, struct mq_err *err)
{
	return mq_kafka_metadata_within(handle, topic, must_exist, handle->env->timeout_ms,
	                                ret_metadata, err);
}

int mq_kafka_metadata_within(struct mq_kafka_handle *handle, const char *topic, bool must_exist,
                             int timeout_ms, const struct rd_kafka_metadata **ret_metadata,
                             struct mq_err *err)
{
	const struct mq_cancel *cancel = handle->env->cancel;
	int64_t end = mq_now_monotonic_ms() + NEWS_MS;

	for (int pause_ms = 10;; pause_ms *= 2) {
		struct mq_err mine = MQ_ERR_INIT;
		int nodes = 0;
		if (ask_metadata(handle, topic, must_exist, timeout_ms, ret_metadata, &nodes,
		                 &mine) == 0)
			return 0;
		/* One of several nodes may not have heard yet of a topic that was just made. */
		if (mine.code != MQ_NOT_FOUND || nodes < 2 || mq_cancel_signal(cancel) ||
		    mq_now_monotonic_ms() + pause_ms > end) {
			*err = mine;
			return -1;
		}
		mq_cancel_wait(cancel, -1, 0, pause_ms);
	}
}

static bool has_leaders(const struct rd_kafka_metadata *metadata, int partitions)
{
	if (metadata->topic_cnt != 1 || metadata->topics[0].err)
		return false;
	const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
	for (int i = 0; i < t->partition_cnt; i++)
		if (t->partitions[i].leader < 0)
			return false;
	return t->partition_cnt > 0 && t->partition_cnt >= partitions;
}

int mq_kafka_await_topic(struct mq_kafka_handle *handle, const char *topic, int partitions,
                         struct mq_err *err)
{
	const struct mq_env *env = handle->env;
	int64_t end = mq_now_monotonic_ms() + env->timeout_ms;

	for (int pause_ms = 5;; pause_ms = pause_ms < 200 ? pause_ms * 2 : pause_ms) {
		const struct rd_kafka_metadata *metadata = NULL;
		if (mq_kafka_metadata(handle, topic, false, &metadata, err) < 0)
			return -1;
		bool there = has_leaders(metadata, partitions);
		rd_kafka_metadata_destroy(metadata);
		if (there)
			return 0;
		if (mq_now_monotonic_ms() + pause_ms > end)
			return mq_fail(err, MQ_UNREACHABLE,
			               "%s: the topic has no leader for each partition yet", topic);
		/* There is no event to wait for: the cluster has to be asked again. */
		mq_cancel_wait(env->cancel, -1, 0, pause_ms);
		if (mq_cancel_signal(env->cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while waiting for %s",
			               topic);
	}
}

/* --- positions -----------------------------------------------------------------------------------
 */

struct list_call {
	struct mq_kafka_call call;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t kerr;
};

static void run_lookup(struct mq_kafka_call *call)
{
	struct list_call *me = (struct list_call *)call;

	me->kerr = rd_kafka_offsets_for_times(call->rk, me->list, call->timeout_ms);
}

static void run_committed(struct mq_kafka_call *call)
{
	struct list_call *me = (struct list_call *)call;

	me->kerr = rd_kafka_committed(call->rk, me->list, call->timeout_ms);
}

static void free_list(struct mq_kafka_call *call)
{
	struct list_call *me = (struct list_call *)call;

	rd_kafka_topic_partition_list_destroy(me->list);
	free(me);
}

/* Works on a copy: an abandoned call must not write into the caller's list. */
static struct list_call *list_call_once(struct mq_kafka_handle *handle,
                                        void (*run)(struct mq_kafka_call *),
                                        const rd_kafka_topic_partition_list_t *list, int timeout_ms,
                                        const char *doing, struct mq_err *err)
{
	struct list_call *me = calloc(1, sizeof *me);

	if (!me) {
		mq_fail_memory(err);
		return NULL;
	}
	me->call.run = run;
	me->call.free = free_list;
	me->list = rd_kafka_topic_partition_list_copy(list);
	return mq_kafka_call(handle, &me->call, timeout_ms, doing, err) < 0 ? NULL : me;
}

/* A partition that was just made or moves: its leader does not know yet that it is the leader. */
static bool leader_moves(const struct list_call *me)
{
	for (int i = -1; i < me->list->cnt; i++) {
		rd_kafka_resp_err_t kerr = i < 0 ? me->kerr : me->list->elems[i].err;
		if (kerr == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
		    kerr == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
			return true;
	}
	return false;
}

static int list_call(struct mq_kafka_handle *handle, void (*run)(struct mq_kafka_call *),
                     rd_kafka_topic_partition_list_t *list, const char *doing, struct mq_err *err)
{
	const struct mq_env *env = handle->env;
	int64_t end = mq_now_monotonic_ms() + env->timeout_ms;
	struct list_call *me = NULL;
	int left = env->timeout_ms;

	if (list->cnt == 0)
		return 0;
	for (int pause_ms = 10;; pause_ms = pause_ms < 200 ? pause_ms * 2 : pause_ms) {
		me = list_call_once(handle, run, list, left, doing, err);
		if (!me)
			return -1;
		left = (int)(end - mq_now_monotonic_ms()) - pause_ms;
		if (!leader_moves(me) || left <= 0 || mq_cancel_signal(env->cancel))
			break;
		free_list(&me->call);
		/* There is no event to wait for: the cluster has to be asked again. */
		mq_cancel_wait(env->cancel, -1, 0, pause_ms);
	}
	int rc = 0;
	if (me->kerr == RD_KAFKA_RESP_ERR__TRANSPORT || me->kerr == RD_KAFKA_RESP_ERR__TIMED_OUT)
		rc = mq_kafka_no_answer(handle, doing, err);
	else if (me->kerr)
		rc = mq_kafka_fail(err, me->kerr, "%s", doing);
	else
		for (int i = 0; i < list->cnt; i++) {
			list->elems[i].offset = me->list->elems[i].offset;
			list->elems[i].err = me->list->elems[i].err;
		}
	free_list(&me->call);
	return rc;
}

int mq_kafka_lookup(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list,
                    struct mq_err *err)
{
	return list_call(handle, run_lookup, list, "asking for positions", err);
}

int mq_kafka_committed(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list,
                       struct mq_err *err)
{
	return list_call(handle, run_committed, list, "asking for the group's positions", err);
}

void mq_kafka_nudge(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list)
{
	struct list_call *me = calloc(1, sizeof *me);

	if (!me)
		return;
	me->call.run = run_lookup;
	me->call.free = free_list;
	me->list = rd_kafka_topic_partition_list_copy(list);
	mq_kafka_list_fill(me->list, RD_KAFKA_OFFSET_END);
	mq_kafka_call_forget(handle, &me->call, 1000);
}

void mq_kafka_list_fill(rd_kafka_topic_partition_list_t *list, int64_t offset)
{
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = offset;
}

int mq_kafka_list_check(const rd_kafka_topic_partition_list_t *list, struct mq_err *err)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err)
			return mq_kafka_fail(err, list->elems[i].err, "%s[%d]",
			                     list->elems[i].topic, (int)list->elems[i].partition);
	return 0;
}
