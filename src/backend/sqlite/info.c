/* What the store can tell: streams, partitions, groups. All from small tables; only first and last
 * timestamps touch messages. */
#include "backend/sqlite/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

/* --- one stream ------------------------------------------------------------------------------ */

static int64_t ts_at(struct mq_sq *sq, sqlite3_stmt *stmt, int32_t partition, int64_t offset,
                     struct mq_err *err)
{
	int64_t ts = MQ_NO_TIME;

	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, offset));
	if (mq_sq_step(sq, stmt, err) == 1) {
		ts = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return ts;
}

static int fill_partitions(struct mq_sq *sq, const struct mq_sq_stream *stream,
                           struct mq_stream_info *info, struct mq_err *err)
{
	sqlite3_stmt *stmt;
	int result = -1;

	if (mq_sq_stream_stmt(sq, &stmt, stream->id, "SELECT ts FROM mq_%lld WHERE id=?", err) < 0)
		return -1;
	info->messages = info->bytes = 0;
	for (int32_t p = 0; p < stream->n_partitions; p++) {
		struct mq_sq_part part;
		int got = mq_sq_part_load(sq, stream->id, p, &part, err);
		if (got == 0)
			mq_fail(err, MQ_DATA, "%s: stream %s has lost its partition %d", sq->path,
			        stream->name, (int)p);
		struct mq_partition_info *slot =
		    got == 1
		        ? mq_info_grow(&info->partitions, &info->n_partitions, sizeof *slot, err)
		        : NULL;
		if (!slot)
			goto out;
		*slot = (struct mq_partition_info){.partition = p,
		                                   .leader = -1,
		                                   .begin = part.begin,
		                                   .end = part.end,
		                                   .bytes = part.bytes};
		info->messages += part.end - part.begin;
		info->bytes += part.bytes;
		if (part.begin == part.end)
			continue;
		int64_t first = ts_at(sq, stmt, p, part.begin, err);
		int64_t last = ts_at(sq, stmt, p, part.end - 1, err);
		if (info->first_ts_ms == MQ_NO_TIME || first < info->first_ts_ms)
			info->first_ts_ms = first;
		if (last > info->last_ts_ms)
			info->last_ts_ms = last;
	}
	result = 0;
out:
	sqlite3_finalize(stmt);
	return result;
}

static int fill_config(const struct mq_sq_stream *stream, struct mq_stream_info *info,
                       struct mq_err *err)
{
	const struct {
		const char *name;
		int64_t value;
	} rows[] = {{"retention_ms", stream->retention_ms},
	            {"max_bytes", stream->max_bytes},
	            {"max_length", stream->max_length},
	            {"created_ms", stream->created_ms}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[32] = "unlimited";
		if (rows[i].value >= 0)
			snprintf(text, sizeof text, "%lld", (long long)rows[i].value);
		struct mq_config_entry *slot =
		    mq_info_grow(&info->config, &info->n_config, sizeof *slot, err);
		if (!slot)
			return -1;
		slot->name = strdup(rows[i].name);
		slot->value = strdup(text);
		slot->is_default = rows[i].value < 0;
		if (!slot->name || !slot->value)
			return mq_fail_memory(err);
	}
	return 0;
}

static int fill_groups(struct mq_sq *sq, const struct mq_sq_stream *stream,
                       struct mq_stream_info *info, struct mq_err *err)
{
	sqlite3_stmt *stmt = mq_sq_query(sq, err,
	                                 "SELECT grp, partition, next, updated_ms FROM mq_positions"
	                                 " WHERE stream=? ORDER BY grp, partition",
	                                 "i", stream->id);
	int got;

	if (!stmt)
		return -1;
	while ((got = mq_sq_step(sq, stmt, err)) == 1) {
		struct mq_group_position *slot =
		    mq_info_grow(&info->groups, &info->n_groups, sizeof *slot, err);
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		if (!slot || !name || !(slot->group = strdup(name))) {
			sqlite3_reset(stmt);
			return mq_fail_memory(err);
		}
		slot->partition = sqlite3_column_int(stmt, 1);
		slot->committed = sqlite3_column_int64(stmt, 2);
		slot->updated_ms = sqlite3_column_int64(stmt, 3);
		slot->lag = slot->pending = slot->oldest_idle_ms = -1;
		if (slot->partition < 0 || (size_t)slot->partition >= info->n_partitions)
			continue;
		const struct mq_partition_info *p = &info->partitions[slot->partition];
		/* What retention took away is nothing that waits to be read. */
		int64_t from = slot->committed > p->begin ? slot->committed : p->begin;
		slot->lag = from > p->end ? 0 : p->end - from;
	}
	return got;
}

static int fill(struct mq_sq *sq, const struct mq_sq_stream *stream, struct mq_stream_info *info,
                bool all, struct mq_err *err)
{
	info->name = strdup(stream->name);
	info->type = strdup("stream");
	if (!info->name || !info->type)
		return mq_fail_memory(err);
	if (fill_partitions(sq, stream, info, err) < 0)
		return -1;
	if (!all)
		return 0;
	if (fill_config(stream, info, err) < 0)
		return -1;
	return fill_groups(sq, stream, info, err);
}

/* --- the operations -------------------------------------------------------------------------- */

static int list_inside(struct mq_sq *sq, struct mq_stream_list *list, struct mq_err *err)
{
	struct mq_sq_stream *streams;
	size_t n;
	int result = -1;

	if (mq_sq_stream_all(sq, &streams, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct mq_stream_info *slot =
		    mq_info_grow(&list->items, &list->n, sizeof *slot, err);
		if (!slot)
			goto out;
		mq_stream_info_init(slot);
		if (fill(sq, &streams[i], slot, false, err) < 0)
			goto out;
	}
	result = 0;
out:
	mq_sq_streams_free(streams, n);
	return result;
}

int mq_sq_list(struct mq_sq *sq, bool deep, struct mq_stream_list *ret_list, struct mq_err *err)
{
	(void)deep; /* as cheap as without */
	*ret_list = (struct mq_stream_list){0};
	if (mq_sq_begin_read(sq, err) < 0)
		return -1;
	int result = list_inside(sq, ret_list, err);
	mq_sq_rollback(sq);
	if (result < 0)
		mq_stream_list_release(ret_list);
	return result;
}

int mq_sq_describe(struct mq_sq *sq, const char *name, struct mq_stream_info *ret_info,
                   struct mq_err *err)
{
	struct mq_sq_stream stream = {0};

	mq_stream_info_init(ret_info);
	if (mq_sq_begin_read(sq, err) < 0)
		return -1;
	int result = -1;
	int found = mq_sq_stream_find(sq, name, &stream, err);
	if (found == 0)
		mq_sq_no_stream(sq, name, err);
	if (found == 1)
		result = fill(sq, &stream, ret_info, true, err);
	mq_sq_rollback(sq);
	mq_sq_stream_release(&stream);
	if (result < 0)
		mq_stream_info_release(ret_info);
	return result;
}

int mq_sq_keeps(struct mq_sq *sq, const char *name, int64_t *ret_ms, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};

	if (mq_sq_begin_read(sq, err) < 0)
		return -1;
	int found = mq_sq_stream_find(sq, name, &stream, err);
	if (found == 1)
		*ret_ms = stream.retention_ms;
	mq_sq_rollback(sq);
	mq_sq_stream_release(&stream);
	return found < 0 ? -1 : 0;
}
