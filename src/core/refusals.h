/* What is refused the same way on every broker, in words that say what to do instead: what the
 * backend cannot do, and what a read-only profile forbids. */
#ifndef CORE_REFUSALS_H
#define CORE_REFUSALS_H

#include "mqtk/broker.h"

/* The length of the backend's title without the library behind the comma. */
int mq_title_len(const struct mq_backend *backend);

/* Fails, MQ_USAGE, unless the connection can do cap. what: the option or act; instead: what to do.
 */
int mq_check_cap(const struct mq_conn *conn, unsigned cap, const char *what, const char *instead,
                 struct mq_err *err);

/* Fails, MQ_DENIED, when the profile is read-only. instead may be NULL. */
int mq_check_writable(const struct mq_conn *conn, const char *what, const char *instead,
                      struct mq_err *err);

/* Fails for a position of a kind that the broker does not have. option: which it is, for messages;
 * group: whose stored position is meant, or NULL. */
int mq_check_position(const struct mq_conn *conn, const struct mq_pos *pos, const char *option,
                      const char *group, struct mq_err *err);

/* Fails, for an operation that this backend leaves out: it "cannot" what. */
int mq_missing_operation(const struct mq_conn *conn, const char *what, struct mq_err *err);

/* Is it a regular expression rather than a name? stream may be NULL. */
bool mq_is_regex(const char *stream);

#endif
