/*
 * Groups: the checks before a backend is asked to look at or change them, and the memory of what it
 * tells. See mqtk/group.h and mqtk/broker.h.
 */
#include "core/refusals.h"

#include <stdlib.h>
#include <string.h>

/* --- memory ---------------------------------------------------------------------------------- */

void mq_group_info_release(struct mq_group_info *group)
{
	free(group->name);
	free(group->state);
	free(group->type);
	for (size_t i = 0; i < group->n_members; i++) {
		free(group->members[i].name);
		free(group->members[i].client);
		free(group->members[i].from);
		free(group->members[i].stream);
	}
	free(group->members);
	for (size_t i = 0; i < group->n_places; i++) {
		free(group->places[i].stream);
		free(group->places[i].committed_id);
		free(group->places[i].end_id);
		free(group->places[i].member);
		free(group->places[i].error);
	}
	free(group->places);
}

void mq_group_list_release(struct mq_group_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++)
		mq_group_info_release(&list->items[i]);
	free(list->items);
	*list = (struct mq_group_list){0};
}

void mq_pending_list_release(struct mq_pending_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].stream);
		free(list->items[i].id);
		free(list->items[i].member);
	}
	free(list->items);
	*list = (struct mq_pending_list){0};
}

/* Copies an optional text. False with err set when there is no memory. */
static bool keep(char **ret, const char *text, struct mq_err *err)
{
	if (!text || (*ret = strdup(text)))
		return true;
	mq_fail_memory(err);
	return false;
}

struct mq_group_info *mq_group_list_add(struct mq_group_list *list, const char *name,
                                        struct mq_err *err)
{
	struct mq_group_info *group =
	    mq_info_grow(&list->items, &list->n, sizeof *list->items, err);

	if (!group)
		return NULL;
	group->member_count = -1;
	return keep(&group->name, name, err) ? group : NULL;
}

struct mq_place *mq_group_add_place(struct mq_group_info *group, const char *stream,
                                    int32_t partition, struct mq_err *err)
{
	struct mq_place *place =
	    mq_info_grow(&group->places, &group->n_places, sizeof *group->places, err);

	if (!place)
		return NULL;
	*place = (struct mq_place){.partition = partition,
	                           .committed = -1,
	                           .begin = -1,
	                           .end = -1,
	                           .lag = -1,
	                           .unread_ts_ms = MQ_NO_TIME,
	                           .added = -1,
	                           .pending = -1,
	                           .oldest_idle_ms = -1,
	                           .ready = -1,
	                           .unacked = -1,
	                           .consumers = -1,
	                           .rate_in = -1,
	                           .rate_out = -1};
	return keep(&place->stream, stream, err) ? place : NULL;
}

struct mq_group_member *mq_group_add_member(struct mq_group_info *group, const char *name,
                                            struct mq_err *err)
{
	struct mq_group_member *member =
	    mq_info_grow(&group->members, &group->n_members, sizeof *group->members, err);

	if (!member)
		return NULL;
	*member = (struct mq_group_member){.pending = -1, .idle_ms = -1};
	return keep(&member->name, name, err) ? member : NULL;
}

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_places(const void *a, const void *b)
{
	const struct mq_place *x = a;
	const struct mq_place *y = b;
	int by_stream = compare_texts(x->stream, y->stream);

	return by_stream ? by_stream
	                 : (x->partition > y->partition) - (x->partition < y->partition);
}

static int compare_groups(const void *a, const void *b)
{
	const struct mq_group_info *x = a;
	const struct mq_group_info *y = b;
	int by_name = compare_texts(x->name, y->name);

	if (by_name || !x->n_places || !y->n_places)
		return by_name;
	return compare_places(&x->places[0], &y->places[0]);
}

void mq_group_list_sort(struct mq_group_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].n_places > 1)
			qsort(list->items[i].places, list->items[i].n_places,
			      sizeof *list->items[i].places, compare_places);
	if (list->n > 1)
		qsort(list->items, list->n, sizeof *list->items, compare_groups);
}

/* --- checks ---------------------------------------------------------------------------------- */

static int refuse(const struct mq_conn *conn, const char *what, const char *instead,
                  struct mq_err *err)
{
	const struct mq_backend *backend = conn->backend;

	return mq_fail(err, MQ_USAGE, "%.*s cannot %s; %s", mq_title_len(backend), backend->title,
	               what, instead);
}

int mq_groups(struct mq_conn *conn, const struct mq_group_query *query,
              struct mq_group_list *ret_list, struct mq_err *err)
{
	*ret_list = (struct mq_group_list){0};
	if (!conn->backend->groups)
		return refuse(conn, "tell where readers stand", "'mqtk info' shows what it knows",
		              err);
	struct mq_group_query asked = *query;
	if (asked.want & MQ_GROUP_AGES)
		asked.want |= MQ_GROUP_ENDS;
	if (asked.want & MQ_GROUP_ENDS)
		asked.want |= MQ_GROUP_PLACES;
	return conn->backend->groups(conn, &asked, ret_list, err);
}

int mq_group_check(const struct mq_conn *conn, const char *doing, struct mq_err *err)
{
	if (mq_check_writable(conn, doing, NULL, err) < 0)
		return -1;
	if (!(conn->caps & MQ_CAP_GROUPS) || !conn->backend->group_set)
		return refuse(conn, "keep positions of groups",
		              "its queues have none: 'mqtk trim' drops messages, 'mqtk replay' "
		              "copies them; streams are read with --from",
		              err);
	return 0;
}

int mq_group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err)
{
	if (mq_group_check(conn, set->create ? "making a group" : "moving a group", err) < 0)
		return -1;
	return conn->backend->group_set(conn, set, err);
}

int mq_group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                    struct mq_err *err)
{
	if (mq_group_check(conn, "deleting from a group", err) < 0)
		return -1;
	if (removal->member && !(conn->caps & MQ_CAP_CLAIM))
		return refuse(conn, "remove one member of a group", "members go when they leave",
		              err);
	return conn->backend->group_remove(conn, removal, err);
}

static int check_pending(const struct mq_conn *conn, struct mq_err *err)
{
	if (conn->caps & MQ_CAP_CLAIM)
		return 0;
	return refuse(conn, "list messages that are delivered and not settled",
	              "it gives the messages of a silent member to others by itself", err);
}

int mq_pending(struct mq_conn *conn, const struct mq_pending_query *query,
               struct mq_pending_list *ret_list, struct mq_err *err)
{
	*ret_list = (struct mq_pending_list){0};
	if (check_pending(conn, err) < 0)
		return -1;
	return conn->backend->pending(conn, query, ret_list, err);
}

int mq_pending_change(struct mq_conn *conn, const struct mq_pending_change *change, int64_t *ret_n,
                      struct mq_err *err)
{
	*ret_n = 0;
	if (mq_group_check(conn, change->to ? "claiming messages" : "settling messages", err) < 0 ||
	    check_pending(conn, err) < 0)
		return -1;
	return conn->backend->pending_change(conn, change, ret_n, err);
}
