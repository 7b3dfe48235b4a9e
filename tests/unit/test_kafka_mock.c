/*
 * The Kafka backend against librdkafka's mock cluster, in this process: round trips, injected
 * errors, backpressure, settling and resuming, ends by position.
 */
#include "mqtk/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MQ_WITH_kafka

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* The protocol's numbers of requests. */
#define PRODUCE 0
#define JOIN_GROUP 11

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;

/* How often it was said that a group gives nothing. */
static int waits_said;

static void hear(void *ctx, enum mq_level level, const char *text)
{
	(void)ctx, (void)level;
	waits_said += strstr(text, "given out no partitions") != NULL;
}

static const struct mq_env env = {.timeout_ms = 10000, .level = MQ_LEVEL_NOTE, .log = hear};

/* --- help ------------------------------------------------------------------------------------ */

static int start_mock(void **state)
{
	char text[200];

	(void)state;
	mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
	mock = mock_client ? rd_kafka_mock_cluster_new(mock_client, 3) : NULL;
	return mock ? 0 : -1;
}

static int stop_mock(void **state)
{
	(void)state;
	rd_kafka_mock_cluster_destroy(mock);
	rd_kafka_destroy(mock_client);
	return 0;
}

static struct mq_conn *connect_mock(void)
{
	char url[400];
	struct mq_settings settings;
	struct mq_target target;
	struct mq_conn *conn;
	struct mq_err err = MQ_ERR_INIT;

	/* Members that go away in a test must not hold up the next for long. */
	mq_settings_init(&settings);
	mq_settings_add(&settings, "session.timeout.ms", "6000", "test", NULL);
	snprintf(url, sizeof url, "kafka://%s/", rd_kafka_mock_cluster_bootstraps(mock));
	assert_int_equal(mq_target_resolve(url, NULL, &settings, &target, &err), 0);
	assert_int_equal(mq_open(&target, &env, &conn, &err), 0);
	mq_target_release(&target);
	mq_settings_release(&settings);
	return conn;
}

static void make_topic(const char *name, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(mock, name, partitions, 3), 0);
}

struct tally {
	int64_t confirmed, failed, maybe;
	enum mq_code code;
	bool whole; /* the failed message came back as it was */
};

static void on_delivery(void *ctx, const struct mq_delivery *d)
{
	struct tally *tally = ctx;

	if (!d->err) {
		tally->confirmed++;
		return;
	}
	tally->failed++;
	tally->maybe += d->maybe_stored;
	tally->code = d->err->code;
	tally->whole = d->message && mq_bytes_equal(d->message->key, mq_bytes_str("the key")) &&
	               d->message->n_headers == 2 && !d->message->headers[1].value.data &&
	               d->message->ts_ms == 1700000000000 && d->tag == d->message->tag;
}

static struct mq_writer *open_writer(struct mq_conn *conn, const char *topic, struct tally *tally)
{
	struct mq_write_spec spec = {.stream = topic, .delivered = on_delivery, .ctx = tally};
	struct mq_writer *writer = NULL;
	struct mq_err err = MQ_ERR_INIT;

	*tally = (struct tally){0};
	if (mq_writer_open(conn, &spec, &writer, &err) < 0)
		fail_msg("%s", err.message);
	return writer;
}

/* Writes n messages with their number as payload, waiting when the writer is full. */
static void write_numbers(struct mq_writer *writer, int from, int n, size_t size)
{
	char *payload = calloc(1, size + 16);
	struct mq_err err = MQ_ERR_INIT;

	assert_non_null(payload);
	for (int i = from; i < from + n;) {
		struct mq_message m = MQ_MESSAGE_INIT;
		snprintf(payload, size + 16, "%d", i);
		m.payload = mq_bytes_of(payload, size);
		m.tag = (uint64_t)i;
		int64_t took = mq_write(writer, &m, 1, &err);
		if (took < 0)
			fail_msg("%s", err.message);
		i += (int)took;
		if (took == 0)
			assert_true(mq_writer_poll(writer, 1000, &err) >= 0);
	}
	free(payload);
}

static struct mq_reader *open_reader(struct mq_conn *conn, const char *topic, const char *group,
                                     struct mq_pos from, struct mq_pos to)
{
	struct mq_read_spec spec = {.streams = &topic,
	                            .n_streams = 1,
	                            .from = from,
	                            .to = to,
	                            .group = group,
	                            .need = MQ_NEED_HEADERS | MQ_NEED_TIME,
	                            .limit = -1};
	struct mq_reader *reader = NULL;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_reader_open(conn, &spec, &reader, &err) < 0)
		fail_msg("%s", err.message);
	return reader;
}

/* Reads until the end at open, at most `most`; settles and commits when asked. Returns how many;
 * *sum is the sum of their numbers. */
static int read_numbers(struct mq_reader *reader, int most, bool settle, int64_t *sum)
{
	int n = 0;
	bool done = false;
	struct mq_err err = MQ_ERR_INIT;
	int64_t end = mq_now_monotonic_ms() + 20000;

	*sum = 0;
	while (!done && n < most) {
		struct mq_batch batch;
		assert_true(mq_now_monotonic_ms() < end);
		if (mq_fetch(reader, (size_t)(most - n), 500, &batch, &err) < 0)
			fail_msg("%s", err.message);
		for (size_t i = 0; i < batch.n; i++)
			*sum += strtol(batch.messages[i].payload.data, NULL, 10);
		if (settle)
			assert_int_equal(mq_settle(reader, batch.messages, batch.n, &err), 0);
		n += (int)batch.n;
		done = batch.caught_up || batch.ended;
		mq_release(reader, &batch);
	}
	if (settle && mq_commit(reader, true, &err) < 0)
		fail_msg("%s", err.message);
	return n;
}

static const struct mq_pos unset = {.kind = MQ_POS_UNSET};

/* --- tests ----------------------------------------------------------------------------------- */

static void round_trip(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_header headers[] = {{mq_bytes_str("a"), mq_bytes_str("1")},
	                              {mq_bytes_str("null"), MQ_ABSENT},
	                              {mq_bytes_str("empty"), mq_bytes_of("", 0)},
	                              {mq_bytes_str("a"), mq_bytes_of("\0\xff", 2)}};
	struct mq_message m[3] = {MQ_MESSAGE_INIT, MQ_MESSAGE_INIT, MQ_MESSAGE_INIT};

	(void)state;
	make_topic("round", 1);
	struct mq_writer *writer = open_writer(conn, "round", &tally);
	m[0].key = mq_bytes_of("k\0y", 3);
	m[0].payload = mq_bytes_of("v", 1);
	m[0].headers = headers;
	m[0].n_headers = 4;
	m[0].ts_ms = 1700000000123;
	m[1].key = mq_bytes_of("", 0);
	m[2].payload = mq_bytes_of("", 0);
	assert_int_equal(mq_write(writer, m, 3, &err), 3);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(tally.confirmed, 3);
	mq_writer_close(writer);

	struct mq_reader *reader = open_reader(conn, "round", NULL, unset, unset);
	assert_int_equal(reader->expected, 3);
	struct mq_message got[3];
	size_t n = 0;
	struct mq_batch batch = {0};
	while (n < 3) {
		assert_int_equal(mq_fetch(reader, 3, 5000, &batch, &err), 0);
		assert_true(batch.n > 0);
		for (size_t i = 0; i < batch.n; i++, n++) {
			got[n] = batch.messages[i];
			assert_int_equal(got[n].offset, n);
			assert_true(mq_bytes_equal(got[n].key, m[n].key));
			assert_true(mq_bytes_equal(got[n].payload, m[n].payload));
			if (n > 0)
				continue;
			assert_int_equal(got[0].ts_ms, 1700000000123);
			assert_int_equal(got[0].n_headers, 4);
			for (size_t h = 0; h < 4; h++) {
				assert_true(
				    mq_bytes_equal(got[0].headers[h].name, headers[h].name));
				assert_true(
				    mq_bytes_equal(got[0].headers[h].value, headers[h].value));
			}
		}
		bool caught_up = batch.caught_up;
		mq_release(reader, &batch);
		assert_true(caught_up == (n == 3));
	}
	mq_reader_close(reader);
	mq_close(conn);
}

static void retriable_errors_make_no_duplicates(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	int64_t sum;

	(void)state;
	make_topic("retry", 1);
	struct mq_writer *writer = open_writer(conn, "retry", &tally);
	rd_kafka_mock_push_request_errors(
	    mock, PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	write_numbers(writer, 0, 1000, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(tally.confirmed, 1000);
	mq_writer_close(writer);
	struct mq_reader *reader = open_reader(conn, "retry", NULL, unset, unset);
	assert_int_equal(read_numbers(reader, 5000, false, &sum), 1000);
	assert_int_equal(sum, 499500);
	mq_reader_close(reader);
	mq_close(conn);
}

static void denied_is_reported_whole(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_header headers[] = {{mq_bytes_str("h"), mq_bytes_str("1")},
	                              {mq_bytes_str("n"), MQ_ABSENT}};
	struct mq_message m = MQ_MESSAGE_INIT;

	(void)state;
	make_topic("denied", 1);
	struct mq_writer *writer = open_writer(conn, "denied", &tally);
	rd_kafka_mock_push_request_errors(mock, PRODUCE, 1,
	                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	m.key = mq_bytes_str("the key");
	m.payload = mq_bytes_str("x");
	m.headers = headers;
	m.n_headers = 2;
	m.ts_ms = 1700000000000;
	m.tag = 77;
	assert_int_equal(mq_write(writer, &m, 1, &err), 1);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(tally.failed, 1);
	assert_int_equal(tally.maybe, 0);
	assert_int_equal(tally.code, MQ_DENIED);
	assert_true(tally.whole);
	mq_writer_close(writer);
	mq_close(conn);
}

/* The first batch is refused as a whole; its records are sent again alone, and arrive once. */
static void refused_batch_is_sent_one_by_one(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	int64_t sum;

	(void)state;
	make_topic("oversize", 1);
	struct mq_writer *writer = open_writer(conn, "oversize", &tally);
	rd_kafka_mock_push_request_errors(mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	struct mq_message m = MQ_MESSAGE_INIT;
	m.payload = mq_bytes_str("0");
	m.ts_ms = 1700000000000;
	assert_int_equal(mq_write(writer, &m, 1, &err), 1);
	write_numbers(writer, 1, 299, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(tally.failed, 0);
	assert_int_equal(tally.confirmed, 300);
	mq_writer_close(writer);
	struct mq_reader *reader = open_reader(conn, "oversize", NULL, unset, unset);
	struct mq_batch batch;
	assert_int_equal(mq_fetch(reader, 1, 5000, &batch, &err), 0);
	assert_int_equal(batch.n, 1);
	assert_int_equal(batch.messages[0].ts_ms, 1700000000000);
	mq_release(reader, &batch);
	mq_reader_close(reader);
	reader = open_reader(conn, "oversize", NULL, unset, unset);
	assert_int_equal(read_numbers(reader, 5000, false, &sum), 300);
	assert_int_equal(sum, 44850);
	mq_reader_close(reader);
	mq_close(conn);
}

/* Far more than the writer holds at once, to a slow broker. */
static void full_writer_takes_fewer(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	enum { SIZE = 1 << 20, N = 60 };
	static char payload[SIZE];
	struct mq_message m[N];

	(void)state;
	make_topic("full", 1);
	struct mq_writer *writer = open_writer(conn, "full", &tally);
	rd_kafka_mock_broker_set_rtt(mock, -1, 200);
	for (size_t i = 0; i < N; i++) {
		m[i] = (struct mq_message)MQ_MESSAGE_INIT;
		m[i].payload = mq_bytes_of(payload, SIZE);
	}
	int64_t took = mq_write(writer, m, N, &err);
	assert_in_range(took, 1, N - 1);
	for (int64_t more; took < N; took += more) {
		assert_true(mq_writer_poll(writer, 5000, &err) >= 0);
		more = mq_write(writer, m + took, (size_t)(N - took), &err);
		assert_true(more >= 0);
	}
	assert_int_equal(mq_writer_flush(writer, 20000, &err), 0);
	rd_kafka_mock_broker_set_rtt(mock, -1, 0);
	assert_int_equal(tally.confirmed, N);
	mq_writer_close(writer);
	mq_close(conn);
}

static void group_resumes_behind_what_was_settled(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	int64_t sum, rest;

	(void)state;
	make_topic("group", 2);
	struct mq_writer *writer = open_writer(conn, "group", &tally);
	write_numbers(writer, 1, 100, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	mq_writer_close(writer);

	/* Not settled: comes again. */
	struct mq_reader *reader = open_reader(conn, "group", "g", unset, unset);
	assert_true(read_numbers(reader, 30, false, &sum) == 30);
	mq_reader_close(reader);
	reader = open_reader(conn, "group", "g", unset, unset);
	assert_int_equal(read_numbers(reader, 40, true, &sum), 40);
	mq_reader_close(reader);
	reader = open_reader(conn, "group", "g", unset, unset);
	assert_int_equal(read_numbers(reader, 1000, true, &rest), 60);
	mq_reader_close(reader);
	assert_int_equal(sum + rest, 5050);
	/* Nothing is left, and that is an end. */
	reader = open_reader(conn, "group", "g", unset, unset);
	assert_int_equal(read_numbers(reader, 1000, true, &rest), 0);
	mq_reader_close(reader);
	mq_close(conn);
}

/* A broker that does not know who the members are is asked nonetheless; the group is waited for. */
static void group_that_gives_nothing_is_said(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_batch batch;
	int64_t sum;

	(void)state;
	make_topic("late", 1);
	struct mq_writer *writer = open_writer(conn, "late", &tally);
	write_numbers(writer, 1, 10, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	mq_writer_close(writer);
	for (int i = 0; i < 1000; i++)
		rd_kafka_mock_push_request_errors(mock, JOIN_GROUP, 1,
		                                  RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	struct mq_reader *reader = open_reader(conn, "late", "l", unset, unset);
	int64_t limit = mq_now_monotonic_ms() + 30000;
	waits_said = 0;
	while (waits_said == 0 && mq_now_monotonic_ms() < limit) {
		assert_int_equal(mq_fetch(reader, 10, 100, &batch, &err), 0);
		mq_release(reader, &batch);
	}
	assert_int_equal(waits_said, 1);
	rd_kafka_mock_clear_request_errors(mock, JOIN_GROUP);
	assert_int_equal(read_numbers(reader, 10, true, &sum), 10);
	assert_int_equal(waits_said, 1);
	mq_reader_close(reader);
	mq_close(conn);
}

static void positions(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;
	int64_t sum;

	(void)state;
	make_topic("places", 1);
	struct mq_writer *writer = open_writer(conn, "places", &tally);
	write_numbers(writer, 0, 10, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);

	struct mq_pos three = {.kind = MQ_POS_OFFSET, .number = 3};
	struct mq_pos six = {.kind = MQ_POS_OFFSET, .number = 6};
	struct mq_pos last2 = {.kind = MQ_POS_LAST, .number = 2};
	struct mq_pos last99 = {.kind = MQ_POS_LAST, .number = 99};
	struct mq_pos at_end = {.kind = MQ_POS_END};
	const struct {
		struct mq_pos from, to;
		int n, sum;
	} cases[] = {{unset, unset, 10, 45}, {three, unset, 7, 42}, {three, six, 3, 12},
	             {last2, unset, 2, 17},  {last99, six, 6, 15},  {at_end, unset, 0, 0},
	             {six, three, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_reader *reader =
		    open_reader(conn, "places", NULL, cases[i].from, cases[i].to);
		assert_int_equal(read_numbers(reader, 100, false, &sum), cases[i].n);
		assert_int_equal(sum, cases[i].sum);
		mq_reader_close(reader);
	}
	/* The end is that of the opening: what comes later is not counted to it, and is read. */
	struct mq_reader *reader = open_reader(conn, "places", NULL, last2, unset);
	write_numbers(writer, 10, 5, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	struct mq_batch batch;
	int n = 0;
	while (n < 7) {
		assert_int_equal(mq_fetch(reader, 1, 5000, &batch, &err), 0);
		assert_int_equal(batch.n, 1);
		n++;
		assert_true(batch.caught_up == (n >= 2));
		assert_false(batch.ended);
		mq_release(reader, &batch);
	}
	mq_reader_close(reader);
	mq_writer_close(writer);
	mq_close(conn);
}

static void what_is_missing_is_named(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct mq_err err = MQ_ERR_INIT;
	struct tally tally;
	const char *streams[] = {"nowhere"};
	const int32_t partitions[] = {0, 7};
	struct mq_write_spec write = {.stream = "nowhere", .delivered = on_delivery, .ctx = &tally};
	struct mq_read_spec read = {.streams = streams, .n_streams = 1, .limit = -1};
	struct mq_writer *writer;
	struct mq_reader *reader;

	(void)state;
	/* The mock makes every topic that is asked for. */
	make_topic("nowhere", 1);
	rd_kafka_mock_topic_set_error(mock, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	assert_int_equal(mq_writer_open(conn, &write, &writer, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	assert_non_null(strstr(err.message, "nowhere"));
	mq_err_clear(&err);
	assert_int_equal(mq_reader_open(conn, &read, &reader, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	mq_err_clear(&err);
	make_topic("somewhere", 2);
	streams[0] = "somewhere";
	read.partitions = partitions;
	read.n_partitions = 2;
	assert_int_equal(mq_reader_open(conn, &read, &reader, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	assert_non_null(strstr(err.message, "7"));
	mq_close(conn);
}

static void broker_away_for_a_while(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	make_topic("away", 1);
	struct mq_writer *writer = open_writer(conn, "away", &tally);
	write_numbers(writer, 0, 10, 8);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	rd_kafka_mock_broker_set_down(mock, -1);
	write_numbers(writer, 10, 10, 8);
	assert_int_equal(mq_writer_flush(writer, 500, &err), 10);
	rd_kafka_mock_broker_set_up(mock, -1);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(tally.confirmed, 20);
	mq_writer_close(writer);
	mq_close(conn);
}

static void closing_reports_what_is_open(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct tally tally;

	(void)state;
	make_topic("closing", 1);
	struct mq_writer *writer = open_writer(conn, "closing", &tally);
	rd_kafka_mock_broker_set_down(mock, -1);
	write_numbers(writer, 0, 10, 8);
	mq_writer_close(writer);
	rd_kafka_mock_broker_set_up(mock, -1);
	assert_int_equal(tally.confirmed, 0);
	assert_int_equal(tally.failed, 10);
	mq_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(retriable_errors_make_no_duplicates),
	    cmocka_unit_test(denied_is_reported_whole),
	    cmocka_unit_test(refused_batch_is_sent_one_by_one),
	    cmocka_unit_test(full_writer_takes_fewer),
	    cmocka_unit_test(group_resumes_behind_what_was_settled),
	    cmocka_unit_test(group_that_gives_nothing_is_said),
	    cmocka_unit_test(positions),
	    cmocka_unit_test(what_is_missing_is_named),
	    cmocka_unit_test(broker_away_for_a_while),
	    cmocka_unit_test(closing_reports_what_is_open),
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}

#else

/* Built without Kafka: there is nothing to test. */
int main(void)
{
	return 0;
}

#endif
