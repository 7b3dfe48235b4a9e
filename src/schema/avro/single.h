/*
 * Single-object encoding (Avro specification, section of that name): a datum that says which schema
 * wrote it: the bytes c3 01, the CRC-64-AVRO of the schema's canonical form in little-endian, then
 * the datum as mq_schema_decode and mq_schema_encode have it.
 */
#ifndef SCHEMA_AVRO_SINGLE_H
#define SCHEMA_AVRO_SINGLE_H

#include "mqtk/schema.h"

#define AV_SINGLE_HEAD 10

/* The fingerprint of a schema of kind MQ_SCHEMA_AVRO. */
int av_single_fingerprint(struct mq_schema *schema, uint64_t *ret, struct mq_err *err);

/* Appends the head of AV_SINGLE_HEAD bytes. */
int av_single_head(uint64_t fingerprint, struct mq_buf *buf, struct mq_err *err);

/* True when the payload has such a head: its fingerprint and what stands behind it. */
bool av_single_split(struct mq_bytes payload, uint64_t *ret_fingerprint,
                     struct mq_bytes *ret_datum);

#endif
