/* One address, opened: see opening.h. */
#include "cmd/opening.h"

int opening_open(struct opening *opening, const struct mq_invocation *invocation,
                 enum opening_wants wants, struct mq_err *err)
{
	*opening = (struct opening){0};
	if (invocation->operands.n > 1)
		return mq_fail(err, MQ_USAGE, "one address is expected, but there is a second: %s",
		               invocation->operands.items[1]);
	if (invocation->operands.n == 0 && wants == OPENING_STREAM) {
		mq_fail(err, MQ_USAGE, "no address given");
		return mq_hint(err, "mqtk %s --help shows examples", invocation->command->name);
	}
	const char *address = invocation->operands.n ? invocation->operands.items[0] : "";
	if (mq_target_resolve(address, invocation->config, &invocation->settings, &opening->target,
	                      err) < 0)
		return -1;
	if (!opening->target.stream && wants == OPENING_STREAM) {
		mq_fail(err, MQ_USAGE, "%s names a broker but no stream", opening->target.shown);
		return mq_hint(err, "name the stream behind it");
	}
	return mq_open(&opening->target, invocation->env, &opening->conn, err);
}

void opening_close(struct opening *opening)
{
	mq_close(opening->conn);
	mq_target_release(&opening->target);
}
