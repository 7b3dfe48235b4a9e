/* The registry of a command line: see registries.h. */
#include "cmd/schema/registries.h"
#include "mqtk/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which one -------------------------------------------------------------------------------- */

const struct mq_option registries_rows[] = {
    {.name = "registry",
     .type = MQ_OPT_STRING,
     .arg = "URL",
     .help = "the schema registry ($MQTK_REGISTRY, or registry = URL in the profile)",
     .more = "Several URLs are separated by commas and tried in turn. mqtk help registry has the "
             "settings.",
     .field = offsetof(struct registries_options, url)},
    {0}};

/* Where the registry is, and whose settings hold for it. */
struct choice {
	const char *url;                  /* NULL: nothing says where */
	const struct mq_profile *profile; /* its url is this one's; else NULL */
};

/* The profile that an address uses, when it has a registry. */
static const struct mq_profile *profile_of(const struct mq_config *config, const char *address)
{
	struct mq_err none = MQ_ERR_INIT; /* whose address it is complains */
	const struct mq_profile *profile = mq_address_profile(address, config, &none);

	return profile && mq_settings_get(&profile->settings, "registry") ? profile : NULL;
}

static void choose(const struct mq_invocation *invocation, const char *url, bool alone,
                   struct choice *ret)
{
	const char *environment = getenv("MQTK_REGISTRY");
	const struct mq_profile *profile = NULL;

	*ret = (struct choice){.url = url};
	if (!ret->url)
		ret->url = mq_settings_get(&invocation->settings, "registry");
	if (!ret->url)
		ret->url = environment && *environment ? environment : NULL;
	if (ret->url)
		return;
	for (size_t i = 0; i < invocation->operands.n && !alone && !profile; i++)
		profile = profile_of(invocation->config, invocation->operands.items[i]);
	if (!profile)
		profile = profile_of(invocation->config, "");
	if (profile)
		ret->url = mq_settings_get(&profile->settings, "registry");
	ret->profile = profile;
}

static int read_bool(const struct mq_setting_value *setting, bool *ret, struct mq_err *err)
{
	const char *value = setting->value;

	*ret = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (*ret || strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return 0;
	return mq_fail(err, MQ_USAGE, "%s: %s=%s: expected true or false", setting->source,
	               setting->name, value);
}

/* Later calls win. */
static int take_settings(const struct mq_settings *settings, struct mq_registry_spec *spec,
                         struct mq_net_tls *tls, struct mq_err *err)
{
	const struct {
		const char *name;
		const char **field;
	} texts[] = {
	    {"registry.token", &spec->token}, {"registry.ca", &tls->ca},
	    {"registry.cert", &tls->cert},    {"registry.key", &tls->key},
	    {"registry.cache", &spec->cache}, {"registry.key-password", &tls->key_password},
	};

	for (size_t i = 0; i < settings->n; i++) {
		const struct mq_setting_value *setting = &settings->items[i];
		if (mq_setting_is_registry(setting, err) < 0)
			return -1;
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			if (strcmp(setting->name, texts[k].name) == 0)
				*texts[k].field = *setting->value ? setting->value : NULL;
		if (strcmp(setting->name, "registry.insecure") == 0 &&
		    read_bool(setting, &tls->insecure, err) < 0)
			return -1;
	}
	return 0;
}

static int open_choice(const struct mq_invocation *invocation, const struct choice *choice,
                       struct mq_registry **ret, struct mq_err *err)
{
	struct mq_net_tls tls = {0};
	struct mq_registry_spec spec = {.urls = choice->url, .tls = &tls, .env = invocation->env};

	/* What is a profile's goes to the registry of that profile only. */
	if ((choice->profile && take_settings(&choice->profile->settings, &spec, &tls, err) < 0) ||
	    take_settings(&invocation->settings, &spec, &tls, err) < 0)
		return -1;
	tls.insecure = tls.insecure || invocation->common->insecure;
	return mq_registry_new(&spec, ret, err);
}

int registries_open(const struct mq_invocation *invocation, const char *url,
                    struct mq_registry **ret, struct mq_err *err)
{
	struct choice choice;

	*ret = NULL;
	choose(invocation, url, false, &choice);
	if (!choice.url)
		return 0;
	return open_choice(invocation, &choice, ret, err) < 0 ? -1 : 1;
}

#define HOW_TO_NAME "--registry URL, $MQTK_REGISTRY or registry = URL in a profile names it"

int registries_need(const struct mq_invocation *invocation, const char *url, const char *what,
                    struct mq_registry **ret, struct mq_err *err)
{
	int opened = registries_open(invocation, url, ret, err);

	if (opened != 0)
		return opened < 0 ? -1 : 0;
	mq_fail(err, MQ_USAGE, "%s is in a registry, and none is named", what);
	return mq_hint(err, HOW_TO_NAME);
}

/* A setting that nobody would look at. */
static int check_settings(const struct mq_invocation *invocation, struct mq_err *err)
{
	for (size_t i = 0; i < invocation->settings.n; i++) {
		const struct mq_setting_value *setting = &invocation->settings.items[i];
		int is = mq_setting_is_registry(setting, err);
		if (is < 0)
			return -1;
		if (is == 0 && strcmp(setting->name, "insecure") != 0) {
			mq_fail(err, MQ_USAGE, "%s: '%s' is no setting of a schema registry",
			        setting->source, setting->name);
			return mq_hint(err, "mqtk help registry lists them");
		}
	}
	return 0;
}

int registries_open_alone(const struct mq_invocation *invocation, const char *url,
                          const char *writes, struct mq_registry **ret, struct mq_err *err)
{
	struct choice choice;

	*ret = NULL;
	if (check_settings(invocation, err) < 0)
		return -1;
	choose(invocation, url, true, &choice);
	if (!choice.url) {
		mq_fail(err, MQ_USAGE, "no schema registry is named");
		return mq_hint(err, HOW_TO_NAME);
	}
	if (writes && choice.profile && choice.profile->readonly) {
		mq_fail(err, MQ_DENIED, "the profile %s is read-only: %s is not allowed",
		        choice.profile->name, writes);
		return mq_hint(err, "it says readonly = true; mqtk config shows in which file");
	}
	return open_choice(invocation, &choice, ret, err);
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

int registries_split(const char *text, char *subject, size_t size, int32_t *ret_version,
                     struct mq_err *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = strlen(text);
	int64_t version = 0;

	*ret_version = -1;
	if (colon && strcmp(colon, ":latest") == 0) {
		len = (size_t)(colon - text);
		*ret_version = 0;
	} else if (colon && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		if (mq_int_parse(colon + 1, 1, INT32_MAX, &version, err) < 0)
			return -1;
		len = (size_t)(colon - text);
		*ret_version = (int32_t)version;
	}
	if (len == 0 || len >= size) {
		mq_fail(err, MQ_USAGE, "'%s' names no subject", text);
		return mq_hint(err, "SUBJECT or SUBJECT:VERSION is expected");
	}
	memcpy(subject, text, len);
	subject[len] = '\0';
	return 0;
}

static int find_version(struct mq_registry *registry, const char *text,
                        const struct mq_registered **ret, struct mq_err *err)
{
	char subject[REGISTRIES_SUBJECT_MAX];
	int32_t version;

	if (registries_split(text, subject, sizeof subject, &version, err) < 0)
		return -1;
	return mq_registry_by_version(registry, subject, version < 0 ? 0 : version, ret, err);
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
