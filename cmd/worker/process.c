/* Programs that work on messages: see process.h. */
#include "cmd/worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_AT_ONCE = 65536,
	READS = 16,          /* before others have their turn */
	PASS_AT_ONCE = 4096, /* goes into a pipe without waiting, if anything does (PIPE_BUF) */
};

/* --- SIGCHLD ---------------------------------------------------------------------------------- */

static int wakeup[2] = {-1, -1};

static void on_child(int signum)
{
	int saved = errno;
	ssize_t ignored = write(wakeup[1], "", 1); /* full: it is readable anyway */

	(void)signum;
	(void)ignored;
	errno = saved;
}

int process_wakeup(struct mq_err *err)
{
	struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

	if (wakeup[0] >= 0)
		return wakeup[0];
	if (pipe2(wakeup, O_CLOEXEC | O_NONBLOCK) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGCHLD, &action, NULL) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot catch SIGCHLD");
	return wakeup[0];
}

bool process_woken(void)
{
	char many[64];
	ssize_t n = read(wakeup[0], many, sizeof many);
	bool any = n > 0;

	while (n == (ssize_t)sizeof many)
		n = read(wakeup[0], many, sizeof many);
	return any;
}

static void feed(struct process *process);

/* --- starting --------------------------------------------------------------------------------- */

/* Our end, which never blocks and which no program inherits. */
static bool make_pipe(int *ret_ours, int *ret_theirs, bool we_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	*ret_ours = ends[we_write ? 1 : 0];
	*ret_theirs = ends[we_write ? 0 : 1];
	fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
	return true;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Signals as a program expects them: we ignore some, and that would be inherited. nohup is meant
 * for it as well. */
static int set_signals(posix_spawnattr_t *attributes)
{
	static const int numbers[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT, SIGTERM, SIGCHLD};
	struct sigaction hangup;
	sigset_t defaults, none;

	sigemptyset(&defaults);
	sigemptyset(&none);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&defaults, numbers[i]);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&defaults, SIGHUP);
	int result = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (result == 0)
		result = posix_spawnattr_setsigmask(attributes, &none);
	if (result == 0)
		result = posix_spawnattr_setpgroup(attributes, 0);
	return result ? result
	              : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
	                                                         POSIX_SPAWN_SETSIGMASK |
	                                                         POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct process *process, const struct process_spec *spec, const int *theirs)
{
	char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)spec->command,
	                       NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return result;
	result = posix_spawnattr_init(&attributes);
	if (result) {
		posix_spawn_file_actions_destroy(&actions);
		return result;
	}
	for (int fd = 0; fd < 3 && result == 0; fd++)
		if (theirs[fd] >= 0)
			result = posix_spawn_file_actions_adddup2(&actions, theirs[fd], fd);
	/* Not every library marks its sockets as not to be inherited. */
	if (result == 0)
		result = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (result == 0)
		result = set_signals(&attributes);
	if (result == 0)
		result = posix_spawn(&process->pid, "/bin/sh", &actions, &attributes, words,
		                     spec->environment);
	if (result)
		process->pid = 0;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

static int cannot_start(const struct process_spec *spec, int why, struct mq_err *err)
{
	if (why == E2BIG) {
		mq_fail(err, MQ_DATA,
		        "what is told of the message does not fit into an environment");
		return mq_hint(err, "--exec-lines and --exec-batch give none of it");
	}
	mq_fail_errno(err, MQ_IO, why, "'%s' cannot be started", spec->command);
	if (err)
		err->retriable = why == EAGAIN || why == ENOMEM || why == EMFILE || why == ENFILE;
	return mq_hint(err, "fewer --workers, or other limits (ulimit -u, ulimit -n)");
}

int process_start(struct process *process, const struct process_spec *spec, struct mq_bytes input,
                  bool keep_open, struct mq_err *err)
{
	int theirs[3] = {-1, -1, -1};
	int result = 0;

	*process = (struct process){.input = -1, .output = -1, .complaints = -1};
	mq_buf_init(&process->lines, spec->limit);
	if (!make_pipe(&process->input, &theirs[0], true) ||
	    !make_pipe(&process->complaints, &theirs[2], false) ||
	    (spec->answers && !make_pipe(&process->output, &theirs[1], false)))
		result = errno;
	process->left = input;
	process->keep_open = keep_open;
	/* What fits into the pipe is there before the program is. */
	if (result == 0) {
		feed(process);
		result = spawn(process, spec, theirs);
	}
	for (int fd = 0; fd < 3; fd++)
		close_end(&theirs[fd]);
	if (result) {
		process_release(process);
		return cannot_start(spec, result, err);
	}
	process->place = spec->place;
	if (process->place)
		*process->place = process->pid;
	return 0;
}

/* --- feeding and listening -------------------------------------------------------------------- */

void process_feed(struct process *process, struct mq_bytes input)
{
	process->left = input;
	feed(process);
}

void process_close_input(struct process *process)
{
	close_end(&process->input);
	process->left = MQ_ABSENT;
}

static void feed(struct process *process)
{
	while (process->input >= 0 && process->left.len > 0) {
		ssize_t n = write(process->input, process->left.data, process->left.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) { /* it reads no more; what that means its exit status says */
			process_close_input(process);
			return;
		}
		process->left.data += n;
		process->left.len -= (size_t)n;
	}
	if (!process->keep_open)
		process_close_input(process);
}

static void keep_tail(struct process *process, const char *data, size_t n)
{
	if (n > PROCESS_TAIL) {
		data += n - PROCESS_TAIL;
		n = PROCESS_TAIL;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = (process->tail_at + process->tail_len) % PROCESS_TAIL;
		process->tail[at] = data[i];
		if (process->tail_len < PROCESS_TAIL)
			process->tail_len++;
		else
			process->tail_at = (process->tail_at + 1) % PROCESS_TAIL;
	}
}

/* Whether words for whoever watches us go out without waiting; to nobody they do. */
static bool may_pass_on(void)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	int n;

	do
		n = poll(&fd, 1, 0);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

static bool line_shared;

void process_share_line(bool shared)
{
	line_shared = shared;
}

/* What the program complains about is seen by whoever watches us, too. */
static void pass_on(const char *data, size_t n)
{
	static const char wipe[] = "\r\033[K";

	if (line_shared) {
		line_shared = false;
		pass_on(wipe, sizeof wipe - 1);
	}
	while (n > 0) {
		ssize_t out = write(STDERR_FILENO, data, n);
		if (out < 0 && errno == EINTR)
			continue;
		if (out <= 0)
			return; /* nobody watches */
		data += out;
		n -= (size_t)out;
	}
}

/* Reads what is there, but not for ever. Returns false at the end. */
static bool take_output(struct process *process)
{
	char data[READ_AT_ONCE];

	for (int i = 0; i < READS; i++) {
		ssize_t n = read(process->output, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		size_t room = process->lines.limit - process->lines.len;
		size_t kept = (size_t)n < room ? (size_t)n : room;
		if (kept < (size_t)n || mq_buf_append(&process->lines, data, kept, NULL) < 0)
			process->overflow = true;
	}
	return true;
}

/* The same. Where our standard error is full the program has to wait, and not we; only the last
 * words of one that has ended are taken all the same. */
static bool take_complaints(struct process *process, bool last)
{
	char data[PASS_AT_ONCE];

	for (int i = 0; i < READS * 4; i++) {
		process->stuck = !may_pass_on();
		if (process->stuck && !last)
			return true;
		ssize_t n = read(process->complaints, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			process->stuck = false;
			return errno == EAGAIN;
		}
		if (n == 0)
			return false;
		keep_tail(process, data, (size_t)n);
		if (!process->stuck)
			pass_on(data, (size_t)n);
	}
	return true;
}

static void serve(struct process *process, bool last)
{
	feed(process);
	if (process->output >= 0 && !take_output(process))
		close_end(&process->output);
	if (process->complaints >= 0 && !take_complaints(process, last))
		close_end(&process->complaints);
}

void process_serve(struct process *process)
{
	serve(process, false);
}

size_t process_poll(const struct process *process, struct pollfd *ret_fds)
{
	size_t n = 0;

	if (process->input >= 0 && process->left.len > 0)
		ret_fds[n++] = (struct pollfd){.fd = process->input, .events = POLLOUT};
	if (process->output >= 0)
		ret_fds[n++] = (struct pollfd){.fd = process->output, .events = POLLIN};
	if (process->complaints >= 0 && process->stuck)
		ret_fds[n++] = (struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT};
	else if (process->complaints >= 0)
		ret_fds[n++] = (struct pollfd){.fd = process->complaints, .events = POLLIN};
	return n;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void close_all(struct process *process)
{
	close_end(&process->input);
	close_end(&process->output);
	close_end(&process->complaints);
	process->left = MQ_ABSENT;
}

/* To its group, and to itself where it has joined another one. */
static int send_signal(pid_t pid, int signum)
{
	if (getpgid(pid) != pid) {
		kill(-pid, signum);
		return kill(pid, signum);
	}
	return kill(-pid, signum);
}

/* Its number is not given to another process before it was waited for; so what is left of its
 * group is ended first. One that has become somebody else's (sudo) we cannot end, and so do not
 * wait for. */
static void bury(struct process *process)
{
	int options = send_signal(process->pid, SIGKILL) < 0 && errno == EPERM ? WNOHANG : 0;

	if (process->place)
		*process->place = 0;
	while (waitpid(process->pid, &process->status, options) < 0 && errno == EINTR)
		;
	process->pid = 0;
}

bool process_reap(struct process *process)
{
	siginfo_t info = {0};
	int got;

	if (process->pid == 0)
		return true;
	do
		got = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	while (got < 0 && errno == EINTR);
	if (got == 0 && info.si_pid == 0)
		return false;
	serve(process, true);
	bury(process);
	process->exited = true;
	close_all(process);
	return true;
}

void process_signal(const struct process *process, int signum)
{
	if (process->pid > 0)
		send_signal(process->pid, signum);
}

size_t process_tail(const struct process *process, char *ret)
{
	for (size_t i = 0; i < process->tail_len; i++)
		ret[i] = process->tail[(process->tail_at + i) % PROCESS_TAIL];
	return process->tail_len;
}

void process_release(struct process *process)
{
	if (process->pid > 0)
		bury(process);
	close_all(process);
	mq_buf_release(&process->lines);
}
