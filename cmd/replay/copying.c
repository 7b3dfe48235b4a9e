/*
 * The sink of a replay: see copying.h. Here messages become copies and go out, at their pace; what
 * the target answers is answers.c's business.
 */
#include "cmd/replay/copying.h"

#include "cmd/replay/file.h"
#include "cmd/replay/ring.h"

#include <stdlib.h>

enum {
	RUN = 2048,    /* messages that are edited and written at once */
	WAIT_MS = 250, /* longest wait before the clock is looked at again */
};

/* --- sending --------------------------------------------------------------------------------- */

/* Waits until the pace lets the message go that was announced last. False: a signal, or the target
 * broke. */
static bool hold_back(struct copying *c)
{
	for (;;) {
		int64_t wait = pace_wait(&c->pace, mq_now_monotonic_ms());
		if (wait == 0)
			return true;
		/* What is sent goes out now, not when a batch is full. */
		copying_serve(c, 0, wait > 20);
		copying_note(c, false);
		copying_commit(c, false);
		if (c->broken)
			return false;
		if (c->progress)
			c->progress(c->progress_ctx, c->counts.confirmed);
		mq_cancel_wait(c->env->cancel, -1, 0, wait < WAIT_MS ? (int)wait : WAIT_MS);
		if (stopped(c))
			return false;
	}
}

/* Settles: what the copy was made of, still lent. */
static const struct mq_message *original_of(const struct copying *c, const struct mq_message *copy)
{
	return &c->lent[copy->tag - c->lent_from];
}

static int64_t write_run(struct copying *c, const struct mq_message *copies, size_t n,
                         struct mq_err *err)
{
	if (!c->settles)
		return mq_write(c->target->writer, copies, n, err);
	for (size_t i = 0; i < n; i++)
		c->originals[i] = original_of(c, &copies[i]);
	return mq_write_moving(c->target->writer, c->pump->readers[c->pump->serving], copies,
	                       c->originals, n, err);
}

/* Sends copies[first, first + n). False: a signal, or the target broke. */
static bool send_run(struct copying *c, size_t first, size_t n)
{
	struct mq_err err = MQ_ERR_INIT;
	size_t done = 0;

	while (done < n && !c->broken) {
		struct mq_message *next = c->copies + first + done;
		/* Before the write: answers may come from inside it. */
		for (size_t i = 0; i < n - done; i++)
			slot_of(c, next[i].tag)->state = SENT;
		int64_t took = write_run(c, next, n - done, &err);
		size_t out = took > 0 ? (size_t)took : 0;
		for (size_t i = out; i < n - done; i++)
			slot_of(c, next[i].tag)->state = UNSENT;
		if (took < 0)
			copying_break_off(c, &err);
		done += out;
		if (done < n && !c->broken) {
			if (stopped(c))
				return false;
			copying_serve(c, WAIT_MS, false);
		}
	}
	copying_advance(c);
	return !c->broken;
}

/* Sends the run, at its pace: all that is due goes out together. */
static void send_copies(struct copying *c, size_t n)
{
	bool paced = c->values->pace.rate > 0 || c->values->pace.speed > 0;
	size_t first = 0;

	if (!paced && n > 0 && !c->broken && !stopped(c))
		send_run(c, 0, n);
	if (!paced || n == 0)
		return;
	pace_next(&c->pace, c->copies[0].ts_ms);
	while (first < n && !c->broken && !stopped(c) && hold_back(c)) {
		int64_t now = mq_now_monotonic_ms();
		size_t len = 0;
		do {
			len++;
			if (first + len < n)
				pace_next(&c->pace, c->copies[first + len].ts_ms);
		} while (first + len < n && pace_wait(&c->pace, now) == 0);
		if (!send_run(c, first, len))
			return;
		first += len;
	}
}

/* --- from messages to copies ----------------------------------------------------------------- */

static void take_slot(struct copying *c, const struct mq_message *message)
{
	size_t source = c->pump->serving;
	struct copying_slot *slot = slot_of(c, c->tail);
	int64_t part = replay_plan_find(c->plan, source, message);

	*slot = (struct copying_slot){.part = (int32_t)part,
	                              .state = UNSENT,
	                              .bytes = (uint32_t)(message->key.len + message->payload.len)};
	if (part < 0)
		return;
	if (source >= c->plan->n_sources)
		slot->next = file_line(message);
	else if (!c->plan->parts[part].by_id)
		slot->next = message->offset + 1;
	else if (message->id.len < PLAN_ID) {
		char *id = c->ids[c->tail & (COPYING_RING - 1)];
		memset(id, 0, PLAN_ID);
		memcpy(id, message->id.data, message->id.len);
	}
}

/* How many partitions the stream has that the message comes from, or -1. */
static int32_t source_partitions(const struct copying *c, const struct copying_slot *slot)
{
	size_t source = c->pump->serving;

	if (slot->part >= 0)
		return c->plan->parts[slot->part].partitions;
	return source < c->plan->n_sources ? c->partitions_of[source] : -1;
}

/* -c, which the pump cannot count where messages come again, or are passed over. */
static bool is_enough(const struct copying *c)
{
	int64_t meant = c->journal->done + c->counts.read - c->counts.left;

	return c->values->count >= 0 && meant >= c->values->count;
}

/* What the policy says of a message, or that the guard holds it back. */
static int is_meant(struct copying *c, const struct mq_message *message, struct mq_err *err)
{
	int wanted = c->policy ? c->policy->choose(c->policy->ctx, message, err) : 1;

	if (wanted <= 0)
		return wanted;
	if (c->values->max_replays < 0 || edit_count(message) < c->values->max_replays)
		return 1;
	c->counts.guarded++;
	return 0;
}

/* A message that has no place at the target: as if that had refused it. */
static void refuse(struct copying *c, const struct mq_message *copy, const struct mq_err *why)
{
	const struct mq_delivery delivery = {.tag = copy->tag,
	                                     .partition = copy->partition,
	                                     .offset = MQ_NO_OFFSET,
	                                     .err = why,
	                                     .message = copy};

	slot_of(c, copy->tag)->state = copying_fail(c, copy->tag, &delivery);
}

/* What is copied is nobody else's from here on; the copies of the rest are left out. Returns how
 * many copies there are. */
static size_t keep_ours(struct copying *c, size_t copies)
{
	struct mq_err err = MQ_ERR_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < copies; i++)
		c->originals[i] = original_of(c, &c->copies[i]);
	if (mq_hold(c->pump->readers[c->pump->serving], c->originals, copies, c->ours, &err) < 0) {
		copying_break_off(c, &err);
		return 0;
	}
	for (size_t i = 0; i < copies; i++) {
		struct copying_slot *slot = slot_of(c, c->copies[i].tag);
		if (c->ours[i]) {
			c->copies[kept++] = c->copies[i];
			continue;
		}
		slot->state = DONE;
		slot->stays = true;
		c->counts.left++;
		c->enough = false;
	}
	return kept;
}

/* By --schema, as the copy is: 0; -1 with err, after which nothing may go on where that is not the
 * message's own fault. */
static int judge_copy(struct copying *c, const struct mq_message *copy, struct mq_err *err)
{
	struct judge *judge = c->values->judge;
	struct mq_buf words;

	int valid = judge ? judge_message(judge, copy, err) : 1;
	if (valid < 0)
		copying_break_off(c, err);
	if (valid != 0)
		return valid < 0 ? -1 : 0;
	mq_buf_init(&words, sizeof err->message * 8);
	judge_append_words(judge, &judge->errors[0], &words, NULL);
	mq_fail(err, MQ_DATA, "%.*s", (int)words.len, words.data ? words.data : "");
	mq_buf_release(&words);
	return -1;
}

/* Gives each message its slot, and those that are to be sent a copy. Returns how many copies. */
static size_t make_copies(struct copying *c, const struct mq_message *messages, size_t n)
{
	size_t copies = 0;

	for (size_t i = 0; i < n && !c->broken; i++) {
		struct mq_err err = MQ_ERR_INIT;
		struct mq_message *copy = &c->copies[copies];
		take_slot(c, &messages[i]);
		if (c->settles &&
		    owed_keep(&c->owed, c->tail, c->pump->serving, &messages[i], &err) < 0) {
			copying_break_off(c, &err);
			break;
		}
		uint64_t tag = c->tail++;
		if (i == 0 && c->counts.read == 0)
			c->committed_ms = c->noted_ms = mq_now_monotonic_ms();
		if (slot_of(c, tag)->part >= 0 &&
		    replay_plan_came_before(c->plan, c->pump->serving, &messages[i])) {
			slot_of(c, tag)->state = DONE;
			slot_of(c, tag)->again = true;
			continue;
		}
		if (is_enough(c)) {
			c->tail--;
			c->enough = true;
			break;
		}
		c->counts.read++;
		int64_t guarded = c->counts.guarded;
		int wanted = is_meant(c, &messages[i], &err);
		if (wanted < 0) {
			copying_break_off(c, &err);
			break;
		}
		if (wanted == 0) {
			slot_of(c, tag)->state = DONE;
			/* What the guard holds back is done with, unless others decide what stays.
			 */
			slot_of(c, tag)->stays = c->policy != NULL;
			c->counts.left += c->counts.guarded == guarded;
			continue;
		}
		edit_copy(&c->edit, &messages[i], copy);
		copy->tag = tag;
		copy->owner = NULL;
		int kept =
		    c->policy ? c->policy->rewrite(c->policy->ctx, &messages[i], copy, &err) : 0;
		if (kept > 0) {
			slot_of(c, tag)->state = DONE;
			slot_of(c, tag)->stays = true;
			c->counts.left++;
			continue;
		}
		if (kept < 0 || judge_copy(c, copy, &err) < 0 ||
		    target_place(c->target, copy, source_partitions(c, slot_of(c, tag)), &err) < 0)
			refuse(c, copy, &err);
		else
			copies++;
	}
	if (c->settles && copies > 0 && !c->broken)
		copies = keep_ours(c, copies);
	copying_advance(c);
	return copies;
}

/* One of a run, with the time at which it is due among the others. */
struct copying_due {
	int64_t ts_ms;
	uint32_t index;
};

static int compare_due(const void *a, const void *b)
{
	const struct copying_due *left = a, *right = b;

	if (left->ts_ms != right->ts_ms)
		return left->ts_ms < right->ts_ms ? -1 : 1;
	return left->index < right->index ? -1 : 1;
}

/* --speed: a run that holds several partitions goes by the originals' times. The order within each
 * partition stays: a message is due no earlier than those before it. */
static void merge_by_time(struct copying *c, size_t n)
{
	if (c->values->pace.speed <= 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct mq_message *copy = &c->copies[i];
		int64_t *last = &c->part_times[slot_of(c, copy->tag)->part + 1];
		if (copy->ts_ms > *last)
			*last = copy->ts_ms;
		c->due[i] = (struct copying_due){.ts_ms = *last, .index = (uint32_t)i};
		c->copies[RUN + i] = *copy;
	}
	qsort(c->due, n, sizeof *c->due, compare_due);
	for (size_t i = 0; i < n; i++)
		c->copies[i] = c->copies[RUN + c->due[i].index];
}

/* --- the sink -------------------------------------------------------------------------------- */

/* Room in the ring for one more run, waiting for answers if need be. False: a signal, or the target
 * broke. */
static bool wait_for_room(struct copying *c)
{
	uint64_t ring = c->settles ? OWED_RING : COPYING_RING;

	while (ring - (c->tail - c->head) < RUN) {
		if (c->broken || stopped(c))
			return false;
		/* A file answers only when it is asked to. */
		copying_serve(c, WAIT_MS, c->target->path != NULL);
		copying_note(c, false);
		copying_settle(c, false);
	}
	return !c->broken && !stopped(c);
}

static int say_why(const struct copying *c, struct mq_err *err)
{
	if (c->broken)
		return mq_fail(err, MQ_PARTIAL, "%s", c->why.message);
	return mq_fail(err, MQ_CANCELLED, "%s", c->enough ? "enough" : "stopped by a signal");
}

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct copying *c = ctx;
	size_t taken = 0;

	c->lent = messages;
	c->lent_from = c->tail;
	while (taken < n && !c->enough && wait_for_room(c)) {
		size_t run = n - taken < RUN ? n - taken : RUN;
		uint64_t before = c->tail;
		if (edit_begin(&c->edit, messages + taken, run, err) < 0)
			return -1;
		if (c->policy)
			c->policy->begin(c->policy->ctx);
		size_t copies = make_copies(c, messages + taken, run);
		merge_by_time(c, copies);
		send_copies(c, copies);
		copying_serve(c, 0, false);
		taken += (size_t)(c->tail - before);
		copying_note(c, false);
		copying_commit(c, false);
		copying_settle(c, false);
	}
	c->accepted += taken;
	return taken > 0 ? (int64_t)taken : say_why(c, err);
}

static int flush_messages(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct copying *c = ctx;
	struct mq_err mine = MQ_ERR_INIT;

	copying_drain(c);
	copying_commit(c, true);
	bool kept = copying_sync_kept(c, &mine) == 0;
	if (!kept)
		copying_break_off(c, &mine);
	copying_note(c, true);
	/* Which of them should have been kept is not known: all may come again. */
	*ret_lost = kept ? (size_t)(c->tail - c->head) : c->accepted;
	if (kept)
		copying_settle(c, true);
	c->accepted = 0;
	/* Messages that were sent, but whose transaction never ended, are lost with it. */
	if (c->group && c->broken)
		*ret_lost += (size_t)(c->done - c->noted);
	return *ret_lost == 0 && !c->broken ? 0 : say_why(c, err);
}

struct mq_sink copying_sink(struct copying *c)
{
	return (struct mq_sink){.accept = accept_messages, .flush = flush_messages, .ctx = c};
}

/* --- beginning and end ----------------------------------------------------------------------- */

static bool needs_ids(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->parts[i].by_id)
			return true;
	return false;
}

int copying_init(struct copying *c, bool provenance, struct mq_err *err)
{
	c->head = c->tail = c->settled_to = 1;
	c->slots = calloc(COPYING_RING, sizeof *c->slots);
	c->copies = calloc((size_t)RUN * 2, sizeof *c->copies);
	c->due = calloc(RUN, sizeof *c->due);
	c->part_times = calloc(c->plan->n + 1, sizeof *c->part_times);
	c->originals = calloc(RUN, sizeof *c->originals);
	c->ours = calloc(RUN, sizeof *c->ours);
	if (!c->slots || !c->copies || !c->due || !c->part_times || !c->originals || !c->ours)
		return mq_fail_memory(err);
	for (size_t i = 0; i <= c->plan->n; i++)
		c->part_times[i] = INT64_MIN;
	if (c->settles && owed_init(&c->owed, err) < 0)
		return -1;
	if (needs_ids(c->plan) && !(c->ids = calloc(COPYING_RING, sizeof *c->ids)))
		return mq_fail_memory(err);
	pace_init(&c->pace, &c->values->pace);
	if (failures_open(&c->failures, c->values->failed_to, target_shown(c->target), c->env,
	                  err) < 0)
		return -1;
	return edit_init(&c->edit, c->values, provenance, err);
}

void copying_release(struct copying *c)
{
	failures_release(&c->failures);
	edit_release(&c->edit);
	free(c->slots);
	free(c->ids);
	free(c->copies);
	free(c->due);
	free(c->part_times);
	free(c->originals);
	free(c->ours);
	owed_release(&c->owed);
	c->slots = NULL;
}

void copying_finish(struct copying *c)
{
	mq_writer_close(c->target->writer); /* whatever had no answer is reported now */
	c->target->writer = NULL;
	copying_advance(c);
	copying_settle(c, true);
	failures_flush(&c->failures);
	for (uint64_t i = c->head; i < c->tail; i++)
		c->counts.unsent += slot_of(c, i)->state == UNSENT;
	/* What was sent within a transaction that did not end is not there. */
	c->counts.unsent += c->uncommitted;
	c->uncommitted = 0;
}

int64_t copying_done(const struct copying *c)
{
	return c->done;
}
