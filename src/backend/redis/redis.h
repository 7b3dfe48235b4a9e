/*
 * The Redis Streams backend: what its files share.
 *
 * We speak the protocol over mqtk/net.h, and hiredis reads the replies (reply.h). So
 * TLS, time-outs and the cancel are the same with both generations of the library, and no wait is
 * without a limit.
 *
 *   redis.c     the descriptor, settings, opening
 *   link.c      one connection: login, commands out, replies in
 *   route.c     which connection has a key: cluster, sentinels, redirections; asking with retries
 *   many.c      many questions in one go
 *   errors.c    what the server's errors mean
 *   entry.c     how a message is an entry of a stream, and back; fields.c: any fields as JSON
 *   writer.c    XADD in a pipeline; slots.c: the commands that have no answer yet
 *               moves.c: adding and settling in one step; moved.c: what became of it
 *   reader.c    messages and ends; feed.c: XRANGE, XREAD; place.c: positions;
 *               gap.c: what was removed before it came
 *   group.c     XREADGROUP, XAUTOCLAIM; acks.c: XACK; member.c: the default name
 *   held.c      what members hold, as dead letters; takeover.c: taking it over
 *   names.c     which streams there are
 *   describe.c  what is asked about streams, server.c about servers; admin.c: what is made, trimmed
 *               and removed; count.c: how many entries are where
 *   standing.c, closer.c  where groups stand; regroup.c: moving, making and removing them;
 * pending.c: what they were given and did not acknowledge
 */
#ifndef BACKEND_REDIS_H
#define BACKEND_REDIS_H

#include "backend/redis/reply.h"
#include "mqtk/backend.h"
#include "mqtk/net.h"

#include <stdio.h>

#define MQ_RD_SLOTS 16384

/* --- ids ------------------------------------------------------------------------------------- */

struct mq_rd_id {
	uint64_t ms, seq;
};
#define MQ_RD_ID_MIN ((struct mq_rd_id){0, 0})
#define MQ_RD_ID_MAX ((struct mq_rd_id){UINT64_MAX, UINT64_MAX})
#define MQ_RD_ID_TEXT 48

/* MS or MS-SEQ; without SEQ it is seq. False when the text is no id. */
bool mq_rd_id_parse(const char *text, uint64_t seq, struct mq_rd_id *ret);
/* Writes MS-SEQ into at least MQ_RD_ID_TEXT bytes. */
void mq_rd_id_print(struct mq_rd_id id, char *ret);
int mq_rd_id_compare(struct mq_rd_id a, struct mq_rd_id b);
/* The neighbours; those of the ends are the ends. */
struct mq_rd_id mq_rd_id_next(struct mq_rd_id id);
struct mq_rd_id mq_rd_id_previous(struct mq_rd_id id);
/* The time in it, or MQ_NO_TIME when it is beyond what a timestamp can be. */
int64_t mq_rd_id_time(struct mq_rd_id id);
/* The id that a reply is. */
struct mq_rd_id mq_rd_id_in(const struct mq_rd_reply *reply, struct mq_rd_id missing);
/* The first id of that moment. */
struct mq_rd_id mq_rd_id_of_time(int64_t ms);

/* --- connections ----------------------------------------------------------------------------- */

struct mq_rd_conn;

/* One connection. Commands are appended to out, replies come in their order. */
struct mq_rd_link {
	struct mq_rd_conn *conn;
	struct mq_net *net;
	struct mq_rd_codec codec;
	struct mq_buf out;
	size_t out_at;     /* of out is written */
	uint64_t appended; /* bytes ever appended to out, */
	uint64_t written;  /* and handed to the network */
	int64_t heard_ms;  /* when bytes came last, or since when an answer is awaited */
	char *in;          /* bytes read, not yet fed */
	size_t in_len, in_at;
};

struct mq_rd_node {
	char *address;           /* host:port */
	struct mq_rd_link *link; /* for questions; NULL: not connected */
	bool master;
};

struct mq_rd_conn {
	struct mq_conn base;
	/* From the address and the settings. */
	char *shown; /* the broker for messages, without secrets */
	char *hosts; /* NULL with a socket */
	char *socket;
	char *user, *password;
	int64_t db;
	bool tls;
	struct mq_net_tls tls_settings; /* borrowed from settings */
	struct mq_settings settings;
	const char *sentinel, *sentinel_user, *sentinel_password;
	const char *payload_field;
	bool fields_json;
	int64_t wait_replicas;
	int64_t wait_ms;
	/* Known once connected. */
	int version; /* 70015 is 7.0.15; 0: the server does not tell */
	bool cluster;
	struct mq_rd_node *nodes; /* without a cluster there is one */
	size_t n_nodes;
	uint16_t *slots; /* of a cluster: MQ_RD_SLOTS indices into nodes; UINT16_MAX: nobody's */
	struct mq_rd_arena scratch; /* replies of questions; cleared by each operation */
};

static inline struct mq_rd_conn *mq_rd_conn_of(struct mq_conn *conn)
{
	return (struct mq_rd_conn *)conn;
}

/* --- link.c ---------------------------------------------------------------------------------- */

/* Connects to the first of hosts (NULL: the address' own hosts or socket), logs in, selects the
 * database. MQ_UNREACHABLE, MQ_DENIED, MQ_CANCELLED. */
int mq_rd_link_open(struct mq_rd_conn *conn, const char *hosts, struct mq_rd_link **ret_link,
                    struct mq_err *err);
/* The same to one sentinel, with the sentinels' own user and password. */
int mq_rd_link_open_sentinel(struct mq_rd_conn *conn, const char *host,
                             struct mq_rd_link **ret_link, struct mq_err *err);
void mq_rd_link_close(struct mq_rd_link *link);

/* Appends a command; nothing is sent yet. */
int mq_rd_link_append(struct mq_rd_link *link, size_t argc, const char *const *argv,
                      const size_t *lens, struct mq_err *err);
/* The same for C strings, ended by NULL. */
int mq_rd_link_append_words(struct mq_rd_link *link, const char *const *words, struct mq_err *err);
/* Writes what goes without waiting. -1: the connection is gone. */
int mq_rd_link_push(struct mq_rd_link *link, struct mq_err *err);
/* The next reply, built in arena: 1, 0 when it is not there yet, -1 when the connection is gone or
 * speaks no Redis. Pushes too. */
int mq_rd_link_next(struct mq_rd_link *link, struct mq_rd_arena *arena,
                    struct mq_rd_reply **ret_reply, struct mq_err *err);
/* Waits for the next reply until the deadline of the monotonic clock (MQ_UNREACHABLE, retriable).
 * through: a raised cancel does not end it (else MQ_CANCELLED). */
int mq_rd_link_await(struct mq_rd_link *link, struct mq_rd_arena *arena, int64_t deadline_ms,
                     bool through, struct mq_rd_reply **ret_reply, struct mq_err *err);
static inline bool mq_rd_link_has_output(const struct mq_rd_link *link)
{
	return link->out_at < link->out.len;
}

/* --- route.c --------------------------------------------------------------------------------- */

/* Connects (once) and learns what the server is. */
int mq_rd_connect(struct mq_rd_conn *conn, struct mq_err *err);
void mq_rd_disconnect(struct mq_rd_conn *conn);
/* The index of the node that has this key. MQ_UNREACHABLE when nobody serves its slot. */
int mq_rd_node_of(struct mq_rd_conn *conn, struct mq_bytes key, size_t *ret_node,
                  struct mq_err *err);
unsigned mq_rd_slot_of(struct mq_bytes key);
/* A further connection to that node, or to the master that a sentinel names. */
int mq_rd_open_to(struct mq_rd_conn *conn, size_t node, struct mq_rd_link **ret_link,
                  struct mq_err *err);
/* Asks the cluster anew who has which slots. */
int mq_rd_slots_load(struct mq_rd_conn *conn, struct mq_err *err);
/* The node that a MOVED or ASK names; added when it is new. -1 with err when it names none. */
int mq_rd_redirected(struct mq_rd_conn *conn, const struct mq_rd_reply *error, size_t *ret_node,
                     struct mq_err *err);

enum mq_rd_how {
	MQ_RD_ONCE = 1 << 0,    /* not again after a lost connection: it may have been done */
	MQ_RD_ERRORS = 1 << 1,  /* the server's refusals are replies, not failures */
	MQ_RD_THROUGH = 1 << 2, /* a raised cancel does not end it */
};

/* Asks whoever has key (NULL: the main node) and follows redirections; what passes (LOADING,
 * TRYAGAIN, a lost connection) is tried again until env->timeout_ms. The reply is built in arena.
 */
int mq_rd_ask(struct mq_rd_conn *conn, const char *key, unsigned how, struct mq_rd_arena *arena,
              const char *const *words, const struct mq_rd_reply **ret_reply, struct mq_err *err);
/* The same of one node, without redirections. */
int mq_rd_ask_node(struct mq_rd_conn *conn, size_t node, unsigned how, struct mq_rd_arena *arena,
                   const char *const *words, const struct mq_rd_reply **ret_reply,
                   struct mq_err *err);
#define MQ_RD_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The link for questions to a node, made when there is none; and what is to be done when it broke.
 */
int mq_rd_node_link(struct mq_rd_conn *conn, size_t node, struct mq_rd_link **ret_link,
                    struct mq_err *err);
void mq_rd_node_drop(struct mq_rd_conn *conn, size_t node);

/* Waits before another try; false when the cancel was raised. */
bool mq_rd_pause(const struct mq_rd_conn *conn, bool through);

/* --- many.c ---------------------------------------------------------------------------------- */

struct mq_rd_question {
	const char *key; /* who has it is asked */
	const char *const *words;
	const char *room[12];        /* for the words of mq_rd_question_set */
	char text[2][MQ_RD_ID_TEXT]; /* for numbers and ids among them */
	/* Out: the server's answer, which may be an error of its own; NULL: err says why not. */
	const struct mq_rd_reply *reply;
	struct mq_err err;
};

/* Copies the words (at most 11), not what they point to. */
void mq_rd_question_set(struct mq_rd_question *question, const char *key, const char *const *words);
/* Asks them all, of all nodes, in a pipeline; how as for mq_rd_ask. -1 only when nobody can be
 * asked or the cancel was raised. */
int mq_rd_ask_many(struct mq_rd_conn *conn, unsigned how, struct mq_rd_arena *arena,
                   struct mq_rd_question *questions, size_t n, struct mq_err *err);

/* --- count.c --------------------------------------------------------------------------------- */

struct mq_rd_count_limit {
	int64_t entries;
	size_t bytes;
};
struct mq_rd_count {
	int64_t before, after; /* after: from the id on; both -1: the limit came first */
	int64_t seen;          /* how many were read for it */
};
/* An id from which on it is known how many there are. */
struct mq_rd_mark {
	struct mq_rd_id id;
	int64_t after;
};
/* mark: NULL, or one that is not behind id. */
int mq_rd_count(struct mq_rd_conn *conn, const char *stream, struct mq_rd_id id,
                const struct mq_rd_mark *mark, const struct mq_rd_count_limit *limit,
                struct mq_rd_count *ret, struct mq_err *err);

/* --- errors.c -------------------------------------------------------------------------------- */

/* What the server refused, as an error that names stream (may be NULL) and broker. Returns -1. */
int mq_rd_fail_reply(const struct mq_rd_conn *conn, const char *stream,
                     const struct mq_rd_reply *reply, struct mq_err *err);
/* The server cannot now, but perhaps in a moment. */
bool mq_rd_is_passing(const struct mq_rd_reply *reply);
/* Not what was asked for: a reply of another kind than the command has. */
int mq_rd_fail_shape(const struct mq_rd_conn *conn, const char *command, struct mq_err *err);
int mq_rd_fail_missing(const struct mq_rd_conn *conn, const char *stream, struct mq_err *err);
int mq_rd_fail_no_group(const struct mq_rd_conn *conn, const char *stream, const char *group,
                        struct mq_err *err);
/* Hands an error on, unless there is one already. Returns -1. */
static inline int mq_rd_pass(struct mq_err *err, const struct mq_err *why)
{
	if (err && !err->code)
		*err = *why;
	return -1;
}
/* For those who see one file at a time: all of them return -1. */
#define mq_rd_fail_reply(...) (mq_rd_fail_reply(__VA_ARGS__), mq_failed())
#define mq_rd_fail_shape(...) (mq_rd_fail_shape(__VA_ARGS__), mq_failed())
#define mq_rd_fail_missing(...) (mq_rd_fail_missing(__VA_ARGS__), mq_failed())
#define mq_rd_fail_no_group(...) (mq_rd_fail_no_group(__VA_ARGS__), mq_failed())

/* --- names.c, describe.c, admin.c
 * --------------------------------------------------------------------- */

/* 1 when the key is a stream, 0 when there is none, -1 for another kind of key and other errors. */
int mq_rd_stream_exists(struct mq_rd_conn *conn, const char *stream, struct mq_err *err);
/* All streams of one node, or (pattern) those that match a regular expression: names are added to
 * the array of owned strings. */
int mq_rd_scan(struct mq_rd_conn *conn, size_t node, const char *pattern, char ***names, size_t *n,
               struct mq_err *err);
/* The same over all masters. */
int mq_rd_scan_all(struct mq_rd_conn *conn, const char *pattern, char ***names, size_t *n,
                   struct mq_err *err);
/* The streams that are meant: none asked for are all, '^…' is a regular expression. A node that
 * does not answer, or an expression without a match, is kept in partial as long as others tell
 * something. Sorted, each once. */
int mq_rd_find_streams(struct mq_rd_conn *conn, const char *const *asked, size_t n_asked,
                       char ***names, size_t *n, struct mq_err *partial, struct mq_err *err);
void mq_rd_names_free(char **names, size_t n);

int mq_rd_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info,
                          struct mq_err *err);
int mq_rd_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
               struct mq_err *err);
int mq_rd_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                   struct mq_err *err);
int mq_rd_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err);
int mq_rd_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
int mq_rd_remove(struct mq_conn *conn, const char *stream, struct mq_err *err);
int mq_rd_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
               struct mq_err *err);

/* --- standing.c, regroup.c, pending.c -------------------------------------------------------- */

/* What XINFO STREAM says of places. */
struct mq_rd_extent {
	int64_t length;
	int64_t added;           /* entries ever; -1: a server before 7.0 */
	struct mq_rd_id last;    /* the last that was given, though it may be deleted */
	struct mq_rd_id first;   /* of the oldest entry; MAX when there is none */
	struct mq_rd_id newest;  /* of the newest entry; MIN when there is none */
	struct mq_rd_id deleted; /* the largest that XDEL removed; MIN: none, or unknown */
};
/* False when the reply is none of XINFO STREAM. */
bool mq_rd_extent_read(const struct mq_rd_reply *reply, struct mq_rd_extent *ret);
/* place.c: asks for it. MQ_NOT_FOUND, or why it is no stream. */
int mq_rd_extent_ask(struct mq_rd_conn *conn, const char *stream, struct mq_rd_extent *ret,
                     struct mq_err *err);
/* place.c: the id of the last but (number - 1), found backwards in pages. */
int mq_rd_find_last(struct mq_rd_conn *conn, const char *stream, int64_t number,
                    const struct mq_rd_extent *extent, struct mq_rd_id *ret, struct mq_err *err);
/* How many entries are behind an id, by what XINFO says: told is its lag, or -1. -1 when they have
 * to be counted. */
int64_t mq_rd_lag(struct mq_rd_id delivered, const struct mq_rd_extent *extent, int64_t told);

int mq_rd_groups(struct mq_conn *conn, const struct mq_group_query *query,
                 struct mq_group_list *ret_list, struct mq_err *err);
int mq_rd_group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err);
int mq_rd_group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                       struct mq_err *err);
int mq_rd_pending(struct mq_conn *conn, const struct mq_pending_query *query,
                  struct mq_pending_list *ret_list, struct mq_err *err);
int mq_rd_pending_change(struct mq_conn *conn, const struct mq_pending_change *change,
                         int64_t *ret_n, struct mq_err *err);

/* --- writer.c, reader.c ---------------------------------------------------------------------- */

int mq_rd_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                      struct mq_writer **ret_writer, struct mq_err *err);
int64_t mq_rd_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                    struct mq_err *err);
int64_t mq_rd_write_moving(struct mq_writer *writer, struct mq_reader *reader,
                           const struct mq_message *messages,
                           const struct mq_message *const *originals, size_t n, struct mq_err *err);
int64_t mq_rd_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int64_t mq_rd_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int mq_rd_writer_fd(struct mq_writer *writer);
void mq_rd_writer_close(struct mq_writer *writer);

int mq_rd_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                      struct mq_reader **ret_reader, struct mq_err *err);
int mq_rd_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                struct mq_err *err);
void mq_rd_release(struct mq_reader *reader, struct mq_batch *batch);
int mq_rd_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                 struct mq_err *err);
int mq_rd_hold(struct mq_reader *reader, const struct mq_message *const *messages, size_t n,
               bool *ret_ours, struct mq_err *err);
int mq_rd_commit(struct mq_reader *reader, bool wait, struct mq_err *err);
int64_t mq_rd_unsettled(struct mq_reader *reader);
int mq_rd_reader_fd(struct mq_reader *reader);
void mq_rd_reader_close(struct mq_reader *reader);

#endif
