/* Parsing Avro schemas: see schema.h. */
#include "schema/avro/schema.h"

#include "schema/json/number.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NODES_MAX = 1000000,
};

struct parsing {
	struct av_schema *schema;
	const struct js_doc *doc;
	bool is_reference;
	struct mq_bytes *unknown;
	struct mq_err *err;
};

static int64_t parse_type(struct parsing *parsing, uint32_t value, struct mq_bytes space);

static int wrong(const struct parsing *parsing, uint32_t value, const char *words)
{
	struct mq_buf pointer;

	mq_buf_init(&pointer, 4096);
	if (js_pointer(parsing->doc, value, &pointer, NULL) < 0 ||
	    mq_buf_append(&pointer, "/", 2, NULL) < 0)
		mq_buf_clear(&pointer);
	/* The first step is the text's number among all. */
	char *path = pointer.len > 0 ? strchr(pointer.data + 1, '/') : NULL;
	if (path)
		pointer.data[pointer.len - 2] = '\0';
	mq_fail(parsing->err, MQ_DATA, "no Avro schema%s, at \"%s\": %s",
	        parsing->is_reference ? " in what it refers to" : "", path ? path : "", words);
	mq_buf_release(&pointer);
	return -1;
}

static int room(void *array, size_t n, size_t *cap, size_t size, struct mq_err *err)
{
	void **place = array, *more;
	size_t want = *cap ? *cap * 2 : 16;

	if (n < *cap)
		return 0;
	if (n >= NODES_MAX)
		return mq_fail(err, MQ_DATA, "the Avro schema is too large");
	more = realloc(*place, want * size);
	if (!more)
		return mq_fail_memory(err);
	*place = more;
	*cap = want;
	return 0;
}

const char *av_type_name(enum av_type type)
{
	static const char *const names[] = {"null",   "boolean", "int",    "long",  "float",
	                                    "double", "bytes",   "string", "fixed", "enum",
	                                    "record", "array",   "map",    "union"};

	return names[type];
}

/* --- names ------------------------------------------------------------------------------------ */

/* A name's parts: letters, digits, '_', none beginning with a digit; dots between them. */
static bool good_name(struct mq_bytes name, bool dots)
{
	bool begin = true;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if (c == '.' && dots && !begin) {
			begin = true;
			continue;
		}
		if (!(isalpha(c) || c == '_' || (isdigit(c) && !begin)))
			return false;
		begin = false;
	}
	return name.len > 0 && !begin;
}

/* The part of a full name before its last dot; "" when there is none. */
static struct mq_bytes space_of(struct mq_bytes name)
{
	const char *dot = memrchr(name.data, '.', name.len);

	return dot ? mq_bytes_of(name.data, (size_t)(dot - name.data)) : mq_bytes_of("", 0);
}

/* name within space; absent without memory. */
static struct mq_bytes full_name(struct parsing *parsing, struct mq_bytes name,
                                 struct mq_bytes space)
{
	struct av_schema *schema = parsing->schema;

	if (memchr(name.data, '.', name.len) || space.len == 0)
		return name;
	if (room(&schema->names, schema->n_names, &schema->cap_names, sizeof *schema->names,
	         parsing->err) < 0)
		return MQ_ABSENT;
	size_t len = space.len + 1 + name.len;
	char *text = malloc(len);
	if (!text)
		return mq_fail_memory(parsing->err), MQ_ABSENT;
	memcpy(text, space.data, space.len);
	text[space.len] = '.';
	memcpy(text + space.len + 1, name.data, name.len);
	schema->names[schema->n_names++] = text;
	return mq_bytes_of(text, len);
}

static int64_t add_node(struct parsing *parsing, enum av_type type, uint32_t value)
{
	struct av_schema *schema = parsing->schema;

	if (room(&schema->nodes, schema->n_nodes, &schema->cap_nodes, sizeof *schema->nodes,
	         parsing->err) < 0)
		return -1;
	schema->nodes[schema->n_nodes] = (struct av_node){.type = (uint8_t)type,
	                                                  .free = type == AV_NULL,
	                                                  .value = value,
	                                                  .name = mq_bytes_str(av_type_name(type))};
	return (int64_t)schema->n_nodes++;
}

/* --- named types ------------------------------------------------------------------------------ */

/* A node with the full name that its schema gives, which must be new. */
static int64_t add_named(struct parsing *parsing, enum av_type type, uint32_t value,
                         struct mq_bytes space)
{
	uint32_t name = js_member(parsing->doc, value, "name");
	uint32_t own = js_member(parsing->doc, value, "namespace");

	if (!name || parsing->doc->values[name].type != JS_STRING)
		return wrong(parsing, value, "a named type without a name");
	if (!good_name(js_text(parsing->doc, name), true))
		return wrong(parsing, name, "a name has letters, digits and '_'");
	if (own && parsing->doc->values[own].type == JS_STRING) {
		space = js_text(parsing->doc, own);
		if (space.len > 0 && !good_name(space, true))
			return wrong(parsing, own, "a name has letters, digits and '_'");
	}
	struct mq_bytes full = full_name(parsing, js_text(parsing->doc, name), space);
	if (!full.data)
		return -1;
	for (int i = AV_NULL; i <= AV_STRING; i++)
		if (mq_bytes_equal(full, mq_bytes_str(av_type_name((enum av_type)i))))
			return wrong(parsing, name, "this is the name of a primitive type");
	int64_t node = add_node(parsing, type, value);
	if (node < 0)
		return -1;
	parsing->schema->nodes[node].name = full;
	int added = av_names_add(&parsing->schema->types, full, (uint32_t)node, parsing->err);
	if (added == 0)
		return wrong(parsing, name, "a type of this name stands before it");
	return added < 0 ? -1 : node;
}

static int add_field(struct parsing *parsing, uint32_t value, struct mq_bytes space, size_t place)
{
	const struct js_doc *doc = parsing->doc;
	uint32_t name = js_member(doc, value, "name"), type = js_member(doc, value, "type");
	struct av_schema *schema = parsing->schema;

	if (!name || doc->values[name].type != JS_STRING || !good_name(js_text(doc, name), false))
		return wrong(parsing, value, "a field without a name of letters, digits and '_'");
	if (!type)
		return wrong(parsing, value, "a field without a type");
	int64_t node = parse_type(parsing, type, space);
	if (node < 0)
		return -1;
	schema->fields[place] = (struct av_field){.name = js_text(doc, name),
	                                          .node = (uint32_t)node,
	                                          .value = value,
	                                          .otherwise = js_member(doc, value, "default")};
	return 0;
}

static int64_t parse_record(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	const struct js_doc *doc = parsing->doc;
	uint32_t fields = js_member(doc, value, "fields");
	struct av_schema *schema = parsing->schema;
	int64_t node = add_named(parsing, AV_RECORD, value, space);

	if (node < 0)
		return -1;
	if (!fields || doc->values[fields].type != JS_ARRAY)
		return wrong(parsing, value, "a record without an array of fields");
	/* The fields stand together, so their places are taken before their types come. */
	size_t first = schema->n_fields, n = doc->values[fields].len;
	for (size_t i = 0; i < n; i++) {
		if (room(&schema->fields, schema->n_fields, &schema->cap_fields,
		         sizeof *schema->fields, parsing->err) < 0)
			return -1;
		schema->fields[schema->n_fields++] = (struct av_field){.name = MQ_ABSENT};
	}
	schema->nodes[node].first = (uint32_t)first;
	schema->nodes[node].n = (uint32_t)n;
	struct mq_bytes inner = space_of(schema->nodes[node].name);
	struct av_names names = {0};
	uint32_t at = fields + 1;
	bool is_free = true;
	int added = 1;
	for (size_t i = 0; i < n && added == 1; i++, at = js_next(doc, at)) {
		added = add_field(parsing, at, inner, first + i);
		if (added < 0)
			break;
		is_free = is_free && schema->nodes[schema->fields[first + i].node].free;
		added = av_names_add(&names, schema->fields[first + i].name, 0, parsing->err);
		if (added == 0)
			wrong(parsing, at, "a field of this name stands before it");
	}
	av_names_release(&names);
	/* One that contains itself has no end, so that it is not free does not matter. */
	schema->nodes[node].free = is_free;
	return added == 1 ? node : -1;
}

static int64_t parse_enum(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	const struct js_doc *doc = parsing->doc;
	uint32_t symbols = js_member(doc, value, "symbols"),
	         other = js_member(doc, value, "default");
	struct av_schema *schema = parsing->schema;
	int64_t node = add_named(parsing, AV_ENUM, value, space);

	if (node < 0)
		return -1;
	if (!symbols || doc->values[symbols].type != JS_ARRAY)
		return wrong(parsing, value, "an enum without an array of symbols");
	struct av_node *there = &schema->nodes[node];
	there->first = (uint32_t)schema->n_symbols;
	there->n = doc->values[symbols].len;
	struct av_names names = {0};
	int added = 1;
	for (uint32_t i = symbols + 1; i < doc->values[symbols].at.end && added == 1;
	     i = js_next(doc, i)) {
		if (doc->values[i].type != JS_STRING || !good_name(js_text(doc, i), false)) {
			added = wrong(parsing, i, "a symbol has letters, digits and '_'");
			break;
		}
		added = av_names_add(&names, js_text(doc, i), 0, parsing->err);
		if (added == 0)
			wrong(parsing, i, "this symbol stands before it");
		if (added < 1 || room(&schema->symbols, schema->n_symbols, &schema->cap_symbols,
		                      sizeof *schema->symbols, parsing->err) < 0)
			added = -1;
		else
			schema->symbols[schema->n_symbols++] = js_text(doc, i);
		if (other && doc->values[other].type == JS_STRING &&
		    mq_bytes_equal(js_text(doc, other), js_text(doc, i)))
			there->otherwise = (uint32_t)(schema->n_symbols - there->first);
	}
	av_names_release(&names);
	if (added < 0)
		return -1;
	if (other && !there->otherwise)
		return wrong(parsing, other, "the default is none of the symbols");
	return node;
}

static int64_t parse_fixed(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	uint32_t size = js_member(parsing->doc, value, "size");
	int64_t node = add_named(parsing, AV_FIXED, value, space);
	int64_t count = size ? js_count(&parsing->doc->values[size]) : -1;

	if (node < 0)
		return -1;
	if (count < 0 || count >= INT32_MAX)
		return wrong(parsing, value, "a fixed without a size in bytes");
	parsing->schema->nodes[node].size = (uint32_t)count;
	parsing->schema->nodes[node].free = count == 0;
	return node;
}

/* --- logical types ---------------------------------------------------------------------------- */

static bool fits_decimal(const struct parsing *parsing, struct av_node *node)
{
	uint32_t precision = js_member(parsing->doc, node->value, "precision");
	uint32_t scale = js_member(parsing->doc, node->value, "scale");
	int64_t digits = precision ? js_count(&parsing->doc->values[precision]) : -1;
	int64_t behind = scale ? js_count(&parsing->doc->values[scale]) : 0;

	if (digits < 1 || behind < 0 || behind > digits)
		return false;
	node->precision = (uint32_t)digits;
	node->scale = (uint32_t)behind;
	return true;
}

static const struct {
	const char *name;
	enum av_logical logical;
	enum av_type type;
	uint32_t size; /* 0: any */
} logical_types[] = {
    {"decimal", AV_DECIMAL, AV_BYTES, 0},
    {"decimal", AV_DECIMAL, AV_FIXED, 0},
    {"uuid", AV_UUID, AV_STRING, 0},
    {"uuid", AV_UUID, AV_FIXED, 16},
    {"date", AV_DATE, AV_INT, 0},
    {"time-millis", AV_TIME_MILLIS, AV_INT, 0},
    {"time-micros", AV_TIME_MICROS, AV_LONG, 0},
    {"timestamp-millis", AV_TIMESTAMP_MILLIS, AV_LONG, 0},
    {"timestamp-micros", AV_TIMESTAMP_MICROS, AV_LONG, 0},
    {"timestamp-nanos", AV_TIMESTAMP_NANOS, AV_LONG, 0},
    {"local-timestamp-millis", AV_LOCAL_TIMESTAMP_MILLIS, AV_LONG, 0},
    {"local-timestamp-micros", AV_LOCAL_TIMESTAMP_MICROS, AV_LONG, 0},
    {"local-timestamp-nanos", AV_LOCAL_TIMESTAMP_NANOS, AV_LONG, 0},
    {"duration", AV_DURATION, AV_FIXED, 12},
};

#define LOGICAL_TYPES (sizeof logical_types / sizeof *logical_types)

const char *av_logical_name(enum av_logical logical)
{
	for (size_t i = 0; i < LOGICAL_TYPES; i++)
		if (logical_types[i].logical == logical)
			return logical_types[i].name;
	return "";
}

/* The specification: a logical type that is not known, or not valid here, is ignored. */
static void find_logical(const struct parsing *parsing, struct av_node *node)
{
	uint32_t name = js_member(parsing->doc, node->value, "logicalType");

	for (size_t i = 0; name && i < LOGICAL_TYPES; i++)
		if (logical_types[i].type == node->type &&
		    js_is(parsing->doc, name, logical_types[i].name) &&
		    (logical_types[i].size == 0 || logical_types[i].size == node->size) &&
		    (logical_types[i].logical != AV_DECIMAL || fits_decimal(parsing, node)))
			node->logical = (uint8_t)logical_types[i].logical;
}

/* --- types ------------------------------------------------------------------------------------ */

/* Two branches that an encoded value could not be told apart by. */
static bool same_branch(const struct av_node *a, const struct av_node *b)
{
	return a->type == b->type &&
	       (a->type < AV_FIXED || a->type > AV_RECORD || mq_bytes_equal(a->name, b->name));
}

static int64_t parse_union(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	const struct js_doc *doc = parsing->doc;
	struct av_schema *schema = parsing->schema;
	size_t first = schema->n_branches, n = doc->values[value].len;
	int64_t node = add_node(parsing, AV_UNION, value);

	for (size_t i = 0; i < n && node >= 0; i++) {
		if (room(&schema->branches, schema->n_branches, &schema->cap_branches,
		         sizeof *schema->branches, parsing->err) < 0)
			return -1;
		schema->branches[schema->n_branches++] = 0;
	}
	uint32_t at = value + 1;
	for (size_t i = 0; i < n && node >= 0; i++, at = js_next(doc, at)) {
		int64_t branch = parse_type(parsing, at, space);
		if (branch < 0)
			return -1;
		if (schema->nodes[branch].type == AV_UNION)
			return wrong(parsing, at, "a union within a union");
		for (size_t k = 0; k < i; k++)
			if (same_branch(&schema->nodes[schema->branches[first + k]],
			                &schema->nodes[branch]))
				return wrong(parsing, at, "the union has this type already");
		schema->branches[first + i] = (uint32_t)branch;
	}
	if (node >= 0) {
		schema->nodes[node].first = (uint32_t)first;
		schema->nodes[node].n = (uint32_t)n;
	}
	return node;
}

/* A primitive type, or one that was named before. */
static int64_t parse_name(struct parsing *parsing, uint32_t value, uint32_t text,
                          struct mq_bytes space)
{
	struct mq_bytes name = js_text(parsing->doc, text);

	for (int i = AV_NULL; i <= AV_STRING; i++)
		if (mq_bytes_equal(name, mq_bytes_str(av_type_name((enum av_type)i))))
			return add_node(parsing, (enum av_type)i, value);
	struct mq_bytes full = full_name(parsing, name, space);
	if (!full.data)
		return -1;
	int64_t node = av_names_find(&parsing->schema->types, full);
	/* What has no namespace of its own may be meant from everywhere. */
	if (node < 0)
		node = av_names_find(&parsing->schema->types, name);
	if (node >= 0)
		return node;
	parsing->unknown[0] = full;
	parsing->unknown[1] = name;
	char words[300];
	snprintf(words, sizeof words, "there is no type %.*s", (int)full.len, full.data);
	return wrong(parsing, text, words);
}

static int64_t parse_many(struct parsing *parsing, enum av_type type, uint32_t value,
                          const char *member, struct mq_bytes space)
{
	uint32_t items = js_member(parsing->doc, value, member);
	int64_t node = add_node(parsing, type, value), inner;

	if (node < 0)
		return -1;
	if (!items)
		return wrong(parsing, value,
		             type == AV_ARRAY ? "an array without items" : "a map without values");
	if ((inner = parse_type(parsing, items, space)) < 0)
		return -1;
	parsing->schema->nodes[node].items = (uint32_t)inner;
	return node;
}

static int64_t parse_object(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	uint32_t type = js_member(parsing->doc, value, "type");
	int64_t node;

	if (!type)
		return wrong(parsing, value, "an object without a type");
	if (parsing->doc->values[type].type != JS_STRING)
		return parse_type(parsing, type, space);
	if (js_is(parsing->doc, type, "record") || js_is(parsing->doc, type, "error"))
		node = parse_record(parsing, value, space);
	else if (js_is(parsing->doc, type, "enum"))
		node = parse_enum(parsing, value, space);
	else if (js_is(parsing->doc, type, "fixed"))
		node = parse_fixed(parsing, value, space);
	else if (js_is(parsing->doc, type, "array"))
		node = parse_many(parsing, AV_ARRAY, value, "items", space);
	else if (js_is(parsing->doc, type, "map"))
		node = parse_many(parsing, AV_MAP, value, "values", space);
	else
		node = parse_name(parsing, value, type, space);
	if (node >= 0 && parsing->schema->nodes[node].value == value)
		find_logical(parsing, &parsing->schema->nodes[node]);
	return node;
}

static int64_t parse_type(struct parsing *parsing, uint32_t value, struct mq_bytes space)
{
	switch (parsing->doc->values[value].type) {
	case JS_STRING:
		return parse_name(parsing, value, value, space);
	case JS_OBJECT:
		return parse_object(parsing, value, space);
	case JS_ARRAY:
		return parse_union(parsing, value, space);
	default:
		return wrong(parsing, value, "a type is a name, an object or an array");
	}
}

int av_schema_parse_all(struct av_schema *schema, struct mq_bytes ret_unknown[2],
                        struct mq_err *err)
{
	struct js_problem problem;
	struct parsing parsing = {
	    .schema = schema, .doc = &schema->doc, .unknown = ret_unknown, .err = err};
	int64_t root = -1;

	ret_unknown[0] = MQ_ABSENT;
	/* So that none of them is NULL, also without any. */
	if (room(&schema->fields, 0, &schema->cap_fields, sizeof *schema->fields, err) < 0 ||
	    room(&schema->branches, 0, &schema->cap_branches, sizeof *schema->branches, err) < 0 ||
	    room(&schema->symbols, 0, &schema->cap_symbols, sizeof *schema->symbols, err) < 0)
		return -1;
	int parsed = js_parse(&schema->doc, schema->text, schema->text_len, &problem, err);
	if (parsed == 0)
		mq_fail(err, MQ_DATA, "no Avro schema, it is no JSON: %s", problem.words);
	if (parsed != 1)
		return -1;
	uint32_t at = 1, n = schema->doc.values[0].len;
	for (uint32_t i = 0; i < n; i++, at = js_next(&schema->doc, at)) {
		parsing.is_reference = i + 1 < n;
		root = parse_type(&parsing, at, mq_bytes_of("", 0));
		if (root < 0)
			return ret_unknown[0].data ? 0 : -1;
	}
	schema->root = (uint32_t)root;
	return 1;
}

void av_schema_release(struct av_schema *schema)
{
	for (size_t i = 0; i < schema->n_names; i++)
		free(schema->names[i]);
	free(schema->names);
	free(schema->nodes);
	free(schema->fields);
	free(schema->branches);
	free(schema->symbols);
	free(schema->text);
	av_names_release(&schema->types);
	js_doc_release(&schema->doc);
	*schema = (struct av_schema){0};
}
