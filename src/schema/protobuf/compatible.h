/* Whether one Protobuf schema reads what another wrote: by the registry's rules, and with its names
 * (Confluent's, package io.confluent.kafka.schemaregistry.protobuf.diff). */
#ifndef SCHEMA_PROTOBUF_COMPATIBLE_H
#define SCHEMA_PROTOBUF_COMPATIBLE_H

#include "mqtk/schema.h"
#include "schema/protobuf/model.h"

/*
 * Compares the messages of the last files, and those of imported files that both use. Places are
 * "#/Order/Line/3": messages without package, then a oneof's name or a field's number.
 * 1; 0, and every reason was told; -1.
 */
int pb_can_read(const struct pb_model *reader, const struct pb_model *writer, mq_conflict_fn *tell,
                void *ctx, struct mq_err *err);

#endif
