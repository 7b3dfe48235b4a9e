/*
 * The tokens of templates: the one table that compiling, running and help are made from.
 */
#ifndef FORMAT_TEMPLATE_H
#define FORMAT_TEMPLATE_H

#include "format/format.h"

enum mq_token_kind {
	MQ_TOKEN_LITERAL,
	MQ_TOKEN_KEY,
	MQ_TOKEN_PAYLOAD,
	MQ_TOKEN_BYTES,      /* where: offset of a struct mq_bytes in the message */
	MQ_TOKEN_PROP_BYTES, /* where: the same in its properties */
	MQ_TOKEN_PARTITION,
	MQ_TOKEN_OFFSET,
	MQ_TOKEN_POSITION,
	MQ_TOKEN_TIME,
	MQ_TOKEN_TS_TYPE,
	MQ_TOKEN_HEADERS,
	MQ_TOKEN_HEADER, /* text: its name */
	MQ_TOKEN_EXPIRY,
	MQ_TOKEN_PRIORITY,
	MQ_TOKEN_DELIVERY_COUNT,
	MQ_TOKEN_REDELIVERED,
	MQ_TOKEN_SCHEMA_ID,
	MQ_TOKEN_KEY_SCHEMA_ID,
	MQ_TOKEN_JSON,
};

enum mq_token_form {
	MQ_FORM_PLAIN,
	MQ_FORM_NUMBER, /* numbers: absent is -1, as kcat has it */
	MQ_FORM_LEN,
	MQ_FORM_LEN_BE32,
	MQ_FORM_BASE64,
	MQ_FORM_HEX,
	MQ_FORM_JSON,
	MQ_FORM_ISO,
	MQ_FORM_LOCAL,
	MQ_FORM_SECONDS,
};

/* Which forms may follow ':' in braces. */
enum { MQ_FORMS_NONE, MQ_FORMS_BYTES, MQ_FORMS_TIME, MQ_FORMS_HEADERS };

struct mq_token_row {
	const char *token; /* "%s" or "%{name}" or "%{header:NAME}" */
	const char *help;
	enum mq_token_kind kind;
	enum mq_token_form form;
	int forms;
	unsigned need;
	size_t where;
};

/* Ended by a row without token. */
extern const struct mq_token_row mq_token_rows[];

/* Finds the token that begins at text (a '%'). Sets its length and form. Errors: MQ_USAGE with the
 * position (from 1) at + 1. For %{header:NAME} *ret_name is the name. */
const struct mq_token_row *mq_token_find(const char *text, size_t at, size_t *ret_len,
                                         enum mq_token_form *ret_form, struct mq_bytes *ret_name,
                                         struct mq_err *err);

#endif
