/*
 * Which headers are whose: shared by encode.c and decode.c, which must agree.
 *
 * A message's headers are written as strings for everybody to read. What AMQP cannot hold (order,
 * duplicates, some names and values) makes the exact list travel in the reserved header as well; it
 * counts only while the strings beside it are still those that it would be written as.
 */
#ifndef MQ_RABBITMQ_RESERVED_H
#define MQ_RABBITMQ_RESERVED_H

#include "mqtk/carry.h"

#define MQ_RABBIT_SHORT_MAX 255 /* bytes of a short string */
#define MQ_RABBIT_EXPIRY_MAX INT64_C(4294967295)

static inline bool mq_rabbit_is(struct mq_bytes name, const char *text)
{
	return name.len == strlen(text) && memcmp(name.data, text, name.len) == 0;
}

/* True for a header that can stand among AMQP's as a string: not our own name, and not those that
 * the broker routes by. */
static inline bool mq_rabbit_header_native(struct mq_bytes name)
{
	return name.len > 0 && name.len <= MQ_RABBIT_SHORT_MAX && mq_utf8_valid(name) &&
	       !mq_rabbit_is(name, MQ_CARRY_HEADER) && !mq_rabbit_is(name, "CC") &&
	       !mq_rabbit_is(name, "BCC");
}

/* True for the names that brokers use for what they add. */
static inline bool mq_rabbit_header_broker(struct mq_bytes name)
{
	return name.len > 2 && name.data[0] == 'x' && name.data[1] == '-';
}

/* True for a property that can stand as an AMQP short string. */
static inline bool mq_rabbit_short_native(struct mq_bytes value)
{
	return value.data && value.len <= MQ_RABBIT_SHORT_MAX && mq_utf8_valid(value);
}

#endif
