/*
 * Why a member waits: a group gives nothing away before all that belong to it have answered, and
 * who was killed belongs to it until its session is over. The coordinator tells who they are; that
 * is asked once, after a while, and said.
 */
#include "backend/kafka/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A new group's members wait for each other for some seconds anyway
 * (group.initial.rebalance.delay.ms). */
#define SAY_MS 5000
#define ANSWER_MS 3000 /* the question's own limit */

static void own_setting(rd_kafka_t *rk, const char *name, char *ret, size_t size)
{
	ret[0] = '\0';
	rd_kafka_conf_get(rd_kafka_conf(rk), name, ret, &size);
}

static void ask(struct mq_kafka_reader *reader, const char *group)
{
	rd_kafka_t *rk = reader->handle->rk;
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);

	rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, NULL, 0);
	reader->joining.answer = rd_kafka_queue_new(rk);
	rd_kafka_DescribeConsumerGroups(rk, &group, 1, options, reader->joining.answer);
	rd_kafka_AdminOptions_destroy(options);
}

/* How many members there are but for us; the first one's name and host. Unknown is 0. */
static size_t others(rd_kafka_t *rk, rd_kafka_event_t *event, char *ret_first, size_t size)
{
	const rd_kafka_DescribeConsumerGroups_result_t *result =
	    rd_kafka_event_DescribeConsumerGroups_result(event);
	char *mine = rd_kafka_memberid(rk);
	size_t n = 0, found = 0;
	const rd_kafka_ConsumerGroupDescription_t **groups =
	    result ? rd_kafka_DescribeConsumerGroups_result_groups(result, &n) : NULL;

	for (size_t i = 0; n > 0 && i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
	     i++) {
		const rd_kafka_MemberDescription_t *member =
		    rd_kafka_ConsumerGroupDescription_member(groups[0], i);
		const char *host = rd_kafka_MemberDescription_host(member);
		if (mine && strcmp(rd_kafka_MemberDescription_consumer_id(member), mine) == 0)
			continue;
		if (found++ == 0)
			snprintf(ret_first, size, "%s at %s",
			         rd_kafka_MemberDescription_client_id(member),
			         host[0] == '/' ? host + 1 : host);
	}
	if (mine)
		rd_kafka_mem_free(rk, mine);
	return found;
}

static void say(struct mq_kafka_reader *reader, const char *group, rd_kafka_event_t *event)
{
	const struct mq_env *env = reader->base.conn->env;
	int64_t waited = (mq_now_monotonic_ms() - reader->joining.since_ms) / 1000;
	char first[300], session[32];
	size_t n = others(reader->handle->rk, event, first, sizeof first);

	own_setting(reader->handle->rk, "session.timeout.ms", session, sizeof session);
	if (n == 0)
		mq_log(env, MQ_LEVEL_NOTE,
		       "group %s has given out no partitions for %" PRId64 " s; waiting for it",
		       group, waited);
	else
		mq_log(env, MQ_LEVEL_NOTE,
		       "group %s has given out no partitions for %" PRId64
		       " s: it waits for %zu other member%s (%s%s); one that was killed belongs "
		       "to it until its session is over (session.timeout.ms, here %s)",
		       group, waited, n, n == 1 ? "" : "s", first, n == 1 ? "" : ", …", session);
}

void mq_kafka_joining(struct mq_kafka_reader *reader)
{
	struct mq_kafka_joining *joining = &reader->joining;
	int64_t now = mq_now_monotonic_ms();
	char group[256];

	if (!reader->group || reader->settled_down || joining->said)
		return;
	if (!joining->since_ms)
		joining->since_ms = now;
	if (now - joining->since_ms < SAY_MS)
		return;
	own_setting(reader->handle->rk, "group.id", group, sizeof group);
	if (!joining->answer) {
		ask(reader, group);
		return;
	}
	rd_kafka_event_t *event = rd_kafka_queue_poll(joining->answer, 0);
	if (!event)
		return;
	say(reader, group, event);
	joining->said = true;
	rd_kafka_event_destroy(event);
}

void mq_kafka_joining_release(struct mq_kafka_reader *reader)
{
	if (reader->joining.answer)
		rd_kafka_queue_destroy(reader->joining.answer);
	reader->joining.answer = NULL;
}
