/*
 * Groups: who reads which partition, and how far the group has come.
 *
 * Every partition of a group has at most one lease. A member takes free partitions up to its fair
 * share and gives the rest back once what it lent out is settled. Each change raises the group's
 * generation, which all members compare before each look; so a change is seen by the commit that
 * made it. Positions are only written by the lease's holder, in the transaction that checks the
 * lease: a member that was thought dead cannot move a position back.
 *
 * groups.c looks at groups and moves them from outside; alive.c knows whether a member lives.
 */
#include "backend/sqlite/reader.h"

#include <stdlib.h>
#include <unistd.h>

#define CHECK_MS 1000
#define BEAT_MS 10000

static const struct mq_env *env_of(const struct mq_sq_reader *r)
{
	return r->base.conn->env;
}

/* --- membership ------------------------------------------------------------------------------ */

/* The ids of members of the group that are no more. */
static int find_dead(struct mq_sq_reader *r, int64_t **ret, size_t *ret_n, struct mq_err *err)
{
	char here[200];
	int got;
	sqlite3_stmt *stmt = mq_sq_query(
	    &r->sq, err,
	    "SELECT id, host, pid, started, seen_ms FROM mq_members WHERE grp=? AND id<>?", "si",
	    r->group, r->member);

	*ret = NULL;
	*ret_n = 0;
	if (!stmt)
		return -1;
	mq_sq_host_name(here, sizeof here);
	while ((got = mq_sq_step(&r->sq, stmt, err)) == 1) {
		if (mq_sq_member_alive(stmt, here))
			continue;
		int64_t *slot = mq_info_grow(ret, ret_n, sizeof *slot, err);
		if (!slot) {
			sqlite3_reset(stmt);
			got = -1;
			break;
		}
		*slot = sqlite3_column_int64(stmt, 0);
	}
	if (got < 0) {
		free(*ret);
		*ret = NULL;
	}
	return got;
}

static int remove_member(struct mq_sq_reader *r, int64_t member, struct mq_err *err)
{
	if (mq_sq_run(&r->sq, err, "DELETE FROM mq_leases WHERE member=?", "i", member) < 0 ||
	    mq_sq_run(&r->sq, err, "DELETE FROM mq_subscriptions WHERE member=?", "i", member) <
	        0 ||
	    mq_sq_run(&r->sq, err, "DELETE FROM mq_members WHERE id=?", "i", member) < 0)
		return -1;
	return 0;
}

static int bury_dead(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err)
{
	int64_t *dead;
	size_t n;
	int result = 0;

	if (find_dead(r, &dead, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		result = remove_member(r, dead[i], err);
		*ret_changed = true;
		mq_log(env_of(r), MQ_LEVEL_VERBOSE, "group %s: a member is gone", r->group);
	}
	free(dead);
	return result;
}

static int add_member(struct mq_sq_reader *r, struct mq_err *err)
{
	char here[200];

	mq_sq_host_name(here, sizeof here);
	if (mq_sq_run(&r->sq, err,
	              "INSERT INTO mq_members(grp, name, host, pid, started, seen_ms)"
	              " VALUES(?, ?, ?, ?, ?, ?)",
	              "sssiii", r->group, r->member_name, here, (int64_t)getpid(),
	              mq_sq_process_started(getpid()), mq_now_ms()) < 0)
		return -1;
	r->member = sqlite3_last_insert_rowid(r->sq.db);
	return mq_sq_run(&r->sq, err, "INSERT OR IGNORE INTO mq_groups VALUES(?, 0)", "s",
	                 r->group);
}

static int subscribe(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err)
{
	for (size_t i = 0; i < r->n_sources; i++) {
		if (r->sources[i]->gone)
			continue;
		if (mq_sq_run(&r->sq, err, "INSERT OR IGNORE INTO mq_subscriptions VALUES(?, ?)",
		              "ii", r->member, r->sources[i]->stream.id) < 0)
			return -1;
		if (sqlite3_changes(r->sq.db) > 0)
			*ret_changed = true;
	}
	return 0;
}

/* --- positions ------------------------------------------------------------------------------- */

int mq_sq_group_position(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor,
                         int64_t *ret_next, struct mq_err *err)
{
	return mq_sq_ints(
	    &r->sq, err, "SELECT next FROM mq_positions WHERE grp=? AND stream=? AND partition=?",
	    ret_next, 1, "sii", r->group, cursor->source->stream.id, (int64_t)cursor->partition);
}

static int write_position(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor, int64_t next,
                          struct mq_err *err)
{
	return mq_sq_run(&r->sq, err, "INSERT OR REPLACE INTO mq_positions VALUES(?, ?, ?, ?, ?)",
	                 "siiii", r->group, cursor->source->stream.id, (int64_t)cursor->partition,
	                 next, mq_now_ms());
}

/* Whose the partition is: *ret_member, 0 when nobody's. */
static int lease_holder(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor,
                        int64_t *ret_member, struct mq_err *err)
{
	*ret_member = 0;
	return mq_sq_ints(
	    &r->sq, err, "SELECT member FROM mq_leases WHERE grp=? AND stream=? AND partition=?",
	    ret_member, 1, "sii", r->group, cursor->source->stream.id, (int64_t)cursor->partition);
}

static void lose(struct mq_sq_reader *r, struct mq_sq_cursor *cursor)
{
	cursor->held = cursor->leaving = false;
	mq_log(env_of(r), MQ_LEVEL_VERBOSE, "group %s: %s[%d] is no longer ours", r->group,
	       cursor->source->stream.name, (int)cursor->partition);
}

/* Writes what is settled, as far as the partition is still ours. Inside a transaction. */
static int write_settled(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, struct mq_err *err)
{
	int64_t holder;

	if (!cursor->held || cursor->settled <= cursor->committed || cursor->source->gone)
		return 0;
	if (lease_holder(r, cursor, &holder, err) < 0)
		return -1;
	if (holder != r->member) {
		lose(r, cursor);
		return 0;
	}
	return write_position(r, cursor, cursor->settled, err);
}

static int write_all_settled(struct mq_sq_reader *r, struct mq_err *err)
{
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors; c++)
			if (write_settled(r, &r->sources[i]->cursors[c], err) < 0)
				return -1;
	return 0;
}

/* After the transaction: what is settled is committed. */
static void all_committed(struct mq_sq_reader *r)
{
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors; c++) {
			struct mq_sq_cursor *cursor = &r->sources[i]->cursors[c];
			if (cursor->held && cursor->settled > cursor->committed)
				cursor->committed = cursor->settled;
		}
}

/* --- sharing --------------------------------------------------------------------------------- */

/* How many partitions of this stream are our share: as even as can be, the first members have what
 * is over. So a newcomer to a stream of one partition waits, and nothing moves without need. */
static int share_of(struct mq_sq_reader *r, const struct mq_sq_source *source, size_t *ret,
                    struct mq_err *err)
{
	int64_t v[2];
	int got = mq_sq_ints(&r->sq, err,
	                     "SELECT count(*), count(CASE WHEN id<? THEN 1 END) FROM mq_members"
	                     " WHERE grp=? AND id IN"
	                     " (SELECT member FROM mq_subscriptions WHERE stream=?)",
	                     v, 2, "isi", r->member, r->group, source->stream.id);

	if (got < 0)
		return -1;
	size_t members = v[0] > 0 ? (size_t)v[0] : 1;
	size_t over = source->n_cursors % members;
	*ret = source->n_cursors / members + ((size_t)v[1] < over);
	if (r->n_partitions) /* partitions chosen by hand: all that nobody else has */
		*ret = source->n_cursors;
	return 0;
}

static int take(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, struct mq_err *err)
{
	int64_t next;
	int got = mq_sq_group_position(r, cursor, &next, err);

	if (got < 0 ||
	    mq_sq_run(&r->sq, err, "INSERT INTO mq_leases VALUES(?, ?, ?, ?)", "siii", r->group,
	              cursor->source->stream.id, (int64_t)cursor->partition, r->member) < 0)
		return -1;
	/* The start is remembered at once: who takes over from us must not begin at a later end. */
	if (got == 0 || r->from_always) {
		next = cursor->committed;
		if (write_position(r, cursor, next, err) < 0)
			return -1;
	}
	cursor->held = cursor->taking = true;
	cursor->leaving = false;
	cursor->next = cursor->committed = cursor->settled = next;
	mq_log(env_of(r), MQ_LEVEL_VERBOSE, "group %s: reading %s[%d] from %lld", r->group,
	       cursor->source->stream.name, (int)cursor->partition, (long long)next);
	return 0;
}

static int give_back(struct mq_sq_reader *r, struct mq_sq_cursor *cursor, struct mq_err *err)
{
	cursor->held = cursor->leaving = false;
	return mq_sq_run(&r->sq, err,
	                 "DELETE FROM mq_leases WHERE grp=? AND stream=? AND partition=?"
	                 " AND member=?",
	                 "siii", r->group, cursor->source->stream.id, (int64_t)cursor->partition,
	                 r->member);
}

static int share_source(struct mq_sq_reader *r, struct mq_sq_source *source, bool *ret_changed,
                        struct mq_err *err)
{
	size_t share, held = 0;
	int64_t holder;

	if (share_of(r, source, &share, err) < 0)
		return -1;
	for (size_t i = 0; i < source->n_cursors; i++) {
		struct mq_sq_cursor *cursor = &source->cursors[i];
		if (lease_holder(r, cursor, &holder, err) < 0)
			return -1;
		if (cursor->held && holder != r->member)
			lose(r, cursor);
		else if (!cursor->held && holder == r->member && give_back(r, cursor, err) < 0)
			return -1; /* left over from a transaction that failed */
		if (cursor->held && ++held > share)
			cursor->leaving = true;
		else if (cursor->held)
			cursor->leaving = false;
		if (cursor->leaving && cursor->settled >= cursor->next) {
			if (write_settled(r, cursor, err) < 0 || give_back(r, cursor, err) < 0)
				return -1;
			*ret_changed = true;
		}
	}
	for (size_t i = 0; i < source->n_cursors && held < share; i++) {
		struct mq_sq_cursor *cursor = &source->cursors[i];
		if (cursor->held)
			continue;
		if (lease_holder(r, cursor, &holder, err) < 0)
			return -1;
		if (holder != 0)
			continue;
		if (take(r, cursor, err) < 0)
			return -1;
		held++;
		*ret_changed = true;
	}
	return 0;
}

/* What was taken is ours only when the transaction went through. */
static void end_taking(struct mq_sq_reader *r, bool committed)
{
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors; c++) {
			struct mq_sq_cursor *cursor = &r->sources[i]->cursors[c];
			if (cursor->taking && !committed)
				cursor->held = false;
			else if (cursor->taking)
				r->from_always = false;
			cursor->taking = false;
		}
}

/* Looks at the whole group and does our part, in one transaction. */
static int share_all(struct mq_sq_reader *r, struct mq_err *err)
{
	int64_t known;
	bool changed = false;

	if (mq_sq_begin(&r->sq, err) < 0)
		return -1;
	int got = mq_sq_ints(&r->sq, err, "SELECT 1 FROM mq_members WHERE id=?", &known, 1, "i",
	                     r->member);
	if (got < 0)
		goto fail;
	if (got == 0) {
		changed = true;
		if (add_member(r, err) < 0)
			goto fail;
	}
	if (bury_dead(r, &changed, err) < 0 || subscribe(r, &changed, err) < 0)
		goto fail;
	for (size_t i = 0; i < r->n_sources; i++)
		if (!r->sources[i]->gone && share_source(r, r->sources[i], &changed, err) < 0)
			goto fail;
	if (changed &&
	    mq_sq_run(&r->sq, err, "UPDATE mq_groups SET generation=generation+1 WHERE name=?", "s",
	              r->group) < 0)
		goto fail;
	if (mq_sq_ints(&r->sq, err, "SELECT generation FROM mq_groups WHERE name=?", &known, 1, "s",
	               r->group) < 0)
		goto fail;
	bool beat = mq_now_monotonic_ms() - r->beat_ms >= BEAT_MS;
	if (beat && mq_sq_run(&r->sq, err, "UPDATE mq_members SET seen_ms=? WHERE id=?", "ii",
	                      mq_now_ms(), r->member) < 0)
		goto fail;
	if (!changed && !beat)
		mq_sq_rollback(&r->sq); /* nothing to write: no sync */
	else if (mq_sq_commit(&r->sq, err) < 0)
		goto fail;
	if (beat)
		r->beat_ms = mq_now_monotonic_ms();
	r->generation = known;
	end_taking(r, true);
	return 0;
fail:
	mq_sq_rollback(&r->sq);
	end_taking(r, false);
	mq_sq_group_stale(r);
	return -1;
}

void mq_sq_group_stale(struct mq_sq_reader *r)
{
	r->generation = -1;
}

int mq_sq_group_join(struct mq_sq_reader *r, struct mq_err *err)
{
	r->beat_ms = r->checked_ms = mq_now_monotonic_ms();
	return share_all(r, err);
}

/* Something that we hold is to be given back and can be. */
static bool can_leave_some(const struct mq_sq_reader *r)
{
	for (size_t i = 0; i < r->n_sources; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors; c++) {
			const struct mq_sq_cursor *cursor = &r->sources[i]->cursors[c];
			if (cursor->leaving && cursor->settled >= cursor->next)
				return true;
		}
	return false;
}

int mq_sq_group_tend(struct mq_sq_reader *r, struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms();
	int64_t generation;
	bool due = can_leave_some(r) || now - r->beat_ms >= BEAT_MS;

	if (mq_sq_ints(&r->sq, err, "SELECT generation FROM mq_groups WHERE name=?", &generation, 1,
	               "s", r->group) < 0)
		return -1;
	due = due || generation != r->generation;
	if (!due && now - r->checked_ms >= CHECK_MS) {
		int64_t *dead;
		size_t n;
		if (find_dead(r, &dead, &n, err) < 0)
			return -1;
		due = n > 0;
		free(dead);
		r->checked_ms = now;
	}
	return due ? share_all(r, err) : 0;
}

int mq_sq_group_commit(struct mq_sq_reader *r, struct mq_err *err)
{
	bool dirty = false;

	for (size_t i = 0; i < r->n_sources && !dirty; i++)
		for (size_t c = 0; c < r->sources[i]->n_cursors && !dirty; c++) {
			const struct mq_sq_cursor *cursor = &r->sources[i]->cursors[c];
			dirty = cursor->held && cursor->settled > cursor->committed;
		}
	if (!dirty)
		return 0;
	if (mq_sq_begin(&r->sq, err) < 0)
		return -1;
	if (write_all_settled(r, err) < 0) {
		mq_sq_rollback(&r->sq);
		return -1;
	}
	if (mq_sq_commit(&r->sq, err) < 0)
		return -1;
	all_committed(r);
	return 0;
}

int mq_sq_group_leave(struct mq_sq_reader *r, struct mq_err *err)
{
	if (r->member == 0)
		return 0;
	if (mq_sq_begin(&r->sq, err) < 0)
		return -1;
	if (write_all_settled(r, err) < 0 || remove_member(r, r->member, err) < 0 ||
	    mq_sq_run(&r->sq, err, "UPDATE mq_groups SET generation=generation+1 WHERE name=?", "s",
	              r->group) < 0) {
		mq_sq_rollback(&r->sq);
		return -1;
	}
	r->member = 0;
	return mq_sq_commit(&r->sq, err);
}
