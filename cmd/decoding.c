/* Keys and payloads as JSON text: see decoding.h. */
#include "cmd/decoding.h"
#include "cmd/schema/registries.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const on_error_choices[] = {"fail", "skip", "raw", NULL};

#define FIELD(name) offsetof(struct decoding_form, name)

const struct mq_option decoding_form_rows[] = {
    {.name = "reader-schema",
     .type = MQ_OPT_STRING,
     .arg = "SOURCE",
     .help = "Avro: show payloads as this schema has them; the forms of --schema",
     .more = "Fields are found by name and alias, missing ones get their defaults, numbers are "
             "widened, as the specification has it.",
     .field = FIELD(reader_schema),
     .complete = MQ_COMPLETE_FILE},
    {.name = "logical-types",
     .type = MQ_OPT_FLAG,
     .help = "Avro: dates, times and uuids as text, decimals as numbers, not as integers and bytes",
     .field = FIELD(logical)},
    {.name = "bare-unions",
     .type = MQ_OPT_FLAG,
     .help = "Avro: the value of a union without the name of its branch",
     .more =
         "Encoded again, such a value is of the first branch that it fits, which may be another "
         "one; with the names it is the same bytes.",
     .field = FIELD(bare)},
    {0}};

#undef FIELD
#define FIELD(name) offsetof(struct decoding_options, name)

const struct mq_option decoding_rows[] = {
    {.name = "decode",
     .type = MQ_OPT_LIST,
     .arg = "[key=|value=]WHAT",
     .help = "print payloads as JSON text: auto, json, avro or protobuf; repeatable",
     .more = "auto: by the schema that a payload names (an id before it or in a header), which "
             "--registry has, and what names none only if it is JSON; the rest stays as it is. "
             "json, avro and protobuf expect just that. key=WHAT is for keys, several stand behind "
             "commas: auto,key=avro. pack:LETTERS prints packed numbers as text, such as pack:<i, "
             "of key and payload unless key= or value= stands before it: < little-endian, > "
             "big-endian, b B 8 bits, h H 16, i I 32, q Q 64 (capitals unsigned), c one character, "
             "s the rest as text, $ nothing may follow.",
     .field = FIELD(decode)},
    {.name = "on-error",
     .type = MQ_OPT_CHOICE,
     .arg = "WHAT",
     .choices = on_error_choices,
     .help = "what to do with a message that cannot be decoded: fail, skip or raw",
     .more = "raw prints it as it came. A registry that does not answer ends the command (4) "
             "with fail, and is asked again after some seconds otherwise.",
     .field = FIELD(on_error)},
    {.name = "framing",
     .type = MQ_OPT_LIST,
     .arg = "[key=|value=]HOW",
     .help = "how payloads name their schema: none, confluent, guid, single-object, container",
     .more = "auto (unless told): what is recognised. confluent: 0x00 and an id of 4 bytes; guid: "
             "16 bytes in the header __value_schema_id or __key_schema_id; single-object and "
             "container are Avro's. none: it is all data.",
     .field = FIELD(framing)},
    {.name = "key-schema",
     .type = MQ_OPT_STRING,
     .arg = "SOURCE",
     .help = "the schema of keys that name none; the forms of --schema",
     .field = FIELD(key_schema),
     .complete = MQ_COMPLETE_FILE},
    {0}};

unsigned decoding_form(const struct decoding_form *form)
{
	return (form->logical ? MQ_SCHEMA_LOGICAL : 0U) | (form->bare ? MQ_SCHEMA_BARE : 0U);
}

/* --- --decode and --framing ------------------------------------------------------------------- */

/* Takes "key=" or "value=" off the front. Which parts are meant: unless told, the default. */
static const char *take_part(const char *text, bool *key, bool *value)
{
	if (strncmp(text, "key=", 4) == 0) {
		*key = true, *value = false;
		return text + 4;
	}
	if (strncmp(text, "value=", 6) == 0) {
		*key = false, *value = true;
		return text + 6;
	}
	return text;
}

static int choose_one(const char *option, const char *text, size_t len, const char *pack,
                      struct mq_format_spec *spec, struct decoding_choices *choices,
                      struct mq_err *err)
{
	bool key = false, value = true;
	char word[32] = "";
	const char *what = take_part(text, &key, &value);

	len -= (size_t)(what - text);
	if (pack && spec && len >= 5 && strncmp(what, "pack:", 5) == 0) {
		if (what == text)
			key = true;
		if (key)
			spec->pack_key = pack + (what - text) + 5;
		if (value)
			spec->pack_payload = pack + (what - text) + 5;
		return 0;
	}
	if (len < sizeof word)
		memcpy(word, what, len);
	enum mq_schema_kind kind = mq_schema_kind_named(word);
	if (kind == MQ_SCHEMA_UNKNOWN && strcmp(word, "auto") != 0) {
		mq_fail(err, MQ_USAGE, "%s: '%.*s' is none of auto, json, avro and protobuf",
		        option, (int)len, what);
		return mq_hint(err, "%s for payloads and keys: auto,key=avro%s", option,
		               spec ? "; packed numbers: pack:<i" : "");
	}
	struct decoding_choice *choice = key ? &choices->key : &choices->value;
	choice->wanted = true;
	choice->kind = kind;
	return 0;
}

static int choose_framing(const char *text, size_t len, struct decoding_choices *choices,
                          struct mq_err *err)
{
	bool key = true, value = true;
	const char *what = take_part(text, &key, &value);

	len -= (size_t)(what - text);
	for (int i = 0; mq_framing_names[i]; i++) {
		if (strlen(mq_framing_names[i]) != len ||
		    strncmp(mq_framing_names[i], what, len) != 0)
			continue;
		if (key)
			choices->key.framing = (enum mq_framing)i;
		if (value)
			choices->value.framing = (enum mq_framing)i;
		return 0;
	}
	return mq_fail(err, MQ_USAGE,
	               "--framing: '%.*s' is none of auto, none, confluent, guid, single-object "
	               "and container",
	               (int)len, what);
}

int decoding_choose(const char *option, const struct mq_option_list *what,
                    const struct mq_option_list *framing, struct mq_format_spec *spec,
                    struct decoding_choices *ret_choices, struct mq_err *err)
{
	*ret_choices = (struct decoding_choices){0};
	for (size_t i = 0; i < what->n; i++) {
		const char *text = what->items[i];
		for (;;) {
			size_t len = strcspn(text, ",");
			/* A pack is kept as a string, so it is the last of its list. */
			const char *pack = text[len] ? NULL : text;
			if (choose_one(option, text, len, pack, spec, ret_choices, err) < 0)
				return -1;
			if (!text[len])
				break;
			text += len + 1;
		}
	}
	for (size_t i = 0; i < framing->n; i++)
		for (const char *text = framing->items[i];; text++) {
			size_t len = strcspn(text, ",");
			if (choose_framing(text, len, ret_choices, err) < 0)
				return -1;
			text += len;
			if (!*text)
				break;
		}
	return 0;
}

/* --- the decoder ------------------------------------------------------------------------------ */

/* Options that need another one to mean something. */
static int check_options(const struct decoding_options *options,
                         const struct decoding_choices *choices, struct mq_err *err)
{
	if (options->key_schema && !choices->key.wanted)
		return mq_fail(err, MQ_USAGE, "--key-schema needs --decode key=…");
	if (choices->value.wanted)
		return 0;
	if (options->form.reader_schema)
		return mq_fail(err, MQ_USAGE, "--reader-schema needs --decode avro or auto");
	if (!choices->key.wanted &&
	    (options->framing.n > 0 || options->form.logical || options->form.bare))
		return mq_fail(err, MQ_USAGE, "%s needs --decode",
		               options->framing.n > 0  ? "--framing"
		               : options->form.logical ? "--logical-types"
		                                       : "--bare-unions");
	return 0;
}

/* What --type would say: --decode has said it. */
static struct schema_options options_for(const struct decoding_options *options,
                                         enum mq_schema_kind kind)
{
	struct schema_options schema = options->schema;

	if (schema.type == 0 && kind != MQ_SCHEMA_UNKNOWN)
		schema.type = 1 + (int)kind;
	return schema;
}

static int open_schemas(struct decoder *decoder, const struct mq_invocation *invocation,
                        const struct decoding_options *options,
                        const struct decoding_choices *choices, struct mq_err *err)
{
	struct schema_options value = options_for(options, choices->value.kind);
	struct schema_options key = options_for(options, choices->key.kind);
	struct schema_options reader = options_for(options, MQ_SCHEMA_AVRO);

	key.message = NULL;
	if (choices->value.wanted && value.source &&
	    schema_open_with(invocation, &value, value.source, decoder->registry, &decoder->schema,
	                     err) < 0)
		return -1;
	if (options->key_schema &&
	    schema_open_with(invocation, &key, options->key_schema, decoder->registry,
	                     &decoder->key_schema, err) < 0)
		return -1;
	if (options->form.reader_schema &&
	    schema_open_with(invocation, &reader, options->form.reader_schema, decoder->registry,
	                     &decoder->reader, err) < 0)
		return -1;
	return 0;
}

static int open_codec(struct decoder *decoder, enum mq_codec_part part,
                      const struct decoding_options *options, const struct decoding_choice *choice,
                      const struct schema_opened *schema, struct mq_codec **ret, struct mq_err *err)
{
	struct mq_codec_spec spec = {
	    .part = part,
	    .kind = choice->kind,
	    .framing = choice->framing,
	    .schema = schema->schema,
	    .reader = part == MQ_CODEC_VALUE ? decoder->reader.schema : NULL,
	    .id = schema->registered ? schema->registered->id : -1,
	    .registry = decoder->registry,
	    .form = decoding_form(&options->form),
	};

	return choice->wanted ? mq_codec_new(&spec, false, ret, err) : 0;
}

int decoder_init(struct decoder *decoder, const struct mq_invocation *invocation,
                 const struct decoding_options *options, const struct decoding_choices *choices,
                 struct mq_err *err)
{
	*decoder = (struct decoder){.env = invocation->env};
	mq_buf_init(&decoder->value_text, SIZE_MAX / 2);
	mq_buf_init(&decoder->key_text, SIZE_MAX / 2);
	if (check_options(options, choices, err) < 0)
		return -1;
	if (!choices->value.wanted && !choices->key.wanted)
		return 0;
	if (registries_open(invocation, options->schema.registry, &decoder->registry, err) < 0 ||
	    open_schemas(decoder, invocation, options, choices, err) < 0 ||
	    open_codec(decoder, MQ_CODEC_VALUE, options, &choices->value, &decoder->schema,
	               &decoder->value, err) < 0)
		return -1;
	return open_codec(decoder, MQ_CODEC_KEY, options, &choices->key, &decoder->key_schema,
	                  &decoder->key, err);
}

void decoder_release(struct decoder *decoder)
{
	mq_codec_free(decoder->value);
	mq_codec_free(decoder->key);
	schema_close(&decoder->schema);
	schema_close(&decoder->key_schema);
	schema_close(&decoder->reader);
	mq_registry_free(decoder->registry);
	mq_buf_release(&decoder->value_text);
	mq_buf_release(&decoder->key_text);
	record_headers_release(&decoder->headers);
	*decoder = (struct decoder){0};
}

bool decoder_wanted(const struct decoder *decoder)
{
	return decoder->value || decoder->key;
}

unsigned decoder_needs(const struct decoder *decoder)
{
	return (decoder->value && mq_codec_needs_headers(decoder->value)) ||
	               (decoder->key && mq_codec_needs_headers(decoder->key))
	           ? MQ_NEED_HEADERS
	           : 0;
}

/* Said once: with auto this looks as if nothing had been asked for. */
static void note_unknown(struct decoder *decoder, int32_t id)
{
	if (!decoder->noted && !decoder->registry)
		mq_log(decoder->env, MQ_LEVEL_NOTE,
		       "there are payloads of schema id %d and the like, and no registry is known: "
		       "they are printed as they are (--registry URL)",
		       id);
	decoder->noted = true;
}

/* Decodes one part: *ret_text is absent when it is left as it is. */
static int decode_part(struct decoder *decoder, struct mq_codec *codec,
                       const struct mq_message *message, struct mq_buf *text,
                       struct mq_bytes *ret_text, int32_t *ret_id, struct mq_err *why)
{
	mq_err_clear(why);
	mq_buf_clear(text);
	int result = mq_codec_decode(codec, message, text, why);
	*ret_id = mq_codec_id(codec);
	if (result > 0)
		*ret_text = mq_bytes_of(text->data, text->len);
	else if (result == 0 && *ret_id >= 0)
		note_unknown(decoder, *ret_id);
	return result < 0 ? -1 : 0;
}

int decoding_fail_at(const struct mq_message *message, const char *part, const struct mq_err *why,
                     struct mq_err *err)
{
	const struct mq_bytes stream = message->stream, id = message->id;

	if (why->code != MQ_DATA)
		mq_fail(err, why->code, "%s", why->message);
	else if (id.data)
		mq_fail(err, why->code, "%.*s %.*s: %s: %s", (int)stream.len, stream.data,
		        (int)id.len, id.data, part, why->message);
	else
		mq_fail(err, why->code, "%.*s[%d]@%lld: %s: %s", (int)stream.len, stream.data,
		        message->partition, (long long)message->offset, part, why->message);
	err->retriable = why->retriable;
	return why->hint[0] ? mq_hint(err, "%s", why->hint) : -1;
}

int decoder_apply(struct decoder *decoder, const struct mq_message *message, struct mq_message *ret,
                  struct mq_err *err)
{
	struct mq_decoded *decoded = &decoder->decoded;
	int result = 0;

	*ret = *message;
	ret->decoded = decoded;
	*decoded = (struct mq_decoded)MQ_DECODED_INIT;
	if (decoder->key &&
	    decode_part(decoder, decoder->key, message, &decoder->key_text, &decoded->key,
	                &decoded->key_schema_id, &decoder->key_error) < 0) {
		decoded->key_error = decoder->key_error.message;
		result = decoding_fail_at(message, "key", &decoder->key_error, err);
	}
	if (decoder->value &&
	    decode_part(decoder, decoder->value, message, &decoder->value_text, &decoded->payload,
	                &decoded->payload_schema_id, &decoder->value_error) < 0) {
		decoded->payload_error = decoder->value_error.message;
		result = decoding_fail_at(message, "value", &decoder->value_error, err);
	}
	record_headers_clear(&decoder->headers);
	if ((decoded->key.data &&
	     record_headers_drop(&decoder->headers, ret, MQ_KEY_SCHEMA_HEADER, err) < 0) ||
	    (decoded->payload.data &&
	     record_headers_drop(&decoder->headers, ret, MQ_VALUE_SCHEMA_HEADER, err) < 0))
		return -1;
	return result;
}
