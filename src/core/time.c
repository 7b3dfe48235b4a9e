/*
 * Moments: reading ISO 8601 and epochs, writing RFC 3339; and durations and sizes for people. See
 * mqtk/position.h.
 */
#include "mqtk/position.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Reads exactly n digits. */
static bool read_fixed(const char **text, int n, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return true;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. March is taken as the first
 * month, so that the leap day is the last of its year; eras are 400 years of 146,097 days. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;

	*ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* The fields of an ISO 8601 date-time. */
struct moment {
	int year, month, day, hour, minute, second, ms;
	bool zoned;
	int offset_min; /* east of UTC */
};

/* Z, +HH, +HHMM or +HH:MM at the end of text. */
static bool read_zone(const char *text, struct moment *m)
{
	int hours = 0;
	int minutes = 0;

	m->zoned = true;
	if ((*text == 'Z' || *text == 'z') && text[1] == '\0')
		return true;
	if (*text != '+' && *text != '-')
		return false;
	bool west = *text++ == '-';
	if (!read_fixed(&text, 2, &hours))
		return false;
	if (*text == ':')
		text++;
	else if (!*text)
		goto done;
	if (!read_fixed(&text, 2, &minutes) || *text)
		return false;
done:
	if (hours > 23 || minutes > 59)
		return false;
	m->offset_min = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

/* YYYY-MM-DD[(T or space)HH:MM[:SS[.FRACTION]][ZONE]] */
static bool read_iso(const char *text, struct moment *m)
{
	*m = (struct moment){0};
	if (!read_fixed(&text, 4, &m->year) || *text++ != '-' || !read_fixed(&text, 2, &m->month) ||
	    *text++ != '-' || !read_fixed(&text, 2, &m->day))
		return false;
	if (!*text)
		return true;
	if (*text != 'T' && *text != 't' && *text != ' ')
		return false;
	text++;
	if (!read_fixed(&text, 2, &m->hour) || *text++ != ':' || !read_fixed(&text, 2, &m->minute))
		return false;
	if (*text == ':') {
		text++;
		if (!read_fixed(&text, 2, &m->second))
			return false;
		if (*text == '.' || *text == ',') {
			text++;
			if (!isdigit((unsigned char)*text))
				return false;
			for (int unit = 100; isdigit((unsigned char)*text); text++, unit /= 10)
				m->ms += (*text - '0') * unit;
		}
	}
	return !*text || read_zone(text, m);
}

/* The second of a local time. Where clocks go forward the missing hour is moved on by it. */
static bool local_second(const struct moment *m, int64_t *ret)
{
	struct tm tm = {.tm_year = m->year - 1900,
	                .tm_mon = m->month - 1,
	                .tm_mday = m->day,
	                .tm_hour = m->hour,
	                .tm_min = m->minute,
	                .tm_sec = m->second,
	                .tm_isdst = -1,
	                .tm_wday = -1};
	time_t t = mktime(&tm);

	/* -1 is also a second of 1969: only an untouched field tells the failure. */
	if (t == (time_t)-1 && tm.tm_wday == -1)
		return false;
	*ret = (int64_t)t;
	return true;
}

static int parse_iso(const char *text, int64_t *ret_ms, struct mq_err *err)
{
	struct moment m;
	int64_t second;

	if (!read_iso(text, &m))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is not a time: expected epoch digits, -48h or a date like "
		               "2026-11-01 or 2026-11-01T10:00:00Z",
		               text);
	if (m.month < 1 || m.month > 12)
		return mq_fail(err, MQ_USAGE, "there is no month %d in '%s'", m.month, text);
	if (m.day < 1 || m.day > days_in_month(m.year, m.month))
		return mq_fail(err, MQ_USAGE, "there is no day %d in that month of '%s'", m.day,
		               text);
	if (m.hour > 23 || m.minute > 59 || m.second > 60)
		return mq_fail(err, MQ_USAGE, "there is no such time of day as in '%s'", text);
	if (m.zoned)
		second = days_from_date(m.year, m.month, m.day) * 86400 + m.hour * 3600 +
		         (m.minute - m.offset_min) * 60 + m.second;
	else if (!local_second(&m, &second))
		return mq_fail(err, MQ_USAGE, "'%s' cannot be told as a local time", text);
	*ret_ms = second * 1000 + m.ms;
	return 0;
}

int mq_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct mq_err *err)
{
	const char *digits = text + (*text == '-');
	size_t n = strspn(digits, "0123456789");
	int64_t value;

	if (n > 0 && digits[n] == '\0') {
		if (mq_int_parse(text, INT64_MIN, INT64_MAX, &value, err) < 0)
			return -1;
		*ret_ms = n <= 11 ? value * 1000 : value;
		return 0;
	}
	if (*text != '-')
		return parse_iso(text, ret_ms, err);
	if (mq_duration_parse(text + 1, &value, err) < 0)
		return -1;
	if (__builtin_sub_overflow(now_ms, value, &value))
		return mq_fail(err, MQ_USAGE, "'%s' is too long ago", text);
	*ret_ms = value;
	return 0;
}

void mq_time_format_iso(int64_t ts_ms, char *ret)
{
	int64_t days = ts_ms / 86400000;
	int64_t rest = ts_ms % 86400000;
	int64_t year;
	int month, day;

	if (rest < 0) {
		rest += 86400000;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	/* RFC 3339 has four digits; beyond them the sign of ISO 8601 keeps it unambiguous. */
	const char *sign = year < 0 ? "-" : year > 9999 ? "+" : "";
	snprintf(ret, MQ_TIME_TEXT, "%s%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ", sign,
	         year < 0 ? -year : year, month, day, (int)(rest / 3600000),
	         (int)(rest / 60000 % 60), (int)(rest / 1000 % 60), (int)(rest % 1000));
}

void mq_size_format(int64_t bytes, char *ret)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	const char *sign = bytes < 0 ? "-" : "";
	double value = bytes < 0 ? -(double)bytes : (double)bytes;
	size_t unit = 0;

	/* 1023.5 and more would be printed as 1024 of the smaller unit. */
	while (value >= (unit == 0 ? 1024.0 : 1023.5)) {
		value /= 1024;
		unit++;
	}
	int tenths = unit == 0 ? 0 : (int)(value * 10 + 0.5);
	bool whole = tenths >= 100 || tenths % 10 == 0;
	snprintf(ret, MQ_SIZE_TEXT, "%s%.*f %s", sign, whole ? 0 : 1, value, units[unit]);
}

void mq_duration_format(int64_t ms, char *ret)
{
	const char *sign = ms < 0 ? "-" : "";
	uint64_t n = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	uint64_t s = n / 1000;

	if (n < 1000)
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 " ms", sign, n);
	else if (n < 10000 && n % 1000 >= 100)
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 ".%" PRIu64 " s", sign, s,
		         n % 1000 / 100);
	else if (s < 60)
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 " s", sign, s);
	else if (s < 3600)
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 "m%02" PRIu64 "s", sign, s / 60,
		         s % 60);
	else if (s < 86400)
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 "h%02" PRIu64 "m", sign, s / 3600,
		         s / 60 % 60);
	else
		snprintf(ret, MQ_DURATION_TEXT, "%s%" PRIu64 "d%02" PRIu64 "h", sign, s / 86400,
		         s / 3600 % 24);
}
