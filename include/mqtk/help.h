/*
 * Everything that is told from the tables of commands, options, backends and topics: help, man
 * pages and completions; and the way from a command's name to its row.
 *
 * The writers append to buf and return 0, or -1 with err set. They take the table of commands as an
 * argument, so that tests can bring their own.
 */
#ifndef MQTK_HELP_H
#define MQTK_HELP_H

#include "mqtk/bytes.h"
#include "mqtk/command.h"

/* A text of its own: `mqtk help NAME`, and a section of mqtk(1). */
struct mq_topic {
	const char *name;
	const char *title; /* one line, lower-case start */
	const char *text; /* paragraphs separated by blank lines; indented lines stay as they are */
	/* Appends what a table tells in the same form, or NULL. */
	int (*append)(struct mq_buf *buf, struct mq_err *err);
};
extern const struct mq_topic mq_topics[]; /* ended by a row without name */

/* Appends the whole text of the topic, not wrapped, and a NUL that is not counted. MQ_USAGE when
 * there is no such topic. */
int mq_topic_append(const char *name, struct mq_buf *buf, struct mq_err *err);

/*
 * Finds the command that words[0..n) begin with. A name may consist of two words ("dlq ls"); the
 * longest match wins. *ret_used is how many words the name took. NULL with err set (MQ_USAGE, with
 * a suggestion) when there is none.
 */
const struct mq_command *mq_command_find(const struct mq_command *const *commands, size_t n,
                                         const char *const *words, size_t *ret_used,
                                         struct mq_err *err);

/* True when word is the first of two-word commands: "dlq". */
bool mq_command_is_family(const struct mq_command *const *commands, const char *word);

/* What `mqtk` alone prints. */
int mq_help_short(const struct mq_command *const *commands, struct mq_buf *buf, struct mq_err *err);
/* `mqtk help` */
int mq_help_overview(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err);
/* `mqtk CMD --help` */
int mq_help_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err);
/* `mqtk help WORD…`: a command, a family, a topic, "backends" or a backend. MQ_USAGE otherwise. */
int mq_help_about(const struct mq_command *const *commands, size_t n, const char *const *words,
                  struct mq_buf *buf, struct mq_err *err);
/* `mqtk --version`: mqtk and the libraries of its backends. */
int mq_help_version(struct mq_buf *buf, struct mq_err *err);

/* Checks the rows of a command for what the compiler cannot see: names and letters used twice,
 * unknown names in excludes, missing texts. MQ_INTERNAL that says which. */
int mq_command_check(const struct mq_command *command, struct mq_err *err);

/* mqtk.1 and mqtk-CMD.1, in mdoc. */
int mq_man_overview(const struct mq_command *const *commands, struct mq_buf *buf,
                    struct mq_err *err);
int mq_man_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err);

int mq_complete_bash(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err);
int mq_complete_zsh(const struct mq_command *const *commands, struct mq_buf *buf,
                    struct mq_err *err);
int mq_complete_fish(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err);

#endif
