/* mqtk dlq requeue: dead letters go back to where they came from. */
#include "cmd/commands.h"
#include "cmd/dlq/moving.h"

struct requeue_values {
	struct mq_common common;
	struct choose_options choose;
	struct consent consent;
	struct pending_options pending;
	const char *to, *resume, *edit;
	int64_t max_replays, rate, edit_timeout_ms;
	struct moving_options moving;
};

static const struct requeue_values defaults = {.common = MQ_COMMON_INIT,
                                               .pending = PENDING_INIT,
                                               .moving = MOVING_OPTIONS_INIT,
                                               .max_replays = -1,
                                               .edit_timeout_ms = 30000};

#define FIELD(name) offsetof(struct requeue_values, name)

static const struct mq_option rows[] = {
    {.name = "to",
     .type = MQ_OPT_STRING,
     .arg = "ADDR",
     .help = "all of them to this stream; BROKER/: each to its own stream on that broker",
     .complete = MQ_COMPLETE_ADDRESS,
     .field = FIELD(to)},
    {.name = "edit",
     .type = MQ_OPT_STRING,
     .arg = "CMD",
     .help = "each body through this program first: standard input to standard output",
     .more = "The program is run by the shell for each letter, and told of it in the environment "
             "as by 'mqtk consume --exec'. If it fails, its letter stays where it is, and the exit "
             "code is 3. A letter without a body is not edited.",
     .field = FIELD(edit)},
    {.name = "edit-timeout",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how long the program of --edit may take for a letter (30s)",
     .min = 1,
     .max = 3600000,
     .field = FIELD(edit_timeout_ms)},
    {.name = "rate",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "at most N letters per second",
     .min = 1,
     .max = 100000000,
     .field = FIELD(rate)},
    {.name = "max-replays",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "leave out letters that were put back N times already",
     .max = INT64_MAX,
     .field = FIELD(max_replays)},
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
    {"Requeue", rows, 0},
    {"How many, and what is said", moving_rows, FIELD(moving)},
    {"Safety", consent_rows, FIELD(consent)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq requeue --dry-run amqp://localhost/orders.dead", "what that would be"},
    {"mqtk dlq requeue --reason rejected --since -1h amqp://localhost/orders.dead",
     "the last hour's, after a question"},
    {"mqtk dlq requeue --yes --rate 100 --max-replays 3 prod/orders.dlq",
     "slowly, and no letter a fourth time"},
    {"mqtk dlq requeue --group billing --max-deliveries 5 redis://localhost/orders",
     "what the group's members were given five times and never settled"},
    {"mqtk dlq requeue --edit 'jq -c .amount=0' --ids bad.ids prod/orders.dlq",
     "those of a list, mended"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct requeue_values *values = invocation->values;
	struct moving moving = {
	    .invocation = invocation,
	    .choose = &values->choose,
	    .consent = &values->consent,
	    .target = values->to,
	    .verb = "requeue",
	    .pending = &values->pending,
	    .done = "put back",
	    .noun = "the requeue",
	    .edit = values->edit,
	    .edit_timeout_ms = values->edit_timeout_ms,
	    .resume = values->resume,
	    .rate = (double)values->rate,
	    .options = &values->moving,
	    .max_replays = values->max_replays,
	    .strip = true,
	};

	if (invocation->operands.n != 1)
		return mq_fail(err, MQ_USAGE, "expected one address: where the dead letters are"),
		       MQ_USAGE;
	moving.source = invocation->operands.items[0];
	return moving_run(&moving, err);
}

const struct mq_command mq_cmd_dlq_requeue = {
    .name = "dlq requeue",
    .summary = "put dead letters back to where they came from",
    .operands = "ADDR",
    .about =
        "Shows which dead letters are meant, asks, and puts each back into the stream where it "
        "died, or all into --to ADDR. Headers that tell of the death are left out; "
        "mqtk-replay-count counts how often a message was put back. A letter is gone from "
        "ADDR, or passed by the group, only after its target has confirmed it; killed at any "
        "moment it is at most there twice. Letters that come while this runs stay.\n\n"
        "A message gets its own time back where the letter tells it, but the time of now where its "
        "stream keeps messages by their own time (Kafka, the local store) and less than half of "
        "its stay were left: else it could be removed before anybody reads it.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct requeue_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
