/* Properties in the reserved header: what goes in comes out, and foreign values stay headers. */
#include "mqtk/carry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void round_trip(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_properties in = MQ_PROPERTIES_INIT;
	struct mq_carrier *carrier;
	struct mq_buf buf;

	in.message_id = mq_bytes_str("id \"1\"");
	in.correlation_id = mq_bytes_of("\xff\0", 2);
	in.reply_to = mq_bytes_str("");
	in.expiry_ms = 0;
	in.priority = 9;
	in.redelivered = 0;
	mq_buf_init(&buf, 4096);
	assert_int_equal(mq_carry_append(&in, &buf, &err), 0);
	assert_int_equal(mq_carrier_new(&carrier, &err), 0);
	const struct mq_properties *out = mq_carrier_read(carrier, mq_bytes_of(buf.data, buf.len));
	assert_non_null(out);
	assert_true(mq_bytes_equal(out->message_id, in.message_id));
	assert_true(mq_bytes_equal(out->correlation_id, in.correlation_id));
	assert_true(mq_bytes_equal(out->reply_to, in.reply_to));
	assert_null(out->content_type.data);
	assert_int_equal(out->expiry_ms, 0);
	assert_int_equal(out->priority, 9);
	assert_int_equal(out->redelivered, 0);
	assert_int_equal(out->delivery_count, -1);
	mq_carrier_free(carrier);
	mq_buf_release(&buf);
}

static void any_member_comes_back(void **state)
{
	(void)state;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_header headers[] = {{mq_bytes_str("a"), MQ_ABSENT},
	                              {mq_bytes_str("a"), mq_bytes_of("\xff", 1)}};
	struct mq_message in = MQ_MESSAGE_INIT, out;
	struct mq_carrier *carrier;
	struct mq_buf buf;

	in.headers = headers;
	in.n_headers = 2;
	in.ts_ms = -5;
	assert_int_equal(mq_carrier_new(&carrier, &err), 0);
	for (unsigned members = 1; members < 16; members++) {
		mq_buf_init(&buf, 4096);
		assert_int_equal(mq_carry_append_message(&in, members, &buf, &err), 0);
		unsigned read =
		    mq_carrier_read_message(carrier, mq_bytes_of(buf.data, buf.len), &out);
		assert_int_equal(read, members);
		assert_null(out.key.data);
		assert_null(out.payload.data);
		if (members & MQ_CARRY_TIME)
			assert_int_equal(out.ts_ms, -5);
		if (members & MQ_CARRY_HEADERS) {
			assert_int_equal(out.n_headers, 2);
			assert_null(out.headers[0].value.data);
			assert_true(mq_bytes_equal(out.headers[1].value, headers[1].value));
		}
		mq_buf_release(&buf);
	}
	mq_carrier_free(carrier);
}

static void foreign_values_are_left_alone(void **state)
{
	(void)state;
	static const char *const foreign[] = {"",
	                                      "x",
	                                      "{}",
	                                      "{\"payload\":\"x\"}",
	                                      "[1]",
	                                      "{\"message_id\":5}",
	                                      "{\"message_id\":\"a\"",
	                                      NULL};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_carrier *carrier;

	assert_int_equal(mq_carrier_new(&carrier, &err), 0);
	for (size_t i = 0; foreign[i]; i++)
		assert_null(mq_carrier_read(carrier, mq_bytes_str(foreign[i])));
	assert_null(mq_carrier_read(carrier, MQ_ABSENT));
	mq_carrier_free(carrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(any_member_comes_back),
	    cmocka_unit_test(foreign_values_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
