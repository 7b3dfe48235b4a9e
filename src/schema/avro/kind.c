/* Avro as a kind of schema: see schema/kind.h. */
#include "schema/kind.h"
#include "schema/avro/resolve.h"

#include <stdlib.h>

struct avro_schema {
	struct mq_schema base;
	struct av_schema schema;
	struct js_doc doc; /* of the JSON text at hand */
	struct mq_buf text, scratch;
};

bool av_looks_like_schema(struct mq_bytes text)
{
	static const char *const only_here[] = {"record", "error", "enum",  "fixed",  "map",
	                                        "int",    "long",  "float", "double", "bytes"};
	struct js_doc doc;
	struct js_problem problem;
	struct mq_buf copy;
	bool avro = false;

	js_doc_init(&doc);
	mq_buf_init(&copy, SIZE_MAX);
	if (mq_buf_append(&copy, text.data, text.len, NULL) < 0 ||
	    js_parse(&doc, copy.data, copy.len, &problem, NULL) != 1 ||
	    doc.values[0].type != JS_OBJECT || js_member(&doc, 0, "$schema"))
		goto out;
	uint32_t type = js_member(&doc, 0, "type"), items = js_member(&doc, 0, "items");
	for (size_t i = 0; type && i < sizeof only_here / sizeof *only_here; i++)
		avro = avro || js_is(&doc, type, only_here[i]);
	/* An array of Avro's has a type as items, and that is a name, mostly. */
	if (type && js_is(&doc, type, "array") && items && doc.values[items].type == JS_STRING)
		avro = true;
out:
	js_doc_release(&doc);
	mq_buf_release(&copy);
	return avro;
}

static void release(struct mq_schema *base)
{
	struct avro_schema *schema = (struct avro_schema *)base;

	av_schema_release(&schema->schema);
	js_doc_release(&schema->doc);
	mq_buf_release(&schema->text);
	mq_buf_release(&schema->scratch);
	free(schema);
}

static int open_schema(const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	struct avro_schema *schema = calloc(1, sizeof *schema);

	if (!schema)
		return mq_fail_memory(err);
	js_doc_init(&schema->doc);
	mq_buf_init(&schema->text, SIZE_MAX);
	mq_buf_init(&schema->scratch, SIZE_MAX);
	if (av_schema_parse(&schema->schema, spec->text, err) < 0) {
		release(&schema->base);
		return -1;
	}
	*ret = &schema->base;
	return 0;
}

static int tell_failure(const struct mq_err *failure, mq_violation_fn *tell, void *ctx)
{
	struct mq_violation violation = {
	    .pointer = "", .keyword = "data", .error = failure->message};

	if (tell)
		tell(ctx, &violation);
	return 0;
}

static int decode(struct mq_schema *base, struct mq_schema *reader, struct mq_bytes payload,
                  unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	unsigned how = (form & MQ_SCHEMA_LOGICAL ? AV_JSON_LOGICAL : 0) |
	               (form & MQ_SCHEMA_BARE ? AV_JSON_BARE : 0);

	if (reader)
		return av_decode_resolved(&((struct avro_schema *)reader)->schema, &schema->schema,
		                          payload, how, buf, err);
	return av_decode_all(&schema->schema, payload, how, buf, err);
}

static int encode(struct mq_schema *base, struct mq_bytes text, struct mq_buf *buf,
                  struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	struct js_problem problem;

	mq_buf_clear(&schema->text);
	if (mq_buf_append(&schema->text, text.data, text.len, err) < 0)
		return -1;
	int ok = js_parse(&schema->doc, schema->text.data, text.len, &problem, err);
	if (ok == 0)
		return mq_fail(err, MQ_DATA, "%s, at byte %zu", problem.words, problem.offset + 1);
	return ok < 0 ? -1 : av_encode(&schema->schema, &schema->doc, 0, buf, err);
}

static int check_data(struct mq_schema *base, struct mq_bytes payload, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	struct mq_err failure = MQ_ERR_INIT;

	mq_buf_clear(&schema->scratch);
	if (decode(base, NULL, payload, 0, &schema->scratch, &failure) == 0)
		return 1;
	if (failure.code == MQ_DATA)
		return tell_failure(&failure, tell, ctx);
	*err = failure;
	return -1;
}

static int check_json(struct mq_schema *base, struct mq_bytes text, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	struct mq_err failure = MQ_ERR_INIT;

	mq_buf_clear(&schema->scratch);
	if (encode(base, text, &schema->scratch, &failure) == 0)
		return 1;
	if (failure.code == MQ_DATA)
		return tell_failure(&failure, tell, ctx);
	*err = failure;
	return -1;
}

struct telling {
	mq_conflict_fn *tell;
	void *ctx;
};

static void tell_conflict(void *arg, const struct av_conflict *conflict)
{
	const struct telling *telling = arg;
	struct mq_conflict told = {
	    .rule = conflict->rule, .path = conflict->path, .error = conflict->words};

	if (telling->tell)
		telling->tell(telling->ctx, &told);
}

static int can_read(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
                    void *ctx, struct mq_err *err)
{
	struct telling telling = {tell, ctx};

	return av_can_read(&((struct avro_schema *)reader)->schema,
	                   &((struct avro_schema *)writer)->schema, tell_conflict, &telling, err);
}

static int canonical(struct mq_schema *base, struct mq_buf *buf, struct mq_err *err)
{
	return av_schema_canonical(&((struct avro_schema *)base)->schema, buf, err);
}

const struct mq_schema_ops mq_schema_avro = {
    .name = "avro",
    .in_registry = "AVRO",
    .traits = MQ_SCHEMA_BINARY | MQ_SCHEMA_RESOLVES,
    .open = open_schema,
    .release = release,
    .check_data = check_data,
    .check_json = check_json,
    .decode = decode,
    .encode = encode,
    .can_read = can_read,
    .canonical = canonical,
};
