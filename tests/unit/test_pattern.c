/* Regular expressions over bytes: what matches, what is none, and that work is limited. */
#include "mqtk/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef MQ_WITH_pcre2

static int matches(const char *text, struct mq_bytes bytes)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pattern *pattern;

	if (mq_pattern_new(text, &pattern, &err) < 0)
		fail_msg("%s", err.message);
	int got = mq_pattern_matches(pattern, bytes, &err);
	mq_pattern_free(pattern);
	return got;
}

static void test_matches_bytes(void **state)
{
	(void)state;
	assert_int_equal(matches("b+c", mq_bytes_str("abbbc")), 1);
	assert_int_equal(matches("^b", mq_bytes_str("abbbc")), 0);
	assert_int_equal(matches("(?i)ERROR", mq_bytes_str("an error")), 1);
	assert_int_equal(matches("x", MQ_ABSENT), 0);
	assert_int_equal(matches("^$", mq_bytes_of("", 0)), 1);
	/* a NUL and no UTF-8; and no byte behind the end is looked at */
	assert_int_equal(matches("\\x00\\xff", mq_bytes_of("a\0\xff", 3)), 1);
	assert_int_equal(matches("bc", mq_bytes_of("abc", 2)), 0);
	assert_int_equal(matches("^..$", mq_bytes_str("\xc3\xa9")), 1);
}

static void test_says_what_is_wrong(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pattern *pattern;

	(void)state;
	assert_int_equal(mq_pattern_new("a(b", &pattern, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_null(pattern);
	assert_non_null(strstr(err.message, "a(b"));
	mq_pattern_free(NULL);
}

static void test_limits_work(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pattern *pattern;
	char text[40];

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(mq_pattern_new("^(a+)+$b?x", &pattern, &err), 0);
	assert_int_equal(mq_pattern_matches(pattern, mq_bytes_of(text, sizeof text), &err), 0);
	mq_pattern_free(pattern);
	assert_int_equal(mq_pattern_new("(a+)*(a+)*(a+)*[^a]c", &pattern, &err), 0);
	text[sizeof text - 1] = 'c';
	assert_int_equal(mq_pattern_matches(pattern, mq_bytes_of(text, sizeof text), &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	mq_pattern_free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matches_bytes),
	    cmocka_unit_test(test_says_what_is_wrong),
	    cmocka_unit_test(test_limits_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_is_refused(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pattern *pattern;

	(void)state;
	assert_int_equal(mq_pattern_new("a", &pattern, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
