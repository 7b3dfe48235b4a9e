/*
 * A schema, compiled once: every subschema that can be reached is a node, a run of checks that know
 * their arguments. References are node numbers, so nothing is looked up while validating but the
 * few that depend on the dynamic scope.
 */
#ifndef SCHEMA_JSON_PROGRAM_H
#define SCHEMA_JSON_PROGRAM_H

#include "mqtk/pattern.h"
#include "schema/json/library.h"

#define JS_NO_NODE UINT32_MAX

enum js_op {
	JS_OP_NEVER, /* the schema false */
	JS_OP_TYPE,
	JS_OP_ENUM, /* const too */
	JS_OP_MULTIPLE,
	JS_OP_MAXIMUM,
	JS_OP_EXCLUSIVE_MAXIMUM,
	JS_OP_MINIMUM,
	JS_OP_EXCLUSIVE_MINIMUM,
	JS_OP_MAX_LENGTH,
	JS_OP_MIN_LENGTH,
	JS_OP_PATTERN,
	JS_OP_FORMAT,
	JS_OP_MAX_COUNT, /* items or members */
	JS_OP_MIN_COUNT,
	JS_OP_UNIQUE,
	JS_OP_ITEMS,
	JS_OP_CONTAINS,
	JS_OP_MEMBERS, /* properties, patternProperties, additionalProperties, required */
	JS_OP_NAMES,
	JS_OP_DEPENDENT_REQUIRED,
	JS_OP_DEPENDENT_SCHEMA,
	JS_OP_REF,
	JS_OP_DYNAMIC_REF,
	JS_OP_ALL_OF,
	JS_OP_ANY_OF,
	JS_OP_ONE_OF,
	JS_OP_NOT,
	JS_OP_IF,
	JS_OP_UNEVALUATED_ITEMS, /* the last ones of a node: they need what the others evaluated */
	JS_OP_UNEVALUATED_PROPERTIES,
};

/* Of JS_OP_TYPE: bits 1 << enum js_type, and: */
#define JS_TYPE_INTEGER (1u << 7)
#define JS_TYPE_INTEGER_WRITTEN (1u << 8) /* draft 4: 1.0 is none */

/* Several nodes: a run in the program's list. */
struct js_run {
	uint32_t first, n;
};

/* A value of an enum with more values than this. */
#define JS_FEW_CHOICES 8
struct js_choice {
	uint64_t hash; /* js_value_hash; they are sorted by it */
	uint32_t value;
};

struct js_property {
	uint64_t tag; /* js_tag of the name */
	struct mq_bytes name;
	uint32_t node; /* JS_NO_NODE: only required */
	bool required;
};

struct js_name_pattern {
	struct mq_pattern *pattern;
	uint32_t node;
};

struct js_members {
	struct js_property *properties;
	uint32_t n_properties, n_required;
	uint32_t *table; /* by js_members_place: place in properties + 1; NULL when they are few */
	uint32_t table_mask;
	struct js_name_pattern *patterns;
	uint32_t n_patterns;
	uint32_t additional; /* JS_NO_NODE: anything */
};

enum { JS_WIDE_TABLE = 4096 }; /* larger ones need more than the 16 bits of js_hash */

/* Where a name is looked for first in the table. */
static inline uint32_t js_members_place(const struct js_members *members, uint64_t tag,
                                        struct mq_bytes name)
{
	uint64_t hash = tag >> 32;

	if (members->table_mask >= JS_WIDE_TABLE) {
		hash = 1469598103934665603u;
		for (size_t i = 0; i < name.len; i++)
			hash = (hash ^ (unsigned char)name.data[i]) * 1099511628211u;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash & members->table_mask;
}

struct js_check {
	uint8_t op;      /* enum js_op */
	uint8_t types;   /* bits 1 << enum js_type: which values it looks at */
	uint8_t keyword; /* enum js_keyword */
	uint8_t marks;   /* contains, 2020-12: what it found counts as evaluated */
	uint32_t value;  /* the keyword's value in the node's document */
	union {
		unsigned types;
		int64_t count;
		uint32_t node;
		struct js_run run;
		struct {
			uint32_t first, n, rest; /* prefix of nodes, and the node of the others */
		} items;
		struct {
			uint32_t node, least, most;
		} contains;
		struct {
			uint32_t condition, then, otherwise;
		} branches;
		struct {
			uint32_t node, name; /* place in dynamic_names */
		} dynamic;
		struct {
			uint32_t key, node; /* the member's name in the document */
		} dependent;
		struct js_choice *choices; /* of JS_OP_ENUM; NULL: one by one */
		struct js_members *members;
		struct mq_pattern *pattern;
		const struct js_format *format;
	} u;
};

struct js_node {
	uint32_t document, value, resource;
	uint32_t first, n; /* its checks */
	uint8_t passes;    /* bits 1 << enum js_type: valid whatever the value is */
	bool unevaluated;  /* it has checks that need to know what was evaluated */
};

/* Where a $dynamicRef may lead: the node of an anchor in a resource. */
struct js_dynamic {
	uint32_t resource, node;
	struct mq_bytes name; /* absent: $recursiveAnchor */
};

struct js_program {
	struct js_library *library;
	bool assert_format;
	struct js_node *nodes;
	size_t n_nodes, cap_nodes;
	struct js_check *checks;
	size_t n_checks, cap_checks;
	uint32_t *list;
	size_t n_list, cap_list;
	struct js_dynamic *dynamics;
	size_t n_dynamics, cap_dynamics;
	struct mq_bytes *dynamic_names; /* that are asked for */
	size_t n_dynamic_names, cap_dynamic_names;
	uint32_t **node_of; /* by document and value: node + 1 */
	size_t n_node_of;
	uint32_t root;
};

/*
 * Compiles the schema at a place of the library, which has to outlive the program. assert_format:
 * format is checked whatever the draft says. MQ_DATA when the schema is wrong: which keyword,
 * where.
 */
int js_program_compile(struct js_program *program, struct js_library *library,
                       struct js_place place, bool assert_format, struct mq_err *err);
void js_program_release(struct js_program *program);

/* --- validating ------------------------------------------------------------------------------- */

struct js_error {
	uint32_t instance;          /* the value that is wrong */
	const struct js_node *node; /* the subschema … */
	uint32_t schema_value;      /* … and in its document the keyword's value */
	const char *keyword;
	const char *words; /* borrowed for the call */
};

/* Called for each thing that is wrong. Returns 0 to go on, 1 to hear no more. */
typedef int js_error_fn(void *arg, const struct js_error *error);

struct js_validator;

/* A validator may be used again and again, one at a time. */
int js_validator_new(const struct js_program *program, struct js_validator **ret,
                     struct mq_err *err);
void js_validator_free(struct js_validator *validator);

/* 1: valid; 0: not; -1: it could not be worked out (MQ_DATA: a limit of patterns, recursion or
 * digits; MQ_INTERNAL: no memory). The fast way, which says nothing about why. */
int js_validate(struct js_validator *validator, const struct js_doc *doc, struct mq_err *err);
/* As js_validate, and tells all that is wrong. */
int js_explain(struct js_validator *validator, const struct js_doc *doc, js_error_fn *tell,
               void *arg, struct mq_err *err);
/* As js_explain, of one value in the text. */
int js_explain_at(struct js_validator *validator, const struct js_doc *doc, uint32_t value,
                  js_error_fn *tell, void *arg, struct mq_err *err);

#endif
