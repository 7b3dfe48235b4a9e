/* One message there and back: see round_trip.h. */
#include "cmd/round_trip.h"

#include "mqtk/broker.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	SLICE_MS = 200,      /* longest wait before the clock and the signals are looked at */
	PERHAPS_MS = 1000,   /* for removing what was perhaps made */
	CLEAN_UP_MS = 5000,  /* for removing the stream */
	PAYLOAD_RANDOM = 32, /* bytes of any value */
	NAME_RANDOM = 8,     /* in hexadecimal */
	PAYLOAD_SIZE = 10 + PAYLOAD_RANDOM,
};

struct run {
	struct round_trip *trip;
	struct mq_conn *conn;
	struct mq_writer *writer;
	struct mq_reader *reader;
	char own[40];       /* the name of the stream that is made, or "" */
	const char *stream; /* the one that is used */
	bool made;          /* it may be there, */
	bool surely_made;   /* or is */
	bool taking;
	char payload[PAYLOAD_SIZE];
	bool answered;
	struct mq_err why_failed;
};

int64_t round_trip_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool cancelled(const struct run *run, const char *doing, struct mq_err *err)
{
	if (!mq_cancel_signal(run->trip->env->cancel))
		return false;
	mq_fail(err, MQ_CANCELLED, "interrupted while %s", doing);
	return true;
}

/* --- the parts ------------------------------------------------------------------------------- */

static int make_random(struct run *run, struct mq_err *err)
{
	unsigned char random[PAYLOAD_RANDOM + NAME_RANDOM];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return mq_fail(err, MQ_INTERNAL, "there are no random numbers");
	memcpy(run->payload, "mqtk ping ", PAYLOAD_SIZE - PAYLOAD_RANDOM);
	memcpy(run->payload + PAYLOAD_SIZE - PAYLOAD_RANDOM, random, PAYLOAD_RANDOM);
	/* What others will read is text. */
	for (int i = PAYLOAD_SIZE - PAYLOAD_RANDOM; run->trip->in_stream && i < PAYLOAD_SIZE; i++)
		run->payload[i] = "0123456789abcdef"[run->payload[i] & 15];
	int n = snprintf(run->own, sizeof run->own, "mqtk-ping-");
	for (int i = 0; i < NAME_RANDOM; i++)
		n += snprintf(run->own + n, sizeof run->own - (size_t)n, "%02x",
		              random[PAYLOAD_RANDOM + i]);
	return 0;
}

/* A stream that is named must be there, and be one that gives back what others may want too. */
static int check_stream(struct run *run, const char *stream, struct mq_err *err)
{
	struct mq_stream_info info;

	mq_stream_info_init(&info);
	int result = mq_describe(run->conn, stream, &info, err);
	run->trip->up = result == 0 || err->code != MQ_UNREACHABLE;
	if (result == 0 && run->trip->in_stream && info.ready >= 0) {
		result = mq_fail(err, MQ_USAGE,
		                 "%s is a queue: what is sent through it can only be read back by "
		                 "taking from it",
		                 stream);
		mq_hint(err, "without --in-stream a queue of its own is used");
	}
	mq_stream_info_release(&info);
	return result;
}

static int connect_to(struct run *run, struct mq_err *err)
{
	const struct mq_target *target = run->trip->target;

	if (mq_open(target, run->trip->env, &run->conn, err) < 0)
		return -1;
	if (run->conn->by_settings) {
		mq_fail(err, MQ_USAGE, "%s: ping needs a stream, but the settings name an exchange",
		        target->shown);
		return mq_hint(err, "leave the exchange out");
	}
	return target->stream ? check_stream(run, target->stream, err) : 0;
}

static int make_stream(struct run *run, struct mq_err *err)
{
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;

	if (run->trip->in_stream) {
		run->stream = run->trip->target->stream;
		return 0;
	}
	spec.stream = run->stream = run->own;
	spec.temporary = true;
	run->made = true;
	if (mq_create(run->conn, &spec, err) == 0) {
		run->trip->up = run->surely_made = true;
		return 0;
	}
	/* Without an answer it may be there all the same. */
	run->made = err->code == MQ_UNREACHABLE || err->code == MQ_CANCELLED;
	if (err->code == MQ_DENIED && !run->conn->readonly)
		mq_hint(err, "--in-stream sends through the stream that ADDR names");
	return -1;
}

static void delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct run *run = ctx;

	run->answered = true;
	if (delivery->err)
		run->why_failed = *delivery->err;
}

/* The reader is there before the message is, so that nothing is missed. */
static int open_both(struct run *run, struct mq_err *err)
{
	const char *const streams[] = {run->stream};
	const struct mq_write_spec write_spec = {
	    .stream = run->stream, .delivered = delivered, .ctx = run};
	struct mq_read_spec read_spec = {.streams = streams, .n_streams = 1, .limit = -1};

	if (run->trip->in_stream) {
		read_spec.watch = true;
		read_spec.from.kind = MQ_POS_END;
	} else {
		read_spec.from.kind = MQ_POS_BEGINNING;
		read_spec.ack = run->taking = run->conn->caps & MQ_CAP_ACK;
	}
	if (mq_writer_open(run->conn, &write_spec, &run->writer, err) < 0)
		return -1;
	return mq_reader_open(run->conn, &read_spec, &run->reader, err);
}

static int produce(struct run *run, struct mq_err *err)
{
	static const char doing[] = "waiting for the confirmation";
	struct mq_message message = MQ_MESSAGE_INIT;
	int64_t end = mq_now_monotonic_ms() + run->trip->env->timeout_ms;

	message.payload = mq_bytes_of(run->payload, PAYLOAD_SIZE);
	message.tag = 1;
	if (mq_write(run->writer, &message, 1, err) < 0)
		return -1;
	while (!run->answered) {
		if (mq_writer_flush(run->writer, SLICE_MS, err) < 0 || cancelled(run, doing, err))
			return -1;
		if (!run->answered && mq_now_monotonic_ms() >= end)
			return mq_fail(err, MQ_UNREACHABLE,
			               "%s: the message was not confirmed within %d ms",
			               run->stream, run->trip->env->timeout_ms);
	}
	if (run->why_failed.code == MQ_OK)
		return 0;
	*err = run->why_failed;
	return -1;
}

/* 1: it is among them; 0: it is not; -1: something else is in a stream that is ours. */
static int look_for_it(struct run *run, const struct mq_batch *batch, struct mq_err *err)
{
	for (size_t i = 0; i < batch->n; i++) {
		const struct mq_bytes *payload = &batch->messages[i].payload;
		if (mq_bytes_equal(*payload, mq_bytes_of(run->payload, PAYLOAD_SIZE)))
			return 1;
		if (!run->trip->in_stream)
			return mq_fail(err, MQ_PARTIAL,
			               "%s: another message came back than was sent (%zu bytes)",
			               run->stream, payload->len);
	}
	return 0;
}

static int read_back(struct run *run, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + run->trip->env->timeout_ms;
	int found = 0;

	while (found == 0) {
		struct mq_batch batch;
		if (mq_fetch(run->reader, 100, SLICE_MS, &batch, err) < 0)
			return -1;
		found = look_for_it(run, &batch, err);
		if (found == 1 && run->taking &&
		    (mq_settle(run->reader, batch.messages, batch.n, err) < 0 ||
		     mq_commit(run->reader, true, err) < 0))
			found = -1;
		bool ended = batch.ended;
		mq_release(run->reader, &batch);
		if (found != 0)
			break;
		if (cancelled(run, "reading the message back", err))
			return -1;
		if (ended || mq_now_monotonic_ms() >= end)
			return mq_fail(err, MQ_PARTIAL,
			               "%s: the message was confirmed but did not come back "
			               "within %d ms",
			               run->stream, run->trip->env->timeout_ms);
	}
	return found < 0 ? -1 : 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int go(struct run *run, struct mq_err *err)
{
	struct round_trip *trip = run->trip;
	int64_t start = round_trip_now_us();

	if (make_random(run, err) < 0 || connect_to(run, err) < 0)
		return -1;
	/* Connecting may be delayed until the first request: without a stream to ask for, making
	 * one is that request. */
	int64_t connected = round_trip_now_us();
	if (make_stream(run, err) < 0)
		return -1;
	if (!trip->target->stream)
		connected = round_trip_now_us();
	if (open_both(run, err) < 0)
		return -1;
	int64_t prepared = round_trip_now_us();
	if (produce(run, err) < 0)
		return -1;
	int64_t confirmed = round_trip_now_us();
	if (read_back(run, err) < 0)
		return -1;
	int64_t back = round_trip_now_us();
	trip->connect_us = connected - start;
	trip->prepare_us = prepared - connected;
	trip->produce_us = confirmed - prepared;
	trip->read_us = back - confirmed;
	trip->total_us = back - start;
	return 0;
}

/* Removes the stream, if need be through a connection of its own. What was only perhaps made is
 * tried once. */
static void remove_stream(struct run *run, bool surely_made)
{
	const struct mq_env *env = run->trip->env;
	struct mq_err first = MQ_ERR_INIT, err = MQ_ERR_INIT;
	struct mq_conn *fresh = NULL;

	if (mq_remove(run->conn, run->own, &first) == 0 || first.code == MQ_NOT_FOUND ||
	    !surely_made)
		return;
	if (mq_open(run->trip->target, env, &fresh, &err) < 0 ||
	    (mq_remove(fresh, run->own, &err) < 0 && err.code != MQ_NOT_FOUND)) {
		mq_log(env, MQ_LEVEL_WARN, "the temporary stream %s could not be removed: %s",
		       run->own, err.message);
	}
	mq_close(fresh);
}

static void clean_up(struct run *run, bool surely_made)
{
	struct mq_env *env = run->trip->env;
	struct mq_cancel *cancel = env->cancel;
	int timeout_ms = env->timeout_ms;
	int limit_ms = surely_made ? CLEAN_UP_MS : PERHAPS_MS;

	env->cancel = NULL;
	if (env->timeout_ms > limit_ms)
		env->timeout_ms = limit_ms;
	mq_reader_close(run->reader);
	mq_writer_close(run->writer);
	if (run->made)
		remove_stream(run, surely_made);
	mq_close(run->conn);
	env->cancel = cancel;
	env->timeout_ms = timeout_ms;
}

int round_trip_run(struct round_trip *trip, struct mq_err *err)
{
	struct run run = {.trip = trip};

	trip->up = false;
	int result = go(&run, err);
	clean_up(&run, run.surely_made);
	return result;
}
