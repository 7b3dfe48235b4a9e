/* librdkafka's properties as text: all of them, or those that a target would run with. */
#include "backend/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mq_kafka_settings_manual(struct mq_buf *buf, struct mq_err *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result = -1;

	if (!out)
		return mq_fail_memory(err);
	rd_kafka_conf_properties_show(out);
	if (fclose(out) != 0 || !text)
		mq_fail_memory(err);
	else
		result = mq_buf_append(buf, text, size, err);
	free(text);
	return result;
}

/* The library prints callbacks and handles as addresses: they tell nobody anything. */
static bool is_address(const char *value)
{
	return strncmp(value, "0x", 2) == 0 || strcmp(value, "(nil)") == 0;
}

/* Takes the pairs. */
static int append_pairs(struct mq_buf *buf, const char *title, const char **pairs, size_t n,
                        struct mq_err *err)
{
	int result = mq_buf_append_str(buf, title, err);

	for (size_t i = 0; i + 1 < n && result == 0; i += 2) {
		if (is_address(pairs[i + 1]))
			continue;
		bool hidden = mq_setting_is_secret(mq_kafka_settings, pairs[i]);
		result = mq_buf_printf(buf, err, "%s = %s\n", pairs[i],
		                       hidden ? "(hidden)" : pairs[i + 1]);
	}
	rd_kafka_conf_dump_free(pairs, n);
	return result < 0 ? -1 : mq_buf_append_char(buf, '\n', err);
}

int mq_kafka_settings_dump(const struct mq_target *target, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_conn *conn = NULL;
	rd_kafka_conf_t *conf;
	const char **pairs;
	size_t n;
	int result = -1;

	if (mq_kafka_open(target, NULL, &conn, err) < 0)
		return -1;
	conf = mq_kafka_conf((struct mq_kafka_conn *)conn, MQ_KAFKA_ADMIN, NULL, err);
	if (!conf)
		goto out;
	pairs = rd_kafka_conf_dump(conf, &n);
	if (append_pairs(buf, "# Global config\n", pairs, n, err) < 0)
		goto out;
	rd_kafka_topic_conf_t *topic_conf = rd_kafka_conf_get_default_topic_conf(conf);
	rd_kafka_topic_conf_t *own = topic_conf ? NULL : rd_kafka_topic_conf_new();
	pairs = rd_kafka_topic_conf_dump(topic_conf ? topic_conf : own, &n);
	result = append_pairs(buf, "# Topic config\n", pairs, n, err);
	if (own)
		rd_kafka_topic_conf_destroy(own);
out:
	if (conf)
		rd_kafka_conf_destroy(conf);
	mq_kafka_close(conn);
	return result;
}
