/*
 * How far groups are behind: begin and end of the partitions where they stand.
 *
 * Asked for after all commits are in, so that no lag comes out too small. As few requests as good,
 * each to one leader for some hundred partitions, however many groups stand there; leaders are
 * asked at once, so that one that is away only costs its own partitions their ends.
 */
#include "backend/kafka/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Library and broker take a time that grows with the square of a question's length: 10,000
 * partitions take 4 s in one piece and 0.2 s in pieces of this size. */
#define PART_MAX 300
#define PARTS_AT_ONCE 16 /* each is two questions */

/* A partition where some group stands. */
struct spot {
	const char *topic;
	int32_t partition, leader;
	int64_t begin, end;      /* -1: unknown */
	rd_kafka_resp_err_t why; /* it is unknown */
};

struct spots {
	struct spot *items; /* sorted */
	size_t n;
};

static int compare_spots(const void *a, const void *b)
{
	const struct spot *x = a;
	const struct spot *y = b;
	int by_topic = strcmp(x->topic, y->topic);

	return by_topic ? by_topic : (x->partition > y->partition) - (x->partition < y->partition);
}

static struct spot *find_spot(const struct spots *spots, const char *topic, int32_t partition)
{
	struct spot key = {.topic = topic, .partition = partition};

	return spots->n ? bsearch(&key, spots->items, spots->n, sizeof *spots->items, compare_spots)
	                : NULL;
}

static int32_t leader_of(const struct rd_kafka_metadata_topic *topic, int32_t partition)
{
	/* They come in order, mostly. */
	if (partition >= 0 && partition < topic->partition_cnt &&
	    topic->partitions[partition].id == partition)
		return topic->partitions[partition].leader;
	for (int i = 0; i < topic->partition_cnt; i++)
		if (topic->partitions[i].id == partition)
			return topic->partitions[i].leader;
	return -1;
}

/* Every partition with a leader where a group stands, once. */
static int collect(const struct mq_kafka_look *look, struct spots *spots, struct mq_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < look->list->n; i++) {
		const struct mq_group_info *info = &look->list->items[i];
		for (size_t j = 0; j < info->n_places; j++) {
			const struct mq_place *place = &info->places[j];
			const struct rd_kafka_metadata_topic *topic =
			    mq_kafka_topics_find(&look->topics, place->stream);
			int32_t leader = topic ? leader_of(topic, place->partition) : -1;
			if (leader < 0)
				continue;
			struct spot *spot =
			    mq_info_grow(&spots->items, &spots->n, sizeof *spot, err);
			if (!spot)
				return -1;
			*spot = (struct spot){.topic = place->stream,
			                      .partition = place->partition,
			                      .leader = leader,
			                      .begin = -1,
			                      .end = -1};
		}
	}
	if (spots->n > 1)
		qsort(spots->items, spots->n, sizeof *spots->items, compare_spots);
	for (size_t i = 0; i < spots->n; i++)
		if (kept == 0 || compare_spots(&spots->items[kept - 1], &spots->items[i]) != 0)
			spots->items[kept++] = spots->items[i];
	spots->n = kept;
	return 0;
}

/* --- asking --------------------------------------------------------------------------------------
 */

/* One question to one leader: all ends, or all beginnings. */
struct question {
	struct mq_kafka_call call;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t kerr;
};

static void run_question(struct mq_kafka_call *call)
{
	struct question *me = (struct question *)call;

	me->kerr = rd_kafka_offsets_for_times(call->rk, me->list, call->timeout_ms);
}

static void free_question(struct mq_kafka_call *call)
{
	struct question *me = (struct question *)call;

	rd_kafka_topic_partition_list_destroy(me->list);
	free(me);
}

static struct question *start_question(struct mq_kafka_look *look, struct spot *const *spots,
                                       size_t n, int64_t what, int timeout_ms, struct mq_err *err)
{
	struct question *me = calloc(1, sizeof *me);

	if (!me) {
		mq_fail_memory(err);
		return NULL;
	}
	me->call.run = run_question;
	me->call.free = free_question;
	me->list = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(me->list, spots[i]->topic, spots[i]->partition)
		    ->offset = what;
	return mq_kafka_call_start(look->handle, &me->call, timeout_ms, err) < 0 ? NULL : me;
}

/* Reasons that pass: the leader does not know yet that it is, or is no more. */
static bool moves(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
	       kerr == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

/* Takes the answer to a question about these spots in this order, and ends the question. */
static int finish_question(struct mq_kafka_look *look, struct question *me,
                           struct spot *const *spots, size_t n, bool begins, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + mq_kafka_look_left(look, MQ_KAFKA_ENDS_PERCENT) + 200;
	struct mq_err mine = MQ_ERR_INIT;
	bool answered = me && mq_kafka_call_wait(&me->call, end, "asking for ends", &mine) == 0;

	for (size_t i = 0; i < n; i++) {
		const rd_kafka_topic_partition_t *elem = answered ? &me->list->elems[i] : NULL;
		rd_kafka_resp_err_t kerr = !answered  ? RD_KAFKA_RESP_ERR__TIMED_OUT
		                           : me->kerr ? me->kerr
		                                      : elem->err;
		if (kerr)
			spots[i]->why = kerr;
		else if (begins)
			spots[i]->begin = elem->offset;
		else
			spots[i]->end = elem->offset;
	}
	if (answered)
		free_question(&me->call);
	if (mine.code != MQ_CANCELLED)
		return 0;
	*err = mine;
	return -1;
}

static int compare_leaders(const void *a, const void *b)
{
	const struct spot *x = *(struct spot *const *)a;
	const struct spot *y = *(struct spot *const *)b;

	return x->leader != y->leader ? (x->leader > y->leader) - (x->leader < y->leader)
	                              : compare_spots(x, y);
}

/* Spots of one leader that are asked for together. */
struct part {
	size_t at, n;
	struct question *ends, *begins;
};

/* away: a leader that did not answer before, which is not asked again. */
static int start_part(struct mq_kafka_look *look, struct spot **spots, size_t n, size_t *at,
                      int32_t away, struct part *part, struct mq_err *err)
{
	int ms = mq_kafka_look_left(look, MQ_KAFKA_ENDS_PERCENT);

	*part = (struct part){.at = *at};
	/* Others wait for their turn behind these. */
	if (n > PART_MAX * PARTS_AT_ONCE)
		ms = ms / 2 + 1;
	for (; *at < n && spots[*at]->leader == spots[part->at]->leader && part->n < PART_MAX;
	     ++*at)
		part->n++;
	if (spots[part->at]->leader == away)
		return 0;
	part->ends = start_question(look, spots + part->at, part->n, RD_KAFKA_OFFSET_END, ms, err);
	part->begins =
	    start_question(look, spots + part->at, part->n, RD_KAFKA_OFFSET_BEGINNING, ms, err);
	return part->ends && part->begins ? 0 : -1;
}

static int finish_part(struct mq_kafka_look *look, struct spot **spots, const struct part *part,
                       struct mq_err *err)
{
	int rc = finish_question(look, part->ends, spots + part->at, part->n, false, err);

	return finish_question(look, part->begins, spots + part->at, part->n, true, err) < 0 ? -1
	                                                                                     : rc;
}

/* Asks the leaders of these spots. */
static int ask(struct mq_kafka_look *look, struct spot **spots, size_t n, struct mq_err *err)
{
	struct part parts[PARTS_AT_ONCE];
	size_t started = 0, finished = 0, at = 0;
	int32_t away = -1;
	int rc = 0;

	qsort(spots, n, sizeof(struct spot *), compare_leaders);
	while (finished < started || (rc == 0 && at < n)) {
		if (rc == 0 && at < n && started - finished < PARTS_AT_ONCE) {
			rc = start_part(look, spots, n, &at, away,
			                &parts[started++ % PARTS_AT_ONCE], err);
			continue;
		}
		const struct part *part = &parts[finished++ % PARTS_AT_ONCE];
		if (finish_part(look, spots, part, err) < 0)
			rc = -1;
		if (spots[part->at]->why == RD_KAFKA_RESP_ERR__TIMED_OUT)
			away = spots[part->at]->leader;
	}
	return rc;
}

/* Asks again where leadership was on its way, while there is time. */
static int ask_all(struct mq_kafka_look *look, const struct spots *spots, struct mq_err *err)
{
	const struct mq_cancel *cancel = look->handle->env->cancel;
	struct spot **open = calloc(spots->n ? spots->n : 1, sizeof *open);
	size_t n = 0;
	int rc = -1;

	if (!open)
		return mq_fail_memory(err);
	for (size_t i = 0; i < spots->n; i++)
		open[n++] = &spots->items[i];
	for (int pause_ms = 20; n > 0; pause_ms = pause_ms < 300 ? pause_ms * 2 : pause_ms) {
		if (ask(look, open, n, err) < 0)
			goto out;
		size_t left = 0;
		for (size_t i = 0; i < n; i++)
			if (moves(open[i]->why))
				open[left++] = open[i];
		n = left;
		if (n == 0 || mq_kafka_look_left(look, MQ_KAFKA_ENDS_PERCENT) <= pause_ms)
			break;
		/* There is no event to wait for: the cluster has to be asked again. */
		mq_cancel_wait(cancel, -1, 0, pause_ms);
		for (size_t i = 0; i < n; i++)
			open[i]->why = RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	rc = 0;
out:
	free(open);
	return rc;
}

/* --- filling -------------------------------------------------------------------------------------
 */

static int fill(struct mq_place *place, const struct spot *spot, struct mq_err *err)
{
	char text[200];

	place->begin = spot->begin;
	place->end = spot->end;
	if (spot->why == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	    spot->why == RD_KAFKA_RESP_ERR__TRANSPORT) {
		snprintf(text, sizeof text, "its leader, node %d, does not answer",
		         (int)spot->leader);
		return mq_kafka_place_error(place, text, err);
	}
	if (spot->why)
		return mq_kafka_place_error(place, rd_kafka_err2str(spot->why), err);
	if (place->committed < 0 || place->end < 0)
		return 0;
	place->lag = place->end > place->committed ? place->end - place->committed : 0;
	if (place->committed < place->begin) {
		snprintf(text, sizeof text, "offsets %lld..%lld are gone (retention)",
		         (long long)place->committed, (long long)(place->begin - 1));
		return mq_kafka_place_error(place, text, err);
	}
	if (place->committed > place->end) {
		snprintf(text, sizeof text,
		         "committed behind the end (made anew, or records were lost?)");
		return mq_kafka_place_error(place, text, err);
	}
	return 0;
}

/* The answer is missing; unlike that of a topic that is gone, it may come later. */
static bool is_away(rd_kafka_resp_err_t why)
{
	return why && why != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
	       why != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
	       why != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

int mq_kafka_places_ends(struct mq_kafka_look *look, struct mq_err *err)
{
	struct spots spots = {0};
	int rc = -1;

	if (collect(look, &spots, err) < 0 || ask_all(look, &spots, err) < 0)
		goto out;
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_group_info *info = &look->list->items[i];
		for (size_t j = 0; j < info->n_places; j++) {
			struct mq_place *place = &info->places[j];
			const struct spot *spot =
			    find_spot(&spots, place->stream, place->partition);
			if (spot && fill(place, spot, err) < 0)
				goto out;
			if (spot && is_away(spot->why))
				mq_kafka_fail(&info->err, spot->why, "%s[%d]: %s", place->stream,
				              (int)place->partition, place->error);
		}
	}
	rc = 0;
out:
	free(spots.items);
	return rc;
}
