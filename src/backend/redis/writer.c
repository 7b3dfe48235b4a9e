/*
 * Producing: XADD in a pipeline of bounded length, each answer checked.
 *
 * Nothing is sent twice that the server may have done: what was on its way when a connection broke
 * is reported as unknown. What the server refused for a moment (OOM, LOADING, a failover) is sent
 * again, in order, once everything else on its way has its answer.
 */
#include "backend/redis/writer.h"

#include <poll.h>
#include <stdlib.h>

enum {
	IN_FLIGHT_MAX = 8192,
	BYTES_MAX = 8 << 20,  /* kept; one message may be larger by itself */
	OUT_MAX = 256 * 1024, /* in front of one connection */
	WAIT_EVERY = 1000,    /* messages between two WAITs */
	WAKE_MS = 100,
	CONNECT_AGAIN_MS = 100,
};

static const struct mq_env *env_of(const struct mq_rd_writer *w)
{
	return w->conn->base.env;
}

/* --- taking ---------------------------------------------------------------------------------- */

bool mq_rd_is_full(const struct mq_rd_writer *w)
{
	return w->tail - w->head >= IN_FLIGHT_MAX || w->data.len >= BYTES_MAX;
}

static int take(struct mq_rd_writer *w, const struct mq_message *message, struct mq_err *err)
{
	struct mq_rd_encoder *e = &w->encoder;
	struct mq_bytes key =
	    message->stream.data ? message->stream : mq_bytes_of(w->stream, w->stream_len);
	const struct mq_bytes words[] = {mq_bytes_str("XADD"), key, mq_bytes_str("NOMKSTREAM"),
	                                 mq_bytes_str("*")};
	size_t at = w->nomkstream ? 1 : 2;

	if (mq_rd_encode(e, message, err) < 0)
		return -1;
	/* The server would end the connection, and with it everything behind this one. */
	for (size_t i = MQ_RD_WORDS_MAX; i < e->n; i++)
		if (e->lens[i] > w->value_max) {
			return mq_fail(err, MQ_DATA,
			               "%s: a value of %zu bytes is larger than the server's "
			               "proto-max-bulk-len, %zu",
			               w->conn->shown, e->lens[i], w->value_max);
		}
	for (size_t i = 0, to = at; i < 4; i++) {
		if (i == 2 && !w->nomkstream)
			continue;
		e->argv[to] = words[i].data;
		e->lens[to++] = words[i].len;
	}
	return mq_rd_slot_add(w, e->n - at, e->argv + at, e->lens + at, message->tag, false, err);
}

/* A message that can never be sent. */
static void report_unsendable(struct mq_rd_writer *w, const struct mq_message *message,
                              const struct mq_err *why)
{
	struct mq_delivery delivery = {.tag = message->tag,
	                               .partition = MQ_NO_PARTITION,
	                               .offset = MQ_NO_OFFSET,
	                               .err = why,
	                               .message = message};

	w->reports++;
	w->delivered(w->ctx, &delivery);
}

/* --- sending --------------------------------------------------------------------------------- */

/* Reports what is queued as failed: nobody can be reached for too long. */
static void give_up(struct mq_rd_writer *w, const struct mq_err *why)
{
	for (uint64_t i = w->head; i < w->tail; i++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, i);
		if (slot->state == MQ_RD_QUEUED)
			mq_rd_slot_report(w, slot, why, false);
	}
	mq_rd_slots_tidy(w);
}

/* Connects the lane. 1, 0 when it has to be tried again later, -1 when what is queued
 * was given up. */
static int connect_lane(struct mq_rd_writer *w, struct mq_rd_lane *lane)
{
	int64_t now = mq_now_monotonic_ms();
	struct mq_err why = MQ_ERR_INIT;

	if (now < lane->next_try_ms)
		return 0;
	if (mq_rd_open_to(w->conn, lane->node, &lane->link, &why) == 0) {
		if (lane->down_ms)
			mq_log(env_of(w), MQ_LEVEL_VERBOSE, "%s: connected again", w->conn->shown);
		lane->down_ms = 0;
		return 1;
	}
	/* What comes behind those that were given up does not wait as long once more. */
	bool is_new = now - lane->next_try_ms > MQ_RD_QUIET_MS;
	now = mq_now_monotonic_ms();
	if (!lane->down_ms || (is_new && lane->gave_up))
		lane->down_ms = now;
	lane->next_try_ms = now + CONNECT_AGAIN_MS;
	lane->gave_up = now - lane->down_ms >= env_of(w)->timeout_ms || !why.retriable;
	if (lane->gave_up) {
		give_up(w, &why);
		return -1;
	}
	/* Another node may have taken over; each slot finds its lane anew. */
	struct mq_err ignored = MQ_ERR_INIT;
	if (w->conn->cluster)
		mq_rd_slots_load(w->conn, &ignored);
	return 0;
}

static struct mq_bytes key_of(struct mq_rd_writer *w, const struct mq_rd_slot *slot)
{
	if (slot->moves)
		return mq_rd_moves_key(slot->moves);
	/* *N\r\n$4\r\nXADD\r\n$LEN\r\nKEY\r\n */
	const char *at = w->data.data + (slot->at - w->data_from);
	const char *end = at + slot->len;

	for (int lines = 0; lines < 3 && at < end; lines++)
		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	size_t len = strtoul(at + 1, NULL, 10);
	return mq_bytes_of((const char *)memchr(at, '\n', (size_t)(end - at)) + 1, len);
}

/* By the slot of its key. -1: nobody has it, for now or, when what is queued was given up, for too
 * long. */
static int find_lane(struct mq_rd_writer *w, struct mq_rd_slot *slot, size_t *ret_lane)
{
	struct mq_err why = MQ_ERR_INIT;
	size_t node;

	if (mq_rd_node_of(w->conn, key_of(w, slot), &node, &why) == 0 &&
	    mq_rd_lane_to(w, node, ret_lane, &why) == 0)
		return 0;
	struct mq_rd_lane *any = &w->lanes[0];
	int64_t now = mq_now_monotonic_ms();
	if (!any->down_ms)
		any->down_ms = now;
	if (now - any->down_ms >= env_of(w)->timeout_ms) {
		any->down_ms = 0;
		give_up(w, &why);
	}
	return -1;
}

/* The lane that the slot goes over, connected. As connect_lane. */
static int lane_of(struct mq_rd_writer *w, struct mq_rd_slot *slot, size_t *ret_lane)
{
	if (slot->lane != SIZE_MAX)
		*ret_lane = slot->lane; /* where an ASK or a WAIT goes */
	else if (!w->conn->cluster)
		*ret_lane = 0;
	else if (find_lane(w, slot, ret_lane) < 0)
		return w->n_queued > 0 ? 0 : -1;
	struct mq_rd_lane *lane = &w->lanes[*ret_lane];
	return lane->link ? 1 : connect_lane(w, lane);
}

static int add_wait(struct mq_rd_writer *w, size_t lane)
{
	struct mq_err err = MQ_ERR_INIT;
	char replicas[24], ms[24];

	snprintf(replicas, sizeof replicas, "%lld", (long long)w->conn->wait_replicas);
	snprintf(ms, sizeof ms, "%lld", (long long)w->conn->wait_ms);
	const char *const words[] = {"WAIT", replicas, ms};
	if (mq_rd_slot_add(w, 3, words, NULL, 0, true, &err) < 0)
		return -1;
	mq_rd_slot_of_number(w, w->tail - 1)->lane = lane;
	w->lanes[lane].unconfirmed = 0;
	return 0;
}

/* Asks for the replicas' word: now and then, and when everything that is kept is stored. */
static void ask_replicas(struct mq_rd_writer *w)
{
	bool idle = w->n_queued == 0 && w->n_sent == 0 && w->n_refused == 0 && w->n_stored > 0;

	if (w->conn->wait_replicas <= 0)
		return;
	for (size_t i = 0; i < w->n_lanes; i++)
		if (w->lanes[i].link && (idle || w->lanes[i].unconfirmed >= WAIT_EVERY))
			add_wait(w, i);
}

static int send_slot(struct mq_rd_writer *w, struct mq_rd_slot *slot, size_t lane)
{
	struct mq_rd_link *link = w->lanes[lane].link;
	struct mq_err err = MQ_ERR_INIT;

	if (slot->asking &&
	    mq_rd_link_append_words(link, (const char *const[]){"ASKING", NULL}, &err) < 0)
		return -1;
	if (mq_buf_append(&link->out, w->data.data + (slot->at - w->data_from), slot->len, &err) <
	    0)
		return -1;
	link->appended += slot->len;
	slot->sent_end = link->appended;
	slot->asked = slot->asking;
	if (slot->moves)
		mq_rd_moves_sent(slot->moves);
	slot->lane = lane;
	if (w->lanes[lane].in_flight == 0)
		link->heard_ms = mq_now_monotonic_ms();
	mq_rd_slot_set(w, slot, MQ_RD_SENT);
	w->lanes[lane].cursor = 0;
	w->lanes[lane].unconfirmed += !slot->is_wait;
	return 0;
}

/* What was refused is queued again once its time has come. */
static void take_back_refused(struct mq_rd_writer *w)
{
	for (uint64_t i = w->head; i < w->tail; i++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, i);
		if (slot->state != MQ_RD_REFUSED)
			continue;
		mq_rd_slot_set(w, slot, MQ_RD_QUEUED);
		if (i < w->send)
			w->send = i;
	}
}

static void push(struct mq_rd_writer *w, size_t lane)
{
	struct mq_err why = MQ_ERR_INIT;

	if (w->lanes[lane].link && mq_rd_link_push(w->lanes[lane].link, &why) < 0)
		mq_rd_lane_lost(w, lane, &why);
}

/* Of a lane that nothing is on its way over. */
static void disconnect_lane(struct mq_rd_lane *lane)
{
	mq_rd_link_close(lane->link);
	lane->link = NULL;
	lane->outdated = false;
}

static void send_queued(struct mq_rd_writer *w)
{
	size_t lane;

	if (w->n_refused > 0) {
		/* Later ones wait, so that order is kept as far as it can be. */
		if (w->n_sent > 0 || mq_now_monotonic_ms() < w->retry_ms)
			return;
		take_back_refused(w);
		for (size_t i = 0; i < w->n_lanes; i++)
			if (w->lanes[i].outdated)
				disconnect_lane(&w->lanes[i]);
	}
	ask_replicas(w);
	for (; w->send < w->tail; w->send++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, w->send);
		if (slot->state != MQ_RD_QUEUED)
			continue;
		if (lane_of(w, slot, &lane) <= 0)
			break;
		struct mq_rd_link *link = w->lanes[lane].link;
		if (link->out.len >= OUT_MAX) {
			push(w, lane);
			if (!w->lanes[lane].link || w->lanes[lane].link->out.len >= OUT_MAX)
				break;
		}
		if (send_slot(w, slot, lane) < 0)
			break;
	}
	for (size_t i = 0; i < w->n_lanes; i++)
		push(w, i);
}

/* --- answers --------------------------------------------------------------------------------- */

static void read_answers(struct mq_rd_writer *w, size_t i)
{
	struct mq_rd_lane *lane = &w->lanes[i];
	struct mq_err why = MQ_ERR_INIT;
	struct mq_rd_reply *reply;
	int got = 0;

	while (lane->link && (got = mq_rd_link_next(lane->link, &w->arena, &reply, &why)) > 0) {
		mq_rd_lane_answer(w, i, reply);
		mq_rd_arena_clear(&w->arena);
		lane = &w->lanes[i]; /* a redirection may have added one */
	}
	if (!lane->link)
		return;
	int64_t patience = env_of(w)->timeout_ms + w->conn->wait_ms;
	if (got == 0 && lane->in_flight > 0 &&
	    mq_now_monotonic_ms() - lane->link->heard_ms > patience) {
		mq_fail(&why, MQ_UNREACHABLE, "nothing within %d ms", env_of(w)->timeout_ms);
		got = -1;
	}
	if (lane->deaf && got >= 0) {
		mq_fail(&why, MQ_UNREACHABLE, "the server ended the connection");
		got = -1;
	}
	if (got < 0)
		mq_rd_lane_lost(w, i, &why);
}

/* One turn: what came, what can go. */
void mq_rd_turn(struct mq_rd_writer *w)
{
	for (size_t i = 0; i < w->n_lanes; i++)
		read_answers(w, i);
	mq_rd_slots_tidy(w);
	send_queued(w);
}

/* Waits until a lane has something, or it is time to try again. */
static void wait_lanes(struct mq_rd_writer *w, bool through, int timeout_ms)
{
	struct pollfd fds[65];
	nfds_t n = 0;

	if (timeout_ms > WAKE_MS)
		timeout_ms = WAKE_MS;
	for (size_t i = 0; i < w->n_lanes && n < 64; i++) {
		struct mq_rd_link *link = w->lanes[i].link;
		if (!link || (w->lanes[i].in_flight == 0 && !mq_rd_link_has_output(link)))
			continue;
		short events = mq_rd_link_has_output(link) ? POLLIN | POLLOUT : POLLIN;
		fds[n++] = (struct pollfd){.fd = mq_net_fd(link->net), .events = events};
	}
	if (!through)
		fds[n++] = (struct pollfd){.fd = mq_cancel_fd(env_of(w)->cancel), .events = POLLIN};
	poll(fds, n, timeout_ms);
}

static int64_t serve(struct mq_rd_writer *w, int timeout_ms, bool all)
{
	int64_t deadline = mq_now_monotonic_ms() + timeout_ms;

	w->reports = 0;
	for (;;) {
		mq_rd_turn(w);
		if (w->n_messages == 0 || (!all && w->reports > 0))
			break;
		int64_t left = deadline - mq_now_monotonic_ms();
		if (left <= 0 || (!all && mq_cancel_signal(env_of(w)->cancel)))
			break;
		wait_lanes(w, all, (int)left);
	}
	return (int64_t)w->n_messages;
}

/* --- the backend's operations ---------------------------------------------------------------- */

int64_t mq_rd_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                    struct mq_err *err)
{
	struct mq_rd_writer *w = (struct mq_rd_writer *)writer;
	struct mq_err why = MQ_ERR_INIT; /* large: not for each message */
	size_t taken = 0;

	mq_rd_turn(w);
	for (; taken < n && !mq_rd_is_full(w); taken++) {
		if (take(w, &messages[taken], &why) == 0) {
			/* So that the server works while we go on. */
			if (w->data.len > OUT_MAX && w->tail - w->send >= 256)
				mq_rd_turn(w);
			continue;
		}
		if (why.code == MQ_INTERNAL) {
			if (taken == 0) {
				if (err && !err->code)
					*err = why;
				return -1;
			}
			break;
		}
		report_unsendable(w, &messages[taken], &why);
		mq_err_clear(&why);
	}
	mq_rd_turn(w);
	return (int64_t)taken;
}

int64_t mq_rd_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	(void)err;
	return serve((struct mq_rd_writer *)writer, timeout_ms, false);
}

int64_t mq_rd_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err)
{
	(void)err;
	return serve((struct mq_rd_writer *)writer, timeout_ms, true);
}

int mq_rd_writer_fd(struct mq_writer *writer)
{
	struct mq_rd_writer *w = (struct mq_rd_writer *)writer;

	/* Where time or several connections matter, poll has to look by itself. */
	if (w->n_lanes != 1 || !w->lanes[0].link || w->n_queued || w->n_refused)
		return -1;
	return mq_net_fd(w->lanes[0].link->net);
}

static int make_sure(struct mq_rd_writer *w, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	int exists = mq_rd_stream_exists(w->conn, w->stream, &why);

	/* Who may write is not always allowed to look; NOMKSTREAM finds out as well. */
	if (exists > 0 || (exists < 0 && why.code == MQ_DENIED && !w->create))
		return 0;
	if (exists < 0) {
		if (err && !err->code)
			*err = why;
		return -1;
	}
	if (!w->create) {
		mq_rd_fail_missing(w->conn, w->stream, err);
		return mq_hint(err, MQ_HINT_NO_TARGET);
	}
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;
	spec.stream = w->stream;
	spec.if_missing = true;
	return mq_rd_create(&w->conn->base, &spec, err);
}

/* What one value may have; the server's own default where it does not tell. */
static int learn_limit(struct mq_rd_writer *w, struct mq_err *err)
{
	const struct mq_rd_reply *reply;

	mq_rd_arena_clear(&w->conn->scratch);
	if (mq_rd_ask(w->conn, w->stream, MQ_RD_ERRORS, &w->conn->scratch,
	              MQ_RD_WORDS("CONFIG", "GET", "proto-max-bulk-len"), &reply, err) < 0)
		return -1;
	int64_t limit = mq_rd_reply_number(mq_rd_reply_at(reply, 1), -1);
	w->value_max = limit > 0 ? (size_t)limit : (size_t)512 << 20;
	return 0;
}

int mq_rd_writer_open(struct mq_conn *conn, const struct mq_write_spec *spec,
                      struct mq_writer **ret_writer, struct mq_err *err)
{
	struct mq_rd_writer *w = calloc(1, sizeof *w);
	size_t node, lane;

	if (!w)
		return mq_fail_memory(err);
	w->base.conn = conn;
	w->base.partitions = -1;
	w->conn = mq_rd_conn_of(conn);
	w->create = spec->create;
	w->delivered = spec->delivered;
	w->ctx = spec->ctx;
	mq_buf_init(&w->data, (size_t)2 << 30);
	mq_buf_init(&w->moving, (size_t)2 << 30);
	mq_buf_init(&w->last, (size_t)2 << 30);
	w->stream = strdup(spec->stream);
	if (!w->stream) {
		mq_fail_memory(err);
		goto fail;
	}
	w->stream_len = strlen(w->stream);
	if (mq_rd_encoder_init(&w->encoder, w->conn, err) < 0 ||
	    mq_rd_decoder_init(&w->decoder, w->conn, err) < 0 || mq_rd_connect(w->conn, err) < 0 ||
	    make_sure(w, err) < 0 || learn_limit(w, err) < 0 ||
	    mq_rd_node_of(w->conn, mq_bytes_str(w->stream), &node, err) < 0 ||
	    mq_rd_lane_to(w, node, &lane, err) < 0 ||
	    mq_rd_open_to(w->conn, node, &w->lanes[lane].link, err) < 0)
		goto fail;
	/* Older ones make a stream with its first entry; only the check above protects them. */
	w->nomkstream = !w->create && (w->conn->version == 0 || w->conn->version >= 60200);
	*ret_writer = &w->base;
	return 0;
fail:
	mq_rd_writer_close(&w->base);
	return -1;
}

void mq_rd_writer_close(struct mq_writer *writer)
{
	struct mq_rd_writer *w = (struct mq_rd_writer *)writer;
	struct mq_err why = MQ_ERR_INIT;

	if (!w)
		return;
	mq_fail(&why, MQ_UNREACHABLE, "%s: ended before the server answered", w->conn->shown);
	for (uint64_t i = w->head; i < w->tail; i++) {
		struct mq_rd_slot *slot = mq_rd_slot_of_number(w, i);
		if (slot->state != MQ_RD_DONE)
			mq_rd_slot_report(w, slot, &why,
			                  slot->state == MQ_RD_SENT || slot->state == MQ_RD_STORED);
	}
	for (size_t i = 0; i < w->n_lanes; i++)
		mq_rd_link_close(w->lanes[i].link);
	free(w->lanes);
	for (uint64_t i = w->head; i < w->tail; i++)
		mq_rd_moves_free(mq_rd_slot_of_number(w, i)->moves);
	free(w->slots);
	mq_buf_release(&w->moving);
	mq_buf_release(&w->last);
	free(w->stream);
	mq_buf_release(&w->data);
	mq_rd_arena_release(&w->arena);
	mq_rd_arena_release(&w->failing);
	mq_rd_encoder_release(&w->encoder);
	mq_rd_decoder_release(&w->decoder);
	free(w);
}
