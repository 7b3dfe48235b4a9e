/* The queues and streams of a vhost, and how their counts of messages are put together from answers
 * of different age: see manage.h. */
#include "backend/rabbitmq/manage.h"

#include <stdlib.h>

/* --- counts ---------------------------------------------------------------------------------- */

/* The first that tells. */
static int64_t either(const json_t *basic, const json_t *sampled, const char *name)
{
	return mq_rabbit_json_int(basic, name, mq_rabbit_json_int(sampled, name, -1));
}

int mq_rabbit_counts(const json_t *basic, const json_t *sampled, struct mq_stream_info *info,
                     struct mq_err *err)
{
	const char *name = mq_rabbit_json_text(basic, "name");
	const char *type = mq_rabbit_json_text(basic, "type");
	enum mq_rabbit_type known = mq_rabbit_type_of(basic);

	mq_stream_info_init(info);
	info->name = strdup(name ? name : "");
	info->type = type ? strdup(type) : NULL;
	if (!info->name || (type && !info->type))
		return mq_fail_memory(err);
	/* The broker gives these names itself, and nobody else can. */
	info->internal = strncmp(info->name, "amq.", 4) == 0;
	info->messages = either(basic, sampled, "messages");
	/* Bytes are only sampled: those of other messages say nothing about these. */
	if (info->messages == mq_rabbit_json_int(sampled, "messages", -1))
		info->bytes = mq_rabbit_json_int(sampled, "message_bytes", -1);
	info->consumer_count = mq_rabbit_json_int(sampled, "consumers", -1);
	/* Nothing waits in a stream: it is read, not emptied. */
	if (known != MQ_RABBIT_STREAM) {
		info->ready = either(basic, sampled, "messages_ready");
		info->unacked = either(basic, sampled, "messages_unacknowledged");
	}
	return 0;
}

void mq_rabbit_counts_now(struct mq_stream_info *info, enum mq_rabbit_type type,
                          const struct mq_rabbit_depth *now)
{
	info->consumer_count = now->consumers;
	/* The totals of classic queues are fresh, and the declare's count of a stream is not. */
	if (type == MQ_RABBIT_STREAM ||
	    (type == MQ_RABBIT_CLASSIC && info->ready >= 0 && info->unacked >= 0))
		return;
	if (type == MQ_RABBIT_QUORUM && now->consumers == 0) {
		if (info->messages != now->ready)
			info->bytes = -1;
		/* Who holds a message of a quorum queue counts as its consumer. */
		info->ready = info->messages = now->ready;
		info->unacked = 0;
	} else if (info->ready < 0 || info->unacked < 0) {
		info->ready = now->ready;
	} else if (now->ready > info->ready) {
		/* More came since the sample: a queue that is filled is not called empty. Those
		 * that were given back meanwhile count twice until the next sample. */
		info->messages = now->ready + info->unacked;
		info->ready = now->ready;
		info->bytes = -1;
	}
	/* Else one sample for all three: a fresh "ready" beside an old "unacked" would leave out
	 * what was delivered meanwhile. */
}

/* --- the list -------------------------------------------------------------------------------- */

static int compare_streams(const void *a, const void *b)
{
	return strcmp(((const struct mq_stream_info *)a)->name,
	              ((const struct mq_stream_info *)b)->name);
}

/* The list's totals of quorum queues are seconds old, so that what was produced just now would be
 * missing. What AMQP does not tell (a queue is gone, or another connection's own) stays as it is.
 */
static void refresh(struct mq_rabbit_conn *conn, struct mq_stream_list *list)
{
	struct mq_rabbit_wire *wire = NULL;

	for (size_t i = 0; i < list->n; i++) {
		struct mq_err ignored = MQ_ERR_INIT;
		struct mq_rabbit_depth now;
		if (!list->items[i].type || strcmp(list->items[i].type, "quorum") != 0)
			continue;
		if (!wire)
			wire = mq_rabbit_admin(conn, &ignored);
		if (!wire || wire->dead || mq_cancel_signal(conn->base.env->cancel))
			return;
		if (mq_rabbit_depth(wire, list->items[i].name, &now, &ignored) == 0)
			mq_rabbit_counts_now(&list->items[i], MQ_RABBIT_QUORUM, &now);
	}
}

int mq_rabbit_list(struct mq_conn *base, bool deep, struct mq_stream_list *ret_list,
                   struct mq_err *err)
{
	struct mq_rabbit_conn *conn = (struct mq_rabbit_conn *)base;
	struct mq_rabbit_manage *manage = mq_rabbit_manage(conn, err);
	json_t *basics = NULL, *samples = NULL, *index = NULL;
	struct mq_stream_list list = {0};
	int result = -1;

	if (!manage || mq_rabbit_manage_get_all(manage, MQ_PATH("queues", conn->vhost),
	                                        deep ? "disable_stats=true&enable_queue_totals=true"
	                                             : "disable_stats=true",
	                                        NULL, &basics, err) < 0)
		goto out;
	if (deep && mq_rabbit_manage_get_all(manage, MQ_PATH("queues", conn->vhost),
	                                     "columns=name,messages,messages_ready,"
	                                     "messages_unacknowledged,message_bytes,consumers",
	                                     NULL, &samples, err) < 0)
		goto out;
	/* Queues that came or went between two answers are missing on one side. */
	index = mq_rabbit_json_index(samples, err);
	if (!index)
		goto out;
	json_t *basic;
	size_t i;
	json_array_foreach(basics, i, basic)
	{
		struct mq_stream_info *info =
		    mq_info_grow(&list.items, &list.n, sizeof *list.items, err);
		const char *name = mq_rabbit_json_text(basic, "name");
		if (!info || mq_rabbit_counts(basic, name ? json_object_get(index, name) : NULL,
		                              info, err) < 0)
			goto out;
	}
	if (list.n > 0)
		qsort(list.items, list.n, sizeof *list.items, compare_streams);
	if (deep)
		refresh(conn, &list);
	*ret_list = list;
	list = (struct mq_stream_list){0};
	result = 0;
out:
	mq_stream_list_release(&list);
	json_decref(index);
	json_decref(samples);
	json_decref(basics);
	return result;
}
