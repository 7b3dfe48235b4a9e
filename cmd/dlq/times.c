/* Counting by time: see times.h. */
#include "cmd/dlq/times.h"

#include "mqtk/position.h"

#include <stdlib.h>
#include <string.h>

enum { GATHERED = 2000, FIXED_MOST = 100000 };

#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)
static const int64_t lengths[] = {
    SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND, 3600 * SECOND, 6 * 3600 * SECOND,
    DAY,    7 * DAY,     28 * DAY,    364 * DAY,    3640 * DAY,
};

void times_init(struct times *times, int64_t bucket_ms)
{
	*times =
	    (struct times){.bucket_ms = bucket_ms ? bucket_ms : lengths[0], .fixed = bucket_ms > 0};
}

void times_release(struct times *times)
{
	free(times->rows);
	*times = (struct times){0};
}

static int64_t begin_of(const struct times *times, int64_t when_ms)
{
	int64_t rest = when_ms % times->bucket_ms;

	/* Before the epoch, too, a part begins before what is in it. */
	return rest >= 0 ? when_ms - rest : when_ms - rest - times->bucket_ms;
}

/* The next longer parts. False: there are none. */
static bool coarsen(struct times *times)
{
	size_t i = 0, kept = 0, count = sizeof lengths / sizeof *lengths;

	while (i < count && lengths[i] <= times->bucket_ms)
		i++;
	if (i == count)
		return false;
	times->bucket_ms = lengths[i];
	for (size_t r = 0; r < times->n; r++) {
		int64_t begin = begin_of(times, times->rows[r].begin_ms);
		if (kept > 0 && times->rows[kept - 1].begin_ms == begin)
			times->rows[kept - 1].n += times->rows[r].n;
		else
			times->rows[kept++] =
			    (struct times_row){.begin_ms = begin, .n = times->rows[r].n};
	}
	times->n = kept;
	return true;
}

void times_fit(struct times *times, size_t most)
{
	while (!times->fixed && times->n > most && coarsen(times))
		;
}

/* Where the part stands, or would. Most letters come in order of time: the end is looked at first.
 */
static size_t place_of(const struct times *times, int64_t begin)
{
	size_t low = 0, high = times->n;

	if (high > 0 && times->rows[high - 1].begin_ms < begin)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (times->rows[middle].begin_ms < begin)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int times_add(struct times *times, int64_t when_ms, struct mq_err *err)
{
	/* What is near the ends of the numbers is no time. */
	if (when_ms < INT64_MIN / 4 || when_ms > INT64_MAX / 4) {
		times->others++;
		return 0;
	}
	int64_t begin = begin_of(times, when_ms);
	size_t at = place_of(times, begin);

	if (at < times->n && times->rows[at].begin_ms == begin) {
		times->rows[at].n++;
		return 0;
	}
	if (times->fixed && times->n == FIXED_MOST) {
		times->others++;
		return 0;
	}
	if (times->n == times->cap) {
		size_t cap = times->cap ? times->cap * 2 : 64;
		struct times_row *rows = realloc(times->rows, cap * sizeof *rows);
		if (!rows)
			return mq_fail_memory(err);
		times->rows = rows;
		times->cap = cap;
	}
	memmove(times->rows + at + 1, times->rows + at, (times->n - at) * sizeof *times->rows);
	times->rows[at] = (struct times_row){.begin_ms = begin, .n = 1};
	times->n++;
	times_fit(times, GATHERED);
	return 0;
}

void times_format(const struct times *times, int64_t begin_ms, char *ret)
{
	mq_time_format_iso(begin_ms, ret);
	char *time = strchr(ret, 'T');
	char *point = strchr(ret, '.');

	if (!time || !point)
		return;
	if (times->bucket_ms % DAY == 0)
		*time = '\0';
	else if (times->bucket_ms % (60 * SECOND) == 0)
		memcpy(time + 6, "Z", 2);
	else if (times->bucket_ms % SECOND == 0)
		memcpy(point, "Z", 2);
}
