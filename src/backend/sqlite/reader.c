/*
 * Reading from the local store: a look at every partition in one snapshot, then waiting for
 * another process to commit. Messages are copied into one arena that the batch lends out, so no
 * snapshot is held while the caller works and the log can be written back.
 */
#include "backend/sqlite/reader.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)2 << 20)
#define ARENA_KEEP ((size_t)8 << 20) /* a larger one, for a large message, is not kept */
#define ALIGN _Alignof(max_align_t)

static const struct mq_env *env_of(const struct mq_sq_reader *r)
{
	return r->base.conn->env;
}

/* --- opening and closing --------------------------------------------------------------------- */

/* Ranges, and each stream once among the names. */
static int copy_ranges(struct mq_sq_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	r->names = calloc(spec->n_ranges, sizeof *r->names);
	r->ranges = calloc(spec->n_ranges, sizeof *r->ranges);
	if (!r->names || !r->ranges)
		return mq_fail_memory(err);
	/* What is not TIME or UNSET: ended as soon as every range is. */
	r->to = (struct mq_pos){.kind = MQ_POS_OFFSET, .number = INT64_MAX};
	r->to_ts = INT64_MAX;
	for (size_t i = 0; i < spec->n_ranges; i++) {
		const struct mq_range *range = &spec->ranges[i];
		char *name = NULL;
		for (size_t k = r->n_names; k > 0 && !name; k--)
			if (strcmp(r->names[k - 1], range->stream) == 0)
				name = r->names[k - 1];
		if (!name) {
			name = strdup(range->stream);
			if (!name)
				return mq_fail_memory(err);
			r->names[r->n_names++] = name;
		}
		r->ranges[r->n_ranges] = *range;
		r->ranges[r->n_ranges++].stream = name;
	}
	return 0;
}

static int copy_spec(struct mq_sq_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	r->from = spec->from;
	r->from_always = spec->from_always && spec->from.kind != MQ_POS_UNSET;
	r->to = spec->to;
	r->to_ts = spec->to.kind == MQ_POS_TIME ? spec->to.number : INT64_MAX;
	r->need = spec->need;
	r->stop_at_end = spec->stop_at_end;
	if (spec->n_ranges > 0)
		return copy_ranges(r, spec, err);
	r->names = calloc(spec->n_streams + 1, sizeof *r->names);
	r->patterns = calloc(spec->n_streams + 1, sizeof *r->patterns);
	r->partitions = calloc(spec->n_partitions + 1, sizeof *r->partitions);
	if (!r->names || !r->patterns || !r->partitions)
		return mq_fail_memory(err);
	for (size_t i = 0; i < spec->n_partitions; i++)
		r->partitions[r->n_partitions++] = spec->partitions[i];
	for (size_t i = 0; i < spec->n_streams; i++) {
		char *name = r->names[i] = strdup(spec->streams[i]);
		if (!name)
			return mq_fail_memory(err);
		r->n_names++;
		if (name[0] != '^')
			continue;
		int rc = regcomp(&r->patterns[r->n_patterns], name, REG_EXTENDED | REG_NOSUB);
		if (rc != 0) {
			char why[200];
			regerror(rc, &r->patterns[r->n_patterns], why, sizeof why);
			return mq_fail(err, MQ_USAGE, "%s is no regular expression: %s", name, why);
		}
		r->n_patterns++;
	}
	if (spec->group && !(r->group = strdup(spec->group)))
		return mq_fail_memory(err);
	if (spec->member && !(r->member_name = strdup(spec->member)))
		return mq_fail_memory(err);
	return 0;
}

/* How many messages lie between the start and the end of what is ours to read. */
static int count_expected(struct mq_sq_reader *r, struct mq_err *err)
{
	r->base.expected = 0;
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors; c++) {
			const struct mq_sq_cursor *cursor = &r->sources[i]->cursors[c];
			int64_t end = cursor->snapshot, ts;
			if (!cursor->held)
				continue;
			if (r->to_ts != INT64_MAX &&
			    mq_sq_locate_time(&r->sq, r->sources[i]->stream.id, cursor->partition,
			                      r->to_ts, &end, &ts, err) < 0)
				return -1;
			if (end > cursor->stop)
				end = cursor->stop;
			if (end > cursor->next)
				r->base.expected += end - cursor->next;
		}
	return 0;
}

static int begin_reading(struct mq_sq_reader *r, struct mq_err *err)
{
	bool changed = false;

	if (mq_sq_begin_read(&r->sq, err) < 0)
		return -1;
	if (mq_sq_ints(&r->sq, err, "PRAGMA schema_version", &r->schema, 1, "") < 0 ||
	    mq_sq_sources_update(r, &changed, err) < 0) {
		mq_sq_rollback(&r->sq);
		return -1;
	}
	if (mq_sq_commit(&r->sq, err) < 0)
		return -1;
	r->opened = true;
	if (r->group && mq_sq_group_join(r, err) < 0)
		return -1;
	return count_expected(r, err);
}

int mq_sq_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                      struct mq_reader **ret_reader, struct mq_err *err)
{
	struct mq_sq_conn *c = (struct mq_sq_conn *)conn;
	struct mq_sq_reader *r = calloc(1, sizeof *r);

	if (!r)
		return mq_fail_memory(err);
	r->base.conn = conn;
	r->watch.fd = r->watch.timer = r->watch.notify = -1;
	if (copy_spec(r, spec, err) < 0)
		goto fail;
	if (spec->from.kind == MQ_POS_STORED && !spec->group) {
		mq_fail(err, MQ_USAGE, "a stored position needs a group");
		mq_hint(err, "add --group NAME");
		goto fail;
	}
	if (mq_sq_open(&r->sq, &c->place, conn->env, false, err) < 0)
		goto fail;
	if (r->group && !r->sq.writable) {
		mq_sq_fail(&r->sq, err, SQLITE_READONLY, "cannot keep the positions of group %s",
		           r->group);
		goto fail;
	}
	r->arena_cap = ARENA_BYTES;
	r->arena = malloc(r->arena_cap);
	if (!r->arena) {
		mq_fail_memory(err);
		goto fail;
	}
	if (begin_reading(r, err) < 0)
		goto fail;
	mq_sq_watch_init(&r->watch, &r->sq);
	*ret_reader = &r->base;
	return 0;
fail:
	mq_sq_reader_close(&r->base);
	return -1;
}

void mq_sq_reader_close(struct mq_reader *reader)
{
	struct mq_sq_reader *r = (struct mq_sq_reader *)reader;
	struct mq_err err = MQ_ERR_INIT;

	if (!r)
		return;
	if (r->member) {
		r->sq.patient = true;
		if (mq_sq_group_leave(r, &err) < 0)
			mq_log(env_of(r), MQ_LEVEL_WARN, "group %s: cannot leave: %s", r->group,
			       err.message);
	}
	mq_sq_watch_release(&r->watch);
	mq_sq_sources_free(r);
	mq_sq_close(&r->sq);
	for (size_t i = 0; r->names && i < r->n_names; i++)
		free(r->names[i]);
	for (size_t i = 0; i < r->n_patterns; i++)
		regfree(&r->patterns[i]);
	free(r->names);
	free(r->patterns);
	free(r->ranges);
	free(r->partitions);
	free(r->messages);
	free(r->arena);
	free(r->group);
	free(r->member_name);
	free(r);
}

/* --- rows into messages ---------------------------------------------------------------------- */

/* Room in the arena; NULL when the batch is full (or, with err set, memory is). */
static char *room_for(struct mq_sq_reader *r, size_t need, struct mq_err *err)
{
	size_t at = (r->arena_len + ALIGN - 1) & ~(ALIGN - 1);

	if (need > r->arena_cap - at || at > r->arena_cap) {
		if (r->n_messages > 0)
			return NULL;
		char *larger = malloc(need);
		if (!larger) {
			mq_fail_memory(err);
			return NULL;
		}
		free(r->arena);
		r->arena = larger;
		r->arena_cap = need;
		at = 0;
	}
	r->arena_len = at + need;
	return r->arena + at;
}

static struct mq_bytes copy_column(sqlite3_stmt *stmt, int column, char **at)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return MQ_ABSENT;
	const void *data = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);
	struct mq_bytes bytes = mq_bytes_of(*at, len);
	if (len)
		memcpy(*at, data, len);
	*at += len;
	return bytes;
}

/* 1: taken; 0: the batch is full; -1. */
static int take_row(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, int64_t offset, int64_t ts,
                    struct mq_err *err)
{
	sqlite3_stmt *stmt = cursor->source->rows;
	bool with_extra = r->need & (MQ_NEED_HEADERS | MQ_NEED_PROPERTIES);
	size_t extra = 0, decoded = 0;

	if (with_extra && sqlite3_column_type(stmt, 4) != SQLITE_NULL) {
		const void *data = sqlite3_column_blob(stmt, 4);
		extra = (size_t)sqlite3_column_bytes(stmt, 4);
		int64_t room = mq_sq_extra_room(data, extra);
		if (room < 0)
			return mq_fail(err, MQ_DATA, "%s: the headers of %s[%d] %lld are damaged",
			               r->sq.path, cursor->source->stream.name,
			               (int)cursor->partition, (long long)offset);
		decoded = (size_t)room;
	}
	/* Blob before bytes: the other order may convert. One byte more, so that an empty value at
	 * the arena's end has an address inside. */
	(void)sqlite3_column_blob(stmt, 2);
	(void)sqlite3_column_blob(stmt, 3);
	size_t need = decoded + (size_t)sqlite3_column_bytes(stmt, 2) +
	              (size_t)sqlite3_column_bytes(stmt, 3) + extra + 1;
	char *at = room_for(r, need, err);
	if (!at)
		return err->code == MQ_OK ? 0 : -1;
	struct mq_message *message = &r->messages[r->n_messages];
	void *decode_to = at;
	at += decoded;
	*message = (struct mq_message){
	    .stream = mq_bytes_of(cursor->source->stream.name, cursor->source->name_len),
	    .key = copy_column(stmt, 2, &at),
	    .payload = copy_column(stmt, 3, &at),
	    .offset = offset,
	    .ts_ms = ts,
	    .partition = cursor->partition,
	    .ts_type = MQ_TS_CREATE,
	    .broker = -1,
	    .owner = cursor,
	};
	if (extra) {
		struct mq_bytes copy = copy_column(stmt, 4, &at);
		mq_sq_extra_decode(copy.data, copy.len, decode_to, message);
	}
	r->n_messages++;
	return 1;
}

/* Messages that were to be read up to this one are gone. */
static void note_gap(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor, int64_t to)
{
	int64_t end = to < cursor->stop ? to : cursor->stop;

	r->base.missed += end - cursor->next;
	mq_log(env_of(r), MQ_LEVEL_WARN,
	       "%s[%d]: messages %lld to %lld no longer exist (retention); going on with %lld",
	       cursor->source->stream.name, (int)cursor->partition, (long long)cursor->next,
	       (long long)(end - 1), (long long)to);
}

static bool may_read(const struct mq_sq_cursor *cursor)
{
	return cursor->held && !cursor->leaving && !cursor->ended && cursor->next < cursor->stop;
}

/* Appends up to max messages of a partition to the batch. 1: there may be more; 0: no; -1. */
static int read_cursor(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, size_t max,
                       struct mq_err *err)
{
	sqlite3_stmt *stmt = cursor->source->rows;
	int64_t top = mq_sq_rowid(cursor->partition + 1, 0);
	size_t n = 0;
	int got, result = 0;

	/* The bounds stay inside the partition, whatever numbers were asked for. */
	int64_t low = cursor->next < 0 ? 0 : cursor->next;
	if (low >= (int64_t)1 << MQ_SQ_OFFSET_BITS)
		return 0;
	if (cursor->stop < (int64_t)1 << MQ_SQ_OFFSET_BITS)
		top = mq_sq_rowid(cursor->partition, cursor->stop);
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(cursor->partition, low));
	sqlite3_bind_int64(stmt, 2, top);
	sqlite3_bind_int64(stmt, 3, (int64_t)max);
	while ((got = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t offset = mq_sq_row_offset(sqlite3_column_int64(stmt, 0));
		int64_t ts = sqlite3_column_int64(stmt, 1);
		if (offset != cursor->next) {
			note_gap(r, cursor, offset);
			cursor->next = offset;
		}
		if (r->to_ts != INT64_MAX && ts >= r->to_ts) {
			cursor->ended = true;
			break;
		}
		int taken = take_row(r, cursor, offset, ts, err);
		if (taken < 0)
			result = -1;
		if (taken <= 0)
			break;
		cursor->next = offset + 1;
		n++;
	}
	if (got != SQLITE_ROW && got != SQLITE_DONE)
		result =
		    mq_sq_fail(&r->sq, err, got, "cannot read %s", cursor->source->stream.name);
	sqlite3_reset(stmt);
	if (result == 0 && n == 0 && got == SQLITE_DONE) {
		/* Nothing there: perhaps all of it was removed. */
		struct mq_sq_part part;
		int found = mq_sq_part_load(&r->sq, cursor->source->stream.id, cursor->partition,
		                            &part, err);
		if (found < 0)
			return -1;
		if (found && part.begin > cursor->next) {
			note_gap(r, cursor, part.begin);
			cursor->next = part.begin;
		}
	}
	return result < 0 ? -1 : n == max || got == SQLITE_ROW;
}

/* --- a look ---------------------------------------------------------------------------------- */

/* One pass over all partitions, beginning with another stream each time. share: no partition gives
 * more than its part of max. */
static int read_pass(struct mq_sq_reader *r, size_t max, bool share, bool *ret_more,
                     struct mq_err *err)
{
	size_t readable = 0;

	*ret_more = false;
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; !r->sources[i]->gone && c < r->sources[i]->n_cursors; c++)
			readable += may_read(&r->sources[i]->cursors[c]);
	if (readable == 0)
		return 0;
	size_t part = share ? (max + readable - 1) / readable : max;
	for (size_t i = 0; i < r->n_sources; i++) {
		struct mq_sq_source *source = r->sources[(r->turn + i) % r->n_sources];
		for (size_t c = 0; !source->gone && c < source->n_cursors; c++) {
			size_t left = max - r->n_messages;
			if (!may_read(&source->cursors[c]))
				continue;
			if (left == 0)
				return 0;
			int more =
			    read_cursor(r, &source->cursors[c], part < left ? part : left, err);
			if (more < 0)
				return -1;
			*ret_more = *ret_more || more;
		}
	}
	return 0;
}

/* What everybody has read of a partition: by us, or by the group. */
static int progress_of(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor, int64_t *ret,
                       struct mq_err *err)
{
	*ret = cursor->next;
	if (cursor->held && !cursor->leaving)
		return 0;
	int got = mq_sq_group_position(r, cursor, ret, err);
	if (got == 0)
		*ret = cursor->next;
	return got < 0 ? -1 : 0;
}

static int look_at_ends(struct mq_sq_reader *r, struct mq_err *err)
{
	bool caught_up = true;
	bool ended = r->to.kind != MQ_POS_UNSET;
	bool time_over = r->to_ts != INT64_MAX && mq_now_ms() >= r->to_ts;

	for (size_t i = 0; i < r->n_sources; i++) {
		struct mq_sq_source *source = r->sources[i];
		for (size_t c = 0; !source->gone && c < source->n_cursors; c++) {
			struct mq_sq_cursor *cursor = &source->cursors[c];
			int64_t at;
			if (progress_of(r, cursor, &at, err) < 0)
				return -1;
			/* Nothing more to read and the moment has passed: later messages are out
			 * as well. */
			if (time_over && at >= cursor->snapshot && r->n_messages == 0)
				cursor->ended = true;
			bool over = cursor->ended || at >= cursor->stop;
			caught_up = caught_up && (over || at >= cursor->snapshot);
			ended = ended && over;
		}
	}
	r->caught_up = r->caught_up || caught_up;
	r->ended = r->ended || ended;
	return 0;
}

static int look_inside(struct mq_sq_reader *r, size_t max, struct mq_err *err)
{
	int64_t schema;
	bool more;

	if (mq_sq_ints(&r->sq, err, "PRAGMA schema_version", &schema, 1, "") < 0)
		return -1;
	if (schema != r->schema) {
		bool changed = false;
		if (mq_sq_sources_update(r, &changed, err) < 0)
			return -1;
		r->schema = schema;
		if (changed && r->group)
			mq_sq_group_stale(r);
	}
	if (read_pass(r, max, true, &more, err) < 0)
		return -1;
	if (more && r->n_messages < max / 2 && read_pass(r, max, false, &more, err) < 0)
		return -1;
	if (r->n_sources)
		r->turn = (r->turn + 1) % r->n_sources;
	if (r->caught_up && (r->ended || r->to.kind == MQ_POS_UNSET))
		return 0;
	return look_at_ends(r, err);
}

/* Everything there is now, of one moment. */
static int look(struct mq_sq_reader *r, size_t max, struct mq_err *err)
{
	if (mq_sq_begin_read(&r->sq, err) < 0)
		return -1;
	if (look_inside(r, max, err) < 0) {
		mq_sq_rollback(&r->sq);
		return -1;
	}
	return mq_sq_commit(&r->sq, err);
}

/* What a reader survives: another process holds the lock for long. */
static int survive(struct mq_sq_reader *r, int result, struct mq_err *err)
{
	if (result == 0 || (err->code != MQ_UNREACHABLE && err->code != MQ_CANCELLED))
		return result;
	if (err->code == MQ_UNREACHABLE)
		mq_log(env_of(r), MQ_LEVEL_WARN, "group %s: %s", r->group, err->message);
	mq_err_clear(err);
	return 0;
}

static int ensure_room(struct mq_sq_reader *r, size_t max, struct mq_err *err)
{
	if (max <= r->room_messages)
		return 0;
	free(r->messages);
	r->room_messages = 0;
	r->messages = malloc(max * sizeof *r->messages);
	if (!r->messages)
		return mq_fail_memory(err);
	r->room_messages = max;
	return 0;
}

int mq_sq_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                struct mq_err *err)
{
	struct mq_sq_reader *r = (struct mq_sq_reader *)reader;
	int64_t deadline = mq_now_monotonic_ms() + timeout_ms;
	bool was_caught_up = r->caught_up, was_ended = r->ended;

	if (ensure_room(r, max, err) < 0)
		return -1;
	r->n_messages = 0;
	r->arena_len = 0;
	for (;;) {
		mq_sq_watch_drain(&r->watch);
		if (r->group && survive(r, mq_sq_group_tend(r, err), err) < 0)
			return -1;
		if (look(r, max, err) < 0)
			return -1;
		mq_sq_watch_arm(&r->watch, r->n_messages > 0);
		if (r->n_messages > 0 || r->caught_up != was_caught_up || r->ended != was_ended)
			break;
		/* Others of the group may wait to hear how far we are. Who does not wait here
		 * commits when it likes: a look between two messages must not cost a write to the
		 * disk. */
		if (r->group && timeout_ms != 0 && survive(r, mq_sq_group_commit(r, err), err) < 0)
			return -1;
		int64_t left = timeout_ms < 0 ? -1 : deadline - mq_now_monotonic_ms();
		if ((timeout_ms >= 0 && left <= 0) || mq_cancel_signal(env_of(r)->cancel) ||
		    !mq_sq_watch_wait(&r->watch, env_of(r)->cancel, (int)left))
			break;
	}
	*ret_batch = (struct mq_batch){.messages = r->messages,
	                               .n = r->n_messages,
	                               .caught_up = r->caught_up,
	                               .ended = r->ended};
	return 0;
}

void mq_sq_release(struct mq_reader *reader, struct mq_batch *batch)
{
	struct mq_sq_reader *r = (struct mq_sq_reader *)reader;

	*batch = (struct mq_batch){0};
	r->n_messages = 0;
	if (r->arena_cap <= ARENA_KEEP)
		return;
	char *usual = malloc(ARENA_BYTES);
	if (!usual)
		return;
	free(r->arena);
	r->arena = usual;
	r->arena_cap = ARENA_BYTES;
}

/* --- positions ------------------------------------------------------------------------------- */

int mq_sq_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                 struct mq_err *err)
{
	(void)reader, (void)err;
	for (size_t i = 0; i < n; i++) {
		struct mq_sq_cursor *cursor = messages[i].owner;
		/* Never back: the partition may have been away and come again meanwhile. */
		if (cursor->held && messages[i].offset >= cursor->settled)
			cursor->settled = messages[i].offset + 1;
	}
	return 0;
}

int mq_sq_reader_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	struct mq_sq_reader *r = (struct mq_sq_reader *)reader;

	(void)wait; /* on disk when it returns, either way */
	if (!r->group)
		return 0;
	r->sq.patient = true; /* what was read is remembered, signal or not */
	int result = mq_sq_group_commit(r, err);
	r->sq.patient = false;
	return result;
}

int mq_sq_reader_fd(struct mq_reader *reader)
{
	return ((struct mq_sq_reader *)reader)->watch.fd;
}
