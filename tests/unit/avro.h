/* For the unit tests of Avro: schemas from text, bytes from hexadecimal digits. */
#ifndef UNIT_AVRO_H
#define UNIT_AVRO_H

#include "mqtk/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct mq_schema *schema_of(const char *text)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO, .text = mq_bytes_str(text)};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;

	if (mq_schema_new(&spec, &schema, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return schema;
}

static inline size_t bytes_of(const char *hex, char *ret, size_t size)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		assert_true(n < size);
		ret[n++] = (char)byte;
	}
	return n;
}

static inline int decode_to(struct mq_schema *schema, struct mq_schema *reader, const char *hex,
                            unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	char bytes[1024];
	size_t len = bytes_of(hex, bytes, sizeof bytes);

	mq_buf_init(buf, 1 << 26);
	int result = mq_schema_decode(schema, reader, mq_bytes_of(bytes, len), form, buf, err);
	assert_int_equal(mq_buf_append_char(buf, '\0', NULL), 0);
	return result;
}

/* The datum decodes to this JSON. */
static inline void decodes(const char *text, const char *hex, unsigned form, const char *want)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	if (decode_to(schema, NULL, hex, form, &buf, &err) < 0)
		fail_msg("%s: %s: %s", text, hex, err.message);
	assert_string_equal(buf.data, want);
	mq_buf_release(&buf);
	mq_schema_free(schema);
}

/* It is no value of the schema, and the words say so. */
static inline void decodes_not(const char *text, const char *hex, const char *words)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	if (decode_to(schema, NULL, hex, 0, &buf, &err) == 0)
		fail_msg("%s: %s is %s", text, hex, buf.data);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, words))
		fail_msg("%s: %s: \"%s\" is not \"%s\"", text, hex, err.message, words);
	mq_buf_release(&buf);
	mq_schema_free(schema);
}

static inline int encode_to(struct mq_schema *schema, const char *json, char *ret, size_t size,
                            struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, size / 2 - 1);
	int result = mq_schema_encode(schema, mq_bytes_str(json), &buf, err);
	*ret = '\0';
	for (size_t i = 0; i < buf.len; i++)
		snprintf(ret + 2 * i, 3, "%02x", (unsigned char)buf.data[i]);
	mq_buf_release(&buf);
	return result;
}

static inline void encodes(const char *text, const char *json, const char *want)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	char hex[2048];

	if (encode_to(schema, json, hex, sizeof hex, &err) < 0)
		fail_msg("%s: %s: %s", text, json, err.message);
	assert_string_equal(hex, want);
	mq_schema_free(schema);
}

static inline void encodes_not(const char *text, const char *json, const char *words)
{
	struct mq_schema *schema = schema_of(text);
	struct mq_err err = MQ_ERR_INIT;
	char hex[2048];

	if (encode_to(schema, json, hex, sizeof hex, &err) == 0)
		fail_msg("%s: %s is %s", text, json, hex);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, words))
		fail_msg("%s: %s: \"%s\" is not \"%s\"", text, json, err.message, words);
	mq_schema_free(schema);
}

/* Both ways, in this form. */
static inline void stands_for(const char *text, const char *hex, unsigned form, const char *json)
{
	decodes(text, hex, form, json);
	encodes(text, json, hex);
}

#endif
