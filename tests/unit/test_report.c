/* Reports: JSON piece by piece, tables aligned by what a terminal shows. */
#include "mqtk/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(struct mq_buf *buf, const char *text)
{
	assert_int_equal(mq_buf_append_char(buf, '\0', NULL), 0);
	assert_string_equal(buf->data, text);
	mq_buf_release(buf);
}

static void test_json(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_json json;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	for (int line = 0; line < 2; line++) {
		mq_json_init(&json, &buf, &err);
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "a\"b", "c\n");
		mq_json_text(&json, "none", NULL);
		mq_json_open(&json, "list", '[');
		mq_json_int(&json, NULL, -1);
		mq_json_open(&json, NULL, '{');
		mq_json_close(&json, '}');
		mq_json_open(&json, NULL, '[');
		mq_json_close(&json, ']');
		mq_json_known(&json, NULL, -1, -1);
		mq_json_known(&json, NULL, INT64_MIN, -1);
		mq_json_close(&json, ']');
		mq_json_bool(&json, "yes", true);
		mq_json_close(&json, '}');
		assert_int_equal(mq_json_end(&json), 0);
	}
	expect(&buf, "{\"a\\\"b\":\"c\\n\",\"none\":null,\"list\":[-1,{},[],null,"
	             "-9223372036854775808],\"yes\":true}\n"
	             "{\"a\\\"b\":\"c\\n\",\"none\":null,\"list\":[-1,{},[],null,"
	             "-9223372036854775808],\"yes\":true}\n");
}

static void test_json_failure(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_json json;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_json_init(&json, &buf, &err);
	for (int i = 0; i < 40; i++)
		mq_json_open(&json, NULL, '[');
	for (int i = 0; i < 40; i++)
		mq_json_close(&json, ']');
	assert_int_equal(mq_json_end(&json), -1);
	assert_int_equal(err.code, MQ_INTERNAL);
	mq_buf_release(&buf);
}

static void test_table(void **state)
{
	static const char *const headings[] = {"NAME", ">COUNT", "WHERE", NULL};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_table table;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_table_init(&table, headings, &err);
	mq_table_text(&table, "gr\xc3\xbc\xc3\x9f"
	                      "e"); /* 5 columns, 7 bytes */
	mq_table_known(&table, 12345678, -1);
	mq_table_printf(&table, "p%d", 3);
	mq_table_text(&table, "\xe6\xb3\xa8\xe6\x96\x87"); /* wide: 4 columns */
	mq_table_known(&table, -1, -1);
	mq_table_text(&table, NULL);
	mq_table_text(&table, "e\xcc\x81"); /* combining: 1 column */
	mq_table_known(&table, 7, -1);
	mq_table_text(&table, "x");
	assert_int_equal(mq_table_print(&table, false, &buf), 0);
	mq_table_release(&table);
	expect(&buf, "NAME      COUNT  WHERE\n"
	             "gr\xc3\xbc\xc3\x9f"
	             "e  12345678  p3\n"
	             "\xe6\xb3\xa8\xe6\x96\x87          -  -\n"
	             "e\xcc\x81             7  x\n");
}

/* Names come from brokers: none may move the cursor, turn the writing around or break a line. */
static void test_table_is_harmless(void **state)
{
	static const char *const headings[] = {"NAME", NULL};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_table table;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_table_init(&table, headings, &err);
	mq_table_text(&table, "a\033[2Jb\nc\x7f");
	mq_table_text(&table, "\xc2\x9b"
	                      "31m"); /* C1: CSI */
	mq_table_text(&table, "x\xe2\x80\xae"
	                      "fdp.exe"); /* right-to-left override */
	mq_table_text(&table, "\xff\xc3<");
	assert_int_equal(mq_table_print(&table, false, &buf), 0);
	mq_table_release(&table);
	expect(&buf, "NAME\na?[2Jb?c?\n?31m\nx?fdp.exe\n?\?<\n");
}

static void test_empty_table(void **state)
{
	static const char *const headings[] = {"NAME", ">N", NULL};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_table table;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_table_init(&table, headings, &err);
	assert_int_equal(mq_table_print(&table, false, &buf), 0);
	mq_table_release(&table);
	mq_table_release(&table);
	expect(&buf, "NAME  N\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_json),        cmocka_unit_test(test_json_failure),
	    cmocka_unit_test(test_table),       cmocka_unit_test(test_table_is_harmless),
	    cmocka_unit_test(test_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
