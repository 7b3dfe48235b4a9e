/*
 * Bytes and text as JSON strings: see mqtk/format.h.
 *
 * The hot path of -J: clean stretches are copied sixteen bytes at a time while they are looked at;
 * only what RFC 8259 asks for is escaped. Objects and arrays live in envelope.c and report.c.
 */
#include "format/text.h"
#include "mqtk/format.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How each byte stands in a JSON string: as itself (0), behind a backslash as this letter, or as
 * \\u00HH ('u'). Bytes from 0x80 on are themselves once the text is known to be UTF-8. */
static const char letters[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

/* The longest escape of one byte, and what a store of sixteen may write too much. */
enum { ESCAPE_MAX = 6, SLACK = 16, PIECE = 16 * 1024 };

static inline char *put_byte(char *to, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	char letter = letters[c];

	if (!letter) {
		*to++ = (char)c;
		return to;
	}
	*to++ = '\\';
	*to++ = letter;
	if (letter == 'u') {
		*to++ = '0';
		*to++ = '0';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

/* Escapes [from, end) to `to`, which has room for ESCAPE_MAX bytes for each and SLACK more. Stops
 * before the first byte that is not ASCII unless utf8 says that those are known to be good. Returns
 * where it stopped reading; *ret_to is where it stopped writing. */
static const char *escape(const char *from, const char *end, bool utf8, char *to, char **ret_to)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	while (end - from >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)from);
		__m128i bad = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
		if (!utf8)
			bad = _mm_or_si128(bad, x); /* movemask takes the highest bits */
		_mm_storeu_si128((__m128i *)(void *)to, x);
		unsigned mask = (unsigned)_mm_movemask_epi8(bad);
		if (!mask) {
			from += 16;
			to += 16;
			continue;
		}
		unsigned n = (unsigned)__builtin_ctz(mask);
		from += n;
		to += n;
		if ((unsigned char)*from >= 0x80)
			break;
		to = put_byte(to, (unsigned char)*from++);
	}
#endif
	while (from < end && (utf8 || (unsigned char)*from < 0x80))
		to = put_byte(to, (unsigned char)*from++);
	*ret_to = to;
	return from;
}

/* Appends a string with its quotes. Returns 1, 0 when the bytes are no UTF-8 (buf is as it was),
 * -1 on failure. */
static int append_string(struct mq_buf *buf, const char *src, size_t len, struct mq_err *err)
{
	size_t before = buf->len;
	const char *from = src, *end = src + len;
	bool utf8 = false;

	if (mq_room(buf, 1, err) < 0)
		return -1;
	mq_put_char(buf, '"');
	for (;;) {
		/* Piece by piece, so that the room for the worst case stays small. */
		size_t piece = (size_t)(end - from) < PIECE ? (size_t)(end - from) : PIECE;
		if (mq_room(buf, piece * ESCAPE_MAX + SLACK + 1, err) < 0) {
			buf->len = before;
			return -1;
		}
		char *to;
		const char *stop = escape(from, from + piece, utf8, buf->data + buf->len, &to);
		buf->len = (size_t)(to - buf->data);
		if (stop == end)
			break;
		if (stop < from + piece) {
			if (!mq_utf8_valid(mq_bytes_of(stop, (size_t)(end - stop)))) {
				buf->len = before;
				return 0;
			}
			utf8 = true; /* from here on they are ordinary */
		}
		from = stop;
	}
	mq_put_char(buf, '"');
	return 1;
}

static int append_base64_object(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err)
{
	size_t before = buf->len;

	if (mq_buf_append_str(buf, "{\"base64\":\"", err) < 0 ||
	    mq_base64_append(buf, bytes, err) < 0 || mq_buf_append_str(buf, "\"}", err) < 0) {
		buf->len = before;
		return -1;
	}
	return 0;
}

int mq_json_append_bytes(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err)
{
	if (!bytes.data)
		return mq_buf_append_str(buf, "null", err);
	int r = append_string(buf, bytes.data, bytes.len, err);
	return r != 0 ? (r < 0 ? -1 : 0) : append_base64_object(buf, bytes, err);
}

int mq_json_append_text(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	size_t len = text ? strlen(text) : 0, before = buf->len;

	if (!text)
		return mq_buf_append_str(buf, "null", err);
	int r = append_string(buf, text, len, err);
	if (r != 0)
		return r < 0 ? -1 : 0;

	/* Rare: take out what is no UTF-8 first, one replacement character per byte. */
	struct mq_buf clean;
	mq_buf_init(&clean, buf->limit);
	for (size_t i = 0; i < len && r == 0;) {
		size_t n = 1;
		while (n <= 4 && n <= len - i && !mq_utf8_valid(mq_bytes_of(text + i, n)))
			n++;
		if (n > 4 || n > len - i) {
			r = mq_buf_append_str(&clean, "\xef\xbf\xbd", err);
			i++;
		} else {
			r = mq_buf_append(&clean, text + i, n, err);
			i += n;
		}
	}
	if (r == 0)
		r = append_string(buf, clean.data, clean.len, err) < 0 ? -1 : 0;
	if (r < 0)
		buf->len = before;
	mq_buf_release(&clean);
	return r;
}
