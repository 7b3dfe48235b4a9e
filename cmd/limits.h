/*
 * The options that say how a stream is to be: create makes one so, alter changes one.
 *
 * Which of them a broker understands is checked in core; here they only become a spec.
 */
#ifndef MQ_CMD_LIMITS_H
#define MQ_CMD_LIMITS_H

#include "mqtk/bytes.h"
#include "mqtk/command.h"
#include "mqtk/info.h"

/* --bind and --match, in the order of the command line. */
struct limits_bindings {
	struct mq_binding_spec *items; /* owned, with their exchanges and lists of matches */
	size_t n;
};

struct limits {
	int64_t partitions, replicas, retention, max_bytes, max_length, ttl, delivery_limit;
	int type; /* index into limits_types; -1: not given */
	const char *dead_letter_exchange, *dead_letter_key;
	struct limits_bindings bindings;
	struct mq_option_list config;
};
#define LIMITS_INIT                                                                                \
	{                                                                                          \
		.partitions = -1, .replicas = -1, .retention = -1, .max_bytes = -1,                \
		.max_length = -1, .ttl = -1, .delivery_limit = -1, .type = -1                      \
	}

/* Types of streams, and behind them those of exchanges. */
enum { LIMITS_STREAM_TYPES = 3 };
extern const char *const limits_types[];

extern const struct mq_option limits_rows[];

/* What was given, as a spec for this stream; it borrows from limits. MQ_USAGE when --type is one of
 * an exchange. */
int limits_spec(const struct limits *limits, const char *stream, struct mq_stream_spec *ret_spec,
                struct mq_err *err);

/* Appends what was given for people: "retention 7d00h, max-length 100". */
int limits_describe(const struct limits *limits, struct mq_buf *buf, struct mq_err *err);

/* Frees what the custom options own. */
void limits_release(struct limits *limits);

#endif
