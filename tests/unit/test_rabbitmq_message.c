/* A message becomes AMQP's frames and a message again: what AMQP holds stands in its fields, what
 * it does not comes back all the same, and what others have changed since wins. */
#include "backend/rabbitmq/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

struct fixture {
	struct mq_rabbit_conn conn;
	struct mq_rabbit_encoder encoder;
	struct mq_rabbit_memory memory;
	struct mq_rabbit_window window;
	struct mq_rabbit_content content;
	struct mq_message got;
};

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct mq_err err = MQ_ERR_INIT;

	assert_non_null(f);
	f->conn.user = strdup("guest");
	f->conn.persistent = true;
	f->encoder.conn = &f->conn;
	f->encoder.frame_max = 8192;
	mq_rabbit_memory_init(&f->memory);
	assert_int_equal(mq_rabbit_window_init(&f->window, 4, &err), 0);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	mq_rabbit_encoder_release(&f->encoder);
	mq_rabbit_memory_release(&f->memory);
	mq_rabbit_window_release(&f->window);
	free(f->conn.user);
	free(f);
	return 0;
}

/* Encodes, and decodes as if it had arrived that way. The content can be changed in between. */
static void encode(struct fixture *f, const struct mq_message *message, const char *exchange,
                   const char *key)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_rabbit_slot slot = {0};

	mq_buf_clear(&f->window.log);
	assert_int_equal(mq_rabbit_encode(&f->encoder, message, exchange, mq_bytes_str(key),
	                                  &f->window.log, &err),
	                 0);
	slot.len = f->window.log.len;
	mq_rabbit_memory_clear(&f->memory);
	assert_int_equal(mq_rabbit_slot_content(&f->window, &slot, &f->memory, &f->content, &err),
	                 0);
}

static void decode(struct fixture *f, const char *exchange, const char *key)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_rabbit_arrival arrival = {.exchange = mq_bytes_str(exchange),
	                                    .routing_key = mq_bytes_str(key),
	                                    .properties = f->content.properties,
	                                    .body = f->content.body,
	                                    .size = f->content.size};

	assert_int_equal(mq_rabbit_decode(&f->memory, &arrival, &f->got, &err), 0);
}

static void same_bytes(struct mq_bytes a, struct mq_bytes b)
{
	assert_true(mq_bytes_equal(a, b));
}

static void same_headers(const struct mq_message *a, const struct mq_message *b)
{
	assert_int_equal(a->n_headers, b->n_headers);
	for (size_t i = 0; i < a->n_headers; i++) {
		same_bytes(a->headers[i].name, b->headers[i].name);
		same_bytes(a->headers[i].value, b->headers[i].value);
	}
}

static struct mq_header header(const char *name, const char *value)
{
	return (struct mq_header){mq_bytes_str(name), mq_bytes_str(value)};
}

static const amqp_table_t *native(const struct fixture *f)
{
	return &f->content.properties->headers;
}

static void plain_needs_no_reserved_header(void **state)
{
	struct fixture *f = *state;
	struct mq_header headers[] = {header("a", "1"), header("b", "2")};
	struct mq_message message = MQ_MESSAGE_INIT;

	message.payload = mq_bytes_str("x");
	message.ts_ms = 1700000000000;
	message.headers = headers;
	message.n_headers = 2;
	encode(f, &message, "", "queue");
	assert_int_equal(native(f)->num_entries, 2);
	assert_int_equal(f->content.properties->delivery_mode, 2);
	decode(f, "", "queue");
	same_headers(&f->got, &message);
	same_bytes(f->got.payload, message.payload);
	assert_int_equal(f->got.ts_ms, message.ts_ms);
	assert_null(f->got.key.data);
	assert_null(f->got.properties);
}

static void what_amqp_cannot_hold_comes_back(void **state)
{
	struct fixture *f = *state;
	char longer[400];
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_header headers[] = {header("z", "1"),  header("a", NULL), header("z", "2"),
	                              header("CC", "q"), header("", "e"),   header("b", "\xff")};
	struct mq_message message = MQ_MESSAGE_INIT;

	memset(longer, 'x', sizeof longer);
	properties.message_id = mq_bytes_of(longer, sizeof longer);
	properties.user_id = mq_bytes_str("somebody");
	properties.priority = 1000;
	properties.expiry_ms = INT64_C(1) << 40;
	message.properties = &properties;
	message.key = mq_bytes_of("k\0\xff", 3);
	message.ts_ms = 1700000000123;
	message.headers = headers;
	message.n_headers = sizeof headers / sizeof headers[0];
	encode(f, &message, "", "queue");
	/* Others see what can be seen, and the broker is not led astray. */
	for (int i = 0; i < native(f)->num_entries; i++)
		assert_false(native(f)->entries[i].key.len == 2 &&
		             memcmp(native(f)->entries[i].key.bytes, "CC", 2) == 0);
	decode(f, "", "queue");
	same_headers(&f->got, &message);
	same_bytes(f->got.key, message.key);
	assert_null(f->got.payload.data);
	assert_int_equal(f->got.ts_ms, message.ts_ms);
	assert_non_null(f->got.properties);
	same_bytes(f->got.properties->message_id, properties.message_id);
	same_bytes(f->got.properties->user_id, properties.user_id);
	assert_int_equal(f->got.properties->priority, 1000);
	assert_true(f->got.properties->expiry_ms == INT64_C(1) << 40);
}

static void what_others_changed_wins(void **state)
{
	struct fixture *f = *state;
	struct mq_header headers[] = {header("b", "1"), header("a", "2")};
	struct mq_message message = MQ_MESSAGE_INIT;

	message.payload = mq_bytes_str("x");
	message.key = mq_bytes_str("key");
	message.ts_ms = 1700000000123;
	message.headers = headers;
	message.n_headers = 2;
	encode(f, &message, "", "queue");
	f->content.properties->headers.entries[0].value.value.bytes = mq_rabbit_bytes("changed");
	f->content.properties->timestamp = 5;
	decode(f, "events", "route");
	assert_int_equal(f->got.n_headers, 2);
	same_bytes(f->got.headers[0].value, mq_bytes_str("changed"));
	assert_int_equal(f->got.ts_ms, 5000);
	same_bytes(f->got.key, mq_bytes_str("route"));
	same_bytes(f->got.properties->exchange, mq_bytes_str("events"));
}

static void types_are_kept_while_they_read_so(void **state)
{
	struct fixture *f = *state;
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_header headers[] = {header("i", "5"),         header("j", "no number"),
	                              header("t", "true"),      header("a", "[1,{\"k\":null}]"),
	                              header("f", "{\"n\":1}"), header("u", "255"),
	                              header("d", "12.50"),     header("e", "5e-12"),
	                              header("g", "1.")};
	struct mq_message message = MQ_MESSAGE_INIT;

	properties.header_types = mq_bytes_str("IltAFBDDD");
	message.properties = &properties;
	message.payload = mq_bytes_str("x");
	message.headers = headers;
	message.n_headers = sizeof headers / sizeof *headers;
	encode(f, &message, "", "queue");
	static const char kinds[] = "IStAFBDDS";
	for (int i = 0; i < 9; i++)
		assert_int_equal(native(f)->entries[i].value.kind, kinds[i]);
	assert_int_equal(native(f)->entries[6].value.value.decimal.decimals, 2);
	assert_int_equal(native(f)->entries[6].value.value.decimal.value, 1250);
	assert_int_equal(native(f)->entries[7].value.value.decimal.decimals, 12);
	decode(f, "", "queue");
	same_headers(&f->got, &message);
	same_bytes(f->got.properties->header_types, properties.header_types);
}

/* What was in one frame is in one again: their order is not worth the message. */
static void headers_that_fit_once_are_sent_once(void **state)
{
	struct fixture *f = *state;
	char large[6000];
	struct mq_message message = MQ_MESSAGE_INIT;

	memset(large, 'x', sizeof large);
	struct mq_header headers[] = {{mq_bytes_str("h"), mq_bytes_of(large, sizeof large)},
	                              header("a", "5")};
	message.payload = mq_bytes_str("x");
	message.headers = headers;
	message.n_headers = 2;
	encode(f, &message, "", "queue");
	assert_int_equal(native(f)->num_entries, 2);
	decode(f, "", "queue");
	assert_int_equal(f->got.n_headers, 2);
	/* Two of one name would be one: that is refused. */
	struct mq_err err = MQ_ERR_INIT;
	headers[1] = header("h", "5");
	mq_buf_clear(&f->window.log);
	assert_int_equal(
	    mq_rabbit_encode(&f->encoder, &message, "", mq_bytes_str("q"), &f->window.log, &err),
	    -1);
	mq_err_clear(&err);
}

static void too_large_headers_are_refused(void **state)
{
	struct fixture *f = *state;
	struct mq_err err = MQ_ERR_INIT;
	char *large = malloc(10000);
	struct mq_message message = MQ_MESSAGE_INIT;

	assert_non_null(large);
	memset(large, 'x', 10000);
	struct mq_header one = {mq_bytes_str("h"), mq_bytes_of(large, 10000)};
	message.payload = mq_bytes_str("x");
	message.headers = &one;
	message.n_headers = 1;
	mq_buf_clear(&f->window.log);
	assert_int_equal(
	    mq_rabbit_encode(&f->encoder, &message, "", mq_bytes_str("q"), &f->window.log, &err),
	    -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_int_equal(f->window.log.len, 0);
	/* A body is cut into as many frames as it needs. */
	mq_err_clear(&err);
	message.n_headers = 0;
	message.payload = mq_bytes_of(large, 10000);
	encode(f, &message, "", "q");
	decode(f, "", "q");
	same_bytes(f->got.payload, message.payload);
	free(large);
}

static struct mq_bytes random_bytes(char *room, size_t max)
{
	size_t len = (size_t)rand() % max;

	if (rand() % 5 == 0)
		return MQ_ABSENT;
	for (size_t i = 0; i < len; i++)
		room[i] = (char)(rand() % 3 ? 'a' + rand() % 4 : rand());
	return mq_bytes_of(room, len);
}

static void whatever_it_is_comes_back(void **state)
{
	struct fixture *f = *state;
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 3000; round++) {
		char room[20][8];
		struct mq_header headers[4];
		struct mq_properties properties = MQ_PROPERTIES_INIT;
		struct mq_message message = MQ_MESSAGE_INIT;
		for (size_t i = 0; i < 4; i++) {
			headers[i].name = random_bytes(room[i], 4);
			if (!headers[i].name.data)
				headers[i].name = mq_bytes_of("", 0);
			headers[i].value = random_bytes(room[4 + i], 6);
		}
		message.headers = headers;
		message.n_headers = (size_t)rand() % 5;
		message.key = random_bytes(room[8], 8);
		message.payload = random_bytes(room[9], 8);
		message.ts_ms = rand() % 3 ? (int64_t)rand() * rand() : MQ_NO_TIME;
		properties.message_id = random_bytes(room[10], 8);
		properties.reply_to = random_bytes(room[11], 8);
		properties.content_encoding = random_bytes(room[12], 8);
		message.properties = &properties;
		encode(f, &message, "", "queue");
		decode(f, "", "queue");
		same_headers(&f->got, &message);
		same_bytes(f->got.key, message.key);
		same_bytes(f->got.payload, message.payload);
		assert_true(f->got.ts_ms == message.ts_ms);
		const struct mq_properties none = MQ_PROPERTIES_INIT;
		const struct mq_properties *got = f->got.properties ? f->got.properties : &none;
		same_bytes(got->message_id, properties.message_id);
		same_bytes(got->reply_to, properties.reply_to);
		same_bytes(got->content_encoding, properties.content_encoding);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(plain_needs_no_reserved_header, make, unmake),
	    cmocka_unit_test_setup_teardown(what_amqp_cannot_hold_comes_back, make, unmake),
	    cmocka_unit_test_setup_teardown(what_others_changed_wins, make, unmake),
	    cmocka_unit_test_setup_teardown(types_are_kept_while_they_read_so, make, unmake),
	    cmocka_unit_test_setup_teardown(headers_that_fit_once_are_sent_once, make, unmake),
	    cmocka_unit_test_setup_teardown(too_large_headers_are_refused, make, unmake),
	    cmocka_unit_test_setup_teardown(whatever_it_is_comes_back, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
