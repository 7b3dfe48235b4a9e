/* Whether one schema reads what another wrote: see resolve.h. */
#include "schema/avro/resolve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Pairs that are being compared: recursion is assumed to be compatible. */
struct pair {
	uint32_t reader, writer;
};

struct comparing {
	const struct av_schema *reader, *writer;
	struct pair *pairs;
	size_t n_pairs, cap_pairs;
	struct mq_buf path;
	av_conflict_fn *tell; /* NULL: while a branch is looked for */
	void *arg;
	bool broken;
	struct mq_err *err;
};

static bool compare(struct comparing *c, uint32_t reader, uint32_t writer);

static bool conflict(struct comparing *c, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool conflict(struct comparing *c, const char *rule, const char *fmt, ...)
{
	char words[400];
	va_list args;

	if (!c->tell)
		return false;
	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	if (mq_buf_append_char(&c->path, '\0', c->err) < 0) {
		c->broken = true;
		return false;
	}
	c->path.len--;
	c->tell(c->arg, &(struct av_conflict){rule, *c->path.data ? c->path.data : "/", words});
	return false;
}

/* Compares below a path. */
static bool below(struct comparing *c, uint32_t reader, uint32_t writer, const char *step,
                  int64_t place, const char *behind)
{
	size_t len = c->path.len;
	bool ok;

	if (mq_buf_append_str(&c->path, step, c->err) < 0 ||
	    (place >= 0 &&
	     mq_buf_printf(&c->path, c->err, "%lld%s", (long long)place, behind) < 0)) {
		c->broken = true;
		return false;
	}
	ok = compare(c, reader, writer);
	c->path.len = len;
	return ok;
}

static struct mq_bytes short_name(struct mq_bytes name)
{
	const char *dot = memrchr(name.data, '.', name.len);

	return dot ? mq_bytes_of(dot + 1, name.len - (size_t)(dot + 1 - name.data)) : name;
}

/* Whether a list of aliases (within the namespace of `of`, absent: as they are) has the name. */
static bool has_alias(const struct av_schema *schema, uint32_t value, struct mq_bytes of,
                      struct mq_bytes name)
{
	uint32_t list = js_member(&schema->doc, value, "aliases");

	if (!list || schema->doc.values[list].type != JS_ARRAY)
		return false;
	for (uint32_t i = list + 1; i < schema->doc.values[list].at.end;
	     i = js_next(&schema->doc, i)) {
		struct mq_bytes alias = js_text(&schema->doc, i), rest = name;
		if (schema->doc.values[i].type != JS_STRING)
			continue;
		if (mq_bytes_equal(alias, name))
			return true;
		size_t space = of.data ? of.len - short_name(of).len : 0;
		if (space > 0 && !memchr(alias.data, '.', alias.len) && name.len > space &&
		    memcmp(name.data, of.data, space) == 0) {
			rest = mq_bytes_of(name.data + space, name.len - space);
			if (mq_bytes_equal(alias, rest))
				return true;
		}
	}
	return false;
}

bool av_names_match(const struct av_schema *reader, const struct av_node *r,
                    const struct av_node *w)
{
	return mq_bytes_equal(short_name(r->name), short_name(w->name)) ||
	       has_alias(reader, r->value, r->name, w->name);
}

const struct av_field *av_field_for(const struct av_schema *reader, const struct av_node *r,
                                    struct mq_bytes name)
{
	const struct av_field *fields = reader->fields + r->first;

	for (uint32_t i = 0; i < r->n; i++)
		if (mq_bytes_equal(fields[i].name, name))
			return &fields[i];
	for (uint32_t i = 0; i < r->n; i++)
		if (has_alias(reader, fields[i].value, MQ_ABSENT, name))
			return &fields[i];
	return NULL;
}

/* --- rules ------------------------------------------------------------------------------------ */

bool av_promotes(enum av_type writer, enum av_type reader)
{
	switch (writer) {
	case AV_INT:
		return reader == AV_LONG || reader == AV_FLOAT || reader == AV_DOUBLE;
	case AV_LONG:
		return reader == AV_FLOAT || reader == AV_DOUBLE;
	case AV_FLOAT:
		return reader == AV_DOUBLE;
	case AV_STRING:
		return reader == AV_BYTES;
	case AV_BYTES:
		return reader == AV_STRING;
	default:
		return false;
	}
}

static bool compare_records(struct comparing *c, const struct av_node *r, const struct av_node *w)
{
	const struct av_field *fields = c->reader->fields + r->first;
	const struct av_field *written = c->writer->fields + w->first;
	bool ok = true;

	for (uint32_t i = 0; i < r->n; i++) {
		bool found = false;
		for (uint32_t k = 0; k < w->n; k++) {
			if (av_field_for(c->reader, r, written[k].name) != &fields[i])
				continue;
			found = true;
			ok &= below(c, fields[i].node, written[k].node, "/fields/", i, "/type");
		}
		if (found || fields[i].otherwise)
			continue;
		size_t len = c->path.len;
		if (mq_buf_printf(&c->path, c->err, "/fields/%u", i) < 0)
			c->broken = true;
		ok = conflict(c, "READER_FIELD_MISSING_DEFAULT_VALUE",
		              "the field \"%.*s\" is new and has no default",
		              (int)fields[i].name.len, fields[i].name.data);
		c->path.len = len;
	}
	return ok;
}

static bool compare_enums(struct comparing *c, const struct av_node *r, const struct av_node *w)
{
	bool ok = true;

	for (uint32_t i = 0; i < w->n && !r->otherwise; i++) {
		struct mq_bytes symbol = c->writer->symbols[w->first + i];
		uint32_t k = 0;
		while (k < r->n && !mq_bytes_equal(c->reader->symbols[r->first + k], symbol))
			k++;
		if (k == r->n)
			ok = conflict(c, "MISSING_ENUM_SYMBOLS",
			              "the symbol %.*s is missing, and the enum has no default",
			              (int)symbol.len, symbol.data);
	}
	return ok;
}

/* Whether some branch of the reader's union reads it. */
static bool some_branch(struct comparing *c, const struct av_node *r, uint32_t writer)
{
	av_conflict_fn *tell = c->tell;
	bool ok = false;

	c->tell = NULL;
	for (uint32_t i = 0; i < r->n && !ok; i++)
		ok = compare(c, c->reader->branches[r->first + i], writer);
	c->tell = tell;
	struct mq_bytes name = c->writer->nodes[writer].name;
	return ok || conflict(c, "MISSING_UNION_BRANCH", "the union has no branch that reads %.*s",
	                      (int)name.len, name.data);
}

static bool compare_named(struct comparing *c, const struct av_node *r, const struct av_node *w)
{
	if (!av_names_match(c->reader, r, w))
		return conflict(c, "NAME_MISMATCH", "%.*s is not %.*s, and has no such alias",
		                (int)r->name.len, r->name.data, (int)w->name.len, w->name.data);
	if (r->type == AV_RECORD)
		return compare_records(c, r, w);
	if (r->type == AV_ENUM)
		return compare_enums(c, r, w);
	return r->size == w->size ||
	       conflict(c, "FIXED_SIZE_MISMATCH", "a fixed of %u bytes, which had %u", r->size,
	                w->size);
}

static bool compare_nodes(struct comparing *c, uint32_t reader, uint32_t writer)
{
	const struct av_node *r = &c->reader->nodes[reader], *w = &c->writer->nodes[writer];
	bool ok = true;

	if (w->type == AV_UNION) {
		for (uint32_t i = 0; i < w->n; i++)
			ok &= compare(c, reader, c->writer->branches[w->first + i]);
		return ok;
	}
	if (r->type == AV_UNION)
		return some_branch(c, r, writer);
	if (r->type != w->type)
		return av_promotes((enum av_type)w->type, (enum av_type)r->type) ||
		       conflict(c, "TYPE_MISMATCH", "%s cannot be read as %s",
		                av_type_name((enum av_type)w->type),
		                av_type_name((enum av_type)r->type));
	if (r->type >= AV_FIXED && r->type <= AV_RECORD)
		return compare_named(c, r, w);
	if (r->type == AV_ARRAY || r->type == AV_MAP)
		return below(c, r->items, w->items, r->type == AV_ARRAY ? "/items" : "/values", -1,
		             "");
	return true;
}

static bool compare(struct comparing *c, uint32_t reader, uint32_t writer)
{
	for (size_t i = 0; i < c->n_pairs; i++)
		if (c->pairs[i].reader == reader && c->pairs[i].writer == writer)
			return true;
	if (c->n_pairs == c->cap_pairs) {
		size_t cap = c->cap_pairs ? 2 * c->cap_pairs : 64;
		struct pair *more = realloc(c->pairs, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(c->err);
			c->broken = true;
			return false;
		}
		c->pairs = more;
		c->cap_pairs = cap;
	}
	c->pairs[c->n_pairs++] = (struct pair){reader, writer};
	bool ok = compare_nodes(c, reader, writer);
	c->n_pairs--;
	return ok;
}

int av_can_read(const struct av_schema *reader, const struct av_schema *writer,
                av_conflict_fn *tell, void *arg, struct mq_err *err)
{
	struct comparing c = {
	    .reader = reader, .writer = writer, .tell = tell, .arg = arg, .err = err};

	mq_buf_init(&c.path, 64 * 1024);
	bool ok = compare(&c, reader->root, writer->root);
	mq_buf_release(&c.path);
	free(c.pairs);
	return c.broken ? -1 : ok;
}
