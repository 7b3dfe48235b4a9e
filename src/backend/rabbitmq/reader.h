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
	int consumers;  /* of it: their tags are mqtk.N.K, N the source's number */
	unsigned ended; /* consumers before them, of which each has used a K */
	int64_t left;   /* deliveries that are still wanted; -1: no limit */
	int64_t asked;  /* of a look: deliveries that its last consumer still gets */
	int64_t window; /* of a pick: the prefetch of that consumer */
	uint64_t first; /* and its first delivery's tag, at the earliest */
	int64_t skip;   /* deliveries at the beginning that nobody wants to see */
	int64_t ahead;  /* of those that were there at open, not yet handed out */
	int64_t there;  /* how many were there at open */
	int64_t bear;   /* look no further than to messages delivered so often; -1: all */
	char *tapped;   /* our own queue of a tap */
	bool rotates;   /* what is given back goes behind what was given back before: look.c */
	bool returned;  /* the last delivery had been given back before */
	bool came;      /* something of it was handed out */
	bool done;      /* nothing more is wanted, or it has all been */
	bool caught;    /* what was there at open has been handed out */
	/* Streams. */
	struct mq_pos from, to;
	int64_t next;  /* the first offset that is wanted; -1: whatever comes first */
	int64_t end;   /* the offset behind the last one that was there at open; -1: unknown */
	int64_t stop;  /* the offset behind the last one that is wanted; -1: none */
	int64_t since; /* drop older messages at the beginning, by their own times; MQ_NO_TIME */
	int64_t until; /* messages that come behind this moment are not wanted; MQ_NO_TIME */
	int64_t uncredited; /* deliveries since the last acknowledgement, which is only credit */
};

struct mq_rabbit_reader;

struct mq_rabbit_way {
	/* Before the first begin: finds out what there is, refuses what cannot be. */
	int (*prepare)(struct mq_rabbit_reader *reader, struct mq_err *err);
	/* Begins or (after a lost connection) begins again to consume from one queue. */
	int (*begin)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	             struct mq_err *err);
	/* A delivery: 1 hand it out, 0 nobody wants it. May set source->done. */
	int (*accept)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	              struct mq_message *message, uint64_t tag, struct mq_err *err);
	/* Nothing waits to be lent: asks for more if all that was asked for has come. */
	int (*more)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	            struct mq_err *err);
	/* Nothing came for a while: whether anything still can. May set source->done. */
	int (*idle)(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
	            struct mq_err *err);
	/* A batch was given back. */
	int (*released)(struct mq_rabbit_reader *reader, struct mq_err *err);
	/* Gives back what was not taken. The connection may be dead. */
	void (*finish)(struct mq_rabbit_reader *reader);
	bool resumes; /* goes on after a lost connection */
	bool holds;   /* acknowledging makes the broker send more, which may not be wanted */
};

extern const struct mq_rabbit_way mq_rabbit_take, mq_rabbit_look, mq_rabbit_pick, mq_rabbit_follow,
    mq_rabbit_tap;

/* Deliveries that were not yet acknowledged: a byte for each tag from `first` on. */
struct mq_rabbit_tags {
	uint8_t *states; /* 0 handed out or waiting, 1 settled, 2 acknowledged by itself */
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
	struct mq_pos from, to; /* of the whole read */
	bool ranges;            /* the sources have their own */
	int64_t limit;
	bool stop_at_end, force, uncounted, watch;
	bool ends;    /* once all is done nothing will come any more */
	bool closing; /* what still comes is given back unread */
	int prefetch;
	/* What has arrived and was not yet given back. */
	struct mq_rabbit_content content;
	struct mq_rabbit_memory memory[2];
	int memory_now, memory_content; /* for new deliveries; where the unfinished one began */
	struct mq_message *messages;
	size_t n, cap, head, lent;
	size_t bytes;        /* of bodies that wait */
	uint64_t delivered;  /* highest tag of this channel */
	int64_t idle_ms;     /* when something last came, or it was asked why nothing does */
	int64_t came_ms;     /* when something last came */
	struct mq_err later; /* what ended it behind messages that still wait to be lent */
	/* Taking. */
	struct mq_rabbit_tags tags;
	int64_t settled; /* since the last acknowledgement */
	int64_t unheard; /* acknowledged, and nothing says yet that the broker has read that */
	uint64_t epoch;  /* which connection this is: tags of another one mean nothing */
};

enum { MQ_RABBIT_IDLE_MS = 250 }; /* silence after which it is asked whether anything can come */

/* deliveries.c */
/* A frame that came: what reader->wire calls with the reader as ctx. */
int mq_rabbit_take_frame(void *reader, const struct mq_rabbit_frame *frame, struct mq_err *err);
/* Takes what has arrived, up to max messages that wait to be lent. */
int mq_rabbit_serve(struct mq_rabbit_reader *reader, size_t max, struct mq_err *err);
/* Memory is used again once nothing points to it: what was lent is back, and no delivery is half
 * there. */
void mq_rabbit_give_memory_back(struct mq_rabbit_reader *reader);
/* They are gone with their channel, or the broker ended them. */
void mq_rabbit_forget_consumers(struct mq_rabbit_source *source);
/* basic.qos and basic.consume; `offset` is a stream's, or NULL. */
int mq_rabbit_consume(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                      int64_t prefetch, bool no_ack, bool exclusive,
                      const amqp_field_value_t *offset, struct mq_err *err);
/* Ends its consumers; deliveries that were on their way are kept. */
int mq_rabbit_cancel(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                     struct mq_err *err);
/* basic.ack */
int mq_rabbit_ack(struct mq_rabbit_reader *reader, uint64_t tag, bool multiple, struct mq_err *err);
/* Acknowledges what was handed out once that is half of the prefetch, where it is credit and takes
 * nothing. */
int mq_rabbit_credit(struct mq_rabbit_reader *reader, int prefetch, struct mq_err *err);
/* Gives everything unacknowledged back to its queue, in order, in the way that the broker's version
 * counts least. */
void mq_rabbit_give_back(struct mq_rabbit_reader *reader);
/* Waits a moment for deliveries that nobody wants to see. */
int mq_rabbit_drop_some(struct mq_rabbit_reader *reader, struct mq_err *err);
/* True when nothing waits in the queue and nothing is on its way from it. -1: err. */
int mq_rabbit_is_empty(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                       struct mq_err *err);

/* take.c */
/* A delivery that may be settled. */
int mq_rabbit_take_remember(struct mq_rabbit_reader *reader, uint64_t tag, struct mq_err *err);
/* What settles a delivery: its tag, and which connection it came over. */
uint64_t mq_rabbit_receipt(const struct mq_rabbit_reader *reader, uint64_t tag);
/* True where something comes again if the connection is lost now, although all has come: it is
 * worked on, or was not acknowledged for sure. */
bool mq_rabbit_take_owes(const struct mq_rabbit_reader *reader);
int mq_rabbit_take_settle(struct mq_rabbit_reader *reader, const struct mq_message *messages,
                          size_t n, struct mq_err *err);
int mq_rabbit_take_commit(struct mq_rabbit_reader *reader, bool wait, struct mq_err *err);

/* Adds a queue to what is read; queue may be NULL for one that is named later. */
struct mq_rabbit_source *mq_rabbit_add_source(struct mq_rabbit_reader *reader, const char *queue,
                                              struct mq_err *err);

/* Whether the first message of a queue has an offset; 0 for an empty one. For those about which
 * nobody tells more: in a queue that is none, the message was delivered once more. */
int mq_rabbit_looks_like_stream(struct mq_rabbit_reader *reader, const char *queue,
                                struct mq_err *err);

/* --- kind.c ---------------------------------------------------------------------------------- */

/* Chooses the way of reading by the kinds of the queues; refuses what they cannot. */
int mq_rabbit_choose(struct mq_rabbit_reader *reader, bool ack, bool choosy, struct mq_err *err);

#endif
