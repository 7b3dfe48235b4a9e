/*
 * mqtk consume: print the messages of streams. Without a group or --ack nothing is committed or
 * taken; with one a message is settled only after its bytes were accepted by write().
 */
#include "cmd/avro_sink.h"
#include "cmd/commands.h"
#include "cmd/consuming.h"
#include "cmd/worker/engine.h"

struct consume_values {
	struct mq_common common;
	struct reading reading;
	struct printing printing;
	struct marking_options marking;
	struct worker_options worker;
	const char *group;
	const char *consumer;
	bool ack;
	bool force;
	int64_t claim;
	int64_t prefetch;
	int64_t commit_interval;
	const char *to_avro_file;
};

static const struct consume_values defaults = {
    .common = MQ_COMMON_INIT,
    .printing = PRINTING_INIT,
    .reading = READING_INIT,
    .worker = WORKER_OPTIONS_INIT,
    .commit_interval = -1,
};

static const struct mq_option group_rows[] = {
    {.name = "group",
     .letter = 'g',
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "read as a member of this group and commit what was printed",
     .more = "Reading begins at the group's position, or at --from where it has none. A message is "
             "committed only after its bytes were accepted by the output: at intervals, at the "
             "end, at a signal and before a partition is given away. A crash repeats at most what "
             "was not committed yet; nothing is skipped.",
     .field = offsetof(struct consume_values, group),
     .excludes = "partition ack"},
    {.name = "ack",
     .type = MQ_OPT_FLAG,
     .help = "take from queues: a message is gone once it was printed",
     .more =
         "Without it a queue is looked at: all that is there is printed and stays there, in its "
         "order, and the command ends. With it a message is acknowledged only after its bytes "
         "were accepted by the output; what was not acknowledged comes again. On "
         "Redis it deletes entries from the stream, for everybody; --group NAME settles them for "
         "one group.",
     .field = offsetof(struct consume_values, ack)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .more = "Looking counts as a delivery there, and messages may be delivered only so often, or "
             "it could make the queue too long for its limit.",
     .field = offsetof(struct consume_values, force),
     .excludes = "ack group"},
    {.name = "consumer",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "this member's name in the group",
     .field = offsetof(struct consume_values, consumer)},
    {.name = "claim",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "take over messages that other members of the group hold idle for so long",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct consume_values, claim)},
    {.name = "prefetch",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "how many messages may be on their way, not yet acknowledged",
     .more = "With --exec on a queue or in a Redis group that is 16, or 4 for each worker: what is "
             "held here others wait for. With --exec-lines, and where positions are committed, "
             "1,000.",
     .min = 1,
     .max = 65535,
     .field = offsetof(struct consume_values, prefetch)},
    {.name = "commit-interval",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how often to commit (1s); 0: after each batch",
     .max = 3600000,
     .field = offsetof(struct consume_values, commit_interval)},
    {0}};

static const struct mq_option file_rows[] = {
    {.name = "to-avro-file",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "write payloads into an Avro container file of --schema instead of printing them",
     .more = "What names its schema is read with the file's; --decode json makes it of JSON texts. "
             "FILE must be empty or new, - is standard output. With --group or --ack a message is "
             "settled only after its block is on the disk; a file that was cut off by a crash "
             "gives out everything before that.",
     .field = offsetof(struct consume_values, to_avro_file),
     .excludes = "exec exec-lines exec-batch",
     .complete = MQ_COMPLETE_FILE},
    {0}};

static const struct mq_option_set sets[] = {
    {"Reading", reading_rows, offsetof(struct consume_values, reading)},
    {"Groups and queues", group_rows, 0},
    {"Worker", worker_rows, offsetof(struct consume_values, worker)},
    {"Printing", printing_rows, offsetof(struct consume_values, printing)},
    {"Decoding", decoding_rows, offsetof(struct consume_values, printing.decoding)},
    {"Decoded values", decoding_form_rows, offsetof(struct consume_values, printing.decoding.form)},
    {"Files", file_rows, 0},
    {"Schema", schema_source_rows, offsetof(struct consume_values, printing.decoding.schema)},
    {"What is not valid", marking_rows, offsetof(struct consume_values, marking)},
    {"How schemas are read", schema_rows,
     offsetof(struct consume_values, printing.decoding.schema)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk consume local/orders", "print everything, then wait for more"},
    {"mqtk consume -e -c 10 kafka://localhost:9092/orders", "the first ten, then exit"},
    {"mqtk consume -e --from -1h --to -5m prod/orders", "a window of time"},
    {"mqtk consume -e -f '%{ts:iso} %k %s\\n' local/orders",
     "a line per message of your own making"},
    {"mqtk consume -J -e prod/orders | mqtk produce -J local/copy", "copy without loss"},
    {"mqtk consume --group billing -e local/orders", "go on where this group stopped"},
    {"mqtk consume -e 'prod/^orders\\..*'", "all streams whose names match"},
    {"mqtk consume amqp://localhost/orders", "look into a queue; nothing is taken"},
    {"mqtk consume --ack -c 1 amqp://localhost/orders", "take one message out of it"},
    {"mqtk consume --group billing --exec ./bill --dead-letter local/orders.dead local/orders",
     "a program for each message, and what it cannot do put aside"},
    {"mqtk consume --group check --workers 4 --exec-lines ./check-lines local/orders",
     "four programs that answer line by line"},
    {"mqtk consume -e --schema order.json --reject-to bad.jsonl prod/orders",
     "only valid messages are printed, the others are kept"},
    {"mqtk consume --group billing --claim 5m redis://localhost/orders",
     "also what a member that fell silent was working on"},
    {0}};

static int check_group(const struct consume_values *values, struct mq_err *err)
{
	if (values->group && !*values->group)
		return mq_fail(err, MQ_USAGE, "--group: '' is no name of a group");
	if (values->group)
		return 0;
	if (values->consumer)
		return mq_fail(err, MQ_USAGE, "--consumer names a member of a --group");
	if (values->claim > 0)
		return mq_fail(err, MQ_USAGE,
		               "--claim takes over what other members of a --group hold");
	if (values->commit_interval >= 0 && !values->ack)
		return mq_fail(err, MQ_USAGE,
		               "--commit-interval needs --group or --ack: nothing is committed "
		               "without one");
	return 0;
}

static int check_work(const struct consume_values *values, const struct decoder *decoder,
                      struct mq_err *err)
{
	const struct printing *p = &values->printing;

	if (!values->group && !values->ack)
		return mq_fail(
		    err, MQ_USAGE,
		    "--exec needs --group NAME or, for queues, --ack: what a command has "
		    "done is settled");
	if (p->template_text || p->json || p->delimiter || p->key_delimiter || p->null_text ||
	    p->unbuffered || (p->decoding.decode.n > 0 && !decoder_wanted(decoder))) {
		mq_fail(err, MQ_USAGE,
		        "with --exec the command prints, and not we: options such "
		        "as -f and -J have no effect");
		return mq_hint(err, "--exec-json gives the command the whole message as JSON");
	}
	if (values->marking.reject_to)
		return mq_fail(err, MQ_USAGE,
		               "--reject-to is for printing; with --exec there is --dead-letter");
	if (p->decoding.on_error == ON_ERROR_SKIP) {
		mq_fail(err, MQ_USAGE, "--on-error skip would settle what no command has seen");
		return mq_hint(err, "--dead-letter keeps what cannot be decoded; --on-error raw "
		                    "gives it as it came");
	}
	return 0;
}

/* Prints the messages, and what is not valid as was asked for. */
static int print(struct mq_invocation *invocation, struct mq_read_spec *spec,
                 struct printer *printer, struct mq_err *err)
{
	const struct consume_values *values = invocation->values;
	struct marking marking;
	struct sources sources = {0};
	struct text_sink sink;
	int code = MQ_USAGE;

	if (marking_open(&marking, invocation, &values->marking, &values->printing.decoding,
	                 &printer->decoder, printer->envelopes, err) < 0)
		goto out_marking;
	spec->need |= marking_needs(&marking);
	if (sources_open(&sources, invocation, invocation->operands.items, invocation->operands.n,
	                 spec, err) < 0)
		goto out_marking;
	if (marking_connect(&marking, &sources, err) < 0)
		goto out_sources;
	text_sink_init(&sink, invocation->env, printer);
	sink.marking = &marking;
	struct mq_pump pump = {
	    .sink = text_sink_operations(&sink),
	    .settle = values->group != NULL || values->ack,
	    .stop_at_end = values->reading.end,
	    .limit = values->reading.count,
	    .idle_timeout_ms = values->reading.idle_timeout,
	    .commit_every_ms = values->commit_interval >= 0 ? values->commit_interval : 1000,
	};
	struct consuming_sink account = consuming_text(&sink);
	code = consuming_run(invocation, &sources, &account, &pump, err);
	if (!sink.out.closed)
		code = marking_conclude(&marking, code, err);
	text_sink_release(&sink);
out_sources:
	sources_close(&sources);
out_marking:
	marking_close(&marking);
	return err->code ? (int)err->code : code;
}

/* --exec: programs work on the messages, and what they have done is settled. */
static int work(struct mq_invocation *invocation, struct mq_read_spec *spec,
                struct decoder *decoder, struct mq_err *err)
{
	const struct consume_values *values = invocation->values;
	struct worker worker = {
	    .invocation = invocation,
	    .options = &values->worker,
	    .group = values->group,
	    .stop_at_end = values->reading.end,
	    .limit = values->reading.count,
	    .idle_timeout_ms = values->reading.idle_timeout,
	    .commit_every_ms = values->commit_interval >= 0 ? values->commit_interval : 1000,
	    .prefetch = values->prefetch,
	    .decoder = decoder_wanted(decoder) ? decoder : NULL,
	    .raw = values->printing.decoding.on_error == ON_ERROR_RAW,
	};
	struct marking marking;
	int code = MQ_USAGE;

	if (check_work(values, decoder, err) < 0)
		return code;
	spec->need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES;
	if (marking_open(&marking, invocation, &values->marking, &values->printing.decoding,
	                 decoder, false, err) < 0)
		goto out;
	if (marking.judges && !worker.raw)
		worker.marking = &marking;
	if (worker_open(&worker, spec, err) == 0)
		code = worker_run(&worker, err);
	worker_close(&worker);
out:
	marking_close(&marking);
	return err->code ? (int)err->code : code;
}

/* --to-avro-file */
static int write_avro(struct mq_invocation *invocation, struct mq_read_spec *spec,
                      struct mq_err *err)
{
	const struct consume_values *values = invocation->values;
	const struct printing *p = &values->printing;
	bool settle = values->group != NULL || values->ack;
	struct sources sources = {0};
	struct avro_sink sink;
	int code = MQ_USAGE;

	if (p->template_text || p->json || p->delimiter || p->key_delimiter || p->null_text)
		return mq_fail(err, MQ_USAGE,
		               "--to-avro-file: what is written has no -f, -J, -D, -K or -Z"),
		       code;
	if (avro_sink_init(&sink, invocation, values->to_avro_file, &p->decoding, err) < 0)
		goto out;
	spec->need = decoder_needs(&sink.decoder);
	if (sources_open(&sources, invocation, invocation->operands.items, invocation->operands.n,
	                 spec, err) < 0)
		goto out;
	struct mq_pump pump = {
	    .sink = avro_sink_operations(&sink),
	    .settle = settle,
	    .lazy = !settle,
	    .stop_at_end = values->reading.end,
	    .limit = values->reading.count,
	    .idle_timeout_ms = values->reading.idle_timeout,
	    .commit_every_ms = values->commit_interval >= 0 ? values->commit_interval : 1000,
	};
	struct consuming_sink account = {.count = &sink.written};
	code = consuming_run(invocation, &sources, &account, &pump, err);
	if (!err->code)
		avro_sink_finish(&sink, err);
out:
	sources_close(&sources);
	avro_sink_release(&sink);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct consume_values *values = invocation->values;
	struct printer printer = {0};
	int code = MQ_USAGE;

	if (check_group(values, err) < 0)
		return MQ_USAGE;
	if (values->reading.range.from.kind == MQ_POS_STORED && !values->group)
		return mq_fail(err, MQ_USAGE, "--from stored is a group's position: add --group"),
		       MQ_USAGE;
	if (!values->to_avro_file && printer_init(&printer, invocation, &values->printing, err) < 0)
		goto out_printer;
	struct mq_read_spec spec = {
	    .partitions = values->reading.partitions.items,
	    .n_partitions = values->reading.partitions.n,
	    .from = values->reading.range.from,
	    .to = values->reading.range.to,
	    .group = values->group,
	    .member = values->consumer,
	    .ack = values->ack,
	    .force = values->force,
	    .claim_ms = values->claim,
	    .prefetch = (int)values->prefetch,
	    .need = values->to_avro_file ? 0 : printer_needs(&printer),
	    .limit = values->reading.count,
	    .stop_at_end = values->reading.end,
	};
	int wanted = worker_wanted(&values->worker, err);
	if (wanted != 0) {
		code = wanted < 0 ? MQ_USAGE : work(invocation, &spec, &printer.decoder, err);
		goto out_printer;
	}
	code = values->to_avro_file ? write_avro(invocation, &spec, err)
	                            : print(invocation, &spec, &printer, err);
out_printer:
	printer_release(&printer);
	return err->code ? (int)err->code : code;
}

static void release(void *values)
{
	reading_release(&((struct consume_values *)values)->reading);
}

const struct mq_command mq_cmd_consume = {
    .name = "consume",
    .summary = "print messages, or run a program for each; nothing is committed without --group or "
               "taken without --ack",
    .operands = "ADDR…",
    .about = "Prints the messages of one or more streams, from the beginning, and then waits for "
             "more, unless told otherwise. Without --group nothing is committed and nobody joins "
             "anything: looking never takes.\n\n"
             "A queue has no positions to go on from, so without --ack it is looked at: what is in "
             "it is printed, all of it stays there in its order, and the command ends by itself. "
             "--ack takes messages, each one after it was printed.\n\n"
             "Several addresses may name streams on several brokers. A stream that begins with ^ "
             "is a regular expression. With -X exchange=NAME the address is the broker's and what "
             "goes through that exchange is read; -X binding=KEY, repeatable, says which keys.\n\n"
             "With --schema each message is judged. One that is not valid is printed all the same, "
             "but said, and marked with -J (\"valid\", \"errors\"), and the exit status is 1; "
             "--reject-to puts it elsewhere instead, --on-error fail ends there, skip leaves it "
             "out, raw only prints it.\n\n"
             "With --exec, --exec-lines or --exec-batch nothing is printed: programs work on the "
             "messages, and what they have done is settled. What fails is tried again, then goes "
             "to --dead-letter; what is not valid by --schema goes there at once.",
    .examples = examples,
    .topic = "workers",
    .sets = sets,
    .values_size = sizeof(struct consume_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
