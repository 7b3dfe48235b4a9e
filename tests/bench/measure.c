/*
 * Runs a command and writes what it took to a descriptor: wall seconds, CPU seconds, peak KiB and
 * exit status (128 and the number for a signal). Small, because a process inherits the peak memory
 * of what it was forked from.
 *
 * Usage: measure FD COMMAND ARGUMENT…
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage usage;
	int status;

	if (argc < 3)
		return 2;
	int fd = (int)strtol(argv[1], NULL, 10);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
		perror("measure");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	dprintf(fd, "%.6f %.6f %ld %d\n",
	        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
	        seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss,
	        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
