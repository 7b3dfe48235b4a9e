/* The pace of a replay: see pace.h. */
#include "cmd/replay/pace.h"

#include <math.h>
#include <stdlib.h>

void pace_init(struct pace *pace, const struct replay_pace *wanted)
{
	*pace = (struct pace){.wanted = *wanted, .last_ts = MQ_NO_TIME};
}

/* The pause before this message, as the originals had it: capped, then at our speed. */
static double gap(const struct pace *pace, int64_t ts_ms)
{
	double pause = (double)ts_ms - (double)pace->last_ts;

	pause /= pace->wanted.speed;
	if (pace->wanted.max_gap_ms >= 0 && pause > (double)pace->wanted.max_gap_ms)
		pause = (double)pace->wanted.max_gap_ms;
	return pause;
}

void pace_next(struct pace *pace, int64_t ts_ms)
{
	if (pace->wanted.speed > 0 && ts_ms != MQ_NO_TIME) {
		if (pace->last_ts != MQ_NO_TIME && ts_ms > pace->last_ts)
			pace->due_ms += gap(pace, ts_ms);
		if (pace->last_ts == MQ_NO_TIME || ts_ms > pace->last_ts)
			pace->last_ts = ts_ms;
	}
	if (pace->wanted.rate > 0) {
		double due = pace->count * 1000.0 / pace->wanted.rate;
		if (due > pace->due_ms)
			pace->due_ms = due;
	}
	pace->count++;
}

int64_t pace_wait(struct pace *pace, int64_t now_ms)
{
	if (!pace->started) {
		pace->started = true;
		pace->started_ms = now_ms;
	}
	double left = pace->due_ms - (double)(now_ms - pace->started_ms);
	return left <= 0 ? 0 : left > 86400000.0 ? 86400000 : (int64_t)ceil(left);
}

double pace_total(const struct pace *pace)
{
	if (pace->wanted.rate <= 0 && pace->wanted.speed <= 0)
		return -1;
	return pace->due_ms;
}

/* A number above 0 with one of the two tails, or neither. */
static int parse_number(const char *value, const char *tail, double *ret)
{
	char *end;
	double number = strtod(value, &end);

	if (end == value || !isfinite(number) || number <= 0 || number > 1e9)
		return -1;
	if (*end != '\0' && strcmp(end, tail) != 0)
		return -1;
	*ret = number;
	return 0;
}

int pace_parse_speed(void *field, const char *value, struct mq_err *err)
{
	struct replay_pace *pace = field;

	if (parse_number(value, "x", &pace->speed) == 0)
		return 0;
	if (parse_number(value, "%", &pace->speed) == 0) {
		pace->speed /= 100;
		return 0;
	}
	return mq_fail(err, MQ_USAGE, "'%s' is no speed such as 2x (twice as fast), 0.5x or 200%%",
	               value);
}

int pace_parse_rate(void *field, const char *value, struct mq_err *err)
{
	struct replay_pace *pace = field;

	if (parse_number(value, "/s", &pace->rate) == 0)
		return 0;
	return mq_fail(err, MQ_USAGE, "'%s' is no rate such as 500 or 500/s", value);
}
