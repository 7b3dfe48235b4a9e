/* A method that carries content, its properties and its body, put together from their frames. */
#include "backend/rabbitmq/rabbitmq.h"

#define HEADER_FIXED 12 /* class, weight, size of the body */

static int malformed(struct mq_err *err, const char *what)
{
	return mq_fail(err, MQ_UNREACHABLE, "the broker sent %s that cannot be read", what);
}

/* A copy of the frame's bytes behind `skip`, in the content's memory. */
static int keep(const struct mq_rabbit_content *content, const struct mq_rabbit_frame *frame,
                size_t skip, amqp_bytes_t *ret, struct mq_err *err)
{
	size_t len = frame->len - skip;
	char *copy = amqp_pool_alloc(content->pool, len + 1);

	if (!copy)
		return mq_fail_memory(err);
	memcpy(copy, frame->data + skip, len);
	*ret = (amqp_bytes_t){len, copy};
	return 0;
}

static int take_method(struct mq_rabbit_content *content, const struct mq_rabbit_frame *frame,
                       struct mq_err *err)
{
	amqp_bytes_t arguments;

	if (keep(content, frame, 4, &arguments, err) < 0)
		return -1;
	content->method = frame->method;
	if (amqp_decode_method(frame->method, content->pool, arguments, &content->decoded) !=
	    AMQP_STATUS_OK)
		return malformed(err, "a delivery");
	content->state = MQ_CONTENT_METHOD;
	return 0;
}

static uint64_t number(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | (uint8_t)data[i];
	return n;
}

static int take_header(struct mq_rabbit_content *content, const struct mq_rabbit_frame *frame,
                       struct mq_err *err)
{
	amqp_bytes_t header, properties;
	void *decoded;

	if (frame->len < HEADER_FIXED + 2 || number(frame->data, 2) != AMQP_BASIC_CLASS)
		return malformed(err, "properties");
	uint64_t size = number(frame->data + 4, 8);
	if (size > MQ_RABBIT_BODY_MAX)
		return mq_fail(err, MQ_DATA,
		               "the broker sends a message of %llu bytes; up to %llu "
		               "are understood",
		               (unsigned long long)size, (unsigned long long)MQ_RABBIT_BODY_MAX);
	if (keep(content, frame, 0, &header, err) < 0)
		return -1;
	content->header = mq_bytes_of(header.bytes, header.len);
	properties.bytes = (char *)header.bytes + HEADER_FIXED;
	properties.len = header.len - HEADER_FIXED;
	if (amqp_decode_properties(AMQP_BASIC_CLASS, content->pool, properties, &decoded) !=
	    AMQP_STATUS_OK)
		return malformed(err, "properties");
	content->properties = decoded;
	content->size = (size_t)size;
	content->got = 0;
	content->body = amqp_pool_alloc(content->pool, content->size + 1);
	if (!content->body)
		return mq_fail_memory(err);
	content->state = MQ_CONTENT_BODY;
	return 0;
}

int mq_rabbit_content_feed(struct mq_rabbit_content *content, const struct mq_rabbit_frame *frame,
                           amqp_pool_t *pool, struct mq_err *err)
{
	switch (content->state) {
	case MQ_CONTENT_NONE:
		if (frame->type != AMQP_FRAME_METHOD)
			break;
		content->pool = pool;
		return take_method(content, frame, err);
	case MQ_CONTENT_METHOD:
		if (frame->type != AMQP_FRAME_HEADER)
			break;
		if (take_header(content, frame, err) < 0)
			return -1;
		if (content->size > 0)
			return 0;
		content->state = MQ_CONTENT_NONE;
		return 1;
	case MQ_CONTENT_BODY:
		if (frame->type != AMQP_FRAME_BODY || frame->len > content->size - content->got)
			break;
		memcpy(content->body + content->got, frame->data, frame->len);
		content->got += frame->len;
		if (content->got < content->size)
			return 0;
		content->state = MQ_CONTENT_NONE;
		return 1;
	}
	return malformed(err, "a frame out of order");
}
