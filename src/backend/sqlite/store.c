/*
 * One SQLite handle: opening a file, waiting for locks, statements, and what errors mean to people.
 * Knows nothing of messages.
 */
#include "backend/sqlite/sqlite.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a patient handle goes on waiting for a lock after the first signal. */
#define GRACE_MS 2000

/* --- errors ---------------------------------------------------------------------------------- */

static int fail_errno(const struct mq_sq *sq, struct mq_err *err, int errnum)
{
	bool denied = errnum == EACCES || errnum == EPERM || errnum == EROFS;

	mq_fail_errno(err, denied ? MQ_DENIED : MQ_IO, errnum, "cannot open the store %s",
	              sq->path);
	if (denied)
		mq_hint(err, "the file and its folder must be readable, for a store in use "
		             "writable as well");
	return -1;
}

static int fail_open(struct mq_sq *sq, struct mq_err *err)
{
	struct stat st;
	int errnum = sqlite3_system_errno(sq->db);

	if (stat(sq->path, &st) == 0 && S_ISDIR(st.st_mode))
		return mq_fail(err, MQ_USAGE, "%s is a folder, not a store", sq->path);
	if (errnum)
		return fail_errno(sq, err, errnum);
	return mq_fail(err, MQ_IO, "cannot open the store %s", sq->path);
}

/* SQLite says FULL for ENOSPC alone; a quota or a file size limit is a failed write to it, and it
 * may have lost the system's reason on the way. */
static bool no_space(struct mq_sq *sq, int rc)
{
	int errnum = sqlite3_system_errno(sq->db);

	if ((rc & 0xff) == SQLITE_FULL || (rc == SQLITE_READONLY && sq->full))
		return true;
	if (rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_SHMSIZE)
		return false;
	return errnum == 0 || errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
}

int mq_sq_fail(struct mq_sq *sq, struct mq_err *err, int rc, const char *what, ...)
{
	char text[300];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof text, what, args);
	va_end(args);
	if (!err || err->code != MQ_OK)
		return -1;
	if (no_space(sq, rc)) {
		mq_fail(err, MQ_IO, "%s: %s: no space left", sq->path, text);
		mq_hint(err, "make room on that disk; everything confirmed is safe");
		err->retriable = true;
		return -1;
	}
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (mq_cancel_signal(sq->env->cancel))
			return mq_fail(err, MQ_CANCELLED, "%s: %s: interrupted", sq->path, text);
		mq_fail(err, MQ_UNREACHABLE,
		        "%s: %s: locked by another process for more than %d ms", sq->path, text,
		        sq->env->timeout_ms);
		mq_hint(err, "a transactional producer or an open transaction of another program "
		             "holds it; `fuser FILE` names the processes");
		err->retriable = true;
		return -1;
	case SQLITE_CORRUPT:
		mq_fail(err, MQ_DATA, "%s: %s: the file is damaged", sq->path, text);
		return mq_hint(err, "`sqlite3 FILE .recover` saves what can be read");
	case SQLITE_NOTADB:
		mq_fail(err, MQ_DATA, "%s is no SQLite database", sq->path);
		return mq_hint(err, "name another file; this one was not changed");
	case SQLITE_READONLY:
	case SQLITE_PERM:
		mq_fail(err, MQ_DENIED, "%s: %s: the store is read-only here", sq->path, text);
		return mq_hint(err, "the file and its folder must be writable");
	case SQLITE_CANTOPEN:
		return fail_open(sq, err);
	case SQLITE_NOMEM:
		return mq_fail_memory(err);
	case SQLITE_TOOBIG:
		return mq_fail(err, MQ_DATA,
		               "%s: %s: too large; a message can have 1,000,000,000 "
		               "bytes",
		               sq->path, text);
	case SQLITE_IOERR:
		return mq_fail_errno(err, MQ_IO, sqlite3_system_errno(sq->db), "%s: %s", sq->path,
		                     text);
	default:
		return mq_fail(err, MQ_INTERNAL, "%s: %s: %s", sq->path, text,
		               sqlite3_errmsg(sq->db));
	}
}

/* --- locks ----------------------------------------------------------------------------------- */

/* SQLite asks this each time it meets a lock: wait and try again, or give up. */
static int on_busy(void *ctx, int count)
{
	struct mq_sq *sq = ctx;
	int64_t now = mq_now_monotonic_ms();
	int signum = mq_cancel_signal(sq->env->cancel);

	if (count == 0)
		sq->busy_deadline = now + sq->env->timeout_ms;
	if (signum && !sq->patient)
		return 0;
	if (signum && sq->busy_deadline > now + GRACE_MS)
		sq->busy_deadline = now + GRACE_MS;
	if (now >= sq->busy_deadline)
		return 0;
	int ms = count < 5 ? 1 : count < 20 ? 5 : 20;
	if (signum)
		poll(NULL, 0, ms);
	else
		mq_cancel_wait(sq->env->cancel, -1, 0, ms);
	return 1;
}

/* --- statements ------------------------------------------------------------------------------ */

sqlite3_stmt *mq_sq_stmt(struct mq_sq *sq, const char *sql, struct mq_err *err)
{
	for (size_t i = 0; i < sq->n_cache; i++)
		if (sq->cache[i].sql == sql)
			return sq->cache[i].stmt;
	if (sq->n_cache == MQ_SQ_STATEMENTS) {
		mq_fail(err, MQ_INTERNAL, "too many kinds of statements");
		return NULL;
	}
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(sq->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK) {
		mq_sq_fail(sq, err, rc, "cannot use the store");
		return NULL;
	}
	sq->cache[sq->n_cache].sql = sql;
	sq->cache[sq->n_cache++].stmt = stmt;
	return stmt;
}

static sqlite3_stmt *bind_all(struct mq_sq *sq, struct mq_err *err, const char *sql,
                              const char *types, va_list args)
{
	sqlite3_stmt *stmt = mq_sq_stmt(sq, sql, err);

	if (!stmt)
		return NULL;
	for (int i = 0; types[i]; i++) {
		int rc;
		if (types[i] == 'i')
			rc = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
		else
			rc = sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1,
			                       SQLITE_TRANSIENT);
		if (rc != SQLITE_OK) {
			mq_sq_fail(sq, err, rc, "cannot use the store");
			return NULL;
		}
	}
	return stmt;
}

int mq_sq_step(struct mq_sq *sq, sqlite3_stmt *stmt, struct mq_err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		mq_sq_fail(sq, err, rc, "cannot use the store");
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

sqlite3_stmt *mq_sq_query(struct mq_sq *sq, struct mq_err *err, const char *sql, const char *types,
                          ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind_all(sq, err, sql, types, args);
	va_end(args);
	return stmt;
}

int mq_sq_run(struct mq_sq *sq, struct mq_err *err, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind_all(sq, err, sql, types, args);
	va_end(args);
	if (!stmt)
		return -1;
	int got;
	while ((got = mq_sq_step(sq, stmt, err)) == 1)
		;
	return got;
}

int mq_sq_ints(struct mq_sq *sq, struct mq_err *err, const char *sql, int64_t *ret, int n,
               const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind_all(sq, err, sql, types, args);
	va_end(args);
	if (!stmt)
		return -1;
	int got = mq_sq_step(sq, stmt, err);
	if (got != 1)
		return got;
	for (int i = 0; i < n; i++)
		ret[i] = sqlite3_column_type(stmt, i) == SQLITE_NULL
		             ? -1
		             : sqlite3_column_int64(stmt, i);
	sqlite3_reset(stmt);
	return 1;
}

int mq_sq_begin(struct mq_sq *sq, struct mq_err *err)
{
	return mq_sq_run(sq, err, "BEGIN IMMEDIATE", "");
}

int mq_sq_begin_read(struct mq_sq *sq, struct mq_err *err)
{
	return mq_sq_run(sq, err, "BEGIN", "");
}

int mq_sq_commit(struct mq_sq *sq, struct mq_err *err)
{
	if (mq_sq_run(sq, err, "COMMIT", "") == 0)
		return 0;
	mq_sq_rollback(sq);
	return -1;
}

int mq_sq_commit_messages(struct mq_sq *sq, struct mq_err *err)
{
	int moved = 0;

	if (mq_sq_commit(sq, err) < 0)
		return -1;
	if (sqlite3_file_control(sq->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	    moved)
		return mq_fail(err, MQ_IO, "%s was removed or moved while it was written to",
		               sq->path);
	return 0;
}

void mq_sq_rollback(struct mq_sq *sq)
{
	/* SQLite ends the transaction by itself after some errors. */
	if (sq->db && !sqlite3_get_autocommit(sq->db))
		mq_sq_run(sq, NULL, "ROLLBACK", "");
}

/* --- opening --------------------------------------------------------------------------------- */

/* The folders above a new store; messages are nobody else's business. */
static int make_parents(const char *path, struct mq_err *err)
{
	char *copy = strdup(path);
	int result = 0;

	if (!copy)
		return mq_fail_memory(err);
	for (char *slash = strchr(copy + 1, '/'); slash && result == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		struct stat st;
		if (stat(copy, &st) < 0 && mkdir(copy, 0700) < 0 && errno != EEXIST) {
			int errnum = errno;
			result = mq_fail_errno(
			    err, errnum == EACCES || errnum == EROFS ? MQ_DENIED : MQ_IO, errnum,
			    "cannot make the folder %s", copy);
		}
		*slash = '/';
	}
	free(copy);
	return result;
}

/* A name that SQLite takes for a file and nothing else; of the form file:… when immutable. */
static char *sqlite_name(const char *path, bool immutable)
{
	size_t size = strlen(path) * 3 + 40;
	char *name = malloc(size);

	if (!name)
		return NULL;
	if (!immutable) {
		snprintf(name, size, "%s%s", path[0] == '/' ? "" : "./", path);
		return name;
	}
	size_t n = (size_t)snprintf(name, size, "file:%s", path[0] == '/' ? "" : "./");
	for (const char *p = path; *p; p++) {
		if (strchr("?#%", *p))
			n += (size_t)snprintf(name + n, size - n, "%%%02x", (unsigned)*p);
		else
			name[n++] = *p;
	}
	snprintf(name + n, size - n, "?immutable=1");
	return name;
}

/* Whether a new file can be made in its folder. */
static int check_folder(const struct mq_sq *sq, struct mq_err *err)
{
	const char *slash = strrchr(sq->path, '/');
	char *folder = slash && slash > sq->path ? strndup(sq->path, (size_t)(slash - sq->path))
	                                         : strdup(slash ? "/" : ".");

	if (!folder)
		return mq_fail_memory(err);
	int result =
	    access(folder, W_OK | X_OK) < 0 && errno != ENOENT ? fail_errno(sq, err, errno) : 0;
	free(folder);
	return result;
}

/* SQLite opens what is no file as well, tries again read-only where it may not write, and then
 * fails with the reason of that attempt. */
static int check_file(const struct mq_sq *sq, int flags, struct mq_err *err)
{
	struct stat st;

	if (stat(sq->path, &st) < 0) {
		if (errno != ENOENT)
			return fail_errno(sq, err, errno);
		return flags & SQLITE_OPEN_CREATE ? check_folder(sq, err) : 0;
	}
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0;
	return mq_fail(err, MQ_USAGE, "%s is a %s, not a store", sq->path,
	               S_ISFIFO(st.st_mode)   ? "pipe"
	               : S_ISSOCK(st.st_mode) ? "socket"
	                                      : "device");
}

static int open_handle(struct mq_sq *sq, int flags, struct mq_err *err)
{
	if (check_file(sq, flags, err) < 0)
		return -1;
	char *name = sqlite_name(sq->path, sq->immutable);

	if (!name)
		return mq_fail_memory(err);
	sqlite3_close(sq->db);
	sq->db = NULL;
	/* One thread uses a handle: no mutex. */
	int rc = sqlite3_open_v2(
	    name, &sq->db, flags | SQLITE_OPEN_NOMUTEX | (sq->immutable ? SQLITE_OPEN_URI : 0),
	    NULL);
	free(name);
	if (!sq->db)
		return mq_fail_memory(err);
	if (rc != SQLITE_OK)
		return mq_sq_fail(sq, err, rc, "cannot open the store");
	sqlite3_extended_result_codes(sq->db, 1);
	sqlite3_busy_handler(sq->db, on_busy, sq);
	sq->writable = !sqlite3_db_readonly(sq->db, "main");
	return 0;
}

/* A store in a folder where the log's files cannot be made can still be read as it is, provided
 * that there is no log with something in it. */
static bool may_be_immutable(const struct mq_sq *sq)
{
	char wal[4096];
	struct stat st;

	snprintf(wal, sizeof wal, "%s-wal", sq->path);
	return stat(wal, &st) < 0 ? errno == ENOENT : st.st_size == 0;
}

static int open_to_read(struct mq_sq *sq, struct mq_err *err)
{
	struct stat st;
	enum mq_sq_kind kind;
	struct mq_err first = MQ_ERR_INIT;

	if (stat(sq->path, &st) < 0 && errno == ENOENT) {
		mq_fail(err, MQ_NOT_FOUND, "there is no store %s", sq->path);
		return mq_hint(err, "the first `mqtk produce` to it makes it");
	}
	if (open_handle(sq, SQLITE_OPEN_READWRITE, err) < 0)
		return -1;
	if (mq_sq_schema_check(sq, &kind, &first) < 0) {
		if (first.code != MQ_IO && first.code != MQ_DENIED) {
			*err = first;
			return -1;
		}
		if (!may_be_immutable(sq)) {
			*err = first;
			return -1;
		}
		sq->immutable = true;
		sq->full = first.retriable;
		for (size_t i = 0; i < sq->n_cache; i++)
			sqlite3_finalize(sq->cache[i].stmt);
		sq->n_cache = 0;
		if (open_handle(sq, SQLITE_OPEN_READONLY, err) < 0 ||
		    mq_sq_schema_check(sq, &kind, err) < 0)
			return -1;
		mq_log(sq->env, MQ_LEVEL_VERBOSE,
		       "%s: read as it is now; its folder is not writable", sq->path);
	}
	if (kind == MQ_SQ_EMPTY) {
		mq_fail(err, MQ_NOT_FOUND, "the store %s is empty", sq->path);
		return mq_hint(err, "the first `mqtk produce` to it makes a stream");
	}
	return 0;
}

static int open_to_write(struct mq_sq *sq, struct mq_err *err)
{
	enum mq_sq_kind kind;

	if (make_parents(sq->path, err) < 0 ||
	    open_handle(sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) < 0)
		return -1;
	if (!sq->writable)
		return mq_sq_fail(sq, err, SQLITE_READONLY, "cannot write");
	if (mq_sq_schema_check(sq, &kind, err) < 0)
		return -1;
	if (kind == MQ_SQ_EMPTY && mq_sq_schema_make(sq, err) < 0)
		return -1;
	return 0;
}

static int set_up(struct mq_sq *sq, bool normal_sync, struct mq_err *err)
{
	/* The log of a store that was much written is cut back after a while. */
	if (mq_sq_run(sq, err, "PRAGMA journal_size_limit=67108864", "") < 0)
		return -1;
	if (normal_sync)
		return mq_sq_run(sq, err, "PRAGMA synchronous=NORMAL", "");
	return mq_sq_run(sq, err, "PRAGMA synchronous=FULL", "");
}

int mq_sq_open(struct mq_sq *ret_sq, const struct mq_sq_place *place, const struct mq_env *env,
               bool write, struct mq_err *err)
{
	*ret_sq =
	    (struct mq_sq){.env = env, .path = strdup(place->path), .profile = place->profile};
	int result = -1;

	if (!ret_sq->path)
		mq_fail_memory(err);
	else if (write)
		result = open_to_write(ret_sq, err);
	else
		result = open_to_read(ret_sq, err);
	if (result == 0 && ret_sq->writable)
		result = set_up(ret_sq, place->normal_sync, err);
	if (result < 0)
		mq_sq_close(ret_sq);
	return result;
}

void mq_sq_close(struct mq_sq *sq)
{
	if (!sq)
		return;
	mq_sq_rollback(sq);
	for (size_t i = 0; i < sq->n_cache; i++)
		sqlite3_finalize(sq->cache[i].stmt);
	sqlite3_close(sq->db);
	free(sq->path);
	*sq = (struct mq_sq){0};
}
