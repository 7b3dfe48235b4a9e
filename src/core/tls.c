/* OpenSSL, without ever blocking: see tls.h. */
#include "core/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct mq_tls {
	SSL_CTX *ctx;
	SSL *ssl;
	bool read_wants_write, write_wants_read; /* a handshake message must go first */
};

/* The first of OpenSSL's reasons, and the queue is empty. */
static const char *reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "no reason given";
}

/* --- the context ----------------------------------------------------------------------------- */

static int give_password(char *buf, int size, int writing, void *arg)
{
	const char *password = arg;
	size_t len = password ? strlen(password) : 0;

	(void)writing;
	if (size < 0 || len > (size_t)size)
		return -1;
	if (len)
		memcpy(buf, password, len);
	return (int)len;
}

static int load_certificate(SSL_CTX *ctx, const struct mq_net_tls *options, struct mq_err *err)
{
	const char *key = options->key ? options->key : options->cert;

	if (!options->cert)
		return options->key
		           ? mq_fail(err, MQ_USAGE, "tls.key=%s needs tls.cert too", options->key)
		           : 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, options->cert) != 1)
		return mq_fail(err, MQ_USAGE, "tls.cert=%s: no certificate could be read: %s",
		               options->cert, reason());
	/* Without this OpenSSL asks on the terminal. */
	SSL_CTX_set_default_passwd_cb(ctx, give_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)options->key_password);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1)
		return 0;
	mq_fail(err, MQ_USAGE, "tls.key=%s: no private key could be read: %s", key, reason());
	return mq_hint(err, "an encrypted key needs tls.key-password");
}

static int make_context(const struct mq_net_tls *options, SSL_CTX **ret_ctx, struct mq_err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	*ret_ctx = ctx;
	if (!ctx)
		return mq_fail_memory(err);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	if (options->insecure) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	} else {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (options->ca && SSL_CTX_load_verify_locations(ctx, options->ca, NULL) != 1)
			return mq_fail(err, MQ_USAGE,
			               "tls.ca=%s: no certificates could be read: %s", options->ca,
			               reason());
		if (!options->ca && SSL_CTX_set_default_verify_paths(ctx) != 1)
			return mq_fail(err, MQ_USAGE,
			               "the system's certificate authorities could not be read; "
			               "name them with -X tls.ca=FILE");
	}
	return load_certificate(ctx, options, err);
}

/* The name that the certificate must carry, and what the server is told that we want (SNI, which
 * has no addresses). */
static int expect_host(SSL *ssl, const char *host)
{
	unsigned char address[16];
	bool is_address =
	    inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

/* --- the handshake --------------------------------------------------------------------------- */

static int fail_handshake(struct mq_tls *tls, const char *host, int what, int errnum,
                          struct mq_err *err)
{
	long verified = SSL_get_verify_result(tls->ssl);

	if (verified != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
		ERR_clear_error();
		if (verified == X509_V_ERR_HOSTNAME_MISMATCH ||
		    verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
			mq_fail(err, MQ_DENIED, "the broker's certificate is not for %s", host);
			return mq_hint(err, "connect by the name that it is for");
		}
		mq_fail(err, MQ_DENIED, "the broker's certificate cannot be trusted: %s",
		        X509_verify_cert_error_string(verified));
		return mq_hint(err, "-X tls.ca=FILE names the authority that signed it");
	}
	err->retriable = err->code == MQ_OK;
	if (what == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
		if (errnum)
			return mq_fail_errno(err, MQ_UNREACHABLE, errnum, "the TLS handshake");
		mq_fail(err, MQ_UNREACHABLE, "the TLS handshake: closed by the other side");
		return mq_hint(err, "does this port speak TLS?");
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER) {
		ERR_clear_error();
		mq_fail(err, MQ_UNREACHABLE, "the other side does not speak TLS");
		return mq_hint(err, "use the scheme without s, or the port for TLS");
	}
	return mq_fail(err, MQ_UNREACHABLE, "the TLS handshake: %s", reason());
}

static int shake_hands(struct mq_tls *tls, int fd, const char *host, const struct mq_env *env,
                       int timeout_ms, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + timeout_ms;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		int result = SSL_connect(tls->ssl);
		int errnum = errno;
		if (result == 1)
			return 0;
		int what = SSL_get_error(tls->ssl, result);
		if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE)
			return fail_handshake(tls, host, what, errnum, err);
		int64_t left = end - mq_now_monotonic_ms();
		if (mq_cancel_signal(env->cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted in the TLS handshake");
		if (left <= 0) {
			mq_fail(err, MQ_UNREACHABLE, "no answer in the TLS handshake");
			err->retriable = true;
			return mq_hint(err, "does this port speak TLS?");
		}
		mq_cancel_wait(env->cancel, fd, what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
		               (int)left);
	}
}

int mq_tls_open(int fd, const char *host, const struct mq_net_tls *options,
                const struct mq_env *env, int timeout_ms, struct mq_tls **ret_tls,
                struct mq_err *err)
{
	struct mq_tls *tls = calloc(1, sizeof *tls);

	if (!tls)
		return mq_fail_memory(err);
	if (make_context(options, &tls->ctx, err) < 0)
		goto fail;
	tls->ssl = SSL_new(tls->ctx);
	if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1) {
		mq_fail_memory(err);
		goto fail;
	}
	if (!expect_host(tls->ssl, host)) {
		mq_fail(err, MQ_USAGE, "%s is no name that a certificate can be checked for", host);
		goto fail;
	}
	if (shake_hands(tls, fd, host, env, timeout_ms, err) < 0)
		goto fail;
	*ret_tls = tls;
	return 0;
fail:
	mq_tls_free(tls);
	return -1;
}

void mq_tls_free(struct mq_tls *tls)
{
	if (!tls)
		return;
	if (tls->ssl && SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->ctx);
	free(tls);
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* The end of a read or write that did not go through: 0 to wait, -1. */
static int64_t stopped(struct mq_tls *tls, int result, int errnum, bool reading, struct mq_err *err)
{
	int what = SSL_get_error(tls->ssl, result);

	switch (what) {
	case SSL_ERROR_WANT_READ:
		tls->write_wants_read = !reading;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		tls->read_wants_write = reading;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		mq_fail(err, MQ_UNREACHABLE, "the connection was closed by the broker");
		break;
	case SSL_ERROR_SYSCALL:
		if (ERR_peek_error() == 0 && errnum) {
			mq_fail_errno(err, MQ_UNREACHABLE, errnum, "the connection broke");
			break;
		}
		if (ERR_peek_error() == 0) {
			mq_fail(err, MQ_UNREACHABLE, "the connection was closed by the broker");
			break;
		}
		/* fall through */
	default: {
		/* With TLS 1.3 the refusal of our certificate comes after the handshake. */
		int why = ERR_GET_REASON(ERR_peek_error());
		bool denied = why == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
		              why == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
		              why == SSL_R_TLSV1_ALERT_UNKNOWN_CA;
		if (denied) {
			mq_fail(err, MQ_DENIED, "the broker refuses our certificate: %s", reason());
			return mq_hint(err, "-X tls.cert=FILE tls.key=FILE name one that it knows");
		}
		mq_fail(err, MQ_UNREACHABLE, "the TLS connection broke: %s", reason());
	}
	}
	ERR_clear_error();
	if (err)
		err->retriable = true;
	return -1;
}

static int clamp(size_t len)
{
	return len > INT_MAX ? INT_MAX : (int)len;
}

int64_t mq_tls_read(struct mq_tls *tls, void *data, size_t len, struct mq_err *err)
{
	ERR_clear_error();
	errno = 0;
	int result = SSL_read(tls->ssl, data, clamp(len));
	int errnum = errno;
	tls->read_wants_write = false;
	return result > 0 ? result : stopped(tls, result, errnum, true, err);
}

int64_t mq_tls_write(struct mq_tls *tls, const void *data, size_t len, struct mq_err *err)
{
	ERR_clear_error();
	errno = 0;
	int result = SSL_write(tls->ssl, data, clamp(len));
	int errnum = errno;
	tls->write_wants_read = false;
	return result > 0 ? result : stopped(tls, result, errnum, false, err);
}

bool mq_tls_pending(const struct mq_tls *tls)
{
	return SSL_pending(tls->ssl) > 0;
}

short mq_tls_events(const struct mq_tls *tls, bool want_write)
{
	short events = POLLIN;

	if (tls->read_wants_write || (want_write && !tls->write_wants_read))
		events |= POLLOUT;
	return events;
}
