/*
 * librdkafka's mock cluster as a program: tests point mqtk at it and break it while it works.
 *
 *   mockd [BROKERS]
 *
 * The first line on stdout is the bootstrap servers. Then it obeys lines on stdin, in order, and
 * ends at their end:
 *
 *   create TOPIC PARTITIONS REPLICAS   makes a topic
 *   errors APIKEY CODE…                the next requests of that kind are answered with these
 *   rtt BROKER MS                      delays answers; BROKER -1 is all, here and below
 *   down BROKER, up BROKER             closes and refuses connections, takes them again
 *   leader TOPIC PARTITION BROKER      moves a partition; -1: it has no leader
 *   topic-error TOPIC CODE             metadata of the topic fails so; 0 heals it
 *   coordinator group|transaction KEY BROKER
 *   api KEY MIN MAX                    versions of a request; -1 -1 takes it away
 *   say TEXT                           prints TEXT when everything before was done
 *
 * The mock answers no CreateTopics, ListGroups, look-up by time, SASL or TLS: see
 * tests/brokers/kafka.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 64

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0') {
		fprintf(stderr, "mockd: '%s' is no number\n", text);
		exit(2);
	}
	return value;
}

static int obey(rd_kafka_mock_cluster_t *cluster, char **words, size_t n)
{
	const char *verb = words[0];

	if (strcmp(verb, "create") == 0 && n == 4)
		return rd_kafka_mock_topic_create(cluster, words[1], (int)number(words[2]),
		                                  (int)number(words[3]));
	if (strcmp(verb, "errors") == 0 && n >= 3) {
		rd_kafka_resp_err_t codes[MAX_WORDS];
		for (size_t i = 2; i < n; i++)
			codes[i - 2] = (rd_kafka_resp_err_t)number(words[i]);
		rd_kafka_mock_push_request_errors_array(cluster, (int16_t)number(words[1]), n - 2,
		                                        codes);
		return 0;
	}
	if (strcmp(verb, "rtt") == 0 && n == 3)
		return rd_kafka_mock_broker_set_rtt(cluster, (int32_t)number(words[1]),
		                                    (int)number(words[2]));
	if (strcmp(verb, "down") == 0 && n == 2)
		return rd_kafka_mock_broker_set_down(cluster, (int32_t)number(words[1]));
	if (strcmp(verb, "up") == 0 && n == 2)
		return rd_kafka_mock_broker_set_up(cluster, (int32_t)number(words[1]));
	if (strcmp(verb, "leader") == 0 && n == 4)
		return rd_kafka_mock_partition_set_leader(
		    cluster, words[1], (int32_t)number(words[2]), (int32_t)number(words[3]));
	if (strcmp(verb, "topic-error") == 0 && n == 3) {
		rd_kafka_mock_topic_set_error(cluster, words[1],
		                              (rd_kafka_resp_err_t)number(words[2]));
		return 0;
	}
	if (strcmp(verb, "coordinator") == 0 && n == 4)
		return rd_kafka_mock_coordinator_set(cluster, words[1], words[2],
		                                     (int32_t)number(words[3]));
	if (strcmp(verb, "api") == 0 && n == 4)
		return rd_kafka_mock_set_apiversion(cluster, (int16_t)number(words[1]),
		                                    (int16_t)number(words[2]),
		                                    (int16_t)number(words[3]));
	if (strcmp(verb, "say") == 0 && n == 2) {
		printf("%s\n", words[1]);
		return 0;
	}
	fprintf(stderr, "mockd: cannot read '%s' with %zu arguments\n", verb, n - 1);
	exit(2);
}

/* Only this program's own messages are of interest. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

int main(int argc, char **argv)
{
	char text[300], line[1000];
	int rc = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);

	if (!rk) {
		fprintf(stderr, "mockd: %s\n", text);
		return 1;
	}
	rd_kafka_mock_cluster_t *cluster =
	    rd_kafka_mock_cluster_new(rk, argc > 1 ? (int)number(argv[1]) : 1);
	if (!cluster) {
		fprintf(stderr, "mockd: cannot make the cluster\n");
		rd_kafka_destroy(rk);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	while (rc == 0 && fgets(line, sizeof line, stdin)) {
		char *words[MAX_WORDS], *rest = line;
		size_t n = 0;
		for (char *word; n < MAX_WORDS && (word = strtok_r(rest, " \t\n", &rest));)
			words[n++] = word;
		if (n == 0)
			continue;
		int kerr = obey(cluster, words, n);
		if (kerr) {
			fprintf(stderr, "mockd: %s: %s\n", words[0],
			        rd_kafka_err2str((rd_kafka_resp_err_t)kerr));
			rc = 1;
		}
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return rc;
}
