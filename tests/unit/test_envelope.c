/* The envelope there and back: exact texts, and random messages that must come back equal. */
#include "mqtk/format.h"
#include "mqtk/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct mq_format *json_format(enum mq_format_kind kind)
{
	struct mq_format_spec spec = {.kind = kind};
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;

	assert_int_equal(mq_format_new(&spec, &format, &err), 0);
	return format;
}

static void expect_line(enum mq_format_kind kind, const struct mq_message *message,
                        const char *line)
{
	struct mq_format *format = json_format(kind);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	mq_buf_init(&buf, 100000);
	assert_int_equal(mq_format_append(format, message, &buf, &err), 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data, line);
	mq_buf_release(&buf);
	mq_format_free(format);
}

static void test_smallest(void **state)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	(void)state;
	expect_line(MQ_FORMAT_JSON, &message,
	            "{\"stream\":null,\"partition\":null,\"offset\":null,\"ts\":null,"
	            "\"ts_type\":null,\"key\":null,\"headers\":[],\"payload\":null}\n");
}

static void test_everything(void **state)
{
	struct mq_header headers[] = {
	    {mq_bytes_str("a"), mq_bytes_str("1")},
	    {mq_bytes_str("a"), MQ_ABSENT},
	    {mq_bytes_str(""), mq_bytes_of("\xff\0", 2)},
	};
	struct mq_properties p = {
	    .message_id = mq_bytes_str("m"),
	    .correlation_id = mq_bytes_str("c"),
	    .content_type = mq_bytes_str("text/plain"),
	    .reply_to = mq_bytes_str("r"),
	    .type = mq_bytes_str("t"),
	    .app_id = mq_bytes_str("app"),
	    .user_id = mq_bytes_str("u"),
	    .exchange = mq_bytes_str(""),
	    .content_encoding = mq_bytes_str("gzip"),
	    .header_types = mq_bytes_str("SVx"),
	    .expiry_ms = 5000,
	    .delivery_count = 0,
	    .priority = 9,
	    .redelivered = 1,
	};
	struct mq_message message = {
	    .stream = mq_bytes_str("orders"),
	    .id = mq_bytes_str("1-0"),
	    .key = mq_bytes_str(""),
	    .payload = mq_bytes_str("\"quoted\" \\ \b\f\n\r\t\x01\x1f/\x7f h\xc3\xa9"),
	    .headers = headers,
	    .n_headers = 3,
	    .properties = &p,
	    .offset = 7,
	    .ts_ms = INT64_MAX,
	    .partition = 2147483647,
	    .ts_type = MQ_TS_APPEND,
	};

	(void)state;
	expect_line(
	    MQ_FORMAT_JSON, &message,
	    "{\"stream\":\"orders\",\"partition\":2147483647,\"id\":\"1-0\","
	    "\"ts\":9223372036854775807,\"ts_type\":\"append\",\"key\":\"\","
	    "\"headers\":[[\"a\",\"1\"],[\"a\",null],[\"\",{\"base64\":\"/wA=\"}]],"
	    "\"payload\":\"\\\"quoted\\\" \\\\ \\b\\f\\n\\r\\t\\u0001\\u001F/\x7f h\xc3\xa9\","
	    "\"message_id\":\"m\",\"correlation_id\":\"c\",\"content_type\":\"text/plain\","
	    "\"reply_to\":\"r\",\"expiry_ms\":5000,\"priority\":9,\"type\":\"t\","
	    "\"app_id\":\"app\",\"user_id\":\"u\",\"exchange\":\"\",\"content_encoding\":\"gzip\","
	    "\"header_types\":\"SVx\",\"delivery_count\":0,"
	    "\"redelivered\":true}\n");
}

static void test_kcat(void **state)
{
	struct mq_header headers[] = {
	    {mq_bytes_str("h"), mq_bytes_str("v")},
	    {mq_bytes_str("n"), MQ_ABSENT},
	};
	struct mq_message message = {
	    .stream = mq_bytes_str("t"),
	    .key = MQ_ABSENT,
	    .payload = mq_bytes_str("a/b\"\x1f"),
	    .headers = headers,
	    .n_headers = 2,
	    .offset = 12,
	    .ts_ms = 1700000000123,
	    .ts_type = MQ_TS_CREATE,
	    .broker = 1,
	};

	(void)state;
	expect_line(MQ_FORMAT_KCAT_JSON, &message,
	            "{\"topic\":\"t\",\"partition\":0,\"offset\":12,\"tstype\":\"create\","
	            "\"ts\":1700000000123,\"broker\":1,\"headers\":[\"h\",\"v\",\"n\",null],"
	            "\"key\":null,\"payload\":\"a/b\\\"\\u001F\"}\n");
	message.n_headers = 0;
	message.ts_type = MQ_TS_UNKNOWN;
	message.payload = mq_bytes_of("\xc3(", 2);
	expect_line(MQ_FORMAT_KCAT_JSON, &message,
	            "{\"topic\":\"t\",\"partition\":0,\"offset\":12,\"broker\":1,\"key\":null,"
	            "\"payload\":{\"base64\":\"wyg=\"}}\n");
}

/* --- random messages ---------------------------------------------------------------------------
 */

#define POOL 4096

/* Random bytes of one of the kinds that are written differently; sometimes absent. */
static struct mq_bytes random_bytes(char *pool, size_t *used, bool may_be_absent)
{
	static const char *const pieces[] = {"\"",
	                                     "\\",
	                                     "\n",
	                                     "\x01",
	                                     "\xc3\xa9",
	                                     "\xe2\x82\xac",
	                                     "\xf0\x9f\x98\x80",
	                                     "/",
	                                     "plain text of sixteen and more",
	                                     "\x7f"};
	char *start = pool + *used;
	int kind = rand() % (may_be_absent ? 5 : 4);
	size_t len = 0, want = (size_t)rand() % 60;

	if (kind == 4)
		return MQ_ABSENT;
	while (len < want) {
		if (kind == 0) {
			start[len++] = (char)rand();
		} else if (kind == 1 || rand() % 4) {
			start[len++] = (char)('a' + rand() % 26);
		} else {
			const char *piece =
			    pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];
			memcpy(start + len, piece, strlen(piece));
			len += strlen(piece);
		}
	}
	*used += len;
	return mq_bytes_of(start, len);
}

static int64_t random_number(int64_t least)
{
	int64_t number =
	    (int64_t)((uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand());

	switch (rand() % 4) {
	case 0:
		return least;
	case 1:
		return INT64_MAX;
	case 2:
		return rand() % 100;
	default:
		return number < least ? least : number;
	}
}

static void assert_same(struct mq_bytes a, struct mq_bytes b)
{
	assert_true(mq_bytes_equal(a, b));
}

static void compare(const struct mq_message *a, const struct mq_message *b)
{
	static const struct mq_properties none = MQ_PROPERTIES_INIT;
	const struct mq_properties *p = a->properties ? a->properties : &none;
	const struct mq_properties *q = b->properties ? b->properties : &none;

	assert_null(b->stream.data);
	assert_same(a->id, b->id);
	assert_same(a->key, b->key);
	assert_same(a->payload, b->payload);
	assert_int_equal(a->n_headers, b->n_headers);
	for (size_t i = 0; i < a->n_headers; i++) {
		assert_same(a->headers[i].name, b->headers[i].name);
		assert_same(a->headers[i].value, b->headers[i].value);
	}
	assert_true(a->offset == b->offset || a->id.data);
	assert_true(a->ts_ms == b->ts_ms);
	assert_true(a->ts_type == b->ts_type);
	assert_true(a->partition == b->partition);
	assert_same(p->message_id, q->message_id);
	assert_same(p->correlation_id, q->correlation_id);
	assert_same(p->content_type, q->content_type);
	assert_same(p->reply_to, q->reply_to);
	assert_same(p->type, q->type);
	assert_same(p->app_id, q->app_id);
	assert_same(p->user_id, q->user_id);
	assert_same(p->exchange, q->exchange);
	assert_same(p->content_encoding, q->content_encoding);
	assert_same(p->header_types, q->header_types);
	assert_true(p->expiry_ms == q->expiry_ms);
	assert_true(p->delivery_count == q->delivery_count);
	assert_int_equal(p->priority, q->priority);
	assert_int_equal(p->redelivered, q->redelivered);
}

/* Sends text through a pipe into an input and takes the one message there must be. */
static void read_back(const struct mq_buf *text, const struct mq_message *expected)
{
	struct mq_input_spec spec = {.kind = MQ_INPUT_JSON};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message message;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(write(fds[1], text->data, text->len) == (ssize_t)text->len);
	close(fds[1]);
	assert_int_equal(mq_input_new(&spec, fds[0], "test", &input, &err), 0);
	while (mq_input_read(input, &err) > 0)
		;
	if (mq_input_next(input, &message, &err) != 1)
		fail_msg("%s: %.*s", err.message, (int)text->len, text->data);
	compare(expected, &message);
	assert_int_equal(mq_input_next(input, &message, &err), 0);
	mq_input_free(input);
	close(fds[0]);
}

/* What --decode made of a message: its members come back as the exact text. */
static void test_decoded(void **state)
{
	struct mq_decoded decoded = {.key = mq_bytes_str("\"k\""),
	                             .payload = mq_bytes_str("{\"n\": 1.0}"),
	                             .key_schema_id = 3,
	                             .payload_schema_id = -1};
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_format_spec raw = {.kind = MQ_FORMAT_TEMPLATE,
	                             .template_text =
	                                 "%k %s %S %{schema_id} %{key_schema_id} %{payload:json}"};
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	(void)state;
	message.partition = 0;
	message.key = mq_bytes_of("\0k", 2);
	message.payload = mq_bytes_of("\0n", 2);
	message.decoded = &decoded;
	expect_line(MQ_FORMAT_JSON, &message,
	            "{\"stream\":null,\"partition\":0,\"offset\":null,\"ts\":null,"
	            "\"ts_type\":null,\"key_value\":\"k\",\"key_schema_id\":3,\"headers\":[],"
	            "\"value\":{\"n\": 1.0}}\n");
	mq_buf_init(&buf, 100000);
	assert_int_equal(mq_format_new(&raw, &format, &err), 0);
	assert_int_equal(mq_format_append(format, &message, &buf, &err), 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data, "\"k\" {\"n\": 1.0} 10  3 \"{\\\"n\\\": 1.0}\"");
	mq_format_free(format);

	format = json_format(MQ_FORMAT_JSON);
	mq_buf_clear(&buf);
	decoded.payload_schema_id = 4;
	assert_int_equal(mq_format_append(format, &message, &buf, &err), 0);
	mq_format_free(format);
	message.decoded = NULL;
	message.key = decoded.key;
	message.payload = decoded.payload;
	read_back(&buf, &message);
	mq_buf_release(&buf);

	message.decoded = &decoded;
	decoded.payload_error = "no";
	decoded.payload = MQ_ABSENT;
	message.partition = 0;
	message.offset = 1;
	expect_line(MQ_FORMAT_KCAT_JSON, &message,
	            "{\"topic\":null,\"partition\":0,\"offset\":1,\"broker\":-1,\"key\":\"k\","
	            "\"key_schema_id\":3,\"payload\":null,\"payload_error\":\"no\"}\n");
}

static void test_round_trip(void **state)
{
	struct mq_format *format = json_format(MQ_FORMAT_JSON);
	unsigned seed = (unsigned)time(NULL);
	struct mq_buf buf;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	mq_buf_init(&buf, 1000000);
	for (int i = 0; i < 3000; i++) {
		struct mq_properties p = MQ_PROPERTIES_INIT;
		struct mq_message m = MQ_MESSAGE_INIT;
		struct mq_err err = MQ_ERR_INIT;
		struct mq_header headers[12];
		char pool[POOL];
		size_t used = 0;

		m.stream = random_bytes(pool, &used, false);
		if (rand() % 4 == 0)
			m.id = random_bytes(pool, &used, true);
		m.key = random_bytes(pool, &used, true);
		m.payload = random_bytes(pool, &used, true);
		m.headers = headers;
		m.n_headers = rand() % 2 ? 0 : (size_t)rand() % 12;
		for (size_t j = 0; j < m.n_headers; j++) {
			headers[j].name = random_bytes(pool, &used, false);
			headers[j].value = random_bytes(pool, &used, true);
		}
		m.offset = random_number(-1);
		m.ts_ms = random_number(-1000);
		m.ts_type = (enum mq_ts_type)(rand() % 3);
		m.partition = rand() % 3 - 1;
		if (rand() % 2) {
			m.properties = &p;
			p.message_id = random_bytes(pool, &used, true);
			p.correlation_id = random_bytes(pool, &used, true);
			p.content_type = random_bytes(pool, &used, true);
			p.reply_to = random_bytes(pool, &used, true);
			p.type = random_bytes(pool, &used, true);
			p.app_id = random_bytes(pool, &used, true);
			p.user_id = random_bytes(pool, &used, true);
			p.exchange = random_bytes(pool, &used, true);
			p.content_encoding = random_bytes(pool, &used, true);
			p.header_types = random_bytes(pool, &used, true);
			p.expiry_ms = random_number(-1);
			p.delivery_count = random_number(-1);
			p.priority = rand() % 300 - 1;
			p.redelivered = rand() % 3 - 1;
		}
		mq_buf_clear(&buf);
		assert_int_equal(mq_format_append(format, &m, &buf, &err), 0);
		assert_true(mq_utf8_valid(mq_bytes_of(buf.data, buf.len)));
		assert_true(memchr(buf.data, '\n', buf.len) == buf.data + buf.len - 1);
		read_back(&buf, &m);
	}
	mq_buf_release(&buf);
	mq_format_free(format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_smallest),   cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_kcat),       cmocka_unit_test(test_decoded),
	    cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
