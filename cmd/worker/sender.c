/* Dead letters and replies on their way: see sender.h. */
#include "cmd/worker/sender.h"

#include "cmd/opening.h"
#include "cmd/worker/copy.h"
#include "cmd/worker/engine.h"

#include <stdlib.h>

enum {
	WAIT_MS = 100,
	LINGER_MS = 4, /* a message waits so long for others: a write of one can cost as much as of
	                * a hundred */
};

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

static void write_held(struct sender *sender);

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

	return mq_writer_open(sender->conn, &spec, &sender->writer, err);
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
	write_held(sender);
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
	struct mq_err err = MQ_ERR_INIT;

	message->tag = (uint64_t)(uintptr_t)job;
	struct job *copy = NULL;
	if (sender->writer || open_first(sender, message, &err) == 0)
		copy = copy_message(message, &err);
	if (!copy) {
		sender->delivered(sender->worker, job, &err);
		return;
	}
	if (sender->n_held == 0)
		sender->since_ms = mq_now_monotonic_ms();
	sender->held[sender->n_held++] = copy;
	sender->open++;
	if (sender->n_held == SENDER_HELD)
		write_held(sender);
}

static void serve(struct sender *sender, int timeout_ms)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!sender->writer || !sender_is_busy(sender))
		return;
	/* Each holds its message back: nothing waits for a full batch of the broker's. */
	if (mq_writer_flush(sender->writer, timeout_ms, &err) < 0) {
		sender->broken = true;
		worker_refused(sender->worker, sender->what, &err);
	}
}

/* Takes as many as the writer does, for as long as --timeout; the others have failed. */
static void write_held(struct sender *sender)
{
	struct mq_message messages[SENDER_HELD];
	struct mq_err err = MQ_ERR_INIT;
	size_t n = sender->n_held, at = 0;
	int64_t took = 0;

	if (n == 0)
		return;
	int64_t end = mq_now_monotonic_ms() + sender->worker->invocation->env->timeout_ms;
	for (size_t i = 0; i < n; i++)
		messages[i] = sender->held[i]->message;
	sender->n_held = 0;
	while (at < n && !sender->broken && took >= 0 && mq_now_monotonic_ms() < end) {
		took = mq_write(sender->writer, messages + at, n - at, &err);
		at += took > 0 ? (size_t)took : 0;
		if (took == 0)
			serve(sender, WAIT_MS);
	}
	if (at < n)
		mq_fail(&err, MQ_UNREACHABLE, "%s takes nothing", sender->target.shown);
	for (; at < n; at++) {
		sender->open--;
		sender->delivered(sender->worker, (struct job *)(uintptr_t)messages[at].tag, &err);
	}
	for (size_t i = 0; i < n; i++)
		free(sender->held[i]);
}

void sender_serve(struct sender *sender, bool alone)
{
	if (alone || mq_now_monotonic_ms() - sender->since_ms >= LINGER_MS)
		write_held(sender);
	serve(sender, 0);
}

size_t sender_poll(const struct sender *sender, struct pollfd *ret_fd)
{
	int fd = sender->writer && sender_is_busy(sender) ? mq_writer_fd(sender->writer) : -1;

	*ret_fd = (struct pollfd){.fd = fd, .events = POLLIN};
	return fd >= 0;
}

bool sender_is_busy(const struct sender *sender)
{
	return sender->open > 0 && !sender->broken;
}
