/* Asking the resolver in a thread: see resolve.h. */
#include "core/resolve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One question, shared by the thread that asks and the one that waits; whoever lets go last frees
 * it. */
struct question {
	char *host, *port;
	int fds[2]; /* the answer's arrival: fds[1] is closed */
	int result; /* getaddrinfo's */
	int errnum;
	struct addrinfo *addresses;
	atomic_int holders;
};

static void let_go(struct question *q)
{
	if (atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	if (q->fds[0] >= 0)
		close(q->fds[0]);
	if (q->fds[1] >= 0)
		close(q->fds[1]);
	if (q->addresses)
		freeaddrinfo(q->addresses);
	free(q->host);
	free(q->port);
	free(q);
}

static const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

static void *ask(void *arg)
{
	struct question *q = arg;
	char byte = 0;

	q->result = getaddrinfo(q->host, q->port, &wanted, &q->addresses);
	q->errnum = errno;
	/* Whoever waits reads what stands in q only after this byte. */
	while (write(q->fds[1], &byte, 1) < 0 && errno == EINTR)
		;
	let_go(q);
	return NULL;
}

static int fail_with(int result, int errnum, struct mq_err *err)
{
	mq_fail(err, MQ_UNREACHABLE, "%s",
	        result == EAI_SYSTEM ? strerror(errnum) : gai_strerror(result));
	err->retriable = true;
	return -1;
}

static int start(struct question *q, struct mq_err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int failed;

	if (pipe(q->fds) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "no pipe");
	if (pthread_attr_init(&attr) != 0)
		return mq_fail_memory(err);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Signals are for the thread that waits. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_store(&q->holders, 2);
	failed = pthread_create(&thread, &attr, ask, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!failed)
		return 0;
	atomic_store(&q->holders, 1);
	return mq_fail_errno(err, MQ_INTERNAL, failed, "no thread for the resolver");
}

static int resolve_name(const char *host, const char *port, const struct mq_env *env,
                        int timeout_ms, struct addrinfo **ret_addresses, struct mq_err *err)
{
	struct question *q = calloc(1, sizeof *q);
	int result = -1;

	if (!q)
		return mq_fail_memory(err);
	q->fds[0] = q->fds[1] = -1;
	atomic_store(&q->holders, 1);
	q->host = strdup(host);
	q->port = strdup(port);
	if (!q->host || !q->port)
		mq_fail_memory(err);
	else if (start(q, err) == 0) {
		if (mq_cancel_wait(env->cancel, q->fds[0], POLLIN, timeout_ms)) {
			if (q->result == 0) {
				*ret_addresses = q->addresses;
				q->addresses = NULL;
				result = 0;
			} else {
				fail_with(q->result, q->errnum, err);
			}
		} else if (mq_cancel_signal(env->cancel)) {
			mq_fail(err, MQ_CANCELLED, "interrupted while looking up the host");
		} else {
			mq_fail(err, MQ_UNREACHABLE, "looking up the host took too long");
			err->retriable = true;
		}
	}
	let_go(q);
	return result;
}

int mq_resolve(const char *host, const char *port, const struct mq_env *env, int timeout_ms,
               struct addrinfo **ret_addresses, struct mq_err *err)
{
	struct addrinfo numeric = {.ai_socktype = SOCK_STREAM,
	                           .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

	*ret_addresses = NULL;
	if (getaddrinfo(host, port, &numeric, ret_addresses) == 0)
		return 0;
	return resolve_name(host, port, env, timeout_ms, ret_addresses, err);
}
