/*
 * Backslash escapes of delimiters and templates: see mq_unescape in mqtk/format.h.
 *
 * Two readings: C's, strict; and kcat's, which knows fewer letters, reads numbers as strtoul with
 * base 0 does, and takes the backslash away from everything else.
 */
#include "format/escape.h"
#include "mqtk/format.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Exactly n hexadecimal digits, or -1. */
static long hex_number(const char *s, size_t left, size_t n)
{
	long value = 0;

	if (left < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(s[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* Appends the code point as UTF-8. */
static int append_utf8(struct mq_buf *buf, long c, struct mq_err *err)
{
	char out[3];
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	return mq_buf_append(buf, out, n, err);
}

/* One escape behind its backslash, C's reading. Returns how many bytes it took, or -1. */
static int64_t escape_c(const char *s, size_t left, size_t position, struct mq_buf *buf,
                        struct mq_err *err)
{
	static const char names[] = "nrtabfve\\";
	static const char bytes[] = "\n\r\t\a\b\f\v\033\\";
	const char *name = memchr(names, s[0], sizeof names - 1);

	if (name)
		return mq_buf_append_char(buf, bytes[name - names], err) < 0 ? -1 : 1;
	if (s[0] == 'x') {
		long value = hex_number(s + 1, left - 1, 2);
		if (value < 0)
			return mq_fail(err, MQ_USAGE,
			               "position %zu: \\x needs exactly two hexadecimal digits",
			               position);
		return mq_buf_append_char(buf, (char)value, err) < 0 ? -1 : 3;
	}
	if (s[0] == 'u') {
		long value = hex_number(s + 1, left - 1, 4);
		if (value < 0 || (value >= 0xd800 && value <= 0xdfff))
			return mq_fail(err, MQ_USAGE,
			               "position %zu: \\u needs four hexadecimal digits of a "
			               "character (no surrogate)",
			               position);
		return append_utf8(buf, value, err) < 0 ? -1 : 5;
	}
	if (s[0] >= '0' && s[0] <= '7') {
		int value = 0;
		size_t n = 0;
		while (n < 3 && n < left && s[n] >= '0' && s[n] <= '7')
			value = value * 8 + (s[n++] - '0');
		if (value > 255)
			return mq_fail(err, MQ_USAGE, "position %zu: \\%.3s is more than a byte",
			               position, s);
		return mq_buf_append_char(buf, (char)value, err) < 0 ? -1 : (int64_t)n;
	}
	mq_fail(err, MQ_USAGE, "position %zu: unknown escape '\\%c'", position, s[0]);
	return mq_hint(err, "escapes are \\n \\r \\t \\0 \\\\ \\a \\b \\f \\v \\e \\xHH \\NNN "
	                    "(octal) \\uXXXX");
}

/* The same as kcat reads it: nothing is an error. */
static int64_t escape_kcat(const char *s, size_t left, struct mq_buf *buf, struct mq_err *err)
{
	static const char names[] = "nrt";
	static const char bytes[] = "\n\r\t";
	const char *name = memchr(names, s[0], sizeof names - 1);
	int value = (unsigned char)s[0];
	size_t n = 1;

	if (name) {
		value = (unsigned char)bytes[name - names];
	} else if (s[0] == 'x' && left > 1 && hex_digit(s[1]) >= 0) {
		value = 0;
		while (n < 3 && n < left && hex_digit(s[n]) >= 0)
			value = value * 16 + hex_digit(s[n++]);
	} else if (s[0] >= '0' && s[0] <= '9') {
		/* A leading zero makes it octal, as strtoul has it. */
		int base = s[0] == '0' ? 8 : 10;
		value = 0;
		n = 0;
		while (n < left && s[n] >= '0' && s[n] < '0' + base)
			value = (value * base + (s[n++] - '0')) & 0xff;
		if (n == 0) /* \08: strtoul would stop behind the zero */
			n = 1;
	}
	return mq_buf_append_char(buf, (char)value, err) < 0 ? -1 : (int64_t)n;
}

int mq_unescape_part(const char *text, size_t at, size_t len, bool decimal, struct mq_buf *ret_buf,
                     struct mq_err *err)
{
	const char *s = text + at;
	size_t i = 0;

	while (i < len) {
		const char *slash = memchr(s + i, '\\', len - i);
		size_t plain = slash ? (size_t)(slash - s) - i : len - i;
		int64_t n;

		if (mq_buf_append(ret_buf, s + i, plain, err) < 0)
			return -1;
		i += plain;
		if (!slash)
			break;
		i++;
		if (i == len) {
			if (!decimal)
				return mq_fail(
				    err, MQ_USAGE,
				    "position %zu: a backslash at the end escapes nothing "
				    "(a backslash itself is \\\\)",
				    at + i);
			return mq_buf_append_char(ret_buf, '\\', err);
		}
		n = decimal ? escape_kcat(s + i, len - i, ret_buf, err)
		            : escape_c(s + i, len - i, at + i, ret_buf, err);
		if (n < 0)
			return -1;
		i += (size_t)n;
	}
	return 0;
}

int mq_unescape(const char *text, bool decimal, struct mq_buf *ret_buf, struct mq_err *err)
{
	return mq_unescape_part(text, 0, strlen(text), decimal, ret_buf, err);
}
