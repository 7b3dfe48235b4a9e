/* Addresses: what every form means, what is refused, and that secrets stay where they belong. */
#include "mqtk/address.h"
#include "mqtk/backend.h"
#include "mqtk/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- fixtures -------------------------------------------------------------------------------- */

static struct mq_config config;

/* A configuration made by hand, as config.c would make it. */
static struct mq_profile profiles[] = {
    {.name = (char[]){"local"},
     .url = (char[]){"sqlite:/data/local.db"},
     .source = (char[]){"built in"}},
    {.name = (char[]){"prod"},
     .url = (char[]){"kafka://url:urlpass@h1:9092,h2/?client.id=profile"},
     .source = (char[]){"/c:3"},
     .readonly = true},
    {.name = (char[]){"cmd"},
     .url = (char[]){"kafka://bob@h"},
     .source = (char[]){"/c:9"},
     .password_command = (char[]){"echo 'line one '; echo two"}},
    {.name = (char[]){"tree"},
     .url = (char[]){"kafka://theirs"},
     .source = (char[]){"/repo/.mqtk:1"},
     .from_tree = true},
    {.name = (char[]){"bad"}, .url = (char[]){"kafka://h/topic"}, .source = (char[]){"/c:12"}},
};

static int setup(void **state)
{
	(void)state;
	static const char *const names[] = {"MQTK_BROKER", "MQTK_USER", "MQTK_PASSWORD"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	setenv("HOME", "/home/me", 1);
	config = (struct mq_config){.profiles = profiles,
	                            .n_profiles = sizeof profiles / sizeof profiles[0]};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mq_settings_release(&config.globals);
	return 0;
}

static void set_default(const char *value, bool from_tree)
{
	mq_settings_add(&config.globals, "default", value, "/c:1", NULL);
	config.default_from_tree = from_tree;
}

static struct mq_target resolve_with(const char *text, const struct mq_settings *overrides)
{
	struct mq_target target;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_target_resolve(text, &config, overrides, &target, &err) < 0)
		fail_msg("'%s': %s", text, err.message);
	return target;
}

static struct mq_target resolve(const char *text)
{
	return resolve_with(text, NULL);
}

static void same(const char *what, const char *actual, const char *expected)
{
	if ((actual == NULL) != (expected == NULL) || (actual && strcmp(actual, expected) != 0))
		fail_msg("%s: '%s', expected '%s'", what, actual ? actual : "(none)",
		         expected ? expected : "(none)");
}

/* Refused with MQ_USAGE and these words in message or hint; without the secret, if there is one. */
static void refuse(const char *text, const char *words, const char *secret)
{
	struct mq_target target;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_target_resolve(text, &config, NULL, &target, &err) == 0)
		fail_msg("'%s' was taken; expected: %s", text, words);
	assert_int_equal(err.code, MQ_USAGE);
	if (!strstr(err.message, words) && !strstr(err.hint, words))
		fail_msg("'%s': expected '%s' in: %s / %s", text, words, err.message, err.hint);
	if (secret && (strstr(err.message, secret) || strstr(err.hint, secret)))
		fail_msg("'%s' shows its secret: %s / %s", text, err.message, err.hint);
	/* What a failure leaves can be released. */
	mq_target_release(&target);
}

/* --- forms ----------------------------------------------------------------------------------- */

static void test_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text, *scheme, *authority, *path, *stream, *profile, *shown;
	} cases[] = {
	    {"kafka://h1:9092,h2/orders", "kafka", "h1:9092,h2", "", "orders", NULL,
	     "kafka://h1:9092,h2/orders"},
	    {"KAFKAS://h/o", "kafkas", "h", "", "o", NULL, "kafkas://h/o"},
	    {"kafka://h", "kafka", "h", "", NULL, NULL, "kafka://h/"},
	    {"kafka://h/", "kafka", "h", "", NULL, NULL, "kafka://h/"},
	    {"kafka://[::1]:9092/o", "kafka", "[::1]:9092", "", "o", NULL, "kafka://[::1]:9092/o"},
	    {"kafka://[fe80::1%25eth0],h/o", "kafka", "[fe80::1%25eth0],h", "", "o", NULL,
	     "kafka://[fe80::1%25eth0],h/o"},
	    {"kafka://h/a%2Fb%25", "kafka", "h", "", "a/b%", NULL, "kafka://h/a%2Fb%25"},
	    {"kafka://h/^orders.*", "kafka", "h", "", "^orders.*", NULL, "kafka://h/^orders.*"},
	    {"kafka://h/^a?b", "kafka", "h", "", "^a?b", NULL, "kafka://h/^a?b"},
	    {"kafka://h/^(a|b)?c?$?client.id=x", "kafka", "h", "", "^(a|b)?c?$", NULL,
	     "kafka://h/^(a|b)?c?$"},
	    {"sqlite:demo.db/orders", "sqlite", "", "demo.db", "orders", NULL,
	     "sqlite:demo.db/orders"},
	    {"sqlite:demo.db", "sqlite", "", "demo.db", NULL, NULL, "sqlite:demo.db/"},
	    {"sqlite:demo.db/", "sqlite", "", "demo.db", NULL, NULL, "sqlite:demo.db/"},
	    {"sqlite:demo", "sqlite", "", "demo", NULL, NULL, "sqlite:demo/"},
	    {"sqlite:dir/demo.db", "sqlite", "", "dir/demo.db", NULL, NULL, "sqlite:dir/demo.db/"},
	    {"sqlite:dir/demo.SQLite3", "sqlite", "", "dir/demo.SQLite3", NULL, NULL,
	     "sqlite:dir/demo.SQLite3/"},
	    {"sqlite:dir/x%2Edb", "sqlite", "", "dir", "x.db", NULL, "sqlite:dir/x.db"},
	    {"sqlite:dir/.db", "sqlite", "", "dir", ".db", NULL, "sqlite:dir/.db"},
	    {"sqlite:///abs/demo.db/orders", "sqlite", "", "/abs/demo.db", "orders", NULL,
	     "sqlite:///abs/demo.db/orders"},
	    {"sqlite:/abs/demo.db/orders", "sqlite", "", "/abs/demo.db", "orders", NULL,
	     "sqlite:///abs/demo.db/orders"},
	    {"sqlite:a%20b%3F.db/o", "sqlite", "", "a b?.db", "o", NULL, "sqlite:a%20b%3F.db/o"},
	    {"sqlite:~/d.db/o", "sqlite", "", "/home/me/d.db", "o", NULL,
	     "sqlite:///home/me/d.db/o"},
	    {"sqlite::memory:/o", "sqlite", "", "./:memory:", "o", NULL, "sqlite:./:memory:/o"},
	    {"local/orders", "sqlite", "", "/data/local.db", "orders", "local", "local/orders"},
	    {"local/", "sqlite", "", "/data/local.db", NULL, "local", "local/"},
	    {"orders", "sqlite", "", "/data/local.db", "orders", "local", "local/orders"},
	    {"user:1:events", "sqlite", "", "/data/local.db", "user:1:events", "local",
	     "local/user:1:events"},
	    {"", "sqlite", "", "/data/local.db", NULL, "local", "local/"},
	    {"^a?b", "sqlite", "", "/data/local.db", "^a?b", "local", "local/^a?b"},
	    {"a%0Ab", "sqlite", "", "/data/local.db", "a\nb", "local", "local/a%0Ab"},
	    {"prod/orders", "kafka", "h1:9092,h2", "", "orders", "prod", "prod/orders"},
	    {"prod/?client.id=q", "kafka", "h1:9092,h2", "", NULL, "prod", "prod/"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_target target = resolve(cases[i].text);
		same(cases[i].text, target.scheme, cases[i].scheme);
		same(cases[i].text, target.authority, cases[i].authority);
		same(cases[i].text, target.path, cases[i].path);
		same(cases[i].text, target.stream, cases[i].stream);
		same(cases[i].text, target.profile, cases[i].profile);
		same(cases[i].text, target.shown, cases[i].shown);
		assert_ptr_equal(target.backend, mq_backend_for_scheme(cases[i].scheme));
		mq_target_release(&target);
	}
}

/* Without a stream, a profile, a user or settings. */
static void test_broker(void **state)
{
	(void)state;
	static const struct {
		const char *text, *broker;
	} cases[] = {
	    {"prod/orders", "kafka://h1:9092,h2/"},
	    {"kafka://u:p@h:1/o?client.id=x", "kafka://h:1/"},
	    {"kafka://h", "kafka://h/"},
	    {"amqp://u:p@h/v%2Fw/o", "amqp://h/v/w/"},
	    {"redis://:p@h/2/o", "redis://h/2/"},
	    {"sqlite:not-there.db/o", "sqlite:not-there.db/"},
	    {"sqlite:/usr/o", "sqlite:///usr/"},
	    {"sqlite:/usr/../usr/o", "sqlite:///usr/"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_target target = resolve(cases[i].text);
		struct mq_err err = MQ_ERR_INIT;
		char *broker = mq_target_broker(&target, &err);
		same(cases[i].text, broker, cases[i].broker);
		free(broker);
		mq_target_release(&target);
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words, *secret;
	} cases[] = {
	    {"kafkaa://h/x", "did you mean kafka?", NULL},
	    {"http://h/x", "unknown scheme 'http://'", NULL},
	    {"kafka:h/x", "two slashes", NULL},
	    {"kafka://", "a host is missing", NULL},
	    {"kafka:///x", "a host is missing", NULL},
	    {"kafka://,h/x", "a host is missing", NULL},
	    {"kafka://h,/x", "a host is missing", NULL},
	    {"kafka://:9092/x", "a host is missing", NULL},
	    {"kafka://h:/x", "a port is", NULL},
	    {"kafka://h:0/x", "a port is", NULL},
	    {"kafka://h:65536/x", "a port is", NULL},
	    {"kafka://h:9092x/x", "a port is", NULL},
	    {"kafka://h:00000000000009092/x", "a port is", NULL},
	    {"kafka://::1/x", "brackets", NULL},
	    {"kafka://[::1/x", "brackets", NULL},
	    {"kafka://[]:9/x", "brackets", NULL},
	    {"kafka://h h/x", "cannot stand in a host", NULL},
	    {"kafka://h\n/x", "cannot stand in a host", NULL},
	    {"kafka://u:s3cret@x@h/x", "second '@'", "s3cret"},
	    {"kafka://u:s3/cret@h/x", "a port is", "cret"},
	    {"kafka://u:12/cret@h/x", "'@' behind the host", "cret"},
	    {"kafka://u:s3?cret@h/x", "settings as NAME=VALUE", "cret"},
	    {"kafka://u:%zzcret@h/x", "the password: '%'", "cret"},
	    {"kafka://h/a/b", "one segment", NULL},
	    {"kafka://h/a%00b", "%00", NULL},
	    {"kafka://h/a%", "hexadecimal", NULL},
	    {"kafka://h/a%4", "hexadecimal", NULL},
	    {"kafka://h/a%g0", "hexadecimal", NULL},
	    {"kafka://h/o?", NULL, NULL},
	    {"kafka://h/o?x", "settings as NAME=VALUE", NULL},
	    {"kafka://h/o?=x", "settings as NAME=VALUE", NULL},
	    {"kafka://h/o?a=1&b", "settings as NAME=VALUE", NULL},
	    {"kafka://h/o?password=%z", "password: '%'", NULL},
	    {"sqlite:", "names no file", NULL},
	    {"sqlite:/orders", "names no file", NULL},
	    {"sqlite:///", "names no file", NULL},
	    {"sqlite://demo.db/orders", "no host but a path", NULL},
	    {"lcal/orders", "did you mean local?", NULL},
	    {"h:9092/orders", "kafka://HOST:PORT/STREAM", NULL},
	    {"demo.db/orders", "sqlite:FILE/STREAM", NULL},
	    {"/orders", "no broker stands before", NULL},
	    {"/", "no broker stands before", NULL},
	    {"local/a/b", "%2F", NULL},
	    {"local//a", "one segment", NULL},
	    {"bad/x", "no path behind its hosts", NULL},
	    {"%", "hexadecimal", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (!cases[i].words) {
			/* A question mark with nothing behind it is harmless. */
			struct mq_target target = resolve(cases[i].text);
			assert_int_equal(target.settings.n, 0);
			mq_target_release(&target);
			continue;
		}
		refuse(cases[i].text, cases[i].words, cases[i].secret);
	}
}

/* Whatever is taken shows itself as an address that means the same, and shows no password. */
static void test_random_texts(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "kafka://", "sqlite:", "local/", "h",  ":9092", "@", "/",   "?",
	    "a=b",      "%2F",     "%",      "^",  "[::1]", ",", ".db", "&",
	    "\xff",     " ",       "~/",     "..", "prod/", "u", "#",   "%3f"};
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("MQTK_TEST_SEED");

	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 50000; i++) {
		char text[128] = "";
		size_t len = 0;
		for (long k = random() % 8; k >= 0; k--)
			len += (size_t)snprintf(
			    text + len, sizeof text - len, "%s",
			    pieces[(size_t)random() % (sizeof pieces / sizeof pieces[0])]);
		struct mq_target a, b;
		struct mq_err err = MQ_ERR_INIT;
		if (mq_target_resolve(text, &config, NULL, &a, &err) < 0) {
			assert_int_equal(err.code, MQ_USAGE);
			continue;
		}
		if (mq_target_resolve(a.shown, &config, NULL, &b, &err) < 0)
			fail_msg("'%s' shows as '%s': %s", text, a.shown, err.message);
		same(text, b.path, a.path);
		same(text, b.stream, a.stream);
		same(text, b.authority, a.authority);
		same(text, b.shown, a.shown);
		mq_target_release(&a);
		mq_target_release(&b);
	}
}

/* --- defaults and settings ------------------------------------------------------------------- */

static void check_default(const char *shown)
{
	struct mq_target target = resolve("orders");

	same("orders", target.shown, shown);
	mq_target_release(&target);
}

static void test_default_broker(void **state)
{
	(void)state;
	set_default("prod", false);
	check_default("prod/orders");
	set_default("kafka://conf:1/", false);
	check_default("kafka://conf:1/orders");
	setenv("MQTK_BROKER", "kafka://env:2", 1);
	check_default("kafka://env:2/orders");
	setenv("MQTK_BROKER", "local/", 1);
	check_default("local/orders");
	setenv("MQTK_BROKER", "sqlite:dir/store", 1);
	check_default("sqlite:dir/store/orders");
	setenv("MQTK_BROKER", "", 1);
	check_default("kafka://conf:1/orders");
	setenv("MQTK_BROKER", "prd", 1);
	refuse("orders", "$MQTK_BROKER: there is no profile 'prd'", NULL);
	setenv("MQTK_BROKER", "kafka://u:s3cret@h/topic", 1);
	refuse("orders", "$MQTK_BROKER: the kafka:// URL of a broker has no path", "s3cret");
	/* It is not looked at when the address names a broker. */
	struct mq_target target = resolve("local/x");
	mq_target_release(&target);
}

static void test_setting_order(void **state)
{
	(void)state;
	struct mq_settings overrides;

	mq_settings_init(&overrides);
	struct mq_target target = resolve("prod/o");
	same("profile", mq_settings_get(&target.settings, "client.id"), "profile");
	same("source", target.settings.items[0].source, "profile prod (/c:3)");
	same("user", target.user, "url");
	same("password", target.password, "urlpass");
	assert_true(target.readonly);
	mq_target_release(&target);

	setenv("MQTK_USER", "envuser", 1);
	setenv("MQTK_PASSWORD", "envpass", 1);
	target = resolve("prod/o?client.id=query&user=queryuser");
	same("query", mq_settings_get(&target.settings, "client.id"), "query");
	same("query user", target.user, "queryuser");
	same("its source", target.user_source, "URL");
	same("env password", target.password, "envpass");
	same("its source", target.password_source, "$MQTK_PASSWORD");
	assert_null(mq_settings_get(&target.settings, "user"));
	mq_target_release(&target);

	mq_settings_add(&overrides, "client.id", "x", "-X", NULL);
	mq_settings_add(&overrides, "password", "xpass", "-X", NULL);
	target = resolve_with("kafka://u:p%40%3A%2F@h/o?client.id=query", &overrides);
	same("-X", mq_settings_get(&target.settings, "client.id"), "x");
	same("URL user", target.user, "u");
	same("-X password", target.password, "xpass");
	assert_false(target.readonly);
	mq_target_release(&target);

	target = resolve("kafka://u:p%40%3A%2F@h/o");
	same("password", target.password, "p@:/");
	same("shown", target.shown, "kafka://u@h/o");
	mq_target_release(&target);
	mq_settings_release(&overrides);
}

static void test_password_command(void **state)
{
	(void)state;
	struct mq_settings overrides;
	char marker[] = "/tmp/mqtk-address-XXXXXX";
	char command[128];
	char *before = profiles[2].password_command;

	struct mq_target target = resolve("cmd/o");
	same("password", target.password, "line one ");
	same("source", target.password_source, "password-command");
	same("user", target.user, "bob");
	mq_target_release(&target);

	/* It does not run when a password is given, nor for another profile. */
	int fd = mkstemp(marker);
	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof command, "rm -f %s; echo x", marker);
	profiles[2].password_command = command;
	mq_settings_init(&overrides);
	mq_settings_add(&overrides, "password", "given", "-X", NULL);
	target = resolve_with("cmd/o", &overrides);
	same("password", target.password, "given");
	mq_target_release(&target);
	target = resolve("local/o");
	mq_target_release(&target);
	assert_int_equal(access(marker, F_OK), 0);
	target = resolve("cmd/o");
	same("password", target.password, "x");
	mq_target_release(&target);
	assert_int_equal(access(marker, F_OK), -1);

	static const char *const failing[] = {"exit 3",
	                                      "true",
	                                      "echo; echo x",
	                                      "kill -9 $$",
	                                      "printf 'a\\000b\\n'",
	                                      "/does/not/exist 2>/dev/null",
	                                      "head -c 70000 /dev/zero | tr '\\0' x"};
	for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		snprintf(command, sizeof command, "%s", failing[i]);
		if (mq_target_resolve("cmd/o", &config, NULL, &target, &err) == 0)
			fail_msg("'%s' gave a password", failing[i]);
		assert_int_equal(err.code, MQ_DENIED);
		assert_non_null(strstr(err.message, "the password-command of profile cmd"));
		assert_null(strstr(err.message, failing[i]));
		assert_non_null(strstr(err.hint, "/c:9"));
	}
	/* A long output behind the line neither blocks nor fails; standard input is not its. */
	snprintf(command, sizeof command, "echo ok; head -c 300000 /dev/zero");
	target = resolve("cmd/o");
	same("password", target.password, "ok");
	mq_target_release(&target);
	snprintf(command, sizeof command, "cat; printf 'no newline'");
	target = resolve("cmd/o");
	same("password", target.password, "no newline");
	mq_target_release(&target);
	profiles[2].password_command = before;
	mq_settings_release(&overrides);
}

/* The user's secrets go to no broker that a .mqtk file names. */
static void test_tree(void **state)
{
	(void)state;
	setenv("MQTK_USER", "me", 1);
	setenv("MQTK_PASSWORD", "s3cret", 1);
	struct mq_target target = resolve("tree/o");
	assert_null(target.user);
	assert_null(target.password);
	mq_target_release(&target);
	set_default("kafka://theirs", true);
	target = resolve("o");
	assert_null(target.password);
	mq_target_release(&target);
	/* The tree may choose among the user's own profiles, and the user among URLs. */
	set_default("prod", true);
	target = resolve("o");
	same("password", target.password, "s3cret");
	mq_target_release(&target);
	target = resolve("kafka://typed/o");
	same("password", target.password, "s3cret");
	mq_target_release(&target);
	setenv("MQTK_BROKER", "kafka://chosen", 1);
	target = resolve("o");
	same("password", target.password, "s3cret");
	mq_target_release(&target);
}

static void check_same_broker(const char *a, const char *b, bool expected)
{
	struct mq_target first = resolve(a);
	struct mq_target second = resolve(b);

	if (mq_target_same_broker(&first, &second) != expected)
		fail_msg("%s and %s", a, b);
	mq_target_release(&first);
	mq_target_release(&second);
}

static void test_same_broker(void **state)
{
	(void)state;
	check_same_broker("kafka://h/a", "kafka://h/b", true);
	check_same_broker("local/a", "b", true);
	check_same_broker("local/a", "sqlite:/data/local.db/b", true);
	check_same_broker("kafka://h/a", "kafka://g/a", false);
	check_same_broker("kafka://h/a", "kafkas://h/a", false);
	check_same_broker("kafka://h/a", "kafka://u@h/a", false);
	check_same_broker("kafka://u:p@h/a", "kafka://u:q@h/a", false);
	check_same_broker("kafka://h/a?x=1", "kafka://h/a?x=2", false);
	check_same_broker("kafka://h/a?x=1", "kafka://h/a", false);
	check_same_broker("sqlite:a.db/x", "sqlite:b.db/x", false);
}

static void test_masked(void **state)
{
	(void)state;
	static const struct {
		const char *text, *masked;
	} cases[] = {
	    {"kafka://u:s3cret@h/o", "kafka://u:********@h/o"},
	    {"kafka://u@h/o", "kafka://u@h/o"},
	    {"kafka://h:9092/o", "kafka://h:9092/o"},
	    {"kafka://u:a/b@h/o", "kafka://u:********@h/o"},
	    {"kafka://h?sasl.password=x&client.id=y",
	     "kafka://h?sasl.password=********&client.id=y"},
	    {"kafka://h?client.id=y&api.token=a=b", "kafka://h?client.id=y&api.token=********"},
	    {"amqp://h/q?management=http://u:p@m:1&match=a@b:c",
	     "amqp://h/q?management=http://u:********@m:1&match=a@b:c"},
	    {"amqp://h/q?management=http%3A%2F%2Fu%3Ap%40m&match=a",
	     "amqp://h/q?management=********&match=a"},
	    {"amqp://h/q?management=http://u@m:1", "amqp://h/q?management=http://u@m:1"},
	    {"https://u:p@reg/", "https://u:********@reg/"},
	    {"plain words", "plain words"},
	    {"", ""},
	    {"?", "?"},
	    {"a?&&", "a?&&"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		char *masked = mq_address_masked(cases[i].text, &err);
		same(cases[i].text, masked, cases[i].masked);
		free(masked);
	}
}

static void test_without_config(void **state)
{
	(void)state;
	struct mq_target target;
	struct mq_err err = MQ_ERR_INIT;

	assert_int_equal(mq_target_resolve("kafka://h/o", NULL, NULL, &target, &err), 0);
	mq_target_release(&target);
	mq_target_release(&target);
	mq_target_release(NULL);
	assert_int_equal(mq_target_resolve("o", NULL, NULL, &target, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.hint, "HOME"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_forms),          TEST(test_refused),       TEST(test_random_texts),
	    TEST(test_default_broker), TEST(test_setting_order), TEST(test_password_command),
	    TEST(test_tree),           TEST(test_same_broker),   TEST(test_masked),
	    TEST(test_without_config), TEST(test_broker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
