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
	MQ_FRAMING_GUID,      /* 0x01 and 16 bytes (Protobuf: indexes), in the header
	                       * __value_schema_id or __key_schema_id */
	MQ_FRAMING_SINGLE_OBJECT, /* Avro: 0xc3 0x01, 8 bytes of fingerprint */
	MQ_FRAMING_CONTAINER,     /* Avro: each payload is a whole object container file, as JSON an
	                           * array of what is in it */
};

/* "auto", "none", "confluent", "guid", "single-object", "container", in the order of the enum,
 * ended by NULL. */
extern const char *const mq_framing_names[];

/* The headers that may name schemas. */
#define MQ_VALUE_SCHEMA_HEADER "__value_schema_id"
#define MQ_KEY_SCHEMA_HEADER "__key_schema_id"

enum mq_codec_part { MQ_CODEC_VALUE, MQ_CODEC_KEY };

struct mq_codec_spec {
	enum mq_codec_part part;
	enum mq_schema_kind kind; /* UNKNOWN: auto */
	enum mq_framing framing;
	struct mq_schema *schema;     /* given by the user (borrowed); NULL: the framing names it */
	struct mq_schema *reader;     /* Avro: the schema to read with (borrowed), or NULL */
	int32_t id;                   /* of schema in the registry, or -1: it is from elsewhere */
	const unsigned char *guid;    /* writing with MQ_FRAMING_GUID: 16 bytes (copied), or NULL */
	struct mq_registry *registry; /* borrowed; NULL: none, then ids cannot be looked up */
	unsigned form;                /* enum mq_schema_form */
};

struct mq_codec; /* one thread */

/* MQ_USAGE when the members of spec contradict each other: it names what is missing. writing: it is
 * for mq_codec_encode, and a schema is needed unless it is plain JSON. */
int mq_codec_new(const struct mq_codec_spec *spec, bool writing, struct mq_codec **ret,
                 struct mq_err *err);
void mq_codec_free(struct mq_codec *codec);

/* Whether mq_codec_decode looks at headers. */
bool mq_codec_needs_headers(const struct mq_codec *codec);

/*
 * Appends the part of the message as one line of JSON text. 1; 0: it is left as it is (absent; with
 * auto bytes that name no schema and are no JSON, or a schema that nobody can look up); -1: MQ_DATA
 * (err names what is wrong, not the message), or the registry's failure. err->retriable: the
 * registry may answer later; until some seconds are over it is not asked again, and the failure is
 * the same. buf is then as it was.
 *
 * A schema that was given counts for payloads that name none. Where the payload names one that can
 * be looked up, that one wrote it.
 */
int mq_codec_decode(struct mq_codec *codec, const struct mq_message *message, struct mq_buf *buf,
                    struct mq_err *err);

/* Of the payload that was decoded last: the schema, for validating it (NULL: none was needed), and
 * its id in the registry, or -1. */
struct mq_schema *mq_codec_schema(const struct mq_codec *codec);
int32_t mq_codec_id(const struct mq_codec *codec);

/* Appends the framed bytes that a JSON text stands for. MQ_DATA: it does not fit the schema (for
 * JSON Schema: it is not valid by it); buf is then as it was. */
int mq_codec_encode(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                    struct mq_err *err);
/* Whether the part of a message already begins with what this codec writes before each payload (or
 * has its header): an id or fingerprint that no JSON text begins with. Always false without one. */
bool mq_codec_is_encoded(const struct mq_codec *codec, const struct mq_message *message);
/* MQ_FRAMING_GUID: the header that goes with each encoded message, owned by the codec; else false.
 */
bool mq_codec_header(const struct mq_codec *codec, struct mq_header *ret);

#endif
