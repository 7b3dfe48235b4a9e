/*
 * Addresses: [BROKER/]STREAM, resolved against the configuration.
 *
 * BROKER is a URL or a profile; left out it is $MQTK_BROKER, else the configured default, else
 * `local`. The last path segment names the stream; an address that ends in '/' (or a URL without a
 * path) names the broker alone. Segments are percent-decoded. A stream that begins with '^' is a
 * regular expression for those backends that can match one.
 *
 * For sqlite: the path up to the last '/' is the file (sqlite:demo.db/orders); sqlite:demo.db/
 * and sqlite:demo.db name the store alone. For redis+unix the same holds for the socket.
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
	char *path;      /* decoded, what stands before the stream: file, vhost, database; or "" */
	char *stream;    /* decoded, or NULL when the address names a broker alone */
	char *profile;   /* the profile's name, or NULL */
	char *shown;     /* the address without secrets, for messages */
	bool readonly;   /* the profile forbids everything that writes, settles or deletes */
	struct mq_settings settings;
};

/* Resolves text. overrides are the -X settings (may be NULL). Errors: MQ_USAGE for what cannot be
 * read or an unknown scheme or profile (with a suggestion), MQ_UNREACHABLE never: nothing is
 * contacted, except that the profile's password-command is run. */
int mq_target_resolve(const char *text, const struct mq_config *config,
                      const struct mq_settings *overrides, struct mq_target *ret_target,
                      struct mq_err *err);
void mq_target_release(struct mq_target *target);

/* True when both name the same broker with the same settings, so that one connection serves. */
bool mq_target_same_broker(const struct mq_target *a, const struct mq_target *b);

#endif
