/*
 * What the subcommands of `group` share: their operands (scope.c), what they print about groups
 * (report.c), and plans of where a group is to stand (places.c, walk.c, plan.c).
 */
#ifndef MQ_CMD_GROUP_H
#define MQ_CMD_GROUP_H

#include "mqtk/address.h"
#include "mqtk/broker.h"
#include "mqtk/command.h"

/* --- scope.c: ADDR GROUP… ----------------------------------------------------------------------
 */

struct group_scope {
	const struct mq_env *env;
	struct mq_target target;
	struct mq_conn *conn;
	const char **streams; /* those that the address names; none: all of the broker */
	size_t n_streams;
	struct mq_stream_list matches; /* what the names belong to */
	const char *const *groups;     /* the operands behind the address */
	size_t n_groups;
};

enum group_wants {
	GROUP_NONE, /* an address; or none, for the default broker */
	GROUP_ANY,  /* an address and perhaps groups */
	GROUP_ONE,  /* an address and exactly one group */
};

/* Resolves the operands, connects, and finds the streams that match a pattern (MQ_NOT_FOUND: none
 * does). Brokers without groups are refused in one line that says what to use instead. */
int group_scope_open(struct group_scope *scope, const struct mq_invocation *invocation,
                     enum group_wants wants, struct mq_err *err);
void group_scope_close(struct group_scope *scope);

/* What is known of the scope's groups, or of this one. The only group's failure is the call's. */
int group_scope_look(const struct group_scope *scope, const char *group, unsigned want,
                     struct mq_group_list *ret_list, struct mq_err *err);

/* What went wrong in a list that is printed nevertheless: MQ_NOT_FOUND when a group that was named
 * does not exist, else MQ_PARTIAL. */
int group_list_verdict(const struct mq_group_list *list, struct mq_err *err);
/* After a change: fails when there were streams that could not be looked at, unless something
 * failed already. */
int group_list_whole(const struct mq_group_list *list, struct mq_err *err);

/* --- report.c: groups for people and machines --------------------------------------------------
 */

/* Sums over a group's places; -1: one of them is unknown, or there is none. */
int64_t group_lag(const struct mq_group_info *group);

/* What `ls` (details false) and `show` print; pending may be NULL. */
int group_report_json(const struct mq_group_info *group, bool details,
                      const struct mq_pending_list *pending, struct mq_buf *buf,
                      struct mq_err *err);
int group_report_list(const struct mq_group_list *list, bool bold, struct mq_buf *buf,
                      struct mq_err *err);
int group_report_text(const struct mq_group_info *group, const struct mq_pending_list *pending,
                      bool bold, struct mq_buf *buf, struct mq_err *err);

/* --- places.c: where a group stands and is to stand ------------------------------------------ */

/* A position that was looked up: an offset, or an id; neither: unknown. */
struct group_pos {
	int64_t offset; /* MQ_NO_OFFSET */
	char id[64];
	bool delivered; /* the id itself counts as read; in text "after:ID" */
};
#define GROUP_POS_NONE ((struct group_pos){.offset = MQ_NO_OFFSET})

bool group_pos_known(const struct group_pos *pos);
bool group_pos_equal(const struct group_pos *a, const struct group_pos *b);
/* "" when unknown. */
#define GROUP_POS_TEXT 96
void group_pos_text(const struct group_pos *pos, char *ret);

struct plan_row {
	char *stream;
	int32_t partition;
	struct group_pos current, target; /* target unknown: it stays */
	struct group_pos begin, end;
	char note[160];
	int64_t skipped;   /* messages between current and target; -1: nobody counted */
	int64_t settled;   /* pending messages with it; -1: there is no such thing */
	struct mq_err err; /* why it has no target, or was not moved */
};

struct plan {
	struct plan_row *rows; /* by stream and partition */
	size_t n;
};

void plan_release(struct plan *plan);
/* A row for each place of the group, without target; partitions as of -p, none: all. A partition of
 * -p that no stream has is MQ_NOT_FOUND. */
int plan_from_group(struct plan *plan, const struct mq_group_info *group, const int32_t *partitions,
                    size_t n_partitions, struct mq_err *err);
/* The same from a stream that the group does not know yet. */
int plan_from_stream(struct plan *plan, const struct mq_stream_info *info, struct mq_err *err);

/* Where to: the forms of --to. */
struct group_goal {
	enum { GOAL_NONE, GOAL_POS, GOAL_SHIFT, GOAL_GROUP } kind;
	struct mq_pos pos;
	int64_t shift;
	const char *group;
};
/* For MQ_OPT_CUSTOM. */
int group_goal_parse(void *field, const char *value, struct mq_err *err);

/* Fills the targets of all rows. What fails for one row stands in its err. */
int plan_aim(struct plan *plan, const struct group_scope *scope, const char *group,
             const struct group_goal *goal, struct mq_err *err);
/* From a file ("-": stdin); rows that it does not name keep no target. */
int plan_aim_file(struct plan *plan, const struct group_scope *scope, const char *path,
                  struct mq_err *err);

/* --- read.c: looking at messages without taking any ------------------------------------------ */

struct group_reading {
	const char *stream;
	int32_t partition;      /* MQ_NO_PARTITION: there are none */
	struct mq_pos from, to; /* to UNSET: the end as it is now */
	unsigned need;          /* enum mq_need */
	int64_t limit;          /* no more than this many will be wanted; -1 */
	/* 1: go on, 0: enough, -1: failed. */
	int (*take)(void *ctx, const struct mq_message *message, struct mq_err *err);
	void *ctx;
};
int group_read(const struct group_scope *scope, const struct group_reading *reading,
               struct mq_err *err);
/* The position of an offset or an id; of what was delivered that itself, which is not wanted. */
struct mq_pos group_pos_to_read(const struct group_pos *pos);
/* Where reading ends that is to reach it: behind a message that counts as delivered. */
struct mq_pos group_pos_to_end(const struct group_pos *pos);

/* walk.c: the target of a row whose positions are ids, so many messages on or back from the current
 * one. */
int group_walk(const struct group_scope *scope, struct plan_row *row, int64_t shift,
               struct mq_err *err);

/* --- plan.c: printing and doing ------------------------------------------------------------------
 */

/* The dry run: CSV, or a JSON line for each row. */
int plan_print(const struct plan *plan, const char *group, bool json, struct mq_err *err);
/* Moves the group (create: makes it). -1: nothing was moved, for a common reason; what failed for
 * one row stands in its err. */
int plan_move(struct plan *plan, const struct group_scope *scope, const char *group, bool create,
              bool force, struct mq_err *err);
/* Old and new, as a table or a JSON line for each row; done: it was tried, else it would be. */
int plan_report(const struct plan *plan, const char *group, bool done, bool json, bool bold,
                struct mq_err *err);
/* The verdict over rows with an err: the reason when all have one, else MQ_PARTIAL. */
int plan_verdict(const struct plan *plan, struct mq_err *err);

#endif
