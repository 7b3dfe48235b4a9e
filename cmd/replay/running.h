/* One replay from its command line to its report. */
#ifndef MQ_CMD_REPLAY_RUNNING_H
#define MQ_CMD_REPLAY_RUNNING_H

#include "mqtk/command.h"

/* Returns the exit code. */
int running_run(struct mq_invocation *invocation, struct mq_err *err);

#endif
