/*
 * What the files of mqtk lag share: the values of its options, the source that is asked, and the
 * report.
 */
#ifndef MQ_CMD_LAG_LAG_H
#define MQ_CMD_LAG_LAG_H

#include "mqtk/address.h"
#include "mqtk/broker.h"
#include "mqtk/command.h"
#include "mqtk/lag.h"

#include <regex.h>

enum lag_format { LAG_TABLE, LAG_JSON, LAG_CSV, LAG_PROMETHEUS };

struct lag_values {
	struct mq_common common;
	int format; /* enum lag_format */
	bool json;
	bool all;
	bool totals;
	bool no_age;
	int64_t interval_ms; /* -1: one look */
	int64_t watch_ms;    /* -1: not watching */
	int64_t wait_ms;     /* -1: not waiting */
	int64_t max_lag, max_age_ms;
	bool no_members;
	bool allow_unknown;
};

/* --- asking (collect.c) ---------------------------------------------------------------------- */

/* Whom to ask for what. One connection, opened at the first look and again after it was lost. */
struct lag_source {
	struct mq_target target;
	char *broker; /* the address without the stream, as the reports name it */
	const struct mq_env *env;
	struct mq_conn *conn;
	const char *const *groups; /* borrowed operands; none: all */
	size_t n_groups;
	bool ages;
	regex_t pattern; /* of streams, with has_pattern */
	bool has_pattern;
};

/* What one look found. */
struct lag_look {
	struct mq_group_list list;
	int64_t now_ms, at_ms; /* the moment: since the epoch; of the clock that never goes back */
	size_t n_known;        /* places whose lag is known */
	struct mq_err missing; /* MQ_OK, or the first reason why something is missing … */
	struct mq_err absent;  /* … and the first group that was named and does not exist */
};

int lag_source_init(struct lag_source *source, const struct mq_invocation *invocation,
                    struct mq_err *err);
void lag_source_release(struct lag_source *source);
/* One look: mq_groups is asked once. Fails only when there is nothing to look at; the connection
 * is closed then. */
int lag_source_look(struct lag_source *source, struct lag_look *ret_look, struct mq_err *err);
void lag_look_release(struct lag_look *look);
/* Adds a look to the table; rows that nobody asked for are left out. */
int lag_look_add(const struct lag_source *source, const struct lag_look *look,
                 struct mq_lag_table *table, struct mq_err *err);
/* A group that was named and does not exist. */
bool lag_is_absent(const struct mq_group_info *group);
/* Leaves out the rows of such groups. */
void lag_drop_absent(const struct lag_look *look, struct mq_lag_table *table);
/* Adds to err, which says that a group does not exist, the nearest name that does; what it hints
 * at already stays when there is none. */
void lag_hint_group(struct lag_source *source, const char *group, struct mq_err *err);

/* --- telling (report.c, table.c) ------------------------------------------------------------- */

struct lag_report {
	const char *broker;
	enum lag_format format;
	bool totals;   /* groups instead of partitions */
	bool color;    /* for tables */
	int64_t ts_ms; /* stands in each line when reports follow each other; else MQ_NO_TIME */
	bool again;    /* not the first report: no heading of CSV */
	bool complete; /* nothing is missing */
};

int lag_report(const struct lag_report *report, const struct mq_lag_table *table,
               struct mq_buf *buf, struct mq_err *err);

/* A small line of a row's history; appends to buf. */
struct lag_history {
	int (*append)(const struct lag_history *history, const struct mq_lag_row *row,
	              struct mq_buf *buf, struct mq_err *err);
};

/* The table of rows, with the columns that have something to tell. Each row is one line, with its
 * colour when color. history may be NULL. */
int lag_table_print(const struct mq_lag_row *const *rows, size_t n,
                    const struct lag_history *history, bool color, struct mq_buf *buf,
                    struct mq_err *err);

/* --- limits (gate.c) ------------------------------------------------------------------------- */

bool lag_has_limits(const struct lag_values *values);
/* The exit code that the limits and what is missing make: 0, MQ_NEGATIVE, MQ_PARTIAL …; err is
 * filled when there is an error to report. Rows that broke a limit are appended to words, a line
 * each. -1: the judging itself failed. */
int lag_judge(const struct lag_values *values, struct lag_source *source,
              const struct lag_look *look, const struct mq_lag_table *table, struct mq_buf *words,
              struct mq_err *err);

/* --- watching (watch.c, live.c) -------------------------------------------- */

/* Watching: the samples that rows keep, those of them that states look at, and how long a position
 * has to rest before that counts: twice what most clients of Kafka take between two commits. */
enum { LAG_KEEP = 16, LAG_WINDOW = 10, LAG_QUIET_MS = 10000 };

/* The same on a terminal: in place. */
int lag_watch_live(struct mq_invocation *invocation, struct lag_source *source, struct mq_err *err);

/* Until it is stopped; the exit code, or -1. */
int lag_watch(struct mq_invocation *invocation, struct lag_source *source, struct mq_err *err);

#endif
