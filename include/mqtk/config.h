/*
 * The configuration: files in INI form, and MQTK_* variables.
 *
 * Read in this order, later ones win: $XDG_CONFIG_HOME/mqtk/config (or ~/.config/mqtk/config), a
 * .mqtk file found upwards from the working directory to the repository root (the folder with
 * .git), the environment. $MQTK_CONFIG names one file to read instead of both.
 *
 *   default = prod                    the broker when an address has none
 *   [profile prod]
 *   url = kafka://h1:9092,h2:9092     further keys are settings, as with -X
 *   readonly = true
 *   user = app
 *   password-command = pass show kafka/prod
 *
 * A .mqtk file comes with a checked-out tree, so password-command is honoured only from the user's
 * own file. A file with an error is refused as a whole (MQ_USAGE, with file and line).
 */
#ifndef MQTK_CONFIG_H
#define MQTK_CONFIG_H

#include "mqtk/settings.h"

#include <stdbool.h>

struct mq_profile {
	char *name;
	char *url;    /* NULL: not given yet */
	char *source; /* file:line of its section */
	char *password_command;
	bool readonly;
	struct mq_settings settings;
};

struct mq_config {
	struct mq_profile *profiles;
	size_t n_profiles;
	struct mq_settings globals; /* default, color … with their sources */
	char **files;               /* the files that were read, in order */
	size_t n_files;
};

/* Reads everything. Missing files are no error; $MQTK_CONFIG that cannot be read is (MQ_USAGE). */
int mq_config_load(struct mq_config *ret_config, struct mq_err *err);
void mq_config_release(struct mq_config *config);

const struct mq_profile *mq_config_profile(const struct mq_config *config, const char *name);

#endif
