/* The loop of the worker: see engine.h. */
#include "cmd/worker/engine.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	WINDOW = 1000,  /* messages that are fetched and not settled */
	FEW = 16,       /* the same where others wait for them */
	EACH_FEW = 4,   /* and for each worker, to have others beside those that back off */
	BATCH = 256,    /* fetched at once */
	FIRST = 16,     /* before it is known how large they are */
	WAKE_MS = 250,  /* longest wait before the readers and the clock are looked at again */
	SERVE_MS = 100, /* a reader without a descriptor is looked at so often */
	PROGRESS_MS = 500,
	LAST_MS = 1000, /* between asking programs to end and ending them, when we leave */
	FDS_OTHERS = 4, /* the wake-up, the cancel descriptor, dead letters, an entry to spare */
};
#define WINDOW_BYTES ((size_t)64 << 20)

void worker_fail(struct worker *worker, const struct mq_err *why)
{
	if (worker->why.code == MQ_OK)
		worker->why = *why;
	worker->stopping = true;
}

/* --- fetching --------------------------------------------------------------------------------- */

size_t worker_window(const struct worker *worker, bool lent)
{
	size_t at_once = (size_t)worker->options->workers;

	if (worker->options->exec_batch)
		at_once *= (size_t)worker->options->batch;
	if (worker->prefetch > 0)
		return (size_t)worker->prefetch;
	if (!lent || worker->options->exec_lines || EACH_FEW * at_once > WINDOW)
		return WINDOW;
	return EACH_FEW * at_once > FEW ? EACH_FEW * at_once : FEW;
}

static size_t room(const struct worker *worker)
{
	size_t most = BATCH, there = jobs_count(worker->jobs), held = jobs_bytes(worker->jobs);

	if (worker->stopping || there >= worker->window || held >= WINDOW_BYTES)
		return 0;
	if (worker->window - there < most)
		most = worker->window - there;
	/* As many as fit if they are like the last ones. */
	if (worker->typical == 0 && most > FIRST)
		most = FIRST;
	else if (worker->typical > 0 && (WINDOW_BYTES - held) / worker->typical < most)
		most = (WINDOW_BYTES - held) / worker->typical + 1;
	if (worker->limit >= 0 && worker->limit - worker->counts.fetched < (int64_t)most)
		most = (size_t)(worker->limit - worker->counts.fetched);
	return most;
}

/* With no room nothing is lent, but the connection lives on. Returns how many came, or -1. */
static int64_t fetch(struct worker *worker, size_t i, struct mq_err *err)
{
	struct mq_reader *reader = worker->sources.readers[i];
	size_t before = jobs_bytes(worker->jobs);
	struct mq_batch batch = {0};
	int result = 0;

	if (mq_fetch(reader, worker->caught_up[i] ? 0 : room(worker), 0, &batch, err) < 0)
		return -1;
	int64_t n = (int64_t)batch.n;
	for (size_t k = 0; k < batch.n && result == 0; k++)
		result = jobs_add(worker->jobs, i, &batch.messages[k], err);
	worker->caught_up[i] = (worker->caught_up[i] && !batch.again) || batch.ended ||
	                       (worker->stop_at_end && batch.caught_up);
	mq_release(reader, &batch);
	worker->counts.fetched += n;
	if (n > 0)
		worker->typical = (jobs_bytes(worker->jobs) - before) / (size_t)n;
	return result < 0 ? -1 : n;
}

static int64_t fetch_all(struct worker *worker)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t total = 0, begun = mq_now_monotonic_ms();

	for (size_t i = 0; i < worker->sources.n; i++) {
		int64_t n = fetch(worker, i, &err);
		if (n < 0) {
			worker_fail(worker, &err);
			return 0;
		}
		total += n;
	}
	int64_t now = mq_now_monotonic_ms();
	if (total > 0)
		worker->last_message_ms = now;
	else /* what took time was connecting again, and no silence */
		worker->last_message_ms += now - begun;
	return total;
}

/* --- working ---------------------------------------------------------------------------------- */

/* What another member has now is not begun here: it works on it, or will. */
static bool is_lost(struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;

	if (mq_owns(worker->sources.readers[job->reader], &job->message))
		return false;
	worker->counts.fetched--;
	if (jobs_lost(worker->jobs, job, &worker->counts.settled, &err) < 0)
		worker_fail(worker, &err);
	return true;
}

static void give_jobs(struct worker *worker)
{
	int64_t now = mq_now_monotonic_ms(), idle = 0;

	/* In turn, so that each program has as much to do as the others. */
	for (int64_t i = 0; idle < worker->options->workers && !worker->stopping;
	     i = (i + 1) % worker->options->workers) {
		struct slot *slot = &worker->slots[i];
		struct job *job = NULL;
		if (now < worker->rest_until_ms)
			return;
		if (slot_room(slot, worker) > 0 && !(job = jobs_begin(worker->jobs, now)))
			return;
		idle = job ? 0 : idle + 1;
		if (job && !is_lost(worker, job))
			slot_begin(slot, worker, job);
	}
}

static void begin_jobs(struct worker *worker)
{
	give_jobs(worker);
	for (int64_t i = 0; i < worker->options->workers; i++)
		slot_flush(&worker->slots[i], worker);
}

static bool any_at_work(const struct worker *worker)
{
	for (int64_t i = 0; i < worker->options->workers; i++)
		if (worker->slots[i].n > 0)
			return true;
	return false;
}

static void serve(struct worker *worker)
{
	int64_t now = mq_now_monotonic_ms();

	bool ended = process_woken();
	for (int64_t i = 0; i < worker->options->workers; i++)
		if (slot_is_due(&worker->slots[i], ended, now))
			slot_serve(&worker->slots[i], worker, now);
	/* Where nothing is at work, nothing comes that a letter could wait for. */
	bool alone = !any_at_work(worker);
	sender_serve(&worker->dead, alone);
	for (size_t i = 0; i < worker->n_replies; i++)
		sender_serve(&worker->replies[i], alone);
}

static void commit(struct worker *worker, bool wait)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t now = mq_now_monotonic_ms();

	if (!wait && (!worker->unsettled || now - worker->last_commit_ms < worker->commit_every_ms))
		return;
	for (size_t i = 0; i < worker->sources.n; i++)
		if (mq_commit(worker->sources.readers[i], wait, &err) < 0)
			worker_fail(worker, &err);
	worker->last_commit_ms = now;
	worker->unsettled = false;
}

static bool is_sending(const struct worker *worker)
{
	for (size_t i = 0; i < worker->n_replies; i++)
		if (sender_is_busy(&worker->replies[i]))
			return true;
	return sender_is_busy(&worker->dead);
}

static bool is_working(const struct worker *worker)
{
	return any_at_work(worker) || is_sending(worker);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int64_t earliest(const struct worker *worker, int64_t now)
{
	int64_t until = now + WAKE_MS, due = jobs_due(worker->jobs);

	if (due < until && !worker->stopping)
		until = due;
	if (worker->rest_until_ms > now && worker->rest_until_ms < until)
		until = worker->rest_until_ms;
	for (int64_t i = 0; i < worker->options->workers; i++) {
		const struct slot *slot = &worker->slots[i];
		if (slot->n > 0 && slot->process.pid == 0) /* a batch that waits for more */
			until = until < now + 10 ? until : now + 10;
		if (slot->rest_until_ms > now && slot->rest_until_ms < until)
			until = slot->rest_until_ms;
		if (slot->process.pid == 0)
			continue;
		if (!slot->timed_out && slot->deadline_ms < until)
			until = slot->deadline_ms;
		if (slot->kill_ms < until)
			until = slot->kill_ms;
	}
	if (is_sending(worker))
		until = until < now + 5 ? until : now + 5;
	return until > now ? until - now : 0;
}

/* fds as process_poll gave them, of one program after the other. */
static void mark_ready(struct worker *worker, const struct pollfd *fds)
{
	struct pollfd same[3];

	for (int64_t i = 0; i < worker->options->workers; i++) {
		struct slot *slot = &worker->slots[i];
		size_t n = slot->process.pid > 0 ? process_poll(&slot->process, same) : 0;
		for (size_t k = 0; k < n; k++)
			slot->ready = slot->ready || fds[k].revents;
		fds += n;
	}
}

/* more: readers may have more right now, of which their descriptors say nothing. */
static void wait_for_something(struct worker *worker, struct pollfd *fds, bool more)
{
	int64_t now = mq_now_monotonic_ms(), wait = earliest(worker, now);
	struct mq_err ignored = MQ_ERR_INIT;
	nfds_t n = 0, programs;

	for (size_t i = 0; i < worker->sources.n; i++) {
		int fd = room(worker) > 0 && !worker->caught_up[i]
		             ? mq_reader_fd(worker->sources.readers[i])
		             : -1;
		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else if (wait > SERVE_MS)
			wait = SERVE_MS;
	}
	programs = n;
	for (int64_t i = 0; i < worker->options->workers; i++)
		if (worker->slots[i].process.pid > 0)
			n += process_poll(&worker->slots[i].process, fds + n);
	n += sender_poll(&worker->dead, fds + n);
	for (size_t i = 0; i < worker->n_replies; i++)
		n += sender_poll(&worker->replies[i], fds + n);
	fds[n++] = (struct pollfd){.fd = process_wakeup(&ignored), .events = POLLIN};
	if (!worker->stopping)
		fds[n++] = (struct pollfd){.fd = mq_cancel_fd(worker->invocation->env->cancel),
		                           .events = POLLIN};
	if (poll(fds, n, more ? 0 : (int)wait) > 0)
		mark_ready(worker, fds + programs);
}

/* --- for a terminal --------------------------------------------------------------------------- */

/* One line, rewritten in place; only where what the programs print goes elsewhere. */
static void show_progress(struct worker *worker, int64_t now)
{
	const struct worker_counts *c = &worker->counts;
	int64_t elapsed = now - worker->started_ms;

	if (!worker->progress || now - worker->shown_ms < PROGRESS_MS)
		return;
	worker->shown_ms = now;
	fprintf(stderr,
	        "\r\033[K%" PRId64 " messages handled, %zu at work, %" PRId64 " dead, %" PRId64
	        "/s",
	        c->handled, jobs_open(worker->jobs), c->dead,
	        elapsed > 0 ? (c->handled + c->dead) * 1000 / elapsed : 0);
	process_share_line(true);
}

static void end_progress(struct worker *worker)
{
	if (worker->progress)
		fputs("\r\033[K", stderr);
	worker->progress = false;
	process_share_line(false);
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool cancelled(const struct worker *worker)
{
	return mq_cancel_signal(worker->invocation->env->cancel) != 0;
}

static bool all_caught_up(const struct worker *worker)
{
	for (size_t i = 0; i < worker->sources.n; i++)
		if (!worker->caught_up[i])
			return false;
	return true;
}

/* Nothing is left to do, and nothing more will come. */
static bool is_over(const struct worker *worker, int64_t now)
{
	if (jobs_open(worker->jobs) > 0)
		return false;
	if (all_caught_up(worker) ||
	    (worker->limit >= 0 && worker->counts.fetched >= worker->limit))
		return true;
	return worker->idle_timeout_ms >= 0 &&
	       now - worker->last_message_ms >= worker->idle_timeout_ms;
}

static void run(struct worker *worker, struct pollfd *fds)
{
	for (;;) {
		int64_t now = mq_now_monotonic_ms();
		if (cancelled(worker) && !worker->stopping)
			worker->stopping = true;
		if (worker->stopping && worker->stopped_ms == 0)
			worker->stopped_ms = now;
		if (worker->stopping &&
		    (!is_working(worker) || now - worker->stopped_ms >= worker->options->grace_ms))
			return;
		if (!worker->stopping && is_over(worker, now))
			return;
		bool more = fetch_all(worker) > 0;
		begin_jobs(worker);
		wait_for_something(worker, fds, more && room(worker) > 0);
		serve(worker);
		commit(worker, false);
		show_progress(worker, now);
	}
}

/* Waits until they all have ended, or until end; meanwhile the readers are kept alive. idle: only
 * those that work on nothing, which find the end of their input; of the others it is too late to
 * hear anything. */
static bool wait_for_programs(struct worker *worker, struct pollfd *fds, bool idle, int64_t end)
{
	for (;;) {
		bool any = false;
		for (int64_t i = 0; i < worker->options->workers; i++) {
			struct slot *slot = &worker->slots[i];
			if (slot->process.pid == 0 || (idle && slot->n > 0))
				continue;
			if (idle) {
				slot_close(slot);
				slot_serve(slot, worker, mq_now_monotonic_ms());
			} else {
				process_serve(&slot->process);
				if (process_reap(&slot->process))
					process_release(&slot->process);
			}
			any = any || slot->process.pid > 0;
		}
		if (!any || mq_now_monotonic_ms() >= end)
			return !any;
		fetch_all(worker);
		wait_for_something(worker, fds, false);
		process_woken();
	}
}

/* What still works is ended; its messages come again. */
static void leave(struct worker *worker, struct pollfd *fds)
{
	int64_t left = 0, now = mq_now_monotonic_ms();

	worker->stopping = true;
	if (!wait_for_programs(worker, fds, true, now + worker->options->grace_ms))
		mq_log(worker->invocation->env, MQ_LEVEL_WARN,
		       "the command did not end at the end of its input within --grace");
	for (int64_t i = 0; i < worker->options->workers; i++) {
		left += worker->slots[i].n > 0;
		process_signal(&worker->slots[i].process, SIGTERM);
	}
	wait_for_programs(worker, fds, false, mq_now_monotonic_ms() + LAST_MS);
	for (int64_t i = 0; i < worker->options->workers; i++)
		slot_abandon(&worker->slots[i]);
	if (left > 0)
		mq_log(worker->invocation->env, MQ_LEVEL_WARN,
		       "%" PRId64 " program%s ended after --grace; what %s worked on comes again",
		       left, left == 1 ? " was" : "s were", left == 1 ? "it" : "they");
	commit(worker, true);
}

static int conclude(struct worker *worker, struct mq_err *err)
{
	const struct worker_counts *c = &worker->counts;
	char unanswered[64] = "";

	if (c->unanswered > 0)
		snprintf(unanswered, sizeof unanswered, " (%" PRId64 " without a reply)",
		         c->unanswered);
	mq_log(worker->invocation->env, MQ_LEVEL_NOTE,
	       "%s%" PRId64 " of %" PRId64 " message%s handled%s, %" PRId64
	       " attempt%s repeated, %" PRId64 " dead",
	       cancelled(worker) ? "stopped by a signal: " : "", c->handled, c->fetched,
	       c->fetched == 1 ? "" : "s", unanswered, c->retried, c->retried == 1 ? "" : "s",
	       c->dead);
	if (worker->why.code != MQ_OK) {
		*err = worker->why;
		return (int)err->code;
	}
	if (cancelled(worker))
		return MQ_CANCELLED;
	if (worker->output_gone) /* as everything that prints: quietly */
		return MQ_OK;
	if (c->dead > 0 && worker->options->fail_on_dead_letter) {
		mq_fail(err, MQ_PARTIAL, "%" PRId64 " message%s went to %s", c->dead,
		        c->dead == 1 ? "" : "s", worker->options->dead_letter);
		return MQ_PARTIAL;
	}
	return MQ_OK;
}

static int open_all(struct worker *worker, struct mq_err *err)
{
	const struct worker_options *options = worker->options;
	const struct jobs_spec spec = {.order = worker->order,
	                               .readers = worker->sources.readers,
	                               .n_readers = worker->sources.n};
	const struct mq_format_spec format = {.kind = MQ_FORMAT_JSON};

	worker->kind = options->exec_lines   ? &slot_lines
	               : options->exec_batch ? &slot_batch
	                                     : &slot_each;
	worker->seed = (unsigned)mq_now_ms();
	worker->started_ms = worker->last_commit_ms = worker->last_message_ms =
	    mq_now_monotonic_ms();
	worker->slots = calloc((size_t)options->workers, sizeof *worker->slots);
	worker->caught_up = calloc(worker->sources.n + 1, sizeof *worker->caught_up);
	if (!worker->slots || !worker->caught_up)
		return mq_fail_memory(err);
	if (guard_start(&worker->guard, (size_t)options->workers, err) < 0 ||
	    process_wakeup(err) < 0 || jobs_new(&spec, &worker->jobs, err) < 0 ||
	    environment_init(&worker->environment, worker->group, err) < 0 ||
	    (options->json && mq_format_new(&format, &worker->envelope, err) < 0))
		return -1;
	return 0;
}

int worker_run(struct worker *worker, struct mq_err *err)
{
	size_t n = worker->sources.n + (size_t)worker->options->workers * 3 + worker->n_replies +
	           FDS_OTHERS;
	struct pollfd *fds = calloc(n, sizeof *fds);
	int code = MQ_INTERNAL;

	if (!fds)
		mq_fail_memory(err);
	else if (open_all(worker, err) == 0) {
		worker->progress = !worker->invocation->common->quiet && isatty(STDERR_FILENO) &&
		                   !isatty(STDOUT_FILENO);
		run(worker, fds);
		end_progress(worker);
		leave(worker, fds);
		/* What has no answer yet gets one, and is settled then. */
		sender_close(&worker->dead);
		for (size_t i = 0; i < worker->n_replies; i++)
			sender_close(&worker->replies[i]);
		if (worker->unsettled)
			commit(worker, true);
		code = conclude(worker, err);
	}
	free(fds);
	for (int64_t i = 0; worker->slots && i < worker->options->workers; i++)
		slot_release(&worker->slots[i]);
	free(worker->slots);
	guard_end(&worker->guard);
	free(worker->caught_up);
	jobs_free(worker->jobs);
	environment_release(&worker->environment);
	mq_format_free(worker->envelope);
	return err->code ? (int)err->code : code;
}
