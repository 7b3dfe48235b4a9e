/* JSON Schema behind mqtk/schema.h: which schemas are refused and in which words, the normal form,
 * and that nothing which is made to be hard takes long. The keywords are tested by the official
 * suite. */
#include "mqtk/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct mq_schema *opened(struct mq_bytes text, struct mq_err *err)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON, .name = "order.json", .text = text};
	struct mq_schema *schema = NULL;

	*err = (struct mq_err)MQ_ERR_INIT;
	int result = mq_schema_new(&spec, &schema, err);
	assert_int_equal(result, schema ? 0 : -1);
	return schema;
}

static struct mq_schema *open_text(const char *text)
{
	struct mq_err err;
	struct mq_schema *schema = opened(mq_bytes_str(text), &err);

	if (!schema)
		fail_msg("%s: %s", text, err.message);
	return schema;
}

/* --- schemas that are none -------------------------------------------------------------------- */

static void test_wrong_schemas_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
	    {"", "order.json is no JSON: the text ends too early at byte 1"},
	    {"[1]", "order.json is no schema: it is neither an object nor a boolean"},
	    {"{\"type\":\"string\",\"type\":\"null\"}",
	     "order.json: the member \"type\" stands twice in its object"},
	    {"{\"properties\":{\"a/b\":{\"type\":\"strin\"}}}",
	     "order.json, at #/properties/a~1b/type: no type of JSON has this name"},
	    {"{\"properties\":{\"a\":{\"uniqueItems\":\"x\"}}}",
	     "order.json, at #/properties/a/uniqueItems: \"x\" is a string, not of type boolean "
	     "(\"type\" of its meta-schema)"},
	    {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"required\":[]}",
	     "order.json, at #/required: 0 items, where at least 1 are allowed (\"minItems\" of "
	     "its "
	     "meta-schema)"},
	    {"{\"$defs\":{\"unused\":{\"minLength\":-1}}}",
	     "order.json, at #/$defs/unused/minLength: -1 is less than 0 (\"minimum\" of its "
	     "meta-schema)"},
	    {"{\"$schema\":\"http://nowhere/x\"}",
	     "order.json, its $schema: the schema http://nowhere/x, which is referred to, is not "
	     "here"},
	    {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}}}",
	     "order.json, at #/properties/a/$ref: the reference \"#/$defs/x\" leads nowhere"},
	    {"{\"pattern\":\"a(?>b)\"}",
	     "order.json, at #/pattern: 'a(?>b)' is no regular expression "
	     "of ECMA-262: a group that it does not have"},
	    {"{\"pattern\":\"\\\\s(\\\\d\"}",
	     "order.json, at #/pattern: '\\s(\\d' is no regular expression: missing closing "
	     "parenthesis"},
	    {"{\"pattern\":\"a(b\"}",
	     "order.json, at #/pattern: 'a(b' is no regular expression: missing closing "
	     "parenthesis at character 4"},
	    {"{\"$ref\":\"#\"}",
	     "order.json, at #/$ref: the schema asks itself for the same value, without end"},
	    {"{\"anyOf\":[{\"type\":\"null\"},{\"if\":true,\"then\":{\"$ref\":\"#\"}}]}",
	     "order.json, at #/anyOf/1/then/$ref: the schema asks itself for the same value, "
	     "without "
	     "end"},
	    {"{\"$defs\":{\"a\":{\"$anchor\":\"x\",\"minimum\":1},\"b\":{\"$anchor\":\"x\"}}}",
	     "order.json: the anchor \"x\" names two different schemas, at #/$defs/a and at "
	     "#/$defs/b"},
	    {"{\"$defs\":{\"a\":{\"$id\":\"http://x/y\"},\"b\":{\"$id\":\"http://x/"
	     "y#\",\"type\":\"null\"}}}",
	     "order.json: the $id \"http://x/y\" names two different schemas, at #/$defs/a and at "
	     "#/$defs/b"},
	    {"{\"dependentSchemas\":{\"a\":{\"not\":{\"$ref\":\"#\"}}}}",
	     "order.json, at #/dependentSchemas/a/not/$ref: the schema asks itself for the same "
	     "value, without end"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct mq_err err;
		assert_null(opened(mq_bytes_str(wrong[i].text), &err));
		assert_int_equal(err.code, MQ_DATA);
		assert_string_equal(err.message, wrong[i].message);
	}
}

static int load_meta(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	if (strcmp(name, "http://x/meta") != 0)
		return 0;
	return mq_buf_append_str(buf, ctx, err) < 0 ? -1 : 1;
}

static void test_copies_may_have_one_name(void **state)
{
	static const char *const texts[] = {
	    "{\"$defs\":{\"a\":{\"$anchor\":\"x\",\"minimum\":1},"
	    "\"b\":{\"$anchor\":\"x\",\"minimum\":1.0}}}",
	    "{\"$defs\":{\"a\":{\"$anchor\":\"x\",\"$dynamicAnchor\":\"x\"},"
	    "\"b\":{\"$id\":\"other\",\"$anchor\":\"x\"}}}",
	    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"definitions\":{"
	    "\"a\":{\"$id\":\"#/properties/a\"},\"b\":{\"$id\":\"#/properties/"
	    "a\",\"type\":\"null\"}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		mq_schema_free(open_text(texts[i]));
}

static void test_drafts_are_known_with_and_without_tls(void **state)
{
	(void)state;
	/* Only in draft 4 this is a schema. */
	mq_schema_free(open_text("{\"$schema\":\"https://json-schema.org/draft-04/schema#\","
	                         "\"minimum\":1,\"exclusiveMinimum\":true}"));
	mq_schema_free(open_text("{\"$schema\":\"http://json-schema.org/draft/2019-09/schema\","
	                         "\"$recursiveAnchor\":true,\"items\":[true]}"));
}

static void test_vocabularies_that_are_required_have_to_be_known(void **state)
{
	static char needs[] =
	    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"http://x/"
	    "meta\",\"$vocabulary\":{\"https://json-schema.org/draft/2020-12/vocab/core\":true,"
	    "\"http://x/own\":true}}";
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON,
	                              .text = mq_bytes_str("{\"$schema\":\"http://x/meta\"}"),
	                              .load = load_meta,
	                              .load_ctx = needs};
	struct mq_schema *schema;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	assert_int_equal(mq_schema_new(&spec, &schema, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(
	    strstr(err.message, "requires the vocabulary http://x/own, which is not known"));
	/* One that need not be known is passed over. */
	memcpy(strstr(needs, "own\":true"), "own\":null", 9);
	memcpy(strstr(needs, "own\":null"), "o\":false ", 9);
	mq_err_clear(&err);
	assert_int_equal(mq_schema_new(&spec, &schema, &err), 0);
	mq_schema_free(schema);
}

/* --- the normal form -------------------------------------------------------------------------- */

static void test_normal_form(void **state)
{
	struct mq_schema *schema = open_text(" { \"title\" : \"\\u0041\\/\\n\\u0007\", "
	                                     "\"minimum\":1.50E+2,\"enum\":[{\"b\":1,\"a\":[ ]}],"
	                                     "\"\\uffff\":1,\"\\ud83d\\ude00\":2,\"\":3 }\n");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_schema_canonical(schema, &buf, &err), 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(
	    buf.data, "{\"\":3,\"enum\":[{\"a\":[],\"b\":1}],\"minimum\":1.50E+2,"
	              "\"title\":\"A/\\n\\u0007\",\"\xf0\x9f\x98\x80\":2,\"\xef\xbf\xbf\":1}");
	mq_buf_release(&buf);
	mq_schema_free(schema);
}

/* --- what is made to be hard ------------------------------------------------------------------ */

/* A text of a part that is repeated; '#' in it becomes the number. */
static void repeat(struct mq_buf *buf, const char *begin, const char *part, unsigned n,
                   const char *end)
{
	assert_int_equal(mq_buf_append_str(buf, begin, NULL), 0);
	for (unsigned i = 0; i < n; i++) {
		/* A ',' at the begin of a part stands only between two. */
		for (const char *p = part + (i == 0 && *part == ','); *p; p++)
			assert_int_equal(*p == '%' ? mq_buf_printf(buf, NULL, "%u", i)
			                           : mq_buf_append_char(buf, *p, NULL),
			                 0);
	}
	assert_int_equal(mq_buf_append_str(buf, end, NULL), 0);
}

static int count(void *ctx, const struct mq_violation *violation)
{
	unsigned *n = ctx;

	++*n;
	return violation->error == NULL;
}

/* Opens and checks within the seconds that it may take, with sanitizers and on a busy machine too.
 * Returns what the check said; -2: the schema is refused. */
static int judge(struct mq_buf *schema_text, struct mq_buf *text, unsigned *told,
                 struct mq_err *err)
{
	clock_t begin = clock();
	struct mq_schema *schema = opened(mq_bytes_of(schema_text->data, schema_text->len), err);
	int result = -2;

	*told = 0;
	if (schema)
		result = mq_schema_check_data(schema, mq_bytes_of(text->data, text->len), count,
		                              told, err);
	mq_schema_free(schema);
	assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 20);
	mq_buf_clear(schema_text);
	mq_buf_clear(text);
	return result;
}

static void test_hard_texts_end_soon(void **state)
{
	struct mq_buf s, t;
	struct mq_err err;
	unsigned told;

	(void)state;
	mq_buf_init(&s, SIZE_MAX);
	mq_buf_init(&t, SIZE_MAX);

	repeat(&s, "", "{\"items\":", 100000, "{}");
	assert_int_equal(judge(&s, &t, &told, &err), -2);
	assert_non_null(strstr(err.message, "nested too deeply"));

	repeat(&s, "{\"items\":{\"$ref\":\"#\"}}", "", 1, "");
	repeat(&t, "", "[", 100000, "");
	assert_int_equal(judge(&s, &t, &told, &err), 0);

	repeat(&s, "{\"uniqueItems\":true}", "", 0, "");
	repeat(&t, "[", ",{\"a\":%}", 100000, "]");
	assert_int_equal(judge(&s, &t, &told, &err), 1);

	repeat(&s, "{\"items\":{\"enum\":[", ",\"v%\"", 10000, "]}}");
	repeat(&t, "[", ",\"v9999\"", 50000, "]");
	assert_int_equal(judge(&s, &t, &told, &err), 1);

	repeat(&s, "{\"properties\":{", ",\"k%\":{\"type\":\"integer\"}", 100000,
	       "},\"additionalProperties\":false}");
	repeat(&t, "{\"k99999\":0,", ",\"k%\":1", 99999, "}");
	assert_int_equal(judge(&s, &t, &told, &err), 1);

	repeat(&s, "{\"patternProperties\":{", ",\"^k%$\":{}", 300, "}}");
	repeat(&t, "{", ",\"k%\":1", 5000, "}");
	assert_int_equal(judge(&s, &t, &told, &err), 1);

	repeat(&s, "{\"items\":{\"type\":\"string\"}}", "", 0, "");
	repeat(&t, "[", ",%", 100000, "]");
	assert_int_equal(judge(&s, &t, &told, &err), 0);
	assert_int_equal(told, 100000);

	repeat(&s, "{\"$defs\":{", ",\"d%\":{\"maximum\":%}", 120000, "},\"properties\":{");
	repeat(&s, "", ",\"p%\":{\"$ref\":\"#/$defs/d%\"}", 120000, "}}");
	repeat(&t, "{\"p119999\":119999,\"p0\":1}", "", 0, "");
	assert_int_equal(judge(&s, &t, &told, &err), 0);
	assert_int_equal(told, 1);

	repeat(&s, "{\"$id\":\"http://x/\",\"$defs\":{",
	       ",\"d%\":{\"$id\":\"r%\",\"$anchor\":\"a%\"}", 10000, "},\"allOf\":[");
	repeat(&s, "", ",{\"$ref\":\"r%#a%\"}", 10000, "]}");
	repeat(&t, "1", "", 0, "");
	assert_int_equal(judge(&s, &t, &told, &err), 1);

	mq_buf_release(&s);
	mq_buf_release(&t);
}

static void test_limits_say_that_they_are_reached(void **state)
{
	static const struct {
		const char *schema, *text, *why;
	} hard[] = {
	    {"{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"",
	     "too much work"},
	    {"{\"$dynamicAnchor\":\"a\",\"anyOf\":[{\"$dynamicRef\":\"#a\"}]}", "1", "without end"},
	    {"{\"$defs\":{\"t\":{\"items\":{\"anyOf\":[{\"allOf\":[{\"$ref\":\"#/$defs/"
	     "t\"},{\"not\":{}}]},"
	     "{\"allOf\":[{\"$ref\":\"#/$defs/t\"},{\"not\":{}}]}]}}},\"$ref\":\"#/$defs/t\"}",
	     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	     "asks too much"},
	};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
		struct mq_schema *schema = open_text(hard[i].schema);
		int valid =
		    mq_schema_check_data(schema, mq_bytes_str(hard[i].text), NULL, NULL, &err);
		mq_schema_free(schema);
		assert_int_equal(valid, -1);
		assert_int_equal(err.code, MQ_DATA);
		assert_non_null(strstr(err.message, hard[i].why));
		mq_err_clear(&err);
	}

	/* Forty times both branches: 2^40 steps. */
	struct mq_buf s;
	mq_buf_init(&s, 1 << 20);
	repeat(&s, "{\"$defs\":{\"n0\":{}", "", 0, "");
	for (int i = 1; i <= 40; i++)
		mq_buf_printf(&s, NULL,
		              ",\"n%d\":{\"allOf\":[{\"$ref\":\"#/$defs/n%d\"},{\"$ref\":\"#/$defs/"
		              "n%d\"}]}",
		              i, i - 1, i - 1);
	mq_buf_append_str(&s, "},\"$ref\":\"#/$defs/n40\"}", NULL);
	struct mq_schema *schema = opened(mq_bytes_of(s.data, s.len), &err);
	assert_non_null(schema);
	assert_int_equal(mq_schema_check_data(schema, mq_bytes_str("1"), NULL, NULL, &err), -1);
	assert_non_null(strstr(err.message, "asks too much"));
	mq_schema_free(schema);
	mq_buf_release(&s);
}

static void test_numbers_are_exact(void **state)
{
	static const struct {
		const char *schema, *text;
		int valid;
	} cases[] = {
	    {"{\"maximum\":1}", "1e400", 0},
	    {"{\"maximum\":1}", "1e-999999999", 1},
	    {"{\"minimum\":0}", "-1e999999999999999999999", 0},
	    {"{\"exclusiveMinimum\":0}", "-0.0", 0},
	    {"{\"exclusiveMinimum\":0}", "0.00001", 1},
	    {"{\"exclusiveMinimum\":0}", "0.000000000000001", 1},
	    {"{\"maximum\":12}", "12.000001", 0},
	    {"{\"maximum\":12}", "12.0000010", 0},
	    {"{\"maximum\":12}", "12.000000", 1},
	    {"{\"minimum\":-12}", "-12.5", 0},
	    {"{\"maximum\":999999999}", "999999999.00001", 0},
	    {"{\"multipleOf\":1e-999999999}", "1e999999999", 1},
	    {"{\"multipleOf\":1e999999999}", "5", 0},
	    {"{\"multipleOf\":1e999999999}", "3e1000000000", 1},
	    {"{\"multipleOf\":0.01}", "19.99", 1},
	    {"{\"const\":12345678901234567890}", "12345678901234567891", 0},
	    {"{\"const\":1.0}", "10e-1", 1},
	    {"{\"type\":\"integer\"}", "1.0e3", 1},
	    {"{\"type\":\"integer\"}", "1.0e-1", 0},
	};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mq_schema *schema = open_text(cases[i].schema);
		if (mq_schema_check_data(schema, mq_bytes_str(cases[i].text), NULL, NULL, &err) !=
		    cases[i].valid)
			fail_msg("%s %s", cases[i].schema, cases[i].text);
		mq_schema_free(schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wrong_schemas_are_named),
	    cmocka_unit_test(test_copies_may_have_one_name),
	    cmocka_unit_test(test_drafts_are_known_with_and_without_tls),
	    cmocka_unit_test(test_vocabularies_that_are_required_have_to_be_known),
	    cmocka_unit_test(test_normal_form),
	    cmocka_unit_test(test_hard_texts_end_soon),
	    cmocka_unit_test(test_limits_say_that_they_are_reached),
	    cmocka_unit_test(test_numbers_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
