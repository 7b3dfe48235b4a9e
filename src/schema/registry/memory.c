/* The table of what is known: see memory.h. */
#include "schema/registry/memory.h"
#include "schema/registry/answers.h"

#include <stdlib.h>

enum { FAILURES_MAX = 10000 }; /* of about 1 KiB each: ids out of broken messages */

static uint64_t hash_of(const void *key, size_t len)
{
	const unsigned char *bytes = key;
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

/* The slot of a key, or the free one where it would stand. cap is not 0. */
static size_t place_of(const struct mq_registry_memory *memory, const void *key, size_t len,
                       uint64_t hash)
{
	size_t at = (size_t)hash & (memory->cap - 1);

	for (;; at = (at + 1) & (memory->cap - 1)) {
		const struct mq_registry_slot *slot = &memory->slots[at];
		if (!slot->key ||
		    (slot->hash == hash && slot->len == len && memcmp(slot->key, key, len) == 0))
			return at;
	}
}

const struct mq_registry_slot *mq_registry_recall(const struct mq_registry_memory *memory,
                                                  const void *key, size_t len)
{
	if (memory->cap == 0)
		return NULL;
	size_t at = place_of(memory, key, len, hash_of(key, len));
	return memory->slots[at].key ? &memory->slots[at] : NULL;
}

static void slot_release(struct mq_registry_slot *slot)
{
	free(slot->key);
	free(slot->failure);
}

/* Moves what stays into a table of cap slots. */
static int rebuild(struct mq_registry_memory *memory, size_t cap, bool only_lasting,
                   struct mq_err *err)
{
	struct mq_registry_slot *old = memory->slots;
	size_t old_cap = memory->cap;
	struct mq_registry_slot *slots = calloc(cap, sizeof *slots);

	if (!slots)
		return mq_fail_memory(err);
	memory->slots = slots;
	memory->cap = cap;
	memory->n = memory->n_failures = 0;
	for (size_t i = 0; i < old_cap; i++) {
		if (!old[i].key)
			continue;
		if (only_lasting && (old[i].changes || old[i].failure)) {
			slot_release(&old[i]);
			continue;
		}
		slots[place_of(memory, old[i].key, old[i].len, old[i].hash)] = old[i];
		memory->n++;
		memory->n_failures += old[i].failure ? 1 : 0;
	}
	free(old);
	return 0;
}

/* The slot of a key, made if need be; NULL: no memory. */
static struct mq_registry_slot *need_slot(struct mq_registry_memory *memory, const void *key,
                                          size_t len, struct mq_err *err)
{
	if ((memory->n + 1) * 2 > memory->cap &&
	    rebuild(memory, memory->cap ? memory->cap * 2 : 64, false, err) < 0)
		return NULL;
	uint64_t hash = hash_of(key, len);
	struct mq_registry_slot *slot = &memory->slots[place_of(memory, key, len, hash)];
	if (slot->key)
		return slot;
	slot->key = malloc(len);
	if (!slot->key) {
		mq_fail_memory(err);
		return NULL;
	}
	memcpy(slot->key, key, len);
	slot->len = len;
	slot->hash = hash;
	memory->n++;
	return slot;
}

int mq_registry_remember(struct mq_registry_memory *memory, const void *key, size_t len,
                         struct mq_registry_entry *entry, bool changes, struct mq_err *err)
{
	struct mq_registry_slot *slot = need_slot(memory, key, len, err);

	if (!slot)
		return -1;
	if (slot->entry)
		return 0;
	if (slot->failure)
		memory->n_failures--;
	free(slot->failure);
	slot->failure = NULL;
	slot->entry = entry;
	slot->changes = changes;
	return 0;
}

int mq_registry_remember_failure(struct mq_registry_memory *memory, const void *key, size_t len,
                                 const struct mq_err *failure, int64_t until, struct mq_err *err)
{
	if (memory->n_failures >= FAILURES_MAX)
		mq_registry_memory_forget(memory);
	struct mq_err *copy = malloc(sizeof *copy);
	struct mq_registry_slot *slot = copy ? need_slot(memory, key, len, err) : NULL;
	if (!slot || slot->entry) {
		free(copy);
		return slot ? 0 : mq_fail_memory(err);
	}
	*copy = *failure;
	memory->n_failures += slot->failure ? 0 : 1;
	free(slot->failure);
	slot->failure = copy;
	slot->until = until;
	return 0;
}

struct mq_registry_entry *mq_registry_keep(struct mq_registry_memory *memory,
                                           struct mq_registered *registered, struct mq_err *err)
{
	struct mq_registry_entry *entry = calloc(1, sizeof *entry);

	if (!entry) {
		mq_fail_memory(err);
		return NULL;
	}
	entry->is = *registered;
	*registered = (struct mq_registered){.id = -1, .version = -1};
	entry->next = memory->entries;
	memory->entries = entry;
	return entry;
}

void mq_registry_memory_forget(struct mq_registry_memory *memory)
{
	/* Without memory for the smaller table everything stays known, which is no harm. */
	if (memory->cap > 0)
		rebuild(memory, memory->cap, true, NULL);
}

static void compiled_free(struct mq_registry_compiled *compiled)
{
	while (compiled) {
		struct mq_registry_compiled *next = compiled->next;
		mq_schema_free(compiled->schema);
		free(compiled->message);
		free(compiled);
		compiled = next;
	}
}

void mq_registry_memory_release(struct mq_registry_memory *memory)
{
	for (size_t i = 0; i < memory->cap; i++)
		slot_release(&memory->slots[i]);
	free(memory->slots);
	while (memory->entries) {
		struct mq_registry_entry *entry = memory->entries;
		memory->entries = entry->next;
		compiled_free(entry->compiled);
		mq_registered_release(&entry->is);
		free(entry);
	}
	*memory = (struct mq_registry_memory){0};
}
