/*
 * The pump against a backend of the test's own: what is settled is exactly what got out, in order,
 * whatever fails and whenever.
 */
#include "mqtk/pump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>

enum { MANY = 1000, OUTAGE_MS = 200 };

struct fake_conn {
	struct mq_conn base;
};

/* Hands out messages 0..n in batches of at most `batch`. */
struct fake_reader {
	struct mq_reader base;
	struct mq_message messages[MANY];
	size_t n, next, batch;
	size_t settled;   /* messages settled, in order */
	size_t committed; /* of these at the last commit */
	bool waited;      /* the last commit waited */
	bool fail_fetch;
	bool fail_commit;
	bool out_of_order;
	bool outage; /* the first fetch takes longer than it should, and brings nothing */
};

static int fake_open(const struct mq_target *target, const struct mq_env *env,
                     struct mq_conn **ret_conn, struct mq_err *err)
{
	static struct fake_conn conn;

	(void)target;
	(void)env;
	(void)err;
	*ret_conn = &conn.base;
	return 0;
}

static void fake_close(struct mq_conn *conn)
{
	(void)conn;
}

static int fake_fetch(struct mq_reader *base, size_t max, int timeout_ms, struct mq_batch *ret,
                      struct mq_err *err)
{
	struct fake_reader *reader = (struct fake_reader *)base;
	size_t n = reader->n - reader->next;

	if (reader->outage) {
		reader->outage = false;
		poll(NULL, 0, timeout_ms + OUTAGE_MS);
		*ret = (struct mq_batch){0};
		return 0;
	}
	if (reader->fail_fetch && reader->next > 0)
		return mq_fail(err, MQ_UNREACHABLE, "gone");
	if (n > reader->batch)
		n = reader->batch;
	if (n > max)
		n = max;
	*ret = (struct mq_batch){.messages = reader->messages + reader->next,
	                         .n = n,
	                         .caught_up = reader->next + n == reader->n};
	reader->next += n;
	return 0;
}

static void fake_release(struct mq_reader *base, struct mq_batch *batch)
{
	(void)base;
	(void)batch;
}

static int fake_settle(struct mq_reader *base, const struct mq_message *messages, size_t n,
                       struct mq_err *err)
{
	struct fake_reader *reader = (struct fake_reader *)base;

	(void)err;
	if (messages->offset != (int64_t)reader->settled)
		reader->out_of_order = true;
	reader->settled += n;
	return 0;
}

static int fake_commit(struct mq_reader *base, bool wait, struct mq_err *err)
{
	struct fake_reader *reader = (struct fake_reader *)base;

	if (reader->fail_commit)
		return mq_fail(err, MQ_DENIED, "no commit for you");
	reader->committed = reader->settled;
	reader->waited = wait;
	return 0;
}

static int fake_fd(struct mq_reader *base)
{
	(void)base;
	return -1;
}

static void fake_reader_close(struct mq_reader *base)
{
	(void)base;
}

static int fake_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                            struct mq_reader **ret, struct mq_err *err)
{
	(void)conn;
	(void)spec;
	(void)ret;
	return mq_fail(err, MQ_INTERNAL, "not used");
}

static const struct mq_backend fake_backend = {
    .name = "fake",
    .title = "fake",
    .caps = MQ_CAP_GROUPS,
    .open = fake_open,
    .close = fake_close,
    .reader_open = fake_reader_open,
    .fetch = fake_fetch,
    .release = fake_release,
    .settle = fake_settle,
    .commit = fake_commit,
    .reader_fd = fake_fd,
    .reader_close = fake_reader_close,
};

static struct fake_conn conn = {.base = {.backend = &fake_backend, .caps = MQ_CAP_GROUPS}};

static void reader_init(struct fake_reader *reader, size_t n, size_t batch)
{
	*reader = (struct fake_reader){.base = {.conn = &conn.base}, .n = n, .batch = batch};
	for (size_t i = 0; i < n; i++) {
		reader->messages[i] = (struct mq_message)MQ_MESSAGE_INIT;
		reader->messages[i].offset = (int64_t)i;
	}
}

/* A sink that holds what it accepted until flush, takes at most `room` at once, and fails as told.
 */
struct fake_sink {
	size_t held, out, room;
	size_t fail_flush_at;  /* the flush that would reach this count fails; 0: never */
	size_t fail_accept_at; /* message of this number cannot be accepted; 0: never */
	size_t lost;           /* how many of the last flush did not get out when it fails */
	struct mq_cancel *cancel;
	size_t cancel_at;
	bool gone;
	size_t flushes;
	const struct mq_pump *pump; /* whose `serving` is looked at */
	size_t from[2];             /* messages of each reader */
};

static int64_t sink_accept(void *ctx, const struct mq_message *messages, size_t n,
                           struct mq_err *err)
{
	struct fake_sink *sink = ctx;
	size_t taken = 0;

	for (; taken < n && sink->held < sink->room; taken++) {
		size_t number = (size_t)messages[taken].offset + 1;
		if (sink->fail_accept_at == number)
			return taken ? (int64_t)taken : mq_fail(err, MQ_DATA, "bad message");
		sink->held++;
		if (sink->pump)
			sink->from[sink->pump->serving]++;
		if (sink->cancel && sink->cancel_at == number)
			mq_cancel_raise(sink->cancel, SIGINT);
	}
	return (int64_t)taken;
}

static int sink_flush(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct fake_sink *sink = ctx;

	*ret_lost = 0;
	sink->flushes++;
	if (sink->fail_flush_at && sink->out + sink->held >= sink->fail_flush_at) {
		*ret_lost = sink->lost < sink->held ? sink->lost : sink->held;
		sink->out += sink->held - *ret_lost;
		sink->held = 0;
		return mq_fail(err, MQ_IO, "disk full");
	}
	sink->out += sink->held;
	sink->held = 0;
	return 0;
}

static bool sink_gone(void *ctx)
{
	return ((struct fake_sink *)ctx)->gone;
}

static const struct mq_env env = {.timeout_ms = 1000};

static struct mq_pump make_pump(struct mq_reader **readers, size_t n, struct fake_sink *sink)
{
	return (struct mq_pump){
	    .env = &env,
	    .readers = readers,
	    .n_readers = n,
	    .sink = {.accept = sink_accept, .flush = sink_flush, .gone = sink_gone, .ctx = sink},
	    .settle = true,
	    .stop_at_end = true,
	    .limit = -1,
	    .idle_timeout_ms = -1,
	    .commit_every_ms = 1000,
	};
}

static void reads_to_the_end_and_commits(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 7};
	reader_init(&reader, 100, 33);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_ENDED);
	assert_int_equal(pump.count, 100);
	assert_int_equal(sink.out, 100);
	assert_int_equal(reader.settled, 100);
	assert_int_equal(reader.committed, 100);
	assert_true(reader.waited);
	assert_false(reader.out_of_order);
}

static void settles_only_what_got_out(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 10, .fail_flush_at = 50, .lost = 3};
	reader_init(&reader, 100, 100);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_FAILED);
	assert_int_equal(err.code, MQ_IO);
	assert_int_equal(sink.out, 47);
	assert_int_equal(reader.settled, 47);
	assert_int_equal(reader.committed, 47);
	assert_int_equal(pump.count, 47);
}

static void a_bad_message_ends_behind_the_good_ones(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 1000, .fail_accept_at = 20};
	reader_init(&reader, 100, 100);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_FAILED);
	assert_int_equal(err.code, MQ_DATA);
	assert_int_equal(reader.committed, 19);
}

static void the_limit_is_exact(void **state)
{
	(void)state;
	for (size_t batch = 1; batch < 12; batch++) {
		struct mq_err err = MQ_ERR_INIT;
		struct fake_reader reader;
		struct fake_sink sink = {.room = 1000};
		reader_init(&reader, 100, batch);
		struct mq_reader *readers[] = {&reader.base};
		struct mq_pump pump = make_pump(readers, 1, &sink);
		pump.limit = 10;
		assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_LIMIT);
		assert_int_equal(sink.out, 10);
		assert_int_equal(reader.committed, 10);
		assert_int_equal(reader.next, 10);
	}
}

static void a_signal_stops_fetching_and_commits(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_cancel cancel;
	struct fake_reader reader;
	assert_int_equal(mq_cancel_init(&cancel, &err), 0);
	struct mq_env mine = {.cancel = &cancel};
	struct fake_sink sink = {.room = 1000, .cancel = &cancel, .cancel_at = 15};
	reader_init(&reader, 100, 10);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);
	pump.env = &mine;

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_CANCELLED);
	assert_int_equal(reader.next, 20); /* the batch in hand is finished, no other is fetched */
	assert_int_equal(reader.committed, 20);
	mq_cancel_release(&cancel);
}

static void a_failed_fetch_keeps_what_was_done(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 1000};
	reader_init(&reader, 100, 10);
	reader.fail_fetch = true;
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_FAILED);
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_int_equal(reader.committed, 10);
}

static void a_failed_commit_is_no_success(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 1000};
	reader_init(&reader, 10, 10);
	reader.fail_commit = true;
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_FAILED);
	assert_int_equal(err.code, MQ_DENIED);
}

static void several_readers_all_reach_their_ends(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader a, b;
	struct fake_sink sink = {.room = 5};
	reader_init(&a, 40, 10);
	reader_init(&b, 300, 10);
	struct mq_reader *readers[] = {&a.base, &b.base};
	struct mq_pump pump = make_pump(readers, 2, &sink);

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_ENDED);
	assert_int_equal(sink.out, 340);
	assert_int_equal(a.committed, 40);
	assert_int_equal(b.committed, 300);
}

static void idle_time_ends_it(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 5};
	reader_init(&reader, 0, 10);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);
	pump.stop_at_end = false;
	pump.idle_timeout_ms = 20;

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_IDLE);
}

static void connecting_again_is_no_idle_time(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 5};
	reader_init(&reader, 5, 10);
	reader.outage = true;
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);
	pump.idle_timeout_ms = OUTAGE_MS + 100; /* the fetch waits for most of it, then OUTAGE_MS */

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_ENDED);
	assert_int_equal(sink.out, 5);
}

static void an_output_nobody_reads_ends_it(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 5, .gone = true};
	reader_init(&reader, 3, 10);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);
	pump.stop_at_end = false;

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_SINK_GONE);
	assert_int_equal(reader.committed, 3);
}

static void a_lazy_sink_is_flushed_when_full_and_at_the_end(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader a, b;
	struct fake_sink sink = {.room = 1000};
	reader_init(&a, 40, 10);
	reader_init(&b, 300, 10);
	struct mq_reader *readers[] = {&a.base, &b.base};
	struct mq_pump pump = make_pump(readers, 2, &sink);
	pump.settle = false;
	pump.lazy = true;
	pump.batch = 7;
	sink.pump = &pump;

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_ENDED);
	assert_int_equal(sink.flushes, 1);
	assert_int_equal(sink.out, 340);
	assert_int_equal(pump.count, 340);
	assert_int_equal(sink.from[0], 40);
	assert_int_equal(sink.from[1], 300);

	reader_init(&a, 100, 100);
	sink = (struct fake_sink){.room = 30};
	pump = make_pump(readers, 1, &sink);
	pump.settle = false;
	pump.lazy = true;
	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_ENDED);
	assert_int_equal(sink.flushes, 4);
	assert_int_equal(sink.out, 100);
}

static void what_a_lazy_sink_loses_at_the_end_is_no_success(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct fake_reader reader;
	struct fake_sink sink = {.room = 1000, .fail_flush_at = 1, .lost = 3};
	reader_init(&reader, 50, 10);
	struct mq_reader *readers[] = {&reader.base};
	struct mq_pump pump = make_pump(readers, 1, &sink);
	pump.settle = false;
	pump.lazy = true;

	assert_int_equal(mq_pump_run(&pump, &err), MQ_PUMP_FAILED);
	assert_int_equal(err.code, MQ_IO);
	assert_int_equal(pump.count, 47);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_to_the_end_and_commits),
	    cmocka_unit_test(settles_only_what_got_out),
	    cmocka_unit_test(a_bad_message_ends_behind_the_good_ones),
	    cmocka_unit_test(the_limit_is_exact),
	    cmocka_unit_test(a_signal_stops_fetching_and_commits),
	    cmocka_unit_test(a_failed_fetch_keeps_what_was_done),
	    cmocka_unit_test(a_failed_commit_is_no_success),
	    cmocka_unit_test(several_readers_all_reach_their_ends),
	    cmocka_unit_test(idle_time_ends_it),
	    cmocka_unit_test(connecting_again_is_no_idle_time),
	    cmocka_unit_test(an_output_nobody_reads_ends_it),
	    cmocka_unit_test(a_lazy_sink_is_flushed_when_full_and_at_the_end),
	    cmocka_unit_test(what_a_lazy_sink_loses_at_the_end_is_no_success),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
