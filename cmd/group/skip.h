/*
 * What a skip passes: reading on from where a group stands, and what is pending, until enough was
 * seen. Nothing is moved here.
 */
#ifndef MQ_CMD_GROUP_SKIP_H
#define MQ_CMD_GROUP_SKIP_H

#include "cmd/group/group.h"
#include "cmd/group/keep.h"
#include "cmd/select.h"

#include "mqtk/report.h"

/* Of one row of the plan. */
struct skip_row {
	int64_t passed; /* undelivered messages that are skipped */
	bool other;     /* the next one does not match */
	char **ids;     /* pending messages that are to be settled */
	size_t n_ids;
	char (*sorted)[64]; /* while a page of pending messages is read */
	size_t n_sorted;
	char last[64]; /* of that page */
};

struct skip {
	const struct group_scope *scope;
	const char *group;
	struct selector selector;
	int64_t count;         /* of each partition; -1: no limit */
	bool to_target;        /* rows have targets: everything before those */
	struct keep *keep;     /* NULL: nothing is kept */
	struct mq_table shown; /* the first messages, for people */
	size_t n_shown;
	struct plan *plan;
	struct skip_row *rows; /* as those of the plan */
	/* while one row is read */
	struct plan_row *row;
	struct skip_row *at;
};

int skip_init(struct skip *skip, struct mq_err *err);
void skip_release(struct skip *skip);
/* Reads, keeps, and sets targets and counts of all rows; a row with nothing to skip has no target.
 * What fails for one row stands in its err. */
int skip_collect(struct skip *skip, struct mq_err *err);
/* After the move: settles what was pending. */
int skip_settle(struct skip *skip, struct mq_err *err);

#endif
