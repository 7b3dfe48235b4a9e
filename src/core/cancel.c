/* Signals as a readable descriptor: see mqtk/cancel.h. */
#include "mqtk/cancel.h"
#include "mqtk/env.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* The object that the process's handlers raise. Signal handlers take no argument, so this one
 * global is unavoidable. */
static struct mq_cancel *volatile signal_target;
static void (*volatile last_act)(void);
static volatile int64_t first_ms; /* when a handler raised it */

/* What comes so soon is the first signal once more: timeout(1), shells whose terminal is closed and
 * programs that hand on a Ctrl-C give one to us and to our group. */
#define SAME_MS 100

int mq_cancel_init(struct mq_cancel *cancel, struct mq_err *err)
{
	cancel->signum = 0;
	if (pipe(cancel->fds) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
	for (int i = 0; i < 2; i++) {
		fcntl(cancel->fds[i], F_SETFD, FD_CLOEXEC);
		fcntl(cancel->fds[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

void mq_cancel_release(struct mq_cancel *cancel)
{
	if (!cancel)
		return;
	if (signal_target == cancel)
		signal_target = NULL;
	close(cancel->fds[0]);
	close(cancel->fds[1]);
}

static void on_signal(int signum)
{
	int saved = errno;
	struct mq_cancel *cancel = signal_target;

	if (cancel && !cancel->signum) {
		first_ms = mq_now_monotonic_ms();
		mq_cancel_raise(cancel, signum);
	} else if (!cancel || mq_now_monotonic_ms() - first_ms >= SAME_MS) {
		/* The second one: die by it, so that the parent sees why. It is blocked while this
		 * handler runs and strikes when it returns. */
		void (*last)(void) = last_act;
		if (last)
			last();
		signal(signum, SIG_DFL);
		raise(signum);
	}
	errno = saved;
}

int mq_cancel_catch_signals(struct mq_cancel *cancel, struct mq_err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};

	signal_target = cancel;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction before;
		/* nohup is respected. That a shell ignores SIGINT for its background jobs is not:
		 * kill -INT has to end those too, or nothing would commit and report. */
		if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
		    before.sa_handler == SIG_IGN)
			continue;
		if (sigaction(signals[i], &action, NULL) < 0)
			return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot catch signals");
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error of write() */
	return 0;
}

void mq_cancel_before_death(void (*last)(void))
{
	last_act = last;
}

void mq_cancel_raise(struct mq_cancel *cancel, int signum)
{
	if (cancel->signum)
		return;
	cancel->signum = signum;
	ssize_t n = write(cancel->fds[1], "x", 1);
	(void)n; /* a full pipe is readable already */
}

int mq_cancel_signal(const struct mq_cancel *cancel)
{
	return cancel ? (int)cancel->signum : 0;
}

int mq_cancel_fd(const struct mq_cancel *cancel)
{
	return cancel ? cancel->fds[0] : -1;
}

int mq_cancel_wait(const struct mq_cancel *cancel, int fd, short events, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events},
	                        {.fd = mq_cancel_fd(cancel), .events = POLLIN}};
	int64_t deadline = timeout_ms < 0 ? 0 : mq_now_monotonic_ms() + timeout_ms;

	for (;;) {
		int left = timeout_ms;
		if (timeout_ms > 0) {
			int64_t rest = deadline - mq_now_monotonic_ms();
			left = rest > 0 ? (int)rest : 0;
		}
		int n = poll(fds, 2, left);
		if (n >= 0)
			return n > 0 && fds[0].revents != 0;
		if (errno != EINTR)
			return 0;
	}
}
