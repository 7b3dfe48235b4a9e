/* Bytes into JSON: see data.h. */
#include "schema/avro/data.h"

#include <inttypes.h>
#include <stdio.h>

struct decoding {
	const struct av_schema *schema;
	struct av_input *input;
	unsigned how;
	struct mq_buf *buf;
	struct mq_err *err;
};

/* --- taking ----------------------------------------------------------------------------------- */

int av_fail(struct av_input *input, const char *keyword, const char *words)
{
	*input->problem = (struct av_problem){
	    .keyword = keyword, .words = words, .offset = (size_t)(input->p - input->begin)};
	return -1;
}

int av_under(struct av_input *input, struct mq_bytes step)
{
	char *path = input->problem->path;
	size_t len = strlen(path), room = sizeof input->problem->path - 1;

	/* The innermost steps are kept. */
	if (!input->problem->keyword || len + 1 + step.len > room)
		return -1;
	memmove(path + 1 + step.len, path, len + 1);
	path[0] = '/';
	memcpy(path + 1, step.data, step.len);
	return -1;
}

int av_under_item(struct av_input *input, uint64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%" PRIu64, number);

	return av_under(input, mq_bytes_of(text, (size_t)len));
}

int av_report(const struct av_problem *problem, struct mq_err *err)
{
	if (!problem->keyword)
		return -1;
	return mq_fail(err, MQ_DATA, "no Avro data of this schema: %s%s%s%s%.*s, at byte %zu",
	               problem->path, problem->path[0] ? ": " : "", problem->words,
	               problem->of.len ? " " : "", (int)problem->of.len,
	               problem->of.data ? problem->of.data : "", problem->offset + 1);
}

int av_take_long(struct av_input *input, int64_t *ret)
{
	const unsigned char *p = input->p;
	uint64_t value = 0;

	for (unsigned shift = 0; p < input->end; shift += 7) {
		uint64_t byte = *p++;
		if (shift == 63 && byte > 1)
			return av_fail(input, "data", "a number beyond 64 bits");
		value |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			input->p = p;
			*ret = (int64_t)(value >> 1 ^ (0 - (value & 1)));
			return 0;
		}
	}
	return av_fail(input, "data", "it ends within a number");
}

int av_take_int(struct av_input *input, int64_t *ret)
{
	const unsigned char *before = input->p;

	if (av_take_long(input, ret) < 0)
		return -1;
	if (*ret >= INT32_MIN && *ret <= INT32_MAX)
		return 0;
	input->p = before;
	return av_fail(input, "int", "an int beyond 32 bits");
}

int av_take_exact(struct av_input *input, size_t n, struct mq_bytes *ret)
{
	if ((size_t)(input->end - input->p) < n)
		return av_fail(input, "data", "it ends within a value");
	*ret = mq_bytes_of(input->p, n);
	input->p += n;
	return 0;
}

int av_take_bytes(struct av_input *input, struct mq_bytes *ret)
{
	const unsigned char *before = input->p;
	int64_t n;

	if (av_take_long(input, &n) < 0)
		return -1;
	if (n >= 0 && n <= input->end - input->p)
		return av_take_exact(input, (size_t)n, ret);
	input->p = before;
	return av_fail(input, "data", "a length beyond its end");
}

int av_take_boolean(struct av_input *input, bool *ret)
{
	if (input->p == input->end)
		return av_fail(input, "data", "it ends within a value");
	if (*input->p > 1)
		return av_fail(input, "boolean", "a boolean that is neither 0 nor 1");
	*ret = *input->p++;
	return 0;
}

int av_take_choice(struct av_input *input, const struct av_node *node, uint32_t *ret)
{
	const unsigned char *before = input->p;
	int64_t which;

	if (av_take_int(input, &which) < 0)
		return -1;
	if (which >= 0 && which < node->n) {
		*ret = (uint32_t)which;
		return 0;
	}
	input->p = before;
	return node->type == AV_ENUM
	           ? av_fail(input, "enum", "the number of a symbol that the enum has not")
	           : av_fail(input, "union", "the number of a branch that the union has not");
}

int av_count_free(struct av_input *input, uint64_t n)
{
	if (n > AV_FREE_MAX - input->free)
		return av_fail(input, "data", "too many values that take no bytes");
	input->free += (uint32_t)n;
	return 0;
}

int av_take_count(struct av_input *input, bool items_are_free, int64_t *ret)
{
	const unsigned char *before = input->p;
	int64_t size;

	if (av_take_long(input, ret) < 0)
		return -1;
	if (*ret < 0) {
		/* With its size in bytes, for those who skip. */
		if (*ret == INT64_MIN) {
			input->p = before;
			return av_fail(input, "data", "a count of items that cannot be");
		}
		if (av_take_long(input, &size) < 0)
			return -1;
		if (size < 0 || size > input->end - input->p) {
			input->p = before;
			return av_fail(input, "data", "a block beyond its end");
		}
		*ret = -*ret;
	}
	if (items_are_free)
		return av_count_free(input, (uint64_t)*ret);
	if (*ret <= input->end - input->p)
		return 0;
	input->p = before;
	return av_fail(input, "data", "more items than there are bytes");
}

/* --- scalars ---------------------------------------------------------------------------------- */

static int take_double(struct av_input *input, bool single, double *ret)
{
	struct mq_bytes bytes;
	uint64_t bits = 0;

	if (av_take_exact(input, single ? 4 : 8, &bytes) < 0)
		return -1;
	for (size_t i = bytes.len; i-- > 0;)
		bits = bits << 8 | (unsigned char)bytes.data[i];
	if (single) {
		uint32_t half = (uint32_t)bits;
		float value;
		memcpy(&value, &half, sizeof value);
		*ret = (double)value;
	} else {
		memcpy(ret, &bits, sizeof *ret);
	}
	return 0;
}

static int decode_number(const struct av_node *node, struct av_input *input, unsigned how,
                         struct mq_buf *buf, struct mq_err *err)
{
	int64_t number = 0;

	if ((node->type == AV_INT ? av_take_int : av_take_long)(input, &number) < 0)
		return -1;
	if (node->logical && how & AV_JSON_LOGICAL) {
		int put = av_put_logical(node, number, MQ_ABSENT, buf, err);
		if (put != 0)
			return put < 0 ? -1 : 0;
	}
	char text[24], *p = text + sizeof text;
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (number < 0)
		*--p = '-';
	return mq_buf_append(buf, p, (size_t)(text + sizeof text - p), err);
}

/* Bytes as characters U+0000 to U+00FF. */
static int put_bytes(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	static const char hex[] = "0123456789abcdef";

	/* At most six characters for each. */
	if (mq_buf_reserve(buf, 6 * bytes.len + 2, err) < 0)
		return -1;
	char *out = buf->data + buf->len;
	*out++ = '"';
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		if (c == '"' || c == '\\') {
			*out++ = '\\';
			*out++ = (char)c;
		} else if (c < 0x20) {
			memcpy(out, "\\u00", 4);
			out[4] = hex[c >> 4];
			out[5] = hex[c & 15];
			out += 6;
		} else if (c < 0x80) {
			*out++ = (char)c;
		} else {
			*out++ = (char)(0xc0 | c >> 6);
			*out++ = (char)(0x80 | (c & 0x3f));
		}
	}
	*out++ = '"';
	buf->len = (size_t)(out - buf->data);
	return 0;
}

int av_put_string(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err)
{
	static const char hex[] = "0123456789abcdef";

	if (mq_buf_reserve(buf, 6 * text.len + 2, err) < 0)
		return -1;
	char *out = buf->data + buf->len;
	*out++ = '"';
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c >= 0x20 && c != '"' && c != '\\') {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		if (c >= 0x20) {
			*out++ = (char)c;
			continue;
		}
		memcpy(out, "u00", 3);
		out[3] = hex[c >> 4];
		out[4] = hex[c & 15];
		out += 5;
	}
	*out++ = '"';
	buf->len = (size_t)(out - buf->data);
	return 0;
}

static int decode_text(const struct av_node *node, struct av_input *input, unsigned how,
                       struct mq_buf *buf, struct mq_err *err)
{
	struct mq_bytes bytes;
	int got = node->type == AV_FIXED ? av_take_exact(input, node->size, &bytes)
	                                 : av_take_bytes(input, &bytes);

	if (got < 0)
		return -1;
	if (node->logical && how & AV_JSON_LOGICAL) {
		int put = av_put_logical(node, 0, bytes, buf, err);
		if (put != 0)
			return put < 0 ? -1 : 0;
	}
	if (node->type != AV_STRING)
		return put_bytes(bytes, buf, err);
	if (!mq_utf8_valid(bytes))
		return av_fail(input, "utf-8", "a string that is no UTF-8");
	return av_put_string(bytes, buf, err);
}

int av_decode_scalar(const struct av_schema *schema, const struct av_node *node,
                     struct av_input *input, unsigned how, struct mq_buf *buf, struct mq_err *err)
{
	uint32_t which;
	double real;
	bool truth;

	switch ((enum av_type)node->type) {
	case AV_NULL:
		return mq_buf_append(buf, "null", 4, err);
	case AV_BOOLEAN:
		return av_take_boolean(input, &truth) < 0
		           ? -1
		           : mq_buf_append_str(buf, truth ? "true" : "false", err);
	case AV_INT:
	case AV_LONG:
		return decode_number(node, input, how, buf, err);
	case AV_FLOAT:
	case AV_DOUBLE:
		return take_double(input, node->type == AV_FLOAT, &real) < 0
		           ? -1
		           : av_put_double(real, node->type == AV_FLOAT, buf, err);
	case AV_ENUM:
		return av_take_choice(input, node, &which) < 0
		           ? -1
		           : av_put_string(schema->symbols[node->first + which], buf, err);
	default:
		return decode_text(node, input, how, buf, err);
	}
}

int av_put_label(const char *before, struct mq_bytes name, struct mq_buf *buf, struct mq_err *err)
{
	size_t len = strlen(before);

	if (mq_buf_reserve(buf, len + name.len + 3, err) < 0)
		return -1;
	char *out = buf->data + buf->len;
	memcpy(out, before, len);
	out += len;
	*out++ = '"';
	memcpy(out, name.data, name.len);
	out += name.len;
	*out++ = '"';
	*out++ = ':';
	buf->len = (size_t)(out - buf->data);
	return 0;
}

/* --- values within values --------------------------------------------------------------------- */

static int decode_node(struct decoding *d, uint32_t number);

static int decode_record(struct decoding *d, const struct av_node *node)
{
	if (node->free && av_count_free(d->input, node->n + 1) < 0)
		return -1;
	if (node->n == 0)
		return mq_buf_append(d->buf, "{}", 2, d->err);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct av_field *field = &d->schema->fields[node->first + i];
		if (av_put_label(i ? "," : "{", field->name, d->buf, d->err) < 0)
			return -1;
		if (decode_node(d, field->node) < 0)
			return av_under(d->input, field->name);
	}
	return mq_buf_append(d->buf, "}", 1, d->err);
}

int av_decode_key(struct av_input *input, struct mq_bytes *ret_key, struct mq_buf *buf,
                  struct mq_err *err)
{
	if (av_take_bytes(input, ret_key) < 0)
		return -1;
	if (!mq_utf8_valid(*ret_key))
		return av_fail(input, "utf-8", "a key that is no UTF-8");
	return av_put_string(*ret_key, buf, err) < 0 ? -1 : mq_buf_append(buf, ":", 1, err);
}

static int decode_items(struct decoding *d, const struct av_node *node)
{
	bool is_free = d->schema->nodes[node->items].free;
	uint64_t place = 0;
	int64_t count;

	if (mq_buf_append(d->buf, "[", 1, d->err) < 0)
		return -1;
	for (;;) {
		if (av_take_count(d->input, is_free, &count) < 0)
			return av_under_item(d->input, place);
		if (count == 0)
			return mq_buf_append(d->buf, "]", 1, d->err);
		for (; count > 0; count--, place++) {
			if (place > 0 && mq_buf_append(d->buf, ",", 1, d->err) < 0)
				return -1;
			if (decode_node(d, node->items) < 0)
				return av_under_item(d->input, place);
		}
	}
}

static int decode_entries(struct decoding *d, const struct av_node *node)
{
	struct mq_bytes key;
	int64_t count;
	bool first = true;

	if (mq_buf_append(d->buf, "{", 1, d->err) < 0)
		return -1;
	for (;;) {
		if (av_take_count(d->input, false, &count) < 0)
			return -1;
		if (count == 0)
			return mq_buf_append(d->buf, "}", 1, d->err);
		for (; count > 0; count--, first = false) {
			if ((!first && mq_buf_append(d->buf, ",", 1, d->err) < 0) ||
			    av_decode_key(d->input, &key, d->buf, d->err) < 0)
				return -1;
			if (decode_node(d, node->items) < 0)
				return av_under(d->input, key);
		}
	}
}

static int decode_union(struct decoding *d, const struct av_node *node)
{
	uint32_t which;

	if (av_take_choice(d->input, node, &which) < 0)
		return -1;
	uint32_t branch = d->schema->branches[node->first + which];
	const struct av_node *there = &d->schema->nodes[branch];
	if (there->type == AV_NULL || d->how & AV_JSON_BARE)
		return decode_node(d, branch);
	return av_put_label("{", there->name, d->buf, d->err) < 0 || decode_node(d, branch) < 0
	           ? -1
	           : mq_buf_append(d->buf, "}", 1, d->err);
}

static int decode_node(struct decoding *d, uint32_t number)
{
	const struct av_node *node = &d->schema->nodes[number];
	int result;

	if (node->type < AV_RECORD)
		return av_decode_scalar(d->schema, node, d->input, d->how, d->buf, d->err);
	if (++d->input->depth > AV_DEPTH)
		return av_fail(d->input, "data", "nested too deeply");
	if (node->type == AV_RECORD)
		result = decode_record(d, node);
	else if (node->type == AV_UNION)
		result = decode_union(d, node);
	else
		result = node->type == AV_MAP ? decode_entries(d, node) : decode_items(d, node);
	d->input->depth--;
	return result;
}

int av_decode(const struct av_schema *schema, uint32_t node, struct av_input *input, unsigned how,
              struct mq_buf *buf, struct mq_err *err)
{
	struct decoding decoding = {
	    .schema = schema, .input = input, .how = how, .buf = buf, .err = err};

	return decode_node(&decoding, node);
}

int av_decode_all(const struct av_schema *schema, struct mq_bytes bytes, unsigned how,
                  struct mq_buf *buf, struct av_problem *problem, struct mq_err *err)
{
	const unsigned char *begin = (const unsigned char *)(bytes.data ? bytes.data : "");
	struct av_input input = {
	    .begin = begin, .p = begin, .end = begin + bytes.len, .problem = problem};

	problem->keyword = NULL;
	if (av_decode(schema, schema->root, &input, how, buf, err) == 0) {
		if (input.p == input.end)
			return 0;
		av_fail(&input, "data", "there is more behind the value");
	}
	return av_report(problem, err);
}
