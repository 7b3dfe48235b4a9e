/*
 * How fast a replay goes: so many messages a second, or by the times between the original messages.
 *
 * The clock of the originals only moves forward: a message that is older than one before it
 * (another partition's) goes at once.
 */
#ifndef MQ_CMD_REPLAY_PACE_H
#define MQ_CMD_REPLAY_PACE_H

#include "cmd/replay/replay.h"

struct pace {
	struct replay_pace wanted;
	int64_t started_ms; /* monotonic; of the first message */
	bool started;
	double count;    /* messages that were let through */
	double due_ms;   /* of the next message, since the start */
	int64_t last_ts; /* where the originals' clock stands; MQ_NO_TIME before the first */
};

void pace_init(struct pace *pace, const struct replay_pace *wanted);

/* Announces the next message; once for each, in the order of sending. */
void pace_next(struct pace *pace, int64_t ts_ms);
/* How many ms it has to wait as of now (monotonic); 0: it may go. */
int64_t pace_wait(struct pace *pace, int64_t now_ms);
/* How long all that was announced takes, in ms; -1 when there is no pace. */
double pace_total(const struct pace *pace);

/* "2x", "0.5", "200%": times the original speed. */
int pace_parse_speed(void *field, const char *value, struct mq_err *err);
/* "500", "500/s", "0.5/s". */
int pace_parse_rate(void *field, const char *value, struct mq_err *err);

#endif
