/* Schemas as instances: what a draft's meta-schema says of them. */
#ifndef SCHEMA_JSON_METACHECK_H
#define SCHEMA_JSON_METACHECK_H

#include "schema/json/library.h"

/*
 * Checks every document of the library, and every resource in it that says another $schema, against
 * the meta-schema that it names (or its draft's). MQ_DATA: the first thing that is wrong, with its
 * place and keyword. Compile first: what the compiler finds it says in better words.
 */
int js_metacheck(struct js_library *library, struct mq_err *err);

#endif
