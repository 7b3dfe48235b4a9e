/* mqtk dlq show: dead letters with why and where from. */
#include "cmd/commands.h"
#include "cmd/decoding.h"
#include "cmd/dlq/letter_text.h"
#include "cmd/dlq/letters.h"

#include "mqtk/output.h"

#include <unistd.h>

enum { FLUSH_AT = 65536 };

struct show_values {
	struct mq_common common;
	struct choose_options choose;
	struct pending_options pending;
	int64_t count, last;
	bool force, json, whole;
	struct decoding_options decoding;
};

static const struct show_values defaults = {
    .common = MQ_COMMON_INIT,
    .pending = PENDING_INIT,
    .count = -1,
    .decoding = {.on_error = ON_ERROR_RAW}, /* some are dead because of that */
};

static const struct mq_option rows[] = {
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "only the first N",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct show_values, count)},
    {.name = "last",
     .letter = 'n',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "only among the last N messages of each partition",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct show_values, last)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line per letter, with the whole message",
     .field = offsetof(struct show_values, json)},
    {.name = "whole",
     .type = MQ_OPT_FLAG,
     .help = "long payloads and stack traces are not cut",
     .field = offsetof(struct show_values, whole)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = offsetof(struct show_values, force)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, offsetof(struct show_values, choose)},
    {"Which messages", select_rows,
     offsetof(struct show_values, choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, offsetof(struct show_values, pending)},
    {"Report", rows, 0},
    {"Decoding (--on-error is raw unless told)", decoding_rows,
     offsetof(struct show_values, decoding)},
    {"Decoded values", decoding_form_rows, offsetof(struct show_values, decoding.form)},
    {"Schema", schema_source_rows, offsetof(struct show_values, decoding.schema)},
    {"How schemas are read", schema_rows, offsetof(struct show_values, decoding.schema)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq show amqp://localhost/orders.dead", "why they are there; nothing is taken"},
    {"mqtk dlq show -c 5 --reason rejected prod/orders.dlq", "five of those that were rejected"},
    {"mqtk dlq show -n 1 --whole prod/orders-dlt", "the newest, with its whole stack trace"},
    {"mqtk dlq show -J prod/orders-dlt | jq -r .exception | sort | uniq -c", "causes, counted"},
    {0}};

struct showing {
	const struct show_values *values;
	struct letters letters;
	struct decoder decoder;
	struct mq_format *envelope;
	struct mq_output out;
	bool bold;
};

static int flush(struct showing *showing, struct mq_err *err)
{
	if (mq_output_flush(&showing->out, showing->letters.invocation->env, NULL, err) == 0)
		return 0;
	showing->letters.gone = showing->out.closed;
	return -1;
}

/* 1, 0 when the letter is passed over, -1. */
static int decode(struct showing *showing, const struct mq_message *message, struct mq_message *ret,
                  struct mq_err *err)
{
	int on_error = showing->values->decoding.on_error;

	if (decoder_apply(&showing->decoder, message, ret, err) == 0)
		return 1;
	if (on_error == ON_ERROR_FAIL || (err->code != MQ_DATA && err->code != MQ_UNREACHABLE))
		return -1;
	mq_log(showing->letters.invocation->env,
	       on_error == ON_ERROR_SKIP ? MQ_LEVEL_NOTE : MQ_LEVEL_VERBOSE, "%s%s",
	       on_error == ON_ERROR_SKIP ? "skipped " : "", err->message);
	mq_err_clear(err);
	return on_error == ON_ERROR_RAW;
}

static int show_letter(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
                       struct mq_err *err)
{
	struct showing *showing = ctx;
	struct mq_buf *buf = &showing->out.buf;
	struct mq_message decoded;

	if (decoder_wanted(&showing->decoder)) {
		int shown = decode(showing, message, &decoded, err);
		if (shown <= 0)
			return shown;
		message = &decoded;
	}
	int result = showing->values->json ? letter_json(showing->envelope, message, dead, buf, err)
	                                   : letter_lines(message, dead, showing->values->whole,
	                                                  showing->bold, buf, err);

	if (result < 0)
		return -1;
	return buf->len >= FLUSH_AT ? flush(showing, err) : 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct show_values *values = invocation->values;
	const struct mq_format_spec format = {.kind = MQ_FORMAT_JSON};
	struct showing showing = {
	    .values = values,
	    .bold = invocation->color_out,
	    .letters = {.invocation = invocation,
	                .choose = &values->choose,
	                .pending = &values->pending,
	                .count = values->count,
	                .last = values->last,
	                .force = values->force,
	                .each = show_letter},
	};
	struct mq_err print_err = MQ_ERR_INIT;
	struct decoding_choices choices;

	showing.letters.ctx = &showing;
	mq_output_init(&showing.out, STDOUT_FILENO, "stdout");
	int code = MQ_USAGE;
	if (decoding_choose("--decode", &values->decoding.decode, &values->decoding.framing, NULL,
	                    &choices, err) < 0 ||
	    decoder_init(&showing.decoder, invocation, &values->decoding, &choices, err) < 0 ||
	    mq_format_new(&format, &showing.envelope, err) < 0)
		goto out;
	code = letters_look(&showing.letters, err);
	if (!showing.letters.gone && flush(&showing, &print_err) < 0 && !showing.out.closed &&
	    err->code == MQ_OK) {
		*err = print_err;
		code = (int)err->code;
	}
	if (code == 0 && !showing.letters.gone)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "%lld letter%s shown; nothing was taken",
		       (long long)showing.letters.meant, showing.letters.meant == 1 ? "" : "s");
out:
	decoder_release(&showing.decoder);
	mq_format_free(showing.envelope);
	mq_output_release(&showing.out);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_dlq_show = {
    .name = "dlq show",
    .summary = "dead letters: why they died, and where they came from",
    .operands = "ADDR…",
    .about = "Shows what dead letters say of themselves, whatever wrote that: RabbitMQ's own "
             "x-death, Kafka Connect, Kafka Streams, share groups, Spring, SmallRye, MassTransit, "
             "NServiceBus, or 'mqtk consume --exec'. What is not known is shown with its headers. "
             "Nothing is taken.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct show_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
