/* Writing out: everything arrives, and what did not is known. */
#include "mqtk/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE ((size_t)1 << 20)

static void fill(struct mq_output *out)
{
	assert_int_equal(mq_buf_reserve(&out->buf, SIZE, NULL), 0);
	for (size_t i = 0; i < SIZE; i++)
		out->buf.data[out->buf.len++] = (char)('a' + i % 23);
}

struct reader {
	int fd;
	size_t got;
	bool same;
};

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	char part[5000];
	ssize_t n;

	reader->same = true;
	while ((n = read(reader->fd, part, sizeof part)) > 0)
		for (ssize_t i = 0; i < n; i++)
			reader->same &= part[i] == (char)('a' + reader->got++ % 23);
	return NULL;
}

/* More than a pipe holds, to a reader that takes it in parts; also when the pipe does not block. */
static void test_pipe(void **state)
{
	(void)state;
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		struct mq_err err = MQ_ERR_INIT;
		struct reader reader = {0};
		struct mq_output out;
		pthread_t thread;
		size_t written = 0;
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		if (nonblocking)
			assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
		reader.fd = fds[0];
		assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
		mq_output_init(&out, fds[1], "stdout");
		fill(&out);
		assert_int_equal(mq_output_flush(&out, NULL, &written, &err), 0);
		assert_int_equal(written, SIZE);
		assert_int_equal(out.buf.len, 0);
		assert_int_equal(mq_output_flush(&out, NULL, NULL, &err), 0);
		mq_output_release(&out);
		close(fds[1]);
		pthread_join(thread, NULL);
		assert_int_equal(reader.got, SIZE);
		assert_true(reader.same);
		close(fds[0]);
	}
}

static void test_reader_gone(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_output out;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	mq_output_init(&out, fds[1], "stdout");
	assert_int_equal(mq_buf_append_str(&out.buf, "x", NULL), 0);
	assert_int_equal(mq_output_flush(&out, NULL, NULL, &err), -1);
	assert_int_equal(err.code, MQ_IO);
	assert_true(out.closed);
	mq_err_clear(&err);
	assert_int_equal(mq_output_flush(&out, NULL, NULL, &err), -1);
	assert_int_equal(err.code, MQ_IO);
	mq_output_release(&out);
	close(fds[1]);
}

static void test_full_disk(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_output out;
	size_t written = 99;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	if (fd < 0)
		skip();
	mq_output_init(&out, fd, "dump.json");
	assert_int_equal(mq_buf_append_str(&out.buf, "x", NULL), 0);
	assert_int_equal(mq_output_flush(&out, NULL, &written, &err), -1);
	assert_int_equal(err.code, MQ_IO);
	assert_string_equal(err.message, "cannot write to dump.json: No space left on device");
	assert_int_equal(written, 0);
	assert_int_equal(out.buf.len, 1);
	assert_false(out.closed);
	mq_output_release(&out);
	close(fd);
}

/* After a signal, a pipe that nobody reads is given up; what it took is counted exactly. */
static void test_cancel(void **state)
{
	(void)state;
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		struct mq_err err = MQ_ERR_INIT;
		struct mq_cancel cancel;
		struct mq_env env = {.cancel = &cancel};
		struct mq_output out;
		size_t written = 0;
		char *seen = malloc(SIZE);
		int fds[2];

		assert_non_null(seen);
		assert_int_equal(mq_cancel_init(&cancel, &err), 0);
		assert_int_equal(pipe(fds), 0);
		if (nonblocking)
			assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
		mq_cancel_raise(&cancel, SIGTERM);
		mq_output_init(&out, fds[1], "stdout");
		fill(&out);
		assert_int_equal(mq_output_flush(&out, &env, &written, &err), -1);
		assert_int_equal(err.code, MQ_CANCELLED);
		assert_true(written > 0 && written < SIZE);
		assert_int_equal(out.buf.len, SIZE - written);
		assert_true(out.buf.data[0] == (char)('a' + written % 23));
		assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
		size_t got = 0;
		for (ssize_t n; (n = read(fds[0], seen, SIZE)) > 0;)
			got += (size_t)n;
		assert_int_equal(got, written);
		mq_output_release(&out);
		mq_cancel_release(&cancel);
		close(fds[0]);
		close(fds[1]);
		free(seen);
	}
}

/* A file takes everything although a signal has been. */
static void test_cancel_with_progress(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_cancel cancel;
	struct mq_env env = {.cancel = &cancel};
	struct mq_output out;
	char name[] = "/tmp/mqtk-test-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(mq_cancel_init(&cancel, &err), 0);
	mq_cancel_raise(&cancel, SIGINT);
	mq_output_init(&out, fd, "file");
	fill(&out);
	assert_int_equal(mq_output_flush(&out, &env, NULL, &err), 0);
	assert_true(lseek(fd, 0, SEEK_END) == (off_t)SIZE);
	mq_output_release(&out);
	mq_cancel_release(&cancel);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pipe),
	    cmocka_unit_test(test_reader_gone),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_cancel_with_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
