/* What becomes of messages: see outcome.h. */
#include "cmd/worker/outcome.h"

#include "cmd/worker/engine.h"

#include "mqtk/dead.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Headers of a dead letter that are ours, at most. */
enum { OURS = 12 };
#define ERROR_MAX 4000 /* of standard error, once it is valid UTF-8 */

/* --- done ------------------------------------------------------------------------------------- */

static void finish(struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;

	if (jobs_done(worker->jobs, job, &worker->counts.settled, &err) < 0)
		worker_fail(worker, &err);
	worker->unsettled = true;
}

void outcome_delivered(struct worker *worker, struct job *job, const struct mq_err *why)
{
	bool dead = job->ctx != NULL;

	if (why) {
		struct mq_err mine = MQ_ERR_INIT;
		mq_fail(&mine, why->code == MQ_UNREACHABLE ? MQ_UNREACHABLE : MQ_PARTIAL,
		        "the %s was not taken: %s", dead ? "dead letter" : "reply", why->message);
		mq_hint(&mine, "%s",
		        why->hint[0] ? why->hint : "its message is not settled and comes again");
		worker_fail(worker, &mine);
		return;
	}
	if (dead)
		worker->counts.dead++;
	else
		worker->counts.handled++;
	finish(worker, job);
}

/* What the program wrote, to whoever waits for it. */
static bool reply(struct worker *worker, struct job *job, const struct verdict *verdict)
{
	const struct mq_properties *asked = job->message.properties;
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_message answer = MQ_MESSAGE_INIT;

	if (!worker->options->reply)
		return false;
	if (!worker->options->reply_to && (!asked || asked->reply_to.len == 0))
		return false; /* nobody waits */
	if (!worker->options->reply_to)
		answer.stream = asked->reply_to;
	if (asked)
		properties.correlation_id =
		    asked->correlation_id.data ? asked->correlation_id : asked->message_id;
	answer.properties = &properties;
	answer.key = worker->options->reply_to ? job->message.key : MQ_ABSENT;
	answer.payload = verdict->output.data ? verdict->output : mq_bytes_of("", 0);
	sender_send(&worker->reply, &answer, job);
	return true;
}

/* --- again ------------------------------------------------------------------------------------ */

/* Doubled with each attempt up to the maximum; half of it is chance, so that messages that failed
 * together do not come back together. */
static int64_t backoff(struct worker *worker, const struct job *job)
{
	int64_t wait = worker->options->backoff.min_ms;

	for (int i = 1; i < job->attempts && wait < worker->options->backoff.max_ms; i++)
		wait *= 2;
	if (wait > worker->options->backoff.max_ms)
		wait = worker->options->backoff.max_ms;
	return wait / 2 + (int64_t)((double)rand_r(&worker->seed) / RAND_MAX * (double)(wait / 2));
}

/* --- dead letters ----------------------------------------------------------------------------- */

struct letter {
	struct mq_header *headers;
	size_t n;
	struct mq_buf text;  /* of values; never grows once it is pointed to */
	struct mq_buf types; /* where the message's headers have types; ours are text */
};

static void add(struct letter *letter, const char *name, struct mq_bytes value)
{
	if (value.data)
		letter->headers[letter->n++] =
		    (struct mq_header){.name = mq_bytes_str(name), .value = value};
}

static void add_number(struct letter *letter, const char *name, int64_t number)
{
	size_t at = letter->text.len;

	if (mq_buf_printf(&letter->text, NULL, "%" PRId64, number) == 0)
		add(letter, name, mq_bytes_of(letter->text.data + at, letter->text.len - at));
}

/* Headers are text to most who read them: what is no UTF-8 becomes U+FFFD. */
static void add_error(struct letter *letter, struct mq_bytes error)
{
	size_t at = letter->text.len;

	for (size_t i = 0; i < error.len;) {
		size_t n = 1;
		while (n < 4 && i + n < error.len && !mq_utf8_valid(mq_bytes_of(error.data + i, n)))
			n++;
		bool valid = mq_utf8_valid(mq_bytes_of(error.data + i, n));
		if (mq_buf_append(&letter->text, valid ? error.data + i : "\xef\xbf\xbd",
		                  valid ? n : 3, NULL) < 0)
			break;
		i += valid ? n : 1;
	}
	if (letter->text.len > at)
		add(letter, MQ_DEAD_ERROR,
		    mq_bytes_of(letter->text.data + at, letter->text.len - at));
}

static bool is_ours(struct mq_bytes name)
{
	return name.len > 4 && memcmp(name.data, "dlq-", 4) == 0 && mq_dead_is_header(name);
}

/* The message as it was, and behind its headers why it is here. */
static int write_letter(struct letter *letter, const struct worker *worker, const struct job *job,
                        const struct verdict *verdict, struct mq_err *err)
{
	const struct mq_message *m = &job->message;
	const struct mq_properties *p = m->properties;
	const struct mq_target *from = worker->sources->items[job->reader].target;

	mq_buf_init(&letter->text, 1 << 16);
	letter->headers = calloc(m->n_headers + OURS, sizeof *letter->headers);
	if (!letter->headers || mq_buf_reserve(&letter->text, (size_t)PROCESS_TAIL * 3 + 200, err))
		return mq_fail_memory(err);
	mq_buf_init(&letter->types, 1 << 20);
	for (size_t i = 0; i < m->n_headers; i++) {
		bool typed = p && i < p->header_types.len;
		if (is_ours(m->headers[i].name)) /* of an earlier death */
			continue;
		letter->headers[letter->n++] = m->headers[i];
		if (mq_buf_append_char(&letter->types, typed ? p->header_types.data[i] : 'S', err) <
		    0)
			return -1;
	}
	add(letter, MQ_DEAD_BROKER, mq_bytes_str(from->shown));
	add(letter, MQ_DEAD_STREAM, m->stream);
	if (m->partition != MQ_NO_PARTITION)
		add_number(letter, MQ_DEAD_PARTITION, m->partition);
	if (m->offset != MQ_NO_OFFSET)
		add_number(letter, MQ_DEAD_OFFSET, m->offset);
	add(letter, MQ_DEAD_ID, m->id);
	add(letter, MQ_DEAD_EXCHANGE, p ? p->exchange : MQ_ABSENT);
	add(letter, MQ_DEAD_GROUP, mq_bytes_str(worker->group));
	add(letter, MQ_DEAD_REASON, mq_bytes_str(verdict->reason));
	if (verdict->status[0])
		add(letter, MQ_DEAD_EXIT, mq_bytes_str(verdict->status));
	add_number(letter, MQ_DEAD_ATTEMPTS, job->attempts);
	add_number(letter, MQ_DEAD_TIME, mq_now_ms());
	add_error(letter, verdict->error);
	while (letter->types.len < letter->n)
		if (mq_buf_append_char(&letter->types, 'S', err) < 0)
			return -1;
	return 0;
}

static void bury(struct worker *worker, struct job *job, const struct verdict *verdict)
{
	struct letter letter = {0};
	struct mq_message dead = job->message;
	struct mq_properties properties;
	struct mq_err err = MQ_ERR_INIT;

	if (write_letter(&letter, worker, job, verdict, &err) < 0) {
		worker_fail(worker, &err);
	} else {
		dead.stream = dead.id = MQ_ABSENT;
		dead.offset = MQ_NO_OFFSET;
		dead.partition = MQ_NO_PARTITION;
		dead.owner = NULL;
		dead.headers = letter.headers;
		dead.n_headers = letter.n;
		if (dead.properties && dead.properties->header_types.data) {
			properties = *dead.properties;
			properties.header_types = mq_bytes_of(letter.types.data, letter.types.len);
			dead.properties = &properties;
		}
		job->ctx = worker; /* what comes back is about a dead letter */
		sender_send(&worker->dead, &dead, job);
	}
	free(letter.headers);
	mq_buf_release(&letter.text);
	mq_buf_release(&letter.types);
}

/* Nothing is left to try, and nobody takes it: the run ends, and the message comes again. */
static void give_up(struct worker *worker, const struct job *job, const struct verdict *verdict)
{
	const struct mq_message *m = &job->message;
	struct mq_err why = MQ_ERR_INIT;
	char place[64] = "";

	if (m->id.data)
		snprintf(place, sizeof place, " at %.*s", (int)m->id.len, m->id.data);
	else if (m->offset != MQ_NO_OFFSET)
		snprintf(place, sizeof place, "[%d] at %" PRId64, (int)m->partition, m->offset);
	mq_fail(&why, MQ_PARTIAL, "a message of %.*s%s failed %d time%s: %s%s%s",
	        (int)m->stream.len, m->stream.data ? m->stream.data : "", place, job->attempts,
	        job->attempts == 1 ? "" : "s", verdict->reason, verdict->status[0] ? ", " : "",
	        verdict->status);
	mq_hint(&why, "it is not settled and comes again; --dead-letter ADDR puts such messages "
	              "aside and goes on");
	worker_fail(worker, &why);
}

void outcome_take(struct worker *worker, struct job *job, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_DONE) {
		if (reply(worker, job, verdict))
			return;
		worker->counts.handled++;
		finish(worker, job);
		return;
	}
	mq_log(worker->invocation->env, MQ_LEVEL_VERBOSE, "attempt %d failed: %s %s", job->attempts,
	       verdict->reason, verdict->status);
	if (worker->stopping) /* it was interrupted, or comes again in the next run */
		return;
	if (verdict->kind == VERDICT_FAILED && job->attempts <= worker->options->retries) {
		worker->counts.retried++;
		jobs_again(worker->jobs, job, mq_now_monotonic_ms() + backoff(worker, job));
	} else if (worker->dead.writer) {
		bury(worker, job, verdict);
	} else {
		give_up(worker, job, verdict);
	}
}
