/*
 * Bytes and text as JSON strings: see mqtk/format.h.
 *
 * The hot path of -J: clean stretches are copied sixteen bytes at a time while they are looked at;
 * only what RFC 8259 asks for is escaped. Objects and arrays live in envelope.c and json_build.c.
 */
#include "format/text.h"
#include "mqtk/format.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool must_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

/* Copies bytes to dst up to the first that must be escaped (or, while ascii, is not ASCII) and
 * returns how many. dst has room for len bytes. */
static inline size_t copy_clean(char *dst, const char *src, size_t len, bool ascii)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	for (; len - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(src + i));
		__m128i bad = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
		if (ascii)
			bad = _mm_or_si128(bad, x); /* movemask takes the highest bits */
		_mm_storeu_si128((__m128i *)(void *)(dst + i), x);
		unsigned mask = (unsigned)_mm_movemask_epi8(bad);
		if (mask)
			return i + (size_t)__builtin_ctz(mask);
	}
#endif
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	for (; len - i >= 8; i += 8) {
		uint64_t x, q, s;
		memcpy(&x, src + i, 8);
		q = x ^ (ones * '"');
		s = x ^ (ones * '\\');
		/* Zero bytes of q and s, bytes of x below 0x20, and, while ascii, high bytes. A
		 * false alarm only ends the fast path a few bytes early. */
		uint64_t bad = ((q - ones) & ~q) | ((s - ones) & ~s) | ((x - ones * 0x20) & ~x);
		if (((bad | (ascii ? x : 0)) & high) != 0)
			break;
		memcpy(dst + i, &x, 8);
	}
	for (; i < len; i++) {
		unsigned char c = (unsigned char)src[i];
		if (must_escape(c) || (ascii && c >= 0x80))
			break;
		dst[i] = src[i];
	}
	return i;
}

/* Appends the escape of one byte; there is room for six. */
static void put_escape(struct mq_buf *buf, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	char letter = c == '"'    ? '"'
	              : c == '\\' ? '\\'
	              : c == '\n' ? 'n'
	              : c == '\r' ? 'r'
	              : c == '\t' ? 't'
	              : c == '\b' ? 'b'
	              : c == '\f' ? 'f'
	                          : 0;

	mq_put_char(buf, '\\');
	if (letter) {
		mq_put_char(buf, letter);
		return;
	}
	mq_put_lit(buf, "u00");
	mq_put_char(buf, hex[c >> 4]);
	mq_put_char(buf, hex[c & 15]);
}

/* Appends a string with its quotes. Returns 1, 0 when the bytes are no UTF-8 (buf is as it was),
 * -1 on failure. */
static int append_string(struct mq_buf *buf, const char *src, size_t len, struct mq_err *err)
{
	size_t before = buf->len, i = 0;
	bool ascii = true;

	if (mq_room(buf, len + 2, err) < 0)
		return -1;
	mq_put_char(buf, '"');
	for (;;) {
		size_t n = copy_clean(buf->data + buf->len, src + i, len - i, ascii);
		buf->len += n;
		i += n;
		if (i == len)
			break;
		unsigned char c = (unsigned char)src[i];
		if (c >= 0x80) {
			if (!mq_utf8_valid(mq_bytes_of(src + i, len - i))) {
				buf->len = before;
				return 0;
			}
			ascii = false; /* from here on they are ordinary */
			continue;
		}
		if (mq_room(buf, len - i + 6, err) < 0) {
			buf->len = before;
			return -1;
		}
		put_escape(buf, c);
		i++;
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
