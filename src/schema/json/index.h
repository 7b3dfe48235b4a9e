/* A table of numbers by hash: what they name, and what is equal, the caller knows. */
#ifndef SCHEMA_JSON_INDEX_H
#define SCHEMA_JSON_INDEX_H

#include "mqtk/bytes.h"

#include <stdlib.h>

struct js_index {
	struct js_slot {
		uint32_t hash, number; /* number + 1; 0: free */
	} * slots;
	size_t n, cap;
};

/* Continues a hash with these bytes. */
static inline uint32_t js_index_hash(struct mq_bytes bytes, uint32_t hash)
{
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static inline void js_index_put(struct js_index *index, uint32_t hash, uint32_t number)
{
	size_t place = hash & (index->cap - 1);

	while (index->slots[place].number)
		place = (place + 1) & (index->cap - 1);
	index->slots[place] = (struct js_slot){hash, number + 1};
	index->n++;
}

/* Adds a number; several may have one hash, and are found in the order in which they were added. */
static inline int js_index_add(struct js_index *index, uint32_t hash, uint32_t number,
                               struct mq_err *err)
{
	if (2 * index->n >= index->cap) {
		struct js_index more = {.cap = index->cap ? 2 * index->cap : 32};
		more.slots = calloc(more.cap, sizeof *more.slots);
		if (!more.slots)
			return mq_fail_memory(err);
		/* From behind a free place on: so equal hashes stay in their order. */
		size_t first = 0;
		while (first < index->cap && index->slots[first].number)
			first++;
		for (size_t i = 0; i < index->cap; i++) {
			const struct js_slot *slot = &index->slots[(first + i) & (index->cap - 1)];
			if (slot->number)
				js_index_put(&more, slot->hash, slot->number - 1);
		}
		free(index->slots);
		*index = more;
	}
	js_index_put(index, hash, number);
	return 0;
}

/* The next number with this hash, or -1; *place begins as js_index_begin says. */
static inline size_t js_index_begin(const struct js_index *index, uint32_t hash)
{
	return index->cap ? hash & (index->cap - 1) : 0;
}

static inline int64_t js_index_next(const struct js_index *index, uint32_t hash, size_t *place)
{
	while (index->cap && index->slots[*place].number) {
		const struct js_slot *slot = &index->slots[*place];
		*place = (*place + 1) & (index->cap - 1);
		if (slot->hash == hash)
			return (int64_t)slot->number - 1;
	}
	return -1;
}

#endif
