/* Walking over the rows of options. Private to src/opt. */
#ifndef MQ_OPT_ROWS_H
#define MQ_OPT_ROWS_H

#include "mqtk/command.h"

static inline bool mq_option_is_end(const struct mq_option *row)
{
	return !row->name && !row->letter;
}

static inline bool mq_option_takes_value(const struct mq_option *row)
{
	return row->type != MQ_OPT_FLAG && row->type != MQ_OPT_COUNT &&
	       (row->type != MQ_OPT_CUSTOM || row->arg);
}

/* The i-th row of a command, the common ones behind its own; NULL behind the last. None for
 * commands that parse for themselves. */
const struct mq_option *mq_option_row(const struct mq_command *command, size_t i);

/* The row of that name or, for one byte, letter; NULL when there is none. */
const struct mq_option *mq_option_find(const struct mq_command *command, const char *name,
                                       size_t len);

#endif
