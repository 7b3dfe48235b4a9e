/*
 * How a message becomes text, compiled once and then applied per message without allocating.
 *
 * Payload bytes are copied, never parsed and printed again: numbers, white space and key order stay
 * as they were. Valid UTF-8 stands as a JSON string, other bytes as {"base64":"…"}, absent as null.
 */
#ifndef MQTK_FORMAT_H
#define MQTK_FORMAT_H

#include "mqtk/bytes.h"
#include "mqtk/message.h"

enum mq_format_kind {
	MQ_FORMAT_RAW,       /* [key KEYDELIM] payload DELIM */
	MQ_FORMAT_TEMPLATE,  /* -f: kcat's tokens and ours; no delimiter is added */
	MQ_FORMAT_JSON,      /* -J: the envelope of schemas/message.json, one line */
	MQ_FORMAT_KCAT_JSON, /* kcat's own envelope, byte for byte, for `mqtk kcat -J` */
};

struct mq_format_spec {
	enum mq_format_kind kind;
	const char *template_text;
	struct mq_bytes delimiter;     /* RAW; any bytes, may be empty */
	struct mq_bytes key_delimiter; /* RAW; absent: the key is not printed */
	bool null_text;                /* -Z: print absent as NULL (RAW), else as nothing */
	bool kcat;                /* kcat's readings: -Z prints NULL for empty too, \NNN decimal */
	const char *pack_key;     /* kcat's pack letters, e.g. "<i", or NULL; the number is */
	const char *pack_payload; /* printed as text in place of the bytes */
};

struct mq_format;

/* Compiles; MQ_USAGE names the position of a bad token or escape. Copies what it keeps. */
int mq_format_new(const struct mq_format_spec *spec, struct mq_format **ret_format,
                  struct mq_err *err);
void mq_format_free(struct mq_format *format);

/* What the format needs filled in: enum mq_need. */
unsigned mq_format_needs(const struct mq_format *format);

/* Appends one message. Fails with MQ_DATA when a pack does not fit the bytes, leaving buf as it
 * was. */
int mq_format_append(const struct mq_format *format, const struct mq_message *message,
                     struct mq_buf *buf, struct mq_err *err);

/* The tokens of templates for help and man page, i from 0: "%s", "%{ts}" … and one line about each,
 * which names the forms behind ':' too. False behind the last. */
bool mq_format_token_help(size_t i, const char **ret_token, const char **ret_help);

/* Escapes as in C: \n \r \t \0 \\ \a \b \f \v \e \xHH (exactly two digits) \NNN (octal, or decimal
 * when decimal is set), \uXXXX. ret_buf receives the bytes (NUL among them is fine). An unknown
 * escape or a trailing backslash is MQ_USAGE. With decimal, kcat's whole reading holds instead: \n
 * \r \t \xHH and numbers (octal behind a leading zero), and nothing is an error: any other
 * character loses its backslash. */
int mq_unescape(const char *text, bool decimal, struct mq_buf *ret_buf, struct mq_err *err);

/* RFC 4648 section 4, with padding. Decoding is strict (MQ_DATA). Appends to buf. */
int mq_base64_append(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err);
int mq_base64_decode(struct mq_buf *buf, struct mq_bytes text, struct mq_err *err);

/* Appends bytes as a JSON string, object or null as above; and plain text as a JSON string (invalid
 * UTF-8 replaced by U+FFFD), for reports. RFC 8259; only what must be escaped is. */
int mq_json_append_bytes(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err);
int mq_json_append_text(struct mq_buf *buf, const char *text, struct mq_err *err);

#endif
