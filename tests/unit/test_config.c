/* Configuration files: what they say, what is refused, and what a checked-out tree may not do. */
#include "mqtk/config.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[256];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A home, a repository and nothing of the caller's environment. */
static int setup(void **state)
{
	(void)state;
	static const char *const folders[] = {"home",     "home/.config", "home/.config/mqtk",
	                                      "repo",     "repo/.git",    "repo/a",
	                                      "repo/a/b", "plain"};
	char path[400];

	const char *folder = getenv("TMPDIR");

	snprintf(root, sizeof root, "%s/mqtk-config-XXXXXX", folder ? folder : "/tmp");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof path, "%s/home", root);
	setenv("HOME", path, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("MQTK_CONFIG");
	return chdir(root);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void enter(const char *folder)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", root, folder);
	assert_int_equal(chdir(path), 0);
}

static void put_bytes(const char *name, const char *text, size_t len)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

#define USER_FILE "home/.config/mqtk/config"

static void load(struct mq_config *config)
{
	struct mq_err err = MQ_ERR_INIT;

	if (mq_config_load(config, &err) < 0)
		fail_msg("%s", err.message);
}

/* Loading fails with MQ_USAGE and these words. */
static void refuse(const char *words)
{
	struct mq_config config;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_config_load(&config, &err) == 0)
		fail_msg("was read; expected: %s", words);
	assert_int_equal(err.code, MQ_USAGE);
	if (!strstr(err.message, words))
		fail_msg("expected '%s' in: %s", words, err.message);
	assert_int_equal(config.n_profiles, 0);
}

static void refuse_user(const char *text, const char *words)
{
	put(USER_FILE, text);
	refuse(words);
}

static void test_nothing(void **state)
{
	(void)state;
	struct mq_config config;
	char expected[400];

	load(&config);
	assert_int_equal(config.n_files, 0);
	assert_int_equal(config.n_profiles, 1);
	const struct mq_profile *local = mq_config_profile(&config, "local");
	assert_non_null(local);
	snprintf(expected, sizeof expected, "sqlite:%s/home/.local/share/mqtk/local.db", root);
	assert_string_equal(local->url, expected);
	assert_string_equal(local->source, "built in");
	assert_null(mq_config_profile(&config, "prod"));
	mq_config_release(&config);
	mq_config_release(&config);
	mq_config_release(NULL);

	setenv("XDG_DATA_HOME", "/data", 1);
	load(&config);
	assert_string_equal(mq_config_profile(&config, "local")->url, "sqlite:/data/mqtk/local.db");
	mq_config_release(&config);
	/* Relative ones are void, says the XDG specification. */
	setenv("XDG_DATA_HOME", "data", 1);
	load(&config);
	assert_string_equal(mq_config_profile(&config, "local")->url, expected);
	mq_config_release(&config);
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	load(&config);
	assert_null(mq_config_profile(&config, "local"));
	mq_config_release(&config);
}

static void test_values(void **state)
{
	(void)state;
	struct mq_config config;
	char expected[400];

	put(USER_FILE, "\xef\xbb\xbf# a comment = none\n"
	               "default=prod\r\n"
	               "; another\n"
	               "\n"
	               "  [profile prod]  \n"
	               "   url =  kafka://h1:9092,h2:9092  \n"
	               "\treadonly = Yes\n"
	               "password = a ;b \"#c\" = \\ d\n"
	               "binding = one\n"
	               "binding = two\n"
	               "empty =\n"
	               "colon: x=y\n"
	               "[profile dev]\n"
	               "url = sqlite:rel/demo.db\n"
	               "password-command = pass show 'x' ; true\n"
	               "[profile prod]\n"
	               "client.id = again");
	load(&config);
	assert_int_equal(config.n_files, 1);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "prod");
	const struct mq_profile *prod = mq_config_profile(&config, "prod");
	assert_string_equal(prod->url, "kafka://h1:9092,h2:9092");
	assert_true(prod->readonly);
	assert_false(prod->from_tree);
	assert_null(prod->password_command);
	assert_string_equal(mq_settings_get(&prod->settings, "password"), "a ;b \"#c\" = \\ d");
	assert_string_equal(mq_settings_get(&prod->settings, "binding"), "two");
	assert_string_equal(mq_settings_get(&prod->settings, "empty"), "");
	assert_string_equal(mq_settings_get(&prod->settings, "colon"), "x=y");
	assert_string_equal(mq_settings_get(&prod->settings, "client.id"), "again");
	assert_int_equal(prod->settings.n, 6);
	snprintf(expected, sizeof expected, "profile prod (%s/%s:8)", root, USER_FILE);
	assert_string_equal(prod->settings.items[0].source, expected);
	const struct mq_profile *dev = mq_config_profile(&config, "dev");
	assert_string_equal(dev->password_command, "pass show 'x' ; true");
	snprintf(expected, sizeof expected, "sqlite:%s/home/.config/mqtk/rel/demo.db", root);
	assert_string_equal(dev->url, expected);
	mq_config_release(&config);
}

/* inih as packaged cuts lines at 200 bytes; values are exact at any length up to 64 KiB. */
static void test_long_lines(void **state)
{
	(void)state;
	static const size_t lengths[] = {180, 198, 199, 200, 201, 511, 512, 513, 4096, 60000};
	static char text[200000];
	struct mq_config config;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		int n = snprintf(text, sizeof text, "[profile p]\nurl=kafka://h\n# ");
		memset(text + n, 'c', lengths[i]);
		n += (int)lengths[i];
		n += snprintf(text + n, sizeof text - (size_t)n, "\nlong=");
		size_t start = (size_t)n;
		for (size_t k = 0; k < lengths[i]; k++)
			text[start + k] = "abcdefghij"[k % 10];
		n += (int)lengths[i];
		snprintf(text + n, sizeof text - (size_t)n, "\nafter=1\n");
		put(USER_FILE, text);
		load(&config);
		const struct mq_profile *p = mq_config_profile(&config, "p");
		const char *value = mq_settings_get(&p->settings, "long");
		assert_int_equal(strlen(value), lengths[i]);
		assert_memory_equal(value, text + start, lengths[i]);
		assert_string_equal(mq_settings_get(&p->settings, "after"), "1");
		assert_int_equal(p->settings.n, 2);
		mq_config_release(&config);
	}
	memset(text, 'n', 300);
	snprintf(text + 300, sizeof text - 300, "=1\n");
	refuse_user(text, "config:1: the name is too long");
	memset(text, 'v', 70000);
	memcpy(text, "default=", 8);
	text[70000] = '\0';
	refuse_user(text, "config:1: the line is too long");
}

static void test_malformed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} cases[] = {
	    {"defalt = x\n", "config:1: unknown key 'defalt'"},
	    {"\n\nreadonly = true\n", "config:3: unknown key 'readonly'"},
	    {"default =\n", "config:1: default"},
	    {"= x\n", "config:1: a name is expected"},
	    {"default\n", "config:1: expected [profile NAME] or NAME = VALUE"},
	    {"[profile p\nurl=kafka://h\n", "config:1: a section is written"},
	    {"[profile p] x\nurl=kafka://h\n", "config:1: a section is written"},
	    {"[]\ndefault=x\n", "config:1: a section is written"},
	    {"[profile aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
	     "config:1: a section is written"},
	    {"[prod]\nurl=kafka://h\n", "config:2: unknown section [prod]"},
	    {"[profiles x]\nurl=kafka://h\n", "config:2: unknown section"},
	    {"[profile]\nurl=kafka://h\n", "config:2: unknown section"},
	    {"[profile a/b]\nurl=kafka://h\n", "cannot name a profile"},
	    {"[profile a b]\nurl=kafka://h\n", "cannot name a profile"},
	    {"[profile \"a\"]\nurl=kafka://h\n", "cannot name a profile"},
	    {"[profile a]\nurl=h:9092\n", "config:2: url: a URL is expected"},
	    {"[profile a]\nurl=\n", "config:2: url: a URL is expected"},
	    {"[profile a]\nurl=kafka://h\nurl=kafka://g\n", "config:3: a second 'url'"},
	    {"[profile a]\nreadonly=true\n", "config:2: profile a has no url"},
	    {"[profile a]\nurl=kafka://h\nreadonly=maybe\n", "config:3: readonly = 'maybe'"},
	    {"[profile a]\nurl=kafka://h\nreadonly=\n", "config:3: readonly"},
	    {"[profile a]\nurl=kafka://h\npassword=x\npassword-command=y\n",
	     "both password and password-command"},
	    {"[profile a]\nurl=kafka://h\njust words\n", "config:3: expected"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		refuse_user(cases[i].text, cases[i].words);
	put_bytes(USER_FILE, "default=a\0b\n", 12);
	refuse("config:1: this is no text file");
	/* An error behind the tree file's name is the tree file's. */
	put(USER_FILE, "default = x\n");
	put("repo/.mqtk", "[profile a]\n\nwhat\n");
	enter("repo");
	refuse("repo/.mqtk:3: expected");
}

static void test_suggestion(void **state)
{
	(void)state;
	struct mq_config config;
	struct mq_err err = MQ_ERR_INIT;

	put(USER_FILE, "defalt = x\n");
	assert_int_equal(mq_config_load(&config, &err), -1);
	assert_string_equal(err.hint, "did you mean default?");
}

/* Random bytes neither crash nor hang; what is refused names the file. */
static void test_hostile_bytes(void **state)
{
	(void)state;
	static const char alphabet[] = "[]=:;# \n\n\tprofileurl\"\\\r\xff%.a";
	unsigned seed = (unsigned)getpid();
	const char *given = getenv("MQTK_TEST_SEED");

	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 500; i++) {
		char text[400] = "";
		size_t len = (size_t)random() % sizeof text;
		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
		put_bytes(USER_FILE, text, len);
		struct mq_config config;
		struct mq_err err = MQ_ERR_INIT;
		if (mq_config_load(&config, &err) == 0) {
			mq_config_release(&config);
		} else {
			assert_int_equal(err.code, MQ_USAGE);
			assert_non_null(strstr(err.message, USER_FILE));
		}
	}
}

static void test_named_file(void **state)
{
	(void)state;
	struct mq_config config;

	put(USER_FILE, "default = mine\n");
	put("repo/.mqtk", "default = tree\n");
	put("repo/other", "default = named\n[profile p]\nurl=kafka://h\npassword-command=x\n");
	enter("repo/a");
	setenv("MQTK_CONFIG", "../other", 1);
	load(&config);
	assert_int_equal(config.n_files, 1);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "named");
	/* The user chose it: it may do what the user's own file may. */
	assert_string_equal(mq_config_profile(&config, "p")->password_command, "x");
	assert_false(mq_config_profile(&config, "p")->from_tree);
	mq_config_release(&config);
	setenv("MQTK_CONFIG", "missing", 1);
	refuse("missing: No such file");
	setenv("MQTK_CONFIG", ".", 1);
	refuse("Is a directory");
	setenv("MQTK_CONFIG", "/dev/null", 1);
	load(&config);
	assert_int_equal(config.n_profiles, 1);
	mq_config_release(&config);
	/* Empty is as unset. */
	setenv("MQTK_CONFIG", "", 1);
	load(&config);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "tree");
	mq_config_release(&config);
}

static void test_tree_lookup(void **state)
{
	(void)state;
	struct mq_config config;

	put(".mqtk", "default = outside\n");
	put("repo/.mqtk", "default = tree\n");
	enter("repo/a/b");
	load(&config);
	assert_int_equal(config.n_files, 1);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "tree");
	assert_true(config.default_from_tree);
	mq_config_release(&config);
	/* The nearest one. */
	put("repo/a/.mqtk", "default = near\n");
	load(&config);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "near");
	mq_config_release(&config);
	/* The repository's root is the end of the way. */
	enter("repo/a");
	assert_int_equal(unlink(".mqtk"), 0);
	assert_int_equal(unlink("../.mqtk"), 0);
	load(&config);
	assert_int_equal(config.n_files, 0);
	mq_config_release(&config);
	/* Without a repository only the working directory counts. */
	enter("plain");
	load(&config);
	assert_int_equal(config.n_files, 0);
	mq_config_release(&config);
	put("plain/.mqtk", "default = here\n");
	load(&config);
	assert_string_equal(mq_settings_get(&config.globals, "default"), "here");
	mq_config_release(&config);
	/* Somebody else's file says nothing; only root can make one for this test. */
	if (geteuid() == 0) {
		assert_int_equal(chown(".mqtk", 12345, (gid_t)-1), 0);
		load(&config);
		assert_int_equal(config.n_files, 0);
		assert_int_equal(config.n_ignored, 1);
		assert_non_null(strstr(config.ignored[0], "another user"));
		mq_config_release(&config);
	}
	/* A folder of that name is none of ours. */
	assert_int_equal(unlink(".mqtk"), 0);
	assert_int_equal(mkdir(".mqtk", 0700), 0);
	load(&config);
	assert_int_equal(config.n_files, 0);
	assert_int_equal(config.n_ignored, 1);
	assert_non_null(strstr(config.ignored[0], "no regular file"));
	mq_config_release(&config);
	/* Nor is a FIFO waited for. */
	assert_int_equal(rmdir(".mqtk"), 0);
	assert_int_equal(mkfifo(".mqtk", 0600), 0);
	load(&config);
	assert_int_equal(config.n_ignored, 1);
	mq_config_release(&config);
}

static void test_tree_is_trusted_less(void **state)
{
	(void)state;
	struct mq_config config;

	put(USER_FILE, "default = prod\n"
	               "[profile prod]\nurl = kafka://mine\nuser = app\npassword = secret\n"
	               "readonly = true\n"
	               "[profile dev]\nurl = kafka://dev\npassword-command = echo x\n");
	put("repo/.mqtk", "[profile prod]\nurl = kafka://theirs\nreadonly = false\n"
	                  "[profile dev]\nurl = sqlite:dev.db\n");
	enter("repo/a");
	load(&config);
	const struct mq_profile *prod = mq_config_profile(&config, "prod");
	assert_string_equal(prod->url, "kafka://theirs");
	assert_true(prod->from_tree);
	assert_int_equal(prod->settings.n, 0); /* no password goes along */
	assert_true(prod->readonly);
	const struct mq_profile *dev = mq_config_profile(&config, "dev");
	assert_null(dev->password_command);
	char expected[400];
	snprintf(expected, sizeof expected, "sqlite:%s/repo/dev.db", root);
	assert_string_equal(dev->url, expected);
	assert_false(config.default_from_tree);
	assert_int_equal(config.n_profiles, 3);
	mq_config_release(&config);
	/* Without a url it cannot lean on the user's. */
	put("repo/.mqtk", "[profile prod]\nbootstrap.servers = theirs\n");
	refuse(".mqtk:2: profile prod has no url");
	static const char *const programs[] = {
	    "password-command = touch /tmp/x",  "plugin.library.paths = ./evil.so",
	    "sasl.kerberos.kinit.cmd = ./evil", "ssl.engine.location = ./evil.so",
	    "Plugin.Library.Paths = x",         "ssl.providers = x"};
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		char text[500];
		snprintf(text, sizeof text, "[profile t]\nurl = kafka://h\n%s\n", programs[i]);
		put("repo/.mqtk", text);
		refuse("honoured only in your own configuration file");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_suggestion, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hostile_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_named_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tree_lookup, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tree_is_trusted_less, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
