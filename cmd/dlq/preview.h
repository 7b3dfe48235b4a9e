/*
 * What is meant, before anything moves: how many letters, by reason and origin, from when to when.
 */
#ifndef MQ_CMD_DLQ_PREVIEW_H
#define MQ_CMD_DLQ_PREVIEW_H

#include "cmd/tally.h"

#include "mqtk/dead.h"

struct preview {
	struct tally reasons, origins;
	int64_t meant;
	int64_t oldest_ms, newest_ms; /* MQ_NO_TIME: unknown */
	int64_t homeless;             /* letters that do not say where they came from */
	int64_t foreign;              /* letters that came from another broker */
	int64_t guarded;              /* held back by --max-replays */
	const char *group; /* borrowed: it has passed what it need not see again, or NULL */
};
#define PREVIEW_INIT                                                                               \
	{                                                                                          \
		.oldest_ms = MQ_NO_TIME, .newest_ms = MQ_NO_TIME                                   \
	}

int preview_add(struct preview *preview, const struct mq_message *message,
                const struct mq_dead *dead, struct mq_err *err);
void preview_release(struct preview *preview);

/* A table and the times on stderr. */
int preview_say(struct preview *preview, bool bold, struct mq_err *err);
/* One line of JSON (schemas/dlq-preview.json) on stdout. to: NULL: each where it came from. */
int preview_json(struct preview *preview, const char *verb, const char *from, const char *to,
                 struct mq_err *err);

#endif
