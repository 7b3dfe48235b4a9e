/* The cluster, its nodes, and the exchanges of the vhost with their bindings: see manage.h. */
#include "backend/rabbitmq/manage.h"

#include <stdlib.h>

/* --- nodes ----------------------------------------------------------------------------------- */

/* Where a node listens for AMQP; -1 where this user is not told. */
static int amqp_port(const json_t *overview, const char *node, bool secure)
{
	const json_t *listeners = json_object_get(overview, "listeners");
	const char *wanted = secure ? "amqp/ssl" : "amqp";
	const json_t *listener;
	size_t i;

	json_array_foreach(listeners, i, listener)
	{
		const char *protocol = mq_rabbit_json_text(listener, "protocol");
		const char *where = mq_rabbit_json_text(listener, "node");
		int64_t port = mq_rabbit_json_int(listener, "port", -1);
		if (protocol && where && strcmp(protocol, wanted) == 0 &&
		    strcmp(where, node) == 0 && port > 0 && port < 65536)
			return (int)port;
	}
	return -1;
}

static int add_node(struct mq_broker_info *info, const json_t *overview, const char *name,
                    bool secure, struct mq_err *err)
{
	struct mq_node_info *node =
	    mq_info_grow(&info->nodes, &info->n_nodes, sizeof *info->nodes, err);

	if (!node)
		return -1;
	node->id = (int32_t)info->n_nodes - 1;
	node->port = amqp_port(overview, name, secure);
	node->host = strdup(name);
	return node->host ? 0 : mq_fail_memory(err);
}

/* Only users with the tag monitoring may see all nodes; the others see the one that answers. */
static int fill_nodes(struct mq_rabbit_conn *conn, const json_t *overview,
                      struct mq_broker_info *info, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	const char *answering = info->answered_name;
	struct mq_err mine = MQ_ERR_INIT;
	json_t *nodes = NULL, *node;
	int result = 0;
	size_t i;

	if (!manage)
		return -1;
	if (mq_rabbit_manage_get(manage, MQ_PATH("nodes"), "columns=name", "", &nodes, &mine) < 0) {
		if (mine.code == MQ_DENIED)
			return answering ? add_node(info, overview, answering, conn->secure, err)
			                 : 0;
		*err = mine;
		return -1;
	}
	json_array_foreach(nodes, i, node)
	{
		const char *name = mq_rabbit_json_text(node, "name");
		if (result == 0 && name)
			result = add_node(info, overview, name, conn->secure, err);
		if (result == 0 && name && answering && strcmp(name, answering) == 0)
			info->answered_by = (int32_t)info->n_nodes - 1;
	}
	json_decref(nodes);
	return result;
}

/* --- exchanges ------------------------------------------------------------------------------- */

static int add_exchange(const json_t *from, struct mq_broker_info *info, struct mq_err *err)
{
	const char *name = mq_rabbit_json_text(from, "name");
	const char *type = mq_rabbit_json_text(from, "type");
	struct mq_exchange_info *to =
	    mq_info_grow(&info->exchanges, &info->n_exchanges, sizeof *info->exchanges, err);

	if (!to)
		return -1;
	to->durable = json_is_true(json_object_get(from, "durable"));
	to->name = strdup(name ? name : "");
	to->type = strdup(type ? type : "");
	return to->name && to->type ? 0 : mq_fail_memory(err);
}

static int compare_exchanges(const void *a, const void *b)
{
	return strcmp(((const struct mq_exchange_info *)a)->name,
	              ((const struct mq_exchange_info *)b)->name);
}

/* That every queue is bound to the default exchange by its name is not worth a line each. */
static int fill_bindings(const json_t *bindings, struct mq_broker_info *info, struct mq_err *err)
{
	const json_t *binding;
	size_t i;

	json_array_foreach(bindings, i, binding)
	{
		const char *source = mq_rabbit_json_text(binding, "source");
		struct mq_exchange_info key = {.name = (char *)(uintptr_t)source};
		if (!source || !source[0] || info->n_exchanges == 0)
			continue;
		struct mq_exchange_info *exchange = bsearch(
		    &key, info->exchanges, info->n_exchanges, sizeof key, compare_exchanges);
		if (exchange && mq_rabbit_binding_add(binding, "destination", &exchange->bindings,
		                                      &exchange->n_bindings, err) < 0)
			return -1;
	}
	return 0;
}

static int fill_all_exchanges(struct mq_rabbit_manage *manage, const char *vhost,
                              struct mq_broker_info *info, struct mq_err *err)
{
	json_t *exchanges = NULL, *bindings = NULL, *exchange;
	int result = -1;
	size_t i;

	if (mq_rabbit_manage_get_all(manage, MQ_PATH("exchanges", vhost),
	                             "columns=name,type,durable", NULL, &exchanges, err) < 0 ||
	    mq_rabbit_manage_get(manage, MQ_PATH("bindings", vhost), NULL, NULL, &bindings, err) <
	        0)
		goto out;
	json_array_foreach(exchanges, i, exchange)
	{
		if (add_exchange(exchange, info, err) < 0)
			goto out;
	}
	if (info->n_exchanges > 0)
		qsort(info->exchanges, info->n_exchanges, sizeof *info->exchanges,
		      compare_exchanges);
	result = fill_bindings(bindings, info, err);
out:
	json_decref(exchanges);
	json_decref(bindings);
	return result;
}

/* -X exchange=NAME: that one alone. */
static int fill_one_exchange(struct mq_rabbit_manage *manage, const char *vhost, const char *name,
                             struct mq_broker_info *info, struct mq_err *err)
{
	json_t *exchange = NULL, *bindings = NULL;
	struct mq_buf what;
	int result = -1;

	mq_buf_init(&what, 1000);
	if (mq_buf_printf(&what, err, "exchange '%s'", name) < 0 ||
	    mq_rabbit_manage_get(manage, MQ_PATH("exchanges", vhost, name), NULL, what.data,
	                         &exchange, err) < 0 ||
	    mq_rabbit_manage_get(manage, MQ_PATH("exchanges", vhost, name, "bindings", "source"),
	                         NULL, what.data, &bindings, err) < 0 ||
	    add_exchange(exchange, info, err) < 0)
		goto out;
	result = fill_bindings(bindings, info, err);
out:
	mq_buf_release(&what);
	json_decref(exchange);
	json_decref(bindings);
	return result;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int copy_text(char **to, const char *from, struct mq_err *err)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? mq_fail_memory(err) : 0;
}

int mq_rabbit_describe_broker(struct mq_conn *base, struct mq_broker_info *ret_info,
                              struct mq_err *err)
{
	struct mq_rabbit_conn *conn = (struct mq_rabbit_conn *)base;
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	struct mq_broker_info info = {.controller = -1, .answered_by = -1};
	json_t *overview = NULL;
	int result = -1;

	if (!manage || mq_rabbit_manage_get(manage, MQ_PATH("overview"),
	                                    "columns=cluster_name,rabbitmq_version,node,listeners",
	                                    "", &overview, err) < 0)
		goto out;
	const char *node = mq_rabbit_json_text(overview, "node");
	if (copy_text(&info.name, mq_rabbit_json_text(overview, "cluster_name"), err) < 0 ||
	    copy_text(&info.version, mq_rabbit_json_text(overview, "rabbitmq_version"), err) < 0 ||
	    copy_text(&info.answered_name, node, err) < 0 ||
	    fill_nodes(conn, overview, &info, err) < 0)
		goto out;
	result = conn->exchange ? fill_one_exchange(manage, conn->vhost, conn->exchange, &info, err)
	                        : fill_all_exchanges(manage, conn->vhost, &info, err);
out:
	json_decref(overview);
	if (result < 0)
		mq_broker_info_release(&info);
	else
		*ret_info = info;
	return result;
}
