/*
 * Taking URLs apart: see url.h. Which broker a name means, and with which settings, is decided in
 * address.c.
 */
#include "core/url.h"
#include "mqtk/address.h"
#include "mqtk/backend.h"
#include "mqtk/bytes.h"
#include "mqtk/option.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What stands between the host and the stream. */
enum shape {
	SHAPE_FLAT, /* nothing: kafka://hosts/topic */
	SHAPE_PATH, /* a segment that the broker understands: vhost, database */
	SHAPE_FILE, /* a file or socket instead of a host */
};

/* Every scheme that this grammar knows, built in or not. */
static const struct {
	const char *name;
	enum shape shape;
} schemes[] = {
    {"kafka", SHAPE_FLAT},  {"kafkas", SHAPE_FLAT},     {"sqlite", SHAPE_FILE},
    {"amqp", SHAPE_PATH},   {"amqps", SHAPE_PATH},      {"redis", SHAPE_PATH},
    {"rediss", SHAPE_PATH}, {"redis+unix", SHAPE_FILE},
};
#define N_SCHEMES (sizeof schemes / sizeof schemes[0])

void mq_secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void mq_url_release(struct mq_url *url)
{
	if (!url)
		return;
	free(url->scheme);
	free(url->authority);
	free(url->user);
	mq_secret_free(url->password);
	free(url->path);
	free(url->stream);
	mq_settings_release(&url->query);
	*url = (struct mq_url){0};
}

size_t mq_url_scheme(const char *text)
{
	size_t n = 0;

	if (!isalpha((unsigned char)text[0]))
		return 0;
	while (isalnum((unsigned char)text[n]) || (text[n] && strchr("+.-", text[n])))
		n++;
	if (text[n] != ':')
		return 0;
	if (strncmp(text + n, "://", 3) == 0)
		return n;
	/* Without slashes only a known scheme: a stream may well be named a:b. */
	for (size_t i = 0; i < N_SCHEMES; i++)
		if (strlen(schemes[i].name) == n && strncasecmp(schemes[i].name, text, n) == 0)
			return n;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *mq_url_decode(const char *text, size_t len, const char *what, struct mq_err *err)
{
	char *decoded = malloc(len + 1);
	size_t n = 0;

	if (!decoded) {
		mq_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '%') {
			decoded[n++] = text[i];
			continue;
		}
		bool whole = len - i > 2;
		int high = whole ? hex_digit(text[i + 1]) : -1;
		int low = whole ? hex_digit(text[i + 2]) : -1;
		if (high == 0 && low == 0) {
			mq_fail(err, MQ_USAGE, "%s: %%00 cannot stand in it", what);
		} else if (high < 0 || low < 0) {
			mq_fail(err, MQ_USAGE,
			        "%s: '%%' is not followed by two hexadecimal digits of a character",
			        what);
			mq_hint(err, "a percent sign itself is written %%25");
		}
		if (high < 0 || low < 0 || high + low == 0) {
			decoded[n] = '\0';
			mq_secret_free(decoded);
			return NULL;
		}
		decoded[n++] = (char)(high * 16 + low);
		i += 2;
	}
	decoded[n] = '\0';
	return decoded;
}

/* --- query ----------------------------------------------------------------------------------- */

/* NAME=, as a query begins. */
static bool looks_like_setting(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (text[n] && strchr("._-", text[n])))
		n++;
	return n > 0 && text[n] == '=';
}

const char *mq_url_query(const char *text)
{
	const char *mark = strchr(text, '?');

	if (!mark)
		return text + strlen(text);
	/* A regular expression may hold question marks of its own: there only the last one counts,
	 * and only when settings follow it. */
	const char *segment = mark;
	while (segment > text && segment[-1] != '/')
		segment--;
	if (*segment != '^')
		return mark;
	mark = strrchr(text, '?');
	return looks_like_setting(mark + 1) ? mark : text + strlen(text);
}

int mq_url_parse_query(const char *text, const char *source, struct mq_settings *settings,
                       struct mq_err *err)
{
	if (*text)
		text++;
	while (*text) {
		size_t len = strcspn(text, "&");
		const char *equals = memchr(text, '=', len);
		if (len > 0) {
			if (!equals || equals == text)
				return mq_fail(err, MQ_USAGE,
				               "behind the '?' of an address stand settings as "
				               "NAME=VALUE, joined by '&'");
			char *name =
			    mq_url_decode(text, (size_t)(equals - text), "a setting's name", err);
			char *value =
			    name ? mq_url_decode(equals + 1, (size_t)(text + len - equals - 1),
			                         name, err)
			         : NULL;
			int result =
			    value ? mq_settings_add(settings, name, value, source, err) : -1;
			free(name);
			mq_secret_free(value);
			if (result < 0)
				return -1;
		}
		text += len + (text[len] == '&');
	}
	return 0;
}

/* --- authority ------------------------------------------------------------------------------- */

static int bad_authority(const char *scheme, const char *problem, struct mq_err *err)
{
	/* It may hold a password, so it is not repeated. */
	mq_fail(err, MQ_USAGE,
	        "the host of a %s:// address cannot be read: %s; expected "
	        "[USER[:PASSWORD]@]HOST[:PORT], more hosts joined by commas",
	        scheme, problem);
	return mq_hint(err, "in a user or password '/', '@', ':' and '?' are written %%2F, %%40, "
	                    "%%3A and %%3F");
}

/* What is wrong with one HOST[:PORT] of len bytes, or NULL. */
static const char *host_problem(const char *host, size_t len)
{
	size_t n = 0;

	if (len == 0)
		return "a host is missing";
	if (host[0] == '[') {
		n = 1;
		while (n < len && (isalnum((unsigned char)host[n]) || strchr(":.%_-", host[n])))
			n++;
		if (n == len || host[n] != ']' || n < 3)
			return "the brackets do not hold an IPv6 host";
		n++;
	} else {
		while (n < len && (isalnum((unsigned char)host[n]) || strchr("._-", host[n]) ||
		                   (unsigned char)host[n] >= 0x80))
			n++;
		if (memchr(host, ':', len) != memrchr(host, ':', len))
			return "an IPv6 host stands in brackets";
		if (n == 0)
			return "a host is missing";
	}
	if (n == len)
		return NULL;
	if (host[n++] != ':')
		return "a character cannot stand in a host";
	int port = 0;
	if (n == len || len - n > 5)
		return "a port is a number from 1 to 65535";
	for (; n < len; n++) {
		if (!isdigit((unsigned char)host[n]))
			return "a port is a number from 1 to 65535";
		port = port * 10 + (host[n] - '0');
	}
	return port > 0 && port <= 65535 ? NULL : "a port is a number from 1 to 65535";
}

static int parse_authority(const char *text, size_t len, struct mq_url *url, struct mq_err *err)
{
	const char *at = memchr(text, '@', len);
	const char *host = at ? at + 1 : text;
	const char *end = text + len;

	if (memchr(host, '@', (size_t)(end - host)))
		return bad_authority(url->scheme, "there is a second '@'", err);
	if (at) {
		const char *colon = memchr(text, ':', (size_t)(at - text));
		const char *user_end = colon ? colon : at;
		if (user_end > text &&
		    !(url->user = mq_url_decode(text, (size_t)(user_end - text), "the user", err)))
			return -1;
		if (colon && !(url->password = mq_url_decode(colon + 1, (size_t)(at - colon - 1),
		                                             "the password", err)))
			return -1;
	}
	for (const char *h = host;; h++) {
		const char *comma = memchr(h, ',', (size_t)(end - h));
		const char *stop = comma ? comma : end;
		const char *problem = host_problem(h, (size_t)(stop - h));
		if (problem)
			return bad_authority(url->scheme, problem, err);
		h = stop;
		if (!comma)
			break;
	}
	url->authority = strndup(host, (size_t)(end - host));
	return url->authority ? 0 : mq_fail_memory(err);
}

/* --- path ------------------------------------------------------------------------------------ */

/* Sets path and stream from [start, slash) and [slash + 1, end); slash NULL: no stream. */
static int set_path(struct mq_url *url, const char *start, const char *slash, const char *end,
                    struct mq_err *err)
{
	const char *path_end = slash ? slash : end;

	url->path = mq_url_decode(start, (size_t)(path_end - start), "the path", err);
	if (!url->path)
		return -1;
	if (slash && slash + 1 < end)
		url->stream =
		    mq_url_decode(slash + 1, (size_t)(end - slash - 1), "the stream", err);
	return slash && slash + 1 < end && !url->stream ? -1 : 0;
}

static const char *last_slash(const char *start, const char *end)
{
	return end > start ? memrchr(start, '/', (size_t)(end - start)) : NULL;
}

/* Does the segment end in what names an SQLite file? */
static bool names_store(const char *segment, const char *end)
{
	static const char *const endings[] = {".db", ".sqlite", ".sqlite3"};
	size_t len = (size_t)(end - segment);

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		size_t n = strlen(endings[i]);
		if (len > n && strncasecmp(end - n, endings[i], n) == 0)
			return true;
	}
	return false;
}

/* The file of a store or socket, from behind "scheme:". */
static int parse_file(const char *text, const char *end, bool broker_only, struct mq_url *url,
                      struct mq_err *err)
{
	if (strncmp(text, "//", 2) == 0) {
		text += 2;
		if (*text != '/') {
			mq_fail(err, MQ_USAGE,
			        "behind %s:// stands no host but a path that begins with '/'",
			        url->scheme);
			return mq_hint(err,
			               "a relative file is written %s:FILE, an absolute one "
			               "%s:///FOLDER/FILE",
			               url->scheme, url->scheme);
		}
	}
	const char *slash = last_slash(text, end);
	if (slash && (broker_only || names_store(slash + 1, end)))
		slash = slash + 1 == end ? slash : NULL;
	if (end == text || slash == text) {
		mq_fail(err, MQ_USAGE, "the %s: address names no file", url->scheme);
		return mq_hint(err, "it is written %s:FILE/STREAM", url->scheme);
	}
	if (set_path(url, text, slash, end, err) < 0)
		return -1;
	const char *home = getenv("HOME");
	bool in_home = strncmp(url->path, "~/", 2) == 0 && home && *home;
	/* A leading ':' would mean something else to SQLite. */
	if (in_home || url->path[0] == ':') {
		struct mq_buf buf;
		mq_buf_init(&buf, 1 << 20);
		if (mq_buf_printf(&buf, err, "%s%s", in_home ? home : "./", url->path + in_home) <
		    0) {
			mq_buf_release(&buf);
			return -1;
		}
		free(url->path);
		url->path = buf.data;
	}
	url->authority = strdup("");
	return url->authority ? 0 : mq_fail_memory(err);
}

/* From behind the authority: "" or "/…". */
static int parse_path(const char *text, const char *end, enum shape shape, bool broker_only,
                      struct mq_url *url, struct mq_err *err)
{
	const char *start = text + (text < end);

	/* A raw '/' in a password would have made its rest a path. */
	if (shape == SHAPE_FLAT && start + strcspn(start, "@") < end)
		return bad_authority(url->scheme, "there is an '@' behind the host", err);
	const char *slash = last_slash(start, end);
	if (broker_only) {
		if (end > start && end[-1] == '/')
			end--;
		slash = NULL;
	} else if (!slash) {
		/* A single segment is the stream. */
		url->path = strdup("");
		if (!url->path)
			return mq_fail_memory(err);
		if (end > start)
			url->stream =
			    mq_url_decode(start, (size_t)(end - start), "the stream", err);
		return end > start && !url->stream ? -1 : 0;
	}
	if (shape == SHAPE_FLAT && (slash || end > start)) {
		mq_fail(err, MQ_USAGE,
		        broker_only
		            ? "the %s:// URL of a broker has no path behind its hosts"
		            : "a %s:// address has one segment behind its hosts: the stream",
		        url->scheme);
		return mq_hint(err, "a '/' within a name is written %%2F");
	}
	return set_path(url, start, slash, end, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

static int check_scheme(const char *scheme, enum shape *ret_shape, struct mq_err *err)
{
	const char *names[N_SCHEMES + 1] = {0};
	size_t known = N_SCHEMES;

	for (size_t i = 0; i < N_SCHEMES; i++) {
		names[i] = schemes[i].name;
		if (strcmp(schemes[i].name, scheme) == 0)
			known = i;
	}
	if (known == N_SCHEMES) {
		const char *nearest = mq_nearest(scheme, names);
		mq_fail(err, MQ_USAGE, "unknown scheme '%s://'", scheme);
		if (nearest)
			return mq_hint(err, "did you mean %s? mqtk help addresses lists them",
			               nearest);
		return mq_hint(err, "mqtk help addresses lists them");
	}
	*ret_shape = schemes[known].shape;
	return 0;
}

int mq_url_parse(const char *text, bool broker_only, const char *source, struct mq_url *ret_url,
                 struct mq_err *err)
{
	struct mq_url url = {0};
	size_t scheme_len = mq_url_scheme(text);
	const char *rest = text + scheme_len + 1;
	const char *end = mq_url_query(text);
	enum shape shape = SHAPE_FLAT;

	url.scheme = strndup(text, scheme_len);
	if (!url.scheme) {
		mq_fail_memory(err);
		goto fail;
	}
	for (char *c = url.scheme; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (check_scheme(url.scheme, &shape, err) < 0 ||
	    mq_url_parse_query(end, source, &url.query, err) < 0)
		goto fail;
	if (shape == SHAPE_FILE) {
		if (parse_file(rest, end, broker_only, &url, err) < 0)
			goto fail;
	} else {
		if (strncmp(rest, "//", 2) != 0) {
			mq_fail(err, MQ_USAGE, "behind %s: stand two slashes and a host",
			        url.scheme);
			mq_hint(err, "it is written %s://HOST:PORT/STREAM", url.scheme);
			goto fail;
		}
		rest += 2;
		size_t hosts_len = strcspn(rest, "/?");
		if (parse_authority(rest, hosts_len, &url, err) < 0 ||
		    parse_path(rest + hosts_len, end, shape, broker_only, &url, err) < 0)
			goto fail;
	}
	*ret_url = url;
	return 0;
fail:
	mq_url_release(&url);
	return -1;
}

/* --- without secrets ------------------------------------------------------------------------- */

/* The password of a URL that a setting's value is, as in management=http://user:password@host; what
 * is written in percents counts as one as a whole. */
static struct mq_bytes password_within(const char *value, size_t len)
{
	const char *host = memmem(value, len, "://", 3);
	const char *at = memrchr(value, '@', len);

	if (memmem(value, len, "%40", 3))
		return mq_bytes_of(value, len);
	const char *colon =
	    host && at && host + 3 < at ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
	return colon ? mq_bytes_of(colon + 1, (size_t)(at - colon - 1)) : MQ_ABSENT;
}

/* Appends the query at text with the values of secrets hidden. */
static int append_masked_query(struct mq_buf *buf, const char *text, const struct mq_setting *table,
                               struct mq_err *err)
{
	while (*text) {
		size_t len = 1 + strcspn(text + 1, "&");
		const char *equals = memchr(text, '=', len);
		char *name = equals ? strndup(text + 1, (size_t)(equals - text - 1)) : NULL;
		if (equals && !name)
			return mq_fail_memory(err);
		bool secret = name && mq_setting_is_secret(table, name);
		free(name);
		const char *end = text + len;
		struct mq_bytes hidden = MQ_ABSENT;
		if (secret)
			hidden = mq_bytes_of(equals + 1, (size_t)(end - equals - 1));
		else if (equals)
			hidden = password_within(equals + 1, (size_t)(end - equals - 1));
		size_t keep = hidden.data ? (size_t)(hidden.data - text) : len;
		if (mq_buf_append(buf, text, keep, err) < 0 ||
		    (hidden.data && mq_buf_append_str(buf, MQ_HIDDEN, err) < 0) ||
		    (hidden.data &&
		     mq_buf_append(buf, hidden.data + hidden.len,
		                   (size_t)(end - hidden.data) - hidden.len, err) < 0))
			return -1;
		text = end;
	}
	return 0;
}

char *mq_address_masked(const char *text, struct mq_err *err)
{
	const char *host = strstr(text, "://");
	const char *query = mq_url_query(text);
	const struct mq_backend *backend = NULL;
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, (size_t)1 << 20);
	if (host && host < query) {
		char *scheme = strndup(text, (size_t)(host - text));
		if (!scheme) {
			mq_fail_memory(err);
			return NULL;
		}
		backend = mq_backend_for_scheme(scheme);
		free(scheme);
		host += 3;
		/* The last '@', in case the password has one by mistake. */
		const char *at = memrchr(host, '@', (size_t)(query - host));
		const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
		if (colon) {
			result = mq_buf_printf(&buf, err, "%.*s:%s", (int)(colon - text), text,
			                       MQ_HIDDEN);
			text = at;
		}
	}
	if (result == 0)
		result = mq_buf_append(&buf, text, (size_t)(query - text), err);
	if (result == 0)
		result = append_masked_query(&buf, query, backend ? backend->settings : NULL, err);
	if (result == 0)
		result = mq_buf_append_char(&buf, '\0', err);
	if (result < 0)
		mq_buf_release(&buf);
	return buf.data;
}
