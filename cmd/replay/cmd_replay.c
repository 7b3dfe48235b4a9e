/* mqtk replay: copy messages from streams to a stream. The options and their meaning; the work is
 * done in running.c. */
#include "cmd/commands.h"
#include "cmd/replay/pace.h"
#include "cmd/replay/running.h"
#include "cmd/replay/target.h"

#include <stdlib.h>

static const struct replay_values defaults = {
    .common = MQ_COMMON_INIT,
    .count = -1,
    .pace = {.max_gap_ms = -1},
    .max_replays = -1,
    .compression = -1,
};

/* --- values ---------------------------------------------------------------------------------- */

static int parse_pos(void *field, const char *value, struct mq_err *err)
{
	struct replay_pos *pos = field;

	pos->text = value;
	return mq_pos_parse(value, mq_now_ms(), &pos->pos, err);
}

#define FIELD(member) offsetof(struct replay_values, member)

static const char *const timestamps[] = {"original", "now", NULL};
static const char *const compressions[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

static const struct mq_option range_rows[] = {
    {.name = "from",
     .letter = 'o',
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "where to begin: beginning, N, ID, -N, @TIME, -48h, 2026-11-01T10:00Z",
     .more = "As consume --from. -N is the last N of each partition. With a group it is used only "
             "where the group has no position yet.",
     .field = FIELD(from),
     .custom = parse_pos},
    {.name = "to",
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "where to end, exclusive (the end as it is at the start)",
     .more = "The end is fixed when the command starts: a replay into the stream that it reads "
             "ends.",
     .field = FIELD(to),
     .custom = parse_pos},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "at most N messages",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(count)},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_CUSTOM,
     .arg = "N[,N…]",
     .help = "only these partitions; also 5-7; repeatable",
     .field = FIELD(partitions),
     .custom = reading_parse_partitions},
    {.name = "max-replays",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "leave out messages that were replayed N times already",
     .more = "By the header mqtk-replay-count. They are counted and said, and no failure.",
     .max = INT64_MAX,
     .field = FIELD(max_replays)},
    {0}};

static const struct mq_option pace_rows[] = {
    {.name = "rate",
     .type = MQ_OPT_CUSTOM,
     .arg = "N",
     .help = "at most N messages per second",
     .field = FIELD(pace),
     .custom = pace_parse_rate},
    {.name = "speed",
     .type = MQ_OPT_CUSTOM,
     .arg = "X",
     .help = "by the times of the originals: 1x as they came, 2x or 200% twice as fast",
     .more = "A message that is older than one before it goes at once.",
     .field = FIELD(pace),
     .custom = pace_parse_speed},
    {.name = "max-gap",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "with --speed: no pause is longer",
     .max = INT64_MAX,
     .field = FIELD(pace.max_gap_ms)},
    {0}};

static const struct mq_option copy_rows[] = {
    {.name = "timestamps",
     .type = MQ_OPT_CHOICE,
     .arg = "WHICH",
     .choices = timestamps,
     .help = "original or now (original)",
     .more = "A stream that keeps messages by their own time (Kafka, the local store) may remove "
             "copies with an old one before they are read; that is said when it is seen.",
     .field = FIELD(timestamps)},
    {.name = "to-partition",
     .type = MQ_OPT_CUSTOM,
     .arg = "HOW",
     .help = "keep, hash (by key), a partition, or a list such as 0:2,1:0",
     .more = "Unless given, partitions are kept when source and target have as many, else keys "
             "decide. What a list does not name is placed in the same way.",
     .field = FIELD(placement),
     .custom = target_parse_placement},
    {.name = "key",
     .letter = 'k',
     .type = MQ_OPT_STRING,
     .arg = "KEY",
     .help = "key of all copies",
     .field = FIELD(key)},
    {.name = "header",
     .letter = 'H',
     .type = MQ_OPT_LIST,
     .arg = "NAME[=VALUE]",
     .help = "add a header; NAME alone is null, NAME= is empty; repeatable",
     .field = FIELD(headers)},
    {.name = "remove-header",
     .type = MQ_OPT_LIST,
     .arg = "NAME",
     .help = "leave out every header of this name; repeatable",
     .field = FIELD(removed)},
    {.name = "no-provenance",
     .type = MQ_OPT_FLAG,
     .help = "do not add the headers mqtk-replay-source and mqtk-replay-count",
     .more = "They say where a copy came from and how often it was replayed. They are not added "
             "when the source or the target is a file.",
     .field = FIELD(no_provenance)},
    {.name = "create",
     .type = MQ_OPT_FLAG,
     .help = "make the target stream if it is missing, with as many partitions",
     .field = FIELD(create)},
    {.name = "append",
     .type = MQ_OPT_FLAG,
     .help = "add to a target file that is not empty",
     .field = FIELD(append)},
    {.name = "compression",
     .letter = 'z',
     .type = MQ_OPT_CHOICE,
     .arg = "CODEC",
     .choices = compressions,
     .help = "none, gzip, snappy, lz4 or zstd",
     .field = FIELD(compression)},
    {0}};

static const struct mq_option safety_rows[] = {
    {.name = "resume",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "remember in FILE what is done; the same command goes on from there",
     .more =
         "FILE is made when it is missing. What the target confirmed is written to it and "
         "brought to the disk; after a crash at most duplicates are copied, and nothing is left "
         "out. The range is fixed by the first run.",
     .field = FIELD(resume),
     .excludes = "group ack exactly-once",
     .complete = MQ_COMPLETE_FILE},
    {.name = "group",
     .letter = 'g',
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "read as this group, and commit what the target confirmed",
     .field = FIELD(group),
     .excludes = "partition ack"},
    {.name = "ack",
     .type = MQ_OPT_FLAG,
     .help = "move out of a queue: a message is gone once the target confirmed it",
     .more = "Without it a queue is copied: all that is there, and it stays there.",
     .field = FIELD(ack)},
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = FIELD(force),
     .excludes = "ack group"},
    {.name = "exactly-once",
     .type = MQ_OPT_FLAG,
     .help = "within one Kafka cluster: copies and the position of --group in one transaction",
     .more = "Whatever happens, readers of committed messages (isolation.level=read_committed) see "
             "each one once. A second run of the same group ends the first; a group with active "
             "members is refused, for they commit positions of their own.",
     .field = FIELD(exactly_once)},
    {.name = "failed-to",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "append messages that the target refuses to FILE, and go on",
     .more = "Without it a replay ends at the first one. mqtk produce -J FILE sends them again. "
             "When the target itself fails a replay ends all the same.",
     .field = FIELD(failed_to),
     .excludes = "exactly-once",
     .complete = MQ_COMPLETE_FILE},
    {.name = "dry-run",
     .type = MQ_OPT_FLAG,
     .help = "only say how many messages, how large, from when to when, and how long it takes",
     .field = FIELD(dry_run),
     .excludes = "resume"},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "report as one JSON line on standard output",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Range", range_rows, 0},
    {"Pace", pace_rows, 0},
    {"Copies", copy_rows, 0},
    {"Safety", safety_rows, 0},
    {"Only what is valid", schema_source_rows, FIELD(schema)},
    {"How the schema is read", schema_rows, FIELD(schema)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk replay --dry-run --from -2h prod/orders staging/orders", "what that would be"},
    {"mqtk replay --from -2h prod/orders staging/orders", "the last two hours"},
    {"mqtk replay --speed 10x --max-gap 5s prod/orders staging/orders",
     "ten times as fast as they came, no pause above 5 s"},
    {"mqtk replay --resume orders.journal prod/orders staging/orders",
     "goes on where it was when it was killed"},
    {"mqtk replay prod/orders orders.jsonl", "backup to a file"},
    {"mqtk replay --create 'prod/^orders.*' sqlite:backup.db/", "or many streams to a local store"},
    {"mqtk replay orders.jsonl staging/", "restore, each message to the stream of its own name"},
    {"mqtk replay --ack amqp://localhost/orders kafka://localhost:9092/orders",
     "move a queue to Kafka"},
    {"mqtk replay --schema order.json --failed-to bad.jsonl prod/orders staging/orders",
     "only what is valid; the rest is kept"},
    {"mqtk replay --exactly-once --group copier prod/orders prod/orders-2",
     "within one Kafka cluster, no duplicates"},
    {0}};

/* --- checks ---------------------------------------------------------------------------------- */

static int check(const struct replay_values *values, struct mq_err *err)
{
	if (values->group && !*values->group)
		return mq_fail(err, MQ_USAGE, "--group: '' is no name of a group");
	if (values->exactly_once && !values->group) {
		mq_fail(err, MQ_USAGE, "--exactly-once needs --group NAME");
		return mq_hint(err, "the group's positions are what the transactions carry");
	}
	if (values->from.pos.kind == MQ_POS_STORED && !values->group)
		return mq_fail(err, MQ_USAGE,
		               "--from stored is a group's position: add --group NAME");
	if (values->to.pos.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "an end cannot be 'stored'");
	if (values->pace.max_gap_ms >= 0 && values->pace.speed <= 0)
		return mq_fail(err, MQ_USAGE, "--max-gap shortens the pauses of --speed");
	if (values->schema.source && values->dry_run) {
		mq_fail(err, MQ_USAGE, "--dry-run does not judge by --schema");
		return mq_hint(err, "'mqtk schema validate --schema' tells what is not valid");
	}
	for (size_t i = 0; i < values->removed.n; i++)
		if (!*values->removed.items[i])
			return mq_fail(err, MQ_USAGE, "--remove-header: '' is no name of a header");
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct replay_values *values = invocation->values;
	struct judging_spec spec = {.options = &values->schema, .framing = -1, .most = 1};
	struct judging judging;

	if (check(values, err) < 0)
		return MQ_USAGE;
	if (!values->schema.source)
		return running_run(invocation, values, NULL, NULL, err);
	int code = judging_open(&judging, invocation, &spec, err) < 0 ? (int)err->code : MQ_OK;
	values->judge = &judging.judge;
	if (code == MQ_OK)
		code = running_run(invocation, values, NULL, NULL, err);
	judging_close(&judging);
	values->judge = NULL;
	return code;
}

static void release(void *values)
{
	struct replay_values *mine = values;

	free(mine->partitions.items);
	free(mine->placement.moves);
}

const struct mq_command mq_cmd_replay = {
    .name = "replay",
    .summary = "copy messages from streams to a stream, at any pace; also backup and restore",
    .operands = "SRC… DST",
    .about =
        "Copies the messages of one or more streams, as they are when it starts, to another "
        "stream, on the same broker or another kind of broker. The last operand is the target. "
        "Key, "
        "headers, payload, properties and timestamp are kept, and the order of each partition; "
        "what "
        "the target cannot hold travels in a reserved header.\n\n"
        "A target that ends in '/' names a broker: each message goes to the stream of its own "
        "name. "
        "An operand that is '-', ends in .jsonl, or begins with file:, '/', './' or '../' is a "
        "file "
        "of -J lines: backup and restore.\n\n"
        "Nothing of the source is settled (--group, --ack) or remembered (--resume) before the "
        "target has confirmed it. When the target fails the replay ends, with exit code 3 and "
        "every message accounted for. Messages that were gone before they could be read are "
        "counted and said: exit code 3 as well.\n\n"
        "With --schema a message that is not valid is treated as one that the target refuses: it "
        "is not copied, --failed-to keeps it and the others go on; without that the replay ends "
        "there.\n\n"
        "A queue has no positions: it is copied as it is now, or moved with --ack.\n\n"
        "With two brokers -X src.NAME=VALUE is a setting of the sources, -X dst.NAME=VALUE one of "
        "the target, and one without a prefix is for both.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct replay_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
