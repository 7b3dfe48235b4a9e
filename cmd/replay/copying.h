/*
 * The sink of a replay: messages go from the pump to the target, and what the target has confirmed
 * is known in the order in which it was read, so that a journal, a group or a transaction never
 * says more than that.
 */
#ifndef MQ_CMD_REPLAY_COPYING_H
#define MQ_CMD_REPLAY_COPYING_H

#include "cmd/failures.h"
#include "cmd/replay/edit.h"
#include "cmd/replay/journal.h"
#include "cmd/replay/owed.h"
#include "cmd/replay/pace.h"
#include "cmd/replay/plan.h"
#include "cmd/replay/target.h"

#include "mqtk/pump.h"

struct copying_slot;
struct copying_due;

struct copying {
	/* set by the caller */
	const struct mq_env *env;
	const struct replay_values *values;
	struct plan *plan;
	struct target *target;
	struct journal *journal;                    /* without a path: none */
	const struct mq_pump *pump;                 /* which says whose messages come */
	const int32_t *partitions_of;               /* per source: of its only stream; else -1 */
	const char *group;                          /* of --exactly-once; else NULL */
	const struct replay_policy *policy;         /* or NULL */
	bool settles;                               /* policy->partly: done with is settled here */
	void (*progress)(void *ctx, int64_t count); /* while a pace holds messages back */
	void *progress_ctx;

	/* the account */
	struct replay_counts counts;
	struct failures failures;
	bool broken;    /* nothing more is sent */
	bool enough;    /* --count is reached */
	bool refused;   /* because of one message, not of the target as a whole */
	bool kept_back; /* because the source would not settle, not of the target */
	bool gone;      /* broken, but only because nobody reads standard output any more */
	struct mq_err why;

	/* within */
	struct edit edit;
	struct pace pace;
	struct copying_slot *slots; /* a ring: what was read and is not done with up to its front */
	char (*ids)[PLAN_ID];       /* of the slots, where positions are ids */
	uint64_t head, tail;
	struct mq_message *copies; /* of one run, and room to sort them */
	struct copying_due *due;
	const struct mq_message **originals; /* of copies, in settles */
	bool *ours;
	int64_t *part_times; /* of each part, and of what belongs to none: the latest original */
	int64_t noted_ms, committed_ms;
	int64_t noted;   /* messages done with, as the journal knows */
	int64_t done;    /* in this run */
	size_t accepted; /* since the last flush */
	/* settles: what is accepted now, still lent, and the slot of the first one; and what is
	 * needed to settle it later. */
	const struct mq_message *lent;
	uint64_t lent_from;
	struct owed owed;
	int64_t settled;     /* so many, if the reader's broker has taken it */
	uint64_t settled_to; /* no slot before it is still to be settled */
	int64_t uncommitted; /* confirmed within the open transaction */
	int64_t uncommitted_bytes;
	int64_t kept; /* failures that --failed-to keeps, not on disk yet */
};

int copying_init(struct copying *copying, bool provenance, struct mq_err *err);
void copying_release(struct copying *copying);

struct mq_sink copying_sink(struct copying *copying);

/* What a delivery is given to; ctx of the target. */
void copying_delivered(void *ctx, const struct mq_delivery *delivery);

/* After the pump, whatever its end: closes the writer, so that everything has its answer, and
 * counts what was not sent. */
void copying_finish(struct copying *copying);

/* How many messages were taken out of where they were, as far as their brokers confirmed it; -1
 * where that is not done one by one. */
int64_t copying_settled(const struct copying *copying);
/* Messages that are done with: confirmed, kept or left out, with no gap before them. */
int64_t copying_done(const struct copying *copying);

#endif
