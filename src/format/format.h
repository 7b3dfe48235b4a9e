/*
 * What the formats of src/format share: the compiled format and one function per kind.
 */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include "mqtk/format.h"

struct mq_template;

struct mq_format {
	enum mq_format_kind kind;
	struct mq_bytes delimiter;     /* owned */
	struct mq_bytes key_delimiter; /* owned; absent: no key */
	bool null_text;
	bool kcat;
	char *pack_key; /* NULL: the bytes themselves */
	char *pack_payload;
	struct mq_template *template;
	unsigned needs;
};

/* Key or payload as RAW and TEMPLATE print it: the bytes, what a pack makes of them, or NULL. */
int mq_format_append_field(const struct mq_format *format, struct mq_bytes bytes, const char *pack,
                           struct mq_buf *buf, struct mq_err *err);

/* template.c. Errors are MQ_USAGE. */
int mq_template_new(const char *text, bool kcat, struct mq_template **ret_template,
                    struct mq_err *err);
void mq_template_free(struct mq_template *template);
unsigned mq_template_needs(const struct mq_template *template);
int mq_template_append(const struct mq_format *format, const struct mq_message *message,
                       struct mq_buf *buf, struct mq_err *err);

/* envelope.c: the object without a line end. */
int mq_envelope_append(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err);
/* Only its headers: an array of pairs. */
int mq_envelope_append_headers(const struct mq_message *message, struct mq_buf *buf,
                               struct mq_err *err);

/* Only its properties, those that are present: ,"name":value … with a comma before each. */
int mq_envelope_append_properties(const struct mq_properties *properties, struct mq_buf *buf,
                                  struct mq_err *err);

/* kcat_json.c: the same in kcat's words. */
int mq_kcat_json_append(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err);

/* pack.c: checks the letters (MQ_USAGE; what is "key" or "payload"); prints bytes by them. */
int mq_pack_check(const char *what, const char *pack, struct mq_err *err);
int mq_pack_append(const char *pack, struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err);

#endif
