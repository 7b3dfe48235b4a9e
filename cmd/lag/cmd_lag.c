/*
 * mqtk lag: how far readers are behind. Here: the options, one report after one or two looks, and
 * waiting for limits. Asking is in collect.c, formats in report.c and table.c, limits in gate.c,
 * watching in watch.c.
 */
#include "cmd/commands.h"
#include "cmd/lag/lag.h"

#include "mqtk/message.h"

#include <inttypes.h>
#include <string.h>

static const struct lag_values defaults = {.common = MQ_COMMON_INIT,
                                           .interval_ms = -1,
                                           .watch_ms = -1,
                                           .wait_ms = -1,
                                           .max_lag = -1,
                                           .max_age_ms = -1};

static const char *const formats[] = {"table", "json", "csv", "prometheus", NULL};

#define OWN(member) .field = offsetof(struct lag_values, member)
static const struct mq_option report_rows[] = {
    {.name = "format",
     .type = MQ_OPT_CHOICE,
     .arg = "FORMAT",
     .choices = formats,
     .help = "how the report is written: table, json, csv or prometheus",
     .more = "CSV is that of RFC 4180, with a heading; Prometheus' is its text format 0.0.4, in "
             "which unknown numbers are left out.",
     OWN(format)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line for each row; the same as --format json",
     .excludes = "format",
     OWN(json)},
    {.name = "all",
     .letter = 'a',
     .type = MQ_OPT_FLAG,
     .help = "every group, which is also what no name means; for scripts that want to say so",
     OWN(all)},
    {.name = "totals",
     .type = MQ_OPT_FLAG,
     .help = "one row for each group and stream instead of one for each partition",
     OWN(totals)},
    {.name = "no-age",
     .type = MQ_OPT_FLAG,
     .help = "do not look how old the oldest unread messages are",
     .more = "On Kafka that saves reading one message of each partition that is behind.",
     .excludes = "max-age",
     OWN(no_age)},
    {0}};

static const struct mq_option time_rows[] = {
    {.name = "interval",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "look twice, so long apart, and report rates, time to catch up and states",
     .more = "It should be longer than the members take between two commits (5 s for most clients "
             "of Kafka), or they seem to stand still.",
     .min = 1,
     .max = INT32_MAX,
     .excludes = "watch",
     OWN(interval_ms)},
    {.name = "watch",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .implied = "2s",
     .help = "look again and again until stopped; every 2 s unless told",
     .more = "On a terminal the screen is redrawn in place, with a small line of history in each "
             "row; keys: q quit, s order, / filter, g groups or partitions, p pause, ? help. "
             "Elsewhere, and in any format but table, one report follows the other, each line of "
             "JSON and CSV with the time as ts. A broker that goes away is asked until it is back.",
     .min = 50,
     .max = INT32_MAX,
     .excludes = "wait",
     OWN(watch_ms)},
    {.name = "wait",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "look again for so long until the limits hold; one report at the end",
     .more = "What may still come is waited for as well: a broker that is not up, a group that "
             "does not exist.",
     .max = INT32_MAX,
     OWN(wait_ms)},
    {0}};

static const struct mq_option limit_rows[] = {
    {.name = "max-lag",
     .type = MQ_OPT_INT,
     .arg = "N",
     .max = -1,
     .help = "exit 1 when a group has more than N unread messages in a stream",
     .more = "The partitions of the stream are added up.",
     OWN(max_lag)},
    {.name = "max-age",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "exit 1 when an unread message is older",
     OWN(max_age_ms)},
    {.name = "no-members",
     .type = MQ_OPT_FLAG,
     .help = "exit 1 when nobody reads for a group",
     OWN(no_members)},
    {.name = "allow-unknown",
     .type = MQ_OPT_FLAG,
     .help = "what cannot be known does not fail a limit; without it that is exit 3",
     OWN(allow_unknown)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Report", report_rows, 0}, {"Time", time_rows, 0}, {"Limits", limit_rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk lag local/", "all groups of the local store, the worst first"},
    {"mqtk lag kafka://localhost:9092/ billing", "one group, with all that it reads"},
    {"mqtk lag --interval 10s prod/orders billing", "with rates, time to catch up and state"},
    {"mqtk lag --watch prod/", "look on"},
    {"mqtk lag --max-lag 0 --wait 2m prod/orders billing", "until everything is read, for CI"},
    {"mqtk lag --max-age 5m --no-members prod/orders", "an alarm: exit 1 names who is late"},
    {"mqtk lag --format prometheus prod/ > lag.prom", "for the textfile collector"},
    {0}};

/* --- one report ------------------------------------------------------------------------------ */

/* Waits; -1 when it was interrupted. */
static int pause_for(const struct mq_env *env, int64_t ms, struct mq_err *err)
{
	mq_cancel_wait(env->cancel, -1, 0, (int)ms);
	if (mq_cancel_signal(env->cancel))
		return mq_fail(err, MQ_CANCELLED, "interrupted");
	return 0;
}

/* One look, or two; the last one stays in *look. */
static int look_into(struct lag_source *source, const struct lag_values *values,
                     struct lag_look *look, struct mq_lag_table *table, struct mq_err *err)
{
	if (lag_source_look(source, look, err) < 0 || lag_look_add(source, look, table, err) < 0)
		return -1;
	if (values->interval_ms < 0)
		return 0;
	lag_look_release(look);
	mq_log(source->env, MQ_LEVEL_VERBOSE, "looked once; again in %" PRId64 " ms",
	       values->interval_ms);
	if (pause_for(source->env, values->interval_ms, err) < 0)
		return -1;
	if (lag_source_look(source, look, err) < 0 || lag_look_add(source, look, table, err) < 0)
		return -1;
	return 0;
}

static void say_lines(const struct mq_env *env, const struct mq_buf *words)
{
	const char *line = words->data, *end = words->data + words->len;

	while (line < end) {
		const char *feed = memchr(line, '\n', (size_t)(end - line));
		int len = feed ? (int)(feed - line) : (int)(end - line);
		mq_log(env, MQ_LEVEL_WARN, "%.*s", len, line);
		line += len + 1;
	}
}

/* What one try has found: a report to print, words, and an exit code. */
struct
try {
	struct mq_buf report, words;
	int code;
	struct mq_err err;
};

static int make_report(struct mq_invocation *invocation, struct lag_source *source,
                       const struct lag_look *look, const struct mq_lag_table *table,
                       struct mq_buf *buf, struct mq_err *err)
{
	const struct lag_values *values = invocation->values;
	struct lag_report report = {.broker = source->broker,
	                            .format = (enum lag_format)values->format,
	                            .totals = values->totals,
	                            .color = invocation->color_out,
	                            .ts_ms = MQ_NO_TIME,
	                            .complete = !look->missing.code && !look->absent.code};

	if (values->format == LAG_TABLE && table->n == 0) {
		if (look->absent.code || look->missing.code)
			return 0;
		mq_log(source->env, MQ_LEVEL_NOTE, "no group reads from %s", source->target.shown);
		return 0;
	}
	return lag_report(&report, table, buf, err);
}

/* Looks, reports into try->report and judges. The exit code stands in try->code. */
static void try_once(struct mq_invocation *invocation, struct lag_source *source, struct try *try)
{
	const struct lag_values *values = invocation->values;
	bool twice = values->interval_ms >= 0;
	struct mq_lag_table table;
	struct lag_look look = {0};

	mq_buf_clear(&try->report);
	mq_buf_clear(&try->words);
	mq_err_clear(&try->err);
	mq_lag_table_init(&table, twice ? 2 : 1, 2, 0);
	if (look_into(source, values, &look, &table, &try->err) == 0) {
		lag_drop_absent(&look, &table);
		make_report(invocation, source, &look, &table, &try->report, &try->err);
	}
	try->code = (int)try->err.code;
	if (!try->code)
		try->code = lag_judge(values, source, &look, &table, &try->words, &try->err);
	lag_look_release(&look);
	mq_lag_table_release(&table);
}

/* What another look may change. */
static bool may_change(const struct try *try)
{
	return try->code == MQ_NEGATIVE || try->code == MQ_PARTIAL || try->code == MQ_UNREACHABLE ||
	       try->code == MQ_NOT_FOUND || try->err.retriable;
}

enum { PAUSE_MIN_MS = 200, PAUSE_MAX_MS = 2000 };

static void try_until(struct mq_invocation *invocation, struct lag_source *source, struct try *try)
{
	const struct lag_values *values = invocation->values;
	int64_t deadline = mq_now_monotonic_ms() + values->wait_ms;
	int64_t pause_ms = PAUSE_MIN_MS;

	for (;;) {
		try_once(invocation, source, try);
		int64_t left = deadline - mq_now_monotonic_ms();
		if (values->wait_ms < 0 || !may_change(try) || left <= 0)
			return;
		mq_log(source->env, MQ_LEVEL_VERBOSE, "not yet: exit code %d", try->code);
		struct mq_err err = MQ_ERR_INIT;
		if (pause_for(source->env, left < pause_ms ? left : pause_ms, &err) < 0) {
			try->err = err;
			try->code = (int)err.code;
			return;
		}
		pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
	}
}

static int report_once(struct mq_invocation *invocation, struct lag_source *source,
                       struct mq_err *err)
{
	struct try try = {.code = -1};

	mq_buf_init(&try.report, (size_t)1 << 30);
	mq_buf_init(&try.words, (size_t)1 << 26);
	try_until(invocation, source, &try);
	/* What is known is printed although something is missing. */
	int printed = mq_print(&try.report, err);
	say_lines(source->env, &try.words);
	if (printed == 0)
		*err = try.err;
	mq_buf_release(&try.report);
	mq_buf_release(&try.words);
	return printed ? printed : try.code;
}

/* --- running --------------------------------------------------------------------------------- */

/* What the rows of the options cannot say. */
static int check_values(struct mq_invocation *invocation, struct mq_err *err)
{
	struct lag_values *values = invocation->values;

	if (values->json)
		values->format = LAG_JSON;
	if (values->watch_ms >= 0 && values->format == LAG_PROMETHEUS)
		return mq_fail(err, MQ_USAGE,
		               "--watch writes report behind report, which --format prometheus "
		               "does not allow: run it again for each");
	if (values->watch_ms >= 0 && lag_has_limits(values))
		return mq_fail(
		    err, MQ_USAGE,
		    "--watch goes on, so it checks no limits: use --wait, or no --watch");
	if (values->wait_ms >= 0 && !lag_has_limits(values))
		return mq_fail(err, MQ_USAGE,
		               "--wait waits for limits, but there is none: give --max-lag, "
		               "--max-age or --no-members");
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct lag_source source = {0};
	const struct lag_values *values = invocation->values;
	int code = -1;

	if (check_values(invocation, err) == 0 && lag_source_init(&source, invocation, err) == 0)
		code = values->watch_ms >= 0 ? lag_watch(invocation, &source, err)
		                             : report_once(invocation, &source, err);
	lag_source_release(&source);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_lag = {
    .name = "lag",
    .summary = "how far readers are behind: messages, time, rates; limits for CI and alarms",
    .operands = "[BROKER/][STREAM] [GROUP…]",
    .about =
        "Shows for each group, stream and partition where the group stands (committed), where the "
        "stream ends, how many messages are unread (lag), how old the oldest of them is, and who "
        "reads. Without a GROUP these are all groups; with a stream, or '^' and a regular "
        "expression, only what they read there. The worst come first; where groups read several "
        "partitions, their sums stand above. On RabbitMQ queues stand in the place of groups: lag "
        "is what is ready and what is unacknowledged; what consumers of a quorum queue hold the "
        "broker counts every 5 s only. On Redis lag is what was not delivered yet, "
        "and what was delivered and not acknowledged is pending.\n\n"
        "Commits are read before ends, so that a lag is never too small. A group that has "
        "committed nothing in a partition has no known lag there: unknown is '-' or null, never "
        "0.\n\n"
        "Rates, the time to catch up and most states need two looks (--interval, --watch):\n\n"
        "  ok       nothing is unread, or it becomes less\n"
        "  warn     it reads, but what is unread never becomes less\n"
        "  rewind   it went back\n"
        "  stall    messages are unread and it does not move\n"
        "  stop     the same while more comes, or nobody reads\n"
        "  unknown  one look cannot tell\n\n"
        "As a gate of CI: mqtk lag ADDR GROUP --max-lag 0 is exit 0 when everything was read, "
        "exit 1 when not, and each row over a limit is named on stderr; 3 when a lag is unknown "
        "(a partition without a commit, a node that is down), 4 when the broker cannot be "
        "reached, 8 when there is no such group. With --wait it looks again until the limits hold "
        "or the time is over:\n\n"
        "  mqtk produce prod/orders < orders.txt\n"
        "  mqtk lag prod/orders billing --max-lag 0 --wait 2m || exit 1\n\n"
        "Where some partitions are never used, --allow-unknown leaves them out.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct lag_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
