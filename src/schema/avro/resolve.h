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
	const char *path;  /* in the reader: /fields/0/type … */
	const char *other; /* in the writer */
	const char *words;
};

/* Called for each conflict. Borrowed for the call. */
typedef void av_conflict_fn(void *arg, const struct av_conflict *conflict);

/* 1: compatible; 0: not, and tell was called for each reason, or for the first thousand; -1: no
 * memory, or the schemas are too large to be compared (MQ_DATA). */
int av_can_read(const struct av_schema *reader, const struct av_schema *writer,
                av_conflict_fn *tell, void *arg, struct mq_err *err);
/* What is known about reading one schema's data with another: found out once, as it is needed. */
struct av_resolver;

/* Both schemas have to live as long. NULL without memory. */
struct av_resolver *av_resolver_new(const struct av_schema *reader, const struct av_schema *writer,
                                    struct mq_err *err);
void av_resolver_free(struct av_resolver *resolver);

/* As av_decode_all, of bytes written with writer, as a value of reader: members that it has not
 * are left out, those that are missing come last, with their defaults. */
int av_decode_resolved(struct av_resolver *resolver, struct mq_bytes bytes, unsigned how,
                       struct mq_buf *buf, struct av_problem *problem, struct mq_err *err);

/* --- for the files of this folder ------------------------------------------------------------- */

/* Whether a value of one primitive type may be read as the other. */
bool av_promotes(enum av_type writer, enum av_type reader);
/* Names match: the same, without their namespace the same, or one of the reader's aliases. */
bool av_names_match(const struct av_schema *reader, const struct av_node *r,
                    const struct av_node *w);
/* Which of the reader's fields each of the writer's is read as: ret[i] is its number, or -1. A
 * field goes by its own name before it goes by an alias, and is read from one only. */
int av_match_fields(const struct av_schema *reader, const struct av_node *r,
                    const struct av_schema *writer, const struct av_node *w, int32_t *ret,
                    struct mq_err *err);
/* As that, for symbols: its number in the reader, or of its default, or -1. */
int av_match_symbols(const struct av_schema *reader, const struct av_node *r,
                     const struct av_schema *writer, const struct av_node *w, int32_t *ret,
                     struct mq_err *err);

#endif
