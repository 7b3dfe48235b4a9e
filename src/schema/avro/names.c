/* Names found by hash: see names.h. */
#include "schema/avro/names.h"

#include <stdlib.h>

/* FNV-1a. */
static size_t hash(struct mq_bytes name)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < name.len; i++)
		value = (value ^ (unsigned char)name.data[i]) * 0x100000001b3;
	return (size_t)(value ^ value >> 29);
}

/* Where the name is, or would be. There is a free place always. */
static struct av_name *place(const struct av_names *names, struct mq_bytes name)
{
	size_t i = hash(name) & (names->cap - 1);

	while (names->slots[i].name.data && !mq_bytes_equal(names->slots[i].name, name))
		i = (i + 1) & (names->cap - 1);
	return &names->slots[i];
}

static int grow(struct av_names *names, struct mq_err *err)
{
	struct av_names more = {.cap = names->cap ? 2 * names->cap : 16, .n = names->n};

	more.slots = calloc(more.cap, sizeof *more.slots);
	if (!more.slots)
		return mq_fail_memory(err);
	for (size_t i = 0; i < names->cap; i++)
		if (names->slots[i].name.data)
			*place(&more, names->slots[i].name) = names->slots[i];
	free(names->slots);
	*names = more;
	return 0;
}

int av_names_add(struct av_names *names, struct mq_bytes name, uint32_t of, struct mq_err *err)
{
	if (2 * names->n >= names->cap && grow(names, err) < 0)
		return -1;
	struct av_name *slot = place(names, name);
	if (slot->name.data)
		return 0;
	*slot = (struct av_name){name, of};
	names->n++;
	return 1;
}

int64_t av_names_find(const struct av_names *names, struct mq_bytes name)
{
	if (names->n == 0)
		return -1;
	const struct av_name *slot = place(names, name);
	return slot->name.data ? (int64_t)slot->of : -1;
}

void av_names_release(struct av_names *names)
{
	free(names->slots);
	*names = (struct av_names){0};
}
