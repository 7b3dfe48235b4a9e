/* Transactions: everything between open and commit, or nothing. */
#include "backend/kafka/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct txn_call {
	struct mq_kafka_call call;
	rd_kafka_error_t *(*op)(rd_kafka_t *rk, int timeout_ms);
	rd_kafka_error_t *error;
};

static void run_txn(struct mq_kafka_call *call)
{
	struct txn_call *me = (struct txn_call *)call;

	me->error = me->op(call->rk, call->timeout_ms);
}

static void free_txn(struct mq_kafka_call *call)
{
	struct txn_call *me = (struct txn_call *)call;

	if (me->error)
		rd_kafka_error_destroy(me->error);
	free(me);
}

/* One step, again while the library says that it may be tried again. *ret_abort: the transaction
 * has failed and must be aborted. */
static int step(struct mq_kafka_writer *writer, rd_kafka_error_t *(*op)(rd_kafka_t *, int),
                const char *doing, bool *ret_abort, struct mq_err *err)
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
		me->call.stubborn = op != rd_kafka_init_transactions;
		if (mq_kafka_call(handle, &me->call, left > 0 ? (int)left : 1, doing, err) < 0)
			return -1;
		if (!me->error) {
			free_txn(&me->call);
			return 0;
		}
		if (ret_abort)
			*ret_abort = rd_kafka_error_txn_requires_abort(me->error);
		bool again = rd_kafka_error_is_retriable(me->error) && mq_now_monotonic_ms() < end;
		if (!again) {
			rd_kafka_resp_err_t kerr = rd_kafka_error_code(me->error);
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

static rd_kafka_error_t *begin(rd_kafka_t *rk, int timeout_ms)
{
	(void)timeout_ms;
	return rd_kafka_begin_transaction(rk);
}

int mq_kafka_txn_begin(struct mq_kafka_writer *writer, struct mq_err *err)
{
	if (step(writer, rd_kafka_init_transactions, "preparing transactions", NULL, err) < 0 ||
	    step(writer, begin, "beginning the transaction", NULL, err) < 0)
		return -1;
	writer->in_transaction = true;
	return 0;
}

int mq_kafka_writer_commit(struct mq_writer *base, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;
	bool abort = false;

	if (!writer->in_transaction)
		return mq_fail(err, MQ_INTERNAL, "commit without a transaction");
	int64_t open = mq_kafka_writer_flush(base, base->conn->env->timeout_ms, err);
	if (open != 0)
		mq_fail(err, MQ_UNREACHABLE, "%lld messages are not confirmed", (long long)open);
	else if (step(writer, rd_kafka_commit_transaction, "committing the transaction", &abort,
	              err) == 0)
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

	if (!writer->in_transaction)
		return 0;
	writer->in_transaction = false;
	rd_kafka_purge(writer->handle->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	mq_kafka_writer_flush(base, 2000, err);
	return step(writer, rd_kafka_abort_transaction, "aborting the transaction", NULL, err);
}
