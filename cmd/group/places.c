/*
 * Where a group stands and where it is to stand: rows of a plan and their targets. What is done
 * with them is in plan.c.
 */
#include "cmd/group/group.h"

#include "mqtk/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AFTER "after:"
#define PLAN_LIMIT ((size_t)256 << 20)

/* --- positions ------------------------------------------------------------------------------- */

bool group_pos_known(const struct group_pos *pos)
{
	return pos->offset != MQ_NO_OFFSET || pos->id[0];
}

bool group_pos_equal(const struct group_pos *a, const struct group_pos *b)
{
	return a->offset == b->offset && a->delivered == b->delivered && strcmp(a->id, b->id) == 0;
}

void group_pos_text(const struct group_pos *pos, char *ret)
{
	if (pos->id[0])
		snprintf(ret, GROUP_POS_TEXT, "%s%s", pos->delivered ? AFTER : "", pos->id);
	else if (pos->offset != MQ_NO_OFFSET)
		snprintf(ret, GROUP_POS_TEXT, "%lld", (long long)pos->offset);
	else
		ret[0] = '\0';
}

static struct group_pos pos_of(int64_t offset, const char *delivered_id)
{
	struct group_pos pos = {.offset = offset < 0 ? MQ_NO_OFFSET : offset};

	if (delivered_id) {
		pos.offset = MQ_NO_OFFSET;
		pos.delivered = true;
		snprintf(pos.id, sizeof pos.id, "%s", delivered_id);
	}
	return pos;
}

/* --- rows ------------------------------------------------------------------------------------ */

void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->rows[i].stream);
	free(plan->rows);
	*plan = (struct plan){0};
}

static struct plan_row *add_row(struct plan *plan, const char *stream, int32_t partition,
                                struct mq_err *err)
{
	struct plan_row *row = mq_info_grow(&plan->rows, &plan->n, sizeof *row, err);

	if (!row)
		return NULL;
	row->partition = partition;
	row->skipped = row->settled = -1;
	row->current = row->target = row->begin = row->end = GROUP_POS_NONE;
	row->stream = strdup(stream);
	if (row->stream)
		return row;
	mq_fail_memory(err);
	return NULL;
}

static bool is_listed(const int32_t *partitions, size_t n, int32_t partition)
{
	for (size_t i = 0; i < n; i++)
		if (partitions[i] == partition)
			return true;
	return n == 0;
}

int plan_from_group(struct plan *plan, const struct mq_group_info *group, const int32_t *partitions,
                    size_t n_partitions, struct mq_err *err)
{
	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		if (!is_listed(partitions, n_partitions, place->partition))
			continue;
		struct plan_row *row = add_row(plan, place->stream, place->partition, err);
		if (!row)
			return -1;
		row->current = pos_of(place->committed, place->committed_id);
		row->begin = pos_of(place->begin, NULL);
		row->end = pos_of(place->end, place->end_id);
		/* With both known it is a remark, as that messages are gone where the group stands:
		 * that is why it is to be moved. */
		bool known =
		    group_pos_known(&row->current) && (place->end >= 0 || place->end_id != NULL);
		if (place->error && known)
			snprintf(row->note, sizeof row->note, "%s", place->error);
		else if (place->error)
			mq_fail(&row->err, MQ_PARTIAL, "%s", place->error);
	}
	for (size_t i = 0; i < n_partitions; i++) {
		size_t r = 0;
		while (r < plan->n && plan->rows[r].partition != partitions[i])
			r++;
		if (r == plan->n)
			return mq_fail(err, MQ_NOT_FOUND, "group %s: there is no partition %d",
			               group->name, (int)partitions[i]);
	}
	return 0;
}

int plan_from_stream(struct plan *plan, const struct mq_stream_info *info, struct mq_err *err)
{
	for (size_t i = 0; i < info->n_partitions; i++) {
		const struct mq_partition_info *partition = &info->partitions[i];
		struct plan_row *row = add_row(plan, info->name, partition->partition, err);
		if (!row)
			return -1;
		row->begin = pos_of(partition->begin, NULL);
		row->end = pos_of(partition->end, NULL);
	}
	if (info->n_partitions)
		return 0;
	struct plan_row *row = add_row(plan, info->name, MQ_NO_PARTITION, err);
	if (!row)
		return -1;
	row->end = pos_of(MQ_NO_OFFSET, info->last_id);
	return 0;
}

/* --- goals ----------------------------------------------------------------------------------- */

static int check_pos(const struct mq_pos *pos, struct mq_err *err)
{
	if (pos->kind != MQ_POS_STORED)
		return 0;
	mq_fail(err, MQ_USAGE, "'stored' is where the group stands already");
	return mq_hint(err, "expected: beginning, end, a position, @TIME, -1h, shift:+N, "
	                    "shift:-N, group:OTHER");
}

int group_goal_parse(void *field, const char *value, struct mq_err *err)
{
	struct group_goal *goal = field;

	*goal = (struct group_goal){0};
	if (strncmp(value, "group:", 6) == 0) {
		goal->kind = GOAL_GROUP;
		goal->group = value + 6;
		return *goal->group ? 0 : mq_fail(err, MQ_USAGE, "'group:' names no group");
	}
	if (strncmp(value, "shift:", 6) == 0) {
		const char *number = value + 6;
		bool back = *number == '-';
		goal->kind = GOAL_SHIFT;
		if ((*number != '-' && *number != '+') ||
		    mq_int_parse(number + 1, 1, INT64_MAX, &goal->shift, NULL) < 0)
			return mq_fail(err, MQ_USAGE,
			               "'%s' is no shift, expected shift:+N or shift:-N", value);
		if (back)
			goal->shift = -goal->shift;
		return 0;
	}
	goal->kind = GOAL_POS;
	if (value[0] == '+') {
		mq_fail(err, MQ_USAGE, "'%s' is no position", value);
		return mq_hint(err, "shift:%s moves the group by so many messages", value);
	}
	if (mq_pos_parse(value, mq_now_ms(), &goal->pos, err) < 0)
		return mq_hint(err, "also: shift:+N, shift:-N, group:OTHER");
	return check_pos(&goal->pos, err);
}

static void note(struct plan_row *row, const char *text)
{
	snprintf(row->note, sizeof row->note, "%s", text);
}

/* An offset that is to stand within what there is. */
static void aim_offset(struct plan_row *row, int64_t offset)
{
	int64_t begin = row->begin.offset != MQ_NO_OFFSET ? row->begin.offset : 0;

	row->target = GROUP_POS_NONE;
	row->target.offset = offset;
	if (offset < begin) {
		row->target.offset = begin;
		note(row, "not before the beginning");
	} else if (row->end.offset != MQ_NO_OFFSET && offset > row->end.offset) {
		row->target.offset = row->end.offset;
		note(row, "not behind the end");
	}
}

/* What needs no look: offsets, and counts from an end that is known. */
static bool aim_by_counting(const struct group_scope *scope, struct plan_row *row,
                            const struct mq_pos *pos)
{
	if (scope->conn->caps & MQ_CAP_IDS)
		return false;
	if (pos->kind == MQ_POS_OFFSET) {
		aim_offset(row, pos->number);
		return true;
	}
	if (pos->kind != MQ_POS_LAST)
		return false;
	if (row->end.offset == MQ_NO_OFFSET)
		mq_fail(&row->err, MQ_PARTIAL, "the end is unknown");
	else
		aim_offset(row, pos->number > row->end.offset ? 0 : row->end.offset - pos->number);
	return true;
}

/* Looks up all positions in one call; positions[i] belongs to row i, UNSET: none. */
static int look_up(struct plan *plan, const struct group_scope *scope,
                   const struct mq_pos *positions, struct mq_err *err)
{
	struct mq_locate *requests = calloc(plan->n + 1, sizeof *requests);
	size_t *which = calloc(plan->n + 1, sizeof *which);
	size_t n = 0;
	int result = -1;

	if (!requests || !which) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_row *row = &plan->rows[i];
		if (positions[i].kind == MQ_POS_UNSET || row->err.code ||
		    aim_by_counting(scope, row, &positions[i]))
			continue;
		which[n] = i;
		requests[n++] = (struct mq_locate){.stream = row->stream,
		                                   .partition = row->partition,
		                                   .pos = positions[i],
		                                   .offset = MQ_NO_OFFSET};
	}
	if (n > 0 && mq_locate(scope->conn, requests, n, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct plan_row *row = &plan->rows[which[i]];
		const struct mq_pos *pos = &positions[which[i]];
		row->err = requests[i].err;
		if (row->err.code)
			continue;
		row->target = GROUP_POS_NONE;
		row->target.offset = requests[i].offset;
		memcpy(row->target.id, requests[i].id, sizeof row->target.id);
		if (pos->kind == MQ_POS_ID && strcmp(pos->text, row->target.id) != 0)
			snprintf(row->note, sizeof row->note,
			         "there is no %s: the next one, or the end", pos->text);
	}
	result = 0;
out:
	free(requests);
	free(which);
	return result;
}

static int aim_pos(struct plan *plan, const struct group_scope *scope, const struct mq_pos *pos,
                   struct mq_err *err)
{
	struct mq_pos *positions = calloc(plan->n + 1, sizeof *positions);
	int result = -1;

	if (!positions)
		return mq_fail_memory(err);
	for (size_t i = 0; i < plan->n; i++)
		positions[i] = *pos;
	result = look_up(plan, scope, positions, err);
	free(positions);
	return result;
}

static int aim_shift(struct plan *plan, const struct group_scope *scope, int64_t shift,
                     struct mq_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_row *row = &plan->rows[i];
		int64_t offset;
		if (row->err.code)
			continue;
		if (!group_pos_known(&row->current))
			mq_fail(&row->err, MQ_PARTIAL,
			        "nothing is committed that could be shifted");
		else if (row->current.id[0]) {
			if (group_walk(scope, row, shift, err) < 0)
				return -1;
		} else if (__builtin_add_overflow(row->current.offset, shift, &offset) ||
		           offset < 0)
			aim_offset(row, shift < 0 ? INT64_MIN : INT64_MAX);
		else
			aim_offset(row, offset);
	}
	return 0;
}

static int aim_like(struct plan *plan, const struct group_scope *scope, const char *other,
                    struct mq_err *err)
{
	struct mq_group_list list;
	bool any = false;

	if (group_scope_look(scope, other, MQ_GROUP_PLACES, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_row *row = &plan->rows[i];
		const struct mq_group_info *group = &list.items[0];
		if (row->err.code)
			continue;
		for (size_t p = 0; p < group->n_places; p++)
			if (group->places[p].partition == row->partition &&
			    strcmp(group->places[p].stream, row->stream) == 0)
				row->target = pos_of(group->places[p].committed,
				                     group->places[p].committed_id);
		if (row->target.offset != MQ_NO_OFFSET)
			aim_offset(row, row->target.offset);
		any |= group_pos_known(&row->target);
		if (!group_pos_known(&row->target))
			snprintf(row->note, sizeof row->note, "group %.100s has nothing here",
			         other);
	}
	mq_group_list_release(&list);
	return any ? 0
	           : mq_fail(err, MQ_NOT_FOUND, "group %s has committed nothing in %s", other,
	                     scope->target.shown);
}

int plan_aim(struct plan *plan, const struct group_scope *scope, const char *group,
             const struct group_goal *goal, struct mq_err *err)
{
	switch (goal->kind) {
	case GOAL_POS:
		return aim_pos(plan, scope, &goal->pos, err);
	case GOAL_SHIFT:
		return aim_shift(plan, scope, goal->shift, err);
	case GOAL_GROUP:
		if (strcmp(goal->group, group) == 0)
			return mq_fail(err, MQ_USAGE, "group:%s is the group itself", group);
		return aim_like(plan, scope, goal->group, err);
	case GOAL_NONE:
		break;
	}
	mq_fail(err, MQ_USAGE, "nothing says where the group is to stand");
	return mq_hint(err, "--to beginning|end|POS|@TIME|-1h|shift:+N|shift:-N|group:OTHER, or "
	                    "--plan FILE");
}

/* --- plan files ------------------------------------------------------------------------------ */

static int read_file(const char *path, struct mq_buf *buf, struct mq_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot open the plan %s", path);
	while (n != 0) {
		if (mq_buf_reserve(buf, 1 << 16, err) < 0)
			break;
		n = read(fd, buf->data + buf->len, 1 << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			mq_fail_errno(err, MQ_IO, errno, "cannot read the plan %s", path);
			break;
		}
		buf->len += (size_t)n;
	}
	if (!is_stdin)
		close(fd);
	return n == 0 ? 0 : -1;
}

static struct plan_row *find_row(const struct plan *plan, const struct mq_plan_line *line)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->rows[i].partition == line->partition &&
		    strcmp(plan->rows[i].stream, line->stream) == 0)
			return &plan->rows[i];
	return NULL;
}

/* One line's target. Positions that are to be looked up go to *position. */
static int take_line(struct plan_row *row, const struct mq_plan_line *line, const char *path,
                     struct mq_pos *position, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (group_pos_known(&row->target) || position->kind != MQ_POS_UNSET)
		return mq_fail(err, MQ_DATA, "%s:%lld: %s[%d] is named twice", path,
		               (long long)line->line, line->stream, (int)line->partition);
	if (strncmp(line->target, AFTER, strlen(AFTER)) == 0 &&
	    strlen(line->target) < strlen(AFTER) + sizeof row->target.id) {
		row->target = pos_of(MQ_NO_OFFSET, line->target + strlen(AFTER));
		return 0;
	}
	if (mq_pos_parse(line->target, mq_now_ms(), position, &why) < 0 ||
	    check_pos(position, &why) < 0)
		return mq_fail(err, MQ_DATA, "%s:%lld: %s", path, (long long)line->line,
		               why.message);
	return 0;
}

static int take_lines(struct plan *plan, const struct group_scope *scope,
                      const struct mq_plan_lines *lines, const char *path, struct mq_err *err)
{
	struct mq_pos *positions = calloc(plan->n + 1, sizeof *positions);
	int result = 0;

	if (!positions)
		return mq_fail_memory(err);
	for (size_t i = 0; i < lines->n && result == 0; i++) {
		const struct mq_plan_line *line = &lines->items[i];
		struct plan_row *row = find_row(plan, line);
		if (!row && line->partition == MQ_NO_PARTITION)
			result = mq_fail(err, MQ_NOT_FOUND,
			                 "%s:%lld: the group does not stand in %s of %s", path,
			                 (long long)line->line, line->stream, scope->target.shown);
		else if (!row)
			result = mq_fail(err, MQ_NOT_FOUND, "%s:%lld: there is no %s[%d] in %s",
			                 path, (long long)line->line, line->stream,
			                 (int)line->partition, scope->target.shown);
		else if (line->target)
			result = take_line(row, line, path, &positions[row - plan->rows], err);
	}
	if (result == 0)
		result = look_up(plan, scope, positions, err);
	free(positions);
	return result;
}

int plan_aim_file(struct plan *plan, const struct group_scope *scope, const char *path,
                  struct mq_err *err)
{
	struct mq_plan_lines lines = {0};
	struct mq_buf buf;
	int result = -1;

	mq_buf_init(&buf, PLAN_LIMIT);
	if (read_file(path, &buf, err) == 0 &&
	    mq_plan_parse(buf.data, buf.len, path, &lines, err) == 0) {
		if (lines.n == 0)
			mq_fail(err, MQ_DATA, "%s: the plan is empty", path);
		else
			result = take_lines(plan, scope, &lines, path, err);
	}
	mq_plan_lines_release(&lines);
	mq_buf_release(&buf);
	return result;
}
