/* Queues, exchanges and bindings over AMQP: declare, bind, purge, delete. */
#include "backend/rabbitmq/manage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- what is there --------------------------------------------------------------------------- */

/* A quorum queue's leader that is busy for 250 ms is answered for by "0 messages, 0 consumers". So
 * a nothing that took this long is asked again, until it comes at once or nobody has the time. */
#define BUSY_MS 200

int mq_rabbit_depth(struct mq_rabbit_wire *wire, const char *queue,
                    struct mq_rabbit_depth *ret_depth, struct mq_err *err)
{
	amqp_queue_declare_t declare = {.queue = mq_rabbit_bytes(queue), .passive = 1};
	int64_t until = mq_now_monotonic_ms() + wire->env->timeout_ms;

	for (;;) {
		int64_t asked = mq_now_monotonic_ms();
		const amqp_queue_declare_ok_t *answer =
		    mq_rabbit_rpc(wire, AMQP_QUEUE_DECLARE_METHOD, &declare,
		                  AMQP_QUEUE_DECLARE_OK_METHOD, queue, err);
		if (!answer)
			return -1;
		int64_t now = mq_now_monotonic_ms();
		ret_depth->ready = answer->message_count;
		ret_depth->consumers = answer->consumer_count;
		if (answer->message_count || answer->consumer_count || now - asked < BUSY_MS ||
		    now >= until)
			return 0;
	}
}

int mq_rabbit_exchange_check(struct mq_rabbit_wire *wire, const char *exchange, struct mq_err *err)
{
	amqp_exchange_declare_t declare = {
	    .exchange = mq_rabbit_bytes(exchange), .type = mq_rabbit_bytes(""), .passive = 1};

	/* The default exchange is always there and cannot be asked for. */
	if (!exchange[0])
		return 0;
	return mq_rabbit_rpc(wire, AMQP_EXCHANGE_DECLARE_METHOD, &declare,
	                     AMQP_EXCHANGE_DECLARE_OK_METHOD, exchange, err)
	           ? 0
	           : -1;
}

/* --- arguments ------------------------------------------------------------------------------- */

enum { ARGUMENTS_MAX = 64, AGE_TEXT = 32, TEMPORARY_MS = 120000 };

struct arguments {
	amqp_table_entry_t entries[ARGUMENTS_MAX];
	int n;
	char age[AGE_TEXT];
	char names[ARGUMENTS_MAX][64]; /* of --config */
};

static amqp_table_entry_t *add(struct arguments *to, const char *name, struct mq_err *err)
{
	if (to->n == ARGUMENTS_MAX) {
		mq_fail(err, MQ_USAGE, "a queue can be given at most %d arguments", ARGUMENTS_MAX);
		return NULL;
	}
	amqp_table_entry_t *entry = &to->entries[to->n++];
	entry->key = mq_rabbit_bytes(name);
	return entry;
}

static int add_text(struct arguments *to, const char *name, const char *value, struct mq_err *err)
{
	amqp_table_entry_t *entry = value ? add(to, name, err) : NULL;

	if (!entry)
		return value ? -1 : 0;
	entry->value.kind = AMQP_FIELD_KIND_UTF8;
	entry->value.value.bytes = mq_rabbit_bytes(value);
	return 0;
}

static int add_number(struct arguments *to, const char *name, int64_t value, struct mq_err *err)
{
	amqp_table_entry_t *entry = value >= 0 ? add(to, name, err) : NULL;

	if (!entry)
		return value >= 0 ? -1 : 0;
	entry->value.kind = AMQP_FIELD_KIND_I64;
	entry->value.value.i64 = value;
	return 0;
}

/* NAME=VALUE: true and false are truth values, whole numbers numbers, all else is text. */
static int add_config(struct arguments *to, const char *config, struct mq_err *err)
{
	const char *equals = strchr(config, '=');
	size_t len = equals ? (size_t)(equals - config) : 0;
	struct mq_err ignored = MQ_ERR_INIT;
	int64_t number;

	if (len == 0 || len >= sizeof to->names[0] || to->n == ARGUMENTS_MAX)
		return mq_fail(err, MQ_USAGE, "--config: NAME=VALUE is expected, not '%s'", config);
	char *name = to->names[to->n];
	memcpy(name, config, len);
	name[len] = '\0';
	const char *value = equals + 1;
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
		if (mq_int_parse(value, INT64_MIN, INT64_MAX, &number, &ignored) < 0)
			return add_text(to, name, value, err);
		amqp_table_entry_t *entry = add(to, name, err);
		entry->value.kind = AMQP_FIELD_KIND_I64;
		entry->value.value.i64 = number;
		return 0;
	}
	amqp_table_entry_t *entry = add(to, name, err);
	entry->value.kind = AMQP_FIELD_KIND_BOOLEAN;
	entry->value.value.boolean = value[0] == 't';
	return 0;
}

/* The age that a stream keeps, in the largest unit that says it exactly. */
static int add_age(struct arguments *to, int64_t ms, struct mq_err *err)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'D'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	int64_t seconds = (ms + 999) / 1000;

	if (ms < 0)
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (seconds % units[i].seconds != 0 && units[i].seconds > 1)
			continue;
		snprintf(to->age, sizeof to->age, "%lld%c", (long long)(seconds / units[i].seconds),
		         units[i].unit);
		break;
	}
	return add_text(to, "x-max-age", to->age, err);
}

static int check_kind(const struct mq_stream_spec *spec, bool stream, struct mq_err *err)
{
	const char *type = spec->type ? spec->type : "classic";

	if (strcmp(type, "classic") != 0 && strcmp(type, "quorum") != 0 && !stream)
		return mq_fail(err, MQ_USAGE,
		               "--type on RabbitMQ is classic, quorum or stream, not '%s'", type);
	if (spec->retention_ms >= 0 && !stream) {
		mq_fail(err, MQ_USAGE, "--retention is for --type stream; this queue is %s", type);
		return mq_hint(err, "--ttl removes messages that wait too long");
	}
	if (!stream)
		return 0;
	if (spec->max_length >= 0)
		return mq_fail(err, MQ_USAGE,
		               "a stream has no --max-length; use --max-bytes or "
		               "--retention");
	if (spec->ttl_ms >= 0)
		return mq_fail(err, MQ_USAGE, "a stream has no --ttl; use --retention");
	if (spec->delivery_limit >= 0 || spec->dead_letter_exchange || spec->dead_letter_key)
		return mq_fail(err, MQ_USAGE,
		               "a stream keeps its messages: it has neither a "
		               "delivery limit nor dead letters");
	return 0;
}

static int collect_arguments(const struct mq_stream_spec *spec, struct arguments *to,
                             struct mq_err *err)
{
	bool stream = spec->type && strcmp(spec->type, "stream") == 0;

	if (check_kind(spec, stream, err) < 0 ||
	    add_text(to, "x-queue-type", spec->type, err) < 0 ||
	    add_age(to, spec->retention_ms, err) < 0 ||
	    add_number(to, "x-max-length-bytes", spec->max_bytes, err) < 0 ||
	    add_number(to, "x-max-length", spec->max_length, err) < 0 ||
	    add_number(to, "x-message-ttl", spec->ttl_ms, err) < 0 ||
	    add_number(to, "x-delivery-limit", spec->delivery_limit, err) < 0 ||
	    add_text(to, "x-dead-letter-exchange", spec->dead_letter_exchange, err) < 0 ||
	    add_text(to, "x-dead-letter-routing-key", spec->dead_letter_key, err) < 0 ||
	    add_number(to, "x-expires", spec->temporary && !stream ? TEMPORARY_MS : -1, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_config; i++)
		if (add_config(to, spec->config[i], err) < 0)
			return -1;
	return 0;
}

/* --- making ---------------------------------------------------------------------------------- */

int mq_rabbit_bind(struct mq_rabbit_wire *wire, const char *queue,
                   const struct mq_binding_spec *binding, struct mq_err *err)
{
	struct arguments *arguments = calloc(1, sizeof *arguments);
	int result = -1;

	if (!arguments)
		return mq_fail_memory(err);
	if (binding->n_match > 0 && add_text(arguments, "x-match", "all", err) < 0)
		goto out;
	/* The values of headers that mqtk writes are text: so are those they are compared with. */
	for (size_t i = 0; i < binding->n_match; i++) {
		const char *equals = strchr(binding->match[i], '=');
		size_t len = equals ? (size_t)(equals - binding->match[i]) : 0;
		if (len == 0 || len >= sizeof arguments->names[0] ||
		    arguments->n == ARGUMENTS_MAX) {
			mq_fail(err, MQ_USAGE, "NAME=VALUE is expected, not '%s'",
			        binding->match[i]);
			goto out;
		}
		char *name = arguments->names[arguments->n];
		memcpy(name, binding->match[i], len);
		name[len] = '\0';
		if (add_text(arguments, name, equals + 1, err) < 0)
			goto out;
	}
	amqp_queue_bind_t bind = {.queue = mq_rabbit_bytes(queue),
	                          .exchange = mq_rabbit_bytes(binding->exchange),
	                          .routing_key = mq_rabbit_bytes(binding->key),
	                          .arguments = {arguments->n, arguments->entries}};
	if (mq_rabbit_rpc(wire, AMQP_QUEUE_BIND_METHOD, &bind, AMQP_QUEUE_BIND_OK_METHOD,
	                  binding->exchange, err))
		result = 0;
out:
	free(arguments);
	return result;
}

int mq_rabbit_bind_like(struct mq_rabbit_wire *wire, const char *queue,
                        const struct mq_binding_info *binding, struct mq_err *err)
{
	amqp_queue_bind_t bind = {.queue = mq_rabbit_bytes(queue),
	                          .exchange = mq_rabbit_bytes(binding->exchange),
	                          .routing_key = mq_rabbit_bytes(binding->key)};
	amqp_field_value_t arguments;
	amqp_pool_t pool;
	int result = -1;

	init_amqp_pool(&pool, 4096);
	if (binding->arguments) {
		if (!mq_rabbit_field_read(mq_bytes_str(binding->arguments), 'F', false, &pool,
		                          &arguments)) {
			mq_fail(err, MQ_DATA, "the arguments of a binding cannot be read: %s",
			        binding->arguments);
			goto out;
		}
		bind.arguments = arguments.value.table;
	}
	if (mq_rabbit_rpc(wire, AMQP_QUEUE_BIND_METHOD, &bind, AMQP_QUEUE_BIND_OK_METHOD,
	                  binding->exchange, err))
		result = 0;
out:
	empty_amqp_pool(&pool);
	return result;
}

int mq_rabbit_declare(struct mq_rabbit_wire *wire, const struct mq_stream_spec *spec,
                      struct mq_err *err)
{
	struct arguments *arguments = calloc(1, sizeof *arguments);
	int result = -1;

	if (!arguments)
		return mq_fail_memory(err);
	if (collect_arguments(spec, arguments, err) < 0)
		goto out;
	amqp_queue_declare_t declare = {.queue = mq_rabbit_bytes(spec->stream),
	                                .durable = 1,
	                                .arguments = {arguments->n, arguments->entries}};
	if (!mq_rabbit_rpc(wire, AMQP_QUEUE_DECLARE_METHOD, &declare, AMQP_QUEUE_DECLARE_OK_METHOD,
	                   spec->stream, err))
		goto out;
	result = 0;
	for (size_t i = 0; i < spec->n_bindings && result == 0; i++)
		result = mq_rabbit_bind(wire, spec->stream, &spec->bindings[i], err);
out:
	free(arguments);
	return result;
}

/* Declaring is the same whether the queue was there or not: so that it is asked for first. */
int mq_rabbit_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_rabbit_conn *c = (struct mq_rabbit_conn *)conn;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(c, err);
	struct mq_rabbit_depth depth;
	struct mq_err mine = MQ_ERR_INIT;

	if (!wire)
		return -1;
	if (mq_rabbit_depth(wire, spec->stream, &depth, &mine) == 0) {
		if (!spec->if_missing) {
			mq_fail(err, MQ_USAGE, "there is already a queue '%s' in vhost '%s'",
			        spec->stream, c->vhost);
			return mq_hint(err, "'mqtk info ADDR' shows it");
		}
		for (size_t i = 0; i < spec->n_bindings; i++)
			if (mq_rabbit_bind(wire, spec->stream, &spec->bindings[i], err) < 0)
				return -1;
		return 0;
	}
	if (mine.code != MQ_NOT_FOUND) {
		*err = mine;
		return -1;
	}
	for (size_t i = 0; i < spec->n_bindings; i++)
		if (mq_rabbit_exchange_check(wire, spec->bindings[i].exchange, err) < 0)
			return -1;
	return mq_rabbit_declare(wire, spec, err);
}

int mq_rabbit_remove(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin((struct mq_rabbit_conn *)conn, err);
	amqp_queue_delete_t delete = {.queue = mq_rabbit_bytes(stream)};
	struct mq_rabbit_depth depth;

	/* Deleting what is not there would be a success. */
	if (!wire || mq_rabbit_depth(wire, stream, &depth, err) < 0)
		return -1;
	if (!mq_rabbit_rpc(wire, AMQP_QUEUE_DELETE_METHOD, &delete, AMQP_QUEUE_DELETE_OK_METHOD,
	                   stream, err))
		return -1;
	mq_rabbit_policy_forget((struct mq_rabbit_conn *)conn, stream);
	return 0;
}

int mq_rabbit_create_exchange(struct mq_conn *conn, const struct mq_exchange_spec *spec,
                              struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin((struct mq_rabbit_conn *)conn, err);
	amqp_exchange_declare_t declare = {.exchange = mq_rabbit_bytes(spec->exchange),
	                                   .type =
	                                       mq_rabbit_bytes(spec->type ? spec->type : "direct"),
	                                   .durable = 1};
	struct mq_err mine = MQ_ERR_INIT;

	if (!wire)
		return -1;
	if (!spec->if_missing) {
		if (mq_rabbit_exchange_check(wire, spec->exchange, &mine) == 0)
			return mq_fail(err, MQ_USAGE, "there is already an exchange '%s'",
			               spec->exchange);
		if (mine.code != MQ_NOT_FOUND) {
			*err = mine;
			return -1;
		}
	}
	return mq_rabbit_rpc(wire, AMQP_EXCHANGE_DECLARE_METHOD, &declare,
	                     AMQP_EXCHANGE_DECLARE_OK_METHOD, spec->exchange, err)
	           ? 0
	           : -1;
}

int mq_rabbit_remove_exchange(struct mq_conn *conn, const char *exchange, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin((struct mq_rabbit_conn *)conn, err);
	amqp_exchange_delete_t delete = {.exchange = mq_rabbit_bytes(exchange)};

	if (!wire || mq_rabbit_exchange_check(wire, exchange, err) < 0)
		return -1;
	return mq_rabbit_rpc(wire, AMQP_EXCHANGE_DELETE_METHOD, &delete,
	                     AMQP_EXCHANGE_DELETE_OK_METHOD, exchange, err)
	           ? 0
	           : -1;
}

/* --- trim ------------------------------------------------------------------------------------ */

int mq_rabbit_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
                   struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin((struct mq_rabbit_conn *)conn, err);
	amqp_queue_purge_t purge = {.queue = mq_rabbit_bytes(spec->stream)};
	struct mq_rabbit_depth depth;

	if (!wire || mq_rabbit_depth(wire, spec->stream, &depth, err) < 0)
		return -1;
	if (spec->dry_run) {
		*ret_removed = depth.ready;
		return 0;
	}
	const amqp_queue_purge_ok_t *answer = mq_rabbit_rpc(
	    wire, AMQP_QUEUE_PURGE_METHOD, &purge, AMQP_QUEUE_PURGE_OK_METHOD, spec->stream, err);
	if (!answer) {
		if (wire->closed_code == AMQP_NOT_IMPLEMENTED)
			mq_hint(err, "a stream cannot be emptied: its limits (--retention, "
			             "--max-bytes at create) remove what is old");
		return -1;
	}
	*ret_removed = answer->message_count;
	return 0;
}
