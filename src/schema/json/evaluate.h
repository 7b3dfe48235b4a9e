/* What the files of the evaluation share. */
#ifndef SCHEMA_JSON_EVALUATE_H
#define SCHEMA_JSON_EVALUATE_H

#include "schema/json/program.h"

/* No marks are asked for. */
#define JS_NO_MARKS SIZE_MAX

struct js_validator {
	const struct js_program *program;
	const struct js_doc *doc;
	struct mq_err *err;
	struct mq_err own; /* what err points to */
	js_error_fn *tell; /* NULL: the first thing that is wrong ends it */
	void *arg;
	bool broken;         /* err is set, or enough was told: everything ends */
	unsigned depth;      /* of nodes within nodes */
	unsigned explaining; /* anyOf within anyOf that are asked why */
	uint64_t why_steps;  /* that are left for it */
	uint64_t steps;      /* that are left: nodes that may still be asked */
	/* The resources that were entered, the outermost first; kept only for dynamic references.
	 */
	uint32_t *scope;
	size_t n_scope, cap_scope;
	/* Sets of bits on a stack: which items or members of a value were evaluated. A set is named
	 * by the place of its first word. */
	uint64_t *bits;
	size_t n_bits, cap_bits;
	/* For uniqueItems of many. */
	struct js_hashed *hashed;
	size_t cap_hashed;
	struct mq_buf words;
};

struct js_hashed {
	uint64_t hash;
	uint32_t value;
};

/* As js_evaluate, for what is not plain at once. */
bool js_evaluate_checks(struct js_validator *validator, const struct js_node *node, uint32_t value,
                        size_t marks);
/* Whether value is valid for the node; what it evaluates is added to marks. */
static inline bool js_evaluate(struct js_validator *validator, uint32_t number, uint32_t value,
                               size_t marks)
{
	const struct js_node *node = &validator->program->nodes[number];

	return node->passes >> validator->doc->values[value].type & 1 ||
	       js_evaluate_checks(validator, node, value, marks);
}
/* As js_evaluate, saying nothing. */
bool js_try(struct js_validator *validator, uint32_t node, uint32_t value, size_t marks);
/* As js_try; what a node that fails has marked does not count. */
bool js_try_apart(struct js_validator *validator, uint32_t node, uint32_t value, size_t marks);

/* Says that value is wrong. Returns false. */
bool js_wrong(struct js_validator *validator, const struct js_node *node, uint32_t schema_value,
              const char *keyword, uint32_t value, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Ends everything: a limit was reached (err is set by the caller). Returns false. */
bool js_break(struct js_validator *validator);

/* An empty set for so many, on top of the stack; JS_NO_MARKS without memory. js_marks_drop takes it
 * and all above it away. */
size_t js_marks_push(struct js_validator *validator, uint32_t n);
void js_marks_drop(struct js_validator *validator, size_t marks);

static inline void js_mark(struct js_validator *validator, size_t marks, uint32_t i)
{
	if (marks != JS_NO_MARKS)
		validator->bits[marks + i / 64] |= (uint64_t)1 << i % 64;
}

static inline bool js_marked(const struct js_validator *validator, size_t marks, uint32_t i)
{
	return validator->bits[marks + i / 64] >> i % 64 & 1;
}

/* Adds what is in `from` to `to`; both for n. */
void js_marks_add(struct js_validator *validator, size_t to, size_t from, uint32_t n);

/* "a number" */
const char *js_type_name(const struct js_doc *doc, uint32_t value);
/* The value as text for messages, cut; valid until the next call. */
const char *js_shown(struct js_validator *validator, const struct js_doc *doc, uint32_t value,
                     char *ret, size_t size);

/* anyOf and oneOf: evaluate_some.c. */
bool js_check_some(struct js_validator *validator, const struct js_node *node,
                   const struct js_check *check, uint32_t value, size_t marks);

/* The checks of arrays and objects: evaluate_containers.c. */
bool js_check_items(struct js_validator *validator, const struct js_node *node,
                    const struct js_check *check, uint32_t value, size_t marks);
bool js_check_contains(struct js_validator *validator, const struct js_node *node,
                       const struct js_check *check, uint32_t value, size_t marks);
bool js_check_unique(struct js_validator *validator, const struct js_node *node,
                     const struct js_check *check, uint32_t value);
bool js_check_members(struct js_validator *validator, const struct js_node *node,
                      const struct js_check *check, uint32_t value, size_t marks);
bool js_check_names(struct js_validator *validator, const struct js_node *node,
                    const struct js_check *check, uint32_t value);
bool js_check_dependent(struct js_validator *validator, const struct js_node *node,
                        const struct js_check *check, uint32_t value, size_t marks);
bool js_check_unevaluated(struct js_validator *validator, const struct js_node *node,
                          const struct js_check *check, uint32_t value, size_t marks);

#endif
