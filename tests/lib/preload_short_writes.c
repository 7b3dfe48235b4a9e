/*
 * For LD_PRELOAD: write() and writev() to descriptor 1 take only a part of the bytes, or fail with
 * EINTR, at random. SHORT_WRITES_SEED chooses the sequence (default 1). Everything else is passed
 * on, so only the program's handling of its output is tested.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t state;

static uint32_t next_random(void)
{
	if (!state) {
		const char *seed = getenv("SHORT_WRITES_SEED");
		state = (seed ? strtoull(seed, NULL, 10) : 1) * 2654435761u + 1;
	}
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* A part of n, at least 1; 0 for EINTR. */
static size_t choose_part(size_t n)
{
	uint32_t r = next_random();
	if (r % 5 == 0)
		return 0;
	if (r % 5 == 1)
		return 1;
	return 1 + next_random() % n;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (fd != 1 || n == 0)
		return real(fd, bytes, n);
	n = choose_part(n);
	if (n)
		return real(fd, bytes, n);
	errno = EINTR;
	return -1;
}

/* Only the first part that has bytes is offered: that is a short write already. */
ssize_t writev(int fd, const struct iovec *parts, int n)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "writev");
	for (int i = 0; fd == 1 && i < n; i++) {
		if (parts[i].iov_len)
			return write(fd, parts[i].iov_base, parts[i].iov_len);
	}
	return real(fd, parts, n);
}
