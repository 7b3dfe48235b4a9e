/*
 * The checks between a command and a backend, and the dispatch: see mqtk/broker.h.
 *
 * What is refused here is refused the same way on every broker: what the backend cannot do, and
 * what a read-only profile forbids. Everything else is the backend's.
 */
#include "mqtk/broker.h"

#include <string.h>

/* --- refusals -------------------------------------------------------------------------------- */

/* The backend's title without the library behind the comma. */
static int title_len(const struct mq_backend *backend)
{
	return (int)strcspn(backend->title, ",");
}

/* Fails unless the connection can do cap. what: the option or act; instead: what to do. */
static int check_cap(const struct mq_conn *conn, unsigned cap, const char *what,
                     const char *instead, struct mq_err *err)
{
	const struct mq_backend *backend = conn->backend;

	if (conn->caps & cap)
		return 0;
	return mq_fail(err, MQ_USAGE, "%.*s cannot do %s; %s", title_len(backend), backend->title,
	               what, instead);
}

static int check_writable(const struct mq_conn *conn, const char *what, const char *instead,
                          struct mq_err *err)
{
	if (!conn->readonly)
		return 0;
	mq_fail(err, MQ_DENIED, "the profile is read-only: %s is not allowed%s%s", what,
	        instead ? "; " : "", instead ? instead : "");
	return mq_hint(err, "it says readonly = true; mqtk config shows in which file");
}

/* For operations that a backend may leave out. */
static int missing_operation(const struct mq_conn *conn, const char *what, struct mq_err *err)
{
	return mq_fail(err, MQ_USAGE, "%.*s cannot %s", title_len(conn->backend),
	               conn->backend->title, what);
}

static bool is_regex(const char *stream)
{
	return stream && stream[0] == '^';
}

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
	if (check_writable(conn, "writing", NULL, err) < 0)
		return -1;
	if (!conn->backend->writer_open)
		return missing_operation(conn, "write", err);
	if (spec->transactional &&
	    check_cap(conn, MQ_CAP_TRANSACTIONS, "--transactional",
	              "without it every message is confirmed by itself", err) < 0)
		return -1;
	if (spec->compression && strcmp(spec->compression, "none") != 0 &&
	    check_cap(conn, MQ_CAP_COMPRESSION, "-z", "leave it out, or give -z none", err) < 0)
		return -1;
	if (is_regex(spec->stream) && (conn->caps & MQ_CAP_REGEX))
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
	if (check_writable(reader->conn, "settling", NULL, err) < 0)
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
		return missing_operation(writer->conn, "commit a transaction", err);
	return backend->writer_commit(writer, err);
}

int mq_writer_abort(struct mq_writer *writer, struct mq_err *err)
{
	const struct mq_backend *backend = writer->conn->backend;

	if (!backend->writer_abort)
		return missing_operation(writer->conn, "abort a transaction", err);
	return backend->writer_abort(writer, err);
}

int mq_writer_positions(struct mq_writer *writer, const char *group,
                        const struct mq_group_move *moves, size_t n, struct mq_err *err)
{
	if (check_cap(writer->conn, MQ_CAP_SEND_POSITIONS, "positions within a transaction",
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

static int check_position(const struct mq_conn *conn, const struct mq_pos *pos, const char *option,
                          const char *group, struct mq_err *err)
{
	switch (pos->kind) {
	case MQ_POS_TIME:
		return check_cap(conn, MQ_CAP_TIME_SEEK, "a moment as a position",
		                 "give beginning, end, an offset or -N", err);
	case MQ_POS_OFFSET:
		return check_cap(conn, MQ_CAP_OFFSETS, "offsets as positions",
		                 conn->caps & MQ_CAP_IDS
		                     ? "its positions are ids such as 1700000000000-0; -N, "
		                       "beginning, end and moments (@TIME, -1h) are understood too"
		                     : "a queue has no positions: -N, beginning and end are all",
		                 err);
	case MQ_POS_ID:
		return check_cap(conn, MQ_CAP_IDS, "ids as positions",
		                 "give an offset, -N or a moment (a month alone reads as an id: "
		                 "name the day too)",
		                 err);
	case MQ_POS_STORED:
		if (!group)
			return mq_fail(
			    err, MQ_USAGE,
			    "%s stored: the stored position is a group's; add --group NAME",
			    option);
		return 0;
	default:
		return 0;
	}
}

static int check_reading(const struct mq_conn *conn, const struct mq_read_spec *spec,
                         struct mq_err *err)
{
	if (spec->deliveries > 0 &&
	    check_cap(conn, MQ_CAP_CLAIM, "--max-deliveries",
	              "its dead letters are messages of a stream of their own", err) < 0)
		return -1;
	if (spec->deliveries > 0 && !spec->group)
		return mq_fail(err, MQ_USAGE, "--max-deliveries N is about a group: --group NAME");
	bool joins = spec->group && spec->deliveries == 0;
	if (spec->group &&
	    ((joins && check_writable(conn, "reading with --group, which commits,",
	                              "without --group nothing is committed", err) < 0) ||
	     check_cap(conn, MQ_CAP_GROUPS, "--group", "read without it, from a position (--from)",
	               err) < 0))
		return -1;
	if (spec->ack &&
	    (check_writable(conn, "--ack, which takes messages,", "without --ack nothing is taken",
	                    err) < 0 ||
	     check_cap(conn, MQ_CAP_ACK, "--ack", "--group NAME remembers what was read", err) < 0))
		return -1;
	if (spec->claim_ms > 0 &&
	    check_cap(conn, MQ_CAP_CLAIM, "--claim",
	              "it gives the messages of a silent member to others by itself", err) < 0)
		return -1;
	if (spec->prefetch > 0 &&
	    check_cap(conn, MQ_CAP_PREFETCH, "--prefetch",
	              "leave it out; the reader asks for as much as it can use", err) < 0)
		return -1;
	if (spec->n_partitions &&
	    check_cap(conn, MQ_CAP_PARTITIONS, "-p", "its streams have no partitions", err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_streams; i++)
		if (is_regex(spec->streams[i]) &&
		    check_cap(conn, MQ_CAP_REGEX, "regular expressions as streams",
		              "name the streams; mqtk ls lists them", err) < 0)
			return -1;
	if (spec->n_ranges && check_cap(conn, MQ_CAP_RANGES, "a range for each partition",
	                                "give one for all with --from and --to", err) < 0)
		return -1;
	if (check_position(conn, &spec->from, "--from", spec->group, err) < 0 ||
	    check_position(conn, &spec->to, "--to", spec->group, err) < 0)
		return -1;
	return 0;
}

int mq_reader_open(struct mq_conn *conn, const struct mq_read_spec *spec,
                   struct mq_reader **ret_reader, struct mq_err *err)
{
	*ret_reader = NULL;
	if (!conn->backend->reader_open)
		return missing_operation(conn, "read", err);
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
	if (check_writable(reader->conn, "settling", NULL, err) < 0)
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
	if (check_writable(reader->conn, "committing", NULL, err) < 0)
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

/* --- looking and changing -------------------------------------------------------------------- */

int mq_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info, struct mq_err *err)
{
	*ret_info = (struct mq_broker_info){.controller = -1, .answered_by = -1};
	if (!conn->backend->describe_broker)
		return missing_operation(conn, "describe itself", err);
	return conn->backend->describe_broker(conn, ret_info, err);
}

int mq_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list, struct mq_err *err)
{
	*ret_list = (struct mq_stream_list){0};
	if (!conn->backend->list)
		return missing_operation(conn, "list its streams", err);
	return conn->backend->list(conn, deep, ret_list, err);
}

int mq_dead_routes(struct mq_conn *conn, struct mq_dead_route_list *ret_list, struct mq_err *err)
{
	*ret_list = (struct mq_dead_route_list){0};
	return conn->backend->dead_routes ? conn->backend->dead_routes(conn, ret_list, err) : 0;
}

int mq_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                struct mq_err *err)
{
	mq_stream_info_init(ret_info);
	if (!conn->backend->describe)
		return missing_operation(conn, "describe a stream", err);
	return conn->backend->describe(conn, stream, ret_info, err);
}

int mq_keeps(struct mq_conn *conn, const char *stream, int64_t *ret_ms, struct mq_err *err)
{
	*ret_ms = -1;
	return conn->backend->keeps ? conn->backend->keeps(conn, stream, ret_ms, err) : 0;
}

int mq_locate(struct mq_conn *conn, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	if (!conn->backend->locate)
		return missing_operation(
		    conn, "look up positions; consume --from POS begins at one", err);
	for (size_t i = 0; i < n; i++)
		if (check_position(conn, &requests[i].pos, "the position", NULL, err) < 0)
			return -1;
	return conn->backend->locate(conn, requests, n, err);
}

/* --- making and changing ---------------------------------------------------------------------
 * What a backend cannot do is refused here, in one line that names the alternative. */

/* The words of each field and kind, and what to do where it is not understood. */
struct ability {
	unsigned what;
	const char *option;
	const char *instead;
};

static const struct ability fields[] = {
    {MQ_FIELD_PARTITIONS, "--partitions", "leave it out"},
    {MQ_FIELD_REPLICAS, "--replicas", "leave it out"},
    {MQ_FIELD_RETENTION, "--retention", "'mqtk trim --max-age DUR' removes old messages"},
    {MQ_FIELD_MAX_BYTES, "--max-bytes", "leave it out"},
    {MQ_FIELD_MAX_LENGTH, "--max-length", "'mqtk trim --max-length N' removes old messages"},
    {MQ_FIELD_TTL, "--ttl", "leave it out"},
    {MQ_FIELD_TYPE, "--type", "leave it out"},
    {MQ_FIELD_DELIVERY_LIMIT, "--delivery-limit", "leave it out"},
    {MQ_FIELD_DEAD_LETTER, "--dead-letter-exchange and --dead-letter-key", "leave them out"},
    {MQ_FIELD_BINDINGS, "--bind", "leave it out; produce to the stream itself"},
    {MQ_FIELD_CONFIG, "--config", "leave it out"},
};

static const struct ability trims[] = {
    {1 << MQ_TRIM_EXPIRED, "--expired", "--max-age DUR says what is too old"},
    {1 << MQ_TRIM_MAX_AGE, "--max-age", "--all removes everything"},
    {1 << MQ_TRIM_MAX_LENGTH, "--max-length", "--all removes everything"},
    {1 << MQ_TRIM_MAX_BYTES, "--max-bytes", "--max-length N counts messages"},
    {1 << MQ_TRIM_BEFORE, "--before", "--all removes everything"},
    {1 << MQ_TRIM_ALL, "--all", "'mqtk delete' removes the stream itself"},
};

/* Fails at the first of the wanted that is not understood. */
static int check_abilities(const struct mq_conn *conn, const struct ability *abilities, size_t n,
                           int where, unsigned wanted, unsigned understood, const char *verb,
                           struct mq_err *err)
{
	const struct mq_backend *backend = conn->backend;

	for (size_t i = 0; i < n; i++) {
		unsigned what = abilities[i].what;
		const char *instead = abilities[i].instead;
		if (!(wanted & what) || (understood & what))
			continue;
		for (const struct mq_instead *row = backend->instead; row && row->text; row++)
			if ((int)row->where == where && (row->what & what))
				instead = row->text;
		return mq_fail(err, MQ_USAGE, "%.*s cannot %s a stream with %s; %s",
		               title_len(backend), backend->title, verb, abilities[i].option,
		               instead);
	}
	return 0;
}

static int check_fields(const struct mq_conn *conn, int where, unsigned wanted, unsigned understood,
                        const char *verb, struct mq_err *err)
{
	return check_abilities(conn, fields, sizeof fields / sizeof fields[0], where, wanted,
	                       understood, verb, err);
}

int mq_create(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	if (check_writable(conn, "creating a stream", NULL, err) < 0)
		return -1;
	if (!conn->backend->create)
		return missing_operation(conn, "create a stream", err);
	if (is_regex(spec->stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; a new stream needs a name",
		               spec->stream);
	/* One of them is what every stream has. */
	unsigned wanted = mq_stream_spec_fields(spec);
	if (spec->partitions == 1)
		wanted &= ~(unsigned)MQ_FIELD_PARTITIONS;
	if (spec->replicas == 1)
		wanted &= ~(unsigned)MQ_FIELD_REPLICAS;
	if (check_fields(conn, MQ_IN_CREATE, wanted, conn->backend->create_fields, "create", err) <
	    0)
		return -1;
	return conn->backend->create(conn, spec, err);
}

int mq_alter_check(const struct mq_conn *conn, const struct mq_stream_spec *spec,
                   struct mq_err *err)
{
	unsigned wanted = mq_stream_spec_fields(spec);

	if (check_writable(conn, "changing a stream", NULL, err) < 0)
		return -1;
	if (is_regex(spec->stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; streams are changed by name",
		               spec->stream);
	if (!wanted)
		return mq_fail(err, MQ_USAGE, "nothing is to be changed: no limit was given");
	if (check_fields(conn, MQ_IN_ALTER, wanted, conn->backend->alter_fields, "alter", err) < 0)
		return -1;
	if (!conn->backend->alter)
		return missing_operation(conn, "alter a stream", err);
	return 0;
}

int mq_alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err)
{
	if (mq_alter_check(conn, spec, err) < 0)
		return -1;
	return conn->backend->alter(conn, spec, err);
}

int mq_trim_check(const struct mq_conn *conn, const struct mq_trim_spec *spec, struct mq_err *err)
{
	if (!spec->dry_run && check_writable(conn, "removing messages", NULL, err) < 0)
		return -1;
	if (is_regex(spec->stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; streams are trimmed by name",
		               spec->stream);
	if (check_abilities(conn, trims, sizeof trims / sizeof trims[0], MQ_IN_TRIM,
	                    1U << spec->kind, conn->backend->trims, "trim", err) < 0)
		return -1;
	if (!conn->backend->trim)
		return missing_operation(conn, "trim a stream", err);
	return check_position(conn, &spec->before, "--before", NULL, err);
}

int mq_trim(struct mq_conn *conn, const struct mq_trim_spec *spec, int64_t *ret_removed,
            struct mq_err *err)
{
	*ret_removed = -1;
	if (mq_trim_check(conn, spec, err) < 0)
		return -1;
	return conn->backend->trim(conn, spec, ret_removed, err);
}

static int check_exchanges(const struct mq_conn *conn, const char *doing, struct mq_err *err)
{
	if (check_writable(conn, doing, NULL, err) < 0)
		return -1;
	return check_cap(conn, MQ_CAP_EXCHANGES, "exchanges", "produce to the streams themselves",
	                 err);
}

int mq_create_exchange(struct mq_conn *conn, const struct mq_exchange_spec *spec,
                       struct mq_err *err)
{
	if (check_exchanges(conn, "creating an exchange", err) < 0)
		return -1;
	return conn->backend->create_exchange(conn, spec, err);
}

int mq_remove_exchange_check(const struct mq_conn *conn, struct mq_err *err)
{
	return check_exchanges(conn, "deleting an exchange", err);
}

int mq_remove_exchange(struct mq_conn *conn, const char *exchange, struct mq_err *err)
{
	if (mq_remove_exchange_check(conn, err) < 0)
		return -1;
	return conn->backend->remove_exchange(conn, exchange, err);
}

int mq_remove_check(const struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	if (check_writable(conn, "deleting a stream", NULL, err) < 0)
		return -1;
	if (!conn->backend->remove)
		return missing_operation(conn, "delete a stream", err);
	if (is_regex(stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; streams are deleted by name", stream);
	return 0;
}

int mq_remove(struct mq_conn *conn, const char *stream, struct mq_err *err)
{
	if (mq_remove_check(conn, stream, err) < 0)
		return -1;
	return conn->backend->remove(conn, stream, err);
}

int mq_settings_manual(const struct mq_backend *backend, struct mq_buf *buf, struct mq_err *err)
{
	if (backend->missing || !backend->settings_manual)
		return mq_fail(err, MQ_USAGE, "%.*s has no list of further settings",
		               title_len(backend), backend->title);
	return backend->settings_manual(buf, err);
}

int mq_settings_dump(const struct mq_target *target, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_backend *backend = target->backend;

	if (backend->missing || !backend->settings_dump)
		return mq_fail(err, MQ_USAGE, "%.*s has no list of further settings",
		               title_len(backend), backend->title);
	return backend->settings_dump(target, buf, err);
}
