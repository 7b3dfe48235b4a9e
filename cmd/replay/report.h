/* What a replay says: while it runs, at its end, and in place of it (--dry-run). */
#ifndef MQ_CMD_REPLAY_REPORT_H
#define MQ_CMD_REPLAY_REPORT_H

#include "cmd/replay/replay.h"

struct report {
	const char *from, *to; /* words for the addresses */
	struct replay_counts counts;
	int64_t settled; /* taken out of the source, one by one; -1: that is not what is done */
	bool takes;      /* and that is what counts, not the copies */
	int64_t missed;  /* gone before they could be read */
	int64_t bad;     /* lines that are no messages */
	int64_t earlier; /* done with by earlier runs, as the journal says */
	int64_t duration_ms;
	const char *done;    /* "copied" */
	const char *towards; /* in place of " to TARGET"; NULL: that */
	enum replay_end end;
};

/* The line on stderr. */
void report_say(const struct report *report, const struct mq_env *env);
/* The same as one JSON line on stdout. */
int report_json(const struct report *report, struct mq_err *err);

/* What --dry-run counts. */
struct dry_run {
	int64_t messages, bytes, guarded;
	int64_t first_ts, last_ts; /* MQ_NO_TIME: none has one */
	double expected_ms;        /* < 0: as fast as it goes */
	int64_t missed, bad;
};

int dry_run_print(const struct dry_run *dry_run, const char *from, const char *to, bool json,
                  struct mq_err *err);

/* One line on a terminal, rewritten in place. */
struct progress {
	int64_t expected; /* -1: unknown */
	int64_t started_ms, shown_ms;
	bool wanted, shown;
};
void progress_show(void *ctx, int64_t count);
void progress_clear(struct progress *progress);

#endif
