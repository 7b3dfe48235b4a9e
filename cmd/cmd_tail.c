/*
 * mqtk tail: the last messages of many streams in the order of time, then what comes. Never
 * commits, never takes.
 */
#include "cmd/commands.h"
#include "cmd/consuming.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct tail_values {
	struct mq_common common;
	int64_t last;
	bool no_follow;
	int prefix;
	int64_t idle_timeout; /* ms; -1: none */
	struct printing printing;
};

enum { PREFIX_AUTO, PREFIX_ALWAYS, PREFIX_NEVER };

static const struct tail_values defaults = {
    .common = MQ_COMMON_INIT, .last = 10, .idle_timeout = -1};

static const char *const prefix_choices[] = {"auto", "always", "never", NULL};

static const struct mq_option tail_rows[] = {
    {.name = "last",
     .letter = 'n',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "begin with the last N messages, over all streams and partitions (10)",
     .max = 1000000,
     .field = offsetof(struct tail_values, last)},
    {.name = "end",
     .letter = 'e',
     .type = MQ_OPT_FLAG,
     .help = "exit after the last N; do not follow",
     .field = offsetof(struct tail_values, no_follow)},
    {.name = "idle-timeout",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "exit after so long without a message",
     .max = INT32_MAX,
     .field = offsetof(struct tail_values, idle_timeout)},
    {.name = "prefix",
     .type = MQ_OPT_CHOICE,
     .arg = "WHEN",
     .choices = prefix_choices,
     .help = "the stream's name before each message (auto: on a terminal, for several streams)",
     .field = offsetof(struct tail_values, prefix),
     .excludes = "json"},
    {0}};

static const struct mq_option_set sets[] = {
    {"Tail", tail_rows, 0},
    {"Printing", printing_rows, offsetof(struct tail_values, printing)},
    {"Decoding", decoding_rows, offsetof(struct tail_values, printing.decoding)},
    {"Decoded values", decoding_form_rows, offsetof(struct tail_values, printing.decoding.form)},
    {"Schema", schema_source_rows, offsetof(struct tail_values, printing.decoding.schema)},
    {"How schemas are read", schema_rows, offsetof(struct tail_values, printing.decoding.schema)},
    {0}};

static const struct mq_example examples[] = {
    {"mqtk tail local/orders", "the last ten, then what comes"},
    {"mqtk tail -n 100 -e prod/orders", "the last hundred, then exit"},
    {"mqtk tail prod/orders prod/payments local/audit", "several streams, on several brokers"},
    {"mqtk tail -n 0 -J prod/orders", "only what comes, as JSON lines"},
    {"mqtk tail -X exchange=events -X binding='orders.#' amqp://localhost/",
     "what goes through an exchange from now on"},
    {0}};

/* A message of the time before the command started, printed once all of them are known. */
struct held {
	int64_t ts_ms;
	size_t order; /* of arrival: keeps partitions in order where times are equal */
	char *text;
	size_t len;
};

struct tail {
	struct text_sink text;
	struct mq_sink out; /* the text sink's own operations */
	struct held *held;
	size_t n_held;
	size_t order;
	size_t last;
	bool following;
};

static int by_time(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->ts_ms != y->ts_ms)
		return x->ts_ms < y->ts_ms ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Keeps the newest `last`: sort and cut whenever twice as many are held, so that
 * memory stays in proportion to -n and not to the number of partitions. */
static void cut(struct tail *tail)
{
	qsort(tail->held, tail->n_held, sizeof *tail->held, by_time);
	if (tail->n_held <= tail->last)
		return;
	size_t drop = tail->n_held - tail->last;
	for (size_t i = 0; i < drop; i++)
		free(tail->held[i].text);
	memmove(tail->held, tail->held + drop, tail->last * sizeof *tail->held);
	tail->n_held = tail->last;
}

static int hold(struct tail *tail, const struct mq_message *message, struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, SIZE_MAX / 2);
	int rendered = text_sink_render(&tail->text, message, &buf, err);
	if (rendered <= 0) {
		mq_buf_release(&buf);
		return rendered;
	}
	tail->held[tail->n_held++] = (struct held){
	    .ts_ms = message->ts_ms, .order = tail->order++, .text = buf.data, .len = buf.len};
	if (tail->n_held >= 2 * tail->last + 1)
		cut(tail);
	return 0;
}

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct tail *tail = ctx;

	if (tail->following)
		return tail->out.accept(tail->out.ctx, messages, n, err);
	for (size_t i = 0; i < n; i++)
		if (hold(tail, &messages[i], err) < 0)
			return -1;
	return (int64_t)n;
}

static int flush_messages(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct tail *tail = ctx;

	return tail->out.flush(tail->out.ctx, ret_lost, err);
}

static bool gone(void *ctx)
{
	struct tail *tail = ctx;

	return tail->out.gone(tail->out.ctx);
}

/* Everything that was there is known: print the newest of it, and from now on what comes. */
static int print_held(void *ctx, struct mq_err *err)
{
	struct tail *tail = ctx;
	size_t lost;
	int result = 0;

	cut(tail);
	tail->following = true;
	for (size_t i = 0; i < tail->n_held; i++) {
		if (result == 0)
			result = mq_buf_append(&tail->text.out.buf, tail->held[i].text,
			                       tail->held[i].len, err);
		free(tail->held[i].text);
	}
	tail->text.printed += (int64_t)tail->n_held;
	tail->n_held = 0;
	return result < 0 ? -1 : tail->out.flush(tail->out.ctx, &lost, err);
}

/* To decode by, not to judge by: what is read here is held back, and mostly never printed. */
static int check_schema(const struct tail_values *values, const struct decoder *decoder,
                        struct mq_err *err)
{
	if (!values->printing.decoding.schema.source ||
	    (decoder->value && mq_schema_kind(decoder->schema.schema) != MQ_SCHEMA_JSON))
		return 0;
	mq_fail(err, MQ_USAGE,
	        "tail does not judge messages: its --schema is for --decode, and no "
	        "JSON Schema");
	if (values->last == 0)
		return mq_hint(err, "'mqtk consume --from end --schema …' tells which are valid");
	return mq_hint(err, "'mqtk consume --from -%" PRId64 " --schema …' tells which are valid",
	               values->last);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct tail_values *values = invocation->values;
	struct printer printer;
	struct sources sources;
	struct tail tail = {.last = (size_t)values->last};
	int code = MQ_INTERNAL;

	if (printer_init(&printer, invocation, &values->printing, err) < 0)
		goto out_printer;
	if (check_schema(values, &printer.decoder, err) < 0)
		goto out_printer;
	struct mq_read_spec spec = {
	    .from = {.kind = values->last > 0 ? MQ_POS_LAST : MQ_POS_END, .number = values->last},
	    .need = printer_needs(&printer) | MQ_NEED_TIME,
	    .limit = -1,
	    .watch = true,
	    .stop_at_end = values->no_follow,
	};
	if (sources_open(&sources, invocation, invocation->operands.items, invocation->operands.n,
	                 &spec, err) < 0)
		goto out_printer;
	text_sink_init(&tail.text, invocation->env, &printer);
	tail.text.prefix = values->prefix == PREFIX_ALWAYS ||
	                   (values->prefix == PREFIX_AUTO && sources.many_streams &&
	                    !values->printing.json && isatty(STDOUT_FILENO));
	tail.text.color = invocation->color_out;
	tail.out = text_sink_operations(&tail.text);
	tail.held = calloc(2 * tail.last + 1, sizeof *tail.held);
	if (!tail.held) {
		mq_fail_memory(err);
		goto out_sources;
	}
	struct mq_pump pump = {
	    .sink = {.accept = accept_messages,
	             .flush = flush_messages,
	             .gone = gone,
	             .ctx = &tail},
	    .stop_at_end = values->no_follow,
	    .limit = -1,
	    .idle_timeout_ms = values->idle_timeout,
	    .caught_up = print_held,
	    .ctx = &tail,
	};
	struct consuming_sink account = consuming_text(&tail.text);
	code = consuming_run(invocation, &sources, &account, &pump, err);
	/* A message that cannot be decoded ends it: what came before it is printed all the same. */
	if (err->code == MQ_DATA && !tail.following)
		print_held(&tail, NULL);
	for (size_t i = 0; i < tail.n_held; i++)
		free(tail.held[i].text);
	free(tail.held);
out_sources:
	text_sink_release(&tail.text);
	sources_close(&sources);
out_printer:
	printer_release(&printer);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_tail = {
    .name = "tail",
    .summary = "the last messages of many streams, then what comes; never takes anything",
    .operands = "ADDR…",
    .about =
        "Prints the last N messages over all streams and partitions in the order of their "
        "timestamps, then follows. Nothing is committed, taken or marked, and nobody joins a "
        "group. An exchange is tapped: -X exchange=NAME, with -X binding=KEY for each key that "
        "is wanted. A queue that cannot be watched without taking from it says so.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct tail_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
