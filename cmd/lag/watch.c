/*
 * mqtk lag --watch where there is no screen to redraw: report behind report, for pipes and logs. On
 * a terminal live.c takes over. See lag.h.
 */
#include "cmd/lag/lag.h"

#include "mqtk/message.h"
#include "mqtk/output.h"

#include <unistd.h>

static int append_report(struct mq_invocation *invocation, const struct lag_source *source,
                         const struct lag_look *look, const struct mq_lag_table *table, bool again,
                         struct mq_buf *buf, struct mq_err *err)
{
	const struct lag_values *values = invocation->values;
	struct lag_report report = {.broker = source->broker,
	                            .format = (enum lag_format)values->format,
	                            .totals = values->totals,
	                            .color = invocation->color_out,
	                            .ts_ms = look->now_ms,
	                            .again = again,
	                            .complete = !look->missing.code && !look->absent.code};
	char when[MQ_TIME_TEXT];

	if (values->format == LAG_TABLE) {
		mq_time_format_iso(look->now_ms, when);
		if (mq_buf_printf(buf, err, "%s%s\n", again ? "\n" : "", when) < 0)
			return -1;
	}
	return lag_report(&report, table, buf, err);
}

/* One look and its report. Returns 0, 1 when the look failed (err says why), or -1 when it cannot
 * go on. */
static int show_one(struct mq_invocation *invocation, struct lag_source *source,
                    struct mq_lag_table *table, bool again, struct mq_output *out,
                    struct mq_err *err)
{
	struct lag_look look = {0};
	int result = -1;

	if (lag_source_look(source, &look, err) < 0)
		return 1;
	if (look.absent.code && !again) {
		*err = look.absent;
		lag_look_release(&look);
		return 1;
	}
	if (lag_look_add(source, &look, table, err) == 0 &&
	    append_report(invocation, source, &look, table, again, &out->buf, err) == 0)
		result = mq_output_flush(out, source->env, NULL, err);
	if (result == 0 && look.missing.code)
		mq_log(source->env, MQ_LEVEL_WARN, "%s", look.missing.message);
	if (result == 0 && look.absent.code)
		mq_log(source->env, MQ_LEVEL_WARN, "%s", look.absent.message);
	lag_look_release(&look);
	return result;
}

static int watch_plain(struct mq_invocation *invocation, struct lag_source *source,
                       struct mq_err *err)
{
	const struct lag_values *values = invocation->values;
	const struct mq_cancel *cancel = source->env->cancel;
	struct mq_lag_table table;
	struct mq_output out;
	bool again = false;
	int code = -1;

	mq_lag_table_init(&table, LAG_WINDOW, LAG_WINDOW, LAG_QUIET_MS);
	mq_output_init(&out, STDOUT_FILENO, "stdout");
	while (!mq_cancel_signal(cancel)) {
		int64_t next = mq_now_monotonic_ms() + values->watch_ms;
		int shown = show_one(invocation, source, &table, again, &out, err);
		if (shown < 0 && out.closed) {
			mq_err_clear(err);
			code = 0;
			goto out;
		}
		/* What fails from the start is a mistake; later it may come back. */
		if (mq_cancel_signal(cancel))
			break;
		if (shown < 0 || (shown > 0 && !again))
			goto out;
		if (shown > 0)
			mq_log(source->env, MQ_LEVEL_WARN, "%s", err->message);
		mq_err_clear(err);
		again = true;
		int64_t left = next - mq_now_monotonic_ms();
		mq_cancel_wait(cancel, -1, 0, left > 0 ? (int)left : 0);
	}
	mq_err_clear(err);
	code = MQ_CANCELLED;
out:
	mq_output_release(&out);
	mq_lag_table_release(&table);
	return code;
}

int lag_watch(struct mq_invocation *invocation, struct lag_source *source, struct mq_err *err)
{
	const struct lag_values *values = invocation->values;

	if (values->format == LAG_TABLE && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return lag_watch_live(invocation, source, err);
	return watch_plain(invocation, source, err);
}
