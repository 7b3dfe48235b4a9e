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
 * A value is everything behind '=' but white space around it: nothing is quoted, and a comment is a
 * line of its own. A relative sqlite: URL is meant from the file's folder. `local` is built in: the
 * store $XDG_DATA_HOME/mqtk/local.db (or ~/.local/share/…), unless a file defines that name.
 *
 * A .mqtk file comes with a checked-out tree, so it is trusted less: it must belong to the user or
 * to root (else it is ignored), password-command and settings that run or load programs are errors
 * in it, a profile in it replaces the user's as a whole (no password of the user's goes to a host
 * that the tree names) and keeps the user's readonly. Outside of a repository only the working
 * directory itself is looked at. A file with an error is refused as a whole (MQ_USAGE, with file
 * and line).
 */
#ifndef MQTK_CONFIG_H
#define MQTK_CONFIG_H

#include "mqtk/settings.h"

#include <stdbool.h>

struct mq_profile {
	char *name;
	char *url;    /* always given once the configuration is loaded */
	char *source; /* file:line of its section, or "built in" */
	char *password_command;
	bool readonly;
	bool from_tree; /* defined by a .mqtk file */
	struct mq_settings settings;
};

struct mq_config {
	struct mq_profile *profiles;
	size_t n_profiles;
	struct mq_settings globals; /* default, color … with their sources */
	bool default_from_tree;     /* globals' default was set by a .mqtk file */
	char **files;               /* the files that were read, in order */
	size_t n_files;
	char **ignored; /* "file: why" of those that were not */
	size_t n_ignored;
};

/* Reads everything. Missing files are no error; $MQTK_CONFIG that cannot be read is (MQ_USAGE). */
int mq_config_load(struct mq_config *ret_config, struct mq_err *err);
void mq_config_release(struct mq_config *config);

const struct mq_profile *mq_config_profile(const struct mq_config *config, const char *name);

#endif
