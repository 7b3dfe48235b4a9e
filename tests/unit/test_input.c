/* Records and JSON lines out of a descriptor, whole and in random pieces. */
#include "mqtk/input.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DELIMITED(d)                                                                               \
	{                                                                                          \
		.kind = MQ_INPUT_DELIMITED, .delimiter = { d, sizeof(d) - 1 }                      \
	}

static struct mq_bytes show(struct mq_bytes bytes)
{
	return bytes.data ? bytes : mq_bytes_str("NULL");
}

/* Everything the input gives as text: [key=payload] per record, !line for a refused one. */
static void drain(struct mq_input *input, struct mq_buf *ret)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_message message;
	int r;

	while ((r = mq_input_next(input, &message, &err)) != 0) {
		if (r < 0) {
			assert_int_equal(err.code, MQ_DATA);
			mq_buf_printf(ret, NULL, "!%lld", (long long)mq_input_line(input));
			mq_err_clear(&err);
			continue;
		}
		assert_null(message.stream.data);
		mq_buf_append_char(ret, '[', NULL);
		if (message.key.data) {
			mq_buf_append(ret, message.key.data, message.key.len, NULL);
			mq_buf_append_char(ret, '=', NULL);
		}
		mq_buf_append(ret, show(message.payload).data, show(message.payload).len, NULL);
		mq_buf_append_char(ret, ']', NULL);
	}
}

/* Feeds text in pieces of up to `piece` bytes (0: at once, as the pipe takes it). */
static void feed(const struct mq_input_spec *spec, const char *text, size_t len, size_t piece,
                 struct mq_buf *ret)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	size_t sent = 0;
	int fds[2], r = 1;

	mq_buf_clear(ret);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(mq_input_new(spec, fds[0], "test", &input, &err), 0);
	drain(input, ret); /* before anything was read there is nothing */
	assert_int_equal(ret->len, 0);
	while (r > 0) {
		size_t n = len - sent < 60000 ? len - sent : 60000;
		if (piece > 0 && n > 0)
			n = 1 + (size_t)rand() % (n < piece ? n : piece);
		if (n > 0) {
			assert_true(write(fds[1], text + sent, n) == (ssize_t)n);
			sent += n;
		} else if (fds[1] >= 0) {
			close(fds[1]);
			fds[1] = -1;
		}
		r = mq_input_read(input, &err);
		assert_true(r >= 0);
		drain(input, ret);
	}
	assert_int_equal(mq_input_read(input, &err), 0); /* the end stays */
	drain(input, ret);
	assert_int_equal(mq_input_rest(input).len, 0);
	mq_input_free(input);
	close(fds[0]);
}

static void expect(const struct mq_input_spec *spec, const char *text, size_t len,
                   const char *records)
{
	struct mq_buf buf;

	mq_buf_init(&buf, 1 << 20);
	for (size_t piece = 0; piece < 4; piece++) {
		feed(spec, text, len, piece, &buf);
		assert_int_equal(mq_buf_append_char(&buf, '\0', NULL), 0);
		for (size_t i = 0; i + 1 < buf.len; i++)
			if (buf.data[i] == '\0')
				buf.data[i] = '0';
		assert_string_equal(buf.data, records);
	}
	mq_buf_release(&buf);
}

#define EXPECT(spec, text, records) expect(spec, text, sizeof(text) - 1, records)

static void test_delimited(void **state)
{
	struct mq_input_spec lines = DELIMITED("\n"), nul = DELIMITED("\0"), many = DELIMITED(";;");
	struct mq_input_spec tricky = DELIMITED("aab");

	(void)state;
	EXPECT(&lines, "", "");
	EXPECT(&lines, "\n\n", "");
	EXPECT(&lines, "a\nb", "[a][b]");
	EXPECT(&lines, "a\n\nb\r\n", "[a][b\r]");
	EXPECT(&nul, "a\0b\n\0\0c", "[a][b\n][c]");
	EXPECT(&many, "a;b;;c;;;d;;", "[a;b][c][;d]");
	EXPECT(&many, "a;", "[a;]");
	EXPECT(&many, ";", "[;]");
	EXPECT(&tricky, "xaaaabyaab", "[xaa][y]");
}

static void test_keys(void **state)
{
	struct mq_input_spec spec = DELIMITED("\n");

	(void)state;
	spec.key_delimiter = mq_bytes_str(":");
	EXPECT(&spec, "k:v:w\nx\n:v\nk:\n:\n", "[k=v:w][x][=v][k=][=]");
	spec.empty_is_null = true;
	EXPECT(&spec, "k:v\nx\n:v\nk:\n:\n", "[k=v][x][v][k=NULL][NULL]");
	spec.key_delimiter = mq_bytes_str("->");
	EXPECT(&spec, "a-b->c->d\n", "[a-b=c->d]");
}

static void test_limit(void **state)
{
	struct mq_input_spec lines = DELIMITED("\n"), many = DELIMITED("<>");
	struct mq_input_spec whole = {.kind = MQ_INPUT_WHOLE, .limit = 4};

	(void)state;
	lines.limit = many.limit = 4;
	EXPECT(&lines, "1234\n12345\nab\n123456789\ncd", "[1234]!2[ab]!4[cd]");
	EXPECT(&lines, "ab\n12345", "[ab]!2");
	EXPECT(&many, "1234<>12345<>ab", "[1234]!2[ab]");
	EXPECT(&many, "1234<12345>5678<>ab<>", "!1[ab]");
	EXPECT(&whole, "1234", "[1234]");
	EXPECT(&whole, "12345", "!1");
}

static void test_whole(void **state)
{
	struct mq_input_spec whole = {.kind = MQ_INPUT_WHOLE};

	(void)state;
	EXPECT(&whole, "", "[]");
	EXPECT(&whole, "a\nb\0c\n", "[a\nb0c\n]");
}

static void test_json(void **state)
{
	struct mq_input_spec json = {.kind = MQ_INPUT_JSON};

	(void)state;
	EXPECT(&json, "", "");
	EXPECT(&json,
	       "\n  \r\n{\"payload\":\"a\"}\n\n{ \"payload\" : \"b\" , \"key\" : \"k\" }\r\n",
	       "[a][k=b]");
	EXPECT(&json, "{}", "[NULL]");
	EXPECT(&json, "{\"payload\":\"\"}\nnonsense\n{\"payload\":null}", "[]!2[NULL]");
	EXPECT(&json, "{\"payload\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\/\\\\\"}",
	       "[A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n/\\]");
	EXPECT(&json, "{\"payload\":{\"base64\":\"AGE=\"}}{\"x\":1}", "!1");
	EXPECT(&json, "{\"payload\":{ \"base64\" : \"YWI\\u003d\" }}", "[ab]");
	EXPECT(&json, "{\"value\": {\"a\" : [1.50, \"\\u0041\", true] } }",
	       "[{\"a\" : [1.50, \"\\u0041\", true] }]");
	EXPECT(&json, "{\"value\":null}\n{\"value\":-1.5e+3}", "[null][-1.5e+3]");
	EXPECT(&json, "{\"unknown\":[{\"a\":null},[]],\"payload\":\"p\",\"unknown\":{}}", "[p]");
}

static void refuse(const char *line, const char *words)
{
	struct mq_input_spec spec = {.kind = MQ_INPUT_JSON};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message message;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(mq_input_new(&spec, fds[0], "stdin", &input, &err), 0);
	assert_true(write(fds[1], "\n", 1) == 1);
	assert_true(write(fds[1], line, strlen(line)) == (ssize_t)strlen(line));
	close(fds[1]);
	while (mq_input_read(input, &err) > 0)
		;
	if (mq_input_next(input, &message, &err) != -1)
		fail_msg("taken: %s", line);
	assert_int_equal(err.code, MQ_DATA);
	if (strncmp(err.message, "stdin line 2: ", 14) != 0 || !strstr(err.message, words))
		fail_msg("%s: '%s' lacks '%s'", line, err.message, words);
	mq_input_free(input);
	close(fds[0]);
}

static void test_json_refuses(void **state)
{
	(void)state;
	refuse("[]", "column 1: a JSON object");
	refuse("{", "column 2");
	refuse("{\"payload\"", "':'");
	refuse("{\"payload\":\"a\"", "'}'");
	refuse("{\"payload\":\"a\",}", "member name");
	refuse("{\"payload\":\"a}", "closing quote");
	refuse("{\"payload\":\"a\\", "closing quote");
	refuse("{\"payload\":\"a\tb\"}", "control character");
	refuse("{\"payload\":\"\\x41\"}", "escape");
	refuse("{\"payload\":\"\\u12g4\"}", "hexadecimal");
	refuse("{\"payload\":\"\\ud800\"}", "surrogate");
	refuse("{\"payload\":\"\\udc00\"}", "surrogate");
	refuse("{\"payload\":\"\\ud800\\u0041\"}", "surrogate");
	refuse("{\"payload\":\"\xff\"}", "UTF-8");
	refuse("{\"payload\":1}", "'payload' must be");
	refuse("{\"payload\":{\"base64\":\"A\"}}", "'payload' must be valid base64");
	refuse("{\"payload\":{\"base64\":\"\",\"x\":1}}", "'payload' must be");
	refuse("{\"payload\":{}}", "'payload' must be");
	refuse("{\"payload\":\"a\",\"value\":1}", "exclude each other");
	refuse("{\"value\":1,\"payload\":null}", "exclude each other");
	refuse("{\"key\":\"a\",\"key\":\"a\"}", "'key' must be there only once");
	refuse("{\"stream\":\"a\",\"topic\":\"a\"}", "'topic' must be there only once");
	refuse("{\"ts\":1.0}", "'ts' must be");
	refuse("{\"ts\":1e3}", "'ts' must be");
	refuse("{\"ts\":\"1\"}", "'ts' must be");
	refuse("{\"ts\":9223372036854775808}", "'ts' must be");
	refuse("{\"ts\":-9223372036854775808}", "'ts' must be");
	refuse("{\"partition\":2147483648}", "'partition' must be");
	refuse("{\"partition\":-2}", "'partition' must be");
	refuse("{\"offset\":-2}", "'offset' must be");
	refuse("{\"ts_type\":\"never\"}", "'ts_type' must be");
	refuse("{\"redelivered\":1}", "'redelivered' must be");
	refuse("{\"expiry_ms\":-1}", "'expiry_ms' must be");
	refuse("{\"message_id\":5}", "'message_id' must be");
	refuse("{\"headers\":{}}", "'headers' must be");
	refuse("{\"headers\":[[\"a\"]]}", "'headers' must be");
	refuse("{\"headers\":[[\"a\",\"b\",\"c\"]]}", "'headers' must be");
	refuse("{\"headers\":[\"a\"]}", "'headers' must be");
	refuse("{\"headers\":[[null,\"b\"]]}", "'headers' must be");
	refuse("{\"headers\":[\"a\",\"b\",[\"c\",\"d\"]]}", "'headers' must be");
	refuse("{\"value\":01}", "number");
	refuse("{\"value\":1.}", "number");
	refuse("{\"value\":tru}", "no JSON value");
	refuse("{\"value\":[1,]}", "value is expected");
	refuse("{\"value\":[1}}", "']'");
	refuse("{\"value\":}", "value is expected");
	refuse("{} x", "behind the object");
	/* An object of somebody's own would be stored as a null message. */
	refuse("{\"order\":5}", "neither 'payload' nor 'value'");
	refuse("{\"type\":\"order\",\"amount\":5}", "neither 'payload' nor 'value'");
}

/* The reader must stand any depth, and refuse what is too deep. */
static void test_json_depth(void **state)
{
	enum { DEEP = 20000 };
	char *line = malloc(2 * DEEP + 20);
	size_t n = strlen("{\"value\":");

	(void)state;
	assert_non_null(line);
	memcpy(line, "{\"value\":", n);
	memset(line + n, '[', DEEP);
	line[n + DEEP] = '\0';
	refuse(line, "too deep");
	free(line);
}

static void test_kcat_lines(void **state)
{
	static const char line[] =
	    "{\"topic\":\"t\",\"partition\":3,\"offset\":5,\"tstype\":\"logappend\",\"ts\":7,"
	    "\"broker\":1,\"headers\":[\"a\",\"b\",\"c\",null],\"key\":\"k\",\"payload\":\"p\"}";
	struct mq_input_spec spec = {.kind = MQ_INPUT_JSON};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message m;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(mq_input_new(&spec, fds[0], "stdin", &input, &err), 0);
	assert_true(write(fds[1], line, sizeof line - 1) == sizeof line - 1);
	close(fds[1]);
	while (mq_input_read(input, &err) > 0)
		;
	assert_int_equal(mq_input_next(input, &m, &err), 1);
	assert_int_equal(m.partition, 3);
	assert_true(m.offset == 5 && m.ts_ms == 7 && m.ts_type == MQ_TS_APPEND);
	assert_int_equal(m.n_headers, 2);
	assert_true(mq_bytes_equal(m.headers[1].name, mq_bytes_str("c")));
	assert_null(m.headers[1].value.data);
	assert_true(mq_bytes_equal(m.key, mq_bytes_str("k")));
	assert_null(m.properties);
	mq_input_free(input);
	close(fds[0]);
}

/* The examples that go with the schema are input as they stand (tests run at the top folder). */
static void test_examples(void **state)
{
	struct mq_input_spec spec = {.kind = MQ_INPUT_JSON};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message m;
	int fd = open("schemas/examples/message.jsonl", O_RDONLY), n = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(mq_input_new(&spec, fd, "examples", &input, &err), 0);
	while (mq_input_read(input, &err) > 0)
		;
	for (int r; (r = mq_input_next(input, &m, &err)) != 0; n++)
		if (r < 0)
			fail_msg("%s", err.message);
	assert_int_equal(n, 4);
	mq_input_free(input);
	close(fd);
}

/* Random text over a small alphabet, so that delimiters are everywhere and torn everywhere. */
static void test_chunks(void **state)
{
	static const char *const delimiters[] = {"\n", "ab", "aba", "aab"};
	unsigned seed = (unsigned)time(NULL);
	struct mq_buf whole, pieces;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	mq_buf_init(&whole, 1 << 20);
	mq_buf_init(&pieces, 1 << 20);
	for (int i = 0; i < 300; i++) {
		struct mq_input_spec spec = {.kind = MQ_INPUT_DELIMITED};
		char text[400];
		size_t len = (size_t)rand() % sizeof text;

		spec.delimiter = mq_bytes_str(delimiters[rand() % 4]);
		if (rand() % 2)
			spec.key_delimiter = mq_bytes_str("ba");
		spec.limit = rand() % 2 ? 0 : 20;
		for (size_t j = 0; j < len; j++)
			text[j] = "aaabb\n"[rand() % 6];
		feed(&spec, text, len, 0, &whole);
		feed(&spec, text, len, 1 + (size_t)rand() % 20, &pieces);
		assert_int_equal(whole.len, pieces.len);
		if (whole.len > 0)
			assert_memory_equal(whole.data, pieces.data, whole.len);
	}
	mq_buf_release(&whole);
	mq_buf_release(&pieces);
}

/* Mutated lines: whatever comes out, nothing breaks (sanitizers watch). */
static void test_hostile(void **state)
{
	static const char line[] =
	    "{\"stream\":\"o\",\"partition\":0,\"offset\":1,\"ts\":17,\"ts_type\":\"create\","
	    "\"key\":{\"base64\":\"AAE=\"},\"headers\":[[\"a\",\"\\u00e9\\ud83d\\ude00\"],"
	    "[\"b\",null]],\"value\":{\"a\":[1.5,{}]},\"priority\":3,\"redelivered\":true}";
	struct mq_input_spec spec = {.kind = MQ_INPUT_JSON};
	unsigned seed = (unsigned)time(NULL);
	struct mq_buf buf;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	mq_buf_init(&buf, 1 << 20);
	for (int i = 0; i < 3000; i++) {
		char text[sizeof line];
		size_t len = sizeof line - 1;
		memcpy(text, line, sizeof line);
		for (int j = rand() % 4; j >= 0; j--)
			text[(size_t)rand() % len] =
			    rand() % 2 ? "{}[]\",:\\u0n"[rand() % 11] : (char)rand();
		if (rand() % 4 == 0)
			len = (size_t)rand() % len;
		feed(&spec, text, len, 0, &buf);
	}
	mq_buf_release(&buf);
}

/* A record far larger than the buffer is exact, and small ones around it too. */
static void test_large(void **state)
{
	enum { SIZE = 9 << 20 };
	struct mq_input_spec spec = DELIMITED("\n");
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message message;
	char name[] = "/tmp/mqtk-test-XXXXXX";
	int fd = mkstemp(name), r = 0;
	char *big = malloc(SIZE);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_non_null(big);
	for (size_t i = 0; i < SIZE; i++)
		big[i] = (char)('a' + i % 23);
	assert_true(write(fd, "x\n", 2) == 2);
	assert_true(write(fd, big, SIZE) == SIZE);
	assert_true(write(fd, "\ny", 2) == 2);
	assert_true(lseek(fd, 0, SEEK_SET) == 0);
	assert_int_equal(mq_input_new(&spec, fd, "file", &input, &err), 0);
	for (int record = 0; record < 3;) {
		if (r == 0)
			assert_true(mq_input_read(input, &err) >= 0);
		r = mq_input_next(input, &message, &err);
		assert_true(r >= 0);
		if (r == 0)
			continue;
		if (record == 1) {
			assert_int_equal(message.payload.len, SIZE);
			assert_memory_equal(message.payload.data, big, SIZE);
		} else {
			assert_int_equal(message.payload.len, 1);
		}
		assert_int_equal(mq_input_line(input), ++record);
	}
	mq_input_free(input);
	free(big);
	close(fd);
}

static void test_rest_and_errors(void **state)
{
	struct mq_input_spec spec = DELIMITED("\n"), bad = {.kind = MQ_INPUT_DELIMITED};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_input *input = NULL;
	struct mq_message message;
	int fds[2];

	(void)state;
	assert_int_equal(mq_input_new(&bad, 0, "stdin", &input, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_err_clear(&err);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(mq_input_new(&spec, fds[0], "stdin", &input, &err), 0);
	assert_int_equal(mq_input_rest(input).len, 0);
	assert_int_equal(mq_input_read(input, &err), 1); /* nothing there: no end, no error */
	assert_int_equal(mq_input_next(input, &message, &err), 0);
	assert_true(write(fds[1], "one\ntwo", 7) == 7);
	assert_int_equal(mq_input_read(input, &err), 1);
	assert_int_equal(mq_input_next(input, &message, &err), 1);
	assert_int_equal(mq_input_next(input, &message, &err), 0);
	assert_true(mq_bytes_equal(mq_input_rest(input), mq_bytes_str("two")));
	mq_input_free(input);
	close(fds[0]);
	close(fds[1]);

	int fd = open("/", O_RDONLY);
	assert_int_equal(mq_input_new(&spec, fd, "/", &input, &err), 0);
	assert_int_equal(mq_input_read(input, &err), -1);
	assert_int_equal(err.code, MQ_IO);
	assert_string_equal(err.message, "cannot read /: Is a directory");
	mq_input_free(input);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_delimited),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_json_refuses),
	    cmocka_unit_test(test_json_depth),
	    cmocka_unit_test(test_kcat_lines),
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_rest_and_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
