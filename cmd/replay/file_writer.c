/*
 * Messages into a file of -J lines: see file.h. What was written but is not on disk yet has no
 * answer; flush brings it to the disk and answers all of it. When a write fails the file is cut
 * back to what was answered, so that no half a line stays.
 */
#include "cmd/replay/file_store.h"

#include "mqtk/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* This much is gathered before it is written. */
#define FULL ((size_t)1 << 20)
/* So many messages may wait for the disk. */
#define MOST 65536

struct file_writer {
	struct mq_writer base;
	struct mq_conn conn;
	struct mq_output out;
	struct mq_format *format;
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
	uint64_t *tags; /* of what has no answer yet */
	size_t n_tags;
	off_t stored; /* the file's size up to what was answered; -1: no regular file */
	struct mq_err broken;
};

static struct file_writer *writer_of(struct mq_writer *writer)
{
	return (struct file_writer *)writer;
}

/* --- opening --------------------------------------------------------------------------------- */

/* The place behind the last whole line, looked for from the end. */
static int find_whole(int fd, off_t size, off_t *ret, const char *path, struct mq_err *err)
{
	char block[65536];

	while (size > 0) {
		size_t len = size < (off_t)sizeof block ? (size_t)size : sizeof block;
		ssize_t n = pread(fd, block, len, size - (off_t)len);
		if (n != (ssize_t)len)
			return mq_fail_errno(err, MQ_IO, n < 0 ? errno : EIO, "cannot read %s",
			                     path);
		const char *end = memrchr(block, '\n', len);
		if (end) {
			*ret = size - (off_t)len + (end - block) + 1;
			return 0;
		}
		size -= (off_t)len;
	}
	*ret = 0;
	return 0;
}

/* What the file holds already. */
static int look_at(struct file_writer *w, const struct file_write_spec *spec, struct mq_err *err)
{
	struct stat st;
	off_t whole = 0;

	w->stored = -1;
	if (fstat(w->out.fd, &st) < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot look at %s", w->out.name);
	if (!S_ISREG(st.st_mode) || strcmp(spec->path, "-") == 0)
		return 0;
	if (st.st_size > 0 && !spec->append && !spec->resume) {
		mq_fail(err, MQ_USAGE, "%s is not empty", spec->path);
		return mq_hint(err,
		               "--append adds to it; --resume FILE goes on with an earlier run");
	}
	if (st.st_size > 0 && find_whole(w->out.fd, st.st_size, &whole, spec->path, err) < 0)
		return -1;
	if (whole < st.st_size && spec->ends) {
		mq_log(w->conn.env, MQ_LEVEL_NOTE,
		       "%s: its last line is unfinished, as a run that was killed leaves one; it "
		       "stays alone",
		       spec->path);
		w->stored = st.st_size;
		return mq_buf_append_char(&w->out.buf, '\n', err);
	}
	if (whole < st.st_size && !spec->resume) {
		mq_fail(err, MQ_DATA, "%s does not end in a whole line", spec->path);
		return mq_hint(err, "what would be appended could not be told from it");
	}
	if (whole < st.st_size) {
		mq_log(w->conn.env, MQ_LEVEL_NOTE,
		       "%s: the last line was cut short by the earlier run; it is written again",
		       spec->path);
		if (ftruncate(w->out.fd, whole) < 0)
			return mq_fail_errno(err, MQ_IO, errno, "cannot cut %s", spec->path);
	}
	w->stored = whole;
	return 0;
}

int file_writer_open(const struct file_write_spec *spec, const struct mq_env *env,
                     struct mq_writer **ret_writer, struct mq_err *err)
{
	const struct mq_format_spec format = {.kind = MQ_FORMAT_JSON};
	bool standard = strcmp(spec->path, "-") == 0;
	/* What earlier runs wrote must be there still. */
	int made = spec->resume ? 0 : O_CREAT;
	struct file_writer *w = calloc(1, sizeof *w);

	*ret_writer = NULL;
	if (!w)
		return mq_fail_memory(err);
	w->conn = (struct mq_conn){.backend = &file_backend, .env = env};
	w->base = (struct mq_writer){.conn = &w->conn, .partitions = -1};
	w->delivered = spec->delivered;
	w->ctx = spec->ctx;
	int fd =
	    standard ? STDOUT_FILENO : open(spec->path, O_RDWR | O_APPEND | O_CLOEXEC | made, 0600);
	mq_output_init(&w->out, fd, standard ? "standard output" : spec->path);
	if (fd < 0) {
		bool lost = errno == ENOENT && spec->resume;
		mq_fail_errno(err, MQ_IO, errno, "cannot write %s", spec->path);
		if (lost)
			mq_hint(err, "an earlier run made it, and what that copied is gone with "
			             "it; another journal begins anew");
		goto fail;
	}
	w->tags = malloc(MOST * sizeof *w->tags);
	if (!w->tags) {
		mq_fail_memory(err);
		goto fail;
	}
	if (mq_format_new(&format, &w->format, err) < 0 || look_at(w, spec, err) < 0)
		goto fail;
	*ret_writer = &w->base;
	return 0;
fail:
	file_writer_close(&w->base);
	return -1;
}

/* --- writing --------------------------------------------------------------------------------- */

/* Answers everything that waits. */
static void answer(struct file_writer *w, const struct mq_err *why)
{
	for (size_t i = 0; i < w->n_tags; i++) {
		const struct mq_delivery delivery = {.tag = w->tags[i],
		                                     .partition = MQ_NO_PARTITION,
		                                     .offset = MQ_NO_OFFSET,
		                                     .err = why};
		w->delivered(w->ctx, &delivery);
	}
	w->n_tags = 0;
}

static int give_up(struct file_writer *w, struct mq_err *err)
{
	w->broken = *err;
	mq_buf_clear(&w->out.buf);
	if (w->stored >= 0 && ftruncate(w->out.fd, w->stored) < 0)
		mq_log(w->conn.env, MQ_LEVEL_WARN, "%s: its last line may be cut short",
		       w->out.name);
	answer(w, &w->broken);
	return -1;
}

static int write_out(struct file_writer *w, struct mq_err *err)
{
	if (w->out.buf.len > 0 && mq_output_flush(&w->out, w->conn.env, NULL, err) < 0)
		return give_up(w, err);
	return 0;
}

bool file_writer_gone(const struct mq_writer *writer)
{
	const struct file_writer *w = (const struct file_writer *)writer;

	return w->out.closed && w->out.fd == STDOUT_FILENO;
}

int64_t file_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                   struct mq_err *err)
{
	struct file_writer *w = writer_of(writer);
	size_t done = 0;

	if (w->broken.code != MQ_OK) {
		*err = w->broken;
		return -1;
	}
	for (; done < n && w->n_tags < MOST; done++) {
		if (mq_format_append(w->format, &messages[done], &w->out.buf, err) < 0)
			return give_up(w, err);
		w->tags[w->n_tags++] = messages[done].tag;
		if (w->out.buf.len >= FULL && write_out(w, err) < 0)
			return -1;
	}
	return (int64_t)done;
}

/* Brings what was written to the disk, where it lasts only in a file that still has a name. */
static int make_safe(struct file_writer *w, struct mq_err *err)
{
	struct stat st;

	/* What cannot be synchronised (a pipe, a terminal) is out when it was written. */
	if (fsync(w->out.fd) < 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
		return mq_fail_errno(err, MQ_IO, errno, "%s is not safe on disk", w->out.name);
	if (w->stored >= 0 && fstat(w->out.fd, &st) == 0 && st.st_nlink == 0)
		return mq_fail(err, MQ_IO, "%s was removed while it was written to", w->out.name);
	return 0;
}

int64_t file_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	struct file_writer *w = writer_of(writer);

	(void)timeout_ms;
	if (w->n_tags == 0)
		return 0;
	if (write_out(w, err) < 0)
		return -1;
	if (make_safe(w, err) < 0)
		return give_up(w, err);
	if (w->stored >= 0)
		w->stored = lseek(w->out.fd, 0, SEEK_END);
	answer(w, NULL);
	return 0;
}

/* Full, or nothing to do: what is gathered goes on only when it is asked for by flush. */
int64_t file_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	struct file_writer *w = writer_of(writer);

	return w->n_tags < MOST ? (int64_t)w->n_tags : file_writer_flush(writer, timeout_ms, err);
}

void file_writer_close(struct mq_writer *writer)
{
	struct file_writer *w = writer_of(writer);
	struct mq_err err = MQ_ERR_INIT;

	if (!w)
		return;
	if (w->n_tags > 0)
		file_writer_flush(writer, 0, &err);
	mq_format_free(w->format);
	mq_output_release(&w->out);
	if (w->out.fd > STDERR_FILENO)
		close(w->out.fd);
	free(w->tags);
	free(w);
}
