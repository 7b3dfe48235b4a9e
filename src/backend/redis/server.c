/* What is asked about the server itself: version, role, nodes and replicas. */
#include "backend/redis/redis.h"

#include <stdlib.h>

/* The value of NAME: in INFO's text, copied to ret; "" when it is not there. */
static void info_value(const char *info, const char *name, char *ret, size_t size)
{
	size_t len = strlen(name);
	const char *at = info;

	ret[0] = '\0';
	while ((at = strstr(at, name))) {
		if ((at == info || at[-1] == '\n') && at[len] == ':') {
			snprintf(ret, size, "%.*s", (int)strcspn(at + len + 1, "\r\n"),
			         at + len + 1);
			return;
		}
		at += len;
	}
}

static int add_node(struct mq_broker_info *info, const char *host, int64_t port, struct mq_err *err)
{
	struct mq_node_info *node = mq_info_grow(&info->nodes, &info->n_nodes, sizeof *node, err);

	if (!node)
		return -1;
	node->id = (int32_t)info->n_nodes - 1;
	node->port = (int)port;
	node->host = strdup(host);
	return node->host ? 0 : mq_fail_memory(err);
}

/* ip=…,port=…,state=…,… of each replica. */
static int add_replicas(const char *info, struct mq_broker_info *ret_info, struct mq_err *err)
{
	for (int i = 0; i < 1000; i++) {
		char name[24], value[300], ip[200];
		int port;
		snprintf(name, sizeof name, "slave%d", i);
		info_value(info, name, value, sizeof value);
		if (sscanf(value, "ip=%199[^,],port=%d", ip, &port) != 2)
			return 0;
		if (add_node(ret_info, ip, port, err) < 0)
			return -1;
	}
	return 0;
}

static int add_address(const char *address, struct mq_broker_info *info, struct mq_err *err)
{
	const char *colon = strrchr(address, ':');
	char host[300];

	if (!colon)
		return add_node(info, address, 0, err);
	snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
	return add_node(info, host, strtol(colon + 1, NULL, 10), err);
}

static int add_nodes(struct mq_rd_conn *conn, const char *info, struct mq_broker_info *ret_info,
                     struct mq_err *err)
{
	if (!conn->cluster) {
		if (add_address(mq_net_peer(conn->nodes[0].link->net), ret_info, err) < 0)
			return -1;
		return add_replicas(info, ret_info, err);
	}
	for (size_t i = 0; i < conn->n_nodes; i++)
		if (conn->nodes[i].master && add_address(conn->nodes[i].address, ret_info, err) < 0)
			return -1;
	return 0;
}

int mq_rd_describe_broker(struct mq_conn *base, struct mq_broker_info *ret_info, struct mq_err *err)
{
	struct mq_rd_conn *conn = mq_rd_conn_of(base);
	const struct mq_rd_reply *reply;
	char version[64], mode[64], role[64], text[400];

	*ret_info = (struct mq_broker_info){.controller = -1, .answered_by = -1};
	mq_rd_arena_clear(&conn->scratch);
	if (mq_rd_ask(conn, NULL, MQ_RD_ERRORS, &conn->scratch, MQ_RD_WORDS("INFO"), &reply, err) <
	    0)
		return -1;
	const char *info = reply->type == REDIS_REPLY_ERROR ? "" : mq_rd_reply_text(reply);
	info_value(info, "redis_version", version, sizeof version);
	info_value(info, "redis_mode", mode, sizeof mode);
	info_value(info, "role", role, sizeof role);
	if (add_nodes(conn, info, ret_info, err) < 0)
		goto fail;
	snprintf(text, sizeof text, "Redis %s", version);
	ret_info->version = version[0] ? strdup(text) : NULL;
	/* A server has no name of its own; how it runs tells more than its run id. */
	snprintf(text, sizeof text, "%s%s%s", mode[0] ? mode : "redis", conn->sentinel ? " " : "",
	         conn->sentinel ? conn->sentinel : "");
	ret_info->name = strdup(text);
	snprintf(text, sizeof text, "%s/%s", mq_net_peer(conn->nodes[0].link->net),
	         role[0] ? role : "unknown");
	ret_info->answered_name = strdup(text);
	ret_info->answered_by = 0;
	if (!ret_info->name || !ret_info->answered_name || (version[0] && !ret_info->version)) {
		mq_fail_memory(err);
		goto fail;
	}
	return 0;
fail:
	mq_broker_info_release(ret_info);
	return -1;
}
