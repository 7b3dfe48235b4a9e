/*
 * A look at groups, shared by groups.c (who they are, all questions), group_answers.c (answers),
 * places.c (in which partitions), ends.c (how far behind) and ages.c (how old the oldest unread
 * message is).
 */
#ifndef MQ_KAFKA_GROUPS_H
#define MQ_KAFKA_GROUPS_H

#include "backend/kafka/kafka.h"

/* Who has a partition. */
struct mq_kafka_owner {
	char *topic;
	int32_t partition;
	size_t member; /* its place in mq_kafka_group.members */
};

/* What is known of a group beside its mq_group_info, which has the same index. */
struct mq_kafka_group {
	bool ask_state, ask_commits;   /* to be asked */
	bool open_state, open_commits; /* asked, without an answer yet */
	bool dead;                     /* its coordinator has no such group */
	/* What is asked for once more, this time behind every open transaction; NULL: everything,
	 * as it stands. */
	rd_kafka_topic_partition_list_t *exact;
	rd_kafka_resp_err_t again;                /* the passing error that the last answer was */
	rd_kafka_topic_partition_list_t *commits; /* sorted; NULL: unknown */
	struct mq_kafka_owner *owners;            /* sorted */
	size_t n_owners;
	char **members; /* their names; also when mq_group_info is not to have them */
	size_t n_members;
};

/* The topics of a look, as far as they exist. */
struct mq_kafka_topics {
	const struct rd_kafka_metadata **answers;
	size_t n_answers;
	const struct rd_kafka_metadata_topic **items; /* sorted by name */
	size_t n;
};

struct mq_kafka_look {
	struct mq_kafka_handle *handle;
	struct mq_kafka_conn *conn;
	const struct mq_group_query *query;
	struct mq_group_list *list;
	struct mq_kafka_group *groups;
	struct mq_kafka_topics topics; /* from mq_kafka_places_add on */
	int64_t begin_ms;              /* monotonic */
	int timeout_ms;
	bool unanswered; /* questions were given up: the client is not to be used again */
};

/* The part of the time-out by which ends are known, in percent. */
#define MQ_KAFKA_ENDS_PERCENT 85

/* How many ms from now to a part of the whole time, at least 1. */
int mq_kafka_look_left(const struct mq_kafka_look *look, int percent);

/* --- group_answers.c ---------------------------------------------------------------------------
 */

/* In a list that is sorted by name. */
struct mq_group_info *mq_kafka_look_find(const struct mq_group_list *list, const char *name);
int mq_kafka_look_set_state(struct mq_group_info *group, rd_kafka_consumer_group_state_t state,
                            bool simple, struct mq_err *err);
/* Notes that a group did not answer, or only with an error. */
void mq_kafka_group_failed(struct mq_group_info *info, rd_kafka_resp_err_t kerr, const char *doing);
int mq_kafka_take_states(struct mq_kafka_look *look, rd_kafka_event_t *event, struct mq_err *err);
/* Positions that wait for the end of a transaction are noted to be asked for again. */
void mq_kafka_take_commits(struct mq_kafka_look *look, size_t index, rd_kafka_event_t *event);

/* --- places.c ----------------------------------------------------------------------------------
 */

void mq_kafka_topics_release(struct mq_kafka_topics *topics);
/* NULL: it does not exist, or was not asked for. */
const struct rd_kafka_metadata_topic *mq_kafka_topics_find(const struct mq_kafka_topics *topics,
                                                           const char *name);
/* Says why something of a place is unknown; the first reason stays. */
int mq_kafka_place_error(struct mq_place *place, const char *text, struct mq_err *err);
/* Adds the places: committed positions and members, but no ends. Leaves out groups that have
 * nothing to do with the streams that were named, unless they were named too. */
int mq_kafka_places_add(struct mq_kafka_look *look, struct mq_err *err);
/* Notes what is to be asked for exactly: the partitions of each group's places. */
int mq_kafka_places_exact(struct mq_kafka_look *look, struct mq_err *err);
/* Fills the committed positions again. */
int mq_kafka_places_refill(struct mq_kafka_look *look, struct mq_err *err);

/* --- ends.c, ages.c ----------------------------------------------------------------------------
 */

/* Fills begin, end and lag. A partition that does not answer says so in its places. */
int mq_kafka_places_ends(struct mq_kafka_look *look, struct mq_err *err);
/* Fills unread_ts_ms of what lags, as far as it can be told in time. */
int mq_kafka_places_ages(struct mq_kafka_look *look, struct mq_err *err);

#endif
