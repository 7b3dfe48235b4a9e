/*
 * Bytes out: a descriptor with a buffer. What was accepted is known exactly, because messages are
 * settled only behind it.
 */
#ifndef MQTK_OUTPUT_H
#define MQTK_OUTPUT_H

#include "mqtk/bytes.h"
#include "mqtk/env.h"

struct mq_output {
	int fd;
	const char *name; /* "stdout" or a path, for messages */
	struct mq_buf buf;
	bool closed; /* the reader went away (EPIPE): end quietly */
};

void mq_output_init(struct mq_output *out, int fd, const char *name);
void mq_output_release(struct mq_output *out);

/* Writes all of the buffer. Short writes and EINTR are gone on with. A non-blocking descriptor is
 * waited for. On EPIPE: closed is set and -1 returned with MQ_IO. On error (MQ_IO, names the file
 * and why) *ret_written, if not NULL, says how many bytes went out. A raised cancel does not stop a
 * write that makes progress; while the descriptor does not take anything it does (MQ_CANCELLED). */
int mq_output_flush(struct mq_output *out, const struct mq_env *env, size_t *ret_written,
                    struct mq_err *err);

#endif
