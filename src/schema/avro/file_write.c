/* Writing container files: see mqtk/avro_file.h. */
#include "mqtk/avro_file.h"
#include "mqtk/output.h"

#include "schema/avro/compress.h"
#include "schema/avro/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

struct mq_avro_writer {
	char *name;
	const struct av_codec *codec;
	size_t block_size;
	struct mq_env env;
	struct mq_output out;
	unsigned char sync[MQ_AVRO_SYNC];
	struct mq_buf data, packed; /* of the block at hand */
	int64_t count;
	bool begun; /* the head is written */
};

static int put_long(struct mq_buf *buf, int64_t number, struct mq_err *err)
{
	uint64_t rest = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);

	for (; rest >= 0x80; rest >>= 7)
		if (mq_buf_append_char(buf, (char)(rest | 0x80), err) < 0)
			return -1;
	return mq_buf_append_char(buf, (char)rest, err);
}

static int put_sized(struct mq_buf *buf, struct mq_bytes bytes, struct mq_err *err)
{
	return put_long(buf, (int64_t)bytes.len, err) < 0
	           ? -1
	           : mq_buf_append(buf, bytes.data, bytes.len, err);
}

static int put_head(struct mq_avro_writer *writer, struct mq_bytes schema, struct mq_err *err)
{
	struct mq_buf *buf = &writer->out.buf;

	if (mq_buf_append(buf, "Obj\x01", 4, err) < 0 || put_long(buf, 2, err) < 0 ||
	    put_sized(buf, mq_bytes_str("avro.codec"), err) < 0 ||
	    put_sized(buf, mq_bytes_str(writer->codec->name), err) < 0 ||
	    put_sized(buf, mq_bytes_str("avro.schema"), err) < 0 ||
	    put_sized(buf, schema, err) < 0 || put_long(buf, 0, err) < 0)
		return -1;
	return mq_buf_append(buf, writer->sync, MQ_AVRO_SYNC, err);
}

/* What is behind a file's last sync marker has to be of its schema and codec: nobody's guess. */
static int check_empty(const struct mq_avro_write_spec *spec, struct mq_err *err)
{
	struct stat stat;

	if (fstat(spec->fd, &stat) < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot write %s", spec->name);
	if (!S_ISREG(stat.st_mode) || stat.st_size == 0)
		return 0;
	mq_fail(err, MQ_USAGE, "%s has something in it, and an Avro file is not appended to",
	        spec->name);
	return mq_hint(err, "write another file, or remove this one first");
}

static int make_sync(struct mq_avro_writer *writer, const unsigned char *sync, struct mq_err *err)
{
	if (sync)
		memcpy(writer->sync, sync, MQ_AVRO_SYNC);
	else if (getrandom(writer->sync, MQ_AVRO_SYNC, 0) != MQ_AVRO_SYNC)
		return mq_fail_errno(err, MQ_IO, errno, "cannot get random bytes");
	return 0;
}

int mq_avro_writer_new(const struct mq_avro_write_spec *spec, struct mq_avro_writer **ret_writer,
                       struct mq_err *err)
{
	const char *codec = spec->codec ? spec->codec : "null";
	struct mq_avro_writer *writer;

	*ret_writer = NULL;
	if (mq_avro_codec_check(codec, err) < 0 || check_empty(spec, err) < 0)
		return -1;
	writer = calloc(1, sizeof *writer);
	if (!writer || !(writer->name = strdup(spec->name))) {
		free(writer);
		return mq_fail_memory(err);
	}
	writer->codec = av_codec_named(mq_bytes_str(codec));
	writer->block_size = spec->block_size ? spec->block_size : MQ_AVRO_BLOCK_SIZE;
	writer->env.cancel = (struct mq_cancel *)spec->cancel;
	mq_output_init(&writer->out, spec->fd, writer->name);
	mq_buf_init(&writer->data, MQ_AVRO_BLOCK_MAX);
	mq_buf_init(&writer->packed, 2 * (size_t)MQ_AVRO_BLOCK_MAX);
	if (make_sync(writer, spec->sync, err) < 0 || put_head(writer, spec->schema, err) < 0) {
		mq_avro_writer_free(writer);
		return -1;
	}
	*ret_writer = writer;
	return 0;
}

void mq_avro_writer_free(struct mq_avro_writer *writer)
{
	if (!writer)
		return;
	mq_output_release(&writer->out);
	mq_buf_release(&writer->data);
	mq_buf_release(&writer->packed);
	free(writer->name);
	free(writer);
}

int mq_avro_writer_append(struct mq_avro_writer *writer, struct mq_bytes datum, struct mq_err *err)
{
	/* One that has no room in a block at hand begins another. */
	if (writer->count > 0 && datum.len > writer->block_size - writer->data.len &&
	    mq_avro_writer_flush(writer, err) < 0)
		return -1;
	if (mq_buf_append(&writer->data, datum.data, datum.len, err) < 0)
		return -1;
	writer->count++;
	return writer->data.len >= writer->block_size ? mq_avro_writer_flush(writer, err) : 0;
}

static int put_block(struct mq_avro_writer *writer, struct mq_err *err)
{
	struct mq_buf *buf = &writer->out.buf;

	mq_buf_clear(&writer->packed);
	if (writer->codec->pack(
	        mq_bytes_of(writer->data.data ? writer->data.data : "", writer->data.len),
	        &writer->packed, err) < 0)
		return -1;
	if (put_long(buf, writer->count, err) < 0 ||
	    put_sized(buf, mq_bytes_of(writer->packed.data, writer->packed.len), err) < 0 ||
	    mq_buf_append(buf, writer->sync, MQ_AVRO_SYNC, err) < 0)
		return -1;
	mq_buf_clear(&writer->data);
	writer->count = 0;
	return 0;
}

int mq_avro_writer_flush(struct mq_avro_writer *writer, struct mq_err *err)
{
	if (writer->count > 0 && put_block(writer, err) < 0)
		return -1;
	return mq_output_flush(&writer->out, &writer->env, NULL, err);
}
