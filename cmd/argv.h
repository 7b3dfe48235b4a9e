/* The command line, copied, with the secrets wiped from what others can see of it. */
#ifndef MQ_CMD_ARGV_H
#define MQ_CMD_ARGV_H

#include "mqtk/error.h"

struct mq_argv {
	int n;
	char **items; /* ended by NULL; owned */
};

/* Copies argv, then overwrites in argv itself every password of a URL and the values of secret
 * settings (-X, or a URL's query), so that they do not stand in the list of processes. */
int mq_argv_take(int argc, char **argv, struct mq_argv *ret_args, struct mq_err *err);
void mq_argv_release(struct mq_argv *args);

#endif
