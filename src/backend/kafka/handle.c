/*
 * One client of librdkafka: where its log and its errors go, calls that can be left at any moment,
 * and its end.
 *
 * The library tells about lost connections only in passing (error_cb), and a blocking call says
 * no more than "timed out". So the most telling reason is remembered here and becomes the message.
 */
#include "backend/kafka/kafka.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* All brokers down for this long while opening: give up before the time-out. Long enough for the
 * library to have tried every address of a host name. */
#define GIVE_UP_MS 2000
/* How long the end of a client is waited for that may hang, or that a call still uses. */
#define END_MS 250

static int make_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC | O_NONBLOCK);
}

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* --- log and errors ----------------------------------------------------------------------------
 */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct mq_kafka_handle *handle = rd_kafka_opaque(rk);

	if (!handle)
		return;
	pthread_mutex_lock(&handle->lock);
	/* That a property is for the other kind of client is no news: some are set for both. */
	bool telling = level <= LOG_WARNING && strcmp(facility, "CONFWARN") != 0;
	mq_log(handle->env, telling ? MQ_LEVEL_VERBOSE : MQ_LEVEL_DEBUG, "librdkafka %s: %s",
	       facility, text);
	pthread_mutex_unlock(&handle->lock);
}

/* How much an error tells about the cause; the highest is kept. */
static int weight(rd_kafka_resp_err_t kerr)
{
	switch (kerr) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		return 5;
	case RD_KAFKA_RESP_ERR__SSL:
		return 4;
	case RD_KAFKA_RESP_ERR__RESOLVE:
		return 3;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
		return 2;
	default:
		return 1;
	}
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct mq_kafka_handle *handle = opaque;
	rd_kafka_resp_err_t kerr = (rd_kafka_resp_err_t)code;

	(void)rk;
	pthread_mutex_lock(&handle->lock);
	bool tell = !handle->quiet && kerr != RD_KAFKA_RESP_ERR__FATAL;
	if (kerr == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		if (handle->all_down_ms)
			tell = false;
		else
			handle->all_down_ms = mq_now_monotonic_ms();
		if (tell)
			mq_log(handle->env, MQ_LEVEL_WARN,
			       "no connection to %s any more (%s); trying again", handle->hosts,
			       handle->why_text[0] ? handle->why_text : reason);
	} else {
		if (kerr == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		    kerr == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		    kerr == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
			handle->topic_missed = handle->missed_once = true;
		if (weight(kerr) >= weight(handle->why)) {
			handle->why = kerr;
			/* "(after 0ms in state CONNECT)" is for the library's authors. */
			const char *tail = strstr(reason, " (after ");
			size_t len = tail ? (size_t)(tail - reason) : strlen(reason);
			if (len >= sizeof handle->why_text)
				len = sizeof handle->why_text - 1;
			memcpy(handle->why_text, reason, len);
			handle->why_text[len] = '\0';
		}
		if (tell)
			mq_log(handle->env, MQ_LEVEL_VERBOSE, "%s: %s", rd_kafka_err2str(kerr),
			       reason);
	}
	pthread_mutex_unlock(&handle->lock);
}

/* --- life ----------------------------------------------------------------------------------------
 */

int mq_kafka_handle_new(const struct mq_kafka_conn *conn, rd_kafka_conf_t *conf,
                        enum mq_kafka_role role, void *owner, struct mq_kafka_handle **ret_handle,
                        struct mq_err *err)
{
	char text[512];
	struct mq_kafka_handle *handle = calloc(1, sizeof *handle);

	if (!handle) {
		rd_kafka_conf_destroy(conf);
		return mq_fail_memory(err);
	}
	handle->wake[0] = handle->wake[1] = -1;
	pthread_mutex_init(&handle->lock, NULL);
	handle->refs = 1;
	handle->ended = -1;
	handle->env = conn->base.env;
	handle->owner = owner;
	handle->quiet = true;
	handle->hosts = strdup(conn->hosts[0] ? conn->hosts : conn->shown);
	if (!handle->hosts || make_pipe(handle->wake) < 0) {
		rd_kafka_conf_destroy(conf);
		mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
		goto fail;
	}
	rd_kafka_conf_set_opaque(conf, handle);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	handle->rk = rd_kafka_new(role == MQ_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
	                          conf, text, sizeof text);
	if (!handle->rk) {
		rd_kafka_conf_destroy(conf);
		mq_fail(err, MQ_USAGE, "%s: %s", conn->shown, text);
		goto fail;
	}
	handle->events = rd_kafka_queue_get_main(handle->rk);
	mq_kafka_handle_watch(handle, handle->events);
	*ret_handle = handle;
	return 0;
fail:
	mq_kafka_handle_free(handle);
	return -1;
}

static void destroy(struct mq_kafka_handle *handle)
{
	if (handle->events) {
		rd_kafka_queue_io_event_enable(handle->events, -1, NULL, 0);
		rd_kafka_queue_destroy(handle->events);
	}
	if (handle->rk)
		rd_kafka_destroy_flags(handle->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	close_pipe(handle->wake);
	if (handle->ended >= 0)
		close(handle->ended);
	pthread_mutex_destroy(&handle->lock);
	free(handle->hosts);
	free(handle);
}

static void let_go(struct mq_kafka_handle *handle)
{
	pthread_mutex_lock(&handle->lock);
	bool last = --handle->refs == 0;
	pthread_mutex_unlock(&handle->lock);
	if (last)
		destroy(handle);
}

static int start_detached(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Signals belong to the threads that wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0 ? 0 : -1;
}

static void *let_go_thread(void *arg)
{
	let_go(arg);
	return NULL;
}

void mq_kafka_handle_free(struct mq_kafka_handle *handle)
{
	int ended[2] = {-1, -1};

	if (!handle)
		return;
	pthread_mutex_lock(&handle->lock);
	handle->env = NULL;
	handle->quiet = true;
	/* A client that never got through may hang in a name look-up, and the library's thread for
	 * a broker may never end when a topic was deleted there, nor its own when it forgot an
	 * answer. */
	bool slow = handle->rk && (!handle->was_up || handle->missed_once || handle->stuck);
	bool last = handle->refs == 1;
	if ((slow || !last) && make_pipe(ended) == 0)
		handle->ended = ended[1];
	pthread_mutex_unlock(&handle->lock);
	if (!last || !slow || start_detached(let_go_thread, handle) < 0)
		let_go(handle);
	if (ended[0] < 0)
		return;
	/* Its end is waited for, but not for long: what still runs then ends with the process. */
	struct pollfd end = {.fd = ended[0], .events = POLLIN};
	while (poll(&end, 1, END_MS) < 0 && errno == EINTR)
		;
	close(ended[0]);
}

void mq_kafka_handle_watch(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue)
{
	rd_kafka_queue_io_event_enable(queue, handle->wake[1], "x", 1);
}

void mq_kafka_handle_drain(struct mq_kafka_handle *handle)
{
	char scratch[64];

	while (read(handle->wake[0], scratch, sizeof scratch) == (ssize_t)sizeof scratch)
		;
}

/* A client for questions, made when first needed. */
static struct mq_kafka_handle *asking_handle(struct mq_kafka_conn *conn, enum mq_kafka_role role,
                                             struct mq_kafka_handle **place,
                                             const char *const *extra, struct mq_err *err)
{
	if (*place != NULL)
		return *place;
	rd_kafka_conf_t *conf = mq_kafka_conf(conn, role, extra, err);
	if (!conf)
		return NULL;
	/* Asking must not create. */
	if (mq_kafka_conf_set(conf, "allow.auto.create.topics", "false", err) < 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	if (mq_kafka_handle_new(conn, conf, role, NULL, place, err) < 0)
		return NULL;
	return *place;
}

struct mq_kafka_handle *mq_kafka_admin_handle(struct mq_kafka_conn *conn, struct mq_err *err)
{
	return asking_handle(conn, MQ_KAFKA_ADMIN, &conn->admin, NULL, err);
}

void mq_kafka_groups_forget(struct mq_kafka_conn *conn)
{
	mq_kafka_handle_free(conn->groups);
	conn->groups = NULL;
}

struct mq_kafka_handle *mq_kafka_groups_handle(struct mq_kafka_conn *conn, struct mq_err *err)
{
	/* It never joins that group: but when a coordinator has moved, librdkafka tells the
	 * client's own group to look for it, also in a client that has none (its issue 5040). */
	static const char *const extra[] = {"isolation.level", "read_uncommitted", "group.id",
	                                    "mqtk", NULL};

	return asking_handle(conn, MQ_KAFKA_CONSUMER, &conn->groups, extra, err);
}

/* --- calls ---------------------------------------------------------------------------------------
 */

int mq_kafka_no_answer(struct mq_kafka_handle *handle, const char *doing, struct mq_err *err)
{
	pthread_mutex_lock(&handle->lock);
	rd_kafka_resp_err_t why = handle->why;
	enum mq_code code = weight(why) == 5 ? MQ_DENIED : MQ_UNREACHABLE;
	if (handle->why_text[0])
		mq_fail(err, code, "%s: %s", handle->hosts, handle->why_text);
	else
		mq_fail(err, code, "%s: no answer in time (%s)", handle->hosts, doing);
	pthread_mutex_unlock(&handle->lock);
	if (code == MQ_DENIED)
		return mq_hint(err, "check user, password and sasl.mechanism");
	if (why == RD_KAFKA_RESP_ERR__SSL)
		return mq_hint(err, "check tls.ca, or the name in the broker's certificate");
	err->retriable = true;
	/* Connected, but no sense came back. */
	if (!why)
		return mq_hint(err,
		               "the port may want TLS (kafkas://) or a user, or be no Kafka's");
	return mq_hint(err, "check host and port, and that the broker runs");
}

/* True when waiting longer cannot help. */
static bool hopeless(struct mq_kafka_handle *handle)
{
	pthread_mutex_lock(&handle->lock);
	bool ret = handle->quiet && (weight(handle->why) == 5 ||
	                             (handle->all_down_ms && handle->why_text[0] &&
	                              mq_now_monotonic_ms() - handle->all_down_ms > GIVE_UP_MS));
	pthread_mutex_unlock(&handle->lock);
	return ret;
}

static void call_end(struct mq_kafka_call *call)
{
	struct mq_kafka_handle *handle = call->handle;

	close_pipe(call->fds);
	pthread_mutex_destroy(&call->lock);
	call->free(call);
	let_go(handle);
}

static void *call_thread(void *arg)
{
	struct mq_kafka_call *call = arg;

	call->run(call);
	pthread_mutex_lock(&call->lock);
	call->finished = true;
	bool abandoned = call->abandoned;
	ssize_t n = abandoned ? 0 : write(call->fds[1], "x", 1);
	(void)n;
	pthread_mutex_unlock(&call->lock);
	if (abandoned)
		call_end(call);
	return NULL;
}

/* Counts the thread's share of the client, makes what both sides share. */
static int call_begin(struct mq_kafka_handle *handle, struct mq_kafka_call *call, int timeout_ms,
                      struct mq_err *err)
{
	call->rk = handle->rk;
	call->handle = handle;
	call->timeout_ms = timeout_ms;
	if (make_pipe(call->fds) < 0) {
		call->free(call);
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
	}
	pthread_mutex_init(&call->lock, NULL);
	pthread_mutex_lock(&handle->lock);
	handle->refs++;
	pthread_mutex_unlock(&handle->lock);
	if (start_detached(call_thread, call) < 0) {
		call_end(call);
		return mq_fail(err, MQ_INTERNAL, "cannot start a thread");
	}
	return 0;
}

void mq_kafka_call_forget(struct mq_kafka_handle *handle, struct mq_kafka_call *call,
                          int timeout_ms)
{
	struct mq_err ignored = MQ_ERR_INIT;

	call->abandoned = true;
	call_begin(handle, call, timeout_ms, &ignored);
}

int mq_kafka_call_start(struct mq_kafka_handle *handle, struct mq_kafka_call *call, int timeout_ms,
                        struct mq_err *err)
{
	return call_begin(handle, call, timeout_ms, err);
}

int mq_kafka_call_wait(struct mq_kafka_call *call, int64_t end, const char *doing,
                       struct mq_err *err)
{
	struct mq_kafka_handle *handle = call->handle;
	const struct mq_cancel *cancel = call->stubborn ? NULL : handle->env->cancel;

	for (;;) {
		int64_t left = end - mq_now_monotonic_ms();
		bool ready = mq_cancel_wait(cancel, call->fds[0], POLLIN,
		                            left < 0 ? 0 : (left > 100 ? 100 : (int)left));
		/* Errors arrive by the main queue. Later, when it also carries messages, whoever
		 * reads them serves it. */
		if (handle->quiet)
			rd_kafka_poll(handle->rk, 0);
		if (ready)
			break;
		if (!mq_cancel_signal(cancel) && left > 0 && !hopeless(handle))
			continue;
		pthread_mutex_lock(&call->lock);
		bool finished = call->finished;
		call->abandoned = !finished;
		pthread_mutex_unlock(&call->lock);
		if (finished)
			break;
		if (mq_cancel_signal(cancel))
			return mq_fail(err, MQ_CANCELLED, "interrupted while %s", doing);
		return mq_kafka_no_answer(handle, doing, err);
	}
	/* The thread has let go of the lock or is about to. */
	pthread_mutex_lock(&call->lock);
	pthread_mutex_unlock(&call->lock);
	close_pipe(call->fds);
	pthread_mutex_destroy(&call->lock);
	let_go(handle);
	return 0;
}

int mq_kafka_call(struct mq_kafka_handle *handle, struct mq_kafka_call *call, int timeout_ms,
                  const char *doing, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + timeout_ms;

	if (mq_kafka_call_start(handle, call, timeout_ms, err) < 0)
		return -1;
	return mq_kafka_call_wait(call, end, doing, err);
}
