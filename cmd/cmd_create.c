/* mqtk create: make a stream. */
#include "cmd/commands.h"
#include "cmd/opening.h"

struct create_values {
	struct mq_common common;
	int64_t partitions, replicas, retention, max_bytes, max_length;
	struct mq_option_list config;
	bool if_missing;
};

static const struct create_values defaults = {.common = MQ_COMMON_INIT,
                                              .partitions = -1,
                                              .replicas = -1,
                                              .retention = -1,
                                              .max_bytes = -1,
                                              .max_length = -1};

static const struct mq_option rows[] = {
    {.name = "partitions",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "number of partitions (the broker's default; local: 1)",
     .min = 1,
     .max = 100000,
     .field = offsetof(struct create_values, partitions)},
    {.name = "replicas",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "copies of each partition (the broker's default)",
     .min = 1,
     .max = 1000,
     .field = offsetof(struct create_values, replicas)},
    {.name = "retention",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how long messages are kept, such as 7d",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct create_values, retention)},
    {.name = "max-bytes",
     .type = MQ_OPT_SIZE,
     .arg = "SIZE",
     .help = "the oldest messages go when the stream is larger (Kafka: per partition)",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct create_values, max_bytes)},
    {.name = "max-length",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "the oldest messages go when there are more",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct create_values, max_length)},
    {.name = "config",
     .type = MQ_OPT_LIST,
     .arg = "NAME=VALUE",
     .help = "a setting of the stream by the broker's own name; repeatable",
     .field = offsetof(struct create_values, config)},
    {.name = "if-missing",
     .type = MQ_OPT_FLAG,
     .help = "a stream that is there already is no error",
     .field = offsetof(struct create_values, if_missing)},
    {0}};

static const struct mq_option_set sets[] = {{"Stream", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk create --partitions 6 --retention 7d prod/orders", "a topic"},
    {"mqtk create --max-length 10000 local/audit", "a local stream that keeps the last 10,000"},
    {"mqtk create --config cleanup.policy=compact prod/state", "with the broker's own settings"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct create_values *values = invocation->values;
	struct opening opening;

	if (opening_open(&opening, invocation, OPENING_STREAM, err) == 0) {
		struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
		spec.stream = opening.target.stream;
		spec.partitions = (int32_t)values->partitions;
		spec.replicas = (int32_t)values->replicas;
		spec.retention_ms = values->retention;
		spec.max_bytes = values->max_bytes;
		spec.max_length = values->max_length;
		spec.config = values->config.items;
		spec.n_config = values->config.n;
		spec.if_missing = values->if_missing;
		if (mq_create(opening.conn, &spec, err) == 0)
			mq_log(invocation->env, MQ_LEVEL_NOTE, "created %s", opening.target.shown);
	}
	opening_close(&opening);
	return (int)err->code;
}

const struct mq_command mq_cmd_create = {
    .name = "create",
    .summary = "make a stream",
    .operands = "ADDR",
    .about = "Makes a stream. What is not given is the broker's own default. What a broker cannot "
             "do is refused, never ignored.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct create_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
