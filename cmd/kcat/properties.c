/*
 * kcat's properties: from files and -X into settings of mqtk, and the brokers into an address.
 *
 * A few properties decide what the program does rather than what librdkafka does (where the brokers
 * are, transactions, committing); they are taken out here. All others are passed on as they are.
 */
#include "cmd/kcat/kcat.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one property ---------------------------------------------------------------------------- */

/* kcat's prefix for properties of topics is not needed: librdkafka finds them by their own names.
 * Some global names begin with the same word. */
static const char *without_prefix(const char *name)
{
	static const char prefix[] = "topic.";

	if (strncmp(name, prefix, sizeof prefix - 1) != 0 ||
	    strncmp(name, "topic.metadata.", 15) == 0 || strcmp(name, "topic.blacklist") == 0)
		return name;
	return &name[sizeof prefix - 1];
}

static int read_bool(const char *name, const char *value, bool *ret, struct mq_err *err)
{
	static const char *const yes[] = {"true", "t", "1"};
	static const char *const no[] = {"false", "f", "0"};

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(value, yes[i]) == 0)
			return *ret = true, 0;
		if (strcmp(value, no[i]) == 0)
			return *ret = false, 0;
	}
	return mq_fail(err, MQ_USAGE, "%s: '%s' is neither true nor false", name, value);
}

static int read_reset(const char *value, struct mq_pos *ret, struct mq_err *err)
{
	static const char *const beginnings[] = {"earliest", "smallest", "beginning"};
	static const char *const ends[] = {"latest", "largest", "end"};

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(value, beginnings[i]) == 0)
			return ret->kind = MQ_POS_BEGINNING, 0;
		if (strcmp(value, ends[i]) == 0)
			return ret->kind = MQ_POS_END, 0;
	}
	return mq_fail(err, MQ_USAGE, "auto.offset.reset: '%s' is neither earliest nor latest",
	               value);
}

static int keep_brokers(struct kcat *kcat, const char *brokers, struct mq_err *err)
{
	char *copy = strdup(brokers);

	if (!copy)
		return mq_fail_memory(err);
	free(kcat->brokers);
	kcat->brokers = copy;
	return 0;
}

static int add_property(struct kcat *kcat, const char *given, const char *value, const char *source,
                        struct mq_err *err)
{
	const char *name = without_prefix(given);

	if (strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0)
		return keep_brokers(kcat, value, err);
	if (strcmp(name, "enable.auto.commit") == 0 || strcmp(name, "auto.commit.enable") == 0)
		return read_bool(name, value, &kcat->commit, err);
	if (strcmp(name, "auto.commit.interval.ms") == 0)
		return mq_int_parse(value, 0, 86400000, &kcat->commit_interval_ms, err);
	if (strcmp(name, "auto.offset.reset") == 0)
		return read_reset(value, &kcat->reset, err);
	if (strncmp(name, "schema.registry.", 16) == 0)
		return mq_fail(err, MQ_USAGE, "%s: schema registries come in a later version",
		               name);
	if (strcmp(name, "transactional.id") == 0)
		kcat->transactional = *value != '\0';
	return mq_settings_add(&kcat->invocation->settings, name, value, source, err);
}

/* --- files ----------------------------------------------------------------------------------- */

/* Java's client writes user and password of SASL/PLAIN into one property. Returns the quoted value
 * behind name, or NULL. Owned by the caller. */
static char *quoted_behind(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		return NULL;
	at += strlen(name);
	const char *end = strchr(at, '"');
	return end ? strndup(at, (size_t)(end - at)) : NULL;
}

static int add_jaas(struct kcat *kcat, const char *value, const char *source, struct mq_err *err)
{
	char *user = quoted_behind(value, "username=\"");
	char *password = quoted_behind(value, "password=\"");
	int result = -1;

	if (!user || !password)
		mq_fail(err, MQ_USAGE, "%s: sasl.jaas.config without username=\"…\" password=\"…\"",
		        source);
	else if (add_property(kcat, "sasl.username", user, source, err) == 0)
		result = add_property(kcat, "sasl.password", password, source, err);
	free(user);
	free(password);
	return result;
}

/* Java's files have backslashes before ':' and '=' that mean nothing. */
static void drop_escapes(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (from[0] != '\\' || (from[1] != ':' && from[1] != '='))
			*to++ = *from;
	*to = '\0';
}

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int read_line(struct kcat *kcat, char *line, const char *source, struct mq_err *err)
{
	char *name = trim(line);
	struct mq_err mine = MQ_ERR_INIT;
	int result;

	if (*name == '\0' || *name == '#')
		return 0;
	drop_escapes(name);
	char *value = strchr(name, '=');
	if (!value || value == name)
		return mq_fail(err, MQ_USAGE, "%s: expected NAME=VALUE", source);
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	if (strcmp(name, "sasl.jaas.config") == 0)
		return add_jaas(kcat, value, source, err);
	/* Java's way to say that the host's name is not to be verified is an empty value. */
	if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 && *value == '\0')
		result = add_property(kcat, name, "none", source, &mine);
	else
		result = add_property(kcat, name, value, source, &mine);
	return result < 0 ? mq_fail(err, mine.code, "%s: %s", source, mine.message) : 0;
}

/* Returns 1, 0 when the file is missing and that is allowed, or -1. */
static int read_file(struct kcat *kcat, const char *path, bool needed, struct mq_err *err)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int result = 1;

	if (!file) {
		if (!needed)
			return 0;
		return mq_fail_errno(err, MQ_USAGE, errno, "cannot read the properties of %s",
		                     path);
	}
	for (int number = 1; result == 1 && getline(&line, &size, file) >= 0; number++) {
		char source[400];
		snprintf(source, sizeof source, "%s:%d", path, number);
		if (read_line(kcat, line, source, err) < 0)
			result = -1;
	}
	if (result == 1 && ferror(file))
		result =
		    mq_fail_errno(err, MQ_USAGE, errno, "cannot read the properties of %s", path);
	free(line);
	fclose(file);
	return result;
}

static int read_default_files(struct kcat *kcat, struct mq_err *err)
{
	static const char *const variables[] = {"KCAT_CONFIG", "KAFKACAT_CONFIG"};
	static const char *const names[] = {"kcat.conf", "kafkacat.conf"};
	const char *home = getenv("HOME");
	int result = 0;

	for (size_t i = 0; i < 2; i++) {
		const char *path = getenv(variables[i]);
		if (path && *path)
			return read_file(kcat, path, true, err);
	}
	for (size_t i = 0; home && *home && i < 2 && result == 0; i++) {
		struct mq_buf path;
		mq_buf_init(&path, 1 << 16);
		result = mq_buf_printf(&path, err, "%s/.config/%s", home, names[i]);
		if (result == 0)
			result = read_file(kcat, path.data, false, err);
		mq_buf_release(&path);
	}
	return result;
}

static int read_files(struct kcat *kcat, struct mq_err *err)
{
	const struct mq_option_list *files = &kcat->values->configs;

	if (files->n == 0)
		return read_default_files(kcat, err);
	for (size_t i = 0; i < files->n; i++) {
		if (strcmp(files->items[i], "-") == 0 || strcmp(files->items[i], "none") == 0)
			continue;
		if (read_file(kcat, files->items[i], true, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the command line ------------------------------------------------------------------------ */

static int add_x(struct kcat *kcat, const char *text, struct mq_err *err)
{
	const char *equals = strchr(text, '=');

	if (strcmp(text, "list") == 0 || strcmp(text, "help") == 0) {
		kcat->manual = true;
		return 0;
	}
	if (strcmp(text, "dump") == 0) {
		kcat->dump = true;
		return 0;
	}
	if (!equals || equals == text) {
		mq_fail(err, MQ_USAGE, "-X: '%s' is no property, expected NAME=VALUE", text);
		return mq_hint(err, "-X list shows all properties");
	}
	char *name = strndup(text, (size_t)(equals - text));
	if (!name)
		return mq_fail_memory(err);
	int result = add_property(kcat, name, equals + 1, "-X", err);
	free(name);
	return result;
}

/* librdkafka accepts PROTOCOL:// before each broker; an address does not. The protocol becomes the
 * property that it stands for, and what was said before it wins over it. */
static int split_protocols(struct kcat *kcat, struct mq_err *err)
{
	char *to = kcat->brokers;
	char protocol[32] = "";

	for (const char *at = kcat->brokers; *at;) {
		const char *end = strchrnul(at, ',');
		const char *mark = strstr(at, "://");
		if (mark && mark < end) {
			size_t len = (size_t)(mark - at);
			if (len == 0 || len >= sizeof protocol)
				return mq_fail(err, MQ_USAGE, "-b: '%s' names an unknown protocol",
				               kcat->brokers);
			for (size_t i = 0; i < len; i++)
				protocol[i] = (char)tolower((unsigned char)at[i]);
			protocol[len] = '\0';
			at = mark + 3;
		}
		if (*end == ',')
			end++;
		memmove(to, at, (size_t)(end - at));
		to += end - at;
		at = end;
	}
	*to = '\0';
	if (*protocol && !mq_settings_get(&kcat->invocation->settings, "security.protocol"))
		return mq_settings_add(&kcat->invocation->settings, "security.protocol", protocol,
		                       "-b", err);
	return 0;
}

int kcat_properties_read(struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;

	if (read_files(kcat, err) < 0)
		return -1;
	for (size_t i = 0; i < values->common.settings.n; i++)
		if (add_x(kcat, values->common.settings.items[i], err) < 0)
			return -1;
	if (values->debug && add_property(kcat, "debug", values->debug, "-d", err) < 0)
		return -1;
	if (values->brokers && keep_brokers(kcat, values->brokers, err) < 0)
		return -1;
	if (!kcat->brokers)
		return 0;
	if (split_protocols(kcat, err) < 0)
		return -1;
	if (*kcat->brokers == '\0' || strpbrk(kcat->brokers, "/?#@ "))
		return mq_fail(err, MQ_USAGE, "-b: '%s' is no list of HOST[:PORT]", kcat->brokers);
	return 0;
}

char *kcat_address(const struct kcat *kcat, const char *topic, struct mq_err *err)
{
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, 1 << 20);
	result = mq_buf_printf(&buf, err, "kafka://%s/", kcat->brokers);
	for (const char *c = topic ? topic : ""; *c && result == 0; c++) {
		bool plain = isalnum((unsigned char)*c) || strchr("-._~", *c);
		result = mq_buf_printf(&buf, err, plain ? "%c" : "%%%02X", (unsigned char)*c);
	}
	if (result == 0)
		return buf.data; /* printf left a NUL behind the text */
	mq_buf_release(&buf);
	return NULL;
}
