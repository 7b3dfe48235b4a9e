/*
 * What becomes of a message whose attempt is over: settled, tried again later, or given up.
 */
#ifndef MQ_CMD_WORKER_OUTCOME_H
#define MQ_CMD_WORKER_OUTCOME_H

#include "cmd/worker/jobs.h"

struct worker;

enum verdict_kind { VERDICT_DONE, VERDICT_FAILED, VERDICT_REJECTED }; /* rejected: no retry helps */

/* How an attempt ended. */
struct verdict {
	enum verdict_kind kind;
	const char *reason;     /* exit, signal, timeout, retry, reject, data, reply */
	char status[48];        /* "exit 3", "signal 9", or "" */
	struct mq_bytes error;  /* the last it complained about */
	struct mq_bytes output; /* for --reply */
	bool broken_pipe;       /* it wrote where nobody reads */
};

void outcome_take(struct worker *worker, struct job *job, const struct verdict *verdict);

/* Its reply, if there was to be one, is where it should be. */
void outcome_handled(struct worker *worker, struct job *job);
/* Its dead letter was confirmed, or refused (why). */
void outcome_buried(struct worker *worker, struct job *job, const struct mq_err *why);

/* How long to wait after so many failures in a row: doubled with each, within --backoff, and partly
 * by chance, so that what failed together does not come back together. */
int64_t outcome_backoff(struct worker *worker, int attempts);

#endif
