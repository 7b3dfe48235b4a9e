/* Plans: the forms that are understood, what is refused with its line, and that no bytes upset the
 * reader. */
#include "mqtk/env.h"
#include "mqtk/message.h"
#include "mqtk/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct mq_plan_lines *lines, struct mq_err *err)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	mq_err_clear(err);
	int result = mq_plan_parse(copy, strlen(copy), "p", lines, err);
	free(copy);
	return result;
}

static void expect(const char *text, const char *stream, int32_t partition, const char *target)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_plan_lines lines;

	if (parse(text, &lines, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	assert_int_equal(lines.n, 1);
	assert_string_equal(lines.items[0].stream, stream);
	assert_int_equal(lines.items[0].partition, partition);
	if (target)
		assert_string_equal(lines.items[0].target, target);
	else
		assert_null(lines.items[0].target);
	mq_plan_lines_release(&lines);
}

static void test_understands(void **state)
{
	(void)state;
	expect("t,3,12", "t", 3, "12");
	expect("\"a,\"\"b\n\",0,1\r\n", "a,\"b\n", 0, "1");
	expect("note,target,partition,stream\nx,end,2,t\n", "t", 2, "end");
	expect("stream,target\ns,after:5-1\n", "s", MQ_NO_PARTITION, "after:5-1");
	expect("\n\r\nt,0,\n", "t", 0, NULL);
	expect("{\"stream\":\"t\\u00e9\",\"partition\":1,\"target\":7,\"note\":[1,{}]}\n",
	       "t\xc3\xa9", 1, "7");
	expect("{\"target\":null,\"partition\":null,\"stream\":\"s\"}", "s", MQ_NO_PARTITION, NULL);
}

static void refuse(const char *text, const char *said)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_plan_lines lines;

	assert_int_equal(parse(text, &lines, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, said))
		fail_msg("%s: '%s', expected '%s'", text, err.message, said);
	assert_int_equal(lines.n, 0);
}

static void test_refuses(void **state)
{
	(void)state;
	refuse("t,0,1\nt,0", "p:2: stream,partition,target");
	refuse("t,-1,1", "p:1: the partition");
	refuse("t,2147483648,1", "p:1: the partition");
	refuse(",0,1", "p:1: no stream");
	refuse("\"t\"x,0,1", "p:1: a comma");
	refuse("stream,partition\nt,0", "p:1: the first line");
	refuse("{\"stream\":\"t\"", "p:1: ");
	refuse("{\"stream\":\"t\"} x", "p:1: one object");
	refuse("{\"stream\":\"a\\u0000b\"}", "p:1: a NUL");
}

static void test_survives_anything(void **state)
{
	static const char pieces[] = "stream,partition,target\n\"{}:,\r\n\\u00e9\"0123[]";
	const char *given = getenv("MQTK_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)mq_now_ms();

	(void)state;
	print_message("plans: MQTK_TEST_SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct mq_err err = MQ_ERR_INIT;
		struct mq_plan_lines lines;
		size_t len = (size_t)rand() % 40;
		char *text = malloc(len + 1); /* exactly: a sanitizer sees one byte more */
		assert_non_null(text);
		for (size_t i = 0; i < len; i++)
			text[i] = rand() % 8 ? pieces[(size_t)rand() % (sizeof pieces - 1)]
			                     : (char)rand();
		char *exact = realloc(text, len ? len : 1);
		assert_non_null(exact);
		if (mq_plan_parse(exact, len, "p", &lines, &err) < 0)
			assert_int_equal(err.code, MQ_DATA);
		mq_plan_lines_release(&lines);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_understands),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
