/*
 * kcat's pack letters: binary numbers in keys and payloads printed as text.
 *
 *   < >  byte order from here on (big-endian at the start)   b B  8 bits, signed and unsigned
 *   h H  16 bits   i I  32 bits   q Q  64 bits   c  one byte   s  all the rest
 *   $    nothing may be left      (space)  a space
 */
#include "format/format.h"
#include "format/text.h"

static const char letters[] = " <>bBhHiIqQcs$";

int mq_pack_check(const char *what, const char *pack, struct mq_err *err)
{
	const char *wrong = pack + strspn(pack, letters);

	if (*pack == '\0') {
		mq_fail(err, MQ_USAGE, "the pack of the %s is empty", what);
		return mq_hint(err, "letters are < > b B h H i I q Q c s $ and space");
	}
	if (*wrong == '\0')
		return 0;
	mq_fail(err, MQ_USAGE, "pack '%s' of the %s: position %zu: unknown letter '%c'", pack, what,
	        (size_t)(wrong - pack) + 1, *wrong);
	return mq_hint(err, "letters are < > b B h H i I q Q c s $ and space");
}

/* How many bytes a number's letter takes; 0 for letters that are none. */
static size_t width_of(char letter)
{
	switch (letter) {
	case 'b':
	case 'B':
		return 1;
	case 'h':
	case 'H':
		return 2;
	case 'i':
	case 'I':
		return 4;
	case 'q':
	case 'Q':
		return 8;
	default:
		return 0;
	}
}

static uint64_t load(const char *data, size_t width, bool little)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | (unsigned char)data[little ? width - 1 - i : i];
	return value;
}

static int append_number(char letter, uint64_t value, struct mq_buf *buf, struct mq_err *err)
{
	if (mq_room(buf, MQ_I64_TEXT + 1, err) < 0)
		return -1;
	switch (letter) {
	case 'b':
		mq_put_i64(buf, (int8_t)value);
		break;
	case 'h':
		mq_put_i64(buf, (int16_t)value);
		break;
	case 'i':
		mq_put_i64(buf, (int32_t)value);
		break;
	case 'Q':
		if (value > INT64_MAX) {
			mq_put_i64(buf, (int64_t)(value / 10));
			mq_put_char(buf, (char)('0' + value % 10));
			break;
		}
		mq_put_i64(buf, (int64_t)value);
		break;
	default: /* q, and the unsigned ones that fit */
		mq_put_i64(buf, (int64_t)value);
		break;
	}
	return 0;
}

int mq_pack_append(const char *pack, struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	const char *p = bytes.data, *end = p + bytes.len;
	bool little = false;

	for (const char *f = pack; *f; f++) {
		size_t left = (size_t)(end - p), width = *f == 'c' ? 1 : width_of(*f);

		if (width > left)
			return mq_fail(err, MQ_DATA,
			               "pack '%s': '%c' needs %zu bytes, %zu are left of %zu", pack,
			               *f, width, left, bytes.len);
		switch (*f) {
		case '<':
			little = true;
			break;
		case '>':
			little = false;
			break;
		case ' ':
		case 'c':
			if (mq_buf_append_char(buf, *f == ' ' ? ' ' : *p, err) < 0)
				return -1;
			break;
		case 's':
			if (mq_buf_append(buf, p, left, err) < 0)
				return -1;
			p = end;
			break;
		case '$':
			if (left > 0)
				return mq_fail(err, MQ_DATA, "pack '%s': %zu bytes are left", pack,
				               left);
			break;
		default:
			if (append_number(*f, load(p, width, little), buf, err) < 0)
				return -1;
			break;
		}
		p += width;
	}
	return 0;
}
