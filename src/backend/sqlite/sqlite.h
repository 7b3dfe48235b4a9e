/*
 * Inside the local store: what its files share. Nothing outside src/backend/sqlite includes this.
 *
 *   store.c      opening a file, locks, statements, what SQLite's errors mean
 *   schema.c     the tables, their creation, and the check that a file is ours
 *   stream.c     streams and their partitions: find, make, remove
 *   extra.c      headers and properties as one column
 *   writer.c     producing;  retention.c: removing what a stream no longer keeps, and trim
 *   place.c      positions: by time, from the end, stored
 *   reader.c     reading;  cursor.c: its partitions;  group.c: sharing them;  watch.c: waiting
 *   groups.c     groups from outside: where they stand, moving them;  alive.c: who lives
 *   info.c       what there is to tell
 *   sqlite.c     the descriptor and the connection
 *
 * How messages lie in the file, and why. A stream is one table, a message one row, its rowid the
 * partition and the offset in one number. So appending is an append to a B-tree, reading is a walk
 * along it, and anybody can look at messages with SQL (each stream has a view, stream_NAME).
 * Measured with 100-byte messages and 16 KiB pages on two shared cores: 1.0 us to write one, 0.25
 * us to read one. Many messages in one row would be three times as fast, but it would make
 * retention, gaps and looking inside hard, and 1,000,000 messages a second are enough.
 *
 * Time is found by a sparse index: for every 1,024 messages in a row the latest timestamp among
 * them. The first message at or after a moment is in the first such block whose latest time is not
 * before it; that holds for timestamps in any order. A full index would double the cost of a write.
 *
 * Confirmed means on disk: WAL with synchronous=FULL, one transaction for each batch written. A
 * power cut loses nothing confirmed; synchronous=normal trades that for speed with small batches
 * (kill -9 still loses nothing).
 */
#ifndef MQ_SQLITE_H
#define MQ_SQLITE_H

#include "mqtk/backend.h"

#include <sqlite3.h>

/* --- store.c --------------------------------------------------------------------------------- */

#define MQ_SQ_STATEMENTS 64

/* One SQLite handle. Every reader and writer has its own, so that a transaction of one does not
 * show in another. */
struct mq_sq {
	sqlite3 *db;
	const struct mq_env *env;
	char *path;
	const char *profile; /* whose store it is, for hints; NULL: the file's own address */
	bool writable;
	bool immutable; /* opened as a file that nobody changes */
	bool full;      /* so, because the disk has no room for the log beside it */
	bool patient;   /* waits for locks although cancelled: what was taken is saved */
	int64_t busy_deadline;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[MQ_SQ_STATEMENTS];
	size_t n_cache;
};

/* What a connection knows about its file. */
struct mq_sq_place {
	char *path;
	char *profile;    /* by which it was named, or NULL */
	bool normal_sync; /* -X synchronous=normal */
};

/* Opens for reading (MQ_NOT_FOUND when there is no store) or for writing (makes the file, its
 * folders and the tables). */
int mq_sq_open(struct mq_sq *ret_sq, const struct mq_sq_place *place, const struct mq_env *env,
               bool write, struct mq_err *err);
void mq_sq_close(struct mq_sq *sq);

/* Fills err from what SQLite said last. what: "cannot read stream orders"; the file's name is put
 * before it. Returns -1. */
int mq_sq_fail(struct mq_sq *sq, struct mq_err *err, int rc, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* A statement that is kept and used again. sql is a literal: its address is the key. */
sqlite3_stmt *mq_sq_stmt(struct mq_sq *sq, const char *sql, struct mq_err *err);

/* Runs a statement to its end. types: i int64_t, s const char * (NULL is null), one for each ?. */
int mq_sq_run(struct mq_sq *sq, struct mq_err *err, const char *sql, const char *types, ...);

/* Binds in the same way for stepping through rows with mq_sq_step. */
sqlite3_stmt *mq_sq_query(struct mq_sq *sq, struct mq_err *err, const char *sql, const char *types,
                          ...);

/* 1: a row; 0: the end (the statement is reset), -1: failed (reset as well). */
int mq_sq_step(struct mq_sq *sq, sqlite3_stmt *stmt, struct mq_err *err);

/* One row of integers into ret (n of them; null is given as -1). 1 or 0 (no row) or -1. */
int mq_sq_ints(struct mq_sq *sq, struct mq_err *err, const char *sql, int64_t *ret, int n,
               const char *types, ...);

/* Transactions. begin takes the write lock; read takes a snapshot. */
int mq_sq_begin(struct mq_sq *sq, struct mq_err *err);
int mq_sq_begin_read(struct mq_sq *sq, struct mq_err *err);
int mq_sq_commit(struct mq_sq *sq, struct mq_err *err);
/* The same before messages are confirmed: a file that lost its name takes writes and keeps none. */
int mq_sq_commit_messages(struct mq_sq *sq, struct mq_err *err);
void mq_sq_rollback(struct mq_sq *sq);

/* --- schema.c -------------------------------------------------------------------------------- */

enum mq_sq_kind { MQ_SQ_EMPTY, MQ_SQ_STORE };

/* Whether this file is a store that this program can use: MQ_DATA when it is not. */
int mq_sq_schema_check(struct mq_sq *sq, enum mq_sq_kind *ret_kind, struct mq_err *err);
/* Makes the tables unless another process has just made them. */
int mq_sq_schema_make(struct mq_sq *sq, struct mq_err *err);

/* --- stream.c -------------------------------------------------------------------------------- */

#define MQ_SQ_OFFSET_BITS 44
#define MQ_SQ_MAX_PARTITIONS 4096

/* The rowid of a message. */
static inline int64_t mq_sq_rowid(int32_t partition, int64_t offset)
{
	return ((int64_t)partition << MQ_SQ_OFFSET_BITS) + offset;
}

static inline int64_t mq_sq_row_offset(int64_t rowid)
{
	return rowid & (((int64_t)1 << MQ_SQ_OFFSET_BITS) - 1);
}

struct mq_sq_stream {
	int64_t id;
	char *name;
	int32_t n_partitions;
	int64_t created_ms;
	int64_t retention_ms; /* -1: no limit, as the next two */
	int64_t max_bytes;
	int64_t max_length;
};

struct mq_sq_part {
	int64_t begin;
	int64_t end;
	int64_t bytes;
	int64_t open_first; /* the block that is being filled: its first offset, */
	int64_t open_max;   /* and its latest timestamp */
};

/* 1: found, to be released; 0: no such stream. */
int mq_sq_stream_find(struct mq_sq *sq, const char *name, struct mq_sq_stream *ret,
                      struct mq_err *err);
void mq_sq_stream_release(struct mq_sq_stream *stream);
/* All, sorted by name; free with mq_sq_streams_free. */
int mq_sq_stream_all(struct mq_sq *sq, struct mq_sq_stream **ret, size_t *ret_n,
                     struct mq_err *err);
void mq_sq_streams_free(struct mq_sq_stream *streams, size_t n);
/* Makes a stream; the caller has begun a transaction. */
int mq_sq_stream_make(struct mq_sq *sq, const struct mq_stream_spec *spec, struct mq_err *err);
/* Changes one, and lets its new limits hold; in a transaction of its own. Readers that run notice
 * new partitions, writers use them when they start again. */
int mq_sq_stream_alter(struct mq_sq *sq, const struct mq_stream_spec *spec, struct mq_err *err);
/* The whole of it, in a transaction of its own. */
int mq_sq_stream_remove(struct mq_sq *sq, const char *name, struct mq_err *err);
/* MQ_USAGE when no stream can have that name. */
int mq_sq_stream_check_name(const char *name, struct mq_err *err);
int mq_sq_no_stream(struct mq_sq *sq, const char *name, struct mq_err *err);

/* 1, 0 (the stream is gone) or -1. */
int mq_sq_part_load(struct mq_sq *sq, int64_t stream, int32_t partition, struct mq_sq_part *ret,
                    struct mq_err *err);
int mq_sq_part_save(struct mq_sq *sq, int64_t stream, int32_t partition,
                    const struct mq_sq_part *part, struct mq_err *err);

/* Prepares a statement about a stream's own table: %lld in fmt is the stream's id. */
int mq_sq_stream_stmt(struct mq_sq *sq, sqlite3_stmt **ret, int64_t stream, const char *fmt,
                      struct mq_err *err) __attribute__((format(printf, 4, 0)));

/* --- extra.c --------------------------------------------------------------------------------- */

/* Writes headers and properties into buf (cleared first; left empty when there are none). */
int mq_sq_extra_encode(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err);
/* How many bytes of memory decoding takes, aligned; -1 when the bytes make no sense. */
int64_t mq_sq_extra_room(const void *data, size_t len);
/* Decodes into room (aligned for any type). data must outlive the message. */
void mq_sq_extra_decode(const void *data, size_t len, void *room, struct mq_message *message);

/* --- retention.c ----------------------------------------------------------------------------- */

/* Removes what the stream's limits no longer keep; inside the writer's transaction. */
int mq_sq_retain(struct mq_sq *sq, const struct mq_sq_stream *stream, struct mq_err *err);
/* The whole of it, in a transaction of its own. */
int mq_sq_trim(struct mq_sq *sq, const struct mq_trim_spec *spec, int64_t *ret_removed,
               struct mq_err *err);

/* --- place.c --------------------------------------------------------------------------------- */

/* The first offset whose timestamp is at or after ts, or the end; *ret_ts is its timestamp or
 * MQ_NO_TIME. */
int mq_sq_locate_time(struct mq_sq *sq, int64_t stream, int32_t partition, int64_t ts,
                      int64_t *ret_offset, int64_t *ret_ts, struct mq_err *err);
/* Any position but STORED, ID and UNSET (UNSET is BEGINNING). */
int mq_sq_locate(struct mq_sq *sq, int64_t stream, int32_t partition, const struct mq_sq_part *part,
                 const struct mq_pos *pos, int64_t *ret_offset, int64_t *ret_ts,
                 struct mq_err *err);
int mq_sq_locate_many(struct mq_sq *sq, struct mq_locate *requests, size_t n, struct mq_err *err);

/* --- info.c ---------------------------------------------------------------------------------- */

int mq_sq_list(struct mq_sq *sq, bool deep, struct mq_stream_list *ret_list, struct mq_err *err);
int mq_sq_keeps(struct mq_sq *sq, const char *stream, int64_t *ret_ms, struct mq_err *err);
int mq_sq_describe(struct mq_sq *sq, const char *stream, struct mq_stream_info *ret_info,
                   struct mq_err *err);

/* --- alive.c --------------------------------------------------------------------------------- */

/* The start time of a process in the kernel's ticks; -1: there is no such process (or only its
 * remains); 0: unknown on this system. */
int64_t mq_sq_process_started(int64_t pid);
/* Names the space in which a process number means something: this boot, this container. */
void mq_sq_host_name(char *ret, size_t size);
/* The columns of a row of mq_members: anything, host, pid, started, seen_ms. */
bool mq_sq_member_alive(sqlite3_stmt *stmt, const char *here);

/* --- groups.c -------------------------------------------------------------------------------- */

int mq_sq_groups(struct mq_sq *sq, const struct mq_group_query *query,
                 struct mq_group_list *ret_list, struct mq_err *err);
int mq_sq_group_set(struct mq_sq *sq, const struct mq_group_set *set, struct mq_err *err);
int mq_sq_group_remove(struct mq_sq *sq, const struct mq_group_removal *removal,
                       struct mq_err *err);

/* --- watch.c --------------------------------------------------------------------------------- */

/* Tells when another process may have committed. */
struct mq_sq_watch {
	int fd; /* readable when it is time to look; -1: nothing to poll, look every slice */
	int notify;
	int timer;
	int wait_ms; /* before looking again without being told */
};

void mq_sq_watch_init(struct mq_sq_watch *watch, const struct mq_sq *sq);
void mq_sq_watch_release(struct mq_sq_watch *watch);
/* To be called before looking: forgets what was told until now. */
void mq_sq_watch_drain(struct mq_sq_watch *watch);
/* To be called after looking. found: there may be more at once. */
void mq_sq_watch_arm(struct mq_sq_watch *watch, bool found);
/* Waits until it is time to look again, or timeout_ms, or the cancel. 1: look. */
int mq_sq_watch_wait(struct mq_sq_watch *watch, const struct mq_cancel *cancel, int timeout_ms);

/* --- writer.c, reader.c: the operations of the descriptor ------------------------------------ */

struct mq_sq_conn {
	struct mq_conn base;
	struct mq_sq_place place;
};

int mq_sq_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                      struct mq_writer **ret_writer, struct mq_err *err);
int64_t mq_sq_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                    struct mq_err *err);
int64_t mq_sq_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int mq_sq_writer_fd(struct mq_writer *writer);
int mq_sq_writer_commit(struct mq_writer *writer, struct mq_err *err);
int mq_sq_writer_abort(struct mq_writer *writer, struct mq_err *err);
void mq_sq_writer_close(struct mq_writer *writer);

int mq_sq_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                      struct mq_reader **ret_reader, struct mq_err *err);
int mq_sq_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                struct mq_err *err);
void mq_sq_release(struct mq_reader *reader, struct mq_batch *batch);
int mq_sq_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                 struct mq_err *err);
int mq_sq_reader_commit(struct mq_reader *reader, bool wait, struct mq_err *err);
int mq_sq_reader_fd(struct mq_reader *reader);
void mq_sq_reader_close(struct mq_reader *reader);

#endif
