/*
 * A place where one program works at a time: one for each message (slot.c), one that is given
 * one message after the other as lines (lines.c), or one for several at once (batch.c).
 */
#ifndef MQ_CMD_WORKER_SLOT_H
#define MQ_CMD_WORKER_SLOT_H

#include "cmd/worker/jobs.h"
#include "cmd/worker/process.h"

struct worker;

#define SLOT_LINES 512 /* messages that a program has been given and has not answered */

struct slot {
	struct process process;
	struct job *jobs[SLOT_LINES]; /* a ring: in the order in which they were given */
	size_t first, n;
	struct mq_buf input; /* what it reads */
	struct mq_buf later; /* lines: what it reads once it has taken that */
	int64_t deadline_ms; /* monotonic, of the first one; INT64_MAX: none */
	bool ready;          /* its program has something to say, or room for more */
	int64_t served_ms;
	int64_t kill_ms; /* when asking to end was not enough */
	bool timed_out;
	/* Programs that end without an answer are not started again at once. */
	int fruitless;
	bool answered;
	bool broken;           /* what it says is not to be understood any more */
	bool late;             /* lines: the one whose time was over has an answer all the same */
	int64_t rest_until_ms; /* 0: no */
	int64_t begun_ms;      /* when the first message was taken */
	bool closed;           /* batches: nothing more is taken */
};

/* What the kinds of programs differ in. */
struct slot_kind {
	size_t room; /* messages that one program may have at once; 0: --batch, before it begins */
	void (*begin)(struct slot *slot, struct worker *worker, struct job *job);
	void (*given)(struct slot *slot, struct worker *worker);    /* all that is for now */
	void (*answered)(struct slot *slot, struct worker *worker); /* it wrote something */
	void (*ended)(struct slot *slot, struct worker *worker);
};
extern const struct slot_kind slot_each, slot_lines, slot_batch;

/* How many messages may be given to it now. */
size_t slot_room(const struct slot *slot, const struct worker *worker);

/* Begins the job's attempt; how it ends is told to outcome_take, perhaps from inside. */
void slot_begin(struct slot *slot, struct worker *worker, struct job *job);
/* After a number of slot_begin. */
void slot_flush(struct slot *slot, struct worker *worker);
/* Whether slot_serve has something to do: ended says that some program has. */
bool slot_is_due(const struct slot *slot, bool ended, int64_t now_ms);
/* Feeds, listens, looks whether the program has ended and whether its time is over. */
void slot_serve(struct slot *slot, struct worker *worker, int64_t now_ms);
/* Nothing more is given to it: a program that reads lines finds their end. */
void slot_close(struct slot *slot);
/* Ends the program; what it works on is not done with. */
void slot_abandon(struct slot *slot);

/* --- for the kinds ---------------------------------------------------------------------------- */

struct verdict;

/* What the job looks like to a program: the body, or the envelope as one line. json: appended to
 * buf, else lent. */
int slot_text(const struct worker *worker, const struct job *job, struct mq_buf *buf,
              struct mq_bytes *ret, struct mq_err *err);
/* The same as a line, appended to buf. A body of several lines cannot be one (MQ_DATA). */
int slot_line(const struct worker *worker, const struct job *job, struct mq_buf *buf,
              struct mq_err *err);
/* Takes the first job out. */
struct job *slot_take(struct slot *slot, struct worker *worker);
void slot_give(struct slot *slot, struct worker *worker, struct job *job);
/* What the end of the program says about the message that it worked on. */
void slot_judge(const struct slot *slot, struct verdict *ret);
/* The program is asked to end, and made to if it does not. */
void slot_stop(struct slot *slot);
/* All jobs back, in their order: their attempts do not count. */
void slot_undo(struct slot *slot, struct worker *worker);
/* process_start, in the slot's place. False: slot_cannot is next. */
bool slot_start(struct slot *slot, struct worker *worker, struct process_spec *spec,
                struct mq_bytes input, bool keep_open, struct mq_err *err);
/* The attempt cannot even begin. With MQ_DATA none ever will; what we are short of may be there
 * later. */
void slot_cannot(struct worker *worker, struct job *job, const struct mq_err *why);
void slot_release(struct slot *slot);

#endif
