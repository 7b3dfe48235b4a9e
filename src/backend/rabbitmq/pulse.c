/*
 * Heartbeats while nobody serves the connection.
 *
 * The program's one thread may be busy for minutes: its output blocks, a program runs for each
 * message, its input is slow. The broker would take that for death. So a thread of its own sends a
 * heartbeat whenever nothing else was sent for half the interval and no frame is half out. All
 * reading and writing of the socket goes through this file, under its lock.
 */
#include "backend/rabbitmq/rabbitmq.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define HEARTBEAT_LEN 8

static const char heartbeat[HEARTBEAT_LEN] = {AMQP_FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0,
                                              (char)AMQP_FRAME_END};

struct mq_rabbit_pulse {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct mq_net *net;
	int64_t interval_ms;
	int64_t said_ms; /* when something was last sent */
	bool inside;     /* a frame of the other thread is half out */
	bool ended;
	bool failed; /* its own write failed; the other thread will find out too */
	size_t rest; /* bytes of a heartbeat that are still to be sent */
};

/* Under the lock. The rest of a heartbeat goes before anything else. Returns false while some of
 * it remains. */
static bool finish_heartbeat(struct mq_rabbit_pulse *pulse, struct mq_err *err)
{
	if (pulse->rest == 0)
		return true;
	int64_t n =
	    mq_net_write(pulse->net, heartbeat + HEARTBEAT_LEN - pulse->rest, pulse->rest, err);
	if (n < 0)
		pulse->failed = true;
	else
		pulse->rest -= (size_t)n;
	return pulse->rest == 0;
}

static void beat(struct mq_rabbit_pulse *pulse)
{
	struct mq_err ignored = MQ_ERR_INIT;
	int64_t now = mq_now_monotonic_ms();

	if (pulse->inside || pulse->failed || now - pulse->said_ms < pulse->interval_ms)
		return;
	if (pulse->rest == 0)
		pulse->rest = HEARTBEAT_LEN;
	finish_heartbeat(pulse, &ignored);
	pulse->said_ms = now;
}

static void *run(void *arg)
{
	struct mq_rabbit_pulse *pulse = arg;

	pthread_mutex_lock(&pulse->lock);
	while (!pulse->ended) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		int64_t wait = pulse->said_ms + pulse->interval_ms - mq_now_monotonic_ms();
		wait = wait < 1 ? pulse->interval_ms : wait;
		until.tv_sec += (time_t)(wait / 1000);
		until.tv_nsec += (long)(wait % 1000) * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&pulse->wake, &pulse->lock, &until);
		if (!pulse->ended)
			beat(pulse);
	}
	pthread_mutex_unlock(&pulse->lock);
	return NULL;
}

int mq_rabbit_pulse_start(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	struct mq_rabbit_pulse *pulse = calloc(1, sizeof *pulse);
	pthread_condattr_t attr;
	sigset_t all, before;

	if (!pulse)
		return mq_fail_memory(err);
	pulse->net = wire->net;
	pulse->interval_ms = wire->heartbeat_ms / 2;
	pulse->said_ms = mq_now_monotonic_ms();
	pthread_mutex_init(&pulse->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pulse->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int errnum = pthread_create(&pulse->thread, NULL, run, pulse);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum == 0) {
		wire->pulse = pulse;
		return 0;
	}
	pthread_cond_destroy(&pulse->wake);
	pthread_mutex_destroy(&pulse->lock);
	free(pulse);
	return mq_fail_errno(err, MQ_INTERNAL, errnum, "a thread cannot be started");
}

void mq_rabbit_pulse_stop(struct mq_rabbit_wire *wire)
{
	struct mq_rabbit_pulse *pulse = wire->pulse;

	if (!pulse)
		return;
	pthread_mutex_lock(&pulse->lock);
	pulse->ended = true;
	pthread_cond_signal(&pulse->wake);
	pthread_mutex_unlock(&pulse->lock);
	pthread_join(pulse->thread, NULL);
	pthread_cond_destroy(&pulse->wake);
	pthread_mutex_destroy(&pulse->lock);
	free(pulse);
	wire->pulse = NULL;
}

int64_t mq_rabbit_pulse_read(struct mq_rabbit_wire *wire, void *data, size_t len,
                             struct mq_err *err)
{
	struct mq_rabbit_pulse *pulse = wire->pulse;

	if (!pulse)
		return mq_net_read(wire->net, data, len, err);
	pthread_mutex_lock(&pulse->lock);
	int64_t n = mq_net_read(wire->net, data, len, err);
	pthread_mutex_unlock(&pulse->lock);
	return n;
}

int64_t mq_rabbit_pulse_write(struct mq_rabbit_wire *wire, const void *data, size_t len,
                              struct mq_err *err)
{
	struct mq_rabbit_pulse *pulse = wire->pulse;
	int64_t n = 0;

	if (!pulse)
		return mq_net_write(wire->net, data, len, err);
	pthread_mutex_lock(&pulse->lock);
	if (finish_heartbeat(pulse, err))
		n = mq_net_write(wire->net, data, len, err);
	else if (pulse->failed)
		n = -1;
	if (n > 0)
		pulse->said_ms = mq_now_monotonic_ms();
	pulse->inside = n >= 0 && (size_t)n < len;
	pthread_mutex_unlock(&pulse->lock);
	if (n < 0)
		mq_fail(err, MQ_UNREACHABLE, "the connection is lost");
	return n;
}
