/* mqtk group claim: gives messages that a silent member holds to another one. */
#include "cmd/commands.h"
#include "cmd/group/group.h"

#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct claim_values {
	struct mq_common common;
	const char *to;
	int64_t idle, count;
	bool dry_run, json;
};

static const struct claim_values defaults = {.common = MQ_COMMON_INIT, .idle = -1, .count = -1};

#define FIELD(name) offsetof(struct claim_values, name)

static const struct mq_option rows[] = {
    {.name = "idle",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "messages that were delivered so long ago and not settled",
     .max = INT64_MAX,
     .field = FIELD(idle)},
    {.name = "to",
     .type = MQ_OPT_STRING,
     .arg = "CONSUMER",
     .help = "the member that gets them; it is made when it is not there",
     .field = FIELD(to)},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "no more than N, the oldest first",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(count)},
    {.name = "dry-run",
     .type = MQ_OPT_FLAG,
     .help = "only say how many there are",
     .field = FIELD(dry_run)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line per stream",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {{"Claim", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group claim --idle 5m --to w2 redis://localhost/orders workers",
     "what nobody settled for five minutes"},
    {"mqtk consume --group workers --consumer w2 redis://localhost/orders", "and w2 reads it"},
    {0}};

static int check_values(const struct claim_values *values, struct mq_err *err)
{
	if (values->idle < 0) {
		mq_fail(err, MQ_USAGE, "nothing says which messages are meant");
		return mq_hint(err, "--idle 5m: those that nobody settled for so long; 0: all");
	}
	if (!values->to || !*values->to)
		return mq_fail(err, MQ_USAGE, "--to CONSUMER is missing: who is to get them");
	return 0;
}

/* One page: *ret_n of its messages that changed hands, and *after for the next one. Returns whether
 * there may be more, or -1. */
static int claim_page(const struct group_scope *scope, const struct claim_values *values,
                      const char *stream, size_t max, char *after, size_t size, int64_t *ret_n,
                      struct mq_err *err)
{
	struct mq_pending_list list;
	struct mq_pending_query query = {.group = scope->groups[0],
	                                 .stream = stream,
	                                 .after = after[0] ? after : NULL,
	                                 .min_idle_ms = values->idle,
	                                 .max = max};
	struct mq_pending_change change = {.group = scope->groups[0],
	                                   .stream = stream,
	                                   .to = values->to,
	                                   .min_idle_ms = values->idle};
	int result = -1;

	*ret_n = 0;
	if (mq_pending(scope->conn, &query, &list, err) < 0)
		return -1;
	const char **ids = calloc(list.n + 1, sizeof *ids);
	if (!ids) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.items[i].member, values->to) != 0)
			ids[change.n_ids++] = list.items[i].id;
	change.ids = ids;
	*ret_n = (int64_t)change.n_ids;
	if (change.n_ids && !values->dry_run &&
	    mq_pending_change(scope->conn, &change, ret_n, err) < 0)
		goto out;
	if (list.n)
		snprintf(after, size, "%s", list.items[list.n - 1].id);
	result = list.n == max;
out:
	free(ids);
	mq_pending_list_release(&list);
	return result;
}

static int claim_stream(const struct group_scope *scope, const struct claim_values *values,
                        const char *stream, int64_t max, int64_t *ret_claimed, struct mq_err *err)
{
	enum { PAGE = 1000 };
	char after[64] = "";
	int more = 1;

	*ret_claimed = 0;
	while (more > 0 && (max < 0 || *ret_claimed < max)) {
		int64_t left = max < 0 ? PAGE : max - *ret_claimed;
		int64_t n;
		if (mq_cancel_signal(scope->env->cancel))
			return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
		more = claim_page(scope, values, stream, left < PAGE ? (size_t)left : PAGE, after,
		                  sizeof after, &n, err);
		*ret_claimed += n;
	}
	return more;
}

static int report(const struct claim_values *values, const char *group, const char *stream,
                  int64_t claimed, const struct mq_env *env, struct mq_err *err)
{
	struct mq_err own = MQ_ERR_INIT;
	struct mq_json json;
	struct mq_buf buf;

	if (!values->json) {
		mq_log(env, MQ_LEVEL_NOTE, "%s %lld message%s of %s for %s",
		       values->dry_run ? "would claim" : "claimed", (long long)claimed,
		       claimed == 1 ? "" : "s", stream, values->to);
		return 0;
	}
	mq_buf_init(&buf, 1 << 16);
	mq_json_init(&json, &buf, &own);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "group", group);
	mq_json_text(&json, "stream", stream);
	mq_json_text(&json, "to", values->to);
	mq_json_int(&json, "claimed", claimed);
	mq_json_bool(&json, "dry_run", values->dry_run);
	mq_json_close(&json, '}');
	int result = mq_json_end(&json);
	if (result == 0)
		result = mq_print(&buf, &own) == 0 ? 0 : -1;
	mq_buf_release(&buf);
	if (result < 0 && err->code == MQ_OK)
		*err = own;
	return result;
}

static int claim_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                       struct mq_err *err)
{
	const struct claim_values *values = invocation->values;
	struct mq_pending_change nothing = {.group = scope->groups[0], .to = values->to};
	struct mq_group_list list;
	int64_t none, left = values->count;
	int result = 0;

	/* What cannot be done at all is said before anything is looked at. */
	if (check_values(values, err) < 0 ||
	    mq_pending_change(scope->conn, &nothing, &none, err) < 0 ||
	    group_scope_look(scope, scope->groups[0], MQ_GROUP_PLACES, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.items[0].n_places && result >= 0 && left != 0; i++) {
		const struct mq_place *place = &list.items[0].places[i];
		int64_t claimed;
		result = claim_stream(scope, values, place->stream, left, &claimed, err);
		/* What was claimed is said although the rest failed. */
		if (report(values, scope->groups[0], place->stream, claimed, invocation->env, err) <
		    0)
			result = -1;
		left = left < 0 ? -1 : left - claimed;
	}
	if (result >= 0)
		result = group_list_whole(&list, err);
	mq_group_list_release(&list);
	return result < 0 ? -1 : 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;

	if (group_scope_open(&scope, invocation, GROUP_ONE, err) == 0)
		claim_group(invocation, &scope, err);
	group_scope_close(&scope);
	return (int)err->code;
}

const struct mq_command mq_cmd_group_claim = {
    .name = "group claim",
    .summary = "give messages that a silent member holds to another one (Redis)",
    .operands = "ADDR GROUP",
    .about = "A member of a Redis group that died still holds what was delivered to it. This gives "
             "what nobody settled for --idle to another member, which reads it at its next start: "
             "nothing is delivered or settled here, and no delivery is counted. 'mqtk consume "
             "--claim' does both in one. 'mqtk group show --pending' lists what there is.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct claim_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
