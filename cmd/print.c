/* Printing to stdout by those commands that print reports, not messages. */
#include "cmd/commands.h"

#include <errno.h>
#include <stdio.h>

/* A reader that went away wanted no more; anything else lost output. */
static int failed(int errnum, struct mq_err *err)
{
	if (errnum == EPIPE)
		return 0;
	mq_fail_errno(err, MQ_IO, errnum, "cannot write to stdout");
	return MQ_IO;
}

int mq_print(const struct mq_buf *buf, struct mq_err *err)
{
	errno = 0;
	if (buf->len > 0 && fwrite(buf->data, 1, buf->len, stdout) != buf->len)
		return failed(errno, err);
	return 0;
}

int mq_print_flush(struct mq_err *err)
{
	errno = 0;
	if (fflush(stdout) != 0)
		return failed(errno, err);
	return 0;
}
