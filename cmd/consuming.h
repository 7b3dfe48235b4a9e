/*
 * What consume, tail and kcat share once their sources are open: run the pump, show progress, say
 * how it ended, choose the exit code.
 */
#ifndef MQ_CMD_CONSUMING_H
#define MQ_CMD_CONSUMING_H

#include "cmd/sources.h"
#include "cmd/text_sink.h"

/* Runs a pump as wanted, with env, readers and progress filled in here, over the sources into its
 * sink and returns the exit code. A reader that closed its end of the output is a quiet 0. */
int consuming_run(struct mq_invocation *invocation, struct sources *sources, struct text_sink *sink,
                  const struct mq_pump *wanted, struct mq_err *err);

#endif
