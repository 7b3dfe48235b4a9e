/* A schema's text that stands for itself: see mq_avro_schema_text in mqtk/avro_file.h. */
#include "mqtk/avro_file.h"

#include "schema/avro/schema.h"

#include <stdlib.h>

struct putting {
	const struct av_schema *schema;
	const struct js_doc *doc;
	struct mq_buf *buf;
	bool *written; /* by node: the named types that are defined already */
	struct mq_err *err;
};

static int put_type(struct putting *p, uint32_t value, struct mq_bytes space);

static int put_raw(struct putting *p, uint32_t value)
{
	return js_write(p->doc, value, 0, p->buf, p->err);
}

/* The named type that is meant by a name within space, as the parser finds it; or -1. */
static int64_t meant(const struct putting *p, struct mq_bytes name, struct mq_bytes space)
{
	int64_t node = -1;
	struct mq_buf full;

	mq_buf_init(&full, SIZE_MAX);
	if (space.len > 0 && !memchr(name.data, '.', name.len) &&
	    mq_buf_printf(&full, p->err, "%.*s.%.*s", (int)space.len, space.data, (int)name.len,
	                  name.data) == 0)
		node = av_names_find(&p->schema->types, mq_bytes_of(full.data, full.len));
	mq_buf_release(&full);
	return node >= 0 ? node : av_names_find(&p->schema->types, name);
}

/* The members of an object, but for those of a name, which become its full one. */
static int put_members(struct putting *p, uint32_t value, const struct av_node *named,
                       struct mq_bytes space);

static int put_fields(struct putting *p, uint32_t fields, struct mq_bytes space)
{
	const char *before = "[";

	for (uint32_t i = fields + 1; i < p->doc->values[fields].at.end; i = js_next(p->doc, i)) {
		if (mq_buf_append(p->buf, before, 1, p->err) < 0 ||
		    put_members(p, i, NULL, space) < 0)
			return -1;
		before = ",";
	}
	return mq_buf_append_str(p->buf, *before == '[' ? "[]" : "]", p->err);
}

/* object: that the member is of. */
static int put_member(struct putting *p, uint32_t object, uint32_t key, const struct av_node *named,
                      struct mq_bytes space)
{
	uint32_t type = js_member(p->doc, object, "type");

	if (!named && (js_is(p->doc, key, "type") ||
	               (js_is(p->doc, key, "items") && js_is(p->doc, type, "array")) ||
	               (js_is(p->doc, key, "values") && js_is(p->doc, type, "map"))))
		return put_type(p, key + 1, space);
	if (named && js_is(p->doc, key, "fields"))
		return put_fields(p, key + 1, space);
	if (named && js_is(p->doc, key, "name"))
		return mq_buf_printf(p->buf, p->err, "\"%.*s\"", (int)named->name.len,
		                     named->name.data);
	return put_raw(p, key + 1);
}

static int put_members(struct putting *p, uint32_t value, const struct av_node *named,
                       struct mq_bytes space)
{
	const char *before = "{";

	/* Without a namespace is not the same as within the one around it. */
	if (named && !memchr(named->name.data, '.', named->name.len)) {
		if (mq_buf_append_str(p->buf, "{\"namespace\":\"\"", p->err) < 0)
			return -1;
		before = ",";
	}
	for (uint32_t i = value + 1; i < p->doc->values[value].at.end; i = js_next(p->doc, i + 1)) {
		if (named && js_is(p->doc, i, "namespace"))
			continue;
		if (mq_buf_append(p->buf, before, 1, p->err) < 0 || put_raw(p, i) < 0 ||
		    mq_buf_append(p->buf, ":", 1, p->err) < 0 ||
		    put_member(p, value, i, named, space) < 0)
			return -1;
		before = ",";
	}
	return mq_buf_append_str(p->buf, *before == '{' ? "{}" : "}", p->err);
}

/* The definition of a named type, the first time. */
static int put_named(struct putting *p, uint32_t number)
{
	const struct av_node *node = &p->schema->nodes[number];
	const char *dot = memrchr(node->name.data, '.', node->name.len);
	size_t len = dot ? (size_t)(dot - node->name.data) : 0;

	if (p->written[number])
		return mq_buf_printf(p->buf, p->err, "\"%.*s\"", (int)node->name.len,
		                     node->name.data);
	p->written[number] = true;
	return put_members(p, node->value, node, mq_bytes_of(node->name.data, len));
}

static int put_union(struct putting *p, uint32_t value, struct mq_bytes space)
{
	const char *before = "[";

	for (uint32_t i = value + 1; i < p->doc->values[value].at.end; i = js_next(p->doc, i)) {
		if (mq_buf_append(p->buf, before, 1, p->err) < 0 || put_type(p, i, space) < 0)
			return -1;
		before = ",";
	}
	return mq_buf_append_str(p->buf, *before == '[' ? "[]" : "]", p->err);
}

static int put_type(struct putting *p, uint32_t value, struct mq_bytes space)
{
	int64_t node = -1;

	if (p->doc->values[value].type == JS_ARRAY)
		return put_union(p, value, space);
	if (p->doc->values[value].type == JS_STRING) {
		node = meant(p, js_text(p->doc, value), space);
		return node < 0 ? put_raw(p, value) : put_named(p, (uint32_t)node);
	}
	if (p->doc->values[value].type != JS_OBJECT)
		return put_raw(p, value);
	uint32_t type = js_member(p->doc, value, "type"), name = js_member(p->doc, value, "name");
	bool is_named = js_is(p->doc, type, "record") || js_is(p->doc, type, "error") ||
	                js_is(p->doc, type, "enum") || js_is(p->doc, type, "fixed");
	if (!is_named || !name)
		return put_members(p, value, NULL, space);
	uint32_t own = js_member(p->doc, value, "namespace");
	node = meant(p, js_text(p->doc, name), own ? js_text(p->doc, own) : space);
	return node < 0 ? put_raw(p, value) : put_named(p, (uint32_t)node);
}

int mq_avro_schema_text(struct mq_schema *base, struct mq_buf *buf, struct mq_err *err)
{
	const struct av_schema *schema = av_schema_of(base);
	struct putting p = {.schema = schema, .doc = &schema->doc, .buf = buf, .err = err};
	size_t n = schema->doc.values[0].len;
	uint32_t at = 1;

	for (size_t i = 1; i < n; i++)
		at = js_next(&schema->doc, at);
	if (n == 1)
		return js_write(&schema->doc, at, 0, buf, err);
	p.written = calloc(schema->n_nodes + 1, sizeof *p.written);
	if (!p.written)
		return mq_fail_memory(err);
	int result = put_type(&p, at, mq_bytes_of("", 0));
	free(p.written);
	return result;
}
