/*
 * A connection to a broker whose protocol we speak ourselves: TCP or a unix socket, plain or TLS.
 *
 * It never blocks but in mq_net_connect and mq_net_wait, and both end at env->timeout_ms or when
 * env->cancel is raised. TLS is OpenSSL's, from version 1.2 on, with the server's certificate and
 * host name verified (RFC 6125) unless `insecure` says otherwise. One thread uses a connection.
 */
#ifndef MQTK_NET_H
#define MQTK_NET_H

#include "mqtk/env.h"
#include "mqtk/settings.h"

/* The settings of TLS, one vocabulary for all brokers; borrowed. */
struct mq_net_tls {
	const char *ca;           /* PEM file of trusted authorities; NULL: the system's */
	const char *cert, *key;   /* PEM files of a client certificate, or NULL */
	const char *key_password; /* NULL: none */
	bool insecure;            /* verify neither certificate nor name */
};

/* Rows for a backend's table of settings, and what they say. A setting of that name that is not
 * understood is MQ_USAGE. */
#define MQ_NET_TLS_SETTINGS                                                                        \
	{"tls.ca", "FILE", "certificate authorities to trust (the system's)", false},              \
	    {"tls.cert", "FILE", "the client's certificate", false},                               \
	    {"tls.key", "FILE", "its private key", false},                                         \
	    {"tls.key-password", "TEXT", "the password of the private key", true},                 \
	{                                                                                          \
		"insecure", "BOOL",                                                                \
		    "true: do not verify the broker's certificate and name (false)", false         \
	}
int mq_net_tls_read(const struct mq_settings *settings, struct mq_net_tls *ret_tls,
                    struct mq_err *err);

struct mq_net_spec {
	/* host[:port][,host[:port]…], tried in order; [v6]:port. NULL with a socket. */
	const char *hosts;
	int default_port;
	const char *socket;           /* path of a unix socket, or NULL */
	const struct mq_net_tls *tls; /* NULL: plain */
	const struct mq_env *env;
};

struct mq_net;

/* Connects to the first host that lets us, within env->timeout_ms in all. Errors: MQ_UNREACHABLE
 * (retriable) that names host, port and reason of each; MQ_DENIED for certificates and names that
 * cannot be trusted; MQ_CANCELLED; MQ_USAGE for a port that is none. */
int mq_net_connect(const struct mq_net_spec *spec, struct mq_net **ret_net, struct mq_err *err);
void mq_net_close(struct mq_net *net);

/* "host:port" or the path of the socket, of the host that answered. Borrowed. */
const char *mq_net_peer(const struct mq_net *net);
/* For poll(). TLS may hold bytes that poll() does not see: mq_net_wait knows. */
int mq_net_fd(const struct mq_net *net);

/* Reads what is there, at most len. Returns the count, 0 when nothing is there yet, -1 when the
 * other side is gone (MQ_UNREACHABLE, retriable). */
int64_t mq_net_read(struct mq_net *net, void *data, size_t len, struct mq_err *err);
/* Writes what goes without waiting. Returns the count (may be 0), -1 as mq_net_read. */
int64_t mq_net_write(struct mq_net *net, const void *data, size_t len, struct mq_err *err);

/* Waits until something can be read (or, with want_write, written), the cancel is raised or
 * timeout_ms has passed (-1: for ever). Returns 1 when one of them can be tried, else 0. */
int mq_net_wait(struct mq_net *net, bool want_write, int timeout_ms);
/* The same for what has to be finished although the cancel is raised: it does not end the wait. */
int mq_net_wait_through(struct mq_net *net, bool want_write, int timeout_ms);

#endif
