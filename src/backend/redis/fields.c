/* The fields of an entry as JSON, both ways: the form is told in entry.h. */
#include "backend/redis/entry.h"
#include "format/json_read.h"
#include "mqtk/format.h"

#include <stdlib.h>

/* Up to so many names are compared each with each. */
enum { FEW = 32 };

/* --- to JSON --------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	const struct mq_bytes *x = a, *y = b;
	int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	if (order != 0)
		return order;
	return x->len == y->len ? 0 : x->len < y->len ? -1 : 1;
}

/* 1 when a name comes twice, 0, -1. */
static int has_twins(const struct mq_rd_reply *fields, struct mq_err *err)
{
	struct mq_bytes few[FEW];
	size_t n = fields->n / 2, i = 0;
	struct mq_bytes *names = n <= FEW ? few : malloc(n * sizeof *names);
	int twins = 0;

	if (!names)
		return mq_fail_memory(err);
	for (const struct mq_rd_reply *f = fields->first; f && f->next && i < n; f = f->next->next)
		names[i++] = f->text;
	if (n <= FEW) {
		for (size_t a = 1; a < i && !twins; a++)
			for (size_t b = 0; b < a && !twins; b++)
				twins = mq_bytes_equal(names[a], names[b]);
	} else {
		qsort(names, i, sizeof *names, compare_names);
		for (size_t a = 1; a < i && !twins; a++)
			twins = mq_bytes_equal(names[a], names[a - 1]);
	}
	if (names != few)
		free(names);
	return twins;
}

int mq_rd_fields_append(const struct mq_rd_reply *fields, struct mq_buf *buf, struct mq_err *err)
{
	int pairs = has_twins(fields, err);
	const struct mq_rd_reply *f = fields->first;

	if (pairs < 0)
		return -1;
	for (size_t i = 1; f && f->next && i < fields->n && !pairs; i += 2, f = f->next->next)
		pairs = !mq_utf8_valid(f->text);
	if (mq_buf_append_char(buf, pairs ? '[' : '{', err) < 0)
		return -1;
	f = fields->first;
	for (size_t i = 1; f && f->next && i < fields->n; i += 2, f = f->next->next) {
		if ((f != fields->first && mq_buf_append_char(buf, ',', err) < 0) ||
		    (pairs && mq_buf_append_char(buf, '[', err) < 0) ||
		    mq_json_append_bytes(buf, f->text, err) < 0 ||
		    mq_buf_append_char(buf, pairs ? ',' : ':', err) < 0 ||
		    mq_json_append_bytes(buf, f->next->text, err) < 0 ||
		    (pairs && mq_buf_append_char(buf, ']', err) < 0))
			return -1;
	}
	return mq_buf_append_char(buf, pairs ? ']' : '}', err);
}

/* --- from JSON ------------------------------------------------------------------------------- */

static const char expected[] = "text or {\"base64\":\"…\"} is expected";

/* {"base64":"…"}, decoded where it stands. */
static bool take_base64(struct mq_json_reader *json, struct mq_bytes *ret)
{
	struct mq_bytes name, text;

	if (!mq_json_expect(json, '{', expected) || mq_json_peek(json) != '"' ||
	    !mq_json_take_string(json, &name) || !mq_bytes_equal(name, mq_bytes_str("base64")) ||
	    !mq_json_expect(json, ':', expected) || mq_json_peek(json) != '"' ||
	    !mq_json_take_string(json, &text) || !mq_json_expect(json, '}', expected)) {
		json->problem = expected;
		return false;
	}
	/* The decoded bytes never overtake the digits they come from. */
	struct mq_buf in_place = {
	    .data = (char *)(uintptr_t)text.data, .cap = text.len, .limit = text.len};
	if (mq_base64_decode(&in_place, text, NULL) < 0) {
		json->problem = "this is no base64";
		return false;
	}
	*ret = mq_bytes_of(text.data, in_place.len);
	return true;
}

/* Does an object begin here that is {"base64":…} and not just any? */
static bool is_base64(const struct mq_json_reader *json)
{
	static const char start[] = "{\"base64\":";

	return (size_t)(json->end - json->p) >= sizeof start - 1 &&
	       memcmp(json->p, start, sizeof start - 1) == 0;
}

static bool take_bytes(struct mq_json_reader *json, bool any, struct mq_bytes *ret)
{
	char c = mq_json_peek(json);

	if (c == '"')
		return mq_json_take_string(json, ret);
	if (any && !is_base64(json))
		return mq_json_take_any(json, ret);
	if (c == '{')
		return take_base64(json, ret);
	json->problem = expected;
	return false;
}

static bool take_pair(struct mq_json_reader *json, bool pairs, bool any, struct mq_bytes *name,
                      struct mq_bytes *value)
{
	if (pairs && !mq_json_expect(json, '[', "a pair [name,value] is expected"))
		return false;
	if (!pairs && mq_json_peek(json) != '"') {
		json->problem = "a name in quotes is expected";
		return false;
	}
	return take_bytes(json, false, name) &&
	       mq_json_expect(json, pairs ? ',' : ':', "name and value are expected") &&
	       take_bytes(json, any, value) &&
	       (!pairs || mq_json_expect(json, ']', "a pair has no more than two"));
}

int mq_rd_fields_parse(struct mq_rd_encoder *encoder, char *text, size_t len, bool any,
                       struct mq_err *err)
{
	struct mq_json_reader json;
	struct mq_bytes name, value;

	mq_json_reader_init(&json, text, len);
	char open = mq_json_peek(&json);
	bool pairs = open == '[' && !any;
	if (open != '{' && !pairs)
		return mq_fail(err, MQ_DATA,
		               "the payload is no JSON object, whose members would "
		               "be the entry's fields");
	json.p++;
	do {
		if (!take_pair(&json, pairs, any, &name, &value))
			goto bad;
		if (mq_rd_encoder_add(encoder, name, err) < 0 ||
		    mq_rd_encoder_add(encoder, value, err) < 0)
			return -1;
	} while (mq_json_peek(&json) == ',' && json.p++);
	if (!mq_json_expect(&json, pairs ? ']' : '}', "',' or the end is expected"))
		goto bad;
	mq_json_peek(&json);
	if (json.p == json.end)
		return 0;
	json.problem = "nothing more is expected";
bad:
	return mq_fail(err, MQ_DATA, "the payload does not read as fields: %s (column %zu)",
	               json.problem, (size_t)(json.p - json.base) + 1);
}
