/*
 * Payloads that are whole Avro container files, to and from a JSON array of what is in them. Such
 * files are read and written through descriptors, so each passes through a file without a name.
 */
#include "format/json_read.h"
#include "mqtk/avro_file.h"
#include "schema/codec.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static FILE *open_file(struct mq_err *err)
{
	FILE *file = tmpfile();

	if (!file)
		mq_fail_errno(err, MQ_IO, errno, "no file for an Avro container");
	return file;
}

static int decode_all(struct mq_codec *codec, struct mq_avro_reader *reader, struct mq_buf *buf,
                      struct mq_err *err)
{
	struct mq_schema *schema = mq_avro_reader_schema(reader);
	struct mq_bytes datum;
	int more;

	if (mq_buf_append_char(buf, '[', err) < 0)
		return -1;
	for (bool first = true; (more = mq_avro_reader_next(reader, &datum, err)) > 0;
	     first = false)
		if ((!first && mq_buf_append_char(buf, ',', err) < 0) ||
		    mq_schema_decode(schema, codec->spec.reader, datum, codec->spec.form, buf,
		                     err) < 0)
			return -1;
	return more < 0 ? -1 : mq_buf_append_char(buf, ']', err);
}

int codec_decode_container(struct mq_codec *codec, struct mq_bytes bytes, struct mq_buf *buf,
                           struct mq_err *err)
{
	struct mq_avro_reader *reader = NULL;
	FILE *file = open_file(err);
	int result = -1;

	if (!file)
		return -1;
	if (fwrite(bytes.data, 1, bytes.len, file) != bytes.len || fflush(file) != 0) {
		mq_fail_errno(err, MQ_IO, errno, "no room for an Avro container");
		goto out;
	}
	struct mq_avro_read_spec spec = {.fd = fileno(file), .name = "the container"};
	if (lseek(spec.fd, 0, SEEK_SET) == 0 && mq_avro_reader_new(&spec, &reader, err) == 0)
		result = decode_all(codec, reader, buf, err);
	else
		codec_missing(err);
	mq_avro_reader_free(reader);
out:
	fclose(file);
	return result < 0 ? -1 : 1;
}

/* The elements of an array, each encoded and appended. */
static int encode_all(struct mq_codec *codec, struct mq_bytes text, struct mq_avro_writer *writer,
                      struct mq_err *err)
{
	struct mq_json_reader reader;
	struct mq_bytes element;
	char next = ',';

	mq_json_reader_init(&reader, (char *)text.data, text.len); /* which changes nothing here */
	if (!mq_json_expect(&reader, '[', "an array of what is to be in the container"))
		goto wrong;
	if (mq_json_peek(&reader) == ']') {
		reader.p++;
		next = ']';
	}
	while (next == ',') {
		if (!mq_json_take_any(&reader, &element))
			goto wrong;
		mq_buf_clear(&codec->scratch);
		if (mq_schema_encode(codec->spec.schema, element, &codec->scratch, err) < 0 ||
		    mq_avro_writer_append(
		        writer, mq_bytes_of(codec->scratch.data, codec->scratch.len), err) < 0)
			return -1;
		next = mq_json_peek(&reader);
		if (next != ',' && next != ']') {
			reader.problem = "',' or ']' is expected";
			goto wrong;
		}
		reader.p++;
	}
	if (mq_json_peek(&reader) == '\0' && reader.p == reader.end)
		return mq_avro_writer_flush(writer, err);
	reader.problem = "something behind the array";
wrong:
	return mq_fail(err, MQ_DATA, "byte %zu: %s", (size_t)(reader.p - reader.base) + 1,
	               reader.problem);
}

static int read_back(int fd, struct mq_buf *buf, struct mq_err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < 0 || mq_buf_reserve(buf, (size_t)size + 1, err) < 0)
		return -1;
	for (off_t at = 0; at < size;) {
		ssize_t got = pread(fd, buf->data + buf->len, (size_t)(size - at), at);
		if (got <= 0)
			return mq_fail_errno(err, MQ_IO, errno, "an Avro container");
		buf->len += (size_t)got;
		at += got;
	}
	return 0;
}

int codec_encode_container(struct mq_codec *codec, struct mq_bytes text, struct mq_buf *buf,
                           struct mq_err *err)
{
	struct mq_avro_writer *writer = NULL;
	size_t before = buf->len;
	struct mq_buf schema;
	FILE *file = open_file(err);
	int result = -1;

	mq_buf_init(&schema, SIZE_MAX / 2);
	if (!file || mq_avro_schema_text(codec->spec.schema, &schema, err) < 0)
		goto out;
	struct mq_avro_write_spec spec = {.fd = fileno(file),
	                                  .name = "the container",
	                                  .schema = mq_bytes_of(schema.data, schema.len)};
	if (mq_avro_writer_new(&spec, &writer, err) == 0 &&
	    encode_all(codec, text, writer, err) == 0)
		result = read_back(spec.fd, buf, err);
	mq_avro_writer_free(writer);
out:
	if (result < 0)
		buf->len = before;
	mq_buf_release(&schema);
	if (file)
		fclose(file);
	return result;
}
