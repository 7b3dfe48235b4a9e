/*
 * --edit CMD: the body of each letter goes through a program before it is put back.
 */
#ifndef MQ_CMD_DLQ_MENDING_H
#define MQ_CMD_DLQ_MENDING_H

#include "cmd/worker/environment.h"

#include "mqtk/env.h"
#include "mqtk/message.h"

struct mending {
	const char *command; /* NULL: nothing is changed */
	int64_t timeout_ms;
	const struct mq_env *env;
	struct environment environment;
	int64_t failed; /* letters that the program did not mend */
};

int mending_init(struct mending *mending, const char *command, int64_t timeout_ms,
                 const struct mq_env *env, struct mq_err *err);
void mending_release(struct mending *mending);

/* The body as the program writes it (its standard input is the old one) goes to ret, which is the
 * caller's. 0; 1: the program failed, ran too long, or a signal came: the letter is to stay as it
 * is, and why has been said; -1: err. */
int mending_run(struct mending *mending, const struct mq_message *message, struct mq_buf *ret,
                struct mq_err *err);

#endif
