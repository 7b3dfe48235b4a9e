/* Message indexes of Confluent's framing: examples, there and back, and hostile bytes. */
#include "schema/protobuf/indexes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

struct example {
	const char *bytes;
	size_t len;
	int32_t indexes[3];
	size_t n;
};

/* As Confluent's serializers write them. */
static const struct example examples[] = {
    {"\x00", 1, {0}, 1},
    {"\x02\x02", 2, {1}, 1},
    {"\x04\x02\x00", 3, {1, 0}, 2},
    {"\x06\x00\x80\x01\xfe\xff\xff\xff\x0f", 9, {0, 64, INT32_MAX}, 3},
};

static void test_examples(void **state)
{
	struct mq_buf buf;
	struct mq_err err = MQ_ERR_INIT;
	int32_t indexes[MQ_PROTO_MAX_INDEXES];
	size_t n;

	(void)state;
	mq_buf_init(&buf, 1000);
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const struct example *e = &examples[i];
		mq_buf_clear(&buf);
		assert_int_equal(mq_proto_put_indexes(e->indexes, e->n, &buf, &err), 0);
		assert_int_equal(buf.len, e->len);
		assert_memory_equal(buf.data, e->bytes, e->len);
		assert_int_equal(mq_buf_append(&buf, "rest", 4, &err), 0);
		struct mq_bytes payload = mq_bytes_of(buf.data, buf.len);
		assert_int_equal(mq_proto_take_indexes(&payload, indexes, 3, &n, &err), 0);
		assert_int_equal(n, e->n);
		assert_memory_equal(indexes, e->indexes, n * sizeof *indexes);
		assert_true(mq_bytes_equal(payload, mq_bytes_str("rest")));
	}
	mq_buf_release(&buf);
}

/* [0] in the long form is what some clients write. */
static void test_long_form(void **state)
{
	struct mq_bytes payload = mq_bytes_of("\x02\x00", 2);
	struct mq_err err = MQ_ERR_INIT;
	int32_t indexes[1] = {7};
	size_t n = 0;

	(void)state;
	assert_int_equal(mq_proto_take_indexes(&payload, indexes, 1, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(indexes[0], 0);
	assert_int_equal(payload.len, 0);
}

static void refuse(const char *bytes, size_t len, const char *words)
{
	struct mq_bytes payload = mq_bytes_of(bytes, len);
	struct mq_err err = MQ_ERR_INIT;
	int32_t indexes[MQ_PROTO_MAX_INDEXES];
	size_t n;

	assert_int_equal(mq_proto_take_indexes(&payload, indexes, MQ_PROTO_MAX_INDEXES, &n, &err),
	                 -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, words));
	assert_ptr_equal(payload.data, bytes);
	assert_int_equal(payload.len, len);
}

static void test_hostile(void **state)
{
	(void)state;
	refuse("", 0, "end in the middle");
	refuse("\x80", 1, "end in the middle");
	refuse("\x04\x02", 2, "end in the middle");
	refuse("\x01", 1, "number of message indexes before the payload is negative");
	refuse("\x02\x01", 2, "a message index before the payload is negative");
	refuse("\x42", 1, "33 message indexes");
	refuse("\xfe\xff\xff\xff\x0f", 5, "2147483647 message indexes");
	refuse("\xfe\xff\xff\xff\x1f", 5, "larger than 32 bits");
	refuse("\x80\x80\x80\x80\x80\x00", 6, "larger than 32 bits");
	refuse("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "larger than 32 bits");
}

static void test_random(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct mq_buf buf;
	struct mq_err err = MQ_ERR_INIT;
	int32_t there[MQ_PROTO_MAX_INDEXES], back[MQ_PROTO_MAX_INDEXES];
	size_t n;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	mq_buf_init(&buf, 1000);
	for (int round = 0; round < 20000; round++) {
		size_t count = 1 + (size_t)rand() % MQ_PROTO_MAX_INDEXES;
		for (size_t i = 0; i < count; i++)
			there[i] = rand() >> (rand() % 32);
		mq_buf_clear(&buf);
		assert_int_equal(mq_proto_put_indexes(there, count, &buf, &err), 0);
		struct mq_bytes payload = mq_bytes_of(buf.data, buf.len);
		assert_int_equal(
		    mq_proto_take_indexes(&payload, back, MQ_PROTO_MAX_INDEXES, &n, &err), 0);
		assert_int_equal(payload.len, 0);
		assert_int_equal(n, count);
		assert_memory_equal(there, back, n * sizeof *there);
	}
	mq_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_long_form),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
