/* What samples were like at one place: infer.c collects it, infer_write.c says it as a schema. */
#ifndef SCHEMA_JSON_INFER_H
#define SCHEMA_JSON_INFER_H

#include "mqtk/infer.h"
#include "schema/json/format.h"
#include "schema/json/value.h"

enum { INFER_FORMATS = 8 };
/* By preference; a bit for each in infer_node.formats. */
extern const char *const infer_formats[INFER_FORMATS];

struct infer_property {
	char *name; /* NULL: free */
	size_t len;
	struct infer_node *node;
};

struct infer_node {
	int64_t n; /* values; any of the following */
	int64_t objects, arrays, strings, integers, fractions, booleans, nulls;
	bool any; /* not looked into: too deep, or no room */
	/* strings */
	uint8_t formats; /* that all have */
	size_t min_length, max_length;
	char **listed; /* different ones, each a JSON string; sorted when written */
	size_t n_listed;
	bool unlisted; /* there were more */
	/* numbers, as texts; NULL: none yet */
	char *least, *most;
	bool unbounded; /* one was too long to be kept */
	/* arrays */
	struct infer_node *items; /* of all; NULL: none was seen */
	uint64_t min_items, max_items;
	/* objects: by name, open addressing; or all values together */
	struct infer_property *properties;
	size_t n_properties, cap_properties;
	struct infer_node *values; /* a map's */
};

struct mq_infer {
	struct mq_infer_spec spec;
	enum js_draft draft;
	const struct js_format *formats[INFER_FORMATS]; /* NULL: not in this draft */
	struct infer_node *root;
	size_t bytes; /* kept */
	struct js_doc doc;
	struct mq_buf text;
	struct mq_err *err; /* during a call */
	bool failed;
};

void infer_node_free(struct mq_infer *infer, struct infer_node *node);
/* Takes the values of all properties together: the object is a map from now on. */
void infer_fold(struct mq_infer *infer, struct infer_node *node);

#endif
