/* Schemas from samples: each sample is valid for them, and their order does not matter. */
#include "mqtk/infer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 12) % n;
}

static void put_value(struct mq_buf *buf, unsigned depth)
{
	static const char *const scalars[] = {"1",
	                                      "1.0",
	                                      "0",
	                                      "-0.0",
	                                      "10e-1",
	                                      "2.50",
	                                      "1e400",
	                                      "-12345678901234567890",
	                                      "0.10000000000000000000000000000000001",
	                                      "true",
	                                      "false",
	                                      "null",
	                                      "null",
	                                      "\"\"",
	                                      "\"a\"",
	                                      "\"a\\u0000b\"",
	                                      "\"\\u00e9\\ud83d\\ude00\"",
	                                      "\"2026-11-23\"",
	                                      "\"2026-11-23T10:00:00Z\"",
	                                      "\"10:00:00Z\"",
	                                      "\"127.0.0.1\"",
	                                      "\"::1\"",
	                                      "\"a@example.org\"",
	                                      "\"https://example.org/x\"",
	                                      "\"123e4567-e89b-12d3-a456-426614174000\"",
	                                      "[]",
	                                      "{}"};
	static const char *const names[] = {"a", "b", "", "a/b~c", "\\u0000", "\\\"", "d", "e"};
	unsigned which = depth > 4 ? 0 : pick(5), n = pick(5);

	if (which < 3) {
		mq_buf_append_str(buf, scalars[pick(sizeof scalars / sizeof *scalars)], NULL);
		return;
	}
	mq_buf_append_char(buf, which == 3 ? '{' : '[', NULL);
	for (unsigned i = 0, first = pick(8); i < n; i++) {
		mq_buf_append_str(buf, i ? "," : "", NULL);
		if (which == 3)
			mq_buf_printf(buf, NULL, "\"%s\":", names[(first + i) % 8]);
		put_value(buf, depth + 1);
	}
	mq_buf_append_char(buf, which == 3 ? '}' : ']', NULL);
}

static void infer(const struct mq_infer_spec *spec, const struct mq_buf *samples, size_t n,
                  size_t first, struct mq_buf *ret)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_infer *infer;

	assert_int_equal(mq_infer_new(spec, &infer, &err), 0);
	for (size_t i = 0; i < n; i++) {
		const struct mq_buf *sample = &samples[(first + i) % n];
		if (mq_infer_take(infer, mq_bytes_of(sample->data, sample->len), &err) < 0)
			fail_msg("%.*s: %s", (int)sample->len, sample->data, err.message);
	}
	assert_int_equal(mq_infer_count(infer), n);
	assert_int_equal(mq_infer_write(infer, ret, &err), 0);
	mq_infer_free(infer);
}

static void expect_valid(const struct mq_buf *text, const struct mq_buf *samples, size_t n)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON,
	                              .name = "the inferred one",
	                              .text = mq_bytes_of(text->data, text->len),
	                              .assert_format = true};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;

	if (mq_schema_new(&spec, &schema, &err) < 0)
		fail_msg("%s: %.*s", err.message, (int)text->len, text->data);
	for (size_t i = 0; i < n; i++)
		if (mq_schema_check_json(schema, mq_bytes_of(samples[i].data, samples[i].len), NULL,
		                         NULL, &err) != 1)
			fail_msg("%.*s\nis not valid for\n%.*s", (int)samples[i].len,
			         samples[i].data, (int)text->len, text->data);
	mq_schema_free(schema);
}

static void test_samples_are_valid(void **state)
{
	enum { ROUNDS = 3000, SAMPLES = 12 };
	const char *given = getenv("MQTK_TEST_SEED");

	(void)state;
	seed = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
	print_message("seed %u\n", seed);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct mq_infer_spec spec = {
		    .draft = (enum mq_schema_draft)pick(6),
		    .format_min = pick(3),
		    .enum_max = pick(2) * 4,
		    .map_names = pick(3),
		    .ranges = pick(2),
		    .closed = pick(2),
		};
		struct mq_buf samples[SAMPLES], text, other;
		size_t n = 1 + pick(SAMPLES);
		mq_buf_init(&text, 1 << 20);
		mq_buf_init(&other, 1 << 20);
		for (size_t k = 0; k < n; k++) {
			mq_buf_init(&samples[k], 1 << 16);
			if (k > 0 && pick(3) == 0)
				mq_buf_append(&samples[k], samples[k - 1].data, samples[k - 1].len,
				              NULL);
			else
				put_value(&samples[k], 0);
		}
		infer(&spec, samples, n, 0, &text);
		infer(&spec, samples, n, pick((unsigned)n), &other);
		expect_valid(&text, samples, n);
		assert_true(mq_bytes_equal(mq_bytes_of(text.data, text.len),
		                           mq_bytes_of(other.data, other.len)));
		for (size_t k = 0; k < n; k++)
			mq_buf_release(&samples[k]);
		mq_buf_release(&text);
		mq_buf_release(&other);
	}
}

/* Whatever comes, the schema is one, and the sample is valid. */
static void expect_bounded(const struct mq_buf *samples, size_t n, const char *has)
{
	struct mq_infer_spec spec = {.format_min = 1, .enum_max = 10, .ranges = true};
	struct mq_buf text;

	mq_buf_init(&text, (size_t)1 << 30);
	infer(&spec, samples, n, 0, &text);
	expect_valid(&text, samples, n);
	assert_true(text.len < (1 << 20));
	mq_buf_append_char(&text, '\0', NULL);
	assert_non_null(strstr(text.data, has));
	mq_buf_release(&text);
}

static void test_hostile(void **state)
{
	struct mq_buf sample;

	(void)state;
	mq_buf_init(&sample, (size_t)1 << 30);
	/* Names without end. */
	for (int i = 0; i < 50000; i++)
		mq_buf_printf(&sample, NULL, "%c\"k%d\":{\"k%d\":%d}", i ? ',' : '{', i, i, i);
	mq_buf_append_char(&sample, '}', NULL);
	expect_bounded(&sample, 1, "\"additionalProperties\"");
	/* Deep as far as JSON may be. */
	mq_buf_clear(&sample);
	for (int i = 0; i < 250; i++)
		mq_buf_append_str(&sample, "{\"a\":[", NULL);
	for (int i = 0; i < 250; i++)
		mq_buf_append_str(&sample, "]}", NULL);
	expect_bounded(&sample, 1, "\"a\"");
	/* A number as long as a book. */
	mq_buf_clear(&sample);
	for (int i = 0; i < 100000; i++)
		mq_buf_append_char(&sample, '7', NULL);
	expect_bounded(&sample, 1, "integer");
	/* A name of a megabyte. */
	mq_buf_clear(&sample);
	mq_buf_append_str(&sample, "{\"", NULL);
	for (int i = 0; i < 1 << 20; i++)
		mq_buf_append_char(&sample, 'n', NULL);
	mq_buf_append_str(&sample, "\":1}", NULL);
	expect_bounded(&sample, 1, "\"additionalProperties\"");
	mq_buf_release(&sample);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"",         "{",  "{\"a\":1,\"a\":1}", "[1,]", "nul",
	                                    "\"\xff\"", "1 2"};
	struct mq_infer_spec spec = {0};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_infer *infer;

	(void)state;
	assert_int_equal(mq_infer_new(&spec, &infer, &err), 0);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(mq_infer_take(infer, mq_bytes_str(texts[i]), &err), -1);
		assert_int_equal(err.code, MQ_DATA);
		mq_err_clear(&err);
	}
	assert_int_equal(mq_infer_count(infer), 0);
	mq_infer_free(infer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples_are_valid),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
