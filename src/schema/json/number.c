/* Exact decimals: see number.h. */
#include "schema/json/number.h"

#include <stdlib.h>

#define EXPONENT_MAX 1000000000000000000
/* Digits of the larger number times digits of the divisor, when both are long. */
#define WORK_MAX 50000000

/* The written exponent, saturated. */
static int64_t written_exponent(const char *p, const char *end)
{
	bool negative = false;
	int64_t value = 0;

	if (*p == '+' || *p == '-')
		negative = *p++ == '-';
	for (; p < end; p++)
		value = value < EXPONENT_MAX / 10 ? value * 10 + (*p - '0') : EXPONENT_MAX;
	return negative ? -value : value;
}

struct js_decimal js_decimal(const struct js_value *number)
{
	const char *p = number->at.text, *end = p + number->len;
	struct js_decimal decimal = {.negative = *p == '-'};
	const char *point = NULL, *last = NULL, *first = NULL;
	int64_t before = 0; /* digits between the first one that counts and the point */

	p += decimal.negative;
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = p;
			continue;
		}
		if (*p != '0') {
			first = first ? first : p;
			last = p;
		}
		if (!point && first)
			before++;
		if (point && !first)
			before--;
	}
	if (!first)
		return (struct js_decimal){.first = number->at.text, .end = number->at.text};
	decimal.first = first;
	decimal.end = last + 1;
	decimal.exponent = before + (p < end ? written_exponent(p + 1, end) : 0);
	decimal.digits = (uint32_t)(decimal.end - first) - (point > first && point < last);
	return decimal;
}

static int compare_digits(const struct js_decimal *a, const struct js_decimal *b)
{
	const char *p = a->first, *q = b->first;

	for (;; p++, q++) {
		p += p < a->end && *p == '.';
		q += q < b->end && *q == '.';
		if (p == a->end || q == b->end)
			return (q == b->end) - (p == a->end);
		if (*p != *q)
			return *p < *q ? -1 : 1;
	}
}

int js_decimal_compare(const struct js_decimal *a, const struct js_decimal *b)
{
	int sign_a = a->digits == 0 ? 0 : a->negative ? -1 : 1;
	int sign_b = b->digits == 0 ? 0 : b->negative ? -1 : 1;

	if (sign_a != sign_b || sign_a == 0)
		return sign_a - sign_b;
	int size = a->exponent != b->exponent ? (a->exponent < b->exponent ? -1 : 1)
	                                      : compare_digits(a, b);
	return sign_a < 0 ? -size : size;
}

int64_t js_plain(const struct js_value *number)
{
	const char *p = number->at.text, *end = p + number->len;
	bool negative = *p == '-';
	int64_t value = 0;

	for (p += negative; p < end; p++)
		value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

int js_number_compare(const struct js_value *a, const struct js_value *b)
{
	if (a->flags & b->flags & JS_PLAIN) {
		int64_t x = js_plain(a), y = js_plain(b);
		return (x > y) - (x < y);
	}
	struct js_decimal x = js_decimal(a), y = js_decimal(b);
	return js_decimal_compare(&x, &y);
}

int js_number_against(const struct js_value *value, const struct js_value *limit)
{
	static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
	const char *p = value->at.text, *end = p + value->len, *point = NULL;
	int64_t digits = 0;

	/* All digits as one whole number, and limit with as many zeros: both below 10^16. */
	if (value->flags & JS_PLAIN || !(limit->flags & JS_PLAIN) || limit->len > 9 ||
	    value->len > 16)
		return js_number_compare(value, limit);
	bool negative = *p == '-';
	for (p += negative; p < end; p++) {
		if (*p == '.')
			point = p;
		else if (*p >= '0' && *p <= '9')
			digits = digits * 10 + (*p - '0');
		else
			return js_number_compare(value, limit);
	}
	size_t behind = point ? (size_t)(end - point) - 1 : 0;
	if (behind >= sizeof powers / sizeof *powers)
		return js_number_compare(value, limit);
	int64_t x = negative ? -digits : digits, y = js_plain(limit) * powers[behind];
	return (x > y) - (x < y);
}

bool js_number_is_integer(const struct js_value *number)
{
	if (number->flags & JS_PLAIN)
		return true;
	struct js_decimal decimal = js_decimal(number);
	return decimal.digits == 0 || decimal.exponent >= decimal.digits;
}

uint64_t js_number_hash(const struct js_value *number)
{
	struct js_decimal decimal = js_decimal(number);
	uint64_t hash =
	    1469598103934665603u ^ (uint64_t)decimal.exponent ^ (decimal.negative ? 0x5555u : 0);

	for (const char *p = decimal.first; p < decimal.end; p++)
		if (*p != '.')
			hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	return hash;
}

int64_t js_count(const struct js_value *number)
{
	if (number->type != JS_NUMBER || !js_number_is_integer(number))
		return -1;
	struct js_decimal decimal = js_decimal(number);
	if (decimal.negative)
		return -1;
	if (decimal.exponent > 10)
		return INT32_MAX;
	int64_t value = 0;
	const char *p = decimal.first;
	for (int64_t i = 0; i < decimal.exponent; i++) {
		p += p < decimal.end && *p == '.';
		value = value * 10 + (p < decimal.end ? *p++ - '0' : 0);
	}
	return value < INT32_MAX ? value : INT32_MAX;
}

/* --- multiples -------------------------------------------------------------------------------- */

/* The digits as a whole number; at most 18. */
static uint64_t small_digits(const struct js_decimal *decimal)
{
	uint64_t value = 0;

	for (const char *p = decimal->first; p < decimal->end; p++)
		if (*p != '.')
			value = value * 10 + (uint64_t)(*p - '0');
	return value;
}

/* rest = (rest × 10 + digit) mod divisor, all with the same number of digits, the first one in
 * front of them for the carry. */
static void step(uint8_t *rest, const uint8_t *divisor, size_t n, uint8_t digit)
{
	memmove(rest, rest + 1, n);
	rest[n] = digit;
	while (memcmp(rest, divisor, n + 1) >= 0) {
		int borrow = 0;
		for (size_t i = n + 1; i-- > 0;) {
			int x = rest[i] - divisor[i] - borrow;
			borrow = x < 0;
			rest[i] = (uint8_t)(x + 10 * borrow);
		}
	}
}

/* Digit by digit, for divisors that no machine word holds. */
static int long_multiple(const struct js_decimal *value, uint64_t zeros,
                         const struct js_decimal *divisor)
{
	size_t n = divisor->digits;
	uint8_t *rest = calloc(2, n + 1), *by = rest ? rest + n + 1 : NULL;

	if (!rest)
		return -1;
	size_t at = 1;
	for (const char *p = divisor->first; p < divisor->end; p++)
		if (*p != '.')
			by[at++] = (uint8_t)(*p - '0');
	for (const char *p = value->first; p < value->end; p++)
		if (*p != '.')
			step(rest, by, n, (uint8_t)(*p - '0'));
	while (zeros-- > 0)
		step(rest, by, n, 0);
	int result = 1;
	for (size_t i = 0; i <= n; i++)
		result &= rest[i] == 0;
	free(rest);
	return result;
}

/*
 * With both as whole numbers A and B without a zero at the end and k zeros behind A, the question
 * is whether B divides A × 10^k. For k < 0 it cannot: A would have to end in a zero. More zeros
 * than four for each digit of B change nothing: B holds fewer factors 2 and 5 than that.
 */
int js_number_multiple(const struct js_value *value, const struct js_value *divisor)
{
	if ((value->flags & divisor->flags & JS_PLAIN)) {
		int64_t by = js_plain(divisor);
		return by != 0 && js_plain(value) % by == 0;
	}
	struct js_decimal a = js_decimal(value), b = js_decimal(divisor);
	if (a.digits == 0)
		return 1;
	int64_t k = (a.exponent - a.digits) - (b.exponent - b.digits);
	if (k < 0 || b.digits == 0)
		return 0;
	uint64_t zeros =
	    (uint64_t)k < 4 * (uint64_t)b.digits ? (uint64_t)k : 4 * (uint64_t)b.digits;
	if (b.digits > 18)
		return (a.digits + zeros) * b.digits > WORK_MAX ? -1 : long_multiple(&a, zeros, &b);
	/* Below 10^18, so ten times the rest and a digit are below 2^64. */
	uint64_t by = small_digits(&b), rest = 0;
	if (by == 0)
		return 0;
	for (const char *p = a.first; p < a.end; p++)
		if (*p != '.')
			rest = (rest * 10 + (uint64_t)(*p - '0')) % by;
	while (zeros-- > 0 && rest != 0)
		rest = rest * 10 % by;
	return rest == 0;
}

/* --- whole values ----------------------------------------------------------------------------- */

enum {
	MANY_MEMBERS = 64, /* so many keys are sorted to be compared */
};

static int by_key(const void *a, const void *b)
{
	const struct js_value *x = *(const struct js_value *const *)a;
	const struct js_value *y = *(const struct js_value *const *)b;

	if (js_tag(x) != js_tag(y))
		return js_tag(x) < js_tag(y) ? -1 : 1;
	return memcmp(x->at.text, y->at.text, x->len);
}

static void sorted_keys(const struct js_doc *doc, uint32_t object, const struct js_value **ret)
{
	size_t n = 0;

	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1))
		ret[n++] = &doc->values[key];
	qsort(ret, n, sizeof *ret, by_key);
}

/* Both have as many members. 1, 0, or -1 without memory. */
static int equal_sorted(const struct js_doc *a, uint32_t i, const struct js_doc *b, uint32_t k)
{
	uint32_t n = a->values[i].len;
	const struct js_value **keys = malloc(2 * (size_t)n * sizeof *keys), **others;
	int equal = 1;

	if (!keys)
		return -1;
	others = keys + n;
	sorted_keys(a, i, keys);
	sorted_keys(b, k, others);
	for (uint32_t at = 0; at < n && equal; at++)
		equal = by_key(&keys[at], &others[at]) == 0 &&
		        js_equal(a, (uint32_t)(keys[at] - a->values) + 1, b,
		                 (uint32_t)(others[at] - b->values) + 1);
	free(keys);
	return equal;
}

static bool equal_objects(const struct js_doc *a, uint32_t i, const struct js_doc *b, uint32_t k)
{
	uint32_t other = k + 1;

	for (uint32_t key = i + 1; key < a->values[i].at.end; key = js_next(a, key + 1)) {
		const struct js_value *name = &a->values[key];
		/* Mostly they stand in the same order. */
		uint32_t value = other + 1;
		if (other >= b->values[k].at.end || js_tag(name) != js_tag(&b->values[other]) ||
		    memcmp(name->at.text, b->values[other].at.text, name->len) != 0) {
			int equal = a->values[i].len > MANY_MEMBERS ? equal_sorted(a, i, b, k) : -1;
			if (equal >= 0)
				return equal;
			value = js_member_bytes(b, k, js_text(a, key));
		}
		if (value == 0 || !js_equal(a, key + 1, b, value))
			return false;
		other = js_next(b, value);
	}
	return true;
}

bool js_equal(const struct js_doc *a, uint32_t i, const struct js_doc *b, uint32_t k)
{
	const struct js_value *x = &a->values[i], *y = &b->values[k];

	if (x->type != y->type)
		return false;
	switch (x->type) {
	case JS_NUMBER:
		return js_number_compare(x, y) == 0;
	case JS_STRING:
		return js_tag(x) == js_tag(y) && js_same_bytes(x->at.text, y->at.text, x->len);
	case JS_OBJECT:
		return x->len == y->len && equal_objects(a, i, b, k);
	case JS_ARRAY:
		if (x->len != y->len)
			return false;
		for (uint32_t n = x->len, p = i + 1, q = k + 1; n-- > 0;
		     p = js_next(a, p), q = js_next(b, q))
			if (!js_equal(a, p, b, q))
				return false;
		return true;
	default:
		return true;
	}
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t hash_text(const struct js_value *string)
{
	uint64_t hash = string->len;

	for (uint32_t i = 0; i < string->len; i++)
		hash = (hash ^ (unsigned char)string->at.text[i]) * 1099511628211u;
	return hash;
}

uint64_t js_value_hash(const struct js_doc *doc, uint32_t i)
{
	const struct js_value *value = &doc->values[i];
	uint64_t hash = mix(0x243f6a8885a308d3u, value->type);

	if (value->type == JS_NUMBER)
		return mix(hash, js_number_hash(value));
	if (value->type == JS_STRING)
		return mix(hash, hash_text(value));
	if (value->type == JS_ARRAY)
		for (uint32_t at = i + 1; at < value->at.end; at = js_next(doc, at))
			hash = mix(hash, js_value_hash(doc, at));
	/* The order of members does not matter: a sum. */
	uint64_t sum = 0;
	if (value->type == JS_OBJECT)
		for (uint32_t key = i + 1; key < value->at.end; key = js_next(doc, key + 1))
			sum += mix(hash_text(&doc->values[key]), js_value_hash(doc, key + 1));
	return mix(hash, sum);
}
