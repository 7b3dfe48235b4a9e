/*
 * The message: one struct for all brokers.
 *
 * All bytes are borrowed from whoever produced the message (a fetched batch, an input buffer) and
 * are valid only as long as that owner says. Absent values are NULL bytes, -1 or MQ_NO_TIME,
 * never 0 and never "".
 */
#ifndef MQTK_MESSAGE_H
#define MQTK_MESSAGE_H

#include "mqtk/bytes.h"

#include <stdint.h>

#define MQ_NO_TIME INT64_MIN
#define MQ_NO_OFFSET (-1)
#define MQ_NO_PARTITION (-1)

/* Who set the timestamp. */
enum mq_ts_type { MQ_TS_UNKNOWN, MQ_TS_CREATE, MQ_TS_APPEND };

struct mq_header {
	struct mq_bytes name;
	struct mq_bytes value; /* may be absent (null) */
};

/* What few messages carry. Absent as a whole when the broker has none of it. */
struct mq_properties {
	struct mq_bytes message_id;
	struct mq_bytes correlation_id;
	struct mq_bytes content_type;
	struct mq_bytes reply_to;
	struct mq_bytes type;
	struct mq_bytes app_id;
	struct mq_bytes user_id;
	struct mq_bytes exchange;
	struct mq_bytes content_encoding;
	/* Where the broker's headers have types: one letter for each header, in order, by AMQP
	 * 0-9-1's letters for the values of a field table (RabbitMQ's: S text, I l s b B i u
	 * integers, t boolean, d f numbers, D decimal, T time in seconds, V null, F table, A array,
	 * x bytes). The value itself stands in the header as text (tables and arrays as JSON).
	 * Absent: all are text. Who writes to such a broker uses a letter only if the value still
	 * reads as that. */
	struct mq_bytes header_types;
	int64_t expiry_ms;      /* -1: none */
	int64_t delivery_count; /* -1: unknown */
	int priority;           /* -1: none */
	int redelivered;        /* -1: unknown, else 0 or 1 */
};

#define MQ_PROPERTIES_INIT                                                                         \
	{                                                                                          \
		.expiry_ms = -1, .delivery_count = -1, .priority = -1, .redelivered = -1           \
	}

/* What --decode made of a message: JSON texts of one line, in place of the bytes wherever a message
 * is printed. */
struct mq_decoded {
	struct mq_bytes key, payload;             /* absent: the bytes themselves count */
	int32_t key_schema_id, payload_schema_id; /* in the registry, or -1 */
	/* Why bytes that are there could not be decoded, for who prints that; else NULL. */
	const char *key_error, *payload_error;
};

#define MQ_DECODED_INIT                                                                            \
	{                                                                                          \
		.key_schema_id = -1, .payload_schema_id = -1                                       \
	}

struct mq_message {
	struct mq_bytes stream; /* topic, queue, key */
	struct mq_bytes id;     /* a position that is no integer (Redis); else absent */
	struct mq_bytes key;
	struct mq_bytes payload;
	const struct mq_header *headers; /* in order, duplicates kept; NULL when there are none or
	                                    the reader was not asked for them */
	size_t n_headers;
	const struct mq_properties *properties; /* NULL: none */
	const struct mq_decoded *decoded;       /* NULL: nothing was decoded; readers leave it so */
	int64_t offset;                         /* MQ_NO_OFFSET when unknown */
	int64_t ts_ms;                          /* since the epoch, or MQ_NO_TIME */
	int32_t partition;                      /* MQ_NO_PARTITION when unassigned */
	enum mq_ts_type ts_type;
	int32_t broker; /* number of the node that served it, or -1; kcat's "broker" */
	uint64_t tag;   /* the writer's caller sets it; a delivery gives it back */
	/* The backend's own handles of a fetched message, for settling it; others only copy them.
	 */
	void *owner;
	uint64_t receipt;
};

#define MQ_MESSAGE_INIT                                                                            \
	{                                                                                          \
		.offset = MQ_NO_OFFSET, .ts_ms = MQ_NO_TIME, .partition = MQ_NO_PARTITION,         \
		.broker = -1                                                                       \
	}

/* Key and payload as they are shown: decoded, or as they came. */
static inline struct mq_bytes mq_shown_key(const struct mq_message *message)
{
	return message->decoded && message->decoded->key.data ? message->decoded->key
	                                                      : message->key;
}
static inline struct mq_bytes mq_shown_payload(const struct mq_message *message)
{
	return message->decoded && message->decoded->payload.data ? message->decoded->payload
	                                                          : message->payload;
}

/* What a reader is asked to fill beyond stream, partition, offset, id, key and payload: costs that
 * only some outputs need. */
enum mq_need {
	MQ_NEED_TIME = 1 << 0,
	MQ_NEED_HEADERS = 1 << 1,
	MQ_NEED_PROPERTIES = 1 << 2,
	MQ_NEED_BROKER = 1 << 3,
};

#endif
