/* Where a value stands (RFC 6901), and values as text: see value.h. */
#include "schema/json/value.h"

#include <inttypes.h>

/* --- pointers --------------------------------------------------------------------------------- */

static int put_token(struct mq_bytes token, struct mq_buf *buf, struct mq_err *err)
{
	if (mq_buf_append_char(buf, '/', err) < 0)
		return -1;
	for (size_t i = 0; i < token.len; i++) {
		char c = token.data[i];
		if ((c == '~' || c == '/' ? mq_buf_append_str(buf, c == '~' ? "~0" : "~1", err)
		                          : mq_buf_append_char(buf, c, err)) < 0)
			return -1;
	}
	return 0;
}

enum {
	FAR = 64, /* steps that are worth to be remembered */
};

int js_pointer(const struct js_doc *doc, uint32_t i, struct mq_buf *buf, struct mq_err *err)
{
	struct js_near near = {0};

	return js_pointer_near(doc, i, &near, buf, err);
}

/* Goes down from the whole text, always into the value that i stands in. */
int js_pointer_near(const struct js_doc *doc, uint32_t i, struct js_near *near, struct mq_buf *buf,
                    struct mq_err *err)
{
	uint32_t at = 0;

	while (at != i) {
		bool object = doc->values[at].type == JS_OBJECT;
		uint32_t step = object ? 1 : 0, child = at + 1;
		uint64_t place = 0;

		if (near->child > 0 && near->container == at && near->child <= i) {
			child = near->child;
			place = near->place;
		}
		for (; i >= js_next(doc, child + step); child = js_next(doc, child + step))
			place++;
		if (place >= FAR)
			*near = (struct js_near){at, child, place};
		if (!object) {
			if (mq_buf_printf(buf, err, "/%" PRIu64, place) < 0)
				return -1;
		} else if (put_token(js_text(doc, child), buf, err) < 0) {
			return -1;
		}
		/* A key stands where its value does. */
		if (object && child == i)
			return 0;
		at = child + step;
	}
	return 0;
}

/* Takes the next token off a pointer, unescaped into ret (as long as the token at most). Returns
 * its length, or -1 for a stray '~'. */
static int64_t take_token(struct mq_bytes *pointer, char *ret)
{
	size_t i = 1, n = 0;

	for (; i < pointer->len && pointer->data[i] != '/'; i++) {
		char c = pointer->data[i];
		if (c == '~') {
			char which = ++i < pointer->len ? pointer->data[i] : '\0';
			if (which != '0' && which != '1')
				return -1;
			c = which == '0' ? '~' : '/';
		}
		ret[n++] = c;
	}
	pointer->data += i;
	pointer->len -= i;
	return (int64_t)n;
}

static int64_t item_of(const struct js_doc *doc, uint32_t array, const char *token, size_t len)
{
	uint64_t place = 0;

	if (len == 0 || len > 10 || (len > 1 && token[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (token[i] < '0' || token[i] > '9')
			return -1;
		place = place * 10 + (uint64_t)(token[i] - '0');
	}
	if (place >= doc->values[array].len)
		return -1;
	uint32_t item = array + 1;
	while (place-- > 0)
		item = js_next(doc, item);
	return item;
}

int64_t js_follow(const struct js_doc *doc, uint32_t at, struct mq_bytes pointer,
                  js_member_fn *member, void *arg)
{
	char token[4096];

	while (pointer.len > 0) {
		if (pointer.data[0] != '/' || pointer.len > sizeof token)
			return -1;
		int64_t len = take_token(&pointer, token), next = -1;
		if (len < 0)
			return -1;
		if (doc->values[at].type == JS_ARRAY)
			next = item_of(doc, at, token, (size_t)len);
		else if (doc->values[at].type == JS_OBJECT)
			next = member(arg, at, mq_bytes_of(token, (size_t)len));
		if (next <= 0)
			return -1;
		at = (uint32_t)next;
	}
	return at;
}

/* --- text ------------------------------------------------------------------------------------- */

static int put_string(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err)
{
	static const char hex[] = "0123456789abcdef";
	static const char controls[] = "\b\t\n\f\r", letters[] = "btnfr";
	int result = mq_buf_append_char(buf, '"', err);

	for (size_t i = 0; i < text.len && result == 0; i++) {
		unsigned char c = (unsigned char)text.data[i];
		char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		const char *control = memchr(controls, c, sizeof controls - 1);
		if (c == '"' || c == '\\' || control) {
			escape[1] = control ? letters[control - controls] : (char)c;
			result = mq_buf_append(buf, escape, 2, err);
		} else {
			result = c < 0x20 ? mq_buf_append(buf, escape, sizeof escape, err)
			                  : mq_buf_append_char(buf, (char)c, err);
		}
	}
	return result < 0 ? -1 : mq_buf_append_char(buf, '"', err);
}

/* Of a text that is cut behind `stop` only so much is written. */
static int put_scalar(const struct js_value *value, size_t stop, struct mq_buf *buf,
                      struct mq_err *err)
{
	static const char *const words[] = {"null", "false", "true"};
	size_t len = value->len, left = stop > buf->len ? stop - buf->len : 0;

	if (len > left && len - left > sizeof "1234")
		len = left + sizeof "1234";
	if (value->type == JS_STRING)
		return put_string(mq_bytes_of(value->at.text, len), buf, err);
	if (value->type == JS_NUMBER)
		return mq_buf_append(buf, value->at.text, len, err);
	return mq_buf_append_str(buf, words[value->type], err);
}

static int put_value(const struct js_doc *doc, uint32_t i, size_t stop, struct mq_buf *buf,
                     struct mq_err *err)
{
	const struct js_value *value = &doc->values[i];
	bool object = value->type == JS_OBJECT;

	if (value->type < JS_ARRAY)
		return put_scalar(value, stop, buf, err);
	int result = mq_buf_append_char(buf, object ? '{' : '[', err);
	for (uint32_t at = i + 1; at < value->at.end && result == 0 && buf->len <= stop;) {
		if (at > i + 1)
			result = mq_buf_append_char(buf, ',', err);
		if (object && result == 0) {
			result = put_scalar(&doc->values[at++], stop, buf, err);
			if (result == 0)
				result = mq_buf_append_char(buf, ':', err);
		}
		if (result == 0)
			result = put_value(doc, at, stop, buf, err);
		at = js_next(doc, at);
	}
	return result < 0 ? -1 : mq_buf_append_char(buf, object ? '}' : ']', err);
}

int js_write(const struct js_doc *doc, uint32_t i, size_t most, struct mq_buf *buf,
             struct mq_err *err)
{
	size_t begin = buf->len;

	if (put_value(doc, i, most ? begin + most : SIZE_MAX, buf, err) < 0)
		return -1;
	if (most == 0 || buf->len - begin <= most)
		return 0;
	buf->len = begin + most;
	while (buf->len > begin && ((unsigned char)buf->data[buf->len] & 0xc0) == 0x80)
		buf->len--;
	return mq_buf_append_str(buf, "…", err);
}
