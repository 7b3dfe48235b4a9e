/* Streams and brokers as JSON lines and tables: see stream_report.h. */
#include "cmd/stream_report.h"

#include "mqtk/env.h"
#include "mqtk/message.h"
#include "mqtk/report.h"

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_ids(struct mq_json *json, const char *name, const int32_t *ids, size_t n)
{
	mq_json_open(json, name, '[');
	for (size_t i = 0; i < n; i++)
		mq_json_int(json, NULL, ids[i]);
	mq_json_close(json, ']');
}

static void json_partition(struct mq_json *json, const struct mq_partition_info *partition)
{
	mq_json_open(json, NULL, '{');
	mq_json_int(json, "partition", partition->partition);
	mq_json_known(json, "begin", partition->begin, -1);
	mq_json_known(json, "end", partition->end, -1);
	mq_json_known(json, "bytes", partition->bytes, -1);
	mq_json_known(json, "leader", partition->leader, -1);
	json_ids(json, "replicas", partition->replicas, partition->n_replicas);
	json_ids(json, "isr", partition->isr, partition->n_isr);
	if (partition->error)
		mq_json_text(json, "error", partition->error);
	mq_json_close(json, '}');
}

static void json_group(struct mq_json *json, const struct mq_group_position *group)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "group", group->group);
	mq_json_int(json, "partition", group->partition);
	mq_json_known(json, "committed", group->committed, -1);
	mq_json_known(json, "lag", group->lag, -1);
	mq_json_known(json, "updated_ms", group->updated_ms, MQ_NO_TIME);
	mq_json_close(json, '}');
}

int stream_report_json(const struct mq_stream_info *info, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "stream", info->name);
	mq_json_text(&json, "type", info->type);
	mq_json_bool(&json, "internal", info->internal);
	mq_json_known(&json, "messages", info->messages, -1);
	mq_json_known(&json, "bytes", info->bytes, -1);
	mq_json_known(&json, "first_ts", info->first_ts_ms, MQ_NO_TIME);
	mq_json_known(&json, "last_ts", info->last_ts_ms, MQ_NO_TIME);
	mq_json_open(&json, "partitions", '[');
	for (size_t i = 0; i < info->n_partitions; i++)
		json_partition(&json, &info->partitions[i]);
	mq_json_close(&json, ']');
	mq_json_open(&json, "groups", '[');
	for (size_t i = 0; i < info->n_groups; i++)
		json_group(&json, &info->groups[i]);
	mq_json_close(&json, ']');
	mq_json_open(&json, "config", '[');
	for (size_t i = 0; i < info->n_config; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "name", info->config[i].name);
		mq_json_text(&json, "value", info->config[i].value);
		mq_json_bool(&json, "default", info->config[i].is_default);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	if (info->error)
		mq_json_text(&json, "error", info->error);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

int broker_report_json(const struct mq_broker_info *info, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "broker", info->name);
	mq_json_text(&json, "version", info->version);
	mq_json_known(&json, "controller", info->controller, -1);
	mq_json_open(&json, "nodes", '[');
	for (size_t i = 0; i < info->n_nodes; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_int(&json, "id", info->nodes[i].id);
		mq_json_text(&json, "host", info->nodes[i].host);
		mq_json_int(&json, "port", info->nodes[i].port);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void cell_ids(struct mq_table *table, const int32_t *ids, size_t n, struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_init(&text, 1 << 16);
	for (size_t i = 0; i < n; i++)
		mq_buf_printf(&text, err, "%s%d", i ? "," : "", ids[i]);
	mq_table_text(table, text.data); /* printf left a NUL behind the text */
	mq_buf_release(&text);
}

static int text_partitions(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                           struct mq_err *err)
{
	static const char *const headings[] = {">PARTITION", ">BEGIN",  ">END",
	                                       ">MESSAGES",  ">LEADER", "REPLICAS",
	                                       "ISR",        "NOTE",    NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_partitions; i++) {
		const struct mq_partition_info *p = &info->partitions[i];
		bool known = p->begin >= 0 && p->end >= 0;
		mq_table_known(&table, p->partition, -1);
		mq_table_known(&table, p->begin, -1);
		mq_table_known(&table, p->end, -1);
		mq_table_known(&table, known ? p->end - p->begin : -1, -1);
		mq_table_known(&table, p->leader, -1);
		cell_ids(&table, p->replicas, p->n_replicas, err);
		cell_ids(&table, p->isr, p->n_isr, err);
		mq_table_text(&table, p->error                   ? p->error
		                      : p->n_isr < p->n_replicas ? "under-replicated"
		                                                 : "");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_groups(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	static const char *const headings[] = {"GROUP",   ">PARTITION",   ">COMMITTED",
	                                       ">BEHIND", "COMMITTED AT", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_groups; i++) {
		const struct mq_group_position *g = &info->groups[i];
		char when[MQ_TIME_TEXT];
		mq_table_text(&table, g->group);
		mq_table_known(&table, g->partition, -1);
		mq_table_known(&table, g->committed, -1);
		mq_table_known(&table, g->lag, -1);
		if (g->updated_ms != MQ_NO_TIME)
			mq_time_format_iso(g->updated_ms, when);
		mq_table_text(&table, g->updated_ms != MQ_NO_TIME ? when : NULL);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_config(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	static const char *const headings[] = {"SETTING", "VALUE", "", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_config; i++) {
		mq_table_text(&table, info->config[i].name);
		mq_table_text(&table, info->config[i].value);
		mq_table_text(&table, info->config[i].is_default ? "default" : "");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

/* The lines above the tables. */
static int text_summary(const struct mq_stream_info *info, struct mq_buf *buf, struct mq_err *err)
{
	char size[MQ_SIZE_TEXT], when[MQ_TIME_TEXT];

	if (mq_buf_printf(buf, err, "%s: %s", info->name, info->type ? info->type : "stream") < 0)
		return -1;
	if (info->messages >= 0 &&
	    mq_buf_printf(buf, err, ", %lld message%s", (long long)info->messages,
	                  info->messages == 1 ? "" : "s") < 0)
		return -1;
	if (info->bytes >= 0) {
		mq_size_format(info->bytes, size);
		if (mq_buf_printf(buf, err, ", %s", size) < 0)
			return -1;
	}
	if (info->first_ts_ms != MQ_NO_TIME) {
		mq_time_format_iso(info->first_ts_ms, when);
		if (mq_buf_printf(buf, err, "\noldest %s", when) < 0)
			return -1;
	}
	if (info->last_ts_ms != MQ_NO_TIME) {
		mq_time_format_iso(info->last_ts_ms, when);
		if (mq_buf_printf(buf, err, "%snewest %s",
		                  info->first_ts_ms != MQ_NO_TIME ? ", " : "\n", when) < 0)
			return -1;
	}
	return mq_buf_append_char(buf, '\n', err);
}

int stream_report_text(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	int result = text_summary(info, buf, err);

	if (result == 0 && info->n_partitions > 0) {
		result = mq_buf_append_char(buf, '\n', err);
		if (result == 0)
			result = text_partitions(info, bold, buf, err);
	}
	if (result == 0 && info->n_groups > 0) {
		result = mq_buf_append_char(buf, '\n', err);
		if (result == 0)
			result = text_groups(info, bold, buf, err);
	}
	if (result == 0 && info->n_config > 0) {
		result = mq_buf_append_char(buf, '\n', err);
		if (result == 0)
			result = text_config(info, bold, buf, err);
	}
	return result;
}

int broker_report_text(const struct mq_broker_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	static const char *const headings[] = {">NODE", "HOST", ">PORT", "NOTE", NULL};
	struct mq_table table;

	if (mq_buf_printf(buf, err, "%s%s%s\n", info->name ? info->name : "(no name)",
	                  info->version ? ", " : "", info->version ? info->version : "") < 0)
		return -1;
	if (info->n_nodes == 0)
		return 0;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_nodes; i++) {
		mq_table_known(&table, info->nodes[i].id, -1);
		mq_table_text(&table, info->nodes[i].host);
		mq_table_known(&table, info->nodes[i].port, -1);
		mq_table_text(&table, info->nodes[i].id == info->controller ? "controller" : "");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}
