/*
 * What to be measured against: a queue written and read with nothing but librabbitmq, in the way
 * its own functions offer. Guest of the virtual host /, plain TCP.
 *
 * Usage: bare_rabbitmq produce HOST PORT QUEUE WINDOW
 *                standard input's lines; persistent, confirmed, at most WINDOW unconfirmed
 *        bare_rabbitmq consume HOST PORT QUEUE PREFETCH EVERY COUNT
 *                COUNT messages; after EVERY of them they are written, then acknowledged as one
 */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Confirms are looked for after so many messages. */
enum { BUFFER = 256 * 1024, LOOK_EVERY = 64, MAX_MESSAGES = 1 << 23 };

static char buffer[BUFFER];
static size_t fill;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bare_rabbitmq: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	exit(1);
}

static void check(int status, const char *what)
{
	if (status != AMQP_STATUS_OK)
		die(what, amqp_error_string2(status));
}

static void check_rpc(amqp_rpc_reply_t reply, const char *what)
{
	if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
		die(what, amqp_error_string2(reply.library_error));
	if (reply.reply_type != AMQP_RESPONSE_NORMAL)
		die(what, "the server says no");
}

static amqp_connection_state_t open_connection(const char *host, int port)
{
	amqp_connection_state_t c = amqp_new_connection();

	check(amqp_socket_open(amqp_tcp_socket_new(c), host, port), "cannot connect");
	check_rpc(amqp_login(c, "/", 0, 131072, 60, AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
	          "cannot log in");
	amqp_channel_open(c, 1);
	check_rpc(amqp_get_rpc_reply(c), "cannot open a channel");
	return c;
}

/* --- produce ------------------------------------------------------------------------------- */

/* settled[TAG - 1]; tags below `low` are all settled. */
static char settled[MAX_MESSAGES];
static uint64_t sent, confirmed, low;

static void settle(uint64_t tag)
{
	if (tag < 1 || tag > sent)
		die("a confirm for what was not sent", NULL);
	if (!settled[tag - 1]) {
		settled[tag - 1] = 1;
		confirmed++;
	}
}

/* Takes the confirms that are there; waits for one first when told. */
static void take_confirms(amqp_connection_state_t c, int wait)
{
	struct timeval now = {0};
	amqp_frame_t frame;

	for (;;) {
		int status = wait ? amqp_simple_wait_frame(c, &frame)
		                  : amqp_simple_wait_frame_noblock(c, &frame, &now);
		if (status == AMQP_STATUS_TIMEOUT)
			break;
		check(status, "no confirm");
		if (frame.frame_type != AMQP_FRAME_METHOD ||
		    frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
			die("something else than a confirm", NULL);
		amqp_basic_ack_t *ack = frame.payload.method.decoded;
		if (ack->multiple)
			while (low < ack->delivery_tag)
				settle(++low);
		else
			settle(ack->delivery_tag);
		amqp_maybe_release_buffers(c);
		wait = 0;
	}
}

static int produce(amqp_connection_state_t c, const char *queue, uint64_t window)
{
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
	                                      .delivery_mode = 2};

	amqp_confirm_select(c, 1);
	check_rpc(amqp_get_rpc_reply(c), "no confirms");
	for (;;) {
		ssize_t n = read(STDIN_FILENO, buffer + fill, BUFFER - fill);
		if (n <= 0)
			break;
		fill += (size_t)n;
		char *at = buffer, *end = buffer + fill, *newline;
		while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
			amqp_bytes_t body = {.len = (size_t)(newline - at), .bytes = at};
			if (sent == MAX_MESSAGES)
				die("too many lines", NULL);
			check(amqp_basic_publish(c, 1, amqp_empty_bytes, amqp_cstring_bytes(queue),
			                         0, 0, &properties, body),
			      "cannot publish");
			sent++;
			if (sent - confirmed >= window)
				take_confirms(c, 1);
			else if (sent % LOOK_EVERY == 0)
				take_confirms(c, 0);
			at = newline + 1;
		}
		fill = (size_t)(end - at);
		memmove(buffer, at, fill);
	}
	while (confirmed < sent)
		take_confirms(c, 1);
	fprintf(stderr, "%llu confirmed\n", (unsigned long long)confirmed);
	return 0;
}

/* --- consume ------------------------------------------------------------------------------- */

static void flush_out(void)
{
	for (size_t done = 0; done < fill;) {
		ssize_t n = write(STDOUT_FILENO, buffer + done, fill - done);
		if (n < 0)
			die("cannot write", NULL);
		done += (size_t)n;
	}
	fill = 0;
}

static void put(amqp_bytes_t body)
{
	if (body.len + 1 > BUFFER)
		die("a message is too large", NULL);
	if (fill + body.len + 1 > BUFFER)
		flush_out();
	memcpy(buffer + fill, body.bytes, body.len);
	fill += body.len;
	buffer[fill++] = '\n';
}

static int consume(amqp_connection_state_t c, const char *queue, long prefetch, long every,
                   long count)
{
	amqp_basic_qos(c, 1, 0, (uint16_t)prefetch, 0);
	check_rpc(amqp_get_rpc_reply(c), "cannot set the prefetch");
	amqp_basic_consume(c, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0,
	                   amqp_empty_table);
	check_rpc(amqp_get_rpc_reply(c), "cannot consume");
	for (long i = 1; i <= count; i++) {
		amqp_envelope_t envelope;
		check_rpc(amqp_consume_message(c, &envelope, NULL, 0), "no message");
		put(envelope.message.body);
		if (i % every == 0 || i == count) {
			flush_out();
			check(amqp_basic_ack(c, 1, envelope.delivery_tag, 1), "cannot acknowledge");
		}
		amqp_destroy_envelope(&envelope);
		amqp_maybe_release_buffers(c);
	}
	fprintf(stderr, "%ld messages\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc < 6)
		return 2;
	amqp_connection_state_t c = open_connection(argv[2], (int)strtol(argv[3], NULL, 10));
	if (argc == 6 && strcmp(argv[1], "produce") == 0)
		status = produce(c, argv[4], (uint64_t)strtoll(argv[5], NULL, 10));
	else if (argc == 8 && strcmp(argv[1], "consume") == 0)
		status = consume(c, argv[4], strtol(argv[5], NULL, 10), strtol(argv[6], NULL, 10),
		                 strtol(argv[7], NULL, 10));
	/* The answer says that the acknowledgements before it arrived. */
	check_rpc(amqp_connection_close(c, AMQP_REPLY_SUCCESS), "cannot close");
	amqp_destroy_connection(c);
	return status;
}
