/*
 * JSON Schema: the first line is a schema, each other one a text to be checked. Both passes say the
 * same, and so does the schema's normal form.
 */
#include "mqtk/schema.h"
#include "tests/fuzz/fuzz.h"

static int count(void *arg, const struct mq_violation *violation)
{
	unsigned *n = arg;

	must(violation->pointer && violation->keyword && violation->error);
	return ++*n > 100;
}

static struct mq_schema *open_schema(struct mq_bytes text)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON, .text = text, .assert_format = true};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;

	if (mq_schema_new(&spec, &schema, &err) == 0)
		return schema;
	must(!schema && err.code != MQ_OK && *err.message);
	return NULL;
}

static int check(struct mq_schema *schema, struct mq_bytes line, bool flag_only)
{
	struct mq_err err = MQ_ERR_INIT;
	unsigned n = 0;
	int valid = flag_only ? mq_schema_check_data(schema, line, NULL, NULL, &err)
	                      : mq_schema_check_data(schema, line, count, &n, &err);

	must((valid < 0) == (err.code != MQ_OK));
	must(flag_only || valid != 0 || n > 0);
	return valid;
}

/* Takes a line off; absent at the end. Copied, so that a read behind it is seen. */
static char *take_line(const uint8_t **data, size_t *size, size_t *ret_len)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	size_t len = end ? (size_t)(end - *data) : *size;
	char *line = malloc(len ? len : 1);

	must(line);
	memcpy(line, *data, len);
	*data += len + (end != NULL);
	*size -= len + (end != NULL);
	*ret_len = len;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;

	if (size == 0)
		return 0;
	char *text = take_line(&data, &size, &len);
	struct mq_schema *schema = open_schema(mq_bytes_of(text, len)), *normal = NULL;
	if (schema) {
		struct mq_buf buf;
		struct mq_err err = MQ_ERR_INIT;

		mq_buf_init(&buf, SIZE_MAX);
		must(mq_schema_canonical(schema, &buf, &err) == 0);
		normal = open_schema(mq_bytes_of(buf.data, buf.len));
		must(normal);
		mq_buf_release(&buf);
	}
	while (schema && size > 0) {
		char *line = take_line(&data, &size, &len);
		struct mq_bytes bytes = mq_bytes_of(line, len);
		int valid = check(schema, bytes, true);
		int again = check(schema, bytes, false);

		/* Limits are reached later or earlier in another order. */
		must(valid == again || valid < 0 || again < 0);
		again = check(normal, bytes, true);
		must(valid == again || valid < 0 || again < 0);
		free(line);
	}
	mq_schema_free(schema);
	mq_schema_free(normal);
	free(text);
	return 0;
}
