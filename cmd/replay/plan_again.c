/* Plans that go on where others have been: a journal's parts, a group's positions. Streams may have
 * been made anew since then, or have lost their ends: see plan.h. */
#include "cmd/replay/plan.h"

#include <stdio.h>
#include <stdlib.h>

/* --- a journal's ----------------------------------------------------------------------------- */

/* What the journal expects behind the end that the stream has now. */
static void cut_part(struct plan *plan, struct plan_part *part, const struct mq_env *env,
                     int64_t end)
{
	int64_t begin = part->next > end ? part->next : end;

	if (part->to <= begin)
		return;
	mq_log(env, MQ_LEVEL_WARN,
	       "offsets %lld..%lld of %s[%d] do not exist: it ends at %lld (made anew, or records "
	       "were lost?)",
	       (long long)begin, (long long)(part->to - 1), part->stream, (int)part->partition,
	       (long long)end);
	plan->gone += part->to - begin;
	part->to = begin;
}

static int cut_parts(struct plan *plan, size_t source, struct mq_conn *conn, struct mq_err *err)
{
	struct mq_locate *looks = calloc(plan->n + 1, sizeof *looks);
	size_t *which = calloc(plan->n + 1, sizeof *which);
	size_t n = 0;
	int result = -1;

	if (!looks || !which) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_part *part = &plan->parts[i];
		if (part->source != source || !part->stream || part->by_id ||
		    part->to <= part->next)
			continue;
		which[n] = i;
		looks[n++] = (struct mq_locate){.stream = part->stream,
		                                .partition = part->partition,
		                                .pos = {.kind = MQ_POS_END}};
	}
	/* What cannot be found its reader names. */
	if (n > 0 && mq_locate(conn, looks, n, err) < 0 && err->code != MQ_NOT_FOUND)
		goto out;
	mq_err_clear(err);
	for (size_t i = 0; i < n; i++)
		if (looks[i].err.code == MQ_OK && looks[i].offset >= 0)
			cut_part(plan, &plan->parts[which[i]], conn->env, looks[i].offset);
	result = 0;
out:
	free(looks);
	free(which);
	return result;
}

int replay_plan_resumed(struct plan *plan, const struct sources *sources, struct mq_err *err)
{
	plan->n_sources = sources->n;
	plan->exact = calloc(sources->n + 1, sizeof *plan->exact);
	if (!plan->exact)
		return mq_fail_memory(err);
	for (size_t i = 0; i < sources->n; i++) {
		plan->exact[i] = true;
		if (cut_parts(plan, i, sources->items[i].conn, err) < 0)
			return -1;
	}
	return 0;
}

/* --- a group's ------------------------------------------------------------------------------- */

static struct plan_part *part_of(struct plan *plan, size_t source, const struct mq_place *place)
{
	struct mq_message at = MQ_MESSAGE_INIT;

	at.stream = mq_bytes_str(place->stream);
	at.partition = place->partition;
	int64_t found = replay_plan_find(plan, source, &at);
	return found < 0 ? NULL : &plan->parts[found];
}

/* True when the group stands behind the end that some part was planned to have. */
static bool take_places(struct plan *plan, size_t source, const struct mq_group_info *group)
{
	bool beyond = false;

	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		struct plan_part *part = part_of(plan, source, place);
		if (!part)
			continue;
		if (part->by_id && place->committed_id)
			snprintf(part->last_id, sizeof part->last_id, "%s", place->committed_id);
		else if (!part->by_id && place->committed >= 0)
			part->from = part->next = place->committed;
		beyond = beyond || (!part->by_id && place->committed > part->to);
	}
	return beyond;
}

/* The group's positions once more, now with ends that were looked up after them. */
static int check_beyond(struct plan *plan, size_t source, const struct mq_env *env,
                        const struct mq_group_info *group, bool exactly_once, struct mq_err *err)
{
	static const char why[] = "made anew, or records were lost?";

	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		struct plan_part *part = part_of(plan, source, place);
		if (!part || part->by_id || place->end < 0 || place->committed <= place->end)
			continue;
		if (exactly_once) {
			mq_fail(err, MQ_NOT_FOUND,
			        "--exactly-once: group '%s' stands at %lld of %s[%d], which ends "
			        "at %lld (%s)",
			        group->name, (long long)place->committed, place->stream,
			        (int)place->partition, (long long)place->end, why);
			return mq_hint(err, "'mqtk group reset' says where to go on");
		}
		mq_log(env, MQ_LEVEL_WARN,
		       "offset %lld of %s[%d] does not exist: it ends at %lld (%s); going on with "
		       "the oldest, %lld",
		       (long long)place->committed, place->stream, (int)place->partition,
		       (long long)place->end, why, (long long)place->begin);
		part->from = part->next = place->begin;
	}
	return 0;
}

static int ask(struct mq_conn *conn, struct mq_group_query *query, unsigned want,
               struct mq_group_list *ret_list, struct mq_err *err)
{
	query->want = want;
	if (mq_groups(conn, query, ret_list, err) < 0)
		return -1;
	/* A group that is not there yet stands nowhere. */
	if (ret_list->n == 0 || ret_list->items[0].err.code == MQ_OK ||
	    ret_list->items[0].err.code == MQ_NOT_FOUND)
		return 0;
	*err = ret_list->items[0].err;
	return -1;
}

/* Members commit where they are, whatever a transaction has committed: the next run would begin
 * there, and copy messages twice or pass over some. */
static int check_alone(const struct mq_group_info *group, struct mq_err *err)
{
	/* A state, but no number: there are some, and the library cannot ask for them. */
	if (group->err.code != MQ_OK || group->member_count == 0 ||
	    (group->member_count < 0 && !group->state))
		return 0;
	if (group->member_count > 0)
		mq_fail(err, MQ_USAGE, "--exactly-once: group '%s' has %lld active member%s",
		        group->name, (long long)group->member_count,
		        group->member_count == 1 ? "" : "s");
	else
		mq_fail(err, MQ_USAGE, "--exactly-once: group '%s' has active members",
		        group->name);
	return mq_hint(err, "they commit positions of their own: stop them, or give another "
	                    "--group");
}

/* The group in these streams of one source. */
static int begin_at(struct plan *plan, size_t source, struct mq_conn *conn,
                    struct mq_group_query *query, bool exactly_once, struct mq_err *err)
{
	struct mq_group_list list = {0}, again = {0};
	int result = -1;

	if (ask(conn, query, MQ_GROUP_PLACES, &list, err) < 0)
		goto out;
	if (list.n > 0 && exactly_once && check_alone(&list.items[0], err) < 0)
		goto out;
	result = 0;
	if (list.n == 0 || !take_places(plan, source, &list.items[0]))
		goto out;
	result = ask(conn, query, MQ_GROUP_PLACES | MQ_GROUP_ENDS, &again, err);
	if (result == 0 && again.n > 0)
		result = check_beyond(plan, source, conn->env, &again.items[0], exactly_once, err);
out:
	mq_group_list_release(&list);
	mq_group_list_release(&again);
	return result;
}

int replay_plan_from_group(struct plan *plan, const struct sources *sources,
                           const struct replay_values *values, struct mq_err *err)
{
	const char *group = values->group;

	for (size_t i = 0; i < sources->n; i++) {
		const char **streams = NULL;
		size_t n = 0;
		int result = 0;
		if (!plan->exact[i])
			continue;
		for (size_t p = 0; p < plan->n && result == 0; p++) {
			if (plan->parts[p].source != i ||
			    (n > 0 && strcmp(streams[n - 1], plan->parts[p].stream) == 0))
				continue;
			const char **name = mq_info_grow(&streams, &n, sizeof *name, err);
			if (name)
				*name = plan->parts[p].stream;
			else
				result = -1;
		}
		struct mq_group_query query = {
		    .groups = &group, .n_groups = 1, .streams = streams, .n_streams = n};
		if (n > 0 && result == 0)
			result = begin_at(plan, i, sources->items[i].conn, &query,
			                  values->exactly_once, err);
		free(streams);
		if (result < 0)
			return -1;
	}
	return 0;
}
