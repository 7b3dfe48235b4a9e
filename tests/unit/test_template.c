/* Templates: every token, every form, kcat's readings, and errors that say where and what else. */
#include "mqtk/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct mq_header headers[] = {
    {{"a", 1}, {"1", 1}},
    {{"n", 1}, {NULL, 0}},
    {{"e", 1}, {"", 0}},
    {{"a", 1}, {"2", 1}},
};

static const struct mq_properties properties = {
    .message_id = {"mid", 3},
    .correlation_id = {"cid", 3},
    .content_type = {"text/x", 6},
    .reply_to = {"rt", 2},
    .type = {"ty", 2},
    .app_id = {"app", 3},
    .user_id = {"usr", 3},
    .exchange = {"ex", 2},
    .expiry_ms = 60000,
    .delivery_count = 2,
    .priority = 4,
    .redelivered = 0,
};

static const struct mq_message full = {
    .stream = {"orders", 6},
    .key = {"k\0", 2},
    .payload = {"p\"\xff", 3},
    .headers = headers,
    .n_headers = 4,
    .properties = &properties,
    .offset = 42,
    .ts_ms = 1700000000123,
    .partition = 3,
    .ts_type = MQ_TS_CREATE,
    .broker = -1,
};

static void run(const struct mq_format_spec *spec, const struct mq_message *message,
                const char *expected, size_t len)
{
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	if (mq_format_new(spec, &format, &err) < 0)
		fail_msg("'%s': %s", spec->template_text, err.message);
	mq_buf_init(&buf, 10000);
	assert_int_equal(mq_format_append(format, message, &buf, &err), 0);
	if (buf.len != len || (len > 0 && memcmp(buf.data, expected, len) != 0))
		fail_msg("'%s' gives '%.*s', not '%s'", spec->template_text, (int)buf.len,
		         buf.data ? buf.data : "", expected);
	mq_buf_release(&buf);
	mq_format_free(format);
}

#define SPEC(text) ((struct mq_format_spec){.kind = MQ_FORMAT_TEMPLATE, .template_text = (text)})
#define EXPECT(text, bytes) run(&SPEC(text), &full, bytes, sizeof(bytes) - 1)
#define EXPECT_EMPTY(text, bytes) run(&SPEC(text), &empty, bytes, sizeof(bytes) - 1)

static void test_kcat_tokens(void **state)
{
	(void)state;
	EXPECT("%t[%p]@%o %k(%K) %s(%S) %h %T\\n",
	       "orders[3]@42 k\0(2) p\"\xff(3) a=1,n=NULL,e=,a=2 1700000000123\n");
	EXPECT("%R", "\0\0\0\3");
	EXPECT("100%%", "100%");
	EXPECT("", "");
	EXPECT("\\x00%%\\\\", "\0%\\");
}

static void test_named_tokens(void **state)
{
	(void)state;
	EXPECT("%{stream} %{topic} %{partition} %{offset} %{position} [%{id}]",
	       "orders orders 3 42 42 []");
	EXPECT("%{ts} %{ts:iso} %{ts:s} %{ts_type}",
	       "1700000000123 2023-11-14T22:13:20.123Z 1700000000 create");
	EXPECT("%{key:base64} %{key:hex} %{key:json} %{key:len} %{key}",
	       "awA= 6b00 \"k\\u0000\" 2 k\0");
	EXPECT("%{payload:base64} %{payload:hex} %{payload:json} %{payload:len}",
	       "cCL/ 7022ff {\"base64\":\"cCL/\"} 3");
	EXPECT("%{headers}|%{headers:json}|%{header:a}|%{header:n}|%{header:none}",
	       "a=1,n=NULL,e=,a=2|[[\"a\",\"1\"],[\"n\",null],[\"e\",\"\"],[\"a\",\"2\"]]|2||");
	EXPECT("%{message_id} %{correlation_id} %{content_type} %{reply_to} %{expiry_ms} "
	       "%{priority} %{type} %{app_id} %{user_id} %{exchange} %{delivery_count} "
	       "%{redelivered} %{message_id:hex}",
	       "mid cid text/x rt 60000 4 ty app usr ex 2 false 6d6964");
}

static void test_json_token(void **state)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	(void)state;
	message.payload = mq_bytes_str("x");
	run(&SPEC("<%{json}>"), &message,
	    "<{\"stream\":null,\"partition\":null,\"offset\":null,\"ts\":null,\"ts_type\":null,"
	    "\"key\":null,\"headers\":[],\"payload\":\"x\"}>",
	    111);
}

static void test_absent(void **state)
{
	struct mq_message empty = MQ_MESSAGE_INIT;
	struct mq_format_spec z = SPEC("%s|%k|%S|%K|%T|%p|%o|%{ts}|%{header:a}|%{offset}");

	(void)state;
	EXPECT_EMPTY("%s|%k|%S|%K|%T|%p|%o|%h", "||-1|-1|-1|-1|-1|");
	EXPECT_EMPTY("%R", "\xff\xff\xff\xff");
	EXPECT_EMPTY("%{ts}|%{ts:iso}|%{ts:local}|%{ts_type}|%{partition}|%{position}|%{priority}|"
	             "%{redelivered}|%{key:base64}|%{key:hex}|%{key:len}|%{key:json}|%{type}",
	             "|||||||||"
	             "|-1|null|");
	z.null_text = true;
	run(&z, &empty, "NULL|NULL|-1|-1|-1|-1|-1|NULL|NULL|NULL", 39);

	/* Empty is not absent, except in kcat's reading. */
	empty.key = empty.payload = mq_bytes_of("", 0);
	z.template_text = "%k|%s|%K";
	run(&z, &empty, "||0", 3);
	z.kcat = true;
	run(&z, &empty, "NULL|NULL|0", 11);
}

static void test_kcat_escapes(void **state)
{
	struct mq_format_spec spec = SPEC("\\65%p\\q\\%p\\10");

	(void)state;
	spec.kcat = true;
	run(&spec, &full, "A3q\\3\n", 6);
}

static void test_local_time(void **state)
{
	(void)state;
	setenv("TZ", "XST-05:30", 1); /* POSIX: east of Greenwich is negative */
	EXPECT("%{ts:local}", "2023-11-15T03:43:20.123+05:30");
	setenv("TZ", "UTC0", 1);
	EXPECT("%{ts:local}", "2023-11-14T22:13:20.123+00:00");

	struct mq_message message = full;
	message.ts_ms = -1;
	run(&SPEC("%{ts:local} %{ts:s} %{ts:iso}"), &message,
	    "1969-12-31T23:59:59.999+00:00 -1 1969-12-31T23:59:59.999Z", 57);
	message.ts_ms = INT64_MAX; /* beyond the calendar: no matter how, but safely */
	struct mq_format *format = NULL;
	struct mq_buf buf;
	mq_buf_init(&buf, 1000);
	assert_int_equal(mq_format_new(&SPEC("%{ts:local}%{ts:iso}%{ts:s}"), &format, NULL), 0);
	assert_int_equal(mq_format_append(format, &message, &buf, NULL), 0);
	message.ts_ms = INT64_MIN + 1;
	assert_int_equal(mq_format_append(format, &message, &buf, NULL), 0);
	mq_buf_release(&buf);
	mq_format_free(format);
}

static void refuse(const char *text, const char *words, const char *hint)
{
	struct mq_format *format = NULL;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_format_new(&SPEC(text), &format, &err) == 0)
		fail_msg("taken: %s", text);
	assert_int_equal(err.code, MQ_USAGE);
	if (!strstr(err.message, words))
		fail_msg("%s: '%s' lacks '%s'", text, err.message, words);
	if (!strstr(err.hint, hint))
		fail_msg("%s: '%s' lacks '%s'", text, err.hint, hint);
}

static void test_errors(void **state)
{
	(void)state;
	refuse("ab%y", "position 3: unknown token '%y'", "%s %S %R %k %K %T %h %t %p %o %%");
	refuse("%\xc3\xa9", "unknown token '%\xc3\xa9'", "%{stream}");
	refuse("%s%", "position 3: a '%' at the end", "%%");
	refuse("%{nothing}", "position 1: unknown token '%{nothing}'", "%{payload}");
	refuse("%{key", "'%{' without '}'", "");
	refuse("%{key:iso}", "'key' has no form 'iso'", ":base64 :hex :json :len");
	refuse("%{ts:}", "'ts' has no form ''", ":iso");
	refuse("%{offset:hex}", "'offset' has no form 'hex'", "");
	refuse("%{}", "unknown token '%{}'", "");
	refuse("ab\\q", "position 3: unknown escape", "\\n");
	refuse("%s\\", "position 3: a backslash", "");
}

static void test_needs(void **state)
{
	static const struct {
		const char *text;
		unsigned needs;
	} cases[] = {
	    {"%s %k %t %p %o\\n", 0},
	    {"%T", MQ_NEED_TIME},
	    {"%{ts:iso}", MQ_NEED_TIME},
	    {"%h", MQ_NEED_HEADERS},
	    {"%{header:x}%{type}", MQ_NEED_HEADERS | MQ_NEED_PROPERTIES},
	    {"%{json}", MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_format *format = NULL;
		assert_int_equal(mq_format_new(&SPEC(cases[i].text), &format, NULL), 0);
		assert_int_equal(mq_format_needs(format), cases[i].needs);
		mq_format_free(format);
	}
}

/* Every token that help names can be compiled and run. */
static void test_help(void **state)
{
	const char *token, *help;
	size_t n = 0;

	(void)state;
	for (; mq_format_token_help(n, &token, &help); n++) {
		struct mq_format *format = NULL;
		struct mq_buf buf;
		mq_buf_init(&buf, 10000);
		assert_true(help[0] != '\0');
		if (mq_format_new(&SPEC(token), &format, NULL) < 0)
			fail_msg("%s", token);
		assert_int_equal(mq_format_append(format, &full, &buf, NULL), 0);
		mq_format_free(format);
		mq_buf_release(&buf);
	}
	assert_true(n > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kcat_tokens),  cmocka_unit_test(test_named_tokens),
	    cmocka_unit_test(test_json_token),   cmocka_unit_test(test_absent),
	    cmocka_unit_test(test_kcat_escapes), cmocka_unit_test(test_local_time),
	    cmocka_unit_test(test_errors),       cmocka_unit_test(test_needs),
	    cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
