/* See guard.h. */
#include "cmd/worker/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The other process; only what is safe after a fork. It has no signals, no terminal and none of our
 * descriptors, so it keeps nobody waiting for the end of our output. */
static _Noreturn void watch(const struct guard *guard, int end)
{
	char byte;

	setsid();
	prctl(PR_SET_NAME, "mqtk-guard");
	dup2(end, STDIN_FILENO);
	closefrom(STDIN_FILENO + 1);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < guard->n; i++)
		if (guard->groups[i] > 0)
			kill(-guard->groups[i], SIGKILL);
	_exit(0);
}

int guard_start(struct guard *guard, size_t n, struct mq_err *err)
{
	sigset_t all, before;
	int ends[2];

	*guard = (struct guard){.n = n, .alive = -1};
	void *shared = mmap(NULL, n * sizeof(pid_t), PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return mq_fail_memory(err);
	guard->groups = shared;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		mq_fail_errno(err, MQ_IO, errno, "cannot make a pipe");
		return mq_hint(err, "ulimit -n limits how many descriptors there are");
	}
	/* Our handlers must not run in the other process. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	guard->pid = fork();
	if (guard->pid == 0)
		watch(guard, ends[0]);
	int failed = guard->pid < 0 ? errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	guard->alive = ends[1];
	if (!failed)
		return 0;
	guard->pid = 0;
	mq_fail_errno(err, MQ_IO, failed, "cannot start a process");
	return mq_hint(err, "ulimit -u limits how many may run");
}

void guard_end(struct guard *guard)
{
	if (!guard->groups)
		return;
	if (guard->alive >= 0)
		close(guard->alive);
	while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap((void *)(uintptr_t)guard->groups, guard->n * sizeof(pid_t));
	*guard = (struct guard){.alive = -1};
}
