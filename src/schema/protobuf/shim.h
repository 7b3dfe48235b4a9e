/*
 * What libprotobuf is used for, and all of it: to understand Protobuf's own language.
 *
 * Text becomes a set of descriptors, in which every name is resolved and every rule of the language
 * was checked; what payloads look like is then worked out in C from these bytes (model.h), without
 * the library. No exception leaves these functions, and nothing is printed.
 */
#ifndef SCHEMA_PROTOBUF_SHIM_H
#define SCHEMA_PROTOBUF_SHIM_H

#include "mqtk/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Appends a google.protobuf.FileDescriptorSet: spec's file, and before it all that it imports, each
 * file behind those that it needs, and Protobuf's well-known types. spec->text is a .proto file, or
 * a serialized FileDescriptorSet (as bytes, or as base64), of which the last file counts, or one
 * serialized file of it. What is imported and is not in the set is asked from spec->load.
 *
 * Returns 0; -1 with MQ_DATA (file, line, column and words), or what load failed with.
 */
int pb_compile(const struct mq_schema_spec *spec, struct mq_buf *set, struct mq_err *err);

/* Appends the last file of such a set in its own language, without comments: imports, options,
 * fields, ranges and names in a fixed order. Messages stay in their places, because the registry's
 * framing counts them, and an enum's first value stays the first, which is its default. */
int pb_normal_form(struct mq_bytes set, struct mq_buf *buf, struct mq_err *err);

#ifdef __cplusplus
}
#endif

#endif
