/* What journal.c and journal_read.c share. */
#ifndef MQ_CMD_REPLAY_JOURNAL_LINES_H
#define MQ_CMD_REPLAY_JOURNAL_LINES_H

#include "cmd/replay/journal.h"

/* Takes the whole lines in buf, which is written to. */
int journal_read(struct journal *journal, struct mq_buf *buf, const struct journal_subject *subject,
                 struct plan *plan, struct mq_err *err);

/* The file is none of ours. */
int journal_foreign(const char *path, struct mq_err *err);

#endif
