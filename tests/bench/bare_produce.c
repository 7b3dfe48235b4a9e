/*
 * The limit to be close to: lines from standard input to a topic with nothing but librdkafka,
 * idempotent, every delivery counted. A line is KEY:PAYLOAD.
 *
 * Usage: bare_produce BROKERS TOPIC
 */
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024 };

static long long confirmed, failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	(void)rk;
	(void)opaque;
	if (message->err)
		failed++;
	else
		confirmed++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
		fprintf(stderr, "bare_produce: %s\n", text);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static char buffer[BUFFER];
	char text[256];
	size_t fill = 0;
	long long sent = 0;

	if (argc != 3)
		return 2;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "enable.idempotence", "true");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (!rk)
		return 1;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	for (;;) {
		ssize_t n = read(STDIN_FILENO, buffer + fill, BUFFER - fill);
		if (n <= 0)
			break;
		fill += (size_t)n;
		char *at = buffer, *end = buffer + fill, *newline;
		while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
			char *colon = memchr(at, ':', (size_t)(newline - at));
			char *payload = colon ? colon + 1 : at;
			while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
			                        payload, (size_t)(newline - payload),
			                        colon ? at : NULL, colon ? (size_t)(colon - at) : 0,
			                        NULL) < 0)
				rd_kafka_poll(rk, 10);
			sent++;
			at = newline + 1;
		}
		fill = (size_t)(end - at);
		memmove(buffer, at, fill);
		rd_kafka_poll(rk, 0);
	}
	rd_kafka_flush(rk, 60000);
	fprintf(stderr, "%lld sent, %lld confirmed\n", sent, confirmed);
	_exit(failed > 0 || confirmed != sent);
}
