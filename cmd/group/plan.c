/* Plans: printing them, and moving the group as they say. Where targets come from is in places.c.
 */
#include "cmd/commands.h"
#include "cmd/group/group.h"

#include "mqtk/format.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_LIMIT ((size_t)1 << 30)

static void name_row(const struct plan_row *row, char *ret, size_t size)
{
	if (row->partition == MQ_NO_PARTITION)
		snprintf(ret, size, "%s", row->stream);
	else
		snprintf(ret, size, "%s[%d]", row->stream, (int)row->partition);
}

static const char *note_of(const struct plan_row *row)
{
	return row->err.code ? row->err.message : row->note;
}

/* --- printing -------------------------------------------------------------------------------- */

static void append_cell(struct mq_buf *buf, const char *text, bool last, struct mq_err *err)
{
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (quoted)
		mq_buf_append_char(buf, '"', err);
	for (const char *c = text; *c; c++) {
		if (*c == '"')
			mq_buf_append_char(buf, '"', err);
		mq_buf_append_char(buf, *c, err);
	}
	if (quoted)
		mq_buf_append_char(buf, '"', err);
	mq_buf_append_char(buf, last ? '\n' : ',', err);
}

static int append_csv(const struct plan_row *row, struct mq_buf *buf, struct mq_err *err)
{
	char text[GROUP_POS_TEXT];
	const struct group_pos *cells[] = {&row->current, &row->target, &row->begin, &row->end};

	append_cell(buf, row->stream, false, err);
	text[0] = '\0';
	if (row->partition != MQ_NO_PARTITION)
		snprintf(text, sizeof text, "%d", (int)row->partition);
	append_cell(buf, text, false, err);
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
		group_pos_text(cells[i], text);
		append_cell(buf, text, false, err);
	}
	append_cell(buf, note_of(row), true, err);
	return err->code ? -1 : 0;
}

static void json_pos(struct mq_json *json, const char *name, const struct group_pos *pos)
{
	char text[GROUP_POS_TEXT];

	group_pos_text(pos, text);
	if (pos->id[0])
		mq_json_text(json, name, text);
	else
		mq_json_known(json, name, pos->offset, MQ_NO_OFFSET);
}

/* moved: 1 and 0 after it was tried, -1 before. */
static int append_json(const struct plan_row *row, const char *group, int moved, struct mq_buf *buf,
                       struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "group", group);
	mq_json_text(&json, "stream", row->stream);
	mq_json_known(&json, "partition", row->partition, MQ_NO_PARTITION);
	json_pos(&json, "current", &row->current);
	json_pos(&json, "target", &row->target);
	json_pos(&json, "begin", &row->begin);
	json_pos(&json, "end", &row->end);
	mq_json_text(&json, "note", row->note[0] ? row->note : NULL);
	if (moved >= 0)
		mq_json_bool(&json, "moved", moved > 0);
	mq_json_text(&json, "error", row->err.code ? row->err.message : NULL);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

int plan_print(const struct plan *plan, const char *group, bool json, struct mq_err *err)
{
	/* Errors of rows are the caller's, and stand in err already perhaps. */
	struct mq_err own = MQ_ERR_INIT;
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, PRINT_LIMIT);
	if (!json)
		result = mq_buf_append_str(&buf, "stream,partition,current,target,begin,end,note\n",
		                           &own);
	for (size_t i = 0; i < plan->n && result == 0; i++)
		result = json ? append_json(&plan->rows[i], group, -1, &buf, &own)
		              : append_csv(&plan->rows[i], &buf, &own);
	if (result == 0)
		result = mq_print(&buf, &own) == 0 ? 0 : -1;
	mq_buf_release(&buf);
	if (result < 0)
		*err = own;
	return result;
}

static int print_moved(const struct plan *plan, const char *group, bool json, bool bold,
                       struct mq_err *err)
{
	static const char *const headings[] = {"STREAM", ">PARTITION", ">OLD", "",
	                                       ">NEW",   "NOTE",       NULL};
	struct mq_table table;
	struct mq_buf buf;
	char old[GROUP_POS_TEXT], new[GROUP_POS_TEXT];
	int result = 0;

	mq_buf_init(&buf, PRINT_LIMIT);
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < plan->n && result == 0; i++) {
		const struct plan_row *row = &plan->rows[i];
		bool moved = !row->err.code && group_pos_known(&row->target);
		if (json) {
			result = append_json(row, group, moved, &buf, err);
			continue;
		}
		group_pos_text(&row->current, old);
		group_pos_text(moved ? &row->target : &row->current, new);
		mq_table_text(&table, row->stream);
		mq_table_known(&table, row->partition, MQ_NO_PARTITION);
		mq_table_text(&table, old[0] ? old : NULL);
		mq_table_text(&table, moved ? "->" : "");
		mq_table_text(&table, new[0] ? new : NULL);
		mq_table_text(&table, note_of(row));
	}
	if (result == 0 && !json)
		result = mq_table_print(&table, bold, &buf);
	if (result == 0)
		result = mq_print(&buf, err) == 0 ? 0 : -1;
	mq_table_release(&table);
	mq_buf_release(&buf);
	return result;
}

/* --- doing ----------------------------------------------------------------------------------- */

int plan_verdict(const struct plan *plan, struct mq_err *err)
{
	const struct plan_row *first = NULL;
	size_t failed = 0;
	char name[300];

	for (size_t i = 0; i < plan->n; i++) {
		failed += plan->rows[i].err.code != MQ_OK;
		if (!first && plan->rows[i].err.code)
			first = &plan->rows[i];
	}
	if (!failed)
		return 0;
	name_row(first, name, sizeof name);
	mq_fail(err, failed == plan->n ? first->err.code : MQ_PARTIAL, "%s: %s%s", name,
	        first->err.message, failed > 1 ? " (and others)" : "");
	return first->err.hint[0] ? mq_hint(err, "%s", first->err.hint) : -1;
}

int plan_execute(struct plan *plan, const struct group_scope *scope, const char *group, bool create,
                 bool force, bool json, bool bold, struct mq_err *err)
{
	struct mq_group_move *moves = calloc(plan->n + 1, sizeof *moves);
	size_t *which = calloc(plan->n + 1, sizeof *which);
	struct mq_group_set set = {
	    .group = group, .moves = moves, .create = create, .force = force};
	struct mq_err set_err = MQ_ERR_INIT, print_err = MQ_ERR_INIT;
	int result = -1;

	if (!moves || !which) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_row *row = &plan->rows[i];
		if (row->err.code || !group_pos_known(&row->target))
			continue;
		which[set.n] = i;
		struct mq_group_move *move = &moves[set.n++];
		*move = (struct mq_group_move){.stream = row->stream,
		                               .partition = row->partition,
		                               .offset = row->target.offset,
		                               .delivered = row->target.delivered};
		memcpy(move->id, row->target.id, sizeof move->id);
	}
	if (set.n > 0 && mq_group_set(scope->conn, &set, &set_err) < 0 &&
	    set_err.code != MQ_PARTIAL) {
		*err = set_err;
		goto out;
	}
	for (size_t i = 0; i < set.n; i++)
		plan->rows[which[i]].err = moves[i].err;
	result = plan_verdict(plan, err);
	if (print_moved(plan, group, json, bold, &print_err) < 0 && err->code == MQ_OK) {
		*err = print_err;
		result = -1;
	}
out:
	free(moves);
	free(which);
	return result;
}
