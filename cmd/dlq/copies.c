/* What is left of a dead letter: see copies.h. */
#include "cmd/dlq/copies.h"

#include <stdlib.h>

enum { BLOCK = 1 << 16, BLOCK_MOST = 1 << 22 };

struct copies_block {
	struct copies_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

/* The largest block stays: the next run needs as much. */
void copies_begin(struct copies *copies)
{
	struct copies_block *kept = copies->blocks, *rest = kept ? kept->next : NULL;

	while (rest) {
		struct copies_block *next = rest->next;
		free(rest);
		rest = next;
	}
	if (kept) {
		kept->next = NULL;
		kept->used = 0;
	}
}

static void *take(struct copies *copies, size_t size, struct mq_err *err)
{
	struct copies_block *block = copies->blocks;

	size = (size + 15) & ~(size_t)15;
	if (!block || block->size - block->used < size) {
		size_t room = block ? block->size * 2 : BLOCK;
		if (room > BLOCK_MOST)
			room = BLOCK_MOST;
		if (room < size)
			room = size;
		struct copies_block *more = malloc(sizeof *more + room);
		if (!more) {
			mq_fail_memory(err);
			return NULL;
		}
		*more = (struct copies_block){.next = block, .size = room};
		copies->blocks = block = more;
	}
	block->used += size;
	return block->data + block->used - size;
}

/* Without what tells of the death, and of the stay here. */
int copies_strip(struct copies *copies, struct mq_message *copy, struct mq_err *err)
{
	const struct mq_properties *old = copy->properties;
	struct mq_header *headers = take(copies, copy->n_headers * sizeof *headers, err);
	struct mq_properties *properties = take(copies, sizeof *properties, err);
	bool typed = false;
	size_t n = 0;

	if (!headers || !properties)
		return -1;
	char *types = take(copies, copy->n_headers + 1, err);
	if (!types)
		return -1;
	for (size_t i = 0; i < copy->n_headers; i++) {
		if (mq_dead_is_header(copy->headers[i].name))
			continue;
		types[n] = old && i < old->header_types.len ? old->header_types.data[i] : 'S';
		typed = typed || types[n] != 'S';
		headers[n++] = copy->headers[i];
	}
	copy->headers = n ? headers : NULL;
	copy->n_headers = n;
	if (!old)
		return 0;
	*properties = *old;
	properties->exchange = MQ_ABSENT;
	properties->delivery_count = properties->redelivered = -1;
	properties->header_types = typed ? mq_bytes_of(types, n) : MQ_ABSENT;
	copy->properties = properties;
	return 0;
}

struct mq_bytes copies_keep(struct copies *copies, struct mq_bytes bytes, struct mq_err *err)
{
	char *mine = take(copies, bytes.len + 1, err);

	if (!mine)
		return MQ_ABSENT;
	memcpy(mine, bytes.data, bytes.len);
	return mq_bytes_of(mine, bytes.len);
}

/* The key that the message had before it died: who buries it may give it another one. The name of a
 * queue that it was sent to directly was none. */
int copies_restore_key(struct copies *copies, const struct mq_dead *dead, struct mq_message *copy,
                       struct mq_err *err)
{
	if (!dead->origin_exchange.data)
		return 0;
	if (dead->origin_exchange.len == 0) {
		if (mq_bytes_equal(copy->key, dead->origin_stream))
			copy->key = MQ_ABSENT;
		return 0;
	}
	if (dead->origin_key.data)
		copy->key = copies_keep(copies, dead->origin_key, err);
	return dead->origin_key.data && !copy->key.data ? -1 : 0;
}

void copies_release(struct copies *copies)
{
	copies_begin(copies);
	free(copies->blocks);
	copies->blocks = NULL;
}
