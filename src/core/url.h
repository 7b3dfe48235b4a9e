/*
 * The text of an address taken apart, before any configuration is looked at. Used by address.c and
 * config.c, and its decoding by whoever meets a URL; the grammar is that of mqtk/address.h.
 */
#ifndef MQ_CORE_URL_H
#define MQ_CORE_URL_H

#include "mqtk/settings.h"

/* Everything is owned and percent-decoded; query settings carry the source given to the parser. */
struct mq_url {
	char *scheme;    /* lower case */
	char *authority; /* hosts without user info; "" for files */
	char *user;
	char *password;
	char *path;
	char *stream; /* NULL: none */
	struct mq_settings query;
};

/* The length of the scheme when text is a URL, else 0. */
size_t mq_url_scheme(const char *text);

/* Reads a URL. broker_only: the text names a broker (a profile's url), so that its whole path is
 * the broker's. MQ_USAGE on anything malformed; messages never repeat what may be a password. */
int mq_url_parse(const char *text, bool broker_only, const char *source, struct mq_url *ret_url,
                 struct mq_err *err);
void mq_url_release(struct mq_url *url);

/* Where the query of an address begins (at its '?'), or its end. */
const char *mq_url_query(const char *text);
/* Reads the query at text, which is "" or begins with '?', into settings. */
int mq_url_parse_query(const char *text, const char *source, struct mq_settings *settings,
                       struct mq_err *err);

/* Percent-decodes the len bytes at text into a string of its own; NULL with err set on a malformed
 * sequence or a NUL. what names the piece for the message, which does not repeat the text. */
char *mq_url_decode(const char *text, size_t len, const char *what, struct mq_err *err);

/* Frees text after overwriting it. NULL is fine. */
void mq_secret_free(char *text);

#endif
