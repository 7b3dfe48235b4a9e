/* mqtk schema infer: a JSON Schema from samples. */
#include "cmd/commands.h"
#include "cmd/schema/operand.h"
#include "cmd/schema/samples.h"

#include "mqtk/infer.h"

#include <inttypes.h>

enum { FORMAT_MIN = 5, MAP_NAMES = 50 };

struct infer_values {
	struct mq_common common;
	int input;
	int draft; /* enum mq_schema_draft */
	int64_t format_min, enum_max, map_names;
	bool ranges, closed, skip_invalid;
	struct reading reading;
};

static const struct infer_values defaults = {.common = MQ_COMMON_INIT,
                                             .input = -1,
                                             .format_min = FORMAT_MIN,
                                             .map_names = MAP_NAMES,
                                             .reading = READING_INIT};

#define FIELD(name) offsetof(struct infer_values, name)

/* In the order of enum mq_schema_draft. */
static const char *const drafts[] = {"auto", "4", "6", "7", "2019-09", "2020-12", NULL};
static const char *const inputs[] = {"lines", "whole", "envelopes", NULL};

static const struct mq_option rows[] = {
    {.name = "draft",
     .type = MQ_OPT_CHOICE,
     .arg = "DRAFT",
     .choices = drafts,
     .help = "of JSON Schema: 4, 6, 7, 2019-09 or 2020-12 (auto: 2020-12)",
     .field = FIELD(draft)},
    {.name = "formats",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "name a format where all strings, N or more, have it (5); 0: never",
     .more =
         "date-time, date, time, uuid, ipv4, ipv6, email and uri, as far as the draft has them.",
     .max = INT64_MAX,
     .field = FIELD(format_min)},
    {.name = "enum",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "list strings where at most N different ones come, twice on average (0: never)",
     .max = 1000,
     .field = FIELD(enum_max)},
    {.name = "ranges",
     .type = MQ_OPT_FLAG,
     .help = "minimum, maximum, lengths and sizes as they were",
     .field = FIELD(ranges)},
    {.name = "closed",
     .type = MQ_OPT_FLAG,
     .help = "objects have no other members (additionalProperties: false)",
     .more = "Only so may a later version add optional members (schema check).",
     .field = FIELD(closed)},
    {.name = "map-names",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "more than N names, none of them always there, are data: a map (50); 0: never",
     .max = INT64_MAX,
     .field = FIELD(map_names)},
    {.name = "skip-invalid",
     .type = MQ_OPT_FLAG,
     .help = "go on behind what is no JSON or has a key twice; exit status 3",
     .field = FIELD(skip_invalid)},
    {.name = "input",
     .type = MQ_OPT_CHOICE,
     .arg = "WHAT",
     .choices = inputs,
     .help = "what a file holds: lines, one whole sample, or -J envelopes (lines)",
     .more = "Of an envelope the payload is the sample. Empty lines are none.",
     .field = FIELD(input)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Inferring", rows, 0}, {"Streams", reading_rows, FIELD(reading)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema infer orders.jsonl > order.json", "what the lines have in common"},
    {"mqtk schema infer --from -1000 kafka://localhost:9092/orders", "of the last 1,000 messages"},
    {"mqtk schema infer --enum 10 --ranges --closed --draft 7 < orders.jsonl",
     "as narrow as the samples"},
    {0}};

struct inferring {
	struct mq_invocation *invocation;
	struct mq_infer *infer;
	int64_t skipped, absent;
};

static int take(void *ctx, const char *where, const struct mq_message *message, struct mq_err *err)
{
	struct inferring *inferring = ctx;
	const struct infer_values *values = inferring->invocation->values;
	struct mq_err why = MQ_ERR_INIT;

	if (!message->payload.data) {
		inferring->absent++;
		return 0;
	}
	if (mq_infer_take(inferring->infer, message->payload, &why) == 0)
		return 0;
	if (why.code != MQ_DATA || !values->skip_invalid) {
		mq_fail(err, why.code, "%s: %s", where, why.message);
		return why.code == MQ_DATA ? mq_hint(err, "--skip-invalid goes on behind it") : -1;
	}
	inferring->skipped++;
	mq_log(inferring->invocation->env, MQ_LEVEL_WARN, "%s: %s", where, why.message);
	return 0;
}

static int choose_input(const struct mq_invocation *invocation, bool *ret_streams,
                        struct mq_err *err)
{
	const struct infer_values *values = invocation->values;
	const struct reading *reading = &values->reading;
	size_t streams = 0;

	for (size_t i = 0; i < invocation->operands.n; i++)
		streams += operand_is_address(invocation, invocation->operands.items[i]);
	*ret_streams = streams > 0;
	if (streams > 0 && streams < invocation->operands.n) {
		mq_fail(err, MQ_USAGE, "files and streams cannot be read in one go");
		return mq_hint(err, "a name is a stream's when it is BROKER/STREAM and no file");
	}
	if (streams > 0 && values->input >= 0)
		return mq_fail(err, MQ_USAGE, "--input is for files, and a stream has messages");
	if (streams > 0 && reading->range.from.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "--from stored is a group's position");
	if (streams == 0 && (reading->range.from.kind || reading->range.to.kind || reading->end ||
	                     reading->partitions.n > 0 || reading->idle_timeout >= 0)) {
		mq_fail(err, MQ_USAGE, "--from, --to, --partition and the like are for streams");
		return mq_hint(err, "name one behind the options: BROKER/STREAM");
	}
	return 0;
}

static int collect(struct inferring *inferring, struct mq_err *err)
{
	static const enum mq_input_kind kinds[] = {MQ_INPUT_DELIMITED, MQ_INPUT_WHOLE,
	                                           MQ_INPUT_JSON};
	const struct infer_values *values = inferring->invocation->values;
	struct samples samples = {.invocation = inferring->invocation,
	                          .take = take,
	                          .ctx = inferring,
	                          .limit = values->reading.count};
	bool streams = false;

	if (choose_input(inferring->invocation, &streams, err) < 0)
		return -1;
	if (streams)
		return samples_of_streams(&samples, &values->reading, err);
	struct mq_input_spec spec = {.kind = kinds[values->input < 0 ? 0 : values->input],
	                             .delimiter = mq_bytes_str("\n")};
	return samples_of_files(&samples, &spec, err);
}

static int print(struct inferring *inferring, struct mq_err *err)
{
	const struct mq_env *env = inferring->invocation->env;
	int64_t n = mq_infer_count(inferring->infer);
	struct mq_buf buf;

	if (inferring->absent > 0)
		mq_log(env, MQ_LEVEL_NOTE, "%" PRId64 " messages without a payload were left out",
		       inferring->absent);
	if (n == 0) {
		mq_fail(err, MQ_NEGATIVE, "there is no sample to infer a schema from");
		return MQ_NEGATIVE;
	}
	mq_buf_init(&buf, (size_t)1 << 32);
	if (mq_infer_write(inferring->infer, &buf, err) == 0)
		mq_print(&buf, err);
	mq_buf_release(&buf);
	if (err->code)
		return (int)err->code;
	mq_log(env, MQ_LEVEL_NOTE, "from %" PRId64 " sample%s", n, n == 1 ? "" : "s");
	if (inferring->skipped > 0) {
		mq_fail(err, MQ_PARTIAL, "%" PRId64 " sample%s no JSON and left out",
		        inferring->skipped, inferring->skipped == 1 ? " is" : "s are");
		return MQ_PARTIAL;
	}
	return mq_cancel_signal(env->cancel) ? MQ_CANCELLED : MQ_OK;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct infer_values *values = invocation->values;
	struct inferring inferring = {.invocation = invocation};
	struct mq_infer_spec spec = {
	    .draft = (enum mq_schema_draft)values->draft,
	    .format_min = values->format_min,
	    .enum_max = values->enum_max,
	    .map_names = values->map_names,
	    .ranges = values->ranges,
	    .closed = values->closed,
	};
	int code = MQ_OK;

	if (mq_infer_new(&spec, &inferring.infer, err) == 0 && collect(&inferring, err) == 0)
		code = print(&inferring, err);
	mq_infer_free(inferring.infer);
	return err->code ? (int)err->code : code;
}

static void release(void *values)
{
	reading_release(&((struct infer_values *)values)->reading);
}

const struct mq_command mq_cmd_schema_infer = {
    .name = "schema infer",
    .summary = "a JSON Schema from samples: files, standard input or streams",
    .operands = "[FILE…|ADDR…]",
    .about =
        "Prints what the samples have in common as a JSON Schema: types, members that are always "
        "there, formats that all strings of a place have, items of arrays. Each sample is valid "
        "for it. Without operands standard input is read, a sample a line. Of streams what is "
        "there is read, and nothing is taken.\n\n"
        "The order of the samples does not matter. However many and strange they are, memory is "
        "bounded: an object with more than 10,000 names is a map, and what nests deeper than 100 "
        "levels may be anything.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct infer_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
    .release = release,
};
