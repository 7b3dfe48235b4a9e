/* Groups. */
#include "backend/redis/reader.h"

int mq_rd_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                 struct mq_err *err)
{
	(void)reader, (void)messages, (void)n, (void)err;
	return 0;
}
int mq_rd_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	(void)reader, (void)wait, (void)err;
	return 0;
}
