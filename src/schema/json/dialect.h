/*
 * The drafts of JSON Schema: which keywords each has, what kind of value holds subschemas, and
 * which vocabulary a keyword belongs to (drafts 2019-09 and 2020-12).
 */
#ifndef SCHEMA_JSON_DIALECT_H
#define SCHEMA_JSON_DIALECT_H

#include "schema/json/value.h"

enum js_draft {
	JS_DRAFT_NONE,
	JS_DRAFT_4,
	JS_DRAFT_6,
	JS_DRAFT_7,
	JS_DRAFT_2019_09,
	JS_DRAFT_2020_12,
};

enum js_vocabulary {
	JS_CORE = 1 << 0,
	JS_APPLICATOR = 1 << 1,
	JS_UNEVALUATED = 1 << 2,
	JS_VALIDATION = 1 << 3,
	JS_FORMAT = 1 << 4,           /* format is an annotation */
	JS_FORMAT_ASSERTION = 1 << 5, /* format is checked */
	JS_CONTENT = 1 << 6,
	JS_META_DATA = 1 << 7,
	JS_ALL = 0xff & ~(1 << 5),
};

struct js_dialect {
	enum js_draft draft;
	unsigned vocabularies;
};

enum js_keyword {
	JS_KW_NONE,
	JS_KW_ADDITIONAL_ITEMS,
	JS_KW_ADDITIONAL_PROPERTIES,
	JS_KW_ALL_OF,
	JS_KW_ANY_OF,
	JS_KW_CONST,
	JS_KW_CONTAINS,
	JS_KW_CONTENT_SCHEMA,
	JS_KW_DEFINITIONS,
	JS_KW_DEFS,
	JS_KW_DEPENDENCIES,
	JS_KW_DEPENDENT_REQUIRED,
	JS_KW_DEPENDENT_SCHEMAS,
	JS_KW_DYNAMIC_REF,
	JS_KW_ELSE,
	JS_KW_ENUM,
	JS_KW_EXCLUSIVE_MAXIMUM,
	JS_KW_EXCLUSIVE_MINIMUM,
	JS_KW_FORMAT,
	JS_KW_IF,
	JS_KW_ITEMS,
	JS_KW_MAX_CONTAINS,
	JS_KW_MAX_ITEMS,
	JS_KW_MAX_LENGTH,
	JS_KW_MAX_PROPERTIES,
	JS_KW_MAXIMUM,
	JS_KW_MIN_CONTAINS,
	JS_KW_MIN_ITEMS,
	JS_KW_MIN_LENGTH,
	JS_KW_MIN_PROPERTIES,
	JS_KW_MINIMUM,
	JS_KW_MULTIPLE_OF,
	JS_KW_NOT,
	JS_KW_ONE_OF,
	JS_KW_PATTERN,
	JS_KW_PATTERN_PROPERTIES,
	JS_KW_PREFIX_ITEMS,
	JS_KW_PROPERTIES,
	JS_KW_PROPERTY_NAMES,
	JS_KW_RECURSIVE_REF,
	JS_KW_REF,
	JS_KW_REQUIRED,
	JS_KW_THEN,
	JS_KW_TYPE,
	JS_KW_UNEVALUATED_ITEMS,
	JS_KW_UNEVALUATED_PROPERTIES,
	JS_KW_UNIQUE_ITEMS,
	JS_N_KEYWORDS,
};

/* What a keyword's value holds. */
enum js_holds {
	JS_HOLDS_NOTHING,
	JS_HOLDS_ONE,         /* a schema */
	JS_HOLDS_MANY,        /* an array of schemas */
	JS_HOLDS_ONE_OR_MANY, /* items, before 2020-12 */
	JS_HOLDS_NAMED, /* an object whose members are schemas; those that are none are skipped */
};

/* The keyword of this name in the dialect, or JS_KW_NONE; ret_holds may be NULL. */
enum js_keyword js_keyword_find(struct mq_bytes name, struct js_dialect dialect,
                                enum js_holds *ret_holds);
const char *js_keyword_name(enum js_keyword keyword);

/* The draft whose meta-schema has this URI (http or https, and a final '#', do not matter), or
 * JS_DRAFT_NONE. */
enum js_draft js_draft_of(struct mq_bytes uri);
/* Does it stand for whatever draft is current (http://json-schema.org/schema#, of draft 4)? */
bool js_draft_any(struct mq_bytes uri);
/* The number of the draft before 4 whose meta-schema has this URI, or -1. */
int js_draft_too_old(struct mq_bytes uri);
/* The URI of its meta-schema. */
const char *js_draft_schema(enum js_draft draft);
/* "4", "6", "7", "2019-09", "2020-12", or JS_DRAFT_NONE. */
enum js_draft js_draft_named(const char *name);
/* The vocabulary with this URI in its draft, or 0. */
unsigned js_vocabulary_of(struct mq_bytes uri);

#endif
