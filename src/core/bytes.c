/* Bytes, UTF-8 and the growing buffer: see mqtk/bytes.h. */
#include "mqtk/bytes.h"

#include <stdio.h>
#include <stdlib.h>

bool mq_bytes_equal(struct mq_bytes a, struct mq_bytes b)
{
	if (!a.data || !b.data)
		return !a.data && !b.data;
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Length of the valid sequence that begins at s (n bytes left), or 0. RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	unsigned char lead = s[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf) {
		len = 2;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		len = 3;
		if (lead == 0xe0)
			low = 0xa0;
		else if (lead == 0xed)
			high = 0x9f;
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		len = 4;
		if (lead == 0xf0)
			low = 0x90;
		else if (lead == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool mq_utf8_valid(struct mq_bytes bytes)
{
	const unsigned char *s = (const unsigned char *)bytes.data;
	size_t i = 0;

	while (i < bytes.len) {
		/* Most payloads are ASCII: eight at a time. */
		uint64_t word;
		while (bytes.len - i >= sizeof word) {
			memcpy(&word, s + i, sizeof word);
			if (word & UINT64_C(0x8080808080808080))
				break;
			i += sizeof word;
		}
		if (i == bytes.len)
			break;
		size_t len = utf8_sequence(s + i, bytes.len - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

void mq_tame(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] == 0xc2 && i + 1 < len &&
		    ((unsigned char)text[i + 1] & 0xe0) == 0x80) {
			text[i++] = '?';
			text[i] = '?';
		} else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = '?';
		}
	}
}

void mq_buf_init(struct mq_buf *buf, size_t limit)
{
	*buf = (struct mq_buf){.limit = limit};
}

void mq_buf_release(struct mq_buf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	*buf = (struct mq_buf){.limit = buf->limit};
}

void mq_buf_clear(struct mq_buf *buf)
{
	buf->len = 0;
}

int mq_buf_reserve(struct mq_buf *buf, size_t more, struct mq_err *err)
{
	if (more <= buf->cap - buf->len)
		return 0;
	if (buf->len > buf->limit || more > buf->limit - buf->len)
		return mq_fail(err, MQ_DATA, "more than %zu bytes in one piece", buf->limit);
	size_t want = buf->len + more;
	size_t cap = buf->cap ? buf->cap : buf->limit < 256 ? buf->limit : 256;
	while (cap < want)
		cap = cap > buf->limit / 2 ? buf->limit : cap * 2;
	char *data = realloc(buf->data, cap);
	if (!data)
		return mq_fail_memory(err);
	buf->data = data;
	buf->cap = cap;
	return 0;
}

int mq_buf_append(struct mq_buf *buf, const void *data, size_t len, struct mq_err *err)
{
	if (mq_buf_reserve(buf, len, err) < 0)
		return -1;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

int mq_buf_append_str(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	return mq_buf_append(buf, text, strlen(text), err);
}

int mq_buf_append_char(struct mq_buf *buf, char c, struct mq_err *err)
{
	return mq_buf_append(buf, &c, 1, err);
}

int mq_buf_printf(struct mq_buf *buf, struct mq_err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return mq_fail(err, MQ_INTERNAL, "cannot format '%s'", fmt);
	if (mq_buf_reserve(buf, (size_t)n + 1, err) < 0)
		return -1;
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)n;
	return 0;
}

void mq_buf_consume(struct mq_buf *buf, size_t n)
{
	if (n < buf->len)
		memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
}
