/*
 * The error value that is passed down and filled on the way up.
 *
 * It lives on the caller's stack and reporting never allocates. Functions return 0 or a count on
 * success and -1 with the error filled. The first failure wins: setting an error that is already
 * set changes nothing, so that clean-up code cannot hide the cause. Only cmd/ prints errors.
 *
 * The codes are the program's exit codes.
 */
#ifndef MQTK_ERROR_H
#define MQTK_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum mq_code {
	MQ_OK = 0,
	MQ_NEGATIVE = 1,    /* a negative answer: no match, over the limit, incompatible */
	MQ_USAGE = 2,       /* wrong command line, or something the broker cannot do */
	MQ_PARTIAL = 3,     /* some records failed, the others went through */
	MQ_UNREACHABLE = 4, /* no connection, or no answer in time */
	MQ_DENIED = 5,      /* authentication or authorisation */
	MQ_IO = 6,          /* local input or output failed */
	MQ_DATA = 7,        /* bad data */
	MQ_NOT_FOUND = 8,   /* no such stream, group, partition */
	MQ_INTERNAL = 70,   /* a defect of this program, or no memory */
	MQ_CANCELLED = 128, /* ended by a signal; the exit code is 128 + its number */
};

struct mq_err {
	enum mq_code code;
	bool retriable;    /* the same call may succeed later without a change by the user */
	char message[600]; /* one line that names the thing; no password ever stands in it */
	char hint[300];    /* what to do next, or empty */
};

/* Start of every use: struct mq_err err = MQ_ERR_INIT; */
#define MQ_ERR_INIT                                                                                \
	{                                                                                          \
		.code = MQ_OK                                                                      \
	}

/* Fills *err unless it is already set. Over-long text is cut at a character boundary, control
 * characters are replaced by '?' so that hostile names cannot drive the terminal. Returns -1, so
 * that `return mq_fail(err, …);` reads well. err may be NULL. */
int mq_fail(struct mq_err *err, enum mq_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int mq_vfail(struct mq_err *err, enum mq_code code, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As mq_fail with MQ_INTERNAL and the words for "out of memory". */
int mq_fail_memory(struct mq_err *err);

/* As mq_fail, with ": strerror(errnum)" appended. */
int mq_fail_errno(struct mq_err *err, enum mq_code code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds the next step to an error that has none yet. Returns -1. */
int mq_hint(struct mq_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tells compilers and analyzers, which see one file at a time, what the failing functions return:
 * otherwise they follow paths on which a failure looks like a success. */
static inline int mq_failed(void)
{
	return -1;
}
#define mq_fail(...) (mq_fail(__VA_ARGS__), mq_failed())
#define mq_fail_memory(err) (mq_fail_memory(err), mq_failed())
#define mq_fail_errno(...) (mq_fail_errno(__VA_ARGS__), mq_failed())
#define mq_hint(...) (mq_hint(__VA_ARGS__), mq_failed())

/* Forgets the error, so that the value can be used again. */
void mq_err_clear(struct mq_err *err);

#endif
