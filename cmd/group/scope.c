/* The operands of the group commands, opened: see group.h. */
#include "cmd/group/group.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

static int check_operands(const struct mq_invocation *invocation, enum group_wants wants,
                          struct mq_err *err)
{
	const struct mq_operands *operands = &invocation->operands;
	size_t max = wants == GROUP_NONE ? 1 : wants == GROUP_ONE ? 2 : SIZE_MAX;

	if (operands->n > max) {
		mq_fail(err, MQ_USAGE, "'%s' is one operand too many", operands->items[max]);
		return mq_hint(err, "mqtk %s %s", invocation->command->name,
		               invocation->command->operands);
	}
	if (operands->n == 0 && wants != GROUP_NONE)
		mq_fail(err, MQ_USAGE, "no address given");
	else if (operands->n == 1 && wants == GROUP_ONE)
		mq_fail(err, MQ_USAGE, "no group given behind %s", operands->items[0]);
	else if (wants == GROUP_ONE && !*operands->items[1])
		mq_fail(err, MQ_USAGE, "'' is no name of a group");
	else
		return 0;
	return mq_hint(err, "mqtk %s %s; --help shows examples", invocation->command->name,
	               invocation->command->operands);
}

static int find_matches(struct group_scope *scope, struct mq_err *err)
{
	const char *pattern = scope->target.stream;
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return mq_fail(err, MQ_USAGE, "'%s' is no regular expression", pattern);
	int result = mq_list(scope->conn, false, &scope->matches, err);
	scope->streams = result < 0 ? NULL : calloc(scope->matches.n + 1, sizeof *scope->streams);
	if (result == 0 && !scope->streams)
		result = mq_fail_memory(err);
	for (size_t i = 0; result == 0 && i < scope->matches.n; i++) {
		const struct mq_stream_info *info = &scope->matches.items[i];
		if (!info->internal && regexec(&regex, info->name, 0, NULL, 0) == 0)
			scope->streams[scope->n_streams++] = info->name;
	}
	regfree(&regex);
	if (result == 0 && scope->n_streams == 0)
		result = mq_fail(err, MQ_NOT_FOUND, "no stream matches '%s'", pattern);
	return result;
}

static int find_streams(struct group_scope *scope, struct mq_err *err)
{
	if (!scope->target.stream)
		return 0;
	if (scope->target.stream[0] == '^')
		return find_matches(scope, err);
	scope->streams = calloc(1, sizeof *scope->streams);
	if (!scope->streams)
		return mq_fail_memory(err);
	scope->streams[scope->n_streams++] = scope->target.stream;
	return 0;
}

/* Where groups cannot be moved. */
static int fail_no_groups(const struct group_scope *scope, struct mq_err *err)
{
	const struct mq_backend *backend = scope->conn->backend;

	mq_fail(err, MQ_USAGE,
	        "%.*s has no groups with positions: a queue gives each message to one of its "
	        "consumers, and a stream's readers keep their own place",
	        (int)strcspn(backend->title, ","), backend->title);
	return mq_hint(err,
	               "mqtk lag %s shows what waits and who reads; trim drops messages, replay "
	               "copies them, consume --from begins where it is told",
	               scope->target.shown);
}

int group_scope_open(struct group_scope *scope, const struct mq_invocation *invocation,
                     enum group_wants wants, struct mq_err *err)
{
	const struct mq_operands *operands = &invocation->operands;

	*scope = (struct group_scope){.env = invocation->env};
	if (check_operands(invocation, wants, err) < 0 ||
	    mq_target_resolve(operands->n ? operands->items[0] : "", invocation->config,
	                      &invocation->settings, &scope->target, err) < 0 ||
	    mq_open(&scope->target, invocation->env, &scope->conn, err) < 0)
		return -1;
	/* Before anything is asked, so that the answer is the same for all that change something.
	 */
	if (wants == GROUP_ONE && !(scope->conn->caps & MQ_CAP_GROUPS))
		return fail_no_groups(scope, err);
	if (operands->n > 1) {
		scope->groups = operands->items + 1;
		scope->n_groups = operands->n - 1;
	}
	return find_streams(scope, err);
}

void group_scope_close(struct group_scope *scope)
{
	mq_close(scope->conn);
	free(scope->streams);
	mq_stream_list_release(&scope->matches);
	mq_target_release(&scope->target);
}

/* Leaves what has a name: positions that a broker keeps for readers although it has no groups to be
 * moved. Returns how many they are. */
static size_t drop_queues(struct mq_group_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].name)
			list->items[kept++] = list->items[i];
		else
			mq_group_info_release(&list->items[i]);
	}
	list->n = kept;
	return kept;
}

int group_scope_look(const struct group_scope *scope, const char *group, unsigned want,
                     struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_group_query query = {.groups = group ? &group : scope->groups,
	                               .n_groups = group ? 1 : scope->n_groups,
	                               .streams = scope->streams,
	                               .n_streams = scope->n_streams,
	                               .want = want};

	if (mq_groups(scope->conn, &query, ret_list, err) < 0)
		return -1;
	if (!(scope->conn->caps & MQ_CAP_GROUPS) && drop_queues(ret_list) == 0 &&
	    !ret_list->partial.code) {
		mq_group_list_release(ret_list);
		return fail_no_groups(scope, err);
	}
	if (query.n_groups != 1)
		return 0;
	if (ret_list->n == 0)
		mq_fail(err, MQ_NOT_FOUND, "there is no group %s", query.groups[0]);
	else if (ret_list->items[0].err.code && ret_list->items[0].n_places == 0)
		*err = ret_list->items[0].err;
	else
		return 0;
	mq_group_list_release(ret_list);
	return -1;
}

int group_list_verdict(const struct mq_group_list *list, struct mq_err *err)
{
	const struct mq_err *first = list->partial.code ? &list->partial : NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct mq_err *why = &list->items[i].err;
		if (why->code && (!first || why->code == MQ_NOT_FOUND))
			first = why;
	}
	if (!first)
		return 0;
	mq_fail(err, first->code == MQ_NOT_FOUND ? MQ_NOT_FOUND : MQ_PARTIAL, "%s", first->message);
	return first->hint[0] ? mq_hint(err, "%s", first->hint) : -1;
}

int group_list_whole(const struct mq_group_list *list, struct mq_err *err)
{
	if (err->code)
		return -1;
	if (!list->partial.code)
		return 0;
	mq_fail(err, MQ_PARTIAL, "where the group stands was not found out everywhere: %s",
	        list->partial.message);
	return list->partial.hint[0] ? mq_hint(err, "%s", list->partial.hint) : -1;
}
