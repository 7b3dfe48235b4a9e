/*
 * The addresses of a reading command, opened: one connection and one reader for each broker.
 */
#ifndef MQ_CMD_SOURCES_H
#define MQ_CMD_SOURCES_H

#include "mqtk/address.h"
#include "mqtk/broker.h"
#include "mqtk/command.h"

struct source {
	const struct mq_target *target; /* the first address that named this broker */
	const char **streams;           /* owned array; the names belong to the targets. None:
	                                 * the settings say what is read */
	size_t n_streams;
	struct mq_conn *conn;
};

struct sources {
	struct mq_target *targets; /* one per address */
	size_t n_targets;
	struct source *items; /* one per broker */
	size_t n;
	struct source **brokers;    /* of each address, the item it belongs to */
	struct mq_reader **readers; /* one per broker */
	char *label;                /* "orders" or "orders, payments", for notes */
	bool many_streams;          /* more than one stream may come */
};

/* Resolves the addresses and opens a reader for each broker. spec is as of mq_reader_open, its
 * streams are filled in here. On failure everything is closed again. */
int sources_open(struct sources *sources, const struct mq_invocation *invocation,
                 const char *const *addresses, size_t n, const struct mq_read_spec *spec,
                 struct mq_err *err);
/* The same in three steps. Before connecting the targets' settings may be changed; who needs to ask
 * the brokers before it reads opens the readers itself, into sources->readers. */
int sources_resolve(struct sources *sources, const struct mq_invocation *invocation,
                    const char *const *addresses, size_t n, struct mq_err *err);
int sources_connect(struct sources *sources, const struct mq_invocation *invocation,
                    struct mq_err *err);
int sources_read(struct sources *sources, const struct mq_read_spec *spec, struct mq_err *err);
void sources_close(struct sources *sources);

/* Messages between the beginnings and the ends at open, or -1. */
int64_t sources_expected(const struct sources *sources);

/* True when one of the brokers gives messages away for good to those who ask for that (--ack). */
bool sources_can_take(const struct sources *sources);

#endif
