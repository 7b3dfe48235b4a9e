/* One address, opened: see opening.h. */
#include "cmd/opening.h"

#include <string.h>

static int no_stream(const struct mq_target *target, struct mq_err *err)
{
	bool ends = target->shown[strlen(target->shown) - 1] == '/';

	mq_fail(err, MQ_USAGE, "%s names a broker but no stream", target->shown);
	return mq_hint(err, "name a stream behind it, as in %s%sorders; mqtk ls %s lists them",
	               target->shown, ends ? "" : "/", target->shown);
}

int opening_check_stream(const struct mq_target *target, const struct mq_conn *conn,
                         struct mq_err *err)
{
	bool by_settings = conn ? conn->by_settings : target->backend->caps & MQ_CAP_EXCHANGES;

	if (!target->stream && !by_settings)
		return no_stream(target, err);
	if (target->stream && conn && conn->by_settings) {
		mq_fail(err, MQ_USAGE,
		        "%s names a stream, but the settings name an exchange: one of them is "
		        "expected",
		        target->shown);
		return mq_hint(err, "with an exchange the address is the broker's and ends in '/'");
	}
	return 0;
}

int opening_resolve(struct opening *opening, const struct mq_invocation *invocation,
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
	if (!opening->target.stream && wants == OPENING_STREAM)
		return no_stream(&opening->target, err);
	if (opening->target.stream && wants == OPENING_BROKER) {
		mq_fail(err, MQ_USAGE, "%s names a stream; the address of the broker is expected",
		        opening->target.shown);
		return mq_hint(err, "it ends in '/'");
	}
	return 0;
}

int opening_open(struct opening *opening, const struct mq_invocation *invocation,
                 enum opening_wants wants, struct mq_err *err)
{
	if (opening_resolve(opening, invocation, wants, err) < 0)
		return -1;
	return mq_open(&opening->target, invocation->env, &opening->conn, err);
}

void opening_close(struct opening *opening)
{
	mq_close(opening->conn);
	mq_target_release(&opening->target);
}
