/*
 * HTTP requests, for what brokers only tell over HTTP and for schema registries: one request, one
 * answer, by libcurl.
 *
 * libcurl is loaded at the first use, because starting with it would cost every command more than
 * all of the rest. Waiting ends at env->timeout_ms or when env->cancel is raised.
 */
#ifndef MQTK_HTTP_H
#define MQTK_HTTP_H

#include "mqtk/bytes.h"
#include "mqtk/env.h"
#include "mqtk/net.h"

#include <stdbool.h>

struct mq_http; /* a client that keeps its connection; one thread */

struct mq_http_spec {
	const char *url;  /* of the server; requests append to it */
	const char *user; /* basic authentication, or NULL */
	const char *password;
	const char *token;            /* a bearer's, or NULL; not beside a user */
	const struct mq_net_tls *tls; /* for https; NULL: the defaults */
	const char *settings;         /* what those of TLS begin with, for hints; NULL: "tls" */
	const struct mq_env *env;
};

struct mq_http_request {
	const char *method;       /* GET PUT POST DELETE */
	const char *path;         /* appended to the URL, already percent-encoded */
	const char *body;         /* NULL: none */
	const char *content_type; /* NULL: none */
	const char *accept;       /* NULL: anything */
	int timeout_ms;           /* 0: env's */
};

/* Copies what it needs of spec but env. MQ_USAGE when libcurl is not there, or was not at build. */
int mq_http_new(const struct mq_http_spec *spec, struct mq_http **ret_http, struct mq_err *err);
void mq_http_free(struct mq_http *http);

/* The URL as messages show it: without user info, without '/' at its end. */
const char *mq_http_url(const struct mq_http *http);

/* Appends the answer's body to buf (its limit holds: MQ_DATA) and returns the status, whatever it
 * is. -1: no answer (MQ_UNREACHABLE, retriable), a certificate that cannot be trusted (MQ_DENIED),
 * MQ_CANCELLED. Redirects are not followed. */
int mq_http_perform(struct mq_http *http, const struct mq_http_request *request, struct mq_buf *buf,
                    struct mq_err *err);

/* Whether the text has the password or the token in it, in plain or as it was sent. */
bool mq_http_is_secret_in(const struct mq_http *http, const char *text);

/* How long the last answer asks to wait before the next try (Retry-After), in ms; 0: it does not.
 */
int64_t mq_http_retry_after_ms(struct mq_http *http);

/* Appends text percent-encoded as one segment of a path (RFC 3986: '/' too). */
int mq_http_append_segment(struct mq_buf *buf, const char *text, struct mq_err *err);

#endif
