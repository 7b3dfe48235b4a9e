/*
 * A program for several messages at once, a line each on its standard input. Exit status 0 settles
 * all of them. Otherwise nobody knows which one is to blame: each is tried again by itself, and the
 * failed common attempt does not count.
 */
#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"

enum { LINGER_MS = 50 }; /* a batch waits so long for more */

static bool is_full(const struct slot *slot, const struct worker *worker)
{
	return (int64_t)slot->n >= worker->options->batch ||
	       (slot->n > 0 && slot->jobs[slot->first]->alone);
}

static void begin(struct slot *slot, struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;

	if (slot->n > 0 && job->alone) { /* the others first */
		jobs_undo(worker->jobs, job);
		slot->closed = true;
		return;
	}
	if (slot->n == 0) {
		mq_buf_clear(&slot->input);
		slot->begun_ms = mq_now_monotonic_ms();
	}
	if (slot_line(worker, job, &slot->input, &err) < 0) {
		slot_cannot(worker, job, &err);
		return;
	}
	slot_give(slot, worker, job);
	slot->closed = is_full(slot, worker);
}

static void given(struct slot *slot, struct worker *worker)
{
	struct process_spec spec = {.command = worker->options->exec_batch};
	struct mq_err err = MQ_ERR_INIT;

	if (slot->process.pid > 0 || slot->n == 0)
		return;
	if (worker->stopping) { /* what has not begun does not begin */
		slot_undo(slot, worker);
		return;
	}
	if (!slot->closed && mq_now_monotonic_ms() - slot->begun_ms < LINGER_MS)
		return;
	slot->closed = true;
	spec.environment = environment_of(&worker->environment, NULL, 0, &err);
	if (slot_start(slot, worker, &spec, mq_bytes_of(slot->input.data, slot->input.len), false,
	               &err))
		return;
	slot->closed = false;
	struct job *last = slot->jobs[(slot->first + --slot->n) % SLOT_LINES];
	slot_cannot(worker, last, &err);
	slot_undo(slot, worker);
}

static void answered(struct slot *slot, struct worker *worker)
{
	(void)slot, (void)worker;
}

static void ended(struct slot *slot, struct worker *worker)
{
	char tail[PROCESS_TAIL];
	struct verdict verdict = {.kind = VERDICT_DONE};
	bool blames = slot->n == 1;

	verdict.error = mq_bytes_of(tail, process_tail(&slot->process, tail));
	slot_judge(slot, &verdict);
	slot->closed = false;
	for (size_t i = 0; i < slot->n; i++)
		slot->jobs[(slot->first + i) % SLOT_LINES]->alone = true;
	if (verdict.kind != VERDICT_DONE && !blames)
		slot_undo(slot, worker);
	while (slot->n > 0)
		outcome_take(worker, slot_take(slot, worker), &verdict);
}

const struct slot_kind slot_batch = {
    .begin = begin, .given = given, .answered = answered, .ended = ended};
