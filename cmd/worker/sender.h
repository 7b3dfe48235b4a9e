/*
 * Where a worker writes: dead letters, and replies. A message is done with only after the broker
 * has confirmed what was written for it.
 */
#ifndef MQ_CMD_WORKER_SENDER_H
#define MQ_CMD_WORKER_SENDER_H

#include "cmd/worker/jobs.h"

#include "mqtk/address.h"
#include "mqtk/command.h"

#include <poll.h>

struct worker;

enum { SENDER_HELD = 256 };

struct sender {
	struct worker *worker;
	const char *what; /* "reply", for messages; NULL: it is not used */
	/* What was sent for the job is confirmed (why is NULL), or will never be. */
	void (*delivered)(struct worker *worker, struct job *job, const struct mq_err *why);
	struct mq_target target;
	bool resolved;
	bool by_name; /* each message names its stream */
	bool broken;  /* nothing can be sent any more */
	struct mq_conn *conn;
	struct mq_writer *writer; /* by_name: opened with the first message */
	char *first;              /* by_name: the stream that it was opened with */
	size_t open;              /* without an answer */
	/* Of them what is not written yet, since when: copies, as bare messages. */
	struct job *held[SENDER_HELD];
	size_t n_held;
	int64_t since_ms;
};

/* What address and settings mean; nobody is asked yet. by_name: its stream is left out. Without a
 * stream messages have to name theirs. */
int sender_resolve(struct sender *sender, const char *address, const struct mq_settings *settings,
                   bool by_name, struct mq_err *err);
int sender_connect(struct sender *sender, struct mq_err *err);
void sender_close(struct sender *sender);

/* Sends one message for that job; `delivered` follows, perhaps from inside. */
void sender_send(struct sender *sender, struct mq_message *message, struct job *job);
/* Writes what has waited long enough (alone: at once, as no more will come for now), and takes
 * answers. Several times in ten milliseconds. */
void sender_serve(struct sender *sender, bool alone);
/* For poll: where answers come; returns how many entries, 0 or 1. */
size_t sender_poll(const struct sender *sender, struct pollfd *ret_fd);
/* Answers are still to come. */
bool sender_is_busy(const struct sender *sender);

#endif
