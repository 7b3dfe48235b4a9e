/*
 * Positions, numbers, durations and sizes as people type them: see mqtk/position.h.
 *
 * Moments and everything that is printed for people live in time.c. All of it is strict: what does
 * not read as a whole is an error, and nothing becomes 0 or wraps around.
 */
#include "mqtk/position.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Reads the digits at *text into *ret and moves *text behind them. Returns how many digits there
 * were, or -1 when the number does not fit. */
static int read_digits(const char **text, int64_t *ret)
{
	int64_t value = 0;
	int digits = 0;

	for (; isdigit((unsigned char)**text); (*text)++, digits++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, **text - '0', &value))
			return -1;
	*ret = value;
	return digits;
}

/* A number with a unit behind it, kept exact until the unit is known. */
struct decimal {
	int64_t whole;
	int64_t fraction; /* of scale */
	int64_t scale;
};

/* Reads DIGITS[.DIGITS] and moves *text behind it. */
static int read_decimal(const char **text, struct decimal *ret)
{
	*ret = (struct decimal){.scale = 1};
	if (read_digits(text, &ret->whole) <= 0)
		return -1;
	if (**text != '.')
		return 0;
	(*text)++;
	int digits = 0;
	for (; isdigit((unsigned char)**text); (*text)++, digits++) {
		if (digits >= 6)
			continue; /* finer than any unit here needs */
		ret->fraction = ret->fraction * 10 + (**text - '0');
		ret->scale *= 10;
	}
	return digits > 0 ? 0 : -1;
}

/* *sum += number * unit. False when it does not fit. */
static bool add_scaled(int64_t *sum, const struct decimal *number, int64_t unit)
{
	int64_t value, part;

	return !__builtin_mul_overflow(number->whole, unit, &value) &&
	       !__builtin_mul_overflow(number->fraction, unit, &part) &&
	       !__builtin_add_overflow(value, part / number->scale, &value) &&
	       !__builtin_add_overflow(*sum, value, sum);
}

int mq_int_parse(const char *text, int64_t min, int64_t max, int64_t *ret, struct mq_err *err)
{
	const char *rest = text;
	bool negative = *rest == '-';
	int64_t value = 0;
	int digits = 0;

	rest += negative;
	for (; isdigit((unsigned char)*rest); rest++, digits++) {
		int digit = negative ? '0' - *rest : *rest - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value)) {
			/* The rest still has to be digits for this to be about the size. */
			rest += strspn(rest, "0123456789");
			if (*rest)
				break;
			return mq_fail(err, MQ_USAGE,
			               "'%s' is out of range: from %lld to %lld is expected", text,
			               (long long)min, (long long)max);
		}
	}
	if (digits == 0 || *rest)
		return mq_fail(err, MQ_USAGE, "'%s' is not a whole number", text);
	if (value < min || value > max)
		return mq_fail(err, MQ_USAGE, "'%s' is out of range: from %lld to %lld is expected",
		               text, (long long)min, (long long)max);
	*ret = value;
	return 0;
}

int mq_duration_parse(const char *text, int64_t *ret_ms, struct mq_err *err)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000}};
	const char *rest = text;
	int64_t sum = 0;
	int64_t last_unit = INT64_MAX;
	bool nonzero = false;

	if (strcmp(text, "0") == 0) {
		*ret_ms = 0;
		return 0;
	}
	if (!*text)
		goto malformed;
	while (*rest) {
		struct decimal number;
		if (!isdigit((unsigned char)*rest))
			goto malformed;
		if (read_decimal(&rest, &number) < 0) {
			rest += strspn(rest, "0123456789");
			goto malformed;
		}
		size_t i = 0;
		size_t n = sizeof units / sizeof units[0];
		while (i < n && strncmp(rest, units[i].name, strlen(units[i].name)) != 0)
			i++;
		/* Each unit once, from large to small: 30m1h is rather a typing error. */
		if (i == n || units[i].ms >= last_unit)
			goto malformed;
		rest += strlen(units[i].name);
		last_unit = units[i].ms;
		nonzero = nonzero || number.whole > 0 || number.fraction > 0;
		if (!add_scaled(&sum, &number, last_unit))
			return mq_fail(err, MQ_USAGE, "the duration '%s' is too long", text);
	}
	if (sum == 0 && nonzero)
		return mq_fail(err, MQ_USAGE, "the duration '%s' is shorter than 1ms", text);
	*ret_ms = sum;
	return 0;

malformed:
	return mq_fail(err, MQ_USAGE,
	               "'%s' is not a duration: expected a number with a unit, like 500ms, 30s, "
	               "5m, 2h, 7d or 1h30m",
	               text);
}

int mq_size_parse(const char *text, int64_t *ret_bytes, struct mq_err *err)
{
	static const char letters[] = "kmgt";
	const char *rest = text;
	struct decimal number;
	int64_t unit = 1;
	int64_t sum = 0;

	if (read_decimal(&rest, &number) < 0)
		goto malformed;
	if (*rest) {
		const char *letter = strchr(letters, tolower((unsigned char)*rest));
		if (!letter)
			goto malformed;
		unit <<= 10 * (letter - letters + 1);
		rest++;
		if (*rest && strcmp(rest, "iB") != 0)
			goto malformed;
	}
	if (unit == 1 && number.scale > 1)
		goto malformed;
	if (!add_scaled(&sum, &number, unit))
		return mq_fail(err, MQ_USAGE, "the size '%s' is too large", text);
	if (sum == 0 && number.fraction > 0)
		return mq_fail(err, MQ_USAGE, "the size '%s' is less than a byte", text);
	*ret_bytes = sum;
	return 0;

malformed:
	return mq_fail(
	    err, MQ_USAGE,
	    "'%s' is not a size: expected bytes or a number with k, M, G or T, like 64k, "
	    "10M or 1.5G",
	    text);
}

/* DIGITS-DIGITS, both within 64 bits: an id of a Redis stream. */
static bool is_id(const char *text)
{
	for (int half = 0; half < 2; half++) {
		uint64_t value = 0;
		int digits = 0;
		for (; isdigit((unsigned char)*text); text++, digits++)
			if (__builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
				return false;
		if (digits == 0 || *text++ != (half == 0 ? '-' : '\0'))
			return false;
	}
	return true;
}

/* -N, the last N, or -DURATION, that long ago. */
static int parse_backwards(const char *text, int64_t now_ms, struct mq_pos *ret_pos,
                           struct mq_err *err)
{
	const char *rest = text + 1;

	if (rest[strspn(rest, "0123456789")] == '\0') {
		if (mq_int_parse(rest, 0, INT64_MAX, &ret_pos->number, err) < 0)
			return -1;
		/* The last none of them is the end. */
		ret_pos->kind = ret_pos->number == 0 ? MQ_POS_END : MQ_POS_LAST;
		return 0;
	}
	ret_pos->kind = MQ_POS_TIME;
	return mq_time_parse(text, now_ms, &ret_pos->number, err);
}

int mq_pos_parse(const char *text, int64_t now_ms, struct mq_pos *ret_pos, struct mq_err *err)
{
	static const struct {
		const char *name;
		enum mq_pos_kind kind;
	} words[] = {
	    {"beginning", MQ_POS_BEGINNING}, {"end", MQ_POS_END}, {"stored", MQ_POS_STORED}};
	struct mq_pos pos = {0};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(text, words[i].name) == 0) {
			pos.kind = words[i].kind;
			*ret_pos = pos;
			return 0;
		}
	}
	if (text[0] == '-' && isdigit((unsigned char)text[1])) {
		if (parse_backwards(text, now_ms, &pos, err) < 0)
			return -1;
	} else if (text[0] == '@') {
		pos.kind = MQ_POS_TIME;
		if (mq_time_parse(text + 1, now_ms, &pos.number, err) < 0)
			return -1;
	} else if (*text && text[strspn(text, "0123456789")] == '\0') {
		pos.kind = MQ_POS_OFFSET;
		if (mq_int_parse(text, 0, INT64_MAX, &pos.number, err) < 0)
			return -1;
	} else if (is_id(text)) {
		size_t len = strlen(text);
		if (len >= sizeof pos.text)
			return mq_fail(err, MQ_USAGE, "the id '%s' is too long", text);
		pos.kind = MQ_POS_ID;
		memcpy(pos.text, text, len + 1);
	} else if (isdigit((unsigned char)text[0]) && strchr(text, '-')) {
		pos.kind = MQ_POS_TIME;
		if (mq_time_parse(text, now_ms, &pos.number, err) < 0)
			return -1;
	} else {
		return mq_fail(err, MQ_USAGE,
		               "'%s' is not a position: expected beginning, end, stored, an offset "
		               "N, -N (the last N), -48h, @EPOCH or a date like 2026-11-01T10:00Z",
		               text);
	}
	*ret_pos = pos;
	return 0;
}
