/*
 * What is to be copied of each partition, as positions: resolved once, at the start, so that the
 * end is a snapshot, and a journal can say how far each part is.
 */
#ifndef MQ_CMD_REPLAY_PLAN_H
#define MQ_CMD_REPLAY_PLAN_H

#include "cmd/replay/replay.h"
#include "cmd/sources.h"

#define PLAN_ID 64

/* A part of one partition; of a stream whose positions are ids; or a file (no stream). */
struct plan_part {
	size_t source; /* the reader it comes from */
	char *stream;  /* owned; NULL: a file, whose positions are lines */
	int32_t partition;
	int32_t partitions; /* of the stream; -1: unknown or none */
	bool by_id;
	int64_t from, to; /* offsets; to is exclusive */
	char from_id[PLAN_ID],
	    to_id[PLAN_ID]; /* "" as to_id: the end at the start of the reading */
	/* Everything before is done with. by_id: the last one that is, or "". */
	int64_t next;
	char last_id[PLAN_ID];
	bool changed; /* since whoever remembers it looked last */
};

struct plan {
	struct plan_part *parts; /* sorted by source, stream and partition */
	size_t n;
	bool *exact; /* per broker: all that is read from it stands in parts */
	size_t n_sources;
	size_t at;    /* where the last look-up was */
	int64_t gone; /* messages that a journal expects, in streams that end before them now */
};

/* Adds what is to be read of each broker that can read ranges; the others stay without parts, and
 * are read by --from, --to and -e. */
int replay_plan_make(struct plan *plan, const struct sources *sources,
                     const struct replay_values *values, struct mq_err *err);
/* Whether parts that a journal has given can be those of so many brokers and files. */
bool replay_plan_can_be(const struct plan *plan, size_t n_brokers, size_t n_files);
/* For such parts: everything stands in them. What streams have lost at their ends since then is
 * said and counted in plan->gone. */
int replay_plan_resumed(struct plan *plan, const struct sources *sources, struct mq_err *err);
/* Begins each part where the group stands, where it stands anywhere. Behind the end it cannot
 * stand: as its members do, that is said and the oldest comes next; --exactly-once fails. */
int replay_plan_from_group(struct plan *plan, const struct sources *sources,
                           const struct replay_values *values, struct mq_err *err);
/* Room for one more part; the names are copied. For those who read plans from elsewhere. */
struct plan_part *replay_plan_add(struct plan *plan, size_t source, const char *stream,
                                  int32_t partition, struct mq_err *err);
void replay_plan_sort(struct plan *plan);
void replay_plan_release(struct plan *plan);

/* The index of the part that a message of this reader belongs to, or -1. */
int64_t replay_plan_find(struct plan *plan, size_t source, const struct mq_message *message);

/* Where positions are ids, reading goes on with the last one that is done with: it comes again. */
bool replay_plan_came_before(struct plan *plan, size_t source, const struct mq_message *message);

/* Messages that are left, at most; -1: unknown. */
int64_t replay_plan_left(const struct plan *plan);

/* The parts of one source as ranges for a reader, beginning where they were left; the array is the
 * caller's to free. NULL with err set. */
struct mq_range *replay_plan_ranges(const struct plan *plan, size_t source, size_t *ret_n,
                                    struct mq_err *err);

#endif
