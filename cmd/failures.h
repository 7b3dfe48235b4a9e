/*
 * What became of records that were not confirmed: counted, the first ones said, and kept in a file
 * as -J lines, ready to be produced again.
 */
#ifndef MQ_CMD_FAILURES_H
#define MQ_CMD_FAILURES_H

#include "mqtk/env.h"
#include "mqtk/format.h"
#include "mqtk/output.h"

struct failures {
	const struct mq_env *env;
	const char *path;   /* --failed-to, or NULL */
	const char *stream; /* for the lines */
	struct mq_output out;
	struct mq_format *format;
	int64_t records;      /* failed */
	int64_t maybe_stored; /* of these: no answer came, the broker may have them */
	int64_t denied;       /* of these: not allowed */
	int64_t bad;          /* lines that are no records */
	int64_t io;           /* inputs that could not be read */
	bool tee;             /* the copy on standard output failed */
	bool incomplete;      /* the file at path does not hold all of them */
	struct mq_err first;  /* of records */
	struct mq_err first_bad;
	enum mq_code first_io;
	bool all_or_nothing; /* a transaction: with any failure nothing is stored; for the words */
};

/* Opens path for appending (what an earlier run kept is not lost). */
int failures_open(struct failures *failures, const char *path, const char *stream,
                  const struct mq_env *env, struct mq_err *err);
void failures_release(struct failures *failures);

void failures_add(struct failures *failures, const struct mq_message *message,
                  const struct mq_err *why, uint64_t record, bool maybe_stored);
/* A record cut short by a signal. json: it is kept as it stands, so that reading it again says that
 * it is no whole line; else as a record. */
void failures_add_unfinished(struct failures *failures, struct mq_bytes rest, bool json);
void failures_note_bad(struct failures *failures, const struct mq_err *err);
void failures_note_io(struct failures *failures, const struct mq_err *err);
void failures_note_tee(struct failures *failures, const struct mq_err *err);
/* Writes out what is kept so far. */
void failures_flush(struct failures *failures);

int64_t failures_count(const struct failures *failures);
/* Nothing at all went wrong. */
bool failures_clean(const struct failures *failures);
/* Sets err to the verdict over `total` records: records first, then bad lines, then files. */
int failures_conclude(const struct failures *failures, int64_t total, struct mq_err *err);

#endif
