/*
 * What never changes, kept between runs: files in a folder of one registry, each with the schema
 * behind an id, a GUID or a version, and a sum that tells what was damaged.
 *
 * Nothing here fails: what cannot be read is asked for again, what cannot be written is said once.
 */
#ifndef SCHEMA_REGISTRY_DISK_H
#define SCHEMA_REGISTRY_DISK_H

#include "mqtk/registry.h"

struct mq_registry_disk {
	char *folder; /* NULL: nothing is kept */
	const struct mq_env *env;
	bool failed; /* said already */
};

/* Registries of different URLs (as messages show them) have different folders below `folder`. */
int mq_registry_disk_init(struct mq_registry_disk *disk, const char *folder, const char *urls,
                          const struct mq_env *env, struct mq_err *err);
void mq_registry_disk_release(struct mq_registry_disk *disk);

/* Whose file it is: "id-7"; letters, digits, '-', '_', '.', '%', '~' only. Longer ones are not
 * kept. */
#define MQ_REGISTRY_DISK_NAME 200

/* Reads the schema of that name: 1, with *ret to be released; 0: it is not there, or damaged. */
int mq_registry_disk_load(struct mq_registry_disk *disk, const char *name,
                          struct mq_registered *ret);
/* Writes it, whole or not at all. */
void mq_registry_disk_store(struct mq_registry_disk *disk, const char *name,
                            const struct mq_registered *registered);

#endif
