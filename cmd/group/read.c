/* Looking at the messages of one partition without a group: see group.h. */
#include "cmd/group/group.h"

#include "mqtk/pump.h"

#include <stdio.h>

enum { BATCH = 1000 };

struct mq_pos group_pos_to_read(const struct group_pos *pos)
{
	struct mq_pos where = {.kind = MQ_POS_OFFSET, .number = pos->offset};

	if (pos->id[0]) {
		where = (struct mq_pos){.kind = MQ_POS_ID};
		snprintf(where.text, sizeof where.text, "%s", pos->id);
	}
	return where;
}

struct mq_pos group_pos_to_end(const struct group_pos *pos)
{
	struct mq_pos where = group_pos_to_read(pos);

	if (where.kind == MQ_POS_ID)
		where.number = pos->delivered;
	return where;
}

/* The pump's sink: takes until there is enough. */
struct taking {
	const struct group_reading *reading;
	bool over; /* enough, or failed: nothing more is wanted */
	bool failed;
};

static int64_t take(void *ctx, const struct mq_message *messages, size_t n, struct mq_err *err)
{
	struct taking *taking = ctx;
	size_t i = 0;

	for (; i < n && !taking->over; i++) {
		int more = taking->reading->take(taking->reading->ctx, &messages[i], err);
		taking->failed = more < 0;
		taking->over = more <= 0;
	}
	/* A sink that takes nothing more is how the pump ends before its limits. */
	return i > 0 && !taking->failed ? (int64_t)i : mq_fail(err, MQ_INTERNAL, "enough");
}

static int flush(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	(void)ctx, (void)err;
	*ret_lost = 0;
	return 0;
}

int group_read(const struct group_scope *scope, const struct group_reading *reading,
               struct mq_err *err)
{
	struct taking taking = {.reading = reading};
	struct mq_read_spec spec = {.streams = &reading->stream,
	                            .n_streams = 1,
	                            .partitions = &reading->partition,
	                            .n_partitions = reading->partition != MQ_NO_PARTITION,
	                            .from = reading->from,
	                            .to = reading->to,
	                            .need = reading->need,
	                            .limit = reading->limit,
	                            .stop_at_end = true};
	struct mq_reader *reader;
	struct mq_pump pump = {.env = scope->env,
	                       .readers = &reader,
	                       .n_readers = 1,
	                       .sink = {.accept = take, .flush = flush, .ctx = &taking},
	                       .batch = BATCH,
	                       .stop_at_end = true,
	                       .limit = -1,
	                       .idle_timeout_ms = scope->env->timeout_ms};
	struct mq_err why = MQ_ERR_INIT;

	if (mq_reader_open(scope->conn, &spec, &reader, err) < 0)
		return -1;
	enum mq_pump_end end = mq_pump_run(&pump, &why);
	mq_reader_close(reader);
	if (taking.over && !taking.failed)
		return 0;
	if (end == MQ_PUMP_CANCELLED)
		return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
	if (end == MQ_PUMP_IDLE)
		return mq_fail(err, MQ_UNREACHABLE, "%s: no message came for %d ms",
		               reading->stream, scope->env->timeout_ms);
	if (end != MQ_PUMP_FAILED)
		return 0;
	*err = why;
	return -1;
}
