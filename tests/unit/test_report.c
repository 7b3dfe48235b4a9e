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

static void test_rates(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {{0, "0"},           {3, "3"},      {12.5, "12.5"}, {0.1, "0.1"},
	             {1.0 / 3, "0.333"}, {0.0001, "0"}, {1204, "1204"}, {100, "100"}};
	char text[MQ_RATE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mq_rate_format(cases[i].rate, text);
		assert_string_equal(text, cases[i].text);
	}
	mq_rate_format(1e300, text); /* has room */
}

static void test_csv(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_csv csv;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_csv_init(&csv, &buf, &err);
	mq_csv_text(&csv, "plain");
	mq_csv_text(&csv, NULL);
	mq_csv_text(&csv, "");
	mq_csv_text(&csv, "a,b");
	mq_csv_text(&csv, "say \"x\"");
	mq_csv_text(&csv, "two\nlines");
	mq_csv_text(&csv, "\r");
	assert_int_equal(mq_csv_end(&csv), 0);
	mq_csv_known(&csv, -1, -1);
	mq_csv_known(&csv, 0, -1);
	mq_csv_known(&csv, INT64_MIN, -1);
	mq_csv_rate(&csv, -1);
	mq_csv_rate(&csv, 1.5);
	assert_int_equal(mq_csv_end(&csv), 0);
	expect(&buf, "plain,,\"\",\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"\r\"\r\n"
	             ",0,-9223372036854775808,,1.5\r\n");
	mq_buf_init(&buf, 3);
	mq_csv_init(&csv, &buf, &err);
	mq_csv_text(&csv, "too long");
	assert_int_equal(mq_csv_end(&csv), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_buf_release(&buf);
}

static void test_prometheus(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_prometheus prom;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 10000);
	mq_prometheus_init(&prom, &buf, &err);
	mq_prometheus_metric(&prom, "a_total", "counter", "What \"it\" is,\nand \\.");
	mq_prometheus_begin(&prom);
	mq_prometheus_value(&prom, 0.25);
	mq_prometheus_begin(&prom);
	mq_prometheus_label(&prom, "group", "q\"\\\n\xc3\xbc\xff\xc3");
	mq_prometheus_label(&prom, "none", "");
	mq_prometheus_value(&prom, 1234567890123.0);
	assert_int_equal(mq_prometheus_end(&prom), 0);
	expect(&buf,
	       "# HELP a_total What \"it\" is,\\nand \\\\.\n"
	       "# TYPE a_total counter\n"
	       "a_total 0.25\n"
	       "a_total{group=\"q\\\"\\\\\\n\xc3\xbc\\\\xff\\\\xc3\",none=\"\"} 1234567890123\n");
	mq_buf_init(&buf, 3);
	mq_prometheus_init(&prom, &buf, &err);
	mq_prometheus_metric(&prom, "a", "gauge", "A.");
	assert_int_equal(mq_prometheus_end(&prom), -1);
	mq_buf_release(&buf);
}

static void test_clip(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *expected;
	} cases[] = {{"abc", 2, "ab"},
	             {"abc", 3, "abc"},
	             {"", 3, ""},
	             {"\033[31mabc\033[0m", 2, "\033[31mab"},
	             {"\033[31mabc\033[0m", 3, "\033[31mabc\033[0m"},
	             {"\xc3\xbc\xe6\xbc\xa2x", 2, "\xc3\xbc"}, /* the second is two wide */
	             {"\xc3\xbc\xe6\xbc\xa2x", 3, "\xc3\xbc\xe6\xbc\xa2"},
	             {"\xff\xfe", 1, "\xff"},
	             {"a\033", 5, "a\033"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		struct mq_buf buf;
		mq_buf_init(&buf, 1000);
		assert_int_equal(mq_line_clip(cases[i].text, strlen(cases[i].text),
		                              cases[i].columns, &buf, &err),
		                 0);
		expect(&buf, cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_json),        cmocka_unit_test(test_json_failure),
	    cmocka_unit_test(test_table),       cmocka_unit_test(test_table_is_harmless),
	    cmocka_unit_test(test_empty_table), cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_csv),         cmocka_unit_test(test_prometheus),
	    cmocka_unit_test(test_clip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
