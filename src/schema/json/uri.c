/* RFC 3986: see uri.h. */
#include "schema/json/uri.h"

#include <ctype.h>

/* The five parts of a reference; data NULL: not there. */
struct parts {
	struct mq_bytes scheme, authority, path, query;
};

static size_t scheme_length(struct mq_bytes text)
{
	size_t i = 0;

	if (text.len == 0 || !isalpha((unsigned char)text.data[0]))
		return 0;
	while (i < text.len && (isalnum((unsigned char)text.data[i]) || text.data[i] == '+' ||
	                        text.data[i] == '-' || text.data[i] == '.'))
		i++;
	return i < text.len && text.data[i] == ':' ? i : 0;
}

bool js_uri_is_absolute(struct mq_bytes text)
{
	return scheme_length(text) > 0;
}

/* Takes what stands before the first of these characters. */
static struct mq_bytes take_until(struct mq_bytes *rest, const char *stop)
{
	size_t i = 0;

	while (i < rest->len && !strchr(stop, rest->data[i]))
		i++;
	struct mq_bytes part = mq_bytes_of(rest->data, i);
	*rest = mq_bytes_of(rest->data + i, rest->len - i);
	return part;
}

static struct parts split(struct mq_bytes text)
{
	struct parts parts = {0};
	size_t scheme = scheme_length(text);

	if (!text.data)
		text = mq_bytes_of("", 0);
	if (scheme > 0) {
		parts.scheme = mq_bytes_of(text.data, scheme);
		text = mq_bytes_of(text.data + scheme + 1, text.len - scheme - 1);
	}
	if (text.len >= 2 && memcmp(text.data, "//", 2) == 0) {
		text = mq_bytes_of(text.data + 2, text.len - 2);
		parts.authority = take_until(&text, "/?");
	}
	parts.path = take_until(&text, "?");
	if (text.len > 0)
		parts.query = mq_bytes_of(text.data + 1, text.len - 1);
	return parts;
}

/* Appends the path without "." and ".." segments (5.2.4). */
static int put_path(struct mq_bytes path, struct mq_buf *target, struct mq_err *err)
{
	size_t begin = target->len;
	const char *p = path.data, *end = p + path.len;
	bool rooted = path.len > 0 && *p == '/';

	p += rooted;
	if (rooted && mq_buf_append_char(target, '/', err) < 0)
		return -1;
	begin += rooted;
	for (;;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t len = (size_t)((slash ? slash : end) - p);
		bool dot = len == 1 && *p == '.', up = len == 2 && memcmp(p, "..", 2) == 0;

		if (up) {
			if (target->len > begin)
				target->len--; /* its '/' */
			while (target->len > begin && target->data[target->len - 1] != '/')
				target->len--;
		}
		if (!dot && !up &&
		    (mq_buf_append(target, p, len, err) < 0 ||
		     (slash && mq_buf_append_char(target, '/', err) < 0)))
			return -1;
		if (!slash)
			return 0;
		p = slash + 1;
	}
}

static int put_part(const char *before, struct mq_bytes part, const char *behind,
                    struct mq_buf *target, struct mq_err *err)
{
	if (!part.data)
		return 0;
	return mq_buf_append_str(target, before, err) < 0 ||
	               mq_buf_append(target, part.data, part.len, err) < 0 ||
	               mq_buf_append_str(target, behind, err) < 0
	           ? -1
	           : 0;
}

/* The base's path up to its last '/', then the reference's path (5.2.3). */
static int put_merged(const struct parts *base, struct mq_bytes path, struct mq_buf *target,
                      struct mq_err *err)
{
	struct mq_buf merged;
	size_t keep = base->path.len;
	int result = 0;

	mq_buf_init(&merged, target->limit);
	while (keep > 0 && base->path.data[keep - 1] != '/')
		keep--;
	if (keep == 0 && base->authority.data)
		result = mq_buf_append_char(&merged, '/', err);
	if (result == 0)
		result = mq_buf_append(&merged, base->path.data, keep, err);
	if (result == 0)
		result = mq_buf_append(&merged, path.data, path.len, err);
	if (result == 0)
		result =
		    put_path(mq_bytes_of(merged.data ? merged.data : "", merged.len), target, err);
	mq_buf_release(&merged);
	return result;
}

int js_uri_resolve(struct mq_bytes base_text, struct mq_bytes reference, struct mq_buf *target,
                   struct mq_err *err)
{
	struct parts base = split(base_text), to = split(reference);
	bool own = to.scheme.data != NULL, own_host = own || to.authority.data;
	bool same_path = !own_host && to.path.len == 0;
	int result;

	mq_buf_clear(target);
	if (put_part("", own ? to.scheme : base.scheme, ":", target, err) < 0 ||
	    put_part("//", own_host ? to.authority : base.authority, "", target, err) < 0)
		return -1;
	if (same_path)
		result = mq_buf_append(target, base.path.data, base.path.len, err);
	else if (own_host || to.path.data[0] == '/')
		result = to.path.len == 0 ? 0 : put_path(to.path, target, err);
	else
		result = put_merged(&base, to.path, target, err);
	if (result < 0)
		return -1;
	return put_part("?", to.query.data || !same_path ? to.query : base.query, "", target, err);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

int js_uri_split(struct mq_bytes reference, struct mq_bytes *ret_uri, struct mq_buf *fragment,
                 struct mq_err *err)
{
	struct mq_bytes rest = reference;

	mq_buf_clear(fragment);
	*ret_uri = take_until(&rest, "#");
	for (size_t i = 1; i < rest.len; i++) {
		char c = rest.data[i];
		if (c == '%' && i + 2 < rest.len && hex(rest.data[i + 1]) >= 0 &&
		    hex(rest.data[i + 2]) >= 0) {
			c = (char)(hex(rest.data[i + 1]) * 16 + hex(rest.data[i + 2]));
			i += 2;
		}
		if (mq_buf_append_char(fragment, c, err) < 0)
			return -1;
	}
	return 0;
}
