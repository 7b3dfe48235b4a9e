/* mqtk lag: whom to ask, and one look. See lag.h. */
#include "cmd/lag/lag.h"

#include <stdlib.h>
#include <string.h>

/* --- the source ------------------------------------------------------------------------------ */

/* The address without its last segment: percent-encoding leaves no '/' in a stream. */
static int name_broker(struct lag_source *source, struct mq_err *err)
{
	const char *shown = source->target.shown;
	const char *slash = strrchr(shown, '/');

	source->broker =
	    strndup(shown, slash && slash > shown ? (size_t)(slash - shown) : strlen(shown));
	return source->broker ? 0 : mq_fail_memory(err);
}

static int compile_pattern(struct lag_source *source, struct mq_err *err)
{
	const char *stream = source->target.stream;

	if (!stream || stream[0] != '^')
		return 0;
	if (regcomp(&source->pattern, stream, REG_EXTENDED | REG_NOSUB) != 0)
		return mq_fail(err, MQ_USAGE, "'%s' is no regular expression", stream);
	source->has_pattern = true;
	return 0;
}

int lag_source_init(struct lag_source *source, const struct mq_invocation *invocation,
                    struct mq_err *err)
{
	const struct lag_values *values = invocation->values;
	const struct mq_operands *operands = &invocation->operands;

	*source = (struct lag_source){.env = invocation->env, .ages = !values->no_age};
	if (mq_target_resolve(operands->n ? operands->items[0] : "", invocation->config,
	                      &invocation->settings, &source->target, err) < 0)
		return -1;
	if (operands->n > 1) {
		source->groups = operands->items + 1;
		source->n_groups = operands->n - 1;
	}
	if (values->all && source->n_groups)
		return mq_fail(err, MQ_USAGE,
		               "--all means every group, but one is named: %s; give one of them",
		               source->groups[0]);
	return name_broker(source, err) < 0 ? -1 : compile_pattern(source, err);
}

void lag_source_release(struct lag_source *source)
{
	mq_close(source->conn);
	if (source->has_pattern)
		regfree(&source->pattern);
	free(source->broker);
	mq_target_release(&source->target);
	*source = (struct lag_source){0};
}

/* --- one look -------------------------------------------------------------------------------- */

static void keep_first(struct mq_err *kept, const struct mq_err *one)
{
	if (kept->code == MQ_OK)
		*kept = *one;
}

bool lag_is_absent(const struct mq_group_info *group)
{
	return group->err.code == MQ_NOT_FOUND && group->n_places == 0;
}

static void survey(struct lag_look *look)
{
	for (size_t i = 0; i < look->list.n; i++) {
		const struct mq_group_info *group = &look->list.items[i];
		if (lag_is_absent(group))
			keep_first(&look->absent, &group->err);
		else if (group->err.code)
			keep_first(&look->missing, &group->err);
		for (size_t k = 0; k < group->n_places; k++)
			look->n_known += group->places[k].lag >= 0;
	}
	if (look->list.partial.code)
		keep_first(&look->missing, &look->list.partial);
}

int lag_source_look(struct lag_source *source, struct lag_look *ret_look, struct mq_err *err)
{
	const char *stream = source->target.stream;
	struct mq_group_query query = {.groups = source->groups,
	                               .n_groups = source->n_groups,
	                               .want = MQ_GROUP_MEMBERS | MQ_GROUP_ENDS};

	*ret_look = (struct lag_look){0};
	if (source->ages)
		query.want |= MQ_GROUP_AGES;
	if (stream && !source->has_pattern) {
		query.streams = &stream;
		query.n_streams = 1;
	}
	if (!source->conn && mq_open(&source->target, source->env, &source->conn, err) < 0)
		return -1;
	if (mq_groups(source->conn, &query, &ret_look->list, err) < 0) {
		mq_group_list_release(&ret_look->list);
		mq_close(source->conn);
		source->conn = NULL;
		return -1;
	}
	ret_look->now_ms = mq_now_ms();
	ret_look->at_ms = mq_now_monotonic_ms();
	survey(ret_look);
	return 0;
}

void lag_look_release(struct lag_look *look)
{
	mq_group_list_release(&look->list);
}

/* Of all groups those are left out that have nothing to do with the stream that was named, and of
 * all streams those that do not match. */
static bool not_asked_for(const void *ctx, const struct mq_lag_row *row)
{
	const struct lag_source *source = ctx;

	if (source->has_pattern &&
	    (!row->stream || regexec(&source->pattern, row->stream, 0, NULL, 0) != 0))
		return row->stream || (row->idle && !source->n_groups);
	return row->idle && source->target.stream && !source->n_groups;
}

/* A group that has not read a partition of the stream yet still belongs to the stream. */
static void keep_used_streams(struct mq_lag_table *table)
{
	struct mq_lag_row *rows = table->rows;

	for (size_t from = 0, to; from < table->n; from = to) {
		bool used = false;
		for (to = from; to < table->n && rows[to].stream && rows[from].stream &&
		                strcmp(rows[to].stream, rows[from].stream) == 0 &&
		                strcmp(rows[to].group ? rows[to].group : "",
		                       rows[from].group ? rows[from].group : "") == 0;
		     to++)
			used |= !rows[to].idle;
		to += to == from;
		for (size_t i = from; i < to && used; i++)
			rows[i].idle = false;
	}
}

int lag_look_add(const struct lag_source *source, const struct lag_look *look,
                 struct mq_lag_table *table, struct mq_err *err)
{
	if (mq_lag_table_add(table, &look->list, look->now_ms, look->at_ms, err) < 0)
		return -1;
	keep_used_streams(table);
	mq_lag_table_drop(table, not_asked_for, source);
	return 0;
}

static bool of_absent_group(const void *ctx, const struct mq_lag_row *row)
{
	const struct mq_group_list *list = ctx;

	for (size_t i = 0; i < list->n && !row->stream && row->group; i++)
		if (lag_is_absent(&list->items[i]) && list->items[i].name &&
		    strcmp(list->items[i].name, row->group) == 0)
			return true;
	return false;
}

void lag_drop_absent(const struct lag_look *look, struct mq_lag_table *table)
{
	if (look->absent.code)
		mq_lag_table_drop(table, of_absent_group, &look->list);
}

void lag_hint_group(struct lag_source *source, const char *group, struct mq_err *err)
{
	struct mq_group_query query = {0};
	struct mq_group_list list = {0};
	struct mq_err ignored = MQ_ERR_INIT;
	const char **names = NULL;
	const char *nearest = NULL;
	size_t n = 0;

	if (source->conn && mq_groups(source->conn, &query, &list, &ignored) == 0)
		names = calloc(list.n + 1, sizeof *names);
	for (size_t i = 0; names && i < list.n; i++)
		if (list.items[i].name)
			names[n++] = list.items[i].name;
	if (names)
		nearest = mq_nearest(group, names);
	if (nearest) {
		err->hint[0] = '\0';
		mq_hint(err, "did you mean %s?", nearest);
	} else
		mq_hint(err, "mqtk lag %s/ shows all groups", source->broker);
	free(names);
	mq_group_list_release(&list);
}
