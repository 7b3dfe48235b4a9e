/*
 * Records of a batch that the broker refused because one of them is too large.
 *
 * The library fails the whole batch. Its records are copied here and sent again one by one through
 * a second producer whose batches hold one message, so that only the large one fails. That one is
 * idempotent too: each record is stored once. Order: records of the same partition that were
 * already on their way behind the refused batch come before its records; nothing written later
 * does, because the writer takes no messages meanwhile.
 */
#include "backend/kafka/writer.h"

#include <stdlib.h>
#include <string.h>

/* The time-out of a record counts from when the library has it, so it gets no more than are soon
 * answered. */
#define SENT_AT_ONCE 50

struct kept {
	struct kept *next;
	uint64_t tag;
	char *topic;
	int32_t partition;
	int64_t ts_ms;
	rd_kafka_headers_t *headers;
	char *key, *payload; /* NULL: absent */
	size_t key_len, payload_len;
};

struct mq_kafka_resend {
	struct mq_kafka_handle *handle; /* made when the first record is sent */
	struct kept *first, **last;
	int64_t sent; /* without an answer yet */
	bool gave_up;
};

static void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	if (kept->headers)
		rd_kafka_headers_destroy(kept->headers);
	free(kept->topic);
	free(kept->key);
	free(kept->payload);
	free(kept);
}

/* A copy that keeps absent and empty apart. */
static bool copy(char **ret, const void *data, size_t len)
{
	*ret = NULL;
	if (!data)
		return true;
	*ret = malloc(len ? len : 1);
	if (*ret)
		memcpy(*ret, data, len);
	return *ret != NULL;
}

bool mq_kafka_resend_keep(struct mq_kafka_writer *writer, const rd_kafka_message_t *rkm)
{
	rd_kafka_headers_t *headers;
	struct mq_kafka_resend *resend = writer->resend;

	if (!resend) {
		resend = calloc(1, sizeof *resend);
		if (!resend)
			return false;
		resend->last = &resend->first;
		writer->resend = resend;
	}
	struct kept *kept = calloc(1, sizeof *kept);
	if (!kept)
		return false;
	kept->tag = (uint64_t)(uintptr_t)rkm->_private;
	kept->partition = rkm->partition;
	kept->ts_ms = mq_kafka_sent_time(rkm);
	kept->key_len = rkm->key_len;
	kept->payload_len = rkm->len;
	kept->topic = strdup(rd_kafka_topic_name(rkm->rkt));
	if (rd_kafka_message_headers(rkm, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		kept->headers = rd_kafka_headers_copy(headers);
	if (resend->gave_up || !kept->topic || !copy(&kept->key, rkm->key, rkm->key_len) ||
	    !copy(&kept->payload, rkm->payload, rkm->len)) {
		kept_free(kept);
		return false;
	}
	*resend->last = kept;
	resend->last = &kept->next;
	return true;
}

static rd_kafka_resp_err_t produce(struct mq_kafka_resend *resend, struct kept *kept)
{
	rd_kafka_vu_t vu[8];
	size_t n = 0;

	vu[n].vtype = RD_KAFKA_VTYPE_TOPIC;
	vu[n++].u.cstr = kept->topic;
	vu[n].vtype = RD_KAFKA_VTYPE_PARTITION;
	vu[n++].u.i32 = kept->partition;
	vu[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
	vu[n++].u.i = RD_KAFKA_MSG_F_COPY;
	vu[n].vtype = RD_KAFKA_VTYPE_VALUE;
	vu[n].u.mem.ptr = kept->payload;
	vu[n++].u.mem.size = kept->payload_len;
	vu[n].vtype = RD_KAFKA_VTYPE_KEY;
	vu[n].u.mem.ptr = kept->key;
	vu[n++].u.mem.size = kept->key_len;
	vu[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
	vu[n++].u.ptr = (void *)(uintptr_t)kept->tag;
	vu[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
	vu[n++].u.i64 = kept->ts_ms > 0 ? kept->ts_ms : 0;
	if (kept->headers) {
		vu[n].vtype = RD_KAFKA_VTYPE_HEADERS;
		vu[n++].u.headers = kept->headers;
	}
	rd_kafka_error_t *error = rd_kafka_produceva(resend->handle->rk, vu, n);
	if (!error) {
		kept->headers = NULL; /* the library's now */
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	rd_kafka_resp_err_t kerr = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	return kerr;
}

/* What is kept cannot be sent: the report is made from the copy, and the bytes counted as open
 * are given back through the same function as always. */
static void report_kept(struct mq_kafka_writer *writer, struct kept *kept, const struct mq_err *why)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	message.stream = mq_bytes_str(kept->topic);
	message.partition = kept->partition;
	message.key = mq_bytes_of(kept->key, kept->key_len);
	message.payload = mq_bytes_of(kept->payload, kept->payload_len);
	message.ts_ms = writer->timed && kept->ts_ms > 0 ? kept->ts_ms : MQ_NO_TIME;
	message.tag = kept->tag;
	mq_kafka_restore_headers(writer, kept->headers, &message);
	mq_kafka_forget(writer, kept->key_len, kept->payload_len);
	mq_kafka_report_failed(writer, &message, why, false);
}

static void give_up(struct mq_kafka_writer *writer, const struct mq_err *why)
{
	struct mq_kafka_resend *resend = writer->resend;

	while (resend->first) {
		struct kept *kept = resend->first;
		resend->first = kept->next;
		if (!resend->first)
			resend->last = &resend->first;
		report_kept(writer, kept, why);
		kept_free(kept);
	}
}

static int open_producer(struct mq_kafka_writer *writer, struct mq_err *err)
{
	rd_kafka_conf_t *conf = mq_kafka_writer_conf(writer, NULL, err);

	if (!conf)
		return -1;
	if (mq_kafka_conf_set(conf, "batch.num.messages", "1", err) < 0 ||
	    mq_kafka_conf_set(conf, "linger.ms", "0", err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	if (mq_kafka_handle_new((struct mq_kafka_conn *)writer->base.conn, conf, MQ_KAFKA_PRODUCER,
	                        writer, &writer->resend->handle, err) < 0)
		return -1;
	/* Its answers wake up whoever waits for the writer. */
	rd_kafka_queue_io_event_enable(writer->resend->handle->events, writer->handle->wake[1], "x",
	                               1);
	return 0;
}

void mq_kafka_resend_serve(struct mq_kafka_writer *writer, int flush_ms)
{
	struct mq_kafka_resend *resend = writer->resend;
	struct mq_err why = MQ_ERR_INIT;

	if (!resend)
		return;
	if (resend->first && !resend->handle && open_producer(writer, &why) < 0) {
		resend->gave_up = true;
		give_up(writer, &why);
		return;
	}
	while (resend->handle && resend->first && resend->sent < SENT_AT_ONCE) {
		struct kept *kept = resend->first;
		rd_kafka_resp_err_t kerr = produce(resend, kept);
		if (kerr == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		if (kerr) {
			struct mq_err mine = MQ_ERR_INIT;
			mq_kafka_fail(&mine, kerr, "%s", kept->topic);
			report_kept(writer, kept, &mine);
		} else {
			resend->sent++;
		}
		resend->first = kept->next;
		if (!resend->first)
			resend->last = &resend->first;
		kept_free(kept);
	}
	if (!resend->handle || resend->sent == 0)
		return;
	int64_t before = writer->open_count;
	if (flush_ms > 0)
		rd_kafka_flush(resend->handle->rk, flush_ms);
	else
		rd_kafka_poll(resend->handle->rk, 0);
	resend->sent -= before - writer->open_count;
}

bool mq_kafka_resend_busy(const struct mq_kafka_writer *writer)
{
	return writer->resend && (writer->resend->first || writer->resend->sent > 0);
}

void mq_kafka_resend_purge(struct mq_kafka_writer *writer)
{
	struct mq_err why = MQ_ERR_INIT;

	if (!writer->resend)
		return;
	writer->resend->gave_up = true;
	mq_fail(&why, MQ_PARTIAL, "given up before it was sent again alone");
	give_up(writer, &why);
	if (writer->resend->handle)
		rd_kafka_purge(writer->resend->handle->rk,
		               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void mq_kafka_resend_free(struct mq_kafka_resend *resend)
{
	if (!resend)
		return;
	mq_kafka_handle_free(resend->handle);
	while (resend->first) {
		struct kept *kept = resend->first;
		resend->first = kept->next;
		kept_free(kept);
	}
	free(resend);
}
