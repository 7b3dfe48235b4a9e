/*
 * A place in a stream, as --from, --to, -o and `group reset --to` name it.
 *
 *   beginning  end  stored  N  -N (the last N)  ID (Redis)  @TIME  -48h  2026-11-01T10:00Z
 *
 * A bare number is an offset; a moment as a number is written @EPOCH (up to 11 digits seconds,
 * more: milliseconds). TIME is also an ISO 8601 date or date-time; without a zone it is local time.
 * -DURATION is that long ago.
 */
#ifndef MQTK_POSITION_H
#define MQTK_POSITION_H

#include "mqtk/error.h"

#include <stdint.h>

enum mq_pos_kind {
	MQ_POS_UNSET,
	MQ_POS_BEGINNING,
	MQ_POS_END,
	MQ_POS_STORED, /* the group's committed position */
	MQ_POS_OFFSET, /* number */
	MQ_POS_LAST,   /* number: the last N of each partition */
	MQ_POS_TIME,   /* number: ms since the epoch; the first message at or after it */
	MQ_POS_ID,     /* text; number: 0, or 1 for what comes behind it */
};

struct mq_pos {
	enum mq_pos_kind kind;
	int64_t number;
	char text[64]; /* MQ_POS_ID */
};

/* Reads a position. now_ms is what -DURATION counts from. Errors: MQ_USAGE that says which forms
 * there are. */
int mq_pos_parse(const char *text, int64_t now_ms, struct mq_pos *ret_pos, struct mq_err *err);

/* Durations: 500ms 30s 5m 2h 7d, also 1h30m and 1.5s; a bare number is refused except 0. ms. */
int mq_duration_parse(const char *text, int64_t *ret_ms, struct mq_err *err);

/* Sizes: 64k 10M 1G (powers of 1,024) or plain bytes. */
int mq_size_parse(const char *text, int64_t *ret_bytes, struct mq_err *err);

/* A moment without '@': ISO 8601 or epoch digits, as above. */
int mq_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct mq_err *err);

/* A whole decimal number within [min, max]; anything else is an error, never 0. */
int mq_int_parse(const char *text, int64_t min, int64_t max, int64_t *ret, struct mq_err *err);

/* Writes ts as 2026-11-01T10:00:00.123Z (RFC 3339, UTC). Any int64 is safe. The size of ret is at
 * least MQ_TIME_TEXT. */
#define MQ_TIME_TEXT 64
void mq_time_format_iso(int64_t ts_ms, char *ret);

/* Writes 1.5 KiB, 12 MiB … for people; at least MQ_SIZE_TEXT bytes. */
#define MQ_SIZE_TEXT 24
void mq_size_format(int64_t bytes, char *ret);

/* Writes 350 ms, 12 s, 5m30s, 2h05m, 3d04h for people; at least MQ_DURATION_TEXT bytes. */
#define MQ_DURATION_TEXT 24
void mq_duration_format(int64_t ms, char *ret);

#endif
