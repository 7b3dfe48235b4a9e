/* Messages out of streams: see filter.h. Nothing is taken and nothing is settled. */
#include "cmd/schema/filter.h"

#include "mqtk/pump.h"

#include <stdlib.h>

struct judging_streams {
	struct filter *filter;
	struct sources sources;
	struct mq_pump pump;
	char **brokers; /* of each reader, as letters name it */
};

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct judging_streams *judging = ctx;

	for (size_t i = 0; i < n; i++) {
		struct filtered item = {
		    .place = {.message = &messages[i]},
		    .raw = messages[i].payload,
		    .broker = judging->brokers[judging->pump.serving],
		};
		if (filter_take(judging->filter, &item, err) < 0)
			return -1;
	}
	return (int64_t)n;
}

static int flush_messages(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	*ret_lost = 0;
	return filter_flush(((struct judging_streams *)ctx)->filter, err);
}

static int name_brokers(struct judging_streams *judging, struct mq_err *err)
{
	struct sources *sources = &judging->sources;

	judging->brokers = calloc(sources->n, sizeof *judging->brokers);
	if (!judging->brokers)
		return mq_fail_memory(err);
	for (size_t i = 0; i < sources->n; i++) {
		judging->brokers[i] = mq_target_broker(sources->items[i].target, err);
		if (!judging->brokers[i])
			return -1;
	}
	return 0;
}

/* What is put aside must not come around again. */
static int check_loop(const struct judging_streams *judging, struct mq_err *err)
{
	const struct filter *filter = judging->filter;
	const struct sources *sources = &judging->sources;

	for (size_t i = 0; i < sources->n_targets && filter->rejecting; i++)
		if (rejects_is_stream(&filter->rejects, &sources->targets[i]))
			return mq_fail(err, MQ_USAGE,
			               "%s is read, and --reject-to would write to it",
			               sources->targets[i].shown);
	return 0;
}

static int run(struct judging_streams *judging, const struct mq_read_spec *spec,
               int64_t idle_timeout_ms, struct mq_err *err)
{
	const struct mq_invocation *invocation = judging->filter->invocation;

	if (sources_open(&judging->sources, invocation, invocation->operands.items,
	                 invocation->operands.n, spec, err) < 0)
		return (int)err->code;
	if (check_loop(judging, err) < 0 || name_brokers(judging, err) < 0)
		return (int)err->code;
	judging->pump = (struct mq_pump){
	    .env = invocation->env,
	    .readers = judging->sources.readers,
	    .n_readers = judging->sources.n,
	    .sink = {.accept = accept_messages, .flush = flush_messages, .ctx = judging},
	    .stop_at_end = spec->stop_at_end,
	    .limit = spec->limit,
	    .idle_timeout_ms = idle_timeout_ms,
	};
	enum mq_pump_end end = mq_pump_run(&judging->pump, err);
	return end == MQ_PUMP_CANCELLED ? MQ_CANCELLED : (int)err->code;
}

int filter_streams(struct filter *filter, const struct mq_read_spec *spec, int64_t idle_timeout_ms,
                   struct mq_err *err)
{
	struct judging_streams judging = {.filter = filter};
	int code = run(&judging, spec, idle_timeout_ms, err);

	for (size_t i = 0; judging.brokers && i < judging.sources.n; i++)
		free(judging.brokers[i]);
	free(judging.brokers);
	sources_close(&judging.sources);
	return code;
}
