/*
 * mqtk schema validate: judge messages by a schema, wherever they are; a report, or a filter in a
 * pipe. Nothing is taken.
 */
#include "cmd/commands.h"
#include "cmd/reading.h"
#include "cmd/schema/filter.h"
#include "cmd/schema/judging.h"
#include "cmd/schema/operand.h"

#include <inttypes.h>
#include <unistd.h>

enum input { INPUT_LINES, INPUT_WHOLE, INPUT_ENVELOPES, INPUT_CONTAINER };

struct validate_values {
	struct mq_common common;
	struct schema_options schema;
	int input;
	bool text;
	bool allow_null;
	int framing;
	const char *delimiter;
	struct reading reading;
	bool follow;
	bool force;
	bool json;
	bool summary;
	int64_t max_errors;
	bool pass;
	const char *reject_to;
};

static const struct validate_values defaults = {.common = MQ_COMMON_INIT,
                                                .input = -1,
                                                .framing = -1,
                                                .reading = READING_INIT,
                                                .max_errors = 10};

#define FIELD(name) offsetof(struct validate_values, name)

static const char *const inputs[] = {"lines", "whole", "envelopes", "container", NULL};

static const struct mq_option input_rows[] = {
    {.name = "input",
     .type = MQ_OPT_CHOICE,
     .arg = "WHAT",
     .choices = inputs,
     .help = "what a file holds: lines, a whole message, -J envelopes, or an Avro container",
     .more = "Of an envelope the payload is judged. Empty lines are no messages. A container file "
             "is known by its beginning; it is decoded by its own schema, and --schema, if any, "
             "judges that.",
     .field = FIELD(input)},
    {.name = "delimiter",
     .letter = 'D',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "what ends each record of a file, and what passes (\\n); escapes as in C",
     .field = FIELD(delimiter)},
    {.name = "text",
     .type = MQ_OPT_FLAG,
     .help = "Avro and Protobuf: the payloads are JSON text",
     .more = "That is so for lines anyway; whole files, envelopes and streams hold the bytes.",
     .field = FIELD(text)},
    {.name = "framing",
     .type = MQ_OPT_CHOICE,
     .arg = "HOW",
     .choices = mq_framing_names,
     .help = "how payloads name the schema that wrote them: none, confluent, guid …",
     .more = "They are decoded by that schema, which --registry has, and the result is judged by "
             "--schema, or without one by that schema itself. Unless told: auto where --schema is "
             "a registry's or not given, else none.",
     .field = FIELD(framing)},
    {.name = "allow-null",
     .type = MQ_OPT_FLAG,
     .help = "messages without a payload (tombstones) are valid",
     .field = FIELD(allow_null)},
    {0}};

static const struct mq_option stream_rows[] = {
    {.name = "follow",
     .type = MQ_OPT_FLAG,
     .help = "go on with what comes; else what is there is judged",
     .field = FIELD(follow),
     .excludes = "end"},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = FIELD(force)},
    {0}};

static const struct mq_option output_rows[] = {
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "tell each error as one JSON line",
     .field = FIELD(json)},
    {.name = "summary",
     .type = MQ_OPT_FLAG,
     .help = "only count: valid, invalid, and how often each rule was broken where",
     .more = "Places in arrays are counted together, as *.",
     .field = FIELD(summary)},
    {.name = "max-errors",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "tell at most N errors of a message (10)",
     .min = 1,
     .max = 100000,
     .field = FIELD(max_errors)},
    {.name = "pass",
     .type = MQ_OPT_FLAG,
     .help = "print valid messages, byte for byte; errors go to standard error",
     .field = FIELD(pass)},
    {.name = "reject-to",
     .type = MQ_OPT_STRING,
     .arg = "FILE|ADDR",
     .help = "append invalid messages to a file, or send them to a stream",
     .more = "Records go to a file as they stood. Whole files and messages of streams become -J "
             "lines there, and what goes to a stream is a dead letter: mqtk dlq show tells why. "
             "When one cannot be put there, everything stops.",
     .field = FIELD(reject_to),
     .complete = MQ_COMPLETE_FILE},
    {0}};

static const struct mq_option_set sets[] = {{"Schema", schema_source_rows, FIELD(schema)},
                                            {"How the schema is read", schema_rows, FIELD(schema)},
                                            {"Files", input_rows, 0},
                                            {"Streams", reading_rows, FIELD(reading)},
                                            {"Streams, further", stream_rows, 0},
                                            {"What is said and done", output_rows, 0},
                                            {0}};

static const struct mq_example examples[] = {
    {"mqtk schema validate --schema order.json orders.jsonl",
     "which lines are not orders, and why"},
    {"mqtk schema validate --schema order.json --summary kafka://localhost:9092/orders",
     "what is wrong in a topic; nothing is taken"},
    {"mqtk schema validate --schema order.json --pass --reject-to bad.jsonl < in | mqtk produce "
     "prod/orders",
     "only what is valid goes on, and the rest is kept"},
    {"mqtk schema validate --schema order.json --reject-to local/orders.dead local/orders",
     "copy what is invalid to a dead-letter stream"},
    {"mqtk schema validate --schema order.avsc --input whole a.bin b.bin",
     "files that hold one Avro value each"},
    {0}};

/* --- what was asked for ----------------------------------------------------------------------- */

/* Files or streams: all operands are the one or the other. */
static int look_at_operands(const struct mq_invocation *invocation, bool *ret_streams,
                            struct mq_err *err)
{
	const struct validate_values *values = invocation->values;
	const struct mq_operands *operands = &invocation->operands;
	const char *source = values->schema.source;
	size_t streams = 0;

	for (size_t i = 0; i < operands->n; i++)
		streams += operand_is_address(invocation, operands->items[i]);
	/* Without operands standard input is what is judged. */
	bool standard = operands->n == 0;
	for (size_t i = 0; i < operands->n; i++)
		standard |= strcmp(operands->items[i], "-") == 0;
	if (standard && source && strcmp(source, "-") == 0)
		return mq_fail(err, MQ_USAGE,
		               "standard input cannot be both the schema and what it judges");
	if (streams > 0 && streams < operands->n) {
		mq_fail(err, MQ_USAGE, "files and streams cannot be judged in one go");
		return mq_hint(err, "a name is a stream's when it is BROKER/STREAM and no file");
	}
	*ret_streams = streams > 0;
	return 0;
}

/* How files are read: as was said; else files that begin as containers are such. */
static enum input input_of(const struct mq_invocation *invocation)
{
	const struct validate_values *values = invocation->values;
	const struct mq_operands *operands = &invocation->operands;
	size_t containers = 0;

	if (values->input >= 0)
		return (enum input)values->input;
	for (size_t i = 0; i < operands->n; i++)
		containers += filter_is_container(operands->items[i]);
	return containers > 0 && containers == operands->n ? INPUT_CONTAINER : INPUT_LINES;
}

static int check_options(const struct validate_values *values, bool streams, struct mq_err *err)
{
	const struct reading *reading = &values->reading;

	if (streams && values->input >= 0)
		return mq_fail(err, MQ_USAGE, "--input is for files, and a stream has messages");
	if (streams && reading->range.from.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "--from stored is a group's position");
	if (!streams && (reading->range.from.kind || reading->range.to.kind || reading->end ||
	                 reading->partitions.n > 0 || reading->idle_timeout >= 0 ||
	                 values->follow || values->force)) {
		mq_fail(err, MQ_USAGE,
		        "--from, --to, --partition, --follow and the like are for streams");
		return mq_hint(err, "name one behind the options: BROKER/STREAM");
	}
	return 0;
}

/* --- running ---------------------------------------------------------------------------------- */

static int judge_all(struct filter *filter, const struct validate_values *values, bool streams,
                     enum input input, struct mq_err *err)
{
	const struct mq_operands *operands = &filter->invocation->operands;
	static const enum mq_input_kind kinds[] = {MQ_INPUT_DELIMITED, MQ_INPUT_WHOLE,
	                                           MQ_INPUT_JSON, MQ_INPUT_WHOLE};

	if (!streams) {
		struct mq_input_spec spec = {.kind = kinds[input],
		                             .delimiter = filter->ending,
		                             .keep_stream = true,
		                             .keep_raw = true};
		if (filter_files(filter, &spec, operands->items, operands->n, err) < 0)
			return (int)err->code;
		return mq_cancel_signal(filter->invocation->env->cancel) ? MQ_CANCELLED : MQ_OK;
	}
	struct mq_read_spec spec = {
	    .partitions = values->reading.partitions.items,
	    .n_partitions = values->reading.partitions.n,
	    .from = values->reading.range.from,
	    .to = values->reading.range.to,
	    .force = values->force,
	    .need = values->reject_to || filter->judge->codec
	                ? MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES
	                : 0,
	    .limit = values->reading.count,
	    .stop_at_end = !values->follow,
	};
	return filter_streams(filter, &spec, values->reading.idle_timeout, err);
}

/* The exit code, and the words for it. */
static int conclude(struct filter *filter, int code, struct mq_err *err)
{
	const struct findings *findings = &filter->findings;
	const struct mq_env *env = filter->invocation->env;
	int64_t invalid = findings->invalid, total = findings->valid + invalid;

	if (filter->out.closed || findings->out.closed) {
		mq_err_clear(err); /* whoever read it has seen enough */
		return invalid > 0 ? MQ_NEGATIVE : MQ_OK;
	}
	if (code == MQ_CANCELLED) {
		mq_log(env, MQ_LEVEL_NOTE,
		       "stopped by a signal: %" PRId64 " valid, %" PRId64 " invalid%s",
		       findings->valid, invalid,
		       filter->unfinished ? "; an unfinished record was not judged" : "");
		return MQ_CANCELLED;
	}
	if (code != MQ_OK)
		return code;
	if (invalid > 0)
		mq_log(env, MQ_LEVEL_VERBOSE, "%" PRId64 " valid", findings->valid);
	if (filter->unreadable > 0) {
		mq_fail(err, MQ_IO,
		        "%" PRId64 " input%s could not be read to the end; of the rest %" PRId64
		        " of %" PRId64 " messages are invalid",
		        filter->unreadable, filter->unreadable == 1 ? "" : "s", invalid, total);
		return mq_hint(err, "a stream is named BROKER/STREAM"), MQ_IO;
	}
	if (invalid > 0)
		return mq_fail(err, MQ_NEGATIVE, "%" PRId64 " of %" PRId64 " message%s invalid",
		               invalid, total, total == 1 ? " is" : "s are"),
		       MQ_NEGATIVE;
	mq_log(env, MQ_LEVEL_NOTE, "%" PRId64 " message%s, all valid", total,
	       total == 1 ? "" : "s");
	return MQ_OK;
}

static int run_filter(struct filter *filter, const struct validate_values *values, bool streams,
                      enum input input, struct mq_err *err)
{
	bool letters = streams || input == INPUT_WHOLE || input == INPUT_CONTAINER;
	int code;

	if (values->reject_to) {
		filter->rejecting = true;
		if (rejects_open(&filter->rejects, filter->invocation, values->reject_to,
		                 letters ? MQ_ABSENT : filter->ending, err) < 0)
			return (int)err->code;
	}
	filter->glued = letters && !streams;
	filter->containers = input == INPUT_CONTAINER;
	code = judge_all(filter, values, streams, input, err);
	if (code == MQ_OK || code == MQ_CANCELLED) {
		struct mq_err why = MQ_ERR_INIT;
		if (filter_flush(filter, &why) < 0 ||
		    findings_end(&filter->findings, filter->invocation->env,
		                 filter->invocation->color_out, &why) < 0) {
			*err = why;
			code = (int)why.code;
		}
	} else {
		filter_save(filter);
	}
	return conclude(filter, code, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct validate_values *values = invocation->values;
	struct judging judging = {0};
	struct filter filter = {.invocation = invocation,
	                        .judge = &judging.judge,
	                        .pass = values->pass,
	                        .limit = values->reading.count};
	struct judging_spec spec = {.options = &values->schema,
	                            .framing = values->framing,
	                            .text = values->text,
	                            .allow_null = values->allow_null,
	                            .unframe = "--framing confluent",
	                            .most = (size_t)values->max_errors};
	struct mq_buf delimiter;
	bool streams = false;
	int code = MQ_USAGE;

	mq_buf_init(&delimiter, 1 << 16);
	findings_init(&filter.findings, values->json ? FINDINGS_JSON : FINDINGS_TEXT,
	              values->summary, values->pass ? STDERR_FILENO : STDOUT_FILENO);
	mq_output_init(&filter.out, STDOUT_FILENO, "standard output");
	filter.rejects.out.fd = -1;
	if (look_at_operands(invocation, &streams, err) < 0 ||
	    check_options(values, streams, err) < 0 ||
	    option_bytes("-D", values->delimiter ? values->delimiter : "\n", &delimiter, err) < 0)
		goto out;
	if (delimiter.len == 0) {
		mq_fail(err, MQ_USAGE, "-D: at least one byte is expected");
		goto out;
	}
	filter.ending = mq_bytes_of(delimiter.data, delimiter.len);
	enum input input = streams ? INPUT_ENVELOPES : input_of(invocation);
	spec.text |= input == INPUT_LINES;
	if (input == INPUT_LINES)
		spec.unframe = "--input whole --framing confluent";
	spec.brought = input == INPUT_CONTAINER;
	if (spec.brought && values->pass) {
		mq_fail(err, MQ_USAGE, "--pass: data of a container file cannot pass one by one");
		mq_hint(err, "--reject-to keeps what is not valid");
		goto out;
	}
	if (judging_open(&judging, invocation, &spec, err) == 0)
		code = run_filter(&filter, values, streams, input, err);
out:
	if (filter.rejecting)
		rejects_close(&filter.rejects);
	findings_release(&filter.findings);
	mq_output_release(&filter.out);
	mq_buf_release(&delimiter);
	judging_close(&judging);
	return err->code ? (int)err->code : code;
}

static void release(void *values)
{
	reading_release(&((struct validate_values *)values)->reading);
}

const struct mq_command mq_cmd_schema_validate = {
    .name = "schema validate",
    .summary = "judge messages by a schema: files, standard input or streams",
    .operands = "[FILE…|ADDR…]",
    .about =
        "Judges messages by a JSON Schema, an Avro schema or a Protobuf definition, and tells of "
        "each invalid one where it is, which rule it breaks at which place, and how: a line for "
        "each error. Without operands standard input is read, a message a line. Of streams what "
        "is there is judged, and nothing is taken.\n\n"
        "Exit status 0: all are valid; 1: some are not; 6: a file cannot be read; 7: the schema "
        "itself is bad.\n\n"
        "With --pass it is a filter: valid messages go to standard output as they are. With "
        "--reject-to invalid ones are kept, so that nothing is lost.",
    .examples = examples,
    .topic = "schemas",
    .sets = sets,
    .values_size = sizeof(struct validate_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
    .release = release,
};
