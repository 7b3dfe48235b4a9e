/* kcat -L: brokers, topics and partitions, as kcat's text and JSON. */
#include "cmd/commands.h"
#include "cmd/kcat/kcat.h"
#include "mqtk/broker.h"
#include "mqtk/format.h"

#include <stdlib.h>
#include <string.h>

static const char unknown_topic[] = "Broker: Unknown topic or partition";

/* What is shown. */
struct listing {
	struct mq_broker_info broker;
	struct mq_stream_list topics;
	const char *topic; /* only this one; NULL: all */
};

static bool wanted(const struct listing *listing, const struct mq_stream_info *topic)
{
	return !listing->topic || strcmp(listing->topic, topic->name) == 0;
}

static size_t count_wanted(const struct listing *listing)
{
	size_t n = 0;

	for (size_t i = 0; i < listing->topics.n; i++)
		n += wanted(listing, &listing->topics.items[i]);
	return n;
}

static const char *answered_name(const struct listing *listing)
{
	return listing->broker.answered_name ? listing->broker.answered_name : "";
}

/* --- text ------------------------------------------------------------------------------------ */

static int text_ids(struct mq_buf *buf, const int32_t *ids, size_t n, struct mq_err *err)
{
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++)
		result = mq_buf_printf(buf, err, "%s%d", i ? "," : "", ids[i]);
	return result;
}

static int text_topic(struct mq_buf *buf, const struct mq_stream_info *topic, struct mq_err *err)
{
	if (mq_buf_printf(buf, err, "  topic \"%s\" with %zu partitions:%s%s\n", topic->name,
	                  topic->n_partitions, topic->error ? " " : "",
	                  topic->error ? topic->error : "") < 0)
		return -1;
	for (size_t i = 0; i < topic->n_partitions; i++) {
		const struct mq_partition_info *p = &topic->partitions[i];
		if (mq_buf_printf(buf, err, "    partition %d, leader %d, replicas: ", p->partition,
		                  p->leader) < 0 ||
		    text_ids(buf, p->replicas, p->n_replicas, err) < 0 ||
		    mq_buf_append_str(buf, ", isrs: ", err) < 0 ||
		    text_ids(buf, p->isr, p->n_isr, err) < 0 ||
		    mq_buf_printf(buf, err, "%s%s\n", p->error ? ", " : "",
		                  p->error ? p->error : "") < 0)
			return -1;
	}
	return 0;
}

static int write_text(struct mq_buf *buf, const struct listing *listing, struct mq_err *err)
{
	const struct mq_broker_info *broker = &listing->broker;
	size_t found = count_wanted(listing);
	bool missing = listing->topic && found == 0;
	int result =
	    mq_buf_printf(buf, err, "Metadata for %s (from broker %d: %s):\n %zu brokers:\n",
	                  listing->topic ? listing->topic : "all topics", broker->answered_by,
	                  answered_name(listing), broker->n_nodes);

	for (size_t i = 0; i < broker->n_nodes && result == 0; i++) {
		const struct mq_node_info *node = &broker->nodes[i];
		result = mq_buf_printf(buf, err, "  broker %d at %s:%d%s\n", node->id, node->host,
		                       node->port,
		                       node->id == broker->controller ? " (controller)" : "");
	}
	if (result == 0)
		result = mq_buf_printf(buf, err, " %zu topics:\n", missing ? 1 : found);
	if (missing && result == 0)
		result = mq_buf_printf(buf, err, "  topic \"%s\" with 0 partitions: %s\n",
		                       listing->topic, unknown_topic);
	for (size_t i = 0; i < listing->topics.n && result == 0; i++)
		if (wanted(listing, &listing->topics.items[i]))
			result = text_topic(buf, &listing->topics.items[i], err);
	return result;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static int json_ids(struct mq_buf *buf, const char *name, const int32_t *ids, size_t n,
                    struct mq_err *err)
{
	int result = mq_buf_printf(buf, err, ",\"%s\":[", name);

	for (size_t i = 0; i < n && result == 0; i++)
		result = mq_buf_printf(buf, err, "%s{\"id\":%d}", i ? "," : "", ids[i]);
	return result < 0 ? -1 : mq_buf_append_char(buf, ']', err);
}

static int json_text(struct mq_buf *buf, const char *before, const char *text, struct mq_err *err)
{
	if (mq_buf_append_str(buf, before, err) < 0)
		return -1;
	return mq_json_append_text(buf, text, err);
}

static int json_partition(struct mq_buf *buf, const struct mq_partition_info *p, bool first,
                          struct mq_err *err)
{
	if (mq_buf_printf(buf, err, "%s{\"partition\":%d", first ? "" : ",", p->partition) < 0 ||
	    (p->error && json_text(buf, ",\"error\":", p->error, err) < 0) ||
	    mq_buf_printf(buf, err, ",\"leader\":%d", p->leader) < 0 ||
	    json_ids(buf, "replicas", p->replicas, p->n_replicas, err) < 0 ||
	    json_ids(buf, "isrs", p->isr, p->n_isr, err) < 0)
		return -1;
	return mq_buf_append_char(buf, '}', err);
}

static int json_topic(struct mq_buf *buf, const struct mq_stream_info *topic, bool first,
                      struct mq_err *err)
{
	int result = json_text(buf, first ? "{\"topic\":" : ",{\"topic\":", topic->name, err);

	if (result == 0 && topic->error)
		result = json_text(buf, ",\"error\":", topic->error, err);
	if (result == 0)
		result = mq_buf_append_str(buf, ",\"partitions\":[", err);
	for (size_t i = 0; i < topic->n_partitions && result == 0; i++)
		result = json_partition(buf, &topic->partitions[i], i == 0, err);
	return result < 0 ? -1 : mq_buf_append_str(buf, "]}", err);
}

static int json_brokers(struct mq_buf *buf, const struct mq_broker_info *broker, struct mq_err *err)
{
	int result = mq_buf_append_str(buf, ",\"brokers\":[", err);

	for (size_t i = 0; i < broker->n_nodes && result == 0; i++) {
		const struct mq_node_info *node = &broker->nodes[i];
		struct mq_buf name;
		mq_buf_init(&name, 1 << 16);
		if (mq_buf_printf(&name, err, "%s:%d", node->host, node->port) < 0 ||
		    mq_buf_printf(buf, err, "%s{\"id\":%d", i ? "," : "", node->id) < 0 ||
		    json_text(buf, ",\"name\":", name.data, err) < 0 ||
		    mq_buf_append_char(buf, '}', err) < 0)
			result = -1;
		mq_buf_release(&name);
	}
	return result < 0 ? -1 : mq_buf_append_char(buf, ']', err);
}

static int write_json(struct mq_buf *buf, const struct listing *listing, struct mq_err *err)
{
	const struct mq_broker_info *broker = &listing->broker;
	struct mq_stream_info missing = {.name = (char *)listing->topic,
	                                 .error = (char *)unknown_topic};
	bool first = true;

	if (mq_buf_printf(buf, err, "{\"originating_broker\":{\"id\":%d", broker->answered_by) <
	        0 ||
	    json_text(buf, ",\"name\":", answered_name(listing), err) < 0 ||
	    json_text(buf, "},\"query\":{\"topic\":", listing->topic ? listing->topic : "*", err) <
	        0 ||
	    mq_buf_printf(buf, err, "},\"controllerid\":%d", broker->controller) < 0 ||
	    json_brokers(buf, broker, err) < 0 || mq_buf_append_str(buf, ",\"topics\":[", err) < 0)
		return -1;
	for (size_t i = 0; i < listing->topics.n; i++) {
		if (!wanted(listing, &listing->topics.items[i]))
			continue;
		if (json_topic(buf, &listing->topics.items[i], first, err) < 0)
			return -1;
		first = false;
	}
	if (first && listing->topic && json_topic(buf, &missing, true, err) < 0)
		return -1;
	return mq_buf_append_str(buf, "]}", err);
}

int kcat_list(struct kcat *kcat, struct mq_err *err)
{
	struct listing listing = {.topic = kcat->topic};
	struct mq_target target = {0};
	struct mq_conn *conn = NULL;
	struct mq_buf buf;
	char *address = kcat_address(kcat, NULL, err);
	int code = -1;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (!address ||
	    mq_target_resolve(address, kcat->invocation->config, &kcat->invocation->settings,
	                      &target, err) < 0 ||
	    mq_open(&target, kcat->invocation->env, &conn, err) < 0 ||
	    mq_describe_broker(conn, &listing.broker, err) < 0 ||
	    mq_list(conn, false, &listing.topics, err) < 0)
		goto out;
	if ((kcat->values->json ? write_json : write_text)(&buf, &listing, err) == 0)
		code = mq_print(&buf, err);
out:
	mq_buf_release(&buf);
	mq_stream_list_release(&listing.topics);
	mq_broker_info_release(&listing.broker);
	mq_close(conn);
	mq_target_release(&target);
	free(address);
	return code < 0 ? (int)err->code : code;
}
