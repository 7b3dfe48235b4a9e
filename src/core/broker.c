/*
 * The checks between a command and a backend, and the dispatch: see mqtk/broker.h.
 *
 * What is refused here is refused the same way on every broker: what the backend cannot do, and
 * what a read-only profile forbids. Everything else is the backend's.
 */
#include "core/refusals.h"

#include <string.h>

/* --- connection ------------------------------------------------------------------------------ */

int mq_open(const struct mq_target *target, const struct mq_env *env, struct mq_conn **ret_conn,
            struct mq_err *err)
{
	const struct mq_backend *backend = target->backend;

	*ret_conn = NULL;
	if (backend->missing || !backend->open)
		return mq_fail(err, MQ_USAGE, "%s: mqtk was %s", target->shown,
		               backend->missing ? backend->missing : "built without this backend");
	if (backend->open(target, env, ret_conn, err) < 0)
		return -1;
	struct mq_conn *conn = *ret_conn;
	conn->backend = backend;
	conn->env = env;
	conn->readonly = target->readonly;
	if (conn->caps == 0)
		conn->caps = backend->caps;
	return 0;
}

void mq_close(struct mq_conn *conn)
{
	if (conn)
		conn->backend->close(conn);
}

/* --- writing --------------------------------------------------------------------------------- */

int mq_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                   struct mq_writer **ret_writer, struct mq_err *err)
{
	*ret_writer = NULL;
	if (mq_check_writable(conn, "writing", NULL, err) < 0)
		return -1;
	if (!conn->backend->writer_open)
		return mq_missing_operation(conn, "write", err);
	if (spec->transactional &&
	    mq_check_cap(conn, MQ_CAP_TRANSACTIONS, "--transactional",
	                 "without it every message is confirmed by itself", err) < 0)
		return -1;
	if (spec->compression && strcmp(spec->compression, "none") != 0 &&
	    mq_check_cap(conn, MQ_CAP_COMPRESSION, "-z", "leave it out, or give -z none", err) < 0)
		return -1;
	if (mq_is_regex(spec->stream) && (conn->caps & MQ_CAP_REGEX))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; what is written needs one stream",
		               spec->stream);
	if (conn->backend->writer_open(conn, spec, ret_writer, err) < 0)
		return -1;
	(*ret_writer)->conn = conn;
	return 0;
}

int64_t mq_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                 struct mq_err *err)
{
	return writer->conn->backend->write(writer, messages, n, err);
}

int64_t mq_write_moving(struct mq_writer *writer, struct mq_reader *reader,
                        const struct mq_message *messages,
                        const struct mq_message *const *originals, size_t n, struct mq_err *err)
{
	const struct mq_backend *backend = writer->conn->backend;

	if (!backend->write_moving || reader->conn->backend != backend)
		return backend->write(writer, messages, n, err);
	if (mq_check_writable(reader->conn, "settling", NULL, err) < 0)
		return -1;
	return backend->write_moving(writer, reader, messages, originals, n, err);
}

int64_t mq_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	return writer->conn->backend->writer_poll(writer, timeout_ms, err);
}

int64_t mq_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	return writer->conn->backend->writer_flush(writer, timeout_ms, err);
}

int mq_writer_fd(struct mq_writer *writer)
{
	const struct mq_backend *backend = writer->conn->backend;

	return backend->writer_fd ? backend->writer_fd(writer) : -1;
}

int mq_writer_commit(struct mq_writer *writer, struct mq_err *err)
{
	const struct mq_backend *backend = writer->conn->backend;

	if (!backend->writer_commit)
		return mq_missing_operation(writer->conn, "commit a transaction", err);
	return backend->writer_commit(writer, err);
}

int mq_writer_abort(struct mq_writer *writer, struct mq_err *err)
{
	const struct mq_backend *backend = writer->conn->backend;

	if (!backend->writer_abort)
		return mq_missing_operation(writer->conn, "abort a transaction", err);
	return backend->writer_abort(writer, err);
}

int mq_writer_positions(struct mq_writer *writer, const char *group,
                        const struct mq_group_move *moves, size_t n, struct mq_err *err)
{
	if (mq_check_cap(writer->conn, MQ_CAP_SEND_POSITIONS, "positions within a transaction",
	                 "--resume FILE remembers what was copied", err) < 0)
		return -1;
	return writer->conn->backend->writer_positions(writer, group, moves, n, err);
}

void mq_writer_close(struct mq_writer *writer)
{
	if (writer)
		writer->conn->backend->writer_close(writer);
}

/* --- reading --------------------------------------------------------------------------------- */

static int check_reading(const struct mq_conn *conn, const struct mq_read_spec *spec,
                         struct mq_err *err)
{
	if (spec->deliveries > 0 &&
	    mq_check_cap(conn, MQ_CAP_CLAIM, "--max-deliveries",
	                 "its dead letters are messages of a stream of their own", err) < 0)
		return -1;
	if (spec->deliveries > 0 && !spec->group)
		return mq_fail(err, MQ_USAGE, "--max-deliveries N is about a group: --group NAME");
	bool joins = spec->group && spec->deliveries == 0;
	if (spec->group &&
	    ((joins && mq_check_writable(conn, "reading with --group, which commits,",
	                                 "without --group nothing is committed", err) < 0) ||
	     mq_check_cap(conn, MQ_CAP_GROUPS, "--group",
	                  "read without it, from a position (--from)", err) < 0))
		return -1;
	if (spec->ack && (mq_check_writable(conn, "--ack, which takes messages,",
	                                    "without --ack nothing is taken", err) < 0 ||
	                  mq_check_cap(conn, MQ_CAP_ACK, "--ack",
	                               "--group NAME remembers what was read", err) < 0))
		return -1;
	if (spec->claim_ms > 0 &&
	    mq_check_cap(conn, MQ_CAP_CLAIM, "--claim",
	                 "it gives the messages of a silent member to others by itself", err) < 0)
		return -1;
	if (spec->prefetch > 0 &&
	    mq_check_cap(conn, MQ_CAP_PREFETCH, "--prefetch",
	                 "leave it out; the reader asks for as much as it can use", err) < 0)
		return -1;
	if (spec->n_partitions &&
	    mq_check_cap(conn, MQ_CAP_PARTITIONS, "-p", "its streams have no partitions", err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_streams; i++)
		if (mq_is_regex(spec->streams[i]) &&
		    mq_check_cap(conn, MQ_CAP_REGEX, "regular expressions as streams",
		                 "name the streams; mqtk ls lists them", err) < 0)
			return -1;
	if (spec->n_ranges && mq_check_cap(conn, MQ_CAP_RANGES, "a range for each partition",
	                                   "give one for all with --from and --to", err) < 0)
		return -1;
	if (mq_check_position(conn, &spec->from, "--from", spec->group, err) < 0 ||
	    mq_check_position(conn, &spec->to, "--to", spec->group, err) < 0)
		return -1;
	return 0;
}

int mq_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                   struct mq_reader **ret_reader, struct mq_err *err)
{
	*ret_reader = NULL;
	if (!conn->backend->reader_open)
		return mq_missing_operation(conn, "read", err);
	if (check_reading(conn, spec, err) < 0)
		return -1;
	if (conn->backend->reader_open(conn, spec, ret_reader, err) < 0)
		return -1;
	(*ret_reader)->conn = conn;
	return 0;
}

int mq_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
             struct mq_err *err)
{
	*ret_batch = (struct mq_batch){0};
	return reader->conn->backend->fetch(reader, max, timeout_ms, ret_batch, err);
}

void mq_release(struct mq_reader *reader, struct mq_batch *batch)
{
	reader->conn->backend->release(reader, batch);
}

int mq_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
              struct mq_err *err)
{
	if (mq_check_writable(reader->conn, "settling", NULL, err) < 0)
		return -1;
	return reader->conn->backend->settle(reader, messages, n, err);
}

int mq_hold(struct mq_reader *reader, const struct mq_message *const *messages, size_t n,
            bool *ret_ours, struct mq_err *err)
{
	if (reader->conn->backend->hold)
		return reader->conn->backend->hold(reader, messages, n, ret_ours, err);
	for (size_t i = 0; i < n; i++)
		ret_ours[i] = true;
	return 0;
}

bool mq_owns(struct mq_reader *reader, const struct mq_message *message)
{
	return !reader->conn->backend->owns || reader->conn->backend->owns(reader, message);
}

int mq_commit(struct mq_reader *reader, bool wait, struct mq_err *err)
{
	if (mq_check_writable(reader->conn, "committing", NULL, err) < 0)
		return -1;
	return reader->conn->backend->commit(reader, wait, err);
}

int64_t mq_unsettled(struct mq_reader *reader)
{
	const struct mq_backend *backend = reader->conn->backend;

	return backend->unsettled ? backend->unsettled(reader) : 0;
}

int mq_reader_fd(struct mq_reader *reader)
{
	const struct mq_backend *backend = reader->conn->backend;

	return backend->reader_fd ? backend->reader_fd(reader) : -1;
}

void mq_reader_close(struct mq_reader *reader)
{
	if (reader)
		reader->conn->backend->reader_close(reader);
}
