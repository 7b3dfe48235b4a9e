/* What becomes of the transactions of moves.c: answers and reports. */
#include "backend/redis/held.h"
#include "backend/redis/moves_parts.h"

#include <stdlib.h>

/* --- reports --------------------------------------------------------------------------------- */

/* The words of an item's XADD behind the key: *ret_n of them; NULL when it does not read so. */
static const struct mq_rd_reply *words_of(const struct mq_rd_moves *moves,
                                          const struct mq_rd_reply *command, bool is_last,
                                          size_t *ret_n)
{
	size_t head = is_last ? moves->head_words : 2;

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
	    fed ? words_of(slot->moves, command, item + 1 == slot->moves->n, &n) : NULL;
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
		/* Something stands before them, or that is not allowed: so it will be with the next
		 * ones. */
		if (mq_rd_reply_number(mq_rd_reply_at(last, 2), 1) == 0)
			moves->source->cuts = false;
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
