/*
 * What mqtk makes of Avro, case by case, for tests/lib/avro_peer.py: lines in, lines out. The parts
 * of a line have tabs between them; bytes are hexadecimal digits.
 *
 *	decode SCHEMA HEX FORM           the JSON; FORM is a sum of 1 (logical) and 2 (bare)
 *	encode SCHEMA JSON               the bytes
 *	resolve WRITER READER HEX FORM   the JSON as the reader has it
 *	reads READER WRITER              1 or 0
 *	canonical SCHEMA                 the canonical form, CRC-64-AVRO, MD5, SHA-256
 *	write FILE CODEC SCHEMA HEX,…    a new container file of these data, in blocks of 100 bytes
 *	read FILE                        the codec, the schema, an array of the data as JSON
 *
 * Answers: "ok", a tab, and that; or "bad", a tab, the exit code, a tab, the words, a tab, and what
 * there was before.
 */
#include "mqtk/avro_file.h"
#include "mqtk/digest.h"
#include "mqtk/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int from_hex(const char *text, struct mq_buf *buf, struct mq_err *err)
{
	unsigned byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2)
		if (mq_buf_append_char(buf, (char)byte, err) < 0)
			return -1;
	/* Empty is not absent. */
	return mq_buf_reserve(buf, 1, err);
}

static int put_hex(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (mq_buf_printf(buf, err, "%02x", (unsigned char)bytes.data[i]) < 0)
			return -1;
	return 0;
}

static int put_canonical(struct mq_schema *schema, struct mq_buf *out, struct mq_err *err)
{
	unsigned char md5[MQ_MD5_SIZE], sha256[MQ_SHA256_SIZE];
	char md5_hex[MQ_DIGEST_HEX], sha256_hex[MQ_DIGEST_HEX];

	if (mq_schema_canonical(schema, out, err) < 0)
		return -1;
	struct mq_bytes text = mq_bytes_of(out->data, out->len);
	uint64_t crc = mq_digest_crc64_avro(text);
	if (mq_digest_md5(text, md5, err) < 0 || mq_digest_sha256(text, sha256, err) < 0)
		return -1;
	mq_digest_hex(md5, sizeof md5, md5_hex);
	mq_digest_hex(sha256, sizeof sha256, sha256_hex);
	return mq_buf_printf(out, err, "\t%016" PRIx64 "\t%s\t%s", crc, md5_hex, sha256_hex);
}

static int write_file(char **parts, struct mq_buf *bytes, struct mq_err *err)
{
	struct mq_avro_write_spec spec = {.fd = open(parts[1], O_WRONLY | O_CREAT, 0666),
	                                  .name = parts[1],
	                                  .codec = parts[2],
	                                  .schema = mq_bytes_str(parts[3]),
	                                  .block_size = 100};
	struct mq_avro_writer *writer = NULL;
	int result = -1;

	if (spec.fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "%s", parts[1]);
	if (mq_avro_writer_new(&spec, &writer, err) < 0)
		goto out;
	for (char *hex, *rest = parts[4]; (hex = strsep(&rest, ","));) {
		mq_buf_clear(bytes);
		if (from_hex(hex, bytes, err) < 0 ||
		    mq_avro_writer_append(writer, mq_bytes_of(bytes->data, bytes->len), err) < 0)
			goto out;
	}
	result = mq_avro_writer_flush(writer, err);
out:
	mq_avro_writer_free(writer);
	close(spec.fd);
	return result;
}

static int read_file(char **parts, struct mq_buf *out, struct mq_err *err)
{
	struct mq_avro_read_spec spec = {
	    .fd = open(parts[1], O_RDONLY), .name = parts[1], .max_block = 1 << 20};
	struct mq_avro_reader *reader = NULL;
	struct mq_bytes datum;
	int result = -1;

	if (spec.fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "%s", parts[1]);
	if (mq_avro_reader_new(&spec, &reader, err) < 0)
		goto out;
	struct mq_schema *schema = mq_avro_reader_schema(reader);
	const char *before = "\t[";
	if (mq_buf_printf(out, err, "%s\t", mq_avro_reader_codec(reader)) < 0 ||
	    mq_avro_schema_text(schema, out, err) < 0)
		goto out;
	while ((result = mq_avro_reader_next(reader, &datum, err)) == 1) {
		if (mq_buf_append_str(out, before, err) < 0 ||
		    mq_schema_decode(schema, NULL, datum, 0, out, err) < 0) {
			result = -1;
			break;
		}
		before = ",";
	}
	if (mq_buf_append_str(out, *before == ',' ? "]" : "\t[]", NULL) < 0)
		result = -1;
out:
	mq_avro_reader_free(reader);
	close(spec.fd);
	return result;
}

static int run(char **parts, struct mq_schema **schemas, struct mq_buf *bytes, struct mq_buf *out,
               struct mq_err *err)
{
	const char *what = parts[0];
	bool two = strcmp(what, "resolve") == 0 || strcmp(what, "reads") == 0;

	if (strcmp(what, "write") == 0)
		return write_file(parts, bytes, err);
	if (strcmp(what, "read") == 0)
		return read_file(parts, out, err);
	for (int i = 0; i < (two ? 2 : 1); i++) {
		struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
		                              .text = mq_bytes_str(parts[1 + i])};
		if (mq_schema_new(&spec, &schemas[i], err) < 0)
			return -1;
	}
	if (strcmp(what, "decode") == 0 || strcmp(what, "resolve") == 0) {
		if (from_hex(parts[two ? 3 : 2], bytes, err) < 0)
			return -1;
		return mq_schema_decode(schemas[0], two ? schemas[1] : NULL,
		                        mq_bytes_of(bytes->data, bytes->len),
		                        (unsigned)strtoul(parts[two ? 4 : 3], NULL, 10), out, err);
	}
	if (strcmp(what, "encode") == 0) {
		if (mq_schema_encode(schemas[0], mq_bytes_str(parts[2]), bytes, err) < 0)
			return -1;
		return put_hex(mq_bytes_of(bytes->data, bytes->len), out, err);
	}
	if (strcmp(what, "reads") == 0) {
		int can = mq_schema_can_read(schemas[0], schemas[1], NULL, NULL, err);
		return can < 0 ? -1 : mq_buf_append_char(out, (char)('0' + can), err);
	}
	return put_canonical(schemas[0], out, err);
}

int main(void)
{
	char *line = NULL, *parts[5];
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		struct mq_schema *schemas[2] = {NULL};
		struct mq_err err = MQ_ERR_INIT;
		struct mq_buf bytes, out;
		char *rest = line;
		size_t n = 0;

		line[len - 1] = '\0';
		while (n < 5)
			parts[n++] = rest ? strsep(&rest, "\t") : line + len - 1;
		mq_buf_init(&bytes, 1 << 26);
		mq_buf_init(&out, 1 << 26);
		if (run(parts, schemas, &bytes, &out, &err) < 0)
			printf("bad\t%d\t%s\t%.*s\n", err.code, err.message, (int)out.len,
			       out.data ? out.data : "");
		else
			printf("ok\t%.*s\n", (int)out.len, out.data ? out.data : "");
		fflush(stdout);
		for (int i = 0; i < 2; i++)
			mq_schema_free(schemas[i]);
		mq_buf_release(&bytes);
		mq_buf_release(&out);
	}
	free(line);
	return 0;
}
