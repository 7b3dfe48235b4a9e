/* Streams as JSON lines and tables: see stream_report.h. */
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
	mq_json_known(json, "partition", group->partition, MQ_NO_PARTITION);
	mq_json_known(json, "committed", group->committed, -1);
	mq_json_text(json, "committed_id", group->committed_id);
	mq_json_known(json, "lag", group->lag, -1);
	mq_json_known(json, "pending", group->pending, -1);
	mq_json_known(json, "oldest_idle_ms", group->oldest_idle_ms, -1);
	mq_json_known(json, "updated_ms", group->updated_ms, MQ_NO_TIME);
	mq_json_close(json, '}');
}

static void json_member(struct mq_json *json, const struct mq_consumer_info *member)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "group", member->group);
	mq_json_text(json, "name", member->name);
	mq_json_text(json, "from", member->from);
	mq_json_known(json, "pending", member->pending, -1);
	mq_json_known(json, "idle_ms", member->idle_ms, -1);
	mq_json_close(json, '}');
}

static void json_binding(struct mq_json *json, const struct mq_binding_info *binding)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "exchange", binding->exchange);
	mq_json_text(json, "key", binding->key);
	mq_json_raw(json, "arguments", binding->arguments);
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
	mq_json_text(&json, "first_id", info->first_id);
	mq_json_text(&json, "last_id", info->last_id);
	mq_json_known(&json, "ready", info->ready, -1);
	mq_json_known(&json, "unacked", info->unacked, -1);
	mq_json_known(&json, "consumers", info->consumer_count, -1);
	mq_json_text(&json, "policy", info->policy);
	mq_json_open(&json, "partitions", '[');
	for (size_t i = 0; i < info->n_partitions; i++)
		json_partition(&json, &info->partitions[i]);
	mq_json_close(&json, ']');
	mq_json_open(&json, "groups", '[');
	for (size_t i = 0; i < info->n_groups; i++)
		json_group(&json, &info->groups[i]);
	mq_json_close(&json, ']');
	mq_json_open(&json, "members", '[');
	for (size_t i = 0; i < info->n_consumers; i++)
		json_member(&json, &info->consumers[i]);
	mq_json_close(&json, ']');
	mq_json_open(&json, "bindings", '[');
	for (size_t i = 0; i < info->n_bindings; i++)
		json_binding(&json, &info->bindings[i]);
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

/* A duration, or - when it is unknown. */
static void cell_duration(struct mq_table *table, int64_t ms)
{
	char text[MQ_DURATION_TEXT];

	if (ms >= 0)
		mq_duration_format(ms, text);
	mq_table_text(table, ms >= 0 ? text : NULL);
}

/* Columns that no group has anything for are left out. */
static int text_groups(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	const char *headings[8];
	struct mq_table table;
	bool partitions = false, ids = false, pending = false, times = false;
	size_t n = 0;

	for (size_t i = 0; i < info->n_groups; i++) {
		const struct mq_group_position *g = &info->groups[i];
		partitions |= g->partition != MQ_NO_PARTITION;
		ids |= g->committed_id != NULL;
		pending |= g->pending >= 0;
		times |= g->updated_ms != MQ_NO_TIME;
	}
	headings[n++] = "GROUP";
	if (partitions)
		headings[n++] = ">PARTITION";
	headings[n++] = ids ? "LAST DELIVERED" : ">COMMITTED";
	headings[n++] = ">BEHIND";
	if (pending) {
		headings[n++] = ">PENDING";
		headings[n++] = "OLDEST IDLE";
	}
	if (times || !pending)
		headings[n++] = "COMMITTED AT";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_groups; i++) {
		const struct mq_group_position *g = &info->groups[i];
		char when[MQ_TIME_TEXT];
		mq_table_text(&table, g->group);
		if (partitions)
			mq_table_known(&table, g->partition, MQ_NO_PARTITION);
		if (ids)
			mq_table_text(&table, g->committed_id);
		else
			mq_table_known(&table, g->committed, -1);
		mq_table_known(&table, g->lag, -1);
		if (pending) {
			mq_table_known(&table, g->pending, -1);
			cell_duration(&table, g->oldest_idle_ms);
		}
		if (g->updated_ms != MQ_NO_TIME)
			mq_time_format_iso(g->updated_ms, when);
		if (times || !pending)
			mq_table_text(&table, g->updated_ms != MQ_NO_TIME ? when : NULL);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_members(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                        struct mq_err *err)
{
	static const char *const headings[] = {"GROUP",    "CONSUMER", "FROM",
	                                       ">PENDING", "IDLE",     NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_consumers; i++) {
		const struct mq_consumer_info *member = &info->consumers[i];
		mq_table_text(&table, member->group);
		mq_table_text(&table, member->name);
		mq_table_text(&table, member->from);
		mq_table_known(&table, member->pending, -1);
		cell_duration(&table, member->idle_ms);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_bindings(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                         struct mq_err *err)
{
	static const char *const headings[] = {"EXCHANGE", "KEY", "ARGUMENTS", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < info->n_bindings; i++) {
		const struct mq_binding_info *binding = &info->bindings[i];
		mq_table_text(&table, binding->exchange && *binding->exchange ? binding->exchange
		                                                              : "(default)");
		mq_table_text(&table, binding->key);
		mq_table_text(&table, binding->arguments ? binding->arguments : "");
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

/* ", 3 ready" where the number is known. */
static int say_number(struct mq_buf *buf, int64_t number, const char *word, const char *plural,
                      struct mq_err *err)
{
	if (number < 0)
		return 0;
	return mq_buf_printf(buf, err, ", %lld %s%s", (long long)number, word,
	                     number == 1 ? "" : plural) < 0
	           ? -1
	           : 0;
}

/* "\noldest 2026-…, newest 2026-…", as far as they are known. */
static int say_ends(struct mq_buf *buf, const char *first_word, const char *first,
                    const char *last_word, const char *last, struct mq_err *err)
{
	if (first && mq_buf_printf(buf, err, "\n%s %s", first_word, first) < 0)
		return -1;
	if (last && mq_buf_printf(buf, err, "%s%s %s", first ? ", " : "\n", last_word, last) < 0)
		return -1;
	return 0;
}

/* The lines above the tables. */
static int text_summary(const struct mq_stream_info *info, struct mq_buf *buf, struct mq_err *err)
{
	char size[MQ_SIZE_TEXT], first[MQ_TIME_TEXT], last[MQ_TIME_TEXT];
	/* What has messages that are ready to be taken is a queue. */
	const char *what = info->ready >= 0 ? "queue" : "stream";
	bool both = info->type && info->ready >= 0;

	if (mq_buf_printf(buf, err, "%s: %s%s%s", info->name, info->type ? info->type : what,
	                  both ? " " : "", both ? what : "") < 0 ||
	    say_number(buf, info->messages, "message", "s", err) < 0)
		return -1;
	if (info->bytes >= 0) {
		mq_size_format(info->bytes, size);
		if (mq_buf_printf(buf, err, ", %s", size) < 0)
			return -1;
	}
	if (say_number(buf, info->ready, "ready", "", err) < 0 ||
	    say_number(buf, info->unacked, "unacknowledged", "", err) < 0 ||
	    say_number(buf, info->consumer_count, "consumer", "s", err) < 0 ||
	    (info->policy && mq_buf_printf(buf, err, ", policy %s", info->policy) < 0))
		return -1;
	if (info->first_ts_ms != MQ_NO_TIME)
		mq_time_format_iso(info->first_ts_ms, first);
	if (info->last_ts_ms != MQ_NO_TIME)
		mq_time_format_iso(info->last_ts_ms, last);
	if (say_ends(buf, "oldest", info->first_ts_ms != MQ_NO_TIME ? first : NULL, "newest",
	             info->last_ts_ms != MQ_NO_TIME ? last : NULL, err) < 0 ||
	    say_ends(buf, "first id", info->first_id, "last id", info->last_id, err) < 0)
		return -1;
	return mq_buf_append_char(buf, '\n', err);
}

int stream_report_text(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	const struct {
		size_t n;
		int (*append)(const struct mq_stream_info *, bool, struct mq_buf *,
		              struct mq_err *);
	} parts[] = {{info->n_partitions, text_partitions},
	             {info->n_groups, text_groups},
	             {info->n_consumers, text_members},
	             {info->n_bindings, text_bindings},
	             {info->n_config, text_config}};
	int result = text_summary(info, buf, err);

	for (size_t i = 0; result == 0 && i < sizeof parts / sizeof parts[0]; i++) {
		if (parts[i].n == 0)
			continue;
		result = mq_buf_append_char(buf, '\n', err);
		if (result == 0)
			result = parts[i].append(info, bold, buf, err);
	}
	return result;
}
