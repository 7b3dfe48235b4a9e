/*
 * Pairs of shapes, and combinations of them: see compatible.h.
 *
 * Schemas that refer to themselves make pairs that depend on themselves. What holds is the greatest
 * relation that the rules allow: every pair counts as compatible until a pass over all of them has
 * shown that it is not, and passes go on until none shows more.
 */
#include "schema/json/compatible.h"
#include "schema/json/compatible_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PAIRS_MAX = 1000000,
	PASSES_MAX = 200,
	DEPTH_MAX = 1000,
	BRANCHES_MAX = 1000, /* on both sides of one match */
};

struct pair {
	uint32_t reader, writer;
	unsigned pass; /* in which it was looked at; 0: the place is free */
	bool incompatible, told;
};

static bool failed(const struct comparing *c)
{
	return c->shapes.broken;
}

static bool fail(struct comparing *c, const char *words)
{
	mq_fail(c->err, MQ_DATA, "%s", words);
	c->shapes.broken = true;
	return false;
}

static size_t slot_of(const struct comparing *c, uint32_t reader, uint32_t writer)
{
	uint64_t hash = ((uint64_t)reader << 32 | writer) * UINT64_C(0x9e3779b97f4a7c15);
	size_t slot = (size_t)(hash >> 24) & (c->cap_pairs - 1);

	while (c->pairs[slot].pass &&
	       (c->pairs[slot].reader != reader || c->pairs[slot].writer != writer))
		slot = (slot + 1) & (c->cap_pairs - 1);
	return slot;
}

static bool grow_pairs(struct comparing *c)
{
	struct pair *old = c->pairs;
	size_t n = c->cap_pairs, cap = n ? 2 * n : 256;

	if (c->n_pairs >= PAIRS_MAX)
		return fail(c, "the schemas have too many parts that could match to be compared");
	c->pairs = calloc(cap, sizeof *c->pairs);
	if (!c->pairs) {
		c->pairs = old;
		mq_fail_memory(c->err);
		c->shapes.broken = true;
		return false;
	}
	c->cap_pairs = cap;
	for (size_t i = 0; i < n; i++)
		if (old[i].pass)
			c->pairs[slot_of(c, old[i].reader, old[i].writer)] = old[i];
	free(old);
	return true;
}

static bool compare(struct comparing *c, uint32_t reader, uint32_t writer);

bool js_reads(struct comparing *c, uint32_t reader, uint32_t writer)
{
	if (failed(c) || (2 * c->n_pairs >= c->cap_pairs && !grow_pairs(c)))
		return false;
	size_t slot = slot_of(c, reader, writer);
	struct pair *pair = &c->pairs[slot];
	if (!pair->pass) {
		*pair = (struct pair){.reader = reader, .writer = writer};
		c->n_pairs++;
	} else if (c->telling ? !pair->incompatible || pair->told
	                      : pair->incompatible || pair->pass == c->pass) {
		c->assumed = c->assumed || !pair->incompatible;
		return !pair->incompatible;
	}
	pair->pass = c->pass;
	pair->told = c->telling;
	if (++c->depth > DEPTH_MAX)
		return fail(c, "the schemas nest too deeply to be compared");
	bool ok = compare(c, reader, writer);
	c->depth--;
	/* The table may have grown. */
	pair = &c->pairs[slot_of(c, reader, writer)];
	if (!ok && !pair->incompatible) {
		pair->incompatible = true;
		c->changed = true;
	}
	return ok;
}

bool js_would_read(struct comparing *c, uint32_t reader, uint32_t writer)
{
	bool telling = c->telling;

	c->telling = false;
	bool ok = js_reads(c, reader, writer);
	c->telling = telling;
	return ok;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void put_name(struct mq_buf *buf, struct mq_bytes name)
{
	mq_buf_append_char(buf, '/', NULL);
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '~' || name.data[i] == '/')
			mq_buf_append_str(buf, name.data[i] == '~' ? "~0" : "~1", NULL);
		else
			mq_buf_append_char(buf, name.data[i], NULL);
	}
}

static int put_spot(struct comparing *c, const struct spot *spot, struct mq_buf *buf)
{
	const struct js_library *library = c->shapes.library[spot->at.side];
	const struct js_document *document = library->documents[spot->at.document];

	mq_buf_clear(buf);
	if (spot->at.document != 0)
		mq_buf_append_str(buf, document->uri, NULL);
	mq_buf_append_char(buf, '#', NULL);
	js_pointer(&document->doc, spot->at.value, buf, NULL);
	if (spot->keyword)
		put_name(buf, mq_bytes_str(spot->keyword));
	if (spot->name.data)
		put_name(buf, spot->name);
	if (mq_buf_append_char(buf, '\0', c->err) == 0)
		return 0;
	c->shapes.broken = true;
	return -1;
}

static bool tell(struct comparing *c, const char *rule, const struct spot *reader,
                 const struct spot *writer, const char *fmt, va_list args)
    __attribute__((format(printf, 5, 0)));

static bool tell(struct comparing *c, const char *rule, const struct spot *reader,
                 const struct spot *writer, const char *fmt, va_list args)
{
	char words[500];

	if (!c->telling || failed(c))
		return false;
	vsnprintf(words, sizeof words, fmt, args);
	if (put_spot(c, reader, &c->path) < 0 || put_spot(c, writer, &c->other) < 0)
		return false;
	bool same = strcmp(c->path.data, c->other.data) == 0;
	c->tell(c->ctx, &(struct mq_conflict){.rule = rule,
	                                      .path = c->path.data,
	                                      .other = same ? NULL : c->other.data,
	                                      .error = words});
	return false;
}

bool js_broken(struct comparing *c, const char *rule, struct spot reader, struct spot writer,
               const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(c, rule, &reader, &writer, fmt, args);
	va_end(args);
	return false;
}

bool js_broken_keyword(struct comparing *c, const char *rule, const struct shape *r,
                       const struct shape *w, const char *keyword, const char *fmt, ...)
{
	struct spot reader = {.at = *r, .keyword = keyword},
	            writer = {.at = *w, .keyword = keyword};
	va_list args;

	va_start(args, fmt);
	tell(c, rule, &reader, &writer, fmt, args);
	va_end(args);
	return false;
}

/* --- combinations ----------------------------------------------------------------------------- */

static const char *word_for(const struct shape *shape)
{
	static const char *const words[] = {
	    [SHAPE_EMPTY] = "anything",     [SHAPE_FALSE] = "nothing",
	    [SHAPE_STRING] = "string",      [SHAPE_NUMBER] = "number",
	    [SHAPE_BOOLEAN] = "boolean",    [SHAPE_NULL] = "null",
	    [SHAPE_ARRAY] = "array",        [SHAPE_OBJECT] = "object",
	    [SHAPE_ENUM] = "enum",          [SHAPE_NOT] = "not",
	    [SHAPE_CONDITION] = "if",       [SHAPE_ALL] = "several keywords together",
	    [SHAPE_ANY] = "one of several", [SHAPE_ONE] = "exactly one of several",
	};

	return shape->integer ? "integer" : words[shape->type];
}

static bool type_changed(struct comparing *c, const struct shape *r, const struct shape *w)
{
	return js_broken(c, "TYPE_CHANGED", js_spot(r), js_spot(w), "%s is written, and %s is read",
	                 word_for(w), word_for(r));
}

/* A bipartite graph: which branch of the reader reads which of the writer. */
struct match {
	uint32_t n_w, n_r;
	bool *reads;    /* [w * n_r + r] */
	uint32_t *of_r; /* the writer's branch + 1 that a reader's has been given to */
	bool *seen;     /* readers' branches, in one search */
	bool *given;    /* writers' branches */
};

/* Finds a branch of the reader for w, moving others along (an augmenting path). */
static bool place(struct match *match, uint32_t w)
{
	for (uint32_t r = 0; r < match->n_r; r++) {
		if (!match->reads[w * match->n_r + r] || match->seen[r])
			continue;
		match->seen[r] = true;
		if (match->of_r[r] == 0 || place(match, match->of_r[r] - 1)) {
			match->of_r[r] = w + 1;
			return true;
		}
	}
	return false;
}

/* What has no counterpart: told with its own reasons when it can only be one pair. */
static void tell_unmatched(struct comparing *c, const struct match *match, uint32_t reader,
                           uint32_t writer, uint32_t found)
{
	uint32_t w = 0, r = 0;
	struct shape rs = c->shapes.items[reader], ws = c->shapes.items[writer];

	js_broken(c, "COMBINED_TYPE_SUBSCHEMAS_CHANGED", js_spot(&rs), js_spot(&ws),
	          "only %u of %u branches of the reader have a branch each of the %u of the writer",
	          found, match->n_r, match->n_w);
	if (match->n_r != match->n_w || found + 1 != match->n_r)
		return;
	while (match->given[w])
		w++;
	while (match->of_r[r])
		r++;
	/* Rather the one at the same place, whichever it was matched with. */
	uint32_t now = shape_child(&c->shapes, reader, r),
	         same = shape_child(&c->shapes, writer, r);
	if (c->shapes.items[now].type == c->shapes.items[same].type)
		w = r;
	js_reads(c, now, shape_child(&c->shapes, writer, w));
}

static bool match_branches(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];
	struct match match = {.n_w = w.n, .n_r = r.n};
	uint32_t least = r.n < w.n ? r.n : w.n, found = 0;
	bool ok = false;

	if (r.n > BRANCHES_MAX || w.n > BRANCHES_MAX)
		return fail(c,
		            "the schemas have combinations with too many branches to be compared");
	match.reads = calloc((size_t)w.n * r.n, sizeof *match.reads);
	match.of_r = calloc(r.n, sizeof *match.of_r);
	match.seen = calloc(r.n, sizeof *match.seen);
	match.given = calloc(w.n, sizeof *match.given);
	if (!match.reads || !match.of_r || !match.seen || !match.given) {
		mq_fail_memory(c->err);
		c->shapes.broken = true;
		goto out;
	}
	for (uint32_t i = 0; i < w.n; i++)
		for (uint32_t k = 0; k < r.n && !failed(c); k++)
			match.reads[i * r.n + k] =
			    js_would_read(c, shape_child(&c->shapes, reader, k),
			                  shape_child(&c->shapes, writer, i));
	for (uint32_t i = 0; i < w.n; i++) {
		memset(match.seen, 0, r.n * sizeof *match.seen);
		found += place(&match, i);
	}
	for (uint32_t k = 0; k < r.n; k++)
		if (match.of_r[k])
			match.given[match.of_r[k] - 1] = true;
	ok = found >= least;
	if (!ok && c->telling)
		tell_unmatched(c, &match, reader, writer, found);
out:
	free(match.reads);
	free(match.of_r);
	free(match.seen);
	free(match.given);
	return ok && !failed(c);
}

static bool some_member(struct comparing *c, uint32_t reader, uint32_t writer)
{
	bool ok = false;

	for (uint32_t i = 0; i < c->shapes.items[writer].n && !ok && !failed(c); i++)
		ok = js_would_read(c, reader, shape_child(&c->shapes, writer, i));
	return ok;
}

static bool some_branch(struct comparing *c, uint32_t reader, uint32_t writer)
{
	bool ok = false;

	for (uint32_t i = 0; i < c->shapes.items[reader].n && !ok && !failed(c); i++)
		ok = js_would_read(c, shape_child(&c->shapes, reader, i), writer);
	return ok;
}

static bool all_branches(struct comparing *c, uint32_t reader, uint32_t writer)
{
	bool ok = true;

	for (uint32_t i = 0; i < c->shapes.items[writer].n && !failed(c); i++)
		ok &= js_would_read(c, reader, shape_child(&c->shapes, writer, i));
	return ok && !failed(c);
}

static bool is_combined(const struct shape *shape)
{
	return shape->type >= SHAPE_ALL;
}

/* Every member of the reader's allOf reads it; what does not is told: as a condition that came to
 * those that do, unless it speaks of the same kind of values. */
static bool all_members(struct comparing *c, uint32_t reader, uint32_t writer)
{
	bool some = some_branch(c, reader, writer), ok = true;

	for (uint32_t i = 0; i < c->shapes.items[reader].n && !failed(c); i++) {
		uint32_t member = shape_child(&c->shapes, reader, i);
		struct shape r = c->shapes.items[member], w = c->shapes.items[writer];
		bool more = some && r.type != w.type && !is_combined(&r) && !is_combined(&w);
		if (more ? js_would_read(c, member, writer) : js_reads(c, member, writer))
			continue;
		ok = false;
		if (more)
			js_broken(c, "PRODUCT_TYPE_EXTENDED", js_spot(&r), js_spot(&w),
			          "the reader has one more condition: %s", word_for(&r));
	}
	return ok && !failed(c);
}

static bool compare_combined(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];
	bool ok = true;

	if (r.type != w.type && w.type == SHAPE_ALL && some_member(c, reader, writer))
		return true;
	if (r.type != w.type && r.type != SHAPE_ANY)
		return js_broken(c, "COMBINED_TYPE_CHANGED", js_spot(&r), js_spot(&w),
		                 "%s is written, and %s is read", word_for(&w), word_for(&r));
	if (r.n > w.n && r.type == SHAPE_ALL)
		ok = js_broken(c, "PRODUCT_TYPE_EXTENDED", js_spot(&r), js_spot(&w),
		               "the reader has %u conditions that hold together, the writer %u",
		               r.n, w.n);
	if (r.n < w.n && w.type != SHAPE_ALL)
		ok = js_broken(c, "SUM_TYPE_NARROWED", js_spot(&r), js_spot(&w),
		               "the writer has %u branches, the reader %u", w.n, r.n);
	return match_branches(c, reader, writer) && ok;
}

static bool compare_one_combined(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];

	if (r.type == SHAPE_ALL)
		return all_members(c, reader, writer);
	if (w.type == SHAPE_ALL && some_member(c, reader, writer))
		return true;
	if (w.type > SHAPE_ALL && all_branches(c, reader, writer))
		return true;
	if (r.type > SHAPE_ALL && some_branch(c, reader, writer))
		return true;
	if (failed(c) || w.type <= SHAPE_ALL || !some_member(c, reader, writer))
		return !failed(c) && type_changed(c, &r, &w);
	return js_broken(c, "SUM_TYPE_NARROWED", js_spot(&r), js_spot(&w),
	                 "%u branches may be written, and some of them are not %s", w.n,
	                 word_for(&r));
}

/* --- pairs ------------------------------------------------------------------------------------ */

static bool compare_nots(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];

	/* The other way round: nothing may be forbidden that was not. */
	if (js_would_read(c, shape_child(&c->shapes, writer, 0),
	                  shape_child(&c->shapes, reader, 0)))
		return true;
	return !failed(c) && js_broken_keyword(c, "NOT_TYPE_EXTENDED", &r, &w, "not",
	                                       "more is forbidden than the writer forbids");
}

static bool compare_conditions(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];
	uint32_t r_if = shape_child(&c->shapes, reader, 0),
	         w_if = shape_child(&c->shapes, writer, 0);
	bool same = js_would_read(c, r_if, w_if), back = js_would_read(c, w_if, r_if);

	if (!failed(c) && !(same && back))
		return js_broken_keyword(c, "CONDITION_CHANGED", &r, &w, "if",
		                         "the conditions differ");
	for (uint32_t i = 1; i < 3 && !failed(c); i++) {
		uint32_t now = shape_child(&c->shapes, reader, i);
		uint32_t was = shape_child(&c->shapes, writer, i);
		/* What is not there has no place that could be told. */
		if (was == 0 ? js_would_read(c, now, 0) : js_reads(c, now, was))
			continue;
		same = was == 0
		           ? js_broken_keyword(c, "CONDITION_CHANGED", &r, &w,
		                               i == 1 ? "then" : "else", "only the reader has it")
		           : false;
	}
	return same && !failed(c);
}

static bool compare(struct comparing *c, uint32_t reader, uint32_t writer)
{
	struct shape r = c->shapes.items[reader], w = c->shapes.items[writer];

	if (r.type == SHAPE_EMPTY || w.type == SHAPE_FALSE)
		return true;
	if (is_combined(&r) && is_combined(&w))
		return compare_combined(c, reader, writer);
	if (is_combined(&r) || is_combined(&w))
		return compare_one_combined(c, reader, writer);
	if (r.type != w.type)
		return type_changed(c, &r, &w);
	bool ok = true;
	if (r.required && !w.required)
		ok = js_broken(c, "TYPE_NARROWED", js_spot(&r), js_spot(&w),
		               "other types than %s may be written too", word_for(&r));
	switch ((enum shape_type)r.type) {
	case SHAPE_STRING:
		return js_reads_strings(c, r, w) && ok;
	case SHAPE_NUMBER:
		return js_reads_numbers(c, r, w) && ok;
	case SHAPE_ARRAY:
		return js_reads_arrays(c, r, w) && ok;
	case SHAPE_OBJECT:
		return js_reads_objects(c, r, w) && ok;
	case SHAPE_ENUM:
		return js_reads_values(c, r, w) && ok;
	case SHAPE_NOT:
		return compare_nots(c, reader, writer) && ok;
	case SHAPE_CONDITION:
		return compare_conditions(c, reader, writer) && ok;
	default:
		return ok;
	}
}

int js_can_read(struct js_side reader, struct js_side writer, mq_conflict_fn *tell_fn, void *ctx,
                struct mq_err *err)
{
	struct comparing c = {.tell = tell_fn, .ctx = ctx, .err = err};
	bool ok = false;

	mq_buf_init(&c.path, 1 << 20);
	mq_buf_init(&c.other, 1 << 20);
	if (shapes_init(&c.shapes, reader.library, writer.library, err) < 0)
		c.shapes.broken = true;
	uint32_t r = shape_resolve(&c.shapes,
	                           shape_at(&c.shapes, 0, reader.root.document, reader.root.value));
	uint32_t w = shape_resolve(&c.shapes,
	                           shape_at(&c.shapes, 1, writer.root.document, writer.root.value));
	do {
		c.changed = c.assumed = false;
		if (++c.pass > PASSES_MAX)
			fail(&c, "the schemas refer to each other in too many ways to be compared");
		c.depth = 0;
		ok = js_reads(&c, r, w);
	} while (c.changed && c.assumed && !failed(&c));
	if (!ok && !failed(&c) && tell_fn) {
		c.telling = true;
		c.depth = 0;
		js_reads(&c, r, w);
	}
	bool broken = failed(&c);
	shapes_release(&c.shapes);
	free(c.pairs);
	mq_buf_release(&c.path);
	mq_buf_release(&c.other);
	return broken ? -1 : ok;
}
