/*
 * Consuming: what reader.c and the ways of reading (take.c, look.c, stream.c, tap.c) share.
 *
 * reader.c owns the connection, puts deliveries together and lends them; a way of reading says what
 * is asked of the broker, what becomes of each delivery, when the end is reached and what is given
 * back. Deliveries of all queues come over one channel, numbered by their delivery tags.
 */
#ifndef MQ_RABBITMQ_READER_H
#define MQ_RABBITMQ_READER_H

#include "backend/rabbitmq/rabbitmq.h"

/* One queue that is read. */
struct mq_rabbit_source {
	char *queue;
	char tag[16]; /* of its consumer; "" while there is none */
	int64_t left; /* deliveries that are still wanted; -1: no limit */
	int64_t skip; /* deliveries at the beginning that nobody wants to see */
	bool done;    /* nothing more is wanted, or it has all been */
	/* Streams. */
	int64_t next;        /* offset to go on from after a lost connection; -1: as asked for */
	int64_t end;         /* offset behind the last one wanted; -1: none */
	uint64_t credit_tag; /* last delivery that was not yet acknowledged as credit */
	int uncredited;
};

struct mq_rabbit_reader;

struct mq_rabbit_way {
	/* Begins or (after a lost connection) begins again to consume from one queue. */
	int (*begin)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	             struct mq_err *err);
	/* A delivery: 1 hand it out, 0 nobody wants it. May set source->done. */
	int (*accept)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	              struct mq_message *message, uint64_t tag, struct mq_err *err);
	/* Nothing came for a while: whether anything still can. May set source->done. */
	int (*idle)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	            struct mq_err *err);
	/* A batch was given back. */
	int (*released)(struct mq_rabbit_reader *reader, struct mq_err *err);
	/* Gives back what was not taken. The connection may be dead. */
	void (*finish)(struct mq_rabbit_reader *reader);
	bool resumes; /* goes on after a lost connection */
	bool ends;    /* done means ended, not only caught up */
};

extern const struct mq_rabbit_way mq_rabbit_take, mq_rabbit_look;

/* Deliveries that were not yet acknowledged: a byte for each tag from `first` on. */
struct mq_rabbit_tags {
	uint8_t *states; /* 0 handed out or waiting, 1 settled */
	size_t n, cap;
	uint64_t first;
};

struct mq_rabbit_reader {
	struct mq_reader base;
	struct mq_rabbit_conn *conn;
	struct mq_rabbit_wire *wire;
	const struct mq_rabbit_way *way;
	struct mq_rabbit_source *sources;
	size_t n_sources;
	struct mq_pos from, to;
	int64_t limit;
	bool stop_at_end, force, watch;
	int prefetch;
	/* What has arrived and was not yet given back. */
	struct mq_rabbit_content content;
	struct mq_rabbit_memory memory[2];
	int memory_now, memory_content; /* for new deliveries; where the unfinished one began */
	struct mq_message *messages;
	uint64_t *message_tags;
	size_t n, cap, head, lent;
	size_t bytes;       /* of bodies that wait */
	uint64_t delivered; /* highest tag of this channel */
	int64_t idle_ms;    /* when something last came */
	/* Taking. */
	struct mq_rabbit_tags tags;
	int64_t settled;            /* since the last acknowledgement */
	uint64_t lent_epoch, epoch; /* tags of another connection mean nothing */
	bool lost_acks;
};

/* basic.qos and basic.consume; `offset` is a stream's, or NULL. */
int mq_rabbit_consume(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                      int64_t prefetch, bool no_ack, bool exclusive,
                      const amqp_field_value_t *offset, struct mq_err *err);
/* Ends the consumer; deliveries that were on their way are kept. */
int mq_rabbit_cancel(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                     struct mq_err *err);
/* basic.ack */
int mq_rabbit_ack(struct mq_rabbit_reader *reader, uint64_t tag, bool multiple, struct mq_err *err);
/* Gives everything unacknowledged back to its queue, in order, in the way that the broker's version
 * counts least. */
void mq_rabbit_give_back(struct mq_rabbit_reader *reader);
/* True when nothing waits in the queue and nothing is on its way from it. -1: err. */
int mq_rabbit_is_empty(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                       struct mq_err *err);

/* take.c */
int mq_rabbit_take_settle(struct mq_rabbit_reader *reader, const uint64_t *tags, size_t n,
                          struct mq_err *err);
int mq_rabbit_take_commit(struct mq_rabbit_reader *reader, bool wait, struct mq_err *err);

/* Before the first begin: what each way has to know or refuse. */
int mq_rabbit_take_prepare(struct mq_rabbit_reader *reader, struct mq_err *err);
int mq_rabbit_look_prepare(struct mq_rabbit_reader *reader, struct mq_err *err);

#endif
