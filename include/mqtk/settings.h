/*
 * Settings: name=value pairs with where each came from. Later ones win.
 *
 * They come from the profile, then the environment, then the URL's query, then -X. A backend
 * documents the ones it knows in a table of struct mq_setting; Kafka passes the others through to
 * librdkafka.
 */
#ifndef MQTK_SETTINGS_H
#define MQTK_SETTINGS_H

#include "mqtk/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One documented setting of a backend: help, completion and `mqtk config` are made from it. */
struct mq_setting {
	const char *name;
	const char *arg;  /* what stands behind '=': FILE, N, DUR, NAME … */
	const char *help; /* one line; the default in parentheses */
	bool secret;      /* its value is never shown */
};

struct mq_setting_value {
	char *name;
	char *value;
	char *source; /* "-X", "URL", "$MQTK_…", "profile prod (FILE:LINE)" */
};

struct mq_settings {
	struct mq_setting_value *items;
	size_t n;
	size_t cap;
};

void mq_settings_init(struct mq_settings *settings);
void mq_settings_release(struct mq_settings *settings);

/* Appends a copy of all three. */
int mq_settings_add(struct mq_settings *settings, const char *name, const char *value,
                    const char *source, struct mq_err *err);

/* The last value of that name, or NULL. Borrowed. */
const char *mq_settings_get(const struct mq_settings *settings, const char *name);

/* Those of the schema registry, ended by a row without name. They may stand wherever a backend's
 * may, and no backend gets them. */
extern const struct mq_setting mq_registry_settings[];
/* 1: it is one of them; 0: it is a backend's; -1: it is named as if it were one (MQ_USAGE). */
int mq_setting_is_registry(const struct mq_setting_value *setting, struct mq_err *err);

/* True for names whose values are hidden wherever settings are shown: those of the table marked
 * secret, and any name with password, secret, token, passphrase, or ending in .key that is no file.
 */
bool mq_setting_is_secret(const struct mq_setting *table, const char *name);

/* True for names that make a client library run a program or load code (plugin.library.paths,
 * sasl.kerberos.kinit.cmd, ssl.engine.location …): a .mqtk file may not set them. */
bool mq_setting_runs_code(const char *name);

#endif
