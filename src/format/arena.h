/*
 * Memory that is given back all at once: headers and properties of the messages that one read of
 * an input lends. What it gave never moves.
 */
#ifndef FORMAT_ARENA_H
#define FORMAT_ARENA_H

#include "mqtk/error.h"

#include <stddef.h>

struct mq_arena_block;

struct mq_arena {
	struct mq_arena_block *first; /* the one that is filled */
	size_t used;                  /* of it */
};

/* Aligned for any object; NULL with err set when there is no memory. */
void *mq_arena_take(struct mq_arena *arena, size_t size, struct mq_err *err);
/* Forgets everything that was given; keeps one block for reuse. */
void mq_arena_clear(struct mq_arena *arena);
void mq_arena_release(struct mq_arena *arena);

#endif
