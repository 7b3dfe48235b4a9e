/* What the completions of all shells have in common. Private to src/opt. */
#ifndef MQ_OPT_COMPLETE_H
#define MQ_OPT_COMPLETE_H

#include "mqtk/help.h"
#include "opt/rows.h"

/* Appends the words, each followed by a space. Addresses: "kafka://" and "local/"; "sqlite:" takes
 * a file and has no slashes. */
void mq_complete_schemes(struct mq_buf *buf, struct mq_err *err);
/* "name=" of every backend's settings, once each. */
void mq_complete_settings(struct mq_buf *buf, struct mq_err *err);
/* Commands, topics and backends. */
void mq_complete_topics(const struct mq_command *const *commands, struct mq_buf *buf,
                        struct mq_err *err);
/* First words of commands, once each; or the second words of a family. */
void mq_complete_commands(const struct mq_command *const *commands, const char *family,
                          struct mq_buf *buf, struct mq_err *err);

/* True when commands[i] is the first of a family of two-word commands. */
bool mq_command_begins_family(const struct mq_command *const *commands, size_t i);

/* text in single quotes for sh, bash and zsh. */
void mq_complete_quote(const char *text, struct mq_buf *buf, struct mq_err *err);

/* The name as part of a shell function's name. */
void mq_complete_identifier(const char *name, struct mq_buf *buf, struct mq_err *err);

#endif
