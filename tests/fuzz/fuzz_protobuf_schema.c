/* Texts and descriptor sets as Protobuf schemas: what is taken has a normal form and reads what it
 * wrote itself; the rest is refused with words. */
#include "mqtk/schema.h"
#include "tests/fuzz/fuzz.h"

/* Everything but the well-known types is this file. */
static int load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	(void)ctx;
	if (strcmp(name, "b.proto") != 0)
		return 0;
	return mq_buf_append_str(buf, "syntax = \"proto3\"; message B { B b = 1; }", err) < 0 ? -1
	                                                                                      : 1;
}

static struct mq_schema *open_text(struct mq_bytes text)
{
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_PROTOBUF, .name = "a.proto", .text = text, .load = load};
	struct mq_schema *schema;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_schema_new(&spec, &schema, &err) == 0)
		return schema;
	must(err.code == MQ_DATA && err.message[0]);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_schema *schema = open_text(mq_bytes_of(data ? (const char *)data : "", size));
	struct mq_buf out;
	struct mq_err err = MQ_ERR_INIT;
	int32_t indexes[64];

	if (!schema)
		return 0;
	mq_buf_init(&out, SIZE_MAX);
	must(mq_schema_can_read(schema, schema, NULL, NULL, &err) == 1);
	size_t n = mq_schema_indexes(schema, indexes, 64);
	must(n == 0 || mq_schema_use_indexes(schema, indexes, n, &err) == 0);
	must(mq_schema_canonical(schema, &out, &err) == 0);
	mq_schema_free(schema);
	mq_buf_release(&out);
	return 0;
}
