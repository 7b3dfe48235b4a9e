/* Raw output, packs, JSON strings for reports, and that a failure leaves the buffer alone. */
#include "mqtk/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void run(const struct mq_format_spec *spec, struct mq_bytes key, struct mq_bytes payload,
                const char *expected, size_t len)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	message.key = key;
	message.payload = payload;
	assert_int_equal(mq_format_new(spec, &format, &err), 0);
	mq_buf_init(&buf, 10000);
	assert_int_equal(mq_format_append(format, &message, &buf, &err), 0);
	assert_int_equal(buf.len, len);
	if (len > 0)
		assert_memory_equal(buf.data, expected, len);
	mq_buf_release(&buf);
	mq_format_free(format);
}

#define B(text) mq_bytes_of(text, sizeof(text) - 1)
#define EXPECT(spec, key, payload, bytes) run(spec, key, payload, bytes, sizeof(bytes) - 1)

static void test_raw(void **state)
{
	struct mq_format_spec spec = {.kind = MQ_FORMAT_RAW, .delimiter = B("\n")};

	(void)state;
	EXPECT(&spec, B("k"), B("a\0b"), "a\0b\n");
	EXPECT(&spec, MQ_ABSENT, MQ_ABSENT, "\n");
	spec.delimiter = B("");
	EXPECT(&spec, MQ_ABSENT, B(""), "");
	EXPECT(&spec, MQ_ABSENT, B("x"), "x");
	spec.delimiter = B("\0;");
	spec.key_delimiter = B("->");
	EXPECT(&spec, B("k"), B("v"), "k->v\0;");
	EXPECT(&spec, MQ_ABSENT, B("v"), "->v\0;");
}

static void test_null_text(void **state)
{
	struct mq_format_spec spec = {.kind = MQ_FORMAT_RAW,
	                              .delimiter = B("\n"),
	                              .key_delimiter = B(":"),
	                              .null_text = true};

	(void)state;
	EXPECT(&spec, B("k"), MQ_ABSENT, "k:NULL\n");
	EXPECT(&spec, MQ_ABSENT, B(""), "NULL:\n");
	spec.kcat = true;
	EXPECT(&spec, B(""), B(""), "NULL:NULL\n");
}

static void test_packs(void **state)
{
	struct mq_format_spec spec = {.kind = MQ_FORMAT_RAW, .key_delimiter = B("|")};

	(void)state;
	spec.pack_payload = "<i";
	EXPECT(&spec, MQ_ABSENT, B("\1\0\0\0rest"), "|1");
	spec.pack_payload = "i";
	EXPECT(&spec, MQ_ABSENT, B("\xff\xff\xff\xfe"), "|-2");
	spec.pack_payload = "> b B h H i I q Q";
	EXPECT(&spec, MQ_ABSENT,
	       B("\xff\xff\xff\xfe\xff\xfe\xff\xff\xff\xfd\xff\xff\xff\xfd"
	         "\xff\xff\xff\xff\xff\xff\xff\xfc\xff\xff\xff\xff\xff\xff\xff\xff"),
	       "| -1 255 -2 65534 -3 4294967293 -4 18446744073709551615");
	spec.pack_payload = "<h>hcs$";
	EXPECT(&spec, MQ_ABSENT, B("\1\0\0\2x tail"), "|12x tail");
	spec.pack_key = "H";
	EXPECT(&spec, B("\1\0"), MQ_ABSENT, "256|");
}

static void test_pack_errors(void **state)
{
	struct mq_format_spec spec = {.kind = MQ_FORMAT_RAW, .pack_payload = "ix"};
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	assert_int_equal(mq_format_new(&spec, &format, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.message, "position 2: unknown letter 'x'"));
	mq_err_clear(&err);
	spec.pack_payload = "";
	assert_int_equal(mq_format_new(&spec, &format, &err), -1);
	mq_err_clear(&err);

	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_buf_append_str(&buf, "before", NULL), 0);
	message.payload = B("abc");
	static const char *const short_packs[] = {"hh", "q", "b$", "bbbc"};
	for (size_t i = 0; i < sizeof short_packs / sizeof short_packs[0]; i++) {
		spec.pack_payload = short_packs[i];
		assert_int_equal(mq_format_new(&spec, &format, &err), 0);
		assert_int_equal(mq_format_append(format, &message, &buf, &err), -1);
		assert_int_equal(err.code, MQ_DATA);
		assert_int_equal(buf.len, 6);
		mq_err_clear(&err);
		mq_format_free(format);
	}
	mq_buf_release(&buf);
}

static void test_limit(void **state)
{
	static const enum mq_format_kind kinds[] = {MQ_FORMAT_RAW, MQ_FORMAT_JSON,
	                                            MQ_FORMAT_KCAT_JSON, MQ_FORMAT_TEMPLATE};
	struct mq_message message = MQ_MESSAGE_INIT;
	char payload[400];

	(void)state;
	memset(payload, '\1', sizeof payload);
	message.payload = mq_bytes_of(payload, sizeof payload);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct mq_format_spec spec = {.kind = kinds[i], .template_text = "%p %s"};
		struct mq_format *format = NULL;
		struct mq_err err = MQ_ERR_INIT;
		struct mq_buf buf;
		mq_buf_init(&buf, i == 1 || i == 2 ? 1000 : 300);
		assert_int_equal(mq_buf_append_str(&buf, "before", NULL), 0);
		assert_int_equal(mq_format_new(&spec, &format, &err), 0);
		assert_int_equal(mq_format_append(format, &message, &buf, &err), -1);
		assert_int_equal(err.code, MQ_DATA);
		assert_int_equal(buf.len, 6);
		mq_buf_release(&buf);
		mq_format_free(format);
	}
}

static void test_json_text(void **state)
{
	static const char *const cases[][2] = {
	    {NULL, "null"},
	    {"", "\"\""},
	    {"a\"b\\c\n", "\"a\\\"b\\\\c\\n\""},
	    {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
	    {"a\xff\xc3(b\xe2\x82", "\"a\xef\xbf\xbd\xef\xbf\xbd(b\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 1000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mq_buf_clear(&buf);
		assert_int_equal(mq_json_append_text(&buf, cases[i][0], NULL), 0);
		assert_int_equal(mq_buf_append_char(&buf, '\0', NULL), 0);
		assert_string_equal(buf.data, cases[i][1]);
	}
	mq_buf_release(&buf);
}

/* Every byte at every place of a string: the sixteen-at-a-time path agrees with the plain one. */
static void test_json_every_byte(void **state)
{
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 1000);
	for (size_t len = 1; len < 40; len++) {
		for (size_t at = 0; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				char text[40];
				char escape[7] = {0};
				size_t width = 1;
				memset(text, 'x', len);
				text[at] = (char)c;
				mq_buf_clear(&buf);
				assert_int_equal(
				    mq_json_append_bytes(&buf, mq_bytes_of(text, len), NULL), 0);
				if (c >= 0x80) {
					assert_memory_equal(buf.data, "{\"base64\":", 10);
					continue;
				}
				if (c == '"' || c == '\\' || strchr("\b\f\n\r\t", c))
					width = c == 0 ? 6 : 2;
				else if (c < 0x20)
					width = 6;
				assert_int_equal(buf.len, len + 1 + width);
				assert_true(buf.data[0] == '"' && buf.data[buf.len - 1] == '"');
				memcpy(escape, buf.data + 1 + at, width);
				assert_true(width == 1 ? escape[0] == c : escape[0] == '\\');
				for (size_t i = 0; i < at; i++)
					assert_true(buf.data[1 + i] == 'x');
				for (size_t i = at + 1; i < len; i++)
					assert_true(buf.data[i + width] == 'x');
			}
		}
	}
	mq_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_raw),
	    cmocka_unit_test(test_null_text),
	    cmocka_unit_test(test_packs),
	    cmocka_unit_test(test_pack_errors),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_json_text),
	    cmocka_unit_test(test_json_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
