/* The option parser: the grammar, every type, and the words of every refusal. */
#include "mqtk/command.h"
#include "mqtk/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct shared {
	struct mq_pos from;
	int64_t count;
	bool end;
};

struct values {
	struct mq_common common;
	const char *key;
	int64_t partition;
	int64_t idle_ms;
	int64_t watch_ms;
	int64_t max_bytes;
	int64_t port;
	int codec;
	bool json;
	bool bare;
	int custom;
	const char *format;
	struct mq_option_list headers;
	struct shared shared;
};

static int read_custom(void *field, const char *value, struct mq_err *err)
{
	if (strcmp(value, "five") != 0)
		return mq_fail(err, MQ_USAGE, "'%s' is not five", value);
	*(int *)field = 5;
	return 0;
}

static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd", "snail", NULL};

#define OWN(member) .field = offsetof(struct values, member)
static const struct mq_option own_rows[] = {
    {.name = "key", .letter = 'k', .type = MQ_OPT_STRING, .arg = "KEY", OWN(key), .help = "a key"},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_INT,
     .arg = "N",
     OWN(partition),
     .help = "a"},
    {.name = "idle-timeout",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .min = 1000,
     .max = 60000,
     OWN(idle_ms),
     .help = "a time"},
    {.name = "watch",
     .letter = 'w',
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .implied = "2s",
     .min = 1,
     .max = 60000,
     OWN(watch_ms),
     .help = "a time that need not be given"},
    {.name = "max-bytes",
     .type = MQ_OPT_SIZE,
     .arg = "SIZE",
     .min = 10,
     .max = 0,
     OWN(max_bytes),
     .help = "a size"},
    {.name = "port",
     .type = MQ_OPT_INT,
     .arg = "N",
     .min = 1,
     .max = 65535,
     OWN(port),
     .help = "p"},
    {.name = "compression",
     .letter = 'z',
     .type = MQ_OPT_CHOICE,
     .arg = "CODEC",
     .choices = codecs,
     OWN(codec),
     .help = "a codec"},
    {.name = "json", .letter = 'J', .type = MQ_OPT_FLAG, OWN(json), .help = "JSON"},
    {.letter = 'b', .type = MQ_OPT_FLAG, OWN(bare), .help = "a letter alone", .excludes = "json k"},
    {.name = "five",
     .type = MQ_OPT_CUSTOM,
     .arg = "FIVE",
     .custom = read_custom,
     OWN(custom),
     .help = "five"},
    {.name = "format",
     .letter = 'f',
     .type = MQ_OPT_STRING,
     .arg = "TEXT",
     OWN(format),
     .excludes = "json",
     .help = "a template"},
    {.name = "header",
     .letter = 'H',
     .type = MQ_OPT_LIST,
     .arg = "NAME=VALUE",
     OWN(headers),
     .help = "a header"},
    {0},
};

#define SHARED(member) .field = offsetof(struct shared, member)
static const struct mq_option shared_rows[] = {
    {.name = "from",
     .letter = 'o',
     .type = MQ_OPT_POSITION,
     .arg = "POS",
     SHARED(from),
     .help = "f"},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .min = 0,
     .max = INT64_MAX,
     SHARED(count),
     .help = "a number"},
    {.name = "end", .letter = 'e', .type = MQ_OPT_FLAG, SHARED(end), .help = "the end"},
    {0},
};

static const struct mq_option_set sets[] = {
    {"Own", own_rows, 0},
    {"Shared", shared_rows, offsetof(struct values, shared)},
    {"Common", mq_common_rows, 0},
    {0},
};

/* The state of one parse; release() frees it. */
static struct values values;
static struct mq_operands operands;
static struct mq_err err;

static void release(void)
{
	mq_operands_release(&operands);
	mq_options_release(sets, &values);
}

#define MAX_ARGS 16
/* Parses words, ended by NULL. */
static int parse(const char *const *words)
{
	char *argv[MAX_ARGS];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	values = (struct values){.common = MQ_COMMON_INIT, .partition = -1};
	mq_err_clear(&err);
	return mq_options_parse(sets, argc, argv, &values, &operands, &err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})
#define ACCEPTED(...)                                                                              \
	do {                                                                                       \
		int result = PARSE(__VA_ARGS__);                                                   \
		assert_string_equal(err.message, "");                                              \
		assert_int_equal(result, 0);                                                       \
	} while (0)
/* The exact message. */
#define REFUSED(text, ...)                                                                         \
	do {                                                                                       \
		assert_int_equal(PARSE(__VA_ARGS__), -1);                                          \
		assert_int_equal(err.code, MQ_USAGE);                                              \
		assert_string_equal(err.message, text);                                            \
		assert_null(operands.items);                                                       \
		release();                                                                         \
	} while (0)
/* The message begins with the option and holds the value. */
#define REFUSED_VALUE(option, value, ...)                                                          \
	do {                                                                                       \
		assert_int_equal(PARSE(__VA_ARGS__), -1);                                          \
		assert_int_equal(err.code, MQ_USAGE);                                              \
		assert_int_equal(strncmp(err.message, option ": ", strlen(option) + 2), 0);        \
		assert_non_null(strstr(err.message, value));                                       \
		assert_null(strchr(err.message, '\n'));                                            \
		release();                                                                         \
	} while (0)

static void test_forms_of_values(void **state)
{
	(void)state;
	ACCEPTED("--key", "a");
	assert_string_equal(values.key, "a");
	release();
	ACCEPTED("--key=a=b");
	assert_string_equal(values.key, "a=b");
	release();
	ACCEPTED("--key=");
	assert_string_equal(values.key, "");
	release();
	ACCEPTED("-ka");
	assert_string_equal(values.key, "a");
	release();
	ACCEPTED("-k", "a");
	assert_string_equal(values.key, "a");
	release();
	ACCEPTED("-k", "");
	assert_string_equal(values.key, "");
	release();
	/* getopt's rule: what stands behind the letter is the value, '=' included. */
	ACCEPTED("-k=a");
	assert_string_equal(values.key, "=a");
	release();
	ACCEPTED("-k", "-");
	assert_string_equal(values.key, "-");
	release();
	ACCEPTED("-k", "--");
	assert_string_equal(values.key, "--");
	release();
}

static void test_nothing_given_keeps_defaults(void **state)
{
	(void)state;
	ACCEPTED("x");
	assert_int_equal(values.partition, -1);
	assert_int_equal(values.common.timeout_ms, 10000);
	assert_null(values.key);
	assert_int_equal(values.shared.from.kind, MQ_POS_UNSET);
	release();
}

static void test_bundles(void **state)
{
	(void)state;
	ACCEPTED("-Jec5", "-vv", "-v");
	assert_true(values.json);
	assert_true(values.shared.end);
	assert_int_equal(values.shared.count, 5);
	assert_int_equal(values.common.verbose, 3);
	release();
	ACCEPTED("-ec", "7");
	assert_true(values.shared.end);
	assert_int_equal(values.shared.count, 7);
	release();
}

static void test_negative_values(void **state)
{
	(void)state;
	ACCEPTED("-o", "-10", "-p", "-2");
	assert_int_equal(values.shared.from.kind, MQ_POS_LAST);
	assert_int_equal(values.shared.from.number, 10);
	assert_int_equal(values.partition, -2);
	release();
	ACCEPTED("-o-10");
	assert_int_equal(values.shared.from.number, 10);
	release();
	ACCEPTED("--from=-10", "--partition", "-3");
	assert_int_equal(values.shared.from.number, 10);
	assert_int_equal(values.partition, -3);
	release();
}

static void test_operands_mix(void **state)
{
	(void)state;
	ACCEPTED("a", "-e", "b", "-", "--", "-c", "--json");
	assert_int_equal(operands.n, 5);
	assert_string_equal(operands.items[0], "a");
	assert_string_equal(operands.items[1], "b");
	assert_string_equal(operands.items[2], "-");
	assert_string_equal(operands.items[3], "-c");
	assert_string_equal(operands.items[4], "--json");
	assert_true(values.shared.end);
	assert_false(values.json);
	release();
	ACCEPTED("");
	assert_int_equal(operands.n, 1);
	assert_string_equal(operands.items[0], "");
	release();
}

static void test_switches_off(void **state)
{
	(void)state;
	ACCEPTED("--json", "--no-json", "--end");
	assert_false(values.json);
	assert_true(values.shared.end);
	release();
	ACCEPTED("--no-json", "-J");
	assert_true(values.json);
	release();
	/* What was taken back contradicts nothing. */
	ACCEPTED("--json", "-b", "--no-json");
	assert_true(values.bare);
	release();
	REFUSED("--no-key: only switches can be turned off, --key is none", "--no-key");
	REFUSED("--no-json takes no value, but has 'x'", "--no-json=x");
	REFUSED("--json takes no value, but has 'x'", "--json=x");
	REFUSED("unknown option --no-such", "--no-such");
}

static void test_repeated(void **state)
{
	(void)state;
	ACCEPTED("-k", "a", "--key", "b", "-H", "x=1", "-Hy=2", "--header=x=3", "-c1", "-c2");
	assert_string_equal(values.key, "b");
	assert_int_equal(values.shared.count, 2);
	assert_int_equal(values.headers.n, 3);
	assert_string_equal(values.headers.items[0], "x=1");
	assert_string_equal(values.headers.items[1], "y=2");
	assert_string_equal(values.headers.items[2], "x=3");
	release();
	/* Lists that were begun before a failure are freed. */
	REFUSED("unknown option --zzzzz", "-H", "x=1", "--zzzzz");
}

static void test_choices(void **state)
{
	(void)state;
	ACCEPTED("-zgzip");
	assert_int_equal(values.codec, 1);
	release();
	ACCEPTED("-z", "l");
	assert_int_equal(values.codec, 3);
	release();
	ACCEPTED("--compression=z");
	assert_int_equal(values.codec, 4);
	release();
	REFUSED("-z: 'sna' is ambiguous, expected one of: none, gzip, snappy, lz4, zstd, snail",
	        "-z", "sna");
	REFUSED("--compression: 'zip' is unknown, expected one of: none, gzip, snappy, lz4, zstd, "
	        "snail",
	        "--compression=zip");
	REFUSED("-z: '' is unknown, expected one of: none, gzip, snappy, lz4, zstd, snail", "-z",
	        "");
	REFUSED("-z: 'GZIP' is unknown, expected one of: none, gzip, snappy, lz4, zstd, snail",
	        "-z", "GZIP");
}

static void test_numbers(void **state)
{
	(void)state;
	ACCEPTED("--port", "65535", "-p", "-9223372036854775808", "-c", "9223372036854775807");
	assert_int_equal(values.port, 65535);
	assert_true(values.partition == INT64_MIN);
	assert_true(values.shared.count == INT64_MAX);
	release();
	REFUSED_VALUE("--port", "0", "--port", "0");
	REFUSED_VALUE("--port", "65536", "--port=65536");
	REFUSED_VALUE("-c", "-1", "-c", "-1");
	static const char *const bad[] = {"",    " ",  "x",   "5x",  "0x10",
	                                  "1e3", "5 ", "1.5", "--5", "9223372036854775808"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		REFUSED_VALUE("-c", bad[i], "-c", bad[i]);
	assert_int_equal(values.shared.count, 0);
}

static void test_durations_and_sizes(void **state)
{
	(void)state;
	ACCEPTED("--idle-timeout", "30s", "--max-bytes", "64k");
	assert_int_equal(values.idle_ms, 30000);
	assert_int_equal(values.max_bytes, 65536);
	release();
	REFUSED_VALUE("--idle-timeout", "5", "--idle-timeout=5");
	REFUSED_VALUE("--idle-timeout", "abc", "--idle-timeout=abc");
	REFUSED_VALUE("--idle-timeout", "500ms", "--idle-timeout=500ms");
	REFUSED_VALUE("--idle-timeout", "2h", "--idle-timeout=2h");
	REFUSED_VALUE("--max-bytes", "9", "--max-bytes=9");
	REFUSED_VALUE("--max-bytes", "1x", "--max-bytes=1x");
	REFUSED_VALUE("--max-bytes", "", "--max-bytes=");
	REFUSED_VALUE("--timeout", "0", "--timeout", "0");
}

static void test_values_that_may_be_left_out(void **state)
{
	(void)state;
	ACCEPTED("--watch", "orders");
	assert_int_equal(values.watch_ms, 2000);
	assert_int_equal(operands.n, 1);
	release();
	ACCEPTED("--watch", "5s", "orders");
	assert_int_equal(values.watch_ms, 5000);
	assert_int_equal(operands.n, 1);
	release();
	ACCEPTED("--watch=5s", "7s");
	assert_int_equal(values.watch_ms, 5000);
	assert_int_equal(operands.n, 1);
	release();
	ACCEPTED("-w3s", "-w");
	assert_int_equal(values.watch_ms, 2000);
	release();
	ACCEPTED("--watch", "--", "5s");
	assert_int_equal(values.watch_ms, 2000);
	assert_int_equal(operands.n, 1);
	release();
	REFUSED_VALUE("--watch", "5m", "--watch", "5m");
}

static void test_positions(void **state)
{
	(void)state;
	ACCEPTED("--from", "end");
	assert_int_equal(values.shared.from.kind, MQ_POS_END);
	release();
	REFUSED_VALUE("-o", "", "-o", "");
	/* The failed one leaves the earlier value as it was. */
	assert_int_equal(PARSE("-o", "7", "-o", "nowhere near"), -1);
	assert_int_equal(values.shared.from.kind, MQ_POS_OFFSET);
	assert_int_equal(values.shared.from.number, 7);
	release();
}

static void test_custom(void **state)
{
	(void)state;
	ACCEPTED("--five", "five");
	assert_int_equal(values.custom, 5);
	release();
	REFUSED("--five: 'six' is not five", "--five", "six");
}

static void test_missing_values(void **state)
{
	(void)state;
	REFUSED("--key needs a value: --key KEY", "--key");
	REFUSED("-k needs a value: -k KEY", "-k");
	REFUSED("-c needs a value: -c N", "-ec");
	REFUSED("--key needs a value, but the option --json follows", "--key", "--json");
	assert_string_equal(err.hint, "if that is the value, write --key=--json");
	REFUSED("-k needs a value, but the option --from follows", "-k", "--from=3");
	/* No option of this command: a value. */
	ACCEPTED("--key", "--other");
	assert_string_equal(values.key, "--other");
	release();
}

static void test_unknown(void **state)
{
	(void)state;
	REFUSED("unknown option --fomat; did you mean --format?", "--fomat");
	REFUSED("unknown option --keys; did you mean --key?", "--keys=5");
	REFUSED("unknown option --part; did you mean --partition?", "--part");
	REFUSED("unknown option --JSON; did you mean --json?", "--JSON");
	REFUSED("unknown option --xyzzy", "--xyzzy");
	REFUSED("unknown option --", "--=x");
	REFUSED("unknown option -y", "-y");
	REFUSED("unknown option -y in -ey", "-ey");
	REFUSED("unknown option -j in -json; did you mean --json?", "-json");
	REFUSED("unknown option -5", "-5");
	assert_string_equal(err.hint, "what begins with '-' but is no option goes behind '--'");
}

static void test_excludes_both_ways(void **state)
{
	(void)state;
	REFUSED("-f and -J exclude each other: give one of them", "-J", "-f", "x");
	REFUSED("--format and --json exclude each other: give one of them", "--format=x", "--json");
	REFUSED("-b and -k exclude each other: give one of them", "-k", "x", "-b");
	REFUSED("-b and --key exclude each other: give one of them", "-b", "--key=x");
	REFUSED("-q and -v exclude each other: give one of them", "-vq");
	ACCEPTED("-q", "--no-quiet", "-v");
	release();
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--\033[31mred"), -1);
	assert_null(strchr(err.message, '\033'));
	assert_int_equal(PARSE("-\033"), -1);
	assert_null(strchr(err.message, '\033'));
}

/* Any words at all are either accepted or refused in one line. */
static void test_random_words(void **state)
{
	static const char *const parts[] = {
	    "-",  "--",   "no-",  "key", "json", "=",   "f",    "o",      "-10", "c",
	    "5",  "end",  "q",    "v",   "X",    "a=b", "\xff", "header", "",    " ",
	    "\n", "five", "from", "48h", "@",    "z",   "gz",   "zzzzzz"};
	const char *given = getenv("MQTK_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	char words[6][64];
	const char *argv[7];

	(void)state;
	print_message("MQTK_TEST_SEED=%u\n", seed);
	for (int round = 0; round < 50000; round++) {
		size_t n = (size_t)rand_r(&seed) % 6;
		for (size_t i = 0; i < n; i++) {
			const char *p[4];
			for (size_t k = 0; k < 4; k++)
				p[k] =
				    parts[(size_t)rand_r(&seed) % (sizeof parts / sizeof *parts)];
			snprintf(words[i], sizeof words[i], "%s%s%s%s", p[0], p[1], p[2], p[3]);
			argv[i] = words[i];
		}
		argv[n] = NULL;
		if (parse(argv) == 0) {
			assert_string_equal(err.message, "");
			assert_true(operands.n <= n);
		} else {
			assert_int_equal(err.code, MQ_USAGE);
			assert_true(strlen(err.message) > 0);
			assert_null(strchr(err.message, '\n'));
		}
		release();
	}
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"produce", "consume", "tail", "ls", "info", NULL};

	(void)state;
	assert_string_equal(mq_nearest("prodcue", words), "produce");
	assert_string_equal(mq_nearest("consum", words), "consume");
	assert_string_equal(mq_nearest("cons", words), "consume");
	assert_string_equal(mq_nearest("tial", words), "tail");
	assert_string_equal(mq_nearest("LS", words), "ls");
	assert_null(mq_nearest("", words));
	assert_null(mq_nearest("zebra", words));
	assert_null(mq_nearest("xy", words));
	assert_null(mq_nearest("a-word-far-longer-than-any-command-has-ever-been", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms_of_values),
	    cmocka_unit_test(test_nothing_given_keeps_defaults),
	    cmocka_unit_test(test_bundles),
	    cmocka_unit_test(test_negative_values),
	    cmocka_unit_test(test_operands_mix),
	    cmocka_unit_test(test_switches_off),
	    cmocka_unit_test(test_repeated),
	    cmocka_unit_test(test_choices),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_durations_and_sizes),
	    cmocka_unit_test(test_values_that_may_be_left_out),
	    cmocka_unit_test(test_positions),
	    cmocka_unit_test(test_custom),
	    cmocka_unit_test(test_missing_values),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_excludes_both_ways),
	    cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
	    cmocka_unit_test(test_random_words),
	    cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
