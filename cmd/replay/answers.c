/*
 * What the target answers, and who is told of it: the parts of the plan, the journal, the group's
 * positions within a transaction. See ring.h.
 */
#include "cmd/replay/file.h"
#include "cmd/replay/ring.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	WAIT_MS = 250,   /* longest wait before the clock is looked at again */
	NOTE_MS = 100,   /* between two lines of the journal */
	COMMIT_MS = 250, /* longest transaction */
	COMMIT_MOST = 100000,
};

void copying_break_off(struct copying *c, const struct mq_err *why)
{
	if (!c->broken)
		c->why = *why;
	mq_fail(&c->why, MQ_PARTIAL, "the target takes no more"); /* unless it says more */
	c->broken = true;
}

/* --- answers --------------------------------------------------------------------------------- */

/* Its part stands behind this one now. */
static void move_part(struct copying *c, uint64_t number)
{
	const struct copying_slot *slot = slot_of(c, number);

	if (slot->part < 0)
		return;
	struct plan_part *part = &c->plan->parts[slot->part];
	if (part->by_id)
		memcpy(part->last_id, c->ids[number & (COPYING_RING - 1)], PLAN_ID);
	else
		part->next = slot->next;
	part->changed = true;
}

void copying_advance(struct copying *c)
{
	while (c->head < c->tail && slot_of(c, c->head)->state == DONE) {
		c->done += !slot_of(c, c->head)->again;
		move_part(c, c->head++);
	}
}

/* Whether the message is at fault, and not the target: then others may succeed. */
static bool is_its_own_fault(const struct mq_delivery *delivery)
{
	const struct mq_err *err = delivery->err;

	if (delivery->maybe_stored || err->retriable)
		return false;
	return err->code == MQ_DATA || err->code == MQ_PARTIAL || err->code == MQ_USAGE ||
	       err->code == MQ_NOT_FOUND;
}

enum slot_state copying_fail(struct copying *c, uint64_t number, const struct mq_delivery *delivery)
{
	if (c->target->path && file_writer_gone(c->target->writer)) {
		c->gone = true;
		copying_break_off(c, delivery->err);
		return FAILED;
	}
	c->counts.failed++;
	failures_add(&c->failures, delivery->message, delivery->err, number,
	             delivery->maybe_stored);
	bool own_fault = is_its_own_fault(delivery) && !c->broken;
	if (own_fault && c->values->failed_to) {
		c->kept++;
		return DONE;
	}
	/* It stays, and the others go on. */
	if (own_fault && c->policy && c->policy->partly) {
		slot_of(c, number)->stays = true;
		return DONE;
	}
	c->refused = c->refused || own_fault;
	copying_break_off(c, delivery->err);
	return FAILED;
}

void copying_delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct copying *c = ctx;
	struct copying_slot *slot = slot_of(c, delivery->tag);

	if (delivery->err) {
		slot->state = copying_fail(c, delivery->tag, delivery);
		return;
	}
	slot->state = DONE;
	slot->settled = delivery->settled;
	c->settled += delivery->settled;
	if (c->group) {
		c->uncommitted++;
		c->uncommitted_bytes += slot->bytes;
	} else {
		c->counts.confirmed++;
		c->counts.bytes += slot->bytes;
	}
}

void copying_serve(struct copying *c, int timeout_ms, bool flush)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_writer *writer = c->target->writer;

	if (!writer)
		return;
	int64_t left = flush ? mq_writer_flush(writer, timeout_ms, &err)
	                     : mq_writer_poll(writer, timeout_ms, &err);
	if (left < 0)
		copying_break_off(c, &err);
	copying_advance(c);
}

void copying_drain(struct copying *c)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t deadline = INT64_MAX;

	while (c->target->writer && mq_now_monotonic_ms() < deadline) {
		int64_t left = mq_writer_flush(c->target->writer, WAIT_MS, &err);
		copying_advance(c);
		if (left < 0)
			copying_break_off(c, &err);
		if (left <= 0)
			return;
		if ((stopped(c) || c->broken) && deadline == INT64_MAX)
			deadline = mq_now_monotonic_ms() + c->env->timeout_ms;
		if (c->progress)
			c->progress(c->progress_ctx, c->counts.confirmed);
	}
}

/* --- what is remembered ---------------------------------------------------------------------- */

int copying_sync_kept(struct copying *c, struct mq_err *err)
{
	if (c->kept == 0)
		return 0;
	failures_flush(&c->failures);
	if (c->failures.incomplete || fsync(c->failures.out.fd) < 0)
		return mq_fail(err, MQ_IO, "%s could not be written", c->values->failed_to);
	c->kept = 0;
	return 0;
}

void copying_note(struct copying *c, bool now)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t at = mq_now_monotonic_ms();

	if (!c->journal->path || (!now && at - c->noted_ms < NOTE_MS))
		return;
	/* A file answers only when it is asked to. */
	if (c->target->path && !c->broken)
		copying_serve(c, 0, true);
	c->noted_ms = at;
	if (c->done == c->noted)
		return;
	if (copying_sync_kept(c, &err) < 0 ||
	    journal_note(c->journal, c->plan, c->journal->done + c->done, &err) < 0) {
		copying_break_off(c, &err);
		return;
	}
	c->noted = c->done;
}

static int settle_to(struct copying *c, uint64_t end, struct mq_err *err)
{
	bool any = false;

	if (c->settled_to < end && copying_sync_kept(c, err) < 0)
		return -1;
	for (uint64_t i = c->settled_to; i < end; i++) {
		struct copying_slot *slot = slot_of(c, i);
		struct mq_message original;
		if (slot->state != DONE || slot->stays || slot->again || slot->settled)
			continue;
		size_t reader = owed_get(&c->owed, i, &original);
		slot->settled = any = true;
		c->settled++;
		if (mq_settle(c->pump->readers[reader], &original, 1, err) < 0)
			return -1;
	}
	c->settled_to = c->head;
	for (size_t i = 0; i < c->pump->n_readers && any; i++)
		if (mq_commit(c->pump->readers[i], false, err) < 0)
			return -1;
	return 0;
}

void copying_settle(struct copying *c, bool all)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!c->settles || settle_to(c, all ? c->tail : c->head, &err) == 0)
		return;
	c->kept_back = c->kept_back || !c->broken;
	copying_break_off(c, &err);
}

int64_t copying_settled(const struct copying *c)
{
	int64_t n = c->settled;

	if (!c->settles)
		return -1;
	for (size_t i = 0; i < c->pump->n_readers; i++)
		n -= mq_unsettled(c->pump->readers[i]);
	return n > 0 ? n : 0;
}

/* --exactly-once: what was confirmed becomes visible together with where the group stands. */
static int commit_positions(struct copying *c, struct mq_err *err)
{
	struct mq_group_move *moves = NULL;
	size_t n = 0;
	int result = -1;

	for (size_t i = 0; i < c->plan->n; i++) {
		struct plan_part *part = &c->plan->parts[i];
		if (!part->changed)
			continue;
		struct mq_group_move *move = mq_info_grow(&moves, &n, sizeof *move, err);
		if (!move)
			goto out;
		*move = (struct mq_group_move){
		    .stream = part->stream, .partition = part->partition, .offset = part->next};
	}
	if (n > 0 && mq_writer_positions(c->target->writer, c->group, moves, n, err) < 0)
		goto out;
	if (mq_writer_commit(c->target->writer, err) < 0)
		goto out;
	for (size_t i = 0; i < c->plan->n; i++)
		c->plan->parts[i].changed = false;
	result = 0;
out:
	free(moves);
	return result;
}

/* Ends the transaction when it is time, or now. What waits for its pace is no part of it; --speed
 * may have sent later messages of other partitions, but none of its own. */
void copying_commit(struct copying *c, bool now)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!c->group || c->broken)
		return;
	if (!now && mq_now_monotonic_ms() - c->committed_ms < COMMIT_MS &&
	    c->uncommitted < COMMIT_MOST && c->tail - c->head < COMMIT_MOST)
		return;
	copying_drain(c);
	c->committed_ms = mq_now_monotonic_ms();
	for (uint64_t i = c->head; i < c->tail && !c->broken; i++) {
		enum slot_state state = slot_of(c, i)->state;
		if (state == DONE)
			move_part(c, i);
		else if (state != UNSENT) {
			mq_fail(&err, MQ_PARTIAL, "not everything was confirmed");
			copying_break_off(c, &err);
		}
	}
	if (c->broken)
		return;
	if (commit_positions(c, &err) < 0) {
		copying_break_off(c, &err);
		return;
	}
	c->noted = c->done;
	c->counts.confirmed += c->uncommitted;
	c->counts.bytes += c->uncommitted_bytes;
	c->uncommitted = c->uncommitted_bytes = 0;
}
