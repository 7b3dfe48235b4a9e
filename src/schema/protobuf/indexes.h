/*
 * The message indexes that Confluent's framing puts behind a Protobuf schema's id: which message
 * type of the file the payload is. The number of the message in its file, then of the message
 * nested in that, and so on, each counted from 0.
 *
 * On the wire: how many there are, then each, as zigzag varints of 32 bits; [0], the first message
 * of the file, is a single byte 0x00. Source: Confluent's "wire format" for schema registries.
 */
#ifndef SCHEMA_PROTOBUF_INDEXES_H
#define SCHEMA_PROTOBUF_INDEXES_H

#include "mqtk/bytes.h"

/* protoc nests no deeper than that; what claims more is refused. */
#define MQ_PROTO_MAX_INDEXES 32

/* Takes the indexes from the front of payload: at least one. MQ_DATA when they are cut, negative,
 * too large, or more than max; payload is then as it was. */
int mq_proto_take_indexes(struct mq_bytes *payload, int32_t *ret, size_t max, size_t *ret_n,
                          struct mq_err *err);

/* Appends n (at least 1, none negative) indexes in the shortest form. */
int mq_proto_put_indexes(const int32_t *indexes, size_t n, struct mq_buf *buf, struct mq_err *err);

#endif
