/*
 * --decode: keys and payloads as JSON text, for everything that reads messages. The options that
 * say how, and what they come to: a codec for each part, and a message with its decoded parts.
 */
#ifndef MQ_CMD_DECODING_H
#define MQ_CMD_DECODING_H

#include "cmd/record_headers.h"
#include "cmd/schema/opening.h"
#include "mqtk/codec.h"
#include "mqtk/command.h"
#include "mqtk/format.h"

enum on_error { ON_ERROR_FAIL, ON_ERROR_SKIP, ON_ERROR_RAW };

/* In what form decoded values are shown; for transcode.h too. All zeroes: the defaults. */
struct decoding_form {
	const char *reader_schema;
	bool logical, bare;
};
extern const struct mq_option decoding_form_rows[];

unsigned decoding_form(const struct decoding_form *form);

/* All zeroes: the defaults. */
struct decoding_options {
	struct mq_option_list decode;  /* --decode; packs are among them */
	struct mq_option_list framing; /* --framing */
	const char *key_schema;
	struct decoding_form form;
	int on_error;                 /* enum on_error; -1: not given, which is fail */
	struct schema_options schema; /* --schema, and how schemas are read */
};

/* --decode and --on-error; how, where from. All with their base at the struct. */
extern const struct mq_option decoding_rows[];

/* What is to be done with a part. */
struct decoding_choice {
	bool wanted;
	enum mq_schema_kind kind; /* UNKNOWN: auto */
	enum mq_framing framing;
};
struct decoding_choices {
	struct decoding_choice value, key;
};

/* Reads --decode and --framing: `[key=|value=]WHAT`, several in one behind commas. Packs go into
 * spec, the rest into choices. option names --decode or --encode for messages; without packs spec
 * is NULL. */
int decoding_choose(const char *option, const struct mq_option_list *what,
                    const struct mq_option_list *framing, struct mq_format_spec *spec,
                    struct decoding_choices *ret_choices, struct mq_err *err);

/* "orders[0]@17: value: why", for what is wrong with a part of a message; what is the registry's
 * own trouble has no place. Returns -1. */
int decoding_fail_at(const struct mq_message *message, const char *part, const struct mq_err *why,
                     struct mq_err *err);

struct decoder {
	const struct mq_env *env;
	struct mq_registry *registry;
	struct schema_opened schema, key_schema, reader;
	struct mq_codec *value, *key; /* NULL: left as it is */
	/* Of the message at hand. */
	struct mq_decoded decoded;
	struct mq_buf value_text, key_text;
	struct mq_err value_error, key_error;
	struct record_headers headers;
	bool noted;
};

/* Opens what is needed: nothing when no part is to be decoded. Nothing is asked of a registry but
 * for a schema that is named. To be released also after a failure. */
int decoder_init(struct decoder *decoder, const struct mq_invocation *invocation,
                 const struct decoding_options *options, const struct decoding_choices *choices,
                 struct mq_err *err);
void decoder_release(struct decoder *decoder);

bool decoder_wanted(const struct decoder *decoder);
/* enum mq_need */
unsigned decoder_needs(const struct decoder *decoder);

/*
 * Decodes the parts of a message: *ret is the message with what could be decoded, valid until the
 * next call. A header that names the schema of what was decoded is not there any more: who sends
 * the text on would say with it that it is not text. 0; -1 when a part cannot be decoded, which err
 * says with the message's place; *ret then has the other part all the same, and the reason in its
 * decoded parts.
 */
int decoder_apply(struct decoder *decoder, const struct mq_message *message, struct mq_message *ret,
                  struct mq_err *err);

#endif
