/* The table of commands, in the order of `mqtk help`: one line each. */
#include "cmd/commands.h"

const struct mq_command *const mq_commands[] = {
    &mq_cmd_help,
    NULL,
};
