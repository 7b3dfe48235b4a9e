/*
 * Counting by time, in parts whose length fits what comes: short ones at first, longer ones when
 * there get to be too many.
 */
#ifndef MQ_CMD_DLQ_TIMES_H
#define MQ_CMD_DLQ_TIMES_H

#include "mqtk/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct times_row {
	int64_t begin_ms;
	int64_t n;
};

struct times {
	int64_t bucket_ms;
	bool fixed;             /* bucket_ms was asked for and stays */
	struct times_row *rows; /* sorted; parts without anything are not there */
	size_t n, cap;
	int64_t others; /* fixed: of parts beyond the limit */
};

/* bucket_ms 0: what fits. */
void times_init(struct times *times, int64_t bucket_ms);
void times_release(struct times *times);
int times_add(struct times *times, int64_t when_ms, struct mq_err *err);
/* Unless fixed: makes the parts so long that there are no more than most, if that can be. */
void times_fit(struct times *times, size_t most);

/* At least MQ_TIME_TEXT bytes: no more of the time than the parts tell. */
void times_format(const struct times *times, int64_t begin_ms, char *ret);

#endif
