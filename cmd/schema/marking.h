/*
 * What consume and tail do with --schema: each message is judged, and an invalid one is marked and
 * printed, left out, put aside, or the end, as was asked for.
 *
 * What --decode makes of a payload is judged where the schema is a JSON Schema; what was decoded by
 * the schema itself is valid.
 */
#ifndef MQ_CMD_SCHEMA_MARKING_H
#define MQ_CMD_SCHEMA_MARKING_H

#include "cmd/decoding.h"
#include "cmd/schema/judging.h"
#include "cmd/schema/rejects.h"
#include "cmd/sources.h"

struct marking_options {
	bool allow_null;
	const char *reject_to;
};
extern const struct mq_option marking_rows[];

struct marking {
	const struct mq_env *env;
	struct judging judging;
	bool judges; /* else all that can be decoded is valid */
	bool marks;  /* invalid ones are printed with their errors */
	bool rejecting;
	struct rejects rejects;
	char **brokers; /* of each source, as letters name it */
	size_t n_brokers;
	int64_t judged, invalid;
};

/* Opens what the options ask for, with a decoder that is open already: judges and rejecting say
 * what that is. json: whole messages are printed as JSON. To be closed also after a failure. */
int marking_open(struct marking *marking, const struct mq_invocation *invocation,
                 const struct marking_options *options, const struct decoding_options *decoding,
                 const struct decoder *decoder, bool json, struct mq_err *err);
/* Once the sources are open: what is put aside must not come around again. */
int marking_connect(struct marking *marking, const struct sources *sources, struct mq_err *err);
void marking_close(struct marking *marking);

/* enum mq_need */
unsigned marking_needs(const struct marking *marking);

/* Judges a message with its decoded parts: 1 valid; 0 invalid, and err (MQ_NEGATIVE) says where and
 * why; -1. */
int marking_judge(struct marking *marking, const struct mq_message *message, struct mq_err *err);
/* Puts a message aside that is invalid, or could not be decoded, for that reason; where: the source
 * that it is from. */
int marking_reject(struct marking *marking, const struct mq_message *message, size_t source,
                   const struct mq_err *why, struct mq_err *err);
/* Adds "valid", and "errors" where it is not, to the envelope at the end of buf. */
int marking_append(const struct marking *marking, bool valid, struct mq_buf *buf,
                   struct mq_err *err);
/* The exit code after a run that ended with code: 1 where invalid messages were printed. */
int marking_conclude(const struct marking *marking, int code, struct mq_err *err);

#endif
