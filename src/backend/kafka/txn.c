/*
 * Transactions: everything between the first write and commit, or nothing; with it, if asked, that
 * a group has read up to some positions.
 *
 * A transaction begins with the first thing that belongs to it, so that one that is not needed does
 * not hold up readers of what is committed.
 */
#include "backend/kafka/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The library ends its steps in time by itself. It calls back from inside of them, so they are not
 * left alone as other calls are. */
#define GRACE_MS 3000

struct txn_call {
	struct mq_kafka_call call;
	rd_kafka_error_t *(*op)(struct txn_call *me);
	/* Of positions only. */
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_consumer_group_metadata_t *group;
	rd_kafka_error_t *error;
};

static void run_txn(struct mq_kafka_call *call)
{
	struct txn_call *me = (struct txn_call *)call;

	me->error = me->op(me);
}

static void free_txn(struct mq_kafka_call *call)
{
	struct txn_call *me = (struct txn_call *)call;

	if (me->error)
		rd_kafka_error_destroy(me->error);
	if (me->list)
		rd_kafka_topic_partition_list_destroy(me->list);
	if (me->group)
		rd_kafka_consumer_group_metadata_destroy(me->group);
	free(me);
}

static rd_kafka_error_t *op_init(struct txn_call *me)
{
	return rd_kafka_init_transactions(me->call.rk, me->call.timeout_ms);
}

static rd_kafka_error_t *op_begin(struct txn_call *me)
{
	return rd_kafka_begin_transaction(me->call.rk);
}

static rd_kafka_error_t *op_positions(struct txn_call *me)
{
	return rd_kafka_send_offsets_to_transaction(me->call.rk, me->list, me->group,
	                                            me->call.timeout_ms);
}

static rd_kafka_error_t *op_commit(struct txn_call *me)
{
	return rd_kafka_commit_transaction(me->call.rk, me->call.timeout_ms);
}

static rd_kafka_error_t *op_abort(struct txn_call *me)
{
	return rd_kafka_abort_transaction(me->call.rk, me->call.timeout_ms);
}

bool mq_kafka_txn_fenced(const struct mq_kafka_writer *writer, rd_kafka_resp_err_t kerr,
                         struct mq_err *err)
{
	char name[256], text[8];
	size_t size = sizeof name;

	if (kerr == RD_KAFKA_RESP_ERR__FATAL || kerr == RD_KAFKA_RESP_ERR__STATE)
		kerr = rd_kafka_fatal_error(writer->handle->rk, text, sizeof text);
	if (!writer->transactional ||
	    (kerr != RD_KAFKA_RESP_ERR__FENCED && kerr != RD_KAFKA_RESP_ERR_PRODUCER_FENCED &&
	     kerr != RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH))
		return false;
	if (rd_kafka_conf_get(rd_kafka_conf(writer->handle->rk), "transactional.id", name, &size) !=
	    RD_KAFKA_CONF_OK)
		name[0] = '\0';
	mq_fail(err, MQ_PARTIAL, "another writer has taken over the transaction name '%s'", name);
	(void)mq_hint(err, "its open transaction was aborted; only one may run at a time");
	return true;
}

/* One step, again while the library says that it may be tried again. positions and group are for
 * op_positions. */
static int step(struct mq_kafka_writer *writer, rd_kafka_error_t *(*op)(struct txn_call *),
                const rd_kafka_topic_partition_list_t *positions, const char *group,
                const char *doing, struct mq_err *err)
{
	struct mq_kafka_handle *handle = writer->handle;
	int64_t end = mq_now_monotonic_ms() + handle->env->timeout_ms;

	for (;;) {
		int64_t left = end - mq_now_monotonic_ms();
		struct txn_call *me = calloc(1, sizeof *me);
		if (!me)
			return mq_fail_memory(err);
		me->call.run = run_txn;
		me->call.free = free_txn;
		me->op = op;
		me->list = positions ? rd_kafka_topic_partition_list_copy(positions) : NULL;
		me->group = group ? rd_kafka_consumer_group_metadata_new(group) : NULL;
		me->call.stubborn = op != op_init;
		if (mq_kafka_call_start(handle, &me->call, left > 0 ? (int)left : 1, err) < 0 ||
		    mq_kafka_call_wait(&me->call, end + GRACE_MS, doing, err) < 0)
			return -1;
		if (!me->error) {
			free_txn(&me->call);
			return 0;
		}
		bool again = rd_kafka_error_is_retriable(me->error) && mq_now_monotonic_ms() < end;
		rd_kafka_resp_err_t kerr = rd_kafka_error_code(me->error);
		if (!again && !mq_kafka_txn_fenced(writer, kerr, err)) {
			enum mq_code code = mq_kafka_code(kerr);
			mq_fail(err, code == MQ_INTERNAL ? MQ_PARTIAL : code, "%s: %s", doing,
			        rd_kafka_error_string(me->error));
		}
		free_txn(&me->call);
		if (!again)
			return -1;
	}
}

void mq_kafka_txn_id(char *ret, size_t size)
{
	/* One of its own for each run: nobody is fenced unless the user names one. */
	snprintf(ret, size, "mqtk-%ld-%lld", (long)getpid(), (long long)mq_now_ms());
}

int mq_kafka_txn_prepare(struct mq_kafka_writer *writer, struct mq_err *err)
{
	return step(writer, op_init, NULL, NULL, "preparing transactions", err);
}

int mq_kafka_txn_begin(struct mq_kafka_writer *writer, struct mq_err *err)
{
	if (!writer->transactional || writer->in_transaction)
		return 0;
	if (step(writer, op_begin, NULL, NULL, "beginning the transaction", err) < 0)
		return -1;
	writer->in_transaction = true;
	return 0;
}

int mq_kafka_writer_positions(struct mq_writer *base, const char *group,
                              const struct mq_group_move *moves, size_t n, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;

	if (!writer->transactional)
		return mq_fail(err, MQ_INTERNAL, "positions without a transaction");
	if (n == 0)
		return 0;
	if (mq_kafka_txn_begin(writer, err) < 0)
		return -1;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, moves[i].stream, moves[i].partition)
		    ->offset = moves[i].offset;
	char doing[300];
	snprintf(doing, sizeof doing, "adding the positions of group '%.200s' to the transaction",
	         group);
	int rc = step(writer, op_positions, list, group, doing, err);
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

int mq_kafka_writer_commit(struct mq_writer *base, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;

	if (!writer->transactional)
		return mq_fail(err, MQ_INTERNAL, "commit without a transaction");
	/* Nothing was begun since the last one. */
	if (!writer->in_transaction)
		return 0;
	int64_t open = mq_kafka_writer_flush(base, base->conn->env->timeout_ms, err);
	if (open != 0)
		mq_fail(err, MQ_UNREACHABLE, "%lld messages are not confirmed", (long long)open);
	else if (step(writer, op_commit, NULL, NULL, "committing the transaction", err) == 0)
		writer->in_transaction = false;
	if (err->code == MQ_OK)
		return 0;
	struct mq_err ignored = MQ_ERR_INIT;
	mq_kafka_writer_abort(base, &ignored);
	return mq_hint(err, "the transaction was aborted: nothing of it is visible");
}

int mq_kafka_writer_abort(struct mq_writer *base, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;
	char text[8];

	if (!writer->in_transaction)
		return 0;
	writer->in_transaction = false;
	/* What waits is dropped by the library, what is on its way is waited for: dropped as well
	 * it would leave a gap in the sequence, and the next transaction would fail. */
	int rc = step(writer, op_abort, NULL, NULL, "aborting the transaction", err);
	if (writer->open_count > 0) {
		rd_kafka_purge(writer->handle->rk,
		               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		mq_kafka_writer_flush(base, 2000, err);
	}
	/* What made this one fail does not touch the next, unless the producer itself is lost. */
	if (rc == 0 && !rd_kafka_fatal_error(writer->handle->rk, text, sizeof text)) {
		writer->broken = false;
		mq_err_clear(&writer->why);
	}
	return rc;
}
