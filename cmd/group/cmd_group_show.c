/* mqtk group show: where groups stand, who reads for them, and what they have not settled. */
#include "cmd/commands.h"
#include "cmd/group/group.h"

struct show_values {
	struct mq_common common;
	bool json;
	bool pending;
	int64_t max;
};

static const struct show_values defaults = {.common = MQ_COMMON_INIT, .max = 1000};

static const struct mq_option rows[] = {
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line per group",
     .field = offsetof(struct show_values, json)},
    {.name = "pending",
     .type = MQ_OPT_FLAG,
     .help = "list messages that are delivered and not settled (Redis)",
     .field = offsetof(struct show_values, pending)},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "with --pending: at most N of each stream (1000)",
     .min = 1,
     .max = 1000000,
     .field = offsetof(struct show_values, max)},
    {0}};

static const struct mq_option_set sets[] = {{"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group show local/ billing", "everywhere the group stands"},
    {"mqtk group show kafka://localhost:9092/orders", "all groups of one topic"},
    {"mqtk group show --pending redis://localhost/orders workers", "and what nobody settled"},
    {0}};

/* Appends the pending messages of one stream, page by page. */
static int add_pending(const struct group_scope *scope, const char *group, const char *stream,
                       size_t max, struct mq_pending_list *list, struct mq_err *err)
{
	enum { PAGE = 1000 };
	size_t taken = 0;

	for (;;) {
		struct mq_pending_list page;
		size_t want = max - taken < PAGE ? max - taken : PAGE;
		struct mq_pending_query query = {.group = group,
		                                 .stream = stream,
		                                 .after =
		                                     taken ? list->items[list->n - 1].id : NULL,
		                                 .max = want};
		if (want == 0)
			return 0;
		if (mq_pending(scope->conn, &query, &page, err) < 0)
			return -1;
		size_t n = page.n;
		for (size_t i = 0; i < n; i++) {
			struct mq_pending *slot =
			    mq_info_grow(&list->items, &list->n, sizeof *slot, err);
			if (!slot) {
				mq_pending_list_release(&page);
				return -1;
			}
			*slot = page.items[i]; /* and what it owns */
			page.items[i] = (struct mq_pending){0};
		}
		mq_pending_list_release(&page);
		taken += n;
		if (n < want)
			return 0;
	}
}

static int show_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                      const struct mq_group_info *group, bool first, struct mq_buf *buf,
                      struct mq_err *err)
{
	const struct show_values *values = invocation->values;
	struct mq_pending_list pending = {0};
	int result = 0;

	for (size_t i = 0; values->pending && i < group->n_places && result == 0; i++)
		if (group->places[i].pending != 0)
			result = add_pending(scope, group->name, group->places[i].stream,
			                     (size_t)values->max, &pending, err);
	if (result == 0 && values->json)
		result =
		    group_report_json(group, true, values->pending ? &pending : NULL, buf, err);
	else if (result == 0)
		result = (first ? 0 : mq_buf_append_char(buf, '\n', err)) < 0
		             ? -1
		             : group_report_text(group, &pending, invocation->color_out, buf, err);
	mq_pending_list_release(&pending);
	return result;
}

static int show_groups(const struct mq_invocation *invocation, const struct group_scope *scope,
                       struct mq_buf *buf, struct mq_err *err)
{
	struct mq_group_list list;
	int result = 0;

	if (group_scope_look(scope, NULL, MQ_GROUP_MEMBERS | MQ_GROUP_AGES, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n && result == 0; i++)
		result = show_group(invocation, scope, &list.items[i], i == 0, buf, err);
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
	if (group_scope_open(&scope, invocation, GROUP_ANY, err) == 0)
		show_groups(invocation, &scope, &buf, err);
	/* What is known is printed although a part failed. */
	if (mq_print(&buf, &print_err) != 0 && err->code == MQ_OK)
		*err = print_err;
	group_scope_close(&scope);
	mq_buf_release(&buf);
	return (int)err->code;
}

const struct mq_command mq_cmd_group_show = {
    .name = "group show",
    .summary = "where groups stand in each partition, and who reads for them",
    .operands = "ADDR [GROUP…]",
    .about =
        "Shows for each partition the committed position (the next message to be read; on Redis "
        "the last one that was delivered), the end, how many messages lie between them, the age of "
        "the oldest unread one, and the member that reads it. With a broker's address it shows "
        "every stream where the group stands. Without groups it shows all.\n\n"
        "A partition in which the group has committed nothing has neither a position nor a lag: "
        "unknown is not 0.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct show_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
