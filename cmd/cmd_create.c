/* mqtk create: make a stream, or an exchange that feeds streams. */
#include "cmd/commands.h"
#include "cmd/limits.h"
#include "cmd/opening.h"

struct create_values {
	struct mq_common common;
	struct limits limits;
	const char *exchange;
	bool if_missing;
};

static const struct create_values defaults = {.common = MQ_COMMON_INIT, .limits = LIMITS_INIT};

static const struct mq_option rows[] = {
    {.name = "if-missing",
     .type = MQ_OPT_FLAG,
     .help = "a stream that is there already is no error; --bind binds it all the same",
     .field = offsetof(struct create_values, if_missing)},
    {.name = "exchange",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "make this exchange (of --type direct unless given), not a stream",
     .more = "The address is then the broker's.",
     .field = offsetof(struct create_values, exchange),
     .excludes = "partitions replicas retention max-bytes max-length ttl delivery-limit "
                 "dead-letter-exchange dead-letter-key bind match config"},
    {0}};

static const struct mq_option_set sets[] = {
    {"Stream", limits_rows, offsetof(struct create_values, limits)}, {"Making", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk create --partitions 6 --retention 7d prod/orders", "a topic"},
    {"mqtk create --max-length 10000 local/audit", "a local stream that keeps the last 10,000"},
    {"mqtk create --config cleanup.policy=compact prod/state", "with the broker's own settings"},
    {"mqtk create --type quorum --delivery-limit 5 amqp://localhost/orders", "a queue"},
    {"mqtk create --exchange events --type topic amqp://localhost/", "an exchange"},
    {"mqtk create --if-missing --bind 'events:orders.#' amqp://localhost/orders",
     "the queue, new or old, fed by it"},
    {0}};

static int create_exchange(struct mq_invocation *invocation, struct opening *opening,
                           struct mq_err *err)
{
	const struct create_values *values = invocation->values;
	int type = values->limits.type >= 0 ? values->limits.type : LIMITS_STREAM_TYPES;

	if (!*values->exchange)
		return mq_fail(err, MQ_USAGE, "--exchange: '' is no name of an exchange");
	if (type < LIMITS_STREAM_TYPES)
		return mq_fail(err, MQ_USAGE,
		               "--type %s is a type of queues; an exchange is one of direct, "
		               "fanout, topic, headers",
		               limits_types[type]);
	const struct mq_exchange_spec spec = {.exchange = values->exchange,
	                                      .type = limits_types[type],
	                                      .if_missing = values->if_missing};
	if (mq_create_exchange(opening->conn, &spec, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "created the exchange %s", values->exchange);
	return 0;
}

static int create_stream(struct mq_invocation *invocation, struct opening *opening,
                         struct mq_err *err)
{
	const struct create_values *values = invocation->values;
	struct mq_stream_spec spec;

	if (limits_spec(&values->limits, opening->target.stream, &spec, err) < 0)
		return -1;
	spec.if_missing = values->if_missing;
	if (mq_create(opening->conn, &spec, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "created %s", opening->target.shown);
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct create_values *values = invocation->values;
	struct opening opening;

	if (opening_open(&opening, invocation, values->exchange ? OPENING_BROKER : OPENING_STREAM,
	                 err) == 0) {
		if (values->exchange)
			create_exchange(invocation, &opening, err);
		else
			create_stream(invocation, &opening, err);
	}
	opening_close(&opening);
	return (int)err->code;
}

static void release(void *values)
{
	limits_release(&((struct create_values *)values)->limits);
}

const struct mq_command mq_cmd_create = {
    .name = "create",
    .summary = "make a stream or an exchange",
    .operands = "ADDR",
    .about = "Makes a stream. What is not given is the broker's own default. What a broker cannot "
             "do is refused, never ignored.\n\n"
             "With --exchange it makes an exchange; --bind lets an exchange feed a stream.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct create_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
