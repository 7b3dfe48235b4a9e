/* Reading with another schema: what is read, what cannot be, and what is told before. */
#include "tests/unit/avro.h"

#include <string.h>

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, value)                                                                \
	"{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ENUM(symbols, more) "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[" symbols "]" more "}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"

static void reads(const char *writer_text, const char *reader_text, const char *hex, unsigned form,
                  const char *want)
{
	struct mq_schema *writer = schema_of(writer_text), *reader = schema_of(reader_text);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	/* Twice: what was found out once is used again. */
	for (int i = 0; i < 2; i++) {
		if (decode_to(writer, reader, hex, form, &buf, &err) < 0)
			fail_msg("%s", err.message);
		assert_string_equal(buf.data, want);
		mq_buf_release(&buf);
	}
	mq_schema_free(writer);
	mq_schema_free(reader);
}

static void reads_not(const char *writer_text, const char *reader_text, const char *hex,
                      const char *words)
{
	struct mq_schema *writer = schema_of(writer_text), *reader = schema_of(reader_text);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	if (decode_to(writer, reader, hex, 0, &buf, &err) == 0)
		fail_msg("it is %s", buf.data);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, words))
		fail_msg("%s", err.message);
	mq_buf_release(&buf);
	mq_schema_free(writer);
	mq_schema_free(reader);
}

static void test_promotions(void **state)
{
	(void)state;
	reads("\"int\"", "\"long\"", "03", 0, "-2");
	reads("\"int\"", "\"float\"", "03", 0, "-2");
	reads("\"long\"", "\"double\"", "feffffffffffffffff01", 0, "9.223372036854776e+18");
	reads("\"float\"", "\"double\"", "0000c03f", 0, "1.5");
	reads("\"bytes\"", "\"string\"", "0661c3a9", 0, "\"a\xc3\xa9\"");
	reads("\"string\"", "\"bytes\"", "04c3a9", 0, "\"\xc3\x83\xc2\xa9\"");
	reads_not("\"bytes\"", "\"string\"", "02ff", "no UTF-8");
	reads_not("\"long\"", "\"int\"", "02", "cannot be read as int");
	reads_not("\"int\"", "\"string\"", "02", "cannot be read as string");
	reads("{\"type\":\"array\",\"items\":\"int\"}", "{\"type\":\"array\",\"items\":\"long\"}",
	      "020200", 0, "[1]");
	reads("{\"type\":\"map\",\"values\":\"int\"}", "{\"type\":\"map\",\"values\":\"double\"}",
	      "0202610200", 0, "{\"a\":1}");
	/* A logical type of the reader is the reader's. */
	reads("\"int\"", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "00",
	      MQ_SCHEMA_LOGICAL, "\"1970-01-01T00:00:00.000Z\"");
}

static const char of_all_types[] =
    "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
    "{\"name\":\"n\",\"type\":\"null\","
    "\"default\":null},"
    "{\"name\":\"t\",\"type\":\"boolean\","
    "\"default\":true},"
    "{\"name\":\"i\",\"type\":\"int\","
    "\"default\":-1},"
    "{\"name\":\"l\",\"type\":\"long\","
    "\"default\":5000000000},"
    "{\"name\":\"f\",\"type\":\"float\","
    "\"default\":1.5},"
    "{\"name\":\"d\",\"type\":\"double\","
    "\"default\":\"NaN\"},"
    "{\"name\":\"y\",\"type\":\"bytes\","
    "\"default\":\"\\u00ff\"},"
    "{\"name\":\"s\",\"type\":\"string\","
    "\"default\":\"x\"},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},"
    "\"default\":\"a\"},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]},"
    "\"default\":\"A\"},"
    "{\"name\":\"r2\",\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":[{\"name\":\"z\","
    "\"type\":\"int\",\"default\":9}]},"
    "\"default\":{}},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"},"
    "\"default\":[1,2]},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"int\"},"
    "\"default\":{\"k\":1}},"
    "{\"name\":\"u\",\"type\":[\"string\",\"null\"],"
    "\"default\":\"v\"},"
    "{\"name\":\"u2\",\"type\":[\"null\",\"int\"],"
    "\"default\":3},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},"
    "\"default\":0}]}";

static void test_records(void **state)
{
	static const char writer[] =
	    RECORD("n.r", FIELD("a", "\"int\"") "," FIELD("gone",
	                                                  "{\"type\":\"array\",\"items\":"
	                                                  "\"string\"}") "," FIELD("b", "\"int\""));

	(void)state;
	reads(writer, RECORD("r", FIELD("b", "\"int\"") "," FIELD("a", "\"int\"")),
	      "02040261026200"
	      "04",
	      0, "{\"a\":1,\"b\":2}");
	/* Defaults of every type, in the form that is asked for. */
	reads(
	    RECORD("r", ""), of_all_types, "", MQ_SCHEMA_LOGICAL,
	    "{\"n\":null,\"t\":true,\"i\":-1,\"l\":5000000000,\"f\":1.5,\"d\":\"NaN\",\"y\":\"ÿ\","
	    "\"s\":\"x\",\"x\":\"a\",\"e\":\"A\",\"r2\":{\"z\":9},\"a\":[1,2],\"m\":{\"k\":1},"
	    "\"u\":{\"string\":\"v\"},\"u2\":{\"int\":3},\"day\":\"1970-01-01\"}");
	reads_not(writer, RECORD("r", FIELD("c", "\"int\"")),
	          "0200"
	          "04",
	          "without a default is the reader's field c");
	/* Aliases: of a field, of a type; a field of the name goes before one of the alias. */
	reads(RECORD("r", FIELD("old", "\"int\"")),
	      RECORD("r", "{\"name\":\"new\",\"aliases\":[\"old\"],\"type\":\"int\"}"), "02", 0,
	      "{\"new\":1}");
	reads(RECORD("r", FIELD("old", "\"int\"") "," FIELD("new", "\"int\"")),
	      RECORD("r", "{\"name\":\"new\",\"aliases\":[\"old\"],\"type\":\"int\"}"), "0204", 0,
	      "{\"new\":2}");
	reads(RECORD("a.Old", FIELD("x", "\"int\"")),
	      "{\"type\":\"record\",\"name\":\"a.New\",\"aliases\":[\"Old\"],\"fields\":["
	      "{\"name\":\"x\",\"type\":\"int\"}]}",
	      "02", 0, "{\"x\":1}");
	reads_not(RECORD("b.Old", FIELD("x", "\"int\"")),
	          "{\"type\":\"record\",\"name\":\"a.New\",\"aliases\":[\"Old\"],\"fields\":["
	          "{\"name\":\"x\",\"type\":\"int\"}]}",
	          "02", "not named, and has no alias: b.Old");
	reads_not(FIXED("f", "1"), FIXED("g", "1"), "00", "not named");
	reads_not(FIXED("f", "1"), FIXED("f", "2"), "00", "another size for f");
	/* What is wrong is told with its place. */
	reads_not(RECORD("r", FIELD("a", "{\"type\":\"array\",\"items\":\"int\"}")),
	          RECORD("r", FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}")), "040280",
	          "/a/1: it ends within a number, at byte 3");
}

static void test_enums_and_unions(void **state)
{
	static const char any[] = "[\"null\",\"int\",\"string\"]";

	(void)state;
	reads(ENUM("\"A\",\"B\"", ""), ENUM("\"B\",\"A\"", ""), "00", 0, "\"A\"");
	reads(ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ",\"default\":\"A\""), "02", 0, "\"A\"");
	reads_not(ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ""), "02", "not the symbol B");
	reads(ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ""), "00", 0, "\"A\"");
	reads(any, any,
	      "0402"
	      "61",
	      0, "{\"string\":\"a\"}");
	reads(any, "\"string\"",
	      "0402"
	      "61",
	      0, "\"a\"");
	reads_not(any, "\"string\"", "00", "cannot be read as string");
	reads("\"int\"", any, "02", 0, "{\"int\":1}");
	reads("\"int\"", "[\"string\",\"double\",\"long\"]", "02", MQ_SCHEMA_BARE, "1");
	reads("\"int\"", "[\"string\",\"double\",\"long\"]", "02", 0, "{\"double\":1}");
	reads("\"int\"", "[\"double\",\"int\"]", "02", 0, "{\"int\":1}");
	reads_not("\"boolean\"", any, "01", "no branch that reads boolean");
	reads(RECORD("n.b", FIELD("x", "\"int\"")),
	      "[" RECORD("m.b", FIELD("x", "\"int\"")) "," RECORD("n.b", FIELD("x", "\"int\"")) "]",
	      "02", 0, "{\"n.b\":{\"x\":1}}");
}

/* A reader that was freed is not taken for the next one at its place. */
static void test_readers(void **state)
{
	struct mq_schema *writer = schema_of("\"int\"");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct mq_schema *reader = schema_of(i % 2 ? "[\"null\",\"long\"]" : "[\"long\"]");
		assert_int_equal(decode_to(writer, reader, "02", 0, &buf, &err), 0);
		assert_string_equal(buf.data, "{\"long\":1}");
		mq_buf_release(&buf);
		mq_schema_free(reader);
	}
	mq_schema_free(writer);
}

/* --- whether it can be ------------------------------------------------------------------------ */

struct told {
	unsigned n;
	char last[500];
};

static void keep(void *ctx, const struct mq_conflict *conflict)
{
	struct told *told = ctx;

	told->n++;
	snprintf(told->last, sizeof told->last, "%s %s", conflict->rule, conflict->path);
	assert_true(*conflict->error);
}

/* want: "" for compatible, else the last reason's rule and path. */
static void can(const char *reader_text, const char *writer_text, unsigned n, const char *want)
{
	struct mq_schema *writer = schema_of(writer_text), *reader = schema_of(reader_text);
	struct mq_err err = MQ_ERR_INIT;
	struct told told = {0};

	assert_int_equal(mq_schema_can_read(reader, writer, keep, &told, &err), n == 0);
	assert_string_equal(told.last, want);
	assert_int_equal(told.n, n);
	mq_schema_free(writer);
	mq_schema_free(reader);
}

static void test_compatible(void **state)
{
	static const char list[] =
	    RECORD("L", FIELD("v", "\"int\"") "," FIELD("n", "[\"null\",\"L\"]"));
	static const char other[] =
	    RECORD("L", FIELD("v", "\"string\"") "," FIELD("n", "[\"null\",\"L\"]"));

	(void)state;
	can("\"long\"", "\"int\"", 0, "");
	can("\"int\"", "\"long\"", 1, "TYPE_MISMATCH /");
	can(list, list, 0, "");
	can(other, list, 1, "TYPE_MISMATCH /fields/0/type");
	can(RECORD("r", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")), RECORD("r", ""), 2,
	    "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1");
	can(RECORD("r", FIELD_OR("a", "\"int\"", "1")), RECORD("r", ""), 0, "");
	can(RECORD("r", ""), RECORD("r", FIELD("a", "\"int\"")), 0, "");
	can(RECORD("r", ""), RECORD("s", ""), 1, "NAME_MISMATCH /");
	can(FIXED("f", "1"), FIXED("f", "2"), 1, "FIXED_SIZE_MISMATCH /");
	can(ENUM("\"A\"", ""), ENUM("\"A\",\"B\"", ""), 1, "MISSING_ENUM_SYMBOLS /");
	can(ENUM("\"A\"", ",\"default\":\"A\""), ENUM("\"A\",\"B\"", ""), 0, "");
	can("[\"null\",\"int\"]", "[\"null\",\"string\"]", 1, "MISSING_UNION_BRANCH /");
	can("{\"type\":\"array\",\"items\":\"int\"}", "{\"type\":\"array\",\"items\":\"string\"}",
	    1, "TYPE_MISMATCH /items");
}

/* Unions of records within unions of records: without a memory each level multiplies the work. */
static void test_hostile(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf text[2];

	(void)state;
	for (int side = 0; side < 2; side++) {
		mq_buf_init(&text[side], 1 << 20);
		assert_int_equal(mq_buf_append_str(&text[side], "[", NULL), 0);
		for (int i = 0; i < 200; i++)
			assert_int_equal(
			    mq_buf_printf(
			        &text[side], NULL,
			        "%s{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":"
			        "\"a\",\"type\":[\"null\",\"%s\",{\"type\":\"array\",\"items\":"
			        "\"%s\"}]},{\"name\":\"b\",\"type\":\"%s\"}]}",
			        i ? "," : "", i, i ? "r0" : "int", i ? "r0" : "int",
			        i % 7 || side ? "int" : "string"),
			    0);
		for (int i = 200; i < 400; i++)
			assert_int_equal(
			    mq_buf_printf(
			        &text[side], NULL,
			        ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":"
			        "\"a\",\"type\":[\"r%d\",\"r%d\"]},{\"name\":\"b\",\"type\":[\"r%"
			        "d\","
			        "\"r%d\"]}]}",
			        i, i - 1, i - 2, i - 1, i - 3),
			    0);
		assert_int_equal(mq_buf_append(&text[side], "]", 2, NULL), 0);
	}
	struct mq_schema *reader = schema_of(text[0].data), *writer = schema_of(text[1].data);
	struct told told = {0};
	assert_int_equal(mq_schema_can_read(reader, writer, keep, &told, &err), 0);
	assert_true(told.n > 0 && told.n <= 1000);
	for (int side = 0; side < 2; side++)
		mq_buf_release(&text[side]);
	mq_schema_free(writer);
	mq_schema_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_promotions),       cmocka_unit_test(test_records),
	    cmocka_unit_test(test_enums_and_unions), cmocka_unit_test(test_readers),
	    cmocka_unit_test(test_compatible),       cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
