/*
 * One run of a program, with its pipes: started, fed, listened to, ended. Nothing here waits: the
 * caller polls the descriptors and calls process_serve.
 *
 * Each program leads a process group of its own, so that a terminal's Ctrl-C reaches only us, and a
 * time-out reaches what the program has started. What is left of the group when the program ends is
 * ended, too: otherwise a worker that runs for weeks would collect it.
 */
#ifndef MQ_CMD_WORKER_PROCESS_H
#define MQ_CMD_WORKER_PROCESS_H

#include "mqtk/bytes.h"

#include <poll.h>
#include <sys/types.h>

#define PROCESS_TAIL 2000 /* bytes of standard error that are kept */

struct process {
	pid_t pid;            /* 0: none */
	int input;            /* we write; -1: closed */
	int output;           /* we read; -1: closed, or not ours */
	int complaints;       /* its standard error; -1: closed */
	struct mq_bytes left; /* of what it is to read; borrowed */
	struct mq_buf lines;  /* what it wrote and the caller has not taken */
	bool keep_open;       /* its standard input stays open when everything was fed */
	bool overflow;        /* it wrote more than the limit, and the rest was dropped */
	bool stuck;           /* nobody takes its complaints from us for now */
	bool exited;
	int status; /* of waitpid */
	volatile pid_t *place;
	char tail[PROCESS_TAIL];
	size_t tail_at, tail_len; /* a ring: where the oldest byte stands */
};

struct process_spec {
	const char *command;      /* for /bin/sh -c */
	char *const *environment; /* all of it */
	bool answers;             /* its standard output comes to us; else it is ours */
	size_t limit;             /* bytes of output that are kept */
	volatile pid_t *place;    /* where its group is noted while it runs; may be NULL */
};

/* Starts the program with `input` (borrowed until it is fed or the program ended) on its standard
 * input, which is closed behind it unless the caller goes on with process_feed. keep_open: it does.
 * -1 when it cannot be started at all; a command that does not exist is an exit status (127).
 * MQ_DATA: its environment is too large; retriable: processes, memory or descriptors are short. */
int process_start(struct process *process, const struct process_spec *spec, struct mq_bytes input,
                  bool keep_open, struct mq_err *err);

/* More input, once all before has been taken (left.len is 0). */
void process_feed(struct process *process, struct mq_bytes input);
/* No more input: it finds the end there. */
void process_close_input(struct process *process);

/* Fills up to 3 entries for poll; returns how many. */
size_t process_poll(const struct process *process, struct pollfd *ret_fds);
/* Feeds and listens as far as that goes without waiting. */
void process_serve(struct process *process);

/* Looks whether it has ended; if so what it still had to say is taken, and everything is closed.
 * What it started and left behind may hold the pipes: that is not waited for. Returns true once it
 * has ended. */
bool process_reap(struct process *process);

/* Sends a signal to the program and what it has started. */
void process_signal(const struct process *process, int signum);

/* The last bytes of its standard error, in order; at most PROCESS_TAIL. */
size_t process_tail(const struct process *process, char *ret);

/* Kills it if it still runs, waits for that, and frees everything. */
void process_release(struct process *process);

/* Whether a line of ours stands where complaints are passed on to: it is wiped first. */
void process_share_line(bool shared);

/* SIGCHLD makes this descriptor readable; take it empty with process_woken, which tells
 * whether there was one. One in a program. */
int process_wakeup(struct mq_err *err);
bool process_woken(void);

#endif
