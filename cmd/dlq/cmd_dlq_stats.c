/* mqtk dlq stats: how many dead letters, by reason, origin, exception and time; and limits for
 * them. */
#include "cmd/commands.h"
#include "cmd/dlq/formats.h"
#include "cmd/dlq/letters.h"
#include "cmd/dlq/stats_report.h"

#include "mqtk/report.h"

#include <inttypes.h>
#include <unistd.h>

enum { TIMES_SHOWN = 24 };

struct stats_values {
	struct mq_common common;
	struct choose_options choose;
	struct pending_options pending;
	struct format_options format;
	bool force;
	int64_t bucket_ms;
	int64_t max, max_age_ms;
};

static const struct stats_values defaults = {
    .common = MQ_COMMON_INIT, .pending = PENDING_INIT, .max = -1, .max_age_ms = -1};

static const struct mq_option rows[] = {
    {.name = "bucket",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how long the parts of time are (as long as fits the screen)",
     .min = 1000,
     .max = INT64_MAX / 4,
     .field = offsetof(struct stats_values, bucket_ms)},
    {.name = "max",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "exit with 1 when there are more letters than that",
     .max = INT64_MAX,
     .field = offsetof(struct stats_values, max)},
    {.name = "max-age",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "exit with 1 when the oldest one died longer ago",
     .max = INT64_MAX / 4,
     .field = offsetof(struct stats_values, max_age_ms)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = offsetof(struct stats_values, force)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, offsetof(struct stats_values, choose)},
    {"Which messages", select_rows,
     offsetof(struct stats_values, choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, offsetof(struct stats_values, pending)},
    {"Counting", rows, 0},
    {"Report", format_rows, offsetof(struct stats_values, format)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq stats amqp://localhost/orders.dead", "what has gone wrong, and since when"},
    {"mqtk dlq stats --since -1h --max 0 prod/orders.dlq",
     "an alarm: 1 when something died lately"},
    {0}};

/* --- counting --------------------------------------------------------------------------------- */

struct counting {
	struct stats stats;
	struct letters letters;
};

static int count_letter(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
                        struct mq_err *err)
{
	struct stats *stats = &((struct counting *)ctx)->stats;
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;

	stats->letters++;
	stats->bytes += (int64_t)(message->key.len + message->payload.len);
	if (tally_add(&stats->reasons, dead->reason, err) < 0 ||
	    tally_add(&stats->origins, dead->origin_stream, err) < 0 ||
	    tally_add(&stats->exceptions, dead->exception, err) < 0 ||
	    tally_add(&stats->dialects, mq_bytes_str(mq_dead_dialect_name(dead->dialect)), err) < 0)
		return -1;
	if (when == MQ_NO_TIME) {
		stats->undated++;
		return 0;
	}
	if (stats->oldest_ms == MQ_NO_TIME || when < stats->oldest_ms)
		stats->oldest_ms = when;
	if (stats->newest_ms == MQ_NO_TIME || when > stats->newest_ms)
		stats->newest_ms = when;
	return times_add(&stats->times, when, err);
}

/* --- limits ----------------------------------------------------------------------------------- */

static int judge(const struct stats_values *values, const struct stats *stats, struct mq_err *err)
{
	char text[MQ_DURATION_TEXT];

	if (values->max >= 0 && stats->letters > values->max)
		return mq_fail(err, MQ_NEGATIVE, "%" PRId64 " letter%s more than --max %" PRId64,
		               stats->letters, stats->letters == 1 ? " is" : "s are", values->max),
		       MQ_NEGATIVE;
	if (values->max_age_ms < 0 || stats->letters == 0)
		return MQ_OK;
	if (stats->oldest_ms == MQ_NO_TIME)
		return mq_fail(err, MQ_PARTIAL, "--max-age: none of the letters says when it died"),
		       MQ_PARTIAL;
	/* What is near the end of the numbers is old enough, and can be subtracted. */
	int64_t oldest = stats->oldest_ms > INT64_MIN / 2 ? stats->oldest_ms : INT64_MIN / 2;
	int64_t age = mq_now_ms() - oldest;
	mq_duration_format(age > 0 ? age : 0, text);
	if (age > values->max_age_ms)
		return mq_fail(err, MQ_NEGATIVE, "the oldest letter died %s ago: --max-age", text),
		       MQ_NEGATIVE;
	return MQ_OK;
}

static int report(struct mq_invocation *invocation, struct stats *stats, struct mq_err *err)
{
	const struct stats_values *values = invocation->values;
	enum dlq_format format = format_of(&values->format);
	struct stats_look look = {.addresses = invocation->operands.items,
	                          .n_addresses = invocation->operands.n,
	                          .bars = isatty(STDOUT_FILENO) == 1,
	                          .bold = invocation->color_out};
	struct mq_buf buf;
	int code = MQ_OK;

	mq_buf_init(&buf, (size_t)1 << 28);
	tally_sort(&stats->reasons);
	tally_sort(&stats->origins);
	tally_sort(&stats->exceptions);
	tally_sort(&stats->dialects);
	times_fit(&stats->times, TIMES_SHOWN);
	if (format == DLQ_TABLE && stats->letters == 0)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "there are no such letters");
	else if (stats_report(stats, format, &look, &buf, err) == 0)
		code = mq_print(&buf, err);
	mq_buf_release(&buf);
	return err->code ? (int)err->code : code ? code : judge(values, stats, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct stats_values *values = invocation->values;
	struct counting counting = {
	    .stats = {.oldest_ms = MQ_NO_TIME, .newest_ms = MQ_NO_TIME},
	    .letters = {.invocation = invocation,
	                .choose = &values->choose,
	                .pending = &values->pending,
	                .count = -1,
	                .force = values->force,
	                .each = count_letter},
	};

	counting.letters.ctx = &counting;
	times_init(&counting.stats.times, values->bucket_ms);
	int code = letters_look(&counting.letters, err);
	if (code == 0)
		code = report(invocation, &counting.stats, err);
	tally_release(&counting.stats.reasons);
	tally_release(&counting.stats.origins);
	tally_release(&counting.stats.exceptions);
	tally_release(&counting.stats.dialects);
	times_release(&counting.stats.times);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_dlq_stats = {
    .name = "dlq stats",
    .summary = "how many dead letters, by reason, origin, exception and time",
    .operands = "ADDR…",
    .about = "Counts dead letters by what they say of themselves (see 'mqtk dlq show'). Nothing is "
             "taken. With --max and --max-age it is an alarm: exit 1 when a limit is broken.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct stats_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
