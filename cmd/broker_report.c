/* A broker as a JSON line and tables: see stream_report.h. */
#include "cmd/stream_report.h"

#include "mqtk/report.h"

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_exchange(struct mq_json *json, const struct mq_exchange_info *exchange)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "name", exchange->name);
	mq_json_text(json, "type", exchange->type);
	mq_json_bool(json, "durable", exchange->durable);
	mq_json_open(json, "bindings", '[');
	for (size_t i = 0; i < exchange->n_bindings; i++) {
		mq_json_open(json, NULL, '{');
		mq_json_text(json, "target", exchange->bindings[i].exchange);
		mq_json_text(json, "key", exchange->bindings[i].key);
		mq_json_raw(json, "arguments", exchange->bindings[i].arguments);
		mq_json_close(json, '}');
	}
	mq_json_close(json, ']');
	mq_json_close(json, '}');
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
	mq_json_open(&json, "exchanges", '[');
	for (size_t i = 0; i < info->n_exchanges; i++)
		json_exchange(&json, &info->exchanges[i]);
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- tables ---------------------------------------------------------------------------------- */

static int text_nodes(const struct mq_broker_info *info, bool bold, struct mq_buf *buf,
                      struct mq_err *err)
{
	static const char *const headings[] = {">NODE", "HOST", ">PORT", "NOTE", NULL};
	struct mq_table table;

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

static void row_exchange(struct mq_table *table, const struct mq_exchange_info *exchange,
                         const struct mq_binding_info *binding)
{
	mq_table_text(table, exchange->name && *exchange->name ? exchange->name : "(default)");
	mq_table_text(table, exchange->type);
	mq_table_text(table, binding ? binding->exchange : NULL);
	mq_table_text(table, binding ? binding->key : NULL);
	mq_table_text(table, binding && binding->arguments ? binding->arguments : "");
	mq_table_text(table, exchange->durable ? "" : "transient");
}

/* A row for each binding; one for an exchange without any. */
static int text_exchanges(const struct mq_broker_info *info, bool bold, struct mq_buf *buf,
                          struct mq_err *err)
{
	static const char *const headings[] = {"EXCHANGE",  "TYPE", "FEEDS", "KEY",
	                                       "ARGUMENTS", "NOTE", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_exchanges; i++) {
		const struct mq_exchange_info *exchange = &info->exchanges[i];
		for (size_t k = 0; k < exchange->n_bindings; k++)
			row_exchange(&table, exchange, &exchange->bindings[k]);
		if (exchange->n_bindings == 0)
			row_exchange(&table, exchange, NULL);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

int broker_report_text(const struct mq_broker_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	if (mq_buf_printf(buf, err, "%s%s%s\n", info->name ? info->name : "(no name)",
	                  info->version ? ", " : "", info->version ? info->version : "") < 0)
		return -1;
	if (info->n_nodes > 0 && text_nodes(info, bold, buf, err) < 0)
		return -1;
	if (info->n_exchanges == 0)
		return 0;
	if (mq_buf_append_char(buf, '\n', err) < 0)
		return -1;
	return text_exchanges(info, bold, buf, err);
}
