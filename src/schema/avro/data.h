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

/* Values within values, deeper ones are refused. */
#define AV_DEPTH 512

/* Where data is read. */
struct av_input {
	const unsigned char *p, *end;
	unsigned depth;
};

/*
 * Appends one value as JSON. Returns 0, or -1: the bytes are no value of the schema (MQ_DATA: what
 * is wrong, at which byte), or buf's limit is reached (MQ_DATA).
 */
int av_decode(const struct av_schema *schema, struct av_input *input, unsigned how,
              struct mq_buf *buf, struct mq_err *err);
/* As av_decode, of bytes that have to be one value and nothing else. */
int av_decode_all(const struct av_schema *schema, struct mq_bytes bytes, unsigned how,
                  struct mq_buf *buf, struct mq_err *err);

/* Appends the encoding of JSON value `value` of doc. MQ_DATA when it is none of the schema: what
 * does not fit, and where. */
int av_encode(const struct av_schema *schema, const struct js_doc *doc, uint32_t value,
              struct mq_buf *buf, struct mq_err *err);

/* --- for the files of this folder ------------------------------------------------------------- */

int av_fail(const struct av_input *input, struct mq_err *err, const char *words);
int av_take_long(struct av_input *input, int64_t *ret, struct mq_err *err);
int av_take_int(struct av_input *input, int64_t *ret, struct mq_err *err);
int av_take_bytes(struct av_input *input, struct mq_bytes *ret, struct mq_err *err);
int av_take_exact(struct av_input *input, size_t n, struct mq_bytes *ret, struct mq_err *err);
/* The number of items in the next block of an array or map; 0 at its end. */
int av_take_count(struct av_input *input, int64_t *ret, struct mq_err *err);

/* Scalars of any type but unions and containers. */
int av_decode_scalar(const struct av_schema *schema, const struct av_node *node,
                     struct av_input *input, unsigned how, struct mq_buf *buf, struct mq_err *err);
int av_put_double(double value, bool single, struct mq_buf *buf, struct mq_err *err);
int av_put_string(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err);
/* Appends a value of a logical type as text: 1, or 0 when the value is none of it. */
int av_put_logical(const struct av_node *node, int64_t number, struct mq_bytes bytes,
                   struct mq_buf *buf, struct mq_err *err);
int av_put_label(const char *before, struct mq_bytes name, struct mq_buf *buf, struct mq_err *err);

#endif
