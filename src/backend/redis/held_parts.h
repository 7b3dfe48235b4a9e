/* What held.c, which finds letters, and takeover.c, which takes them over, share. */
#ifndef REDIS_HELD_PARTS_H
#define REDIS_HELD_PARTS_H

#include "backend/redis/held.h"

struct mq_rd_letter {
	uint64_t serial; /* its message's receipt */
	struct mq_rd_cursor *cursor;
	struct mq_rd_id id;
	int64_t given_ms; /* when it was delivered last */
	int64_t deliveries;
	uint32_t member; /* who held it: an index into names */
	bool taken, settled;
};

struct mq_rd_held {
	int64_t deliveries, idle_ms; /* a letter has at least so many, and is idle for so long */
	size_t at;                   /* the cursor whose pages come now */
	size_t page;
	uint64_t serial;
	struct mq_rd_letter *letters; /* by serial: those that are lent, or taken and not settled */
	size_t n_letters;
	char **names;
	size_t n_names;
	struct mq_rd_arena entries; /* of the messages that are lent */
	struct mq_buf broker;
	int64_t young, deleted;
	bool said;
};

#endif
