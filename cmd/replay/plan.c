/* What is to be copied, as positions: see plan.h. */
#include "cmd/replay/plan.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the list -------------------------------------------------------------------------------- */

struct plan_part *replay_plan_add(struct plan *plan, size_t source, const char *stream,
                                  int32_t partition, struct mq_err *err)
{
	struct plan_part *part = mq_info_grow(&plan->parts, &plan->n, sizeof *part, err);

	if (!part)
		return NULL;
	*part = (struct plan_part){.source = source, .partition = partition, .partitions = -1};
	if (stream && !(part->stream = strdup(stream))) {
		mq_fail_memory(err);
		return NULL;
	}
	return part;
}

static int compare_place(const struct plan_part *part, size_t source, struct mq_bytes stream,
                         int32_t partition)
{
	size_t len = part->stream ? strlen(part->stream) : 0;

	if (part->source != source)
		return part->source < source ? -1 : 1;
	int order = memcmp(part->stream ? part->stream : "", stream.data ? stream.data : "",
	                   len < stream.len ? len : stream.len);
	if (order != 0)
		return order;
	if (len != stream.len)
		return len < stream.len ? -1 : 1;
	return part->partition == partition ? 0 : part->partition < partition ? -1 : 1;
}

static int compare_parts(const void *a, const void *b)
{
	const struct plan_part *right = b;

	return compare_place(a, right->source, mq_bytes_str(right->stream), right->partition);
}

void replay_plan_sort(struct plan *plan)
{
	if (plan->n > 0)
		qsort(plan->parts, plan->n, sizeof *plan->parts, compare_parts);
}

void replay_plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->parts[i].stream);
	free(plan->parts);
	free(plan->exact);
	*plan = (struct plan){0};
}

/* Files have no streams of their own: what a line names is where it came from. */
int64_t replay_plan_find(struct plan *plan, size_t source, const struct mq_message *message)
{
	bool is_file = source >= plan->n_sources;
	struct mq_bytes stream = is_file ? MQ_ABSENT : message->stream;
	int32_t partition = is_file ? MQ_NO_PARTITION : message->partition;
	size_t low = 0, high = plan->n;

	/* Messages come in runs. */
	if (plan->at < plan->n &&
	    compare_place(&plan->parts[plan->at], source, stream, partition) == 0)
		return (int64_t)plan->at;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_place(&plan->parts[middle], source, stream, partition);
		if (order == 0) {
			plan->at = middle;
			return (int64_t)middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

bool replay_plan_came_before(struct plan *plan, size_t source, const struct mq_message *message)
{
	int64_t part = replay_plan_find(plan, source, message);

	return part >= 0 && plan->parts[part].by_id &&
	       mq_bytes_equal(message->id, mq_bytes_str(plan->parts[part].last_id));
}

int64_t replay_plan_left(const struct plan *plan)
{
	int64_t total = 0;

	for (size_t i = 0; i < plan->n_sources; i++)
		if (!plan->exact[i])
			return -1;
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_part *part = &plan->parts[i];
		if (part->by_id || !part->stream)
			return -1;
		if (part->to > part->next)
			total += part->to - part->next;
	}
	return total;
}

struct mq_range *replay_plan_ranges(const struct plan *plan, size_t source, size_t *ret_n,
                                    struct mq_err *err)
{
	struct mq_range *ranges = calloc(plan->n + 1, sizeof *ranges);

	*ret_n = 0;
	if (!ranges) {
		mq_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_part *part = &plan->parts[i];
		struct mq_range *range = &ranges[*ret_n];
		if (part->source != source)
			continue;
		*range = (struct mq_range){.stream = part->stream, .partition = part->partition};
		if (part->by_id) {
			const char *from = part->last_id[0] ? part->last_id : part->from_id;
			range->from.kind = range->to.kind = MQ_POS_ID;
			snprintf(range->from.text, sizeof range->from.text, "%s", from);
			snprintf(range->to.text, sizeof range->to.text, "%s", part->to_id);
		} else {
			range->from.kind = range->to.kind = MQ_POS_OFFSET;
			range->from.number = part->next;
			range->to.number = part->to > part->next ? part->to : part->next;
		}
		(*ret_n)++;
	}
	return ranges;
}

/* --- which partitions ------------------------------------------------------------------------ */

static bool wants_partition(const struct replay_values *values, int32_t partition)
{
	for (size_t i = 0; i < values->partitions.n; i++)
		if (values->partitions.items[i] == partition)
			return true;
	return values->partitions.n == 0;
}

static bool has_stream(const struct plan *plan, size_t source, const char *stream)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->parts[i].source == source && strcmp(plan->parts[i].stream, stream) == 0)
			return true;
	return false;
}

/* A named stream's partitions must be there; of those that match a pattern some may be smaller. */
static int check_partitions(const struct replay_values *values, const struct mq_stream_info *info,
                            struct mq_err *err)
{
	for (size_t i = 0; i < values->partitions.n; i++)
		if (values->partitions.items[i] >= (int32_t)info->n_partitions)
			return mq_fail(err, MQ_NOT_FOUND,
			               "%s has no partition %d; it has %zu, from 0", info->name,
			               (int)values->partitions.items[i], info->n_partitions);
	return 0;
}

static int add_stream(struct plan *plan, size_t source, const struct mq_conn *conn,
                      const struct mq_stream_info *info, const struct replay_values *values,
                      struct mq_err *err)
{
	bool by_id = conn->caps & MQ_CAP_IDS;

	if (has_stream(plan, source, info->name))
		return 0;
	if (!(conn->caps & MQ_CAP_PARTITIONS)) {
		struct plan_part *part =
		    replay_plan_add(plan, source, info->name, MQ_NO_PARTITION, err);
		if (part)
			part->by_id = by_id;
		return part ? 0 : -1;
	}
	for (size_t p = 0; p < info->n_partitions; p++) {
		if (!wants_partition(values, info->partitions[p].partition))
			continue;
		struct plan_part *part =
		    replay_plan_add(plan, source, info->name, info->partitions[p].partition, err);
		if (!part)
			return -1;
		part->partitions = (int32_t)info->n_partitions;
	}
	return 0;
}

static int add_matching(struct plan *plan, size_t source, const struct mq_conn *conn,
                        const char *pattern, const struct mq_stream_list *list,
                        const struct replay_values *values, struct mq_err *err)
{
	regex_t regex;
	size_t found = 0;
	int result = 0;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return mq_fail(err, MQ_USAGE, "%s is no regular expression", pattern);
	for (size_t i = 0; i < list->n && result == 0; i++) {
		if (list->items[i].internal ||
		    regexec(&regex, list->items[i].name, 0, NULL, 0) != 0)
			continue;
		found++;
		result = add_stream(plan, source, conn, &list->items[i], values, err);
	}
	regfree(&regex);
	if (result == 0 && found == 0)
		return mq_fail(err, MQ_NOT_FOUND, "no stream matches '%s'", pattern);
	return result;
}

/* The list says how many partitions there are; a stream that is not in it gets the broker's own
 * words. */
static int add_named(struct plan *plan, size_t source, struct mq_conn *conn, const char *name,
                     const struct mq_stream_list *list, const struct replay_values *values,
                     struct mq_err *err)
{
	struct mq_stream_info info;
	int result = -1;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].name, name) == 0 && list->items[i].n_partitions > 0)
			return check_partitions(values, &list->items[i], err) < 0
			           ? -1
			           : add_stream(plan, source, conn, &list->items[i], values, err);
	if (mq_describe(conn, name, &info, err) == 0 &&
	    (!(conn->caps & MQ_CAP_PARTITIONS) || check_partitions(values, &info, err) == 0))
		result = add_stream(plan, source, conn, &info, values, err);
	mq_stream_info_release(&info);
	return result;
}

static int add_source(struct plan *plan, size_t i, const struct source *source,
                      const struct replay_values *values, struct mq_err *err)
{
	struct mq_stream_list list = {0};
	bool patterns = false;
	int result = 0;

	for (size_t s = 0; s < source->n_streams; s++)
		patterns = patterns || source->streams[s][0] == '^';
	/* Where there are no partitions to learn, listing may be dear. */
	if ((patterns || (source->conn->caps & MQ_CAP_PARTITIONS)) &&
	    mq_list(source->conn, false, &list, err) < 0)
		result = -1;
	for (size_t s = 0; s < source->n_streams && result == 0; s++) {
		const char *name = source->streams[s];
		if (name[0] == '^' && (source->conn->caps & MQ_CAP_REGEX))
			result = add_matching(plan, i, source->conn, name, &list, values, err);
		else
			result = add_named(plan, i, source->conn, name, &list, values, err);
	}
	mq_stream_list_release(&list);
	return result;
}

/* --- from where to where --------------------------------------------------------------------- */

/* The looks at one part: its begin and end, and what --from and --to stand for. */
enum { AT_BEGIN, AT_END, AT_FROM, AT_TO, LOOKS };

/* Whether a position has to be asked for; the others follow from begin and end. */
static bool must_ask(const struct mq_pos *pos, bool by_id)
{
	return pos->kind == MQ_POS_TIME || (by_id && pos->kind == MQ_POS_LAST);
}

static struct mq_pos what_to_ask(int look, const struct replay_values *values, bool by_id)
{
	const struct mq_pos begin = {.kind = MQ_POS_BEGINNING}, end = {.kind = MQ_POS_END};

	if (look == AT_FROM && must_ask(&values->from.pos, by_id))
		return values->from.pos;
	if (look == AT_TO && must_ask(&values->to.pos, by_id))
		return values->to.pos;
	return look == AT_END || look == AT_TO ? end : begin;
}

static int64_t resolve_offset(const struct mq_pos *pos, const struct mq_locate *looks, int asked,
                              int otherwise)
{
	int64_t begin = looks[AT_BEGIN].offset, end = looks[AT_END].offset;

	switch (pos->kind) {
	case MQ_POS_OFFSET:
		return pos->number;
	case MQ_POS_LAST:
		return pos->number > end - begin ? begin : end - pos->number;
	case MQ_POS_TIME:
		return looks[asked].offset;
	case MQ_POS_BEGINNING:
		return begin;
	case MQ_POS_END:
		return end;
	case MQ_POS_UNSET:
	case MQ_POS_STORED:
	case MQ_POS_ID:
		break;
	}
	return looks[otherwise].offset;
}

static const char *resolve_id(const struct mq_pos *pos, const struct mq_locate *looks, int asked,
                              int otherwise)
{
	switch (pos->kind) {
	case MQ_POS_ID:
		return pos->text;
	case MQ_POS_LAST:
	case MQ_POS_TIME:
		return looks[asked].id;
	case MQ_POS_BEGINNING:
		return looks[AT_BEGIN].id;
	case MQ_POS_END:
		return looks[AT_END].id;
	case MQ_POS_UNSET:
	case MQ_POS_STORED:
	case MQ_POS_OFFSET:
		break;
	}
	return looks[otherwise].id;
}

static void place_part(struct plan_part *part, const struct replay_values *values,
                       const struct mq_locate *looks)
{
	const struct mq_pos *from = &values->from.pos, *to = &values->to.pos;

	if (part->by_id) {
		snprintf(part->from_id, sizeof part->from_id, "%s",
		         resolve_id(from, looks, AT_FROM, AT_BEGIN));
		snprintf(part->to_id, sizeof part->to_id, "%s",
		         resolve_id(to, looks, AT_TO, AT_END));
		return;
	}
	part->from = part->next = resolve_offset(from, looks, AT_FROM, AT_BEGIN);
	part->to = resolve_offset(to, looks, AT_TO, AT_END);
	if (part->to > looks[AT_END].offset)
		part->to = looks[AT_END].offset;
}

/* Where the parts [first, plan->n) begin and end. */
static int place_parts(struct plan *plan, size_t first, struct mq_conn *conn,
                       const struct replay_values *values, struct mq_err *err)
{
	size_t n = plan->n - first;
	struct mq_locate *looks = calloc(n * LOOKS + 1, sizeof *looks);
	int result = -1;

	if (!looks)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n * LOOKS; i++) {
		const struct plan_part *part = &plan->parts[first + i / LOOKS];
		looks[i].stream = part->stream;
		looks[i].partition = part->partition;
		looks[i].pos = what_to_ask((int)(i % LOOKS), values, part->by_id);
	}
	if (n > 0 && mq_locate(conn, looks, n * LOOKS, err) < 0)
		goto out;
	for (size_t i = 0; i < n * LOOKS; i++)
		if (looks[i].err.code != MQ_OK) {
			*err = looks[i].err;
			goto out;
		}
	for (size_t i = 0; i < n; i++)
		place_part(&plan->parts[first + i], values, &looks[i * LOOKS]);
	result = 0;
out:
	free(looks);
	return result;
}

/* True when what could not be placed is read without a plan. */
static bool drop_queues(struct plan *plan, size_t first, const struct mq_conn *conn,
                        struct mq_err *err)
{
	if (err->code != MQ_USAGE || conn->caps & (MQ_CAP_PARTITIONS | MQ_CAP_IDS))
		return false;
	while (plan->n > first)
		free(plan->parts[--plan->n].stream);
	mq_err_clear(err);
	return true;
}

/* Whether what is to be read of a broker can be said in ranges. */
static bool can_plan(const struct source *source, const struct replay_values *values)
{
	return source->n_streams > 0 && (source->conn->caps & MQ_CAP_RANGES) && !values->ack &&
	       !values->held_group && (!values->group || values->exactly_once || values->dry_run);
}

int replay_plan_make(struct plan *plan, const struct sources *sources,
                     const struct replay_values *values, struct mq_err *err)
{
	plan->n_sources = sources->n;
	plan->exact = calloc(sources->n + 1, sizeof *plan->exact);
	if (!plan->exact)
		return mq_fail_memory(err);
	for (size_t i = 0; i < sources->n; i++) {
		size_t first = plan->n;
		if (!can_plan(&sources->items[i], values))
			continue;
		if (add_source(plan, i, &sources->items[i], values, err) < 0)
			return -1;
		plan->exact[i] = place_parts(plan, first, sources->items[i].conn, values, err) == 0;
		/* A queue, where only streams have positions: it is read as it comes. */
		if (!plan->exact[i] && !drop_queues(plan, first, sources->items[i].conn, err))
			return -1;
	}
	replay_plan_sort(plan);
	return 0;
}

/* A broker's part has a stream, a file's has none; nothing beyond the end was done. */
static bool part_can_be(const struct plan_part *part, size_t n_brokers, size_t n_files)
{
	if (part->source >= n_brokers)
		return part->source - n_brokers < n_files && !part->stream && !part->by_id &&
		       part->next >= 0;
	if (!part->stream || part->by_id)
		return part->stream != NULL;
	return part->next >= part->from &&
	       part->next <= (part->to > part->from ? part->to : part->from);
}

bool replay_plan_can_be(const struct plan *plan, size_t n_brokers, size_t n_files)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!part_can_be(&plan->parts[i], n_brokers, n_files) ||
		    (i > 0 && compare_parts(&plan->parts[i - 1], &plan->parts[i]) >= 0))
			return false;
	return true;
}
