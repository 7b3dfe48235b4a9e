/* mqtk info: one stream with everything known about it, the broker itself, or the positions of a
 * moment. */
#include "cmd/commands.h"
#include "cmd/opening.h"
#include "cmd/stream_report.h"

#include "mqtk/report.h"

#include <stdlib.h>

struct info_values {
	struct mq_common common;
	bool json;
	bool all_config;
	struct mq_pos at;
};

static const struct info_values defaults = {.common = MQ_COMMON_INIT};

static const struct mq_option rows[] = {
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line",
     .field = offsetof(struct info_values, json)},
    {.name = "at",
     .type = MQ_OPT_POSITION,
     .arg = "POS",
     .help = "the offset or id of a moment (or beginning, end) in each partition",
     .more = "It is that of the first message at or after the moment.",
     .field = offsetof(struct info_values, at)},
    {.name = "all-config",
     .type = MQ_OPT_FLAG,
     .help = "settings that have their default value too",
     .field = offsetof(struct info_values, all_config)},
    {0}};

static const struct mq_option_set sets[] = {{"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk info local/orders", "partitions, groups and what is left in them"},
    {"mqtk info kafka://localhost:9092/", "the cluster's nodes"},
    {"mqtk info --at -1h prod/orders", "the offsets of one hour ago"},
    {0}};

static void drop_default_config(struct mq_stream_info *info)
{
	size_t kept = 0;

	for (size_t i = 0; i < info->n_config; i++) {
		if (info->config[i].is_default) {
			free(info->config[i].name);
			free(info->config[i].value);
		} else {
			info->config[kept++] = info->config[i];
		}
	}
	info->n_config = kept;
}

static int report_broker(struct mq_invocation *invocation, struct opening *opening,
                         struct mq_buf *buf, struct mq_err *err)
{
	const struct info_values *values = invocation->values;
	struct mq_broker_info info = {0};
	int result = mq_describe_broker(opening->conn, &info, err);

	if (result == 0)
		result = values->json ? broker_report_json(&info, buf, err)
		                      : broker_report_text(&info, invocation->color_out, buf, err);
	mq_broker_info_release(&info);
	return result;
}

static int report_stream(struct mq_invocation *invocation, const struct mq_stream_info *info,
                         struct mq_buf *buf, struct mq_err *err)
{
	const struct info_values *values = invocation->values;

	return values->json ? stream_report_json(info, buf, err)
	                    : stream_report_text(info, invocation->color_out, buf, err);
}

static int print_places(const struct mq_locate *places, size_t n, bool json_lines, bool bold,
                        struct mq_buf *buf, struct mq_err *err)
{
	const char *headings[] = {"STREAM", ">PARTITION", ">OFFSET", "TIME", "NOTE", NULL};
	struct mq_table table;
	bool ids = false;
	int result = 0;

	for (size_t i = 0; i < n; i++)
		ids |= places[i].id[0] != '\0';
	if (ids)
		headings[2] = "ID";
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		const struct mq_locate *place = &places[i];
		char when[MQ_TIME_TEXT];
		if (json_lines) {
			struct mq_json json;
			mq_json_init(&json, buf, err);
			mq_json_open(&json, NULL, '{');
			mq_json_text(&json, "stream", place->stream);
			mq_json_known(&json, "partition", place->partition, MQ_NO_PARTITION);
			mq_json_known(&json, "offset", place->offset, MQ_NO_OFFSET);
			mq_json_text(&json, "id", place->id[0] ? place->id : NULL);
			mq_json_known(&json, "ts", place->ts_ms, MQ_NO_TIME);
			if (place->err.code)
				mq_json_text(&json, "error", place->err.message);
			mq_json_close(&json, '}');
			result = mq_json_end(&json);
			continue;
		}
		if (place->ts_ms != MQ_NO_TIME)
			mq_time_format_iso(place->ts_ms, when);
		mq_table_text(&table, place->stream);
		mq_table_known(&table, place->partition, -1);
		if (ids)
			mq_table_text(&table, place->id[0] ? place->id : NULL);
		else
			mq_table_known(&table, place->offset, MQ_NO_OFFSET);
		mq_table_text(&table, place->ts_ms != MQ_NO_TIME ? when : NULL);
		mq_table_text(&table, place->err.code ? place->err.message : "");
	}
	if (result == 0 && !json_lines)
		result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

/* --at: where a moment stands in each partition; in the stream where it has none. */
static int report_places(struct mq_invocation *invocation, struct opening *opening,
                         const struct mq_stream_info *info, struct mq_buf *buf, struct mq_err *err)
{
	const struct info_values *values = invocation->values;
	size_t n = info->n_partitions ? info->n_partitions : 1;
	struct mq_locate *places = calloc(n, sizeof *places);
	int result = -1;

	if (!places)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n; i++)
		places[i] = (struct mq_locate){.stream = info->name,
		                               .partition = info->n_partitions
		                                                ? info->partitions[i].partition
		                                                : MQ_NO_PARTITION,
		                               .pos = values->at,
		                               .offset = MQ_NO_OFFSET,
		                               .ts_ms = MQ_NO_TIME};
	if (mq_locate(opening->conn, places, n, err) == 0)
		result = print_places(places, n, values->json, invocation->color_out, buf, err);
	for (size_t i = 0; i < n && result == 0; i++)
		if (places[i].err.code)
			result = info->n_partitions
			             ? mq_fail(err, MQ_PARTIAL, "%s[%d]: %s", places[i].stream,
			                       places[i].partition, places[i].err.message)
			             : mq_fail(err, MQ_PARTIAL, "%s: %s", places[i].stream,
			                       places[i].err.message);
	free(places);
	return result;
}

static int make_report(struct mq_invocation *invocation, struct opening *opening,
                       struct mq_buf *buf, struct mq_err *err)
{
	const struct info_values *values = invocation->values;
	struct mq_stream_info info;
	int result;

	if (!opening->target.stream) {
		if (values->at.kind == MQ_POS_UNSET)
			return report_broker(invocation, opening, buf, err);
		return mq_fail(err, MQ_USAGE, "--at needs a stream, but %s names a broker",
		               opening->target.shown);
	}
	mq_stream_info_init(&info);
	result = mq_describe(opening->conn, opening->target.stream, &info, err);
	if (result == 0 && info.groups_left_out)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "%s", info.groups_left_out);
	if (result == 0 && !values->all_config)
		drop_default_config(&info);
	if (result == 0)
		result = values->at.kind == MQ_POS_UNSET
		             ? report_stream(invocation, &info, buf, err)
		             : report_places(invocation, opening, &info, buf, err);
	mq_stream_info_release(&info);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct opening opening;
	struct mq_buf buf;
	struct mq_err print_err = MQ_ERR_INIT;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (opening_open(&opening, invocation, OPENING_BROKER_OR_STREAM, err) == 0)
		make_report(invocation, &opening, &buf, err);
	/* What is known is printed although a part failed. */
	if (mq_print(&buf, &print_err) != 0 && err->code == MQ_OK)
		*err = print_err;
	opening_close(&opening);
	mq_buf_release(&buf);
	return (int)err->code;
}

const struct mq_command mq_cmd_info = {
    .name = "info",
    .summary = "one stream: partitions, positions, groups, settings; or the broker itself",
    .operands = "ADDR",
    .about = "Shows all that is known about a stream: partitions with their first and next offset, "
             "leaders, replicas and in-sync replicas, sizes where the broker tells them, the "
             "settings that are not defaults, and groups with what is left for them. Of a queue: "
             "what is ready, what is delivered and not yet acknowledged, consumers, policy and "
             "bindings. With an address that ends in / it shows the broker: its nodes and its "
             "exchanges with what they feed.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct info_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
