/* mqtk group delete: removes a group, its positions in a stream, or one member, after asking. */
#include "cmd/commands.h"
#include "cmd/consent.h"
#include "cmd/group/group.h"

#include <string.h>

struct delete_values {
	struct mq_common common;
	struct consent consent;
	const char *member;
	bool force;
};

static const struct delete_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct delete_values, name)

static const struct mq_option rows[] = {
    {.name = "member",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "only this member, where members stay until they are removed (Redis)",
     .field = FIELD(member)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "although members are active or messages are pending, where the broker allows that",
     .more = "What a member of Redis holds is then never delivered again.",
     .field = FIELD(force)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Group", rows, 0}, {"Consent", consent_rows, FIELD(consent)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk group delete local/ billing", "asks on a terminal, and says what is lost"},
    {"mqtk group delete --yes prod/orders billing", "only its positions in one stream"},
    {"mqtk group delete --yes --member w3 redis://localhost/orders workers", "a dead consumer"},
    {0}};

static int word_member(const struct mq_group_info *group, const char *name, struct mq_buf *words,
                       struct mq_err *err)
{
	bool found = false;
	int64_t pending = 0;

	for (size_t i = 0; i < group->n_members; i++) {
		if (strcmp(group->members[i].name, name) != 0)
			continue;
		found = true;
		pending += group->members[i].pending > 0 ? group->members[i].pending : 0;
	}
	if (!found) {
		mq_fail(err, MQ_NOT_FOUND, "group %s has no member %s", group->name, name);
		return mq_hint(err, "mqtk group show lists its members");
	}
	mq_buf_printf(words, err, "delete member %s of group %s", name, group->name);
	if (pending)
		mq_buf_printf(words, err, " with %lld pending message%s", (long long)pending,
		              pending == 1 ? "" : "s");
	return err->code ? -1 : 0;
}

/* "delete group billing with its positions in 3 partitions of 2 streams, and 5 pending messages" */
static int word_group(const struct group_scope *scope, const struct mq_group_info *group,
                      struct mq_buf *words, struct mq_err *err)
{
	size_t positions = 0, streams = 0;
	int64_t pending = 0;

	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		positions += place->committed >= 0 || place->committed_id;
		streams += i == 0 || strcmp(place->stream, place[-1].stream) != 0;
		pending += place->pending > 0 ? place->pending : 0;
	}
	mq_buf_printf(words, err, "delete group %s of %s with its position%s in %zu partition%s",
	              group->name, scope->target.shown, positions == 1 ? "" : "s", positions,
	              positions == 1 ? "" : "s");
	if (streams > 1)
		mq_buf_printf(words, err, " of %zu streams", streams);
	if (pending)
		mq_buf_printf(words, err, " and %lld pending message%s", (long long)pending,
		              pending == 1 ? "" : "s");
	return err->code ? -1 : 0;
}

static int ask(const struct mq_invocation *invocation, const struct group_scope *scope,
               struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	struct mq_group_list list;
	struct mq_buf words;
	int result;

	if (group_scope_look(scope, scope->groups[0], MQ_GROUP_MEMBERS | MQ_GROUP_PLACES, &list,
	                     err) < 0)
		return -1;
	mq_buf_init(&words, 1 << 16);
	result = values->member ? word_member(&list.items[0], values->member, &words, err)
	                        : word_group(scope, &list.items[0], &words, err);
	if (result == 0)
		result = consent_ask(&values->consent, invocation->env, words.data, err);
	mq_buf_release(&words);
	mq_group_list_release(&list);
	return result;
}

static int delete_group(const struct mq_invocation *invocation, const struct group_scope *scope,
                        struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	struct mq_group_removal removal = {.group = scope->groups[0],
	                                   .streams = scope->streams,
	                                   .n_streams = scope->n_streams,
	                                   .member = values->member,
	                                   .force = values->force};

	if (mq_group_check(scope->conn, "deleting from a group", err) < 0)
		return -1;
	int answer = ask(invocation, scope, err);
	if (answer <= 0)
		return answer;
	if (mq_group_remove(scope->conn, &removal, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "deleted %s%s%s%s", values->member ? "member " : "",
	       values->member ? values->member : "", values->member ? " of group " : "group ",
	       removal.group);
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct group_scope scope;

	if (group_scope_open(&scope, invocation, GROUP_ONE, err) == 0)
		delete_group(invocation, &scope, err);
	group_scope_close(&scope);
	return (int)err->code;
}

const struct mq_command mq_cmd_group_delete = {
    .name = "group delete",
    .summary = "remove a group, its positions in a stream, or one member",
    .operands = "ADDR GROUP",
    .about = "With a broker's address it removes the whole group, with a stream's only the "
             "positions there. Who reads for that group later begins anew. Says what is lost and "
             "asks on a terminal; without one it needs --yes.\n\n"
             "A group with active members, and a member that holds messages which are not settled, "
             "stay: 'mqtk group claim' gives such messages to another member.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct delete_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
