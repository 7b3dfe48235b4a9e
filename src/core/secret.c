/* Running a password-command: see secret.h. */
#include "core/secret.h"
#include "core/url.h"
#include "mqtk/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET_LIMIT 65536

extern char **environ;

/* Starts the command with its output in a pipe. It gets nothing of our standard input, which may be
 * the messages to be sent, and asks on the terminal if it has to. */
static int start(const char *command, int out, pid_t *ret_pid)
{
	char sh[] = "sh";
	char c[] = "-c";
	char *argv[] = {sh, c, NULL, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	char *copy = strdup(command);
	int result;

	if (!copy)
		return ENOMEM;
	argv[2] = copy;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	result = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (result == 0)
		result = posix_spawn(ret_pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(copy);
	return result;
}

/* Everything that comes, so that the command does not die of a closed pipe; only the start of it is
 * kept. Returns 0 or errno; a signal ends the wait. */
static int read_all(int fd, struct mq_buf *buf, struct mq_err *err)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n == 0)
			return 0;
		if (n < 0)
			return errno;
		size_t room = buf->limit - buf->len;
		size_t keep = (size_t)n < room ? (size_t)n : room;
		int result = mq_buf_append(buf, chunk, keep, err);
		explicit_bzero(chunk, sizeof chunk);
		if (result < 0)
			return ENOMEM;
	}
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

char *mq_secret_from_command(const char *command, const char *what, struct mq_err *err)
{
	struct mq_buf buf;
	int fds[2];
	pid_t pid;
	char *line = NULL;

	mq_buf_init(&buf, SECRET_LIMIT);
	if (pipe2(fds, O_CLOEXEC) < 0) {
		mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
		return NULL;
	}
	int errnum = start(command, fds[1], &pid);
	close(fds[1]);
	if (errnum != 0) {
		mq_fail_errno(err, MQ_DENIED, errnum, "the password-command of %s cannot run",
		              what);
		goto out;
	}
	errnum = read_all(fds[0], &buf, err);
	if (errnum == EINTR) {
		kill(pid, SIGTERM);
		wait_for(pid);
		mq_fail(err, MQ_CANCELLED, "the password-command of %s was interrupted", what);
		goto out;
	}
	int status = wait_for(pid);
	if (errnum != 0) {
		mq_fail_errno(err, MQ_DENIED, errnum, "the password-command of %s", what);
	} else if (status < 0 || WIFSIGNALED(status)) {
		mq_fail(err, MQ_DENIED, "the password-command of %s was killed", what);
	} else if (WEXITSTATUS(status) != 0) {
		mq_fail(err, MQ_DENIED, "the password-command of %s failed with exit status %d",
		        what, WEXITSTATUS(status));
	} else {
		const char *newline = buf.len ? memchr(buf.data, '\n', buf.len) : NULL;
		size_t len = newline ? (size_t)(newline - buf.data) : buf.len;
		if (len > 0 && buf.data[len - 1] == '\r')
			len--;
		if (len == 0 || len == SECRET_LIMIT || memchr(buf.data, '\0', len))
			mq_fail(err, MQ_DENIED,
			        "the password-command of %s printed no line that is a password",
			        what);
		else if (!(line = strndup(buf.data, len)))
			mq_fail_memory(err);
	}
out:
	close(fds[0]);
	if (buf.data)
		explicit_bzero(buf.data, buf.cap);
	mq_buf_release(&buf);
	return line;
}
