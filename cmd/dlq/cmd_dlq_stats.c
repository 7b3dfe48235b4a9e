/* mqtk dlq stats: how many dead letters, by reason, origin, exception and time; and limits for
 * them. */
#include "cmd/commands.h"
#include "cmd/dlq/letters.h"
#include "cmd/dlq/tally.h"

#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 10, BAR = 30, BUCKETS_MOST = 100000 };

struct stats_values {
	struct mq_common common;
	struct choose_options choose;
	struct pending_options pending;
	bool force, json;
	int64_t bucket_ms;
	int64_t max, max_age_ms;
};

static const struct stats_values defaults = {.common = MQ_COMMON_INIT,
                                             .pending = PENDING_INIT,
                                             .bucket_ms = 3600000,
                                             .max = -1,
                                             .max_age_ms = -1};

static const struct mq_option rows[] = {
    {.name = "bucket",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how long the parts of time are (1h)",
     .min = 1000,
     .max = INT64_MAX / 4,
     .field = offsetof(struct stats_values, bucket_ms)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON object",
     .field = offsetof(struct stats_values, json)},
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
    {"Report", rows, 0},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq stats amqp://localhost/orders.dead", "what has gone wrong, and since when"},
    {"mqtk dlq stats --since -1h --max 0 prod/orders.dlq",
     "an alarm: 1 when something died lately"},
    {0}};

/* --- counting --------------------------------------------------------------------------------- */

struct stats {
	const struct stats_values *values;
	struct letters letters;
	struct tally reasons, origins, exceptions, times, dialects;
	int64_t bytes, undated;
	int64_t oldest_ms, newest_ms; /* MQ_NO_TIME: unknown */
};

static int count_letter(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
                        struct mq_err *err)
{
	struct stats *stats = ctx;
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;
	char text[MQ_TIME_TEXT];

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
	int64_t bucket = when - when % stats->values->bucket_ms;
	mq_time_format_iso(bucket, text);
	return tally_add(&stats->times, mq_bytes_str(text), err);
}

static int by_name(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void sort_all(struct stats *stats)
{
	tally_sort(&stats->reasons);
	tally_sort(&stats->origins);
	tally_sort(&stats->exceptions);
	tally_sort(&stats->dialects);
	tally_sort(&stats->times);
	if (stats->times.n > 0)
		qsort(stats->times.rows, stats->times.n, sizeof *stats->times.rows, by_name);
}

/* --- reports ---------------------------------------------------------------------------------- */

static void json_tally(struct mq_json *json, const char *name, const struct tally *tally)
{
	mq_json_open(json, name, '[');
	for (size_t i = 0; i < tally->n; i++) {
		mq_json_open(json, NULL, '{');
		mq_json_text(json, "name", tally->rows[i].name);
		mq_json_int(json, "count", tally->rows[i].n);
		mq_json_close(json, '}');
	}
	mq_json_close(json, ']');
}

static int report_json(const struct stats *stats, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_int(&json, "letters", stats->letters.meant);
	mq_json_int(&json, "bytes", stats->bytes);
	mq_json_known(&json, "oldest_ts", stats->oldest_ms, MQ_NO_TIME);
	mq_json_known(&json, "newest_ts", stats->newest_ms, MQ_NO_TIME);
	mq_json_int(&json, "undated", stats->undated);
	json_tally(&json, "reasons", &stats->reasons);
	json_tally(&json, "origins", &stats->origins);
	json_tally(&json, "exceptions", &stats->exceptions);
	json_tally(&json, "dialects", &stats->dialects);
	json_tally(&json, "times", &stats->times);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

static void put_bar(struct mq_table *table, int64_t n, int64_t most)
{
	static const char *const ends[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	char bar[BAR * 3 + 4] = "";
	int64_t eighths = most > 0 ? (n * BAR * 8 + most - 1) / most : 0;
	size_t at = 0;

	for (; eighths >= 8; eighths -= 8) {
		memcpy(bar + at, "█", 3);
		at += 3;
	}
	snprintf(bar + at, sizeof bar - at, "%s", ends[eighths]);
	mq_table_text(table, bar);
}

/* The largest ones, and the others in one row. */
static void table_tally(struct mq_table *table, const char *what, const struct tally *tally,
                        bool bars)
{
	int64_t most = 0, rest = tally->others;
	size_t shown = tally->n > SHOWN + 1 && strcmp(what, "time") != 0 ? SHOWN : tally->n;

	for (size_t i = 0; i < tally->n; i++)
		most = tally->rows[i].n > most ? tally->rows[i].n : most;
	for (size_t i = shown; i < tally->n; i++)
		rest += tally->rows[i].n;
	for (size_t i = 0; i < shown; i++) {
		mq_table_text(table, i == 0 ? what : "");
		mq_table_printf(table, "%" PRId64, tally->rows[i].n);
		if (bars)
			put_bar(table, tally->rows[i].n, most);
		tally_show(table, &tally->rows[i]);
	}
	if (rest == 0)
		return;
	mq_table_text(table, shown == 0 ? what : "");
	mq_table_printf(table, "%" PRId64, rest);
	if (bars)
		mq_table_text(table, "");
	mq_table_text(table, "(others)");
}

static int report_table(const struct stats *stats, bool bars, bool bold, struct mq_buf *buf,
                        struct mq_err *err)
{
	static const char *const plain[] = {"BY", ">LETTERS", "NAME", NULL};
	static const char *const barred[] = {"BY", ">LETTERS", "", "NAME", NULL};
	struct mq_table table;

	mq_table_init(&table, bars ? barred : plain, err);
	table_tally(&table, "reason", &stats->reasons, bars);
	table_tally(&table, "origin", &stats->origins, bars);
	table_tally(&table, "exception", &stats->exceptions, bars);
	table_tally(&table, "time", &stats->times, bars);
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

/* --- limits ----------------------------------------------------------------------------------- */

static int judge(const struct stats *stats, struct mq_err *err)
{
	const struct stats_values *values = stats->values;
	char text[MQ_DURATION_TEXT];

	if (values->max >= 0 && stats->letters.meant > values->max)
		return mq_fail(err, MQ_NEGATIVE, "%" PRId64 " letters are more than --max %" PRId64,
		               stats->letters.meant, values->max),
		       MQ_NEGATIVE;
	if (values->max_age_ms < 0 || stats->letters.meant == 0)
		return MQ_OK;
	if (stats->oldest_ms == MQ_NO_TIME)
		return mq_fail(err, MQ_PARTIAL, "--max-age: none of the letters says when it died"),
		       MQ_PARTIAL;
	int64_t age = mq_now_ms() - stats->oldest_ms;
	mq_duration_format(age > 0 ? age : 0, text);
	if (age > values->max_age_ms)
		return mq_fail(err, MQ_NEGATIVE, "the oldest letter died %s ago: --max-age", text),
		       MQ_NEGATIVE;
	return MQ_OK;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct stats_values *values = invocation->values;
	struct stats stats = {
	    .values = values,
	    .oldest_ms = MQ_NO_TIME,
	    .newest_ms = MQ_NO_TIME,
	    .letters = {.invocation = invocation,
	                .choose = &values->choose,
	                .pending = &values->pending,
	                .count = -1,
	                .force = values->force,
	                .each = count_letter},
	};
	struct mq_buf buf;

	mq_buf_init(&buf, (size_t)1 << 28);
	stats.letters.ctx = &stats;
	int code = letters_look(&stats.letters, err);
	if (code == 0) {
		sort_all(&stats);
		if (values->json)
			report_json(&stats, &buf, err);
		else if (stats.letters.meant > 0)
			report_table(&stats, invocation->color_out, invocation->color_out, &buf,
			             err);
		else
			mq_log(invocation->env, MQ_LEVEL_NOTE, "there are no such letters");
		if (err->code == MQ_OK && mq_print(&buf, err) == 0)
			code = judge(&stats, err);
	}
	tally_release(&stats.reasons);
	tally_release(&stats.origins);
	tally_release(&stats.exceptions);
	tally_release(&stats.dialects);
	tally_release(&stats.times);
	mq_buf_release(&buf);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_dlq_stats = {
    .name = "dlq stats",
    .summary = "how many dead letters, by reason, origin, exception and time",
    .operands = "ADDR…",
    .about = "Counts dead letters by what they say of themselves (see 'mqtk dlq show'). Nothing is "
             "taken. With --max and --max-age it is an alarm: exit 1 when a limit is broken.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct stats_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
