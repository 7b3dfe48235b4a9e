/*
 * --reply: what a program answered, to whoever waits for it.
 */
#ifndef MQ_CMD_WORKER_REPLY_H
#define MQ_CMD_WORKER_REPLY_H

#include "cmd/worker/jobs.h"

struct worker;

#define REPLY_MAX ((size_t)16 << 20) /* bytes; each worker may hold so much */

/* Sends it; the message is done with once that is confirmed. False: there is none to be sent. */
bool reply_send(struct worker *worker, struct job *job, struct mq_bytes output);

/* It was confirmed, or refused (why). */
void reply_delivered(struct worker *worker, struct job *job, const struct mq_err *why);

#endif
