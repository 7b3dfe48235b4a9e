/*
 * What stands on the screen of mqtk lag --watch: a line about the whole, rows with their history, a
 * line about the keys. Only text; who shows it is live.c.
 */
#ifndef MQ_CMD_LAG_VIEW_H
#define MQ_CMD_LAG_VIEW_H

#include "cmd/lag/lag.h"

enum { LAG_FILTER_SIZE = 64 };

struct lag_view {
	const char *broker;
	int64_t every_ms;
	bool color, utf8;
	enum mq_lag_order order;
	bool totals, paused, help;
	bool typing; /* the filter */
	char filter[LAG_FILTER_SIZE];
	size_t top;          /* the first row that is shown */
	size_t n_rows;       /* out: rows after the filter */
	int64_t now_ms;      /* when the last look was taken; MQ_NO_TIME: never */
	const char *trouble; /* why nothing newer is known or something is missing; NULL */
	int lines, columns;
};

/* Whether the locale's characters are UTF-8, as the environment says. */
bool lag_view_utf8(void);

/* Appends one whole screen, with what a terminal needs to show it in place. */
int lag_view_draw(struct lag_view *view, const struct mq_lag_table *table, struct mq_buf *buf,
                  struct mq_err *err);

#endif
