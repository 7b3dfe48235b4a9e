/*
 * The journal of --resume: what is to be copied, and how far that is. Lines of JSON
 * (schemas/journal.json), appended and brought to the disk only after the target has confirmed; so
 * a run that was killed goes on with at most duplicates, never with a gap.
 */
#ifndef MQ_CMD_REPLAY_JOURNAL_H
#define MQ_CMD_REPLAY_JOURNAL_H

#include "cmd/replay/plan.h"

/* What the run is about; a journal belongs to one of these. */
struct journal_subject {
	const char *const *sources; /* as shown, without secrets */
	size_t n_sources;
	const char *target;
	const char *options; /* those that decide what is copied and how it looks */
};

struct journal {
	const char *path; /* NULL: none */
	int fd;
	bool resumed;  /* it has a plan of an earlier run */
	bool finished; /* that ended with everything copied */
	int64_t done;  /* messages that were done with by earlier runs */
	/* Messages that were gone before they could be read, of all runs: read from it, and written
	 * with every line. */
	int64_t missed;
};

/* Opens or makes the journal, locks it against a second run, and reads the plan that it holds, with
 * each part standing where it was left. A last line that was cut short is cut off. MQ_USAGE when it
 * belongs to something else, or is in use. */
int journal_open(struct journal *journal, const char *path, const struct journal_subject *subject,
                 struct plan *plan, struct mq_err *err);
/* Writes a new journal's first line. */
int journal_begin(struct journal *journal, const struct journal_subject *subject,
                  const struct plan *plan, struct mq_err *err);
/* Remembers the parts that have changed; done: messages that are done with, of all runs. On disk
 * when it returns. */
int journal_note(struct journal *journal, struct plan *plan, int64_t done, struct mq_err *err);
int journal_finish(struct journal *journal, int64_t done, struct mq_err *err);
void journal_close(struct journal *journal);

#endif
