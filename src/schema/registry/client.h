/*
 * The client itself, for the files of this folder: servers to ask, and what is known already.
 */
#ifndef SCHEMA_REGISTRY_CLIENT_H
#define SCHEMA_REGISTRY_CLIENT_H

#include "schema/registry/disk.h"
#include "schema/registry/memory.h"
#include "schema/registry/servers.h"

enum {
	ANSWER_MAX = 64 << 20, /* bytes */
	PATH_MAX_BYTES = 1 << 16,
};

struct mq_registry {
	const struct mq_env *env;
	struct mq_registry_servers *servers;
	struct mq_registry_memory memory;
	struct mq_registry_disk disk;
	const struct mq_registry_entry *last; /* of by_id: mostly the next message has the same */
	struct mq_buf answer;
};

/* A version of a subject, also a deleted one when deleted says so (which is what references are
 * allowed to name). */
int mq_registry_version(struct mq_registry *registry, const char *subject, int32_t version,
                        bool deleted, const struct mq_registered **ret, struct mq_err *err);

/* What to call a schema in messages: "orders-value:3", "id 5". */
#define MQ_REGISTERED_NAME 300
void mq_registered_name(const struct mq_registered *registered, char ret[MQ_REGISTERED_NAME]);

#endif
