/* Pending entries as dead letters: see held.h. Taking them over lives in takeover.c. */
#include "backend/redis/held_parts.h"

#include "mqtk/dead.h"

#include <stdlib.h>

enum {
	PAGE_FIRST = 100, /* pending entries asked for at once, */
	PAGE_MAX = 1000,
	HEADERS = 8,             /* of ours, at most */
	ENTRIES_BYTES = 4 << 20, /* what one fetch is aimed at */
};

/* --- opening --------------------------------------------------------------------------------- */

/* The address of the server, for those who find the letter elsewhere. */
static int name_origin(const struct mq_rd_conn *conn, struct mq_rd_held *held, struct mq_err *err)
{
	if (conn->socket)
		return mq_buf_printf(&held->broker, err, "redis+unix://%s/", conn->socket);
	if (conn->db > 0)
		return mq_buf_printf(&held->broker, err, "redis%s://%s/%lld/", conn->tls ? "s" : "",
		                     conn->hosts, (long long)conn->db);
	return mq_buf_printf(&held->broker, err, "redis%s://%s/", conn->tls ? "s" : "",
	                     conn->hosts);
}

/* How many pending entries the group has in that stream, and the last one. 1, 0 when there is no
 * such group, -1. */
static int summarise(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, int64_t *ret_n,
                     struct mq_err *err)
{
	struct mq_rd_conn *conn = r->conn;
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, cursor->name, MQ_RD_ERRORS, &conn->scratch,
	              MQ_RD_WORDS("XPENDING", cursor->name, r->group), &reply, err) < 0)
		return -1;
	if (mq_rd_reply_is_error(reply, "NOGROUP"))
		return 0;
	if (reply->type == REDIS_REPLY_ERROR)
		return mq_rd_fail_reply(conn, cursor->name, reply, err);
	*ret_n = mq_rd_reply_number(mq_rd_reply_at(reply, 0), -1);
	if (*ret_n < 0)
		return mq_rd_fail_shape(conn, "XPENDING", err);
	cursor->next = MQ_RD_ID_MIN;
	cursor->snapshot = mq_rd_id_in(mq_rd_reply_at(reply, 2), MQ_RD_ID_MIN);
	cursor->ended = *ret_n == 0;
	return 1;
}

int mq_rd_held_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err)
{
	struct mq_rd_held *held = calloc(1, sizeof *held);
	size_t groups = 0;

	if (!held)
		return mq_fail_memory(err);
	r->held = held;
	held->deliveries = spec->deliveries;
	held->idle_ms = spec->idle_ms > 0 ? spec->idle_ms : 0;
	held->page = PAGE_FIRST;
	mq_buf_init(&held->broker, 1 << 16);
	r->group = strdup(spec->group);
	if (!r->group)
		return mq_fail_memory(err);
	if (name_origin(r->conn, held, err) < 0)
		return -1;
	/* Of a run that was killed the name is free again, and with it what it had taken over. */
	if (mq_rd_member_name(r->conn, r->group, &r->member, &r->member_lock, err) < 0)
		return -1;
	r->base.expected = 0;
	for (size_t i = 0; i < r->n_cursors; i++) {
		int64_t n = 0;
		int found = summarise(r, r->cursors[i], &n, err);
		if (found < 0)
			return -1;
		if (!found && r->n_cursors == 1)
			return mq_rd_fail_no_group(r->conn, r->cursors[i]->name, r->group, err);
		groups += (size_t)found;
		r->cursors[i]->ended = r->cursors[i]->ended || !found;
		r->base.expected += n;
	}
	if (groups == 0)
		return mq_rd_fail_no_group(r->conn, "any of the streams", r->group, err);
	return 0;
}

/* --- pages ----------------------------------------------------------------------------------- */

static uint32_t name_of(struct mq_rd_held *held, const char *name, struct mq_err *err)
{
	size_t n = held->n_names;

	for (size_t i = 0; i < n; i++)
		if (strcmp(held->names[i], name) == 0)
			return (uint32_t)i;
	char **slot = mq_info_grow(&held->names, &held->n_names, sizeof *slot, err);
	if (!slot)
		return UINT32_MAX;
	*slot = strdup(name);
	if (!*slot) {
		held->n_names--;
		mq_fail_memory(err);
		return UINT32_MAX;
	}
	return (uint32_t)n;
}

/* One pending entry: a letter, or none yet. */
static int consider(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                    const struct mq_rd_reply *p, struct mq_err *err)
{
	struct mq_rd_held *held = r->held;
	const struct mq_rd_reply *member = mq_rd_reply_at(p, 1);
	int64_t idle = mq_rd_reply_number(mq_rd_reply_at(p, 2), -1);
	int64_t deliveries = mq_rd_reply_number(mq_rd_reply_at(p, 3), -1);
	struct mq_rd_id id;

	if (!member || idle < 0 || deliveries < 0 ||
	    !mq_rd_id_parse(mq_rd_reply_text(mq_rd_reply_at(p, 0)), 0, &id))
		return mq_rd_fail_shape(r->conn, "XPENDING", err);
	cursor->next = mq_rd_id_next(id);
	if (deliveries < held->deliveries || mq_rd_id_compare(id, cursor->snapshot) > 0)
		return 0;
	bool mine = strcmp(mq_rd_reply_text(member), r->member) == 0;
	if (idle < held->idle_ms && !mine) {
		held->young++;
		return 0;
	}
	uint32_t name = name_of(held, mq_rd_reply_text(member), err);
	struct mq_rd_letter *letter =
	    name == UINT32_MAX
	        ? NULL
	        : mq_info_grow(&held->letters, &held->n_letters, sizeof *letter, err);
	if (!letter)
		return -1;
	*letter = (struct mq_rd_letter){.serial = ++held->serial,
	                                .cursor = cursor,
	                                .id = id,
	                                .given_ms = mq_now_ms() - idle,
	                                .deliveries = deliveries,
	                                .member = name};
	return 0;
}

/* The next page of XPENDING, of which the letters are added. */
static int take_page(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, struct mq_err *err)
{
	struct mq_rd_conn *conn = r->conn;
	char from[MQ_RD_ID_TEXT], to[MQ_RD_ID_TEXT], count[24];
	const struct mq_rd_reply *reply;

	mq_rd_id_print(cursor->next, from);
	mq_rd_id_print(cursor->snapshot, to);
	snprintf(count, sizeof count, "%zu", r->held->page);
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, cursor->name, 0, &conn->scratch,
	              MQ_RD_WORDS("XPENDING", cursor->name, r->group, from, to, count), &reply,
	              err) < 0)
		return -1;
	if (reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(conn, "XPENDING", err);
	for (const struct mq_rd_reply *p = reply->first; p; p = p->next)
		if (consider(r, cursor, p, err) < 0)
			return -1;
	if (reply->n < r->held->page || mq_rd_id_compare(cursor->next, cursor->snapshot) > 0)
		cursor->ended = true;
	return 0;
}

/* --- entries --------------------------------------------------------------------------------- */

static const char *header_text(struct mq_rd_arena *arena, const char *text, struct mq_bytes *ret)
{
	size_t len = strlen(text);
	char *mine = mq_rd_arena_take(arena, len + 1);

	if (mine) {
		memcpy(mine, text, len + 1);
		*ret = mq_bytes_of(mine, len);
	}
	return mine;
}

/* Headers of an earlier death make room for those of this one. */
static int add_headers(struct mq_rd_reader *r, const struct mq_rd_letter *letter,
                       struct mq_message *message, struct mq_err *err)
{
	struct mq_rd_held *held = r->held;
	struct mq_rd_arena *arena = &held->entries;
	struct mq_header *headers =
	    mq_rd_arena_take(arena, (message->n_headers + HEADERS) * sizeof *headers);
	struct mq_bytes attempts, time;
	char text[24];
	size_t n = 0;

	if (!headers)
		return mq_fail_memory(err);
	snprintf(text, sizeof text, "%lld", (long long)letter->deliveries);
	if (!header_text(arena, text, &attempts))
		return mq_fail_memory(err);
	snprintf(text, sizeof text, "%lld", (long long)letter->given_ms);
	if (!header_text(arena, text, &time))
		return mq_fail_memory(err);
	for (size_t i = 0; i < message->n_headers; i++) {
		struct mq_bytes name = message->headers[i].name;
		if (name.len <= 4 || memcmp(name.data, "dlq-", 4) != 0 || !mq_dead_is_header(name))
			headers[n++] = message->headers[i];
	}
	const struct {
		const char *name;
		struct mq_bytes value;
	} ours[HEADERS] = {
	    {MQ_DEAD_BROKER, mq_bytes_of(held->broker.data, held->broker.len)},
	    {MQ_DEAD_STREAM, message->stream},
	    {MQ_DEAD_ID, message->id},
	    {MQ_DEAD_GROUP, mq_bytes_str(r->group)},
	    {MQ_DEAD_MEMBER, mq_bytes_str(held->names[letter->member])},
	    {MQ_DEAD_REASON, mq_bytes_str("max-deliveries")},
	    {MQ_DEAD_ATTEMPTS, attempts},
	    {MQ_DEAD_TIME, time},
	};
	for (size_t i = 0; i < HEADERS; i++)
		headers[n++] =
		    (struct mq_header){.name = mq_bytes_str(ours[i].name), .value = ours[i].value};
	message->headers = headers;
	message->n_headers = n;
	return 0;
}

static int lend(struct mq_rd_reader *r, const struct mq_rd_letter *letter,
                const struct mq_rd_reply *entry, struct mq_err *err)
{
	struct mq_message *message = &r->messages[r->n_messages];
	const struct mq_rd_reply *fields = mq_rd_reply_at(entry, 1);

	if (!fields)
		return mq_rd_fail_shape(r->conn, "XRANGE", err);
	*message = (struct mq_message)MQ_MESSAGE_INIT;
	message->stream = mq_bytes_of(letter->cursor->name, letter->cursor->name_len);
	message->id = entry->first->text;
	message->ts_ms = mq_rd_id_time(letter->id);
	message->ts_type = MQ_TS_APPEND;
	message->owner = letter->cursor;
	message->receipt = letter->serial;
	if (mq_rd_decode(&r->decoder, &r->held->entries, fields, message, err) < 0 ||
	    add_headers(r, letter, message, err) < 0)
		return -1;
	r->n_messages++;
	return 0;
}

/* Nothing is left of it but its place among the pending ones, which goes when letters do. */
static int bury(struct mq_rd_reader *r, struct mq_rd_letter *letter, struct mq_err *err)
{
	r->held->deleted++;
	letter->settled = true;
	return r->acks ? mq_rd_acks_add(r, letter->cursor, letter->id, err) : 0;
}

static const struct mq_rd_reply *entry_of(const struct mq_rd_question *q, struct mq_rd_id id)
{
	const struct mq_rd_reply *entry = mq_rd_reply_at(q->reply, 0);
	struct mq_rd_id got = mq_rd_id_in(mq_rd_reply_at(entry, 0), MQ_RD_ID_MIN);

	return entry && mq_rd_id_compare(got, id) == 0 ? entry : NULL;
}

static int check_answer(struct mq_rd_reader *r, const struct mq_rd_question *q, struct mq_err *err)
{
	if (!q->reply)
		return mq_rd_pass(err, &q->err);
	if (q->reply->type == REDIS_REPLY_ERROR)
		return mq_rd_fail_reply(r->conn, q->key, q->reply, err);
	return q->reply->type == REDIS_REPLY_ARRAY ? 0 : mq_rd_fail_shape(r->conn, "XRANGE", err);
}

static void ask_range(struct mq_rd_question *q, const struct mq_rd_letter *first,
                      const struct mq_rd_letter *last, const char *count)
{
	mq_rd_id_print(first->id, q->text[0]);
	mq_rd_id_print(last->id, q->text[1]);
	mq_rd_question_set(
	    q, first->cursor->name,
	    MQ_RD_WORDS("XRANGE", first->cursor->name, q->text[0], q->text[1], "COUNT", count));
}

/* Those that one answer did not reach, each by itself. */
static int lend_apart(struct mq_rd_reader *r, struct mq_rd_letter *letters, size_t n,
                      struct mq_err *err)
{
	struct mq_rd_question *questions = calloc(n, sizeof *questions);
	int result = -1;

	if (!questions)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n; i++)
		ask_range(&questions[i], &letters[i], &letters[i], "1");
	if (mq_rd_ask_many(r->conn, 0, &r->held->entries, questions, n, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		if (check_answer(r, &questions[i], err) < 0)
			goto out;
		const struct mq_rd_reply *entry = entry_of(&questions[i], letters[i].id);
		if ((entry ? lend(r, &letters[i], entry, err) : bury(r, &letters[i], err)) < 0)
			goto out;
	}
	result = 0;
out:
	free(questions);
	return result;
}

/* The entries of a page's letters, which are in order. Where they stand close together one answer
 * has them all. */
static int lend_page(struct mq_rd_reader *r, struct mq_rd_letter *letters, size_t n,
                     struct mq_err *err)
{
	struct mq_rd_question q = {0};
	char count[24];
	size_t i = 0;

	if (n == 0)
		return 0;
	snprintf(count, sizeof count, "%zu", n);
	ask_range(&q, &letters[0], &letters[n - 1], count);
	if (mq_rd_ask_many(r->conn, 0, &r->held->entries, &q, 1, err) < 0 ||
	    check_answer(r, &q, err) < 0)
		return -1;
	for (const struct mq_rd_reply *e = q.reply->first; e && i < n; e = e->next) {
		struct mq_rd_id id = mq_rd_id_in(mq_rd_reply_at(e, 0), MQ_RD_ID_MIN);
		while (i < n && mq_rd_id_compare(letters[i].id, id) < 0)
			if (bury(r, &letters[i++], err) < 0)
				return -1;
		if (i < n && mq_rd_id_compare(letters[i].id, id) == 0 &&
		    lend(r, &letters[i++], e, err) < 0)
			return -1;
	}
	if (q.reply->n == n)
		return i < n ? lend_apart(r, letters + i, n - i, err) : 0;
	for (; i < n; i++) /* it had everything that is there */
		if (bury(r, &letters[i], err) < 0)
			return -1;
	return 0;
}

/* --- fetching -------------------------------------------------------------------------------- */

static void say_what_stays(struct mq_rd_reader *r)
{
	struct mq_rd_held *held = r->held;

	if (held->said)
		return;
	held->said = true;
	if (held->young > 0)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_NOTE,
		       "%lld more entr%s given to a member less than %lld s ago, which may be "
		       "working on %s: not counted; --idle 0s counts %s too",
		       (long long)held->young, held->young == 1 ? "y was" : "ies were",
		       (long long)(held->idle_ms + 999) / 1000, held->young == 1 ? "it" : "them",
		       held->young == 1 ? "it" : "them");
	if (held->deleted > 0)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_NOTE,
		       "of %lld pending entr%s nothing is left in the stream: %s",
		       (long long)held->deleted, held->deleted == 1 ? "y" : "ies",
		       r->acks
		           ? "acknowledged"
		           : "'mqtk group claim' gives them to a member, which acknowledges them");
}

int mq_rd_held_fetch(struct mq_rd_reader *r, size_t max, struct mq_batch *ret_batch,
                     struct mq_err *err)
{
	struct mq_rd_held *held = r->held;

	mq_rd_arena_clear(&held->entries);
	for (; held->at < r->n_cursors && max > 0; held->at++) {
		struct mq_rd_cursor *cursor = r->cursors[held->at];
		while (!cursor->ended && r->n_messages < max) {
			size_t room = max - r->n_messages, before = held->n_letters;
			if (held->page > room)
				held->page = room;
			size_t bytes = held->entries.total;
			if (take_page(r, cursor, err) < 0 ||
			    lend_page(r, held->letters + before, held->n_letters - before, err) < 0)
				return -1;
			bytes = held->entries.total - bytes;
			if (bytes < ENTRIES_BYTES / 4 && held->page < PAGE_MAX)
				held->page = held->page * 2 < PAGE_MAX ? held->page * 2 : PAGE_MAX;
			else if (bytes > ENTRIES_BYTES && held->page > 1)
				held->page /= 2;
			if (held->entries.total > ENTRIES_BYTES ||
			    mq_cancel_signal(mq_rd_env_of(r)->cancel))
				break;
		}
		if (!cursor->ended)
			break;
	}
	r->ended = held->at == r->n_cursors;
	if (r->ended)
		say_what_stays(r);
	*ret_batch = (struct mq_batch){
	    .messages = r->messages, .n = r->n_messages, .caught_up = r->ended, .ended = r->ended};
	return 0;
}
