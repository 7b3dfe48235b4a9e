/*
 * mqtk kcat: kcat's command line, its words on stderr and its exit codes, which are 0 and 1.
 */
#include "cmd/commands.h"
#include "cmd/kcat/kcat.h"
#include "mqtk/broker.h"
#include "mqtk/help.h"

#include <stdio.h>

static const struct mq_example examples[] = {
    {"mqtk kcat -b localhost -t orders -P <orders.txt", "produce a record per line"},
    {"mqtk kcat -b localhost -t orders -C -e -o -10", "the last ten of each partition"},
    {"mqtk kcat -b localhost -G billing orders '^audit'", "read as a member of a group"},
    {"mqtk kcat -b localhost -L -J", "brokers, topics and partitions as JSON"},
    {"mqtk kcat -b localhost -Q -t orders:0:-1", "the end of a partition"},
    {"ln -s $(command -v mqtk) ~/bin/kcat", "be kcat wherever scripts call it"},
    {0}};

static void log_line(void *ctx, enum mq_level level, const char *text)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "%% %s\n", text);
}

/* The next step is said where it does not name options that only mqtk's own commands have. */
static void report(const struct mq_err *err)
{
	bool apt = err->code == MQ_USAGE || err->code == MQ_UNREACHABLE || err->code == MQ_DENIED;

	fprintf(stderr, "%% ERROR: %s\n", err->message);
	if (err->hint[0] && apt)
		fprintf(stderr, "%%   %s\n", err->hint);
}

static int print_help(const struct mq_command *command, struct mq_err *err)
{
	struct mq_buf buf;
	int code;

	mq_buf_init(&buf, 1 << 20);
	code = mq_help_command(command, &buf, err) < 0 ? (int)err->code : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

static int print_version(struct mq_err *err)
{
	const struct mq_backend *kafka = mq_backend_for_scheme("kafka");
	bool there = kafka && !kafka->missing && kafka->version;
	struct mq_buf buf;
	int code;

	mq_buf_init(&buf, 1 << 16);
	code = mq_buf_printf(&buf, err,
	                     "mqtk %s with the command line of kcat 1.7.1 (librdkafka %s)\n",
	                     MQ_VERSION, there ? kafka->version() : "is not built in") < 0
	           ? (int)err->code
	           : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

static enum mq_level level_of(const struct kcat_values *values)
{
	if (values->debug)
		return MQ_LEVEL_DEBUG;
	if (values->common.quiet)
		return MQ_LEVEL_WARN;
	return values->common.verbose == 0   ? MQ_LEVEL_NOTE
	       : values->common.verbose == 1 ? MQ_LEVEL_VERBOSE
	                                     : MQ_LEVEL_DEBUG;
}

static int run_mode(struct kcat *kcat, struct mq_err *err)
{
	if (kcat_args_check(kcat, err) < 0)
		return MQ_USAGE;
	switch (kcat->mode) {
	case KCAT_PRODUCE:
		return kcat_produce(kcat, err);
	case KCAT_CONSUME:
	case KCAT_GROUP:
		return kcat_consume(kcat, err);
	case KCAT_LIST:
		return kcat_list(kcat, err);
	case KCAT_QUERY:
		return kcat_query(kcat, err);
	case KCAT_NONE:
		break;
	}
	return MQ_USAGE;
}

static int run_parsed(struct kcat *kcat, struct mq_err *err)
{
	struct mq_invocation *invocation = kcat->invocation;
	const struct kcat_values *values = kcat->values;
	struct mq_env env = *invocation->env;
	int code;

	if (values->common.help)
		return print_help(invocation->command, err);
	if (values->common.version)
		return print_version(err);
	env.timeout_ms = (int)values->timeout_s * 1000;
	env.level = level_of(values);
	env.log = log_line;
	invocation->env = &env;
	if (kcat->manual || kcat->dump)
		code = kcat_show_properties(kcat, err);
	else
		code = run_mode(kcat, err);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct mq_env *env = invocation->env;
	struct kcat kcat;
	int code = MQ_USAGE;

	if (kcat_args_parse(&kcat, invocation, err) == 0)
		code = run_parsed(&kcat, err);
	invocation->env = env;
	kcat_release(&kcat);
	if (err->code != MQ_OK) {
		report(err);
		mq_err_clear(err);
		code = MQ_NEGATIVE;
	}
	return code == MQ_OK ? 0 : 1;
}

const struct mq_command mq_cmd_kcat = {
    .name = "kcat",
    .summary = "kcat's command line, for Kafka",
    .operands = "[FILE…|TOPIC…]",
    .about =
        "Takes the command line of kcat 1.7.1 and does the same with the engines of produce and "
        "consume: what is printed is the same byte for byte, and what kcat loses, mqtk does not. "
        "Called through a link named kcat, mqtk is this command.\n\n"
        "Without a mode it consumes when standard input is a terminal, and produces otherwise. The "
        "exit code is 0 or 1. With -P it is 0 only if every record was confirmed, also after a "
        "signal; a file that cannot be read or a number that cannot be understood is an error. "
        "With -G a message is committed only after it was printed.",
    .examples = examples,
    .sets = kcat_sets,
    .values_size = sizeof(struct kcat_values),
    .defaults = &kcat_defaults,
    .raw_arguments = true,
    .no_config = true,
    .run = run,
};
