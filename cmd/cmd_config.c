/*
 * mqtk config: what is in force, and where it came from.
 *
 * Secrets are never printed, neither as settings nor within URLs.
 */
#include "cmd/commands.h"
#include "mqtk/address.h"
#include "mqtk/backend.h"
#include "mqtk/report.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_LIMIT ((size_t)1 << 26)

struct config_values {
	struct mq_common common;
	bool json;
	bool profiles;
};

static const struct config_values defaults = {.common = MQ_COMMON_INIT};

static const struct mq_option rows[] = {{.name = "json",
                                         .letter = 'J',
                                         .type = MQ_OPT_FLAG,
                                         .excludes = "profiles",
                                         .help = "one JSON object",
                                         .field = offsetof(struct config_values, json)},
                                        {.name = "profiles",
                                         .type = MQ_OPT_FLAG,
                                         .help = "only the names of the profiles, one a line",
                                         .field = offsetof(struct config_values, profiles)},
                                        {0}};

static const struct mq_option_set sets[] = {{"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk config", "the files that were read, the profiles, the default"},
    {"mqtk config prod/orders", "what prod/orders means, each setting with its source"},
    {"mqtk config --profiles", "names only"},
    {0}};

/* Variables that decide something, and whether their value is hidden. */
static const struct {
	const char *name;
	bool secret;
} variables[] = {{"MQTK_BROKER", false},
                 {"MQTK_CONFIG", false},
                 {"MQTK_USER", false},
                 {"MQTK_PASSWORD", true},
                 {"MQTK_REGISTRY", false}};

static const char *variable_value(size_t i)
{
	const char *value = getenv(variables[i].name);

	return value && *value ? value : NULL;
}

/* --- hiding ---------------------------------------------------------------------------------- */

/* A setting's value as it may be shown; freed by the caller. */
static char *shown_value(const struct mq_backend *backend, const char *name, const char *value,
                         struct mq_err *err)
{
	bool secret = mq_setting_is_secret(backend ? backend->settings : NULL, name);

	return mq_address_masked(secret ? MQ_HIDDEN : value, err);
}

/* Takes the text: hands it to the table or the object, and frees it. */
static void cell(struct mq_table *table, char *text)
{
	table->failed = table->failed || !text;
	mq_table_text(table, text);
	free(text);
}

static void member(struct mq_json *json, const char *name, char *text)
{
	json->failed = json->failed || !text;
	mq_json_text(json, name, text);
	free(text);
}

static const struct mq_backend *profile_backend(const struct mq_profile *profile)
{
	char scheme[32];
	size_t len = strcspn(profile->url, ":");

	if (len >= sizeof scheme)
		return NULL;
	memcpy(scheme, profile->url, len);
	scheme[len] = '\0';
	return mq_backend_for_scheme(scheme);
}

/* The default broker's text and where it was set. */
static const char *default_broker(const struct mq_config *config, const char **ret_source)
{
	const char *text = getenv("MQTK_BROKER");

	*ret_source = "$MQTK_BROKER";
	if (text && *text)
		return text;
	for (size_t i = config->globals.n; i > 0; i--) {
		const struct mq_setting_value *item = &config->globals.items[i - 1];
		if (strcmp(item->name, "default") == 0) {
			*ret_source = item->source;
			return item->value;
		}
	}
	*ret_source = "built in";
	return "local";
}

/* --- for machines ---------------------------------------------------------------------------- */

static void json_settings(struct mq_json *json, const struct mq_backend *backend,
                          const struct mq_settings *settings)
{
	mq_json_open(json, "settings", '[');
	for (size_t i = 0; i < settings->n; i++) {
		const struct mq_setting_value *item = &settings->items[i];
		mq_json_open(json, NULL, '{');
		mq_json_text(json, "name", item->name);
		member(json, "value", shown_value(backend, item->name, item->value, json->err));
		mq_json_text(json, "source", item->source);
		mq_json_close(json, '}');
	}
	mq_json_close(json, ']');
}

static void json_profile(struct mq_json *json, const struct mq_profile *profile)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "name", profile->name);
	member(json, "url", mq_address_masked(profile->url, json->err));
	mq_json_bool(json, "readonly", profile->readonly);
	mq_json_bool(json, "password_command", profile->password_command != NULL);
	mq_json_text(json, "source", profile->source);
	json_settings(json, profile_backend(profile), &profile->settings);
	mq_json_close(json, '}');
}

static void json_target(struct mq_json *json, const struct mq_target *target)
{
	mq_json_open(json, "target", '{');
	mq_json_text(json, "address", target->shown);
	mq_json_text(json, "backend", target->backend->name);
	mq_json_text(json, "scheme", target->scheme);
	mq_json_text(json, "hosts", target->authority[0] ? target->authority : NULL);
	mq_json_text(json, "path", target->path[0] ? target->path : NULL);
	mq_json_text(json, "stream", target->stream);
	mq_json_text(json, "profile", target->profile);
	mq_json_bool(json, "readonly", target->readonly);
	mq_json_text(json, "user", target->user);
	mq_json_text(json, "user_source", target->user_source);
	mq_json_text(json, "password", target->password ? MQ_HIDDEN : NULL);
	mq_json_text(json, "password_source", target->password_source);
	json_settings(json, target->backend, &target->settings);
	mq_json_close(json, '}');
}

static void json_texts(struct mq_json *json, const char *name, char *const *items, size_t n)
{
	mq_json_open(json, name, '[');
	for (size_t i = 0; i < n; i++)
		mq_json_text(json, NULL, items[i]);
	mq_json_close(json, ']');
}

static int report_json(const struct mq_config *config, const struct mq_target *target,
                       struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;
	const char *source;
	const char *broker = default_broker(config, &source);

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	json_texts(&json, "files", config->files, config->n_files);
	json_texts(&json, "ignored", config->ignored, config->n_ignored);
	mq_json_open(&json, "environment", '{');
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		const char *value = variable_value(i);
		if (value)
			member(&json, variables[i].name,
			       mq_address_masked(variables[i].secret ? MQ_HIDDEN : value, err));
	}
	mq_json_close(&json, '}');
	mq_json_open(&json, "default", '{');
	member(&json, "broker", mq_address_masked(broker, err));
	mq_json_text(&json, "source", source);
	mq_json_close(&json, '}');
	mq_json_open(&json, "profiles", '[');
	for (size_t i = 0; i < config->n_profiles; i++)
		json_profile(&json, &config->profiles[i]);
	mq_json_close(&json, ']');
	if (target)
		json_target(&json, target);
	else
		mq_json_text(&json, "target", NULL);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- for people ------------------------------------------------------------------------------ */

/* Files, variables and the default: what decides before any profile. */
static int report_sources(const struct mq_config *config, bool bold, struct mq_buf *buf,
                          struct mq_err *err)
{
	static const char *const headings[] = {"WHAT", "VALUE", "SOURCE", NULL};
	struct mq_table table;
	const char *source;
	const char *broker = default_broker(config, &source);

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < config->n_files; i++) {
		mq_table_text(&table, "file");
		mq_table_text(&table, config->files[i]);
		mq_table_text(&table, "read");
	}
	for (size_t i = 0; i < config->n_ignored; i++) {
		mq_table_text(&table, "file");
		mq_table_text(&table, config->ignored[i]);
		mq_table_text(&table, "ignored");
	}
	mq_table_text(&table, "default broker");
	cell(&table, mq_address_masked(broker, err));
	mq_table_text(&table, source);
	for (size_t i = 0; i < config->globals.n; i++) {
		const struct mq_setting_value *item = &config->globals.items[i];
		if (strcmp(item->name, "default") == 0)
			continue;
		mq_table_text(&table, item->name);
		mq_table_text(&table, item->value);
		mq_table_text(&table, item->source);
	}
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		const char *value = variable_value(i);
		if (!value)
			continue;
		mq_table_printf(&table, "$%s", variables[i].name);
		cell(&table, mq_address_masked(variables[i].secret ? MQ_HIDDEN : value, err));
		mq_table_text(&table, "environment");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int report_profiles(const struct mq_config *config, bool bold, struct mq_buf *buf,
                           struct mq_err *err)
{
	static const char *const headings[] = {"PROFILE", "KEY", "VALUE", "SOURCE", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < config->n_profiles; i++) {
		const struct mq_profile *profile = &config->profiles[i];
		const struct mq_backend *backend = profile_backend(profile);
		mq_table_text(&table, profile->name);
		mq_table_text(&table, "url");
		cell(&table, mq_address_masked(profile->url, err));
		mq_table_text(&table, profile->source);
		if (profile->readonly) {
			mq_table_text(&table, profile->name);
			mq_table_text(&table, "readonly");
			mq_table_text(&table, "true");
			mq_table_text(&table, profile->source);
		}
		if (profile->password_command) {
			mq_table_text(&table, profile->name);
			mq_table_text(&table, "password-command");
			mq_table_text(&table, MQ_HIDDEN);
			mq_table_text(&table, profile->source);
		}
		for (size_t k = 0; k < profile->settings.n; k++) {
			const struct mq_setting_value *item = &profile->settings.items[k];
			mq_table_text(&table, profile->name);
			mq_table_text(&table, item->name);
			cell(&table, shown_value(backend, item->name, item->value, err));
			mq_table_text(&table, item->source);
		}
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static void target_row(struct mq_table *table, const char *name, const char *value,
                       const char *source)
{
	if (!value || !*value)
		return;
	mq_table_text(table, name);
	mq_table_text(table, value);
	mq_table_text(table, source);
}

static int report_target(const struct mq_target *target, bool bold, struct mq_buf *buf,
                         struct mq_err *err)
{
	static const char *const headings[] = {"SETTING", "VALUE", "SOURCE", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	target_row(&table, "address", target->shown, NULL);
	target_row(&table, "backend", target->backend->title, NULL);
	target_row(&table, "profile", target->profile, NULL);
	target_row(&table, "hosts", target->authority, NULL);
	target_row(&table, "path", target->path, NULL);
	target_row(&table, "stream", target->stream, NULL);
	target_row(&table, "readonly", target->readonly ? "true" : NULL, NULL);
	target_row(&table, "user", target->user, target->user_source);
	target_row(&table, "password", target->password ? MQ_HIDDEN : NULL,
	           target->password_source);
	for (size_t i = 0; i < target->settings.n; i++) {
		const struct mq_setting_value *item = &target->settings.items[i];
		mq_table_text(&table, item->name);
		cell(&table, shown_value(target->backend, item->name, item->value, err));
		mq_table_text(&table, item->source);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int report_names(const struct mq_config *config, struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		if (mq_buf_printf(buf, err, "%s\n", config->profiles[i].name) < 0)
			return -1;
	return 0;
}

/* --- the command ----------------------------------------------------------------------------- */

static int report(const struct mq_invocation *invocation, const struct mq_target *target,
                  struct mq_buf *buf, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	bool bold = invocation->color_out;

	if (values->profiles)
		return report_names(invocation->config, buf, err);
	if (values->json)
		return report_json(invocation->config, target, buf, err);
	if (target)
		return report_target(target, bold, buf, err);
	if (report_sources(invocation->config, bold, buf, err) < 0 ||
	    mq_buf_append_char(buf, '\n', err) < 0)
		return -1;
	return report_profiles(invocation->config, bold, buf, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	struct mq_target target = {0};
	bool with_target = invocation->operands.n > 0;
	struct mq_buf buf;
	int code = -1;

	if (invocation->operands.n > (values->profiles ? 0 : 1))
		return mq_fail(err, MQ_USAGE, "unexpected operand: %s",
		               invocation->operands.items[values->profiles ? 0 : 1]);
	mq_buf_init(&buf, REPORT_LIMIT);
	if (with_target && mq_target_resolve(invocation->operands.items[0], invocation->config,
	                                     &invocation->settings, &target, err) < 0)
		goto out;
	code = report(invocation, with_target ? &target : NULL, &buf, err);
	if (code == 0)
		code = mq_print(&buf, err);
out:
	mq_target_release(&target);
	mq_buf_release(&buf);
	return code;
}

const struct mq_command mq_cmd_config = {
    .name = "config",
    .summary = "what the configuration says, and where each value comes from",
    .operands = "[ADDR]",
    .about = "Without an address, shows the files that were read, the default broker and the "
             "profiles. With one, shows what it means: broker, stream and every setting in force, "
             "with its source; a setting that stands twice has the value of its last row. "
             "Nothing is contacted, but the password-command of the address's profile is run.\n"
             "\n"
             "Secrets are shown as ********.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct config_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
