/*
 * What to be measured against: programs started with nothing but posix_spawn, as the shell would be
 * asked to run them, and waited for. No pipes, no bodies.
 *
 * Usage: bare_spawn COMMAND COUNT AT_ONCE
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

static int wait_for_one(void)
{
	int status;

	if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "bare_spawn: the command failed\n");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, argv[1], NULL};
	long count = strtol(argv[2], NULL, 10), at_once = strtol(argv[3], NULL, 10), running = 0;

	while (count > 0 || running > 0) {
		pid_t pid;
		if (running == at_once || count == 0) {
			if (wait_for_one() < 0)
				return 1;
			running--;
			continue;
		}
		if (posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ) != 0) {
			perror("posix_spawn");
			return 1;
		}
		count--;
		running++;
	}
	return 0;
}
