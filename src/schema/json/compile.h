/* What the files of the compiler share. */
#ifndef SCHEMA_JSON_COMPILE_H
#define SCHEMA_JSON_COMPILE_H

#include "schema/json/program.h"

enum {
	JS_IS_NULL = 1 << JS_NULL,
	JS_IS_BOOLEAN = 1 << JS_FALSE | 1 << JS_TRUE,
	JS_IS_NUMBER = 1 << JS_NUMBER,
	JS_IS_STRING = 1 << JS_STRING,
	JS_IS_ARRAY = 1 << JS_ARRAY,
	JS_IS_OBJECT = 1 << JS_OBJECT,
	JS_IS_ANY = 0x7f,
};

/* The node that is compiled just now. */
struct js_compiling {
	struct js_program *program;
	uint32_t number; /* of the node */
	const struct js_doc *doc;
	uint32_t object; /* the schema */
	uint32_t document, resource;
	struct js_dialect dialect;
	struct mq_err *err;
};

/* MQ_DATA: what is wrong with a value of the schema. */
int js_compile_fail(const struct js_compiling *on, uint32_t value, const char *words);

/* The same where something below has said why; its hint stays. */
int js_compile_fail_as(const struct js_compiling *on, uint32_t value, const struct mq_err *why);

/* The value of a keyword that this dialect has, or 0. */
uint32_t js_compile_keyword(const struct js_compiling *on, enum js_keyword keyword);

/* The node of a subschema; it is compiled later. -1 when the value is no schema or without memory.
 */
int64_t js_compile_node(const struct js_compiling *on, struct js_place place);
/* A check at the end of the node, to be filled; NULL without memory. */
struct js_check *js_compile_check(const struct js_compiling *on, enum js_op op, unsigned types,
                                  enum js_keyword keyword, uint32_t value);
/* The nodes of an array of schemas as a run of the list. */
int js_compile_run(const struct js_compiling *on, uint32_t array, struct js_run *ret);

int js_compile_members(const struct js_compiling *on);    /* compile_members.c */
int js_compile_assertions(const struct js_compiling *on); /* compile_checks.c */
int js_compile_references(const struct js_compiling *on); /* compile_refs.c */

/* MQ_DATA when a schema asks itself, by references, for the same value: it could not end.
 * (compile_cycles.c) Dynamic references are followed only while validating. */
int js_compile_no_cycles(const struct js_program *program, struct mq_err *err);

void js_members_free(struct js_members *members);

#endif
