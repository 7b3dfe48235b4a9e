/* JSON Schema as a kind of schema: see schema/kind.h. */
#include "schema/kind.h"
#include "schema/json/canonical.h"
#include "schema/json/compatible.h"
#include "schema/json/metacheck.h"
#include "schema/json/program.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	DOCUMENT_MAX = 64 << 20, /* of a schema that is referred to */
	SHOWN = 120,             /* bytes of a value in a violation */
};

struct json_schema {
	struct mq_schema base;
	struct js_library library;
	struct js_program program;
	struct js_validator *validator;
	uint32_t document;
	struct js_doc doc;  /* of the payload at hand */
	struct mq_buf text; /* its copy: parsing writes to it */
	struct mq_buf pointer, schema_pointer, value;
	struct js_near near;
	/* while opening */
	mq_schema_load_fn *load;
	void *load_ctx;
};

static int load(void *arg, const char *uri, char **ret_text, size_t *ret_len, struct mq_err *err)
{
	struct json_schema *schema = arg;
	struct mq_buf buf;

	if (!schema->load)
		return 0;
	mq_buf_init(&buf, DOCUMENT_MAX);
	int found = schema->load(schema->load_ctx, uri, &buf, err);
	if (found <= 0) {
		mq_buf_release(&buf);
		return found;
	}
	*ret_text = buf.data;
	*ret_len = buf.len;
	return 1;
}

static void release(struct mq_schema *base)
{
	struct json_schema *schema = (struct json_schema *)base;

	js_validator_free(schema->validator);
	js_program_release(&schema->program);
	js_library_release(&schema->library);
	js_doc_release(&schema->doc);
	mq_buf_release(&schema->text);
	mq_buf_release(&schema->pointer);
	mq_buf_release(&schema->schema_pointer);
	mq_buf_release(&schema->value);
	free(schema);
}

static int open_schema(const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	struct json_schema *schema = calloc(1, sizeof *schema);
	/* The drafts stand in one order in both. */
	enum js_draft draft =
	    spec->draft == MQ_DRAFT_UNSET ? JS_DRAFT_2020_12 : (enum js_draft)spec->draft;

	if (!schema)
		return mq_fail_memory(err);
	schema->load = spec->load;
	schema->load_ctx = spec->load_ctx;
	js_library_init(&schema->library, draft, load, schema);
	js_doc_init(&schema->doc);
	mq_buf_init(&schema->text, SIZE_MAX);
	mq_buf_init(&schema->pointer, DOCUMENT_MAX);
	mq_buf_init(&schema->schema_pointer, DOCUMENT_MAX);
	mq_buf_init(&schema->value, DOCUMENT_MAX);
	if (spec->name)
		schema->library.name = spec->name;
	int64_t document =
	    js_library_add(&schema->library, spec->base ? spec->base : "", spec->text, err);
	if (document < 0)
		goto fail;
	schema->document = (uint32_t)document;
	if (js_program_compile(&schema->program, &schema->library,
	                       (struct js_place){schema->document, 0}, spec->assert_format,
	                       err) < 0 ||
	    js_metacheck(&schema->library, err) < 0 ||
	    js_validator_new(&schema->program, &schema->validator, err) < 0)
		goto fail;
	schema->load = NULL;
	schema->library.name = "the schema";
	*ret = &schema->base;
	return 0;
fail:
	release(&schema->base);
	return -1;
}

struct telling {
	struct json_schema *schema;
	mq_violation_fn *tell;
	void *ctx;
};

static const char *as_text(struct mq_buf *buf)
{
	return mq_buf_append_char(buf, '\0', NULL) < 0 ? "" : buf->data;
}

static int tell_error(void *arg, const struct js_error *error)
{
	const struct telling *telling = arg;
	struct json_schema *schema = telling->schema;
	const struct js_document *document = schema->library.documents[error->node->document];

	mq_buf_clear(&schema->pointer);
	mq_buf_clear(&schema->schema_pointer);
	mq_buf_clear(&schema->value);
	js_pointer_near(&schema->doc, error->instance, &schema->near, &schema->pointer, NULL);
	if (error->node->document != schema->document)
		mq_buf_append_str(&schema->schema_pointer, document->uri, NULL);
	mq_buf_append_char(&schema->schema_pointer, '#', NULL);
	js_pointer(&document->doc, error->schema_value, &schema->schema_pointer, NULL);
	js_write(&schema->doc, error->instance, SHOWN, &schema->value, NULL);
	struct mq_violation violation = {
	    .pointer = as_text(&schema->pointer),
	    .schema_pointer = as_text(&schema->schema_pointer),
	    .keyword = error->keyword,
	    .value = mq_bytes_of(schema->value.data, schema->value.len),
	    .error = error->words,
	};
	return telling->tell(telling->ctx, &violation);
}

/* Parses the payload: 1, 0 when it is no JSON, -1. */
static int take(struct json_schema *schema, struct mq_bytes payload, struct js_problem *problem,
                struct mq_err *err)
{
	mq_buf_clear(&schema->text);
	if (mq_buf_append(&schema->text, payload.data, payload.len, err) < 0 ||
	    mq_buf_append_char(&schema->text, '\0', err) < 0)
		return -1;
	return js_parse(&schema->doc, schema->text.data, payload.len, problem, err);
}

static int tell_problem(struct json_schema *schema, const struct js_problem *problem,
                        mq_violation_fn *tell, void *ctx)
{
	struct mq_violation violation = {.pointer = "", .keyword = "json"};

	if (!tell)
		return 0;
	mq_buf_clear(&schema->value);
	mq_buf_printf(&schema->value, NULL, "%s, at byte %zu", problem->words, problem->offset + 1);
	violation.error = as_text(&schema->value);
	tell(ctx, &violation);
	return 0;
}

static int check(struct mq_schema *base, struct mq_bytes payload, mq_violation_fn *tell, void *ctx,
                 struct mq_err *err)
{
	struct json_schema *schema = (struct json_schema *)base;
	struct telling telling = {schema, tell, ctx};
	struct js_problem problem;

	int ok = take(schema, payload, &problem, err);
	if (ok <= 0)
		return ok < 0 ? -1 : tell_problem(schema, &problem, tell, ctx);
	schema->near = (struct js_near){0};
	ok = js_validate(schema->validator, &schema->doc, err);
	if (ok != 0 || !tell)
		return ok;
	return js_explain(schema->validator, &schema->doc, tell_error, &telling, err);
}

/* JSON is its own form: the text stays as it is. */
static int pass(struct json_schema *schema, struct mq_bytes text, struct mq_buf *buf,
                struct mq_err *err)
{
	struct js_problem problem;
	int ok = take(schema, text, &problem, err);

	if (ok == 0)
		return mq_fail(err, MQ_DATA, "%s, at byte %zu", problem.words, problem.offset + 1);
	return ok < 0 ? -1 : mq_buf_append(buf, text.data, text.len, err);
}

static int decode(struct mq_schema *base, struct mq_schema *reader, struct mq_bytes payload,
                  unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	(void)reader, (void)form;
	return pass((struct json_schema *)base, payload, buf, err);
}

static int encode(struct mq_schema *base, struct mq_bytes text, struct mq_buf *buf,
                  struct mq_err *err)
{
	return pass((struct json_schema *)base, text, buf, err);
}

static int canonical(struct mq_schema *base, struct mq_buf *buf, struct mq_err *err)
{
	const struct json_schema *schema = (const struct json_schema *)base;

	return js_canonical(&schema->library.documents[schema->document]->doc, 0, buf, err);
}

static int can_read(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
                    void *ctx, struct mq_err *err)
{
	struct json_schema *r = (struct json_schema *)reader, *w = (struct json_schema *)writer;

	return js_can_read((struct js_side){&r->library, {r->document, 0}},
	                   (struct js_side){&w->library, {w->document, 0}}, tell, ctx, err);
}

const struct mq_schema_ops mq_schema_json = {
    .name = "json",
    .in_registry = "JSON",
    .open = open_schema,
    .release = release,
    .check_data = check,
    .decode = decode,
    .encode = encode,
    .canonical = canonical,
    .can_read = can_read,
};
