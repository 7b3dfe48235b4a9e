/*
 * Where the dead letters of the queues of a vhost go: each queue's x-dead-letter-exchange, by its
 * arguments or its policies, followed through the exchange's bindings to the queues that get them.
 * See manage.h.
 *
 * Letters keep their routing keys unless the queue gives them another. Which keys those are is
 * known where the queue's own bindings are exact; else every binding counts that could match.
 */
#include "backend/rabbitmq/manage.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 16 }; /* exchanges bound to exchanges */

struct routes {
	struct mq_rabbit_conn *conn;
	json_t *queues;    /* by name */
	json_t *exchanges; /* by name */
	json_t *bindings;  /* by source: arrays */
	json_t *to_queues; /* by destination: arrays of the bindings that lead to a queue */
	json_t *policies, *operator_policies; /* by name; NULL: not to be seen */
	struct mq_dead_route_list list;
	struct mq_err *err;
};

/* --- what is asked ---------------------------------------------------------------------------- */

/* {name: [binding, …]} by one end of them. */
static json_t *group_bindings(const json_t *bindings, const char *end, const char *kind,
                              struct mq_err *err)
{
	json_t *groups = json_object(), *binding;
	size_t i;

	json_array_foreach(bindings, i, binding)
	{
		const char *name = mq_rabbit_json_text(binding, end);
		const char *type = mq_rabbit_json_text(binding, "destination_type");
		if (!name || (kind && (!type || strcmp(type, kind) != 0)))
			continue;
		json_t *group = json_object_get(groups, name);
		if (!group) {
			group = json_array();
			if (json_object_set_new(groups, name, group) < 0)
				goto fail;
		}
		if (json_array_append(group, binding) < 0)
			goto fail;
	}
	if (groups)
		return groups;
fail:
	json_decref(groups);
	mq_fail_memory(err);
	return NULL;
}

static json_t *ask_index(struct routes *r, const char *what, const char *query, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(r->conn, err);
	json_t *list = NULL, *index = NULL;

	if (manage && mq_rabbit_manage_get_all(manage, MQ_PATH(what, r->conn->vhost), query, NULL,
	                                       &list, err) == 0)
		index = mq_rabbit_json_index(list, err);
	json_decref(list);
	return index;
}

/* Only some users may see policies; these lists have no pages. */
static int ask_policies(struct routes *r, const char *kind, json_t **ret, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(r->conn, err);
	struct mq_err mine = MQ_ERR_INIT;
	json_t *list = NULL;

	if (!manage)
		return -1;
	if (mq_rabbit_manage_get(manage, MQ_PATH(kind, r->conn->vhost), NULL, "", &list, &mine) <
	    0) {
		if (mine.code == MQ_DENIED || mine.code == MQ_NOT_FOUND)
			return 0;
		*err = mine;
		return -1;
	}
	*ret = mq_rabbit_json_index(list, err);
	json_decref(list);
	return *ret ? 0 : -1;
}

static int ask(struct routes *r, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(r->conn, err);
	json_t *bindings = NULL;

	if (!manage)
		return -1;
	r->queues = ask_index(r, "queues", "disable_stats=true", err);
	r->exchanges = r->queues ? ask_index(r, "exchanges", NULL, err) : NULL;
	if (!r->exchanges || mq_rabbit_manage_get(manage, MQ_PATH("bindings", r->conn->vhost), NULL,
	                                          NULL, &bindings, err) < 0)
		return -1;
	r->bindings = group_bindings(bindings, "source", NULL, err);
	r->to_queues = r->bindings ? group_bindings(bindings, "destination", "queue", err) : NULL;
	json_decref(bindings);
	if (!r->to_queues || ask_policies(r, "policies", &r->policies, err) < 0 ||
	    ask_policies(r, "operator-policies", &r->operator_policies, err) < 0)
		return -1;
	return 0;
}

/* --- what applies ----------------------------------------------------------------------------- */

/* What a policy of the thing sets. */
static const char *by_policy(struct routes *r, const json_t *thing, const char *name,
                             const char **ret_policy)
{
	static const char *const members[] = {"operator_policy", "policy"};
	const json_t *const policies[] = {r->operator_policies, r->policies};

	for (size_t i = 0; i < 2; i++) {
		const char *policy = mq_rabbit_json_text(thing, members[i]);
		const json_t *found = policy ? json_object_get(policies[i], policy) : NULL;
		const char *value = mq_rabbit_json_text(json_object_get(found, "definition"), name);
		if (!policy)
			continue;
		*ret_policy = policy;
		if (value)
			return value;
		/* It may not be seen; the thing itself sometimes tells. */
		value = mq_rabbit_json_text(json_object_get(thing, "effective_policy_definition"),
		                            name);
		if (!found && value)
			return value;
		if (!found && !r->list.left_out)
			r->list.left_out = strdup("this user may not see what policies set; the "
			                          "tag policymaker may");
	}
	*ret_policy = NULL;
	return NULL;
}

/* An argument wins over a policy. */
static const char *setting(struct routes *r, const json_t *thing, const char *name,
                           const char **ret_policy)
{
	char argument[64];

	*ret_policy = NULL;
	/* Exchanges' arguments have no prefix. */
	snprintf(argument, sizeof argument, "x-%s", name);
	const json_t *arguments = json_object_get(thing, "arguments");
	const char *value = mq_rabbit_json_text(arguments, argument);
	if (!value)
		value = mq_rabbit_json_text(arguments, name);
	return value ? value : by_policy(r, thing, name, ret_policy);
}

/* --- routing ---------------------------------------------------------------------------------- */

/* The word behind this one, or NULL. */
static const char *next_word(const char *words)
{
	const char *dot = strchr(words, '.');

	return dot ? dot + 1 : NULL;
}

static bool word_is(const char *word, const char *text)
{
	size_t len = strcspn(word, ".");

	return strlen(text) == len && strncmp(word, text, len) == 0;
}

static bool same_word(const char *a, const char *b)
{
	size_t len = strcspn(a, ".");

	return strcspn(b, ".") == len && strncmp(a, b, len) == 0;
}

/* Words between dots: '*' is one, '#' any number of them. After a mismatch only the last '#' needs
 * to take one more. */
static bool topic_matches(const char *pattern, const char *key)
{
	const char *hash = NULL, *from = NULL;

	pattern = pattern[0] ? pattern : NULL;
	key = key[0] ? key : NULL;
	while (key) {
		if (pattern && word_is(pattern, "#")) {
			hash = pattern = next_word(pattern);
			from = key;
			if (!pattern)
				return true;
		} else if (pattern && (word_is(pattern, "*") || same_word(pattern, key))) {
			pattern = next_word(pattern);
			key = next_word(key);
		} else if (hash) {
			pattern = hash;
			key = from = next_word(from);
		} else {
			return false;
		}
	}
	while (pattern && word_is(pattern, "#"))
		pattern = next_word(pattern);
	return !pattern;
}

static bool can_match(const char *type, const char *pattern, const char *key)
{
	if (strcmp(type, "direct") == 0)
		return strcmp(pattern, key) == 0;
	if (strcmp(type, "topic") == 0)
		return topic_matches(pattern, key);
	return true;
}

/* The keys that messages of a queue can have. */
struct keys {
	const char *one[64];
	size_t n;
	bool any; /* others too */
};

static void collect_keys(const struct routes *r, const char *queue, struct keys *keys)
{
	const json_t *bindings = json_object_get(r->to_queues, queue), *binding;
	size_t i;

	*keys = (struct keys){.one = {queue}, .n = 1};
	json_array_foreach(bindings, i, binding)
	{
		const char *source = mq_rabbit_json_text(binding, "source");
		const char *key = mq_rabbit_json_text(binding, "routing_key");
		const json_t *exchange = source ? json_object_get(r->exchanges, source) : NULL;
		const char *type = mq_rabbit_json_text(exchange, "type");
		if (source && !source[0])
			continue;
		bool exact = type && key &&
		             (strcmp(type, "direct") == 0 ||
		              (strcmp(type, "topic") == 0 && !strpbrk(key, "*#")));
		if (exact && keys->n < sizeof keys->one / sizeof keys->one[0])
			keys->one[keys->n++] = key;
		else
			keys->any = true;
	}
}

static bool leads_on(const char *type, const json_t *binding, const struct keys *keys)
{
	const char *pattern = mq_rabbit_json_text(binding, "routing_key");

	for (size_t i = 0; i < keys->n; i++)
		if (can_match(type, pattern ? pattern : "", keys->one[i]))
			return true;
	return keys->any;
}

static int add_route(struct routes *r, const char *origin, const char *target, const char *through)
{
	for (size_t i = 0; i < r->list.n; i++) {
		const struct mq_dead_route *old = &r->list.items[r->list.n - 1 - i];
		if (strcmp(old->origin, origin) != 0)
			break;
		if (target && old->target && strcmp(old->target, target) == 0)
			return 0;
	}
	struct mq_dead_route *route =
	    mq_info_grow(&r->list.items, &r->list.n, sizeof *r->list.items, r->err);
	if (!route)
		return -1;
	route->origin = strdup(origin);
	route->target = target ? strdup(target) : NULL;
	route->through = strdup(through);
	if (!route->origin || (target && !route->target) || !route->through)
		return mq_fail_memory(r->err);
	return 0;
}

/* Returns how many queues the letters reach, or -1. */
static int follow(struct routes *r, const char *origin, const char *exchange,
                  const struct keys *keys, const char *through, int depth)
{
	const json_t *found = json_object_get(r->exchanges, exchange);
	const json_t *bindings = json_object_get(r->bindings, exchange), *binding;
	const char *type = mq_rabbit_json_text(found, "type"), *policy;
	int reached = 0;
	size_t i;

	if (!exchange[0]) {
		for (size_t k = 0; k < keys->n; k++) {
			if (!json_object_get(r->queues, keys->one[k]))
				continue;
			if (add_route(r, origin, keys->one[k], through) < 0)
				return -1;
			reached++;
		}
		return reached;
	}
	if (!type || depth > DEPTH_MAX)
		return 0;
	json_array_foreach(bindings, i, binding)
	{
		const char *to = mq_rabbit_json_text(binding, "destination");
		const char *kind = mq_rabbit_json_text(binding, "destination_type");
		if (!to || !kind || !leads_on(type, binding, keys))
			continue;
		int more = strcmp(kind, "queue") == 0
		               ? (add_route(r, origin, to, through) < 0 ? -1 : 1)
		               : follow(r, origin, to, keys, through, depth + 1);
		if (more < 0)
			return -1;
		reached += more;
	}
	const char *alternate = setting(r, found, "alternate-exchange", &policy);
	return reached == 0 && alternate ? follow(r, origin, alternate, keys, through, depth + 1)
	                                 : reached;
}

static int route_queue(struct routes *r, const char *name, const json_t *queue)
{
	const char *policy, *key_policy;
	const char *exchange = setting(r, queue, "dead-letter-exchange", &policy);
	const char *key = setting(r, queue, "dead-letter-routing-key", &key_policy);
	struct mq_buf through;
	struct keys keys;
	int result = -1;

	/* A stream's messages do not die. */
	if (!exchange || mq_rabbit_type_of(queue) == MQ_RABBIT_STREAM)
		return 0;
	if (key)
		keys = (struct keys){.one = {key}, .n = 1};
	else
		collect_keys(r, name, &keys);
	mq_buf_init(&through, 1 << 16);
	if (mq_buf_printf(&through, r->err,
	                  exchange[0] ? "exchange '%s'" : "the default exchange%s", exchange) < 0 ||
	    (key && mq_buf_printf(&through, r->err, ", key '%s'", key) < 0) ||
	    (policy && mq_buf_printf(&through, r->err, ", policy '%s'", policy) < 0))
		goto out;
	bool missing = exchange[0] && !json_object_get(r->exchanges, exchange);
	if (missing && mq_buf_append_str(&through, ", which does not exist", r->err) < 0)
		goto out;
	if (mq_buf_append_char(&through, '\0', r->err) < 0)
		goto out;
	int reached = missing ? 0 : follow(r, name, exchange, &keys, through.data, 0);
	result = reached > 0 ? 0 : reached == 0 ? add_route(r, name, NULL, through.data) : -1;
out:
	mq_buf_release(&through);
	return result;
}

int mq_rabbit_dead_routes(struct mq_conn *base, struct mq_dead_route_list *ret_list,
                          struct mq_err *err)
{
	struct routes r = {.conn = (struct mq_rabbit_conn *)base, .err = err};
	const char *name;
	json_t *queue;
	int result = ask(&r, err);

	json_object_foreach(r.queues, name, queue)
	{
		if (result == 0)
			result = route_queue(&r, name, queue);
	}
	json_decref(r.queues);
	json_decref(r.exchanges);
	json_decref(r.bindings);
	json_decref(r.to_queues);
	json_decref(r.policies);
	json_decref(r.operator_policies);
	if (result < 0)
		mq_dead_route_list_release(&r.list);
	else
		*ret_list = r.list;
	return result;
}
