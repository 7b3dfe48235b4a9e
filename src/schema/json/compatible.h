/*
 * Whether what is valid for one JSON Schema is valid for another: the rules of Confluent's schema
 * registry (its "strict" policy), by their names, so that what is found here and there is the same.
 *
 * Two schemas are compared keyword by keyword; nothing is proven about what they mean. So an answer
 * "can be read" holds, while "cannot" may only mean that it does not follow from the rules. Where
 * the registry looks away we do not, and where it refuses what follows from the keywords alone, we
 * take it:
 *
 * - names that are required but have no schema, patternProperties, propertyNames, contains and
 *   if/then/else are compared (CONDITION_CHANGED, CONTAINS_ADDED, PROPERTY_NAMES_ADDED and
 *   PATTERN_PROPERTY_CHANGED are names of our own);
 * - a type that is now asked for where only keywords of that type were is TYPE_NARROWED;
 * - a bound that adds nothing to another one (minLength 0, maximum beside exclusiveMaximum) is
 * none;
 * - an object with patternProperties is open for names that match none of them;
 * - a union is read where each of its branches is, an allOf where one of its members is, and a
 *   schema is read by an allOf whose members all read it;
 * - additionalItems says nothing without a list of items.
 *
 * format, titles, defaults and descriptions do not matter. What only overlaps of two patterns would
 * show is not seen.
 */
#ifndef SCHEMA_JSON_COMPATIBLE_H
#define SCHEMA_JSON_COMPATIBLE_H

#include "mqtk/schema.h"
#include "schema/json/library.h"

struct js_side {
	struct js_library *library; /* with everything in it that is referred to */
	struct js_place root;
};

/* As mq_schema_can_read. Each broken rule is told once for each pair of places. MQ_DATA: the
 * schemas refer to each other too deeply or in too many ways to be compared. */
int js_can_read(struct js_side reader, struct js_side writer, mq_conflict_fn *tell, void *ctx,
                struct mq_err *err);

#endif
