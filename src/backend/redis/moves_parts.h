/* What moves.c, which sends transactions, and moved.c, which reads their answers, share. */
#ifndef REDIS_MOVES_PARTS_H
#define REDIS_MOVES_PARTS_H

#include "backend/redis/writer.h"

enum { MQ_RD_MOVES_MAX = 128 }; /* messages of one transaction */

struct mq_rd_move {
	uint64_t tag;
	uint64_t receipt;
};

struct mq_rd_moves {
	struct mq_rd_reader *reader;
	struct mq_rd_cursor *source; /* of all originals */
	char *target;                /* of all messages */
	size_t target_len;
	bool cuts;         /* the originals are what the source begins with, as far as we know */
	size_t head_words; /* of the script's command, in front of the last message's own */
	size_t answers;    /* that came: of MULTI, of each command, of EXEC */
	char error[300];   /* why a command was not even queued; or "" */
	size_t n;
	struct mq_rd_move items[MQ_RD_MOVES_MAX];
};

#endif
