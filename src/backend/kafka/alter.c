/*
 * Changing topics: more partitions, other settings.
 *
 * Where the library has IncrementalAlterConfigs only what changes is sent. The older request
 * replaces all settings of the topic; so those that are set now are read and sent along, and a
 * change that somebody else makes in between is lost.
 */
#include "backend/kafka/kafka.h"

#include <stdlib.h>
#include <string.h>

/* --- settings -------------------------------------------------------------------------------- */

/* The only resource of an answer, or NULL with err set. */
static const rd_kafka_ConfigResource_t *only_resource(rd_kafka_event_t *event,
                                                      const rd_kafka_ConfigResource_t **resources,
                                                      size_t n, const char *topic,
                                                      struct mq_err *err)
{
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	const char *words = rd_kafka_event_error_string(event);

	if (!kerr && n == 1) {
		kerr = rd_kafka_ConfigResource_error(resources[0]);
		words = rd_kafka_ConfigResource_error_string(resources[0]);
	}
	if (!kerr && n == 1)
		return resources[0];
	if (kerr == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		mq_kafka_not_found(err, topic);
	else
		mq_fail(err, kerr ? mq_kafka_code(kerr) : MQ_INTERNAL, "%s: %s", topic,
		        words && *words ? words : rd_kafka_err2str(kerr));
	return NULL;
}

static bool among(char *const *pairs, const char *name)
{
	for (size_t i = 0; pairs[i]; i += 2)
		if (strcmp(pairs[i], name) == 0)
			return true;
	return false;
}

#ifdef RD_KAFKA_EVENT_INCREMENTALALTERCONFIGS_RESULT

static const rd_kafka_admin_op_t operation = RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;

static int set_pair(rd_kafka_ConfigResource_t *resource, const char *name, const char *value,
                    struct mq_err *err)
{
	rd_kafka_error_t *error = rd_kafka_ConfigResource_add_incremental_config(
	    resource, name, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, value);

	if (!error)
		return 0;
	mq_fail(err, MQ_USAGE, "%s=%s: %s", name, value, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return -1;
}

static int keep_others(struct mq_kafka_handle *handle, rd_kafka_ConfigResource_t *resource,
                       const char *topic, char *const *pairs, struct mq_err *err)
{
	(void)handle;
	(void)resource;
	(void)topic;
	(void)pairs;
	(void)err;
	return 0; /* the brokers do */
}

static void send_settings(struct mq_kafka_handle *handle, rd_kafka_ConfigResource_t **resource,
                          rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
	rd_kafka_IncrementalAlterConfigs(handle->rk, resource, 1, options, queue);
}

static const rd_kafka_ConfigResource_t **resources_of(rd_kafka_event_t *event, size_t *ret_n)
{
	const rd_kafka_IncrementalAlterConfigs_result_t *result =
	    rd_kafka_event_IncrementalAlterConfigs_result(event);

	return result ? rd_kafka_IncrementalAlterConfigs_result_resources(result, ret_n) : NULL;
}

#else

static const rd_kafka_admin_op_t operation = RD_KAFKA_ADMIN_OP_ALTERCONFIGS;

static int set_pair(rd_kafka_ConfigResource_t *resource, const char *name, const char *value,
                    struct mq_err *err)
{
	rd_kafka_resp_err_t kerr = rd_kafka_ConfigResource_set_config(resource, name, value);

	return kerr ? mq_kafka_fail(err, kerr, "%s=%s", name, value) : 0;
}

/* Adds what is set for this topic now and is not among the pairs. */
static int keep_entries(const rd_kafka_ConfigResource_t *now, rd_kafka_ConfigResource_t *resource,
                        const char *topic, char *const *pairs, struct mq_err *err)
{
	size_t n = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(now, &n);

	for (size_t i = 0; i < n; i++) {
		const char *name = rd_kafka_ConfigEntry_name(entries[i]);
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);
		if (rd_kafka_ConfigEntry_source(entries[i]) !=
		        RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG ||
		    among(pairs, name))
			continue;
		if (!value || rd_kafka_ConfigEntry_is_sensitive(entries[i])) {
			mq_fail(err, MQ_USAGE,
			        "%s: its setting %s is secret, and would be lost by a change of "
			        "others",
			        topic, name);
			return mq_hint(err, "kafka-configs --alter changes one alone");
		}
		if (set_pair(resource, name, value, err) < 0)
			return -1;
	}
	return 0;
}

static int keep_others(struct mq_kafka_handle *handle, rd_kafka_ConfigResource_t *resource,
                       const char *topic, char *const *pairs, struct mq_err *err)
{
	rd_kafka_ConfigResource_t *question =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    mq_kafka_admin_options(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	int rc = -1;

	rd_kafka_DescribeConfigs(handle->rk, &question, 1, options, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "asking for configuration", err);
	if (event) {
		const rd_kafka_DescribeConfigs_result_t *result =
		    rd_kafka_event_DescribeConfigs_result(event);
		size_t n = 0;
		const rd_kafka_ConfigResource_t **resources =
		    result ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
		const rd_kafka_ConfigResource_t *now =
		    only_resource(event, resources, n, topic, err);
		if (now)
			rc = keep_entries(now, resource, topic, pairs, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(question);
	return rc;
}

static void send_settings(struct mq_kafka_handle *handle, rd_kafka_ConfigResource_t **resource,
                          rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
	rd_kafka_AlterConfigs(handle->rk, resource, 1, options, queue);
}

static const rd_kafka_ConfigResource_t **resources_of(rd_kafka_event_t *event, size_t *ret_n)
{
	const rd_kafka_AlterConfigs_result_t *result = rd_kafka_event_AlterConfigs_result(event);

	return result ? rd_kafka_AlterConfigs_result_resources(result, ret_n) : NULL;
}

#endif

static int alter_settings(struct mq_kafka_handle *handle, const struct mq_stream_spec *spec,
                          struct mq_err *err)
{
	char **pairs = mq_kafka_config_pairs(spec, err);
	int rc = -1;

	if (!pairs)
		return -1;
	if (!pairs[0]) {
		mq_kafka_pairs_free(pairs);
		return 0;
	}
	rd_kafka_ConfigResource_t *resource =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, spec->stream);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options = mq_kafka_admin_options(handle, operation);
	rd_kafka_event_t *event = NULL;
	for (size_t i = 0; pairs[i]; i += 2)
		if (!among(pairs + i + 2, pairs[i]) && /* the last of several wins */
		    set_pair(resource, pairs[i], pairs[i + 1], err) < 0)
			goto out;
	if (keep_others(handle, resource, spec->stream, pairs, err) < 0)
		goto out;
	send_settings(handle, &resource, options, queue);
	event = mq_kafka_await(handle, queue, "changing the topic's settings", err);
	if (event) {
		size_t n = 0;
		const rd_kafka_ConfigResource_t **resources = resources_of(event, &n);
		rc = only_resource(event, resources, n, spec->stream, err) ? 0 : -1;
	}
out:
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	mq_kafka_pairs_free(pairs);
	return rc;
}

/* --- partitions ------------------------------------------------------------------------------ */

static int create_partitions(struct mq_kafka_handle *handle, const char *topic, int32_t partitions,
                             struct mq_err *err)
{
	char text[300];
	int rc = -1;

	rd_kafka_NewPartitions_t *wanted =
	    rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof text);
	if (!wanted)
		return mq_fail(err, MQ_USAGE, "%s: %s", topic, text);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    mq_kafka_admin_options(handle, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
	rd_kafka_CreatePartitions(handle->rk, &wanted, 1, options, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "adding partitions", err);
	if (event) {
		const rd_kafka_CreatePartitions_result_t *result =
		    rd_kafka_event_CreatePartitions_result(event);
		size_t n = 0;
		const rd_kafka_topic_result_t **results =
		    result ? rd_kafka_CreatePartitions_result_topics(result, &n) : NULL;
		rc = mq_kafka_check_result(event, (const rd_kafka_topic_result_t *const *)results,
		                           n, topic, false, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewPartitions_destroy(wanted);
	return rc;
}

/* How many there are; refuses fewer. */
static int check_partitions(struct mq_kafka_handle *handle, const struct mq_stream_spec *spec,
                            int32_t *ret_now, struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;

	if (mq_kafka_metadata(handle, spec->stream, true, &metadata, err) < 0)
		return -1;
	*ret_now = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (spec->partitions < 0 || spec->partitions >= *ret_now)
		return 0;
	mq_fail(err, MQ_USAGE, "the topic '%s' has %d partitions and cannot have fewer",
	        spec->stream, (int)*ret_now);
	return mq_hint(err, "copy it into a new topic that is made with fewer");
}

int mq_kafka_alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_kafka_conn *mine = (struct mq_kafka_conn *)conn;
	struct mq_kafka_handle *handle = mq_kafka_admin_handle(mine, err);
	int32_t now = 0;

	if (!handle || check_partitions(handle, spec, &now, err) < 0 ||
	    alter_settings(handle, spec, err) < 0)
		return -1;
	if (spec->partitions < 0 || spec->partitions == now)
		return 0;
	if (create_partitions(handle, spec->stream, spec->partitions, err) < 0)
		return -1;
	return mq_kafka_await_topic_everywhere(mine, handle, spec->stream, spec->partitions, err);
}
