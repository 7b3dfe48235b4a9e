/* The Kafka writer's insides, shared by writer.c (the main path), reports.c (what became of each
 * message), targets.c (topics), resend.c (records of a batch that was refused as a whole) and txn.c
 * (transactions). */
#ifndef MQ_KAFKA_WRITER_H
#define MQ_KAFKA_WRITER_H

#include "backend/kafka/headers.h"
#include "backend/kafka/kafka.h"

#define MQ_KAFKA_RUN 500 /* messages handed to the library at once */

/* A topic that has been written to. */
struct mq_kafka_target {
	char *name;
	size_t len;
	rd_kafka_topic_t *rkt; /* of the main producer; NULL: missing says why */
	struct mq_err missing;
};

struct mq_kafka_resend;

struct mq_kafka_writer {
	struct mq_writer base;
	struct mq_kafka_handle *handle;
	bool create, transactional, in_transaction;
	char *compression;
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
	struct mq_kafka_target **targets;
	size_t n_targets;
	struct mq_kafka_target *main;
	int64_t open_count;  /* taken, and not reported yet */
	uint64_t open_bytes; /* what they occupy, roughly */
	uint64_t reported;   /* ever */
	bool timed;          /* some message came with a time of its own */
	bool broken;         /* a fatal error: nothing is sent any more */
	struct mq_err why;
	struct mq_kafka_resend *resend;  /* NULL until a batch is refused */
	struct mq_kafka_headers headers; /* of a failed message, while it is reported */
	rd_kafka_message_t run[MQ_KAFKA_RUN];
};

/* --- reports.c ---------------------------------------------------------------------------------
 */

/* What an open message occupies, roughly: the library keeps so much beside each. */
static inline size_t mq_kafka_open_size(size_t key_len, size_t payload_len)
{
	return key_len + payload_len + 150;
}
/* Reports a message that the library has answered, or will never answer. */
void mq_kafka_report(struct mq_kafka_writer *writer, const rd_kafka_message_t *rkm);
void mq_kafka_report_failed(struct mq_kafka_writer *writer, const struct mq_message *message,
                            const struct mq_err *why, bool maybe_stored);
/* The time a message was sent with, also when it failed; 0 or less: none. */
int64_t mq_kafka_sent_time(const rd_kafka_message_t *rkm);
/* Gives a failed message its headers and properties back, in the writer's scratch. */
void mq_kafka_restore_headers(struct mq_kafka_writer *writer, rd_kafka_headers_t *from,
                              struct mq_message *message);
/* A message is not open any more; its report follows. */
void mq_kafka_forget(struct mq_kafka_writer *writer, size_t key_len, size_t payload_len);
/* The settings of a producer whose messages are reported here. */
rd_kafka_conf_t *mq_kafka_writer_conf(struct mq_kafka_writer *writer, const char *transactional_id,
                                      struct mq_err *err);

/* --- targets.c ---------------------------------------------------------------------------------
 */

/* The topic of a message; made known at its first use. NULL only without memory or when the wait
 * was cut short. */
struct mq_kafka_target *mq_kafka_target(struct mq_kafka_writer *writer, struct mq_bytes name,
                                        struct mq_err *err);
/* How many partitions the topic has that -J records may name; 0 where that cannot be told. */
int32_t mq_kafka_target_partitions(struct mq_kafka_writer *writer, const char *name);
void mq_kafka_targets_free(struct mq_kafka_writer *writer);

/* --- writer.c ----------------------------------------------------------------------------------
 */

/* Offers one message to a producer by the long way. */
rd_kafka_resp_err_t mq_kafka_produce_one(struct mq_kafka_handle *handle, rd_kafka_topic_t *rkt,
                                         const struct mq_message *message);

/* --- resend.c ----------------------------------------------------------------------------------
 */

/* Keeps a copy of a message whose batch was refused as too large, to be sent alone. False: the
 * message was alone already, or it cannot be kept: report it. */
bool mq_kafka_resend_keep(struct mq_kafka_writer *writer, const rd_kafka_message_t *rkm);
/* Sends what is kept and serves the answers. */
void mq_kafka_resend_serve(struct mq_kafka_writer *writer, int flush_ms);
/* True while messages wait to be sent alone, or for their answer. */
bool mq_kafka_resend_busy(const struct mq_kafka_writer *writer);
/* Gives everything up: each is reported. */
void mq_kafka_resend_purge(struct mq_kafka_writer *writer);
void mq_kafka_resend_free(struct mq_kafka_resend *resend);

/* --- txn.c -------------------------------------------------------------------------------------
 */

/* Makes the producer ready for transactions; one of the same name is fenced off from then on. */
int mq_kafka_txn_prepare(struct mq_kafka_writer *writer, struct mq_err *err);
/* Begins a transaction where one is wanted and none is open. */
int mq_kafka_txn_begin(struct mq_kafka_writer *writer, struct mq_err *err);
/* Whether the error means that another producer of the same name is there: then err says so. */
bool mq_kafka_txn_fenced(const struct mq_kafka_writer *writer, rd_kafka_resp_err_t kerr,
                         struct mq_err *err);
void mq_kafka_txn_id(char *ret, size_t size);

#endif
