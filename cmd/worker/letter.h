/*
 * A dead letter: the message as it was, and behind its headers where it was, why it is here, since
 * when and after how many attempts (MQ_DEAD_… of mqtk/dead.h).
 */
#ifndef MQ_CMD_WORKER_LETTER_H
#define MQ_CMD_WORKER_LETTER_H

#include "cmd/worker/outcome.h"

struct letter {
	struct mq_message message;
	struct mq_properties properties;
	struct mq_header *headers;
	size_t n;
	struct mq_buf text;  /* of values; never grows once it is pointed to */
	struct mq_buf types; /* where the message's headers have types; ours are text */
};

/* Borrows from the job and the verdict. To be released also after a failure. */
int letter_write(struct letter *letter, const struct worker *worker, const struct job *job,
                 const struct verdict *verdict, struct mq_err *err);
void letter_release(struct letter *letter);

#endif
