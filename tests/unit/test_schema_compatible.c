/* JSON Schemas that read what others wrote: rules by name and place, and that "yes" is true. */
#include "mqtk/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct mq_schema *schema_of(const char *text, enum mq_schema_draft draft)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON,
	                              .name = "the test's",
	                              .text = mq_bytes_str(text),
	                              .draft = draft};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;

	if (mq_schema_new(&spec, &schema, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return schema;
}

static void add_conflict(void *ctx, const struct mq_conflict *conflict)
{
	struct mq_buf *told = ctx;

	assert_true(strlen(conflict->error) > 0);
	assert_true(!conflict->other || strcmp(conflict->other, conflict->path) != 0);
	mq_buf_printf(told, NULL, "%s%s %s", told->len ? "; " : "", conflict->rule, conflict->path);
	if (conflict->other)
		mq_buf_printf(told, NULL, " < %s", conflict->other);
}

/* What is told, as one text; "" when it can be read. */
static void expect(enum mq_schema_draft draft, const char *was, const char *now, const char *rules)
{
	struct mq_schema *writer = schema_of(was, draft), *reader = schema_of(now, draft);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf told;

	mq_buf_init(&told, 1 << 20);
	int reads = mq_schema_can_read(reader, writer, add_conflict, &told, &err);
	mq_buf_append_char(&told, '\0', NULL);
	if (reads < 0)
		fail_msg("%s -> %s: %s", was, now, err.message);
	if (strcmp(told.data, rules) != 0)
		fail_msg("%s -> %s: %s, expected %s", was, now, told.data, rules);
	assert_int_equal(reads, *rules == '\0');
	assert_int_equal(mq_schema_can_read(reader, writer, NULL, NULL, &err), reads);
	mq_buf_release(&told);
	mq_schema_free(writer);
	mq_schema_free(reader);
}

struct rule {
	const char *was, *now, *rules;
};

static void expect_all(const struct rule *rules, size_t n, enum mq_schema_draft draft)
{
	for (size_t i = 0; i < n; i++)
		expect(draft, rules[i].was, rules[i].now, rules[i].rules);
}
#define EXPECT(rules, draft) expect_all(rules, sizeof(rules) / sizeof *(rules), draft)

#define OPEN(more) "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}" more "}}"
#define CLOSED(more)                                                                               \
	"{\"additionalProperties\":false,\"type\":\"object\",\"properties\":"                      \
	"{\"a\":{\"type\":\"string\"}" more "}}"
#define PARTLY(more)                                                                               \
	"{\"additionalProperties\":{\"type\":\"string\"},\"type\":\"object\",\"properties\":"      \
	"{\"a\":{\"type\":\"string\"}" more "}}"
#define NUMBER_B ",\"b\":{\"type\":\"number\"}"
#define STRING_B ",\"b\":{\"type\":\"string\"}"

static void test_content_models(void **state)
{
	static const struct rule rules[] = {
	    {OPEN(""), OPEN(NUMBER_B),
	     "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"},
	    {OPEN(""), OPEN(",\"b\":{}"), ""},
	    {OPEN(NUMBER_B), OPEN(""), ""},
	    {CLOSED(""), CLOSED(NUMBER_B), ""},
	    {CLOSED(NUMBER_B), CLOSED(""),
	     "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b"},
	    {CLOSED(",\"b\":false"), CLOSED(""), ""},
	    {PARTLY(""), PARTLY(STRING_B), ""},
	    {PARTLY(""), PARTLY(NUMBER_B),
	     "TYPE_CHANGED #/properties/b < #/additionalProperties; "
	     "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/b"},
	    {PARTLY(STRING_B), PARTLY(""), ""},
	    {PARTLY(NUMBER_B), PARTLY(""),
	     "TYPE_CHANGED #/additionalProperties < #/properties/b; "
	     "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/b"},
	    {OPEN(""), CLOSED(""), "ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"},
	    {OPEN(""), PARTLY(""), "ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties"},
	    {PARTLY(""), CLOSED(""), "ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"},
	    {CLOSED(""), OPEN(""), ""},
	    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
	     "{\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"b\"]}",
	     "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b"},
	    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
	     "{\"properties\":{\"a\":{},\"b\":{\"default\":1}},\"required\":[\"b\"]}", ""},
	    {"{\"properties\":{\"a\":{}}}",
	     "{\"properties\":{\"a\":{},\"b\":{\"type\":\"null\"}},\"required\":[\"b\"]}",
	     "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"},
	    {"{\"properties\":{\"a\":{}}}", "{\"properties\":{\"a\":{}},\"required\":[\"a\"]}",
	     "REQUIRED_ATTRIBUTE_ADDED #/required/0 < #/properties/a"},
	    {"{\"properties\":{\"a\":{}}}",
	     "{\"properties\":{\"a\":{\"default\":1}},\"required\":[\"a\"]}", ""},
	    {"{\"type\":\"object\"}", "{\"type\":\"object\",\"required\":[\"z\"]}",
	     "REQUIRED_ATTRIBUTE_ADDED #/required/0 < #/required"},
	    {"{\"patternProperties\":{\"^i\":{\"type\":\"integer\"}}}",
	     "{\"patternProperties\":{\"^i\":{\"type\":\"string\"}}}",
	     "TYPE_CHANGED #/patternProperties/^i"},
	    {"{\"patternProperties\":{\"^i\":{\"type\":\"integer\"}},"
	     "\"additionalProperties\":false}",
	     "{\"properties\":{\"i1\":{\"type\":\"number\"}},\"patternProperties\":"
	     "{\"^i\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
	     ""},
	    {"{\"properties\":{\"i1\":{\"type\":\"number\"}},\"additionalProperties\":false}",
	     "{\"properties\":{\"i1\":{\"type\":\"number\"}},\"patternProperties\":"
	     "{\"^i\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
	     "TYPE_NARROWED #/patternProperties/^i < #/properties/i1; "
	     "PATTERN_PROPERTY_CHANGED #/patternProperties/^i < #/properties/i1"},
	};

	(void)state;
	EXPECT(rules, MQ_DRAFT_7);
	EXPECT(rules, MQ_DRAFT_2020_12);
}

static void test_scalars(void **state)
{
	static const struct rule rules[] = {
	    {"{\"type\":\"integer\"}", "{\"type\":\"number\"}", ""},
	    {"{\"type\":\"number\"}", "{\"type\":\"integer\"}", "TYPE_NARROWED #"},
	    {"{\"type\":\"string\"}", "{\"type\":\"number\"}", "TYPE_CHANGED #"},
	    {"{\"minimum\":1}", "{\"type\":\"number\",\"minimum\":1}", "TYPE_NARROWED #"},
	    {"{}", "{\"type\":\"string\"}", "TYPE_CHANGED #"},
	    {"{\"type\":\"number\",\"maximum\":10}", "{\"type\":\"number\",\"maximum\":9}",
	     "MAXIMUM_DECREASED #/maximum"},
	    {"{\"type\":\"number\",\"maximum\":10}", "{\"type\":\"number\",\"maximum\":1e1}", ""},
	    {"{\"type\":\"number\",\"maximum\":12345678901234567891}",
	     "{\"type\":\"number\",\"maximum\":12345678901234567890}",
	     "MAXIMUM_DECREASED #/maximum"},
	    {"{\"type\":\"number\"}", "{\"type\":\"number\",\"minimum\":0}",
	     "MINIMUM_ADDED #/minimum"},
	    {"{\"type\":\"number\",\"minimum\":0.1}", "{\"type\":\"number\",\"minimum\":0.10001}",
	     "MINIMUM_INCREASED #/minimum"},
	    {"{\"type\":\"number\",\"multipleOf\":0.3}", "{\"type\":\"number\",\"multipleOf\":0.1}",
	     ""},
	    {"{\"type\":\"number\",\"multipleOf\":2}", "{\"type\":\"number\",\"multipleOf\":6}",
	     "MULTIPLE_OF_EXPANDED #/multipleOf"},
	    {"{\"type\":\"number\",\"multipleOf\":2}", "{\"type\":\"number\",\"multipleOf\":3}",
	     "MULTIPLE_OF_CHANGED #/multipleOf"},
	    {"{\"type\":\"string\"}", "{\"type\":\"string\",\"minLength\":0}", ""},
	    {"{\"type\":\"string\",\"maxLength\":4}", "{\"type\":\"string\",\"maxLength\":3}",
	     "MAX_LENGTH_DECREASED #/maxLength"},
	    {"{\"type\":\"string\",\"pattern\":\"a\"}", "{\"type\":\"string\",\"pattern\":\"b\"}",
	     "PATTERN_CHANGED #/pattern"},
	    {"{\"type\":\"string\"}", "{\"type\":\"string\",\"pattern\":\"b\"}",
	     "PATTERN_ADDED #/pattern"},
	    {"{\"enum\":[1,2.0]}", "{\"enum\":[2,1,3]}", ""},
	    {"{\"enum\":[1,2,3]}", "{\"enum\":[2,1]}", "ENUM_ARRAY_NARROWED #/enum"},
	    {"{\"enum\":[1,2,3]}", "{\"enum\":[2,1,4]}", "ENUM_ARRAY_CHANGED #/enum"},
	    {"{\"type\":\"string\"}", "{\"type\":\"string\",\"enum\":[\"a\"]}",
	     "PRODUCT_TYPE_EXTENDED #/enum < #"},
	    {"{\"type\":\"string\",\"enum\":[\"a\"]}", "{\"type\":\"string\"}", ""},
	};
	static const struct rule draft_7[] = {
	    {"{\"const\":1}", "{\"const\":1.0}", ""},
	    {"{\"type\":\"string\"}", "false", "TYPE_CHANGED #"},
	    {"false", "{\"type\":\"string\"}", ""},
	    {"{\"type\":\"string\"}", "true", ""},
	    {"{\"const\":1}", "{\"enum\":[1,2]}", ""},
	    {"{\"const\":1}", "{\"const\":2}", "ENUM_ARRAY_CHANGED #/const"},
	    {"{\"type\":\"number\",\"exclusiveMaximum\":10}",
	     "{\"type\":\"number\",\"maximum\":10}", ""},
	    {"{\"type\":\"number\",\"maximum\":10}",
	     "{\"type\":\"number\",\"exclusiveMaximum\":10}",
	     "EXCLUSIVE_MAXIMUM_ADDED #/exclusiveMaximum"},
	    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]}}",
	     "{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"c\"]}}",
	     "REQUIRED_ATTRIBUTE_ADDED #/then/required/0 < #/then/required"},
	    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]}}",
	     "{\"if\":{\"required\":[\"x\"]},\"then\":{\"required\":[\"b\"]}}",
	     "CONDITION_CHANGED #/if"},
	    {"{\"propertyNames\":{\"maxLength\":3}}", "{\"propertyNames\":{\"maxLength\":2}}",
	     "MAX_LENGTH_DECREASED #/propertyNames/maxLength"},
	};
	static const struct rule draft_4[] = {
	    {"{\"type\":\"number\",\"maximum\":10,\"exclusiveMaximum\":true}",
	     "{\"type\":\"number\",\"maximum\":10}", ""},
	    {"{\"type\":\"number\",\"maximum\":10}",
	     "{\"type\":\"number\",\"maximum\":10,\"exclusiveMaximum\":true}",
	     "EXCLUSIVE_MAXIMUM_ADDED #/exclusiveMaximum"},
	    {"{\"const\":1}", "{\"const\":2}", ""},
	};

	(void)state;
	EXPECT(rules, MQ_DRAFT_4);
	EXPECT(rules, MQ_DRAFT_2020_12);
	EXPECT(draft_7, MQ_DRAFT_7);
	EXPECT(draft_7, MQ_DRAFT_2019_09);
	EXPECT(draft_4, MQ_DRAFT_4);
}

static void test_combined(void **state)
{
	static const struct rule rules[] = {
	    {"{\"type\":\"string\"}", "{\"type\":[\"string\",\"null\"]}", ""},
	    {"{\"type\":[\"string\",\"null\"]}", "{\"type\":\"string\"}",
	     "SUM_TYPE_NARROWED # < #/type"},
	    {"{\"type\":[\"integer\",\"null\"]}", "{\"type\":[\"null\",\"number\"]}", ""},
	    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
	     "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", ""},
	    {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
	     "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}",
	     "COMBINED_TYPE_CHANGED #/oneOf < #/anyOf"},
	    {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"},{\"type\":\"array\"}]}",
	     "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}",
	     "SUM_TYPE_NARROWED #/anyOf"},
	    {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
	     "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"maxLength\":3}]}",
	     "COMBINED_TYPE_SUBSCHEMAS_CHANGED #/anyOf; "
	     "MAX_LENGTH_ADDED #/anyOf/1/maxLength < #/anyOf/0/maxLength"},
	    {"{\"allOf\":[{\"type\":\"string\"},{\"enum\":[\"a\"]}]}",
	     "{\"allOf\":[{\"enum\":[\"b\",\"a\"]},{\"type\":\"string\"}]}", ""},
	    {"{\"not\":{\"type\":\"number\"}}", "{\"not\":{\"type\":\"integer\"}}", ""},
	    {"{\"not\":{\"type\":\"integer\"}}", "{\"not\":{\"type\":\"number\"}}",
	     "NOT_TYPE_EXTENDED #/not"},
	    {"{\"allOf\":[{\"type\":\"object\"}],\"dependencies\":{}}", "{\"type\":\"object\"}",
	     ""},
	};
	static const struct rule dependencies[] = {
	    {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"dependencies\":{\"a\":[\"b\",\"c\"]}}",
	     "DEPENDENCY_ARRAY_EXTENDED #/dependencies/a"},
	    {"{\"dependencies\":{\"a\":[\"b\",\"c\"]}}", "{\"dependencies\":{\"a\":[\"c\"]}}", ""},
	    {"{\"dependencies\":{}}", "{\"dependencies\":{\"a\":{\"required\":[\"c\"]}}}",
	     "DEPENDENCY_SCHEMA_ADDED #/dependencies/a"},
	    {"{\"items\":[{\"type\":\"string\"}]}",
	     "{\"items\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
	     "ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/1 < #/additionalItems"},
	    {"{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}",
	     "{\"items\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", ""},
	    {"{\"items\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
	     "{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}",
	     "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL #/additionalItems < #/items/1; "
	     "ADDITIONAL_ITEMS_REMOVED #/additionalItems"},
	};
	static const struct rule later[] = {
	    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"dependentRequired\":{\"a\":[\"c\"]}}",
	     "DEPENDENCY_ARRAY_CHANGED #/dependentRequired/a"},
	    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"null\"}}",
	     "{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"number\"}}",
	     "TYPE_CHANGED #/items"},
	    {"{\"type\":\"array\"}", "{\"type\":\"array\",\"items\":{\"type\":\"null\"}}",
	     "SCHEMA_ADDED #/items"},
	    {"{\"type\":\"array\"}", "{\"type\":\"array\",\"contains\":{\"type\":\"null\"}}",
	     "CONTAINS_ADDED #/contains"},
	    {"{\"type\":\"array\",\"uniqueItems\":false}",
	     "{\"type\":\"array\",\"uniqueItems\":true}", "UNIQUE_ITEMS_ADDED #/uniqueItems"},
	    {"{\"properties\":{\"a\":{}}}",
	     "{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}",
	     "UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties"},
	    /* What other keywords evaluate is not closed. */
	    {"{\"allOf\":[{\"properties\":{\"x\":{}}}],\"unevaluatedProperties\":false}",
	     "{\"allOf\":[{\"properties\":{\"x\":{}}}],\"properties\":{\"x\":{\"type\":\"null\"}},"
	     "\"unevaluatedProperties\":false}",
	     "COMBINED_TYPE_SUBSCHEMAS_CHANGED #; "
	     "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/x"},
	};

	(void)state;
	EXPECT(rules, MQ_DRAFT_7);
	EXPECT(rules, MQ_DRAFT_2020_12);
	EXPECT(dependencies, MQ_DRAFT_7);
	EXPECT(later, MQ_DRAFT_2020_12);
}

#define LIST(of, type)                                                                             \
	"{\"$ref\":\"#/definitions/l\",\"definitions\":{\"l\":{\"type\":\"object\","               \
	"\"properties\":{\"v\":{\"type\":\"" type "\"},\"next\":{\"" of                            \
	"\":[{\"$ref\":\"#/definitions/l\"},{\"type\":\"null\"}]}}}}}"
/* A cycle whose first look makes a pair look compatible that is not. */
#define MASKED(first, second)                                                                      \
	"{\"oneOf\":[{\"$ref\":\"#/definitions/0\"},{\"$ref\":\"#/definitions/1\"}],"              \
	"\"definitions\":{\"0\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"" first    \
	"\"},\"ref\":{\"$ref\":\"#/definitions/2\"}}},\"1\":{\"type\":\"object\",\"properties\":"  \
	"{\"id\":{\"type\":\"" second                                                              \
	"\"},\"ref\":{\"$ref\":\"#/definitions/2\"}}},\"2\":{\"type\":\"object\",\"properties\":"  \
	"{\"id\":{\"type\":\"string\"},\"ref\":{\"$ref\":\"#/definitions/0\"}}}}}"

static void test_recursion(void **state)
{
	static const struct rule rules[] = {
	    {LIST("anyOf", "integer"), LIST("anyOf", "number"), ""},
	    {LIST("anyOf", "number"), LIST("anyOf", "string"),
	     "TYPE_CHANGED #/definitions/l/properties/v"},
	    {"{\"properties\":{\"a\":{\"$ref\":\"#\"}}}",
	     "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"maxProperties\":1}",
	     "MAX_PROPERTIES_ADDED #/maxProperties"},
	    {MASKED("integer", "boolean"), MASKED("boolean", "number"),
	     "COMBINED_TYPE_SUBSCHEMAS_CHANGED #/oneOf"},
	};

	(void)state;
	EXPECT(rules, MQ_DRAFT_7);
	EXPECT(rules, MQ_DRAFT_2019_09);
}

/* Hostile ones end, with an answer or an error. */
static void test_deep(void **state)
{
	enum { DEFINITIONS = 3000 };
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf text;

	(void)state;
	mq_buf_init(&text, 1 << 20);
	mq_buf_append_str(&text, "{\"$ref\":\"#/$defs/0\",\"$defs\":{", NULL);
	for (int i = 0; i < DEFINITIONS; i++)
		mq_buf_printf(&text, NULL,
		              "\"%d\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/%d\"}}},", i,
		              i + 1);
	mq_buf_printf(&text, NULL, "\"%d\":{}}}", DEFINITIONS);
	mq_buf_append_char(&text, '\0', NULL);
	struct mq_schema *schema = schema_of(text.data, MQ_DRAFT_UNSET);
	assert_int_equal(mq_schema_can_read(schema, schema, NULL, NULL, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_schema_free(schema);
	mq_buf_release(&text);
}

/* --- yes is true ------------------------------------------------------------------------------ */

static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 12) % n;
}

static void put_schema(struct mq_buf *buf, unsigned depth);

static void put_members(struct mq_buf *buf, unsigned depth)
{
	static const char *const rest[] = {
	    "", ",\"additionalProperties\":false",
	    ",\"additionalProperties\":", ",\"patternProperties\":{\"^a\":"};
	static const char *const required[] = {"", ",\"required\":[\"a\"]", ",\"required\":[\"b\"]",
	                                       ",\"minProperties\":1", ",\"maxProperties\":1"};
	unsigned which = pick(4);

	mq_buf_append_str(buf, "\"type\":\"object\",\"properties\":{", NULL);
	for (unsigned i = 0, n = 0; i < 3; i++) {
		if (pick(2))
			continue;
		mq_buf_printf(buf, NULL, "%s\"%c\":", n++ ? "," : "", 'a' + i);
		put_schema(buf, depth);
	}
	mq_buf_printf(buf, NULL, "}%s%s", required[pick(5)], rest[which]);
	if (which >= 2)
		put_schema(buf, depth);
	if (which == 3)
		mq_buf_append_char(buf, '}', NULL);
}

static void put_items(struct mq_buf *buf, unsigned depth)
{
	mq_buf_append_str(buf, "\"type\":\"array\"", NULL);
	if (pick(3) == 0) {
		mq_buf_append_str(buf, ",\"prefixItems\":[", NULL);
		put_schema(buf, depth);
		mq_buf_append_char(buf, ']', NULL);
	}
	if (pick(2)) {
		mq_buf_append_str(buf, ",\"items\":", NULL);
		put_schema(buf, depth);
	}
	if (pick(4) == 0) {
		mq_buf_append_str(buf, ",\"contains\":", NULL);
		put_schema(buf, depth);
	}
	if (pick(3) == 0)
		mq_buf_printf(buf, NULL, ",\"m%sItems\":%u", pick(2) ? "ax" : "in", pick(3));
}

static void put_combination(struct mq_buf *buf, unsigned depth)
{
	static const char *const words[] = {"anyOf", "allOf", "anyOf"};
	unsigned which = pick(4), n = 1 + pick(3);

	if (which == 3) {
		mq_buf_append_str(buf, "\"not\":", NULL);
		put_schema(buf, depth);
		return;
	}
	mq_buf_printf(buf, NULL, "\"%s\":[", words[which]);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			mq_buf_append_char(buf, ',', NULL);
		put_schema(buf, depth);
	}
	mq_buf_append_char(buf, ']', NULL);
}

static void put_schema(struct mq_buf *buf, unsigned depth)
{
	static const char *const scalars[] = {"\"type\":\"string\"",
	                                      "\"type\":\"number\"",
	                                      "\"type\":\"integer\"",
	                                      "\"type\":\"null\"",
	                                      "\"type\":[\"string\",\"integer\"]",
	                                      "\"type\":\"number\",\"maximum\":1",
	                                      "\"maximum\":2",
	                                      "\"exclusiveMaximum\":2",
	                                      "\"type\":\"string\",\"maxLength\":1",
	                                      "\"minLength\":1",
	                                      "\"enum\":[1,\"a\"]",
	                                      "\"const\":1.0",
	                                      "\"enum\":[1,\"a\",null]",
	                                      "\"multipleOf\":2",
	                                      "\"minimum\":0.5",
	                                      ""};

	if (depth == 0 && pick(12) == 0) {
		mq_buf_append_str(buf, pick(3) ? "true" : "false", NULL);
		return;
	}
	mq_buf_append_char(buf, '{', NULL);
	unsigned which = depth > 2 ? 0 : pick(5);
	if (which < 2)
		mq_buf_append_str(buf, scalars[pick(16)], NULL);
	else if (which == 2)
		put_members(buf, depth + 1);
	else if (which == 3)
		put_items(buf, depth + 1);
	else
		put_combination(buf, depth + 1);
	mq_buf_append_char(buf, '}', NULL);
}

static void put_value(struct mq_buf *buf, unsigned depth)
{
	static const char *const scalars[] = {"1",    "1.0",   "0",       "2",    "1.5", "-3",
	                                      "\"\"", "\"a\"", "\"aaa\"", "null", "true"};
	unsigned which = depth > 2 ? 0 : pick(4), n = pick(4);

	if (which < 2) {
		mq_buf_append_str(buf, scalars[pick(11)], NULL);
		return;
	}
	mq_buf_append_char(buf, which == 2 ? '{' : '[', NULL);
	for (unsigned i = 0; i < n; i++) {
		mq_buf_append_str(buf, i ? "," : "", NULL);
		if (which == 2)
			mq_buf_printf(buf, NULL, "\"%c%s\":", 'a' + i, pick(3) ? "" : "a");
		put_value(buf, depth + 1);
	}
	mq_buf_append_char(buf, which == 2 ? '}' : ']', NULL);
}

/* The writer's schema with one place changed, so that many pairs can be read. */
static void mutate(const struct mq_buf *was, struct mq_buf *now)
{
	static const char *const swaps[][2] = {{"\"integer\"", "\"number\""},
	                                       {"\"maximum\":1", "\"maximum\":2"},
	                                       {"anyOf", "allOf"},
	                                       {"[1,\"a\"]", "[1,\"a\",null]"},
	                                       {"required", "$comment"},
	                                       {"additionalProperties\":false", "title\":\"\""},
	                                       {"\"type\":\"object\",", ""},
	                                       {"minItems", "maxItems"},
	                                       {"patternP", "p"},
	                                       {"\"minLength\":1", "\"minLength\":0"}};
	size_t which = pick(10), way = pick(2);
	const char *from = swaps[which][way], *to = swaps[which][1 - way];
	const char *at = *from ? strstr(was->data, from) : NULL;

	if (!at || strcmp(from, "p") == 0) {
		mq_buf_append_str(now, was->data, NULL);
		return;
	}
	mq_buf_append(now, was->data, (size_t)(at - was->data), NULL);
	mq_buf_append_str(now, to, NULL);
	mq_buf_append_str(now, at + strlen(from), NULL);
}

static struct mq_schema *open_if_valid(const struct mq_buf *text)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON,
	                              .name = "the test's",
	                              .text = mq_bytes_of(text->data, text->len)};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;

	return mq_schema_new(&spec, &schema, &err) < 0 ? NULL : schema;
}

static void test_yes_is_true(void **state)
{
	enum { PAIRS = 20000, VALUES = 12 };
	const char *given = getenv("MQTK_TEST_SEED");
	unsigned long yes = 0, checked = 0;

	(void)state;
	seed = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
	print_message("seed %u\n", seed);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct mq_buf was, now, value;
		struct mq_err err = MQ_ERR_INIT;
		mq_buf_init(&was, 1 << 16);
		mq_buf_init(&now, 1 << 16);
		mq_buf_init(&value, 1 << 16);
		put_schema(&was, 0);
		mq_buf_append_char(&was, '\0', NULL);
		if (i % 4 == 0)
			put_schema(&now, 0);
		else
			mutate(&was, &now);
		was.len--;
		struct mq_schema *writer = open_if_valid(&was), *reader = open_if_valid(&now);
		int reads =
		    writer && reader ? mq_schema_can_read(reader, writer, NULL, NULL, &err) : 0;
		assert_true(reads >= 0);
		yes += reads == 1;
		for (unsigned k = 0; reads == 1 && k < VALUES; k++) {
			mq_buf_clear(&value);
			put_value(&value, 0);
			struct mq_bytes text = mq_bytes_of(value.data, value.len);
			if (mq_schema_check_json(writer, text, NULL, NULL, &err) != 1)
				continue;
			checked++;
			if (mq_schema_check_json(reader, text, NULL, NULL, &err) == 1)
				continue;
			fail_msg("%.*s\nis valid for %.*s\nand not for %.*s", (int)value.len,
			         value.data, (int)was.len, was.data, (int)now.len, now.data);
		}
		mq_schema_free(writer);
		mq_schema_free(reader);
		mq_buf_release(&was);
		mq_buf_release(&now);
		mq_buf_release(&value);
	}
	print_message("%lu pairs can be read, %lu values tried\n", yes, checked);
	assert_true(yes > PAIRS / 10 && checked > PAIRS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_content_models), cmocka_unit_test(test_scalars),
	    cmocka_unit_test(test_combined),       cmocka_unit_test(test_recursion),
	    cmocka_unit_test(test_deep),           cmocka_unit_test(test_yes_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
