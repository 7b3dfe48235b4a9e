/*
 * The table of template tokens and how one is found in a text: see template.h. What a token prints
 * is in template.c.
 */
#include "format/template.h"

#define BYTES_HELP "also :base64 :hex :json :len"
#define PROPERTY(name, help)                                                                       \
	{                                                                                          \
		"%{" #name "}", help, MQ_TOKEN_PROP_BYTES, MQ_FORM_PLAIN, MQ_FORMS_BYTES,          \
		    MQ_NEED_PROPERTIES, offsetof(struct mq_properties, name)                       \
	}

const struct mq_token_row mq_token_rows[] = {
    {"%s", "payload", MQ_TOKEN_PAYLOAD, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%S", "length of the payload in bytes, -1 for null", MQ_TOKEN_PAYLOAD, MQ_FORM_LEN,
     MQ_FORMS_NONE, 0, 0},
    {"%R", "length of the payload as 4 bytes, big-endian", MQ_TOKEN_PAYLOAD, MQ_FORM_LEN_BE32,
     MQ_FORMS_NONE, 0, 0},
    {"%k", "key", MQ_TOKEN_KEY, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%K", "length of the key in bytes, -1 for null", MQ_TOKEN_KEY, MQ_FORM_LEN, MQ_FORMS_NONE, 0,
     0},
    {"%T", "timestamp in ms since the epoch, -1 when unknown", MQ_TOKEN_TIME, MQ_FORM_NUMBER,
     MQ_FORMS_NONE, MQ_NEED_TIME, 0},
    {"%h", "headers as name=value,name=NULL", MQ_TOKEN_HEADERS, MQ_FORM_PLAIN, MQ_FORMS_NONE,
     MQ_NEED_HEADERS, 0},
    {"%t", "stream (topic, queue, key)", MQ_TOKEN_BYTES, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0,
     offsetof(struct mq_message, stream)},
    {"%p", "partition, -1 when there is none", MQ_TOKEN_PARTITION, MQ_FORM_NUMBER, MQ_FORMS_NONE, 0,
     0},
    {"%o", "offset, -1 when there is none", MQ_TOKEN_OFFSET, MQ_FORM_NUMBER, MQ_FORMS_NONE, 0, 0},
    {"%%", "a percent sign", MQ_TOKEN_LITERAL, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%{stream}", "stream; " BYTES_HELP, MQ_TOKEN_BYTES, MQ_FORM_PLAIN, MQ_FORMS_BYTES, 0,
     offsetof(struct mq_message, stream)},
    {"%{topic}", "the same", MQ_TOKEN_BYTES, MQ_FORM_PLAIN, MQ_FORMS_BYTES, 0,
     offsetof(struct mq_message, stream)},
    {"%{partition}", "partition", MQ_TOKEN_PARTITION, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%{offset}", "position that is a number", MQ_TOKEN_OFFSET, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%{id}", "position that is no number (Redis)", MQ_TOKEN_BYTES, MQ_FORM_PLAIN, MQ_FORMS_BYTES,
     0, offsetof(struct mq_message, id)},
    {"%{position}", "offset or id", MQ_TOKEN_POSITION, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%{ts}", "timestamp in ms; also :iso (UTC) :local :s (seconds)", MQ_TOKEN_TIME, MQ_FORM_PLAIN,
     MQ_FORMS_TIME, MQ_NEED_TIME, 0},
    {"%{ts_type}", "who set the timestamp: create or append", MQ_TOKEN_TS_TYPE, MQ_FORM_PLAIN,
     MQ_FORMS_NONE, MQ_NEED_TIME, 0},
    {"%{key}", "key; " BYTES_HELP, MQ_TOKEN_KEY, MQ_FORM_PLAIN, MQ_FORMS_BYTES, 0, 0},
    {"%{payload}", "payload; " BYTES_HELP, MQ_TOKEN_PAYLOAD, MQ_FORM_PLAIN, MQ_FORMS_BYTES, 0, 0},
    {"%{headers}", "as %h; also :json", MQ_TOKEN_HEADERS, MQ_FORM_PLAIN, MQ_FORMS_HEADERS,
     MQ_NEED_HEADERS, 0},
    {"%{header:NAME}", "value of the last header of that name", MQ_TOKEN_HEADER, MQ_FORM_PLAIN,
     MQ_FORMS_NONE, MQ_NEED_HEADERS, 0},
    PROPERTY(message_id, "message id; " BYTES_HELP),
    PROPERTY(correlation_id, "correlation id; " BYTES_HELP),
    PROPERTY(content_type, "content type; " BYTES_HELP),
    PROPERTY(reply_to, "where an answer is wanted; " BYTES_HELP),
    {"%{expiry_ms}", "time to live in ms", MQ_TOKEN_EXPIRY, MQ_FORM_PLAIN, MQ_FORMS_NONE,
     MQ_NEED_PROPERTIES, 0},
    {"%{priority}", "priority", MQ_TOKEN_PRIORITY, MQ_FORM_PLAIN, MQ_FORMS_NONE, MQ_NEED_PROPERTIES,
     0},
    PROPERTY(type, "the application's type of the message; " BYTES_HELP),
    PROPERTY(app_id, "id of the sending application; " BYTES_HELP),
    PROPERTY(user_id, "sending user; " BYTES_HELP),
    PROPERTY(exchange, "exchange it was published to; " BYTES_HELP),
    PROPERTY(content_encoding, "content encoding; " BYTES_HELP),
    PROPERTY(header_types, "types of the headers, a letter each; " BYTES_HELP),
    {"%{delivery_count}", "how often it was delivered before", MQ_TOKEN_DELIVERY_COUNT,
     MQ_FORM_PLAIN, MQ_FORMS_NONE, MQ_NEED_PROPERTIES, 0},
    {"%{redelivered}", "true or false", MQ_TOKEN_REDELIVERED, MQ_FORM_PLAIN, MQ_FORMS_NONE,
     MQ_NEED_PROPERTIES, 0},
    {"%{schema_id}", "id of the schema in the registry, with --decode", MQ_TOKEN_SCHEMA_ID,
     MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
    {"%{key_schema_id}", "the same of the key", MQ_TOKEN_KEY_SCHEMA_ID, MQ_FORM_PLAIN,
     MQ_FORMS_NONE, 0, 0},
    {"%{json}", "the whole message as -J prints it", MQ_TOKEN_JSON, MQ_FORM_PLAIN, MQ_FORMS_NONE,
     MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES, 0},
    {NULL, NULL, MQ_TOKEN_LITERAL, MQ_FORM_PLAIN, MQ_FORMS_NONE, 0, 0},
};

static const struct {
	const char *name;
	enum mq_token_form form;
	int forms;
} form_names[] = {
    {"base64", MQ_FORM_BASE64, MQ_FORMS_BYTES}, {"hex", MQ_FORM_HEX, MQ_FORMS_BYTES},
    {"json", MQ_FORM_JSON, MQ_FORMS_BYTES},     {"len", MQ_FORM_LEN, MQ_FORMS_BYTES},
    {"iso", MQ_FORM_ISO, MQ_FORMS_TIME},        {"local", MQ_FORM_LOCAL, MQ_FORMS_TIME},
    {"s", MQ_FORM_SECONDS, MQ_FORMS_TIME},      {"json", MQ_FORM_JSON, MQ_FORMS_HEADERS},
};

bool mq_format_token_help(size_t i, const char **ret_token, const char **ret_help)
{
	if (i >= sizeof mq_token_rows / sizeof mq_token_rows[0] - 1)
		return false;
	*ret_token = mq_token_rows[i].token;
	*ret_help = mq_token_rows[i].help;
	return true;
}

/* The error for an unknown token of len bytes at text + at; the hint says what there is. */
static const struct mq_token_row *unknown(const char *text, size_t at, size_t len,
                                          struct mq_err *err)
{
	char list[sizeof err->hint];
	size_t used = 0;

	mq_fail(err, MQ_USAGE, "template position %zu: unknown token '%.*s'", at + 1, (int)len,
	        text + at);
	for (const struct mq_token_row *row = mq_token_rows; row->token; row++) {
		size_t room = strlen(row->token) + 1;
		/* %{topic} is %{stream}, and what does not fit is in the manual. */
		if (used + room >= sizeof list - 16)
			break;
		memcpy(list + used, row->token, room - 1);
		list[used + room - 1] = ' ';
		used += room;
	}
	list[used > 0 ? used - 1 : 0] = '\0';
	mq_hint(err, "there are %s …", list);
	return NULL;
}

/* The row of %{name}, where name has len bytes, or NULL. */
static const struct mq_token_row *named_row(const char *name, size_t len)
{
	for (const struct mq_token_row *row = mq_token_rows; row->token; row++)
		if (row->token[1] == '{' && strlen(row->token) == len + 3 &&
		    memcmp(row->token + 2, name, len) == 0)
			return row;
	return NULL;
}

static const struct mq_token_row *header_row(void)
{
	const struct mq_token_row *row = mq_token_rows;

	while (row->kind != MQ_TOKEN_HEADER)
		row++;
	return row;
}

const struct mq_token_row *mq_token_find(const char *text, size_t at, size_t *ret_len,
                                         enum mq_token_form *ret_form, struct mq_bytes *ret_name,
                                         struct mq_err *err)
{
	const char *s = text + at;

	if (s[1] == '\0') {
		mq_fail(err, MQ_USAGE, "template position %zu: a '%%' at the end", at + 1);
		mq_hint(err, "a percent sign is written %%%%");
		return NULL;
	}
	if (s[1] != '{') {
		for (const struct mq_token_row *row = mq_token_rows; row->token; row++)
			if (row->token[1] == s[1] && row->token[2] == '\0') {
				*ret_len = 2;
				*ret_form = row->form;
				return row;
			}
		/* Show a whole UTF-8 character, not its first byte. */
		size_t len = 2;
		while (((unsigned char)s[len] & 0xc0) == 0x80)
			len++;
		return unknown(text, at, len, err);
	}

	const char *close = strchr(s, '}');
	if (!close) {
		mq_fail(err, MQ_USAGE, "template position %zu: '%%{' without '}'", at + 1);
		return NULL;
	}
	*ret_len = (size_t)(close - s) + 1;
	const char *name = s + 2;
	const char *colon = memchr(name, ':', (size_t)(close - name));
	size_t len = (size_t)((colon ? colon : close) - name);
	if (colon && len == strlen("header") && memcmp(name, "header", len) == 0) {
		*ret_name = mq_bytes_of(colon + 1, (size_t)(close - colon) - 1);
		*ret_form = MQ_FORM_PLAIN;
		return header_row();
	}
	const struct mq_token_row *row = named_row(name, len);
	if (!row)
		return unknown(text, at, *ret_len, err);
	*ret_form = row->form;
	if (!colon)
		return row;
	for (size_t i = 0; i < sizeof form_names / sizeof form_names[0]; i++)
		if (form_names[i].forms == row->forms &&
		    strlen(form_names[i].name) == (size_t)(close - colon) - 1 &&
		    memcmp(form_names[i].name, colon + 1, (size_t)(close - colon) - 1) == 0) {
			*ret_form = form_names[i].form;
			return row;
		}
	mq_fail(err, MQ_USAGE, "template position %zu: '%.*s' has no form '%.*s'", at + 1, (int)len,
	        name, (int)(close - colon) - 1, colon + 1);
	mq_hint(err, "%s: %s", row->token, row->help);
	return NULL;
}
