/* name=value pairs with their sources, and which of them are secrets: see mqtk/settings.h. */
#include "mqtk/settings.h"
#include "mqtk/option.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void mq_settings_init(struct mq_settings *settings)
{
	*settings = (struct mq_settings){0};
}

static void value_release(struct mq_setting_value *item)
{
	free(item->name);
	if (item->value)
		explicit_bzero(item->value, strlen(item->value)); /* it may be a password */
	free(item->value);
	free(item->source);
}

void mq_settings_release(struct mq_settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < settings->n; i++)
		value_release(&settings->items[i]);
	free(settings->items);
	mq_settings_init(settings);
}

int mq_settings_add(struct mq_settings *settings, const char *name, const char *value,
                    const char *source, struct mq_err *err)
{
	if (settings->n == settings->cap) {
		size_t cap = settings->cap ? settings->cap * 2 : 8;
		struct mq_setting_value *items = realloc(settings->items, cap * sizeof *items);
		if (!items)
			return mq_fail_memory(err);
		settings->items = items;
		settings->cap = cap;
	}
	struct mq_setting_value item = {strdup(name), strdup(value), strdup(source)};
	if (!item.name || !item.value || !item.source) {
		value_release(&item);
		return mq_fail_memory(err);
	}
	settings->items[settings->n++] = item;
	return 0;
}

const char *mq_settings_get(const struct mq_settings *settings, const char *name)
{
	for (size_t i = settings->n; i > 0; i--)
		if (strcmp(settings->items[i - 1].name, name) == 0)
			return settings->items[i - 1].value;
	return NULL;
}

const struct mq_setting mq_registry_settings[] = {
    {"registry", "URL", "the schema registry, or several separated by commas ($MQTK_REGISTRY)",
     false},
    {"registry.token", "TEXT", "a bearer's token to identify with", true},
    {"registry.ca", "FILE", "certificate authorities to trust (the system's)", false},
    {"registry.cert", "FILE", "the client's certificate", false},
    {"registry.key", "FILE", "its private key", false},
    {"registry.key-password", "TEXT", "the password of the private key", true},
    {"registry.insecure", "BOOL", "true: do not verify certificate and name (false)", false},
    {"registry.cache", "DIR", "where schemas are kept between runs (nowhere)", false},
    {0}};

int mq_setting_is_registry(const struct mq_setting_value *setting, struct mq_err *err)
{
	const char *names[sizeof mq_registry_settings / sizeof mq_registry_settings[0]] = {0};

	if (strncmp(setting->name, "registry", 8) != 0 ||
	    (setting->name[8] && setting->name[8] != '.'))
		return 0;
	for (size_t i = 0; mq_registry_settings[i].name; i++) {
		names[i] = mq_registry_settings[i].name;
		if (strcmp(setting->name, names[i]) == 0)
			return 1;
	}
	mq_fail(err, MQ_USAGE, "%s: there is no setting '%s'", setting->source, setting->name);
	const char *nearest = mq_nearest(setting->name, names);
	if (nearest)
		return mq_hint(err, "did you mean %s?", nearest);
	return mq_hint(err, "mqtk help registry lists them");
}

bool mq_setting_is_secret(const struct mq_setting *table, const char *name)
{
	static const char *const words[] = {"password",   "secret", "token",
	                                    "passphrase", "jaas",   "oauthbearer.config"};
	size_t len = strlen(name);

	for (; table && table->name; table++)
		if (strcasecmp(table->name, name) == 0)
			return table->secret;
	for (table = mq_registry_settings; table->name; table++)
		if (strcasecmp(table->name, name) == 0)
			return table->secret;
	/* Not secret by their words: a time-out, a path and an address. */
	static const char *const open[] = {".location", ".url", ".ms", ".file", "-command"};
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
		size_t n = strlen(open[i]);
		if (len > n && strcasecmp(name + len - n, open[i]) == 0)
			return false;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasestr(name, words[i]))
			return true;
	/* tls.key names a file; ssl.key and the PEM properties hold the key itself. */
	if (strcasecmp(name, "tls.key") == 0)
		return false;
	return (len > 4 && strcasecmp(name + len - 4, ".key") == 0) ||
	       (len > 4 && strcasecmp(name + len - 4, ".pem") == 0 && strcasestr(name, "key"));
}

bool mq_setting_runs_code(const char *name)
{
	static const char *const words[] = {"plugin",   "library", "engine",
	                                    "provider", ".cmd",    "command"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}
