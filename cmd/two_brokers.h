/*
 * Two brokers on one command line: which setting (-X) is whose.
 *
 * -X src.NAME= is the sources', -X dst.NAME= the target's, and without a prefix it is both's; but
 * where only one side knows the name it is that one's alone.
 */
#ifndef MQ_CMD_TWO_BROKERS_H
#define MQ_CMD_TWO_BROKERS_H

#include "mqtk/address.h"

/* Adds each setting to the side, or sides, that its prefix says. */
int two_brokers_split(const struct mq_settings *given, struct mq_settings *source,
                      struct mq_settings *target, struct mq_err *err);

/* Takes away from `mine` what was meant for the other side: a setting without a prefix that its
 * backend does not know and that the other one does. given: what the split made for this side. */
void two_brokers_drop_foreign(struct mq_target *mine, const struct mq_backend *other,
                              const struct mq_settings *given);

#endif
