/*
 * How far readers are behind, from one look or several: what mq_groups tells becomes rows, rows
 * remember samples, and samples give rates, the time to catch up and a state.
 *
 * Nothing here asks a broker or prints. Unknown numbers are -1, unknown texts NULL.
 *
 * States, after Burrow, over the last samples (the window):
 *
 *   ok       nothing is unread, was unread at some moment of the window, or less and less is
 *   warn     it reads, but what is unread never became less
 *   rewind   it went back
 *   stall    it stands where it stood, and something is unread
 *   stop     the same while the stream goes on; or something is unread and nobody reads
 *   unknown  one look cannot tell, or the lag is unknown
 */
#ifndef MQTK_LAG_H
#define MQTK_LAG_H

#include "mqtk/bytes.h"
#include "mqtk/group.h"

/* From the best to the worst. */
enum mq_lag_state {
	MQ_LAG_OK,
	MQ_LAG_UNKNOWN,
	MQ_LAG_WARN,
	MQ_LAG_REWIND,
	MQ_LAG_STALL,
	MQ_LAG_STOP,
	MQ_LAG_STATES, /* how many there are */
};
const char *mq_lag_state_name(enum mq_lag_state state);

/* A position that can be compared: an offset, or an id of numbers with '-' between them. */
struct mq_lag_mark {
	bool known;
	uint64_t high, low;
};

struct mq_lag_sample {
	int64_t at_ms; /* of a clock that never goes back */
	int64_t lag;
	struct mq_lag_mark committed, end;
	int64_t added;            /* as of mq_place */
	double rate_in, rate_out; /* as the broker tells them; < 0 unknown */
};

/* A group's place in one partition, or (mq_lag_sums) in all partitions of a stream. */
struct mq_lag_row {
	char *group;       /* NULL: a stream that is read without groups */
	char *stream;      /* NULL: nothing of the group is known */
	int32_t partition; /* MQ_NO_PARTITION where there are none, and in sums */
	int64_t committed, end;
	char *committed_id, *end_id; /* where positions are ids; added is as of mq_place */
	int64_t added;
	int64_t lag;
	int64_t age_ms;    /* of the oldest unread message; 0 when nothing is unread */
	int64_t lag_floor; /* the known part of a lag that is not known as a whole; else -1 */
	int64_t age_floor;
	double rate_in, rate_out; /* messages per second; < 0 unknown */
	int64_t eta_s; /* until nothing is unread, at these rates; -1: unknown or never */
	int64_t members;
	bool own_members; /* they belong to this stream, not to all that the group reads */
	bool idle;        /* no commit, and nobody reads it: only there because it was asked for */
	bool gone;        /* was there at the look before, and is no more */
	enum mq_lag_state state;
	int64_t pending, oldest_idle_ms, ready, unacked, consumers;
	char *error; /* why something is unknown */
	struct mq_lag_sample *samples;
	size_t n_samples; /* the newest is the last */
};

struct mq_lag_table {
	struct mq_lag_row *rows; /* by group, stream and partition */
	size_t n;
	size_t keep;      /* samples that rows remember, at least 1 */
	size_t window;    /* of them, those that rates and states look at */
	int64_t quiet_ms; /* how long a position has to rest before that means something */
};

/* keep: how many samples rows remember; window and quiet_ms as above. */
void mq_lag_table_init(struct mq_lag_table *table, size_t keep, size_t window, int64_t quiet_ms);
void mq_lag_table_release(struct mq_lag_table *table);

/* One more look. Rows that are not in list any more are kept once, as gone. A group about which
 * nothing is known, or which has no places, is a row without a stream. now_ms: since the epoch, for
 * ages; at_ms: of the clock that never goes back. */
int mq_lag_table_add(struct mq_lag_table *table, const struct mq_group_list *list, int64_t now_ms,
                     int64_t at_ms, struct mq_err *err);

/* Removes rows: those for which drop says so. */
void mq_lag_table_drop(struct mq_lag_table *table,
                       bool (*drop)(const void *ctx, const struct mq_lag_row *row),
                       const void *ctx);

/* Rates, time to catch up and state from the row's samples; mq_lag_table_add does it. */
void mq_lag_row_judge(struct mq_lag_row *row, size_t window, int64_t quiet_ms);

/* --- groups ---------------------------------------------------------------------------------- */

/* A group's places in one stream together. Texts are borrowed from the table's rows. In row a
 * number is -1 when it is unknown for any of them. */
struct mq_lag_sum {
	struct mq_lag_row row;
	size_t first, n; /* the rows of the table that it sums */
	size_t n_lag_unknown, n_age_unknown;
	int64_t lag_known, age_known; /* of those that are known */
};

struct mq_lag_sums {
	struct mq_lag_sum *items; /* by group and stream */
	size_t n;
};

int mq_lag_sums_make(const struct mq_lag_table *table, struct mq_lag_sums *ret_sums,
                     struct mq_err *err);
void mq_lag_sums_release(struct mq_lag_sums *sums);

/* --- order ----------------------------------------------------------------------------------- */

enum mq_lag_order {
	MQ_LAG_BY_WORST, /* state, then lag */
	MQ_LAG_BY_LAG,
	MQ_LAG_BY_AGE,
	MQ_LAG_BY_RATE, /* the fastest reader first */
	MQ_LAG_BY_NAME,
	MQ_LAG_ORDERS,
};
const char *mq_lag_order_name(enum mq_lag_order order);
void mq_lag_sort(const struct mq_lag_row **rows, size_t n, enum mq_lag_order order);

/* --- limits ---------------------------------------------------------------------------------- */

struct mq_lag_limits {
	int64_t max_lag;    /* for each group and stream; -1: none */
	int64_t max_age_ms; /* -1: none */
	bool members;       /* somebody has to read */
	bool allow_unknown; /* what cannot be known holds */
};

enum mq_lag_verdict { MQ_LAG_HOLDS, MQ_LAG_NOT_KNOWN, MQ_LAG_BROKEN };

/* Whether a group holds the limits on one stream. What does not, and what cannot be known, is
 * appended to words, a line each ("group billing on orders: lag 1,204 > 0"). Returns an enum
 * mq_lag_verdict (the worst), or -1. */
int mq_lag_check(const struct mq_lag_sum *sum, const struct mq_lag_limits *limits,
                 struct mq_buf *words, struct mq_err *err);

/* Writes 1,204 for people; at least MQ_COUNT_TEXT bytes. */
#define MQ_COUNT_TEXT 32
void mq_count_format(int64_t number, char *ret);

#endif
