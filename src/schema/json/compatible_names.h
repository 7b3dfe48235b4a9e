/* Names by hash: the keys of an object, or the strings of an array, of which there may be many. */
#ifndef SCHEMA_JSON_COMPATIBLE_NAMES_H
#define SCHEMA_JSON_COMPATIBLE_NAMES_H

#include "schema/json/value.h"

struct js_names {
	const struct js_doc *doc;
	uint32_t *slots; /* NULL: there are none */
	size_t mask;
};

/* Of the object or array at a value; 0: none. */
int js_names_init(struct js_names *names, const struct js_doc *doc, uint32_t value,
                  struct mq_err *err);
void js_names_release(struct js_names *names);
/* Where the name stands (of a key: the value behind it), or 0. */
uint32_t js_names_find(const struct js_names *names, struct mq_bytes name);

#endif
