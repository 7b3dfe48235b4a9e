/*
 * What the codec's two directions share: its state, and what they ask of each other.
 */
#ifndef SCHEMA_CODEC_H
#define SCHEMA_CODEC_H

#include "schema/framing.h"
#include "schema/protobuf/indexes.h"

/* A schema that was looked up, or why it could not be had. */
struct codec_known {
	enum mq_framing framing; /* CONFLUENT: id names it, GUID: guid */
	int32_t id;
	unsigned char guid[MQ_FRAME_GUID];
	int32_t registered_id; /* in the registry, or -1 */
	enum mq_schema_kind kind;
	struct mq_schema *schema; /* the registry's */
	struct mq_err failure;    /* code MQ_OK: none */
};

struct mq_codec {
	struct mq_codec_spec spec;
	/* Of spec.schema. */
	uint64_t fingerprint; /* Avro */
	int32_t indexes[MQ_PROTO_MAX_INDEXES];
	size_t n_indexes;    /* Protobuf: of the message that was chosen; 0: it is of an import */
	const char *message; /* Protobuf: its full name; or NULL */
	/* Reading. */
	struct codec_known *known;
	size_t n_known, cap_known, recent;
	struct mq_err away; /* the registry's, until away_until_ms */
	int64_t away_until_ms;
	struct mq_schema *last_schema;
	int32_t last_id;
	/* Writing: what stands before each payload, or in the header. */
	char head[MQ_FRAME_GUID_SIZE + 5 * (MQ_PROTO_MAX_INDEXES + 1)];
	size_t head_len;
	struct mq_buf scratch;
};

/* Protobuf: back to the message that was chosen. Another codec, or a payload's indexes, may have
 * chosen another one of the same schema meanwhile. */
int codec_use_message(struct mq_codec *codec, struct mq_err *err);

/* What a payload needs and this build or machine lacks is that payload's failure, as broken data
 * is. Returns -1. */
int codec_missing(struct mq_err *err);

/* codec_encode.c: checks what writing needs and makes the head. */
int codec_prepare_writing(struct mq_codec *codec, struct mq_err *err);

/* codec_container.c: a payload that is a whole container file. */
int codec_decode_container(struct mq_codec *codec, struct mq_bytes bytes, struct mq_buf *buf,
                           struct mq_err *err);
int codec_encode_container(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                           struct mq_err *err);

/* Whether a text is one JSON value: 1, or 0 and why says what is wrong (may be NULL). */
int codec_check_json(struct mq_bytes text, struct mq_err *why);

#endif
