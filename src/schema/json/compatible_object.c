/* Rules for objects: see compatible.h. Whether a property that one side does not name was or is
 * allowed depends on the content model: closed, open, or open for what has a certain form. */
#include "schema/json/compatible_names.h"
#include "schema/json/compatible_rules.h"

#include "schema/json/regex.h"

#include <stdlib.h>

/* What a schema says of the properties that it does not name. */
struct model {
	uint32_t properties; /* the object, or 0 */
	uint32_t patterns;   /* patternProperties, or 0 */
	struct mq_pattern **compiled;
	uint32_t n;    /* patterns */
	uint32_t rest; /* shape: EMPTY where it is open, FALSE where it is closed */
	const char *keyword;
	struct js_names named, required; /* keys of properties, items of required */
};

static uint32_t object_of(const struct comparing *c, const struct shape *at, const char *keyword)
{
	uint32_t value = shape_keyword(&c->shapes, at, keyword);

	return value && shape_doc(&c->shapes, at)->values[value].type == JS_OBJECT ? value : 0;
}

static uint32_t resolved(struct comparing *c, const struct shape *at, uint32_t value)
{
	return shape_resolve(&c->shapes, shape_at(&c->shapes, at->side, at->document, value));
}

static bool compile_patterns(struct comparing *c, const struct shape *at, struct model *model)
{
	const struct js_doc *doc = shape_doc(&c->shapes, at);
	uint32_t n = doc->values[model->patterns].len;

	model->compiled = calloc(n, sizeof(struct mq_pattern *));
	if (!model->compiled) {
		mq_fail_memory(c->err);
		c->shapes.broken = true;
		return false;
	}
	for (uint32_t key = model->patterns + 1; model->n < n; key = js_next(doc, key + 1)) {
		if (js_regex_new(js_text(doc, key), &model->compiled[model->n], c->err) < 0) {
			c->shapes.broken = true;
			return false;
		}
		model->n++;
	}
	return true;
}

/* reads: it is the reader's. What other keywords may say of a property makes the writer's model
 * open, and does not make the reader's so. */
static bool model_of(struct comparing *c, const struct shape *at, bool reads, struct model *ret)
{
	*ret = (struct model){.properties = object_of(c, at, "properties"),
	                      .patterns = object_of(c, at, "patternProperties"),
	                      .keyword = "additionalProperties"};
	if (!shape_under(&c->shapes, at, ret->keyword, &ret->rest) &&
	    (reads || !at->applies_more) &&
	    shape_under(&c->shapes, at, "unevaluatedProperties", &ret->rest))
		ret->keyword = "unevaluatedProperties";
	uint32_t required = shape_keyword(&c->shapes, at, "required");
	const struct js_doc *doc = shape_doc(&c->shapes, at);
	if (required && doc->values[required].type != JS_ARRAY)
		required = 0;
	if (js_names_init(&ret->named, doc, ret->properties, c->err) < 0 ||
	    js_names_init(&ret->required, doc, required, c->err) < 0) {
		c->shapes.broken = true;
		return false;
	}
	return !ret->patterns || doc->values[ret->patterns].len == 0 ||
	       compile_patterns(c, at, ret);
}

static void release_model(struct model *model)
{
	for (uint32_t i = 0; i < model->n; i++)
		mq_pattern_free(model->compiled[i]);
	free(model->compiled);
	js_names_release(&model->named);
	js_names_release(&model->required);
}

/* The value of a property, or 0. */
static uint32_t property_of(const struct model *model, struct mq_bytes name)
{
	uint32_t key = js_names_find(&model->named, name);

	return key ? key + 1 : 0;
}

static enum shape_type type_of(const struct comparing *c, uint32_t shape)
{
	return (enum shape_type)c->shapes.items[shape].type;
}

static struct spot at_property(const struct shape *at, struct mq_bytes name)
{
	return (struct spot){.at = *at, .keyword = "properties", .name = name};
}

static bool matches(struct comparing *c, const struct model *model, uint32_t which,
                    struct mq_bytes name)
{
	int is = mq_pattern_matches(model->compiled[which], name, c->err);

	if (is < 0)
		c->shapes.broken = true;
	return is > 0;
}

/* --- one property ----------------------------------------------------------------------------- */

static bool is_listed(const struct model *model, struct mq_bytes name)
{
	return js_names_find(&model->required, name) != 0;
}

/* Readers fill it in when it is missing: it, or what it refers to, has a default. */
static bool has_default(struct comparing *c, const struct shape *at, uint32_t value)
{
	struct shape is = c->shapes.items[resolved(c, at, value)];

	return js_member(shape_doc(&c->shapes, at), value, "default") ||
	       (is.type > SHAPE_FALSE && is.type < SHAPE_ENUM &&
	        js_member(shape_doc(&c->shapes, &is), is.value, "default"));
}

/* A property that only the writer names. */
static bool reads_removed(struct comparing *c, const struct shape *r, const struct shape *w,
                          const struct model *now, struct mq_bytes name, uint32_t before)
{
	const struct js_doc *doc = shape_doc(&c->shapes, r);
	uint32_t was = resolved(c, w, before), key = now->patterns + 1;
	bool matched = false, ok = true;

	if (type_of(c, was) == SHAPE_FALSE)
		return true;
	for (uint32_t i = 0; i < now->n; i++, key = js_next(doc, key + 1)) {
		if (!matches(c, now, i, name))
			continue;
		matched = true;
		ok &= js_reads(c, resolved(c, r, key + 1), was);
	}
	if (!matched && type_of(c, now->rest) == SHAPE_FALSE)
		return js_broken(c, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
		                 at_property(r, name), at_property(w, name),
		                 "the reader has no such property, and allows no others");
	if (!matched)
		ok = js_reads(c, now->rest, was);
	return ok ||
	       js_broken(c, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
	                 at_property(r, name), at_property(w, name),
	                 "the reader has no such property, and its others are of another form");
}

/* Whether all that the writer allowed under this name is of a form; told where it is not. */
static bool covers(struct comparing *c, const struct shape *w, const struct model *was,
                   struct mq_bytes name, uint32_t form)
{
	const struct js_doc *doc = shape_doc(&c->shapes, w);
	uint32_t key = was->patterns + 1, last = was->rest;

	for (uint32_t i = 0; i < was->n; i++, key = js_next(doc, key + 1)) {
		if (!matches(c, was, i, name))
			continue;
		last = resolved(c, w, key + 1);
		if (js_would_read(c, form, last))
			return true;
	}
	return js_reads(c, form, last);
}

static bool is_matched(struct comparing *c, const struct model *model, struct mq_bytes name)
{
	for (uint32_t i = 0; i < model->n; i++)
		if (matches(c, model, i, name))
			return true;
	return false;
}

/* A property that only the reader names. */
static bool reads_added(struct comparing *c, const struct shape *r, const struct shape *w,
                        const struct model *read, const struct model *was, struct mq_bytes name,
                        uint32_t value)
{
	uint32_t now = resolved(c, r, value);
	bool required = is_listed(read, name) && !is_listed(was, name) && !has_default(c, r, value);
	bool open = type_of(c, was->rest) == SHAPE_EMPTY && !is_matched(c, was, name);
	bool ok = true;

	if (open && type_of(c, now) != SHAPE_EMPTY)
		return js_broken(
		    c,
		    required ? "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
		             : "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
		    at_property(r, name), at_property(w, name),
		    "the writer has no such property, and may write anything under its name");
	if (!open && !covers(c, w, was, name, now))
		ok = js_broken(
		    c, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
		    at_property(r, name), at_property(w, name),
		    "the writer has no such property, and may write another form under its name");
	if (required)
		ok = js_broken(c,
		               open ? "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
		                    : "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
		               at_property(r, name), at_property(w, name),
		               "the writer has no such property, and the reader requires it and "
		               "has no default");
	return ok;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool reads_required(struct comparing *c, const struct shape *r, const struct shape *w,
                           const struct model *now, const struct model *was)
{
	const struct js_doc *doc = shape_doc(&c->shapes, r);
	uint32_t list = shape_keyword(&c->shapes, r, "required");
	bool ok = true;

	if (!list || doc->values[list].type != JS_ARRAY)
		return true;
	for (uint32_t i = list + 1; i < doc->values[list].at.end; i = js_next(doc, i)) {
		struct mq_bytes name = js_text(doc, i);
		uint32_t mine = property_of(now, name), theirs = property_of(was, name);
		/* A new property is judged by its content model. */
		if (is_listed(was, name) || (mine && (!theirs || has_default(c, r, mine))))
			continue;
		struct spot spot = {.at = *r};
		spot.at.value = i;
		ok = js_broken(c, "REQUIRED_ATTRIBUTE_ADDED", spot,
		               theirs ? at_property(w, name)
		                      : (struct spot){.at = *w, .keyword = "required"},
		               "\"%.*s\" may be missing where it is written",
		               name.len < 80 ? (int)name.len : 80, name.data);
	}
	return ok;
}

static bool reads_properties(struct comparing *c, const struct shape *r, const struct shape *w,
                             const struct model *now, const struct model *was)
{
	const struct js_doc *doc = shape_doc(&c->shapes, w), *mine = shape_doc(&c->shapes, r);
	bool ok = true;

	for (uint32_t key = was->properties + 1;
	     was->properties && key < doc->values[was->properties].at.end && !c->shapes.broken;
	     key = js_next(doc, key + 1)) {
		struct mq_bytes name = js_text(doc, key);
		uint32_t value = property_of(now, name);
		if (value)
			ok &= js_reads(c, resolved(c, r, value), resolved(c, w, key + 1));
		else
			ok &= reads_removed(c, r, w, now, name, key + 1);
	}
	for (uint32_t key = now->properties + 1;
	     now->properties && key < mine->values[now->properties].at.end && !c->shapes.broken;
	     key = js_next(mine, key + 1)) {
		struct mq_bytes name = js_text(mine, key);
		if (!property_of(was, name))
			ok &= reads_added(c, r, w, now, was, name, key + 1);
	}
	return ok;
}

/* A pattern that only the writer has: its properties are others now. */
static bool reads_lost_pattern(struct comparing *c, const struct shape *r, const struct shape *w,
                               const struct model *now, struct mq_bytes name, uint32_t value)
{
	struct spot reader = {.at = *r, .keyword = now->keyword};
	struct spot writer = {.at = *w, .keyword = "patternProperties", .name = name};
	uint32_t was = resolved(c, w, value);

	if (type_of(c, was) == SHAPE_FALSE || js_reads(c, now->rest, was))
		return true;
	return js_broken(
	    c, "PATTERN_PROPERTY_CHANGED", reader, writer,
	    "the reader has no such pattern, and what matches it is not allowed otherwise");
}

/* A pattern that only the reader has: names that match it were others, or had names. */
static bool reads_new_pattern(struct comparing *c, const struct shape *r, const struct shape *w,
                              const struct model *now, const struct model *was, uint32_t which,
                              uint32_t key)
{
	const struct js_doc *doc = shape_doc(&c->shapes, w);
	struct mq_bytes name = js_text(shape_doc(&c->shapes, r), key);
	struct spot reader = {.at = *r, .keyword = "patternProperties", .name = name};
	uint32_t form = resolved(c, r, key + 1);
	bool ok = true;

	if (!js_would_read(c, form, was->rest))
		ok = js_broken(
		    c, "PATTERN_PROPERTY_CHANGED", reader,
		    (struct spot){.at = *w, .keyword = was->keyword},
		    "the writer has no such pattern, and may write another form under such names");
	for (uint32_t i = was->properties + 1;
	     was->properties && i < doc->values[was->properties].at.end && !c->shapes.broken;
	     i = js_next(doc, i + 1)) {
		if (!matches(c, now, which, js_text(doc, i)) ||
		    js_reads(c, form, resolved(c, w, i + 1)))
			continue;
		ok = js_broken(c, "PATTERN_PROPERTY_CHANGED", reader,
		               at_property(w, js_text(doc, i)),
		               "the property matches the pattern, and may be of another form");
	}
	return ok;
}

static bool reads_patterns(struct comparing *c, const struct shape *r, const struct shape *w,
                           const struct model *now, const struct model *was)
{
	const struct js_doc *doc = shape_doc(&c->shapes, w), *mine = shape_doc(&c->shapes, r);
	uint32_t key = now->patterns + 1, other = was->patterns + 1;
	bool ok = true;

	for (uint32_t i = 0; i < now->n && !c->shapes.broken; i++, key = js_next(mine, key + 1)) {
		uint32_t same =
		    was->patterns ? js_member_bytes(doc, was->patterns, js_text(mine, key)) : 0;
		ok &= same ? js_reads(c, resolved(c, r, key + 1), resolved(c, w, same))
		           : reads_new_pattern(c, r, w, now, was, i, key);
	}
	for (uint32_t i = 0; i < was->n && !c->shapes.broken; i++, other = js_next(doc, other + 1))
		if (!now->patterns || !js_member_bytes(mine, now->patterns, js_text(doc, other)))
			ok &= reads_lost_pattern(c, r, w, now, js_text(doc, other), other + 1);
	return ok;
}

static bool reads_additional(struct comparing *c, const struct shape *r, const struct shape *w)
{
	static const char keyword[] = "additionalProperties";
	uint32_t now, before;

	if (!shape_under(&c->shapes, r, keyword, &now) || type_of(c, now) == SHAPE_EMPTY)
		return js_reads_unevaluated(c, r, w, "unevaluatedProperties",
		                            "UNEVALUATED_PROPERTIES_REMOVED",
		                            "UNEVALUATED_PROPERTIES_NARROWED");
	if (!shape_under(&c->shapes, w, keyword, &before) && !w->applies_more)
		shape_under(&c->shapes, w, "unevaluatedProperties", &before);
	if (type_of(c, before) == SHAPE_FALSE)
		return true;
	if (type_of(c, now) == SHAPE_FALSE)
		return js_broken_keyword(c, "ADDITIONAL_PROPERTIES_REMOVED", r, w, keyword,
		                         "other properties may be written");
	if (type_of(c, before) == SHAPE_EMPTY)
		return js_broken_keyword(c, "ADDITIONAL_PROPERTIES_NARROWED", r, w, keyword,
		                         "other properties may be written, of any form");
	return js_reads(c, now, before);
}

/* --- dependencies ----------------------------------------------------------------------------- */

static const char *const dependencies[] = {"dependencies", "dependentRequired", "dependentSchemas"};

/* The dependency on a name, as an array (of names) or a schema. */
static uint32_t dependency(const struct comparing *c, const struct shape *at, struct mq_bytes name,
                           bool array)
{
	const struct js_doc *doc = shape_doc(&c->shapes, at);

	for (size_t i = 0; i < 3; i++) {
		uint32_t object = object_of(c, at, dependencies[i]);
		uint32_t value = object ? js_member_bytes(doc, object, name) : 0;
		if (value && (doc->values[value].type == JS_ARRAY) == array)
			return value;
	}
	return 0;
}

static uint32_t count_in(const struct js_doc *doc, uint32_t list, const struct js_doc *of,
                         uint32_t names)
{
	uint32_t n = 0;

	for (uint32_t i = names + 1; i < of->values[names].at.end; i = js_next(of, i))
		for (uint32_t k = list + 1; k < doc->values[list].at.end; k = js_next(doc, k))
			if (mq_bytes_equal(js_text(doc, k), js_text(of, i))) {
				n++;
				break;
			}
	return n;
}

static bool reads_dependency(struct comparing *c, const struct shape *r, const struct shape *w,
                             const char *keyword, struct mq_bytes name, uint32_t value)
{
	const struct js_doc *doc = shape_doc(&c->shapes, w), *mine = shape_doc(&c->shapes, r);
	bool array = mine->values[value].type == JS_ARRAY;
	struct spot reader = {.at = *r, .keyword = keyword, .name = name}, writer = reader;
	uint32_t before = dependency(c, w, name, array);

	writer.at = *w;
	if (!array && before)
		return js_reads(c, resolved(c, r, value), resolved(c, w, before));
	if (!array)
		return type_of(c, resolved(c, r, value)) == SHAPE_EMPTY ||
		       js_broken(c, "DEPENDENCY_SCHEMA_ADDED", reader, writer,
		                 "only the reader has it");
	if (!before)
		return mine->values[value].len == 0 ||
		       js_broken(c, "DEPENDENCY_ARRAY_ADDED", reader, writer,
		                 "only the reader has it");
	if (count_in(doc, before, mine, value) == mine->values[value].len)
		return true;
	bool all = count_in(mine, value, doc, before) == doc->values[before].len;
	return js_broken(c, all ? "DEPENDENCY_ARRAY_EXTENDED" : "DEPENDENCY_ARRAY_CHANGED", reader,
	                 writer, "with it, the reader requires other properties than the writer");
}

static bool reads_dependencies(struct comparing *c, const struct shape *r, const struct shape *w)
{
	const struct js_doc *doc = shape_doc(&c->shapes, r);
	bool ok = true;

	for (size_t i = 0; i < 3; i++) {
		uint32_t object = object_of(c, r, dependencies[i]);
		for (uint32_t key = object + 1;
		     object && key < doc->values[object].at.end && !c->shapes.broken;
		     key = js_next(doc, key + 1))
			ok &=
			    reads_dependency(c, r, w, dependencies[i], js_text(doc, key), key + 1);
	}
	return ok;
}

static bool reads_names(struct comparing *c, const struct shape *r, const struct shape *w)
{
	uint32_t now, before;

	if (!shape_under(&c->shapes, r, "propertyNames", &now) || type_of(c, now) == SHAPE_EMPTY)
		return true;
	if (shape_under(&c->shapes, w, "propertyNames", &before))
		return js_reads(c, now, before);
	return js_broken_keyword(c, "PROPERTY_NAMES_ADDED", r, w, "propertyNames",
	                         "properties of any name may be written");
}

bool js_reads_objects(struct comparing *c, struct shape r, struct shape w)
{
	static const struct js_limit limits[] = {
	    {"maxProperties", true, NULL, "MAX_PROPERTIES_ADDED", "MAX_PROPERTIES_DECREASED"},
	    {"minProperties", false, "0", "MIN_PROPERTIES_ADDED", "MIN_PROPERTIES_INCREASED"},
	};
	struct model now = {0}, was = {0};
	bool ok = false;

	if (model_of(c, &r, true, &now) && model_of(c, &w, false, &was)) {
		ok = reads_required(c, &r, &w, &now, &was);
		ok &= reads_properties(c, &r, &w, &now, &was);
		ok &= reads_patterns(c, &r, &w, &now, &was);
		ok &= reads_additional(c, &r, &w);
		ok &= reads_dependencies(c, &r, &w);
		ok &= reads_names(c, &r, &w);
		ok &= js_reads_limits(c, &r, &w, limits, 2);
	}
	release_model(&now);
	release_model(&was);
	return ok && !c->shapes.broken;
}
