/* Ids of entries: milliseconds and a number within them. */
#include "backend/redis/redis.h"

static bool read_number(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at = *text;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	if (at == *text)
		return false;
	*text = at;
	*ret = value;
	return true;
}

bool mq_rd_id_parse(const char *text, uint64_t seq, struct mq_rd_id *ret)
{
	struct mq_rd_id id = {0, seq};

	if (!read_number(&text, &id.ms))
		return false;
	if (*text == '-') {
		text++;
		if (!read_number(&text, &id.seq))
			return false;
	}
	*ret = id;
	return *text == '\0';
}

void mq_rd_id_print(struct mq_rd_id id, char *ret)
{
	size_t n = mq_rd_digits(id.ms, ret);

	ret[n++] = '-';
	n += mq_rd_digits(id.seq, ret + n);
	ret[n] = '\0';
}

int mq_rd_id_compare(struct mq_rd_id a, struct mq_rd_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

struct mq_rd_id mq_rd_id_next(struct mq_rd_id id)
{
	if (id.seq < UINT64_MAX)
		id.seq++;
	else if (id.ms < UINT64_MAX)
		id = (struct mq_rd_id){id.ms + 1, 0};
	return id;
}

struct mq_rd_id mq_rd_id_previous(struct mq_rd_id id)
{
	if (id.seq > 0)
		id.seq--;
	else if (id.ms > 0)
		id = (struct mq_rd_id){id.ms - 1, UINT64_MAX};
	return id;
}

int64_t mq_rd_id_time(struct mq_rd_id id)
{
	return id.ms > INT64_MAX ? MQ_NO_TIME : (int64_t)id.ms;
}

struct mq_rd_id mq_rd_id_of_time(int64_t ms)
{
	return (struct mq_rd_id){ms < 0 ? 0 : (uint64_t)ms, 0};
}

struct mq_rd_id mq_rd_id_in(const struct mq_rd_reply *reply, struct mq_rd_id missing)
{
	struct mq_rd_id id;

	return mq_rd_id_parse(mq_rd_reply_text(reply), 0, &id) ? id : missing;
}
