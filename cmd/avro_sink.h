/*
 * The sink of consume --to-avro-file: messages become values of one Avro container file. What was
 * flushed is on the disk in whole blocks before it is settled; what a crash cuts off was not.
 */
#ifndef MQ_CMD_AVRO_SINK_H
#define MQ_CMD_AVRO_SINK_H

#include "cmd/decoding.h"
#include "mqtk/avro_file.h"
#include "mqtk/pump.h"

struct avro_sink {
	const struct mq_env *env;
	enum on_error on_error;
	struct decoder decoder;
	struct schema_opened schema; /* of the file */
	struct mq_avro_writer *writer;
	struct mq_buf datum;
	int fd;
	const char *path;
	bool regular;     /* a file that can be synced */
	int64_t accepted; /* since the last flush */
	int64_t written;  /* messages that are in the file */
	int64_t skipped;
};

/* Opens the file, which must be empty or new; "-" is standard output. options.schema names the
 * file's schema; payloads that name theirs are read with it, what is JSON is made by it. To be
 * released also after a failure. */
int avro_sink_init(struct avro_sink *sink, const struct mq_invocation *invocation, const char *path,
                   const struct decoding_options *options, struct mq_err *err);
/* Writes out what there is, and the head also when nothing came. */
int avro_sink_finish(struct avro_sink *sink, struct mq_err *err);
void avro_sink_release(struct avro_sink *sink);

/* The operations of a pump's sink; ctx is the avro_sink. */
struct mq_sink avro_sink_operations(struct avro_sink *sink);

#endif
