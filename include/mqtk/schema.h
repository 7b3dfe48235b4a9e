/*
 * The schema: what payloads have to look like, whatever language says so.
 *
 * JSON Schema, Avro and Protobuf are behind one interface, as brokers are: each is a row of
 * operations in src/schema/NAME/, listed in src/schema/schema.c. Commands speak of payloads, of
 * JSON texts and of schemas, and never ask which of the three it is; mq_schema_traits says what
 * differs.
 *
 * Bytes that come from outside are trusted with nothing: depth, lengths and counts are checked, and
 * what is wrong is MQ_DATA. A schema is used by one thread.
 */
#ifndef MQTK_SCHEMA_H
#define MQTK_SCHEMA_H

#include "mqtk/bytes.h"

enum mq_schema_kind {
	MQ_SCHEMA_JSON,
	MQ_SCHEMA_AVRO,
	MQ_SCHEMA_PROTOBUF,
	MQ_SCHEMA_UNKNOWN, /* in a spec: look at the text and the name */
};

/* "json", "avro", "protobuf": what --type takes. */
const char *mq_schema_kind_name(enum mq_schema_kind kind);
/* By that name or by the registry's (JSON, AVRO, PROTOBUF); MQ_SCHEMA_UNKNOWN for others. */
enum mq_schema_kind mq_schema_kind_named(const char *name);
/* NULL, or why this kind is not built in: a sentence with what to install. */
const char *mq_schema_missing(enum mq_schema_kind kind);

/* What a kind is like. */
enum mq_schema_traits {
	MQ_SCHEMA_BINARY = 1 << 0,   /* payloads are bytes, not JSON text */
	MQ_SCHEMA_RESOLVES = 1 << 1, /* decodes by two schemas: the writer's and the reader's */
	MQ_SCHEMA_MESSAGES = 1 << 2, /* a schema has several types, chosen by name or index */
};

/*
 * Brings what a schema refers to: for Protobuf an import path, for JSON Schema an absolute URI, for
 * Avro the full name of a type. Appends its text and returns 1; 0: there is none of that name; -1
 * with err set.
 */
typedef int mq_schema_load_fn(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err);

/* JSON Schema's drafts. */
enum mq_schema_draft {
	MQ_DRAFT_UNSET, /* as $schema says, else 2020-12 */
	MQ_DRAFT_4,
	MQ_DRAFT_6,
	MQ_DRAFT_7,
	MQ_DRAFT_2019_09,
	MQ_DRAFT_2020_12,
};

struct mq_schema_spec {
	enum mq_schema_kind kind;
	const char *name; /* a file or "orders-value:3", for messages; with UNKNOWN its ending
	                   * (.avsc .proto .json) is looked at as well */
	/* JSON Schema: an absolute URI that relative references are resolved against, unless $id
	 * gives another; NULL: none. */
	const char *base;
	struct mq_bytes text;    /* a .proto file may be a serialized FileDescriptorSet too */
	mq_schema_load_fn *load; /* NULL: nothing can be referred to */
	void *load_ctx;
	/* Avro: further schemas whose named types text may use, in an order in which each needs
	 * only those before it (the registry's references). Others use load. */
	const struct mq_bytes *references;
	size_t n_references;
	const char *message;        /* Protobuf: full name of the message type; NULL: the first */
	enum mq_schema_draft draft; /* JSON Schema without $schema */
	bool assert_format;         /* JSON Schema: format is checked, whatever the draft says */
};

struct mq_schema;

/* The kind that a spec of the kind UNKNOWN is taken for, by its name's ending and its text;
 * MQ_SCHEMA_UNKNOWN: the text is empty. */
enum mq_schema_kind mq_schema_guess(const struct mq_schema_spec *spec);

/* Copies what it needs, load and load_ctx are used only during the call. MQ_DATA: it is no schema
 * (named: where and why); MQ_USAGE: the kind is not built in or cannot be told. */
int mq_schema_new(const struct mq_schema_spec *spec, struct mq_schema **ret, struct mq_err *err);
void mq_schema_free(struct mq_schema *schema);

enum mq_schema_kind mq_schema_kind(const struct mq_schema *schema);
unsigned mq_schema_traits(const struct mq_schema *schema);
/* The full name of its type (Avro's named types, the Protobuf message in use), or NULL. */
const char *mq_schema_type_name(const struct mq_schema *schema);

/* --- validating ------------------------------------------------------------------------------- */

/* One thing that is wrong with a payload. Borrowed for the call. */
struct mq_violation {
	const char *pointer;        /* in the payload: RFC 6901 (JSON), a field's path (others) */
	const char *schema_pointer; /* in the schema, or NULL */
	const char *keyword;        /* the rule: "required", "int" …; never NULL */
	struct mq_bytes value;      /* what stands there, as JSON text, cut; absent when nothing */
	const char *error;          /* words */
};

/* Returns 0 to go on, 1 to hear no more. */
typedef int mq_violation_fn(void *ctx, const struct mq_violation *violation);

/*
 * Whether a payload is valid: 1; 0, and what is wrong was told (tell may be NULL); -1: it could not
 * be worked out (MQ_DATA: a limit of the validator). Broken text or bytes are invalid, with keyword
 * "json" (duplicate keys too), "data" or "utf-8". An absent payload is nobody's value: keyword
 * "null".
 *
 * _data takes the payload as it travels (without framing), _json its form as JSON text. They are
 * the same for JSON Schema.
 */
int mq_schema_check_data(struct mq_schema *schema, struct mq_bytes payload, mq_violation_fn *tell,
                         void *ctx, struct mq_err *err);
int mq_schema_check_json(struct mq_schema *schema, struct mq_bytes text, mq_violation_fn *tell,
                         void *ctx, struct mq_err *err);

/* --- JSON text and bytes ---------------------------------------------------------------------- */

enum mq_schema_form {
	MQ_SCHEMA_LOGICAL = 1 << 0, /* Avro: dates, decimals, uuids as text and not as numbers */
	MQ_SCHEMA_BARE = 1 << 1,    /* Avro: a union's value without its branch's name */
};

/* Appends the payload as one line of JSON text. JSON is passed as it is (only checked to be JSON).
 * reader, unless NULL, is of the same kind: the value as that schema has it (MQ_SCHEMA_RESOLVES,
 * else MQ_USAGE). MQ_DATA: the payload is no value; buf is then as it was. */
int mq_schema_decode(struct mq_schema *schema, struct mq_schema *reader, struct mq_bytes payload,
                     unsigned form, struct mq_buf *buf, struct mq_err *err);

/* Appends the payload that a JSON text stands for, in any form of mq_schema_decode. MQ_DATA names
 * the place that does not fit; buf is then as it was. */
int mq_schema_encode(struct mq_schema *schema, struct mq_bytes text, struct mq_buf *buf,
                     struct mq_err *err);

/* MQ_SCHEMA_MESSAGES: which message type the next calls mean: by its full name, or by the indexes
 * of the registry's framing (the message's number in its file, then in that message …). MQ_DATA
 * when there is none. The path of the one in use: at most `max` numbers, returns how many. */
int mq_schema_use_message(struct mq_schema *schema, const char *name, struct mq_err *err);
int mq_schema_use_indexes(struct mq_schema *schema, const int32_t *indexes, size_t n,
                          struct mq_err *err);
size_t mq_schema_indexes(const struct mq_schema *schema, int32_t *ret, size_t max);

/* --- schemas among themselves ----------------------------------------------------------------- */

/* Why what one schema wrote cannot be read with another. Borrowed for the call. */
struct mq_conflict {
	const char *rule;  /* as the registry names it: READER_FIELD_MISSING_DEFAULT_VALUE … */
	const char *path;  /* in the reader */
	const char *other; /* in the writer, when it is another place; else NULL */
	const char *error; /* words */
};

typedef void mq_conflict_fn(void *ctx, const struct mq_conflict *conflict);

/* Whether data written with writer can be read with reader: 1; 0, and every reason was told; -1. Of
 * different kinds: 0, rule "TYPE_MISMATCH". */
int mq_schema_can_read(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
                       void *ctx, struct mq_err *err);

/* Appends the normal form: Avro's Parsing Canonical Form; JSON Schema with sorted members (RFC 8785
 * order of keys) and without white space; Protobuf's definition in its own language, sorted. */
int mq_schema_canonical(struct mq_schema *schema, struct mq_buf *buf, struct mq_err *err);

#endif
