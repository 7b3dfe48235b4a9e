/* The client of the management API: see manage.h. What the answers mean is not decided here. */
#include "backend/rabbitmq/manage.h"
#include "mqtk/http.h"

#include <stdlib.h>

#define PORT "15672"
#define HURRY_MS 3000
#define PAGE 500 /* what the broker allows at most */
#define ANSWER_MAX ((size_t)64 << 20)

struct mq_rabbit_manage {
	struct mq_rabbit_conn *conn;
	struct mq_http *http;
	char *url;  /* without user info, for messages */
	bool given; /* by the user */
	struct mq_env env;
};

/* --- where it is ----------------------------------------------------------------------------- */

/* The length of the host at the begin of text: host[:port][,…], [v6]:port. */
static size_t host_length(const char *text)
{
	size_t bracket = text[0] == '[' ? strcspn(text, "]") : 0;

	return bracket + strcspn(text + bracket, ":,");
}

/* The server that AMQP reached is the one to ask, where there is a choice. */
static int default_url(struct mq_rabbit_conn *conn, struct mq_buf *url, struct mq_err *err)
{
	const char *host = conn->hosts;

	if (strchr(host, ',')) {
		struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, err);
		if (!wire)
			return -1;
		host = mq_net_peer(wire->net);
	}
	return mq_buf_printf(url, err, "%s://%.*s:" PORT, conn->secure ? "https" : "http",
	                     (int)host_length(host), host);
}

/* People copy the address with what stands behind it in a browser or in the documentation. */
static int given_url(const char *given, struct mq_buf *url, struct mq_err *err)
{
	size_t len = strlen(given);

	while (len > 0 && given[len - 1] == '/')
		len--;
	if (len > 4 && strncmp(given + len - 4, "/api", 4) == 0)
		len -= 4;
	return mq_buf_append(url, given, len, err);
}

/* The URL without what may be a password. */
static char *shown_url(const char *url, struct mq_err *err)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	size_t before = (size_t)(host - url);
	const char *rest = at ? at + 1 : host;
	char *shown = malloc(before + strlen(rest) + 1);

	if (!shown) {
		mq_fail_memory(err);
		return NULL;
	}
	memcpy(shown, url, before);
	memcpy(shown + before, rest, strlen(rest) + 1);
	return shown;
}

struct mq_rabbit_manage *mq_rabbit_manage(struct mq_rabbit_conn *conn, struct mq_err *err)
{
	struct mq_rabbit_manage *manage;
	struct mq_buf url;

	if (conn->manage)
		return conn->manage;
	mq_buf_init(&url, 4096);
	manage = calloc(1, sizeof *manage);
	if (!manage) {
		mq_fail_memory(err);
		return NULL;
	}
	manage->conn = conn;
	manage->env = *conn->base.env;
	manage->given = conn->management != NULL;
	if ((manage->given ? given_url(conn->management, &url, err)
	                   : default_url(conn, &url, err)) < 0 ||
	    mq_buf_append_char(&url, '\0', err) < 0)
		goto fail;
	struct mq_http_spec spec = {.url = url.data,
	                            .user = conn->user,
	                            .password = conn->password,
	                            .tls = &conn->tls,
	                            .env = &manage->env};
	manage->url = shown_url(url.data, err);
	if (!manage->url)
		goto fail;
	if (mq_http_new(&spec, &manage->http, err) < 0) {
		mq_hint(err, "-X management=http://HOST:" PORT " names the management API");
		goto fail;
	}
	explicit_bzero(url.data, url.len);
	mq_buf_release(&url);
	conn->manage = manage;
	return manage;
fail:
	if (url.data)
		explicit_bzero(url.data, url.len);
	mq_buf_release(&url);
	mq_rabbit_manage_free(manage);
	return NULL;
}

void mq_rabbit_manage_free(struct mq_rabbit_manage *manage)
{
	if (!manage)
		return;
	mq_http_free(manage->http);
	free(manage->url);
	free(manage);
}

void mq_rabbit_manage_hurry(struct mq_rabbit_manage *manage, bool hurry)
{
	int limit = manage->conn->base.env->timeout_ms;

	manage->env.timeout_ms = hurry && !manage->given && limit > HURRY_MS ? HURRY_MS : limit;
}

/* --- errors ---------------------------------------------------------------------------------- */

bool mq_rabbit_manage_is_off(const struct mq_err *err)
{
	return err->code == MQ_UNREACHABLE || err->code == MQ_DENIED || err->code == MQ_DATA ||
	       err->code == MQ_USAGE;
}

static int hint_where(const struct mq_rabbit_manage *manage, struct mq_err *err)
{
	if (manage->given)
		return mq_hint(err, "is it the management API that -X management= names, and is "
		                    "the plugin rabbitmq_management enabled?");
	return mq_hint(err,
	               "this needs the plugin rabbitmq_management; -X management=%s says where "
	               "it listens",
	               manage->conn->secure ? "https://HOST:15671" : "http://HOST:" PORT);
}

/* The broker's words, of which it makes HTML, on one line. */
static void copy_words(char *to, size_t size, const char *words)
{
	static const char *const marks[][2] = {
	    {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
	size_t n = 0;

	while (*words && n + 1 < size) {
		size_t len = 1;
		char c = *words == '\n' ? ' ' : *words;
		for (size_t i = 0; c == '&' && i < sizeof marks / sizeof marks[0]; i++)
			if (strncmp(words, marks[i][0], strlen(marks[i][0])) == 0) {
				len = strlen(marks[i][0]);
				c = marks[i][1][0];
				break;
			}
		to[n++] = c;
		words += len;
	}
	while (n > 0 && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

/* What a status that is no success means. text: the answer's body. */
static int fail_status(const struct mq_rabbit_manage *manage, int status, const char *what,
                       const struct mq_buf *text, struct mq_err *err)
{
	json_t *json = json_loadb(text->data ? text->data : "", text->len, 0, NULL);
	const char *words = mq_rabbit_json_text(json, "reason");
	char reason[400];

	copy_words(reason, sizeof reason, words ? words : "it says no more");
	if (status == 401 || status == 403) {
		mq_fail(err, MQ_DENIED, "%s: the management API refuses this user: %s", manage->url,
		        reason);
		mq_hint(err, "check user and password, and that the user has the tag management "
		             "(or another); -X management=http://USER:PASSWORD@HOST:" PORT
		             " names another user");
	} else if (status == 404 && json && !what) {
		mq_fail(err, MQ_NOT_FOUND, "there is no vhost '%s'", manage->conn->vhost);
	} else if (status == 404 && json && what[0]) {
		mq_fail(err, MQ_NOT_FOUND, "there is no %s in the vhost '%s'", what,
		        manage->conn->vhost);
	} else if (status == 400 && json) {
		mq_fail(err, MQ_USAGE, "%s: %s", what && what[0] ? what : manage->url, reason);
	} else if (status >= 500) {
		mq_fail(err, MQ_UNREACHABLE, "%s: status %d: %s", manage->url, status, reason);
		if (err)
			err->retriable = true;
	} else {
		mq_fail(err, MQ_DATA, "%s: status %d, which is no answer of a management API",
		        manage->url, status);
		hint_where(manage, err);
	}
	json_decref(json);
	return -1;
}

/* --- requests -------------------------------------------------------------------------------- */

static int perform(struct mq_rabbit_manage *manage, const char *method, const char *const *path,
                   const char *query, const char *body, const char *what, struct mq_buf *text,
                   struct mq_err *err)
{
	struct mq_http_request request = {
	    .method = method, .body = body, .content_type = body ? "application/json" : NULL};
	struct mq_buf buf;
	int status = -1;

	mq_buf_init(&buf, 8192);
	if (mq_buf_append_str(&buf, "/api", err) < 0)
		goto out;
	for (size_t i = 0; path[i]; i++)
		if (mq_buf_append_char(&buf, '/', err) < 0 ||
		    mq_http_append_segment(&buf, path[i], err) < 0)
			goto out;
	if (mq_buf_printf(&buf, err, "%s%s", query ? "?" : "", query ? query : "") < 0)
		goto out;
	request.path = buf.data;
	status = mq_http_perform(manage->http, &request, text, err);
	if (status < 0 && err && (err->code == MQ_UNREACHABLE || err->code == MQ_DATA))
		hint_where(manage, err);
	else if (status >= 0 && (status < 200 || status > 299))
		status = fail_status(manage, status, what, text, err);
out:
	mq_buf_release(&buf);
	return status;
}

int mq_rabbit_manage_get(struct mq_rabbit_manage *manage, const char *const *path,
                         const char *query, const char *what, json_t **ret_json, struct mq_err *err)
{
	struct mq_buf text;
	int result = -1;

	mq_buf_init(&text, ANSWER_MAX);
	if (perform(manage, "GET", path, query, NULL, what, &text, err) < 0)
		goto out;
	json_error_t why;
	*ret_json = json_loadb(text.data ? text.data : "", text.len, JSON_ALLOW_NUL, &why);
	if (!*ret_json) {
		mq_fail(err, MQ_DATA, "%s: the answer is no JSON, or was cut: %s", manage->url,
		        why.text);
		hint_where(manage, err);
		goto out;
	}
	result = 0;
out:
	mq_buf_release(&text);
	return result;
}

int mq_rabbit_manage_get_all(struct mq_rabbit_manage *manage, const char *const *path,
                             const char *query, const char *what, json_t **ret_array,
                             struct mq_err *err)
{
	json_t *all = json_array();
	int64_t pages = 1;

	if (!all)
		return mq_fail_memory(err);
	for (int64_t page = 1; page <= pages; page++) {
		struct mq_buf paged;
		json_t *answer = NULL;
		mq_buf_init(&paged, 8192);
		int got = mq_buf_printf(&paged, err, "page=%lld&page_size=%d%s%s", (long long)page,
		                        PAGE, query ? "&" : "", query ? query : "");
		if (got == 0)
			got = mq_rabbit_manage_get(manage, path, paged.data, what, &answer, err);
		mq_buf_release(&paged);
		if (got < 0)
			goto fail;
		json_t *items = json_object_get(answer, "items");
		if (!json_is_array(items) || json_array_extend(all, items) < 0) {
			mq_fail(err, MQ_DATA, "%s: a page of a list was expected, this is none",
			        manage->url);
			hint_where(manage, err);
			json_decref(answer);
			goto fail;
		}
		pages = mq_rabbit_json_int(answer, "page_count", 1);
		json_decref(answer);
	}
	*ret_array = all;
	return 0;
fail:
	json_decref(all);
	return -1;
}

int mq_rabbit_manage_change(struct mq_rabbit_manage *manage, const char *const *path,
                            const json_t *body, const char *what, struct mq_err *err)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct mq_buf answer;
	int status;

	if (body && !text)
		return mq_fail_memory(err);
	mq_buf_init(&answer, ANSWER_MAX);
	status = perform(manage, body ? "PUT" : "DELETE", path, NULL, text, what, &answer, err);
	mq_buf_release(&answer);
	free(text);
	return status < 0 ? -1 : 0;
}

/* --- answers --------------------------------------------------------------------------------- */

const char *mq_rabbit_json_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t mq_rabbit_json_int(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

char *mq_rabbit_json_show(const json_t *value, struct mq_err *err)
{
	char *text = json_is_string(value)
	                 ? strdup(json_string_value(value))
	                 : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		mq_fail_memory(err);
	return text;
}

json_t *mq_rabbit_json_index(json_t *list, struct mq_err *err)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *name = mq_rabbit_json_text(item, "name");
		if (index && name && json_object_set(index, name, item) < 0) {
			json_decref(index);
			index = NULL;
		}
	}
	if (!index)
		mq_fail_memory(err);
	return index;
}
