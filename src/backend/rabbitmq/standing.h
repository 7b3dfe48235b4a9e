/*
 * How far behind the readers of queues and streams are.
 *
 *   standing.c  queues, which have no groups: what waits in them, and who consumes
 *   tracking.c  streams: the offsets that readers stored under a name, which are their groups
 */
#ifndef MQ_RABBITMQ_STANDING_H
#define MQ_RABBITMQ_STANDING_H

#include "backend/rabbitmq/manage.h"

/* True when the group is among those that were named, or none were. */
bool mq_rabbit_group_asked(const struct mq_group_query *query, const char *name);

/* --- tracking.c ------------------------------------------------------------------------------ */

/* Adds a group for each name under which an offset of the stream is stored, and is asked for.
 * Returns how many. *ret_why: why the broker does not tell, or MQ_OK. */
int mq_rabbit_tracking(struct mq_rabbit_conn *conn, const char *stream,
                       const struct mq_group_query *query, struct mq_group_list *list,
                       struct mq_err *ret_why, struct mq_err *err);

int mq_rabbit_groups(struct mq_conn *conn, const struct mq_group_query *query,
                     struct mq_group_list *ret_list, struct mq_err *err);

#endif
