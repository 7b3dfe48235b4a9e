/*
 * The headers of each dialect of dead letters, as one table: name, what it tells, how it is
 * written. dead.c reads messages by it. Sources: the frameworks' own documentation and KIP-298,
 * KIP-1034, KIP-1191; RabbitMQ's "Dead Letter Exchanges".
 */
#ifndef MQ_CORE_DEAD_RULES_H
#define MQ_CORE_DEAD_RULES_H

#include "mqtk/dead.h"

enum dead_field {
	DEAD_NOTHING, /* belongs to the dialect, tells nothing of the shape */
	DEAD_BROKER,
	DEAD_STREAM,
	DEAD_PARTITION,
	DEAD_OFFSET,
	DEAD_ID,
	DEAD_ORIGIN_TIME,
	DEAD_EXCHANGE,
	DEAD_KEY,
	DEAD_GROUP,
	DEAD_MEMBER,
	DEAD_REASON,
	DEAD_EXCEPTION,
	DEAD_CAUSE, /* the class of what was wrapped: wins over DEAD_EXCEPTION */
	DEAD_ERROR,
	DEAD_STACKTRACE,
	DEAD_ATTEMPTS,
	DEAD_TIME,
	DEAD_TABLE, /* x-death: all of it at once */
};

enum dead_form {
	DEAD_TEXT,   /* UTF-8; numbers in decimal, moments in milliseconds or ISO 8601 */
	DEAD_BINARY, /* numbers of 4 or 8 bytes, big-endian; other lengths as text */
	DEAD_URL,    /* the last segment of a path: rabbitmq://host/vhost/queue?durable=true */
	DEAD_AT,     /* queue@machine */
};

struct dead_rule {
	enum mq_dead_dialect dialect;
	const char *name; /* a name that ends in '*' is a prefix */
	enum dead_field field;
	enum dead_form form;
	/* Whether this header alone tells that the dialect was at work. */
	bool tells;
};

enum { DEAD_RULES_MAX = 160 };

/* Sorted by dialect; ended by a row without name. */
extern const struct dead_rule dead_rules[DEAD_RULES_MAX];

#endif
