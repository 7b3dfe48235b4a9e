/* Counting in place of copying: see dry.h. */
#include "cmd/replay/dry.h"

#include "cmd/replay/edit.h"
#include "cmd/replay/pace.h"

struct counting {
	const struct replay_values *values;
	const struct replay_policy *policy; /* or NULL */
	struct plan *plan;
	const struct mq_pump *pump;
	struct dry_run *dry;
	struct pace pace;
};

/* 0, or -1: the policy fails. */
static int count_one(struct counting *counting, const struct mq_message *m, struct mq_err *err)
{
	const struct replay_policy *policy = counting->policy;
	struct dry_run *dry = counting->dry;

	if (replay_plan_came_before(counting->plan, counting->pump->serving, m))
		return 0;
	int wanted = policy ? policy->choose(policy->ctx, m, err) : 1;
	if (wanted <= 0)
		return wanted;
	if (counting->values->max_replays >= 0 && edit_count(m) >= counting->values->max_replays) {
		dry->guarded++;
		return 0;
	}
	dry->messages++;
	dry->bytes += (int64_t)(m->key.len + m->payload.len);
	pace_next(&counting->pace, m->ts_ms);
	if (m->ts_ms == MQ_NO_TIME)
		return 0;
	if (dry->first_ts == MQ_NO_TIME || m->ts_ms < dry->first_ts)
		dry->first_ts = m->ts_ms;
	if (dry->last_ts == MQ_NO_TIME || m->ts_ms > dry->last_ts)
		dry->last_ts = m->ts_ms;
	return 0;
}

static int64_t count_messages(void *ctx, const struct mq_message *messages, size_t n,
                              struct mq_err *err)
{
	struct counting *counting = ctx;
	int64_t most = counting->policy ? counting->values->count : -1;

	for (size_t i = 0; i < n; i++) {
		if (most >= 0 && counting->dry->messages >= most)
			return mq_fail(err, MQ_CANCELLED, "enough");
		if (count_one(counting, &messages[i], err) < 0)
			return -1;
	}
	return (int64_t)n;
}

static int flush_nothing(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	(void)ctx;
	(void)err;
	*ret_lost = 0;
	return 0;
}

int dry_count(struct mq_pump *pump, struct plan *plan, const struct replay_values *values,
              const struct replay_policy *policy, struct dry_run *ret, struct mq_err *err)
{
	struct counting counting = {
	    .values = values, .policy = policy, .plan = plan, .pump = pump, .dry = ret};

	*ret = (struct dry_run){.first_ts = MQ_NO_TIME, .last_ts = MQ_NO_TIME};
	pace_init(&counting.pace, &values->pace);
	pump->sink =
	    (struct mq_sink){.accept = count_messages, .flush = flush_nothing, .ctx = &counting};
	enum mq_pump_end end = mq_pump_run(pump, err);
	if (policy && values->count >= 0 && ret->messages >= values->count)
		mq_err_clear(err); /* enough */
	ret->expected_ms = pace_total(&counting.pace);
	if (end == MQ_PUMP_CANCELLED)
		return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
	return end == MQ_PUMP_FAILED && err->code != MQ_OK ? -1 : 0;
}
