/* Dead letters and replies on their way: see sender.h. */
#include "cmd/worker/sender.h"

#include "cmd/opening.h"
#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"

enum { WAIT_MS = 100 };

/* The tag of a message is its job. */
static void delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct sender *sender = ctx;

	sender->open--;
	outcome_delivered(sender->worker, (struct job *)(uintptr_t)delivery->tag, delivery->err);
}

int sender_open(struct sender *sender, struct worker *worker, const char *address,
                struct mq_err *err)
{
	const struct mq_invocation *invocation = worker->invocation;
	struct mq_write_spec spec = {
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .delivered = delivered,
	    .ctx = sender,
	};

	*sender = (struct sender){.worker = worker};
	if (mq_target_resolve(address, invocation->config, &invocation->settings, &sender->target,
	                      err) < 0)
		return -1;
	sender->resolved = true;
	spec.stream = sender->target.stream;
	if (mq_open(&sender->target, invocation->env, &sender->conn, err) < 0 ||
	    opening_check_stream(&sender->target, sender->conn, err) < 0 ||
	    mq_writer_open(sender->conn, &spec, &sender->writer, err) < 0)
		return -1;
	return 0;
}

void sender_close(struct sender *sender)
{
	mq_writer_close(sender->writer); /* what has no answer is reported as failed */
	sender->writer = NULL;
	mq_close(sender->conn);
	sender->conn = NULL;
	if (sender->resolved)
		mq_target_release(&sender->target);
	sender->resolved = false;
}

void sender_send(struct sender *sender, struct mq_message *message, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t took = 0;

	message->tag = (uint64_t)(uintptr_t)job;
	sender->open++;
	while (took == 0 && (took = mq_write(sender->writer, message, 1, &err)) == 0)
		sender_serve(sender, WAIT_MS);
	if (took < 0) {
		sender->open--;
		outcome_delivered(sender->worker, job, &err);
	}
}

void sender_serve(struct sender *sender, int timeout_ms)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!sender->writer || sender->open == 0)
		return;
	/* They are few, and each holds its message back: nothing waits for a full batch. */
	if (mq_writer_flush(sender->writer, timeout_ms, &err) < 0)
		worker_fail(sender->worker, &err);
}
