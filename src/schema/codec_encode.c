/*
 * JSON text to payloads and keys: see mqtk/codec.h. What stands before each payload is the same for
 * all and made once.
 */
#include "schema/avro/single.h"
#include "schema/codec.h"

/* The message that was chosen of a Protobuf schema, as indexes behind the id. */
static int put_indexes(struct mq_codec *codec, struct mq_buf *head, struct mq_err *err)
{
	if (codec->spec.kind != MQ_SCHEMA_PROTOBUF)
		return 0;
	if (codec->n_indexes == 0 && codec->message) {
		mq_fail(err, MQ_USAGE,
		        "the framing %s names only messages of the schema itself, "
		        "and %s is of a file that it imports",
		        mq_framing_names[codec->spec.framing], codec->message);
		return mq_hint(err, "--schema with the schema of that file can be named");
	}
	return mq_proto_put_indexes(codec->indexes, codec->n_indexes, head, err);
}

static int make_head(struct mq_codec *codec, struct mq_buf *head, struct mq_err *err)
{
	uint32_t id = (uint32_t)codec->spec.id;
	const char framed[] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};

	switch (codec->spec.framing) {
	case MQ_FRAMING_CONFLUENT:
		if (codec->spec.id < 0) {
			mq_fail(err, MQ_USAGE,
			        "the framing confluent needs the schema's id in a registry");
			return mq_hint(err, "--schema registry:SUBJECT or id:N has one");
		}
		if (mq_buf_append(head, framed, sizeof framed, err) < 0)
			return -1;
		return put_indexes(codec, head, err);
	case MQ_FRAMING_GUID:
		if (!codec->spec.guid) {
			mq_fail(err, MQ_USAGE,
			        "the framing guid needs the schema's GUID, and the registry gave "
			        "none");
			return mq_hint(err, "--framing confluent writes its id instead");
		}
		if (mq_buf_append_char(head, 1, err) < 0 ||
		    mq_buf_append(head, codec->spec.guid, MQ_FRAME_GUID, err) < 0)
			return -1;
		return put_indexes(codec, head, err);
	case MQ_FRAMING_SINGLE_OBJECT:
		return av_single_head(codec->fingerprint, head, err);
	default:
		return 0;
	}
}

int codec_prepare_writing(struct mq_codec *codec, struct mq_err *err)
{
	struct mq_codec_spec *spec = &codec->spec;
	struct mq_buf head;

	if (!spec->schema && spec->kind != MQ_SCHEMA_JSON) {
		mq_fail(err, MQ_USAGE, "a schema is needed to write by");
		return mq_hint(err, "--schema FILE, registry:SUBJECT or id:N gives one");
	}
	if (spec->framing == MQ_FRAMING_AUTO)
		spec->framing =
		    spec->schema && spec->id >= 0 ? MQ_FRAMING_CONFLUENT : MQ_FRAMING_NONE;
	if (spec->kind != MQ_SCHEMA_AVRO &&
	    (spec->framing == MQ_FRAMING_SINGLE_OBJECT || spec->framing == MQ_FRAMING_CONTAINER))
		return mq_fail(err, MQ_USAGE, "the framing %s is Avro's, and the schema is %s",
		               mq_framing_names[spec->framing], mq_schema_kind_name(spec->kind));
	mq_buf_init(&head, sizeof codec->head);
	int result = make_head(codec, &head, err);
	if (result == 0 && head.len > 0)
		memcpy(codec->head, head.data, head.len);
	codec->head_len = head.len;
	mq_buf_release(&head);
	return result;
}

/* The first thing that is wrong, as the error. */
static int refuse(void *ctx, const struct mq_violation *violation)
{
	struct mq_err *err = ctx;

	mq_fail(err, MQ_DATA, "%s%s%s", violation->pointer, violation->pointer[0] ? ": " : "",
	        violation->error);
	return 1;
}

static int encode_payload(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                          struct mq_err *err)
{
	struct mq_schema *schema = codec->spec.schema;

	if (codec_use_message(codec, err) < 0)
		return -1;
	if (codec->spec.kind == MQ_SCHEMA_JSON) {
		int valid = mq_schema_check_json(schema, text, refuse, err, err);
		if (valid <= 0)
			return valid < 0 ? -1 : mq_fail(err, MQ_DATA, "it is not valid");
	}
	return mq_schema_encode(schema, text, buf, err);
}

int mq_codec_encode(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                    struct mq_err *err)
{
	bool in_payload = codec->spec.framing != MQ_FRAMING_GUID;
	size_t before = buf->len;
	int result = 0;

	if (codec->spec.framing == MQ_FRAMING_CONTAINER)
		return codec_encode_container(codec, text, buf, err);
	/* One byte more than needed: what is empty is not absent. */
	if (mq_buf_reserve(buf, codec->head_len + 1, err) < 0)
		return -1;
	if (in_payload && codec->head_len > 0)
		result = mq_buf_append(buf, codec->head, codec->head_len, err);
	if (result == 0 && codec->spec.schema)
		result = encode_payload(codec, text, buf, err);
	else if (result == 0)
		result =
		    codec_check_json(text, err) ? mq_buf_append(buf, text.data, text.len, err) : -1;
	if (result < 0)
		buf->len = before;
	return result;
}

bool mq_codec_is_encoded(const struct mq_codec *codec, const struct mq_message *message)
{
	struct mq_bytes head = mq_bytes_of(codec->head, codec->head_len);
	struct mq_bytes bytes = codec->spec.part == MQ_CODEC_KEY ? message->key : message->payload;

	if (head.len == 0)
		return false;
	if (codec->spec.framing == MQ_FRAMING_GUID)
		return mq_bytes_equal(mq_frame_find_header(message, codec->spec.part), head);
	return bytes.len >= head.len && memcmp(bytes.data, head.data, head.len) == 0;
}

bool mq_codec_header(const struct mq_codec *codec, struct mq_header *ret)
{
	if (codec->spec.framing != MQ_FRAMING_GUID || codec->head_len == 0)
		return false;
	ret->name = mq_bytes_str(mq_frame_header(codec->spec.part));
	ret->value = mq_bytes_of(codec->head, codec->head_len);
	return true;
}
