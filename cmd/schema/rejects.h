/*
 * Where invalid messages go (--reject-to): a stream, as dead letters with the reason "schema"; or a
 * file, to which they are appended: records as they stood in the input, messages of streams and
 * whole files as -J lines with the headers of dead letters.
 *
 * Whoever has taken messages out of somewhere lets go of them only after rejects_flush.
 */
#ifndef MQ_CMD_SCHEMA_REJECTS_H
#define MQ_CMD_SCHEMA_REJECTS_H

#include "cmd/opening.h"

#include "mqtk/output.h"

struct rejects {
	const struct mq_env *env;
	const char *shown;      /* where to, for messages */
	struct mq_bytes ending; /* of records that a file takes as they stood; absent: letters */
	struct mq_output out;
	struct opening opening; /* of a stream */
	struct mq_writer *writer;
	int64_t open;          /* without an answer */
	int64_t count;         /* confirmed */
	struct mq_err failure; /* the first */
};

/* ending (borrowed): the input is records that end so, which a file takes as they stood; absent: it
 * is something else. To be closed also after a failure. */
int rejects_open(struct rejects *rejects, const struct mq_invocation *invocation,
                 const char *target, struct mq_bytes ending, struct mq_err *err);
void rejects_close(struct rejects *rejects);

/* One message: as it stood in the input without its end, and as a message. broker: of the stream it
 * was in, or NULL. error: what is wrong with it. */
int rejects_add(struct rejects *rejects, struct mq_bytes raw, const struct mq_message *message,
                const char *broker, struct mq_bytes error, struct mq_err *err);
/* Returns when all that was added is out and confirmed. -1: something is not (MQ_IO, MQ_PARTIAL,
 * or why the broker is not there). */
int rejects_flush(struct rejects *rejects, struct mq_err *err);
/* Serves the connection while there is nothing to do. */
void rejects_poll(struct rejects *rejects);

/* Whether that file, open for reading, is the one that is written to. */
bool rejects_is_file(const struct rejects *rejects, int fd);
/* Whether that stream is the one that is written to. */
bool rejects_is_stream(const struct rejects *rejects, const struct mq_target *target);

#endif
