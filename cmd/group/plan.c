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
	if (row->skipped >= 0)
		mq_json_int(&json, "skipped", row->skipped);
	if (row->settled >= 0)
		mq_json_int(&json, "settled", row->settled);
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

/* Columns that no row has anything for are left out. */
static int append_table(const struct plan *plan, bool done, bool bold, struct mq_buf *buf,
                        struct mq_err *err)
{
	const char *headings[9];
	struct mq_table table;
	char old[GROUP_POS_TEXT], new[GROUP_POS_TEXT];
	bool partitions = false, skipped = false, settled = false;
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++) {
		partitions |= plan->rows[i].partition != MQ_NO_PARTITION;
		skipped |= plan->rows[i].skipped >= 0;
		settled |= plan->rows[i].settled >= 0;
	}
	headings[n++] = "STREAM";
	if (partitions)
		headings[n++] = ">PARTITION";
	headings[n++] = done ? ">OLD" : ">CURRENT";
	headings[n++] = "";
	headings[n++] = done ? ">NEW" : ">TARGET";
	if (skipped)
		headings[n++] = ">SKIPPED";
	if (settled)
		headings[n++] = ">SETTLED";
	headings[n++] = "NOTE";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_row *row = &plan->rows[i];
		bool moves = !row->err.code && group_pos_known(&row->target);
		group_pos_text(&row->current, old);
		group_pos_text(moves ? &row->target : &row->current, new);
		mq_table_text(&table, row->stream);
		if (partitions)
			mq_table_known(&table, row->partition, MQ_NO_PARTITION);
		mq_table_text(&table, old[0] ? old : NULL);
		mq_table_text(&table, moves ? "->" : "");
		mq_table_text(&table, new[0] ? new : NULL);
		if (skipped)
			mq_table_known(&table, row->skipped, -1);
		if (settled)
			mq_table_known(&table, row->settled, -1);
		mq_table_text(&table, note_of(row));
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

int plan_report(const struct plan *plan, const char *group, bool done, bool json, bool bold,
                struct mq_err *err)
{
	struct mq_err own = MQ_ERR_INIT;
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, PRINT_LIMIT);
	if (!json)
		result = append_table(plan, done, bold, &buf, &own);
	for (size_t i = 0; json && i < plan->n && result == 0; i++) {
		const struct plan_row *row = &plan->rows[i];
		bool moved = !row->err.code && group_pos_known(&row->target);
		result = append_json(row, group, done ? moved : -1, &buf, &own);
	}
	if (result == 0)
		result = mq_print(&buf, &own) == 0 ? 0 : -1;
	mq_buf_release(&buf);
	if (result < 0 && err->code == MQ_OK)
		*err = own;
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

int plan_move(struct plan *plan, const struct group_scope *scope, const char *group, bool create,
              bool force, struct mq_err *err)
{
	struct mq_group_move *moves = calloc(plan->n + 1, sizeof *moves);
	size_t *which = calloc(plan->n + 1, sizeof *which);
	struct mq_group_set set = {
	    .group = group, .moves = moves, .create = create, .force = force};
	struct mq_err why = MQ_ERR_INIT;
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
	if (set.n > 0 && mq_group_set(scope->conn, &set, &why) < 0 && why.code != MQ_PARTIAL) {
		*err = why;
		goto out;
	}
	for (size_t i = 0; i < set.n; i++)
		plan->rows[which[i]].err = moves[i].err;
	result = 0;
out:
	free(moves);
	free(which);
	return result;
}
