/*
 * Producing: takes messages and hands them to the library in runs.
 *
 * Bounds: the library's queue is limited here, by bytes and by count, so that one message of any
 * size fits when nothing else is open. Order: per partition as written, except after a refused
 * batch (resend.c).
 */
#include "backend/kafka/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may be open at once. */
#define MAX_BYTES (UINT64_C(24) << 20)
#define MAX_COUNT 100000

/* --- opening -----------------------------------------------------------------------------------
 */

int mq_kafka_writer_open(struct mq_conn *base, const struct mq_write_spec *spec,
                         struct mq_writer **ret_writer, struct mq_err *err)
{
	struct mq_kafka_conn *conn = (struct mq_kafka_conn *)base;
	struct mq_kafka_writer *writer = calloc(1, sizeof *writer);
	char id[64];

	if (!writer)
		return mq_fail_memory(err);
	writer->base.conn = base;
	writer->create = spec->create;
	writer->transactional =
	    spec->transactional || mq_kafka_user_value(conn, "transactional.id") != NULL;
	writer->delivered = spec->delivered;
	writer->ctx = spec->ctx;
	if (spec->compression && !mq_kafka_user_value(conn, "compression.type") &&
	    !(writer->compression = strdup(spec->compression))) {
		mq_fail_memory(err);
		goto fail;
	}
	mq_kafka_txn_id(id, sizeof id);
	const char *transaction = spec->transaction ? spec->transaction : id;
	rd_kafka_conf_t *conf =
	    mq_kafka_writer_conf(writer, writer->transactional ? transaction : NULL, err);
	if (!conf ||
	    mq_kafka_handle_new(conn, conf, MQ_KAFKA_PRODUCER, writer, &writer->handle, err) < 0)
		goto fail;
	if (spec->stream) {
		writer->main = mq_kafka_target(writer, mq_bytes_str(spec->stream), err);
		if (writer->main && !writer->main->rkt)
			*err = writer->main->missing;
		if (!writer->main || !writer->main->rkt)
			goto fail;
		writer->base.partitions = mq_kafka_target_partitions(writer, spec->stream);
	}
	if (writer->transactional && mq_kafka_txn_prepare(writer, err) < 0)
		goto fail;
	pthread_mutex_lock(&writer->handle->lock);
	writer->handle->quiet = false;
	pthread_mutex_unlock(&writer->handle->lock);
	*ret_writer = &writer->base;
	return 0;
fail:
	mq_kafka_writer_close(&writer->base);
	return -1;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* Remembers a fatal error and gives up what is open: each is reported with what is known. */
static void check_fatal(struct mq_kafka_writer *writer)
{
	char text[400];
	rd_kafka_resp_err_t kerr;

	if (writer->broken)
		return;
	kerr = rd_kafka_fatal_error(writer->handle->rk, text, sizeof text);
	if (!kerr)
		return;
	writer->broken = true;
	enum mq_code code = mq_kafka_code(kerr);
	if (!mq_kafka_txn_fenced(writer, kerr, &writer->why)) {
		mq_fail(&writer->why, code == MQ_DENIED ? MQ_DENIED : MQ_PARTIAL,
		        "the broker refuses to go on with this producer: %s", text);
		mq_hint(&writer->why, "what was not confirmed may or may not be stored");
	}
	rd_kafka_purge(writer->handle->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	mq_kafka_resend_purge(writer);
}

rd_kafka_resp_err_t mq_kafka_produce_one(struct mq_kafka_handle *handle, rd_kafka_topic_t *rkt,
                                         const struct mq_message *message)
{
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_vu_t vu[8];
	size_t n = 0;

	if (mq_kafka_headers_wanted(message)) {
		struct mq_err err = MQ_ERR_INIT;
		headers = mq_kafka_headers_make(message, &err);
		if (!headers)
			return RD_KAFKA_RESP_ERR__INVALID_ARG;
		vu[n].vtype = RD_KAFKA_VTYPE_HEADERS;
		vu[n++].u.headers = headers;
	}
	vu[n].vtype = RD_KAFKA_VTYPE_RKT;
	vu[n++].u.rkt = rkt;
	vu[n].vtype = RD_KAFKA_VTYPE_PARTITION;
	vu[n++].u.i32 =
	    message->partition == MQ_NO_PARTITION ? RD_KAFKA_PARTITION_UA : message->partition;
	vu[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
	vu[n++].u.i = RD_KAFKA_MSG_F_COPY;
	vu[n].vtype = RD_KAFKA_VTYPE_VALUE;
	memcpy(&vu[n].u.mem.ptr, &message->payload.data, sizeof vu[n].u.mem.ptr);
	vu[n++].u.mem.size = message->payload.len;
	vu[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
	vu[n++].u.ptr = (void *)(uintptr_t)message->tag;
	if (message->ts_ms != MQ_NO_TIME) {
		vu[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
		vu[n++].u.i64 = message->ts_ms;
	}
	if (message->key.data) {
		vu[n].vtype = RD_KAFKA_VTYPE_KEY;
		memcpy(&vu[n].u.mem.ptr, &message->key.data, sizeof vu[n].u.mem.ptr);
		vu[n++].u.mem.size = message->key.len;
	}
	rd_kafka_error_t *error = rd_kafka_produceva(handle->rk, vu, n);
	if (!error)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_resp_err_t kerr = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	return kerr;
}

/* True when the message was taken; a message that can never be sent is reported at once. */
static bool taken(struct mq_kafka_writer *writer, const struct mq_kafka_target *target,
                  const struct mq_message *message, rd_kafka_resp_err_t kerr)
{
	struct mq_err why = MQ_ERR_INIT;

	switch (kerr) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		writer->open_count++;
		writer->open_bytes += mq_kafka_open_size(message->key.len, message->payload.len);
		return true;
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		return false;
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__STATE:
		check_fatal(writer);
		if (!writer->broken) {
			writer->broken = true;
			mq_fail(&writer->why, MQ_PARTIAL,
			        "the transaction has failed and takes no more messages");
		}
		return false;
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		mq_fail(&why, MQ_NOT_FOUND, "%s has no partition %d", target->name,
		        (int)message->partition);
		break;
	default:
		mq_kafka_fail(&why, kerr, "%s", target->name);
	}
	mq_kafka_report_failed(writer, message, &why, false);
	return true;
}

/* Whether a message can go the short way. */
static bool is_plain(const struct mq_message *m)
{
	return m->ts_ms == MQ_NO_TIME && !mq_kafka_headers_wanted(m);
}

static bool same_stream(const struct mq_kafka_writer *writer, const struct mq_message *m,
                        const struct mq_kafka_target *target)
{
	if (!m->stream.data)
		return target == writer->main;
	return m->stream.len == target->len &&
	       memcmp(m->stream.data, target->name, target->len) == 0;
}

static bool has_room(const struct mq_kafka_writer *writer, int64_t count, uint64_t bytes)
{
	return writer->open_count + count == 0 ||
	       (writer->open_count + count < MAX_COUNT && writer->open_bytes + bytes < MAX_BYTES);
}

/* As many plain messages for one topic as there are and fit. Returns how many were taken. */
static size_t write_run(struct mq_kafka_writer *writer, const struct mq_kafka_target *target,
                        const struct mq_message *messages, size_t n)
{
	size_t count = 0;
	uint64_t bytes = 0;

	while (count < n && count < MQ_KAFKA_RUN && has_room(writer, (int64_t)count, bytes)) {
		const struct mq_message *m = &messages[count];
		if (count > 0 && (!is_plain(m) || !same_stream(writer, m, target)))
			break;
		rd_kafka_message_t *rkm = &writer->run[count++];
		memcpy(&rkm->payload, &m->payload.data, sizeof rkm->payload);
		memcpy(&rkm->key, &m->key.data, sizeof rkm->key);
		rkm->len = m->payload.len;
		rkm->key_len = m->key.len;
		rkm->partition =
		    m->partition == MQ_NO_PARTITION ? RD_KAFKA_PARTITION_UA : m->partition;
		rkm->_private = (void *)(uintptr_t)m->tag;
		rkm->err = RD_KAFKA_RESP_ERR_NO_ERROR;
		bytes += mq_kafka_open_size(rkm->key_len, rkm->len);
	}
	if (count == 0)
		return 0;
	rd_kafka_produce_batch(target->rkt, RD_KAFKA_PARTITION_UA,
	                       RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_PARTITION, writer->run,
	                       (int)count);
	for (size_t i = 0; i < count; i++)
		if (!taken(writer, target, &messages[i], writer->run[i].err))
			return i;
	return count;
}

int64_t mq_kafka_write(struct mq_writer *base, const struct mq_message *messages, size_t n,
                       struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;
	size_t done = 0;

	/* While records of a refused batch are sent alone, nothing may overtake them. */
	if (mq_kafka_resend_busy(writer)) {
		mq_kafka_resend_serve(writer, 0);
		if (mq_kafka_resend_busy(writer))
			return 0;
	}
	if (n > 0 && !writer->broken && mq_kafka_txn_begin(writer, err) < 0) {
		check_fatal(writer);
		return -1;
	}
	while (done < n && !writer->broken) {
		const struct mq_message *m = &messages[done];
		struct mq_kafka_target *target = writer->main;
		if (m->stream.data && !(target && same_stream(writer, m, target)))
			target = mq_kafka_target(writer, m->stream, err);
		if (!target) {
			if (!m->stream.data)
				mq_fail(err, MQ_USAGE, "a message without a topic, and no default");
			return done > 0 ? (int64_t)done : -1;
		}
		if (!target->rkt) {
			mq_kafka_report_failed(writer, m, &target->missing, false);
			done++;
			continue;
		}
		if (m->ts_ms != MQ_NO_TIME && m->ts_ms <= 0) {
			struct mq_err why = MQ_ERR_INIT;
			mq_fail(&why, MQ_DATA, "%s: Kafka's library cannot send the timestamp %lld",
			        target->name, (long long)m->ts_ms);
			mq_kafka_report_failed(writer, m, &why, false);
			done++;
			continue;
		}
		writer->timed = writer->timed || m->ts_ms != MQ_NO_TIME;
		size_t got;
		if (is_plain(m))
			got = write_run(writer, target, m, n - done);
		else if (!has_room(writer, 0, mq_kafka_open_size(m->key.len, m->payload.len)))
			got = 0;
		else
			got = taken(writer, target, m,
			            mq_kafka_produce_one(writer->handle, target->rkt, m));
		if (got == 0)
			break;
		done += got;
	}
	if (done == 0 && n > 0 && writer->broken) {
		*err = writer->why;
		return -1;
	}
	return (int64_t)done;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void serve(struct mq_kafka_writer *writer)
{
	mq_kafka_handle_drain(writer->handle);
	rd_kafka_poll(writer->handle->rk, 0);
	mq_kafka_resend_serve(writer, 0);
	check_fatal(writer);
}

int64_t mq_kafka_writer_poll(struct mq_writer *base, int timeout_ms, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;
	const struct mq_env *env = base->conn->env;
	int64_t end = mq_now_monotonic_ms() + timeout_ms;
	uint64_t before = writer->reported;

	for (;;) {
		serve(writer);
		if (writer->reported != before || writer->open_count == 0)
			break;
		int64_t left = end - mq_now_monotonic_ms();
		if (left <= 0 || mq_cancel_signal(env->cancel))
			break;
		mq_cancel_wait(env->cancel, writer->handle->wake[0], POLLIN, (int)left);
	}
	if (writer->broken && writer->open_count == 0) {
		*err = writer->why;
		return -1;
	}
	return writer->open_count;
}

int64_t mq_kafka_writer_flush(struct mq_writer *base, int timeout_ms, struct mq_err *err)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;
	int64_t end = mq_now_monotonic_ms() + timeout_ms;

	(void)err;
	for (;;) {
		int64_t left = end - mq_now_monotonic_ms();
		bool busy = mq_kafka_resend_busy(writer);
		serve(writer);
		if (writer->open_count == 0 || left < 0)
			break;
		/* The library's own flush only sends what waits; who is confirmed is counted by
		 * the reports that it serves. */
		rd_kafka_flush(writer->handle->rk,
		               busy || left > 100 ? (busy ? 5 : 100) : (int)left);
		if (busy)
			mq_kafka_resend_serve(writer, left > 50 ? 50 : (int)left);
	}
	return writer->open_count;
}

int mq_kafka_writer_fd(struct mq_writer *base)
{
	return ((struct mq_kafka_writer *)base)->handle->wake[0];
}

void mq_kafka_writer_close(struct mq_writer *base)
{
	struct mq_kafka_writer *writer = (struct mq_kafka_writer *)base;

	if (!writer)
		return;
	if (writer->handle) {
		struct mq_err ignored = MQ_ERR_INIT;
		if (writer->in_transaction)
			mq_kafka_writer_abort(base, &ignored);
		if (writer->open_count > 0) {
			rd_kafka_purge(writer->handle->rk,
			               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
			mq_kafka_resend_purge(writer);
			/* Purging answers everything; that takes no network. */
			mq_kafka_writer_flush(base, 2000, &ignored);
		}
	}
	mq_kafka_targets_free(writer);
	mq_kafka_resend_free(writer->resend);
	mq_kafka_handle_free(writer->handle);
	mq_kafka_headers_release(&writer->headers);
	free(writer->compression);
	free(writer);
}
