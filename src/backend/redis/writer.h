/*
 * The writer's insides: a ring of commands that have no answer yet, sent over one lane per node.
 *
 * A command is kept, as the bytes that are sent, until its answer came: so it can be sent again
 * when the server refused it for a moment, and be made a message again when it failed.
 */
#ifndef REDIS_WRITER_H
#define REDIS_WRITER_H

#include "backend/redis/entry.h"

/* A trouble that was not seen for so long is a new one. */
enum { MQ_RD_QUIET_MS = 1000 };

enum mq_rd_slot_state {
	MQ_RD_QUEUED, /* not sent, or to be sent again */
	MQ_RD_SENT,
	MQ_RD_STORED,  /* answered, but replicas have not confirmed it yet (-X wait=N) */
	MQ_RD_REFUSED, /* for the moment; sent again once everything that is sent is answered */
	MQ_RD_DONE,
};

struct mq_rd_moves;

struct mq_rd_slot {
	uint64_t tag;
	uint64_t at; /* its bytes: from the first byte ever kept */
	size_t len;
	uint64_t sent_end; /* where it ends in what its lane ever sent */
	size_t lane;
	enum mq_rd_slot_state state;
	bool is_wait;              /* a WAIT of ours, no message */
	bool asking;               /* goes with ASKING in front of it, to `lane` */
	bool asked;                /* the answer to ASKING is still to come */
	struct mq_rd_moves *moves; /* not one message, but several with their originals; owned */
};

struct mq_rd_lane {
	size_t node;
	struct mq_rd_link *link; /* NULL: not connected */
	size_t in_flight;
	uint64_t cursor; /* no slot before it waits for an answer of this lane */
	int64_t down_ms; /* since when there is no connection; 0: there is, or none was needed */
	int64_t next_try_ms;
	bool gave_up;       /* at the last try: nobody was there for too long */
	size_t unconfirmed; /* sent since the last WAIT */
	bool deaf;          /* the server said that it reads nothing more */
	bool outdated;      /* to be connected anew once nothing is on its way */
};

struct mq_rd_writer {
	struct mq_writer base;
	struct mq_rd_conn *conn;
	char *stream;
	size_t stream_len;
	bool create;
	bool nomkstream;
	size_t value_max; /* that the server takes */
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
	struct mq_rd_encoder encoder;
	struct mq_rd_decoder decoder;
	struct mq_rd_arena arena;   /* of the answer at hand */
	struct mq_rd_arena failing; /* of a message that is reported */
	struct mq_rd_slot *slots;   /* a ring */
	size_t cap;                 /* a power of two */
	uint64_t head, tail;        /* numbers of the oldest and of one behind the newest */
	uint64_t send;              /* no slot before it is queued */
	size_t n_queued, n_sent, n_stored, n_refused;
	size_t n_messages;  /* without an answer */
	struct mq_buf data; /* the slots' bytes */
	uint64_t data_from; /* the number of its first byte */
	int64_t retry_ms;   /* when what was refused is sent again */
	/* Since when nothing but refusals came (0: something else did), and when the last did. What
	 * comes behind those that failed for it does not wait as long once more. */
	int64_t refused_ms, refused_last_ms;
	struct mq_rd_lane *lanes;
	size_t n_lanes;
	int64_t reports; /* deliveries since somebody looked */
	/* moves.c: whose messages can be settled here, if they can; what of the next ones is
	 * collected. */
	struct mq_rd_reader *joined;
	bool joins;
	struct mq_buf moving, last;
};

static inline struct mq_rd_slot *mq_rd_slot_of_number(struct mq_rd_writer *w, uint64_t number)
{
	return &w->slots[number & (w->cap - 1)];
}

/* writer.c: one turn of what came and what can go; whether nothing more can be taken. */
void mq_rd_turn(struct mq_rd_writer *w);
bool mq_rd_is_full(const struct mq_rd_writer *w);

/* moves.c, moved.c */

void mq_rd_moves_free(struct mq_rd_moves *moves);
/* The stream that they are added to, and how many they are. */
struct mq_bytes mq_rd_moves_key(const struct mq_rd_moves *moves);
size_t mq_rd_moves_count(const struct mq_rd_moves *moves);
/* They go out, perhaps once more. */
void mq_rd_moves_sent(struct mq_rd_moves *moves);
/* All have failed. */
void mq_rd_moves_report(struct mq_rd_writer *w, struct mq_rd_slot *slot, const struct mq_err *why,
                        bool maybe_stored);
/* One of the answers that a transaction gets: true when it is the last one, which is put into
 * ret_answer; where nothing was done it is the error that tells why. */
bool mq_rd_moves_answer(struct mq_rd_slot *slot, const struct mq_rd_reply *reply,
                        struct mq_rd_reply *ret_answer);
/* EXEC was answered by an array: reports each. */
void mq_rd_moves_done(struct mq_rd_writer *w, struct mq_rd_slot *slot,
                      const struct mq_rd_reply *reply);

/* slots.c */

/* The command of moves, whose bytes are in data from there on; the moves belong to the slot then.
 */
int mq_rd_slot_add_moves(struct mq_rd_writer *w, struct mq_rd_moves *moves, size_t from,
                         struct mq_err *err);

/* Adds a command of argv at the ring's end. tag is a message's, or is_wait. */
int mq_rd_slot_add(struct mq_rd_writer *w, size_t argc, const char *const *argv, const size_t *lens,
                   uint64_t tag, bool is_wait, struct mq_err *err);
/* Changes a slot's state and the counts; what is done at the head leaves the ring. */
void mq_rd_slot_set(struct mq_rd_writer *w, struct mq_rd_slot *slot, enum mq_rd_slot_state state);
void mq_rd_slots_tidy(struct mq_rd_writer *w);
/* Reports the slot's message as confirmed (why NULL) or failed, and it is done. */
void mq_rd_slot_report(struct mq_rd_writer *w, struct mq_rd_slot *slot, const struct mq_err *why,
                       bool maybe_stored);
/* An answer came on this lane. */
void mq_rd_lane_answer(struct mq_rd_writer *w, size_t lane, const struct mq_rd_reply *reply);
/* The lane's connection is gone: what it may have been told is reported as unknown, the rest is
 * queued again. */
void mq_rd_lane_lost(struct mq_rd_writer *w, size_t lane, const struct mq_err *why);
/* The lane to that node, added when it is new. -1 with err. */
int mq_rd_lane_to(struct mq_rd_writer *w, size_t node, size_t *ret_lane, struct mq_err *err);

#endif
