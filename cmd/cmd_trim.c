/* mqtk trim: remove old messages of a stream, after asking with their number. */
#include "cmd/commands.h"
#include "cmd/consent.h"
#include "cmd/opening.h"

#include "mqtk/report.h"

#include <stdio.h>

struct trim_values {
	struct mq_common common;
	struct consent consent;
	bool expired, all, json;
	int64_t max_age, max_length, max_bytes;
	struct mq_pos before;
};

static const struct trim_values defaults = {
    .common = MQ_COMMON_INIT, .max_age = -1, .max_length = -1, .max_bytes = -1};

#define FIELD(member) offsetof(struct trim_values, member)

static const struct mq_option rows[] = {
    {.name = "expired",
     .type = MQ_OPT_FLAG,
     .help = "what the stream's own limits no longer keep",
     .field = FIELD(expired),
     .excludes = "max-age max-length max-bytes before all"},
    {.name = "max-age",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "messages that are older",
     .max = INT64_MAX,
     .field = FIELD(max_age),
     .excludes = "max-length max-bytes before all"},
    {.name = "max-length",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "all but the newest N (Kafka: of each partition)",
     .max = INT64_MAX,
     .field = FIELD(max_length),
     .excludes = "max-bytes before all"},
    {.name = "max-bytes",
     .type = MQ_OPT_SIZE,
     .arg = "SIZE",
     .help = "the oldest, so that no more than SIZE remains",
     .max = INT64_MAX,
     .field = FIELD(max_bytes),
     .excludes = "before all"},
    {.name = "before",
     .type = MQ_OPT_POSITION,
     .arg = "POS",
     .help = "everything before a position: an offset or id, @TIME, -48h, -N",
     .field = FIELD(before),
     .excludes = "all"},
    {.name = "all",
     .type = MQ_OPT_FLAG,
     .help = "everything; the stream itself stays",
     .field = FIELD(all)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "say what was removed as one JSON line",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Trim", rows, 0}, {"Consent", consent_rows, FIELD(consent)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk trim --dry-run --max-age 7d local/audit", "how many are older than a week"},
    {"mqtk trim --yes --max-length 10000 prod/orders", "keep the newest 10,000, in a script"},
    {"mqtk trim --before @2026-11-01T00:00Z prod/orders", "asks on a terminal"},
    {"mqtk trim --all amqp://localhost/orders", "empty a queue"},
    {0}};

/* What is to go. Exactly one of the options says so. */
static int read_kind(const struct trim_values *values, struct mq_trim_spec *spec,
                     struct mq_err *err)
{
	if (values->expired) {
		spec->kind = MQ_TRIM_EXPIRED;
	} else if (values->max_age >= 0) {
		spec->kind = MQ_TRIM_MAX_AGE;
		spec->value = values->max_age;
	} else if (values->max_length >= 0) {
		spec->kind = MQ_TRIM_MAX_LENGTH;
		spec->value = values->max_length;
	} else if (values->max_bytes >= 0) {
		spec->kind = MQ_TRIM_MAX_BYTES;
		spec->value = values->max_bytes;
	} else if (values->before.kind != MQ_POS_UNSET) {
		spec->kind = MQ_TRIM_BEFORE;
		spec->before = values->before;
		if (values->before.kind == MQ_POS_STORED)
			return mq_fail(err, MQ_USAGE, "--before cannot be 'stored'");
	} else if (values->all) {
		spec->kind = MQ_TRIM_ALL;
	} else {
		mq_fail(err, MQ_USAGE, "nothing says what is to go");
		return mq_hint(err, "one of --expired, --max-age, --max-length, --max-bytes, "
		                    "--before, --all");
	}
	return 0;
}

static int print_json(const struct opening *opening, int64_t removed, bool dry_run,
                      struct mq_err *err)
{
	struct mq_json json;
	struct mq_buf buf;

	mq_buf_init(&buf, 1 << 16);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "stream", opening->target.stream);
	mq_json_known(&json, "removed", removed, -1);
	mq_json_bool(&json, "dry_run", dry_run);
	mq_json_close(&json, '}');
	int result = mq_json_end(&json);
	if (result == 0)
		result = mq_print(&buf, err) == 0 ? 0 : -1;
	mq_buf_release(&buf);
	return result;
}

/* "12 messages from local/orders", or without the number where it is not known. */
static void word_count(const struct opening *opening, int64_t n, char *ret, size_t size)
{
	if (n < 0)
		snprintf(ret, size, "messages from %s", opening->target.shown);
	else
		snprintf(ret, size, "%lld message%s from %s", (long long)n, n == 1 ? "" : "s",
		         opening->target.shown);
}

/* Counts and asks: 1 to go on, 0 or -1. */
static int ask(struct mq_invocation *invocation, struct opening *opening,
               const struct mq_trim_spec *spec, struct mq_err *err)
{
	const struct trim_values *values = invocation->values;
	struct mq_trim_spec counting = *spec;
	char count[400], what[420];
	int64_t n;

	if (values->consent.yes)
		return 1;
	counting.dry_run = true;
	if (mq_trim(opening->conn, &counting, &n, err) < 0)
		return -1;
	if (values->json && (values->consent.dry_run || n == 0))
		return print_json(opening, n, values->consent.dry_run, err);
	word_count(opening, n, count, sizeof count);
	if (n == 0 && !values->consent.dry_run) {
		mq_log(invocation->env, MQ_LEVEL_NOTE, "removed %s", count);
		return 0; /* nothing to lose, nothing to ask */
	}
	snprintf(what, sizeof what, "remove %s", count);
	return consent_ask(&values->consent, invocation->env, what, err);
}

static int trim_stream(struct mq_invocation *invocation, struct opening *opening,
                       struct mq_err *err)
{
	const struct trim_values *values = invocation->values;
	struct mq_trim_spec spec = {.stream = opening->target.stream,
	                            .dry_run = values->consent.dry_run};
	char count[400];
	int64_t n;

	if (read_kind(values, &spec, err) < 0 || mq_trim_check(opening->conn, &spec, err) < 0)
		return -1;
	int answer = ask(invocation, opening, &spec, err);
	if (answer <= 0)
		return answer;
	if (mq_trim(opening->conn, &spec, &n, err) < 0)
		return -1;
	word_count(opening, n, count, sizeof count);
	mq_log(invocation->env, MQ_LEVEL_NOTE, "removed %s", count);
	return values->json ? print_json(opening, n, false, err) : 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct opening opening;

	if (opening_open(&opening, invocation, OPENING_STREAM, err) == 0)
		trim_stream(invocation, &opening, err);
	opening_close(&opening);
	return (int)err->code;
}

const struct mq_command mq_cmd_trim = {
    .name = "trim",
    .summary = "remove old messages of a stream",
    .operands = "ADDR",
    .about = "Removes messages from the front of a stream: no more and no fewer than was asked "
             "for. --dry-run says how many that are. Asks on a terminal, with their number; "
             "without one it needs --yes.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct trim_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
