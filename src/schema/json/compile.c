/*
 * The compiler: node by node from a queue, so that neither deep schemas nor references need deep
 * recursion. What is in the other files: the checks of single keywords (compile_checks.c), those of
 * objects (compile_members.c), references (compile_refs.c).
 */
#include "schema/json/compile.h"

#include <stdlib.h>

enum {
	NODES_MAX = 1000000,
};

int js_compile_fail(const struct js_compiling *on, uint32_t value, const char *words)
{
	struct mq_err why = {.code = MQ_DATA};

	strncat(why.message, words, sizeof why.message - 1);
	return js_compile_fail_as(on, value, &why);
}

int js_compile_fail_as(const struct js_compiling *on, uint32_t value, const struct mq_err *why)
{
	const struct js_library *library = on->program->library;
	struct mq_buf pointer;

	mq_buf_init(&pointer, 4096);
	if (js_pointer(&library->documents[on->document]->doc, value, &pointer, NULL) < 0)
		mq_buf_clear(&pointer);
	mq_fail(on->err, why->code, "%s, at #%.*s: %s", js_library_name(library, on->document),
	        (int)pointer.len, pointer.data ? pointer.data : "", why->message);
	if (*why->hint)
		mq_hint(on->err, "%s", why->hint);
	mq_buf_release(&pointer);
	return -1;
}

uint32_t js_compile_keyword(const struct js_compiling *on, enum js_keyword keyword)
{
	const char *name = js_keyword_name(keyword);

	if (js_keyword_find(mq_bytes_str(name), on->dialect, NULL) != keyword)
		return 0;
	return js_member(on->doc, on->object, name);
}

/* Room for one more in a growing array. */
static int room(void *array, size_t n, size_t *cap, size_t size, struct mq_err *err)
{
	void **place = array, *more;
	size_t want = *cap ? *cap * 2 : 32;

	if (n < *cap)
		return 0;
	if (n >= NODES_MAX * (size_t)8)
		return mq_fail(err, MQ_DATA, "the schema is too large");
	more = realloc(*place, want * size);
	if (!more)
		return mq_fail_memory(err);
	*place = more;
	*cap = want;
	return 0;
}

static uint32_t *node_slot(struct js_program *program, struct js_place place, struct mq_err *err)
{
	struct js_library *library = program->library;

	if (program->n_node_of < library->n_documents) {
		uint32_t **more = realloc(program->node_of, library->n_documents * sizeof(*more));
		if (!more)
			return mq_fail_memory(err), NULL;
		program->node_of = more;
		while (program->n_node_of < library->n_documents)
			more[program->n_node_of++] = NULL;
	}
	uint32_t **slots = &program->node_of[place.document];
	if (!*slots)
		*slots = calloc(library->documents[place.document]->doc.n, sizeof(**slots));
	if (!*slots)
		return mq_fail_memory(err), NULL;
	return &(*slots)[place.value];
}

int64_t js_compile_node(const struct js_compiling *on, struct js_place place)
{
	struct js_program *program = on->program;
	const struct js_document *document = program->library->documents[place.document];
	enum js_type type = (enum js_type)document->doc.values[place.value].type;
	uint32_t *slot = node_slot(program, place, on->err);

	if (!slot)
		return -1;
	if (*slot)
		return *slot - 1;
	if (type != JS_OBJECT && type != JS_TRUE && type != JS_FALSE) {
		struct js_compiling there = *on;
		there.document = place.document;
		return js_compile_fail(&there, place.value, "a schema is an object or a boolean");
	}
	if (program->n_nodes == NODES_MAX)
		return mq_fail(on->err, MQ_DATA, "the schema is too large");
	if (room(&program->nodes, program->n_nodes, &program->cap_nodes, sizeof *program->nodes,
	         on->err) < 0)
		return -1;
	program->nodes[program->n_nodes] = (struct js_node){
	    .document = place.document,
	    .value = place.value,
	    .resource = document->resource_of[place.value],
	};
	*slot = (uint32_t)++program->n_nodes;
	return *slot - 1;
}

struct js_check *js_compile_check(const struct js_compiling *on, enum js_op op, unsigned types,
                                  enum js_keyword keyword, uint32_t value)
{
	struct js_program *program = on->program;

	if (room(&program->checks, program->n_checks, &program->cap_checks, sizeof *program->checks,
	         on->err) < 0)
		return NULL;
	struct js_check *check = &program->checks[program->n_checks++];
	*check = (struct js_check){.op = (uint8_t)op,
	                           .types = (uint8_t)types,
	                           .keyword = (uint8_t)keyword,
	                           .value = value};
	return check;
}

int js_compile_run(const struct js_compiling *on, uint32_t array, struct js_run *ret)
{
	struct js_program *program = on->program;
	uint32_t n = on->doc->values[array].len, i = array + 1;

	if (on->doc->values[array].type != JS_ARRAY)
		return js_compile_fail(on, array, "an array of schemas is meant");
	*ret = (struct js_run){(uint32_t)program->n_list, n};
	for (; n-- > 0; i = js_next(on->doc, i)) {
		int64_t node = js_compile_node(on, (struct js_place){on->document, i});
		if (node < 0 || room(&program->list, program->n_list, &program->cap_list,
		                     sizeof *program->list, on->err) < 0)
			return -1;
		program->list[program->n_list++] = (uint32_t)node;
	}
	return 0;
}

/* Cheap checks first, those last that need to know what the others evaluated. */
static void sort_checks(struct js_check *checks, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k > 0 && checks[k].op < checks[k - 1].op; k--) {
			struct js_check other = checks[k];
			checks[k] = checks[k - 1];
			checks[k - 1] = other;
		}
}

/* The types of values that no check looks at, but one of types that they have. */
static uint8_t passing(const struct js_check *checks, uint32_t n)
{
	unsigned types = JS_IS_ANY;

	for (uint32_t i = 0; i < n; i++)
		types &=
		    checks[i].op == JS_OP_TYPE ? checks[i].u.types : ~(unsigned)checks[i].types;
	return (uint8_t)(types & JS_IS_ANY);
}

static int compile_one(struct js_program *program, uint32_t number, struct mq_err *err)
{
	struct js_node *node = &program->nodes[number];
	struct js_compiling on = {
	    .program = program,
	    .number = number,
	    .doc = &program->library->documents[node->document]->doc,
	    .object = node->value,
	    .document = node->document,
	    .resource = node->resource,
	    .dialect = program->library->resources[node->resource].dialect,
	    .err = err,
	};
	size_t first = program->n_checks;

	if (on.doc->values[on.object].type == JS_FALSE) {
		if (!js_compile_check(&on, JS_OP_NEVER, JS_IS_ANY, JS_KW_NONE, on.object))
			return -1;
	} else if (on.doc->values[on.object].type == JS_OBJECT) {
		if (js_compile_references(&on) < 0)
			return -1;
		bool alone =
		    on.dialect.draft < JS_DRAFT_2019_09 && js_member(on.doc, on.object, "$ref");
		if (!alone && (js_compile_assertions(&on) < 0 || js_compile_members(&on) < 0))
			return -1;
	}
	node = &program->nodes[number];
	node->first = (uint32_t)first;
	node->n = (uint32_t)(program->n_checks - first);
	node->passes = JS_IS_ANY;
	if (node->n == 0)
		return 0;
	node->passes = passing(program->checks + first, node->n);
	sort_checks(program->checks + first, node->n);
	node->unevaluated = program->checks[program->n_checks - 1].op >= JS_OP_UNEVALUATED_ITEMS;
	return 0;
}

/* --- where dynamic references may lead -------------------------------------------------------- */

static bool known_dynamic(const struct js_program *program, uint32_t resource, struct mq_bytes name)
{
	for (size_t i = 0; i < program->n_dynamics; i++)
		if (program->dynamics[i].resource == resource &&
		    mq_bytes_equal(program->dynamics[i].name, name))
			return true;
	return false;
}

/* The target of a name in a resource, when it has one. */
static int add_dynamic(struct js_program *program, uint32_t resource, struct mq_bytes name,
                       struct mq_err *err)
{
	const struct js_resource *there = &program->library->resources[resource];
	struct js_compiling on = {.program = program, .err = err};
	struct js_place place = {there->document, there->root};

	if (name.data) {
		int64_t anchor = js_library_anchor(program->library, resource, name, true);
		if (anchor < 0)
			return 0;
		place.value = program->library->anchors[anchor].value;
	} else if (!there->recursive) {
		return 0;
	}
	int64_t node = js_compile_node(&on, place);
	if (node < 0 || room(&program->dynamics, program->n_dynamics, &program->cap_dynamics,
	                     sizeof *program->dynamics, err) < 0)
		return -1;
	program->dynamics[program->n_dynamics++] =
	    (struct js_dynamic){resource, (uint32_t)node, name};
	return 0;
}

/* Only resources that a validation can come through matter: those that have a node. */
static int add_dynamics(struct js_program *program, struct mq_err *err)
{
	for (size_t i = 0; i < program->n_nodes; i++)
		for (size_t k = 0; k < program->n_dynamic_names; k++)
			if (!known_dynamic(program, program->nodes[i].resource,
			                   program->dynamic_names[k]) &&
			    add_dynamic(program, program->nodes[i].resource,
			                program->dynamic_names[k], err) < 0)
				return -1;
	return 0;
}

int js_program_compile(struct js_program *program, struct js_library *library,
                       struct js_place place, bool assert_format, struct mq_err *err)
{
	*program = (struct js_program){.library = library, .assert_format = assert_format};
	struct js_compiling on = {.program = program, .document = place.document, .err = err};
	int64_t root = js_compile_node(&on, place);

	if (root < 0)
		return -1;
	program->root = (uint32_t)root;
	for (size_t done = 0; done < program->n_nodes;) {
		for (; done < program->n_nodes; done++)
			if (compile_one(program, (uint32_t)done, err) < 0)
				return -1;
		if (add_dynamics(program, err) < 0)
			return -1;
	}
	return js_compile_no_cycles(program, err);
}

void js_program_release(struct js_program *program)
{
	for (size_t i = 0; i < program->n_checks; i++) {
		if (program->checks[i].op == JS_OP_MEMBERS)
			js_members_free(program->checks[i].u.members);
		if (program->checks[i].op == JS_OP_ENUM)
			free(program->checks[i].u.choices);
		if (program->checks[i].op == JS_OP_PATTERN)
			mq_pattern_free(program->checks[i].u.pattern);
	}
	for (size_t i = 0; i < program->n_node_of; i++)
		free(program->node_of[i]);
	free(program->node_of);
	free(program->nodes);
	free(program->checks);
	free(program->list);
	free(program->dynamics);
	free(program->dynamic_names);
	*program = (struct js_program){0};
}
