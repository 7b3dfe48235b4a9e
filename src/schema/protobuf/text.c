/* Real numbers, times and durations as ProtoJSON writes them: see data.h. */
#include "schema/protobuf/data.h"

#include "format/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Few digits behind the point, which is what most numbers have: m / 10^k == value tells that "m
 * with a point" is read back as value, because both m and 10^k are exact. */
static bool put_short(double value, bool single, struct mq_buf *buf)
{
	static const double tens[] = {1, 10, 1e2, 1e3, 1e4, 1e5, 1e6};

	for (int digits = 0; digits < 7; digits++) {
		double scaled = nearbyint(value * tens[digits]), back = scaled / tens[digits];
		if (fabs(scaled) >= (single ? 1e7 : 1e15))
			return false;
		if (single ? (float)back != (float)value : back != value)
			continue;
		int64_t number = (int64_t)scaled;
		uint64_t ten = (uint64_t)tens[digits];
		uint64_t size = number < 0 ? (uint64_t)-number : (uint64_t)number;
		if (number < 0)
			mq_put_char(buf, '-');
		mq_put_i64(buf, (int64_t)(size / ten));
		if (digits > 0)
			mq_put_char(buf, '.');
		for (uint64_t rest = size % ten; ten > 1; rest %= ten) {
			ten /= 10;
			mq_put_char(buf, (char)('0' + rest / ten));
		}
		return true;
	}
	return false;
}

int pb_put_real(double value, bool single, struct mq_buf *buf, struct mq_err *err)
{
	char text[40];

	if (isnan(value))
		return mq_buf_append_str(buf, "\"NaN\"", err);
	if (isinf(value))
		return mq_buf_append_str(buf, value > 0 ? "\"Infinity\"" : "\"-Infinity\"", err);
	if (mq_room(buf, 2 * MQ_I64_TEXT, err) < 0)
		return -1;
	if (value == 0 && signbit(value))
		return mq_buf_append_str(buf, "-0.0", err); /* some read -0 as an integer */
	if (put_short(value, single, buf))
		return 0;
	for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
			break;
	}
	return mq_buf_append_str(buf, text, err);
}

/* --- nanoseconds ------------------------------------------------------------------------------ */

/* ".5" as ".500": no digits, three, six or nine. */
static void put_nanos(char *to, size_t size, int64_t nanos)
{
	if (nanos == 0)
		*to = '\0';
	else if (nanos % 1000000 == 0)
		snprintf(to, size, ".%03" PRId64, nanos / 1000000);
	else if (nanos % 1000 == 0)
		snprintf(to, size, ".%06" PRId64, nanos / 1000);
	else
		snprintf(to, size, ".%09" PRId64, nanos);
}

/* Digits from *p on; how many, or 0: another number of them than from least to most. */
static int digits(const char **p, const char *end, int least, int most, int64_t *ret)
{
	int n = 0;

	*ret = 0;
	while (*p < end && **p >= '0' && **p <= '9' && n < most) {
		*ret = *ret * 10 + (**p - '0');
		(*p)++, n++;
	}
	return n < least ? 0 : n;
}

/* A fraction, when there is one. */
static bool parse_nanos(const char **p, const char *end, int64_t *ret)
{
	*ret = 0;
	if (*p == end || **p != '.')
		return true;
	(*p)++;
	int n = digits(p, end, 1, 9, ret);
	for (int i = n; i < 9; i++)
		*ret *= 10;
	return n > 0;
}

/* --- times ------------------------------------------------------------------------------------ */

enum { DAY = 86400 };
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back: by eras of 400 years that
 * begin in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	days += 719468;
	int64_t era = days / 146097, of_era = days % 146097;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t part = (5 * of_year + 2) / 153;
	*day = of_year - (153 * part + 2) / 5 + 1;
	*month = part < 10 ? part + 3 : part - 9;
	*year = years + era * 400 + (*month <= 2);
}

bool pb_timestamp_text(int64_t seconds, int64_t nanos, char ret[80])
{
	int64_t year, month, day;
	char fraction[24];

	if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos > 999999999)
		return false;
	int64_t of_day = (seconds - FIRST_SECOND) % DAY;
	date_of((seconds - of_day) / DAY, &year, &month, &day);
	put_nanos(fraction, sizeof fraction, nanos);
	snprintf(ret, 80, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)year, (int)month, (int)day,
	         (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60), fraction);
	return true;
}

bool pb_timestamp_parse(struct mq_bytes text, int64_t *ret_seconds, int32_t *ret_nanos)
{
	static const char after[] = "--T::";
	static const int width[] = {4, 2, 2, 2, 2, 2};
	const char *p = text.data, *end = text.data + text.len;
	int64_t part[6], nanos, hours = 0, minutes = 0;

	for (int i = 0; i < 6; i++) {
		if (!digits(&p, end, width[i], width[i], &part[i]))
			return false;
		if (i < 5 && (p == end || *p++ != after[i]))
			return false;
	}
	if (!parse_nanos(&p, end, &nanos) || p == end)
		return false;
	char zone = *p++;
	if (zone == '+' || zone == '-') {
		if (!digits(&p, end, 2, 2, &hours) || p == end || *p++ != ':' ||
		    !digits(&p, end, 2, 2, &minutes))
			return false;
	} else if (zone != 'Z') {
		return false;
	}
	bool leap = part[0] % 4 == 0 && (part[0] % 100 != 0 || part[0] % 400 == 0);
	int64_t last = part[1] == 2 ? 28 + leap : 30 + ((part[1] + (part[1] > 7)) & 1);
	if (p != end || part[0] < 1 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
	    part[2] > last || part[3] > 23 || part[4] > 59 || part[5] > 59 || hours > 23 ||
	    minutes > 59)
		return false;
	int64_t shift = (hours * 60 + minutes) * 60;
	*ret_seconds = days_of(part[0], part[1], part[2]) * DAY + part[3] * 3600 + part[4] * 60 +
	               part[5] - (zone == '-' ? -shift : shift);
	*ret_nanos = (int32_t)nanos;
	return *ret_seconds >= FIRST_SECOND && *ret_seconds <= LAST_SECOND;
}

/* --- durations -------------------------------------------------------------------------------- */

#define MOST_SECONDS INT64_C(315576000000) /* 10,000 years */

bool pb_duration_text(int64_t seconds, int64_t nanos, char ret[80])
{
	char fraction[24];
	bool negative = seconds < 0 || nanos < 0;

	if (seconds < -MOST_SECONDS || seconds > MOST_SECONDS || nanos < -999999999 ||
	    nanos > 999999999 || (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0))
		return false;
	put_nanos(fraction, sizeof fraction, nanos < 0 ? -nanos : nanos);
	snprintf(ret, 80, "%s%" PRId64 "%ss", negative ? "-" : "", seconds < 0 ? -seconds : seconds,
	         fraction);
	return true;
}

bool pb_duration_parse(struct mq_bytes text, int64_t *ret_seconds, int32_t *ret_nanos)
{
	const char *p = text.data, *end = text.data + text.len;
	int64_t seconds, nanos;
	bool negative = p < end && *p == '-';

	p += negative;
	if (!digits(&p, end, 1, 12, &seconds) || !parse_nanos(&p, end, &nanos) || end - p != 1 ||
	    *p != 's' || seconds > MOST_SECONDS)
		return false;
	*ret_seconds = negative ? -seconds : seconds;
	*ret_nanos = (int32_t)(negative ? -nanos : nanos);
	return true;
}
