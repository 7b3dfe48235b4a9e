/*
 * kcat's JSON envelope, byte for byte, so that scripts written for kcat go on working. One thing
 * differs on purpose: bytes that are no UTF-8 stand as {"base64":"…"}, where kcat prints a line
 * that no JSON parser accepts.
 */
#include "format/format.h"
#include "format/text.h"

#define ROOM 192 /* for the fixed words and numbers between two texts */

static int append_headers(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	mq_put_lit(buf, ",\"headers\":[");
	for (size_t i = 0; i < message->n_headers; i++) {
		if ((i > 0 && mq_buf_append_char(buf, ',', err) < 0) ||
		    mq_json_append_bytes(buf, message->headers[i].name, err) < 0 ||
		    mq_buf_append_char(buf, ',', err) < 0 ||
		    mq_json_append_bytes(buf, message->headers[i].value, err) < 0)
			return -1;
	}
	return mq_buf_append_char(buf, ']', err);
}

/* What Avro was made of: kcat's own members beside it, the id or why there is none. */
static int append_part(struct mq_buf *buf, struct mq_bytes bytes, struct mq_bytes decoded,
                       int32_t schema_id, const char *error, const char *which, struct mq_err *err)
{
	if (error) {
		if (mq_buf_printf(buf, err, "null,\"%s_error\":", which) < 0)
			return -1;
		return mq_json_append_text(buf, error, err);
	}
	if (!decoded.data)
		return mq_json_append_bytes(buf, bytes, err);
	if (mq_buf_append(buf, decoded.data, decoded.len, err) < 0)
		return -1;
	if (schema_id < 0)
		return 0;
	return mq_buf_printf(buf, err, ",\"%s_schema_id\":%d",
	                     strcmp(which, "key") == 0 ? "key" : "value", schema_id);
}

int mq_kcat_json_append(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	static const struct mq_decoded nothing = MQ_DECODED_INIT;
	const struct mq_decoded *decoded = message->decoded ? message->decoded : &nothing;

	if (mq_room(buf, ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, "{\"topic\":");
	if (mq_json_append_bytes(buf, message->stream, err) < 0 || mq_room(buf, ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"partition\":");
	mq_put_i64(buf, message->partition);
	mq_put_lit(buf, ",\"offset\":");
	mq_put_i64(buf, message->offset);
	if (message->ts_type != MQ_TS_UNKNOWN) {
		if (message->ts_type == MQ_TS_CREATE)
			mq_put_lit(buf, ",\"tstype\":\"create\",\"ts\":");
		else
			mq_put_lit(buf, ",\"tstype\":\"logappend\",\"ts\":");
		mq_put_i64(buf, message->ts_ms == MQ_NO_TIME ? -1 : message->ts_ms);
	}
	mq_put_lit(buf, ",\"broker\":");
	mq_put_i64(buf, message->broker);
	if (message->n_headers > 0 && append_headers(message, buf, err) < 0)
		return -1;
	if (mq_room(buf, ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"key\":");
	if (append_part(buf, message->key, decoded->key, decoded->key_schema_id, decoded->key_error,
	                "key", err) < 0 ||
	    mq_room(buf, ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"payload\":");
	if (append_part(buf, message->payload, decoded->payload, decoded->payload_schema_id,
	                decoded->payload_error, "payload", err) < 0)
		return -1;
	return mq_buf_append(buf, "}", 1, err);
}
