/* Messages and entries: see entry.h. */
#include "backend/redis/entry.h"

#include <stdlib.h>

/* Fields of one entry as text: as much as a value may have. */
#define TEXT_LIMIT ((size_t)1 << 30)
#define TEXT_KEPT ((size_t)1 << 20)

/* --- to an entry ----------------------------------------------------------------------------- */

int mq_rd_encoder_init(struct mq_rd_encoder *encoder, const struct mq_rd_conn *conn,
                       struct mq_err *err)
{
	*encoder = (struct mq_rd_encoder){
	    .payload_field = conn->payload_field, .json = conn->fields_json, .cap = 32};
	mq_buf_init(&encoder->text, TEXT_LIMIT);
	mq_buf_init(&encoder->headers, TEXT_LIMIT);
	encoder->argv = calloc(encoder->cap, sizeof *encoder->argv);
	encoder->lens = calloc(encoder->cap, sizeof *encoder->lens);
	if (!encoder->argv || !encoder->lens)
		return mq_fail_memory(err);
	return mq_rd_decoder_init(&encoder->decoder, conn, err);
}

void mq_rd_encoder_release(struct mq_rd_encoder *encoder)
{
	free(encoder->argv);
	free(encoder->lens);
	mq_buf_release(&encoder->text);
	mq_buf_release(&encoder->headers);
	mq_rd_decoder_release(&encoder->decoder);
	*encoder = (struct mq_rd_encoder){0};
}

int mq_rd_encoder_add(struct mq_rd_encoder *encoder, struct mq_bytes word, struct mq_err *err)
{
	if (encoder->n == encoder->cap) {
		size_t cap = encoder->cap * 2;
		const char **argv = realloc(encoder->argv, cap * sizeof *argv);
		if (!argv)
			return mq_fail_memory(err);
		encoder->argv = argv;
		size_t *lens = realloc(encoder->lens, cap * sizeof *lens);
		if (!lens)
			return mq_fail_memory(err);
		encoder->lens = lens;
		encoder->cap = cap;
	}
	encoder->argv[encoder->n] = word.data;
	encoder->lens[encoder->n++] = word.len;
	return 0;
}

static int add_field(struct mq_rd_encoder *encoder, const char *name, struct mq_bytes value,
                     struct mq_err *err)
{
	if (!value.data)
		return 0;
	if (mq_rd_encoder_add(encoder, mq_bytes_str(name), err) < 0)
		return -1;
	return mq_rd_encoder_add(encoder, value, err);
}

/* A message that is no more than fields and headers: an entry of another program, as we read it. */
static bool is_fields(const struct mq_message *message)
{
	const struct mq_properties *p = message->properties;

	return p && mq_bytes_equal(p->content_type, mq_bytes_str(MQ_RD_FIELDS_TYPE)) &&
	       message->payload.data && !message->key.data && !p->message_id.data &&
	       !p->correlation_id.data && !p->reply_to.data && !p->type.data && !p->app_id.data &&
	       !p->user_id.data && !p->exchange.data && p->expiry_ms < 0 && p->priority < 0;
}

/* Headers alone, as the reserved field behind others carries them. */
static bool take_headers(struct mq_rd_decoder *decoder, struct mq_bytes value,
                         struct mq_message *ret)
{
	struct mq_message part = MQ_MESSAGE_INIT;

	if (mq_carrier_read_message(decoder->carrier, value, &part) != MQ_CARRY_HEADERS)
		return false;
	ret->headers = part.headers;
	ret->n_headers = part.n_headers;
	return true;
}

/* Would the last of these fields be read as the headers of the others? */
static bool ends_in_headers(struct mq_rd_encoder *encoder)
{
	size_t n = encoder->n - MQ_RD_WORDS_MAX;
	struct mq_message message = MQ_MESSAGE_INIT;

	if (n < 4 || !mq_bytes_equal(
	                 mq_bytes_of(encoder->argv[encoder->n - 2], encoder->lens[encoder->n - 2]),
	                 mq_bytes_str(MQ_CARRY_HEADER)))
		return false;
	bool headers = take_headers(
	    &encoder->decoder,
	    mq_bytes_of(encoder->argv[encoder->n - 1], encoder->lens[encoder->n - 1]), &message);
	mq_rd_decoder_clear(&encoder->decoder);
	return headers;
}

/* Would these fields be read as an entry of ours, and not as fields? */
static bool reads_as_ours(struct mq_rd_encoder *encoder)
{
	size_t n = encoder->n - MQ_RD_WORDS_MAX;
	struct mq_rd_reply words[6];
	struct mq_rd_reply fields = {.type = REDIS_REPLY_ARRAY, .n = n, .first = words};
	struct mq_message message = MQ_MESSAGE_INIT;

	if (n == 0 || n > 6)
		return false;
	for (size_t i = 0; i < n; i++)
		words[i] = (struct mq_rd_reply){
		    .type = REDIS_REPLY_STRING,
		    .text = mq_bytes_of(encoder->argv[MQ_RD_WORDS_MAX + i],
		                        encoder->lens[MQ_RD_WORDS_MAX + i]),
		    .next = i + 1 < n ? &words[i + 1] : NULL,
		};
	bool ours = mq_rd_decode_ours(&encoder->decoder, &fields, &message);
	mq_rd_decoder_clear(&encoder->decoder);
	return ours;
}

/* The payload's fields. 1, 0 when they have to be written in our own form, -1. */
static int encode_fields(struct mq_rd_encoder *encoder, const struct mq_message *message,
                         struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (mq_buf_append(&encoder->text, message->payload.data, message->payload.len, err) < 0)
		return -1;
	if (mq_rd_fields_parse(encoder, encoder->text.data, encoder->text.len, encoder->json,
	                       &why) == 0 &&
	    (encoder->json || (!reads_as_ours(encoder) && !ends_in_headers(encoder))))
		return 1;
	if (!encoder->json && (why.code == MQ_OK || why.code == MQ_DATA)) {
		encoder->n = MQ_RD_WORDS_MAX;
		mq_buf_clear(&encoder->text);
		return 0;
	}
	if (err && !err->code)
		*err = why;
	return -1;
}

/* Behind the fields, which other programs read. */
static int add_headers(struct mq_rd_encoder *encoder, const struct mq_message *message,
                       struct mq_err *err)
{
	mq_buf_clear(&encoder->headers);
	if (mq_carry_append_message(message, MQ_CARRY_HEADERS, &encoder->headers, err) < 0)
		return -1;
	return add_field(encoder, MQ_CARRY_HEADER,
	                 mq_bytes_of(encoder->headers.data, encoder->headers.len), err);
}

static int check_json(const struct mq_message *message, struct mq_err *err)
{
	const char *extra = message->key.data ? "a key" : message->n_headers ? "headers" : NULL;

	if (extra) {
		mq_fail(err, MQ_DATA, "a record with %s cannot be written with -X fields=json",
		        extra);
		return mq_hint(err, "make it a member of the object, or leave fields=json out");
	}
	if (!message->payload.data)
		return mq_fail(err, MQ_DATA,
		               "a null payload has no members, which -X fields=json wants");
	return 0;
}

int mq_rd_encode(struct mq_rd_encoder *encoder, const struct mq_message *message,
                 struct mq_err *err)
{
	unsigned members = 0;

	encoder->n = MQ_RD_WORDS_MAX;
	if (encoder->text.cap > TEXT_KEPT)
		mq_buf_release(&encoder->text);
	mq_buf_clear(&encoder->text);
	if (encoder->json && check_json(message, err) < 0)
		return -1;
	if (encoder->json || is_fields(message)) {
		int done = encode_fields(encoder, message, err);
		if (done < 0 || (done > 0 && message->n_headers == 0))
			return done < 0 ? -1 : 0;
		if (done > 0)
			return add_headers(encoder, message, err);
	}
	if (message->n_headers)
		members |= MQ_CARRY_HEADERS;
	if (message->ts_ms != MQ_NO_TIME)
		members |= MQ_CARRY_TIME;
	if (mq_carry_wanted(message->properties))
		members |= MQ_CARRY_PROPERTIES;
	/* An entry has at least one field. */
	if (!members && !message->payload.data && !message->key.data)
		members = MQ_CARRY_PAYLOAD;
	if (members && mq_carry_append_message(message, members, &encoder->text, err) < 0)
		return -1;
	if (add_field(encoder, encoder->payload_field, message->payload, err) < 0 ||
	    add_field(encoder, "key", message->key, err) < 0)
		return -1;
	if (!members)
		return 0;
	return add_field(encoder, MQ_CARRY_HEADER,
	                 mq_bytes_of(encoder->text.data, encoder->text.len), err);
}

/* --- from an entry --------------------------------------------------------------------------- */

int mq_rd_decoder_init(struct mq_rd_decoder *decoder, const struct mq_rd_conn *conn,
                       struct mq_err *err)
{
	*decoder = (struct mq_rd_decoder){.payload_field = conn->payload_field};
	mq_buf_init(&decoder->text, TEXT_LIMIT);
	return mq_carrier_new(&decoder->carrier, err);
}

void mq_rd_decoder_release(struct mq_rd_decoder *decoder)
{
	mq_carrier_free(decoder->carrier);
	mq_buf_release(&decoder->text);
	*decoder = (struct mq_rd_decoder){0};
}

void mq_rd_decoder_clear(struct mq_rd_decoder *decoder)
{
	mq_carrier_clear(decoder->carrier);
	if (decoder->text.cap > TEXT_KEPT)
		mq_buf_release(&decoder->text);
}

/* Takes the field at *at when it has this name. */
static bool take_field(const struct mq_rd_reply **at, const char *name, size_t len,
                       struct mq_bytes *ret)
{
	const struct mq_rd_reply *field = *at;

	if (!field || !field->next || field->text.len != len || !field->text.data ||
	    memcmp(field->text.data, name, len) != 0)
		return false;
	*ret = field->next->text;
	*at = field->next->next;
	return true;
}

/* What the reserved field carries. False when it is none of ours. */
static bool take_carried(struct mq_rd_decoder *decoder, struct mq_bytes value,
                         struct mq_message *message)
{
	struct mq_message part = MQ_MESSAGE_INIT;
	unsigned members = mq_carrier_read_message(decoder->carrier, value, &part);
	const unsigned usual = MQ_CARRY_HEADERS | MQ_CARRY_TIME | MQ_CARRY_PROPERTIES;

	if (!members || (members & MQ_CARRY_KEY))
		return false;
	/* The null payload is carried alone, where there is nothing else. */
	if (members & MQ_CARRY_PAYLOAD &&
	    (members & usual || part.payload.data || message->payload.data || message->key.data))
		return false;
	if (members & MQ_CARRY_HEADERS) {
		message->headers = part.headers;
		message->n_headers = part.n_headers;
	}
	if (members & MQ_CARRY_PROPERTIES)
		message->properties = part.properties;
	if (members & MQ_CARRY_TIME && part.ts_ms != MQ_NO_TIME) {
		message->ts_ms = part.ts_ms;
		message->ts_type = MQ_TS_CREATE;
	}
	return true;
}

bool mq_rd_decode_ours(struct mq_rd_decoder *decoder, const struct mq_rd_reply *fields,
                       struct mq_message *message)
{
	const struct mq_rd_reply *at = fields->first;
	struct mq_message ours = *message;
	struct mq_bytes carried;

	take_field(&at, decoder->payload_field, strlen(decoder->payload_field), &ours.payload);
	take_field(&at, "key", 3, &ours.key);
	if (at && (!take_field(&at, MQ_CARRY_HEADER, sizeof MQ_CARRY_HEADER - 1, &carried) || at ||
	           !take_carried(decoder, carried, &ours)))
		return false;
	*message = ours;
	return true;
}

static int decode_fields(struct mq_rd_decoder *decoder, struct mq_rd_arena *arena,
                         const struct mq_rd_reply *fields, struct mq_message *message,
                         struct mq_err *err)
{
	struct mq_properties *properties = mq_rd_arena_take(arena, sizeof *properties);

	mq_buf_clear(&decoder->text);
	if (mq_rd_fields_append(fields, &decoder->text, err) < 0)
		return -1;
	char *copy = mq_rd_arena_take(arena, decoder->text.len);
	if (!properties || !copy)
		return mq_fail_memory(err);
	memcpy(copy, decoder->text.data, decoder->text.len);
	*properties = (struct mq_properties)MQ_PROPERTIES_INIT;
	properties->content_type = mq_bytes_str(MQ_RD_FIELDS_TYPE);
	message->payload = mq_bytes_of(copy, decoder->text.len);
	message->properties = properties;
	return 0;
}

int mq_rd_decode(struct mq_rd_decoder *decoder, struct mq_rd_arena *arena,
                 const struct mq_rd_reply *fields, struct mq_message *message, struct mq_err *err)
{
	struct mq_rd_reply others = *fields;
	const struct mq_rd_reply *name = fields->first;

	if (fields->n > 0 && mq_rd_decode_ours(decoder, fields, message))
		return 0;
	for (size_t i = 2; i < fields->n && name; i++)
		name = name->next;
	if (fields->n >= 4 && name && name->next &&
	    mq_bytes_equal(name->text, mq_bytes_str(MQ_CARRY_HEADER)) &&
	    take_headers(decoder, name->next->text, message))
		others.n -= 2;
	return decode_fields(decoder, arena, &others, message, err);
}
