/*
 * Where a replay writes: a stream, a broker alone (each message to the stream of its own name), or
 * a file of -J lines; and into which partition.
 */
#ifndef MQ_CMD_REPLAY_TARGET_H
#define MQ_CMD_REPLAY_TARGET_H

#include "cmd/replay/plan.h"
#include "cmd/replay/replay.h"

/* How long a stream keeps messages by their own time (mq_keeps), asked for when one is old. */
struct target_keeping {
	bool asked, noted;
	int64_t ms; /* -1: for ever, or unknown */
};

struct target_stream {
	char *name; /* owned */
	size_t len;
	int32_t partitions; /* -1: it has none, or unknown */
	struct target_keeping keeping;
	struct mq_err missing;
};

struct target_spec {
	const char *transaction; /* of --exactly-once, or NULL */
	bool resume;
	int32_t partitions; /* of the source, for --create; -1: unknown */
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
};

struct target {
	const struct mq_env *env;
	const struct replay_values *values;
	const char *path; /* a file; else NULL */
	struct mq_target address;
	bool resolved;
	struct mq_conn *conn;
	struct mq_writer *writer;
	bool by_name; /* a broker alone */
	struct target_spec spec;
	struct target_stream *streams; /* that were written to, or will be */
	size_t n_streams, at;
	struct target_keeping keeping; /* of the one stream; by_name each has its own */
	bool placing_noted;
};

/* Resolves the operand; nobody is contacted, and no file touched. */
int target_connect(struct target *target, const struct mq_invocation *invocation,
                   const struct mq_settings *settings, const char *operand,
                   const struct replay_values *values, struct mq_err *err);
/* Opens the connection. */
int target_dial(struct target *target, struct mq_err *err);
/* Makes what --create asks for, with as many partitions as the source has, and opens the writer. */
int target_open(struct target *target, const struct target_spec *spec, const struct plan *plan,
                struct mq_err *err);
void target_release(struct target *target);

/* Says where the copy goes: stream and partition; and its time, where a dead letter's own would
 * have it removed before anybody reads it. partitions: how many the source has, or -1. -1 when it
 * has no place (err says why). */
int target_place(struct target *target, struct mq_message *copy, int32_t partitions,
                 struct mq_err *err);

/* For messages: the address, or the path. */
const char *target_shown(const struct target *target);

/* --to-partition keep|hash|N|A:B,… */
int target_parse_placement(void *field, const char *value, struct mq_err *err);

#endif
