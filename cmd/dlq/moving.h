/*
 * Dead letters on their way out: what requeue, move, drop, export and import share. All of them are
 * a replay with a policy: which letters, where to, and what is left of their headers. First a
 * preview, which takes nothing, and the question, unless what is done can be undone; then the way
 * itself, which settles a letter only after its target has confirmed it.
 */
#ifndef MQ_CMD_DLQ_MOVING_H
#define MQ_CMD_DLQ_MOVING_H

#include "cmd/consent.h"
#include "cmd/dlq/choose.h"
#include "cmd/dlq/pending.h"
#include "cmd/replay/running.h"

/* What all of them ask for. */
struct moving_options {
	int64_t count; /* -1: all */
	bool force;    /* look although that could make the broker drop messages */
	bool json;
};
#define MOVING_OPTIONS_INIT                                                                        \
	{                                                                                          \
		.count = -1                                                                        \
	}
extern const struct mq_option moving_rows[];
extern const struct mq_option moving_file_rows[]; /* of a file, which nothing is dropped from */

struct moving {
	/* set by the caller */
	const struct moving_options *options;
	struct mq_invocation *invocation;
	const struct choose_options *choose;
	const struct consent *consent;
	/* Operands. target NULL: where each letter came from; a broker alone: the same there, or,
	 * unless strip, the stream of the name where it lies now. */
	const char *source, *target;
	const char *verb, *done; /* for words: "requeue", "put back" */
	const char *noun;        /* the same: "the requeue" */
	const char *towards;     /* the same, in place of " to TARGET"; NULL: that */
	const char *edit;        /* a program for each body, or NULL */
	int64_t edit_timeout_ms;
	/* Its group: whose pending messages are meant; else, where letters stay, the one whose
	 * progress this is (NULL: mqtk-dlq-STREAM). */
	const struct pending_options *pending;
	const char *resume;
	double rate;
	int64_t max_replays;     /* -1: none */
	bool strip;              /* headers that tell of the death are left out */
	bool plain;              /* nothing is added to the copies */
	bool stay;               /* a copy: nothing is taken, and no group moves */
	bool append;             /* to a target file that holds something */
	bool unasked;            /* no preview and no question: what is done can be undone */
	struct chooser chooser;  /* of moving_run: ids are read once, for the preview and the way */
	struct mq_buf own_group; /* the same: the default group's name */
	bool drops;              /* what cannot be taken out one by one must not be chosen */
};

/* Returns the exit code. */
int moving_run(struct moving *moving, struct mq_err *err);

#endif
