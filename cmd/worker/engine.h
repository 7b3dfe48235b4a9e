/*
 * The loop of the worker: fetch, begin, wait, take outcomes, commit, leave.
 */
#ifndef MQ_CMD_WORKER_ENGINE_H
#define MQ_CMD_WORKER_ENGINE_H

#include "cmd/decoding.h"
#include "cmd/sources.h"
#include "cmd/worker/environment.h"
#include "cmd/worker/guard.h"
#include "cmd/worker/sender.h"
#include "cmd/worker/slot.h"
#include "cmd/worker/worker.h"

#include "mqtk/format.h"

struct worker_counts {
	int64_t fetched;
	int64_t handled;    /* programs said that they are done */
	int64_t retried;    /* attempts behind the first */
	int64_t dead;       /* in the dead letters, confirmed */
	int64_t unanswered; /* handled, but their reply had nowhere to go */
	int64_t settled;
};

struct marking;

struct worker {
	/* set by the caller */
	const struct mq_invocation *invocation;
	const struct worker_options *options;
	const char *group;
	bool stop_at_end;
	int64_t limit;           /* messages; -1: none */
	int64_t idle_timeout_ms; /* -1: none */
	int64_t commit_every_ms;
	int64_t prefetch; /* 0: as many as the kind of work needs */
	/* --decode: what programs get; NULL: the bytes. raw: also what cannot be decoded. */
	struct decoder *decoder;
	struct marking *marking; /* --schema: what is not valid is bad data too; NULL: all is */
	bool raw;

	struct worker_counts counts;

	/* setup.c */
	struct mq_invocation source_invocation; /* with the sources' settings */
	struct mq_settings target_settings;
	struct sources sources;
	char **brokers; /* of each source, the address of its broker */
	enum jobs_order order;
	struct sender dead;
	struct sender *replies;
	size_t n_replies;

	/* within */
	size_t window; /* messages that may be fetched and not settled */
	struct jobs *jobs;
	struct environment environment;
	struct mq_format *envelope; /* --exec-json */
	const struct slot_kind *kind;
	struct slot *slots;
	struct guard guard;
	int64_t short_since_ms; /* no program can be started since then; 0: they can */
	bool short_said;
	int64_t rest_until_ms; /* and none is tried to be before */
	bool *caught_up;
	bool stopping;     /* nothing new is begun */
	bool output_gone;  /* nobody reads our standard output any more */
	struct mq_err why; /* the failure that ends the run */
	unsigned seed;     /* of the jitter */
	int64_t started_ms, last_commit_ms, last_message_ms, stopped_ms, shown_ms;
	size_t typical;    /* bytes of a message, as the last ones were; 0: unknown */
	bool progress;     /* shown on the terminal */
	bool silence_said; /* that a program does not answer */
	bool unsettled;
};

/* How many messages may be fetched and not settled. lent: by a broker that gives each message to
 * one of several members; what is held here the others wait for. */
size_t worker_window(const struct worker *worker, bool lent);
/* Opens what is read and what is written to; worker_close in any case. */
int worker_open(struct worker *worker, const struct mq_read_spec *spec, struct mq_err *err);
void worker_close(struct worker *worker);

/* Runs until the end that was asked for, a signal, or a failure. Returns the exit code. */
int worker_run(struct worker *worker, struct mq_err *err);

/* For slots and senders: the run ends with this. The first failure counts. */
void worker_fail(struct worker *worker, const struct mq_err *why);
/* The same for what had to be sent ("reply") and was not taken. */
void worker_refused(struct worker *worker, const char *what, const struct mq_err *why);

/* Where replies to the messages of that reader go. */
struct sender *worker_reply(const struct worker *worker, size_t reader);

#endif
