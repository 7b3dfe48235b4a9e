/*
 * Bytes and JSON texts through a Protobuf schema that has a bit of everything: what is decoded can
 * be encoded, and is the same again.
 */
#include "mqtk/schema.h"
#include "tests/fuzz/fuzz.h"

static const char text[] =
    "syntax = \"proto2\";\n"
    "import \"google/protobuf/any.proto\";\n"
    "import \"google/protobuf/duration.proto\";\n"
    "import \"google/protobuf/field_mask.proto\";\n"
    "import \"google/protobuf/struct.proto\";\n"
    "import \"google/protobuf/timestamp.proto\";\n"
    "import \"google/protobuf/wrappers.proto\";\n"
    "message A {\n"
    "  optional int32 a = 1; optional sint64 b = 2; optional double c = 3; optional float d = 4;\n"
    "  optional fixed32 e = 5; optional bool f = 6; optional string g = 7; optional bytes h = 8;\n"
    "  optional A i = 9; repeated A j = 10; repeated int32 k = 11 [packed = true];\n"
    "  repeated fixed64 l = 12; map<int32, A> m = 13; map<string, string> n = 14;\n"
    "  map<bool, double> o = 15; oneof choice { A p = 16; string q = 17; }\n"
    "  optional google.protobuf.Any r = 18; optional google.protobuf.Timestamp s = 19;\n"
    "  optional google.protobuf.Duration t = 20; optional google.protobuf.FieldMask u = 21;\n"
    "  optional google.protobuf.Value v = 22; optional google.protobuf.Struct w = 23;\n"
    "  optional google.protobuf.Int64Value x = 24; repeated group Y = 25 { required E z = 1; }\n"
    "  extensions 100 to 200;\n"
    "}\n"
    "enum E { ONE = 1; TWO = 2; MINUS = -1; }\n"
    "extend A { optional A more = 100; repeated E es = 101; }\n";

static struct mq_schema *schema(void)
{
	static struct mq_schema *compiled;
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_PROTOBUF, .name = "a.proto", .text = mq_bytes_str(text)};
	struct mq_err err = MQ_ERR_INIT;

	if (!compiled)
		must(mq_schema_new(&spec, &compiled, &err) == 0);
	return compiled;
}

/* What is the JSON of something is that of its own encoding too. */
static void there_and_back(struct mq_bytes json)
{
	struct mq_buf bytes, again;
	struct mq_err err = MQ_ERR_INIT;

	mq_buf_init(&bytes, SIZE_MAX);
	mq_buf_init(&again, SIZE_MAX);
	must(mq_schema_check_json(schema(), json, NULL, NULL, &err) == 1);
	must(mq_schema_encode(schema(), json, &bytes, &err) == 0);
	must(mq_schema_decode(schema(), NULL, mq_bytes_of(bytes.data ? bytes.data : "", bytes.len),
	                      0, &again, &err) == 0);
	must(mq_bytes_equal(json, mq_bytes_of(again.data, again.len)));
	mq_buf_release(&bytes);
	mq_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_bytes input = mq_bytes_of(data ? (const char *)data : "", size);
	struct mq_buf out;
	struct mq_err err = MQ_ERR_INIT;

	mq_buf_init(&out, SIZE_MAX);
	int checked = mq_schema_check_data(schema(), input, NULL, NULL, &err);
	must(checked >= 0);
	if (mq_schema_decode(schema(), NULL, input, 0, &out, &err) == 0)
		there_and_back(mq_bytes_of(out.data, out.len));
	else
		must(checked == 0 && err.code == MQ_DATA);
	/* The same as JSON. */
	mq_err_clear(&err);
	mq_buf_clear(&out);
	checked = mq_schema_check_json(schema(), input, NULL, NULL, &err);
	must(checked >= 0);
	must((mq_schema_encode(schema(), input, &out, &err) == 0) == checked);
	if (checked) {
		struct mq_buf json;
		mq_buf_init(&json, SIZE_MAX);
		must(mq_schema_decode(schema(), NULL,
		                      mq_bytes_of(out.data ? out.data : "", out.len), 0, &json,
		                      &err) == 0);
		there_and_back(mq_bytes_of(json.data, json.len));
		mq_buf_release(&json);
	}
	mq_buf_release(&out);
	return 0;
}
