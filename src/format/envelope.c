/*
 * The envelope of -J: one message as one JSON object (schemas/message.json). The reader of the same
 * is json_message.c; both know the same names in the same order.
 */
#include "format/format.h"
#include "format/text.h"

/* `,"name":` and its value, for what only some messages carry. */
static int append_optional_bytes(struct mq_buf *buf, const char *name, struct mq_bytes bytes,
                                 struct mq_err *err)
{
	if (!bytes.data)
		return 0;
	if (mq_buf_append_str(buf, name, err) < 0)
		return -1;
	return mq_json_append_bytes(buf, bytes, err);
}

static int append_optional_number(struct mq_buf *buf, const char *name, int64_t number,
                                  struct mq_err *err)
{
	if (number < 0)
		return 0;
	if (mq_buf_append_str(buf, name, err) < 0 || mq_room(buf, MQ_I64_TEXT, err) < 0)
		return -1;
	mq_put_i64(buf, number);
	return 0;
}

int mq_envelope_append_properties(const struct mq_properties *p, struct mq_buf *buf,
                                  struct mq_err *err)
{
	if (append_optional_bytes(buf, ",\"message_id\":", p->message_id, err) < 0 ||
	    append_optional_bytes(buf, ",\"correlation_id\":", p->correlation_id, err) < 0 ||
	    append_optional_bytes(buf, ",\"content_type\":", p->content_type, err) < 0 ||
	    append_optional_bytes(buf, ",\"reply_to\":", p->reply_to, err) < 0 ||
	    append_optional_number(buf, ",\"expiry_ms\":", p->expiry_ms, err) < 0 ||
	    append_optional_number(buf, ",\"priority\":", p->priority, err) < 0 ||
	    append_optional_bytes(buf, ",\"type\":", p->type, err) < 0 ||
	    append_optional_bytes(buf, ",\"app_id\":", p->app_id, err) < 0 ||
	    append_optional_bytes(buf, ",\"user_id\":", p->user_id, err) < 0 ||
	    append_optional_bytes(buf, ",\"exchange\":", p->exchange, err) < 0 ||
	    append_optional_bytes(buf, ",\"content_encoding\":", p->content_encoding, err) < 0 ||
	    append_optional_bytes(buf, ",\"header_types\":", p->header_types, err) < 0 ||
	    append_optional_number(buf, ",\"delivery_count\":", p->delivery_count, err) < 0)
		return -1;
	if (p->redelivered < 0)
		return 0;
	return mq_buf_append_str(
	    buf, p->redelivered ? ",\"redelivered\":true" : ",\"redelivered\":false", err);
}

int mq_envelope_append_headers(const struct mq_message *message, struct mq_buf *buf,
                               struct mq_err *err)
{
	if (mq_buf_append_char(buf, '[', err) < 0)
		return -1;
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		if (mq_buf_append_str(buf, i > 0 ? ",[" : "[", err) < 0 ||
		    mq_json_append_bytes(buf, header->name, err) < 0 ||
		    mq_buf_append_char(buf, ',', err) < 0 ||
		    mq_json_append_bytes(buf, header->value, err) < 0 ||
		    mq_buf_append_char(buf, ']', err) < 0)
			return -1;
	}
	return mq_buf_append_char(buf, ']', err);
}

/* Everything between the stream and the key; at most this many bytes unless there is an id. */
#define MIDDLE_ROOM 160

static int append_middle(struct mq_buf *buf, const struct mq_message *message, struct mq_err *err)
{
	if (mq_room(buf, MIDDLE_ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"partition\":");
	if (message->partition == MQ_NO_PARTITION)
		mq_put_lit(buf, "null");
	else
		mq_put_i64(buf, message->partition);
	if (message->id.data) {
		mq_put_lit(buf, ",\"id\":");
		if (mq_json_append_bytes(buf, message->id, err) < 0 ||
		    mq_room(buf, MIDDLE_ROOM, err) < 0)
			return -1;
	} else {
		mq_put_lit(buf, ",\"offset\":");
		if (message->offset == MQ_NO_OFFSET)
			mq_put_lit(buf, "null");
		else
			mq_put_i64(buf, message->offset);
	}
	mq_put_lit(buf, ",\"ts\":");
	if (message->ts_ms == MQ_NO_TIME)
		mq_put_lit(buf, "null");
	else
		mq_put_i64(buf, message->ts_ms);
	switch (message->ts_type) {
	case MQ_TS_CREATE:
		mq_put_lit(buf, ",\"ts_type\":\"create\"");
		break;
	case MQ_TS_APPEND:
		mq_put_lit(buf, ",\"ts_type\":\"append\"");
		break;
	case MQ_TS_UNKNOWN:
		mq_put_lit(buf, ",\"ts_type\":null");
		break;
	}
	return 0;
}

/* Key or payload: decoded under the one name, else as it came under the other. */
static int append_part(struct mq_buf *buf, const char *name, struct mq_bytes bytes,
                       const char *decoded_name, struct mq_bytes decoded, struct mq_err *err)
{
	if (mq_buf_append_str(buf, decoded.data ? decoded_name : name, err) < 0)
		return -1;
	return decoded.data ? mq_buf_append(buf, decoded.data, decoded.len, err)
	                    : mq_json_append_bytes(buf, bytes, err);
}

int mq_envelope_append(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	static const struct mq_decoded nothing = MQ_DECODED_INIT;
	const struct mq_decoded *decoded = message->decoded ? message->decoded : &nothing;

	if (mq_room(buf, MIDDLE_ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, "{\"stream\":");
	if (mq_json_append_bytes(buf, message->stream, err) < 0 ||
	    append_middle(buf, message, err) < 0 ||
	    append_part(buf, ",\"key\":", message->key, ",\"key_value\":", decoded->key, err) < 0 ||
	    append_optional_number(buf, ",\"key_schema_id\":", decoded->key_schema_id, err) < 0 ||
	    mq_room(buf, MIDDLE_ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"headers\":");
	if (message->n_headers == 0)
		mq_put_lit(buf, "[]");
	else if (mq_envelope_append_headers(message, buf, err) < 0 ||
	         mq_room(buf, MIDDLE_ROOM, err) < 0)
		return -1;
	if (append_part(buf, ",\"payload\":", message->payload, ",\"value\":", decoded->payload,
	                err) < 0 ||
	    append_optional_number(buf, ",\"value_schema_id\":", decoded->payload_schema_id, err) <
	        0 ||
	    (message->properties &&
	     mq_envelope_append_properties(message->properties, buf, err) < 0))
		return -1;
	return mq_buf_append(buf, "}", 1, err);
}
