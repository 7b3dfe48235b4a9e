/* mqtk delete: remove a stream with everything in it, or an exchange, after asking. */
#include "cmd/commands.h"
#include "cmd/consent.h"
#include "cmd/opening.h"

#include <stdio.h>

struct delete_values {
	struct mq_common common;
	struct consent consent;
	const char *exchange;
};

static const struct delete_values defaults = {.common = MQ_COMMON_INIT};

static const struct mq_option rows[] = {
    {.name = "exchange",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "remove this exchange, not a stream; the address is then the broker's",
     .field = offsetof(struct delete_values, exchange)},
    {0}};

static const struct mq_option_set sets[] = {
    {"What", rows, 0}, {"Consent", consent_rows, offsetof(struct delete_values, consent)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk delete local/scratch", "asks on a terminal"},
    {"mqtk delete --yes kafka://localhost:9092/smoke-test", "in a script"},
    {"mqtk delete --exchange events amqp://localhost/", "an exchange with its bindings"},
    {0}};

static int delete_stream(struct mq_invocation *invocation, struct opening *opening,
                         struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	struct mq_stream_info info;
	char what[400];

	mq_stream_info_init(&info);
	if (mq_remove_check(opening->conn, opening->target.stream, err) < 0 ||
	    mq_describe(opening->conn, opening->target.stream, &info, err) < 0)
		return -1;
	if (info.messages >= 0)
		snprintf(what, sizeof what, "delete %s with %lld message%s", opening->target.shown,
		         (long long)info.messages, info.messages == 1 ? "" : "s");
	else
		snprintf(what, sizeof what, "delete %s", opening->target.shown);
	mq_stream_info_release(&info);
	int answer = consent_ask(&values->consent, invocation->env, what, err);
	if (answer <= 0)
		return answer;
	if (mq_remove(opening->conn, opening->target.stream, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "deleted %s", opening->target.shown);
	return 0;
}

static int delete_exchange(struct mq_invocation *invocation, struct opening *opening,
                           struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	char what[400];

	if (!*values->exchange)
		return mq_fail(err, MQ_USAGE, "--exchange: '' is no name of an exchange");
	if (mq_remove_exchange_check(opening->conn, err) < 0)
		return -1;
	snprintf(what, sizeof what, "delete the exchange %s of %s with its bindings",
	         values->exchange, opening->target.shown);
	int answer = consent_ask(&values->consent, invocation->env, what, err);
	if (answer <= 0)
		return answer;
	if (mq_remove_exchange(opening->conn, values->exchange, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "deleted the exchange %s", values->exchange);
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	struct opening opening;

	if (opening_open(&opening, invocation, values->exchange ? OPENING_BROKER : OPENING_STREAM,
	                 err) == 0) {
		if (values->exchange)
			delete_exchange(invocation, &opening, err);
		else
			delete_stream(invocation, &opening, err);
	}
	opening_close(&opening);
	return (int)err->code;
}

const struct mq_command mq_cmd_delete = {
    .name = "delete",
    .summary = "remove a stream with everything in it, or an exchange",
    .operands = "ADDR",
    .about = "Removes a stream and its messages. Asks on a terminal; without one it needs --yes. "
             "With --exchange it removes an exchange, and with that what is bound to it is no "
             "longer fed.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct delete_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
