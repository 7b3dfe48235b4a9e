/*
 * Many questions at once: each node gets all of its own in one go, so that a thousand streams cost
 * few round trips. What cannot be answered that way (redirections, a lost connection, a server that
 * is still loading) is asked again one by one, as route.c does it.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

void mq_rd_question_set(struct mq_rd_question *question, const char *key, const char *const *words)
{
	size_t n = 0;

	for (; words[n] && n + 1 < sizeof question->room / sizeof question->room[0]; n++)
		question->room[n] = words[n];
	question->room[n] = NULL;
	question->key = key;
	question->words = question->room;
}

/* --- the pipeline ---------------------------------------------------------------------------- */

struct plan {
	struct mq_rd_conn *conn;
	struct mq_rd_question *questions;
	size_t n;
	size_t *nodes;        /* who is asked each; SIZE_MAX: nobody */
	struct mq_err *fates; /* by node: why it is given up */
	size_t n_fates;
	unsigned how;
};

static int make_plan(struct plan *plan, struct mq_err *err)
{
	struct mq_rd_conn *conn = plan->conn;

	for (size_t i = 0; i < plan->n; i++) {
		struct mq_rd_question *q = &plan->questions[i];
		q->reply = NULL;
		q->err = (struct mq_err)MQ_ERR_INIT;
		if (mq_rd_node_of(conn, mq_bytes_str(q->key), &plan->nodes[i], &q->err) == 0)
			continue;
		plan->nodes[i] = SIZE_MAX;
		if (q->err.code == MQ_CANCELLED)
			return mq_rd_pass(err, &q->err);
	}
	plan->n_fates = conn->n_nodes;
	plan->fates = calloc(plan->n_fates, sizeof *plan->fates);
	return plan->fates ? 0 : mq_fail_memory(err);
}

/* Hands a node its questions; the answers are taken later, so that nodes work side by side. */
static void send_to(struct plan *plan, size_t node)
{
	struct mq_rd_link *link = NULL;
	struct mq_err *why = &plan->fates[node];

	for (size_t i = 0; i < plan->n; i++) {
		if (plan->nodes[i] != node)
			continue;
		if (!link && mq_rd_node_link(plan->conn, node, &link, why) < 0)
			return;
		if (mq_rd_link_append_words(link, plan->questions[i].words, why) < 0) {
			mq_rd_node_drop(plan->conn, node);
			return;
		}
	}
	if (link && mq_rd_link_push(link, why) < 0)
		mq_rd_node_drop(plan->conn, node);
}

static void take_from(struct plan *plan, size_t node, struct mq_rd_arena *arena)
{
	struct mq_err *why = &plan->fates[node];
	int64_t patience = plan->conn->base.env->timeout_ms;

	for (size_t i = 0; i < plan->n && !why->code; i++) {
		struct mq_rd_reply *reply;
		if (plan->nodes[i] != node)
			continue;
		if (mq_rd_link_await(plan->conn->nodes[node].link, arena,
		                     mq_now_monotonic_ms() + patience, plan->how & MQ_RD_THROUGH,
		                     &reply, why) < 0)
			mq_rd_node_drop(plan->conn, node);
		else
			plan->questions[i].reply = reply;
	}
}

/* --- one by one ------------------------------------------------------------------------------ */

static bool is_answered(const struct mq_rd_question *q)
{
	return q->reply && !mq_rd_reply_is_error(q->reply, "MOVED") &&
	       !mq_rd_reply_is_error(q->reply, "ASK") && !mq_rd_is_passing(q->reply);
}

/* A question that got no answer in the pipeline. The first one of a node takes the patience that
 * there is; when it fails, the node is given up. */
static int ask_again(struct plan *plan, size_t i, bool *ret_given_up, struct mq_rd_arena *arena,
                     struct mq_err *err)
{
	struct mq_rd_question *q = &plan->questions[i];
	struct mq_err *fate = &plan->fates[plan->nodes[i]];

	if (*ret_given_up || (!q->reply && (plan->how & MQ_RD_ONCE)) ||
	    fate->code == MQ_CANCELLED) {
		if (!q->reply || *ret_given_up)
			q->err = *fate;
		q->reply = NULL;
	} else {
		q->reply = NULL;
		if (mq_rd_ask(plan->conn, q->key, plan->how | MQ_RD_ERRORS, arena, q->words,
		              &q->reply, &q->err) < 0) {
			q->reply = NULL;
			*fate = q->err;
			*ret_given_up = q->err.code == MQ_UNREACHABLE;
		} else if (mq_rd_is_passing(q->reply)) {
			mq_rd_fail_reply(plan->conn, q->key, q->reply, &q->err);
			q->reply = NULL;
			*fate = q->err;
			*ret_given_up = true;
		}
	}
	return q->err.code == MQ_CANCELLED ? mq_rd_pass(err, &q->err) : 0;
}

int mq_rd_ask_many(struct mq_rd_conn *conn, unsigned how, struct mq_rd_arena *arena,
                   struct mq_rd_question *questions, size_t n, struct mq_err *err)
{
	struct plan plan = {.conn = conn, .questions = questions, .n = n, .how = how};
	bool *given_up = NULL;
	int result = -1;

	if (mq_rd_connect(conn, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	plan.nodes = calloc(n, sizeof *plan.nodes);
	if (!plan.nodes) {
		mq_fail_memory(err);
		goto out;
	}
	if (make_plan(&plan, err) < 0)
		goto out;
	given_up = calloc(plan.n_fates, sizeof *given_up);
	if (!given_up) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t node = 0; node < plan.n_fates; node++)
		send_to(&plan, node);
	for (size_t node = 0; node < plan.n_fates; node++)
		take_from(&plan, node, arena);
	result = 0;
	for (size_t i = 0; i < n && result == 0; i++)
		if (plan.nodes[i] != SIZE_MAX && !is_answered(&questions[i]))
			result = ask_again(&plan, i, &given_up[plan.nodes[i]], arena, err);
out:
	free(given_up);
	free(plan.fates);
	free(plan.nodes);
	return result;
}
