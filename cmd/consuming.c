/* Running a reading command to its end: see consuming.h. */
#include "cmd/consuming.h"

#include <stdio.h>
#include <unistd.h>

struct progress {
	int64_t expected;
	int64_t started_ms;
	bool shown;
};

/* One line on the terminal, rewritten in place; only where the messages themselves go elsewhere. */
static void show_progress(void *ctx, int64_t count)
{
	struct progress *progress = ctx;
	int64_t elapsed = mq_now_monotonic_ms() - progress->started_ms;
	long long rate = elapsed > 0 ? (long long)(count * 1000 / elapsed) : 0;

	if (progress->expected > 0)
		fprintf(stderr, "\r\033[K%lld of %lld messages (%d %%), %lld/s", (long long)count,
		        (long long)progress->expected,
		        (int)(count >= progress->expected ? 100 : count * 100 / progress->expected),
		        rate);
	else
		fprintf(stderr, "\r\033[K%lld messages, %lld/s", (long long)count, rate);
	progress->shown = true;
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

struct consuming_sink consuming_text(struct text_sink *sink)
{
	return (struct consuming_sink){&sink->printed, &sink->out.closed, &sink->serving};
}

int consuming_run(struct mq_invocation *invocation, struct sources *sources,
                  const struct consuming_sink *sink, const struct mq_pump *wanted,
                  struct mq_err *err)
{
	struct progress progress = {.expected = sources_expected(sources),
	                            .started_ms = mq_now_monotonic_ms()};
	const struct mq_env *env = invocation->env;
	struct mq_pump pump = *wanted;

	pump.env = env;
	pump.readers = sources->readers;
	pump.n_readers = sources->n;
	if (sink->serving)
		*sink->serving = &pump.serving;
	if (!invocation->common->quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)) {
		pump.progress = show_progress;
		pump.progress_ctx = &progress;
	}
	enum mq_pump_end end = mq_pump_run(&pump, err);
	if (sink->serving)
		*sink->serving = NULL;
	if (progress.shown)
		fputs("\r\033[K", stderr);
	long long count = *sink->count;
	switch (end) {
	case MQ_PUMP_ENDED:
		mq_log(env, MQ_LEVEL_NOTE, "reached the end of %s after %lld message%s%s",
		       sources->label, count, plural(count),
		       !pump.settle && sources_can_take(sources) ? "; nothing was taken" : "");
		return MQ_OK;
	case MQ_PUMP_IDLE:
		mq_log(env, MQ_LEVEL_NOTE, "no message for %lld ms; %lld message%s printed",
		       (long long)pump.idle_timeout_ms, count, plural(count));
		return MQ_OK;
	case MQ_PUMP_CANCELLED:
		mq_log(env, MQ_LEVEL_NOTE, "stopped by a signal after %lld message%s", count,
		       plural(count));
		return MQ_CANCELLED;
	case MQ_PUMP_LIMIT:
	case MQ_PUMP_SINK_GONE:
		return MQ_OK;
	case MQ_PUMP_FAILED:
		break;
	}
	if (sink->closed && *sink->closed) {
		mq_err_clear(err);
		return MQ_OK;
	}
	return (int)err->code;
}
