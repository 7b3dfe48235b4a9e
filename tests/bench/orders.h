/* What the benchmarks of schemas share: a whole file in memory, and the time. */
#ifndef TESTS_BENCH_ORDERS_H
#define TESTS_BENCH_ORDERS_H

#include "mqtk/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline struct mq_bytes slurp(const char *path)
{
	FILE *file = fopen(path, "rb");
	long len;
	char *text = NULL;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (len = ftell(file)) <= 0 ||
	    !(text = malloc((size_t)len))) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(6);
	}
	rewind(file);
	size_t got = fread(text, 1, (size_t)len, file);
	fclose(file);
	return mq_bytes_of(text, got);
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
