/*
 * The values of foreign headers as text: AMQP has numbers, truth values, moments, tables and lists,
 * our headers have bytes.
 */
#include "backend/rabbitmq/rabbitmq.h"
#include "mqtk/format.h"

#include <inttypes.h>

#define DEPTH_MAX 100
#define TEXT_LIMIT ((size_t)16 << 20)

static int append_value(struct mq_buf *buf, const amqp_field_value_t *value, int depth,
                        struct mq_err *err);

static struct mq_bytes borrowed(amqp_bytes_t bytes)
{
	return mq_bytes_of(bytes.bytes ? bytes.bytes : "", bytes.len);
}

/* value / 10^decimals, as a JSON number. */
static int append_decimal(struct mq_buf *buf, amqp_decimal_t decimal, struct mq_err *err)
{
	uint32_t scale = 1;

	if (decimal.decimals > 9)
		return mq_buf_printf(buf, err, "%" PRIu32 "e-%u", decimal.value, decimal.decimals);
	if (decimal.decimals == 0)
		return mq_buf_printf(buf, err, "%" PRIu32, decimal.value);
	for (int i = 0; i < decimal.decimals; i++)
		scale *= 10;
	return mq_buf_printf(buf, err, "%" PRIu32 ".%0*" PRIu32, decimal.value / scale,
	                     decimal.decimals, decimal.value % scale);
}

static int append_table(struct mq_buf *buf, const amqp_table_t *table, int depth,
                        struct mq_err *err)
{
	for (int i = 0; i < table->num_entries; i++) {
		const amqp_table_entry_t *entry = &table->entries[i];
		if (mq_buf_append_char(buf, i ? ',' : '{', err) < 0 ||
		    mq_json_append_bytes(buf, borrowed(entry->key), err) < 0 ||
		    mq_buf_append_char(buf, ':', err) < 0 ||
		    append_value(buf, &entry->value, depth + 1, err) < 0)
			return -1;
	}
	return mq_buf_append_str(buf, table->num_entries ? "}" : "{}", err);
}

static int append_array(struct mq_buf *buf, const amqp_array_t *array, int depth,
                        struct mq_err *err)
{
	for (int i = 0; i < array->num_entries; i++)
		if (mq_buf_append_char(buf, i ? ',' : '[', err) < 0 ||
		    append_value(buf, &array->entries[i], depth + 1, err) < 0)
			return -1;
	return mq_buf_append_str(buf, array->num_entries ? "]" : "[]", err);
}

/* A number, a truth value or null: the same in JSON and alone. Returns 1, 0 when it is none, -1. */
static int append_scalar(struct mq_buf *buf, const amqp_field_value_t *value, struct mq_err *err)
{
	int result;

	switch (value->kind) {
	case AMQP_FIELD_KIND_BOOLEAN:
		result = mq_buf_append_str(buf, value->value.boolean ? "true" : "false", err);
		break;
	case AMQP_FIELD_KIND_I8:
		result = mq_buf_printf(buf, err, "%d", value->value.i8);
		break;
	case AMQP_FIELD_KIND_U8:
		result = mq_buf_printf(buf, err, "%u", value->value.u8);
		break;
	case AMQP_FIELD_KIND_I16:
		result = mq_buf_printf(buf, err, "%d", value->value.i16);
		break;
	case AMQP_FIELD_KIND_U16:
		result = mq_buf_printf(buf, err, "%u", value->value.u16);
		break;
	case AMQP_FIELD_KIND_I32:
		result = mq_buf_printf(buf, err, "%" PRId32, value->value.i32);
		break;
	case AMQP_FIELD_KIND_U32:
		result = mq_buf_printf(buf, err, "%" PRIu32, value->value.u32);
		break;
	case AMQP_FIELD_KIND_I64:
		result = mq_buf_printf(buf, err, "%" PRId64, value->value.i64);
		break;
	case AMQP_FIELD_KIND_U64:
	case AMQP_FIELD_KIND_TIMESTAMP:
		result = mq_buf_printf(buf, err, "%" PRIu64, value->value.u64);
		break;
	case AMQP_FIELD_KIND_F32:
		result = mq_buf_printf(buf, err, "%.9g", (double)value->value.f32);
		break;
	case AMQP_FIELD_KIND_F64:
		result = mq_buf_printf(buf, err, "%.17g", value->value.f64);
		break;
	case AMQP_FIELD_KIND_DECIMAL:
		result = append_decimal(buf, value->value.decimal, err);
		break;
	case AMQP_FIELD_KIND_VOID:
		result = mq_buf_append_str(buf, "null", err);
		break;
	default:
		return 0;
	}
	return result < 0 ? -1 : 1;
}

static int append_value(struct mq_buf *buf, const amqp_field_value_t *value, int depth,
                        struct mq_err *err)
{
	int scalar = append_scalar(buf, value, err);

	if (scalar != 0)
		return scalar < 0 ? -1 : 0;
	if (depth > DEPTH_MAX)
		return mq_buf_append_str(buf, "\"…\"", err);
	if (value->kind == AMQP_FIELD_KIND_TABLE)
		return append_table(buf, &value->value.table, depth, err);
	if (value->kind == AMQP_FIELD_KIND_ARRAY)
		return append_array(buf, &value->value.array, depth, err);
	return mq_json_append_bytes(buf, borrowed(value->value.bytes), err);
}

struct mq_bytes mq_rabbit_field_text(const amqp_field_value_t *value, amqp_pool_t *pool,
                                     struct mq_err *err)
{
	struct mq_bytes result = MQ_ABSENT;
	struct mq_buf buf;

	if (value->kind == AMQP_FIELD_KIND_VOID)
		return MQ_ABSENT;
	if (value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES)
		return borrowed(value->value.bytes);
	mq_buf_init(&buf, TEXT_LIMIT);
	if (append_value(&buf, value, 0, err) == 0) {
		char *copy = amqp_pool_alloc(pool, buf.len + 1);
		if (copy) {
			memcpy(copy, buf.data, buf.len);
			result = mq_bytes_of(copy, buf.len);
		} else {
			mq_fail_memory(err);
		}
	}
	mq_buf_release(&buf);
	return result;
}
