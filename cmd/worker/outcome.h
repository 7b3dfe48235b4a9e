/*
 * What becomes of a message whose attempt is over: settled, tried again later, or given up.
 */
#ifndef MQ_CMD_WORKER_OUTCOME_H
#define MQ_CMD_WORKER_OUTCOME_H

#include "cmd/worker/jobs.h"

struct worker;

/* How an attempt ended. */
struct verdict {
	enum { VERDICT_DONE, VERDICT_FAILED, VERDICT_REJECTED } kind; /* rejected: no retry helps */
	const char *reason;     /* exit, signal, timeout, start, reject, data */
	char status[48];        /* "exit 3", "SIGSEGV" …, or "" */
	struct mq_bytes error;  /* the last it complained about */
	struct mq_bytes output; /* for --reply */
};

void outcome_take(struct worker *worker, struct job *job, const struct verdict *verdict);

/* A dead letter or a reply was confirmed, or refused (why). */
void outcome_delivered(struct worker *worker, struct job *job, const struct mq_err *why);

#endif
