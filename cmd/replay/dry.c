/* Counting in place of copying: see dry.h. */
#include "cmd/replay/dry.h"

#include "cmd/replay/edit.h"
#include "cmd/replay/pace.h"

struct counting {
	const struct replay_values *values;
	struct plan *plan;
	const struct mq_pump *pump;
	struct dry_run *dry;
	struct pace pace;
};

static void count_one(struct counting *counting, const struct mq_message *m)
{
	struct dry_run *dry = counting->dry;

	if (replay_plan_came_before(counting->plan, counting->pump->serving, m))
		return;
	if (counting->values->max_replays >= 0 && edit_count(m) >= counting->values->max_replays) {
		dry->guarded++;
		return;
	}
	dry->messages++;
	dry->bytes += (int64_t)(m->key.len + m->payload.len);
	pace_next(&counting->pace, m->ts_ms);
	if (m->ts_ms == MQ_NO_TIME)
		return;
	if (dry->first_ts == MQ_NO_TIME || m->ts_ms < dry->first_ts)
		dry->first_ts = m->ts_ms;
	if (dry->last_ts == MQ_NO_TIME || m->ts_ms > dry->last_ts)
		dry->last_ts = m->ts_ms;
}

static int64_t count_messages(void *ctx, const struct mq_message *messages, size_t n,
                              struct mq_err *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++)
		count_one(ctx, &messages[i]);
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
              struct dry_run *ret, struct mq_err *err)
{
	struct counting counting = {.values = values, .plan = plan, .pump = pump, .dry = ret};

	*ret = (struct dry_run){.first_ts = MQ_NO_TIME, .last_ts = MQ_NO_TIME};
	pace_init(&counting.pace, &values->pace);
	pump->sink =
	    (struct mq_sink){.accept = count_messages, .flush = flush_nothing, .ctx = &counting};
	enum mq_pump_end end = mq_pump_run(pump, err);
	ret->expected_ms = pace_total(&counting.pace);
	if (end == MQ_PUMP_CANCELLED)
		return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
	return end == MQ_PUMP_FAILED ? -1 : 0;
}
