/*
 * Reading the envelope: any order of members, kcat's words too (`topic`, `tstype`, a flat array of
 * headers). Members that are not known are passed over, so that lines of a later version or with
 * something added by jq still work; those that are known must be right, and stand there once.
 */
#include "format/json_message.h"
#include "format/json_read.h"
#include "mqtk/carry.h"
#include "mqtk/format.h"

enum member {
	M_STREAM,
	M_PARTITION,
	M_OFFSET,
	M_ID,
	M_TS,
	M_TS_TYPE,
	M_KEY,
	M_KEY_VALUE,
	M_KEY_SCHEMA_ID,
	M_HEADERS,
	M_PAYLOAD,
	M_VALUE,
	M_VALUE_SCHEMA_ID,
	M_MESSAGE_ID,
	M_CORRELATION_ID,
	M_CONTENT_TYPE,
	M_REPLY_TO,
	M_EXPIRY_MS,
	M_PRIORITY,
	M_TYPE,
	M_APP_ID,
	M_USER_ID,
	M_EXCHANGE,
	M_CONTENT_ENCODING,
	M_HEADER_TYPES,
	M_DELIVERY_COUNT,
	M_REDELIVERED,
	M_UNKNOWN,
};

/* In the order of the envelope, kcat's synonyms beside ours: the next member is usually the next
 * row. */
#define NAME(text, member)                                                                         \
	{                                                                                          \
		"\"" text "\":", sizeof(text) + 2, member                                          \
	}
static const struct {
	const char *text; /* "name": */
	size_t len;
	enum member member;
} names[] = {
    NAME("stream", M_STREAM),
    NAME("topic", M_STREAM),
    NAME("partition", M_PARTITION),
    NAME("offset", M_OFFSET),
    NAME("id", M_ID),
    NAME("tstype", M_TS_TYPE),
    NAME("ts", M_TS),
    NAME("ts_type", M_TS_TYPE),
    NAME("key", M_KEY),
    NAME("key_value", M_KEY_VALUE),
    NAME("key_schema_id", M_KEY_SCHEMA_ID),
    NAME("headers", M_HEADERS),
    NAME("payload", M_PAYLOAD),
    NAME("value", M_VALUE),
    NAME("value_schema_id", M_VALUE_SCHEMA_ID),
    NAME("message_id", M_MESSAGE_ID),
    NAME("correlation_id", M_CORRELATION_ID),
    NAME("content_type", M_CONTENT_TYPE),
    NAME("reply_to", M_REPLY_TO),
    NAME("expiry_ms", M_EXPIRY_MS),
    NAME("priority", M_PRIORITY),
    NAME("type", M_TYPE),
    NAME("app_id", M_APP_ID),
    NAME("user_id", M_USER_ID),
    NAME("exchange", M_EXCHANGE),
    NAME("content_encoding", M_CONTENT_ENCODING),
    NAME("header_types", M_HEADER_TYPES),
    NAME("delivery_count", M_DELIVERY_COUNT),
    NAME("redelivered", M_REDELIVERED),
};

#define N_NAMES (sizeof names / sizeof names[0])

static const char bytes_expected[] = "text, {\"base64\":\"…\"} or null";

struct state {
	struct mq_json_reader json;
	struct mq_arena *arena;
	struct mq_message *message;
	struct mq_properties properties;
	bool has_properties;
	bool has_body, has_strange; /* a payload or value; a member that no message has */
	unsigned seen;              /* bits of 1 << enum member */
	size_t row;                 /* of the member at hand in names */
	const char *expected;       /* what it should have been, when that is the problem */
	struct mq_err *err;
};

/* The member at hand is well-formed, but not what it must be. */
static bool wrong(struct state *s, const char *expected)
{
	if (!s->json.problem)
		s->expected = expected;
	return false;
}

/* The row of a name; *next is the one to try first, and is set to the one behind. */
static size_t find_row(struct mq_bytes name, size_t *next)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		size_t row = *next + i < N_NAMES ? *next + i : *next + i - N_NAMES;
		if (names[row].len == name.len + 3 &&
		    memcmp(names[row].text + 1, name.data, name.len) == 0) {
			*next = row + 1;
			return row;
		}
	}
	return N_NAMES;
}

/* How many rows are tried before a name is read as the string that it is: as many as the widest
 * gap in our own envelope, between offset and ts. */
#define NEAR_ROWS 3

/* Takes `"name":`. *ret_row is N_NAMES for a name that is not known. */
static bool take_name(struct state *s, size_t *next, size_t *ret_row)
{
	struct mq_bytes name;

	if (mq_json_peek(&s->json) != '"')
		return mq_json_expect(&s->json, '"', "a member name in quotes is expected");
	size_t left = (size_t)(s->json.end - s->json.p);
	for (size_t row = *next; row < *next + NEAR_ROWS && row < N_NAMES; row++) {
		if (left >= names[row].len &&
		    memcmp(s->json.p, names[row].text, names[row].len) == 0) {
			s->json.p += names[row].len;
			*ret_row = row;
			*next = row + 1;
			return true;
		}
	}
	if (!mq_json_take_string(&s->json, &name) ||
	    !mq_json_expect(&s->json, ':', "':' is expected"))
		return false;
	*ret_row = find_row(name, next);
	return true;
}

/* {"base64":"…"}, decoded where it stands. */
static bool take_base64(struct state *s, struct mq_bytes *ret, const char *expected)
{
	struct mq_bytes name, text;

	s->json.p++;
	if (mq_json_peek(&s->json) != '"')
		return wrong(s, expected);
	if (!mq_json_take_string(&s->json, &name))
		return false;
	if (!mq_bytes_equal(name, mq_bytes_str("base64")))
		return wrong(s, expected);
	if (!mq_json_expect(&s->json, ':', "':' is expected"))
		return false;
	if (mq_json_peek(&s->json) != '"')
		return wrong(s, expected);
	if (!mq_json_take_string(&s->json, &text))
		return false;
	if (mq_json_peek(&s->json) != '}')
		return wrong(s, expected);
	s->json.p++;
	/* The decoded bytes never overtake the digits they come from. */
	struct mq_buf in_place = {.data = (char *)text.data, .cap = text.len, .limit = text.len};
	if (mq_base64_decode(&in_place, text, NULL) < 0)
		return wrong(s, "valid base64 with padding (RFC 4648)");
	*ret = mq_bytes_of(text.data, in_place.len);
	return true;
}

static bool take_bytes(struct state *s, struct mq_bytes *ret, const char *expected)
{
	switch (mq_json_peek(&s->json)) {
	case '"':
		return mq_json_take_string(&s->json, ret);
	case 'n':
		*ret = MQ_ABSENT;
		return mq_json_take_word(&s->json, "null");
	case '{':
		return take_base64(s, ret, expected);
	default:
		return wrong(s, expected);
	}
}

static bool take_property(struct state *s, struct mq_bytes *ret)
{
	s->has_properties = true;
	return take_bytes(s, ret, bytes_expected);
}

/* A whole number within [min, max], or null, which leaves *ret alone. */
static bool take_number(struct state *s, int64_t min, int64_t max, int64_t *ret,
                        const char *expected)
{
	char c = mq_json_peek(&s->json);
	int64_t value;

	if (c == 'n')
		return mq_json_take_word(&s->json, "null");
	if (c != '-' && (c < '0' || c > '9'))
		return wrong(s, expected);
	if (!mq_json_take_integer(&s->json, &value)) {
		/* 1.5 and 1e3 are JSON, and so the wrong kind of value, not a wrong text. */
		s->json.problem = NULL;
		return wrong(s, expected);
	}
	if (value < min || value > max)
		return wrong(s, expected);
	*ret = value;
	return true;
}

static bool take_small_number(struct state *s, int min, int *ret, const char *expected)
{
	int64_t value = *ret;

	if (!take_number(s, min, INT32_MAX, &value, expected))
		return false;
	*ret = (int)value;
	return true;
}

static bool take_ts_type(struct state *s)
{
	static const char expected[] = "\"create\", \"append\" or null";
	struct mq_bytes text;

	if (mq_json_peek(&s->json) == 'n')
		return mq_json_take_word(&s->json, "null");
	if (mq_json_peek(&s->json) != '"')
		return wrong(s, expected);
	if (!mq_json_take_string(&s->json, &text))
		return false;
	if (mq_bytes_equal(text, mq_bytes_str("create")))
		s->message->ts_type = MQ_TS_CREATE;
	else if (mq_bytes_equal(text, mq_bytes_str("append")) ||
	         mq_bytes_equal(text, mq_bytes_str("logappend")))
		s->message->ts_type = MQ_TS_APPEND;
	else if (!mq_bytes_equal(text, mq_bytes_str("unknown")))
		return wrong(s, expected);
	return true;
}

static bool take_redelivered(struct state *s)
{
	char c = mq_json_peek(&s->json);

	if (c == 'n')
		return mq_json_take_word(&s->json, "null");
	if (c != 't' && c != 'f')
		return wrong(s, "true, false or null");
	s->has_properties = true;
	s->properties.redelivered = c == 't';
	return mq_json_take_word(&s->json, c == 't' ? "true" : "false");
}

/* Room for one more behind n: an array of 4, 8, 16 … that is full is copied to one twice the
 * size. */
static struct mq_header *grow_headers(struct state *s, struct mq_header *headers, size_t n)
{
	bool full = n >= 4 && (n & (n - 1)) == 0;

	if (n > 0 && !full)
		return headers;
	size_t cap = n == 0 ? 4 : n * 2;
	struct mq_header *more = mq_arena_take(s->arena, cap * sizeof *more, s->err);
	if (more && n > 0)
		memcpy(more, headers, n * sizeof *more);
	return more;
}

/* name , value — of a pair or of kcat's flat array. */
static bool take_header(struct state *s, struct mq_header *ret, const char *expected)
{
	if (!take_bytes(s, &ret->name, expected))
		return false;
	if (!ret->name.data || mq_json_peek(&s->json) != ',')
		return wrong(s, expected);
	s->json.p++;
	return take_bytes(s, &ret->value, expected);
}

static bool take_headers(struct state *s)
{
	static const char expected[] = "an array of [name, value] pairs, whose values are text, "
	                               "{\"base64\":\"…\"} or null";
	struct mq_header *headers = NULL;
	size_t n = 0;

	if (mq_json_peek(&s->json) == 'n')
		return mq_json_take_word(&s->json, "null");
	if (mq_json_peek(&s->json) != '[')
		return wrong(s, expected);
	s->json.p++;
	char c = mq_json_peek(&s->json);
	if (c == ']') {
		s->json.p++;
		return true;
	}
	bool pairs = c == '[';
	do {
		headers = grow_headers(s, headers, n);
		if (!headers)
			return false;
		if (pairs) {
			if (mq_json_peek(&s->json) != '[')
				return wrong(s, expected);
			s->json.p++;
		}
		if (!take_header(s, &headers[n++], expected))
			return false;
		if (pairs) {
			if (mq_json_peek(&s->json) != ']')
				return wrong(s, expected);
			s->json.p++;
		}
		c = mq_json_peek(&s->json);
		s->json.p += c == ',';
	} while (c == ',');
	if (c != ']')
		return wrong(s, expected);
	s->json.p++;
	s->message->headers = headers;
	s->message->n_headers = n;
	return true;
}

static bool take_member(struct state *s, enum member member)
{
	struct mq_message *m = s->message;
	struct mq_properties *p = &s->properties;
	struct mq_bytes ignored;
	int small = 0;

	switch (member) {
	case M_STREAM: /* where the message came from; where it goes is the caller's choice */
		return take_bytes(s, &m->stream, bytes_expected);
	case M_PARTITION:
		small = m->partition;
		if (!take_small_number(s, -1, &small, "a whole number from 0, or null"))
			return false;
		m->partition = small;
		return true;
	case M_OFFSET:
		return take_number(s, -1, INT64_MAX, &m->offset, "a whole number from 0, or null");
	case M_ID:
		return take_bytes(s, &m->id, bytes_expected);
	case M_TS:
		return take_number(s, INT64_MIN + 1, INT64_MAX, &m->ts_ms,
		                   "a whole number of milliseconds, or null");
	case M_TS_TYPE:
		return take_ts_type(s);
	case M_KEY:
		return take_bytes(s, &m->key, bytes_expected);
	case M_KEY_VALUE:
		return mq_json_take_any(&s->json, &m->key);
	case M_KEY_SCHEMA_ID: /* where it came from; what it is sent with is the caller's choice */
	case M_VALUE_SCHEMA_ID:
		return take_small_number(s, 0, &small, "a whole number from 0, or null");
	case M_HEADERS:
		return take_headers(s);
	case M_PAYLOAD:
		return take_bytes(
		    s, &m->payload,
		    "text, {\"base64\":\"…\"} or null (other JSON goes into 'value')");
	case M_VALUE:
		return mq_json_take_any(&s->json, &m->payload);
	case M_MESSAGE_ID:
		return take_property(s, &p->message_id);
	case M_CORRELATION_ID:
		return take_property(s, &p->correlation_id);
	case M_CONTENT_TYPE:
		return take_property(s, &p->content_type);
	case M_REPLY_TO:
		return take_property(s, &p->reply_to);
	case M_TYPE:
		return take_property(s, &p->type);
	case M_APP_ID:
		return take_property(s, &p->app_id);
	case M_USER_ID:
		return take_property(s, &p->user_id);
	case M_EXCHANGE:
		return take_property(s, &p->exchange);
	case M_CONTENT_ENCODING:
		return take_property(s, &p->content_encoding);
	case M_HEADER_TYPES:
		return take_property(s, &p->header_types);
	case M_EXPIRY_MS:
		s->has_properties = true;
		return take_number(s, 0, INT64_MAX, &p->expiry_ms,
		                   "a whole number of milliseconds from 0, or null");
	case M_DELIVERY_COUNT:
		s->has_properties = true;
		return take_number(s, 0, INT64_MAX, &p->delivery_count,
		                   "a whole number from 0, or null");
	case M_PRIORITY:
		s->has_properties = true;
		return take_small_number(s, 0, &p->priority, "a whole number from 0, or null");
	case M_REDELIVERED:
		return take_redelivered(s);
	case M_UNKNOWN:
		break;
	}
	return mq_json_take_any(&s->json, &ignored);
}

static bool take_members(struct state *s)
{
	size_t next = 0;

	if (!mq_json_expect(&s->json, '{', "a JSON object is expected"))
		return false;
	if (mq_json_peek(&s->json) == '}') {
		s->json.p++;
		return true;
	}
	for (;;) {
		size_t row = N_NAMES;

		if (!take_name(s, &next, &row))
			return false;
		enum member member = row < N_NAMES ? names[row].member : M_UNKNOWN;
		s->has_strange = s->has_strange || member == M_UNKNOWN;
		if (member != M_UNKNOWN) {
			s->row = row;
			if (s->seen & 1u << member)
				return wrong(s, "there only once");
			s->seen |= 1u << member;
			s->has_body = s->has_body || member == M_PAYLOAD || member == M_VALUE;
			if ((s->seen & 1u << M_PAYLOAD) && (s->seen & 1u << M_VALUE))
				return wrong(s, "alone: 'payload' and 'value' exclude each other");
			if ((s->seen & 1u << M_KEY) && (s->seen & 1u << M_KEY_VALUE))
				return wrong(s, "alone: 'key' and 'key_value' exclude each other");
		}
		if (!take_member(s, member))
			return false;
		char c = mq_json_peek(&s->json);
		if (c == ',') {
			s->json.p++;
			continue;
		}
		return mq_json_expect(&s->json, '}', "',' or '}' is expected");
	}
}

/* Turns what went wrong into words. */
static int report(const struct state *s)
{
	if (s->expected)
		return mq_fail(s->err, MQ_DATA, "'%.*s' must be %s", (int)names[s->row].len - 3,
		               names[s->row].text + 1, s->expected);
	if (!s->json.problem) /* no memory: said already */
		return -1;
	mq_fail(s->err, MQ_DATA, "column %zu: %s", (size_t)(s->json.p - s->json.base) + 1,
	        s->json.problem);
	if (s->json.p == s->json.end)
		mq_hint(s->err, "-J reads one object a line; `jq -c .` puts each on one line");
	return -1;
}

/* The bits of enum mq_carry_member for what was seen. */
static unsigned carried_members(const struct state *s)
{
	unsigned members = s->has_properties ? MQ_CARRY_PROPERTIES : 0;

	if (s->seen & (1u << M_KEY | 1u << M_KEY_VALUE))
		members |= MQ_CARRY_KEY;
	if (s->seen & 1u << M_HEADERS)
		members |= MQ_CARRY_HEADERS;
	if (s->seen & 1u << M_TS)
		members |= MQ_CARRY_TIME;
	if (s->seen & 1u << M_PAYLOAD)
		members |= MQ_CARRY_PAYLOAD;
	return members;
}

int mq_json_message_part(char *text, size_t len, struct mq_arena *arena,
                         struct mq_message *ret_message, unsigned *ret_members, struct mq_err *err)
{
	struct state s = {
	    .arena = arena, .message = ret_message, .properties = MQ_PROPERTIES_INIT, .err = err};

	*ret_message = (struct mq_message)MQ_MESSAGE_INIT;
	/* Some editors put a byte order mark before a file; RFC 8259, section 8.1, lets it be
	 * ignored. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	mq_json_reader_init(&s.json, text, len);
	if (!take_members(&s))
		return report(&s);
	mq_json_peek(&s.json);
	if (s.json.p != s.json.end) {
		s.json.problem = "something behind the object";
		return report(&s);
	}
	/* Somebody's own object, such as an order: as a message it would be null. */
	if (s.has_strange && !s.has_body) {
		mq_fail(err, MQ_DATA,
		        "this object is no message: it has neither 'payload' nor 'value'");
		return mq_hint(err, "without -J each line is sent as it stands");
	}
	if (s.has_properties) {
		struct mq_properties *p = mq_arena_take(arena, sizeof *p, err);
		if (!p)
			return -1;
		*p = s.properties;
		ret_message->properties = p;
	}
	*ret_members = carried_members(&s);
	return 0;
}

int mq_json_message(char *text, size_t len, struct mq_arena *arena, struct mq_message *ret_message,
                    struct mq_err *err)
{
	unsigned members;

	return mq_json_message_part(text, len, arena, ret_message, &members, err);
}
