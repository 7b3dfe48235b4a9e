/*
 * What `schema validate` does with each message, wherever it comes from: judge it, tell what is
 * wrong, let valid ones pass (--pass), put invalid ones where they are wanted (--reject-to).
 */
#ifndef MQ_CMD_SCHEMA_FILTER_H
#define MQ_CMD_SCHEMA_FILTER_H

#include "cmd/schema/findings.h"
#include "cmd/schema/rejects.h"
#include "cmd/sources.h"

#include "mqtk/input.h"

struct filter {
	struct mq_invocation *invocation;
	struct judge *judge; /* borrowed */
	struct findings findings;
	bool rejecting;
	struct rejects rejects;
	bool pass;
	struct mq_output out;   /* of what passes */
	struct mq_bytes ending; /* behind each message that passes */
	bool glued;             /* whole files: nothing stands behind them */
	bool owes_ending;       /* the last that passed stood at the end of its file without one */
	int64_t limit;          /* -1: none */
	bool unfinished;        /* a signal cut a record short */
	bool containers;        /* files are Avro's container files */
	int64_t unreadable;     /* files */
};

/* A message and its bytes as they stood in the input. */
struct filtered {
	struct place place;
	struct mq_bytes raw;
	bool bare;                /* nothing ended it */
	struct mq_schema *writer; /* that it was written by; NULL: the judge knows */
	const char *broker;       /* of its stream, or NULL */
};

/* Judges one message and deals with it. */
int filter_take(struct filter *filter, const struct filtered *item, struct mq_err *err);
/* The same for a record that is none, for that reason. */
int filter_refuse(struct filter *filter, const struct filtered *item, const char *keyword,
                  const char *why, struct mq_err *err);
/* Everything so far is out and confirmed. */
int filter_flush(struct filter *filter, struct mq_err *err);
/* After a failure: what was put aside, has passed and was found goes out if it can. */
void filter_save(struct filter *filter);
bool filter_is_full(const struct filter *filter); /* --count is reached */

/* Judges what stands in files (filter_files.c); "-" is standard input, and none too. What cannot be
 * read is said and counted. -1: it cannot go on. */
int filter_files(struct filter *filter, const struct mq_input_spec *spec, const char *const *paths,
                 size_t n, struct mq_err *err);

/* One of them as a container file; and whether a file is one. */
int filter_container(struct filter *filter, int fd, const char *name, struct mq_err *err);
bool filter_is_container(const char *path);

/* The same for the messages of streams, until the pump ends. Returns the exit code. */
int filter_streams(struct filter *filter, const struct mq_read_spec *spec, int64_t idle_timeout_ms,
                   struct mq_err *err);

#endif
