/*
 * What the files of the worker share: the command line's meaning, and the account.
 *
 * The way of a message: fetched and copied (jobs.c), given to a slot (slot.c), which runs a program
 * for it alone, for several, or for all one after the other; what the program answered becomes an
 * outcome (outcome.c): settled, tried again later, sent to the dead letters, or the end of the run.
 * engine.c is the loop around it: it fetches, begins, waits, commits and leaves.
 */
#ifndef MQ_CMD_WORKER_WORKER_H
#define MQ_CMD_WORKER_WORKER_H

#include "cmd/worker/jobs.h"

#include "mqtk/command.h"

enum worker_kind { WORKER_EACH, WORKER_LINES, WORKER_BATCH };

struct worker_options {
	const char *exec, *exec_lines, *exec_batch;
	int64_t batch;
	bool json;       /* --exec-json */
	int64_t retries; /* further attempts */
	struct worker_backoff {
		int64_t min_ms, max_ms;
	} backoff;
	const char *dead_letter;
	bool fail_on_dead_letter;
	int64_t workers;
	int order;          /* enum jobs_order; -1: as the broker is */
	int64_t timeout_ms; /* --exec-timeout; -1: none */
	int64_t grace_ms;   /* --grace */
	const char *reply;  /* --reply[=ADDR]; NULL: none; "": where each message says */
};
extern const struct mq_option worker_rows[];
#define WORKER_OPTIONS_INIT                                                                        \
	{                                                                                          \
		.retries = 3, .backoff = {1000, 60000}, .workers = 1, .order = -1,                 \
		.timeout_ms = -1, .grace_ms = 30000, .batch = 100                                  \
	}

/* True when the command line asks for a worker. -1: what it asks for makes no sense. */
int worker_wanted(const struct worker_options *options, struct mq_err *err);

#endif
