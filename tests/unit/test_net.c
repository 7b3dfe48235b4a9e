/* Connections: hosts in turn, refusals in words, TLS with every way in which a certificate can be
 * wrong, waits that end. The other side is a thread of this test. */
#include "mqtk/message.h"
#include "mqtk/net.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct mq_cancel cancel;
static struct mq_env env = {.timeout_ms = 5000, .cancel = &cancel};
static char folder[80];

/* --- certificates ---------------------------------------------------------------------------- */

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

static void extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* issuer NULL: signs itself and may sign others. */
static struct identity make_identity(const char *name, const char *alt, long from_s, long to_s,
                                     const struct identity *issuer)
{
	struct identity made = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
	X509_NAME *subject = X509_get_subject_name(made.cert);

	assert_non_null(made.key);
	X509_set_version(made.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.cert), issuer ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(made.cert), from_s);
	X509_gmtime_adj(X509_getm_notAfter(made.cert), to_s);
	X509_set_pubkey(made.cert, made.key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                           0);
	X509_set_issuer_name(made.cert, issuer ? X509_get_subject_name(issuer->cert) : subject);
	if (alt)
		extension(made.cert, NID_subject_alt_name, alt);
	if (!issuer)
		extension(made.cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(made.cert, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static void free_identity(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->cert);
}

static void write_certificate(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(fclose(file), 0);
}

/* --- the other side -------------------------------------------------------------------------- */

struct server {
	int fd, port;
	pthread_t thread;
	const struct identity *identity; /* NULL: plain */
};

/* Serves one connection: sends back what comes, until it is closed. */
static void *serve(void *arg)
{
	struct server *server = arg;
	char data[1000];
	int fd = accept(server->fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	if (server->identity) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
		SSL_CTX_use_certificate(ctx, server->identity->cert);
		SSL_CTX_use_PrivateKey(ctx, server->identity->key);
		SSL *ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		int n;
		if (SSL_accept(ssl) == 1)
			while ((n = SSL_read(ssl, data, sizeof data)) > 0)
				SSL_write(ssl, data, n);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
	} else {
		ssize_t n;
		while ((n = recv(fd, data, sizeof data, 0)) > 0)
			if (send(fd, data, (size_t)n, MSG_NOSIGNAL) < 0)
				break;
	}
	close(fd);
	return NULL;
}

static void server_start(struct server *server, const struct identity *identity)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	server->identity = identity;
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->fd, 5), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_end(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

/* --- what is tried --------------------------------------------------------------------------- */

static int try_connect(const char *hosts, const struct mq_net_tls *tls, struct mq_net **ret,
                       struct mq_err *err)
{
	struct mq_net_spec spec = {.hosts = hosts, .default_port = 1, .tls = tls, .env = &env};

	mq_err_clear(err);
	*ret = NULL;
	return mq_net_connect(&spec, ret, err);
}

/* size bytes go out and come back, in whatever pieces. */
static void echo(struct mq_net *net, size_t size)
{
	char *out = malloc(size), *in = malloc(size);
	size_t sent = 0, got = 0;
	struct mq_err err = MQ_ERR_INIT;

	for (size_t i = 0; i < size; i++)
		out[i] = (char)(i * 7 + i / 256);
	while (got < size) {
		int64_t n = mq_net_write(net, out + sent, size - sent, &err);
		assert_true(n >= 0);
		sent += (size_t)n;
		n = mq_net_read(net, in + got, size - got, &err);
		assert_true(n >= 0);
		got += (size_t)n;
		if (n == 0)
			assert_int_equal(mq_net_wait(net, sent < size, 5000), 1);
	}
	assert_memory_equal(in, out, size);
	free(out);
	free(in);
}

static void plain_bytes(void **state)
{
	(void)state;
	struct server server;
	struct mq_net *net;
	struct mq_err err = MQ_ERR_INIT;
	char hosts[80], data[10];

	server_start(&server, NULL);
	snprintf(hosts, sizeof hosts, "127.0.0.1:%d", server.port);
	assert_int_equal(try_connect(hosts, NULL, &net, &err), 0);
	assert_string_equal(mq_net_peer(net), hosts);
	assert_int_equal(mq_net_read(net, data, sizeof data, &err), 0);
	assert_int_equal(mq_net_wait(net, false, 10), 0);
	echo(net, 3000000);
	shutdown(mq_net_fd(net), SHUT_WR);
	while (mq_net_wait(net, false, 5000) && mq_net_read(net, data, sizeof data, &err) >= 0)
		;
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_true(err.retriable);
	assert_non_null(strstr(err.message, "closed by the broker"));
	mq_net_close(net);
	server_end(&server);
}

static void hosts_in_turn(void **state)
{
	(void)state;
	struct server server;
	struct mq_net *net;
	struct mq_err err = MQ_ERR_INIT;
	char hosts[200];

	assert_int_equal(try_connect("127.0.0.1:1,no-such-host.invalid", NULL, &net, &err), -1);
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_true(err.retriable);
	assert_non_null(strstr(err.message, "127.0.0.1:1: Connection refused"));
	assert_non_null(strstr(err.message, "no-such-host.invalid:1: "));
	server_start(&server, NULL);
	snprintf(hosts, sizeof hosts, "127.0.0.1:1,localhost:%d", server.port);
	assert_int_equal(try_connect(hosts, NULL, &net, &err), 0);
	echo(net, 10);
	mq_net_close(net);
	server_end(&server);
	assert_int_equal(try_connect("h:0", NULL, &net, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_int_equal(try_connect("[::1", NULL, &net, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
}

static void unix_socket(void **state)
{
	(void)state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct server server = {0};
	struct mq_net *net;
	struct mq_err err = MQ_ERR_INIT;

	snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
	struct mq_net_spec spec = {.socket = address.sun_path, .env = &env};
	assert_int_equal(mq_net_connect(&spec, &net, &err), -1);
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_non_null(strstr(err.message, "/socket: No such file"));
	mq_err_clear(&err);
	server.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server.fd, 1), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
	assert_int_equal(mq_net_connect(&spec, &net, &err), 0);
	echo(net, 100000);
	mq_net_close(net);
	server_end(&server);
	unlink(address.sun_path);
}

static void cancelled(void **state)
{
	(void)state;
	struct server server;
	struct mq_net *net;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_cancel mine;
	char hosts[80];

	assert_int_equal(mq_cancel_init(&mine, &err), 0);
	env.cancel = &mine;
	server_start(&server, NULL);
	snprintf(hosts, sizeof hosts, "127.0.0.1:%d", server.port);
	assert_int_equal(try_connect(hosts, NULL, &net, &err), 0);
	mq_cancel_raise(&mine, 2);
	assert_int_equal(mq_net_wait(net, false, 60000), 0);
	int64_t begin = mq_now_monotonic_ms();
	assert_int_equal(mq_net_wait_through(net, false, 30), 0);
	assert_true(mq_now_monotonic_ms() - begin >= 29);
	mq_net_close(net);
	server_end(&server);
	assert_int_equal(try_connect("no-such-host.invalid", NULL, &net, &err), -1);
	assert_int_equal(err.code, MQ_CANCELLED);
	env.cancel = &cancel;
	mq_cancel_release(&mine);
}

/* --- TLS ------------------------------------------------------------------------------------- */

static void tls_trusts_only_what_it_should(void **state)
{
	(void)state;
	struct identity ca = make_identity("CA", NULL, -60, 3600, NULL);
	struct identity other = make_identity("other CA", NULL, -60, 3600, NULL);
	struct identity good = make_identity("s", "DNS:localhost,IP:127.0.0.1", -60, 3600, &ca);
	struct identity elsewhere =
	    make_identity("s", "DNS:elsewhere,IP:127.0.0.2", -60, 3600, &ca);
	struct identity expired = make_identity("s", "DNS:localhost", -7200, -3600, &ca);
	struct identity early = make_identity("s", "DNS:localhost", 3600, 7200, &ca);
	char ca_path[100], other_path[100];

	snprintf(ca_path, sizeof ca_path, "%s/ca.pem", folder);
	snprintf(other_path, sizeof other_path, "%s/other.pem", folder);
	write_certificate(ca_path, ca.cert);
	write_certificate(other_path, other.cert);
	const struct {
		const struct identity *identity;
		const char *host, *ca;
		bool insecure;
		const char *words; /* NULL: it must work */
	} cases[] = {
	    {&good, "localhost", ca_path, false, NULL},
	    {&good, "127.0.0.1", ca_path, false, NULL},
	    {&good, "localhost", other_path, false, "cannot be trusted"},
	    {&good, "localhost", NULL, false, "cannot be trusted"},
	    {&elsewhere, "localhost", ca_path, false, "is not for localhost"},
	    {&elsewhere, "127.0.0.1", ca_path, false, "is not for 127.0.0.1"},
	    {&elsewhere, "localhost", NULL, true, NULL},
	    {&expired, "localhost", ca_path, false, "expired"},
	    {&early, "localhost", ca_path, false, "not yet valid"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_net_tls tls = {.ca = cases[i].ca, .insecure = cases[i].insecure};
		struct mq_err err = MQ_ERR_INIT;
		struct server server;
		struct mq_net *net;
		char hosts[80];
		server_start(&server, cases[i].identity);
		snprintf(hosts, sizeof hosts, "%s:%d", cases[i].host, server.port);
		int result = try_connect(hosts, &tls, &net, &err);
		if (cases[i].words) {
			assert_int_equal(result, -1);
			if (!strstr(err.message, cases[i].words))
				fail_msg("case %zu: %s", i, err.message);
			assert_int_equal(err.code, MQ_DENIED);
		} else {
			if (result < 0)
				fail_msg("case %zu: %s", i, err.message);
			echo(net, 500000);
			mq_net_close(net);
		}
		server_end(&server);
	}
	free_identity(&ca);
	free_identity(&other);
	free_identity(&good);
	free_identity(&elsewhere);
	free_identity(&expired);
	free_identity(&early);
	unlink(ca_path);
	unlink(other_path);
}

static void tls_against_a_plain_server(void **state)
{
	(void)state;
	struct mq_net_tls tls = {.insecure = true};
	struct mq_err err = MQ_ERR_INIT;
	struct server server;
	struct mq_net *net;
	char hosts[80];

	/* It sends our own greeting back, which is no answer. */
	server_start(&server, NULL);
	snprintf(hosts, sizeof hosts, "127.0.0.1:%d", server.port);
	assert_int_equal(try_connect(hosts, &tls, &net, &err), -1);
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_non_null(strstr(err.message, "TLS"));
	server_end(&server);
}

static void settings(void **state)
{
	(void)state;
	struct mq_settings list;
	struct mq_net_tls tls;
	struct mq_err err = MQ_ERR_INIT;

	mq_settings_init(&list);
	mq_settings_add(&list, "tls.ca", "a", "-X", &err);
	mq_settings_add(&list, "tls.ca", "b", "-X", &err);
	mq_settings_add(&list, "insecure", "true", "-X", &err);
	assert_int_equal(mq_net_tls_read(&list, &tls, &err), 0);
	assert_string_equal(tls.ca, "b");
	assert_null(tls.cert);
	assert_true(tls.insecure);
	mq_settings_add(&list, "insecure", "maybe", "-X", &err);
	assert_int_equal(mq_net_tls_read(&list, &tls, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_settings_release(&list);
}

static int make_folder(void **state)
{
	(void)state;
	const char *temporary = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof folder, "%s/mqtk-net-XXXXXX", temporary ? temporary : "/tmp");
	return mkdtemp(folder) && mq_cancel_init(&cancel, NULL) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	mq_cancel_release(&cancel);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_bytes),
	    cmocka_unit_test(hosts_in_turn),
	    cmocka_unit_test(unix_socket),
	    cmocka_unit_test(cancelled),
	    cmocka_unit_test(tls_trusts_only_what_it_should),
	    cmocka_unit_test(tls_against_a_plain_server),
	    cmocka_unit_test(settings),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
