/*
 * Moving groups and removing them, or their positions in some topics.
 *
 * Kafka lets that happen only while nobody reads: with members it refuses, whatever is forced. So
 * members are looked for first, and the broker's refusals say the same where one came in between.
 */
#include "backend/kafka/kafka.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 200 /* between two tries while the coordinator is on its way */

/* --- what is there -------------------------------------------------------------------------------
 */

/* The group with its commits; MQ_NOT_FOUND in info->err is left to the caller. */
static int look_at(struct mq_conn *conn, const char *group, const char *const *streams,
                   size_t n_streams, struct mq_group_list *ret_list, struct mq_err *err)
{
	struct mq_group_query query = {.groups = &group,
	                               .n_groups = 1,
	                               .streams = streams,
	                               .n_streams = n_streams,
	                               .want = MQ_GROUP_PLACES};

	if (mq_kafka_groups(conn, &query, ret_list, err) < 0)
		return -1;
	const struct mq_group_info *info = &ret_list->items[0];
	if (info->err.code == MQ_OK || info->err.code == MQ_NOT_FOUND)
		return 0;
	*err = info->err;
	mq_group_list_release(ret_list);
	return -1;
}

static int is_active(const char *group, int64_t members, bool force, struct mq_err *err)
{
	if (members > 0)
		mq_fail(err, MQ_USAGE, "group '%s' has %lld active member%s", group,
		        (long long)members, members == 1 ? "" : "s");
	else
		mq_fail(err, MQ_USAGE, "group '%s' has active members", group);
	return mq_hint(err,
	               force ? "Kafka does not allow it while they run, --force or not: stop them"
	                     : "stop them first; 'mqtk group show' names them");
}

/* The broker's ways to say that members are there. */
static bool means_active(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       kerr == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       kerr == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
	       kerr == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP ||
	       kerr == RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC;
}

static bool passes(rd_kafka_resp_err_t kerr)
{
	return kerr == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       kerr == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
}

static int no_group(const char *group, struct mq_err *err)
{
	mq_fail(err, MQ_NOT_FOUND, "no group '%s'", group);
	return mq_hint(err, "'mqtk group ls' lists the groups");
}

/* --- asking --------------------------------------------------------------------------------------
 */

enum change { CHANGE_MOVE, CHANGE_FORGET, CHANGE_DELETE };

static void send_change(struct mq_kafka_handle *handle, enum change change, const char *group,
                        const rd_kafka_topic_partition_list_t *list, rd_kafka_queue_t *queue)
{
	static const rd_kafka_admin_op_t ops[] = {
	    [CHANGE_MOVE] = RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
	    [CHANGE_FORGET] = RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS,
	    [CHANGE_DELETE] = RD_KAFKA_ADMIN_OP_DELETEGROUPS};
	char text[200];
	int ms = handle->env->timeout_ms;
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(handle->rk, ops[change]);

	rd_kafka_AdminOptions_set_request_timeout(options, ms > 0 ? ms : 1, text, sizeof text);
	if (change == CHANGE_MOVE) {
		rd_kafka_AlterConsumerGroupOffsets_t *move =
		    rd_kafka_AlterConsumerGroupOffsets_new(group, list);
		rd_kafka_AlterConsumerGroupOffsets(handle->rk, &move, 1, options, queue);
		rd_kafka_AlterConsumerGroupOffsets_destroy(move);
	} else if (change == CHANGE_FORGET) {
		rd_kafka_DeleteConsumerGroupOffsets_t *forget =
		    rd_kafka_DeleteConsumerGroupOffsets_new(group, list);
		rd_kafka_DeleteConsumerGroupOffsets(handle->rk, &forget, 1, options, queue);
		rd_kafka_DeleteConsumerGroupOffsets_destroy(forget);
	} else {
		rd_kafka_DeleteGroup_t *gone = rd_kafka_DeleteGroup_new(group);
		rd_kafka_DeleteGroups(handle->rk, &gone, 1, options, queue);
		rd_kafka_DeleteGroup_destroy(gone);
	}
	rd_kafka_AdminOptions_destroy(options);
}

static const rd_kafka_group_result_t *result_of(rd_kafka_event_t *event, enum change change)
{
	const rd_kafka_group_result_t **results = NULL;
	size_t n = 0;

	if (change == CHANGE_MOVE)
		results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
		    rd_kafka_event_AlterConsumerGroupOffsets_result(event), &n);
	else if (change == CHANGE_FORGET)
		results = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
		    rd_kafka_event_DeleteConsumerGroupOffsets_result(event), &n);
	else
		results = rd_kafka_DeleteGroups_result_groups(
		    rd_kafka_event_DeleteGroups_result(event), &n);
	return n == 1 ? results[0] : NULL;
}

/* One try. The errors of partitions go into list; *ret_kerr is the first of all that there were. */
static int change_once(struct mq_kafka_handle *handle, enum change change, const char *group,
                       rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t *ret_kerr,
                       struct mq_err *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);

	send_change(handle, change, group, list, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "changing the group", err);
	rd_kafka_queue_destroy(queue);
	if (!event)
		return -1;
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	const rd_kafka_group_result_t *result = kerr ? NULL : result_of(event, change);
	const rd_kafka_error_t *error = result ? rd_kafka_group_result_error(result) : NULL;
	if (error)
		kerr = rd_kafka_error_code(error);
	const rd_kafka_topic_partition_list_t *answers =
	    result && list ? rd_kafka_group_result_partitions(result) : NULL;
	for (int i = 0; list && i < list->cnt; i++) {
		/* They come back in the order of the question. */
		const rd_kafka_topic_partition_t *answer =
		    answers && i < answers->cnt ? &answers->elems[i] : NULL;
		list->elems[i].err = kerr ? kerr : answer ? answer->err : RD_KAFKA_RESP_ERR__FAIL;
	}
	for (int i = 0; !kerr && list && i < list->cnt; i++)
		kerr = list->elems[i].err;
	rd_kafka_event_destroy(event);
	*ret_kerr = kerr;
	return 0;
}

/* Again while the coordinator is on its way, for no longer than the time-out. */
static int change_group(struct mq_kafka_handle *handle, enum change change, const char *group,
                        rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t *ret_kerr,
                        struct mq_err *err)
{
	const struct mq_env *env = handle->env;
	int64_t end = mq_now_monotonic_ms() + env->timeout_ms;

	for (;;) {
		if (change_once(handle, change, group, list, ret_kerr, err) < 0)
			return -1;
		if (!passes(*ret_kerr) || mq_now_monotonic_ms() + AGAIN_MS > end)
			return 0;
		mq_cancel_wait(env->cancel, -1, 0, AGAIN_MS);
		if (mq_cancel_signal(env->cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while changing the group");
	}
}

/* --- moving --------------------------------------------------------------------------------------
 */

/* The state of the group allows the move. */
static int check_move(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err)
{
	struct mq_group_list list = {0};
	int rc = -1;

	if (look_at(conn, set->group, NULL, 0, &list, err) < 0)
		return -1;
	const struct mq_group_info *info = &list.items[0];
	if (info->err.code == MQ_NOT_FOUND && !set->create) {
		*err = info->err;
		err->hint[0] = '\0';
		(void)mq_hint(err, "'mqtk group create' makes it, 'mqtk group ls' lists them");
		goto out;
	}
	if (info->member_count > 0) {
		is_active(set->group, info->member_count, set->force, err);
		goto out;
	}
	for (size_t i = 0; set->create && i < info->n_places; i++) {
		const struct mq_place *place = &info->places[i];
		for (size_t j = 0; place->committed >= 0 && j < set->n; j++) {
			if (strcmp(place->stream, set->moves[j].stream) != 0)
				continue;
			mq_fail(err, MQ_USAGE, "the group '%s' is there already in '%s'",
			        set->group, place->stream);
			(void)mq_hint(err, "'mqtk group reset' moves it");
			goto out;
		}
	}
	rc = 0;
out:
	mq_group_list_release(&list);
	return rc;
}

static int move_failed(const struct mq_group_set *set, const struct mq_group_move *move,
                       rd_kafka_resp_err_t kerr, struct mq_err *err)
{
	if (means_active(kerr))
		return is_active(set->group, 0, set->force, err);
	return mq_kafka_fail(err, kerr, "group '%s' in %s[%d]", set->group, move->stream,
	                     (int)move->partition);
}

int mq_kafka_group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_groups_handle((struct mq_kafka_conn *)conn, err);
	rd_kafka_topic_partition_list_t *list = NULL;
	rd_kafka_resp_err_t kerr = RD_KAFKA_RESP_ERR_NO_ERROR;
	size_t failed = 0;
	int rc = -1;

	if (!handle)
		return -1;
	list = rd_kafka_topic_partition_list_new((int)set->n);
	for (size_t i = 0; i < set->n; i++) {
		struct mq_group_move *move = &set->moves[i];
		mq_err_clear(&move->err);
		if (move->offset < 0) {
			mq_fail(err, MQ_USAGE, "%s[%d]: a position in Kafka is an offset",
			        move->stream, (int)move->partition);
			goto out;
		}
		rd_kafka_topic_partition_list_add(list, move->stream, move->partition)->offset =
		    move->offset;
	}
	if (check_move(conn, set, err) < 0)
		goto out;
	if (set->n > 0 && change_group(handle, CHANGE_MOVE, set->group, list, &kerr, err) < 0)
		goto out;
	for (size_t i = 0; i < set->n; i++)
		if (list->elems[i].err) {
			move_failed(set, &set->moves[i], list->elems[i].err, &set->moves[i].err);
			failed++;
		}
	if (failed == 0) {
		rc = 0;
	} else if (failed == set->n) {
		*err = set->moves[0].err;
	} else {
		mq_fail(err, MQ_PARTIAL, "group '%s' was not moved in %zu of %zu partitions",
		        set->group, failed, set->n);
	}
out:
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

/* --- removing ------------------------------------------------------------------------------------
 */

static int remove_whole(struct mq_kafka_handle *handle, const struct mq_group_removal *removal,
                        struct mq_err *err)
{
	rd_kafka_resp_err_t kerr = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (change_group(handle, CHANGE_DELETE, removal->group, NULL, &kerr, err) < 0)
		return -1;
	if (!kerr)
		return 0;
	if (kerr == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
		return no_group(removal->group, err);
	if (means_active(kerr))
		return is_active(removal->group, 0, removal->force, err);
	return mq_kafka_fail(err, kerr, "group '%s'", removal->group);
}

/* The partitions of some streams where the group has a position. */
static rd_kafka_topic_partition_list_t *positions_in(const struct mq_group_info *info)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)info->n_places + 1);

	for (size_t i = 0; i < info->n_places; i++)
		if (info->places[i].committed >= 0)
			rd_kafka_topic_partition_list_add(list, info->places[i].stream,
			                                  info->places[i].partition);
	return list;
}

static int forget_streams(struct mq_conn *conn, struct mq_kafka_handle *handle,
                          const struct mq_group_removal *removal, struct mq_err *err)
{
	struct mq_group_list groups = {0};
	rd_kafka_resp_err_t kerr = RD_KAFKA_RESP_ERR_NO_ERROR;
	int rc = -1;

	if (look_at(conn, removal->group, removal->streams, removal->n_streams, &groups, err) < 0)
		return -1;
	rd_kafka_topic_partition_list_t *list = positions_in(&groups.items[0]);
	if (groups.items[0].err.code == MQ_NOT_FOUND) {
		no_group(removal->group, err);
		goto out;
	}
	if (list->cnt == 0) {
		mq_fail(err, MQ_NOT_FOUND, "the group '%s' has no position in '%s'%s",
		        removal->group, removal->streams[0],
		        removal->n_streams > 1 ? " and the others" : "");
		goto out;
	}
	if (change_group(handle, CHANGE_FORGET, removal->group, list, &kerr, err) < 0)
		goto out;
	if (kerr == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
		no_group(removal->group, err);
	else if (means_active(kerr))
		is_active(removal->group, groups.items[0].member_count, removal->force, err);
	else if (kerr)
		for (int i = 0; i < list->cnt; i++)
			if (list->elems[i].err)
				mq_kafka_fail(err, list->elems[i].err, "group '%s' in %s[%d]",
				              removal->group, list->elems[i].topic,
				              (int)list->elems[i].partition);
	rc = kerr ? -1 : 0;
out:
	rd_kafka_topic_partition_list_destroy(list);
	mq_group_list_release(&groups);
	return rc;
}

int mq_kafka_group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                          struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_groups_handle((struct mq_kafka_conn *)conn, err);

	if (!handle || mq_kafka_reach(handle, "__consumer_offsets", err) < 0)
		return -1;
	return removal->n_streams > 0 ? forget_streams(conn, handle, removal, err)
	                              : remove_whole(handle, removal, err);
}
