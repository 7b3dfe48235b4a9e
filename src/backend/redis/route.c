/*
 * Which server has a key, and asking it: a single server, the nodes of a cluster, or the master
 * that sentinels name. Redirections are followed, what passes is tried again until env->timeout_ms.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

enum {
	PAUSE_MS = 100,  /* between two tries */
	HOPS_MAX = 16,   /* redirections of one question */
	NODES_MAX = 1000 /* of a cluster */
};

bool mq_rd_pause(const struct mq_rd_conn *conn, bool through)
{
	mq_cancel_wait(through ? NULL : conn->base.env->cancel, -1, 0, PAUSE_MS);
	return through || !mq_cancel_signal(conn->base.env->cancel);
}

static int64_t deadline_of(const struct mq_rd_conn *conn)
{
	return mq_now_monotonic_ms() + conn->base.env->timeout_ms;
}

/* --- sentinels ------------------------------------------------------------------------------- */

/* Asks one sentinel for the master's address, written to ret. */
static int ask_sentinel(struct mq_rd_conn *conn, const char *host, char *ret, size_t size,
                        struct mq_err *err)
{
	struct mq_rd_link *link = NULL;
	struct mq_rd_arena arena = {0};
	struct mq_rd_reply *reply;
	int result = -1;

	if (mq_rd_link_open_sentinel(conn, host, &link, err) < 0 ||
	    mq_rd_link_append_words(
	        link, MQ_RD_WORDS("SENTINEL", "get-master-addr-by-name", conn->sentinel), err) <
	        0 ||
	    mq_rd_link_await(link, &arena, deadline_of(conn), false, &reply, err) < 0)
		goto out;
	if (reply->type == REDIS_REPLY_ERROR) {
		mq_rd_fail_reply(conn, NULL, reply, err);
		mq_hint(err, "with -X sentinel=NAME the address names sentinels, not the servers "
		             "themselves");
	} else if (reply->type != REDIS_REPLY_ARRAY || reply->n < 2) {
		mq_fail(err, MQ_NOT_FOUND, "the sentinel %s knows no master called %s", host,
		        conn->sentinel);
		mq_hint(err, "redis-cli -p 26379 SENTINEL masters lists them");
	} else {
		const char *ip = mq_rd_reply_text(reply->first);
		snprintf(ret, size, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip,
		         mq_rd_reply_text(reply->last));
		result = 0;
	}
out:
	mq_rd_link_close(link);
	mq_rd_arena_release(&arena);
	return result;
}

/* Asks the sentinels in turn. */
static int find_master(struct mq_rd_conn *conn, char *ret, size_t size, struct mq_err *err)
{
	struct mq_err first = MQ_ERR_INIT;
	char *hosts = strdup(conn->hosts);
	int result = -1;

	if (!hosts)
		return mq_fail_memory(err);
	for (char *host = hosts, *comma; host && result < 0; host = comma ? comma + 1 : NULL) {
		struct mq_err why = MQ_ERR_INIT;
		comma = strchr(host, ',');
		if (comma)
			*comma = '\0';
		result = ask_sentinel(conn, host, ret, size, &why);
		/* A sentinel that answered "no" tells more than one that is not there. */
		if (result < 0 && (!first.code || first.code == MQ_UNREACHABLE))
			first = why;
	}
	free(hosts);
	if (result < 0 && err && !err->code)
		*err = first;
	return result;
}

/* True when the server says that it is no master (it may not say). */
static bool is_replica(struct mq_rd_conn *conn, struct mq_rd_link *link)
{
	struct mq_rd_arena arena = {0};
	struct mq_rd_reply *reply;
	bool replica = mq_rd_link_append_words(link, MQ_RD_WORDS("ROLE"), NULL) == 0 &&
	               mq_rd_link_await(link, &arena, deadline_of(conn), false, &reply, NULL) > 0 &&
	               strcmp(mq_rd_reply_text(mq_rd_reply_at(reply, 0)), "slave") == 0;

	mq_rd_arena_release(&arena);
	return replica;
}

static int open_master(struct mq_rd_conn *conn, struct mq_rd_link **ret_link, struct mq_err *err)
{
	char address[300];

	if (find_master(conn, address, sizeof address, err) < 0 ||
	    mq_rd_link_open(conn, address, ret_link, err) < 0)
		return -1;
	if (!is_replica(conn, *ret_link))
		return 0;
	mq_rd_link_close(*ret_link);
	*ret_link = NULL;
	mq_fail(err, MQ_UNREACHABLE,
	        "the master of %s, %s, is a replica now: a failover is going on", conn->sentinel,
	        address);
	if (err)
		err->retriable = true;
	return -1;
}

/* --- nodes ----------------------------------------------------------------------------------- */

int mq_rd_open_to(struct mq_rd_conn *conn, size_t node, struct mq_rd_link **ret_link,
                  struct mq_err *err)
{
	if (conn->sentinel)
		return open_master(conn, ret_link, err);
	return mq_rd_link_open(conn, conn->nodes[node].address, ret_link, err);
}

/* The node of that address, added when it is new. -1 with err. */
static int find_node(struct mq_rd_conn *conn, const char *address, size_t *ret_node,
                     struct mq_err *err)
{
	for (size_t i = 0; i < conn->n_nodes; i++) {
		if (conn->nodes[i].address && strcmp(conn->nodes[i].address, address) == 0) {
			*ret_node = i;
			return 0;
		}
	}
	if (conn->n_nodes >= NODES_MAX)
		return mq_fail(err, MQ_DATA, "%s: the cluster names more than %d nodes",
		               conn->shown, NODES_MAX);
	char *copy = strdup(address);
	struct mq_rd_node *node =
	    copy ? mq_info_grow(&conn->nodes, &conn->n_nodes, sizeof *node, err) : NULL;
	if (!node) {
		free(copy);
		return mq_fail_memory(err);
	}
	node->address = copy;
	*ret_node = conn->n_nodes - 1;
	return 0;
}

void mq_rd_node_drop(struct mq_rd_conn *conn, size_t node)
{
	mq_rd_link_close(conn->nodes[node].link);
	conn->nodes[node].link = NULL;
}

int mq_rd_node_link(struct mq_rd_conn *conn, size_t node, struct mq_rd_link **ret_link,
                    struct mq_err *err)
{
	if (!conn->nodes[node].link && mq_rd_open_to(conn, node, &conn->nodes[node].link, err) < 0)
		return -1;
	*ret_link = conn->nodes[node].link;
	return 0;
}

/* --- slots ----------------------------------------------------------------------------------- */

unsigned mq_rd_slot_of(struct mq_bytes key)
{
	const char *open = memchr(key.data, '{', key.len);
	unsigned crc = 0;

	/* Of a {tag} only the tag counts, so that several keys can share a slot. */
	if (open) {
		size_t left = key.len - (size_t)(open + 1 - key.data);
		const char *close = memchr(open + 1, '}', left);
		if (close && close > open + 1)
			key = mq_bytes_of(open + 1, (size_t)(close - open - 1));
	}
	/* CRC16/XMODEM */
	for (size_t i = 0; i < key.len; i++) {
		crc ^= (unsigned)(unsigned char)key.data[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1 & 0xffff;
	}
	return crc % MQ_RD_SLOTS;
}

/* ip:port as CLUSTER SLOTS and redirections give it; without an ip it is the host that was asked.
 */
static void node_address(struct mq_rd_link *asked, const char *ip, const char *port, char *ret,
                         size_t size)
{
	if (*ip && strcmp(ip, "?") != 0) {
		snprintf(ret, size, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip, port);
		return;
	}
	const char *peer = asked ? mq_net_peer(asked->net) : "";
	const char *colon = strrchr(peer, ':');
	snprintf(ret, size, "%.*s:%s", (int)(colon ? colon - peer : (long)strlen(peer)), peer,
	         port);
}

/* [first, last, [ip, port, …], replicas…] */
static int take_range(struct mq_rd_conn *conn, struct mq_rd_link *link,
                      const struct mq_rd_reply *range, struct mq_err *err)
{
	int64_t first = mq_rd_reply_number(mq_rd_reply_at(range, 0), -1);
	int64_t last = mq_rd_reply_number(mq_rd_reply_at(range, 1), -1);
	const struct mq_rd_reply *master = mq_rd_reply_at(range, 2);
	int64_t port = mq_rd_reply_number(mq_rd_reply_at(master, 1), -1);
	char number[24], address[300];
	size_t node;

	if (first < 0 || last < first || last >= MQ_RD_SLOTS || port < 0)
		return mq_rd_fail_shape(conn, "CLUSTER SLOTS", err);
	snprintf(number, sizeof number, "%lld", (long long)port);
	node_address(link, mq_rd_reply_text(mq_rd_reply_at(master, 0)), number, address,
	             sizeof address);
	if (find_node(conn, address, &node, err) < 0)
		return -1;
	conn->nodes[node].master = true;
	for (int64_t slot = first; slot <= last; slot++)
		conn->slots[slot] = (uint16_t)node;
	return 0;
}

static int need_slots(struct mq_rd_conn *conn, struct mq_err *err)
{
	conn->cluster = true;
	if (conn->slots)
		return 0;
	conn->slots = malloc(MQ_RD_SLOTS * sizeof *conn->slots);
	if (!conn->slots)
		return mq_fail_memory(err);
	memset(conn->slots, 0xff, MQ_RD_SLOTS * sizeof *conn->slots);
	return 0;
}

static int load_from(struct mq_rd_conn *conn, size_t node, struct mq_err *err)
{
	struct mq_rd_arena arena = {0};
	struct mq_rd_link *link;
	struct mq_rd_reply *reply;
	int result = -1;

	if (mq_rd_node_link(conn, node, &link, err) < 0)
		goto out;
	if (mq_rd_link_append_words(link, MQ_RD_WORDS("CLUSTER", "SLOTS"), err) < 0 ||
	    mq_rd_link_await(link, &arena, deadline_of(conn), false, &reply, err) < 0) {
		mq_rd_node_drop(conn, node);
		goto out;
	}
	if (reply->type != REDIS_REPLY_ARRAY) {
		mq_rd_fail_reply(conn, NULL, reply, err);
		goto out;
	}
	memset(conn->slots, 0xff, MQ_RD_SLOTS * sizeof *conn->slots);
	for (size_t i = 0; i < conn->n_nodes; i++)
		conn->nodes[i].master = false;
	result = 0;
	for (const struct mq_rd_reply *r = reply->first; r && result == 0; r = r->next)
		result = take_range(conn, link, r, err);
out:
	mq_rd_arena_release(&arena);
	return result;
}

int mq_rd_slots_load(struct mq_rd_conn *conn, struct mq_err *err)
{
	struct mq_err first = MQ_ERR_INIT;

	if (need_slots(conn, err) < 0)
		return -1;
	for (size_t i = 0; i < conn->n_nodes; i++) {
		struct mq_err why = MQ_ERR_INIT;
		if (load_from(conn, i, &why) == 0)
			return 0;
		if (!first.code)
			first = why;
		if (why.code == MQ_CANCELLED)
			break;
	}
	if (err && !err->code)
		*err = first;
	return -1;
}

int mq_rd_node_of(struct mq_rd_conn *conn, struct mq_bytes key, size_t *ret_node,
                  struct mq_err *err)
{
	*ret_node = 0;
	if (!conn->cluster || !key.data)
		return 0;
	unsigned slot = mq_rd_slot_of(key);
	if (conn->slots[slot] == UINT16_MAX && mq_rd_slots_load(conn, err) < 0)
		return -1;
	if (conn->slots[slot] == UINT16_MAX) {
		mq_fail(err, MQ_UNREACHABLE, "%s: no node of the cluster serves slot %u of %.*s",
		        conn->shown, slot, (int)(key.len < 200 ? key.len : 200), key.data);
		if (err)
			err->retriable = true;
		return -1;
	}
	*ret_node = conn->slots[slot];
	return 0;
}

int mq_rd_redirected(struct mq_rd_conn *conn, const struct mq_rd_reply *error, size_t *ret_node,
                     struct mq_err *err)
{
	char address[300], ip[250];
	unsigned slot;

	/* MOVED|ASK SLOT IP:PORT */
	const char *at = strrchr(error->text.data, ' ');
	const char *colon = at ? strrchr(at, ':') : NULL;
	if (!colon || sscanf(error->text.data, "%*s %u", &slot) != 1 || slot >= MQ_RD_SLOTS)
		return mq_rd_fail_reply(conn, NULL, error, err);
	snprintf(ip, sizeof ip, "%.*s", (int)(colon - at - 1), at + 1);
	if (need_slots(conn, err) < 0)
		return -1;
	if (conn->nodes[0].link || *ip)
		node_address(conn->nodes[0].link, ip, colon + 1, address, sizeof address);
	else
		return mq_rd_fail_reply(conn, NULL, error, err);
	if (find_node(conn, address, ret_node, err) < 0)
		return -1;
	if (mq_rd_reply_is_error(error, "MOVED")) {
		conn->slots[slot] = (uint16_t)*ret_node;
		conn->nodes[*ret_node].master = true;
	}
	return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* Sends and waits for the reply. A connection on which that failed is closed. */
static int exchange(struct mq_rd_conn *conn, size_t node, bool asking, unsigned how,
                    struct mq_rd_arena *arena, const char *const *words,
                    const struct mq_rd_reply **ret_reply, bool *ret_sent, struct mq_err *err)
{
	struct mq_rd_link *link;
	struct mq_rd_reply *reply = NULL;
	int64_t deadline = deadline_of(conn);
	bool through = how & MQ_RD_THROUGH;

	*ret_sent = false;
	if (mq_rd_node_link(conn, node, &link, err) < 0)
		return -1;
	*ret_sent = true;
	if ((asking && mq_rd_link_append_words(link, MQ_RD_WORDS("ASKING"), err) < 0) ||
	    mq_rd_link_append_words(link, words, err) < 0 ||
	    (asking && mq_rd_link_await(link, arena, deadline, through, &reply, err) < 0) ||
	    mq_rd_link_await(link, arena, deadline, through, &reply, err) < 0) {
		mq_rd_node_drop(conn, node);
		return -1;
	}
	*ret_reply = reply;
	return 0;
}

/* True when the question may be asked again after this failure. */
static bool again(struct mq_rd_conn *conn, unsigned how, bool sent, int64_t deadline,
                  const struct mq_err *why)
{
	if (!why->retriable || (sent && (how & MQ_RD_ONCE)))
		return false;
	return mq_now_monotonic_ms() < deadline && mq_rd_pause(conn, how & MQ_RD_THROUGH);
}

int mq_rd_ask_node(struct mq_rd_conn *conn, size_t node, unsigned how, struct mq_rd_arena *arena,
                   const char *const *words, const struct mq_rd_reply **ret_reply,
                   struct mq_err *err)
{
	int64_t deadline = deadline_of(conn);

	for (;;) {
		struct mq_err why = MQ_ERR_INIT;
		bool sent;
		bool open = conn->nodes[node].link != NULL;
		if (exchange(conn, node, false, how, arena, words, ret_reply, &sent, &why) == 0) {
			if ((*ret_reply)->type != REDIS_REPLY_ERROR)
				return 0;
			if (!mq_rd_reply_is_error(*ret_reply, "LOADING") ||
			    mq_now_monotonic_ms() >= deadline ||
			    !mq_rd_pause(conn, how & MQ_RD_THROUGH))
				return how & MQ_RD_ERRORS
				           ? 0
				           : mq_rd_fail_reply(conn, NULL, *ret_reply, err);
			continue;
		}
		/* A first connection that is refused is an answer; one that breaks is not. */
		if ((!sent && !open) || !again(conn, how, sent, deadline, &why)) {
			if (err && !err->code)
				*err = why;
			return -1;
		}
	}
}

int mq_rd_ask(struct mq_rd_conn *conn, const char *key, unsigned how, struct mq_rd_arena *arena,
              const char *const *words, const struct mq_rd_reply **ret_reply, struct mq_err *err)
{
	int64_t deadline = deadline_of(conn);
	bool asking = false;
	size_t node = 0;
	int hops = 0;

	if (mq_rd_connect(conn, err) < 0 || mq_rd_node_of(conn, mq_bytes_str(key), &node, err) < 0)
		return -1;
	for (;;) {
		struct mq_err why = MQ_ERR_INIT;
		bool sent;
		int result =
		    exchange(conn, node, asking, how, arena, words, ret_reply, &sent, &why);
		asking = false;
		if (result < 0) {
			if (!again(conn, how, sent, deadline, &why)) {
				if (err && !err->code)
					*err = why;
				return -1;
			}
			/* Another node may have taken over. */
			struct mq_err ignored = MQ_ERR_INIT;
			if (conn->cluster && mq_rd_slots_load(conn, &ignored) == 0 &&
			    mq_rd_node_of(conn, mq_bytes_str(key), &node, err) < 0)
				return -1;
			continue;
		}
		if ((*ret_reply)->type != REDIS_REPLY_ERROR)
			return 0;
		bool moved = mq_rd_reply_is_error(*ret_reply, "MOVED");
		if ((moved || mq_rd_reply_is_error(*ret_reply, "ASK")) && hops++ < HOPS_MAX) {
			asking = !moved;
			if (mq_rd_redirected(conn, *ret_reply, &node, err) < 0)
				return -1;
			continue;
		}
		if (mq_rd_is_passing(*ret_reply) && mq_now_monotonic_ms() < deadline &&
		    mq_rd_pause(conn, how & MQ_RD_THROUGH)) {
			/* The sentinels may name another one by now. */
			if (conn->sentinel && mq_rd_reply_is_error(*ret_reply, "READONLY"))
				mq_rd_node_drop(conn, node);
			continue;
		}
		return how & MQ_RD_ERRORS ? 0 : mq_rd_fail_reply(conn, key, *ret_reply, err);
	}
}

/* --- connecting ------------------------------------------------------------------------------ */

/* What INFO says: the version, and whether there is a cluster. A user who may not ask learns of a
 * cluster by its first redirection. */
static void learn(struct mq_rd_conn *conn, const char *info)
{
	const char *version = strstr(info, "redis_version:");
	int major, minor, patch;

	if (version && sscanf(version, "redis_version:%d.%d.%d", &major, &minor, &patch) == 3)
		conn->version = major * 10000 + minor * 100 + patch;
	conn->cluster = strstr(info, "redis_mode:cluster") != NULL;
}

int mq_rd_connect(struct mq_rd_conn *conn, struct mq_err *err)
{
	struct mq_rd_arena arena = {0};
	const struct mq_rd_reply *reply;
	int result = -1;

	if (conn->n_nodes > 0)
		return 0;
	if (!mq_info_grow(&conn->nodes, &conn->n_nodes, sizeof *conn->nodes, err))
		return -1;
	if (mq_rd_ask_node(conn, 0, MQ_RD_ERRORS, &arena, MQ_RD_WORDS("INFO", "server"), &reply,
	                   err) < 0) {
		mq_rd_disconnect(conn);
		goto out;
	}
	if (mq_rd_reply_is_error(reply, "NOAUTH") || mq_rd_reply_is_error(reply, "LOADING")) {
		mq_rd_fail_reply(conn, NULL, reply, err);
		mq_rd_disconnect(conn);
		goto out;
	}
	learn(conn, mq_rd_reply_text(reply));
	if (conn->cluster) {
		/* From here on it is one node among others. */
		conn->nodes[0].address = strdup(mq_net_peer(conn->nodes[0].link->net));
		if (!conn->nodes[0].address) {
			mq_fail_memory(err);
			goto out;
		}
		if (mq_rd_slots_load(conn, err) < 0)
			goto out;
	}
	result = 0;
out:
	mq_rd_arena_release(&arena);
	return result;
}

void mq_rd_disconnect(struct mq_rd_conn *conn)
{
	for (size_t i = 0; i < conn->n_nodes; i++) {
		mq_rd_link_close(conn->nodes[i].link);
		free(conn->nodes[i].address);
	}
	free(conn->nodes);
	conn->nodes = NULL;
	conn->n_nodes = 0;
	free(conn->slots);
	conn->slots = NULL;
}
