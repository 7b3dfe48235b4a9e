/* The local store: messages come back as they went in, positions, retention, following. */
#include "sqlite_store.h"

#include <poll.h>
#include <sys/wait.h>

static void test_everything_comes_back(void **state)
{
	struct store s;
	struct tally tally = {0};
	struct mq_header headers[] = {{mq_bytes_str("a"), mq_bytes_str("1")},
	                              {mq_bytes_str("a"), MQ_ABSENT},
	                              {mq_bytes_str(""), mq_bytes_of("", 0)}};
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_message in[4] = {MQ_MESSAGE_INIT, MQ_MESSAGE_INIT, MQ_MESSAGE_INIT,
	                           MQ_MESSAGE_INIT};

	(void)state;
	store_init(&s);
	properties.message_id = mq_bytes_str("id-1");
	properties.user_id = mq_bytes_of("", 0);
	properties.expiry_ms = 5000000000;
	properties.priority = 0;
	properties.redelivered = 1;
	in[0].payload = mq_bytes_of("\0\xff\n", 3);
	in[0].key = mq_bytes_of("k\0", 2);
	in[0].ts_ms = -5;
	in[0].headers = headers;
	in[0].n_headers = 3;
	in[1].payload = mq_bytes_of("", 0);
	in[1].ts_ms = 0;
	in[2].key = mq_bytes_of("", 0);
	in[2].properties = &properties;
	in[3].properties = &properties;
	in[3].headers = headers;
	in[3].n_headers = 1;
	struct mq_writer *writer = writer_of(&s, "orders", false, &tally);
	put(writer, in, 4);
	mq_writer_close(writer);
	assert_int_equal(tally.good, 4);

	struct mq_reader *reader = reader_of(&s, "orders", NULL, UNSET, UNSET);
	assert_int_equal(reader->expected, 4);
	struct mq_batch batch = get(reader, 10, 1000);
	assert_int_equal(batch.n, 4);
	assert_true(batch.caught_up);
	for (size_t i = 0; i < 4; i++) {
		const struct mq_message *out = &batch.messages[i];
		assert_true(mq_bytes_equal(in[i].key, out->key));
		assert_true(mq_bytes_equal(in[i].payload, out->payload));
		assert_int_equal(out->offset, i);
		assert_int_equal(out->partition, 0);
		assert_int_equal(out->ts_type, MQ_TS_CREATE);
		assert_int_equal(out->n_headers, in[i].n_headers);
		for (size_t h = 0; h < out->n_headers; h++) {
			assert_true(mq_bytes_equal(headers[h].name, out->headers[h].name));
			assert_true(mq_bytes_equal(headers[h].value, out->headers[h].value));
		}
		assert_int_equal(in[i].properties != NULL, out->properties != NULL);
		if (!out->properties)
			continue;
		assert_true(mq_bytes_equal(properties.message_id, out->properties->message_id));
		assert_true(mq_bytes_equal(properties.user_id, out->properties->user_id));
		assert_null(out->properties->exchange.data);
		assert_int_equal(out->properties->expiry_ms, 5000000000);
		assert_int_equal(out->properties->priority, 0);
		assert_int_equal(out->properties->redelivered, 1);
		assert_int_equal(out->properties->delivery_count, -1);
	}
	assert_int_equal(batch.messages[0].ts_ms, -5);
	assert_int_equal(batch.messages[1].ts_ms, 0);
	assert_true(llabs(batch.messages[2].ts_ms - mq_now_ms()) < 60000);
	mq_release(reader, &batch);
	mq_reader_close(reader);
	store_release(&s);
}

static void test_large_messages(void **state)
{
	struct store s;
	struct tally tally = {0};
	size_t size = (size_t)100 << 20;
	char *data = malloc(size);
	struct mq_message in[3] = {MQ_MESSAGE_INIT, MQ_MESSAGE_INIT, MQ_MESSAGE_INIT};

	(void)state;
	store_init(&s);
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 7 + i / 4096);
	in[0].payload = mq_bytes_of(data, size);
	/* SQLite refuses before it looks at the bytes. */
	in[1].payload = mq_bytes_of(data, 1000000001);
	in[2].payload = mq_bytes_str("small");
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	put(writer, in, 3);
	mq_writer_close(writer);
	assert_int_equal(tally.good, 2);
	assert_int_equal(tally.bad, 1);
	assert_int_equal(tally.code, MQ_DATA);
	struct mq_reader *reader = reader_of(&s, "t", NULL, UNSET, UNSET);
	struct mq_batch batch = get(reader, 10, 1000);
	assert_int_equal(batch.n, 1);
	assert_true(mq_bytes_equal(batch.messages[0].payload, in[0].payload));
	mq_release(reader, &batch);
	batch = get(reader, 10, 1000);
	assert_int_equal(batch.n, 1);
	assert_true(mq_bytes_equal(batch.messages[0].payload, in[2].payload));
	mq_release(reader, &batch);
	mq_reader_close(reader);
	free(data);
	store_release(&s);
}

/* Keys go where the Java producer puts them: partitions of murmur2 as Kafka's own tests and
 * clients give them. */
static void test_keys_choose_partitions(void **state)
{
	/* murmur2: 21 -> -973932308, foobar -> -790332482, a-little-bit-long-string ->
	 * -985981536 (Kafka, UtilsTest) */
	const struct {
		const char *key;
		uint32_t hash;
	} rows[] = {{"21", (uint32_t)-973932308},
	            {"foobar", (uint32_t)-790332482},
	            {"a-little-bit-long-string", (uint32_t)-985981536},
	            {"a-little-bit-longer-string", (uint32_t)-1486304829}};
	struct store s;
	struct tally tally = {0};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_spec spec = {.stream = "t", NO_LIMITS};

	(void)state;
	store_init(&s);
	spec.partitions = 1000;
	ok(mq_create(s.conn, &spec, &err), &err);
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	assert_int_equal(writer->partitions, 1000);
	for (size_t i = 0; i < 4; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		message.key = mq_bytes_str(rows[i].key);
		put(writer, &message, 1);
		assert_int_equal(tally.last_partition, (rows[i].hash & 0x7fffffff) % 1000);
	}
	struct mq_message message = MQ_MESSAGE_INIT;
	message.partition = 999;
	put(writer, &message, 1);
	assert_int_equal(tally.last_partition, 999);
	message.partition = 1000;
	put(writer, &message, 1);
	assert_int_equal(tally.bad, 1);
	assert_int_equal(tally.code, MQ_NOT_FOUND);
	mq_writer_close(writer);
	store_release(&s);
}

static int64_t first_from(struct store *s, struct mq_pos from)
{
	int64_t first = -1;
	struct mq_reader *reader = reader_of(s, "t", NULL, from, UNSET);

	drain(reader, false, &first, NULL);
	mq_reader_close(reader);
	return first;
}

static void test_positions(void **state)
{
	struct store s;
	int64_t times[3000], last = -1;

	(void)state;
	store_init(&s);
	for (int i = 0; i < 3000; i++)
		times[i] = 1000 + i;
	put_numbers(&s, "t", 3000, times, 500);
	assert_int_equal(first_from(&s, pos(MQ_POS_BEGINNING, 0)), 0);
	assert_int_equal(first_from(&s, pos(MQ_POS_OFFSET, 77)), 77);
	assert_int_equal(first_from(&s, pos(MQ_POS_LAST, 10)), 2990);
	assert_int_equal(first_from(&s, pos(MQ_POS_LAST, 5000)), 0);
	assert_int_equal(first_from(&s, pos(MQ_POS_TIME, 3500)), 2500);
	assert_int_equal(first_from(&s, pos(MQ_POS_END, 0)), -1);
	const struct {
		struct mq_pos to;
		int64_t n;
	} rows[] = {{pos(MQ_POS_END, 0), 3000},     {pos(MQ_POS_OFFSET, 5), 5},
	            {pos(MQ_POS_LAST, 1000), 2000}, {pos(MQ_POS_BEGINNING, 0), 0},
	            {pos(MQ_POS_TIME, 1100), 100},  {pos(MQ_POS_TIME, 9000), 3000}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mq_reader *reader = reader_of(&s, "t", NULL, UNSET, rows[i].to);
		assert_int_equal(reader->expected, rows[i].n);
		assert_int_equal(drain(reader, false, NULL, &last), rows[i].n);
		struct mq_batch batch = get(reader, 1, 0);
		assert_true(batch.ended);
		assert_int_equal(batch.n, 0);
		mq_release(reader, &batch);
		mq_reader_close(reader);
	}
	store_release(&s);
}

/* The sparse index against looking at every message, with times in no order. */
static void test_time_seek_against_brute_force(void **state)
{
	enum { N = 5000 };
	struct store s;
	static int64_t times[N];
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	srand(seed_of("time seek"));
	store_init(&s);
	struct mq_stream_spec spec = {.stream = "t", NO_LIMITS};
	spec.max_length = 4000; /* the first blocks are cut as well */
	ok(mq_create(s.conn, &spec, &err), &err);
	for (int i = 0; i < N; i++)
		times[i] = i * 10 + rand() % 8000 - (rand() % 50 == 0 ? 30000 : 0);
	put_numbers(&s, "t", N, times, 1 + rand() % 900);
	for (int round = 0; round < 300; round++) {
		struct mq_locate request = {.stream = "t",
		                            .pos = pos(MQ_POS_TIME, rand() % 70000 - 10000)};
		int64_t expected = N - 4000;
		while (expected < N && times[expected] < request.pos.number)
			expected++;
		ok(mq_locate(s.conn, &request, 1, &err), &err);
		assert_int_equal(request.err.code, MQ_OK);
		assert_int_equal(request.offset, expected);
		assert_true(request.ts_ms == (expected < N ? times[expected] : MQ_NO_TIME));
	}
	store_release(&s);
}

static void describe_of(struct store *s, const char *stream, struct mq_stream_info *info)
{
	struct mq_err err = MQ_ERR_INIT;

	ok(mq_describe(s->conn, stream, info, &err), &err);
}

static void test_retention(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_info info;
	struct mq_stream_spec spec = {.stream = "count", NO_LIMITS};
	int64_t times[20], first = -1;

	(void)state;
	store_init(&s);
	spec.max_length = 100;
	ok(mq_create(s.conn, &spec, &err), &err);
	put_numbers(&s, "count", 2500, NULL, 7);
	describe_of(&s, "count", &info);
	assert_int_equal(info.messages, 100);
	assert_int_equal(info.partitions[0].begin, 2400);
	assert_int_equal(info.bytes, 400);
	mq_stream_info_release(&info);

	const char *config[] = {"max_bytes=10"};
	spec =
	    (struct mq_stream_spec){.stream = "size", NO_LIMITS, .config = config, .n_config = 1};
	ok(mq_create(s.conn, &spec, &err), &err);
	put_numbers(&s, "size", 100, NULL, 100);
	describe_of(&s, "size", &info);
	assert_int_equal(info.messages, 5); /* of two digits */
	assert_int_equal(info.bytes, 10);
	mq_stream_info_release(&info);

	spec = (struct mq_stream_spec){.stream = "age", NO_LIMITS};
	spec.retention_ms = 3600000;
	ok(mq_create(s.conn, &spec, &err), &err);
	for (int i = 0; i < 20; i++)
		times[i] = mq_now_ms() - (i < 12 ? 7200000 : 0);
	put_numbers(&s, "age", 20, times, 5);
	describe_of(&s, "age", &info);
	assert_int_equal(info.partitions[0].begin, 12);
	mq_stream_info_release(&info);

	/* A reader whose messages went away names the gap and goes on. */
	struct mq_reader *reader = reader_of(&s, "count", NULL, pos(MQ_POS_OFFSET, 5), UNSET);
	s.warnings = 0;
	assert_int_equal(drain(reader, false, &first, NULL), 100);
	assert_int_equal(first, 2400);
	assert_int_equal(s.warnings, 1);
	assert_non_null(strstr(s.last_log, "5 to 2399"));
	mq_reader_close(reader);
	store_release(&s);
}

static void test_retention_is_fair(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_info info;
	struct tally tally = {0};
	struct mq_stream_spec spec = {.stream = "t", NO_LIMITS};

	(void)state;
	store_init(&s);
	spec.partitions = 3;
	spec.max_length = 30;
	ok(mq_create(s.conn, &spec, &err), &err);
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	for (int i = 0; i < 500; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		message.partition = i < 4 ? 1 : i % 2 * 2;
		put(writer, &message, 1);
	}
	mq_writer_close(writer);
	describe_of(&s, "t", &info);
	assert_int_equal(info.messages, 30);
	assert_int_equal(info.partitions[0].end - info.partitions[0].begin, 13);
	assert_int_equal(info.partitions[1].end - info.partitions[1].begin, 4);
	mq_stream_info_release(&info);
	store_release(&s);
}

static void test_transactions(void **state)
{
	struct store s;
	struct tally tally = {0};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_message message = MQ_MESSAGE_INIT;

	(void)state;
	store_init(&s);
	put_numbers(&s, "t", 1, NULL, 1);
	struct mq_writer *writer = writer_of(&s, "t", true, &tally);
	put(writer, &message, 1);
	assert_int_equal(first_from(&s, pos(MQ_POS_LAST, 1)), 0); /* not to be seen yet */
	ok(mq_writer_abort(writer, &err), &err);
	put(writer, &message, 1);
	put(writer, &message, 1);
	ok(mq_writer_commit(writer, &err), &err);
	put(writer, &message, 1);
	mq_writer_close(writer); /* aborts */
	assert_int_equal(first_from(&s, pos(MQ_POS_LAST, 1)), 2);
	store_release(&s);
}

/* A child writes while we wait; streams that match a pattern may come later. */
static void test_follows_others(void **state)
{
	struct store s;

	(void)state;
	store_init(&s);
	put_numbers(&s, "ta", 1, NULL, 1);
	put_numbers(&s, "other", 1, NULL, 1);
	struct mq_reader *reader = reader_of(&s, "^t[a-z]$", NULL, UNSET, UNSET);
	assert_int_equal(drain(reader, false, NULL, NULL), 1);
	struct mq_batch batch = get(reader, 10, 0);
	assert_int_equal(batch.n, 0);
	mq_release(reader, &batch);
	for (int round = 0; round < 20; round++) {
		pid_t child = fork();
		if (child == 0) {
			struct store c = s;
			store_connect(&c);
			put_numbers(&c, round % 2 ? "ta" : "tz", 1, NULL, 1);
			_exit(0);
		}
		int64_t before = mq_now_monotonic_ms();
		int64_t n = 0;
		/* As a command does that waits for several readers: poll, then fetch at once. */
		while (n == 0 && mq_now_monotonic_ms() < before + 10000) {
			if (mq_reader_fd(reader) >= 0)
				assert_int_equal(
				    mq_cancel_wait(NULL, mq_reader_fd(reader), POLLIN, 10000), 1);
			batch = get(reader, 10, mq_reader_fd(reader) >= 0 ? 0 : 1000);
			n += (int64_t)batch.n;
			mq_release(reader, &batch);
		}
		assert_int_equal(n, 1);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	mq_cancel_raise(&s.cancel, SIGINT);
	int64_t before = mq_now_monotonic_ms();
	batch = get(reader, 10, 60000);
	assert_true(mq_now_monotonic_ms() < before + 10000);
	mq_release(reader, &batch);
	mq_reader_close(reader);
	store_release(&s);
}

static void test_create_list_remove(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_list list;
	struct mq_stream_spec spec = {.stream = "Case", NO_LIMITS};

	(void)state;
	store_init(&s);
	assert_int_equal(mq_list(s.conn, true, &list, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	assert_non_null(strstr(err.message, s.path));
	assert_int_not_equal(access(s.path, F_OK), 0); /* reading makes no file */
	mq_err_clear(&err);
	ok(mq_create(s.conn, &spec, &err), &err);
	assert_int_equal(mq_create(s.conn, &spec, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_err_clear(&err);
	spec.if_missing = true;
	ok(mq_create(s.conn, &spec, &err), &err);
	put_numbers(&s, "case", 3, NULL, 3); /* names differ by case; a quote is only a letter */
	put_numbers(&s, "a\"b'c;/d e", 2, NULL, 2);
	ok(mq_list(s.conn, true, &list, &err), &err);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.items[0].name, "Case");
	assert_string_equal(list.items[1].name, "a\"b'c;/d e");
	assert_int_equal(list.items[1].messages, 2);
	assert_int_equal(list.items[2].messages, 3);
	mq_stream_list_release(&list);

	struct tally tally = {0};
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_writer *writer = writer_of(&s, "case", false, &tally);
	put(writer, &message, 1);
	struct mq_reader *reader = reader_of(&s, "case", NULL, UNSET, UNSET);
	struct mq_batch batch;
	ok(mq_remove(s.conn, "case", &err), &err);
	ok(mq_remove(s.conn, "a\"b'c;/d e", &err), &err);
	assert_int_equal(mq_fetch(reader, 10, 0, &batch, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	mq_err_clear(&err);
	mq_reader_close(reader);
	put(writer, &message, 1); /* makes it anew */
	assert_int_equal(tally.last_offset, 0);
	mq_writer_close(writer);
	assert_int_equal(mq_remove(s.conn, "nothing", &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	store_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything_comes_back),
	    cmocka_unit_test(test_large_messages),
	    cmocka_unit_test(test_keys_choose_partitions),
	    cmocka_unit_test(test_positions),
	    cmocka_unit_test(test_time_seek_against_brute_force),
	    cmocka_unit_test(test_retention),
	    cmocka_unit_test(test_retention_is_fair),
	    cmocka_unit_test(test_transactions),
	    cmocka_unit_test(test_follows_others),
	    cmocka_unit_test(test_create_list_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
