/* Dead letters and replies on their way: see sender.h. */
#include "cmd/worker/sender.h"

#include "cmd/opening.h"
#include "cmd/worker/engine.h"

#include <stdlib.h>

enum { WAIT_MS = 100 };

int sender_resolve(struct sender *sender, const char *address, const struct mq_settings *settings,
                   bool by_name, struct mq_err *err)
{
	if (mq_target_resolve(address, sender->worker->invocation->config, settings,
	                      &sender->target, err) < 0)
		return -1;
	sender->resolved = true;
	if (sender->target.readonly)
		return mq_fail(err, MQ_DENIED,
		               "the profile is read-only: writing to %s is not allowed",
		               sender->target.shown);
	if (by_name) {
		free(sender->target.stream);
		sender->target.stream = NULL;
	}
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The tag of a message is its job. */
static void delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct sender *sender = ctx;

	sender->open--;
	sender->delivered(sender->worker, (struct job *)(uintptr_t)delivery->tag, delivery->err);
}

static int open_writer(struct sender *sender, const char *stream, struct mq_err *err)
{
	struct mq_write_spec spec = {
	    .stream = stream,
	    .by_name = sender->by_name,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .delivered = delivered,
	    .ctx = sender,
	};

	if (mq_writer_open(sender->conn, &spec, &sender->writer, err) == 0)
		return 0;
	/* The backend's own advice is about an option that we do not have. */
	if (err->code == MQ_NOT_FOUND) {
		err->hint[0] = '\0';
		mq_hint(err, "mqtk create makes it");
	}
	return -1;
}

int sender_connect(struct sender *sender, struct mq_err *err)
{
	if (mq_open(&sender->target, sender->worker->invocation->env, &sender->conn, err) < 0)
		return -1;
	if (sender->by_name && sender->conn->by_settings) {
		mq_fail(err, MQ_USAGE,
		        "--reply: the settings name an exchange, and replies go to queues");
		return mq_hint(err, "-X src.NAME= is the source's alone; or --reply=ADDR");
	}
	if (sender->by_name)
		return 0;
	if (opening_check_stream(&sender->target, sender->conn, err) < 0)
		return -1;
	return open_writer(sender, sender->target.stream, err);
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
	free(sender->first);
	sender->first = NULL;
}

/* --- sending ---------------------------------------------------------------------------------- */

static int open_first(struct sender *sender, const struct mq_message *message, struct mq_err *err)
{
	if (memchr(message->stream.data, 0, message->stream.len))
		return mq_fail(err, MQ_NOT_FOUND, "no stream has a NUL byte in its name");
	free(sender->first);
	sender->first = strndup(message->stream.data, message->stream.len);
	if (!sender->first)
		return mq_fail_memory(err);
	return open_writer(sender, sender->first, err);
}

void sender_send(struct sender *sender, struct mq_message *message, struct job *job)
{
	int64_t end = mq_now_monotonic_ms() + sender->worker->invocation->env->timeout_ms;
	struct mq_err err = MQ_ERR_INIT;
	int64_t took = 0;

	if (!sender->writer && open_first(sender, message, &err) < 0) {
		sender->delivered(sender->worker, job, &err);
		return;
	}
	message->tag = (uint64_t)(uintptr_t)job;
	sender->open++;
	while (!sender->broken && (took = mq_write(sender->writer, message, 1, &err)) == 0 &&
	       mq_now_monotonic_ms() < end)
		sender_serve(sender, WAIT_MS);
	if (took > 0)
		return;
	sender->open--;
	mq_fail(&err, MQ_UNREACHABLE, "%s takes nothing", sender->target.shown);
	sender->delivered(sender->worker, job, &err);
}

void sender_serve(struct sender *sender, int timeout_ms)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!sender_is_busy(sender))
		return;
	/* They are few, and each holds its message back: nothing waits for a full batch. */
	if (mq_writer_flush(sender->writer, timeout_ms, &err) < 0) {
		sender->broken = true;
		worker_refused(sender->worker, sender->what, &err);
	}
}

bool sender_is_busy(const struct sender *sender)
{
	return sender->open > 0 && !sender->broken;
}
