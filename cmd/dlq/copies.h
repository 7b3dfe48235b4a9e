/*
 * What is left of a dead letter when it is put back: the message without what tells of its death.
 * The memory of the copies of one run of messages is here, too.
 */
#ifndef MQ_CMD_DLQ_COPIES_H
#define MQ_CMD_DLQ_COPIES_H

#include "mqtk/dead.h"

struct copies_block;
struct copies {
	struct copies_block *blocks;
};

void copies_release(struct copies *copies);
/* What was kept before is not needed any more. */
void copies_begin(struct copies *copies);

/* The bytes once more, valid until the next begin; absent: err is set. */
struct mq_bytes copies_keep(struct copies *copies, struct mq_bytes bytes, struct mq_err *err);

/* Headers without those that tell of the death, properties without those of the stay here. */
int copies_strip(struct copies *copies, struct mq_message *copy, struct mq_err *err);
/* The key that the message had before it died. */
int copies_restore_key(struct copies *copies, const struct mq_dead *dead, struct mq_message *copy,
                       struct mq_err *err);

#endif
