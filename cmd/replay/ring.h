/*
 * What copying.c and answers.c share: the ring of slots. Every message that was read has one until
 * it and all before it are done with; what its source may forget, or the journal remember, is what
 * the front of the ring has passed.
 */
#ifndef MQ_CMD_REPLAY_RING_H
#define MQ_CMD_REPLAY_RING_H

#include "cmd/replay/copying.h"

enum { COPYING_RING = 1 << 18 }; /* messages that may be without an answer */

enum slot_state { UNSENT, SENT, DONE, FAILED };

struct copying_slot {
	int64_t next; /* where its part stands once this one is done with */
	int32_t part; /* -1: none is remembered */
	enum slot_state state;
	bool again;   /* done with by an earlier run: it counts for nothing */
	bool stays;   /* not chosen: done with, but not settled */
	bool settled; /* we said so to the reader, or the target did it in one step with its copy */
	uint32_t bytes;
};

static inline struct copying_slot *slot_of(const struct copying *c, uint64_t number)
{
	return &c->slots[number & (COPYING_RING - 1)];
}

static inline bool stopped(const struct copying *c)
{
	return mq_cancel_signal(c->env->cancel) != 0;
}

/* The target takes nothing any more. */
void copying_break_off(struct copying *c, const struct mq_err *why);
/* Everything at the front that is done with. */
void copying_advance(struct copying *c);
/* Takes note of a failure. Returns the state of its slot. */
enum slot_state copying_fail(struct copying *c, uint64_t number,
                             const struct mq_delivery *delivery);
/* Serves answers for up to timeout_ms; flush: sends what waits first. */
void copying_serve(struct copying *c, int timeout_ms, bool flush);
/* Waits until everything that was sent has its answer. The backend gives each one up after its own
 * time-out, so this ends; and at a signal after the time that people wait for a broker. */
void copying_drain(struct copying *c);
/* What --failed-to keeps counts as done with only once it is on disk. */
int copying_sync_kept(struct copying *c, struct mq_err *err);
/* A line of the journal, when it is time or now. */
void copying_note(struct copying *c, bool now);
/* Settles what is done with, at the front, or all; without `settles` nothing. What fails breaks the
 * copying off. */
void copying_settle(struct copying *c, bool all);
/* --exactly-once: ends the transaction when it is time, or now. */
void copying_commit(struct copying *c, bool now);

#endif
