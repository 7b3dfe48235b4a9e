/*
 * The loop of the worker: fetch, begin, wait, take outcomes, commit, leave.
 */
#ifndef MQ_CMD_WORKER_ENGINE_H
#define MQ_CMD_WORKER_ENGINE_H

#include "cmd/sources.h"
#include "cmd/worker/environment.h"
#include "cmd/worker/sender.h"
#include "cmd/worker/slot.h"
#include "cmd/worker/worker.h"

#include "mqtk/format.h"

struct worker_counts {
	int64_t fetched;
	int64_t handled; /* programs said that they are done */
	int64_t retried; /* attempts behind the first */
	int64_t dead;    /* in the dead letters, confirmed */
	int64_t settled;
};

struct worker {
	/* set by the caller */
	const struct mq_invocation *invocation;
	const struct worker_options *options;
	struct sources *sources;
	const char *group;
	bool stop_at_end;
	int64_t limit;           /* messages; -1: none */
	int64_t idle_timeout_ms; /* -1: none */
	int64_t commit_every_ms;

	struct worker_counts counts;

	/* within */
	struct jobs *jobs;
	struct environment environment;
	struct mq_format *envelope; /* --exec-json */
	const struct slot_kind *kind;
	struct slot *slots;
	struct sender dead, reply;
	bool *caught_up;
	bool stopping;     /* nothing new is begun */
	struct mq_err why; /* the failure that ends the run */
	unsigned seed;     /* of the jitter */
	int64_t last_commit_ms, last_message_ms, stopped_ms;
	bool unsettled;
};

/* Runs until the end that was asked for, a signal, or a failure. Returns the exit code. */
int worker_run(struct worker *worker, struct mq_err *err);

/* For slots and senders: the run ends with this. The first failure counts. */
void worker_fail(struct worker *worker, const struct mq_err *why);

#endif
