/* Numbers as text: doubles as short as they can be, and what logical types mean. */
#include "schema/avro/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- doubles ---------------------------------------------------------------------------------- */

/* Few digits behind the point are most of what there is: n / 10^k, correctly rounded as both are
 * exact, is the number exactly if its text is n with the point k digits from the end. */
static size_t few_digits(double value, char *ret, size_t size)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

	if (!(fabs(value) < 1e9) || (value == 0 && signbit(value)))
		return 0;
	for (int k = 0; k < (int)(sizeof powers / sizeof *powers); k++) {
		double n = rint(value * powers[k]);
		if (n / powers[k] != value)
			continue;
		char *p = ret + size;
		uint64_t rest = (uint64_t)fabs(n);
		for (int digit = 0; digit <= k || rest > 0; digit++, rest /= 10) {
			if (digit == k && k > 0)
				*--p = '.';
			*--p = (char)('0' + rest % 10);
		}
		if (value < 0)
			*--p = '-';
		size_t len = (size_t)(ret + size - p);
		memmove(ret, p, len);
		return len;
	}
	return 0;
}

int av_put_double(double value, bool single, struct mq_buf *buf, struct mq_err *err)
{
	char text[40];
	size_t len = few_digits(value, text, sizeof text);

	if (isnan(value))
		return mq_buf_append_str(buf, "\"NaN\"", err);
	if (isinf(value))
		return mq_buf_append_str(buf, value < 0 ? "\"-Infinity\"" : "\"Infinity\"", err);
	if (len > 0)
		return mq_buf_append(buf, text, len, err);
	for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
			break;
	}
	return mq_buf_append_str(buf, text, err);
}

/* --- dates and times -------------------------------------------------------------------------- */

/* Days since 1970-01-01 as a date of the proleptic Gregorian calendar. */
static int put_date(int64_t days, struct mq_buf *buf, struct mq_err *err)
{
	/* Years begin in March, so that the leap day is the last one; 400 of them are an era. */
	int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day = shifted - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t rest = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * rest + 2) / 153;

	day = rest - (153 * month + 2) / 5 + 1;
	month += month < 10 ? 3 : -9;
	year += era * 400 + (month <= 2);
	if (year < 0 || year > 9999)
		return 0;
	return mq_buf_printf(buf, err, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year, month, day) <
	               0
	           ? -1
	           : 1;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Parts of a second since midnight. digits: of the fraction. */
static int put_time(int64_t parts, int64_t second, int digits, struct mq_buf *buf,
                    struct mq_err *err)
{
	int64_t s = parts / second;

	return mq_buf_printf(buf, err, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%0*" PRId64,
	                     s / 3600, s / 60 % 60, s % 60, digits, parts % second);
}

static int put_moment(int64_t parts, int64_t second, int digits, bool local, struct mq_buf *buf,
                      struct mq_err *err)
{
	int64_t day = 86400 * second, days = floor_divide(parts, day);
	int64_t rest = parts % day < 0 ? parts % day + day : parts % day;
	size_t begin = buf->len;
	int put;

	if (mq_buf_append(buf, "\"", 1, err) < 0)
		return -1;
	put = put_date(days, buf, err);
	if (put == 0)
		buf->len = begin;
	if (put <= 0)
		return put;
	return mq_buf_append(buf, "T", 1, err) < 0 ||
	               put_time(rest, second, digits, buf, err) < 0 ||
	               mq_buf_append_str(buf, local ? "\"" : "Z\"", err) < 0
	           ? -1
	           : 1;
}

static int put_day(int64_t days, struct mq_buf *buf, struct mq_err *err)
{
	size_t begin = buf->len;

	if (mq_buf_append(buf, "\"", 1, err) < 0)
		return -1;
	int put = put_date(days, buf, err);
	if (put == 0)
		buf->len = begin;
	return put <= 0 ? put : mq_buf_append(buf, "\"", 1, err) < 0 ? -1 : 1;
}

static int put_daytime(int64_t parts, int64_t second, int digits, struct mq_buf *buf,
                       struct mq_err *err)
{
	if (parts < 0 || parts >= 86400 * second)
		return 0;
	return mq_buf_append(buf, "\"", 1, err) < 0 ||
	               put_time(parts, second, digits, buf, err) < 0 ||
	               mq_buf_append(buf, "\"", 1, err) < 0
	           ? -1
	           : 1;
}

/* --- decimals --------------------------------------------------------------------------------- */

/* Two's complement, big-endian, as a number with scale digits behind the point. One that has more
 * digits than its precision could not be written, and stays bytes. */
static int put_decimal(const struct av_node *node, struct mq_bytes bytes, struct mq_buf *buf,
                       struct mq_err *err)
{
	uint8_t rest[AV_DECIMAL_BYTES];
	char text[AV_DECIMAL_BYTES * 3 + 512], *end = text + sizeof text, *p = end;
	bool negative = bytes.len > 0 && (unsigned char)bytes.data[0] >= 0x80, more = true;
	unsigned carry = 1;

	if (bytes.len == 0 || bytes.len > sizeof rest || node->scale > 500)
		return 0;
	memcpy(rest, bytes.data, bytes.len);
	for (size_t i = bytes.len; negative && i-- > 0;) {
		unsigned x = (uint8_t)~rest[i] + carry;
		rest[i] = (uint8_t)x;
		carry = x >> 8;
	}
	for (uint32_t digit = 0; more || digit <= node->scale; digit++) {
		unsigned remainder = 0;
		more = false;
		for (size_t i = 0; i < bytes.len; i++) {
			unsigned x = remainder << 8 | rest[i];
			rest[i] = (uint8_t)(x / 10);
			remainder = x % 10;
			more |= rest[i] > 0;
		}
		if (digit >= node->precision && (more || remainder > 0))
			return 0;
		if (digit == node->scale && digit > 0)
			*--p = '.';
		*--p = (char)('0' + remainder);
	}
	if (negative)
		*--p = '-';
	return mq_buf_append(buf, p, (size_t)(end - p), err) < 0 ? -1 : 1;
}

bool av_decimal_holds(const struct av_node *node, struct mq_bytes bytes)
{
	struct mq_buf text;

	/* log2(10) is a little more than 3.32: so few bits are fewer digits. */
	if (bytes.len == 0 ||
	    (8 * (uint64_t)bytes.len - 1) * 100 <= (uint64_t)node->precision * 332)
		return true;
	mq_buf_init(&text, SIZE_MAX);
	bool holds = put_decimal(node, bytes, &text, NULL) == 1;
	mq_buf_release(&text);
	return holds;
}

static uint32_t little(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int put_uuid(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	const unsigned char *b = (const unsigned char *)bytes.data;

	if (mq_buf_append(buf, "\"", 1, err) < 0)
		return -1;
	for (size_t i = 0; i < bytes.len; i++)
		if (mq_buf_printf(buf, err, "%s%02x",
		                  i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]) < 0)
			return -1;
	return mq_buf_append(buf, "\"", 1, err) < 0 ? -1 : 1;
}

int av_put_logical(const struct av_node *node, int64_t number, struct mq_bytes bytes,
                   struct mq_buf *buf, struct mq_err *err)
{
	switch ((enum av_logical)node->logical) {
	case AV_DATE:
		return put_day(number, buf, err);
	case AV_TIME_MILLIS:
		return put_daytime(number, 1000, 3, buf, err);
	case AV_TIME_MICROS:
		return put_daytime(number, 1000000, 6, buf, err);
	case AV_TIMESTAMP_MILLIS:
	case AV_LOCAL_TIMESTAMP_MILLIS:
		return put_moment(number, 1000, 3, node->logical == AV_LOCAL_TIMESTAMP_MILLIS, buf,
		                  err);
	case AV_TIMESTAMP_MICROS:
	case AV_LOCAL_TIMESTAMP_MICROS:
		return put_moment(number, 1000000, 6, node->logical == AV_LOCAL_TIMESTAMP_MICROS,
		                  buf, err);
	case AV_TIMESTAMP_NANOS:
	case AV_LOCAL_TIMESTAMP_NANOS:
		return put_moment(number, 1000000000, 9, node->logical == AV_LOCAL_TIMESTAMP_NANOS,
		                  buf, err);
	case AV_DECIMAL:
		return put_decimal(node, bytes, buf, err);
	case AV_UUID:
		return node->type == AV_FIXED ? put_uuid(bytes, buf, err) : 0;
	case AV_DURATION:
		return mq_buf_printf(
		           buf, err,
		           "{\"months\":%" PRIu32 ",\"days\":%" PRIu32 ",\"millis\":%" PRIu32 "}",
		           little(bytes.data), little(bytes.data + 4), little(bytes.data + 8)) < 0
		           ? -1
		           : 1;
	default:
		return 0;
	}
}
