/* --dry-run: reading the range without taking, settling or sending anything. */
#ifndef MQ_CMD_REPLAY_DRY_H
#define MQ_CMD_REPLAY_DRY_H

#include "cmd/replay/plan.h"
#include "cmd/replay/report.h"

#include "mqtk/pump.h"

/* Runs the pump, whose readers and limits are set, over a sink that only counts. -1: err says why,
 * MQ_CANCELLED at a signal. */
int dry_count(struct mq_pump *pump, struct plan *plan, const struct replay_values *values,
              const struct replay_policy *policy, struct dry_run *ret, struct mq_err *err);

#endif
