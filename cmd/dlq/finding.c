/* Finding dead-letter streams: see finding.h. */
#include "cmd/dlq/finding.h"

#include "cmd/dlq/dead_names.h"
#include "cmd/dlq/peek.h"

#include <stdlib.h>

enum {
	AT_ONCE = 200, /* streams that one look reads together */
	PARTITIONS_AT_ONCE = 1000,
	PENDING_AT_ONCE = 1000,
	LOST_SAID = 20, /* streams whose letters are lost, by name */
};

const char *const found_by_names[FOUND_WAYS] = {"configuration", "name", "headers", "pending"};

/* --- rows ------------------------------------------------------------------------------------- */

static struct found *add(struct finding *f, const char *stream, struct mq_err *err)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct found *items = realloc(f->items, cap * sizeof *items);
		if (!items) {
			mq_fail_memory(err);
			return NULL;
		}
		f->items = items;
		f->cap = cap;
	}
	struct found *found = &f->items[f->n];
	*found = (struct found){.depth = -1,
	                        .oldest_ms = MQ_NO_TIME,
	                        .newest_ms = MQ_NO_TIME,
	                        .stream = strdup(stream)};
	if (!found->stream) {
		mq_fail_memory(err);
		return NULL;
	}
	f->n++;
	return found;
}

static void release(struct found *found)
{
	free(found->stream);
	free(found->group);
	free(found->error);
	tally_release(&found->origins);
	tally_release(&found->through);
}

void finding_release(struct finding *f)
{
	for (size_t i = 0; i < f->n; i++)
		release(&f->items[i]);
	free(f->items);
	free(f->left_out);
	mq_stream_list_release(&f->list);
	if (f->has_regex)
		regfree(&f->regex);
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = strcmp(x->stream, y->stream);

	return order ? order : strcmp(x->group ? x->group : "", y->group ? y->group : "");
}

/* Of the broker's list, which stands first and is sorted. */
static struct found *lookup(struct finding *f, const char *stream)
{
	struct found key = {.stream = (char *)(uintptr_t)stream};

	return f->list.n ? bsearch(&key, f->items, f->list.n, sizeof key, compare_found) : NULL;
}

static int add_list(struct finding *f, struct mq_err *err)
{
	if (mq_list(f->conn, true, &f->list, err) < 0)
		return -1;
	for (size_t i = 0; i < f->list.n; i++) {
		const struct mq_stream_info *info = &f->list.items[i];
		struct found *found = add(f, info->name, err);
		if (!found)
			return -1;
		found->info = info;
		found->depth = info->messages;
		found->oldest_ms = info->first_ts_ms;
		found->newest_ms = info->last_ts_ms;
	}
	return 0;
}

/* --- configuration and names ------------------------------------------------------------------ */

/* Letters that reach nothing are lost, whoever looks: that is said. */
static void say_lost(struct finding *f, const struct mq_dead_route *route)
{
	f->lost++;
	if (f->lost <= LOST_SAID)
		mq_log(f->env, MQ_LEVEL_WARN,
		       "dead letters of '%s' reach no queue and are lost: %s", route->origin,
		       route->through);
}

static int add_route(struct finding *f, const struct mq_dead_route *route, struct mq_err *err)
{
	struct found *found = lookup(f, route->target);

	if (!found)
		found = add(f, route->target, err);
	if (!found)
		return -1;
	found->by |= FOUND_CONFIGURATION;
	return tally_add(&found->origins, mq_bytes_str(route->origin), err) < 0
	           ? -1
	           : tally_add(&found->through, mq_bytes_str(route->through), err);
}

static int add_routes(struct finding *f, struct mq_err *err)
{
	struct mq_dead_route_list routes;
	int result = mq_dead_routes(f->conn, &routes, err);

	for (size_t i = 0; i < routes.n && result == 0; i++) {
		if (routes.items[i].target)
			result = add_route(f, &routes.items[i], err);
		else
			say_lost(f, &routes.items[i]);
	}
	if (f->lost > LOST_SAID)
		mq_log(f->env, MQ_LEVEL_WARN, "and so are those of %lld others",
		       (long long)f->lost - LOST_SAID);
	if (result == 0 && routes.left_out) {
		f->left_out = routes.left_out;
		routes.left_out = NULL;
	}
	mq_dead_route_list_release(&routes);
	return result;
}

/* The origin that a name tells counts only if there is such a stream. */
static int add_origin_of_name(struct finding *f, struct found *found, struct mq_bytes origin,
                              struct mq_err *err)
{
	char *name = origin.len > 0 ? strndup(origin.data, origin.len) : NULL;
	int result = 0;

	if (origin.len > 0 && !name)
		return mq_fail_memory(err);
	if (name && found->origins.n == 0 && lookup(f, name))
		result = tally_add(&found->origins, origin, err);
	free(name);
	return result;
}

static int add_names(struct finding *f, struct mq_err *err)
{
	for (size_t i = 0; i < f->list.n; i++) {
		struct found *found = &f->items[i];
		struct mq_bytes origin = MQ_ABSENT;
		if (found->info->internal && !f->all)
			continue;
		if (!dead_name(found->stream, &origin) &&
		    !(f->has_regex && regexec(&f->regex, found->stream, 0, NULL, 0) == 0))
			continue;
		found->by |= FOUND_NAME;
		if (add_origin_of_name(f, found, origin, err) < 0)
			return -1;
	}
	return 0;
}

/* --- messages --------------------------------------------------------------------------------- */

/* A look at messages: the newest ones of streams, or the oldest ones of one. */
struct looking {
	struct finding *finding;
	struct peek peek;
};

/* Where messages wait for consumers the newest one cannot be had without the others. */
static bool is_queue(const struct found *found)
{
	return found->info->ready >= 0;
}

static int see(void *ctx, const struct mq_message *message, const struct mq_dead *dead,
               struct mq_err *err)
{
	struct looking *looking = ctx;
	char *name = strndup(message->stream.data, message->stream.len);
	struct found *found = name ? lookup(looking->finding, name) : NULL;
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;

	free(name);
	if (!found)
		return 0;
	/* The broker's own times are of the messages, not of their death. */
	if (!found->seen)
		found->oldest_ms = found->newest_ms = MQ_NO_TIME;
	found->seen = true;
	if (when != MQ_NO_TIME && (found->oldest_ms == MQ_NO_TIME || when < found->oldest_ms))
		found->oldest_ms = when;
	/* Of a queue it is the oldest one, and of the newest nothing is known. */
	if ((!is_queue(found) || found->depth == 1) && when != MQ_NO_TIME &&
	    (found->newest_ms == MQ_NO_TIME || when > found->newest_ms))
		found->newest_ms = when;
	if (dead->dialect == MQ_DEAD_UNKNOWN)
		return 0;
	found->by |= FOUND_HEADERS;
	found->dialect = dead->dialect;
	return dead->origin_stream.len > 0 ? tally_add(&found->origins, dead->origin_stream, err)
	                                   : 0;
}

static void see_failure(void *ctx, const char *stream, const struct mq_err *why)
{
	struct looking *looking = ctx;
	struct finding *f = looking->finding;
	struct found *found = lookup(f, stream);

	/* That a look would be no mere look is no failure: what it would have told is not known. */
	if (why->code == MQ_USAGE)
		return;
	if (found && found->by) {
		if (!found->error)
			found->error = strdup(why->message);
		found->denied = why->code == MQ_DENIED;
	} else if (f->unreadable++ == 0) {
		f->why = *why;
	}
}

/* Names gather until a read of several is worth it. */
struct gathering {
	const char *names[AT_ONCE];
	size_t n, partitions;
};

static int look_at_newest(struct looking *looking, struct gathering *g, struct mq_err *err)
{
	size_t n = g->n;

	g->n = g->partitions = 0;
	if (peek_is_over(&looking->peek))
		for (size_t i = 0; i < n; i++) {
			const struct found *found = lookup(looking->finding, g->names[i]);
			looking->finding->not_looked_at += found && !found->by;
		}
	return peek_newest(&looking->peek, g->names, n, err);
}

/* found: those that are found already, or the others. */
static int look_at_all(struct looking *looking, bool found_ones, struct mq_err *err)
{
	struct finding *f = looking->finding;
	struct gathering g = {.n = 0};

	for (size_t i = 0; i < f->list.n; i++) {
		const struct found *found = &f->items[i];
		size_t partitions = found->info->n_partitions;
		if ((found->by != 0) != found_ones || found->depth == 0 || is_queue(found) ||
		    (found->info->internal && !f->all && !found->by))
			continue;
		if ((g.n == AT_ONCE || g.partitions + partitions > PARTITIONS_AT_ONCE) &&
		    look_at_newest(looking, &g, err) < 0)
			return -1;
		g.names[g.n++] = found->stream;
		g.partitions += partitions;
	}
	return look_at_newest(looking, &g, err);
}

static int look(struct finding *f, struct mq_err *err)
{
	struct looking looking = {.finding = f};
	int result;

	looking.peek = (struct peek){.conn = f->conn,
	                             .deadline_ms = mq_now_monotonic_ms() + f->env->timeout_ms,
	                             .each = see,
	                             .failed = see_failure,
	                             .ctx = &looking};
	if (mq_dead_reader_new(&looking.peek.reader, err) < 0)
		return -1;
	/* First what is known to be one, then what may be. */
	result = look_at_all(&looking, true, err);
	if (result == 0)
		result = look_at_all(&looking, false, err);
	for (size_t i = 0; i < f->list.n && result == 0; i++)
		if (f->items[i].by && f->items[i].depth != 0)
			result = peek_oldest(&looking.peek, f->items[i].info, err);
	mq_dead_reader_free(looking.peek.reader);
	return result;
}

/* --- pending ones ----------------------------------------------------------------------------- */

static int count_pending(struct finding *f, const char *group, const char *stream,
                         struct mq_err *err)
{
	struct mq_pending_query query = {.group = group, .stream = stream, .max = PENDING_AT_ONCE};
	int64_t now = mq_now_ms(), n = 0, most = -1, least = INT64_MAX;
	char *after = NULL;
	int result = 0;

	for (bool more = true; more && result == 0;) {
		struct mq_pending_list list;
		query.after = after;
		if (mq_cancel_signal(f->env->cancel))
			result = mq_fail(err, MQ_CANCELLED, "stopped by a signal");
		else
			result = mq_pending(f->conn, &query, &list, err);
		if (result < 0)
			break;
		for (size_t i = 0; i < list.n; i++) {
			const struct mq_pending *p = &list.items[i];
			if (p->deliveries < f->max_deliveries)
				continue;
			n++;
			most = p->idle_ms > most ? p->idle_ms : most;
			least = p->idle_ms < least ? p->idle_ms : least;
		}
		more = list.n == query.max;
		free(after);
		after = more ? strdup(list.items[list.n - 1].id) : NULL;
		if (more && !after)
			result = mq_fail_memory(err);
		mq_pending_list_release(&list);
	}
	free(after);
	if (result < 0 || n == 0)
		return result;
	struct found *found = add(f, stream, err);
	if (!found || !(found->group = strdup(group)))
		return mq_fail_memory(err);
	found->by = FOUND_PENDING;
	found->depth = n;
	/* When they were given to a member for the last time. */
	found->oldest_ms = most >= 0 ? now - most : MQ_NO_TIME;
	found->newest_ms = most >= 0 ? now - least : MQ_NO_TIME;
	return tally_add(&found->origins, mq_bytes_str(stream), err);
}

static int add_pending(struct finding *f, struct mq_err *err)
{
	struct mq_group_query query = {.want = MQ_GROUP_PLACES};
	struct mq_group_list groups;
	int result = 0;

	if (!(f->conn->caps & MQ_CAP_CLAIM))
		return mq_fail(err, MQ_USAGE,
		               "--max-deliveries: the broker does not tell how often a message "
		               "was delivered; what its programs gave up is found without it");
	if (mq_groups(f->conn, &query, &groups, err) < 0)
		return -1;
	for (size_t i = 0; i < groups.n && result == 0; i++) {
		const struct mq_group_info *group = &groups.items[i];
		if (group->err.code && f->unreadable++ == 0)
			f->why = group->err;
		for (size_t k = 0; k < group->n_places && result == 0; k++)
			if (group->places[k].pending != 0)
				result =
				    count_pending(f, group->name, group->places[k].stream, err);
	}
	mq_group_list_release(&groups);
	return result;
}

/* --- all -------------------------------------------------------------------------------------- */

/* Only what was found stays. */
static void sift(struct finding *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (!f->items[i].by) {
			release(&f->items[i]);
			continue;
		}
		tally_sort(&f->items[i].origins);
		tally_sort(&f->items[i].through);
		f->items[kept++] = f->items[i];
	}
	f->n = kept;
	if (kept > 0)
		qsort(f->items, kept, sizeof *f->items, compare_found);
}

int finding_run(struct finding *f, struct mq_err *err)
{
	if (f->pattern) {
		if (regcomp(&f->regex, f->pattern, REG_EXTENDED | REG_NOSUB) != 0)
			return mq_fail(err, MQ_USAGE, "--pattern: '%s' is no regular expression",
			               f->pattern);
		f->has_regex = true;
	}
	if (add_list(f, err) < 0 || add_names(f, err) < 0 || add_routes(f, err) < 0 ||
	    (!f->quick && look(f, err) < 0) || (f->max_deliveries >= 0 && add_pending(f, err) < 0))
		return -1;
	sift(f);
	return 0;
}
