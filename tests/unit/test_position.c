/* Positions, moments, durations, sizes and numbers as people type them, and what is printed. */
#include "mqtk/message.h"
#include "mqtk/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

static struct mq_pos pos_of(const char *text)
{
	struct mq_pos pos;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_pos_parse(text, NOW, &pos, &err) < 0)
		fail_msg("'%s': %s", text, err.message);
	return pos;
}

static void check_pos(const char *text, enum mq_pos_kind kind, int64_t number)
{
	struct mq_pos pos = pos_of(text);

	if (pos.kind != kind || pos.number != number)
		fail_msg("'%s' is kind %d, %lld", text, (int)pos.kind, (long long)pos.number);
	assert_string_equal(pos.text, "");
}

static void refuse_pos(const char *text)
{
	struct mq_pos pos = {.kind = MQ_POS_STORED, .number = 77};
	struct mq_err err = MQ_ERR_INIT;

	if (mq_pos_parse(text, NOW, &pos, &err) == 0)
		fail_msg("'%s' was read as kind %d, %lld", text, (int)pos.kind,
		         (long long)pos.number);
	assert_int_equal(err.code, MQ_USAGE);
	/* A refusal leaves the caller's default alone. */
	assert_int_equal(pos.kind, MQ_POS_STORED);
	assert_int_equal(pos.number, 77);
}

static void test_positions(void **state)
{
	(void)state;
	check_pos("beginning", MQ_POS_BEGINNING, 0);
	check_pos("end", MQ_POS_END, 0);
	check_pos("stored", MQ_POS_STORED, 0);
	check_pos("0", MQ_POS_OFFSET, 0);
	check_pos("20261101", MQ_POS_OFFSET, 20261101);
	check_pos("1700000000000", MQ_POS_OFFSET, INT64_C(1700000000000));
	check_pos("9223372036854775807", MQ_POS_OFFSET, INT64_MAX);
	check_pos("-10", MQ_POS_LAST, 10);
	check_pos("-0", MQ_POS_END, 0);
	check_pos("-48h", MQ_POS_TIME, NOW - INT64_C(48) * 3600000);
	check_pos("-1h30m", MQ_POS_TIME, NOW - 5400000);
	check_pos("-1.5s", MQ_POS_TIME, NOW - 1500);
	check_pos("@-48h", MQ_POS_TIME, NOW - INT64_C(48) * 3600000);
	check_pos("@1700000000", MQ_POS_TIME, NOW);
	check_pos("@1700000000000", MQ_POS_TIME, NOW);
	check_pos("@0", MQ_POS_TIME, 0);
	check_pos("@-86400", MQ_POS_TIME, -86400000);
	check_pos("@99999999999", MQ_POS_TIME, INT64_C(99999999999000));
	check_pos("@100000000000", MQ_POS_TIME, INT64_C(100000000000));
	check_pos("2026-11-01T10:00Z", MQ_POS_TIME, INT64_C(1793527200000));
	check_pos("@2026-11-01T10:00Z", MQ_POS_TIME, INT64_C(1793527200000));
	check_pos("2026-11-01T10:00:00.123+02:00", MQ_POS_TIME, INT64_C(1793520000123));
	check_pos("2026-11-01T10:00:00-0530", MQ_POS_TIME, INT64_C(1793547000000));
	check_pos("2026-11-01 10:00:00Z", MQ_POS_TIME, INT64_C(1793527200000));
}

static void test_ids(void **state)
{
	(void)state;
	static const char *const ids[] = {"123-4", "0-0", "1700000000000-0",
	                                  "18446744073709551615-18446744073709551615"};

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct mq_pos pos = pos_of(ids[i]);
		assert_int_equal(pos.kind, MQ_POS_ID);
		assert_string_equal(pos.text, ids[i]);
	}
	refuse_pos("18446744073709551616-0");
	refuse_pos("1-18446744073709551616");
	refuse_pos("1-");
	refuse_pos("1-x");
	refuse_pos("1-2-3");
}

static void test_refused_positions(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    " ",
	    "begining",
	    "Beginning",
	    "END",
	    "-",
	    "--1",
	    "+1",
	    "1 ",
	    " 1",
	    "1x",
	    "0x10",
	    "1e3",
	    "1.5",
	    "@",
	    "@x",
	    "@end",
	    "@@1",
	    "-5x",
	    "-h",
	    "-5 h",
	    "-9223372036854775808",
	    "9223372036854775808",
	    "99999999999999999999",
	    "@9223372036854775808",
	    "@99999999999999999999",
	    "-99999999999999999d",
	    "-106751991168d",
	    "NaN",
	    "null",
	    "\n",
	    "1\n",
	    "stored ",
	    "2026-13-01",
	    "2026-00-01",
	    "2026-02-30",
	    "2025-02-29",
	    "2026-11-31",
	    "2026-11-00",
	    "2026-11-01T24:00Z",
	    "2026-11-01T10:60Z",
	    "2026-11-01T10:00:61Z",
	    "2026-11-01T10",
	    "2026-11-01T",
	    "2026-11-01Z",
	    "2026-11-01T10:00+24:00",
	    "2026-11-01T10:00+2",
	    "2026-11-01T10:00+02:",
	    "2026-11-01T10:00:00.Z",
	    "2026-11-01T10:00Zx",
	    "2026-11-01T10:00 Z",
	    "2026-11-1",
	    "26-11-01",
	    "02026-11-01",
	    "2026-11-01T1:00Z",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		refuse_pos(texts[i]);
}

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void check_time(const char *text, int64_t expected)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t ms;

	if (mq_time_parse(text, NOW, &ms, &err) < 0)
		fail_msg("'%s': %s", text, err.message);
	if (ms != expected)
		fail_msg("'%s' is %lld, expected %lld", text, (long long)ms, (long long)expected);
}

static void test_local_time(void **state)
{
	(void)state;
	/* A zone by rule, so that no zone files are needed: UTC+1, summer time UTC+2. */
	use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	check_time("2026-11-01", INT64_C(1793487600000));           /* 2026-10-31T23:00Z */
	check_time("2026-07-01T12:00", INT64_C(1782900000000));     /* 10:00Z */
	check_time("2026-07-01T12:00:00Z", INT64_C(1782907200000)); /* a zone wins */
	/* The hour that does not exist is moved on. */
	check_time("2026-03-29T02:30", INT64_C(1774747800000)); /* 01:30Z */
	/* One second before the epoch, which is also how mktime tells a failure. */
	use_zone("UTC0");
	check_time("1969-12-31T23:59:59", -1000);
	check_time("1969-12-31T23:59:59.999", -1);
	use_zone("UTC0");
}

static void test_times(void **state)
{
	(void)state;
	check_time("1970-01-01T00:00:00Z", 0);
	check_time("1969-12-31T23:59:59Z", -1000);
	check_time("1900-02-28T00:00Z", INT64_C(-2203977600000));
	check_time("0001-01-01T00:00Z", INT64_C(-62135596800000));
	check_time("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
	check_time("2024-02-29T00:00Z", INT64_C(1709164800000));
	check_time("2000-02-29T00:00Z", INT64_C(951782400000));
	check_time("2026-06-30T23:59:60Z", INT64_C(1782864000000)); /* a leap second */
	check_time("2026-11-01t10:00:00,5z", INT64_C(1793527200500));
	check_time("2026-11-01T10:00:00.123456789Z", INT64_C(1793527200123));
	check_time("2026-11-01T10:00+02", INT64_C(1793520000000));
	check_time("-2h", NOW - 7200000);
	check_time("1700000000", NOW);

	struct mq_err err = MQ_ERR_INIT;
	int64_t ms = 5;
	assert_int_equal(mq_time_parse("1900-02-29T00:00Z", NOW, &ms, &err), -1);
	assert_non_null(strstr(err.message, "no day 29"));
	assert_int_equal(ms, 5);
}

/* What is printed can be read again, over the whole range of years with four digits. */
static void test_times_there_and_back(void **state)
{
	(void)state;
	uint64_t seed = (uint64_t)time(NULL);
	const char *given = getenv("MQTK_TEST_SEED");

	if (given)
		seed = strtoull(given, NULL, 10);
	print_message("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 20000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		int64_t ms = (int64_t)(seed >> 16) % INT64_C(253402300800000);
		if (i % 4 == 0)
			ms = -(ms % INT64_C(62135596800000));
		char text[MQ_TIME_TEXT];
		mq_time_format_iso(ms, text);
		check_time(text, ms);
		/* The C library agrees. */
		time_t second = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
		struct tm tm;
		char expected[MQ_TIME_TEXT];
		assert_non_null(gmtime_r(&second, &tm));
		snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d",
		         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		         tm.tm_sec);
		text[19] = '\0';
		assert_string_equal(text, expected);
	}
}

static void test_time_format(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {-1, "1969-12-31T23:59:59.999Z"},
	    {INT64_C(1793527200123), "2026-11-01T10:00:00.123Z"},
	    {INT64_C(253402300800000), "+10000-01-01T00:00:00.000Z"},
	    {INT64_MAX, "+292278994-08-17T07:12:55.807Z"},
	    {MQ_NO_TIME, "-292275055-05-16T16:47:04.192Z"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[MQ_TIME_TEXT];
		mq_time_format_iso(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"500ms", 500},
	    {"30s", 30000},
	    {"5m", 300000},
	    {"2h", 7200000},
	    {"7d", 604800000},
	    {"1h30m", 5400000},
	    {"1d2h3m4s5ms", 93784005},
	    {"1.5s", 1500},
	    {"0.001s", 1},
	    {"0.25h", 900000},
	    {"106751991167d", INT64_C(106751991167) * 86400000},
	    {"106751991168d", -1},
	    {"9223372036854775807ms", INT64_MAX},
	    {"9223372036854775808ms", -1},
	    {"106751991167d8h", -1},
	    {"", -1},
	    {"5", -1},
	    {"-5s", -1},
	    {"s", -1},
	    {"5x", -1},
	    {"5S", -1},
	    {"5 s", -1},
	    {"5s ", -1},
	    {"5s5", -1},
	    {"5s5s", -1},
	    {"30m1h", -1},
	    {"1.s", -1},
	    {".5s", -1},
	    {"1.5.5s", -1},
	    {"0.0001s", -1},
	    {"0.1ms", -1},
	    {"1e3s", -1},
	    {"00", -1},
	    {"5mss", -1},
	    {"infs", -1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		int64_t ms = -1;
		int result = mq_duration_parse(cases[i].text, &ms, &err);
		if (ms != cases[i].ms || (result == 0) != (ms >= 0))
			fail_msg("'%s' gave %d, %lld", cases[i].text, result, (long long)ms);
		assert_int_equal(err.code, result == 0 ? MQ_OK : MQ_USAGE);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {
	    {"0", 0},
	    {"1000", 1000},
	    {"64k", 65536},
	    {"64K", 65536},
	    {"10M", 10485760},
	    {"10MiB", 10485760},
	    {"1.5G", 1610612736},
	    {"8388607T", INT64_C(8388607) << 40},
	    {"8388608T", -1},
	    {"9223372036854775807", INT64_MAX},
	    {"9223372036854775808", -1},
	    {"", -1},
	    {"k", -1},
	    {"-1", -1},
	    {"1.5", -1},
	    {"1kk", -1},
	    {"1kB", -1},
	    {"1X", -1},
	    {"1 k", -1},
	    {"0.0001k", -1},
	    {"1.k", -1},
	    {"0x10", -1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		int64_t bytes = -1;
		int result = mq_size_parse(cases[i].text, &bytes, &err);
		if (bytes != cases[i].bytes || (result == 0) != (bytes >= 0))
			fail_msg("'%s' gave %d, %lld", cases[i].text, result, (long long)bytes);
		assert_int_equal(err.code, result == 0 ? MQ_OK : MQ_USAGE);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	int64_t n;

	assert_int_equal(mq_int_parse("-9223372036854775808", INT64_MIN, INT64_MAX, &n, &err), 0);
	assert_true(n == INT64_MIN);
	assert_int_equal(mq_int_parse("007", 0, 10, &n, &err), 0);
	assert_int_equal(n, 7);
	static const char *const texts[] = {"",
	                                    "-",
	                                    "+5",
	                                    " 5",
	                                    "5 ",
	                                    "5x",
	                                    "0x5",
	                                    "1e1",
	                                    "11",
	                                    "-1",
	                                    "9223372036854775808",
	                                    "-9223372036854775809",
	                                    "99999999999999999999999x"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		mq_err_clear(&err);
		n = 42;
		assert_int_equal(mq_int_parse(texts[i], 0, 10, &n, &err), -1);
		assert_int_equal(err.code, MQ_USAGE);
		assert_int_equal(n, 42);
	}
	mq_err_clear(&err);
	mq_int_parse("9223372036854775808", INT64_MIN, INT64_MAX, &n, &err);
	assert_non_null(strstr(err.message, "out of range"));
}

static void test_for_people(void **state)
{
	(void)state;
	static const struct {
		int64_t n;
		const char *size, *duration;
	} cases[] = {
	    {0, "0 B", "0 ms"},
	    {350, "350 B", "350 ms"},
	    {1023, "1023 B", "1 s"},
	    {1024, "1 KiB", "1 s"},
	    {1500, "1.5 KiB", "1.5 s"},
	    {12000, "12 KiB", "12 s"},
	    {330000, "322 KiB", "5m30s"},
	    {7500000, "7.2 MiB", "2h05m"},
	    {1048575, "1 MiB", "17m28s"},
	    {INT64_C(273600000), "261 MiB", "3d04h"},
	    {INT64_MAX, "8 EiB", "106751991167d07h"},
	    {INT64_MIN, "-8 EiB", "-106751991167d07h"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char size[MQ_SIZE_TEXT], duration[MQ_DURATION_TEXT];
		mq_size_format(cases[i].n, size);
		mq_duration_format(cases[i].n, duration);
		assert_string_equal(size, cases[i].size);
		assert_string_equal(duration, cases[i].duration);
	}
}

int main(void)
{
	use_zone("UTC0");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_positions),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_refused_positions),
	    cmocka_unit_test(test_local_time),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_times_there_and_back),
	    cmocka_unit_test(test_time_format),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
