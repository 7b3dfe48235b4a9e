/* Taking letters over from the members that hold them, and putting them back: see held.h. */
#include "backend/redis/held_parts.h"

#include <stdlib.h>

enum {
	IDS_EACH = 500,    /* ids in one command */
	COMMANDS_MAX = 64, /* commands in one pipeline */
};

static struct mq_rd_letter *letter_of(const struct mq_rd_held *held, uint64_t serial)
{
	size_t low = 0, high = held->n_letters;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (held->letters[middle].serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low < held->n_letters && held->letters[low].serial == serial ? &held->letters[low]
	                                                                    : NULL;
}

/* --- taking over ----------------------------------------------------------------------------- */

/* One XCLAIM, for letters of one stream, all of which are ours already or none. */
struct claim {
	struct mq_rd_letter *letters[IDS_EACH];
	char ids[IDS_EACH][MQ_RD_ID_TEXT];
	const char *words[IDS_EACH + 8];
	size_t n;
};

static bool is_mine(const struct mq_rd_reader *r, const struct mq_rd_letter *letter)
{
	return strcmp(r->held->names[letter->member], r->member) == 0;
}

static bool fits(const struct mq_rd_reader *r, const struct claim *claim,
                 const struct mq_rd_letter *letter)
{
	return claim->n == 0 ||
	       (claim->n < IDS_EACH && claim->letters[0]->cursor == letter->cursor &&
	        is_mine(r, claim->letters[0]) == is_mine(r, letter));
}

static void finish_claim(struct mq_rd_reader *r, struct claim *claim, const char *idle,
                         struct mq_rd_question *q)
{
	const char *stream = claim->letters[0]->cursor->name;
	size_t at = 0;

	claim->words[at++] = "XCLAIM";
	claim->words[at++] = stream;
	claim->words[at++] = r->group;
	claim->words[at++] = r->member;
	/* What we took over in a run that was killed is not idle. */
	claim->words[at++] = is_mine(r, claim->letters[0]) ? "0" : idle;
	for (size_t i = 0; i < claim->n; i++)
		claim->words[at++] = claim->ids[i];
	/* A claim is no delivery, and no payload comes. */
	claim->words[at++] = "JUSTID";
	claim->words[at] = NULL;
	*q = (struct mq_rd_question){.key = stream, .words = claim->words};
}

static int take_answer(struct mq_rd_reader *r, struct claim *claim, const struct mq_rd_question *q,
                       struct mq_err *err)
{
	size_t i = 0;

	if (!q->reply)
		return mq_rd_pass(err, &q->err);
	if (mq_rd_reply_is_error(q->reply, "NOGROUP"))
		return mq_rd_fail_no_group(r->conn, q->key, r->group, err);
	if (q->reply->type == REDIS_REPLY_ERROR)
		return mq_rd_fail_reply(r->conn, q->key, q->reply, err);
	if (q->reply->type != REDIS_REPLY_ARRAY)
		return mq_rd_fail_shape(r->conn, "XCLAIM", err);
	/* Those that were claimed, in the order in which they were asked for. */
	for (const struct mq_rd_reply *c = q->reply->first; c; c = c->next) {
		struct mq_rd_id id = mq_rd_id_in(c, MQ_RD_ID_MIN);
		while (i < claim->n && mq_rd_id_compare(claim->letters[i]->id, id) != 0)
			i++;
		if (i < claim->n)
			claim->letters[i++]->taken = true;
	}
	return 0;
}

/* Asks for a pipeline of claims, from messages[*at] on. */
static int take_some(struct mq_rd_reader *r, const struct mq_message *const *messages, size_t n,
                     size_t *at, struct claim *claims, struct mq_err *err)
{
	struct mq_rd_question questions[COMMANDS_MAX];
	struct claim *claim = claims;
	char idle[24];

	snprintf(idle, sizeof idle, "%lld", (long long)r->held->idle_ms);
	claim->n = 0;
	for (; *at < n; ++*at) {
		struct mq_rd_letter *letter = letter_of(r->held, messages[*at]->receipt);
		if (!letter)
			continue;
		if (!fits(r, claim, letter)) {
			finish_claim(r, claim, idle, &questions[claim - claims]);
			if (++claim == claims + COMMANDS_MAX)
				break;
			claim->n = 0;
		}
		mq_rd_id_print(letter->id, claim->ids[claim->n]);
		claim->letters[claim->n++] = letter;
	}
	if (claim < claims + COMMANDS_MAX && claim->n > 0) {
		finish_claim(r, claim, idle, &questions[claim - claims]);
		claim++;
	}
	size_t n_questions = (size_t)(claim - claims);
	mq_rd_arena_clear(&r->conn->scratch);
	/* Asked again, what was claimed already would not be idle. */
	if (mq_rd_ask_many(r->conn, MQ_RD_ONCE, &r->conn->scratch, questions, n_questions, err) < 0)
		return -1;
	for (size_t i = 0; i < n_questions; i++)
		if (take_answer(r, &claims[i], &questions[i], err) < 0)
			return -1;
	return 0;
}

int mq_rd_hold(struct mq_reader *reader, const struct mq_message *const *messages, size_t n,
               bool *ret_ours, struct mq_err *err)
{
	struct mq_rd_reader *r = (struct mq_rd_reader *)reader;
	struct claim *claims = NULL;
	size_t at = 0;
	int result = 0;

	if (!r->held) {
		memset(ret_ours, true, n * sizeof *ret_ours);
		return 0;
	}
	claims = malloc(COMMANDS_MAX * sizeof *claims);
	if (!claims)
		return mq_fail_memory(err);
	while (at < n && result == 0)
		result = take_some(r, messages, n, &at, claims, err);
	for (size_t i = 0; i < n; i++) {
		const struct mq_rd_letter *letter = letter_of(r->held, messages[i]->receipt);
		ret_ours[i] = letter && letter->taken;
	}
	free(claims);
	return result;
}

void mq_rd_held_forget(struct mq_rd_reader *r, uint64_t receipt)
{
	struct mq_rd_letter *letter = r->held ? letter_of(r->held, receipt) : NULL;

	if (letter)
		letter->settled = true;
}

/* --- settling -------------------------------------------------------------------------------- */

int mq_rd_held_settle(struct mq_rd_reader *r, const struct mq_message *messages, size_t n,
                      struct mq_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct mq_rd_letter *letter = letter_of(r->held, messages[i].receipt);
		if (!letter || letter->settled)
			continue;
		letter->settled = true;
		if (mq_rd_acks_add(r, letter->cursor, letter->id, err) < 0)
			return -1;
	}
	return 0;
}

/* What was taken over and not settled has to go back one day. */
void mq_rd_held_release(struct mq_rd_reader *r)
{
	struct mq_rd_held *held = r->held;
	size_t kept = 0;

	for (size_t i = 0; i < held->n_letters; i++)
		if (held->letters[i].taken && !held->letters[i].settled)
			held->letters[kept++] = held->letters[i];
	held->n_letters = kept;
}

/* --- putting back ---------------------------------------------------------------------------- */

/* To the member that had it, as idle as it would be. One command each: they are few. */
static void put_back(struct mq_rd_reader *r)
{
	struct mq_rd_held *held = r->held;
	struct mq_rd_question *questions = calloc(held->n_letters + 1, sizeof *questions);
	struct mq_err why = MQ_ERR_INIT;
	char(*idle)[24] = calloc(held->n_letters + 1, sizeof *idle);
	size_t n = 0;

	for (size_t i = 0; questions && idle && i < held->n_letters; i++) {
		const struct mq_rd_letter *letter = &held->letters[i];
		struct mq_rd_question *q = &questions[n];
		if (!letter->taken || letter->settled || is_mine(r, letter))
			continue;
		int64_t ms = mq_now_ms() - letter->given_ms;
		snprintf(idle[n], sizeof idle[n], "%lld", (long long)(ms > 0 ? ms : 0));
		mq_rd_id_print(letter->id, q->text[0]);
		mq_rd_question_set(q, letter->cursor->name,
		                   MQ_RD_WORDS("XCLAIM", letter->cursor->name, r->group,
		                               held->names[letter->member], "0", q->text[0], "IDLE",
		                               idle[n], "JUSTID"));
		n++;
	}
	mq_rd_arena_clear(&r->conn->scratch);
	if (n > 0 &&
	    mq_rd_ask_many(r->conn, MQ_RD_THROUGH, &r->conn->scratch, questions, n, &why) < 0)
		mq_log(mq_rd_env_of(r), MQ_LEVEL_WARN,
		       "%zu letters stay with the member %s, who took them over: %s", n, r->member,
		       why.message);
	free(questions);
	free(idle);
}

void mq_rd_held_close(struct mq_rd_reader *r)
{
	struct mq_rd_held *held = r->held;

	if (!held)
		return;
	if (r->acks)
		put_back(r);
	for (size_t i = 0; i < held->n_names; i++)
		free(held->names[i]);
	free(held->names);
	free(held->letters);
	mq_rd_arena_release(&held->entries);
	mq_buf_release(&held->broker);
	free(held);
	r->held = NULL;
}
