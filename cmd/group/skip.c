/* Reading what a skip passes: see skip.h. */
#include "cmd/group/skip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 5, SHOWN_BYTES = 60, PAGE = 1000, PENDING_MAX = 1000000 };

#define NEED (MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES)

int skip_init(struct skip *skip, struct mq_err *err)
{
	static const char *const headings[] = {"SKIPPED", "POSITION", "KEY", "PAYLOAD", NULL};

	mq_table_init(&skip->shown, headings, err);
	skip->rows = calloc(skip->plan->n + 1, sizeof *skip->rows);
	return skip->rows ? 0 : mq_fail_memory(err);
}

void skip_release(struct skip *skip)
{
	for (size_t i = 0; skip->rows && i < skip->plan->n; i++) {
		for (size_t k = 0; k < skip->rows[i].n_ids; k++)
			free(skip->rows[i].ids[k]);
		free(skip->rows[i].ids);
		free(skip->rows[i].sorted);
	}
	free(skip->rows);
	selector_release(&skip->selector);
	mq_table_release(&skip->shown);
}

/* --- one message ----------------------------------------------------------------------------- */

/* The beginning of bytes as a cell; what is no text is made readable by the table. */
static void cell_bytes(struct mq_table *table, struct mq_bytes bytes)
{
	char text[SHOWN_BYTES + 8];
	size_t len = bytes.len < SHOWN_BYTES ? bytes.len : SHOWN_BYTES;

	if (!bytes.data) {
		mq_table_text(table, NULL);
		return;
	}
	for (size_t i = 0; i < len; i++)
		text[i] = bytes.data[i] ? bytes.data[i] : '?';
	text[len] = '\0';
	if (len < bytes.len) {
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		memcpy(text + len, "…", sizeof "…");
	}
	mq_table_text(table, text);
}

static bool is_id(const struct mq_message *message, const char *id)
{
	return mq_bytes_equal(message->id, mq_bytes_str(id));
}

/* Keeps and shows a message that is skipped. */
static int accept(struct skip *skip, const struct mq_message *message, struct mq_err *err)
{
	if (skip->keep && keep_add(skip->keep, message, err) < 0)
		return -1;
	if (skip->n_shown >= SHOWN)
		return 0;
	skip->n_shown++;
	if (message->partition == MQ_NO_PARTITION)
		mq_table_text(&skip->shown, skip->row->stream);
	else
		mq_table_printf(&skip->shown, "%s[%d]", skip->row->stream, (int)message->partition);
	if (message->id.data)
		mq_table_printf(&skip->shown, "%.*s", (int)message->id.len, message->id.data);
	else
		mq_table_known(&skip->shown, message->offset, MQ_NO_OFFSET);
	cell_bytes(&skip->shown, message->key);
	cell_bytes(&skip->shown, message->payload);
	return 0;
}

static bool is_enough(const struct skip *skip)
{
	return skip->count >= 0 && skip->at->passed + (int64_t)skip->at->n_ids >= skip->count;
}

/* --- messages that wait to be delivered ------------------------------------------------------ */

static int take_waiting(void *ctx, const struct mq_message *message, struct mq_err *err)
{
	struct skip *skip = ctx;
	struct plan_row *row = skip->row;

	/* Where positions are ids reading begins with what was delivered last. */
	if (row->current.delivered && is_id(message, row->current.id))
		return 1;
	int matches = selector_matches(&skip->selector, message, err);
	if (matches <= 0) {
		skip->at->other = matches == 0;
		return matches;
	}
	if (message->id.len >= sizeof row->target.id)
		return mq_fail(err, MQ_DATA, "%s: an id of %zu bytes is too long", row->stream,
		               message->id.len);
	if (accept(skip, message, err) < 0)
		return -1;
	skip->at->passed++;
	if (!skip->to_target) {
		row->target = GROUP_POS_NONE;
		row->target.delivered = message->id.data != NULL;
		if (message->id.data)
			snprintf(row->target.id, sizeof row->target.id, "%.*s",
			         (int)message->id.len, message->id.data);
		else
			row->target.offset = message->offset + 1;
	}
	return !is_enough(skip);
}

static int collect_waiting(struct skip *skip, struct mq_err *err)
{
	struct plan_row *row = skip->row;
	struct group_reading reading = {.stream = row->stream,
	                                .partition = row->partition,
	                                .from = group_pos_to_read(&row->current),
	                                .need = NEED,
	                                .limit = -1,
	                                .take = take_waiting,
	                                .ctx = skip};

	if (is_enough(skip))
		return 0;
	if (skip->to_target) {
		if (!group_pos_known(&row->target))
			return 0;
		if (!row->target.id[0] && row->target.offset <= row->current.offset) {
			snprintf(row->note, sizeof row->note, "%s",
			         row->target.offset == row->current.offset
			             ? "it stands there already"
			             : "it stands behind that; 'group reset' goes back");
			row->target = GROUP_POS_NONE;
			return 0;
		}
		reading.to = group_pos_to_end(&row->target);
	}
	if (group_read(skip->scope, &reading, err) < 0)
		return -1;
	/* Ids cannot be compared here: with nothing between them the target is not ahead. */
	if (skip->to_target && skip->at->passed == 0 && row->target.id[0])
		row->target = GROUP_POS_NONE;
	return 0;
}

/* --- messages that are delivered and not settled --------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int take_pending(void *ctx, const struct mq_message *message, struct mq_err *err)
{
	struct skip *skip = ctx;
	struct skip_row *at = skip->at;
	char id[64];

	if (message->id.len >= sizeof id)
		return 1;
	memcpy(id, message->id.data, message->id.len);
	id[message->id.len] = '\0';
	bool last = strcmp(id, at->last) == 0;
	if (!bsearch(id, at->sorted, at->n_sorted, sizeof *at->sorted, compare_ids))
		return 1;
	int matches = selector_matches(&skip->selector, message, err);
	if (matches < 0)
		return -1;
	if (matches) {
		void **slot = mq_info_grow(&at->ids, &at->n_ids, sizeof(char *), err);
		if (!slot)
			return -1;
		*slot = strdup(id);
		if (!*slot)
			return mq_fail_memory(err);
		if (accept(skip, message, err) < 0)
			return -1;
	}
	return !last && !is_enough(skip);
}

/* One page of pending messages: those that are still in the stream are read there. Returns how many
 * the page had, or -1. */
static int64_t collect_page(struct skip *skip, const struct plan_row *row, char *after,
                            struct mq_err *err)
{
	struct mq_pending_list list;
	struct mq_pending_query query = {.group = skip->group,
	                                 .stream = row->stream,
	                                 .after = after[0] ? after : NULL,
	                                 .max = PAGE};
	struct group_reading reading = {.stream = row->stream,
	                                .partition = row->partition,
	                                .need = NEED,
	                                .limit = -1,
	                                .take = take_pending,
	                                .ctx = skip};
	struct group_pos from = GROUP_POS_NONE;
	int64_t n = -1;

	if (mq_pending(skip->scope->conn, &query, &list, err) < 0)
		return -1;
	free(skip->at->sorted);
	skip->at->sorted = calloc(list.n + 1, sizeof *skip->at->sorted);
	if (!skip->at->sorted) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < list.n; i++)
		snprintf(skip->at->sorted[i], sizeof skip->at->sorted[i], "%s", list.items[i].id);
	skip->at->n_sorted = list.n;
	n = (int64_t)list.n;
	if (n == 0)
		goto out;
	snprintf(from.id, sizeof from.id, "%s", list.items[0].id);
	snprintf(skip->at->last, sizeof skip->at->last, "%s", list.items[list.n - 1].id);
	snprintf(after, sizeof skip->at->last, "%s", skip->at->last);
	qsort(skip->at->sorted, list.n, sizeof *skip->at->sorted, compare_ids);
	reading.from = group_pos_to_read(&from);
	if (skip->to_target && group_pos_known(&row->target))
		reading.to = group_pos_to_end(&row->target);
	if (group_read(skip->scope, &reading, err) < 0)
		n = -1;
out:
	mq_pending_list_release(&list);
	return n;
}

static int collect_pending(struct skip *skip, struct mq_err *err)
{
	char after[64] = "";
	int64_t n = PAGE;

	if (!(skip->scope->conn->caps & MQ_CAP_CLAIM) ||
	    (skip->to_target && !group_pos_known(&skip->row->target)))
		return 0;
	while (n == PAGE && !is_enough(skip)) {
		n = collect_page(skip, skip->row, after, err);
		if (n < 0)
			return -1;
		if (skip->at->n_ids > PENDING_MAX)
			return mq_fail(
			    err, MQ_USAGE,
			    "%s: more than %d pending messages at once; -c N takes fewer",
			    skip->row->stream, PENDING_MAX);
	}
	skip->row->settled = (int64_t)skip->at->n_ids;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int collect_row(struct skip *skip, struct mq_err *err)
{
	struct plan_row *row = skip->row;

	if (!group_pos_known(&row->current)) {
		row->target = GROUP_POS_NONE;
		snprintf(row->note, sizeof row->note, "nothing is committed here");
		return 0;
	}
	if (collect_pending(skip, err) < 0 || collect_waiting(skip, err) < 0)
		return -1;
	row->skipped = skip->at->passed;
	if (skip->at->other && !skip->at->passed && !skip->at->n_ids)
		snprintf(row->note, sizeof row->note, "the next message does not match");
	/* The move is also what finds out whether somebody reads: settling alone would not. */
	if (!group_pos_known(&row->target) && skip->at->n_ids)
		row->target = row->current;
	return 0;
}

/* What ends the whole: nobody could go on with the next row either. */
static bool is_final(const struct mq_err *err)
{
	return err->code == MQ_CANCELLED || err->code == MQ_IO || err->code == MQ_UNREACHABLE ||
	       err->code == MQ_INTERNAL;
}

int skip_collect(struct skip *skip, struct mq_err *err)
{
	for (size_t i = 0; i < skip->plan->n; i++) {
		skip->row = &skip->plan->rows[i];
		skip->at = &skip->rows[i];
		if (skip->row->err.code)
			continue;
		if (collect_row(skip, &skip->row->err) == 0)
			continue;
		if (is_final(&skip->row->err)) {
			*err = skip->row->err;
			return -1;
		}
	}
	return 0;
}

int skip_settle(struct skip *skip, struct mq_err *err)
{
	for (size_t i = 0; i < skip->plan->n; i++) {
		struct plan_row *row = &skip->plan->rows[i];
		struct mq_pending_change change = {.group = skip->group,
		                                   .stream = row->stream,
		                                   .ids = (const char *const *)skip->rows[i].ids,
		                                   .n_ids = skip->rows[i].n_ids};
		if (row->err.code || !change.n_ids)
			continue;
		if (mq_pending_change(skip->scope->conn, &change, &row->settled, &row->err) < 0 &&
		    is_final(&row->err)) {
			*err = row->err;
			return -1;
		}
	}
	return 0;
}
