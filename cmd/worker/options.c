/* The options of the worker: see worker.h. */
#include "cmd/worker/slot.h"
#include "cmd/worker/worker.h"

static const char *const orders[] = {"key", "partition", "none", NULL};

/* MIN..MAX, or one duration for both. */
static int parse_backoff(void *field, const char *value, struct mq_err *err)
{
	struct worker_backoff *backoff = field;
	const char *dots = strstr(value, "..");
	char first[32];
	size_t len = dots ? (size_t)(dots - value) : strlen(value);

	if (len >= sizeof first)
		return mq_fail(err, MQ_USAGE, "'%s' is no back-off such as 1s..60s", value);
	memcpy(first, value, len);
	first[len] = '\0';
	if (mq_duration_parse(first, &backoff->min_ms, err) < 0 ||
	    mq_duration_parse(dots ? dots + 2 : first, &backoff->max_ms, err) < 0)
		return -1;
	if (backoff->min_ms < 0 || backoff->max_ms < backoff->min_ms)
		return mq_fail(err, MQ_USAGE, "'%s': the longest wait is below the shortest",
		               value);
	return 0;
}

const struct mq_option worker_rows[] = {
    {.name = "exec",
     .type = MQ_OPT_STRING,
     .arg = "CMD",
     .help = "run this shell command for each message, its body on standard input",
     .more =
         "Exit status 0 settles the message. Everything else is in MQTK_ variables of the "
         "environment: MQTK_STREAM, MQTK_PARTITION, MQTK_OFFSET, MQTK_ID, MQTK_KEY, "
         "MQTK_TIMESTAMP, MQTK_ATTEMPT, MQTK_HEADERS (JSON), MQTK_HEADER_NAME for each "
         "header, and the properties by their names in the envelope; what is too long or has "
         "NUL bytes is left out, and MQTK_LEFT_OUT names it. What the command prints goes where "
         "our output goes. It leads a process group of its own, which Ctrl-C does not reach; "
         "what is left of the group when it ends, or when we do, is killed.",
     .field = offsetof(struct worker_options, exec)},
    {.name = "exec-lines",
     .type = MQ_OPT_STRING,
     .arg = "CMD",
     .help = "a command that lives on: one message a line, and it answers each with a line",
     .more =
         "It answers 'ok', 'retry WHY' or 'reject WHY', in order, and may read ahead. When it "
         "ends it is started again, after --backoff if it had not answered anything; the first "
         "message without an answer has failed then. Half a line is no answer; another one ends "
         "the run.",
     .field = offsetof(struct worker_options, exec_lines),
     .excludes = "exec"},
    {.name = "exec-batch",
     .type = MQ_OPT_STRING,
     .arg = "CMD",
     .help = "run this shell command for --batch messages at once, a line each",
     .more = "Exit status 0 settles all of them. Otherwise each is tried again by itself.",
     .field = offsetof(struct worker_options, exec_batch),
     .excludes = "exec exec-lines"},
    {.name = "batch",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "with --exec-batch: so many messages (100)",
     .min = 1,
     .max = SLOT_LINES,
     .field = offsetof(struct worker_options, batch)},
    {.name = "exec-json",
     .type = MQ_OPT_FLAG,
     .help = "give the command the whole message as one line of JSON (-J)",
     .field = offsetof(struct worker_options, json)},
    {.name = "workers",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "so many commands at once (1)",
     .min = 1,
     .max = 1000,
     .field = offsetof(struct worker_options, workers)},
    {.name = "order",
     .type = MQ_OPT_CHOICE,
     .arg = "WHICH",
     .help = "which messages wait for each other: key, partition or none (key; queues: none)",
     .more = "Messages with the same key are worked on one after the other; those without a key "
             "wait for nobody. On queues, where others take messages out of "
             "the middle, none is meant unless another is given.",
     .choices = orders,
     .field = offsetof(struct worker_options, order)},
    {.name = "retries",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "try a message so many times again when its command fails (3)",
     .max = 1000000,
     .field = offsetof(struct worker_options, retries)},
    {.name = "backoff",
     .type = MQ_OPT_CUSTOM,
     .arg = "MIN..MAX",
     .help = "wait before another attempt, doubled each time (1s..60s)",
     .more = "Only messages that have to keep their order wait with it.",
     .custom = parse_backoff,
     .field = offsetof(struct worker_options, backoff)},
    {.name = "dead-letter",
     .type = MQ_OPT_STRING,
     .arg = "ADDR",
     .help = "where messages go that failed for good; without it the run ends there",
     .more = "The message as it was, with headers that say where it was, why it failed, with what "
             "exit status, after how many attempts and when (dlq-…). It is settled once that is "
             "confirmed.",
     .complete = MQ_COMPLETE_ADDRESS,
     .field = offsetof(struct worker_options, dead_letter)},
    {.name = "fail-on-dead-letter",
     .type = MQ_OPT_FLAG,
     .help = "exit with 3 when messages went there",
     .field = offsetof(struct worker_options, fail_on_dead_letter)},
    {.name = "reply",
     .type = MQ_OPT_STRING,
     .arg = "ADDR",
     .implied = "",
     .help = "send what the command prints where the message says (reply-to), or to ADDR",
     .more = "The reply has the message's correlation id, or its message id where it has none, and "
             "the message is settled once the reply is confirmed. With --exec-lines what stands "
             "behind 'ok' is the reply. Without ADDR it goes to the stream of that name on the "
             "same broker: whoever sends messages chooses it. A message that names none, or one "
             "that is not there (any more), is handled without a reply. An ADDR of a broker alone "
             "is where the names are looked for. A reply has at most 16 MiB.",
     .complete = MQ_COMPLETE_ADDRESS,
     .field = offsetof(struct worker_options, reply),
     .excludes = "exec-batch"},
    {.name = "exec-timeout",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "end a command that takes longer; that attempt has failed",
     .min = 1,
     .max = INT64_MAX / 4,
     .field = offsetof(struct worker_options, timeout_ms)},
    {.name = "grace",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "after a signal let running commands finish for so long (30s)",
     .more =
         "What they finish is settled. Then they get SIGTERM, a second later SIGKILL, and their "
         "messages come again. A second signal ends all at once.",
     .max = INT64_MAX / 4,
     .field = offsetof(struct worker_options, grace_ms)},
    {0}};

int worker_wanted(const struct worker_options *options, struct mq_err *err)
{
	const char *command = options->exec         ? options->exec
	                      : options->exec_lines ? options->exec_lines
	                                            : options->exec_batch;

	if (command)
		return *command ? 1 : mq_fail(err, MQ_USAGE, "--exec: there is no command");
	const struct worker_options unused = WORKER_OPTIONS_INIT;
	if (options->dead_letter || options->json || options->workers != unused.workers ||
	    options->reply || options->order != unused.order ||
	    options->timeout_ms != unused.timeout_ms || options->fail_on_dead_letter ||
	    options->retries != unused.retries || options->batch != unused.batch ||
	    options->backoff.min_ms != unused.backoff.min_ms ||
	    options->backoff.max_ms != unused.backoff.max_ms ||
	    options->grace_ms != unused.grace_ms)
		return mq_fail(err, MQ_USAGE,
		               "--workers, --order, --retries, --backoff, --dead-letter, --reply, "
		               "--exec-timeout, --grace and --exec-json belong to --exec");
	return 0;
}
