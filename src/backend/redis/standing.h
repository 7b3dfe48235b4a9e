/*
 * Where groups stand: what standing.c (what XINFO says) and closer.c (what it does not say) share.
 */
#ifndef REDIS_STANDING_H
#define REDIS_STANDING_H

#include "backend/redis/redis.h"

enum { MQ_RD_CHUNK = 256 }; /* streams or places in one pipeline */

/* A group in one stream. */
struct mq_rd_standing {
	size_t group, place; /* indices: the arrays still grow */
	size_t stream;       /* the same number for the groups of one */
	struct mq_rd_id delivered;
	struct mq_rd_extent extent;
	int64_t told; /* lag by XINFO */
	int64_t pending;
	int64_t idle; /* the largest that is known */
	bool seek_idle;
};

struct mq_rd_look {
	struct mq_rd_conn *conn;
	const struct mq_group_query *query;
	struct mq_group_list *list;
	struct mq_rd_arena arena;
	struct mq_rd_question *questions; /* 2 * MQ_RD_CHUNK of them */
	size_t n_questions;
	struct mq_rd_standing *standings;
	size_t n_standings;
	int64_t budget;  /* entries that may still be counted */
	size_t answered; /* streams that told something */
};

static inline struct mq_rd_question *mq_rd_look_add(struct mq_rd_look *look, const char *key,
                                                    const char *const *words)
{
	struct mq_rd_question *q = &look->questions[look->n_questions++];

	mq_rd_question_set(q, key, words);
	return q;
}

static inline int mq_rd_look_ask(struct mq_rd_look *look, struct mq_err *err)
{
	mq_rd_arena_clear(&look->arena);
	return mq_rd_ask_many(look->conn, 0, &look->arena, look->questions, look->n_questions, err);
}

/* closer.c: members, pending entries, the oldest unread ones and lags that have to be counted, of
 * the groups that were found. */
int mq_rd_look_closer(struct mq_rd_look *look, struct mq_err *err);

#endif
