/* Arrays and objects: what is asked of their items and members. */
#include "schema/json/evaluate.h"
#include "schema/json/number.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	FEW_ITEMS = 16, /* so many are compared each with each */
	NAME_SHOWN = 80,
};

/* Whether there is any use in going on after something was wrong. */
static bool go_on(const struct js_validator *validator, bool ok)
{
	return !validator->broken && (ok || validator->tell);
}

/* --- arrays ----------------------------------------------------------------------------------- */

bool js_check_items(struct js_validator *validator, const struct js_node *node,
                    const struct js_check *check, uint32_t value, size_t marks)
{
	const struct js_doc *doc = validator->doc;
	const uint32_t *list = validator->program->list;
	uint32_t place = 0, rest = check->u.items.rest;
	bool ok = true;

	(void)node;
	for (uint32_t i = value + 1; i < doc->values[value].at.end && go_on(validator, ok);
	     i = js_next(doc, i), place++) {
		uint32_t with =
		    place < check->u.items.n ? list[check->u.items.first + place] : rest;
		if (with == JS_NO_NODE)
			return ok;
		ok &= js_evaluate(validator, with, i, JS_NO_MARKS);
		js_mark(validator, marks, place);
	}
	return ok;
}

bool js_check_contains(struct js_validator *validator, const struct js_node *node,
                       const struct js_check *check, uint32_t value, size_t marks)
{
	const struct js_doc *doc = validator->doc;
	uint32_t place = 0, found = 0, most = check->u.contains.most;
	bool all = check->marks && marks != JS_NO_MARKS;

	for (uint32_t i = value + 1; i < doc->values[value].at.end && !validator->broken;
	     i = js_next(doc, i), place++) {
		if (!js_try(validator, check->u.contains.node, i, JS_NO_MARKS))
			continue;
		found++;
		if (all)
			js_mark(validator, marks, place);
		else if (found >= check->u.contains.least && most == UINT32_MAX)
			return true;
	}
	if (found >= check->u.contains.least && found <= most)
		return true;
	return js_wrong(
	    validator, node, check->value,
	    found > most ? "maxContains"
	    : found > 0  ? "minContains"
	                 : "contains",
	    value, "%" PRIu32 " items are as asked, where at %s %" PRIu32 " are allowed", found,
	    found > most ? "most" : "least", found > most ? most : check->u.contains.least);
}

static bool same(struct js_validator *validator, const struct js_node *node,
                 const struct js_check *check, uint32_t value, uint32_t item)
{
	char shown[NAME_SHOWN];

	return js_wrong(validator, node, check->value, "uniqueItems", value,
	                "the item %s stands twice",
	                js_shown(validator, validator->doc, item, shown, sizeof shown));
}

static int by_hash(const void *a, const void *b)
{
	const struct js_hashed *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

static bool unique_of_many(struct js_validator *validator, const struct js_node *node,
                           const struct js_check *check, uint32_t value)
{
	const struct js_doc *doc = validator->doc;
	size_t n = 0, count = doc->values[value].len;

	if (count > validator->cap_hashed) {
		struct js_hashed *more = realloc(validator->hashed, count * sizeof *more);
		if (!more) {
			mq_fail_memory(validator->err);
			return js_break(validator);
		}
		validator->hashed = more;
		validator->cap_hashed = count;
	}
	for (uint32_t i = value + 1; n < count; i = js_next(doc, i))
		validator->hashed[n++] = (struct js_hashed){js_value_hash(doc, i), i};
	qsort(validator->hashed, n, sizeof *validator->hashed, by_hash);
	for (size_t i = 1; i < n; i++)
		for (size_t k = i;
		     k-- > 0 && validator->hashed[k].hash == validator->hashed[i].hash;)
			if (js_equal(doc, validator->hashed[k].value, doc,
			             validator->hashed[i].value))
				return same(validator, node, check, value,
				            validator->hashed[i].value);
	return true;
}

bool js_check_unique(struct js_validator *validator, const struct js_node *node,
                     const struct js_check *check, uint32_t value)
{
	const struct js_doc *doc = validator->doc;

	if (doc->values[value].len > FEW_ITEMS)
		return unique_of_many(validator, node, check, value);
	for (uint32_t i = value + 1; i < doc->values[value].at.end; i = js_next(doc, i))
		for (uint32_t k = value + 1; k < i; k = js_next(doc, k))
			if (js_equal(doc, i, doc, k))
				return same(validator, node, check, value, i);
	return true;
}

/* --- objects ---------------------------------------------------------------------------------- */

/* The property with the key's name. expected: the one that would stand here if the members came in
 * the schema's order. */
static const struct js_property *find_property(const struct js_members *members,
                                               const struct js_value *key, uint32_t expected)
{
	const struct js_property *properties = members->properties;
	uint64_t tag = js_tag(key);

	if (expected < members->n_properties && properties[expected].tag == tag &&
	    js_same_bytes(properties[expected].name.data, key->at.text, key->len))
		return &properties[expected];
	if (!members->table) {
		for (uint32_t i = 0; i < members->n_properties; i++)
			if (properties[i].tag == tag &&
			    js_same_bytes(properties[i].name.data, key->at.text, key->len))
				return &properties[i];
		return NULL;
	}
	for (uint32_t place = js_members_place(members, tag, mq_bytes_of(key->at.text, key->len));
	     members->table[place]; place = (place + 1) & members->table_mask) {
		const struct js_property *property = &properties[members->table[place] - 1];
		if (property->tag == tag &&
		    js_same_bytes(property->name.data, key->at.text, key->len))
			return property;
	}
	return NULL;
}

/* The member's patterns: whether any matched; *ok becomes false when one of their schemas fails. */
static bool match_patterns(struct js_validator *validator, const struct js_members *members,
                           uint32_t key, bool *ok)
{
	bool matched = false;

	for (uint32_t i = 0; i < members->n_patterns && go_on(validator, *ok); i++) {
		int matches = mq_pattern_matches(members->patterns[i].pattern,
		                                 js_text(validator->doc, key), validator->err);
		if (matches < 0)
			return *ok = js_break(validator);
		if (!matches)
			continue;
		matched = true;
		*ok &= js_evaluate(validator, members->patterns[i].node, key + 1, JS_NO_MARKS);
	}
	return matched;
}

/* A member that no property and no pattern knows. */
static bool check_additional(struct js_validator *validator, const struct js_node *node,
                             const struct js_members *members, uint32_t key)
{
	const struct js_doc *schema = &validator->program->library->documents[node->document]->doc;
	const struct js_node *additional = &validator->program->nodes[members->additional];

	if (schema->values[additional->value].type != JS_FALSE)
		return js_evaluate(validator, members->additional, key + 1, JS_NO_MARKS);
	return js_wrong(validator, node, additional->value, "additionalProperties", key + 1,
	                "the member \"%.*s\" is not allowed",
	                (int)(validator->doc->values[key].len < NAME_SHOWN
	                          ? validator->doc->values[key].len
	                          : NAME_SHOWN),
	                validator->doc->values[key].at.text);
}

static bool tell_missing(struct js_validator *validator, const struct js_node *node,
                         const struct js_members *members, uint32_t value)
{
	const struct js_doc *schema = &validator->program->library->documents[node->document]->doc;
	uint32_t required = js_member(schema, node->value, "required");

	for (uint32_t i = 0; i < members->n_properties && validator->tell; i++)
		if (members->properties[i].required &&
		    !js_member_bytes(validator->doc, value, members->properties[i].name))
			js_wrong(validator, node, required, "required", value,
			         "the member \"%.*s\" is missing",
			         (int)members->properties[i].name.len,
			         members->properties[i].name.data);
	return false;
}

bool js_check_members(struct js_validator *validator, const struct js_node *node,
                      const struct js_check *check, uint32_t value, size_t marks)
{
	const struct js_members *members = check->u.members;
	const struct js_doc *doc = validator->doc;
	uint32_t place = 0, required = 0;
	bool ok = true;

	for (uint32_t key = value + 1; key < doc->values[value].at.end && go_on(validator, ok);
	     key = js_next(doc, key + 1), place++) {
		const struct js_property *property =
		    find_property(members, &doc->values[key], place);
		bool known = property && property->node != JS_NO_NODE;

		required += property && property->required;
		if (known)
			ok &= js_evaluate(validator, property->node, key + 1, JS_NO_MARKS);
		if (members->n_patterns > 0)
			known |= match_patterns(validator, members, key, &ok);
		if (!known && members->additional != JS_NO_NODE) {
			ok &= check_additional(validator, node, members, key);
			known = true;
		}
		if (known)
			js_mark(validator, marks, place);
	}
	if (go_on(validator, ok) && required < members->n_required)
		ok = tell_missing(validator, node, members, value);
	return ok;
}

/* The keys are strings that stand in the document like any other. */
bool js_check_names(struct js_validator *validator, const struct js_node *node,
                    const struct js_check *check, uint32_t value)
{
	const struct js_doc *doc = validator->doc;
	bool ok = true;

	(void)node;
	for (uint32_t key = value + 1; key < doc->values[value].at.end && go_on(validator, ok);
	     key = js_next(doc, key + 1))
		ok &= js_evaluate(validator, check->u.node, key, JS_NO_MARKS);
	return ok;
}

bool js_check_dependent(struct js_validator *validator, const struct js_node *node,
                        const struct js_check *check, uint32_t value, size_t marks)
{
	const struct js_doc *schema = &validator->program->library->documents[node->document]->doc;
	struct mq_bytes name = js_text(schema, check->u.dependent.key);
	bool ok = true;

	if (!js_member_bytes(validator->doc, value, name))
		return true;
	if (check->op == JS_OP_DEPENDENT_SCHEMA)
		return js_evaluate(validator, check->u.dependent.node, value, marks);
	for (uint32_t i = check->value + 1;
	     i < schema->values[check->value].at.end && go_on(validator, ok);
	     i = js_next(schema, i))
		if (!js_member_bytes(validator->doc, value, js_text(schema, i)))
			ok = js_wrong(validator, node, i,
			              js_keyword_name((enum js_keyword)check->keyword), value,
			              "the member \"%.*s\" is missing, which \"%.*s\" needs",
			              (int)schema->values[i].len, schema->values[i].at.text,
			              (int)name.len, name.data);
	return ok;
}

/* --- what nothing else looked at -------------------------------------------------------------- */

bool js_check_unevaluated(struct js_validator *validator, const struct js_node *node,
                          const struct js_check *check, uint32_t value, size_t marks)
{
	const struct js_doc *doc = validator->doc;
	const struct js_doc *schema = &validator->program->library->documents[node->document]->doc;
	bool never = schema->values[check->value].type == JS_FALSE, ok = true;
	uint32_t place = 0, step = doc->values[value].type == JS_OBJECT;

	for (uint32_t i = value + 1; i < doc->values[value].at.end && go_on(validator, ok);
	     i = js_next(doc, i + step), place++) {
		if (marks == JS_NO_MARKS || js_marked(validator, marks, place))
			continue;
		if (never && step)
			ok = js_wrong(validator, node, check->value, "unevaluatedProperties", i + 1,
			              "the member \"%.*s\" is not allowed", (int)doc->values[i].len,
			              doc->values[i].at.text);
		else if (never)
			ok = js_wrong(validator, node, check->value, "unevaluatedItems", i,
			              "an item is not allowed here");
		else
			ok &= js_evaluate(validator, check->u.node, i + step, JS_NO_MARKS);
		js_mark(validator, marks, place);
	}
	return ok;
}
