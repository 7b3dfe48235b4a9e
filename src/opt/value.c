/*
 * Reading one option's value by its type. Every failure names the option, the value and what was
 * expected; nothing that cannot be read becomes 0.
 */
#include "opt/value.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mq_option_label(const struct mq_option *row, bool long_form, char ret[MQ_LABEL_SIZE])
{
	if (row->name && (long_form || !row->letter))
		snprintf(ret, MQ_LABEL_SIZE, "--%s", row->name);
	else
		snprintf(ret, MQ_LABEL_SIZE, "-%c", row->letter);
}

/* Passes on what a parser of values said, with the option in front. A defect or lack of memory
 * keeps its code, everything else is the user's value. */
static int fail_from(struct mq_err *err, const char *label, const struct mq_err *inner)
{
	enum mq_code code = inner->code == MQ_INTERNAL ? MQ_INTERNAL : MQ_USAGE;

	mq_fail(err, code, "%s: %s", label, inner->message);
	if (inner->hint[0])
		mq_hint(err, "%s", inner->hint);
	return -1;
}

/* The limits of a row: both 0 is none, a maximum below the minimum is no maximum. */
static void limits_of(const struct mq_option *row, int64_t *ret_min, int64_t *ret_max)
{
	bool none = row->min == 0 && row->max == 0;

	*ret_min = none ? INT64_MIN : row->min;
	*ret_max = none || row->max < row->min ? INT64_MAX : row->max;
}

/* Fails for a number outside the row's limits; text writes a limit as people would type it. */
static int check_limits(const struct mq_option *row, const char *label, const char *value,
                        int64_t number, void (*text)(int64_t, char *), struct mq_err *err)
{
	char low[32], high[32];
	int64_t min, max;

	limits_of(row, &min, &max);
	if (number >= min && number <= max)
		return 0;
	text(min, low);
	text(max, high);
	if (max == INT64_MAX)
		return mq_fail(err, MQ_USAGE, "%s: '%s' is too small, expected at least %s", label,
		               value, low);
	return mq_fail(err, MQ_USAGE, "%s: '%s' is out of range, expected %s to %s", label, value,
	               low, high);
}

static int set_choice(const struct mq_option *row, const char *label, int *field, const char *value,
                      struct mq_err *err)
{
	char list[300] = "";
	size_t used = 0;
	size_t len = strlen(value);
	int found = -1;
	bool ambiguous = false;

	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], value) == 0) {
			*field = i;
			return 0;
		}
		if (len > 0 && strncmp(row->choices[i], value, len) == 0) {
			ambiguous = found >= 0;
			found = i;
		}
		int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
		                 row->choices[i]);
		used += n > 0 && (size_t)n < sizeof list - used ? (size_t)n : 0;
	}
	if (found >= 0 && !ambiguous) {
		*field = found;
		return 0;
	}
	return mq_fail(err, MQ_USAGE, "%s: '%s' is %s, expected one of: %s", label, value,
	               ambiguous ? "ambiguous" : "unknown", list);
}

static int list_add(struct mq_option_list *list, const char *value, struct mq_err *err)
{
	const char **items = realloc(list->items, (list->n + 1) * sizeof *items);

	if (!items)
		return mq_fail_memory(err);
	list->items = items;
	list->items[list->n++] = value;
	return 0;
}

static int set_number(const struct mq_option *row, const char *label, int64_t *field,
                      const char *value, struct mq_err *err)
{
	struct mq_err inner = MQ_ERR_INIT;
	int64_t number = 0;
	int64_t min, max;
	int result;

	switch (row->type) {
	case MQ_OPT_DURATION:
		result = mq_duration_parse(value, &number, &inner);
		if (result == 0 &&
		    check_limits(row, label, value, number, mq_duration_format, err) < 0)
			return -1;
		break;
	case MQ_OPT_SIZE:
		result = mq_size_parse(value, &number, &inner);
		if (result == 0 && check_limits(row, label, value, number, mq_size_format, err) < 0)
			return -1;
		break;
	default:
		limits_of(row, &min, &max);
		result = mq_int_parse(value, min, max, &number, &inner);
		break;
	}
	if (result < 0)
		return fail_from(err, label, &inner);
	*field = number;
	return 0;
}

int mq_value_set(const struct mq_option *row, const char *label, void *field, const char *value,
                 int64_t now_ms, struct mq_err *err)
{
	struct mq_err inner = MQ_ERR_INIT;
	struct mq_pos pos;

	switch (row->type) {
	case MQ_OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case MQ_OPT_COUNT:
		if (*(int *)field < INT_MAX)
			++*(int *)field;
		return 0;
	case MQ_OPT_STRING:
		*(const char **)field = value;
		return 0;
	case MQ_OPT_INT:
	case MQ_OPT_DURATION:
	case MQ_OPT_SIZE:
		return set_number(row, label, field, value, err);
	case MQ_OPT_CHOICE:
		return set_choice(row, label, field, value, err);
	case MQ_OPT_LIST:
		return list_add(field, value, err);
	case MQ_OPT_POSITION:
		if (mq_pos_parse(value, now_ms, &pos, &inner) < 0)
			return fail_from(err, label, &inner);
		*(struct mq_pos *)field = pos;
		return 0;
	case MQ_OPT_CUSTOM:
		if (row->custom(field, value, &inner) < 0)
			return fail_from(err, label, &inner);
		return 0;
	}
	return mq_fail(err, MQ_INTERNAL, "%s: a row of unknown type", label);
}
