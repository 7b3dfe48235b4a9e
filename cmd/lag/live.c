/*
 * mqtk lag --watch on a terminal: a thread looks, and here it is shown and keys are heard, so that
 * a broker that does not answer does not hold up the screen. See lag.h.
 */
#include "cmd/lag/lag.h"
#include "cmd/lag/screen.h"
#include "cmd/lag/view.h"

#include "mqtk/message.h"
#include "mqtk/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- the thread that looks ------------------------------------------------------------------- */

struct looker {
	struct lag_source *source; /* the thread's alone while it runs */
	int64_t every_ms;
	struct mq_env env;       /* of the thread: a cancel of its own, and a log that is kept */
	struct mq_cancel cancel; /* raised when the thread is to end */
	pthread_t thread;
	bool has_cancel, runs;
	int news[2]; /* news[0] is readable when there is something below */
	pthread_mutex_t lock;
	/* Under the lock: the newest look that nobody has taken, or why there is none. */
	bool has_look;
	struct lag_look look;
	struct mq_err err;
	char log[300]; /* the last warning; "" none */
};

static void keep_log(void *ctx, enum mq_level level, const char *text)
{
	struct looker *looker = ctx;

	if (level != MQ_LEVEL_WARN)
		return;
	pthread_mutex_lock(&looker->lock);
	snprintf(looker->log, sizeof looker->log, "%s", text);
	pthread_mutex_unlock(&looker->lock);
}

static void publish(struct looker *looker, struct lag_look *look, const struct mq_err *err)
{
	pthread_mutex_lock(&looker->lock);
	if (err->code == MQ_OK) {
		if (looker->has_look)
			lag_look_release(&looker->look);
		looker->look = *look;
		looker->has_look = true;
		looker->log[0] = '\0';
	}
	looker->err = *err;
	pthread_mutex_unlock(&looker->lock);
	ssize_t n = write(looker->news[1], "x", 1);
	(void)n; /* a full pipe is readable already */
}

static void *look_on(void *arg)
{
	struct looker *looker = arg;

	while (!mq_cancel_signal(&looker->cancel)) {
		int64_t next = mq_now_monotonic_ms() + looker->every_ms;
		struct mq_err err = MQ_ERR_INIT;
		struct lag_look look = {0};
		lag_source_look(looker->source, &look, &err);
		publish(looker, &look, &err);
		int64_t left = next - mq_now_monotonic_ms();
		mq_cancel_wait(&looker->cancel, -1, 0, left > 0 ? (int)left : 0);
	}
	/* A connection is closed where it was used. */
	mq_close(looker->source->conn);
	looker->source->conn = NULL;
	return NULL;
}

static int looker_start(struct looker *looker, struct lag_source *source, int64_t every_ms,
                        struct mq_err *err)
{
	sigset_t all, before;

	looker->source = source;
	looker->every_ms = every_ms;
	if (pipe2(looker->news, O_CLOEXEC | O_NONBLOCK) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
	if (mq_cancel_init(&looker->cancel, err) < 0)
		return -1;
	looker->has_cancel = true;
	looker->env = *source->env;
	looker->env.cancel = &looker->cancel;
	looker->env.log = keep_log;
	looker->env.log_ctx = looker;
	source->env = &looker->env;
	/* Signals are for the thread that shows. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&looker->thread, NULL, look_on, looker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return mq_fail_errno(err, MQ_INTERNAL, failed, "cannot start a thread");
	looker->runs = true;
	return 0;
}

static void looker_stop(struct looker *looker)
{
	if (looker->runs) {
		mq_cancel_raise(&looker->cancel, SIGTERM);
		pthread_join(looker->thread, NULL);
	}
	if (looker->has_cancel)
		mq_cancel_release(&looker->cancel);
	if (looker->has_look)
		lag_look_release(&looker->look);
	if (looker->news[0] >= 0) {
		close(looker->news[0]);
		close(looker->news[1]);
	}
}

/* --- what is shown --------------------------------------------------------------------------- */

struct live {
	struct looker *looker;
	const struct mq_env *env;
	struct lag_source *source;
	struct mq_lag_table table;
	struct lag_view view;
	struct mq_output out;
	char trouble[700];
	bool stop;
};

static void say_trouble(struct live *live, const struct mq_err *err, const char *log)
{
	const char *text = err->code ? err->message : log;

	snprintf(live->trouble, sizeof live->trouble, "%s", text);
	live->view.trouble = live->trouble[0] ? live->trouble : NULL;
}

/* Takes over what the other thread has found. */
static int take_news(struct live *live, struct mq_err *err)
{
	struct looker *looker = live->looker;
	struct lag_look look = {0};
	char bytes[64], log[sizeof looker->log];

	while (read(looker->news[0], bytes, sizeof bytes) > 0)
		;
	pthread_mutex_lock(&looker->lock);
	bool has_look = looker->has_look;
	struct mq_err trouble = looker->err;
	memcpy(log, looker->log, sizeof log);
	look = looker->look;
	looker->has_look = false;
	pthread_mutex_unlock(&looker->lock);
	int result = 0;
	if (has_look) {
		live->view.now_ms = look.now_ms;
		result = lag_look_add(live->source, &look, &live->table, err);
		if (!trouble.code)
			trouble = look.missing.code ? look.missing : look.absent;
		lag_look_release(&look);
	}
	say_trouble(live, &trouble, log);
	return result;
}

static int draw(struct live *live, struct mq_err *err)
{
	lag_screen_size(&live->view.lines, &live->view.columns);
	if (lag_view_draw(&live->view, &live->table, &live->out.buf, err) < 0)
		return -1;
	if (mq_output_flush(&live->out, live->env, NULL, err) == 0)
		return 0;
	if (!live->out.closed && err->code != MQ_CANCELLED)
		return -1;
	mq_err_clear(err);
	live->stop = true;
	return 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

static void type_filter(struct lag_view *view, int key)
{
	size_t len = strlen(view->filter);

	if (key == '\r' || key == '\n' || key == LAG_KEY_ESCAPE) {
		view->typing = false;
		if (key == LAG_KEY_ESCAPE)
			view->filter[0] = '\0';
	} else if (key == 0x7f || key == '\b') {
		while (len > 0 && ((unsigned char)view->filter[--len] & 0xc0) == 0x80)
			;
		view->filter[len] = '\0';
	} else if (key >= 0x20 && key < 0x100 && len + 1 < sizeof view->filter) {
		view->filter[len] = (char)key;
		view->filter[len + 1] = '\0';
	}
	view->top = 0;
}

static void scroll(struct lag_view *view, bool down, size_t by)
{
	if (down)
		view->top += by; /* the view knows where the end is */
	else
		view->top -= by < view->top ? by : view->top;
}

static void press(struct live *live, int key)
{
	struct lag_view *view = &live->view;
	size_t page = view->lines > 6 ? (size_t)view->lines - 4 : 2;

	if (key == 0x1a) {
		lag_screen_suspend();
		return;
	}
	if (view->typing) {
		type_filter(view, key);
		return;
	}
	switch (key) {
	case 'q':
	case 'Q':
	case 0x1c: /* Ctrl-\ */
	case 0x04: /* Ctrl-D */
		live->stop = true;
		break;
	case 's':
		view->order = (enum mq_lag_order)((view->order + 1) % MQ_LAG_ORDERS);
		view->top = 0;
		break;
	case '/':
		view->typing = true;
		view->filter[0] = '\0';
		break;
	case LAG_KEY_ESCAPE:
		view->filter[0] = '\0';
		view->help = false;
		break;
	case 'g':
		view->totals = !view->totals;
		view->top = 0;
		break;
	case 'p':
		view->paused = !view->paused;
		break;
	case '?':
		view->help = !view->help;
		break;
	case 'k':
	case LAG_KEY_UP:
		scroll(view, false, 1);
		break;
	case 'j':
	case LAG_KEY_DOWN:
		scroll(view, true, 1);
		break;
	case LAG_KEY_PAGE_UP:
		scroll(view, false, page);
		break;
	case LAG_KEY_PAGE_DOWN:
		scroll(view, true, page);
		break;
	default:
		break;
	}
}

static void hear_keys(struct live *live)
{
	int keys[64];
	int n = lag_screen_keys(keys, 64);

	if (n < 0)
		live->stop = true;
	for (int i = 0; i < n && !live->stop; i++)
		press(live, keys[i]);
}

/* --- running --------------------------------------------------------------------------------- */

/* Shows until it is stopped. Returns the exit code, or -1. */
static int show(struct live *live, struct mq_err *err)
{
	while (!live->stop) {
		if (draw(live, err) < 0)
			return -1;
		/* What comes while it stands still waits in the pipe. */
		struct pollfd fds[] = {
		    {.fd = mq_cancel_fd(live->env->cancel), .events = POLLIN},
		    {.fd = STDIN_FILENO, .events = POLLIN},
		    {.fd = lag_screen_fd(), .events = POLLIN},
		    {.fd = live->view.paused ? -1 : live->looker->news[0], .events = POLLIN}};
		if (poll(fds, 4, -1) < 0 && errno != EINTR)
			return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot wait");
		if (mq_cancel_signal(live->env->cancel))
			return MQ_CANCELLED;
		if (fds[1].revents)
			hear_keys(live);
		if (fds[2].revents)
			lag_screen_again();
		if (fds[3].revents && take_news(live, err) < 0)
			return -1;
	}
	return MQ_OK;
}

/* Waits for the first look: what fails from the start is told as always, without a screen. */
static int first_news(struct live *live, struct mq_err *err)
{
	struct mq_err first;

	mq_cancel_wait(live->env->cancel, live->looker->news[0], POLLIN, -1);
	if (mq_cancel_signal(live->env->cancel))
		return mq_fail(err, MQ_CANCELLED, "interrupted");
	pthread_mutex_lock(&live->looker->lock);
	first = live->looker->err.code ? live->looker->err : live->looker->look.absent;
	pthread_mutex_unlock(&live->looker->lock);
	if (first.code) {
		*err = first;
		return -1;
	}
	return take_news(live, err);
}

int lag_watch_live(struct mq_invocation *invocation, struct lag_source *source, struct mq_err *err)
{
	const struct lag_values *values = invocation->values;
	struct looker looker = {.news = {-1, -1}, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct live live = {.looker = &looker,
	                    .env = invocation->env,
	                    .source = source,
	                    .view = {.broker = source->target.shown,
	                             .every_ms = values->watch_ms,
	                             .color = invocation->color_out,
	                             .utf8 = lag_view_utf8(),
	                             .totals = values->totals,
	                             .now_ms = MQ_NO_TIME}};
	int code = -1;

	mq_lag_table_init(&live.table, LAG_KEEP, LAG_WINDOW, LAG_QUIET_MS);
	mq_output_init(&live.out, STDOUT_FILENO, "the terminal");
	if (looker_start(&looker, source, values->watch_ms, err) == 0 &&
	    first_news(&live, err) == 0 && lag_screen_enter(err) == 0)
		code = show(&live, err);
	lag_screen_leave();
	looker_stop(&looker);
	source->env = invocation->env;
	mq_output_release(&live.out);
	mq_lag_table_release(&live.table);
	return code;
}
