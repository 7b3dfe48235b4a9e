/*
 * Payloads and keys to JSON text: see mqtk/codec.h. What names their schema is read in framing.c,
 * the way back is codec_encode.c, what both share is codec.h here.
 */
#include "schema/codec.h"
#include "format/json_read.h"
#include "schema/avro/schema.h"
#include "schema/avro/single.h"

#include <stdio.h>
#include <stdlib.h>

/* How long a registry that did not answer is left alone. */
enum { LEFT_ALONE_MS = 3000 };

const char *const mq_framing_names[] = {"auto",          "none",      "confluent", "guid",
                                        "single-object", "container", NULL};

int codec_use_message(struct mq_codec *codec, struct mq_err *err)
{
	return codec->message ? mq_schema_use_message(codec->spec.schema, codec->message, err) : 0;
}

/* The schema that was given, unless it is of another kind than asked for. */
static int take_schema(struct mq_codec *codec, const struct mq_codec_spec *spec, bool writing,
                       struct mq_err *err)
{
	enum mq_schema_kind kind = mq_schema_kind(spec->schema);

	/* A JSON Schema may be there to judge what others wrote. */
	if (kind == MQ_SCHEMA_JSON && codec->spec.kind == MQ_SCHEMA_UNKNOWN && !writing)
		return 0;
	if (codec->spec.kind == MQ_SCHEMA_UNKNOWN)
		codec->spec.kind = kind;
	if (codec->spec.kind != kind)
		return mq_fail(err, MQ_USAGE, "the schema is %s, and %s is asked for",
		               mq_schema_kind_name(kind), mq_schema_kind_name(codec->spec.kind));
	if (kind == MQ_SCHEMA_PROTOBUF)
		codec->message = mq_schema_type_name(spec->schema);
	codec->n_indexes = mq_schema_indexes(spec->schema, codec->indexes, MQ_PROTO_MAX_INDEXES);
	if (kind == MQ_SCHEMA_AVRO)
		return av_single_fingerprint(spec->schema, &codec->fingerprint, err);
	return 0;
}

int codec_missing(struct mq_err *err)
{
	if (err->code == MQ_USAGE)
		err->code = MQ_DATA;
	return -1;
}

int mq_codec_new(const struct mq_codec_spec *spec, bool writing, struct mq_codec **ret,
                 struct mq_err *err)
{
	struct mq_codec *codec = calloc(1, sizeof *codec);

	if (!codec)
		return mq_fail_memory(err);
	codec->spec = *spec;
	codec->last_id = -1;
	mq_buf_init(&codec->scratch, SIZE_MAX / 2);
	if ((spec->schema && take_schema(codec, spec, writing, err) < 0) ||
	    (writing && codec_prepare_writing(codec, err) < 0)) {
		mq_codec_free(codec);
		return -1;
	}
	*ret = codec;
	return 0;
}

void mq_codec_free(struct mq_codec *codec)
{
	if (!codec)
		return;
	free(codec->known);
	mq_buf_release(&codec->scratch);
	free(codec);
}

bool mq_codec_needs_headers(const struct mq_codec *codec)
{
	return codec->spec.framing == MQ_FRAMING_AUTO || codec->spec.framing == MQ_FRAMING_GUID;
}

struct mq_schema *mq_codec_schema(const struct mq_codec *codec)
{
	return codec->last_schema;
}

int32_t mq_codec_id(const struct mq_codec *codec)
{
	return codec->last_id;
}

/* --- finding the schema ----------------------------------------------------------------------- */

static bool is_of(const struct codec_known *known, const struct mq_frame *frame)
{
	if (frame->framing != known->framing)
		return false;
	return frame->framing == MQ_FRAMING_CONFLUENT
	           ? known->id == frame->id
	           : memcmp(known->guid, frame->guid, sizeof frame->guid) == 0;
}

/* "schema id 7": what a frame names, for messages. */
static const char *name_of(const struct mq_frame *frame, char *text, size_t size)
{
	if (frame->framing != MQ_FRAMING_GUID) {
		snprintf(text, size, "schema id %d", frame->id);
		return text;
	}
	size_t at = (size_t)snprintf(text, size, "schema ");
	for (size_t i = 0; i < sizeof frame->guid; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%02x",
		                       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
		                       frame->guid[i]);
	return text;
}

static int look_up(struct mq_codec *codec, const struct mq_frame *frame, struct codec_known *known,
                   struct mq_err *err)
{
	struct mq_registry *registry = codec->spec.registry;
	const struct mq_registered *registered = NULL;
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_UNKNOWN};

	if ((frame->framing == MQ_FRAMING_CONFLUENT
	         ? mq_registry_by_id(registry, frame->id, &registered, err)
	         : mq_registry_by_guid(registry, frame->guid, &registered, err)) < 0)
		return -1;
	if (registered->kind == MQ_SCHEMA_UNKNOWN)
		return mq_fail(err, MQ_DATA, "it is of type %s, which mqtk does not know",
		               registered->type);
	known->kind = registered->kind;
	known->registered_id = registered->id;
	int found = mq_registry_schema(registry, registered, &spec, &known->schema, err);
	return found < 0 ? codec_missing(err) : 0;
}

/* What cannot be found now cannot be found for the next message either: it is remembered as the
 * schemas are. Whether the registry answers again is tried after some seconds. */
static void remember_failure(struct mq_codec *codec, const struct mq_frame *frame,
                             struct codec_known *known, const struct mq_err *why)
{
	char name[64];

	if (why->code == MQ_UNREACHABLE || why->code == MQ_DENIED || why->code == MQ_CANCELLED) {
		codec->away = *why;
		codec->away_until_ms = mq_now_monotonic_ms() + LEFT_ALONE_MS;
		return;
	}
	enum mq_code code = why->code == MQ_NOT_FOUND ? MQ_DATA : why->code;
	mq_fail(&known->failure, code, "%s: %s", name_of(frame, name, sizeof name), why->message);
	if (why->hint[0])
		mq_hint(&known->failure, "%s", why->hint);
}

static struct codec_known *add_known(struct mq_codec *codec, const struct mq_frame *frame,
                                     struct mq_err *err)
{
	struct codec_known known = {
	    .framing = frame->framing, .id = frame->id, .registered_id = -1};
	struct mq_err why = MQ_ERR_INIT;

	if (codec->away.code && mq_now_monotonic_ms() < codec->away_until_ms) {
		*err = codec->away;
		return NULL;
	}
	codec->away = (struct mq_err)MQ_ERR_INIT;
	memcpy(known.guid, frame->guid, sizeof known.guid);
	if (codec->n_known == codec->cap_known) {
		size_t cap = codec->cap_known ? codec->cap_known * 2 : 8;
		struct codec_known *more = realloc(codec->known, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(err);
			return NULL;
		}
		codec->known = more;
		codec->cap_known = cap;
	}
	if (look_up(codec, frame, &known, &why) < 0) {
		remember_failure(codec, frame, &known, &why);
		if (!known.failure.code) {
			*err = why;
			return NULL;
		}
	}
	codec->known[codec->n_known] = known;
	return &codec->known[codec->n_known++];
}

/* The schema that a frame names: NULL with err set when it cannot be had. */
static const struct codec_known *find_schema(struct mq_codec *codec, const struct mq_frame *frame,
                                             struct mq_err *err)
{
	const struct codec_known *known = NULL;

	/* Nearly always the one of the message before. */
	if (codec->recent < codec->n_known && is_of(&codec->known[codec->recent], frame)) {
		known = &codec->known[codec->recent];
	} else {
		for (size_t i = 0; i < codec->n_known && !known; i++)
			if (is_of(&codec->known[i], frame))
				known = &codec->known[i];
		if (!known)
			known = add_known(codec, frame, err);
		if (!known)
			return NULL;
		codec->recent = (size_t)(known - codec->known);
	}
	if (known->failure.code) {
		*err = known->failure;
		return NULL;
	}
	if (codec->spec.kind != MQ_SCHEMA_UNKNOWN && codec->spec.kind != known->kind) {
		char name[64];
		mq_fail(err, MQ_DATA, "%s is %s, and %s is asked for",
		        name_of(frame, name, sizeof name), mq_schema_kind_name(known->kind),
		        mq_schema_kind_name(codec->spec.kind));
		return NULL;
	}
	return known;
}

/* --- decoding --------------------------------------------------------------------------------- */

int codec_check_json(struct mq_bytes text, struct mq_err *why)
{
	struct mq_json_reader reader;
	struct mq_bytes any;

	mq_json_reader_init(&reader, (char *)text.data, text.len); /* take_any changes nothing */
	if (!mq_json_take_any(&reader, &any))
		return mq_fail(why, MQ_DATA, "no JSON, at byte %zu: %s",
		               (size_t)(reader.p - reader.base) + 1, reader.problem),
		       0;
	mq_json_peek(&reader);
	if (reader.p != reader.end)
		return mq_fail(why, MQ_DATA, "no JSON, at byte %zu: something behind the value",
		               (size_t)(reader.p - reader.base) + 1),
		       0;
	return 1;
}

/* A value is one line here: between the tokens of JSON a space is as good as a line's end, and
 * within its strings there is none. */
static void join_lines(char *text, size_t len)
{
	for (char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
		*at = ' ';
	for (char *at = text; (at = memchr(at, '\r', len - (size_t)(at - text))); at++)
		*at = ' ';
}

static int append_json(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err)
{
	if (mq_buf_append(buf, text.data, text.len, err) < 0)
		return -1;
	join_lines(buf->data + buf->len - text.len, text.len);
	return 1;
}

static int decode_plain_json(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err)
{
	return codec_check_json(text, err) ? append_json(text, buf, err) : -1;
}

/* Decodes by a schema. indexes: which of its messages, where it has several. */
static int decode_by(struct mq_codec *codec, struct mq_schema *schema, const int32_t *indexes,
                     size_t n_indexes, struct mq_bytes payload, struct mq_buf *buf,
                     struct mq_err *err)
{
	size_t before = buf->len;

	if (n_indexes > 0 && mq_schema_use_indexes(schema, indexes, n_indexes, err) < 0)
		return -1;
	if (mq_schema_decode(schema, codec->spec.reader, payload, codec->spec.form, buf, err) < 0)
		return -1;
	codec->last_schema = schema;
	if (mq_schema_kind(schema) == MQ_SCHEMA_JSON)
		join_lines(buf->data + before, buf->len - before);
	return 1;
}

static bool is_bare_bytes(const struct mq_schema *schema)
{
	const struct av_schema *avro = NULL;

	if (mq_schema_kind(schema) == MQ_SCHEMA_AVRO)
		avro = av_schema_of(schema);
	return avro && avro->nodes[avro->root].type == AV_BYTES;
}

/* Behind an id or a GUID, of a schema that is nothing but "bytes", Confluent's wire format has the
 * bytes without their length, and so writes its serializer for Java (Connect too); those for other
 * languages write the length. What does not begin with its own length has none. */
static int decode_bare_bytes(struct mq_codec *codec, struct mq_schema *schema,
                             struct mq_bytes payload, struct mq_buf *buf, struct mq_err *err)
{
	size_t before = buf->len;

	if (decode_by(codec, schema, NULL, 0, payload, buf, NULL) == 1)
		return 1;
	buf->len = before;
	mq_buf_clear(&codec->scratch);
	/* A long of Avro: zigzag, then a varint. */
	uint64_t len = (uint64_t)payload.len << 1;
	for (; len >= 0x80; len >>= 7)
		if (mq_buf_append_char(&codec->scratch, (char)(len | 0x80), err) < 0)
			return -1;
	if (mq_buf_append_char(&codec->scratch, (char)len, err) < 0 ||
	    mq_buf_append(&codec->scratch, payload.data, payload.len, err) < 0)
		return -1;
	return decode_by(codec, schema, NULL, 0,
	                 mq_bytes_of(codec->scratch.data, codec->scratch.len), buf, err);
}

/* Message indexes behind an id or a GUID. */
static int take_indexes(struct mq_frame *frame, int32_t *indexes, size_t *ret_n, struct mq_err *err)
{
	if (!frame->in_header)
		return mq_proto_take_indexes(&frame->payload, indexes, MQ_PROTO_MAX_INDEXES, ret_n,
		                             err);
	if (frame->indexes.len > 0)
		return mq_proto_take_indexes(&frame->indexes, indexes, MQ_PROTO_MAX_INDEXES, ret_n,
		                             err);
	indexes[0] = 0;
	*ret_n = 1;
	return 0;
}

static int decode_message(struct mq_codec *codec, struct mq_schema *schema, struct mq_frame *frame,
                          struct mq_buf *buf, struct mq_err *err)
{
	static const int32_t first[] = {0};
	struct mq_bytes whole = frame->payload;
	int32_t indexes[MQ_PROTO_MAX_INDEXES];
	struct mq_err why = MQ_ERR_INIT;
	size_t before = buf->len, n = 0;

	if (take_indexes(frame, indexes, &n, &why) == 0 &&
	    decode_by(codec, schema, indexes, n, frame->payload, buf, &why) == 1)
		return 1;
	buf->len = before;
	/* kafkajs' registry client writes no indexes, and means the first message. What has some
	 * cannot pass for that: the count of up to three would be the tag of a field with number 0.
	 */
	if (!frame->in_header && whole.len > 0 &&
	    decode_by(codec, schema, first, 1, whole, buf, NULL) == 1)
		return 1;
	buf->len = before;
	*err = why;
	return -1;
}

/* The payload names its schema by id or GUID. */
static int decode_named(struct mq_codec *codec, struct mq_frame *frame, struct mq_buf *buf,
                        struct mq_err *err)
{
	struct mq_schema *schema = codec->spec.schema;
	enum mq_schema_kind kind = codec->spec.kind;
	char name[64];

	if (codec->spec.registry) {
		const struct codec_known *known = find_schema(codec, frame, err);
		if (!known)
			return -1;
		schema = known->schema;
		kind = known->kind;
		codec->last_id = known->registered_id;
	} else if (frame->framing == MQ_FRAMING_CONFLUENT) {
		codec->last_id = frame->id;
	}
	if (schema && kind == MQ_SCHEMA_PROTOBUF)
		return decode_message(codec, schema, frame, buf, err);
	if (schema && is_bare_bytes(schema))
		return decode_bare_bytes(codec, schema, frame->payload, buf, err);
	if (schema)
		return decode_by(codec, schema, NULL, 0, frame->payload, buf, err);
	if (kind == MQ_SCHEMA_JSON)
		return decode_plain_json(frame->payload, buf, err);
	if (kind == MQ_SCHEMA_UNKNOWN && codec->spec.framing == MQ_FRAMING_AUTO)
		return 0;
	mq_fail(err, MQ_DATA, "it was written with %s, and no registry is known to ask",
	        name_of(frame, name, sizeof name));
	return mq_hint(err, "--registry URL says where schemas are; --schema FILE gives one");
}

static int decode_single(struct mq_codec *codec, const struct mq_frame *frame, struct mq_buf *buf,
                         struct mq_err *err)
{
	if (codec->spec.schema && codec->spec.kind == MQ_SCHEMA_AVRO) {
		if (frame->fingerprint == codec->fingerprint)
			return decode_by(codec, codec->spec.schema, NULL, 0, frame->payload, buf,
			                 err);
		mq_fail(err, MQ_DATA,
		        "it was written with the Avro schema of fingerprint %016llx, and the "
		        "given one has %016llx",
		        (unsigned long long)frame->fingerprint,
		        (unsigned long long)codec->fingerprint);
		return mq_hint(err, "give the schema that wrote it with --schema, and the one "
		                    "to read with by --reader-schema");
	}
	if (codec->spec.framing == MQ_FRAMING_AUTO && codec->spec.kind == MQ_SCHEMA_UNKNOWN)
		return 0;
	mq_fail(err, MQ_DATA,
	        "it is an Avro object of fingerprint %016llx, and there is no such schema",
	        (unsigned long long)frame->fingerprint);
	return mq_hint(err, "--decode avro --schema FILE gives the schema that wrote it");
}

/* Nothing says by which schema the payload was written. */
static int decode_unnamed(struct mq_codec *codec, struct mq_bytes payload, struct mq_buf *buf,
                          struct mq_err *err)
{
	if (codec->spec.schema && codec_use_message(codec, err) < 0)
		return -1;
	if (codec->spec.schema)
		return decode_by(codec, codec->spec.schema, NULL, 0, payload, buf, err);
	switch (codec->spec.kind) {
	case MQ_SCHEMA_JSON:
		return decode_plain_json(payload, buf, err);
	case MQ_SCHEMA_UNKNOWN:
		return codec_check_json(payload, NULL) ? append_json(payload, buf, err) : 0;
	default:
		mq_fail(err, MQ_DATA, "nothing in it names its schema");
		return mq_hint(err, "--schema FILE, registry:SUBJECT or id:N gives one");
	}
}

/* With auto a schema that was given from elsewhere than a registry decides: the payloads of Avro
 * may begin with anything, so that an id is seen only where ids can be looked up. */
static bool is_named(const struct mq_codec *codec, const struct mq_frame *frame)
{
	bool sure = codec->spec.framing != MQ_FRAMING_AUTO || frame->in_header ||
	            codec->spec.registry || !codec->spec.schema ||
	            codec->spec.kind != MQ_SCHEMA_AVRO;

	return sure &&
	       (frame->framing == MQ_FRAMING_CONFLUENT || frame->framing == MQ_FRAMING_GUID);
}

static int decode_frame(struct mq_codec *codec, struct mq_frame *frame, struct mq_bytes whole,
                        struct mq_buf *buf, struct mq_err *err)
{
	bool automatic = codec->spec.framing == MQ_FRAMING_AUTO;
	bool avro = codec->spec.kind == MQ_SCHEMA_AVRO || codec->spec.kind == MQ_SCHEMA_UNKNOWN;

	if (is_named(codec, frame))
		return decode_named(codec, frame, buf, err);
	if (frame->framing == MQ_FRAMING_CONTAINER && avro)
		return codec_decode_container(codec, frame->payload, buf, err);
	/* Without a schema the fingerprint is what there is to tell; another than that of the given
	 * one may be a coincidence. */
	if (frame->framing == MQ_FRAMING_SINGLE_OBJECT && avro &&
	    (!automatic || !codec->spec.schema || frame->fingerprint == codec->fingerprint))
		return decode_single(codec, frame, buf, err);
	return decode_unnamed(codec, whole, buf, err);
}

int mq_codec_decode(struct mq_codec *codec, const struct mq_message *message, struct mq_buf *buf,
                    struct mq_err *err)
{
	struct mq_bytes bytes = codec->spec.part == MQ_CODEC_KEY ? message->key : message->payload;
	size_t before = buf->len;
	struct mq_frame frame;

	codec->last_schema = NULL;
	codec->last_id = -1;
	if (!bytes.data)
		return 0;
	int result = mq_frame_read(codec->spec.framing, codec->spec.part, message, &frame, err);
	if (result == 0)
		result = decode_frame(codec, &frame, bytes, buf, err);
	if (result <= 0)
		buf->len = before;
	return result;
}
