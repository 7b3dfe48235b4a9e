/* mqtk dlq move: dead letters as they are, to another place. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"

struct move_values {
	struct mq_common common;
	struct choose_options choose;
	struct consent consent;
	struct pending_options pending;
	const char *resume;
	struct moving_options moving;
};

static const struct move_values defaults = {
    .common = MQ_COMMON_INIT, .pending = PENDING_INIT, .moving = MOVING_OPTIONS_INIT};

#define FIELD(name) offsetof(struct move_values, name)

static const struct mq_option rows[] = {
    {.name = "resume",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "take nothing out: remember in FILE what is done; the same command goes on from there",
     .complete = MQ_COMPLETE_FILE,
     .field = FIELD(resume)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which letters", choose_rows, FIELD(choose)},
    {"Which messages", select_rows, FIELD(choose) + offsetof(struct choose_options, select)},
    {"What a group holds", pending_rows, FIELD(pending)},
    {"Move", rows, 0},
    {"How many, and what is said", moving_rows, FIELD(moving)},
    {"Safety", consent_rows, FIELD(consent)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq move amqp://localhost/orders.dead amqp://localhost/orders.parking-lot",
     "out of the way, after a question"},
    {"mqtk dlq move --yes --reason expired prod/orders.dlq kafka://localhost:9092/expired",
     "to another broker"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct move_values *values = invocation->values;
	struct moving moving = {
	    .invocation = invocation,
	    .choose = &values->choose,
	    .consent = &values->consent,
	    .verb = "move",
	    .done = "moved",
	    .noun = "the move",
	    .options = &values->moving,
	    .max_replays = -1,
	    .plain = true,
	    .pending = &values->pending,
	    .resume = values->resume,
	};

	if (invocation->operands.n != 2)
		return mq_fail(err, MQ_USAGE, "expected two addresses: from where, and to where"),
		       MQ_USAGE;
	moving.source = invocation->operands.items[0];
	moving.target = invocation->operands.items[1];
	return moving_run(&moving, err);
}

const struct mq_command mq_cmd_dlq_move = {
    .name = "dlq move",
    .summary = "move dead letters as they are to another stream",
    .operands = "SRC DST",
    .about = "Shows which dead letters are meant, asks, and moves them with everything that they "
             "carry. A letter is gone from SRC, or passed by the group, only after DST has "
             "confirmed it; killed at any moment it is at most in both. DST may be a broker alone, "
             "BROKER/: the stream of the same name there.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct move_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
