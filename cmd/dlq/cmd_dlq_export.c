/* mqtk dlq export: a copy of dead letters in a file. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"
#include "cmd/replay/file.h"

struct export_values {
	struct mq_common common;
	struct choose_options choose;
	struct pending_options pending;
	bool append;
	struct moving_options moving;
};

static const struct export_values defaults = {
    .common = MQ_COMMON_INIT, .pending = PENDING_INIT, .moving = MOVING_OPTIONS_INIT};
static const struct consent granted = {.yes = true};

#define FIELD(name) offsetof(struct export_values, name)

static const struct mq_option rows[] = {{.name = "append",
                                         .type = MQ_OPT_FLAG,
                                         .help = "add to a file that is not empty",
                                         .field = FIELD(append)},
                                        {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, FIELD(choose)},
    {"Which messages", select_rows, FIELD(choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, FIELD(pending)},
    {"Export", rows, 0},
    {"How many, and what is said", moving_rows, FIELD(moving)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq export amqp://localhost/orders.dead dead.jsonl", "keep them; nothing is taken"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct export_values *values = invocation->values;
	struct moving moving = {
	    .invocation = invocation,
	    .choose = &values->choose,
	    .consent = &granted,
	    .unasked = true,
	    .verb = "export",
	    .done = "exported",
	    .noun = "the export",
	    .options = &values->moving,
	    .max_replays = -1,
	    .plain = true,
	    .pending = &values->pending,
	    .stay = true,
	    .append = values->append,
	};

	if (invocation->operands.n != 2)
		return mq_fail(err, MQ_USAGE, "expected an address and a file"), MQ_USAGE;
	moving.source = invocation->operands.items[0];
	moving.target = invocation->operands.items[1];
	if (!file_is_named(moving.target)) {
		mq_fail(err, MQ_USAGE,
		        "'%s' is no file: its name ends in .jsonl, or begins with ./",
		        moving.target);
		return mq_hint(err, "'mqtk dlq move' and 'mqtk replay' write to streams"), MQ_USAGE;
	}
	return moving_run(&moving, err);
}

const struct mq_command mq_cmd_dlq_export = {
    .name = "dlq export",
    .summary = "copy dead letters into a file, from which they can be imported",
    .operands = "ADDR FILE",
    .about = "Writes dead letters as -J lines, with everything that they carry. Nothing is taken. "
             "'mqtk dlq import' brings them back.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct export_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
