/* One program for one message: see slot.h. */
#include "cmd/worker/slot.h"

#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { KILL_AFTER_MS = 5000 };
#define REPLY_MAX ((size_t)64 << 20)

/* What the program reads: the body, or the envelope as one line. */
static int make_input(struct slot *slot, struct worker *worker, const struct job *job,
                      struct mq_bytes *ret, struct mq_err *err)
{
	*ret = job->message.payload;
	if (!worker->options->json)
		return 0;
	mq_buf_clear(&slot->input);
	if (mq_format_append(worker->envelope, &job->message, &slot->input, err) < 0)
		return -1;
	*ret = mq_bytes_of(slot->input.data, slot->input.len);
	return 0;
}

static void fail_start(struct worker *worker, struct job *job, const struct mq_err *why)
{
	struct verdict verdict = {
	    .kind = VERDICT_FAILED, .reason = "start", .error = mq_bytes_str(why->message)};

	outcome_take(worker, job, &verdict);
}

void slot_begin(struct slot *slot, struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_bytes input;
	struct process_spec spec = {.command = worker->options->exec,
	                            .answers = worker->options->reply,
	                            .limit = REPLY_MAX};

	if (slot->input.limit == 0)
		mq_buf_init(&slot->input, SIZE_MAX / 2);
	spec.environment = environment_of(&worker->environment, &job->message, job->attempts, &err);
	if (!spec.environment || make_input(slot, worker, job, &input, &err) < 0 ||
	    process_start(&slot->process, &spec, input, false, &err) < 0) {
		fail_start(worker, job, &err);
		return;
	}
	slot->job = job;
	slot->timed_out = false;
	slot->kill_ms = INT64_MAX;
	slot->deadline_ms = worker->options->timeout_ms > 0
	                        ? mq_now_monotonic_ms() + worker->options->timeout_ms
	                        : INT64_MAX;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void judge(const struct slot *slot, struct verdict *ret)
{
	int status = slot->process.status;

	if (slot->timed_out) {
		ret->kind = VERDICT_FAILED;
		ret->reason = "timeout";
	} else if (WIFSIGNALED(status)) {
		ret->kind = VERDICT_FAILED;
		ret->reason = "signal";
	} else if (WEXITSTATUS(status) != 0) {
		ret->kind = VERDICT_FAILED;
		ret->reason = "exit";
	} else if (slot->process.overflow) {
		ret->kind = VERDICT_REJECTED;
		ret->reason = "data";
		ret->error = mq_bytes_str("the reply is larger than 64 MiB");
	}
	if (WIFSIGNALED(status))
		snprintf(ret->status, sizeof ret->status, "signal %d", WTERMSIG(status));
	else
		snprintf(ret->status, sizeof ret->status, "exit %d", WEXITSTATUS(status));
}

static void end(struct slot *slot, struct worker *worker)
{
	char tail[PROCESS_TAIL];
	struct verdict verdict = {.kind = VERDICT_DONE};
	struct job *job = slot->job;

	verdict.error = mq_bytes_of(tail, process_tail(&slot->process, tail));
	verdict.output = mq_bytes_of(slot->process.lines.data, slot->process.lines.len);
	judge(slot, &verdict);
	slot->job = NULL;
	outcome_take(worker, job, &verdict);
	process_release(&slot->process);
}

void slot_serve(struct slot *slot, struct worker *worker, int64_t now_ms)
{
	if (!slot->job)
		return;
	process_serve(&slot->process);
	if (process_reap(&slot->process)) {
		end(slot, worker);
		return;
	}
	if (now_ms >= slot->deadline_ms && !slot->timed_out) {
		slot->timed_out = true;
		slot->kill_ms = now_ms + KILL_AFTER_MS;
		process_signal(&slot->process, SIGTERM);
	}
	if (now_ms >= slot->kill_ms) {
		slot->kill_ms = INT64_MAX;
		process_signal(&slot->process, SIGKILL);
	}
}

void slot_abandon(struct slot *slot)
{
	if (slot->job)
		process_release(&slot->process);
	slot->job = NULL;
}

void slot_release(struct slot *slot)
{
	slot_abandon(slot);
	mq_buf_release(&slot->input);
}
