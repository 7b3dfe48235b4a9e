/*
 * Dead letters: what a message says about its own death, whatever program wrote that.
 *
 * Frameworks and brokers each have their own headers for it (a dialect). Here they become one
 * shape: where the message was, why it is here, since when, after how many attempts. Nothing is
 * guessed: what a message does not say is absent, -1 or MQ_NO_TIME.
 */
#ifndef MQTK_DEAD_H
#define MQTK_DEAD_H

#include "mqtk/message.h"

/* Who wrote it. When several did, the one that stands first here is believed: programs that handle
 * messages come before the broker, which only moved what they gave up. */
enum mq_dead_dialect {
	MQ_DEAD_UNKNOWN,     /* nothing in the headers that is known */
	MQ_DEAD_MQTK,        /* this program's worker */
	MQ_DEAD_CONNECT,     /* Kafka Connect: __connect.errors.… */
	MQ_DEAD_STREAMS,     /* Kafka Streams (KIP-1034): __streams.errors.… */
	MQ_DEAD_SHARE,       /* Kafka's share groups (KIP-1191): __dlq.errors.… */
	MQ_DEAD_SPRING,      /* Spring for Apache Kafka: kafka_dlt-…, retry_topic-… */
	MQ_DEAD_BINDER,      /* Spring Cloud Stream, Spring AMQP: x-original-…, x-exception-… */
	MQ_DEAD_SMALLRYE,    /* dead-letter-… */
	MQ_DEAD_MASSTRANSIT, /* MT-Fault-… */
	MQ_DEAD_NSERVICEBUS, /* NServiceBus.FailedQ … */
	MQ_DEAD_RABBITMQ,    /* x-death */
	MQ_DEAD_DIALECTS,    /* how many */
};

/* rabbitmq, connect, …; for people and for dlq show -J. */
const char *mq_dead_dialect_name(enum mq_dead_dialect dialect);

struct mq_dead {
	enum mq_dead_dialect dialect;
	struct mq_bytes origin_stream;
	int32_t origin_partition;  /* MQ_NO_PARTITION: none or unknown */
	int64_t origin_offset;     /* MQ_NO_OFFSET: none or unknown */
	struct mq_bytes origin_id; /* where positions are ids */
	int64_t origin_ms;         /* the message's own time there; MQ_NO_TIME: unknown */
	struct mq_bytes origin_exchange;
	struct mq_bytes origin_key; /* routing key */
	struct mq_bytes origin_broker;
	struct mq_bytes member;    /* of that group */
	struct mq_bytes group;     /* that was reading, or the connector */
	struct mq_bytes reason;    /* rejected expired maxlen delivery_limit, a stage, exit … */
	struct mq_bytes exception; /* class; of the cause where both are known */
	struct mq_bytes error;     /* the words */
	struct mq_bytes stacktrace;
	int64_t attempts; /* -1: unknown */
	int64_t died_ms;  /* MQ_NO_TIME: unknown */
};

/* Reads dead letters; holds what the texts of the last one point to. */
struct mq_dead_reader;

int mq_dead_reader_new(struct mq_dead_reader **ret_reader, struct mq_err *err);
void mq_dead_reader_free(struct mq_dead_reader *reader);

/* What message says about its death. Values that do not read as they should count as not said. The
 * bytes belong to the message or to the reader: valid until the next read. */
void mq_dead_read(struct mq_dead_reader *reader, const struct mq_message *message,
                  struct mq_dead *ret_dead);

/* True for a header that some dialect uses to tell a death: what is left out when a message is put
 * back. Counters that guard against loops (mqtk-replay-count) are none. */
bool mq_dead_is_header(struct mq_bytes name);

/* The headers of MQ_DEAD_MQTK. */
#define MQ_DEAD_BROKER "dlq-origin-broker"
#define MQ_DEAD_STREAM "dlq-origin-stream"
#define MQ_DEAD_PARTITION "dlq-origin-partition"
#define MQ_DEAD_OFFSET "dlq-origin-offset"
#define MQ_DEAD_ID "dlq-origin-id"
#define MQ_DEAD_EXCHANGE "dlq-origin-exchange"
#define MQ_DEAD_KEY "dlq-origin-key"
#define MQ_DEAD_GROUP "dlq-group"
#define MQ_DEAD_MEMBER "dlq-member"
#define MQ_DEAD_REASON "dlq-reason"
#define MQ_DEAD_EXIT "dlq-exit-status"
#define MQ_DEAD_ERROR "dlq-error"
#define MQ_DEAD_ATTEMPTS "dlq-attempts"
#define MQ_DEAD_TIME "dlq-time"

#endif
