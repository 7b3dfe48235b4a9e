/* What others can see of the command line. argv.c is the program's, not the library's. */
#include "cmd/argv.c" /* NOLINT(bugprone-suspicious-include): it has no library to be in */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The command line `mqtk ARG` is seen as `mqtk SEEN`, while the program itself gets ARG. */
static void check(const char *arg, const char *seen)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_argv args;
	char name[] = "mqtk";
	char *copy = strdup(arg);
	char *argv[] = {name, copy, NULL};

	assert_non_null(copy);
	assert_int_equal(mq_argv_take(2, argv, &args, &err), 0);
	assert_string_equal(copy, seen);
	assert_int_equal(args.n, 2);
	assert_string_equal(args.items[0], "mqtk");
	assert_string_equal(args.items[1], arg);
	assert_null(args.items[2]);
	mq_argv_release(&args);
	free(copy);
}

static void test_urls(void **state)
{
	(void)state;
	check("kafka://me:pass@h:9092/t", "kafka://me:****@h:9092/t");
	check("kafka://me@h:9092/t", "kafka://me@h:9092/t");
	check("kafka://h:9092/t", "kafka://h:9092/t");
	check("redis://:pass@h/t", "redis://:****@h/t");
	check("kafka://a:p@h1,b:q@h2/t", "kafka://a:********@h2/t");
	check("kafka://me:pa/ss@h/t", "kafka://me:*****@h/t");
	check("kafka://me:pa@ss@h/t", "kafka://me:*****@h/t");
	check("--to=kafka://me:pass@h/t", "--to=kafka://me:****@h/t");
	check("kafka://me:pass@", "kafka://me:****@");
	check("kafka://", "kafka://");
	check("://", "://");
}

static void test_queries(void **state)
{
	(void)state;
	check("kafka://h/t?sasl.password=x&a=b", "kafka://h/t?sasl.password=*&a=b");
	check("kafka://h/t?a=b&sasl.password=xyz", "kafka://h/t?a=b&sasl.password=***");
	check("kafka://h:1/t?a=b@c", "kafka://h:1/t?a=b@c");
	check("kafka://u:p@h/t?ssl.key.password=x", "kafka://u:*@h/t?ssl.key.password=*");
	check("kafka://h/t?sasl.password", "kafka://h/t?sasl.password");
	check("kafka://h/t?sasl.password=", "kafka://h/t?sasl.password=");
	check("kafka://h/t?&&=&", "kafka://h/t?&&=&");
}

static void test_settings(void **state)
{
	(void)state;
	check("sasl.password=a=b", "sasl.password=***");
	check("-Xsasl.password=abc", "-Xsasl.password=***");
	check("-qXsasl.password=abc", "-qXsasl.password=***");
	check("src.sasl.password=abc", "src.sasl.password=***");
	check("client.id=abc", "client.id=abc");
	check("-Xclient.id=abc", "-Xclient.id=abc");
	check("--color=always", "--color=always");
	check("=x", "=x");
	check("-X=x", "-X=x");
	check("", "");
	check("-", "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_queries),
	    cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests_name("argv", tests, NULL, NULL);
}
