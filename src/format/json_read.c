/* The JSON reader: see json_read.h. */
#include "format/json_read.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void mq_json_reader_init(struct mq_json_reader *reader, char *text, size_t len)
{
	*reader = (struct mq_json_reader){.base = text, .p = text, .end = text + len};
}

static bool fail_at(struct mq_json_reader *reader, char *p, const char *problem)
{
	reader->p = p;
	reader->problem = problem;
	return false;
}

char mq_json_skip_space(struct mq_json_reader *reader)
{
	char *p = reader->p;

	while (p < reader->end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	reader->p = p;
	return p < reader->end ? *p : '\0';
}

bool mq_json_expect(struct mq_json_reader *reader, char c, const char *problem)
{
	if (mq_json_peek(reader) != c || c == '\0')
		return fail_at(reader, reader->p, problem);
	reader->p++;
	return true;
}

/* The first byte of [p, end) that ends a plain stretch of a string: quote, backslash or control
 * character. *high is set when a byte before it is not ASCII. */
static char *plain_end(char *p, const char *end, bool *high)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);
		unsigned highs = (unsigned)_mm_movemask_epi8(x);
		if (mask) {
			unsigned n = (unsigned)__builtin_ctz(mask);
			*high |= (highs & ((1u << n) - 1)) != 0;
			return p + n;
		}
		*high |= highs != 0;
	}
#endif
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c == '"' || c == '\\')
			break;
		*high |= c >= 0x80;
	}
	return p;
}

/* Four hexadecimal digits at p, or -1. */
static long hex4(const char *p, const char *end)
{
	long value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static char *put_utf8(char *out, long c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* The \uXXXX whose u is at *pp, with its second half if it has one; -1 and problem set if not. */
static long unicode_escape(struct mq_json_reader *reader, char **pp)
{
	char *p = *pp;
	long c = hex4(p + 1, reader->end), low;

	if (c < 0) {
		fail_at(reader, p, "\\u needs four hexadecimal digits");
		return -1;
	}
	p += 5;
	if (c >= 0xd800 && c <= 0xdfff) {
		low = c <= 0xdbff && reader->end - p >= 6 && p[0] == '\\' && p[1] == 'u'
		          ? hex4(p + 2, reader->end)
		          : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			fail_at(reader, *pp, "half of a surrogate pair, which is no character");
			return -1;
		}
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*pp = p;
	return c;
}

/* One escape; p is behind the backslash. Writes to *pout when out is wanted. Returns the place
 * behind it, or NULL. Never writes beyond what it read. */
static char *take_escape(struct mq_json_reader *reader, char *p, char **pout)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (p == reader->end) {
		fail_at(reader, p, "a string without its closing quote");
		return NULL;
	}
	if (*p == 'u') {
		long c = unicode_escape(reader, &p);
		if (c < 0)
			return NULL;
		if (pout)
			*pout = put_utf8(*pout, c);
		return p;
	}
	name = memchr(names, *p, sizeof names - 1);
	if (!name) {
		fail_at(reader, p, "an unknown escape in a string");
		return NULL;
	}
	if (pout)
		*(*pout)++ = bytes[name - names];
	return p + 1;
}

/* The string whose quote is at p, unescaped in place or (not resolve) only checked. */
static bool take_string(struct mq_json_reader *reader, bool resolve, struct mq_bytes *ret)
{
	char *start = reader->p + 1, *p = start, *out = start;
	bool high = false;

	for (;;) {
		char *stop = plain_end(p, reader->end, &high);
		if (resolve) {
			if (out != p)
				memmove(out, p, (size_t)(stop - p));
			out += stop - p;
		}
		if (stop == reader->end)
			return fail_at(reader, reader->p, "a string without its closing quote");
		if (*stop == '"') {
			/* What came from escapes is valid by itself, and cannot complete what
			 * stands before it: an escape never begins with a continuation byte. */
			size_t len = resolve ? (size_t)(out - start) : (size_t)(stop - start);
			if (high && !mq_utf8_valid(mq_bytes_of(start, len)))
				return fail_at(reader, reader->p, "a string that is no UTF-8");
			*ret = mq_bytes_of(start, len);
			reader->p = stop + 1;
			return true;
		}
		if (*stop != '\\')
			return fail_at(reader, stop,
			               "a control character in a string, which needs an escape");
		p = take_escape(reader, stop + 1, resolve ? &out : NULL);
		if (!p)
			return false;
	}
}

bool mq_json_take_string(struct mq_json_reader *reader, struct mq_bytes *ret)
{
	return take_string(reader, true, ret);
}

/* 18 digits never overflow; the few that follow them may. */
#define SAFE_DIGITS 18

bool mq_json_take_integer(struct mq_json_reader *reader, int64_t *ret)
{
	char *p = reader->p;
	bool negative = p < reader->end && *p == '-';
	uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;

	p += negative;
	char *digits = p;
	for (; p < reader->end && *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');
		if (p - digits >= SAFE_DIGITS && value > (limit - digit) / 10)
			return fail_at(reader, reader->p, "a number beyond 64 bits");
		value = value * 10 + digit;
	}
	if (p == digits || (*digits == '0' && p - digits > 1))
		return fail_at(reader, reader->p, "no whole number");
	if (p < reader->end && (*p == '.' || *p == 'e' || *p == 'E'))
		return fail_at(reader, reader->p, "no whole number");
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	reader->p = p;
	return true;
}

bool mq_json_take_word(struct mq_json_reader *reader, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(reader->end - reader->p) < len || memcmp(reader->p, text, len) != 0)
		return fail_at(reader, reader->p, "no JSON value");
	reader->p += len;
	return true;
}

static char *skip_digits(char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool take_number(struct mq_json_reader *reader)
{
	char *p = reader->p, *end = reader->end, *digits;

	p += *p == '-';
	digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return fail_at(reader, reader->p, "no JSON number");
	if (p < end && *p == '.') {
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits)
			return fail_at(reader, reader->p, "no JSON number");
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(digits, end);
		if (p == digits)
			return fail_at(reader, reader->p, "no JSON number");
	}
	reader->p = p;
	return true;
}

static bool take_scalar(struct mq_json_reader *reader)
{
	struct mq_bytes ignored;

	switch (mq_json_peek(reader)) {
	case '"':
		return take_string(reader, false, &ignored);
	case 't':
		return mq_json_take_word(reader, "true");
	case 'f':
		return mq_json_take_word(reader, "false");
	case 'n':
		return mq_json_take_word(reader, "null");
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return take_number(reader);
	default:
		return fail_at(reader, reader->p, "a JSON value is expected");
	}
}

static bool take_member_name(struct mq_json_reader *reader)
{
	struct mq_bytes ignored;

	if (mq_json_peek(reader) != '"')
		return fail_at(reader, reader->p, "a member name in quotes is expected");
	return take_string(reader, false, &ignored) &&
	       mq_json_expect(reader, ':', "':' is expected");
}

bool mq_json_take_any(struct mq_json_reader *reader, struct mq_bytes *ret)
{
	/* What is open, innermost last: no recursion, whatever the input. */
	char open[MQ_JSON_DEPTH];
	size_t depth = 0;
	char c;

	mq_json_peek(reader);
	char *start = reader->p;

	for (;;) {
		/* A value begins here. */
		c = mq_json_peek(reader);
		if (c == '{' || c == '[') {
			if (depth == sizeof open)
				return fail_at(reader, reader->p, "nested too deeply");
			open[depth++] = c;
			reader->p++;
			if (mq_json_peek(reader) != c + 2) { /* not closed at once */
				if (c == '{' && !take_member_name(reader))
					return false;
				continue;
			}
		} else if (!take_scalar(reader)) {
			return false;
		}
		/* A value has ended, or a bracket closes. */
		for (;;) {
			if (depth == 0) {
				*ret = mq_bytes_of(start, (size_t)(reader->p - start));
				return true;
			}
			c = mq_json_peek(reader);
			if (c == ',')
				break;
			if (c != open[depth - 1] + 2)
				return fail_at(reader, reader->p,
				               open[depth - 1] == '{' ? "',' or '}' is expected"
				                                      : "',' or ']' is expected");
			depth--;
			reader->p++;
		}
		reader->p++;
		if (open[depth - 1] == '{' && !take_member_name(reader))
			return false;
	}
}
