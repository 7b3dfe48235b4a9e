/*
 * Producing: what writer.c, window.c and resend.c share.
 *
 * A message is encoded once, into the window's log, and stays there until the broker has answered:
 * so it can be sent again over a new connection, and reported whole when it failed.
 */
#ifndef MQ_RABBITMQ_WRITER_H
#define MQ_RABBITMQ_WRITER_H

#include "backend/rabbitmq/rabbitmq.h"

struct mq_rabbit_slot {
	uint64_t tag; /* the caller's */
	size_t at;    /* in the log */
	size_t len;
	bool settled; /* reported; its room is given back in order */
};

/* The messages without an answer, oldest first, numbered from `first` on. */
struct mq_rabbit_window {
	struct mq_rabbit_slot *slots; /* a ring of `cap`, a power of two */
	size_t cap;
	uint64_t first, next; /* numbers */
	uint64_t open;        /* of them without an answer */
	struct mq_buf log;    /* encoded frames */
	size_t log_head;      /* bytes that belong to nobody any more */
};

struct mq_rabbit_writer {
	struct mq_writer base;
	struct mq_rabbit_conn *conn;
	struct mq_rabbit_wire *wire; /* NULL: lost and not yet back */
	char *queue;                 /* the target without an exchange, or NULL */
	bool create;
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
	struct mq_rabbit_encoder encoder;
	struct mq_rabbit_window window;
	uint64_t sent;     /* number of the first message that was not yet given to the wire */
	uint64_t tag_base; /* number of the message that has delivery tag 1 */
	uint64_t returned; /* number behind the last one that was returned */
	uint64_t lone;     /* messages up to this number are sent one at a time */
	bool by_name;      /* the queue may be gone */
	int breakdowns;    /* of the broker, at the same message */
	int denied;        /* messages that were refused for want of rights, one after the other */
	int64_t progress_ms; /* when the broker last answered, or something was first sent */
	struct mq_rabbit_content content;  /* of a basic.return */
	struct mq_rabbit_memory memory;    /* of that */
	struct mq_rabbit_memory restoring; /* of a message that is reported */
	bool broken;
	struct mq_err why;
};

/* --- window.c -------------------------------------------------------------------------------- */

int mq_rabbit_window_init(struct mq_rabbit_window *window, int size, struct mq_err *err);
void mq_rabbit_window_release(struct mq_rabbit_window *window);
static inline struct mq_rabbit_slot *mq_rabbit_slot(const struct mq_rabbit_window *window,
                                                    uint64_t number)
{
	return &window->slots[number & (window->cap - 1)];
}
static inline const char *mq_rabbit_slot_data(const struct mq_rabbit_window *window,
                                              const struct mq_rabbit_slot *slot)
{
	return window->log.data + slot->at;
}
/* The last bytes of the log, from `at` on, are a new message. */
void mq_rabbit_window_add(struct mq_rabbit_window *window, uint64_t tag, size_t at);
/* One has its answer. */
void mq_rabbit_window_settle(struct mq_rabbit_window *window, struct mq_rabbit_slot *slot);
/* Forgets the settled ones between the others, so that what is left is numbered without gaps. */
void mq_rabbit_window_compact(struct mq_rabbit_window *window);
/* Reads a slot's frames: what was published. The content lives in memory. */
int mq_rabbit_slot_content(const struct mq_rabbit_window *window, const struct mq_rabbit_slot *slot,
                           struct mq_rabbit_memory *memory, struct mq_rabbit_content *ret_content,
                           struct mq_err *err);

/* --- writer.c -------------------------------------------------------------------------------- */

/* Reports one message as failed. */
void mq_rabbit_report_failed(struct mq_rabbit_writer *writer, struct mq_rabbit_slot *slot,
                             const struct mq_err *why, bool maybe_stored);
/* Gives the wire what it has room for. */
int mq_rabbit_writer_feed(struct mq_rabbit_writer *writer, struct mq_err *err);

/* --- resend.c -------------------------------------------------------------------------------- */

/* A wire for publishing: the target is there, confirms are on. */
int mq_rabbit_writer_connect(struct mq_rabbit_writer *writer, struct mq_err *err);
/* The wire or its channel is gone, as err says: finds out which message is to blame or connects
 * again, and prepares to send the rest again. 0 with err cleared, or -1: the writer is broken. */
int mq_rabbit_writer_recover(struct mq_rabbit_writer *writer, struct mq_err *err);

#endif
