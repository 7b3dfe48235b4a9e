/* Scalars into bytes: see data.h. */
#include "schema/protobuf/data.h"

#include "mqtk/format.h"
#include "schema/json/number.h"

#include <math.h>
#include <stdlib.h>

static int put_fixed(struct pb_encoder *e, uint64_t value, size_t width)
{
	char bytes[8];

	for (size_t i = 0; i < width; i++, value >>= 8)
		bytes[i] = (char)value;
	return mq_buf_append(e->buf, bytes, width, e->err);
}

/* A number, or a string that holds one and nothing else. */
static bool number_in(const struct js_value *value, struct js_value *ret)
{
	*ret = *value;
	if (value->type == JS_NUMBER)
		return true;
	if (value->type != JS_STRING)
		return false;
	const char *p = value->at.text, *end = p + value->len;
	ret->type = JS_NUMBER;
	ret->flags = 0;
	p += p < end && *p == '-';
	const char *first = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == first || (p - first > 1 && *first == '0'))
		return false;
	if (p < end && *p == '.') {
		for (first = ++p; p < end && *p >= '0' && *p <= '9';)
			p++;
		if (p == first)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		for (first = p; p < end && *p >= '0' && *p <= '9';)
			p++;
		if (p == first)
			return false;
	}
	return p == end;
}

/* A whole number of at most 64 bits: its size and sign. */
static bool whole(const struct js_value *number, bool *negative, uint64_t *ret)
{
	if (!js_number_is_integer(number))
		return false;
	struct js_decimal decimal = js_decimal(number);
	const char *p = decimal.first;

	*negative = decimal.negative;
	*ret = 0;
	if (decimal.first == decimal.end)
		return true;
	if (decimal.exponent > 20)
		return false;
	for (int64_t i = 0; i < decimal.exponent; i++) {
		p += p < decimal.end && *p == '.';
		unsigned digit = p < decimal.end ? (unsigned)(*p++ - '0') : 0;
		if (*ret > (UINT64_MAX - digit) / 10)
			return false;
		*ret = *ret * 10 + digit;
	}
	return true;
}

/* The bits of an integer within its type. */
static int integer_bits(struct pb_encoder *e, const struct pb_field *field, uint32_t value,
                        uint64_t *ret)
{
	enum pb_type type = (enum pb_type)field->type;
	bool is_unsigned =
	    type == PB_UINT32 || type == PB_FIXED32 || type == PB_UINT64 || type == PB_FIXED64;
	bool narrow = type == PB_INT32 || type == PB_SINT32 || type == PB_SFIXED32 ||
	              type == PB_UINT32 || type == PB_FIXED32 || type == PB_ENUM;
	struct js_value number;
	bool negative;
	uint64_t size;

	if (!number_in(&e->doc->values[value], &number))
		return pb_no_value(e, value, "type", pb_type_name(type));
	uint64_t most = narrow ? UINT32_MAX : UINT64_MAX;
	if (!whole(&number, &negative, &size))
		return pb_no_value(e, value, "range", pb_type_name(type));
	if (!is_unsigned)
		most = most / 2 + negative;
	if (size > most || (is_unsigned && negative && size > 0))
		return pb_no_value(e, value, "range", pb_type_name(type));
	*ret = negative ? 0 - size : size;
	return 0;
}

static int real_bits(struct pb_encoder *e, const struct pb_field *field, uint32_t value,
                     uint64_t *ret)
{
	const struct js_value *there = &e->doc->values[value];
	bool single = field->type == PB_FLOAT;
	struct js_value number;
	double real;
	float half;
	uint32_t bits;

	if (js_is(e->doc, value, "NaN")) {
		real = (double)NAN, half = NAN;
	} else if (js_is(e->doc, value, "Infinity") || js_is(e->doc, value, "-Infinity")) {
		real = *there->at.text == '-' ? -(double)INFINITY : (double)INFINITY;
		half = (float)real;
	} else if (number_in(there, &number)) {
		mq_buf_clear(&e->scratch);
		if (mq_buf_append(&e->scratch, number.at.text, number.len, e->err) < 0 ||
		    mq_buf_append(&e->scratch, "", 1, e->err) < 0)
			return -1;
		real = strtod(e->scratch.data, NULL);
		half = strtof(e->scratch.data, NULL);
		if (single ? isinf(half) : isinf(real))
			return pb_no_value(e, value, "range", pb_type_name(field->type));
	} else {
		return pb_no_value(e, value, "type", pb_type_name(field->type));
	}
	memcpy(ret, &real, sizeof *ret);
	memcpy(&bits, &half, sizeof bits);
	if (single)
		*ret = bits;
	return 0;
}

static int enum_bits(struct pb_encoder *e, const struct pb_field *field, uint32_t value,
                     uint64_t *ret)
{
	const struct js_value *there = &e->doc->values[value];
	const struct pb_enum *type = field->enumeration;

	*ret = 0;
	if (there->type == JS_NULL && type->null)
		return 0;
	if (there->type == JS_NUMBER)
		return integer_bits(e, field, value, ret);
	for (uint32_t i = 0; there->type == JS_STRING && i < type->n; i++)
		if (mq_bytes_equal(type->values[i].name, js_text(e->doc, value))) {
			*ret = (uint64_t)(int64_t)type->values[i].number;
			return 0;
		}
	mq_buf_clear(&e->scratch);
	if (mq_buf_printf(&e->scratch, e->err, "value of the enum %.*s", (int)type->name.len,
	                  type->name.data) < 0)
		return -1;
	return pb_no_value(e, value, "enum", e->scratch.data);
}

/* Base64, or base64url, with or without padding, as ProtoJSON takes all of them. */
static int put_bytes(struct pb_encoder *e, uint32_t value, bool *zero)
{
	struct mq_bytes text = js_text(e->doc, value);
	struct mq_buf *scratch = &e->scratch;
	size_t from = e->buf->len;

	mq_buf_clear(scratch);
	while (text.len > 0 && text.data[text.len - 1] == '=')
		text.len--;
	if (mq_buf_reserve(scratch, text.len + 4, e->err) < 0)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		scratch->data[scratch->len++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	while (scratch->len % 4 != 0)
		scratch->data[scratch->len++] = '=';
	if (mq_base64_decode(e->buf, mq_bytes_of(scratch->data, scratch->len), NULL) < 0)
		return pb_no_value(e, value, "base64", "base64");
	*zero = e->buf->len == from;
	return pb_close(e, from);
}

static int put_text(struct pb_encoder *e, const struct pb_field *field, uint32_t value, bool *zero)
{
	if (e->doc->values[value].type != JS_STRING)
		return pb_no_value(e, value, "type", pb_type_name(field->type));
	if (field->type == PB_BYTES)
		return put_bytes(e, value, zero);
	struct mq_bytes text = js_text(e->doc, value);
	if (!mq_utf8_valid(text))
		return pb_misfit(e, value, "utf-8", "a string that is no UTF-8");
	*zero = text.len == 0;
	return pb_put_sized(e, text);
}

static int put_bool(struct pb_encoder *e, uint32_t value, bool *zero)
{
	uint8_t type = e->doc->values[value].type;

	if (type != JS_TRUE && type != JS_FALSE)
		return pb_no_value(e, value, "type", "bool");
	*zero = type == JS_FALSE;
	return pb_put_varint(e, type == JS_TRUE);
}

int pb_encode_scalar(struct pb_encoder *e, const struct pb_field *field, uint32_t value,
                     bool *ret_zero)
{
	enum pb_type type = (enum pb_type)field->type;
	uint64_t bits = 0;
	int result;

	if (type == PB_STRING || type == PB_BYTES)
		return put_text(e, field, value, ret_zero);
	if (type == PB_BOOL)
		return put_bool(e, value, ret_zero);
	if (type == PB_DOUBLE || type == PB_FLOAT)
		result = real_bits(e, field, value, &bits);
	else if (type == PB_ENUM)
		result = enum_bits(e, field, value, &bits);
	else
		result = integer_bits(e, field, value, &bits);
	if (result < 0)
		return -1;
	*ret_zero = bits == 0;
	if (field->wire != PB_VARINT)
		return put_fixed(e, bits, field->wire == PB_I64 ? 8 : 4);
	if (type == PB_SINT32 || type == PB_SINT64) {
		bool negative = bits >> 63;
		bits = bits << 1 ^ (0 - (uint64_t)negative);
		if (type == PB_SINT32)
			bits = (uint32_t)bits;
	}
	return pb_put_varint(e, bits);
}
