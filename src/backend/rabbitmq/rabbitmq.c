/* The RabbitMQ backend's descriptor, its settings and its connection. The work is in the other
 * files of this folder: see rabbitmq.h. */
#include "backend/rabbitmq/standing.h"
#include "backend/table.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const schemes[] = {"amqp", "amqps", NULL};

const struct mq_setting mq_rabbit_settings[] = {
    {"exchange", "NAME", "write to or tap this exchange; the address then ends in '/'", false},
    {"binding", "KEY", "tap: what to listen for, as bindings say it; repeatable (everything)",
     false},
    {"match", "NAME=VALUE", "tap of a headers exchange: all of these; repeatable (everything)",
     false},
    {"tap-length", "N", "tap: keep at most the N newest messages that wait (10000)", false},
    {"management", "URL", "the management API (the same host and user, port 15672)", false},
    {"queue-type", "classic|quorum|stream", "of queues that --create makes (classic)", false},
    {"persistent", "true|false", "messages survive a restart of the broker (true)", false},
    {"window", "N", "messages that may wait for their confirmation (5000)", false},
    {"heartbeat", "SECONDS", "how often both sides show that they live; 0: never (60)", false},
    {"frame-max", "BYTES", "the largest frame (131072)", false},
    MQ_NET_TLS_SETTINGS,
    {0},
};

/* --- settings -------------------------------------------------------------------------------- */

static bool known(const char *name)
{
	for (const struct mq_setting *row = mq_rabbit_settings; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return false;
}

static int check_names(const struct mq_settings *settings, struct mq_err *err)
{
	for (size_t i = 0; i < settings->n; i++)
		if (!known(settings->items[i].name)) {
			mq_fail(err, MQ_USAGE, "%s: RabbitMQ has no setting %s",
			        settings->items[i].source, settings->items[i].name);
			return mq_hint(err, "it knows exchange, binding, match, management, "
			                    "queue-type, window, heartbeat, persistent and tls.*; "
			                    "'mqtk help rabbitmq' tells all");
		}
	return 0;
}

static int read_number(const struct mq_settings *settings, const char *name, int64_t min,
                       int64_t max, int otherwise, int *ret, struct mq_err *err)
{
	const char *text = mq_settings_get(settings, name);
	struct mq_err mine = MQ_ERR_INIT;
	int64_t number;

	*ret = otherwise;
	if (!text)
		return 0;
	if (mq_int_parse(text, min, max, &number, &mine) < 0)
		return mq_fail(err, MQ_USAGE, "%s: a whole number from %lld to %lld, not '%s'",
		               name, (long long)min, (long long)max, text);
	*ret = (int)number;
	return 0;
}

/* All values of a setting that may be repeated, in order; borrowed. */
static int read_list(const struct mq_settings *settings, const char *name, const char ***ret,
                     size_t *ret_n, struct mq_err *err)
{
	*ret = calloc(settings->n + 1, sizeof **ret);
	if (!*ret)
		return mq_fail_memory(err);
	for (size_t i = 0; i < settings->n; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			(*ret)[(*ret_n)++] = settings->items[i].value;
	return 0;
}

static int read_choices(struct mq_rabbit_conn *c, struct mq_err *err)
{
	const char *persistent = mq_settings_get(&c->settings, "persistent");

	c->persistent = true;
	if (persistent && strcmp(persistent, "false") == 0)
		c->persistent = false;
	else if (persistent && strcmp(persistent, "true") != 0)
		return mq_fail(err, MQ_USAGE, "persistent is true or false, not '%s'", persistent);
	if (c->queue_type && strcmp(c->queue_type, "classic") != 0 &&
	    strcmp(c->queue_type, "quorum") != 0 && strcmp(c->queue_type, "stream") != 0)
		return mq_fail(err, MQ_USAGE, "queue-type is classic, quorum or stream, not '%s'",
		               c->queue_type);
	for (size_t i = 0; i < c->n_match; i++)
		if (!strchr(c->match[i], '='))
			return mq_fail(err, MQ_USAGE, "match: NAME=VALUE is expected, not '%s'",
			               c->match[i]);
	if (!c->exchange && (c->n_bindings || c->n_match)) {
		mq_fail(err, MQ_USAGE, "%s says what to take from an exchange, but none is named",
		        c->n_bindings ? "binding" : "match");
		return mq_hint(err, "add -X exchange=NAME");
	}
	return 0;
}

static int read_settings(struct mq_rabbit_conn *c, struct mq_err *err)
{
	const struct mq_settings *settings = &c->settings;

	c->exchange = mq_settings_get(settings, "exchange");
	c->management = mq_settings_get(settings, "management");
	c->queue_type = mq_settings_get(settings, "queue-type");
	if (read_number(settings, "window", 1, 1000000, 5000, &c->window, err) < 0 ||
	    read_number(settings, "heartbeat", 0, 65535, 60, &c->heartbeat, err) < 0 ||
	    read_number(settings, "frame-max", 8192, INT32_MAX, 131072, &c->frame_max, err) < 0 ||
	    read_number(settings, "tap-length", 1, INT32_MAX, 10000, &c->tap_length, err) < 0 ||
	    read_list(settings, "binding", &c->bindings, &c->n_bindings, err) < 0 ||
	    read_list(settings, "match", &c->match, &c->n_match, err) < 0 ||
	    mq_net_tls_read(settings, &c->tls, err) < 0)
		return -1;
	return read_choices(c, err);
}

/* --- connection ------------------------------------------------------------------------------ */

static char *copy(const char *text, const char *otherwise)
{
	return strdup(text && text[0] ? text : otherwise);
}

void mq_rabbit_close(struct mq_conn *conn)
{
	struct mq_rabbit_conn *c = (struct mq_rabbit_conn *)conn;

	if (!c)
		return;
	mq_rabbit_manage_free(c->manage);
	mq_rabbit_wire_close(c->admin);
	mq_settings_release(&c->settings);
	free(c->bindings);
	free(c->match);
	free(c->hosts);
	free(c->user);
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	free(c->vhost);
	free(c->shown);
	free(c->stream);
	free(c);
}

static int copy_settings(struct mq_rabbit_conn *c, const struct mq_settings *from,
                         struct mq_err *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (mq_settings_add(&c->settings, from->items[i].name, from->items[i].value,
		                    from->items[i].source, err) < 0)
			return -1;
	return 0;
}

/* Nothing is contacted yet. */
int mq_rabbit_open(const struct mq_target *target, const struct mq_env *env,
                   struct mq_conn **ret_conn, struct mq_err *err)
{
	struct mq_rabbit_conn *c = calloc(1, sizeof *c);

	if (!c)
		return mq_fail_memory(err);
	c->base = (struct mq_conn){
	    .backend = &mq_backend_rabbitmq, .env = env, .caps = mq_backend_rabbitmq.caps};
	mq_settings_init(&c->settings);
	c->hosts = copy(target->authority, "localhost");
	c->user = copy(target->user, "guest");
	c->password = strdup(target->password ? target->password : target->user ? "" : "guest");
	c->vhost = copy(target->path, "/");
	c->shown = strdup(target->shown);
	c->stream = target->stream ? strdup(target->stream) : NULL;
	c->secure = strcmp(target->scheme, "amqps") == 0;
	if (!c->hosts || !c->user || !c->password || !c->vhost || !c->shown ||
	    (target->stream && !c->stream)) {
		mq_fail_memory(err);
		goto fail;
	}
	if (check_names(&target->settings, err) < 0 ||
	    copy_settings(c, &target->settings, err) < 0 || read_settings(c, err) < 0)
		goto fail;
	if (c->stream && strlen(c->stream) > 255) {
		mq_fail(err, MQ_USAGE, "the name of a queue has at most 255 bytes, not %zu",
		        strlen(c->stream));
		goto fail;
	}
	c->base.by_settings = c->exchange != NULL;
	*ret_conn = &c->base;
	return 0;
fail:
	mq_rabbit_close(&c->base);
	return -1;
}

/* --- the descriptor -------------------------------------------------------------------------- */

static const struct mq_instead instead[] = {
    {MQ_IN_CREATE, MQ_FIELD_PARTITIONS, "a queue has none; make several queues"},
    {MQ_IN_CREATE, MQ_FIELD_REPLICAS,
     "--type quorum --config x-quorum-initial-group-size=N sets how many nodes keep it"},
    {MQ_IN_ALTER, MQ_FIELD_PARTITIONS, "a queue has none; make several queues"},
    {MQ_IN_ALTER, MQ_FIELD_REPLICAS, "'rabbitmq-queues grow' and 'shrink' do that"},
    {MQ_IN_ALTER, MQ_FIELD_TYPE, "a queue keeps its type: make another one and move the messages"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_EXPIRED, "the broker removes what expired by itself"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_MAX_AGE,
     "'consume --ack' takes the oldest messages, --all removes everything"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_MAX_LENGTH,
     "'consume --ack -c N' takes the N oldest messages, --all removes everything"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_MAX_BYTES,
     "'consume --ack' takes the oldest messages, --all removes everything"},
    {MQ_IN_TRIM, 1 << MQ_TRIM_BEFORE,
     "'consume --ack -c N' takes the N oldest messages, --all removes everything"},
    {0},
};

const struct mq_backend mq_backend_rabbitmq = {
    .name = "rabbitmq",
    .title = "RabbitMQ, by librabbitmq",
    .schemes = schemes,
    .settings = mq_rabbit_settings,
    .caps = MQ_CAP_ACK | MQ_CAP_TIME_SEEK | MQ_CAP_SET_TIME | MQ_CAP_OFFSETS | MQ_CAP_PREFETCH |
            MQ_CAP_EXCHANGES | MQ_CAP_REMOVE_ONE | MQ_CAP_RANGES,
    .create_fields = MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES | MQ_FIELD_MAX_LENGTH | MQ_FIELD_TTL |
                     MQ_FIELD_TYPE | MQ_FIELD_DELIVERY_LIMIT | MQ_FIELD_DEAD_LETTER |
                     MQ_FIELD_BINDINGS | MQ_FIELD_CONFIG,
    .alter_fields = MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES | MQ_FIELD_MAX_LENGTH | MQ_FIELD_TTL |
                    MQ_FIELD_DELIVERY_LIMIT | MQ_FIELD_DEAD_LETTER | MQ_FIELD_BINDINGS |
                    MQ_FIELD_CONFIG,
    .trims = 1 << MQ_TRIM_ALL,
    .instead = instead,
    .version = amqp_version,
    .open = mq_rabbit_open,
    .close = mq_rabbit_close,
    .writer_open = mq_rabbit_writer_open,
    .write = mq_rabbit_write,
    .writer_poll = mq_rabbit_writer_poll,
    .writer_flush = mq_rabbit_writer_flush,
    .writer_fd = mq_rabbit_writer_fd,
    .writer_close = mq_rabbit_writer_close,
    .reader_open = mq_rabbit_reader_open,
    .fetch = mq_rabbit_fetch,
    .release = mq_rabbit_release,
    .settle = mq_rabbit_settle,
    .owns = mq_rabbit_owns,
    .commit = mq_rabbit_commit,
    .reader_fd = mq_rabbit_reader_fd,
    .reader_close = mq_rabbit_reader_close,
    .describe_broker = mq_rabbit_describe_broker,
    .list = mq_rabbit_list,
    .dead_routes = mq_rabbit_dead_routes,
    .describe = mq_rabbit_describe,
    .locate = mq_rabbit_locate,
    .groups = mq_rabbit_groups,
    .create = mq_rabbit_create,
    .alter = mq_rabbit_alter,
    .remove = mq_rabbit_remove,
    .create_exchange = mq_rabbit_create_exchange,
    .remove_exchange = mq_rabbit_remove_exchange,
    .trim = mq_rabbit_trim,
};
