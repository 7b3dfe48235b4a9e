/*
 * Avro's object container files (specification, section of that name): a schema, then data in
 * blocks, which may be compressed by null, deflate, snappy, zstandard, bzip2 or xz.
 *
 * What is read is trusted with nothing: sizes are believed only as far as bytes have come, blocks
 * have a limit, compressed or not. A file that is damaged somewhere gives out everything before it.
 *
 * A codec's library is loaded at its first use; without it, or in a build without it, such files
 * are MQ_USAGE with what to install.
 */
#ifndef MQTK_AVRO_FILE_H
#define MQTK_AVRO_FILE_H

#include "mqtk/cancel.h"
#include "mqtk/schema.h"

enum {
	MQ_AVRO_SYNC = 16,             /* bytes of a sync marker */
	MQ_AVRO_BLOCK_MAX = 256 << 20, /* bytes of a block, also when it is unpacked */
	MQ_AVRO_BLOCK_SIZE = 64 << 10, /* bytes of data after which a block is written */
};

/* "null, deflate, …": the codecs' names, for messages. */
const char *mq_avro_codecs(void);
/* 0: the codec is known and can be used here. Else MQ_USAGE: it is not, and why. */
int mq_avro_codec_check(const char *codec, struct mq_err *err);

/* --- reading ---------------------------------------------------------------------------------- */

struct mq_avro_reader;

struct mq_avro_read_spec {
	int fd;                         /* borrowed; a pipe will do */
	const char *name;               /* of the file, for messages; copied */
	const struct mq_cancel *cancel; /* a wait for more ends by it (MQ_CANCELLED); NULL */
	size_t max_block;               /* 0: MQ_AVRO_BLOCK_MAX */
};

/* Reads the head. MQ_DATA: it is no such file, or its schema is none; MQ_USAGE: its codec is not
 * known or not here; MQ_IO. */
int mq_avro_reader_new(const struct mq_avro_read_spec *spec, struct mq_avro_reader **ret_reader,
                       struct mq_err *err);
void mq_avro_reader_free(struct mq_avro_reader *reader);

/* All of these are the reader's. */
struct mq_schema *mq_avro_reader_schema(struct mq_avro_reader *reader);
struct mq_bytes mq_avro_reader_schema_text(const struct mq_avro_reader *reader);
const char *mq_avro_reader_codec(const struct mq_avro_reader *reader);

/* The next datum, as mq_schema_decode takes it; valid until the next call. 1; 0: the file has
 * ended; -1, and so from then on: MQ_DATA (damaged, with the byte), MQ_IO, MQ_CANCELLED. What
 * strings hold is not looked at. */
int mq_avro_reader_next(struct mq_avro_reader *reader, struct mq_bytes *ret_datum,
                        struct mq_err *err);

/* --- writing ---------------------------------------------------------------------------------- */

struct mq_avro_writer;

struct mq_avro_write_spec {
	int fd;                         /* borrowed */
	const char *name;               /* of the file, for messages; copied */
	const struct mq_cancel *cancel; /* watched while fd takes nothing; NULL */
	struct mq_bytes schema;         /* the text: all of it (mq_avro_schema_text) */
	const char *codec;              /* NULL: "null" */
	size_t block_size;              /* 0: MQ_AVRO_BLOCK_SIZE */
	const unsigned char *sync;      /* MQ_AVRO_SYNC bytes; NULL: random ones */
};

/* Nothing is written yet: the head goes out with the first block, or at the first flush. MQ_USAGE:
 * the file has something in it already (it is not appended to), or the codec is not here. */
int mq_avro_writer_new(const struct mq_avro_write_spec *spec, struct mq_avro_writer **ret_writer,
                       struct mq_err *err);
/* Drops what was not flushed. */
void mq_avro_writer_free(struct mq_avro_writer *writer);

/* Takes a copy of one datum, and writes the block when it is full. */
int mq_avro_writer_append(struct mq_avro_writer *writer, struct mq_bytes datum, struct mq_err *err);
/* Writes the head, if it was not yet, and what there is as a block: the file is whole then. */
int mq_avro_writer_flush(struct mq_avro_writer *writer, struct mq_err *err);

/* Appends the text of an Avro schema that stands for itself: types that it has from references are
 * defined where they are first used. Else it is the text that it was made of, without white space.
 */
int mq_avro_schema_text(struct mq_schema *schema, struct mq_buf *buf, struct mq_err *err);

#endif
