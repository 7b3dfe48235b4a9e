/* What is refused before a backend is asked, with a backend that only counts its calls. */
#include "mqtk/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int calls;
static struct mq_conn the_conn;
static struct mq_writer the_writer;
static struct mq_reader the_reader;

static int fake_open(const struct mq_target *target, const struct mq_env *env,
                     struct mq_conn **ret_conn, struct mq_err *err)
{
	(void)target;
	(void)env;
	(void)err;
	the_conn = (struct mq_conn){0};
	*ret_conn = &the_conn;
	return 0;
}

static void fake_close(struct mq_conn *conn)
{
	(void)conn;
	calls++;
}

static int fake_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                            struct mq_writer **ret_writer, struct mq_err *err)
{
	(void)conn;
	(void)spec;
	(void)err;
	calls++;
	*ret_writer = &the_writer;
	return 0;
}

static int fake_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                            struct mq_reader **ret_reader, struct mq_err *err)
{
	(void)conn;
	(void)spec;
	(void)err;
	calls++;
	*ret_reader = &the_reader;
	return 0;
}

static int fake_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	(void)reader;
	(void)wait;
	(void)err;
	calls++;
	return 0;
}

static int fake_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	(void)conn;
	(void)spec;
	(void)err;
	calls++;
	return 0;
}

static int fake_remove(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	(void)conn;
	(void)stream;
	(void)err;
	calls++;
	return 0;
}

#define ALL_CAPS 0xffffffu

static const struct mq_instead instead[] = {
    {MQ_IN_CREATE, MQ_FIELD_MAX_LENGTH, "count them yourself"},
    {0},
};

static struct mq_backend fake = {
    .name = "fake",
    .title = "the fake store, by nobody",
    .open = fake_open,
    .close = fake_close,
    .writer_open = fake_writer_open,
    .reader_open = fake_reader_open,
    .commit = fake_commit,
    .create = fake_create,
    .remove = fake_remove,
    .instead = instead,
};

static struct mq_conn *open_with(unsigned caps, bool readonly)
{
	static struct mq_target target;
	static const struct mq_env env = {.timeout_ms = 1};
	struct mq_conn *conn;
	struct mq_err err = MQ_ERR_INIT;

	fake.caps = caps;
	target = (struct mq_target){.backend = &fake, .readonly = readonly};
	assert_int_equal(mq_open(&target, &env, &conn, &err), 0);
	assert_ptr_equal(conn->backend, &fake);
	assert_ptr_equal(conn->env, &env);
	assert_int_equal(conn->caps, caps);
	assert_true(conn->readonly == readonly);
	calls = 0;
	return conn;
}

/* The call failed with that code and these words, and the backend was not asked. */
static void refused(int result, struct mq_err *err, enum mq_code code, const char *words)
{
	assert_int_equal(result, -1);
	assert_int_equal(err->code, code);
	if (!strstr(err->message, words))
		fail_msg("expected '%s' in: %s", words, err->message);
	assert_int_equal(calls, 0);
	mq_err_clear(err);
}

static void test_missing_backend(void **state)
{
	(void)state;
	static const struct mq_backend missing = {
	    .name = "gone", .title = "gone", .missing = "built without libgone"};
	struct mq_target target = {.backend = &missing, .shown = (char[]){"gone://h/"}};
	struct mq_conn *conn = &the_conn;
	struct mq_err err = MQ_ERR_INIT;

	calls = 0;
	refused(mq_open(&target, NULL, &conn, &err), &err, MQ_USAGE,
	        "gone://h/: mqtk was built without libgone");
	assert_null(conn);
	mq_close(NULL);
	mq_writer_close(NULL);
	mq_reader_close(NULL);
}

static void test_capabilities_of_writing(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_writer *writer;
	struct mq_conn *conn = open_with(MQ_CAP_REGEX, false);

	refused(mq_writer_open(conn, &(struct mq_write_spec){.transactional = true}, &writer, &err),
	        &err, MQ_USAGE, "the fake store cannot do --transactional; without it");
	refused(mq_writer_open(conn, &(struct mq_write_spec){.compression = "gzip"}, &writer, &err),
	        &err, MQ_USAGE, "the fake store cannot do -z; ");
	refused(mq_writer_open(conn, &(struct mq_write_spec){.stream = "^a"}, &writer, &err), &err,
	        MQ_USAGE, "'^a' is a regular expression");
	const struct mq_write_spec fine = {.stream = "a", .compression = "none"};
	assert_int_equal(mq_writer_open(conn, &fine, &writer, &err), 0);
	assert_int_equal(calls, 1);
	assert_ptr_equal(writer->conn, conn);
	assert_int_equal(mq_writer_fd(writer), -1);
	assert_int_equal(mq_writer_commit(writer, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
}

static void test_capabilities_of_reading(void **state)
{
	(void)state;
	static const char *const plain[] = {"a"};
	static const char *const regex[] = {"a", "^b"};
	static const int32_t partitions[] = {0};
	const struct mq_read_spec base = {.streams = plain, .n_streams = 1, .limit = -1};
	struct mq_read_spec spec;
	struct mq_reader *reader;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_conn *conn = open_with(MQ_CAP_AUTO_CREATE, false);

#define REFUSED(words) refused(mq_reader_open(conn, &spec, &reader, &err), &err, MQ_USAGE, words)
	spec = base;
	spec.group = "g";
	REFUSED("cannot do --group; read without it");
	spec = base;
	spec.ack = true;
	REFUSED("cannot do --ack; --group");
	spec = base;
	spec.partitions = partitions;
	spec.n_partitions = 1;
	REFUSED("cannot do -p; ");
	spec = base;
	spec.streams = regex;
	spec.n_streams = 2;
	REFUSED("cannot do regular expressions as streams; name the streams");
	spec = base;
	spec.from.kind = MQ_POS_TIME;
	REFUSED("cannot do a moment");
	spec = base;
	spec.to.kind = MQ_POS_TIME;
	REFUSED("cannot do a moment");
	spec = base;
	spec.from.kind = MQ_POS_OFFSET;
	REFUSED("cannot do offsets");
	spec = base;
	spec.claim_ms = 1;
	REFUSED("cannot do --claim");
	spec = base;
	spec.prefetch = 1;
	REFUSED("cannot do --prefetch");
	spec = base;
	spec.from.kind = MQ_POS_ID;
	REFUSED("cannot do ids");
	spec = base;
	spec.from.kind = MQ_POS_STORED;
	REFUSED("--from stored: the stored position is a group's");
	spec = base;
	assert_int_equal(mq_reader_open(conn, &spec, &reader, &err), 0);
	assert_int_equal(calls, 1);
	assert_ptr_equal(reader->conn, conn);
	assert_int_equal(mq_reader_fd(reader), -1);

	conn = open_with(ALL_CAPS, false);
	spec = (struct mq_read_spec){.streams = regex,
	                             .n_streams = 2,
	                             .partitions = partitions,
	                             .n_partitions = 1,
	                             .group = "g",
	                             .ack = true,
	                             .from = {.kind = MQ_POS_STORED},
	                             .to = {.kind = MQ_POS_TIME}};
	assert_int_equal(mq_reader_open(conn, &spec, &reader, &err), 0);
	assert_int_equal(calls, 1);
}

static void test_readonly(void **state)
{
	(void)state;
	static const char *const streams[] = {"a"};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_writer *writer;
	struct mq_reader *reader;
	struct mq_conn *conn = open_with(ALL_CAPS, true);
	struct mq_read_spec spec = {.streams = streams, .n_streams = 1, .group = "g"};

	refused(mq_writer_open(conn, &(struct mq_write_spec){.stream = "a"}, &writer, &err), &err,
	        MQ_DENIED, "the profile is read-only: writing");
	refused(mq_reader_open(conn, &spec, &reader, &err), &err, MQ_DENIED, "without --group");
	spec.group = NULL;
	spec.ack = true;
	refused(mq_reader_open(conn, &spec, &reader, &err), &err, MQ_DENIED, "without --ack");
	refused(mq_create(conn, &(struct mq_stream_spec){.stream = "a"}, &err), &err, MQ_DENIED,
	        "creating a stream");
	refused(mq_remove(conn, "a", &err), &err, MQ_DENIED, "deleting a stream");
	spec.ack = false;
	assert_int_equal(mq_reader_open(conn, &spec, &reader, &err), 0);
	calls = 0;
	refused(mq_commit(reader, true, &err), &err, MQ_DENIED, "committing");
	refused(mq_settle(reader, NULL, 0, &err), &err, MQ_DENIED, "settling");
}

static void test_changing(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_list list;
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	int64_t removed;
	struct mq_conn *conn = open_with(MQ_CAP_AUTO_CREATE, false);

	refused(mq_create(conn, &(struct mq_stream_spec){.stream = "^a"}, &err), &err, MQ_USAGE,
	        "regular expression");
	spec.stream = "a";
	spec.partitions = 2;
	refused(mq_create(conn, &spec, &err), &err, MQ_USAGE,
	        "cannot create a stream with --partitions");
	spec.partitions = 1;
	spec.replicas = 3;
	refused(mq_create(conn, &spec, &err), &err, MQ_USAGE,
	        "cannot create a stream with --replicas");
	spec.replicas = -1;
	spec.max_length = 5;
	spec.partitions = -1;
	refused(mq_create(conn, &spec, &err), &err, MQ_USAGE, "; count them yourself");
	refused(mq_alter(conn, &spec, &err), &err, MQ_USAGE,
	        "cannot alter a stream with --max-length");
	spec.max_length = -1;
	refused(mq_alter(conn, &spec, &err), &err, MQ_USAGE, "nothing is to be changed");
	refused(mq_trim(conn, &(struct mq_trim_spec){.stream = "a", .kind = MQ_TRIM_EXPIRED},
	                &removed, &err),
	        &err, MQ_USAGE, "cannot trim a stream with --expired; --max-age");
	refused(mq_create_exchange(conn, &(struct mq_exchange_spec){.exchange = "e"}, &err), &err,
	        MQ_USAGE, "cannot do exchanges");
	refused(mq_remove_exchange(conn, "e", &err), &err, MQ_USAGE, "cannot do exchanges");
	refused(mq_remove(conn, "^a", &err), &err, MQ_USAGE, "deleted by name");
	refused(mq_list(conn, true, &list, &err), &err, MQ_USAGE, "cannot list its streams");
	assert_int_equal(list.n, 0);
	assert_int_equal(mq_create(conn, &spec, &err), 0);
	assert_int_equal(mq_remove(conn, "a", &err), 0);
	mq_close(conn);
	assert_int_equal(calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_missing_backend),
	    cmocka_unit_test(test_capabilities_of_writing),
	    cmocka_unit_test(test_capabilities_of_reading),
	    cmocka_unit_test(test_readonly),
	    cmocka_unit_test(test_changing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
