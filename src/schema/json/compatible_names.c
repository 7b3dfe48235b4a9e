/* Names by hash: see compatible_names.h. */
#include "schema/json/compatible_names.h"

#include <stdlib.h>

/* js_hash has 16 bits, too few for many names. */
static size_t hash_of(struct mq_bytes name)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.data[i]) * 1099511628211u;
	return (size_t)(hash ^ hash >> 29);
}

/* The slot of a name, or the free one where it would be. */
static size_t slot_of(const struct js_names *names, struct mq_bytes name)
{
	size_t slot = hash_of(name) & names->mask;

	while (names->slots[slot] && !mq_bytes_equal(js_text(names->doc, names->slots[slot]), name))
		slot = (slot + 1) & names->mask;
	return slot;
}

int js_names_init(struct js_names *names, const struct js_doc *doc, uint32_t value,
                  struct mq_err *err)
{
	size_t cap = 4;

	*names = (struct js_names){.doc = doc};
	if (!value || doc->values[value].len == 0)
		return 0;
	bool object = doc->values[value].type == JS_OBJECT;
	while (cap < 2 * (size_t)doc->values[value].len)
		cap *= 2;
	names->slots = calloc(cap, sizeof *names->slots);
	if (!names->slots)
		return mq_fail_memory(err);
	names->mask = cap - 1;
	for (uint32_t i = value + 1; i < doc->values[value].at.end;
	     i = js_next(doc, object ? i + 1 : i))
		if (doc->values[i].type == JS_STRING)
			names->slots[slot_of(names, js_text(doc, i))] = i;
	return 0;
}

void js_names_release(struct js_names *names)
{
	free(names->slots);
	names->slots = NULL;
}

uint32_t js_names_find(const struct js_names *names, struct mq_bytes name)
{
	return names->slots ? names->slots[slot_of(names, name)] : 0;
}
