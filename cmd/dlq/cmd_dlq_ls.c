/* mqtk dlq ls: the dead-letter streams of a broker. */
#include "cmd/commands.h"
#include "cmd/dlq/ls_report.h"

#include <stdlib.h>

struct ls_values {
	struct mq_common common;
	struct format_options format;
	int64_t max_deliveries;
	const char *pattern;
	bool all, quick;
};

static const struct ls_values defaults = {.common = MQ_COMMON_INIT, .max_deliveries = -1};

#define FIELD(name) offsetof(struct ls_values, name)

static const struct mq_option rows[] = {
    {.name = "max-deliveries",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "also what is pending in a group after N deliveries or more (Redis)",
     .min = 1,
     .max = INT64_MAX,
     .field = FIELD(max_deliveries)},
    {.name = "pattern",
     .type = MQ_OPT_STRING,
     .arg = "REGEX",
     .help = "also streams whose names match this extended regular expression",
     .field = FIELD(pattern)},
    {.name = "quick",
     .type = MQ_OPT_FLAG,
     .help = "by configuration and names only; no look at messages",
     .field = FIELD(quick)},
    {.name = "all",
     .letter = 'a',
     .type = MQ_OPT_FLAG,
     .help = "the broker's own internal streams too",
     .field = FIELD(all)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Finding", rows, 0}, {"Report", format_rows, FIELD(format)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk dlq ls amqp://localhost/", "dead-letter queues, and whose letters they get"},
    {"mqtk dlq ls --max-deliveries 5 redis://localhost/",
     "what was delivered five times and never acknowledged, too"},
    {"mqtk dlq ls --pattern '-failed$' prod/", "names of your own"},
    {"mqtk dlq ls -J prod/ | jq -r 'select(.depth > 0).stream'", "those that hold something"},
    {0}};

static void say_rest(const struct finding *f, const char *broker, enum dlq_format format)
{
	if (f->left_out)
		mq_log(f->env, MQ_LEVEL_WARN, "some dead-letter streams may be missing: %s",
		       f->left_out);
	if (f->unreadable)
		mq_log(f->env, MQ_LEVEL_NOTE, "%lld other stream%s could not be looked at: %s",
		       (long long)f->unreadable, f->unreadable == 1 ? "" : "s", f->why.message);
	if (f->not_looked_at)
		mq_log(f->env, MQ_LEVEL_NOTE,
		       "the messages of %lld other stream%s were not looked at, as --timeout was "
		       "over; names and configuration were",
		       (long long)f->not_looked_at, f->not_looked_at == 1 ? "" : "s");
	if (f->n == 0)
		mq_log(f->env, MQ_LEVEL_NOTE, "no dead-letter stream was found at %s%s", broker,
		       format == DLQ_TABLE ? "; --pattern REGEX finds other names" : "");
}

/* What was found and could not be read leaves numbers unknown. */
static int judge(const struct finding *f, struct mq_err *err)
{
	const struct found *first = NULL;
	bool denied = true;
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (!f->items[i].error)
			continue;
		first = first ? first : &f->items[i];
		denied = denied && f->items[i].denied;
		n++;
	}
	if (n == 0)
		return f->left_out ? MQ_PARTIAL : MQ_OK;
	mq_fail(err, denied && n == f->n ? MQ_DENIED : MQ_PARTIAL,
	        "%zu of %zu dead-letter streams could not be looked at: %s", n, f->n, first->error);
	return (int)err->code;
}

/* As in other reports: without the '/' that makes it a broker's address. */
static size_t label_length(const char *broker)
{
	size_t len = strlen(broker);

	return len > 1 && broker[len - 1] == '/' ? len - 1 : len;
}

static int list(struct mq_invocation *invocation, struct opening *opening, struct mq_err *err)
{
	const struct ls_values *values = invocation->values;
	enum dlq_format format = format_of(&values->format);
	const char *broker = opening->target.shown;
	struct finding finding = {
	    .env = invocation->env,
	    .conn = opening->conn,
	    .max_deliveries = values->max_deliveries,
	    .pattern = values->pattern,
	    .all = values->all,
	    .quick = values->quick,
	};
	char *label = strndup(broker, label_length(broker));
	struct mq_buf buf;
	int code = MQ_OK;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (!label)
		mq_fail_memory(err);
	else if (finding_run(&finding, err) == 0 &&
	         ls_report(&finding, format, label, invocation->color_out, &buf, err) == 0 &&
	         mq_print(&buf, err) == 0) {
		say_rest(&finding, broker, format);
		code = judge(&finding, err);
	}
	finding_release(&finding);
	mq_buf_release(&buf);
	free(label);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	struct opening opening;
	int code = MQ_OK;

	if (opening_open(&opening, invocation, OPENING_BROKER, err) == 0)
		code = list(invocation, &opening, err);
	opening_close(&opening);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_dlq_ls = {
    .name = "dlq ls",
    .summary = "the dead-letter streams of a broker",
    .operands = "[BROKER]",
    .about =
        "Finds dead-letter streams by the broker's own configuration (RabbitMQ's dead-letter "
        "exchanges, by arguments and policies, followed to the queues that get the letters), by "
        "names that people and frameworks use (orders.DLT, orders-dlq, orders_error, "
        "dlq-connector …), by what the newest messages say of themselves, and with "
        "--max-deliveries by how often pending messages were delivered. Queues whose letters reach "
        "nothing are named in a warning.\n\n"
        "Nothing is taken. Of a queue that was found only the oldest message is looked at, and not "
        "even that where it would count as a delivery; so what is not known is left out. The look "
        "at messages ends after --timeout.",
    .examples = examples,
    .topic = "dead-letters",
    .sets = sets,
    .values_size = sizeof(struct ls_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
