/*
 * Waiting for what other processes write, without asking all the time.
 *
 * On Linux inotify tells that the log file was written. A commit shows to readers only a moment
 * after its last byte was written (a sync lies between), so that a look right after the event may
 * come too early: then a timer, beginning at a millisecond and growing to a second, says when to
 * look again. Both stand behind one descriptor. Elsewhere: a look every 50 ms.
 */
#include "backend/sqlite/sqlite.h"

#include <poll.h>

#define SLICE_MS 50
#define LONGEST_MS 1000

#ifdef __linux__

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool add(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return fd >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

void mq_sq_watch_init(struct mq_sq_watch *watch, const struct mq_sq *sq)
{
	char wal[4096];

	*watch = (struct mq_sq_watch){
	    .notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
	    .timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
	    .fd = epoll_create1(EPOLL_CLOEXEC),
	    .wait_ms = 1};
	snprintf(wal, sizeof wal, "%s-wal", sq->path);
	/* The log exists as long as any handle is open, ours included. Without it (a file that
	 * nobody can change) the timer alone does. */
	if (watch->notify >= 0)
		inotify_add_watch(watch->notify, wal, IN_MODIFY);
	if (watch->fd >= 0 && add(watch->fd, watch->timer) && add(watch->fd, watch->notify))
		return;
	mq_sq_watch_release(watch);
}

void mq_sq_watch_release(struct mq_sq_watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	if (watch->timer >= 0)
		close(watch->timer);
	if (watch->notify >= 0)
		close(watch->notify);
	watch->fd = watch->timer = watch->notify = -1;
}

void mq_sq_watch_drain(struct mq_sq_watch *watch)
{
	char events[4096];
	bool told = false;

	if (watch->fd < 0)
		return;
	while (read(watch->notify, events, sizeof events) > 0)
		told = true;
	if (told)
		watch->wait_ms = 1;
}

void mq_sq_watch_arm(struct mq_sq_watch *watch, bool found)
{
	if (watch->fd < 0)
		return;
	struct itimerspec when = {.it_value = {.tv_nsec = 1}};
	if (!found) {
		when.it_value.tv_sec = watch->wait_ms / 1000;
		when.it_value.tv_nsec = (long)(watch->wait_ms % 1000) * 1000000;
		watch->wait_ms = watch->wait_ms * 2 < LONGEST_MS ? watch->wait_ms * 2 : LONGEST_MS;
	}
	timerfd_settime(watch->timer, 0, &when, NULL);
}

#else

void mq_sq_watch_init(struct mq_sq_watch *watch, const struct mq_sq *sq)
{
	(void)sq;
	*watch = (struct mq_sq_watch){.notify = -1, .timer = -1, .fd = -1};
}

void mq_sq_watch_release(struct mq_sq_watch *watch)
{
	(void)watch;
}

void mq_sq_watch_drain(struct mq_sq_watch *watch)
{
	(void)watch;
}

void mq_sq_watch_arm(struct mq_sq_watch *watch, bool found)
{
	(void)watch, (void)found;
}

#endif

int mq_sq_watch_wait(struct mq_sq_watch *watch, const struct mq_cancel *cancel, int timeout_ms)
{
	if (watch->fd >= 0)
		return mq_cancel_wait(cancel, watch->fd, POLLIN, timeout_ms);
	bool whole = timeout_ms >= 0 && timeout_ms <= SLICE_MS;
	mq_cancel_wait(cancel, -1, 0, whole ? timeout_ms : SLICE_MS);
	return !whole;
}
