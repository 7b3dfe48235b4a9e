/* Writing and keeping the journal: see journal.h; reading it back is journal_read.c. */
#include "cmd/replay/journal_lines.h"

#include "mqtk/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one line, and of the file as it is read back. */
#define LINE_LIMIT ((size_t)256 << 20)
#define FILE_LIMIT ((size_t)1 << 30)

/* --- writing --------------------------------------------------------------------------------- */

static int write_line(struct journal *journal, const struct mq_buf *buf, struct mq_err *err)
{
	size_t done = 0;

	while (done < buf->len) {
		ssize_t n = write(journal->fd, buf->data + done, buf->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mq_fail_errno(err, MQ_IO, errno, "cannot write to the journal %s",
			                     journal->path);
		done += (size_t)n;
	}
	if (fsync(journal->fd) < 0)
		return mq_fail_errno(err, MQ_IO, errno, "the journal %s is not safe on disk",
		                     journal->path);
	return 0;
}

static void put_part(struct mq_json *json, const struct plan_part *part)
{
	mq_json_open(json, NULL, '{');
	mq_json_int(json, "source", (int64_t)part->source);
	mq_json_text(json, "stream", part->stream);
	mq_json_known(json, "partition", part->partition, MQ_NO_PARTITION);
	mq_json_known(json, "partitions", part->partitions, -1);
	if (part->by_id) {
		mq_json_text(json, "from_id", part->from_id);
		mq_json_text(json, "to_id", part->to_id);
	} else if (part->stream) {
		mq_json_int(json, "from", part->from);
		mq_json_int(json, "to", part->to);
	}
	mq_json_close(json, '}');
}

int journal_begin(struct journal *journal, const struct journal_subject *subject,
                  const struct plan *plan, struct mq_err *err)
{
	struct mq_json json;
	struct mq_buf buf;

	if (!journal->path || journal->resumed)
		return 0;
	mq_buf_init(&buf, LINE_LIMIT);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_int(&json, "mqtk_replay", 1);
	mq_json_open(&json, "sources", '[');
	for (size_t i = 0; i < subject->n_sources; i++)
		mq_json_text(&json, NULL, subject->sources[i]);
	mq_json_close(&json, ']');
	mq_json_text(&json, "target", subject->target);
	mq_json_text(&json, "options", subject->options);
	mq_json_open(&json, "parts", '[');
	for (size_t i = 0; i < plan->n; i++)
		put_part(&json, &plan->parts[i]);
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	int result = mq_json_end(&json) < 0 ? -1 : write_line(journal, &buf, err);
	mq_buf_release(&buf);
	return result;
}

static void write_counts(const struct journal *journal, struct mq_json *json, int64_t done)
{
	mq_json_int(json, "done", done);
	if (journal->missed > 0)
		mq_json_int(json, "missed", journal->missed);
	mq_json_close(json, '}');
}

int journal_note(struct journal *journal, struct plan *plan, int64_t done, struct mq_err *err)
{
	struct mq_json json;
	struct mq_buf buf;

	mq_buf_init(&buf, LINE_LIMIT);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_open(&json, "at", '[');
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_part *part = &plan->parts[i];
		if (!part->changed)
			continue;
		part->changed = false;
		mq_json_open(&json, NULL, '[');
		mq_json_int(&json, NULL, (int64_t)i);
		if (part->by_id)
			mq_json_text(&json, NULL, part->last_id);
		else
			mq_json_int(&json, NULL, part->next);
		mq_json_close(&json, ']');
	}
	mq_json_close(&json, ']');
	write_counts(journal, &json, done);
	int result = mq_json_end(&json) < 0 ? -1 : write_line(journal, &buf, err);
	mq_buf_release(&buf);
	return result;
}

int journal_finish(struct journal *journal, int64_t done, struct mq_err *err)
{
	struct mq_json json;
	struct mq_buf buf;

	mq_buf_init(&buf, LINE_LIMIT);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_bool(&json, "finished", true);
	write_counts(journal, &json, done);
	int result = mq_json_end(&json) < 0 ? -1 : write_line(journal, &buf, err);
	mq_buf_release(&buf);
	return result;
}

/* --- opening --------------------------------------------------------------------------------- */

static int read_all(struct journal *journal, struct mq_buf *buf, struct mq_err *err)
{
	for (;;) {
		if (mq_buf_reserve(buf, 1 << 16, err) < 0)
			return -1;
		ssize_t n =
		    pread(journal->fd, buf->data + buf->len, buf->cap - buf->len, (off_t)buf->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mq_fail_errno(err, MQ_IO, errno, "cannot read the journal %s",
			                     journal->path);
		if (n == 0)
			return 0;
		buf->len += (size_t)n;
	}
}

/* A new name lasts only when its folder is on disk too. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

int journal_open(struct journal *journal, const char *path, const struct journal_subject *subject,
                 struct plan *plan, struct mq_err *err)
{
	struct mq_buf buf;
	int result = -1;

	*journal = (struct journal){.path = path, .fd = -1};
	mq_buf_init(&buf, FILE_LIMIT);
	journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd < 0) {
		mq_fail_errno(err, MQ_IO, errno, "--resume: cannot open %s", path);
		goto out;
	}
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0) {
		mq_fail(err, MQ_USAGE, "--resume: another replay is using the journal %s", path);
		goto out;
	}
	if (read_all(journal, &buf, err) < 0)
		goto out;
	/* Behind the last whole line stands what was being written when the run was killed. */
	const char *end = buf.len ? memrchr(buf.data, '\n', buf.len) : NULL;
	size_t whole = end ? (size_t)(end - buf.data) + 1 : 0;
	if (whole < buf.len && buf.data[0] != '{') {
		journal_foreign(path, err);
		goto out;
	}
	if (whole < buf.len && ftruncate(journal->fd, (off_t)whole) < 0) {
		mq_fail_errno(err, MQ_IO, errno, "cannot cut the journal %s", path);
		goto out;
	}
	buf.len = whole;
	sync_folder(path);
	journal->resumed = whole > 0;
	result = whole == 0 ? 0 : journal_read(journal, &buf, subject, plan, err);
out:
	mq_buf_release(&buf);
	return result;
}

void journal_close(struct journal *journal)
{
	if (journal->path && journal->fd >= 0)
		close(journal->fd);
	*journal = (struct journal){.fd = -1};
}
