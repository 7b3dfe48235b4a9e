/*
 * How many entries are before an id, and how many from it on. There is no command for it: they are
 * read in pages, from the beginning and from the id on in turns, so that the smaller side decides
 * how long it takes.
 */
#include "backend/redis/redis.h"

enum {
	PAGE_FIRST = 100,
	PAGE_MAX = 4000,
	PAGE_BYTES = 1 << 20, /* what a page is aimed at */
};

struct counting {
	struct mq_rd_conn *conn;
	const char *stream;
	size_t page;
	int64_t seen;
	size_t bytes;
};

/* Counts entries of [*from, to] up to a page, and moves *from past them. *ret_whole: there are no
 * more. */
static int64_t count_page(struct counting *c, struct mq_rd_id *from, struct mq_rd_id to,
                          bool *ret_whole, struct mq_err *err)
{
	struct mq_rd_conn *conn = c->conn;
	char start[MQ_RD_ID_TEXT], end[MQ_RD_ID_TEXT], count[24];
	const struct mq_rd_reply *reply;
	size_t asked = c->page;

	mq_rd_id_print(*from, start);
	mq_rd_id_print(to, end);
	snprintf(count, sizeof count, "%zu", asked);
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, c->stream, 0, &conn->scratch,
	              MQ_RD_WORDS("XRANGE", c->stream, start, end, "COUNT", count), &reply,
	              err) < 0)
		return -1;
	if (reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(conn, "XRANGE", err);
	if (reply->n > 0 &&
	    !mq_rd_id_parse(mq_rd_reply_text(mq_rd_reply_at(reply->last, 0)), 0, from))
		return mq_rd_fail_shape(conn, "XRANGE", err);
	*ret_whole = reply->n < asked || mq_rd_id_compare(*from, to) >= 0;
	*from = mq_rd_id_next(*from);
	c->seen += (int64_t)reply->n;
	c->bytes += conn->scratch.total;
	if (conn->scratch.total > 2 * PAGE_BYTES && c->page > 1)
		c->page = c->page > 16 ? c->page / 4 : 1;
	else if (conn->scratch.total < PAGE_BYTES / 2 && c->page < PAGE_MAX)
		c->page *= 2;
	return (int64_t)reply->n;
}

static int64_t length_of(struct mq_rd_conn *conn, const char *stream, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch, MQ_RD_WORDS("XLEN", stream), &reply, err) <
	    0)
		return -1;
	return mq_rd_reply_number(reply, 0);
}

int mq_rd_count(struct mq_rd_conn *conn, const char *stream, struct mq_rd_id id,
                const struct mq_rd_mark *mark, const struct mq_rd_count_limit *limit,
                struct mq_rd_count *ret, struct mq_err *err)
{
	struct counting c = {.conn = conn, .stream = stream, .page = PAGE_FIRST};
	struct mq_rd_id low = mark ? mark->id : MQ_RD_ID_MIN, high = id;
	int64_t before = 0, after = 0;
	bool low_whole = mq_rd_id_compare(id, MQ_RD_ID_MIN) == 0, high_whole = false;

	*ret = (struct mq_rd_count){-1, -1, 0};
	while (!low_whole && !high_whole) {
		int64_t n = count_page(&c, &low, mq_rd_id_previous(id), &low_whole, err);
		if (n < 0)
			return -1;
		before += n;
		if (low_whole)
			break;
		n = count_page(&c, &high, MQ_RD_ID_MAX, &high_whole, err);
		if (n < 0)
			return -1;
		after += n;
		if (!high_whole && limit && (c.seen >= limit->entries || c.bytes >= limit->bytes)) {
			ret->seen = c.seen;
			return 0;
		}
	}
	int64_t length = length_of(conn, stream, err);
	if (length < 0)
		return -1;
	if (low_whole && mark) {
		after = mark->after > before ? mark->after - before : 0;
		low_whole = false;
	}
	if (low_whole)
		*ret = (struct mq_rd_count){before, length > before ? length - before : 0, c.seen};
	else
		*ret = (struct mq_rd_count){length > after ? length - after : 0, after, c.seen};
	return 0;
}
