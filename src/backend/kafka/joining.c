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
/* Nothing else is done meanwhile, and there is nothing else to do. */
#define ANSWER_MS 1000

static void own_setting(rd_kafka_t *rk, const char *name, char *ret, size_t size)
{
	ret[0] = '\0';
	rd_kafka_conf_get(rd_kafka_conf(rk), name, ret, &size);
}

/* How many members there are but for us; the first one's name and host. Unknown is 0. The older of
 * the library's two questions: the newer one (DescribeConsumerGroups of 2.0) ends the process where
 * a broker does not know it. */
static size_t others(rd_kafka_t *rk, const char *group, char *ret_first, size_t size)
{
	const struct rd_kafka_group_list *list = NULL;
	char *mine = rd_kafka_memberid(rk);
	size_t found = 0;

	rd_kafka_list_groups(rk, group, &list, ANSWER_MS);
	for (int g = 0; list && g < list->group_cnt; g++)
		for (int i = 0; i < list->groups[g].member_cnt; i++) {
			const struct rd_kafka_group_member_info *member =
			    &list->groups[g].members[i];
			const char *host = member->client_host;
			if (mine && strcmp(member->member_id, mine) == 0)
				continue;
			if (found++ == 0)
				snprintf(ret_first, size, "%s at %s", member->client_id,
				         host[0] == '/' ? host + 1 : host);
		}
	if (list)
		rd_kafka_group_list_destroy(list);
	if (mine)
		rd_kafka_mem_free(rk, mine);
	return found;
}

static void say(struct mq_kafka_reader *reader, const char *group)
{
	const struct mq_env *env = reader->base.conn->env;
	int64_t waited = (mq_now_monotonic_ms() - reader->joining.since_ms) / 1000;
	char first[300], session[32];
	size_t n = others(reader->handle->rk, group, first, sizeof first);

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
	joining->said = true;
	say(reader, group);
}
