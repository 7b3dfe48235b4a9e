/*
 * One connection to a server: commands out, replies in, nothing blocks but mq_rd_link_await.
 *
 * Who is connected to and when it is done again is route.c's business.
 */
#include "backend/redis/redis.h"

#include <stdlib.h>

enum {
	IN_BYTES = 64 * 1024,
	/* What is fed at once: hiredis moves the rest of its buffer to the front now and then. */
	FEED_BYTES = 16 * 1024,
	OUT_KEPT = 1 << 20,
};
/* A command with the largest value that a server can be set to take, and some more. */
#define OUT_LIMIT (((size_t)1 << 31) + (64 << 20))

/* --- commands -------------------------------------------------------------------------------- */

int mq_rd_link_append(struct mq_rd_link *link, size_t argc, const char *const *argv,
                      const size_t *lens, struct mq_err *err)
{
	size_t before = link->out.len;

	if (mq_rd_command_append(&link->out, argc, argv, lens, err) < 0)
		return -1;
	link->appended += link->out.len - before;
	return 0;
}

int mq_rd_link_append_words(struct mq_rd_link *link, const char *const *words, struct mq_err *err)
{
	size_t argc = 0;

	while (words[argc])
		argc++;
	return mq_rd_link_append(link, argc, words, NULL, err);
}

int mq_rd_link_push(struct mq_rd_link *link, struct mq_err *err)
{
	while (mq_rd_link_has_output(link)) {
		int64_t n = mq_net_write(link->net, link->out.data + link->out_at,
		                         link->out.len - link->out_at, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		link->out_at += (size_t)n;
		link->written += (uint64_t)n;
	}
	if (link->out.cap > OUT_KEPT)
		mq_buf_release(&link->out);
	link->out.len = link->out_at = 0;
	return 0;
}

/* --- replies --------------------------------------------------------------------------------- */

static int read_next(struct mq_rd_link *link, struct mq_rd_arena *arena,
                     struct mq_rd_reply **ret_reply, struct mq_err *err)
{
	if (mq_rd_link_has_output(link) && mq_rd_link_push(link, err) < 0)
		return -1;
	for (;;) {
		int got = mq_rd_codec_next(&link->codec, arena, ret_reply, err);
		if (got != 0)
			return got;
		if (link->in_at == link->in_len) {
			int64_t n = mq_net_read(link->net, link->in, IN_BYTES, err);
			if (n <= 0)
				return (int)n;
			link->in_at = 0;
			link->in_len = (size_t)n;
			link->heard_ms = mq_now_monotonic_ms();
		}
		size_t piece = link->in_len - link->in_at;
		if (piece > FEED_BYTES)
			piece = FEED_BYTES;
		if (mq_rd_codec_feed(&link->codec, link->in + link->in_at, piece, err) < 0)
			return -1;
		link->in_at += piece;
	}
}

/* Puts the server's name in front of what happened. */
static void name_peer(const struct mq_rd_link *link, struct mq_err *err)
{
	struct mq_err bare = *err;

	mq_err_clear(err);
	mq_fail(err, bare.code, "%s: %s", mq_net_peer(link->net), bare.message);
	err->retriable = bare.retriable;
	if (bare.hint[0])
		mq_hint(err, "%s", bare.hint);
}

int mq_rd_link_next(struct mq_rd_link *link, struct mq_rd_arena *arena,
                    struct mq_rd_reply **ret_reply, struct mq_err *err)
{
	bool was_clear = err && !err->code;
	int got = read_next(link, arena, ret_reply, err);

	if (got < 0 && was_clear)
		name_peer(link, err);
	return got;
}

int mq_rd_link_await(struct mq_rd_link *link, struct mq_rd_arena *arena, int64_t deadline_ms,
                     bool through, struct mq_rd_reply **ret_reply, struct mq_err *err)
{
	const struct mq_env *env = link->conn->base.env;

	for (;;) {
		int got = mq_rd_link_next(link, arena, ret_reply, err);
		if (got != 0)
			return got;
		if (!through && mq_cancel_signal(env->cancel))
			return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
		int64_t left = deadline_ms - mq_now_monotonic_ms();
		if (left <= 0) {
			mq_fail(err, MQ_UNREACHABLE, "%s: no answer within %d ms",
			        mq_net_peer(link->net), env->timeout_ms);
			if (err)
				err->retriable = true;
			return -1;
		}
		int wait = left < 60000 ? (int)left : 60000;
		if (through)
			mq_net_wait_through(link->net, mq_rd_link_has_output(link), wait);
		else
			mq_net_wait(link->net, mq_rd_link_has_output(link), wait);
	}
}

/* --- opening --------------------------------------------------------------------------------- */

/* Sends one command of the login and takes its reply; err says what the server refused. */
static int handshake(struct mq_rd_link *link, const char *const *words, int64_t deadline_ms,
                     struct mq_err *err)
{
	struct mq_rd_conn *conn = link->conn;
	struct mq_rd_reply *reply;
	struct mq_rd_arena arena = {0};
	int result = -1;

	if (mq_rd_link_append_words(link, words, err) < 0 ||
	    mq_rd_link_await(link, &arena, deadline_ms, false, &reply, err) < 0)
		goto out;
	result = reply->type == REDIS_REPLY_ERROR ? mq_rd_fail_reply(conn, NULL, reply, err) : 0;
out:
	mq_rd_arena_release(&arena);
	return result;
}

static int log_in(struct mq_rd_link *link, const char *user, const char *password, int64_t db,
                  struct mq_err *err)
{
	int64_t deadline = mq_now_monotonic_ms() + link->conn->base.env->timeout_ms;
	char number[24];

	if (user &&
	    handshake(link, MQ_RD_WORDS("AUTH", user, password ? password : ""), deadline, err) < 0)
		return -1;
	if (!user && password && handshake(link, MQ_RD_WORDS("AUTH", password), deadline, err) < 0)
		return -1;
	if (db > 0) {
		snprintf(number, sizeof number, "%lld", (long long)db);
		return handshake(link, MQ_RD_WORDS("SELECT", number), deadline, err);
	}
	return 0;
}

static int open_link(struct mq_rd_conn *conn, const struct mq_net_spec *spec, const char *user,
                     const char *password, int64_t db, struct mq_rd_link **ret_link,
                     struct mq_err *err)
{
	struct mq_rd_link *link = calloc(1, sizeof *link);

	*ret_link = NULL;
	if (!link)
		return mq_fail_memory(err);
	link->conn = conn;
	mq_buf_init(&link->out, OUT_LIMIT);
	link->in = malloc(IN_BYTES);
	if (!link->in) {
		mq_fail_memory(err);
		goto fail;
	}
	if (mq_rd_codec_init(&link->codec, err) < 0 || mq_net_connect(spec, &link->net, err) < 0 ||
	    log_in(link, user, password, db, err) < 0)
		goto fail;
	link->heard_ms = mq_now_monotonic_ms();
	*ret_link = link;
	return 0;
fail:
	mq_rd_link_close(link);
	return -1;
}

int mq_rd_link_open(struct mq_rd_conn *conn, const char *hosts, struct mq_rd_link **ret_link,
                    struct mq_err *err)
{
	struct mq_net_spec spec = {
	    .hosts = hosts ? hosts : conn->hosts,
	    .default_port = 6379,
	    .socket = hosts ? NULL : conn->socket,
	    .tls = conn->tls ? &conn->tls_settings : NULL,
	    .env = conn->base.env,
	};

	return open_link(conn, &spec, conn->user, conn->password, conn->db, ret_link, err);
}

int mq_rd_link_open_sentinel(struct mq_rd_conn *conn, const char *host,
                             struct mq_rd_link **ret_link, struct mq_err *err)
{
	struct mq_net_spec spec = {
	    .hosts = host,
	    .default_port = 26379,
	    .tls = conn->tls ? &conn->tls_settings : NULL,
	    .env = conn->base.env,
	};

	return open_link(conn, &spec, conn->sentinel_user, conn->sentinel_password, 0, ret_link,
	                 err);
}

void mq_rd_link_close(struct mq_rd_link *link)
{
	if (!link)
		return;
	mq_net_close(link->net);
	mq_rd_codec_release(&link->codec);
	if (link->out.data) /* it may hold the password */
		explicit_bzero(link->out.data, link->out.cap);
	mq_buf_release(&link->out);
	free(link->in);
	free(link);
}
