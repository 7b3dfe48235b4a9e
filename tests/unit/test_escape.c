/* Escapes of delimiters and templates, C's reading and kcat's. */
#include "mqtk/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What the text becomes must be exactly these bytes. */
static void expect(const char *text, bool decimal, const char *bytes, size_t len)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 1000);
	if (mq_unescape(text, decimal, &buf, &err) < 0)
		fail_msg("'%s': %s", text, err.message);
	assert_int_equal(buf.len, len);
	if (len > 0)
		assert_memory_equal(buf.data, bytes, len);
	mq_buf_release(&buf);
}

#define EXPECT(text, bytes) expect(text, false, bytes, sizeof(bytes) - 1)
#define EXPECT_KCAT(text, bytes) expect(text, true, bytes, sizeof(bytes) - 1)

static void refuse(const char *text, const char *words)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_unescape(text, false, &buf, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	if (!strstr(err.message, words))
		fail_msg("'%s' is not in '%s'", words, err.message);
	mq_buf_release(&buf);
}

static void test_c(void **state)
{
	(void)state;
	EXPECT("", "");
	EXPECT("plain;", "plain;");
	EXPECT("\\n\\r\\t\\a\\b\\f\\v\\e\\\\", "\n\r\t\a\b\f\v\033\\");
	EXPECT("a\\0b", "a\0b");
	EXPECT("\\x00\\xff\\x7E", "\0\xff\x7e");
	EXPECT("\\x414", "A4");
	EXPECT("\\1018\\12\\7z", "A8\n\7z");
	EXPECT("\\u00e9\\u20AC\\u0041\\u0000", "\xc3\xa9\xe2\x82\xac"
	                                       "A\0");
}

static void test_c_refuses(void **state)
{
	(void)state;
	refuse("\\x4", "position 1: \\x needs");
	refuse("ab\\xg0", "position 3: \\x needs");
	refuse("\\u12", "\\u needs");
	refuse("\\ud800", "\\u needs");
	refuse("\\400", "more than a byte");
	refuse("ab\\q", "position 3: unknown escape '\\q'");
	refuse("\\8", "unknown escape");
	refuse("ab\\", "position 3: a backslash at the end");
}

static void test_kcat(void **state)
{
	(void)state;
	EXPECT_KCAT("\\n\\r\\t", "\n\r\t");
	EXPECT_KCAT("\\10", "\n");
	EXPECT_KCAT("\\010", "\b"); /* strtoul: a leading zero is octal */
	EXPECT_KCAT("\\65B\\0", "AB\0");
	EXPECT_KCAT("\\x41\\x0a\\xC3", "A\n\xc3");
	EXPECT_KCAT("\\q\\\\", "q\\");
	EXPECT_KCAT("a\\", "a\\");
}

static void test_limit(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;
	char text[400];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	mq_buf_init(&buf, 300);
	assert_int_equal(mq_unescape(text, false, &buf, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_c),
	    cmocka_unit_test(test_c_refuses),
	    cmocka_unit_test(test_kcat),
	    cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
