/*
 * The limit to be close to: read a topic to its end with nothing but librdkafka's batch call, tuned
 * as well as we know, and write payload and newline through one buffer.
 *
 * Usage: bare_consume BROKERS TOPIC [discard]; with `discard` nothing is written.
 */
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 4096, BUFFER = 256 * 1024 };

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
		fprintf(stderr, "bare_consume: %s\n", text);
		exit(2);
	}
}

static void put(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);
		if (n < 0)
			exit(1);
		data += n;
		len -= (size_t)n;
	}
}

int main(int argc, char **argv)
{
	static rd_kafka_message_t *batch[BATCH];
	static char buffer[BUFFER + 4096];
	char text[256];
	size_t fill = 0;
	long long count = 0;
	int discard = argc == 4 && strcmp(argv[3], "discard") == 0;

	if (argc < 3)
		return 2;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "group.id", "bare");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.partition.eof", "true");
	set(conf, "fetch.wait.max.ms", "10");
	set(conf, "queued.min.messages", "1000000");
	set(conf, "queued.max.messages.kbytes", "32768");
	set(conf, "fetch.message.max.bytes", "4194304");
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (!rk)
		return 1;
	rd_kafka_poll_set_consumer(rk);

	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	if (rd_kafka_metadata(rk, 0, topic, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 1;
	int left = metadata->topics[0].partition_cnt;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(left);
	for (int p = 0; p < left; p++)
		rd_kafka_topic_partition_list_add(list, argv[2], p)->offset =
		    RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);

	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	while (left > 0) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);
		for (ssize_t i = 0; i < n; i++) {
			rd_kafka_message_t *m = batch[i];
			if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
				left--;
			} else if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
				count++;
				if (!discard && m->len < 4096) {
					memcpy(buffer + fill, m->payload, m->len);
					fill += m->len;
					buffer[fill++] = '\n';
					if (fill > BUFFER) {
						put(buffer, fill);
						fill = 0;
					}
				}
			}
			rd_kafka_message_destroy(m);
		}
	}
	put(buffer, fill);
	fprintf(stderr, "%lld messages\n", count);
	_exit(0); /* tearing down is not what is measured, and kcat does not wait for it either */
}
