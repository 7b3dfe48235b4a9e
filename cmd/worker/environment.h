/*
 * What a program is told of its message in its environment: our own environment and MQTK_
 * variables.
 *
 *   MQTK_STREAM MQTK_PARTITION MQTK_OFFSET MQTK_ID MQTK_TIMESTAMP (ms) MQTK_KEY MQTK_GROUP
 *   MQTK_ATTEMPT (from 1) MQTK_HEADERS (JSON, as in the envelope) MQTK_HEADER_NAME (the last of
 * that name; letters upper case, what is no letter or digit '_'; at most 256 of them)
 * MQTK_MESSAGE_ID MQTK_CORRELATION_ID MQTK_CONTENT_TYPE MQTK_CONTENT_ENCODING MQTK_REPLY_TO
 * MQTK_TYPE MQTK_APP_ID MQTK_USER_ID MQTK_EXCHANGE MQTK_EXPIRY_MS MQTK_PRIORITY MQTK_DELIVERY_COUNT
 * MQTK_REDELIVERED
 *
 * What the message does not have is not set. A value with a NUL byte or of more than 64 KiB cannot
 * stand in an environment: it is left out, and MQTK_LEFT_OUT names it (--exec-json gives all).
 */
#ifndef MQ_CMD_WORKER_ENVIRONMENT_H
#define MQ_CMD_WORKER_ENVIRONMENT_H

#include "mqtk/bytes.h"
#include "mqtk/message.h"

struct environment {
	char **base; /* ours without MQTK_ variables of a message; borrowed strings */
	size_t n_base;
	struct mq_buf text; /* NAME=VALUE, each ended by NUL */
	char **all;         /* for exec; ended by NULL */
	size_t cap;
	const char *group; /* may be NULL */
};

int environment_init(struct environment *environment, const char *group, struct mq_err *err);
void environment_release(struct environment *environment);

/* The environment for one message; message NULL: for none in particular. Valid until the next call.
 * NULL with err set. */
char *const *environment_of(struct environment *environment, const struct mq_message *message,
                            int attempt, struct mq_err *err);

#endif
