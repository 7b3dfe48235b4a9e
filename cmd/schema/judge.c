/* Judging messages by a schema: see judge.h. */
#include "cmd/schema/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXTS_MAX ((size_t)64 << 20)
#define DECODED_MAX ((size_t)1 << 30)

int judge_init(struct judge *judge, struct mq_schema *schema, bool text, size_t most,
               struct mq_err *err)
{
	*judge = (struct judge){.schema = schema, .text = text, .most = most};
	mq_buf_init(&judge->texts, TEXTS_MAX);
	mq_buf_init(&judge->decoded, DECODED_MAX);
	judge->errors = calloc(most, sizeof *judge->errors);
	if (!judge->errors || mq_buf_append_char(&judge->texts, '\0', err) < 0)
		return mq_fail_memory(err);
	return 0;
}

void judge_release(struct judge *judge)
{
	free(judge->errors);
	mq_buf_release(&judge->texts);
	mq_buf_release(&judge->decoded);
	*judge = (struct judge){0};
}

static void clear(struct judge *judge)
{
	judge->n = 0;
	judge->more = judge->failed = false;
	judge->texts.len = 1;
}

/* Returns the place of a copy; 0 for what is absent. */
static size_t keep(struct judge *judge, struct mq_bytes text)
{
	size_t place = judge->texts.len;

	if (!text.data)
		return 0;
	if (mq_buf_reserve(&judge->texts, text.len + 1, NULL) < 0) {
		judge->failed = true;
		return 0;
	}
	if (text.len > 0)
		memcpy(judge->texts.data + place, text.data, text.len);
	judge->texts.data[place + text.len] = '\0';
	judge->texts.len += text.len + 1;
	return place;
}

static int hear(void *ctx, const struct mq_violation *violation)
{
	struct judge *judge = ctx;

	if (judge->n == judge->most) {
		judge->more = true;
		return 1;
	}
	judge->errors[judge->n++] = (struct judge_error){
	    .pointer = keep(judge, mq_bytes_str(violation->pointer)),
	    .schema_pointer = keep(judge, mq_bytes_str(violation->schema_pointer)),
	    .keyword = keep(judge, mq_bytes_str(violation->keyword)),
	    .value = keep(judge, violation->value),
	    .error = keep(judge, mq_bytes_str(violation->error)),
	};
	return 0;
}

int judge_refuse(struct judge *judge, const char *keyword, const char *error, struct mq_err *err)
{
	struct mq_violation violation = {.pointer = "", .keyword = keyword, .error = error};

	clear(judge);
	hear(judge, &violation);
	return judge->failed ? mq_fail_memory(err) : 0;
}

/* What is no JSON may be what another schema wrote: 0x00 and the number of that. */
static bool is_framed(const struct judge *judge, struct mq_bytes payload)
{
	return judge->n == 1 && payload.len > 5 && payload.data[0] == '\0' &&
	       strcmp(judge_text(judge, judge->errors[0].keyword), "json") == 0;
}

static int refuse_framed(struct judge *judge, struct mq_bytes payload, struct mq_err *err)
{
	uint32_t id = 0;
	char words[200];

	for (int i = 1; i <= 4; i++)
		id = id << 8 | (unsigned char)payload.data[i];
	snprintf(words, sizeof words,
	         "no JSON; it is framed as Confluent's serializers do, with schema id %" PRIu32
	         "%s%s%s",
	         id, judge->unframe ? ": " : "", judge->unframe ? judge->unframe : "",
	         judge->unframe ? " decodes it first" : "");
	return judge_refuse(judge, "json", words, err);
}

/* By a schema that checks this form of it. */
static int check(struct judge *judge, struct mq_schema *schema, struct mq_bytes payload, bool text,
                 struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	int valid = (text ? mq_schema_check_json : mq_schema_check_data)(schema, payload, hear,
	                                                                 judge, &why);

	if (judge->failed)
		return mq_fail_memory(err);
	if (valid < 0 && why.code == MQ_DATA)
		return judge_refuse(judge, "limit", why.message, err);
	if (valid < 0)
		return mq_fail(err, why.code, "%s", why.message);
	if (valid == 0 && judge->n == 0)
		return judge_refuse(judge, "schema", "is not valid", err);
	if (valid == 0 && is_framed(judge, payload))
		return refuse_framed(judge, payload, err);
	return valid;
}

/* What was written by a schema that it names: first by that one into JSON. */
static int check_framed(struct judge *judge, const struct mq_message *message, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct mq_schema *schema = judge->schema;

	mq_buf_clear(&judge->decoded);
	int decoded = mq_codec_decode(judge->codec, message, &judge->decoded, &why);
	if (decoded < 0 && (why.code == MQ_DATA || why.code == MQ_NOT_FOUND))
		return judge_refuse(judge, "data", why.message, err);
	if (decoded < 0) {
		mq_fail(err, why.code, "%s", why.message);
		return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
	}
	if (!schema)
		schema = decoded ? mq_codec_schema(judge->codec) : NULL;
	if (!schema)
		return judge_refuse(judge, "framing", "names no schema", err);
	if (decoded == 0)
		return check(judge, schema, message->payload, judge->text, err);
	return check(judge, schema, mq_bytes_of(judge->decoded.data, judge->decoded.len), true,
	             err);
}

int judge_message(struct judge *judge, const struct mq_message *message, struct mq_err *err)
{
	clear(judge);
	if (!message->payload.data && judge->allow_null)
		return 1;
	if (judge->codec && message->payload.data)
		return check_framed(judge, message, err);
	if (!judge->schema)
		return judge_refuse(judge, "null", "there is no payload at all", err);
	return check(judge, judge->schema, message->payload, judge->text, err);
}

int judge_written(struct judge *judge, struct mq_schema *writer, struct mq_bytes payload,
                  struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	clear(judge);
	mq_buf_clear(&judge->decoded);
	if (mq_schema_decode(writer, NULL, payload, 0, &judge->decoded, &why) < 0)
		return why.code == MQ_DATA ? judge_refuse(judge, "data", why.message, err)
		                           : mq_fail(err, why.code, "%s", why.message);
	return judge->schema
	           ? check(judge, judge->schema,
	                   mq_bytes_of(judge->decoded.data, judge->decoded.len), true, err)
	           : 1;
}

/* Control characters, C1 too, become '?'. */
static int append_shown(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at, next = (unsigned char)at[1];
		bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
		if (mq_buf_append_char(buf, control ? '?' : (char)c, err) < 0)
			return -1;
		at += control && c == 0xc2;
	}
	return 0;
}

int judge_append_words(const struct judge *judge, const struct judge_error *error,
                       struct mq_buf *buf, struct mq_err *err)
{
	const char *value = error->value ? judge_text(judge, error->value) : NULL;
	const char *words = judge_text(judge, error->error);
	size_t pointer_len = strlen(judge_text(judge, error->pointer));

	/* Some say the place themselves. */
	if (pointer_len > 0 &&
	    strncmp(words, judge_text(judge, error->pointer), pointer_len) == 0 &&
	    strncmp(words + pointer_len, ": ", 2) == 0)
		words += pointer_len + 2;
	if (error->pointer && *judge_text(judge, error->pointer) &&
	    (append_shown(buf, judge_text(judge, error->pointer), err) < 0 ||
	     mq_buf_append_str(buf, ": ", err) < 0))
		return -1;
	if (append_shown(buf, judge_text(judge, error->keyword), err) < 0 ||
	    mq_buf_append_str(buf, ": ", err) < 0 || append_shown(buf, words, err) < 0)
		return -1;
	if (!value || !*value || strstr(words, value))
		return 0;
	return mq_buf_append_str(buf, ": ", err) < 0 ? -1 : append_shown(buf, value, err);
}

void judge_append_members(const struct judge *judge, const struct judge_error *error,
                          struct mq_json *json)
{
	mq_json_text(json, "pointer", judge_text(judge, error->pointer));
	mq_json_text(json, "schema_pointer",
	             error->schema_pointer ? judge_text(judge, error->schema_pointer) : NULL);
	mq_json_text(json, "keyword", judge_text(judge, error->keyword));
	mq_json_text(json, "value", error->value ? judge_text(judge, error->value) : NULL);
	mq_json_text(json, "error", judge_text(judge, error->error));
}
