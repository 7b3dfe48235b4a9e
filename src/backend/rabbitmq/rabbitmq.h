/*
 * What the files of the RabbitMQ backend share.
 *
 *   rabbitmq.c   descriptor, settings, connection
 *   wire.c       one AMQP connection with one channel: bytes in and out, frames, waiting
 *   pulse.c      heartbeats while nobody serves the connection
 *   handshake.c  from the protocol header to the open channel
 *   rpc.c        a method and its answer
 *   errors.c     the broker's reply codes become ours
 *   content.c    a method, its properties and its body, put together from frames
 *   encode.c, decode.c   a message becomes frames, and what arrived a message
 *   fields.c, values.c   the values of foreign headers as text, and back
 *   writer.c, window.c, resend.c   producing
 *   reader.c, kind.c, take.c, look.c, stream.c, tap.c   consuming
 *   queue.c      queues, exchanges and bindings over AMQP
 *   manage.c, facts.c, list.c, describe.c, describe_broker.c, policy.c
 *                what only the management API tells and changes: manage.h
 *   standing.c, tracking.c   how far behind readers are: standing.h
 *
 * librabbitmq only encodes and decodes: the connection is mqtk/net.h, so that nothing waits without
 * a limit and frames are written in large batches. Nothing outside this folder sees the library.
 */
#ifndef MQ_RABBITMQ_H
#define MQ_RABBITMQ_H

#include "mqtk/backend.h"
#include "mqtk/net.h"

/* The headers moved in 0.12; the old names only warn since. */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

struct mq_rabbit_wire;
struct mq_rabbit_manage; /* the management API's client: manage.c */

/* --- rabbitmq.c ------------------------------------------------------------------------------ */

struct mq_rabbit_conn {
	struct mq_conn base;
	char *hosts; /* host[:port][,host[:port]…] */
	char *user, *password;
	char *vhost;
	char *shown;  /* the address without secrets, for messages */
	char *stream; /* the address's queue, or NULL */
	bool secure;  /* amqps: TLS, for the management API too unless its URL says otherwise */
	struct mq_settings settings; /* as given; what follows points into them */
	struct mq_net_tls tls;
	const char *management; /* URL of the management API as given, or NULL */
	const char *exchange;   /* written to or tapped instead of a queue, or NULL */
	const char *queue_type; /* of queues that --create makes, or NULL */
	const char **bindings;  /* keys of a tap; */
	size_t n_bindings;      /* none: everything */
	const char **match;     /* name=value of a tap of a headers exchange */
	size_t n_match;
	int window;     /* unconfirmed messages */
	int heartbeat;  /* seconds, 0: none */
	int frame_max;  /* bytes, at most */
	int tap_length; /* messages that a tap's queue holds */
	bool persistent;
	struct mq_rabbit_wire *admin;    /* for questions and changes; made when first needed */
	struct mq_rabbit_manage *manage; /* made when first needed */
};

extern const struct mq_setting mq_rabbit_settings[];

int mq_rabbit_open(const struct mq_target *target, const struct mq_env *env,
                   struct mq_conn **ret_conn, struct mq_err *err);
void mq_rabbit_close(struct mq_conn *conn);

/* --- wire.c, pulse.c, handshake.c ------------------------------------------------------------ */

/* Bytes without a known limit from the broker stop here. */
#define MQ_RABBIT_BODY_MAX ((uint64_t)1 << 30)

struct mq_rabbit_frame {
	uint8_t type; /* AMQP_FRAME_METHOD, _HEADER, _BODY */
	const char *data;
	size_t len;
	amqp_method_number_t method; /* of a method frame; its arguments are data + 4 */
};

/* Its thread; private to pulse.c and wire.c. */
struct mq_rabbit_pulse;

struct mq_rabbit_wire {
	struct mq_rabbit_conn *conn;
	const struct mq_env *env;
	struct mq_net *net;
	struct mq_buf in, out;
	size_t in_head, out_head; /* what is done with */
	amqp_pool_t pool;         /* of the last answer (rpc.c) */
	struct mq_rabbit_pulse *pulse;
	size_t frame_max;
	int heartbeat_ms;                 /* 0: none */
	int64_t heard_ms;                 /* when bytes last came */
	int64_t listened_ms;              /* when somebody last waited for them */
	int64_t attentive_ms;             /* since when that was without long breaks */
	int version_major, version_minor; /* of the broker, 0 unknown */
	char version[32];
	int64_t slack_ms;  /* more time for the next answer: the broker is still at what was sent */
	bool dead;         /* the connection is of no use any more */
	bool channel_open; /* false: the broker closed it, or it was never opened */
	bool stubborn;     /* waits go on after a raised cancel */
	bool blocked;      /* the broker takes no messages for now */
	bool blocked_said;
	char blocked_why[120];
	int closed_code; /* of the last close by the broker, of channel or connection; 0: none */
	char closed_text[300];
	/* Takes frames that arrive while rpc.c waits for an answer. NULL: they are dropped. */
	int (*on_frame)(void *ctx, const struct mq_rabbit_frame *frame, struct mq_err *err);
	void *ctx;
};

/* Connects, authenticates, opens the vhost and channel 1, within env->timeout_ms in all. */
int mq_rabbit_wire_open(struct mq_rabbit_conn *conn, struct mq_rabbit_wire **ret_wire,
                        struct mq_err *err);
/* Says goodbye when the connection still lives, and frees. */
void mq_rabbit_wire_close(struct mq_rabbit_wire *wire);

/* Takes the next whole frame of channel 1 that has arrived. 1, 0 when there is none, -1 when the
 * channel or connection was closed or lost (err, and wire->dead or !wire->channel_open). What
 * frame->data points to is valid until the next mq_rabbit_wire_wait. */
int mq_rabbit_wire_next(struct mq_rabbit_wire *wire, struct mq_rabbit_frame *ret_frame,
                        struct mq_err *err);
/* Sends what waits, reads what is there, and waits for more up to timeout_ms. 1: something was
 * read; 0: time-out or cancel; -1: the connection is lost. */
int mq_rabbit_wire_wait(struct mq_rabbit_wire *wire, int timeout_ms, struct mq_err *err);
/* Sends as much as goes without waiting. */
int mq_rabbit_wire_send(struct mq_rabbit_wire *wire, struct mq_err *err);
/* Sends until nothing waits any more, at most timeout_ms. 1: all is out; 0; -1. */
int mq_rabbit_wire_drain(struct mq_rabbit_wire *wire, int timeout_ms, struct mq_err *err);
static inline size_t mq_rabbit_wire_unsent(const struct mq_rabbit_wire *wire)
{
	return wire->out.len - wire->out_head;
}

/* Appends frames to what waits to be sent. */
int mq_rabbit_put_method(struct mq_rabbit_wire *wire, int channel, amqp_method_number_t id,
                         void *decoded, struct mq_err *err);
/* The connection is of no use any more. Returns -1. */
int mq_rabbit_wire_lost(struct mq_rabbit_wire *wire, struct mq_err *err);

int mq_rabbit_handshake(struct mq_rabbit_wire *wire, struct mq_err *err);

/* Sends heartbeats from a thread of its own whenever nothing else was sent for half the interval.
 * Reading and writing of the socket are locked by it. */
int mq_rabbit_pulse_start(struct mq_rabbit_wire *wire, struct mq_err *err);
void mq_rabbit_pulse_stop(struct mq_rabbit_wire *wire);
int64_t mq_rabbit_pulse_read(struct mq_rabbit_wire *wire, void *data, size_t len,
                             struct mq_err *err);
int64_t mq_rabbit_pulse_write(struct mq_rabbit_wire *wire, const void *data, size_t len,
                              struct mq_err *err);

/* --- errors.c -------------------------------------------------------------------------------- */

enum mq_code mq_rabbit_code(int reply_code, const char *text);
/* Fills err from a reply code: "WHAT: the broker's words", and what to do. Returns -1. */
int mq_rabbit_fail(struct mq_err *err, int reply_code, const char *text, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- rpc.c ----------------------------------------------------------------------------------- */

static inline amqp_bytes_t mq_rabbit_bytes(const char *text)
{
	return (amqp_bytes_t){text ? strlen(text) : 0, (void *)(uintptr_t)text};
}

/* Sends a method and waits for its answer, of which it returns the decoded form (valid until the
 * next call), or NULL with err set. After a closed channel it opens a new one first. what is for
 * messages: the queue or exchange that is meant. */
void *mq_rabbit_rpc(struct mq_rabbit_wire *wire, amqp_method_number_t id, void *decoded,
                    amqp_method_number_t answer, const char *what, struct mq_err *err);
int mq_rabbit_channel_open(struct mq_rabbit_wire *wire, struct mq_err *err);
/* Closes the channel and waits for the answer: what was not acknowledged is back in its queue. */
int mq_rabbit_channel_close(struct mq_rabbit_wire *wire, struct mq_err *err);
/* The connection's own wire, for questions and changes. */
struct mq_rabbit_wire *mq_rabbit_admin(struct mq_rabbit_conn *conn, struct mq_err *err);

/* --- content.c ------------------------------------------------------------------------------- */

/* What arrives: basic.deliver or basic.return, its properties, its body. */
struct mq_rabbit_content {
	enum { MQ_CONTENT_NONE, MQ_CONTENT_METHOD, MQ_CONTENT_BODY } state;
	amqp_pool_t *pool;
	amqp_method_number_t method;
	void *decoded;
	amqp_basic_properties_t *properties;
	struct mq_bytes header; /* the header frame as it came */
	char *body;             /* never NULL once whole */
	size_t size, got;
};

/* Takes a frame. 1: the content is whole (and state NONE again); 0: more is needed; -1. A content
 * begins in the memory of pool. */
int mq_rabbit_content_feed(struct mq_rabbit_content *content, const struct mq_rabbit_frame *frame,
                           amqp_pool_t *pool, struct mq_err *err);

/* --- encode.c, decode.c, fields.c ------------------------------------------------------------ */

struct mq_carrier;

/* Appends the frames of basic.publish. Errors: MQ_DATA for what does not fit; buf is then as it
 * was. exchange "": routing_key is the queue, and the message's key is carried. */
struct mq_rabbit_encoder {
	const struct mq_rabbit_conn *conn;
	size_t frame_max;
	struct mq_buf carried;
	amqp_table_entry_t *entries;
	size_t cap;
	amqp_pool_t pool; /* of typed values; used once it has a page size */
};
int mq_rabbit_encode(struct mq_rabbit_encoder *encoder, const struct mq_message *message,
                     const char *exchange, struct mq_bytes routing_key, struct mq_buf *buf,
                     struct mq_err *err);
void mq_rabbit_encoder_release(struct mq_rabbit_encoder *encoder);

/* The memory that a decoded message points to. */
struct mq_rabbit_memory {
	amqp_pool_t pool;
	struct mq_carrier *carrier; /* made when first needed */
};
/* What was decoded, beside the message. */
struct mq_rabbit_arrival {
	struct mq_bytes exchange, routing_key;
	bool redelivered;
	const amqp_basic_properties_t *properties;
	const char *body;
	size_t size;
};
/* Fills in all but stream, partition and broker. */
int mq_rabbit_decode(struct mq_rabbit_memory *memory, const struct mq_rabbit_arrival *arrival,
                     struct mq_message *ret_message, struct mq_err *err);
void mq_rabbit_memory_init(struct mq_rabbit_memory *memory);
void mq_rabbit_memory_clear(struct mq_rabbit_memory *memory);
void mq_rabbit_memory_release(struct mq_rabbit_memory *memory);

/* The value of a header as bytes: text as it is, numbers and moments as decimal text, tables and
 * arrays as JSON; absent for void. MQ_ABSENT with err set when there is no memory. */
struct mq_bytes mq_rabbit_field_text(const amqp_field_value_t *value, amqp_pool_t *pool,
                                     struct mq_err *err);
/* The way back: text as what the letter (enum amqp_field_value_kind_t) says. False when it does not
 * read as that. What is nested lives in pool. wide: whole numbers in tables and arrays have 64
 * bits, as the broker's own have (it expects that of x-death), and "time" is a moment; else 32
 * where that is enough, as most clients write them. */
bool mq_rabbit_field_read(struct mq_bytes text, char letter, bool wide, amqp_pool_t *pool,
                          amqp_field_value_t *ret);

/* --- writer.c -------------------------------------------------------------------------------- */

int mq_rabbit_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                          struct mq_writer **ret_writer, struct mq_err *err);
int64_t mq_rabbit_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                        struct mq_err *err);
int64_t mq_rabbit_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int64_t mq_rabbit_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int mq_rabbit_writer_fd(struct mq_writer *writer);
void mq_rabbit_writer_close(struct mq_writer *writer);

/* --- reader.c -------------------------------------------------------------------------------- */

int mq_rabbit_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                          struct mq_reader **ret_reader, struct mq_err *err);
int mq_rabbit_fetch(struct mq_reader *reader, size_t max, int timeout_ms,
                    struct mq_batch *ret_batch, struct mq_err *err);
void mq_rabbit_release(struct mq_reader *reader, struct mq_batch *batch);
int mq_rabbit_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                     struct mq_err *err);
bool mq_rabbit_owns(struct mq_reader *reader, const struct mq_message *message);
int mq_rabbit_commit(struct mq_reader *reader, bool wait, struct mq_err *err);
int mq_rabbit_reader_fd(struct mq_reader *reader);
void mq_rabbit_reader_close(struct mq_reader *reader);

/* --- stream.c -------------------------------------------------------------------------------- */

/* The first offset of a stream, and the one behind its last; both 0 when nothing was ever in it. */
struct mq_rabbit_span {
	int64_t begin, end;
};
int mq_rabbit_stream_span(struct mq_rabbit_conn *conn, const char *stream,
                          struct mq_rabbit_span *ret_span, struct mq_err *err);
int mq_rabbit_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n,
                     struct mq_err *err);
/* The timestamp of the first message at or behind an offset, MQ_NO_TIME when it has none. */
int mq_rabbit_stream_time(struct mq_rabbit_conn *conn, const char *stream, int64_t offset,
                          int64_t *ret_ms, struct mq_err *err);

/* --- queue.c --------------------------------------------------------------------------------- */

/* Passive declare: what the broker says of a queue that must exist. MQ_NOT_FOUND. */
struct mq_rabbit_depth {
	int64_t ready;
	int64_t consumers;
};
int mq_rabbit_depth(struct mq_rabbit_wire *wire, const char *queue,
                    struct mq_rabbit_depth *ret_depth, struct mq_err *err);
/* MQ_NOT_FOUND when it is missing. */
int mq_rabbit_exchange_check(struct mq_rabbit_wire *wire, const char *exchange, struct mq_err *err);
/* Declares a queue with all its arguments and binds it. */
int mq_rabbit_declare(struct mq_rabbit_wire *wire, const struct mq_stream_spec *spec,
                      struct mq_err *err);
int mq_rabbit_bind(struct mq_rabbit_wire *wire, const char *queue,
                   const struct mq_binding_spec *binding, struct mq_err *err);
/* The binding of another queue, with all its arguments, for this one. */
int mq_rabbit_bind_like(struct mq_rabbit_wire *wire, const char *queue,
                        const struct mq_binding_info *binding, struct mq_err *err);

int mq_rabbit_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
int mq_rabbit_remove(struct mq_conn *conn, const char *stream, struct mq_err *err);
int mq_rabbit_create_exchange(struct mq_conn *conn, const struct mq_exchange_spec *spec,
                              struct mq_err *err);
int mq_rabbit_remove_exchange(struct mq_conn *conn, const char *exchange, struct mq_err *err);
int mq_rabbit_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
                   struct mq_err *err);

#endif
