/* One queue or stream with everything that AMQP and the management API tell: see manage.h. */
#include "backend/rabbitmq/manage.h"

#include <stdio.h>
#include <stdlib.h>

/* Each of these is a question of its own. */
#define MAX_CHANNELS 50

/* --- settings -------------------------------------------------------------------------------- */

static int add_config(struct mq_stream_info *info, const char *name, const json_t *value,
                      bool is_default, struct mq_err *err)
{
	struct mq_config_entry *to;

	if (!value || json_is_null(value))
		return 0;
	to = mq_info_grow(&info->config, &info->n_config, sizeof *info->config, err);
	if (!to)
		return -1;
	to->is_default = is_default;
	to->name = strdup(name);
	if (!to->name)
		return mq_fail_memory(err);
	to->value = mq_rabbit_json_show(value, err);
	return to->value ? 0 : -1;
}

static bool has_config(const struct mq_stream_info *info, const char *name)
{
	for (size_t i = 0; i < info->n_config; i++)
		if (strcmp(info->config[i].name, name) == 0)
			return true;
	return false;
}

/* Arguments and policies, under the policies' names. */
static int fill_rules(const struct mq_rabbit_queue *queue, struct mq_stream_info *info,
                      struct mq_err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(queue->sampled, "arguments"), name, value)
	{
		const char *plain = strncmp(name, "x-", 2) == 0 ? name + 2 : name;
		if (strcmp(name, "x-queue-type") == 0)
			continue; /* it is the type */
		json_t *rule = json_object_get(queue->rules, plain);
		bool holds = rule && mq_rabbit_rule_holds(plain, rule, value);
		if (add_config(info, plain, holds ? rule : value, false, err) < 0)
			return -1;
	}
	json_object_foreach(queue->rules, name, value)
	{
		if (!has_config(info, name) && add_config(info, name, value, false, err) < 0)
			return -1;
	}
	return 0;
}

static int add_flag(struct mq_stream_info *info, const json_t *queue, const char *member,
                    const char *name, bool usual, struct mq_err *err)
{
	const json_t *value = json_object_get(queue, member);

	return json_is_boolean(value)
	           ? add_config(info, name, value, json_is_true(value) == usual, err)
	           : 0;
}

/* Where it is and how it is. */
static int fill_place(const struct mq_rabbit_queue *queue, struct mq_stream_info *info,
                      struct mq_err *err)
{
	const json_t *sampled = queue->sampled;
	const json_t *leader = json_object_get(sampled, "leader");
	const json_t *state = json_object_get(queue->basic, "state");
	const json_t *above = json_object_get(sampled, "operator_policy");

	if (!leader)
		leader = json_object_get(sampled, "node");
	if (add_flag(info, sampled, "durable", "durable", true, err) < 0 ||
	    add_flag(info, sampled, "auto_delete", "auto-delete", false, err) < 0 ||
	    add_flag(info, sampled, "exclusive", "exclusive", false, err) < 0 ||
	    add_config(info, mq_rabbit_type_of(sampled) == MQ_RABBIT_CLASSIC ? "node" : "leader",
	               leader, false, err) < 0 ||
	    add_config(info, "members", json_object_get(sampled, "members"), false, err) < 0 ||
	    add_config(
	        info, "online", json_object_get(sampled, "online"),
	        json_equal(json_object_get(sampled, "online"), json_object_get(sampled, "members")),
	        err) < 0 ||
	    add_config(info, "operator-policy", above, false, err) < 0)
		return -1;
	const char *text = json_string_value(state);
	return add_config(info, "state", state, text && strcmp(text, "running") == 0, err);
}

static int compare_config(const void *a, const void *b)
{
	return strcmp(((const struct mq_config_entry *)a)->name,
	              ((const struct mq_config_entry *)b)->name);
}

/* --- consumers ------------------------------------------------------------------------------- */

/* What a channel holds unacknowledged is the consumer's when it is the channel's only one. */
static int64_t ask_pending(struct mq_rabbit_conn *conn, const json_t *channel)
{
	const char *name = mq_rabbit_json_text(channel, "name");
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, NULL);
	struct mq_err ignored = MQ_ERR_INIT;
	json_t *answer = NULL;
	int64_t pending = -1;

	if (!name || !manage ||
	    mq_rabbit_manage_get(manage, MQ_PATH("channels", name),
	                         "columns=messages_unacknowledged,consumer_count", "channel",
	                         &answer, &ignored) < 0)
		return -1;
	if (mq_rabbit_json_int(answer, "consumer_count", 0) == 1)
		pending = mq_rabbit_json_int(answer, "messages_unacknowledged", -1);
	json_decref(answer);
	return pending;
}

static int fill_consumers(struct mq_rabbit_conn *conn, const struct mq_rabbit_queue *queue,
                          struct mq_stream_info *info, struct mq_err *err)
{
	const json_t *details = json_object_get(queue->sampled, "consumer_details");
	const json_t *detail;
	size_t i;

	json_array_foreach(details, i, detail)
	{
		const json_t *channel = json_object_get(detail, "channel_details");
		const char *tag = mq_rabbit_json_text(detail, "consumer_tag");
		const char *host = mq_rabbit_json_text(channel, "peer_host");
		int64_t port = mq_rabbit_json_int(channel, "peer_port", -1);
		struct mq_consumer_info *to = mq_info_grow(&info->consumers, &info->n_consumers,
		                                           sizeof *info->consumers, err);
		char from[300];
		if (!to)
			return -1;
		to->pending = i < MAX_CHANNELS ? ask_pending(conn, channel) : -1;
		to->idle_ms = -1;
		to->name = strdup(tag ? tag : "");
		snprintf(from, sizeof from, host && strchr(host, ':') ? "[%s]:%lld" : "%s:%lld",
		         host ? host : "", (long long)port);
		to->from = host ? strdup(from) : NULL;
		if (!to->name || (host && !to->from))
			return mq_fail_memory(err);
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* A stream has one sequence of offsets; where it begins and ends is not told here. */
static int fill_partition(struct mq_stream_info *info, struct mq_err *err)
{
	struct mq_partition_info *partition =
	    mq_info_grow(&info->partitions, &info->n_partitions, sizeof *info->partitions, err);

	if (!partition)
		return -1;
	partition->leader = -1;
	partition->begin = partition->end = partition->bytes = -1;
	return 0;
}

static int fill_limit(struct mq_rabbit_conn *conn, const struct mq_rabbit_queue *queue,
                      struct mq_stream_info *info, struct mq_err *err)
{
	int major = conn->admin ? conn->admin->version_major : 0;
	int64_t limit = mq_rabbit_delivery_limit(queue, major);

	if (limit < 0 || has_config(info, "delivery-limit"))
		return 0;
	json_t *value = json_integer((json_int_t)limit);
	int result =
	    value ? add_config(info, "delivery-limit", value, true, err) : mq_fail_memory(err);
	json_decref(value);
	return result;
}

static int fill(struct mq_rabbit_conn *conn, const struct mq_rabbit_queue *queue,
                struct mq_stream_info *info, struct mq_err *err)
{
	enum mq_rabbit_type type = mq_rabbit_type_of(queue->sampled);
	int64_t head_s = mq_rabbit_json_int(queue->sampled, "head_message_timestamp", -1);

	if (mq_rabbit_counts(queue->basic, queue->sampled, info, err) < 0)
		return -1;
	if (head_s >= 0 && head_s <= INT64_MAX / 1000)
		info->first_ts_ms = head_s * 1000;
	if (queue->policy && !(info->policy = strdup(queue->policy)))
		return mq_fail_memory(err);
	if (fill_rules(queue, info, err) < 0 || fill_limit(conn, queue, info, err) < 0 ||
	    fill_place(queue, info, err) < 0 || fill_consumers(conn, queue, info, err) < 0 ||
	    mq_rabbit_bindings_ask(conn, info->name, &info->bindings, &info->n_bindings, err) < 0 ||
	    (type == MQ_RABBIT_STREAM && fill_partition(info, err) < 0))
		return -1;
	if (info->n_config > 0)
		qsort(info->config, info->n_config, sizeof *info->config, compare_config);
	return 0;
}

/* What AMQP alone tells. */
static int fill_without(const char *name, const struct mq_rabbit_depth *now,
                        struct mq_stream_info *info, struct mq_err *err)
{
	mq_stream_info_init(info);
	info->name = strdup(name);
	info->ready = now->ready;
	info->consumer_count = now->consumers;
	return info->name ? 0 : mq_fail_memory(err);
}

int mq_rabbit_describe(struct mq_conn *base, const char *stream, struct mq_stream_info *ret_info,
                       struct mq_err *err)
{
	struct mq_rabbit_conn *conn = (struct mq_rabbit_conn *)base;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, err);
	struct mq_err locked = MQ_ERR_INIT, mine = MQ_ERR_INIT;
	struct mq_rabbit_depth now = {.ready = -1, .consumers = -1};
	struct mq_rabbit_queue queue = {0};
	struct mq_stream_info info;
	int result;

	if (!wire)
		return -1;
	/* Another connection's own queue (405) can still be asked about over HTTP. */
	bool is_locked = mq_rabbit_depth(wire, stream, &now, &locked) < 0;
	if (is_locked && wire->closed_code != AMQP_RESOURCE_LOCKED) {
		*err = locked;
		return -1;
	}
	mq_stream_info_init(&info);
	result = mq_rabbit_queue_ask(conn, stream, &queue, &mine);
	if (result == 0) {
		result = fill(conn, &queue, &info, &mine);
		if (result == 0 && !is_locked)
			mq_rabbit_counts_now(&info, mq_rabbit_type_of(queue.sampled), &now);
	}
	if (result < 0 && mq_rabbit_manage_is_off(&mine) && !is_locked) {
		mq_stream_info_release(&info);
		mq_log(base->env, MQ_LEVEL_NOTE, "only what AMQP tells is shown: %s%s%s",
		       mine.message, mine.hint[0] ? "; " : "", mine.hint);
		result = fill_without(stream, &now, &info, err);
	} else if (result < 0) {
		*err = mine;
	}
	mq_rabbit_queue_release(&queue);
	if (result < 0)
		mq_stream_info_release(&info);
	else
		*ret_info = info;
	return result;
}
