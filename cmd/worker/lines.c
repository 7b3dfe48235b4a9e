/*
 * A program that lives on: it is given one message a line and answers each with a line, in order.
 *
 *   ok [TEXT]       done with it; TEXT is the reply where one is wanted (--reply)
 *   retry [WHY]     try it again later
 *   reject [WHY]    no attempt will ever help
 *
 * An answer ends in a newline: half of one is none. It may read ahead: several messages are on
 * their way, but never two that keep an order. When it ends, the first one that it did not answer
 * has failed; of the others nothing is known, and they are given to the next one. A program that
 * ends without having answered anything is started again only after a while.
 */
#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"
#include "cmd/worker/reply.h"

enum { SILENCE_MS = 10000 };
#define ANSWERS_MAX REPLY_MAX
#define UNREAD_MAX ((size_t)1 << 20) /* bytes that wait for the program to read */

static bool start(struct slot *slot, struct worker *worker, struct mq_err *err)
{
	struct process_spec spec = {
	    .command = worker->options->exec_lines, .answers = true, .limit = ANSWERS_MAX};

	if (slot->process.pid > 0)
		return true;
	mq_buf_clear(&slot->input);
	mq_buf_clear(&slot->later);
	spec.environment = environment_of(&worker->environment, NULL, 0, err);
	return slot_start(slot, worker, &spec, mq_bytes_of("", 0), true, err);
}

/* Hands on what waits, once what was handed on before is taken. */
static void feed(struct slot *slot, struct worker *worker)
{
	(void)worker;
	if (slot->process.pid == 0 || slot->process.left.len > 0 || slot->later.len == 0)
		return;
	struct mq_buf taken = slot->input;
	slot->input = slot->later;
	slot->later = taken;
	mq_buf_clear(&slot->later);
	process_feed(&slot->process, mq_bytes_of(slot->input.data, slot->input.len));
}

static void begin(struct slot *slot, struct worker *worker, struct job *job)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!start(slot, worker, &err) || slot_line(worker, job, &slot->later, &err) < 0) {
		slot_cannot(worker, job, &err);
		return;
	}
	if (slot->n == 0)
		slot->begun_ms = mq_now_monotonic_ms();
	slot_give(slot, worker, job);
	if (slot->later.len >= UNREAD_MAX)
		feed(slot, worker);
}

/* One answer. False: it is none. */
static bool take_answer(struct slot *slot, struct worker *worker, struct mq_bytes line)
{
	static const struct {
		const char *word;
		enum verdict_kind kind;
	} words[] = {{"ok", VERDICT_DONE}, {"retry", VERDICT_FAILED}, {"reject", VERDICT_REJECTED}};

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i].word);
		struct verdict verdict = {.reason = words[i].word};
		if (line.len < len || memcmp(line.data, words[i].word, len) != 0 ||
		    (line.len > len && line.data[len] != ' '))
			continue;
		verdict.kind = words[i].kind;
		if (line.len > len + 1)
			verdict.error = verdict.output =
			    mq_bytes_of(line.data + len + 1, line.len - len - 1);
		slot->answered = true;
		slot->late = slot->timed_out;
		slot->fruitless = 0;
		outcome_take(worker, slot_take(slot, worker), &verdict);
		return true;
	}
	return false;
}

/* It does not keep to the agreement: what it answers later could be about anything. */
static void break_off(struct slot *slot, struct worker *worker, struct mq_bytes line)
{
	struct mq_err why = MQ_ERR_INIT;
	char shown[100];
	size_t len = line.len < sizeof shown ? line.len : sizeof shown;

	/* Behind a NUL may stand what makes it none. */
	for (size_t i = 0; i < len; i++)
		shown[i] = line.data[i] ? line.data[i] : '?';
	mq_fail(&why, MQ_DATA, "--exec-lines: '%.*s' is no answer to a message%s", (int)len, shown,
	        slot->n == 0 ? ", and none was waiting for one" : "");
	mq_hint(&why, "it answers each line with one of its own: ok, retry WHY or reject WHY");
	worker_fail(worker, &why);
	slot->broken = true;
	slot_stop(slot);
}

/* The usual reason for silence: most languages keep what goes into a pipe until it is much. */
static void say_silence(const struct slot *slot, struct worker *worker)
{
	if (worker->silence_said || slot->answered || slot->n == 0 ||
	    mq_now_monotonic_ms() - slot->begun_ms < SILENCE_MS)
		return;
	worker->silence_said = true;
	mq_log(worker->invocation->env, MQ_LEVEL_WARN,
	       "--exec-lines: no answer for %d s; does the command flush its output after each "
	       "line?",
	       SILENCE_MS / 1000);
}

static void answered(struct slot *slot, struct worker *worker)
{
	struct mq_buf *lines = &slot->process.lines;
	size_t at = 0;

	while (at < lines->len && !slot->broken) {
		const char *end = memchr(lines->data + at, '\n', lines->len - at);
		if (!end)
			break;
		struct mq_bytes line =
		    mq_bytes_of(lines->data + at, (size_t)(end - lines->data) - at);
		at += line.len + 1;
		if (slot->n == 0 || !take_answer(slot, worker, line))
			break_off(slot, worker, line);
	}
	mq_buf_consume(lines, at);
	if (slot->process.overflow && !slot->broken)
		break_off(slot, worker, mq_bytes_str("a line without an end"));
	feed(slot, worker);
	say_silence(slot, worker);
}

static void ended(struct slot *slot, struct worker *worker)
{
	char tail[PROCESS_TAIL];
	struct verdict verdict = {.kind = VERDICT_FAILED, .reason = "exit"};

	if (!slot->answered)
		slot->rest_until_ms =
		    mq_now_monotonic_ms() + outcome_backoff(worker, ++slot->fruitless);
	if (slot->n == 0)
		return;
	if (slot->late) { /* it was asked to end for the sake of another one */
		slot_undo(slot, worker);
		return;
	}
	verdict.error = mq_bytes_of(tail, process_tail(&slot->process, tail));
	slot_judge(slot, &verdict);
	verdict.kind = VERDICT_FAILED; /* also with exit 0: it did not answer */
	if (!verdict.reason)
		verdict.reason = "exit";
	struct job *first = slot_take(slot, worker);
	slot_undo(slot, worker);
	outcome_take(worker, first, &verdict);
}

const struct slot_kind slot_lines = {
    .room = SLOT_LINES, .begin = begin, .given = feed, .answered = answered, .ended = ended};
