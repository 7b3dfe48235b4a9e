/* The screen of mqtk lag --watch: see view.h. */
#include "cmd/lag/view.h"

#include "mqtk/message.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool lag_view_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

/* --- history --------------------------------------------------------------------------------- */

enum { HISTORY = 16 };

struct history {
	struct lag_history base;
	const struct mq_lag_table *table;
	bool totals, utf8;
};

/* The lag of a row k looks ago, or -1. */
static int64_t lag_ago(const struct mq_lag_row *row, size_t k)
{
	return k < row->n_samples ? row->samples[row->n_samples - 1 - k].lag : -1;
}

/* The same of a sum: of those of its rows that knew it. */
static int64_t sum_ago(const struct history *history, const struct mq_lag_sum *sum, size_t k)
{
	int64_t total = -1;

	for (size_t i = 0; i < sum->n; i++) {
		int64_t lag = lag_ago(&history->table->rows[sum->first + i], k);
		if (lag >= 0)
			total = (total > 0 ? total : 0) + lag;
	}
	return total;
}

static int append_history(const struct lag_history *base, const struct mq_lag_row *row,
                          struct mq_buf *buf, struct mq_err *err)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", ".", "-", ":", "=", "+", "*", "#"};
	const struct history *history = (const struct history *)base;
	int64_t lags[HISTORY], most = 1;
	int result = 0;

	for (size_t k = 0; k < HISTORY; k++) {
		/* The row of a sum is the sum's first member. */
		lags[k] = history->totals
		              ? sum_ago(history, (const struct mq_lag_sum *)(const void *)row, k)
		              : lag_ago(row, k);
		most = lags[k] > most ? lags[k] : most;
	}
	for (size_t k = HISTORY; k-- > 0 && result == 0;) {
		double part = (double)lags[k] / (double)most;
		size_t level = lags[k] > 0 ? (size_t)(part * 7 + 0.5) : 0;
		result = mq_buf_append_str(buf,
		                           lags[k] < 0     ? " "
		                           : history->utf8 ? blocks[level]
		                                           : ascii[level],
		                           err);
	}
	return result;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* One line of the screen, cut at its right edge. */
static int append_line(const struct lag_view *view, const char *text, size_t len,
                       struct mq_buf *buf, struct mq_err *err)
{
	if (mq_line_clip(text, len, view->columns > 0 ? (size_t)view->columns : 80, buf, err) < 0)
		return -1;
	return mq_buf_append_str(buf, "\033[0m\033[K\r\n", err);
}

/* Lines of text, at most `most`; *used is how many there were. */
static int append_lines(const struct lag_view *view, const struct mq_buf *text, size_t most,
                        size_t *used, struct mq_buf *buf, struct mq_err *err)
{
	const char *line = text->data, *end = text->data + text->len;

	for (*used = 0; line < end && *used < most; ++*used) {
		const char *feed = memchr(line, '\n', (size_t)(end - line));
		size_t len = feed ? (size_t)(feed - line) : (size_t)(end - line);
		if (append_line(view, line, len, buf, err) < 0)
			return -1;
		line += len + 1;
	}
	return 0;
}

static int append_head(const struct lag_view *view, size_t n_all, struct mq_buf *buf,
                       struct mq_err *err)
{
	char every[MQ_DURATION_TEXT], clock[16] = "--:--:--";
	struct mq_buf line;
	struct tm local;

	if (view->now_ms != MQ_NO_TIME) {
		time_t seconds = (time_t)(view->now_ms / 1000);
		if (localtime_r(&seconds, &local))
			strftime(clock, sizeof clock, "%H:%M:%S", &local);
	}
	mq_duration_format(view->every_ms, every);
	mq_buf_init(&line, 1 << 16);
	int result = mq_buf_printf(&line, err, "%smqtk lag%s %s  %s, every %s  %zu",
	                           view->color ? "\033[1m" : "", view->color ? "\033[0m" : "",
	                           view->broker, clock, every, view->n_rows);
	if (result == 0 && view->n_rows != n_all)
		result = mq_buf_printf(&line, err, " of %zu", n_all);
	if (result == 0)
		result = mq_buf_printf(
		    &line, err, " %s, by %s%s", view->totals ? "groups" : "partitions",
		    mq_lag_order_name(view->order), view->paused ? "  PAUSED" : "");
	if (result == 0)
		result = append_line(view, line.data, line.len, buf, err);
	mq_buf_release(&line);
	return result;
}

static int append_foot(const struct lag_view *view, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_buf line;
	int result;

	mq_buf_init(&line, 1 << 16);
	if (view->typing)
		result = mq_buf_printf(&line, err, "/%s_", view->filter);
	else if (view->trouble)
		result =
		    mq_buf_printf(&line, err, "%s%s", view->color ? "\033[31m" : "", view->trouble);
	else
		result = mq_buf_printf(
		    &line, err, "q quit  s order  / filter%s%s  g %s  p %s  ? help",
		    view->filter[0] ? ": " : "", view->filter,
		    view->totals ? "partitions" : "groups", view->paused ? "go on" : "pause");
	if (result == 0)
		result = append_line(view, line.data, line.len, buf, err);
	/* The last line has no end, or the screen would roll. */
	if (result == 0)
		buf->len -= 2;
	mq_buf_release(&line);
	return result;
}

static const char help_text[] =
    "q       quit\n"
    "s       the next order: worst, lag, age, rate, name\n"
    "/       show only rows with this in group, stream or state; Enter ends, Esc clears\n"
    "g       groups and streams, or their partitions\n"
    "p       stand still, and go on\n"
    "↑ ↓     scroll; also j and k, page up and page down\n"
    "?       this, and back\n"
    "\n"
    "The small line is the lag of the last looks, the newest on the right.\n"
    "ok: read, or less and less unread. warn: it reads, but never less is unread.\n"
    "rewind: it went back. stall: it does not move. stop: the same while more comes,\n"
    "or nobody reads. unknown: not to be told yet.\n";

/* --- all ------------------------------------------------------------------------------------- */

static bool matches(const struct lag_view *view, const struct mq_lag_row *row)
{
	return !view->filter[0] || (row->group && strcasestr(row->group, view->filter)) ||
	       (row->stream && strcasestr(row->stream, view->filter)) ||
	       strcasestr(mq_lag_state_name(row->state), view->filter);
}

/* The rows to show, in their order. Owned by the caller. */
static const struct mq_lag_row **choose_rows(struct lag_view *view,
                                             const struct mq_lag_table *table,
                                             const struct mq_lag_sums *sums, struct mq_err *err)
{
	size_t all = view->totals ? sums->n : table->n;
	const struct mq_lag_row **rows = calloc(all + 1, sizeof *rows);

	if (!rows) {
		mq_fail_memory(err);
		return NULL;
	}
	view->n_rows = 0;
	for (size_t i = 0; i < all; i++) {
		const struct mq_lag_row *row = view->totals ? &sums->items[i].row : &table->rows[i];
		if (matches(view, row))
			rows[view->n_rows++] = row;
	}
	mq_lag_sort(rows, view->n_rows, view->order);
	return rows;
}

static int append_body(struct lag_view *view, const struct mq_lag_table *table,
                       const struct mq_lag_row *const *rows, struct mq_buf *buf, struct mq_err *err)
{
	struct history history = {{append_history}, table, view->totals, view->utf8};
	size_t height = view->lines > 4 ? (size_t)view->lines - 2 : 2, used = 0;
	size_t most = height - 1; /* below the headings */
	struct mq_buf text;
	int result;

	if (view->top + most > view->n_rows)
		view->top = view->n_rows > most ? view->n_rows - most : 0;
	size_t n = view->n_rows - view->top;
	mq_buf_init(&text, (size_t)1 << 26);
	if (view->help)
		result = mq_buf_append_str(&text, help_text, err);
	else
		result = lag_table_print(rows + view->top, n < most ? n : most, &history.base,
		                         view->color, &text, err);
	if (result == 0)
		result = append_lines(view, &text, height, &used, buf, err);
	for (; result == 0 && used < height; used++)
		result = mq_buf_append_str(buf, "\033[K\r\n", err);
	mq_buf_release(&text);
	return result;
}

int lag_view_draw(struct lag_view *view, const struct mq_lag_table *table, struct mq_buf *buf,
                  struct mq_err *err)
{
	const struct mq_lag_row **rows = NULL;
	struct mq_lag_sums sums = {0};
	int result = -1;

	if (mq_lag_sums_make(table, &sums, err) < 0 ||
	    !(rows = choose_rows(view, table, &sums, err)))
		goto out;
	if (mq_buf_append_str(buf, "\033[H", err) == 0 &&
	    append_head(view, view->totals ? sums.n : table->n, buf, err) == 0 &&
	    append_body(view, table, rows, buf, err) == 0 && append_foot(view, buf, err) == 0)
		result = 0;
out:
	free(rows);
	mq_lag_sums_release(&sums);
	return result;
}
