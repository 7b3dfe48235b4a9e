/*
 * Looking at the dead letters of an address, as they are when the look begins: nothing is taken.
 */
#ifndef MQ_CMD_DLQ_LETTERS_H
#define MQ_CMD_DLQ_LETTERS_H

#include "cmd/dlq/choose.h"
#include "cmd/dlq/pending.h"
#include "cmd/sources.h"

struct letters {
	struct mq_invocation *invocation;
	const struct choose_options *choose;
	const struct pending_options *pending;
	int64_t count; /* -c: of those that are meant; -1: no limit */
	int64_t last;  /* only the last so many messages of each partition; 0: all */
	bool force;    /* look although that could make the broker drop messages */
	/* Called for each letter that is meant; -1 ends the look. */
	int (*each)(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
	            struct mq_err *err);
	void *ctx;
	/* out */
	int64_t seen, meant;
	bool gone; /* the output's reader went away: the end, and no failure */
};

/* Looks at all of them. Returns the exit code. */
int letters_look(struct letters *letters, struct mq_err *err);

#endif
