/*
 * Rows of lag together: sums of a group on a stream, order, limits, and what is said of them. See
 * mqtk/lag.h.
 */
#include "mqtk/lag.h"
#include "mqtk/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* --- sums ------------------------------------------------------------------------------------ */

static int64_t known_lag(const struct mq_lag_row *row)
{
	int64_t lag = row->lag < 0 ? row->lag_floor : row->lag;

	return lag > 0 ? lag : 0;
}

static void begin_sum(struct mq_lag_sum *sum, const struct mq_lag_row *row, size_t first)
{
	*sum = (struct mq_lag_sum){.row = *row, .first = first, .n = 1};
	sum->n_lag_unknown = row->lag < 0;
	sum->n_age_unknown = row->age_ms < 0;
	sum->lag_known = known_lag(row);
	sum->age_known = row->age_ms > 0 ? row->age_ms : 0;
	sum->row.samples = NULL;
	sum->row.n_samples = 0;
}

/* Unknown as soon as one is. */
static int64_t plus(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void add_to_sum(struct mq_lag_sum *sum, const struct mq_lag_row *row)
{
	struct mq_lag_row *s = &sum->row;

	sum->n++;
	sum->n_lag_unknown += row->lag < 0;
	sum->n_age_unknown += row->age_ms < 0;
	sum->lag_known += known_lag(row);
	sum->age_known = larger(sum->age_known, row->age_ms);
	s->partition = MQ_NO_PARTITION;
	s->committed = s->end = -1;
	s->committed_id = s->end_id = NULL;
	s->lag = plus(s->lag, row->lag);
	s->age_ms = sum->n_age_unknown ? -1 : sum->age_known;
	s->rate_in = s->rate_in < 0 || row->rate_in < 0 ? -1 : s->rate_in + row->rate_in;
	s->rate_out = s->rate_out < 0 || row->rate_out < 0 ? -1 : s->rate_out + row->rate_out;
	/* It has caught up when its slowest partition has. */
	s->eta_s = s->eta_s < 0 || row->eta_s < 0 ? -1 : larger(s->eta_s, row->eta_s);
	s->members = larger(s->members, row->members);
	s->idle = s->idle && row->idle;
	s->gone = s->gone && row->gone;
	s->state = row->state > s->state ? row->state : s->state;
	s->pending = plus(s->pending, row->pending);
	s->oldest_idle_ms = larger(s->oldest_idle_ms, row->oldest_idle_ms);
	s->ready = plus(s->ready, row->ready);
	s->unacked = plus(s->unacked, row->unacked);
	s->consumers = plus(s->consumers, row->consumers);
	s->error = s->error ? s->error : row->error;
	bool some = sum->n_lag_unknown < sum->n || sum->lag_known > 0;
	s->lag_floor = sum->n_lag_unknown && some ? sum->lag_known : -1;
	s->age_floor = sum->n_age_unknown && sum->n_age_unknown < sum->n ? sum->age_known : -1;
}

int mq_lag_sums_make(const struct mq_lag_table *table, struct mq_lag_sums *ret_sums,
                     struct mq_err *err)
{
	struct mq_lag_sums sums = {.items = calloc(table->n + 1, sizeof *sums.items)};

	*ret_sums = sums;
	if (!sums.items)
		return mq_fail_memory(err);
	for (size_t i = 0; i < table->n; i++) {
		const struct mq_lag_row *row = &table->rows[i];
		struct mq_lag_sum *last = sums.n ? &sums.items[sums.n - 1] : NULL;
		if (last && row->stream && same_text(last->row.group, row->group) &&
		    same_text(last->row.stream, row->stream))
			add_to_sum(last, row);
		else
			begin_sum(&sums.items[sums.n++], row, i);
	}
	*ret_sums = sums;
	return 0;
}

void mq_lag_sums_release(struct mq_lag_sums *sums)
{
	if (!sums)
		return;
	free(sums->items);
	*sums = (struct mq_lag_sums){0};
}

/* --- order ----------------------------------------------------------------------------------- */

static const char *const order_names[] = {"worst", "lag", "age", "rate", "name"};

const char *mq_lag_order_name(enum mq_lag_order order)
{
	return order_names[order];
}

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int by_name(const struct mq_lag_row *a, const struct mq_lag_row *b)
{
	int by = compare_texts(a->group, b->group);

	by = by ? by : compare_texts(a->stream, b->stream);
	return by ? by : (a->partition > b->partition) - (a->partition < b->partition);
}

/* The larger one first. */
static int by_number(int64_t a, int64_t b)
{
	return (a < b) - (a > b);
}

static int compare_lag(const void *a, const void *b)
{
	const struct mq_lag_row *x = *(const struct mq_lag_row *const *)a;
	const struct mq_lag_row *y = *(const struct mq_lag_row *const *)b;
	int by = by_number(x->lag < 0 ? x->lag_floor : x->lag, y->lag < 0 ? y->lag_floor : y->lag);

	return by ? by : by_name(x, y);
}

static int compare_worst(const void *a, const void *b)
{
	const struct mq_lag_row *x = *(const struct mq_lag_row *const *)a;
	const struct mq_lag_row *y = *(const struct mq_lag_row *const *)b;
	int by = by_number(x->state, y->state);

	return by ? by : compare_lag(a, b);
}

static int compare_age(const void *a, const void *b)
{
	const struct mq_lag_row *x = *(const struct mq_lag_row *const *)a;
	const struct mq_lag_row *y = *(const struct mq_lag_row *const *)b;
	int by = by_number(x->age_ms, y->age_ms);

	return by ? by : compare_lag(a, b);
}

static int compare_rate(const void *a, const void *b)
{
	const struct mq_lag_row *x = *(const struct mq_lag_row *const *)a;
	const struct mq_lag_row *y = *(const struct mq_lag_row *const *)b;
	int by = (x->rate_out < y->rate_out) - (x->rate_out > y->rate_out);

	return by ? by : compare_lag(a, b);
}

static int compare_name(const void *a, const void *b)
{
	return by_name(*(const struct mq_lag_row *const *)a, *(const struct mq_lag_row *const *)b);
}

void mq_lag_sort(const struct mq_lag_row **rows, size_t n, enum mq_lag_order order)
{
	static int (*const compares[])(const void *, const void *) = {
	    compare_worst, compare_lag, compare_age, compare_rate, compare_name};

	if (n > 1)
		qsort(rows, n, sizeof(const struct mq_lag_row *), compares[order]);
}

/* --- limits ---------------------------------------------------------------------------------- */

void mq_count_format(int64_t number, char *ret)
{
	char digits[MQ_COUNT_TEXT];
	int n = snprintf(digits, sizeof digits, "%" PRId64, number);
	size_t at = 0;

	for (int i = 0; i < n && at + 2 < MQ_COUNT_TEXT; i++) {
		ret[at++] = digits[i];
		if ((n - i) % 3 == 1 && i + 1 < n && digits[i] != '-')
			ret[at++] = ',';
	}
	ret[at] = '\0';
}

/* "group billing on orders", or the queue's name alone. */
static int say_whom(const struct mq_lag_row *row, struct mq_buf *buf, struct mq_err *err)
{
	if (!row->group)
		return mq_buf_printf(buf, err, "%s", row->stream ? row->stream : "the broker");
	return mq_buf_printf(buf, err, "group %s%s%s", row->group, row->stream ? " on " : "",
	                     row->stream ? row->stream : "");
}

static int line(struct mq_buf *words, const struct mq_lag_row *row, const char *text,
                struct mq_err *err)
{
	if (say_whom(row, words, err) < 0 || mq_buf_printf(words, err, ": %s\n", text) < 0)
		return -1;
	return 0;
}

/* ": why", when the row knows it. */
static void add_why(const struct mq_lag_sum *sum, char *text, size_t size)
{
	size_t used = strlen(text);

	if (sum->n > 1)
		used += (size_t)snprintf(
		    text + used, size - used, " in %zu of %zu partitions",
		    sum->n_lag_unknown ? sum->n_lag_unknown : sum->n_age_unknown, sum->n);
	if (used < size && sum->row.error)
		snprintf(text + used, size - used, " (%s)", sum->row.error);
}

static int check_lag(const struct mq_lag_sum *sum, int64_t limit, char *text, size_t size)
{
	char lag[MQ_COUNT_TEXT], most[MQ_COUNT_TEXT];

	if (limit < 0)
		return MQ_LAG_HOLDS;
	mq_count_format(sum->lag_known, lag);
	mq_count_format(limit, most);
	if (sum->lag_known > limit) {
		snprintf(text, size, "lag %s%s > %s", sum->n_lag_unknown ? "at least " : "", lag,
		         most);
		return MQ_LAG_BROKEN;
	}
	if (!sum->n_lag_unknown)
		return MQ_LAG_HOLDS;
	snprintf(text, size, "the lag is unknown");
	add_why(sum, text, size);
	return MQ_LAG_NOT_KNOWN;
}

static int check_age(const struct mq_lag_sum *sum, int64_t limit, char *text, size_t size)
{
	char age[MQ_DURATION_TEXT], most[MQ_DURATION_TEXT];

	if (limit < 0)
		return MQ_LAG_HOLDS;
	mq_duration_format(sum->age_known, age);
	mq_duration_format(limit, most);
	if (sum->age_known > limit) {
		snprintf(text, size, "the oldest unread message is %s old > %s", age, most);
		return MQ_LAG_BROKEN;
	}
	if (!sum->n_age_unknown)
		return MQ_LAG_HOLDS;
	snprintf(text, size, "the age of the oldest unread message is unknown");
	add_why(sum, text, size);
	return MQ_LAG_NOT_KNOWN;
}

static int check_members(const struct mq_lag_sum *sum, bool wanted, char *text, size_t size)
{
	if (!wanted || sum->row.members > 0)
		return MQ_LAG_HOLDS;
	if (sum->row.members == 0) {
		snprintf(text, size, "no members");
		return MQ_LAG_BROKEN;
	}
	snprintf(text, size, "whether it has members is unknown");
	return MQ_LAG_NOT_KNOWN;
}

int mq_lag_check(const struct mq_lag_sum *sum, const struct mq_lag_limits *limits,
                 struct mq_buf *words, struct mq_err *err)
{
	char text[3][700];
	int verdicts[3] = {check_lag(sum, limits->max_lag, text[0], sizeof text[0]),
	                   check_age(sum, limits->max_age_ms, text[1], sizeof text[1]),
	                   check_members(sum, limits->members, text[2], sizeof text[2])};
	int worst = MQ_LAG_HOLDS;

	for (size_t i = 0; i < 3; i++) {
		if (verdicts[i] == MQ_LAG_NOT_KNOWN && limits->allow_unknown)
			continue;
		if (verdicts[i] != MQ_LAG_HOLDS && line(words, &sum->row, text[i], err) < 0)
			return -1;
		worst = verdicts[i] > worst ? verdicts[i] : worst;
	}
	return worst;
}
