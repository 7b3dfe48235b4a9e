/*
 * The producing engine: see producing.h.
 *
 * What a record can become is counted: confirmed, failed, or read but not sent. Records are lent by
 * the input until its next read, so each read's worth is handed to the writer before the next one.
 */
#include "cmd/producing.h"
#include "cmd/avro_lines.h"
#include "cmd/failures.h"
#include "cmd/opening.h"
#include "cmd/record_headers.h"
#include "cmd/schema/judge.h"

#include "mqtk/broker.h"
#include "mqtk/format.h"
#include "mqtk/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 16384,        /* records handed to the writer at once */
	WAIT_MS = 250,        /* longest wait before the clock is looked at again */
	PIPE_BYTES = 1 << 20, /* asked of the kernel for a pipe: fewer wake-ups at full speed */
};

struct run {
	const struct producing *job;
	const struct mq_env *env;
	struct mq_target target;
	struct mq_conn *conn;
	struct mq_writer *writer;
	struct failures failures;
	struct mq_message *batch;
	size_t n_batch;
	struct record_headers headers;
	struct encoder encoder;
	struct mq_properties *properties; /* one per record of the batch, when ours are merged in */
	struct mq_output tee;
	struct mq_format *tee_format;
	bool tee_failed;
	int64_t read; /* records taken from the input */
	int64_t confirmed;
	int64_t sent;       /* offered to the writer and taken; for --rate */
	int64_t refused;    /* invalid: these failed without having been sent */
	int64_t unsent;     /* read, but a signal or a broken writer came first */
	int64_t started_ms; /* of the pace of --rate */
	bool unfinished;    /* a signal cut a record short */
	bool broken;        /* the writer takes nothing any more */
	struct mq_err why;  /* of that */
	bool partition_note_given;
};

static bool stopped(const struct run *run)
{
	return mq_cancel_signal(run->env->cancel) != 0;
}

static void delivered(void *ctx, const struct mq_delivery *delivery)
{
	struct run *run = ctx;

	if (delivery->err)
		failures_add(&run->failures, delivery->message, delivery->err, delivery->tag,
		             delivery->maybe_stored);
	else
		run->confirmed++;
}

/* --- one batch ------------------------------------------------------------------------------- */

static void print_tee(struct run *run, const struct mq_message *message)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!run->job->tee || run->tee_failed)
		return;
	if (mq_format_append(run->tee_format, message, &run->tee.buf, &err) == 0 &&
	    (run->tee.buf.len < 64 * 1024 || mq_output_flush(&run->tee, run->env, NULL, &err) == 0))
		return;
	run->tee_failed = true; /* sending goes on: the copy is what failed */
	if (!run->tee.closed)
		failures_note_tee(&run->failures, &err);
}

static void flush_tee(struct run *run)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!run->job->tee || run->tee_failed)
		return;
	if (mq_output_flush(&run->tee, run->env, NULL, &err) < 0) {
		run->tee_failed = true;
		if (!run->tee.closed)
			failures_note_tee(&run->failures, &err);
	}
}

/* Waits until the pace allows at least one more record. Returns how many it allows, at most want;
 * 0 when a signal came first. */
static size_t pace(struct run *run, size_t want)
{
	if (run->job->rate <= 0)
		return want;
	for (;;) {
		if (stopped(run))
			return 0;
		int64_t elapsed = mq_now_monotonic_ms() - run->started_ms;
		double allowed = run->job->rate * (double)elapsed / 1000.0 + 1;
		double room = allowed - (double)run->sent;
		if (room >= 1)
			return room < (double)want ? (size_t)room : want;
		double until = ((double)run->sent) / run->job->rate * 1000.0 - (double)elapsed;
		int wait = until < 1 ? 1 : until > WAIT_MS ? WAIT_MS : (int)until;
		struct mq_err ignored = MQ_ERR_INIT;
		mq_cancel_wait(run->env->cancel, mq_writer_fd(run->writer), POLLIN, wait);
		mq_writer_poll(run->writer, 0, &ignored);
	}
}

/* The writer takes nothing any more. */
static void break_off(struct run *run, const struct mq_err *why)
{
	if (!run->broken)
		run->why = *why;
	mq_fail(&run->why, MQ_PARTIAL, "the connection is broken"); /* unless it says more */
	run->broken = true;
}

/* Counts the records of the batch from `from` on as not sent. */
static void give_up_batch(struct run *run, size_t from, const struct mq_err *why)
{
	for (size_t i = from; i < run->n_batch; i++)
		failures_add(&run->failures, &run->batch[i], why, run->batch[i].tag, false);
	run->unsent += (int64_t)(run->n_batch - from);
}

static void send_batch(struct run *run)
{
	struct mq_err err = MQ_ERR_INIT;
	size_t done = 0;

	while (done < run->n_batch && !run->broken) {
		size_t want = pace(run, run->n_batch - done);
		if (want == 0) {
			mq_fail(&err, MQ_CANCELLED, "not sent: stopped by a signal");
			break;
		}
		int64_t took = mq_write(run->writer, run->batch + done, want, &err);
		if (took < 0) {
			break_off(run, &err);
			break;
		}
		for (size_t i = 0; i < (size_t)took; i++)
			print_tee(run, &run->batch[done + i]);
		done += (size_t)took;
		run->sent += took;
		if ((size_t)took == want)
			continue;
		/* Its queue is full: wait for room. After a signal poll would return at once. */
		int64_t left = stopped(run) ? mq_writer_flush(run->writer, WAIT_MS, &err)
		                            : mq_writer_poll(run->writer, WAIT_MS, &err);
		if (left < 0)
			break_off(run, &err);
	}
	if (done < run->n_batch) {
		if (err.code == MQ_OK)
			mq_fail(&err, run->why.code, "not sent: %s", run->why.message);
		give_up_batch(run, done, &err);
	}
	flush_tee(run);
	run->n_batch = 0;
	record_headers_clear(&run->headers);
	encoder_clear(&run->encoder);
}

/* --- from records to messages ---------------------------------------------------------------- */

/* Puts our headers, and those that go with what was encoded, behind the record's own: without such
 * as name the schemas of its former life. */
static int merge_headers(struct run *run, struct mq_message *message, struct mq_err *err)
{
	const struct producing *job = run->job;
	size_t n;
	const struct mq_header *encoded = encoder_headers(&run->encoder, message, &n);

	if ((run->encoder.value &&
	     record_headers_drop(&run->headers, message, MQ_VALUE_SCHEMA_HEADER, err) < 0) ||
	    (run->encoder.key &&
	     record_headers_drop(&run->headers, message, MQ_KEY_SCHEMA_HEADER, err) < 0) ||
	    record_headers_merge(&run->headers, message, job->headers, job->n_headers, err) < 0)
		return -1;
	return record_headers_merge(&run->headers, message, encoded, n, err);
}

/* A -J record's partition is where it came from. It is kept where the target has it; else the key
 * decides, as for any other record. */
static void choose_partition(struct run *run, struct mq_message *message)
{
	if (run->job->partition != MQ_NO_PARTITION) {
		message->partition = run->job->partition;
	} else if (message->partition >= run->writer->partitions) {
		if (!run->partition_note_given && run->writer->partitions > 0)
			mq_log(run->env, MQ_LEVEL_NOTE,
			       "the input names partition %d, but %s has %d: such records are "
			       "placed by their keys",
			       message->partition, run->target.shown, run->writer->partitions);
		run->partition_note_given = true;
		message->partition = MQ_NO_PARTITION;
	}
}

/* Whether the record may be sent. If not, that is said and counted; and when nobody can tell any
 * more, because a registry does not answer, it is the end of sending. */
static bool judge_record(struct run *run, struct judge *judge, const struct mq_message *message)
{
	struct mq_err why = MQ_ERR_INIT;
	struct mq_buf words;

	int valid = judge_message(judge, message, &why);
	if (valid > 0)
		return true;
	if (valid == 0) {
		mq_buf_init(&words, sizeof why.message * 8);
		judge_append_words(judge, &judge->errors[0], &words, NULL);
		mq_fail(&why, MQ_DATA, "%.*s", (int)words.len, words.data ? words.data : "");
		mq_buf_release(&words);
	}
	run->refused++;
	failures_add(&run->failures, message, &why, message->tag, false);
	if (valid < 0)
		break_off(run, &why);
	return false;
}

/* 1, 0 when it does not fit and is refused, or -1. */
static int encode_record(struct run *run, struct mq_message *message, struct mq_err *err)
{
	struct mq_err unfit = MQ_ERR_INIT;

	if (encoder_apply(&run->encoder, message, &unfit) == 0)
		return 1;
	if (unfit.code != MQ_DATA)
		return mq_fail(err, unfit.code, "%s", unfit.message);
	run->refused++;
	failures_add(&run->failures, message, &unfit, message->tag, false);
	return 0;
}

static int add_record(struct run *run, struct mq_message *message, struct mq_err *err)
{
	const struct producing *job = run->job;

	if (run->n_batch == BATCH ||
	    record_headers_full(&run->headers, message, job->n_headers + 2))
		send_batch(run);
	message->tag = (uint64_t)++run->read;
	message->offset = MQ_NO_OFFSET;
	message->id = MQ_ABSENT;
	if (!message->key.data)
		message->key = job->key;
	if (job->ts_ms != MQ_NO_TIME)
		message->ts_ms = job->ts_ms;
	choose_partition(run, message);
	if (encoder_wanted(&run->encoder)) {
		int fits = encode_record(run, message, err);
		if (fits <= 0)
			return fits;
	}
	if (merge_headers(run, message, err) < 0)
		return -1;
	if (job->has_properties)
		record_properties_merge(&job->properties, message, &run->properties[run->n_batch]);
	if (!job->judge || judge_record(run, job->judge, message))
		run->batch[run->n_batch++] = *message;
	return 0;
}

static bool enough(const struct run *run)
{
	return run->job->count > 0 && run->read >= run->job->count;
}

/* --- inputs ---------------------------------------------------------------------------------- */

/* Takes every whole record that was read. Records that cannot be used are said and counted. */
static int take_records(struct run *run, struct mq_input *input, enum mq_input_kind kind,
                        struct mq_err *err)
{
	struct mq_err bad = MQ_ERR_INIT;

	while (!enough(run)) {
		struct mq_message message = MQ_MESSAGE_INIT;
		int got = mq_input_next(input, &message, &bad);
		if (got == 0)
			return 0;
		if (got < 0) {
			if (bad.code != MQ_DATA)
				return mq_fail(err, bad.code, "%s", bad.message);
			failures_note_bad(&run->failures, &bad);
			mq_err_clear(&bad);
			continue;
		}
		if (kind == MQ_INPUT_WHOLE && message.payload.len == 0 && run->job->skip_empty)
			continue;
		if (add_record(run, &message, err) < 0)
			return -1;
	}
	return 0;
}

/* Waits for input, serving the writer meanwhile. Returns false when a signal came. */
static bool wait_for_input(struct run *run, int fd)
{
	struct mq_err ignored = MQ_ERR_INIT;

	for (;;) {
		int writer_fd = mq_writer_fd(run->writer);
		int64_t answered = run->confirmed + failures_count(&run->failures) - run->refused;
		bool waiting = run->sent > answered;
		struct pollfd fds[3] = {
		    {.fd = fd, .events = POLLIN},
		    {.fd = mq_cancel_fd(run->env->cancel), .events = POLLIN},
		    {.fd = writer_fd, .events = POLLIN},
		};
		/* A writer has time-outs of its own, which no descriptor tells. */
		int n = poll(fds, 3, waiting ? WAIT_MS : -1);
		if (stopped(run))
			return false;
		if (n < 0 && errno != EINTR)
			return true; /* read() will say what is wrong */
		if (fds[2].revents || (n == 0 && waiting)) {
			if (mq_writer_poll(run->writer, 0, &ignored) < 0)
				break_off(run, &ignored);
			failures_flush(&run->failures);
		}
		if (n > 0 && fds[0].revents)
			return true;
	}
}

/* A signal came in the middle of a record: it is not sent, but said and kept. */
static void keep_unfinished(struct run *run, struct mq_input *input)
{
	struct mq_bytes rest = mq_input_rest(input);

	run->unfinished = rest.len > 0;
	if (run->unfinished)
		failures_add_unfinished(&run->failures, rest,
		                        run->job->input.kind == MQ_INPUT_JSON);
}

/* Sends the records of one descriptor. Returns 0, or -1 when reading failed. */
static int send_from(struct run *run, int fd, const char *name, enum mq_input_kind kind,
                     struct mq_err *err)
{
	struct mq_input_spec spec = run->job->input;
	struct mq_input *input;
	int result = 0;

	spec.kind = kind;
	if (mq_input_new(&spec, fd, name, &input, err) < 0)
		return -1;
	for (int more = 1; more > 0 && result == 0 && !enough(run);) {
		/* Behind a broken writer the rest is read only to be listed. */
		if (run->broken && !run->job->failed_to)
			break;
		if (!wait_for_input(run, fd)) {
			keep_unfinished(run, input);
			break;
		}
		more = mq_input_read(input, err);
		if (more < 0 || take_records(run, input, kind, err) < 0)
			result = -1;
		send_batch(run);
		failures_flush(&run->failures);
	}
	mq_input_free(input);
	return result;
}

static void send_avro_file(struct run *run, const char *path)
{
	struct mq_err err = MQ_ERR_INIT;
	struct avro_lines *lines;
	int fd;

	if (avro_lines_open(path, run->env, &lines, &fd, &err) == 0) {
		send_from(run, fd, path, MQ_INPUT_DELIMITED, &err);
		avro_lines_close(lines, &err);
	}
	if (err.code)
		failures_note_io(&run->failures, &err);
}

static void send_file(struct run *run, const char *path)
{
	struct mq_err err = MQ_ERR_INIT;
	bool standard = strcmp(path, "-") == 0;
	enum mq_input_kind kind = run->job->input.kind;

	if (run->job->avro_files) {
		send_avro_file(run, path);
		return;
	}
	if (!standard && run->job->files_are == PRODUCING_FILE_IS_MESSAGE)
		kind = MQ_INPUT_WHOLE;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		mq_fail_errno(&err, MQ_IO, errno, "cannot read %s", path);
		failures_note_io(&run->failures, &err);
		return;
	}
#ifdef F_SETPIPE_SZ
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* no pipe, or not allowed: no harm */
#endif
	if (send_from(run, fd, standard ? "standard input" : path, kind, &err) < 0)
		failures_note_io(&run->failures, &err);
	if (!standard)
		close(fd);
}

static void send_all(struct run *run)
{
	run->started_ms = mq_now_monotonic_ms();
	if (run->job->n_files == 0)
		send_file(run, "-");
	for (size_t i = 0; i < run->job->n_files && !stopped(run) && !enough(run); i++)
		if (!run->broken || run->job->failed_to)
			send_file(run, run->job->files[i]);
}

/* --- beginning and end ----------------------------------------------------------------------- */

/* Waits until every record has its answer. The backend gives each one up after its own time-out, so
 * this ends; and at a signal after the time that people wait for a broker. */
static void wait_for_answers(struct run *run)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t deadline = INT64_MAX;

	while (mq_now_monotonic_ms() < deadline) {
		int64_t left = mq_writer_flush(run->writer, WAIT_MS, &err);
		failures_flush(&run->failures);
		if (left <= 0)
			return;
		if (stopped(run) && deadline == INT64_MAX)
			deadline = mq_now_monotonic_ms() + run->env->timeout_ms;
	}
}

static int finish_transaction(struct run *run, struct mq_err *err)
{
	bool whole = !stopped(run) && !run->broken && failures_clean(&run->failures);
	struct mq_err ignored = MQ_ERR_INIT;

	if (whole && mq_writer_commit(run->writer, err) == 0)
		return 0;
	mq_writer_abort(run->writer, &ignored);
	mq_log(run->env, MQ_LEVEL_WARN, "the transaction was aborted: nothing was stored");
	run->confirmed = 0;
	return -1;
}

static int open_all(struct run *run, struct mq_err *err)
{
	const struct producing *job = run->job;
	const struct mq_invocation *invocation = job->invocation;
	struct mq_write_spec spec = {
	    .create = job->create,
	    .transactional = job->transactional,
	    .compression = job->compression,
	    .delivered = delivered,
	    .ctx = run,
	};

	if (mq_target_resolve(job->address, invocation->config, &invocation->settings, &run->target,
	                      err) < 0)
		return -1;
	if (opening_check_stream(&run->target, NULL, err) < 0)
		return -1;
	run->batch = calloc(BATCH, sizeof *run->batch);
	run->properties = calloc(BATCH, sizeof *run->properties);
	if (!run->batch || !run->properties)
		return mq_fail_memory(err);
	const char *label = run->target.stream ? run->target.stream : run->target.shown;
	if (failures_open(&run->failures, job->failed_to, label, run->env, err) < 0)
		return -1;
	run->failures.all_or_nothing = job->transactional;
	if (job->tee) {
		struct mq_format_spec format = {.kind = MQ_FORMAT_RAW,
		                                .delimiter = job->input.delimiter,
		                                .key_delimiter = job->input.key_delimiter};
		if (job->input.kind == MQ_INPUT_JSON)
			format.kind = MQ_FORMAT_JSON;
		if (mq_format_new(job->tee_as ? job->tee_as : &format, &run->tee_format, err) < 0)
			return -1;
	}
	if (job->encoding && encoder_init(&run->encoder, invocation, job->encoding, job->schema,
	                                  run->target.stream, err) < 0)
		return -1;
	spec.stream = run->target.stream;
	if (mq_open(&run->target, run->env, &run->conn, err) < 0 ||
	    opening_check_stream(&run->target, run->conn, err) < 0)
		return -1;
	return mq_writer_open(run->conn, &spec, &run->writer, err);
}

/* The exit code and the words for it. */
static int conclude(struct run *run, struct mq_err *err)
{
	long long total = (long long)run->read;

	if (stopped(run)) {
		mq_log(run->env, MQ_LEVEL_WARN,
		       "stopped by a signal: %lld records read, %lld confirmed, %lld not", total,
		       (long long)run->confirmed, total - (long long)run->confirmed);
		return MQ_CANCELLED;
	}
	if (err->code != MQ_OK)
		return (int)err->code;
	if (failures_conclude(&run->failures, run->read, err) < 0)
		return (int)err->code;
	mq_log(run->env, MQ_LEVEL_VERBOSE, "%lld records confirmed", (long long)run->confirmed);
	return MQ_OK;
}

int producing_run(const struct producing *producing, struct mq_err *err)
{
	struct run run = {.job = producing, .env = producing->invocation->env};
	int code;

	mq_output_init(&run.tee, STDOUT_FILENO, "standard output");
	if (open_all(&run, err) < 0) {
		code = (int)err->code;
	} else {
		send_all(&run);
		wait_for_answers(&run);
		if (producing->transactional)
			finish_transaction(&run, err);
		mq_writer_close(run.writer); /* whatever had no answer is reported now */
		run.writer = NULL;
		failures_flush(&run.failures);
		code = conclude(&run, err);
	}
	if (producing->counts)
		*producing->counts = (struct producing_counts){
		    .read = run.read, .confirmed = run.confirmed, .unfinished = run.unfinished};
	mq_close(run.conn);
	failures_release(&run.failures);
	mq_target_release(&run.target);
	mq_output_release(&run.tee);
	mq_format_free(run.tee_format);
	free(run.batch);
	free(run.properties);
	record_headers_release(&run.headers);
	encoder_release(&run.encoder);
	return code;
}
