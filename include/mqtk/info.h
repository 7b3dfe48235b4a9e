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
	char *error;
};

struct mq_stream_list {
	struct mq_stream_info *items;
	size_t n;
};

struct mq_node_info {
	int32_t id;
	char *host;
	int port;
};

struct mq_broker_info {
	char *name;          /* cluster id, file name */
	char *version;       /* of the server, or NULL */
	int32_t controller;  /* -1 unknown */
	int32_t answered_by; /* the node that gave this answer, -1 unknown */
	char *answered_name; /* its host:port/id, or NULL */
	struct mq_node_info *nodes;
	size_t n_nodes;
};

struct mq_locate {
	const char *stream;
	int32_t partition;
	struct mq_pos pos;
	int64_t offset;    /* out */
	int64_t ts_ms;     /* out: of the message found, or MQ_NO_TIME */
	struct mq_err err; /* out: code MQ_OK, or why this one is unknown */
};

struct mq_create_spec {
	const char *stream;
	int32_t partitions;        /* -1: the broker's default */
	int32_t replicas;          /* -1: the broker's default */
	int64_t retention_ms;      /* -1: the broker's default */
	int64_t max_bytes;         /* -1 */
	int64_t max_length;        /* messages, -1 */
	const char *const *config; /* "name=value", broker's own names */
	size_t n_config;
	bool if_missing; /* an existing stream is no error */
};

void mq_stream_info_init(struct mq_stream_info *info);
void mq_stream_info_release(struct mq_stream_info *info);
void mq_stream_list_release(struct mq_stream_list *list);
void mq_broker_info_release(struct mq_broker_info *info);

/* Room for one more element at the end of the array *items of *n elements; the new element is
 * zeroed and *n is raised. Returns it, or NULL with err set. For backends that fill these structs.
 */
void *mq_info_grow(void *items_ptr, size_t *n, size_t element, struct mq_err *err);

#endif
