/* JSON texts to what a schema makes of them: see encoding.h. */
#include "cmd/encoding.h"
#include "cmd/avro_lines.h"
#include "cmd/schema/registries.h"

#include <stdio.h>
#include <stdlib.h>

#define FIELD(name) offsetof(struct encoding_options, name)

const struct mq_option encoding_rows[] = {
    {.name = "encode",
     .type = MQ_OPT_LIST,
     .arg = "[key=|value=]WHAT",
     .help = "payloads are JSON texts: send them as auto, json, avro or protobuf; repeatable",
     .more =
         "By --schema, and without it by the latest schema of registry:STREAM-value, keys by "
         "--key-schema or registry:STREAM-key; auto is whatever that schema is. json without a "
         "schema only checks that it is JSON. key=WHAT is for keys, several stand behind commas: "
         "avro,key=avro. Avro takes all forms that --decode prints: logical types as text or "
         "number, unions with or without the branch's name, decimals as a number (12.34) or a "
         "string of their bytes. What does not fit the schema fails and is never sent. What begins "
         "with "
         "the schema's own frame is encoded already and stays as it is, so that what "
         "--failed-to kept can be sent again.",
     .field = FIELD(encode)},
    {.name = "framing",
     .type = MQ_OPT_LIST,
     .arg = "[key=|value=]HOW",
     .help = "how payloads name their schema: none, confluent, guid, single-object, container",
     .more = "Unless told, confluent (0x00 and an id of 4 bytes) with a schema from a registry, "
             "else none. guid: 16 bytes in the header __value_schema_id or __key_schema_id; "
             "single-object and container are Avro's.",
     .field = FIELD(framing)},
    {.name = "key-schema",
     .type = MQ_OPT_STRING,
     .arg = "SOURCE",
     .help = "the schema of keys; the forms of --schema",
     .field = FIELD(key_schema),
     .complete = MQ_COMPLETE_FILE},
    {.name = "avro-file",
     .type = MQ_OPT_LIST,
     .arg = "FILE",
     .help = "send what is in Avro container files, each value as a message; repeatable",
     .more = "As JSON text, or encoded with --encode; with --encode avro and neither --schema nor "
             "a registry the schema is that of the first file. - is standard input.",
     .field = FIELD(avro_files),
     .excludes = "json delimiter key-delimiter lines",
     .complete = MQ_COMPLETE_FILE},
    {0}};

/* Bytes that stay where they are: the texts of one batch. */
struct encoder_piece {
	struct encoder_piece *next;
	size_t len, cap;
	char data[];
};

enum { PIECE = 256 * 1024 };

static int keep(struct encoder *encoder, struct mq_bytes *bytes, struct mq_err *err)
{
	struct encoder_piece *piece = encoder->pieces;
	const struct mq_buf *from = &encoder->scratch;

	if (!piece || piece->cap - piece->len < from->len) {
		size_t cap = from->len > PIECE ? from->len : PIECE;
		piece = malloc(sizeof *piece + cap);
		if (!piece)
			return mq_fail_memory(err);
		*piece = (struct encoder_piece){.next = encoder->pieces, .cap = cap};
		encoder->pieces = piece;
	}
	char *at = piece->data + piece->len;
	if (from->len > 0)
		memcpy(at, from->data, from->len);
	piece->len += from->len;
	*bytes = mq_bytes_of(at, from->len);
	return 0;
}

void encoder_clear(struct encoder *encoder)
{
	/* One is kept for the next batch. */
	while (encoder->pieces && encoder->pieces->next) {
		struct encoder_piece *next = encoder->pieces->next;
		free(encoder->pieces);
		encoder->pieces = next;
	}
	if (encoder->pieces)
		encoder->pieces->len = 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Where a part's schema is: as told, else by the name of the stream where there is a registry. */
static int find_source(const struct encoder *encoder, const char *given,
                       const struct decoding_choice *choice, const char *stream, const char *part,
                       char **ret, struct mq_err *err)
{
	*ret = NULL;
	if (given) {
		*ret = strdup(given);
		return *ret ? 0 : mq_fail_memory(err);
	}
	if (choice->kind == MQ_SCHEMA_JSON)
		return 0;
	if (encoder->registry && stream)
		return asprintf(ret, "registry:%s-%s", stream, part) < 0 ? mq_fail_memory(err) : 0;
	mq_fail(err, MQ_USAGE, "--encode needs a schema for the %s", part);
	return mq_hint(err, "--%sschema FILE gives it, or --registry URL has it as %s-%s",
	               strcmp(part, "key") == 0 ? "key-" : "", stream ? stream : "STREAM", part);
}

static int open_part(struct encoder *encoder, const struct mq_invocation *invocation,
                     struct schema_options options, const char *source, enum mq_codec_part part,
                     const struct decoding_choice *choice, struct mq_err *err)
{
	bool key = part == MQ_CODEC_KEY;
	struct schema_opened *opened = key ? &encoder->key_schema : &encoder->schema;
	struct mq_codec_spec spec = {
	    .part = part, .kind = choice->kind, .framing = choice->framing, .id = -1};
	unsigned char guid[16];

	if (options.type == 0 && choice->kind != MQ_SCHEMA_UNKNOWN)
		options.type = 1 + (int)choice->kind;
	if (source && !opened->schema &&
	    schema_open_with(invocation, &options, source, encoder->registry, opened, err) < 0)
		return -1;
	spec.schema = opened->schema;
	if (opened->registered) {
		spec.id = opened->registered->id;
		if (opened->registered->guid && registries_guid(opened->registered->guid, guid))
			spec.guid = guid;
	}
	struct mq_codec **codec = key ? &encoder->key : &encoder->value;
	if (mq_codec_new(&spec, true, codec, err) < 0)
		return -1;
	if (key)
		encoder->has_key_header = mq_codec_header(*codec, &encoder->headers[1]);
	else
		encoder->has_value_header = mq_codec_header(*codec, &encoder->headers[0]);
	return 0;
}

/* Whether values are written by the schema of the file that they come from. */
static bool by_file(const struct encoder *encoder, const struct encoding_options *options,
                    const struct schema_options *schema, const struct decoding_choice *choice)
{
	bool named = choice->framing == MQ_FRAMING_CONFLUENT || choice->framing == MQ_FRAMING_GUID;

	return options->avro_files.n > 0 && !schema->source && choice->kind != MQ_SCHEMA_JSON &&
	       (choice->framing == MQ_FRAMING_AUTO ? !encoder->registry : !named);
}

static int check_options(const struct encoding_options *options,
                         const struct decoding_choices *choices, struct mq_err *err)
{
	if (options->key_schema && !choices->key.wanted)
		return mq_fail(err, MQ_USAGE, "--key-schema needs --encode key=…");
	if (options->framing.n > 0 && !choices->key.wanted && !choices->value.wanted)
		return mq_fail(err, MQ_USAGE, "--framing needs --encode");
	return 0;
}

int encoder_init(struct encoder *encoder, const struct mq_invocation *invocation,
                 const struct encoding_options *options, const struct schema_options *schema,
                 const char *stream, struct mq_err *err)
{
	struct decoding_choices choices;
	char *source = NULL, *key_source = NULL;
	int result = -1;

	*encoder = (struct encoder){0};
	mq_buf_init(&encoder->scratch, SIZE_MAX / 2);
	if (decoding_choose("--encode", &options->encode, &options->framing, NULL, &choices, err) <
	        0 ||
	    check_options(options, &choices, err) < 0)
		return -1;
	if (!choices.value.wanted && !choices.key.wanted)
		return 0;
	struct schema_options key_options = *schema;
	key_options.message = NULL;
	if (registries_open(invocation, schema->registry, &encoder->registry, err) < 0)
		return -1;
	bool file = choices.value.wanted && by_file(encoder, options, schema, &choices.value);
	if (choices.value.wanted &&
	    ((file ? avro_lines_schema(options->avro_files.items[0], &encoder->schema.schema, err)
	           : find_source(encoder, schema->source, &choices.value, stream, "value", &source,
	                         err)) < 0 ||
	     open_part(encoder, invocation, *schema, source, MQ_CODEC_VALUE, &choices.value, err) <
	         0))
		goto out;
	if (choices.key.wanted && (find_source(encoder, options->key_schema, &choices.key, stream,
	                                       "key", &key_source, err) < 0 ||
	                           open_part(encoder, invocation, key_options, key_source,
	                                     MQ_CODEC_KEY, &choices.key, err) < 0))
		goto out;
	result = 0;
out:
	free(source);
	free(key_source);
	return result;
}

void encoder_release(struct encoder *encoder)
{
	encoder_clear(encoder);
	free(encoder->pieces);
	mq_codec_free(encoder->value);
	mq_codec_free(encoder->key);
	schema_close(&encoder->schema);
	schema_close(&encoder->key_schema);
	mq_registry_free(encoder->registry);
	mq_buf_release(&encoder->scratch);
	*encoder = (struct encoder){0};
}

bool encoder_wanted(const struct encoder *encoder)
{
	return encoder->value || encoder->key;
}

/* --- each record ------------------------------------------------------------------------------ */

static int encode(struct encoder *encoder, struct mq_codec *codec, const char *part,
                  struct mq_bytes *bytes, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	mq_buf_clear(&encoder->scratch);
	if (mq_codec_encode(codec, *bytes, &encoder->scratch, &why) == 0)
		return keep(encoder, bytes, err);
	mq_fail(err, why.code, "%s: %s", part, why.message);
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

/* Most records have nothing to be encoded: no error is made ready for them. */
static int apply(struct encoder *encoder, struct mq_codec *codec, const char *part,
                 const struct mq_message *message, struct mq_bytes *bytes, struct mq_err *err)
{
	return !codec || !bytes->data || mq_codec_is_encoded(codec, message)
	           ? 0
	           : encode(encoder, codec, part, bytes, err);
}

int encoder_apply(struct encoder *encoder, struct mq_message *message, struct mq_err *err)
{
	struct mq_bytes key = message->key, payload = message->payload;

	if (apply(encoder, encoder->key, "key", message, &key, err) < 0 ||
	    apply(encoder, encoder->value, "value", message, &payload, err) < 0)
		return -1;
	message->key = key;
	message->payload = payload;
	return 0;
}

const struct mq_header *encoder_headers(const struct encoder *encoder,
                                        const struct mq_message *message, size_t *ret_n)
{
	bool value = encoder->has_value_header && message->payload.data;
	bool key = encoder->has_key_header && message->key.data;

	*ret_n = (size_t)value + (size_t)key;
	return value ? encoder->headers : encoder->headers + 1;
}
