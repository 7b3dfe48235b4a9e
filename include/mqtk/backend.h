/*
 * The backend: what a broker can do, in one const struct per backend.
 *
 * A backend lives in src/backend/NAME, knows its client library and these contracts, and is listed
 * in one line of src/backend/table.c. Commands reach it only through the functions of
 * mqtk/broker.h, which check capabilities and arguments; so the operations below may rely on what
 * those functions promise. A backend that is not built in is still listed, with `missing` set and
 * no operations.
 *
 * Waiting: every operation that waits returns early when env->cancel is raised. Threads: one
 * thread uses a connection and what was opened from it.
 */
#ifndef MQTK_BACKEND_H
#define MQTK_BACKEND_H

#include "mqtk/address.h"
#include "mqtk/env.h"
#include "mqtk/group.h"
#include "mqtk/info.h"
#include "mqtk/message.h"
#include "mqtk/position.h"
#include "mqtk/settings.h"

enum mq_capability {
	MQ_CAP_PARTITIONS = 1 << 0,      /* streams have numbered partitions */
	MQ_CAP_GROUPS = 1 << 1,          /* groups with committed positions */
	MQ_CAP_ACK = 1 << 2,             /* reading can take (ack) instead of moving a position */
	MQ_CAP_TIME_SEEK = 1 << 3,       /* --from/--to understand moments */
	MQ_CAP_TRANSACTIONS = 1 << 4,    /* --transactional */
	MQ_CAP_REGEX = 1 << 5,           /* a stream name may be a regular expression */
	MQ_CAP_AUTO_CREATE = 1 << 6,     /* a stream is made by its first message */
	MQ_CAP_COMPRESSION = 1 << 7,     /* -z */
	MQ_CAP_REPLICAS = 1 << 8,        /* leaders, replicas, ISR */
	MQ_CAP_PASS_SETTINGS = 1 << 9,   /* settings outside the table go to the client library */
	MQ_CAP_SET_TIME = 1 << 10,       /* a producer may set the timestamp */
	MQ_CAP_IDS = 1 << 11,            /* positions are ids (MQ_POS_ID) */
	MQ_CAP_OFFSETS = 1 << 12,        /* positions are offsets (MQ_POS_OFFSET) */
	MQ_CAP_CLAIM = 1 << 13,          /* --claim: messages of members that fell silent */
	MQ_CAP_PREFETCH = 1 << 14,       /* --prefetch */
	MQ_CAP_EXCHANGES = 1 << 15,      /* streams are fed through exchanges and bindings */
	MQ_CAP_REMOVE_ONE = 1 << 16,     /* ack removes the message itself from the stream */
	MQ_CAP_SEND_POSITIONS = 1 << 17, /* a transaction can carry a group's positions */
	MQ_CAP_RANGES = 1 << 18,         /* read_spec.ranges */
};

/* --- connection ------------------------------------------------------------------------------ */

/* The head of every backend's own connection struct. mq_open fills in backend, env and readonly,
 * and caps where the backend left 0. */
struct mq_conn {
	const struct mq_backend *backend;
	const struct mq_env *env; /* outlives the connection */
	unsigned caps;            /* may be narrower than the backend's */
	bool readonly;
	/* The settings say what is read or written (RabbitMQ's exchange), so the address names the
	 * broker alone; streams are then absent in the specs below. */
	bool by_settings;
};

/* --- writing --------------------------------------------------------------------------------- */

/* The fate of one message. Everything is valid only during the call. */
struct mq_delivery {
	uint64_t tag;
	int32_t partition;
	int64_t offset;           /* MQ_NO_OFFSET when the broker does not tell */
	const struct mq_err *err; /* NULL: confirmed */
	/* Of write_moving. Confirmed, and the original is settled too. */
	bool settled;
	bool maybe_stored; /* failed, but the broker may have it (no answer came) */
	/* The whole message when it failed, so that it can be kept; NULL when confirmed. */
	const struct mq_message *message;
};

/* Advice when the stream to write to is not there; not every command that writes has an option. */
#define MQ_HINT_NO_TARGET "'mqtk create' makes it; 'produce' and 'replay' do so with --create"

struct mq_write_spec {
	const char *stream; /* default target; a message with its own stream overrides; NULL only
	                     * with conn->by_settings */
	bool by_name;       /* every message has its own: stream, the first one's, is looked for
	                     * at open and may go later */
	bool create;        /* --create: make the stream if it is missing */
	bool transactional; /* everything between open and commit, or nothing */
	/* transactional: a name that fences off an earlier writer of the same name, whose open
	 * transaction is aborted before opening returns; NULL: nobody else's business */
	const char *transaction;
	const char *compression; /* none gzip snappy lz4 zstd; NULL: the backend's choice */
	unsigned need;           /* enum mq_need: what the messages will carry; advisory */
	/* Called once for each message that was taken, from inside poll, flush, write, commit and
	 * close; in any order between partitions. */
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
};

/* The head of every backend's own writer struct. */
struct mq_writer {
	struct mq_conn *conn;
	int32_t partitions; /* of spec->stream, known from open on; -1: it has none */
};

/* --- reading --------------------------------------------------------------------------------- */

/* A part of one partition, in place of a read's general from and to. Positions that are ids stand
 * for the whole stream (MQ_NO_PARTITION). */
struct mq_range {
	const char *stream;
	int32_t partition;
	struct mq_pos from; /* inclusive; BEGINNING, END, OFFSET, ID or TIME */
	struct mq_pos to;   /* exclusive; UNSET: none; never END */
};

struct mq_read_spec {
	const char *const *streams; /* at least one, but for conn->by_settings; '^…' is a regular
	                             * expression */
	size_t n_streams;
	const int32_t *partitions; /* none: all */
	size_t n_partitions;
	/* Where to begin. UNSET is BEGINNING. With a group it is used only where the group has no
	 * position. A position that no longer exists: warn, then go on with the
	 * oldest message (the gap is named in the warning). */
	struct mq_pos from;
	bool from_always; /* with a group too `from` wins over its position, for the first
	                   * partitions that the member is given; UNSET has no effect */
	struct mq_pos to; /* exclusive; UNSET: none. END is the snapshot of the ends at open */
	/* With these (MQ_CAP_RANGES; without group and partitions) only the partitions that are
	 * listed are read, and from and to have no effect. A range may be empty. */
	const struct mq_range *ranges;
	size_t n_ranges;
	const char *group;  /* NULL: nothing is committed, nobody joins anything */
	const char *member; /* --consumer; NULL: the backend's choice */
	bool ack;           /* take messages (MQ_CAP_ACK): settled ones are gone */
	/* with ack: only some of what is there at open will be settled; all of it is lent, however
	 * little prefetch says at once, and the others are put back in their places. Refused where
	 * a look is. */
	bool choosy;
	/* With group: nobody joins it, and not the streams are read but what its members hold and
	 * did not settle (MQ_CAP_CLAIM): messages that were delivered at least so often, and last
	 * idle_ms ago or earlier. They come as dead letters, with the headers of MQ_DEAD_MQTK. With
	 * ack, settled ones are settled for the group and stay in their stream. 0: no. */
	int64_t deliveries;
	int64_t idle_ms;
	bool watch;       /* tail: what comes from now on matters more than what is there; must not
	                   * take, hide or count anything. A backend whose stream cannot be watched
	                   * that way says why (MQ_USAGE) */
	bool force;       /* --force: look although a look could make the broker drop messages */
	bool uncounted;   /* a look that would count as a delivery is refused (MQ_USAGE) */
	int64_t claim_ms; /* take over messages that other members hold idle for so long
	                   * (MQ_CAP_CLAIM); 0 or less: no */
	unsigned need;    /* enum mq_need */
	int64_t limit;    /* no more than this many will be accepted; -1: no limit */
	bool stop_at_end; /* the caller leaves when caught_up: hand out nothing behind the ends at
	                   * open, and prefer throughput to idle waiting */
	int prefetch;     /* messages or 0: the backend's choice */
	int window;       /* the caller holds at most so many that are not settled, so more need not
	                   * be on their way while prefetch is 0; 0: it does not matter */
};

/* Messages borrowed from a reader until they are released. */
struct mq_batch {
	const struct mq_message *messages; /* in order per partition */
	size_t n;
	/* The reader has handed out everything that was there when it was opened (by position, not
	 * by count: gaps of compaction and transactions do not matter). Stays true. */
	bool caught_up;
	/* A connection was lost, or a group has given out its partitions anew. What was not settled
	 * comes again, behind which the reader has caught up, or ended, anew. */
	bool again;
	/* Every partition has reached `to`: nothing will come any more. */
	bool ended;
	void *owner; /* the backend's */
};

/* The head of every backend's own reader struct. */
struct mq_reader {
	struct mq_conn *conn;
	int64_t expected; /* messages between from and the end at open, at most; -1: unknown */
	/* Messages of the range that were gone before they could be read (trimmed, expired), as far
	 * as positions tell: at the beginning, when `from` is an offset or id that no longer
	 * exists, and later when the stream lost what was still to be read. Each loss is logged as
	 * a warning too. Where ids do not count messages it is the number of losses. Only grows. */
	int64_t missed;
};

/* --- the descriptor -------------------------------------------------------------------------- */

struct mq_backend {
	const char *name;                  /* kafka */
	const char *title;                 /* Apache Kafka, by librdkafka */
	const char *const *schemes;        /* NULL-terminated */
	const struct mq_setting *settings; /* ended by a row without name */
	unsigned caps;                     /* enum mq_capability */
	unsigned create_fields;            /* enum mq_field: what create understands */
	unsigned alter_fields;             /* enum mq_field: what alter understands */
	unsigned trims;                    /* bits of 1 << enum mq_trim_kind */
	/* What to do instead of what is not in the three above, ended by a row without text; for
	 * those that are not listed the core has words of its own. */
	const struct mq_instead *instead;
	const char *missing;          /* why it is not built in, or NULL */
	const char *(*version)(void); /* of the client library, at run time */

	/* Prepares a connection. May delay contact until the first use. */
	int (*open)(const struct mq_target *target, const struct mq_env *env,
	            struct mq_conn **ret_conn, struct mq_err *err);
	void (*close)(struct mq_conn *conn);

	/* Opening a writer checks that the stream exists (MQ_NOT_FOUND), unless spec->create or the
	 * backend creates by itself, and that the broker answers within env->timeout_ms. */
	int (*writer_open)(struct mq_conn *conn, const struct mq_write_spec *spec,
	                   struct mq_writer **ret_writer, struct mq_err *err);
	/* Takes up to n messages and copies what it keeps. Returns how many it took: fewer than n
	 * when its queue is full (poll, then offer the rest again). A message that can never be
	 * sent counts as taken and is reported through `delivered`. -1: the writer is broken;
	 * what was taken is still reported by flush or close. */
	int64_t (*write)(struct mq_writer *writer, const struct mq_message *messages, size_t n,
	                 struct mq_err *err);
	/* Optional. As write, but where it can be (same server; what else it takes is the backend's
	 * business) a message is stored and its original settled in one step: both are done or
	 * neither, whatever is killed. The delivery says whether it was; else the caller settles.
	 * originals[i], lent by reader (of the same backend, with ack) and held, is that of
	 * messages[i]. The reader outlives the writer. */
	int64_t (*write_moving)(struct mq_writer *writer, struct mq_reader *reader,
	                        const struct mq_message *messages,
	                        const struct mq_message *const *originals, size_t n,
	                        struct mq_err *err);
	/* Serves deliveries for up to timeout_ms, returning as soon as there was at least one.
	 * Returns how many messages are still without an answer, or -1. */
	int64_t (*writer_poll)(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
	/* As writer_poll, but sends what waits to fill batches at once, and waits until every
	 * message is settled or timeout_ms has passed. Does not stop at a raised cancel: the caller
	 * chose the time-out. */
	int64_t (*writer_flush)(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
	/* A descriptor that is readable when writer_poll has something to serve, or -1. */
	int (*writer_fd)(struct mq_writer *writer);
	/* Transactions only: all or nothing of what was written since open or the last commit; the
	 * next write begins another. */
	int (*writer_commit)(struct mq_writer *writer, struct mq_err *err);
	int (*writer_abort)(struct mq_writer *writer, struct mq_err *err);
	/* Adds to the open transaction that the group has read up to these positions, on the same
	 * broker: they are committed with it or not at all (MQ_CAP_SEND_POSITIONS). */
	int (*writer_positions)(struct mq_writer *writer, const char *group,
	                        const struct mq_group_move *moves, size_t n, struct mq_err *err);
	/* Reports what is still unanswered as failed (maybe_stored), aborts an open transaction. */
	void (*writer_close)(struct mq_writer *writer);

	int (*reader_open)(struct mq_conn *conn, const struct mq_read_spec *spec,
	                   struct mq_reader **ret_reader, struct mq_err *err);
	/* Waits up to timeout_ms for messages and lends at most max of them (0 of them is no
	 * error: time-out, cancel, or only the flags changed). With max 0 it lends none, but keeps
	 * the connection and the membership alive, for callers that have enough to do: they call it
	 * several times a second. A batch is released before the next
	 * fetch. Errors that the library survives are logged, not returned. */
	int (*fetch)(struct mq_reader *reader, size_t max, int timeout_ms,
	             struct mq_batch *ret_batch, struct mq_err *err);
	void (*release)(struct mq_reader *reader, struct mq_batch *batch);
	/* Groups and ack only: these n messages are done with. Cheap; durable only after commit.
	 * They may have been released meanwhile: of each a copy counts that has its stream,
	 * partition, offset, id (ended by NUL), owner and receipt. Where the group has one position
	 * per partition, all that were lent there before are done with as well, so the caller keeps
	 * the order there; else each stands for itself. A partition or connection that was lost
	 * meanwhile is no error: what it gave will come again to whoever has it. */
	int (*settle)(struct mq_reader *reader, const struct mq_message *messages, size_t n,
	              struct mq_err *err);
	/* Optional, with ack: some of what is lent is about to be copied elsewhere. From now on
	 * nobody else is given it, until it is settled or the reader closed, which puts back what
	 * is not. ret_ours[i] is false where somebody else has it by now: it is to be left. NULL:
	 * what is lent is nobody else's. */
	int (*hold)(struct mq_reader *reader, const struct mq_message *const *messages, size_t n,
	            bool *ret_ours, struct mq_err *err);
	/* Groups and ack, or NULL: always. Whether that message (a copy as for settle) is still
	 * this reader's to settle. It is not when its partition or connection was lost: then it
	 * comes again to whoever has that, and working on it is done in vain. Cheap. */
	bool (*owns)(struct mq_reader *reader, const struct mq_message *message);
	/* Makes settled messages durable. wait: returns when the broker has confirmed. */
	int (*commit)(struct mq_reader *reader, bool wait, struct mq_err *err);
	/* Optional. How many of the settled messages the broker has not confirmed as settled, which
	 * after a commit that waited are those it refused. NULL: none, or not known. */
	int64_t (*unsettled)(struct mq_reader *reader);
	/* A descriptor that is readable when fetch has something, or -1. */
	int (*reader_fd)(struct mq_reader *reader);
	/* Commits what is settled, leaves the group. */
	void (*reader_close)(struct mq_reader *reader);

	/* The broker itself: nodes, controller. */
	int (*describe_broker)(struct mq_conn *conn, struct mq_broker_info *ret_info,
	                       struct mq_err *err);
	/* All streams, sorted by name. deep: with messages, begin and end of partitions. */
	int (*list)(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
	            struct mq_err *err);
	/* Where the broker itself puts messages that die. What cannot be told stands in left_out;
	 * -1 only when nothing can. NULL: such a broker has no dead letters of its own. */
	int (*dead_routes)(struct mq_conn *conn, struct mq_dead_route_list *ret_list,
	                   struct mq_err *err);
	/* One stream with everything known: partitions, positions, configuration, groups. */
	int (*describe)(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
	                struct mq_err *err);
	/* How long the stream keeps messages by their own time, in ms: one whose time is further
	 * back is removed, however lately it came. -1: it does not, or nobody may know. */
	int (*keeps)(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err);
	/* Fills requests[i].offset with the position of requests[i].pos (BEGINNING, END, TIME) in
	 * that stream's partition; END where nothing is at or after the moment. */
	int (*locate)(struct mq_conn *conn, struct mq_locate *requests, size_t n,
	              struct mq_err *err);
	/* Groups, with what of them was asked for; of brokers without groups the streams instead.
	 * What cannot be told about one group stands in that group; -1 only when nothing can be
	 * told. One request per broker or group in flight with the others, never one per
	 * partition. */
	int (*groups)(struct mq_conn *conn, const struct mq_group_query *query,
	              struct mq_group_list *ret_list, struct mq_err *err);
	/* Moves a group, or makes it, at exactly these positions. Partitions that fail say so in
	 * their err and make it -1 with MQ_PARTIAL, or the common reason when all failed. Active
	 * members are MQ_USAGE, with what to do in the hint. */
	int (*group_set)(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err);
	int (*group_remove)(struct mq_conn *conn, const struct mq_group_removal *removal,
	                    struct mq_err *err);
	/* MQ_CAP_CLAIM: messages delivered and not settled; and taking them over or settling them.
	 * The change says in *ret_n how many it reached. */
	int (*pending)(struct mq_conn *conn, const struct mq_pending_query *query,
	               struct mq_pending_list *ret_list, struct mq_err *err);
	int (*pending_change)(struct mq_conn *conn, const struct mq_pending_change *change,
	                      int64_t *ret_n, struct mq_err *err);
	int (*create)(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
	/* Changes what is set in spec and leaves the rest as it is. */
	int (*alter)(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
	int (*remove)(struct mq_conn *conn, const char *stream, struct mq_err *err);
	int (*create_exchange)(struct mq_conn *conn, const struct mq_exchange_spec *spec,
	                       struct mq_err *err);
	int (*remove_exchange)(struct mq_conn *conn, const char *exchange, struct mq_err *err);
	/* Removes old messages, or (spec->dry_run) only says how many it would. Exact: no more and
	 * no less than was asked for goes. *ret_removed is -1 where the broker does not tell. */
	int (*trim)(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
	            struct mq_err *err);

	/* For people, of backends with MQ_CAP_PASS_SETTINGS: the client library's own list of its
	 * properties; and those that a target would run with, a "name = value" line each, secrets
	 * hidden. Both append text to buf and contact nobody. */
	int (*settings_manual)(struct mq_buf *buf, struct mq_err *err);
	int (*settings_dump)(const struct mq_target *target, struct mq_buf *buf,
	                     struct mq_err *err);
};

/* All backends, built in or not; ended by NULL. */
extern const struct mq_backend *const mq_backends[];

/* The backend of a URL scheme, or NULL. */
const struct mq_backend *mq_backend_for_scheme(const char *scheme);

#endif
