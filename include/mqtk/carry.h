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

/* What of a message is carried beside its properties: members of the envelope. */
enum mq_carry_member {
	MQ_CARRY_KEY = 1 << 0,
	MQ_CARRY_HEADERS = 1 << 1,
	MQ_CARRY_TIME = 1 << 2,
	MQ_CARRY_PAYLOAD = 1 << 3, /* for an absent one, where the broker knows only an empty one */
	MQ_CARRY_PROPERTIES = 1 << 4,
};

/* True when there is anything to carry. NULL: false. */
bool mq_carry_wanted(const struct mq_properties *properties);

/* Appends the header's value. */
int mq_carry_append(const struct mq_properties *properties, struct mq_buf *buf, struct mq_err *err);

/* The same for any members (enum mq_carry_member) of a message. */
int mq_carry_append_message(const struct mq_message *message, unsigned members, struct mq_buf *buf,
                            struct mq_err *err);

/* The memory of what was read back; one per reader. */
struct mq_carrier;
int mq_carrier_new(struct mq_carrier **ret_carrier, struct mq_err *err);
void mq_carrier_free(struct mq_carrier *carrier);
/* Forgets everything that was read; with each released batch. */
void mq_carrier_clear(struct mq_carrier *carrier);
/* Reads a header's value. The properties are valid until clear; NULL when it is none of ours (or
 * there is no memory: then it stays visible as a header, and nothing is lost). */
const struct mq_properties *mq_carrier_read(struct mq_carrier *carrier, struct mq_bytes value);
/* The same for any members: returns which were there (enum mq_carry_member), valid in ret_message
 * until clear; 0 when it is none of ours or there is no memory. */
unsigned mq_carrier_read_message(struct mq_carrier *carrier, struct mq_bytes value,
                                 struct mq_message *ret_message);

#endif
