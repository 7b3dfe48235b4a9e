/* What is refused before a backend is asked: see refusals.h. */
#include "core/refusals.h"

#include <string.h>

int mq_title_len(const struct mq_backend *backend)
{
	return (int)strcspn(backend->title, ",");
}

int mq_check_cap(const struct mq_conn *conn, unsigned cap, const char *what, const char *instead,
                 struct mq_err *err)
{
	const struct mq_backend *backend = conn->backend;

	if (conn->caps & cap)
		return 0;
	return mq_fail(err, MQ_USAGE, "%.*s cannot do %s; %s", mq_title_len(backend),
	               backend->title, what, instead);
}

int mq_check_writable(const struct mq_conn *conn, const char *what, const char *instead,
                      struct mq_err *err)
{
	if (!conn->readonly)
		return 0;
	mq_fail(err, MQ_DENIED, "the profile is read-only: %s is not allowed%s%s", what,
	        instead ? "; " : "", instead ? instead : "");
	return mq_hint(err, "it says readonly = true; mqtk config shows in which file");
}

int mq_missing_operation(const struct mq_conn *conn, const char *what, struct mq_err *err)
{
	return mq_fail(err, MQ_USAGE, "%.*s cannot %s", mq_title_len(conn->backend),
	               conn->backend->title, what);
}

bool mq_is_regex(const char *stream)
{
	return stream && stream[0] == '^';
}

int mq_check_position(const struct mq_conn *conn, const struct mq_pos *pos, const char *option,
                      const char *group, struct mq_err *err)
{
	switch (pos->kind) {
	case MQ_POS_TIME:
		return mq_check_cap(conn, MQ_CAP_TIME_SEEK, "a moment as a position",
		                    "give beginning, end, an offset or -N", err);
	case MQ_POS_OFFSET:
		return mq_check_cap(
		    conn, MQ_CAP_OFFSETS, "offsets as positions",
		    conn->caps & MQ_CAP_IDS
		        ? "its positions are ids such as 1700000000000-0; -N, "
		          "beginning, end and moments (@TIME, -1h) are understood too"
		        : "a queue has no positions: -N, beginning and end are all",
		    err);
	case MQ_POS_ID:
		return mq_check_cap(conn, MQ_CAP_IDS, "ids as positions",
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
