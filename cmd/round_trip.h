/*
 * One message there and back: what ping does once. Connecting, a stream of its own, a confirmed
 * message, the same message read; and nothing of it is left.
 */
#ifndef MQ_CMD_ROUND_TRIP_H
#define MQ_CMD_ROUND_TRIP_H

#include "mqtk/address.h"
#include "mqtk/env.h"

struct round_trip {
	const struct mq_target *target; /* a stream that it names must be there */
	bool in_stream;                 /* through that stream itself; the message stays in it */
	/* Whose cancel is taken away while things are cleaned up: a signal must not leave anything
	 * behind. */
	struct mq_env *env;
	volatile bool up; /* out: the broker has answered */
	/* out, microseconds */
	int64_t connect_us; /* until it had answered for the first time */
	int64_t prepare_us; /* until a stream, a reader and a writer were there */
	int64_t produce_us; /* until the message was confirmed */
	int64_t read_us;    /* from then until it was back */
	int64_t total_us;
};

/* MQ_PARTIAL: confirmed, but it did not come back as it was. MQ_UNREACHABLE: no answer in time. */
int round_trip_run(struct round_trip *trip, struct mq_err *err);

int64_t round_trip_now_us(void);

#endif
