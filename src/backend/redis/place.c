/* Where a reader begins and ends: names, positions and the ends of streams when it is opened. */
#include "backend/redis/reader.h"

#include <stdlib.h>

enum { LAST_PAGE = 5000 };

int mq_rd_extent_ask(struct mq_rd_conn *conn, const char *stream, struct mq_rd_extent *ret,
                     struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("XINFO", "STREAM", stream), &reply, err) < 0)
		return -1;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (strcasestr(mq_rd_reply_text(reply), "no such key"))
			return mq_rd_fail_missing(conn, stream, err);
		/* What kind of key it is instead is worth another question. */
		if (mq_rd_reply_is_error(reply, "WRONGTYPE") &&
		    mq_rd_stream_exists(conn, stream, err) < 0)
			return -1;
		return mq_rd_fail_reply(conn, stream, reply, err);
	}
	if (!mq_rd_extent_read(reply, ret))
		return mq_rd_fail_shape(conn, "XINFO STREAM", err);
	return 0;
}

int mq_rd_find_last(struct mq_rd_conn *conn, const char *stream, int64_t number,
                    const struct mq_rd_extent *extent, struct mq_rd_id *ret, struct mq_err *err)
{
	struct mq_rd_id from = extent->last;
	const struct mq_rd_reply *reply;
	char start[MQ_RD_ID_TEXT], count[24];

	*ret = mq_rd_id_next(extent->last);
	if (number >= extent->length) {
		*ret = MQ_RD_ID_MIN;
		return 0;
	}
	while (number > 0) {
		int64_t page = number < LAST_PAGE ? number : LAST_PAGE;
		mq_rd_id_print(from, start);
		snprintf(count, sizeof count, "%lld", (long long)page);
		mq_rd_arena_clear(&conn->scratch);
		if (mq_rd_ask(conn, stream, 0, &conn->scratch,
		              MQ_RD_WORDS("XREVRANGE", stream, start, "-", "COUNT", count), &reply,
		              err) < 0)
			return -1;
		if (reply->type != REDIS_REPLY_ARRAY || reply->n == 0)
			return 0;
		*ret = mq_rd_id_in(mq_rd_reply_at(reply->last, 0), *ret);
		from = mq_rd_id_previous(*ret);
		number -= (int64_t)reply->n;
	}
	return 0;
}

/* The first id at or behind a position. */
static int resolve(struct mq_rd_conn *conn, const char *stream, const struct mq_pos *pos,
                   const struct mq_rd_extent *extent, struct mq_rd_id *ret, struct mq_err *err)
{
	switch (pos->kind) {
	case MQ_POS_END:
		*ret = mq_rd_id_next(extent->last);
		return 0;
	case MQ_POS_TIME:
		*ret = mq_rd_id_of_time(pos->number);
		return 0;
	case MQ_POS_ID:
		if (!mq_rd_id_parse(pos->text, 0, ret))
			return mq_fail(err, MQ_USAGE, "'%s' is no id like 1700000000000-0",
			               pos->text);
		if (pos->number)
			*ret = mq_rd_id_next(*ret);
		return 0;
	case MQ_POS_LAST:
		return mq_rd_find_last(conn, stream, pos->number, extent, ret, err);
	default:
		*ret = MQ_RD_ID_MIN;
		return 0;
	}
}

/* How many messages there are from the position on, at most; -1: unknown. */
static int64_t expect(const struct mq_pos *pos, const struct mq_rd_extent *extent)
{
	switch (pos->kind) {
	case MQ_POS_END:
		return 0;
	case MQ_POS_LAST:
		return pos->number < extent->length ? pos->number : extent->length;
	case MQ_POS_UNSET:
	case MQ_POS_BEGINNING:
		return extent->length;
	default:
		return -1;
	}
}

static int open_cursor(struct mq_rd_reader *r, const char *stream, const struct mq_pos *from,
                       const struct mq_pos *to, bool group, struct mq_err *err)
{
	struct mq_rd_cursor *cursor = calloc(1, sizeof *cursor);
	struct mq_rd_cursor **slot =
	    cursor ? mq_info_grow(&r->cursors, &r->n_cursors, sizeof(void *), err) : NULL;
	struct mq_rd_extent extent = {0};

	if (!slot) {
		free(cursor);
		return mq_fail_memory(err);
	}
	*slot = cursor;
	cursor->name = strdup(stream);
	if (!cursor->name)
		return mq_fail_memory(err);
	cursor->name_len = strlen(stream);
	cursor->stop = MQ_RD_ID_MAX;
	cursor->backlog = -1;
	if (mq_rd_extent_ask(r->conn, stream, &extent, err) < 0 ||
	    resolve(r->conn, stream, from, &extent, &cursor->next, err) < 0)
		return -1;
	cursor->snapshot = extent.last;
	if (to->kind != MQ_POS_UNSET) {
		cursor->has_stop = true;
		cursor->stop_is_time = to->kind == MQ_POS_TIME;
		if (resolve(r->conn, stream, to, &extent, &cursor->stop, err) < 0)
			return -1;
	}
	/* Behind the largest id nothing can come. */
	if (!group && from->kind == MQ_POS_END && mq_rd_id_compare(extent.last, MQ_RD_ID_MAX) == 0)
		cursor->live = cursor->ended = true;
	mq_rd_gap_open(r, cursor, from, &extent);
	int64_t expected = expect(from, &extent);
	if (r->base.expected >= 0)
		r->base.expected = expected < 0 ? -1 : r->base.expected + expected;
	return 0;
}

static bool is_open(const struct mq_rd_reader *r, const char *stream)
{
	for (size_t i = 0; i < r->n_cursors; i++)
		if (strcmp(r->cursors[i]->name, stream) == 0)
			return true;
	return false;
}

static int open_matching(struct mq_rd_reader *r, const char *pattern,
                         const struct mq_read_spec *spec, struct mq_err *err)
{
	char **names = NULL;
	size_t n = 0;
	int result = mq_rd_scan_all(r->conn, pattern, &names, &n, err);

	if (result == 0 && n == 0)
		result = mq_fail(err, MQ_NOT_FOUND, "%s: no stream matches '%s'", r->conn->shown,
		                 pattern);
	for (size_t i = 0; i < n && result == 0; i++)
		if (!is_open(r, names[i]))
			result = open_cursor(r, names[i], &spec->from, &spec->to, spec->group, err);
	mq_rd_names_free(names, n);
	return result;
}

static int open_ranges(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	for (size_t i = 0; i < spec->n_ranges; i++) {
		const struct mq_range *range = &spec->ranges[i];
		if (is_open(r, range->stream))
			return mq_fail(err, MQ_USAGE, "%s: %s has two ranges; one is possible",
			               r->conn->shown, range->stream);
		if (open_cursor(r, range->stream, &range->from, &range->to, false, err) < 0)
			return -1;
	}
	return 0;
}

int mq_rd_cursors_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	if (spec->n_ranges)
		return open_ranges(r, spec, err);
	for (size_t i = 0; i < spec->n_streams; i++) {
		const char *stream = spec->streams[i];
		if (stream[0] == '^') {
			if (open_matching(r, stream, spec, err) < 0)
				return -1;
		} else if (!is_open(r, stream) &&
		           open_cursor(r, stream, &spec->from, &spec->to, spec->group, err) < 0) {
			return -1;
		}
	}
	return 0;
}
