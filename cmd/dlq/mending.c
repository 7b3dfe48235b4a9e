/* --edit: see mending.h. */
#include "cmd/dlq/mending.h"

#include "cmd/worker/process.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define BODY_MAX ((size_t)64 << 20)
enum {
	SAID = 10,     /* failures that are told one by one */
	WAIT_MS = 100, /* longest wait before the process is looked at again */
};

int mending_init(struct mending *m, const char *command, int64_t timeout_ms,
                 const struct mq_env *env, struct mq_err *err)
{
	*m = (struct mending){.command = command, .timeout_ms = timeout_ms, .env = env};
	if (!command)
		return 0;
	return environment_init(&m->environment, NULL, err) < 0 || process_wakeup(err) < 0 ? -1 : 0;
}

void mending_release(struct mending *m)
{
	if (m->command)
		environment_release(&m->environment);
}

/* --- one program ------------------------------------------------------------------------------ */

enum ending { ENDED, TOO_LONG, TOO_MUCH, SIGNAL };

/* Serves the program until it has ended, or is ended. */
static enum ending wait_for(struct mending *m, struct process *process, int wakeup)
{
	int64_t deadline = mq_now_monotonic_ms() + m->timeout_ms;
	enum ending ending = ENDED;

	while (!process_reap(process)) {
		struct pollfd fds[5];
		size_t n = process_poll(process, fds);
		int64_t left = deadline - mq_now_monotonic_ms();
		if (mq_cancel_signal(m->env->cancel))
			ending = SIGNAL;
		else if (process->overflow)
			ending = TOO_MUCH;
		else if (left <= 0)
			ending = TOO_LONG;
		if (ending != ENDED)
			break;
		fds[n++] = (struct pollfd){.fd = wakeup, .events = POLLIN};
		poll(fds, (nfds_t)n, left < WAIT_MS ? (int)left : WAIT_MS);
		process_woken();
		process_serve(process);
	}
	if (ending == ENDED && process->overflow)
		ending = TOO_MUCH;
	return ending;
}

static void say_failure(struct mending *m, const struct mq_message *message,
                        const struct process *process, enum ending ending)
{
	char place[80] = "", why[80];
	char tail[PROCESS_TAIL];
	size_t len = process_tail(process, tail), from;

	m->failed++;
	if (m->failed > SAID)
		return;
	if (message->id.data)
		snprintf(place, sizeof place, "@%.*s",
		         (int)(message->id.len < 60 ? message->id.len : 60), message->id.data);
	else if (message->offset != MQ_NO_OFFSET)
		snprintf(place, sizeof place, " %d:%" PRId64, (int)message->partition,
		         message->offset);
	if (ending == TOO_LONG)
		snprintf(why, sizeof why, "it ran for longer than --edit-timeout");
	else if (ending == TOO_MUCH)
		snprintf(why, sizeof why, "it wrote more than 64 MiB");
	else if (WIFSIGNALED(process->status))
		snprintf(why, sizeof why, "it was ended by signal %d", WTERMSIG(process->status));
	else
		snprintf(why, sizeof why, "exit status %d", WEXITSTATUS(process->status));
	/* The last line that it complained with; it has been on standard error as a whole. */
	while (len > 0 && (unsigned char)tail[len - 1] <= ' ')
		len--;
	for (from = len; from > 0 && tail[from - 1] != '\n'; from--)
		;
	for (size_t i = from; i < len; i++)
		if ((unsigned char)tail[i] < ' ' || (unsigned char)tail[i] == 0x7f)
			tail[i] = '?';
	mq_log(m->env, MQ_LEVEL_WARN, "--edit: letter%s stays: %s%s%.*s", place, why,
	       len > from ? ": " : "", (int)(len - from < 200 ? len - from : 200), tail + from);
	if (m->failed == SAID)
		mq_log(m->env, MQ_LEVEL_WARN, "--edit: further ones are only counted");
}

int mending_run(struct mending *m, const struct mq_message *message, struct mq_buf *ret,
                struct mq_err *err)
{
	struct process process;
	struct process_spec spec = {.command = m->command, .answers = true, .limit = BODY_MAX};
	int wakeup = process_wakeup(err), result = 1;

	spec.environment = environment_of(&m->environment, message, 1, err);
	if (!spec.environment || wakeup < 0 ||
	    process_start(&process, &spec, message->payload, false, err) < 0)
		return -1;
	enum ending ending = wait_for(m, &process, wakeup);
	if (ending == ENDED && WIFEXITED(process.status) && WEXITSTATUS(process.status) == 0) {
		*ret = process.lines;
		mq_buf_init(&process.lines, 1);
		result = 0;
	} else if (ending != SIGNAL) {
		if (ending != ENDED)
			process_signal(&process, SIGKILL);
		say_failure(m, message, &process, ending);
	}
	process_release(&process);
	return result;
}
