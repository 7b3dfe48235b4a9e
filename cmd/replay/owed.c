/* What is still to be settled: see owed.h. */
#include "cmd/replay/owed.h"

#include "cmd/replay/plan.h"

#include <stdlib.h>

struct owed_item {
	void *owner;
	uint64_t receipt;
	int64_t offset;
	uint32_t reader, stream;
	int32_t partition;
	bool has_id;
	char id[PLAN_ID];
};

int owed_init(struct owed *owed, struct mq_err *err)
{
	owed->items = calloc(OWED_RING, sizeof *owed->items);
	return owed->items ? 0 : mq_fail_memory(err);
}

void owed_release(struct owed *owed)
{
	for (size_t i = 0; i < owed->n_streams; i++)
		free((void *)(uintptr_t)owed->streams[i].data);
	free(owed->streams);
	free(owed->items);
	*owed = (struct owed){0};
}

/* The stream's number; most messages are of the one that came last. UINT32_MAX: no memory. */
static uint32_t number_of(struct owed *owed, struct mq_bytes name, struct mq_err *err)
{
	for (size_t i = owed->n_streams; i > 0; i--)
		if (mq_bytes_equal(owed->streams[i - 1], name))
			return (uint32_t)(i - 1);
	struct mq_bytes *slot = mq_info_grow(&owed->streams, &owed->n_streams, sizeof *slot, err);
	char *mine = slot ? malloc(name.len + 1) : NULL;
	if (!mine) {
		owed->n_streams -= slot != NULL;
		mq_fail_memory(err);
		return UINT32_MAX;
	}
	memcpy(mine, name.data ? name.data : "", name.len);
	mine[name.len] = '\0';
	*slot = mq_bytes_of(mine, name.len);
	return (uint32_t)(owed->n_streams - 1);
}

int owed_keep(struct owed *owed, uint64_t number, size_t reader, const struct mq_message *message,
              struct mq_err *err)
{
	struct owed_item *item = &owed->items[number & (OWED_RING - 1)];
	uint32_t stream = number_of(owed, message->stream, err);

	if (stream == UINT32_MAX)
		return -1;
	if (message->id.len >= PLAN_ID)
		return mq_fail(err, MQ_INTERNAL, "an id of %zu bytes is no position",
		               message->id.len);
	item->owner = message->owner;
	item->receipt = message->receipt;
	item->offset = message->offset;
	item->partition = message->partition;
	item->reader = (uint32_t)reader;
	item->stream = stream;
	item->has_id = message->id.data != NULL;
	if (item->has_id)
		memcpy(item->id, message->id.data, message->id.len);
	item->id[message->id.len] = '\0';
	return 0;
}

size_t owed_get(const struct owed *owed, uint64_t number, struct mq_message *ret)
{
	struct owed_item *item = &owed->items[number & (OWED_RING - 1)];

	*ret = (struct mq_message)MQ_MESSAGE_INIT;
	ret->stream = owed->streams[item->stream];
	ret->owner = item->owner;
	ret->receipt = item->receipt;
	ret->offset = item->offset;
	ret->partition = item->partition;
	ret->id = item->has_id ? mq_bytes_str(item->id) : MQ_ABSENT;
	return item->reader;
}
