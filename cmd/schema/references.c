/* Finding what schemas refer to: see references.h. */
#include "cmd/schema/references.h"

#include "mqtk/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Paths and URIs; longer ones are nobody's. */
enum { PATH_LEN = 4096 };

/* --- files ------------------------------------------------------------------------------------ */

int references_read_file(const char *path, struct mq_buf *buf, struct mq_err *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int result = 1;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", path);
	for (;;) {
		if (mq_buf_reserve(buf, 65536, NULL) < 0) {
			result = mq_fail(err, MQ_DATA, "%s is larger than any schema (%zu MB)",
			                 path, buf->limit >> 20);
			break;
		}
		ssize_t n = read(fd, buf->data + buf->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = mq_fail_errno(err, MQ_IO, errno, "cannot read %s",
			                       standard ? "standard input" : path);
		if (n <= 0)
			break;
		buf->len += (size_t)n;
	}
	if (!standard)
		close(fd);
	return result;
}

/* Percent-decodes into path, which has room for PATH_LEN. False: it does not fit, or stands for a
 * NUL. */
static bool decode_path(const char *text, size_t len, char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		unsigned value = (unsigned char)text[i];
		if (text[i] == '%' && len - i > 2 &&
		    strspn(text + i + 1, "0123456789abcdefABCDEF") >= 2) {
			char digits[] = {text[i + 1], text[i + 2], '\0'};
			value = (unsigned)strtoul(digits, NULL, 16);
			i += 2;
		}
		if (value == 0 || n + 1 >= PATH_LEN)
			return false;
		path[n] = (char)value;
	}
	path[n] = '\0';
	return true;
}

/* Whether a relative path stays below where it begins. */
static bool stays_below(const char *path)
{
	if (*path == '/')
		return false;
	for (;;) {
		size_t len = strcspn(path, "/");
		if (len == 2 && strncmp(path, "..", 2) == 0)
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

/* folder/name: as references_read_file. */
static int read_below(const char *folder, size_t folder_len, const char *name, struct mq_buf *buf,
                      struct mq_err *err)
{
	char path[2 * PATH_LEN];
	struct stat st;
	int len = snprintf(path, sizeof path, "%.*s/%s", (int)folder_len, folder, name);

	if (len < 0 || (size_t)len >= sizeof path)
		return 0;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	return references_read_file(path, buf, err);
}

/* --- http ------------------------------------------------------------------------------------- */

#ifdef MQ_WITH_http
static int fetch(const struct references *references, const char *url, struct mq_buf *buf,
                 struct mq_err *err)
{
	const struct mq_invocation *invocation = references->invocation;
	size_t host = (size_t)(strstr(url, "://") + 3 - url);
	size_t path = host + strcspn(url + host, "/?");
	struct mq_net_tls tls;
	struct mq_http *http = NULL;
	int result = -1, status;

	if (memchr(url + host, '@', path - host))
		return mq_fail(
		    err, MQ_DATA,
		    "the schema refers to a URL with a user in it, which is not fetched");
	char *server = strndup(url, path);
	if (!server)
		return mq_fail_memory(err);
	if (mq_net_tls_read(&invocation->settings, &tls, err) < 0)
		goto out;
	tls.insecure |= invocation->common->insecure;
	struct mq_http_spec spec = {.url = server, .tls = &tls, .env = invocation->env};
	struct mq_http_request request = {.method = "GET", .path = url + path};
	if (mq_http_new(&spec, &http, err) < 0)
		goto out;
	size_t before = buf->len;
	mq_log(invocation->env, MQ_LEVEL_VERBOSE, "fetching the schema %s", url);
	status = mq_http_perform(http, &request, buf, err);
	if (status == 200) {
		result = 1;
	} else if (status >= 0) {
		buf->len = before;
		mq_fail(err, status >= 500 ? MQ_UNREACHABLE : MQ_DATA,
		        "the schema %s, which is referred to, cannot be had: HTTP status %d", url,
		        status);
		if (status / 100 == 3)
			mq_hint(err, "redirections are not followed: refer to where it leads");
	}
out:
	mq_http_free(http);
	free(server);
	return result;
}
#else
static int fetch(const struct references *references, const char *url, struct mq_buf *buf,
                 struct mq_err *err)
{
	(void)references, (void)buf;
	mq_fail(err, MQ_USAGE, "cannot fetch %s: this mqtk was built without HTTP", url);
	return mq_hint(err, "'scripts/deps.sh build' installs what is missing; then build again");
}
#endif

/* --- names ------------------------------------------------------------------------------------ */

/* "PREFIX=DIR": where the '=' before DIR stands. */
static const char *remote_equals(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals > text && equals[1] ? equals : NULL;
}

/* By --remote-dir. */
static int read_mapped(const struct references *references, const char *uri, size_t len,
                       struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_option_list *dirs = &references->options->remote_dirs;
	const char *folder = NULL;
	size_t best = 0;
	char name[PATH_LEN];

	for (size_t i = 0; i < dirs->n; i++) {
		const char *prefix = dirs->items[i], *equals = remote_equals(prefix);
		size_t prefix_len = (size_t)(equals - prefix);
		if (prefix_len <= best || prefix_len > len || strncmp(uri, prefix, prefix_len) != 0)
			continue;
		/* A prefix ends where a segment ends. */
		if (prefix[prefix_len - 1] != '/' && prefix_len < len && uri[prefix_len] != '/')
			continue;
		best = prefix_len;
		folder = equals + 1;
	}
	if (!folder)
		return 0;
	uri += best, len -= best;
	while (len > 0 && *uri == '/')
		uri++, len--;
	if (!decode_path(uri, len, name) || !stays_below(name))
		return 0;
	return read_below(folder, strlen(folder), name, buf, err);
}

static int read_uri(const struct references *references, const char *uri, struct mq_buf *buf,
                    struct mq_err *err)
{
	size_t len = strcspn(uri, "?#");
	char path[PATH_LEN];
	int found = read_mapped(references, uri, len, buf, err);

	if (found != 0)
		return found;
	if (strncmp(uri, "file:///", 8) == 0) {
		/* Only a file of this machine refers to others of it. */
		if (!references->folder || !decode_path(uri + 7, len - 7, path))
			return 0;
		return read_below("", 0, path + 1, buf, err);
	}
	if (references->options->allow_remote &&
	    (strncmp(uri, "http://", 7) == 0 || strncmp(uri, "https://", 8) == 0))
		return fetch(references, uri, buf, err);
	return 0;
}

/* An import path: beside the file, or in a folder above it, as the root of the paths is mostly one
 * of these. */
static int read_import(const struct references *references, const char *path, struct mq_buf *buf,
                       struct mq_err *err)
{
	size_t len = references->folder ? strlen(references->folder) : 0;
	int found = 0;

	if (!references->folder || !stays_below(path))
		return 0;
	while (found == 0) {
		found = read_below(references->folder, len, path, buf, err);
		if (len == 0)
			break;
		while (len > 0 && references->folder[--len] != '/')
			;
	}
	return found;
}

/* Where the scheme of a URI ends, or 0. */
static size_t scheme_length(const char *name)
{
	size_t len =
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return len > 1 && name[len] == ':' ? len : 0;
}

int references_load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	const struct references *references = ctx;

	return scheme_length(name) > 0 ? read_uri(references, name, buf, err)
	                               : read_import(references, name, buf, err);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* The folder and the URI of a file, or of the working directory. */
static int find_base(struct references *references, const char *file, struct mq_err *err)
{
	char *absolute = realpath(file ? file : ".", NULL);
	struct mq_buf uri;
	int result = -1;

	if (!absolute) /* who reads it says why not */
		return 0;
	mq_buf_init(&uri, (size_t)1 << 20);
	if (mq_buf_append_str(&uri, "file://", err) < 0)
		goto out;
	for (const char *at = absolute; *at; at++) {
		bool plain = strchr("/-._~", *at) || (*at >= '0' && *at <= '9') ||
		             (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
		if ((plain ? mq_buf_append_char(&uri, *at, err)
		           : mq_buf_printf(&uri, err, "%%%02X", (unsigned)(unsigned char)*at)) < 0)
			goto out;
	}
	if ((!file && absolute[1] && mq_buf_append_char(&uri, '/', err) < 0) ||
	    mq_buf_append_char(&uri, '\0', err) < 0)
		goto out;
	references->base = uri.data;
	uri.data = NULL;
	if (file)
		*strrchr(absolute, '/') = '\0';
	references->folder = absolute;
	absolute = NULL;
	result = 0;
out:
	mq_buf_release(&uri);
	free(absolute);
	return result;
}

int references_init(struct references *references, const struct mq_invocation *invocation,
                    const struct schema_options *options, const char *file, struct mq_err *err)
{
	*references = (struct references){.invocation = invocation, .options = options};
	for (size_t i = 0; i < options->remote_dirs.n; i++)
		if (!remote_equals(options->remote_dirs.items[i])) {
			mq_fail(err, MQ_USAGE, "--remote-dir: '%s' is no URLPREFIX=DIR",
			        options->remote_dirs.items[i]);
			return mq_hint(err, "as in https://example.com/schemas/=./schemas");
		}
	return find_base(references, file, err);
}

void references_release(struct references *references)
{
	free(references->folder);
	free(references->base);
	*references = (struct references){0};
}
