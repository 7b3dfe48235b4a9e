/*
 * A bounded look at the oldest and newest messages of streams: nothing is taken, nothing counts as
 * a delivery, and it ends in time.
 */
#ifndef MQ_CMD_DLQ_PEEK_H
#define MQ_CMD_DLQ_PEEK_H

#include "mqtk/broker.h"
#include "mqtk/dead.h"

struct peek {
	/* set by the caller */
	struct mq_conn *conn;
	int64_t deadline_ms; /* of the monotonic clock */
	struct mq_dead_reader *reader;
	int (*each)(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
	            struct mq_err *err);
	/* A stream that could not be looked at. */
	void (*failed)(void *ctx, const char *stream, const struct mq_err *why);
	void *ctx;
};

bool peek_is_over(const struct peek *peek);

/* The last few messages of each partition of these streams, which are no queues. -1: a signal or
 * memory. */
int peek_newest(struct peek *peek, const char *const *streams, size_t n, struct mq_err *err);
/* The oldest message; where there are partitions, of each. */
int peek_oldest(struct peek *peek, const struct mq_stream_info *info, struct mq_err *err);

#endif
