/* JSON into bytes: see data.h. */
#include "schema/avro/data.h"

#include "schema/json/number.h"

#include <stdio.h>
#include <stdlib.h>

struct encoding {
	const struct av_schema *schema;
	const struct js_doc *doc;
	struct mq_buf *buf;
	struct mq_err *err;
	unsigned depth;
};

static int misfit(const struct encoding *e, uint32_t value, const char *wanted)
{
	struct mq_buf text;

	mq_buf_init(&text, 64 * 1024);
	if (js_pointer(e->doc, value, &text, NULL) < 0)
		mq_buf_clear(&text);
	size_t len = text.len;
	if (js_write(e->doc, value, 60, &text, NULL) < 0)
		text.len = len;
	mq_fail(e->err, MQ_DATA, "at \"%.*s\": %.*s is no %s of the Avro schema", (int)len,
	        text.data ? text.data : "", (int)(text.len - len), text.data ? text.data + len : "",
	        wanted);
	mq_buf_release(&text);
	return -1;
}

static int put_long(struct encoding *e, int64_t number)
{
	uint64_t rest = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
	char bytes[10];
	size_t n = 0;

	for (; rest >= 0x80; rest >>= 7)
		bytes[n++] = (char)(rest | 0x80);
	bytes[n++] = (char)rest;
	return mq_buf_append(e->buf, bytes, n, e->err);
}

static int put_sized(struct encoding *e, struct mq_bytes bytes)
{
	return put_long(e, (int64_t)bytes.len) < 0
	           ? -1
	           : mq_buf_append(e->buf, bytes.data, bytes.len, e->err);
}

/* --- scalars ---------------------------------------------------------------------------------- */

/* A whole number within int64_t. */
static bool whole(const struct js_value *value, int64_t *ret)
{
	if (value->type != JS_NUMBER || !js_number_is_integer(value))
		return false;
	if (value->flags & JS_PLAIN) {
		*ret = js_plain(value);
		return true;
	}
	struct js_decimal decimal = js_decimal(value);
	uint64_t limit = (uint64_t)INT64_MAX + decimal.negative, number = 0;
	const char *p = decimal.first;
	if (decimal.exponent > 19)
		return false;
	for (int64_t i = 0; i < decimal.exponent; i++) {
		p += p < decimal.end && *p == '.';
		unsigned digit = p < decimal.end ? (unsigned)(*p++ - '0') : 0;
		if (number > (limit - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = decimal.negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

static int encode_real(struct encoding *e, uint32_t value, bool single)
{
	const struct js_value *there = &e->doc->values[value];
	char text[512], bytes[8];
	uint64_t bits;

	if (there->type == JS_NUMBER && there->len < sizeof text) {
		memcpy(text, there->at.text, there->len);
		text[there->len] = '\0';
	} else if (js_is(e->doc, value, "NaN") || js_is(e->doc, value, "Infinity") ||
	           js_is(e->doc, value, "-Infinity")) {
		snprintf(text, sizeof text, "%.*s", (int)there->len, there->at.text);
	} else {
		return misfit(e, value, single ? "float" : "double");
	}
	if (single) {
		float real = strtof(text, NULL);
		uint32_t half;
		memcpy(&half, &real, sizeof half);
		bits = half;
	} else {
		double real = strtod(text, NULL);
		memcpy(&bits, &real, sizeof bits);
	}
	for (int i = 0; i < 8; i++, bits >>= 8)
		bytes[i] = (char)bits;
	return mq_buf_append(e->buf, bytes, single ? 4 : 8, e->err);
}

/* A string whose characters are bytes. */
static int encode_bytes(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];
	bool fixed = node->type == AV_FIXED;
	size_t n = there->type == JS_STRING ? js_characters(there) : 0;

	if (there->type != JS_STRING || (fixed && n != node->size))
		return misfit(e, value, fixed ? "fixed of its size" : "bytes");
	if ((!fixed && put_long(e, (int64_t)n) < 0) || mq_buf_reserve(e->buf, n, e->err) < 0)
		return -1;
	for (uint32_t i = 0; i < there->len; i++) {
		unsigned char c = (unsigned char)there->at.text[i];
		if (c >= 0xc4)
			return misfit(e, value, "bytes: a character above U+00FF");
		if (c >= 0xc2)
			c = (unsigned char)(c << 6 | ((unsigned char)there->at.text[++i] & 0x3f));
		e->buf->data[e->buf->len++] = (char)c;
	}
	return 0;
}

static int encode_symbol(struct encoding *e, uint32_t value, const struct av_node *node)
{
	struct mq_bytes text;

	if (e->doc->values[value].type != JS_STRING)
		return misfit(e, value, "symbol");
	text = js_text(e->doc, value);
	for (uint32_t i = 0; i < node->n; i++)
		if (mq_bytes_equal(e->schema->symbols[node->first + i], text))
			return put_long(e, i);
	return misfit(e, value, "symbol");
}

static int encode_scalar(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];
	int64_t number;

	switch ((enum av_type)node->type) {
	case AV_NULL:
		return there->type == JS_NULL ? 0 : misfit(e, value, "null");
	case AV_BOOLEAN:
		if (there->type != JS_TRUE && there->type != JS_FALSE)
			return misfit(e, value, "boolean");
		return mq_buf_append_char(e->buf, there->type == JS_TRUE, e->err);
	case AV_INT:
	case AV_LONG:
		if (!whole(there, &number) ||
		    (node->type == AV_INT && (number < INT32_MIN || number > INT32_MAX)))
			return misfit(e, value, node->type == AV_INT ? "int" : "long");
		return put_long(e, number);
	case AV_FLOAT:
	case AV_DOUBLE:
		return encode_real(e, value, node->type == AV_FLOAT);
	case AV_STRING:
		return there->type == JS_STRING ? put_sized(e, js_text(e->doc, value))
		                                : misfit(e, value, "string");
	case AV_ENUM:
		return encode_symbol(e, value, node);
	default:
		return encode_bytes(e, value, node);
	}
}

/* --- values within values --------------------------------------------------------------------- */

static int encode_node(struct encoding *e, uint32_t value, uint32_t number);

/* A default stands in the schema's text; one of a union is its first branch's. */
static int encode_default(struct encoding *e, const struct av_field *field)
{
	const struct js_doc *doc = e->doc;
	const struct av_node *node = &e->schema->nodes[field->node];
	uint32_t number =
	    node->type == AV_UNION && node->n > 0 ? e->schema->branches[node->first] : field->node;

	if (number != field->node && put_long(e, 0) < 0)
		return -1;
	e->doc = &e->schema->doc;
	int result = encode_node(e, field->otherwise, number);
	e->doc = doc;
	return result;
}

static int encode_record(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_doc *doc = e->doc;
	uint32_t found = 0;

	if (doc->values[value].type != JS_OBJECT)
		return misfit(e, value, "record");
	for (uint32_t i = 0; i < node->n; i++) {
		const struct av_field *field = &e->schema->fields[node->first + i];
		uint32_t member = js_member_bytes(doc, value, field->name);
		if (!member && !field->otherwise)
			return mq_fail(e->err, MQ_DATA,
			               "the field \"%.*s\" of %.*s is missing, and has no default",
			               (int)field->name.len, field->name.data, (int)node->name.len,
			               node->name.data);
		found += member != 0;
		if ((member ? encode_node(e, member, field->node) : encode_default(e, field)) < 0)
			return -1;
	}
	if (found == doc->values[value].len)
		return 0;
	for (uint32_t key = value + 1; key < doc->values[value].at.end;
	     key = js_next(doc, key + 1)) {
		uint32_t i = 0;
		while (i < node->n &&
		       !mq_bytes_equal(e->schema->fields[node->first + i].name, js_text(doc, key)))
			i++;
		if (i == node->n)
			return misfit(e, key, "field");
	}
	return 0;
}

static int encode_many(struct encoding *e, uint32_t value, const struct av_node *node)
{
	bool map = node->type == AV_MAP;
	const struct js_value *there = &e->doc->values[value];

	if (there->type != (map ? JS_OBJECT : JS_ARRAY))
		return misfit(e, value, map ? "map" : "array");
	if (there->len > 0 && put_long(e, there->len) < 0)
		return -1;
	for (uint32_t i = value + 1; i < there->at.end; i = js_next(e->doc, i)) {
		if (map && put_sized(e, js_text(e->doc, i++)) < 0)
			return -1;
		if (encode_node(e, i, node->items) < 0)
			return -1;
	}
	return put_long(e, 0);
}

/* null, or an object with the name of a branch. */
static int encode_union(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_doc *doc = e->doc;
	bool null = doc->values[value].type == JS_NULL;

	if (!null && (doc->values[value].type != JS_OBJECT || doc->values[value].len != 1))
		return misfit(e, value, "union, which is null or an object with a branch's name");
	struct mq_bytes name = null ? mq_bytes_str("null") : js_text(doc, value + 1);
	for (uint32_t i = 0; i < node->n; i++) {
		uint32_t branch = e->schema->branches[node->first + i];
		if (mq_bytes_equal(e->schema->nodes[branch].name, name))
			return put_long(e, i) < 0
			           ? -1
			           : encode_node(e, null ? value : value + 2, branch);
	}
	return misfit(e, value, "branch of the union");
}

static int encode_node(struct encoding *e, uint32_t value, uint32_t number)
{
	const struct av_node *node = &e->schema->nodes[number];
	int result;

	if (node->type < AV_RECORD)
		return encode_scalar(e, value, node);
	if (++e->depth > AV_DEPTH)
		return mq_fail(e->err, MQ_DATA, "nested too deeply for Avro");
	if (node->type == AV_RECORD)
		result = encode_record(e, value, node);
	else
		result = node->type == AV_UNION ? encode_union(e, value, node)
		                                : encode_many(e, value, node);
	e->depth--;
	return result;
}

int av_encode(const struct av_schema *schema, const struct js_doc *doc, uint32_t value,
              struct mq_buf *buf, struct mq_err *err)
{
	struct encoding encoding = {.schema = schema, .doc = doc, .buf = buf, .err = err};

	return encode_node(&encoding, value, schema->root);
}
