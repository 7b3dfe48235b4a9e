/* mqtk dlq drop: dead letters are removed, after they were kept in a file. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"

#include "mqtk/address.h"

#include <time.h>

struct drop_values {
	struct mq_common common;
	struct choose_options choose;
	struct consent consent;
	struct pending_options pending;
	const char *backup;
	bool no_backup;
	struct moving_options moving;
};

static const struct drop_values defaults = {
    .common = MQ_COMMON_INIT, .pending = PENDING_INIT, .moving = MOVING_OPTIONS_INIT};

#define FIELD(name) offsetof(struct drop_values, name)

static const struct mq_option rows[] = {
    {.name = "backup",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "keep them in FILE (STREAM-dropped-TIME.jsonl here)",
     .complete = MQ_COMPLETE_FILE,
     .field = FIELD(backup)},
    {.name = "no-backup",
     .type = MQ_OPT_FLAG,
     .help = "keep them nowhere",
     .field = FIELD(no_backup),
     .excludes = "backup"},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, FIELD(choose)},
    {"Which messages", select_rows, FIELD(choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, FIELD(pending)},
    {"Drop", rows, 0},
    {"How many, and what is said", moving_rows, FIELD(moving)},
    {"Safety", consent_rows, FIELD(consent)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq drop --reason expired amqp://localhost/orders.dead",
     "kept in a file here first, after a question"},
    {"mqtk dlq drop --yes --until -30d --no-backup prod/orders.dlq", "for good"},
    {0}};

/* "file:" makes a file of every name: --backup, /dev/null, or STREAM-dropped-20261101T100000Z.jsonl
 * with '_' for what the name of a file cannot hold. */
static int name_backup(const struct mq_invocation *invocation, const char *source,
                       struct mq_buf *ret, struct mq_err *err)
{
	const struct drop_values *values = invocation->values;
	struct mq_target target;
	char now[32];
	time_t seconds = time(NULL);
	struct tm tm;

	if (values->no_backup || values->backup)
		return mq_buf_printf(ret, err, "file:%s",
		                     values->no_backup ? "/dev/null" : values->backup);
	if (mq_target_resolve(source, invocation->config, &invocation->settings, &target, err) < 0)
		return -1;
	strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &tm));
	int result = mq_buf_printf(ret, err, "file:%s-dropped-%s.jsonl",
	                           target.stream ? target.stream : "letters", now);
	mq_target_release(&target);
	for (size_t i = strlen("file:"); result == 0 && i < ret->len; i++)
		if (ret->data[i] == '/' || (unsigned char)ret->data[i] < ' ')
			ret->data[i] = '_';
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct drop_values *values = invocation->values;
	struct moving moving = {
	    .invocation = invocation,
	    .choose = &values->choose,
	    .consent = &values->consent,
	    .verb = "drop",
	    .done = "dropped",
	    .noun = "the drop",
	    .towards = values->no_backup ? "" : NULL,
	    .drops = true,
	    .options = &values->moving,
	    .max_replays = -1,
	    .plain = true,
	    .pending = &values->pending,
	    .append = true,
	};
	struct mq_buf name;
	int code = MQ_USAGE;

	if (invocation->operands.n != 1)
		return mq_fail(err, MQ_USAGE, "expected one address: where the dead letters are"),
		       MQ_USAGE;
	mq_buf_init(&name, 1 << 16);
	moving.source = invocation->operands.items[0];
	if (name_backup(invocation, moving.source, &name, err) == 0) {
		moving.target = name.data;
		code = moving_run(&moving, err);
	}
	mq_buf_release(&name);
	return code;
}

const struct mq_command mq_cmd_dlq_drop = {
    .name = "dlq drop",
    .summary = "remove dead letters, after keeping them in a file",
    .operands = "ADDR",
    .about = "Shows which dead letters are meant, asks, writes them to a file as -J lines, and "
             "only then takes them out. Where letters cannot be taken out (Kafka, the local store) "
             "the group passes them; the broker keeps them as long as it is told to. What a Redis "
             "group holds pending is "
             "acknowledged; the entry stays in its stream.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct drop_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
