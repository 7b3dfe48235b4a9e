/* The normal form of a JSON value. */
#ifndef SCHEMA_JSON_CANONICAL_H
#define SCHEMA_JSON_CANONICAL_H

#include "schema/json/value.h"

/*
 * Appends value i without white space, the members of objects in the order of RFC 8785 (3.2.3: by
 * UTF-16 code units). Strings are as there too; numbers stay as they are written, because their
 * digits are part of what a schema says.
 */
int js_canonical(const struct js_doc *doc, uint32_t i, struct mq_buf *buf, struct mq_err *err);

#endif
