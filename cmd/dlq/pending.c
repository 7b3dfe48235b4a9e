/* Letters that a group holds: see pending.h. */
#include "cmd/dlq/pending.h"

const struct mq_option pending_rows[] = {
    {.name = "max-deliveries",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "Redis: letters are what --group holds pending after N deliveries or more",
     .more = "They stand in the stream where they were all the time: 'requeue' adds them to it "
             "anew, and whatever takes a letter away acknowledges it for the group; the entry "
             "itself stays. Each is taken over first (XCLAIM, which is no delivery), so that no "
             "member is given it meanwhile; what was not moved in the end goes back to its "
             "member.",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct pending_options, max_deliveries)},
    {.name = "group",
     .letter = 'g',
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "that group; where letters cannot be taken out (Kafka), the one that remembers "
             "(mqtk-dlq-STREAM)",
     .field = offsetof(struct pending_options, group)},
    {.name = "idle",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "of those only what was given to a member so long ago (60s)",
     .more = "A member may still work on what it was given later. 0s counts everything, also "
             "what is being worked on.",
     .max = INT64_MAX / 4,
     .field = offsetof(struct pending_options, idle_ms)},
    {0}};

int pending_check(const struct pending_options *options, bool remembers, struct mq_err *err)
{
	if (options->max_deliveries > 0 && !options->group)
		return mq_fail(err, MQ_USAGE,
		               "--max-deliveries N is about what a group holds: --group NAME");
	if (options->max_deliveries == 0 && options->group && !remembers)
		return mq_fail(err, MQ_USAGE,
		               "--group is about what a group holds pending: --max-deliveries N "
		               "says when that is a dead letter");
	return 0;
}

void pending_fill(const struct pending_options *options, struct mq_read_spec *spec)
{
	if (options->max_deliveries == 0)
		return;
	spec->group = options->group;
	spec->deliveries = options->max_deliveries;
	spec->idle_ms = options->idle_ms;
}
