/*
 * tcp_proxy TARGET_HOST:PORT CONTROL_FILE: a TCP proxy that breaks connections on demand.
 *
 * It listens on a free port of 127.0.0.1 and prints that port as its first line. CONTROL_FILE holds
 * the rule in one line and is read again, when it has changed, before every piece of data:
 *   pass            everything goes through
 *   delay MS        each piece waits that long first
 *   cut BYTES       after that many bytes from the target, counted from the rule on, all
 *                   connections are reset; new ones pass again
 *   hole            nothing goes through, connections stay
 *   refuse          connections are reset, also new ones
 * It ends when its standard input closes, so that it cannot outlive its test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PAIRS = 200, PIECE = 16384 };

enum rule { PASS, DELAY, CUT, HOLE, REFUSE };

struct pair {
	int client; /* -1: free */
	int target;
	int ended[2]; /* the client, the target has nothing more to say */
};

struct proxy {
	struct addrinfo *address;
	const char *control;
	struct timespec changed;
	enum rule rule;
	long long number; /* of delay or cut */
	struct pair pairs[MAX_PAIRS];
};

/* An RST instead of a FIN: what a dying peer looks like. */
static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void reset_pair(struct pair *pair)
{
	reset(pair->client);
	reset(pair->target);
	pair->client = pair->target = -1;
}

static void reset_all(struct proxy *proxy)
{
	for (int i = 0; i < MAX_PAIRS; i++) {
		if (proxy->pairs[i].client >= 0)
			reset_pair(&proxy->pairs[i]);
	}
}

static void parse_rule(struct proxy *proxy, const char *line)
{
	static const char *const names[] = {"pass", "delay", "cut", "hole", "refuse"};
	for (int i = 0; i < 5; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(line, names[i], n) != 0)
			continue;
		proxy->rule = (enum rule)i;
		proxy->number = strtoll(line + n, NULL, 10);
		return;
	}
	fprintf(stderr, "tcp_proxy: unknown rule: %s", line);
	exit(2);
}

static void read_rule(struct proxy *proxy)
{
	char line[64];
	FILE *file;
	struct stat info;
	if (stat(proxy->control, &info) || (info.st_mtim.tv_sec == proxy->changed.tv_sec &&
	                                    info.st_mtim.tv_nsec == proxy->changed.tv_nsec))
		return;
	file = fopen(proxy->control, "r");
	/* An empty file is in the middle of being written: look again. */
	if (file && fgets(line, sizeof(line), file)) {
		proxy->changed = info.st_mtim;
		parse_rule(proxy, line);
		if (proxy->rule == REFUSE)
			reset_all(proxy);
	}
	if (file)
		fclose(file);
}

static void accept_client(struct proxy *proxy, int listener)
{
	int target, client = accept(listener, NULL, NULL);
	if (client < 0)
		return;
	target = socket(proxy->address->ai_family, SOCK_STREAM, 0);
	for (int i = 0; i < MAX_PAIRS && proxy->rule != REFUSE; i++) {
		if (proxy->pairs[i].client >= 0)
			continue;
		if (connect(target, proxy->address->ai_addr, proxy->address->ai_addrlen))
			break;
		proxy->pairs[i] = (struct pair){.client = client, .target = target};
		return;
	}
	reset(client);
	reset(target);
}

static int send_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		bytes += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* An orderly end in one direction, and of the pair when it was the second. */
static void end_side(struct pair *pair, int side)
{
	shutdown(side ? pair->client : pair->target, SHUT_WR);
	pair->ended[side] = 1;
	if (!pair->ended[!side])
		return;
	close(pair->client);
	close(pair->target);
	pair->client = pair->target = -1;
}

/* One piece from one side to the other, under the rule. */
static void forward(struct proxy *proxy, struct pair *pair, int from_target)
{
	char bytes[PIECE];
	int from = from_target ? pair->target : pair->client;
	int to = from_target ? pair->client : pair->target;
	size_t want = sizeof(bytes);
	ssize_t n;

	if (proxy->rule == CUT && from_target && proxy->number < (long long)want)
		want = (size_t)proxy->number;
	n = want ? recv(from, bytes, want, 0) : 0;
	if (proxy->rule == DELAY)
		poll(NULL, 0, (int)proxy->number);
	if (n > 0 && send_all(to, bytes, (size_t)n))
		n = -1;
	if (n > 0 && proxy->rule == CUT && from_target)
		proxy->number -= n;
	if (proxy->rule == CUT && proxy->number <= 0) {
		reset_all(proxy);
		proxy->rule = PASS;
	} else if (n < 0) {
		reset_pair(pair);
	} else if (n == 0) {
		end_side(pair, from_target);
	}
}

static struct pollfd watched(int fd, int ignore)
{
	return (struct pollfd){.fd = ignore ? -1 : fd, .events = POLLIN};
}

static void serve(struct proxy *proxy, int listener)
{
	struct pollfd fds[2 + 2 * MAX_PAIRS];
	for (;;) {
		int silent = proxy->rule == HOLE;
		fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < MAX_PAIRS; i++) {
			struct pair *pair = &proxy->pairs[i];
			fds[2 + 2 * i] = watched(pair->client, silent || pair->ended[0]);
			fds[3 + 2 * i] = watched(pair->target, silent || pair->ended[1]);
		}
		/* The time-out is for a changed rule. */
		if (poll(fds, 2 + 2 * MAX_PAIRS, 20) < 0 && errno != EINTR)
			return;
		if (fds[0].revents) {
			char byte;
			if (read(STDIN_FILENO, &byte, 1) <= 0)
				return;
		}
		read_rule(proxy);
		if (fds[1].revents)
			accept_client(proxy, listener);
		for (int i = 0; i < MAX_PAIRS && proxy->rule != HOLE; i++) {
			struct pair *pair = &proxy->pairs[i];
			/* The descriptors may have been closed, or used again, meanwhile. */
			if (fds[2 + 2 * i].revents && pair->client == fds[2 + 2 * i].fd)
				forward(proxy, pair, 0);
			if (fds[3 + 2 * i].revents && pair->target == fds[3 + 2 * i].fd &&
			    pair->target >= 0)
				forward(proxy, pair, 1);
		}
	}
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t n = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, n) ||
	    listen(listener, 64) || getsockname(listener, (struct sockaddr *)&address, &n))
		return -1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(int argc, char **argv)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char *colon = argc == 3 ? strrchr(argv[1], ':') : NULL;
	int listener;

	if (!proxy || !colon) {
		fprintf(stderr, "usage: tcp_proxy HOST:PORT CONTROL_FILE\n");
		free(proxy);
		return 2;
	}
	*colon = '\0';
	if (getaddrinfo(argv[1], colon + 1, &hints, &proxy->address)) {
		fprintf(stderr, "tcp_proxy: unknown host %s\n", argv[1]);
		free(proxy);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	proxy->control = argv[2];
	for (int i = 0; i < MAX_PAIRS; i++)
		proxy->pairs[i].client = proxy->pairs[i].target = -1;
	read_rule(proxy);
	listener = listen_somewhere();
	if (listener < 0) {
		perror("tcp_proxy");
	} else {
		serve(proxy, listener);
		reset_all(proxy);
		close(listener);
	}
	freeaddrinfo(proxy->address);
	free(proxy);
	return listener < 0 ? 1 : 0;
}
