/* What becomes of messages: see outcome.h. */
#include "cmd/worker/outcome.h"

#include "cmd/letter.h"
#include "cmd/worker/engine.h"
#include "cmd/worker/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of what a program answers that is said when it ends the run. */
enum { WHY_SAID = 200 };

/* --- done ------------------------------------------------------------------------------------- */

static void finish(struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;

	if (jobs_done(worker->jobs, job, &worker->counts.settled, &err) < 0)
		worker_fail(worker, &err);
	worker->unsettled = true;
}

void outcome_handled(struct worker *worker, struct job *job)
{
	worker->counts.handled++;
	finish(worker, job);
}

void outcome_buried(struct worker *worker, struct job *job, const struct mq_err *why)
{
	if (why) {
		worker_refused(worker, "dead letter", why);
		return;
	}
	worker->counts.dead++;
	finish(worker, job);
}

void worker_refused(struct worker *worker, const char *what, const struct mq_err *why)
{
	struct mq_err mine = MQ_ERR_INIT;

	mq_fail(&mine, MQ_PARTIAL, "the %s was not taken: %s", what, why->message);
	mq_hint(&mine, "%s",
	        why->hint[0] ? why->hint : "its message is not settled and comes again");
	worker_fail(worker, &mine);
}

/* --- given up --------------------------------------------------------------------------------- */

static void bury(struct worker *worker, struct job *job, const struct verdict *verdict)
{
	struct mq_err err = MQ_ERR_INIT;
	struct letter letter;
	struct letter_why why = {
	    .broker = worker->brokers[job->reader],
	    .group = worker->group,
	    .reason = verdict->reason,
	    .status = verdict->status[0] ? verdict->status : NULL,
	    .attempts = job->attempts,
	    .error = verdict->error,
	};

	if (letter_write(&letter, &job->message, &why, &err) < 0)
		worker_fail(worker, &err);
	else
		sender_send(&worker->dead, &letter.message, job);
	letter_release(&letter);
}

/* Nothing is left to try, and nobody takes it: the run ends, and the message comes again. */
static void give_up(struct worker *worker, const struct job *job, const struct verdict *verdict)
{
	const struct mq_message *m = &job->message;
	struct mq_err why = MQ_ERR_INIT;
	char place[64] = "";

	if (m->id.data)
		snprintf(place, sizeof place, " at %.*s", (int)m->id.len, m->id.data);
	else if (m->offset != MQ_NO_OFFSET)
		snprintf(place, sizeof place, "[%d] at %" PRId64, (int)m->partition, m->offset);
	/* What programs complain of has been on standard error, but not what they answer. */
	struct mq_bytes answered = verdict->status[0] ? MQ_ABSENT : verdict->error;
	size_t len = answered.len < WHY_SAID ? answered.len : WHY_SAID;
	while (len > 0 && len < answered.len && ((unsigned char)answered.data[len] & 0xc0) == 0x80)
		len--;
	mq_fail(&why, MQ_PARTIAL, "a message of %.*s%s failed %d time%s: %s%s%s%.*s",
	        (int)m->stream.len, m->stream.data ? m->stream.data : "", place, job->attempts,
	        job->attempts == 1 ? "" : "s", verdict->reason,
	        verdict->status[0] ? ", "
	        : len > 0          ? ": "
	                           : "",
	        verdict->status, (int)len, len > 0 ? answered.data : "");
	if (strcmp(verdict->status, "exit 127") == 0)
		mq_hint(&why, "127 is how a shell says that there is no such command");
	else if (strcmp(verdict->status, "exit 126") == 0)
		mq_hint(&why, "126 is how a shell says that the command may not be executed");
	else
		mq_hint(&why, "it is not settled and comes again; --dead-letter ADDR puts such "
		              "messages aside and goes on");
	worker_fail(worker, &why);
}

/* --- again ------------------------------------------------------------------------------------ */

int64_t outcome_backoff(struct worker *worker, int attempts)
{
	const struct worker_backoff *bounds = &worker->options->backoff;
	int64_t most = bounds->min_ms > 0 ? bounds->min_ms : 1; /* 0 doubled would never grow */

	for (int i = 0; i < attempts && most < bounds->max_ms; i++)
		most = most > bounds->max_ms / 2 ? bounds->max_ms : most * 2;
	if (most > bounds->max_ms)
		most = bounds->max_ms;
	int64_t least = most / 2 > bounds->min_ms ? most / 2 : bounds->min_ms;
	return least + (int64_t)((double)rand_r(&worker->seed) / RAND_MAX * (double)(most - least));
}

/* Nobody reads what we and our programs print any more. */
static bool output_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	int n;

	do
		n = poll(&out, 1, 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && (out.revents & POLLERR);
}

void outcome_take(struct worker *worker, struct job *job, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_DONE) {
		if (!reply_send(worker, job, verdict->output))
			outcome_handled(worker, job);
		return;
	}
	mq_log(worker->invocation->env, MQ_LEVEL_VERBOSE, "attempt %d failed: %s %s", job->attempts,
	       verdict->reason, verdict->status);
	if (verdict->broken_pipe && !worker->stopping && output_is_gone())
		worker->stopping = worker->output_gone = true;
	/* What has only just begun may still hear what was meant for us (Ctrl-C). */
	if (mq_cancel_signal(worker->invocation->env->cancel) != 0)
		worker->stopping = true;
	if (worker->stopping) /* it was interrupted, or comes again in the next run */
		return;
	if (verdict->kind == VERDICT_FAILED && job->attempts <= worker->options->retries) {
		worker->counts.retried++;
		jobs_again(worker->jobs, job,
		           mq_now_monotonic_ms() + outcome_backoff(worker, job->attempts));
	} else if (worker->dead.writer) {
		bury(worker, job, verdict);
	} else {
		give_up(worker, job, verdict);
	}
}
