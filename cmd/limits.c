/* How a stream is to be, from the command line: see limits.h. */
#include "cmd/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const limits_types[] = {"classic", "quorum", "stream",  "direct",
                                    "fanout",  "topic",  "headers", NULL};

/* --- --bind and --match ---------------------------------------------------------------------- */

/* EXCHANGE[:KEY]; keys may hold colons, names of exchanges rarely do. */
static int parse_bind(void *field, const char *value, struct mq_err *err)
{
	struct limits_bindings *bindings = field;

	if (*value == '\0' || *value == ':')
		return mq_fail(err, MQ_USAGE, "'%s' names no exchange, expected EXCHANGE[:KEY]",
		               value);
	struct mq_binding_spec *binding =
	    mq_info_grow(&bindings->items, &bindings->n, sizeof *binding, err);
	char *exchange = binding ? strdup(value) : NULL;
	if (!exchange)
		return mq_fail_memory(err);
	size_t len = strcspn(value, ":");
	exchange[len] = '\0';
	binding->exchange = exchange;
	binding->key = value[len] == ':' ? value + len + 1 : "";
	return 0;
}

static int parse_match(void *field, const char *value, struct mq_err *err)
{
	struct limits_bindings *bindings = field;

	if (!strchr(value, '=') || *value == '=')
		return mq_fail(err, MQ_USAGE, "'%s' is no NAME=VALUE", value);
	if (bindings->n == 0)
		return mq_fail(err, MQ_USAGE,
		               "it belongs to the --bind before it, and there is "
		               "none");
	struct mq_binding_spec *binding = &bindings->items[bindings->n - 1];
	const char **items =
	    realloc((void *)binding->match, (binding->n_match + 1) * sizeof *items);
	if (!items)
		return mq_fail_memory(err);
	items[binding->n_match++] = value;
	binding->match = items;
	return 0;
}

void limits_release(struct limits *limits)
{
	for (size_t i = 0; i < limits->bindings.n; i++) {
		free((void *)limits->bindings.items[i].exchange);
		free((void *)limits->bindings.items[i].match);
	}
	free(limits->bindings.items);
	limits->bindings = (struct limits_bindings){0};
}

/* --- the rows -------------------------------------------------------------------------------- */

#define FIELD(member) offsetof(struct limits, member)

const struct mq_option limits_rows[] = {
    {.name = "partitions",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "number of partitions (the broker's default; local: 1)",
     .min = 1,
     .max = 100000,
     .field = FIELD(partitions)},
    {.name = "replicas",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "copies of each partition, or of a queue (the broker's default)",
     .min = 1,
     .max = 1000,
     .field = FIELD(replicas)},
    {.name = "type",
     .type = MQ_OPT_CHOICE,
     .arg = "TYPE",
     .choices = limits_types,
     .help = "classic, quorum or stream; of an exchange direct, fanout, topic or headers",
     .field = FIELD(type)},
    {.name = "retention",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "how long messages are kept, such as 7d",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(retention)},
    {.name = "max-bytes",
     .type = MQ_OPT_SIZE,
     .arg = "SIZE",
     .help = "the oldest messages go when the stream is larger (Kafka: per partition)",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(max_bytes)},
    {.name = "max-length",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "the oldest messages go when there are more",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(max_length)},
    {.name = "ttl",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "a message that waits in a queue for longer goes, or is dead-lettered",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(ttl)},
    {.name = "delivery-limit",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "a message that was delivered more often goes, or is dead-lettered",
     .max = INT32_MAX,
     .field = FIELD(delivery_limit)},
    {.name = "dead-letter-exchange",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "where a queue sends what expired, was rejected or did not fit",
     .field = FIELD(dead_letter_exchange)},
    {.name = "dead-letter-key",
     .type = MQ_OPT_STRING,
     .arg = "KEY",
     .help = "and with which routing key (the message's own)",
     .field = FIELD(dead_letter_key)},
    {.name = "bind",
     .type = MQ_OPT_CUSTOM,
     .arg = "EXCHANGE[:KEY]",
     .help = "feed the stream from this exchange; repeatable",
     .more = "KEY is the routing key, for a topic exchange a pattern such as orders.#. What stands "
             "behind the first colon is the key.",
     .field = FIELD(bindings),
     .custom = parse_bind},
    {.name = "match",
     .type = MQ_OPT_CUSTOM,
     .arg = "NAME=VALUE",
     .help = "the --bind before it takes messages with this header; repeatable, all must match",
     .field = FIELD(bindings),
     .custom = parse_match},
    {.name = "config",
     .type = MQ_OPT_LIST,
     .arg = "NAME=VALUE",
     .help = "a setting of the stream by the broker's own name; repeatable",
     .field = FIELD(config)},
    {0}};

/* --- what they mean -------------------------------------------------------------------------- */

int limits_spec(const struct limits *limits, const char *stream, struct mq_stream_spec *ret_spec,
                struct mq_err *err)
{
	if (limits->type >= LIMITS_STREAM_TYPES) {
		mq_fail(err, MQ_USAGE,
		        "--type %s is a type of exchanges; a stream is one of "
		        "classic, quorum, stream",
		        limits_types[limits->type]);
		return mq_hint(err, "--exchange NAME makes an exchange");
	}
	*ret_spec = (struct mq_stream_spec){
	    .stream = stream,
	    .partitions = (int32_t)limits->partitions,
	    .replicas = (int32_t)limits->replicas,
	    .retention_ms = limits->retention,
	    .max_bytes = limits->max_bytes,
	    .max_length = limits->max_length,
	    .ttl_ms = limits->ttl,
	    .type = limits->type >= 0 ? limits_types[limits->type] : NULL,
	    .delivery_limit = limits->delivery_limit,
	    .dead_letter_exchange = limits->dead_letter_exchange,
	    .dead_letter_key = limits->dead_letter_key,
	    .bindings = limits->bindings.items,
	    .n_bindings = limits->bindings.n,
	    .config = limits->config.items,
	    .n_config = limits->config.n,
	};
	return 0;
}

struct words {
	struct mq_buf *buf;
	struct mq_err *err;
	bool any, failed;
};

static void say(struct words *words, const char *name, const char *value)
{
	if (!value)
		return;
	if (mq_buf_printf(words->buf, words->err, "%s%s %s", words->any ? ", " : "", name, value) <
	    0)
		words->failed = true;
	words->any = true;
}

static void say_number(struct words *words, const char *name, int64_t value,
                       void (*format)(int64_t, char *))
{
	char text[MQ_TIME_TEXT];

	if (value < 0)
		return;
	if (format)
		format(value, text);
	else
		snprintf(text, sizeof text, "%lld", (long long)value);
	say(words, name, text);
}

int limits_describe(const struct limits *limits, struct mq_buf *buf, struct mq_err *err)
{
	struct words words = {.buf = buf, .err = err};

	say_number(&words, "partitions", limits->partitions, NULL);
	say_number(&words, "replicas", limits->replicas, NULL);
	say(&words, "type", limits->type >= 0 ? limits_types[limits->type] : NULL);
	say_number(&words, "retention", limits->retention, mq_duration_format);
	say_number(&words, "max-bytes", limits->max_bytes, mq_size_format);
	say_number(&words, "max-length", limits->max_length, NULL);
	say_number(&words, "ttl", limits->ttl, mq_duration_format);
	say_number(&words, "delivery-limit", limits->delivery_limit, NULL);
	say(&words, "dead-letter-exchange", limits->dead_letter_exchange);
	say(&words, "dead-letter-key", limits->dead_letter_key);
	for (size_t i = 0; i < limits->bindings.n; i++)
		say(&words, "bound to", limits->bindings.items[i].exchange);
	for (size_t i = 0; i < limits->config.n; i++)
		say(&words, "config", limits->config.items[i]);
	return words.failed ? -1 : 0;
}
