/* Whether one schema reads what another wrote: see resolve.h. */
#include "schema/avro/resolve.h"

#include "schema/avro/pairs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	STEPS_MAX = 5000000, /* comparisons of two nodes */
	CONFLICTS_MAX = 1000,
	DEPTH_MAX = 2000,
};

/* What is known of a pair of nodes; from OPEN on it is being compared, as the (value - OPEN)th:
 * recursion is assumed to be compatible. */
enum known {
	UNKNOWN,
	READS,
	READS_NOT,
	OPEN,
};

struct comparing {
	const struct av_schema *reader, *writer;
	struct av_pairs known;
	int64_t depth;
	int64_t assumed; /* the outermost open pair that the last answer rests on */
	unsigned steps, told;
	struct mq_buf path, other; /* in the reader, in the writer */
	av_conflict_fn *tell;      /* NULL: while a branch is looked for */
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

	if (!c->tell || c->told++ >= CONFLICTS_MAX)
		return false;
	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	if (mq_buf_append_char(&c->path, '\0', c->err) < 0 ||
	    mq_buf_append_char(&c->other, '\0', c->err) < 0) {
		c->broken = true;
		return false;
	}
	c->path.len--;
	c->other.len--;
	c->tell(c->arg, &(struct av_conflict){rule, *c->path.data ? c->path.data : "/",
	                                      *c->other.data ? c->other.data : "/", words});
	return false;
}

static bool step_down(struct comparing *c, struct mq_buf *path, const char *step, int64_t place)
{
	if (mq_buf_append_str(path, step, c->err) == 0 &&
	    (place < 0 || mq_buf_printf(path, c->err, "%lld/type", (long long)place) == 0))
		return true;
	c->broken = true;
	return false;
}

/* Compares below the paths: items, values, or the types of fields at these places (else -1). */
static bool below(struct comparing *c, uint32_t reader, uint32_t writer, const char *step,
                  int64_t place, int64_t other)
{
	size_t len = c->path.len, other_len = c->other.len;
	bool ok;

	if (!step_down(c, &c->path, step, place) || !step_down(c, &c->other, step, other))
		return false;
	ok = compare(c, reader, writer);
	c->path.len = len;
	c->other.len = other_len;
	return ok;
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

static bool out_of_memory(struct comparing *c)
{
	c->broken = true;
	return mq_fail_memory(c->err), false;
}

static bool compare_records(struct comparing *c, const struct av_node *r, const struct av_node *w)
{
	const struct av_field *fields = c->reader->fields + r->first;
	const struct av_field *written = c->writer->fields + w->first;
	int32_t *as = malloc((w->n + 1) * sizeof *as);
	bool *came = calloc(r->n + 1, sizeof *came), ok = true;

	if (!as || !came || av_match_fields(c->reader, r, c->writer, w, as, c->err) < 0) {
		ok = out_of_memory(c);
		goto out;
	}
	for (uint32_t i = 0; i < w->n && !c->broken; i++) {
		if (as[i] < 0)
			continue;
		came[as[i]] = true;
		ok &= below(c, fields[as[i]].node, written[i].node, "/fields/", as[i], i);
	}
	for (uint32_t i = 0; i < r->n && !c->broken; i++) {
		if (came[i] || fields[i].otherwise)
			continue;
		size_t len = c->path.len;
		if (mq_buf_printf(&c->path, c->err, "/fields/%u", i) < 0)
			c->broken = true;
		ok = conflict(c, "READER_FIELD_MISSING_DEFAULT_VALUE",
		              "the field \"%.*s\" is new and has no default",
		              (int)fields[i].name.len, fields[i].name.data);
		c->path.len = len;
	}
out:
	free(as);
	free(came);
	return ok;
}

static bool compare_enums(struct comparing *c, const struct av_node *r, const struct av_node *w)
{
	int32_t *as = malloc((w->n + 1) * sizeof *as);
	bool ok = true;

	if (!as || av_match_symbols(c->reader, r, c->writer, w, as, c->err) < 0)
		ok = out_of_memory(c);
	for (uint32_t i = 0; i < w->n && !c->broken; i++) {
		struct mq_bytes symbol = c->writer->symbols[w->first + i];
		if (as[i] < 0)
			ok = conflict(c, "MISSING_ENUM_SYMBOLS",
			              "the symbol %.*s is missing, and the enum has no default",
			              (int)symbol.len, symbol.data);
	}
	free(as);
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
		             -1);
	return true;
}

static bool too_much(struct comparing *c, const char *words)
{
	c->broken = true;
	return mq_fail(c->err, MQ_DATA, "the Avro schemas cannot be compared: %s", words), false;
}

/*
 * Each pair is compared once, or unions within unions would multiply the work. That two do not fit
 * is final. That they do is final when it rests on no assumption about a pair that is still open
 * outside of them.
 */
static bool compare(struct comparing *c, uint32_t reader, uint32_t writer)
{
	int64_t outer = c->assumed, *known = av_pairs_at(&c->known, reader, writer, c->err);

	if (c->broken || !known)
		return c->broken ? false : out_of_memory(c);
	if (*known == READS || (*known == READS_NOT && !c->tell))
		return *known == READS;
	if (*known >= OPEN) {
		c->assumed = *known < outer ? *known : outer;
		return true;
	}
	if (++c->steps > STEPS_MAX)
		return too_much(c, "they have too many ways to go");
	if (++c->depth > DEPTH_MAX)
		return too_much(c, "they are nested too deeply");
	int64_t own = OPEN + c->depth;
	*known = own;
	c->assumed = INT64_MAX;
	bool ok = compare_nodes(c, reader, writer);
	c->depth--;
	if (c->broken || !(known = av_pairs_at(&c->known, reader, writer, c->err)))
		return false;
	*known = !ok ? READS_NOT : c->assumed >= own ? READS : UNKNOWN;
	if (c->assumed >= own)
		c->assumed = INT64_MAX;
	c->assumed = outer < c->assumed ? outer : c->assumed;
	return ok;
}

int av_can_read(const struct av_schema *reader, const struct av_schema *writer,
                av_conflict_fn *tell, void *arg, struct mq_err *err)
{
	struct comparing c = {.reader = reader,
	                      .writer = writer,
	                      .assumed = INT64_MAX,
	                      .tell = tell,
	                      .arg = arg,
	                      .err = err};

	mq_buf_init(&c.path, 1 << 20);
	mq_buf_init(&c.other, 1 << 20);
	bool ok = compare(&c, reader->root, writer->root);
	mq_buf_release(&c.path);
	mq_buf_release(&c.other);
	free(c.known.slots);
	return c.broken ? -1 : ok;
}
