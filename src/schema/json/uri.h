/*
 * References between schemas: RFC 3986, as much of it as resolving needs.
 */
#ifndef SCHEMA_JSON_URI_H
#define SCHEMA_JSON_URI_H

#include "mqtk/bytes.h"

/* The part of a reference before its '#', and what stands behind it (percent-decoded into
 * fragment, "" when there is none). */
int js_uri_split(struct mq_bytes reference, struct mq_bytes *ret_uri, struct mq_buf *fragment,
                 struct mq_err *err);

/* Resolves reference (without its fragment) against base, RFC 3986 section 5.2, into target, which
 * is overwritten. base may be empty: then what comes out is the reference itself. */
int js_uri_resolve(struct mq_bytes base, struct mq_bytes reference, struct mq_buf *target,
                   struct mq_err *err);

/* True when text begins with a scheme. */
bool js_uri_is_absolute(struct mq_bytes text);

#endif
