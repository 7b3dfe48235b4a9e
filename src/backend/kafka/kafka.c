/* The Kafka backend's descriptor. The work is in the other files of this folder: see kafka.h. */
#include "backend/kafka/kafka.h"
#include "backend/table.h"

static const char *const schemes[] = {"kafka", "kafkas", NULL};

static const struct mq_instead instead[] = {
    {MQ_IN_CREATE, MQ_FIELD_MAX_LENGTH, "use --max-bytes (per partition) or --retention"},
    {MQ_IN_CREATE, MQ_FIELD_TTL, "use --retention"},
    {MQ_IN_ALTER, MQ_FIELD_REPLICAS, "kafka-reassign-partitions moves replicas"},
    {MQ_IN_ALTER, MQ_FIELD_MAX_LENGTH, "use --max-bytes (per partition) or --retention"},
    {MQ_IN_ALTER, MQ_FIELD_TTL, "use --retention"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_EXPIRED,
     "the brokers do that by themselves; --max-age DUR says what is too old"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_MAX_BYTES,
     "'mqtk alter --max-bytes' lets the brokers do it, --max-length N counts messages"},
    {0},
};

static const char *version(void)
{
	return rd_kafka_version_str();
}

const struct mq_backend mq_backend_kafka = {
    .name = "kafka",
    .title = "Apache Kafka, by librdkafka",
    .schemes = schemes,
    .settings = mq_kafka_settings,
    .caps = MQ_CAP_PARTITIONS | MQ_CAP_GROUPS | MQ_CAP_TIME_SEEK | MQ_CAP_TRANSACTIONS |
            MQ_CAP_REGEX | MQ_CAP_COMPRESSION | MQ_CAP_REPLICAS | MQ_CAP_PASS_SETTINGS |
            MQ_CAP_SET_TIME | MQ_CAP_OFFSETS | MQ_CAP_SEND_POSITIONS | MQ_CAP_RANGES,
    .create_fields = MQ_FIELD_PARTITIONS | MQ_FIELD_REPLICAS | MQ_FIELD_RETENTION |
                     MQ_FIELD_MAX_BYTES | MQ_FIELD_CONFIG,
    .alter_fields = MQ_FIELD_PARTITIONS | MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES | MQ_FIELD_CONFIG,
    .trims =
        1 << MQ_TRIM_MAX_AGE | 1 << MQ_TRIM_MAX_LENGTH | 1 << MQ_TRIM_BEFORE | 1 << MQ_TRIM_ALL,
    .instead = instead,
    .version = version,
    .open = mq_kafka_open,
    .close = mq_kafka_close,
    .writer_open = mq_kafka_writer_open,
    .write = mq_kafka_write,
    .writer_poll = mq_kafka_writer_poll,
    .writer_flush = mq_kafka_writer_flush,
    .writer_fd = mq_kafka_writer_fd,
    .writer_commit = mq_kafka_writer_commit,
    .writer_abort = mq_kafka_writer_abort,
    .writer_positions = mq_kafka_writer_positions,
    .writer_close = mq_kafka_writer_close,
    .reader_open = mq_kafka_reader_open,
    .fetch = mq_kafka_fetch,
    .release = mq_kafka_release,
    .settle = mq_kafka_settle,
    .owns = mq_kafka_owns,
    .commit = mq_kafka_commit,
    .reader_fd = mq_kafka_reader_fd,
    .reader_close = mq_kafka_reader_close,
    .describe_broker = mq_kafka_describe_broker,
    .list = mq_kafka_list,
    .describe = mq_kafka_describe,
    .keeps = mq_kafka_keeps,
    .locate = mq_kafka_locate,
    .groups = mq_kafka_groups,
    .group_set = mq_kafka_group_set,
    .group_remove = mq_kafka_group_remove,
    .create = mq_kafka_create,
    .alter = mq_kafka_alter,
    .remove = mq_kafka_remove,
    .trim = mq_kafka_trim,
    .settings_manual = mq_kafka_settings_manual,
    .settings_dump = mq_kafka_settings_dump,
};
