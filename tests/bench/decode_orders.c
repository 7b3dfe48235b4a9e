/*
 * Avro on one core: decode_orders SCHEMA LINES FILE
 *
 * Encodes the JSON lines, writes them to FILE as a container for the peers, and decodes each to
 * JSON again. Everything is in memory. Prints the rates of the two.
 */
#include "mqtk/avro_file.h"
#include "tests/bench/orders.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check(int result, const struct mq_err *err)
{
	if (result >= 0)
		return;
	fprintf(stderr, "decode_orders: %s\n", err->message);
	exit(err->code);
}

/* Each behind its length, as a size_t. */
static unsigned long encode(struct mq_schema *schema, struct mq_bytes rest, struct mq_buf *data)
{
	struct mq_err err = MQ_ERR_INIT;
	unsigned long n = 0;

	for (; rest.len > 0; n++) {
		const char *end = memchr(rest.data, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.data) : rest.len, at = data->len, size;
		check(mq_buf_append(data, &len, sizeof len, &err), &err);
		check(mq_schema_encode(schema, mq_bytes_of(rest.data, len), data, &err), &err);
		size = data->len - at - sizeof size;
		memcpy(data->data + at, &size, sizeof size);
		rest = mq_bytes_of(rest.data + len + (end != NULL), rest.len - len - (end != NULL));
	}
	return n;
}

static struct mq_bytes take(const struct mq_buf *data, size_t *at)
{
	size_t size;

	memcpy(&size, data->data + *at, sizeof size);
	*at += sizeof size + size;
	return mq_bytes_of(data->data + *at - size, size);
}

static void write_file(const char *path, struct mq_bytes schema, const struct mq_buf *data)
{
	struct mq_avro_write_spec spec = {
	    .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666), .name = path, .schema = schema};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_avro_writer *writer;

	check(mq_avro_writer_new(&spec, &writer, &err), &err);
	for (size_t at = 0; at < data->len;)
		check(mq_avro_writer_append(writer, take(data, &at), &err), &err);
	check(mq_avro_writer_flush(writer, &err), &err);
	mq_avro_writer_free(writer);
	close(spec.fd);
}

int main(int argc, char **argv)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;
	struct mq_buf data, json;

	if (argc != 4) {
		fprintf(stderr, "usage: decode_orders SCHEMA LINES FILE\n");
		return 2;
	}
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_AVRO, .name = argv[1], .text = slurp(argv[1])};
	struct mq_bytes lines = slurp(argv[2]);
	check(mq_schema_new(&spec, &schema, &err), &err);
	mq_buf_init(&data, SIZE_MAX);
	mq_buf_init(&json, SIZE_MAX);
	double begin = seconds();
	unsigned long n = encode(schema, lines, &data);
	double encoded = seconds() - begin;
	begin = seconds();
	for (size_t at = 0; at < data.len;) {
		mq_buf_clear(&json);
		check(mq_schema_decode(schema, NULL, take(&data, &at), 0, &json, &err), &err);
	}
	double decoded = seconds() - begin;
	write_file(argv[3], spec.text, &data);
	printf("%lu encoded, %.0f/s\n%lu decoded, %.0f/s\n", n, (double)n / encoded, n,
	       (double)n / decoded);
	mq_buf_release(&data);
	mq_buf_release(&json);
	mq_schema_free(schema);
	return 0;
}
