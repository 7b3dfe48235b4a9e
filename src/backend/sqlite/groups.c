/*
 * Groups from outside: where they stand, who reads for them, and moving or removing them. What a
 * member does for itself is in group.c.
 *
 * A group is there while it has a position or a living member. Its row in mq_groups is only the
 * count of changes that members watch: who changes positions or leases here raises it.
 */
#include "backend/sqlite/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#define ANY_STREAM ((int64_t)-1)

/* --- members --------------------------------------------------------------------------------- */

struct living {
	int64_t id;
	int64_t idle_ms;
	char name[256]; /* its own, or its number in the store */
	char from[64];
};

/* The living members of a group; those that read this stream. Free *ret. */
static int load_living(struct mq_sq *sq, const char *group, int64_t stream, struct living **ret,
                       size_t *ret_n, struct mq_err *err)
{
	char here[200];
	int got;
	sqlite3_stmt *stmt = mq_sq_query(
	    sq, err,
	    "SELECT id, host, pid, started, seen_ms, name FROM mq_members WHERE grp=?1 AND (?2<0 OR"
	    " id IN (SELECT member FROM mq_subscriptions WHERE stream=?2)) ORDER BY id",
	    "si", group, stream);

	*ret = NULL;
	*ret_n = 0;
	if (!stmt)
		return -1;
	mq_sq_host_name(here, sizeof here);
	while ((got = mq_sq_step(sq, stmt, err)) == 1) {
		if (!mq_sq_member_alive(stmt, here))
			continue;
		struct living *member = mq_info_grow(ret, ret_n, sizeof *member, err);
		if (!member) {
			sqlite3_reset(stmt);
			free(*ret);
			*ret = NULL;
			return -1;
		}
		const char *host = (const char *)sqlite3_column_text(stmt, 1);
		const char *name = (const char *)sqlite3_column_text(stmt, 5);
		int64_t idle = mq_now_ms() - sqlite3_column_int64(stmt, 4);
		member->id = sqlite3_column_int64(stmt, 0);
		member->idle_ms = idle > 0 ? idle : 0;
		if (name)
			snprintf(member->name, sizeof member->name, "%s", name);
		else
			snprintf(member->name, sizeof member->name, "member-%lld",
			         (long long)member->id);
		snprintf(member->from, sizeof member->from, "pid %lld%s",
		         (long long)sqlite3_column_int64(stmt, 2),
		         host && strcmp(host, here) == 0 ? "" : " on another machine");
	}
	if (got < 0) {
		free(*ret);
		*ret = NULL;
	}
	return got;
}

static int count_living(struct mq_sq *sq, const char *group, int64_t stream, size_t *ret,
                        struct mq_err *err)
{
	struct living *living;

	if (load_living(sq, group, stream, &living, ret, err) < 0)
		return -1;
	free(living);
	return 0;
}

/* 1, 0 or -1; and the streams' own question: any position there, or a member that reads it. */
static int stands_in(struct mq_sq *sq, const char *group, int64_t stream, struct mq_err *err)
{
	int64_t one;
	size_t living;
	int got = mq_sq_ints(sq, err,
	                     "SELECT 1 FROM mq_positions WHERE grp=?1 AND (?2<0 OR stream=?2)"
	                     " LIMIT 1",
	                     &one, 1, "si", group, stream);

	if (got != 0)
		return got;
	return count_living(sq, group, stream, &living, err) < 0 ? -1 : living > 0;
}

/* --- places ---------------------------------------------------------------------------------- */

/* The timestamp of the first message from an offset on. */
static int find_unread(struct mq_sq *sq, sqlite3_stmt *stmt, struct mq_place *place, int64_t from,
                       struct mq_err *err)
{
	sqlite3_bind_int64(stmt, 1, mq_sq_rowid(place->partition, from));
	sqlite3_bind_int64(stmt, 2, mq_sq_rowid(place->partition, place->end));
	int got = mq_sq_step(sq, stmt, err);
	if (got == 1) {
		place->unread_ts_ms = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return got < 0 ? -1 : 0;
}

static int fill_place(struct mq_sq *sq, sqlite3_stmt *row, sqlite3_stmt *unread, unsigned want,
                      struct mq_place *place, struct mq_err *err)
{
	if (sqlite3_column_type(row, 3) != SQLITE_NULL)
		place->committed = sqlite3_column_int64(row, 3);
	if (!(want & MQ_GROUP_ENDS))
		return 0;
	place->begin = sqlite3_column_int64(row, 1);
	place->end = sqlite3_column_int64(row, 2);
	if (place->committed < 0)
		return 0;
	/* What retention took away is nothing that waits to be read. */
	int64_t from = place->committed > place->begin ? place->committed : place->begin;
	place->lag = from > place->end ? 0 : place->end - from;
	return unread && place->lag > 0 ? find_unread(sq, unread, place, from, err) : 0;
}

static int add_places(struct mq_sq *sq, struct mq_group_info *group,
                      const struct mq_sq_stream *stream, const struct living *living,
                      size_t n_living, unsigned want, struct mq_err *err)
{
	sqlite3_stmt *unread = NULL;
	int got = -1;

	if (want & MQ_GROUP_AGES &&
	    mq_sq_stream_stmt(sq, &unread, stream->id,
	                      "SELECT ts FROM mq_%lld WHERE id>=? AND id<? ORDER BY id LIMIT 1",
	                      err) < 0)
		return -1;
	sqlite3_stmt *row = mq_sq_query(
	    sq, err,
	    "SELECT p.partition, p.begin, p.end, c.next, l.member FROM mq_partitions p"
	    " LEFT JOIN mq_positions c ON c.grp=?1 AND c.stream=p.stream AND "
	    "c.partition=p.partition"
	    " LEFT JOIN mq_leases l ON l.grp=?1 AND l.stream=p.stream AND l.partition=p.partition"
	    " WHERE p.stream=?2 ORDER BY p.partition",
	    "si", group->name, stream->id);
	while (row && (got = mq_sq_step(sq, row, err)) == 1) {
		struct mq_place *place =
		    mq_group_add_place(group, stream->name, sqlite3_column_int(row, 0), err);
		int64_t holder = sqlite3_column_int64(row, 4); /* 0: nobody */
		bool done = place && fill_place(sq, row, unread, want, place, err) == 0;
		for (size_t i = 0; done && i < n_living; i++)
			if (living[i].id == holder && !(place->member = strdup(living[i].name)))
				done = mq_fail_memory(err) == 0;
		if (!done) {
			sqlite3_reset(row);
			got = -1;
			break;
		}
	}
	sqlite3_finalize(unread);
	return got;
}

/* --- looking --------------------------------------------------------------------------------- */

static bool is_named(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int fill_group(struct mq_sq *sq, struct mq_group_info *group,
                      const struct mq_group_query *query, const struct mq_sq_stream *streams,
                      size_t n_streams, struct mq_err *err)
{
	struct living *living;
	size_t n;
	int result = -1;

	if (load_living(sq, group->name, ANY_STREAM, &living, &n, err) < 0)
		return -1;
	group->member_count = (int64_t)n;
	group->state = strdup(n ? "active" : "empty");
	if (!group->state) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; query->want & MQ_GROUP_MEMBERS && i < n; i++) {
		struct mq_group_member *member = mq_group_add_member(group, living[i].name, err);
		if (!member)
			goto out;
		member->idle_ms = living[i].idle_ms;
		if (!(member->from = strdup(living[i].from))) {
			mq_fail_memory(err);
			goto out;
		}
	}
	for (size_t i = 0; query->want & MQ_GROUP_PLACES && i < n_streams; i++) {
		/* A stream that was named belongs to a group that was named, commit or not. */
		if (!query->n_streams || !query->n_groups) {
			int stands = stands_in(sq, group->name, streams[i].id, err);
			if (stands < 0)
				goto out;
			if (!stands)
				continue;
		}
		if (add_places(sq, group, &streams[i], living, n, query->want, err) < 0)
			goto out;
	}
	result = 0;
out:
	free(living);
	return result;
}

static int no_group(struct mq_sq *sq, const char *name, struct mq_err *err)
{
	mq_fail(err, MQ_NOT_FOUND, "there is no group %s in %s", name, sq->path);
	return mq_hint(err,
	               "`mqtk group ls %s%s/` lists its groups; `mqtk consume --group` makes one",
	               sq->profile ? "" : "sqlite:", sq->profile ? sq->profile : sq->path);
}

static int add_named(struct mq_sq *sq, const struct mq_group_query *query,
                     struct mq_group_list *list, struct mq_err *err)
{
	for (size_t i = 0; i < query->n_groups; i++) {
		if (is_named(query->groups[i], query->groups, i))
			continue;
		struct mq_group_info *group = mq_group_list_add(list, query->groups[i], err);
		int there = group ? stands_in(sq, group->name, ANY_STREAM, err) : -1;
		if (there < 0)
			return -1;
		if (!there)
			no_group(sq, group->name, &group->err);
	}
	return 0;
}

/* All groups; of named streams those that stand in one of them. */
static int add_all(struct mq_sq *sq, const struct mq_group_query *query,
                   const struct mq_sq_stream *streams, size_t n_streams, struct mq_group_list *list,
                   struct mq_err *err)
{
	struct mq_group_list names = {0};
	int got = -1;
	sqlite3_stmt *stmt = mq_sq_query(
	    sq, err, "SELECT grp FROM mq_positions UNION SELECT grp FROM mq_members", "");

	while (stmt && (got = mq_sq_step(sq, stmt, err)) == 1) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		if (!mq_group_list_add(&names, name ? name : "", err)) {
			sqlite3_reset(stmt);
			got = -1;
			break;
		}
	}
	for (size_t i = 0; got == 0 && i < names.n; i++) {
		int there =
		    query->n_streams ? 0 : stands_in(sq, names.items[i].name, ANY_STREAM, err);
		for (size_t s = 0; query->n_streams && there == 0 && s < n_streams; s++)
			there = stands_in(sq, names.items[i].name, streams[s].id, err);
		if (there < 0 || (there && !mq_group_list_add(list, names.items[i].name, err)))
			got = -1;
	}
	mq_group_list_release(&names);
	return got;
}

/* The streams that were named, or all. */
static int load_streams(struct mq_sq *sq, const struct mq_group_query *query,
                        struct mq_sq_stream **ret, size_t *ret_n, struct mq_err *err)
{
	size_t kept = 0;

	if (mq_sq_stream_all(sq, ret, ret_n, err) < 0)
		return -1;
	if (!query->n_streams)
		return 0;
	for (size_t i = 0; i < *ret_n; i++)
		if (is_named((*ret)[i].name, query->streams, query->n_streams)) {
			struct mq_sq_stream named = (*ret)[i];
			(*ret)[i] = (*ret)[kept];
			(*ret)[kept++] = named;
		}
	for (size_t i = 0; i < query->n_streams; i++) {
		size_t s = 0;
		while (s < kept && strcmp((*ret)[s].name, query->streams[i]) != 0)
			s++;
		if (s == kept) {
			mq_sq_no_stream(sq, query->streams[i], err);
			mq_sq_streams_free(*ret, *ret_n);
			return -1;
		}
	}
	for (size_t i = kept; i < *ret_n; i++)
		mq_sq_stream_release(&(*ret)[i]);
	*ret_n = kept;
	return 0;
}

int mq_sq_groups(struct mq_sq *sq, const struct mq_group_query *query,
                 struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_sq_stream *streams;
	size_t n;
	int result = -1;

	if (mq_sq_begin_read(sq, err) < 0)
		return -1;
	if (load_streams(sq, query, &streams, &n, err) < 0) {
		mq_sq_rollback(sq);
		return -1;
	}
	if ((query->n_groups ? add_named(sq, query, ret_list, err)
	                     : add_all(sq, query, streams, n, ret_list, err)) < 0)
		goto out;
	for (size_t i = 0; i < ret_list->n; i++)
		if (ret_list->items[i].err.code == MQ_OK &&
		    fill_group(sq, &ret_list->items[i], query, streams, n, err) < 0)
			goto out;
	mq_group_list_sort(ret_list);
	result = 0;
out:
	mq_sq_rollback(sq);
	mq_sq_streams_free(streams, n);
	if (result < 0)
		mq_group_list_release(ret_list);
	return result;
}

/* --- changing -------------------------------------------------------------------------------- */

/* Tells the members that positions or leases are not what they were. */
static int raise_generation(struct mq_sq *sq, const char *group, struct mq_err *err)
{
	if (mq_sq_run(sq, err, "INSERT OR IGNORE INTO mq_groups VALUES(?, 0)", "s", group) < 0)
		return -1;
	return mq_sq_run(sq, err, "UPDATE mq_groups SET generation=generation+1 WHERE name=?", "s",
	                 group);
}

static int check_inactive(struct mq_sq *sq, const char *group, int64_t stream, const char *name,
                          struct mq_err *err)
{
	size_t living;

	if (count_living(sq, group, stream, &living, err) < 0)
		return -1;
	if (living == 0)
		return 0;
	mq_fail(err, MQ_USAGE, "group %s has %zu active member%s%s%s", group, living,
	        living == 1 ? "" : "s", name ? " in " : "", name ? name : "");
	return mq_hint(err, "end %s first, or --force", living == 1 ? "it" : "them");
}

/* Whether the group may be moved in this stream; fills *ret. */
static int check_stream(struct mq_sq *sq, const struct mq_group_set *set, const char *name,
                        struct mq_sq_stream *ret, struct mq_err *err)
{
	int found = mq_sq_stream_find(sq, name, ret, err);

	if (found == 0)
		mq_sq_no_stream(sq, name, err);
	if (found <= 0)
		return -1;
	int there = set->create ? stands_in(sq, set->group, ret->id, err) : 0;
	if (there < 0)
		return -1;
	if (there) {
		mq_fail(err, MQ_USAGE, "there is already a group %s in %s", set->group, name);
		return mq_hint(err, "`mqtk group reset` moves it");
	}
	return set->force ? 0 : check_inactive(sq, set->group, ret->id, name, err);
}

/* The lease goes with it: what a living member still commits for the old position is then refused,
 * and it takes the partition again from the new one. */
static int move(struct mq_sq *sq, const char *group, const struct mq_sq_stream *stream,
                const struct mq_group_move *to, struct mq_err *err)
{
	if (to->partition < 0 || to->partition >= stream->n_partitions)
		return mq_fail(err, MQ_NOT_FOUND, "%s has no partition %d; it has %d, from 0",
		               to->stream, (int)to->partition, (int)stream->n_partitions);
	if (to->offset < 0 || to->offset >= (int64_t)1 << MQ_SQ_OFFSET_BITS)
		return mq_fail(err, MQ_USAGE, "%lld is no offset of %s[%d]", (long long)to->offset,
		               to->stream, (int)to->partition);
	if (mq_sq_run(sq, err, "INSERT OR REPLACE INTO mq_positions VALUES(?, ?, ?, ?, ?)", "siiii",
	              group, stream->id, (int64_t)to->partition, to->offset, mq_now_ms()) < 0)
		return -1;
	return mq_sq_run(sq, err, "DELETE FROM mq_leases WHERE grp=? AND stream=? AND partition=?",
	                 "sii", group, stream->id, (int64_t)to->partition);
}

static int set_inside(struct mq_sq *sq, const struct mq_group_set *set, size_t *ret_failed,
                      struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	struct mq_err stream_err = MQ_ERR_INIT;
	const char *name = NULL;

	int there = set->create ? 1 : stands_in(sq, set->group, ANY_STREAM, err);
	if (there <= 0)
		return there < 0 ? -1 : no_group(sq, set->group, err);
	for (size_t i = 0; i < set->n; i++) {
		struct mq_group_move *to = &set->moves[i];
		mq_err_clear(&to->err);
		if (!name || strcmp(name, to->stream) != 0) {
			name = to->stream;
			mq_sq_stream_release(&stream);
			mq_err_clear(&stream_err);
			check_stream(sq, set, name, &stream, &stream_err);
		}
		if (stream_err.code != MQ_OK)
			to->err = stream_err;
		else
			move(sq, set->group, &stream, to, &to->err);
		*ret_failed += to->err.code != MQ_OK;
	}
	mq_sq_stream_release(&stream);
	return raise_generation(sq, set->group, err);
}

int mq_sq_group_set(struct mq_sq *sq, const struct mq_group_set *set, struct mq_err *err)
{
	size_t failed = 0;

	if (mq_sq_begin(sq, err) < 0)
		return -1;
	if (set_inside(sq, set, &failed, err) < 0) {
		mq_sq_rollback(sq);
		return -1;
	}
	if (failed == set->n && failed > 0) {
		mq_sq_rollback(sq);
		*err = set->moves[0].err;
		return -1;
	}
	if (mq_sq_commit(sq, err) < 0)
		return -1;
	return failed ? mq_fail(err, MQ_PARTIAL, "group %s: %zu of %zu partitions were not moved",
	                        set->group, failed, set->n)
	              : 0;
}

static int remove_from(struct mq_sq *sq, const struct mq_group_removal *removal, const char *name,
                       struct mq_err *err)
{
	struct mq_sq_stream stream = {0};
	int found = mq_sq_stream_find(sq, name, &stream, err);
	int64_t id = stream.id;

	mq_sq_stream_release(&stream);
	if (found == 0)
		mq_sq_no_stream(sq, name, err);
	if (found <= 0)
		return -1;
	int there = stands_in(sq, removal->group, id, err);
	if (there == 0)
		return mq_fail(err, MQ_NOT_FOUND, "there is no group %s in %s", removal->group,
		               name);
	if (there < 0 ||
	    (!removal->force && check_inactive(sq, removal->group, id, name, err) < 0) ||
	    mq_sq_run(sq, err, "DELETE FROM mq_positions WHERE grp=? AND stream=?", "si",
	              removal->group, id) < 0)
		return -1;
	return mq_sq_run(sq, err, "DELETE FROM mq_leases WHERE grp=? AND stream=?", "si",
	                 removal->group, id);
}

/* Members that go on reading although the group is removed by force join it again. */
static int remove_whole(struct mq_sq *sq, const struct mq_group_removal *removal,
                        struct mq_err *err)
{
	static const char *const deletes[] = {
	    "DELETE FROM mq_positions WHERE grp=?",
	    "DELETE FROM mq_leases WHERE grp=?",
	    "DELETE FROM mq_subscriptions WHERE member IN (SELECT id FROM mq_members WHERE grp=?)",
	    "DELETE FROM mq_members WHERE grp=?",
	};
	int there = stands_in(sq, removal->group, ANY_STREAM, err);

	if (there <= 0)
		return there < 0 ? -1 : no_group(sq, removal->group, err);
	if (!removal->force && check_inactive(sq, removal->group, ANY_STREAM, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof deletes / sizeof deletes[0]; i++)
		if (mq_sq_run(sq, err, deletes[i], "s", removal->group) < 0)
			return -1;
	return 0;
}

int mq_sq_group_remove(struct mq_sq *sq, const struct mq_group_removal *removal, struct mq_err *err)
{
	int result = 0;

	if (mq_sq_begin(sq, err) < 0)
		return -1;
	if (!removal->n_streams)
		result = remove_whole(sq, removal, err);
	for (size_t i = 0; i < removal->n_streams && result == 0; i++)
		result = remove_from(sq, removal, removal->streams[i], err);
	if (result == 0)
		result = raise_generation(sq, removal->group, err);
	if (result == 0)
		return mq_sq_commit(sq, err);
	mq_sq_rollback(sq);
	return -1;
}
