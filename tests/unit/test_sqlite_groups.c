/* Groups of the local store: who reads what, and that no position is lost or moved back. */
#include "sqlite_store.h"

#include <signal.h>
#include <sys/wait.h>

static void make(struct store *s, const char *stream, int partitions, int messages)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_spec spec = {.stream = stream, NO_LIMITS};
	struct tally tally = {0};

	spec.partitions = partitions;
	ok(mq_create(s->conn, &spec, &err), &err);
	struct mq_writer *writer = writer_of(s, stream, false, &tally);
	for (int i = 0; i < messages; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		message.partition = i % partitions;
		put(writer, &message, 1);
	}
	mq_writer_close(writer);
}

static int64_t committed(struct store *s, const char *stream, int32_t partition)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_info info;
	int64_t result = -1;

	ok(mq_describe(s->conn, stream, &info, &err), &err);
	for (size_t i = 0; i < info.n_groups; i++)
		if (info.groups[i].partition == partition)
			result = info.groups[i].committed;
	mq_stream_info_release(&info);
	return result;
}

/* Takes what a reader has now, settles the first n of it, commits; how many there were. */
static size_t take(struct mq_reader *reader, size_t max, size_t settle, unsigned *ret_partitions)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_batch batch = get(reader, max, 0);
	size_t n = batch.n;

	for (size_t i = 0; i < n && ret_partitions; i++)
		*ret_partitions |= 1u << batch.messages[i].partition;
	ok(mq_settle(reader, batch.messages, settle < n ? settle : n, &err), &err);
	ok(mq_commit(reader, true, &err), &err);
	mq_release(reader, &batch);
	return n;
}

static void test_resumes_where_it_settled(void **state)
{
	struct store s;
	int64_t first = -1;

	(void)state;
	store_init(&s);
	make(&s, "t", 1, 10);
	struct mq_reader *reader = reader_of(&s, "t", "g", UNSET, UNSET);
	assert_int_equal(reader->expected, 10);
	assert_int_equal(take(reader, 10, 4, NULL), 10);
	mq_reader_close(reader);
	assert_int_equal(committed(&s, "t", 0), 4);
	/* from does not matter any more */
	reader = reader_of(&s, "t", "g", pos(MQ_POS_END, 0), UNSET);
	assert_int_equal(reader->expected, 6);
	assert_int_equal(drain(reader, true, &first, NULL), 6);
	assert_int_equal(first, 4);
	mq_reader_close(reader);
	/* another group has its own; its start is kept from the beginning */
	reader = reader_of(&s, "t", "h", pos(MQ_POS_LAST, 3), UNSET);
	mq_reader_close(reader);
	put_numbers(&s, "t", 5, NULL, 5);
	reader = reader_of(&s, "t", "h", pos(MQ_POS_END, 0), UNSET);
	assert_int_equal(drain(reader, true, &first, NULL), 8);
	assert_int_equal(first, 7);
	mq_reader_close(reader);
	store_release(&s);
}

static void test_second_waits_and_takes_over(void **state)
{
	struct store s;

	(void)state;
	store_init(&s);
	make(&s, "t", 1, 10);
	struct mq_reader *a = reader_of(&s, "t", "g", UNSET, UNSET);
	struct mq_reader *b = reader_of(&s, "t", "g", UNSET, UNSET);
	assert_int_equal(take(a, 6, 6, NULL), 6);
	struct mq_batch batch = get(b, 10, 0);
	assert_int_equal(batch.n, 0);
	assert_false(batch.caught_up); /* the group has not read everything yet */
	mq_release(b, &batch);
	mq_reader_close(a);
	batch = get(b, 10, 5000);
	assert_int_equal(batch.n, 4);
	assert_int_equal(batch.messages[0].offset, 6);
	mq_release(b, &batch);
	mq_reader_close(b);
	store_release(&s);
}

static void test_shares_partitions(void **state)
{
	struct store s;
	unsigned of_a = 0, of_b = 0;

	(void)state;
	store_init(&s);
	make(&s, "t", 4, 40);
	struct mq_reader *a = reader_of(&s, "t", "g", UNSET, UNSET);
	struct mq_batch lent = get(a, 8, 0); /* two of each partition are on their way */
	assert_int_equal(lent.n, 8);
	struct mq_reader *b = reader_of(&s, "t", "g", UNSET, UNSET);
	struct mq_err err = MQ_ERR_INIT;
	ok(mq_settle(a, lent.messages, lent.n, &err), &err);
	ok(mq_commit(a, true, &err), &err);
	mq_release(a, &lent);
	size_t total = 8;
	for (int i = 0; i < 10; i++) {
		total += take(a, 100, 100, &of_a);
		total += take(b, 100, 100, &of_b);
	}
	assert_int_equal(total, 40);
	assert_int_equal(of_a & of_b, 0);
	assert_int_equal(of_a | of_b, 15);
	assert_int_equal(__builtin_popcount(of_b), 2);
	struct mq_batch batch = get(b, 1, 0);
	assert_true(batch.caught_up);
	mq_release(b, &batch);
	mq_reader_close(a);
	mq_reader_close(b);
	for (int32_t p = 0; p < 4; p++)
		assert_int_equal(committed(&s, "t", p), 10);
	store_release(&s);
}

/* A partition that was taken away: what its old reader still settles changes nothing. */
static void test_stale_member_moves_nothing(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	int fds[2];
	char byte;

	(void)state;
	store_init(&s);
	make(&s, "t", 1, 10);
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		struct store c = s;
		store_connect(&c);
		struct mq_reader *reader = reader_of(&c, "t", "g", UNSET, UNSET);
		take(reader, 3, 3, NULL);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	struct mq_reader *b = reader_of(&s, "t", "g", UNSET, UNSET);
	struct mq_batch batch = get(b, 10, 0);
	assert_int_equal(batch.n, 0);
	mq_release(b, &batch);
	/* Stopped is not dead. */
	kill(child, SIGSTOP);
	batch = get(b, 10, 1500);
	assert_int_equal(batch.n, 0);
	mq_release(b, &batch);
	kill(child, SIGKILL);
	batch = get(b, 10, 10000); /* known at once, although nobody waited for it */
	assert_int_equal(batch.n, 7);
	assert_int_equal(batch.messages[0].offset, 3);
	/* Now b is the one that loses: the stream is made anew under it. */
	ok(mq_settle(b, batch.messages, 7, &err), &err);
	ok(mq_remove(s.conn, "t", &err), &err);
	make(&s, "t", 1, 2);
	ok(mq_commit(b, true, &err), &err);
	assert_int_equal(committed(&s, "t", 0), -1);
	mq_release(b, &batch);
	mq_reader_close(b);
	waitpid(child, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	store_release(&s);
}

/* Members come, die by kill -9 in the middle and others go on: each message is settled by someone,
 * and the positions never pass what somebody had read. */
static void test_members_die(void **state)
{
	enum { MESSAGES = 2000, ROUNDS = 25, PARTITIONS = 3 };
	struct store s;
	static char seen[PARTITIONS][MESSAGES];
	int fds[2];

	(void)state;
	srand(seed_of("members die"));
	store_init(&s);
	make(&s, "t", PARTITIONS, 0);
	struct tally tally = {0};
	static struct mq_message messages[PARTITIONS * MESSAGES];
	for (int i = 0; i < PARTITIONS * MESSAGES; i++) {
		messages[i] = (struct mq_message)MQ_MESSAGE_INIT;
		messages[i].partition = i % PARTITIONS;
	}
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	put(writer, messages, sizeof messages / sizeof messages[0]);
	mq_writer_close(writer);
	for (int round = 0; round < ROUNDS; round++) {
		assert_int_equal(pipe(fds), 0);
		pid_t children[2];
		for (int c = 0; c < 2; c++) {
			children[c] = fork();
			if (children[c] != 0)
				continue;
			struct store own = s;
			struct mq_err err = MQ_ERR_INIT;
			store_connect(&own);
			struct mq_reader *reader = reader_of(&own, "t", "g", UNSET, UNSET);
			for (;;) {
				struct mq_batch batch = get(reader, 20, 1000);
				/* tell what was read, then settle: as an output that was flushed */
				for (size_t i = 0; i < batch.n; i++) {
					int where[2] = {batch.messages[i].partition,
					                (int)batch.messages[i].offset};
					if (write(fds[1], where, sizeof where) != sizeof where)
						_exit(1);
				}
				ok(mq_settle(reader, batch.messages, batch.n, &err), &err);
				ok(mq_commit(reader, true, &err), &err);
				mq_release(reader, &batch);
			}
		}
		close(fds[1]);
		/* After a random number of messages, both die. */
		int where[2], left = rand() % 200;
		bool last = round == ROUNDS - 1;
		int total = 0;
		for (int p = 0; p < PARTITIONS; p++)
			for (int i = 0; i < MESSAGES; i++)
				total += seen[p][i];
		while ((last ? total < PARTITIONS * MESSAGES : left-- > 0) &&
		       read(fds[0], where, sizeof where) == sizeof where) {
			total += !seen[where[0]][where[1]];
			seen[where[0]][where[1]] = 1;
		}
		kill(children[0], SIGKILL);
		kill(children[1], SIGKILL);
		while (read(fds[0], where, sizeof where) == sizeof where)
			seen[where[0]][where[1]] = 1;
		close(fds[0]);
		waitpid(children[0], NULL, 0);
		waitpid(children[1], NULL, 0);
		for (int p = 0; p < PARTITIONS; p++) {
			int64_t next = committed(&s, "t", p);
			for (int i = 0; i < next; i++)
				if (!seen[p][i])
					fail_msg("round %d: [%d] %d committed, nobody read it",
					         round, p, i);
		}
	}
	for (int p = 0; p < PARTITIONS; p++)
		for (int i = 0; i < MESSAGES; i++)
			assert_int_equal(seen[p][i], 1);
	store_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resumes_where_it_settled),
	    cmocka_unit_test(test_second_waits_and_takes_over),
	    cmocka_unit_test(test_shares_partitions),
	    cmocka_unit_test(test_stale_member_moves_nothing),
	    cmocka_unit_test(test_members_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
