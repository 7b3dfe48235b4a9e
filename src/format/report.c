/* JSON objects and tables: see mqtk/report.h. CSV and Prometheus' text have files of their own. */
#include "mqtk/report.h"
#include "format/display.h"
#include "mqtk/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- JSON ------------------------------------------------------------------------------------ */

void mq_json_init(struct mq_json *json, struct mq_buf *buf, struct mq_err *err)
{
	*json = (struct mq_json){.buf = buf, .err = err};
}

static void note(struct mq_json *json, int result)
{
	if (result < 0)
		json->failed = true;
}

/* What stands before a value: a comma, and the member's name. */
static void begin_value(struct mq_json *json, const char *name)
{
	if (json->filled & (1U << json->level))
		note(json, mq_buf_append_char(json->buf, ',', json->err));
	json->filled |= 1U << json->level;
	if (name) {
		note(json, mq_json_append_text(json->buf, name, json->err));
		note(json, mq_buf_append_char(json->buf, ':', json->err));
	}
}

void mq_json_open(struct mq_json *json, const char *name, char bracket)
{
	begin_value(json, name);
	note(json, mq_buf_append_char(json->buf, bracket, json->err));
	if (json->level == 31) {
		note(json, mq_fail(json->err, MQ_INTERNAL, "a report nests too deep"));
		return;
	}
	json->level++;
	json->filled &= ~(1U << json->level);
}

void mq_json_close(struct mq_json *json, char bracket)
{
	if (json->level > 0)
		json->level--;
	note(json, mq_buf_append_char(json->buf, bracket, json->err));
}

void mq_json_text(struct mq_json *json, const char *name, const char *text)
{
	begin_value(json, name);
	note(json, text ? mq_json_append_text(json->buf, text, json->err)
	                : mq_buf_append_str(json->buf, "null", json->err));
}

void mq_json_int(struct mq_json *json, const char *name, int64_t number)
{
	begin_value(json, name);
	note(json, mq_buf_printf(json->buf, json->err, "%" PRId64, number));
}

void mq_json_known(struct mq_json *json, const char *name, int64_t number, int64_t unknown)
{
	if (number == unknown)
		mq_json_text(json, name, NULL);
	else
		mq_json_int(json, name, number);
}

void mq_rate_format(double rate, char *ret)
{
	int n = snprintf(ret, MQ_RATE_TEXT, "%.3f", rate < 1e30 ? rate : 1e30);

	while (n > 0 && ret[n - 1] == '0')
		n--;
	if (n > 0 && ret[n - 1] == '.')
		n--;
	ret[n] = '\0';
}

void mq_json_rate(struct mq_json *json, const char *name, double rate)
{
	char text[MQ_RATE_TEXT];

	if (rate >= 0)
		mq_rate_format(rate, text);
	mq_json_raw(json, name, rate >= 0 ? text : NULL);
}

void mq_json_bool(struct mq_json *json, const char *name, bool value)
{
	begin_value(json, name);
	note(json, mq_buf_append_str(json->buf, value ? "true" : "false", json->err));
}

void mq_json_raw(struct mq_json *json, const char *name, const char *text)
{
	begin_value(json, name);
	note(json, mq_buf_append_str(json->buf, text ? text : "null", json->err));
}

int mq_json_end(struct mq_json *json)
{
	note(json, mq_buf_append_char(json->buf, '\n', json->err));
	json->filled = 0;
	return json->failed ? -1 : 0;
}

/* --- tables ---------------------------------------------------------------------------------- */

void mq_table_init(struct mq_table *table, const char *const *headings, struct mq_err *err)
{
	*table = (struct mq_table){.err = err};
	while (headings[table->columns])
		table->columns++;
	for (size_t i = 0; i < table->columns; i++)
		mq_table_text(table, headings[i]);
}

void mq_table_release(struct mq_table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct mq_table){0};
}

/* Takes over cell; NULL is a failure to allocate it. */
static void add(struct mq_table *table, char *cell)
{
	if (cell && table->n_cells == table->cap_cells) {
		size_t cap = table->cap_cells ? table->cap_cells * 2 : 64;
		char **cells = realloc(table->cells, cap * sizeof *cells);
		if (cells) {
			table->cells = cells;
			table->cap_cells = cap;
		} else {
			free(cell);
			cell = NULL;
		}
	}
	if (!cell) {
		mq_fail_memory(table->err);
		table->failed = true;
		return;
	}
	mq_display_clean(cell);
	table->cells[table->n_cells++] = cell;
}

void mq_table_text(struct mq_table *table, const char *text)
{
	add(table, strdup(text ? text : "-"));
}

void mq_table_printf(struct mq_table *table, const char *fmt, ...)
{
	char *cell = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&cell, fmt, args) < 0)
		cell = NULL;
	va_end(args);
	add(table, cell);
}

void mq_table_known(struct mq_table *table, int64_t number, int64_t unknown)
{
	if (number == unknown)
		mq_table_text(table, NULL);
	else
		mq_table_printf(table, "%" PRId64, number);
}

static int pad(struct mq_buf *buf, size_t n, struct mq_err *err)
{
	return n ? mq_buf_printf(buf, err, "%*s", (int)n, "") : 0;
}

static int print_row(const struct mq_table *table, size_t row, const size_t *widths, bool bold,
                     struct mq_buf *buf)
{
	struct mq_err *err = table->err;
	int result = bold ? mq_buf_append_str(buf, "\033[1m", err) : 0;

	for (size_t c = 0; c < table->columns && result == 0; c++) {
		const char *cell = table->cells[row * table->columns + c];
		bool right = table->cells[c][0] == '>';
		if (row == 0 && right)
			cell++;
		size_t space = widths[c] - mq_display_width(cell);
		if (right)
			result = pad(buf, space, err);
		if (result == 0)
			result = mq_buf_append_str(buf, cell, err);
		if (result == 0 && !right && c + 1 < table->columns)
			result = pad(buf, space, err);
		if (result == 0 && c + 1 < table->columns)
			result = mq_buf_append_str(buf, "  ", err);
	}
	/* Columns without words at the end of a row leave no blanks behind. */
	while (result == 0 && buf->len > 0 && buf->data[buf->len - 1] == ' ')
		buf->len--;
	if (result == 0 && bold)
		result = mq_buf_append_str(buf, "\033[0m", err);
	return result < 0 ? -1 : mq_buf_append_char(buf, '\n', err);
}

int mq_table_print(struct mq_table *table, bool bold, struct mq_buf *buf)
{
	if (table->failed)
		return -1;
	size_t *widths = calloc(table->columns + 1, sizeof *widths);
	if (!widths)
		return mq_fail_memory(table->err);
	size_t rows = table->n_cells / table->columns;
	for (size_t i = 0; i < rows * table->columns; i++) {
		const char *cell = table->cells[i];
		if (i < table->columns && cell[0] == '>')
			cell++;
		if (mq_display_width(cell) > widths[i % table->columns])
			widths[i % table->columns] = mq_display_width(cell);
	}
	int result = 0;
	for (size_t row = 0; row < rows && result == 0; row++)
		result = print_row(table, row, widths, bold && row == 0, buf);
	free(widths);
	return result;
}
