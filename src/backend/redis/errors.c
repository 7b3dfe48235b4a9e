/* What the server's errors mean: exit codes, and what to do. */
#include "backend/redis/redis.h"

#undef mq_rd_fail_reply
#undef mq_rd_fail_shape
#undef mq_rd_fail_missing
#undef mq_rd_fail_no_group

static bool is_any(const struct mq_rd_reply *reply, const char *const *words)
{
	for (; *words; words++)
		if (mq_rd_reply_is_error(reply, *words))
			return true;
	return false;
}

static bool says(const struct mq_rd_reply *reply, const char *part)
{
	return strcasestr(mq_rd_reply_text(reply), part) != NULL;
}

bool mq_rd_is_passing(const struct mq_rd_reply *reply)
{
	static const char *const words[] = {
	    "LOADING", "TRYAGAIN",   "CLUSTERDOWN",  "MASTERDOWN", "READONLY", "OOM",
	    "BUSY",    "NOREPLICAS", "NOMASTERLINK", "UNBLOCKED",  NULL};

	return is_any(reply, words);
}

static enum mq_code code_of(const struct mq_rd_reply *reply)
{
	static const char *const denied[] = {"NOAUTH", "WRONGPASS", "NOPERM", "DENIED", NULL};

	if (is_any(reply, denied) || says(reply, "invalid password") ||
	    says(reply, "without any password configured") || says(reply, "no password is set"))
		return MQ_DENIED;
	if (mq_rd_is_passing(reply) || says(reply, "max number of clients"))
		return MQ_UNREACHABLE;
	if (mq_rd_reply_is_error(reply, "NOGROUP") || says(reply, "no such key") ||
	    says(reply, "DB index"))
		return MQ_NOT_FOUND;
	return MQ_USAGE;
}

static int add_hint(const struct mq_rd_reply *reply, struct mq_err *err)
{
	static const struct {
		const char *word;
		const char *hint;
	} hints[] = {
	    {"NOAUTH",
	     "give user and password: redis://USER@HOST/…, the password by $MQTK_PASSWORD "
	     "or the profile's password-command"},
	    {"WRONGPASS", "check user and password; mqtk config shows where they come from"},
	    {"NOPERM", "the user's ACL does not allow this command or key (ACL LIST shows it)"},
	    {"READONLY", "this server is a replica: name the master, or -X sentinel=NAME"},
	    {"OOM", "the server is at its maxmemory; 'mqtk trim' removes old messages"},
	    {"LOADING", "the server still reads its data; a longer --timeout waits for it"},
	    {"CLUSTERDOWN", "the cluster does not serve all of its slots (CLUSTER INFO)"},
	    {"CROSSSLOT", "in a cluster, streams of one command must share a {tag} in their names"},
	    {"MISCONF", "the server cannot save its data and takes no writes: see its log"},
	    {"NOGROUP", "the group was deleted, or the stream with it"},
	    {NULL, NULL},
	};

	for (size_t i = 0; hints[i].word; i++)
		if (mq_rd_reply_is_error(reply, hints[i].word))
			return mq_hint(err, "%s", hints[i].hint);
	if (says(reply, "unknown command"))
		return mq_hint(err, "streams need Redis 5.0 or newer");
	if (says(reply, "invalid bulk length"))
		return mq_hint(err,
		               "a value is larger than the server's proto-max-bulk-len allows");
	if (says(reply, "DB index"))
		return mq_hint(err, "a cluster has database 0 alone; others as many as 'databases' "
		                    "says");
	return -1;
}

int mq_rd_fail_reply(const struct mq_rd_conn *conn, const char *stream,
                     const struct mq_rd_reply *reply, struct mq_err *err)
{
	bool had = err && err->code != MQ_OK;
	enum mq_code code = code_of(reply);

	if (mq_rd_reply_is_error(reply, "WRONGTYPE")) {
		mq_fail(err, MQ_USAGE, "%s: the key %s is not a stream", conn->shown,
		        stream ? stream : "asked for");
		return mq_hint(err, "redis-cli TYPE tells what it is; mqtk works with streams "
		                    "(XADD) alone");
	}
	mq_fail(err, code, "%s: %s%s%s", conn->shown, stream ? stream : "", stream ? ": " : "",
	        mq_rd_reply_text(reply));
	if (!had && err)
		err->retriable = code == MQ_UNREACHABLE;
	return add_hint(reply, err);
}

int mq_rd_fail_shape(const struct mq_rd_conn *conn, const char *command, struct mq_err *err)
{
	return mq_fail(err, MQ_DATA, "%s: the server's reply to %s is of an unknown form",
	               conn->shown, command);
}

int mq_rd_fail_missing(const struct mq_rd_conn *conn, const char *stream, struct mq_err *err)
{
	return mq_fail(err, MQ_NOT_FOUND, "%s: there is no stream %s", conn->shown, stream);
}

int mq_rd_fail_no_group(const struct mq_rd_conn *conn, const char *stream, const char *group,
                        struct mq_err *err)
{
	mq_fail(err, MQ_NOT_FOUND, "%s: there is no group %s in %s", conn->shown, group, stream);
	return mq_hint(err,
	               "mqtk group ls shows those that there are, mqtk group create makes one");
}
