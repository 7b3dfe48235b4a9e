/*
 * Where commands get their schemas from: the options that say so, and the one way from a SOURCE to
 * a compiled schema. What a schema refers to is found here too: beside the file, in the folders of
 * --remote-dir, and from the network only with --allow-remote.
 */
#ifndef MQ_CMD_SCHEMA_OPENING_H
#define MQ_CMD_SCHEMA_OPENING_H

#include "mqtk/command.h"
#include "mqtk/registry.h"

/* All zeroes: the defaults. */
struct schema_options {
	const char *source; /* --schema; NULL: not given */
	int type;           /* --type: index into schema_types, where 0 is "auto" */
	int draft;          /* --draft: enum mq_schema_draft */
	struct mq_option_list remote_dirs;
	bool allow_remote;
	bool assert_format;
	const char *message;
	const char *registry; /* --registry; NULL: see registries.h */
};

/* --schema alone, and how schemas are read; both with their base at the struct. */
extern const struct mq_option schema_source_rows[];
extern const struct mq_option schema_rows[];

/* For --type: "auto" and the names of the kinds. */
extern const char *const schema_types[];
/* The kind of such an index. */
enum mq_schema_kind schema_type_kind(int type);

struct schema_opened {
	struct mq_schema *schema;
	char *name; /* of the source, for messages */
	/* From a registry, which has the schema then: what is registered there, and the client if
	 * it was opened for this. */
	const struct mq_registered *registered;
	struct mq_registry *registry;
};

/*
 * Compiles the schema that source names: a file, or "-" for standard input (a file may also be
 * written with "file:" before it); or what a registry has: registry:SUBJECT[:VERSION], id:N or
 * guid:GUID.
 *
 * MQ_IO: it cannot be read; MQ_DATA: it is no schema, or refers to what is not there; MQ_USAGE: an
 * option that has no meaning, or no registry is known; and the failures of mqtk/registry.h.
 * Messages name the source. To be closed also after a failure.
 */
int schema_open(const struct mq_invocation *invocation, const struct schema_options *options,
                const char *source, struct schema_opened *ret_opened, struct mq_err *err);
/* The same with a client that is there already (borrowed; NULL: one is opened when needed), so that
 * what it knows is not asked for twice. */
int schema_open_with(const struct mq_invocation *invocation, const struct schema_options *options,
                     const char *source, struct mq_registry *registry,
                     struct schema_opened *ret_opened, struct mq_err *err);
void schema_close(struct schema_opened *opened);

#endif
