/*
 * A kind of schema: the operations behind mqtk/schema.h, whose contracts they keep. One const
 * struct for each kind; src/schema/schema.c has the table and checks what holds for all of them.
 */
#ifndef SCHEMA_KIND_H
#define SCHEMA_KIND_H

#include "mqtk/schema.h"

struct mq_schema_ops {
	const char *name;        /* "json" */
	const char *in_registry; /* "JSON" */
	unsigned traits;         /* enum mq_schema_traits */
	const char *missing;     /* not built in: why; nothing else is set then */

	int (*open)(const struct mq_schema_spec *spec, struct mq_schema **ret, struct mq_err *err);
	void (*release)(struct mq_schema *schema);
	const char *(*type_name)(const struct mq_schema *schema); /* NULL: types have no names */

	int (*check_data)(struct mq_schema *schema, struct mq_bytes payload, mq_violation_fn *tell,
	                  void *ctx, struct mq_err *err);
	/* NULL: as check_data */
	int (*check_json)(struct mq_schema *schema, struct mq_bytes text, mq_violation_fn *tell,
	                  void *ctx, struct mq_err *err);
	int (*decode)(struct mq_schema *schema, struct mq_schema *reader, struct mq_bytes payload,
	              unsigned form, struct mq_buf *buf, struct mq_err *err);
	int (*encode)(struct mq_schema *schema, struct mq_bytes text, struct mq_buf *buf,
	              struct mq_err *err);

	/* MQ_SCHEMA_MESSAGES */
	int (*use_message)(struct mq_schema *schema, const char *name, struct mq_err *err);
	int (*use_indexes)(struct mq_schema *schema, const int32_t *indexes, size_t n,
	                   struct mq_err *err);
	size_t (*indexes)(const struct mq_schema *schema, int32_t *ret, size_t max);

	/* reader and writer are of this kind */
	int (*can_read)(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
	                void *ctx, struct mq_err *err);
	int (*canonical)(struct mq_schema *schema, struct mq_buf *buf, struct mq_err *err);
};

/* The head of every kind's own struct. */
struct mq_schema {
	const struct mq_schema_ops *ops; /* set by mq_schema_new */
};

extern const struct mq_schema_ops mq_schema_json;
extern const struct mq_schema_ops mq_schema_avro;
extern const struct mq_schema_ops mq_schema_protobuf;

#endif
