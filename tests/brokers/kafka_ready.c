/*
 * kafka_ready BOOTSTRAP NODES MS [NAME=VALUE…]: exits 0 as soon as a Kafka cluster answers and
 * knows that many nodes, 1 when it has not within MS milliseconds. NAME=VALUE are librdkafka's
 * properties. Starting the servers is tests/brokers/kafka.sh's work.
 */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[300];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	fprintf(stderr, "kafka_ready: %s\n", why);
	return -1;
}

/* The number of nodes that the cluster names, or -1. */
static int count_nodes(rd_kafka_t *client, int timeout_ms)
{
	const struct rd_kafka_metadata *metadata;
	int n;
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return -1;
	n = metadata->broker_cnt;
	rd_kafka_metadata_destroy(metadata);
	return n;
}

static int parse_number(const char *text, long *ret_number)
{
	char *end;
	errno = 0;
	*ret_number = strtol(text, &end, 10);
	return errno || end == text || *end || *ret_number < 1 ? -1 : 0;
}

int main(int argc, char **argv)
{
	long wanted, limit;
	rd_kafka_t *client;
	rd_kafka_conf_t *conf;
	char why[300];
	int ready = 0;

	if (argc < 4 || parse_number(argv[2], &wanted) || parse_number(argv[3], &limit)) {
		fprintf(stderr, "usage: kafka_ready BOOTSTRAP NODES MS [NAME=VALUE…]\n");
		return 2;
	}
	conf = rd_kafka_conf_new();
	if (set(conf, "bootstrap.servers", argv[1]) || set(conf, "log_level", "0") ||
	    set(conf, "reconnect.backoff.ms", "20") || set(conf, "reconnect.backoff.max.ms", "100"))
		return 2;
	for (int i = 4; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			return 2;
		*value = '\0';
		if (set(conf, argv[i], value + 1))
			return 2;
	}
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!client) {
		fprintf(stderr, "kafka_ready: %s\n", why);
		return 2;
	}
	for (long long end = now_ms() + limit; !ready && now_ms() < end;) {
		int n = count_nodes(client, 200);
		ready = n >= wanted;
		if (!ready)
			rd_kafka_poll(client, 20);
	}
	rd_kafka_destroy(client);
	return ready ? 0 : 1;
}
