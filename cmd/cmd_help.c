/* mqtk help: what the tables tell, on the terminal. The texts are made in src/opt/help.c. */
#include "cmd/commands.h"
#include "mqtk/help.h"

#define HELP_LIMIT ((size_t)1 << 20)

static int run(struct mq_invocation *inv, struct mq_err *err)
{
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, HELP_LIMIT);
	if (inv->operands.n == 0)
		result = mq_help_overview(mq_commands, &buf, err);
	else
		result =
		    mq_help_about(mq_commands, inv->operands.n, inv->operands.items, &buf, err);
	int code = result < 0 ? (int)err->code : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

static const struct mq_example examples[] = {
    {"mqtk help consume", "all about one command"},
    {"mqtk help kafka", "the settings of a backend"},
    {"mqtk help exit-codes", "what the exit status means"},
    {0},
};

const struct mq_command mq_cmd_help = {
    .name = "help",
    .summary = "explain commands, backends, addresses and exit codes",
    .operands = "[COMMAND|TOPIC|BACKEND]",
    .about = "Without an operand, lists the commands, the backends and the topics. Backends whose "
             "library was missing when mqtk was built are listed with the reason.",
    .examples = examples,
    .values_size = sizeof(struct mq_common),
    .defaults = &(const struct mq_common)MQ_COMMON_INIT,
    .no_config = true,
    .operand_complete = MQ_COMPLETE_TOPIC,
    .run = run,
};
