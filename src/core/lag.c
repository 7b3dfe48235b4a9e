/*
 * Rows of lag and their samples: see mqtk/lag.h.
 *
 * Here: from a list of groups to rows, and from one look to the next. What samples mean is in
 * lag_judge.c; sums, order and limits are in lag_sums.c.
 */
#include "mqtk/lag.h"
#include "mqtk/message.h"

#include <stdlib.h>
#include <string.h>

void mq_lag_table_init(struct mq_lag_table *table, size_t keep, size_t window, int64_t quiet_ms)
{
	*table =
	    (struct mq_lag_table){.keep = keep ? keep : 1, .window = window, .quiet_ms = quiet_ms};
}

static void release_row(struct mq_lag_row *row)
{
	free(row->group);
	free(row->stream);
	free(row->committed_id);
	free(row->end_id);
	free(row->error);
	free(row->samples);
}

static void release_rows(struct mq_lag_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		release_row(&rows[i]);
	free(rows);
}

void mq_lag_table_release(struct mq_lag_table *table)
{
	if (!table)
		return;
	release_rows(table->rows, table->n);
	*table = (struct mq_lag_table){.keep = table->keep};
}

/* --- one row --------------------------------------------------------------------------------- */

static bool keep(char **ret, const char *text)
{
	return !text || (*ret = strdup(text));
}

/* Members that belong to one stream of the group: how many of this one; -1: they do not. */
static int64_t members_of(const struct mq_group_info *group, const char *stream)
{
	int64_t n = 0;
	bool own = false;

	for (size_t i = 0; i < group->n_members; i++) {
		const char *theirs = group->members[i].stream;
		own |= theirs != NULL;
		n += theirs && strcmp(theirs, stream) == 0;
	}
	return own ? n : -1;
}

static void fill_members(struct mq_lag_row *row, const struct mq_group_info *group,
                         const struct mq_place *place)
{
	int64_t own = members_of(group, place->stream);

	row->members = group->member_count;
	if (own >= 0 || (!group->name && place->consumers >= 0)) {
		row->members = own >= 0 ? own : place->consumers;
		row->own_members = true;
	}
}

static int64_t age_of(const struct mq_place *place, int64_t now_ms)
{
	if (place->lag == 0)
		return 0;
	if (place->unread_ts_ms == MQ_NO_TIME)
		return -1;
	/* A clock that goes before ours makes nothing younger than new. */
	return now_ms > place->unread_ts_ms ? now_ms - place->unread_ts_ms : 0;
}

static bool fill_row(struct mq_lag_row *row, const struct mq_group_info *group,
                     const struct mq_place *place, int64_t now_ms)
{
	const char *error = place->error;

	/* What the group as a whole lacks explains places of which nothing is known. */
	if (!error && group->err.code && place->lag < 0 && place->end < 0 && !place->end_id)
		error = group->err.message;
	fill_members(row, group, place);
	row->partition = place->partition;
	row->committed = place->committed;
	row->end = place->end;
	row->added = place->added;
	row->lag = place->lag;
	/* What waits in a queue is unread, whatever else there is. */
	row->lag_floor = place->lag < 0 ? place->ready : -1;
	row->age_ms = age_of(place, now_ms);
	row->rate_in = place->rate_in;
	row->rate_out = place->rate_out;
	row->pending = place->pending;
	row->oldest_idle_ms = place->oldest_idle_ms;
	row->ready = place->ready;
	row->unacked = place->unacked;
	row->consumers = place->consumers;
	row->idle = group->name && place->committed < 0 && !place->committed_id && !place->member;
	return keep(&row->group, group->name) && keep(&row->stream, place->stream) &&
	       keep(&row->committed_id, place->committed_id) && keep(&row->end_id, place->end_id) &&
	       keep(&row->error, error);
}

static const struct mq_lag_row nothing = {.partition = MQ_NO_PARTITION,
                                          .committed = -1,
                                          .end = -1,
                                          .added = -1,
                                          .lag = -1,
                                          .age_ms = -1,
                                          .lag_floor = -1,
                                          .age_floor = -1,
                                          .rate_in = -1,
                                          .rate_out = -1,
                                          .eta_s = -1,
                                          .members = -1,
                                          .state = MQ_LAG_UNKNOWN,
                                          .pending = -1,
                                          .oldest_idle_ms = -1,
                                          .ready = -1,
                                          .unacked = -1,
                                          .consumers = -1};

/* A group without places. */
static bool fill_empty(struct mq_lag_row *row, const struct mq_group_info *group)
{
	row->members = group->member_count;
	row->idle = group->err.code == MQ_OK;
	return keep(&row->group, group->name) &&
	       keep(&row->error,
	            group->err.code ? group->err.message : "it has no position anywhere");
}

/* --- samples --------------------------------------------------------------------------------- */

/* Reads "12-3" as two numbers, the second one 0 when there is none. */
static struct mq_lag_mark mark_of_id(const char *id)
{
	struct mq_lag_mark mark = {0};
	uint64_t *part = &mark.high;

	for (const char *c = id; *c; c++) {
		if (*c == '-' && part == &mark.high) {
			part = &mark.low;
			continue;
		}
		if (*c < '0' || *c > '9')
			return (struct mq_lag_mark){0};
		*part = *part * 10 + (uint64_t)(*c - '0');
	}
	mark.known = *id != '\0';
	return mark;
}

static struct mq_lag_mark mark_of(const char *id, int64_t offset)
{
	if (id)
		return mark_of_id(id);
	return (struct mq_lag_mark){.known = offset >= 0,
	                            .high = offset >= 0 ? (uint64_t)offset : 0};
}

static bool add_sample(struct mq_lag_row *row, size_t most, int64_t at_ms)
{
	if (!row->samples && !(row->samples = calloc(most, sizeof *row->samples)))
		return false;
	if (row->n_samples == most) {
		memmove(row->samples, row->samples + 1, (most - 1) * sizeof *row->samples);
		row->n_samples--;
	}
	row->samples[row->n_samples++] =
	    (struct mq_lag_sample){.at_ms = at_ms,
	                           .lag = row->lag,
	                           .committed = mark_of(row->committed_id, row->committed),
	                           .end = mark_of(row->end_id, row->end),
	                           .added = row->added,
	                           .rate_in = row->rate_in,
	                           .rate_out = row->rate_out};
	return true;
}

/* --- looks ----------------------------------------------------------------------------------- */

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_rows(const void *a, const void *b)
{
	const struct mq_lag_row *x = a;
	const struct mq_lag_row *y = b;
	int by = compare_texts(x->group, y->group);

	by = by ? by : compare_texts(x->stream, y->stream);
	return by ? by : (x->partition > y->partition) - (x->partition < y->partition);
}

static int make_rows(const struct mq_group_list *list, int64_t now_ms, struct mq_lag_row **ret,
                     size_t *ret_n, struct mq_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->items[i].n_places ? list->items[i].n_places : 1;
	struct mq_lag_row *rows = calloc(n + 1, sizeof *rows);
	if (!rows)
		return mq_fail_memory(err);
	*ret = rows;
	*ret_n = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct mq_group_info *group = &list->items[i];
		if (!group->n_places) {
			rows[*ret_n] = nothing;
			if (!fill_empty(&rows[(*ret_n)++], group))
				return mq_fail_memory(err);
		}
		for (size_t k = 0; k < group->n_places; k++) {
			rows[*ret_n] = nothing;
			if (!fill_row(&rows[(*ret_n)++], group, &group->places[k], now_ms))
				return mq_fail_memory(err);
		}
	}
	return 0;
}

/* What was there and is no more: shown once. */
static bool turn_gone(struct mq_lag_row *row)
{
	struct mq_lag_row left = nothing;

	left.group = row->group;
	left.stream = row->stream;
	left.partition = row->partition;
	left.samples = row->samples;
	left.n_samples = row->n_samples;
	left.gone = true;
	free(row->committed_id);
	free(row->end_id);
	free(row->error);
	*row = left;
	return keep(&row->error, "gone since the look before");
}

/* Moves the samples of the rows of before to those of now, and what is gone behind them. Both are
 * sorted. */
static int inherit(struct mq_lag_row *before, size_t n_before, struct mq_lag_row **rows, size_t *n,
                   struct mq_err *err)
{
	size_t n_now = *n, k = 0;
	struct mq_lag_row *all = realloc(*rows, (n_now + n_before + 1) * sizeof *all);

	if (!all)
		return mq_fail_memory(err);
	*rows = all;
	for (size_t i = 0; i < n_before; i++) {
		while (k < n_now && compare_rows(&all[k], &before[i]) < 0)
			k++;
		bool same = k < n_now && compare_rows(&all[k], &before[i]) == 0;
		if (same && !before[i].gone) {
			all[k].samples = before[i].samples;
			all[k].n_samples = before[i].n_samples;
			before[i].samples = NULL;
			before[i].n_samples = 0;
		} else if (!same && !before[i].gone && before[i].stream) {
			all[*n] = before[i];
			before[i] = nothing;
			if (!turn_gone(&all[(*n)++]))
				return mq_fail_memory(err);
		}
	}
	if (*n > n_now)
		qsort(all, *n, sizeof *all, compare_rows);
	return 0;
}

int mq_lag_table_add(struct mq_lag_table *table, const struct mq_group_list *list, int64_t now_ms,
                     int64_t at_ms, struct mq_err *err)
{
	struct mq_lag_row *rows = NULL;
	size_t n = 0;

	if (make_rows(list, now_ms, &rows, &n, err) < 0)
		goto fail;
	if (n > 1)
		qsort(rows, n, sizeof *rows, compare_rows);
	if (table->n && inherit(table->rows, table->n, &rows, &n, err) < 0)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].gone && !add_sample(&rows[i], table->keep, at_ms)) {
			mq_fail_memory(err);
			goto fail;
		}
		mq_lag_row_judge(&rows[i], table->window, table->quiet_ms);
	}
	release_rows(table->rows, table->n);
	table->rows = rows;
	table->n = n;
	return 0;
fail:
	release_rows(rows, n);
	return -1;
}

void mq_lag_table_drop(struct mq_lag_table *table,
                       bool (*drop)(const void *ctx, const struct mq_lag_row *row), const void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (drop(ctx, &table->rows[i]))
			release_row(&table->rows[i]);
		else
			table->rows[kept++] = table->rows[i];
	}
	table->n = kept;
}
