/* mqtk group create: a group that stands somewhere before anybody reads for it. */
#include "cmd/commands.h"
#include "cmd/group/group.h"

struct create_values {
	struct mq_common common;
	struct group_goal goal;
	bool json;
};

static const struct create_values defaults = {
    .common = MQ_COMMON_INIT, .goal = {.kind = GOAL_POS, .pos = {.kind = MQ_POS_BEGINNING}}};

static const struct mq_option rows[] = {
    {.name = "to",
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "where: beginning (unless given), end, N, ID, @TIME, -1h, -N, group:OTHER",
     .field = offsetof(struct create_values, goal),
     .custom = group_goal_parse},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line per partition",
     .field = offsetof(struct create_values, json)},
    {0}};

static const struct mq_option_set sets[] = {{"Group", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group create local/orders billing", "it will read everything"},
    {"mqtk group create --to end redis://localhost/orders workers", "only what comes from now on"},
    {"mqtk group create --to group:billing prod/orders billing-test", "where another one stands"},
    {0}};

static int create_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                        struct mq_err *err)
{
	const struct create_values *values = invocation->values;
	const char *group = scope->groups[0];
	struct plan plan = {0};
	int result = 0;

	if (mq_group_check(scope->conn, "making a group", err) < 0)
		return -1;
	if (!scope->n_streams) {
		mq_fail(err, MQ_USAGE, "%s names a broker but no stream", scope->target.shown);
		return mq_hint(err, "a group is made in a stream, or in those that match ^regex");
	}
	if (values->goal.kind == GOAL_SHIFT)
		return mq_fail(err, MQ_USAGE, "--to shift: a new group stands nowhere yet");
	for (size_t i = 0; i < scope->n_streams && result == 0; i++) {
		struct mq_stream_info info;
		mq_stream_info_init(&info);
		result = mq_describe(scope->conn, scope->streams[i], &info, err);
		if (result == 0)
			result = plan_from_stream(&plan, &info, err);
		mq_stream_info_release(&info);
	}
	if (result == 0)
		result = plan_aim(&plan, scope, group, &values->goal, err);
	if (result == 0)
		result = plan_move(&plan, scope, group, true, false, err);
	if (result == 0) {
		plan_verdict(&plan, err);
		result = plan_report(&plan, group, true, values->json, invocation->color_out, err);
	}
	plan_release(&plan);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;

	if (group_scope_open(&scope, invocation, GROUP_ONE, err) == 0)
		create_group(invocation, &scope, err);
	group_scope_close(&scope);
	return (int)err->code;
}

const struct mq_command mq_cmd_group_create = {
    .name = "group create",
    .summary = "make a group that stands at a position",
    .operands = "ADDR GROUP",
    .about = "Makes a group in a stream, or in several (^regex), before anybody reads for it. It "
             "must not be there yet; 'mqtk group reset' moves one. 'mqtk consume --group' makes "
             "one by itself.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct create_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
