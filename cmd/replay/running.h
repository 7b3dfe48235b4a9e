/* One replay from its command line to its report. */
#ifndef MQ_CMD_REPLAY_RUNNING_H
#define MQ_CMD_REPLAY_RUNNING_H

#include "cmd/replay/replay.h"

/* From the sources to the target that the invocation's operands name. policy: NULL for a replay.
 * Returns the exit code. counts, if not NULL, are filled. */
int running_run(struct mq_invocation *invocation, const struct replay_values *values,
                const struct replay_policy *policy, struct replay_counts *ret_counts,
                struct mq_err *err);

#endif
