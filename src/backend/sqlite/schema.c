/*
 * The tables of the local store: version 1. A later version adds a step that turns the one before
 * into it, inside the same transaction that raises user_version.
 */
#include "backend/sqlite/sqlite.h"

#define APPLICATION_ID 0x6d71746b /* "mqtk" */
#define SCHEMA_VERSION 1

/*
 * mq_blocks is the sparse time index; the block being filled is in mq_partitions. mq_members is
 * who reads a group now: host is the kernel's boot and process namespace, so that pid and started
 * can be believed, seen_ms is for the others.
 */
static const char *const tables[] = {
    "CREATE TABLE mq_streams("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions INT NOT NULL,"
    " created_ms INT NOT NULL, retention_ms INT, max_bytes INT, max_length INT)",
    "CREATE TABLE mq_partitions("
    " stream INT, partition INT, begin INT NOT NULL, end INT NOT NULL, bytes INT NOT NULL,"
    " open_first INT NOT NULL, open_max INT NOT NULL,"
    " PRIMARY KEY(stream, partition)) WITHOUT ROWID",
    "CREATE TABLE mq_blocks("
    " stream INT, partition INT, first INT, end INT NOT NULL, max_ts INT NOT NULL,"
    " PRIMARY KEY(stream, partition, first)) WITHOUT ROWID",
    "CREATE TABLE mq_groups(name TEXT PRIMARY KEY, generation INT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE mq_positions("
    " grp TEXT, stream INT, partition INT, next INT NOT NULL, updated_ms INT NOT NULL,"
    " PRIMARY KEY(grp, stream, partition)) WITHOUT ROWID",
    "CREATE TABLE mq_members("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, name TEXT, host TEXT NOT NULL,"
    " pid INT NOT NULL, started INT NOT NULL, seen_ms INT NOT NULL)",
    "CREATE TABLE mq_subscriptions("
    " member INT, stream INT, PRIMARY KEY(member, stream)) WITHOUT ROWID",
    "CREATE TABLE mq_leases("
    " grp TEXT, stream INT, partition INT, member INT NOT NULL,"
    " PRIMARY KEY(grp, stream, partition)) WITHOUT ROWID",
};

static int check_inside(struct mq_sq *sq, enum mq_sq_kind *ret_kind, struct mq_err *err)
{
	int64_t application, version, objects;

	if (mq_sq_ints(sq, err, "PRAGMA application_id", &application, 1, "") < 0 ||
	    mq_sq_ints(sq, err, "PRAGMA user_version", &version, 1, "") < 0 ||
	    mq_sq_ints(sq, err, "SELECT count(*) FROM sqlite_master", &objects, 1, "") < 0)
		return -1;
	if (application == APPLICATION_ID && version == SCHEMA_VERSION) {
		*ret_kind = MQ_SQ_STORE;
		return 0;
	}
	if (application == 0 && version == 0 && objects == 0) {
		*ret_kind = MQ_SQ_EMPTY;
		return 0;
	}
	if (application == APPLICATION_ID && version > SCHEMA_VERSION) {
		mq_fail(err, MQ_DATA,
		        "%s was written by a newer mqtk (schema %lld); this one knows schema %d",
		        sq->path, (long long)version, SCHEMA_VERSION);
		return mq_hint(err, "use that mqtk, or name another file");
	}
	mq_fail(err, MQ_DATA, "%s is an SQLite database, but no store of mqtk", sq->path);
	return mq_hint(err, "name another file; this one was not changed");
}

/* All questions are about one moment: another process may just be making the tables. */
int mq_sq_schema_check(struct mq_sq *sq, enum mq_sq_kind *ret_kind, struct mq_err *err)
{
	bool inside = !sqlite3_get_autocommit(sq->db);

	if (!inside && mq_sq_begin_read(sq, err) < 0)
		return -1;
	int result = check_inside(sq, ret_kind, err);
	if (!inside)
		mq_sq_rollback(sq);
	return result;
}

/* WAL is a property of the file. While another process is just setting it SQLite says busy without
 * asking the busy handler. */
static int set_wal(struct mq_sq *sq, struct mq_err *err)
{
	int64_t deadline = mq_now_monotonic_ms() + sq->env->timeout_ms;

	for (;;) {
		int rc = sqlite3_exec(sq->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			return 0;
		if ((rc & 0xff) != SQLITE_BUSY || mq_now_monotonic_ms() >= deadline ||
		    mq_cancel_signal(sq->env->cancel))
			return mq_sq_fail(sq, err, rc, "cannot make the store");
		mq_cancel_wait(sq->env->cancel, -1, 0, 2);
	}
}

int mq_sq_schema_make(struct mq_sq *sq, struct mq_err *err)
{
	enum mq_sq_kind kind = MQ_SQ_EMPTY;

	/* 16 KiB: a third faster than 4 KiB to write. Incremental vacuum, so that deleting a stream
	 * gives its room back to the disk; what retention frees is used again by the stream. */
	if (mq_sq_run(sq, err, "PRAGMA page_size=16384", "") < 0 ||
	    mq_sq_run(sq, err, "PRAGMA auto_vacuum=INCREMENTAL", "") < 0 || set_wal(sq, err) < 0 ||
	    mq_sq_begin(sq, err) < 0)
		return -1;
	if (mq_sq_schema_check(sq, &kind, err) < 0)
		goto fail;
	if (kind == MQ_SQ_EMPTY) {
		for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
			int rc = sqlite3_exec(sq->db, tables[i], NULL, NULL, NULL);
			if (rc != SQLITE_OK) {
				mq_sq_fail(sq, err, rc, "cannot make the store");
				goto fail;
			}
		}
		char sql[100];
		sqlite3_snprintf(sizeof sql, sql,
		                 "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
		                 SCHEMA_VERSION);
		int rc = sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
		if (rc != SQLITE_OK) {
			mq_sq_fail(sq, err, rc, "cannot make the store");
			goto fail;
		}
	}
	return mq_sq_commit(sq, err);
fail:
	mq_sq_rollback(sq);
	return -1;
}
