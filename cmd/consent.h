/*
 * Asking before something is changed or deleted: on a terminal by a question, elsewhere by --yes.
 */
#ifndef MQ_CMD_CONSENT_H
#define MQ_CMD_CONSENT_H

#include "mqtk/command.h"

/* --yes and --dry-run, for commands that change or delete. */
struct consent {
	bool yes;
	bool dry_run;
};
extern const struct mq_option consent_rows[];

/* what says what will be done: "delete kafka://h/orders (12 messages)". Returns 1 to go on, 0 when
 * the answer was no or --dry-run only wanted to know, -1 without a terminal and without --yes
 * (MQ_USAGE). */
int consent_ask(const struct consent *consent, const struct mq_env *env, const char *what,
                struct mq_err *err);

#endif
