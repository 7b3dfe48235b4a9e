/* JSON into bytes: see data.h. */
#include "schema/avro/data.h"

#include "schema/json/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DECIMAL_HINT                                                                               \
	"a decimal is written as a JSON number (12.34, not \"12.34\"); a string stands for its "   \
	"bytes"

struct encoding {
	const struct av_schema *schema;
	const struct js_doc *doc;
	struct mq_buf *buf;
	struct av_problem *problem;
	struct mq_err *err;
	unsigned depth;
	uint32_t free;  /* defaults so far: they cost no text, and can have defaults again */
	uint32_t tries; /* branches so far that did not fit: unions within unions multiply them */
};

/* words: what it should have been. */
static int misfit(const struct encoding *e, uint32_t value, const char *keyword, const char *words)
{
	*e->problem = (struct av_problem){.keyword = keyword,
	                                  .words = words,
	                                  .value = value,
	                                  .in_default = e->doc == &e->schema->doc};
	return -1;
}

static int misfit_of(const struct encoding *e, uint32_t value, const char *keyword,
                     const char *words, struct mq_bytes of)
{
	misfit(e, value, keyword, words);
	e->problem->of = of;
	return -1;
}

/* Makes an error of the problem: where, what stands there, what should. */
static int report(const struct encoding *e)
{
	const struct av_problem *problem = e->problem;
	const struct js_doc *doc = problem->in_default ? &e->schema->doc : e->doc;
	bool missing = strcmp(problem->keyword, "required") == 0;
	struct mq_buf text;

	mq_buf_init(&text, 64 * 1024);
	if (js_pointer(doc, problem->value, &text, NULL) < 0)
		mq_buf_clear(&text);
	size_t len = text.len;
	if (missing || mq_buf_append(&text, ": ", 2, NULL) < 0 ||
	    js_write(doc, problem->value, 60, &text, NULL) < 0)
		text.len = len;
	mq_fail(e->err, MQ_DATA, "at \"%.*s\"%s%.*s %s%s%.*s", (int)len, text.data ? text.data : "",
	        problem->in_default ? " of the schema" : "", (int)(text.len - len),
	        text.data ? text.data + len : "", problem->words, problem->of.len ? " " : "",
	        (int)problem->of.len, problem->of.data ? problem->of.data : "");
	mq_buf_release(&text);
	return problem->hint ? mq_hint(e->err, "%s", problem->hint) : -1;
}

static int put_long(struct encoding *e, int64_t number)
{
	uint64_t rest = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
	char bytes[10];
	size_t n = 0;

	for (; rest >= 0x80; rest >>= 7)
		bytes[n++] = (char)(rest | 0x80);
	bytes[n++] = (char)rest;
	return mq_buf_append(e->buf, bytes, n, e->err);
}

static int put_sized(struct encoding *e, struct mq_bytes bytes)
{
	return put_long(e, (int64_t)bytes.len) < 0
	           ? -1
	           : mq_buf_append(e->buf, bytes.data, bytes.len, e->err);
}

/* --- scalars ---------------------------------------------------------------------------------- */

/* A whole number within int64_t. */
static bool whole(const struct js_value *value, int64_t *ret)
{
	if (value->type != JS_NUMBER || !js_number_is_integer(value))
		return false;
	if (value->flags & JS_PLAIN) {
		*ret = js_plain(value);
		return true;
	}
	struct js_decimal decimal = js_decimal(value);
	uint64_t limit = (uint64_t)INT64_MAX + decimal.negative, number = 0;
	const char *p = decimal.first;
	if (decimal.exponent > 19)
		return false;
	for (int64_t i = 0; i < decimal.exponent; i++) {
		p += p < decimal.end && *p == '.';
		unsigned digit = p < decimal.end ? (unsigned)(*p++ - '0') : 0;
		if (number > (limit - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = decimal.negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

static int encode_real(struct encoding *e, uint32_t value, bool single)
{
	const struct js_value *there = &e->doc->values[value];
	const char *keyword = single ? "float" : "double";
	char text[512], bytes[8];
	uint64_t bits;

	if (there->type == JS_NUMBER && there->len < sizeof text) {
		memcpy(text, there->at.text, there->len);
		text[there->len] = '\0';
	} else if (js_is(e->doc, value, "NaN") || js_is(e->doc, value, "Infinity") ||
	           js_is(e->doc, value, "-Infinity")) {
		snprintf(text, sizeof text, "%.*s", (int)there->len, there->at.text);
	} else {
		return misfit_of(e, value, keyword, "is no", mq_bytes_str(keyword));
	}
	double real = single ? (double)strtof(text, NULL) : strtod(text, NULL);
	if (there->type == JS_NUMBER && isinf(real))
		return misfit_of(e, value, keyword, "is too large for a", mq_bytes_str(keyword));
	if (single) {
		float narrow = (float)real;
		uint32_t half;
		memcpy(&half, &narrow, sizeof half);
		bits = half;
	} else {
		memcpy(&bits, &real, sizeof bits);
	}
	for (int i = 0; i < 8; i++, bits >>= 8)
		bytes[i] = (char)bits;
	return mq_buf_append(e->buf, bytes, single ? 4 : 8, e->err);
}

static int encode_whole(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];
	const char *keyword = av_type_name((enum av_type)node->type);
	int64_t number;

	if (there->type == JS_STRING && node->logical) {
		if (!av_number_of_text(node, js_text(e->doc, value), &number))
			return misfit_of(
			    e, value, "logicalType", "is no",
			    mq_bytes_str(av_logical_name((enum av_logical)node->logical)));
	} else if (!whole(there, &number)) {
		return misfit_of(e, value, keyword, "is no", mq_bytes_str(keyword));
	}
	if (node->type == AV_INT && (number < INT32_MIN || number > INT32_MAX))
		return misfit(e, value, keyword, "is beyond an int's 32 bits");
	return put_long(e, number);
}

static int put_fixed_or_bytes(struct encoding *e, const struct av_node *node,
                              const unsigned char *bytes, size_t len)
{
	if (node->type == AV_BYTES && put_long(e, (int64_t)len) < 0)
		return -1;
	return mq_buf_append(e->buf, bytes, len, e->err);
}

static int encode_duration(struct encoding *e, uint32_t value)
{
	static const char *const names[] = {"months", "days", "millis"};
	const struct js_doc *doc = e->doc;
	unsigned char bytes[12];
	int64_t part;

	for (size_t i = 0; i < 3; i++) {
		uint32_t member = js_member(doc, value, names[i]);
		if (doc->values[value].len != 3 || !member || !whole(&doc->values[member], &part) ||
		    part < 0 || part > UINT32_MAX)
			return misfit(e, value, "logicalType",
			              "is no duration of months, days and millis");
		for (size_t k = 0; k < 4; k++)
			bytes[4 * i + k] = (unsigned char)(part >> 8 * k);
	}
	return mq_buf_append(e->buf, bytes, sizeof bytes, e->err);
}

static bool is_printable(struct mq_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if ((unsigned char)bytes.data[i] < 0x20 || (unsigned char)bytes.data[i] > 0x7e)
			return false;
	return true;
}

/* A string whose characters are bytes, or what a logical type has instead: a decimal's number, the
 * text of a uuid (which is longer than its 16 bytes), a duration's object. */
static int encode_bytes(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];
	bool fixed = node->type == AV_FIXED;
	const char *keyword = fixed ? "fixed" : "bytes";
	unsigned char bytes[AV_DECIMAL_BYTES];
	size_t n;

	if (node->logical == AV_DECIMAL && there->type == JS_NUMBER)
		return av_decimal_of_number(node, there, bytes, &n)
		           ? put_fixed_or_bytes(e, node, bytes, n)
		           : misfit(e, value, "logicalType",
		                    "does not fit into the decimal's precision and scale");
	if (node->logical == AV_DURATION && there->type == JS_OBJECT)
		return encode_duration(e, value);
	if (there->type != JS_STRING)
		return misfit(e, value, keyword, "is no string of bytes");
	if (node->logical == AV_UUID && av_uuid_of_text(js_text(e->doc, value), bytes))
		return put_fixed_or_bytes(e, node, bytes, 16);
	n = js_characters(there);
	if (fixed && n != node->size)
		return misfit_of(e, value, keyword, "has not the size of", node->name);
	if ((!fixed && put_long(e, (int64_t)n) < 0) || mq_buf_reserve(e->buf, n, e->err) < 0)
		return -1;
	size_t begin = e->buf->len;
	for (uint32_t i = 0; i < there->len; i++) {
		unsigned char c = (unsigned char)there->at.text[i];
		if (c >= 0xc4)
			return misfit(e, value, keyword, "has a character that is no byte");
		if (c >= 0xc2)
			c = (unsigned char)(c << 6 | ((unsigned char)there->at.text[++i] & 0x3f));
		e->buf->data[e->buf->len++] = (char)c;
	}
	/* "12.34" is five bytes too, and a far larger number; what nobody can have typed is bytes
	 * that were decoded, and goes back as it came. A default means its bytes always. */
	struct mq_bytes decoded = mq_bytes_of(e->buf->data + begin, n);
	if (node->logical != AV_DECIMAL || e->doc == &e->schema->doc || !is_printable(decoded) ||
	    av_decimal_holds(node, decoded))
		return 0;
	misfit(e, value, "logicalType",
	       "is text, and as bytes it has more digits than the decimal's precision");
	e->problem->hint = DECIMAL_HINT;
	return -1;
}

static int encode_symbol(struct encoding *e, uint32_t value, const struct av_node *node)
{
	if (e->doc->values[value].type == JS_STRING) {
		struct mq_bytes text = js_text(e->doc, value);
		for (uint32_t i = 0; i < node->n; i++)
			if (mq_bytes_equal(e->schema->symbols[node->first + i], text))
				return put_long(e, i);
	}
	return misfit_of(e, value, "enum", "is no symbol of", node->name);
}

static int encode_scalar(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];

	switch ((enum av_type)node->type) {
	case AV_NULL:
		return there->type == JS_NULL ? 0 : misfit(e, value, "null", "is not null");
	case AV_BOOLEAN:
		if (there->type != JS_TRUE && there->type != JS_FALSE)
			return misfit(e, value, "boolean", "is no boolean");
		return mq_buf_append_char(e->buf, there->type == JS_TRUE, e->err);
	case AV_INT:
	case AV_LONG:
		return encode_whole(e, value, node);
	case AV_FLOAT:
	case AV_DOUBLE:
		return encode_real(e, value, node->type == AV_FLOAT);
	case AV_STRING:
		return there->type == JS_STRING ? put_sized(e, js_text(e->doc, value))
		                                : misfit(e, value, "string", "is no string");
	case AV_ENUM:
		return encode_symbol(e, value, node);
	default:
		return encode_bytes(e, value, node);
	}
}

/* --- values within values --------------------------------------------------------------------- */

static int encode_node(struct encoding *e, uint32_t value, uint32_t number);

/* A default stands in the schema's text. */
static int encode_default(struct encoding *e, const struct av_field *field)
{
	const struct js_doc *doc = e->doc;

	if (e->free++ >= AV_FREE_MAX)
		return misfit(e, 0, "data", "has too many defaults");
	if (++e->depth > AV_DEPTH)
		return misfit(e, 0, "data", "has defaults within defaults too deeply");
	e->doc = &e->schema->doc;
	int result = encode_node(e, field->otherwise, field->node);
	e->doc = doc;
	e->depth--;
	return result;
}

static int encode_record(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_doc *doc = e->doc;
	uint32_t found = 0;

	if (doc->values[value].type != JS_OBJECT)
		return misfit_of(e, value, "record", "is no object, as a record is:", node->name);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct av_field *field = &e->schema->fields[node->first + i];
		uint32_t member = js_member_bytes(doc, value, field->name);
		if (!member && !field->otherwise)
			return misfit_of(e, value, "required",
			                 "is without a field that has no default:", field->name);
		found += member != 0;
		if ((member ? encode_node(e, member, field->node) : encode_default(e, field)) < 0)
			return -1;
	}
	if (found == doc->values[value].len)
		return 0;
	for (uint32_t key = value + 1; key < doc->values[value].at.end;
	     key = js_next(doc, key + 1)) {
		uint32_t i = 0;
		while (i < node->n &&
		       !mq_bytes_equal(e->schema->fields[node->first + i].name, js_text(doc, key)))
			i++;
		if (i == node->n)
			return misfit_of(e, key, "field", "is no field of", node->name);
	}
	return 0;
}

static int encode_many(struct encoding *e, uint32_t value, const struct av_node *node)
{
	bool map = node->type == AV_MAP;
	const struct js_value *there = &e->doc->values[value];

	if (there->type != (map ? JS_OBJECT : JS_ARRAY))
		return map ? misfit(e, value, "map", "is no object, as a map is")
		           : misfit(e, value, "array", "is no array");
	if (there->len > 0 && put_long(e, there->len) < 0)
		return -1;
	for (uint32_t i = value + 1; i < there->at.end; i = js_next(e->doc, i)) {
		if (map && put_sized(e, js_text(e->doc, i++)) < 0)
			return -1;
		if (encode_node(e, i, node->items) < 0)
			return -1;
	}
	return put_long(e, 0);
}

/* --- unions ----------------------------------------------------------------------------------- */

/* 1: it is of this branch; 0: it is not, buf is as it was; -1: err is set, or it was tried too
 * often. */
static int try_branch(struct encoding *e, uint32_t value, const struct av_node *node, uint32_t i)
{
	size_t len = e->buf->len;
	unsigned depth = e->depth;

	if (e->tries++ == AV_FREE_MAX)
		return misfit(e, value, "union", "fits too few of too many branches");
	e->problem->keyword = NULL;
	if (put_long(e, i) == 0 && encode_node(e, value, e->schema->branches[node->first + i]) == 0)
		return 1;
	e->depth = depth;
	e->buf->len = len;
	return e->problem->keyword && e->tries <= AV_FREE_MAX && e->free <= AV_FREE_MAX ? 0 : -1;
}

/* Whether a number would come back as another one from this branch: one that a float, or a double,
 * can only come near. */
static bool loses(const struct encoding *e, uint32_t value, const struct av_node *branch)
{
	const struct js_value *there = &e->doc->values[value];
	bool single = branch->type == AV_FLOAT;
	char text[512];
	struct mq_buf out;

	if ((!single && branch->type != AV_DOUBLE) || there->type != JS_NUMBER ||
	    there->len >= sizeof text)
		return false;
	memcpy(text, there->at.text, there->len);
	text[there->len] = '\0';
	double real = single ? (double)strtof(text, NULL) : strtod(text, NULL);
	mq_buf_init(&out, sizeof text);
	bool lost = av_put_double(real, single, &out, NULL) < 0 || *out.data == '"';
	if (!lost) {
		struct js_value back = {
		    .type = JS_NUMBER, .len = (uint32_t)out.len, .at.text = out.data};
		lost = js_number_compare(there, &back) != 0;
	}
	mq_buf_release(&out);
	return lost;
}

/* The branch that an object's only member names, or n. */
static uint32_t named_branch(const struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_value *there = &e->doc->values[value];
	uint32_t i = 0;

	if (there->type != JS_OBJECT || there->len != 1)
		return node->n;
	struct mq_bytes name = js_text(e->doc, value + 1);
	while (i < node->n &&
	       !mq_bytes_equal(e->schema->nodes[e->schema->branches[node->first + i]].name, name))
		i++;
	return i;
}

/* An object with the name of a branch, else the value of the first branch that it fits. */
static int encode_union(struct encoding *e, uint32_t value, const struct av_node *node)
{
	const struct js_doc *doc = e->doc;
	uint32_t named = named_branch(e, value, node), candidates = 0;
	const struct av_schema *schema = e->schema;
	struct av_problem of_named = {.keyword = NULL}, last = {.keyword = NULL};
	const char *hint = NULL;
	int fits = 0;

	/* In a default the branch is never named. */
	if (doc == &schema->doc)
		named = node->n;
	/* A record with one field of that name looks just like it, so this is no more than a try.
	 */
	if (named < node->n && (fits = try_branch(e, value + 2, node, named)) == 0)
		of_named = *e->problem;
	/* A branch that would change a number comes after those that do not. */
	for (int pass = 0; pass < 2 && fits == 0; pass++)
		for (uint32_t i = 0; i < node->n && fits == 0; i++) {
			const struct av_node *branch =
			    &schema->nodes[schema->branches[node->first + i]];
			if ((branch->type == AV_NULL) != (doc->values[value].type == JS_NULL) ||
			    loses(e, value, branch) != (pass == 1))
				continue;
			fits = try_branch(e, value, node, i);
			if (fits == 0 && e->problem->hint)
				hint = e->problem->hint;
			if (fits == 0 && e->problem->value != value) {
				last = *e->problem;
				candidates++;
			}
		}
	if (fits != 0)
		return fits < 0 ? -1 : 0;
	/* Named, or the only one of the right shape: then what is wrong is within it. */
	if (of_named.keyword || candidates == 1) {
		*e->problem = of_named.keyword ? of_named : last;
		return -1;
	}
	misfit(e, value, "union", "fits no branch of the union");
	e->problem->hint = hint;
	return -1;
}

static int encode_node(struct encoding *e, uint32_t value, uint32_t number)
{
	const struct av_node *node = &e->schema->nodes[number];
	int result;

	if (node->type < AV_RECORD)
		return encode_scalar(e, value, node);
	if (++e->depth > AV_DEPTH)
		return misfit(e, value, "data", "is nested too deeply");
	if (node->type == AV_RECORD)
		result = encode_record(e, value, node);
	else
		result = node->type == AV_UNION ? encode_union(e, value, node)
		                                : encode_many(e, value, node);
	e->depth--;
	return result;
}

int av_encode(const struct av_schema *schema, const struct js_doc *doc, uint32_t value,
              struct mq_buf *buf, struct av_problem *problem, struct mq_err *err)
{
	struct encoding encoding = {
	    .schema = schema, .doc = doc, .buf = buf, .problem = problem, .err = err};

	problem->keyword = NULL;
	if (encode_node(&encoding, value, schema->root) == 0)
		return 0;
	return problem->keyword ? report(&encoding) : -1;
}

int av_encode_default(const struct av_schema *schema, const struct av_field *field, uint32_t *free,
                      struct mq_buf *buf, struct av_problem *problem, struct mq_err *err)
{
	struct encoding encoding = {.schema = schema,
	                            .doc = &schema->doc,
	                            .buf = buf,
	                            .problem = problem,
	                            .err = err,
	                            .free = *free};

	problem->keyword = NULL;
	int result = encode_default(&encoding, field);
	*free = encoding.free;
	return result < 0 && problem->keyword ? report(&encoding) : result;
}
