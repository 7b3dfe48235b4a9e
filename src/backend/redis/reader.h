/*
 * The reader's insides: a cursor per stream, and feeds, each a connection that serves some of them.
 *
 * One feed serves all streams of a server; in a cluster the streams of one slot, because one
 * command cannot span slots. A feed has at most one request on its way; the next one is sent before
 * the messages of the last are handed out, so that the server works meanwhile.
 */
#ifndef REDIS_READER_H
#define REDIS_READER_H

#include "backend/redis/entry.h"

/* Entries that were handed out and not settled, or settled and not acknowledged. */
struct mq_rd_ids {
	struct mq_rd_id *items;
	size_t from, n, cap; /* items [from, n) */
};

struct mq_rd_cursor {
	char *name;
	size_t name_len;
	size_t feed;
	struct mq_rd_id next;     /* the first that was not received */
	struct mq_rd_id lent;     /* the last that was handed out */
	struct mq_rd_id snapshot; /* the last that the stream had given when it was opened */
	struct mq_rd_id stop;     /* the first that is not wanted; MQ_RD_ID_MAX: none */
	bool has_stop;
	bool stop_is_time;
	bool live;  /* everything up to snapshot was received */
	bool ended; /* everything before stop was received */
	/* Without a group: what was lost on the way. */
	int64_t removed;  /* entries that the stream had ever lost, */
	int64_t received; /* and those that came, since then */
	bool counted;     /* nothing was before the place where that began */
	/* With ack and no group: messages are numbered as they are lent, from 1 on; so many from
	 * the first one on were moved without a gap (moves.c). */
	bool cuts; /* those can be cut off, as far as is known */
	uint64_t n_lent, moved;
	/* Groups only. */
	struct mq_rd_id history; /* own pending entries up to here were received */
	bool history_done;
	struct mq_rd_id claim_from;
	int64_t claim_next_ms;
	bool asked;                /* the request on its way names it, */
	size_t given;              /* and the last reply had so many entries of it */
	size_t ack_sent;           /* of settled, on their way */
	int64_t backlog;           /* entries behind the group's position at open; -1: unknown */
	struct mq_rd_ids lent_ids; /* handed out, not settled */
	struct mq_rd_ids settled;  /* not yet acknowledged */
};

struct mq_rd_acks;
struct mq_rd_held;

enum mq_rd_request {
	MQ_RD_NOTHING,
	MQ_RD_RANGE,   /* XRANGE of one stream up to its snapshot */
	MQ_RD_READ,    /* XREAD BLOCK of all that are live */
	MQ_RD_HISTORY, /* XREADGROUP of one stream: own pending entries */
	MQ_RD_CLAIM,   /* XAUTOCLAIM of one stream */
	MQ_RD_GROUP,   /* XREADGROUP > of all */
};

struct mq_rd_feed {
	size_t node;
	bool asking; /* the node was named by an ASK */
	struct mq_rd_link *link;
	struct mq_rd_cursor **cursors;
	size_t n_cursors;
	size_t turn;
	enum mq_rd_request request;
	struct mq_rd_cursor *cursor; /* of RANGE, HISTORY, CLAIM */
	size_t count;                /* asked for per stream */
	size_t asked;                /* by all streams together, on its way */
	size_t usual_count;          /* fits the size of the entries */
	bool blocking;
	bool skip_ok;             /* the answer to ASKING is still to come */
	bool looking;             /* and that to XINFO STREAM */
	struct mq_rd_arena arena; /* of the reply that is handed out */
	/* What is left of it: entries of one stream, and the streams behind it. */
	const struct mq_rd_reply *entries;
	const struct mq_rd_reply *streams;
	struct mq_rd_cursor *entries_of;
	enum mq_rd_request entries_from;
	int64_t down_ms;  /* since when there is no connection; 0: there is */
	int64_t moved_ms; /* since when there are only redirections; 0: there are not */
	int64_t next_try_ms;
};

struct mq_rd_reader {
	struct mq_reader base;
	struct mq_rd_conn *conn;
	struct mq_rd_decoder decoder;
	struct mq_rd_cursor **cursors;
	size_t n_cursors;
	struct mq_rd_feed *feeds;
	size_t n_feeds;
	size_t turn;
	struct mq_message *messages;
	size_t n_messages, room;
	int64_t wanted; /* how many may still be handed out; -1: any number */
	size_t in_hand; /* entries that came and were not handed out */
	unsigned need;
	bool stop_at_end;
	bool caught_up, ended;
	int prefetch;
	bool bounded; /* nothing is read ahead of what a fetch asks for: it would be a member's */
	size_t most;  /* what the last fetch asked for */
	/* Groups only. */
	char *group, *member;
	int member_lock; /* keeps the default name ours; -1: none */
	int64_t claim_ms;
	struct mq_rd_acks *acks;
	struct mq_rd_held *held; /* what members hold is read, not the streams; or NULL */
};

static inline const struct mq_env *mq_rd_env_of(const struct mq_rd_reader *r)
{
	return r->conn->base.env;
}

/* place.c: opens the cursors of spec: names, positions, ends. */
int mq_rd_cursors_open(struct mq_rd_reader *r, const struct mq_read_spec *spec, struct mq_err *err);

/* gap.c: counts what was removed before it could be read, when a cursor is opened, and by what
 * XINFO STREAM says before each page. */
void mq_rd_gap_open(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, const struct mq_pos *from,
                    const struct mq_rd_extent *extent);
void mq_rd_gap_look(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                    const struct mq_rd_extent *extent);

/* feed.c */

/* Sorts the cursors into feeds. */
int mq_rd_feeds_make(struct mq_rd_reader *r, struct mq_err *err);
void mq_rd_feed_release(struct mq_rd_feed *feed);
/* Connects and asks as needed, and takes what came. -1 with err when it cannot go on. */
int mq_rd_feed_serve(struct mq_rd_reader *r, struct mq_rd_feed *feed, struct mq_err *err);
/* Opens the entries of the next stream of the reply at hand, when those of the last are used up. */
void mq_rd_feed_next_stream(struct mq_rd_feed *feed);
/* Takes a reply of [[stream, entries]…], or nil. */
int mq_rd_feed_take_streams(struct mq_rd_reader *r, struct mq_rd_feed *feed,
                            const struct mq_rd_reply *reply, struct mq_err *err);
/* How many of a stream the next request may ask for; 0: none. */
size_t mq_rd_feed_count(const struct mq_rd_reader *r, const struct mq_rd_feed *feed);
static inline bool mq_rd_feed_is_empty(const struct mq_rd_feed *feed)
{
	return !feed->entries && !feed->streams;
}

#endif
