/* The Kafka reader's insides, shared by reader.c (the fetch loop), parts.c (partitions),
 * positions.c (where they begin and end) and group.c (membership, settling, committing). */
#ifndef MQ_KAFKA_READER_H
#define MQ_KAFKA_READER_H

#include "backend/kafka/headers.h"
#include "backend/kafka/kafka.h"

/* A partition that is or was read. Lives as long as the reader: messages point to it. */
struct mq_kafka_part {
	char *topic;
	size_t topic_len;
	int32_t partition;
	rd_kafka_topic_t *rkt; /* without a group: started through it */
	int64_t next;          /* what is read next */
	int64_t end;           /* the snapshot of its end */
	int64_t stop;          /* exclusive; INT64_MAX: none */
	int64_t later_ms;      /* its stop is a moment to come: when; 0: it is not */
	int64_t settled;       /* group: done with everything before, -1: nothing yet */
	uint64_t epoch;        /* group: of its assignment; the receipt of its messages */
	int64_t committed;     /* group: what was last sent to be committed */
	bool active;           /* read now (group: assigned) */
	bool fresh;            /* assigned during the current fetch */
	bool paused;           /* the library was told to fetch nothing of it */
	bool dropped;          /* messages of a fresh part were dropped */
	bool behind;           /* next has not reached end yet */
};

/* joining.c: a group that gives this member nothing for long. */
struct mq_kafka_joining {
	int64_t since_ms; /* since when it waits; 0: it has not begun to */
	bool said;
};

struct mq_kafka_reader {
	struct mq_reader base;
	struct mq_kafka_handle *handle;
	rd_kafka_queue_t *queue;
	unsigned need;
	struct mq_pos from, to;
	bool from_always; /* group: until the first partitions are placed */
	bool stop_at_end; /* group: nothing behind the ends is lent */
	char **streams;
	size_t n_streams;
	int32_t *wanted; /* partitions, none: all */
	size_t n_wanted;
	struct mq_range *ranges; /* in place of all of these, from and to; streams are owned */
	size_t n_ranges;
	struct mq_kafka_part **parts;
	size_t n_parts;
	size_t n_behind, n_running; /* of the active ones */
	bool settled_down;          /* the first assignment is there */
	struct mq_kafka_joining joining;
	int64_t without_ms; /* group: since when this member has no partition; 0: it has some */
	bool caught_up;
	bool again;          /* it had caught up, and then the partitions were given out anew */
	int64_t looked_ms;   /* when new partitions were last looked for */
	int64_t missed_ms;   /* since when a topic is missed; 0: none is */
	int64_t to_later_ms; /* the next of the parts' later_ms; 0: none */
	struct mq_err failed;
	/* the current batch */
	rd_kafka_message_t **raw;
	struct mq_message *messages;
	size_t cap;
	struct mq_kafka_headers headers;
	const rd_kafka_topic_t *last_rkt; /* of the last message: which part it was */
	struct mq_kafka_part *last;
	/* Keeping the library's threads awake: see hold.c. */
	bool fills_itself, was_full;
	size_t limit_count, limit_bytes;
	/* group.c */
	bool group;
	rd_kafka_queue_t *commits; /* answers to commits */
	size_t commits_open;
	size_t rebalances;
	uint64_t epochs; /* assignments of partitions so far */
	struct mq_err commit_error;
	int64_t full_ms; /* since when the caller takes nothing; 0: it does */
	bool holding;    /* partitions are paused, as it takes nothing */
	int64_t
	    commit_failing_ms; /* since when commits are refused for what passes; 0: they are not */
};

/* --- parts.c -----------------------------------------------------------------------------------
 */

struct mq_kafka_part *mq_kafka_part_find(const struct mq_kafka_reader *reader, const char *topic,
                                         int32_t partition);
struct mq_kafka_part *mq_kafka_part_add(struct mq_kafka_reader *reader, const char *topic,
                                        int32_t partition, struct mq_err *err);
/* What the reader's streams and partitions are now, as a list without offsets. only_new leaves
 * out those already known. */
rd_kafka_topic_partition_list_t *mq_kafka_parts_list(struct mq_kafka_reader *reader, bool only_new,
                                                     struct mq_err *err);
/* Counts how many active parts are behind and running; sets caught_up. */
void mq_kafka_parts_count(struct mq_kafka_reader *reader);
/* The position moved: flags follow. */
void mq_kafka_part_moved(struct mq_kafka_reader *reader, struct mq_kafka_part *part);
/* Without a group: gives up topics that were deleted while they were read, with a warning; an error
 * when none is left. The library itself would ask for them for ever. */
int mq_kafka_parts_missed(struct mq_kafka_reader *reader, struct mq_err *err);

/* --- positions.c -------------------------------------------------------------------------------
 */

/* Fills next, end and stop of the parts in the list, by their ranges if there are any. committed
 * (or NULL) has the offsets that win over `from`, -1001 where there are none. */
int mq_kafka_parts_place(struct mq_kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                         const struct mq_pos *from,
                         const rd_kafka_topic_partition_list_t *committed, struct mq_err *err);
/* Makes the library go to part->next. */
int mq_kafka_part_seek(struct mq_kafka_reader *reader, struct mq_kafka_part *part,
                       struct mq_err *err);
/* Counts what was to be read from part->next on and is lost, up to an offset. */
void mq_kafka_part_lost(struct mq_kafka_reader *reader, const struct mq_kafka_part *part,
                        int64_t upto);
/* The place to be read does not exist any more: warns, goes on with the oldest. */
int mq_kafka_part_gap(struct mq_kafka_reader *reader, struct mq_kafka_part *part,
                      struct mq_err *err);
/* Moments to come where parts stop have come: those parts stop at the ends of now. */
int mq_kafka_parts_close_at(struct mq_kafka_reader *reader, struct mq_err *err);

/* --- reader.c ----------------------------------------------------------------------------------
 */

/* Room for so many messages. */
int mq_kafka_reserve(struct mq_kafka_reader *reader, size_t n, struct mq_err *err);
/* Sorts what came: messages to lend stay in raw and messages, the rest is handled and dropped.
 * Returns how many stay. */
int64_t mq_kafka_sort_out(struct mq_kafka_reader *reader, size_t n, struct mq_err *err);
/* Messages that arrived in the same call as the assignment of their partition may belong to the
 * one before, and were dropped: goes back to where this one begins. */
int mq_kafka_after_rebalance(struct mq_kafka_reader *reader, struct mq_err *err);

/* --- joining.c ---------------------------------------------------------------------------------
 */

/* Group, in each turn of waiting: says, once, that it takes long, and why as far as is known. */
void mq_kafka_joining(struct mq_kafka_reader *reader);

/* --- hold.c ------------------------------------------------------------------------------------
 */

/* Group: in place of a fetch that may lend nothing. */
int mq_kafka_hold(struct mq_kafka_reader *reader, struct mq_err *err);
/* After messages came (some of them is one): wakes the library when its queue has room again. */
void mq_kafka_keep_filled(struct mq_kafka_reader *reader, const rd_kafka_message_t *some);
/* The caller takes messages again. */
void mq_kafka_unhold(struct mq_kafka_reader *reader);
/* What was assigned anew may still be paused from before. */
void mq_kafka_hold_rebalanced(struct mq_kafka_reader *reader);

/* --- group.c ------------------------------------------------------------------------------------
 */

int mq_kafka_group_conf(rd_kafka_conf_t *conf, const struct mq_read_spec *spec, struct mq_err *err);
int mq_kafka_group_join(struct mq_kafka_reader *reader, struct mq_err *err);
void mq_kafka_group_leave(struct mq_kafka_reader *reader);
/* Takes the answers to commits that have arrived. */
void mq_kafka_group_serve(struct mq_kafka_reader *reader, int timeout_ms);

#endif
