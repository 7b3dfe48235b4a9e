/*
 * Programs do not outlive us: a process of its own that waits until we are gone, however that comes
 * (kill -9, a second Ctrl-C), and then ends the process groups that still run. Otherwise a program
 * could still be at work on a message that somebody else has been given meanwhile.
 */
#ifndef MQ_CMD_WORKER_GUARD_H
#define MQ_CMD_WORKER_GUARD_H

#include "mqtk/error.h"

#include <sys/types.h>

struct guard {
	volatile pid_t *groups; /* process groups that run; 0: none in that place */
	size_t n;
	pid_t pid; /* 0: none */
	int alive; /* closed by our end, of whatever kind */
};

int guard_start(struct guard *guard, size_t n, struct mq_err *err);
void guard_end(struct guard *guard);

#endif
