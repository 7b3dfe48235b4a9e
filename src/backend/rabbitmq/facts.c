/* What a queue is and what applies to it, asked over the management API: see manage.h. What is
 * shown of it is put together in describe.c. */
#include "backend/rabbitmq/manage.h"
#include "mqtk/http.h"

#include <stdio.h>
#include <stdlib.h>

/* Quorum queues of 4.0 and later have a limit though nobody set one. */
#define DEFAULT_LIMIT_SINCE 4
#define DEFAULT_LIMIT 20

/* --- what is asked --------------------------------------------------------------------------- */

int mq_rabbit_append_pattern(struct mq_buf *buf, const char *name, struct mq_err *err)
{
	if (mq_buf_append_char(buf, '^', err) < 0)
		return -1;
	for (const char *c = name; *c; c++)
		if ((strchr("\\^$.|?*+()[]{}", *c) && mq_buf_append_char(buf, '\\', err) < 0) ||
		    mq_buf_append_char(buf, *c, err) < 0)
			return -1;
	return mq_buf_append_char(buf, '$', err);
}

/* The list knows the totals and the policy's name of a queue that was declared just now, which the
 * queue's own page does not. */
static int ask_basic(struct mq_rabbit_manage *manage, const char *vhost, const char *name,
                     json_t **ret_basic, struct mq_err *err)
{
	json_t *items = NULL, *item;
	struct mq_buf pattern, query;
	size_t i;
	int result = -1;

	mq_buf_init(&pattern, 4096);
	mq_buf_init(&query, 8192);
	if (mq_rabbit_append_pattern(&pattern, name, err) < 0 ||
	    mq_buf_append_char(&pattern, '\0', err) < 0 ||
	    mq_buf_append_str(&query,
	                      "use_regex=true&disable_stats=true&enable_queue_totals=true&"
	                      "name=",
	                      err) < 0 ||
	    mq_http_append_segment(&query, pattern.data, err) < 0 ||
	    mq_buf_append_char(&query, '\0', err) < 0 ||
	    mq_rabbit_manage_get_all(manage, MQ_PATH("queues", vhost), query.data, NULL, &items,
	                             err) < 0)
		goto out;
	json_array_foreach(items, i, item)
	{
		const char *found = mq_rabbit_json_text(item, "name");
		if (!*ret_basic && found && strcmp(found, name) == 0)
			*ret_basic = json_incref(item);
	}
	result = 0;
out:
	json_decref(items);
	mq_buf_release(&query);
	mq_buf_release(&pattern);
	return result;
}

/* A policy's definition; NULL where this user may not see it or it went away meanwhile. */
static int ask_policy(struct mq_rabbit_manage *manage, const char *kind, const char *vhost,
                      const char *name, json_t **ret_policy, struct mq_err *err)
{
	struct mq_err mine = MQ_ERR_INIT;

	if (mq_rabbit_manage_get(manage, MQ_PATH(kind, vhost, name), NULL, "policy", ret_policy,
	                         &mine) == 0 ||
	    mine.code == MQ_DENIED || mine.code == MQ_NOT_FOUND)
		return 0;
	if (err)
		*err = mine;
	return -1;
}

/* An operator policy only makes numbers smaller. */
static int merge_rules(json_t *rules, json_t *operator_rules, struct mq_err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach(operator_rules, name, value)
	{
		const json_t *now = json_object_get(rules, name);
		if (json_is_integer(now) && json_is_integer(value) &&
		    json_integer_value(now) <= json_integer_value(value))
			continue;
		if (json_object_set(rules, name, value) < 0)
			return mq_fail_memory(err);
	}
	return 0;
}

/* The rules from the policies' own pages, which are fresh; from the sample where this user may not
 * see those. */
static int ask_rules(struct mq_rabbit_manage *manage, const char *vhost,
                     struct mq_rabbit_queue *queue, struct mq_err *err)
{
	const char *operator= mq_rabbit_json_text(queue->sampled, "operator_policy");
	json_t *sampled = json_object_get(queue->sampled, "effective_policy_definition");
	json_t *policy = NULL, *above = NULL;
	int result = -1;

	if ((queue->policy &&
	     ask_policy(manage, "policies", vhost, queue->policy, &policy, err) < 0) ||
	    (operator&& ask_policy(manage, "operator-policies", vhost, operator, & above, err) < 0))
		goto out;
	queue->policy_priority = mq_rabbit_json_int(policy, "priority", 0);
	queue->policy_rules = json_incref(json_object_get(policy, "definition"));
	queue->operator_rules = json_incref(json_object_get(above, "definition"));
	if ((queue->policy && !policy) || (operator&& !above)) {
		queue->rules = json_is_object(sampled) ? json_deep_copy(sampled) : json_object();
		queue->rules_known = json_is_object(sampled);
	} else {
		queue->rules = json_is_object(queue->policy_rules)
		                   ? json_deep_copy(queue->policy_rules)
		                   : json_object();
		queue->rules_known = true;
	}
	if (!queue->rules)
		mq_fail_memory(err);
	else
		result = merge_rules(queue->rules, queue->operator_rules, err);
out:
	json_decref(policy);
	json_decref(above);
	return result;
}

int mq_rabbit_queue_ask(struct mq_rabbit_conn *conn, const char *name,
                        struct mq_rabbit_queue *ret_queue, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	struct mq_rabbit_queue queue = {0};
	char what[300];

	snprintf(what, sizeof what, "queue '%s'", name);
	if (!manage ||
	    mq_rabbit_manage_get(manage, MQ_PATH("queues", conn->vhost, name), NULL, what,
	                         &queue.sampled, err) < 0 ||
	    ask_basic(manage, conn->vhost, name, &queue.basic, err) < 0)
		goto fail;
	if (!queue.basic)
		queue.basic = json_incref(queue.sampled);
	const char *policy = mq_rabbit_json_text(queue.basic, "policy");
	if (!policy)
		policy = mq_rabbit_json_text(queue.sampled, "policy");
	if (policy && !(queue.policy = strdup(policy))) {
		mq_fail_memory(err);
		goto fail;
	}
	if (ask_rules(manage, conn->vhost, &queue, err) < 0)
		goto fail;
	*ret_queue = queue;
	return 0;
fail:
	mq_rabbit_queue_release(&queue);
	return -1;
}

void mq_rabbit_queue_release(struct mq_rabbit_queue *queue)
{
	if (!queue)
		return;
	json_decref(queue->basic);
	json_decref(queue->sampled);
	json_decref(queue->rules);
	json_decref(queue->policy_rules);
	json_decref(queue->operator_rules);
	free(queue->policy);
	*queue = (struct mq_rabbit_queue){0};
}

/* --- what it means --------------------------------------------------------------------------- */

enum mq_rabbit_type mq_rabbit_type_of(const json_t *queue)
{
	const char *type = mq_rabbit_json_text(queue, "type");

	if (!type)
		return MQ_RABBIT_TYPE_UNKNOWN;
	return strcmp(type, "classic") == 0  ? MQ_RABBIT_CLASSIC
	       : strcmp(type, "quorum") == 0 ? MQ_RABBIT_QUORUM
	       : strcmp(type, "stream") == 0 ? MQ_RABBIT_STREAM
	                                     : MQ_RABBIT_TYPE_UNKNOWN;
}

const json_t *mq_rabbit_argument(const struct mq_rabbit_queue *queue, const char *name)
{
	char argument[100];

	snprintf(argument, sizeof argument, "x-%s", name);
	return json_object_get(json_object_get(queue->sampled, "arguments"), argument);
}

/* Seconds of "7D", the broker's form; -1 when it is none. */
static int64_t age_seconds(const json_t *age)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'Y', 31536000}, {'M', 2592000}, {'D', 86400},
	             {'h', 3600},     {'m', 60},      {'s', 1}};
	const char *text = json_string_value(age);
	char *end = NULL;
	long long number = text ? strtoll(text, &end, 10) : -1;

	for (size_t i = 0; number >= 0 && end && i < sizeof units / sizeof units[0]; i++)
		if (end[0] == units[i].unit && end[1] == '\0' && number <= INT64_MAX / units[i].s)
			return number * units[i].s;
	return -1;
}

bool mq_rabbit_rule_holds(const char *name, const json_t *rule, const json_t *given)
{
	if (!given || json_equal(rule, given))
		return true;
	if (json_is_integer(rule) && json_is_integer(given)) {
		json_int_t mine = json_integer_value(rule), other = json_integer_value(given);
		return other < 0 || (mine >= 0 && mine <= other);
	}
	if (strcmp(name, "max-age") == 0 && age_seconds(rule) >= 0)
		return age_seconds(rule) <= age_seconds(given);
	return false;
}

int64_t mq_rabbit_delivery_limit(const struct mq_rabbit_queue *queue, int version_major)
{
	const json_t *argument = mq_rabbit_argument(queue, "delivery-limit");
	const json_t *rule = json_object_get(queue->rules, "delivery-limit");
	enum mq_rabbit_type type = mq_rabbit_type_of(queue->sampled);
	int64_t limit = MQ_RABBIT_NO_LIMIT;

	if (type != MQ_RABBIT_QUORUM)
		return type == MQ_RABBIT_TYPE_UNKNOWN ? MQ_RABBIT_UNKNOWN : MQ_RABBIT_NO_LIMIT;
	if (json_is_integer(argument) && json_is_integer(rule)) {
		int64_t a = json_integer_value(argument), b = json_integer_value(rule);
		/* Of a limit and "none" the limit holds. */
		limit = a < 0 || b < 0 ? (a > b ? a : b) : (a < b ? a : b);
	} else if (json_is_integer(argument) || json_is_integer(rule)) {
		limit = json_integer_value(json_is_integer(argument) ? argument : rule);
	} else if (!queue->rules_known || version_major == 0) {
		return MQ_RABBIT_UNKNOWN;
	} else if (version_major >= DEFAULT_LIMIT_SINCE) {
		return DEFAULT_LIMIT;
	}
	if (!queue->rules_known && !json_is_integer(rule))
		return MQ_RABBIT_UNKNOWN; /* a rule that we may not see could be lower */
	return limit < 0 ? MQ_RABBIT_NO_LIMIT : limit;
}

/* --- bindings -------------------------------------------------------------------------------- */

int mq_rabbit_binding_add(const json_t *from, const char *end, struct mq_binding_info **bindings,
                          size_t *n, struct mq_err *err)
{
	const char *other = mq_rabbit_json_text(from, end);
	const char *key = mq_rabbit_json_text(from, "routing_key");
	json_t *arguments = json_object_get(from, "arguments");
	struct mq_binding_info *to = mq_info_grow(bindings, n, sizeof **bindings, err);

	if (!to)
		return -1;
	to->exchange = strdup(other ? other : "");
	to->key = strdup(key ? key : "");
	if (!to->exchange || !to->key)
		return mq_fail_memory(err);
	if (json_object_size(arguments) == 0)
		return 0;
	to->arguments = mq_rabbit_json_show(arguments, err);
	return to->arguments ? 0 : -1;
}

int mq_rabbit_bindings_ask(struct mq_rabbit_conn *conn, const char *queue,
                           struct mq_binding_info **bindings, size_t *n, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	json_t *list = NULL, *item;
	char what[300];
	size_t i;
	int result = 0;

	snprintf(what, sizeof what, "queue '%s'", queue);
	if (!manage ||
	    mq_rabbit_manage_get(manage, MQ_PATH("queues", conn->vhost, queue, "bindings"), NULL,
	                         what, &list, err) < 0)
		return -1;
	json_array_foreach(list, i, item)
	{
		const char *source = mq_rabbit_json_text(item, "source");
		if (result == 0 && source && source[0])
			result = mq_rabbit_binding_add(item, "source", bindings, n, err);
	}
	json_decref(list);
	return result;
}

/* --- facts ----------------------------------------------------------------------------------- */

static void set_version(struct mq_rabbit_facts *facts, const char *version)
{
	snprintf(facts->version, sizeof facts->version, "%s", version ? version : "");
	if (sscanf(facts->version, "%d.%d", &facts->version_major, &facts->version_minor) != 2)
		facts->version_major = facts->version_minor = 0;
}

/* AMQP said it when a connection was made; else the overview does. */
static int ask_version(struct mq_rabbit_manage *manage, struct mq_rabbit_facts *facts,
                       struct mq_err *err)
{
	json_t *overview = NULL;

	if (facts->version_major)
		return 0;
	if (mq_rabbit_manage_get(manage, MQ_PATH("overview"),
	                         "columns=rabbitmq_version&disable_stats=true", "", &overview,
	                         err) < 0)
		return -1;
	set_version(facts, mq_rabbit_json_text(overview, "rabbitmq_version"));
	json_decref(overview);
	return 0;
}

int mq_rabbit_queue_facts(struct mq_rabbit_conn *conn, const char *queue,
                          struct mq_rabbit_facts *ret_facts, struct mq_err *err)
{
	struct mq_rabbit_facts facts = {.delivery_limit = MQ_RABBIT_UNKNOWN};
	struct mq_rabbit_queue asked = {0};
	struct mq_err mine = MQ_ERR_INIT;
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, &mine);

	if (conn->admin)
		set_version(&facts, conn->admin->version);
	if (manage) {
		mq_rabbit_manage_hurry(manage, true);
		if (mq_rabbit_queue_ask(conn, queue, &asked, &mine) == 0 &&
		    ask_version(manage, &facts, &mine) == 0) {
			facts.type = mq_rabbit_type_of(asked.sampled);
			facts.delivery_limit =
			    mq_rabbit_delivery_limit(&asked, facts.version_major);
			facts.bindings_known =
			    mq_rabbit_bindings_ask(conn, queue, &facts.bindings, &facts.n_bindings,
			                           &mine) == 0;
		}
		mq_rabbit_queue_release(&asked);
		mq_rabbit_manage_hurry(manage, false);
	}
	if (mine.code != MQ_OK && !mq_rabbit_manage_is_off(&mine)) {
		if (err && err->code == MQ_OK)
			*err = mine;
		mq_rabbit_facts_release(&facts);
		return -1;
	}
	snprintf(facts.why_unknown, sizeof facts.why_unknown, "%s", mine.message);
	*ret_facts = facts;
	return 0;
}

void mq_rabbit_facts_release(struct mq_rabbit_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->n_bindings; i++) {
		free(facts->bindings[i].exchange);
		free(facts->bindings[i].key);
		free(facts->bindings[i].arguments);
	}
	free(facts->bindings);
	*facts = (struct mq_rabbit_facts){.delivery_limit = MQ_RABBIT_UNKNOWN};
}
