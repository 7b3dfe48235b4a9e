/* Parsing Canonical Form: Avro specification, "Transforming into Parsing Canonical Form". */
#include "schema/avro/schema.h"

#include <inttypes.h>
#include <stdlib.h>

struct writing {
	const struct av_schema *schema;
	struct mq_buf *buf;
	bool *written; /* by node: a named type stands out in full only once */
	struct mq_err *err;
};

static int put(struct writing *writing, const char *text)
{
	return mq_buf_append_str(writing->buf, text, writing->err);
}

/* Names and symbols hold nothing that needs an escape. */
static int put_name(struct writing *writing, const char *before, struct mq_bytes name)
{
	return mq_buf_printf(writing->buf, writing->err, "%s\"%.*s\"", before, (int)name.len,
	                     name.data);
}

static int put_node(struct writing *writing, uint32_t number);

static int put_fields(struct writing *writing, const struct av_node *node)
{
	if (put_name(writing, "{\"name\":", node->name) < 0 ||
	    put(writing, ",\"type\":\"record\",\"fields\":[") < 0)
		return -1;
	for (uint32_t i = 0; i < node->n; i++) {
		const struct av_field *field = &writing->schema->fields[node->first + i];
		if (put_name(writing, i ? ",{\"name\":" : "{\"name\":", field->name) < 0 ||
		    put(writing, ",\"type\":") < 0 || put_node(writing, field->node) < 0 ||
		    put(writing, "}") < 0)
			return -1;
	}
	return put(writing, "]}");
}

static int put_symbols(struct writing *writing, const struct av_node *node)
{
	if (put_name(writing, "{\"name\":", node->name) < 0 ||
	    put(writing, ",\"type\":\"enum\",\"symbols\":[") < 0)
		return -1;
	for (uint32_t i = 0; i < node->n; i++)
		if (put_name(writing, i ? "," : "", writing->schema->symbols[node->first + i]) < 0)
			return -1;
	return put(writing, "]}");
}

static int put_union(struct writing *writing, const struct av_node *node)
{
	if (put(writing, "[") < 0)
		return -1;
	for (uint32_t i = 0; i < node->n; i++)
		if ((i && put(writing, ",") < 0) ||
		    put_node(writing, writing->schema->branches[node->first + i]) < 0)
			return -1;
	return put(writing, "]");
}

static int put_node(struct writing *writing, uint32_t number)
{
	const struct av_node *node = &writing->schema->nodes[number];
	bool is_named = node->type >= AV_FIXED && node->type <= AV_RECORD;

	if (node->type < AV_FIXED || (is_named && writing->written[number]))
		return put_name(writing, "", node->name);
	writing->written[number] = true;
	switch ((enum av_type)node->type) {
	case AV_RECORD:
		return put_fields(writing, node);
	case AV_ENUM:
		return put_symbols(writing, node);
	case AV_FIXED:
		return put_name(writing, "{\"name\":", node->name) < 0
		           ? -1
		           : mq_buf_printf(writing->buf, writing->err,
		                           ",\"type\":\"fixed\",\"size\":%" PRIu32 "}", node->size);
	case AV_UNION:
		return put_union(writing, node);
	default:
		if (put(writing, node->type == AV_ARRAY ? "{\"type\":\"array\",\"items\":"
		                                        : "{\"type\":\"map\",\"values\":") < 0 ||
		    put_node(writing, node->items) < 0)
			return -1;
		return put(writing, "}");
	}
}

int av_schema_canonical(const struct av_schema *schema, struct mq_buf *buf, struct mq_err *err)
{
	struct writing writing = {.schema = schema, .buf = buf, .err = err};

	writing.written = calloc(schema->n_nodes + 1, sizeof *writing.written);
	if (!writing.written)
		return mq_fail_memory(err);
	int result = put_node(&writing, schema->root);
	free(writing.written);
	return result;
}
