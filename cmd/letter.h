/*
 * A dead letter: the message as it was, and behind its headers where it was, why it is here, since
 * when and after how many attempts (MQ_DEAD_… of mqtk/dead.h).
 */
#ifndef MQ_CMD_LETTER_H
#define MQ_CMD_LETTER_H

#include "mqtk/message.h"

#define LETTER_ERROR_MAX 2000 /* bytes of the words that are kept */

/* Why a message is dead. What is not known is NULL, absent or -1. */
struct letter_why {
	const char *broker; /* where it was; NULL: it was in no stream, and no origin is told */
	const char *group;
	const char *reason; /* exit, timeout, schema … */
	const char *status; /* "exit 3" */
	int64_t attempts;
	struct mq_bytes error; /* words */
};

struct letter {
	struct mq_message message;
	struct mq_properties properties;
	struct mq_header *headers;
	size_t n;
	struct mq_buf text;  /* of values; never grows once it is pointed to */
	struct mq_buf types; /* where the message's headers have types; ours are text */
};

/* Borrows from both. To be released also after a failure. */
int letter_write(struct letter *letter, const struct mq_message *message,
                 const struct letter_why *why, struct mq_err *err);
void letter_release(struct letter *letter);

#endif
