/*
 * The loop of everything that reads: see mqtk/pump.h for the contract.
 *
 * The order is the promise: fetch, accept, flush, settle, release; and commit only what was
 * settled. Nothing here knows a broker or a format.
 */
#include "mqtk/pump.h"

#include <poll.h>
#include <stdlib.h>

enum {
	BATCH_MAX = 4096,  /* messages asked for at once */
	WAKE_MS = 250,     /* longest wait before the sink and the clock are looked at again */
	SLOW_MS = 100,     /* a fetch that takes so much longer than asked for was not waiting */
	PROGRESS_MS = 200, /* between two progress calls */
	POLL_WITHOUT_FD_MS = 50, /* several readers, one of which has no descriptor to wait for */
};

struct pump_run {
	struct mq_pump *pump;
	struct mq_err *err;
	struct pollfd *fds; /* one per reader, then the cancel descriptor */
	bool *caught_up;
	bool *ended;
	bool all_caught_up;
	bool unsettled; /* something was settled since the last commit */
	int64_t last_message_ms;
	int64_t last_commit_ms;
	int64_t last_progress_ms;
};

static bool cancelled(const struct pump_run *run)
{
	return mq_cancel_signal(run->pump->env->cancel) != 0;
}

/* Commits what was settled: at intervals without waiting, at the end with. */
static int commit(struct pump_run *run, bool wait)
{
	struct mq_pump *pump = run->pump;
	int result = 0;

	if (!pump->settle)
		return 0;
	for (size_t i = 0; i < pump->n_readers; i++)
		if (mq_commit(pump->readers[i], wait, run->err) < 0)
			result = -1;
	run->unsettled = false;
	run->last_commit_ms = mq_now_monotonic_ms();
	return result;
}

/* Hands one batch to the sink and settles what got out. Returns 0, or -1 when the sink or the
 * settling failed. */
static int deliver(struct pump_run *run, struct mq_reader *reader, const struct mq_batch *batch)
{
	struct mq_pump *pump = run->pump;
	size_t done = 0;

	while (done < batch->n) {
		const struct mq_message *next = batch->messages + done;
		size_t lost = 0;
		int64_t taken = pump->sink.accept(pump->sink.ctx, next, batch->n - done, run->err);
		bool failed = taken < 0;
		if (failed) /* what it had accepted before still gets out */
			taken = 0;
		bool full = failed || (size_t)taken < batch->n - done;
		if ((!pump->lazy || full) && pump->sink.flush(pump->sink.ctx, &lost, run->err) < 0)
			failed = true;
		size_t out = (size_t)taken > lost ? (size_t)taken - lost : 0;
		if (out > 0 && pump->settle) {
			if (mq_settle(reader, next, out, run->err) < 0)
				failed = true;
			run->unsettled = true;
		}
		pump->count += (int64_t)out;
		if (failed)
			return -1;
		done += (size_t)taken;
	}
	return 0;
}

/* How many messages may still be taken. */
static size_t room(const struct mq_pump *pump)
{
	size_t most = pump->batch ? pump->batch : BATCH_MAX;

	if (pump->limit < 0)
		return most;
	int64_t left = pump->limit - pump->count;
	return left < (int64_t)most ? (size_t)left : most;
}

/* How long nothing may happen before the loop has to look at its clocks. */
static int wait_time(const struct pump_run *run, int64_t now)
{
	const struct mq_pump *pump = run->pump;
	int64_t wait = WAKE_MS;

	if (pump->idle_timeout_ms >= 0) {
		int64_t left = run->last_message_ms + pump->idle_timeout_ms - now;
		wait = left < wait ? left : wait;
	}
	if (run->unsettled) {
		int64_t left = run->last_commit_ms + pump->commit_every_ms - now;
		wait = left < wait ? left : wait;
	}
	return wait > 0 ? (int)wait : 0;
}

/* Fetches from one reader and delivers. Returns how many messages there were, or -1. */
static int64_t serve(struct pump_run *run, size_t i, int timeout_ms)
{
	struct mq_pump *pump = run->pump;
	struct mq_reader *reader = pump->readers[i];
	struct mq_batch batch = {0};

	if (run->ended[i])
		return 0;
	int64_t begun = mq_now_monotonic_ms();
	if (mq_fetch(reader, room(pump), timeout_ms, &batch, run->err) < 0)
		return -1;
	/* It was not silence that took longer than was asked for, but connecting again. */
	int64_t over = mq_now_monotonic_ms() - begun - timeout_ms;
	if (over > SLOW_MS)
		run->last_message_ms += over;
	int64_t n = (int64_t)batch.n;
	pump->serving = i;
	if (n > 0 && deliver(run, reader, &batch) < 0)
		n = -1;
	run->caught_up[i] = run->caught_up[i] || batch.caught_up || batch.ended;
	run->ended[i] = batch.ended || (pump->stop_at_end && run->caught_up[i]);
	mq_release(reader, &batch);
	return n;
}

static bool all(const bool *flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!flags[i])
			return false;
	return true;
}

/* Waits until one of several readers has something. */
static void wait_for_any(struct pump_run *run, int timeout_ms)
{
	struct mq_pump *pump = run->pump;

	for (size_t i = 0; i < pump->n_readers; i++) {
		int fd = run->ended[i] ? -1 : mq_reader_fd(pump->readers[i]);
		run->fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
		if (fd < 0 && !run->ended[i] && timeout_ms > POLL_WITHOUT_FD_MS)
			timeout_ms = POLL_WITHOUT_FD_MS;
	}
	run->fds[pump->n_readers] =
	    (struct pollfd){.fd = mq_cancel_fd(pump->env->cancel), .events = POLLIN};
	poll(run->fds, pump->n_readers + 1, timeout_ms);
}

/* One turn over all readers. Returns the number of messages, or -1. */
static int64_t turn(struct pump_run *run)
{
	struct mq_pump *pump = run->pump;
	int timeout_ms = wait_time(run, mq_now_monotonic_ms());
	int64_t total = 0;

	if (pump->n_readers == 1)
		return serve(run, 0, timeout_ms);
	for (size_t i = 0; i < pump->n_readers && room(pump) > 0; i++) {
		int64_t n = serve(run, i, 0);
		if (n < 0)
			return -1;
		total += n;
	}
	if (total == 0 && !all(run->ended, pump->n_readers))
		wait_for_any(run, timeout_ms);
	return total;
}

/* What is due by the clock or by having caught up. Returns 0 or -1. */
static int housekeeping(struct pump_run *run, int64_t n)
{
	struct mq_pump *pump = run->pump;
	int64_t now = mq_now_monotonic_ms();

	if (n > 0)
		run->last_message_ms = now;
	if (!run->all_caught_up && all(run->caught_up, pump->n_readers)) {
		run->all_caught_up = true;
		if (pump->caught_up && pump->caught_up(pump->ctx, run->err) < 0)
			return -1;
	}
	if (run->unsettled && now - run->last_commit_ms >= pump->commit_every_ms &&
	    commit(run, false) < 0)
		return -1;
	if (pump->progress && now - run->last_progress_ms >= PROGRESS_MS) {
		pump->progress(pump->progress_ctx, pump->count);
		run->last_progress_ms = now;
	}
	return 0;
}

static enum mq_pump_end loop(struct pump_run *run)
{
	struct mq_pump *pump = run->pump;

	for (;;) {
		if (cancelled(run))
			return MQ_PUMP_CANCELLED;
		if (room(pump) == 0)
			return MQ_PUMP_LIMIT;
		if (all(run->ended, pump->n_readers))
			return MQ_PUMP_ENDED;
		int64_t n = turn(run);
		if (n < 0 || housekeeping(run, n) < 0)
			return MQ_PUMP_FAILED;
		if (n > 0)
			continue;
		if (pump->sink.gone && pump->sink.gone(pump->sink.ctx))
			return MQ_PUMP_SINK_GONE;
		if (pump->idle_timeout_ms >= 0 &&
		    mq_now_monotonic_ms() - run->last_message_ms >= pump->idle_timeout_ms)
			return MQ_PUMP_IDLE;
	}
}

enum mq_pump_end mq_pump_run(struct mq_pump *pump, struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();
	struct pump_run run = {
	    .pump = pump,
	    .err = err,
	    .fds = calloc(pump->n_readers + 1, sizeof *run.fds),
	    .caught_up = calloc(pump->n_readers + 1, sizeof *run.caught_up),
	    .ended = calloc(pump->n_readers + 1, sizeof *run.ended),
	    .last_message_ms = now,
	    .last_commit_ms = now,
	    .last_progress_ms = now,
	};
	enum mq_pump_end end = MQ_PUMP_FAILED;
	size_t lost = 0;

	pump->count = 0;
	if (!run.fds || !run.caught_up || !run.ended)
		mq_fail_memory(err);
	else
		end = loop(&run);
	if (pump->lazy && pump->sink.flush(pump->sink.ctx, &lost, err) < 0)
		end = MQ_PUMP_FAILED;
	pump->count -= (int64_t)lost;
	if (run.fds && commit(&run, true) < 0)
		end = MQ_PUMP_FAILED;
	if (pump->progress)
		pump->progress(pump->progress_ctx, pump->count);
	free(run.fds);
	free(run.caught_up);
	free(run.ended);
	return end;
}
