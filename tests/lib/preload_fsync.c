/*
 * For LD_PRELOAD: the process is killed right after (FSYNC_KILLS_AFTER) or right before
 * (FSYNC_KILLS_BEFORE) it syncs a file of that name; the folder does not count. Everything else is
 * passed on.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_named(int fd, const char *variable)
{
	const char *name = getenv(variable);
	char link[64], path[4096];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (!name || n < 0)
		return 0;
	path[n] = '\0';
	const char *slash = strrchr(path, '/');
	return strcmp(slash ? slash + 1 : path, name) == 0;
}

int fsync(int fd)
{
	static int (*real)(int);

	if (!real) {
		void *symbol = dlsym(RTLD_NEXT, "fsync");
		memcpy(&real, &symbol, sizeof symbol);
	}
	if (is_named(fd, "FSYNC_KILLS_BEFORE"))
		raise(SIGKILL);
	int result = real(fd);
	if (is_named(fd, "FSYNC_KILLS_AFTER"))
		raise(SIGKILL);
	return result;
}
