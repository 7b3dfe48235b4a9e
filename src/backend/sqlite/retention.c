/*
 * What a stream no longer keeps: by number, size and age. The writer calls this in each of its
 * transactions, so that limits hold exactly and cost about as much as the inserts did.
 *
 * Limits are the stream's. When they are reached the fullest partitions give up their oldest
 * messages first, so that a busy partition does not push out what a quiet one holds. Age removes
 * from the front only: a message behind a younger one stays until its turn.
 */
#include "backend/sqlite/sqlite.h"

#include <stdlib.h>

struct load {
	struct mq_sq_part part;
	int64_t count;
};

/* The largest level such that cutting every value down to it leaves no more than max together. */
static int64_t level_of(const struct load *loads, int32_t n, int64_t max, bool bytes)
{
	int64_t low = 0, high = INT64_MAX / (n + 1);

	if (max < 0)
		return INT64_MAX;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		int64_t sum = 0;
		for (int32_t i = 0; i < n; i++) {
			int64_t value = bytes ? loads[i].part.bytes : loads[i].count;
			sum += value < middle ? value : middle;
		}
		if (sum <= max)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Finds the partition's new begin and removes what lies before it. The newest message stays even
 * when it alone is over the size. */
static int cut(struct mq_sq *sq, const struct mq_sq_stream *stream, int32_t partition,
               struct load *load, int64_t max_count, int64_t max_bytes, int64_t oldest,
               struct mq_err *err)
{
	struct mq_sq_part *part = &load->part;
	int64_t begin = part->begin;
	sqlite3_stmt *stmt = NULL;
	int got, result = -1;

	if (mq_sq_stream_stmt(
	        sq, &stmt, stream->id,
	        "SELECT id, ts, coalesce(length(key), 0) + coalesce(length(payload), 0)"
	        " + coalesce(length(extra), 0) FROM mq_%lld"
	        " WHERE id>=? AND id<? ORDER BY id",
	        err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, part->begin));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, part->end));
	while ((got = mq_sq_step(sq, stmt, err)) == 1) {
		bool over = part->end - begin > max_count ||
		            (part->bytes > max_bytes && part->end - begin > 1) ||
		            sqlite3_column_int64(stmt, 1) < oldest;
		if (!over)
			break;
		part->bytes -= sqlite3_column_int64(stmt, 2);
		begin = mq_sq_row_offset(sqlite3_column_int64(stmt, 0)) + 1;
	}
	sqlite3_finalize(stmt);
	stmt = NULL;
	if (got < 0)
		goto out;
	if (begin == part->begin) {
		result = 0;
		goto out;
	}
	if (mq_sq_stream_stmt(sq, &stmt, stream->id, "DELETE FROM mq_%lld WHERE id>=? AND id<?",
	                      err) < 0)
		goto out;
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, part->begin));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(partition, begin));
	if (mq_sq_step(sq, stmt, err) < 0)
		goto out;
	part->begin = begin;
	if (mq_sq_part_save(sq, stream->id, partition, part, err) < 0 ||
	    mq_sq_run(sq, err, "DELETE FROM mq_blocks WHERE stream=? AND partition=? AND end<=?",
	              "iii", stream->id, (int64_t)partition, begin) < 0)
		goto out;
	result = 0;
out:
	sqlite3_finalize(stmt);
	return result;
}

int mq_sq_retain(struct mq_sq *sq, const struct mq_sq_stream *stream, struct mq_err *err)
{
	int32_t n = stream->n_partitions;
	int result = -1;

	if (stream->retention_ms < 0 && stream->max_bytes < 0 && stream->max_length < 0)
		return 0;
	struct load *loads = calloc((size_t)n, sizeof *loads);
	if (!loads)
		return mq_fail_memory(err);
	int64_t count = 0, bytes = 0;
	for (int32_t p = 0; p < n; p++) {
		int got = mq_sq_part_load(sq, stream->id, p, &loads[p].part, err);
		if (got <= 0) {
			result = got;
			goto out;
		}
		loads[p].count = loads[p].part.end - loads[p].part.begin;
		count += loads[p].count;
		bytes += loads[p].part.bytes;
	}
	bool by_count = stream->max_length >= 0 && count > stream->max_length;
	bool by_bytes = stream->max_bytes >= 0 && bytes > stream->max_bytes;
	int64_t max_count = by_count ? level_of(loads, n, stream->max_length, false) : INT64_MAX;
	int64_t max_bytes = by_bytes ? level_of(loads, n, stream->max_bytes, true) : INT64_MAX;
	int64_t oldest = stream->retention_ms < 0 ? INT64_MIN : mq_now_ms() - stream->retention_ms;
	for (int32_t p = 0; p < n; p++) {
		if (loads[p].count == 0)
			continue;
		if (loads[p].count <= max_count && loads[p].part.bytes <= max_bytes &&
		    oldest == INT64_MIN)
			continue;
		if (cut(sq, stream, p, &loads[p], max_count, max_bytes, oldest, err) < 0)
			goto out;
	}
	result = 0;
out:
	free(loads);
	return result;
}
