/* Ranges of the local store's partitions, and how many messages were gone before they were read. */
#include "sqlite_store.h"

static void make(struct store *s, const char *stream, int32_t partitions)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_spec spec = {.stream = stream, NO_LIMITS};

	spec.partitions = partitions;
	ok(mq_create(s->conn, &spec, &err), &err);
}

/* n messages in that partition. */
static void fill(struct store *s, const char *stream, int32_t partition, int n)
{
	struct tally tally = {0};
	struct mq_writer *writer = writer_of(s, stream, false, &tally);

	for (int i = 0; i < n; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		message.partition = partition;
		message.payload = mq_bytes_str("x");
		message.ts_ms = 1000 + i;
		put(writer, &message, 1);
	}
	assert_int_equal(tally.good, n);
	mq_writer_close(writer);
}

static struct mq_reader *ranges_of(struct store *s, const struct mq_range *ranges, size_t n)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	const char *stream = ranges->stream;
	struct mq_read_spec spec = {.streams = &stream,
	                            .n_streams = 1,
	                            .ranges = ranges,
	                            .n_ranges = n,
	                            .limit = -1,
	                            .stop_at_end = true};

	ok(mq_reader_open(s->conn, &spec, &reader, &err), &err);
	return reader;
}

static void trim_to(struct store *s, const char *stream, int64_t length)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_trim_spec spec = {.stream = stream, .kind = MQ_TRIM_MAX_LENGTH, .value = length};
	int64_t removed;

	ok(mq_trim(s->conn, &spec, &removed, &err), &err);
}

static void test_each_partition_has_its_own(void **state)
{
	(void)state;
	struct store s;
	int64_t seen[3] = {0}, first[3] = {-1, -1, -1};
	store_init(&s);
	make(&s, "a", 3);
	make(&s, "b", 1);
	for (int32_t p = 0; p < 3; p++)
		fill(&s, "a", p, 20);
	fill(&s, "b", 0, 20);
	const struct mq_range ranges[] = {
	    {"a", 0, pos(MQ_POS_OFFSET, 5), pos(MQ_POS_OFFSET, 8)},
	    {"b", 0, pos(MQ_POS_TIME, 1015), pos(MQ_POS_TIME, 1017)},
	    {"a", 2, pos(MQ_POS_BEGINNING, 0), UNSET},
	    {"a", 1, pos(MQ_POS_OFFSET, 7), pos(MQ_POS_OFFSET, 7)},
	};
	struct mq_reader *reader = ranges_of(&s, ranges, 4);
	assert_int_equal(reader->expected, 3 + 2 + 20);
	for (bool over = false; !over;) {
		struct mq_batch batch = get(reader, 100, 3000);
		for (size_t i = 0; i < batch.n; i++) {
			const struct mq_message *m = &batch.messages[i];
			size_t which = m->stream.data[0] == 'b' ? 1 : m->partition == 0 ? 0 : 2;
			assert_true(which != 2 || m->partition == 2);
			if (seen[which]++ == 0)
				first[which] = m->offset;
		}
		over = batch.caught_up || batch.ended;
		mq_release(reader, &batch);
	}
	assert_int_equal(seen[0], 3);
	assert_int_equal(first[0], 5);
	assert_int_equal(seen[1], 2);
	assert_int_equal(first[1], 15);
	assert_int_equal(seen[2], 20);
	assert_int_equal(reader->missed, 0);
	mq_reader_close(reader);
	store_release(&s);
}

static void test_a_partition_that_is_not_there(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	struct store s;
	store_init(&s);
	make(&s, "a", 1);
	const char *stream = "a";
	const struct mq_range range = {"a", 1, pos(MQ_POS_BEGINNING, 0), UNSET};
	const struct mq_read_spec spec = {
	    .streams = &stream, .n_streams = 1, .ranges = &range, .n_ranges = 1, .limit = -1};

	assert_int_equal(mq_reader_open(s.conn, &spec, &reader, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	store_release(&s);
}

static void test_what_is_gone_is_counted(void **state)
{
	(void)state;
	struct store s;
	store_init(&s);
	make(&s, "a", 1);
	fill(&s, "a", 0, 100);
	trim_to(&s, "a", 60);
	const struct mq_range begun_too_early = {"a", 0, pos(MQ_POS_OFFSET, 10),
	                                         pos(MQ_POS_OFFSET, 100)};
	struct mq_reader *reader = ranges_of(&s, &begun_too_early, 1);
	assert_int_equal(drain(reader, false, NULL, NULL), 60);
	assert_int_equal(reader->missed, 30);
	mq_reader_close(reader);

	/* No more than the range itself. */
	const struct mq_range all_gone = {"a", 0, pos(MQ_POS_OFFSET, 10), pos(MQ_POS_OFFSET, 15)};
	reader = ranges_of(&s, &all_gone, 1);
	assert_int_equal(drain(reader, false, NULL, NULL), 0);
	assert_int_equal(reader->missed, 5);
	mq_reader_close(reader);

	/* Removed while it is read. */
	reader = reader_of(&s, "a", NULL, UNSET, pos(MQ_POS_END, 0));
	struct mq_batch batch = get(reader, 10, 3000);
	assert_int_equal(batch.n, 10);
	mq_release(reader, &batch);
	trim_to(&s, "a", 20);
	assert_int_equal(drain(reader, false, NULL, NULL), 20);
	assert_int_equal(reader->missed, 30);
	mq_reader_close(reader);
	store_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_partition_has_its_own),
	    cmocka_unit_test(test_a_partition_that_is_not_there),
	    cmocka_unit_test(test_what_is_gone_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
