/* The places of groups: which partitions they are shown for, what was committed there, and who of
 * the members has it. The ends of the partitions are in ends.c. */
#include "backend/kafka/groups.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE_TOPICS 4 /* up to so many are asked for one by one, more all together */

/* --- topics --------------------------------------------------------------------------------------
 */

void mq_kafka_topics_release(struct mq_kafka_topics *topics)
{
	for (size_t i = 0; i < topics->n_answers; i++)
		rd_kafka_metadata_destroy(topics->answers[i]);
	free(topics->answers);
	free(topics->items);
}

static int compare_topics(const void *a, const void *b)
{
	const struct rd_kafka_metadata_topic *const *x = a;
	const struct rd_kafka_metadata_topic *const *y = b;

	return strcmp((*x)->topic, (*y)->topic);
}

static int compare_topic_name(const void *name, const void *topic)
{
	return strcmp(name, (*(const struct rd_kafka_metadata_topic *const *)topic)->topic);
}

const struct rd_kafka_metadata_topic *mq_kafka_topics_find(const struct mq_kafka_topics *topics,
                                                           const char *name)
{
	const struct rd_kafka_metadata_topic **found =
	    topics->n ? bsearch(name, topics->items, topics->n, sizeof(void *), compare_topic_name)
	              : NULL;

	return found ? *found : NULL;
}

static bool is_regex(const char *stream)
{
	return stream[0] == '^';
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts and leaves each name once. */
static size_t unique_names(const char **names, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	return kept;
}

static int add_name(const char ***names, size_t *n, const char *name, struct mq_err *err)
{
	/* Partitions of one topic stand together. */
	if (*n > 0 && strcmp((*names)[*n - 1], name) == 0)
		return 0;
	const char **place = mq_info_grow(names, n, sizeof *place, err);
	if (!place)
		return -1;
	*place = name;
	return 0;
}

/* The topics where a group has a commit or a member. */
static int group_topics(const struct mq_kafka_group *group, const char ***names, size_t *n,
                        struct mq_err *err)
{
	for (int i = 0; group->commits && i < group->commits->cnt; i++) {
		const rd_kafka_topic_partition_t *elem = &group->commits->elems[i];
		if ((elem->offset >= 0 || elem->err) && add_name(names, n, elem->topic, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < group->n_owners; i++)
		if (add_name(names, n, group->owners[i].topic, err) < 0)
			return -1;
	return 0;
}

static int keep_answer(struct mq_kafka_topics *topics, const struct rd_kafka_metadata *answer,
                       struct mq_err *err)
{
	const struct rd_kafka_metadata **slot =
	    mq_info_grow(&topics->answers, &topics->n_answers, sizeof *slot, err);
	if (!slot) {
		rd_kafka_metadata_destroy(answer);
		return -1;
	}
	*slot = answer;
	for (int i = 0; i < answer->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &answer->topics[i];
		if (mq_kafka_code(t->err) == MQ_NOT_FOUND)
			continue;
		const struct rd_kafka_metadata_topic **place =
		    mq_info_grow(&topics->items, &topics->n, sizeof *place, err);
		if (!place)
			return -1;
		*place = t;
	}
	return 0;
}

static int ask_topics(struct mq_kafka_look *look, struct mq_err *err)
{
	struct mq_kafka_topics *topics = &look->topics;
	const struct mq_group_query *query = look->query;
	const char **names = NULL;
	size_t n = 0;
	bool all = false;
	int rc = -1;

	for (size_t i = 0; i < query->n_streams; i++) {
		if (is_regex(query->streams[i]))
			all = true;
		else if (add_name(&names, &n, query->streams[i], err) < 0)
			goto out;
	}
	for (size_t i = 0; query->n_streams == 0 && i < look->list->n; i++)
		if (group_topics(&look->groups[i], &names, &n, err) < 0)
			goto out;
	n = unique_names(names, n);
	all = all || n > SINGLE_TOPICS;
	if (all)
		n = 1;
	for (size_t i = 0; i < n; i++) {
		const char *name = all || !names ? NULL : names[i];
		const struct rd_kafka_metadata *answer = NULL;
		if (mq_kafka_metadata_within(look->handle, name, false,
		                             mq_kafka_look_left(look, MQ_KAFKA_ENDS_PERCENT),
		                             &answer, err) < 0 ||
		    keep_answer(topics, answer, err) < 0)
			goto out;
	}
	if (topics->n > 1)
		qsort(topics->items, topics->n, sizeof(void *), compare_topics);
	rc = 0;
out:
	free(names);
	return rc;
}

/* --- places --------------------------------------------------------------------------------------
 */

int mq_kafka_place_error(struct mq_place *place, const char *text, struct mq_err *err)
{
	if (place->error)
		return 0;
	place->error = strdup(text);
	return place->error ? 0 : mq_fail_memory(err);
}

static const rd_kafka_topic_partition_t *find_commit(const struct mq_kafka_group *group,
                                                     const char *topic, int32_t partition)
{
	const rd_kafka_topic_partition_list_t *list = group->commits;
	int low = 0, high = list ? list->cnt : 0;

	while (low < high) {
		int middle = low + (high - low) / 2;
		const rd_kafka_topic_partition_t *elem = &list->elems[middle];
		int order = strcmp(elem->topic, topic);
		if (order == 0)
			order = (elem->partition > partition) - (elem->partition < partition);
		if (order == 0)
			return elem;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const char *find_owner(const struct mq_kafka_group *group, const char *topic,
                              int32_t partition)
{
	size_t low = 0, high = group->n_owners;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mq_kafka_owner *owner = &group->owners[middle];
		int order = strcmp(owner->topic, topic);
		if (order == 0)
			order = (owner->partition > partition) - (owner->partition < partition);
		if (order == 0)
			return group->members[owner->member];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int fill_committed(struct mq_place *place, const rd_kafka_topic_partition_t *commit,
                          struct mq_err *err)
{
	rd_kafka_resp_err_t kerr = commit ? commit->err : RD_KAFKA_RESP_ERR_NO_ERROR;

	place->committed = commit && !kerr && commit->offset >= 0 ? commit->offset : -1;
	return kerr ? mq_kafka_place_error(place, rd_kafka_err2str(kerr), err) : 0;
}

static struct mq_place *add_place(struct mq_group_info *info, const struct mq_kafka_group *group,
                                  const char *topic, int32_t partition, struct mq_err *err)
{
	const rd_kafka_topic_partition_t *commit = find_commit(group, topic, partition);
	const char *member = find_owner(group, topic, partition);
	struct mq_place *place = mq_group_add_place(info, topic, partition, err);

	if (!place)
		return NULL;
	if (member && !(place->member = strdup(member))) {
		mq_fail_memory(err);
		return NULL;
	}
	return fill_committed(place, commit, err) < 0 ? NULL : place;
}

/* What a group has in a topic that is not there (any more). */
static int add_gone(struct mq_group_info *info, const struct mq_kafka_group *group,
                    const char *topic, struct mq_err *err)
{
	static const char gone[] = "there is no such topic any more";

	for (int i = 0; group->commits && i < group->commits->cnt; i++) {
		const rd_kafka_topic_partition_t *elem = &group->commits->elems[i];
		if (elem->offset < 0 || strcmp(elem->topic, topic) != 0)
			continue;
		struct mq_place *place = add_place(info, group, topic, elem->partition, err);
		if (!place || mq_kafka_place_error(place, gone, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < group->n_owners; i++) {
		const struct mq_kafka_owner *owner = &group->owners[i];
		const rd_kafka_topic_partition_t *commit =
		    find_commit(group, topic, owner->partition);
		if (strcmp(owner->topic, topic) != 0 || (commit && commit->offset >= 0))
			continue;
		struct mq_place *place = add_place(info, group, topic, owner->partition, err);
		if (!place || mq_kafka_place_error(place, gone, err) < 0)
			return -1;
	}
	return 0;
}

static int add_topic_places(struct mq_group_info *info, const struct mq_kafka_group *group,
                            const char *topic, const struct mq_kafka_topics *topics,
                            struct mq_err *err)
{
	const struct rd_kafka_metadata_topic *t = mq_kafka_topics_find(topics, topic);

	if (!t)
		return add_gone(info, group, topic, err);
	for (int i = 0; i < t->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *p = &t->partitions[i];
		struct mq_place *place = add_place(info, group, topic, p->id, err);
		if (!place)
			return -1;
		if (p->leader >= 0)
			continue;
		if (mq_kafka_place_error(place, "the partition has no leader", err) < 0)
			return -1;
		mq_fail(&info->err, MQ_UNREACHABLE, "%s[%d]: the partition has no leader", topic,
		        (int)p->id);
	}
	if (t->err && t->partition_cnt == 0)
		mq_kafka_fail(&info->err, t->err, "%s", topic);
	return 0;
}

/* --- which streams -------------------------------------------------------------------------------
 */

/* The query's streams, made ready. */
struct choice {
	const struct mq_group_query *query;
	regex_t *regexes; /* one for each stream, compiled where it is one */
	bool *compiled;
	bool *matched; /* something was found for it */
};

static void release_choice(struct choice *choice)
{
	for (size_t i = 0; choice->compiled && i < choice->query->n_streams; i++)
		if (choice->compiled[i])
			regfree(&choice->regexes[i]);
	free(choice->regexes);
	free(choice->compiled);
	free(choice->matched);
}

static int make_choice(const struct mq_group_query *query, struct choice *choice,
                       struct mq_err *err)
{
	size_t n = query->n_streams ? query->n_streams : 1;

	*choice = (struct choice){.query = query,
	                          .regexes = calloc(n, sizeof *choice->regexes),
	                          .compiled = calloc(n, sizeof *choice->compiled),
	                          .matched = calloc(n, sizeof *choice->matched)};
	if (!choice->regexes || !choice->compiled || !choice->matched)
		return mq_fail_memory(err);
	for (size_t i = 0; i < query->n_streams; i++) {
		char text[200];
		if (!is_regex(query->streams[i]))
			continue;
		int rc = regcomp(&choice->regexes[i], query->streams[i], REG_EXTENDED | REG_NOSUB);
		if (rc != 0) {
			regerror(rc, &choice->regexes[i], text, sizeof text);
			return mq_fail(err, MQ_USAGE, "'%s' is no regular expression: %s",
			               query->streams[i], text);
		}
		choice->compiled[i] = true;
	}
	return 0;
}

/* Whether a topic was asked for; notes that there is something for that stream. */
static bool is_chosen(struct choice *choice, const char *topic)
{
	const struct mq_group_query *query = choice->query;
	bool ret = query->n_streams == 0;

	for (size_t i = 0; i < query->n_streams; i++) {
		const char *stream = query->streams[i];
		bool internal = strncmp(topic, "__", 2) == 0 && strncmp(stream, "^__", 3) != 0;
		bool match = is_regex(stream)
		                 ? !internal && regexec(&choice->regexes[i], topic, 0, NULL, 0) == 0
		                 : strcmp(stream, topic) == 0;
		choice->matched[i] = choice->matched[i] || match;
		ret = ret || match;
	}
	return ret;
}

static int check_matched(const struct choice *choice, struct mq_err *err)
{
	const struct mq_group_query *query = choice->query;

	for (size_t i = 0; i < query->n_streams; i++) {
		if (choice->matched[i])
			continue;
		if (!is_regex(query->streams[i]))
			return mq_kafka_not_found(err, query->streams[i]);
		mq_fail(err, MQ_NOT_FOUND, "no topic matches '%s'", query->streams[i]);
		return mq_hint(err, "'mqtk ls' lists the topics");
	}
	return 0;
}

/* A topic that was named and may not be looked at: that no group was found there means nothing. */
static int check_allowed(const struct mq_kafka_look *look, struct mq_err *err)
{
	const struct mq_group_query *query = look->query;

	/* Groups that were named say it themselves. */
	for (size_t i = 0; query->n_groups == 0 && i < query->n_streams; i++) {
		const struct rd_kafka_metadata_topic *t =
		    mq_kafka_topics_find(&look->topics, query->streams[i]);
		if (t && mq_kafka_code(t->err) == MQ_DENIED)
			return mq_kafka_fail(err, t->err, "%s", t->topic);
	}
	return 0;
}

/* Places of one group. *ret_own: it has a commit or a member in a stream that was asked for. */
static int add_group_places(struct mq_kafka_look *look, size_t index,
                            const struct mq_kafka_topics *topics, struct choice *choice,
                            bool *ret_own, struct mq_err *err)
{
	struct mq_group_info *info = &look->list->items[index];
	const struct mq_kafka_group *group = &look->groups[index];
	const char **names = NULL;
	size_t n = 0, n_own = 0;
	int rc = group_topics(group, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (is_chosen(choice, names[i]))
			names[n_own++] = names[i];
	n = n_own;
	*ret_own = n_own > 0;
	/* With groups that were named too, every partition of the streams is shown. */
	bool whole = look->query->n_streams > 0 && (n_own > 0 || look->query->n_groups > 0);
	for (size_t i = 0; rc == 0 && i < topics->n; i++)
		if (is_chosen(choice, topics->items[i]->topic) && whole)
			rc = add_name(&names, &n, topics->items[i]->topic, err);
	n = unique_names(names, n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_topic_places(info, group, names[i], topics, err);
	free(names);
	return rc;
}

/* Moves a group out of the list, and the last one to its place. */
static int drop_group(struct mq_kafka_look *look, size_t index, struct mq_group_list *dropped,
                      struct mq_err *err)
{
	struct mq_group_info *place =
	    mq_info_grow(&dropped->items, &dropped->n, sizeof *dropped->items, err);
	size_t last = look->list->n - 1;
	struct mq_kafka_group mine = look->groups[index];

	if (!place)
		return -1;
	*place = look->list->items[index];
	look->list->items[index] = look->list->items[last];
	look->groups[index] = look->groups[last];
	look->groups[last] = mine;
	look->list->n--;
	return 0;
}

int mq_kafka_places_add(struct mq_kafka_look *look, struct mq_err *err)
{
	const struct mq_kafka_topics *topics = &look->topics;
	struct choice choice;
	struct mq_group_list dropped = {0};
	int rc = -1;

	if (make_choice(look->query, &choice, err) < 0 || ask_topics(look, err) < 0 ||
	    check_allowed(look, err) < 0)
		goto out;
	for (size_t i = 0; i < topics->n; i++)
		is_chosen(&choice, topics->items[i]->topic);
	for (size_t i = 0; i < look->list->n;) {
		bool own = false;
		if (look->list->items[i].err.code == MQ_NOT_FOUND) {
			i++;
			continue;
		}
		if (add_group_places(look, i, topics, &choice, &own, err) < 0)
			goto out;
		/* What is unknown because of an error may well be there. */
		bool drop = !own && look->query->n_groups == 0 && look->query->n_streams > 0 &&
		            look->list->items[i].err.code == MQ_OK;
		if (drop && drop_group(look, i, &dropped, err) < 0)
			goto out;
		i += !drop;
	}
	rc = check_matched(&choice, err);
out:
	mq_group_list_release(&dropped);
	release_choice(&choice);
	return rc;
}

int mq_kafka_places_exact(struct mq_kafka_look *look, struct mq_err *err)
{
	for (size_t i = 0; i < look->list->n; i++) {
		const struct mq_group_info *info = &look->list->items[i];
		struct mq_kafka_group *group = &look->groups[i];
		if (info->n_places == 0 || !group->commits)
			continue;
		group->exact = rd_kafka_topic_partition_list_new((int)info->n_places);
		if (!group->exact)
			return mq_fail_memory(err);
		for (size_t j = 0; j < info->n_places; j++)
			rd_kafka_topic_partition_list_add(group->exact, info->places[j].stream,
			                                  info->places[j].partition);
	}
	return 0;
}

int mq_kafka_places_refill(struct mq_kafka_look *look, struct mq_err *err)
{
	for (size_t i = 0; i < look->list->n; i++) {
		struct mq_group_info *info = &look->list->items[i];
		const struct mq_kafka_group *group = &look->groups[i];
		for (size_t j = 0; group->exact && j < info->n_places; j++) {
			struct mq_place *place = &info->places[j];
			if (fill_committed(place,
			                   find_commit(group, place->stream, place->partition),
			                   err) < 0)
				return -1;
		}
	}
	return 0;
}
