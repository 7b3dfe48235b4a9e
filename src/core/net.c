/* Connections of our own: see mqtk/net.h. Sockets are here, TLS is in tls.c, names in resolve.c. */
#include "mqtk/net.h"
#include "core/resolve.h"
#include "core/tls.h"
#include "mqtk/position.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct mq_net {
	int fd;
	struct mq_tls *tls; /* NULL: plain */
	const struct mq_env *env;
	char *peer;
};

/* --- settings -------------------------------------------------------------------------------- */

static int read_bool(const struct mq_setting_value *setting, bool *ret, struct mq_err *err)
{
	const char *value = setting->value;

	*ret = strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || !*value;
	if (*ret || strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return 0;
	return mq_fail(err, MQ_USAGE, "%s: %s=%s: expected true or false", setting->source,
	               setting->name, value);
}

int mq_net_tls_read(const struct mq_settings *settings, struct mq_net_tls *ret_tls,
                    struct mq_err *err)
{
	*ret_tls = (struct mq_net_tls){0};
	for (size_t i = 0; i < settings->n; i++) {
		const struct mq_setting_value *setting = &settings->items[i];
		const struct {
			const char *name;
			const char **field;
		} texts[] = {{"tls.ca", &ret_tls->ca},
		             {"tls.cert", &ret_tls->cert},
		             {"tls.key", &ret_tls->key},
		             {"tls.key-password", &ret_tls->key_password}};
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			if (strcmp(setting->name, texts[k].name) == 0)
				*texts[k].field = setting->value;
		if (strcmp(setting->name, "insecure") == 0 &&
		    read_bool(setting, &ret_tls->insecure, err) < 0)
			return -1;
	}
	return 0;
}

/* --- sockets --------------------------------------------------------------------------------- */

static int new_socket(int family, int protocol, struct mq_err *err)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int on = 1, idle = 30;

	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "no socket");
	if (family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	}
	return fd;
}

static int unreachable(int errnum, struct mq_err *err)
{
	mq_fail(err, MQ_UNREACHABLE, "%s", strerror(errnum));
	err->retriable = true;
	return -1;
}

/* A connected socket, or -1. Errors without the peer's name. */
static int connect_to(const struct sockaddr *address, socklen_t len, const struct mq_env *env,
                      int timeout_ms, struct mq_err *err)
{
	int fd = new_socket(address->sa_family, 0, err);
	int errnum = 0;
	socklen_t size = sizeof errnum;

	if (fd < 0)
		return -1;
	if (connect(fd, address, len) == 0)
		return fd;
	if (errno != EINPROGRESS && errno != EAGAIN && errno != EINTR) {
		unreachable(errno, err);
	} else if (!mq_cancel_wait(env->cancel, fd, POLLOUT, timeout_ms)) {
		if (mq_cancel_signal(env->cancel))
			mq_fail(err, MQ_CANCELLED, "interrupted while connecting");
		else
			unreachable(ETIMEDOUT, err);
	} else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) < 0 || errnum) {
		unreachable(errnum ? errnum : errno, err);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static int connect_socket(const char *path, const struct mq_env *env, struct mq_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return mq_fail(err, MQ_USAGE, "%s: a socket's path has at most %zu bytes", path,
		               sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	return connect_to((struct sockaddr *)&address, sizeof address, env, env->timeout_ms, err);
}

/* Tries every address of one host. */
static int connect_host(const char *host, const char *port, const struct mq_env *env,
                        int timeout_ms, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + timeout_ms;
	struct addrinfo *addresses;
	int fd = -1;

	if (mq_resolve(host, port, env, timeout_ms, &addresses, err) < 0)
		return -1;
	for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next) {
		int64_t left = end - mq_now_monotonic_ms();
		/* Half for this one, so that a dead address leaves time for the next. */
		if (a->ai_next)
			left /= 2;
		mq_err_clear(err);
		fd = connect_to(a->ai_addr, a->ai_addrlen, env, left > 0 ? (int)left : 0, err);
		if (fd < 0 && err->code == MQ_CANCELLED)
			break;
	}
	freeaddrinfo(addresses);
	return fd;
}

/* --- hosts ----------------------------------------------------------------------------------- */

struct host {
	char name[256], port[8];
	char shown[280];
};

/* Takes the next "host[:port]" off *at, which is NULL behind the last one. */
static int next_host(const char **at, int default_port, struct host *ret, struct mq_err *err)
{
	size_t len = strcspn(*at, ",");
	const char *item = *at, *end = item + len, *name = item, *name_end = NULL, *port = NULL;

	*at = *end ? end + 1 : NULL;
	if (*item == '[') {
		name = item + 1;
		name_end = memchr(item, ']', len);
		port = name_end && name_end + 1 < end && name_end[1] == ':' ? name_end + 2 : NULL;
	} else {
		const char *colon = memchr(item, ':', len);
		name_end = colon ? colon : end;
		port = colon ? colon + 1 : NULL;
	}
	if (!name_end || name_end == name || (size_t)(name_end - name) >= sizeof ret->name)
		return mq_fail(err, MQ_USAGE, "'%.*s' is no host", (int)len, item);
	memcpy(ret->name, name, (size_t)(name_end - name));
	ret->name[name_end - name] = '\0';
	int64_t number = default_port;
	if (port) {
		char digits[8] = "";
		if ((size_t)(end - port) < sizeof digits)
			memcpy(digits, port, (size_t)(end - port));
		if (mq_int_parse(digits, 1, 65535, &number, NULL) < 0)
			return mq_fail(err, MQ_USAGE, "'%.*s': a port is a number up to 65535",
			               (int)len, item);
	}
	snprintf(ret->port, sizeof ret->port, "%d", (int)number);
	snprintf(ret->shown, sizeof ret->shown, "%.*s:%d",
	         (int)(port ? port - 1 - item : end - item), item, (int)number);
	return 0;
}

static size_t count_hosts(const char *hosts)
{
	size_t n = 1;

	for (; *hosts; hosts++)
		n += *hosts == ',';
	return n;
}

static int start_tls(struct mq_net *net, const struct mq_net_spec *spec, const char *host,
                     int timeout_ms, struct mq_err *err)
{
	if (!spec->tls)
		return 0;
	return mq_tls_open(net->fd, host, spec->tls, spec->env, timeout_ms, &net->tls, err);
}

static void drop(struct mq_net *net)
{
	mq_tls_free(net->tls);
	net->tls = NULL;
	if (net->fd >= 0)
		close(net->fd);
	net->fd = -1;
}

/* One host, TLS and all. The error has the host's name. */
static int try_host(struct mq_net *net, const struct mq_net_spec *spec, const struct host *host,
                    int64_t end, int timeout_ms, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	net->fd = connect_host(host->name, host->port, spec->env, timeout_ms, &why);
	if (net->fd >= 0) {
		int64_t left = end - mq_now_monotonic_ms();
		if (start_tls(net, spec, host->name, left > 0 ? (int)left : 0, &why) == 0)
			return 0;
		drop(net);
	}
	mq_fail(err, why.code, "%s: %s", host->shown, why.message);
	err->retriable = why.retriable;
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

static int connect_hosts(struct mq_net *net, const struct mq_net_spec *spec, struct mq_err *err)
{
	int64_t end = mq_now_monotonic_ms() + spec->env->timeout_ms;
	size_t left = count_hosts(spec->hosts);
	const char *at = spec->hosts;
	struct mq_err all = MQ_ERR_INIT;

	for (; at; left--) {
		struct host host;
		struct mq_err why = MQ_ERR_INIT;
		int64_t ms = end - mq_now_monotonic_ms();
		if (next_host(&at, spec->default_port, &host, err) < 0)
			return -1;
		if (left > 1)
			ms /= 2;
		if (try_host(net, spec, &host, end, ms > 0 ? (int)ms : 0, &why) == 0) {
			net->peer = strdup(host.shown);
			return net->peer ? 0 : mq_fail_memory(err);
		}
		/* What another host cannot mend is said at once. */
		if (!why.retriable) {
			*err = why;
			return -1;
		}
		if (!all.code) {
			all = why;
			continue;
		}
		struct mq_err before = all;
		mq_err_clear(&all);
		mq_fail(&all, MQ_UNREACHABLE, "%s; %s", before.message, why.message);
		all.retriable = true;
	}
	*err = all;
	return mq_failed();
}

int mq_net_connect(const struct mq_net_spec *spec, struct mq_net **ret_net, struct mq_err *err)
{
	struct mq_net *net = calloc(1, sizeof *net);
	struct mq_err why = MQ_ERR_INIT;

	if (!net)
		return mq_fail_memory(err);
	net->fd = -1;
	net->env = spec->env;
	if (!spec->socket) {
		if (connect_hosts(net, spec, &why) < 0)
			goto fail;
	} else {
		net->fd = connect_socket(spec->socket, spec->env, &why);
		if (net->fd < 0) {
			struct mq_err bare = why;
			mq_err_clear(&why);
			mq_fail(&why, bare.code, "%s: %s", spec->socket, bare.message);
			why.retriable = bare.retriable;
			goto fail;
		}
		net->peer = strdup(spec->socket);
		if (!net->peer) {
			mq_fail_memory(&why);
			goto fail;
		}
	}
	*ret_net = net;
	return 0;
fail:
	mq_net_close(net);
	if (err && !err->code)
		*err = why;
	return -1;
}

void mq_net_close(struct mq_net *net)
{
	if (!net)
		return;
	drop(net);
	free(net->peer);
	free(net);
}

const char *mq_net_peer(const struct mq_net *net)
{
	return net->peer;
}

int mq_net_fd(const struct mq_net *net)
{
	return net->fd;
}

/* --- bytes ----------------------------------------------------------------------------------- */

static int64_t stopped(int errnum, struct mq_err *err)
{
	if (errnum == EAGAIN || errnum == EWOULDBLOCK)
		return 0;
	mq_fail_errno(err, MQ_UNREACHABLE, errnum, "the connection broke");
	if (err)
		err->retriable = true;
	return -1;
}

int64_t mq_net_read(struct mq_net *net, void *data, size_t len, struct mq_err *err)
{
	ssize_t n;

	if (net->tls)
		return mq_tls_read(net->tls, data, len, err);
	do
		n = recv(net->fd, data, len, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0 || (n == 0 && len == 0))
		return n;
	if (n < 0)
		return stopped(errno, err);
	mq_fail(err, MQ_UNREACHABLE, "the connection was closed by the broker");
	if (err)
		err->retriable = true;
	return -1;
}

int64_t mq_net_write(struct mq_net *net, const void *data, size_t len, struct mq_err *err)
{
	ssize_t n;

	if (len == 0)
		return 0;
	if (net->tls)
		return mq_tls_write(net->tls, data, len, err);
	do
		n = send(net->fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : stopped(errno, err);
}

static int wait_until_ready(struct mq_net *net, const struct mq_cancel *cancel, bool want_write,
                            int timeout_ms)
{
	short events = POLLIN;

	if (net->tls && mq_tls_pending(net->tls))
		return 1;
	if (net->tls)
		events = mq_tls_events(net->tls, want_write);
	else if (want_write)
		events |= POLLOUT;
	return mq_cancel_wait(cancel, net->fd, events, timeout_ms);
}

int mq_net_wait(struct mq_net *net, bool want_write, int timeout_ms)
{
	return wait_until_ready(net, net->env->cancel, want_write, timeout_ms);
}

int mq_net_wait_through(struct mq_net *net, bool want_write, int timeout_ms)
{
	return wait_until_ready(net, NULL, want_write, timeout_ms);
}
