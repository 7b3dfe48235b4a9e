/* Judging what is read: see marking.h. */
#include "cmd/schema/marking.h"
#include "cmd/schema/findings.h"

#include "mqtk/report.h"

#include <inttypes.h>
#include <stdlib.h>

const struct mq_option marking_rows[] = {
    {.name = "reject-to",
     .type = MQ_OPT_STRING,
     .arg = "FILE|ADDR",
     .help = "with --schema: put invalid messages there, and do not print them",
     .more = "Into a file as -J lines, into a stream as dead letters (mqtk dlq show); what cannot "
             "be decoded goes there too. A message is settled only after it is there.",
     .field = offsetof(struct marking_options, reject_to),
     .complete = MQ_COMPLETE_FILE},
    {.name = "allow-null",
     .type = MQ_OPT_FLAG,
     .help = "with --schema: messages without a payload (tombstones) are valid",
     .field = offsetof(struct marking_options, allow_null)},
    {0}};

/* --- opening ---------------------------------------------------------------------------------- */

static int open_judge(struct marking *marking, const struct mq_invocation *invocation,
                      const struct marking_options *options,
                      const struct decoding_options *decoding, const struct decoder *decoder,
                      bool json, struct mq_err *err)
{
	struct mq_schema *schema = decoder->schema.schema;
	struct judging_spec spec = {.options = &decoding->schema,
	                            .framing = -1,
	                            .allow_null = options->allow_null,
	                            .unframe = "--decode auto",
	                            .most = json ? 10 : 1};

	if (decoder->value && mq_schema_kind(schema) != MQ_SCHEMA_JSON)
		return 0;
	marking->judges = true;
	marking->marks = decoding->on_error < 0 && !options->reject_to;
	if (!decoder->value)
		return judging_open(&marking->judging, invocation, &spec, err);
	if (judge_init(&marking->judging.judge, schema, true, spec.most, err) < 0)
		return -1;
	marking->judging.judge.allow_null = options->allow_null;
	return 0;
}

int marking_open(struct marking *marking, const struct mq_invocation *invocation,
                 const struct marking_options *options, const struct decoding_options *decoding,
                 const struct decoder *decoder, bool json, struct mq_err *err)
{
	*marking = (struct marking){.env = invocation->env, .rejects.out.fd = -1};
	if (!decoding->schema.source) {
		if (options->reject_to && !decoder->value)
			return mq_fail(err, MQ_USAGE, "--reject-to needs --schema or --decode");
		if (options->allow_null)
			return mq_fail(err, MQ_USAGE, "--allow-null needs --schema");
	} else if (open_judge(marking, invocation, options, decoding, decoder, json, err) < 0) {
		return -1;
	}
	if (!options->reject_to)
		return 0;
	if (decoding->on_error >= 0)
		return mq_fail(err, MQ_USAGE,
		               "--reject-to and --on-error contradict each other: what is put "
		               "aside is neither printed nor left out");
	marking->rejecting = true;
	return rejects_open(&marking->rejects, invocation, options->reject_to, MQ_ABSENT, err);
}

int marking_connect(struct marking *marking, const struct sources *sources, struct mq_err *err)
{
	if (!marking->rejecting)
		return 0;
	marking->brokers = calloc(sources->n, sizeof *marking->brokers);
	if (!marking->brokers)
		return mq_fail_memory(err);
	marking->n_brokers = sources->n;
	for (size_t i = 0; i < sources->n; i++) {
		marking->brokers[i] = mq_target_broker(sources->items[i].target, err);
		if (!marking->brokers[i])
			return -1;
	}
	for (size_t i = 0; i < sources->n_targets; i++)
		if (rejects_is_stream(&marking->rejects, &sources->targets[i]))
			return mq_fail(err, MQ_USAGE,
			               "%s is read, and --reject-to would write to it",
			               sources->targets[i].shown);
	return 0;
}

void marking_close(struct marking *marking)
{
	judging_close(&marking->judging);
	if (marking->rejecting)
		rejects_close(&marking->rejects);
	for (size_t i = 0; i < marking->n_brokers; i++)
		free(marking->brokers[i]);
	free(marking->brokers);
	*marking = (struct marking){0};
}

unsigned marking_needs(const struct marking *marking)
{
	unsigned all = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES;

	return marking->rejecting ? all : marking->judging.judge.codec ? MQ_NEED_HEADERS : 0U;
}

/* --- one message ------------------------------------------------------------------------------ */

/* "orders[0]@17: /total: minimum: …" */
static int fail_at(const struct marking *marking, const struct mq_message *message,
                   struct mq_err *err)
{
	const struct judge *judge = &marking->judging.judge;
	struct place place = {.message = message};
	struct mq_buf words;

	mq_buf_init(&words, sizeof err->message * 8);
	place_append(&place, &words, NULL);
	mq_buf_append_str(&words, ": ", NULL);
	judge_append_words(judge, &judge->errors[0], &words, NULL);
	mq_fail(err, MQ_NEGATIVE, "%.*s", (int)words.len, words.data ? words.data : "");
	mq_buf_release(&words);
	return 0;
}

int marking_judge(struct marking *marking, const struct mq_message *message, struct mq_err *err)
{
	struct mq_message shown = *message;

	shown.payload = mq_shown_payload(message);
	int valid = judge_message(&marking->judging.judge, &shown, err);
	if (valid < 0)
		return -1;
	marking->judged++;
	marking->invalid += valid == 0;
	return valid > 0 ? 1 : fail_at(marking, message, err);
}

int marking_reject(struct marking *marking, const struct mq_message *message, size_t source,
                   const struct mq_err *why, struct mq_err *err)
{
	struct mq_message bare = *message;

	bare.decoded = NULL;
	return rejects_add(&marking->rejects, bare.payload, &bare, marking->brokers[source],
	                   mq_bytes_str(why->message), err);
}

int marking_append(const struct marking *marking, bool valid, struct mq_buf *buf,
                   struct mq_err *err)
{
	const struct judge *judge = &marking->judging.judge;
	struct mq_json json;

	if (buf->len < 2 || memcmp(buf->data + buf->len - 2, "}\n", 2) != 0)
		return mq_fail(err, MQ_INTERNAL, "the envelope does not end as one");
	buf->len -= 2;
	if (valid)
		return mq_buf_append_str(buf, ",\"valid\":true}\n", err);
	if (mq_buf_append_str(buf, ",\"valid\":false,\"errors\":", err) < 0)
		return -1;
	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '[');
	for (size_t i = 0; i < judge->n; i++) {
		const struct judge_error *error = &judge->errors[i];
		mq_json_open(&json, NULL, '{');
		judge_append_members(judge, error, &json);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	if (mq_json_end(&json) < 0)
		return -1;
	buf->len--; /* its newline */
	return mq_buf_append_str(buf, "}\n", err);
}

int marking_conclude(const struct marking *marking, int code, struct mq_err *err)
{
	if (marking->rejecting && marking->rejects.count > 0)
		mq_log(marking->env, MQ_LEVEL_NOTE, "%" PRId64 " message%s put into %s",
		       marking->rejects.count, marking->rejects.count == 1 ? " was" : "s were",
		       marking->rejects.shown);
	if (code != MQ_OK || !marking->marks || marking->invalid == 0)
		return code;
	return mq_fail(err, MQ_NEGATIVE, "%" PRId64 " of %" PRId64 " message%s invalid",
	               marking->invalid, marking->judged, marking->judged == 1 ? " is" : "s are"),
	       MQ_NEGATIVE;
}
