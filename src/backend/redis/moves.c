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
#include "backend/redis/held.h"
#include "backend/redis/writer.h"

#include <stdlib.h>

enum {
	ITEMS_MAX = 128,         /* messages of one transaction */
	ITEMS_BYTES = 64 * 1024, /* and about how large they are together */
	WORDS_MAX = 1000,        /* of one message: Lua's stack has an end */
	HEAD_WORDS = 8,          /* of EVAL, in front of the ids */
};

/* KEYS: source and target. ARGV: the command that settles, the group, the number of ids, the ids,
 * the words of XADD behind the key. Returns the new id, or the error behind '-', and how many were
 * settled (-1: refused). */
static const char script[] =
    "local n=tonumber(ARGV[3]) "
    "local a=redis.pcall('XADD',KEYS[2],unpack(ARGV,4+n)) "
    "if not a then return {'-',-1} end "
    "if type(a)=='table' then return {'-'..a.err,-1} end "
    "local d if ARGV[1]=='XACK' then d=redis.pcall('XACK',KEYS[1],ARGV[2],unpack(ARGV,4,3+n)) "
    "else d=redis.pcall('XDEL',KEYS[1],unpack(ARGV,4,3+n)) end "
    "if type(d)=='table' then d=-1 end "
    "return {a,d}";

struct mq_rd_move {
	uint64_t tag;
	uint64_t receipt;
};

struct mq_rd_moves {
	struct mq_rd_reader *reader;
	const struct mq_rd_cursor *source; /* of all originals */
	char *target;                      /* of all messages */
	size_t target_len;
	size_t answers;  /* that came: of MULTI, of each command, of EXEC */
	char error[300]; /* why a command was not even queued; or "" */
	size_t n;
	struct mq_rd_move items[ITEMS_MAX];
};

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

static int append_all(struct mq_rd_writer *w, const struct batch *batch, struct mq_err *err)
{
	const struct mq_rd_moves *moves = batch->moves;
	const struct mq_rd_reader *r = moves->reader;
	static const char *const multi[] = {"MULTI"}, *const exec[] = {"EXEC"};
	const char *words[HEAD_WORDS + ITEMS_MAX];
	char count[24];

	snprintf(count, sizeof count, "%zu", moves->n);
	words[0] = "EVAL";
	words[1] = script;
	words[2] = "2";
	words[3] = moves->source->name;
	words[4] = moves->target;
	words[5] = r->group ? "XACK" : "XDEL";
	words[6] = r->group ? r->group : "";
	words[7] = count;
	for (size_t i = 0; i < moves->n; i++)
		words[HEAD_WORDS + i] = batch->ids[i];
	size_t n = HEAD_WORDS + moves->n;
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

static bool belongs(const struct mq_rd_writer *w, const struct batch *batch,
                    const struct mq_message *original, struct mq_bytes target)
{
	const struct mq_rd_moves *moves = batch->moves;

	return moves->n < ITEMS_MAX && w->moving.len < ITEMS_BYTES &&
	       moves->source == original->owner && mq_bytes_equal(target, mq_rd_moves_key(moves));
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
	char ids[ITEMS_MAX][MQ_RD_ID_TEXT];
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

/* --- reports --------------------------------------------------------------------------------- */

/* The words of an item's XADD behind the key: *ret_n of them; NULL when it does not read so. */
static const struct mq_rd_reply *words_of(const struct mq_rd_reply *command, bool is_last,
                                          size_t *ret_n)
{
	const struct mq_rd_reply *number = mq_rd_reply_at(command, HEAD_WORDS - 1);
	size_t head = is_last ? HEAD_WORDS + (size_t)mq_rd_reply_number(number, 0) : 2;

	*ret_n = command->n > head ? command->n - head : 0;
	return mq_rd_reply_at(command, head);
}

/* The message of an item, out of the commands. False when there is no memory. */
static bool message_of(struct mq_rd_writer *w, const struct mq_rd_slot *slot, size_t item,
                       struct mq_message *ret)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rd_codec codec;
	struct mq_rd_reply *command = NULL;
	size_t own = w->nomkstream ? 2 : 1, n;
	bool whole = false;

	*ret = (struct mq_message)MQ_MESSAGE_INIT;
	mq_rd_arena_clear(&w->failing);
	mq_rd_decoder_clear(&w->decoder);
	if (mq_rd_codec_init(&codec, &ignored) < 0)
		return false;
	bool fed = mq_rd_codec_feed(&codec, w->data.data + (slot->at - w->data_from), slot->len,
	                            &ignored) == 0;
	for (size_t i = 0; i < item + 2 && fed; i++) /* MULTI comes first */
		fed = mq_rd_codec_next(&codec, &w->failing, &command, &ignored) > 0;
	const struct mq_rd_reply *word =
	    fed ? words_of(command, item + 1 == slot->moves->n, &n) : NULL;
	if (word && n > own) {
		struct mq_rd_reply fields = *command;
		for (size_t i = 0; i < own; i++)
			word = word->next;
		fields.first = (struct mq_rd_reply *)(uintptr_t)word;
		fields.n = n - own;
		ret->stream = mq_rd_moves_key(slot->moves);
		whole = mq_rd_decode(&w->decoder, &w->failing, &fields, ret, &ignored) == 0;
	}
	mq_rd_codec_release(&codec);
	return whole;
}

static void report(struct mq_rd_writer *w, const struct mq_rd_slot *slot, size_t item,
                   struct mq_delivery *delivery)
{
	const struct mq_rd_move *move = &slot->moves->items[item];
	struct mq_message message;

	delivery->tag = move->tag;
	delivery->partition = MQ_NO_PARTITION;
	delivery->offset = MQ_NO_OFFSET;
	if (delivery->err && message_of(w, slot, item, &message)) {
		message.tag = move->tag;
		delivery->message = &message;
	}
	if (delivery->settled)
		mq_rd_held_forget(slot->moves->reader, move->receipt);
	w->n_messages--;
	w->reports++;
	w->delivered(w->ctx, delivery);
	delivery->message = NULL; /* it was lent for the call */
}

void mq_rd_moves_report(struct mq_rd_writer *w, struct mq_rd_slot *slot, const struct mq_err *why,
                        bool maybe_stored)
{
	for (size_t i = 0; i < slot->moves->n; i++) {
		struct mq_delivery delivery = {.err = why, .maybe_stored = maybe_stored};
		report(w, slot, i, &delivery);
	}
}

/* --- answers --------------------------------------------------------------------------------- */

/* What became of one message: the reply to its XADD. */
static void answer_item(struct mq_rd_writer *w, struct mq_rd_slot *slot, size_t item,
                        const struct mq_rd_reply *reply, bool settled)
{
	struct mq_delivery delivery = {.settled = settled};
	struct mq_err why = MQ_ERR_INIT;

	if (!reply || reply->type == REDIS_REPLY_NIL) {
		mq_rd_fail_missing(w->conn, slot->moves->target, &why);
		mq_hint(&why, MQ_HINT_NO_TARGET);
	} else if (reply->type != REDIS_REPLY_STRING) {
		mq_rd_fail_reply(w->conn, slot->moves->target, reply, &why);
	}
	if (why.code) {
		delivery.err = &why;
		delivery.settled = false;
	}
	report(w, slot, item, &delivery);
}

/* The last one's, of the script: '-' stands before an error. */
static struct mq_rd_reply last_answer(const struct mq_rd_reply *reply)
{
	const char *text = mq_rd_reply_text(reply);
	struct mq_rd_reply answer = {.type = REDIS_REPLY_NIL};

	if (!reply || text[0] == '\0' || (text[0] == '-' && text[1] == '\0'))
		return answer;
	answer = *reply;
	if (text[0] != '-')
		return answer;
	/* Older servers put one of their own in front. */
	size_t skip = text[1] == '-' ? 2 : 1;
	answer.type = REDIS_REPLY_ERROR;
	answer.text = mq_bytes_of(text + skip, reply->text.len - skip);
	return answer;
}

void mq_rd_moves_done(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                      const struct mq_rd_reply *reply)
{
	struct mq_rd_moves *moves = slot->moves;
	const struct mq_rd_reply *last = mq_rd_reply_at(reply, moves->n - 1);
	const struct mq_rd_reply *item = reply->first;
	struct mq_rd_reply answer = last ? *last : (struct mq_rd_reply){.type = REDIS_REPLY_NIL};
	int64_t settled = -1;

	if (last && last->type == REDIS_REPLY_ARRAY) {
		settled = mq_rd_reply_number(mq_rd_reply_at(last, 1), -1);
		answer = last_answer(mq_rd_reply_at(last, 0));
	}
	if (settled >= 0 && settled < (int64_t)moves->n)
		mq_log(w->conn->base.env, MQ_LEVEL_WARN,
		       "%s: %lld of %zu entries were settled by somebody else meanwhile, and are "
		       "copied all the same",
		       moves->source->name, (long long)((int64_t)moves->n - settled), moves->n);
	for (size_t i = 0; i + 1 < moves->n; i++, item = item ? item->next : NULL)
		answer_item(w, slot, i, item, settled >= 0);
	answer_item(w, slot, moves->n - 1, &answer, settled >= 0);
}

bool mq_rd_moves_answer(struct mq_rd_slot *slot, const struct mq_rd_reply *reply,
                        struct mq_rd_reply *ret_answer)
{
	struct mq_rd_moves *moves = slot->moves;

	*ret_answer = *reply;
	if (++moves->answers == moves->n + 2) {
		if (reply->type == REDIS_REPLY_ERROR && moves->error[0])
			ret_answer->text = mq_bytes_str(moves->error);
		return true;
	}
	/* A command that is not queued makes EXEC fail: why it was not is what counts. */
	if (reply->type == REDIS_REPLY_ERROR && !moves->error[0])
		snprintf(moves->error, sizeof moves->error, "%s", mq_rd_reply_text(reply));
	return false;
}
