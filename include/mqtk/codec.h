/*
 * The codec: payloads and keys on their way between bytes and JSON text, by --decode and --encode.
 *
 * It knows how a payload says by which schema it was written (the framing), finds that schema, once
 * for each id, and hands the rest to mqtk/schema.h. Key and value have a codec of their own each.
 */
#ifndef MQTK_CODEC_H
#define MQTK_CODEC_H

#include "mqtk/message.h"
#include "mqtk/registry.h"

/* How a payload names its schema. */
enum mq_framing {
	MQ_FRAMING_AUTO,      /* reading: by its first bytes and headers; writing: confluent with
	                       * a schema from a registry, else none */
	MQ_FRAMING_NONE,      /* it does not */
	MQ_FRAMING_CONFLUENT, /* 0x00, 4 bytes of id (Protobuf: message indexes) */
	MQ_FRAMING_GUID,      /* 0x01 and 16 bytes, in the header __value_schema_id or __key_… */
	MQ_FRAMING_SINGLE_OBJECT, /* Avro: 0xc3 0x01, 8 bytes of fingerprint */
	MQ_FRAMING_CONTAINER,     /* Avro: each payload is a whole object container file */
};

enum mq_codec_part { MQ_CODEC_VALUE, MQ_CODEC_KEY };

struct mq_codec_spec {
	enum mq_codec_part part;
	enum mq_schema_kind kind; /* UNKNOWN: auto */
	enum mq_framing framing;
	struct mq_schema *schema;     /* given by the user (borrowed); NULL: the framing names it */
	struct mq_schema *reader;     /* Avro: the schema to read with (borrowed), or NULL */
	int32_t id;                   /* writing: of schema in the registry, or -1 */
	const unsigned char *guid;    /* writing with MQ_FRAMING_GUID: 16 bytes, or NULL */
	struct mq_registry *registry; /* borrowed; NULL: none, then ids cannot be looked up */
	unsigned form;                /* enum mq_schema_form */
};

struct mq_codec; /* one thread */

int mq_codec_new(const struct mq_codec_spec *spec, struct mq_codec **ret, struct mq_err *err);
void mq_codec_free(struct mq_codec *codec);

/* Appends the part of the message as one line of JSON text. 1; 0: there is nothing to decode
 * (absent, or with auto bytes that name no schema and are no JSON); -1: MQ_DATA (err names what is
 * wrong, not the message), or the registry's failure. err->retriable: the registry may answer
 * later. */
int mq_codec_decode(struct mq_codec *codec, const struct mq_message *message, struct mq_buf *buf,
                    struct mq_err *err);

/* Appends the framed bytes that a JSON text stands for. With MQ_FRAMING_GUID the header's name and
 * value are the caller's to add: mq_codec_header. */
int mq_codec_encode(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                    struct mq_err *err);
/* The header that goes with each encoded message, or false when there is none. */
bool mq_codec_header(const struct mq_codec *codec, struct mq_header *ret);

/* The schema by which the last payload was decoded, for validating it; NULL: none. */
struct mq_schema *mq_codec_schema(const struct mq_codec *codec);

#endif
