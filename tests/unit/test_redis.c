/*
 * The Redis backend without a server: ids, slots, replies in pieces, and entries both ways, the
 * latter with random messages and random fields. The seed is printed; $MQTK_TEST_SEED repeats one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/redis/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- ids and slots --------------------------------------------------------------------------- */

static void test_ids(void **state)
{
	static const char *const bad[] = {
	    "", "-", "1-", "-1", "a", "1-2-3", "1 ", " 1", "18446744073709551616"};
	struct mq_rd_id id;
	char text[MQ_RD_ID_TEXT];

	(void)state;
	assert_true(mq_rd_id_parse("1700000000000-7", 0, &id));
	assert_true(id.ms == 1700000000000 && id.seq == 7);
	assert_true(mq_rd_id_parse("5", 9, &id));
	assert_true(id.ms == 5 && id.seq == 9);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(mq_rd_id_parse(bad[i], 0, &id));
	mq_rd_id_print(MQ_RD_ID_MAX, text);
	assert_string_equal(text, "18446744073709551615-18446744073709551615");
	assert_true(mq_rd_id_parse(text, 0, &id));
	assert_int_equal(mq_rd_id_compare(id, MQ_RD_ID_MAX), 0);
	assert_int_equal(mq_rd_id_compare(mq_rd_id_next(MQ_RD_ID_MAX), MQ_RD_ID_MAX), 0);
	assert_int_equal(mq_rd_id_compare(mq_rd_id_previous(MQ_RD_ID_MIN), MQ_RD_ID_MIN), 0);
	id = mq_rd_id_next((struct mq_rd_id){3, UINT64_MAX});
	assert_true(id.ms == 4 && id.seq == 0);
	id = mq_rd_id_previous(id);
	assert_true(id.ms == 3 && id.seq == UINT64_MAX);
	assert_true(mq_rd_id_time(MQ_RD_ID_MAX) == MQ_NO_TIME);
	assert_int_equal(mq_rd_id_of_time(-5).ms, 0);
}

static unsigned slot(const char *key)
{
	return mq_rd_slot_of(mq_bytes_str(key));
}

/* Values of CLUSTER KEYSLOT. */
static void test_slots(void **state)
{
	(void)state;
	assert_int_equal(slot("123456789"), 12739);
	assert_int_equal(slot("foo"), 12182);
	assert_int_equal(slot(""), 0);
	assert_int_equal(slot("{user1000}.following"), slot("user1000"));
	assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
	assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
	assert_true(slot("foo{}{bar}") != slot("bar"));
	assert_true(slot("{open") != slot("open"));
}

/* --- replies --------------------------------------------------------------------------------- */

/* Whatever the pieces are in which it arrives, a reply is the same. */
static void test_replies_in_pieces(void **state)
{
	static const char text[] = "*3\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$3\r\n\r\n\0\r\n"
	                           "$-1\r\n:-42\r\n-ERR no\r\n";
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct mq_rd_codec codec;
		struct mq_rd_arena arena = {0};
		struct mq_rd_reply *replies[2];
		size_t n = 0;
		assert_int_equal(mq_rd_codec_init(&codec, &err), 0);
		for (size_t at = 0; at < sizeof text - 1; at += piece) {
			size_t left = sizeof text - 1 - at;
			assert_int_equal(
			    mq_rd_codec_feed(&codec, text + at, left < piece ? left : piece, &err),
			    0);
			while (n < 2 && mq_rd_codec_next(&codec, &arena, &replies[n], &err) > 0)
				n++;
		}
		assert_int_equal(n, 2);
		assert_int_equal(replies[0]->n, 3);
		const struct mq_rd_reply *fields = mq_rd_reply_at(mq_rd_reply_at(replies[0], 0), 1);
		assert_int_equal(fields->n, 2);
		assert_true(mq_bytes_equal(mq_rd_reply_member(fields, "a")->text,
		                           mq_bytes_of("\r\n\0", 3)));
		assert_int_equal(mq_rd_reply_at(replies[0], 1)->type, REDIS_REPLY_NIL);
		assert_int_equal(mq_rd_reply_number(mq_rd_reply_at(replies[0], 2), 0), -42);
		assert_null(mq_rd_reply_at(replies[0], 3));
		assert_true(mq_rd_reply_is_error(replies[1], "ERR"));
		assert_false(mq_rd_reply_is_error(replies[1], "ER"));
		mq_rd_codec_release(&codec);
		mq_rd_arena_release(&arena);
	}
}

/* What is no reply is refused, and a claimed length costs nothing. */
static void test_hostile_replies(void **state)
{
	static const char *const bad[] = {"?\r\n", "HTTP/1.1 400 Bad Request\r\n", "$-2\r\n",
	                                  "*99999999999999999999\r\n", ":12x\r\n"};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_rd_reply *reply;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct mq_rd_codec codec;
		struct mq_rd_arena arena = {0};
		mq_err_clear(&err);
		assert_int_equal(mq_rd_codec_init(&codec, &err), 0);
		assert_int_equal(mq_rd_codec_feed(&codec, bad[i], strlen(bad[i]), &err), 0);
		assert_int_equal(mq_rd_codec_next(&codec, &arena, &reply, &err), -1);
		assert_int_equal(err.code, MQ_DATA);
		mq_rd_codec_release(&codec);
		mq_rd_arena_release(&arena);
	}
	static const char vast[] = "*2147483647\r\n$1\r\na\r\n";
	struct mq_rd_codec codec;
	struct mq_rd_arena arena = {0};
	assert_int_equal(mq_rd_codec_init(&codec, &err), 0);
	mq_rd_codec_feed(&codec, vast, sizeof vast - 1, &err);
	assert_int_equal(mq_rd_codec_next(&codec, &arena, &reply, &err), 0);
	assert_true(arena.total < 1000);
	mq_rd_codec_release(&codec);
	mq_rd_arena_release(&arena);
}

/* --- entries --------------------------------------------------------------------------------- */

struct coder {
	struct mq_rd_conn conn;
	struct mq_rd_encoder encoder;
	struct mq_rd_decoder decoder;
	struct mq_rd_arena arena;
	struct mq_rd_codec codec;
};

static void coder_init(struct coder *c, bool json)
{
	struct mq_err err = MQ_ERR_INIT;

	*c = (struct coder){.conn = {.payload_field = "payload", .fields_json = json}};
	assert_int_equal(mq_rd_encoder_init(&c->encoder, &c->conn, &err), 0);
	assert_int_equal(mq_rd_decoder_init(&c->decoder, &c->conn, &err), 0);
	assert_int_equal(mq_rd_codec_init(&c->codec, &err), 0);
}

static void coder_release(struct coder *c)
{
	mq_rd_encoder_release(&c->encoder);
	mq_rd_decoder_release(&c->decoder);
	mq_rd_arena_release(&c->arena);
	mq_rd_codec_release(&c->codec);
}

/* The encoded fields, as a server would send them back. */
static struct mq_rd_reply *echo(struct coder *c, const char *const *argv, const size_t *lens,
                                size_t n)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_rd_reply *reply = NULL;
	char *text = NULL;
	long long len = redisFormatCommandArgv(&text, (int)n, (const char **)(uintptr_t)argv, lens);

	assert_true(len > 0);
	assert_int_equal(mq_rd_codec_feed(&c->codec, text, (size_t)len, &err), 0);
	assert_int_equal(mq_rd_codec_next(&c->codec, &c->arena, &reply, &err), 1);
	redisFreeCommand(text);
	return reply;
}

static struct mq_rd_reply *encode(struct coder *c, const struct mq_message *message)
{
	struct mq_err err = MQ_ERR_INIT;

	if (mq_rd_encode(&c->encoder, message, &err) < 0)
		fail_msg("%s", err.message);
	return echo(c, c->encoder.argv + MQ_RD_WORDS_MAX, c->encoder.lens + MQ_RD_WORDS_MAX,
	            c->encoder.n - MQ_RD_WORDS_MAX);
}

static struct mq_message decode(struct coder *c, const struct mq_rd_reply *fields)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_rd_decode(&c->decoder, &c->arena, fields, &message, &err) < 0)
		fail_msg("%s", err.message);
	return message;
}

static struct mq_rd_reply *fields_of(struct coder *c, const char *const *words)
{
	size_t lens[20], n = 0;

	for (; words[n]; n++)
		lens[n] = strlen(words[n]);
	return echo(c, words, lens, n);
}

#define FIELDS(...)                                                                                \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void test_foreign_fields(void **state)
{
	static const struct {
		const char *fields[12];
		const char *payload; /* as JSON; NULL: it reads as an entry of ours */
	} rows[] = {
	    {FIELDS("a", "1", "b", ""), "{\"a\":\"1\",\"b\":\"\"}"},
	    {FIELDS("a", "1", "a", "1"), "[[\"a\",\"1\"],[\"a\",\"1\"]]"},
	    {FIELDS("\xff", "\xfe"), "[[{\"base64\":\"/w==\"},{\"base64\":\"/g==\"}]]"},
	    {FIELDS("a", "\xfe"), "{\"a\":{\"base64\":\"/g==\"}}"},
	    {FIELDS("", ""), "{\"\":\"\"}"},
	    {FIELDS("payload", "x", "payload", "y"), "[[\"payload\",\"x\"],[\"payload\",\"y\"]]"},
	    {FIELDS("key", "k", "payload", "x"), "{\"key\":\"k\",\"payload\":\"x\"}"},
	    {FIELDS("payload", "x", "other", "y"), "{\"payload\":\"x\",\"other\":\"y\"}"},
	    {FIELDS("payload", "x", "mqtk-properties", "y"),
	     "{\"payload\":\"x\",\"mqtk-properties\":\"y\"}"},
	    {FIELDS("mqtk-properties", "{}"), "{\"mqtk-properties\":\"{}\"}"},
	    {FIELDS("payload", "x", "mqtk-properties", "{\"payload\":null}"),
	     "{\"payload\":\"x\",\"mqtk-properties\":\"{\\\"payload\\\":null}\"}"},
	    {FIELDS("mqtk-properties", "{\"key\":\"k\"}"),
	     "{\"mqtk-properties\":\"{\\\"key\\\":\\\"k\\\"}\"}"},
	    /* Headers of ours behind fields of others. */
	    {FIELDS("a", "1", "mqtk-properties", "{\"headers\":[[\"h\",\"v\"]]}"), "{\"a\":\"1\"}"},
	    {FIELDS("a", "1", "mqtk-properties", "{\"ts\":5}"),
	     "{\"a\":\"1\",\"mqtk-properties\":\"{\\\"ts\\\":5}\"}"},
	    {FIELDS("payload", "x"), NULL},
	    {FIELDS("key", ""), NULL},
	    {FIELDS("payload", "", "key", "k"), NULL},
	    {FIELDS("payload", "x", "mqtk-properties", "{\"ts\":5}"), NULL},
	    {FIELDS("mqtk-properties", "{\"payload\":null}"), NULL},
	};
	struct coder c;

	(void)state;
	coder_init(&c, false);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct mq_rd_reply *fields = fields_of(&c, rows[i].fields);
		struct mq_message message = decode(&c, fields);
		bool foreign =
		    message.properties && mq_bytes_equal(message.properties->content_type,
		                                         mq_bytes_str(MQ_RD_FIELDS_TYPE));
		assert_int_equal(foreign, rows[i].payload != NULL);
		if (rows[i].payload)
			assert_true(mq_bytes_equal(message.payload, mq_bytes_str(rows[i].payload)));
		/* And back. */
		const struct mq_rd_reply *again = encode(&c, &message);
		assert_int_equal(again->n, fields->n);
		for (size_t f = 0; f < fields->n; f++)
			assert_true(mq_bytes_equal(mq_rd_reply_at(fields, f)->text,
			                           mq_rd_reply_at(again, f)->text));
		mq_rd_decoder_clear(&c.decoder);
	}
	coder_release(&c);
}

/* Other programs find their fields where they were, whatever headers were added; and fields that
 * only look like headers stay fields. */
static void test_fields_with_headers(void **state)
{
	const struct mq_header header = {mq_bytes_of("h", 1), mq_bytes_of("v", 1)};
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_message message = MQ_MESSAGE_INIT;
	struct coder c;

	(void)state;
	coder_init(&c, false);
	properties.content_type = mq_bytes_str(MQ_RD_FIELDS_TYPE);
	message.properties = &properties;
	message.headers = &header;
	message.n_headers = 1;
	message.payload = mq_bytes_str("{\"a\":\"1\",\"b\":\"2\"}");
	const struct mq_rd_reply *fields = encode(&c, &message);
	assert_int_equal(fields->n, 6);
	assert_string_equal(mq_rd_reply_at(fields, 2)->text.data, "b");
	assert_string_equal(mq_rd_reply_at(fields, 4)->text.data, "mqtk-properties");
	struct mq_message got = decode(&c, fields);
	assert_true(mq_bytes_equal(got.payload, message.payload));
	assert_int_equal(got.n_headers, 1);
	assert_true(mq_bytes_equal(got.headers[0].value, header.value));
	mq_rd_decoder_clear(&c.decoder);

	message.n_headers = 0;
	message.payload = mq_bytes_str(
	    "{\"a\":\"1\",\"mqtk-properties\":\"{\\\"headers\\\":[[\\\"h\\\",\\\"v\\\"]]}\"}");
	got = decode(&c, encode(&c, &message));
	assert_true(mq_bytes_equal(got.payload, message.payload));
	assert_int_equal(got.n_headers, 0);
	coder_release(&c);
}

static void test_json_fields(void **state)
{
	static const struct {
		const char *payload;
		const char *fields[12]; /* none: refused */
	} rows[] = {
	    {"{\"a\":\"1\",\"b\":2.50,\"c\":true,\"d\":null,\"e\":{\"x\":[1, 2]}}",
	     FIELDS("a", "1", "b", "2.50", "c", "true", "d", "null", "e", "{\"x\":[1, 2]}")},
	    {" { \"a\" : \"\\u00e9\" } ", FIELDS("a", "\xc3\xa9")},
	    {"{\"a\":{\"base64\":\"/w==\"}}", FIELDS("a", "\xff")},
	    {"{}", {NULL}},
	    {"[]", {NULL}},
	    {"[[\"a\",\"b\"]]", {NULL}},
	    {"\"a\"", {NULL}},
	    {"", {NULL}},
	    {"{\"a\":1", {NULL}},
	    {"{\"a\":1} x", {NULL}},
	    {"{\"a\":1,}", {NULL}},
	    {"{\"a\" 1}", {NULL}},
	};
	struct coder c;

	(void)state;
	coder_init(&c, true);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		struct mq_err err = MQ_ERR_INIT;
		message.payload = mq_bytes_str(rows[i].payload);
		if (!rows[i].fields[0]) {
			assert_int_equal(mq_rd_encode(&c.encoder, &message, &err), -1);
			assert_int_equal(err.code, MQ_DATA);
			continue;
		}
		const struct mq_rd_reply *got = encode(&c, &message);
		for (size_t f = 0; f < got->n; f++)
			assert_string_equal(mq_rd_reply_at(got, f)->text.data, rows[i].fields[f]);
		assert_null(rows[i].fields[got->n]);
	}
	struct mq_message keyed = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;
	keyed.payload = mq_bytes_str("{\"a\":1}");
	keyed.key = mq_bytes_str("k");
	assert_int_equal(mq_rd_encode(&c.encoder, &keyed, &err), -1);
	coder_release(&c);
}

/* --- random ---------------------------------------------------------------------------------- */

static unsigned random_below(unsigned n)
{
	return (unsigned)rand() % n;
}

static struct mq_bytes random_bytes(char *room)
{
	static const char *const texts[] = {
	    "",           "payload",       "key",  "mqtk-properties",
	    "{\"ts\":1}", "{\"a\":\"b\"}", "\xff", "\xc3\xa9\n\"\\"};
	unsigned kind = random_below(12);

	if (kind < 8)
		return mq_bytes_str(texts[kind]);
	if (kind == 8)
		return MQ_ABSENT;
	size_t len = random_below(20);
	for (size_t i = 0; i < len; i++)
		room[i] = (char)random_below(256);
	return mq_bytes_of(room, len);
}

static void assert_same(const struct mq_message *a, const struct mq_message *b)
{
	assert_true(mq_bytes_equal(a->key, b->key));
	assert_true(mq_bytes_equal(a->payload, b->payload));
	assert_int_equal(a->n_headers, b->n_headers);
	for (size_t i = 0; i < a->n_headers; i++) {
		assert_true(mq_bytes_equal(a->headers[i].name, b->headers[i].name));
		assert_true(mq_bytes_equal(a->headers[i].value, b->headers[i].value));
	}
	struct mq_properties none = MQ_PROPERTIES_INIT;
	const struct mq_properties *p = a->properties ? a->properties : &none;
	const struct mq_properties *q = b->properties ? b->properties : &none;
	assert_true(mq_bytes_equal(p->message_id, q->message_id));
	assert_true(mq_bytes_equal(p->content_type, q->content_type));
	assert_int_equal(p->priority, q->priority);
}

static void test_random_messages(void **state)
{
	struct coder c;
	char room[6][32];

	(void)state;
	coder_init(&c, false);
	for (int round = 0; round < 20000; round++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		struct mq_properties properties = MQ_PROPERTIES_INIT;
		struct mq_header headers[2] = {
		    {mq_bytes_of("h", 1), random_bytes(room[0])},
		    {mq_bytes_of("", 0), random_bytes(room[1])},
		};
		message.key = random_bytes(room[2]);
		message.payload = random_bytes(room[3]);
		message.headers = headers;
		message.n_headers = random_below(3) % 3;
		if (random_below(2)) {
			message.properties = &properties;
			if (random_below(2))
				properties.message_id = random_bytes(room[4]);
			if (random_below(2))
				properties.content_type = mq_bytes_str(MQ_RD_FIELDS_TYPE);
			if (random_below(2))
				properties.priority = (int)random_below(10);
		}
		struct mq_message got = decode(&c, encode(&c, &message));
		assert_same(&message, &got);
		mq_rd_decoder_clear(&c.decoder);
		mq_rd_arena_clear(&c.arena);
	}
	coder_release(&c);
}

static void test_random_fields(void **state)
{
	struct coder c;

	(void)state;
	coder_init(&c, false);
	for (int round = 0; round < 20000; round++) {
		char room[80][32];
		const char *argv[80];
		size_t lens[80], n = 2 * (1 + random_below(random_below(10) ? 4 : 40));
		for (size_t i = 0; i < n; i++) {
			struct mq_bytes bytes = random_bytes(room[i]);
			argv[i] = bytes.data ? bytes.data : "absent";
			lens[i] = bytes.data ? bytes.len : 6;
		}
		const struct mq_rd_reply *fields = echo(&c, argv, lens, n);
		struct mq_message message = decode(&c, fields);
		const struct mq_rd_reply *again = encode(&c, &message);
		assert_int_equal(again->n, n);
		for (size_t i = 0; i < n; i++)
			assert_true(mq_bytes_equal(mq_rd_reply_at(again, i)->text,
			                           mq_bytes_of(argv[i], lens[i])));
		mq_rd_decoder_clear(&c.decoder);
		mq_rd_arena_clear(&c.arena);
	}
	coder_release(&c);
}

/* What XINFO says is taken only where it can be right; else entries are counted (-1). */
static void test_lag(void **state)
{
	struct mq_rd_extent extent = {
	    .length = 5, .added = 10, .last = {10, 1}, .first = {6, 1}, .newest = {10, 1}};
	const struct {
		struct mq_rd_id delivered;
		int64_t told, lag;
	} cases[] = {
	    {{10, 1}, -1, 0}, {{10, 1}, 3, 0},  {{99, 0}, -1, 0}, {{7, 1}, 3, 3},  {{7, 1}, -1, -1},
	    {{7, 1}, -4, -1}, {{7, 1}, 6, -1},  {{7, 1}, 5, -1},  {{0, 0}, 10, 5}, {{3, 1}, 7, 5},
	    {{5, 9}, -1, 5},  {{6, 1}, -1, -1}, {{7, 1}, 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(mq_rd_lag(cases[i].delivered, &extent, cases[i].told),
		                 cases[i].lag);
	/* The newest entry was deleted: nothing is behind the one before it. */
	extent.newest = (struct mq_rd_id){9, 1};
	assert_int_equal(mq_rd_lag((struct mq_rd_id){9, 1}, &extent, -1), 0);
	extent = (struct mq_rd_extent){.added = 10, .last = {10, 1}, .first = MQ_RD_ID_MAX};
	assert_int_equal(mq_rd_lag(MQ_RD_ID_MIN, &extent, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_lag),
	    cmocka_unit_test(test_replies_in_pieces),
	    cmocka_unit_test(test_hostile_replies),
	    cmocka_unit_test(test_foreign_fields),
	    cmocka_unit_test(test_fields_with_headers),
	    cmocka_unit_test(test_json_fields),
	    cmocka_unit_test(test_random_messages),
	    cmocka_unit_test(test_random_fields),
	};
	const char *given = getenv("MQTK_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
