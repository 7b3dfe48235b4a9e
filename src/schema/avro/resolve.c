/*
 * Reading with another schema than it was written with: see resolve.h. The bytes are walked along
 * the writer's schema; what the reader has not is skipped.
 */
#include "schema/avro/resolve.h"

#include <inttypes.h>
#include <stdlib.h>

struct resolving {
	const struct av_schema *reader, *writer;
	struct av_input *input;
	unsigned how;
	struct mq_buf *buf;
	struct mq_err *err;
};

static int resolve(struct resolving *r, uint32_t reader, uint32_t writer);

/* --- skipping --------------------------------------------------------------------------------- */

static int skip(struct resolving *r, uint32_t number);

static int skip_many(struct resolving *r, const struct av_node *node)
{
	struct mq_bytes key;
	int64_t count;

	for (;;) {
		if (av_take_count(r->input, &count, r->err) < 0)
			return -1;
		if (count == 0)
			return 0;
		const unsigned char *before = r->input->p;
		for (; count > 0; count--) {
			if ((node->type == AV_MAP && av_take_bytes(r->input, &key, r->err) < 0) ||
			    skip(r, node->items) < 0)
				return -1;
			/* What takes no bytes needs no walk, however often it is there. */
			if (r->input->p == before)
				break;
		}
	}
}

static int skip_inner(struct resolving *r, const struct av_node *node)
{
	int64_t which;

	if (node->type == AV_RECORD) {
		for (uint32_t i = 0; i < node->n; i++)
			if (skip(r, r->writer->fields[node->first + i].node) < 0)
				return -1;
		return 0;
	}
	if (node->type != AV_UNION)
		return skip_many(r, node);
	if (av_take_int(r->input, &which, r->err) < 0)
		return -1;
	if (which < 0 || which >= node->n)
		return av_fail(r->input, r->err, "the number of a branch that the union has not");
	return skip(r, r->writer->branches[node->first + (uint32_t)which]);
}

/* Scalars are decoded into a place that is dropped again, so that they are checked all the same. */
static int skip(struct resolving *r, uint32_t number)
{
	const struct av_node *node = &r->writer->nodes[number];
	size_t len = r->buf->len;
	int result;

	if (node->type < AV_RECORD) {
		result = av_decode_scalar(r->writer, node, r->input, 0, r->buf, r->err);
		r->buf->len = len;
		return result;
	}
	if (++r->input->depth > AV_DEPTH)
		return av_fail(r->input, r->err, "nested too deeply");
	result = skip_inner(r, node);
	r->input->depth--;
	return result;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static int resolve_symbol(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	int64_t which;

	if (av_take_int(r->input, &which, r->err) < 0)
		return -1;
	if (which < 0 || which >= from->n)
		return av_fail(r->input, r->err, "the number of a symbol that the enum has not");
	struct mq_bytes symbol = r->writer->symbols[from->first + (uint32_t)which];
	uint32_t i = 0;
	while (i < to->n && !mq_bytes_equal(r->reader->symbols[to->first + i], symbol))
		i++;
	if (i == to->n && !to->otherwise)
		return mq_fail(
		    r->err, MQ_DATA,
		    "the symbol %.*s is none of the reader's enum %.*s, which has no default",
		    (int)symbol.len, symbol.data, (int)to->name.len, to->name.data);
	i = i == to->n ? to->otherwise - 1 : i;
	return av_put_string(r->reader->symbols[to->first + i], r->buf, r->err);
}

/* Written as one type, read as a wider one. */
static int promote(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	int64_t number;

	if ((to->type == AV_FLOAT || to->type == AV_DOUBLE) &&
	    (from->type == AV_INT || from->type == AV_LONG)) {
		if ((from->type == AV_INT ? av_take_int : av_take_long)(r->input, &number, r->err) <
		    0)
			return -1;
		return av_put_double(to->type == AV_FLOAT ? (double)(float)number : (double)number,
		                     to->type == AV_FLOAT, r->buf, r->err);
	}
	/* int as long, string as bytes and back: the bytes are the same. A float as a double is
	 * that number exactly. */
	struct av_node as = *to;
	if (from->type == AV_FLOAT)
		as.type = AV_FLOAT;
	if (from->type == AV_INT) {
		as.type = AV_INT;
		as.logical = to->logical;
	}
	return av_decode_scalar(r->reader, &as, r->input, r->how, r->buf, r->err);
}

/* --- defaults --------------------------------------------------------------------------------- */

/* A default is JSON already, but for a union it stands without its branch's name: by way of its
 * encoding it comes out like any other value. */
static int put_default(struct resolving *r, const struct av_field *field)
{
	struct av_schema alone = *r->reader;
	struct mq_buf bytes;
	int result;

	const struct av_node *node = &r->reader->nodes[field->node];
	bool is_union = node->type == AV_UNION && node->n > 0;
	alone.root = is_union ? r->reader->branches[node->first] : field->node;
	mq_buf_init(&bytes, r->buf->limit);
	result = av_encode(&alone, &r->reader->doc, field->otherwise, &bytes, r->err);
	struct av_input input = {.p = (const unsigned char *)bytes.data,
	                         .end = (const unsigned char *)bytes.data + bytes.len,
	                         .depth = r->input->depth};
	const struct av_node *branch = &r->reader->nodes[alone.root];
	bool wrap = is_union && branch->type != AV_NULL && !(r->how & AV_JSON_BARE);
	if (result == 0 && wrap)
		result = av_put_label("{", branch->name, r->buf, r->err);
	if (result == 0)
		result = av_decode(&alone, &input, r->how, r->buf, r->err);
	if (result == 0 && wrap)
		result = mq_buf_append(r->buf, "}", 1, r->err);
	mq_buf_release(&bytes);
	return result;
}

/* --- values within values --------------------------------------------------------------------- */

static int resolve_record(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	const char *before = "{";
	/* Which of the reader's fields came; most records have few. */
	uint64_t few[4] = {0}, *came = few;
	int result = 0;

	if (to->n > 256 && !(came = calloc(to->n / 64 + 1, sizeof *came)))
		return mq_fail_memory(r->err);
	for (uint32_t i = 0; i < from->n && result == 0; i++) {
		const struct av_field *written = &r->writer->fields[from->first + i];
		const struct av_field *field = av_field_for(r->reader, to, written->name);
		if (!field) {
			result = skip(r, written->node);
			continue;
		}
		size_t place = (size_t)(field - (r->reader->fields + to->first));
		came[place / 64] |= (uint64_t)1 << place % 64;
		result = av_put_label(before, field->name, r->buf, r->err);
		if (result == 0)
			result = resolve(r, field->node, written->node);
		before = ",";
	}
	for (uint32_t i = 0; i < to->n && result == 0; i++) {
		const struct av_field *field = &r->reader->fields[to->first + i];
		if (came[i / 64] >> i % 64 & 1)
			continue;
		if (!field->otherwise) {
			result = mq_fail(
			    r->err, MQ_DATA,
			    "the reader's field \"%.*s\" was not written, and has no default",
			    (int)field->name.len, field->name.data);
			break;
		}
		result = av_put_label(before, field->name, r->buf, r->err);
		if (result == 0)
			result = put_default(r, field);
		before = ",";
	}
	if (came != few)
		free(came);
	if (result == 0)
		result = mq_buf_append_str(r->buf, *before == '{' ? "{}" : "}", r->err);
	return result;
}

static int resolve_many(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	bool map = to->type == AV_MAP, first = true;
	struct mq_bytes key;
	int64_t count;

	if (mq_buf_append(r->buf, map ? "{" : "[", 1, r->err) < 0)
		return -1;
	for (;;) {
		if (av_take_count(r->input, &count, r->err) < 0)
			return -1;
		if (count == 0)
			return mq_buf_append(r->buf, map ? "}" : "]", 1, r->err);
		for (; count > 0; count--, first = false) {
			if (!first && mq_buf_append(r->buf, ",", 1, r->err) < 0)
				return -1;
			if (map && (av_take_bytes(r->input, &key, r->err) < 0 ||
			            (!mq_utf8_valid(key) &&
			             av_fail(r->input, r->err, "a key that is no UTF-8") < 0) ||
			            av_put_string(key, r->buf, r->err) < 0 ||
			            mq_buf_append(r->buf, ":", 1, r->err) < 0))
				return -1;
			if (resolve(r, to->items, from->items) < 0)
				return -1;
		}
	}
}

/* The first branch of the reader's union that reads it: one of the same type before one that it
 * can be promoted to. */
static int resolve_into_union(struct resolving *r, const struct av_node *to, uint32_t writer)
{
	const struct av_node *from = &r->writer->nodes[writer];
	struct av_schema reader = *r->reader, written = *r->writer;

	written.root = writer;
	for (int same = 1; same >= 0; same--)
		for (uint32_t i = 0; i < to->n; i++) {
			uint32_t branch = r->reader->branches[to->first + i];
			const struct av_node *there = &r->reader->nodes[branch];
			if (same != (there->type == from->type))
				continue;
			reader.root = branch;
			int can = av_can_read(&reader, &written, NULL, NULL, r->err);
			if (can < 0)
				return -1;
			if (!can)
				continue;
			bool wrap = there->type != AV_NULL && !(r->how & AV_JSON_BARE);
			if ((wrap && av_put_label("{", there->name, r->buf, r->err) < 0) ||
			    resolve(r, branch, writer) < 0)
				return -1;
			return wrap ? mq_buf_append(r->buf, "}", 1, r->err) : 0;
		}
	return mq_fail(r->err, MQ_DATA, "the reader's union has no branch that reads %.*s",
	               (int)from->name.len, from->name.data);
}

static int resolve_inner(struct resolving *r, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	int64_t which;

	if (from->type == AV_UNION) {
		if (av_take_int(r->input, &which, r->err) < 0)
			return -1;
		if (which < 0 || which >= from->n)
			return av_fail(r->input, r->err,
			               "the number of a branch that the union has not");
		return resolve(r, reader, r->writer->branches[from->first + (uint32_t)which]);
	}
	if (to->type == AV_UNION)
		return resolve_into_union(r, to, writer);
	if (to->type == AV_RECORD && from->type == AV_RECORD)
		return resolve_record(r, to, from);
	if (to->type == from->type && (to->type == AV_ARRAY || to->type == AV_MAP))
		return resolve_many(r, to, from);
	if (to->type == AV_ENUM && from->type == AV_ENUM)
		return resolve_symbol(r, to, from);
	if (to->type != from->type &&
	    !av_promotes((enum av_type)from->type, (enum av_type)to->type))
		return mq_fail(r->err, MQ_DATA, "a value of type %s cannot be read as %s",
		               av_type_name((enum av_type)from->type),
		               av_type_name((enum av_type)to->type));
	if (to->type == AV_FIXED && to->size != from->size)
		return mq_fail(r->err, MQ_DATA,
		               "a fixed of %" PRIu32 " bytes, where the reader has %" PRIu32,
		               from->size, to->size);
	return promote(r, to, from);
}

static int resolve(struct resolving *r, uint32_t reader, uint32_t writer)
{
	if (++r->input->depth > AV_DEPTH)
		return av_fail(r->input, r->err, "nested too deeply");
	int result = resolve_inner(r, reader, writer);
	r->input->depth--;
	return result;
}

/* --- the whole -------------------------------------------------------------------------------- */

int av_decode_resolved(const struct av_schema *reader, const struct av_schema *writer,
                       struct mq_bytes bytes, unsigned how, struct mq_buf *buf, struct mq_err *err)
{
	const unsigned char *begin = (const unsigned char *)(bytes.data ? bytes.data : "");
	struct av_input input = {.p = begin, .end = begin + bytes.len};
	struct resolving resolving = {.reader = reader,
	                              .writer = writer,
	                              .input = &input,
	                              .how = how,
	                              .buf = buf,
	                              .err = err};

	if (resolve(&resolving, reader->root, writer->root) < 0)
		return -1;
	return input.p < input.end ? av_fail(&input, err, "there is more than one value") : 0;
}
