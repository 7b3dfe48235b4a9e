/* The arena: see arena.h. */
#include "format/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_SIZE ((size_t)64 << 10)

struct mq_arena_block {
	struct mq_arena_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

void *mq_arena_take(struct mq_arena *arena, size_t size, struct mq_err *err)
{
	struct mq_arena_block *block = arena->first;

	size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (!block || size > block->size - arena->used) {
		size_t data = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		block = malloc(sizeof *block + data);
		if (!block) {
			mq_fail_memory(err);
			return NULL;
		}
		block->next = arena->first;
		block->size = data;
		arena->first = block;
		arena->used = 0;
	}
	void *p = block->data + arena->used;
	arena->used += size;
	return p;
}

static void free_from(struct mq_arena_block *block)
{
	while (block) {
		struct mq_arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void mq_arena_clear(struct mq_arena *arena)
{
	if (arena->first && arena->first->size > BLOCK_SIZE) {
		mq_arena_release(arena);
	} else if (arena->first) {
		free_from(arena->first->next);
		arena->first->next = NULL;
	}
	arena->used = 0;
}

void mq_arena_release(struct mq_arena *arena)
{
	free_from(arena->first);
	arena->first = NULL;
	arena->used = 0;
}
