/* Going over a value, to where the next begins: see data.h. */
#include "schema/avro/data.h"

static int skip_record(const struct av_schema *schema, const struct av_node *node,
                       struct av_input *input)
{
	if (node->free && av_count_free(input, node->n + 1) < 0)
		return -1;
	for (uint32_t i = 0; i < node->n; i++) {
		const struct av_field *field = &schema->fields[node->first + i];
		if (av_skip(schema, field->node, input) < 0)
			return av_under(input, field->name);
	}
	return 0;
}

static int skip_many(const struct av_schema *schema, const struct av_node *node,
                     struct av_input *input)
{
	bool map = node->type == AV_MAP, is_free = !map && schema->nodes[node->items].free;
	struct mq_bytes key;
	int64_t count;

	for (;;) {
		if (av_take_count(input, is_free, &count) < 0)
			return -1;
		if (count == 0)
			return 0;
		for (; count > 0; count--)
			if ((map && av_take_bytes(input, &key) < 0) ||
			    av_skip(schema, node->items, input) < 0)
				return -1;
	}
}

static int skip_inner(const struct av_schema *schema, const struct av_node *node,
                      struct av_input *input)
{
	uint32_t which;

	if (node->type == AV_RECORD)
		return skip_record(schema, node, input);
	if (node->type != AV_UNION)
		return skip_many(schema, node, input);
	return av_take_choice(input, node, &which) < 0
	           ? -1
	           : av_skip(schema, schema->branches[node->first + which], input);
}

int av_skip(const struct av_schema *schema, uint32_t number, struct av_input *input)
{
	const struct av_node *node = &schema->nodes[number];
	struct mq_bytes bytes;
	int64_t whole;
	uint32_t which;
	bool truth;

	switch ((enum av_type)node->type) {
	case AV_NULL:
		return 0;
	case AV_BOOLEAN:
		return av_take_boolean(input, &truth);
	case AV_INT:
		return av_take_int(input, &whole);
	case AV_LONG:
		return av_take_long(input, &whole);
	case AV_FLOAT:
		return av_take_exact(input, 4, &bytes);
	case AV_DOUBLE:
		return av_take_exact(input, 8, &bytes);
	case AV_BYTES:
	case AV_STRING:
		return av_take_bytes(input, &bytes);
	case AV_FIXED:
		return av_take_exact(input, node->size, &bytes);
	case AV_ENUM:
		return av_take_choice(input, node, &which);
	default:
		break;
	}
	if (++input->depth > AV_DEPTH)
		return av_fail(input, "data", "nested too deeply");
	int result = skip_inner(schema, node, input);
	input->depth--;
	return result;
}
