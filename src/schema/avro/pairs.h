/* A node of the reader and one of the writer, and a number about the two: a hash table. */
#ifndef SCHEMA_AVRO_PAIRS_H
#define SCHEMA_AVRO_PAIRS_H

#include "mqtk/error.h"

#include <stdint.h>
#include <stdlib.h>

struct av_pairs {
	struct av_pair {
		uint64_t key; /* 0: a free place */
		int64_t value;
	} * slots;
	size_t cap, n;
};

/* The value's place; a new one holds 0. NULL without memory. Valid until the next call. */
static inline int64_t *av_pairs_at(struct av_pairs *pairs, uint32_t reader, uint32_t writer,
                                   struct mq_err *err)
{
	uint64_t key = ((uint64_t)reader << 32 | writer) + 1;

	if (2 * pairs->n >= pairs->cap) {
		struct av_pairs more = {.cap = pairs->cap ? 2 * pairs->cap : 64, .n = pairs->n};
		more.slots = calloc(more.cap, sizeof *more.slots);
		if (!more.slots)
			return mq_fail_memory(err), NULL;
		for (size_t i = 0; i < pairs->cap; i++) {
			if (!pairs->slots[i].key)
				continue;
			size_t k = (pairs->slots[i].key * 0x9e3779b97f4a7c15u) >> 20;
			while (more.slots[k &= more.cap - 1].key)
				k++;
			more.slots[k] = pairs->slots[i];
		}
		free(pairs->slots);
		*pairs = more;
	}
	size_t i = (key * 0x9e3779b97f4a7c15u) >> 20;
	while (pairs->slots[i &= pairs->cap - 1].key && pairs->slots[i].key != key)
		i++;
	if (!pairs->slots[i].key) {
		pairs->slots[i].key = key;
		pairs->n++;
	}
	return &pairs->slots[i].value;
}

#endif
