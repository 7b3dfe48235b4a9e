/* mqtk group skip: moves a group past messages, which can be kept in a file. */
#include "cmd/commands.h"
#include "cmd/group/skip.h"
#include "cmd/reading.h"

#include <stdlib.h>

struct skip_values {
	struct mq_common common;
	struct group_goal goal;
	struct select_options select;
	struct reading_partitions partitions;
	int64_t count;
	const char *keep;
	bool execute, force, json;
};

static const struct skip_values defaults = {.common = MQ_COMMON_INIT, .count = -1};

#define FIELD(member) offsetof(struct skip_values, member)

static const struct mq_option rows[] = {
    {.name = "to",
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "everything before a position: N, ID, end, @TIME, -1h, -N, shift:+N",
     .more = "The forms of 'group reset'. A partition that stands there already, or behind it, is "
             "left alone.",
     .field = FIELD(goal),
     .custom = group_goal_parse,
     .excludes = "count key grep"},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "the next N messages of each partition; with --key or --grep at most so many",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(count)},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_CUSTOM,
     .arg = "N[,N…]",
     .help = "only these partitions; also 5-7; repeatable",
     .field = FIELD(partitions),
     .custom = reading_parse_partitions},
    {.name = "keep",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "append the skipped messages to FILE as JSON lines before the group moves",
     .more = "They are on disk before anything changes; 'produce -J' brings them back. A run that "
             "was killed in between moved nothing: the next one writes them again.",
     .field = FIELD(keep),
     .complete = MQ_COMPLETE_FILE},
    {.name = "execute",
     .type = MQ_OPT_FLAG,
     .help = "do it; without it the messages are only counted, and the first ones shown",
     .field = FIELD(execute)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "although members are active, where the broker allows that",
     .field = FIELD(force)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line per partition",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Which messages", select_rows, FIELD(select)}, {"Skip", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group skip -p 3 -c 1 prod/orders billing", "what is next in partition 3"},
    {"mqtk group skip -p 3 -c 1 --keep poison.jsonl --execute prod/orders billing",
     "past it; the message is kept"},
    {"mqtk group skip --grep '\"version\":9' prod/orders billing",
     "the run of messages that match, from where the group stands"},
    {"mqtk group skip --to -10m --keep old.jsonl --execute prod/orders billing",
     "everything older than ten minutes"},
    {0}};

static int check_values(const struct skip_values *values, struct mq_err *err)
{
	if (values->goal.kind != GOAL_NONE || values->count >= 0 || values->select.key ||
	    values->select.grep)
		return 0;
	mq_fail(err, MQ_USAGE, "nothing says what is to be skipped");
	return mq_hint(err, "one of --to POS, -c N, --grep REGEX, --key KEY");
}

/* Before anything is kept: who reads is refused by the broker too, but only at the move. */
static int check_inactive(const struct mq_invocation *invocation, const struct plan *plan,
                          const struct mq_group_info *group, struct mq_err *err)
{
	const struct skip_values *values = invocation->values;
	const struct mq_place *read = NULL;

	for (size_t i = 0; i < group->n_places && !read; i++)
		for (size_t r = 0; r < plan->n && !read; r++)
			if (group->places[i].member &&
			    group->places[i].partition == plan->rows[r].partition &&
			    strcmp(group->places[i].stream, plan->rows[r].stream) == 0)
				read = &group->places[i];
	if (!read || values->force)
		return 0;
	if (!values->execute) {
		mq_log(invocation->env, MQ_LEVEL_WARN,
		       "group %s has active members: end them before --execute", group->name);
		return 0;
	}
	mq_fail(err, MQ_USAGE, "group %s: %s[%d] is read now by %s", group->name, read->stream,
	        (int)read->partition, read->member);
	return mq_hint(err, "end the group's members first");
}

/* Where members are not tied to a connection only the broker can tell who is active, and it does so
 * at a move: one to where the group stands. */
static int ask_inactive(const struct mq_invocation *invocation, const struct group_scope *scope,
                        struct plan *plan, struct mq_err *err)
{
	const struct skip_values *values = invocation->values;

	if (!values->execute || values->force || !(scope->conn->caps & MQ_CAP_CLAIM))
		return 0;
	for (size_t i = 0; i < plan->n; i++)
		plan->rows[i].target = plan->rows[i].current;
	int result = plan_move(plan, scope, scope->groups[0], false, false, err);
	if (result == 0)
		result = plan_verdict(plan, err);
	for (size_t i = 0; i < plan->n; i++)
		plan->rows[i].target = GROUP_POS_NONE;
	return result;
}

/* Nothing at all: a negative answer, in the words of the first row. */
static int check_found(const struct skip *skip, struct mq_err *err)
{
	bool other = false;

	for (size_t i = 0; i < skip->plan->n; i++) {
		if (skip->plan->rows[i].err.code || group_pos_known(&skip->plan->rows[i].target))
			return 0;
		other |= skip->rows[i].other;
	}
	return mq_fail(err, MQ_NEGATIVE, "nothing to skip: %s",
	               other ? "the next message does not match"
	                     : "nothing is there from where the group stands");
}

static int print_first(const struct mq_invocation *invocation, struct skip *skip,
                       struct mq_err *err)
{
	struct mq_err own = MQ_ERR_INIT;
	struct mq_buf buf;

	if (!skip->n_shown)
		return 0;
	mq_buf_init(&buf, 1 << 20);
	skip->shown.err = &own;
	int result = mq_buf_append_char(&buf, '\n', &own);
	if (result == 0)
		result = mq_table_print(&skip->shown, invocation->color_out, &buf);
	if (result == 0)
		result = mq_print(&buf, &own) == 0 ? 0 : -1;
	mq_buf_release(&buf);
	skip->shown.err = err;
	if (result < 0 && err->code == MQ_OK)
		*err = own;
	return result;
}

/* The order is the promise: kept on disk, moved, settled. */
static int do_skip(const struct mq_invocation *invocation, struct skip *skip, struct mq_err *err)
{
	const struct skip_values *values = invocation->values;

	if (skip_collect(skip, err) < 0)
		return -1;
	bool found = check_found(skip, err) == 0;
	if (found && values->execute) {
		if ((skip->keep && keep_sync(skip->keep, err) < 0) ||
		    plan_move(skip->plan, skip->scope, skip->group, false, values->force, err) <
		        0 ||
		    skip_settle(skip, err) < 0)
			return -1;
	}
	if (found)
		plan_verdict(skip->plan, err);
	if (plan_report(skip->plan, skip->group, found && values->execute, values->json,
	                invocation->color_out, err) < 0)
		return -1;
	if (!values->json && !values->execute)
		print_first(invocation, skip, err);
	if (found && !values->execute)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "nothing was changed; --execute does it");
	return err->code ? -1 : 0;
}

static int skip_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                      struct mq_err *err)
{
	const struct skip_values *values = invocation->values;
	struct mq_group_list list = {0};
	struct plan plan = {0};
	struct keep keep = {0};
	struct skip skip = {.scope = scope,
	                    .group = scope->groups[0],
	                    .count = values->count,
	                    .to_target = values->goal.kind != GOAL_NONE,
	                    .plan = &plan};
	int result = -1;

	if (check_values(values, err) < 0 ||
	    (values->execute && mq_group_check(scope->conn, "moving a group", err) < 0) ||
	    selector_init(&skip.selector, &values->select, err) < 0 ||
	    group_scope_look(scope, skip.group, MQ_GROUP_ENDS, &list, err) < 0 ||
	    plan_from_group(&plan, &list.items[0], values->partitions.items, values->partitions.n,
	                    err) < 0 ||
	    check_inactive(invocation, &plan, &list.items[0], err) < 0 ||
	    ask_inactive(invocation, scope, &plan, err) < 0 ||
	    (skip.to_target && plan_aim(&plan, scope, skip.group, &values->goal, err) < 0) ||
	    skip_init(&skip, err) < 0)
		goto out;
	if (values->keep && values->execute) {
		if (keep_open(&keep, values->keep, invocation->env, err) < 0)
			goto out;
		skip.keep = &keep;
	}
	result = do_skip(invocation, &skip, err);
	if (result == 0)
		result = group_list_whole(&list, err);
out:
	keep_release(&keep);
	skip_release(&skip);
	plan_release(&plan);
	mq_group_list_release(&list);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;

	if (group_scope_open(&scope, invocation, GROUP_ONE, err) == 0)
		skip_group(invocation, &scope, err);
	group_scope_close(&scope);
	return (int)err->code;
}

static void release(void *values)
{
	free(((struct skip_values *)values)->partitions.items);
}

const struct mq_command mq_cmd_group_skip = {
    .name = "group skip",
    .summary = "move a group past messages that it cannot handle",
    .operands = "ADDR GROUP",
    .about =
        "From where the group stands it skips everything before a position (--to), the next "
        "messages (-c), or the unbroken run of messages that match (--key, --grep): the first one "
        "that does not match ends it. Without --execute it only counts and shows the first ones. "
        "With nothing to skip it exits with 1.\n\n"
        "Where messages are delivered one by one and wait to be settled (Redis), those that match "
        "are settled too, wherever they stand: that is where a message lies that made its reader "
        "fail.\n\n"
        "Members have to be stopped before, as for 'group reset'.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct skip_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
