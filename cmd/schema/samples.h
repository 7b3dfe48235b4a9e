/*
 * Messages as samples: the payloads of files, standard input or streams, one after the other, to
 * whoever wants to look at them. Nothing is taken and nothing is settled.
 */
#ifndef MQ_CMD_SCHEMA_SAMPLES_H
#define MQ_CMD_SCHEMA_SAMPLES_H

#include "cmd/reading.h"
#include "mqtk/input.h"

/* Looks at a message. where: the file or stream and its place there. Returns 0, or -1. */
typedef int sample_fn(void *ctx, const char *where, const struct mq_message *message,
                      struct mq_err *err);

struct samples {
	struct mq_invocation *invocation;
	sample_fn *take;
	void *ctx;
	int64_t limit; /* -1: none */
	int64_t n;     /* so far */
};

/* Of files ("-", or none at all: standard input) until their ends, the limit or a signal. 0, or
 * -1. */
int samples_of_files(struct samples *samples, const struct mq_input_spec *spec, struct mq_err *err);

/* Of the streams that the operands name: what is there. 0, or -1. */
int samples_of_streams(struct samples *samples, const struct reading *reading, struct mq_err *err);

#endif
