/*
 * How a message is an entry of a stream.
 *
 * An entry of ours has the fields `payload` and `key`, each unless it is null, and, only when there
 * is more, the field `mqtk-properties` with what mqtk/carry.h carries. An entry is read as ours
 * when its fields are exactly of that form, whoever wrote it; so both ways are each other's
 * inverse.
 *
 * Every other entry is read as a message whose payload is its fields as JSON, in order, and whose
 * content type says so (MQ_RD_FIELDS_TYPE); a message of that type becomes those fields again:
 *
 *   {"name":"value",…}        values that are no UTF-8 are {"base64":"…"}
 *   [["name","value"],…]      where a name comes twice or is no UTF-8 ({"base64":"…"} too)
 *
 * Headers of such a message (a replay's, a dead letter's) stand behind its fields in one more, the
 * reserved one, so that whoever reads the fields finds them where they were.
 */
#ifndef REDIS_ENTRY_H
#define REDIS_ENTRY_H

#include "backend/redis/redis.h"
#include "mqtk/carry.h"

#define MQ_RD_FIELDS_TYPE "application/vnd.redis.fields+json"

/* Room in front of the fields for the command's own words. */
#define MQ_RD_WORDS_MAX 5

struct mq_rd_decoder {
	const char *payload_field;
	struct mq_carrier *carrier;
	struct mq_buf text;
};

/* Words of a command under construction, borrowed from message and texts. */
struct mq_rd_encoder {
	const char *payload_field;
	bool json; /* -X fields=json: payloads are objects whose members are the fields */
	const char **argv;
	size_t *lens;
	size_t n, cap;      /* of argv; the fields begin at MQ_RD_WORDS_MAX */
	struct mq_buf text; /* what argv borrows beside the message */
	struct mq_buf headers;
	struct mq_rd_decoder decoder;
};

int mq_rd_encoder_init(struct mq_rd_encoder *encoder, const struct mq_rd_conn *conn,
                       struct mq_err *err);
void mq_rd_encoder_release(struct mq_rd_encoder *encoder);
int mq_rd_encoder_add(struct mq_rd_encoder *encoder, struct mq_bytes word, struct mq_err *err);
/* Fills argv from MQ_RD_WORDS_MAX on, up to n; valid until the next one. */
int mq_rd_encode(struct mq_rd_encoder *encoder, const struct mq_message *message,
                 struct mq_err *err);

int mq_rd_decoder_init(struct mq_rd_decoder *decoder, const struct mq_rd_conn *conn,
                       struct mq_err *err);
void mq_rd_decoder_release(struct mq_rd_decoder *decoder);
/* Forgets what decoded messages borrow (beside the arena). */
void mq_rd_decoder_clear(struct mq_rd_decoder *decoder);
/* Fills key, payload, headers, properties and a carried time of message from a flat array of names
 * and values; the arena's bytes are borrowed. */
int mq_rd_decode(struct mq_rd_decoder *decoder, struct mq_rd_arena *arena,
                 const struct mq_rd_reply *fields, struct mq_message *message, struct mq_err *err);

/* Only if the fields are those of an entry of ours; else false, and message is as it was. */
bool mq_rd_decode_ours(struct mq_rd_decoder *decoder, const struct mq_rd_reply *fields,
                       struct mq_message *message);

/* fields.c. Appends the fields as JSON. */
int mq_rd_fields_append(const struct mq_rd_reply *fields, struct mq_buf *buf, struct mq_err *err);
/* Adds the fields of JSON, which is written to and borrowed, to the encoder. any: members may have
 * any values, which are their exact text; else only what mq_rd_fields_append writes is taken.
 * MQ_DATA when the text is not so. */
int mq_rd_fields_parse(struct mq_rd_encoder *encoder, char *text, size_t len, bool any,
                       struct mq_err *err);

#endif
