/* $ref, $dynamicRef, $recursiveRef, and the keywords that apply other schemas to the same value. */
#include "schema/json/compile.h"

#include <stdlib.h>

/* --- references ------------------------------------------------------------------------------- */

/* Remembers that targets of this name have to be found (absent: $recursiveAnchor). */
static int ask_for(struct js_program *program, struct mq_bytes name, struct mq_err *err)
{
	for (size_t i = 0; i < program->n_dynamic_names; i++)
		if (mq_bytes_equal(program->dynamic_names[i], name))
			return 0;
	struct mq_bytes *more =
	    realloc(program->dynamic_names, (program->n_dynamic_names + 1) * sizeof *more);
	if (!more)
		return mq_fail_memory(err);
	program->dynamic_names = more;
	more[program->n_dynamic_names++] = name;
	return 0;
}

static int name_number(const struct js_program *program, struct mq_bytes name)
{
	int i = 0;

	while (!mq_bytes_equal(program->dynamic_names[i], name))
		i++;
	return i;
}

static int reference(const struct js_compiling *on, enum js_keyword keyword)
{
	uint32_t value = js_compile_keyword(on, keyword);
	struct js_library *library = on->program->library;
	struct mq_bytes name = MQ_ABSENT;
	struct mq_err why = MQ_ERR_INIT;
	struct js_place place;
	int64_t anchor = -1, node;
	bool dynamic = false;

	if (!value)
		return 0;
	if (on->doc->values[value].type != JS_STRING)
		return js_compile_fail(on, value, "a reference is a string");
	if (js_library_resolve(library, on->resource, js_text(on->doc, value), &place, &anchor,
	                       &why) < 0)
		return js_compile_fail_as(on, value, &why);
	if ((node = js_compile_node(on, place)) < 0)
		return -1;
	if (keyword == JS_KW_DYNAMIC_REF && anchor >= 0 && library->anchors[anchor].dynamic) {
		dynamic = true;
		name = library->anchors[anchor].name;
	} else if (keyword == JS_KW_RECURSIVE_REF) {
		uint32_t there = library->documents[place.document]->resource_of[place.value];
		dynamic = library->resources[there].recursive;
	}
	struct js_check *check = js_compile_check(on, dynamic ? JS_OP_DYNAMIC_REF : JS_OP_REF,
	                                          JS_IS_ANY, keyword, value);
	if (!check)
		return -1;
	if (!dynamic) {
		check->u.node = (uint32_t)node;
		return 0;
	}
	if (ask_for(on->program, name, on->err) < 0)
		return -1;
	check->u.dynamic.node = (uint32_t)node;
	check->u.dynamic.name = (uint32_t)name_number(on->program, name);
	return 0;
}

/* --- the same value, other schemas ------------------------------------------------------------ */

static int many(const struct js_compiling *on, enum js_keyword keyword, enum js_op op)
{
	uint32_t value = js_compile_keyword(on, keyword);
	struct js_run run;

	if (!value)
		return 0;
	if (js_compile_run(on, value, &run) < 0)
		return -1;
	struct js_check *check = js_compile_check(on, op, JS_IS_ANY, keyword, value);
	if (!check)
		return -1;
	check->u.run = run;
	return 0;
}

/* The node of a keyword's schema, JS_NO_NODE when it is not there, or -1. */
static int64_t one(const struct js_compiling *on, enum js_keyword keyword)
{
	uint32_t value = js_compile_keyword(on, keyword);

	return value ? js_compile_node(on, (struct js_place){on->document, value}) : JS_NO_NODE;
}

static int single(const struct js_compiling *on, enum js_keyword keyword, enum js_op op,
                  unsigned types)
{
	int64_t node = one(on, keyword);

	if (node < 0 || node == JS_NO_NODE)
		return node < 0 ? -1 : 0;
	struct js_check *check =
	    js_compile_check(on, op, types, keyword, js_compile_keyword(on, keyword));
	if (!check)
		return -1;
	check->u.node = (uint32_t)node;
	return 0;
}

static int branches(const struct js_compiling *on)
{
	int64_t condition = one(on, JS_KW_IF), then, otherwise;

	if (condition < 0 || condition == JS_NO_NODE)
		return condition < 0 ? -1 : 0;
	then = one(on, JS_KW_THEN);
	otherwise = one(on, JS_KW_ELSE);
	if (then < 0 || otherwise < 0)
		return -1;
	struct js_check *check =
	    js_compile_check(on, JS_OP_IF, JS_IS_ANY, JS_KW_IF, js_compile_keyword(on, JS_KW_IF));
	if (!check)
		return -1;
	check->u.branches.condition = (uint32_t)condition;
	check->u.branches.then = (uint32_t)then;
	check->u.branches.otherwise = (uint32_t)otherwise;
	return 0;
}

int js_compile_references(const struct js_compiling *on)
{
	if (reference(on, JS_KW_REF) < 0)
		return -1;
	/* Before 2019-09 nothing beside $ref counts. */
	if (on->dialect.draft < JS_DRAFT_2019_09 && js_member(on->doc, on->object, "$ref"))
		return 0;
	if (reference(on, JS_KW_DYNAMIC_REF) < 0 || reference(on, JS_KW_RECURSIVE_REF) < 0 ||
	    many(on, JS_KW_ALL_OF, JS_OP_ALL_OF) < 0 || many(on, JS_KW_ANY_OF, JS_OP_ANY_OF) < 0 ||
	    many(on, JS_KW_ONE_OF, JS_OP_ONE_OF) < 0 || branches(on) < 0 ||
	    single(on, JS_KW_NOT, JS_OP_NOT, JS_IS_ANY) < 0 ||
	    single(on, JS_KW_PROPERTY_NAMES, JS_OP_NAMES, JS_IS_OBJECT) < 0 ||
	    single(on, JS_KW_UNEVALUATED_ITEMS, JS_OP_UNEVALUATED_ITEMS, JS_IS_ARRAY) < 0)
		return -1;
	return single(on, JS_KW_UNEVALUATED_PROPERTIES, JS_OP_UNEVALUATED_PROPERTIES, JS_IS_OBJECT);
}
