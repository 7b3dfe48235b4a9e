/* The codec over a registry of the test's own, which counts what it is asked. */
#include "mqtk/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- the registry: id 7 is Avro, 8 JSON, 10 of a kind that this build has no library for; GUID 00
 * 01 02 … is id 7; 50 and more do not answer ------
 */

static int asked;
static struct mq_schema *avro_schema, *json_schema;
static const char avro_text[] =
    "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"who\",\"type\":\"string\"}]}";
static const char json_text[] = "{\"type\":\"object\",\"required\":[\"id\"]}";
static const unsigned char guid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static const struct mq_registered known[] = {
    {.id = 7, .kind = MQ_SCHEMA_AVRO, .type = "AVRO"},
    {.id = 8, .kind = MQ_SCHEMA_JSON, .type = "JSON"},
    {.id = 9, .kind = MQ_SCHEMA_UNKNOWN, .type = "THRIFT"},
    {.id = 10, .kind = MQ_SCHEMA_PROTOBUF, .type = "PROTOBUF"},
};

int mq_registry_by_id(struct mq_registry *registry, int32_t id, const struct mq_registered **ret,
                      struct mq_err *err)
{
	(void)registry;
	asked++;
	if (id >= 50)
		return mq_fail(err, MQ_UNREACHABLE, "http://registry: no answer");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].id == id) {
			*ret = &known[i];
			return 0;
		}
	return mq_fail(err, MQ_NOT_FOUND, "http://registry has no such schema");
}

int mq_registry_by_guid(struct mq_registry *registry, const unsigned char wanted[16],
                        const struct mq_registered **ret, struct mq_err *err)
{
	(void)registry;
	asked++;
	if (memcmp(wanted, guid, sizeof guid) != 0)
		return mq_fail(err, MQ_NOT_FOUND, "http://registry has no such schema");
	*ret = &known[0];
	return 0;
}

int mq_registry_schema(struct mq_registry *registry, const struct mq_registered *registered,
                       const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	(void)registry, (void)spec;
	if (registered->id == 10)
		return mq_fail(err, MQ_USAGE, "this mqtk was built without libprotobuf");
	*ret = registered->id == 7 ? avro_schema : json_schema;
	return 0;
}

static int setup(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema_spec avro = {.kind = MQ_SCHEMA_AVRO, .text = mq_bytes_str(avro_text)};
	struct mq_schema_spec json = {.kind = MQ_SCHEMA_JSON, .text = mq_bytes_str(json_text)};

	(void)state;
	assert_int_equal(mq_schema_new(&avro, &avro_schema, &err), 0);
	assert_int_equal(mq_schema_new(&json, &json_schema, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mq_schema_free(avro_schema);
	mq_schema_free(json_schema);
	return 0;
}

static struct mq_registry *registry(void)
{
	static char something;

	asked = 0;
	return (struct mq_registry *)(void *)&something;
}

/* --- helpers ------------------------------------------------------------------------------------
 */

#define BYTES(text) mq_bytes_of("" text, sizeof(text) - 1)
#define ORDER "\x0e\x06"
#define PAYLOAD BYTES(ORDER "bob")
#define FRAMED BYTES("\0\0\0\0\x07" ORDER "bob")
#define AS_JSON "{\"id\":7,\"who\":\"bob\"}"

static struct mq_codec *codec_of(struct mq_codec_spec spec, bool writing)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_codec *codec = NULL;

	assert_int_equal(mq_codec_new(&spec, writing, &codec, &err), 0);
	return codec;
}

static struct mq_codec_spec automatic(struct mq_registry *of)
{
	return (struct mq_codec_spec){.kind = MQ_SCHEMA_UNKNOWN, .id = -1, .registry = of};
}

/* Decodes and expects this text; NULL: it is left as it is. */
static void expect_text(struct mq_codec *codec, const struct mq_message *message, const char *text)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 100000);
	int got = mq_codec_decode(codec, message, &buf, &err);
	if (got < 0)
		fail_msg("%s", err.message);
	assert_int_equal(got, text != NULL);
	if (text) {
		assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
		assert_string_equal(buf.data, text);
	} else {
		assert_int_equal(buf.len, 0);
	}
	mq_buf_release(&buf);
}

static void expect_payload(struct mq_codec *codec, struct mq_bytes payload, const char *text)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	message.payload = payload;
	expect_text(codec, &message, text);
}

static void expect_refused(struct mq_codec *codec, const struct mq_message *message,
                           enum mq_code code, const char *words)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 100000);
	assert_int_equal(mq_codec_decode(codec, message, &buf, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("'%s' is not in: %s", words, err.message);
	assert_int_equal(buf.len, 0);
	mq_buf_release(&buf);
}

static void expect_bad(struct mq_codec *codec, struct mq_bytes payload, const char *words)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	message.payload = payload;
	expect_refused(codec, &message, MQ_DATA, words);
}

static void expect_bytes(struct mq_codec *codec, const char *text, struct mq_bytes bytes)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 100000);
	if (mq_codec_encode(codec, mq_bytes_str(text), &buf, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(buf.len, bytes.len);
	assert_memory_equal(buf.data, bytes.data, bytes.len);
	mq_buf_release(&buf);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void test_one_lookup(void **state)
{
	struct mq_codec *codec = codec_of(automatic(registry()), false);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		struct mq_buf buf;
		message.payload = FRAMED;
		mq_buf_init(&buf, 1000);
		assert_int_equal(mq_codec_decode(codec, &message, &buf, NULL), 1);
		mq_buf_release(&buf);
	}
	assert_int_equal(asked, 1);
	assert_int_equal(mq_codec_id(codec), 7);
	assert_ptr_equal(mq_codec_schema(codec), avro_schema);
	expect_payload(codec, BYTES("\0\0\0\0\x08{\"id\":\n1}"), "{\"id\": 1}");
	expect_payload(codec, FRAMED, AS_JSON);
	assert_int_equal(asked, 2);
	mq_codec_free(codec);
}

static void test_auto(void **state)
{
	struct mq_codec *codec = codec_of(automatic(registry()), false);

	(void)state;
	expect_payload(codec, MQ_ABSENT, NULL);
	expect_payload(codec, BYTES(""), NULL);
	expect_payload(codec, BYTES(" {\"a\": [1.0, 1e400]}"), " {\"a\": [1.0, 1e400]}");
	expect_payload(codec, BYTES("12"), "12");
	expect_payload(codec, BYTES("hello"), NULL);
	expect_payload(codec, BYTES("{\"a\":1} x"), NULL);
	expect_payload(codec, BYTES("\xff\xfe"), NULL);
	expect_payload(codec, BYTES("\0\0\0\0"), NULL);             /* too short for an id */
	expect_payload(codec, BYTES("\0\0\0\0\0\0\0\x05"), NULL);   /* a number, as a key may be */
	expect_payload(codec, BYTES("\0\xff\xff\xff\xff x"), NULL); /* ids are positive */
	expect_payload(codec,
	               BYTES("\xc3\x01"
	                     "12345678"),
	               NULL); /* nobody has that schema */
	assert_int_equal(asked, 0);
	assert_int_equal(mq_codec_id(codec), -1);
	mq_codec_free(codec);

	/* A JSON Schema judges the text, whatever wrote it. */
	struct mq_codec_spec judged = automatic(registry());
	judged.schema = json_schema;
	codec = codec_of(judged, false);
	expect_payload(codec, FRAMED, AS_JSON);
	expect_payload(codec, BYTES("\0\0\0\0\x08{\"id\":1}"), "{\"id\":1}");
	expect_payload(codec, BYTES("{\"id\":1}"), "{\"id\":1}");
	expect_bad(codec, BYTES("no"), "");
	mq_codec_free(codec);
	judged.registry = NULL;
	codec = codec_of(judged, false);
	expect_payload(codec, BYTES("\0\0\0\0\x08{\"id\":1}"), "{\"id\":1}");
	mq_codec_free(codec);

	/* Without a registry an id is known, and nothing else. */
	codec = codec_of(automatic(NULL), false);
	expect_payload(codec, FRAMED, NULL);
	assert_int_equal(mq_codec_id(codec), 7);
	mq_codec_free(codec);
}

static void test_guid_in_header(void **state)
{
	struct mq_header headers[] = {
	    {BYTES("__value_schema_id"),
	     BYTES("\1\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")},
	    {BYTES("__key_schema_id"), BYTES("\0\0\0\0\x08")},
	};
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_codec_spec spec = automatic(registry());
	struct mq_codec *value = codec_of(spec, false);

	(void)state;
	spec.part = MQ_CODEC_KEY;
	struct mq_codec *key = codec_of(spec, false);
	message.headers = headers;
	message.n_headers = 2;
	message.payload = PAYLOAD;
	message.key = BYTES("{\"id\":2}");
	assert_true(mq_codec_needs_headers(value));
	expect_text(value, &message, AS_JSON);
	expect_text(value, &message, AS_JSON);
	expect_text(key, &message, "{\"id\":2}");
	assert_int_equal(mq_codec_id(value), 7);
	assert_int_equal(mq_codec_id(key), 8);
	assert_int_equal(asked, 2);
	headers[0].value = BYTES("\1\0\1");
	expect_refused(value, &message, MQ_DATA, "__value_schema_id names no schema");
	headers[0].value = BYTES("\1\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x10");
	expect_refused(value, &message, MQ_DATA, "00010203-0405-0607-0809-0a0b0c0d0e10");
	mq_codec_free(value);
	mq_codec_free(key);
}

static void test_hostile(void **state)
{
	struct mq_codec_spec spec = automatic(registry());
	struct mq_codec *any = codec_of(spec, false);

	(void)state;
	spec.kind = MQ_SCHEMA_AVRO;
	struct mq_codec *avro = codec_of(spec, false);
	spec.framing = MQ_FRAMING_CONFLUENT;
	struct mq_codec *framed = codec_of(spec, false);
	expect_bad(any, BYTES("\0\0\0\0\x01x"), "schema id 1: ");
	expect_bad(any, BYTES("\0\0\0\0\x01y"), "schema id 1: ");
	assert_int_equal(asked, 1); /* what is not there is not asked for again */
	expect_bad(any, BYTES("\0\0\0\0\x09x"), "THRIFT");
	expect_bad(any, BYTES("\0\0\0\0\x0ax"), "schema id 10: this mqtk was built without");
	expect_bad(any, BYTES("\0\0\0\0\x08{"), "");
	expect_bad(any, BYTES("\0\0\0\0\x07" ORDER "bo"), "");
	expect_bad(any, BYTES("\0\0\0\0\x07"), "");
	expect_bad(any, BYTES("\0\0\0\0\x07" ORDER "bob!"), "");
	expect_bad(avro, BYTES("\0\0\0\0\x08{}"), "schema id 8 is json, and avro is asked for");
	expect_bad(avro, BYTES("{}"), "nothing in it names its schema");
	expect_bad(framed, BYTES("{}"), "begins with 0x7b 0x7d and ends there");
	expect_bad(framed, BYTES(""), "it is empty");
	mq_codec_free(any);
	mq_codec_free(avro);
	mq_codec_free(framed);
}

static void test_registry_away(void **state)
{
	struct mq_codec *codec = codec_of(automatic(registry()), false);
	struct mq_message message = MQ_MESSAGE_INIT;

	(void)state;
	message.payload = BYTES("\0\0\0\0\x63x");
	expect_refused(codec, &message, MQ_UNREACHABLE, "no answer");
	message.payload = BYTES("\0\0\0\0\x62x");
	expect_refused(codec, &message, MQ_UNREACHABLE, "no answer");
	assert_int_equal(asked, 1); /* it is left alone for a while */
	mq_codec_free(codec);
}

/* --- a schema that was given, and writing
 * --------------------------------------------------------- */

static void test_given(void **state)
{
	struct mq_codec_spec spec = automatic(NULL);

	(void)state;
	spec.schema = avro_schema;
	struct mq_codec *codec = codec_of(spec, false);
	expect_payload(codec, PAYLOAD, AS_JSON);
	/* It may begin with anything: this is the order 0 of nobody. */
	expect_payload(codec, BYTES("\0\0"), "{\"id\":0,\"who\":\"\"}");
	mq_codec_free(codec);
	spec.framing = MQ_FRAMING_CONFLUENT;
	codec = codec_of(spec, false);
	expect_payload(codec, FRAMED, AS_JSON);
	mq_codec_free(codec);
}

static void test_single_object(void **state)
{
	struct mq_codec_spec spec = automatic(NULL);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	spec.schema = avro_schema;
	struct mq_codec *reading = codec_of(spec, false);
	spec.framing = MQ_FRAMING_SINGLE_OBJECT;
	struct mq_codec *strict = codec_of(spec, false), *writing = codec_of(spec, true);
	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_codec_encode(writing, mq_bytes_str(AS_JSON), &buf, &err), 0);
	assert_memory_equal(buf.data, "\xc3\x01", 2);
	assert_memory_equal(buf.data + 10, PAYLOAD.data, PAYLOAD.len);
	expect_payload(reading, mq_bytes_of(buf.data, buf.len), AS_JSON);
	expect_payload(strict, mq_bytes_of(buf.data, buf.len), AS_JSON);
	buf.data[3] ^= 1;
	expect_bad(strict, mq_bytes_of(buf.data, buf.len), "fingerprint");
	expect_bad(strict, PAYLOAD, "0xc3 0x01");
	mq_buf_release(&buf);
	mq_codec_free(reading);
	mq_codec_free(strict);
	mq_codec_free(writing);
}

static void test_writing(void **state)
{
	struct mq_codec_spec spec = automatic(NULL);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_header header;
	struct mq_buf buf;

	(void)state;
	spec.schema = avro_schema;
	struct mq_codec *codec = codec_of(spec, true);
	expect_bytes(codec, AS_JSON, PAYLOAD);
	assert_false(mq_codec_header(codec, &header));
	mq_codec_free(codec);

	spec.id = 7;
	codec = codec_of(spec, true);
	expect_bytes(codec, AS_JSON, FRAMED);
	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_codec_encode(codec, mq_bytes_str("{\"id\":1}"), &buf, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_int_equal(buf.len, 0);
	mq_err_clear(&err);
	mq_codec_free(codec);

	spec.framing = MQ_FRAMING_GUID;
	spec.guid = guid;
	spec.part = MQ_CODEC_KEY;
	codec = codec_of(spec, true);
	expect_bytes(codec, AS_JSON, PAYLOAD);
	assert_true(mq_codec_header(codec, &header));
	assert_int_equal(header.value.len, 17);
	assert_memory_equal(header.name.data, "__key_schema_id", 15);
	assert_memory_equal(header.value.data, "\1\0\1\2", 4);
	mq_codec_free(codec);

	spec = automatic(NULL);
	spec.schema = json_schema;
	spec.id = 8;
	codec = codec_of(spec, true);
	expect_bytes(codec, "{\"id\":1}", BYTES("\0\0\0\0\x08{\"id\":1}"));
	assert_int_equal(mq_codec_encode(codec, mq_bytes_str("{}"), &buf, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_err_clear(&err);
	mq_codec_free(codec);

	/* What cannot be written at all. */
	spec.framing = MQ_FRAMING_SINGLE_OBJECT;
	assert_int_equal(mq_codec_new(&spec, true, &codec, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_err_clear(&err);
	spec = automatic(NULL);
	assert_int_equal(mq_codec_new(&spec, true, &codec, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_lookup),     cmocka_unit_test(test_auto),
	    cmocka_unit_test(test_guid_in_header), cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_registry_away),  cmocka_unit_test(test_given),
	    cmocka_unit_test(test_single_object),  cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
