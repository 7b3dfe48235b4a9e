/* mqtk ls: the streams of a broker. */
#include "cmd/commands.h"
#include "cmd/opening.h"
#include "cmd/stream_report.h"

#include "mqtk/report.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct ls_values {
	struct mq_common common;
	bool json;
	bool all;
	bool quick;
};

static const struct ls_values defaults = {.common = MQ_COMMON_INIT};

static const struct mq_option rows[] = {{.name = "json",
                                         .letter = 'J',
                                         .type = MQ_OPT_FLAG,
                                         .help = "one JSON line per stream",
                                         .field = offsetof(struct ls_values, json)},
                                        {.name = "all",
                                         .letter = 'a',
                                         .type = MQ_OPT_FLAG,
                                         .help = "the broker's own internal streams too",
                                         .field = offsetof(struct ls_values, all)},
                                        {.name = "quick",
                                         .type = MQ_OPT_FLAG,
                                         .help = "names and partitions only; do not count messages",
                                         .field = offsetof(struct ls_values, quick)},
                                        {0}};

static const struct mq_option_set sets[] = {{"Listing", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk ls local/", "the streams of the local store"},
    {"mqtk ls kafka://localhost:9092/", "the topics of a cluster"},
    {"mqtk ls 'prod/^orders'", "those whose names match"},
    {"mqtk ls -J prod/ | jq -r .stream", "names only"},
    {0}};

/* Which columns have something to tell for the streams that are shown. */
struct columns {
	bool type, partitions, queues;
};

static struct columns choose_columns(const struct mq_stream_list *list, const bool *wanted)
{
	struct columns columns = {.partitions = true};
	const struct mq_stream_info *first = NULL;
	bool partitions = false, other = false;

	for (size_t i = 0; i < list->n; i++) {
		const struct mq_stream_info *info = &list->items[i];
		if (!wanted[i])
			continue;
		first = first ? first : info;
		columns.type |= info->type && first->type && strcmp(info->type, first->type) != 0;
		columns.queues |= info->ready >= 0 || info->unacked >= 0;
		partitions |= info->n_partitions > 0;
		other = true;
	}
	columns.type |= columns.queues;
	columns.partitions = partitions || !other;
	return columns;
}

static void add_row(struct mq_table *table, const struct columns *columns,
                    const struct mq_stream_info *info)
{
	char size[MQ_SIZE_TEXT];

	mq_table_text(table, info->name);
	if (columns->type)
		mq_table_text(table, info->type);
	if (columns->partitions) {
		mq_table_known(table, (int64_t)info->n_partitions, 0);
		mq_table_known(table,
		               info->n_partitions ? (int64_t)info->partitions[0].n_replicas : 0, 0);
	}
	mq_table_known(table, info->messages, -1);
	if (columns->queues) {
		mq_table_known(table, info->ready, -1);
		mq_table_known(table, info->unacked, -1);
		mq_table_known(table, info->consumer_count, -1);
	}
	if (info->bytes >= 0)
		mq_size_format(info->bytes, size);
	mq_table_text(table, info->bytes >= 0 ? size : NULL);
	mq_table_text(table, info->error ? info->error : info->internal ? "internal" : "");
}

static int print_table(const struct mq_stream_list *list, const bool *wanted, bool bold,
                       struct mq_buf *buf, struct mq_err *err)
{
	struct columns columns = choose_columns(list, wanted);
	const char *headings[11];
	struct mq_table table;
	size_t n = 0;

	headings[n++] = "STREAM";
	if (columns.type)
		headings[n++] = "TYPE";
	if (columns.partitions) {
		headings[n++] = ">PARTITIONS";
		headings[n++] = ">REPLICAS";
	}
	headings[n++] = ">MESSAGES";
	if (columns.queues) {
		headings[n++] = ">READY";
		headings[n++] = ">UNACKED";
		headings[n++] = ">CONSUMERS";
	}
	headings[n++] = ">SIZE";
	headings[n++] = "NOTE";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < list->n; i++)
		if (wanted[i])
			add_row(&table, &columns, &list->items[i]);
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

/* Marks the streams to show. pattern: a name, a regular expression behind '^', or NULL for all. */
static int choose(const struct mq_stream_list *list, const char *pattern, bool all, bool *wanted,
                  struct mq_err *err)
{
	regex_t regex;
	bool is_regex = pattern && pattern[0] == '^';
	size_t n = 0;

	if (is_regex && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return mq_fail(err, MQ_USAGE, "'%s' is no regular expression", pattern);
	for (size_t i = 0; i < list->n; i++) {
		const struct mq_stream_info *info = &list->items[i];
		if (is_regex)
			wanted[i] = regexec(&regex, info->name, 0, NULL, 0) == 0;
		else
			wanted[i] = !pattern || strcmp(pattern, info->name) == 0;
		wanted[i] = wanted[i] && (all || pattern || !info->internal);
		n += wanted[i];
	}
	if (is_regex)
		regfree(&regex);
	if (n == 0 && pattern)
		return mq_fail(err, is_regex ? MQ_NEGATIVE : MQ_NOT_FOUND, "no stream %s '%s'",
		               is_regex ? "matches" : "is called", pattern);
	return 0;
}

static int list_streams(struct mq_invocation *invocation, struct opening *opening,
                        struct mq_err *err)
{
	const struct ls_values *values = invocation->values;
	struct mq_stream_list list = {0};
	bool *wanted = NULL;
	struct mq_buf buf;
	int code = -1;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (mq_list(opening->conn, !values->quick, &list, err) < 0)
		goto out;
	wanted = calloc(list.n + 1, sizeof *wanted);
	if (!wanted) {
		mq_fail_memory(err);
		goto out;
	}
	if (choose(&list, opening->target.stream, values->all, wanted, err) < 0) {
		const char *address = invocation->operands.items[0];
		if (mq_config_profile(invocation->config, address))
			mq_hint(err, "there is a profile of that name: mqtk ls %s/", address);
		goto out;
	}
	if (!values->json) {
		code = print_table(&list, wanted, invocation->color_out, &buf, err);
	} else {
		code = 0;
		for (size_t i = 0; i < list.n && code == 0; i++)
			if (wanted[i])
				code = stream_report_json(&list.items[i], &buf, err);
	}
	if (code == 0)
		code = mq_print(&buf, err);
out:
	free(wanted);
	mq_stream_list_release(&list);
	mq_buf_release(&buf);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct opening opening;
	int code = -1;

	if (opening_open(&opening, invocation, OPENING_BROKER_OR_STREAM, err) == 0)
		code = list_streams(invocation, &opening, err);
	opening_close(&opening);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_ls = {
    .name = "ls",
    .summary = "the streams of a broker",
    .operands = "[BROKER/][STREAM]",
    .about =
        "Lists streams with their partitions, replicas and messages, sorted by name; queues with "
        "what is ready, what is not yet acknowledged, and consumers. On Kafka the number of "
        "messages is the distance between the first and the next offset: "
        "compaction and transactions leave fewer.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct ls_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
