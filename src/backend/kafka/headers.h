/*
 * Headers of librdkafka as headers of messages, and back. Properties, which Kafka does not have,
 * travel in the reserved header of mqtk/carry.h.
 */
#ifndef MQ_KAFKA_HEADERS_H
#define MQ_KAFKA_HEADERS_H

#include "mqtk/carry.h"

#include <librdkafka/rdkafka.h>

/* Room for the headers of several messages; what was read stays valid until clear. The array may
 * move while it grows: point into it only when all are read. */
struct mq_kafka_headers {
	struct mq_header *items;
	size_t n, cap;
	struct mq_carrier *carrier; /* NULL until needed */
};

void mq_kafka_headers_clear(struct mq_kafka_headers *headers);
void mq_kafka_headers_release(struct mq_kafka_headers *headers);

/* Appends the headers to the room and sets message->n_headers and ->properties; the caller sets
 * ->headers. The names and values are borrowed from `from`, which may be NULL. */
int mq_kafka_headers_read(struct mq_kafka_headers *headers, rd_kafka_headers_t *from,
                          struct mq_message *message, struct mq_err *err);

/* True when the message has headers or properties to send. */
bool mq_kafka_headers_wanted(const struct mq_message *message);

/* The message's headers and properties, owned by the caller; NULL with err set when that fails. */
rd_kafka_headers_t *mq_kafka_headers_make(const struct mq_message *message, struct mq_err *err);

#endif
