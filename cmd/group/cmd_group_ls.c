/* mqtk group ls: the groups of a broker or a stream. */
#include "cmd/commands.h"
#include "cmd/group/group.h"

struct ls_values {
	struct mq_common common;
	bool json;
};

static const struct ls_values defaults = {.common = MQ_COMMON_INIT};

static const struct mq_option rows[] = {{.name = "json",
                                         .letter = 'J',
                                         .type = MQ_OPT_FLAG,
                                         .help = "one JSON line per group",
                                         .field = offsetof(struct ls_values, json)},
                                        {0}};

static const struct mq_option_set sets[] = {{"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group ls local/", "the groups of the local store"},
    {"mqtk group ls kafka://localhost:9092/orders", "those that read one topic"},
    {"mqtk group ls -J prod/ | jq -r .group", "names only"},
    {0}};

static int list_groups(const struct mq_invocation *invocation, const struct group_scope *scope,
                       struct mq_buf *buf, struct mq_err *err)
{
	const struct ls_values *values = invocation->values;
	struct mq_group_list list;
	int result = 0;

	if (group_scope_look(scope, NULL, MQ_GROUP_ENDS, &list, err) < 0)
		return -1;
	if (!values->json)
		result = group_report_list(&list, invocation->color_out, buf, err);
	for (size_t i = 0; values->json && i < list.n && result == 0; i++)
		result = group_report_json(&list.items[i], false, NULL, buf, err);
	if (result == 0)
		result = group_list_verdict(&list, err);
	mq_group_list_release(&list);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;
	struct mq_buf buf;
	struct mq_err print_err = MQ_ERR_INIT;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (group_scope_open(&scope, invocation, GROUP_NONE, err) == 0)
		list_groups(invocation, &scope, &buf, err);
	if (mq_print(&buf, &print_err) != 0 && err->code == MQ_OK)
		*err = print_err;
	group_scope_close(&scope);
	mq_buf_release(&buf);
	return (int)err->code;
}

const struct mq_command mq_cmd_group_ls = {
    .name = "group ls",
    .summary = "the groups of a broker or a stream",
    .operands = "[ADDR]",
    .about = "Lists groups with their state, members, the streams they read and how many messages "
             "are left for them in all. A group that has not committed in every partition has no "
             "number: unknown is not 0. 'mqtk group show' has each partition, 'mqtk lag' rates "
             "and limits.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct ls_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
