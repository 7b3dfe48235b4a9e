/* Sources of a replay: see sides.h. */
#include "cmd/replay/sides.h"

#include "cmd/opening.h"
#include "cmd/replay/file.h"
#include "cmd/two_brokers.h"

#include <stdlib.h>

enum { SLOW = 1000 }; /* messages per second, by --rate */

/* --- operands -------------------------------------------------------------------------------- */

int sides_init(struct sides *sides, const struct mq_invocation *invocation, struct mq_err *err)
{
	size_t n = invocation->operands.n;

	*sides = (struct sides){.source_invocation = *invocation};
	mq_settings_init(&sides->source_invocation.settings);
	mq_settings_init(&sides->target_settings);
	if (n < 2) {
		mq_fail(err, MQ_USAGE, n == 0 ? "no addresses given" : "no target given");
		return mq_hint(err, "mqtk replay SRC DST; mqtk replay --help shows examples");
	}
	sides->addresses = calloc(n, sizeof *sides->addresses);
	sides->paths = calloc(n, sizeof *sides->paths);
	sides->shown = calloc(n, sizeof *sides->shown);
	if (!sides->addresses || !sides->paths || !sides->shown)
		return mq_fail_memory(err);
	for (size_t i = 0; i + 1 < n; i++) {
		const char *operand = invocation->operands.items[i];
		if (file_is_named(operand))
			sides->paths[sides->n_paths++] = file_path(operand);
		else
			sides->addresses[sides->n_addresses++] = operand;
	}
	return two_brokers_split(&invocation->settings, &sides->source_invocation.settings,
	                         &sides->target_settings, err);
}

/* "orders, payments", as messages name what is read. */
static int make_label(struct sides *sides, struct mq_err *err)
{
	struct mq_buf buf;
	size_t n = 0;

	mq_buf_init(&buf, 1 << 20);
	for (size_t i = 0; i < sides->n_addresses; i++)
		sides->shown[n++] = sides->sources.targets[i].shown;
	for (size_t i = 0; i < sides->n_paths; i++)
		sides->shown[n++] = sides->paths[i];
	for (size_t i = 0; i < n; i++)
		if (mq_buf_printf(&buf, err, "%s%s", i ? ", " : "", sides->shown[i]) < 0) {
			mq_buf_release(&buf);
			return -1;
		}
	sides->label = buf.data; /* handed over; printf left a NUL behind the text */
	return 0;
}

/* Nobody keeps positions in a file, and no line leaves it. */
static int check_settling(const struct sides *sides, const struct replay_values *values,
                          struct mq_err *err)
{
	if (sides->n_paths == 0 || (!values->group && !values->ack))
		return 0;
	mq_fail(err, MQ_USAGE, "%s: nothing of %s can be settled, which is a file",
	        values->ack ? "--ack" : "--group", sides->paths[0]);
	return mq_hint(err, "--resume FILE remembers what was copied");
}

int sides_connect(struct sides *sides, struct target *target, const struct replay_values *values,
                  const char *operand, struct mq_err *err)
{
	if (check_settling(sides, values, err) < 0)
		return -1;
	if (target_connect(target, &sides->source_invocation, &sides->target_settings, operand,
	                   values, err) < 0)
		return -1;
	if (sides->n_addresses > 0) {
		if (sources_resolve(&sides->sources, &sides->source_invocation, sides->addresses,
		                    sides->n_addresses, err) < 0)
			return -1;
		sides->connected = true;
		for (size_t i = 0; i < sides->sources.n_targets && target->resolved; i++) {
			struct mq_target *source = &sides->sources.targets[i];
			two_brokers_drop_foreign(source, target->address.backend,
			                         &sides->source_invocation.settings);
			two_brokers_drop_foreign(&target->address, source->backend,
			                         &sides->target_settings);
		}
		if (sources_connect(&sides->sources, &sides->source_invocation, err) < 0)
			return -1;
	}
	return make_label(sides, err);
}

/* --- readers --------------------------------------------------------------------------------- */

int sides_learn(struct sides *sides, const struct plan *plan, struct mq_err *err)
{
	sides->partitions_of = calloc(sides->sources.n + 1, sizeof *sides->partitions_of);
	if (!sides->partitions_of)
		return mq_fail_memory(err);
	for (size_t i = 0; i < sides->sources.n; i++) {
		const struct source *source = &sides->sources.items[i];
		struct mq_err ignored = MQ_ERR_INIT;
		struct mq_stream_info info;
		sides->partitions_of[i] = -1;
		if (plan->exact[i] || source->n_streams != 1 || source->streams[0][0] == '^' ||
		    !(source->conn->caps & MQ_CAP_PARTITIONS))
			continue;
		if (mq_describe(source->conn, source->streams[0], &info, &ignored) == 0)
			sides->partitions_of[i] = (int32_t)info.n_partitions;
		mq_stream_info_release(&info);
	}
	return 0;
}

/* Two batches of a slow pace: a queue that gave more would wait for us to read on, and brokers do
 * not wait long. */
static int prefetch_of(const struct source *source, const struct replay_values *values)
{
	double rate = values->pace.rate;

	if (!values->ack || rate <= 0 || rate > SLOW || !(source->conn->caps & MQ_CAP_PREFETCH))
		return 0;
	return (int)(rate / 2) + 2;
}

static int open_reader(struct sides *sides, size_t i, const struct plan *plan,
                       const struct replay_values *values, int64_t done, struct mq_err *err)
{
	const struct source *source = &sides->sources.items[i];
	struct mq_range *ranges = NULL;
	struct mq_read_spec spec = {
	    .streams = source->streams,
	    .n_streams = source->n_streams,
	    .partitions = values->partitions.items,
	    .n_partitions = values->partitions.n,
	    .from = values->from.pos,
	    .to = values->to.pos,
	    .group = values->exactly_once || values->dry_run ? NULL : values->group,
	    .ack = values->ack && !values->dry_run,
	    .choosy = values->choosy,
	    .prefetch = prefetch_of(source, values),
	    .force = values->force,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .limit = values->count < 0 || values->chosen ? -1
	             : values->count > done              ? values->count - done
	                                                 : 0,
	    .stop_at_end = true,
	};

	if (values->held_group) {
		spec.group = values->held_group;
		spec.deliveries = values->held_deliveries;
		spec.idle_ms = values->held_idle_ms;
	}
	if (plan->exact[i]) {
		ranges = replay_plan_ranges(plan, i, &spec.n_ranges, err);
		if (!ranges)
			return -1;
		if (spec.n_ranges == 0) {
			free(ranges);
			return mq_fail(err, MQ_NOT_FOUND, "no stream of %s has such a partition",
			               source->target->shown);
		}
		spec.ranges = ranges;
		/* The ranges name them; where there are none, asking for some is refused. */
		if (source->conn->caps & MQ_CAP_PARTITIONS) {
			spec.partitions = NULL;
			spec.n_partitions = 0;
		}
		spec.from = spec.to = (struct mq_pos){.kind = MQ_POS_UNSET};
	}
	int result = mq_reader_open(source->conn, &spec, &sides->sources.readers[i], err);
	free(ranges);
	return result;
}

/* Lines of the file that earlier runs were done with. */
static int64_t lines_done(const struct plan *plan, size_t source)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->parts[i].source == source)
			return plan->parts[i].next;
	return 0;
}

int sides_read(struct sides *sides, const struct plan *plan, const struct replay_values *values,
               int64_t done, struct mq_err *err)
{
	size_t brokers = sides->sources.n;

	sides->readers = calloc(brokers + sides->n_paths + 1, sizeof *sides->readers);
	if (!sides->readers)
		return mq_fail_memory(err);
	for (size_t i = 0; i < brokers; i++) {
		if (open_reader(sides, i, plan, values, done, err) < 0)
			return -1;
		sides->readers[i] = sides->sources.readers[i];
		sides->n_readers++;
	}
	for (size_t i = 0; i < sides->n_paths; i++) {
		const struct file_read_spec spec = {
		    .path = sides->paths[i],
		    .values = values,
		    .skip = lines_done(plan, brokers + i),
		};
		if (file_reader_open(&spec, sides->source_invocation.env,
		                     &sides->readers[brokers + i], err) < 0)
			return -1;
		sides->n_readers++;
	}
	return 0;
}

/* What a group has of the streams of a source; nothing where that cannot be told. */
static void ask_places(const struct source *source, const char *group, struct mq_group_list *ret)
{
	const char *const groups[] = {group};
	struct mq_group_query query = {.groups = groups,
	                               .n_groups = 1,
	                               .streams = source->streams,
	                               .n_streams = source->n_streams,
	                               .want = source->conn->caps & MQ_CAP_CLAIM
	                                           ? MQ_GROUP_PLACES
	                                           : MQ_GROUP_MEMBERS | MQ_GROUP_ENDS};
	struct mq_err ignored = MQ_ERR_INIT;

	*ret = (struct mq_group_list){0};
	for (size_t i = 0; i < source->n_streams; i++)
		if (source->streams[i][0] == '^')
			return;
	if (mq_groups(source->conn, &query, ret, &ignored) < 0)
		*ret = (struct mq_group_list){0};
}

/* Where members keep what they were given. */
static void say_pending(const struct source *source, const struct mq_group_info *group,
                        const struct mq_env *env)
{
	int64_t held = 0;

	for (size_t i = 0; i < group->n_places; i++)
		if (group->places[i].pending > 0)
			held += group->places[i].pending;
	if (held > 0)
		mq_log(env, MQ_LEVEL_WARN,
		       "%s: other members of group %s hold %lld message%s that %s not settled, and "
		       "not copied here: mqtk group show --pending tells who, mqtk group claim "
		       "gives them to another",
		       source->target->shown, group->name, (long long)held, held == 1 ? "" : "s",
		       held == 1 ? "is" : "are");
}

/* Where members have partitions: one that was killed keeps its own until its session is over. */
static void say_unread(const struct source *source, const struct mq_group_info *group,
                       const struct mq_env *env)
{
	int64_t left = 0;

	for (size_t i = 0; i < group->n_places; i++) {
		const struct mq_place *place = &group->places[i];
		if (place->lag > 0)
			left += place->lag;
		else if (place->committed < 0 && place->begin >= 0 && place->end > place->begin)
			left += place->end - place->begin;
	}
	/* One of them are we. */
	if (left > 0 && group->n_members > 1)
		mq_log(
		    env, MQ_LEVEL_WARN,
		    "%s: group %s has %lld message%s to go, of partitions that other members were "
		    "given: what they do not finish the same command goes on with",
		    source->target->shown, group->name, (long long)left, left == 1 ? "" : "s");
}

void sides_say_held(const struct sides *sides, const char *group, const struct mq_env *env)
{
	for (size_t i = 0; i < sides->sources.n; i++) {
		const struct source *source = &sides->sources.items[i];
		struct mq_group_list list;

		if (!(source->conn->caps & (MQ_CAP_CLAIM | MQ_CAP_PARTITIONS)))
			continue;
		ask_places(source, group, &list);
		for (size_t k = 0; k < list.n; k++)
			if (source->conn->caps & MQ_CAP_CLAIM)
				say_pending(source, &list.items[k], env);
			else
				say_unread(source, &list.items[k], env);
		mq_group_list_release(&list);
	}
}

void sides_release(struct sides *sides)
{
	/* The brokers' readers are closed with their connections. */
	for (size_t i = sides->sources.n; i < sides->n_readers; i++)
		mq_reader_close(sides->readers[i]);
	if (sides->connected)
		sources_close(&sides->sources);
	mq_settings_release(&sides->source_invocation.settings);
	mq_settings_release(&sides->target_settings);
	free(sides->readers);
	free(sides->partitions_of);
	free(sides->addresses);
	free(sides->paths);
	free(sides->shown);
	free(sides->label);
	*sides = (struct sides){0};
}

int64_t sides_expected(const struct sides *sides, const struct plan *plan)
{
	int64_t total = 0;

	for (size_t i = 0; i < sides->n_readers; i++) {
		if (sides->readers[i]->expected < 0)
			return replay_plan_left(plan);
		total += sides->readers[i]->expected;
	}
	return total;
}

int64_t sides_missed(const struct sides *sides)
{
	int64_t total = 0;

	for (size_t i = 0; i < sides->n_readers; i++)
		total += sides->readers[i]->missed;
	return total;
}

int64_t sides_bad_lines(const struct sides *sides)
{
	int64_t total = 0;

	for (size_t i = 0; i < sides->n_readers; i++)
		total += file_bad_lines(sides->readers[i]);
	return total;
}
