/*
 * Avro's data: a line with the writer's schema, one with the reader's, then bytes. What they decode
 * to can be encoded, and decodes to the same; as JSON text they do so as well, if they are a value.
 */
#include "mqtk/schema.h"
#include "tests/fuzz/fuzz.h"

static struct mq_schema *take_schema(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;

	if (!end)
		return NULL;
	size_t len = (size_t)(end - *data);
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO, .text = mq_bytes_of(*data, len)};
	if (mq_schema_new(&spec, &schema, &err) < 0)
		must(!schema && err.code == MQ_DATA);
	*data += len + 1;
	*size -= len + 1;
	return schema;
}

static void there_and_back(struct mq_schema *schema, struct mq_bytes payload, unsigned form)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf json, bytes, again;

	mq_buf_init(&json, 1 << 24);
	mq_buf_init(&bytes, 1 << 24);
	mq_buf_init(&again, 1 << 24);
	int decoded = mq_schema_decode(schema, NULL, payload, form, &json, &err);
	must((decoded == 0) == (err.code == MQ_OK));
	if (decoded < 0) {
		must(err.code == MQ_DATA && json.len == 0);
		goto out;
	}
	/* A map may have a key twice, which JSON must not; and bytes that are no decimal of their
	 * precision, but could have been typed as one, are refused. */
	if (mq_schema_encode(schema, mq_bytes_of(json.data, json.len), &bytes, &err) < 0) {
		must(strstr(err.message, "twice") || strstr(err.message, "too few of too many") ||
		     strstr(err.hint, "a decimal is written as a JSON number"));
		goto out;
	}
	must(mq_buf_reserve(&bytes, 1, &err) == 0);
	must(mq_schema_decode(schema, NULL, mq_bytes_of(bytes.data, bytes.len), form, &again,
	                      &err) == 0);
	if (!(form & MQ_SCHEMA_BARE))
		must(json.len == again.len && memcmp(json.data, again.data, json.len) == 0);
out:
	mq_buf_release(&json);
	mq_buf_release(&bytes);
	mq_buf_release(&again);
}

static void from_json(struct mq_schema *schema, struct mq_bytes text)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf bytes;

	mq_buf_init(&bytes, 1 << 24);
	int encoded = mq_schema_encode(schema, text, &bytes, &err);
	must((encoded == 0) == (err.code == MQ_OK));
	must(encoded == (mq_schema_check_json(schema, text, NULL, NULL, &err) == 1 ? 0 : -1));
	if (encoded == 0) {
		must(mq_buf_reserve(&bytes, 1, &err) == 0);
		there_and_back(schema, mq_bytes_of(bytes.data, bytes.len), 0);
	}
	mq_buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_schema *writer = take_schema(&data, &size);
	struct mq_schema *reader = writer ? take_schema(&data, &size) : NULL;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf json;

	if (!writer)
		return 0;
	/* Copied, so that a read behind it is seen. */
	char *copy = malloc(size ? size : 1);
	must(copy);
	memcpy(copy, data, size);
	struct mq_bytes payload = mq_bytes_of(copy, size);
	for (unsigned form = 0; form < 4; form++)
		there_and_back(writer, payload, form);
	mq_buf_init(&json, 1 << 24);
	if (reader && mq_schema_decode(writer, reader, payload, 3, &json, &err) < 0)
		must(err.code == MQ_DATA && json.len == 0);
	from_json(writer, payload);
	mq_buf_release(&json);
	free(copy);
	mq_schema_free(writer);
	mq_schema_free(reader);
	return 0;
}
