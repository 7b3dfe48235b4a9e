/* mqtk lag: rows as a table for people. See lag.h. */
#include "cmd/lag/lag.h"

#include "mqtk/message.h"
#include "mqtk/report.h"

#include <inttypes.h>

/* Columns that no row has anything for are left out. */
struct columns {
	bool groups, partitions, positions, ids, ages, rates, pending, queues, members, notes;
};

static struct columns choose_columns(const struct mq_lag_row *const *rows, size_t n)
{
	struct columns c = {0};

	for (size_t i = 0; i < n; i++) {
		const struct mq_lag_row *row = rows[i];
		c.groups |= row->group != NULL;
		c.partitions |= row->partition != MQ_NO_PARTITION;
		c.ids |= row->committed_id || row->end_id;
		c.positions |= row->committed >= 0 || row->end >= 0;
		c.ages |= row->age_ms > 0 || row->age_floor > 0;
		c.rates |= row->rate_in >= 0 || row->rate_out >= 0 || row->eta_s > 0;
		/* Of a queue that is what is unacknowledged. */
		c.pending |= row->pending >= 0 && row->unacked < 0;
		c.queues |= row->ready >= 0 || row->unacked >= 0;
		c.members |= row->members >= 0;
		c.notes |= row->error != NULL;
	}
	c.positions |= c.ids;
	return c;
}

/* The columns from left to right. With a history the screen may be narrow, so positions come last
 * there. */
static void make_headings(const struct columns *c, bool history, const char **ret)
{
	const char *committed = c->ids ? "LAST DELIVERED" : ">COMMITTED";
	const char *end = c->ids ? "END" : ">END";
	size_t n = 0;

	if (c->groups)
		ret[n++] = "GROUP";
	ret[n++] = "STREAM";
	if (c->partitions)
		ret[n++] = ">PARTITION";
	if (c->positions && !history) {
		ret[n++] = committed;
		ret[n++] = end;
	}
	ret[n++] = ">LAG";
	if (history) {
		ret[n++] = "HISTORY";
		ret[n++] = "STATE";
	}
	if (c->ages)
		ret[n++] = ">AGE";
	if (c->rates) {
		ret[n++] = ">IN/S";
		ret[n++] = ">OUT/S";
		ret[n++] = ">ETA";
	}
	if (c->pending) {
		ret[n++] = ">PENDING";
		ret[n++] = ">IDLE";
	}
	if (c->queues) {
		ret[n++] = ">READY";
		ret[n++] = ">UNACKED";
	}
	if (c->members)
		ret[n++] = ">MEMBERS";
	if (!history)
		ret[n++] = "STATE";
	if (c->positions && history) {
		ret[n++] = committed;
		ret[n++] = end;
	}
	if (c->notes)
		ret[n++] = "NOTE";
	ret[n] = NULL;
}

static void cell_duration(struct mq_table *table, int64_t ms)
{
	char text[MQ_DURATION_TEXT];

	if (ms > 0)
		mq_duration_format(ms, text);
	mq_table_text(table, ms > 0 ? text : ms == 0 ? "0" : NULL);
}

/* A number; with a '+' when only a part of it is known. */
static void cell_lag(struct mq_table *table, const struct mq_lag_row *row)
{
	if (row->lag < 0 && row->lag_floor >= 0)
		mq_table_printf(table, "%" PRId64 "+", row->lag_floor);
	else
		mq_table_known(table, row->lag, -1);
}

static void cell_age(struct mq_table *table, const struct mq_lag_row *row)
{
	char text[MQ_DURATION_TEXT];

	if (row->age_ms >= 0 || row->age_floor <= 0) {
		cell_duration(table, row->age_ms);
		return;
	}
	mq_duration_format(row->age_floor, text);
	mq_table_printf(table, "%s+", text);
}

static void cell_rate(struct mq_table *table, double rate)
{
	if (rate < 0)
		mq_table_text(table, NULL);
	else
		mq_table_printf(table, "%.*f", rate < 10 ? 1 : 0, rate);
}

static void cell_position(struct mq_table *table, const char *id, int64_t offset)
{
	if (id)
		mq_table_text(table, id);
	else
		mq_table_known(table, offset, -1);
}

static void cells_positions(struct mq_table *table, const struct columns *c,
                            const struct mq_lag_row *row)
{
	if (!c->positions)
		return;
	cell_position(table, row->committed_id, row->committed);
	cell_position(table, row->end_id, row->end);
}

static void cell_history(struct mq_table *table, const struct lag_history *history,
                         const struct mq_lag_row *row, struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_init(&text, 4096);
	if (history->append(history, row, &text, err) < 0 ||
	    mq_buf_append_char(&text, '\0', err) < 0)
		table->failed = true;
	mq_table_text(table, text.data ? text.data : "");
	mq_buf_release(&text);
}

static void add_row(struct mq_table *table, const struct columns *c, const struct mq_lag_row *row,
                    const struct lag_history *history, struct mq_err *err)
{
	if (c->groups)
		mq_table_text(table, row->group);
	mq_table_text(table, row->stream);
	if (c->partitions)
		mq_table_known(table, row->partition, MQ_NO_PARTITION);
	if (!history)
		cells_positions(table, c, row);
	cell_lag(table, row);
	if (history) {
		cell_history(table, history, row, err);
		mq_table_text(table, mq_lag_state_name(row->state));
	}
	if (c->ages)
		cell_age(table, row);
	if (c->rates) {
		cell_rate(table, row->rate_in);
		cell_rate(table, row->rate_out);
		cell_duration(table, row->eta_s < 0 || row->eta_s > INT64_MAX / 1000
		                         ? -1
		                         : row->eta_s * 1000);
	}
	if (c->pending) {
		mq_table_known(table, row->pending, -1);
		cell_duration(table, row->oldest_idle_ms);
	}
	if (c->queues) {
		mq_table_known(table, row->ready, -1);
		mq_table_known(table, row->unacked, -1);
	}
	if (c->members)
		mq_table_known(table, row->members, -1);
	if (history)
		cells_positions(table, c, row);
	else
		mq_table_text(table, mq_lag_state_name(row->state));
	if (c->notes)
		mq_table_text(table, row->error ? row->error : "");
}

static const char *color_of(enum mq_lag_state state)
{
	switch (state) {
	case MQ_LAG_STOP:
	case MQ_LAG_STALL:
	case MQ_LAG_REWIND:
		return "\033[31m";
	case MQ_LAG_WARN:
		return "\033[33m";
	case MQ_LAG_UNKNOWN:
		return "\033[2m";
	default:
		return NULL;
	}
}

/* Copies the printed table with each row in the colour of its state. */
static int paint(const struct mq_buf *plain, const struct mq_lag_row *const *rows,
                 struct mq_buf *buf, struct mq_err *err)
{
	const char *line = plain->data, *end = plain->data + plain->len;
	int result = 0;

	for (size_t i = 0; line < end && result == 0; i++) {
		const char *feed = memchr(line, '\n', (size_t)(end - line));
		size_t len = feed ? (size_t)(feed - line) : (size_t)(end - line);
		const char *on = i ? color_of(rows[i - 1]->state) : NULL;
		if (on)
			result = mq_buf_append_str(buf, on, err);
		if (result == 0)
			result = mq_buf_append(buf, line, len, err);
		if (result == 0)
			result = mq_buf_append_str(buf, on ? "\033[0m\n" : "\n", err);
		line += len + 1;
	}
	return result;
}

int lag_table_print(const struct mq_lag_row *const *rows, size_t n,
                    const struct lag_history *history, bool color, struct mq_buf *buf,
                    struct mq_err *err)
{
	struct columns columns = choose_columns(rows, n);
	const char *headings[24];
	struct mq_table table;
	struct mq_buf plain;

	make_headings(&columns, history != NULL, headings);
	mq_buf_init(&plain, buf->limit);
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < n; i++)
		add_row(&table, &columns, rows[i], history, err);
	int result = mq_table_print(&table, color, color ? &plain : buf);
	if (result == 0 && color)
		result = paint(&plain, rows, buf, err);
	mq_table_release(&table);
	mq_buf_release(&plain);
	return result;
}
