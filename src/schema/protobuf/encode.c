/* JSON into bytes: see data.h. Fields are written in the order of their numbers. */
#include "schema/protobuf/data.h"

#include <stdio.h>
#include <stdlib.h>

void pb_encoder_init(struct pb_encoder *e)
{
	*e = (struct pb_encoder){0};
	mq_buf_init(&e->scratch, SIZE_MAX);
}

void pb_encoder_release(struct pb_encoder *e)
{
	free(e->slots);
	mq_buf_release(&e->scratch);
}

int pb_misfit(struct pb_encoder *e, uint32_t value, const char *rule, const char *fmt, ...)
{
	struct mq_buf pointer;
	char words[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	e->rule = rule;
	e->failed = value;
	mq_buf_init(&pointer, 4096);
	if (js_pointer(e->doc, value, &pointer, NULL) < 0)
		mq_buf_clear(&pointer);
	mq_fail(e->err, MQ_DATA, "%.*s%s%s", (int)pointer.len, pointer.data ? pointer.data : "",
	        pointer.len ? ": " : "", words);
	mq_buf_release(&pointer);
	return -1;
}

/* "12 is no bool": the value is cut. */
int pb_no_value(struct pb_encoder *e, uint32_t value, const char *rule, const char *type)
{
	struct mq_buf text;

	mq_buf_init(&text, 256);
	if (js_write(e->doc, value, 40, &text, NULL) < 0)
		mq_buf_clear(&text);
	pb_misfit(e, value, rule, "%.*s is no %s", (int)text.len, text.data ? text.data : "", type);
	mq_buf_release(&text);
	return -1;
}

/* --- pieces ----------------------------------------------------------------------------------- */

int pb_put_varint(struct pb_encoder *e, uint64_t value)
{
	char bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (char)(value | 0x80);
	bytes[n++] = (char)value;
	return mq_buf_append(e->buf, bytes, n, e->err);
}

int pb_put_tag(struct pb_encoder *e, uint32_t number, unsigned wire)
{
	return pb_put_varint(e, (uint64_t)number << 3 | wire);
}

int pb_put_sized(struct pb_encoder *e, struct mq_bytes bytes)
{
	return pb_put_varint(e, bytes.len) < 0
	           ? -1
	           : mq_buf_append(e->buf, bytes.data, bytes.len, e->err);
}

int pb_close(struct pb_encoder *e, size_t from)
{
	size_t len = e->buf->len - from, size;

	if (len > INT32_MAX)
		return mq_fail(e->err, MQ_DATA, "a message of more than 2 GiB");
	if (pb_put_varint(e, len) < 0)
		return -1;
	char head[10];
	size = e->buf->len - from - len;
	memcpy(head, e->buf->data + from + len, size);
	memmove(e->buf->data + from + size, e->buf->data + from, len);
	memcpy(e->buf->data + from, head, size);
	return 0;
}

/* --- fields ----------------------------------------------------------------------------------- */

static bool takes_null(const struct pb_field *field)
{
	return (field->message && field->message->known == PB_VALUE) ||
	       (field->enumeration && field->enumeration->null);
}

/* One value with its tag. */
static int put_value(struct pb_encoder *e, const struct pb_field *field, uint32_t value)
{
	size_t begin = e->buf->len;
	bool zero = false;

	if (pb_put_tag(e, field->number, field->wire) < 0)
		return -1;
	if (!field->message) {
		if (pb_encode_scalar(e, field, value, &zero) < 0)
			return -1;
		if (zero && !field->repeated && !field->presence)
			e->buf->len = begin;
		return 0;
	}
	size_t from = e->buf->len;
	if (pb_encode_message(e, field->message, value, 0) < 0)
		return -1;
	return field->type == PB_GROUP ? pb_put_tag(e, field->number, PB_EGROUP)
	                               : pb_close(e, from);
}

int pb_encode_repeated(struct pb_encoder *e, const struct pb_field *field, uint32_t value)
{
	const struct js_value *array = &e->doc->values[value];
	bool zero;

	if (array->type != JS_ARRAY)
		return pb_no_value(e, value, "type", "array");
	if (array->len == 0)
		return 0;
	size_t from = 0;
	if (field->packed) {
		if (pb_put_tag(e, field->number, PB_LEN) < 0)
			return -1;
		from = e->buf->len;
	}
	for (uint32_t i = value + 1; i < array->at.end; i = js_next(e->doc, i)) {
		if (e->doc->values[i].type == JS_NULL && !takes_null(field))
			return pb_misfit(e, i, "type", "null in a list");
		if ((field->packed ? pb_encode_scalar(e, field, i, &zero)
		                   : put_value(e, field, i)) < 0)
			return -1;
	}
	return field->packed ? pb_close(e, from) : 0;
}

static int put_key(struct pb_encoder *e, const struct pb_field *key, uint32_t value)
{
	bool zero;

	if (pb_put_tag(e, 1, key->wire) < 0)
		return -1;
	if (key->type != PB_BOOL)
		return pb_encode_scalar(e, key, value, &zero);
	if (!js_is(e->doc, value, "true") && !js_is(e->doc, value, "false"))
		return pb_no_value(e, value, "type", "bool");
	return pb_put_varint(e, js_is(e->doc, value, "true"));
}

int pb_encode_map(struct pb_encoder *e, const struct pb_field *field, uint32_t value)
{
	const struct js_value *object = &e->doc->values[value];
	const struct pb_field *key = &field->message->fields[0];
	struct pb_field held = field->message->fields[1];

	if (object->type != JS_OBJECT)
		return pb_no_value(e, value, "type", "object");
	held.presence = true;
	for (uint32_t i = value + 1; i < object->at.end; i = js_next(e->doc, i + 1)) {
		if (e->doc->values[i + 1].type == JS_NULL && !takes_null(&held))
			return pb_misfit(e, i + 1, "type", "null in a map");
		if (pb_put_tag(e, field->number, PB_LEN) < 0)
			return -1;
		size_t from = e->buf->len;
		if (put_key(e, key, i) < 0 || put_value(e, &held, i + 1) < 0 ||
		    pb_close(e, from) < 0)
			return -1;
	}
	return 0;
}

int pb_encode_field(struct pb_encoder *e, const struct pb_field *field, uint32_t value)
{
	if (field->map)
		return pb_encode_map(e, field, value);
	return field->repeated ? pb_encode_repeated(e, field, value) : put_value(e, field, value);
}

/* --- messages --------------------------------------------------------------------------------- */

/* By the name in JSON, else by that in the schema. Mostly members stand in the order of the fields:
 * the one at `guess` is tried first. */
static const struct pb_field *field_named(const struct pb_message *type, struct mq_bytes name,
                                          uint32_t guess)
{
	for (uint32_t i = 0; i < type->n; i++) {
		const struct pb_field *field = &type->fields[(guess + i) % type->n];
		if (mq_bytes_equal(field->json, name))
			return field;
	}
	for (uint32_t i = 0; i < type->n; i++)
		if (mq_bytes_equal(type->fields[i].name, name))
			return &type->fields[i];
	return NULL;
}

static int add_slot(struct pb_encoder *e, uint32_t field, uint32_t value)
{
	if (e->n + 2 > e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 256;
		uint32_t *more = realloc(e->slots, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(e->err);
		e->slots = more;
		e->cap = cap;
	}
	e->slots[e->n++] = field;
	e->slots[e->n++] = value;
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const uint32_t *first = a, *second = b;

	if (first[0] != second[0])
		return first[0] < second[0] ? -1 : 1;
	return (first[1] > second[1]) - (first[1] < second[1]);
}

/* Which member of the object is which field; they stand in e->slots from e->n on, sorted. */
static int match(struct pb_encoder *e, const struct pb_message *type, uint32_t object,
                 uint32_t skip)
{
	size_t begin = e->n;
	uint32_t guess = 0;
	bool sorted = true;

	for (uint32_t i = object + 1; i < e->doc->values[object].at.end;
	     i = js_next(e->doc, i + 1)) {
		struct mq_bytes name = js_text(e->doc, i);
		if (i == skip)
			continue;
		const struct pb_field *field = field_named(type, name, guess);
		if (!field)
			return pb_misfit(e, i, "unknown", "%.*s has no field of that name",
			                 (int)type->name.len, type->name.data);
		guess = (uint32_t)(field - type->fields) + 1;
		if (e->doc->values[i + 1].type == JS_NULL &&
		    (field->repeated || !takes_null(field)))
			continue;
		sorted = sorted && (e->n == begin || e->slots[e->n - 2] < guess - 1);
		if (add_slot(e, guess - 1, i + 1) < 0)
			return -1;
	}
	if (!sorted)
		qsort(e->slots + begin, (e->n - begin) / 2, 2 * sizeof *e->slots, compare_slots);
	return 0;
}

static int refuse_twice(struct pb_encoder *e, const struct pb_message *type, size_t begin)
{
	for (size_t i = begin; i < e->n; i += 2) {
		const struct pb_field *field = &type->fields[e->slots[i]];
		if (i > begin && e->slots[i] == e->slots[i - 2])
			return pb_misfit(e, e->slots[i + 1], "duplicate",
			                 "the field %.*s is there by two names",
			                 (int)field->name.len, field->name.data);
		for (size_t k = begin; field->oneof >= 0 && k < i; k += 2)
			if (type->fields[e->slots[k]].oneof == field->oneof)
				return pb_misfit(e, e->slots[i + 1], "oneof",
				                 "of the oneof %.*s another member is there too",
				                 (int)type->oneofs[field->oneof].len,
				                 type->oneofs[field->oneof].data);
	}
	return 0;
}

static int refuse_missing(struct pb_encoder *e, const struct pb_message *type, size_t begin,
                          uint32_t object)
{
	size_t i = begin;

	for (uint32_t f = 0; f < type->n && type->n_required > 0; f++) {
		while (i < e->n && e->slots[i] < f)
			i += 2;
		if (type->fields[f].required && (i >= e->n || e->slots[i] != f))
			return pb_misfit(e, object, "required",
			                 "the required field %.*s of %.*s is missing",
			                 (int)type->fields[f].name.len, type->fields[f].name.data,
			                 (int)type->name.len, type->name.data);
	}
	return 0;
}

static int encode_object(struct pb_encoder *e, const struct pb_message *type, uint32_t value,
                         uint32_t skip)
{
	size_t begin = e->n;

	if (e->doc->values[value].type != JS_OBJECT) {
		mq_buf_clear(&e->scratch);
		if (mq_buf_printf(&e->scratch, e->err, "object of %.*s", (int)type->name.len,
		                  type->name.data) < 0)
			return -1;
		return pb_no_value(e, value, "type", e->scratch.data);
	}
	if (match(e, type, value, skip) < 0 || refuse_twice(e, type, begin) < 0 ||
	    refuse_missing(e, type, begin, value) < 0)
		return -1;
	for (size_t i = begin; i < e->n; i += 2)
		if (pb_encode_field(e, &type->fields[e->slots[i]], e->slots[i + 1]) < 0)
			return -1;
	e->n = begin;
	return 0;
}

int pb_encode_message(struct pb_encoder *e, const struct pb_message *type, uint32_t value,
                      uint32_t skip)
{
	if (e->depth++ > PB_DEPTH)
		return pb_misfit(e, value, "data", "messages that nest too deep");
	int result = type->known != PB_ORDINARY && skip == 0 ? pb_encode_known(e, type, value)
	                                                     : encode_object(e, type, value, skip);
	e->depth--;
	return result;
}

int pb_encode(struct pb_encoder *e, const struct pb_model *model, const struct pb_message *type,
              const struct js_doc *doc, struct mq_buf *buf, struct mq_err *err)
{
	e->model = model;
	e->doc = doc;
	e->buf = buf;
	e->err = err;
	e->n = 0;
	e->depth = 0;
	e->rule = NULL;
	return pb_encode_message(e, type, 0, 0);
}
