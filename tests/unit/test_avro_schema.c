/* Avro's schemas: Apache's vectors, what is none, references, normal forms. */
#include "mqtk/avro_file.h"
#include "mqtk/digest.h"
#include "schema/avro/single.h"
#include "tests/unit/avro.h"

#include <inttypes.h>
#include <stdlib.h>

static char *slurp(const char *name, size_t *ret_len)
{
	const char *folder = getenv("MQTK_TEST_DATA");
	char path[4096], *text;

	snprintf(path, sizeof path, "%s/avro/%s", folder ? folder : "", name);
	FILE *file = folder ? fopen(path, "rb") : NULL;
	if (!file)
		return NULL;
	text = calloc(1, 1 << 20);
	*ret_len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

static void is_canonical(const char *text, const char *want, uint64_t crc)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;
	uint64_t fingerprint;

	mq_buf_init(&buf, 1 << 20);
	assert_int_equal(mq_schema_canonical(schema, &buf, &err), 0);
	assert_int_equal(av_single_fingerprint(schema, &fingerprint, &err), 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data, want);
	if (crc)
		assert_int_equal(fingerprint, crc);
	mq_buf_release(&buf);
	mq_schema_free(schema);
}

/* share/test/data/schema-tests.txt: <<INPUT, <<canonical and <<fingerprint of one line each, or
 * an input of several up to the line "INPUT". */
static void test_vectors(void **state)
{
	size_t len = 0, n = 0;
	char *text = slurp("schema-tests.txt", &len), *input = NULL, *canonical = NULL,
	     *rest = text;

	(void)state;
	if (!text)
		skip();
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "<<INPUT", 7) == 0) {
			input = line + 7 + (line[7] == ' ');
			if (*input)
				continue;
			input = rest;
			char *end = strstr(rest, "\nINPUT");
			assert_non_null(end);
			*end = '\0';
			rest = end + 7;
		} else if (strncmp(line, "<<canonical ", 12) == 0) {
			canonical = line + 12;
			is_canonical(input, canonical, 0);
			n++;
		} else if (strncmp(line, "<<fingerprint ", 14) == 0) {
			is_canonical(input, canonical, (uint64_t)strtoll(line + 14, NULL, 10));
		}
	}
	assert_int_equal(n, 34);
	free(text);
}

static void test_normal_forms(void **state)
{
	(void)state;
	is_canonical("{\"type\":\"null\"}", "\"null\"", 7195948357588979594);
	/* A type stands out in full only once; white space, docs, defaults and aliases go. */
	is_canonical("{\"type\": \"record\", \"name\": \"A\", \"namespace\": \"n\", \"doc\": \"x\","
	             " \"fields\": [{\"type\": [\"null\", \"A\"], \"name\": \"a\","
	             " \"default\": null, \"aliases\": [\"b\"]},"
	             " {\"name\": \"c\", \"type\": {\"type\": \"map\", \"values\": \"n.A\"}}]}",
	             "{\"name\":\"n.A\",\"type\":\"record\",\"fields\":[{\"name\":\"a\",\"type\":["
	             "\"null\",\"n.A\"]},{\"name\":\"c\",\"type\":{\"type\":\"map\",\"values\":"
	             "\"n.A\"}}]}",
	             0);
}

/* messageV1: written by the Java library. */
static void test_message(void **state)
{
	size_t len = 0, schema_len = 0;
	char *bytes = slurp("messageV1/test_message.bin", &len);
	char *text = slurp("messageV1/test_schema.avsc", &schema_len);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_bytes datum;
	struct mq_buf buf;
	uint64_t has, is;

	(void)state;
	if (!text || !bytes)
		skip();
	struct mq_schema *schema = schema_of(text);
	assert_true(av_single_split(mq_bytes_of(bytes, len), &has, &datum));
	assert_int_equal(av_single_fingerprint(schema, &is, &err), 0);
	assert_int_equal(has, is);
	mq_buf_init(&buf, 1 << 20);
	assert_int_equal(mq_schema_decode(schema, NULL, datum, 0, &buf, &err), 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data,
	                    "{\"id\":42,\"name\":\"Bill\",\"tags\":[\"dog_lover\",\"cat_hater\"]}");
	mq_buf_release(&buf);
	mq_schema_free(schema);
	free(text);
	free(bytes);
}

static void test_no_schemas(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
	    {"", "no JSON"},
	    {"{\"type\":\"record\"", "at byte 17"},
	    {"{}", "an object without a type"},
	    {"7", "a type is a name, an object or an array"},
	    {"\"foo\"", "there is no type foo"},
	    {"{\"type\":\"array\",\"items\":\"foo\"}", "at \"/items\": there is no type foo"},
	    {"{\"type\":\"array\"}", "an array without items"},
	    {"{\"type\":\"map\"}", "a map without values"},
	    {"{\"type\":\"fixed\",\"name\":\"f\"}", "a fixed without a size"},
	    {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "a fixed without a size"},
	    {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":1.5}", "a fixed without a size"},
	    {"{\"type\":\"fixed\",\"size\":1}", "a named type without a name"},
	    {"{\"type\":\"fixed\",\"name\":\"a-b\",\"size\":1}", "a name has letters"},
	    {"{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}", "a primitive type"},
	    {"{\"type\":\"enum\",\"name\":\"e\"}", "without an array of symbols"},
	    {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}", "/symbols/1"},
	    {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"1\"]}", "a symbol has letters"},
	    {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"],\"default\":\"B\"}",
	     "none of the symbols"},
	    {"[\"int\",[\"null\"]]", "a union within a union"},
	    {"[\"int\",\"int\"]", "has this type already"},
	    {"{\"type\":\"record\",\"name\":\"r\"}", "without an array of fields"},
	    {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\"}]}",
	     "a field without a type"},
	    {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"type\":\"int\"}]}",
	     "a field without a name"},
	    {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
	     "{\"name\":\"a\",\"type\":\"int\"}]}",
	     "a field of this name"},
	    {"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},"
	     "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}]",
	     "a type of this name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
		                              .text = mq_bytes_str(bad[i].text)};
		struct mq_err err = MQ_ERR_INIT;
		struct mq_schema *schema = NULL;
		if (mq_schema_new(&spec, &schema, &err) == 0)
			fail_msg("%s is a schema", bad[i].text);
		assert_int_equal(err.code, MQ_DATA);
		if (!strstr(err.message, bad[i].words))
			fail_msg("%s: %s", bad[i].text, err.message);
	}
}

/* --- references ------------------------------------------------------------------------------- */

static int loads;

/* The type n.D needs n.C, and that n.B; circle.A and circle.B need one another. */
static int load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const texts[][2] = {
	    {"n.B", "{\"type\":\"enum\",\"name\":\"B\",\"namespace\":\"n\",\"symbols\":[\"X\"]}"},
	    {"n.C",
	     "{\"type\":\"record\",\"name\":\"n.C\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"},"
	     "{\"name\":\"d\",\"type\":\"int\",\"default\":7}]}"},
	    {"n.D",
	     "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"n.D\",\"fields\":["
	     "{\"name\":\"b\",\"type\":\"B\"},{\"name\":\"c\",\"type\":\"C\"}]}}"},
	    {"circle.A", "{\"type\":\"record\",\"name\":\"circle.A\",\"fields\":["
	                 "{\"name\":\"b\",\"type\":\"B\"}]}"},
	    {"circle.B", "{\"type\":\"record\",\"name\":\"circle.B\",\"fields\":["
	                 "{\"name\":\"a\",\"type\":\"A\"}]}"},
	    {"wrong", "{\"type\":\"array\",\"items\":7}"},
	    {"other", "\"int\""},
	};

	(void)ctx;
	loads++;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(texts[i][0], name) == 0)
			return mq_buf_append_str(buf, texts[i][1], err) < 0 ? -1 : 1;
	return 0;
}

static void test_load(void **state)
{
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_AVRO,
	    .text =
	        mq_bytes_str("{\"type\":\"record\",\"name\":\"n.E\",\"fields\":[{\"name\":\"d\","
	                     "\"type\":\"D\"},{\"name\":\"b\",\"type\":\"n.B\"}]}"),
	    .load = load};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;
	struct mq_buf text;
	char hex[100];

	(void)state;
	loads = 0;
	assert_int_equal(mq_schema_new(&spec, &schema, &err), 0);
	assert_string_equal(mq_schema_type_name(schema), "n.E");
	assert_int_equal(loads, 3);
	assert_int_equal(encode_to(schema, "{\"d\":{\"b\":\"X\",\"c\":{\"b\":\"X\"}},\"b\":\"X\"}",
	                           hex, sizeof hex, &err),
	                 0);
	assert_string_equal(hex, "00000e00");
	/* Standing for itself, it needs nobody else. */
	mq_buf_init(&text, 10000);
	assert_int_equal(mq_avro_schema_text(schema, &text, &err), 0);
	assert_int_equal(mq_buf_append_char(&text, '\0', &err), 0);
	assert_string_equal(
	    text.data,
	    "{\"type\":\"record\",\"name\":\"n.E\",\"fields\":[{\"name\":\"d\",\"type\":{\"type\":"
	    "\"record\",\"name\":\"n.D\",\"fields\":[{\"name\":\"b\",\"type\":{\"type\":\"enum\","
	    "\"name\":\"n.B\",\"symbols\":[\"X\"]}},{\"name\":\"c\",\"type\":{\"type\":\"record\","
	    "\"name\":\"n.C\",\"fields\":[{\"name\":\"b\",\"type\":\"n.B\"},{\"name\":\"d\","
	    "\"type\":"
	    "\"int\",\"default\":7}]}}]}},{\"name\":\"b\",\"type\":\"n.B\"}]}");
	struct mq_schema *alone = schema_of(text.data);
	assert_int_equal(encode_to(alone, "{\"d\":{\"b\":\"X\",\"c\":{\"b\":\"X\"}},\"b\":\"X\"}",
	                           hex, sizeof hex, &err),
	                 0);
	assert_string_equal(hex, "00000e00");
	mq_schema_free(alone);
	mq_schema_free(schema);
	mq_buf_release(&text);
}

static void loads_not(const char *text, const char *words)
{
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_AVRO, .text = mq_bytes_str(text), .load = load};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;

	assert_int_equal(mq_schema_new(&spec, &schema, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, words))
		fail_msg("%s: %s", text, err.message);
}

static void test_load_fails(void **state)
{
	(void)state;
	loads_not("\"nobody\"", "there is no type nobody");
	loads_not("\"circle.A\"", "in a circle");
	loads_not("\"wrong\"", "in what it refers to, at \"/items\"");
	loads_not("\"other\"", "do not have the type they are named for: other");
}

/* In the order in which each needs only those before it; one may come twice. */
static void test_references(void **state)
{
	const struct mq_bytes references[] = {
	    mq_bytes_str("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}"),
	    mq_bytes_str(
	        "{\"type\":\"record\",\"name\":\"x.R\",\"fields\":[{\"name\":\"f\",\"type\":"
	        "\"F\"}]}"),
	    mq_bytes_str("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}")};
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
	                              .text = mq_bytes_str("[\"null\",\"x.R\",\"F\"]"),
	                              .references = references,
	                              .n_references = 3};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;
	struct mq_buf text;
	char hex[100];

	(void)state;
	assert_int_equal(mq_schema_new(&spec, &schema, &err), 0);
	assert_int_equal(encode_to(schema, "{\"x.R\":{\"f\":\"A\"}}", hex, sizeof hex, &err), 0);
	assert_string_equal(hex, "0241");
	mq_buf_init(&text, 10000);
	assert_int_equal(mq_avro_schema_text(schema, &text, &err), 0);
	assert_int_equal(mq_buf_append_char(&text, '\0', &err), 0);
	/* F is in no namespace, also where it stands in x. */
	assert_string_equal(text.data,
	                    "[\"null\",{\"type\":\"record\",\"name\":\"x.R\",\"fields\":[{\"name\":"
	                    "\"f\",\"type\":{\"namespace\":\"\",\"type\":\"fixed\",\"name\":\"F\","
	                    "\"size\":1}}]},\"F\"]");
	mq_schema_free(schema_of(text.data));
	mq_buf_release(&text);
	mq_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),    cmocka_unit_test(test_normal_forms),
	    cmocka_unit_test(test_message),    cmocka_unit_test(test_no_schemas),
	    cmocka_unit_test(test_load),       cmocka_unit_test(test_load_fails),
	    cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
