/* What ls and info say of queues, of streams with ids and of exchanges. Partitions are seen in
 * cli/schemas and conform. The lines are also in schemas/examples, where they are checked. */
#include "cmd/broker_report.c" /* NOLINT(bugprone-suspicious-include): they have no library */
#include "cmd/stream_report.c" /* NOLINT(bugprone-suspicious-include): to be in */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct mq_buf buf;

static int set_up(void **state)
{
	(void)state;
	mq_buf_init(&buf, 1 << 16);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mq_buf_release(&buf);
	return 0;
}

static void printed(int result, const char *expected)
{
	struct mq_err err = MQ_ERR_INIT;

	assert_int_equal(result, 0);
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	assert_string_equal(buf.data, expected);
	mq_buf_clear(&buf);
}

#define S(text) ((char[]){text})

static void test_a_queue(void **state)
{
	struct mq_binding_info bindings[] = {{S("events"), S("orders.#"), NULL},
	                                     {S("heads"), S(""), S("{\"kind\":\"new\"}")}};
	struct mq_consumer_info consumers[] = {{NULL, S("ctag1"), S("127.0.0.1:5000"), 3, -1}};
	struct mq_config_entry config[] = {{S("x-dead-letter-exchange"), S("dead"), false}};
	struct mq_stream_info info;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	mq_stream_info_init(&info);
	info.name = S("orders");
	info.type = S("quorum");
	info.messages = 12;
	info.ready = 9;
	info.unacked = 3;
	info.consumer_count = 1;
	info.policy = S("limits");
	info.bindings = bindings;
	info.n_bindings = 2;
	info.consumers = consumers;
	info.n_consumers = 1;
	info.config = config;
	info.n_config = 1;
	printed(
	    stream_report_json(&info, &buf, &err),
	    "{\"stream\":\"orders\",\"type\":\"quorum\",\"internal\":false,\"messages\":12,"
	    "\"bytes\":null,\"first_ts\":null,\"last_ts\":null,\"first_id\":null,\"last_id\":null,"
	    "\"ready\":9,\"unacked\":3,\"consumers\":1,\"policy\":\"limits\",\"partitions\":[],"
	    "\"groups\":[],\"members\":[{\"group\":null,\"name\":\"ctag1\",\"from\":\"127.0.0.1:"
	    "5000\",\"pending\":3,\"idle_ms\":null}],\"bindings\":[{\"exchange\":\"events\","
	    "\"key\":\"orders.#\",\"arguments\":null},{\"exchange\":\"heads\",\"key\":\"\","
	    "\"arguments\":{\"kind\":\"new\"}}],\"config\":[{\"name\":\"x-dead-letter-exchange\","
	    "\"value\":\"dead\",\"default\":false}]}\n");
	printed(stream_report_text(&info, false, &buf, &err),
	        "orders: quorum queue, 12 messages, 9 ready, 3 unacknowledged, 1 consumer, policy "
	        "limits\n"
	        "\n"
	        "GROUP  CONSUMER  FROM            PENDING  IDLE\n"
	        "-      ctag1     127.0.0.1:5000        3  -\n"
	        "\n"
	        "EXCHANGE  KEY       ARGUMENTS\n"
	        "events    orders.#\n"
	        "heads               {\"kind\":\"new\"}\n"
	        "\n"
	        "SETTING                 VALUE\n"
	        "x-dead-letter-exchange  dead\n");
}

static void test_a_stream_with_ids(void **state)
{
	struct mq_group_position groups[] = {{.group = S("billing"),
	                                      .partition = MQ_NO_PARTITION,
	                                      .committed = -1,
	                                      .committed_id = S("1700000000000-1"),
	                                      .lag = 4,
	                                      .pending = 2,
	                                      .oldest_idle_ms = 5000,
	                                      .updated_ms = MQ_NO_TIME}};
	struct mq_consumer_info consumers[] = {{S("billing"), S("worker-1"), NULL, 2, 350}};
	struct mq_stream_info info;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	mq_stream_info_init(&info);
	info.name = S("orders");
	info.type = S("stream");
	info.messages = 1;
	info.first_id = S("1700000000000-0");
	info.last_id = S("1700000000000-5");
	info.groups = groups;
	info.n_groups = 1;
	info.consumers = consumers;
	info.n_consumers = 1;
	printed(
	    stream_report_json(&info, &buf, &err),
	    "{\"stream\":\"orders\",\"type\":\"stream\",\"internal\":false,\"messages\":1,"
	    "\"bytes\":null,\"first_ts\":null,\"last_ts\":null,\"first_id\":\"1700000000000-0\","
	    "\"last_id\":\"1700000000000-5\",\"ready\":null,\"unacked\":null,\"consumers\":null,"
	    "\"policy\":null,\"partitions\":[],\"groups\":[{\"group\":\"billing\",\"partition\":"
	    "null,\"committed\":null,\"committed_id\":\"1700000000000-1\",\"lag\":4,\"pending\":2,"
	    "\"oldest_idle_ms\":5000,\"updated_ms\":null}],\"members\":[{\"group\":\"billing\","
	    "\"name\":\"worker-1\",\"from\":null,\"pending\":2,\"idle_ms\":350}],\"bindings\":[],"
	    "\"config\":[]}\n");
	printed(stream_report_text(&info, false, &buf, &err),
	        "orders: stream, 1 message\n"
	        "first id 1700000000000-0, last id 1700000000000-5\n"
	        "\n"
	        "GROUP    LAST DELIVERED   BEHIND  PENDING  OLDEST IDLE\n"
	        "billing  1700000000000-1       4        2  5 s\n"
	        "\n"
	        "GROUP    CONSUMER  FROM  PENDING  IDLE\n"
	        "billing  worker-1  -           2  350 ms\n");
}

static void test_exchanges(void **state)
{
	struct mq_binding_info bindings[] = {{S("orders"), S("orders.#"), NULL},
	                                     {S("heads"), S(""), S("{\"kind\":\"new\"}")}};
	struct mq_exchange_info exchanges[] = {{S(""), S("direct"), true, NULL, 0},
	                                       {S("events"), S("topic"), false, bindings, 2}};
	struct mq_broker_info info = {.name = S("rabbit@h"),
	                              .version = S("RabbitMQ 3.10.8"),
	                              .controller = -1,
	                              .exchanges = exchanges,
	                              .n_exchanges = 2};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	printed(broker_report_json(&info, &buf, &err),
	        "{\"broker\":\"rabbit@h\",\"version\":\"RabbitMQ 3.10.8\",\"controller\":null,"
	        "\"nodes\":[],\"exchanges\":[{\"name\":\"\",\"type\":\"direct\",\"durable\":true,"
	        "\"bindings\":[]},{\"name\":\"events\",\"type\":\"topic\",\"durable\":false,"
	        "\"bindings\":[{\"target\":\"orders\",\"key\":\"orders.#\",\"arguments\":null},"
	        "{\"target\":\"heads\",\"key\":\"\",\"arguments\":{\"kind\":\"new\"}}]}]}\n");
	printed(broker_report_text(&info, false, &buf, &err),
	        "rabbit@h, RabbitMQ 3.10.8\n"
	        "\n"
	        "EXCHANGE   TYPE    FEEDS   KEY       ARGUMENTS       NOTE\n"
	        "(default)  direct  -       -\n"
	        "events     topic   orders  orders.#                  transient\n"
	        "events     topic   heads             {\"kind\":\"new\"}  transient\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_queue),
	    TEST(test_a_stream_with_ids),
	    TEST(test_exchanges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
