/* Shapes of schemas: see compatible_shape.h. */
#include "schema/json/compatible_shape.h"

#include "schema/json/number.h"

#include <stdlib.h>

enum {
	SHAPES_MAX = 4000000,
	HOPS_MAX = 1000, /* of references that only name another */
};

/* --- tables ----------------------------------------------------------------------------------- */

static uint32_t give_up(struct shapes *s)
{
	s->broken = true;
	return 0;
}

static uint32_t add_shape(struct shapes *s, struct shape shape)
{
	if (s->n == SHAPES_MAX) {
		mq_fail(s->err, MQ_DATA, "the schemas have too many parts to be compared");
		return give_up(s);
	}
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		struct shape *more = realloc(s->items, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(s->err);
			return give_up(s);
		}
		s->items = more;
		s->cap = cap;
	}
	s->items[s->n] = shape;
	return (uint32_t)s->n++;
}

static uint32_t add_children(struct shapes *s, const uint32_t *list, size_t n)
{
	if (s->cap_children - s->n_children < n) {
		size_t cap = 2 * s->cap_children + n + 64;
		uint32_t *more = realloc(s->children, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(s->err);
			return give_up(s);
		}
		s->children = more;
		s->cap_children = cap;
	}
	for (size_t i = 0; i < n; i++)
		s->children[s->n_children + i] = list[i];
	s->n_children += n;
	return (uint32_t)(s->n_children - n);
}

static size_t slot_of(const struct shapes *s, unsigned side, uint32_t document, uint32_t value)
{
	uint64_t hash =
	    ((uint64_t)document << 33 | (uint64_t)value << 1 | side) * UINT64_C(0x9e3779b97f4a7c15);
	size_t slot = (size_t)(hash >> 20) & (s->cap_table - 1);

	for (; s->table[slot]; slot = (slot + 1) & (s->cap_table - 1)) {
		const struct shape *shape = &s->items[s->table[slot] - 1];
		if (shape->side == side && shape->document == document && shape->value == value)
			break;
	}
	return slot;
}

static int grow_table(struct shapes *s)
{
	size_t old = s->cap_table, cap = old ? 2 * old : 512;
	uint32_t *table = s->table, *more = calloc(cap, sizeof *more);

	if (!more)
		return mq_fail_memory(s->err);
	s->table = more;
	s->cap_table = cap;
	for (size_t i = 0; i < old; i++) {
		if (!table[i])
			continue;
		const struct shape *shape = &s->items[table[i] - 1];
		s->table[slot_of(s, shape->side, shape->document, shape->value)] = table[i];
	}
	free(table);
	return 0;
}

int shapes_init(struct shapes *shapes, struct js_library *first, struct js_library *second,
                struct mq_err *err)
{
	*shapes = (struct shapes){.library = {first, second}, .err = err};
	add_shape(shapes, (struct shape){.type = SHAPE_EMPTY});
	return shapes->broken ? -1 : grow_table(shapes);
}

void shapes_release(struct shapes *shapes)
{
	free(shapes->items);
	free(shapes->children);
	free(shapes->table);
}

uint32_t shape_at(struct shapes *s, unsigned side, uint32_t document, uint32_t value)
{
	if (s->broken || (s->n_table * 2 >= s->cap_table && grow_table(s) < 0))
		return give_up(s);
	size_t slot = slot_of(s, side, document, value);
	if (s->table[slot])
		return s->table[slot] - 1;
	uint32_t i = add_shape(s, (struct shape){.type = SHAPE_PLACE,
	                                         .side = (uint8_t)side,
	                                         .document = document,
	                                         .value = value});
	if (i == 0)
		return 0;
	s->table[slot] = i + 1;
	s->n_table++;
	return i;
}

const struct js_doc *shape_doc(const struct shapes *s, const struct shape *shape)
{
	return &s->library[shape->side]->documents[shape->document]->doc;
}

static struct js_dialect dialect_of(const struct shapes *s, const struct shape *shape)
{
	const struct js_library *library = s->library[shape->side];

	return library->resources[library->documents[shape->document]->resource_of[shape->value]]
	    .dialect;
}

uint32_t shape_keyword(const struct shapes *s, const struct shape *shape, const char *name)
{
	uint32_t value = js_member(shape_doc(s, shape), shape->value, name);

	if (!value || js_keyword_find(mq_bytes_str(name), dialect_of(s, shape), NULL) == JS_KW_NONE)
		return 0;
	return value;
}

bool shape_under(struct shapes *s, const struct shape *shape, const char *name, uint32_t *ret)
{
	uint32_t value = shape_keyword(s, shape, name);

	*ret = 0;
	if (!value)
		return false;
	*ret = shape_resolve(s, shape_at(s, shape->side, shape->document, value));
	return true;
}

/* --- making ----------------------------------------------------------------------------------- */

/* Shapes that all have to hold. */
struct parts {
	uint32_t *items;
	size_t n, cap;
};

static void add_part(struct shapes *s, struct parts *parts, uint32_t part)
{
	if (parts->n == parts->cap) {
		size_t cap = parts->cap ? 2 * parts->cap : 16;
		uint32_t *more = realloc(parts->items, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(s->err);
			s->broken = true;
			return;
		}
		parts->items = more;
		parts->cap = cap;
	}
	parts->items[parts->n++] = part;
}

/* A combination of parts that stands at a value; of one, that one. Takes the list. */
static uint32_t combine(struct shapes *s, struct shape shape, struct parts *parts)
{
	uint32_t i = 0;

	if (parts->n == 1) {
		i = parts->items[0];
	} else if (parts->n > 1 && !s->broken) {
		shape.first = add_children(s, parts->items, parts->n);
		shape.n = (uint32_t)parts->n;
		i = add_shape(s, shape);
	}
	free(parts->items);
	return i;
}

static bool stood_before(const struct js_doc *doc, uint32_t array, uint32_t item)
{
	for (uint32_t i = array + 1; i < item; i = js_next(doc, i))
		if (js_equal(doc, i, doc, item))
			return true;
	return false;
}

enum { LOOKED_FOR_TWICE = 200 }; /* items of a list: among so many equal ones count once */

static void add_items(struct shapes *s, const struct shape *at, uint32_t array, struct parts *parts,
                      bool once)
{
	const struct js_doc *doc = shape_doc(s, at);

	if (doc->values[array].type != JS_ARRAY)
		return;
	once = once && doc->values[array].len <= LOOKED_FOR_TWICE;
	for (uint32_t i = array + 1; i < doc->values[array].at.end; i = js_next(doc, i))
		if (!once || !stood_before(doc, array, i))
			add_part(s, parts, shape_at(s, at->side, at->document, i));
}

static void add_reference(struct shapes *s, const struct shape *at, const char *keyword,
                          struct parts *parts)
{
	uint32_t value = shape_keyword(s, at, keyword);
	struct js_library *library = s->library[at->side];
	struct js_place there;

	if (!value || shape_doc(s, at)->values[value].type != JS_STRING)
		return;
	if (js_library_resolve(library, library->documents[at->document]->resource_of[at->value],
	                       js_text(shape_doc(s, at), value), &there, NULL, s->err) < 0) {
		s->broken = true;
		return;
	}
	add_part(s, parts, shape_at(s, at->side, there.document, there.value));
}

static bool has_any(const struct shapes *s, const struct shape *at, const char *const *keywords)
{
	for (; *keywords; keywords++)
		if (shape_keyword(s, at, *keywords))
			return true;
	return false;
}

static uint32_t typed(struct shapes *s, const struct shape *at, enum shape_type type, bool required)
{
	static const char *const into[] = {
	    "$ref",     "allOf",       "anyOf",         "oneOf",
	    "if",       "$dynamicRef", "$recursiveRef", "dependentSchemas",
	    "contains", NULL};
	struct shape shape = *at;

	shape.type = (uint8_t)type;
	shape.required = required;
	shape.applies_more = (type == SHAPE_OBJECT || type == SHAPE_ARRAY) && has_any(s, at, into);
	return add_shape(s, shape);
}

static void add_type(struct shapes *s, const struct shape *at, uint32_t name, bool number_too,
                     struct parts *parts)
{
	static const struct {
		const char *name;
		enum shape_type type;
	} types[] = {
	    {"string", SHAPE_STRING},   {"number", SHAPE_NUMBER}, {"integer", SHAPE_NUMBER},
	    {"boolean", SHAPE_BOOLEAN}, {"null", SHAPE_NULL},     {"array", SHAPE_ARRAY},
	    {"object", SHAPE_OBJECT},
	};
	const struct js_doc *doc = shape_doc(s, at);
	bool integer = js_is(doc, name, "integer");

	if (integer && number_too)
		return;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!js_is(doc, name, types[i].name))
			continue;
		uint32_t made = typed(s, at, types[i].type, true);
		s->items[made].integer = made != 0 && integer;
		add_part(s, parts, made);
	}
}

static void add_types(struct shapes *s, const struct shape *at, uint32_t types, struct parts *parts)
{
	const struct js_doc *doc = shape_doc(s, at);
	struct parts branches = {0};
	struct shape any = *at;
	bool number = false;

	if (doc->values[types].type != JS_ARRAY) {
		add_type(s, at, types, false, parts);
		return;
	}
	for (uint32_t i = types + 1; i < doc->values[types].at.end; i = js_next(doc, i))
		number = number || js_is(doc, i, "number");
	for (uint32_t i = types + 1; i < doc->values[types].at.end; i = js_next(doc, i))
		add_type(s, at, i, number, &branches);
	any.type = SHAPE_ANY;
	any.value = types;
	add_part(s, parts, combine(s, any, &branches));
}

/* Without type, keywords that speak of one type of values only. */
static void add_untyped(struct shapes *s, const struct shape *at, struct parts *parts)
{
	static const char *const of_strings[] = {"minLength", "maxLength", "pattern", NULL};
	static const char *const of_numbers[] = {
	    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", NULL};
	static const char *const of_arrays[] = {
	    "items",       "additionalItems", "prefixItems", "minItems",         "maxItems",
	    "uniqueItems", "contains",        "minContains", "unevaluatedItems", NULL};
	static const char *const of_objects[] = {
	    "properties",        "patternProperties", "additionalProperties",  "required",
	    "minProperties",     "maxProperties",     "propertyNames",         "dependencies",
	    "dependentRequired", "dependentSchemas",  "unevaluatedProperties", NULL};
	static const struct {
		const char *const *keywords;
		enum shape_type type;
	} all[] = {
	    {of_strings, SHAPE_STRING},
	    {of_numbers, SHAPE_NUMBER},
	    {of_arrays, SHAPE_ARRAY},
	    {of_objects, SHAPE_OBJECT},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (has_any(s, at, all[i].keywords))
			add_part(s, parts, typed(s, at, all[i].type, false));
}

static void add_values(struct shapes *s, const struct shape *at, struct parts *parts)
{
	struct shape shape = *at;
	uint32_t list = shape_keyword(s, at, "enum"), constant = shape_keyword(s, at, "const");

	shape.type = SHAPE_ENUM;
	if (list && shape_doc(s, at)->values[list].type == JS_ARRAY) {
		shape.value = list;
		add_part(s, parts, add_shape(s, shape));
	}
	if (constant) {
		shape.value = constant;
		shape.constant = true;
		add_part(s, parts, add_shape(s, shape));
	}
}

static void add_applied(struct shapes *s, const struct shape *at, struct parts *parts)
{
	static const struct {
		const char *name;
		enum shape_type type;
	} unions[] = {{"anyOf", SHAPE_ANY}, {"oneOf", SHAPE_ONE}};
	struct shape shape = *at;
	uint32_t value = shape_keyword(s, at, "not"), children[3] = {0};

	if (value) {
		children[0] = shape_at(s, at->side, at->document, value);
		shape.type = SHAPE_NOT;
		shape.first = add_children(s, children, 1);
		shape.n = 1;
		add_part(s, parts, add_shape(s, shape));
	}
	if ((value = shape_keyword(s, at, "allOf")))
		add_items(s, at, value, parts, true);
	for (size_t i = 0; i < 2; i++) {
		struct parts branches = {0};
		if (!(value = shape_keyword(s, at, unions[i].name)))
			continue;
		add_items(s, at, value, &branches, unions[i].type == SHAPE_ANY);
		shape.type = (uint8_t)unions[i].type;
		shape.value = value;
		add_part(s, parts, combine(s, shape, &branches));
	}
	static const char *const words[] = {"if", "then", "else"};
	for (size_t i = 0; i < 3; i++) {
		value = shape_keyword(s, at, words[i]);
		children[i] = value ? shape_at(s, at->side, at->document, value) : 0;
	}
	if (!shape_keyword(s, at, "if") || (!children[1] && !children[2]))
		return;
	shape = *at;
	shape.type = SHAPE_CONDITION;
	shape.first = add_children(s, children, 3);
	shape.n = 3;
	add_part(s, parts, add_shape(s, shape));
}

/* What stands at a place: the number of its shape. */
static uint32_t look_at(struct shapes *s, const struct shape *at)
{
	enum js_type type = (enum js_type)shape_doc(s, at)->values[at->value].type;
	struct parts parts = {0};
	struct shape all = *at;

	if (type == JS_FALSE) {
		all.type = SHAPE_FALSE;
		return add_shape(s, all);
	}
	if (type != JS_OBJECT)
		return 0;
	add_reference(s, at, "$ref", &parts);
	if (parts.n == 0 || dialect_of(s, at).draft >= JS_DRAFT_2019_09) {
		uint32_t types = shape_keyword(s, at, "type");
		add_reference(s, at, "$dynamicRef", &parts);
		add_reference(s, at, "$recursiveRef", &parts);
		if (types)
			add_types(s, at, types, &parts);
		else
			add_untyped(s, at, &parts);
		add_values(s, at, &parts);
		add_applied(s, at, &parts);
	}
	all.type = SHAPE_ALL;
	return combine(s, all, &parts);
}

uint32_t shape_resolve(struct shapes *s, uint32_t i)
{
	for (unsigned hops = 0; hops < HOPS_MAX && !s->broken; hops++) {
		struct shape shape = s->items[i];
		if (shape.type == SHAPE_SAME) {
			i = s->children[shape.first];
			continue;
		}
		if (shape.type != SHAPE_PLACE)
			return i;
		uint32_t is = look_at(s, &shape);
		uint32_t first = add_children(s, &is, 1);
		if (s->broken)
			break;
		s->items[i].type = SHAPE_SAME;
		s->items[i].first = first;
	}
	return 0;
}

uint32_t shape_child(struct shapes *s, uint32_t i, uint32_t k)
{
	return shape_resolve(s, s->children[s->items[i].first + k]);
}
