/* URIs and IRIs, checked against their grammar: RFC 3986, 3987; templates: RFC 6570. */
#include "schema/json/format.h"

#include <ctype.h>

#define SUB_DELIMITERS "!$&'()*+,;="

/* Characters that need no more than being there: unreserved, some others, %XX, and (iri) any that
 * are not ASCII. */
static bool all_of(struct mq_bytes text, const char *others, bool iri)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '%') {
			if (i + 2 >= text.len || !isxdigit((unsigned char)text.data[i + 1]) ||
			    !isxdigit((unsigned char)text.data[i + 2]))
				return false;
			i += 2;
		} else if (c >= 0x80 ? !iri
		                     : c == '\0' || (!isalnum(c) && !strchr("-._~", c) &&
		                                     !strchr(others, c))) {
			return false;
		}
	}
	return true;
}

/* Cuts off what stands before the first of these characters. */
static struct mq_bytes cut(struct mq_bytes *text, const char *stop)
{
	size_t i = 0;

	while (i < text->len && (text->data[i] == '\0' || !strchr(stop, text->data[i])))
		i++;
	struct mq_bytes part = mq_bytes_of(text->data, i);
	*text = mq_bytes_of(text->data + i, text->len - i);
	return part;
}

static bool ip_literal(struct mq_bytes text)
{
	if (text.len > 0 && (text.data[0] == 'v' || text.data[0] == 'V')) {
		struct mq_bytes version = mq_bytes_of(text.data + 1, text.len - 1), rest = version;
		version = cut(&rest, ".");
		for (size_t i = 0; i < version.len; i++)
			if (!isxdigit((unsigned char)version.data[i]))
				return false;
		return version.len > 0 && rest.len > 1 &&
		       all_of(mq_bytes_of(rest.data + 1, rest.len - 1), SUB_DELIMITERS ":",
		              false) &&
		       !memchr(rest.data, '%', rest.len);
	}
	return js_format_ipv6(text);
}

static bool authority(struct mq_bytes text, bool iri)
{
	const char *at = memchr(text.data, '@', text.len);

	if (at) {
		struct mq_bytes user = mq_bytes_of(text.data, (size_t)(at - text.data));
		if (!all_of(user, SUB_DELIMITERS ":", iri))
			return false;
		text = mq_bytes_of(at + 1, text.len - user.len - 1);
	}
	if (text.len > 0 && text.data[0] == '[') {
		const char *close = memchr(text.data, ']', text.len);
		if (!close ||
		    !ip_literal(mq_bytes_of(text.data + 1, (size_t)(close - text.data - 1))))
			return false;
		text = mq_bytes_of(close + 1, text.len - (size_t)(close - text.data) - 1);
		if (text.len > 0 && text.data[0] != ':')
			return false;
	} else if (!all_of(cut(&text, ":"), SUB_DELIMITERS, iri)) {
		return false;
	}
	for (size_t i = 1; i < text.len; i++)
		if (!isdigit((unsigned char)text.data[i]))
			return false;
	return true;
}

static bool scheme(struct mq_bytes *text)
{
	struct mq_bytes rest = *text, name = cut(&rest, ":/?#");

	if (name.len == 0 || rest.len == 0 || rest.data[0] != ':' ||
	    !isalpha((unsigned char)name.data[0]))
		return false;
	for (size_t i = 1; i < name.len; i++)
		if (!isalnum((unsigned char)name.data[i]) && !strchr("+-.", name.data[i]))
			return false;
	*text = mq_bytes_of(rest.data + 1, rest.len - 1);
	return true;
}

static bool reference(struct mq_bytes text, bool absolute, bool iri)
{
	bool has_scheme = scheme(&text), has_host;

	if (absolute && !has_scheme)
		return false;
	has_host = text.len >= 2 && memcmp(text.data, "//", 2) == 0;
	if (has_host) {
		text = mq_bytes_of(text.data + 2, text.len - 2);
		if (!authority(cut(&text, "/?#"), iri))
			return false;
	}
	struct mq_bytes path = cut(&text, "?#");
	if (!all_of(path, SUB_DELIMITERS ":@/", iri))
		return false;
	/* Without a scheme, a ':' in the first segment would make one of it. */
	struct mq_bytes first = cut(&path, "/");
	if (!has_scheme && !has_host && memchr(first.data, ':', first.len))
		return false;
	if (text.len > 0 && text.data[0] == '?') {
		text = mq_bytes_of(text.data + 1, text.len - 1);
		if (!all_of(cut(&text, "#"), SUB_DELIMITERS ":@/?", iri))
			return false;
	}
	return text.len == 0 ||
	       all_of(mq_bytes_of(text.data + 1, text.len - 1), SUB_DELIMITERS ":@/?", iri);
}

bool js_format_uri(struct mq_bytes text)
{
	return reference(text, true, false);
}

bool js_format_uri_reference(struct mq_bytes text)
{
	return reference(text, false, false);
}

bool js_format_iri(struct mq_bytes text)
{
	return reference(text, true, true);
}

bool js_format_iri_reference(struct mq_bytes text)
{
	return reference(text, false, true);
}

/* --- templates -------------------------------------------------------------------------------- */

/* name, name.part, with %XX; then :LENGTH or '*'. */
static bool variable(struct mq_bytes text)
{
	struct mq_bytes name = cut(&text, ":*");

	if (name.len == 0 || name.data[0] == '.' || name.data[name.len - 1] == '.' ||
	    !all_of(name, "", false) || memchr(name.data, '-', name.len) ||
	    memchr(name.data, '~', name.len) || memmem(name.data, name.len, "..", 2))
		return false;
	if (text.len == 0 || (text.len == 1 && text.data[0] == '*'))
		return true;
	if (text.data[0] != ':' || text.len < 2 || text.len > 5 || text.data[1] == '0')
		return false;
	for (size_t i = 1; i < text.len; i++)
		if (!isdigit((unsigned char)text.data[i]))
			return false;
	return true;
}

static bool expression(struct mq_bytes text)
{
	if (text.len > 0 && strchr("+#./;?&=,!@|", text.data[0]))
		text = mq_bytes_of(text.data + 1, text.len - 1);
	for (;;) {
		if (!variable(cut(&text, ",")))
			return false;
		if (text.len == 0)
			return true;
		text = mq_bytes_of(text.data + 1, text.len - 1);
	}
}

bool js_format_uri_template(struct mq_bytes text)
{
	while (text.len > 0) {
		unsigned char c = (unsigned char)text.data[0];
		size_t taken = 1;

		if (c == '{') {
			const char *close = memchr(text.data, '}', text.len);
			if (!close || !expression(mq_bytes_of(text.data + 1,
			                                      (size_t)(close - text.data - 1))))
				return false;
			taken = (size_t)(close - text.data) + 1;
		} else if (c == '%') {
			if (text.len < 3 || !all_of(mq_bytes_of(text.data, 3), "", false))
				return false;
			taken = 3;
		} else if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`|}", c)) {
			return false;
		}
		text = mq_bytes_of(text.data + taken, text.len - taken);
	}
	return true;
}
