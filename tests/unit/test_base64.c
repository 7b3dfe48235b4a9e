/* Base64: the examples of RFC 4648, strictness, and random bytes there and back. */
#include "mqtk/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const char *const pairs[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfe\xfd\xfb", "//79+w=="},
};

static void expect(const struct mq_buf *buf, const char *text)
{
	assert_int_equal(buf->len, strlen(text));
	if (buf->len > 0)
		assert_memory_equal(buf->data, text, buf->len);
}

static void test_examples(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 1000);
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		mq_buf_clear(&buf);
		assert_int_equal(mq_base64_append(&buf, mq_bytes_str(pairs[i][0]), &err), 0);
		expect(&buf, pairs[i][1]);
		mq_buf_clear(&buf);
		assert_int_equal(mq_base64_decode(&buf, mq_bytes_str(pairs[i][1]), &err), 0);
		expect(&buf, pairs[i][0]);
	}
	mq_buf_release(&buf);
}

static void test_refuses(void **state)
{
	static const char *const wrong[] = {"Z",    "Zg",   "Zg=",      "Zg===",    "Zh==",
	                                    "Zm9=", "Z===", "====",     "Zm9v\n",   "Zm 9",
	                                    "Zm-_", "=Zg=", "Zg==Zg==", "Zm9vYg=v", "Zm9\xc3"};
	struct mq_buf buf;

	(void)state;
	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_buf_append_str(&buf, "before", NULL), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct mq_err err = MQ_ERR_INIT;
		if (mq_base64_decode(&buf, mq_bytes_str(wrong[i]), &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, MQ_DATA);
		expect(&buf, "before");
	}
	mq_buf_release(&buf);
}

static void test_random(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct mq_buf text, back;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	mq_buf_init(&text, 100000);
	mq_buf_init(&back, 100000);
	for (int i = 0; i < 500; i++) {
		struct mq_err err = MQ_ERR_INIT;
		char bytes[300];
		size_t len = (size_t)rand() % sizeof bytes;
		for (size_t j = 0; j < len; j++)
			bytes[j] = (char)rand();
		mq_buf_clear(&text);
		mq_buf_clear(&back);
		assert_int_equal(mq_base64_append(&text, mq_bytes_of(bytes, len), &err), 0);
		assert_int_equal(mq_base64_decode(&back, mq_bytes_of(text.data, text.len), &err),
		                 0);
		assert_int_equal(back.len, len);
		if (len > 0)
			assert_memory_equal(back.data, bytes, len);
	}
	mq_buf_release(&text);
	mq_buf_release(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
