/* mqtk alter: change the limits of a stream, after asking when messages can go by that. */
#include "cmd/commands.h"
#include "cmd/consent.h"
#include "cmd/limits.h"
#include "cmd/opening.h"

struct alter_values {
	struct mq_common common;
	struct limits limits;
	struct consent consent;
};

static const struct alter_values defaults = {.common = MQ_COMMON_INIT, .limits = LIMITS_INIT};

static const struct mq_option_set sets[] = {
    {"Stream", limits_rows, offsetof(struct alter_values, limits)},
    {"Consent", consent_rows, offsetof(struct alter_values, consent)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk alter --partitions 12 prod/orders", "more partitions"},
    {"mqtk alter --retention 3d prod/orders", "keep less; asks on a terminal"},
    {"mqtk alter --yes --max-length 1000 local/audit", "in a script"},
    {"mqtk alter --bind 'events:orders.#' amqp://localhost/orders", "one binding more"},
    {0}};

/* By a change of these, messages that are there now can go. */
enum {
	LOSING = MQ_FIELD_RETENTION | MQ_FIELD_MAX_BYTES | MQ_FIELD_MAX_LENGTH | MQ_FIELD_TTL |
	         MQ_FIELD_DELIVERY_LIMIT | MQ_FIELD_CONFIG,
};

/* Whether to go on: 1, 0 or -1 as consent_ask. What loses nothing is not asked about. */
static int ask(struct mq_invocation *invocation, struct opening *opening,
               const struct mq_stream_spec *spec, struct mq_err *err)
{
	const struct alter_values *values = invocation->values;
	bool losing = mq_stream_spec_fields(spec) & LOSING;
	struct mq_stream_info info;
	struct mq_buf what;
	int answer = -1;

	if (!losing && !values->consent.dry_run)
		return 1;
	mq_stream_info_init(&info);
	mq_buf_init(&what, 1 << 16);
	if (mq_describe(opening->conn, spec->stream, &info, err) == 0 &&
	    mq_buf_printf(&what, err, "alter %s: ", opening->target.shown) >= 0 &&
	    limits_describe(&values->limits, &what, err) == 0 &&
	    (!losing ||
	     mq_buf_append_str(&what, " (messages that no longer fit will go)", err) == 0) &&
	    mq_buf_append_char(&what, '\0', err) == 0)
		answer = consent_ask(&values->consent, invocation->env, what.data, err);
	mq_buf_release(&what);
	mq_stream_info_release(&info);
	return answer;
}

static int alter_stream(struct mq_invocation *invocation, struct opening *opening,
                        struct mq_err *err)
{
	const struct alter_values *values = invocation->values;
	struct mq_stream_spec spec;

	if (limits_spec(&values->limits, opening->target.stream, &spec, err) < 0)
		return -1;
	if (mq_alter_check(opening->conn, &spec, err) < 0)
		return mq_stream_spec_fields(&spec) || err->hint[0]
		           ? -1
		           : mq_hint(err, "mqtk alter --help lists the limits");
	int answer = ask(invocation, opening, &spec, err);
	if (answer <= 0)
		return answer;
	if (mq_alter(opening->conn, &spec, err) < 0)
		return -1;
	mq_log(invocation->env, MQ_LEVEL_NOTE, "altered %s", opening->target.shown);
	return 0;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct opening opening;

	if (opening_open(&opening, invocation, OPENING_STREAM, err) == 0)
		alter_stream(invocation, &opening, err);
	opening_close(&opening);
	return (int)err->code;
}

static void release(void *values)
{
	limits_release(&((struct alter_values *)values)->limits);
}

const struct mq_command mq_cmd_alter = {
    .name = "alter",
    .summary = "change the partitions or limits of a stream",
    .operands = "ADDR",
    .about = "Changes what is given and leaves the rest of the stream as it is. What a broker "
             "cannot change is refused, with what to do instead.\n\n"
             "A limit by which messages can go is asked about on a terminal; without one it needs "
             "--yes. More partitions, bindings and where dead letters go are not asked about.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct alter_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
    .release = release,
};
