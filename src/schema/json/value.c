/* Parsing and walking: see value.h. */
#include "schema/json/value.h"

#include "format/json_read.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	FIRST_VALUES = 256,
	FEW_MEMBERS = 16, /* so many keys are compared each with each */
};
#define TEXT_MAX ((size_t)1 << 30)

void js_doc_init(struct js_doc *doc)
{
	*doc = (struct js_doc){0};
}

void js_doc_release(struct js_doc *doc)
{
	free(doc->values);
	free(doc->open);
	free(doc->seen);
	*doc = (struct js_doc){0};
}

uint16_t js_hash(const char *text, size_t len)
{
	uint64_t first = 0, last = 0, x;

	if (len >= 8) {
		memcpy(&first, text, 8);
		memcpy(&last, text + len - 8, 8);
	} else if (len >= 4) {
		memcpy(&first, text, 4);
		memcpy(&last, text + len - 4, 4);
	} else {
		for (size_t i = 0; i < len; i++)
			first = first << 8 | (unsigned char)text[i];
	}
	x = (first ^ (last << 17 | last >> 47)) * 0x9e3779b97f4a7c15u;
	return (uint16_t)(x >> 48);
}

/* --- parsing ---------------------------------------------------------------------------------- */

static int grow(struct js_doc *doc, struct mq_err *err)
{
	size_t cap = doc->cap ? doc->cap * 2 : FIRST_VALUES;
	struct js_value *values = realloc(doc->values, cap * sizeof *values);

	if (!values)
		return mq_fail_memory(err);
	doc->values = values;
	doc->cap = cap;
	if (!doc->open && !(doc->open = malloc(MQ_JSON_DEPTH * sizeof *doc->open)))
		return mq_fail_memory(err);
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char *digits(char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* The number at the reader's place. */
static bool take_number(struct mq_json_reader *reader, struct js_value *value)
{
	char *p = reader->p, *begin = p, *first;
	const char *end = reader->end;
	bool plain = true;

	if (*p == '-')
		p++;
	first = p;
	p = digits(p, end);
	if (p == first || (*first == '0' && p - first > 1))
		goto bad;
	plain = p - first <= 18;
	if (p < end && *p == '.') {
		first = ++p;
		p = digits(p, end);
		if (p == first)
			goto bad;
		plain = false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		first = p;
		p = digits(p, end);
		if (p == first)
			goto bad;
		plain = false;
	}
	*value = (struct js_value){.type = JS_NUMBER,
	                           .flags = plain ? JS_PLAIN : 0,
	                           .len = (uint32_t)(p - begin),
	                           .at.text = begin};
	reader->p = p;
	return true;
bad:
	reader->problem = "no number";
	return false;
}

#define HIGH_BITS 0x8080808080808080u

static bool is_ascii(const char *text, size_t len)
{
	uint64_t high = 0, word;

	for (; len >= sizeof word; text += sizeof word, len -= sizeof word) {
		memcpy(&word, text, sizeof word);
		high |= word;
	}
	for (; len > 0; text++, len--)
		high |= (unsigned char)*text;
	return (high & HIGH_BITS) == 0;
}

/* Most strings are short and plain: ASCII without escapes. Takes such a one, or nothing. */
static bool take_plain(struct mq_json_reader *reader, struct js_value *value)
{
#ifdef __SSE2__
	const char *start = reader->p + 1, *p = start;

	for (; reader->end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
		                            _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		/* As signed bytes, what is not ASCII is below the space like control characters. */
		stop = _mm_or_si128(stop, _mm_cmplt_epi8(x, _mm_set1_epi8(' ')));
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask == 0)
			continue;
		p += __builtin_ctz(mask);
		if (*p != '"')
			return false;
		size_t len = (size_t)(p - start);
		*value = (struct js_value){.type = JS_STRING,
		                           .flags = JS_ASCII,
		                           .hash = js_hash(start, len),
		                           .len = (uint32_t)len,
		                           .at.text = start};
		reader->p += len + 2;
		return true;
	}
#endif
	(void)reader, (void)value;
	return false;
}

static bool take_string(struct mq_json_reader *reader, struct js_value *value)
{
	struct mq_bytes bytes;

	if (take_plain(reader, value))
		return true;
	if (!mq_json_take_string(reader, &bytes))
		return false;
	*value = (struct js_value){.type = JS_STRING,
	                           .flags = is_ascii(bytes.data, bytes.len) ? JS_ASCII : 0,
	                           .hash = js_hash(bytes.data, bytes.len),
	                           .len = (uint32_t)bytes.len,
	                           .at.text = bytes.data};
	return true;
}

static bool take_scalar(struct mq_json_reader *reader, char c, struct js_value *value)
{
	static const struct {
		const char *word;
		enum js_type type;
	} words[] = {{"null", JS_NULL}, {"false", JS_FALSE}, {"true", JS_TRUE}};

	if (c == '"')
		return take_string(reader, value);
	if (c == '-' || is_digit(c))
		return take_number(reader, value);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (c == words[i].word[0]) {
			*value = (struct js_value){.type = (uint8_t)words[i].type};
			return mq_json_take_word(reader, words[i].word);
		}
	reader->problem = reader->p < reader->end ? "no JSON value" : "the text ends too early";
	return false;
}

static bool same_key(const struct js_value *a, const struct js_value *b)
{
	return js_tag(a) == js_tag(b) && js_same_bytes(a->at.text, b->at.text, a->len);
}

/* Many keys: each is looked up among those before it. Returns the one that stands twice, 0, or
 * -1. */
static int64_t duplicate_of_many(struct js_doc *doc, uint32_t object, struct mq_err *err)
{
	size_t cap = 64;

	while (cap < 2 * (size_t)doc->values[object].len)
		cap *= 2;
	if (cap > doc->cap_seen) {
		uint32_t *seen = realloc(doc->seen, cap * sizeof *seen);
		if (!seen)
			return mq_fail_memory(err);
		doc->seen = seen;
		doc->cap_seen = cap;
	}
	memset(doc->seen, 0, cap * sizeof *doc->seen);
	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1)) {
		const struct js_value *value = &doc->values[key];
		uint64_t hash = 1469598103934665603u;
		for (uint32_t i = 0; i < value->len; i++)
			hash = (hash ^ (unsigned char)value->at.text[i]) * 1099511628211u;
		size_t place = (hash ^ hash >> 32) & (cap - 1);
		for (; doc->seen[place]; place = (place + 1) & (cap - 1))
			if (same_key(value, &doc->values[doc->seen[place]]))
				return key;
		doc->seen[place] = key;
	}
	return 0;
}

static int64_t duplicate_key(struct js_doc *doc, uint32_t object, struct mq_err *err)
{
	uint32_t keys[FEW_MEMBERS], n = 0;

	if (doc->values[object].len > FEW_MEMBERS)
		return duplicate_of_many(doc, object, err);
	for (uint32_t key = object + 1; key < doc->values[object].at.end;
	     key = js_next(doc, key + 1)) {
		for (uint32_t i = 0; i < n; i++)
			if (same_key(&doc->values[key], &doc->values[keys[i]]))
				return key;
		keys[n++] = key;
	}
	return 0;
}

/* The key of a member and its colon. */
static bool take_key(struct js_doc *doc, struct mq_json_reader *reader)
{
	if (mq_json_peek(reader) != '"') {
		reader->problem = "a member's name is missing";
		return false;
	}
	return take_string(reader, &doc->values[doc->n++]) &&
	       mq_json_expect(reader, ':', "a ':' is missing");
}

/* Closes what ends here: the index of a key that stands twice, 0, or -1. */
static int64_t close_container(struct js_doc *doc, uint32_t i, struct mq_err *err)
{
	doc->values[i].at.end = (uint32_t)doc->n;
	return doc->values[i].type == JS_OBJECT ? duplicate_key(doc, i, err) : 0;
}

/* Behind a value: closes all that end here. Returns 1 when another value follows, 0 when the
 * outermost is closed or something is wrong (then reader->problem is set), -1 without memory. */
static int behind(struct js_doc *doc, struct mq_json_reader *reader, size_t *depth,
                  struct js_problem *problem, struct mq_err *err)
{
	while (*depth > 0) {
		uint32_t i = doc->open[*depth - 1];
		char close = doc->values[i].type == JS_OBJECT ? '}' : ']';
		char c = mq_json_peek(reader);

		if (c == ',') {
			reader->p++;
			return close == ']' || take_key(doc, reader);
		}
		if (c != close) {
			reader->problem =
			    close == '}' ? "a ',' or '}' is missing" : "a ',' or ']' is missing";
			return 0;
		}
		reader->p++;
		int64_t twice = close_container(doc, i, err);
		if (twice < 0)
			return -1;
		if (twice > 0) {
			problem->duplicate = (uint32_t)twice;
			reader->problem = "a member's name stands twice";
			return 0;
		}
		--*depth;
	}
	return 0;
}

static bool begin_container(struct js_doc *doc, struct mq_json_reader *reader, char c,
                            size_t *depth)
{
	if (*depth == MQ_JSON_DEPTH) {
		reader->problem = "nested too deeply";
		return false;
	}
	reader->p++;
	doc->open[(*depth)++] = (uint32_t)doc->n;
	doc->values[doc->n++] =
	    (struct js_value){.type = c == '{' ? JS_OBJECT : JS_ARRAY, .at.end = 0};
	return true;
}

/* Takes the values one by one. Returns 1 when the text was one value; 0 or -1 as js_parse. */
static int take_values(struct js_doc *doc, struct mq_json_reader *reader,
                       struct js_problem *problem, struct mq_err *err)
{
	size_t depth = 0;

	for (;;) {
		/* Room for a value, and a key behind it. */
		if (doc->n + 2 > doc->cap && grow(doc, err) < 0)
			return -1;
		char c = mq_json_peek(reader);
		if (depth > 0)
			doc->values[doc->open[depth - 1]].len++;
		if (c == '{' || c == '[') {
			if (!begin_container(doc, reader, c, &depth))
				return 0;
			if (mq_json_peek(reader) != (c == '{' ? '}' : ']')) {
				if (c == '{' && !take_key(doc, reader))
					return 0;
				continue;
			}
		} else if (!take_scalar(reader, c, &doc->values[doc->n++])) {
			return 0;
		}
		int more = behind(doc, reader, &depth, problem, err);
		if (more < 0 || reader->problem)
			return more < 0 ? -1 : 0;
		if (!more)
			break;
	}
	mq_json_skip_space(reader);
	if (reader->p < reader->end)
		reader->problem = "something stands behind the value";
	return !reader->problem;
}

/* What stands before a text that another system has written; NULL: nothing of that kind. */
static const char *foreign_encoding(const char *text, size_t len)
{
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark (BOM) stands before the JSON text";
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return "this is UTF-16, and JSON text is UTF-8";
	return NULL;
}

int js_parse(struct js_doc *doc, char *text, size_t len, struct js_problem *problem,
             struct mq_err *err)
{
	struct mq_json_reader reader;

	*problem = (struct js_problem){0};
	doc->n = 0;
	if (len > TEXT_MAX)
		return mq_fail(err, MQ_DATA, "a JSON text of %zu bytes; at most %zu are read", len,
		               TEXT_MAX);
	mq_json_reader_init(&reader, text, len);
	int result = take_values(doc, &reader, problem, err);
	if (result == 0) {
		problem->offset = (size_t)(reader.p - text);
		problem->words = problem->offset == 0 ? foreign_encoding(text, len) : NULL;
		problem->words = problem->words ? problem->words : reader.problem;
	}
	return result;
}

/* --- walking ---------------------------------------------------------------------------------- */

bool js_is(const struct js_doc *doc, uint32_t i, const char *text)
{
	const struct js_value *value = &doc->values[i];

	return value->type == JS_STRING && value->len == strlen(text) &&
	       memcmp(value->at.text, text, value->len) == 0;
}

uint32_t js_member_bytes(const struct js_doc *doc, uint32_t object, struct mq_bytes key)
{
	if (doc->values[object].type != JS_OBJECT)
		return 0;
	for (uint32_t i = object + 1; i < doc->values[object].at.end; i = js_next(doc, i + 1))
		if (doc->values[i].len == key.len &&
		    memcmp(doc->values[i].at.text, key.data, key.len) == 0)
			return i + 1;
	return 0;
}

uint32_t js_member(const struct js_doc *doc, uint32_t object, const char *key)
{
	return js_member_bytes(doc, object, mq_bytes_str(key));
}

size_t js_characters(const struct js_value *string)
{
	size_t n = 0;

	if (string->flags & JS_ASCII)
		return string->len;
	for (uint32_t i = 0; i < string->len; i++)
		n += ((unsigned char)string->at.text[i] & 0xc0) != 0x80;
	return n;
}
