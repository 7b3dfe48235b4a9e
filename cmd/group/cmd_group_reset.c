/* mqtk group reset: moves a group to other positions, after showing the plan. */
#include "cmd/commands.h"
#include "cmd/group/group.h"
#include "cmd/reading.h"

#include <stdlib.h>

struct reset_values {
	struct mq_common common;
	struct group_goal goal;
	struct reading_partitions partitions;
	const char *plan;
	bool execute, force, json;
};

static const struct reset_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(member) offsetof(struct reset_values, member)

static const struct mq_option rows[] = {
    {.name = "to",
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "beginning, end, N, ID, @TIME, -1h, -N, shift:+N, shift:-N, group:OTHER",
     .more =
         "N is an offset and ID an id: the next message to be read. @TIME and -1h are the first "
         "message at or after that moment, -N is the last N of each partition. shift:+N passes "
         "N messages, shift:-N goes back by N, group:OTHER stands where that group stands. "
         "Offsets outside what a partition has become its beginning or its end.",
     .field = FIELD(goal),
     .custom = group_goal_parse,
     .excludes = "plan"},
    {.name = "plan",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "positions from a plan, as a run without --execute prints it; -: standard input",
     .more = "CSV with a first line that names the columns stream, partition and target, or JSON "
             "lines with these members, or lines topic,partition,offset as Kafka's own tool "
             "exports them. The target is any position --to knows but shift and group. Partitions "
             "that the plan does not name, or without a target, stay where they are.",
     .field = FIELD(plan),
     .complete = MQ_COMPLETE_FILE},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_CUSTOM,
     .arg = "N[,N…]",
     .help = "only these partitions; also 5-7; repeatable",
     .field = FIELD(partitions),
     .custom = reading_parse_partitions},
    {.name = "execute",
     .type = MQ_OPT_FLAG,
     .help = "move the group; without it the plan is only printed",
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

static const struct mq_option_set sets[] = {{"Reset", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group reset local/orders billing --to -1h", "what would happen: nothing is changed"},
    {"mqtk group reset local/orders billing --to -1h --execute", "read the last hour once more"},
    {"mqtk group reset prod/ billing --to @2026-11-01T10:00Z >plan.csv", "keep the plan, edit it"},
    {"mqtk group reset prod/ billing --plan plan.csv --execute", "and do it"},
    {0}};

/* What --execute would meet. Members that stay when nobody reads (Redis) say nothing about it. */
static void warn_of_members(const struct mq_invocation *invocation, const struct group_scope *scope,
                            const struct mq_group_info *group)
{
	const struct reset_values *values = invocation->values;

	if (values->force || group->member_count <= 0 || scope->conn->caps & MQ_CAP_CLAIM)
		return;
	mq_log(invocation->env, MQ_LEVEL_WARN,
	       "group %s has %lld active member%s: end them before --execute", group->name,
	       (long long)group->member_count, group->member_count == 1 ? "" : "s");
}

static int do_plan(const struct mq_invocation *invocation, const struct group_scope *scope,
                   struct plan *plan, const struct mq_group_info *group, struct mq_err *err)
{
	const struct reset_values *values = invocation->values;

	if (plan->n == 0) {
		mq_fail(err, MQ_NOT_FOUND, "group %s stands nowhere in %s", group->name,
		        scope->target.shown);
		return mq_hint(err, "name the stream in the address");
	}
	if ((values->plan ? plan_aim_file(plan, scope, values->plan, err)
	                  : plan_aim(plan, scope, group->name, &values->goal, err)) < 0)
		return -1;
	if (values->execute) {
		if (plan_move(plan, scope, group->name, false, values->force, err) < 0)
			return -1;
		plan_verdict(plan, err);
		return plan_report(plan, group->name, true, values->json, invocation->color_out,
		                   err);
	}
	if (plan_print(plan, group->name, values->json, err) < 0)
		return -1;
	warn_of_members(invocation, scope, group);
	mq_log(invocation->env, MQ_LEVEL_NOTE, "nothing was changed; --execute does it");
	return plan_verdict(plan, err);
}

static int reset_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                       struct mq_err *err)
{
	const struct reset_values *values = invocation->values;
	struct mq_group_list list;
	struct plan plan = {0};

	if (values->goal.kind == GOAL_NONE && !values->plan) {
		struct group_goal none = {0};
		return plan_aim(&plan, scope, scope->groups[0], &none, err);
	}
	if (values->execute && mq_group_check(scope->conn, "moving a group", err) < 0)
		return -1;
	if (group_scope_look(scope, scope->groups[0], MQ_GROUP_ENDS, &list, err) < 0)
		return -1;
	int result = plan_from_group(&plan, &list.items[0], values->partitions.items,
	                             values->partitions.n, err);
	if (result == 0)
		result = do_plan(invocation, scope, &plan, &list.items[0], err);
	if (result == 0)
		result = group_list_whole(&list, err);
	plan_release(&plan);
	mq_group_list_release(&list);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;

	if (group_scope_open(&scope, invocation, GROUP_ONE, err) == 0)
		reset_group(invocation, &scope, err);
	group_scope_close(&scope);
	return (int)err->code;
}

static void release(void *values)
{
	free(((struct reset_values *)values)->partitions.items);
}

const struct mq_command mq_cmd_group_reset = {
    .name = "group reset",
    .summary = "move a group to other positions: a time, an offset, another group's",
    .operands = "ADDR GROUP",
    .about =
        "Prints what it would do and does it with --execute. What it prints is a plan that --plan "
        "takes again, perhaps after it was edited. ADDR names a stream, several (^regex), or a "
        "broker: then every stream where the group stands.\n\n"
        "A group with active members is not moved: they would go on from where they are and "
        "overwrite the new positions. The local store and Redis move it with --force; members of "
        "the local store then read on from the new position. On Redis only the undelivered "
        "messages change: what is pending stays so ('mqtk group claim').",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct reset_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
