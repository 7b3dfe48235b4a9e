/* An Avro container file as lines: see avro_lines.h. */
#include "cmd/avro_lines.h"

#include "mqtk/avro_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { FULL = 64 * 1024 }; /* so many bytes are written at once */

struct avro_lines {
	int file, from, to; /* the ends of the pipe */
	struct mq_avro_reader *reader;
	pthread_t thread;
	bool started;
	struct mq_err err; /* the thread's, until it was joined */
};

/* False when nobody reads any more. */
static bool write_all(int fd, struct mq_buf *buf)
{
	for (size_t at = 0; at < buf->len;) {
		ssize_t wrote = write(fd, buf->data + at, buf->len - at);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		at += (size_t)wrote;
	}
	mq_buf_clear(buf);
	return true;
}

static void *run(void *arg)
{
	struct avro_lines *lines = arg;
	struct mq_schema *schema = mq_avro_reader_schema(lines->reader);
	struct mq_bytes datum;
	struct mq_buf buf;
	bool read = true;

	mq_buf_init(&buf, SIZE_MAX / 2);
	while (read && mq_avro_reader_next(lines->reader, &datum, &lines->err) > 0) {
		if (mq_schema_decode(schema, NULL, datum, 0, &buf, &lines->err) < 0 ||
		    mq_buf_append_char(&buf, '\n', &lines->err) < 0)
			break;
		if (buf.len >= FULL)
			read = write_all(lines->to, &buf);
	}
	if (read)
		write_all(lines->to, &buf);
	mq_buf_release(&buf);
	close(lines->to);
	lines->to = -1;
	return NULL;
}

static int open_file(const char *path, struct mq_err *err)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? mq_fail_errno(err, MQ_IO, errno, "cannot read %s", path) : fd;
}

int avro_lines_open(const char *path, const struct mq_env *env, struct avro_lines **ret,
                    int *ret_fd, struct mq_err *err)
{
	struct avro_lines *lines = calloc(1, sizeof *lines);
	struct mq_err ignored = MQ_ERR_INIT;
	int ends[2];

	if (!lines)
		return mq_fail_memory(err);
	lines->from = lines->to = -1;
	lines->file = open_file(path, err);
	struct mq_avro_read_spec spec = {.fd = lines->file, .name = path, .cancel = env->cancel};
	if (lines->file < 0 || mq_avro_reader_new(&spec, &lines->reader, err) < 0)
		goto fail;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		mq_fail_errno(err, MQ_IO, errno, "no pipe for %s", path);
		goto fail;
	}
	lines->from = ends[0];
	lines->to = ends[1];
	int failed = pthread_create(&lines->thread, NULL, run, lines);
	if (failed) {
		mq_fail_errno(err, MQ_IO, failed, "no thread for %s", path);
		goto fail;
	}
	lines->started = true;
	*ret = lines;
	*ret_fd = lines->from;
	return 0;
fail:
	avro_lines_close(lines, &ignored);
	return -1;
}

int avro_lines_close(struct avro_lines *lines, struct mq_err *err)
{
	if (!lines)
		return 0;
	if (lines->from >= 0)
		close(lines->from); /* a thread that still writes ends by that */
	if (lines->started)
		pthread_join(lines->thread, NULL);
	if (lines->to >= 0)
		close(lines->to);
	mq_avro_reader_free(lines->reader);
	if (lines->file >= 0)
		close(lines->file);
	struct mq_err why = lines->err;
	free(lines);
	if (!why.code || why.code == MQ_CANCELLED)
		return 0;
	mq_fail(err, why.code, "%s", why.message);
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

int avro_lines_schema(const char *path, struct mq_schema **ret, struct mq_err *err)
{
	struct mq_avro_reader *reader = NULL;
	int fd = open_file(path, err), result = -1;
	struct mq_avro_read_spec read = {.fd = fd, .name = path};

	if (fd < 0)
		return -1;
	if (mq_avro_reader_new(&read, &reader, err) == 0) {
		struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
		                              .name = path,
		                              .text = mq_avro_reader_schema_text(reader)};
		result = mq_schema_new(&spec, ret, err);
	}
	mq_avro_reader_free(reader);
	close(fd);
	return result;
}
