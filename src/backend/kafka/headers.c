/* Headers there and back: see headers.h. */
#include "backend/kafka/headers.h"

#include <stdlib.h>

void mq_kafka_headers_clear(struct mq_kafka_headers *headers)
{
	headers->n = 0;
	if (headers->carrier)
		mq_carrier_clear(headers->carrier);
}

void mq_kafka_headers_release(struct mq_kafka_headers *headers)
{
	free(headers->items);
	mq_carrier_free(headers->carrier);
	*headers = (struct mq_kafka_headers){0};
}

static int make_room(struct mq_kafka_headers *headers, size_t more, struct mq_err *err)
{
	if (headers->n + more <= headers->cap)
		return 0;
	size_t cap = (headers->n + more) * 2;
	struct mq_header *grown = realloc(headers->items, cap * sizeof *grown);
	if (!grown)
		return mq_fail_memory(err);
	headers->items = grown;
	headers->cap = cap;
	return 0;
}

/* The properties in a header, or NULL when it is none of ours. */
static const struct mq_properties *carried(struct mq_kafka_headers *headers,
                                           const struct mq_header *header)
{
	struct mq_err ignored = MQ_ERR_INIT;

	if (!mq_bytes_equal(header->name, mq_bytes_str(MQ_CARRY_HEADER)))
		return NULL;
	if (!headers->carrier && mq_carrier_new(&headers->carrier, &ignored) < 0)
		return NULL;
	return mq_carrier_read(headers->carrier, header->value);
}

int mq_kafka_headers_read(struct mq_kafka_headers *headers, rd_kafka_headers_t *from,
                          struct mq_message *message, struct mq_err *err)
{
	size_t n = from ? rd_kafka_header_cnt(from) : 0;

	message->n_headers = 0;
	if (make_room(headers, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *name;
		const void *value;
		size_t len;
		if (rd_kafka_header_get_all(from, i, &name, &value, &len))
			break;
		struct mq_header *header = &headers->items[headers->n];
		*header = (struct mq_header){mq_bytes_str(name), mq_bytes_of(value, len)};
		if (!message->properties) {
			message->properties = carried(headers, header);
			if (message->properties)
				continue; /* it was for us alone */
		}
		headers->n++;
		message->n_headers++;
	}
	return 0;
}

bool mq_kafka_headers_wanted(const struct mq_message *message)
{
	return message->n_headers > 0 || mq_carry_wanted(message->properties);
}

static int add(rd_kafka_headers_t *to, struct mq_bytes name, struct mq_bytes value,
               struct mq_err *err)
{
	rd_kafka_resp_err_t kerr =
	    rd_kafka_header_add(to, name.data, (ssize_t)name.len, value.data, (ssize_t)value.len);

	return kerr ? mq_fail(err, MQ_INTERNAL, "a header cannot be added: %s",
	                      rd_kafka_err2str(kerr))
	            : 0;
}

rd_kafka_headers_t *mq_kafka_headers_make(const struct mq_message *message, struct mq_err *err)
{
	rd_kafka_headers_t *to = rd_kafka_headers_new(message->n_headers + 1);
	int result = 0;

	for (size_t i = 0; i < message->n_headers && result == 0; i++)
		result = add(to, message->headers[i].name, message->headers[i].value, err);
	if (result == 0 && mq_carry_wanted(message->properties)) {
		struct mq_buf value;
		mq_buf_init(&value, 1 << 20);
		result = mq_carry_append(message->properties, &value, err);
		if (result == 0)
			result = add(to, mq_bytes_str(MQ_CARRY_HEADER),
			             mq_bytes_of(value.data, value.len), err);
		mq_buf_release(&value);
	}
	if (result == 0)
		return to;
	rd_kafka_headers_destroy(to);
	return NULL;
}
