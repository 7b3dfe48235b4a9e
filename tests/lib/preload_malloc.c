/*
 * For LD_PRELOAD: the allocation with the number MALLOC_FAILS_AT (from 1) fails, all others are
 * passed on. At exit MALLOC_REPORT gets two numbers: allocations asked for, and those that were
 * never freed. glibc only: its allocator is reached by its internal names, since looking one up
 * would allocate.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

static long asked, kept, fails_at = -1;

/* Counts one and tells whether it is the one to fail. */
static bool fails(void)
{
	if (fails_at < 0) {
		const char *text = getenv("MALLOC_FAILS_AT");
		fails_at = text ? strtol(text, NULL, 10) : 0;
	}
	if (__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED) != fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *count(void *got)
{
	if (got)
		__atomic_add_fetch(&kept, 1, __ATOMIC_RELAXED);
	return got;
}

void *malloc(size_t size)
{
	return fails() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	if (!old)
		return malloc(size);
	return fails() ? NULL : __libc_realloc(old, size);
}

void free(void *old)
{
	if (old)
		__atomic_sub_fetch(&kept, 1, __ATOMIC_RELAXED);
	__libc_free(old);
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("MALLOC_REPORT");
	char text[60];

	if (!path)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return;
	int n = snprintf(text, sizeof text, "%ld %ld\n", asked, kept);
	if (write(fd, text, (size_t)n) != n)
		_exit(99);
	close(fd);
}
