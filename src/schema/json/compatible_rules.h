/* What the parts of the comparison share: compatible.c has pairs and combinations, the others the
 * rules for one type of values each. */
#ifndef SCHEMA_JSON_COMPATIBLE_RULES_H
#define SCHEMA_JSON_COMPATIBLE_RULES_H

#include "mqtk/schema.h"
#include "schema/json/compatible_shape.h"

/* Shapes are numbers, as more of them may come while they are compared. */
struct comparing {
	struct shapes shapes;
	struct pair *pairs; /* open addressing */
	size_t n_pairs, cap_pairs;
	unsigned pass;
	unsigned depth;
	bool assumed; /* in this pass something was taken for granted */
	bool changed; /* in this pass a pair turned out not to be compatible */
	bool telling; /* broken rules are told */
	mq_conflict_fn *tell;
	void *ctx;
	struct mq_buf path, other;
	struct mq_err *err;
};

/* Where something stands, or would stand: at a shape, behind a keyword, behind a name. */
struct spot {
	struct shape at;
	const char *keyword;  /* NULL: the shape itself */
	struct mq_bytes name; /* absent: the keyword's value */
};

static inline struct spot js_spot(const struct shape *at)
{
	struct spot spot = {.at = *at};

	return spot;
}

/* Whether what is valid for writer is valid for reader. While rules are told, those are told that
 * make it false. */
bool js_reads(struct comparing *c, uint32_t reader, uint32_t writer);
/* The same, without telling. */
bool js_would_read(struct comparing *c, uint32_t reader, uint32_t writer);

/* Tells a broken rule; false. */
bool js_broken(struct comparing *c, const char *rule, struct spot reader, struct spot writer,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same keyword on both sides. */
bool js_broken_keyword(struct comparing *c, const char *rule, const struct shape *r,
                       const struct shape *w, const char *keyword, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* Both shapes are of the type of values. */
bool js_reads_strings(struct comparing *c, struct shape r, struct shape w);
bool js_reads_numbers(struct comparing *c, struct shape r, struct shape w);
bool js_reads_values(struct comparing *c, struct shape r, struct shape w); /* enum, const */
bool js_reads_arrays(struct comparing *c, struct shape r, struct shape w);
bool js_reads_objects(struct comparing *c, struct shape r, struct shape w);

/* A limit of a size. upper: more is wider. otherwise: what holds where it is missing ("0"), or NULL
 * where then everything does. names: the rules for added and for narrower. */
struct js_limit {
	const char *keyword;
	bool upper;
	const char *otherwise;
	const char *added, *narrowed;
};
bool js_reads_limits(struct comparing *c, const struct shape *r, const struct shape *w,
                     const struct js_limit *limits, size_t n);

/* unevaluatedProperties and unevaluatedItems. names: removed, narrowed. */
bool js_reads_unevaluated(struct comparing *c, const struct shape *r, const struct shape *w,
                          const char *keyword, const char *removed, const char *narrowed);

#endif
