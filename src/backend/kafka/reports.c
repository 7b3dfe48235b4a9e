/*
 * What became of each message: the library's delivery reports, and the records that never reached
 * it, as the caller gets to know them. Every message is reported once.
 */
#include "backend/kafka/writer.h"

#include <stdio.h>
#include <string.h>

void mq_kafka_forget(struct mq_kafka_writer *writer, size_t key_len, size_t payload_len)
{
	writer->open_count--;
	writer->open_bytes -= mq_kafka_open_size(key_len, payload_len);
}

void mq_kafka_report_failed(struct mq_kafka_writer *writer, const struct mq_message *message,
                            const struct mq_err *why, bool maybe_stored)
{
	struct mq_delivery delivery = {.tag = message->tag,
	                               .partition = message->partition,
	                               .offset = MQ_NO_OFFSET,
	                               .err = why,
	                               .maybe_stored = maybe_stored,
	                               .message = message};

	if (writer->delivered)
		writer->delivered(writer->ctx, &delivery);
	writer->reported++;
}

void mq_kafka_restore_headers(struct mq_kafka_writer *writer, rd_kafka_headers_t *from,
                              struct mq_message *message)
{
	struct mq_err err = MQ_ERR_INIT;

	mq_kafka_headers_clear(&writer->headers);
	if (mq_kafka_headers_read(&writer->headers, from, message, &err) < 0)
		mq_log(writer->base.conn->env, MQ_LEVEL_WARN,
		       "a failed record is reported without its headers: %s", err.message);
	message->headers = message->n_headers ? writer->headers.items : NULL;
}

int64_t mq_kafka_sent_time(const rd_kafka_message_t *rkm)
{
	rd_kafka_timestamp_type_t type;
	/* The library tells no time of a message with an error. The message is its own and no
	 * constant, only lent to the callback as one. */
	rd_kafka_message_t *mutable = (rd_kafka_message_t *)(uintptr_t)rkm;
	rd_kafka_resp_err_t kerr = rkm->err;

	mutable->err = RD_KAFKA_RESP_ERR_NO_ERROR;
	int64_t ret = rd_kafka_message_timestamp(rkm, &type);
	mutable->err = kerr;
	return ret;
}

void mq_kafka_report(struct mq_kafka_writer *writer, const rd_kafka_message_t *rkm)
{
	mq_kafka_forget(writer, rkm->key_len, rkm->len);
	if (!rkm->err) {
		struct mq_delivery delivery = {.tag = (uint64_t)(uintptr_t)rkm->_private,
		                               .partition = rkm->partition,
		                               .offset =
		                                   rkm->offset >= 0 ? rkm->offset : MQ_NO_OFFSET};
		if (writer->delivered)
			writer->delivered(writer->ctx, &delivery);
		writer->reported++;
		return;
	}

	int64_t ts = mq_kafka_sent_time(rkm);
	const char *topic = rd_kafka_topic_name(rkm->rkt);
	struct mq_message message = MQ_MESSAGE_INIT;
	message.stream = mq_bytes_str(topic);
	message.key = mq_bytes_of(rkm->key, rkm->key_len);
	message.payload = mq_bytes_of(rkm->payload, rkm->len);
	message.partition = rkm->partition >= 0 ? rkm->partition : MQ_NO_PARTITION;
	message.tag = (uint64_t)(uintptr_t)rkm->_private;
	/* The library's own time of sending is nothing to be kept. */
	message.ts_ms = writer->timed && ts > 0 ? ts : MQ_NO_TIME;
	rd_kafka_headers_t *headers;
	if (rd_kafka_message_headers(rkm, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		mq_kafka_restore_headers(writer, headers, &message);

	struct mq_err why = MQ_ERR_INIT;
	bool timed_out = rkm->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
	if (timed_out && writer->handle->why_text[0]) {
		pthread_mutex_lock(&writer->handle->lock);
		mq_fail(&why, MQ_UNREACHABLE, "%s: no confirmation in time; %s", topic,
		        writer->handle->why_text);
		pthread_mutex_unlock(&writer->handle->lock);
		why.retriable = true;
	} else if (rkm->partition >= 0) {
		mq_kafka_fail(&why, rkm->err, "%s[%d]", topic, (int)rkm->partition);
	} else {
		mq_kafka_fail(&why, rkm->err, "%s", topic);
	}
	if (rkm->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		mq_hint(&why, "the topic's max.message.bytes is smaller than this message");
	mq_kafka_report_failed(writer, &message, &why,
	                       rd_kafka_message_status(rkm) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *rkm, void *opaque)
{
	struct mq_kafka_handle *handle = opaque;
	struct mq_kafka_writer *writer = handle->owner;

	(void)rk;
	bool too_large = rkm->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	                 rkm->err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
	if (too_large && !writer->broken && handle == writer->handle && !writer->transactional &&
	    mq_kafka_resend_keep(writer, rkm))
		return;
	mq_kafka_report(writer, rkm);
}

rd_kafka_conf_t *mq_kafka_writer_conf(struct mq_kafka_writer *writer, const char *transactional_id,
                                      struct mq_err *err)
{
	const struct mq_kafka_conn *conn = (const struct mq_kafka_conn *)writer->base.conn;
	char timeout[24], txn_timeout[24];
	int ms = conn->base.env->timeout_ms;
	const char *extra[20];
	size_t n = 0;

	snprintf(timeout, sizeof timeout, "%d", ms > 0 ? ms : 1);
	snprintf(txn_timeout, sizeof txn_timeout, "%d", ms > 60000 ? ms : 60000);
	extra[n++] = "message.timeout.ms";
	extra[n++] = timeout;
	extra[n++] = "allow.auto.create.topics";
	extra[n++] = "false";
	if (writer->compression) {
		extra[n++] = "compression.type";
		extra[n++] = writer->compression;
	}
	if (transactional_id) {
		extra[n++] = "transactional.id";
		extra[n++] = transactional_id;
		extra[n++] = "transaction.timeout.ms";
		extra[n++] = txn_timeout;
	}
	extra[n] = NULL;
	rd_kafka_conf_t *conf = mq_kafka_conf(conn, MQ_KAFKA_PRODUCER, extra, err);
	if (conf)
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return conf;
}
