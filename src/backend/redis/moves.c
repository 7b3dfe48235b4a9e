/*
 * Messages that are stored while what they were made of is settled: one transaction (MULTI … EXEC)
 * for a number of them, sent in a pipeline with others.
 *
 * Within EXEC every command runs, whatever became of those before it: an XADD that the server
 * refuses there (the key is a string by now, the ids are used up) would not keep an XACK behind it
 * from losing the message. So the last XADD and the settling of all are one small script, which
 * settles only what was added: nothing comes between the commands of an EXEC, so what fails one
 * XADD fails all behind it, the last one included.
 */
#include "backend/redis/group.h"
#include "backend/redis/moves_parts.h"

#include <stdlib.h>

enum {
	ITEMS_BYTES = 64 * 1024, /* about how large the messages of one transaction are */
	WORDS_MAX = 1000,        /* of one message: Lua's stack has an end */
	HEAD_WORDS = 9,          /* of EVAL, in front of the ids or without them */
};

/* Of both scripts: KEYS: source and target. The last of ARGV are the words of XADD behind the key.
 * Returns the new id, or the error behind '-'; how many were settled (-1: refused); and 0 where
 * that was not done as it is meant. */

/* ARGV: the command that settles, the group, the number of ids, the ids. */
static const char deleting[] =
    "local n=tonumber(ARGV[3]) "
    "local a=redis.pcall('XADD',KEYS[2],unpack(ARGV,4+n)) "
    "if not a then return {'-',-1,1} end "
    "if type(a)=='table' then return {'-'..a.err,-1,1} end "
    "local d if ARGV[1]=='XACK' then d=redis.pcall('XACK',KEYS[1],ARGV[2],unpack(ARGV,4,3+n)) "
    "else d=redis.pcall('XDEL',KEYS[1],unpack(ARGV,4,3+n)) end "
    "if type(d)=='table' then d=-1 end "
    "return {a,d,1}";

/* Entries that follow each other from the first one of the stream on: to cut them off costs the
 * server a small part of what it costs to delete each. Where others stand before them by now, or
 * that is not allowed, they are deleted. ARGV: the first id, the last, what is next to that, how
 * many there are. */
static const char cutting[] =
    "local a=redis.pcall('XADD',KEYS[2],unpack(ARGV,5)) "
    "if not a then return {'-',-1,1} end "
    "if type(a)=='table' then return {'-'..a.err,-1,1} end "
    "local d,e=nil,redis.pcall('XRANGE',KEYS[1],'-','('..ARGV[1],'COUNT',1) "
    "if not e.err and #e==0 then "
    "d=redis.pcall('XTRIM',KEYS[1],'MINID','=',ARGV[3]) "
    "if type(d)=='number' then return {a,d,1} end end "
    "e=redis.pcall('XRANGE',KEYS[1],ARGV[1],ARGV[2]) "
    "if e.err or #e>tonumber(ARGV[4]) then return {a,-1,0} end "
    "if #e==0 then return {a,0,0} end "
    "for i=1,#e do e[i]=e[i][1] end "
    "d=redis.pcall('XDEL',KEYS[1],unpack(e)) "
    "if type(d)=='table' then d=-1 end "
    "return {a,d,0}";

void mq_rd_moves_free(struct mq_rd_moves *moves)
{
	if (moves)
		free(moves->target);
	free(moves);
}

struct mq_bytes mq_rd_moves_key(const struct mq_rd_moves *moves)
{
	return mq_bytes_of(moves->target, moves->target_len);
}

size_t mq_rd_moves_count(const struct mq_rd_moves *moves)
{
	return moves->n;
}

void mq_rd_moves_sent(struct mq_rd_moves *moves)
{
	moves->answers = 0;
	moves->error[0] = '\0';
}

/* --- whether it can be ----------------------------------------------------------------------- */

/* Which server has the key, as it calls itself in this run; "" when it does not say. */
static int ask_name(struct mq_rd_conn *conn, const char *key, char *ret, size_t size)
{
	static const char label[] = "run_id:";
	const struct mq_rd_reply *reply;
	struct mq_err ignored = MQ_ERR_INIT;

	ret[0] = '\0';
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, key, MQ_RD_ERRORS, &conn->scratch, MQ_RD_WORDS("INFO", "server"),
	              &reply, &ignored) < 0)
		return -1;
	const char *at = strstr(mq_rd_reply_text(reply), label);
	if (reply->type == REDIS_REPLY_STRING && at)
		snprintf(ret, size, "%.*s", (int)strcspn(at + strlen(label), "\r\n"),
		         at + strlen(label));
	return ret[0] ? 0 : -1;
}

static bool is_answered(struct mq_rd_conn *conn, const char *key, const char *const *words,
                        int type)
{
	const struct mq_rd_reply *reply;
	struct mq_err ignored = MQ_ERR_INIT;

	mq_rd_arena_clear(&conn->scratch);
	return mq_rd_ask(conn, key, MQ_RD_ERRORS | MQ_RD_ONCE, &conn->scratch, words, &reply,
	                 &ignored) == 0 &&
	       reply->type == type;
}

/* Not everybody may do that, and not every server can. */
static bool has_transactions(struct mq_rd_conn *conn, const char *key)
{
	return is_answered(conn, key, MQ_RD_WORDS("MULTI"), REDIS_REPLY_STATUS) &&
	       is_answered(conn, key, MQ_RD_WORDS("EXEC"), REDIS_REPLY_ARRAY) &&
	       is_answered(conn, key, MQ_RD_WORDS("EVAL", "return 1", "1", key),
	                   REDIS_REPLY_INTEGER);
}

/* Whether both have the same data, and nobody asked for more than a transaction can tell. */
static bool joins(struct mq_rd_writer *w, struct mq_rd_reader *r)
{
	char mine[64], theirs[64];
	const char *key = r->n_cursors > 0 ? r->cursors[0]->name : "";

	/* Replicas have to confirm a message before its original may go. */
	if (!r->acks || w->conn->wait_replicas > 0 || w->conn->db != r->conn->db ||
	    w->conn->cluster != r->conn->cluster)
		return false;
	bool same = ask_name(w->conn, key, mine, sizeof mine) == 0 &&
	            ask_name(r->conn, key, theirs, sizeof theirs) == 0 &&
	            strcmp(mine, theirs) == 0 && has_transactions(w->conn, key);
	mq_log(w->conn->base.env, MQ_LEVEL_VERBOSE, "%s: messages are %s", w->conn->shown,
	       same ? "added and settled in transactions"
	            : "settled once they are added: source and target are not the same server, or "
	              "it allows no transactions or scripts");
	return same;
}

/* --- taking ---------------------------------------------------------------------------------- */

/* A transaction that is being collected: w->moving has the commands of all its messages but the
 * last one, w->last the words of that. */
struct batch {
	struct mq_rd_moves *moves; /* or NULL */
	size_t last_words;
	char (*ids)[MQ_RD_ID_TEXT]; /* of the originals */
	struct mq_rd_id last;
	char count[24], behind[MQ_RD_ID_TEXT];
};

/* The last one becomes a command, as another follows. */
static int add_last(struct mq_rd_writer *w, const struct batch *batch, struct mq_err *err)
{
	const char *const head[] = {"XADD", batch->moves->target};
	const size_t lens[] = {4, batch->moves->target_len};

	return mq_rd_count_append(&w->moving, 2 + batch->last_words, err) < 0 ||
	               mq_rd_words_append(&w->moving, 2, head, lens, err) < 0 ||
	               mq_buf_append(&w->moving, w->last.data, w->last.len, err) < 0
	           ? -1
	           : 0;
}

/* The words of the script's command in front of the last message's own: *ret_n of them. */
static void script_words(struct batch *batch, const char *words[], size_t *ret_n)
{
	struct mq_rd_moves *moves = batch->moves;
	const struct mq_rd_reader *r = moves->reader;
	size_t n = 0;

	/* Nothing is next to that, and so it could not be cut off. */
	if (mq_rd_id_compare(batch->last, MQ_RD_ID_MAX) == 0)
		moves->cuts = false;
	snprintf(batch->count, sizeof batch->count, "%zu", moves->n);
	words[n++] = "EVAL";
	words[n++] = moves->cuts ? cutting : deleting;
	words[n++] = "2";
	words[n++] = moves->source->name;
	words[n++] = moves->target;
	if (moves->cuts) {
		mq_rd_id_print(mq_rd_id_next(batch->last), batch->behind);
		words[n++] = batch->ids[0];
		words[n++] = batch->ids[moves->n - 1];
		words[n++] = batch->behind;
		words[n++] = batch->count;
	} else {
		words[n++] = r->group ? "XACK" : "XDEL";
		words[n++] = r->group ? r->group : "";
		words[n++] = batch->count;
		for (size_t i = 0; i < moves->n; i++)
			words[n++] = batch->ids[i];
	}
	*ret_n = moves->head_words = n;
}

static int append_all(struct mq_rd_writer *w, struct batch *batch, struct mq_err *err)
{
	static const char *const multi[] = {"MULTI"}, *const exec[] = {"EXEC"};
	const char *words[HEAD_WORDS + MQ_RD_MOVES_MAX];
	size_t n;

	script_words(batch, words, &n);
	return mq_rd_command_append(&w->data, 1, multi, NULL, err) < 0 ||
	               mq_buf_append(&w->data, w->moving.data, w->moving.len, err) < 0 ||
	               mq_rd_count_append(&w->data, n + batch->last_words, err) < 0 ||
	               mq_rd_words_append(&w->data, n, words, NULL, err) < 0 ||
	               mq_buf_append(&w->data, w->last.data, w->last.len, err) < 0 ||
	               mq_rd_command_append(&w->data, 1, exec, NULL, err) < 0
	           ? -1
	           : 0;
}

/* What was collected is to be sent. */
static int finish(struct mq_rd_writer *w, struct batch *batch, struct mq_err *err)
{
	struct mq_rd_moves *moves = batch->moves;
	size_t before = w->data.len;

	if (!moves)
		return 0;
	int result = append_all(w, batch, err);
	batch->moves = NULL;
	if (result == 0)
		result = mq_rd_slot_add_moves(w, moves, before, err);
	if (result < 0) {
		w->data.len = before;
		mq_rd_moves_free(moves);
	}
	return result;
}

/* What a stream begins with was moved up to here, and this is the next one. */
static bool is_front(const struct mq_message *original)
{
	const struct mq_rd_cursor *source = original->owner;

	return source->cuts && original->receipt == source->moved + 1;
}

static bool belongs(const struct mq_rd_writer *w, const struct batch *batch,
                    const struct mq_message *original, struct mq_bytes target)
{
	const struct mq_rd_moves *moves = batch->moves;

	return moves->n < MQ_RD_MOVES_MAX && w->moving.len < ITEMS_BYTES &&
	       moves->source == original->owner && moves->cuts == is_front(original) &&
	       mq_bytes_equal(target, mq_rd_moves_key(moves));
}

static int begin(struct mq_rd_writer *w, struct mq_rd_reader *r, struct batch *batch,
                 const struct mq_message *original, struct mq_bytes target, struct mq_err *err)
{
	struct mq_rd_moves *moves = malloc(sizeof *moves);

	if (!moves || !(moves->target = strndup(target.data, target.len))) {
		free(moves);
		return mq_fail_memory(err);
	}
	moves->reader = r;
	moves->source = original->owner;
	moves->target_len = target.len;
	moves->cuts = is_front(original);
	moves->n = 0;
	mq_rd_moves_sent(moves);
	mq_buf_clear(&w->moving);
	batch->moves = moves;
	return 0;
}

/* True when the message can be a part of a transaction: where its original is, and of a size that
 * Lua can have. */
static bool can_move(const struct mq_rd_writer *w, const struct mq_message *original,
                     struct mq_bytes target)
{
	const struct mq_rd_cursor *source = original->owner;
	struct mq_rd_id id;

	if (memchr(target.data, 0, target.len) || !mq_rd_id_parse(original->id.data, 0, &id))
		return false;
	return !w->conn->cluster ||
	       mq_rd_slot_of(target) == mq_rd_slot_of(mq_bytes_of(source->name, source->name_len));
}

static bool is_small(const struct mq_rd_writer *w)
{
	const struct mq_rd_encoder *e = &w->encoder;

	for (size_t i = MQ_RD_WORDS_MAX; i < e->n; i++)
		if (e->lens[i] > w->value_max)
			return false;
	return e->n - MQ_RD_WORDS_MAX <= WORDS_MAX;
}

/* 1 when it is one of the batch now, 0 when it has to be written by itself, -1. */
static int take(struct mq_rd_writer *w, struct mq_rd_reader *r, struct batch *batch,
                const struct mq_message *message, const struct mq_message *original,
                struct mq_err *err)
{
	struct mq_rd_encoder *e = &w->encoder;
	struct mq_bytes target =
	    message->stream.data ? message->stream : mq_bytes_of(w->stream, w->stream_len);

	if (!can_move(w, original, target))
		return 0;
	if (mq_rd_encode(e, message, err) < 0)
		return -1;
	if (!is_small(w))
		return 0;
	if (batch->moves && !belongs(w, batch, original, target) && finish(w, batch, err) < 0)
		return -1;
	if (!batch->moves && begin(w, r, batch, original, target, err) < 0)
		return -1;
	struct mq_rd_moves *moves = batch->moves;
	if (moves->n > 0 && add_last(w, batch, err) < 0)
		return -1;
	size_t at = w->nomkstream ? MQ_RD_WORDS_MAX - 2 : MQ_RD_WORDS_MAX - 1;
	e->argv[MQ_RD_WORDS_MAX - 2] = "NOMKSTREAM";
	e->lens[MQ_RD_WORDS_MAX - 2] = strlen("NOMKSTREAM");
	e->argv[MQ_RD_WORDS_MAX - 1] = "*";
	e->lens[MQ_RD_WORDS_MAX - 1] = 1;
	mq_buf_clear(&w->last);
	batch->last_words = e->n - at;
	if (mq_rd_words_append(&w->last, e->n - at, e->argv + at, e->lens + at, err) < 0)
		return -1;
	snprintf(batch->ids[moves->n], MQ_RD_ID_TEXT, "%s", original->id.data);
	mq_rd_id_parse(original->id.data, 0, &batch->last);
	if (moves->cuts)
		moves->source->moved = original->receipt;
	moves->items[moves->n++] =
	    (struct mq_rd_move){.tag = message->tag, .receipt = original->receipt};
	return 1;
}

int64_t mq_rd_write_moving(struct mq_writer *writer, struct mq_reader *reader,
                           const struct mq_message *messages,
                           const struct mq_message *const *originals, size_t n, struct mq_err *err)
{
	struct mq_rd_writer *w = (struct mq_rd_writer *)writer;
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;
	char ids[MQ_RD_MOVES_MAX][MQ_RD_ID_TEXT];
	struct batch batch = {.ids = ids};
	int64_t taken = 0, took = 1;

	if (w->joined != r) {
		w->joined = r;
		w->joins = joins(w, r);
	}
	if (!w->joins)
		return mq_rd_write(writer, messages, n, err);
	mq_rd_turn(w);
	for (; (size_t)taken < n && took > 0 && !mq_rd_is_full(w); taken += took > 0) {
		struct mq_err why = MQ_ERR_INIT;
		int result = take(w, r, &batch, &messages[taken], originals[taken], &why);
		if (result < 0 && why.code == MQ_INTERNAL) {
			/* What the batch has is not whole any more: nobody was told of it. */
			mq_rd_moves_free(batch.moves);
			return mq_rd_pass(err, &why);
		}
		if (result > 0)
			continue;
		/* By itself, behind those before it; and so it is said what is wrong with it. */
		if (finish(w, &batch, err) < 0)
			return -1;
		took = mq_rd_write(writer, &messages[taken], 1, err);
	}
	if (finish(w, &batch, err) < 0 || took < 0)
		return -1;
	mq_rd_turn(w);
	return taken;
}
