/* librdkafka's error codes in our own: one table, everything else follows from it. */
#include "backend/kafka/kafka.h"

#include <stdio.h>

static const struct {
	rd_kafka_resp_err_t kerr;
	enum mq_code code;
	bool retriable;
} table[] = {
    /* nobody answers */
    {RD_KAFKA_RESP_ERR__TRANSPORT, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__RESOLVE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__NODE_UPDATE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR__SSL, MQ_UNREACHABLE, false},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NOT_CONTROLLER, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, MQ_UNREACHABLE, true},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, MQ_UNREACHABLE, true},
    /* not allowed */
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, MQ_DENIED, false},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, MQ_DENIED, false},
    /* not there */
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, MQ_NOT_FOUND, false},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, MQ_NOT_FOUND, false},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, MQ_NOT_FOUND, false},
    {RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, MQ_NOT_FOUND, false},
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, MQ_NOT_FOUND, false},
    /* asked wrongly */
    {RD_KAFKA_RESP_ERR__INVALID_ARG, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_REQUEST, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, MQ_USAGE, false},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, MQ_USAGE, false},
    /* this record, or these bytes, cannot be */
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR__BAD_MSG, MQ_DATA, false},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, MQ_DATA, false},
    /* some records failed */
    {RD_KAFKA_RESP_ERR__FATAL, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR__FENCED, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, MQ_PARTIAL, false},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, MQ_PARTIAL, false},
};

enum mq_code mq_kafka_code(rd_kafka_resp_err_t kerr)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].kerr == kerr)
			return table[i].code;
	return MQ_INTERNAL;
}

bool mq_kafka_retriable(rd_kafka_resp_err_t kerr)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].kerr == kerr)
			return table[i].retriable;
	return false;
}

int mq_kafka_fail(struct mq_err *err, rd_kafka_resp_err_t kerr, const char *fmt, ...)
{
	char what[400];
	va_list args;

	if (!err || err->code != MQ_OK)
		return -1;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	mq_fail(err, mq_kafka_code(kerr), "%s: %s", what, rd_kafka_err2str(kerr));
	err->retriable = mq_kafka_retriable(kerr);
	return -1;
}
