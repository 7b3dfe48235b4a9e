/* Offsets of streams that readers stored under a name: see standing.h. Only the stream protocol
 * stores them; the plugin rabbitmq_stream_management shows them (in 3.10 it does not yet). */
#include "backend/rabbitmq/standing.h"

#include <stdlib.h>

static struct mq_group_info *group_named(struct mq_group_list *list, const char *name,
                                         struct mq_err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].name && strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return mq_group_list_add(list, name, err);
}

/* The offset that was stored is that of the last message that is done with. */
static int add_place(struct mq_rabbit_conn *conn, struct mq_group_list *list, const char *name,
                     const char *stream, int64_t stored, const struct mq_rabbit_span *span,
                     unsigned want, struct mq_err *err)
{
	struct mq_group_info *group = group_named(list, name, err);
	struct mq_place *place =
	    group ? mq_group_add_place(group, stream, MQ_NO_PARTITION, err) : NULL;

	if (!place)
		return -1;
	place->committed = stored < INT64_MAX ? stored + 1 : stored;
	if (!(want & MQ_GROUP_ENDS))
		return 0;
	place->begin = span->begin;
	place->end = span->end;
	if (span->end < 0)
		return 0;
	/* What was removed before it was read is not behind any more. */
	int64_t from = place->committed > span->begin ? place->committed : span->begin;
	place->lag = span->end > from ? span->end - from : 0;
	if (want & MQ_GROUP_AGES && place->lag > 0)
		return mq_rabbit_stream_time(conn, stream, from, &place->unread_ts_ms, err);
	return 0;
}

int mq_rabbit_tracking(struct mq_rabbit_conn *conn, const char *stream,
                       const struct mq_group_query *query, struct mq_group_list *list,
                       struct mq_err *ret_why, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	struct mq_rabbit_span span = {-1, -1};
	json_t *answer = NULL, *stored;
	const char *name;
	int n = 0, result = -1;

	if (!manage)
		return -1;
	if (mq_rabbit_manage_get(manage, MQ_PATH("stream", conn->vhost, stream, "tracking"),
	                         "type=offset", "list of stored offsets", &answer, ret_why) < 0) {
		if (ret_why->code != MQ_CANCELLED)
			return 0;
		if (err && !err->code)
			*err = *ret_why;
		return -1;
	}
	const json_t *offsets = json_object_get(answer, "offsets");
	json_object_foreach((json_t *)(uintptr_t)offsets, name, stored)
	{
		if (!json_is_integer(stored) || !mq_rabbit_group_asked(query, name))
			continue;
		/* The ends are asked for after what is stored, so that the distance is never less
		 * than it was. */
		if (n == 0 && query->want & MQ_GROUP_ENDS &&
		    mq_rabbit_stream_span(conn, stream, &span, err) < 0)
			goto out;
		if (add_place(conn, list, name, stream, (int64_t)json_integer_value(stored), &span,
		              query->want, err) < 0)
			goto out;
		n++;
	}
	result = n;
out:
	json_decref(answer);
	return result;
}
