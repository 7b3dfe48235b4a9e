/*
 * Where a worker writes: dead letters, and replies. A message is done with only after the broker
 * has confirmed what was written for it.
 */
#ifndef MQ_CMD_WORKER_SENDER_H
#define MQ_CMD_WORKER_SENDER_H

#include "cmd/worker/jobs.h"

#include "mqtk/address.h"
#include "mqtk/command.h"

struct worker;

struct sender {
	struct worker *worker;
	struct mq_target target;
	bool resolved;
	struct mq_conn *conn;
	struct mq_writer *writer;
	size_t open; /* without an answer */
};

/* Opens the address: a stream, or (by_name) a broker, where each message names its stream. */
int sender_open(struct sender *sender, struct worker *worker, const char *address,
                struct mq_err *err);
void sender_close(struct sender *sender);

/* Sends one message for that job; outcome_delivered follows, perhaps from inside. */
void sender_send(struct sender *sender, struct mq_message *message, struct job *job);
/* Takes answers, for up to timeout_ms. */
void sender_serve(struct sender *sender, int timeout_ms);

#endif
