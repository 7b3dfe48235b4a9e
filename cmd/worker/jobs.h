/*
 * The messages that are worked on: each a copy of its own, from the moment it was fetched until it
 * is settled. They keep two orders.
 *
 * Lanes say what may run at once: of the messages of one lane (a key, or a partition) one after the
 * other, also while one waits for its next attempt; lanes do not wait for each other.
 *
 * Parts say what may be settled: where a group has one position per partition, only what has no
 * unfinished message before it; elsewhere each message by itself.
 */
#ifndef MQ_CMD_WORKER_JOBS_H
#define MQ_CMD_WORKER_JOBS_H

#include "mqtk/broker.h"

enum jobs_order {
	JOBS_BY_KEY,       /* messages without a key wait for nobody */
	JOBS_BY_PARTITION, /* or stream, where there are none */
	JOBS_FREE,
};

struct lane;
struct part;

struct job {
	struct mq_message message; /* what it points to is in the same block */
	int attempts;              /* begun so far */
	int64_t due_ms;            /* monotonic: not before */
	size_t bytes;              /* of memory */
	size_t reader;
	struct lane *lane;
	struct part *part; /* NULL where each is settled by itself */
	struct job *lane_next, *part_next;
	bool done;
	bool lost;  /* done, and not to be settled */
	bool alone; /* it was in a batch that failed */
	void *ctx;  /* whoever works on it */
};

struct jobs;

struct jobs_spec {
	enum jobs_order order;
	struct mq_reader **readers;
	size_t n_readers;
};

int jobs_new(const struct jobs_spec *spec, struct jobs **ret_jobs, struct mq_err *err);
/* What is unfinished is forgotten, and so not settled. */
void jobs_free(struct jobs *jobs);

/* Takes a copy of a message of that reader. */
int jobs_add(struct jobs *jobs, size_t reader, const struct mq_message *message,
             struct mq_err *err);

/* The next one that may begin, with attempts raised; NULL when none may. now_ms is monotonic. */
struct job *jobs_begin(struct jobs *jobs, int64_t now_ms);
/* Another attempt, not before due_ms; its lane waits for it. */
void jobs_again(struct jobs *jobs, struct job *job, int64_t due_ms);
/* It was begun and then not really: the attempt does not count, and it is the next again. */
void jobs_undo(struct jobs *jobs, struct job *job);
/* Done with: settled now, or once everything before it is. The job is gone or will be: it must not
 * be touched any more. *settled counts what was settled. */
int jobs_done(struct jobs *jobs, struct job *job, int64_t *settled, struct mq_err *err);

/* It was begun, and is not ours any more: the job is gone, as jobs_done, and not settled. */
int jobs_lost(struct jobs *jobs, struct job *job, int64_t *settled, struct mq_err *err);

/* When the first waiting lane may go on (monotonic ms); INT64_MAX: none waits. */
int64_t jobs_due(const struct jobs *jobs);
size_t jobs_count(const struct jobs *jobs); /* not yet settled */
size_t jobs_open(const struct jobs *jobs);  /* not yet done */
size_t jobs_bytes(const struct jobs *jobs);

#endif
