/* Sorted members: see canonical.h. */
#include "schema/json/canonical.h"

#include <stdlib.h>

/* UTF-8 orders by code points; as UTF-16 what is beyond U+FFFF begins with 0xd8 to 0xdb, and stands
 * before U+E000 to U+FFFF, whose first bytes are 0xee and 0xef here. */
static int compare_bytes(unsigned char a, unsigned char b)
{
	if (a >= 0xee && b >= 0xee && (a >= 0xf0) != (b >= 0xf0))
		return a >= 0xf0 ? -1 : 1;
	return a < b ? -1 : 1;
}

static int by_code_units(const void *a, const void *b)
{
	const struct js_value *x = *(const struct js_value *const *)a;
	const struct js_value *y = *(const struct js_value *const *)b;

	for (uint32_t i = 0; i < x->len && i < y->len; i++)
		if (x->at.text[i] != y->at.text[i])
			return compare_bytes((unsigned char)x->at.text[i],
			                     (unsigned char)y->at.text[i]);
	return (x->len > y->len) - (x->len < y->len);
}

static int put_object(const struct js_doc *doc, uint32_t object, struct mq_buf *buf,
                      struct mq_err *err)
{
	uint32_t n = 0, count = doc->values[object].len;
	const struct js_value **keys = calloc(count ? count : 1, sizeof *keys);
	int result = mq_buf_append_char(buf, '{', err);

	if (!keys)
		return mq_fail_memory(err);
	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1))
		keys[n++] = &doc->values[key];
	qsort(keys, n, sizeof *keys, by_code_units);
	for (uint32_t i = 0; i < n && result == 0; i++) {
		uint32_t key = (uint32_t)(keys[i] - doc->values);
		if (i > 0)
			result = mq_buf_append_char(buf, ',', err);
		if (result == 0)
			result = js_write(doc, key, 0, buf, err);
		if (result == 0)
			result = mq_buf_append_char(buf, ':', err);
		if (result == 0)
			result = js_canonical(doc, key + 1, buf, err);
	}
	free(keys);
	return result < 0 ? -1 : mq_buf_append_char(buf, '}', err);
}

int js_canonical(const struct js_doc *doc, uint32_t i, struct mq_buf *buf, struct mq_err *err)
{
	const struct js_value *value = &doc->values[i];

	if (value->type == JS_OBJECT)
		return put_object(doc, i, buf, err);
	if (value->type != JS_ARRAY)
		return js_write(doc, i, 0, buf, err);
	int result = mq_buf_append_char(buf, '[', err);
	for (uint32_t at = i + 1; at < value->at.end && result == 0; at = js_next(doc, at)) {
		if (at > i + 1)
			result = mq_buf_append_char(buf, ',', err);
		if (result == 0)
			result = js_canonical(doc, at, buf, err);
	}
	return result < 0 ? -1 : mq_buf_append_char(buf, ']', err);
}
