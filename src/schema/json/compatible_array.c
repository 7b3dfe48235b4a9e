/* Rules for arrays: see compatible.h. Tuples have two forms, items and additionalItems until
 * 2019-09, prefixItems and items since 2020-12; here they are one. */
#include "schema/json/compatible_rules.h"

/* The schemas of the first items, and of the rest. */
struct tuple {
	uint32_t list, n;    /* the array of schemas, or 0 */
	const char *keyword; /* of the rest */
	bool has_rest;
	uint32_t rest;     /* its shape: EMPTY, where there is none */
	const char *first; /* keyword of the list */
};

static struct tuple tuple_of(struct comparing *c, const struct shape *at)
{
	const struct js_doc *doc = shape_doc(&c->shapes, at);
	uint32_t items = shape_keyword(&c->shapes, at, "items");
	struct tuple tuple = {.keyword = "items", .first = "items"};

	tuple.list = shape_keyword(&c->shapes, at, "prefixItems");
	if (tuple.list) {
		tuple.first = "prefixItems";
	} else if (items && doc->values[items].type == JS_ARRAY) {
		tuple.list = items;
		tuple.keyword = "additionalItems";
	}
	if (tuple.list && doc->values[tuple.list].type != JS_ARRAY)
		tuple.list = 0;
	tuple.n = tuple.list ? doc->values[tuple.list].len : 0;
	tuple.has_rest = shape_under(&c->shapes, at, tuple.keyword, &tuple.rest);
	if (!tuple.has_rest && !at->applies_more)
		shape_under(&c->shapes, at, "unevaluatedItems", &tuple.rest);
	return tuple;
}

static enum shape_type type_of(const struct comparing *c, uint32_t shape)
{
	return (enum shape_type)c->shapes.items[shape].type;
}

static struct spot spot_of(const struct shape *at, uint32_t value)
{
	struct spot spot = {.at = *at};

	spot.at.value = value;
	return spot;
}

static struct spot rest_spot(const struct shape *at, const struct tuple *tuple)
{
	return (struct spot){.at = *at, .keyword = tuple->keyword};
}

/* An item that only the writer's list has: now it is one of the rest. */
static bool reads_removed(struct comparing *c, const struct shape *r, const struct shape *w,
                          const struct tuple *now, uint32_t value, uint32_t before)
{
	enum shape_type rest = type_of(c, now->rest);

	if (rest == SHAPE_EMPTY || type_of(c, before) == SHAPE_FALSE)
		return true;
	if (rest == SHAPE_FALSE)
		return js_broken(c, "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", rest_spot(r, now),
		                 spot_of(w, value),
		                 "the reader has no such item, and allows no more");
	if (js_reads(c, now->rest, before))
		return true;
	return js_broken(c, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
	                 rest_spot(r, now), spot_of(w, value),
	                 "the reader has no such item, and its others are of another form");
}

/* An item that only the reader's list has: it was one of the rest. */
static bool reads_added(struct comparing *c, const struct shape *r, const struct shape *w,
                        const struct tuple *was, uint32_t value, uint32_t now)
{
	enum shape_type rest = type_of(c, was->rest);

	if (rest == SHAPE_FALSE || type_of(c, now) == SHAPE_EMPTY)
		return true;
	if (rest == SHAPE_EMPTY)
		return js_broken(c, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", spot_of(r, value),
		                 rest_spot(w, was),
		                 "anything may be written at the place of this item");
	if (js_reads(c, now, was->rest))
		return true;
	return js_broken(c, "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
	                 spot_of(r, value), rest_spot(w, was),
	                 "an item of another form may be written there");
}

static bool reads_tuples(struct comparing *c, const struct shape *r, const struct shape *w,
                         const struct tuple *now, const struct tuple *was)
{
	uint32_t k = now->list + 1, i = was->list + 1;
	bool ok = true;

	for (uint32_t at = 0; at < now->n || at < was->n; at++) {
		uint32_t mine = 0, theirs = 0;
		if (at < now->n)
			mine = shape_resolve(&c->shapes,
			                     shape_at(&c->shapes, r->side, r->document, k));
		if (at < was->n)
			theirs = shape_resolve(&c->shapes,
			                       shape_at(&c->shapes, w->side, w->document, i));
		if (at < now->n && at < was->n)
			ok &= js_reads(c, mine, theirs);
		else if (at < now->n)
			ok &= reads_added(c, r, w, was, k, mine);
		else
			ok &= reads_removed(c, r, w, now, i, theirs);
		if (at < now->n)
			k = js_next(shape_doc(&c->shapes, r), k);
		if (at < was->n)
			i = js_next(shape_doc(&c->shapes, w), i);
	}
	return ok;
}

static bool reads_rest(struct comparing *c, const struct shape *r, const struct shape *w,
                       const struct tuple *now, const struct tuple *was)
{
	if (!now->has_rest || type_of(c, now->rest) == SHAPE_EMPTY ||
	    type_of(c, was->rest) == SHAPE_FALSE)
		return true;
	if (type_of(c, now->rest) == SHAPE_FALSE)
		return js_broken(c, "ADDITIONAL_ITEMS_REMOVED", rest_spot(r, now),
		                 rest_spot(w, was), "more items may be written");
	if (type_of(c, was->rest) == SHAPE_EMPTY)
		return js_broken(c, now->list ? "ADDITIONAL_ITEMS_NARROWED" : "SCHEMA_ADDED",
		                 rest_spot(r, now), rest_spot(w, was),
		                 "items of any form may be written");
	return js_reads(c, now->rest, was->rest);
}

static bool reads_contained(struct comparing *c, const struct shape *r, const struct shape *w)
{
	static const struct js_limit limits[] = {
	    {"maxContains", true, NULL, "MAX_CONTAINS_ADDED", "MAX_CONTAINS_DECREASED"},
	    {"minContains", false, "1", "MIN_CONTAINS_ADDED", "MIN_CONTAINS_INCREASED"},
	};
	uint32_t now, before;

	if (!shape_under(&c->shapes, r, "contains", &now))
		return true;
	if (!shape_under(&c->shapes, w, "contains", &before))
		return js_broken_keyword(c, "CONTAINS_ADDED", r, w, "contains",
		                         "only the reader has it");
	bool ok = js_reads_limits(c, r, w, limits, 2);
	ok &= js_reads(c, now, before);
	/* What is counted must not grow. */
	if (shape_keyword(&c->shapes, r, "maxContains") && !js_would_read(c, before, now))
		ok = js_broken_keyword(c, "CONTAINS_CHANGED", r, w, "contains",
		                       "more items may count, and there is a maxContains");
	return ok;
}

static bool is_unique(const struct comparing *c, const struct shape *at)
{
	uint32_t value = shape_keyword(&c->shapes, at, "uniqueItems");

	return value && shape_doc(&c->shapes, at)->values[value].type == JS_TRUE;
}

bool js_reads_arrays(struct comparing *c, struct shape r, struct shape w)
{
	static const struct js_limit limits[] = {
	    {"maxItems", true, NULL, "MAX_ITEMS_ADDED", "MAX_ITEMS_DECREASED"},
	    {"minItems", false, "0", "MIN_ITEMS_ADDED", "MIN_ITEMS_INCREASED"},
	};
	struct tuple now = tuple_of(c, &r), was = tuple_of(c, &w);
	bool ok = reads_tuples(c, &r, &w, &now, &was);

	ok &= reads_rest(c, &r, &w, &now, &was);
	if (!now.has_rest)
		ok &=
		    js_reads_unevaluated(c, &r, &w, "unevaluatedItems", "UNEVALUATED_ITEMS_REMOVED",
		                         "UNEVALUATED_ITEMS_NARROWED");
	ok &= js_reads_limits(c, &r, &w, limits, 2);
	ok &= reads_contained(c, &r, &w);
	if (is_unique(c, &r) && !is_unique(c, &w))
		ok = js_broken_keyword(c, "UNIQUE_ITEMS_ADDED", &r, &w, "uniqueItems",
		                       "equal items may be written");
	return ok;
}
