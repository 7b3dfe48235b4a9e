/*
 * One way to stop: a flag that signal handlers raise and every wait watches.
 *
 * The first SIGINT, SIGTERM or SIGHUP raises the flag: stop fetching, finish, report. The second
 * ends the process at once by that signal, unless it follows so soon that nobody meant it.
 */
#ifndef MQTK_CANCEL_H
#define MQTK_CANCEL_H

#include "mqtk/error.h"

#include <signal.h>
#include <stdbool.h>

struct mq_cancel {
	int fds[2];                   /* a pipe: fds[0] becomes readable, and stays so */
	volatile sig_atomic_t signum; /* 0 until raised */
};

int mq_cancel_init(struct mq_cancel *cancel, struct mq_err *err);
void mq_cancel_release(struct mq_cancel *cancel);

/* Installs the handlers of SIGINT, SIGTERM and SIGHUP for this object (one at a time in a process)
 * and ignores SIGPIPE and SIGXFSZ. A SIGHUP that is ignored (nohup) stays so. */
int mq_cancel_catch_signals(struct mq_cancel *cancel, struct mq_err *err);

/* What is called before a second signal ends the process at once, to give back a terminal; it may
 * do only what is safe in a signal handler. NULL: nothing. */
void mq_cancel_before_death(void (*last)(void));

/* Raises the flag. Async-signal-safe. Only the first signal number is kept. */
void mq_cancel_raise(struct mq_cancel *cancel, int signum);

/* The signal that was raised, or 0. NULL is never raised. */
int mq_cancel_signal(const struct mq_cancel *cancel);

/* Readable once raised; for poll(). -1 for NULL. */
int mq_cancel_fd(const struct mq_cancel *cancel);

/* Waits until fd (or -1 for none) has one of the poll() events, the flag is raised, or timeout_ms
 * has passed (-1: for ever). EINTR is handled. Returns 1 when fd is ready, 0 otherwise. */
int mq_cancel_wait(const struct mq_cancel *cancel, int fd, short events, int timeout_ms);

#endif
