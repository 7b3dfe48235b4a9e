/*
 * Addresses: [BROKER/]STREAM, resolved against the configuration.
 *
 * BROKER is a URL or a profile; left out it is $MQTK_BROKER, else the configured default, else
 * `local`. The last path segment names the stream; an address that ends in '/' (or a URL without a
 * path) names the broker alone. Segments are percent-decoded. A stream that begins with '^' is a
 * regular expression for those backends that can match one.
 *
 * For sqlite: the path up to the last '/' is the file (sqlite:demo.db/orders); sqlite:demo.db/
 * and sqlite:demo.db name the store alone. A last segment that ends in .db, .sqlite or .sqlite3 is
 * the store's, not a stream (sqlite:data/demo.db; a stream of such a name is written with %2E). For
 * redis+unix the same holds for the socket. "~/" at the start of the path is $HOME.
 *
 * Behind '?' stand settings: kafka://h/orders?client.id=nightly. In a stream that is a regular
 * expression the last '?' with NAME= behind it begins them, any other belongs to the expression.
 * What stands for a broker alone (a profile's url, $MQTK_BROKER, default) is all the broker's: no
 * part of it is a stream. The empty address is the default broker.
 *
 * Settings come from the profile, the environment, the URL and -X; later ones win. `user` and
 * `password` are settings too, but end in the target's fields. In the environment they are
 * $MQTK_USER and $MQTK_PASSWORD, which are not given to brokers that a .mqtk file names.
 */
#ifndef MQTK_ADDRESS_H
#define MQTK_ADDRESS_H

#include "mqtk/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct mq_backend;
struct mq_config;

/* A resolved address. Everything is owned by it. */
struct mq_target {
	const struct mq_backend *backend;
	char *scheme;    /* as written: kafka, kafkas, sqlite … */
	char *authority; /* host[:port][,host…] without user info; "" for file addresses */
	char *user;      /* NULL: none */
	char *password;  /* NULL: none; never shown */
	char *user_source, *password_source; /* where they came from, as with settings */
	char *path;    /* decoded, what stands before the stream: file, vhost, database; or "" */
	char *stream;  /* decoded, or NULL when the address names a broker alone */
	char *profile; /* the profile's name, or NULL */
	char *shown;   /* the address without secrets, for messages; ends in '/' without a stream */
	bool readonly; /* the profile forbids everything that writes, settles or deletes */
	struct mq_settings settings;
};

/* Resolves text. overrides are the -X settings (may be NULL). Errors: MQ_USAGE for what cannot be
 * read or an unknown scheme or profile (with a suggestion), MQ_UNREACHABLE never: nothing is
 * contacted, except that the profile's password-command is run (MQ_DENIED when it fails). */
int mq_target_resolve(const char *text, const struct mq_config *config,
                      const struct mq_settings *overrides, struct mq_target *ret_target,
                      struct mq_err *err);
void mq_target_release(struct mq_target *target);

/* The profile that an address uses; NULL: none, or with err set that there is none of that name. */
struct mq_profile;
const struct mq_profile *mq_address_profile(const char *text, const struct mq_config *config,
                                            struct mq_err *err);

/* The broker's address as others can use it: no stream, no profile, no settings, no user; of a file
 * that is there its absolute path. Ends in '/'. A string of its own, or NULL with err set. */
char *mq_target_broker(const struct mq_target *target, struct mq_err *err);

/* True when both name the same broker with the same settings, so that one connection serves. */
bool mq_target_same_broker(const struct mq_target *a, const struct mq_target *b);

/* The text with passwords and the values of secret settings in its URL replaced by MQ_HIDDEN, for
 * showing what a configuration says. A string of its own, or NULL with err set. */
char *mq_address_masked(const char *text, struct mq_err *err);
#define MQ_HIDDEN "********"

#endif
