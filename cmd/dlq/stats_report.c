/* The report of mqtk dlq stats: see stats_report.h. */
#include "cmd/dlq/stats_report.h"

#include "mqtk/address.h"
#include "mqtk/position.h"
#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 10, BAR = 30 };

/* --- JSON ------------------------------------------------------------------------------------- */

static int report_json(const struct stats *stats, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_int(&json, "letters", stats->letters);
	mq_json_int(&json, "bytes", stats->bytes);
	mq_json_known(&json, "oldest_ts", stats->oldest_ms, MQ_NO_TIME);
	mq_json_known(&json, "newest_ts", stats->newest_ms, MQ_NO_TIME);
	mq_json_int(&json, "undated", stats->undated);
	tally_json(&json, "reasons", &stats->reasons);
	tally_json(&json, "origins", &stats->origins);
	tally_json(&json, "exceptions", &stats->exceptions);
	tally_json(&json, "dialects", &stats->dialects);
	mq_json_int(&json, "bucket_ms", stats->times.bucket_ms);
	mq_json_open(&json, "times", '[');
	for (size_t i = 0; i < stats->times.n; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_int(&json, "ts", stats->times.rows[i].begin_ms);
		mq_json_int(&json, "count", stats->times.rows[i].n);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static int csv_tally(struct mq_csv *csv, const char *what, const struct tally *tally)
{
	int result = 0;

	for (size_t i = 0; i < tally->n && result == 0; i++) {
		mq_csv_text(csv, what);
		mq_csv_text(csv, tally->rows[i].name);
		mq_csv_known(csv, tally->rows[i].n, -1);
		result = mq_csv_end(csv);
	}
	return result;
}

static int report_csv(const struct stats *stats, struct mq_buf *buf, struct mq_err *err)
{
	char text[MQ_TIME_TEXT];
	struct mq_csv csv;

	mq_csv_init(&csv, buf, err);
	mq_csv_text(&csv, "by");
	mq_csv_text(&csv, "name");
	mq_csv_text(&csv, "letters");
	if (mq_csv_end(&csv) < 0 || csv_tally(&csv, "reason", &stats->reasons) < 0 ||
	    csv_tally(&csv, "origin", &stats->origins) < 0 ||
	    csv_tally(&csv, "exception", &stats->exceptions) < 0 ||
	    csv_tally(&csv, "dialect", &stats->dialects) < 0)
		return -1;
	for (size_t i = 0; i < stats->times.n; i++) {
		times_format(&stats->times, stats->times.rows[i].begin_ms, text);
		mq_csv_text(&csv, "time");
		mq_csv_text(&csv, text);
		mq_csv_known(&csv, stats->times.rows[i].n, -1);
		if (mq_csv_end(&csv) < 0)
			return -1;
	}
	return 0;
}

/* --- Prometheus ------------------------------------------------------------------------------- */

static void sample(struct mq_prometheus *prom, const char *address, const char *name,
                   const char *help, int64_t value, double scale)
{
	mq_prometheus_metric(prom, name, "gauge", help);
	mq_prometheus_begin(prom);
	mq_prometheus_label(prom, "address", address);
	mq_prometheus_value(prom, (double)value * scale);
}

static void samples(struct mq_prometheus *prom, const char *address, const char *name,
                    const char *label, const struct tally *tally)
{
	if (tally->n > 0)
		mq_prometheus_metric(prom, name, "gauge", "Dead letters, of each kind.");
	for (size_t i = 0; i < tally->n; i++) {
		mq_prometheus_begin(prom);
		mq_prometheus_label(prom, "address", address);
		if (tally->rows[i].name)
			mq_prometheus_label(prom, label, tally->rows[i].name);
		mq_prometheus_value(prom, (double)tally->rows[i].n);
	}
}

/* "amqp://h/a, amqp://h/b", without passwords. */
static int join_addresses(const struct stats_look *look, struct mq_buf *ret, struct mq_err *err)
{
	for (size_t i = 0; i < look->n_addresses; i++) {
		char *masked = mq_address_masked(look->addresses[i], err);
		int result = masked ? mq_buf_printf(ret, err, "%s%s", i ? ", " : "", masked) : -1;
		free(masked);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int report_prometheus(const struct stats *stats, const struct stats_look *look,
                             struct mq_buf *buf, struct mq_err *err)
{
	struct mq_prometheus prom;
	struct mq_buf address;
	int result = -1;

	mq_buf_init(&address, 1 << 20);
	if (join_addresses(look, &address, err) < 0)
		goto out;
	mq_prometheus_init(&prom, buf, err);
	sample(&prom, address.data, "mqtk_dead_letters_chosen", "Dead letters that were counted.",
	       stats->letters, 1);
	samples(&prom, address.data, "mqtk_dead_letters_by_reason", "reason", &stats->reasons);
	samples(&prom, address.data, "mqtk_dead_letters_by_origin", "origin", &stats->origins);
	samples(&prom, address.data, "mqtk_dead_letters_by_exception", "exception",
	        &stats->exceptions);
	if (stats->oldest_ms != MQ_NO_TIME) {
		sample(&prom, address.data, "mqtk_dead_letters_chosen_oldest_timestamp_seconds",
		       "When the oldest of them died.", stats->oldest_ms, 0.001);
		sample(&prom, address.data, "mqtk_dead_letters_chosen_newest_timestamp_seconds",
		       "When the newest of them died.", stats->newest_ms, 0.001);
	}
	result = mq_prometheus_end(&prom);
out:
	mq_buf_release(&address);
	return result;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put_bar(struct mq_table *table, int64_t n, int64_t most)
{
	static const char *const ends[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	char bar[BAR * 3 + 4] = "";
	int eighths = most > 0 ? (int)((double)n / (double)most * BAR * 8) : 0;
	size_t at = 0;

	eighths = n > 0 && eighths == 0 ? 1 : eighths;
	for (; eighths >= 8; eighths -= 8) {
		memcpy(bar + at, "█", 3);
		at += 3;
	}
	snprintf(bar + at, sizeof bar - at, "%s", ends[eighths]);
	mq_table_text(table, bar);
}

static void put_count(struct mq_table *table, const char *what, int64_t n, bool bars, int64_t most)
{
	mq_table_text(table, what);
	mq_table_printf(table, "%" PRId64, n);
	if (bars)
		put_bar(table, n, most);
}

static void put_others(struct mq_table *table, const char *what, int64_t n, bool bars)
{
	if (n == 0)
		return;
	mq_table_text(table, what);
	mq_table_printf(table, "%" PRId64, n);
	if (bars)
		mq_table_text(table, "");
	mq_table_text(table, "(others)");
}

/* The largest ones, and the others in one row. */
static void table_tally(struct mq_table *table, const char *what, const struct tally *tally,
                        bool bars)
{
	size_t shown = tally->n > SHOWN + 1 ? SHOWN : tally->n;
	int64_t rest = tally->others, most = tally->n ? tally->rows[0].n : 0;

	/* That no letter says it needs no rows. */
	if (tally->n == 1 && !tally->rows[0].name)
		return;
	for (size_t i = shown; i < tally->n; i++)
		rest += tally->rows[i].n;
	for (size_t i = 0; i < shown; i++) {
		put_count(table, i == 0 ? what : "", tally->rows[i].n, bars, most);
		tally_show(table, &tally->rows[i]);
	}
	put_others(table, shown == 0 ? what : "", rest, bars);
}

static void table_times(struct mq_table *table, const struct stats *stats, bool bars)
{
	const struct times *times = &stats->times;
	char text[MQ_TIME_TEXT];
	int64_t most = 0;

	for (size_t i = 0; i < times->n; i++)
		most = times->rows[i].n > most ? times->rows[i].n : most;
	for (size_t i = 0; i < times->n; i++) {
		put_count(table, i == 0 ? "time" : "", times->rows[i].n, bars, most);
		times_format(times, times->rows[i].begin_ms, text);
		mq_table_text(table, text);
	}
	put_others(table, times->n == 0 ? "time" : "", times->others + stats->undated, bars);
}

static int report_table(const struct stats *stats, const struct stats_look *look,
                        struct mq_buf *buf, struct mq_err *err)
{
	static const char *const plain[] = {"BY", ">LETTERS", "NAME", NULL};
	static const char *const barred[] = {"BY", ">LETTERS", "", "NAME", NULL};
	struct mq_table table;

	mq_table_init(&table, look->bars ? barred : plain, err);
	put_count(&table, "all", stats->letters, false, 0);
	if (look->bars)
		mq_table_text(&table, "");
	mq_table_text(&table, "");
	table_tally(&table, "reason", &stats->reasons, look->bars);
	table_tally(&table, "origin", &stats->origins, look->bars);
	table_tally(&table, "exception", &stats->exceptions, look->bars);
	table_times(&table, stats, look->bars);
	int result = mq_table_print(&table, look->bold, buf);
	mq_table_release(&table);
	return result;
}

int stats_report(const struct stats *stats, enum dlq_format format, const struct stats_look *look,
                 struct mq_buf *buf, struct mq_err *err)
{
	switch (format) {
	case DLQ_JSON:
		return report_json(stats, buf, err);
	case DLQ_CSV:
		return report_csv(stats, buf, err);
	case DLQ_PROMETHEUS:
		return report_prometheus(stats, look, buf, err);
	case DLQ_TABLE:
		break;
	}
	return report_table(stats, look, buf, err);
}
