/* Programs in their places, and the kind that is started for each message: see slot.h. */
#include "cmd/worker/slot.h"

#include "cmd/schema/marking.h"
#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"
#include "cmd/worker/reply.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
	KILL_AFTER_MS = 5000,
	SERVE_MS = 1000, /* at least so often */
	SHORT_MS = 100,  /* until another program is tried to be started */
};

/* --- jobs of a slot --------------------------------------------------------------------------- */

static void set_deadline(struct slot *slot, const struct worker *worker)
{
	slot->deadline_ms = slot->n > 0 && worker->options->timeout_ms > 0
	                        ? mq_now_monotonic_ms() + worker->options->timeout_ms
	                        : INT64_MAX;
}

void slot_give(struct slot *slot, struct worker *worker, struct job *job)
{
	slot->jobs[(slot->first + slot->n) % SLOT_LINES] = job;
	if (slot->n++ == 0)
		set_deadline(slot, worker);
}

struct job *slot_take(struct slot *slot, struct worker *worker)
{
	struct job *job = slot->jobs[slot->first];

	slot->first = (slot->first + 1) % SLOT_LINES;
	slot->n--;
	set_deadline(slot, worker);
	return job;
}

size_t slot_room(const struct slot *slot, const struct worker *worker)
{
	size_t room = worker->kind->room ? worker->kind->room : (size_t)worker->options->batch;

	if (slot->rest_until_ms > 0 && mq_now_monotonic_ms() < slot->rest_until_ms)
		return 0;
	return slot->timed_out || slot->closed || slot->n >= room ? 0 : room - slot->n;
}

/* By --schema: 0, or -1 for what is not valid. */
static int judge(const struct worker *worker, const struct mq_message *message, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	int valid = worker->marking ? marking_judge(worker->marking, message, &why) : 1;
	if (valid > 0)
		return 0;
	mq_fail(err, valid == 0 ? MQ_DATA : why.code, "%s", why.message);
	err->retriable = valid < 0 && why.code == MQ_UNREACHABLE;
	return -1;
}

/* The message as its program is to see it. Bad data is an error unless it is wanted raw; a registry
 * that does not answer is waited for, as for anything that the machine is short of. */
static int decode(const struct worker *worker, const struct job *job, struct mq_message *ret,
                  struct mq_err *err)
{
	*ret = job->message;
	if (!worker->decoder || decoder_apply(worker->decoder, &job->message, ret, err) == 0)
		return judge(worker, ret, err);
	if (err->code == MQ_UNREACHABLE)
		err->retriable = true;
	if (err->code != MQ_DATA || !worker->raw)
		return -1;
	mq_err_clear(err);
	return 0;
}

int slot_text(const struct worker *worker, const struct job *job, struct mq_buf *buf,
              struct mq_bytes *ret, struct mq_err *err)
{
	struct mq_message message;
	size_t at = buf->len;

	if (decode(worker, job, &message, err) < 0)
		return -1;
	*ret = mq_shown_payload(&message);
	if (!worker->options->json && ret->data == job->message.payload.data)
		return 0;
	if ((worker->options->json ? mq_format_append(worker->envelope, &message, buf, err)
	                           : mq_buf_append(buf, ret->data, ret->len, err)) < 0)
		return -1;
	*ret = mq_bytes_of(buf->data + at, buf->len - at);
	return 0;
}

int slot_line(const struct worker *worker, const struct job *job, struct mq_buf *buf,
              struct mq_err *err)
{
	size_t before = buf->len;
	struct mq_bytes text;

	if (slot_text(worker, job, buf, &text, err) < 0)
		return -1;
	if (worker->options->json) /* it is there, with its newline */
		return 0;
	if (text.len > 0 && memchr(text.data, '\n', text.len))
		mq_fail(err, MQ_DATA, "the body has several lines; --exec-json escapes them");
	else if ((buf->len > before || mq_buf_append(buf, text.data, text.len, err) == 0) &&
	         mq_buf_append_char(buf, '\n', err) == 0)
		return 0;
	buf->len = before;
	return -1;
}

void slot_undo(struct slot *slot, struct worker *worker)
{
	while (slot->n > 0)
		jobs_undo(worker->jobs, slot->jobs[(slot->first + --slot->n) % SLOT_LINES]);
	set_deadline(slot, worker);
}

bool slot_start(struct slot *slot, struct worker *worker, struct process_spec *spec,
                struct mq_bytes input, bool keep_open, struct mq_err *err)
{
	spec->place = &worker->guard.groups[slot - worker->slots];
	if (!spec->environment || process_start(&slot->process, spec, input, keep_open, err) < 0)
		return false;
	worker->short_since_ms = 0;
	slot->answered = slot->late = slot->broken = false;
	return true;
}

static bool something_runs(const struct worker *worker)
{
	for (int64_t i = 0; i < worker->options->workers; i++)
		if (worker->slots[i].process.pid > 0)
			return true;
	return false;
}

/* The machine is short of something, and no message is to blame. Where nothing of ours runs that
 * could give it back, that is waited for only as long as for a broker. */
static void wait_for_room(struct worker *worker, const struct mq_err *why)
{
	int64_t now = mq_now_monotonic_ms();

	if (worker->short_since_ms == 0)
		worker->short_since_ms = now;
	if (!worker->short_said)
		mq_log(worker->invocation->env, MQ_LEVEL_WARN, "%s; trying again", why->message);
	worker->short_said = true;
	worker->rest_until_ms = now + SHORT_MS;
	if (!something_runs(worker) &&
	    now - worker->short_since_ms >= worker->invocation->env->timeout_ms)
		worker_fail(worker, why);
}

void slot_cannot(struct worker *worker, struct job *job, const struct mq_err *why)
{
	struct verdict verdict = {
	    .kind = VERDICT_REJECTED, .reason = "data", .error = mq_bytes_str(why->message)};

	if (why->code == MQ_DATA) {
		outcome_take(worker, job, &verdict);
		return;
	}
	jobs_undo(worker->jobs, job);
	if (why->retriable)
		wait_for_room(worker, why);
	else
		worker_fail(worker, why);
}

void slot_judge(const struct slot *slot, struct verdict *ret)
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
	}
	if (WIFSIGNALED(status))
		snprintf(ret->status, sizeof ret->status, "signal %d", WTERMSIG(status));
	else
		snprintf(ret->status, sizeof ret->status, "exit %d", WEXITSTATUS(status));
	/* A shell tells of a signal by 128 more. */
	ret->broken_pipe = WIFSIGNALED(status) ? WTERMSIG(status) == SIGPIPE
	                                       : WEXITSTATUS(status) == 128 + SIGPIPE;
}

void slot_stop(struct slot *slot)
{
	slot->kill_ms = mq_now_monotonic_ms() + KILL_AFTER_MS;
	process_signal(&slot->process, SIGTERM);
}

/* --- one program for each message ------------------------------------------------------------- */

static void begin_each(struct slot *slot, struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_bytes input;
	struct process_spec spec = {.command = worker->options->exec,
	                            .answers = worker->options->reply != NULL,
	                            .limit = REPLY_MAX};

	mq_buf_clear(&slot->input);
	spec.environment = environment_of(&worker->environment, &job->message, job->attempts, &err);
	if (slot_text(worker, job, &slot->input, &input, &err) < 0 ||
	    !slot_start(slot, worker, &spec, input, false, &err)) {
		slot_cannot(worker, job, &err);
		return;
	}
	slot_give(slot, worker, job);
}

static void ended_each(struct slot *slot, struct worker *worker)
{
	char tail[PROCESS_TAIL];
	struct verdict verdict = {.kind = VERDICT_DONE};

	verdict.error = mq_bytes_of(tail, process_tail(&slot->process, tail));
	verdict.output = mq_bytes_of(slot->process.lines.data, slot->process.lines.len);
	slot_judge(slot, &verdict);
	if (slot->process.overflow) {
		verdict.kind = VERDICT_REJECTED;
		verdict.reason = "reply";
		verdict.error = mq_bytes_str("the reply is larger than 16 MiB");
	}
	outcome_take(worker, slot_take(slot, worker), &verdict);
}

static void given_each(struct slot *slot, struct worker *worker)
{
	(void)slot, (void)worker;
}

/* Its output counts once it has ended, unless it has no end. */
static void answered_each(struct slot *slot, struct worker *worker)
{
	(void)worker;
	if (slot->process.overflow && slot->kill_ms == INT64_MAX)
		slot_stop(slot);
}

const struct slot_kind slot_each = {.room = 1,
                                    .begin = begin_each,
                                    .given = given_each,
                                    .answered = answered_each,
                                    .ended = ended_each};

/* --- serving ---------------------------------------------------------------------------------- */

void slot_begin(struct slot *slot, struct worker *worker, struct job *job)
{
	if (slot->input.limit == 0) {
		mq_buf_init(&slot->input, SIZE_MAX / 2);
		mq_buf_init(&slot->later, SIZE_MAX / 2);
		slot->deadline_ms = slot->kill_ms = INT64_MAX;
	}
	worker->kind->begin(slot, worker, job);
}

void slot_flush(struct slot *slot, struct worker *worker)
{
	if (slot->input.limit > 0) /* it was given something once */
		worker->kind->given(slot, worker);
}

bool slot_is_due(const struct slot *slot, bool ended, int64_t now_ms)
{
	return slot->process.pid > 0 &&
	       (ended || slot->ready || now_ms >= slot->deadline_ms || now_ms >= slot->kill_ms ||
	        now_ms - slot->served_ms >= SERVE_MS);
}

void slot_serve(struct slot *slot, struct worker *worker, int64_t now_ms)
{
	if (slot->process.pid == 0)
		return;
	slot->ready = false;
	slot->served_ms = now_ms;
	process_serve(&slot->process);
	worker->kind->answered(slot, worker);
	if (process_reap(&slot->process)) {
		worker->kind->answered(slot, worker);
		worker->kind->ended(slot, worker);
		process_release(&slot->process);
		slot->timed_out = false;
		slot->kill_ms = INT64_MAX;
		return;
	}
	if (now_ms >= slot->deadline_ms && !slot->timed_out) {
		slot->timed_out = true;
		slot_stop(slot);
	}
	if (now_ms >= slot->kill_ms) {
		slot->kill_ms = INT64_MAX - 1; /* once */
		process_signal(&slot->process, SIGKILL);
	}
}

void slot_close(struct slot *slot)
{
	if (slot->process.pid > 0)
		slot->process.keep_open = false;
	if (slot->process.pid > 0 && slot->process.left.len == 0)
		process_close_input(&slot->process);
}

void slot_abandon(struct slot *slot)
{
	if (slot->process.pid > 0)
		process_release(&slot->process);
	slot->n = 0;
}

void slot_release(struct slot *slot)
{
	slot_abandon(slot);
	mq_buf_release(&slot->input);
	mq_buf_release(&slot->later);
}
