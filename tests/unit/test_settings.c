/* Settings: order, lookup, and which names hide their values. */
#include "mqtk/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_last_wins(void **state)
{
	(void)state;
	struct mq_settings settings;
	struct mq_err err = MQ_ERR_INIT;
	char name[32] = "a";
	char value[32] = "1";

	mq_settings_init(&settings);
	assert_null(mq_settings_get(&settings, "a"));
	assert_int_equal(mq_settings_add(&settings, name, value, "URL", &err), 0);
	/* They are copies. */
	name[0] = value[0] = 'x';
	assert_string_equal(mq_settings_get(&settings, "a"), "1");
	assert_null(mq_settings_get(&settings, "x"));
	assert_null(mq_settings_get(&settings, "A"));
	for (int i = 0; i < 100; i++) {
		snprintf(value, sizeof value, "%d", i);
		assert_int_equal(mq_settings_add(&settings, i % 2 ? "a" : "b", value, "-X", &err),
		                 0);
	}
	assert_string_equal(mq_settings_get(&settings, "a"), "99");
	assert_string_equal(mq_settings_get(&settings, "b"), "98");
	assert_int_equal(settings.n, 101);
	assert_string_equal(settings.items[0].source, "URL");
	assert_int_equal(mq_settings_add(&settings, "empty", "", "-X", &err), 0);
	assert_string_equal(mq_settings_get(&settings, "empty"), "");
	mq_settings_release(&settings);
	assert_int_equal(settings.n, 0);
	mq_settings_release(&settings);
	mq_settings_release(NULL);
}

static void test_secrets(void **state)
{
	(void)state;
	static const struct mq_setting table[] = {
	    {"tls.key", "FILE", "the key's file", false},
	    {"pin", "TEXT", "the card's pin", true},
	    {"password.policy", "NAME", "how strict", false},
	    {0},
	};
	static const char *const secret[] = {"password",
	                                     "sasl.password",
	                                     "PASSWORD",
	                                     "ssl.key.password",
	                                     "client.secret",
	                                     "sasl.oauthbearer.client.secret",
	                                     "api.token",
	                                     "ssl.key.passphrase",
	                                     "ssl.key.pem",
	                                     "license.key",
	                                     "sasl.jaas.config",
	                                     "sasl.oauthbearer.config",
	                                     "pin",
	                                     "ssl.keystore.password"};
	static const char *const open[] = {"client.id",
	                                   "ssl.key.location",
	                                   "tls.key",
	                                   "ssl.certificate.pem",
	                                   "bootstrap.servers",
	                                   "password.policy",
	                                   "key",
	                                   "",
	                                   "sasl.oauthbearer.token.endpoint.url",
	                                   "password-command"};

	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
		if (!mq_setting_is_secret(table, secret[i]))
			fail_msg("%s is shown", secret[i]);
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
		if (mq_setting_is_secret(table, open[i]))
			fail_msg("%s is hidden", open[i]);
	assert_true(mq_setting_is_secret(NULL, "sasl.password"));
	assert_false(mq_setting_is_secret(NULL, "pin"));
}

static void test_code(void **state)
{
	(void)state;
	static const char *const dangerous[] = {"plugin.library.paths", "sasl.kerberos.kinit.cmd",
	                                        "ssl.engine.location",  "ssl.providers",
	                                        "password-command",     "Plugin.Library.Paths"};
	static const char *const fine[] = {"client.id", "sasl.username", "ssl.ca.location",
	                                   "compression.codec", "debug"};

	for (size_t i = 0; i < sizeof dangerous / sizeof dangerous[0]; i++)
		assert_true(mq_setting_runs_code(dangerous[i]));
	for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
		assert_false(mq_setting_runs_code(fine[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_last_wins),
	    cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
