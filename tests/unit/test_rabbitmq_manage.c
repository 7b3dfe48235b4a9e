/*
 * RabbitMQ's management API as a small server of this test plays it: pages, missing fields, limits
 * of deliveries by argument, policy and version, policies that alter writes, and every way in which
 * an answer can be none. The real server's answers are tests/faults/rabbitmq_admin.bats.
 */
#ifdef MQ_WITH_rabbitmq

#include "backend/rabbitmq/manage.h"
#include "mqtk/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the server ------------------------------------------------------------------------------ */

struct answer {
	const char *target; /* path, and what the query begins with */
	int status;         /* 0: 200 */
	const char *body;
};

static struct {
	int listener, stop[2];
	int port;
	pthread_t thread;
	const struct answer *answers; /* ended by one without target; else 404 */
	char put[8192];               /* the last PUT or DELETE: target, space, body */
} server;

static bool readable(int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
	                        {.fd = server.stop[0], .events = POLLIN}};

	return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

static bool take_request(int fd, char *text, size_t size)
{
	size_t len = 0, want = 0;

	while (!want || len < want) {
		ssize_t n = readable(fd) ? recv(fd, text + len, size - len - 1, 0) : 0;
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		const char *end = strstr(text, "\r\n\r\n");
		const char *length = strcasestr(text, "Content-Length: ");
		if (end)
			want = (size_t)(end + 4 - text) +
			       (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return true;
}

static const struct answer *find(const char *target)
{
	static const struct answer missing = {
	    "", 404, "{\"error\":\"Object Not Found\",\"reason\":\"Not Found\"}"};

	for (const struct answer *a = server.answers; a && a->target; a++) {
		size_t len = strlen(a->target);
		if (strncmp(target, a->target, len) == 0 && strchr("?&=", target[len]))
			return a;
	}
	return &missing;
}

static void answer(int fd, char *request)
{
	char head[200];
	char *target = strchr(request, ' ') + 1;
	const char *body = strstr(request, "\r\n\r\n") + 4;

	target[strcspn(target, " ")] = '\0';
	bool change = request[0] == 'P' || request[0] == 'D';
	if (change)
		snprintf(server.put, sizeof server.put, "%s %s", target, body);
	const struct answer *a = find(target);
	int status = a->status ? a->status : 200;
	const char *text = a->body;
	if (change && status == 404) {
		status = 201;
		text = "";
	}
	int n = snprintf(head, sizeof head, "HTTP/1.1 %d So\r\nContent-Length: %zu\r\n\r\n", status,
	                 strlen(text));
	send(fd, head, (size_t)n, MSG_NOSIGNAL);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void *serve(void *ctx)
{
	static char request[1 << 16];

	(void)ctx;
	while (readable(server.listener)) {
		int fd = accept(server.listener, NULL, NULL);
		while (take_request(fd, request, sizeof request))
			answer(fd, request);
		close(fd);
	}
	return NULL;
}

static int start_server(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	(void)state;
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (pipe(server.stop) < 0 ||
	    bind(server.listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(server.listener, 8) < 0 ||
	    getsockname(server.listener, (struct sockaddr *)&address, &len) < 0)
		return -1;
	server.port = ntohs(address.sin_port);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
	(void)state;
	close(server.stop[1]);
	pthread_join(server.thread, NULL);
	close(server.stop[0]);
	close(server.listener);
	return 0;
}

/* --- help ------------------------------------------------------------------------------------ */

static char last_note[1000];

static void on_log(void *ctx, enum mq_level level, const char *text)
{
	(void)ctx;
	(void)level;
	snprintf(last_note, sizeof last_note, "%s", text);
}

static const struct mq_env env = {.timeout_ms = 5000, .level = MQ_LEVEL_NOTE, .log = on_log};

/* AMQP is on a port that nobody has: what is asked there fails. management NULL: the server. */
static struct mq_conn *connect_with(const char *path, const char *management,
                                    const struct answer *answers)
{
	char url[200], manage[200];
	struct mq_settings settings;
	struct mq_target target;
	struct mq_conn *conn = NULL;
	struct mq_err err = MQ_ERR_INIT;

	server.answers = answers;
	mq_settings_init(&settings);
	snprintf(manage, sizeof manage, "http://mona:s3cr3t@127.0.0.1:%d/", server.port);
	mq_settings_add(&settings, "management", management ? management : manage, "test", NULL);
	snprintf(url, sizeof url, "amqp://user:s3cr3t@127.0.0.1:1/%s", path);
	if (mq_target_resolve(url, NULL, &settings, &target, &err) < 0 ||
	    mq_open(&target, &env, &conn, &err) < 0)
		fail_msg("%s", err.message);
	mq_target_release(&target);
	mq_settings_release(&settings);
	return conn;
}

static struct mq_conn *connect_to(const struct answer *answers)
{
	return connect_with("", NULL, answers);
}

static void check_failed(int result, const struct mq_err *err, enum mq_code code, const char *part)
{
	assert_int_equal(result, -1);
	if ((int)err->code != (int)code || !strstr(err->message, part))
		fail_msg("%d '%s' instead of %d '%s'", (int)err->code, err->message, (int)code,
		         part);
	assert_null(strstr(err->message, "s3cr3t"));
	assert_null(strstr(err->hint, "s3cr3t"));
}

/* --- list ------------------------------------------------------------------------------------ */

static void test_list(void **state)
{
	static const struct answer answers[] = {
	    {"/api/queues/%2F?page=1&page_size=500&disable_stats=true&enable_queue_totals=true", 0,
	     "{\"page_count\":2,\"items\":[{\"name\":\"z\",\"type\":\"classic\",\"messages\":7,"
	     "\"messages_ready\":5,\"messages_unacknowledged\":2},{\"name\":\"s\",\"type\":"
	     "\"stream\",\"totals\":null}]}"},
	    {"/api/queues/%2F?page=2&page_size=500&disable_stats=true&enable_queue_totals=true", 0,
	     "{\"page_count\":2,\"items\":[{\"name\":\"amq.gen-x\",\"type\":\"classic\"},"
	     "{\"name\":\"q\\u0000y\",\"type\":\"quorum\",\"messages\":3}]}"},
	    {"/api/queues/%2F?page=1&page_size=500&columns", 0,
	     "{\"page_count\":1,\"items\":[{\"name\":\"z\",\"messages\":1,\"messages_ready\":1,"
	     "\"message_bytes\":700,\"consumers\":4},{\"name\":\"s\",\"messages\":11,"
	     "\"message_bytes\":99,\"messages_ready\":11},{\"name\":\"gone\",\"messages\":9}]}"},
	    {0}};
	struct mq_conn *conn = connect_to(answers);
	struct mq_stream_list list = {0};
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	if (mq_list(conn, true, &list, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(list.n, 4);
	assert_string_equal(list.items[0].name, "amq.gen-x");
	assert_true(list.items[0].internal);
	assert_int_equal(list.items[0].messages, -1);
	assert_string_equal(list.items[1].name, "q");
	assert_int_equal(list.items[1].messages, 3);
	const struct mq_stream_info *stream = &list.items[2], *queue = &list.items[3];
	assert_string_equal(stream->type, "stream");
	assert_int_equal(stream->messages, 11);
	assert_int_equal(stream->ready, -1);
	assert_int_equal(stream->bytes, 99);
	/* The totals are fresh, the sample is not. */
	assert_string_equal(queue->name, "z");
	assert_string_equal(queue->type, "classic");
	assert_int_equal(queue->messages, 7);
	assert_int_equal(queue->ready, 5);
	assert_int_equal(queue->unacked, 2);
	assert_int_equal(queue->bytes, -1); /* sampled with another number of messages */
	assert_int_equal(queue->consumer_count, 4);
	assert_false(queue->internal);
	mq_stream_list_release(&list);
	mq_close(conn);
}

static void test_no_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum mq_code code;
		const char *part;
	} cases[] = {
	    {401, "{\"error\":\"not_authorised\",\"reason\":\"Not management user\"}", MQ_DENIED,
	     "refuses this user: Not management user"},
	    {404, "{\"error\":\"Object Not Found\"}", MQ_NOT_FOUND, "there is no vhost '/'"},
	    {404, "<html>nginx</html>", MQ_DATA, "http://127.0.0.1:"},
	    {200, "<!DOCTYPE html><html></html>", MQ_DATA, "http://127.0.0.1:"},
	    {200, "{\"page_count\":1,\"items\":[{\"na", MQ_DATA, "was cut"},
	    {200, "", MQ_DATA, "no JSON"},
	    {200, "[]", MQ_DATA, "a page of a list was expected"},
	    {200, "{\"items\":3}", MQ_DATA, "a page of a list was expected"},
	    {301, "", MQ_DATA, "status 301"},
	    {400, "{\"error\":\"bad_request\",\"reason\":\"such\\n&lt;&lt;words&gt;&amp;&x \\n\"}",
	     MQ_USAGE, "such <<words>&&x"},
	    {503, "{\"reason\":\"not now\"}", MQ_UNREACHABLE, "status 503: not now"},
	};
	struct mq_stream_list list = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer answers[] = {{"/api/queues/%2F", cases[i].status, cases[i].body},
		                           {0}};
		struct mq_conn *conn = connect_to(answers);
		struct mq_err err = MQ_ERR_INIT;
		check_failed(mq_list(conn, true, &list, &err), &err, cases[i].code, cases[i].part);
		if (cases[i].code == MQ_DATA)
			assert_non_null(strstr(err.hint, "-X management="));
		mq_close(conn);
	}
}

static void test_nobody_there(void **state)
{
	struct mq_conn *conn = connect_with("", "http://mona:s3cr3t@127.0.0.1:1", NULL);
	struct mq_stream_list list = {0};
	struct mq_rabbit_facts facts;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	check_failed(mq_list(conn, true, &list, &err), &err, MQ_UNREACHABLE, "http://127.0.0.1:1");
	assert_non_null(strstr(err.hint, "-X management="));
	/* What cannot be known is no error. */
	mq_err_clear(&err);
	assert_int_equal(mq_rabbit_queue_facts((struct mq_rabbit_conn *)conn, "q", &facts, &err),
	                 0);
	assert_int_equal(facts.type, MQ_RABBIT_TYPE_UNKNOWN);
	assert_int_equal(facts.delivery_limit, MQ_RABBIT_UNKNOWN);
	assert_false(facts.bindings_known);
	assert_non_null(strstr(facts.why_unknown, "http://127.0.0.1:1"));
	mq_rabbit_facts_release(&facts);
	mq_close(conn);
	conn = connect_with("", "127.0.0.1:15672", NULL);
	mq_err_clear(&err);
	check_failed(mq_list(conn, true, &list, &err), &err, MQ_USAGE, "http://");
	mq_close(conn);
}

/* --- facts ----------------------------------------------------------------------------------- */

#define OVERVIEW(version)                                                                          \
	{                                                                                          \
		"/api/overview", 0, "{\"rabbitmq_version\":\"" version "\"}"                       \
	}
#define PAGE(fields)                                                                               \
	{                                                                                          \
		"/api/queues/%2F?page=1", 0,                                                       \
		    "{\"page_count\":1,\"items\":[{\"name\":\"other\"},{\"name\":\"q\","           \
		    "\"type\":\"quorum\"" fields "}]}"                                             \
	}
#define QUEUE(type, fields)                                                                        \
	{                                                                                          \
		"/api/queues/%2F/q", 0, "{\"name\":\"q\",\"type\":\"" type "\"" fields "}"         \
	}
#define BINDINGS                                                                                   \
	{                                                                                          \
		"/api/queues/%2F/q/bindings", 0,                                                   \
		    "[{\"source\":\"\",\"routing_key\":\"q\",\"arguments\":{}},"                   \
		    "{\"source\":\"e\",\"routing_key\":\"a.#\",\"arguments\":{\"x-match\":"        \
		    "\"all\",\"n\":1}}]"                                                           \
	}
#define ARGUMENTS(text) ",\"arguments\":{" text "}"
#define POLICY(definition)                                                                         \
	{                                                                                          \
		"/api/policies/%2F/p%201", 0,                                                      \
		    "{\"name\":\"p 1\",\"priority\":7,\"definition\":{" definition "}}"            \
	}
#define OPERATOR_POLICY(definition)                                                                \
	{                                                                                          \
		"/api/operator-policies/%2F/op", 0, "{\"definition\":{" definition "}}"            \
	}
#define HIDDEN(target)                                                                             \
	{                                                                                          \
		target, 401,                                                                       \
		    "{\"error\":\"not_authorised\",\"reason\":\"User not authorised to access "    \
		    "object\"}"                                                                    \
	}
#define NAMED ",\"policy\":\"p 1\""

static void test_delivery_limits(void **state)
{
	static const struct {
		const char *what;
		int64_t limit;
		struct answer answers[8];
	} cases[] = {
	    {"nothing set, old",
	     MQ_RABBIT_NO_LIMIT,
	     {OVERVIEW("3.10.8"), PAGE(""), BINDINGS, QUEUE("quorum", "")}},
	    {"nothing set, new", 20, {OVERVIEW("4.0.5"), PAGE(""), BINDINGS, QUEUE("quorum", "")}},
	    {"version unknown",
	     MQ_RABBIT_UNKNOWN,
	     {OVERVIEW("unknown"), PAGE(""), BINDINGS, QUEUE("quorum", "")}},
	    {"classic",
	     MQ_RABBIT_NO_LIMIT,
	     {OVERVIEW("4.0.5"), PAGE(""), BINDINGS, QUEUE("classic", "")}},
	    {"argument",
	     3,
	     {OVERVIEW("3.10.8"), PAGE(""), BINDINGS,
	      QUEUE("quorum", ARGUMENTS("\"x-delivery-limit\":3"))}},
	    {"argument: none",
	     MQ_RABBIT_NO_LIMIT,
	     {OVERVIEW("4.0.5"), PAGE(""), BINDINGS,
	      QUEUE("quorum", ARGUMENTS("\"x-delivery-limit\":-1"))}},
	    {"policy, of which the list alone knows",
	     5,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, POLICY("\"delivery-limit\":5"),
	      QUEUE("quorum", "")}},
	    {"policy above the argument",
	     3,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, POLICY("\"delivery-limit\":5"),
	      QUEUE("quorum", ARGUMENTS("\"x-delivery-limit\":3"))}},
	    {"policy of 2 over an argument of none",
	     2,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, POLICY("\"delivery-limit\":2"),
	      QUEUE("quorum", ARGUMENTS("\"x-delivery-limit\":-1"))}},
	    {"fresh policy, old sample",
	     4,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, POLICY("\"delivery-limit\":4"),
	      QUEUE("quorum", NAMED ",\"effective_policy_definition\":{\"delivery-limit\":9}")}},
	    {"operator policy below the policy",
	     6,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, POLICY("\"delivery-limit\":9"),
	      OPERATOR_POLICY("\"delivery-limit\":6"),
	      QUEUE("quorum", ",\"operator_policy\":\"op\"")}},
	    {"hidden policy, sampled",
	     9,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, HIDDEN("/api/policies/%2F/p%201"),
	      QUEUE("quorum", NAMED ",\"effective_policy_definition\":{\"delivery-limit\":9}")}},
	    {"hidden policy, not sampled",
	     MQ_RABBIT_UNKNOWN,
	     {OVERVIEW("4.0.5"), PAGE(NAMED), BINDINGS, HIDDEN("/api/policies/%2F/p%201"),
	      QUEUE("quorum", ARGUMENTS("\"x-delivery-limit\":3"))}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_conn *conn = connect_to(cases[i].answers);
		struct mq_rabbit_facts facts;
		struct mq_err err = MQ_ERR_INIT;
		if (mq_rabbit_queue_facts((struct mq_rabbit_conn *)conn, "q", &facts, &err) < 0)
			fail_msg("%s: %s", cases[i].what, err.message);
		if (facts.delivery_limit != cases[i].limit)
			fail_msg("%s: %lld instead of %lld (%s)", cases[i].what,
			         (long long)facts.delivery_limit, (long long)cases[i].limit,
			         facts.why_unknown);
		assert_true(facts.bindings_known);
		assert_int_equal(facts.n_bindings, 1);
		assert_string_equal(facts.bindings[0].exchange, "e");
		assert_string_equal(facts.bindings[0].key, "a.#");
		assert_string_equal(facts.bindings[0].arguments, "{\"n\":1,\"x-match\":\"all\"}");
		mq_rabbit_facts_release(&facts);
		mq_close(conn);
	}
}

static void test_facts(void **state)
{
	static const struct answer answers[] = {
	    OVERVIEW("3.10.8"), PAGE(""), BINDINGS, QUEUE("stream", ""), {0}};
	static const struct answer odd[] = {
	    OVERVIEW("3.10.8"),
	    {"/api/queues/a%2Fb?page=1", 0, "{\"page_count\":1,\"items\":[]}"},
	    {"/api/queues/a%2Fb/x%3Fy%20%C3%A9%2F/bindings", 0, "[]"},
	    {"/api/queues/a%2Fb/x%3Fy%20%C3%A9%2F", 0, "{\"type\":\"classic\"}"},
	    {0}};
	struct mq_rabbit_facts facts;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_conn *conn = connect_to(answers);

	(void)state;
	assert_int_equal(mq_rabbit_queue_facts((struct mq_rabbit_conn *)conn, "q", &facts, &err),
	                 0);
	assert_int_equal(facts.type, MQ_RABBIT_STREAM);
	assert_int_equal(facts.version_major, 3);
	assert_int_equal(facts.version_minor, 10);
	assert_string_equal(facts.why_unknown, "");
	mq_rabbit_facts_release(&facts);
	check_failed(mq_rabbit_queue_facts((struct mq_rabbit_conn *)conn, "none", &facts, &err),
	             &err, MQ_NOT_FOUND, "there is no queue 'none' in the vhost '/'");
	mq_close(conn);
	mq_err_clear(&err);
	conn = connect_with("a%2Fb/", NULL, odd);
	if (mq_rabbit_queue_facts((struct mq_rabbit_conn *)conn, "x?y \xc3\xa9/", &facts, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(facts.type, MQ_RABBIT_CLASSIC);
	assert_int_equal(facts.n_bindings, 0);
	mq_rabbit_facts_release(&facts);
	mq_close(conn);
}

/* --- alter ----------------------------------------------------------------------------------- */

static void test_alter(void **state)
{
	static const struct answer first[] = {PAGE(""), QUEUE("quorum", ""), {0}};
	static const struct answer above[] = {PAGE(NAMED),
	                                      POLICY("\"max-length\":9,\"message-ttl\":1000,"
	                                             "\"ha-mode\":\"all\""),
	                                      QUEUE("quorum", ""),
	                                      {0}};
	static const struct answer again[] = {
	    PAGE(",\"policy\":\"mqtk:q\""),
	    {"/api/policies/%2F/mqtk%3Aq", 0, "{\"priority\":8,\"definition\":{\"max-length\":9}}"},
	    QUEUE("quorum", ""),
	    {0}};
	static const char *const config[] = {"x-overflow=reject-publish", "queue-leader-locator=x",
	                                     "max-in-memory-length=5"};
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	spec.stream = "q";
	spec.max_length = 5;
	spec.delivery_limit = 3;
	struct mq_conn *conn = connect_to(first);
	if (mq_alter(conn, &spec, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(
	    server.put, "/api/policies/%2F/mqtk%3Aq {\"pattern\":\"^q$\",\"apply-to\":\"queues\","
	                "\"priority\":0,\"definition\":{\"max-length\":5,\"delivery-limit\":3}}");
	assert_non_null(strstr(last_note, "'mqtk:q' (priority 0)"));
	mq_close(conn);
	spec.delivery_limit = -1;
	spec.config = config;
	spec.n_config = 3;
	conn = connect_to(above);
	assert_int_equal(mq_alter(conn, &spec, &err), 0);
	assert_non_null(strstr(server.put, "\"priority\":8,\"definition\":{\"max-length\":5,"
	                                   "\"message-ttl\":1000,\"ha-mode\":\"all\","
	                                   "\"overflow\":\"reject-publish\","
	                                   "\"queue-leader-locator\":\"x\","
	                                   "\"max-in-memory-length\":5}}"));
	assert_non_null(strstr(last_note, "repeats 'p 1'"));
	mq_close(conn);
	spec.n_config = 0;
	spec.max_length = -1;
	spec.ttl_ms = 10;
	conn = connect_to(again);
	assert_int_equal(mq_alter(conn, &spec, &err), 0);
	assert_non_null(strstr(server.put, "\"priority\":8,\"definition\":{\"max-length\":9,"
	                                   "\"message-ttl\":10}}"));
	mq_close(conn);
}

static void test_alter_pattern(void **state)
{
	static const struct answer answers[] = {
	    {"/api/queues/%2F?page=1", 0,
	     "{\"page_count\":1,\"items\":[{\"name\":\"a.b(c)*[d]^$|?+{}\\\\\",\"type\":"
	     "\"classic\"}]}"},
	    {"/api/queues/%2F/a.b%28c%29%2A%5Bd%5D%5E%24%7C%3F%2B%7B%7D%5C", 0,
	     "{\"type\":\"classic\"}"},
	    {0}};
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_conn *conn = connect_to(answers);

	(void)state;
	spec.stream = "a.b(c)*[d]^$|?+{}\\";
	spec.max_bytes = 1;
	if (mq_alter(conn, &spec, &err) < 0)
		fail_msg("%s", err.message);
	assert_non_null(strstr(server.put, "\"pattern\":\"^a\\\\.b\\\\(c\\\\)\\\\*\\\\[d\\\\]\\\\^"
	                                   "\\\\$\\\\|\\\\?\\\\+\\\\{\\\\}\\\\\\\\$\""));
	mq_close(conn);
}

static void test_alter_refuses(void **state)
{
	static const struct answer classic[] = {
	    PAGE(""),
	    QUEUE("classic",
	          ARGUMENTS(
	              "\"x-max-length\":10,\"x-dead-letter-exchange\":\"a\"") ",\"operator_"
	                                                                      "policy\":\"op\""),
	    OPERATOR_POLICY("\"message-ttl\":500"),
	    {0}};
	static const struct answer stream[] = {
	    PAGE(""), QUEUE("stream", ARGUMENTS("\"x-max-age\":\"2h\"")), {0}};
	static const struct answer hidden[] = {
	    PAGE(NAMED), HIDDEN("/api/policies/%2F/p%201"), QUEUE("quorum", ""), {0}};
	static const struct {
		const struct answer *answers;
		int64_t max_length, ttl_ms, limit, retention_ms;
		const char *exchange;
		enum mq_code code; /* MQ_OK: it goes */
		const char *part;
	} cases[] = {
	    {classic, 11, -1, -1, -1, NULL, MQ_USAGE, "declared with x-max-length = 10"},
	    {classic, 10, -1, -1, -1, NULL, MQ_OK, ""},
	    {classic, 9, -1, -1, -1, "a", MQ_OK, ""},
	    {classic, -1, -1, -1, -1, "b", MQ_USAGE, "x-dead-letter-exchange = a"},
	    {classic, -1, 501, -1, -1, NULL, MQ_USAGE, "an operator policy limits"},
	    {classic, -1, 500, -1, -1, NULL, MQ_OK, ""},
	    {classic, -1, -1, 3, -1, NULL, MQ_USAGE,
	     "a classic queue, which has no --delivery-limit"},
	    {classic, -1, -1, -1, 1000, NULL, MQ_USAGE, "--ttl"},
	    {stream, 5, -1, -1, -1, NULL, MQ_USAGE, "--max-bytes"},
	    {stream, -1, 5, -1, -1, NULL, MQ_USAGE, "--retention"},
	    {stream, -1, -1, -1, -1, "a", MQ_USAGE,
	     "a stream, which has no --dead-letter-exchange"},
	    {stream, -1, -1, -1, 7200001, NULL, MQ_USAGE, "x-max-age = 2h"},
	    {stream, -1, -1, -1, 7200000, NULL, MQ_OK, ""},
	    {hidden, 5, -1, -1, -1, NULL, MQ_DENIED, "may not see what it sets"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
		struct mq_conn *conn = connect_to(cases[i].answers);
		struct mq_err err = MQ_ERR_INIT;
		spec.stream = "q";
		spec.max_length = cases[i].max_length;
		spec.ttl_ms = cases[i].ttl_ms;
		spec.delivery_limit = cases[i].limit;
		spec.retention_ms = cases[i].retention_ms;
		spec.dead_letter_exchange = cases[i].exchange;
		server.put[0] = '\0';
		int result = mq_alter(conn, &spec, &err);
		if (cases[i].code == MQ_OK && result < 0)
			fail_msg("case %zu: %s", i, err.message);
		if (cases[i].code != MQ_OK)
			check_failed(result, &err, cases[i].code, cases[i].part);
		assert_int_equal(server.put[0] != '\0', cases[i].code == MQ_OK);
		mq_close(conn);
	}
}

/* --- the broker ------------------------------------------------------------------------------ */

static void test_broker(void **state)
{
	static const struct answer answers[] = {
	    {"/api/overview", 0,
	     "{\"cluster_name\":\"c\",\"rabbitmq_version\":\"4.0.5\",\"node\":\"r@b\","
	     "\"listeners\":"
	     "[{\"node\":\"r@a\",\"protocol\":\"amqp\",\"port\":1},{\"node\":\"r@b\",\"protocol\":"
	     "\"amqp/ssl\",\"port\":2},{\"node\":\"r@b\",\"protocol\":\"amqp\",\"port\":3}]}"},
	    {"/api/nodes", 0, "[{\"name\":\"r@a\"},{\"name\":\"r@b\"}]"},
	    {"/api/exchanges/%2F?page=1", 0,
	     "{\"page_count\":1,\"items\":[{\"name\":\"ev\",\"type\":\"topic\",\"durable\":true},"
	     "{\"name\":\"\",\"type\":\"direct\",\"durable\":true},{\"name\":\"a\",\"type\":"
	     "\"fanout\",\"durable\":false}]}"},
	    {"/api/bindings/%2F", 0,
	     "[{\"source\":\"\",\"destination\":\"q\",\"routing_key\":\"q\",\"arguments\":{}},"
	     "{\"source\":\"ev\",\"destination\":\"q\",\"routing_key\":\"k\",\"arguments\":{}}]"},
	    {0}};
	struct answer hidden[] = {answers[0], HIDDEN("/api/nodes"), answers[2], answers[3], {0}};
	struct mq_broker_info info = {0};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_conn *conn = connect_to(answers);

	(void)state;
	if (mq_describe_broker(conn, &info, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(info.name, "c");
	assert_string_equal(info.version, "4.0.5");
	assert_string_equal(info.answered_name, "r@b");
	assert_int_equal(info.n_nodes, 2);
	assert_string_equal(info.nodes[1].host, "r@b");
	assert_int_equal(info.nodes[0].port, 1);
	assert_int_equal(info.nodes[1].port, 3);
	assert_int_equal(info.answered_by, 1);
	assert_int_equal(info.n_exchanges, 3);
	assert_string_equal(info.exchanges[0].name, "");
	assert_int_equal(info.exchanges[0].n_bindings, 0);
	assert_string_equal(info.exchanges[1].type, "fanout");
	assert_false(info.exchanges[1].durable);
	assert_string_equal(info.exchanges[2].name, "ev");
	assert_true(info.exchanges[2].durable);
	assert_int_equal(info.exchanges[2].n_bindings, 1);
	assert_string_equal(info.exchanges[2].bindings[0].exchange, "q");
	assert_string_equal(info.exchanges[2].bindings[0].key, "k");
	mq_broker_info_release(&info);
	mq_close(conn);
	conn = connect_to(hidden);
	assert_int_equal(mq_describe_broker(conn, &info, &err), 0);
	assert_int_equal(info.n_nodes, 1);
	assert_string_equal(info.nodes[0].host, "r@b");
	mq_broker_info_release(&info);
	mq_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list),          cmocka_unit_test(test_no_answers),
	    cmocka_unit_test(test_nobody_there),  cmocka_unit_test(test_delivery_limits),
	    cmocka_unit_test(test_facts),         cmocka_unit_test(test_alter),
	    cmocka_unit_test(test_alter_pattern), cmocka_unit_test(test_alter_refuses),
	    cmocka_unit_test(test_broker),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}

#else

/* Built without RabbitMQ: there is nothing to test. */
int main(void)
{
	return 0;
}

#endif
