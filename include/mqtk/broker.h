/*
 * The way from a command to a backend. Each function checks that the backend is built in and can
 * do what is asked (MQ_USAGE in one line that names the alternative), that a read-only profile is
 * not written to (MQ_DENIED), and then calls the backend's operation of the same meaning; the
 * contracts stand in mqtk/backend.h.
 */
#ifndef MQTK_BROKER_H
#define MQTK_BROKER_H

#include "mqtk/backend.h"

/* Opens a connection. readonly is the target's; it is remembered in the connection. */
int mq_open(const struct mq_target *target, const struct mq_env *env, struct mq_conn **ret_conn,
            struct mq_err *err);
void mq_close(struct mq_conn *conn);

int mq_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                   struct mq_writer **ret_writer, struct mq_err *err);
int64_t mq_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                 struct mq_err *err);
int64_t mq_write_moving(struct mq_writer *writer, struct mq_reader *reader,
                        const struct mq_message *messages,
                        const struct mq_message *const *originals, size_t n, struct mq_err *err);
int64_t mq_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int64_t mq_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int mq_writer_fd(struct mq_writer *writer);
int mq_writer_commit(struct mq_writer *writer, struct mq_err *err);
int mq_writer_abort(struct mq_writer *writer, struct mq_err *err);
int mq_writer_positions(struct mq_writer *writer, const char *group,
                        const struct mq_group_move *moves, size_t n, struct mq_err *err);
void mq_writer_close(struct mq_writer *writer);

int mq_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                   struct mq_reader **ret_reader, struct mq_err *err);
int mq_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
             struct mq_err *err);
void mq_release(struct mq_reader *reader, struct mq_batch *batch);
int mq_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
              struct mq_err *err);
int mq_hold(struct mq_reader *reader, const struct mq_message *const *messages, size_t n,
            bool *ret_ours, struct mq_err *err);
bool mq_owns(struct mq_reader *reader, const struct mq_message *message);
int mq_commit(struct mq_reader *reader, bool wait, struct mq_err *err);
int64_t mq_unsettled(struct mq_reader *reader);
int mq_reader_fd(struct mq_reader *reader);
void mq_reader_close(struct mq_reader *reader);

int mq_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info, struct mq_err *err);
int mq_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list, struct mq_err *err);
/* Nothing where the broker has no dead letters of its own. */
int mq_dead_routes(struct mq_conn *conn, struct mq_dead_route_list *ret_list, struct mq_err *err);
int mq_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                struct mq_err *err);
/* -1 where the backend has no such thing. */
int mq_keeps(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err);
int mq_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err);
int mq_groups(struct mq_conn *conn, const struct mq_group_query *query,
              struct mq_group_list *ret_list, struct mq_err *err);
/* What changing a group would refuse without asking the broker; doing: "moving a group". */
int mq_group_check(const struct mq_conn *conn, const char *doing, struct mq_err *err);
int mq_group_set(struct mq_conn *conn, const struct mq_group_set *set, struct mq_err *err);
int mq_group_remove(struct mq_conn *conn, const struct mq_group_removal *removal,
                    struct mq_err *err);
int mq_pending(struct mq_conn *conn, const struct mq_pending_query *query,
               struct mq_pending_list *ret_list, struct mq_err *err);
int mq_pending_change(struct mq_conn *conn, const struct mq_pending_change *change, int64_t *ret_n,
                      struct mq_err *err);
int mq_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
/* What mq_alter and mq_trim would refuse without asking the broker. */
int mq_alter_check(const struct mq_conn *conn, const struct mq_stream_spec *spec,
                   struct mq_err *err);
int mq_alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);
int mq_trim_check(const struct mq_conn *conn, const struct mq_trim_spec *spec, struct mq_err *err);
int mq_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
            struct mq_err *err);
int mq_create_exchange(struct mq_conn *conn, const struct mq_exchange_spec *spec,
                       struct mq_err *err);
/* What mq_remove_exchange would refuse without asking the broker. */
int mq_remove_exchange_check(const struct mq_conn *conn, struct mq_err *err);
int mq_remove_exchange(struct mq_conn *conn, const char *exchange, struct mq_err *err);
/* What mq_remove would refuse without asking the broker; for those that ask or only tell. */
int mq_remove_check(const struct mq_conn *conn, const char *stream, struct mq_err *err);
int mq_remove(struct mq_conn *conn, const char *stream, struct mq_err *err);

int mq_settings_manual(const struct mq_backend *backend, struct mq_buf *buf, struct mq_err *err);
int mq_settings_dump(const struct mq_target *target, struct mq_buf *buf, struct mq_err *err);

#endif
