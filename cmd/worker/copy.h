/*
 * A message in memory of its own, for those who keep it beyond its batch.
 */
#ifndef MQ_CMD_WORKER_COPY_H
#define MQ_CMD_WORKER_COPY_H

#include "cmd/worker/jobs.h"

/* One block for the job and everything that its message points to; free() ends it. The id ends in
 * NUL. NULL with err set. */
struct job *copy_message(const struct mq_message *message, struct mq_err *err);

#endif
