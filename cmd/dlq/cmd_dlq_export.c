/* mqtk dlq export: a copy of dead letters in a file. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"
#include "cmd/replay/file.h"

struct export_values {
	struct mq_common common;
	struct choose_options choose;
	struct pending_options pending;
	int64_t count;
	bool append, force, json;
};

static const struct export_values defaults = {
    .common = MQ_COMMON_INIT, .pending = PENDING_INIT, .count = -1};
static const struct consent granted = {.yes = true};

#define FIELD(name) offsetof(struct export_values, name)

static const struct mq_option rows[] = {
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "at most N of them, the first ones",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(count)},
    {.name = "append",
     .type = MQ_OPT_FLAG,
     .help = "add to a file that is not empty",
     .field = FIELD(append)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = FIELD(force)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "report as one JSON line on standard output",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, FIELD(choose)},
    {"Which messages", select_rows, FIELD(choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, FIELD(pending)},
    {"Export", rows, 0},
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
	    .count = values->count,
	    .max_replays = -1,
	    .plain = true,
	    .json = values->json,
	    .pending = &values->pending,
	    .stay = true,
	    .append = values->append,
	    .force = values->force,
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
