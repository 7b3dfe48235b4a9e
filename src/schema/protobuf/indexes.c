/* Message indexes of Confluent's framing, without libprotobuf: see indexes.h. */
#include "schema/protobuf/indexes.h"

/* A zigzag varint that is no negative number. */
static int take(struct mq_bytes *rest, const char *what, int32_t *ret, struct mq_err *err)
{
	uint32_t raw = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (rest->len == 0)
			return mq_fail(err, MQ_DATA,
			               "the message indexes before the payload end in the middle");
		uint32_t byte = (unsigned char)*rest->data;
		rest->data++, rest->len--;
		if (shift == 28 && byte > 0x0f)
			break;
		raw |= (byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (raw & 1)
			return mq_fail(err, MQ_DATA, "%s before the payload is negative", what);
		*ret = (int32_t)(raw >> 1);
		return 0;
	}
	return mq_fail(err, MQ_DATA, "%s before the payload is larger than 32 bits", what);
}

int mq_proto_take_indexes(struct mq_bytes *payload, int32_t *ret, size_t max, size_t *ret_n,
                          struct mq_err *err)
{
	struct mq_bytes rest = *payload;
	int32_t n;

	if (take(&rest, "the number of message indexes", &n, err) < 0)
		return -1;
	if ((size_t)n > max)
		return mq_fail(err, MQ_DATA, "%d message indexes before the payload, at most %zu",
		               n, max);
	for (int32_t i = 0; i < n; i++)
		if (take(&rest, "a message index", &ret[i], err) < 0)
			return -1;
	if (n == 0 && max > 0)
		ret[n++] = 0;
	*ret_n = (size_t)n;
	*payload = rest;
	return 0;
}

static int put(int32_t value, struct mq_buf *buf, struct mq_err *err)
{
	uint32_t raw = (uint32_t)value << 1;
	char bytes[5];
	size_t len = 0;

	for (; raw > 0x7f; raw >>= 7)
		bytes[len++] = (char)(raw | 0x80);
	bytes[len++] = (char)raw;
	return mq_buf_append(buf, bytes, len, err);
}

int mq_proto_put_indexes(const int32_t *indexes, size_t n, struct mq_buf *buf, struct mq_err *err)
{
	if (n == 1 && indexes[0] == 0)
		return put(0, buf, err);
	if (put((int32_t)n, buf, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put(indexes[i], buf, err) < 0)
			return -1;
	return 0;
}
