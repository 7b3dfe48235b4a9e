/*
 * Looking at groups: which there are, and the questions for their state, their members and what
 * they have committed. The answers are taken in group_answers.c; what becomes of them in partitions
 * is in places.c.
 *
 * All questions are in flight together, answered on one queue. The library takes one group per
 * question about commits, and asks for the coordinator of each by itself.
 */
#include "backend/kafka/groups.h"

#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 256 /* questions without an answer, at most */
/* Parts of the time-out: by then groups are listed, commits read. */
#define LIST_PERCENT 30
#define COMMITS_PERCENT 50
/* The library notices a time-out by itself; only then is it not waited for any longer. */
#define GRACE_MS 300
/*
 * How long the library is to try, which is longer than it is asked at all. It must not give up a
 * question to a coordinator by itself: when that coordinator comes back later, 2.0 to 2.8 at least
 * answer the question that is no more, and abort (its issue 3663). So the time is ours to watch,
 * and what is left open then ends with the client.
 */
#define LIBRARY_MS 3600000
/* What a question was about, in its opaque. */
enum { ASK_STATE, ASK_COMMITS, ASK_KINDS };

int mq_kafka_look_left(const struct mq_kafka_look *look, int percent)
{
	int64_t end = look->begin_ms + (int64_t)look->timeout_ms * percent / 100;
	int64_t left = end - mq_now_monotonic_ms();

	return left > 1 ? (int)left : 1;
}

static rd_kafka_AdminOptions_t *options_for(struct mq_kafka_look *look, rd_kafka_admin_op_t op,
                                            int timeout_ms, size_t what)
{
	char text[200];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(look->handle->rk, op);

	rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
	rd_kafka_AdminOptions_set_opaque(options, (void *)(uintptr_t)what);
	return options;
}

/* --- which groups there are --------------------------------------------------------------------
 */

static int take_listed(struct mq_kafka_look *look, rd_kafka_event_t *event, struct mq_err *err)
{
	const rd_kafka_ListConsumerGroups_result_t *result =
	    rd_kafka_event_ListConsumerGroups_result(event);
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	size_t n = 0;

	if (kerr == RD_KAFKA_RESP_ERR__TIMED_OUT)
		return mq_kafka_no_answer(look->handle, "listing groups", err);
	if (kerr || !result)
		return mq_kafka_fail(err, kerr, "listing groups");
	const rd_kafka_ConsumerGroupListing_t **valid =
	    rd_kafka_ListConsumerGroups_result_valid(result, &n);
	for (size_t i = 0; i < n; i++) {
		struct mq_group_info *group = mq_group_list_add(
		    look->list, rd_kafka_ConsumerGroupListing_group_id(valid[i]), err);
		if (!group ||
		    mq_kafka_look_set_state(
		        group, rd_kafka_ConsumerGroupListing_state(valid[i]),
		        rd_kafka_ConsumerGroupListing_is_simple_consumer_group(valid[i]), err) < 0)
			return -1;
	}
	const rd_kafka_error_t **errors = rd_kafka_ListConsumerGroups_result_errors(result, &n);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t code = rd_kafka_error_code(errors[i]);
		if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
			mq_fail(&look->list->partial, MQ_UNREACHABLE,
			        "groups may be missing: a node of the cluster does not answer");
		else
			mq_fail(&look->list->partial, mq_kafka_code(code),
			        "groups may be missing: %s", rd_kafka_error_string(errors[i]));
	}
	if (look->list->n > 0 || look->list->partial.code == MQ_OK)
		return 0;
	*err = look->list->partial;
	return -1;
}

static int list_all(struct mq_kafka_look *look, struct mq_err *err)
{
	rd_kafka_t *rk = look->handle->rk;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_AdminOptions_t *options = options_for(look, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
	                                               mq_kafka_look_left(look, LIST_PERCENT), 0);
	int64_t end = mq_now_monotonic_ms() + mq_kafka_look_left(look, LIST_PERCENT) + GRACE_MS;
	int rc = -1;

	rd_kafka_ListConsumerGroups(rk, options, queue);
	rd_kafka_event_t *event =
	    mq_kafka_await_until(look->handle, queue, end, "listing groups", err);
	if (event) {
		rc = take_listed(look, event, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return rc;
}

static int collect_names(struct mq_kafka_look *look, struct mq_err *err)
{
	const struct mq_group_query *query = look->query;

	if (query->n_groups == 0 && list_all(look, err) < 0)
		return -1;
	for (size_t i = 0; i < query->n_groups; i++) {
		bool again = false;
		for (size_t j = 0; j < i; j++)
			again = again || strcmp(query->groups[i], query->groups[j]) == 0;
		if (!again && !mq_group_list_add(look->list, query->groups[i], err))
			return -1;
	}
	mq_group_list_sort(look->list);
	return 0;
}

/* --- questions -----------------------------------------------------------------------------------
 */

static void ask_commits(struct mq_kafka_look *look, size_t index, rd_kafka_queue_t *queue)
{
	struct mq_kafka_group *group = &look->groups[index];
	rd_kafka_t *rk = look->handle->rk;
	rd_kafka_AdminOptions_t *options =
	    options_for(look, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, LIBRARY_MS,
	                index * ASK_KINDS + ASK_COMMITS);
	rd_kafka_error_t *error =
	    rd_kafka_AdminOptions_set_require_stable_offsets(options, group->exact != NULL);
	rd_kafka_ListConsumerGroupOffsets_t *question =
	    rd_kafka_ListConsumerGroupOffsets_new(look->list->items[index].name, group->exact);

	if (error)
		rd_kafka_error_destroy(error);
	group->ask_commits = false;
	group->open_commits = true;
	rd_kafka_ListConsumerGroupOffsets(rk, &question, 1, options, queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
	rd_kafka_AdminOptions_destroy(options);
}

/* One group each: the answer to a question about several comes with the slowest of their
 * coordinators. */
static void ask_state(struct mq_kafka_look *look, size_t index, rd_kafka_queue_t *queue)
{
	const char *name = look->list->items[index].name;
	rd_kafka_AdminOptions_t *options =
	    options_for(look, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, LIBRARY_MS,
	                index * ASK_KINDS + ASK_STATE);

	look->groups[index].ask_state = false;
	look->groups[index].open_state = true;
	rd_kafka_DescribeConsumerGroups(look->handle->rk, &name, 1, options, queue);
	rd_kafka_AdminOptions_destroy(options);
}

/* The time is over: what has no answer gets none. */
static void give_up(struct mq_kafka_look *look)
{
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_kafka_group *group = &look->groups[i];
		if (group->open_commits || group->ask_commits)
			mq_kafka_group_failed(&look->list->items[i], RD_KAFKA_RESP_ERR__TIMED_OUT,
			                      "asking for its positions");
		if (group->open_state || group->ask_state)
			mq_kafka_group_failed(&look->list->items[i], RD_KAFKA_RESP_ERR__TIMED_OUT,
			                      "asking for its state");
		look->unanswered |= group->open_commits || group->open_state;
		group->ask_commits = group->ask_state = false;
		group->open_commits = group->open_state = false;
	}
}

static int take_answer(struct mq_kafka_look *look, rd_kafka_event_t *event, struct mq_err *err)
{
	size_t what = (size_t)(uintptr_t)rd_kafka_event_opaque(event);
	struct mq_kafka_group *group = &look->groups[what / ASK_KINDS];

	if (what % ASK_KINDS == ASK_STATE) {
		group->open_state = false;
		return mq_kafka_take_states(look, event, err);
	}
	group->open_commits = false;
	mq_kafka_take_commits(look, what / ASK_KINDS, event);
	return 0;
}

/* Asks everything that waits to be asked, takes the answers. */
static int ask_round(struct mq_kafka_look *look, rd_kafka_queue_t *queue, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + mq_kafka_look_left(look, COMMITS_PERCENT);
	struct mq_err none = MQ_ERR_INIT;
	size_t next = 0, open = 0;

	for (;;) {
		for (; open < IN_FLIGHT && next < look->list->n; next++) {
			if (look->groups[next].ask_state) {
				ask_state(look, next, queue);
				open++;
			}
			if (look->groups[next].ask_commits) {
				ask_commits(look, next, queue);
				open++;
			}
		}
		if (open == 0)
			return 0;
		rd_kafka_event_t *event =
		    mq_kafka_await_until(look->handle, queue, end, "asking for positions", &none);
		if (!event && none.code == MQ_CANCELLED) {
			*err = none;
			return -1;
		}
		if (!event) {
			give_up(look);
			return 0;
		}
		open--;
		int rc = take_answer(look, event, err);
		rd_kafka_event_destroy(event);
		if (rc < 0)
			return -1;
	}
}

/* Asks what was noted to be asked. Answers that only said "not now" are asked for again, while
 * there is time. */
static int ask_groups(struct mq_kafka_look *look, struct mq_err *err)
{
	const struct mq_cancel *cancel = look->handle->env->cancel;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(look->handle->rk);
	int rc = -1;

	for (int pause_ms = 20;; pause_ms = pause_ms < 300 ? pause_ms * 2 : pause_ms) {
		if (ask_round(look, queue, err) < 0)
			goto out;
		bool open = false;
		for (size_t i = 0; i < look->list->n; i++)
			open = open || look->groups[i].ask_state || look->groups[i].ask_commits;
		if (!open || mq_kafka_look_left(look, COMMITS_PERCENT) <= pause_ms)
			break;
		mq_cancel_wait(cancel, -1, 0, pause_ms);
		if (mq_cancel_signal(cancel)) {
			mq_fail(err, MQ_CANCELLED, "interrupted while asking for positions");
			goto out;
		}
	}
	for (size_t i = 0; i < look->list->n; i++)
		if (look->groups[i].ask_state || look->groups[i].ask_commits)
			mq_kafka_group_failed(&look->list->items[i], look->groups[i].again,
			                      "asking for its positions");
	rc = 0;
out:
	rd_kafka_queue_destroy(queue);
	return rc;
}

static int ask_first(struct mq_kafka_look *look, bool want_commits, struct mq_err *err)
{
	for (size_t i = 0; i < look->list->n; i++) {
		look->groups[i].ask_state = true;
		look->groups[i].ask_commits = want_commits;
	}
	return ask_groups(look, err);
}

/*
 * Who moves a group, or goes on where it stood, must not do so from a position that a transaction
 * is about to replace. The broker can wait for those; librdkafka 2.0 only lets it when partitions
 * are named (otherwise what it sends says no), so this is a second question.
 */
static int ask_exact(struct mq_kafka_look *look, struct mq_err *err)
{
	if (mq_kafka_places_exact(look, err) < 0)
		return -1;
	for (size_t i = 0; i < look->list->n; i++)
		look->groups[i].ask_commits = look->groups[i].exact != NULL;
	return ask_groups(look, err) < 0 ? -1 : mq_kafka_places_refill(look, err);
}

/* Of a group that cannot be described, members are known only where its state says that there are
 * none. */
static void count_by_state(const struct mq_kafka_look *look)
{
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_group_info *info = &look->list->items[i];
		if (look->groups[i].dead && info->state && strcmp(info->state, "Empty") == 0)
			info->member_count = 0;
	}
}

static bool seems_missing(const struct mq_kafka_group *group)
{
	return group->dead && (!group->commits || group->commits->cnt == 0);
}

/*
 * Groups that were named and that their coordinators know nothing of. Groups of the kind that came
 * with Kafka 4 cannot be described as this library asks, but they are listed: only what is not
 * listed either is not there.
 */
static int check_there(struct mq_kafka_look *look, struct mq_err *err)
{
	struct mq_group_list listed = {0};
	struct mq_kafka_look again = *look;
	bool any = false;

	for (size_t i = 0; i < look->list->n; i++)
		any = any || look->groups[i].dead;
	if (!any || look->query->n_groups == 0)
		return 0;
	again.list = &listed;
	again.begin_ms = mq_now_monotonic_ms();
	again.timeout_ms /= 4;
	if (list_all(&again, err) < 0 && err->code == MQ_CANCELLED) {
		mq_group_list_release(&listed);
		return -1;
	}
	mq_err_clear(err);
	mq_group_list_sort(&listed);
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_group_info *info = &look->list->items[i];
		struct mq_group_info *found =
		    look->groups[i].dead ? mq_kafka_look_find(&listed, info->name) : NULL;
		if (found) {
			free(info->state);
			info->state = found->state;
			found->state = NULL;
		} else if (seems_missing(&look->groups[i])) {
			mq_fail(&info->err, MQ_NOT_FOUND, "no group '%s'", info->name);
			(void)mq_hint(&info->err, "'mqtk group ls' lists the groups");
		}
	}
	mq_group_list_release(&listed);
	return 0;
}

/* --- the operation -------------------------------------------------------------------------------
 */

static void release_look(struct mq_kafka_look *look, size_t n)
{
	for (size_t i = 0; look->groups && i < n; i++) {
		struct mq_kafka_group *group = &look->groups[i];
		if (group->commits)
			rd_kafka_topic_partition_list_destroy(group->commits);
		if (group->exact)
			rd_kafka_topic_partition_list_destroy(group->exact);
		for (size_t j = 0; j < group->n_owners; j++)
			free(group->owners[j].topic);
		free(group->owners);
		for (size_t j = 0; j < group->n_members; j++)
			free(group->members[j]);
		free(group->members);
	}
	free(look->groups);
	mq_kafka_topics_release(&look->topics);
	if (look->unanswered && look->handle == look->conn->groups)
		mq_kafka_groups_forget(look->conn);
}

/* Asks for one of the topics, or for the one in which all positions are kept. */
static int reach(const struct mq_kafka_look *look, struct mq_err *err)
{
	const char *stream = look->query->n_streams > 0 ? look->query->streams[0] : NULL;

	return mq_kafka_reach(look->handle,
	                      stream && stream[0] != '^' ? stream : "__consumer_offsets", err);
}

int mq_kafka_groups_with(struct mq_kafka_conn *conn, struct mq_kafka_handle *handle,
                         const struct mq_group_query *query, int timeout_ms, size_t max,
                         struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_group_list list = {0};
	bool want_places = query->want & MQ_GROUP_PLACES;
	size_t n = 0;
	int rc = -1;
	struct mq_kafka_look look = {.handle = handle,
	                             .conn = conn,
	                             .query = query,
	                             .list = &list,
	                             .begin_ms = mq_now_monotonic_ms(),
	                             .timeout_ms = timeout_ms};

	if (reach(&look, err) < 0 || collect_names(&look, err) < 0)
		goto out;
	n = list.n;
	if (n > max) {
		mq_fail(err, MQ_NEGATIVE, "there are %zu groups", n);
		goto out;
	}
	look.groups = calloc(n ? n : 1, sizeof *look.groups);
	if (!look.groups) {
		mq_fail_memory(err);
		goto out;
	}
	if (ask_first(&look, want_places || query->n_groups > 0 || query->n_streams > 0, err) < 0)
		goto out;
	if (check_there(&look, err) < 0)
		goto out;
	count_by_state(&look);
	if ((want_places || query->n_streams > 0) && mq_kafka_places_add(&look, err) < 0)
		goto out;
	if (want_places && !(query->want & MQ_GROUP_ENDS) && ask_exact(&look, err) < 0)
		goto out;
	if ((query->want & MQ_GROUP_ENDS) && mq_kafka_places_ends(&look, err) < 0)
		goto out;
	if ((query->want & MQ_GROUP_AGES) && mq_kafka_places_ages(&look, err) < 0)
		goto out;
	mq_group_list_sort(&list);
	rc = 0;
out:
	release_look(&look, n);
	if (rc < 0)
		mq_group_list_release(&list);
	else
		*ret_list = list;
	return rc;
}

int mq_kafka_groups(struct mq_conn *conn, const struct mq_group_query *query,
                    struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_kafka_conn *mine = (struct mq_kafka_conn *)conn;
	struct mq_kafka_handle *handle = mq_kafka_groups_handle(mine, err);

	return handle ? mq_kafka_groups_with(mine, handle, query, conn->env->timeout_ms, SIZE_MAX,
	                                     ret_list, err)
	              : -1;
}
