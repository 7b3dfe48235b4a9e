/*
 * What members of a group hold and did not settle, as dead letters: entries that were delivered
 * often enough, and lie idle for long enough. Looking changes nothing. What is about to be moved is
 * taken over first (XCLAIM), so that nobody else is given it meanwhile; what was not moved in the
 * end goes back to whom it was taken from.
 */
#ifndef REDIS_HELD_H
#define REDIS_HELD_H

#include "backend/redis/group.h"

struct mq_rd_held;

int mq_rd_held_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err);
/* Puts back what is still held, and frees. The acknowledgements are through. */
void mq_rd_held_close(struct mq_rd_reader *r);

int mq_rd_held_fetch(struct mq_rd_reader *r, size_t max, struct mq_batch *ret_batch,
                     struct mq_err *err);
void mq_rd_held_release(struct mq_rd_reader *r);
/* Settled together with its copy: it is not put back. */
void mq_rd_held_forget(struct mq_rd_reader *r, uint64_t receipt);
int mq_rd_held_settle(struct mq_rd_reader *r, const struct mq_message *messages, size_t n,
                      struct mq_err *err);
#endif
