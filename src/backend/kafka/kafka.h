/*
 * What the files of the Kafka backend share.
 *
 *   config.c   addresses and settings become an rd_kafka_conf_t
 *   handle.c   one librdkafka client: its log, its errors, calls that can be cancelled, its end
 *   errors.c   librdkafka's codes become ours
 *   query.c    metadata, positions, watermarks
 *   writer.c, reports.c, targets.c, resend.c, txn.c  producing
 *   reader.c, parts.c, positions.c, group.c   consuming
 *   joining.c                     why a group gives nothing
 *   admin.c, describe.c           making, removing and describing topics
 *   groups.c, group_answers.c, places.c, ends.c, ages.c    where groups stand (see groups.h)
 *   group_change.c                moving and removing them
 *   alter.c, trim.c               changing them, removing records
 *   properties.c                  the library's properties as text
 *
 * Nothing outside this folder sees librdkafka.
 */
#ifndef MQ_KAFKA_H
#define MQ_KAFKA_H

#include "mqtk/backend.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pthread.h>

/* --- errors.c -------------------------------------------------------------------------------- */

enum mq_code mq_kafka_code(rd_kafka_resp_err_t kerr);
bool mq_kafka_retriable(rd_kafka_resp_err_t kerr);
/* Fills err from a code: "WHAT: the library's words". Returns -1. */
int mq_kafka_fail(struct mq_err *err, rd_kafka_resp_err_t kerr, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- config.c -------------------------------------------------------------------------------- */

enum mq_kafka_role { MQ_KAFKA_ADMIN, MQ_KAFKA_PRODUCER, MQ_KAFKA_CONSUMER };

struct mq_kafka_conn {
	struct mq_conn base;
	char *shown;                /* the address for messages, without secrets */
	char *hosts;                /* the authority */
	struct mq_settings derived; /* librdkafka properties from the address */
	struct mq_settings user;    /* librdkafka properties as the user gave them; they win */
	/* Made when first needed. Ends are different things to them: what committed readers can
	 * get at for admin, the very ends, as Kafka's own tools count lag, for groups. */
	struct mq_kafka_handle *admin, *groups;
};

extern const struct mq_setting mq_kafka_settings[];

int mq_kafka_open(const struct mq_target *target, const struct mq_env *env,
                  struct mq_conn **ret_conn, struct mq_err *err);
void mq_kafka_close(struct mq_conn *conn);

/* A new configuration with the role's defaults, then the address, then the user's settings. extra
 * is a NULL-ended list of name, value, name, value … that stands before the user's settings. */
rd_kafka_conf_t *mq_kafka_conf(const struct mq_kafka_conn *conn, enum mq_kafka_role role,
                               const char *const *extra, struct mq_err *err);
/* Sets one property that is ours to decide, whatever the user says. */
int mq_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                      struct mq_err *err);
/* The user's own value of a property, or NULL. */
const char *mq_kafka_user_value(const struct mq_kafka_conn *conn, const char *name);

/* --- handle.c -------------------------------------------------------------------------------- */

/*
 * One client of the library. Shared with the threads of calls that were abandoned at a signal or
 * time-out, so it is counted; the last one to let go destroys the client.
 */
struct mq_kafka_handle {
	rd_kafka_t *rk;
	rd_kafka_queue_t *events; /* the main queue: errors, delivery reports, statistics */
	int wake[2];              /* wake[0] is readable when the served queue has something */
	pthread_mutex_t lock;     /* for what follows */
	int refs;
	int ended; /* a pipe that is closed when all is gone; -1: nobody waits for that */
	const struct mq_env *env; /* NULL once nobody listens any more */
	char *hosts;
	rd_kafka_resp_err_t why; /* the most telling error so far */
	char why_text[400];
	int64_t all_down_ms; /* since when all brokers are down; 0: they are not */
	bool was_up;         /* a broker has answered */
	bool quiet;          /* opening: errors become the result instead of warnings */
	bool topic_missed;   /* the brokers do not know a topic that is in use; see parts.c */
	bool missed_once;    /* that was so at some time */
	bool stuck;          /* an answer that the library gives in any case did not come */
	void *owner;         /* the writer or reader, for callbacks */
};

/* Makes a client. Takes conf in any case. */
int mq_kafka_handle_new(const struct mq_kafka_conn *conn, rd_kafka_conf_t *conf,
                        enum mq_kafka_role role, void *owner, struct mq_kafka_handle **ret_handle,
                        struct mq_err *err);
void mq_kafka_handle_free(struct mq_kafka_handle *handle);
/* Lets wake[0] tell about this queue too. */
void mq_kafka_handle_watch(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue);
/* Takes the wake-ups away, before the queue is served. */
void mq_kafka_handle_drain(struct mq_kafka_handle *handle);
/* The connection's own client for questions and administration. */
struct mq_kafka_handle *mq_kafka_admin_handle(struct mq_kafka_conn *conn, struct mq_err *err);
/* The one for where groups stand. */
struct mq_kafka_handle *mq_kafka_groups_handle(struct mq_kafka_conn *conn, struct mq_err *err);
/* Ends that client, with the questions that it still has open. */
void mq_kafka_groups_forget(struct mq_kafka_conn *conn);

/*
 * A call of the library that blocks, run by a thread of its own so that a signal, the time-out or
 * an error that cannot heal ends the wait at once. It lives on the heap: an abandoned one is freed
 * by its thread.
 */
struct mq_kafka_call {
	void (*run)(struct mq_kafka_call *call);
	void (*free)(struct mq_kafka_call *call); /* releases the embedding struct */
	rd_kafka_t *rk;
	int timeout_ms;
	bool stubborn; /* goes on after a signal: the end of something that was begun */
	/* Private to handle.c. */
	struct mq_kafka_handle *handle;
	int fds[2];
	pthread_mutex_t lock;
	bool finished, abandoned;
};

/* Runs it and waits. 0: finished, the caller reads the results and calls call->free. -1: err is
 * set, call is gone. doing is for messages: "asking for metadata". */
int mq_kafka_call(struct mq_kafka_handle *handle, struct mq_kafka_call *call, int timeout_ms,
                  const char *doing, struct mq_err *err);
/* The same in two steps, so that several run at once: each that was started must be waited for. end
 * is a moment of mq_now_monotonic_ms(). */
int mq_kafka_call_start(struct mq_kafka_handle *handle, struct mq_kafka_call *call, int timeout_ms,
                        struct mq_err *err);
int mq_kafka_call_wait(struct mq_kafka_call *call, int64_t end, const char *doing,
                       struct mq_err *err);
/* Runs it without waiting for it; nobody reads its results. */
void mq_kafka_call_forget(struct mq_kafka_handle *handle, struct mq_kafka_call *call,
                          int timeout_ms);
/* Fills err for something that got no answer in time, with the most telling reason known. */
int mq_kafka_no_answer(struct mq_kafka_handle *handle, const char *doing, struct mq_err *err);

/* --- query.c --------------------------------------------------------------------------------- */

/* Metadata of one topic, or of all (NULL). A topic that does not exist is an error only with
 * must_exist. Release with rd_kafka_metadata_destroy. */
int mq_kafka_metadata(struct mq_kafka_handle *handle, const char *topic, bool must_exist,
                      const struct rd_kafka_metadata **ret_metadata, struct mq_err *err);
/* As that, for no longer than timeout_ms. */
int mq_kafka_metadata_within(struct mq_kafka_handle *handle, const char *topic, bool must_exist,
                             int timeout_ms, const struct rd_kafka_metadata **ret_metadata,
                             struct mq_err *err);
/* Asks until the topic is there with at least so many partitions, and each has a leader. */
int mq_kafka_await_topic(struct mq_kafka_handle *handle, const char *topic, int partitions,
                         struct mq_err *err);
/* The same at every node of the cluster: the controller answers before the others have heard of a
 * topic that was just made, and whoever comes next may ask any of them. */
int mq_kafka_await_topic_everywhere(const struct mq_kafka_conn *conn,
                                    struct mq_kafka_handle *handle, const char *topic,
                                    int partitions, struct mq_err *err);
/* What the offsets of the list stand for (times in ms, or RD_KAFKA_OFFSET_BEGINNING or _END)
 * becomes the position; partitions that fail have err set. */
int mq_kafka_lookup(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list,
                    struct mq_err *err);
/* Asks the leaders for something of no interest, to wake the library's threads for them. */
void mq_kafka_nudge(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list);
/* Sets every offset of a list. */
void mq_kafka_list_fill(rd_kafka_topic_partition_list_t *list, int64_t offset);
/* Fails with the first partition's error, if there is one. */
int mq_kafka_list_check(const rd_kafka_topic_partition_list_t *list, struct mq_err *err);
/* The group's committed offsets. */
int mq_kafka_committed(struct mq_kafka_handle *handle, rd_kafka_topic_partition_list_t *list,
                       struct mq_err *err);
int mq_kafka_not_found(struct mq_err *err, const char *topic);

/* --- writer.c, reader.c, admin.c, describe.c ---------------------------------------------------
 */

int mq_kafka_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                         struct mq_writer **ret_writer, struct mq_err *err);
int64_t mq_kafka_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                       struct mq_err *err);
int64_t mq_kafka_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int64_t mq_kafka_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int mq_kafka_writer_fd(struct mq_writer *writer);
int mq_kafka_writer_commit(struct mq_writer *writer, struct mq_err *err);
int mq_kafka_writer_abort(struct mq_writer *writer, struct mq_err *err);
int mq_kafka_writer_positions(struct mq_writer *writer, const char *group,
                              const struct mq_group_move *moves, size_t n, struct mq_err *err);
void mq_kafka_writer_close(struct mq_writer *writer);

int mq_kafka_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                         struct mq_reader **ret_reader, struct mq_err *err);
int mq_kafka_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
                   struct mq_err *err);
void mq_kafka_release(struct mq_reader *reader, struct mq_batch *batch);
bool mq_kafka_owns(struct mq_reader *reader, const struct mq_message *message);
int mq_kafka_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                    struct mq_err *err);
int mq_kafka_commit(struct mq_reader *reader, bool wait, struct mq_err *err);
int mq_kafka_reader_fd(struct mq_reader *reader);
void mq_kafka_reader_close(struct mq_reader *reader);

int mq_kafka_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info,
                             struct mq_err *err);
int mq_kafka_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
                  struct mq_err *err);
int mq_kafka_keeps(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err);
int mq_kafka_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                      struct mq_err *err);
int mq_kafka_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err);
int mq_kafka_groups(struct mq_conn *conn, const struct mq_group_query *query,
                    struct mq_group_list *ret_list, struct mq_err *err);
/* As that through any client, whose ends are what lag is counted to, within timeout_ms. More groups
 * than max are not looked at: MQ_NEGATIVE. */
int mq_kafka_groups_with(struct mq_kafka_conn *conn, struct mq_kafka_handle *handle,
                         const struct mq_group_query *query, int timeout_ms, size_t max,
                         struct mq_group_list *ret_list, struct mq_err *err);
int mq_kafka_group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err);
int mq_kafka_group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                          struct mq_err *err);
int mq_kafka_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
int mq_kafka_remove(struct mq_conn *conn, const char *stream, struct mq_err *err);
int mq_kafka_alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
int mq_kafka_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
                  struct mq_err *err);

int mq_kafka_settings_manual(struct mq_buf *buf, struct mq_err *err);
int mq_kafka_settings_dump(const struct mq_target *target, struct mq_buf *buf, struct mq_err *err);

/* CreateTopics through any client; an existing topic is an error unless spec->if_missing. */
int mq_kafka_create_with(struct mq_kafka_handle *handle, const struct mq_stream_spec *spec,
                         struct mq_err *err);
/* Fails as any question does when nobody is there: administrative requests wait for a controller
 * until their time-out, and then say no more than that. It also makes the library connect at once,
 * which it does for some requests only after a second. */
int mq_kafka_reach(struct mq_kafka_handle *handle, const char *topic, struct mq_err *err);
/* The options of an administrative request; rd_kafka_AdminOptions_destroy. */
rd_kafka_AdminOptions_t *mq_kafka_admin_options(struct mq_kafka_handle *handle,
                                                rd_kafka_admin_op_t op);
/* The outcome for the one topic that was asked for. */
int mq_kafka_check_result(rd_kafka_event_t *event, const rd_kafka_topic_result_t *const *results,
                          size_t n, const char *topic, bool if_missing, struct mq_err *err);
/* The names and values of what a spec sets, in a NULL-ended list of name, value, name, value …
 * that mq_kafka_pairs_free frees. NULL with err set. */
char **mq_kafka_config_pairs(const struct mq_stream_spec *spec, struct mq_err *err);
void mq_kafka_pairs_free(char **pairs);
/* Waits for the answer to an administrative request on a queue of its own. */
rd_kafka_event_t *mq_kafka_await(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue,
                                 const char *doing, struct mq_err *err);
/* The same for no longer than to a moment of mq_now_monotonic_ms(). */
rd_kafka_event_t *mq_kafka_await_until(struct mq_kafka_handle *handle, rd_kafka_queue_t *queue,
                                       int64_t end, const char *doing, struct mq_err *err);

#endif
