/*
 * The framing of payloads, and what the codec makes of them by a schema that was given and without
 * one. The first byte chooses the framing and what is there, the second how many bytes of the rest
 * are a header's; then come key and payload alike.
 */
#include "tests/fuzz/fuzz.h"

#include "mqtk/codec.h"
#include "schema/framing.h"

static struct mq_schema *avro_schema(void)
{
	static struct mq_schema *schema;
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_AVRO,
	    .text =
	        mq_bytes_str("{\"type\":\"record\",\"name\":\"T\",\"fields\":["
	                     "{\"name\":\"a\",\"type\":[\"null\",\"long\",\"string\"]},"
	                     "{\"name\":\"b\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"}},"
	                     "{\"name\":\"n\",\"type\":[\"null\",\"T\"]}]}")};

	if (!schema)
		must(mq_schema_new(&spec, &schema, NULL) == 0);
	return schema;
}

/* What is decoded is one line, and what is refused leaves nothing. */
static void decode(const struct mq_codec_spec *spec, const struct mq_message *message)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_codec *codec = NULL;
	struct mq_buf buf;

	must(mq_codec_new(spec, false, &codec, &err) == 0);
	mq_buf_init(&buf, 1 << 24);
	int got = mq_codec_decode(codec, message, &buf, &err);
	must(got >= 0 || err.code != MQ_OK);
	must(got > 0 || buf.len == 0);
	must(got <= 0 || !memchr(buf.data, '\n', buf.len));
	mq_buf_release(&buf);
	mq_codec_free(codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mq_framing framings[] = {MQ_FRAMING_AUTO,          MQ_FRAMING_NONE,
	                                           MQ_FRAMING_CONFLUENT,     MQ_FRAMING_GUID,
	                                           MQ_FRAMING_SINGLE_OBJECT, MQ_FRAMING_CONTAINER};
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_frame frame;

	if (size < 2)
		return 0;
	enum mq_framing framing = framings[data[0] % 6];
	size_t in_header = data[1] < size - 2 ? data[1] : size - 2;
	struct mq_header header = {mq_bytes_str(MQ_VALUE_SCHEMA_HEADER),
	                           mq_bytes_of(data + 2, in_header)};
	if (data[0] & 0x40) {
		message.headers = &header;
		message.n_headers = 1;
	}
	message.payload = mq_bytes_of(data + 2 + in_header, size - 2 - in_header);
	message.key = message.payload;
	if (mq_frame_read(framing, MQ_CODEC_VALUE, &message, &frame, NULL) == 0) {
		must(frame.framing != MQ_FRAMING_AUTO);
		must(frame.payload.len <= message.payload.len);
	}
	struct mq_codec_spec spec = {.kind = MQ_SCHEMA_UNKNOWN, .framing = framing, .id = -1};
	decode(&spec, &message);
	spec.kind = MQ_SCHEMA_JSON;
	decode(&spec, &message);
	spec.kind = MQ_SCHEMA_AVRO;
	spec.schema = avro_schema();
	spec.form = data[0] & 0x20 ? MQ_SCHEMA_LOGICAL | MQ_SCHEMA_BARE : 0;
	decode(&spec, &message);
	spec.part = MQ_CODEC_KEY;
	spec.reader = data[0] & 0x80 ? avro_schema() : NULL;
	decode(&spec, &message);
	return 0;
}
