/* Libraries loaded at their first use: one that is here, one that is not, one without what is
 * asked for. */
#include "core/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
	double (*cos)(double);
} math;

static const struct mq_symbol symbols[] = {MQ_SYMBOL(math, , cos)};
static const struct mq_symbol no_symbols[] = {{.name = "no_such_function", .place = &math.cos}};
static int begun;

static const char *begin(void)
{
	begun++;
	return NULL;
}

static const char *begin_in_vain(void)
{
	begun++;
	return "it cannot be initialised";
}

static void test_loaded(void **state)
{
	struct mq_library library = {.file = "libm.so.6",
	                             .purpose = "counting",
	                             .install = "libm",
	                             MQ_SYMBOLS(symbols),
	                             .begin = begin};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	begun = 0;
	assert_int_equal(mq_library_load(&library, &err), 0);
	assert_int_equal(mq_library_load(&library, &err), 0);
	assert_int_equal(begun, 1);
	assert_true(math.cos(0) == 1.0);
}

static void fails(struct mq_library *library, const char *why)
{
	for (int i = 0; i < 2; i++) {
		struct mq_err err = MQ_ERR_INIT;
		assert_int_equal(mq_library_load(library, &err), -1);
		assert_int_equal(err.code, MQ_USAGE);
		assert_non_null(strstr(err.message, "counting needs lib"));
		assert_non_null(strstr(err.message, why));
		assert_string_equal(err.hint, "install that");
	}
}

static void test_failures(void **state)
{
	struct mq_library absent = {.file = "libmqtk-is-not-here.so.9",
	                            .purpose = "counting",
	                            .install = "that",
	                            MQ_SYMBOLS(symbols)};
	struct mq_library old = {
	    .file = "libm.so.6", .purpose = "counting", .install = "that", MQ_SYMBOLS(no_symbols)};
	struct mq_library refusing = {.file = "libm.so.6",
	                              .purpose = "counting",
	                              .install = "that",
	                              MQ_SYMBOLS(symbols),
	                              .begin = begin_in_vain};

	(void)state;
	begun = 0;
	fails(&absent, "libmqtk-is-not-here.so.9");
	fails(&old, "it is too old");
	fails(&refusing, "it cannot be initialised");
	assert_int_equal(begun, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loaded),
	    cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
