/*
 * What a command lends to everything below it: how to stop, whom to tell, how long to try.
 */
#ifndef MQTK_ENV_H
#define MQTK_ENV_H

#include "mqtk/cancel.h"

#include <stdint.h>

enum mq_level {
	MQ_LEVEL_WARN,    /* something is wrong but the work goes on; always shown */
	MQ_LEVEL_NOTE,    /* shown unless -q */
	MQ_LEVEL_VERBOSE, /* -v */
	MQ_LEVEL_DEBUG,   /* -vv: the library's own log as well */
};

struct mq_env {
	struct mq_cancel *cancel; /* may be NULL: never cancelled */
	int timeout_ms;           /* how long to try a broker before giving up */
	enum mq_level level;      /* what log wants to hear */
	/* Takes one line for people, without newline. May be called from a library's thread. NULL:
	 * nobody listens. */
	void (*log)(void *ctx, enum mq_level level, const char *text);
	void *log_ctx;
};

/* Formats and hands on one line when env wants that level. env may be NULL. */
void mq_log(const struct mq_env *env, enum mq_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Milliseconds of a clock that never goes back; for time-outs. */
int64_t mq_now_monotonic_ms(void);

/* Milliseconds since the epoch. */
int64_t mq_now_ms(void);

#endif
