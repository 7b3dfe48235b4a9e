/*
 * What a broker cannot hold travels in one reserved header and comes back.
 *
 * Kafka has no message id, correlation id, content type and so on: a writer puts them, as the JSON
 * members of the envelope, into the header named below; a reader takes that header away again and
 * fills struct mq_properties. A header of that name that does not read as such was made by somebody
 * else: it is left where it is.
 */
#ifndef MQTK_CARRY_H
#define MQTK_CARRY_H

#include "mqtk/message.h"

#define MQ_CARRY_HEADER "mqtk-properties"

/* True when there is anything to carry. NULL: false. */
bool mq_carry_wanted(const struct mq_properties *properties);

/* Appends the header's value. */
int mq_carry_append(const struct mq_properties *properties, struct mq_buf *buf, struct mq_err *err);

/* The memory of what was read back; one per reader. */
struct mq_carrier;
int mq_carrier_new(struct mq_carrier **ret_carrier, struct mq_err *err);
void mq_carrier_free(struct mq_carrier *carrier);
/* Forgets everything that was read; with each released batch. */
void mq_carrier_clear(struct mq_carrier *carrier);
/* Reads a header's value. The properties are valid until clear; NULL when it is none of ours (or
 * there is no memory: then it stays visible as a header, and nothing is lost). */
const struct mq_properties *mq_carrier_read(struct mq_carrier *carrier, struct mq_bytes value);

#endif
