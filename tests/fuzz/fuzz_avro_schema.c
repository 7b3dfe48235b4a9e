/*
 * Avro's schemas: two lines, two schemas. The normal form of a schema is one, and its own; the text
 * that stands for itself has the same; each reads what it wrote itself.
 */
#include "mqtk/avro_file.h"
#include "tests/fuzz/fuzz.h"

static struct mq_schema *open_schema(const char *data, size_t size)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO, .text = mq_bytes_of(data, size)};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;

	if (mq_schema_new(&spec, &schema, &err) == 0)
		return schema;
	must(!schema && err.code == MQ_DATA && *err.message);
	return NULL;
}

static void same_canonical(struct mq_schema *schema, const struct mq_buf *text)
{
	struct mq_schema *again = open_schema(text->data, text->len);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf one, other;

	must(again);
	mq_buf_init(&one, SIZE_MAX);
	mq_buf_init(&other, SIZE_MAX);
	must(mq_schema_canonical(schema, &one, &err) == 0);
	must(mq_schema_canonical(again, &other, &err) == 0);
	must(one.len == other.len && memcmp(one.data, other.data, one.len) == 0);
	mq_buf_release(&one);
	mq_buf_release(&other);
	mq_schema_free(again);
}

static void tell(void *ctx, const struct mq_conflict *conflict)
{
	unsigned *n = ctx;

	must(conflict->rule && conflict->path && conflict->error);
	++*n;
}

static void compare(struct mq_schema *reader, struct mq_schema *writer)
{
	struct mq_err err = MQ_ERR_INIT;
	unsigned n = 0;
	int can = mq_schema_can_read(reader, writer, tell, &n, &err);

	must(can < 0 ? err.code == MQ_DATA : (can == 0) == (n > 0));
	must(reader != writer || can != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t first = end ? (size_t)(end - data) : size;
	struct mq_schema *schemas[2] = {open_schema((const char *)data, first)};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf text;

	if (!schemas[0])
		return 0;
	mq_buf_init(&text, SIZE_MAX);
	must(mq_schema_canonical(schemas[0], &text, &err) == 0);
	same_canonical(schemas[0], &text);
	mq_buf_clear(&text);
	must(mq_avro_schema_text(schemas[0], &text, &err) == 0);
	same_canonical(schemas[0], &text);
	compare(schemas[0], schemas[0]);
	if (end && (schemas[1] = open_schema((const char *)end + 1, size - first - 1))) {
		compare(schemas[0], schemas[1]);
		compare(schemas[1], schemas[0]);
	}
	mq_buf_release(&text);
	mq_schema_free(schemas[0]);
	mq_schema_free(schemas[1]);
	return 0;
}
