/* Wrapping, indenting and aligning: see text.h. */
#include "opt/text.h"

size_t mq_text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

int mq_text_pad(struct mq_buf *buf, size_t n, struct mq_err *err)
{
	if (mq_buf_reserve(buf, n, err) < 0)
		return -1;
	if (n > 0)
		memset(buf->data + buf->len, ' ', n);
	buf->len += n;
	return 0;
}

static size_t columns_of(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* As mq_text_wrap, for len bytes of text in which newlines are white space. */
static int wrap_bytes(struct mq_buf *buf, const char *text, size_t len, size_t at, size_t indent,
                      struct mq_err *err)
{
	bool line_empty = true;
	size_t i = 0;

	while (i < len) {
		if (text[i] == ' ' || text[i] == '\n') {
			i++;
			continue;
		}
		size_t end = i;
		while (end < len && text[end] != ' ' && text[end] != '\n')
			end++;
		size_t width = columns_of(text + i, end - i);
		if (!line_empty && at + 1 + width > MQ_COLUMNS) {
			if (mq_buf_append_char(buf, '\n', err) < 0 ||
			    mq_text_pad(buf, indent, err) < 0)
				return -1;
			at = indent;
			line_empty = true;
		}
		if (!line_empty) {
			if (mq_buf_append_char(buf, ' ', err) < 0)
				return -1;
			at++;
		}
		if (mq_buf_append(buf, text + i, end - i, err) < 0)
			return -1;
		at += width;
		line_empty = false;
		i = end;
	}
	return mq_buf_append_char(buf, '\n', err);
}

int mq_text_wrap(struct mq_buf *buf, const char *text, size_t at, size_t indent, struct mq_err *err)
{
	return wrap_bytes(buf, text, strlen(text), at, indent, err);
}

int mq_text_paragraphs(struct mq_buf *buf, const char *text, size_t indent, struct mq_err *err)
{
	while (*text) {
		size_t len = mq_line_length(text);
		int result;
		if (len == 0) {
			result = mq_buf_append_char(buf, '\n', err);
		} else if (mq_text_pad(buf, indent, err) < 0) {
			return -1;
		} else if (*text == ' ') {
			result = mq_buf_append(buf, text, len, err);
			if (result == 0)
				result = mq_buf_append_char(buf, '\n', err);
		} else {
			while (text[len] == '\n' && text[len + 1] && text[len + 1] != '\n' &&
			       text[len + 1] != ' ')
				len += 1 + mq_line_length(text + len + 1);
			result = wrap_bytes(buf, text, len, indent, indent, err);
		}
		if (result < 0)
			return -1;
		text += len;
		text += *text == '\n';
	}
	return 0;
}

int mq_text_entry(struct mq_buf *buf, const char *term, const char *text, size_t column,
                  struct mq_err *err)
{
	size_t at = 2 + mq_text_width(term);

	if (mq_text_pad(buf, 2, err) < 0 || mq_buf_append_str(buf, term, err) < 0)
		return -1;
	if (at + 2 > column) {
		if (mq_buf_append_char(buf, '\n', err) < 0)
			return -1;
		at = 0;
	}
	if (mq_text_pad(buf, column - at, err) < 0)
		return -1;
	return mq_text_wrap(buf, text, column, column, err);
}
