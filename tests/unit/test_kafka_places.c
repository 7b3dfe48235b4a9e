/*
 * Where readers stand on Kafka: ranges, lost messages, groups and their lag, transactions that
 * carry positions. Against librdkafka's mock cluster, in this process; and, where MQTK_TEST_KAFKA
 * names one (tests/faults/positions_kafka.bats), against a real broker what the mock cannot.
 */
#include "mqtk/broker.h"
#include "mqtk/cancel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef MQ_WITH_kafka

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;
static char warnings[4000];

static void on_log(void *ctx, enum mq_level level, const char *text)
{
	(void)ctx;
	if (level == MQ_LEVEL_WARN && strlen(warnings) + strlen(text) + 2 < sizeof warnings) {
		memcpy(warnings + strlen(warnings), text, strlen(text) + 1);
		memcpy(warnings + strlen(warnings), "\n", 2);
	}
}

static struct mq_env env = {.timeout_ms = 10000, .log = on_log};

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

static struct mq_conn *connect_to(const char *hosts)
{
	char url[400];
	struct mq_settings settings;
	struct mq_target target;
	struct mq_conn *conn;
	struct mq_err err = MQ_ERR_INIT;

	warnings[0] = '\0';
	mq_settings_init(&settings);
	mq_settings_add(&settings, "session.timeout.ms", "6000", "test", NULL);
	/* Little is fetched ahead, so that a reader notices what happens meanwhile. */
	mq_settings_add(&settings, "queued.min.messages", "1", "test", NULL);
	mq_settings_add(&settings, "fetch.message.max.bytes", "2000", "test", NULL);
	snprintf(url, sizeof url, "kafka://%s/", hosts);
	assert_int_equal(mq_target_resolve(url, NULL, &settings, &target, &err), 0);
	assert_int_equal(mq_open(&target, &env, &conn, &err), 0);
	mq_target_release(&target);
	mq_settings_release(&settings);
	return conn;
}

static struct mq_conn *connect_mock(void)
{
	return connect_to(rd_kafka_mock_cluster_bootstraps(mock));
}

/* The real one, or the test is skipped. */
static struct mq_conn *connect_real(void)
{
	const char *hosts = getenv("MQTK_TEST_KAFKA");

	if (!hosts)
		skip();
	return connect_to(hosts);
}

static void make_topic(struct mq_conn *conn, const char *name, int partitions)
{
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	struct mq_err err = MQ_ERR_INIT;

	if (!getenv("MQTK_TEST_KAFKA") || !conn) {
		assert_int_equal(rd_kafka_mock_topic_create(mock, name, partitions, 3), 0);
		return;
	}
	spec.stream = name;
	spec.partitions = partitions;
	if (mq_create(conn, &spec, &err) < 0)
		fail_msg("%s", err.message);
}

/* A name that no other run of this test uses. */
static const char *unique(const char *name)
{
	static char text[8][80];
	static int next;
	char *ret = text[next++ % 8];

	snprintf(ret, sizeof text[0], "%s-%ld-%d", name, (long)getpid(), next);
	return ret;
}

/* Writes n numbers from `from` on to a partition. */
static void write_to(struct mq_writer *writer, int32_t partition, int from, int n)
{
	struct mq_err err = MQ_ERR_INIT;

	for (int i = from; i < from + n; i++) {
		char payload[16];
		struct mq_message m = MQ_MESSAGE_INIT;
		snprintf(payload, sizeof payload, "%d", i);
		m.payload = mq_bytes_str(payload);
		m.partition = partition;
		if (mq_write(writer, &m, 1, &err) != 1)
			fail_msg("%s", err.message);
	}
}

static void fill_topic(struct mq_conn *conn, const char *topic, int32_t partition, int n)
{
	struct mq_write_spec spec = {.stream = topic};
	struct mq_writer *writer = NULL;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_writer_open(conn, &spec, &writer, &err) < 0)
		fail_msg("%s", err.message);
	write_to(writer, partition, 0, n);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	mq_writer_close(writer);
}

static struct mq_pos at(int64_t offset)
{
	return (struct mq_pos){.kind = MQ_POS_OFFSET, .number = offset};
}

static const struct mq_pos unset = {.kind = MQ_POS_UNSET};

static int open_ranges(struct mq_conn *conn, const char *topic, const struct mq_range *ranges,
                       size_t n, struct mq_reader **ret_reader, struct mq_err *err)
{
	struct mq_read_spec spec = {
	    .streams = &topic, .n_streams = 1, .ranges = ranges, .n_ranges = n, .limit = -1};

	return mq_reader_open(conn, &spec, ret_reader, err);
}

/* Reads until it has ended, or most messages came; counts them by partition, and their sum. */
static int read_counts(struct mq_reader *reader, int most, int counts[4], int64_t *ret_sum)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t limit = mq_now_monotonic_ms() + 20000;
	int n = 0;
	bool ended = false;

	*ret_sum = 0;
	memset(counts, 0, 4 * sizeof *counts);
	while (!ended && n < most) {
		struct mq_batch batch;
		assert_true(mq_now_monotonic_ms() < limit);
		if (mq_fetch(reader, (size_t)(most - n), 500, &batch, &err) < 0)
			fail_msg("%s", err.message);
		for (size_t i = 0; i < batch.n; i++) {
			counts[batch.messages[i].partition]++;
			*ret_sum += strtol(batch.messages[i].payload.data, NULL, 10);
		}
		n += (int)batch.n;
		ended = batch.ended;
		mq_release(reader, &batch);
	}
	return n;
}

/* --- ranges ---------------------------------------------------------------------------------- */

static void only_the_ranges_are_read(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	int counts[4];
	int64_t sum;

	(void)state;
	make_topic(NULL, "ranges", 4);
	for (int32_t p = 0; p < 4; p++)
		fill_topic(conn, "ranges", p, 20);
	struct mq_range ranges[] = {
	    {"ranges", 2, at(5), at(8)},
	    {"ranges", 0, {.kind = MQ_POS_BEGINNING}, at(3)},
	    {"ranges", 3, at(7), at(7)}, /* empty */
	};
	assert_int_equal(open_ranges(conn, "ranges", ranges, 3, &reader, &err), 0);
	assert_int_equal(reader->expected, 6);
	assert_int_equal(read_counts(reader, 1000, counts, &sum), 6);
	assert_int_equal(counts[0], 3);
	assert_int_equal(counts[1], 0);
	assert_int_equal(counts[2], 3);
	assert_int_equal(counts[3], 0);
	assert_int_equal(sum, 0 + 1 + 2 + 5 + 6 + 7);
	assert_int_equal(reader->missed, 0);
	mq_reader_close(reader);

	/* Without an end it goes on. */
	ranges[0] = (struct mq_range){"ranges", 1, at(18), unset};
	assert_int_equal(open_ranges(conn, "ranges", ranges, 1, &reader, &err), 0);
	assert_int_equal(read_counts(reader, 2, counts, &sum), 2);
	fill_topic(conn, "ranges", 1, 1);
	assert_int_equal(read_counts(reader, 1, counts, &sum), 1);
	assert_int_equal(counts[1], 1);
	mq_reader_close(reader);
	mq_close(conn);
}

static void expect_refused(struct mq_conn *conn, const struct mq_range *ranges, size_t n,
                           enum mq_code code, const char *words)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;

	assert_int_equal(open_ranges(conn, "refused", ranges, n, &reader, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("'%s' does not say '%s'", err.message, words);
}

static void ranges_that_cannot_be_are_refused(void **state)
{
	struct mq_conn *conn = connect_mock();

	(void)state;
	make_topic(NULL, "refused", 1);
	struct mq_range twice[] = {{"refused", 0, at(0), at(1)}, {"refused", 0, at(4), at(5)}};
	expect_refused(conn, twice, 2, MQ_USAGE, "refused[0]");
	struct mq_range missing[] = {{"refused", 1, at(0), at(1)}};
	expect_refused(conn, missing, 1, MQ_NOT_FOUND, "no partition 1");
	struct mq_range id[] = {{"refused", 0, {.kind = MQ_POS_ID, .text = "1-1"}, unset}};
	expect_refused(conn, id, 1, MQ_USAGE, "1-1");
	mq_close(conn);
}

/* --- lost messages --------------------------------------------------------------------------- */

static void trim_before(struct mq_conn *conn, const char *topic, int64_t offset)
{
	struct mq_trim_spec spec = {.stream = topic, .kind = MQ_TRIM_BEFORE, .before = at(offset)};
	struct mq_err err = MQ_ERR_INIT;
	int64_t removed = 0;

	if (mq_trim(conn, &spec, &removed, &err) < 0)
		fail_msg("%s", err.message);
}

static void what_was_gone_at_open_is_counted(void **state)
{
	struct mq_conn *conn = connect_real();
	const char *topic = unique("gone");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	int counts[4];
	int64_t sum;

	(void)state;
	make_topic(conn, topic, 2);
	fill_topic(conn, topic, 0, 100);
	fill_topic(conn, topic, 1, 100);
	trim_before(conn, topic, 40);
	struct mq_range ranges[] = {
	    {topic, 0, at(10), at(50)}, /* 30 of it are gone */
	    {topic, 1, at(5), at(20)},  /* all 15 */
	};
	assert_int_equal(open_ranges(conn, topic, ranges, 2, &reader, &err), 0);
	assert_int_equal(reader->missed, 45);
	assert_non_null(strstr(warnings, "offsets 10..39 of"));
	assert_non_null(strstr(warnings, "offsets 5..19 of"));
	assert_int_equal(read_counts(reader, 1000, counts, &sum), 10);
	assert_int_equal(counts[0], 10);
	assert_int_equal(reader->missed, 45);
	mq_reader_close(reader);

	/* The beginning is where it begins: nothing is missed. */
	warnings[0] = '\0';
	ranges[0].from = (struct mq_pos){.kind = MQ_POS_BEGINNING};
	assert_int_equal(open_ranges(conn, topic, ranges, 1, &reader, &err), 0);
	assert_int_equal(reader->missed, 0);
	assert_string_equal(warnings, "");
	mq_reader_close(reader);
	mq_close(conn);
}

static void what_goes_meanwhile_is_counted(void **state)
{
	struct mq_conn *conn = connect_real();
	const char *topic = unique("truncated");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	int counts[4];
	int64_t sum;
	enum { ALL = 6000, CUT = 4000, TO = 5000 };

	(void)state;
	make_topic(conn, topic, 1);
	/* In small batches, so that little of it is fetched ahead. */
	for (int i = 0; i < ALL / 200; i++)
		fill_topic(conn, topic, 0, 200);
	struct mq_range range = {topic, 0, at(0), at(TO)};
	assert_int_equal(open_ranges(conn, topic, &range, 1, &reader, &err), 0);
	int first = read_counts(reader, 10, counts, &sum);
	trim_before(conn, topic, CUT);
	int rest = read_counts(reader, ALL, counts, &sum);
	/* What was not handed out was missed; nothing is in both. */
	assert_true(first + rest < TO);
	assert_int_equal(reader->missed, TO - first - rest);
	assert_non_null(strstr(warnings, "..3999 of"));
	mq_reader_close(reader);

	/* Everything to be read goes: the read ends. */
	range.to = at(ALL);
	range.from = at(CUT);
	assert_int_equal(open_ranges(conn, topic, &range, 1, &reader, &err), 0);
	first = read_counts(reader, 10, counts, &sum);
	trim_before(conn, topic, ALL);
	rest = read_counts(reader, ALL, counts, &sum);
	assert_int_equal(reader->missed, ALL - CUT - first - rest);
	assert_true(reader->missed > 0);
	mq_reader_close(reader);
	mq_close(conn);
}

/* --- groups ---------------------------------------------------------------------------------- */

/* A group that has read so many messages of a topic. */
static void commit_as(struct mq_conn *conn, const char *group, const char *topic, int n)
{
	struct mq_read_spec spec = {.streams = &topic, .n_streams = 1, .group = group, .limit = -1};
	struct mq_reader *reader = NULL;
	struct mq_err err = MQ_ERR_INIT;
	int64_t limit = mq_now_monotonic_ms() + 20000;

	if (mq_reader_open(conn, &spec, &reader, &err) < 0)
		fail_msg("%s", err.message);
	for (int done = 0; done < n;) {
		struct mq_batch batch;
		assert_true(mq_now_monotonic_ms() < limit);
		if (mq_fetch(reader, (size_t)(n - done), 500, &batch, &err) < 0)
			fail_msg("%s", err.message);
		assert_int_equal(mq_settle(reader, batch.messages, batch.n, &err), 0);
		done += (int)batch.n;
		mq_release(reader, &batch);
	}
	if (mq_commit(reader, true, &err) < 0)
		fail_msg("%s", err.message);
	mq_reader_close(reader);
}

static struct mq_group_list look_at(struct mq_conn *conn, const char *const *groups, size_t n,
                                    const char *stream)
{
	struct mq_group_query query = {.groups = groups,
	                               .n_groups = n,
	                               .streams = &stream,
	                               .n_streams = stream != NULL,
	                               .want = MQ_GROUP_AGES};
	struct mq_group_list list;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_groups(conn, &query, &list, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(list.n, n);
	return list;
}

static void lag_is_end_minus_committed(void **state)
{
	struct mq_conn *conn = connect_real();
	const char *one = unique("lagging"), *two = unique("lagging");
	const char *first = unique("lag-a"), *second = unique("lag-b");
	const char *groups[] = {second, first};
	char pattern[100];

	(void)state;
	make_topic(conn, one, 3);
	make_topic(conn, two, 1);
	fill_topic(conn, one, 1, 30);
	fill_topic(conn, two, 0, 10);
	commit_as(conn, first, one, 12);
	commit_as(conn, second, two, 10);

	/* Everything where they stand. */
	struct mq_group_list list = look_at(conn, groups, 2, NULL);
	const struct mq_group_info *a = &list.items[0], *b = &list.items[1];
	assert_string_equal(a->name, first);
	assert_int_equal(a->n_places, 3);
	assert_int_equal(a->places[0].committed, -1);
	assert_int_equal(a->places[0].lag, -1);
	assert_int_equal(a->places[0].end, 0);
	assert_int_equal(a->places[1].committed, 12);
	assert_int_equal(a->places[1].lag, 18);
	assert_true(a->places[1].unread_ts_ms > mq_now_ms() - 60000);
	assert_int_equal(b->n_places, 1);
	assert_int_equal(b->places[0].lag, 0);
	assert_true(b->places[0].unread_ts_ms == MQ_NO_TIME);
	mq_group_list_release(&list);

	/* A stream that is named is shown as a whole. */
	list = look_at(conn, groups, 2, one);
	assert_int_equal(list.items[0].n_places, 3);
	assert_int_equal(list.items[1].n_places, 3);
	assert_int_equal(list.items[1].places[1].lag, -1);
	assert_int_equal(list.items[1].places[1].end, 30);
	mq_group_list_release(&list);
	snprintf(pattern, sizeof pattern, "^%s$", two);
	list = look_at(conn, groups, 2, pattern);
	assert_int_equal(list.items[0].n_places, 1);
	assert_string_equal(list.items[0].places[0].stream, two);
	mq_group_list_release(&list);
	mq_close(conn);
}

static void a_signal_ends_the_look(void **state)
{
	struct mq_conn *conn = connect_mock();
	struct mq_cancel cancel;
	struct mq_err err = MQ_ERR_INIT;
	const char *group = "stopped";
	struct mq_group_query query = {.groups = &group, .n_groups = 1, .want = MQ_GROUP_AGES};
	struct mq_group_list list;

	(void)state;
	assert_int_equal(mq_cancel_init(&cancel, &err), 0);
	rd_kafka_mock_broker_set_rtt(mock, -1, 3000);
	env.cancel = &cancel;
	mq_cancel_raise(&cancel, SIGINT);
	int64_t begin = mq_now_monotonic_ms();
	assert_int_equal(mq_groups(conn, &query, &list, &err), -1);
	assert_int_equal(err.code, MQ_CANCELLED);
	assert_true(mq_now_monotonic_ms() - begin < 2000);
	env.cancel = NULL;
	rd_kafka_mock_broker_set_rtt(mock, -1, 0);
	mq_close(conn);
	mq_cancel_release(&cancel);
}

/* --- transactions ---------------------------------------------------------------------------- */

static struct mq_writer *open_transactional(struct mq_conn *conn, const char *topic,
                                            const char *name)
{
	struct mq_write_spec spec = {.stream = topic, .transactional = true, .transaction = name};
	struct mq_writer *writer = NULL;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_writer_open(conn, &spec, &writer, &err) < 0)
		fail_msg("%s", err.message);
	return writer;
}

/* How many messages committed readers see now. */
static int count_visible(struct mq_conn *conn, const char *topic)
{
	struct mq_range range = {topic, 0, {.kind = MQ_POS_BEGINNING}, unset};
	struct mq_reader *reader = NULL;
	struct mq_err err = MQ_ERR_INIT;
	int64_t limit = mq_now_monotonic_ms() + 20000;
	int n = 0;
	bool done = false;

	if (open_ranges(conn, topic, &range, 1, &reader, &err) < 0)
		fail_msg("%s", err.message);
	while (!done) {
		struct mq_batch batch;
		assert_true(mq_now_monotonic_ms() < limit);
		assert_int_equal(mq_fetch(reader, 1000, 500, &batch, &err), 0);
		n += (int)batch.n;
		done = batch.caught_up;
		mq_release(reader, &batch);
	}
	mq_reader_close(reader);
	return n;
}

/*
 * How many they see once they see `want`, or after ten seconds. A broker answers a commit before it
 * has written the transaction's end into the partitions (KIP-98, "Completing the transaction").
 */
static int await_visible(struct mq_conn *conn, const char *topic, int want)
{
	int64_t limit = mq_now_monotonic_ms() + 10000;
	int n;

	do
		n = count_visible(conn, topic);
	while (n < want && mq_now_monotonic_ms() < limit);
	return n;
}

/* Where a group stands in a partition: -1 nowhere, -2 there is no such group. */
static int64_t committed(struct mq_conn *conn, const char *group, const char *topic,
                         int32_t partition)
{
	/* Of a stream that is named a position is waited for that is still in a transaction. */
	struct mq_group_query query = {.groups = &group,
	                               .n_groups = 1,
	                               .streams = &topic,
	                               .n_streams = 1,
	                               .want = MQ_GROUP_PLACES};
	struct mq_group_list list;
	struct mq_err err = MQ_ERR_INIT;
	int64_t ret = -1;

	if (mq_groups(conn, &query, &list, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(list.n, 1);
	if (list.items[0].err.code == MQ_NOT_FOUND)
		ret = -2;
	else if (list.items[0].err.code != MQ_OK)
		fail_msg("%s", list.items[0].err.message);
	for (size_t i = 0; i < list.items[0].n_places; i++)
		if (strcmp(list.items[0].places[i].stream, topic) == 0 &&
		    list.items[0].places[i].partition == partition)
			ret = list.items[0].places[i].committed;
	mq_group_list_release(&list);
	return ret;
}

static void send_position(struct mq_writer *writer, const char *group, const char *topic,
                          int64_t offset)
{
	struct mq_group_move move = {.stream = topic, .partition = 0, .offset = offset};
	struct mq_err err = MQ_ERR_INIT;

	if (mq_writer_positions(writer, group, &move, 1, &err) < 0)
		fail_msg("%s", err.message);
}

static void commit(struct mq_writer *writer)
{
	struct mq_err err = MQ_ERR_INIT;

	if (mq_writer_commit(writer, &err) < 0)
		fail_msg("%s", err.message);
}

static void messages_and_positions_are_one(void **state)
{
	struct mq_conn *conn = connect_real();
	const char *source = unique("source"), *target = unique("target");
	const char *group = unique("copier"), *name = unique("copy");
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	make_topic(conn, source, 1);
	make_topic(conn, target, 1);
	fill_topic(conn, source, 0, 100);
	struct mq_writer *writer = open_transactional(conn, target, name);

	/* A commit of nothing is nothing. */
	commit(writer);
	write_to(writer, 0, 0, 10);
	send_position(writer, group, source, 10);
	assert_int_equal(mq_writer_flush(writer, 10000, &err), 0);
	assert_int_equal(count_visible(conn, target), 0);
	commit(writer);
	assert_int_equal(await_visible(conn, target, 10), 10);
	assert_int_equal(committed(conn, group, source, 0), 10);

	/* Aborted: neither. */
	write_to(writer, 0, 10, 10);
	send_position(writer, group, source, 20);
	assert_int_equal(mq_writer_abort(writer, &err), 0);
	assert_int_equal(count_visible(conn, target), 10);
	assert_int_equal(committed(conn, group, source, 0), 10);

	/* And the next one goes on; positions alone are a transaction as well. */
	write_to(writer, 0, 20, 10);
	send_position(writer, group, source, 30);
	commit(writer);
	assert_int_equal(await_visible(conn, target, 20), 20);
	send_position(writer, group, source, 35);
	commit(writer);
	assert_int_equal(committed(conn, group, source, 0), 35);
	mq_writer_close(writer);
	mq_close(conn);
}

static void the_same_name_fences(void **state)
{
	struct mq_conn *conn = connect_real();
	const char *source = unique("fsource"), *target = unique("ftarget");
	const char *group = unique("fgroup"), *name = unique("fenced");
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	make_topic(conn, source, 1);
	make_topic(conn, target, 1);
	struct mq_writer *first = open_transactional(conn, target, name);
	write_to(first, 0, 0, 10);
	send_position(first, group, source, 10);
	assert_int_equal(mq_writer_flush(first, 10000, &err), 0);

	/* Before the second has opened, what the first left open is gone. */
	struct mq_writer *second = open_transactional(conn, target, name);
	assert_true(committed(conn, group, source, 0) < 0);
	write_to(second, 0, 100, 5);
	send_position(second, group, source, 5);
	commit(second);

	assert_int_equal(mq_writer_commit(first, &err), -1);
	assert_int_equal(err.code, MQ_PARTIAL);
	if (!strstr(err.message, "another writer") || !strstr(err.message, name))
		fail_msg("'%s'", err.message);
	mq_err_clear(&err);
	struct mq_message m = MQ_MESSAGE_INIT;
	m.payload = mq_bytes_str("x");
	assert_int_equal(mq_write(first, &m, 1, &err), -1);
	if (!strstr(err.message, "another writer"))
		fail_msg("'%s'", err.message);
	assert_int_equal(await_visible(conn, target, 5), 5);
	assert_int_equal(committed(conn, group, source, 0), 5);
	mq_writer_close(first);
	mq_writer_close(second);
	mq_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_ranges_are_read),
	    cmocka_unit_test(ranges_that_cannot_be_are_refused),
	    cmocka_unit_test(lag_is_end_minus_committed),
	    cmocka_unit_test(a_signal_ends_the_look),
	    cmocka_unit_test(what_was_gone_at_open_is_counted),
	    cmocka_unit_test(what_goes_meanwhile_is_counted),
	    cmocka_unit_test(messages_and_positions_are_one),
	    cmocka_unit_test(the_same_name_fences),
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
