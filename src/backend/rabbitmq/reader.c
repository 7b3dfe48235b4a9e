/*
 * Consuming: the connection, what came is lent and taken back. What is asked of the broker and
 * given back to it is the business of the ways of reading: see reader.h.
 */
#include "backend/rabbitmq/reader.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MS = 200 };

/* --- connection ------------------------------------------------------------------------------ */

static int connect_reader(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	mq_rabbit_wire_close(reader->wire);
	reader->wire = NULL;
	if (mq_rabbit_wire_open(reader->conn, &reader->wire, err) < 0)
		return -1;
	reader->wire->on_frame = mq_rabbit_take_frame;
	reader->wire->ctx = reader;
	reader->content.state = MQ_CONTENT_NONE;
	reader->delivered = 0;
	reader->tags.first = 1;
	reader->tags.n = 0;
	reader->unheard = 0;
	reader->settled = 0; /* what was settled but not acknowledged comes again */
	reader->epoch++;
	return 0;
}

static int begin_all(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	reader->idle_ms = reader->came_ms = mq_now_monotonic_ms();
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		mq_rabbit_forget_consumers(source);
		/* What it gave, all perhaps, was not acknowledged. */
		if (reader->epoch > 1 && reader->way->holds)
			source->done = false;
		if (!source->done && reader->way->begin(reader, source, err) < 0)
			return -1;
	}
	return 0;
}

/* True for what a new connection may heal. */
static bool may_heal(const struct mq_rabbit_reader *reader, const struct mq_err *err)
{
	if (!reader->way->resumes || !reader->wire)
		return false;
	if (reader->wire->dead)
		return err->retriable;
	/* "delivery acknowledgement on channel 1 timed out" */
	return !reader->wire->channel_open &&
	       reader->wire->closed_code == AMQP_PRECONDITION_FAILED &&
	       strstr(reader->wire->closed_text, "timed out");
}

/* Tries until the broker is back, or has been away for as long as one is tried. */
static int recover(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_env *env = reader->conn->base.env;
	int64_t until = mq_now_monotonic_ms() + env->timeout_ms;
	struct mq_err why = *err;

	if (!may_heal(reader, err))
		return -1;
	mq_log(env, MQ_LEVEL_WARN, "%s; connecting again, messages may come twice", why.message);
	reader->wire->dead = true;
	/* What waits was never lent: it will come again. */
	reader->n = reader->head;
	mq_rabbit_give_memory_back(reader);
	for (;;) {
		struct mq_err mine = MQ_ERR_INIT;
		if (connect_reader(reader, &mine) == 0 && begin_all(reader, &mine) == 0)
			break;
		int64_t left = until - mq_now_monotonic_ms();
		if (!mine.retriable || left <= 0 || mq_cancel_signal(env->cancel)) {
			*err = mine.retriable || mine.code == MQ_CANCELLED ? why : mine;
			return -1;
		}
		mq_cancel_wait(env->cancel, -1, 0, left < RETRY_MS ? (int)left : RETRY_MS);
	}
	mq_err_clear(err);
	return 0;
}

/* --- fetching -------------------------------------------------------------------------------- */

static bool all_done(const struct mq_rabbit_reader *reader)
{
	for (size_t i = 0; i < reader->n_sources; i++)
		if (!reader->sources[i].done)
			return false;
	return true;
}

static bool all_caught(const struct mq_rabbit_reader *reader)
{
	for (size_t i = 0; i < reader->n_sources; i++)
		if (!reader->sources[i].done && !reader->sources[i].caught)
			return false;
	return true;
}

static int ask_more(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	for (size_t i = 0; reader->way->more && i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (!source->done && reader->way->more(reader, source, err) < 0)
			return -1;
	}
	return 0;
}

static int ask_idle(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		if (!source->done && reader->way->idle &&
		    reader->way->idle(reader, source, err) < 0)
			return -1;
	}
	reader->idle_ms = mq_now_monotonic_ms();
	return 0;
}

static int check_open(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	if (reader->wire && !reader->wire->dead && reader->wire->channel_open)
		return 0;
	if (reader->wire && reader->wire->dead)
		mq_rabbit_wire_lost(reader->wire, err);
	return mq_fail(err, MQ_UNREACHABLE, "%s: the channel is closed", reader->conn->shown);
}

/* Whether the connection still lives, where nothing more is wanted from it. */
static int watch(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	return check_open(reader, err) < 0 || mq_rabbit_wire_wait(reader->wire, 0, err) < 0
	           ? -1
	           : mq_rabbit_serve(reader, SIZE_MAX, err);
}

/* Waits until something was put together, all is done, or the time is over. */
static int gather(struct mq_rabbit_reader *reader, size_t max, int64_t until, struct mq_err *err)
{
	for (;;) {
		if (check_open(reader, err) < 0)
			return -1;
		if (mq_rabbit_serve(reader, max, err) < 0)
			return -1;
		if (reader->head < reader->n || all_done(reader))
			return 0;
		if (ask_more(reader, err) < 0)
			return -1;
		int64_t now = mq_now_monotonic_ms();
		if (now - reader->idle_ms >= MQ_RABBIT_IDLE_MS) {
			if (ask_idle(reader, err) < 0)
				return -1;
			if (reader->head < reader->n || all_done(reader))
				return 0;
			now = mq_now_monotonic_ms();
		}
		int64_t idle = reader->idle_ms + MQ_RABBIT_IDLE_MS;
		int64_t wait = (until < idle ? until : idle) - now;
		int got = mq_rabbit_wire_wait(reader->wire, wait > 0 ? (int)wait : 0, err);
		if (got < 0)
			return -1;
		if (got == 0 && (mq_now_monotonic_ms() >= until ||
		                 mq_cancel_signal(reader->conn->base.env->cancel)))
			return 0;
	}
}

int mq_rabbit_fetch(struct mq_reader *base, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                    struct mq_err *err)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;
	int64_t until = mq_now_monotonic_ms() + timeout_ms;
	bool again = false;

	/* All done: what waits is still lent, but nothing is asked any more. */
	if (reader->later.code == MQ_OK && reader->head == reader->n) {
		if (!all_done(reader))
			gather(reader, max, until, &reader->later);
		else if (mq_rabbit_take_owes(reader))
			watch(reader, &reader->later);
	}
	if (reader->wire && reader->wire->dead && all_done(reader) && !mq_rabbit_take_owes(reader))
		mq_err_clear(&reader->later); /* nothing more was wanted from it */
	if (reader->later.code != MQ_OK && reader->head == reader->n) {
		struct mq_err mine = reader->later;
		mq_err_clear(&reader->later);
		if (recover(reader, &mine) < 0) {
			*err = mine;
			return -1;
		}
		again = true;
	}
	reader->lent = reader->n - reader->head < max ? reader->n - reader->head : max;
	*ret_batch = (struct mq_batch){
	    .messages = reader->messages + reader->head, .n = reader->lent, .again = again};
	if (reader->head + reader->lent == reader->n) {
		bool whole = reader->later.code == MQ_OK;
		ret_batch->caught_up = whole && all_caught(reader);
		ret_batch->ended = whole && reader->ends && all_done(reader);
	}
	return 0;
}

void mq_rabbit_release(struct mq_reader *base, struct mq_batch *batch)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;
	struct mq_err ignored = MQ_ERR_INIT;

	(void)batch;
	reader->head += reader->lent;
	reader->lent = 0;
	if (reader->way->released && reader->wire && !reader->wire->dead)
		reader->way->released(reader, &ignored);
	mq_rabbit_give_memory_back(reader);
}

int mq_rabbit_settle(struct mq_reader *base, const struct mq_message *messages, size_t n,
                     struct mq_err *err)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;

	return mq_rabbit_take_settle(reader, messages, n, err);
}

int mq_rabbit_commit(struct mq_reader *base, bool wait, struct mq_err *err)
{
	return mq_rabbit_take_commit((struct mq_rabbit_reader *)base, wait, err);
}

int mq_rabbit_reader_fd(struct mq_reader *base)
{
	const struct mq_rabbit_reader *reader = (const struct mq_rabbit_reader *)base;

	if (!reader->wire || reader->wire->dead || mq_rabbit_wire_unsent(reader->wire) > 0)
		return -1;
	return mq_net_fd(reader->wire->net);
}

/* --- life ------------------------------------------------------------------------------------ */

static void release(struct mq_rabbit_reader *reader)
{
	mq_rabbit_wire_close(reader->wire);
	for (size_t i = 0; i < reader->n_sources; i++) {
		free(reader->sources[i].queue);
		free(reader->sources[i].tapped);
	}
	free(reader->sources);
	free(reader->messages);
	free(reader->tags.states);
	mq_rabbit_memory_release(&reader->memory[0]);
	mq_rabbit_memory_release(&reader->memory[1]);
	free(reader);
}

void mq_rabbit_reader_close(struct mq_reader *base)
{
	struct mq_rabbit_reader *reader = (struct mq_rabbit_reader *)base;

	if (reader->way && reader->way->finish)
		reader->way->finish(reader);
	release(reader);
}

struct mq_rabbit_source *mq_rabbit_add_source(struct mq_rabbit_reader *reader, const char *queue,
                                              struct mq_err *err)
{
	struct mq_rabbit_source *source =
	    mq_info_grow(&reader->sources, &reader->n_sources, sizeof *source, err);

	if (!source)
		return NULL;
	*source = (struct mq_rabbit_source){.left = -1,
	                                    .bear = -1,
	                                    .next = -1,
	                                    .end = -1,
	                                    .stop = -1,
	                                    .since = MQ_NO_TIME,
	                                    .until = MQ_NO_TIME};
	source->queue = strdup(queue ? queue : "");
	if (source->queue)
		return source;
	mq_fail_memory(err);
	return NULL;
}

static int prepare(struct mq_rabbit_reader *reader, const struct mq_read_spec *spec,
                   struct mq_err *err)
{
	for (size_t i = 0; i < spec->n_streams && !spec->n_ranges; i++) {
		struct mq_rabbit_source *source =
		    mq_rabbit_add_source(reader, spec->streams[i], err);
		if (!source)
			return -1;
		source->from = spec->from;
		source->to = spec->to;
	}
	for (size_t i = 0; i < spec->n_ranges; i++) {
		struct mq_rabbit_source *source =
		    mq_rabbit_add_source(reader, spec->ranges[i].stream, err);
		if (!source)
			return -1;
		source->from = spec->ranges[i].from;
		source->to = spec->ranges[i].to;
	}
	if (connect_reader(reader, err) < 0 ||
	    mq_rabbit_choose(reader, spec->ack, spec->choosy, err) < 0 ||
	    reader->way->prepare(reader, err) < 0)
		return -1;
	return begin_all(reader, err);
}

int mq_rabbit_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                          struct mq_reader **ret_reader, struct mq_err *err)
{
	struct mq_rabbit_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return mq_fail_memory(err);
	reader->base = (struct mq_reader){.conn = conn, .expected = -1};
	reader->conn = (struct mq_rabbit_conn *)conn;
	reader->from = spec->from;
	reader->to = spec->to;
	reader->ranges = spec->n_ranges > 0;
	reader->limit = spec->limit;
	reader->stop_at_end = spec->stop_at_end;
	reader->force = spec->force;
	reader->uncounted = spec->uncounted;
	reader->watch = spec->watch;
	reader->prefetch = spec->prefetch > 0 ? spec->prefetch : spec->window;
	mq_rabbit_memory_init(&reader->memory[0]);
	mq_rabbit_memory_init(&reader->memory[1]);
	if (prepare(reader, spec, err) < 0) {
		release(reader);
		return -1;
	}
	*ret_reader = &reader->base;
	return 0;
}
