/*
 * Names that people and frameworks give to dead-letter streams: orders.DLT, orders-dlq,
 * orders_error, dlq-connector, OrdersDeadLetterQueue, orders.parking-lot …
 */
#ifndef MQ_CMD_DLQ_DEAD_NAMES_H
#define MQ_CMD_DLQ_DEAD_NAMES_H

#include "mqtk/bytes.h"

/* Whether name is such a name. *ret_origin is the part of it that names the stream whose messages
 * die, or absent. */
bool dead_name(const char *name, struct mq_bytes *ret_origin);

#endif
