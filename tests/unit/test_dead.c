/* Dead letters: every dialect's headers, byte by byte as their programs write them, and hostile
 * ones. */
#include "mqtk/dead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define TEXT(s)                                                                                    \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
#define H(name, value)                                                                             \
	{                                                                                          \
		TEXT(name), TEXT(value)                                                            \
	}

static struct mq_dead_reader *reader;

static int make_reader(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	return mq_dead_reader_new(&reader, &err);
}

static int free_reader(void **state)
{
	(void)state;
	mq_dead_reader_free(reader);
	return 0;
}

static struct mq_dead read_headers(const struct mq_header *headers, size_t n)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_dead dead;

	message.headers = headers;
	message.n_headers = n;
	mq_dead_read(reader, &message, &dead);
	return dead;
}
#define READ(headers) read_headers(headers, sizeof(headers) / sizeof *(headers))

static void is_text(struct mq_bytes bytes, const char *text)
{
	if (!mq_bytes_equal(bytes, mq_bytes_str(text)))
		fail_msg("'%.*s' is not '%s'", (int)bytes.len, bytes.data ? bytes.data : "(absent)",
		         text ? text : "(absent)");
}

static void test_connect(void **state)
{
	/* Appended at each death: the last ones tell. */
	static const struct mq_header headers[] = {
	    H("mine", "1"),
	    H("__connect.errors.topic", "older"),
	    H("__connect.errors.partition", "1"),
	    H("__connect.errors.topic", "orders"),
	    H("__connect.errors.partition", "12"),
	    H("__connect.errors.offset", "9007199254740993"),
	    H("__connect.errors.connector.name", "sink"),
	    H("__connect.errors.task.id", "0"),
	    H("__connect.errors.stage", "VALUE_CONVERTER"),
	    H("__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter"),
	    H("__connect.errors.exception.class.name", "org.apache.kafka.DataException"),
	    H("__connect.errors.exception.message", "no schema"),
	    H("__connect.errors.exception.stacktrace", "at a\n\tat b"),
	};
	struct mq_dead dead = READ(headers);

	(void)state;
	assert_string_equal(mq_dead_dialect_name(dead.dialect), "connect");
	is_text(dead.origin_stream, "orders");
	assert_int_equal(dead.origin_partition, 12);
	assert_true(dead.origin_offset == INT64_C(9007199254740993));
	is_text(dead.group, "sink");
	is_text(dead.reason, "VALUE_CONVERTER");
	is_text(dead.exception, "org.apache.kafka.DataException");
	is_text(dead.error, "no schema");
	is_text(dead.stacktrace, "at a\n\tat b");
	assert_int_equal(dead.attempts, -1);
	assert_true(dead.died_ms == MQ_NO_TIME);
}

static void test_spring(void **state)
{
	static const struct mq_header headers[] = {
	    H("kafka_dlt-original-topic", "orders"),
	    H("kafka_dlt-original-partition", "\x00\x00\x00\x03"),
	    /* Eight ASCII digits are a number of eight bytes all the same. */
	    H("kafka_dlt-original-offset", "\x00\x00\x00\x00\x31\x32\x33\x34"),
	    H("kafka_dlt-original-timestamp", "\x00\x00\x01\x8b\xcf\xe5\x68\x00"),
	    H("kafka_dlt-original-timestamp-type", "CreateTime"),
	    H("kafka_dlt-original-consumer-group", "billing"),
	    H("kafka_dlt-exception-fqcn",
	      "org.springframework.kafka.listener.ListenerExecutionFailedException"),
	    H("kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException"),
	    H("kafka_dlt-exception-message", "boom"),
	    H("retry_topic-attempts", "\x00\x00\x00\x04"),
	};
	static const struct mq_header only_attempts[] = {H("retry_topic-attempts", "\0\0\1\2")};
	static const struct mq_header negative[] = {
	    H("kafka_dlt-original-topic", "t"),
	    H("kafka_dlt-original-partition", "\xff\xff\xff\xff"),
	    H("kafka_dlt-original-offset", "\xff\xff\xff\xff\xff\xff\xff\xfe"),
	};
	/* Cut at the NUL it would be the name of another stream. */
	static const struct mq_header nul[] = {H("kafka_dlt-original-topic", "t\0u")};
	struct mq_dead dead = READ(headers);

	(void)state;
	assert_int_equal(READ(nul).origin_stream.len, 0);
	assert_string_equal(mq_dead_dialect_name(dead.dialect), "spring");
	is_text(dead.origin_stream, "orders");
	assert_int_equal(dead.origin_partition, 3);
	assert_true(dead.origin_offset == 0x31323334);
	is_text(dead.group, "billing");
	is_text(dead.exception, "java.lang.IllegalStateException");
	is_text(dead.error, "boom");
	assert_int_equal(dead.attempts, 4);
	assert_int_equal(READ(only_attempts).attempts, 0x102);
	dead = READ(negative);
	assert_int_equal(dead.origin_partition, MQ_NO_PARTITION);
	assert_int_equal(dead.origin_offset, MQ_NO_OFFSET);
}

/* As Spring Kafka 3.2's @RetryableTopic writes them, in its retry topics and in the last one. */
static void test_spring_retry_topics(void **state)
{
	static const struct mq_header headers[] = {
	    H("kafka_original-topic", "orders"),
	    H("kafka_original-partition", "\x00\x00\x00\x01"),
	    H("kafka_original-offset", "\x00\x00\x00\x00\x00\x00\x01\x00"),
	    H("kafka_original-timestamp", "\x00\x00\x01\x8b\xcf\xe5\x68\x00"),
	    H("kafka_original-timestamp-type", "CreateTime"),
	    H("kafka_dlt-original-consumer-group", "billing"),
	    H("retry_topic-original-timestamp", "\x01\x8b\xcf\xe5\x68\x00"),
	    H("retry_topic-attempts", "\x00\x00\x00\x02"),
	    H("retry_topic-backoff-timestamp", "\x01\xa2\x0a\x77\xc5\x39"),
	    H("retry_topic-attempts", "\x00\x00\x00\x03"),
	    H("kafka_exception-fqcn",
	      "org.springframework.kafka.listener.ListenerExecutionFailedException"),
	    H("kafka_exception-cause-fqcn", "java.lang.IllegalStateException"),
	    H("kafka_exception-message", "Listener failed; boom"),
	    H("kafka_exception-stacktrace", "at a"),
	};
	static const struct mq_header plain[] = {
	    H("kafka_deliveryAttempt", "\x00\x00\x00\x05"),
	    H("kafka_dlt-original-topic", "orders"),
	    H("kafka_dlt-original-timestamp", "\xff\xff\xff\xff\xff\xff\xff\xff"),
	};
	struct mq_dead dead = READ(headers);

	(void)state;
	assert_int_equal(dead.dialect, MQ_DEAD_SPRING);
	is_text(dead.origin_stream, "orders");
	assert_int_equal(dead.origin_partition, 1);
	assert_int_equal(dead.origin_offset, 256);
	assert_true(dead.origin_ms == INT64_C(1700000000000));
	is_text(dead.group, "billing");
	is_text(dead.exception, "java.lang.IllegalStateException");
	is_text(dead.error, "Listener failed; boom");
	is_text(dead.stacktrace, "at a");
	assert_int_equal(dead.attempts, 3);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		assert_true(mq_dead_is_header(headers[i].name));
	assert_true(mq_dead_is_header(plain[0].name));
	assert_int_equal(READ(plain).attempts, 5);
	assert_true(READ(plain).origin_ms == MQ_NO_TIME);
}

static void test_rabbitmq(void **state)
{
	static const struct mq_header headers[] = {
	    H("x-first-death-queue", "first"),
	    H("x-first-death-reason", "expired"),
	    H("x-first-death-exchange", "events"),
	    H("x-death", "[{\"count\":3,\"exchange\":\"\",\"queue\":\"or\\u0064ers\","
	                 "\"reason\":\"rejected\",\"routing-keys\":[\"a.b\",\"cc\"],"
	                 "\"time\":1700000000},{\"queue\":\"first\",\"reason\":\"expired\","
	                 "\"count\":1}]"),
	};
	static const struct mq_header without_list[] = {
	    H("x-death", "nonsense"),
	    H("x-first-death-queue", "first"),
	    H("x-last-death-queue", "last"),
	    H("x-last-death-reason", "maxlen"),
	};
	static const struct mq_header only_counted[] = {H("x-delivery-count", "2")};
	struct mq_dead dead = READ(headers);

	(void)state;
	assert_string_equal(mq_dead_dialect_name(dead.dialect), "rabbitmq");
	is_text(dead.origin_stream, "orders");
	is_text(dead.reason, "rejected");
	is_text(dead.origin_exchange, "");
	is_text(dead.origin_key, "a.b");
	assert_int_equal(dead.attempts, 3);
	assert_true(dead.died_ms == INT64_C(1700000000000));
	dead = READ(without_list);
	is_text(dead.origin_stream, "last");
	is_text(dead.reason, "maxlen");
	assert_int_equal(READ(only_counted).dialect, MQ_DEAD_UNKNOWN);
}

static void test_others(void **state)
{
	static const struct mq_header streams[] = {
	    H("__streams.errors.exception", "java.lang.RuntimeException"),
	    H("__streams.errors.message", "m"),
	    H("__streams.errors.topic", "in"),
	    H("__streams.errors.partition", "0"),
	    H("__streams.errors.offset", "0"),
	};
	static const struct mq_header share[] = {
	    H("__dlq.errors.topic", "in"),
	    H("__dlq.errors.delivery.count", "5"),
	    H("__dlq.errors.group", "g"),
	};
	static const struct mq_header smallrye[] = {
	    H("dead-letter-reason", "why"),
	    H("dead-letter-cause", "because"),
	};
	static const struct mq_header masstransit[] = {
	    H("MT-Reason", "fault"),
	    H("MT-Fault-ExceptionType", "System.InvalidOperationException"),
	    H("MT-Fault-InputAddress", "rabbitmq://localhost/vh/submit-order?durable=true"),
	    H("MT-Fault-Timestamp", "2026-11-01T10:00:00.1234567Z"),
	    H("MT-Fault-RetryCount", "2"),
	};
	static const struct mq_header nservicebus[] = {
	    H("NServiceBus.FailedQ", "Sales@machine"),
	    H("NServiceBus.TimeOfFailure", "2026-11-01 10:00:00:123456 Z"),
	    H("NServiceBus.ExceptionInfo.ExceptionType", "System.Exception"),
	};
	static const struct mq_header binder[] = {
	    H("x-original-topic", "t"),
	    H("x-original-partition", "\0\0\0\1"),
	    H("x-exception-message", "e"),
	};
	static const struct mq_header republished[] = {
	    H("x-original-exchange", ""),
	    H("x-original-routingKey", "work"),
	};
	static const struct mq_header routed[] = {
	    H("x-original-exchange", "events"),
	    H("x-original-routingKey", "a.b"),
	};

	(void)state;
	struct mq_dead dead = READ(streams);
	assert_int_equal(dead.dialect, MQ_DEAD_STREAMS);
	is_text(dead.origin_stream, "in");
	assert_int_equal(dead.origin_partition, 0);
	assert_int_equal(dead.origin_offset, 0);
	is_text(dead.exception, "java.lang.RuntimeException");
	dead = READ(share);
	assert_int_equal(dead.dialect, MQ_DEAD_SHARE);
	assert_int_equal(dead.attempts, 5);
	is_text(dead.group, "g");
	dead = READ(smallrye);
	assert_int_equal(dead.dialect, MQ_DEAD_SMALLRYE);
	is_text(dead.error, "why");
	dead = READ(masstransit);
	assert_int_equal(dead.dialect, MQ_DEAD_MASSTRANSIT);
	is_text(dead.origin_stream, "submit-order");
	assert_true(dead.died_ms == INT64_C(1793527200123));
	assert_int_equal(dead.attempts, 2);
	dead = READ(nservicebus);
	assert_int_equal(dead.dialect, MQ_DEAD_NSERVICEBUS);
	is_text(dead.origin_stream, "Sales");
	assert_true(dead.died_ms == INT64_C(1793527200123));
	dead = READ(binder);
	assert_int_equal(dead.dialect, MQ_DEAD_BINDER);
	assert_int_equal(dead.origin_partition, 1);
	/* Spring AMQP tells no queue; but the default exchange has only one for each key. */
	dead = READ(republished);
	assert_int_equal(dead.dialect, MQ_DEAD_BINDER);
	is_text(dead.origin_stream, "work");
	dead = READ(routed);
	assert_int_equal(dead.origin_stream.len, 0);
	is_text(dead.origin_exchange, "events");
}

static void test_which_is_believed(void **state)
{
	static const struct mq_header headers[] = {
	    H("x-death", "[{\"queue\":\"q\"}]"),
	    H("kafka_dlt-original-topic", "k"),
	    H("dlq-origin-stream", "ours"),
	    H("dlq-origin-offset", "7"),
	    H("dlq-reason", "exit"),
	    H("dlq-time", "1700000000123"),
	};
	struct mq_dead dead = READ(headers);

	(void)state;
	assert_int_equal(dead.dialect, MQ_DEAD_MQTK);
	is_text(dead.origin_stream, "ours");
	assert_int_equal(dead.origin_offset, 7);
	assert_true(dead.died_ms == INT64_C(1700000000123));
}

static void test_headers_that_are_left_out(void **state)
{
	static const char *const theirs[] = {
	    "x-death",           "x-first-death-queue",      "x-last-death-exchange",
	    "x-acquired-count",  "__connect.errors.task.id", "kafka_dlt-original-timestamp",
	    "MT-Fault-Anything", "NServiceBus.FailedQ",      "dlq-reason",
	};
	static const char *const users[] = {"mqtk-replay-count", "x-death-star", "X-Death", "dlq-",
	                                    "kafka_dlt",         "MT-MessageId", ""};

	(void)state;
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		if (!mq_dead_is_header(mq_bytes_str(theirs[i])))
			fail_msg("%s", theirs[i]);
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		if (mq_dead_is_header(mq_bytes_str(users[i])))
			fail_msg("%s", users[i]);
}

/* Any bytes in any of the headers: nothing breaks, and no number is negative but for "unknown". */
static void test_hostile(void **state)
{
	static const char *const names[] = {"x-death",
	                                    "kafka_dlt-original-offset",
	                                    "retry_topic-attempts",
	                                    "MT-Fault-InputAddress",
	                                    "MT-Fault-Timestamp",
	                                    "NServiceBus.FailedQ",
	                                    "__connect.errors.partition",
	                                    "NServiceBus.TimeOfFailure",
	                                    "dlq-time",
	                                    "dlq-attempts"};
	static const char *const parts[] = {"[{",
	                                    "\"queue\":",
	                                    "}]",
	                                    "[",
	                                    "1e99",
	                                    "-1",
	                                    "@",
	                                    "/",
	                                    "?",
	                                    ":",
	                                    " Z",
	                                    "T",
	                                    "2026-",
	                                    "9999999999999999999",
	                                    "\"count\":-3",
	                                    "\xff",
	                                    "\"time\":9223372036854775807"};
	unsigned seed = (unsigned)time(NULL);
	char value[400];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct mq_header headers[3];
		size_t used = 0;
		for (size_t i = 0; i < 3; i++) {
			size_t start = used;
			for (int n = rand() % 6; n > 0; n--) {
				const char *part =
				    parts[(size_t)rand() % (sizeof parts / sizeof *parts)];
				memcpy(value + used, part, strlen(part));
				used += strlen(part);
			}
			headers[i].name =
			    mq_bytes_str(names[(size_t)rand() % (sizeof names / sizeof *names)]);
			headers[i].value =
			    rand() % 9 == 0 ? MQ_ABSENT : mq_bytes_of(value + start, used - start);
		}
		struct mq_dead dead = read_headers(headers, 3);
		assert_true(dead.origin_partition >= -1 && dead.origin_offset >= -1);
		assert_true(dead.attempts >= -1);
		assert_true(!dead.origin_stream.data || dead.origin_stream.len > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_connect),
	    cmocka_unit_test(test_spring),
	    cmocka_unit_test(test_spring_retry_topics),
	    cmocka_unit_test(test_rabbitmq),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_which_is_believed),
	    cmocka_unit_test(test_headers_that_are_left_out),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, make_reader, free_reader);
}
