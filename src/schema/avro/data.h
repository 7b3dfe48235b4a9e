/*
 * Avro's binary encoding and JSON: bytes into text along a schema, and text into bytes.
 *
 * The JSON is that of the specification ("JSON Encoding"): a union's value is null or an object
 * with one member, the branch's name; bytes and fixed are strings whose characters U+0000 to U+00FF
 * are the bytes. What JSON has no number for is a string: "NaN", "Infinity", "-Infinity". Bytes are
 * trusted with nothing: depth, lengths and counts are checked against what is there.
 */
#ifndef SCHEMA_AVRO_DATA_H
#define SCHEMA_AVRO_DATA_H

#include "schema/avro/schema.h"

enum av_json {
	AV_JSON_LOGICAL = 1, /* dates, times, decimals, uuids as text instead of their numbers */
	AV_JSON_BARE = 2,    /* a union's value without the name of its branch */
};

enum {
	AV_DEPTH = 512, /* values within values, deeper ones are refused */
	/* Values of one datum that take no bytes (nulls …), or are defaults: a few bytes could
	 * stand for any number of them. */
	AV_FREE_MAX = 1 << 20,
	AV_DECIMAL_BYTES = 128, /* decimals of more stay bytes */
};

/* What is wrong with a datum, or with the JSON text of one. */
struct av_problem {
	const char *keyword; /* "int", "union", "required", "utf-8", "data" …; NULL: nothing */
	const char *words;
	size_t offset;      /* in data: the byte, from 0 */
	char path[256];     /* in data: "/field/3/key", cut at its front */
	uint32_t value;     /* in JSON: the value's index in its document */
	bool in_default;    /* in JSON: and that document is the schema */
	const char *hint;   /* in JSON: how to write it instead, or NULL */
	struct mq_bytes of; /* the name of the field or type that words are about, or absent */
};

/* Where data is read. */
struct av_input {
	const unsigned char *begin, *p, *end;
	unsigned depth;
	uint32_t free; /* values so far that took no bytes */
	struct av_problem *problem;
};

/*
 * Appends one value of a node of the schema as JSON. Returns 0, or -1: the bytes are no value of
 * the schema (problem is filled, and err is not), or buf's limit is reached (err: MQ_DATA).
 */
int av_decode(const struct av_schema *schema, uint32_t node, struct av_input *input, unsigned how,
              struct mq_buf *buf, struct mq_err *err);
/* As av_decode, of bytes that have to be one value and nothing else; err is filled always. */
int av_decode_all(const struct av_schema *schema, struct mq_bytes bytes, unsigned how,
                  struct mq_buf *buf, struct av_problem *problem, struct mq_err *err);
/* Goes over one value. As av_decode; whether strings are UTF-8 is not looked at. */
int av_skip(const struct av_schema *schema, uint32_t node, struct av_input *input);

/*
 * Appends the encoding of JSON value `value` of doc, which may be in any form that av_decode gives:
 * logical types as text or as their numbers; a union's value with its branch's name, or bare, and
 * then it is of the first branch that it fits without becoming another number, or else of the
 * first that it fits. What can be read both ways has its branch's name.
 * MQ_DATA when it is none of the schema: what does not fit, and where; problem is filled then.
 */
int av_encode(const struct av_schema *schema, const struct js_doc *doc, uint32_t value,
              struct mq_buf *buf, struct av_problem *problem, struct mq_err *err);

/* As av_encode, of a field's default; *free is counted up by the defaults that it takes. */
int av_encode_default(const struct av_schema *schema, const struct av_field *field, uint32_t *free,
                      struct mq_buf *buf, struct av_problem *problem, struct mq_err *err);

/* Makes an error of a problem with data, if it is one. Returns -1. */
int av_report(const struct av_problem *problem, struct mq_err *err);

/* --- for the files of this folder ------------------------------------------------------------- */

int av_fail(struct av_input *input, const char *keyword, const char *words);
/* Puts a step before the path of a problem, while it is on its way up. Returns -1. */
int av_under(struct av_input *input, struct mq_bytes step);
int av_under_item(struct av_input *input, uint64_t number);
int av_take_long(struct av_input *input, int64_t *ret);
int av_take_int(struct av_input *input, int64_t *ret);
int av_take_bytes(struct av_input *input, struct mq_bytes *ret);
int av_take_exact(struct av_input *input, size_t n, struct mq_bytes *ret);
/* A boolean's byte, a symbol's or a branch's number. */
int av_take_boolean(struct av_input *input, bool *ret);
int av_take_choice(struct av_input *input, const struct av_node *node, uint32_t *ret);
/* The number of items in the next block of an array or map; 0 at its end. */
int av_take_count(struct av_input *input, bool items_are_free, int64_t *ret);
/* Counts values that take no bytes. */
int av_count_free(struct av_input *input, uint64_t n);

/* Scalars of any type but unions and containers. */
int av_decode_scalar(const struct av_schema *schema, const struct av_node *node,
                     struct av_input *input, unsigned how, struct mq_buf *buf, struct mq_err *err);
/* The key of a map's entry and its colon. */
int av_decode_key(struct av_input *input, struct mq_bytes *ret_key, struct mq_buf *buf,
                  struct mq_err *err);
int av_put_double(double value, bool single, struct mq_buf *buf, struct mq_err *err);
int av_put_string(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err);
/* Appends a value of a logical type as text: 1, or 0 when the value is none of it. */
int av_put_logical(const struct av_node *node, int64_t number, struct mq_bytes bytes,
                   struct mq_buf *buf, struct mq_err *err);
/* Whether a decimal of so many bytes can have its precision's digits. */
bool av_decimal_holds(const struct av_node *node, struct mq_bytes bytes);
/* The way back. A decimal's bytes are in two's complement, at most AV_DECIMAL_BYTES of them and
 * as few as can be, but all of a fixed. All return false when the text is
 * none of the type. */
bool av_number_of_text(const struct av_node *node, struct mq_bytes text, int64_t *ret);
bool av_decimal_of_number(const struct av_node *node, const struct js_value *number,
                          unsigned char *ret, size_t *ret_len);
bool av_uuid_of_text(struct mq_bytes text, unsigned char ret[static 16]);
int av_put_label(const char *before, struct mq_bytes name, struct mq_buf *buf, struct mq_err *err);

#endif
