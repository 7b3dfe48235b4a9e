/*
 * Moving, making and removing groups and their members. Redis refuses none of it; what would pull
 * the rug from under a living reader, or lose what was delivered, is refused here.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

enum { ACTIVE_MS = 10000 }; /* a consumer that was heard of since then lives */

/* How far entries are counted, so that XINFO can tell the lag of a group in mid-stream. */
static const struct mq_rd_count_limit count_limit = {100000, (size_t)64 << 20};

/* What there is of a group in one stream. */
struct found {
	bool stream, group;
	struct mq_rd_extent extent;
	int64_t pending;
	size_t active;
	char active_name[100]; /* one of them */
	int64_t active_idle;
	/* Of the member that is asked about. */
	bool member;
	int64_t member_pending;
};

/* --- looking --------------------------------------------------------------------------------- */

static void take_consumers(const struct mq_rd_reply *reply, const char *member, struct found *ret)
{
	for (const struct mq_rd_reply *c = mq_rd_reply_at(reply, 0); c; c = c->next) {
		const char *name = mq_rd_reply_text(mq_rd_reply_member(c, "name"));
		int64_t idle = mq_rd_reply_number(mq_rd_reply_member(c, "idle"), INT64_MAX);
		if (member && strcmp(name, member) == 0) {
			ret->member = true;
			ret->member_pending =
			    mq_rd_reply_number(mq_rd_reply_member(c, "pending"), 0);
		}
		if (idle >= ACTIVE_MS)
			continue;
		ret->active++;
		ret->active_idle = idle;
		snprintf(ret->active_name, sizeof ret->active_name, "%s", name);
	}
}

/* XINFO of a stream and of the group in it. What is not there is no error. */
static int find(struct mq_rd_conn *conn, const char *stream, const char *group, const char *member,
                struct found *ret, struct mq_err *err)
{
	struct mq_rd_question q[3];

	*ret = (struct found){0};
	mq_rd_question_set(&q[0], stream, MQ_RD_WORDS("XINFO", "STREAM", stream));
	mq_rd_question_set(&q[1], stream, MQ_RD_WORDS("XINFO", "GROUPS", stream));
	mq_rd_question_set(&q[2], stream, MQ_RD_WORDS("XINFO", "CONSUMERS", stream, group));
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask_many(conn, 0, &conn->scratch, q, 3, err) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		if (!q[i].reply)
			return mq_rd_pass(err, &q[i].err);
		const char *text = mq_rd_reply_text(q[i].reply);
		if (q[i].reply->type != REDIS_REPLY_ERROR)
			continue;
		if (strcasestr(text, "no such key"))
			return 0;
		if (!mq_rd_reply_is_error(q[i].reply, "NOGROUP"))
			return mq_rd_fail_reply(conn, stream, q[i].reply, err);
	}
	if (!mq_rd_extent_read(q[0].reply, &ret->extent))
		return mq_rd_fail_shape(conn, "XINFO STREAM", err);
	ret->stream = true;
	for (const struct mq_rd_reply *g = mq_rd_reply_at(q[1].reply, 0); g; g = g->next) {
		if (strcmp(mq_rd_reply_text(mq_rd_reply_member(g, "name")), group) != 0)
			continue;
		ret->group = true;
		ret->pending = mq_rd_reply_number(mq_rd_reply_member(g, "pending"), 0);
	}
	take_consumers(q[2].reply, member, ret);
	return 0;
}

static int fail_active(const char *stream, const char *group, const struct found *found,
                       struct mq_err *err)
{
	char ago[MQ_DURATION_TEXT];

	mq_duration_format(found->active_idle, ago);
	mq_fail(err, MQ_USAGE, "group %s has %zu active member%s in %s: %s was heard of %s ago",
	        group, found->active, found->active == 1 ? "" : "s", stream, found->active_name,
	        ago);
	return mq_hint(err, "stop it and try again %d s later; --force does it under its feet",
	               ACTIVE_MS / 1000);
}

/* --- moving and making ----------------------------------------------------------------------- */

/* The last delivered id that a move means. */
static int delivered_of(const struct mq_group_move *move, struct mq_rd_id *ret, struct mq_err *err)
{
	if (!mq_rd_id_parse(move->id, 0, ret))
		return mq_fail(err, MQ_USAGE, "%s: '%s' is no id like 1700000000000-0",
		               move->stream, move->id);
	if (!move->delivered)
		*ret = mq_rd_id_previous(*ret);
	return 0;
}

static int check_move(struct mq_rd_conn *conn, const struct mq_group_set *set,
                      const struct mq_group_move *move, struct found *found, struct mq_err *err)
{
	struct mq_rd_id id;

	if (delivered_of(move, &id, err) < 0 ||
	    find(conn, move->stream, set->group, NULL, found, err) < 0)
		return -1;
	if (!found->stream)
		return mq_rd_fail_missing(conn, move->stream, err);
	if (set->create && found->group) {
		mq_fail(err, MQ_USAGE, "%s: there is already a group %s in %s", conn->shown,
		        set->group, move->stream);
		return mq_hint(err, "mqtk group reset moves it");
	}
	if (!set->create && !found->group)
		return mq_rd_fail_no_group(conn, move->stream, set->group, err);
	if (!set->create && found->active > 0 && !set->force)
		return fail_active(move->stream, set->group, found, err);
	return 0;
}

/* How many entries the group is to have read, so that XINFO tells its lag; -1: the server works it
 * out by itself, or nobody can tell. */
static int entries_read(struct mq_rd_conn *conn, const char *stream, struct mq_rd_id delivered,
                        const struct mq_rd_extent *extent, int64_t *ret, struct mq_err *err)
{
	struct mq_rd_count count;

	*ret = -1;
	/* Behind the last id, or in front of the first entry, the server needs no help. */
	if (extent->added < 0 || mq_rd_id_compare(delivered, extent->last) > 0 ||
	    mq_rd_id_compare(delivered, extent->first) < 0)
		return 0;
	if (mq_rd_id_compare(delivered, extent->newest) >= 0) {
		*ret = extent->added;
		return 0;
	}
	if (mq_rd_count(conn, stream, mq_rd_id_next(delivered), NULL, &count_limit, &count, err) <
	    0)
		return -1;
	if (count.after >= 0 && count.after <= extent->added)
		*ret = extent->added - count.after;
	return 0;
}

static int move_one(struct mq_rd_conn *conn, const struct mq_group_set *set,
                    const struct mq_group_move *move, const struct found *found, struct mq_err *err)
{
	const char *verb = set->create ? "CREATE" : "SETID";
	const struct mq_rd_reply *reply;
	struct mq_rd_id id;
	char text[MQ_RD_ID_TEXT], number[24];
	int64_t read;

	if (delivered_of(move, &id, err) < 0 ||
	    entries_read(conn, move->stream, id, &found->extent, &read, err) < 0)
		return -1;
	mq_rd_id_print(id, text);
	snprintf(number, sizeof number, "%lld", (long long)read);
	mq_rd_arena_clear(&conn->scratch);
	return mq_rd_ask(conn, move->stream, set->create ? MQ_RD_ONCE : 0, &conn->scratch,
	                 MQ_RD_WORDS("XGROUP", verb, move->stream, set->group, text,
	                             read < 0 ? NULL : "ENTRIESREAD", number),
	                 &reply, err);
}

/* What became of all of them: the common reason, or a part. */
static int sum_up(const struct mq_rd_conn *conn, const struct mq_group_set *set, struct mq_err *err)
{
	const struct mq_err *first = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (!set->moves[i].err.code)
			continue;
		first = first ? first : &set->moves[i].err;
		failed++;
	}
	if (failed == 0)
		return 0;
	if (failed == set->n)
		return mq_rd_pass(err, first);
	mq_fail(err, MQ_PARTIAL, "%s: group %s was not moved in %zu of %zu streams: %s",
	        conn->shown, set->group, failed, set->n, first->message);
	return mq_hint(err, "%s", first->hint);
}

int mq_rd_group_set(struct mq_conn *base, const struct mq_group_set *set, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	struct found *found = calloc(set->n ? set->n : 1, sizeof *found);
	int result = -1;

	if (!found)
		return mq_fail_memory(err);
	for (size_t i = 0; i < set->n; i++) {
		struct mq_group_move *move = &set->moves[i];
		move->err = (struct mq_err)MQ_ERR_INIT;
		/* A group in use is moved as a whole or not at all. */
		if (check_move(conn, set, move, &found[i], &move->err) < 0 &&
		    (move->err.code == MQ_CANCELLED ||
		     (found[i].active > 0 && !set->force && !set->create))) {
			mq_rd_pass(err, &move->err);
			goto out;
		}
	}
	for (size_t i = 0; i < set->n; i++) {
		struct mq_group_move *move = &set->moves[i];
		if (!move->err.code && move_one(conn, set, move, &found[i], &move->err) < 0 &&
		    move->err.code == MQ_CANCELLED) {
			mq_rd_pass(err, &move->err);
			goto out;
		}
	}
	result = sum_up(conn, set, err);
out:
	free(found);
	return result;
}

/* --- removing -------------------------------------------------------------------------------- */

static int fail_holding(const struct mq_group_removal *removal, const char *stream, int64_t n,
                        struct mq_err *err)
{
	if (removal->member) {
		mq_fail(err, MQ_USAGE,
		        "member %s of group %s holds %lld message%s of %s that %s not settled: "
		        "without it they would be lost",
		        removal->member, removal->group, (long long)n, n == 1 ? "" : "s", stream,
		        n == 1 ? "is" : "are");
		return mq_hint(err, "mqtk group claim gives them to another member; --force drops "
		                    "them");
	}
	mq_fail(err, MQ_USAGE,
	        "group %s has %lld message%s of %s delivered and not settled: without it nobody "
	        "gets %s again",
	        removal->group, (long long)n, n == 1 ? "" : "s", stream, n == 1 ? "it" : "them");
	return mq_hint(err, "let its members finish, or mqtk group claim; --force drops them");
}

static int check_removal(const struct mq_group_removal *removal, const char *stream,
                         const struct found *found, struct mq_err *err)
{
	int64_t held = removal->member ? found->member_pending : found->pending;

	if (removal->force)
		return 0;
	if (held > 0)
		return fail_holding(removal, stream, held, err);
	/* A member that still reads is there again at its next look, and nothing is lost. */
	if (!removal->member && found->active > 0)
		return fail_active(stream, removal->group, found, err);
	return 0;
}

/* Removes a member, or returns -1 when it holds something: in one step, for a member that reads may
 * be given messages at any moment. */
static const char remove_idle_member[] =
    "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return -1 end "
    "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])";

static int remove_member(struct mq_rd_conn *conn, const struct mq_group_removal *removal,
                         const char *stream, struct mq_err *err)
{
	const struct mq_rd_reply *reply;
	struct found found;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("EVAL", remove_idle_member, "1", stream, removal->group,
	                          removal->member),
	              &reply, err) < 0)
		return -1;
	if (reply->type != REDIS_REPLY_ERROR && mq_rd_reply_number(reply, 0) >= 0)
		return 0;
	if (reply->type != REDIS_REPLY_ERROR) {
		if (find(conn, stream, removal->group, removal->member, &found, err) < 0)
			return -1;
		return fail_holding(removal, stream,
		                    found.member_pending > 0 ? found.member_pending : 1, err);
	}
	/* Who may not run scripts removes it all the same, and is told when that was too early. */
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, stream, 0, &conn->scratch,
	              MQ_RD_WORDS("XGROUP", "DELCONSUMER", stream, removal->group, removal->member),
	              &reply, err) < 0)
		return -1;
	if (mq_rd_reply_number(reply, 0) > 0)
		mq_log(conn->base.env, MQ_LEVEL_WARN,
		       "%s: member %s of group %s was given %lld messages at that moment, which "
		       "nobody gets again",
		       stream, removal->member, removal->group,
		       (long long)mq_rd_reply_number(reply, 0));
	return 0;
}

static int remove_one(struct mq_rd_conn *conn, const struct mq_group_removal *removal,
                      const char *stream, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	if (removal->member && !removal->force)
		return remove_member(conn, removal, stream, err);
	mq_rd_arena_clear(&conn->scratch);
	return mq_rd_ask(conn, stream, 0, &conn->scratch,
	                 MQ_RD_WORDS("XGROUP", removal->member ? "DELCONSUMER" : "DESTROY", stream,
	                             removal->group, removal->member),
	                 &reply, err);
}

/* Keeps the streams in which there is something to remove; the others are freed. */
static int check_all(struct mq_rd_conn *conn, const struct mq_group_removal *removal,
                     char **streams, size_t *n, struct mq_err *err)
{
	struct mq_err refused = MQ_ERR_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		struct found found;
		if (find(conn, streams[i], removal->group, removal->member, &found, err) < 0)
			return -1;
		bool there = removal->member ? found.member : found.group;
		if (removal->n_streams && !found.stream)
			return mq_rd_fail_missing(conn, streams[i], err);
		if (removal->n_streams && !found.group)
			return mq_rd_fail_no_group(conn, streams[i], removal->group, err);
		if (!there)
			continue;
		check_removal(removal, streams[i], &found, &refused);
		char *mine = streams[i];
		streams[i] = streams[kept];
		streams[kept++] = mine;
	}
	for (size_t i = kept; i < *n; i++)
		free(streams[i]);
	*n = kept;
	return refused.code ? mq_rd_pass(err, &refused) : 0;
}

int mq_rd_group_remove(struct mq_conn *base, const struct mq_group_removal *removal,
                       struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	struct mq_err partial = MQ_ERR_INIT;
	char **streams = NULL;
	size_t n = 0;
	int result = -1;

	if (mq_rd_find_streams(conn, removal->streams, removal->n_streams, &streams, &n, &partial,
	                       err) < 0)
		goto out;
	/* What cannot be looked at cannot be removed: rather nothing than a part. */
	if (partial.code) {
		mq_rd_pass(err, &partial);
		goto out;
	}
	if (check_all(conn, removal, streams, &n, err) < 0)
		goto out;
	if (n == 0) {
		if (removal->member)
			mq_fail(err, MQ_NOT_FOUND, "%s: group %s has no member %s", conn->shown,
			        removal->group, removal->member);
		else
			mq_fail(err, MQ_NOT_FOUND, "%s: there is no group %s", conn->shown,
			        removal->group);
		mq_hint(err, removal->member ? "mqtk group show lists its members"
		                             : "mqtk group ls shows those that there are");
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		if (remove_one(conn, removal, streams[i], err) < 0)
			goto out;
	result = 0;
out:
	mq_rd_names_free(streams, n);
	return result;
}
