/* The topics that a writer writes to: each is asked for, or created, when a message first names it.
 */
#include "backend/kafka/writer.h"

#include <stdlib.h>
#include <string.h>

/* Makes sure the topic is there, or says why not. */
static int check_topic(struct mq_kafka_writer *writer, const char *name, struct mq_err *err)
{
	const struct mq_kafka_conn *conn = (const struct mq_kafka_conn *)writer->base.conn;
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_err mine = MQ_ERR_INIT;
	const char *automatic = mq_kafka_user_value(conn, "allow.auto.create.topics");

	if (automatic && strcmp(automatic, "true") == 0)
		return mq_kafka_await_topic_everywhere(
		    (const struct mq_kafka_conn *)writer->base.conn, writer->handle, name, 0, err);
	if (mq_kafka_metadata(writer->handle, name, true, &metadata, &mine) == 0) {
		rd_kafka_metadata_destroy(metadata);
		return 0;
	}
	if (mine.code == MQ_NOT_FOUND && writer->create) {
		struct mq_stream_spec create = MQ_STREAM_SPEC_INIT;

		create.stream = name;
		create.if_missing = true;
		if (mq_kafka_create_with(writer->handle, &create, err) < 0)
			return -1;
		return mq_kafka_await_topic_everywhere(
		    (const struct mq_kafka_conn *)writer->base.conn, writer->handle, name, 0, err);
	}
	if (mine.code == MQ_NOT_FOUND) {
		mq_err_clear(&mine);
		mq_fail(&mine, MQ_NOT_FOUND, "no topic '%s'", name);
		mq_hint(&mine, MQ_HINT_NO_TARGET);
	}
	*err = mine;
	return -1;
}

int32_t mq_kafka_target_partitions(struct mq_kafka_writer *writer, const char *name)
{
	const struct rd_kafka_metadata *metadata = NULL;
	struct mq_err ignored = MQ_ERR_INIT;
	int32_t n = 0;

	if (mq_kafka_metadata(writer->handle, name, true, &metadata, &ignored) == 0)
		n = metadata->topics[0].partition_cnt;
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	return n;
}

struct mq_kafka_target *mq_kafka_target(struct mq_kafka_writer *writer, struct mq_bytes name,
                                        struct mq_err *err)
{
	for (size_t i = 0; i < writer->n_targets; i++)
		if (writer->targets[i]->len == name.len &&
		    memcmp(writer->targets[i]->name, name.data, name.len) == 0)
			return writer->targets[i];

	struct mq_kafka_target *target = calloc(1, sizeof *target);
	if (!target || !(target->name = malloc(name.len + 1))) {
		free(target);
		mq_fail_memory(err);
		return NULL;
	}
	memcpy(target->name, name.data, name.len);
	target->name[name.len] = '\0';
	target->len = name.len;
	/* librdkafka would take what stands before it: another topic. */
	if (strlen(target->name) != name.len)
		mq_fail(&target->missing, MQ_NOT_FOUND, "no topic's name has a NUL");
	else if (check_topic(writer, target->name, &target->missing) == 0) {
		target->rkt = rd_kafka_topic_new(writer->handle->rk, target->name, NULL);
		if (!target->rkt)
			mq_kafka_fail(&target->missing, rd_kafka_last_error(), "%s", target->name);
	}
	if (target->missing.code == MQ_CANCELLED || target->missing.code == MQ_UNREACHABLE) {
		*err = target->missing;
		goto fail;
	}
	struct mq_kafka_target **place =
	    mq_info_grow(&writer->targets, &writer->n_targets, sizeof *writer->targets, err);
	if (!place)
		goto fail;
	*place = target;
	return target;
fail:
	if (target->rkt)
		rd_kafka_topic_destroy(target->rkt);
	free(target->name);
	free(target);
	return NULL;
}

void mq_kafka_targets_free(struct mq_kafka_writer *writer)
{
	for (size_t i = 0; i < writer->n_targets; i++) {
		if (writer->targets[i]->rkt)
			rd_kafka_topic_destroy(writer->targets[i]->rkt);
		free(writer->targets[i]->name);
		free(writer->targets[i]);
	}
	free(writer->targets);
}
