/*
 * What is still to be settled: of messages that were read, and released since, what their reader
 * needs to settle them one by one (mq_settle).
 */
#ifndef MQ_CMD_REPLAY_OWED_H
#define MQ_CMD_REPLAY_OWED_H

#include "mqtk/backend.h"

/* Messages that are kept: a number stands for the one that was kept last of those that are equal to
 * it modulo this. */
enum { OWED_RING = 1 << 15 };

struct owed_item;

struct owed {
	struct owed_item *items;
	struct mq_bytes *streams; /* the names that came, each once */
	size_t n_streams;
};

int owed_init(struct owed *owed, struct mq_err *err);
void owed_release(struct owed *owed);
/* Keeps the message under a number. -1 with err: there is no memory, or its id is no position. */
int owed_keep(struct owed *owed, uint64_t number, size_t reader, const struct mq_message *message,
              struct mq_err *err);
/* Makes a message for mq_settle of what was kept; it points into owed. Returns the reader. */
size_t owed_get(const struct owed *owed, uint64_t number, struct mq_message *ret);

#endif
