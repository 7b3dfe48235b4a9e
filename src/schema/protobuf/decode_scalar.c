/* Scalars out of bytes: see data.h. */
#include "schema/protobuf/data.h"

#include "format/text.h"
#include "mqtk/format.h"

static int put_number(struct pb_decoder *d, int64_t value)
{
	if (mq_room(d->buf, MQ_I64_TEXT, d->err) < 0)
		return -1;
	mq_put_i64(d->buf, value);
	return 0;
}

static int put_unsigned(struct pb_decoder *d, uint64_t value)
{
	if (value <= INT64_MAX)
		return put_number(d, (int64_t)value);
	return mq_buf_printf(d->buf, d->err, "%llu", (unsigned long long)value);
}

/* 64 bits are a string. */
static int put_long(struct pb_decoder *d, uint64_t value, bool is_signed)
{
	if (mq_buf_append(d->buf, "\"", 1, d->err) < 0 ||
	    (is_signed ? put_number(d, (int64_t)value) : put_unsigned(d, value)) < 0)
		return -1;
	return mq_buf_append(d->buf, "\"", 1, d->err);
}

static int put_enum(struct pb_decoder *d, const struct pb_field *field, const struct pb_record *r)
{
	const struct pb_enum *type = field->enumeration;
	int32_t number = (int32_t)(uint32_t)r->value;
	const struct pb_enum_value *value = pb_enum_numbered(type, number);

	if (type->null)
		return mq_buf_append(d->buf, "null", 4, d->err);
	if (!value) {
		if (type->closed && d->checking &&
		    pb_problem(d, "enum", r->at, "%.*s has no value %d", (int)type->name.len,
		               type->name.data, number) < 0)
			return -1;
		return put_number(d, number);
	}
	if (mq_room(d->buf, value->name.len + 2, d->err) < 0)
		return -1;
	mq_put_char(d->buf, '"');
	mq_put(d->buf, value->name.data, value->name.len);
	mq_put_char(d->buf, '"');
	return 0;
}

static int put_string(struct pb_decoder *d, const struct pb_record *r)
{
	size_t len = d->buf->len;

	if (mq_json_append_bytes(d->buf, r->bytes, d->err) < 0)
		return -1;
	if (d->buf->data[len] == '"')
		return 0;
	d->buf->len = len;
	if (pb_problem(d, "utf-8", r->at, "a string that is no UTF-8") < 0)
		return -1;
	return mq_buf_append(d->buf, "\"\"", 2, d->err);
}

static int put_bytes(struct pb_decoder *d, struct mq_bytes bytes)
{
	if (mq_buf_append(d->buf, "\"", 1, d->err) < 0 ||
	    mq_base64_append(d->buf, bytes, d->err) < 0)
		return -1;
	return mq_buf_append(d->buf, "\"", 1, d->err);
}

static double real_of(uint64_t bits, bool single)
{
	uint32_t half = (uint32_t)bits;
	float narrow;
	double wide;

	memcpy(&narrow, &half, sizeof narrow);
	memcpy(&wide, &bits, sizeof wide);
	return single ? (double)narrow : wide;
}

int pb_put_scalar(struct pb_decoder *d, const struct pb_field *field, const struct pb_record *r)
{
	uint64_t value = r->value;

	switch ((enum pb_type)field->type) {
	case PB_DOUBLE:
	case PB_FLOAT:
		return pb_put_real(real_of(value, field->type == PB_FLOAT), field->type == PB_FLOAT,
		                   d->buf, d->err);
	case PB_INT32:
	case PB_SFIXED32:
		return put_number(d, (int32_t)(uint32_t)value);
	case PB_UINT32:
	case PB_FIXED32:
		return put_number(d, (uint32_t)value);
	case PB_SINT32:
		value = (uint32_t)value;
		return put_number(d, (int32_t)(uint32_t)(value >> 1 ^ (0 - (value & 1))));
	case PB_SINT64:
		return put_long(d, value >> 1 ^ (0 - (value & 1)), true);
	case PB_INT64:
	case PB_SFIXED64:
		return put_long(d, value, true);
	case PB_UINT64:
	case PB_FIXED64:
		return put_long(d, value, false);
	case PB_BOOL:
		return value ? mq_buf_append(d->buf, "true", 4, d->err)
		             : mq_buf_append(d->buf, "false", 5, d->err);
	case PB_ENUM:
		return put_enum(d, field, r);
	case PB_STRING:
		return put_string(d, r);
	case PB_BYTES:
		return put_bytes(d, r->bytes);
	default:
		return mq_fail(d->err, MQ_INTERNAL, "a message where a scalar was expected");
	}
}
