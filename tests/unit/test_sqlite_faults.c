/* What may befall the local store: kill -9, a full disk, files that are none, locks, races. */
#include "sqlite_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A child writes batches and reports each confirmed offset; it is killed at a random moment. What
 * was confirmed is there, in order, and nothing is torn. */
static void test_kill_loses_nothing(void **state)
{
	struct store s;
	int64_t confirmed = 0;

	(void)state;
	srand(seed_of("kill -9"));
	store_init(&s);
	for (int round = 0; round < 30; round++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		pid_t child = fork();
		if (child == 0) {
			struct store c = s;
			struct tally tally = {0};
			static struct mq_message messages[200];
			store_connect(&c);
			struct mq_writer *writer = writer_of(&c, "t", false, &tally);
			for (unsigned n = 1;; n = n * 31 % 199 + 1) {
				for (unsigned i = 0; i < n; i++) {
					messages[i] = (struct mq_message)MQ_MESSAGE_INIT;
					messages[i].payload = mq_bytes_str("payload");
				}
				put(writer, messages, n);
				if (write(fds[1], &tally.last_offset, 8) != 8)
					_exit(1);
			}
		}
		close(fds[1]);
		int64_t offset;
		for (int left = rand() % 40; left > 0; left--)
			if (read(fds[0], &offset, 8) == 8)
				confirmed = offset + 1;
		/* Also in the middle of a transaction, and while the tables are made. */
		struct timespec moment = {.tv_nsec = rand() % 3000000};
		nanosleep(&moment, NULL);
		kill(child, SIGKILL);
		while (read(fds[0], &offset, 8) == 8)
			confirmed = offset + 1;
		close(fds[0]);
		waitpid(child, NULL, 0);
		if (confirmed == 0)
			continue;
		struct mq_reader *reader = reader_of(&s, "t", NULL, UNSET, UNSET);
		int64_t expected = 0;
		for (bool over = false; !over;) {
			struct mq_batch batch = get(reader, 1000, 1000);
			for (size_t i = 0; i < batch.n; i++) {
				assert_int_equal(batch.messages[i].offset, expected++);
				assert_int_equal(batch.messages[i].payload.len, 7);
			}
			over = batch.caught_up;
			mq_release(reader, &batch);
		}
		mq_reader_close(reader);
		assert_true(expected >= confirmed);
	}
	assert_true(confirmed > 0);
	store_release(&s);
}

/* Processes that are all the first one. */
static void test_first_processes_race(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		struct store s;
		pid_t children[6];
		store_init(&s);
		snprintf(s.path, sizeof s.path, "%s/a/b/s.db", s.folder);
		for (int c = 0; c < 6; c++) {
			children[c] = fork();
			if (children[c] == 0) {
				struct store own = s;
				store_connect(&own);
				put_numbers(&own, c % 2 ? "x" : "y", 10, NULL, 3);
				_exit(0);
			}
		}
		for (int c = 0; c < 6; c++) {
			int status;
			waitpid(children[c], &status, 0);
			assert_int_equal(status, 0);
		}
		mq_close(s.conn);
		store_connect(&s);
		struct mq_reader *reader = reader_of(&s, "^", NULL, UNSET, UNSET);
		assert_int_equal(drain(reader, false, NULL, NULL), 60);
		mq_reader_close(reader);
		store_release(&s);
	}
}

/* Writing past the limit fails with EFBIG, as a full disk does with ENOSPC. */
static void test_full_disk(void **state)
{
	struct store s;
	struct tally tally = {0};
	struct rlimit limit, before;
	static char payload[100000];

	(void)state;
	store_init(&s);
	put_numbers(&s, "t", 100, NULL, 100);
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	struct mq_message message = MQ_MESSAGE_INIT;
	memset(payload, 'x', sizeof payload);
	message.payload = mq_bytes_of(payload, sizeof payload);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 40; i++)
		put(writer, &message, 1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(tally.good > 0);
	assert_true(tally.bad > 0);
	assert_int_equal(tally.code, MQ_IO);
	assert_non_null(strstr(tally.why, "no space left"));
	int64_t good = tally.good;
	put(writer, &message, 1); /* there is room again */
	assert_int_equal(tally.good, good + 1);
	assert_int_equal(tally.last_offset, 100 + good);
	mq_writer_close(writer);
	struct mq_reader *reader = reader_of(&s, "t", NULL, UNSET, UNSET);
	assert_int_equal(drain(reader, false, NULL, NULL), 101 + good);
	mq_reader_close(reader);
	store_release(&s);
}

static void assert_refused(struct store *s, enum mq_code code, const char *words)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_list list;
	struct mq_writer *writer = NULL;
	struct mq_write_spec spec = {.stream = "t", .delivered = count_delivery};

	assert_int_equal(mq_list(s->conn, false, &list, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words) || !strstr(err.message, s->path))
		fail_msg("%s", err.message);
	mq_err_clear(&err);
	assert_int_equal(mq_writer_open(s->conn, &spec, &writer, &err), -1);
	assert_int_equal(err.code, code);
	assert_null(writer);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_files_that_are_no_store(void **state)
{
	struct store s;

	(void)state;
	store_init(&s);
	FILE *file = fopen(s.path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_refused(&s, MQ_DATA, "no SQLite database");
	remove(s.path);
	sql(s.path, "CREATE TABLE mine(a)");
	assert_refused(&s, MQ_DATA, "no store of mqtk");
	remove(s.path);
	put_numbers(&s, "t", 1, NULL, 1);
	sql(s.path, "PRAGMA user_version=7");
	assert_refused(&s, MQ_DATA, "newer mqtk (schema 7)");
	remove(s.path);
	assert_int_equal(mkdir(s.path, 0700), 0);
	assert_refused(&s, MQ_USAGE, "folder");
	store_release(&s);
}

static void test_damaged_file(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_batch batch;
	static char junk[16384];

	(void)state;
	store_init(&s);
	put_numbers(&s, "t", 20000, NULL, 5000);
	struct stat st;
	assert_int_equal(stat(s.path, &st), 0);
	memset(junk, 0xa5, sizeof junk);
	int fd = open(s.path, O_WRONLY);
	for (off_t at = st.st_size / 16384 / 2 * 16384; at < st.st_size; at += 16384)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at), (ssize_t)sizeof junk);
	close(fd);
	struct mq_reader *reader = NULL;
	const char *stream = "t";
	struct mq_read_spec spec = {.streams = &stream, .n_streams = 1, .limit = -1};
	int result = mq_reader_open(s.conn, &spec, &reader, &err);
	while (result == 0) {
		result = mq_fetch(reader, 1000, 0, &batch, &err);
		if (result == 0 && batch.caught_up)
			fail_msg("damage was not noticed");
		if (result == 0)
			mq_release(reader, &batch);
	}
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, s.path));
	mq_reader_close(reader);
	store_release(&s);
}

static void test_locked_by_another(void **state)
{
	struct store s;
	struct tally tally = {0};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_message message = MQ_MESSAGE_INIT;
	sqlite3 *db;

	(void)state;
	store_init(&s);
	put_numbers(&s, "t", 1, NULL, 1);
	s.env.timeout_ms = 300;
	assert_int_equal(sqlite3_open(s.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	struct mq_writer *writer = writer_of(&s, "t", false, &tally);
	int64_t before = mq_now_monotonic_ms();
	put(writer, &message, 1);
	assert_true(mq_now_monotonic_ms() >= before + 300);
	assert_int_equal(tally.bad, 1);
	assert_int_equal(tally.code, MQ_UNREACHABLE);
	/* not every batch waits again: the writer is done for */
	assert_int_equal(mq_write(writer, &message, 1, &err), -1);
	assert_int_equal(err.code, MQ_UNREACHABLE);
	mq_writer_close(writer);
	/* reading goes on meanwhile */
	struct mq_reader *reader = reader_of(&s, "t", NULL, UNSET, UNSET);
	assert_int_equal(drain(reader, false, NULL, NULL), 1);
	mq_reader_close(reader);
	sqlite3_close(db);
	store_release(&s);
}

/* As another user, since root may write everything. */
static int read_as_nobody(struct store *s)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_writer *writer = NULL;
	struct mq_write_spec spec = {.stream = "t", .delivered = count_delivery};

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	store_connect(s);
	struct mq_reader *reader = reader_of(s, "t", NULL, UNSET, UNSET);
	if (drain(reader, false, NULL, NULL) != 50)
		return 2;
	mq_reader_close(reader);
	if (mq_writer_open(s->conn, &spec, &writer, &err) != -1)
		return 3;
	return err.code == MQ_DENIED && strstr(err.message, s->path) ? 0 : 4;
}

static void test_read_only(void **state)
{
	struct store s;

	(void)state;
	store_init(&s);
	put_numbers(&s, "t", 50, NULL, 50);
	assert_int_equal(chmod(s.path, 0444), 0);
	assert_int_equal(chmod(s.folder, 0555), 0);
	/* With and without somebody who has it open. */
	for (int open = 0; open < 2; open++) {
		struct mq_reader *reader = open ? reader_of(&s, "t", NULL, UNSET, UNSET) : NULL;
		int status = 0;
		pid_t child = fork();
		if (child == 0)
			_exit(read_as_nobody(&s));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		mq_reader_close(reader);
		if (geteuid() != 0)
			break;
	}
	assert_int_equal(chmod(s.folder, 0755), 0);
	store_release(&s);
}

static void test_settings(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	store_init(&s);
	mq_close(s.conn);
	ok(mq_settings_add(&s.target.settings, "synchronous", "normal", "-X", &err), &err);
	ok(mq_open(&s.target, &s.env, &s.conn, &err), &err);
	put_numbers(&s, "t", 3, NULL, 1);
	mq_close(s.conn);
	s.conn = NULL;
	ok(mq_settings_add(&s.target.settings, "synchronous", "sometimes", "-X", &err), &err);
	assert_int_equal(mq_open(&s.target, &s.env, &s.conn, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_settings_release(&s.target.settings);
	store_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kill_loses_nothing),
	    cmocka_unit_test(test_first_processes_race),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_files_that_are_no_store),
	    cmocka_unit_test(test_damaged_file),
	    cmocka_unit_test(test_locked_by_another),
	    cmocka_unit_test(test_read_only),
	    cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
