/*
 * Text becomes a typed value of an AMQP table: the way back of fields.c.
 *
 * The letters are AMQP's own (mqtk/message.h, header_types). A text that does not read as what its
 * letter says is no such value: the caller writes it as text then.
 */
#include "backend/rabbitmq/rabbitmq.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define DEPTH_MAX 100

struct into {
	amqp_pool_t *pool;
	bool wide; /* whole numbers have 64 bits; else 32 where that is enough */
};

static bool convert(const json_t *json, amqp_field_value_t *ret, struct into *into, int depth);

static amqp_bytes_t copy(amqp_pool_t *pool, const char *data, size_t len)
{
	char *mine = amqp_pool_alloc(pool, len + 1);

	if (mine)
		memcpy(mine, data, len);
	return (amqp_bytes_t){mine ? len : 0, mine};
}

static bool convert_object(const json_t *json, amqp_table_t *ret, struct into *into, int depth)
{
	size_t n = json_object_size(json);
	const char *key;
	json_t *value;

	ret->num_entries = 0;
	ret->entries = amqp_pool_alloc(into->pool, (n + 1) * sizeof *ret->entries);
	if (!ret->entries)
		return false;
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		amqp_table_entry_t *entry = &ret->entries[ret->num_entries++];
		if (strlen(key) > 255 || !convert(value, &entry->value, into, depth + 1))
			return false;
		entry->key = copy(into->pool, key, strlen(key));
		/* When a message died; consumers of x-death count on its type. */
		if (into->wide && strcmp(key, "time") == 0 && json_is_integer(value) &&
		    json_integer_value(value) >= 0) {
			entry->value.kind = AMQP_FIELD_KIND_TIMESTAMP;
			entry->value.value.u64 = (uint64_t)json_integer_value(value);
		}
	}
	return true;
}

static bool convert_array(const json_t *json, amqp_array_t *ret, struct into *into, int depth)
{
	size_t n = json_array_size(json);

	ret->num_entries = (int)n;
	ret->entries = amqp_pool_alloc(into->pool, (n + 1) * sizeof *ret->entries);
	if (!ret->entries)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!convert(json_array_get(json, i), &ret->entries[i], into, depth + 1))
			return false;
	return true;
}

static bool convert(const json_t *json, amqp_field_value_t *ret, struct into *into, int depth)
{
	if (depth > DEPTH_MAX)
		return false;
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		ret->kind = AMQP_FIELD_KIND_TABLE;
		return convert_object(json, &ret->value.table, into, depth);
	case JSON_ARRAY:
		ret->kind = AMQP_FIELD_KIND_ARRAY;
		return convert_array(json, &ret->value.array, into, depth);
	case JSON_STRING:
		ret->kind = AMQP_FIELD_KIND_UTF8;
		ret->value.bytes =
		    copy(into->pool, json_string_value(json), json_string_length(json));
		return ret->value.bytes.bytes != NULL;
	case JSON_INTEGER:
		ret->value.i64 = json_integer_value(json);
		ret->kind = AMQP_FIELD_KIND_I64;
		if (into->wide || ret->value.i64 < INT32_MIN || ret->value.i64 > INT32_MAX)
			return true;
		ret->kind = AMQP_FIELD_KIND_I32;
		ret->value.i32 = (int32_t)json_integer_value(json);
		return true;
	case JSON_REAL:
		ret->kind = AMQP_FIELD_KIND_F64;
		ret->value.f64 = json_real_value(json);
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		ret->kind = AMQP_FIELD_KIND_BOOLEAN;
		ret->value.boolean = json_is_true(json);
		return true;
	case JSON_NULL:
		ret->kind = AMQP_FIELD_KIND_VOID;
		return true;
	}
	return false;
}

/* A table or an array. */
static bool read_json(struct mq_bytes text, char letter, amqp_field_value_t *ret, struct into *into)
{
	json_t *json =
	    json_loadb(text.data, text.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	bool fits = json && (letter == 'F' ? json_is_object(json) : json_is_array(json)) &&
	            convert(json, ret, into, 0);

	json_decref(json);
	return fits;
}

static bool is(struct mq_bytes text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* A whole number within its type; written as it would be written again. */
static bool read_integer(struct mq_bytes text, char letter, amqp_field_value_t *ret)
{
	static const struct {
		char letter;
		int64_t min, max;
	} types[] = {
	    {'b', INT8_MIN, INT8_MAX},   {'B', 0, UINT8_MAX},         {'s', INT16_MIN, INT16_MAX},
	    {'u', 0, UINT16_MAX},        {'I', INT32_MIN, INT32_MAX}, {'i', 0, UINT32_MAX},
	    {'l', INT64_MIN, INT64_MAX}, {'T', 0, INT64_MAX},
	};
	char digits[24], *end;
	size_t row = 0;

	while (row < sizeof types / sizeof types[0] && types[row].letter != letter)
		row++;
	if (row == sizeof types / sizeof types[0] || text.len == 0 || text.len >= sizeof digits)
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = '\0';
	const char *first = digits + (digits[0] == '-');
	if (*first < '0' || *first > '9' || (first[0] == '0' && text.len > 1))
		return false;
	errno = 0;
	int64_t value = strtoll(digits, &end, 10);
	if (errno || *end || value < types[row].min || value > types[row].max)
		return false;
	ret->kind = (uint8_t)letter;
	switch (letter) {
	case 'b':
		ret->value.i8 = (int8_t)value;
		break;
	case 'B':
		ret->value.u8 = (uint8_t)value;
		break;
	case 's':
		ret->value.i16 = (int16_t)value;
		break;
	case 'u':
		ret->value.u16 = (uint16_t)value;
		break;
	case 'I':
		ret->value.i32 = (int32_t)value;
		break;
	case 'i':
		ret->value.u32 = (uint32_t)value;
		break;
	case 'l':
		ret->value.i64 = value;
		break;
	default:
		ret->value.u64 = (uint64_t)value;
		break;
	}
	return true;
}

static bool read_real(struct mq_bytes text, char letter, amqp_field_value_t *ret)
{
	char digits[48], *end;

	if (text.len == 0 || text.len >= sizeof digits)
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = '\0';
	double value = strtod(digits, &end);
	if (*end || end == digits)
		return false;
	ret->kind = (uint8_t)letter;
	if (letter == 'd')
		ret->value.f64 = value;
	else
		ret->value.f32 = (float)value;
	return true;
}

/* As fields.c writes it: 1.25, or 125e-12 where there are many places. */
static bool read_decimal(struct mq_bytes text, amqp_field_value_t *ret)
{
	uint64_t value = 0, places = 0;
	size_t i = 0, digits = 0, point = SIZE_MAX;

	for (; i < text.len && text.data[i] != 'e' && digits < 20; i++) {
		char c = text.data[i];
		if (c == '.' && point == SIZE_MAX && digits > 0) {
			point = digits;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (uint64_t)(c - '0');
		digits++;
		if (value > UINT32_MAX)
			return false;
	}
	if (digits == 0 || point == digits)
		return false;
	if (point != SIZE_MAX)
		places = digits - point;
	if (i < text.len) {
		if (point != SIZE_MAX || text.len - i < 3 || text.len - i > 5 ||
		    text.data[i] != 'e' || text.data[i + 1] != '-')
			return false;
		for (i += 2; i < text.len; i++) {
			if (text.data[i] < '0' || text.data[i] > '9')
				return false;
			places = places * 10 + (uint64_t)(text.data[i] - '0');
		}
		if (places > UINT8_MAX)
			return false;
	}
	ret->kind = AMQP_FIELD_KIND_DECIMAL;
	ret->value.decimal = (amqp_decimal_t){(uint8_t)places, (uint32_t)value};
	return true;
}

bool mq_rabbit_field_read(struct mq_bytes text, char letter, bool wide, amqp_pool_t *pool,
                          amqp_field_value_t *ret)
{
	struct into into = {pool, wide};

	if (letter == 'V') {
		ret->kind = AMQP_FIELD_KIND_VOID;
		return !text.data;
	}
	if (!text.data)
		return false;
	switch (letter) {
	case 't':
		ret->kind = AMQP_FIELD_KIND_BOOLEAN;
		ret->value.boolean = is(text, "true");
		return ret->value.boolean || is(text, "false");
	case 'x':
		ret->kind = AMQP_FIELD_KIND_BYTES;
		ret->value.bytes = (amqp_bytes_t){text.len, (void *)(uintptr_t)text.data};
		return true;
	case 'd':
	case 'f':
		return read_real(text, letter, ret);
	case 'D':
		return read_decimal(text, ret);
	case 'F':
	case 'A':
		return read_json(text, letter, ret, &into);
	default:
		return read_integer(text, letter, ret);
	}
}
