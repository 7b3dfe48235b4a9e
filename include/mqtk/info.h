/*
 * What brokers tell about themselves: streams, partitions, groups, nodes.
 *
 * All are plain values filled by a backend and released by the caller. Unknown numbers are -1,
 * unknown texts NULL. Strings are owned.
 */
#ifndef MQTK_INFO_H
#define MQTK_INFO_H

#include "mqtk/error.h"
#include "mqtk/position.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mq_partition_info {
	int32_t partition;
	int32_t leader; /* -1: none or unknown */
	int32_t *replicas;
	size_t n_replicas;
	int32_t *isr;
	size_t n_isr;
	int64_t begin; /* first offset, -1 unknown */
	int64_t end;   /* one behind the last, -1 unknown */
	int64_t bytes; /* -1 unknown */
	char *error;   /* the broker's words when it cannot be used, or NULL */
};

struct mq_config_entry {
	char *name;
	char *value; /* NULL: hidden or unknown */
	bool is_default;
};

/* A group's place in one partition. */
struct mq_group_position {
	char *group;
	int32_t partition;
	int64_t committed;  /* next to read; -1: no commit */
	int64_t lag;        /* -1 unknown */
	int64_t updated_ms; /* MQ_NO_TIME (INT64_MIN): unknown */
	/* Where positions are ids: the last one delivered; else NULL. */
	char *committed_id;
	int64_t pending; /* delivered and not yet acknowledged; -1 unknown or no such thing */
	int64_t oldest_idle_ms; /* of the pending ones, since their last delivery; -1 */
};

/* Who reads a stream: a member of a group, or a queue's consumer. */
struct mq_consumer_info {
	char *group;     /* NULL: no group */
	char *name;      /* the member's name, a consumer tag */
	char *from;      /* where it is connected from, or NULL */
	int64_t pending; /* it holds, unacknowledged; -1 unknown */
	int64_t idle_ms; /* since it was last heard of; -1 unknown */
};

/* A binding of a stream. */
struct mq_binding_info {
	char *exchange;
	char *key;
	char *arguments; /* JSON object as text, or NULL */
};

struct mq_stream_info {
	char *name;
	char *type; /* "topic", "stream", "queue" … */
	bool internal;
	int64_t messages;    /* -1 unknown; on Kafka end - begin, an upper bound */
	int64_t bytes;       /* -1 unknown */
	int64_t first_ts_ms; /* MQ_NO_TIME unknown */
	int64_t last_ts_ms;
	struct mq_partition_info *partitions;
	size_t n_partitions;
	struct mq_config_entry *config;
	size_t n_config;
	struct mq_group_position *groups;
	size_t n_groups;
	char *groups_left_out; /* why groups that read it are not told, or NULL */
	struct mq_consumer_info *consumers;
	size_t n_consumers;
	struct mq_binding_info *bindings;
	size_t n_bindings;
	int64_t ready;          /* waiting to be delivered; -1: unknown or no such thing */
	int64_t unacked;        /* delivered, not yet acknowledged; -1 */
	int64_t consumer_count; /* -1 unknown */
	char *first_id;         /* where positions are ids: the oldest message's, or NULL */
	char *last_id;          /* the last one that was given, though it may be deleted */
	char *policy;           /* the broker's rule that applies to it, or NULL */
	char *error;
};

struct mq_stream_list {
	struct mq_stream_info *items;
	size_t n;
};

/* Where messages of a stream go when they die, as the broker is configured. */
struct mq_dead_route {
	char *origin;  /* the stream whose messages die */
	char *target;  /* the stream that gets them; NULL: none does, and they are lost */
	char *through; /* how, in the broker's words: "exchange 'dlx', policy 'p'" */
};

struct mq_dead_route_list {
	struct mq_dead_route *items;
	size_t n;
	char *left_out; /* why routes may be missing, or NULL */
};

struct mq_node_info {
	int32_t id;
	char *host;
	int port;
};

struct mq_exchange_info {
	char *name; /* "" is the default exchange */
	char *type;
	bool durable;
	struct mq_binding_info
	    *bindings; /* here `exchange` is the target: a queue or an exchange */
	size_t n_bindings;
};

struct mq_broker_info {
	char *name;          /* cluster id, file name */
	char *version;       /* of the server, or NULL */
	int32_t controller;  /* -1 unknown */
	int32_t answered_by; /* the node that gave this answer, -1 unknown */
	char *answered_name; /* its host:port/id, or NULL */
	struct mq_node_info *nodes;
	size_t n_nodes;
	struct mq_exchange_info *exchanges;
	size_t n_exchanges;
};

struct mq_locate {
	const char *stream;
	int32_t partition;
	struct mq_pos pos;
	int64_t offset;    /* out; MQ_NO_OFFSET where positions are ids */
	char id[64];       /* out: where positions are ids; else "" */
	int64_t ts_ms;     /* out: of the message found, or MQ_NO_TIME */
	struct mq_err err; /* out: code MQ_OK, or why this one is unknown */
};

/* What of a stream can be chosen: bits for what a backend understands, and what is set in a spec
 * (mq_stream_spec_fields). */
enum mq_field {
	MQ_FIELD_PARTITIONS = 1 << 0,
	MQ_FIELD_REPLICAS = 1 << 1,
	MQ_FIELD_RETENTION = 1 << 2,
	MQ_FIELD_MAX_BYTES = 1 << 3,
	MQ_FIELD_MAX_LENGTH = 1 << 4,
	MQ_FIELD_TTL = 1 << 5,
	MQ_FIELD_TYPE = 1 << 6,
	MQ_FIELD_DELIVERY_LIMIT = 1 << 7,
	MQ_FIELD_DEAD_LETTER = 1 << 8, /* exchange, and key with it */
	MQ_FIELD_BINDINGS = 1 << 9,
	MQ_FIELD_CONFIG = 1 << 10,
};

/* One binding of a stream to an exchange. */
struct mq_binding_spec {
	const char *exchange;
	const char *key;          /* "": none */
	const char *const *match; /* "name=value" of a headers exchange; all must match */
	size_t n_match;
};

/* A stream to be made (create) or changed (alter). What is -1 or NULL is the broker's default, or
 * stays as it is. */
struct mq_stream_spec {
	const char *stream;
	int32_t partitions;
	int32_t replicas;
	int64_t retention_ms; /* messages older than this go */
	int64_t max_bytes;
	int64_t max_length;     /* messages */
	int64_t ttl_ms;         /* a message that waits for longer goes (or is dead-lettered) */
	const char *type;       /* classic quorum stream */
	int64_t delivery_limit; /* deliveries of one message */
	const char *dead_letter_exchange;
	const char *dead_letter_key;
	const struct mq_binding_spec *bindings;
	size_t n_bindings;
	const char *const *config; /* "name=value", broker's own names */
	size_t n_config;
	bool if_missing; /* create: an existing stream is no error; it gets the bindings as well */
	/* create: for a moment only; the broker removes it by itself soon after it was left, where
	 * it can. */
	bool temporary;
};
#define MQ_STREAM_SPEC_INIT                                                                        \
	{                                                                                          \
		.partitions = -1, .replicas = -1, .retention_ms = -1, .max_bytes = -1,             \
		.max_length = -1, .ttl_ms = -1, .delivery_limit = -1                               \
	}

/* The fields that are set in spec: bits of enum mq_field. */
unsigned mq_stream_spec_fields(const struct mq_stream_spec *spec);

struct mq_exchange_spec {
	const char *exchange;
	const char *type; /* direct fanout topic headers */
	bool if_missing;  /* an existing one of the same type is no error */
};

enum mq_trim_kind {
	MQ_TRIM_EXPIRED,    /* what the stream's own limits no longer keep */
	MQ_TRIM_MAX_AGE,    /* older than value ms */
	MQ_TRIM_MAX_LENGTH, /* the oldest, so that value messages remain (per partition) */
	MQ_TRIM_MAX_BYTES,  /* the oldest, so that value bytes remain */
	MQ_TRIM_BEFORE,     /* everything before pos */
	MQ_TRIM_ALL,
};

struct mq_trim_spec {
	const char *stream;
	enum mq_trim_kind kind;
	int64_t value;
	struct mq_pos before;
	bool dry_run;
};

/* What to say when a backend cannot do something: the alternative, to stand behind "; ". */
struct mq_instead {
	enum { MQ_IN_CREATE, MQ_IN_ALTER, MQ_IN_TRIM } where;
	unsigned what; /* a bit of enum mq_field, or 1 << enum mq_trim_kind */
	const char *text;
};

void mq_stream_info_init(struct mq_stream_info *info);
void mq_stream_info_release(struct mq_stream_info *info);
void mq_stream_list_release(struct mq_stream_list *list);
void mq_broker_info_release(struct mq_broker_info *info);
void mq_dead_route_list_release(struct mq_dead_route_list *list);

/* Room for one more element at the end of the array *items of *n elements; the new element is
 * zeroed and *n is raised. Returns it, or NULL with err set. For backends that fill these structs.
 */
void *mq_info_grow(void *items_ptr, size_t *n, size_t element, struct mq_err *err);

#endif
