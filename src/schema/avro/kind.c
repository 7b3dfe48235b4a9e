/* Avro as a kind of schema: see schema/kind.h. */
#include "schema/kind.h"
#include "schema/avro/resolve.h"

#include <stdlib.h>

struct avro_schema {
	struct mq_schema base;
	struct av_schema schema;
	char *type_name;
	uint64_t serial;   /* no other schema of this process has it */
	struct js_doc doc; /* of the JSON text at hand */
	struct mq_buf text, scratch;
	struct av_resolver *resolver; /* for the reader below, which was the last one */
	uint64_t reader;
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
	if (mq_buf_reserve(&copy, text.len + 1, NULL) < 0 ||
	    mq_buf_append(&copy, text.data, text.len, NULL) < 0 ||
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

const struct av_schema *av_schema_of(const struct mq_schema *schema)
{
	return &((const struct avro_schema *)schema)->schema;
}

static void release(struct mq_schema *base)
{
	struct avro_schema *schema = (struct avro_schema *)base;

	av_resolver_free(schema->resolver);
	av_schema_release(&schema->schema);
	free(schema->type_name);
	js_doc_release(&schema->doc);
	mq_buf_release(&schema->text);
	mq_buf_release(&schema->scratch);
	free(schema);
}

static int open_schema(const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	static uint64_t serials;
	struct avro_schema *schema = calloc(1, sizeof *schema);

	if (!schema)
		return mq_fail_memory(err);
	js_doc_init(&schema->doc);
	mq_buf_init(&schema->text, SIZE_MAX);
	mq_buf_init(&schema->scratch, SIZE_MAX);
	schema->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
	if (av_schema_parse(&schema->schema, spec, err) < 0)
		goto fail;
	const struct av_node *root = &schema->schema.nodes[schema->schema.root];
	if (root->type >= AV_FIXED && root->type <= AV_RECORD &&
	    !(schema->type_name = strndup(root->name.data, root->name.len))) {
		mq_fail_memory(err);
		goto fail;
	}
	*ret = &schema->base;
	return 0;
fail:
	release(&schema->base);
	return -1;
}

static const char *type_name(const struct mq_schema *base)
{
	return ((const struct avro_schema *)base)->type_name;
}

/* --- JSON text and bytes ---------------------------------------------------------------------- */

/* One is kept: most programs read with one schema. */
static struct av_resolver *resolver_for(struct avro_schema *schema, struct avro_schema *reader,
                                        struct mq_err *err)
{
	if (schema->reader != reader->serial) {
		av_resolver_free(schema->resolver);
		schema->resolver = av_resolver_new(&reader->schema, &schema->schema, err);
		schema->reader = schema->resolver ? reader->serial : 0;
	}
	return schema->resolver;
}

static int decode(struct mq_schema *base, struct mq_schema *reader, struct mq_bytes payload,
                  unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	unsigned how = (form & MQ_SCHEMA_LOGICAL ? AV_JSON_LOGICAL : 0) |
	               (form & MQ_SCHEMA_BARE ? AV_JSON_BARE : 0);
	struct av_problem problem;

	if (!reader)
		return av_decode_all(&schema->schema, payload, how, buf, &problem, err);
	struct av_resolver *resolver = resolver_for(schema, (struct avro_schema *)reader, err);
	return resolver ? av_decode_resolved(resolver, payload, how, buf, &problem, err) : -1;
}

/* As av_encode, of the text, which is kept in schema->text and schema->doc. Broken text has the
 * keyword "json". */
static int encode_text(struct avro_schema *schema, struct mq_bytes text, struct mq_buf *buf,
                       struct av_problem *problem, struct mq_err *err)
{
	struct js_problem broken;

	problem->keyword = NULL;
	mq_buf_clear(&schema->text);
	if (mq_buf_reserve(&schema->text, text.len + 1, err) < 0 ||
	    mq_buf_append(&schema->text, text.data, text.len, err) < 0)
		return -1;
	int ok = js_parse(&schema->doc, schema->text.data, text.len, &broken, err);
	if (ok == 1)
		return av_encode(&schema->schema, &schema->doc, 0, buf, problem, err);
	if (ok == 0)
		problem->keyword = "json";
	return ok < 0 ? -1
	              : mq_fail(err, MQ_DATA, "%s, at byte %zu", broken.words, broken.offset + 1);
}

static int encode(struct mq_schema *base, struct mq_bytes text, struct mq_buf *buf,
                  struct mq_err *err)
{
	struct av_problem problem;

	return encode_text((struct avro_schema *)base, text, buf, &problem, err);
}

/* --- validating ------------------------------------------------------------------------------- */

static int check_data(struct mq_schema *base, struct mq_bytes payload, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	struct mq_err failure = MQ_ERR_INIT;
	struct av_problem problem;

	mq_buf_clear(&schema->scratch);
	if (av_decode_all(&schema->schema, payload, 0, &schema->scratch, &problem, &failure) == 0)
		return 1;
	if (!problem.keyword) {
		if (err)
			*err = failure;
		return -1;
	}
	struct mq_violation violation = {
	    .pointer = problem.path, .keyword = problem.keyword, .error = failure.message};
	if (tell)
		tell(ctx, &violation);
	return 0;
}

/* Tells of JSON text that is no value, with its place and what stands there. */
static int tell_misfit(struct avro_schema *schema, const struct av_problem *problem,
                       const struct mq_err *failure, mq_violation_fn *tell, void *ctx,
                       struct mq_err *err)
{
	struct mq_violation violation = {
	    .pointer = "", .keyword = problem->keyword, .error = failure->message};
	struct mq_buf *text = &schema->scratch;

	if (!tell)
		return 0;
	mq_buf_clear(text);
	if (strcmp(problem->keyword, "json") != 0 && !problem->in_default) {
		if (js_pointer(&schema->doc, problem->value, text, err) < 0 ||
		    mq_buf_append_char(text, '\0', err) < 0)
			return -1;
		size_t len = text->len;
		if (strcmp(problem->keyword, "required") != 0) {
			if (js_write(&schema->doc, problem->value, 200, text, err) < 0)
				return -1;
			violation.value = mq_bytes_of(text->data + len, text->len - len);
		}
		violation.pointer = text->data;
	}
	tell(ctx, &violation);
	return 0;
}

static int check_json(struct mq_schema *base, struct mq_bytes text, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct avro_schema *schema = (struct avro_schema *)base;
	struct mq_err failure = MQ_ERR_INIT;
	struct av_problem problem;

	mq_buf_clear(&schema->scratch);
	if (encode_text(schema, text, &schema->scratch, &problem, &failure) == 0)
		return 1;
	if (problem.keyword)
		return tell_misfit(schema, &problem, &failure, tell, ctx, err);
	if (err)
		*err = failure;
	return -1;
}

/* --- schemas among themselves ----------------------------------------------------------------- */

struct telling {
	mq_conflict_fn *tell;
	void *ctx;
};

static void tell_conflict(void *arg, const struct av_conflict *conflict)
{
	const struct telling *telling = arg;
	bool same = strcmp(conflict->path, conflict->other) == 0;
	struct mq_conflict told = {.rule = conflict->rule,
	                           .path = conflict->path,
	                           .other = same ? NULL : conflict->other,
	                           .error = conflict->words};

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
    .type_name = type_name,
    .check_data = check_data,
    .check_json = check_json,
    .decode = decode,
    .encode = encode,
    .can_read = can_read,
    .canonical = canonical,
};
