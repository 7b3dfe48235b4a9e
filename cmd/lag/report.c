/*
 * mqtk lag: a report in one of its formats. See lag.h.
 *
 * The fields of JSON and CSV, and the metrics of Prometheus, have one table each here.
 */
#include "cmd/lag/lag.h"

#include "mqtk/message.h"
#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_position(struct mq_json *json, const char *name, const char *id, int64_t offset)
{
	if (id)
		mq_json_text(json, name, id);
	else
		mq_json_known(json, name, offset, -1);
}

static int json_row(const struct lag_report *report, const struct mq_lag_row *row,
                    struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	if (report->ts_ms != MQ_NO_TIME)
		mq_json_int(&json, "ts", report->ts_ms);
	mq_json_text(&json, "broker", report->broker);
	mq_json_text(&json, "group", row->group);
	mq_json_text(&json, "stream", row->stream);
	mq_json_known(&json, "partition", row->partition, MQ_NO_PARTITION);
	json_position(&json, "committed", row->committed_id, row->committed);
	json_position(&json, "end", row->end_id, row->end);
	mq_json_known(&json, "lag", row->lag, -1);
	mq_json_known(&json, "age_ms", row->age_ms, -1);
	mq_json_rate(&json, "rate_in", row->rate_in);
	mq_json_rate(&json, "rate_out", row->rate_out);
	mq_json_known(&json, "eta_s", row->eta_s, -1);
	mq_json_known(&json, "members", row->members, -1);
	mq_json_text(&json, "state", mq_lag_state_name(row->state));
	mq_json_known(&json, "pending", row->pending, -1);
	mq_json_known(&json, "oldest_idle_ms", row->oldest_idle_ms, -1);
	mq_json_known(&json, "ready", row->ready, -1);
	mq_json_known(&json, "unacked", row->unacked, -1);
	mq_json_known(&json, "consumers", row->consumers, -1);
	if (row->error)
		mq_json_text(&json, "error", row->error);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- CSV ------------------------------------------------------------------------------------- */

static int csv_heading(const struct lag_report *report, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const names[] = {
	    "ts",      "broker",         "group",   "stream",   "partition", "committed", "end",
	    "lag",     "age_ms",         "rate_in", "rate_out", "eta_s",     "members",   "state",
	    "pending", "oldest_idle_ms", "ready",   "unacked",  "consumers"};
	struct mq_csv csv;

	mq_csv_init(&csv, buf, err);
	for (size_t i = report->ts_ms == MQ_NO_TIME; i < sizeof names / sizeof names[0]; i++)
		mq_csv_text(&csv, names[i]);
	return mq_csv_end(&csv);
}

static void csv_position(struct mq_csv *csv, const char *id, int64_t offset)
{
	if (id)
		mq_csv_text(csv, id);
	else
		mq_csv_known(csv, offset, -1);
}

static int csv_row(const struct lag_report *report, const struct mq_lag_row *row,
                   struct mq_buf *buf, struct mq_err *err)
{
	struct mq_csv csv;

	mq_csv_init(&csv, buf, err);
	if (report->ts_ms != MQ_NO_TIME)
		mq_csv_known(&csv, report->ts_ms, MQ_NO_TIME);
	mq_csv_text(&csv, report->broker);
	mq_csv_text(&csv, row->group);
	mq_csv_text(&csv, row->stream);
	mq_csv_known(&csv, row->partition, MQ_NO_PARTITION);
	csv_position(&csv, row->committed_id, row->committed);
	csv_position(&csv, row->end_id, row->end);
	mq_csv_known(&csv, row->lag, -1);
	mq_csv_known(&csv, row->age_ms, -1);
	mq_csv_rate(&csv, row->rate_in);
	mq_csv_rate(&csv, row->rate_out);
	mq_csv_known(&csv, row->eta_s, -1);
	mq_csv_known(&csv, row->members, -1);
	mq_csv_text(&csv, mq_lag_state_name(row->state));
	mq_csv_known(&csv, row->pending, -1);
	mq_csv_known(&csv, row->oldest_idle_ms, -1);
	mq_csv_known(&csv, row->ready, -1);
	mq_csv_known(&csv, row->unacked, -1);
	mq_csv_known(&csv, row->consumers, -1);
	return mq_csv_end(&csv);
}

/* --- Prometheus ------------------------------------------------------------------------------ */

/* One metric of each row; unknown numbers have no sample. */
struct metric {
	const char *name, *help;
	size_t field; /* of the row: an int64_t */
	double scale;
};

#define FIELD(member) offsetof(struct mq_lag_row, member)
static const struct metric metrics[] = {
    {"mqtk_lag_messages", "Messages that the group has not read, or that a queue holds.",
     FIELD(lag), 1},
    {"mqtk_lag_age_seconds", "Age of the oldest unread message; 0 when nothing is unread.",
     FIELD(age_ms), 0.001},
    {"mqtk_lag_eta_seconds", "Time until nothing is unread, at the present rates.", FIELD(eta_s),
     1},
    {"mqtk_committed_offset", "The next offset that the group reads.", FIELD(committed), 1},
    {"mqtk_end_offset", "The offset of the next message of the partition.", FIELD(end), 1},
    {"mqtk_pending_messages", "Messages that were delivered and not acknowledged.", FIELD(pending),
     1},
    {"mqtk_pending_oldest_idle_seconds",
     "Since the last delivery of the pending message that "
     "waits longest.",
     FIELD(oldest_idle_ms), 0.001},
    {"mqtk_queue_ready_messages", "Messages of a queue that wait to be delivered.", FIELD(ready),
     1},
    {"mqtk_queue_unacked_messages", "Messages of a queue that were delivered and not acknowledged.",
     FIELD(unacked), 1},
    {"mqtk_queue_consumers", "Consumers of a queue.", FIELD(consumers), 1},
};

static void prometheus_labels(struct mq_prometheus *prom, const struct lag_report *report,
                              const struct mq_lag_row *row)
{
	char number[16];

	mq_prometheus_label(prom, "broker", report->broker);
	if (row->group)
		mq_prometheus_label(prom, "group", row->group);
	if (row->stream)
		mq_prometheus_label(prom, "stream", row->stream);
	if (row->partition != MQ_NO_PARTITION) {
		snprintf(number, sizeof number, "%" PRId32, row->partition);
		mq_prometheus_label(prom, "partition", number);
	}
}

static void prometheus_metric(struct mq_prometheus *prom, const struct lag_report *report,
                              const struct metric *metric, const struct mq_lag_row *const *rows,
                              size_t n)
{
	bool begun = false;

	for (size_t i = 0; i < n; i++) {
		int64_t value =
		    *(const int64_t *)(const void *)((const char *)rows[i] + metric->field);
		if (value < 0)
			continue;
		if (!begun)
			mq_prometheus_metric(prom, metric->name, "gauge", metric->help);
		begun = true;
		mq_prometheus_begin(prom);
		prometheus_labels(prom, report, rows[i]);
		mq_prometheus_value(prom, (double)value * metric->scale);
	}
}

static void prometheus_rate(struct mq_prometheus *prom, const struct lag_report *report, bool out,
                            const struct mq_lag_row *const *rows, size_t n)
{
	bool begun = false;

	for (size_t i = 0; i < n; i++) {
		double rate = out ? rows[i]->rate_out : rows[i]->rate_in;
		if (rate < 0)
			continue;
		if (!begun && out)
			mq_prometheus_metric(prom, "mqtk_out_messages_per_second", "gauge",
			                     "Messages that the group reads in a second.");
		else if (!begun)
			mq_prometheus_metric(prom, "mqtk_in_messages_per_second", "gauge",
			                     "Messages that come in a second.");
		begun = true;
		mq_prometheus_begin(prom);
		prometheus_labels(prom, report, rows[i]);
		mq_prometheus_value(prom, rate);
	}
}

/* Members belong to a group, or to a group on one stream: one sample each. */
static void prometheus_members(struct mq_prometheus *prom, const struct lag_report *report,
                               const struct mq_lag_sums *sums)
{
	const char *before = NULL;
	bool begun = false;

	for (size_t i = 0; i < sums->n; i++) {
		const struct mq_lag_row *row = &sums->items[i].row;
		if (row->members < 0 || !row->group)
			continue;
		if (!row->own_members && before && strcmp(before, row->group) == 0)
			continue;
		before = row->group;
		if (!begun)
			mq_prometheus_metric(prom, "mqtk_group_members", "gauge",
			                     "Members of the group.");
		begun = true;
		mq_prometheus_begin(prom);
		mq_prometheus_label(prom, "broker", report->broker);
		mq_prometheus_label(prom, "group", row->group);
		if (row->own_members && row->stream)
			mq_prometheus_label(prom, "stream", row->stream);
		mq_prometheus_value(prom, (double)row->members);
	}
}

/* Of each group and stream all states, of which one is 1. */
static void prometheus_states(struct mq_prometheus *prom, const struct lag_report *report,
                              const struct mq_lag_sums *sums)
{
	if (sums->n)
		mq_prometheus_metric(prom, "mqtk_lag_state", "gauge",
		                     "1 for the state that the group is in on a stream, else 0.");
	for (size_t i = 0; i < sums->n; i++) {
		const struct mq_lag_row *row = &sums->items[i].row;
		for (enum mq_lag_state state = MQ_LAG_OK; state < MQ_LAG_STATES; state++) {
			mq_prometheus_begin(prom);
			mq_prometheus_label(prom, "broker", report->broker);
			if (row->group)
				mq_prometheus_label(prom, "group", row->group);
			if (row->stream)
				mq_prometheus_label(prom, "stream", row->stream);
			mq_prometheus_label(prom, "state", mq_lag_state_name(state));
			mq_prometheus_value(prom, row->state == state ? 1 : 0);
		}
	}
}

static int prometheus_report(const struct lag_report *report, const struct mq_lag_sums *sums,
                             const struct mq_lag_row *const *rows, size_t n, struct mq_buf *buf,
                             struct mq_err *err)
{
	struct mq_prometheus prom;

	mq_prometheus_init(&prom, buf, err);
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		prometheus_metric(&prom, report, &metrics[i], rows, n);
	prometheus_rate(&prom, report, false, rows, n);
	prometheus_rate(&prom, report, true, rows, n);
	prometheus_members(&prom, report, sums);
	prometheus_states(&prom, report, sums);
	mq_prometheus_metric(&prom, "mqtk_lag_complete", "gauge",
	                     "1 when everything that was asked for could be told, else 0.");
	mq_prometheus_begin(&prom);
	mq_prometheus_label(&prom, "broker", report->broker);
	mq_prometheus_value(&prom, report->complete ? 1 : 0);
	return mq_prometheus_end(&prom);
}

/* --- all ------------------------------------------------------------------------------------- */

/* The groups above the partitions, when there is anything to add up. */
static int table_report(const struct lag_report *report, const struct mq_lag_sums *sums,
                        const struct mq_lag_row *const *rows, size_t n, struct mq_buf *buf,
                        struct mq_err *err)
{
	const struct mq_lag_row **totals = NULL;
	bool several = false;
	int result = 0;

	for (size_t i = 0; i < sums->n; i++)
		several |= sums->items[i].n > 1;
	if (several && !report->totals) {
		totals = calloc(sums->n + 1, sizeof *totals);
		if (!totals)
			return mq_fail_memory(err);
		for (size_t i = 0; i < sums->n; i++)
			totals[i] = &sums->items[i].row;
		mq_lag_sort(totals, sums->n, MQ_LAG_BY_WORST);
		result = lag_table_print(totals, sums->n, NULL, report->color, buf, err);
		if (result == 0)
			result = mq_buf_append_char(buf, '\n', err);
	}
	if (result == 0 && n)
		result = lag_table_print(rows, n, NULL, report->color, buf, err);
	free(totals);
	return result;
}

static int print_rows(const struct lag_report *report, const struct mq_lag_sums *sums,
                      const struct mq_lag_row *const *rows, size_t n, struct mq_buf *buf,
                      struct mq_err *err)
{
	int result = 0;

	switch (report->format) {
	case LAG_TABLE:
		return table_report(report, sums, rows, n, buf, err);
	case LAG_PROMETHEUS:
		return prometheus_report(report, sums, rows, n, buf, err);
	case LAG_CSV:
		if (!report->again)
			result = csv_heading(report, buf, err);
		break;
	case LAG_JSON:
		break;
	}
	for (size_t i = 0; i < n && result == 0; i++)
		result = report->format == LAG_CSV ? csv_row(report, rows[i], buf, err)
		                                   : json_row(report, rows[i], buf, err);
	return result;
}

int lag_report(const struct lag_report *report, const struct mq_lag_table *table,
               struct mq_buf *buf, struct mq_err *err)
{
	struct mq_lag_sums sums = {0};
	const struct mq_lag_row **rows = calloc(table->n + 1, sizeof *rows);
	int result = -1;
	size_t n = 0;

	if (!rows) {
		mq_fail_memory(err);
		goto out;
	}
	if (mq_lag_sums_make(table, &sums, err) < 0)
		goto out;
	for (size_t i = 0; i < table->n && !report->totals; i++)
		rows[n++] = &table->rows[i];
	for (size_t i = 0; i < sums.n && report->totals; i++)
		rows[n++] = &sums.items[i].row;
	mq_lag_sort(rows, n, report->format == LAG_PROMETHEUS ? MQ_LAG_BY_NAME : MQ_LAG_BY_WORST);
	result = print_rows(report, &sums, rows, n, buf, err);
out:
	mq_lag_sums_release(&sums);
	free(rows);
	return result;
}
