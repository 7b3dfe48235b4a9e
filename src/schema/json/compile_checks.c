/* The checks of single keywords: types, numbers, strings, arrays. */
#include "schema/json/compile.h"
#include "schema/json/format.h"
#include "schema/json/number.h"
#include "schema/json/regex.h"

#include <stdlib.h>

/* --- type, enum, const ------------------------------------------------------------------------ */

static unsigned type_named(const struct js_doc *doc, uint32_t i)
{
	static const struct {
		const char *name;
		unsigned bits;
	} types[] = {
	    {"null", JS_IS_NULL},         {"boolean", JS_IS_BOOLEAN}, {"number", JS_IS_NUMBER},
	    {"string", JS_IS_STRING},     {"array", JS_IS_ARRAY},     {"object", JS_IS_OBJECT},
	    {"integer", JS_TYPE_INTEGER},
	};

	for (size_t k = 0; k < sizeof types / sizeof *types; k++)
		if (js_is(doc, i, types[k].name))
			return types[k].bits;
	return 0;
}

static int type_check(const struct js_compiling *on)
{
	uint32_t value = js_compile_keyword(on, JS_KW_TYPE), i = value;
	const struct js_value *values = on->doc->values;
	unsigned types = 0;

	if (!value)
		return 0;
	bool many = values[value].type == JS_ARRAY;
	for (i += many; i < (many ? values[value].at.end : value + 1); i = js_next(on->doc, i)) {
		unsigned bits = type_named(on->doc, i);
		if (!bits)
			return js_compile_fail(on, i, "no type of JSON has this name");
		types |= bits;
	}
	struct js_check *check = js_compile_check(on, JS_OP_TYPE, JS_IS_ANY, JS_KW_TYPE, value);
	if (!check)
		return -1;
	/* Whether a number is whole matters only when not all numbers are allowed. */
	if (types & JS_IS_NUMBER)
		types &= ~JS_TYPE_INTEGER;
	if (types & JS_TYPE_INTEGER && on->dialect.draft == JS_DRAFT_4)
		types ^= JS_TYPE_INTEGER | JS_TYPE_INTEGER_WRITTEN;
	check->u.types = types;
	return 0;
}

/* --- numbers that limit ----------------------------------------------------------------------- */

static int number_check(const struct js_compiling *on, enum js_keyword keyword, enum js_op op)
{
	uint32_t value = js_compile_keyword(on, keyword);

	if (!value)
		return 0;
	if (on->doc->values[value].type != JS_NUMBER)
		return js_compile_fail(on, value, "a number is meant");
	return js_compile_check(on, op, JS_IS_NUMBER, keyword, value) ? 0 : -1;
}

/* In draft 4 exclusiveMaximum is a boolean that says how maximum is meant. */
static int limit_check(const struct js_compiling *on, enum js_keyword keyword,
                       enum js_keyword exclusive, enum js_op op)
{
	uint32_t how = js_compile_keyword(on, exclusive);

	if (on->dialect.draft != JS_DRAFT_4)
		return number_check(on, keyword, op) < 0
		           ? -1
		           : number_check(on, exclusive, (enum js_op)(op + 1));
	bool strict = how && on->doc->values[how].type == JS_TRUE;
	return number_check(on, keyword, strict ? (enum js_op)(op + 1) : op);
}

static int multiple_check(const struct js_compiling *on)
{
	static const struct js_value zero = {
	    .type = JS_NUMBER, .flags = JS_PLAIN, .len = 1, .at.text = "0"};
	uint32_t value = js_compile_keyword(on, JS_KW_MULTIPLE_OF);

	if (value && on->doc->values[value].type == JS_NUMBER &&
	    js_number_compare(&on->doc->values[value], &zero) <= 0)
		return js_compile_fail(on, value, "a number above 0 is meant");
	return number_check(on, JS_KW_MULTIPLE_OF, JS_OP_MULTIPLE);
}

/* A count: INT64_MAX when the keyword is not there; -1 and the failure. */
static int64_t count_of(const struct js_compiling *on, enum js_keyword keyword)
{
	uint32_t value = js_compile_keyword(on, keyword);
	int64_t count = value ? js_count(&on->doc->values[value]) : INT64_MAX;

	return count < 0 ? js_compile_fail(on, value, "a whole number from 0 on is meant") : count;
}

static int count_check(const struct js_compiling *on, enum js_keyword keyword, enum js_op op,
                       unsigned types)
{
	int64_t count = count_of(on, keyword);

	if (count < 0 || count == INT64_MAX)
		return count < 0 ? -1 : 0;
	struct js_check *check =
	    js_compile_check(on, op, types, keyword, js_compile_keyword(on, keyword));
	if (!check)
		return -1;
	check->u.count = count;
	return 0;
}

/* --- strings ---------------------------------------------------------------------------------- */

static int pattern_check(const struct js_compiling *on)
{
	uint32_t value = js_compile_keyword(on, JS_KW_PATTERN);
	struct mq_pattern *pattern = NULL;
	struct mq_err why = MQ_ERR_INIT;

	if (!value)
		return 0;
	if (on->doc->values[value].type != JS_STRING)
		return js_compile_fail(on, value, "a regular expression is a string");
	if (js_regex_new(js_text(on->doc, value), &pattern, &why) < 0)
		return js_compile_fail_as(on, value, &why);
	struct js_check *check =
	    js_compile_check(on, JS_OP_PATTERN, JS_IS_STRING, JS_KW_PATTERN, value);
	if (!check) {
		mq_pattern_free(pattern);
		return -1;
	}
	check->u.pattern = pattern;
	return 0;
}

static int format_check(const struct js_compiling *on)
{
	uint32_t value = js_compile_keyword(on, JS_KW_FORMAT);

	if (!value || on->doc->values[value].type != JS_STRING ||
	    !(on->program->assert_format || (on->dialect.vocabularies & JS_FORMAT_ASSERTION)))
		return 0;
	const struct js_format *format = js_format_find(js_text(on->doc, value), on->dialect.draft);
	if (!format)
		return 0;
	struct js_check *check =
	    js_compile_check(on, JS_OP_FORMAT, JS_IS_STRING, JS_KW_FORMAT, value);
	if (!check)
		return -1;
	check->u.format = format;
	return 0;
}

/* --- arrays ----------------------------------------------------------------------------------- */

static int items_check(const struct js_compiling *on)
{
	bool modern = on->dialect.draft >= JS_DRAFT_2020_12;
	uint32_t items = js_compile_keyword(on, JS_KW_ITEMS);
	uint32_t prefix = js_compile_keyword(on, JS_KW_PREFIX_ITEMS), rest = items;
	struct js_run run = {0, 0};
	int64_t node = JS_NO_NODE;

	if (!modern && items && on->doc->values[items].type == JS_ARRAY) {
		prefix = items;
		rest = js_compile_keyword(on, JS_KW_ADDITIONAL_ITEMS);
	}
	if (!prefix && !rest)
		return 0;
	if (prefix && js_compile_run(on, prefix, &run) < 0)
		return -1;
	if (rest && (node = js_compile_node(on, (struct js_place){on->document, rest})) < 0)
		return -1;
	struct js_check *check =
	    js_compile_check(on, JS_OP_ITEMS, JS_IS_ARRAY, JS_KW_ITEMS, rest ? rest : prefix);
	if (!check)
		return -1;
	check->u.items.first = run.first;
	check->u.items.n = run.n;
	check->u.items.rest = (uint32_t)node;
	return 0;
}

static int contains_check(const struct js_compiling *on)
{
	uint32_t value = js_compile_keyword(on, JS_KW_CONTAINS);
	int64_t least = count_of(on, JS_KW_MIN_CONTAINS), most = count_of(on, JS_KW_MAX_CONTAINS);
	int64_t node;

	if (least < 0 || most < 0)
		return -1;
	if (!value)
		return 0;
	if ((node = js_compile_node(on, (struct js_place){on->document, value})) < 0)
		return -1;
	struct js_check *check =
	    js_compile_check(on, JS_OP_CONTAINS, JS_IS_ARRAY, JS_KW_CONTAINS, value);
	if (!check)
		return -1;
	check->marks = on->dialect.draft >= JS_DRAFT_2020_12;
	check->u.contains.node = (uint32_t)node;
	check->u.contains.least = least == INT64_MAX ? 1 : (uint32_t)least;
	check->u.contains.most = most == INT64_MAX ? UINT32_MAX : (uint32_t)most;
	return 0;
}

static int unique_check(const struct js_compiling *on)
{
	uint32_t value = js_compile_keyword(on, JS_KW_UNIQUE_ITEMS);

	if (!value || on->doc->values[value].type != JS_TRUE)
		return 0;
	return js_compile_check(on, JS_OP_UNIQUE, JS_IS_ARRAY, JS_KW_UNIQUE_ITEMS, value) ? 0 : -1;
}

static int by_hash(const void *a, const void *b)
{
	const struct js_choice *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Many values, to be found by their hashes; NULL when they are few. */
static struct js_choice *choices_of(const struct js_compiling *on, uint32_t list, bool *ret_failed)
{
	uint32_t n = on->doc->values[list].len, i = list + 1;

	if (n <= JS_FEW_CHOICES)
		return NULL;
	struct js_choice *choices = malloc(n * sizeof *choices);
	if (!choices) {
		mq_fail_memory(on->err);
		*ret_failed = true;
		return NULL;
	}
	for (uint32_t k = 0; k < n; k++, i = js_next(on->doc, i))
		choices[k] = (struct js_choice){js_value_hash(on->doc, i), i};
	qsort(choices, n, sizeof *choices, by_hash);
	return choices;
}

static int enum_check(const struct js_compiling *on)
{
	uint32_t list = js_compile_keyword(on, JS_KW_ENUM);
	uint32_t only = js_compile_keyword(on, JS_KW_CONST);
	bool failed = false;

	if (list && on->doc->values[list].type != JS_ARRAY)
		return js_compile_fail(on, list, "an array of values is meant");
	if (list) {
		struct js_check *check =
		    js_compile_check(on, JS_OP_ENUM, JS_IS_ANY, JS_KW_ENUM, list);
		if (!check || (check->u.choices = choices_of(on, list, &failed), failed))
			return -1;
	}
	return only && !js_compile_check(on, JS_OP_ENUM, JS_IS_ANY, JS_KW_CONST, only) ? -1 : 0;
}

int js_compile_assertions(const struct js_compiling *on)
{
	if (type_check(on) < 0 || enum_check(on) < 0 || multiple_check(on) < 0 ||
	    limit_check(on, JS_KW_MAXIMUM, JS_KW_EXCLUSIVE_MAXIMUM, JS_OP_MAXIMUM) < 0 ||
	    limit_check(on, JS_KW_MINIMUM, JS_KW_EXCLUSIVE_MINIMUM, JS_OP_MINIMUM) < 0 ||
	    count_check(on, JS_KW_MAX_LENGTH, JS_OP_MAX_LENGTH, JS_IS_STRING) < 0 ||
	    count_check(on, JS_KW_MIN_LENGTH, JS_OP_MIN_LENGTH, JS_IS_STRING) < 0 ||
	    count_check(on, JS_KW_MAX_ITEMS, JS_OP_MAX_COUNT, JS_IS_ARRAY) < 0 ||
	    count_check(on, JS_KW_MIN_ITEMS, JS_OP_MIN_COUNT, JS_IS_ARRAY) < 0 ||
	    count_check(on, JS_KW_MAX_PROPERTIES, JS_OP_MAX_COUNT, JS_IS_OBJECT) < 0 ||
	    count_check(on, JS_KW_MIN_PROPERTIES, JS_OP_MIN_COUNT, JS_IS_OBJECT) < 0)
		return -1;
	if (pattern_check(on) < 0 || format_check(on) < 0 || items_check(on) < 0)
		return -1;
	return contains_check(on) < 0 ? -1 : unique_check(on);
}
