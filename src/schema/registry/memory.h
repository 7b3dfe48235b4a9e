/*
 * What a registry's client remembers: a table from keys (an id, a GUID, a subject and version) to a
 * schema, or to why there is none.
 */
#ifndef SCHEMA_REGISTRY_MEMORY_H
#define SCHEMA_REGISTRY_MEMORY_H

#include "mqtk/registry.h"

/* A compiled schema, or why it cannot be. */
struct mq_registry_compiled {
	enum mq_schema_draft draft;
	bool assert_format;
	char *message;
	struct mq_schema *schema;
	struct mq_err failure;
	struct mq_registry_compiled *next;
};

struct mq_registry_entry {
	struct mq_registered is; /* first: what callers hold is this entry */
	struct mq_registry_compiled *compiled;
	struct mq_registry_entry *next; /* of all that memory owns */
};

struct mq_registry_slot {
	char *key; /* NULL: free */
	size_t len;
	uint64_t hash;
	struct mq_registry_entry *entry; /* or NULL: */
	struct mq_err *failure;
	int64_t until; /* monotonic ms: a failure that may have passed by then; 0: it lasts */
	bool changes;  /* what it says may be different later */
};

struct mq_registry_memory {
	struct mq_registry_slot *slots;
	size_t n, cap; /* cap: 0 or a power of two */
	size_t n_failures;
	struct mq_registry_entry *entries; /* all, also those no slot leads to any more */
};

void mq_registry_memory_release(struct mq_registry_memory *memory);

/* NULL: nothing is known. Valid until something is added. */
const struct mq_registry_slot *mq_registry_recall(const struct mq_registry_memory *memory,
                                                  const void *key, size_t len);
/* entry belongs to memory already (mq_registry_keep). A key that is known keeps what it has. */
int mq_registry_remember(struct mq_registry_memory *memory, const void *key, size_t len,
                         struct mq_registry_entry *entry, bool changes, struct mq_err *err);
/* Copies failure, in place of an earlier one; may forget others, when there are very many. until as
 * in the slot. */
int mq_registry_remember_failure(struct mq_registry_memory *memory, const void *key, size_t len,
                                 const struct mq_err *failure, int64_t until, struct mq_err *err);
/* Takes over *registered (which is emptied). NULL: no memory. */
struct mq_registry_entry *mq_registry_keep(struct mq_registry_memory *memory,
                                           struct mq_registered *registered, struct mq_err *err);
/* Forgets failures, and what changes. */
void mq_registry_memory_forget(struct mq_registry_memory *memory);

#endif
