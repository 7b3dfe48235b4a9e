/* Groups as JSON lines and tables: see group.h. */
#include "cmd/group/group.h"

#include "mqtk/env.h"
#include "mqtk/message.h"
#include "mqtk/report.h"

#include <string.h>

/* --- sums ------------------------------------------------------------------------------------ */

int64_t group_lag(const struct mq_group_info *group)
{
	int64_t sum = 0;

	for (size_t i = 0; i < group->n_places; i++) {
		if (group->places[i].lag < 0)
			return -1;
		sum += group->places[i].lag;
	}
	return group->n_places ? sum : -1;
}

/* What is known of pending messages; -1: nothing, or the broker has no such thing. */
static int64_t pending_of(const struct mq_group_info *group)
{
	int64_t sum = -1;

	for (size_t i = 0; i < group->n_places; i++)
		if (group->places[i].pending >= 0)
			sum = (sum < 0 ? 0 : sum) + group->places[i].pending;
	return sum;
}

/* Places are sorted by stream. */
static bool begins_stream(const struct mq_group_info *group, size_t i)
{
	return i == 0 || strcmp(group->places[i].stream, group->places[i - 1].stream) != 0;
}

static int64_t age_of(const struct mq_place *place)
{
	if (place->unread_ts_ms == MQ_NO_TIME)
		return -1;
	int64_t age = mq_now_ms() - place->unread_ts_ms;
	return age > 0 ? age : 0;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_position(struct mq_json *json, const char *name, int64_t offset, const char *id)
{
	if (id)
		mq_json_text(json, name, id);
	else
		mq_json_known(json, name, offset, -1);
}

static void json_place(struct mq_json *json, const struct mq_place *place)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "stream", place->stream);
	mq_json_known(json, "partition", place->partition, MQ_NO_PARTITION);
	json_position(json, "committed", place->committed, place->committed_id);
	mq_json_known(json, "begin", place->begin, -1);
	json_position(json, "end", place->end, place->end_id);
	mq_json_known(json, "lag", place->lag, -1);
	mq_json_known(json, "age_ms", age_of(place), -1);
	mq_json_known(json, "pending", place->pending, -1);
	mq_json_known(json, "oldest_idle_ms", place->oldest_idle_ms, -1);
	mq_json_text(json, "member", place->member);
	mq_json_text(json, "error", place->error);
	mq_json_close(json, '}');
}

static void json_member(struct mq_json *json, const struct mq_group_member *member)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "name", member->name);
	mq_json_text(json, "client", member->client);
	mq_json_text(json, "from", member->from);
	mq_json_text(json, "stream", member->stream);
	mq_json_known(json, "pending", member->pending, -1);
	mq_json_known(json, "idle_ms", member->idle_ms, -1);
	mq_json_close(json, '}');
}

static void json_pending(struct mq_json *json, const struct mq_pending *pending)
{
	mq_json_open(json, NULL, '{');
	mq_json_text(json, "stream", pending->stream);
	mq_json_text(json, "id", pending->id);
	mq_json_text(json, "member", pending->member);
	mq_json_known(json, "idle_ms", pending->idle_ms, -1);
	mq_json_known(json, "deliveries", pending->deliveries, -1);
	mq_json_close(json, '}');
}

static void json_details(struct mq_json *json, const struct mq_group_info *group,
                         const struct mq_pending_list *pending)
{
	mq_json_open(json, "places", '[');
	for (size_t i = 0; i < group->n_places; i++)
		json_place(json, &group->places[i]);
	mq_json_close(json, ']');
	mq_json_open(json, "member_list", '[');
	for (size_t i = 0; i < group->n_members; i++)
		json_member(json, &group->members[i]);
	mq_json_close(json, ']');
	if (!pending)
		return;
	mq_json_open(json, "pending_list", '[');
	for (size_t i = 0; i < pending->n; i++)
		json_pending(json, &pending->items[i]);
	mq_json_close(json, ']');
}

int group_report_json(const struct mq_group_info *group, bool details,
                      const struct mq_pending_list *pending, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "group", group->name);
	mq_json_text(&json, "state", group->state);
	mq_json_text(&json, "type", group->type);
	mq_json_known(&json, "members", group->member_count, -1);
	mq_json_open(&json, "streams", '[');
	for (size_t i = 0; i < group->n_places; i++)
		if (begins_stream(group, i))
			mq_json_text(&json, NULL, group->places[i].stream);
	mq_json_close(&json, ']');
	mq_json_known(&json, "lag", group_lag(group), -1);
	mq_json_known(&json, "pending", pending_of(group), -1);
	if (details)
		json_details(&json, group, pending);
	mq_json_text(&json, "error", group->err.code ? group->err.message : NULL);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void cell_duration(struct mq_table *table, int64_t ms)
{
	char text[MQ_DURATION_TEXT];

	if (ms >= 0)
		mq_duration_format(ms, text);
	mq_table_text(table, ms >= 0 ? text : NULL);
}

static void cell_position(struct mq_table *table, int64_t offset, const char *id)
{
	if (id)
		mq_table_text(table, id);
	else
		mq_table_known(table, offset, -1);
}

/* The first few by name, the others by number. */
static void cell_streams(struct mq_table *table, const struct mq_group_info *group,
                         struct mq_err *err)
{
	enum { NAMED = 3 };
	struct mq_buf text;
	size_t n = 0;

	mq_buf_init(&text, 1 << 16);
	for (size_t i = 0; i < group->n_places; i++) {
		if (!begins_stream(group, i))
			continue;
		if (n < NAMED)
			mq_buf_printf(&text, err, "%s%s", n ? ", " : "", group->places[i].stream);
		n++;
	}
	if (n > NAMED)
		mq_buf_printf(&text, err, " and %zu more", n - NAMED);
	mq_table_text(table, text.data); /* printf left a NUL behind the text */
	mq_buf_release(&text);
}

int group_report_list(const struct mq_group_list *list, bool bold, struct mq_buf *buf,
                      struct mq_err *err)
{
	const char *headings[8];
	struct mq_table table;
	bool pending = false;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		pending |= pending_of(&list->items[i]) >= 0;
	headings[n++] = "GROUP";
	headings[n++] = "STATE";
	headings[n++] = ">MEMBERS";
	headings[n++] = ">LAG";
	if (pending)
		headings[n++] = ">PENDING";
	headings[n++] = "STREAMS";
	headings[n++] = "NOTE";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < list->n; i++) {
		const struct mq_group_info *group = &list->items[i];
		mq_table_text(&table, group->name);
		mq_table_text(&table, group->state);
		mq_table_known(&table, group->member_count, -1);
		mq_table_known(&table, group_lag(group), -1);
		if (pending)
			mq_table_known(&table, pending_of(group), -1);
		cell_streams(&table, group, err);
		mq_table_text(&table, group->err.code ? group->err.message : "");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

/* Columns that no place has anything for are left out. */
static int text_places(const struct mq_group_info *group, bool bold, struct mq_buf *buf,
                       struct mq_err *err)
{
	const char *headings[12];
	struct mq_table table;
	bool partitions = false, ids = false, pending = false;
	size_t n = 0;

	for (size_t i = 0; i < group->n_places; i++) {
		partitions |= group->places[i].partition != MQ_NO_PARTITION;
		ids |= group->places[i].committed_id || group->places[i].end_id;
		pending |= group->places[i].pending >= 0;
	}
	headings[n++] = "STREAM";
	if (partitions)
		headings[n++] = ">PARTITION";
	headings[n++] = ids ? "DELIVERED" : ">COMMITTED";
	headings[n++] = ids ? "LAST" : ">END";
	headings[n++] = ">LAG";
	headings[n++] = "OLDEST";
	if (pending) {
		headings[n++] = ">PENDING";
		headings[n++] = "IDLE";
	}
	if (!ids)
		headings[n++] = "MEMBER";
	headings[n++] = "NOTE";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		mq_table_text(&table, place->stream);
		if (partitions)
			mq_table_known(&table, place->partition, MQ_NO_PARTITION);
		cell_position(&table, place->committed, place->committed_id);
		cell_position(&table, place->end, place->end_id);
		mq_table_known(&table, place->lag, -1);
		cell_duration(&table, age_of(place));
		if (pending) {
			mq_table_known(&table, place->pending, -1);
			cell_duration(&table, place->oldest_idle_ms);
		}
		if (!ids)
			mq_table_text(&table, place->member);
		mq_table_text(&table, place->error ? place->error : "");
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_members(const struct mq_group_info *group, bool bold, struct mq_buf *buf,
                        struct mq_err *err)
{
	const char *headings[8];
	struct mq_table table;
	bool streams = false, pending = false, idle = false, clients = false;
	size_t n = 0;

	for (size_t i = 0; i < group->n_members; i++) {
		streams |= group->members[i].stream != NULL;
		pending |= group->members[i].pending >= 0;
		idle |= group->members[i].idle_ms >= 0;
		clients |= group->members[i].client != NULL;
	}
	headings[n++] = "MEMBER";
	if (streams)
		headings[n++] = "STREAM";
	if (clients)
		headings[n++] = "CLIENT";
	headings[n++] = "FROM";
	if (pending)
		headings[n++] = ">PENDING";
	if (idle)
		headings[n++] = "IDLE";
	headings[n] = NULL;
	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < group->n_members; i++) {
		const struct mq_group_member *member = &group->members[i];
		mq_table_text(&table, member->name);
		if (streams)
			mq_table_text(&table, member->stream);
		if (clients)
			mq_table_text(&table, member->client);
		mq_table_text(&table, member->from);
		if (pending)
			mq_table_known(&table, member->pending, -1);
		if (idle)
			cell_duration(&table, member->idle_ms);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

static int text_pending(const struct mq_pending_list *pending, bool bold, struct mq_buf *buf,
                        struct mq_err *err)
{
	static const char *const headings[] = {"STREAM", "PENDING",     "MEMBER",
	                                       "IDLE",   ">DELIVERIES", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	for (size_t i = 0; i < pending->n; i++) {
		mq_table_text(&table, pending->items[i].stream);
		mq_table_text(&table, pending->items[i].id);
		mq_table_text(&table, pending->items[i].member);
		cell_duration(&table, pending->items[i].idle_ms);
		mq_table_known(&table, pending->items[i].deliveries, -1);
	}
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	return result;
}

int group_report_text(const struct mq_group_info *group, const struct mq_pending_list *pending,
                      bool bold, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const headings[] = {"GROUP", "STATE", ">MEMBERS", ">LAG", "NOTE", NULL};
	struct mq_table table;

	mq_table_init(&table, headings, err);
	mq_table_text(&table, group->name);
	mq_table_text(&table, group->state);
	mq_table_known(&table, group->member_count, -1);
	mq_table_known(&table, group_lag(group), -1);
	mq_table_text(&table, group->err.code ? group->err.message : "");
	int result = mq_table_print(&table, bold, buf);
	mq_table_release(&table);
	if (result == 0 && group->n_places)
		result = mq_buf_append_char(buf, '\n', err) < 0
		             ? -1
		             : text_places(group, bold, buf, err);
	if (result == 0 && group->n_members)
		result = mq_buf_append_char(buf, '\n', err) < 0
		             ? -1
		             : text_members(group, bold, buf, err);
	if (result == 0 && pending && pending->n)
		result = mq_buf_append_char(buf, '\n', err) < 0
		             ? -1
		             : text_pending(pending, bold, buf, err);
	return result;
}
