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

int mq_kcat_json_append(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
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
	if (mq_json_append_bytes(buf, message->key, err) < 0 || mq_room(buf, ROOM, err) < 0)
		return -1;
	mq_put_lit(buf, ",\"payload\":");
	if (mq_json_append_bytes(buf, message->payload, err) < 0)
		return -1;
	return mq_buf_append(buf, "}", 1, err);
}
