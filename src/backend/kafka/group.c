/*
 * Groups: membership, where a member begins, settling, committing.
 *
 * The reader keeps the settled positions itself and commits exactly those; nothing is stored in
 * the library, so that no automatic commit can run ahead of the output. A rebalance happens only
 * inside a fetch, when no batch is lent out: what was settled until then is committed before the
 * partitions are given up.
 *
 * max.poll.interval.ms is left at the library's five minutes: a member that is stuck for longer
 * would otherwise stop the whole group at its next rebalance. It says so, and joins again.
 */
#include "backend/kafka/reader.h"

#include <stdlib.h>
#include <string.h>

/* How long the answer to the last commit, and leaving, may take at close. */
#define LEAVE_MS 5000
/* Between two tries of the last commit. */
#define RETRY_MS 100

/* --- commits -----------------------------------------------------------------------------------
 */

/* Errors that only mean that somebody else has the partitions now: the messages come again there.
 */
static bool is_lost(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       kerr == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
	       kerr == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       kerr == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST || kerr == RD_KAFKA_RESP_ERR__NO_OFFSET;
}

/* Errors that pass: the coordinator moves or is away. From version 2.4 on the library leaves it to
 * us to send the commit again. */
static bool is_passing(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       kerr == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
	       kerr == RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION ||
	       kerr == RD_KAFKA_RESP_ERR__TRANSPORT || kerr == RD_KAFKA_RESP_ERR__WAIT_COORD ||
	       kerr == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* A commit did not go through but may later: only after env->timeout_ms of this is it an error. */
static void commit_again(struct mq_kafka_reader *reader, rd_kafka_resp_err_t kerr)
{
	const struct mq_env *env = reader->base.conn->env;
	int64_t now = mq_now_monotonic_ms();

	if (!reader->commit_failing_ms) {
		reader->commit_failing_ms = now;
		mq_log(env, MQ_LEVEL_VERBOSE, "commit refused: %s; it is sent again",
		       rd_kafka_err2str(kerr));
	}
	if (now - reader->commit_failing_ms > env->timeout_ms)
		mq_kafka_fail(&reader->commit_error, kerr, "commit");
}

static void on_commit(struct mq_kafka_reader *reader, rd_kafka_event_t *event)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);

	reader->commits_open--;
	if (!kerr)
		reader->commit_failing_ms = 0;
	for (int i = 0; list && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *elem = &list->elems[i];
		rd_kafka_resp_err_t one = elem->err ? elem->err : kerr;
		if (!one)
			continue;
		struct mq_kafka_part *part =
		    mq_kafka_part_find(reader, elem->topic, elem->partition);
		if (part && part->committed == elem->offset)
			part->committed = -1; /* the next commit sends it again */
		if (is_lost(one))
			mq_log(reader->base.conn->env, MQ_LEVEL_VERBOSE,
			       "commit of %s[%d] at %lld refused: %s; its messages come again",
			       elem->topic, (int)elem->partition, (long long)elem->offset,
			       rd_kafka_err2str(one));
		else if (is_passing(one))
			commit_again(reader, one);
		else
			mq_kafka_fail(&reader->commit_error, one, "commit of %s[%d] at %lld",
			              elem->topic, (int)elem->partition, (long long)elem->offset);
	}
	if (kerr && is_passing(kerr))
		commit_again(reader, kerr);
	else if (kerr && !is_lost(kerr))
		mq_kafka_fail(&reader->commit_error, kerr, "commit");
}

void mq_kafka_group_serve(struct mq_kafka_reader *reader, int timeout_ms)
{
	int64_t end = mq_now_monotonic_ms() + timeout_ms;

	while (reader->commits_open > 0) {
		int64_t left = end - mq_now_monotonic_ms();
		rd_kafka_event_t *event =
		    rd_kafka_queue_poll(reader->commits, left > 0 ? (int)left : 0);
		if (!event)
			return;
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
			on_commit(reader, event);
		rd_kafka_event_destroy(event);
	}
}

static bool is_uncommitted(const struct mq_kafka_part *part)
{
	return part->active && part->settled >= 0 && part->settled != part->committed;
}

static bool has_uncommitted(const struct mq_kafka_reader *reader)
{
	for (size_t i = 0; i < reader->n_parts; i++)
		if (is_uncommitted(reader->parts[i]))
			return true;
	return false;
}

/* Sends what was settled since the last time; which (or NULL: all) limits it to some partitions. */
static int send_commit(struct mq_kafka_reader *reader, const rd_kafka_topic_partition_list_t *which,
                       struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = NULL;

	for (size_t i = 0; i < reader->n_parts; i++) {
		struct mq_kafka_part *part = reader->parts[i];
		if (!is_uncommitted(part))
			continue;
		/* find is declared without const in the library's header. */
		if (which && !rd_kafka_topic_partition_list_find(
		                 (rd_kafka_topic_partition_list_t *)(uintptr_t)which, part->topic,
		                 part->partition))
			continue;
		if (!list)
			list = rd_kafka_topic_partition_list_new(8);
		rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
		    part->settled;
		part->committed = part->settled;
	}
	if (!list)
		return 0;
	rd_kafka_resp_err_t kerr =
	    rd_kafka_commit_queue(reader->handle->rk, list, reader->commits, NULL, NULL);
	if (kerr) {
		for (int i = 0; i < list->cnt; i++)
			mq_kafka_part_find(reader, list->elems[i].topic, list->elems[i].partition)
			    ->committed = -1;
		if (is_passing(kerr))
			commit_again(reader, kerr);
		else if (!is_lost(kerr))
			mq_kafka_fail(err, kerr, "commit");
	} else {
		reader->commits_open++;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return kerr && !is_lost(kerr) && !is_passing(kerr) ? -1 : 0;
}

int mq_kafka_settle(struct mq_reader *base, const struct mq_message *messages, size_t n,
                    struct mq_err *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++) {
		struct mq_kafka_part *part = messages[i].owner;
		/* Never back. Not for what came before the partition was away and back again:
		 * what lies before it comes once more, and is not done with. */
		if (mq_kafka_owns(base, &messages[i]) && messages[i].offset >= part->settled)
			part->settled = messages[i].offset + 1;
	}
	return 0;
}

bool mq_kafka_owns(struct mq_reader *base, const struct mq_message *message)
{
	const struct mq_kafka_part *part = message->owner;

	(void)base;
	return part->active && message->receipt == part->epoch;
}

int mq_kafka_commit(struct mq_reader *base, bool wait, struct mq_err *err)
{
	struct mq_kafka_reader *reader = (struct mq_kafka_reader *)base;

	if (!reader->group)
		return 0;
	mq_kafka_group_serve(reader, 0);
	if (send_commit(reader, NULL, err) < 0)
		return -1;
	/* Also after a signal: what was written must not come again. The time-out bounds it. */
	while (wait) {
		mq_kafka_group_serve(reader, base->conn->env->timeout_ms);
		if (reader->commits_open > 0 && reader->commit_error.code == MQ_OK)
			mq_kafka_no_answer(reader->handle, "committing positions",
			                   &reader->commit_error);
		if (!reader->commit_failing_ms || reader->commit_error.code != MQ_OK ||
		    !has_uncommitted(reader))
			break;
		mq_cancel_wait(NULL, -1, 0, RETRY_MS);
		if (send_commit(reader, NULL, err) < 0)
			return -1;
	}
	if (reader->commit_error.code == MQ_OK)
		return 0;
	*err = reader->commit_error;
	mq_err_clear(&reader->commit_error);
	return -1;
}

/* --- rebalances --------------------------------------------------------------------------------
 */

static void forget_assignment(struct mq_kafka_reader *reader,
                              const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		struct mq_kafka_part *part =
		    mq_kafka_part_find(reader, list->elems[i].topic, list->elems[i].partition);
		if (part)
			part->active = false;
	}
}

/* Places for what was assigned: the group's committed positions, else `from`. What comes later
 * from another member goes on where that one was, even when `from` wins at the start: an end that
 * is asked for would skip what arrived meanwhile. */
static int place_assigned(struct mq_kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                          struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(list);
	int rc = -1;

	mq_kafka_list_fill(committed, RD_KAFKA_OFFSET_INVALID);
	if ((!reader->from_always && mq_kafka_committed(reader->handle, committed, err) < 0) ||
	    mq_kafka_list_check(committed, err) < 0 ||
	    mq_kafka_parts_place(reader, list, &reader->from, committed, err) < 0)
		goto out;
	for (int i = 0; i < list->cnt; i++) {
		struct mq_kafka_part *part =
		    mq_kafka_part_find(reader, list->elems[i].topic, list->elems[i].partition);
		part->active = true;
		part->fresh = true;
		part->settled = part->committed = -1;
		part->epoch = ++reader->epochs;
		if (part->next > part->end)
			list->elems[i].offset = part->end;
	}
	reader->from_always = false;
	rc = 0;
out:
	rd_kafka_topic_partition_list_destroy(committed);
	return rc;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t kerr,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct mq_kafka_reader *reader = ((struct mq_kafka_handle *)opaque)->owner;
	bool cooperative = strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
	bool assign = kerr == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
	rd_kafka_error_t *error = NULL;

	reader->rebalances++;
	mq_log(reader->base.conn->env, MQ_LEVEL_VERBOSE, "group: %d partitions %s", list->cnt,
	       assign ? "assigned" : "given up");
	if (assign && list->cnt > 0 && place_assigned(reader, list, &reader->failed) < 0)
		assign = false; /* fetch returns the reason */
	if (assign) {
		if (cooperative)
			error = rd_kafka_incremental_assign(rk, list);
		else
			rd_kafka_assign(rk, list);
		reader->settled_down = true;
	} else {
		if (!rd_kafka_assignment_lost(rk)) {
			struct mq_err err = MQ_ERR_INIT;
			mq_kafka_group_serve(reader, 0);
			if (send_commit(reader, list, &err) == 0)
				mq_kafka_group_serve(reader, reader->base.conn->env->timeout_ms);
		}
		forget_assignment(reader, list);
		if (cooperative && kerr == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
			error = rd_kafka_incremental_unassign(rk, list);
		else
			rd_kafka_assign(rk, NULL);
	}
	if (error) {
		mq_fail(&reader->failed, MQ_INTERNAL, "rebalance: %s",
		        rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
	}
	reader->last_rkt = NULL;
	/* What was not settled comes again, to whoever is given it now. */
	reader->again = reader->again || reader->caught_up;
	reader->caught_up = false;
	mq_kafka_parts_count(reader);
}

/* --- membership --------------------------------------------------------------------------------
 */

int mq_kafka_group_conf(rd_kafka_conf_t *conf, const struct mq_read_spec *spec, struct mq_err *err)
{
	if (mq_kafka_conf_set(conf, "group.id", spec->group, err) < 0 ||
	    (spec->member && mq_kafka_conf_set(conf, "client.id", spec->member, err) < 0))
		return -1;
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	return 0;
}

int mq_kafka_group_join(struct mq_kafka_reader *reader, struct mq_err *err)
{
	rd_kafka_t *rk = reader->handle->rk;
	/* A topic that is not there is an error now, not silence. */
	rd_kafka_topic_partition_list_t *list = mq_kafka_parts_list(reader, false, err);

	if (!list)
		return -1;
	rd_kafka_topic_partition_list_destroy(list);
	reader->base.expected = -1; /* known only with the assignment */
	reader->commits = rd_kafka_queue_new(rk);
	rd_kafka_queue_io_event_enable(reader->commits, reader->handle->wake[1], "x", 1);
	rd_kafka_poll_set_consumer(rk);
	reader->queue = rd_kafka_queue_get_consumer(rk);
	mq_kafka_handle_watch(reader->handle, reader->queue);
	list = rd_kafka_topic_partition_list_new((int)reader->n_streams);
	for (size_t i = 0; i < reader->n_streams; i++)
		rd_kafka_topic_partition_list_add(list, reader->streams[i], RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t kerr = rd_kafka_subscribe(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return kerr ? mq_kafka_fail(err, kerr, "cannot join the group") : 0;
}

void mq_kafka_group_leave(struct mq_kafka_reader *reader)
{
	rd_kafka_t *rk = reader->handle->rk;
	int64_t end = mq_now_monotonic_ms() + LEAVE_MS;
	rd_kafka_message_t *scratch[64];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);

	/* The rebalance callback commits what is settled. */
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
	while (!error && !rd_kafka_consumer_closed(rk) && mq_now_monotonic_ms() < end) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, 20, scratch,
		                                         sizeof scratch / sizeof scratch[0]);
		for (ssize_t i = 0; i < n; i++)
			rd_kafka_message_destroy(scratch[i]);
	}
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(queue);
}
