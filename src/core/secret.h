/* Where a secret comes from when it stands in no file: a program's first line. */
#ifndef MQ_CORE_SECRET_H
#define MQ_CORE_SECRET_H

#include "mqtk/error.h"

/* Runs command by /bin/sh and returns the first line that it prints, without its end; the caller
 * frees it with mq_secret_free. NULL with MQ_DENIED when it fails or prints nothing. what names
 * whose password it is, for messages; the command itself is not repeated. */
char *mq_secret_from_command(const char *command, const char *what, struct mq_err *err);

#endif
