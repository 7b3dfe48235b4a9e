/* What ping does when something goes wrong in the middle: what it says, and that nothing is left.
 * With a backend that keeps one message and fails where it is told to. */
#include "cmd/round_trip.c" /* NOLINT(bugprone-suspicious-include): it has no library to be in */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct {
	/* what to do */
	enum mq_code connect_fails, create_fails, delivery_fails, remove_fails_once;
	bool unanswered; /* no confirmation comes */
	bool swallow;    /* confirmed, but it does not come back */
	bool change;     /* something else comes back */
	bool raise_at_poll, by_settings, queue;
	/* what happened */
	int opened, closed, created, removed, settled, committed;
	bool exists, temporary, taking, watching, removed_with_cancel;
	char name[64];
	char stored[256];
	size_t len;
} fake;

static struct mq_conn conns[4];
static struct mq_writer the_writer;
static struct mq_reader the_reader;
static struct mq_write_spec write_spec;
static struct mq_message lent;
static bool answered;
static struct mq_cancel cancel;

static int fake_open(const struct mq_target *target, const struct mq_env *env,
                     struct mq_conn **ret_conn, struct mq_err *err)
{
	(void)target;
	(void)env;
	assert_true(fake.opened < 4);
	if (fake.connect_fails)
		return mq_fail(err, fake.connect_fails, "nobody is there");
	*ret_conn = &conns[fake.opened++];
	**ret_conn = (struct mq_conn){.by_settings = fake.by_settings};
	return 0;
}

static void fake_close(struct mq_conn *conn)
{
	(void)conn;
	fake.closed++;
}

static int fake_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                         struct mq_err *err)
{
	(void)conn;
	ret_info->ready = fake.queue ? 0 : -1;
	return strcmp(stream, "there") == 0 ? 0 : mq_fail(err, MQ_NOT_FOUND, "no %s", stream);
}

static int fake_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	(void)conn;
	fake.created++;
	fake.temporary = spec->temporary;
	snprintf(fake.name, sizeof fake.name, "%s", spec->stream);
	if (fake.create_fails)
		return mq_fail(err, fake.create_fails, "not made");
	fake.exists = true;
	return 0;
}

static int fake_remove(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	assert_string_equal(stream, fake.name);
	fake.removed++;
	fake.removed_with_cancel |= conn->env->cancel != NULL;
	if (fake.remove_fails_once && fake.removed == 1)
		return mq_fail(err, fake.remove_fails_once, "the connection is broken");
	if (!fake.exists)
		return mq_fail(err, MQ_NOT_FOUND, "no %s", stream);
	fake.exists = false;
	return 0;
}

static int fake_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                            struct mq_writer **ret_writer, struct mq_err *err)
{
	(void)conn;
	(void)err;
	write_spec = *spec;
	*ret_writer = &the_writer;
	return 0;
}

static int64_t fake_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                          struct mq_err *err)
{
	(void)writer;
	(void)err;
	assert_int_equal(n, 1);
	assert_true(messages->payload.len <= sizeof fake.stored);
	memcpy(fake.stored, messages->payload.data, messages->payload.len);
	fake.len = messages->payload.len;
	return 1;
}

static int64_t fake_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct mq_delivery delivery = {.tag = 1};

	(void)writer;
	(void)timeout_ms;
	(void)err;
	if (fake.raise_at_poll)
		mq_cancel_raise(&cancel, SIGINT);
	if (fake.unanswered)
		return 1;
	if (fake.delivery_fails) {
		mq_fail(&why, fake.delivery_fails, "refused");
		delivery.err = &why;
	}
	answered = true;
	write_spec.delivered(write_spec.ctx, &delivery);
	return 0;
}

static void fake_writer_close(struct mq_writer *writer)
{
	(void)writer;
}

static int fake_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                            struct mq_reader **ret_reader, struct mq_err *err)
{
	(void)conn;
	(void)err;
	assert_int_equal(spec->n_streams, 1);
	fake.taking = spec->ack;
	fake.watching = spec->watch && spec->from.kind == MQ_POS_END;
	*ret_reader = &the_reader;
	return 0;
}

static int fake_fetch(struct mq_reader *reader, size_t max, int timeout_ms,
                      struct mq_batch *ret_batch, struct mq_err *err)
{
	(void)reader;
	(void)max;
	(void)timeout_ms;
	(void)err;
	if (!answered || fake.swallow)
		return 0;
	if (fake.change)
		fake.stored[0] ^= 1;
	lent = (struct mq_message)MQ_MESSAGE_INIT;
	lent.payload = mq_bytes_of(fake.stored, fake.len);
	ret_batch->messages = &lent;
	ret_batch->n = 1;
	return 0;
}

static void fake_release(struct mq_reader *reader, struct mq_batch *batch)
{
	(void)reader;
	(void)batch;
}

static int fake_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                       struct mq_err *err)
{
	(void)reader;
	(void)messages;
	(void)err;
	fake.settled += (int)n;
	return 0;
}

static int fake_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	(void)reader;
	(void)err;
	assert_true(wait);
	fake.committed++;
	return 0;
}

static void fake_reader_close(struct mq_reader *reader)
{
	(void)reader;
}

static struct mq_backend backend = {
    .name = "fake",
    .title = "the fake store, by nobody",
    .open = fake_open,
    .close = fake_close,
    .writer_open = fake_writer_open,
    .write = fake_write,
    .writer_flush = fake_flush,
    .writer_close = fake_writer_close,
    .reader_open = fake_reader_open,
    .fetch = fake_fetch,
    .release = fake_release,
    .settle = fake_settle,
    .commit = fake_commit,
    .reader_close = fake_reader_close,
    .describe = fake_describe,
    .create = fake_create,
    .remove = fake_remove,
};

/* --- the tests ------------------------------------------------------------------------------- */

static struct mq_env env;
static struct mq_target target;
static char shown[] = "fake://h/", there[] = "there", elsewhere[] = "elsewhere";

static int set_up(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	memset(&fake, 0, sizeof fake);
	answered = false;
	backend.caps = MQ_CAP_OFFSETS;
	assert_int_equal(mq_cancel_init(&cancel, &err), 0);
	env = (struct mq_env){.cancel = &cancel, .timeout_ms = 20};
	target = (struct mq_target){.backend = &backend, .shown = shown};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	/* Whatever happened: what was made is gone, and each connection is closed. */
	assert_false(fake.exists);
	assert_int_equal(fake.opened, fake.closed);
	assert_false(fake.removed_with_cancel);
	assert_ptr_equal(env.cancel, &cancel);
	assert_int_equal(env.timeout_ms, 20);
	mq_cancel_release(&cancel);
	return 0;
}

static void ends_with(enum mq_code code, const char *words)
{
	struct round_trip trip = {.target = &target, .env = &env};
	struct mq_err err = MQ_ERR_INIT;

	assert_int_equal(round_trip_run(&trip, &err), code ? -1 : 0);
	if (err.code != code || !strstr(err.message, words))
		fail_msg("expected %d and '%s', got %d: %s", code, words, err.code, err.message);
}

static void test_there_and_back(void **state)
{
	struct round_trip trip = {.target = &target, .env = &env};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	assert_int_equal(round_trip_run(&trip, &err), 0);
	assert_true(trip.up);
	assert_true(fake.temporary);
	assert_memory_equal(fake.name, "mqtk-ping-", 10);
	assert_int_equal(strlen(fake.name), 10 + 16);
	assert_int_equal(fake.removed, 1);
	assert_false(fake.taking);
	assert_int_equal(fake.settled, 0);
	assert_int_equal(trip.total_us,
	                 trip.connect_us + trip.prepare_us + trip.produce_us + trip.read_us);
}

static void test_names_differ(void **state)
{
	char first[64];

	(void)state;
	ends_with(MQ_OK, "");
	memcpy(first, fake.name, sizeof first);
	answered = false;
	ends_with(MQ_OK, "");
	assert_string_not_equal(first, fake.name);
}

static void test_queues_are_taken_from(void **state)
{
	(void)state;
	backend.caps = MQ_CAP_ACK;
	ends_with(MQ_OK, "");
	assert_true(fake.taking);
	assert_int_equal(fake.settled, 1);
	assert_int_equal(fake.committed, 1);
}

static void test_the_named_stream(void **state)
{
	struct round_trip trip = {.target = &target, .env = &env, .in_stream = true};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	target.stream = elsewhere;
	ends_with(MQ_NOT_FOUND, "no elsewhere");
	assert_int_equal(fake.created, 0);
	target.stream = there;
	ends_with(MQ_OK, "");
	assert_string_not_equal(write_spec.stream, "there");
	answered = false;
	fake.created = 0;
	backend.caps = MQ_CAP_ACK;
	assert_int_equal(round_trip_run(&trip, &err), 0);
	assert_string_equal(write_spec.stream, "there");
	assert_int_equal(fake.created, 0);
	assert_true(fake.watching);
	assert_false(fake.taking); /* other messages are in there */
	fake.queue = true;
	assert_int_equal(round_trip_run(&trip, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.message, "there is a queue"));
}

static void test_failures(void **state)
{
	(void)state;
	fake.connect_fails = MQ_UNREACHABLE;
	ends_with(MQ_UNREACHABLE, "nobody is there");
	fake.connect_fails = MQ_DENIED;
	ends_with(MQ_DENIED, "nobody is there");
	fake.connect_fails = 0;
	fake.delivery_fails = MQ_PARTIAL;
	ends_with(MQ_PARTIAL, "refused");
	fake.delivery_fails = 0;
	answered = false;
	fake.unanswered = true;
	ends_with(MQ_UNREACHABLE, "was not confirmed within 20 ms");
	fake.unanswered = false;
	answered = false;
	assert_int_equal(fake.removed, 2);
}

static void test_confirmed_but_not_back(void **state)
{
	(void)state;
	fake.swallow = true;
	ends_with(MQ_PARTIAL, "was confirmed but did not come back");
}

static void test_something_else_came_back(void **state)
{
	(void)state;
	fake.change = true;
	ends_with(MQ_PARTIAL, "another message came back");
}

static void test_not_allowed_to_create(void **state)
{
	struct round_trip trip = {.target = &target, .env = &env};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	fake.create_fails = MQ_DENIED;
	assert_int_equal(round_trip_run(&trip, &err), -1);
	assert_int_equal(err.code, MQ_DENIED);
	assert_non_null(strstr(err.hint, "--in-stream"));
	assert_int_equal(fake.removed, 0);
}

static void test_made_without_an_answer(void **state)
{
	(void)state;
	fake.create_fails = MQ_UNREACHABLE;
	ends_with(MQ_UNREACHABLE, "not made");
	assert_int_equal(fake.removed, 1); /* it might have been made all the same */
}

static void test_a_signal_leaves_nothing(void **state)
{
	(void)state;
	fake.unanswered = fake.raise_at_poll = true;
	ends_with(MQ_CANCELLED, "interrupted while waiting for the confirmation");
	assert_int_equal(fake.removed, 1);
}

static void test_a_broken_connection_leaves_nothing(void **state)
{
	(void)state;
	fake.delivery_fails = MQ_UNREACHABLE;
	fake.remove_fails_once = MQ_UNREACHABLE;
	ends_with(MQ_UNREACHABLE, "refused");
	assert_int_equal(fake.removed, 2);
	assert_int_equal(fake.opened, 2);
}

static void test_exchanges_are_no_place_for_it(void **state)
{
	(void)state;
	fake.by_settings = true;
	ends_with(MQ_USAGE, "ping needs a stream");
	assert_int_equal(fake.created, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_there_and_back),
	    TEST(test_names_differ),
	    TEST(test_queues_are_taken_from),
	    TEST(test_the_named_stream),
	    TEST(test_failures),
	    TEST(test_confirmed_but_not_back),
	    TEST(test_something_else_came_back),
	    TEST(test_not_allowed_to_create),
	    TEST(test_made_without_an_answer),
	    TEST(test_a_signal_leaves_nothing),
	    TEST(test_a_broken_connection_leaves_nothing),
	    TEST(test_exchanges_are_no_place_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
