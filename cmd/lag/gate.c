/* mqtk lag: limits, what is missing, and the exit code that they make. See lag.h. */
#include "cmd/lag/lag.h"

bool lag_has_limits(const struct lag_values *values)
{
	return values->max_lag >= 0 || values->max_age_ms >= 0 || values->no_members;
}

/* The worst verdict over all groups and streams, with the words for those that do not hold. */
static int judge_all(const struct mq_lag_limits *limits, bool named, bool say_none,
                     const struct mq_lag_sums *sums, struct mq_buf *words, struct mq_err *err)
{
	int worst = sums->n || limits->allow_unknown ? MQ_LAG_HOLDS : MQ_LAG_NOT_KNOWN;

	if (worst == MQ_LAG_NOT_KNOWN && say_none &&
	    mq_buf_append_str(words, "no group was found, so no limit could be checked\n", err) < 0)
		return -1;
	for (size_t i = 0; i < sums->n; i++) {
		const struct mq_lag_sum *sum = &sums->items[i];
		/* A group without any position, among all of them, has nothing to be behind. */
		if (!named && sum->row.idle && !sum->row.stream)
			continue;
		int verdict = mq_lag_check(sum, limits, words, err);
		if (verdict < 0)
			return -1;
		worst = verdict > worst ? verdict : worst;
	}
	return worst;
}

static int judge_limits(const struct lag_values *values, bool named, const struct lag_look *look,
                        const struct mq_lag_table *table, struct mq_buf *words, struct mq_err *err)
{
	struct mq_lag_limits limits = {.max_lag = values->max_lag,
	                               .max_age_ms = values->max_age_ms,
	                               .members = values->no_members,
	                               .allow_unknown = values->allow_unknown};
	struct mq_lag_sums sums;
	int verdict = -1;

	if (!lag_has_limits(values))
		return MQ_LAG_HOLDS;
	if (mq_lag_sums_make(table, &sums, err) == 0)
		verdict = judge_all(&limits, named, !look->absent.code && !look->missing.code,
		                    &sums, words, err);
	mq_lag_sums_release(&sums);
	return verdict;
}

/* The first group that does not exist is the error, further ones are named before it. */
static int say_absent(struct lag_source *source, const struct lag_look *look, struct mq_buf *words,
                      struct mq_err *err)
{
	const char *first = NULL;

	for (size_t i = 0; i < look->list.n; i++) {
		const struct mq_group_info *group = &look->list.items[i];
		if (!lag_is_absent(group))
			continue;
		if (first && mq_buf_printf(words, err, "%s\n", group->err.message) < 0)
			return -1;
		first = first ? first : group->name;
	}
	*err = look->absent;
	if (first)
		lag_hint_group(source, first, err);
	return MQ_NOT_FOUND;
}

/* Why the report is not complete. Nothing known at all is that reason's own code. */
static int say_missing(const struct lag_look *look, struct mq_err *err)
{
	*err = look->missing;
	if (look->n_known && err->code != MQ_INTERNAL)
		err->code = MQ_PARTIAL;
	return (int)err->code;
}

int lag_judge(const struct lag_values *values, struct lag_source *source,
              const struct lag_look *look, const struct mq_lag_table *table, struct mq_buf *words,
              struct mq_err *err)
{
	int verdict = judge_limits(values, source->n_groups > 0, look, table, words, err);

	if (verdict < 0)
		return -1;
	if (look->absent.code)
		return say_absent(source, look, words, err);
	if (look->missing.code && (verdict != MQ_LAG_BROKEN || !look->n_known))
		return say_missing(look, err);
	/* The limits that broke are the answer; that there may be more is said as well. */
	if (look->missing.code && mq_buf_printf(words, err, "%s\n", look->missing.message) < 0)
		return -1;
	if (verdict == MQ_LAG_BROKEN)
		return MQ_NEGATIVE;
	return verdict == MQ_LAG_NOT_KNOWN ? MQ_PARTIAL : MQ_OK;
}
