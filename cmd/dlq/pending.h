/*
 * Dead letters that stand in no stream of their own: what the members of a group were given too
 * often and did not settle (--group, --max-deliveries, --idle).
 */
#ifndef MQ_CMD_DLQ_PENDING_H
#define MQ_CMD_DLQ_PENDING_H

#include "mqtk/backend.h"
#include "mqtk/option.h"

struct pending_options {
	const char *group; /* without max_deliveries: the group that remembers, where one does */
	int64_t max_deliveries; /* 0: not asked for */
	int64_t idle_ms;
};
#define PENDING_INIT                                                                               \
	{                                                                                          \
		.idle_ms = 60000                                                                   \
	}
extern const struct mq_option pending_rows[];

/* remembers: the command knows a use for --group alone. */
int pending_check(const struct pending_options *options, bool remembers, struct mq_err *err);

/* What a reader is to be asked for; nothing where pending messages are not meant. */
void pending_fill(const struct pending_options *options, struct mq_read_spec *spec);

#endif
