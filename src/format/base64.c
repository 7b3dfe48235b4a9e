/* Base64, RFC 4648 section 4: see mqtk/format.h. */
#include "format/text.h"
#include "mqtk/format.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int mq_base64_append(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err)
{
	const unsigned char *s = (const unsigned char *)bytes.data;
	size_t left = bytes.len;

	if (left > SIZE_MAX / 2)
		return mq_fail(err, MQ_DATA, "%zu bytes are too many for base64", left);
	if (mq_room(buf, (left + 2) / 3 * 4, err) < 0)
		return -1;
	char *p = buf->data + buf->len;
	for (; left >= 3; left -= 3, s += 3, p += 4) {
		uint32_t v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
		p[0] = digits[v >> 18];
		p[1] = digits[v >> 12 & 63];
		p[2] = digits[v >> 6 & 63];
		p[3] = digits[v & 63];
	}
	if (left > 0) {
		uint32_t v = (uint32_t)s[0] << 16 | (left > 1 ? (uint32_t)s[1] << 8 : 0);
		p[0] = digits[v >> 18];
		p[1] = digits[v >> 12 & 63];
		p[2] = left > 1 ? digits[v >> 6 & 63] : '=';
		p[3] = '=';
	}
	buf->len += (bytes.len + 2) / 3 * 4;
	return 0;
}

/* The value of a digit, or 64 and more for what is none. */
static unsigned digit_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int mq_base64_decode(struct mq_buf *buf, struct mq_bytes text, struct mq_err *err)
{
	const unsigned char *s = (const unsigned char *)text.data;
	size_t before = buf->len, n = text.len, pad = 0;

	if (n % 4 != 0)
		return mq_fail(err, MQ_DATA,
		               "base64 of %zu characters: a multiple of 4 with padding is expected",
		               n);
	if (mq_room(buf, n / 4 * 3, err) < 0)
		return -1;
	if (n > 0 && s[n - 1] == '=')
		pad = s[n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < n; i += 4) {
		size_t missing = i + 4 == n ? pad : 0;
		uint32_t v = 0;

		for (size_t j = 0; j < 4; j++) {
			unsigned d = j < 4 - missing ? digit_value(s[i + j]) : 0;
			if (d > 63) {
				buf->len = before;
				return mq_fail(err, MQ_DATA,
				               "base64: character %zu is no base64 digit",
				               i + j + 1);
			}
			v = v << 6 | d;
		}
		/* Bits that stand for nothing must be zero, else two texts mean the same. */
		if ((missing == 1 && (v & 0xff)) || (missing == 2 && (v & 0xffff))) {
			buf->len = before;
			return mq_fail(err, MQ_DATA, "base64: stray bits before the padding");
		}
		char out[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		mq_put(buf, out, 3 - missing);
	}
	return 0;
}
