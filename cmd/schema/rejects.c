/* Where invalid messages go: see rejects.h. */
#include "cmd/schema/rejects.h"

#include "cmd/letter.h"
#include "cmd/replay/file.h"
#include "cmd/schema/operand.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FULL = 256 * 1024,
	WAIT_MS = 100,
};

static void delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct rejects *rejects = ctx;

	rejects->open--;
	if (!delivery->err)
		rejects->count++;
	else if (rejects->failure.code == MQ_OK)
		rejects->failure = *delivery->err;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A file of records. What an earlier run left unfinished must not become a part of the first. */
static int open_raw(struct rejects *rejects, const char *path, struct mq_err *err)
{
	struct stat st;
	char last = '\n';
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "--reject-to: cannot write %s", path);
	mq_output_init(&rejects->out, fd, path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		return mq_buf_append_char(&rejects->out.buf, '\n', err);
	return 0;
}

static int open_stream(struct rejects *rejects, const struct mq_invocation *invocation,
                       const char *address, struct mq_err *err)
{
	struct opening *opening = &rejects->opening;
	struct mq_write_spec spec = {
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .delivered = delivered,
	    .ctx = rejects,
	};

	if (mq_target_resolve(address, invocation->config, &invocation->settings, &opening->target,
	                      err) < 0)
		return -1;
	rejects->shown = opening->target.shown;
	if (opening_check_stream(&opening->target, NULL, err) < 0 ||
	    mq_open(&opening->target, invocation->env, &opening->conn, err) < 0 ||
	    opening_check_stream(&opening->target, opening->conn, err) < 0)
		return -1;
	spec.stream = opening->target.stream;
	return mq_writer_open(opening->conn, &spec, &rejects->writer, err);
}

int rejects_open(struct rejects *rejects, const struct mq_invocation *invocation,
                 const char *target, struct mq_bytes ending, struct mq_err *err)
{
	*rejects = (struct rejects){.env = invocation->env, .shown = target, .out.fd = -1};
	if (operand_is_address(invocation, target))
		return open_stream(rejects, invocation, target, err);
	rejects->shown = file_path(target);
	if (strcmp(target, "-") == 0)
		return mq_fail(err, MQ_USAGE, "--reject-to names a file or a stream, and not -");
	rejects->ending = ending;
	if (ending.data)
		return open_raw(rejects, rejects->shown, err);
	struct file_write_spec spec = {.path = rejects->shown,
	                               .append = true,
	                               .ends = true,
	                               .delivered = delivered,
	                               .ctx = rejects};
	return file_writer_open(&spec, invocation->env, &rejects->writer, err);
}

void rejects_close(struct rejects *rejects)
{
	mq_writer_close(rejects->writer);
	opening_close(&rejects->opening);
	if (rejects->out.fd >= 0)
		close(rejects->out.fd);
	mq_output_release(&rejects->out);
	*rejects = (struct rejects){.out.fd = -1};
}

/* --- writing ---------------------------------------------------------------------------------- */

static int refused(const struct rejects *rejects, struct mq_err *err)
{
	const struct mq_err *why = &rejects->failure;

	mq_fail(err, why->code == MQ_DATA ? MQ_PARTIAL : why->code,
	        "%s did not take an invalid message: %s", rejects->shown, why->message);
	return why->hint[0] ? mq_hint(err, "%s", why->hint) : -1;
}

static int write_letter(struct rejects *rejects, const struct mq_message *message,
                        struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + rejects->env->timeout_ms;
	int64_t took = 0;

	rejects->open++;
	while (took == 0 && rejects->failure.code == MQ_OK && mq_now_monotonic_ms() < end) {
		took = mq_write(rejects->writer, message, 1, &rejects->failure);
		if (took == 0)
			mq_writer_poll(rejects->writer, WAIT_MS, &rejects->failure);
	}
	if (took == 1)
		return 0;
	rejects->open--;
	mq_fail(&rejects->failure, MQ_UNREACHABLE, "it takes nothing");
	return refused(rejects, err);
}

int rejects_add(struct rejects *rejects, struct mq_bytes raw, const struct mq_message *message,
                const char *broker, struct mq_bytes error, struct mq_err *err)
{
	struct letter_why why = {
	    .broker = broker, .reason = "schema", .attempts = -1, .error = error};
	struct letter letter;

	if (rejects->ending.data) {
		if (mq_buf_append(&rejects->out.buf, raw.data, raw.len, err) < 0 ||
		    mq_buf_append(&rejects->out.buf, rejects->ending.data, rejects->ending.len,
		                  err) < 0)
			return -1;
		rejects->open++;
		return rejects->out.buf.len >= FULL ? rejects_flush(rejects, err) : 0;
	}
	int result = letter_write(&letter, message, &why, err);
	if (result == 0)
		result = write_letter(rejects, &letter.message, err);
	letter_release(&letter);
	return result;
}

static int flush_raw(struct rejects *rejects, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (rejects->out.buf.len == 0)
		return 0;
	if (mq_output_flush(&rejects->out, rejects->env, NULL, &why) < 0)
		return mq_fail(err, why.code, "--reject-to: %s", why.message);
	rejects->count += rejects->open;
	rejects->open = 0;
	return 0;
}

/* The backend gives each message up after its own time-out, so this ends; and at a signal after the
 * time that people wait for a broker. */
int rejects_flush(struct rejects *rejects, struct mq_err *err)
{
	int64_t deadline = INT64_MAX;

	if (rejects->ending.data)
		return flush_raw(rejects, err);
	while (rejects->open > 0 && mq_now_monotonic_ms() < deadline) {
		if (mq_writer_flush(rejects->writer, WAIT_MS, &rejects->failure) < 0)
			break;
		if (deadline == INT64_MAX && mq_cancel_signal(rejects->env->cancel))
			deadline = mq_now_monotonic_ms() + rejects->env->timeout_ms;
	}
	if (rejects->open > 0)
		mq_fail(&rejects->failure, MQ_UNREACHABLE, "no answer came");
	return rejects->failure.code == MQ_OK ? 0 : refused(rejects, err);
}

void rejects_poll(struct rejects *rejects)
{
	if (rejects->writer && rejects->failure.code == MQ_OK)
		mq_writer_poll(rejects->writer, 0, &rejects->failure);
}

/* --- loops ------------------------------------------------------------------------------------ */

bool rejects_is_file(const struct rejects *rejects, int fd)
{
	struct stat in, out;
	bool streams = rejects->opening.conn != NULL;

	return !streams && fstat(fd, &in) == 0 && S_ISREG(in.st_mode) &&
	       stat(rejects->shown, &out) == 0 && in.st_dev == out.st_dev &&
	       in.st_ino == out.st_ino;
}

bool rejects_is_stream(const struct rejects *rejects, const struct mq_target *target)
{
	const struct mq_target *ours = &rejects->opening.target;

	return rejects->opening.conn && ours->stream && target->stream &&
	       strcmp(ours->stream, target->stream) == 0 && mq_target_same_broker(ours, target);
}
