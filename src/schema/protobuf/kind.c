/* Protobuf as a kind of schema: see schema/kind.h. */
#include "schema/kind.h"
#include "schema/protobuf/compatible.h"
#include "schema/protobuf/data.h"
#include "schema/protobuf/indexes.h"
#include "schema/protobuf/shim.h"

#include <stdlib.h>

struct proto_schema {
	struct mq_schema base;
	struct mq_buf set; /* what libprotobuf made of the text */
	struct pb_model model;
	const struct pb_message *type; /* in use; NULL: the file has none */
	struct pb_decoder decoder;
	struct pb_encoder encoder;
	struct js_doc doc; /* of the JSON text at hand */
	struct mq_buf text, scratch;
};

static void release(struct mq_schema *base)
{
	struct proto_schema *schema = (struct proto_schema *)base;

	pb_model_release(&schema->model);
	mq_buf_release(&schema->set);
	pb_decoder_release(&schema->decoder);
	pb_encoder_release(&schema->encoder);
	js_doc_release(&schema->doc);
	mq_buf_release(&schema->text);
	mq_buf_release(&schema->scratch);
	free(schema);
}

/* --- which message ---------------------------------------------------------------------------- */

static bool in_root(const struct proto_schema *schema, const struct pb_message *message)
{
	return message->file == schema->model.n_files - 1;
}

/* Whether name is the end of the full name, behind a dot. */
static bool is_short_for(const struct pb_message *message, const char *name)
{
	size_t len = strlen(name), all = message->name.len;

	return all > len && message->name.data[all - len - 1] == '.' &&
	       memcmp(message->name.data + all - len, name, len) == 0;
}

static int no_message(const struct proto_schema *schema, const char *name, struct mq_err *err)
{
	struct mq_buf list;
	uint32_t n = 0;

	mq_fail(err, MQ_DATA, "the schema has no message '%s'", name);
	mq_buf_init(&list, 200);
	for (uint32_t i = 0; i < schema->model.n_messages && n < 10; i++) {
		const struct pb_message *message = &schema->model.messages[i];
		if (in_root(schema, message) && !message->entry &&
		    mq_buf_printf(&list, NULL, "%s%s", n++ ? ", " : "", message->name.data) < 0)
			break;
	}
	mq_hint(err, list.len ? "there are: %.*s" : "there is none at all%.*s", (int)list.len,
	        list.data ? list.data : "");
	mq_buf_release(&list);
	return -1;
}

static int use_message(struct mq_schema *base, const char *name, struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;
	const struct pb_message *found = pb_message_named(&schema->model, mq_bytes_str(name));

	for (uint32_t i = 0; !found && i < schema->model.n_messages; i++) {
		const struct pb_message *message = &schema->model.messages[i];
		if (!in_root(schema, message) || message->entry || !is_short_for(message, name))
			continue;
		for (uint32_t k = i + 1; k < schema->model.n_messages; k++)
			if (in_root(schema, &schema->model.messages[k]) &&
			    is_short_for(&schema->model.messages[k], name))
				return mq_fail(err, MQ_DATA, "'%s' may be %s and %s", name,
				               message->name.data,
				               schema->model.messages[k].name.data);
		found = message;
	}
	if (!found || found->entry)
		return no_message(schema, name, err);
	schema->type = found;
	return 0;
}

static int use_indexes(struct mq_schema *base, const int32_t *indexes, size_t n, struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;
	const struct pb_message *at = NULL;

	for (size_t step = 0; step < n; step++) {
		const struct pb_message *found = NULL;
		for (uint32_t i = 0; i < schema->model.n_messages && !found; i++) {
			const struct pb_message *message = &schema->model.messages[i];
			if (in_root(schema, message) && message->parent == at &&
			    (int64_t)message->index == indexes[step])
				found = message;
		}
		if (!found)
			return mq_fail(err, MQ_DATA,
			               "the payload's message index %d is none of the schema's%s%s",
			               indexes[step], at ? " in " : "", at ? at->name.data : "");
		at = found;
	}
	if (!at)
		return mq_fail(err, MQ_DATA, "there are no message indexes");
	schema->type = at;
	return 0;
}

static size_t indexes(const struct mq_schema *base, int32_t *ret, size_t max)
{
	const struct proto_schema *schema = (const struct proto_schema *)base;
	size_t n = 0;

	/* They count in the schema's own file: what it imports has none. */
	if (!schema->type || !in_root(schema, schema->type))
		return 0;
	for (const struct pb_message *m = schema->type; m; m = m->parent)
		n++;
	size_t i = n;
	for (const struct pb_message *m = schema->type; m; m = m->parent)
		if (--i < max)
			ret[i] = (int32_t)m->index;
	return n < max ? n : max;
}

static const char *type_name(const struct mq_schema *base)
{
	const struct proto_schema *schema = (const struct proto_schema *)base;

	return schema->type ? schema->type->name.data : NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_schema(const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	struct proto_schema *schema = calloc(1, sizeof *schema);

	if (!schema)
		return mq_fail_memory(err);
	mq_buf_init(&schema->set, (size_t)256 << 20);
	mq_buf_init(&schema->text, SIZE_MAX);
	mq_buf_init(&schema->scratch, SIZE_MAX);
	js_doc_init(&schema->doc);
	pb_decoder_init(&schema->decoder);
	pb_encoder_init(&schema->encoder);
	if (pb_compile(spec, &schema->set, err) < 0 ||
	    pb_model_init(&schema->model, mq_bytes_of(schema->set.data, schema->set.len), err) < 0)
		goto fail;
	for (uint32_t i = 0; i < schema->model.n_messages && !schema->type; i++)
		if (in_root(schema, &schema->model.messages[i]))
			schema->type = &schema->model.messages[i];
	if (spec->message && use_message(&schema->base, spec->message, err) < 0)
		goto fail;
	*ret = &schema->base;
	return 0;
fail:
	release(&schema->base);
	return -1;
}

/* --- payloads --------------------------------------------------------------------------------- */

static int need_type(const struct proto_schema *schema, struct mq_err *err)
{
	return schema->type ? 0
	                    : mq_fail(err, MQ_DATA, "the schema has no message, only other things");
}

static int decode(struct mq_schema *base, struct mq_schema *reader, struct mq_bytes payload,
                  unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;

	(void)reader;
	(void)form;
	if (need_type(schema, err) < 0)
		return -1;
	return pb_decode(&schema->decoder, &schema->model, schema->type, payload, buf, err);
}

static int check_data(struct mq_schema *base, struct mq_bytes payload, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;

	if (need_type(schema, err) < 0)
		return -1;
	return pb_check(&schema->decoder, &schema->model, schema->type, payload, tell, ctx,
	                &schema->scratch, err);
}

/* 1; 0: no JSON. */
static int parse(struct proto_schema *schema, struct mq_bytes text, struct js_problem *problem,
                 struct mq_err *err)
{
	mq_buf_clear(&schema->text);
	if (need_type(schema, err) < 0 ||
	    mq_buf_append(&schema->text, text.data, text.len, err) < 0)
		return -1;
	return js_parse(&schema->doc, schema->text.data, text.len, problem, err);
}

static int encode(struct mq_schema *base, struct mq_bytes text, struct mq_buf *buf,
                  struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;
	struct js_problem problem;
	int ok = parse(schema, text, &problem, err);

	if (ok == 0)
		return mq_fail(err, MQ_DATA, "%s, at byte %zu", problem.words, problem.offset + 1);
	return ok < 0 ? -1
	              : pb_encode(&schema->encoder, &schema->model, schema->type, &schema->doc, buf,
	                          err);
}

static int check_json(struct mq_schema *base, struct mq_bytes text, mq_violation_fn *tell,
                      void *ctx, struct mq_err *err)
{
	struct proto_schema *schema = (struct proto_schema *)base;
	struct mq_violation violation = {.pointer = "", .keyword = "json"};
	struct mq_err failure = MQ_ERR_INIT;
	struct js_problem problem;
	struct mq_buf pointer, value;
	int ok = parse(schema, text, &problem, err);

	if (ok < 0)
		return -1;
	if (ok == 0) {
		violation.error = problem.words;
		if (tell)
			tell(ctx, &violation);
		return 0;
	}
	mq_buf_clear(&schema->scratch);
	if (pb_encode(&schema->encoder, &schema->model, schema->type, &schema->doc,
	              &schema->scratch, &failure) == 0)
		return 1;
	if (failure.code != MQ_DATA || !schema->encoder.rule) {
		*err = failure;
		return -1;
	}
	mq_buf_init(&pointer, 64 * 1024);
	mq_buf_init(&value, 1024);
	if (js_pointer(&schema->doc, schema->encoder.failed, &pointer, NULL) == 0 &&
	    mq_buf_append(&pointer, "", 1, NULL) == 0)
		violation.pointer = pointer.data;
	if (js_write(&schema->doc, schema->encoder.failed, 100, &value, NULL) == 0)
		violation.value = mq_bytes_of(value.data, value.len);
	violation.keyword = schema->encoder.rule;
	violation.error = failure.message;
	if (tell)
		tell(ctx, &violation);
	mq_buf_release(&pointer);
	mq_buf_release(&value);
	return 0;
}

/* --- schemas among themselves ----------------------------------------------------------------- */

static int can_read(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
                    void *ctx, struct mq_err *err)
{
	return pb_can_read(&((struct proto_schema *)reader)->model,
	                   &((struct proto_schema *)writer)->model, tell, ctx, err);
}

static int canonical(struct mq_schema *base, struct mq_buf *buf, struct mq_err *err)
{
	const struct proto_schema *schema = (const struct proto_schema *)base;

	return pb_normal_form(mq_bytes_of(schema->set.data, schema->set.len), buf, err);
}

const struct mq_schema_ops mq_schema_protobuf = {
    .name = "protobuf",
    .in_registry = "PROTOBUF",
    .traits = MQ_SCHEMA_BINARY | MQ_SCHEMA_MESSAGES,
    .open = open_schema,
    .release = release,
    .type_name = type_name,
    .check_data = check_data,
    .check_json = check_json,
    .decode = decode,
    .encode = encode,
    .use_message = use_message,
    .use_indexes = use_indexes,
    .indexes = indexes,
    .can_read = can_read,
    .canonical = canonical,
};
