/*
 * Numbers of JSON as they are written: of any size, compared exactly. 1, 1.0 and 10e-1 are one
 * number; 12345678901234567890 and 12345678901234567891 are two.
 */
#ifndef SCHEMA_JSON_NUMBER_H
#define SCHEMA_JSON_NUMBER_H

#include "schema/json/value.h"

/* 0.DIGITS × 10^exponent, without a zero at either end of DIGITS. */
struct js_decimal {
	const char *first, *end; /* of the digits; a '.' may stand among them. Zero: first == end */
	int64_t exponent;        /* saturated: beyond 10^18 all are alike */
	uint32_t digits;         /* how many, without the '.' */
	bool negative;           /* never of zero */
};

/* The text of a JS_NUMBER, borrowed. */
struct js_decimal js_decimal(const struct js_value *number);

/* < 0, 0, > 0 */
int js_decimal_compare(const struct js_decimal *a, const struct js_decimal *b);
int js_number_compare(const struct js_value *a, const struct js_value *b);

/* The same, quicker where limit is a small whole number and value has a point. */
int js_number_against(const struct js_value *value, const struct js_value *limit);

bool js_number_is_integer(const struct js_value *number);
uint64_t js_number_hash(const struct js_value *number);

/* Whether value is a whole multiple of divisor (> 0). 1 or 0; -1: both have so many digits that it
 * is not worked out. */
int js_number_multiple(const struct js_value *value, const struct js_value *divisor);

/* The value of a JS_PLAIN number. */
int64_t js_plain(const struct js_value *number);
/* As a count (maxLength …): whole, not negative; beyond 2^31 all are alike. -1: it is none. */
int64_t js_count(const struct js_value *number);

/* --- whole values ----------------------------------------------------------------------------- */

/* Equal as JSON Schema means it: numbers by value, members in any order. */
bool js_equal(const struct js_doc *a, uint32_t i, const struct js_doc *b, uint32_t k);
/* Equal values have the same hash. */
uint64_t js_value_hash(const struct js_doc *doc, uint32_t i);

#endif
