/* What a broker has, and changes to it: each is checked as broker.c does, and dispatched. */
#include "core/refusals.h"

/* --- looking and changing -------------------------------------------------------------------- */

int mq_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info, struct mq_err *err)
{
	*ret_info = (struct mq_broker_info){.controller = -1, .answered_by = -1};
	if (!conn->backend->describe_broker)
		return mq_missing_operation(conn, "describe itself", err);
	return conn->backend->describe_broker(conn, ret_info, err);
}

int mq_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list, struct mq_err *err)
{
	*ret_list = (struct mq_stream_list){0};
	if (!conn->backend->list)
		return mq_missing_operation(conn, "list its streams", err);
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
		return mq_missing_operation(conn, "describe a stream", err);
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
		return mq_missing_operation(
		    conn, "look up positions; consume --from POS begins at one", err);
	for (size_t i = 0; i < n; i++)
		if (mq_check_position(conn, &requests[i].pos, "the position", NULL, err) < 0)
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
		               mq_title_len(backend), backend->title, verb, abilities[i].option,
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
	if (mq_check_writable(conn, "creating a stream", NULL, err) < 0)
		return -1;
	if (!conn->backend->create)
		return mq_missing_operation(conn, "create a stream", err);
	if (mq_is_regex(spec->stream))
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

	if (mq_check_writable(conn, "changing a stream", NULL, err) < 0)
		return -1;
	if (mq_is_regex(spec->stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; streams are changed by name",
		               spec->stream);
	if (!wanted)
		return mq_fail(err, MQ_USAGE, "nothing is to be changed: no limit was given");
	if (check_fields(conn, MQ_IN_ALTER, wanted, conn->backend->alter_fields, "alter", err) < 0)
		return -1;
	if (!conn->backend->alter)
		return mq_missing_operation(conn, "alter a stream", err);
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
	if (!spec->dry_run && mq_check_writable(conn, "removing messages", NULL, err) < 0)
		return -1;
	if (mq_is_regex(spec->stream))
		return mq_fail(err, MQ_USAGE,
		               "'%s' is a regular expression; streams are trimmed by name",
		               spec->stream);
	if (check_abilities(conn, trims, sizeof trims / sizeof trims[0], MQ_IN_TRIM,
	                    1U << spec->kind, conn->backend->trims, "trim", err) < 0)
		return -1;
	if (!conn->backend->trim)
		return mq_missing_operation(conn, "trim a stream", err);
	return mq_check_position(conn, &spec->before, "--before", NULL, err);
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
	if (mq_check_writable(conn, doing, NULL, err) < 0)
		return -1;
	return mq_check_cap(conn, MQ_CAP_EXCHANGES, "exchanges",
	                    "produce to the streams themselves", err);
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
	if (mq_check_writable(conn, "deleting a stream", NULL, err) < 0)
		return -1;
	if (!conn->backend->remove)
		return mq_missing_operation(conn, "delete a stream", err);
	if (mq_is_regex(stream))
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
		               mq_title_len(backend), backend->title);
	return backend->settings_manual(buf, err);
}

int mq_settings_dump(const struct mq_target *target, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_backend *backend = target->backend;

	if (backend->missing || !backend->settings_dump)
		return mq_fail(err, MQ_USAGE, "%.*s has no list of further settings",
		               mq_title_len(backend), backend->title);
	return backend->settings_dump(target, buf, err);
}
