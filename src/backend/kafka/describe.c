/* What the cluster and its topics are: nodes, partitions, positions, configuration. */
#include "backend/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What looking at the groups of a topic may cost. */
#define GROUPS_MAX 50
#define GROUPS_MS 2000

/* --- the cluster -------------------------------------------------------------------------------
 */

int mq_kafka_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info,
                             struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_broker_info info = {.controller = -1, .answered_by = -1};

	if (!handle || mq_kafka_metadata(handle, NULL, false, &metadata, err) < 0)
		return -1;
	char *cluster = rd_kafka_clusterid(handle->rk, 0);
	if (cluster) {
		info.name = strdup(cluster);
		rd_kafka_mem_free(handle->rk, cluster);
	}
	info.controller = rd_kafka_controllerid(handle->rk, 0);
	info.answered_by = metadata->orig_broker_id;
	info.answered_name = strdup(metadata->orig_broker_name);
	if (!info.answered_name)
		goto fail;
	for (int i = 0; i < metadata->broker_cnt; i++) {
		struct mq_node_info *node =
		    mq_info_grow(&info.nodes, &info.n_nodes, sizeof *info.nodes, err);
		if (!node)
			goto fail;
		node->id = metadata->brokers[i].id;
		node->port = metadata->brokers[i].port;
		node->host = strdup(metadata->brokers[i].host);
		if (!node->host)
			goto fail;
	}
	rd_kafka_metadata_destroy(metadata);
	*ret_info = info;
	return 0;
fail:
	rd_kafka_metadata_destroy(metadata);
	mq_broker_info_release(&info);
	return mq_fail_memory(err);
}

/* --- topics ------------------------------------------------------------------------------------
 */

static int copy_ids(int32_t **ret, size_t *ret_n, const int32_t *ids, int n, struct mq_err *err)
{
	if (n <= 0)
		return 0;
	*ret = calloc((size_t)n, sizeof **ret);
	if (!*ret)
		return mq_fail_memory(err);
	memcpy(*ret, ids, (size_t)n * sizeof **ret);
	*ret_n = (size_t)n;
	return 0;
}

static int compare_partitions(const void *a, const void *b)
{
	int32_t x = ((const struct mq_partition_info *)a)->partition;
	int32_t y = ((const struct mq_partition_info *)b)->partition;

	return (x > y) - (x < y);
}

static int fill_topic(const struct rd_kafka_metadata_topic *topic, struct mq_stream_info *info,
                      struct mq_err *err)
{
	mq_stream_info_init(info);
	info->name = strdup(topic->topic);
	info->type = strdup("topic");
	if (!info->name || !info->type)
		return mq_fail_memory(err);
	/* Metadata here does not tell; these names are reserved. */
	info->internal = strncmp(topic->topic, "__", 2) == 0;
	if (topic->err && !(info->error = strdup(rd_kafka_err2str(topic->err))))
		return mq_fail_memory(err);
	for (int i = 0; i < topic->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *from = &topic->partitions[i];
		struct mq_partition_info *to = mq_info_grow(&info->partitions, &info->n_partitions,
		                                            sizeof *info->partitions, err);
		if (!to)
			return -1;
		to->partition = from->id;
		to->leader = from->leader;
		to->begin = to->end = to->bytes = -1;
		if (from->err && !(to->error = strdup(rd_kafka_err2str(from->err))))
			return mq_fail_memory(err);
		if (copy_ids(&to->replicas, &to->n_replicas, from->replicas, from->replica_cnt,
		             err) < 0 ||
		    copy_ids(&to->isr, &to->n_isr, from->isrs, from->isr_cnt, err) < 0)
			return -1;
	}
	if (info->n_partitions > 0)
		qsort(info->partitions, info->n_partitions, sizeof *info->partitions,
		      compare_partitions);
	return 0;
}

/* Begin and end of every partition of some topics, in two requests per leader. A partition that
 * does not answer keeps -1 and says why. */
static int fill_positions(struct mq_kafka_handle *handle, struct mq_stream_info *infos, size_t n,
                          struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *begins = rd_kafka_topic_partition_list_new(16);
	rd_kafka_topic_partition_list_t *ends = NULL;
	int rc = -1, at = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < infos[i].n_partitions; j++)
			if (infos[i].partitions[j].leader >= 0)
				rd_kafka_topic_partition_list_add(begins, infos[i].name,
				                                  infos[i].partitions[j].partition);
	ends = rd_kafka_topic_partition_list_copy(begins);
	mq_kafka_list_fill(begins, RD_KAFKA_OFFSET_BEGINNING);
	mq_kafka_list_fill(ends, RD_KAFKA_OFFSET_END);
	if (mq_kafka_lookup(handle, begins, err) < 0 || mq_kafka_lookup(handle, ends, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		int64_t messages = 0;
		for (size_t j = 0; j < infos[i].n_partitions; j++) {
			struct mq_partition_info *p = &infos[i].partitions[j];
			if (p->leader < 0) {
				messages = -1;
				continue;
			}
			rd_kafka_resp_err_t kerr =
			    begins->elems[at].err ? begins->elems[at].err : ends->elems[at].err;
			if (!kerr) {
				p->begin = begins->elems[at].offset;
				p->end = ends->elems[at].offset;
				if (messages >= 0)
					messages += p->end - p->begin;
			} else {
				messages = -1;
				if (!p->error && !(p->error = strdup(rd_kafka_err2str(kerr)))) {
					mq_fail_memory(err);
					goto out;
				}
			}
			at++;
		}
		infos[i].messages = infos[i].n_partitions > 0 ? messages : -1;
	}
	rc = 0;
out:
	rd_kafka_topic_partition_list_destroy(begins);
	rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}

static int compare_streams(const void *a, const void *b)
{
	return strcmp(((const struct mq_stream_info *)a)->name,
	              ((const struct mq_stream_info *)b)->name);
}

int mq_kafka_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
                  struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_stream_list list = {0};

	if (!handle || mq_kafka_metadata(handle, NULL, false, &metadata, err) < 0)
		return -1;
	for (int i = 0; i < metadata->topic_cnt; i++) {
		struct mq_stream_info *info =
		    mq_info_grow(&list.items, &list.n, sizeof *list.items, err);
		if (!info || fill_topic(&metadata->topics[i], info, err) < 0)
			goto fail;
	}
	if (list.n > 0)
		qsort(list.items, list.n, sizeof *list.items, compare_streams);
	if (deep && fill_positions(handle, list.items, list.n, err) < 0)
		goto fail;
	rd_kafka_metadata_destroy(metadata);
	*ret_list = list;
	return 0;
fail:
	rd_kafka_metadata_destroy(metadata);
	mq_stream_list_release(&list);
	return -1;
}

/* --- configuration -----------------------------------------------------------------------------
 */

static int add_config(struct mq_stream_info *info, const rd_kafka_ConfigEntry_t *entry,
                      struct mq_err *err)
{
	const char *value = rd_kafka_ConfigEntry_value(entry);
	struct mq_config_entry *to =
	    mq_info_grow(&info->config, &info->n_config, sizeof *info->config, err);

	if (!to)
		return -1;
	to->is_default =
	    rd_kafka_ConfigEntry_source(entry) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
	to->name = strdup(rd_kafka_ConfigEntry_name(entry));
	if (value && !rd_kafka_ConfigEntry_is_sensitive(entry))
		to->value = strdup(value);
	return to->name ? 0 : mq_fail_memory(err);
}

/* The topic's configuration. That it may not be read is no reason to show nothing at all. */
static int fill_config(struct mq_kafka_handle *handle, struct mq_stream_info *info,
                       struct mq_err *err)
{
	int rc = 0;
	char text[200];
	const struct mq_env *env = handle->env;
	rd_kafka_ConfigResource_t *resource =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, info->name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(handle->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);

	rd_kafka_AdminOptions_set_request_timeout(
	    options, env->timeout_ms > 0 ? env->timeout_ms : 1, text, sizeof text);
	rd_kafka_DescribeConfigs(handle->rk, &resource, 1, options, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "asking for configuration", err);
	if (!event) {
		rc = -1;
		goto out;
	}
	const rd_kafka_DescribeConfigs_result_t *result =
	    rd_kafka_event_DescribeConfigs_result(event);
	size_t n = 0, n_entries = 0;
	const rd_kafka_ConfigResource_t **resources =
	    result ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	if (!kerr && n == 1)
		kerr = rd_kafka_ConfigResource_error(resources[0]);
	if (kerr || n != 1) {
		mq_log(env, MQ_LEVEL_VERBOSE, "%s: configuration: %s", info->name,
		       rd_kafka_err2str(kerr));
		goto out;
	}
	const rd_kafka_ConfigEntry_t **entries =
	    rd_kafka_ConfigResource_configs(resources[0], &n_entries);
	for (size_t i = 0; rc == 0 && i < n_entries; i++)
		rc = add_config(info, entries[i], err);
out:
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	return rc;
}

static const char *config_value(const struct mq_stream_info *info, const char *name)
{
	for (size_t i = 0; i < info->n_config; i++)
		if (strcmp(info->config[i].name, name) == 0 && info->config[i].value)
			return info->config[i].value;
	return "";
}

int mq_kafka_keeps(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	struct mq_stream_info info;
	int64_t ms;

	if (!handle)
		return -1;
	mq_stream_info_init(&info);
	info.name = strdup(stream);
	int rc = info.name ? fill_config(handle, &info, err) : mq_fail_memory(err);
	struct mq_err ignored = MQ_ERR_INIT;
	/* Where the broker's own clock counts, no message comes with an old time. */
	if (rc == 0 && strstr(config_value(&info, "cleanup.policy"), "delete") &&
	    strcmp(config_value(&info, "message.timestamp.type"), "LogAppendTime") != 0 &&
	    mq_int_parse(config_value(&info, "retention.ms"), -1, INT64_MAX, &ms, &ignored) == 0)
		*ret_ms = ms;
	mq_stream_info_release(&info);
	return rc;
}

/* --- groups --------------------------------------------------------------------------------------
 */

static int add_position(struct mq_stream_info *info, const char *group,
                        const struct mq_place *place, struct mq_err *err)
{
	struct mq_group_position *to =
	    mq_info_grow(&info->groups, &info->n_groups, sizeof *info->groups, err);

	if (!to)
		return -1;
	to->partition = place->partition;
	to->committed = place->committed;
	to->lag = place->lag;
	to->updated_ms = MQ_NO_TIME;
	to->pending = to->oldest_idle_ms = -1;
	to->group = strdup(group);
	return to->group ? 0 : mq_fail_memory(err);
}

static bool reads(const struct mq_group_info *group, const struct mq_group_member *member)
{
	for (size_t i = 0; i < group->n_places; i++)
		if (group->places[i].member && strcmp(group->places[i].member, member->name) == 0)
			return true;
	return false;
}

static int add_consumer(struct mq_stream_info *info, const char *group,
                        const struct mq_group_member *member, struct mq_err *err)
{
	struct mq_consumer_info *to =
	    mq_info_grow(&info->consumers, &info->n_consumers, sizeof *info->consumers, err);

	if (!to)
		return -1;
	to->pending = to->idle_ms = -1;
	to->group = strdup(group);
	to->name = strdup(member->name);
	if (!to->group || !to->name || (member->from && !(to->from = strdup(member->from))))
		return mq_fail_memory(err);
	return 0;
}

/* Who reads the topic and where they stand, unless that would take long: every group of the
 * cluster has to be asked. That it cannot be told is no reason to show nothing at all. */
static int fill_groups(struct mq_kafka_conn *conn, struct mq_stream_info *info, struct mq_err *err)
{
	const struct mq_env *env = conn->base.env;
	const char *stream = info->name;
	struct mq_group_query query = {.streams = &stream,
	                               .n_streams = 1,
	                               .want = MQ_GROUP_MEMBERS | MQ_GROUP_PLACES | MQ_GROUP_ENDS};
	struct mq_group_list list = {0};
	struct mq_err mine = MQ_ERR_INIT;
	int timeout_ms = env->timeout_ms < GROUPS_MS ? env->timeout_ms : GROUPS_MS;
	/* Only this client outlives a coordinator that moves. */
	struct mq_kafka_handle *handle = mq_kafka_groups_handle(conn, &mine);
	int rc = 0;

	if (!handle ||
	    mq_kafka_groups_with(conn, handle, &query, timeout_ms, GROUPS_MAX, &list, &mine) < 0) {
		char text[1000];
		if (mine.code != MQ_NEGATIVE) {
			mq_log(env, MQ_LEVEL_VERBOSE, "groups of %s: %s", stream, mine.message);
			return 0;
		}
		snprintf(text, sizeof text,
		         "%s, too many to look which of them read %s: 'mqtk lag' does",
		         mine.message, stream);
		info->groups_left_out = strdup(text);
		return info->groups_left_out ? 0 : mq_fail_memory(err);
	}
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		const struct mq_group_info *group = &list.items[i];
		for (size_t j = 0; rc == 0 && j < group->n_places; j++)
			if (group->places[j].committed >= 0 || group->places[j].member)
				rc = add_position(info, group->name, &group->places[j], err);
		for (size_t j = 0; rc == 0 && j < group->n_members; j++)
			if (reads(group, &group->members[j]))
				rc = add_consumer(info, group->name, &group->members[j], err);
	}
	mq_group_list_release(&list);
	return rc;
}

int mq_kafka_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                      struct mq_err *err)
{
	struct mq_kafka_conn *mine = (struct mq_kafka_conn *)conn;
	struct mq_kafka_handle *handle = mq_kafka_admin_handle(mine, err);
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_stream_info info;

	if (!handle || mq_kafka_metadata(handle, stream, true, &metadata, err) < 0)
		return -1;
	int rc = fill_topic(&metadata->topics[0], &info, err);
	rd_kafka_metadata_destroy(metadata);
	if (rc < 0 || fill_positions(handle, &info, 1, err) < 0 ||
	    fill_config(handle, &info, err) < 0 || fill_groups(mine, &info, err) < 0) {
		mq_stream_info_release(&info);
		return -1;
	}
	*ret_info = info;
	return 0;
}

/* --- positions ---------------------------------------------------------------------------------
 */

/* One look-up for all requests of the same kind; of two for the same partition the second waits
 * for the next round. */
static int locate_round(struct mq_kafka_handle *handle, struct mq_locate *requests, size_t n,
                        bool *done, struct mq_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	rd_kafka_topic_partition_list_t *ends = NULL;
	size_t *which = calloc(n, sizeof *which);
	bool missing = false;
	int rc = -1;

	if (!which) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		struct mq_locate *r = &requests[i];
		if (done[i] || rd_kafka_topic_partition_list_find(list, r->stream, r->partition))
			continue;
		done[i] = true;
		which[list->cnt] = i;
		rd_kafka_topic_partition_list_add(list, r->stream, r->partition)->offset =
		    r->pos.kind == MQ_POS_TIME  ? r->pos.number
		    : r->pos.kind == MQ_POS_END ? RD_KAFKA_OFFSET_END
		                                : RD_KAFKA_OFFSET_BEGINNING;
	}
	if (mq_kafka_lookup(handle, list, err) < 0)
		goto out;
	for (int i = 0; i < list->cnt; i++)
		missing = missing || (!list->elems[i].err && list->elems[i].offset < 0);
	if (missing) {
		ends = rd_kafka_topic_partition_list_copy(list);
		mq_kafka_list_fill(ends, RD_KAFKA_OFFSET_END);
		if (mq_kafka_lookup(handle, ends, err) < 0)
			goto out;
	}
	for (int i = 0; i < list->cnt; i++) {
		struct mq_locate *r = &requests[which[i]];
		const rd_kafka_topic_partition_t *elem = &list->elems[i];
		if (!elem->err && elem->offset < 0)
			elem = &ends->elems[i];
		r->offset = elem->offset;
		if (elem->err)
			mq_kafka_fail(&r->err, elem->err, "%s[%d]", r->stream, (int)r->partition);
	}
	rc = 0;
out:
	free(which);
	rd_kafka_topic_partition_list_destroy(list);
	if (ends)
		rd_kafka_topic_partition_list_destroy(ends);
	return rc;
}

int mq_kafka_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	bool *done = calloc(n ? n : 1, sizeof *done);
	int rc = -1;

	if (!handle || !done) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		requests[i].offset = -1;
		requests[i].ts_ms = MQ_NO_TIME;
		mq_err_clear(&requests[i].err);
	}
	for (size_t i = 0; i < n; i++)
		if (!done[i] && locate_round(handle, requests, n, done, err) < 0)
			goto out;
	rc = 0;
out:
	free(done);
	return rc;
}
