/* What is asked of an object's members, in one table: properties, patternProperties,
 * additionalProperties and required. And what depends on a member. */
#include "schema/json/compile.h"

#include "schema/json/regex.h"

#include <stdlib.h>

enum {
	FEW = 4, /* so many names are compared one by one */
};

void js_members_free(struct js_members *members)
{
	if (!members)
		return;
	for (uint32_t i = 0; i < members->n_patterns; i++)
		mq_pattern_free(members->patterns[i].pattern);
	free(members->properties);
	free(members->patterns);
	free(members->table);
	free(members);
}

static uint64_t tag_of(struct mq_bytes name)
{
	struct js_value value = {.len = (uint32_t)name.len, .hash = js_hash(name.data, name.len)};

	return js_tag(&value);
}

/* The property of this name, added if need be; there is room. */
static struct js_property *property(struct js_members *members, struct mq_bytes name)
{
	uint64_t tag = tag_of(name);
	uint32_t place = 0, i = 0;

	if (members->table) {
		place = js_members_place(members, tag, name);
		for (; (i = members->table[place]) != 0; place = (place + 1) & members->table_mask)
			if (members->properties[i - 1].tag == tag &&
			    mq_bytes_equal(members->properties[i - 1].name, name))
				return &members->properties[i - 1];
	} else {
		for (; i < members->n_properties; i++)
			if (members->properties[i].tag == tag &&
			    mq_bytes_equal(members->properties[i].name, name))
				return &members->properties[i];
	}
	struct js_property *added = &members->properties[members->n_properties++];
	*added = (struct js_property){.tag = tag, .name = name, .node = JS_NO_NODE};
	if (members->table)
		members->table[place] = members->n_properties;
	return added;
}

static int add_properties(const struct js_compiling *on, struct js_members *members,
                          uint32_t object)
{
	const struct js_doc *doc = on->doc;

	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1)) {
		int64_t node = js_compile_node(on, (struct js_place){on->document, key + 1});
		if (node < 0)
			return -1;
		property(members, js_text(doc, key))->node = (uint32_t)node;
	}
	return 0;
}

static int add_required(const struct js_compiling *on, struct js_members *members, uint32_t array)
{
	const struct js_doc *doc = on->doc;

	for (uint32_t i = array + 1; i < doc->values[array].at.end; i = js_next(doc, i)) {
		if (doc->values[i].type != JS_STRING)
			return js_compile_fail(on, i, "a member's name is a string");
		struct js_property *added = property(members, js_text(doc, i));
		members->n_required += !added->required;
		added->required = true;
	}
	return 0;
}

static int add_patterns(const struct js_compiling *on, struct js_members *members, uint32_t object)
{
	const struct js_doc *doc = on->doc;

	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1)) {
		struct js_name_pattern *added = &members->patterns[members->n_patterns];
		int64_t node = js_compile_node(on, (struct js_place){on->document, key + 1});
		struct mq_err why = MQ_ERR_INIT;
		if (node < 0)
			return -1;
		if (js_regex_new(js_text(doc, key), &added->pattern, &why) < 0)
			return js_compile_fail_as(on, key + 1, &why);
		added->node = (uint32_t)node;
		members->n_patterns++;
	}
	return 0;
}

/* Room for n properties, and a table of them unless they are few. */
static int make_room(struct js_members *members, size_t n, struct mq_err *err)
{
	uint32_t size = 8;

	members->properties = calloc(n + 1, sizeof *members->properties);
	if (!members->properties)
		return mq_fail_memory(err);
	if (n <= FEW)
		return 0;
	while (size < 3 * n)
		size *= 2;
	members->table = calloc(size, sizeof *members->table);
	if (!members->table)
		return mq_fail_memory(err);
	members->table_mask = size - 1;
	return 0;
}

/* A keyword's value, which has to be of this type; 0: it is not there. -1 and the failure. */
static int64_t typed(const struct js_compiling *on, enum js_keyword keyword, enum js_type type)
{
	uint32_t value = js_compile_keyword(on, keyword);

	if (value && on->doc->values[value].type != type)
		return js_compile_fail(
		    on, value, type == JS_ARRAY ? "an array is meant" : "an object is meant");
	return value;
}

static int fill(const struct js_compiling *on, struct js_members *members, uint32_t properties,
                uint32_t patterns, uint32_t required)
{
	const struct js_value *values = on->doc->values;
	uint32_t additional = js_compile_keyword(on, JS_KW_ADDITIONAL_PROPERTIES);
	size_t n =
	    (properties ? values[properties].len : 0) + (required ? values[required].len : 0);

	members->additional = JS_NO_NODE;
	members->patterns =
	    calloc(patterns ? values[patterns].len + 1 : 1, sizeof *members->patterns);
	if (!members->patterns)
		return mq_fail_memory(on->err);
	if (make_room(members, n, on->err) < 0)
		return -1;
	if ((properties && add_properties(on, members, properties) < 0) ||
	    (required && add_required(on, members, required) < 0) ||
	    (patterns && add_patterns(on, members, patterns) < 0))
		return -1;
	if (additional) {
		int64_t node = js_compile_node(on, (struct js_place){on->document, additional});
		if (node < 0)
			return -1;
		members->additional = (uint32_t)node;
	}
	return 0;
}

static int members_check(const struct js_compiling *on)
{
	int64_t properties = typed(on, JS_KW_PROPERTIES, JS_OBJECT);
	int64_t patterns = typed(on, JS_KW_PATTERN_PROPERTIES, JS_OBJECT);
	int64_t required = typed(on, JS_KW_REQUIRED, JS_ARRAY);

	if (properties < 0 || patterns < 0 || required < 0)
		return -1;
	if (!properties && !patterns && !required &&
	    !js_compile_keyword(on, JS_KW_ADDITIONAL_PROPERTIES))
		return 0;
	struct js_members *members = calloc(1, sizeof *members);
	if (!members)
		return mq_fail_memory(on->err);
	struct js_check *check =
	    fill(on, members, (uint32_t)properties, (uint32_t)patterns, (uint32_t)required) < 0
	        ? NULL
	        : js_compile_check(on, JS_OP_MEMBERS, JS_IS_OBJECT, JS_KW_PROPERTIES, on->object);
	if (!check) {
		js_members_free(members);
		return -1;
	}
	check->u.members = members;
	return 0;
}

/* --- dependencies ----------------------------------------------------------------------------- */

/* Of each member of the keyword's value: names that have to be there too, or a schema. */
static int dependents(const struct js_compiling *on, enum js_keyword keyword)
{
	int64_t object = typed(on, keyword, JS_OBJECT);
	const struct js_doc *doc = on->doc;

	if (object <= 0)
		return object < 0 ? -1 : 0;
	for (uint32_t key = (uint32_t)object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1)) {
		bool names = doc->values[key + 1].type == JS_ARRAY;
		int64_t node = JS_NO_NODE;

		if (names != (keyword == JS_KW_DEPENDENT_REQUIRED) && keyword != JS_KW_DEPENDENCIES)
			return js_compile_fail(on, key + 1,
			                       names ? "a schema is meant"
			                             : "an array of names is meant");
		if (!names)
			node = js_compile_node(on, (struct js_place){on->document, key + 1});
		for (uint32_t i = key + 2; names && i < doc->values[key + 1].at.end;
		     i = js_next(doc, i))
			if (doc->values[i].type != JS_STRING)
				return js_compile_fail(on, i, "a member's name is a string");
		struct js_check *check =
		    node < 0 ? NULL
		             : js_compile_check(
		                   on, names ? JS_OP_DEPENDENT_REQUIRED : JS_OP_DEPENDENT_SCHEMA,
		                   JS_IS_OBJECT, keyword, key + 1);
		if (!check)
			return -1;
		check->u.dependent.key = key;
		check->u.dependent.node = (uint32_t)node;
	}
	return 0;
}

int js_compile_members(const struct js_compiling *on)
{
	if (members_check(on) < 0 || dependents(on, JS_KW_DEPENDENCIES) < 0 ||
	    dependents(on, JS_KW_DEPENDENT_REQUIRED) < 0)
		return -1;
	return dependents(on, JS_KW_DEPENDENT_SCHEMAS);
}
