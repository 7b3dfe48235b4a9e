/* Dates, times, durations: RFC 3339. */
#include "schema/json/format.h"

#include <ctype.h>

/* Takes exactly n digits; -1 when they are not there. */
static int take(struct mq_bytes *text, size_t n)
{
	int value = 0;

	if (text->len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text->data[i]))
			return -1;
		value = value * 10 + (text->data[i] - '0');
	}
	text->data += n;
	text->len -= n;
	return value;
}

/* Takes one of these characters: it, or '\0'. */
static char take_one(struct mq_bytes *text, const char *of)
{
	char c = text->len > 0 ? text->data[0] : '\0';

	if (c == '\0' || !strchr(of, c))
		return '\0';
	text->data++;
	text->len--;
	return c;
}

static bool take_date(struct mq_bytes *text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if ((year = take(text, 4)) < 0 || !take_one(text, "-") || (month = take(text, 2)) < 1 ||
	    !take_one(text, "-") || (day = take(text, 2)) < 1 || month > 12)
		return false;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (leap && month == 2);
}

/* HH:MM, in minutes, or -1. */
static int take_minutes(struct mq_bytes *text)
{
	int hours = take(text, 2), minutes;

	if (hours < 0 || hours > 23 || !take_one(text, ":") || (minutes = take(text, 2)) < 0 ||
	    minutes > 59)
		return -1;
	return hours * 60 + minutes;
}

static bool take_time(struct mq_bytes *text)
{
	int minutes = take_minutes(text), seconds, shift = 0;

	if (minutes < 0 || !take_one(text, ":") || (seconds = take(text, 2)) < 0 || seconds > 60)
		return false;
	if (take_one(text, ".")) {
		if (take(text, 1) < 0)
			return false;
		while (take(text, 1) >= 0)
			;
	}
	if (!take_one(text, "zZ")) {
		char sign = take_one(text, "+-");
		if (!sign || (shift = take_minutes(text)) < 0)
			return false;
		shift = sign == '+' ? shift : -shift;
	}
	/* A leap second is the last one of a day in UTC. */
	return seconds < 60 || (minutes - shift + 2 * 1440) % 1440 == 1439;
}

bool js_format_date(struct mq_bytes text)
{
	return take_date(&text) && text.len == 0;
}

bool js_format_time(struct mq_bytes text)
{
	return take_time(&text) && text.len == 0;
}

bool js_format_date_time(struct mq_bytes text)
{
	return take_date(&text) && take_one(&text, "tT") && take_time(&text) && text.len == 0;
}

/* Number and unit, again and again, the units in this order, without a gap (RFC 3339 has P1Y1M, but
 * not P1Y1D). Returns how many, or -1. */
static int take_units(struct mq_bytes *text, const char *units)
{
	int n = 0;
	const char *at = units;

	while (text->len > 0 && isdigit((unsigned char)text->data[0])) {
		while (take(text, 1) >= 0)
			;
		char unit = take_one(text, units);
		const char *place = unit ? strchr(at, unit) : NULL;
		if (!place || (n > 0 && place != at))
			return -1;
		at = place + 1;
		n++;
	}
	return n;
}

bool js_format_duration(struct mq_bytes text)
{
	if (!take_one(&text, "P"))
		return false;
	struct mq_bytes weeks = text;
	if (take_units(&weeks, "W") == 1)
		return weeks.len == 0;
	int date = take_units(&text, "YMD");
	if (date < 0)
		return false;
	if (!take_one(&text, "T"))
		return date > 0 && text.len == 0;
	return take_units(&text, "HMS") > 0 && text.len == 0;
}
