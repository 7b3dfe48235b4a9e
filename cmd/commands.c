/* The table of commands, in the order of `mqtk help`: one line each. */
#include "cmd/commands.h"

const struct mq_command *const mq_commands[] = {
    /* clang-format off */
    &mq_cmd_produce,
    &mq_cmd_consume,
    &mq_cmd_tail,
    &mq_cmd_replay,
    &mq_cmd_ls,
    &mq_cmd_info,
    &mq_cmd_lag,
    &mq_cmd_create,
    &mq_cmd_alter,
    &mq_cmd_trim,
    &mq_cmd_delete,
    &mq_cmd_group_ls,
    &mq_cmd_group_show,
    &mq_cmd_group_create,
    &mq_cmd_group_reset,
    &mq_cmd_group_delete,
    &mq_cmd_group_skip,
    &mq_cmd_group_claim,
    &mq_cmd_dlq_ls,
    &mq_cmd_dlq_show,
    &mq_cmd_dlq_stats,
    &mq_cmd_dlq_requeue,
    &mq_cmd_dlq_move,
    &mq_cmd_dlq_drop,
    &mq_cmd_dlq_export,
    &mq_cmd_dlq_import,
    &mq_cmd_schema_validate,
    &mq_cmd_ping,
    &mq_cmd_config,
    &mq_cmd_kcat,
    &mq_cmd_help,
    NULL,
    /* clang-format on */
};
