/* Making and removing topics. The requests are answered on a queue, so that waiting for them ends
 * at a signal. */
#include "backend/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long messages stay in a topic that is made for a moment. */
enum { TEMPORARY_MS = 3600 * 1000 };

rd_kafka_event_t *mq_kafka_await(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue,
                                 const char *doing, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + handle->env->timeout_ms + 1000;

	return mq_kafka_await_until(handle, queue, end, doing, err);
}

rd_kafka_event_t *mq_kafka_await_until(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue,
                                       int64_t end, const char *doing, struct mq_err *err)
{
	const struct mq_env *env = handle->env;

	rd_kafka_queue_io_event_enable(queue, handle->wake[1], "x", 1);
	for (;;) {
		mq_kafka_handle_drain(handle);
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 0);
		if (event)
			return event;
		if (handle->quiet)
			rd_kafka_poll(handle->rk, 0);
		int64_t left = end - mq_now_monotonic_ms();
		if (mq_cancel_signal(env->cancel)) {
			mq_fail(err, MQ_CANCELLED, "interrupted while %s", doing);
			return NULL;
		}
		if (left <= 0) {
			handle->stuck = true;
			mq_kafka_no_answer(handle, doing, err);
			return NULL;
		}
		mq_cancel_wait(env->cancel, handle->wake[0], POLLIN, (int)left);
	}
}

rd_kafka_AdminOptions_t *mq_kafka_admin_options(struct mq_kafka_handle *handle,
                                                rd_kafka_admin_op_t op)
{
	char text[200];
	int ms = handle->env->timeout_ms;
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(handle->rk, op);

	rd_kafka_AdminOptions_set_request_timeout(options, ms > 0 ? ms : 1, text, sizeof text);
	rd_kafka_AdminOptions_set_operation_timeout(options, ms > 0 ? ms : 1, text, sizeof text);
	return options;
}

int mq_kafka_check_result(rd_kafka_event_t *event, const rd_kafka_topic_result_t *const *results,
                          size_t n, const char *topic, bool if_missing, struct mq_err *err)
{
	rd_kafka_resp_err_t kerr = rd_kafka_event_error(event);
	const char *words = rd_kafka_event_error_string(event);

	if (!kerr && n == 1) {
		kerr = rd_kafka_topic_result_error(results[0]);
		words = rd_kafka_topic_result_error_string(results[0]);
	}
	if (!kerr || (if_missing && kerr == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS))
		return 0;
	if (kerr == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return mq_kafka_not_found(err, topic);
	if (kerr == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return mq_fail(err, MQ_USAGE, "the topic '%s' is there already", topic);
	enum mq_code code = mq_kafka_code(kerr);
	return mq_fail(err, code, "%s: %s", topic,
	               words && *words ? words : rd_kafka_err2str(kerr));
}

void mq_kafka_pairs_free(char **pairs)
{
	for (size_t i = 0; pairs && pairs[i]; i++)
		free(pairs[i]);
	free(pairs);
}

/* Takes both over, whatever happens. */
static int add_pair(char **pairs, size_t *n, char *name, char *value, struct mq_err *err)
{
	if (!name || !value) {
		free(name);
		free(value);
		return mq_fail_memory(err);
	}
	pairs[(*n)++] = name;
	pairs[(*n)++] = value;
	return 0;
}

static int add_number(char **pairs, size_t *n, const char *name, int64_t value, struct mq_err *err)
{
	char text[32];

	if (value < 0)
		return 0;
	snprintf(text, sizeof text, "%lld", (long long)value);
	return add_pair(pairs, n, strdup(name), strdup(text), err);
}

char **mq_kafka_config_pairs(const struct mq_stream_spec *spec, struct mq_err *err)
{
	char **pairs = calloc(2 * (spec->n_config + 2) + 1, sizeof *pairs);
	size_t n = 0;

	if (!pairs) {
		mq_fail_memory(err);
		return NULL;
	}
	/* Where only this program can remove it, what it leaves behind shall at least be small. */
	int64_t retention_ms =
	    spec->temporary && spec->retention_ms < 0 ? TEMPORARY_MS : spec->retention_ms;
	if (add_number(pairs, &n, "retention.ms", retention_ms, err) < 0 ||
	    add_number(pairs, &n, "retention.bytes", spec->max_bytes, err) < 0)
		goto fail;
	for (size_t i = 0; i < spec->n_config; i++) {
		const char *equals = strchr(spec->config[i], '=');
		if (!equals || equals == spec->config[i]) {
			mq_fail(err, MQ_USAGE, "--config %s: expected NAME=VALUE", spec->config[i]);
			goto fail;
		}
		if (add_pair(pairs, &n,
		             strndup(spec->config[i], (size_t)(equals - spec->config[i])),
		             strdup(equals + 1), err) < 0)
			goto fail;
	}
	return pairs;
fail:
	mq_kafka_pairs_free(pairs);
	return NULL;
}

static int set_config(rd_kafka_NewTopic_t *topic, const struct mq_stream_spec *spec,
                      struct mq_err *err)
{
	char **pairs = mq_kafka_config_pairs(spec, err);
	int result = pairs ? 0 : -1;

	for (size_t i = 0; result == 0 && pairs[i]; i += 2) {
		rd_kafka_resp_err_t kerr =
		    rd_kafka_NewTopic_set_config(topic, pairs[i], pairs[i + 1]);
		if (kerr)
			result = mq_kafka_fail(err, kerr, "%s: %s", spec->stream, pairs[i]);
	}
	mq_kafka_pairs_free(pairs);
	return result;
}

int mq_kafka_create_with(struct mq_kafka_handle *handle, const struct mq_stream_spec *spec,
                         struct mq_err *err)
{
	char text[300];
	int rc = -1;

	rd_kafka_NewTopic_t *topic =
	    rd_kafka_NewTopic_new(spec->stream, spec->partitions > 0 ? spec->partitions : -1,
	                          spec->replicas > 0 ? spec->replicas : -1, text, sizeof text);
	if (!topic)
		return mq_fail(err, MQ_USAGE, "%s: %s", spec->stream, text);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    mq_kafka_admin_options(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_event_t *event = NULL;
	if (set_config(topic, spec, err) < 0)
		goto out;
	rd_kafka_CreateTopics(handle->rk, &topic, 1, options, queue);
	event = mq_kafka_await(handle, queue, "creating the topic", err);
	if (!event)
		goto out;
	const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
	size_t n = 0;
	const rd_kafka_topic_result_t **results =
	    result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
	rc = mq_kafka_check_result(event, (const rd_kafka_topic_result_t *const *)results, n,
	                           spec->stream, spec->if_missing, err);
out:
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy(topic);
	return rc;
}

/* Waits until this one node knows the topic. One that is down has nothing to learn: no error. */
static void await_topic_at(const struct mq_kafka_conn *conn, const char *host, int port,
                           const char *topic, int partitions)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_kafka_handle *handle = NULL;
	char address[300];
	rd_kafka_conf_t *conf = mq_kafka_conf(conn, MQ_KAFKA_ADMIN, NULL, &ignored);

	if (!conf)
		return;
	snprintf(address, sizeof address, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
	if (mq_kafka_conf_set(conf, "allow.auto.create.topics", "false", &ignored) < 0 ||
	    mq_kafka_conf_set(conf, "bootstrap.servers", address, &ignored) < 0) {
		rd_kafka_conf_destroy(conf);
		return;
	}
	if (mq_kafka_handle_new(conn, conf, MQ_KAFKA_ADMIN, NULL, &handle, &ignored) == 0)
		mq_kafka_await_topic(handle, topic, partitions, &ignored);
	mq_kafka_handle_free(handle);
}

int mq_kafka_await_topic_everywhere(const struct mq_kafka_conn *conn,
                                    struct mq_kafka_handle *handle, const char *topic,
                                    int partitions, struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;

	if (mq_kafka_await_topic(handle, topic, partitions, err) < 0 ||
	    mq_kafka_metadata(handle, topic, false, &metadata, err) < 0)
		return -1;
	for (int i = 0; metadata->broker_cnt > 1 && i < metadata->broker_cnt; i++)
		await_topic_at(conn, metadata->brokers[i].host, metadata->brokers[i].port, topic,
		               partitions);
	rd_kafka_metadata_destroy(metadata);
	return 0;
}

int mq_kafka_reach(struct mq_kafka_handle *handle, const char *topic, struct mq_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;

	if (mq_kafka_metadata(handle, topic, false, &metadata, err) < 0)
		return -1;
	rd_kafka_metadata_destroy(metadata);
	return 0;
}

int mq_kafka_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_kafka_conn *mine = (struct mq_kafka_conn *)conn;
	struct mq_kafka_handle *handle = mq_kafka_admin_handle(mine, err);

	if (!handle || mq_kafka_reach(handle, spec->stream, err) < 0 ||
	    mq_kafka_create_with(handle, spec, err) < 0)
		return -1;
	return mq_kafka_await_topic_everywhere(mine, handle, spec->stream, 0, err);
}

int mq_kafka_remove(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	struct mq_kafka_handle *handle = mq_kafka_admin_handle((struct mq_kafka_conn *)conn, err);
	int rc = -1;

	if (!handle || mq_kafka_reach(handle, stream, err) < 0)
		return -1;
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(stream);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
	rd_kafka_AdminOptions_t *options =
	    mq_kafka_admin_options(handle, RD_KAFKA_ADMIN_OP_DELETETOPICS);
	rd_kafka_DeleteTopics(handle->rk, &topic, 1, options, queue);
	rd_kafka_event_t *event = mq_kafka_await(handle, queue, "deleting the topic", err);
	if (event) {
		const rd_kafka_DeleteTopics_result_t *result =
		    rd_kafka_event_DeleteTopics_result(event);
		size_t n = 0;
		const rd_kafka_topic_result_t **results =
		    result ? rd_kafka_DeleteTopics_result_topics(result, &n) : NULL;
		rc = mq_kafka_check_result(event, (const rd_kafka_topic_result_t *const *)results,
		                           n, stream, false, err);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_DeleteTopic_destroy(topic);
	return rc;
}
