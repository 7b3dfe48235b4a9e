/*
 * HTTP against a small server of its own, a thread of this process: statuses, what is sent, slow,
 * cut, oversized and senseless answers, cancel, TLS, proxies, and that no message tells a password.
 */
#include "mqtk/env.h"
#include "mqtk/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECRET "s3cr3t pass"
#define LIMIT ((size_t)1 << 16)
/* From a MiB on libcurl would ask first whether it may send. */
#define BODY_MAX ((size_t)3 << 19)

/* --- the server: one connection at a time, answers by path ------------------------------------ */

static struct {
	int listener, stop[2];
	int port;
	pthread_t thread;
	int connections;
	struct mq_cancel *cancel; /* raised by a request for /cancel */
} server;

/* True when fd is readable, false when the server shall stop. */
static bool readable(int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
	                        {.fd = server.stop[0], .events = POLLIN}};

	return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void put_answer(int fd, const char *status, const char *extra, const char *body, size_t len)
{
	char head[300];

	snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, len,
	         extra);
	put(fd, head, strlen(head));
	put(fd, body, len);
}

/* Reads one request, head and body. */
static bool take_request(int fd, char *text, size_t size)
{
	size_t len = 0, want = 0;

	while (!want || len < want) {
		ssize_t n = readable(fd) ? recv(fd, text + len, size - len - 1, 0) : 0;
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		const char *end = strstr(text, "\r\n\r\n");
		const char *length = strcasestr(text, "Content-Length: ");
		if (end)
			want = (size_t)(end + 4 - text) +
			       (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return true;
}

/* Answers; false: the connection ends here. */
static bool answer(int fd, const char *request)
{
	static char big[4 * LIMIT];
	const char *path = strchr(request, ' ') + 1;

	if (strncmp(path, "/status/", 8) == 0) {
		char status[40];
		snprintf(status, sizeof status, "%.3s So", path + 8);
		put_answer(fd, status, "", path + 8, 3);
	} else if (strncmp(path, "/head ", 6) == 0) {
		const char *body = strstr(request, "\r\n\r\n") + 4;
		put_answer(fd, strspn(body, "x") == BODY_MAX ? "200 OK" : "400 Bad", "", request,
		           (size_t)(body - request));
	} else if (strncmp(path, "/big ", 5) == 0) {
		put_answer(fd, "200 OK", "", big, sizeof big);
	} else if (strncmp(path, "/redirect ", 10) == 0) {
		put_answer(fd, "302 Found", "Location: /status/200\r\n", "", 0);
	} else if (strncmp(path, "/cut ", 5) == 0) {
		static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
		put(fd, cut, sizeof cut - 1);
		return false;
	} else if (strncmp(path, "/none ", 6) == 0) {
		return false;
	} else if (strncmp(path, "/amqp ", 6) == 0) {
		put(fd, "AMQP\0\0\x09\x01", 8);
		return false;
	} else if (strncmp(path, "/slow ", 6) == 0 || strncmp(path, "/cancel ", 8) == 0) {
		if (path[1] == 'c')
			mq_cancel_raise(server.cancel, SIGTERM);
		readable(fd); /* until the client goes away */
		return false;
	} else {
		put_answer(fd, "200 OK", "", request, strlen(request));
	}
	return true;
}

static void *serve(void *ctx)
{
	static char request[BODY_MAX + 4096];

	(void)ctx;
	while (readable(server.listener)) {
		int fd = accept(server.listener, NULL, NULL);
		server.connections++;
		while (take_request(fd, request, sizeof request) && answer(fd, request))
			;
		close(fd);
	}
	return NULL;
}

static int start_server(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the program does */
	unsetenv("http_proxy");
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (pipe(server.stop) < 0 ||
	    bind(server.listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(server.listener, 8) < 0 ||
	    getsockname(server.listener, (struct sockaddr *)&address, &len) < 0)
		return -1;
	server.port = ntohs(address.sin_port);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
	(void)state;
	close(server.stop[1]);
	pthread_join(server.thread, NULL);
	close(server.stop[0]);
	close(server.listener);
	return 0;
}

/* --- help ------------------------------------------------------------------------------------ */

static struct mq_env env = {.timeout_ms = 10000};

/* "PORT" in the address is the server's. */
static struct mq_http *client(const char *address)
{
	char url[200];
	struct mq_http_spec spec = {.url = url, .user = "user", .password = SECRET, .env = &env};
	struct mq_http *http = NULL;
	struct mq_err err = MQ_ERR_INIT;

	const char *port = strstr(address, "PORT");
	size_t before = port ? (size_t)(port - address) : strlen(address);
	snprintf(url, sizeof url, "%.*s", (int)before, address);
	if (port)
		snprintf(url + before, sizeof url - before, "%d%s", server.port, port + 4);
	if (mq_http_new(&spec, &http, &err) < 0)
		fail_msg("%s", err.message);
	return http;
}

/* Answers are compared as text: a NUL is put behind them. */
static int perform(struct mq_http *http, const char *method, const char *path, const char *body,
                   struct mq_buf *buf, struct mq_err *err)
{
	struct mq_http_request request = {.method = method,
	                                  .path = path,
	                                  .body = body,
	                                  .content_type = body ? "application/json" : NULL};

	mq_buf_init(buf, LIMIT);
	mq_err_clear(err);
	int status = mq_http_perform(http, &request, buf, err);
	assert_int_equal(status < 0, err->code != MQ_OK);
	assert_null(strstr(err->message, "s3cr3t"));
	assert_null(strstr(err->hint, "s3cr3t"));
	if (status < 0)
		assert_int_equal(buf->len, 0);
	assert_int_equal(mq_buf_append_char(buf, '\0', NULL), 0);
	return status;
}

/* One request that gets no answer, on a client of its own. */
static void perform_fails(const char *host, const char *path, struct mq_err *err)
{
	struct mq_http *http = client(host);
	struct mq_buf buf;

	assert_int_equal(perform(http, "GET", path, NULL, &buf, err), -1);
	mq_buf_release(&buf);
	mq_http_free(http);
}

#define HERE "http://127.0.0.1:PORT"

/* --- tests ----------------------------------------------------------------------------------- */

static void test_statuses(void **state)
{
	static const int statuses[] = {200, 401, 404, 500, 503};
	struct mq_http *http = client(HERE "/");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;
	int before = server.connections;
	char path[20];

	(void)state;
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		snprintf(path, sizeof path, "/status/%d", statuses[i]);
		assert_int_equal(perform(http, "GET", path, NULL, &buf, &err), statuses[i]);
		assert_string_equal(buf.data, path + 8);
		mq_buf_release(&buf);
	}
	assert_int_equal(perform(http, "GET", "/redirect", NULL, &buf, &err), 302);
	mq_buf_release(&buf);
	/* One connection did it all. */
	assert_int_equal(server.connections, before + 1);
	mq_http_free(http);
}

/* What is there already stays before the answer. */
static void test_appends(void **state)
{
	struct mq_http *http = client(HERE);
	struct mq_http_request request = {.method = "GET", .path = "/status/200"};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 100);
	assert_int_equal(mq_buf_append_str(&buf, "before ", &err), 0);
	assert_int_equal(mq_http_perform(http, &request, &buf, &err), 200);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data, "before 200");
	mq_buf_release(&buf);
	mq_http_free(http);
}

static void test_what_is_sent(void **state)
{
	struct mq_http *http = client(HERE "/base/");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	assert_int_equal(perform(http, "PUT", "/a%2Fb", "{\"x\":1}", &buf, &err), 200);
	assert_ptr_equal(strstr(buf.data, "PUT /base/a%2Fb HTTP/1.1\r\n"), buf.data);
	/* "user:s3cr3t pass" */
	assert_non_null(strstr(buf.data, "Authorization: Basic dXNlcjpzM2NyM3QgcGFzcw==\r\n"));
	assert_non_null(strstr(buf.data, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(buf.data, "\r\n\r\n{\"x\":1}"));
	mq_buf_release(&buf);
	assert_int_equal(perform(http, "DELETE", "/x", NULL, &buf, &err), 200);
	assert_ptr_equal(strstr(buf.data, "DELETE /base/x HTTP/1.1\r\n"), buf.data);
	assert_null(strstr(buf.data, "Content-Type"));
	mq_buf_release(&buf);
	/* The next request is not the DELETE, nor has it the PUT's body. */
	assert_int_equal(perform(http, "GET", "/../y", NULL, &buf, &err), 200);
	assert_ptr_equal(strstr(buf.data, "GET /base/../y HTTP/1.1\r\n"), buf.data);
	assert_string_equal(strstr(buf.data, "\r\n\r\n"), "\r\n\r\n");
	mq_buf_release(&buf);
	mq_http_free(http);
}

/* A large body is sent whole, without waiting for a "100 Continue". */
static void test_large_body(void **state)
{
	struct mq_http *http = client(HERE);
	struct mq_err err = MQ_ERR_INIT;
	char *body = calloc(1, BODY_MAX + 1);
	struct mq_buf buf;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', BODY_MAX);
	assert_int_equal(perform(http, "POST", "/head", body, &buf, &err), 200);
	assert_null(strcasestr(buf.data, "Expect:"));
	free(body);
	mq_buf_release(&buf);
	mq_http_free(http);
}

static void test_user_in_url(void **state)
{
	/* The user of the URL wins, and is not given the other's password. */
	struct mq_http *http = client("http://us%65r:s3cr3t%20pass@127.0.0.1:PORT");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	assert_int_equal(perform(http, "GET", "/x", NULL, &buf, &err), 200);
	assert_non_null(strstr(buf.data, "Basic dXNlcjpzM2NyM3QgcGFzcw==\r\n"));
	mq_buf_release(&buf);
	perform_fails("http://user:s3cr3t%20pass@127.0.0.1:PORT", "/cut", &err);
	assert_non_null(strstr(err.message, "http://127.0.0.1:"));
	mq_http_free(http);
	http = client("http://other@127.0.0.1:PORT");
	assert_int_equal(perform(http, "GET", "/x", NULL, &buf, &err), 200);
	assert_non_null(strstr(buf.data, "Basic b3RoZXI6\r\n"));
	mq_buf_release(&buf);
	mq_http_free(http);
}

static void test_no_answer(void **state)
{
	static const char *const paths[] = {"/cut", "/none", "/slow"};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		int64_t began = mq_now_monotonic_ms();
		env.timeout_ms = i == 2 ? 300 : 10000;
		perform_fails(HERE, paths[i], &err);
		assert_int_equal(err.code, MQ_UNREACHABLE);
		assert_true(err.retriable);
		assert_true(mq_now_monotonic_ms() - began < 5000);
	}
	assert_non_null(strstr(err.message, "no answer within 300 ms"));
	env.timeout_ms = 10000;
}

static void test_nobody_there(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	perform_fails("http://127.0.0.1:1", "/", &err); /* a port of root's that nobody has */
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_string_equal(err.message,
	                    "cannot connect to http://127.0.0.1:1: Connection refused");
	env.timeout_ms = 3000;
	perform_fails("http://no-such-host.invalid", "/", &err);
	env.timeout_ms = 10000;
	assert_int_equal(err.code, MQ_UNREACHABLE);
	assert_non_null(strstr(err.message, "no-such-host.invalid"));
}

static void test_senseless(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	perform_fails(HERE, "/amqp", &err);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "does not speak HTTP"));
	perform_fails(HERE, "/big", &err);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "larger than 65536 bytes"));
	assert_non_null(strstr(err.message, "http://127.0.0.1:"));
}

static void test_cancel(void **state)
{
	struct mq_cancel cancel;
	struct mq_err err = MQ_ERR_INIT;
	int64_t began = mq_now_monotonic_ms();

	(void)state;
	assert_int_equal(mq_cancel_init(&cancel, &err), 0);
	server.cancel = env.cancel = &cancel;
	env.timeout_ms = 60000;
	perform_fails(HERE, "/cancel", &err); /* raised while it waits */
	assert_int_equal(err.code, MQ_CANCELLED);
	perform_fails(HERE, "/slow", &err); /* raised before */
	assert_int_equal(err.code, MQ_CANCELLED);
	assert_true(mq_now_monotonic_ms() - began < 10000);
	env.timeout_ms = 10000;
	env.cancel = NULL;
	mq_cancel_release(&cancel);
}

/* --- TLS ------------------------------------------------------------------------------------- */

/* A certificate for that name, by itself. */
static void make_certificate(const char *alt, EVP_PKEY **ret_key, X509 **ret_cert)
{
	X509 *cert = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_NAME *name = X509_get_subject_name(cert);

	assert_non_null(key);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
	                           0);
	X509_set_issuer_name(cert, name);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	*ret_key = key;
	*ret_cert = cert;
}

struct tls_server {
	int fd;
	SSL_CTX *ctx;
};

/* One connection, one request. */
static void *serve_tls(void *arg)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct tls_server *tls = arg;
	int fd = accept(tls->fd, NULL, NULL);
	SSL *ssl = SSL_new(tls->ctx);
	char request[4096];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0)
		SSL_write(ssl, reply, sizeof reply - 1);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

/* Asks a server with a certificate for alt; ca: trust that very certificate. */
static int ask_tls(const char *alt, bool ca, bool insecure, struct mq_err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	struct tls_server tls = {.fd = socket(AF_INET, SOCK_STREAM, 0),
	                         .ctx = SSL_CTX_new(TLS_server_method())};
	const char *folder = getenv("TMPDIR");
	char file[300], url[60];
	struct mq_net_tls how = {.ca = ca ? file : NULL, .insecure = insecure};
	struct mq_http_spec spec = {.url = url, .tls = &how, .env = &env};
	struct mq_http *http = NULL;
	pthread_t thread;
	struct mq_buf buf;
	EVP_PKEY *key;
	X509 *cert;

	snprintf(file, sizeof file, "%s/mqtk-http-XXXXXX", folder ? folder : "/tmp");
	make_certificate(alt, &key, &cert);
	SSL_CTX_use_certificate(tls.ctx, cert);
	SSL_CTX_use_PrivateKey(tls.ctx, key);
	FILE *pem = fdopen(mkstemp(file), "w");
	assert_non_null(pem);
	assert_int_equal(PEM_write_X509(pem, cert), 1);
	assert_int_equal(fclose(pem), 0);
	assert_int_equal(bind(tls.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(tls.fd, 1), 0);
	assert_int_equal(getsockname(tls.fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_tls, &tls), 0);
	snprintf(url, sizeof url, "https://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(mq_http_new(&spec, &http, err), 0);
	int status = perform(http, "GET", "/", NULL, &buf, err);
	mq_http_free(http);
	pthread_join(thread, NULL);
	mq_buf_release(&buf);
	unlink(file);
	close(tls.fd);
	SSL_CTX_free(tls.ctx);
	EVP_PKEY_free(key);
	X509_free(cert);
	return status;
}

static void test_tls(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	assert_int_equal(ask_tls("IP:127.0.0.1", true, false, &err), 200);
	assert_int_equal(ask_tls("IP:127.0.0.1", false, false, &err), -1);
	assert_int_equal(err.code, MQ_DENIED);
	assert_non_null(strstr(err.message, "cannot be trusted"));
	assert_non_null(strstr(err.hint, "tls.ca"));
	mq_err_clear(&err);
	assert_int_equal(ask_tls("DNS:elsewhere.example", true, false, &err), -1);
	assert_int_equal(err.code, MQ_DENIED);
	mq_err_clear(&err);
	assert_int_equal(ask_tls("DNS:elsewhere.example", false, true, &err), 200);
}

/* What is no certificate is the user's mistake; who answers in clear text is not reached. */
static void test_tls_mistakes(void **state)
{
	struct mq_net_tls how = {.ca = "/nonexistent/ca.pem"};
	struct mq_http_spec spec = {.url = "https://127.0.0.1:1", .tls = &how, .env = &env};
	char url[60];
	struct mq_http *http;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	snprintf(url, sizeof url, "https://127.0.0.1:%d", server.port);
	spec.url = url;
	assert_int_equal(mq_http_new(&spec, &http, &err), 0);
	assert_int_equal(perform(http, "GET", "/x", NULL, &buf, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.message, "/nonexistent/ca.pem"));
	mq_buf_release(&buf);
	mq_http_free(http);
	env.timeout_ms = 500;
	perform_fails("https://127.0.0.1:PORT", "/x", &err);
	env.timeout_ms = 10000;
	assert_int_equal(err.code, MQ_UNREACHABLE);
}

/* --- more ------------------------------------------------------------------------------------ */

static void test_proxy(void **state)
{
	struct mq_http *http;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;
	char proxy[60];

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	static const char *const here[] = {HERE, "http://localhost:PORT", "http://LocalHost:PORT/"};
	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
		http = client(here[i]);
		assert_int_equal(perform(http, "GET", "/x", NULL, &buf, &err), 200);
		mq_buf_release(&buf);
		mq_http_free(http);
	}
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server.port);
	setenv("http_proxy", proxy, 1);
	http = client("http://elsewhere.invalid");
	assert_int_equal(perform(http, "GET", "/x", NULL, &buf, &err), 200);
	assert_ptr_equal(strstr(buf.data, "GET http://elsewhere.invalid/x HTTP/1.1\r\n"), buf.data);
	mq_buf_release(&buf);
	mq_http_free(http);
	unsetenv("http_proxy");
}

static void test_bad_urls(void **state)
{
	static const char *const urls[] = {"127.0.0.1:15672",
	                                   "ftp://" SECRET "@host",
	                                   "",
	                                   "http://",
	                                   "http:///path",
	                                   "https://user:" SECRET "@",
	                                   "http://user:" SECRET "@host?query",
	                                   "http://user:%zz" SECRET "@host",
	                                   "amqp://user:" SECRET "@host"};

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct mq_http_spec spec = {.url = urls[i], .env = &env};
		struct mq_http *http = NULL;
		struct mq_err err = MQ_ERR_INIT;
		assert_int_equal(mq_http_new(&spec, &http, &err), -1);
		assert_int_equal(err.code, MQ_USAGE);
		assert_null(strstr(err.message, "s3cr3t"));
		assert_null(http);
	}
}

static void test_segment(void **state)
{
	static const char *const pairs[][2] = {
	    {"/", "%2F"}, {"orders-1_2.x~", "orders-1_2.x~"}, {"..", "%2E%2E"},
	    {".", "%2E"}, {"a b%\n", "a%20b%25%0A"},          {"\xc3\xa9?#", "%C3%A9%3F%23"},
	    {"", ""},
	};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct mq_buf buf;
		mq_buf_init(&buf, 100);
		assert_int_equal(mq_http_append_segment(&buf, pairs[i][0], &err), 0);
		assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
		assert_string_equal(buf.data, pairs[i][1]);
		mq_buf_release(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_statuses),     cmocka_unit_test(test_appends),
	    cmocka_unit_test(test_what_is_sent), cmocka_unit_test(test_large_body),
	    cmocka_unit_test(test_user_in_url),  cmocka_unit_test(test_no_answer),
	    cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_senseless),
	    cmocka_unit_test(test_cancel),       cmocka_unit_test(test_tls),
	    cmocka_unit_test(test_tls_mistakes), cmocka_unit_test(test_proxy),
	    cmocka_unit_test(test_bad_urls),     cmocka_unit_test(test_segment),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
