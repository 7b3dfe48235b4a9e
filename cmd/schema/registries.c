/* The registry of a command line: see registries.h. */
#include "cmd/schema/registries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which one -------------------------------------------------------------------------------- */

/* The profile that an address names, or NULL. */
static const struct mq_profile *profile_of(const struct mq_config *config, const char *address)
{
	char name[256];
	size_t len = strcspn(address, "/");

	if (len == 0 || len >= sizeof name)
		return NULL;
	memcpy(name, address, len);
	name[len] = '\0';
	return mq_config_profile(config, name);
}

/* Of the first address that names one with a registry, else of the default broker. */
static const struct mq_settings *profile_settings(const struct mq_invocation *invocation)
{
	const struct mq_config *config = invocation->config;
	const char *fallback = getenv("MQTK_BROKER");
	const struct mq_profile *profile;

	if (!config)
		return NULL;
	for (size_t i = 0; i < invocation->operands.n; i++) {
		profile = profile_of(config, invocation->operands.items[i]);
		if (profile && mq_settings_get(&profile->settings, "registry"))
			return &profile->settings;
	}
	if (!fallback || !*fallback)
		fallback = mq_settings_get(&config->globals, "default");
	profile = fallback ? profile_of(config, fallback) : NULL;
	if (profile && mq_settings_get(&profile->settings, "registry"))
		return &profile->settings;
	return mq_settings_get(&config->globals, "registry") ? &config->globals : NULL;
}

static const char prefix[] = "registry.";

/* Settings of that prefix, without it. */
static int take_settings(const struct mq_settings *from, struct mq_settings *to, struct mq_err *err)
{
	static const char *const known[] = {"token",    "cache",   "tls.ca",
	                                    "tls.cert", "tls.key", "tls.key-password"};

	for (size_t i = 0; from && i < from->n; i++) {
		const struct mq_setting_value *item = &from->items[i];
		const char *name = item->name + strlen(prefix);
		size_t k = 0;
		if (strncmp(item->name, prefix, strlen(prefix)) != 0)
			continue;
		while (k < sizeof known / sizeof *known && strcmp(known[k], name) != 0)
			k++;
		if (k == sizeof known / sizeof *known) {
			mq_fail(err, MQ_USAGE, "%s: there is no setting %s", item->source,
			        item->name);
			return mq_hint(err, "there are registry.token, registry.cache and "
			                    "registry.tls.ca, .cert, .key, .key-password");
		}
		if (mq_settings_add(to, name, item->value, item->source, err) < 0)
			return -1;
	}
	return 0;
}

int registries_open(const struct mq_invocation *invocation, const char *url,
                    struct mq_registry **ret, struct mq_err *err)
{
	const struct mq_settings *profile = profile_settings(invocation);
	const char *environment = getenv("MQTK_REGISTRY");
	struct mq_settings settings;
	struct mq_net_tls tls;
	int result = -1;

	*ret = NULL;
	mq_settings_init(&settings);
	if (!url)
		url = mq_settings_get(&invocation->settings, "registry");
	if (!url)
		url = environment && *environment ? environment : NULL;
	/* What is a profile's goes to the registry of that profile only. */
	if (!url && profile)
		url = mq_settings_get(profile, "registry");
	else
		profile = NULL;
	if (!url)
		return 0;
	if (take_settings(profile, &settings, err) < 0 ||
	    take_settings(&invocation->settings, &settings, err) < 0 ||
	    mq_net_tls_read(&settings, &tls, err) < 0)
		goto out;
	tls.insecure = invocation->common->insecure;
	struct mq_registry_spec spec = {
	    .urls = url,
	    .token = mq_settings_get(&settings, "token"),
	    .cache = mq_settings_get(&settings, "cache"),
	    .tls = &tls,
	    .env = invocation->env,
	};
	result = mq_registry_new(&spec, ret, err) < 0 ? -1 : 1;
out:
	mq_settings_release(&settings);
	return result;
}

int registries_need(const struct mq_invocation *invocation, const char *url, const char *what,
                    struct mq_registry **ret, struct mq_err *err)
{
	int opened = registries_open(invocation, url, ret, err);

	if (opened != 0)
		return opened < 0 ? -1 : 0;
	mq_fail(err, MQ_USAGE, "%s is in a registry, and none is named", what);
	return mq_hint(err, "--registry URL, $MQTK_REGISTRY or registry = URL in a profile names "
	                    "it");
}

/* --- what it has ------------------------------------------------------------------------------ */

bool registries_has(const char *source)
{
	return strncmp(source, "registry:", 9) == 0 || strncmp(source, "id:", 3) == 0 ||
	       strncmp(source, "guid:", 5) == 0;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool registries_guid(const char *text, unsigned char ret[static 16])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		int digit = digit_of(*text);
		if (digit < 0 || n == 32)
			return false;
		ret[n / 2] = (unsigned char)(n % 2 ? ret[n / 2] << 4 | digit : digit);
		n++;
	}
	return n == 32;
}

/* SUBJECT[:VERSION]: subjects may have colons too, so only a number or "latest" behind the last one
 * is a version. */
static int find_version(struct mq_registry *registry, const char *text,
                        const struct mq_registered **ret, struct mq_err *err)
{
	const char *colon = strrchr(text, ':');
	char subject[1024];
	size_t len = strlen(text);
	int64_t version = 0;

	if (colon && strcmp(colon, ":latest") == 0) {
		len = (size_t)(colon - text);
	} else if (colon && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		if (mq_int_parse(colon + 1, 1, INT32_MAX, &version, err) < 0)
			return -1;
		len = (size_t)(colon - text);
	}
	if (len == 0 || len >= sizeof subject) {
		mq_fail(err, MQ_USAGE, "registry:%s names no subject", text);
		return mq_hint(err, "registry:SUBJECT or registry:SUBJECT:VERSION is expected");
	}
	memcpy(subject, text, len);
	subject[len] = '\0';
	return mq_registry_by_version(registry, subject, (int32_t)version, ret, err);
}

int registries_find(struct mq_registry *registry, const char *source,
                    const struct mq_registered **ret, struct mq_err *err)
{
	unsigned char guid[16];
	int64_t id;

	if (strncmp(source, "registry:", 9) == 0)
		return find_version(registry, source + 9, ret, err);
	if (strncmp(source, "guid:", 5) == 0) {
		if (!registries_guid(source + 5, guid))
			return mq_fail(err, MQ_USAGE, "%s: 32 hexadecimal digits are expected",
			               source);
		return mq_registry_by_guid(registry, guid, ret, err);
	}
	if (mq_int_parse(source + 3, 0, INT32_MAX, &id, err) < 0)
		return -1;
	return mq_registry_by_id(registry, (int32_t)id, ret, err);
}
