/*
 * Groups: a member asks for its own pending entries first, then takes over what others left (when
 * asked to), then gets new ones. What was settled is acknowledged over a connection of its own,
 * because a command behind a waiting XREADGROUP would wait as well.
 */
#ifndef REDIS_GROUP_H
#define REDIS_GROUP_H

#include "backend/redis/reader.h"

/* --- group.c --------------------------------------------------------------------------------- */

/* Finds or makes the group in every stream, and the member's name. */
int mq_rd_group_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err);
/* Sends the next request of a feed. */
int mq_rd_group_ask(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err);
/* Takes the reply to HISTORY, CLAIM and GROUP. */
int mq_rd_group_take(struct mq_rd_reader *r, struct mq_rd_feed *feed, enum mq_rd_request request,
                     const struct mq_rd_reply *reply, struct mq_err *err);
/* What a lost connection may have delivered is among the own pending entries. */
void mq_rd_group_lost(struct mq_rd_feed *feed);
/* False for an entry that is not to be handed out (again). */
bool mq_rd_group_accept(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                        struct mq_rd_cursor *cursor, struct mq_rd_id id, bool deleted,
                        struct mq_err *err);

/* --- acks.c ---------------------------------------------------------------------------------- */

int mq_rd_acks_open(struct mq_rd_reader *r, struct mq_err *err);
/* Notes ids; sends them now and then. */
int mq_rd_acks_add(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, struct mq_rd_id id,
                   struct mq_err *err);
/* Sends what was noted and (wait) takes every answer. */
int mq_rd_acks_flush(struct mq_rd_reader *r, bool wait, struct mq_err *err);
/* Now and then: what is lent and not settled is not idle, though it takes long. */
int mq_rd_acks_keep(struct mq_rd_reader *r, struct mq_err *err);
void mq_rd_acks_free(struct mq_rd_reader *r);

int mq_rd_ids_add(struct mq_rd_ids *ids, struct mq_rd_id id, struct mq_err *err);
bool mq_rd_ids_remove(struct mq_rd_ids *ids, struct mq_rd_id id);
bool mq_rd_ids_has(const struct mq_rd_ids *ids, struct mq_rd_id id);

/* --- member.c -------------------------------------------------------------------------------- */

/* The name of a member that was given none: the same again for a program that was ended and
 * restarted, never the same for two that run at once. *ret_lock is to be kept open, or -1. */
int mq_rd_member_name(const struct mq_rd_conn *conn, const char *group, char **ret_name,
                      int *ret_lock, struct mq_err *err);

#endif
