/*
 * mqtk ping: is the broker up, and does a message come back? For CI and for scripts that have to
 * wait. Here: waiting and telling; the round trip itself is round_trip.c's.
 */
#include "cmd/commands.h"
#include "cmd/opening.h"
#include "cmd/round_trip.h"

#include "mqtk/report.h"

struct ping_values {
	struct mq_common common;
	int64_t wait; /* ms; -1: one try */
	bool in_stream;
	bool json;
};

static const struct ping_values defaults = {.common = MQ_COMMON_INIT, .wait = -1};

static const struct mq_option rows[] = {
    {.name = "wait",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "try again for so long until the broker is up",
     .more = "Each try takes at most --timeout. What a wait does not heal ends it at once: a wrong "
             "password, a stream that is not there.",
     .max = INT32_MAX,
     .field = offsetof(struct ping_values, wait)},
    {.name = "in-stream",
     .type = MQ_OPT_FLAG,
     .help = "send through the stream of ADDR itself; the message stays in it",
     .more = "For those who may not create streams; not for queues. Without it a stream of its own "
             "is made and "
             "removed again, and the one of ADDR is only asked for.",
     .field = offsetof(struct ping_values, in_stream)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON line",
     .field = offsetof(struct ping_values, json)},
    {0}};

static const struct mq_option_set sets[] = {{"Ping", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk ping --wait 60s kafka://localhost:9092/", "until the broker is up"},
    {"mqtk ping prod/orders", "and the stream is there"},
    {"mqtk ping -J amqp://localhost/ | jq .total_us", "how long it took, in microseconds"},
    {0}};

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 1000, TRY_MIN_MS = 500 };

/* --- waiting --------------------------------------------------------------------------------- */

struct ping {
	const struct mq_env *outer;
	struct mq_env env; /* of the tries: the time-out of each, and a log that knows the wait */
	struct round_trip trip;
	bool waiting;
	int tries;
	int64_t waited_us;
};

/* Until the broker has answered, what is complained about is only progress: what ends it is said.
 */
static void log_line(void *ctx, enum mq_level level, const char *text)
{
	const struct ping *ping = ctx;

	if (!ping->trip.up && level < MQ_LEVEL_VERBOSE)
		level = MQ_LEVEL_VERBOSE;
	mq_log(ping->outer, level, "%s", text);
}

static bool may_heal(const struct mq_err *err)
{
	return err->code == MQ_UNREACHABLE || (err->retriable && err->code != MQ_CANCELLED);
}

static int give_up(const struct mq_target *target, int64_t wait_ms, const struct mq_err *last,
                   struct mq_err *err)
{
	char text[MQ_DURATION_TEXT];

	mq_duration_format(wait_ms, text);
	mq_fail(err, MQ_UNREACHABLE, "%s was not up within %s: %s", target->shown, text,
	        last->message);
	return last->hint[0] ? mq_hint(err, "%s", last->hint) : -1;
}

/* Tries until it works, cannot work, or the time is over. */
static int try_until(struct ping *ping, int64_t wait_ms, struct mq_err *err)
{
	int64_t start = mq_now_monotonic_ms();
	int64_t start_us = round_trip_now_us();
	int pause_ms = PAUSE_MIN_MS;

	for (;;) {
		struct mq_err mine = MQ_ERR_INIT;
		int64_t left = wait_ms - (mq_now_monotonic_ms() - start);
		if (ping->waiting && left < ping->outer->timeout_ms)
			ping->env.timeout_ms = left > TRY_MIN_MS ? (int)left : TRY_MIN_MS;
		ping->tries++;
		ping->waited_us = round_trip_now_us() - start_us;
		if (round_trip_run(&ping->trip, &mine) == 0)
			return 0;
		left = wait_ms - (mq_now_monotonic_ms() - start);
		if (!ping->waiting || !may_heal(&mine)) {
			*err = mine;
			return -1;
		}
		if (left <= pause_ms)
			return give_up(ping->trip.target, wait_ms, &mine, err);
		mq_log(ping->outer, MQ_LEVEL_VERBOSE, "try %d: %s", ping->tries, mine.message);
		mq_cancel_wait(ping->outer->cancel, -1, 0, pause_ms);
		if (mq_cancel_signal(ping->outer->cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while waiting for %s",
			               ping->trip.target->shown);
		pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
	}
}

/* --- telling --------------------------------------------------------------------------------- */

static int append_json(const struct ping *ping, struct mq_buf *buf, struct mq_err *err)
{
	const struct round_trip *trip = &ping->trip;
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "address", trip->target->shown);
	mq_json_text(&json, "stream", trip->target->stream);
	mq_json_int(&json, "tries", ping->tries);
	mq_json_int(&json, "waited_us", ping->waited_us);
	mq_json_int(&json, "connect_us", trip->connect_us);
	mq_json_int(&json, "prepare_us", trip->prepare_us);
	mq_json_int(&json, "produce_us", trip->produce_us);
	mq_json_int(&json, "read_us", trip->read_us);
	mq_json_int(&json, "total_us", trip->total_us);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

static int append_text(const struct ping *ping, struct mq_buf *buf, struct mq_err *err)
{
	const struct round_trip *trip = &ping->trip;

	return mq_buf_printf(buf, err,
	                     "%s: connect %.1f ms, prepare %.1f ms, produce %.1f ms, "
	                     "read back %.1f ms, total %.1f ms\n",
	                     trip->target->shown, (double)trip->connect_us / 1000,
	                     (double)trip->prepare_us / 1000, (double)trip->produce_us / 1000,
	                     (double)trip->read_us / 1000, (double)trip->total_us / 1000) < 0
	           ? -1
	           : 0;
}

static int report(const struct ping *ping, bool json, struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, 1 << 16);
	int result = json ? append_json(ping, &buf, err) : append_text(ping, &buf, err);
	if (result == 0 && mq_print(&buf, err) != 0)
		result = -1;
	mq_buf_release(&buf);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct ping_values *values = invocation->values;
	struct opening opening;
	struct ping ping = {
	    .outer = invocation->env, .env = *invocation->env, .waiting = values->wait >= 0};

	ping.env.log = log_line;
	ping.env.log_ctx = &ping;
	ping.trip.env = &ping.env;
	ping.trip.target = &opening.target;
	ping.trip.in_stream = values->in_stream;
	if (opening_resolve(&opening, invocation,
	                    values->in_stream ? OPENING_STREAM : OPENING_BROKER_OR_STREAM,
	                    err) == 0 &&
	    try_until(&ping, values->wait, err) == 0)
		report(&ping, values->json, err);
	opening_close(&opening);
	return (int)err->code;
}

const struct mq_command mq_cmd_ping = {
    .name = "ping",
    .summary = "one message there and back: is the broker up, and how fast",
    .operands = "[BROKER/][STREAM]",
    .about = "Connects, makes a stream of its own (mqtk-ping-…), sends one message, waits for its "
             "confirmation, reads it back, compares, removes the stream and prints how long each "
             "part took. A stream that the address names must be there; it is not written to, "
             "unless --in-stream says so.\n\n"
             "The exit code is 0 when the message came back, 4 when the broker was not up in time, "
             "5 when something was not allowed, 8 when there is no such stream, and 3 when the "
             "message was confirmed but did not come back.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct ping_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
