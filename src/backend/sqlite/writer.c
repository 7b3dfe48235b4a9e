/*
 * Producing into the local store: each batch offered is one transaction, confirmed when it is on
 * disk. Between batches no lock is held, except while --transactional keeps everything in one.
 */
#include "backend/sqlite/sqlite.h"

#include <stdlib.h>

#define BLOCK_MESSAGES 1024
/* One transaction takes no more than this, so that the log stays small. */
#define CHUNK_BYTES ((int64_t)32 << 20)
#define CHUNK_MESSAGES 16384
#define EXTRA_LIMIT 1000000000

struct part {
	struct mq_sq_part state;
	uint64_t chunk; /* state is that of this chunk's transaction */
	bool touched;
};

struct target {
	struct mq_sq_stream stream;
	size_t name_len;
	sqlite3_stmt *insert;
	struct part *parts;
	bool touched;
};

/* Where a message of the chunk went. */
struct fate {
	int64_t offset;
	int32_t partition;
	bool reported;
};

struct writer {
	struct mq_writer base;
	struct mq_sq sq;
	char *stream;
	bool transactional;
	bool begun; /* a transaction is open */
	bool broken;
	struct mq_err why_broken;
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
	struct target **targets;
	size_t n_targets;
	struct target *last;
	struct fate *fates;
	struct mq_buf extra;
	uint64_t chunk; /* number of the chunk, for what is cached; and for unkeyed messages */
	int64_t now_ms;
};

static const struct mq_env *env_of(struct writer *w)
{
	return w->base.conn->env;
}

/* --- streams --------------------------------------------------------------------------------- */

static void free_target(struct target *target)
{
	if (!target)
		return;
	sqlite3_finalize(target->insert);
	mq_sq_stream_release(&target->stream);
	free(target->parts);
	free(target);
}

static void forget_targets(struct writer *w)
{
	for (size_t i = 0; i < w->n_targets; i++)
		free_target(w->targets[i]);
	free(w->targets);
	w->targets = NULL;
	w->n_targets = 0;
	w->last = NULL;
}

static void forget_target(struct writer *w, struct target *target)
{
	for (size_t i = 0; i < w->n_targets; i++)
		if (w->targets[i] == target)
			w->targets[i] = w->targets[--w->n_targets];
	if (w->last == target)
		w->last = NULL;
	free_target(target);
}

/* Makes the stream unless it is there. 0, or -1. */
static int find_or_make(struct writer *w, const char *name, struct mq_sq_stream *ret,
                        struct mq_err *err)
{
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	int found = mq_sq_stream_find(&w->sq, name, ret, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	spec.stream = name;
	if (mq_sq_stream_make(&w->sq, &spec, err) < 0)
		return -1;
	mq_log(env_of(w), MQ_LEVEL_VERBOSE, "%s: made stream %s", w->sq.path, name);
	return mq_sq_stream_find(&w->sq, name, ret, err) == 1 ? 0 : -1;
}

static struct target *add_target(struct writer *w, struct mq_bytes name, struct mq_err *err)
{
	struct target *target = calloc(1, sizeof *target);
	char *text = strndup(name.data, name.len);
	struct target **slot;

	if (!target || !text) {
		mq_fail_memory(err);
		goto fail;
	}
	if (strlen(text) != name.len) {
		mq_fail(err, MQ_USAGE, "a stream's name has no NUL");
		goto fail;
	}
	if (find_or_make(w, text, &target->stream, err) < 0)
		goto fail;
	target->name_len = name.len;
	target->parts = calloc((size_t)target->stream.n_partitions, sizeof *target->parts);
	if (!target->parts) {
		mq_fail_memory(err);
		goto fail;
	}
	if (mq_sq_stream_stmt(&w->sq, &target->insert, target->stream.id,
	                      "INSERT INTO mq_%lld VALUES(?, ?, ?, ?, ?)", err) < 0)
		goto fail;
	slot = realloc(w->targets, (w->n_targets + 1) * sizeof(void *));
	if (!slot) {
		mq_fail_memory(err);
		goto fail;
	}
	w->targets = slot;
	w->targets[w->n_targets++] = target;
	free(text);
	return target;
fail:
	free(text);
	free_target(target);
	return NULL;
}

static bool is_target(const struct target *target, struct mq_bytes name)
{
	return target->name_len == name.len &&
	       memcmp(target->stream.name, name.data, name.len) == 0;
}

static struct target *target_of(struct writer *w, struct mq_bytes name, struct mq_err *err)
{
	if (!name.data)
		name = mq_bytes_str(w->stream);
	if (!name.data) {
		mq_fail(err, MQ_USAGE, "the message names no stream");
		return NULL;
	}
	if (w->last && is_target(w->last, name))
		return w->last;
	for (size_t i = 0; i < w->n_targets; i++)
		if (is_target(w->targets[i], name))
			return w->last = w->targets[i];
	return w->last = add_target(w, name, err);
}

/* --- partitions ------------------------------------------------------------------------------ */

/* The hash by which the Java producer spreads keys: equal keys go where they went on Kafka. */
static uint32_t murmur2(struct mq_bytes key)
{
	const unsigned char *data = (const unsigned char *)key.data;
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28c ^ (uint32_t)key.len;
	size_t left = key.len;

	for (; left >= 4; left -= 4, data += 4) {
		uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
		             (uint32_t)data[3] << 24;
		k *= m;
		k ^= k >> 24;
		k *= m;
		h *= m;
		h ^= k;
	}
	if (left >= 3)
		h ^= (uint32_t)data[2] << 16;
	if (left >= 2)
		h ^= (uint32_t)data[1] << 8;
	if (left >= 1) {
		h ^= data[0];
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

static int32_t partition_of(const struct writer *w, const struct target *target,
                            const struct mq_message *message, struct mq_err *err)
{
	uint32_t n = (uint32_t)target->stream.n_partitions;

	if (message->partition >= 0) {
		if ((uint32_t)message->partition < n)
			return message->partition;
		mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d; it has %u, from 0",
		        target->stream.name, (int)message->partition, n);
		return -1;
	}
	if (n == 1)
		return 0;
	if (message->key.data)
		return (int32_t)((murmur2(message->key) & 0x7fffffff) % n);
	return (int32_t)(w->chunk % n);
}

/* --- a chunk --------------------------------------------------------------------------------- */

enum result { STORED, REFUSED, FAILED }; /* the message's own fault; the chunk's */

static int bind_bytes(sqlite3_stmt *stmt, int at, struct mq_bytes bytes)
{
	if (!bytes.data)
		return sqlite3_bind_null(stmt, at);
	/* A zero length with a pointer is the empty blob, not null. */
	return sqlite3_bind_blob64(stmt, at, bytes.data, bytes.len, SQLITE_STATIC);
}

static int close_block(struct writer *w, struct target *target, int32_t partition,
                       struct mq_sq_part *state, struct mq_err *err)
{
	if (mq_sq_run(&w->sq, err, "INSERT INTO mq_blocks VALUES(?, ?, ?, ?, ?)", "iiiii",
	              target->stream.id, (int64_t)partition, state->open_first, state->end,
	              state->open_max) < 0)
		return -1;
	state->open_first = state->end;
	state->open_max = INT64_MIN;
	return 0;
}

static enum result insert(struct writer *w, struct target *target, int32_t partition,
                          const struct mq_message *message, struct fate *fate, struct mq_err *err)
{
	struct part *part = &target->parts[partition];
	struct mq_sq_part *state = &part->state;
	sqlite3_stmt *stmt = target->insert;
	int64_t ts = message->ts_ms == MQ_NO_TIME ? w->now_ms : message->ts_ms;
	struct mq_bytes extra = MQ_ABSENT;

	if (message->n_headers || message->properties) {
		if (mq_sq_extra_encode(message, &w->extra, err) < 0)
			return err->code == MQ_INTERNAL ? FAILED : REFUSED;
		extra = mq_bytes_of(w->extra.data, w->extra.len);
	}
	if (state->end - state->open_first >= BLOCK_MESSAGES &&
	    close_block(w, target, partition, state, err) < 0)
		return FAILED;
	int rc = sqlite3_bind_int64(stmt, 1, mq_sq_rowid(partition, state->end));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 2, ts);
	if (rc == SQLITE_OK)
		rc = bind_bytes(stmt, 3, message->key);
	if (rc == SQLITE_OK)
		rc = bind_bytes(stmt, 4, message->payload);
	if (rc == SQLITE_OK)
		rc = bind_bytes(stmt, 5, extra);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		sqlite3_reset(stmt);
	}
	if (rc != SQLITE_DONE) {
		mq_sq_fail(&w->sq, err, rc, "cannot write to %s", target->stream.name);
		return rc == SQLITE_TOOBIG ? REFUSED : FAILED;
	}
	*fate = (struct fate){state->end, partition, false};
	state->end++;
	state->bytes += (int64_t)(message->key.len + message->payload.len + extra.len);
	if (ts > state->open_max)
		state->open_max = ts;
	part->touched = target->touched = true;
	return STORED;
}

static enum result store_one(struct writer *w, const struct mq_message *message, struct fate *fate,
                             struct mq_err *err)
{
	for (int attempt = 0;; attempt++) {
		struct target *target = target_of(w, message->stream, err);
		if (!target)
			return err->code == MQ_USAGE ? REFUSED : FAILED;
		int32_t partition = partition_of(w, target, message, err);
		if (partition < 0)
			return REFUSED;
		struct part *part = &target->parts[partition];
		if (part->chunk == w->chunk)
			return insert(w, target, partition, message, fate, err);
		int got = mq_sq_part_load(&w->sq, target->stream.id, partition, &part->state, err);
		if (got < 0)
			return FAILED;
		if (got == 1) {
			part->chunk = w->chunk;
			part->touched = false;
			return insert(w, target, partition, message, fate, err);
		}
		/* Another process deleted the stream meanwhile: this message makes it anew. */
		forget_target(w, target);
		if (attempt > 0) {
			mq_fail(err, MQ_DATA, "%s: a stream without partitions", w->sq.path);
			return FAILED;
		}
	}
}

/* Removes what limits no longer keep. They are looked up again: somebody may have altered them. */
static int retain(struct writer *w, const struct target *target, struct mq_err *err)
{
	struct mq_sq_stream now = {0};
	int found = mq_sq_stream_find(&w->sq, target->stream.name, &now, err);
	int result = found == 1 ? mq_sq_retain(&w->sq, &now, err) : found;

	mq_sq_stream_release(&now);
	return result;
}

/* Writes back what the chunk changed. */
static int finish_chunk(struct writer *w, struct mq_err *err)
{
	for (size_t i = 0; i < w->n_targets; i++) {
		struct target *target = w->targets[i];
		if (!target->touched)
			continue;
		target->touched = false;
		for (int32_t p = 0; p < target->stream.n_partitions; p++) {
			struct part *part = &target->parts[p];
			if (!part->touched)
				continue;
			part->touched = false;
			if (mq_sq_part_save(&w->sq, target->stream.id, p, &part->state, err) < 0)
				return -1;
		}
		if (retain(w, target, err) < 0)
			return -1;
	}
	return 0;
}

static void report(struct writer *w, const struct mq_message *message, const struct fate *fate,
                   const struct mq_err *err, bool maybe_stored)
{
	struct mq_delivery delivery = {
	    .tag = message->tag,
	    .partition = err ? MQ_NO_PARTITION : fate->partition,
	    .offset = err ? MQ_NO_OFFSET : fate->offset,
	    .err = err,
	    .maybe_stored = maybe_stored,
	    .message = err ? message : NULL,
	};

	w->delivered(w->ctx, &delivery);
}

static void write_chunk(struct writer *w, const struct mq_message *messages, size_t n)
{
	struct mq_err err = MQ_ERR_INIT;
	bool at_commit = false;
	size_t i = 0;

	w->chunk++;
	w->now_ms = mq_now_ms();
	memset(w->fates, 0, n * sizeof *w->fates);
	if (!w->begun) {
		if (mq_sq_begin(&w->sq, &err) < 0)
			goto fail;
		w->begun = true;
	}
	for (; i < n; i++) {
		enum result result = store_one(w, &messages[i], &w->fates[i], &err);
		if (result == FAILED)
			goto fail;
		if (result == REFUSED) {
			report(w, &messages[i], &w->fates[i], &err, false);
			w->fates[i].reported = true;
			mq_err_clear(&err);
		}
	}
	if (finish_chunk(w, &err) < 0)
		goto fail;
	if (!w->transactional) {
		at_commit = true;
		w->begun = false;
		if (mq_sq_commit_messages(&w->sq, &err) < 0)
			goto fail;
	}
	for (i = 0; i < n; i++)
		if (!w->fates[i].reported)
			report(w, &messages[i], &w->fates[i], NULL, false);
	return;
fail:
	mq_sq_rollback(&w->sq);
	w->begun = false;
	/* Streams that this transaction made are gone again. */
	forget_targets(w);
	/* Room may come back, so a full disk does not end the writer; a lost transaction does. */
	if (!err.retriable || err.code != MQ_IO || w->transactional) {
		w->broken = true;
		w->why_broken = err;
	}
	for (i = 0; i < n; i++)
		if (!w->fates[i].reported)
			report(w, &messages[i], &w->fates[i], &err, at_commit && !err.retriable);
}

int64_t mq_sq_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                    struct mq_err *err)
{
	struct writer *w = (struct writer *)writer;
	size_t done = 0;

	while (done < n) {
		if (w->broken) {
			if (done > 0)
				break;
			*err = w->why_broken;
			return -1;
		}
		size_t end = done;
		int64_t bytes = 0;
		while (end < n && end - done < CHUNK_MESSAGES && bytes < CHUNK_BYTES) {
			bytes += (int64_t)(messages[end].key.len + messages[end].payload.len);
			end++;
		}
		write_chunk(w, messages + done, end - done);
		done = end;
	}
	return (int64_t)done;
}

/* --- the rest of a writer's life ------------------------------------------------------------- */

int64_t mq_sq_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	(void)writer, (void)timeout_ms, (void)err;
	return 0; /* write has answered everything */
}

int mq_sq_writer_fd(struct mq_writer *writer)
{
	(void)writer;
	return -1;
}

int mq_sq_writer_commit(struct mq_writer *writer, struct mq_err *err)
{
	struct writer *w = (struct writer *)writer;

	if (w->broken) {
		*err = w->why_broken;
		return -1;
	}
	if (!w->begun)
		return 0;
	w->begun = false;
	if (mq_sq_commit_messages(&w->sq, err) == 0)
		return 0;
	forget_targets(w);
	return -1;
}

int mq_sq_writer_abort(struct mq_writer *writer, struct mq_err *err)
{
	struct writer *w = (struct writer *)writer;

	(void)err;
	mq_sq_rollback(&w->sq);
	w->begun = false;
	forget_targets(w);
	return 0;
}

void mq_sq_writer_close(struct mq_writer *writer)
{
	struct writer *w = (struct writer *)writer;

	if (!w)
		return;
	forget_targets(w);
	mq_sq_close(&w->sq);
	mq_buf_release(&w->extra);
	free(w->fates);
	free(w->stream);
	free(w);
}

/* The stream is made when that was asked for; else its first message makes it, with one partition.
 */
static int look_at_stream(struct writer *w, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	int found = mq_sq_stream_find(&w->sq, w->stream, &stream, err);

	w->base.partitions = found == 1 ? stream.n_partitions : 1;
	mq_sq_stream_release(&stream);
	/* A name that cannot be is the address's fault, not that of each record. */
	return found < 0 || (found == 0 && mq_sq_stream_check_name(w->stream, err) < 0) ? -1 : 0;
}

static int make_now(struct writer *w, struct mq_err *err)
{
	struct mq_sq_stream stream = {0};

	if (mq_sq_begin(&w->sq, err) < 0)
		return -1;
	if (find_or_make(w, w->stream, &stream, err) < 0) {
		mq_sq_rollback(&w->sq);
		return -1;
	}
	mq_sq_stream_release(&stream);
	return mq_sq_commit(&w->sq, err);
}

int mq_sq_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                      struct mq_writer **ret_writer, struct mq_err *err)
{
	struct mq_sq_conn *c = (struct mq_sq_conn *)conn;
	struct writer *w = calloc(1, sizeof *w);

	if (!w)
		return mq_fail_memory(err);
	w->base.conn = conn;
	w->transactional = spec->transactional;
	w->delivered = spec->delivered;
	w->ctx = spec->ctx;
	mq_buf_init(&w->extra, EXTRA_LIMIT);
	w->fates = calloc(CHUNK_MESSAGES, sizeof *w->fates);
	w->stream = spec->stream ? strdup(spec->stream) : NULL;
	if (!w->fates || (spec->stream && !w->stream)) {
		mq_fail_memory(err);
		goto fail;
	}
	if (mq_sq_open(&w->sq, &c->place, conn->env, true, err) < 0)
		goto fail;
	w->sq.patient = true;
	if (spec->create && w->stream && make_now(w, err) < 0)
		goto fail;
	w->base.partitions = -1;
	if (w->stream && look_at_stream(w, err) < 0)
		goto fail;
	*ret_writer = &w->base;
	return 0;
fail:
	mq_sq_writer_close(&w->base);
	return -1;
}
