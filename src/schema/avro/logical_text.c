/* What logical types look like as text, read back into numbers and bytes: see data.h. The other
 * direction is logical.c. */
#include "schema/avro/data.h"

#include "schema/json/number.h"

/* --- dates and times -------------------------------------------------------------------------- */

/* n digits; moves behind them. */
static bool take_digits(struct mq_bytes *text, size_t n, int64_t *ret)
{
	int64_t number = 0;

	if (text->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return false;
		number = number * 10 + (text->data[i] - '0');
	}
	*text = mq_bytes_of(text->data + n, text->len - n);
	*ret = number;
	return true;
}

static bool take_char(struct mq_bytes *text, char c)
{
	if (text->len == 0 || text->data[0] != c)
		return false;
	*text = mq_bytes_of(text->data + 1, text->len - 1);
	return true;
}

/* YYYY-MM-DD as days since 1970-01-01. */
static bool take_date(struct mq_bytes *text, int64_t *ret)
{
	static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t year, month, day;

	if (!take_digits(text, 4, &year) || !take_char(text, '-') ||
	    !take_digits(text, 2, &month) || !take_char(text, '-') || !take_digits(text, 2, &day) ||
	    month < 1 || month > 12)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
		return false;
	/* As in logical.c: years that begin in March. The year 0 is before an era's begin. */
	int64_t since = year + 400 - (month <= 2);
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	*ret = 365 * since + since / 4 - since / 100 + since / 400 + in_year - 719468 - 146097;
	return true;
}

/* HH:MM:SS and a fraction of any length, as parts of a second; false too for a fraction that such
 * parts cannot hold. */
static bool take_time(struct mq_bytes *text, int64_t second, int64_t *ret)
{
	int64_t hours, minutes, seconds, parts = 0, digit;

	if (!take_digits(text, 2, &hours) || !take_char(text, ':') ||
	    !take_digits(text, 2, &minutes) || !take_char(text, ':') ||
	    !take_digits(text, 2, &seconds) || hours > 23 || minutes > 59 || seconds > 59)
		return false;
	if (take_char(text, '.')) {
		size_t before = text->len;
		for (int64_t unit = second / 10; take_digits(text, 1, &digit); unit /= 10) {
			if (unit == 0 && digit != 0)
				return false;
			parts += unit * digit;
		}
		if (text->len == before)
			return false;
	}
	*ret = (hours * 3600 + minutes * 60 + seconds) * second + parts;
	return true;
}

/* Z, or +02:00 in seconds. */
static bool take_zone(struct mq_bytes *text, int64_t *ret)
{
	int64_t hours, minutes;

	*ret = 0;
	if (take_char(text, 'Z') || take_char(text, 'z'))
		return true;
	bool west = take_char(text, '-');
	if ((!west && !take_char(text, '+')) || !take_digits(text, 2, &hours) ||
	    !take_char(text, ':') || !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

static bool moment(struct mq_bytes text, int64_t second, bool local, int64_t *ret)
{
	int64_t days, parts, zone = 0, seconds;

	if (!take_date(&text, &days) || !(take_char(&text, 'T') || take_char(&text, ' ')) ||
	    !take_time(&text, second, &parts) || (!local && !take_zone(&text, &zone)) ||
	    text.len > 0)
		return false;
	seconds = days * 86400 - zone;
	/* Towards zero first, so that the smallest of all does not pass the limit on its way. */
	if (seconds < 0 && parts > 0) {
		int64_t whole = (parts + second - 1) / second;
		seconds += whole;
		parts -= whole * second;
	}
	return !__builtin_mul_overflow(seconds, second, &seconds) &&
	       !__builtin_add_overflow(seconds, parts, ret);
}

bool av_number_of_text(const struct av_node *node, struct mq_bytes text, int64_t *ret)
{
	switch ((enum av_logical)node->logical) {
	case AV_DATE:
		return take_date(&text, ret) && text.len == 0;
	case AV_TIME_MILLIS:
		return take_time(&text, 1000, ret) && text.len == 0;
	case AV_TIME_MICROS:
		return take_time(&text, 1000000, ret) && text.len == 0;
	case AV_TIMESTAMP_MILLIS:
	case AV_LOCAL_TIMESTAMP_MILLIS:
		return moment(text, 1000, node->logical == AV_LOCAL_TIMESTAMP_MILLIS, ret);
	case AV_TIMESTAMP_MICROS:
	case AV_LOCAL_TIMESTAMP_MICROS:
		return moment(text, 1000000, node->logical == AV_LOCAL_TIMESTAMP_MICROS, ret);
	case AV_TIMESTAMP_NANOS:
	case AV_LOCAL_TIMESTAMP_NANOS:
		return moment(text, 1000000000, node->logical == AV_LOCAL_TIMESTAMP_NANOS, ret);
	default:
		return false;
	}
}

/* --- decimals and uuids ----------------------------------------------------------------------- */

/* number := number * 10 + digit, in big-endian. False when it does not fit. */
static bool shift_in(unsigned char *number, unsigned digit)
{
	for (size_t i = AV_DECIMAL_BYTES; i-- > 0;) {
		digit += number[i] * 10u;
		number[i] = (unsigned char)digit;
		digit >>= 8;
	}
	return digit == 0;
}

bool av_decimal_of_number(const struct av_node *node, const struct js_value *number,
                          unsigned char *ret, size_t *ret_len)
{
	struct js_decimal decimal = js_decimal(number);
	unsigned char all[AV_DECIMAL_BYTES] = {0};
	const char *p = decimal.first;

	/* Digits before the point, with the scale's: as many as its precision has at most. */
	int64_t before = decimal.exponent + (int64_t)node->scale;
	if (decimal.first == decimal.end)
		before = 0;
	else if (before < (int64_t)decimal.digits || before > (int64_t)node->precision)
		return false;
	for (int64_t i = 0; i < before; i++) {
		p += p < decimal.end && *p == '.';
		if (!shift_in(all, p < decimal.end ? (unsigned)(*p++ - '0') : 0))
			return false;
	}
	if (all[0] >= 0x80)
		return false;
	unsigned carry = 1;
	for (size_t i = sizeof all; decimal.negative && i-- > 0;) {
		carry += (unsigned char)~all[i];
		all[i] = (unsigned char)carry;
		carry >>= 8;
	}
	/* Bytes in front that only repeat the sign say nothing. */
	unsigned char sign = all[0] & 0x80 ? 0xff : 0;
	size_t skip = 0;
	while (skip + 1 < sizeof all && all[skip] == sign && !((all[skip + 1] ^ sign) & 0x80))
		skip++;
	size_t len = sizeof all - skip;
	if (node->type == AV_FIXED) {
		if (len > node->size || node->size > sizeof all)
			return false;
		skip = sizeof all - node->size;
		len = node->size;
	}
	memcpy(ret, all + skip, len);
	*ret_len = len;
	return true;
}

bool av_uuid_of_text(struct mq_bytes text, unsigned char ret[static 16])
{
	size_t n = 0;

	if (text.len != 36)
		return false;
	memset(ret, 0, 16);
	for (size_t i = 0; i < text.len; i++) {
		static const char hex[] = "0123456789abcdef";
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text.data[i] != '-')
				return false;
			continue;
		}
		char c = (char)(text.data[i] | (text.data[i] >= 'A' ? 0x20 : 0));
		const char *digit = c ? strchr(hex, c) : NULL;
		if (!digit)
			return false;
		ret[n / 2] = (unsigned char)(ret[n / 2] << 4 | (digit - hex));
		n++;
	}
	return true;
}
