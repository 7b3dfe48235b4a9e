/* Reading plans: CSV (RFC 4180) and JSON lines; see mqtk/plan.h. */
#include "mqtk/plan.h"

#include "format/json_read.h"
#include "mqtk/info.h"
#include "mqtk/message.h"

#include <stdio.h>
#include <stdlib.h>

#define CELLS_MAX 32
#define NOT_THERE CELLS_MAX

struct plan_reader {
	const char *name;
	char *p, *end;
	int64_t line;                     /* of what is read now */
	size_t stream, partition, target; /* the columns */
	struct mq_plan_lines *lines;
	struct mq_err *err;
};

void mq_plan_lines_release(struct mq_plan_lines *lines)
{
	if (!lines)
		return;
	for (size_t i = 0; i < lines->n; i++) {
		free(lines->items[i].stream);
		free(lines->items[i].target);
	}
	free(lines->items);
	*lines = (struct mq_plan_lines){0};
}

static int fail(struct plan_reader *r, const char *what)
{
	return mq_fail(r->err, MQ_DATA, "%s:%lld: %s", r->name, (long long)r->line, what);
}

/* Texts that end up in messages and requests hold no NUL. */
static char *keep(struct plan_reader *r, struct mq_bytes text)
{
	char *copy = NULL;

	if (memchr(text.data, '\0', text.len))
		fail(r, "a NUL byte is no part of a plan");
	else if (!(copy = strndup(text.data, text.len)))
		mq_fail_memory(r->err);
	return copy;
}

/* An empty partition or target stands for none. */
static int add(struct plan_reader *r, struct mq_bytes stream, struct mq_bytes partition,
               struct mq_bytes target)
{
	struct mq_err why = MQ_ERR_INIT;
	int64_t number = MQ_NO_PARTITION;
	char digits[32];

	if (stream.len == 0)
		return fail(r, "no stream is named");
	if (partition.len > 0) {
		snprintf(digits, sizeof digits, "%.*s",
		         (int)(partition.len < 31 ? partition.len : 31), partition.data);
		if (mq_int_parse(digits, 0, INT32_MAX, &number, &why) < 0)
			return fail(r, "the partition is no number; stream,partition,target are "
			               "expected");
	}
	struct mq_plan_line *line =
	    mq_info_grow(&r->lines->items, &r->lines->n, sizeof *line, r->err);
	if (!line)
		return -1;
	line->partition = (int32_t)number;
	line->line = r->line;
	line->stream = keep(r, stream);
	if (!line->stream)
		return -1;
	if (target.len > 0 && !(line->target = keep(r, target)))
		return -1;
	return 0;
}

/* --- CSV ------------------------------------------------------------------------------------- */

/* Takes a cell in quotes; p is at the first one. "" within is one quote. */
static int take_quoted(struct plan_reader *r, struct mq_bytes *ret)
{
	char *out = ++r->p;

	ret->data = out;
	for (; r->p < r->end; r->p++) {
		if (*r->p == '"') {
			if (r->p + 1 == r->end || r->p[1] != '"')
				break;
			r->p++;
		}
		*out++ = *r->p;
	}
	if (r->p == r->end)
		return fail(r, "a quote is not closed");
	r->p++;
	ret->len = (size_t)(out - ret->data);
	return 0;
}

/* Takes a line into cells; returns how many. */
static int take_cells(struct plan_reader *r, struct mq_bytes *cells, size_t *ret_n)
{
	*ret_n = 0;
	for (;;) {
		if (*ret_n == CELLS_MAX)
			return fail(r, "too many columns");
		struct mq_bytes *cell = &cells[(*ret_n)++];
		if (r->p < r->end && *r->p == '"') {
			if (take_quoted(r, cell) < 0)
				return -1;
		} else {
			*cell = mq_bytes_of(r->p, 0);
			while (r->p < r->end && *r->p != ',' && *r->p != '\n' && *r->p != '\r')
				r->p++, cell->len++;
		}
		if (r->p == r->end)
			return 0;
		char c = *r->p++;
		if (c == '\r' && r->p < r->end && *r->p == '\n')
			c = *r->p++;
		if (c == '\n')
			return 0;
		if (c != ',')
			return fail(r, "a comma is expected behind a quoted text");
	}
}

static bool is_text(struct mq_bytes bytes, const char *text)
{
	return mq_bytes_equal(bytes, mq_bytes_str(text));
}

/* 1: the line names the columns; 0: it does not; -1: it does, but not those that are needed. */
static int take_names(struct plan_reader *r, const struct mq_bytes *cells, size_t n)
{
	size_t stream = NOT_THERE, partition = NOT_THERE, target = NOT_THERE;

	for (size_t i = 0; i < n; i++) {
		if (is_text(cells[i], "stream"))
			stream = i;
		else if (is_text(cells[i], "partition"))
			partition = i;
		else if (is_text(cells[i], "target"))
			target = i;
	}
	if (stream == NOT_THERE || (partition == NOT_THERE && target == NOT_THERE))
		return 0;
	if (target == NOT_THERE)
		return fail(r, "the first line names columns, but none is called target");
	r->stream = stream;
	r->partition = partition;
	r->target = target;
	return 1;
}

static struct mq_bytes cell_at(const struct mq_bytes *cells, size_t n, size_t column)
{
	return column < n ? cells[column] : mq_bytes_of("", 0);
}

static int take_csv(struct plan_reader *r, bool first)
{
	struct mq_bytes cells[CELLS_MAX];
	size_t n;

	if (take_cells(r, cells, &n) < 0)
		return -1;
	int names = first ? take_names(r, cells, n) : 0;
	if (names != 0)
		return names < 0 ? -1 : 0;
	if (n <= r->stream || n <= r->target)
		return fail(r, "stream,partition,target are expected");
	return add(r, cells[r->stream], cell_at(cells, n, r->partition), cells[r->target]);
}

/* --- JSON lines ------------------------------------------------------------------------------ */

static int fail_json(struct plan_reader *r, const struct mq_json_reader *json)
{
	return fail(r, json->problem ? json->problem : "no JSON object");
}

/* A string without its quotes, or a number's text; null is empty. */
static bool take_value(struct mq_json_reader *json, struct mq_bytes *ret)
{
	char c = mq_json_peek(json);

	if (c == '"')
		return mq_json_take_string(json, ret);
	if (!mq_json_take_any(json, ret))
		return false;
	if (c == 'n')
		ret->len = 0;
	return true;
}

static int take_json(struct plan_reader *r)
{
	struct mq_bytes stream = {"", 0}, partition = {"", 0}, target = {"", 0}, name, other;
	char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));
	char *end = newline ? newline : r->end;
	struct mq_json_reader json;

	mq_json_reader_init(&json, r->p, (size_t)(end - r->p));
	r->p = newline ? newline + 1 : r->end;
	if (!mq_json_expect(&json, '{', "an object is expected"))
		return fail_json(r, &json);
	while (mq_json_peek(&json) != '}') {
		if (mq_json_peek(&json) != '"' || !mq_json_take_string(&json, &name) ||
		    !mq_json_expect(&json, ':', "':' is expected"))
			return fail_json(r, &json);
		struct mq_bytes *value = is_text(name, "stream")      ? &stream
		                         : is_text(name, "partition") ? &partition
		                         : is_text(name, "target")    ? &target
		                                                      : &other;
		if (!take_value(&json, value))
			return fail_json(r, &json);
		if (mq_json_peek(&json) == ',')
			json.p++;
		else if (mq_json_peek(&json) != '}')
			return fail(r, "',' or '}' is expected");
	}
	json.p++;
	if (mq_json_peek(&json) != 0)
		return fail(r, "one object a line is expected");
	return add(r, stream, partition, target);
}

/* --- the whole ------------------------------------------------------------------------------- */

int mq_plan_parse(char *text, size_t len, const char *name, struct mq_plan_lines *ret_lines,
                  struct mq_err *err)
{
	struct plan_reader r = {.name = name,
	                        .p = text,
	                        .end = text + len,
	                        .stream = 0,
	                        .partition = 1,
	                        .target = 2,
	                        .lines = ret_lines,
	                        .err = err};
	bool first = true;

	*ret_lines = (struct mq_plan_lines){0};
	/* What spreadsheets put before UTF-8. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.p += 3;
	while (r.p < r.end) {
		int result = 0;
		r.line++;
		if (*r.p == '\r' && r.p + 1 < r.end && r.p[1] == '\n')
			r.p++;
		if (*r.p == '\n')
			r.p++; /* an empty line */
		else if (*r.p == '{')
			result = take_json(&r);
		else
			result = take_csv(&r, first);
		if (result < 0) {
			mq_plan_lines_release(ret_lines);
			return -1;
		}
		first = false;
	}
	return 0;
}
