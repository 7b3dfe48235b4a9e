/*
 * A JSON text as a flat array of values, for validation: parsed in one pass, walked by index,
 * with nothing allocated for each value.
 *
 * The values stand in the order of the text. Behind an array stand its items, behind an object its
 * members, each a key (a JS_STRING) and then its value; so the value behind i is js_next(doc, i).
 * Numbers keep their text (mq_json never rounds them: number.h compares them exactly); strings are
 * unescaped where they stood.
 */
#ifndef SCHEMA_JSON_VALUE_H
#define SCHEMA_JSON_VALUE_H

#include "mqtk/bytes.h"

enum js_type {
	JS_NULL,
	JS_FALSE,
	JS_TRUE,
	JS_NUMBER,
	JS_STRING,
	JS_ARRAY,
	JS_OBJECT,
};

enum js_flag {
	JS_ASCII = 1, /* a string without bytes above 0x7f: as many characters as bytes */
	JS_PLAIN = 2, /* a number of at most 18 digits without fraction and exponent */
};

struct js_value {
	uint8_t type;  /* enum js_type */
	uint8_t flags; /* enum js_flag */
	uint16_t hash; /* of a string */
	uint32_t len;  /* bytes of a string or number; items of an array, members of an object */
	union {
		const char *text;
		uint32_t end; /* of a container: the index behind its last value */
	} at;
};

struct js_doc {
	struct js_value *values;
	size_t n, cap;
	uint32_t *open; /* containers that are not closed yet, while parsing */
	uint32_t *seen; /* for many members: a table of keys, while parsing */
	size_t cap_seen;
};

void js_doc_init(struct js_doc *doc);
void js_doc_release(struct js_doc *doc);

/* What is wrong with a text. */
struct js_problem {
	size_t offset;      /* bytes from the begin of the text */
	const char *words;  /* NULL: nothing */
	uint32_t duplicate; /* of a key that stands twice in its object: its index, else 0 */
};

/*
 * Parses text, which is written to and has to live as long as the values are looked at. The
 * values of an earlier parse are forgotten; the memory is used again.
 *
 * Returns 1; 0 when it is no JSON (RFC 8259), nests deeper than MQ_JSON_DEPTH or an object has a
 * key twice (problem says which and where); -1 when there is no memory or the text is larger than
 * 1 GiB (MQ_DATA).
 */
int js_parse(struct js_doc *doc, char *text, size_t len, struct js_problem *problem,
             struct mq_err *err);

/* The index behind value i and everything in it. */
static inline uint32_t js_next(const struct js_doc *doc, uint32_t i)
{
	return doc->values[i].type >= JS_ARRAY ? doc->values[i].at.end : i + 1;
}

static inline struct mq_bytes js_text(const struct js_doc *doc, uint32_t i)
{
	return mq_bytes_of(doc->values[i].at.text, doc->values[i].len);
}

/* True when i is a string of this text. */
bool js_is(const struct js_doc *doc, uint32_t i, const char *text);
/* The value of an object's member, or 0 (which is never a member's value). */
uint32_t js_member(const struct js_doc *doc, uint32_t object, const char *key);
uint32_t js_member_bytes(const struct js_doc *doc, uint32_t object, struct mq_bytes key);

uint16_t js_hash(const char *text, size_t len);

/* Type, flags apart, length and hash of a string in one word: keys of different words differ. */
static inline uint64_t js_tag(const struct js_value *key)
{
	return (uint64_t)key->hash << 32 | key->len;
}

/* memcmp() == 0, without its call: most names are short. */
static inline bool js_same_bytes(const char *a, const char *b, size_t len)
{
	uint64_t x, y;
	uint32_t u, v;

	if (len < 4) {
		for (size_t i = 0; i < len; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	if (len < 8) {
		memcpy(&u, a, 4);
		memcpy(&v, b, 4);
		if (u != v)
			return false;
		memcpy(&u, a + len - 4, 4);
		memcpy(&v, b + len - 4, 4);
		return u == v;
	}
	for (size_t i = 0; i + 8 < len; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	memcpy(&x, a + len - 8, 8);
	memcpy(&y, b + len - 8, 8);
	return x == y;
}

/* Number of characters (code points) of string i. */
size_t js_characters(const struct js_value *string);

/* Appends the RFC 6901 pointer of value i: "" for the whole text. */
int js_pointer(const struct js_doc *doc, uint32_t i, struct mq_buf *buf, struct mq_err *err);
/* The same for many values, one after the other: where the last one stood far from the begin of its
 * container, the search goes on from there. near begins as {0}. */
struct js_near {
	uint32_t container, child;
	uint64_t place; /* the child's */
};
int js_pointer_near(const struct js_doc *doc, uint32_t i, struct js_near *near, struct mq_buf *buf,
                    struct mq_err *err);
/* The value of an object's member, or 0. */
typedef uint32_t js_member_fn(void *arg, uint32_t object, struct mq_bytes key);
/* Follows a pointer that has been percent-decoded, from a value on. Returns the index, or -1: there
 * is none. */
int64_t js_follow(const struct js_doc *doc, uint32_t from, struct mq_bytes pointer,
                  js_member_fn *member, void *arg);

/* Appends value i as JSON text, without white space; at most so many bytes, then "…". 0: all. */
int js_write(const struct js_doc *doc, uint32_t i, size_t most, struct mq_buf *buf,
             struct mq_err *err);

#endif
