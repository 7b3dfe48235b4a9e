/* Looking at the messages of one partition without a group: see group.h. */
#include "cmd/group/group.h"

#include <stdio.h>

enum { BATCH = 1000, LOOK_MS = 250 };

struct mq_pos group_pos_to_read(const struct group_pos *pos)
{
	struct mq_pos where = {.kind = MQ_POS_OFFSET, .number = pos->offset};

	if (pos->id[0]) {
		where.kind = MQ_POS_ID;
		snprintf(where.text, sizeof where.text, "%s", pos->id);
	}
	return where;
}

/* Hands out one batch: 1 to go on, 0 or -1. */
static int hand_out(const struct group_reading *reading, const struct mq_batch *batch,
                    struct mq_err *err)
{
	for (size_t i = 0; i < batch->n; i++) {
		int more = reading->take(reading->ctx, &batch->messages[i], err);
		if (more <= 0)
			return more;
	}
	return !batch->caught_up && !batch->ended;
}

int group_read(const struct group_scope *scope, const struct group_reading *reading,
               struct mq_err *err)
{
	struct mq_read_spec spec = {.streams = &reading->stream,
	                            .n_streams = 1,
	                            .partitions = &reading->partition,
	                            .n_partitions = reading->partition != MQ_NO_PARTITION,
	                            .from = reading->from,
	                            .to = reading->to,
	                            .need = reading->need,
	                            .limit = reading->limit,
	                            .stop_at_end = true};
	int64_t heard = mq_now_monotonic_ms();
	struct mq_reader *reader;
	int more = 1;

	if (mq_reader_open(scope->conn, &spec, &reader, err) < 0)
		return -1;
	while (more > 0) {
		struct mq_batch batch;
		if (mq_cancel_signal(scope->env->cancel)) {
			more = mq_fail(err, MQ_CANCELLED, "stopped by a signal");
			break;
		}
		more = mq_fetch(reader, BATCH, LOOK_MS, &batch, err) < 0 ? -1 : 1;
		if (more < 0)
			break;
		if (batch.n > 0)
			heard = mq_now_monotonic_ms();
		more = hand_out(reading, &batch, err);
		mq_release(reader, &batch);
		if (more > 0 && mq_now_monotonic_ms() - heard > scope->env->timeout_ms)
			more = mq_fail(err, MQ_UNREACHABLE, "%s: no message came for %d ms",
			               reading->stream, scope->env->timeout_ms);
	}
	mq_reader_close(reader);
	return more;
}
