/*
 * Changing the limits of a queue. Its arguments stay as they were declared, but of a queue exactly
 * one policy applies, the one with the highest priority: so a policy of the queue's own is put
 * above what applies now, repeats that, and changes what was asked for. See manage.h.
 */
#include "backend/rabbitmq/manage.h"
#include "mqtk/message.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN "mqtk:"

#define CLASSIC (1u << MQ_RABBIT_CLASSIC)
#define QUORUM (1u << MQ_RABBIT_QUORUM)
#define STREAM (1u << MQ_RABBIT_STREAM)

/* --- what is asked for ----------------------------------------------------------------------- */

static const char *type_name(enum mq_rabbit_type type)
{
	return type == MQ_RABBIT_STREAM   ? "a stream"
	       : type == MQ_RABBIT_QUORUM ? "a quorum queue"
	                                  : "a classic queue";
}

static int set(json_t *changes, const char *name, json_t *value, struct mq_err *err)
{
	return json_object_set_new(changes, name, value) == 0 ? 0 : mq_fail_memory(err);
}

static int set_number(json_t *changes, const char *name, int64_t value, struct mq_err *err)
{
	return value < 0 ? 0 : set(changes, name, json_integer((json_int_t)value), err);
}

static int set_text(json_t *changes, const char *name, const char *value, struct mq_err *err)
{
	return value ? set(changes, name, json_string(value), err) : 0;
}

static int set_retention(json_t *changes, const struct mq_stream_spec *spec, struct mq_err *err)
{
	/* The broker counts whole seconds; rather a moment too long than too short. */
	int64_t seconds = spec->retention_ms / 1000 + (spec->retention_ms % 1000 != 0);
	char age[32];

	if (spec->retention_ms < 0)
		return 0;
	snprintf(age, sizeof age, "%llds", (long long)seconds);
	return set_text(changes, "max-age", age, err);
}

/* --config NAME=VALUE, with the names of policies or of arguments. */
static int set_config(json_t *changes, const char *config, struct mq_err *err)
{
	const char *name = strncmp(config, "x-", 2) == 0 ? config + 2 : config;
	const char *equals = strchr(name, '=');

	if (!equals || equals == name)
		return mq_fail(err, MQ_USAGE, "--config %s: expected NAME=VALUE", config);
	char *plain = strndup(name, (size_t)(equals - name));
	if (!plain)
		return mq_fail_memory(err);
	json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
	int result = set(changes, plain, value ? value : json_string(equals + 1), err);
	free(plain);
	return result;
}

static int read_changes(const struct mq_stream_spec *spec, json_t *changes, struct mq_err *err)
{
	if (set_number(changes, "max-length", spec->max_length, err) < 0 ||
	    set_number(changes, "max-length-bytes", spec->max_bytes, err) < 0 ||
	    set_number(changes, "message-ttl", spec->ttl_ms, err) < 0 ||
	    set_number(changes, "delivery-limit", spec->delivery_limit, err) < 0 ||
	    set_text(changes, "dead-letter-exchange", spec->dead_letter_exchange, err) < 0 ||
	    set_text(changes, "dead-letter-routing-key", spec->dead_letter_key, err) < 0 ||
	    set_retention(changes, spec, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_config; i++)
		if (set_config(changes, spec->config[i], err) < 0)
			return -1;
	return 0;
}

/* --- whether it can be ----------------------------------------------------------------------- */

/* The broker takes a policy's rules that mean nothing to a queue, and ignores them. */
static int check_type(const char *queue, enum mq_rabbit_type type, const json_t *changes,
                      struct mq_err *err)
{
	static const struct {
		const char *name, *option;
		unsigned types;
		const char *instead;
	} rules[] = {
	    {"max-length", "--max-length", CLASSIC | QUORUM,
	     "--max-bytes and --retention limit it"},
	    {"message-ttl", "--ttl", CLASSIC | QUORUM, "--retention limits it"},
	    {"delivery-limit", "--delivery-limit", QUORUM, "only quorum queues have one"},
	    {"dead-letter-exchange", "--dead-letter-exchange", CLASSIC | QUORUM,
	     "what is old is removed"},
	    {"dead-letter-routing-key", "--dead-letter-key", CLASSIC | QUORUM,
	     "what is old is removed"},
	    {"max-age", "--retention", STREAM, "--ttl limits the time in a queue"},
	};

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (json_object_get(changes, rules[i].name) && type != MQ_RABBIT_TYPE_UNKNOWN &&
		    !(rules[i].types & (1u << type)))
			return mq_fail(err, MQ_USAGE, "'%s' is %s, which has no %s; %s", queue,
			               type_name(type), rules[i].option, rules[i].instead);
	return 0;
}

static int check_effect(const char *name, const struct mq_rabbit_queue *queue, json_t *changes,
                        struct mq_err *err)
{
	const char *rule;
	json_t *wanted;

	json_object_foreach(changes, rule, wanted)
	{
		const json_t *argument = mq_rabbit_argument(queue, rule);
		const json_t *above = json_object_get(queue->operator_rules, rule);
		const json_t *in_the_way = !mq_rabbit_rule_holds(rule, wanted, argument) ? argument
		                           : !mq_rabbit_rule_holds(rule, wanted, above)  ? above
		                                                                         : NULL;
		if (!in_the_way)
			continue;
		char *text = mq_rabbit_json_show(in_the_way, err);
		if (!text)
			return -1;
		if (in_the_way == argument) {
			mq_fail(err, MQ_USAGE,
			        "'%s' was declared with x-%s = %s, which cannot change and wins "
			        "over a policy",
			        name, rule, text);
			mq_hint(err, "delete the queue and create it anew");
		} else {
			mq_fail(err, MQ_USAGE, "an operator policy limits '%s' to %s = %s", name,
			        rule, text);
			mq_hint(err, "an administrator can change the operator policy");
		}
		free(text);
		return -1;
	}
	return 0;
}

/* --- the change ------------------------------------------------------------------------------ */

/* {"pattern", "apply-to", "priority", "definition"} */
static json_t *make_policy(const char *name, const struct mq_rabbit_queue *queue, json_t *changes,
                           int64_t priority, struct mq_err *err)
{
	json_t *definition = json_is_object(queue->policy_rules)
	                         ? json_deep_copy(queue->policy_rules)
	                         : json_object();
	struct mq_buf pattern;
	json_t *policy = NULL;

	mq_buf_init(&pattern, 4096);
	if (!definition || json_object_update(definition, changes) < 0) {
		mq_fail_memory(err);
		goto out;
	}
	if (mq_rabbit_append_pattern(&pattern, name, err) < 0)
		goto out;
	policy =
	    json_pack("{s:s%, s:s, s:I, s:O}", "pattern", pattern.data, pattern.len, "apply-to",
	              "queues", "priority", (json_int_t)priority, "definition", definition);
	if (!policy)
		mq_fail(err, MQ_USAGE, "%s: its name is no UTF-8, so no policy can name it", name);
out:
	mq_buf_release(&pattern);
	json_decref(definition);
	return policy;
}

static int put_policy(struct mq_rabbit_conn *conn, const char *name,
                      const struct mq_rabbit_queue *queue, json_t *changes, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	char own[300];
	json_t *policy;
	int result = -1;

	if (!manage)
		return -1;
	snprintf(own, sizeof own, OWN "%s", name);
	bool is_own = queue->policy && strcmp(queue->policy, own) == 0;
	int64_t priority = queue->policy_priority + (queue->policy && !is_own ? 1 : 0);
	if (queue->policy && !queue->policy_rules) {
		mq_fail(err, MQ_DENIED,
		        "the policy '%s' applies to '%s', and this user may not see what it sets",
		        queue->policy, name);
		return mq_hint(err, "it needs the tag policymaker");
	}
	policy = make_policy(name, queue, changes, priority, err);
	if (policy)
		result = mq_rabbit_manage_change(manage, MQ_PATH("policies", conn->vhost, own),
		                                 policy, own, err);
	json_decref(policy);
	if (result < 0)
		return -1;
	mq_log(conn->base.env, MQ_LEVEL_NOTE,
	       queue->policy && !is_own
	           ? "the policy '%s' (priority %lld) applies to '%s' now and repeats '%s', which "
	             "applied before; the queue's arguments stay as they were declared"
	           : "the policy '%s' (priority %lld) applies to '%s' now; the queue's arguments "
	             "stay as they were declared",
	       own, (long long)priority, name, queue->policy ? queue->policy : "");
	return 0;
}

void mq_rabbit_policy_forget(struct mq_rabbit_conn *conn, const char *queue)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, &err);
	char own[300];

	snprintf(own, sizeof own, OWN "%s", queue);
	if (manage) {
		mq_rabbit_manage_hurry(manage, true);
		mq_rabbit_manage_change(manage, MQ_PATH("policies", conn->vhost, own), NULL, own,
		                        &err);
		mq_rabbit_manage_hurry(manage, false);
	}
	if (err.code != MQ_OK && err.code != MQ_NOT_FOUND)
		mq_log(conn->base.env, MQ_LEVEL_VERBOSE,
		       "whether there was a policy '%s' is not known: %s", own, err.message);
}

int mq_rabbit_alter(struct mq_conn *base, const struct mq_stream_spec *spec, struct mq_err *err)
{
	struct mq_rabbit_conn *conn = (struct mq_rabbit_conn *)base;
	struct mq_rabbit_queue queue = {0};
	json_t *changes = json_object();
	int result = -1;

	if (!changes) {
		mq_fail_memory(err);
		goto out;
	}
	if (read_changes(spec, changes, err) < 0)
		goto out;
	bool by_policy = json_object_size(changes) > 0;
	if (by_policy &&
	    (mq_rabbit_queue_ask(conn, spec->stream, &queue, err) < 0 ||
	     check_type(spec->stream, mq_rabbit_type_of(queue.sampled), changes, err) < 0 ||
	     check_effect(spec->stream, &queue, changes, err) < 0))
		goto out;
	/* First what can still fail for reasons of its own: a missing exchange. */
	struct mq_rabbit_wire *wire = spec->n_bindings ? mq_rabbit_admin(conn, err) : NULL;
	if (spec->n_bindings && !wire)
		goto out;
	for (size_t i = 0; i < spec->n_bindings; i++)
		if (mq_rabbit_bind(wire, spec->stream, &spec->bindings[i], err) < 0)
			goto out;
	result = by_policy ? put_policy(conn, spec->stream, &queue, changes, err) : 0;
out:
	mq_rabbit_queue_release(&queue);
	json_decref(changes);
	return result;
}
