/* Avro's data: every type both ways, every form, hostile bytes, what is told of what is wrong. */
#include "tests/unit/avro.h"

#include <stdlib.h>

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, value)                                                                \
	"{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define DECIMAL "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}"
#define DECIMAL38 "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38}"
#define ENUM "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}"
#define LIST RECORD("n.L", FIELD("v", "\"int\"") "," FIELD("next", "[\"null\",\"L\"]"))

static void test_scalars(void **state)
{
	(void)state;
	stands_for("\"null\"", "", 0, "null");
	stands_for("\"boolean\"", "01", 0, "true");
	stands_for("\"int\"", "01", 0, "-1");
	stands_for("\"int\"", "feffffff0f", 0, "2147483647");
	stands_for("\"int\"", "ffffffff0f", 0, "-2147483648");
	stands_for("\"long\"", "feffffffffffffffff01", 0, "9223372036854775807");
	stands_for("\"long\"", "ffffffffffffffffff01", 0, "-9223372036854775808");
	stands_for("\"float\"", "0000c03f", 0, "1.5");
	stands_for("\"double\"", "9a9999999999b93f", 0, "0.1");
	stands_for("\"double\"", "000000000000f07f", 0, "\"Infinity\"");
	stands_for("\"float\"", "000080ff", 0, "\"-Infinity\"");
	stands_for("\"bytes\"", "0841ff0022", 0, "\"Aÿ\\u0000\\\"\"");
	stands_for("\"string\"", "0ae282ac0a41", 0, "\"€\\u000aA\"");
	stands_for("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}", "80ff", 0, "\"\xc2\x80ÿ\"");
	stands_for(ENUM, "02", 0, "\"B\"");
	/* Numbers are what they are worth. */
	encodes("\"int\"", "1e2", "c801");
	encodes("\"long\"", "9.223372036854775807e18", "feffffffffffffffff01");
	encodes_not("\"int\"", "2147483648", "beyond an int's 32 bits");
	encodes_not("\"long\"", "9223372036854775808", "is no long");
	encodes_not("\"int\"", "1.5", "is no int");
	encodes_not("\"float\"", "1e39", "too large for a float");
	encodes_not("\"double\"", "1e999", "too large for a double");
	encodes_not("\"string\"", "1", "is no string");
	encodes_not("\"bytes\"", "\"€\"", "a character that is no byte");
	encodes_not("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}", "\"a\"", "not the size of f");
	encodes_not(ENUM, "\"C\"", "is no symbol of e");
	encodes_not("\"boolean\"", "0", "is no boolean");
	encodes_not("\"null\"", "false", "is not null");
}

static void test_containers(void **state)
{
	(void)state;
	stands_for("{\"type\":\"array\",\"items\":\"int\"}", "04020400", 0, "[1,2]");
	stands_for("{\"type\":\"array\",\"items\":\"int\"}", "00", 0, "[]");
	stands_for("{\"type\":\"map\",\"values\":\"int\"}", "0402610202620400", 0,
	           "{\"a\":1,\"b\":2}");
	stands_for("{\"type\":\"array\",\"items\":\"null\"}", "0600", 0, "[null,null,null]");
	/* Several blocks, one with its size in bytes. */
	decodes("{\"type\":\"array\",\"items\":\"int\"}", "02020304020400", 0, "[1,1,2]");
	stands_for(
	    LIST, "020204020600", 0,
	    "{\"v\":1,\"next\":{\"n.L\":{\"v\":2,\"next\":{\"n.L\":{\"v\":3,\"next\":null}}}}}");
	stands_for(LIST,
	           "0202040200"
	           "00",
	           MQ_SCHEMA_BARE, "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":0,\"next\":null}}}");
	/* Fields in another order, and those that have defaults. */
	encodes(RECORD("r", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")), "{\"b\":1,\"a\":2}",
	        "0402");
	encodes(RECORD("r", FIELD_OR("a", "\"int\"", "5") "," FIELD_OR(
	                        "b", "[\"string\",\"null\"]",
	                        "\"x\"") "," FIELD_OR("c", "[\"null\",\"int\"]", "7")),
	        "{}",
	        "0a0002780"
	        "20e");
	encodes_not(RECORD("r", FIELD("a", "\"int\"")), "{}",
	            "without a field that has no default: a");
	encodes_not(RECORD("r", FIELD("a", "\"int\"")), "{\"a\":1,\"b\":2}", "is no field of r");
	encodes_not(RECORD("r", FIELD("a", "\"int\"")), "[]", "is no object");
	encodes_not("{\"type\":\"array\",\"items\":\"int\"}", "[1,true]", "at \"/1\"");
	encodes_not("{\"type\":\"map\",\"values\":\"int\"}", "{\"a/b\":true}", "at \"/a~1b\"");
}

static void test_unions(void **state)
{
	static const char both[] = "[\"null\",\"int\",\"double\",\"string\"," ENUM "]";
	static const char two[] =
	    "[" RECORD("a", FIELD("x", "\"int\"")) "," RECORD("b", FIELD("x", "\"string\"")) "]";

	(void)state;
	stands_for(both, "00", 0, "null");
	stands_for(both, "0202", 0, "{\"int\":1}");
	stands_for(both, "0802", 0, "{\"e\":\"B\"}");
	/* Bare: the first branch that it fits. */
	stands_for(both, "0202", MQ_SCHEMA_BARE, "1");
	stands_for(both, "04000000000000f83f", MQ_SCHEMA_BARE, "1.5");
	stands_for(both, "060242", MQ_SCHEMA_BARE, "\"B\"");
	decodes(both, "0802", MQ_SCHEMA_BARE, "\"B\"");
	stands_for(two, "020279", MQ_SCHEMA_BARE, "{\"x\":\"y\"}");
	stands_for(two, "0002", MQ_SCHEMA_BARE, "{\"x\":1}");
	/* Not as a number that it is not. */
	encodes("[\"float\",\"double\"]", "0.1", "00cdcccc3d");
	encodes("[\"float\",\"double\"]", "1e-75", "0258720e97b1f25c30");
	encodes("[\"double\",\"long\"]", "9223372036854775807", "02feffffffffffffffff01");
	encodes("[\"float\"]", "1e-75", "0000000000");
	/* A record that looks like a named branch, and is none. */
	encodes("[" RECORD("r", FIELD("int", "\"string\"")) ",\"int\"]", "{\"int\":\"s\"}",
	        "000273");
	encodes("[" RECORD("r", FIELD("int", "\"string\"")) ",\"int\"]", "{\"int\":5}", "020a");
	encodes_not("[\"null\",\"int\"]", "\"x\"", "fits no branch of the union");
	encodes_not("[\"null\",\"int\"]", "{\"int\":\"x\"}", "at \"/int\": \"x\" is no int");
	encodes_not("[\"null\"," LIST "]", "{\"v\":\"x\",\"next\":null}",
	            "at \"/v\": \"x\" is no int");
	encodes_not("[]", "null", "fits no branch");
}

static void test_logical(void **state)
{
	static const unsigned logical = MQ_SCHEMA_LOGICAL;
	static const char decimal[] = DECIMAL;
	static const char fixed[] = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":4,\"logicalType\":"
	                            "\"decimal\",\"precision\":9,\"scale\":0}";

	(void)state;
	stands_for(LOGICAL("int", "date"), "8eb502", logical, "\"2024-03-01\"");
	stands_for(LOGICAL("int", "date"), "01", logical, "\"1969-12-31\"");
	stands_for(LOGICAL("int", "date"), "d7e957", logical, "\"0000-03-01\"");
	encodes(LOGICAL("int", "date"), "5", "0a");
	encodes_not(LOGICAL("int", "date"), "\"2023-02-29\"", "is no date");
	encodes_not(LOGICAL("int", "date"), "\"2023-02-01x\"", "is no date");
	stands_for(LOGICAL("int", "time-millis"), "feefb252", logical, "\"23:59:59.999\"");
	encodes_not(LOGICAL("int", "time-millis"), "\"24:00:00\"", "is no time-millis");
	encodes_not(LOGICAL("int", "time-millis"), "\"00:00:00.0001\"", "is no time-millis");
	encodes(LOGICAL("int", "time-millis"), "\"00:00:00.0010\"", "02");
	stands_for(LOGICAL("long", "time-micros"), "02", logical, "\"00:00:00.000001\"");
	stands_for(LOGICAL("long", "timestamp-millis"), "01", logical,
	           "\"1969-12-31T23:59:59.999Z\"");
	encodes(LOGICAL("long", "timestamp-millis"), "\"1970-01-01T01:00:00+01:00\"", "00");
	encodes_not(LOGICAL("long", "timestamp-millis"), "\"1970-01-01T01:00:00\"",
	            "is no timestamp-millis");
	stands_for(LOGICAL("long", "local-timestamp-micros"), "02", logical,
	           "\"1970-01-01T00:00:00.000001\"");
	stands_for(LOGICAL("long", "timestamp-nanos"), "ffffffffffffffffff01", logical,
	           "\"1677-09-21T00:12:43.145224192Z\"");
	stands_for(LOGICAL("long", "timestamp-nanos"), "feffffffffffffffff01", logical,
	           "\"2262-04-11T23:47:16.854775807Z\"");
	encodes_not(LOGICAL("long", "timestamp-nanos"), "\"2262-04-11T23:47:16.854775808Z\"",
	            "is no timestamp-nanos");
	/* Beyond what text can say it stays a number. */
	stands_for(LOGICAL("long", "timestamp-millis"), "feffffffffffffffff01", logical,
	           "9223372036854775807");
	stands_for(decimal, "04fb1e", logical, "-12.50");
	stands_for(decimal, "0200", logical, "0.00");
	stands_for(decimal, "060f423f", logical, "9999.99");
	stands_for(decimal, "0280", logical, "-1.28");
	stands_for(decimal, "040080", logical, "1.28");
	encodes(decimal, "1e3", "060186a0");
	encodes(decimal, "12.5", "0404e2");
	encodes(decimal, "\"\\u0001\"", "0201");
	encodes_not(decimal, "12.555", "precision and scale");
	encodes_not(decimal, "10000", "precision and scale");
	/* Text that was meant as a number is another number as bytes. */
	encodes_not(decimal, "\"12.34\"", "as bytes it has more digits");
	encodes_not(decimal, "\"-1.5\"", "as bytes it has more digits");
	encodes(decimal, "\"99\"", "043939");
	encodes(RECORD("r", FIELD_OR("d", DECIMAL, "\"12.34\"")), "{}", "0a31322e3334");
	encodes(DECIMAL38, "\"1234567890.12345\"", "20313233343536373839302e3132333435");
	encodes_not(DECIMAL38, "\"12345678901.12345\"", "as bytes it has more digits");
	encodes_not("[\"null\"," DECIMAL "]", "\"12.34\"", "fits no branch of the union");
	encodes("[\"null\"," DECIMAL ",\"string\"]", "\"12.34\"", "040a31322e3334");
	/* One with more digits than its precision could not be written. */
	stands_for(decimal, "060f4240", logical, "\"\\u000fB@\"");
	stands_for(fixed, "ffffffff", logical, "-1");
	stands_for(fixed, "000003e8", logical, "1000");
	stands_for(LOGICAL("string", "uuid"), "0261", logical, "\"a\"");
	stands_for("{\"type\":\"fixed\",\"name\":\"u\",\"size\":16,\"logicalType\":\"uuid\"}",
	           "000102030405060708090a0b0c0d0eff", logical,
	           "\"00010203-0405-0607-0809-0a0b0c0d0eff\"");
	stands_for("{\"type\":\"fixed\",\"name\":\"d\",\"size\":12,\"logicalType\":\"duration\"}",
	           "0100000002000000ffffffff", logical,
	           "{\"months\":1,\"days\":2,\"millis\":4294967295}");
	/* One that does not fit its type is ignored. */
	stands_for(LOGICAL("string", "date"), "0261", logical, "\"a\"");
	encodes("[\"null\"," LOGICAL("int", "date") "]", "\"1970-01-02\"", "0202");
}

/* What crashes others; each has to be MQ_DATA. */
static void test_hostile(void **state)
{
	(void)state;
	decodes_not(ENUM, "04", "a symbol that the enum has not, at byte 1");
	decodes_not(ENUM, "01", "a symbol that the enum has not");
	decodes_not("[\"null\"]", "02", "a branch that the union has not");
	decodes_not("[\"null\"]", "01", "a branch that the union has not");
	decodes_not("[]", "00", "a branch that the union has not");
	decodes_not("{\"type\":\"array\",\"items\":\"null\"}",
	            "80808010"
	            "00",
	            "too many values that take no bytes");
	decodes_not("{\"type\":\"array\",\"items\":\"int\"}",
	            "80808010"
	            "00",
	            "more items than there are bytes");
	decodes_not("{\"type\":\"array\",\"items\":\"int\"}", "ffffffffffffffffff01",
	            "a count of items that cannot be");
	decodes_not("{\"type\":\"array\",\"items\":\"int\"}", "0310020400",
	            "a block beyond its end");
	decodes_not("{\"type\":\"array\",\"items\":\"int\"}", "0301020400",
	            "a block beyond its end");
	decodes_not("{\"type\":\"map\",\"values\":\"null\"}", "feffffffffffffffff01",
	            "more items than there are bytes");
	decodes_not("\"bytes\"", "01", "a length beyond its end");
	decodes_not("\"string\"", "0461", "a length beyond its end");
	decodes_not("\"string\"", "feffffffffffffffff0161", "a length beyond its end");
	decodes_not("\"string\"", "02ff", "no UTF-8");
	decodes_not("\"string\"", "06eda080", "no UTF-8");
	decodes_not("{\"type\":\"map\",\"values\":\"int\"}", "0202ff0200",
	            "a key that is no UTF-8");
	decodes_not("\"long\"", "ffffffffffffffffff02", "beyond 64 bits");
	decodes_not("\"long\"", "8080808080808080808000", "beyond 64 bits");
	decodes_not("\"int\"", "8080808010", "beyond 32 bits");
	decodes_not("\"int\"", "80", "ends within a number");
	decodes_not("\"double\"", "00000000000000", "ends within a value");
	decodes_not("\"boolean\"", "02", "neither 0 nor 1");
	decodes_not("\"boolean\"", "", "ends within a value");
	decodes_not("\"int\"", "0202", "more behind the value, at byte 2");
	decodes_not("\"null\"", "00", "more behind the value");
	decodes_not(
	    RECORD("r", FIELD("a", "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":"
	                           "\"string\"}}")),
	    "040002026b02ff0000", "/a/1/k: a string that is no UTF-8, at byte 8");
}

static void test_deep(void **state)
{
	struct mq_schema *schema = schema_of(LIST);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;
	size_t len = 40000;
	char *bytes = malloc(len);

	(void)state;
	memset(bytes, 2, len);
	mq_buf_init(&buf, 1 << 26);
	assert_int_equal(mq_schema_decode(schema, NULL, mq_bytes_of(bytes, len), 0, &buf, &err),
	                 -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "nested too deeply"));
	assert_int_equal(buf.len, 0);
	free(bytes);
	mq_buf_release(&buf);
	mq_schema_free(schema);
	/* A record that is within itself has no end. */
	decodes_not(RECORD("r", FIELD("a", "\"r\"")), "", "nested too deeply");
	encodes_not(RECORD("r", FIELD_OR("a", "\"r\"", "{}")), "{}", "too deeply");
}

/* A few bytes, or a default, that stand for 2^60 values. */
static void test_bombs(void **state)
{
	struct mq_buf a, b;

	(void)state;
	mq_buf_init(&a, 1 << 16);
	mq_buf_init(&b, 1 << 16);
	assert_int_equal(mq_buf_append_str(&a, "[" RECORD("r0", ""), NULL), 0);
	assert_int_equal(mq_buf_append_str(&b, "[" RECORD("r0", ""), NULL), 0);
	for (int i = 1; i <= 60; i++) {
		assert_int_equal(
		    mq_buf_printf(&a, NULL,
		                  ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{"
		                  "\"name\":\"a\",\"type\":\"r%d\"},{\"name\":\"b\","
		                  "\"type\":\"r%d\"}]}",
		                  i, i - 1, i - 1),
		    0);
		assert_int_equal(
		    mq_buf_printf(
		        &b, NULL,
		        ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":\"a\","
		        "\"type\":\"r%d\",\"default\":{}},{\"name\":\"b\",\"type\":\"r%d\","
		        "\"default\":{}}]}",
		        i, i - 1, i - 1),
		    0);
	}
	assert_int_equal(mq_buf_append(&a, "]", 2, NULL), 0);
	assert_int_equal(mq_buf_append(&b, "]", 2, NULL), 0);
	decodes_not(a.data, "78", "too many values that take no bytes");
	encodes_not(b.data, "{\"r60\":{}}", "too many defaults");
	mq_buf_release(&a);
	mq_buf_release(&b);
}

/* Unions of records that all fit but for their last field: every choice of every level. */
static void test_tries(void **state)
{
	struct mq_buf text, json;

	(void)state;
	mq_buf_init(&text, 1 << 20);
	mq_buf_init(&json, 1 << 20);
	assert_int_equal(mq_buf_append_str(&text, "[", NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    mq_buf_printf(&text, NULL,
		                  "%s{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{"
		                  "\"name\":\"a\",\"type\":[\"null\",%s]},{\"name\":\"b%d\","
		                  "\"type\":\"int\"}]}",
		                  i ? "," : "", i,
		                  i == 0   ? "\"r0\""
		                  : i == 1 ? "\"r0\",\"r1\""
		                           : "\"r0\",\"r1\",\"r2\"",
		                  i),
		    0);
	assert_int_equal(mq_buf_append(&text, "]", 2, NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(mq_buf_append_str(&json, "{\"a\":", NULL), 0);
	assert_int_equal(mq_buf_append_str(&json, "null", NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(mq_buf_append_str(&json, "}", NULL), 0);
	assert_int_equal(mq_buf_append_char(&json, '\0', NULL), 0);
	encodes_not(text.data, json.data, "fits ");
	mq_buf_release(&text);
	mq_buf_release(&json);
}

/* --- what is told ----------------------------------------------------------------------------- */

struct told {
	int n;
	char pointer[100], keyword[30], value[100], error[300];
};

static int keep(void *ctx, const struct mq_violation *violation)
{
	struct told *told = ctx;

	told->n++;
	snprintf(told->pointer, sizeof told->pointer, "%s", violation->pointer);
	snprintf(told->keyword, sizeof told->keyword, "%s", violation->keyword);
	snprintf(told->value, sizeof told->value, "%.*s", (int)violation->value.len,
	         violation->value.data ? violation->value.data : "");
	snprintf(told->error, sizeof told->error, "%s", violation->error);
	return 0;
}

static void is_told(const struct told *told, const char *pointer, const char *keyword,
                    const char *value)
{
	assert_int_equal(told->n, 1);
	assert_string_equal(told->pointer, pointer);
	assert_string_equal(told->keyword, keyword);
	assert_string_equal(told->value, value);
	assert_true(*told->error);
}

static void json_tells(const char *text, const char *json, const char *pointer, const char *keyword,
                       const char *value)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	struct told told = {0};

	assert_int_equal(mq_schema_check_json(schema, mq_bytes_str(json), keep, &told, &err), 0);
	is_told(&told, pointer, keyword, value);
	assert_int_equal(mq_schema_check_json(schema, mq_bytes_str(json), NULL, NULL, &err), 0);
	mq_schema_free(schema);
}

static void data_tells(const char *text, const char *hex, const char *pointer, const char *keyword)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	struct told told = {0};
	char bytes[100];
	size_t len = bytes_of(hex, bytes, sizeof bytes);

	assert_int_equal(mq_schema_check_data(schema, mq_bytes_of(bytes, len), keep, &told, &err),
	                 0);
	is_told(&told, pointer, keyword, "");
	mq_schema_free(schema);
}

static void test_violations(void **state)
{
	static const char order[] =
	    RECORD("o", FIELD("id", "\"int\"") "," FIELD(
	                    "items", "{\"type\":\"array\",\"items\":[\"null\"," ENUM "]}"));
	struct mq_schema *schema = schema_of(order);
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	json_tells(order, "{\"id\":\"x\",\"items\":[]}", "/id", "int", "\"x\"");
	json_tells(order, "{\"id\":1}", "", "required", "");
	json_tells(order, "{\"id\":1,\"items\":[null,{\"e\":\"Z\"}]}", "/items/1/e", "enum",
	           "\"Z\"");
	json_tells(order, "{\"id\":1,\"items\":[7]}", "/items/0", "union", "7");
	json_tells(order, "{\"id\":1,\"id\":1,\"items\":[]}", "", "json", "");
	json_tells(order, "{", "", "json", "");
	data_tells(order, "0206000008", "/items/2", "union");
	data_tells(order,
	           "02040"
	           "0020800",
	           "/items/1", "enum");
	data_tells("\"string\"", "02ff", "", "utf-8");
	data_tells("\"int\"", "80", "", "data");
	data_tells(RECORD("r", FIELD("m", "{\"type\":\"map\",\"values\":\"boolean\"}")),
	           "020278"
	           "0500",
	           "/m/x", "boolean");
	assert_int_equal(
	    mq_schema_check_json(schema, mq_bytes_str("{\"id\":1,\"items\":[]}"), keep, NULL, &err),
	    1);
	assert_int_equal(mq_schema_check_data(schema, mq_bytes_of("\x02\0", 2), keep, NULL, &err),
	                 1);
	mq_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scalars),    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_unions),     cmocka_unit_test(test_logical),
	    cmocka_unit_test(test_hostile),    cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_bombs),      cmocka_unit_test(test_tries),
	    cmocka_unit_test(test_violations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
