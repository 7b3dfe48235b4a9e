/*
 * What schemas refer to, by name: import paths of Protobuf, absolute URIs of JSON Schema, types of
 * Avro. They are looked for beside the schema's file, below the folders of --remote-dir, and behind
 * http and https only with --allow-remote.
 */
#ifndef MQ_CMD_SCHEMA_REFERENCES_H
#define MQ_CMD_SCHEMA_REFERENCES_H

#include "cmd/schema/opening.h"

/* No schema is larger. */
#define SCHEMA_TEXT_MAX ((size_t)64 << 20)

struct references {
	const struct mq_invocation *invocation;
	const struct schema_options *options;
	char *folder; /* of the schema's file, absolute; NULL: it has none */
	char *base;   /* the file as a URI */
};

/* file is the schema's own, or NULL: the working directory stands for its folder. MQ_USAGE for a
 * --remote-dir that cannot be read. To be released also after a failure. */
int references_init(struct references *references, const struct mq_invocation *invocation,
                    const struct schema_options *options, const char *file, struct mq_err *err);
void references_release(struct references *references);

/* A mq_schema_load_fn whose ctx is a struct references. */
int references_load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err);

/* Appends a file ("-": standard input). Returns 1; 0 when there is none of that name; -1 (MQ_IO, or
 * MQ_DATA when it is larger than the buffer's limit). */
int references_read_file(const char *path, struct mq_buf *buf, struct mq_err *err);

#endif
