/*
 * One address, opened: what commands need that work on a single broker or stream.
 */
#ifndef MQ_CMD_OPENING_H
#define MQ_CMD_OPENING_H

#include "mqtk/address.h"
#include "mqtk/broker.h"
#include "mqtk/command.h"

struct opening {
	struct mq_target target;
	struct mq_conn *conn;
};

enum opening_wants { OPENING_BROKER_OR_STREAM, OPENING_STREAM, OPENING_BROKER };

/* Resolves and opens the only operand of the invocation (none: an empty address, which names the
 * default broker, where a stream is not wanted). */
int opening_open(struct opening *opening, const struct mq_invocation *invocation,
                 enum opening_wants wants, struct mq_err *err);
/* The same without a connection, for those that make their own. */
int opening_resolve(struct opening *opening, const struct mq_invocation *invocation,
                    enum opening_wants wants, struct mq_err *err);
void opening_close(struct opening *opening);

/* Whether messages can be read from or written to what the target names: a stream, or a broker
 * whose settings say what (an exchange), but not both. conn may be NULL: what is wrong without
 * asking anybody. MQ_USAGE with a hint otherwise. */
int opening_check_stream(const struct mq_target *target, const struct mq_conn *conn,
                         struct mq_err *err);

#endif
