/* Rules for strings, numbers and listed values, and those that several types have in common: see
 * compatible.h. */
#include "schema/json/compatible_rules.h"

#include "schema/json/number.h"

#include <stdlib.h>

static const struct js_value *value_of(const struct comparing *c, const struct shape *shape,
                                       const char *keyword)
{
	uint32_t value = shape_keyword(&c->shapes, shape, keyword);

	return value ? &shape_doc(&c->shapes, shape)->values[value] : NULL;
}

static const struct js_value *number_of(const struct comparing *c, const struct shape *shape,
                                        const char *keyword)
{
	const struct js_value *value = value_of(c, shape, keyword);

	return value && value->type == JS_NUMBER ? value : NULL;
}

static int shown(const struct js_value *number)
{
	return number->len < 40 ? (int)number->len : 40;
}

bool js_reads_limits(struct comparing *c, const struct shape *r, const struct shape *w,
                     const struct js_limit *limits, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		const struct js_limit *limit = &limits[i];
		const struct js_value *now = number_of(c, r, limit->keyword);
		const struct js_value *before = number_of(c, w, limit->keyword);
		struct js_value otherwise = {.type = JS_NUMBER, .flags = JS_PLAIN};
		if (!now)
			continue;
		if (limit->otherwise) {
			otherwise.at.text = limit->otherwise;
			otherwise.len = (uint32_t)strlen(limit->otherwise);
		}
		const struct js_value *least =
		    before ? before : (limit->otherwise ? &otherwise : NULL);
		int order = least ? js_number_compare(least, now) : 0;
		if (least && (limit->upper ? order <= 0 : order >= 0))
			continue;
		if (before)
			ok = js_broken_keyword(c, limit->narrowed, r, w, limit->keyword,
			                       "%.*s is written, and %.*s is read", shown(before),
			                       before->at.text, shown(now), now->at.text);
		else
			ok = js_broken_keyword(c, limit->added, r, w, limit->keyword,
			                       "only the reader has it: %.*s", shown(now),
			                       now->at.text);
	}
	return ok;
}

bool js_reads_unevaluated(struct comparing *c, const struct shape *r, const struct shape *w,
                          const char *keyword, const char *removed, const char *narrowed)
{
	uint32_t now, before;

	if (!shape_under(&c->shapes, r, keyword, &now) || c->shapes.items[now].type == SHAPE_EMPTY)
		return true;
	bool was = shape_under(&c->shapes, w, keyword, &before);
	enum shape_type type = was ? (enum shape_type)c->shapes.items[before].type : SHAPE_EMPTY;
	if (type == SHAPE_FALSE)
		return true;
	if (c->shapes.items[now].type == SHAPE_FALSE)
		return js_broken_keyword(c, removed, r, w, keyword, "more may be written");
	if (type == SHAPE_EMPTY)
		return js_broken_keyword(c, narrowed, r, w, keyword,
		                         "more may be written, of any form");
	return js_reads(c, now, before);
}

/* --- strings ---------------------------------------------------------------------------------- */

bool js_reads_strings(struct comparing *c, struct shape r, struct shape w)
{
	static const struct js_limit limits[] = {
	    {"maxLength", true, NULL, "MAX_LENGTH_ADDED", "MAX_LENGTH_DECREASED"},
	    {"minLength", false, "0", "MIN_LENGTH_ADDED", "MIN_LENGTH_INCREASED"},
	};
	const struct js_value *now = value_of(c, &r, "pattern"),
	                      *before = value_of(c, &w, "pattern");
	bool ok = js_reads_limits(c, &r, &w, limits, 2);

	if (!now || now->type != JS_STRING || now->len == 0)
		return ok;
	if (!before)
		return js_broken_keyword(c, "PATTERN_ADDED", &r, &w, "pattern",
		                         "only the reader has it: %.*s", shown(now), now->at.text);
	if (before->type == JS_STRING && before->len == now->len &&
	    memcmp(before->at.text, now->at.text, now->len) == 0)
		return ok;
	return js_broken_keyword(c, "PATTERN_CHANGED", &r, &w, "pattern",
	                         "%.*s is written, and %.*s is read", shown(before),
	                         before->at.text, shown(now), now->at.text);
}

/* --- numbers ---------------------------------------------------------------------------------- */

struct bound {
	const struct js_value *value; /* NULL: none */
	bool exclusive;
};

/* The bound that a keyword sets. In draft 4 exclusiveMaximum is a boolean beside maximum. */
static struct bound bound_of(const struct comparing *c, const struct shape *shape, bool upper,
                             bool exclusive)
{
	const char *plain = upper ? "maximum" : "minimum";
	const char *strict = upper ? "exclusiveMaximum" : "exclusiveMinimum";
	const struct js_value *word = value_of(c, shape, strict);
	bool turned = word && word->type == JS_TRUE;

	if (!exclusive)
		return (struct bound){turned ? NULL : number_of(c, shape, plain), false};
	return (struct bound){turned ? number_of(c, shape, plain) : number_of(c, shape, strict),
	                      true};
}

/* Whether everything within `inner` is within `outer`. */
static bool is_within(struct bound inner, struct bound outer, bool upper)
{
	if (!inner.value)
		return false;
	int order = js_number_compare(inner.value, outer.value);
	if (order == 0)
		return inner.exclusive || !outer.exclusive;
	return upper ? order < 0 : order > 0;
}

static bool reads_bound(struct comparing *c, const struct shape *r, const struct shape *w,
                        bool upper, bool exclusive)
{
	static const char *const rules[2][2][2] = {
	    {{"MINIMUM_ADDED", "MINIMUM_INCREASED"},
	     {"EXCLUSIVE_MINIMUM_ADDED", "EXCLUSIVE_MINIMUM_INCREASED"}},
	    {{"MAXIMUM_ADDED", "MAXIMUM_DECREASED"},
	     {"EXCLUSIVE_MAXIMUM_ADDED", "EXCLUSIVE_MAXIMUM_DECREASED"}},
	};
	static const char *const words[2][2] = {{"minimum", "exclusiveMinimum"},
	                                        {"maximum", "exclusiveMaximum"}};
	struct bound now = bound_of(c, r, upper, exclusive);
	struct bound same = bound_of(c, w, upper, exclusive);

	if (!now.value || is_within(same, now, upper) ||
	    is_within(bound_of(c, w, upper, !exclusive), now, upper))
		return true;
	if (same.value)
		return js_broken_keyword(c, rules[upper][exclusive][1], r, w,
		                         words[upper][exclusive],
		                         "%.*s is written, and %.*s is read", shown(same.value),
		                         same.value->at.text, shown(now.value), now.value->at.text);
	return js_broken_keyword(c, rules[upper][exclusive][0], r, w, words[upper][exclusive],
	                         "only the reader has it: %.*s", shown(now.value),
	                         now.value->at.text);
}

static bool reads_multiples(struct comparing *c, const struct shape *r, const struct shape *w)
{
	const struct js_value *now = number_of(c, r, "multipleOf");
	const struct js_value *before = number_of(c, w, "multipleOf");

	if (!now || (before && js_number_multiple(before, now) == 1))
		return true;
	if (!before)
		return js_broken_keyword(c, "MULTIPLE_OF_ADDED", r, w, "multipleOf",
		                         "only the reader has it: %.*s", shown(now), now->at.text);
	return js_broken_keyword(c,
	                         js_number_multiple(now, before) == 1 ? "MULTIPLE_OF_EXPANDED"
	                                                              : "MULTIPLE_OF_CHANGED",
	                         r, w, "multipleOf", "%.*s is written, and %.*s is read",
	                         shown(before), before->at.text, shown(now), now->at.text);
}

bool js_reads_numbers(struct comparing *c, struct shape r, struct shape w)
{
	bool ok = true;

	for (unsigned which = 0; which < 4; which++)
		ok &= reads_bound(c, &r, &w, which & 1, which & 2);
	ok &= reads_multiples(c, &r, &w);
	if (r.integer && !w.integer)
		ok = js_broken(c, "TYPE_NARROWED", js_spot(&r), js_spot(&w),
		               "number is written, and integer is read");
	return ok;
}

/* --- enum and const --------------------------------------------------------------------------- */

/* The values of an enum or a const, by hash. */
struct listing {
	struct hashed {
		uint64_t hash;
		uint32_t value;
	} * items;
	uint32_t n;
	const struct js_doc *doc;
};

static int by_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;

	return x < y ? -1 : x > y;
}

static struct listing list_values(struct comparing *c, const struct shape *shape)
{
	struct listing list = {.doc = shape_doc(&c->shapes, shape)};
	uint32_t n = shape->constant ? 1 : list.doc->values[shape->value].len;
	uint32_t value = shape->constant ? shape->value : shape->value + 1;

	list.items = calloc(n ? n : 1, sizeof *list.items);
	if (!list.items) {
		mq_fail_memory(c->err);
		c->shapes.broken = true;
		return list;
	}
	for (; list.n < n; value = js_next(list.doc, value))
		list.items[list.n++] = (struct hashed){js_value_hash(list.doc, value), value};
	qsort(list.items, list.n, sizeof *list.items, by_hash);
	return list;
}

static bool has_value(const struct listing *list, const struct js_doc *doc,
                      const struct hashed *value)
{
	uint32_t low = 0, high = list->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (list->items[middle].hash < value->hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < list->n && list->items[low].hash == value->hash; low++)
		if (js_equal(list->doc, list->items[low].value, doc, value->value))
			return true;
	return false;
}

/* How many values of `of` stand in `in`. */
static uint32_t count_in(const struct listing *in, const struct listing *of)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < of->n; i++)
		n += has_value(in, of->doc, &of->items[i]);
	return n;
}

bool js_reads_values(struct comparing *c, struct shape r, struct shape w)
{
	struct listing now = list_values(c, &r), before = list_values(c, &w);
	uint32_t kept = count_in(&now, &before);
	bool ok = kept == before.n && !c->shapes.broken;

	if (!ok && c->telling)
		js_broken(c,
		          r.constant || count_in(&before, &now) < now.n ? "ENUM_ARRAY_CHANGED"
		                                                        : "ENUM_ARRAY_NARROWED",
		          js_spot(&r), js_spot(&w),
		          "of the %u values that may be written %u are read", before.n, kept);
	free(now.items);
	free(before.items);
	return ok;
}
