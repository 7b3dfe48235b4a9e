/*
 * What is said of invalid messages: a line for each error, as text or JSON, or only a summary of
 * them all.
 */
#ifndef MQ_CMD_SCHEMA_FINDINGS_H
#define MQ_CMD_SCHEMA_FINDINGS_H

#include "cmd/schema/judge.h"
#include "cmd/tally.h"

#include "mqtk/message.h"
#include "mqtk/output.h"

/* Where a message is. */
struct place {
	const char *file; /* NULL: in a stream */
	int64_t line;     /* of the file; 0: all of it */
	/* Its stream, partition and position, where it has them. */
	const struct mq_message *message;
};

enum findings_form { FINDINGS_TEXT, FINDINGS_JSON };

struct findings {
	enum findings_form form;
	bool summary; /* nothing is said of single messages */
	struct mq_output out;
	struct mq_buf scratch;
	struct tally rules; /* "KEYWORD\tPOINTER" */
	int64_t valid, invalid;
};

void findings_init(struct findings *findings, enum findings_form form, bool summary, int fd);
void findings_release(struct findings *findings);

/* An invalid message. */
int findings_add(struct findings *findings, const struct place *place, const struct judge *judge,
                 struct mq_err *err);
int findings_flush(struct findings *findings, const struct mq_env *env, struct mq_err *err);
/* The summary, if it was wanted, and what was not written yet. */
int findings_end(struct findings *findings, const struct mq_env *env, bool bold,
                 struct mq_err *err);

/* Appends "orders.jsonl:3" or "orders[0]@17". */
int place_append(const struct place *place, struct mq_buf *buf, struct mq_err *err);

#endif
