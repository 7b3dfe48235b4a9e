/*
 * Payloads through a schema, a line each: schema_lines SCHEMA [MESSAGE] decode|encode|check
 *
 * decode: base64 to JSON; encode: JSON to base64; check: base64, and what is wrong with it. A line
 * that cannot be done is "error: …". With canonical or indexes instead, prints that of the schema.
 * For the tests that compare with other implementations.
 */
#include "mqtk/format.h"
#include "mqtk/schema.h"

#include <stdio.h>
#include <stdlib.h>

static int read_file(const char *path, struct mq_buf *buf)
{
	FILE *file = fopen(path, "rb");
	char piece[65536];
	size_t n;

	if (!file)
		return 0;
	while ((n = fread(piece, 1, sizeof piece, file)) > 0)
		if (mq_buf_append(buf, piece, n, NULL) < 0)
			break;
	fclose(file);
	return 1;
}

/* Imports stand beside the schema. */
static int load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	const char *beside = ctx, *slash = strrchr(beside, '/');
	char path[4096];

	(void)err;
	snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - beside) + 1 : 0, beside, name);
	return read_file(path, buf);
}

static int tell(void *ctx, const struct mq_violation *violation)
{
	(void)ctx;
	printf("[%s %s: %s] ", violation->keyword, violation->pointer, violation->error);
	return 0;
}

static int line_done(struct mq_schema *schema, const char *what, struct mq_bytes line,
                     struct mq_buf *out, struct mq_err *err)
{
	struct mq_buf bytes;
	int result = -1;

	mq_buf_init(&bytes, SIZE_MAX);
	mq_buf_clear(out);
	if (mq_buf_reserve(&bytes, 1, err) < 0)
		goto out;
	if (strcmp(what, "encode") == 0) {
		result = mq_schema_encode(schema, line, &bytes, err);
		if (result == 0)
			result = mq_base64_append(out, mq_bytes_of(bytes.data, bytes.len), err);
		goto out;
	}
	if (mq_base64_decode(&bytes, line, err) < 0)
		goto out;
	if (strcmp(what, "check") == 0) {
		result = mq_schema_check_data(schema, mq_bytes_of(bytes.data, bytes.len), tell,
		                              NULL, err);
		if (result >= 0)
			result = mq_buf_append_str(out, result ? "valid" : "invalid", err);
	} else {
		result =
		    mq_schema_decode(schema, NULL, mq_bytes_of(bytes.data, bytes.len), 0, out, err);
	}
out:
	mq_buf_release(&bytes);
	return result;
}

int main(int argc, char **argv)
{
	const char *what = argv[argc - 1];
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema;
	struct mq_buf text, out;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (argc < 3)
		return 2;
	mq_buf_init(&text, SIZE_MAX);
	mq_buf_init(&out, SIZE_MAX);
	if (!read_file(argv[1], &text) || mq_buf_reserve(&text, 1, &err) < 0) {
		fprintf(stderr, "there is no %s\n", argv[1]);
		return 6;
	}
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_UNKNOWN,
	                              .name = argv[1],
	                              .text = mq_bytes_of(text.data, text.len),
	                              .load = load,
	                              .load_ctx = argv[1],
	                              .message = argc > 3 ? argv[2] : NULL};
	if (mq_schema_new(&spec, &schema, &err) < 0) {
		fprintf(stderr, "%s\n%s\n", err.message, err.hint);
		return (int)err.code;
	}
	if (strcmp(what, "canonical") == 0) {
		if (mq_schema_canonical(schema, &out, &err) == 0)
			fwrite(out.data, 1, out.len, stdout);
	} else if (strcmp(what, "indexes") == 0) {
		int32_t indexes[32];
		size_t n = mq_schema_indexes(schema, indexes, 32);
		for (size_t i = 0; i < n; i++)
			printf("%d ", indexes[i]);
		printf("%s\n", n > 0 ? mq_schema_type_name(schema) : "none");
	} else {
		while ((len = getline(&line, &size, stdin)) > 0) {
			struct mq_bytes bytes =
			    mq_bytes_of(line, (size_t)len - (line[len - 1] == '\n'));
			mq_err_clear(&err);
			if (line_done(schema, what, bytes, &out, &err) < 0)
				printf("error: %s\n", err.message);
			else
				printf("%.*s\n", (int)out.len, out.data ? out.data : "");
		}
	}
	free(line);
	mq_schema_free(schema);
	mq_buf_release(&text);
	mq_buf_release(&out);
	return err.code == MQ_OK || strcmp(what, "canonical") != 0 ? 0 : (int)err.code;
}
