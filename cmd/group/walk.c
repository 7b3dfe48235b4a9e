/* Counting along a stream whose positions are ids: where N messages on or back is. */
#include "cmd/group/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACK_MAX ((int64_t)1000000) /* ids that are remembered for a way back */

struct walk {
	char (*ids)[64]; /* the last so many of those that were passed */
	size_t room;
	int64_t passed, max;
};

static int keep_id(void *ctx, const struct mq_message *message, struct mq_err *err)
{
	struct walk *walk = ctx;

	if (message->id.len >= sizeof *walk->ids)
		return mq_fail(err, MQ_DATA, "an id of %zu bytes is too long", message->id.len);
	char *slot = walk->ids[(size_t)walk->passed++ % walk->room];
	memcpy(slot, message->id.data, message->id.len);
	slot[message->id.len] = '\0';
	return walk->passed < walk->max;
}

/* Passes messages from a position until `max` of them, `to`, or the end. */
static int pass(const struct group_scope *scope, const struct plan_row *row, struct mq_pos from,
                struct mq_pos to, int64_t max, struct walk *walk, struct mq_err *err)
{
	struct group_reading reading = {.stream = row->stream,
	                                .partition = row->partition,
	                                .from = from,
	                                .to = to,
	                                .limit = max,
	                                .take = keep_id,
	                                .ctx = walk};

	walk->max = max;
	return group_read(scope, &reading, err);
}

static struct mq_pos pos_of_id(const char *id)
{
	struct mq_pos pos = {.kind = MQ_POS_ID};

	snprintf(pos.text, sizeof pos.text, "%s", id);
	return pos;
}

static void aim_at(struct plan_row *row, const char *id, bool delivered)
{
	row->target = GROUP_POS_NONE;
	row->target.delivered = delivered;
	snprintf(row->target.id, sizeof row->target.id, "%s", id);
}

/* Behind the shift-th message after the current one, or the last one there is. */
static int walk_on(const struct group_scope *scope, struct plan_row *row, int64_t shift,
                   struct walk *walk, struct mq_err *err)
{
	const char *from = row->current.id;

	walk->room = 1;
	/* One more, for the current one itself: whether it still exists is seen from the first. */
	struct walk first = {.ids = walk->ids, .room = 1};
	if (pass(scope, row, pos_of_id(from), (struct mq_pos){0}, 1, &first, err) < 0)
		return -1;
	bool there = first.passed == 1 && strcmp(first.ids[0], from) == 0;
	int64_t wanted = shift < INT64_MAX - 1 ? shift + there : shift;
	if (pass(scope, row, pos_of_id(from), (struct mq_pos){0}, wanted, walk, err) < 0)
		return -1;
	if (walk->passed < wanted)
		snprintf(row->note, sizeof row->note, "not behind the end");
	if (walk->passed > there)
		aim_at(row, walk->ids[0], true);
	else
		row->target = row->current;
	return 0;
}

/* At the shift-th message back from the current one, which counts as the first. */
static int walk_back(const struct group_scope *scope, struct plan_row *row, int64_t shift,
                     struct walk *walk, struct mq_err *err)
{
	struct walk first = {.ids = walk->ids, .room = 1};
	char current[64];

	if (pass(scope, row, pos_of_id(row->current.id), (struct mq_pos){0}, 1, &first, err) < 0)
		return -1;
	bool there = first.passed == 1 && strcmp(first.ids[0], row->current.id) == 0;
	snprintf(current, sizeof current, "%s", row->current.id);
	int64_t before = shift - there;
	if (before == 0) {
		aim_at(row, current, false);
		return 0;
	}
	walk->room = (size_t)before;
	if (pass(scope, row, (struct mq_pos){.kind = MQ_POS_BEGINNING}, pos_of_id(current),
	         INT64_MAX, walk, err) < 0)
		return -1;
	if (walk->passed >= before) {
		aim_at(row, walk->ids[(size_t)walk->passed % walk->room], false);
		return 0;
	}
	snprintf(row->note, sizeof row->note, "not before the beginning");
	aim_at(row, walk->passed ? walk->ids[0] : current, false);
	return 0;
}

int group_walk(const struct group_scope *scope, struct plan_row *row, int64_t shift,
               struct mq_err *err)
{
	struct walk walk = {0};

	if (shift < -BACK_MAX)
		return mq_fail(err, MQ_USAGE, "shift:%lld: at most %lld messages back",
		               (long long)shift, (long long)BACK_MAX);
	walk.ids = calloc(shift < 0 ? (size_t)-shift : 1, sizeof *walk.ids);
	if (!walk.ids)
		return mq_fail_memory(err);
	int result = shift > 0 ? walk_on(scope, row, shift, &walk, err)
	                       : walk_back(scope, row, -shift, &walk, err);
	free(walk.ids);
	return result;
}
