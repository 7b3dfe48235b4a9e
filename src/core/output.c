/* Writing a buffer to a descriptor: see mqtk/output.h. */
#include "mqtk/output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* What is collected between two flushes is the caller's choice; this only stops a runaway. */
#define OUTPUT_LIMIT ((size_t)1 << 40)

/* A pipe that polls writable takes this much without blocking (PIPE_BUF). */
#define SMALL_WRITE 4096

/* How long a reader that is slow, not gone, has to take something after a signal. */
#define GRACE_MS 500

void mq_output_init(struct mq_output *out, int fd, const char *name)
{
	*out = (struct mq_output){.fd = fd, .name = name};
	mq_buf_init(&out->buf, OUTPUT_LIMIT);
}

void mq_output_release(struct mq_output *out)
{
	if (out)
		mq_buf_release(&out->buf);
}

/* After a signal: true when the descriptor still takes something soon. */
static bool still_taking(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t deadline = mq_now_monotonic_ms() + GRACE_MS;
	int64_t left = GRACE_MS;

	while (left >= 0) {
		int n = poll(&p, 1, (int)left);
		if (n >= 0 || errno != EINTR)
			return n > 0;
		left = deadline - mq_now_monotonic_ms();
	}
	return false;
}

/* One write. Returns how many bytes went out (0: try again), or -1. */
static ssize_t write_some(struct mq_output *out, const char *data, size_t len,
                          const struct mq_cancel *cancel, struct mq_err *err)
{
	if (mq_cancel_signal(cancel)) {
		if (!still_taking(out->fd))
			return mq_fail(err, MQ_CANCELLED, "%s takes no output", out->name);
		/* Small, so that a blocking pipe cannot hold us after the signal has been. */
		len = len < SMALL_WRITE ? len : SMALL_WRITE;
	}
	ssize_t n = write(out->fd, data, len);
	if (n >= 0 || errno == EINTR)
		return n >= 0 ? n : 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		mq_cancel_wait(cancel, out->fd, POLLOUT, -1);
		return 0;
	}
	if (errno == EPIPE)
		out->closed = true;
	return mq_fail_errno(err, MQ_IO, errno, "cannot write to %s", out->name);
}

int mq_output_flush(struct mq_output *out, const struct mq_env *env, size_t *ret_written,
                    struct mq_err *err)
{
	size_t done = 0;
	int r = 0;

	if (out->closed)
		r = mq_fail_errno(err, MQ_IO, EPIPE, "cannot write to %s", out->name);
	while (r == 0 && done < out->buf.len) {
		ssize_t n = write_some(out, out->buf.data + done, out->buf.len - done,
		                       env ? env->cancel : NULL, err);
		if (n < 0)
			r = -1;
		else
			done += (size_t)n;
	}
	if (ret_written)
		*ret_written = done;
	mq_buf_consume(&out->buf, done);
	return r;
}
