/* A bounded look: see peek.h. */
#include "cmd/dlq/peek.h"

#include <stdlib.h>

enum {
	LAST = 4,     /* the newest places may be gaps: markers of transactions, compaction */
	FIRST = 4,    /* the same at the beginning */
	WAIT_MS = 250 /* between two looks at the clock */
};

bool peek_is_over(const struct peek *peek)
{
	return mq_now_monotonic_ms() >= peek->deadline_ms;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int hand_on(struct peek *peek, const struct mq_batch *batch, struct mq_err *err)
{
	struct mq_dead dead;

	for (size_t i = 0; i < batch->n; i++) {
		mq_dead_read(peek->reader, &batch->messages[i], &dead);
		if (peek->each(peek->ctx, &batch->messages[i], &dead, err) < 0)
			return -1;
	}
	return 0;
}

/* Reads until the end of what spec says, or of the time. */
static int read_all(struct peek *peek, const struct mq_read_spec *spec, struct mq_err *err)
{
	const struct mq_env *env = peek->conn->env;
	struct mq_reader *reader = NULL;
	int64_t left = spec->limit;
	int result = mq_reader_open(peek->conn, spec, &reader, err);
	bool more = result == 0;

	while (more) {
		struct mq_batch batch;
		result = mq_fetch(reader, left >= 0 ? (size_t)left : 1000, WAIT_MS, &batch, err);
		if (result < 0)
			break;
		more = !batch.caught_up && !batch.ended && !peek_is_over(peek);
		result = hand_on(peek, &batch, err);
		left -= left >= 0 ? (int64_t)batch.n : 0;
		more = more && result == 0 && left != 0;
		mq_release(reader, &batch);
		if (mq_cancel_signal(env->cancel)) {
			result = mq_fail(err, MQ_CANCELLED, "stopped by a signal");
			break;
		}
	}
	mq_reader_close(reader);
	return result;
}

static bool is_fatal(const struct mq_err *err)
{
	return err->code == MQ_CANCELLED || err->code == MQ_INTERNAL;
}

/* --- newest ----------------------------------------------------------------------------------- */

/* One that cannot be read must not hide the others: where a read of many fails, each half is read
 * by itself. */
int peek_newest(struct peek *peek, const char *const *streams, size_t n, struct mq_err *err)
{
	struct mq_read_spec spec = {
	    .streams = streams,
	    .n_streams = n,
	    .from = {.kind = MQ_POS_LAST, .number = LAST},
	    .uncounted = true,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .limit = -1,
	    .stop_at_end = true,
	};
	struct mq_err mine = MQ_ERR_INIT;

	if (n == 0 || peek_is_over(peek) || read_all(peek, &spec, &mine) == 0)
		return 0;
	if (is_fatal(&mine)) {
		*err = mine;
		return -1;
	}
	if (n == 1) {
		peek->failed(peek->ctx, streams[0], &mine);
		return 0;
	}
	return peek_newest(peek, streams, n / 2, err) < 0
	           ? -1
	           : peek_newest(peek, streams + n / 2, n - n / 2, err);
}

/* --- oldest ----------------------------------------------------------------------------------- */

static size_t make_ranges(const struct mq_stream_info *info, struct mq_range *ranges)
{
	size_t n = 0;

	for (size_t i = 0; i < info->n_partitions; i++) {
		const struct mq_partition_info *p = &info->partitions[i];
		if (p->begin < 0 || p->end <= p->begin)
			continue;
		int64_t to = p->end - p->begin > FIRST ? p->begin + FIRST : p->end;
		ranges[n++] = (struct mq_range){.stream = info->name,
		                                .partition = p->partition,
		                                .from = {.kind = MQ_POS_OFFSET, .number = p->begin},
		                                .to = {.kind = MQ_POS_OFFSET, .number = to}};
	}
	return n;
}

int peek_oldest(struct peek *peek, const struct mq_stream_info *info, struct mq_err *err)
{
	struct mq_range *ranges = calloc(info->n_partitions + 1, sizeof *ranges);
	const char *stream = info->name;
	struct mq_read_spec spec = {
	    .streams = &stream,
	    .n_streams = 1,
	    .uncounted = true,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .limit = 1,
	    .stop_at_end = true,
	};
	struct mq_err mine = MQ_ERR_INIT;
	int result = 0;

	if (!ranges)
		return mq_fail_memory(err);
	if (peek->conn->caps & MQ_CAP_RANGES) {
		spec.n_ranges = make_ranges(info, ranges);
		spec.ranges = spec.n_ranges ? ranges : NULL;
		spec.limit = spec.n_ranges ? -1 : 1;
	}
	if (!peek_is_over(peek) && read_all(peek, &spec, &mine) < 0) {
		if (is_fatal(&mine)) {
			*err = mine;
			result = -1;
		} else {
			peek->failed(peek->ctx, stream, &mine);
		}
	}
	free(ranges);
	return result;
}
