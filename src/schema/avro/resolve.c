/*
 * Reading with another schema than it was written with: see resolve.h. The bytes are walked along
 * the writer's schema; what the reader has not is skipped.
 */
#include "schema/avro/resolve.h"

#include "schema/avro/pairs.h"

#include <inttypes.h>
#include <stdlib.h>

struct av_resolver {
	const struct av_schema *reader, *writer;
	struct av_pairs plans; /* the place in numbers, + 1 */
	int32_t *numbers;
	size_t n_numbers, cap_numbers;
};

struct resolving {
	struct av_resolver *resolver;
	const struct av_schema *reader, *writer;
	struct av_input *input;
	unsigned how;
	struct mq_buf *buf;
	struct mq_err *err;
};

/* --- plans ------------------------------------------------------------------------------------ */

/* The numbers of a pair begin with whether it can be read at all; behind that stands what fields or
 * symbols are read as, or the branch that is read into. */
enum {
	READABLE,
	NAMED_OTHERWISE,
	OTHER_SIZE,
	NO_BRANCH,
};

static int64_t add_numbers(struct av_resolver *resolver, size_t n, struct mq_err *err)
{
	if (resolver->n_numbers + n > resolver->cap_numbers) {
		size_t cap = 2 * resolver->cap_numbers + n + 64;
		int32_t *more = realloc(resolver->numbers, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(err);
		resolver->numbers = more;
		resolver->cap_numbers = cap;
	}
	resolver->n_numbers += n;
	return (int64_t)(resolver->n_numbers - n);
}

/* What the specification calls a match: what is within a record, or an enum, is not looked at. */
static bool matches(const struct av_resolver *resolver, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &resolver->reader->nodes[reader];
	const struct av_node *from = &resolver->writer->nodes[writer];

	if (to->type == AV_UNION || from->type == AV_UNION)
		return true;
	if (to->type != from->type)
		return av_promotes((enum av_type)from->type, (enum av_type)to->type);
	if (to->type == AV_ARRAY || to->type == AV_MAP)
		return matches(resolver, to->items, from->items);
	return to->type < AV_FIXED || (av_names_match(resolver->reader, to, from) &&
	                               (to->type != AV_FIXED || to->size == from->size));
}

/* The first branch that matches: one of the same name before one of the same type before one that
 * it can be promoted to. Its number, or -1. */
static int32_t choose_branch(const struct av_resolver *resolver, const struct av_node *to,
                             uint32_t writer)
{
	const struct av_schema *reader = resolver->reader;
	const struct av_node *from = &resolver->writer->nodes[writer];

	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 0; i < to->n; i++) {
			uint32_t branch = reader->branches[to->first + i];
			const struct av_node *there = &reader->nodes[branch];
			bool same = there->type == from->type;
			bool named = same && mq_bytes_equal(there->name, from->name);
			if (pass == (named ? 0 : same ? 1 : 2) && matches(resolver, branch, writer))
				return (int32_t)i;
		}
	return -1;
}

static int make_plan(struct av_resolver *resolver, uint32_t reader, uint32_t writer,
                     struct mq_err *err)
{
	const struct av_node *to = &resolver->reader->nodes[reader];
	const struct av_node *from = &resolver->writer->nodes[writer];
	int64_t place = add_numbers(resolver, 1 + (size_t)from->n + 1, err);

	if (place < 0)
		return -1;
	int32_t *numbers = resolver->numbers + place;
	numbers[0] = READABLE;
	if (to->type == AV_UNION) {
		numbers[1] = choose_branch(resolver, to, writer);
		numbers[0] = numbers[1] < 0 ? NO_BRANCH : READABLE;
	} else if (!av_names_match(resolver->reader, to, from)) {
		numbers[0] = NAMED_OTHERWISE;
	} else if (to->type == AV_FIXED) {
		numbers[0] = to->size == from->size ? READABLE : OTHER_SIZE;
	} else if ((to->type == AV_RECORD ? av_match_fields : av_match_symbols)(
	               resolver->reader, to, resolver->writer, from, numbers + 1, err) < 0) {
		return -1;
	}
	int64_t *known = av_pairs_at(&resolver->plans, reader, writer, err);
	if (!known)
		return -1;
	*known = place + 1;
	return 0;
}

static int cannot(struct resolving *r, const char *words, struct mq_bytes of)
{
	av_fail(r->input, "resolution", words);
	r->input->problem->of = of;
	return -1;
}

/* What make_plan found out for two records, enums or fixed, or a union of the reader: the index of
 * its numbers, as more of them may move the array. */
static int64_t plan(struct resolving *r, uint32_t reader, uint32_t writer)
{
	int64_t *known = av_pairs_at(&r->resolver->plans, reader, writer, r->err);

	if (known && !*known)
		known = make_plan(r->resolver, reader, writer, r->err) < 0
		            ? NULL
		            : av_pairs_at(&r->resolver->plans, reader, writer, r->err);
	if (!known)
		return -1;
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	switch (r->resolver->numbers[*known - 1]) {
	case NAMED_OTHERWISE:
		return cannot(r, "the reader's type is not named, and has no alias:", from->name);
	case OTHER_SIZE:
		return cannot(r, "the reader has another size for", to->name);
	case NO_BRANCH:
		return cannot(r, "the reader's union has no branch that reads", from->name);
	default:
		return *known;
	}
}

static int resolve(struct resolving *r, uint32_t reader, uint32_t writer);

/* --- scalars ---------------------------------------------------------------------------------- */

static int resolve_symbol(struct resolving *r, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	int64_t as = plan(r, reader, writer);
	uint32_t which;

	if (as < 0 || av_take_choice(r->input, from, &which) < 0)
		return -1;
	int32_t symbol = r->resolver->numbers[as + which];
	if (symbol < 0)
		return cannot(r, "the reader's enum has no default, and not the symbol",
		              r->writer->symbols[from->first + which]);
	return av_put_string(r->reader->symbols[to->first + (uint32_t)symbol], r->buf, r->err);
}

/* Written as one type, read as a wider one. */
static int promote(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	int64_t number = 0;

	if ((to->type == AV_FLOAT || to->type == AV_DOUBLE) &&
	    (from->type == AV_INT || from->type == AV_LONG)) {
		if ((from->type == AV_INT ? av_take_int : av_take_long)(r->input, &number) < 0)
			return -1;
		return av_put_double(to->type == AV_FLOAT ? (double)(float)number : (double)number,
		                     to->type == AV_FLOAT, r->buf, r->err);
	}
	/* int as long, string as bytes and back: the bytes are the same. A float as a double is
	 * that number exactly. */
	struct av_node as = *to;
	if (from->type == AV_FLOAT || from->type == AV_INT)
		as.type = from->type;
	return av_decode_scalar(r->reader, &as, r->input, r->how, r->buf, r->err);
}

/* --- defaults --------------------------------------------------------------------------------- */

/* A default is JSON already, but in another form than asked for: by way of its encoding it comes
 * out like any other value. */
static int put_default(struct resolving *r, const struct av_field *field)
{
	struct av_input *written = r->input;
	struct mq_buf bytes;
	struct av_problem problem;

	mq_buf_init(&bytes, r->buf->limit);
	int result = av_encode_default(r->reader, field, &written->free, &bytes, &problem, r->err);
	const unsigned char *begin = (const unsigned char *)(bytes.data ? bytes.data : "");
	struct av_input input = {.begin = begin,
	                         .p = begin,
	                         .end = begin + bytes.len,
	                         .depth = written->depth,
	                         .free = written->free,
	                         .problem = written->problem};
	if (result == 0) {
		result = av_decode(r->reader, field->node, &input, r->how, r->buf, r->err);
		written->free = input.free;
	}
	mq_buf_release(&bytes);
	return result;
}

/* --- values within values --------------------------------------------------------------------- */

static int put_missing(struct resolving *r, const struct av_node *to, const uint64_t *came,
                       const char *before)
{
	for (uint32_t i = 0; i < to->n; i++) {
		const struct av_field *field = &r->reader->fields[to->first + i];
		if (came[i / 64] >> i % 64 & 1)
			continue;
		if (!field->otherwise)
			return cannot(r, "not written, and without a default is the reader's field",
			              field->name);
		if (av_put_label(before, field->name, r->buf, r->err) < 0)
			return -1;
		if (put_default(r, field) < 0)
			return av_under(r->input, field->name);
		before = ",";
	}
	return mq_buf_append_str(r->buf, *before == '{' ? "{}" : "}", r->err);
}

static int resolve_fields(struct resolving *r, uint32_t reader, uint32_t writer, uint64_t *came)
{
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	int64_t as = plan(r, reader, writer);
	const char *before = "{";

	if (as < 0)
		return -1;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct av_field *written = &r->writer->fields[from->first + i];
		int32_t place = r->resolver->numbers[as + i];
		if (place < 0) {
			if (av_skip(r->writer, written->node, r->input) < 0)
				return av_under(r->input, written->name);
			continue;
		}
		const struct av_field *field = &r->reader->fields[to->first + (uint32_t)place];
		came[place / 64] |= (uint64_t)1 << place % 64;
		if (av_put_label(before, field->name, r->buf, r->err) < 0)
			return -1;
		if (resolve(r, field->node, written->node) < 0)
			return av_under(r->input, field->name);
		before = ",";
	}
	return put_missing(r, to, came, before);
}

static int resolve_record(struct resolving *r, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	/* Which of the reader's fields came; most records have few. */
	uint64_t few[4] = {0}, *came = few;

	if (from->free && av_count_free(r->input, from->n + 1) < 0)
		return -1;
	if (to->n > 256 && !(came = calloc(to->n / 64 + 1, sizeof *came)))
		return mq_fail_memory(r->err);
	int result = resolve_fields(r, reader, writer, came);
	if (came != few)
		free(came);
	return result;
}

static int resolve_items(struct resolving *r, const struct av_node *to, const struct av_node *from)
{
	bool map = to->type == AV_MAP, is_free = !map && r->writer->nodes[from->items].free;
	struct mq_bytes key;
	uint64_t place = 0;
	int64_t count;

	if (mq_buf_append(r->buf, map ? "{" : "[", 1, r->err) < 0)
		return -1;
	for (;;) {
		if (av_take_count(r->input, is_free, &count) < 0)
			return -1;
		if (count == 0)
			return mq_buf_append(r->buf, map ? "}" : "]", 1, r->err);
		for (; count > 0; count--, place++) {
			if ((place > 0 && mq_buf_append(r->buf, ",", 1, r->err) < 0) ||
			    (map && av_decode_key(r->input, &key, r->buf, r->err) < 0))
				return -1;
			if (resolve(r, to->items, from->items) < 0)
				return map ? av_under(r->input, key)
				           : av_under_item(r->input, place);
		}
	}
}

static int resolve_into_union(struct resolving *r, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &r->reader->nodes[reader];
	int64_t as = plan(r, reader, writer);

	if (as < 0)
		return -1;
	uint32_t branch = r->reader->branches[to->first + (uint32_t)r->resolver->numbers[as]];
	const struct av_node *there = &r->reader->nodes[branch];
	bool wrap = there->type != AV_NULL && !(r->how & AV_JSON_BARE);
	if ((wrap && av_put_label("{", there->name, r->buf, r->err) < 0) ||
	    resolve(r, branch, writer) < 0)
		return -1;
	return wrap ? mq_buf_append(r->buf, "}", 1, r->err) : 0;
}

static int resolve_inner(struct resolving *r, uint32_t reader, uint32_t writer)
{
	const struct av_node *to = &r->reader->nodes[reader], *from = &r->writer->nodes[writer];
	uint32_t which;

	if (from->type == AV_UNION)
		return av_take_choice(r->input, from, &which) < 0
		           ? -1
		           : resolve(r, reader, r->writer->branches[from->first + which]);
	if (to->type == AV_UNION)
		return resolve_into_union(r, reader, writer);
	if (to->type != from->type)
		return av_promotes((enum av_type)from->type, (enum av_type)to->type)
		           ? promote(r, to, from)
		           : cannot(r, "what was written cannot be read as",
		                    mq_bytes_str(av_type_name((enum av_type)to->type)));
	switch ((enum av_type)to->type) {
	case AV_RECORD:
		return resolve_record(r, reader, writer);
	case AV_ENUM:
		return resolve_symbol(r, reader, writer);
	case AV_ARRAY:
	case AV_MAP:
		return resolve_items(r, to, from);
	case AV_FIXED:
		if (plan(r, reader, writer) < 0)
			return -1;
		/* fall through */
	default:
		return av_decode_scalar(r->reader, to, r->input, r->how, r->buf, r->err);
	}
}

static int resolve(struct resolving *r, uint32_t reader, uint32_t writer)
{
	if (++r->input->depth > AV_DEPTH)
		return av_fail(r->input, "data", "nested too deeply");
	int result = resolve_inner(r, reader, writer);
	r->input->depth--;
	return result;
}

/* --- the whole -------------------------------------------------------------------------------- */

struct av_resolver *av_resolver_new(const struct av_schema *reader, const struct av_schema *writer,
                                    struct mq_err *err)
{
	struct av_resolver *resolver = calloc(1, sizeof *resolver);

	if (!resolver)
		return mq_fail_memory(err), NULL;
	resolver->reader = reader;
	resolver->writer = writer;
	return resolver;
}

void av_resolver_free(struct av_resolver *resolver)
{
	if (!resolver)
		return;
	free(resolver->plans.slots);
	free(resolver->numbers);
	free(resolver);
}

int av_decode_resolved(struct av_resolver *resolver, struct mq_bytes bytes, unsigned how,
                       struct mq_buf *buf, struct av_problem *problem, struct mq_err *err)
{
	const unsigned char *begin = (const unsigned char *)(bytes.data ? bytes.data : "");
	struct av_input input = {
	    .begin = begin, .p = begin, .end = begin + bytes.len, .problem = problem};
	struct resolving resolving = {.resolver = resolver,
	                              .reader = resolver->reader,
	                              .writer = resolver->writer,
	                              .input = &input,
	                              .how = how,
	                              .buf = buf,
	                              .err = err};

	problem->keyword = NULL;
	if (resolve(&resolving, resolver->reader->root, resolver->writer->root) == 0) {
		if (input.p == input.end)
			return 0;
		av_fail(&input, "data", "there is more behind the value");
	}
	return av_report(problem, err);
}
