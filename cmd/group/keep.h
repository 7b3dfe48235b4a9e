/*
 * Messages kept in a file as -J lines before they are skipped: `produce -J` brings them back.
 */
#ifndef MQ_CMD_GROUP_KEEP_H
#define MQ_CMD_GROUP_KEEP_H

#include "mqtk/env.h"
#include "mqtk/format.h"
#include "mqtk/output.h"

struct keep {
	const struct mq_env *env;
	struct mq_output out; /* its name NULL: not opened */
	struct mq_format *format;
};

/* Opens path for appending. What is there stays; a last line that was cut off is ended. */
int keep_open(struct keep *keep, const char *path, const struct mq_env *env, struct mq_err *err);
void keep_release(struct keep *keep);
int keep_add(struct keep *keep, const struct mq_message *message, struct mq_err *err);
/* Everything that was added is on disk, and the file's name with it. */
int keep_sync(struct keep *keep, struct mq_err *err);

#endif
