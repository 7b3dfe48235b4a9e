/* The report of mqtk dlq ls: see ls_report.h. */
#include "cmd/dlq/ls_report.h"

#include "mqtk/report.h"

#include <stdlib.h>

enum { NAMES_SHOWN = 3 };

static const char *dialect_of(const struct found *found)
{
	return found->dialect == MQ_DEAD_UNKNOWN ? NULL : mq_dead_dialect_name(found->dialect);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static int json_row(const struct found *found, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "stream", found->stream);
	mq_json_text(&json, "group", found->group);
	mq_json_known(&json, "depth", found->depth, -1);
	mq_json_known(&json, "oldest_ts", found->oldest_ms, MQ_NO_TIME);
	mq_json_known(&json, "newest_ts", found->newest_ms, MQ_NO_TIME);
	mq_json_open(&json, "origins", '[');
	for (size_t i = 0; i < found->origins.n; i++)
		mq_json_text(&json, NULL, found->origins.rows[i].name);
	mq_json_close(&json, ']');
	mq_json_open(&json, "found_by", '[');
	for (size_t i = 0; i < FOUND_WAYS; i++)
		if (found->by & 1u << i)
			mq_json_text(&json, NULL, found_by_names[i]);
	mq_json_close(&json, ']');
	mq_json_text(&json, "dialect", dialect_of(found));
	if (found->error)
		mq_json_text(&json, "error", found->error);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- words ------------------------------------------------------------------------------------ */

/* "a, b, c and 4 more" */
static int join_names(const struct tally *names, size_t most, struct mq_buf *buf,
                      struct mq_err *err)
{
	size_t shown = names->n > most + 1 ? most : names->n;

	for (size_t i = 0; i < shown; i++)
		if (mq_buf_printf(buf, err, "%s%s", i ? ", " : "", names->rows[i].name) < 0)
			return -1;
	return shown < names->n ? mq_buf_printf(buf, err, " and %zu more", names->n - shown) : 0;
}

/* "configuration, headers", with what is known of each: "exchange 'dlx'", "connect headers". */
static int join_ways(const struct found *found, bool words, struct mq_buf *buf, struct mq_err *err)
{
	const char *comma = "";
	int result = 0;

	for (size_t i = 0; i < FOUND_WAYS && result == 0; i++) {
		if (!(found->by & 1u << i))
			continue;
		result = mq_buf_append_str(buf, comma, err);
		comma = ", ";
		if (result == 0 && words && 1u << i == FOUND_CONFIGURATION)
			result = join_names(&found->through, 1, buf, err);
		else if (result == 0)
			result =
			    mq_buf_printf(buf, err, "%s%s%s", found_by_names[i],
			                  words && 1u << i == FOUND_PENDING ? " in group " : "",
			                  words && 1u << i == FOUND_PENDING ? found->group : "");
		if (result == 0 && words && 1u << i == FOUND_HEADERS)
			result =
			    mq_buf_printf(buf, err, " (%s)", mq_dead_dialect_name(found->dialect));
	}
	return result;
}

static void cell_time(struct mq_table *table, int64_t ms)
{
	char text[MQ_TIME_TEXT];

	if (ms != MQ_NO_TIME)
		mq_time_format_iso(ms, text);
	mq_table_text(table, ms != MQ_NO_TIME ? text : NULL);
}

static void row(struct mq_table *table, const struct found *found, struct mq_buf *words,
                struct mq_err *err)
{
	mq_table_text(table, found->stream);
	mq_table_known(table, found->depth, -1);
	cell_time(table, found->oldest_ms);
	cell_time(table, found->newest_ms);
	mq_buf_clear(words);
	join_names(&found->origins, NAMES_SHOWN, words, err);
	mq_table_text(table, found->origins.n ? words->data : NULL);
	mq_buf_clear(words);
	join_ways(found, true, words, err);
	if (found->error)
		mq_buf_printf(words, err, "; %s", found->error);
	mq_table_text(table, words->data);
}

static int table_report(const struct finding *f, bool bold, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const headings[] = {"STREAM", ">DEPTH",   "OLDEST", "NEWEST",
	                                       "FROM",   "FOUND BY", NULL};
	struct mq_table table;
	struct mq_buf words;

	mq_buf_init(&words, 1 << 20);
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < f->n; i++)
		row(&table, &f->items[i], &words, err);
	int result = err->code ? -1 : mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	mq_buf_release(&words);
	return result;
}

/* --- CSV and Prometheus ------------------------------------------------------------------------
 */

static int csv_report(const struct finding *f, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const names[] = {"stream",    "group",     "depth",
	                                    "oldest_ts", "newest_ts", "origins",
	                                    "found_by",  "dialect",   "error"};
	struct mq_csv csv;
	struct mq_buf words;
	int result;

	mq_buf_init(&words, 1 << 24);
	mq_csv_init(&csv, buf, err);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		mq_csv_text(&csv, names[i]);
	result = mq_csv_end(&csv);
	for (size_t i = 0; i < f->n && result == 0; i++) {
		const struct found *found = &f->items[i];
		mq_csv_text(&csv, found->stream);
		mq_csv_text(&csv, found->group);
		mq_csv_known(&csv, found->depth, -1);
		mq_csv_known(&csv, found->oldest_ms, MQ_NO_TIME);
		mq_csv_known(&csv, found->newest_ms, MQ_NO_TIME);
		mq_buf_clear(&words);
		result = join_names(&found->origins, SIZE_MAX - 1, &words, err);
		mq_csv_text(&csv, found->origins.n ? words.data : NULL);
		mq_buf_clear(&words);
		result = result < 0 ? -1 : join_ways(found, false, &words, err);
		mq_csv_text(&csv, words.data);
		mq_csv_text(&csv, dialect_of(found));
		mq_csv_text(&csv, found->error);
		if (mq_csv_end(&csv) < 0)
			result = -1;
	}
	mq_buf_release(&words);
	return result;
}

static void samples(struct mq_prometheus *prom, const struct finding *f, const char *broker,
                    const char *name, const char *help, int64_t unknown, size_t field, double scale)
{
	mq_prometheus_metric(prom, name, "gauge", help);
	for (size_t i = 0; i < f->n; i++) {
		const struct found *found = &f->items[i];
		int64_t value = *(const int64_t *)(const void *)((const char *)found + field);
		if (value == unknown)
			continue;
		mq_prometheus_begin(prom);
		mq_prometheus_label(prom, "broker", broker);
		mq_prometheus_label(prom, "stream", found->stream);
		if (found->group)
			mq_prometheus_label(prom, "group", found->group);
		mq_prometheus_value(prom, (double)value * scale);
	}
}

static int prometheus_report(const struct finding *f, const char *broker, struct mq_buf *buf,
                             struct mq_err *err)
{
	struct mq_prometheus prom;

	mq_prometheus_init(&prom, buf, err);
	samples(&prom, f, broker, "mqtk_dead_letters", "Messages of a dead-letter stream.", -1,
	        offsetof(struct found, depth), 1);
	samples(&prom, f, broker, "mqtk_dead_letters_oldest_timestamp_seconds",
	        "When the oldest dead letter died.", MQ_NO_TIME, offsetof(struct found, oldest_ms),
	        0.001);
	samples(&prom, f, broker, "mqtk_dead_letters_newest_timestamp_seconds",
	        "When the newest dead letter died.", MQ_NO_TIME, offsetof(struct found, newest_ms),
	        0.001);
	return mq_prometheus_end(&prom);
}

int ls_report(const struct finding *f, enum dlq_format format, const char *broker, bool bold,
              struct mq_buf *buf, struct mq_err *err)
{
	int result = 0;

	switch (format) {
	case DLQ_TABLE:
		return f->n ? table_report(f, bold, buf, err) : 0;
	case DLQ_CSV:
		return csv_report(f, buf, err);
	case DLQ_PROMETHEUS:
		return prometheus_report(f, broker, buf, err);
	case DLQ_JSON:
		break;
	}
	for (size_t i = 0; i < f->n && result == 0; i++)
		result = json_row(&f->items[i], buf, err);
	return result;
}
