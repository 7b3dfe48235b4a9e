/*
 * What consume, tail and kcat share once their sources are open: run the pump, show progress, say
 * how it ended, choose the exit code.
 */
#ifndef MQ_CMD_CONSUMING_H
#define MQ_CMD_CONSUMING_H

#include "cmd/sources.h"
#include "cmd/text_sink.h"

/* What of a sink is looked at and set. */
struct consuming_sink {
	const int64_t *count;   /* messages that got out */
	const bool *closed;     /* the reader of the output has closed its end; NULL: never */
	const size_t **serving; /* set to the number of the reader at hand; NULL: nobody asks */
};
struct consuming_sink consuming_text(struct text_sink *sink);

/* Runs a pump as wanted, with env, readers and progress filled in here, over the sources into its
 * sink and returns the exit code. A reader that closed its end of the output is a quiet 0. */
int consuming_run(struct mq_invocation *invocation, struct sources *sources,
                  const struct consuming_sink *sink, const struct mq_pump *wanted,
                  struct mq_err *err);

#endif
