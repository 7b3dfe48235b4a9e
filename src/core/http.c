/*
 * HTTP by libcurl: see mqtk/http.h. What is asked and what the answers mean is the callers'.
 *
 * Only libcurl's headers are compiled against. The library itself is loaded at the first use:
 * with all that it needs it takes milliseconds, which every start of the program would pay.
 */
#include "mqtk/http.h"

#include "core/library.h"
#include "core/url.h"
#include "mqtk/format.h"

#ifdef MQ_WITH_http
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_S 86400

/* --- the library ----------------------------------------------------------------------------- */

#define FUNCTIONS(X)                                                                               \
	X(global_init)                                                                             \
	X(easy_init)                                                                               \
	X(easy_reset)                                                                              \
	X(easy_setopt)                                                                             \
	X(easy_getinfo)                                                                            \
	X(easy_strerror)                                                                           \
	X(easy_cleanup)                                                                            \
	X(multi_init)                                                                              \
	X(multi_add_handle)                                                                        \
	X(multi_remove_handle)                                                                     \
	X(multi_perform)                                                                           \
	X(multi_poll)                                                                              \
	X(multi_info_read)                                                                         \
	X(multi_strerror)                                                                          \
	X(multi_cleanup)                                                                           \
	X(slist_append)                                                                            \
	X(slist_free_all)

#define DECLARE(name) __typeof__(curl_##name) *(name);
static struct {
	FUNCTIONS(DECLARE)
} curl;

#define ROW(name) MQ_SYMBOL(curl, curl_, name),
static const struct mq_symbol symbols[] = {FUNCTIONS(ROW)};

static const char *begin(void)
{
	return curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? NULL
	                                                         : "it cannot be initialised";
}

static struct mq_library library = {
    .file = "libcurl.so.4",
    .purpose = "HTTP",
    .install = "libcurl (the package libcurl4 on Debian and Ubuntu)",
    MQ_SYMBOLS(symbols),
    .begin = begin,
};

/* --- a client -------------------------------------------------------------------------------- */

struct mq_http {
	char *url; /* without user info and without '/' at its end */
	char *user, *password, *token;
	char settings[20]; /* what those of TLS begin with */
	char *ca, *cert, *key, *key_password;
	bool insecure;
	bool local; /* the server is on this machine: no proxy */
	const struct mq_env *env;
	CURL *easy;
	CURLM *multi;
	int timeout_ms;             /* of the request at hand */
	char said[CURL_ERROR_SIZE]; /* libcurl's words about the last request */
};

static bool is_local(const char *host, size_t len)
{
	static const char *const names[] = {"localhost", "[::1]"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t n = strlen(names[i]);
		if (len >= n && strncasecmp(host, names[i], n) == 0 && (len == n || host[n] == ':'))
			return true;
	}
	return strncmp(host, "127.", 4) == 0;
}

/* "user:password@", percent-decoded; wins over what spec says. */
static int take_user(struct mq_http *http, const char *info, size_t len, struct mq_err *err)
{
	const char *colon = memchr(info, ':', len);
	size_t user = colon ? (size_t)(colon - info) : len;

	http->user = mq_url_decode(info, user, "the user in the URL", err);
	if (!http->user)
		return -1;
	if (!colon)
		return 0;
	http->password = mq_url_decode(colon + 1, len - user - 1, "the password in the URL", err);
	return http->password ? 0 : -1;
}

/* Takes the URL apart, so that no secret is left in what messages show. */
static int take_url(struct mq_http *http, const char *url, struct mq_err *err)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t scheme = 0;

	for (size_t i = 0; i < 2 && !scheme; i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			scheme = strlen(schemes[i]);
	if (!scheme)
		return mq_fail(
		    err, MQ_USAGE,
		    "an HTTP address begins with http:// or https://, but this does not");
	const char *host = url + scheme;
	size_t len = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', len);
	if (at && take_user(http, host, (size_t)(at - host), err) < 0)
		return -1;
	if (at) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	/* One of these, not encoded, ended the host: what is before the '@' may be a password. */
	if (strchr(host + len, '@')) {
		mq_fail(err, MQ_USAGE, "an HTTP address has an '@' behind its host");
		return mq_hint(err, "in a user or password '/' is written %%2F, '?' %%3F and '#' "
		                    "%%23; in a path '@' is %%40");
	}
	if (len == 0 || strpbrk(host + len, "?#"))
		return mq_fail(err, MQ_USAGE, "%.*s%s: expected a host, a port and a path, no more",
		               (int)scheme, url, host);
	http->local = is_local(host, len);
	size_t rest = strlen(host);
	while (host[rest - 1] == '/')
		rest--;
	http->url = malloc(scheme + rest + 1);
	if (!http->url)
		return mq_fail_memory(err);
	memcpy(http->url, url, scheme);
	memcpy(http->url + scheme, host, rest);
	http->url[scheme + rest] = '\0';
	return 0;
}

static int copy(char **to, const char *from, struct mq_err *err)
{
	if (!from || *to)
		return 0;
	*to = strdup(from);
	return *to ? 0 : mq_fail_memory(err);
}

int mq_http_new(const struct mq_http_spec *spec, struct mq_http **ret_http, struct mq_err *err)
{
	struct mq_http *http = NULL;

	if (mq_library_load(&library, err) < 0)
		return -1;
	http = calloc(1, sizeof *http);
	if (!http)
		return mq_fail_memory(err);
	http->env = spec->env;
	snprintf(http->settings, sizeof http->settings, "%s",
	         spec->settings ? spec->settings : "tls");
	if (take_url(http, spec->url, err) < 0)
		goto fail;
	/* The user of the URL does not get the password of another. */
	if (!http->user && (copy(&http->user, spec->user, err) < 0 ||
	                    copy(&http->password, spec->password, err) < 0))
		goto fail;
	if (!http->user && copy(&http->token, spec->token, err) < 0)
		goto fail;
	if (spec->tls) {
		http->insecure = spec->tls->insecure;
		if (copy(&http->ca, spec->tls->ca, err) < 0 ||
		    copy(&http->cert, spec->tls->cert, err) < 0 ||
		    copy(&http->key, spec->tls->key, err) < 0 ||
		    copy(&http->key_password, spec->tls->key_password, err) < 0)
			goto fail;
	}
	http->easy = curl.easy_init();
	http->multi = curl.multi_init();
	if (!http->easy || !http->multi) {
		mq_fail_memory(err);
		goto fail;
	}
	*ret_http = http;
	return 0;
fail:
	mq_http_free(http);
	return -1;
}

void mq_http_free(struct mq_http *http)
{
	if (!http)
		return;
	if (http->easy)
		curl.easy_cleanup(http->easy);
	if (http->multi)
		curl.multi_cleanup(http->multi);
	free(http->url);
	free(http->user);
	mq_secret_free(http->password);
	mq_secret_free(http->token);
	free(http->ca);
	free(http->cert);
	free(http->key);
	mq_secret_free(http->key_password);
	free(http);
}

const char *mq_http_url(const struct mq_http *http)
{
	return http->url;
}

bool mq_http_is_secret_in(const struct mq_http *http, const char *text)
{
	struct mq_buf pair, sent;
	bool found = false;

	if ((http->token && *http->token && strstr(text, http->token)) ||
	    (http->password && *http->password && strstr(text, http->password)))
		return true;
	if (!http->user)
		return false;
	mq_buf_init(&pair, SIZE_MAX);
	mq_buf_init(&sent, SIZE_MAX);
	if (mq_buf_printf(&pair, NULL, "%s:%s", http->user, http->password ? http->password : "") ==
	        0 &&
	    mq_base64_append(&sent, mq_bytes_of(pair.data, pair.len), NULL) == 0)
		found = mq_buf_append_char(&sent, '\0', NULL) == 0 && strstr(text, sent.data);
	if (pair.data)
		explicit_bzero(pair.data, pair.len);
	if (sent.data)
		explicit_bzero(sent.data, sent.len);
	mq_buf_release(&pair);
	mq_buf_release(&sent);
	return found;
}

int64_t mq_http_retry_after_ms(struct mq_http *http)
{
	curl_off_t seconds = 0;

	if (curl.easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK ||
	    seconds < 0)
		return 0;
	return seconds < RETRY_AFTER_MAX_S ? seconds * 1000 : RETRY_AFTER_MAX_S * 1000;
}

/* --- a request ------------------------------------------------------------------------------- */

struct answer {
	struct mq_buf *buf;
	struct mq_err *err;
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct answer *answer = ctx;

	/* Fewer bytes than offered end the transfer. */
	return mq_buf_append(answer->buf, data, one * n, answer->err) == 0 ? one * n : 0;
}

static void set_text(struct mq_http *http, CURLoption option, const char *text)
{
	if (text)
		curl.easy_setopt(http->easy, option, text);
}

static int prepare(struct mq_http *http, const struct mq_http_request *request, const char *url,
                   struct curl_slist *headers, struct answer *answer, struct mq_err *err)
{
	CURL *easy = http->easy;
	int timeout = request->timeout_ms ? request->timeout_ms : http->env->timeout_ms;

	http->timeout_ms = timeout > 0 ? timeout : 1;
	curl.easy_reset(easy);
	if (curl.easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) != CURLE_OK)
		return mq_fail_memory(err);
	curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Else a name that is still looked up would hold up a cancelled request (7.87 or newer). */
	curl.easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)http->timeout_ms);
	curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->timeout_ms);
	curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, http->said);
	curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	curl.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	/* All that the library can undo: where nothing is asked for, a server may compress as it
	 * likes. */
	curl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	if (http->local)
		curl.easy_setopt(easy, CURLOPT_PROXY, "");
	if (request->body) {
		curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                 (curl_off_t)strlen(request->body));
		curl.easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	}
	if (http->user) {
		curl.easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		set_text(http, CURLOPT_USERNAME, http->user);
		set_text(http, CURLOPT_PASSWORD, http->password ? http->password : "");
	}
	if (http->token) {
		curl.easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		set_text(http, CURLOPT_XOAUTH2_BEARER, http->token);
	}
	curl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_text(http, CURLOPT_CAINFO, http->ca);
	set_text(http, CURLOPT_SSLCERT, http->cert);
	set_text(http, CURLOPT_SSLKEY, http->key);
	/* Without one libcurl would leave it to OpenSSL, which asks on the terminal. */
	set_text(http, CURLOPT_KEYPASSWD, http->key_password ? http->key_password : "");
	if (http->insecure) {
		curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return 0;
}

/* The server wants a certificate of ours, or another one: no error of libcurl's own says so. */
static bool refuses_certificate(const char *words)
{
	static const char *const alerts[] = {
	    "alert certificate required",
	    "alert bad certificate",
	    "alert unknown ca",
	};

	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
		if (strstr(words, alerts[i]))
			return true;
	return false;
}

static int explain(struct mq_http *http, CURLcode code, const struct mq_buf *buf,
                   struct mq_err *err)
{
	const char *words = http->said[0] ? http->said : curl.easy_strerror(code);
	long number = 0;

	if (refuses_certificate(words)) {
		mq_fail(err, MQ_DENIED, "%s: %s: %s", http->url,
		        http->cert ? "it does not trust our certificate"
		                   : "it wants a certificate of us",
		        words);
		return mq_hint(err, "-X %s.cert=FILE and -X %s.key=FILE name it and its key",
		               http->settings, http->settings);
	}
	switch (code) {
	case CURLE_WRITE_ERROR:
		if (err && err->code == MQ_INTERNAL)
			return -1;
		/* What the buffer said does not name the server. */
		mq_err_clear(err);
		return mq_fail(err, MQ_DATA, "%s: the answer is larger than %zu bytes", http->url,
		               buf->limit);
	case CURLE_OUT_OF_MEMORY:
		return mq_fail_memory(err);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		mq_fail(err, MQ_DENIED, "%s: its certificate cannot be trusted: %s", http->url,
		        words);
		return mq_hint(err, "name the authority that signed it with -X %s.ca=FILE",
		               http->settings);
	case CURLE_SSL_CACERT_BADFILE:
		return mq_fail(err, MQ_USAGE, "%s: %s", http->url, words);
	case CURLE_SSL_CERTPROBLEM:
		mq_fail(err, MQ_USAGE, "%s: %s", http->url, words);
		return mq_hint(err, "an encrypted key needs %s.key-password", http->settings);
	case CURLE_URL_MALFORMAT:
		return mq_fail(err, MQ_USAGE, "%s: not an HTTP address: %s", http->url, words);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return mq_fail(err, MQ_DATA, "%s: what answers there does not speak HTTP",
		               http->url);
	case CURLE_OPERATION_TIMEDOUT:
		mq_fail(err, MQ_UNREACHABLE, "%s: no answer within %d ms", http->url,
		        http->timeout_ms);
		break;
	case CURLE_COULDNT_CONNECT:
		curl.easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &number);
		if (number)
			mq_fail_errno(err, MQ_UNREACHABLE, (int)number, "cannot connect to %s",
			              http->url);
		else
			mq_fail(err, MQ_UNREACHABLE, "cannot connect to %s: %s", http->url, words);
		break;
	default:
		mq_fail(err, MQ_UNREACHABLE, "%s: %s", http->url, words);
	}
	if (err)
		err->retriable = true;
	return -1;
}

/* Until the one request has ended; *ret_code is how. */
static int run(struct mq_http *http, CURLcode *ret_code, struct mq_err *err)
{
	const struct mq_env *env = http->env;
	struct curl_waitfd stop = {.fd = mq_cancel_fd(env->cancel), .events = CURL_WAIT_POLLIN};
	unsigned n_stop = stop.fd >= 0 ? 1 : 0;

	for (;;) {
		int running = 0, left = 0;
		CURLMcode code = curl.multi_perform(http->multi, &running);
		const CURLMsg *said = curl.multi_info_read(http->multi, &left);
		if (said && said->msg == CURLMSG_DONE) {
			*ret_code = said->data.result;
			return 0;
		}
		if (code == CURLM_OK && mq_cancel_signal(env->cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while waiting for %s",
			               http->url);
		/* libcurl's own time-outs shorten this wait. */
		if (code == CURLM_OK)
			code = curl.multi_poll(http->multi, &stop, n_stop, 1000, NULL);
		if (code != CURLM_OK)
			return mq_fail(err, MQ_INTERNAL, "%s: %s", http->url,
			               curl.multi_strerror(code));
	}
}

/* Appends one header; the list stays usable when it fails. */
static int add_header(struct curl_slist **list, const char *name, const char *value,
                      struct mq_err *err)
{
	struct mq_buf line;
	struct curl_slist *longer = NULL;

	mq_buf_init(&line, 1000);
	if (mq_buf_printf(&line, err, "%s:%s%s", name, *value ? " " : "", value) == 0) {
		longer = curl.slist_append(*list, line.data);
		if (longer)
			*list = longer;
		else
			mq_fail_memory(err);
	}
	mq_buf_release(&line);
	return longer ? 0 : -1;
}

int mq_http_perform(struct mq_http *http, const struct mq_http_request *request, struct mq_buf *buf,
                    struct mq_err *err)
{
	struct answer answer = {buf, err};
	struct curl_slist *headers = NULL;
	size_t before = buf->len;
	CURLcode code = CURLE_OK;
	long status = 0;
	struct mq_buf url;
	int result = -1;

	mq_buf_init(&url, (size_t)1 << 20);
	if (mq_buf_printf(&url, err, "%s%s", http->url, request->path) < 0 ||
	    add_header(&headers, "User-Agent", "mqtk/" MQ_VERSION, err) < 0 ||
	    (request->content_type &&
	     add_header(&headers, "Content-Type", request->content_type, err) < 0) ||
	    (request->accept && add_header(&headers, "Accept", request->accept, err) < 0) ||
	    /* A large body must not wait for a "100 Continue" that nobody sends. */
	    add_header(&headers, "Expect", "", err) < 0 ||
	    prepare(http, request, url.data, headers, &answer, err) < 0)
		goto out;
	http->said[0] = '\0';
	if (curl.multi_add_handle(http->multi, http->easy) != CURLM_OK) {
		mq_fail_memory(err);
		goto out;
	}
	result = run(http, &code, err);
	curl.multi_remove_handle(http->multi, http->easy);
	if (result == 0 && code != CURLE_OK)
		result = explain(http, code, buf, err);
	if (result == 0) {
		curl.easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
		result = (int)status;
	}
out:
	if (result < 0)
		buf->len = before;
	curl.slist_free_all(headers);
	mq_buf_release(&url);
	return result;
}

#else /* without libcurl */

int mq_http_new(const struct mq_http_spec *spec, struct mq_http **ret_http, struct mq_err *err)
{
	(void)spec;
	*ret_http = NULL;
	mq_fail(err, MQ_USAGE, "this mqtk was built without HTTP");
	return mq_hint(err, "'scripts/deps.sh build' installs libcurl's headers; then build again");
}

void mq_http_free(struct mq_http *http)
{
	(void)http;
}

const char *mq_http_url(const struct mq_http *http)
{
	(void)http;
	return "";
}

int mq_http_perform(struct mq_http *http, const struct mq_http_request *request, struct mq_buf *buf,
                    struct mq_err *err)
{
	(void)http, (void)request, (void)buf;
	return mq_fail(err, MQ_INTERNAL, "a request without HTTP");
}

bool mq_http_is_secret_in(const struct mq_http *http, const char *text)
{
	(void)http, (void)text;
	return false;
}

int64_t mq_http_retry_after_ms(struct mq_http *http)
{
	(void)http;
	return 0;
}

#endif

int mq_http_append_segment(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789-._~";
	/* These two alone would be taken for a step in the path. */
	bool dots = strcmp(text, ".") == 0 || strcmp(text, "..") == 0;

	for (const char *c = text; *c; c++) {
		int result = strchr(plain, *c) && !dots
		                 ? mq_buf_append_char(buf, *c, err)
		                 : mq_buf_printf(buf, err, "%%%02X", (unsigned char)*c);
		if (result < 0)
			return -1;
	}
	return 0;
}
