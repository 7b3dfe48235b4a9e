/*
 * A place where one program works at a time.
 */
#ifndef MQ_CMD_WORKER_SLOT_H
#define MQ_CMD_WORKER_SLOT_H

#include "cmd/worker/jobs.h"
#include "cmd/worker/process.h"

struct worker;

struct slot {
	struct process process;
	struct job *job;     /* NULL: nobody works here */
	struct mq_buf input; /* --exec-json */
	int64_t deadline_ms; /* monotonic; INT64_MAX: none */
	int64_t kill_ms;     /* when asking to end was not enough */
	bool timed_out;
};

/* Begins the job's attempt; how it ends is told to outcome_take, perhaps from inside. */
void slot_begin(struct slot *slot, struct worker *worker, struct job *job);
/* Feeds, listens, looks whether the program has ended and whether its time is over. */
void slot_serve(struct slot *slot, struct worker *worker, int64_t now_ms);
/* Ends the program; its message is not done with. */
void slot_abandon(struct slot *slot);
void slot_release(struct slot *slot);

#endif
