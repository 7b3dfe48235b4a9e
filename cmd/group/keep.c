/* The file of messages that are skipped: see keep.h. */
#include "cmd/group/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOM ((size_t)256 * 1024)

/* A run that was killed while it wrote left a line without an end. */
static int end_last_line(struct keep *keep, struct mq_err *err)
{
	off_t end = lseek(keep->out.fd, 0, SEEK_END);
	char last;

	if (end <= 0 || pread(keep->out.fd, &last, 1, end - 1) != 1 || last == '\n')
		return 0;
	mq_log(keep->env, MQ_LEVEL_WARN,
	       "--keep: the last line of %s was not finished; it stays as it is", keep->out.name);
	return mq_buf_append_char(&keep->out.buf, '\n', err);
}

int keep_open(struct keep *keep, const char *path, const struct mq_env *env, struct mq_err *err)
{
	struct mq_format_spec spec = {.kind = MQ_FORMAT_JSON};
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	*keep = (struct keep){.env = env};
	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "--keep: cannot write %s", path);
	mq_output_init(&keep->out, fd, path);
	if (end_last_line(keep, err) < 0)
		return -1;
	return mq_format_new(&spec, &keep->format, err);
}

void keep_release(struct keep *keep)
{
	if (keep->out.name) {
		close(keep->out.fd);
		mq_output_release(&keep->out);
	}
	mq_format_free(keep->format);
	*keep = (struct keep){0};
}

int keep_add(struct keep *keep, const struct mq_message *message, struct mq_err *err)
{
	if (mq_format_append(keep->format, message, &keep->out.buf, err) < 0)
		return -1;
	return keep->out.buf.len < ROOM ? 0 : mq_output_flush(&keep->out, keep->env, NULL, err);
}

/* A new file is only safe with the folder that names it. */
static int sync_folder(const struct keep *keep, struct mq_err *err)
{
	const char *slash = strrchr(keep->out.name, '/');
	char *folder = slash && slash > keep->out.name
	                   ? strndup(keep->out.name, (size_t)(slash - keep->out.name))
	                   : strdup(slash ? "/" : ".");
	int result = 0;

	if (!folder)
		return mq_fail_memory(err);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A folder that cannot be opened or synced for want of rights or support is the system's.
	 */
	if (fd >= 0 && fsync(fd) < 0 && errno == EIO)
		result = mq_fail_errno(err, MQ_IO, errno, "--keep: cannot write %s", folder);
	if (fd >= 0)
		close(fd);
	free(folder);
	return result;
}

int keep_sync(struct keep *keep, struct mq_err *err)
{
	if (mq_output_flush(&keep->out, keep->env, NULL, err) < 0)
		return -1;
	/* A pipe or a terminal has nothing to sync. */
	if (fsync(keep->out.fd) < 0 && errno != EINVAL && errno != EROFS)
		return mq_fail_errno(err, MQ_IO, errno, "--keep: cannot write %s", keep->out.name);
	return sync_folder(keep, err);
}
