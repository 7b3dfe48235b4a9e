/*
 * The loop of everything that reads: fetch, hand to a sink, settle what the sink accepted, release.
 *
 * It owns limits, signals, time-outs and commit intervals. A sink accepts messages in two steps:
 * accept takes them (they may sit in a buffer), flush makes them really out. Settled is only what
 * was flushed. Several readers are served in turn, whoever has something.
 *
 * Settling needs the messages while they are lent, so there every batch is flushed before the next
 * is fetched. A sink that remembers by itself how far it is may be lazy instead.
 */
#ifndef MQTK_PUMP_H
#define MQTK_PUMP_H

#include "mqtk/broker.h"

struct mq_sink {
	/* Takes messages in order and returns how many: fewer than n when the sink is full (flush
	 * follows and the rest is offered again). -1: not even the first one can be taken. */
	int64_t (*accept)(void *ctx, const struct mq_message *messages, size_t n,
	                  struct mq_err *err);
	/* Everything accepted so far is out when this returns 0. On -1 *ret_lost is how many of the
	 * last accepted messages did not get out whole. */
	int (*flush)(void *ctx, size_t *ret_lost, struct mq_err *err);
	/* True when nobody takes the output any more (a closed pipe); asked while nothing comes.
	 * May be NULL. */
	bool (*gone)(void *ctx);
	void *ctx;
};

enum mq_pump_end {
	MQ_PUMP_ENDED,     /* caught up (with stop_at_end) or every `to` reached */
	MQ_PUMP_LIMIT,     /* -c */
	MQ_PUMP_IDLE,      /* --idle-timeout */
	MQ_PUMP_CANCELLED, /* a signal */
	MQ_PUMP_SINK_GONE, /* the sink's reader went away while nothing came */
	MQ_PUMP_FAILED,    /* err says why */
};

struct mq_pump {
	const struct mq_env *env;
	struct mq_reader **readers;
	size_t n_readers;
	struct mq_sink sink;
	bool settle; /* settle and commit (group or ack) */
	/* Not together with settle: the sink is flushed only when it is full and once at the end,
	 * so that what it accepted can be on its way while more is fetched. */
	bool lazy;
	size_t batch;            /* messages asked for at once; 0: the usual number */
	bool stop_at_end;        /* -e */
	int64_t limit;           /* -1: none */
	int64_t idle_timeout_ms; /* -1: none */
	int64_t commit_every_ms; /* 0: after each batch */
	/* Called at most every 200 ms and at the end; may be NULL. */
	void (*progress)(void *ctx, int64_t count);
	void *progress_ctx;
	/* Called once when all readers have caught up with what was there at open; may be NULL. */
	int (*caught_up)(void *ctx, struct mq_err *err);
	void *ctx;
	size_t serving; /* out, for the sink: the reader whose messages it is given */
	int64_t count;  /* out: accepted and flushed (lazy: accepted, until the end) */
};

/* Runs until one of the ends. On MQ_PUMP_FAILED err is set. At every end what was flushed is
 * settled and committed, and the commit's own failure is an error (MQ_PUMP_FAILED). */
enum mq_pump_end mq_pump_run(struct mq_pump *pump, struct mq_err *err);

#endif
