/*
 * A JSON Schema from samples: what they have in common, and nothing that one of them breaks.
 *
 * Types, names that are always there, formats that all strings of a place have, on request listed
 * values and ranges. What is kept is bounded whatever the samples are: where an object has too many
 * names its values are taken together (additionalProperties), and what nests too deeply may be
 * anything.
 */
#ifndef MQTK_INFER_H
#define MQTK_INFER_H

#include "mqtk/schema.h"

struct mq_infer; /* one thread */

struct mq_infer_spec {
	enum mq_schema_draft draft; /* UNSET: 2020-12 */
	int64_t format_min;         /* a format is named when so many strings have it; 0: never */
	int64_t enum_max;  /* strings are listed when they are at most so many, each seen twice on
	                    * average; 0: never */
	int64_t map_names; /* an object with more names than this, of which none is always there,
	                    * is a map; 0: only where there are too many to be kept */
	bool ranges;       /* minimum, maxLength, maxItems and the like */
	bool closed;       /* objects have no other members */
};

int mq_infer_new(const struct mq_infer_spec *spec, struct mq_infer **ret, struct mq_err *err);
void mq_infer_free(struct mq_infer *infer);

/* Takes a sample into account. MQ_DATA: it is no JSON, or has a key twice; it is then forgotten. */
int mq_infer_take(struct mq_infer *infer, struct mq_bytes text, struct mq_err *err);
/* How many were taken. */
int64_t mq_infer_count(const struct mq_infer *infer);

/* Appends the schema, indented, with a newline. The same samples in any order give the same text.
 * Nothing can be taken afterwards. */
int mq_infer_write(struct mq_infer *infer, struct mq_buf *buf, struct mq_err *err);

#endif
