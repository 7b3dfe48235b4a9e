/*
 * Schemas of Apache Avro 1.11 (and what 1.12 adds that does not change bytes), parsed once into
 * nodes that know each other by number. A named type is one node, whoever refers to it.
 */
#ifndef SCHEMA_AVRO_SCHEMA_H
#define SCHEMA_AVRO_SCHEMA_H

#include "mqtk/schema.h"
#include "schema/avro/names.h"
#include "schema/json/value.h"

enum av_type {
	AV_NULL,
	AV_BOOLEAN,
	AV_INT,
	AV_LONG,
	AV_FLOAT,
	AV_DOUBLE,
	AV_BYTES,
	AV_STRING,
	AV_FIXED, /* the named types: fixed, enum, record (error is one) */
	AV_ENUM,
	AV_RECORD,
	AV_ARRAY,
	AV_MAP,
	AV_UNION,
};

enum av_logical {
	AV_PLAIN,
	AV_DECIMAL,
	AV_UUID,
	AV_DATE,
	AV_TIME_MILLIS,
	AV_TIME_MICROS,
	AV_TIMESTAMP_MILLIS,
	AV_TIMESTAMP_MICROS,
	AV_TIMESTAMP_NANOS,
	AV_LOCAL_TIMESTAMP_MILLIS,
	AV_LOCAL_TIMESTAMP_MICROS,
	AV_LOCAL_TIMESTAMP_NANOS,
	AV_DURATION,
};

struct av_node {
	uint8_t type;              /* enum av_type */
	uint8_t logical;           /* enum av_logical; one that does not fit its type is ignored */
	bool free;                 /* its values take no bytes: null, a record of nulls … */
	uint32_t value;            /* where it stands in the schema's text */
	struct mq_bytes name;      /* of a named type: its full name; else of the type itself */
	uint32_t first, n;         /* a record's fields, an enum's symbols, a union's branches */
	uint32_t items;            /* the node of an array's items, a map's values */
	uint32_t size;             /* of a fixed, bytes */
	uint32_t precision, scale; /* of a decimal */
	uint32_t otherwise;        /* an enum's default: number of the symbol + 1, or 0 */
};

struct av_field {
	struct mq_bytes name;
	uint32_t node;
	uint32_t value;     /* the field in the text: aliases, doc */
	uint32_t otherwise; /* its default in the text, or 0 */
};

struct av_schema {
	char *text; /* what doc points into: an array of texts, the last one is the schema */
	size_t text_len;
	struct js_doc doc;
	struct av_node *nodes;
	size_t n_nodes, cap_nodes;
	struct av_field *fields;
	size_t n_fields, cap_fields;
	uint32_t *branches;
	size_t n_branches, cap_branches;
	struct mq_bytes *symbols;
	size_t n_symbols, cap_symbols;
	char **names; /* the full names that had to be put together */
	size_t n_names, cap_names;
	struct av_names types; /* the named ones: full name -> node */
	uint32_t root;
};

/*
 * text and references of spec, and what its load brings for full names that they use and do not
 * have, become one schema. They are copied.
 *
 * MQ_DATA when it is no schema: what is wrong and where. Names of other characters than letters,
 * digits and '_' are refused, though some tools let them pass; that a default fits its type is seen
 * when it is used, as there are schemas in use whose defaults do not.
 */
int av_schema_parse(struct av_schema *schema, const struct mq_schema_spec *spec,
                    struct mq_err *err);
void av_schema_release(struct av_schema *schema);

/* Parses text alone, which is "[TEXT,TEXT…]" and written to: the last one is the schema, and may
 * use the named types of those before it. Returns 1; 0 when a name is unknown (ret_unknown: the
 * full one, and as it stands there; borrowed from schema); -1. Releasing is the caller's. */
int av_schema_parse_all(struct av_schema *schema, struct mq_bytes ret_unknown[2],
                        struct mq_err *err);

/* Of a schema of kind MQ_SCHEMA_AVRO. */
const struct av_schema *av_schema_of(const struct mq_schema *schema);

/* True when a JSON text is rather an Avro schema than a JSON Schema: its type is one that only Avro
 * knows. */
bool av_looks_like_schema(struct mq_bytes text);

/* "int", "record" … */
const char *av_type_name(enum av_type type);
/* "timestamp-millis" … */
const char *av_logical_name(enum av_logical logical);

/* Appends the Parsing Canonical Form (specification, section of that name). */
int av_schema_canonical(const struct av_schema *schema, struct mq_buf *buf, struct mq_err *err);

#endif
