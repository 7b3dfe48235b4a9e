/*
 * How far behind the consumers of queues are: see standing.h. A queue has no groups and no
 * positions: what is ready and what is delivered and not acknowledged is what they have before
 * them. All queues are asked about in a few requests; what the samples of the broker are too old
 * for is put right as the list of queues does it.
 */
#include "backend/rabbitmq/standing.h"
#include "mqtk/http.h"

#include <stdio.h>
#include <stdlib.h>

#define FRESH "disable_stats=true&enable_queue_totals=true"
#define SAMPLED                                                                                    \
	"columns=name,messages,messages_ready,messages_unacknowledged,consumers,message_stats,"    \
	"head_message_timestamp"

enum { DECLARES_MAX = 200 };

struct look {
	struct mq_rabbit_conn *conn;
	const struct mq_group_query *query;
	struct mq_group_list *list;
	json_t *basics;    /* array: fresh */
	json_t *samples;   /* by name: seconds old */
	json_t *consumers; /* by name of the queue: arrays */
	json_t *channels;  /* by name */
	struct mq_err members_err;
	size_t n_streams; /* among what was looked at */
};

bool mq_rabbit_group_asked(const struct mq_group_query *query, const char *name)
{
	for (size_t i = 0; i < query->n_groups; i++)
		if (strcmp(query->groups[i], name) == 0)
			return true;
	return query->n_groups == 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* A list of queues: all, or the one that is named. */
static int ask_queues(struct look *look, const char *columns, json_t **ret_list, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(look->conn, err);
	struct mq_buf pattern, query;
	int result = -1;

	if (!manage)
		return -1;
	mq_buf_init(&pattern, 4096);
	mq_buf_init(&query, 8192);
	if (mq_buf_append_str(&query, columns, err) < 0)
		goto out;
	if (look->query->n_streams == 1 &&
	    (mq_rabbit_append_pattern(&pattern, look->query->streams[0], err) < 0 ||
	     mq_buf_append_char(&pattern, '\0', err) < 0 ||
	     mq_buf_append_str(&query, "&use_regex=true&name=", err) < 0 ||
	     mq_http_append_segment(&query, pattern.data, err) < 0))
		goto out;
	if (mq_buf_append_char(&query, '\0', err) < 0)
		goto out;
	result = mq_rabbit_manage_get_all(manage, MQ_PATH("queues", look->conn->vhost), query.data,
	                                  NULL, ret_list, err);
out:
	mq_buf_release(&query);
	mq_buf_release(&pattern);
	return result;
}

static json_t *index_consumers(json_t *list, struct mq_err *err)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *queue = mq_rabbit_json_text(json_object_get(item, "queue"), "name");
		json_t *of = queue ? json_object_get(index, queue) : NULL;
		if (!queue)
			continue;
		if (!of && (json_object_set_new(index, queue, json_array()) < 0 ||
		            !(of = json_object_get(index, queue)))) {
			json_decref(index);
			mq_fail_memory(err);
			return NULL;
		}
		if (json_array_append(of, item) < 0) {
			json_decref(index);
			mq_fail_memory(err);
			return NULL;
		}
	}
	if (!index)
		mq_fail_memory(err);
	return index;
}

/* Who consumes, and what each channel holds. That this user may not see them takes nothing from the
 * rest. */
static int ask_members(struct look *look, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(look->conn, err);
	struct mq_err ignored = MQ_ERR_INIT;
	json_t *consumers = NULL, *channels = NULL;
	int result = -1;

	if (mq_rabbit_manage_get(manage, MQ_PATH("consumers", look->conn->vhost), NULL,
	                         "list of consumers", &consumers, &look->members_err) < 0)
		return 0;
	look->consumers = index_consumers(consumers, err);
	if (!look->consumers)
		goto out;
	if (mq_rabbit_manage_get(manage, MQ_PATH("vhosts", look->conn->vhost, "channels"),
	                         "columns=name,messages_unacknowledged,consumer_count",
	                         "list of channels", &channels, &ignored) == 0 &&
	    !(look->channels = mq_rabbit_json_index(channels, err)))
		goto out;
	result = 0;
out:
	json_decref(consumers);
	json_decref(channels);
	return result;
}

static int ask_all(struct look *look, struct mq_err *err)
{
	struct mq_rabbit_manage *manage = mq_rabbit_manage(look->conn, err);
	json_t *samples = NULL;

	if (!manage)
		return -1;
	/* Of queues that are named AMQP tells something, too. */
	mq_rabbit_manage_hurry(manage, look->query->n_streams > 0);
	int got = ask_queues(look, FRESH, &look->basics, err);
	mq_rabbit_manage_hurry(manage, false);
	if (got < 0)
		return -1;
	if (look->query->want & MQ_GROUP_PLACES) {
		if (ask_queues(look, SAMPLED, &samples, err) < 0)
			return -1;
		look->samples = mq_rabbit_json_index(samples, err);
		json_decref(samples);
		if (!look->samples)
			return -1;
	}
	return look->query->want & MQ_GROUP_MEMBERS ? ask_members(look, err) : 0;
}

/* --- figures --------------------------------------------------------------------------------- */

/* A rate of the statistics; 0 for what never happened, -1 when rates are not kept. */
static double rate_of(const json_t *stats, const char *name)
{
	char details[60];

	snprintf(details, sizeof details, "%s_details", name);
	if (!json_object_get(stats, name))
		return 0;
	const json_t *rate = json_object_get(json_object_get(stats, details), "rate");
	return json_is_number(rate) ? json_number_value(rate) : -1;
}

static void take_rates(const json_t *sample, struct mq_place *place)
{
	static const char *const leaving[] = {"ack", "deliver_no_ack", "get_no_ack"};
	const json_t *stats = json_object_get(sample, "message_stats");
	double out = 0;

	/* Without a sample nothing is known; a sample without statistics: nothing happened. */
	if (!json_object_get(sample, "messages"))
		return;
	place->rate_in = rate_of(stats, "publish");
	for (size_t i = 0; i < sizeof leaving / sizeof leaving[0]; i++) {
		double rate = rate_of(stats, leaving[i]);
		out = rate < 0 || out < 0 ? -1 : out + rate;
	}
	place->rate_out = out;
}

static void take_age(const json_t *sample, struct mq_place *place)
{
	int64_t head_s = mq_rabbit_json_int(sample, "head_message_timestamp", -1);

	if (place->lag != 0 && head_s >= 0 && head_s <= INT64_MAX / 1000)
		place->unread_ts_ms = head_s * 1000;
}

/* Counts that are fresh enough: those of quorum queues come by AMQP, and of consumers, of which
 * the management API knows no more than some seconds ago. */
static int count(struct look *look, const json_t *basic, const json_t *sample,
                 struct mq_stream_info *info, struct mq_err *err)
{
	enum mq_rabbit_type type = mq_rabbit_type_of(basic);
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rabbit_depth now;

	if (mq_rabbit_counts(basic, sample, info, err) < 0)
		return -1;
	/* A question for each: not of thousands, where what is sampled has to do. */
	if (type == MQ_RABBIT_CLASSIC && info->consumer_count >= 0 &&
	    json_array_size(look->basics) > DECLARES_MAX)
		return 0;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(look->conn, &ignored);
	if (wire && !wire->dead && mq_rabbit_depth(wire, info->name, &now, &ignored) == 0)
		mq_rabbit_counts_now(info, type, &now);
	if (ignored.code != MQ_CANCELLED)
		return 0;
	if (err && !err->code)
		*err = ignored;
	return -1;
}

/* --- members --------------------------------------------------------------------------------- */

/* What a channel holds unacknowledged is the consumer's when it is the channel's only one. */
static int64_t held_by(const struct look *look, const json_t *channel)
{
	const char *name = mq_rabbit_json_text(channel, "name");
	const json_t *known = name ? json_object_get(look->channels, name) : NULL;

	return mq_rabbit_json_int(known, "consumer_count", 0) == 1
	           ? mq_rabbit_json_int(known, "messages_unacknowledged", -1)
	           : -1;
}

static int add_members(struct look *look, const char *queue, struct mq_group_info *group,
                       struct mq_err *err)
{
	const json_t *consumer, *of = json_object_get(look->consumers, queue);
	size_t i;

	if (look->members_err.code && !group->err.code)
		group->err = look->members_err;
	json_array_foreach((json_t *)(uintptr_t)of, i, consumer)
	{
		const json_t *channel = json_object_get(consumer, "channel_details");
		const char *tag = mq_rabbit_json_text(consumer, "consumer_tag");
		const char *host = mq_rabbit_json_text(channel, "peer_host");
		int64_t port = mq_rabbit_json_int(channel, "peer_port", -1);
		struct mq_group_member *member = mq_group_add_member(group, tag ? tag : "", err);
		char from[300];
		if (!member)
			return -1;
		member->pending = held_by(look, channel);
		snprintf(from, sizeof from, host && strchr(host, ':') ? "[%s]:%lld" : "%s:%lld",
		         host ? host : "", (long long)port);
		if (host && !(member->from = strdup(from)))
			return mq_fail_memory(err);
	}
	if (look->consumers && group->member_count < 0)
		group->member_count = (int64_t)group->n_members;
	return 0;
}

/* --- one queue, one stream ------------------------------------------------------------------- */

static int keep_why(struct mq_place *place, const char *why, struct mq_err *err)
{
	place->error = strdup(why);
	return place->error ? 0 : mq_fail_memory(err);
}

static int add_queue(struct look *look, const json_t *basic, struct mq_err *err)
{
	const char *name = mq_rabbit_json_text(basic, "name");
	const json_t *sample = json_object_get(look->samples, name);
	struct mq_group_info *group = mq_group_list_add(look->list, NULL, err);
	struct mq_place *place =
	    group ? mq_group_add_place(group, name, MQ_NO_PARTITION, err) : NULL;
	struct mq_stream_info info;
	int result = 0;

	if (!place || count(look, basic, sample, &info, err) < 0)
		return -1;
	group->member_count = info.consumer_count;
	place->ready = info.ready;
	place->unacked = place->pending = info.unacked;
	if (info.ready >= 0 && info.unacked >= 0)
		place->lag = info.ready + info.unacked;
	else
		result = keep_why(place, "the broker has not counted this queue yet", err);
	take_rates(sample, place);
	if (look->query->want & MQ_GROUP_AGES)
		take_age(sample, place);
	mq_stream_info_release(&info);
	if (result == 0 && look->query->want & MQ_GROUP_MEMBERS)
		result = add_members(look, name, group, err);
	place->consumers = group->member_count;
	return result;
}

static int add_stream(struct look *look, const json_t *basic, struct mq_err *err)
{
	const char *name = mq_rabbit_json_text(basic, "name");
	struct mq_err why = MQ_ERR_INIT;
	int n = mq_rabbit_tracking(look->conn, name, look->query, look->list, &why, err);

	look->n_streams++;
	/* A stream that nobody stored an offset of is only worth a word when it was named. */
	if (n != 0 || look->query->n_streams == 0 || look->query->n_groups > 0)
		return n < 0 ? -1 : 0;
	struct mq_group_info *group = mq_group_list_add(look->list, NULL, err);
	struct mq_place *place =
	    group ? mq_group_add_place(group, name, MQ_NO_PARTITION, err) : NULL;
	if (!place)
		return -1;
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rabbit_depth now;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(look->conn, &ignored);
	if (wire && mq_rabbit_depth(wire, name, &now, &ignored) == 0)
		group->member_count = place->consumers = now.consumers;
	if (look->query->want & MQ_GROUP_MEMBERS && add_members(look, name, group, err) < 0)
		return -1;
	return keep_why(place,
	                why.code ? "a stream: this broker does not tell offsets that its readers "
	                           "stored (newer ones do, with the plugin "
	                           "rabbitmq_stream_management)"
	                         : "a stream: none of its readers stored an offset",
	                err);
}

/* --- without the management API -------------------------------------------------------------- */

static int add_by_amqp(struct mq_rabbit_conn *conn, const char *queue, struct mq_group_list *list,
                       const struct mq_err *off, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, err);
	struct mq_rabbit_depth now;
	char why[800];

	if (!wire || mq_rabbit_depth(wire, queue, &now, err) < 0)
		return -1;
	struct mq_group_info *group = mq_group_list_add(list, NULL, err);
	struct mq_place *place =
	    group ? mq_group_add_place(group, queue, MQ_NO_PARTITION, err) : NULL;
	if (!place)
		return -1;
	group->member_count = place->consumers = now.consumers;
	place->ready = now.ready;
	snprintf(why, sizeof why,
	         "what is delivered and not acknowledged only the management API tells (-X "
	         "management=URL): %s",
	         off->message);
	return keep_why(place, why, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool is_asked_for(const struct mq_group_query *query, const char *name)
{
	for (size_t i = 0; i < query->n_streams; i++)
		if (strcmp(query->streams[i], name) == 0)
			return true;
	return query->n_streams == 0;
}

static int check_query(const struct mq_group_query *query, struct mq_err *err)
{
	for (size_t i = 0; i < query->n_streams; i++)
		if (query->streams[i][0] == '^')
			return mq_fail(err, MQ_USAGE,
			               "RabbitMQ cannot tell where readers of '%s' stand: it knows "
			               "no regular expressions; name the queues, or none for all",
			               query->streams[i]);
	return 0;
}

/* Names that were asked for and are nowhere. */
static int check_missing(struct look *look, struct mq_err *err)
{
	const struct mq_group_query *query = look->query;
	json_t *index = mq_rabbit_json_index(look->basics, err);

	if (!index)
		return -1;
	for (size_t i = 0; i < query->n_streams; i++)
		if (!json_object_get(index, query->streams[i]))
			mq_fail(&look->list->partial, MQ_NOT_FOUND,
			        "there is no queue '%s' in the vhost '%s'", query->streams[i],
			        look->conn->vhost);
	json_decref(index);
	if (look->list->n == 0 && look->list->partial.code) {
		if (err && !err->code)
			*err = look->list->partial;
		return -1;
	}
	if (query->n_groups > 0 && look->n_streams == 0) {
		mq_fail(err, MQ_USAGE, "RabbitMQ's queues have no groups: there is no '%s'",
		        query->groups[0]);
		return mq_hint(err, "mqtk lag ADDR shows what waits in a queue, and who consumes");
	}
	for (size_t i = 0; i < query->n_groups; i++) {
		bool found = false;
		for (size_t k = 0; k < look->list->n; k++)
			found = found || (look->list->items[k].name &&
			                  strcmp(look->list->items[k].name, query->groups[i]) == 0);
		struct mq_group_info *group =
		    found ? NULL : mq_group_list_add(look->list, query->groups[i], err);
		if (!found && !group)
			return -1;
		if (group) {
			mq_fail(&group->err, MQ_NOT_FOUND,
			        "no reader of a stream stored an offset under the name '%s'",
			        query->groups[i]);
			mq_hint(&group->err, "queues have no groups: mqtk lag ADDR shows what "
			                     "waits in them");
		}
	}
	return 0;
}

static int look_without(struct look *look, const struct mq_err *off, struct mq_err *err)
{
	const struct mq_group_query *query = look->query;

	if (query->n_streams == 0) {
		*err = *off;
		return -1;
	}
	if (query->n_groups > 0) {
		mq_fail(err, MQ_USAGE, "RabbitMQ's queues have no groups: there is no '%s'",
		        query->groups[0]);
		return mq_hint(err, "mqtk lag ADDR shows what waits in a queue, and who consumes");
	}
	for (size_t i = 0; i < query->n_streams; i++) {
		struct mq_err why = MQ_ERR_INIT;
		if (add_by_amqp(look->conn, query->streams[i], look->list, off, &why) == 0)
			continue;
		if (query->n_streams == 1 || why.code == MQ_CANCELLED) {
			*err = why;
			return -1;
		}
		if (!look->list->partial.code)
			look->list->partial = why;
	}
	return 0;
}

static int look_at_all(struct look *look, struct mq_err *err)
{
	json_t *basic;
	size_t i;

	json_array_foreach(look->basics, i, basic)
	{
		const char *name = mq_rabbit_json_text(basic, "name");
		bool stream = mq_rabbit_type_of(basic) == MQ_RABBIT_STREAM;
		if (!name || !is_asked_for(look->query, name))
			continue;
		if (stream ? add_stream(look, basic, err) < 0
		           : look->query->n_groups == 0 && add_queue(look, basic, err) < 0)
			return -1;
	}
	return check_missing(look, err);
}

int mq_rabbit_groups(struct mq_conn *base, const struct mq_group_query *query,
                     struct mq_group_list *ret_list, struct mq_err *err)
{
	struct look look = {
	    .conn = (struct mq_rabbit_conn *)base, .query = query, .list = ret_list};
	struct mq_err mine = MQ_ERR_INIT;
	int result = -1;

	if (check_query(query, err) < 0)
		return -1;
	if (ask_all(&look, &mine) == 0)
		result = look_at_all(&look, err);
	else if (mq_rabbit_manage_is_off(&mine))
		result = look_without(&look, &mine, err);
	else
		*err = mine;
	json_decref(look.basics);
	json_decref(look.samples);
	json_decref(look.consumers);
	json_decref(look.channels);
	if (result < 0)
		mq_group_list_release(ret_list);
	else
		mq_group_list_sort(ret_list);
	return result;
}
