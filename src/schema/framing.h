/*
 * The framing: what stands before a payload, or in a header beside it, and names the schema by
 * which it was written. Only bytes are looked at here; finding the schema is the codec's.
 *
 * Sources: Confluent's wire format (0x00 and an id of 4 bytes; 0x01 and a GUID of 16), whose
 * clients put either into the headers __key_schema_id and __value_schema_id, for Protobuf with the
 * message indexes behind it; Avro's specification for single objects and container files.
 */
#ifndef SCHEMA_FRAMING_H
#define SCHEMA_FRAMING_H

#include "mqtk/codec.h"

enum {
	MQ_FRAME_GUID = 16,
	MQ_FRAME_CONFLUENT_SIZE = 5,
	MQ_FRAME_GUID_SIZE = 1 + MQ_FRAME_GUID,
};

/* What a payload says about its schema. */
struct mq_frame {
	enum mq_framing framing; /* never MQ_FRAMING_AUTO */
	int32_t id;              /* CONFLUENT */
	unsigned char guid[MQ_FRAME_GUID];
	uint64_t fingerprint;    /* SINGLE_OBJECT */
	struct mq_bytes payload; /* behind all that; CONTAINER: the whole file */
	/* CONFLUENT and GUID: where Protobuf's message indexes are. In a header they are all that
	 * is behind the id, and may be missing; else they begin the payload. */
	bool in_header;
	struct mq_bytes indexes; /* in_header */
};

/* The header that may name the schema of a part. */
const char *mq_frame_header(enum mq_codec_part part);
/* Its value: the last of that name counts; absent when there is none. */
struct mq_bytes mq_frame_find_header(const struct mq_message *message, enum mq_codec_part part);

/* Reads the frame of bytes that are there (not absent). With MQ_FRAMING_AUTO it is recognised, and
 * what names nothing is MQ_FRAMING_NONE: an id is a positive number there. Else MQ_DATA when it is
 * not as wanted; where an id is, a GUID is taken as well, as Confluent's own readers do. */
int mq_frame_read(enum mq_framing wanted, enum mq_codec_part part, const struct mq_message *message,
                  struct mq_frame *ret, struct mq_err *err);

#endif
