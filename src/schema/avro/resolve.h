/*
 * Two Avro schemas: what was written with one, read with the other (specification, "Schema
 * Resolution"), and whether that is possible at all.
 */
#ifndef SCHEMA_AVRO_RESOLVE_H
#define SCHEMA_AVRO_RESOLVE_H

#include "schema/avro/data.h"

/* One thing that makes it impossible to read what `writer` wrote with `reader`. */
struct av_conflict {
	const char
	    *rule; /* as Confluent's registry names them: READER_FIELD_MISSING_DEFAULT_VALUE … */
	const char *path; /* in the reader: /fields/0/type … */
	const char *words;
};

/* Called for each conflict. Borrowed for the call. */
typedef void av_conflict_fn(void *arg, const struct av_conflict *conflict);

/* 1: compatible; 0: not, and tell was called for each reason; -1 without memory. */
int av_can_read(const struct av_schema *reader, const struct av_schema *writer,
                av_conflict_fn *tell, void *arg, struct mq_err *err);

/* As av_decode_all, of bytes written with writer, as a value of reader: members that it has not
 * are left out, those that are missing come last, with their defaults. */
int av_decode_resolved(const struct av_schema *reader, const struct av_schema *writer,
                       struct mq_bytes bytes, unsigned how, struct mq_buf *buf, struct mq_err *err);

/* Whether a value of one primitive type may be read as the other. */
bool av_promotes(enum av_type writer, enum av_type reader);
/* Names match: the same, without their namespace the same, or one of the reader's aliases. */
bool av_names_match(const struct av_schema *reader, const struct av_node *r,
                    const struct av_node *w);
/* The reader's field for one of the writer's: by name, then by alias; NULL. */
const struct av_field *av_field_for(const struct av_schema *reader, const struct av_node *r,
                                    struct mq_bytes name);

#endif
