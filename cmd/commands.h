/* What the commands of cmd/ share with main.c: their rows, and printing. */
#ifndef MQ_CMD_COMMANDS_H
#define MQ_CMD_COMMANDS_H

#include "mqtk/bytes.h"
#include "mqtk/command.h"

extern const struct mq_command mq_cmd_produce;
extern const struct mq_command mq_cmd_consume;
extern const struct mq_command mq_cmd_tail;
extern const struct mq_command mq_cmd_replay;
extern const struct mq_command mq_cmd_ls;
extern const struct mq_command mq_cmd_info;
extern const struct mq_command mq_cmd_lag;
extern const struct mq_command mq_cmd_create;
extern const struct mq_command mq_cmd_alter;
extern const struct mq_command mq_cmd_trim;
extern const struct mq_command mq_cmd_delete;
extern const struct mq_command mq_cmd_group_ls;
extern const struct mq_command mq_cmd_group_show;
extern const struct mq_command mq_cmd_group_create;
extern const struct mq_command mq_cmd_group_reset;
extern const struct mq_command mq_cmd_group_delete;
extern const struct mq_command mq_cmd_group_skip;
extern const struct mq_command mq_cmd_group_claim;
extern const struct mq_command mq_cmd_dlq_ls;
extern const struct mq_command mq_cmd_dlq_show;
extern const struct mq_command mq_cmd_dlq_stats;
extern const struct mq_command mq_cmd_dlq_requeue;
extern const struct mq_command mq_cmd_dlq_move;
extern const struct mq_command mq_cmd_dlq_drop;
extern const struct mq_command mq_cmd_dlq_export;
extern const struct mq_command mq_cmd_dlq_import;
extern const struct mq_command mq_cmd_schema_validate;
extern const struct mq_command mq_cmd_schema_check;
extern const struct mq_command mq_cmd_schema_show;
extern const struct mq_command mq_cmd_schema_infer;
extern const struct mq_command mq_cmd_schema_encode;
extern const struct mq_command mq_cmd_schema_decode;
extern const struct mq_command mq_cmd_schema_ls;
extern const struct mq_command mq_cmd_schema_get;
extern const struct mq_command mq_cmd_schema_register;
extern const struct mq_command mq_cmd_schema_delete;
extern const struct mq_command mq_cmd_schema_config;
extern const struct mq_command mq_cmd_ping;
extern const struct mq_command mq_cmd_config;
extern const struct mq_command mq_cmd_kcat;
extern const struct mq_command mq_cmd_help;

/* Writes buf to stdout. Returns the exit code: 0, also when the reader went away, or MQ_IO. */
int mq_print(const struct mq_buf *buf, struct mq_err *err);

/* Writes out what stdio still holds for stdout; as mq_print. */
int mq_print_flush(struct mq_err *err);

#endif
