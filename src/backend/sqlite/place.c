/* Positions: the first message at or after a moment, the last N, begin and end. */
#include "backend/sqlite/sqlite.h"

/* The first message of [first, end) at or after ts: 1, 0 or -1. */
static int scan(struct mq_sq *sq, sqlite3_stmt *stmt, int32_t partition, int64_t first, int64_t end,
                int64_t ts, int64_t *ret_offset, int64_t *ret_ts, struct mq_err *err)
{
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, first));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, end));
	sqlite3_bind_int64(stmt, 3, ts);
	int got = mq_sq_step(sq, stmt, err);
	if (got == 1) {
		*ret_offset = mq_sq_row_offset(sqlite3_column_int64(stmt, 0));
		*ret_ts = sqlite3_column_int64(stmt, 1);
		sqlite3_reset(stmt);
	}
	return got;
}

int mq_sq_locate_time(struct mq_sq *sq, int64_t stream, int32_t partition, int64_t ts,
                      int64_t *ret_offset, int64_t *ret_ts, struct mq_err *err)
{
	struct mq_sq_part part;
	sqlite3_stmt *rows = NULL;
	int got = mq_sq_part_load(sq, stream, partition, &part, err);

	*ret_ts = MQ_NO_TIME;
	if (got <= 0)
		return got < 0
		           ? -1
		           : mq_fail(err, MQ_NOT_FOUND, "there is no partition %d", (int)partition);
	*ret_offset = part.end;
	if (mq_sq_stream_stmt(sq, &rows, stream,
	                      "SELECT id, ts FROM mq_%lld WHERE id>=? AND id<? AND ts>=?"
	                      " ORDER BY id LIMIT 1",
	                      err) < 0)
		return -1;
	sqlite3_stmt *blocks = mq_sq_query(
	    sq, err,
	    "SELECT first, end FROM mq_blocks WHERE stream=? AND partition=? AND max_ts>=?"
	    " ORDER BY first",
	    "iii", stream, (int64_t)partition, ts);
	got = blocks ? 0 : -1;
	/* A block's latest message may have been removed from its front: then look on. */
	while (got == 0 && (got = mq_sq_step(sq, blocks, err)) == 1)
		got = scan(sq, rows, partition, sqlite3_column_int64(blocks, 0),
		           sqlite3_column_int64(blocks, 1), ts, ret_offset, ret_ts, err);
	if (blocks)
		sqlite3_reset(blocks);
	if (got == 0 && part.open_max >= ts)
		got = scan(sq, rows, partition, part.open_first, part.end, ts, ret_offset, ret_ts,
		           err);
	sqlite3_finalize(rows);
	return got < 0 ? -1 : 0;
}

int mq_sq_locate(struct mq_sq *sq, int64_t stream, int32_t partition, const struct mq_sq_part *part,
                 const struct mq_pos *pos, int64_t *ret_offset, int64_t *ret_ts, struct mq_err *err)
{
	*ret_ts = MQ_NO_TIME;
	switch (pos->kind) {
	case MQ_POS_UNSET:
	case MQ_POS_BEGINNING:
		*ret_offset = part->begin;
		return 0;
	case MQ_POS_END:
		*ret_offset = part->end;
		return 0;
	case MQ_POS_OFFSET:
		*ret_offset = pos->number;
		return 0;
	case MQ_POS_LAST:
		*ret_offset =
		    pos->number > part->end - part->begin ? part->begin : part->end - pos->number;
		return 0;
	case MQ_POS_TIME:
		return mq_sq_locate_time(sq, stream, partition, pos->number, ret_offset, ret_ts,
		                         err);
	case MQ_POS_STORED:
		return mq_fail(err, MQ_USAGE, "a stored position needs a group");
	case MQ_POS_ID:
		break;
	}
	mq_fail(err, MQ_USAGE, "%s is no position of the local store", pos->text);
	return mq_hint(err, "positions are numbers, -N, beginning, end, or moments as @TIME");
}

static int locate_one(struct mq_sq *sq, struct mq_locate *request, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	struct mq_sq_part part;
	int result = -1;
	int found = mq_sq_stream_find(sq, request->stream, &stream, err);

	request->offset = MQ_NO_OFFSET;
	request->ts_ms = MQ_NO_TIME;
	if (found == 0)
		mq_sq_no_stream(sq, request->stream, err);
	if (found <= 0)
		return -1;
	found = mq_sq_part_load(sq, stream.id, request->partition, &part, err);
	if (found == 0)
		mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d; it has %d", request->stream,
		        (int)request->partition, (int)stream.n_partitions);
	else if (found == 1)
		result = mq_sq_locate(sq, stream.id, request->partition, &part, &request->pos,
		                      &request->offset, &request->ts_ms, err);
	mq_sq_stream_release(&stream);
	return result;
}

int mq_sq_locate_many(struct mq_sq *sq, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	if (mq_sq_begin_read(sq, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		mq_err_clear(&requests[i].err);
		locate_one(sq, &requests[i], &requests[i].err);
	}
	return mq_sq_commit(sq, err);
}
