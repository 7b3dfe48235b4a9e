/* What coordinators say of groups: state and members, committed positions; and what of it only
 * means "not now". */
#include "backend/kafka/groups.h"

#include <stdlib.h>
#include <string.h>

static int compare_name(const void *name, const void *group)
{
	return strcmp(name, ((const struct mq_group_info *)group)->name);
}

struct mq_group_info *mq_kafka_look_find(const struct mq_group_list *list, const char *name)
{
	return list->n ? bsearch(name, list->items, list->n, sizeof *list->items, compare_name)
	               : NULL;
}

int mq_kafka_look_set_state(struct mq_group_info *group, rd_kafka_consumer_group_state_t state,
                            bool simple, struct mq_err *err)
{
	if (state != RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN) {
		char *copy = strdup(rd_kafka_consumer_group_state_name(state));
		if (!copy)
			return mq_fail_memory(err);
		free(group->state);
		group->state = copy;
	}
	if (!simple && !group->type && !(group->type = strdup("consumer")))
		return mq_fail_memory(err);
	return 0;
}

/* Errors that pass by themselves: the coordinator moves, starts, or waits for a transaction. */
static bool passes(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       kerr == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
}

void mq_kafka_group_failed(struct mq_group_info *info, rd_kafka_resp_err_t kerr, const char *doing)
{
	if (kerr == RD_KAFKA_RESP_ERR__TIMED_OUT || kerr == RD_KAFKA_RESP_ERR__WAIT_COORD) {
		mq_fail(&info->err, MQ_UNREACHABLE,
		        "group '%s': no answer from its coordinator in time (%s)", info->name,
		        doing);
	} else if (kerr == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT) {
		mq_fail(&info->err, MQ_UNREACHABLE,
		        "group '%s': a transaction that carries its positions is still open",
		        info->name);
		(void)mq_hint(&info->err, "it is waited for; a longer --timeout waits longer");
	} else {
		mq_kafka_fail(&info->err, kerr, "group '%s': %s", info->name, doing);
	}
}

static int add_owners(struct mq_kafka_group *group, size_t member,
                      const rd_kafka_topic_partition_list_t *assigned, struct mq_err *err)
{
	for (int i = 0; i < assigned->cnt; i++) {
		struct mq_kafka_owner *owner =
		    mq_info_grow(&group->owners, &group->n_owners, sizeof *group->owners, err);
		if (!owner)
			return -1;
		owner->partition = assigned->elems[i].partition;
		owner->member = member;
		owner->topic = strdup(assigned->elems[i].topic);
		if (!owner->topic)
			return mq_fail_memory(err);
	}
	return 0;
}

static int add_member(const struct mq_kafka_look *look, struct mq_group_info *info,
                      struct mq_kafka_group *group, const rd_kafka_MemberDescription_t *from,
                      struct mq_err *err)
{
	const char *id = rd_kafka_MemberDescription_consumer_id(from);
	const char *instance = rd_kafka_MemberDescription_group_instance_id(from);
	const char *client = rd_kafka_MemberDescription_client_id(from);
	const char *host = rd_kafka_MemberDescription_host(from);
	const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(from);
	const rd_kafka_topic_partition_list_t *assigned =
	    assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;

	char **name = mq_info_grow(&group->members, &group->n_members, sizeof *name, err);
	if (!name)
		return -1;
	*name = strdup(id);
	if (!*name)
		return mq_fail_memory(err);
	if (assigned && add_owners(group, group->n_members - 1, assigned, err) < 0)
		return -1;
	if (!(look->query->want & MQ_GROUP_MEMBERS))
		return 0;
	struct mq_group_member *member = mq_group_add_member(info, id, err);
	if (!member)
		return -1;
	if (instance && *instance)
		client = instance;
	/* Java's way to print an address that has no name. */
	if (host && *host == '/')
		host++;
	if ((client && *client && !(member->client = strdup(client))) ||
	    (host && *host && !(member->from = strdup(host))))
		return mq_fail_memory(err);
	return 0;
}

static int compare_owners(const void *a, const void *b)
{
	const struct mq_kafka_owner *x = a;
	const struct mq_kafka_owner *y = b;
	int by_topic = strcmp(x->topic, y->topic);

	return by_topic ? by_topic : (x->partition > y->partition) - (x->partition < y->partition);
}

static int take_description(struct mq_kafka_look *look,
                            const rd_kafka_ConsumerGroupDescription_t *from, struct mq_err *err)
{
	struct mq_group_info *info =
	    mq_kafka_look_find(look->list, rd_kafka_ConsumerGroupDescription_group_id(from));
	const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(from);
	rd_kafka_resp_err_t kerr = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;

	if (!info)
		return 0;
	struct mq_kafka_group *group = &look->groups[info - look->list->items];
	if (passes(kerr)) {
		group->ask_state = true;
		group->again = kerr;
		return 0;
	}
	if (kerr == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
		group->dead = true;
		return 0;
	}
	if (kerr == RD_KAFKA_RESP_ERR__INVALID_ARG ||
	    kerr == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) {
		/* Not made of consumers (Connect and the like), or a very old broker: no error,
		 * but nothing is known of its members. */
		mq_log(look->handle->env, MQ_LEVEL_VERBOSE, "%s", rd_kafka_error_string(error));
		return 0;
	}
	if (kerr) {
		mq_kafka_group_failed(info, kerr, "asking for its state");
		return 0;
	}
	rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupDescription_state(from);
	if (state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD) {
		group->dead = true;
		return 0;
	}
	if (mq_kafka_look_set_state(
	        info, state, rd_kafka_ConsumerGroupDescription_is_simple_consumer_group(from),
	        err) < 0)
		return -1;
	size_t n = rd_kafka_ConsumerGroupDescription_member_count(from);
	info->member_count = (int64_t)n;
	for (size_t i = 0; i < n; i++)
		if (add_member(look, info, group, rd_kafka_ConsumerGroupDescription_member(from, i),
		               err) < 0)
			return -1;
	if (group->n_owners > 0)
		qsort(group->owners, group->n_owners, sizeof *group->owners, compare_owners);
	return 0;
}

int mq_kafka_take_states(struct mq_kafka_look *look, rd_kafka_event_t *event, struct mq_err *err)
{
	const rd_kafka_DescribeConsumerGroups_result_t *result =
	    rd_kafka_event_DescribeConsumerGroups_result(event);
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	size_t n = 0;

	/* As a whole it fails only when the call itself was wrong. */
	if (kerr || !result)
		return mq_kafka_fail(err, kerr, "asking for the groups' states");
	const rd_kafka_ConsumerGroupDescription_t **groups =
	    rd_kafka_DescribeConsumerGroups_result_groups(result, &n);
	for (size_t i = 0; i < n; i++)
		if (take_description(look, groups[i], err) < 0)
			return -1;
	return 0;
}

static bool has_unstable(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; list && i < list->cnt; i++)
		if (list->elems[i].err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
			return true;
	return false;
}

void mq_kafka_take_commits(struct mq_kafka_look *look, size_t index, rd_kafka_event_t *event)
{
	const rd_kafka_ListConsumerGroupOffsets_result_t *result =
	    rd_kafka_event_ListConsumerGroupOffsets_result(event);
	struct mq_kafka_group *group = &look->groups[index];
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	const rd_kafka_topic_partition_list_t *list = NULL;
	size_t n = 0;

	const rd_kafka_group_result_t **results =
	    !kerr && result ? rd_kafka_ListConsumerGroupOffsets_result_groups(result, &n) : NULL;
	if (n == 1) {
		const rd_kafka_error_t *error = rd_kafka_group_result_error(results[0]);
		kerr = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
		list = rd_kafka_group_result_partitions(results[0]);
	}
	/* However late: a position that is about to be replaced must not pass for none at all. */
	if (passes(kerr) || has_unstable(list)) {
		group->ask_commits = true;
		group->again = kerr ? kerr : RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
	} else if (kerr == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
		group->dead = true;
	} else if (kerr) {
		mq_kafka_group_failed(&look->list->items[index], kerr, "asking for its positions");
	} else {
		if (group->commits)
			rd_kafka_topic_partition_list_destroy(group->commits);
		group->commits = list ? rd_kafka_topic_partition_list_copy(list)
		                      : rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_sort(group->commits, NULL, NULL);
	}
}
