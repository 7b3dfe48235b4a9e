/*
 * Protobuf's bytes into JSON and back, along the tables of model.h.
 *
 * The JSON is that of "ProtoJSON" (protobuf.dev/programming-guides/json), in one line: fields in
 * the order of their numbers with names in lowerCamelCase, what was not set is not there, 64-bit
 * numbers are strings, bytes are base64, enums are names, the well-known types have forms of their
 * own; extensions are "[full.name]". Beyond it, entries of maps are sorted by key, so that equal
 * messages are equal texts, and an Any whose type is not known is its type and its bytes in base64.
 *
 * Fields that the schema does not have cannot be shown in JSON: decoding passes over them, checking
 * tells them. A field whose bytes are of another type than the schema's is an error, although
 * parsers pass over it: the data was written by another schema. Closed enums (proto2) keep
 * numbers that they have no name for.
 */
#ifndef SCHEMA_PROTOBUF_DATA_H
#define SCHEMA_PROTOBUF_DATA_H

#include "mqtk/schema.h"
#include "schema/json/value.h"
#include "schema/protobuf/model.h"

/* Where in a message something stands: of the frames that are open. */
struct pb_place {
	const struct pb_place *up; /* NULL: the message itself */
	const struct pb_field *field;
	size_t key_at, key_len; /* of a map's entry, in what was written; 0 bytes: none */
	int64_t index;          /* of a repeated field, or -1 */
};

/* One field as it stood in the bytes. */
struct pb_record {
	struct mq_bytes bytes;
	uint64_t value;
	const unsigned char *at;
	uint32_t field, order; /* the field's place in its message's table */
	uint8_t wire;
};

/* Memory that one decoding after the other uses. init by zero. */
struct pb_decoder {
	struct pb_record *records;
	size_t n, cap;
	uint32_t *marks;
	size_t cap_marks;
	struct mq_buf path, words;
	/* of the payload at hand */
	const struct pb_model *model;
	struct mq_buf *buf;
	struct mq_err *err;
	struct mq_bytes payload;
	const struct pb_place *place;
	unsigned depth;
	bool checking, invalid, stop;
	mq_violation_fn *tell;
	void *ctx;
};

void pb_decoder_init(struct pb_decoder *d);
void pb_decoder_release(struct pb_decoder *d);

/* Appends a payload as JSON. MQ_DATA names field and byte. */
int pb_decode(struct pb_decoder *d, const struct pb_model *model, const struct pb_message *type,
              struct mq_bytes payload, struct mq_buf *buf, struct mq_err *err);

/* Tells what is wrong: "data" (bytes that are none of it), "utf-8", "required", "unknown", "enum",
 * "range" (of a well-known type). 1, 0 or -1 as mq_schema_check_data; scratch is written to. */
int pb_check(struct pb_decoder *d, const struct pb_model *model, const struct pb_message *type,
             struct mq_bytes payload, mq_violation_fn *tell, void *ctx, struct mq_buf *scratch,
             struct mq_err *err);

/* Memory that one encoding after the other uses. init by zero, with buffers of their limit. */
struct pb_encoder {
	const struct pb_model *model;
	const struct js_doc *doc;
	struct mq_buf *buf;
	struct mq_err *err;
	uint32_t *slots; /* pairs: field, value */
	size_t n, cap;
	struct mq_buf scratch;
	const char *rule; /* of what failed: "type", "range", "required", "unknown" … */
	uint32_t failed;  /* the value that failed */
	unsigned depth;
};

void pb_encoder_init(struct pb_encoder *e);
void pb_encoder_release(struct pb_encoder *e);

/* Appends the bytes of value 0 of doc. MQ_DATA names the place by its JSON pointer. */
int pb_encode(struct pb_encoder *e, const struct pb_model *model, const struct pb_message *type,
              const struct js_doc *doc, struct mq_buf *buf, struct mq_err *err);

/* --- for the files of this folder ------------------------------------------------------------- */

/* decode.c. Tells or fails: -1 to stop. */
int pb_problem(struct pb_decoder *d, const char *rule, const unsigned char *at, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));
/* Reads the messages that records [from, to) hold as one, sorts what is in them by field, and
 * returns where it begins: it stands in d->records up to d->n. -1: broken. */
int64_t pb_load(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to);
/* The records of a field among those: [*ret_from, *ret_to), none when equal. */
void pb_find(const struct pb_decoder *d, const struct pb_message *type, size_t begin,
             uint32_t number, size_t *ret_from, size_t *ret_to);
int pb_put_message(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to);
/* The fields of what was loaded, without braces; first: nothing stands before them. */
int pb_put_fields(struct pb_decoder *d, const struct pb_message *type, size_t begin, bool first);
/* decode_map.c */
int pb_put_map(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to);
int pb_put_repeated(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to);
/* decode_scalar.c */
int pb_put_scalar(struct pb_decoder *d, const struct pb_field *field, const struct pb_record *r);

/* known.c */
int pb_put_known(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to);

/* text.c: numbers as text. */
int pb_put_real(double value, bool single, struct mq_buf *buf, struct mq_err *err);
/* "2026-01-02T03:04:05.678Z"; false: seconds or nanoseconds that cannot be. */
bool pb_timestamp_text(int64_t seconds, int64_t nanos, char ret[80]);
bool pb_timestamp_parse(struct mq_bytes text, int64_t *ret_seconds, int32_t *ret_nanos);
/* "1.500s" */
bool pb_duration_text(int64_t seconds, int64_t nanos, char ret[80]);
bool pb_duration_parse(struct mq_bytes text, int64_t *ret_seconds, int32_t *ret_nanos);

/* encode.c */
int pb_misfit(struct pb_encoder *e, uint32_t value, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* As pb_misfit: "12 is no bool". */
int pb_no_value(struct pb_encoder *e, uint32_t value, const char *rule, const char *type);
int pb_encode_message(struct pb_encoder *e, const struct pb_message *type, uint32_t value,
                      uint32_t skip);
int pb_encode_field(struct pb_encoder *e, const struct pb_field *field, uint32_t value);
int pb_encode_map(struct pb_encoder *e, const struct pb_field *field, uint32_t value);
int pb_encode_repeated(struct pb_encoder *e, const struct pb_field *field, uint32_t value);
int pb_put_tag(struct pb_encoder *e, uint32_t number, unsigned wire);
int pb_put_varint(struct pb_encoder *e, uint64_t value);
int pb_put_sized(struct pb_encoder *e, struct mq_bytes bytes);
/* What stands in the buffer from `from` on gets its length before it. */
int pb_close(struct pb_encoder *e, size_t from);
/* encode_scalar.c. A field's value without its tag. *ret_zero: it is the value of a field that is
 * not set. */
int pb_encode_scalar(struct pb_encoder *e, const struct pb_field *field, uint32_t value,
                     bool *ret_zero);

/* known_encode.c */
int pb_encode_known(struct pb_encoder *e, const struct pb_message *type, uint32_t value);

#endif
