/* Host names, mail addresses, IP addresses. */
#include "schema/json/format.h"

#include "schema/json/idn.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <strings.h>

enum {
	NAME_MAX_BYTES = 253,
	LABEL_MAX = 63,
	LOCAL_MAX = 64,
};

/* --- addresses -------------------------------------------------------------------------------- */

static bool address(struct mq_bytes text, int family)
{
	char copy[64];
	unsigned char parsed[16];

	if (text.len >= sizeof copy || memchr(text.data, '\0', text.len))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, parsed) == 1;
}

bool js_format_ipv4(struct mq_bytes text)
{
	return address(text, AF_INET);
}

bool js_format_ipv6(struct mq_bytes text)
{
	/* What stands behind the last ':' may be an IPv4 address, without leading zeros. */
	const char *colon = memrchr(text.data, ':', text.len);
	struct mq_bytes last = MQ_ABSENT;

	if (colon)
		last = mq_bytes_of(colon + 1, text.len - (size_t)(colon + 1 - text.data));
	if (last.len > 0 && memchr(last.data, '.', last.len) && !js_format_ipv4(last))
		return false;
	return address(text, AF_INET6);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_ascii(struct mq_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

/* Letters, digits and hyphens, none of these at an end. */
static bool ldh_label(struct mq_bytes label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!isalnum((unsigned char)label.data[i]) && label.data[i] != '-')
			return false;
	return label.len > 0 && label.len <= LABEL_MAX && label.data[0] != '-' &&
	       label.data[label.len - 1] != '-';
}

static bool ascii_label(struct mq_bytes label)
{
	if (!ldh_label(label))
		return false;
	return label.len < 4 || strncasecmp(label.data, "xn--", 4) != 0 ||
	       js_idn_label(label, true);
}

/* Bytes of the dot that begins text, or 0. IDNA has three more of them. */
static size_t dot(struct mq_bytes text, bool idn)
{
	static const char *const others[] = {"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};

	if (text.len > 0 && text.data[0] == '.')
		return 1;
	for (size_t i = 0; idn && i < sizeof others / sizeof *others; i++)
		if (text.len >= 3 && memcmp(text.data, others[i], 3) == 0)
			return 3;
	return 0;
}

/* True when a character is written from the right to the left: Hebrew, Arabic, Syriac, and the
 * blocks of Unicode that are set apart for such scripts. */
static bool has_right_to_left(struct mq_bytes text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		unsigned char a = (unsigned char)text.data[i], b = (unsigned char)text.data[i + 1];
		unsigned char c = i + 2 < text.len ? (unsigned char)text.data[i + 2] : 0;
		if ((a >= 0xd6 && a <= 0xdf) ||                   /* U+0580 to U+07FF */
		    (a == 0xe0 && b <= 0xa3) ||                   /* to U+08FF */
		    (a == 0xef && b >= 0xac && b <= 0xb7) ||      /* U+FB00 to U+FDFF */
		    (a == 0xef && b >= 0xb9 && b <= 0xbb && c) || /* U+FE40 to U+FEFF */
		    (a == 0xf0 && b == 0x90 && c >= 0xa0) ||      /* U+10800 to U+10FFF */
		    (a == 0xf0 && b == 0x9e && c >= 0xa0))        /* U+1E800 to U+1EFFF */
			return true;
	}
	return false;
}

/* RFC 5893, rule 4: a label from the right to the left has either European digits or Arabic-Indic
 * ones. */
static bool mixed_digits(struct mq_bytes label)
{
	bool european = false, arabic = false;

	for (size_t i = 0; i + 1 < label.len; i++) {
		unsigned char b = (unsigned char)label.data[i + 1];
		european |= isdigit((unsigned char)label.data[i]) || isdigit(b);
		arabic |= (unsigned char)label.data[i] == 0xd9 && b >= 0xa0 && b <= 0xa9;
	}
	return european && arabic;
}

static bool host_name(struct mq_bytes text, bool idn)
{
	bool leftwards = idn && has_right_to_left(text);
	size_t total = 0;

	for (;;) {
		struct mq_bytes rest = text;
		size_t len = 0;

		while (rest.len > 0 && dot(rest, idn) == 0) {
			rest = mq_bytes_of(rest.data + 1, rest.len - 1);
			len++;
		}
		struct mq_bytes label = mq_bytes_of(text.data, len);
		if (is_ascii(label) ? !ascii_label(label)
		                    : !idn || len == 0 || !js_idn_label(label, false))
			return false;
		/* RFC 5893: beside such labels none begins with a digit. */
		if (leftwards && (isdigit((unsigned char)label.data[0]) || mixed_digits(label)))
			return false;
		total += len + 1;
		if (rest.len == 0)
			return total - 1 <= NAME_MAX_BYTES || (idn && !is_ascii(text));
		size_t skip = dot(rest, idn);
		text = mq_bytes_of(rest.data + skip, rest.len - skip);
	}
}

bool js_format_hostname(struct mq_bytes text)
{
	return host_name(text, false);
}

bool js_format_idn_hostname(struct mq_bytes text)
{
	return host_name(text, true);
}

/* --- mail ------------------------------------------------------------------------------------- */

/* Atoms with single dots between them, or anything in quotes. */
static bool local_part(struct mq_bytes text, bool idn)
{
	bool quoted = text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"';
	size_t end = text.len - quoted;

	if (text.len == 0 || text.len > LOCAL_MAX)
		return false;
	for (size_t i = quoted; i < end; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool dots = c == '.' && i > 0 && i + 1 < end && text.data[i - 1] != '.';
		if (c >= 0x80 ? idn
		    : quoted  ? c >= ' ' && c < 0x7f && c != '"' && c != '\\'
		              : dots || isalnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)))
			continue;
		/* A quoted pair. */
		if (quoted && c == '\\' && i + 1 < end) {
			i++;
			continue;
		}
		return false;
	}
	return true;
}

static bool mail(struct mq_bytes text, bool idn)
{
	const char *at = memrchr(text.data, '@', text.len);

	if (!at || !local_part(mq_bytes_of(text.data, (size_t)(at - text.data)), idn))
		return false;
	struct mq_bytes host = mq_bytes_of(at + 1, text.len - (size_t)(at + 1 - text.data));
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
		host = mq_bytes_of(host.data + 1, host.len - 2);
		if (host.len > 5 && strncasecmp(host.data, "IPv6:", 5) == 0)
			return js_format_ipv6(mq_bytes_of(host.data + 5, host.len - 5));
		return js_format_ipv4(host);
	}
	return host_name(host, idn);
}

bool js_format_email(struct mq_bytes text)
{
	return mail(text, false);
}

bool js_format_idn_email(struct mq_bytes text)
{
	return mail(text, true);
}
