/*
 * The streams and partitions of a reader: which there are, where each begins and ends. Streams
 * that match a pattern may come later; any may be deleted while it is read.
 */
#include "backend/sqlite/reader.h"

#include <stdlib.h>

static const char rows_with_extra[] = "SELECT id, ts, key, payload, extra FROM mq_%lld"
                                      " WHERE id>=? AND id<? ORDER BY id LIMIT ?";
static const char rows_plain[] = "SELECT id, ts, key, payload FROM mq_%lld"
                                 " WHERE id>=? AND id<? ORDER BY id LIMIT ?";

/* --- where a partition begins and ends ------------------------------------------------------- */

static const struct mq_range *range_of(const struct mq_sq_reader *r, const char *stream,
                                       int32_t partition)
{
	for (size_t i = 0; i < r->n_ranges; i++)
		if (r->ranges[i].partition == partition && strcmp(r->ranges[i].stream, stream) == 0)
			return &r->ranges[i];
	return NULL;
}

static bool wants_partition(const struct mq_sq_reader *r, const char *stream, int32_t partition)
{
	if (r->n_ranges > 0)
		return range_of(r, stream, partition) != NULL;
	for (size_t i = 0; i < r->n_partitions; i++)
		if (r->partitions[i] == partition)
			return true;
	return r->n_partitions == 0;
}

static int place_start(struct mq_sq_reader *r, struct mq_sq_cursor *cursor,
                       const struct mq_sq_part *part, struct mq_err *err)
{
	struct mq_pos from = r->from;
	int64_t ts;

	/* A stream that appears later is read whole: it was not there when `end` was asked for. */
	bool late = r->opened && from.kind != MQ_POS_OFFSET && from.kind != MQ_POS_TIME;
	if (late || (from.kind == MQ_POS_STORED && r->group))
		from.kind = MQ_POS_BEGINNING;
	if (mq_sq_locate(&r->sq, cursor->source->stream.id, cursor->partition, part, &from,
	                 &cursor->next, &ts, err) < 0)
		return -1;
	return 0;
}

static int place_stop(struct mq_sq_reader *r, struct mq_sq_cursor *cursor,
                      const struct mq_sq_part *part, struct mq_err *err)
{
	int64_t ts;

	cursor->stop = INT64_MAX;
	if (r->to.kind == MQ_POS_UNSET || r->to.kind == MQ_POS_TIME)
		return 0;
	if (r->to.kind == MQ_POS_STORED && r->group) {
		int got = mq_sq_group_position(r, cursor, &cursor->stop, err);
		if (got == 0)
			cursor->stop = part->begin;
		return got < 0 ? -1 : 0;
	}
	return mq_sq_locate(&r->sq, cursor->source->stream.id, cursor->partition, part, &r->to,
	                    &cursor->stop, &ts, err);
}

/* Where a range begins and ends; a moment as its end is looked up once. */
static int place_range(struct mq_sq_reader *r, struct mq_sq_cursor *cursor,
                       const struct mq_sq_part *part, struct mq_err *err)
{
	int64_t stream = cursor->source->stream.id, ts;
	const struct mq_range *range = range_of(r, cursor->source->stream.name, cursor->partition);

	cursor->stop = INT64_MAX;
	if (mq_sq_locate(&r->sq, stream, cursor->partition, part, &range->from, &cursor->next, &ts,
	                 err) < 0)
		return -1;
	if (range->to.kind == MQ_POS_UNSET)
		return 0;
	return mq_sq_locate(&r->sq, stream, cursor->partition, part, &range->to, &cursor->stop, &ts,
	                    err);
}

static int place_cursor(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, struct mq_err *err)
{
	struct mq_sq_part part;
	int got = mq_sq_part_load(&r->sq, cursor->source->stream.id, cursor->partition, &part, err);

	if (got == 0)
		mq_fail(err, MQ_DATA, "%s: stream %s has lost its partition %d", r->sq.path,
		        cursor->source->stream.name, (int)cursor->partition);
	if (got <= 0)
		return -1;
	cursor->snapshot = r->opened ? 0 : part.end;
	cursor->held = r->group == NULL;
	int placed = r->n_ranges > 0                          ? place_range(r, cursor, &part, err)
	             : place_start(r, cursor, &part, err) < 0 ? -1
	                                                      : place_stop(r, cursor, &part, err);
	if (placed < 0)
		return -1;
	/* A stream that was not there at the snapshot ended at 0. */
	bool to_snapshot = r->stop_at_end || (r->opened && r->to.kind == MQ_POS_END);
	if (to_snapshot && cursor->stop > cursor->snapshot)
		cursor->stop = cursor->snapshot;
	cursor->committed = cursor->settled = cursor->next;
	return 0;
}

/* --- streams --------------------------------------------------------------------------------- */

static void free_source(struct mq_sq_source *source)
{
	if (!source)
		return;
	sqlite3_finalize(source->rows);
	mq_sq_stream_release(&source->stream);
	free(source->cursors);
	free(source);
}

void mq_sq_sources_free(struct mq_sq_reader *r)
{
	for (size_t i = 0; i < r->n_sources; i++)
		free_source(r->sources[i]);
	free(r->sources);
	r->sources = NULL;
	r->n_sources = 0;
}

static int check_ranges(struct mq_sq_reader *r, const struct mq_sq_source *source,
                        struct mq_err *err)
{
	for (size_t i = 0; i < r->n_ranges; i++)
		if (strcmp(r->ranges[i].stream, source->stream.name) == 0 &&
		    (r->ranges[i].partition < 0 ||
		     r->ranges[i].partition >= source->stream.n_partitions))
			return mq_fail(err, MQ_NOT_FOUND,
			               "%s has no partition %d; it has %d, from 0",
			               source->stream.name, (int)r->ranges[i].partition,
			               (int)source->stream.n_partitions);
	return 0;
}

/* Takes over what *stream owns. */
static int add_source(struct mq_sq_reader *r, struct mq_sq_stream *stream, bool by_pattern,
                      struct mq_err *err)
{
	struct mq_sq_source *source = calloc(1, sizeof *source);
	void **slot; /* the list holds pointers */

	if (!source)
		return mq_fail_memory(err);
	source->stream = *stream;
	*stream = (struct mq_sq_stream){0};
	source->name_len = strlen(source->stream.name);
	source->by_pattern = by_pattern;
	source->cursors = calloc((size_t)source->stream.n_partitions, sizeof *source->cursors);
	if (!source->cursors) {
		mq_fail_memory(err);
		goto fail;
	}
	bool extra = r->need & (MQ_NEED_HEADERS | MQ_NEED_PROPERTIES);
	if (mq_sq_stream_stmt(&r->sq, &source->rows, source->stream.id,
	                      extra ? rows_with_extra : rows_plain, err) < 0)
		goto fail;
	for (int32_t p = 0; p < source->stream.n_partitions; p++) {
		if (!wants_partition(r, source->stream.name, p))
			continue;
		struct mq_sq_cursor *cursor = &source->cursors[source->n_cursors++];
		cursor->source = source;
		cursor->partition = p;
		if (place_cursor(r, cursor, err) < 0)
			goto fail;
	}
	for (size_t i = 0; i < r->n_partitions; i++)
		if (!by_pattern &&
		    (r->partitions[i] < 0 || r->partitions[i] >= source->stream.n_partitions)) {
			mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d; it has %d, from 0",
			        source->stream.name, (int)r->partitions[i],
			        (int)source->stream.n_partitions);
			goto fail;
		}
	if (check_ranges(r, source, err) < 0)
		goto fail;
	slot = mq_info_grow(&r->sources, &r->n_sources, sizeof(void *), err);
	if (!slot)
		goto fail;
	*slot = source;
	return 0;
fail:
	free_source(source);
	return -1;
}

static bool has_source(const struct mq_sq_reader *r, int64_t id)
{
	for (size_t i = 0; i < r->n_sources; i++)
		if (r->sources[i]->stream.id == id)
			return true;
	return false;
}

/* Somebody gave the stream more partitions. No batch is lent now: cursors may move. */
static int add_partitions(struct mq_sq_reader *r, struct mq_sq_source *source, int32_t partitions,
                          bool *ret_changed, struct mq_err *err)
{
	struct mq_sq_cursor *cursors =
	    realloc(source->cursors, (size_t)partitions * sizeof *cursors);

	if (!cursors)
		return mq_fail_memory(err);
	source->cursors = cursors;
	for (int32_t p = source->stream.n_partitions; p < partitions; p++) {
		if (!wants_partition(r, source->stream.name, p))
			continue;
		struct mq_sq_cursor *cursor = &cursors[source->n_cursors];
		*cursor = (struct mq_sq_cursor){.source = source, .partition = p};
		if (place_cursor(r, cursor, err) < 0)
			return -1;
		source->n_cursors++;
		*ret_changed = true;
	}
	source->stream.n_partitions = partitions;
	return 0;
}

static int check_known(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err)
{
	for (size_t i = 0; i < r->n_sources; i++) {
		struct mq_sq_source *source = r->sources[i];
		int64_t partitions;
		if (source->gone)
			continue;
		int got = mq_sq_ints(&r->sq, err, "SELECT partitions FROM mq_streams WHERE id=?",
		                     &partitions, 1, "i", source->stream.id);
		if (got < 0)
			return -1;
		if (got == 1) {
			if (partitions > source->stream.n_partitions &&
			    add_partitions(r, source, (int32_t)partitions, ret_changed, err) < 0)
				return -1;
			continue;
		}
		if (!source->by_pattern)
			return mq_fail(err, MQ_NOT_FOUND,
			               "stream %s of %s was deleted while it was read",
			               source->stream.name, r->sq.path);
		source->gone = *ret_changed = true;
		mq_log(r->base.conn->env, MQ_LEVEL_WARN, "stream %s was deleted",
		       source->stream.name);
	}
	return 0;
}

static int add_matching(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err)
{
	struct mq_sq_stream *all;
	size_t n;
	int result = -1;

	if (mq_sq_stream_all(&r->sq, &all, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool matches = false;
		for (size_t p = 0; p < r->n_patterns && !matches; p++)
			matches = regexec(&r->patterns[p], all[i].name, 0, NULL, 0) == 0;
		if (!matches || has_source(r, all[i].id))
			continue;
		if (r->opened)
			mq_log(r->base.conn->env, MQ_LEVEL_VERBOSE, "stream %s is new",
			       all[i].name);
		*ret_changed = true;
		if (add_source(r, &all[i], true, err) < 0)
			goto out;
	}
	result = 0;
out:
	mq_sq_streams_free(all, n);
	return result;
}

int mq_sq_sources_update(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err)
{
	if (check_known(r, ret_changed, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_names && !r->opened; i++) {
		struct mq_sq_stream stream = {0};
		if (r->names[i][0] == '^')
			continue;
		int found = mq_sq_stream_find(&r->sq, r->names[i], &stream, err);
		if (found == 0)
			mq_sq_no_stream(&r->sq, r->names[i], err);
		if (found <= 0)
			return -1;
		*ret_changed = true;
		int result = has_source(r, stream.id) ? 0 : add_source(r, &stream, false, err);
		mq_sq_stream_release(&stream);
		if (result < 0)
			return -1;
	}
	return r->n_patterns ? add_matching(r, ret_changed, err) : 0;
}
