/*
 * Libraries that are compiled against their headers and loaded at their first use: most runs need
 * none of them, and linking each adds to the start of every run.
 *
 *	static struct {
 *		__typeof__(inflate) *inflate;
 *	} zlib;
 *	static const struct mq_symbol symbols[] = {MQ_SYMBOL(zlib, , inflate)};
 *	static struct mq_library library = {
 *	    .file = "libz.so.1", MQ_SYMBOLS(symbols), .purpose = "deflate",
 *	    .install = "zlib (the package zlib1g on Debian and Ubuntu)"};
 *
 *	if (mq_library_load(&library, err) < 0)
 *		return -1;
 */
#ifndef CORE_LIBRARY_H
#define CORE_LIBRARY_H

#include "mqtk/error.h"

#include <stddef.h>

struct mq_symbol {
	const char *name;
	void *place; /* of a pointer to that function */
};

/* A row for functions.CALLED, which the library calls prefixCALLED. */
#define MQ_SYMBOL(functions, prefix, called)                                                       \
	{                                                                                          \
		.name = #prefix #called, .place = &(functions).called                              \
	}
#define MQ_SYMBOLS(rows) .symbols = (rows), .n_symbols = sizeof(rows) / sizeof *(rows)

struct mq_library {
	const char *file;    /* "libz.so.1" */
	const char *purpose; /* what cannot be done without it: "regular expressions" */
	const char *install; /* what to install: "PCRE2 (the package …)" */
	const struct mq_symbol *symbols;
	size_t n_symbols;
	/* Once, behind loading: NULL, or why it cannot be used. May be NULL. */
	const char *(*begin)(void);

	int state;         /* of library.c */
	char why_not[200]; /* so is this */
};

/*
 * Loads the library unless it is: the process's one, for as long as it lives. Every symbol is there
 * when this has returned 0. MQ_USAGE, each time: it is not here or too old, with what to install.
 * Threads may call this at once.
 */
int mq_library_load(struct mq_library *library, struct mq_err *err);

#endif
