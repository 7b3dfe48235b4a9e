/* Protobuf as a kind of schema: definitions, messages chosen, bytes and JSON, what is wrong. */
#include "mqtk/format.h"
#include "mqtk/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char order[] = "syntax = \"proto3\";\n"
                            "package shop;\n"
                            "import \"common.proto\";\n"
                            "message Order {\n"
                            "  int64 order_id = 1;\n"
                            "  string customer = 2;\n"
                            "  repeated Line lines = 3;\n"
                            "  map<string, int32> labels = 4;\n"
                            "  common.Money total = 5;\n"
                            "  oneof how { string card = 6; bool cash = 7; }\n"
                            "  message Line { string sku = 1; double price = 2; }\n"
                            "}\n"
                            "message Note { bytes body = 1; Order order = 2; }\n";
static const char common[] = "syntax = \"proto2\";\n"
                             "package common;\n"
                             "message Money { required int64 cents = 1; optional Unit unit = 2;\n"
                             "  repeated group Tax = 3 { optional int32 rate = 1; }\n"
                             "  extensions 100 to 199; }\n"
                             "enum Unit { EUR = 1; USD = 2; }\n"
                             "extend Money { repeated int32 parts = 100 [packed = true]; }\n";

static int load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	(void)ctx;
	if (strcmp(name, "denied.proto") == 0)
		return mq_fail(err, MQ_DENIED, "denied.proto may not be read");
	if (strcmp(name, "clients/described.proto") == 0)
		return mq_buf_append_str(
		           buf, "CgdkZWZhdWx0EgFkIhEKAUQSDAoBYRgBIAEoBVIBYWIGcHJvdG8z", err) < 0
		           ? -1
		           : 1;
	if (strcmp(name, "common.proto") != 0)
		return 0;
	return mq_buf_append_str(buf, common, err) < 0 ? -1 : 1;
}

static struct mq_schema *open_bytes(struct mq_bytes text, struct mq_err *err)
{
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_PROTOBUF, .name = "order.proto", .text = text, .load = load};
	struct mq_schema *schema;

	return mq_schema_new(&spec, &schema, err) == 0 ? schema : NULL;
}

static struct mq_schema *open_text(const char *text)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = open_bytes(mq_bytes_str(text), &err);

	if (!schema)
		fail_msg("%s", err.message);
	return schema;
}

static void expect_json(struct mq_schema *schema, const char *bytes, size_t len, const char *json)
{
	struct mq_buf out;
	struct mq_err err = MQ_ERR_INIT;

	mq_buf_init(&out, 10000);
	if (mq_schema_decode(schema, NULL, mq_bytes_of(bytes, len), 0, &out, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(mq_buf_append(&out, "", 1, &err), 0);
	assert_string_equal(out.data, json);
	mq_buf_release(&out);
}

static void expect_bytes(struct mq_schema *schema, const char *json, const char *bytes, size_t len)
{
	struct mq_buf out;
	struct mq_err err = MQ_ERR_INIT;

	mq_buf_init(&out, 10000);
	if (mq_schema_encode(schema, mq_bytes_str(json), &out, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(out.len, len);
	if (len > 0)
		assert_memory_equal(out.data, bytes, len);
	mq_buf_release(&out);
}

#define BOTH(schema, bytes, json)                                                                  \
	do {                                                                                       \
		expect_json(schema, bytes, sizeof(bytes) - 1, json);                               \
		expect_bytes(schema, json, bytes, sizeof(bytes) - 1);                              \
	} while (0)

/* --- definitions ------------------------------------------------------------------------------ */

static void refuse_text(const char *text, enum mq_code code, const char *words)
{
	struct mq_err err = MQ_ERR_INIT;

	assert_null(open_bytes(mq_bytes_str(text), &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("'%s' is not in '%s'", words, err.message);
}

static void test_bad_definitions(void **state)
{
	(void)state;
	refuse_text("syntax = \"proto3\";\nmessage A {\n  int32 a = 1\n}\n", MQ_DATA,
	            "order.proto:4:1: Expected \";\"");
	refuse_text("syntax = \"proto3\";\nmessage A {\n  Nope a = 1;\n}\n", MQ_DATA,
	            "order.proto:3:3: \"Nope\" is not defined");
	refuse_text("syntax = \"proto3\";\nimport \"nope.proto\";\n", MQ_DATA,
	            "order.proto:2:1: Import \"nope.proto\" was not found");
	refuse_text("import \"denied.proto\";\n", MQ_DENIED, "may not be read");
	refuse_text("import \"order.proto\";\n", MQ_DATA, "recursively imports itself");
	refuse_text("message A { int32 a = 1; int32 b = 1; }", MQ_DATA, "order.proto:1:");
	refuse_text("\001\002\003", MQ_DATA, "order.proto:1:1");
	char *deep = calloc(1, 2000001);
	for (size_t i = 0; i < 200000; i++)
		memcpy(deep + i * 10, "message A{", 10);
	refuse_text(deep, MQ_DATA, "nest deeper");
	free(deep);
}

static void test_messages(void **state)
{
	struct mq_schema *schema = open_text(order);
	struct mq_err err = MQ_ERR_INIT;
	int32_t indexes[4], nested[] = {0, 0}, second[] = {1}, none[] = {0, 7};

	(void)state;
	assert_string_equal(mq_schema_type_name(schema), "shop.Order");
	assert_int_equal(mq_schema_use_message(schema, "Line", &err), 0);
	assert_string_equal(mq_schema_type_name(schema), "shop.Order.Line");
	/* The entries of the map are not counted. */
	assert_int_equal(mq_schema_indexes(schema, indexes, 4), 2);
	assert_memory_equal(indexes, nested, sizeof nested);
	assert_int_equal(mq_schema_use_indexes(schema, second, 1, &err), 0);
	assert_string_equal(mq_schema_type_name(schema), "shop.Note");
	assert_int_equal(mq_schema_use_indexes(schema, nested, 2, &err), 0);
	assert_string_equal(mq_schema_type_name(schema), "shop.Order.Line");
	assert_int_equal(mq_schema_use_message(schema, "common.Money", &err), 0);
	assert_int_equal(mq_schema_use_indexes(schema, none, 2, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_err_clear(&err);
	assert_int_equal(mq_schema_use_message(schema, "Nope", &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_string_equal(err.hint, "there are: shop.Order, shop.Order.Line, shop.Note");
	assert_string_equal(mq_schema_type_name(schema), "common.Money");
	mq_schema_free(schema);
}

/* A set of descriptors, as protoc --include_imports writes it: bytes, and base64. */
static void test_descriptor_set(void **state)
{
	static const char set[] = "\x0a\x28\x0a\x07"
	                          "a.proto\x12\x01p\"\x12\x0a\x01"
	                          "A\x12\x0d\x0a\x05"
	                          "count\x18\x01 \x01(\x05"
	                          "b\x06proto3";
	struct mq_buf text;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	mq_buf_init(&text, 1000);
	assert_int_equal(mq_base64_append(&text, mq_bytes_of(set, sizeof set - 1), &err), 0);
	for (int base64 = 0; base64 < 2; base64++) {
		struct mq_schema *schema = open_bytes(base64 ? mq_bytes_of(text.data, text.len)
		                                             : mq_bytes_of(set, sizeof set - 1),
		                                      &err);
		if (!schema)
			fail_msg("%s", err.message);
		assert_string_equal(mq_schema_type_name(schema), "p.A");
		BOTH(schema, "\x08\x05", "{\"count\":5}");
		mq_schema_free(schema);
	}
	/* An import, too, whatever it calls itself: so Python's client of the registry has it. */
	struct mq_schema *schema =
	    open_text("import \"clients/described.proto\"; message A { optional d.D d = 1; }");
	BOTH(schema, "\x0a\x02\x08\x05", "{\"d\":{\"a\":5}}");
	mq_schema_free(schema);
	mq_buf_release(&text);
}

/* The registry writes entries of maps as messages, which the language does not allow. */
static void test_map_entry(void **state)
{
	struct mq_schema *schema = open_text(
	    "syntax = \"proto3\"; message A { repeated MEntry m = 1; message MEntry { option "
	    "map_entry = true; string key = 1; int32 value = 2; } message B {} }");
	int32_t indexes[2] = {0, 1};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	BOTH(schema, "\x0a\x05\x0a\x01x\x10\x02", "{\"m\":{\"x\":2}}");
	assert_int_equal(mq_schema_use_indexes(schema, indexes, 2, &err), 0);
	assert_string_equal(mq_schema_type_name(schema), "A.B");
	mq_schema_free(schema);
}

static void test_normal_form(void **state)
{
	static const char *const same[] = {
	    "syntax = \"proto3\"; message A { string b = 2; int32 a = 1; reserved 9, 5; } "
	    "message B {} enum E { Z = 0; X = 2; Y = 1; }",
	    "syntax='proto3';// a comment\nmessage A{int32 a=1;\nstring b=2;reserved 5;reserved "
	    "9;}\nenum E{Z=0;Y=1;X=2;}message B{}"};
	struct mq_buf forms[2];
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mq_schema *schema = open_text(same[i]);
		mq_buf_init(&forms[i], 10000);
		assert_int_equal(mq_schema_canonical(schema, &forms[i], &err), 0);
		assert_int_equal(mq_buf_append(&forms[i], "", 1, &err), 0);
		mq_schema_free(schema);
	}
	assert_string_equal(forms[0].data, forms[1].data);
	assert_non_null(strstr(forms[0].data, "  int32 a = 1;\n  string b = 2;\n"));
	/* It is its own. */
	struct mq_schema *schema = open_text(forms[0].data);
	mq_buf_clear(&forms[1]);
	assert_int_equal(mq_schema_canonical(schema, &forms[1], &err), 0);
	assert_int_equal(mq_buf_append(&forms[1], "", 1, &err), 0);
	assert_string_equal(forms[0].data, forms[1].data);
	mq_schema_free(schema);
	mq_buf_release(&forms[0]);
	mq_buf_release(&forms[1]);
}

/* --- payloads --------------------------------------------------------------------------------- */

static void test_both_ways(void **state)
{
	struct mq_schema *schema = open_text(order);
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	BOTH(schema, "", "{}");
	BOTH(schema, "\x08\x96\x01\x12\x02\xc3\xa9", "{\"orderId\":\"150\",\"customer\":\"é\"}");
	BOTH(schema, "\x1a\x0c\x0a\x01s\x11\0\0\0\0\0\0\xf8?\x1a\0",
	     "{\"lines\":[{\"sku\":\"s\",\"price\":1.5},{}]}");
	BOTH(schema, "\"\x05\x0a\x01k\x10\x07", "{\"labels\":{\"k\":7}}");
	BOTH(schema, "8\0", "{\"cash\":false}");
	BOTH(schema, "*\x11\x08\x05\x10\x02\x1b\x08\x03\x1c\x1b\x1c\xa2\x06\x04\x01\x02\x96\x01",
	     "{\"total\":{\"cents\":\"5\",\"unit\":\"USD\",\"tax\":[{\"rate\":3},{}],"
	     "\"[common.parts]\":[1,2,150]}}");
	/* Any order; the last of several; parts of one message apart; not set is not there. */
	expect_json(schema,
	            "\x12\x01"
	            "b\x08\x01\x12\x01"
	            "a\x08\0",
	            10, "{\"customer\":\"a\"}");
	expect_json(schema, "*\x02\x08\x05*\x02\x10\x01", 8,
	            "{\"total\":{\"cents\":\"5\",\"unit\":\"EUR\"}}");
	expect_json(schema,
	            "8\x01"
	            "2\x01x8\x01",
	            7, "{\"cash\":true}");
	expect_json(schema,
	            "\"\x05\x0a\x01k\x10\x07\"\x05\x0a\x01"
	            "a\x10\x01\"\x03\x0a\x01k",
	            19, "{\"labels\":{\"a\":1,\"k\":0}}");
	/* Unknown fields are passed over. */
	expect_json(schema,
	            "\x98\x06\x05\x9b\x06\x08\x01\x9c\x06\xa2\x06\x01x\xa9\x06"
	            "12345678\xb5"
	            "\x06"
	            "1234",
	            29, "{}");
	/* Names as in the schema, numbers in strings, null for nothing. */
	expect_bytes(schema, "{\"order_id\":15e1,\"customer\":null,\"lines\":null}", "\x08\x96\x01",
	             3);
	assert_int_equal(mq_schema_use_message(schema, "Note", &err), 0);
	BOTH(schema, "\x0a\x02\xfb\xff", "{\"body\":\"+/8=\"}");
	expect_bytes(schema, "{\"body\":\"-_8\"}", "\x0a\x02\xfb\xff", 4);
	mq_schema_free(schema);
}

static void test_well_known(void **state)
{
	struct mq_schema *schema =
	    open_text("syntax = \"proto3\"; import \"google/protobuf/any.proto\"; import "
	              "\"google/protobuf/timestamp.proto\"; import "
	              "\"google/protobuf/struct.proto\"; message A "
	              "{ google.protobuf.Any any = 1; google.protobuf.Timestamp ts = 2; "
	              "google.protobuf.Value "
	              "value = 3; }");

	(void)state;
	BOTH(schema, "\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	     "{\"ts\":\"1969-12-31T23:59:59Z\"}");
	BOTH(schema, "\x1a\x02\x08\0", "{\"value\":null}");
	BOTH(schema, "\x0a\x0b\x0a\x03t/A\x12\x04\x1a\x02\x08\0",
	     "{\"any\":{\"@type\":\"t/A\",\"value\":null}}");
	/* Of a type that nobody knows the bytes are kept. */
	BOTH(schema, "\x0a\x09\x0a\x03t/X\x12\x02\x01\x02",
	     "{\"any\":{\"@type\":\"t/X\",\"value\":\"AQI=\"}}");
	mq_schema_free(schema);
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static int collect(void *ctx, const struct mq_violation *violation)
{
	struct mq_buf *buf = ctx;

	return mq_buf_printf(buf, NULL, "%s at '%s': %s\n", violation->keyword, violation->pointer,
	                     violation->error);
}

static void expect_wrong(struct mq_schema *schema, bool data, const char *payload, size_t len,
                         const char *told)
{
	struct mq_buf buf, out;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_bytes bytes = mq_bytes_of(payload, len);

	mq_buf_init(&buf, 10000);
	mq_buf_init(&out, 10000);
	assert_int_equal((data ? mq_schema_check_data : mq_schema_check_json)(schema, bytes,
	                                                                      collect, &buf, &err),
	                 0);
	assert_int_equal(mq_buf_append(&buf, "", 1, &err), 0);
	assert_string_equal(buf.data, told);
	/* What is only not to be seen in JSON can be decoded all the same. */
	bool harmless = strncmp(told, "unknown", 7) == 0 || strncmp(told, "enum", 4) == 0;
	if (data && !harmless)
		assert_int_equal(mq_schema_decode(schema, NULL, bytes, 0, &out, &err), -1);
	if (data && !harmless)
		assert_int_equal(err.code, MQ_DATA);
	assert_int_equal(out.len, 0);
	mq_buf_release(&buf);
	mq_buf_release(&out);
}

#define WRONG(schema, bytes, told) expect_wrong(schema, true, bytes, sizeof(bytes) - 1, told)
#define WRONG_JSON(schema, text, told) expect_wrong(schema, false, text, sizeof(text) - 1, told)

static void test_broken_bytes(void **state)
{
	struct mq_schema *schema = open_text(order);

	(void)state;
	WRONG(schema, "\x08", "data at '': a number that is cut or too long, at byte 1\n");
	WRONG(schema, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	      "data at '': a number that is cut or too long, at byte 1\n");
	WRONG(schema,
	      "\x12\x05"
	      "ab",
	      "data at '': a length beyond the end, at byte 1\n");
	WRONG(schema, "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	      "data at '': a length beyond the end, at byte 1\n");
	WRONG(schema, "\x08\x01\x0e", "data at '': a wire type that there is not, at byte 3\n");
	WRONG(schema, "\0\x01", "data at '': a field number that cannot be, at byte 1\n");
	WRONG(schema, "\x4b\x08\x01", "data at '': a group that does not end, at byte 1\n");
	WRONG(schema, "\x4c", "data at '': the end of a group that was not begun, at byte 1\n");
	WRONG(schema, "\x1a\0\x1a\x02\x0d\x01",
	      "data at 'lines[1]': a number that is cut, at byte 5\n");
	WRONG(schema, "\x0a\x01x",
	      "data at 'order_id': bytes with a length where the schema has int64, at byte 1\n");
	WRONG(schema,
	      "\x1a\x05\x0a\x03"
	      "a\xff"
	      "b",
	      "utf-8 at 'lines[0].sku': a string that is no UTF-8, at byte 3\n");
	WRONG(schema, "*\x02\x10\x01",
	      "required at 'total': the required field cents of common.Money is missing\n");
	/* These are told, and decoded. */
	WRONG(schema, "\x98\x06\x05", "unknown at '': shop.Order has no field 99, at byte 1\n");
	WRONG(schema, "*\x04\x08\x01\x10\x09",
	      "enum at 'total.unit': common.Unit has no value 9, at byte 5\n");
	mq_schema_free(schema);
}

/* Deep nesting, and what looks like it. */
static void test_deep(void **state)
{
	struct mq_schema *schema =
	    open_text("syntax = \"proto3\"; message A { A a = 1; string s = 2; }");
	struct mq_buf payload, out;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	mq_buf_init(&payload, 1 << 20);
	mq_buf_init(&out, 1 << 20);
	for (size_t depth = 98; depth <= 101; depth++) {
		mq_buf_clear(&payload);
		mq_buf_clear(&out);
		for (size_t i = depth; i-- > 0;) {
			size_t len = 0;
			for (size_t k = 0; k < i; k++)
				len += len > 127 ? 3 : 2;
			/* Each holds the next ones: a length of one or two bytes. */
			assert_int_equal(mq_buf_append(&payload, "\x0a", 1, &err), 0);
			if (len > 127)
				mq_buf_append_char(&payload, (char)(len | 0x80), &err);
			mq_buf_append_char(&payload, (char)(len > 127 ? len >> 7 : len), &err);
		}
		int result = mq_schema_decode(schema, NULL, mq_bytes_of(payload.data, payload.len),
		                              0, &out, &err);
		assert_int_equal(result, depth <= 100 ? 0 : -1);
	}
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "nest too deep"));
	/* Groups that nobody knows are not gone into. */
	mq_buf_clear(&payload);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(mq_buf_append(&payload, "\x1b", 1, &err), 0);
	mq_err_clear(&err);
	assert_int_equal(
	    mq_schema_decode(schema, NULL, mq_bytes_of(payload.data, payload.len), 0, &out, &err),
	    -1);
	assert_non_null(strstr(err.message, "groups that nest too deep"));
	mq_buf_release(&payload);
	mq_buf_release(&out);
	mq_schema_free(schema);
}

static void test_broken_json(void **state)
{
	struct mq_schema *schema = open_text(order);

	(void)state;
	WRONG_JSON(schema, "[]", "type at '': [] is no object of shop.Order\n");
	WRONG_JSON(schema, "{\"nope\":1}",
	           "unknown at '/nope': /nope: shop.Order has no field of that name\n");
	WRONG_JSON(schema, "{\"orderId\":1.5}", "range at '/orderId': /orderId: 1.5 is no int64\n");
	WRONG_JSON(schema, "{\"orderId\":\"9223372036854775808\"}",
	           "range at '/orderId': /orderId: \"9223372036854775808\" is no int64\n");
	WRONG_JSON(schema, "{\"orderId\":\" 1\"}",
	           "type at '/orderId': /orderId: \" 1\" is no int64\n");
	WRONG_JSON(
	    schema, "{\"orderId\":1,\"order_id\":1}",
	    "duplicate at '/order_id': /order_id: the field order_id is there by two names\n");
	WRONG_JSON(schema, "{\"card\":\"\",\"cash\":true}",
	           "oneof at '/cash': /cash: of the oneof how another member is there too\n");
	WRONG_JSON(schema, "{\"lines\":[{},null]}",
	           "type at '/lines/1': /lines/1: null in a list\n");
	WRONG_JSON(schema, "{\"labels\":{\"a\":true}}",
	           "type at '/labels/a': /labels/a: true is no int32\n");
	WRONG_JSON(schema, "{\"total\":{}}",
	           "required at '/total': /total: the required field cents of common.Money is "
	           "missing\n");
	WRONG_JSON(schema, "{\"total\":{\"cents\":1,\"unit\":\"GBP\"}}",
	           "enum at '/total/unit': /total/unit: \"GBP\" is no value of the enum "
	           "common.Unit\n");
	struct mq_err err = MQ_ERR_INIT;
	assert_int_equal(mq_schema_use_message(schema, "Note", &err), 0);
	WRONG_JSON(schema, "{\"body\":\"a$\"}", "base64 at '/body': /body: \"a$\" is no base64\n");
	assert_int_equal(mq_schema_check_json(schema, mq_bytes_str("{"), NULL, NULL, &err), 0);
	mq_schema_free(schema);
}

/* --- one schema and the next ------------------------------------------------------------------ */

static void collect_conflict(void *ctx, const struct mq_conflict *conflict)
{
	struct mq_buf *buf = ctx;

	mq_buf_printf(buf, NULL, "%s%s %s", buf->len ? ", " : "", conflict->rule, conflict->path);
}

struct change {
	const char *was, *is, *told;
};

#define P3 "syntax = \"proto3\"; "
#define COMMON P3 "import \"common.proto\"; "

static const struct change changes[] = {
    {P3 "message A { int32 a = 1; }", P3 "message A { int32 b = 1; string c = 2; }", ""},
    {P3 "message A { int32 a = 1; }", P3 "message A {}", ""},
    {P3 "message A {}", P3 "message B {} message A {}", ""},
    {P3 "message A {} message B { message C {} }", P3 "message B {}",
     "MESSAGE_REMOVED #/A, MESSAGE_REMOVED #/B/C"},
    {P3 "package a; message A {}", P3 "package b; message A {}", "PACKAGE_CHANGED #/"},
    {P3 "message A { int32 a = 1; E e = 2; bytes c = 3; } enum E { Z = 0; }",
     P3 "message A { bool a = 1; uint64 e = 2; string c = 3; }", ""},
    {P3 "message A { int32 a = 1; fixed32 b = 2; float c = 3; }",
     P3 "message A { sint32 a = 1; fixed64 b = 2; double c = 3; }",
     "FIELD_SCALAR_KIND_CHANGED #/A/1, FIELD_SCALAR_KIND_CHANGED #/A/2, "
     "FIELD_SCALAR_KIND_CHANGED #/A/3"},
    {P3 "message A { int32 a = 1; }", P3 "message A { B a = 1; } message B {}",
     "FIELD_KIND_CHANGED #/A/1"},
    {P3 "message A { map<string, int32> a = 1; }", P3 "message A { map<string, string> a = 1; }",
     "FIELD_SCALAR_KIND_CHANGED #/A/1"},
    {P3 "message A { B a = 1; } message B {} message C {}",
     P3 "message A { C a = 1; } message B {} message C {}", "FIELD_NAMED_TYPE_CHANGED #/A/1"},
    {P3 "message A { int32 a = 1; string b = 2; A c = 3; }",
     P3 "message A { repeated int32 a = 1; repeated string b = 2; repeated A c = 3; }",
     "FIELD_NUMERIC_LABEL_CHANGED #/A/1"},
    {"message A { optional int32 a = 1; }",
     "message A { required int32 a = 1; required string b = 2; }",
     "REQUIRED_FIELD_ADDED #/A/1, REQUIRED_FIELD_ADDED #/A/2"},
    {"message A { required int32 a = 1; }", "message A {}", "REQUIRED_FIELD_REMOVED #/A/1"},
    {P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }",
     P3 "message A { oneof o { int32 a = 1; } }", "ONEOF_FIELD_REMOVED #/A/o/2"},
    {P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }", P3 "message A {}", ""},
    {P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }",
     P3 "message A { int32 a = 1; int32 b = 2; }", ""},
    {P3 "message A { int32 a = 1; }", P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }", ""},
    {P3 "message A { int32 a = 1; int32 b = 2; }",
     P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }",
     "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/A/o"},
    {P3 "message A { int32 a = 1; oneof o { int32 b = 2; } }",
     P3 "message A { oneof o { int32 a = 1; int32 b = 2; } }",
     "FIELD_MOVED_TO_EXISTING_ONEOF #/A/o"},
    {P3 "message A { A a = 1; B b = 2; } message B { A a = 1; int32 c = 2; }",
     P3 "message A { A a = 1; B b = 2; } message B { A a = 1; string c = 2; }",
     "FIELD_SCALAR_KIND_CHANGED #/B/2"},
    {P3 "message A { Money a = 1; message Money { string cents = 1; } }",
     P3 "message A { Money a = 1; message Money { bytes cents = 1; } }", ""},
    {P3 "message A { Money m = 1; } message Money { string cents = 1; }",
     COMMON "message A { common.Money m = 1; } message Money { string cents = 1; }",
     "REQUIRED_FIELD_ADDED #/Money/1, FIELD_SCALAR_KIND_CHANGED #/Money/1, "
     "FIELD_NAMED_TYPE_CHANGED #/A/1"},
};

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct mq_schema *is = open_text(changes[i].is), *was = open_text(changes[i].was);
		struct mq_err err = MQ_ERR_INIT;
		struct mq_buf told;
		mq_buf_init(&told, 10000);
		assert_int_equal(mq_buf_reserve(&told, 1, &err), 0);
		int fits = mq_schema_can_read(is, was, collect_conflict, &told, &err);
		assert_int_equal(mq_buf_append(&told, "", 1, &err), 0);
		assert_string_equal(told.data, changes[i].told);
		assert_int_equal(fits, *changes[i].told == '\0');
		mq_buf_release(&told);
		mq_schema_free(is);
		mq_schema_free(was);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_definitions),
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_descriptor_set),
	    cmocka_unit_test(test_map_entry),
	    cmocka_unit_test(test_normal_form),
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_well_known),
	    cmocka_unit_test(test_broken_bytes),
	    cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_broken_json),
	    cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
