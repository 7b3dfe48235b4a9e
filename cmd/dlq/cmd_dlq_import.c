/* mqtk dlq import: exported dead letters come back. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"
#include "cmd/replay/file.h"

struct import_values {
	struct mq_common common;
	struct choose_options choose;
	const char *resume;
	struct moving_options moving;
};

static const struct import_values defaults = {.common = MQ_COMMON_INIT,
                                              .moving = MOVING_OPTIONS_INIT};
static const struct consent granted = {.yes = true};

#define FIELD(name) offsetof(struct import_values, name)

static const struct mq_option rows[] = {
    {.name = "resume",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "remember in FILE what is done; the same command goes on from there",
     .complete = MQ_COMPLETE_FILE,
     .field = FIELD(resume)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, FIELD(choose)},
    {"Which messages", select_rows, FIELD(choose) + offsetof(struct choose_options, select)},
    {"Import", rows, 0},
    {"How many, and what is said", moving_file_rows, FIELD(moving)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq import dead.jsonl amqp://localhost/orders.dead", "as they were"}, {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct import_values *values = invocation->values;
	struct moving moving = {
	    .invocation = invocation,
	    .choose = &values->choose,
	    .consent = &granted,
	    .unasked = true,
	    .verb = "import",
	    .done = "imported",
	    .noun = "the import",
	    .options = &values->moving,
	    .max_replays = -1,
	    .plain = true,
	    .stay = true,
	    .resume = values->resume,
	};

	if (invocation->operands.n != 2)
		return mq_fail(err, MQ_USAGE, "expected a file and an address"), MQ_USAGE;
	moving.source = invocation->operands.items[0];
	moving.target = invocation->operands.items[1];
	if (!file_is_named(moving.source))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is no file: its name ends in .jsonl, or begins with ./",
		               moving.source),
		       MQ_USAGE;
	return moving_run(&moving, err);
}

const struct mq_command mq_cmd_dlq_import = {
    .name = "dlq import",
    .summary = "bring exported dead letters back into a stream",
    .operands = "FILE ADDR",
    .about = "Sends the letters of a file that 'mqtk dlq export' or 'mqtk dlq drop' wrote, with "
             "everything that they carry. ADDR may be a broker alone, BROKER/: each goes to the "
             "stream that it was in, and not to where it came from; that is what 'mqtk dlq "
             "requeue --to BROKER/ FILE' does.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct import_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
