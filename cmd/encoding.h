/*
 * --encode: records whose keys and payloads are JSON texts become what a schema makes of them. The
 * options that say how, and what they come to.
 */
#ifndef MQ_CMD_ENCODING_H
#define MQ_CMD_ENCODING_H

#include "cmd/decoding.h"

/* All zeroes: the defaults. */
struct encoding_options {
	struct mq_option_list encode;  /* --encode */
	struct mq_option_list framing; /* --framing */
	const char *key_schema;
	struct mq_option_list avro_files; /* --avro-file: where the records come from */
};
extern const struct mq_option encoding_rows[];

struct encoder {
	struct mq_registry *registry;
	struct schema_opened schema, key_schema;
	struct mq_codec *value, *key; /* NULL: sent as it is */
	struct mq_header headers[2];  /* of value and key */
	bool has_value_header, has_key_header;
	struct mq_buf scratch;
	struct encoder_piece *pieces; /* what was encoded, until encoder_clear */
};

/* Opens what is needed. stream is where records go: without --schema its latest schema is taken,
 * registry:STREAM-value and -key. To be released also after a failure. */
int encoder_init(struct encoder *encoder, const struct mq_invocation *invocation,
                 const struct encoding_options *options, const struct schema_options *schema,
                 const char *stream, struct mq_err *err);
void encoder_release(struct encoder *encoder);

bool encoder_wanted(const struct encoder *encoder);

/* Replaces key and payload by their encoded forms, which stay until encoder_clear; what is absent,
 * or begins with the schema's own frame already, stays as it is. MQ_DATA: it does not fit, the
 * message is then as it was. */
int encoder_apply(struct encoder *encoder, struct mq_message *message, struct mq_err *err);
/* The headers that go with what was encoded, at most 2; they are the encoder's. */
const struct mq_header *encoder_headers(const struct encoder *encoder,
                                        const struct mq_message *message, size_t *ret_n);
void encoder_clear(struct encoder *encoder);

#endif
