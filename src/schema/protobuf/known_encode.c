/* The well-known types with a JSON form of their own, into bytes: see data.h. */
#include "schema/protobuf/data.h"

#include "mqtk/format.h"

static int put_number_field(struct pb_encoder *e, uint32_t number, int64_t value)
{
	if (value == 0)
		return 0;
	return pb_put_tag(e, number, PB_VARINT) < 0 ? -1 : pb_put_varint(e, (uint64_t)value);
}

static int encode_moment(struct pb_encoder *e, const struct pb_message *type, uint32_t value)
{
	bool stamp = type->known == PB_TIMESTAMP;
	int64_t seconds = 0;
	int32_t nanos = 0;

	if (e->doc->values[value].type != JS_STRING ||
	    !(stamp ? pb_timestamp_parse : pb_duration_parse)(js_text(e->doc, value), &seconds,
	                                                      &nanos))
		return pb_misfit(e, value, "range",
		                 stamp ? "no time such as \"2026-01-31T12:00:00.5Z\""
		                       : "no duration such as \"1.5s\"");
	return put_number_field(e, 1, seconds) < 0 ? -1 : put_number_field(e, 2, nanos);
}

/* orderLines.unitPrice as order_lines.unit_price. */
static int put_path(struct pb_encoder *e, uint32_t value, struct mq_bytes path)
{
	mq_buf_clear(&e->scratch);
	if (mq_buf_reserve(&e->scratch, 2 * path.len + 1, e->err) < 0)
		return -1;
	for (size_t i = 0; i < path.len; i++) {
		char c = path.data[i];
		bool up = c >= 'A' && c <= 'Z';
		if (c == '_')
			return pb_misfit(e, value, "range",
			                 "paths are in lowerCamelCase, without '_'");
		if (up)
			e->scratch.data[e->scratch.len++] = '_';
		e->scratch.data[e->scratch.len++] = (char)(up ? c - 'A' + 'a' : c);
	}
	if (pb_put_tag(e, 1, PB_LEN) < 0)
		return -1;
	return pb_put_sized(e, mq_bytes_of(e->scratch.data, e->scratch.len));
}

static int encode_mask(struct pb_encoder *e, uint32_t value)
{
	struct mq_bytes text;

	if (e->doc->values[value].type != JS_STRING)
		return pb_misfit(e, value, "type", "a field mask is a string of paths and commas");
	text = js_text(e->doc, value);
	while (text.len > 0) {
		const char *comma = memchr(text.data, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.data) : text.len;
		if (put_path(e, value, mq_bytes_of(text.data, len)) < 0)
			return -1;
		if (!comma)
			return 0;
		text = mq_bytes_of(comma + 1, text.len - len - 1);
		if (text.len == 0)
			return put_path(e, value, text);
	}
	return 0;
}

/* google.protobuf.Value: the field by the type of the JSON. */
static int encode_value(struct pb_encoder *e, const struct pb_message *type, uint32_t value)
{
	static const uint8_t fields[] = {
	    [JS_NULL] = 1,   [JS_FALSE] = 4, [JS_TRUE] = 4,   [JS_NUMBER] = 2,
	    [JS_STRING] = 3, [JS_ARRAY] = 6, [JS_OBJECT] = 5,
	};
	return pb_encode_field(e, &type->fields[fields[e->doc->values[value].type] - 1], value);
}

static int encode_wrapper(struct pb_encoder *e, const struct pb_message *type, uint32_t value)
{
	struct pb_field field = type->fields[0];

	field.presence = false;
	return pb_encode_field(e, &field, value);
}

/* An Any whose type is not known has its bytes, as pb_decode writes it. */
static int encode_raw(struct pb_encoder *e, const struct pb_message *type, uint32_t value,
                      uint32_t bytes, struct mq_bytes name)
{
	if (!bytes || e->doc->values[bytes].type != JS_STRING || e->doc->values[value].len != 2)
		return pb_misfit(e, value, "unknown", "the schema has no type %.*s", (int)name.len,
		                 name.data);
	struct pb_field field = type->fields[1];
	field.presence = false;
	return pb_encode_field(e, &field, bytes);
}

static int encode_any(struct pb_encoder *e, const struct pb_message *type, uint32_t value)
{
	const struct js_value *object = &e->doc->values[value];

	if (object->type != JS_OBJECT)
		return pb_misfit(e, value, "type", "an Any is an object with \"@type\"");
	if (object->len == 0)
		return 0;
	uint32_t url = js_member(e->doc, value, "@type"), held = js_member(e->doc, value, "value");
	if (!url || e->doc->values[url].type != JS_STRING)
		return pb_misfit(e, value, "type", "an Any has a string \"@type\"");
	struct mq_bytes name = js_text(e->doc, url);
	if (!mq_utf8_valid(name))
		return pb_misfit(e, url, "utf-8", "a string that is no UTF-8");
	if (pb_put_tag(e, 1, PB_LEN) < 0 || pb_put_sized(e, name) < 0)
		return -1;
	const char *slash = memrchr(name.data, '/', name.len);
	if (slash)
		name = mq_bytes_of(slash + 1, (size_t)(name.data + name.len - slash - 1));
	const struct pb_message *inner = pb_message_named(e->model, name);
	if (!inner)
		return encode_raw(e, type, value, held, name);
	size_t begin = e->buf->len;
	if (pb_put_tag(e, 2, PB_LEN) < 0)
		return -1;
	size_t from = e->buf->len;
	if (inner->known != PB_ORDINARY) {
		if (!held || object->len != 2)
			return pb_misfit(e, value, "type",
			                 "an Any of %.*s has \"value\" and no more", (int)name.len,
			                 name.data);
		if (pb_encode_message(e, inner, held, 0) < 0)
			return -1;
	} else if (pb_encode_message(e, inner, value, url - 1) < 0) {
		return -1;
	}
	if (e->buf->len == from) {
		e->buf->len = begin;
		return 0;
	}
	return pb_close(e, from);
}

int pb_encode_known(struct pb_encoder *e, const struct pb_message *type, uint32_t value)
{
	switch ((enum pb_known)type->known) {
	case PB_ANY:
		return encode_any(e, type, value);
	case PB_TIMESTAMP:
	case PB_DURATION:
		return encode_moment(e, type, value);
	case PB_FIELD_MASK:
		return encode_mask(e, value);
	case PB_STRUCT:
		return pb_encode_map(e, &type->fields[0], value);
	case PB_LIST:
		return pb_encode_repeated(e, &type->fields[0], value);
	case PB_VALUE:
		return encode_value(e, type, value);
	default:
		return encode_wrapper(e, type, value);
	}
}
