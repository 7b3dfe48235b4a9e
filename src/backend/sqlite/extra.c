/*
 * Headers and properties of a message as one column, so that messages without any cost nothing.
 *
 * Format 1: a byte 1, the number of headers, the fields. Numbers are 32 bits little-endian. A
 * header is name length, name, value length (0xffffffff: null), value. Then properties until the
 * end: a tag byte, a length, the bytes; integers are 8 bytes.
 */
#include "backend/sqlite/sqlite.h"

#include <stddef.h>

#define FORMAT 1
#define NULL_LENGTH UINT32_MAX

/* The tags are stored: never change one. */
static const struct {
	unsigned char tag;
	size_t offset;
} texts[] = {
    {1, offsetof(struct mq_properties, message_id)},
    {2, offsetof(struct mq_properties, correlation_id)},
    {3, offsetof(struct mq_properties, content_type)},
    {4, offsetof(struct mq_properties, reply_to)},
    {5, offsetof(struct mq_properties, type)},
    {6, offsetof(struct mq_properties, app_id)},
    {7, offsetof(struct mq_properties, user_id)},
    {8, offsetof(struct mq_properties, exchange)},
    {9, offsetof(struct mq_properties, content_encoding)},
    {10, offsetof(struct mq_properties, header_types)},
};

#define N_TEXTS (sizeof texts / sizeof texts[0])

enum { TAG_EXPIRY = 32, TAG_DELIVERY_COUNT, TAG_PRIORITY, TAG_REDELIVERED };

/* --- writing --------------------------------------------------------------------------------- */

static int put_u32(struct mq_buf *buf, size_t value, struct mq_err *err)
{
	unsigned char b[4] = {(unsigned char)value, (unsigned char)(value >> 8),
	                      (unsigned char)(value >> 16), (unsigned char)(value >> 24)};

	return mq_buf_append(buf, b, sizeof b, err);
}

static int put_bytes(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err)
{
	if (!bytes.data)
		return put_u32(buf, NULL_LENGTH, err);
	if (bytes.len >= NULL_LENGTH)
		return mq_fail(err, MQ_DATA, "a header or property of %zu bytes is too large",
		               bytes.len);
	if (put_u32(buf, bytes.len, err) < 0)
		return -1;
	return mq_buf_append(buf, bytes.data, bytes.len, err);
}

static int put_text(struct mq_buf *buf, unsigned char tag, struct mq_bytes bytes,
                    struct mq_err *err)
{
	if (!bytes.data)
		return 0;
	if (mq_buf_append(buf, &tag, 1, err) < 0)
		return -1;
	return put_bytes(buf, bytes, err);
}

static int put_number(struct mq_buf *buf, unsigned char tag, int64_t value, struct mq_err *err)
{
	char b[8];

	if (value < 0)
		return 0;
	for (int i = 0; i < 8; i++)
		b[i] = (char)(value >> (8 * i) & 0xff);
	return put_text(buf, tag, mq_bytes_of(b, sizeof b), err);
}

int mq_sq_extra_encode(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_properties *p = message->properties;
	static const char format = FORMAT;

	mq_buf_clear(buf);
	if (message->n_headers == 0 && !p)
		return 0;
	if (mq_buf_append(buf, &format, 1, err) < 0 || put_u32(buf, message->n_headers, err) < 0)
		return -1;
	for (size_t i = 0; i < message->n_headers; i++)
		if (put_bytes(buf, message->headers[i].name, err) < 0 ||
		    put_bytes(buf, message->headers[i].value, err) < 0)
			return -1;
	if (!p)
		return 0;
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct mq_bytes bytes;
		memcpy(&bytes, (const char *)p + texts[i].offset, sizeof bytes);
		if (put_text(buf, texts[i].tag, bytes, err) < 0)
			return -1;
	}
	if (put_number(buf, TAG_EXPIRY, p->expiry_ms, err) < 0 ||
	    put_number(buf, TAG_DELIVERY_COUNT, p->delivery_count, err) < 0 ||
	    put_number(buf, TAG_PRIORITY, p->priority, err) < 0 ||
	    put_number(buf, TAG_REDELIVERED, p->redelivered, err) < 0)
		return -1;
	return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

struct input {
	const unsigned char *at;
	size_t left;
};

static bool get_u32(struct input *in, uint32_t *ret)
{
	if (in->left < 4)
		return false;
	*ret = (uint32_t)in->at[0] | (uint32_t)in->at[1] << 8 | (uint32_t)in->at[2] << 16 |
	       (uint32_t)in->at[3] << 24;
	in->at += 4;
	in->left -= 4;
	return true;
}

static bool get_bytes(struct input *in, struct mq_bytes *ret)
{
	uint32_t len;

	if (!get_u32(in, &len))
		return false;
	*ret = MQ_ABSENT;
	if (len == NULL_LENGTH)
		return true;
	if (len > in->left)
		return false;
	*ret = mq_bytes_of(in->at, len);
	in->at += len;
	in->left -= len;
	return true;
}

static bool begin(const void *data, size_t len, struct input *ret_in, uint32_t *ret_headers)
{
	*ret_in = (struct input){data, len};
	if (len < 5 || ret_in->at[0] != FORMAT)
		return false;
	ret_in->at++;
	ret_in->left--;
	return get_u32(ret_in, ret_headers);
}

int64_t mq_sq_extra_room(const void *data, size_t len)
{
	struct input in;
	uint32_t headers;

	/* A header takes at least 8 bytes: a wrong count cannot ask for more than the data. */
	if (!begin(data, len, &in, &headers) || headers > in.left / 8)
		return -1;
	return (int64_t)(headers * sizeof(struct mq_header) + sizeof(struct mq_properties));
}

static int64_t number_of(struct mq_bytes bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len && i < 8; i++)
		value |= (uint64_t)(unsigned char)bytes.data[i] << (8 * i);
	return (int64_t)value;
}

static void get_property(struct mq_properties *p, unsigned char tag, struct mq_bytes bytes)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		if (texts[i].tag == tag)
			memcpy((char *)p + texts[i].offset, &bytes, sizeof bytes);
	switch (tag) {
	case TAG_EXPIRY:
		p->expiry_ms = number_of(bytes);
		break;
	case TAG_DELIVERY_COUNT:
		p->delivery_count = number_of(bytes);
		break;
	case TAG_PRIORITY:
		p->priority = (int)number_of(bytes);
		break;
	case TAG_REDELIVERED:
		p->redelivered = (int)number_of(bytes);
		break;
	default: /* of a later version */
		break;
	}
}

void mq_sq_extra_decode(const void *data, size_t len, void *room, struct mq_message *message)
{
	struct input in;
	uint32_t n;

	if (!begin(data, len, &in, &n))
		return;
	struct mq_properties *properties = room;
	struct mq_header *headers = (void *)(properties + 1);
	for (uint32_t i = 0; i < n; i++)
		if (!get_bytes(&in, &headers[i].name) || !get_bytes(&in, &headers[i].value))
			return;
	if (n) {
		message->headers = headers;
		message->n_headers = n;
	}
	if (in.left == 0)
		return;
	*properties = (struct mq_properties)MQ_PROPERTIES_INIT;
	message->properties = properties;
	while (in.left > 0) {
		unsigned char tag = *in.at++;
		struct mq_bytes bytes;
		in.left--;
		if (!get_bytes(&in, &bytes))
			return;
		get_property(properties, tag, bytes);
	}
}
